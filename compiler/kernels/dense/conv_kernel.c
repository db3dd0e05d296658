/* Chooses tiles for the convolution kernel: the register tile, the number of register tiles per tile, and the order of
 * tiles. */
#include "compiler/kernels/dense/conv.h"

#include "compiler/kernels/rows.h"

/* A tile's shape: a register tile is H x W pixels by OCV vectors of channels; a tile is ROWS x COLUMNS register
 * tiles. */
enum { SHAPE_H, SHAPE_W, SHAPE_OCV, SHAPE_ROWS, SHAPE_COLUMNS, SHAPE_OC_OUTER };

/* Times besides multiply-adds, measured on a Zen 4 core. */
#define PATCH_PIXEL_NS 1.5 /* copying one pixel's channels for a receptive field that leaves the image */
#define TILE_NS 150        /* starting a tile, while nothing it reads is in the near caches */
#define POSITION_NS 1.5    /* starting the next kernel position */
#define STORE_NS 1.5       /* storing a vector through the epilogue */
#define SCATTER_NS 20.0    /* storing the lanes of a vector one by one */

/* Rows of a plain matrix share L1 sets if their distance is a multiple of the size of an L1 way. If a register tile
 * reads more of them than L1 has ways, they evict each other: each further row then costs this share of a step. */
#define NEAR_WAYS 8
#define CROWDED_ROW 0.05

/* ---- sizes that all tile shapes of a launch share ---- */

struct conv {
	const struct launch *launch;
	const int64_t *p;
	int64_t k;         /* terms of a sum */
	int64_t positions; /* contiguous blocks of terms */
	int64_t images;    /* images times groups */
	int64_t parts;     /* of a sum, on a GPU */
	int64_t beside;    /* parts that the launch computes */
	int full_operands; /* read pixel by pixel while the output is written */
};

static struct conv conv_of(const struct launch *launch)
{
	const int64_t *p = launch->params;
	struct conv conv = {.launch = launch, .p = p, .images = p[CONV_IMAGES] * p[CONV_GROUPS]};
	int64_t taps = p[CONV_KD] * p[CONV_KH] * p[CONV_KW];
	conv.k = ((p[CONV_IN_BLOCKS] - 1) * p[CONV_CG] + p[CONV_LAST_K]) * taps;
	conv.positions = p[CONV_IN_BLOCKS] * taps;
	conv.parts = p[CONV_PARTS] ? p[CONV_PARTS] : 1;
	conv.beside = p[CONV_LINK] ? 1 : conv.parts;
	for (int i = CONV_START; i < launch->operand_count - 1; i++)
		conv.full_operands += launch->operands[i].role == ROLE_FULL;
	return conv;
}

/* Bytes of the input that a block of output pixels reads. */
static double input_bytes(const struct conv *conv, int64_t rows, int64_t columns)
{
	const int64_t *p = conv->p;
	int64_t high = (rows - 1) * p[CONV_SH] + (p[CONV_KH] - 1) * p[CONV_DH] + 1;
	int64_t wide = (columns - 1) * p[CONV_SW] + (p[CONV_KW] - 1) * p[CONV_DW] + 1;
	high = high < p[CONV_IH] ? high : p[CONV_IH];
	wide = wide < p[CONV_IW] ? wide : p[CONV_IW];
	return 4.0 * (double)(high * wide) * (double)(p[CONV_IN_BLOCKS] * p[CONV_CG] * p[CONV_KD]);
}

/* Along one dim, the share of steps of `step` pixels whose receptive field stays inside the image. */
static double inside_share(int64_t out, int64_t in, int64_t step, int64_t stride, int64_t kernel, int64_t dilation,
                           int64_t pad)
{
	int64_t count = ceil_div(out, step), reach = (step - 1) * stride + (kernel - 1) * dilation;
	int64_t first = ceil_div(pad, step * stride), left = in + pad - reach;
	int64_t end = left > 0 ? ceil_div(left, step * stride) : 0;
	end = end < count ? end : count;
	return end > first ? (double)(end - first) / (double)count : 0;
}

