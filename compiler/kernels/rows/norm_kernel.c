/* The normalisation kernel template. */
#include "compiler/kernels/rows.h"

static enum ercc_status norm_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                 struct variant *variant)
{
	return lines_gpu(ctx, device, launch, launch->params[NORM_COUNT], variant);
}

const struct kernel_template norm_template = {.stem = "norm", .cpu = rows_cpu, .gpu = norm_gpu};
