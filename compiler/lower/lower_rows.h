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

/* Indices into dims, which are an input of the node. Negative ones count from the end of the dim (`from_end`), unless the
 * node has the attribute `positions`. An expansion sets it where the indices are an operand of the model's node; other
 * indices that it makes are right, or of no use. */
struct indices {
	int slot;
	bool from_end;
};
struct indices node_indices(const struct node *node);
/* Refuses constant indices outside their dims. Number i is for dim `first + i % count` of input 0. */
enum ercc_status check_constant_indices(const struct node *node, struct indices indices, int first, int64_t count);
/* To be called before the launch's output is added: makes it report indices outside their dims. Constant ones were
 * checked already, except along run-time sizes. */
void lower_index_faults(const struct lowering *lowering, const struct node *node, struct indices indices,
                        struct launch *launch);
/* Sets three parameters, from `first` on, and a define: which indices are in use, see IS_INDEX of kernel_functions.h.
 * `tuple`: how many indices are one. */
void lower_index_count(const struct lowering *lowering, const struct shape *indices, int64_t tuple,
                       struct launch *launch, int first);

/* The dtype that sums and running products of a dtype are computed in: f64 for f32, else itself. */
static inline enum erc_dtype accumulator_dtype(enum erc_dtype dtype)
{
	return dtype == ERC_F32 ? ERC_F64 : dtype;
}

#endif
