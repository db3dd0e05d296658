/* Scaled dot-product attention, one query per lane: out = softmax(scale q k^T, masked) v, without a matrix of scores. A
 * tile takes blocks of ROWS queries of one head, transposed into local memory, and walks the keys in blocks of KEYS.
 * For each block of keys it computes scores, updates each query's maximum and sum of exponentials, and adds to the sums
 * of values. Where the maximum grew, the earlier sums are scaled down. Keys and values are read element by element in
 * place, never packed. Lanes do not mix, and a query's sums are in the order of elements and keys, the same for every
 * tile shape.
 * Bound: compute. 12 heads, 128 queries, 128 keys and 64 elements: 93 GFLOP/s on a Zen 4 core with AVX-512,
 * exponentials included.
 * Defines: QV (vectors of queries in a block), KT and DT (keys, and value elements, of a register tile), HEAD and
 * HEAD_V (elements of a key, of a value), VALUE_STEP (stride of a value's elements), MASK (see masked()), FILL,
 * ZERO_EMPTY (1: a query that sees no key gets zeros, 0: NaN), SCALE, OUT (operand number of the output), KEYS, SPLIT
 * (1: the output has a partial result for each part of the keys, which attention_sum.cpu.c combines: [batch, head,
 * part, query] of HEAD_V sums, the maximum score and the sum of exponentials). */
#ifndef QV
#define QV 1
#define KT 4
#define DT 4
#define HEAD 64
#define HEAD_V 64
#define VALUE_STEP 1
#define MASK 0
#define FILL 0.0f
#define ZERO_EMPTY 0
#define SCALE 0.125f
#define OUT 3
#define SPLIT 0
#define KEYS 48
#endif

#define ROWS (QV * LANES)
#define INFINITY __builtin_inff()

/* A block of queries in local memory. */
struct block {
	float q[HEAD][ROWS]; /* times SCALE */
	float p[KEYS][ROWS]; /* scores, then their exponentials */
	float sums[HEAD_V][ROWS];
};
struct rows {
	f32_value top[QV], sum[QV]; /* maximum score, sum of exponentials */
};

/* ---- whole vectors ---- */

#if LANES == 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#else
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#endif

/* Row l of x becomes lane l. Each step moves one bit of every element's lane number into its row number. */
FN void transpose(f32_value x[LANES])
{
	f32_value y[LANES];
	UNROLL for (int step = 1; step < LANES; step *= 2)
	{
		UNROLL for (int i = 0; i < LANES / 2; i++)
		{
			y[2 * i] = __builtin_shufflevector(x[i], x[i + LANES / 2], LOW);
			y[2 * i + 1] = __builtin_shufflevector(x[i], x[i + LANES / 2], HIGH);
		}
		UNROLL for (int i = 0; i < LANES; i++) x[i] = y[i];
	}
}

/* e^a for a <= 0. The result is never denormal: it is 0 below -87. */
FN f32_value exp_of(f32_value a)
{
	f32_value big = f32_set(0x1.8p23f), n = (a * f32_set(0x1.715476p0f) + big) - big;
	f32_value r = a - n * f32_set(0x1.62e4p-1f) - n * f32_set(0x1.7f7d1cp-20f), p = f32_set(1.0f / 5040);
	p = p * r + f32_set(1.0f / 720);
	p = p * r + f32_set(1.0f / 120);
	p = p * r + f32_set(1.0f / 24);
	p = p * r + f32_set(1.0f / 6);
	p = p * r + f32_set(0.5f);
	p = p * r + f32_set(1.0f);
	p = p * r + f32_set(1.0f);
	p = f32_from_bits(f32_bits(p) + (f32_to_int(n) << 23));
	p = f32_select(a < f32_set(-87.0f), f32_set(0.0f), p);
	return f32_select(a == a, p, a);
}

/* ---- one block of queries ---- */

