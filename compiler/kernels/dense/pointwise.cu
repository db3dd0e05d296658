/* Element-wise kernels, and all kernels that only move elements (see pointwise.cpu.c). The elements of the loop nest
 * are one range. A tile is a part of it; a thread computes PACK neighbours at a time. Bound: memory. Not measured on a
 * GPU yet.
 * Defines: RANK, PACK, OPERANDS (inputs), INDEX (an unsigned type that can count the elements), LOADS (declares what
 * LOADk of element i of the pack reads, from place at[k] of operand k), STORE, WRITE (stores the pack). */
#ifndef RANK
#define RANK 1
#define PACK 1
#define OPERANDS 1
#define INDEX unsigned
#define LOADS float x0 = ((const float *)args->buffers[0])[at[0]], y[PACK];
#define LOAD0 x0
#define STORE y[i]
#define WRITE ((float *)args->buffers[1])[at[1]] = y[0];
#define EXPR f32_value v0 = LOAD0;
#define RESULT v0
#endif

#define DIM(d) p[PARAM_DIMS + (d)]
#define STRIDE(k, d) p[PARAM_DIMS + RANK * ((k) + 1) + (d)]

TILE_BODY
{
	const long long *p = (const long long *)args->params;
	long long first = tile * P(PER_TILE), end = first + P(PER_TILE) < P(ELEMENTS) ? first + P(PER_TILE) : P(ELEMENTS);
	(void)local;
	for (first += THREAD * PACK; first < end; first += THREADS * PACK) {
		long long at[OPERANDS + 1] = {0};
		INDEX left = (INDEX)first;
		UNROLL for (int d = RANK - 1; d >= 0; d--)
		{
			INDEX index = d ? left % (INDEX)DIM(d) : left;
			left = d ? left / (INDEX)DIM(d) : 0;
			UNROLL for (int k = 0; k <= OPERANDS; k++) at[k] += (long long)index * STRIDE(k, d);
		}
		LOADS
		UNROLL for (int i = 0; i < PACK; i++)
		{
			EXPR STORE = RESULT;
		}
		WRITE
	}
}
