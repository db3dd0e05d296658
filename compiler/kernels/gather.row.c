/* Copies one slice per row: out[outer][index] = data[outer][indices[index]]. An index outside the
 * axis is clamped, so that no input can read other memory. Defines: INDEX (its type).
 * Params: rows per tile, rows, number of indices, size of the axis, bytes of a slice. Bound: memory. */
static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const INDEX *indices = (const INDEX *)args->buffers[1];
	long long at = indices[r % p[2]];
	at = at < 0 ? at + p[3] : at;
	at = at < 0 ? 0 : at >= p[3] ? p[3] - 1 : at;
	const char *from = (const char *)args->buffers[0] + (r / p[2] * p[3] + at) * p[4];
	char *to = (char *)args->buffers[2] + r * p[4];
	for (long i = 0; i < p[4]; i++)
		to[i] = from[i];
}

KERNEL_OF_ROWS
