/* The pointwise kernel template: folds the loop nest, chooses tiles, and evaluates constants. */
#include "compiler/kernels/dense/pointwise.h"
#include "compiler/kernels/params.h"
#include "compiler/variants/variants.h"

/* A folded loop nest: its dims, and strides of each operand. */
struct nest {
	int rank;
	int64_t dims[MAX_RANK];
	int64_t strides[MAX_OPERANDS][MAX_RANK];
};

/* Whether dim d is not there: it is 1 at every size. */
static bool is_dropped(const struct launch *launch, int d)
{
	return launch->space.dims[d] == 1 && !(launch->varies >> d & 1);
}

/* Whether dim d is the innermost one that is there, and depends on a range. */
static bool is_ranged_line(const struct launch *launch, int d)
{
	for (int i = d + 1; i < launch->space.rank; i++)
		if (!is_dropped(launch, i))
			return false;
	return launch->varies >> d & 1;
}

/* Whether dim d may become a part of the dim before it, number `before`, as far as ranges go. The innermost dim stays by
 * itself if it depends on one: it is a line, and a line is not divided. Else a line keeps its length at every size. */
static bool may_merge(const struct launch *launch, int before, int d)
{
	uint32_t varies = launch->varies;
	return (varies >> before & 1) == (varies >> d & 1) && !is_ranged_line(launch, d);
}

/* Drops dims of 1, and merges neighbouring dims where one stride serves every operand. */
static void fold_nest(const struct launch *launch, struct nest *nest)
{
	int before = 0;
	nest->rank = 0;
	for (int d = 0; d < launch->space.rank; d++) {
		int64_t dim = launch->space.dims[d];
		if (is_dropped(launch, d))
			continue;
		bool merge = nest->rank > 0 && may_merge(launch, before, d);
		before = d;
		for (int k = 0; merge && k < launch->operand_count; k++)
			merge = nest->strides[k][nest->rank - 1] == launch->operands[k].strides[d] * dim;
		int to = merge ? nest->rank - 1 : nest->rank++;
		nest->dims[to] = merge ? nest->dims[to] * dim : dim;
		for (int k = 0; k < launch->operand_count; k++)
			nest->strides[k][to] = launch->operands[k].strides[d];
	}
	if (nest->rank == 0) {
		nest->rank = 1;
		nest->dims[0] = 1;
		for (int k = 0; k < launch->operand_count; k++)
			nest->strides[k][0] = 1;
	}
}

bool pointwise_fits(const struct launch *launch)
{
	struct nest nest;
	fold_nest(launch, &nest);
	int outer = nest.rank > 2 ? nest.rank - 2 : 0, walks = launch->operand_count;
	int cpu = POINTWISE_WALKS + 2 * walks + outer * (1 + walks), gpu = GPU_POINTWISE_DIMS + nest.rank * (1 + walks);
	return cpu <= MAX_PARAMS && gpu <= MAX_PARAMS;
}

