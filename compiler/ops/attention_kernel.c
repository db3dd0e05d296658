/* The operator Attention of the compiler's own: its launches, and the tiles of attention.cpu.c. */
#include "attention.h"

#include <math.h>

#include "rows.h"

/* launch->params, in the order of attention.cpu.c, which has strides behind them. */
enum {
	PARAM_BLOCKS_PER_TILE,
	PARAM_BLOCK_TILES,
	PARAM_HEADS,
	PARAM_QUERIES,
	PARAM_KEYS,
	PARAM_PARTS,
	PARAM_PART_KEYS,
	PARAM_AHEAD,
	PARAM_STRIDES,
};
/* Behind those of attention.h: no operand says what a query sees. */
enum { MASK_CAUSAL = ATTENTION_HIDDEN + 1 };
enum { SHAPE_QV, SHAPE_BLOCKS };
/* Of attention_sum.cpu.c, behind those of row kernels. */
enum { SUM_PARTS = ROWS_FIRST, SUM_QUERIES, SUM_HEADS, SUM_STRIDES };

#define KEYS_PER_BLOCK 48
/* Numbers of keys and values that a tile walks at most: beyond, 16 queries would take longer than a tile may. */
#define PART_ELEMENTS 65536
#define LOWEST -1e30f /* a score below this is worth nothing */
#define EXP_WORK 26   /* multiply-adds that masking and exponentiating a score are worth */

/* ---- shapes ---- */

/* The last two dims; k as [..., keys, size] whatever it comes as. */
static void matrix_of(const struct node *node, int slot, int64_t *rows, int64_t *columns)
{
	const struct shape *shape = &node->inputs[slot]->shape;
	bool swap = slot == 1 && node_attr_int(node, "transposed", 0);
	*rows = shape->dims[shape->rank - 2 + swap];
	*columns = shape->dims[shape->rank - 1 - swap];
}

/* The dims before the last two, broadcast over all inputs. */
static enum ercc_status find_batch(const struct node *node, struct shape *batch)
{
	*batch = (struct shape){0};
	for (int i = 0; i < node->input_count; i++) {
		struct shape leading = node->inputs[i]->shape;
		leading.rank = leading.rank < 2 ? 0 : leading.rank - 2;
		TRY(broadcast_shapes(node, batch, &leading, batch));
	}
	return ERCC_OK;
}

enum ercc_status infer_attention_core(struct node *node)
{
	struct shape out;
	int64_t queries, keys, size, v_size, more_keys, k_size;
	bool masked = node_attr_int(node, "mask", ATTENTION_NO_MASK) != ATTENTION_NO_MASK;
	if (node->input_count != 3 + masked)
		return node_fail(node, ERCC_MODEL, "has %d inputs", node->input_count);
	for (int i = 0; i < 3; i++)
		if (node->inputs[i]->shape.rank < 2 || node->inputs[i]->dtype != ERC_F32)
			return node_fail(node, ERCC_MODEL, "input %d is no f32 matrix", i);
	matrix_of(node, 0, &queries, &size);
	matrix_of(node, 1, &keys, &k_size);
	matrix_of(node, 2, &more_keys, &v_size);
	if (size != k_size || keys != more_keys)
		return node_fail(node, ERCC_MODEL, "queries of %lld, keys %lld of %lld, %lld values", (long long)size,
		                 (long long)keys, (long long)k_size, (long long)more_keys);
	TRY(find_batch(node, &out));
	if (out.rank > 2)
		return node_fail(node, ERCC_MODEL, "has %d leading dims", out.rank);
	if (masked) {
		struct shape scores = out, both;
		scores.dims[scores.rank++] = queries;
		scores.dims[scores.rank++] = keys;
		TRY(broadcast_shapes(node, &scores, &node->inputs[3]->shape, &both));
		if (!shape_equal(&both, &scores))
			return node_fail(node, ERCC_MODEL, "a mask %s", shape_words(node, &node->inputs[3]->shape));
	}
	out.dims[out.rank++] = queries;
	out.dims[out.rank++] = v_size;
	return set_output(node, 0, ERC_F32, &out);
}

/* ---- the launch ---- */

