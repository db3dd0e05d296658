/* The convolution kernel's launches, shared by Conv, Gemm and MatMul. */
#ifndef ERCC_CONV_H
#define ERCC_CONV_H

#include "compiler/kernels/params.h"
#include "compiler/variants/variants.h"

/* Further params of a launch of conv_template, after those of the CPU's kernel. Only the choosers read them. */
enum {
	CONV_CG = CONV_PARAM_COUNT,
	CONV_SW,
	CONV_IMAGES,
	CONV_SCATTER,
	CONV_MATMUL,
	/* How GPUs divide the sum into parts (conv_split.c); 0 parts: not divided. One launch computes all parts, which are
	 * CONV_OUT_PART elements apart in the output. In a chain, each launch computes the part number CONV_LINK, counted
	 * from 1. */
	CONV_PARTS,
	CONV_PART_SLICES,
	CONV_OUT_PART,
	CONV_LINK,
	CONV_LAUNCH_PARAM_COUNT,
};

#define CONV_SLICE 16 /* terms that a GPU multiplies at a time */
#define CONV_START 2  /* operands: input, weights, then the sums to start with, in a later launch of a chain */

/* Slices of a sum. The lanes of one kernel position are one slice, even if there are fewer than 16. */
static inline int64_t conv_slices(const int64_t *p)
{
	return ceil_div(p[CONV_IN_BLOCKS] * p[CONV_KD] * p[CONV_KH] * p[CONV_KW] * p[CONV_CG], CONV_SLICE);
}

/* conv_template is a convolution. conv_parts_template exists on GPUs only: it computes the parts of a divided sum next
 * to each other in the output, or one launch of a chain. A chain's launches after the first have a third input, the
 * sums that the launch before them left in the output. */
extern const struct kernel_template conv_template, conv_parts_template;

/* conv_split.c: columns of conv_template. */
bool conv_channel_strides(const struct launch *launch, const struct shape *space, bool reshaped, int64_t *strides);
void conv_split(struct plan *plan, struct launch *launch);

#endif