static void define(struct context *ctx, struct variant *variant, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void define(struct context *ctx, struct variant *variant, const char *name, const char *format, ...)
{
	char text[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	variant_define(variant, name, arena_copy_text(&ctx->arena, text));
}

static const char *c_type(enum erc_dtype dtype, struct arena *arena)
{
	return dtype == ERC_F32 ? "float" : arena_printf(arena, "%s_value", dtype_name(dtype));
}

static void define_operands(struct context *ctx, const struct launch *launch, const struct nest *nest, bool vector,
                            struct variant *variant)
{
	struct arena *arena = &ctx->arena;
	struct text declare = {.arena = arena}, rebind = {.arena = arena}, sizes = {.arena = arena},
				steps = {.arena = arena};
	int inputs = launch->operand_count - 1, last = nest->rank - 1;
	text_printf(&rebind, " ");
	for (int k = 0; k <= inputs; k++) {
		const struct operand *operand = &launch->operands[k];
		const char *type = c_type(operand->dtype, arena), *suffix = k == inputs ? "o" : arena_printf(arena, "%d", k);
		int64_t stride = nest->strides[k][last];
		int step = stride == 0 ? 0 : stride == 1 ? 1 : 2;
		text_printf(&declare, "%s%s *b%s = (%s%s *)b[%d]; ", k == inputs ? "" : "const ", type, suffix,
		            k == inputs ? "" : "const ", type, k);
		if (step == 2)
			text_printf(&declare, "const long long s%s = SI(%d); ", suffix, k);
		text_printf(&sizes, "%s%d", k ? ", " : "", (int)dtype_bytes(operand->dtype));
		text_printf(&steps, "%s%d", k ? ", " : "", step);
		const char *index = step == 0 ? "0" : step == 1 ? "i" : arena_printf(arena, "i * s%s", suffix);
		if (k == inputs) {
			define(ctx, variant, "STORE", "bo[%s]", index);
			continue;
		}
		text_printf(&rebind, "b%d = rest[%d]; ", k, k);
		const char *name = arena_printf(arena, "LOAD%d", k);
		if (vector)
			define(ctx, variant, name, step == 0 ? "f32_set(b%d[0])" : "f32_load(b%d + i)", k);
		else
			define(ctx, variant, name, "b%d[%s]", k, index);
	}
	define(ctx, variant, "OPERANDS", "%d", inputs);
	define(ctx, variant, "DECLARE", "%s", declare.data);
	define(ctx, variant, "REBIND", "%s", rebind.data);
	define(ctx, variant, "SIZES", "%s", sizes.data);
	define(ctx, variant, "STEPS", "%s", steps.data);
}

static bool can_vectorize(const struct launch *launch, const struct nest *nest)
{
	int last = nest->rank - 1, output = launch->operand_count - 1;
	if (!expr_is_f32_vector(&launch->expr) || nest->strides[output][last] != 1)
		return false;
	for (int k = 0; k < output; k++)
		if (nest->strides[k][last] != 0 && nest->strides[k][last] != 1)
			return false;
	return true;
}

/* How a folded nest is divided: a row is one rectangle, middle x inner; a tile is some rows, of each one chunk of
 * `middle`. */
struct cut {
	int64_t rows, middle, inner;
	bool vector, strided; /* works on whole vectors; an operand's inner stride is not 0 or 1 */
};

/* The cost of operations that cost more than one multiply-add, in multiply-adds. by_lane: even a vector kernel computes
 * it for one lane after the other. */
static const struct {
	uint8_t primitive, cost;
	bool by_lane;
} slow[] = {
	{PRIM_div, 10, false},  {PRIM_sqrt, 10, false},    {PRIM_exp, 20, false}, {PRIM_log, 20, false},
	{PRIM_tanh, 25, false}, {PRIM_sigmoid, 25, false}, {PRIM_erf, 40, false}, {PRIM_pow, 25, true},
	{PRIM_mod, 25, true},   {PRIM_fmod, 25, true},
};

/* Arithmetic of one element, in multiply-adds of one lane. A kernel without vectors keeps few lanes busy. */
static double element_work(const struct launch *launch, bool vector, double lanes)
{
	double work = launch->operand_count, lane_work = 0;
	for (int i = 0; i < launch->expr.count; i++) {
		size_t k = 0;
		while (k < COUNT_OF(slow) && slow[k].primitive != launch->expr.nodes[i].primitive)
			k++;
		if (k < COUNT_OF(slow) && slow[k].by_lane)
			lane_work += slow[k].cost;
		else
			work += k < COUNT_OF(slow) ? slow[k].cost : 1;
	}
	return work * (vector ? 1 : lanes / 4) + lane_work * lanes;
}

/* The length of equal lines into which a one-dimensional nest is divided: whole vectors if possible, at most 1024
 * elements. */
static int64_t line_length(int64_t all)
{
	for (int64_t step = 16; all > 1024 && step > 0; step -= 15)
		for (int64_t length = 1024; length >= 64; length -= step)
			if (all % length == 0)
				return length;
	return all;
}

static void offer_cut(struct choice *choice, const struct launch *launch, const struct cut *cut, bool fast,
                      int64_t chunk, int64_t rows)
{
	struct tile tile = {.shape = {chunk, rows}};
	tile_multiply(&tile, cut->rows, rows);
	tile_multiply(&tile, cut->middle, chunk);
	double elements = (double)(rows * chunk) * (double)cut->inner;
	double all = (double)(cut->rows * cut->middle) * (double)cut->inner;
	const struct operand *out = &launch->operands[launch->operand_count - 1];
	double bytes = (double)launch->bytes + all * (double)dtype_bytes(out->dtype);
	tile.work.flops = 2 * elements * element_work(launch, fast, choice->device->lanes);
	tile.work.shared = elements / all * bytes * (cut->strided ? 1.3 : 1);
	tile.work.ns = 50 + 3 * (double)(rows * chunk);
	choice_offer(choice, &tile);
}

/* Offers tiles of about `work` elements. */
static void offer_work(struct choice *choice, const struct launch *launch, const struct cut *cut, bool fast,
                       int64_t work)
{
	int64_t chunk = work / cut->inner > 0 ? work / cut->inner : 1;
	chunk = chunk < cut->middle ? chunk : cut->middle;
	int64_t chunks = ceil_div(cut->middle, chunk);
	chunk = ceil_div(cut->middle, chunks);
	int64_t rows = chunks > 1 ? 1 : work / (cut->inner * cut->middle) > 0 ? work / (cut->inner * cut->middle) : 1;
	rows = ceil_div(cut->rows, ceil_div(cut->rows, rows < cut->rows ? rows : cut->rows));
	offer_cut(choice, launch, cut, fast, chunk, rows);
}

static void set_params(const struct launch *launch, const struct nest *nest, const struct cut *cut,
                       const struct tile *tile, struct variant *variant)
{
	int outer = nest->rank > 2 ? nest->rank - 2 : 0, last = nest->rank - 1, n = POINTWISE_WALKS;
	int64_t chunk = tile->shape[0];
	variant_set(variant, POINTWISE_RANK, outer);
	variant_set_tile(variant, POINTWISE_TILE_ROWS, tile->shape[1]);
	variant_set_tile(variant, POINTWISE_CHUNK, chunk);
	variant_set_quotient(variant, POINTWISE_CHUNKS, cut->middle, chunk);
	variant_set(variant, POINTWISE_ROWS, cut->rows);
	variant_set(variant, POINTWISE_INNER, cut->inner);
	variant_set(variant, POINTWISE_MIDDLE, cut->middle);
	for (int k = 0; k < launch->operand_count; k++) {
		const int64_t *strides = nest->strides[k];
		variant_set(variant, n++, strides[last]);
		variant_set(variant, n++, nest->rank > 1 ? strides[last - 1] : strides[last] * cut->inner);
	}
	for (int d = 0; d < outer; d++)
		variant_set(variant, n++, nest->dims[d]);
	for (int k = 0; k < launch->operand_count; k++)
		for (int d = 0; d < outer; d++)
			variant_set(variant, n++, nest->strides[k][d]);
}

static enum ercc_status check_fits(struct context *ctx, const struct launch *launch)
{
	if (pointwise_fits(launch))
		return ERCC_OK;
	return fail(ctx, ERCC_UNSUPPORTED, "node '%s': %d operands over %d dims are more than an element-wise kernel takes",
	            launch->name, launch->operand_count, launch->space.rank);
}

static enum ercc_status pointwise_cpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                      struct variant *variant)
{
	struct nest nest;
	struct choice choice;
	struct tile tile;
	TRY(check_fits(ctx, launch));
	fold_nest(launch, &nest);
	int last = nest.rank - 1;
	struct cut cut = {.rows = 1,
	                  .middle = nest.rank > 1 ? nest.dims[last - 1] : 1,
	                  .inner = nest.dims[last],
	                  .vector = can_vectorize(launch, &nest)};
	for (int d = 0; d < nest.rank - 2; d++)
		cut.rows *= nest.dims[d];
	if (cut.rows * cut.middle * cut.inner == 0 && !variant->like)
		return ERCC_OK; /* no tiles */
	for (int k = 0; k < launch->operand_count; k++)
		cut.strided |= nest.strides[k][last] > 1 || nest.strides[k][last] < 0;
	if (nest.rank == 1 && !launch->varies) {
		cut.inner = line_length(nest.dims[0]);
		cut.middle = nest.dims[0] / cut.inner;
	}
	/* whole vectors, written by the kernel or found by the C compiler */
	bool fast = cut.vector || (!cut.strided && expr_is_copy(&launch->expr));
	choice_begin(&choice, device, variant);
	if (choice.like)
		offer_cut(&choice, launch, &cut, fast, choice.like[0], choice.like[1]);
	for (int64_t work = 1 << 17; !choice.like && work >= 256; work /= 2)
		offer_work(&choice, launch, &cut, fast, work);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	variant->shape_text = arena_printf(&ctx->arena, "%lldx%lldx%lld", (long long)tile.shape[1],
	                                   (long long)tile.shape[0], (long long)cut.inner);
	set_params(launch, &nest, &cut, &tile, variant);
	int64_t chunks = ceil_div(cut.middle, tile.shape[0]), per_tile = tile.shape[1] * tile.shape[0];
	if (nest.rank > 2 && chunks > 1)
		choice_run_time_count(launch, cut.rows * chunks, 1, variant);
	else
		choice_run_time_count(launch, cut.rows * cut.middle * cut.inner, per_tile * cut.inner, variant);
	define(ctx, variant, "VECTOR", "%d", cut.vector);
	define_operands(ctx, launch, &nest, cut.vector, variant);
	return ERCC_OK;
}

/* ---- GPU: a tile is a range of elements, in the order of the nest ---- */

#define GPU_LATENCY_NS 600 /* from load to use, if nothing else hides it; a guess */

/* Whether four neighbours can be loaded and stored at once. */
static bool can_pack(const struct launch *launch, const struct nest *nest)
{
	int last = nest->rank - 1;
	/* with ranges, other sizes may have other strides and offsets */
	bool can = can_vectorize(launch, nest) && nest->dims[last] % 4 == 0 && !launch->varies;
	for (int k = 0; can && k < launch->operand_count; k++) {
		const struct operand *operand = &launch->operands[k];
		int64_t offset = 0;
		buffer_root(operand->buffer, &offset);
		can = nest->strides[k][last] == 0 || (offset + operand->offset) % 16 == 0;
		for (int d = 0; nest->strides[k][last] && d < last; d++)
			can = can && nest->strides[k][d] % 4 == 0;
	}
	return can;
}

static void define_gpu_operands(struct context *ctx, const struct launch *launch, const struct nest *nest, int pack,
                                struct variant *variant)
{
	struct arena *arena = &ctx->arena;
	struct text loads = {.arena = arena};
	int inputs = launch->operand_count - 1, last = nest->rank - 1;
	text_printf(&loads, " ");
	for (int k = 0; k < inputs; k++) {
		const char *name = arena_printf(arena, "LOAD%d", k), *type = c_type(launch->operands[k].dtype, arena);
		bool packed = pack > 1 && nest->strides[k][last];
		if (packed)
			text_printf(&loads, "float4_value x%d = float4_load((const float *)args->buffers[%d] + at[%d]); ", k, k, k);
		else
			text_printf(&loads, "%s x%d = ((const %s *)args->buffers[%d])[at[%d]]; ", type, k, type, k, k);
		define(ctx, variant, name, packed ? "float4_get(x%d, i)" : "x%d", k);
	}
	const char *type = c_type(launch->operands[inputs].dtype, arena);
	text_printf(&loads, "%s y[PACK];", type);
	define(ctx, variant, "LOADS", "%s", loads.data);
	define(ctx, variant, "STORE", "y[i]");
	if (pack > 1)
		define(ctx, variant, "WRITE",
		       "float4_store((float *)args->buffers[%d] + at[%d], float4_of(y[0], y[1], y[2], y[3]));", inputs, inputs);
	else
		define(ctx, variant, "WRITE", "((%s *)args->buffers[%d])[at[%d]] = y[0];", type, inputs, inputs);
}

static void offer_range(struct choice *choice, const struct launch *launch, const struct nest *nest, int pack,
                        int64_t elements, int64_t threads, int64_t turns)
{
	int64_t per_tile = threads * pack * turns;
	struct tile tile = {.shape = {per_tile, threads}, .threads = (uint32_t)threads};
	tile_multiply(&tile, elements, per_tile);
	const struct operand *out = &launch->operands[launch->operand_count - 1];
	double mean = (double)elements / (double)tile.count, divisions = 20.0 * (nest->rank - 1) / pack;
	double bytes = (double)launch->bytes + (double)elements * (double)dtype_bytes(out->dtype);
	tile.work.flops = 2 * mean * (element_work(launch, true, 1) + divisions);
	tile.work.shared = bytes / (double)tile.count;
	tile.work.ns = 500 + GPU_LATENCY_NS * (double)turns;
	choice_offer(choice, &tile);
}

static enum ercc_status pointwise_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                      struct variant *variant)
{
	struct nest nest;
	struct choice choice;
	struct tile tile;
	int64_t elements = shape_elements(&launch->space);
	int n = GPU_POINTWISE_DIMS;
	TRY(check_fits(ctx, launch));
	fold_nest(launch, &nest);
	if (elements == 0 && !variant->like)
		return ERCC_OK; /* no tiles */
	int pack = can_pack(launch, &nest) ? 4 : 1;
	choice_begin(&choice, device, variant);
	for (int64_t threads = 64; threads <= 1024; threads *= 2)
		for (int64_t turns = 1; turns <= 16; turns *= 2)
			offer_range(&choice, launch, &nest, pack, elements, threads, turns);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	variant->shape_text = arena_printf(&ctx->arena, "%lld", (long long)tile.shape[0]);
	variant_set_tile(variant, GPU_POINTWISE_PER_TILE, tile.shape[0]);
	variant_set(variant, GPU_POINTWISE_ELEMENTS, elements);
	for (int d = 0; d < nest.rank; d++)
		variant_set(variant, n++, nest.dims[d]);
	for (int k = 0; k < launch->operand_count; k++)
		for (int d = 0; d < nest.rank; d++)
			variant_set(variant, n++, nest.strides[k][d]);
	choice_run_time_count(launch, elements, tile.shape[0], variant);
	define(ctx, variant, "RANK", "%d", nest.rank);
	define(ctx, variant, "PACK", "%d", pack);
	define(ctx, variant, "OPERANDS", "%d", launch->operand_count - 1);
	define(ctx, variant, "INDEX", elements < INT32_MAX ? "unsigned" : "unsigned long long");
	define_gpu_operands(ctx, launch, &nest, pack, variant);
	return ERCC_OK;
}

