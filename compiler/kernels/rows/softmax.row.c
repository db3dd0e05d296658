/* e^(x - max) / sum along an axis of `count` elements, `inner` apart. A row is one such line.
 * Defines: T (f32 or f64), LOGARITHM. Bound: memory, then exp. */
#ifndef LOGARITHM
#define T f32
#define LOGARITHM 0
#endif

/* Subtracts `top` from `count` elements; stores the exponentials of the differences, or with LOGARITHM the differences.
 * Adds the exponentials to `parts`. */
FN void add_exponentials(const VALUE_TYPE *in, VALUE_TYPE *out, VALUE_TYPE top, long count, long inner, double *parts)
{
	OVER_LANES for (int l = 0; l < count; l++)
	{
		VALUE_TYPE x = in[l * inner] - top, e = JOIN(T, _exp)(x);
		parts[l] += e;
		out[l * inner] = LOGARITHM ? x : e;
	}
}

FN void line(const VALUE_TYPE *in, VALUE_TYPE *out, long count, long inner)
{
	double parts[PARTS] = {0};
	VALUE_TYPE top = in[0];
	long i = 0;
	for (long k = 1; k < count; k++)
		top = in[k * inner] > top ? in[k * inner] : top;
	for (; i + PARTS <= count; i += PARTS)
		add_exponentials(in + i * inner, out + i * inner, top, PARTS, inner, parts);
	add_exponentials(in + i * inner, out + i * inner, top, count - i, inner, parts);
	VALUE_TYPE sum = (VALUE_TYPE)sum_of_parts(parts), log_sum = LOGARITHM ? JOIN(T, _log)(sum) : 0;
	for (long k = 0; k < count; k++)
		out[k * inner] = LOGARITHM ? out[k * inner] - log_sum : out[k * inner] / sum;
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long at = r / P(INNER) * P(COUNT) * P(INNER) + r % P(INNER);
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + at;
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[1] + at;
	if (P(INNER) == 1) /* so that compilers vectorise the loops */
		line(in, out, P(COUNT), 1);
	else
		line(in, out, P(COUNT), P(INNER));
}

KERNEL_OF_ROWS