/* Loads ROWS queries from number `first` on, times SCALE. After the last query, that query repeats. */
FN void load_queries(struct block *b, const float *q, const long long *p, long first)
{
	long last = P(QUERIES) - 1, row = P(Q_ROW), step = P(Q_STEP), i = 0;
	for (int v = 0; v < QV; v++) {
		const float *at[LANES];
		for (int l = 0; l < LANES; l++)
			at[l] = q + (first + v * LANES + l < last ? first + v * LANES + l : last) * row;
		for (i = 0; step == 1 && i + LANES <= HEAD; i += LANES) {
			f32_value x[LANES];
			UNROLL for (int l = 0; l < LANES; l++) x[l] = f32_load(at[l] + i) * f32_set(SCALE);
			transpose(x);
			UNROLL for (int l = 0; l < LANES; l++) f32_store(&b->q[i + l][v * LANES], x[l]);
		}
		for (; i < HEAD; i++)
			for (int l = 0; l < LANES; l++)
				b->q[i][v * LANES + l] = at[l][i * step] * SCALE;
	}
}

/* Lanes of the mask, `stride` apart. Lanes from `count` on are 0. */
#define MASK_LANES(type, lane, from, stride, count) \
	type lane[LANES] = {0}; \
	for (long l = 0; l < LANES && l < (count); l++) \
	lane[l] = (from)[l * (stride)]

/* The masked score of key `key` for the vector of queries from `row` on. MASK 0: no mask. 1: the mask is added. 2: FILL
 * replaces the score where the mask is false. 3: FILL replaces it where the mask is true. 4: only keys up to number
 * query + AHEAD are visible. */
#if MASK == 0
FN f32_value masked(f32_value score, const struct erc_tile_args *args, const long long *p, long mask, long row,
                    long key)
{
	return score;
}
#elif MASK == 1
FN f32_value masked(f32_value score, const struct erc_tile_args *args, const long long *p, long mask, long row,
                    long key)
{
	const float *m = (const float *)args->buffers[3] + mask + row * P(M_ROW) + key * P(M_STEP);
	if (!P(M_ROW))
		return score + f32_set(*m);
	MASK_LANES(float, lane, m, P(M_ROW), P(QUERIES) - row);
	return score + f32_load(lane);
}
#elif MASK == 4
FN f32_value masked(f32_value score, const struct erc_tile_args *args, const long long *p, long mask, long row,
                    long key)
{
	f32_mask_value lane;
	for (int l = 0; l < LANES; l++)
		lane[l] = l;
	return f32_select(lane + (int)(row + P(AHEAD) - key) >= 0, score, f32_set(-INFINITY));
}
#else
FN f32_value masked(f32_value score, const struct erc_tile_args *args, const long long *p, long mask, long row,
                    long key)
{
	const bool_value *m = (const bool_value *)args->buffers[3] + mask + row * P(M_ROW) + key * P(M_STEP);
	if (!P(M_ROW))
		return !*m == (MASK == 3) ? score : f32_set(FILL);
	MASK_LANES(int, lane, m, P(M_ROW), P(QUERIES) - row);
	f32_mask_value set;
	__builtin_memcpy(&set, lane, sizeof set);
	return f32_select((set != 0) == (MASK == 3 ? 0 : -1), score, f32_set(FILL));
}
#endif

/* Scores of `count` keys from number `key` on, which is key `at` of the block. Also updates the maximum *top. */
FN void score(struct block *b, f32_value *top, const float *k, const struct erc_tile_args *args, const long long *p,
              long mask, long first, long key, long at, const int count)
{
	f32_value acc[KT][QV];
	long row = P(K_ROW), step = P(K_STEP);
	const float *from = k + key * row;
	UNROLL for (int y = 0; y < count; y++) UNROLL for (int v = 0; v < QV; v++) acc[y][v] = f32_set(0.0f);
	for (long i = 0; i < HEAD; i++, from += step) {
		f32_value x[QV];
		UNROLL for (int v = 0; v < QV; v++) x[v] = f32_load(&b->q[i][v * LANES]);
		UNROLL for (int y = 0; y < count; y++)
		{
			f32_value s = f32_set(from[y * row]);
			UNROLL for (int v = 0; v < QV; v++) acc[y][v] += s * x[v];
		}
	}
	UNROLL for (int y = 0; y < count; y++) UNROLL for (int v = 0; v < QV; v++)
	{
		f32_value s = masked(acc[y][v], args, p, mask, first + v * LANES, key + y);
		top[v] = f32_select(top[v] < s, s, top[v]);
		f32_store(&b->p[at + y][v * LANES], s);
	}
}