/* ---- CPU ---- */

/* The input pixels from the first to the last that a register tile reads in one plane. */
static double window_pixels(const struct conv *conv, int64_t h, int64_t w)
{
	const int64_t *p = conv->p;
	return (double)((h - 1) * p[CONV_SH] + (p[CONV_KH] - 1) * p[CONV_DH] + 1) *
	       (double)((w - 1) * p[CONV_SW] + (p[CONV_KW] - 1) * p[CONV_DW] + 1);
}

/* Pixels that a register tile copies in one plane if it copies those of one kernel position at a time. */
static double tap_pixels(const struct conv *conv, int64_t h, int64_t w)
{
	return (double)(conv->p[CONV_KH] * conv->p[CONV_KW]) * (double)(h * w);
}

/* Whether the patch of a register tile holds the pixels of one kernel position at a time: where that is less than half
 * of the window, because pixels that follow each other are copied faster, or where the window does not fit local
 * memory. */
static bool is_by_tap(const struct device *device, const struct conv *conv, int64_t h, int64_t w)
{
	double all = window_pixels(conv, h, w);
	return 2 * tap_pixels(conv, h, w) < all || 4.0 * (double)conv->p[CONV_CG] * all > (double)device->local_bytes;
}

/* Whether a receptive field may leave the image, beyond which no register tile of exact width reads. */
static bool leaves_image(const struct conv *conv)
{
	const int64_t *p = conv->p;
	bool plain = p[CONV_KH] * p[CONV_KW] == 1 && p[CONV_SH] == 1 && p[CONV_SW] == 1;
	return !plain || p[CONV_PH] || p[CONV_PW] || p[CONV_IH] != p[CONV_OH] || p[CONV_IW] != p[CONV_OW];
}

/* Work of one register tile, without the traffic beyond local memory. */
static void add_register_tile(const struct device *device, const struct conv *conv, const int64_t *shape,
                              struct work *work)
{
	const int64_t *p = conv->p, h = shape[SHAPE_H], w = shape[SHAPE_W], ocv = shape[SHAPE_OCV];
	/* A step waits for its loads of weights and pixels if these take longer than its multiply-adds. It waits for
	 * earlier steps if it has fewer sums than multiply-adds in flight. */
	double sums = (double)(h * w * ocv), loads = (double)(h * w + ocv), in_flight = 64.0 / device->lanes;
	double steps = sums > loads ? sums : loads;
	steps = (steps > in_flight ? steps : in_flight) + 0.15 * (double)ocv + device->step_extra;
	double inside = inside_share(p[CONV_OH], p[CONV_IH], h, p[CONV_SH], p[CONV_KH], p[CONV_DH], p[CONV_PH]) *
	                inside_share(p[CONV_OW], p[CONV_IW], w, p[CONV_SW], p[CONV_KW], p[CONV_DW], p[CONV_PW]);
	double copied = is_by_tap(device, conv, h, w) ? tap_pixels(conv, h, w) : window_pixels(conv, h, w);
	double patches = (1 - inside) * copied * (double)(p[CONV_IN_BLOCKS] * p[CONV_KD]);
	if (p[CONV_MATMUL] && p[CONV_IN_PIXEL] * 4 % (device->near_bytes / NEAR_WAYS) == 0 && h * w > NEAR_WAYS)
		steps *= 1 + CROWDED_ROW * (double)(h * w - NEAR_WAYS);
	work->flops = 2 * steps * (double)device->lanes * (double)conv->k;
	work->ns = patches * PATCH_PIXEL_NS + (double)conv->positions * POSITION_NS +
	           sums * (p[CONV_SCATTER] ? SCATTER_NS * (1 + conv->full_operands) : STORE_NS);
}

