/* The positions of elements that are not zero, as [rank, most] indices, the first n of each line in use. A row is one
 * chunk; it begins where the counts of those before it end, and the last one knows n. Bound: memory. Defines: T
 * (dtype). Params: rows per tile, rows, elements, elements of a chunk, rank, then the dims. */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VALUE_TYPE JOIN(T, _value)

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0];
	const i64_value *counts = (const i64_value *)args->buffers[1];
	i64_value *out = (i64_value *)args->buffers[3];
	long end = (r + 1) * p[3] < p[2] ? (r + 1) * p[3] : p[2], n = 0;
	for (long i = 0; i < r; i++)
		n += counts[i];
	for (long i = r * p[3]; i < end; i++) {
		if (in[i] == 0)
			continue;
		for (long d = p[4] - 1, left = i; d >= 0; left /= p[5 + d--])
			out[d * p[2] + n] = left % p[5 + d];
		n++;
	}
	if (r == p[1] - 1)
		*(i64_value *)args->buffers[2] = n;
}

KERNEL_OF_ROWS
