/* Convolution and matrix product on a GPU: out[pixel][channel] = sum over k of in * weight, where k counts (input
 * block, kd, kh, kw, lane). A block of threads computes M pixels by N channels of one image and group, a thread TM x TN
 * of them. Slices of 16 terms pass through local memory, STAGES at a time. Every sum is added in the order of k,
 * whatever the tile.
 * A sum may be divided into parts of PART_SLICES slices. Either one launch computes all PARTS, OUT_PART elements apart
 * in the output; or launches form a chain: each computes one part, from FIRST_SLICE on, and starts with the sums of the
 * launch before it. Layouts and parameters are those of conv.cpu.c; the number of a pixel counts all spatial dims.
 * Bound: compute; for a few pixels, reading the weights from memory. Not measured on a GPU yet.
 * Defines: M, N, TM, TN, STAGES, CG (16; or 1: a slice has several kernel positions), PACK (1: a pixel's lanes are
 * copied four at a time), TAIL (1: the number of lanes of the last input block is not a multiple of four), WINDOW (0:
 * all reads are inside the image), OUT_PACK (channels stored at once: 4 or 1), START (operand number of the sums to
 * start with; 0: none), SCATTER, SW, OUTPUT, LOADk, EXPR, RESULT as on the CPU. */
#ifndef M
#define M 64
#define N 64
#define TM 8
#define TN 4
#define STAGES 2
#define CG 16
#define SW 1
#define PACK 1
#define TAIL 0
#define WINDOW 1
#define OUT_PACK 4
#define START 0
#define SCATTER 0
#define OUTPUT 2
#define LOAD0 VALUE
#define EXPR
#define RESULT LOAD0
#endif

#define INT(name) ((int)p[PARAM_##name])

/* A warp is WARP_X by WARP_Y threads. A thread's pixels are ROWS apart; its channels are groups of four, COLUMNS apart.
 * So the loads of a warp from local memory use different banks. */
#define ROWS (M / TM)
#define COLUMNS (N / (TN / 4))
#define ACROSS (N / TN)
#define WARP_Y (ROWS < 4 ? ROWS : ACROSS < 8 ? WARP / ACROSS : 4)
#define WARP_X (WARP / WARP_Y)

#define SLICE 16
#define A_ROW (SLICE + 4)         /* a pixel's terms in local memory, padded */
#define B_BLOCK (SLICE * 16 + 16) /* weights of 16 channels, padded */
#define STAGE (M * A_ROW + N / 16 * B_BLOCK)

/* A pixel of the tile: the place where its receptive field begins. */
struct pixel {
	int at;      /* elements from the image's start; without WINDOW negative after the last pixel */
	int d, h, w; /* with WINDOW; d is very negative after the last pixel */
};

/* What a thread needs to fetch slices. */
struct source {
	const float *in, *weights; /* at the image and group; at the tile's first channels */
	int channel_blocks;        /* blocks of weights from `weights` on */
	int slice, c, kd, kh, kw;  /* the next slice to fetch; if CG is 16, its position */
};

FN void find_pixels(struct pixel *pixels, const long long *p, int first)
{
	for (int m = THREAD; m < M; m += THREADS) {
		int pixel = first + m, w = pixel % INT(OW), h = pixel / INT(OW) % INT(OH), d = pixel / INT(OW) / INT(OH);
		int inside = d < INT(OD);
		d = d * INT(SD) - INT(PD), h = h * INT(SH) - INT(PH), w = w * SW - INT(PW);
		pixels[m].at = (d * INT(IH) + h) * INT(IN_ROW) + w * INT(IN_PIXEL);
		if (!WINDOW && !inside)
			pixels[m].at = -4; /* aligned like other pixels, for copies that read nothing */
		pixels[m].d = inside ? d : -0x40000000;
		pixels[m].h = h;
		pixels[m].w = w;
	}
}

