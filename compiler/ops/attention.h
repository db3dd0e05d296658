/* The compiler's own operator Attention(q, k, v, mask): softmax(scale q k^T, masked) v in one launch. */
#ifndef ERCC_ATTENTION_H
#define ERCC_ATTENTION_H

#include "op.h"

/* Attributes: scale; transposed (1: k comes as [..., size, keys]); mask (enum attention_mask) and fill; zero_empty (a query
 * that sees no key gets zeros). Leading dims broadcast; there are at most two. */
#define ATTENTION_SIZE_LIMIT 1024 /* elements of a key and a value together: a block of queries must fit small budgets */
enum attention_mask {
	ATTENTION_NO_MASK,
	ATTENTION_ADDED,  /* an f32 mask is added to the scores */
	ATTENTION_SEEN,   /* where a bool mask is true the score stays, else it is `fill` */
	ATTENTION_HIDDEN, /* the other way round */
};
enum ercc_status infer_attention_core(struct node *node);
enum ercc_status lower_attention_core(struct lowering *lowering, struct node *node);

extern const struct kernel_template attention_template, attention_sum_template;

/* A launch's space, and the operands that have strides along its dims. */
enum attention_dim {
	ATTENTION_BATCH, ATTENTION_HEAD, ATTENTION_QUERY, ATTENTION_KEY, ATTENTION_SIZE, ATTENTION_V_SIZE, ATTENTION_RANK,
};

#endif
