/* erc.Contract, the compiler's own operator: sums of products of two tensors, for dtypes that the tuned products and
 * convolutions do not have. */
#ifndef ERCC_CONTRACT_H
#define ERCC_CONTRACT_H

#include "compiler/lower/lower_rows.h"

/* Dims that the output has, or that are summed, with the strides of both inputs in elements. At least one. */
struct strided {
	int rank;
	int64_t size[MAX_RANK], a[MAX_RANK], b[MAX_RANK];
};
void add_dim(struct strided *dims, int64_t size, int64_t a, int64_t b);
/* The sum over `gone` of a times b, for each index of `kept`. Its shape is `out`, of as many elements. */
struct value *emit_contraction(struct node *node, struct value *a, struct value *b, const struct strided *kept,
                               const struct strided *gone, const struct shape *out);

/* conv.c: checks a convolution of input 0 with the weights in `slot`. */
enum ercc_status check_conv(const struct node *node, int slot, struct window *window, struct shape *out);
/* A convolution of x, which has the shape of input 0, with w, which has the shape of the weights in `slot`; both have
 * the same dtype. `bias` may be NULL. */
enum ercc_status emit_conv(struct node *node, struct value *x, struct value *w, int slot, struct value *bias,
                           struct value **out);

#endif
