/* Convolution and matrix product: out[pixel][channel] = sum over (input block, kd, kh, kw, lane) of in * weight, in
 * that order. A register tile is P_H x P_W output pixels by OCV vectors of output channels (2, or 1 of 16 lanes).
 * Bound: compute. 14 x 32 floats reach 98 % of the FMA peak of a Zen 4 core (AVX-512).
 *
 * Input: blocks of CG channels (the CG lanes of a pixel are contiguous); neighbouring output pixels are PIXEL elements
 * apart. Weights: [group][block of 16][input block][kd][kh][kw][CG][16]. A matrix product is one row of pixels. Where
 * the receptive field leaves the image, it is copied to a zero-padded patch in local memory: a plane of it at a time, or
 * (BY_TAP) the pixels that one kernel position reads.
 * Where sizes are known at run time only (NARROW), a tile takes narrower register tiles if they divide its pixels more
 * evenly: 16 pixels are 2 x 8, not 14 and a rest of 2. The last one then ends with the tile: it computes pixels of the one
 * before again. If it is the only one, its upper half does so with pixels of its lower half, unless it is PATCHED.
 * Defines: P_H, P_W, OCV, BY_TAP, NARROW, PATCHED (0: no receptive field leaves the image), CG, SW, PIXEL, SCATTER (1: output channels are not contiguous), RAGGED (1: the last vector of
 * channels may be stored in part), ROWS_APART (1: the pixels are rows of a plain matrix), OUTPUT (operand number of the
 * output), LOADk, EXPR, RESULT. */
#ifndef P_H
#define P_H 1
#define P_W 6
#define OCV 2
#define BY_TAP 0
#define NARROW 1
#define PATCHED 1
#define CG 16
#define SW 1
#define PIXEL (SW * CG)
#define SCATTER 0
#define RAGGED 0
#define ROWS_APART 0
#define OUTPUT 2
#define LOAD0 VALUE
#define EXPR
#define RESULT LOAD0
#endif

#define AHEAD 32 /* prefetch distance in a row, in elements */
#define BLOCKS_PER_TILE (OCV * LANES / 16)

/* The patch: its size in pixels, the distance of its pixels in the image, and the place of a kernel position in it. */
#if BY_TAP
#define PATCH_H P_H
#define PATCH_W(w) (w)
#define STEP_H P(SH)
#define STEP_W SW
#define TAP_AT(kh, kw) 0
#else
#define PATCH_H ((P_H - 1) * P(SH) + (P(KH) - 1) * P(DH) + 1)
#define PATCH_W(w) (((w)-1) * SW + (P(KW) - 1) * P(DW) + 1)
#define STEP_H 1
#define STEP_W 1
#define TAP_AT(kh, kw) ((kh)*P(DH) * pixels * CG + (kw)*P(DW) * CG)
#endif

#if SCATTER || RAGGED
/* Loads `count` lanes, `stride` apart. Not inlined, because the calls are in fully unrolled code. */
static __attribute__((noinline)) f32_value load_lanes(const float *from, long stride, long count)
{
	float x[LANES] = {0};
	for (long l = 0; l < count; l++)
		x[l] = from[l * stride];
	return f32_load(x);
}

static __attribute__((noinline)) void store_lanes(float *to, long stride, long count, f32_value value)
{
	float x[LANES];
	f32_store(x, value);
	for (long l = 0; l < count; l++)
		to[l * stride] = x[l];
}
#endif

/* acc += A[pixel][k] * B[k][channel] for k < count. w: the register tile's width, a constant where this is inlined.
 * a, upper: where A would begin for the lower and for the upper half of the pixels. */
FN void multiply(int w, f32_value acc[P_H * P_W][OCV], const float *a, const float *upper, long row, long pixel,
                 const float *b, long block, long count)
{
	(void)row;
	if (ROWS_APART) { /* more streams than the hardware prefetcher of a core follows */
		UNROLL for (int x = 0; x < w; x++) __builtin_prefetch((x < w / 2 ? a : upper) + x * pixel + AHEAD);
	}
	for (long k = 0; k < count; k++) {
		f32_value b_k[OCV];
		UNROLL for (int v = 0; v < OCV; v++) b_k[v] = f32_load(b + v * LANES / 16 * block + v * LANES % 16 + k * 16);
		UNROLL for (int y = 0; y < P_H; y++) UNROLL for (int x = 0; x < w; x++)
		{
			f32_value s = f32_set((x < w / 2 ? a : upper)[y * row + x * pixel + k]);
			UNROLL for (int v = 0; v < OCV; v++) acc[y * P_W + x][v] += s * b_k[v];
		}
	}
}

/* Copies what a register tile reads from pixel (ih, iw) of a plane on into local memory, with zeros outside the image.
 * width: the patch's, in pixels.
 * Reads only `count` lanes of a pixel, because a plain matrix may end after its last pixel. */
