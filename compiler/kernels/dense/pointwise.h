/* The pointwise kernel: an expression over operands with any strides. */
#ifndef ERCC_POINTWISE_H
#define ERCC_POINTWISE_H

#include "compiler/core/plan.h"

extern const struct kernel_template pointwise_template;
/* A pointwise launch that only GPUs run. */
extern const struct kernel_template gpu_pointwise_template;
/* Whether the description of the launch's loop nest fits into its params. */
bool pointwise_fits(const struct launch *launch);

#endif
