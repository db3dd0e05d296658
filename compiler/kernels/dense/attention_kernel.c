/* Chooses the tiles of the attention kernels. */
#include "compiler/kernels/dense/attention.h"

#include <math.h>

#include "compiler/kernels/rows.h"

enum { SHAPE_QV, SHAPE_BLOCKS };

/* ---- CPU ---- */

/* Keys of a register tile with `qv` vectors of queries. */
static int64_t keys_at_once(const struct device *device, int64_t qv)
{
	return device->registers * 3 / 4 / qv;
}

static int64_t elements_at_once(const struct device *device, int64_t qv, int64_t size)
{
	int64_t most = (device->registers - 4) / qv;
	return ceil_div(size, ceil_div(size, most));
}

static void offer(struct choice *choice, const struct launch *launch, int64_t qv, int64_t blocks)
{
	const struct device *device = choice->device;
	const int64_t *dims = launch->space.dims;
	int64_t keys = launch->params[ATTENTION_PART_KEYS], size = dims[ATTENTION_SIZE], v_size = dims[ATTENTION_V_SIZE];
	int64_t rows = qv * device->lanes, at_once = keys_at_once(device, qv);
	struct tile tile = {.shape = {qv, blocks}};
	tile_multiply(&tile, dims[ATTENTION_BATCH] * dims[ATTENTION_HEAD] * launch->params[ATTENTION_PARTS], 1);
	tile_multiply(&tile, dims[ATTENTION_QUERY], rows * blocks);
	/* a multiply-add loads one vector of queries; the vectors of a register tile share the other factor */
	double step = 1 + 0.3 / (double)qv / (double)qv, padded = (double)round_up(keys, at_once < keys ? at_once : 1);
	tile.local_bytes = 4 * rows * (size + v_size + KEYS_PER_BLOCK);
	tile.work.flops = 2.0 * (double)(blocks * rows) *
	                  (step * (padded * (double)size + (double)(keys * v_size)) + (double)(keys * EXP_WORK));
	double read = 4.0 * (double)(keys * (size + v_size)), all = read + 4.0 * (double)(rows * (size + v_size));
	tile.work.near = (double)(blocks - 1) * read;
	tile.work.shared = (double)all;
	tile.work.ns = 100 + (double)blocks * 150;
	choice_offer(choice, &tile);
}

/* Sets strides of batch, head, row and element, from parameter `first` on. */
static void set_strides(const struct operand *operand, int row, int column, int first, struct variant *variant)
{
	const int dims[] = {ATTENTION_BATCH, ATTENTION_HEAD, row, column};
	for (int i = 0; i < (int)COUNT_OF(dims); i++)
		variant_set(variant, first + i, operand->strides[dims[i]]);
}

static void set_strides_of_all(const struct launch *launch, struct variant *variant)
{
	const struct operand *operands = launch->operands;
	set_strides(&operands[0], ATTENTION_QUERY, ATTENTION_SIZE, ATTENTION_Q_BATCH, variant);
	set_strides(&operands[1], ATTENTION_KEY, ATTENTION_SIZE, ATTENTION_K_BATCH, variant);
	set_strides(&operands[2], ATTENTION_KEY, ATTENTION_V_SIZE, ATTENTION_V_BATCH, variant);
	if (launch->input_count == 4)
		set_strides(&operands[3], ATTENTION_QUERY, ATTENTION_KEY, ATTENTION_M_BATCH, variant);
	set_strides(&operands[launch->operand_count - 1], ATTENTION_QUERY, ATTENTION_V_SIZE, ATTENTION_O_BATCH, variant);
}

/* Sets the params for tiles of `blocks` blocks of `rows` queries. */
static void set_params(const struct launch *launch, int64_t rows, int64_t blocks, struct variant *variant)
{
	const int64_t *dims = launch->space.dims;
	variant_set_tile(variant, ATTENTION_BLOCKS_PER_TILE, blocks);
	variant_set_quotient(variant, ATTENTION_BLOCK_TILES, dims[ATTENTION_QUERY], rows * blocks);
	variant_set(variant, ATTENTION_HEADS, dims[ATTENTION_HEAD]);
	variant_set(variant, ATTENTION_QUERIES, dims[ATTENTION_QUERY]);
	variant_set(variant, ATTENTION_KEYS, dims[ATTENTION_KEY]);
	variant_set(variant, ATTENTION_PARTS, launch->params[ATTENTION_PARTS]);
	variant_set(variant, ATTENTION_PART_KEYS, launch->params[ATTENTION_PART_KEYS]);
	variant_set(variant, ATTENTION_AHEAD, launch->params[ATTENTION_AHEAD]);
	set_strides_of_all(launch, variant);
}