/* Strides of a value whose last two dims are `row` and `column` of the space. */
static void set_strides(struct operand *operand, const struct shape *shape, int row, int column)
{
	int64_t stride = 1;
	for (int i = shape->rank - 1; i >= 0; i--) {
		int behind = shape->rank - 1 - i;
		int dim = behind == 0 ? column : behind == 1 ? row : behind == 2 ? ATTENTION_HEAD : ATTENTION_BATCH;
		operand->strides[dim] = shape->dims[i] == 1 ? 0 : stride;
		stride *= shape->dims[i];
	}
}

static const char *float_text(struct lowering *lowering, float number)
{
	if (isinf(number))
		return number < 0 ? "-__builtin_inff()" : "__builtin_inff()";
	return isnan(number) ? "__builtin_nanf(\"\")" : arena_printf(&lowering->ctx->arena, "%af", number);
}

static void define(struct launch *launch, const char *name, const char *value)
{
	launch->defines[launch->define_count++] = (struct define){name, value};
}

/* Whether a known mask hides the key from the query. */
static bool is_hidden(const struct node *node, const struct tensor *mask, int64_t at)
{
	int64_t kind = node_attr_int(node, "mask", ATTENTION_NO_MASK);
	at = mask->splat ? 0 : at;
	return kind == ATTENTION_ADDED ? tensor_float(mask, at) != 0
	                               : (tensor_int(mask, at) != 0) == (kind == ATTENTION_HIDDEN);
}

/* A known mask that hides nothing but the keys behind number i + *ahead from query i, and those for good. */
static bool is_causal(const struct node *node, const int64_t *dims, int64_t *ahead)
{
	const struct value *mask = node_input(node, 3);
	int64_t keys = dims[ATTENTION_KEY], count = dims[ATTENTION_QUERY] * keys;
	bool added = node_attr_int(node, "mask", ATTENTION_NO_MASK) == ATTENTION_ADDED;
	if (!mask || !mask->constant || shape_elements(&mask->shape) != count ||
	    mask->shape.dims[mask->shape.rank - 1] != keys || (!added && node_attr_float(node, "fill", 0) > LOWEST))
		return false;
	for (*ahead = -1; *ahead + 1 < keys && !is_hidden(node, mask->constant, *ahead + 1);)
		++*ahead;
	for (int64_t i = 0; i < count; i++) {
		bool hidden = is_hidden(node, mask->constant, i);
		if (hidden != (i % keys > i / keys + *ahead))
			return false;
		if (hidden && added && tensor_float(mask->constant, mask->constant->splat ? 0 : i) > LOWEST)
			return false;
	}
	return *ahead >= 0;
}

static struct launch *add_attention(struct lowering *lowering, const struct node *node, const struct shape *space)
{
	static const int rows[] = {ATTENTION_QUERY, ATTENTION_KEY, ATTENTION_KEY, ATTENTION_QUERY},
	                 columns[] = {ATTENTION_SIZE, ATTENTION_SIZE, ATTENTION_V_SIZE, ATTENTION_KEY};
	const int64_t *dims = space->dims;
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &attention_template, node->name);
	bool causal = is_causal(node, dims, &launch->params[PARAM_AHEAD]);
	launch->space = *space;
	for (int i = 0; i < (causal ? 3 : node->input_count); i++) {
		struct value *value = node->inputs[i];
		bool swap = i == 1 && node_attr_int(node, "transposed", 0);
		struct operand *operand = launch_operand(launch, lower_buffer(lowering, value), value->dtype, false);
		set_strides(operand, &value->shape, swap ? columns[i] : rows[i], swap ? rows[i] : columns[i]);
	}
	launch->input_count = launch->operand_count;
	launch->reduction_key = 0x6174746e0001;
	launch->flops =
	    (uint64_t)(dims[ATTENTION_BATCH] * dims[ATTENTION_HEAD] * dims[ATTENTION_QUERY] * dims[ATTENTION_KEY]) * 2 *
	    (uint64_t)(dims[ATTENTION_SIZE] + dims[ATTENTION_V_SIZE] + EXP_WORK);
	int kind = causal ? MASK_CAUSAL : (int)node_attr_int(node, "mask", ATTENTION_NO_MASK);
	define(launch, "MASK", arena_printf(&lowering->ctx->arena, "%d", kind));
	define(launch, "FILL", float_text(lowering, node_attr_float(node, "fill", 0)));
	define(launch, "SCALE", float_text(lowering, node_attr_float(node, "scale", 1)));
	define(launch, "ZERO_EMPTY", node_attr_int(node, "zero_empty", 0) ? "1" : "0");
	return launch;
}