/* Adds a block of keys to the sums of `count` value elements from element d on. The earlier sums are first multiplied
 * by `scale`. */
FN void add_values(struct block *b, const f32_value *scale, const float *v, long row, long step, long d, long keys,
                   const int count)
{
	f32_value acc[DT][QV];
	UNROLL for (int y = 0; y < count; y++) UNROLL for (int x = 0; x < QV; x++) acc[y][x] =
		f32_load(&b->sums[d + y][x * LANES]) * scale[x];
	v += d * step;
	for (long i = 0; i < keys; i++, v += row) {
		f32_value e[QV];
		UNROLL for (int x = 0; x < QV; x++) e[x] = f32_load(&b->p[i][x * LANES]);
		UNROLL for (int y = 0; y < count; y++)
		{
			f32_value s = f32_set(v[y * step]);
			UNROLL for (int x = 0; x < QV; x++) acc[y][x] += s * e[x];
		}
	}
	UNROLL for (int y = 0; y < count; y++) UNROLL for (int x = 0; x < QV; x++)
		f32_store(&b->sums[d + y][x * LANES], acc[y][x]);
}

/* Replaces the block's scores by their exponentials. *scale becomes the factor that brings earlier sums to the new
 * maximum. */
FN void exponentiate(struct block *b, struct rows *rows, const f32_value *top, long keys, f32_value *scale)
{
	UNROLL for (int v = 0; v < QV; v++)
	{
		/* no key seen yet: any finite number works */
		f32_value shift = f32_select(top[v] == f32_set(-INFINITY), f32_set(0.0f), top[v]), sum = f32_set(0.0f);
		scale[v] = exp_of(rows->top[v] - shift);
		for (long i = 0; i < keys; i++) {
			f32_value e = exp_of(f32_load(&b->p[i][v * LANES]) - shift);
			sum += e;
			f32_store(&b->p[i][v * LANES], e);
		}
		rows->sum[v] = rows->sum[v] * scale[v] + sum;
		rows->top[v] = top[v];
	}
}

/* Adds one block of `keys` keys, from number `key` on. The last register tile may overlap the one before it. */
FN void add_keys(struct block *b, struct rows *rows, const float *k, const float *v, const struct erc_tile_args *args,
                 const long long *p, long mask, long first, long key, long keys)
{
	f32_value top[QV], scale[QV];
	long d = 0;
	UNROLL for (int x = 0; x < QV; x++) top[x] = rows->top[x];
	for (long i = 0; keys >= KT && i < keys; i += KT) {
		long at = i + KT <= keys ? i : keys - KT;
		score(b, top, k, args, p, mask, first, key + at, at, KT);
	}
	for (long i = 0; keys < KT && i < keys; i++)
		score(b, top, k, args, p, mask, first, key + i, i, 1);
	exponentiate(b, rows, top, keys, scale);
	v += key * P(V_ROW);
	for (; d + DT <= HEAD_V; d += DT)
		add_values(b, scale, v, P(V_ROW), VALUE_STEP, d, keys, DT);
	if (HEAD_V % DT)
		add_values(b, scale, v, P(V_ROW), VALUE_STEP, d, keys, HEAD_V % DT);
}

