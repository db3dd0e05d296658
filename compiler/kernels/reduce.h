/* The reduction kernel: some dims of a tensor put together. */
#ifndef ERCC_REDUCE_H
#define ERCC_REDUCE_H

#include "compiler/kernels/rows.h"

/* What a launch of reduce_template has as `user`: expressions over what was found so far, an element and the number of
 * elements. */
struct reduction {
	union expr_value start;
	struct expr combine, finish;
	struct expr merge; /* puts two results together */
	int64_t lanes;     /* rows beside each other that a tile takes at once: 1 or 16 */
};

extern const struct kernel_template reduce_template;

#endif
