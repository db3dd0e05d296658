/* Kernel templates with windows: pooling and depthwise convolution. */
#include "compiler/kernels/rows.h"

/* On a GPU a row is the work of one thread. An output pixel has `each` rows. */
static enum ercc_status window_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                   int64_t each, struct variant *variant)
{
	struct gpu_rows rows = {.count = launch->params[ROWS_TOTAL] * launch->params[WINDOW_OW] * each, .threads = 1};
	return rows_gpu_shared(ctx, device, launch, &rows, variant);
}

static enum ercc_status depthwise_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                      struct variant *variant)
{
	return window_gpu(ctx, device, launch, 4, variant); /* a row is four of 16 channels */
}

static enum ercc_status pool_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                 struct variant *variant)
{
	return window_gpu(ctx, device, launch, has_define(launch, "CG", "16") ? 16 : 1, variant);
}

const struct kernel_template depthwise_template = {
	.stem = "depthwise",
	.cpu = rows_cpu,
	.gpu = depthwise_gpu,
	.epilogue = true,
	.speed = 0.6,
};
const struct kernel_template pool_template = {.stem = "pool", .cpu = rows_cpu, .gpu = pool_gpu, .speed = 0.07};
