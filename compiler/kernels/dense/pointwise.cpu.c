/* Element-wise kernels, and all kernels that only move elements: an N-dimensional loop nest in which each operand has
 * its own strides (0: broadcast). Bound: memory.
 * A row is one rectangle, MIDDLE x INNER. A tile is some rows, of each one chunk of MIDDLE. */
#ifndef OPERANDS
#define OPERANDS 1
#define DECLARE \
	const float *b0 = (const float *)b[0]; \
	float *bo = (float *)b[1];
#define REBIND b0 = rest[0];
#define SIZES 4, 4
#define STEPS 1, 1
#define LOAD0 (VECTOR ? f32_load(b0 + i) : f32_set(b0[i]))
#define STORE bo[i]
#define EXPR f32_value v0 = LOAD0;
#define RESULT v0
#endif

#define SI(k) p[PARAM_WALKS + 2 * (k)]
#define SM(k) p[PARAM_WALKS + 1 + 2 * (k)]
#define DIM(d) p[PARAM_WALKS + 2 * (OPERANDS + 1) + (d)]
#define STRIDE(k, d) p[PARAM_WALKS + 2 * (OPERANDS + 1) + (k + 1) * P(RANK) + (d)]

/* line() computes one line of `n` elements; b[k] is the first element of operand k. The compiler defines DECLARE (typed
 * pointers b0, b1, ... and bo, strides s0, ... and so), REBIND (b0 = rest[0]; ...), LOADk and STORE for element or
 * vector i, SIZES and STEPS (one number per operand, the output last). */
static const long long size_of[OPERANDS + 1] = {SIZES};

FN void line(long long n, const long long *p, char *const *b)
{
	long long i = 0;
	DECLARE(void) p;
#if VECTOR
	for (; i + LANES <= n; i += LANES) {
		EXPR f32_store(bo + i, RESULT);
	}
	if (i < n) { /* the rest is computed in a padded copy */
		static const char steps[OPERANDS + 1] = {STEPS};
		float rest[OPERANDS + 1][LANES];
		long long start = i;
		for (int k = 0; k < OPERANDS; k++)
			for (int l = 0; l < LANES; l++)
				rest[k][l] = ((const float *)b[k])[!steps[k] ? 0 : i + l < n ? i + l : n - 1];
		REBIND
		i = 0;
		EXPR f32_store(rest[OPERANDS], RESULT);
		for (i = start; i < n; i++)
			bo[i] = rest[OPERANDS][i - start];
	}
#else
	for (; i < n; i++) {
		EXPR STORE = RESULT;
	}
#endif
}

void KERNEL(const struct erc_tile_args *args, uint32_t tile, void *local)
{
	const long long *p = args->params;
	long long row = tile / P(CHUNKS) * P(TILE_ROWS), chunk = tile % P(CHUNKS), index[8] = {0};
	long long row_end = row + P(TILE_ROWS) < P(ROWS) ? row + P(TILE_ROWS) : P(ROWS);
	long long m_begin = chunk * P(CHUNK), m_end = m_begin + P(CHUNK) < P(MIDDLE) ? m_begin + P(CHUNK) : P(MIDDLE);
	char *base[OPERANDS + 1];
	(void)local;
	long long left = row;
	for (int d = (int)P(RANK) - 1; d >= 0; d--) {
		index[d] = left % DIM(d);
		left /= DIM(d);
	}
	for (; row < row_end; row++) {
		for (int k = 0; k <= OPERANDS; k++) {
			long long offset = 0;
			for (int d = 0; d < P(RANK); d++)
				offset += index[d] * STRIDE(k, d);
			base[k] = (char *)args->buffers[k] + offset * size_of[k];
		}
		for (long long m = m_begin; m < m_end; m++) {
			char *b[OPERANDS + 1];
			for (int k = 0; k <= OPERANDS; k++)
				b[k] = base[k] + m * SM(k) * size_of[k];
			line(P(INNER), p, b);
		}
		for (int d = (int)P(RANK) - 1; d >= 0 && ++index[d] == DIM(d); d--)
			index[d] = 0;
	}
}
