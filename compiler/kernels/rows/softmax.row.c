/* e^(x - max) / sum along an axis of `count` elements, `inner` apart. A row is one such line.
 * Defines: LOGARITHM. Bound: memory, then exp. */
#ifndef LOGARITHM
#define LOGARITHM 0
#endif

static void line(const float *in, float *out, long count, long inner)
{
	float top = in[0], sum = 0.0f;
	for (long i = 1; i < count; i++)
		top = in[i * inner] > top ? in[i * inner] : top;
	for (long i = 0; i < count; i++) {
		float e = f32_exp(in[i * inner] - top);
		sum += e;
		out[i * inner] = LOGARITHM ? in[i * inner] - top : e;
	}
	float log_sum = LOGARITHM ? f32_log(sum) : 0.0f;
	for (long i = 0; i < count; i++)
		out[i * inner] = LOGARITHM ? out[i * inner] - log_sum : out[i * inner] / sum;
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long at = r / P(INNER) * P(COUNT) * P(INNER) + r % P(INNER);
	line((const float *)args->buffers[0] + at, (float *)args->buffers[1] + at, P(COUNT), P(INNER));
}

KERNEL_OF_ROWS
