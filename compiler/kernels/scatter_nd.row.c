/* Scatters slices that tuples of indices name. The rows are the data's slices: a tile copies its own, then looks
 * at all updates in order and takes those that fall on them; a thread has every THREADS-th element. An index outside
 * its dim is clamped. Defines: INDEX (its type), T (dtype), COMBINE over a (so far) and b (the update).
 * Params: rows per tile, rows, elements of a slice, k, updates (with a slot: those for each
 * of the number there), that slot or -1, then (dim, rows of a step) of each of the k dims. */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VALUE_TYPE JOIN(T, _value)

TILE_BODY
{
	const long long *p = (const long long *)args->params;
	long first = tile * p[0], end = (tile + 1) * p[0] < p[1] ? (tile + 1) * p[0] : p[1], slice = p[2];
	long count = p[5] < 0 ? p[4] : p[4] * args->dims[p[5]];
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + first * slice;
	const VALUE_TYPE *updates = (const VALUE_TYPE *)args->buffers[2];
	const INDEX *tuple = (const INDEX *)args->buffers[1];
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[3] + first * slice;
	(void)local;
	for (long i = THREAD; i < (end - first) * slice; i += THREADS)
		out[i] = in[i];
	for (long u = 0; u < count; u++, tuple += p[3], updates += slice) {
		long row = -first;
		for (long d = 0; d < p[3]; d++) {
			long long at = tuple[d], size = p[6 + 2 * d];
			at = at < 0 ? at + size : at;
			row += (at < 0 ? 0 : at >= size ? size - 1 : at) * p[7 + 2 * d];
		}
		if (row < 0 || row >= end - first)
			continue;
		VALUE_TYPE *to = out + row * slice;
		for (long i = (THREAD + THREADS - row * slice % THREADS) % THREADS; i < slice; i += THREADS) {
			VALUE_TYPE a = to[i], b = updates[i];
			to[i] = COMBINE;
		}
	}
}
