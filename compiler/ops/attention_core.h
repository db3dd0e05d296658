/* erc.Attention(q, k, v, mask), the compiler's own operator: softmax(scale q k^T, masked) v in one launch. */
#ifndef ERCC_ATTENTION_CORE_H
#define ERCC_ATTENTION_CORE_H

#include "compiler/kernels/dense/attention.h"
#include "compiler/lower/match.h"

/* Attributes: scale; transposed (1: k is [..., size, keys]); mask (enum attention_mask) and fill; zero_empty (1: a
 * query that sees no key gets zeros). Leading dims broadcast; there are at most two. */
/* Maximum number of elements of a key and of a value. The kernel of a GPU keeps their sums in registers. */
#define ATTENTION_SIZE_LIMIT 512
enum ercc_status infer_attention_core(struct node *node);
enum ercc_status lower_attention_core(struct lowering *lowering, struct node *node);
/* Defined in attention_recover.c. */
extern const struct recovery attention_recoveries[];

#endif
