/* The compiler's own operator Attention(q, k, v, mask): softmax(scale q k^T, masked) v in one launch. */
#ifndef ERCC_ATTENTION_CORE_H
#define ERCC_ATTENTION_CORE_H

#include "compiler/kernels/attention.h"
#include "compiler/lower/match.h"

/* Attributes: scale; transposed (1: k comes as [..., size, keys]); mask (enum attention_mask) and fill; zero_empty (a query
 * that sees no key gets zeros). Leading dims broadcast; there are at most two. */
#define ATTENTION_SIZE_LIMIT \
	1024 /* elements of a key and a value together: a block of queries must fit small budgets */
enum ercc_status infer_attention_core(struct node *node);
enum ercc_status lower_attention_core(struct lowering *lowering, struct node *node);
/* attention_recover.c */
extern const struct recovery attention_recoveries[];

#endif
