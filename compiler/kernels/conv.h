/* The convolution kernel's description, shared by Conv, Gemm and MatMul. */
#ifndef ERCC_CONV_H
#define ERCC_CONV_H

#include "compiler/variants/variants.h"

/* launch->params of conv_template: what the kernel needs, before tiles are chosen. In the order of conv.cpu.c. */
enum conv_param {
	CONV_IN_BLOCKS,
	CONV_LAST_K,
	CONV_KD,
	CONV_KH,
	CONV_KW,
	CONV_DD,
	CONV_DH,
	CONV_DW,
	CONV_SD,
	CONV_SH,
	CONV_PD,
	CONV_PH,
	CONV_PW,
	CONV_ID,
	CONV_IH,
	CONV_IW,
	CONV_OD,
	CONV_OH,
	CONV_OW,
	CONV_IN_IMAGE,
	CONV_IN_GROUP,
	CONV_IN_PLANE,
	CONV_IN_ROW,
	CONV_IN_PIXEL,
	CONV_W_IMAGE,
	CONV_W_BLOCK,
	CONV_OUT_IMAGE,
	CONV_OUT_BLOCK,
	CONV_OUT_PIXEL,
	CONV_OUT_LANE,
	CONV_OC,
	CONV_OC_STORED,
	CONV_GROUPS,
	CONV_OC_TILES,
	CONV_ROW_TILES,
	CONV_ROWS,
	CONV_COLS_PER_TILE,
	CONV_COL_TILES,
	CONV_OC_OUTER,
	CONV_PARAM_COUNT,
	/* for the chooser only */
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
