/* Copies slices that tuples of indices name: row r of the output is the slice at indices[r][0..k). An index
 * outside its dim is clamped. Bound: memory. Defines: INDEX (its type).
 * Params: rows per tile, rows, bytes of a slice, k, rows of a batch, bytes of the data of a batch,
 * then (dim, bytes of a step) of each of the k dims. */
static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const INDEX *tuple = (const INDEX *)args->buffers[1] + r * p[3];
	const char *from = (const char *)args->buffers[0] + r / p[4] * p[5];
	char *to = (char *)args->buffers[2] + r * p[2];
	for (long d = 0; d < p[3]; d++) {
		long long at = tuple[d], size = p[6 + 2 * d];
		at = at < 0 ? at + size : at;
		from += (at < 0 ? 0 : at >= size ? size - 1 : at) * p[7 + 2 * d];
	}
	for (long i = 0; i < p[2]; i++)
		to[i] = from[i];
}

KERNEL_OF_ROWS
