/* Convolution and matrix product: out[pixel][channel] = sum over (input block, kd, kh, kw, lane) of in * weight, in
 * that order. A register tile is P_H x P_W output pixels by OCV vectors of output channels (2, or 1 of 16 lanes).
 * Bound: compute. 14 x 32 floats reach 98 % of the FMA peak of a Zen 4 core (AVX-512).
 *
 * Input: blocks of CG channels (the CG lanes of a pixel are contiguous); neighbouring output pixels are PIXEL elements
 * apart. Weights: [group][block of 16][input block][kd][kh][kw][CG][16]. A matrix product is one row of pixels. Where
 * the receptive field leaves the image, it is copied to a zero-padded patch in local memory: a plane of it at a time, or
 * (BY_TAP) the pixels that one kernel position reads.
 * Defines: P_H, P_W, OCV, BY_TAP, CG, SW, PIXEL, SCATTER (1: output channels are not contiguous), RAGGED (1: the last vector of
 * channels may be stored in part), ROWS_APART (1: the pixels are rows of a plain matrix), OUTPUT (operand number of the
 * output), LOADk, EXPR, RESULT. */
#ifndef P_H
#define P_H 1
#define P_W 6
#define OCV 2
#define BY_TAP 0
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
#define PATCH_W P_W
#define STEP_H P(SH)
#define STEP_W SW
#define TAP_AT(kh, kw) 0
#else
#define PATCH_H ((P_H - 1) * P(SH) + (P(KH) - 1) * P(DH) + 1)
#define PATCH_W ((P_W - 1) * SW + (P(KW) - 1) * P(DW) + 1)
#define STEP_H 1
#define STEP_W 1
#define TAP_AT(kh, kw) ((kh)*P(DH) * width + (kw)*P(DW) * CG)
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

/* acc += A[pixel][k] * B[k][channel] for k < count. */
FN void multiply(f32_value acc[P_H * P_W][OCV], const float *a, long row, long pixel, const float *b, long block,
                 long count)
{
	(void)row;
	if (ROWS_APART) { /* more streams than the hardware prefetcher of a core follows */
		UNROLL for (int x = 0; x < P_W; x++) __builtin_prefetch(a + x * pixel + AHEAD);
	}
	for (long k = 0; k < count; k++) {
		f32_value w[OCV];
		UNROLL for (int v = 0; v < OCV; v++) w[v] = f32_load(b + v * LANES / 16 * block + v * LANES % 16 + k * 16);
		UNROLL for (int y = 0; y < P_H; y++) UNROLL for (int x = 0; x < P_W; x++)
		{
			f32_value s = f32_set(a[y * row + x * pixel + k]);
			UNROLL for (int v = 0; v < OCV; v++) acc[y * P_W + x][v] += s * w[v];
		}
	}
}

/* Copies what a register tile reads from pixel (ih, iw) of a plane on into local memory, with zeros outside the image.
 * Reads only `count` lanes of a pixel, because a plain matrix may end after its last pixel. */
static __attribute__((noinline)) void fill_patch(float *to, const float *plane, const long long *p, long ih, long iw,
                                                 long count)
{
	long height = PATCH_H, width = PATCH_W;
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

FN void store_tile(f32_value acc[P_H * P_W][OCV], const struct erc_tile_args *args, const long long *p, long image,
                   long group, long block, long od, long oh, long ow)
{
	float *out = args->buffers[OUTPUT];
	UNROLL for (int y = 0; y < P_H; y++) UNROLL for (int x = 0; x < P_W; x++) UNROLL for (int v = 0; v < OCV; v++)
	{
		long lane = block * 16 + v * LANES; /* within the group */
		if (oh + y >= P(OH) || ow + x >= P(OW) || lane >= P(OC_STORED))
			continue;
		long channel = group * P(OC) + lane;
		long pixel = (od * P(OH) + oh + y) * P(OW) + ow + x;
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

/* Computes one register tile. block: the first output block within the group. */
static void register_tile(const struct erc_tile_args *args, const long long *p, float *local, long image, long group,
                          long block, long od, long oh, long ow)
{
	f32_value acc[P_H * P_W][OCV];
	UNROLL for (int i = 0; i < P_H * P_W; i++) UNROLL for (int v = 0; v < OCV; v++) acc[i][v] = f32_set(0.0f);
	const float *in = (const float *)args->buffers[0] + image * P(IN_IMAGE) + group * P(IN_GROUP);
	const float *w =
		(const float *)args->buffers[1] + image * P(W_IMAGE) + (group * ((P(OC) + 31) / 32 * 2) + block) * P(W_BLOCK);
	long ih = oh * P(SH) - P(PH), iw = ow * SW - P(PW);
	int inside = ih >= 0 && ih + (P_H - 1) * P(SH) + (P(KH) - 1) * P(DH) < P(IH) && iw >= 0 &&
	             iw + (P_W - 1) * SW + (P(KW) - 1) * P(DW) < P(IW);
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
					for (long kw = 0; kw < P(KW); kw++, w += CG * 16)
						multiply(acc, a + kh * P(DH) * P(IN_ROW) + kw * P(DW) * P(IN_PIXEL), P(SH) * P(IN_ROW), PIXEL,
						         w, P(W_BLOCK), count);
			} else {
				long width = PATCH_W * CG;
				if (!BY_TAP)
					fill_patch(local, plane, p, ih, iw, count);
				for (long kh = 0; kh < P(KH); kh++)
					for (long kw = 0; kw < P(KW); kw++, w += CG * 16) {
						if (BY_TAP)
							fill_patch(local, plane, p, ih + kh * P(DH), iw + kw * P(DW), count);
						multiply(acc, local + TAP_AT(kh, kw), P(SH) / STEP_H * width, SW / STEP_W * CG, w, P(W_BLOCK),
						         count);
					}
			}
		}
	}
	store_tile(acc, args, p, image, group, block, od, oh, ow);
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
	for (long r = rows * P(ROWS); r < last_row; r++)
		for (long ow = columns * P(COLS_PER_TILE); ow < last; ow += P_W)
			register_tile(args, p, local, image, group, channels * BLOCKS_PER_TILE, r / row_groups,
			              r % row_groups * P_H, ow);
}
