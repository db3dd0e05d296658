/* Tiles for the convolution kernel: register tile, how many of them a tile holds, and the order of tiles. */
#include "conv.h"

#include "rows.h"

/* The tile's shape: a register tile is H x W pixels by OCV vectors of channels, a tile ROWS x COLUMNS of them. */
enum { SHAPE_H, SHAPE_W, SHAPE_OCV, SHAPE_ROWS, SHAPE_COLUMNS, SHAPE_OC_OUTER };

/* What the kernel takes besides multiply-adds, measured on a Zen 4 core. */
#define PATCH_PIXEL_NS 1.5 /* copying one pixel's channels for a receptive field that leaves the image */
#define TILE_NS 150        /* beginning with a tile: nothing that it reads is near yet */
#define POSITION_NS 1.5    /* beginning with the next kernel position */
#define STORE_NS 1.5       /* storing a vector through the epilogue */
#define SCATTER_NS 20.0    /* storing its lanes one by one */

static void define(struct context *ctx, struct variant *variant, const char *name, long long value)
{
	variant->defines[variant->define_count++] = (struct define){name, arena_printf(&ctx->arena, "%lld", value)};
}

/* A define that belongs to the tile. */
static void define_tile(struct context *ctx, struct variant *variant, const char *name, long long value)
{
	variant->tile_defines |= UINT64_C(1) << variant->define_count;
	define(ctx, variant, name, value);
}

/* Rows of a plain matrix that lie a multiple of a way of the L1 apart meet in the same lines of it, and beyond as many
 * as it has ways they push each other out: so much longer takes each row more. */
#define NEAR_WAYS 8
#define CROWDED_ROW 0.05

/* ---- sizes that all tile shapes of a launch share ---- */

struct conv {
	const struct launch *launch;
	const int64_t *p;
	int64_t k;             /* terms of a sum */
	int64_t positions;     /* blocks of terms that are contiguous */
	int64_t images;        /* times groups */
	int full_operands;     /* that the epilogue reads pixel by pixel */
};

static struct conv conv_of(const struct launch *launch)
{
	const int64_t *p = launch->params;
	struct conv conv = {.launch = launch, .p = p, .images = p[CONV_IMAGES] * p[CONV_GROUPS]};
	int64_t taps = p[CONV_KD] * p[CONV_KH] * p[CONV_KW];
	conv.k = ((p[CONV_IN_BLOCKS] - 1) * p[CONV_CG] + p[CONV_LAST_K]) * taps;
	conv.positions = p[CONV_IN_BLOCKS] * taps;
	for (int i = launch->input_count; i < launch->operand_count - 1; i++)
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

/* Of the steps of `step` pixels along one dim, the share whose receptive field stays inside the image. */
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

/* Input pixels that a register tile reads, in one plane: those of its patch in local memory. */
static int64_t patch_pixels(const struct conv *conv, int64_t h, int64_t w)
{
	const int64_t *p = conv->p;
	return ((h - 1) * p[CONV_SH] + (p[CONV_KH] - 1) * p[CONV_DH] + 1) *
	       ((w - 1) * p[CONV_SW] + (p[CONV_KW] - 1) * p[CONV_DW] + 1);
}

/* One register tile without the traffic behind local memory. */
static void add_register_tile(const struct device *device, const struct conv *conv, const int64_t *shape,
                              struct work *work)
{
	const int64_t *p = conv->p, h = shape[SHAPE_H], w = shape[SHAPE_W], ocv = shape[SHAPE_OCV];
	/* A step waits for its loads, of weights and of pixels, where they are more than its multiply-adds, and for
	 * earlier ones, where it has fewer sums than are in flight. */
	double sums = (double)(h * w * ocv), loads = (double)(h * w + ocv), in_flight = 64.0 / device->lanes;
	double steps = sums > loads ? sums : loads;
	steps = (steps > in_flight ? steps : in_flight) + 0.15 * (double)ocv + device->step_extra;
	double inside = inside_share(p[CONV_OH], p[CONV_IH], h, p[CONV_SH], p[CONV_KH], p[CONV_DH], p[CONV_PH]) *
	                inside_share(p[CONV_OW], p[CONV_IW], w, p[CONV_SW], p[CONV_KW], p[CONV_DW], p[CONV_PW]);
	double patches = (1 - inside) * (double)(patch_pixels(conv, h, w) * p[CONV_IN_BLOCKS] * p[CONV_KD]);
	if (p[CONV_MATMUL] && p[CONV_IN_PIXEL] * 4 % (device->near_bytes / NEAR_WAYS) == 0 && h * w > NEAR_WAYS)
		steps *= 1 + CROWDED_ROW * (double)(h * w - NEAR_WAYS);
	work->flops = 2 * steps * (double)device->lanes * (double)conv->k;
	work->ns = patches * PATCH_PIXEL_NS + (double)conv->positions * POSITION_NS +
	           sums * (p[CONV_SCATTER] ? SCATTER_NS * (1 + conv->full_operands) : STORE_NS);
}

/* A tile's work from that of its register tiles; what comes from where depends on the order of tiles. */
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
	/* weights: the first use of each is from memory, the register tiles of a tile read them again and again, and
	 * meanwhile no other tenant is on the core; what is left for the next tile is what the budget says */
	const struct operand *b = &conv->launch->operands[1];
	double first = (double)(b->buffer->bytes - b->offset) / tiles;
	*(b->buffer->kind == BUFFER_WEIGHTS ? &work.dram : &work.shared) += first;
	if (weights > (double)device->near_bytes / 2)
		*(weights < (double)device->cache_bytes ? &work.near : &work.shared) += weights * (count - 1);
	bool weights_stay = shape[SHAPE_OC_OUTER] ? weights < local : weights * oc_tiles + in < local;
	bool input_stays = shape[SHAPE_OC_OUTER] ? weights + image < local : in < local;
	/* where they do not, they come from as near as all that is read until they are wanted again has room */
	double between = shape[SHAPE_OC_OUTER] ? weights + in : weights * oc_tiles + in;
	if (!weights_stay)
		*(between < (double)device->shared_bytes ? &work.shared : &work.dram) += weights * (1 - 1 / spatial);
	work.shared += input_stays ? in / oc_tiles : in;
	work.shared += out * (2 + conv->full_operands); /* a line that is written is read first */
	return work;
}

