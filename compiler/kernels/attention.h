/* The attention kernels: softmax(scale q k^T, masked) v. */
#ifndef ERCC_ATTENTION_H
#define ERCC_ATTENTION_H

#include "compiler/kernels/rows.h"

extern const struct kernel_template attention_template, attention_sum_template;

/* A launch's space, and the operands that have strides along its dims. */
enum attention_dim {
	ATTENTION_BATCH,
	ATTENTION_HEAD,
	ATTENTION_QUERY,
	ATTENTION_KEY,
	ATTENTION_SIZE,
	ATTENTION_V_SIZE,
	ATTENTION_RANK,
};

enum attention_mask {
	ATTENTION_NO_MASK,
	ATTENTION_ADDED,  /* an f32 mask is added to the scores */
	ATTENTION_SEEN,   /* where a bool mask is true the score stays, else it is `fill` */
	ATTENTION_HIDDEN, /* the other way round */
};

/* And as the kernels have it: no operand says what a query sees. */
enum { MASK_CAUSAL = ATTENTION_HIDDEN + 1 };

#define KEYS_PER_BLOCK 48
/* Numbers of keys and values that a tile walks at most: beyond, 16 queries would take longer than a tile may. */
#define PART_ELEMENTS 65536
#define EXP_WORK 26 /* multiply-adds that masking and exponentiating a score are worth */

#endif