/* ---- constants ---- */

static void pointwise_evaluate(const struct launch *launch, void *const *buffers)
{
	struct nest nest;
	int64_t index[MAX_RANK] = {0}, total = shape_elements(&launch->space);
	int output = launch->operand_count - 1;
	fold_nest(launch, &nest);
	for (int64_t n = 0; n < total; n++) {
		union expr_value values[MAX_OPERANDS];
		int64_t at[MAX_OPERANDS] = {0};
		for (int k = 0; k <= output; k++)
			for (int d = 0; d < nest.rank; d++)
				at[k] += index[d] * nest.strides[k][d];
		for (int k = 0; k < output; k++)
			values[k] = element_read(buffers[k], launch->operands[k].dtype, at[k]);
		element_write(buffers[output], launch->operands[output].dtype, at[output],
		              expr_evaluate(&launch->expr, values));
		for (int d = nest.rank - 1; d >= 0 && ++index[d] == nest.dims[d]; d--)
			index[d] = 0;
	}
}

const struct kernel_template pointwise_template = {
	.stem = "pointwise",
	.cpu = pointwise_cpu,
	.gpu = pointwise_gpu,
	.epilogue = true,
	.pointwise = true,
	.evaluate = pointwise_evaluate,
};
const struct kernel_template gpu_pointwise_template = {
	.stem = "pointwise",
	.cpu = no_tiles,
	.gpu = pointwise_gpu,
	.epilogue = true,
	.pointwise = true,
};
