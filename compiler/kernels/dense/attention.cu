/* Scaled dot-product attention on a GPU: out = softmax(scale q k^T, masked) v, without a matrix of scores. Semantics,
 * parameters and most defines are those of attention.cpu.c. A block of threads takes ROWS queries of one head, each
 * warp RW of them. For scores, a lane is a key; for sums of values, a lane has every 32nd element. Keys come 32 at a
 * time: slices of CHUNK elements, first of the keys, then of their values, pass through local memory, STAGES at a time.
 * A query's sums are in the order of elements and keys for any RW, WARPS and CHUNK.
 * Bound: loads from local memory. Not measured on a GPU yet.
 * Further defines: WARPS, RW, STAGES; CHUNK (64 or 32); K_PACK and V_PACK (1: elements are copied four at a time),
 * K_ACROSS and V_ACROSS (1: neighbouring keys are contiguous). */
#ifndef WARPS
#define WARPS 4
#define RW 4
#define STAGES 2
#define CHUNK 64
#define HEAD 64
#define HEAD_V 64
#define K_PACK 1
#define V_PACK 1
#define K_ACROSS 0
#define V_ACROSS 0
#define MASK 0
#define FILL 0.0f
#define ZERO_EMPTY 0
#define SCALE 0.125f
#define OUT 3
#define SPLIT 0
#endif

#define ROWS (WARPS * RW)
#define KEYS 32
#define K_SLICES ((HEAD + CHUNK - 1) / CHUNK)
#define V_SLICES ((HEAD_V + CHUNK - 1) / CHUNK)
#define SLICES (K_SLICES + V_SLICES) /* of a block of keys */
#define Q_ROW (K_SLICES * CHUNK)
#define SLICE_ROW (CHUNK + 4) /* padded, so that 32 keys use different banks */
#define STAGE (KEYS * SLICE_ROW)
#define PARTS_OF_LANE (V_SLICES * (CHUNK / WARP)) /* value elements of a lane */
#define SEEN_BY 64                                /* queries in a group: keys that none of them sees are skipped */
#define LOWEST (-__builtin_inff())

/* Keys and values of the tile's head. The tile's keys are `first` to `end` - 1. */
struct source {
	const float *k, *v;
	int first, end;
};
/* block: what a block of threads has in local memory. rows: what a thread has of its warp's queries. */
struct block {
	float *q, *p, *stages; /* queries times SCALE; exponentials; slices */
};
struct rows {
	float top[RW], sum[RW], sums[RW][PARTS_OF_LANE];
};

/* e^a for a <= 0. The result is never denormal: it is 0 below -87. */
FN float exp_of(float a)
{
	float x = a < -88.0f ? -88.0f : a, big = 0x1.8p23f, n = (x * 0x1.715476p0f + big) - big;
	float r = fma_of(n, -0x1.7f7d1cp-20f, fma_of(n, -0x1.62e4p-1f, x)), p = 1.0f / 5040;
	p = fma_of(p, r, 1.0f / 720);
	p = fma_of(p, r, 1.0f / 120);
	p = fma_of(p, r, 1.0f / 24);
	p = fma_of(p, r, 1.0f / 6);
	p = fma_of(p, r, 0.5f);
	p = fma_of(p, r, 1.0f);
	p = fma_of(p, r, 1.0f);
	p = f32_from_bits(f32_bits(p) + f32_to_int(n) * 0x800000);
	return a < -87.0f ? 0.0f : a == a ? p : a;
}

/* Loads ROWS queries from number `first` on, times SCALE. After the last query, that query repeats. */
FN void load_queries(float *to, const float *q, const long long *p, int first)
{
	int last = (int)P(QUERIES) - 1;
	for (int i = THREAD; i < ROWS * Q_ROW; i += THREADS) {
		int row = first + i / Q_ROW, at = i % Q_ROW;
		row = row < last ? row : last;
		to[i] = at < HEAD ? q[row * P(Q_ROW) + at * P(Q_STEP)] * SCALE : 0.0f;
	}
}

/* Starts copying elements first .. first + CHUNK - 1 of `keys` keys. Elements from `size` on and keys from `keys` on
 * are 0. */
FN void fetch_slice(float *to, const float *from, long long row, long long step, int keys, int first, int size,
                    int pack, int across)
{
	for (int i = THREAD; pack && i < KEYS * (CHUNK / 4); i += THREADS) {
		int key = i / (CHUNK / 4), at = i % (CHUNK / 4) * 4;
		copy_16(to + key * SLICE_ROW + at, from + key * row + first + at, key < keys && first + at < size);
	}
	for (int i = THREAD; !pack && i < KEYS * CHUNK; i += THREADS) {
		int key = across ? i % KEYS : i / CHUNK, at = across ? i / KEYS : i % CHUNK;
		copy_4(to + key * SLICE_ROW + at, from + key * row + (first + at) * step, key < keys && first + at < size);
	}
}

