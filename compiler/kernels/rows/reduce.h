/* The reduction kernel: combines elements along some dims of a tensor. */
#ifndef ERCC_REDUCE_H
#define ERCC_REDUCE_H

#include "compiler/kernels/rows.h"

/* `user` of a launch of reduce_template. Operands of the expressions: the result so far, an element, the number of
 * elements. */
struct reduction {
	union expr_value start;
	struct expr combine, finish;
	struct expr merge; /* combines two results */
	int64_t lanes;     /* neighbouring rows that a tile computes at once: 1 or 16 */
};

extern const struct kernel_template reduce_template;

#endif