/* Work of a tile. The order of tiles decides which bytes come from memory, the shared cache or local memory. */
static struct work tile_work(const struct device *device, const struct conv *conv, const int64_t *shape, double tiles)
{
	const int64_t *p = conv->p, channels = shape[SHAPE_OCV] * device->lanes;
	struct work work = {0};
	add_register_tile(device, conv, shape, &work);
	double count = (double)(shape[SHAPE_ROWS] * shape[SHAPE_COLUMNS]), local = (double)device->local_bytes;
	double oc_tiles = (double)ceil_div(p[CONV_OC], channels), spatial = tiles / ((double)conv->images * oc_tiles);
	int64_t rows = shape[SHAPE_ROWS] * shape[SHAPE_H], columns = shape[SHAPE_COLUMNS] * shape[SHAPE_W];
	double weights = 4.0 * (double)conv->k * (double)channels, in = input_bytes(conv, rows, columns);
	double image = input_bytes(conv, p[CONV_OH], p[CONV_OW]), out = 4.0 * (double)(rows * columns * channels);
	work.flops *= count;
	work.ns = TILE_NS + work.ns * count;
	/* The first use of each weight reads it from memory. The register tiles of a tile read it again, while no other
	 * tenant uses the core. How much of it the next tile still finds depends on the budget. */
	const struct operand *b = &conv->launch->operands[1];
	double first = (double)(b->buffer->bytes - b->offset) / tiles;
	*(b->buffer->kind == BUFFER_WEIGHTS ? &work.dram : &work.shared) += first;
	if (weights > (double)device->near_bytes / 2)
		*(weights < (double)device->cache_bytes ? &work.near : &work.shared) += weights * (count - 1);
	bool weights_stay = shape[SHAPE_OC_OUTER] ? weights < local : weights * oc_tiles + in < local;
	bool input_stays = shape[SHAPE_OC_OUTER] ? weights + image < local : in < local;
	/* weights that do not stay come from the shared cache, if that holds everything read between two uses */
	double between = shape[SHAPE_OC_OUTER] ? weights + in : weights * oc_tiles + in;
	if (!weights_stay)
		*(between < (double)device->shared_bytes ? &work.shared : &work.dram) += weights * (1 - 1 / spatial);
	work.shared += input_stays ? in / oc_tiles : in;
	work.shared += out * (2 + conv->full_operands); /* writing a line reads it first */
	return work;
}

static void offer(struct choice *choice, const struct conv *conv, const int64_t *shape)
{
	const int64_t *p = conv->p, h = shape[SHAPE_H], w = shape[SHAPE_W];
	struct tile tile = {0};
	memcpy(tile.shape, shape, sizeof tile.shape);
	tile_multiply(&tile, conv->images, 1);
	tile_multiply(&tile, p[CONV_OC], shape[SHAPE_OCV] * choice->device->lanes);
	tile_multiply(&tile, p[CONV_OD] * ceil_div(p[CONV_OH], h), shape[SHAPE_ROWS]);
	tile_multiply(&tile, p[CONV_OW], w * shape[SHAPE_COLUMNS]);
	bool by_tap = is_by_tap(choice->device, conv, h, w);
	tile.local_bytes = 4 * p[CONV_CG] * (by_tap ? h * w : (int64_t)window_pixels(conv, h, w));
	tile.work = tile_work(choice->device, conv, shape, (double)tile.count);
	choice_offer(choice, &tile);
}

/* Offers tiles of one register tile: more columns, then more rows, all divided evenly. */
static void offer_sizes(struct choice *choice, const struct conv *conv, int64_t h, int64_t w, int64_t ocv)
{
	int64_t columns = ceil_div(conv->p[CONV_OW], w), rows = conv->p[CONV_OD] * ceil_div(conv->p[CONV_OH], h);
	for (int64_t n = 1; n < 2 * columns * rows && n <= 4096; n += n < 8 ? 1 : n / 4) {
		int64_t wide = n < columns ? n : columns, high = n < columns ? 1 : n / columns < rows ? n / columns : rows;
		wide = ceil_div(columns, ceil_div(columns, wide));
		high = ceil_div(rows, ceil_div(rows, high));
		for (int64_t outer = 0; outer < 2; outer++)
			offer(choice, conv, (const int64_t[TILE_SHAPE]){h, w, ocv, high, wide, outer});
	}
}

