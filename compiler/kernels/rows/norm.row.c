/* Normalises rows of `count` elements: (x - mean) / sqrt(variance + epsilon), or with RMS x / sqrt(mean of squares +
 * epsilon). Then multiplies by a scale and adds a bias. Element i of row r uses their element (r % MOD) * STEP + i /
 * DIV. Bound: memory, three passes over a row that the cache holds.
 * Defines: RMS, EPSILON, SCALE and BIAS (operand numbers; 0: none), OUT, MEAN and INVERSE (operand numbers; 0:
 * none). */
#ifndef RMS
#define RMS 0
#define EPSILON 1e-5f
#define SCALE 1
#define BIAS 2
#define OUT 3
#define MEAN 0
#define INVERSE 0
#endif

/* x - mean, or its square. */
FN float part_of(float x, float mean, const int square)
{
	return square ? (x - mean) * (x - mean) : x - mean;
}
FN float part_of_two(const float *x, long step, float mean, const int square)
{
	return part_of(x[0], mean, square) + part_of(x[step], mean, square);
}

/* The mean of the n differences x - mean, or of their squares. Eight at a time are added in f32 as a tree, all else in
 * f64. */
FN float mean_of(const float *x, long n, float mean, const int square)
{
	double parts[PARTS] = {0};
	long i = 0;
	for (; i + 8 * PARTS <= n; i += 8 * PARTS)
		OVER_LANES for (int l = 0; l < PARTS; l++)
		{
			const float *at = x + i + l;
			parts[l] +=
				(part_of_two(at, PARTS, mean, square) + part_of_two(at + 2 * PARTS, PARTS, mean, square)) +
				(part_of_two(at + 4 * PARTS, PARTS, mean, square) + part_of_two(at + 6 * PARTS, PARTS, mean, square));
		}
	for (; i + PARTS <= n; i += PARTS)
		OVER_LANES for (int l = 0; l < PARTS; l++) parts[l] += part_of(x[i + l], mean, square);
	for (int l = 0; i + l < n; l++)
		parts[l] += part_of(x[i + l], mean, square);
	return (float)(sum_of_parts(parts) / (double)n);
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long count = P(COUNT), first = r % P(MOD) * P(STEP), div = P(DIV);
	const float *x = (const float *)args->buffers[0] + r * count;
	float *out = (float *)args->buffers[OUT] + r * count;
	const float *scale = (const float *)args->buffers[SCALE] + first,
				*bias = (const float *)args->buffers[BIAS] + first;
	float mean = RMS ? 0.0f : mean_of(x, count, 0.0f, 0);
	float inverse = 1.0f / __builtin_sqrtf(mean_of(x, count, mean, 1) + EPSILON);
	if (MEAN)
		((float *)args->buffers[MEAN])[r] = mean;
	if (INVERSE)
		((float *)args->buffers[INVERSE])[r] = inverse;
	if (div == 1) { /* one factor per element */
		for (long i = 0; i < count; i++)
			out[i] = (x[i] - mean) * inverse * (SCALE ? scale[i] : 1.0f) + (BIAS ? bias[i] : 0.0f);
		return;
	}
	for (long block = 0; block * div < count; block++) {
		float factor = SCALE ? scale[block] * inverse : inverse, shift = BIAS ? bias[block] : 0.0f;
		for (long i = block * div; i < (block + 1) * div; i++)
			out[i] = (x[i] - mean) * factor + shift;
	}
}

KERNEL_OF_ROWS
