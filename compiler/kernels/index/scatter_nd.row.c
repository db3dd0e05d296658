/* Scatters slices to places selected by tuples of indices. The rows are the data's slices. A tile copies its own
 * slices, then goes through all updates in order and applies those to its slices. A thread has every THREADS-th
 * element. Defines: INDEX (its type), T (dtype), COMBINE over a (so far) and b (the update); FAULTS and OUT, buffers. */
#ifndef INDEX
#define INDEX i64_value
#define T f32
#define COMBINE f32_add(a, b)
#endif
#ifndef OUT
#define OUT 3
#endif

#define DIM(d) DIM_IN(args, p[PARAM_DIMS + 2 + 3 * (d)], p[PARAM_DIMS + 3 * (d)])
#define STEP(d) p[PARAM_DIMS + 1 + 3 * (d)]

TILE_BODY
{
	const long long *p = (const long long *)args->params;
	long first = tile * P(ROWS_PER_TILE),
		 end = (tile + 1) * P(ROWS_PER_TILE) < P(ROWS_TOTAL) ? (tile + 1) * P(ROWS_PER_TILE) : P(ROWS_TOTAL),
		 slice = P(SLICE);
	long long size = P(UPDATES_DIM) < 0 ? 1 : args->dims[P(UPDATES_DIM)];
	long count = P(UPDATES) * (size < 0 ? 0 : size < P(BOUND) ? size : P(BOUND));
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + first * slice;
	const VALUE_TYPE *updates = (const VALUE_TYPE *)args->buffers[2];
	const INDEX *tuple = (const INDEX *)args->buffers[1];
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[OUT] + first * slice;
	(void)local;
	for (long i = THREAD; i < (end - first) * slice; i += THREADS)
		out[i] = in[i];
	for (long u = 0; u < count; u++, tuple += P(TUPLE), updates += slice) {
		long row = -first;
		for (long d = 0; d < P(TUPLE); d++)
			row += index_in(args->buffers, tuple[d], DIM(d)) * STEP(d);
		if (row < 0 || row >= end - first)
			continue;
		VALUE_TYPE *to = out + row * slice;
		for (long i = (THREAD + THREADS - row * slice % THREADS) % THREADS; i < slice; i += THREADS) {
			VALUE_TYPE a = to[i], b = updates[i];
			to[i] = COMBINE;
		}
	}
}
