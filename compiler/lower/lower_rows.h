/* Shared by the lowering of row kernels: their launches, and windows over spatial dims. */
#ifndef ERCC_LOWER_ROWS_H
#define ERCC_LOWER_ROWS_H

#include "compiler/kernels/rows.h"
#include "compiler/lower/op.h"

/* Checks that the attribute kernel_shape, if the node has it, agrees with the weights. */
enum ercc_status check_kernel_shape(const struct node *node, const struct shape *weights);
/* Reads strides, dilations, pads, auto_pad and ceil_mode. `kernel` has one size per spatial dim (rank - 2). */
enum ercc_status read_window(const struct node *node, const int64_t *kernel, struct window *window);

/* Adds a launch of `rows` rows, whose operands are the node's first input and first output. */
struct launch *lower_rows(struct lowering *lowering, struct node *node, const struct kernel_template *template,
                          int64_t rows);
/* The parameter that stands for a dim, see DIM_IN of kernel_functions.h. */
int64_t lower_dim(const struct lowering *lowering, const struct shape *shape, int dim);
/* Whether a launch of the node reports indices (input 1) outside their dims. Constant ones were checked already, except
 * along run-time sizes. If their number is known only at run time, or an expansion made the node, they are only
 * clamped. */
bool lower_checks_indices(const struct lowering *lowering, const struct node *node);

/* The dtype that sums and running products of a dtype are computed in: f64 for f32, else itself. */
static inline enum erc_dtype accumulator_dtype(enum erc_dtype dtype)
{
	return dtype == ERC_F32 ? ERC_F64 : dtype;
}

#endif