static __attribute__((noinline)) void fill_patch(float *to, const float *plane, const long long *p, long width, long ih,
                                                 long iw, long count)
{
	long height = PATCH_H;
	long left = iw < 0 ? (STEP_W - 1 - iw) / STEP_W : 0; /* columns from here to `right` are inside the image */
	long right = P(IW) > iw ? (P(IW) - iw + STEP_W - 1) / STEP_W : 0;
	left = left < width ? left : width;
	right = right < width ? right : width;
	right = right > left ? right : left;
	for (long y = 0; y < height; y++, to += width * CG) {
		long r = ih + y * STEP_H, end = r >= 0 && r < P(IH) ? right : left;
		const float *from = plane + r * P(IN_ROW) + iw * P(IN_PIXEL);
		for (long i = 0; i < left * CG; i++)
			to[i] = 0.0f;
		if (STEP_W == 1 && count == CG && P(IN_PIXEL) == CG)
			for (long i = left * CG; i < end * CG; i++)
				to[i] = from[i];
		else
			for (long x = left; x < end; x++)
				for (long l = 0; l < CG; l++)
					to[x * CG + l] = l < count ? from[x * STEP_W * P(IN_PIXEL) + l] : 0.0f;
		for (long i = end * CG; i < width * CG; i++)
			to[i] = 0.0f;
	}
}

/* Where register tiles have several widths, one function stores all of them: a copy of it for each width would take a C
 * compiler longer than all the rest. */
#if NARROW
#define STORE static __attribute__((noinline))
#define STORE_UNROLL
#else
#define STORE FN
#define STORE_UNROLL UNROLL
#endif

STORE void store_tile(int w, f32_value acc[P_H * P_W][OCV], const struct erc_tile_args *args, const long long *p,
                      long image, long group, long block, long od, long oh, long ow, long back, long from)
{
	float *out = args->buffers[OUTPUT];
	STORE_UNROLL for (int y = 0; y < P_H; y++) STORE_UNROLL for (int x = 0; x < w; x++)
		STORE_UNROLL for (int v = 0; v < OCV; v++)
	{
		long lane = block * 16 + v * LANES; /* within the group */
		long column = ow + x - (x < w / 2 ? 0 : back);
		if (oh + y >= P(OH) || column >= P(OW) || lane >= P(OC_STORED))
			continue;
		if (NARROW && (column < from || (x >= w / 2 && column < ow + w / 2)))
			continue;
		long channel = group * P(OC) + lane;
		long pixel = (od * P(OH) + oh + y) * P(OW) + column;
		long offset =
			image * P(OUT_IMAGE) + channel / 16 * P(OUT_BLOCK) + channel % 16 * P(OUT_LANE) + pixel * P(OUT_PIXEL);
		long count = P(OC_STORED) - lane < LANES ? P(OC_STORED) - lane : LANES;
		(void)count, (void)channel;
#define VALUE acc[y * P_W + x][v]
#if SCATTER
		offset = image * P(OUT_IMAGE) + channel * P(OUT_LANE) + pixel * P(OUT_PIXEL);
#define LOAD_FULL(k) load_lanes((const float *)args->buffers[k] + offset, P(OUT_LANE), count)
#elif !RAGGED
#define LOAD_FULL(k) f32_load((const float *)args->buffers[k] + offset)
#else
#define LOAD_FULL(k) \
	(count == LANES ? f32_load((const float *)args->buffers[k] + offset) \
	                : load_lanes((const float *)args->buffers[k] + offset, 1, count))
#endif
#if SCATTER || RAGGED
#define LOAD_CHANNEL(k) load_lanes((const float *)args->buffers[k] + channel, 1, count)
#else
#define LOAD_CHANNEL(k) f32_load((const float *)args->buffers[k] + channel)
#endif
#define LOAD_SCALAR(k) f32_set(((const float *)args->buffers[k])[0])
		EXPR f32_value result = RESULT;
#if SCATTER
		store_lanes(out + offset, P(OUT_LANE), count, result);
#else
#if RAGGED
		if (count < LANES) {
			store_lanes(out + offset, 1, count, result);
			continue;
		}
#endif
		f32_store(out + offset, result);
#endif
	}
}

/* Computes one register tile, `width` pixels wide from column ow on, its upper half `back` pixels further back. Stores
 * what is not before column `from`. block: the first output block within the group. */
