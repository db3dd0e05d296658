/* The pointwise kernel: an expression over operands that lie anyhow. */
#ifndef ERCC_POINTWISE_H
#define ERCC_POINTWISE_H

#include "compiler/core/plan.h"

extern const struct kernel_template pointwise_template;
/* A pointwise launch that GPUs alone run. */
extern const struct kernel_template gpu_pointwise_template;
/* Whether all that says how a pointwise launch walks its operands has room among its params. */
bool pointwise_fits(const struct launch *launch);

#endif
