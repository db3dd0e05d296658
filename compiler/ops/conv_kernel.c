/* Chooses tiles for the convolution kernel. */
#include "conv.h"

#include "rows.h"

static void define(struct context *ctx, struct variant *variant, const char *name, long long value)
{
	variant->defines[variant->define_count++] = (struct define){name, arena_printf(&ctx->arena, "%lld", value)};
}

/* Register tile with the least work: pixels computed, plus the weights' loads, counted as two pixels. */
static void choose_register_tile(const struct cpu_level *cpu, const int64_t *p, int *best_h, int *best_w)
{
	int limit = (cpu->registers - 4) / 2;
	double best = 1e30;
	for (int h = 1; h <= 2; h++)
		for (int w = 1; h * w <= limit; w++) {
			if (h > 1 && p[CONV_OW] > 8)
				continue;
			double tiles = (double)ceil_div(p[CONV_OW], w) * (double)ceil_div(p[CONV_OH], h);
			double cost = tiles * (h * w < 5 ? 6.0 : h * w + 1.2);
			if (cost < best - 1e-9) {
				best = cost;
				*best_h = h;
				*best_w = w;
			}
		}
}

static enum ercc_status conv_cpu(struct context *ctx, const struct cpu_level *cpu, const struct launch *launch,
                                 struct variant *variant)
{
	int h = 1, w = 1, ocv = 2;
	int64_t *p = variant->params;
	memcpy(p, launch->params, sizeof(int64_t) * CONV_PARAM_COUNT);
	choose_register_tile(cpu, launch->params, &h, &w);
	int64_t cg = launch->params[CONV_CG], sw = launch->params[CONV_SW];
	int64_t k = p[CONV_IN_BLOCKS] * p[CONV_KD] * p[CONV_KH] * p[CONV_KW] * cg;
	/* as many register tiles as fit 25 us, along columns, then rows */
	double tile_ns = 2.0 * h * w * ocv * cpu->lanes * (double)k / (cpu->flops_per_ns * 0.8) + 10;
	int64_t room = (int64_t)(25000 / tile_ns) > 0 ? (int64_t)(25000 / tile_ns) : 1;
	int64_t columns = ceil_div(p[CONV_OW], w), rows = p[CONV_OD] * ceil_div(p[CONV_OH], h);
	int64_t columns_per_tile = columns < room ? columns : room;
	p[CONV_COLS_PER_TILE] = columns_per_tile * w;
	p[CONV_COL_TILES] = ceil_div(columns, columns_per_tile);
	int64_t rows_per_tile = p[CONV_COL_TILES] > 1 ? 1 : room / columns > 0 ? room / columns : 1;
	p[CONV_ROWS] = rows_per_tile < rows ? rows_per_tile : rows;
	p[CONV_ROW_TILES] = ceil_div(rows, p[CONV_ROWS]);
	p[CONV_OC_TILES] = ceil_div(p[CONV_OC], ocv * cpu->lanes);
	int64_t weights = p[CONV_OC] * k, inputs = p[CONV_IN_BLOCKS] * cg * p[CONV_ID] * p[CONV_IH] * p[CONV_IW];
	p[CONV_OC_OUTER] = weights > inputs / 2;
	variant->param_count = CONV_PARAM_COUNT;
	variant->tile_count = (uint32_t)(launch->params[CONV_IMAGES] * p[CONV_GROUPS] * p[CONV_OC_TILES] * p[CONV_ROW_TILES] *
	                                 p[CONV_COL_TILES]);
	variant->tile_ns = (uint32_t)(tile_ns * (double)(p[CONV_ROWS] * columns_per_tile));
	variant->tile_bytes = 4 * (k * ocv * cpu->lanes + p[CONV_ROWS] * columns_per_tile * h * w * (k / (p[CONV_KH] * p[CONV_KW]) +
	                                                                                          ocv * cpu->lanes));
	variant->local_bytes = 4 * cg * ((h - 1) * p[CONV_SH] + (p[CONV_KH] - 1) * p[CONV_DH] + 1) *
	                       ((w - 1) * sw + (p[CONV_KW] - 1) * p[CONV_DW] + 1);
	define(ctx, variant, "P_H", h);
	define(ctx, variant, "P_W", w);
	define(ctx, variant, "OCV", ocv);
	define(ctx, variant, "CG", cg);
	define(ctx, variant, "SW", sw);
	define(ctx, variant, "SCATTER", launch->params[CONV_SCATTER]);
	define(ctx, variant, "RAGGED", launch->params[CONV_SCATTER] || p[CONV_OC_STORED] % cpu->lanes != 0);
	define(ctx, variant, "OUTPUT", launch->operand_count - 1);
	define(ctx, variant, "VECTOR", 1);
	variant->defines[variant->define_count++] = (struct define){"PIXEL", launch->params[CONV_MATMUL] ? "P(IN_PIXEL)" : "SW * CG"};
	define_epilogue(ctx, launch, variant);
	return ERCC_OK;
}

const struct kernel_template conv_template = {.stem = "conv", .cpu = conv_cpu, .epilogue = true};
