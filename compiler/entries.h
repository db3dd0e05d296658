/* The sets of pinned dims that one artifact is compiled for. */
#ifndef ERCC_ENTRIES_H
#define ERCC_ENTRIES_H

#include "compiler/core/core.h"

/* Options for one entry: each of `dims` has one size. */
struct entry_dims {
	const char *name; /* of the dims with several sizes: "batch=4,seq=128"; NULL: there is no other entry */
	const char *const *dims;
};

/* All combinations of the sizes in the options. The sizes of the last dim change first. */
enum ercc_status entries_list(struct context *ctx, struct entry_dims **out, uint32_t *count);

#endif