static void set_params(const struct launch *launch, const int64_t *shape, int64_t channels, struct variant *variant)
{
	const int64_t *p = launch->params;
	int64_t columns = shape[SHAPE_COLUMNS] * shape[SHAPE_W], rows = p[CONV_OD] * ceil_div(p[CONV_OH], shape[SHAPE_H]);
	variant_set_all(variant, p, CONV_PARAM_COUNT);
	variant_set_quotient(variant, CONV_OC_TILES, p[CONV_OC], channels);
	variant_set_quotient(variant, CONV_ROW_TILES, rows, shape[SHAPE_ROWS]);
	variant_set_tile(variant, CONV_ROWS, shape[SHAPE_ROWS]);
	variant_set_tile(variant, CONV_COLS_PER_TILE, columns);
	variant_set_quotient(variant, CONV_COL_TILES, p[CONV_OW], columns);
	variant_set_tile(variant, CONV_OC_OUTER, shape[SHAPE_OC_OUTER]);
}

/* Rows x columns x channels of the output / register tile; "c": the outer loop over tiles is that of the channels. */
static const char *tile_text(struct context *ctx, const int64_t *shape, int64_t channels)
{
	long long h = shape[SHAPE_H], w = shape[SHAPE_W], rows = shape[SHAPE_ROWS] * h, columns = shape[SHAPE_COLUMNS] * w;
	return arena_printf(&ctx->arena, "%lldx%lldx%lld/%lldx%lld%s", rows, columns, (long long)channels, h, w,
	                    shape[SHAPE_OC_OUTER] ? " c" : "");
}

static enum ercc_status conv_cpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                 struct variant *variant)
{
	const struct conv conv = conv_of(launch);
	struct choice choice;
	struct tile tile;
	choice_begin(&choice, device, variant);
	if (choice.like)
		offer(&choice, &conv, choice.like);
	for (int64_t ocv = 2; !choice.like && ocv >= 1 && ocv * device->lanes >= 16;
	     ocv--) /* weights are in blocks of 16 */
		for (int64_t h = 1; h <= 2; h++)
			for (int64_t w = (device->registers - 4) / (ocv * h); w >= 1; w--)
				if (h == 1 || (launch->params[CONV_OW] <= 8 && !launch->varies))
					offer_sizes(&choice, &conv, h, w, ocv);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	int64_t ocv = tile.shape[SHAPE_OCV];
	variant->shape_text = tile_text(ctx, tile.shape, ocv * device->lanes);
	set_params(launch, tile.shape, ocv * device->lanes, variant);
	define_number(ctx, variant, true, "P_H", tile.shape[SHAPE_H]);
	define_number(ctx, variant, true, "P_W", tile.shape[SHAPE_W]);
	define_number(ctx, variant, true, "OCV", ocv);
	define_number(ctx, variant, true, "BY_TAP", is_by_tap(device, &conv, tile.shape[SHAPE_H], tile.shape[SHAPE_W]));
	define_number(ctx, variant, false, "NARROW", launch->varies != 0);
	define_number(ctx, variant, false, "PATCHED", !launch->varies || leaves_image(&conv));
	define_number(ctx, variant, false, "CG", launch->params[CONV_CG]);
	define_number(ctx, variant, false, "SW", launch->params[CONV_SW]);
	define_number(ctx, variant, false, "SCATTER", launch->params[CONV_SCATTER]);
	define_special(ctx, variant, "RAGGED",
	               launch->params[CONV_SCATTER] || launch->params[CONV_OC_STORED] % device->lanes != 0, 1);
	define_number(ctx, variant, false, "OUTPUT", launch->operand_count - 1);
	define_number(ctx, variant, false, "VECTOR", 1);
	variant_define(variant, "PIXEL", launch->params[CONV_MATMUL] ? "P(IN_PIXEL)" : "SW * CG");
	define_number(ctx, variant, false, "ROWS_APART", launch->params[CONV_MATMUL]);
	define_epilogue(ctx, launch, variant);
	return ERCC_OK;
}

