/* The positions of non-zero elements, as [rank, maximum number] indices; the first n of each line are valid. A row is
 * one chunk. Its output begins after those of the chunks before it, whose counts it adds up. The last row writes n.
 * Bound: memory. Defines: T (dtype). */
#ifndef T
#define T f32
#endif

#define DIM(d) p[PARAM_DIMS + (d)]

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0];
	const i64_value *counts = (const i64_value *)args->buffers[1];
	i64_value *out = (i64_value *)args->buffers[3];
	long end = (r + 1) * P(CHUNK) < P(ELEMENTS) ? (r + 1) * P(CHUNK) : P(ELEMENTS), n = 0;
	for (long i = 0; i < r; i++)
		n += counts[i];
	for (long i = r * P(CHUNK); i < end; i++) {
		if (in[i] == 0)
			continue;
		for (long d = P(RANK) - 1, left = i; d >= 0; left /= DIM(d--))
			out[d * P(ELEMENTS) + n] = left % DIM(d);
		n++;
	}
	if (r == P(ROWS_TOTAL) - 1)
		*(i64_value *)args->buffers[2] = n;
}

KERNEL_OF_ROWS
