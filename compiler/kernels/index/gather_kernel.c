/* The gather kernel template: its choosers, and its evaluation on constants. */
#include "compiler/kernels/rows.h"

static void gather_evaluate(const struct launch *launch, void *const *buffers)
{
	const int64_t *p = launch->params;
	int64_t indices = p[GATHER_INDICES], axis = p[GATHER_AXIS_SIZE], bytes = p[GATHER_SLICE_BYTES];
	for (int64_t r = 0; r < p[ROWS_TOTAL]; r++) {
		struct tensor tensor = {.dtype = launch->operands[1].dtype, .data = buffers[1]};
		int64_t at = tensor_int(&tensor, r % indices);
		at = at < 0 ? at + axis : at;
		at = at < 0 ? 0 : at >= axis ? axis - 1 : at;
		memcpy((char *)buffers[2] + r * bytes, (char *)buffers[0] + (r / indices * axis + at) * bytes, (size_t)bytes);
	}
}

const struct kernel_template gather_template = {.stem = "gather",
                                                .cpu = rows_cpu,
                                                .gpu = rows_gpu,
                                                .evaluate = gather_evaluate};
