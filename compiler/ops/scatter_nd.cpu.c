/* Scatters slices that tuples of indices name. The rows are the data's slices: a tile copies its own, then looks
 * at all updates in order and takes those that fall on them. An index outside its dim is clamped.
 * Defines: INDEX (its type), T (dtype), COMBINE over a (so far) and b (the update).
 * Params: rows per tile, rows, elements of a slice, k, updates (with a slot: those for each
 * of the number there), that slot or -1, then (dim, rows of a step) of each of the k dims. */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VALUE_TYPE JOIN(T, _value)

void KERNEL(const struct erc_tile_args *args, uint32_t tile, void *local)
{
	const long long *p = args->params;
	long first = tile * p[0], end = (tile + 1) * p[0] < p[1] ? (tile + 1) * p[0] : p[1], slice = p[2];
	long count = p[5] < 0 ? p[4] : p[4] * args->dims[p[5]];
	const VALUE_TYPE *in = args->buffers[0], *updates = args->buffers[2];
	const INDEX *tuple = args->buffers[1];
	VALUE_TYPE *out = args->buffers[3];
	(void)local;
	for (long i = first * slice; i < end * slice; i++)
		out[i] = in[i];
	for (long u = 0; u < count; u++, tuple += p[3], updates += slice) {
		long row = 0;
		for (long d = 0; d < p[3]; d++) {
			long long at = tuple[d], size = p[6 + 2 * d];
			at = at < 0 ? at + size : at;
			row += (at < 0 ? 0 : at >= size ? size - 1 : at) * p[7 + 2 * d];
		}
		for (long i = 0; row >= first && row < end && i < slice; i++) {
			VALUE_TYPE a = out[row * slice + i], b = updates[i];
			out[row * slice + i] = COMBINE;
		}
	}
}