/* Defines that are the same for every tile shape. */
static void define_launch(struct context *ctx, const struct launch *launch, struct variant *variant)
{
	define_number(ctx, variant, false, "HEAD", launch->space.dims[ATTENTION_SIZE]);
	define_number(ctx, variant, false, "HEAD_V", launch->space.dims[ATTENTION_V_SIZE]);
	define_number(ctx, variant, false, "OUT", launch->operand_count - 1);
	variant_define_all(variant, launch);
}

static enum ercc_status attention_cpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                      struct variant *variant)
{
	const int64_t *dims = launch->space.dims;
	struct choice choice;
	struct tile tile;
	choice_begin(&choice, device, variant);
	if (choice.like)
		offer(&choice, launch, choice.like[SHAPE_QV], choice.like[SHAPE_BLOCKS]);
	for (int64_t qv = 2; !choice.like && qv >= 1; qv--)
		for (int64_t blocks = 1; blocks <= ceil_div(dims[ATTENTION_QUERY], qv * device->lanes);
		     blocks += blocks < 8 ? 1 : blocks / 4)
			offer(&choice, launch, qv, blocks);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	int64_t qv = tile.shape[SHAPE_QV], step = launch->operands[2].strides[ATTENTION_V_SIZE];
	variant->shape_text =
		arena_printf(&ctx->arena, "%lld queries, %lldx%lld", (long long)(qv * device->lanes * tile.shape[SHAPE_BLOCKS]),
	                 (long long)keys_at_once(device, qv), (long long)(qv * device->lanes));
	set_params(launch, qv * device->lanes, tile.shape[SHAPE_BLOCKS], variant);
	define_number(ctx, variant, true, "QV", qv);
	define_number(ctx, variant, true, "KT", keys_at_once(device, qv));
	define_number(ctx, variant, true, "DT", elements_at_once(device, qv, dims[ATTENTION_V_SIZE]));
	define_number(ctx, variant, false, "VECTOR", 1);
	define_number(ctx, variant, false, "KEYS", KEYS_PER_BLOCK);
	variant_define(variant, "VALUE_STEP", step == 1 ? "1" : "P(V_STEP)");
	define_launch(ctx, launch, variant);
	return ERCC_OK;
}

static enum ercc_status attention_sum_cpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                          struct variant *variant)
{
	TRY(rows_cpu(ctx, device, launch, variant));
	set_strides(&launch->operands[1], ATTENTION_QUERY, ATTENTION_V_SIZE, ATTENTION_SUM_O_BATCH, variant);
	return ERCC_OK;
}

/* ---- GPU: a block of `warps` warps, each with `rows` queries, walks the keys ---- */

#define GPU_KEYS 32
#define GPU_SLICES 8 /* of a key or a value: the kernel is unrolled over them and spills with more */
enum { SHAPE_WARPS, SHAPE_ROWS, SHAPE_STAGES, SHAPE_CHUNK };
#define GPU_CHUNK 32 /* the smaller of two sizes, in elements */

/* The larger chunk size that is offered: the number of elements of a key or value that a slice has. */
static int64_t largest_chunk(const int64_t *dims)
{
	return dims[ATTENTION_SIZE] <= GPU_CHUNK && dims[ATTENTION_V_SIZE] <= GPU_CHUNK ? GPU_CHUNK : 2 * GPU_CHUNK;
}

/* Maximum number of value sums per lane without spills. A small chunk makes more slices, which leave room for fewer. */
static int64_t most_sums(int64_t v_size, int64_t chunk, int64_t largest)
{
	return 64 / (v_size > 128 ? 2 : 1) / (chunk < largest ? 4 : 1);
}

static void offer_warps(struct choice *choice, const struct launch *launch, int64_t warps, int64_t rows, int64_t stages,
                        int64_t chunk)
{
	const int64_t *dims = launch->space.dims, queries = warps * rows;
	int64_t size = round_up(dims[ATTENTION_SIZE], chunk), v_size = round_up(dims[ATTENTION_V_SIZE], chunk),
			keys = launch->params[ATTENTION_PART_KEYS];
	double scores = (double)(queries * round_up(keys, GPU_KEYS)), full = warps < 8 ? 8.0 / (double)warps : 1;
	struct tile tile = {.shape = {warps, rows, stages, chunk}, .threads = (uint32_t)(32 * warps)};
	if (size > GPU_SLICES * chunk || v_size > GPU_SLICES * chunk ||
	    rows * (v_size / 32) > most_sums(v_size, chunk, largest_chunk(dims)))
		return;
	tile.registers = 255; /* the true number depends on the compiler's unrolling; the image reports it */
	tile_multiply(&tile, dims[ATTENTION_BATCH] * dims[ATTENTION_HEAD] * launch->params[ATTENTION_PARTS], 1);
	tile_multiply(&tile, dims[ATTENTION_QUERY], queries);
	tile.local_bytes = 4 * (queries * (size + GPU_KEYS) + stages * GPU_KEYS * (chunk + 4));
	tile.work.flops = 2 * full * scores * (double)(size + v_size + EXP_WORK);
	/* a warp's 128-byte loads for 32 keys, broadcasts included: elements of keys by fours, then values by fours */
	double loads = (double)(4 + rows) / 4 * (double)size + (double)(rows + 4 * v_size / 32) / 4 * 32;
	tile.work.near = 128 * loads * scores / (double)(32 * rows);
	tile.work.shared = 4.0 * (double)((keys + 2 * queries) * (dims[ATTENTION_SIZE] + dims[ATTENTION_V_SIZE]));
	tile.work.ns = 1000 + 100 * (double)(ceil_div(keys, GPU_KEYS) * largest_chunk(dims) / chunk);
	choice_offer(choice, &tile);
}