/* ---- GPU: a block computes M pixels by N channels, a thread TM x TN of them ---- */

#define GPU_ELEMENTS INT32_MAX /* of an image: the kernel counts them in 32 bits */

/* Times of a tile besides arithmetic and bytes. Not measured: typical latencies of such GPUs. */
#define GPU_START_NS 900   /* starting a block, first slice, last store */
#define GPU_LATENCY_NS 500 /* from requesting a slice to having it */
#define GPU_SLICE_NS 40    /* a barrier, and the work before a slice's first multiply-add */

/* Blocks that are offered. registers: per thread, the maximum that ptxas reports for the kernel's forms on sm_80 and
 * sm_90, rounded up to eights. `make check-kernels` checks this, and that no form spills. */
static const struct gpu_block {
	int m, n, tm, tn, registers;
} gpu_blocks[] = {
	{128, 128, 8, 8, 232}, {128, 64, 8, 8, 240}, {64, 128, 8, 8, 240}, {128, 32, 8, 4, 160}, {64, 64, 8, 4, 168},
	{64, 64, 4, 4, 128},   {32, 128, 4, 8, 168}, {64, 32, 4, 4, 136},  {32, 64, 4, 4, 136},  {32, 32, 4, 4, 136},
	{32, 32, 2, 4, 128},   {16, 128, 2, 8, 128}, {16, 64, 2, 4, 128},  {16, 32, 1, 4, 144},  {16, 16, 1, 4, 144},
	{8, 128, 1, 8, 144},   {8, 64, 1, 4, 144},   {8, 32, 1, 4, 144},   {8, 16, 1, 4, 144},   {8, 128, 4, 4, 136},
	{8, 64, 2, 4, 128},    {8, 32, 2, 4, 128},   {4, 128, 1, 4, 144},  {4, 64, 1, 4, 144},   {4, 32, 1, 4, 144},
	{4, 128, 4, 4, 144},   {2, 64, 1, 4, 144},   {1, 256, 1, 4, 144},  {1, 128, 1, 4, 144},
};
enum { SHAPE_M, SHAPE_N, SHAPE_TM, SHAPE_TN, SHAPE_STAGES };

/* The share of a unit's multiply-adds that a block reaches. Four warps can start one each per cycle; further warps hide
 * latency. */
static double reach(int64_t threads)
{
	double most = threads < 128 ? 128 : (double)threads;
	return (double)threads / (most + 64);
}

/* Bytes of local memory's bandwidth that the loads of a block for one slice take. Equal addresses in one load of a warp
 * count once. Some bandwidth is lost. */
static double near_bytes(const struct gpu_block *block, int64_t threads)
{
	int64_t rows = block->m / block->tm, across = block->n / block->tn;
	int64_t high = rows < 4 ? rows : across < 8 ? 32 / across : 4, wide = 32 / high;
	double pixels = 192.0 * block->tm, channels = (wide > 8 ? 16.0 * (double)wide : 192.0) * block->tn;
	return (double)threads / 32 * CONV_SLICE / 4 * (pixels + channels);
}

/* A slice is requested while stages - 1 slices are still to be multiplied. If those take less time than the latency,
 * the block waits for the rest. */
static double waiting_ns(const struct device *device, const struct tile *tile, double slices, int64_t stages)
{
	double late = GPU_LATENCY_NS / (double)(stages - 1) - tile_ns(device, tile) / slices;
	return late > 0 ? slices * late : 0;
}

