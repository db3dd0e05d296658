/* The attention kernels: softmax(scale q k^T, masked) v. */
#ifndef ERCC_ATTENTION_H
#define ERCC_ATTENTION_H

#include "compiler/kernels/rows.h"

extern const struct kernel_template attention_template, attention_sum_template;

/* Dims of a launch's space. Operands have strides along them. */
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
	ATTENTION_SEEN,   /* `fill` replaces the score where a bool mask is false */
	ATTENTION_HIDDEN, /* `fill` replaces the score where a bool mask is true */
};

/* A further value for the kernels: causal, without a mask operand. */
enum { MASK_CAUSAL = ATTENTION_HIDDEN + 1 };

#define KEYS_PER_BLOCK 48
/* Maximum number of key and value elements in a tile. With more, 16 queries would exceed the maximum length of a
 * tile. */
#define PART_ELEMENTS 65536
#define EXP_WORK 26 /* cost of masking and exponentiating a score, in multiply-adds */

#endif