static void offer(struct choice *choice, const struct conv *conv, const int64_t *shape)
{
	const int64_t *p = conv->p, h = shape[SHAPE_H], w = shape[SHAPE_W];
	struct tile tile = {0};
	memcpy(tile.shape, shape, sizeof tile.shape);
	tile.count = conv->images * ceil_div(p[CONV_OC], shape[SHAPE_OCV] * choice->device->lanes) *
	             ceil_div(p[CONV_OD] * ceil_div(p[CONV_OH], h), shape[SHAPE_ROWS]) *
	             ceil_div(ceil_div(p[CONV_OW], w), shape[SHAPE_COLUMNS]);
	tile.local_bytes = 4 * p[CONV_CG] * patch_pixels(conv, h, w);
	tile.work = tile_work(choice->device, conv, shape, (double)tile.count);
	choice_offer(choice, &tile);
}

/* All sizes of a tile for one register tile: along columns, then rows, cut evenly. */
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
	static const int tiled[] = {
		CONV_OC_TILES, CONV_ROW_TILES, CONV_ROWS, CONV_COLS_PER_TILE, CONV_COL_TILES, CONV_OC_OUTER};
	int64_t *p = variant->params;
	memcpy(p, launch->params, sizeof(int64_t) * CONV_PARAM_COUNT);
	p[CONV_COLS_PER_TILE] = shape[SHAPE_COLUMNS] * shape[SHAPE_W];
	p[CONV_COL_TILES] = ceil_div(p[CONV_OW], p[CONV_COLS_PER_TILE]);
	p[CONV_ROWS] = shape[SHAPE_ROWS];
	p[CONV_ROW_TILES] = ceil_div(p[CONV_OD] * ceil_div(p[CONV_OH], shape[SHAPE_H]), p[CONV_ROWS]);
	p[CONV_OC_TILES] = ceil_div(p[CONV_OC], channels);
	p[CONV_OC_OUTER] = shape[SHAPE_OC_OUTER];
	variant->param_count = CONV_PARAM_COUNT;
	for (size_t i = 0; i < COUNT_OF(tiled); i++)
		variant->tile_params |= UINT64_C(1) << tiled[i];
}