static void offer_block(struct choice *choice, const struct conv *conv, const struct gpu_block *block, int64_t stages)
{
	const int64_t *p = conv->p, m = block->m, n = block->n;
	int64_t pixels = p[CONV_OD] * p[CONV_OH] * p[CONV_OW], threads = m / block->tm * (n / block->tn);
	double slices = (double)conv_slices(p) / (double)conv->parts;
	double weights = (double)conv->launch->operands[1].buffer->bytes;
	struct tile tile = {.shape = {m, n, block->tm, block->tn, stages},
	                    .threads = (uint32_t)threads,
	                    .registers = (uint32_t)block->registers};
	tile_multiply(&tile, conv->images * conv->beside, 1);
	tile_multiply(&tile, pixels, m);
	tile_multiply(&tile, p[CONV_OC], n);
	/* the tile's pixels; then per stage rows of terms and blocks of weights, padded against bank conflicts */
	tile.local_bytes = 16 * m + 4 * stages * (m * (CONV_SLICE + 4) + n / 16 * (CONV_SLICE * 16 + 16));
	tile.work.flops =
		slices * (2.0 * (double)(m * n * CONV_SLICE) / reach(threads) + GPU_SLICE_NS * choice->device->flops_per_ns);
	tile.work.near = near_bytes(block, threads) * slices;
	tile.work.dram = weights / (double)(tile.count / conv->beside * conv->parts);
	/* bytes from memory are not counted again for the cache */
	double read = 4.0 * (double)conv->k / (double)conv->parts * (double)(m + n) - tile.work.dram;
	tile.work.shared = (read > 0 ? read : 0) + 4.0 * (double)(m * n) * (1 + conv->full_operands);
	tile.work.ns = GPU_START_NS + waiting_ns(choice->device, &tile, slices, stages);
	choice_offer(choice, &tile);
}

/* Whether an operand is aligned to 16 bytes. Buffers, inputs and outputs are aligned to 64. */
static bool is_aligned(const struct operand *operand)
{
	int64_t offset = 0;
	buffer_root(operand->buffer, &offset);
	return (offset + operand->offset) % 16 == 0;
}

/* Whether the lanes of an input pixel can be copied four at a time. */
static bool packs_input(const struct conv *conv)
{
	const int64_t *p = conv->p;
	return p[CONV_CG] == 16 && is_aligned(&conv->launch->operands[0]) && p[CONV_IN_IMAGE] % 4 == 0 &&
	       p[CONV_IN_GROUP] % 4 == 0 && p[CONV_IN_PLANE] % 4 == 0 && p[CONV_IN_ROW] % 4 == 0 &&
	       p[CONV_IN_PIXEL] % 4 == 0;
}

/* Whether four neighbouring channels can be stored, and read by the epilogue, at once. */
static bool packs_output(const struct conv *conv)
{
	const struct launch *launch = conv->launch;
	const int64_t *p = conv->p;
	bool packs = !p[CONV_SCATTER] && p[CONV_OC_STORED] % 4 == 0 && (p[CONV_GROUPS] == 1 || p[CONV_OC] % 4 == 0) &&
	             p[CONV_OUT_IMAGE] % 4 == 0 && p[CONV_OUT_BLOCK] % 4 == 0 && p[CONV_OUT_PIXEL] % 4 == 0;
	for (int i = CONV_START; i < launch->operand_count; i++)
		packs = packs && (is_aligned(&launch->operands[i]) || launch->operands[i].role == ROLE_CHANNEL ||
		                  launch->operands[i].role == ROLE_SCALAR);
	return packs;
}

/* Whether a window may leave the image along a dim. pad, out, in, kernel and dilation are indices of the dim's
 * params. */
static bool leaves(const int64_t *p, int pad, int out, int in, int64_t stride, int kernel, int dilation)
{
	return p[pad] || (p[out] - 1) * stride + (p[kernel] - 1) * p[dilation] >= p[in];
}

static bool has_window(const int64_t *p)
{
	return leaves(p, CONV_PD, CONV_OD, CONV_ID, p[CONV_SD], CONV_KD, CONV_DD) ||
	       leaves(p, CONV_PH, CONV_OH, CONV_IH, p[CONV_SH], CONV_KH, CONV_DH) ||
	       leaves(p, CONV_PW, CONV_OW, CONV_IW, p[CONV_SW], CONV_KW, CONV_DW);
}