FN int is_inside(const struct pixel *pixel, const long long *p, int d, int h, int w)
{
	if (!WINDOW)
		return pixel->at >= 0;
	return (unsigned)(pixel->d + d) < (unsigned)INT(ID) && (unsigned)(pixel->h + h) < (unsigned)INT(IH) &&
	       (unsigned)(pixel->w + w) < (unsigned)INT(IW);
}

/* Makes `slice` the next slice to fetch. */
FN void go_to(struct source *s, const long long *p, int slice)
{
	s->slice = slice;
	s->kw = slice % INT(KW), slice /= INT(KW);
	s->kh = slice % INT(KH), slice /= INT(KH);
	s->kd = slice % INT(KD), s->c = slice / INT(KD);
}

/* The number of terms in the next slice. */
FN int terms_of(const struct source *s, const long long *p)
{
	int left = CG == 16 ? s->c + 1 < INT(IN_BLOCKS) ? SLICE : INT(LAST_K)
	                    : INT(IN_BLOCKS) * INT(KD) * INT(KH) * INT(KW) - s->slice * SLICE;
	return left < SLICE ? left : SLICE;
}

/* Copies four lanes of a pixel per iteration. */
FN void fetch_packs(float *a, const struct pixel *pixels, const struct source *s, const long long *p, int terms)
{
	int lane = THREAD % 4 * 4, d = s->kd * INT(DD), h = s->kh * INT(DH), w = s->kw * INT(DW);
	const float *from = s->in + s->c * P(IN_PLANE) + (d * INT(IH) + h) * P(IN_ROW) + w * P(IN_PIXEL) + lane;
	for (int m = THREAD / 4; m < M; m += THREADS / 4) {
		int is_valid = is_inside(&pixels[m], p, d, h, w);
		if (!TAIL || lane + 4 <= terms || lane >= terms)
			copy_16(a + m * A_ROW + lane, from + pixels[m].at, is_valid && lane < terms);
		else
			UNROLL for (int l = 0; l < 4; l++)
				copy_4(a + m * A_ROW + lane + l, from + pixels[m].at + l, is_valid && lane + l < terms);
	}
}

/* Copies one term of a pixel per iteration. Neighbouring threads read neighbours in memory: lanes, or pixels if CG is
 * 1. */
FN void fetch_terms(float *a, const struct pixel *pixels, const struct source *s, const long long *p, int terms)
{
	int term = CG == 16 ? THREAD % SLICE : THREAD / (THREADS / SLICE);
	int first = CG == 16 ? THREAD / SLICE : THREAD % (THREADS / SLICE);
	int c = s->c, kd = s->kd, kh = s->kh, kw = s->kw, lane = term;
	if (CG == 1) {
		int k = s->slice * SLICE + term;
		kw = k % INT(KW), k /= INT(KW);
		kh = k % INT(KH), k /= INT(KH);
		kd = k % INT(KD), c = k / INT(KD);
		lane = 0;
	}
	int d = kd * INT(DD), h = kh * INT(DH), w = kw * INT(DW);
	const float *from = s->in + c * P(IN_PLANE) + (d * INT(IH) + h) * P(IN_ROW) + w * P(IN_PIXEL) + lane;
	for (int m = first; m < M; m += THREADS / SLICE)
		copy_4(a + m * A_ROW + term, from + pixels[m].at, term < terms && is_inside(&pixels[m], p, d, h, w));
}

/* Starts copying the next slice, and advances to the one after it. */
FN void fetch(float *stage, const struct pixel *pixels, struct source *s, const long long *p)
{
	int terms = terms_of(s, p);
	if (PACK)
		fetch_packs(stage, pixels, s, p, terms);
	else
		fetch_terms(stage, pixels, s, p, terms);
	float *b = stage + M * A_ROW;
	for (int i = THREAD; i < N * 4; i += THREADS) {
		int block = i / 64, at = i % 64 * 4;
		copy_16(b + block * B_BLOCK + at, s->weights + block * P(W_BLOCK) + s->slice * (SLICE * 16) + at,
		        block < s->channel_blocks && at / 16 < terms);
	}
	s->slice++;
	if (CG == 16 && ++s->kw == INT(KW)) {
		s->kw = 0;
		if (++s->kh == INT(KH)) {
			s->kh = 0;
			if (++s->kd == INT(KD))
				s->kd = 0, s->c++;
		}
	}
}