/* Rows x columns x channels of the output / register tile; c: the channels are the outer loop over tiles. */
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
	for (int64_t ocv = 2; ocv >= 1 && ocv * device->lanes >= 16; ocv--) /* weights lie in blocks of 16 channels */
		for (int64_t h = 1; h <= 2; h++)
			for (int64_t w = (device->registers - 4) / (ocv * h); w >= 1; w--)
				if (h == 1 || launch->params[CONV_OW] <= 8)
					offer_sizes(&choice, &conv, h, w, ocv);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	int64_t ocv = tile.shape[SHAPE_OCV];
	variant->shape_text = tile_text(ctx, tile.shape, ocv * device->lanes);
	set_params(launch, tile.shape, ocv * device->lanes, variant);
	define_tile(ctx, variant, "P_H", tile.shape[SHAPE_H]);
	define_tile(ctx, variant, "P_W", tile.shape[SHAPE_W]);
	define_tile(ctx, variant, "OCV", ocv);
	define(ctx, variant, "CG", launch->params[CONV_CG]);
	define(ctx, variant, "SW", launch->params[CONV_SW]);
	define(ctx, variant, "SCATTER", launch->params[CONV_SCATTER]);
	define(ctx, variant, "RAGGED", launch->params[CONV_SCATTER] || launch->params[CONV_OC_STORED] % device->lanes != 0);
	define(ctx, variant, "OUTPUT", launch->operand_count - 1);
	define(ctx, variant, "VECTOR", 1);
	variant->defines[variant->define_count++] = (struct define){"PIXEL", launch->params[CONV_MATMUL] ? "P(IN_PIXEL)" : "SW * CG"};
	define(ctx, variant, "ROWS_APART", launch->params[CONV_MATMUL]);
	define_epilogue(ctx, launch, variant);
	return ERCC_OK;
}

/* ---- GPU: a block computes M pixels by N channels, a thread TM x TN of them ---- */

#define GPU_K 16      /* terms in local memory at a time, for each of two stages */

static void offer_block(struct choice *choice, const struct conv *conv, int64_t m, int64_t n, int64_t tm, int64_t tn)
{
	const int64_t *p = conv->p;
	const struct device *device = choice->device;
	int64_t pixels = p[CONV_OD] * p[CONV_OH] * p[CONV_OW], threads = m / tm * (n / tn);
	double flops = 2.0 * (double)(m * n) * (double)conv->k, full = 8.0 * device->lanes; /* threads that hide latency */
	int64_t registers = tm * tn + 2 * (tm + tn) + 24; /* of a thread: sums, two stages of operands, addresses */
	struct tile tile = {.shape = {m, n, tm, tn}, .threads = (uint32_t)threads, .registers = (uint32_t)registers};
	if (threads < device->lanes || threads > 512 || registers > 255 || threads * registers > device->registers)
		return;
	tile.count = conv->images * ceil_div(pixels, m) * ceil_div(p[CONV_OC], n);
	tile.local_bytes = 2 * 4 * GPU_K * (m + n);
	tile.work.flops = flops * ((double)threads < full ? full / (double)threads : 1);
	tile.work.near = 2 * flops * (1.0 / (double)tm + 1.0 / (double)tn);
	tile.work.dram = (double)conv->launch->operands[1].buffer->bytes / (double)tile.count;
	tile.work.shared = 4.0 * (double)conv->k * (double)(m + n) + 4.0 * (double)(m * n) * (1 + conv->full_operands);
	tile.work.ns = 1000;
	choice_offer(choice, &tile);
}

static enum ercc_status conv_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                                 struct variant *variant)
{
	const struct conv conv = conv_of(launch);
	struct choice choice;
	struct tile tile;
	choice_begin(&choice, device, variant);
	for (int64_t m = 128; m >= 8; m /= 2)
		for (int64_t n = 128; n >= 8; n /= 2)
			for (int64_t tm = 8; tm >= 1; tm /= 2)
				for (int64_t tn = 8; tn >= 1; tn /= 2)
					offer_block(&choice, &conv, m, n, tm, tn);
	TRY(choice_end(ctx, &choice, launch, variant, &tile));
	const int64_t *shape = tile.shape;
	variant->shape_text = arena_printf(&ctx->arena, "%lldx%lld/%lldx%lld", (long long)shape[0], (long long)shape[1],
	                                   (long long)shape[2], (long long)shape[3]);
	return ERCC_OK;
}

const struct kernel_template conv_template = {.stem = "conv", .cpu = conv_cpu, .gpu = conv_gpu, .epilogue = true};
