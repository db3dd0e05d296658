/* The softmax kernel template. */
#include "compiler/kernels/rows.h"

static enum ercc_status softmax_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                    struct variant *variant)
{
	return lines_gpu(ctx, device, launch, launch->params[SOFTMAX_INNER] == 1 ? launch->params[SOFTMAX_COUNT] : 1,
	                 variant);
}

const struct kernel_template softmax_template = {.stem = "softmax", .cpu = rows_cpu, .gpu = softmax_gpu, .speed = 0.25};
