/* The choosers that row kernels share. */
#include "compiler/kernels/rows.h"

#include <stdlib.h>

void window_params(struct launch *launch, const struct window *w, int64_t planes)
{
	launch_set(launch, ROWS_TOTAL, planes * w->out[0] * w->out[1]);
	for (int i = 0; i < 3; i++) {
		launch_set(launch, WINDOW_ID + i, w->in[i]);
		launch_set(launch, WINDOW_OD + i, w->out[i]);
		launch_set(launch, WINDOW_KD + i, w->kernel[i]);
		launch_set(launch, WINDOW_SD + i, w->stride[i]);
		launch_set(launch, WINDOW_DD + i, w->dilation[i]);
		launch_set(launch, WINDOW_PD + i, w->pad[i]);
	}
}

void define_epilogue(struct context *ctx, const struct launch *launch, struct variant *variant)
{
	static const char *const loads[] = {"", "LOAD_FULL", "LOAD_CHANNEL", "LOAD_SCALAR"};
	struct arena *arena = &ctx->arena;
	variant_define(variant, "LOAD0", "VALUE");
	for (int k = launch->input_count, n = 1; k < launch->operand_count - 1; k++, n++)
		variant_define(variant, arena_printf(arena, "LOAD%d", n),
		               arena_printf(arena, "%s(%d)", loads[launch->operands[k].role], k));
}

bool has_define(const struct launch *launch, const char *name, const char *value)
{
	for (int i = 0; i < launch->define_count; i++)
		if (!strcmp(launch->defines[i].name, name))
			return !strcmp(launch->defines[i].value, value);
	return false;
}

/* Whether channels or kept elements are not contiguous, for which lowering sets a define. The kernel then has no
 * vectors. */
static bool is_scalar(const struct launch *launch)
{
	return has_define(launch, "CG", "1") || has_define(launch, "LANES_KEPT", "1");
}

/* Offers a tile of `per_tile` rows. Arithmetic has the kernel's speed; every byte passes the shared cache. */
static void offer_rows(struct choice *choice, const struct launch *launch, int64_t rows, int64_t per_tile)
{
	double share = (double)per_tile / (double)rows, speed = launch->template->speed ? launch->template->speed : 0.1;
	struct tile tile = {.shape = {per_tile}};
	tile_multiply(&tile, rows, per_tile);
	tile.work.flops = (double)launch->flops * share / speed * (is_scalar(launch) ? 6 : 1);
	tile.work.shared = (double)launch->bytes * share;
	tile.work.ns = 30 + 15 * (double)per_tile;
	choice_offer(choice, &tile);
}

void define_number(struct context *ctx, struct variant *variant, bool of_tile, const char *name, int64_t value)
{
	(of_tile ? variant_define_tile : variant_define)(variant, name,
	                                                 arena_printf(&ctx->arena, "%lld", (long long)value));
}

int64_t number_like(const struct variant *variant, const char *name, int64_t otherwise)
{
	for (int i = 0; variant->like && i < variant->like->define_count; i++)
		if (!strcmp(variant->like->defines[i].name, name))
			return strtoll(variant->like->defines[i].value, NULL, 10);
	return otherwise;
}

void define_special(struct context *ctx, struct variant *variant, const char *name, int64_t value, int64_t general)
{
	define_number(ctx, variant, false, name, value);
	variant->generals[variant->define_count - 1] = arena_printf(&ctx->arena, "%lld", (long long)general);
}

/* Sets params, defines and the number of tiles of a row kernel. */
static void set_rows(struct context *ctx, const struct launch *launch, int64_t rows, const struct tile *tile,
                     struct variant *variant)
{
	const char *plural = tile->shape[0] == 1 ? "" : "s";
	variant->shape_text = arena_printf(&ctx->arena, "%lld row%s", (long long)tile->shape[0], plural);
	if (rows == 0)
		variant->tile_count = 0;
	variant_set_all(variant, launch->params, launch->param_count);
	variant_set_tile(variant, ROWS_PER_TILE, tile->shape[0]);
	variant_set(variant, ROWS_TOTAL, rows);
	choice_run_time_count(launch, rows, tile->shape[0], variant);
	variant_define_all(variant, launch);
}

