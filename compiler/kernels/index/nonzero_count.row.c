/* Counts the non-zero elements of each chunk. A row is one chunk. Bound: memory. Defines: T (dtype). */
#ifndef T
#define T f32
#endif

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0];
	long to = (r + 1) * P(CHUNK) < P(ELEMENTS) ? (r + 1) * P(CHUNK) : P(ELEMENTS), count = 0;
	for (long i = r * P(CHUNK); i < to; i++)
		count += in[i] != 0;
	((i64_value *)args->buffers[1])[r] = count;
}

KERNEL_OF_ROWS