/* Sets the params that both kernels have, at the same indices, then those of the GPU's kernel. */
static void set_gpu_params(const struct conv *conv, const int64_t *shape, struct variant *variant)
{
	const int64_t *p = conv->p;
	variant_set_all(variant, p, GPU_CONV_OC_TILES);
	variant_set_quotient(variant, GPU_CONV_OC_TILES, p[CONV_OC], shape[SHAPE_N]);
	variant_set_quotient(variant, GPU_CONV_PIXEL_TILES, p[CONV_OD] * p[CONV_OH] * p[CONV_OW], shape[SHAPE_M]);
	variant_set(variant, GPU_CONV_PARTS, conv->beside);
	variant_set(variant, GPU_CONV_PART_SLICES, p[CONV_PARTS] ? p[CONV_PART_SLICES] : conv_slices(p));
	variant_set(variant, GPU_CONV_OUT_PART, p[CONV_OUT_PART]);
	variant_set(variant, GPU_CONV_FIRST_SLICE, p[CONV_LINK] ? (p[CONV_LINK] - 1) * p[CONV_PART_SLICES] : 0);
}

static enum ercc_status conv_parts_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                       struct variant *variant)
{
	static const char *const of_tile[] = {"M", "N", "TM", "TN", "STAGES"};
	const struct conv conv = conv_of(launch);
	const int64_t *p = launch->params;
	struct choice choice;
	struct tile tile;
	if (p[CONV_IN_BLOCKS] * p[CONV_IN_PLANE] > GPU_ELEMENTS || p[CONV_ID] * p[CONV_IH] * p[CONV_IN_ROW] > GPU_ELEMENTS)
		return fail(ctx, ERCC_UNSUPPORTED, "launch '%s' has images of 2^31 elements or more", launch->name);
	choice_begin(&choice, device, variant);
	for (size_t i = 0; i < COUNT_OF(gpu_blocks); i++)
		for (int64_t stages = gpu_blocks[i].m > 8 ? 4 : 8; stages >= 2; stages -= stages > 4 ? 2 : 1)
			offer_block(&choice, &conv, &gpu_blocks[i], stages);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	const int64_t *shape = tile.shape;
	variant->shape_text =
		arena_printf(&ctx->arena, "%lldx%lld/%lldx%lld*%lld", (long long)shape[SHAPE_M], (long long)shape[SHAPE_N],
	                 (long long)shape[SHAPE_TM], (long long)shape[SHAPE_TN], (long long)shape[SHAPE_STAGES]);
	set_gpu_params(&conv, shape, variant);
	for (size_t i = 0; i < COUNT_OF(of_tile); i++)
		define_number(ctx, variant, true, of_tile[i], shape[i]);
	define_number(ctx, variant, false, "CG", p[CONV_CG]);
	define_number(ctx, variant, false, "SW", p[CONV_SW]);
	define_special(ctx, variant, "PACK", packs_input(&conv), 0);
	define_special(ctx, variant, "TAIL", p[CONV_LAST_K] % 4 != 0, 1);
	define_special(ctx, variant, "WINDOW", has_window(p), 1);
	define_number(ctx, variant, false, "SCATTER", p[CONV_SCATTER]);
	define_special(ctx, variant, "OUT_PACK", packs_output(&conv) ? 4 : 1, 1);
	define_number(ctx, variant, false, "START", launch->input_count > CONV_START ? CONV_START : 0);
	define_number(ctx, variant, false, "OUTPUT", launch->operand_count - 1);
	define_epilogue(ctx, launch, variant);
	return ERCC_OK;
}

/* Launches whose sums are divided are run as other launches, which conv_split.c adds. */
static enum ercc_status conv_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                 struct variant *variant)
{
	return launch->params[CONV_PARTS] ? no_tiles(ctx, device, launch, variant)
	                                  : conv_parts_gpu(ctx, device, launch, variant);
}

const struct kernel_template conv_template = {
	.stem = "conv",
	.cpu = conv_cpu,
	.gpu = conv_gpu,
	.epilogue = true,
	.channel_strides = conv_channel_strides,
	.split = conv_split,
};
const struct kernel_template conv_parts_template = {
	.stem = "conv",
	.cpu = no_tiles,
	.gpu = conv_parts_gpu,
	.epilogue = true,
	.channel_strides = conv_channel_strides,
};