/* Starts copying slice `n`, counted over all blocks of keys. */
FN void fetch(float *stages, const struct source *s, const long long *p, int n)
{
	int key = s->first + n / SLICES * KEYS, slice = n % SLICES;
	float *to = stages + n % STAGES * STAGE;
	if (key < s->end) {
		if (slice < K_SLICES)
			fetch_slice(to, s->k + key * P(K_ROW), P(K_ROW), P(K_STEP), s->end - key, slice * CHUNK, HEAD, K_PACK,
			            K_ACROSS);
		else
			fetch_slice(to, s->v + key * P(V_ROW), P(V_ROW), P(V_STEP), s->end - key, (slice - K_SLICES) * CHUNK,
			            HEAD_V, V_PACK, V_ACROSS);
	}
	copy_commit();
}

/* Waits for slice n and returns it. Then starts copying the slice that replaces slice n - 1. */
FN const float *next_slice(float *stages, const struct source *s, const long long *p, int n)
{
	copy_wait(STAGES - 2);
	barrier();
	fetch(stages, s, p, n + STAGES - 1);
	return stages + n % STAGES * STAGE;
}

/* The masked score of a query for a key: see attention.cpu.c. */
#if MASK == 1
FN float masked(float score, const struct erc_tile_args *args, const long long *p, long long mask, int row, int key)
{
	return score + ((const float *)args->buffers[3])[mask + row * P(M_ROW) + key * P(M_STEP)];
}
#elif MASK == 2 || MASK == 3
FN float masked(float score, const struct erc_tile_args *args, const long long *p, long long mask, int row, int key)
{
	bool_value m = ((const bool_value *)args->buffers[3])[mask + row * P(M_ROW) + key * P(M_STEP)];
	return !m == (MASK == 3) ? score : FILL;
}
#else
FN float masked(float score, const struct erc_tile_args *args, const long long *p, long long mask, int row, int key)
{
	(void)args, (void)mask;
	return MASK == 4 && key > row + P(AHEAD) ? LOWEST : score;
}
#endif

/* Adds one slice of the product of each query with the lane's key. */
FN void add_scores(float *scores, const float *q, const float *slice, int first)
{
	int end = HEAD - first < CHUNK ? HEAD - first : CHUNK;
	const float *key = slice + THREAD % WARP * SLICE_ROW;
	for (int i = 0; i < end; i += 4) {
		float4_value k = float4_load(key + i);
		UNROLL for (int r = 0; r < RW; r++)
		{
			float4_value x = float4_load(q + r * Q_ROW + first + i);
			UNROLL for (int l = 0; l < 4; l++) scores[r] = fma_of(float4_get(x, l), float4_get(k, l), scores[r]);
		}
	}
}

/* Adds one slice of the block's values, times the exponentials. */
FN void add_values(float sums[RW][PARTS_OF_LANE], const float *e, const float *slice, const int part)
{
	for (int key = 0; key < KEYS; key += 4) {
		float4_value x[RW];
		UNROLL for (int r = 0; r < RW; r++) x[r] = float4_load(e + r * KEYS + key);
		UNROLL for (int l = 0; l < 4; l++) UNROLL for (int j = 0; j < CHUNK / WARP; j++)
		{
			float v = slice[(key + l) * SLICE_ROW + j * WARP + THREAD % WARP];
			UNROLL for (int r = 0; r < RW; r++) sums[r][part * (CHUNK / WARP) + j] =
				fma_of(float4_get(x[r], l), v, sums[r][part * (CHUNK / WARP) + j]);
		}
	}
}

/* Stores the exponentials of the block's scores in local memory, and scales earlier sums to the new maximum. */
FN void exponentiate(struct rows *rows, const float *scores, float *e)
{
	UNROLL for (int r = 0; r < RW; r++)
	{
		float top = scores[r] > rows->top[r] ? scores[r] : rows->top[r], sum;
		for (int mask = WARP / 2; mask; mask /= 2) {
			float other = shuffle_xor(top, mask);
			top = other > top ? other : top;
		}
		/* no key seen yet: any finite number works */
		float shift = top == LOWEST ? 0.0f : top, scale = exp_of(rows->top[r] - shift);
		e[r * KEYS + THREAD % WARP] = sum = exp_of(scores[r] - shift);
		for (int mask = WARP / 2; mask; mask /= 2)
			sum += shuffle_xor(sum, mask);
		rows->sum[r] = rows->sum[r] * scale + sum;
		rows->top[r] = top;
		UNROLL for (int j = 0; j < PARTS_OF_LANE; j++) rows->sums[r][j] *= scale;
	}
}

