/* Finds the position of the maximum or minimum of each line. A row is one line of `count` elements, `inner` apart.
 * NaNs are better than numbers. Defines: T (dtype), BETTER over a (an element) and b (the best so far). */
#ifndef T
#define T f32
#define BETTER GREATER(a, b)
#endif

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long count = P(COUNT), inner = P(INNER);
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + r / inner * count * inner + r % inner;
	VALUE_TYPE b = in[0];
	long best = 0;
	for (long i = 1; i < count; i++) {
		VALUE_TYPE a = in[i * inner];
		if (BETTER) {
			b = a;
			best = i;
		}
	}
	((i64_value *)args->buffers[1])[r] = best;
}

KERNEL_OF_ROWS
