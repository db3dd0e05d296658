/* Gathers along one axis. Other families use them too. */
#ifndef ERCC_GATHER_H
#define ERCC_GATHER_H

#include "compiler/lower/lower_rows.h"

/* out = slices of `in` along one axis, chosen by the indices. */
struct gather {
	struct buffer *in, *indices, *out;
	enum erc_dtype dtype, index_dtype; /* dtype of the data; i64 or i32 */
	struct shape shape;                /* of `in` */
	int axis;
	int64_t index_count;
	bool checked; /* the indices are those of the node (node_indices), which may be outside the axis */
};
void lower_gather_axis(struct lowering *lowering, const struct node *node, const struct gather *gather);

#endif