/* The launch that adds up what the parts of the keys have left in `parts`. */
static struct launch *add_sum(struct lowering *lowering, const struct node *node, const struct launch *attention,
                              struct buffer *parts)
{
	const int64_t *dims = attention->space.dims;
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &attention_sum_template, node->name);
	launch->space = attention->space;
	launch_operand(launch, parts, ERC_F32, false);
	launch->input_count = 1;
	launch->params[ROWS_TOTAL] = dims[ATTENTION_BATCH] * dims[ATTENTION_HEAD] * dims[ATTENTION_QUERY];
	launch->params[SUM_PARTS] = attention->params[PARAM_PARTS];
	launch->params[SUM_QUERIES] = dims[ATTENTION_QUERY];
	launch->params[SUM_HEADS] = dims[ATTENTION_HEAD];
	launch->param_count = SUM_STRIDES + 4;
	launch->flops = (uint64_t)parts->bytes / 2;
	launch->bytes = (uint64_t)parts->bytes;
	launch->reduction_key = 0x6174746e0002;
	define(launch, "HEAD_V", arena_printf(&lowering->ctx->arena, "%lld", (long long)dims[ATTENTION_V_SIZE]));
	define(launch, "ZERO_EMPTY", node_attr_int(node, "zero_empty", 0) ? "1" : "0");
	return launch;
}

/* Where the keys are more than a tile may walk, tiles walk parts of them: of equal size, whole blocks. */
static void divide_keys(struct launch *launch)
{
	const int64_t *dims = launch->space.dims;
	int64_t keys = dims[ATTENTION_KEY], elements = keys * (dims[ATTENTION_SIZE] + dims[ATTENTION_V_SIZE]);
	int64_t each = keys;
	if (elements > PART_ELEMENTS * 3 / 2)
		each = round_up(ceil_div(keys, ceil_div(elements, PART_ELEMENTS)), KEYS_PER_BLOCK);
	launch->params[PARAM_PART_KEYS] = each;
	launch->params[PARAM_PARTS] = ceil_div(keys, each);
	define(launch, "SPLIT", launch->params[PARAM_PARTS] > 1 ? "1" : "0");
}

enum ercc_status lower_attention_core(struct lowering *lowering, struct node *node)
{
	const struct shape *out = &node->outputs[0]->shape;
	int64_t dims[ATTENTION_RANK];
	matrix_of(node, 0, &dims[ATTENTION_QUERY], &dims[ATTENTION_SIZE]);
	matrix_of(node, 2, &dims[ATTENTION_KEY], &dims[ATTENTION_V_SIZE]);
	dims[ATTENTION_BATCH] = out->rank > 3 ? out->dims[0] : 1;
	dims[ATTENTION_HEAD] = out->rank > 2 ? out->dims[out->rank - 3] : 1;
	if (dims[ATTENTION_KEY] == 0) /* an empty sum */
		return lower_fill(lowering, node, node->outputs[0], node_attr_int(node, "zero_empty", 0) ? 0 : NAN, 0);
	struct shape space = shape_of(ATTENTION_RANK, dims);
	struct launch *launch = add_attention(lowering, node, &space), *last = launch;
	divide_keys(launch);
	if (launch->params[PARAM_PARTS] > 1) {
		int64_t rows =
		    dims[ATTENTION_BATCH] * dims[ATTENTION_HEAD] * launch->params[PARAM_PARTS] * dims[ATTENTION_QUERY];
		struct buffer *parts =
		    plan_buffer(lowering->plan, BUFFER_ARENA, 4 * rows * (dims[ATTENTION_V_SIZE] + 2), node->name);
		launch_operand(launch, parts, ERC_F32, true);
		last = add_sum(lowering, node, launch, parts);
	}
	set_strides(launch_operand(last, lower_buffer(lowering, node->outputs[0]), ERC_F32, true), out, ATTENTION_QUERY,
	            ATTENTION_V_SIZE);
	launch->bytes = launch_traffic(launch);
	return ERCC_OK;
}

/* ---- tiles ---- */