/* Multiplies the sums of `count` queries by a factor per query and stores them as rows of the output. */
FN void store_rows(struct block *b, const f32_value *factor, float *out, long row, long step, long count)
{
	for (int v = 0; v < QV; v++, out += LANES * row, count -= LANES) {
		long i = 0;
		for (; step == 1 && i + LANES <= HEAD_V; i += LANES) {
			f32_value x[LANES];
			UNROLL for (int l = 0; l < LANES; l++) x[l] = f32_load(&b->sums[i + l][v * LANES]) * factor[v];
			transpose(x);
			UNROLL for (int l = 0; l < LANES; l++) if (l < count) f32_store(out + l * row + i, x[l]);
		}
		for (; i < HEAD_V; i++) {
			f32_value x = f32_load(&b->sums[i][v * LANES]) * factor[v];
			for (long l = 0; l < LANES && l < count; l++)
				out[l * row + i * step] = x[l];
		}
	}
}

static void store_output(struct block *b, const struct rows *rows, float *out, const long long *p, long first)
{
	f32_value factor[QV];
	for (int v = 0; v < QV; v++) {
		factor[v] = f32_set(1.0f) / rows->sum[v];
		if (ZERO_EMPTY)
			factor[v] = f32_select(rows->sum[v] == f32_set(0.0f), rows->sum[v], factor[v]);
	}
	store_rows(b, factor, out + first * P(O_ROW), P(O_ROW), P(O_STEP), P(QUERIES) - first);
}

/* Stores the result for a part of the keys: sums, maximum score and sum of exponentials of each query. */
static void store_part(struct block *b, const struct rows *rows, float *out, const long long *p, long first)
{
	f32_value one[QV];
	long row = HEAD_V + 2, count = P(QUERIES) - first;
	for (int v = 0; v < QV; v++)
		one[v] = f32_set(1.0f);
	out += first * row;
	store_rows(b, one, out, row, 1, count);
	for (int l = 0; l < ROWS && l < count; l++) {
		out[l * row + HEAD_V] = rows->top[l / LANES][l % LANES];
		out[l * row + HEAD_V + 1] = rows->sum[l / LANES][l % LANES];
	}
}

/* tile -> (batch, head, part of the keys, blocks of queries). Tiles of one head follow each other. */
void KERNEL(const struct erc_tile_args *args, uint32_t tile, void *local)
{
	const long long *p = args->params;
	struct block *b = local;
	long whole = tile / P(BLOCK_TILES), part = whole % P(PARTS);
	long first = tile % P(BLOCK_TILES) * P(BLOCKS_PER_TILE) * ROWS;
	long end = first + P(BLOCKS_PER_TILE) * ROWS;
	long batch = whole / P(PARTS) / P(HEADS), head = whole / P(PARTS) % P(HEADS);
	long first_key = part * P(PART_KEYS), last_key = first_key + P(PART_KEYS);
	last_key = last_key < P(KEYS) ? last_key : P(KEYS);
#define AT(operand) (batch * P(operand##_BATCH) + head * P(operand##_HEAD))
	const float *q = (const float *)args->buffers[0] + AT(Q), *k = (const float *)args->buffers[1] + AT(K),
				*v = (const float *)args->buffers[2] + AT(V);
	float *out = (float *)args->buffers[OUT] + (SPLIT ? whole * P(QUERIES) * (HEAD_V + 2) : AT(O));
	for (; first < end && first < P(QUERIES); first += ROWS) {
		struct rows rows;
		for (int x = 0; x < QV; x++)
			rows.top[x] = f32_set(-INFINITY), rows.sum[x] = f32_set(0.0f);
		load_queries(b, q, p, first);
		for (int d = 0; d < HEAD_V; d++)
			for (int x = 0; x < QV; x++)
				f32_store(&b->sums[d][x * LANES], f32_set(0.0f));
		/* Causal: skips the keys that no query of a group sees. A group is two vectors, so that QV does not change the
		 * sums. */
		long seen = (first / (2 * LANES) + 1) * (2 * LANES) + P(AHEAD);
		long end_key = MASK == 4 && seen < last_key ? seen : last_key;
		for (long key = first_key; key < end_key; key += KEYS)
			add_keys(b, &rows, k, v, args, p, AT(M), first, key, end_key - key < KEYS ? end_key - key : KEYS);
		(SPLIT ? store_part : store_output)(b, &rows, out, p, first);
	}
}