FN void multiply(float sums[TM][TN], const float *stage, int row, int column)
{
	const float *a = stage + row * A_ROW, *b = stage + M * A_ROW;
	UNROLL for (int k = 0; k < SLICE; k += 4)
	{
		float4_value in[TM];
		UNROLL for (int i = 0; i < TM; i++) in[i] = float4_load(a + i * ROWS * A_ROW + k);
		UNROLL for (int l = 0; l < 4; l++) UNROLL for (int v = 0; v < TN / 4; v++)
		{
			int channel = v * COLUMNS + column;
			float4_value weight = float4_load(b + channel / 16 * B_BLOCK + (k + l) * 16 + channel % 16);
			UNROLL for (int i = 0; i < TM; i++) UNROLL for (int j = 0; j < 4; j++) sums[i][v * 4 + j] =
				fma_of(float4_get(in[i], l), float4_get(weight, j), sums[i][v * 4 + j]);
		}
	}
}

/* The place in the output of channel j of four neighbouring channels of a pixel. */
FN long long element_at(const long long *p, long long pixel_at, int channel, int j)
{
	if (SCATTER)
		return pixel_at + (channel + j) * P(OUT_LANE);
	if (OUT_PACK == 1) /* the four may be in two blocks */
		return pixel_at + (channel + j) / 16 * P(OUT_BLOCK) + (channel + j) % 16;
	return pixel_at + channel / 16 * P(OUT_BLOCK) + channel % 16 + j;
}

/* Loads the sums so far of four neighbouring channels of a pixel. */
FN void start(float *sums, const float *from, const long long *p, long long pixel_at, int lane, int channel)
{
	float4_value four = float4_of(0.0f, 0.0f, 0.0f, 0.0f);
	if (OUT_PACK == 4)
		four = float4_load(from + element_at(p, pixel_at, channel, 0));
	UNROLL for (int j = 0; j < 4; j++)
	{
		sums[j] = float4_get(four, j);
		if (OUT_PACK == 1 && lane + j < INT(OC_STORED))
			sums[j] = from[element_at(p, pixel_at, channel, j)];
	}
}

/* Stores four neighbouring channels of a pixel. lane: number of the first one in the group; channel: in the image. */
FN void store(const float *sums, const struct erc_tile_args *args, const long long *p, long long pixel_at, int lane,
              int channel)
{
	float *out = (float *)args->buffers[OUTPUT], values[4];
	UNROLL for (int j = 0; j < 4; j++)
	{
		long long offset = element_at(p, pixel_at, channel, j);
		if (OUT_PACK == 1 && lane + j >= INT(OC_STORED))
			continue;
#define VALUE sums[j]
#if OUT_PACK == 4
#define LOAD_FULL(k) float4_get(float4_load((const float *)args->buffers[k] + (offset - j)), j)
#else
#define LOAD_FULL(k) ((const float *)args->buffers[k])[offset]
#endif
#define LOAD_CHANNEL(k) ((const float *)args->buffers[k])[channel + j]
#define LOAD_SCALAR(k) ((const float *)args->buffers[k])[0]
		EXPR values[j] = RESULT;
		if (OUT_PACK == 1)
			out[offset] = values[j];
		else if (j == 3)
			float4_store(out + (offset - 3), float4_of(values[0], values[1], values[2], values[3]));
	}
}

/* Loads the start of all sums of a thread; sums outside the output stay as they are. first: the image's place in the
 * output. */