FN void register_tile(int width, const struct erc_tile_args *args, const long long *p, float *local, long image,
                      long group, long block, long od, long oh, long ow, long back, long from)
{
	f32_value acc[P_H * P_W][OCV];
	UNROLL for (int i = 0; i < P_H * P_W; i++) UNROLL for (int v = 0; v < OCV; v++) acc[i][v] = f32_set(0.0f);
	const float *in = (const float *)args->buffers[0] + image * P(IN_IMAGE) + group * P(IN_GROUP);
	const float *w =
		(const float *)args->buffers[1] + image * P(W_IMAGE) + (group * ((P(OC) + 31) / 32 * 2) + block) * P(W_BLOCK);
	long ih = oh * P(SH) - P(PH), iw = ow * SW - P(PW);
	int inside = !PATCHED || (ih >= 0 && ih + (P_H - 1) * P(SH) + (P(KH) - 1) * P(DH) < P(IH) && iw >= 0 &&
	                          iw + (width - 1 - back) * SW + (P(KW) - 1) * P(DW) < P(IW));
	for (long c = 0; c < P(IN_BLOCKS); c++) {
		long count = c + 1 < P(IN_BLOCKS) ? CG : P(LAST_K);
		for (long kd = 0; kd < P(KD); kd++) {
			long id = od * P(SD) - P(PD) + kd * P(DD);
			if (id < 0 || id >= P(ID)) {
				w += P(KH) * P(KW) * CG * 16;
				continue;
			}
			const float *plane = in + c * P(IN_PLANE) + id * P(IH) * P(IN_ROW);
			if (inside) {
				const float *a = plane + ih * P(IN_ROW) + iw * P(IN_PIXEL);
				for (long kh = 0; kh < P(KH); kh++)
					for (long kw = 0; kw < P(KW); kw++, w += CG * 16) {
						const float *at = a + kh * P(DH) * P(IN_ROW) + kw * P(DW) * P(IN_PIXEL);
						multiply(width, acc, at, at - back * PIXEL, P(SH) * P(IN_ROW), PIXEL, w, P(W_BLOCK), count);
					}
			} else {
				long pixels = PATCH_W(width);
				if (!BY_TAP)
					fill_patch(local, plane, p, pixels, ih, iw, count);
				for (long kh = 0; kh < P(KH); kh++)
					for (long kw = 0; kw < P(KW); kw++, w += CG * 16) {
						if (BY_TAP)
							fill_patch(local, plane, p, pixels, ih + kh * P(DH), iw + kw * P(DW), count);
						multiply(width, acc, local + TAP_AT(kh, kw), local + TAP_AT(kh, kw),
						         P(SH) / STEP_H * pixels * CG, SW / STEP_W * CG, w, P(W_BLOCK), count);
					}
			}
		}
	}
#if NARROW /* P_H is 1. Sums that another function reads by their address would not be in registers while they are made. */
	f32_value sums[P_H * P_W][OCV];
	UNROLL for (int i = 0; i < width; i++) UNROLL for (int v = 0; v < OCV; v++) sums[i][v] = acc[i][v];
	store_tile(width, sums, args, p, image, group, block, od, oh, ow, back, from);
#else
	store_tile(width, acc, args, p, image, group, block, od, oh, ow, back, from);
#endif
}

#if NARROW
#define NARROW_WIDTHS(DO) DO(1) DO(2) DO(4) DO(6) DO(8) DO(10) DO(12)
#else
#define NARROW_WIDTHS(DO)
#endif

/* The width of the register tiles that compute `columns` pixels: their number is the least, and they share evenly. */
FN long width_for(long columns)
{
	long count = (columns + P_W - 1) / P_W, even = (columns + count - 1) / count;
	(void)even;
#define AT_LEAST(w) \
	if (w < P_W && even <= w) \
		return w;
	NARROW_WIDTHS(AT_LEAST)
	return P_W;
}

/* tile -> (image, group, channels, rows, columns), or with the channels innermost. With channels innermost, the tiles
 * of all channels that read the same pixels follow each other. Otherwise the tiles of all pixels that read the same
 * weights do. */
void KERNEL(const struct erc_tile_args *args, uint32_t tile, void *local)
{
	const long long *p = args->params;
	long t = tile, channels = 0;
	if (!P(OC_OUTER))
		channels = t % P(OC_TILES), t /= P(OC_TILES);
	long columns = t % P(COL_TILES);
	t /= P(COL_TILES);
	long rows = t % P(ROW_TILES);
	t /= P(ROW_TILES);
	if (P(OC_OUTER))
		channels = t % P(OC_TILES), t /= P(OC_TILES);
	long group = t % P(GROUPS), image = t / P(GROUPS), row_groups = (P(OH) + P_H - 1) / P_H;
	long last_row = (rows + 1) * P(ROWS) < P(OD) * row_groups ? (rows + 1) * P(ROWS) : P(OD) * row_groups;
	long last = (columns + 1) * P(COLS_PER_TILE) < P(OW) ? (columns + 1) * P(COLS_PER_TILE) : P(OW);
	long first = columns * P(COLS_PER_TILE), width = width_for(last - first);
	for (long r = rows * P(ROWS); r < last_row; r++)
		for (long ow = first; ow < last; ow += width) {
			long beyond = NARROW && ow + width > last ? ow + width - last : 0, before = ow > first ? beyond : 0;
			long back = PATCHED ? 0 : beyond - before;
#define COMPUTE(w) \
	register_tile(w, args, p, local, image, group, channels *BLOCKS_PER_TILE, r / row_groups, r % row_groups * P_H, \
	              ow - before, back, ow)
#define COMPUTE_IF(w) \
	if (w < P_W && width == w) \
		COMPUTE(w); \
	else
			NARROW_WIDTHS(COMPUTE_IF)
			COMPUTE(P_W);
		}
}
