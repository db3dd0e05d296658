/* Local response normalisation over channels, plain layout: x / (bias + alpha/size * sum x^2)^beta. A row is one plane
 * of a channel. Defines: ALPHA, BIAS, BETA, BETA_3_4 (1: beta is 3/4). */
#ifndef ALPHA
#define ALPHA 1e-4f
#define BIAS 1.0f
#define BETA 0.75f
#define BETA_3_4 1
#endif

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long channels = P(CHANNELS), positions = P(POSITIONS), size = P(SIZE);
	const float *in = (const float *)args->buffers[0] + r * positions;
	float *out = (float *)args->buffers[1] + r * positions;
	long c = r % channels, first = c - (size - 1) / 2, last = c + size / 2;
	first = first < 0 ? 0 : first;
	last = last >= channels ? channels - 1 : last;
	for (long i = 0; i < positions; i++) {
		float sum = 0.0f;
		for (long k = first; k <= last; k++)
			sum += in[(k - c) * positions + i] * in[(k - c) * positions + i];
		float base = BIAS + ALPHA / (float)size * sum;
		if (BETA_3_4) {
			float root = __builtin_sqrtf(base);
			out[i] = in[i] / (root * __builtin_sqrtf(root));
		} else {
			out[i] = in[i] / f32_pow(base, BETA);
		}
	}
}

KERNEL_OF_ROWS
