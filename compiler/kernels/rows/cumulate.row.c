/* Running sums and products along lines of `count` elements, `inner` apart. A row is one line, computed in order.
 * Defines: T (dtype), ACCUMULATOR (dtype of what is computed), COMBINE over a (so far) and b (an element), START,
 * EXCLUSIVE, REVERSE. */
#ifndef T
#define T f32
#define ACCUMULATOR f64
#define COMBINE f64_add(a, b)
#define START 0
#define EXCLUSIVE 0
#define REVERSE 0
#endif

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long count = P(COUNT), inner = P(INNER);
	long start = r / inner * count * inner + r % inner;
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + start;
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[1] + start;
	ACCUMULATOR_TYPE a = START;
	for (long k = 0; k < count; k++) {
		long i = (REVERSE ? count - 1 - k : k) * inner;
		ACCUMULATOR_TYPE b = in[i];
		if (EXCLUSIVE)
			out[i] = (VALUE_TYPE)a;
		a = COMBINE;
		if (!EXCLUSIVE)
			out[i] = (VALUE_TYPE)a;
	}
}

KERNEL_OF_ROWS