FN void start_all(float sums[TM][TN], const struct erc_tile_args *args, const long long *p, long long first, int group,
                  int first_pixel, int first_channel)
{
	int pixels = INT(OD) * INT(OH) * INT(OW);
	UNROLL for (int i = 0; i < TM; i++)
	{
		int pixel = first_pixel + i * ROWS;
		if (pixel >= pixels)
			continue;
		UNROLL for (int v = 0; v < TN / 4; v++)
		{
			int lane = first_channel + v * COLUMNS;
			if (lane < INT(OC_STORED))
				start(&sums[i][v * 4], (const float *)args->buffers[START], p, first + pixel * P(OUT_PIXEL), lane,
				      group * INT(OC) + lane);
		}
	}
}

FN void store_all(float sums[TM][TN], const struct erc_tile_args *args, const long long *p, long long first, int group,
                  int first_pixel, int first_channel)
{
	int pixels = INT(OD) * INT(OH) * INT(OW);
	UNROLL for (int i = 0; i < TM; i++)
	{
		int pixel = first_pixel + i * ROWS;
		if (pixel >= pixels)
			continue;
		UNROLL for (int v = 0; v < TN / 4; v++)
		{
			int lane = first_channel + v * COLUMNS;
			if (lane < INT(OC_STORED))
				store(&sums[i][v * 4], args, p, first + pixel * P(OUT_PIXEL), lane, group * INT(OC) + lane);
		}
	}
}

/* tile -> (image, group, part, pixels, channels). Tiles that read the same pixels follow each other. */
TILE_BODY
{
	const long long *p = (const long long *)args->params;
	struct pixel *pixels = (struct pixel *)local;
	float *stages = (float *)(pixels + M), sums[TM][TN];
	int channels = (int)(tile % (unsigned)INT(OC_TILES)), rest = (int)(tile / (unsigned)INT(OC_TILES));
	int pixel_tile = rest % INT(PIXEL_TILES), whole = rest / INT(PIXEL_TILES), part = whole % INT(PARTS);
	int group = whole / INT(PARTS) % INT(GROUPS), image = whole / INT(PARTS) / INT(GROUPS);
	int blocks = (INT(OC) + 31) / 32 * 2, all = (INT(IN_BLOCKS) * INT(KD) * INT(KH) * INT(KW) * CG + SLICE - 1) / SLICE;
	int first = INT(FIRST_SLICE) + part * INT(PART_SLICES),
		slices = all - first < INT(PART_SLICES) ? all - first : INT(PART_SLICES);
	int warp = THREAD / WARP, lane = THREAD % WARP, warps_across = ACROSS / WARP_X;
	int row = warp / warps_across * WARP_Y + lane / WARP_X, column = (warp % warps_across * WARP_X + lane % WARP_X) * 4;
	struct source source = {(const float *)args->buffers[0] + image * P(IN_IMAGE) + group * P(IN_GROUP),
	                        (const float *)args->buffers[1] + image * P(W_IMAGE) +
	                            (group * blocks + channels * (N / 16)) * P(W_BLOCK),
	                        blocks - channels * (N / 16),
	                        0,
	                        0,
	                        0,
	                        0,
	                        0};
	UNROLL for (int i = 0; i < TM; i++) UNROLL for (int j = 0; j < TN; j++) sums[i][j] = 0.0f;
	if (START)
		start_all(sums, args, p, image * P(OUT_IMAGE), group, pixel_tile * M + row, channels * N + column);
	go_to(&source, p, first);
	find_pixels(pixels, p, pixel_tile * M);
	barrier();
	for (int s = 0; s < STAGES - 1; s++) {
		if (s < slices)
			fetch(stages + s * STAGE, pixels, &source, p);
		copy_commit();
	}
	for (int s = 0; s < slices; s++) {
		copy_wait(STAGES - 2);
		barrier(); /* slice s is there, and no thread still reads the stage that is overwritten next */
		if (s + STAGES - 1 < slices)
			fetch(stages + (s + STAGES - 1) % STAGES * STAGE, pixels, &source, p);
		copy_commit();
		multiply(sums, stages + s % STAGES * STAGE, row, column);
	}
	store_all(sums, args, p, image * P(OUT_IMAGE) + part * P(OUT_PART), group, pixel_tile * M + row,
	          channels * N + column);
}
