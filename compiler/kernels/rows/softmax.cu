/* e^(x - max) / sum along an axis of `count` elements, `inner` apart. A row is one such line. LINE threads share it: a
 * warp or a block if its elements are contiguous, one thread if those of neighbouring lines are. Bound: memory. Not
 * measured on a GPU yet.
 * Defines: LOGARITHM, LINE. */
#ifndef LOGARITHM
#define LOGARITHM 0
#endif

FN void line(const struct erc_tile_args *args, const long long *p, long r, float *local)
{
	long count = P(COUNT), inner = P(INNER), at = r / inner * count * inner + r % inner;
	const float *in = (const float *)args->buffers[0] + at;
	float *out = (float *)args->buffers[1] + at, top = -__builtin_inff();
	double part = 0.0;
	for (long i = MEMBER; i < count; i += LINE)
		top = in[i * inner] > top ? in[i * inner] : top;
	top = line_max(top, local);
	for (long i = MEMBER; i < count; i += LINE) {
		float e = f32_exp(in[i * inner] - top);
		part += e;
		out[i * inner] = LOGARITHM ? in[i * inner] - top : e;
	}
	float sum = line_sum((float)part, local);
	float log_sum = LOGARITHM ? f32_log(sum) : 0.0f;
	for (long i = MEMBER; i < count; i += LINE)
		out[i * inner] = LOGARITHM ? out[i * inner] - log_sum : out[i * inner] / sum;
}

KERNEL_OF_LINES
