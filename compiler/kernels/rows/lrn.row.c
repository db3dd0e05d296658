/* Local response normalisation over channels, plain layout: x / (bias + alpha/size * sum x^2)^beta. A row is one plane
 * of a channel. Defines: T (f32 or f64), ALPHA, BIAS, BETA, BETA_3_4 (1: beta is 3/4). */
#ifndef ALPHA
#define T f32
#define ALPHA 1e-4f
#define BIAS 1.0f
#define BETA 0.75f
#define BETA_3_4 1
#endif

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long channels = P(CHANNELS), positions = P(POSITIONS), size = P(SIZE);
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + r * positions;
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[1] + r * positions;
	long c = r % channels, first = c - (size - 1) / 2, last = c + size / 2;
	first = first < 0 ? 0 : first;
	last = last >= channels ? channels - 1 : last;
	for (long i = 0; i < positions; i++) {
		VALUE_TYPE sum = 0;
		for (long k = first; k <= last; k++)
			sum += in[(k - c) * positions + i] * in[(k - c) * positions + i];
		VALUE_TYPE base = BIAS + ALPHA / (VALUE_TYPE)size * sum;
		if (BETA_3_4) {
			VALUE_TYPE root = JOIN(T, _sqrt)(base);
			out[i] = in[i] / (root * JOIN(T, _sqrt)(root));
		} else {
			out[i] = in[i] / JOIN(T, _pow)(base, BETA);
		}
	}
}

KERNEL_OF_ROWS
