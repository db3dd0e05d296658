/* The reduction kernel template. */
#include "compiler/kernels/rows/reduce.h"

/* ---- GPU: MEMBERS times LANES_KEPT threads per row ---- */

static enum ercc_status reduce_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                   struct variant *variant)
{
	const int64_t *p = launch->params, kept = p[REDUCE_KEPT], gone = p[REDUCE_GONE], count = p[REDUCE_COUNT];
	const int64_t *last = p + REDUCE_DIMS + 2 * (kept + gone) - 1; /* of the innermost reduced dim */
	const struct reduction *reduction = launch->user;
	int64_t lanes = reduction->lanes, members = 1;
	if (count > INT32_MAX)
		return fail(ctx, ERCC_UNSUPPORTED, "launch '%s' reduces 2^31 elements or more", launch->name);
	if (lanes == 16 && count >= 64)
		members = 16;
	else if (lanes == 1 && gone && *last == 1 && count >= 32) /* a row's elements are contiguous */
		members = 32;
	members = number_like(variant, "MEMBERS", members);
	struct gpu_rows rows = {.count = p[ROWS_TOTAL], .threads = lanes * members, .thread_bytes = 8};
	TRY(rows_gpu_shared(ctx, device, launch, &rows, variant));
	define_number(ctx, variant, false, "MEMBERS", members);
	return ERCC_OK;
}

/* ---- constants: in the same order as the kernel of a CPU ---- */

static void reduce_evaluate(const struct launch *launch, void *const *buffers)
{
	const int64_t *p = launch->params, kept = p[REDUCE_KEPT], gone = p[REDUCE_GONE], count = p[REDUCE_COUNT];
	const int64_t *k = p + REDUCE_DIMS, *g = k + 2 * kept;
	const struct reduction *reduction = launch->user;
	int64_t lanes = reduction->lanes, inner = gone ? g[2 * gone - 2] : 1;
	enum erc_dtype dtype = launch->operands[0].dtype;
	for (int64_t r = 0; r < p[ROWS_TOTAL] * lanes; r++) {
		int64_t start = 0, left = r;
		for (int64_t d = kept - 1; d >= 0; left /= k[2 * d], d--)
			start += left % k[2 * d] * k[2 * d + 1];
		union expr_value parts[REDUCTION_SPLIT], value[3];
		value[2] = expr_number(reduction->accumulator, (double)count);
		for (int64_t m = 0; m < reduction->split; m++)
			parts[m] = reduction->start;
		for (int64_t i = 0; i < count; i++) {
			int64_t at = start;
			left = i;
			for (int64_t d = gone - 1; d >= 0; left /= g[2 * d], d--)
				at += left % g[2 * d] * g[2 * d + 1];
			union expr_value *part = &parts[i % inner % reduction->split];
			value[0] = *part;
			value[1] = element_read(buffers[0], dtype, at);
			*part = expr_evaluate(&reduction->combine, value);
		}
		for (int64_t half = reduction->split / 2; half; half /= 2)
			for (int64_t m = 0; m < half; m++) {
				value[0] = parts[m], value[1] = parts[m + half];
				parts[m] = expr_evaluate(&reduction->merge, value);
			}
		value[0] = parts[0];
		element_write(buffers[1], dtype, r, expr_evaluate(&reduction->finish, value));
	}
}

const struct kernel_template reduce_template = {
	.stem = "reduce",
	.cpu = rows_cpu,
	.gpu = reduce_gpu,
	.speed = 0.3,
	.evaluate = reduce_evaluate,
};
