/* e^(x - max) / sum along an axis of `count` elements, `inner` apart. A row is one such line. LINE threads share it: a
 * warp or a block if its elements are contiguous, one thread if those of neighbouring lines are. Bound: memory. Not
 * measured on a GPU yet.
 * Defines: T (f32 or f64), LOGARITHM, LINE. */
#ifndef LOGARITHM
#define T f32
#define LOGARITHM 0
#endif

FN void line(const struct erc_tile_args *args, const long long *p, long r, VALUE_TYPE *local)
{
	long count = P(COUNT), inner = P(INNER), at = r / inner * count * inner + r % inner;
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + at;
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[1] + at, top = -__builtin_inff();
	double part = 0.0;
	for (long i = MEMBER; i < count; i += LINE)
		top = in[i * inner] > top ? in[i * inner] : top;
	top = line_max(top, local);
	for (long i = MEMBER; i < count; i += LINE) {
		VALUE_TYPE e = JOIN(T, _exp)(in[i * inner] - top);
		part += e;
		out[i * inner] = LOGARITHM ? in[i * inner] - top : e;
	}
	VALUE_TYPE sum = line_sum((VALUE_TYPE)part, local), log_sum = LOGARITHM ? JOIN(T, _log)(sum) : 0;
	for (long i = MEMBER; i < count; i += LINE)
		out[i * inner] = LOGARITHM ? out[i * inner] - log_sum : out[i * inner] / sum;
}

KERNEL_OF_LINES
