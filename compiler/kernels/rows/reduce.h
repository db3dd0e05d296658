/* The reduction kernel: combines elements along some dims of a tensor. */
#ifndef ERCC_REDUCE_H
#define ERCC_REDUCE_H

#include "compiler/kernels/rows.h"

#define REDUCTION_SPLIT 32 /* maximum of `split` */

/* `user` of a launch of reduce_template. Operands of the expressions: the result so far, an element, the number of
 * elements. */
struct reduction {
	enum erc_dtype accumulator; /* dtype of results before `finish` */
	union expr_value start;
	struct expr combine, merge, finish; /* merge: of two results */
	int64_t lanes;                      /* neighbouring rows that a tile computes at once: 1 or 16 */
	int64_t split;                      /* results that a row is combined into on a CPU before they are merged */
};

extern const struct kernel_template reduce_template;

#endif
