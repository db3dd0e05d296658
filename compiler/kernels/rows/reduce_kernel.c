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
	struct text merge = {.arena = &ctx->arena};
	if (count > INT32_MAX)
		return fail(ctx, ERCC_UNSUPPORTED, "launch '%s' reduces 2^31 elements or more", launch->name);
	if (lanes == 16 && count >= 64)
		members = 16;
	else if (lanes == 1 && gone && *last == 1 && count >= 32) /* a row's elements are contiguous */
		members = 32;
	struct gpu_rows rows = {.count = p[ROWS_TOTAL], .threads = lanes * members, .thread_bytes = 8};
	TRY(rows_gpu_shared(ctx, device, launch, &rows, variant));
	expr_print_c(&reduction->merge, &merge);
	define_number(ctx, variant, false, "MEMBERS", members);
	variant_define(variant, "MERGE", merge.data);
	variant_define(variant, "MERGED", arena_printf(&ctx->arena, "v%d", reduction->merge.count - 1));
	return ERCC_OK;
}

/* ---- constants: the same loops as the kernel's ---- */

static void reduce_evaluate(const struct launch *launch, void *const *buffers)
{
	const int64_t *p = launch->params, kept = p[REDUCE_KEPT], gone = p[REDUCE_GONE], count = p[REDUCE_COUNT];
	const int64_t *k = p + REDUCE_DIMS, *g = k + 2 * kept;
	const struct reduction *reduction = launch->user;
	int64_t lanes = reduction->lanes;
	enum erc_dtype dtype = launch->operands[0].dtype;
	for (int64_t r = 0; r < p[ROWS_TOTAL] * lanes; r++) {
		int64_t start = 0, left = r;
		for (int64_t d = kept - 1; d >= 0; left /= k[2 * d], d--)
			start += left % k[2 * d] * k[2 * d + 1];
		union expr_value value[3] = {reduction->start};
		value[2] = expr_number(dtype, (double)count);
		for (int64_t i = 0; i < count; i++) {
			int64_t at = start;
			left = i;
			for (int64_t d = gone - 1; d >= 0; left /= g[2 * d], d--)
				at += left % g[2 * d] * g[2 * d + 1];
			value[1] = element_read(buffers[0], dtype, at);
			value[0] = expr_evaluate(&reduction->combine, value);
		}
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
