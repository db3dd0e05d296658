/* Normalises rows of `count` elements: (x - mean) / sqrt(variance + epsilon), or with RMS x / sqrt(mean of squares +
 * epsilon). Then multiplies by a scale and adds a bias. Element i of row r uses their element (r % MOD) * STEP + i /
 * DIV. Bound: memory, three passes over a row that the cache holds. Sums have 16 lanes, which are added in order, so
 * they are the same for every vector width.
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

FN float lanes_sum(const float *parts)
{
	float sum = 0.0f;
	for (int l = 0; l < 16; l++)
		sum += parts[l];
	return sum;
}

static float sum_of(const float *x, long n)
{
	float parts[16] = {0};
	long i = 0;
	for (; i + 16 <= n; i += 16)
		for (int l = 0; l < 16; l++)
			parts[l] += x[i + l];
	for (int l = 0; i < n; i++, l++)
		parts[l] += x[i];
	return lanes_sum(parts);
}

static float squares_of(const float *x, long n, float mean)
{
	float parts[16] = {0};
	long i = 0;
	for (; i + 16 <= n; i += 16)
		for (int l = 0; l < 16; l++)
			parts[l] += (x[i + l] - mean) * (x[i + l] - mean);
	for (int l = 0; i < n; i++, l++)
		parts[l] += (x[i] - mean) * (x[i] - mean);
	return lanes_sum(parts);
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long count = P(COUNT), first = r % P(MOD) * P(STEP), div = P(DIV);
	const float *x = (const float *)args->buffers[0] + r * count;
	float *out = (float *)args->buffers[OUT] + r * count;
	const float *scale = (const float *)args->buffers[SCALE] + first,
				*bias = (const float *)args->buffers[BIAS] + first;
	float mean = RMS ? 0.0f : sum_of(x, count) / (float)count;
	float inverse = 1.0f / __builtin_sqrtf(squares_of(x, count, mean) / (float)count + EPSILON);
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
