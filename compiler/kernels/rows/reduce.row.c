/* Reduces some dims of a strided tensor. A row is one output element, or 16 neighbouring ones (LANES_KEPT) where they
 * are contiguous. Element j of the innermost reduced dim is combined into part j % SPLIT, in the order of the input; the
 * parts are merged as a tree. So the order is the same for every vector width.
 * Defines: LANES_KEPT, SPLIT (1; or a power of two, if LANES_KEPT is 1), T, ACCUMULATOR (dtype of results); START,
 * COMBINE, MERGE and FINISH declare values, the last of which are v0, COMBINED, MERGED and FINISHED. They read LOAD0
 * (the result so far), LOAD1 (an element, or another result), LOAD2 (the number of elements). */
#ifndef LANES_KEPT
#define LANES_KEPT 1
#define SPLIT 32
#define T f32
#define ACCUMULATOR f64
#define START f64_value v0 = 0.0;
#define COMBINE f64_value v1 = f64_add(LOAD0, LOAD1);
#define COMBINED v1
#define MERGE f64_value v3 = f64_add(LOAD0, LOAD1);
#define MERGED v3
#define FINISH f32_value v2 = LOAD0 / LOAD2;
#define FINISHED v2
#endif

#define LOAD0 so_far
#define LOAD1 element
#define LOAD2 n
#define RESULTS (SPLIT * LANES_KEPT)

/* Combines `count` neighbouring elements, `step` apart, into as many results. */
FN void combine(ACCUMULATOR_TYPE *results, const VALUE_TYPE *at, long step, long count, ACCUMULATOR_TYPE n)
{
	OVER_LANES for (long l = 0; l < count; l++)
	{
		ACCUMULATOR_TYPE so_far = results[l], element = at[l * step];
		COMBINE
		results[l] = COMBINED;
	}
}

/* Combines a run of `count` elements, `step` apart, or of as many neighbouring LANES_KEPT. */
FN void combine_run(ACCUMULATOR_TYPE *results, const VALUE_TYPE *at, long step, long count, ACCUMULATOR_TYPE n)
{
	long j = 0;
	for (; j + SPLIT <= count; j += SPLIT)
		combine(results, at + j * step, LANES_KEPT == 1 ? step : 1, RESULTS, n);
	if (SPLIT > 1)
		combine(results, at + j * step, step, count - j, n);
}

FN void finish(ACCUMULATOR_TYPE *results, VALUE_TYPE *out, ACCUMULATOR_TYPE n)
{
	UNROLL for (int half = SPLIT / 2; half > 0; half /= 2) for (int l = 0; l < half; l++)
	{
		ACCUMULATOR_TYPE so_far = results[l], element = results[l + half];
		MERGE
		results[l] = MERGED;
	}
	for (int l = 0; l < LANES_KEPT; l++) {
		ACCUMULATOR_TYPE so_far = results[l], element = 0;
		(void)element;
		FINISH
		out[l] = FINISHED;
	}
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0];
	ACCUMULATOR_TYPE results[RESULTS];
	long kept = P(KEPT), gone = P(GONE), count = P(COUNT), index[8] = {0};
	const long long *k = p + PARAM_DIMS, *g = k + 2 * kept;
	for (long d = kept - 1, left = r * LANES_KEPT; d >= 0; d--) {
		in += left % k[2 * d] * k[2 * d + 1];
		left /= k[2 * d];
	}
	for (int l = 0; l < RESULTS; l++) {
		START
		results[l] = v0;
	}
	long inner = gone ? g[2 * gone - 2] : 1, step = gone ? g[2 * gone - 1] : 0;
	for (long i = 0; i < count; i += inner) {
		const VALUE_TYPE *at = in;
		for (long d = 0; d + 1 < gone; d++)
			at += index[d] * g[2 * d + 1];
		if (LANES_KEPT == 1 && step == 1) /* so that compilers vectorise the loop */
			combine_run(results, at, 1, inner, (ACCUMULATOR_TYPE)count);
		else
			combine_run(results, at, step, inner, (ACCUMULATOR_TYPE)count);
		for (long d = gone - 2; d >= 0 && ++index[d] == g[2 * d]; d--)
			index[d] = 0;
	}
	finish(results, (VALUE_TYPE *)args->buffers[1] + r * LANES_KEPT, (ACCUMULATOR_TYPE)count);
}

KERNEL_OF_ROWS