/* Keys, and elements of a value, that a register tile has beside `qv` vectors of queries. */
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
	int64_t keys = launch->params[PARAM_PART_KEYS], size = dims[ATTENTION_SIZE], v_size = dims[ATTENTION_V_SIZE];
	int64_t rows = qv * device->lanes, tiles = ceil_div(ceil_div(dims[ATTENTION_QUERY], rows), blocks);
	int64_t at_once = keys_at_once(device, qv);
	struct tile tile = {.shape = {qv, blocks},
	                    .count =
	                        dims[ATTENTION_BATCH] * dims[ATTENTION_HEAD] * launch->params[PARAM_PARTS] * tiles};
	/* every multiply-add takes one vector of queries, which is loaded, and a number that many of them share */
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

static void strides_of(const struct operand *operand, int row, int column, int64_t *to)
{
	to[0] = operand->strides[ATTENTION_BATCH];
	to[1] = operand->strides[ATTENTION_HEAD];
	to[2] = operand->strides[row];
	to[3] = operand->strides[column];
}

/* Strides of q, k, v, the mask and the output, each of batch, head, row and element. */
static void set_strides_of_all(const struct launch *launch, struct variant *variant)
{
	static const int rows[] = {ATTENTION_QUERY, ATTENTION_KEY, ATTENTION_KEY, ATTENTION_QUERY, ATTENTION_QUERY},
	                 columns[] = {ATTENTION_SIZE, ATTENTION_SIZE, ATTENTION_V_SIZE, ATTENTION_KEY,
	                              ATTENTION_V_SIZE};
	for (int i = 0; i < 5; i++) {
		const struct operand *operand = &launch->operands[i == 4 ? launch->operand_count - 1 : i];
		if (i < 3 || i == 4 || launch->input_count == 4)
			strides_of(operand, rows[i], columns[i], &variant->params[PARAM_STRIDES + 4 * i]);
	}
}

/* A tile has `blocks` blocks of `rows` queries. */
static void set_params(const struct launch *launch, int64_t rows, int64_t blocks, struct variant *variant)
{
	const int64_t *dims = launch->space.dims;
	variant->params[PARAM_BLOCKS_PER_TILE] = blocks;
	variant->params[PARAM_BLOCK_TILES] = ceil_div(ceil_div(dims[ATTENTION_QUERY], rows), blocks);
	variant->params[PARAM_HEADS] = dims[ATTENTION_HEAD];
	variant->params[PARAM_QUERIES] = dims[ATTENTION_QUERY];
	variant->params[PARAM_KEYS] = dims[ATTENTION_KEY];
	variant->params[PARAM_PARTS] = launch->params[PARAM_PARTS];
	variant->params[PARAM_PART_KEYS] = launch->params[PARAM_PART_KEYS];
	variant->params[PARAM_AHEAD] = launch->params[PARAM_AHEAD];
	variant->param_count = PARAM_STRIDES + 20;
	variant->tile_params = 1u << PARAM_BLOCKS_PER_TILE | 1u << PARAM_BLOCK_TILES;
	set_strides_of_all(launch, variant);
}

/* What no tile changes. */
static void define_launch(struct context *ctx, const struct launch *launch, struct variant *variant)
{
	define_number(ctx, variant, false, "HEAD", launch->space.dims[ATTENTION_SIZE]);
	define_number(ctx, variant, false, "HEAD_V", launch->space.dims[ATTENTION_V_SIZE]);
	define_number(ctx, variant, false, "OUT", launch->operand_count - 1);
	memcpy(variant->defines + variant->define_count, launch->defines,
	       sizeof(struct define) * (size_t)launch->define_count);
	variant->define_count += launch->define_count;
}