/* Whether four elements of each row can be copied at once. */
static bool packs(const struct operand *operand, int row, int column, int64_t size)
{
	int64_t offset = 0;
	buffer_root(operand->buffer, &offset);
	return operand->strides[column] == 1 && size % 4 == 0 && (offset + operand->offset) % 16 == 0 &&
	       operand->strides[row] % 4 == 0 && operand->strides[ATTENTION_HEAD] % 4 == 0 &&
	       operand->strides[ATTENTION_BATCH] % 4 == 0;
}

static void define_copies(struct context *ctx, const struct launch *launch, struct variant *variant)
{
	const struct operand *k = &launch->operands[1], *v = &launch->operands[2];
	const int64_t *dims = launch->space.dims;
	define_number(ctx, variant, false, "K_PACK", packs(k, ATTENTION_KEY, ATTENTION_SIZE, dims[ATTENTION_SIZE]));
	define_number(ctx, variant, false, "V_PACK", packs(v, ATTENTION_KEY, ATTENTION_V_SIZE, dims[ATTENTION_V_SIZE]));
	define_number(ctx, variant, false, "K_ACROSS", k->strides[ATTENTION_KEY] == 1 && k->strides[ATTENTION_SIZE] != 1);
	define_number(ctx, variant, false, "V_ACROSS", v->strides[ATTENTION_KEY] == 1 && v->strides[ATTENTION_V_SIZE] != 1);
}

static enum ercc_status attention_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                      struct variant *variant)
{
	struct choice choice;
	struct tile tile;
	choice_begin(&choice, device, variant);
	for (int64_t warps = 8; warps >= 4; warps /= 2)
		for (int64_t rows = 64 / warps; rows >= 1; rows /= 2)
			for (int64_t stages = 3; stages >= 2; stages--)
				for (int64_t chunk = largest_chunk(launch->space.dims); chunk >= GPU_CHUNK; chunk /= 2)
					offer_warps(&choice, launch, warps, rows, stages, chunk);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	int64_t warps = tile.shape[SHAPE_WARPS], rows = tile.shape[SHAPE_ROWS];
	variant->shape_text = arena_printf(&ctx->arena, "%lldx%lld queries, %lld*%lld", (long long)warps, (long long)rows,
	                                   (long long)tile.shape[SHAPE_CHUNK], (long long)tile.shape[SHAPE_STAGES]);
	set_params(launch, warps * rows, 1, variant);
	define_number(ctx, variant, true, "WARPS", warps);
	define_number(ctx, variant, true, "RW", rows);
	define_number(ctx, variant, true, "STAGES", tile.shape[SHAPE_STAGES]);
	define_number(ctx, variant, true, "CHUNK", tile.shape[SHAPE_CHUNK]);
	define_copies(ctx, launch, variant);
	define_launch(ctx, launch, variant);
	return ERCC_OK;
}

static enum ercc_status attention_sum_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                          struct variant *variant)
{
	struct gpu_rows rows = {.count = launch->params[ROWS_TOTAL], .threads = 32};
	define_number(ctx, variant, false, "LINE", 32);
	TRY(rows_gpu_shared(ctx, device, launch, &rows, variant));
	set_strides(&launch->operands[1], ATTENTION_QUERY, ATTENTION_V_SIZE, ATTENTION_SUM_O_BATCH, variant);
	return ERCC_OK;
}

const struct kernel_template attention_template = {
	.stem = "attention",
	.cpu = attention_cpu,
	.gpu = attention_gpu,
	.strided = true,
};
const struct kernel_template attention_sum_template = {
	.stem = "attention_sum",
	.cpu = attention_sum_cpu,
	.gpu = attention_sum_gpu,
	.strided = true,
};
