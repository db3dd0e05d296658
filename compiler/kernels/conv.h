/* The convolution kernel's description, shared by Conv, Gemm and MatMul. */
#ifndef ERCC_CONV_H
#define ERCC_CONV_H

#include "compiler/kernels/params.h"
#include "compiler/variants/variants.h"

/* A launch of conv_template has more params behind those of the CPU's kernel: the chooser alone reads them. */
enum {
	CONV_CG = CONV_PARAM_COUNT,
	CONV_SW,
	CONV_IMAGES,
	CONV_SCATTER,
	CONV_MATMUL,
	/* How GPUs cut the sum (conv_split.c); 0 parts: not at all. A launch does all parts, CONV_OUT_PART elements apart;
	 * or, of a chain, the CONV_LINK-th, counted from 1. */
	CONV_PARTS,
	CONV_PART_SLICES,
	CONV_OUT_PART,
	CONV_LINK,
	CONV_LAUNCH_PARAM_COUNT,
};

#define CONV_SLICE 16 /* terms that a GPU multiplies at a time */
#define CONV_START 2  /* operands: input, weights, then the sums to begin with, where a chain goes on */

/* Slices of a sum; that of 16 lanes at one kernel position is one, however many lanes there are. */
static inline int64_t conv_slices(const int64_t *p)
{
	return ceil_div(p[CONV_IN_BLOCKS] * p[CONV_KD] * p[CONV_KH] * p[CONV_KW] * p[CONV_CG], CONV_SLICE);
}

/* A convolution; and on GPUs alone the parts of one whose sum is cut, beside each other in the output; or a link of its
 * chain, which has a third input, unless it is the first: the sums that the one before it left in the output. */
extern const struct kernel_template conv_template, conv_parts_template;

/* conv_split.c: columns of conv_template. */
bool conv_channel_strides(const struct launch *launch, const struct shape *space, bool reshaped, int64_t *strides);
void conv_split(struct plan *plan, struct launch *launch);

#endif