static enum ercc_status attention_cpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                      struct variant *variant)
{
	const int64_t *dims = launch->space.dims;
	struct choice choice;
	struct tile tile;
	choice_begin(&choice, device, variant);
	for (int64_t qv = 2; qv >= 1; qv--)
		for (int64_t blocks = 1; blocks <= ceil_div(dims[ATTENTION_QUERY], qv * device->lanes);
		     blocks += blocks < 8 ? 1 : blocks / 4)
			offer(&choice, launch, qv, blocks);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	int64_t qv = tile.shape[SHAPE_QV], step = launch->operands[2].strides[ATTENTION_V_SIZE];
	variant->shape_text = arena_printf(&ctx->arena, "%lld queries, %lldx%lld",
	                                   (long long)(qv * device->lanes * tile.shape[SHAPE_BLOCKS]),
	                                   (long long)keys_at_once(device, qv), (long long)(qv * device->lanes));
	set_params(launch, qv * device->lanes, tile.shape[SHAPE_BLOCKS], variant);
	define_number(ctx, variant, true, "QV", qv);
	define_number(ctx, variant, true, "KT", keys_at_once(device, qv));
	define_number(ctx, variant, true, "DT", elements_at_once(device, qv, dims[ATTENTION_V_SIZE]));
	define_number(ctx, variant, false, "VECTOR", 1);
	variant->defines[variant->define_count++] = (struct define){"V_STEP", step == 1 ? "1" : "p[PARAM_V + 3]"};
	define_launch(ctx, launch, variant);
	return ERCC_OK;
}

static enum ercc_status attention_sum_cpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                          struct variant *variant)
{
	TRY(rows_cpu(ctx, device, launch, variant));
	strides_of(&launch->operands[1], ATTENTION_QUERY, ATTENTION_V_SIZE, &variant->params[SUM_STRIDES]);
	return ERCC_OK;
}

/* ---- GPU: a block of `warps` warps, each of which has `rows` queries, walks the keys ---- */

#define GPU_KEYS 32
#define GPU_SLICES 8 /* of keys, or of values: the kernel's text has each of them, and spills with more */
enum { SHAPE_WARPS, SHAPE_ROWS, SHAPE_STAGES, SHAPE_CHUNK };
#define GPU_CHUNK 32 /* the smaller one */

/* Most elements of keys and values that are worth being in local memory at a time. */
static int64_t largest_chunk(const int64_t *dims)
{
	return dims[ATTENTION_SIZE] <= GPU_CHUNK && dims[ATTENTION_V_SIZE] <= GPU_CHUNK ? GPU_CHUNK : 2 * GPU_CHUNK;
}

/* Sums of values that a lane may have: then no kernel spills. Beside many slices there is room for fewer. */
static int64_t most_sums(int64_t v_size, int64_t chunk, int64_t largest)
{
	return 64 / (v_size > 128 ? 2 : 1) / (chunk < largest ? 4 : 1);
}

static void offer_warps(struct choice *choice, const struct launch *launch, int64_t warps, int64_t rows, int64_t stages, int64_t chunk)
{
	const int64_t *dims = launch->space.dims, queries = warps * rows;
	int64_t size = round_up(dims[ATTENTION_SIZE], chunk), v_size = round_up(dims[ATTENTION_V_SIZE], chunk), keys = launch->params[PARAM_PART_KEYS];
	double scores = (double)(queries * round_up(keys, GPU_KEYS)), full = warps < 8 ? 8.0 / (double)warps : 1;
	struct tile tile = {.shape = {warps, rows, stages, chunk}, .threads = (uint32_t)(32 * warps)};
	if (size > GPU_SLICES * chunk || v_size > GPU_SLICES * chunk ||
	    rows * (v_size / 32) > most_sums(v_size, chunk, largest_chunk(dims)))
		return;
	tile.registers = 255; /* most of what it takes depends on the compiler's unrolling; the image says */
	tile.count = dims[ATTENTION_BATCH] * dims[ATTENTION_HEAD] * launch->params[PARAM_PARTS] *
	             ceil_div(dims[ATTENTION_QUERY], queries);
	tile.local_bytes = 4 * (queries * (size + GPU_KEYS) + stages * GPU_KEYS * (chunk + 4));
	tile.work.flops = 2 * full * scores * (double)(size + v_size + EXP_WORK);
	/* loads of 128 bytes by a warp, shared ones among them: for four elements of 32 keys, for four keys of v_size values */
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
	strides_of(&launch->operands[1], ATTENTION_QUERY, ATTENTION_V_SIZE, &variant->params[SUM_STRIDES]);
	return ERCC_OK;
}

const struct kernel_template attention_template = {
	.stem = "attention", .cpu = attention_cpu, .gpu = attention_gpu, .strided = true,
};
const struct kernel_template attention_sum_template = {
	.stem = "attention_sum", .cpu = attention_sum_cpu, .gpu = attention_sum_gpu, .strided = true,
};