/* Stores the queries' rows of the output. For a part of the keys, also stores the maximum score and the sum of
 * exponentials. */
FN void store_rows(const struct rows *rows, float *out, const long long *p, int first)
{
	long long row = SPLIT ? HEAD_V + 2 : P(O_ROW), step = SPLIT ? 1 : P(O_STEP);
	UNROLL for (int r = 0; r < RW; r++)
	{
		float factor = SPLIT ? 1.0f : ZERO_EMPTY && rows->sum[r] == 0.0f ? 0.0f : 1.0f / rows->sum[r];
		float *to = out + (first + r) * row;
		if (first + r >= P(QUERIES))
			continue;
		UNROLL for (int j = 0; j < PARTS_OF_LANE; j++) if (j * WARP + THREAD % WARP < HEAD_V)
			to[(j * WARP + THREAD % WARP) * step] = rows->sums[r][j] * factor;
		if (SPLIT && THREAD % WARP == 0)
			to[HEAD_V] = rows->top[r], to[HEAD_V + 1] = rows->sum[r];
	}
}

/* Computes attention of the block's queries, from number `first` on, over all blocks of keys. */
FN void attend(const struct erc_tile_args *args, const long long *p, const struct block *b, const struct source *s,
               struct rows *rows, long long mask, int first)
{
	int warp_row = THREAD / WARP * RW, n = 0;
	const float *q = b->q + warp_row * Q_ROW;
	float *e = b->p + warp_row * KEYS;
	for (int i = 0; i < STAGES - 1; i++)
		fetch(b->stages, s, p, i);
	for (int key = s->first; key < s->end; key += KEYS) {
		float scores[RW] = {0};
		UNROLL for (int i = 0; i < K_SLICES; i++) add_scores(scores, q, next_slice(b->stages, s, p, n++), i * CHUNK);
		int own = key + THREAD % WARP;
		UNROLL for (int r = 0; r < RW; r++)
		{
			int row = first + warp_row + r, last = (int)P(QUERIES) - 1;
			scores[r] = own < s->end ? masked(scores[r], args, p, mask, row < last ? row : last, own) : LOWEST;
		}
		exponentiate(rows, scores, e);
		UNROLL for (int i = 0; i < V_SLICES;
		            i++) /* the barrier before the first slice also makes the exponentials visible */
			add_values(rows->sums, e, next_slice(b->stages, s, p, n++), i);
	}
	copy_wait(0);
}

/* tile -> (batch, head, part of the keys, queries). Tiles of one head follow each other. */
TILE_BODY
{
	const long long *p = (const long long *)args->params;
	int whole = (int)(tile / (unsigned)P(BLOCK_TILES)), part = whole % (int)P(PARTS);
	int first = (int)(tile % (unsigned)P(BLOCK_TILES)) * ROWS, head = whole / (int)P(PARTS);
	int batch = head / (int)P(HEADS);
	head %= (int)P(HEADS);
#define AT(operand) (batch * P(operand##_BATCH) + head * P(operand##_HEAD))
	struct source source = {(const float *)args->buffers[1] + AT(K), (const float *)args->buffers[2] + AT(V),
	                        part * (int)P(PART_KEYS), (part + 1) * (int)P(PART_KEYS)};
	struct block block = {(float *)local, (float *)local + ROWS * Q_ROW, (float *)local + ROWS * (Q_ROW + KEYS)};
	struct rows rows;
	int seen = (first / SEEN_BY + 1) * SEEN_BY + (int)P(AHEAD);
	source.end = source.end < P(KEYS) ? source.end : (int)P(KEYS);
	source.end = MASK == 4 && seen < source.end ? seen : source.end;
	UNROLL for (int r = 0; r < RW; r++)
	{
		rows.top[r] = LOWEST, rows.sum[r] = 0.0f;
		UNROLL for (int j = 0; j < PARTS_OF_LANE; j++) rows.sums[r][j] = 0.0f;
	}
	load_queries(block.q, (const float *)args->buffers[0] + AT(Q), p, first);
	attend(args, p, &block, &source, &rows, AT(M), first);
	float *out = (float *)args->buffers[OUT] + (SPLIT ? whole * P(QUERIES) * (HEAD_V + 2) : AT(O));
	store_rows(&rows, out, p, first + THREAD / WARP * RW);
}