static void add_epilogue(struct context *ctx, const struct launch *launch, struct variant *variant)
{
	if (!launch->template->epilogue)
		return;
	define_number(ctx, variant, false, "OUTPUT", launch->operand_count - 1);
	define_epilogue(ctx, launch, variant);
}

enum ercc_status rows_cpu(struct context *ctx, const struct device *device, const struct launch *launch,
                          struct variant *variant)
{
	int64_t rows = launch->params[ROWS_TOTAL] > 0 ? launch->params[ROWS_TOTAL] : 1;
	struct choice choice;
	struct tile tile;
	choice_begin(&choice, device, variant);
	for (int64_t tiles = 1; tiles <= rows; tiles += tiles < 8 ? 1 : tiles / 4)
		offer_rows(&choice, launch, rows, ceil_div(rows, tiles));
	offer_rows(&choice, launch, rows, choice.like ? choice.like[0] : 1);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	set_rows(ctx, launch, launch->params[ROWS_TOTAL], &tile, variant);
	if (launch->template->epilogue)
		variant_define(variant, "VECTOR", "1");
	add_epilogue(ctx, launch, variant);
	return ERCC_OK;
}

/* ---- GPU: several threads share a row ---- */

/* A thread waits for nearly every element. 10 ns per element is a guess. */
static void offer_rows_gpu(struct choice *choice, const struct launch *launch, const struct gpu_rows *rows,
                           int64_t threads, int64_t turns)
{
	int64_t total = rows->count > 0 ? rows->count : 1, per_tile = threads / rows->threads * turns;
	struct tile tile = {.shape = {per_tile, threads}, .threads = (uint32_t)threads};
	tile_multiply(&tile, total, per_tile);
	double share = 1 / (double)tile.count, elements = (double)launch->bytes / 4 / (double)(total * rows->threads);
	tile.local_bytes = rows->thread_bytes * threads;
	tile.work.flops = (double)launch->flops * share;
	tile.work.shared = (double)launch->bytes * share;
	tile.work.ns = 500 + 10 * elements * (double)turns;
	choice_offer(choice, &tile);
}

enum ercc_status rows_gpu_shared(struct context *ctx, const struct device *device, const struct launch *launch,
                                 const struct gpu_rows *rows, struct variant *variant)
{
	struct choice choice;
	struct tile tile;
	choice_begin(&choice, device, variant);
	for (int64_t threads = 32; threads <= 256; threads *= 2)
		for (int64_t turns = 1; turns <= 8 && threads >= rows->threads; turns *= 2)
			if (rows->threads <= 32 || threads == rows->threads)
				offer_rows_gpu(&choice, launch, rows, threads, turns);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	set_rows(ctx, launch, rows->count, &tile, variant);
	add_epilogue(ctx, launch, variant);
	return ERCC_OK;
}

enum ercc_status rows_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                          struct variant *variant)
{
	return rows_gpu_shared(ctx, device, launch, &(struct gpu_rows){.count = launch->params[ROWS_TOTAL], .threads = 1},
	                       variant);
}

enum ercc_status lines_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                           int64_t elements, struct variant *variant)
{
	/* a short line is not worth a warp; a long line is worth a block */
	bool wide = has_define(launch, "T", "f64");
	int64_t threads = number_like(variant, "LINE", wide || elements < 16 ? 1 : elements < 4096 ? 32 : 256);
	struct gpu_rows rows = {.count = launch->params[ROWS_TOTAL],
	                        .threads = threads,
	                        .thread_bytes = threads > 32 ? 1 : 0};
	variant_define(variant, "LINE_VALUE", wide ? "double" : "float");
	define_number(ctx, variant, false, "LINE", threads);
	return rows_gpu_shared(ctx, device, launch, &rows, variant);
}
