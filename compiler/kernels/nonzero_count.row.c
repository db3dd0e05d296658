/* How many elements of each chunk are not zero. A row is one chunk. Bound: memory. Defines: T (dtype).
 * Params: rows per tile, rows, elements, elements of a chunk. */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VALUE_TYPE JOIN(T, _value)

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0];
	long to = (r + 1) * p[3] < p[2] ? (r + 1) * p[3] : p[2], count = 0;
	for (long i = r * p[3]; i < to; i++)
		count += in[i] != 0;
	((i64_value *)args->buffers[1])[r] = count;
}

KERNEL_OF_ROWS
