/* Normalises rows of `count` elements: (x - mean) / sqrt(variance + epsilon), or with RMS x / sqrt(mean of squares +
 * epsilon). Then multiplies by a scale and adds a bias. Element i of row r uses their element (r % MOD) * STEP + i /
 * DIV. Bound: memory, three passes over a row that the cache holds.
 * Defines: T (f32 or f64), RMS, EPSILON, SCALE and BIAS (operand numbers; 0: none), OUT, MEAN and INVERSE (operand numbers; 0:
 * none). */
#ifndef RMS
#define T f32
#define RMS 0
#define EPSILON 1e-5f
#define SCALE 1
#define BIAS 2
#define OUT 3
#define MEAN 0
#define INVERSE 0
#endif

/* x - mean, or its square. */
FN VALUE_TYPE part_of(VALUE_TYPE x, VALUE_TYPE mean, const int square)
{
	return square ? (x - mean) * (x - mean) : x - mean;
}
FN VALUE_TYPE part_of_two(const VALUE_TYPE *x, long step, VALUE_TYPE mean, const int square)
{
	return part_of(x[0], mean, square) + part_of(x[step], mean, square);
}

/* The mean of the n differences x - mean, or of their squares. Eight at a time are added in T as a tree, all else in
 * f64. */
FN VALUE_TYPE mean_of(const VALUE_TYPE *x, long n, VALUE_TYPE mean, const int square)
{
	double parts[PARTS] = {0};
	long i = 0;
	for (; i + 8 * PARTS <= n; i += 8 * PARTS)
		OVER_LANES for (int l = 0; l < PARTS; l++)
		{
			const VALUE_TYPE *at = x + i + l;
			parts[l] +=
				(part_of_two(at, PARTS, mean, square) + part_of_two(at + 2 * PARTS, PARTS, mean, square)) +
				(part_of_two(at + 4 * PARTS, PARTS, mean, square) + part_of_two(at + 6 * PARTS, PARTS, mean, square));
		}
	for (; i + PARTS <= n; i += PARTS)
		OVER_LANES for (int l = 0; l < PARTS; l++) parts[l] += part_of(x[i + l], mean, square);
	for (int l = 0; i + l < n; l++)
		parts[l] += part_of(x[i + l], mean, square);
	return (VALUE_TYPE)(sum_of_parts(parts) / (double)n);
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long count = P(COUNT), first = r % P(MOD) * P(STEP), div = P(DIV);
	const VALUE_TYPE *x = (const VALUE_TYPE *)args->buffers[0] + r * count;
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[OUT] + r * count;
	const VALUE_TYPE *scale = (const VALUE_TYPE *)args->buffers[SCALE] + first,
					 *bias = (const VALUE_TYPE *)args->buffers[BIAS] + first;
	VALUE_TYPE mean = RMS ? 0 : mean_of(x, count, 0, 0);
	VALUE_TYPE inverse = 1 / JOIN(T, _sqrt)(mean_of(x, count, mean, 1) + EPSILON);
	if (MEAN)
		((VALUE_TYPE *)args->buffers[MEAN])[r] = mean;
	if (INVERSE)
		((VALUE_TYPE *)args->buffers[INVERSE])[r] = inverse;
	if (div == 1) { /* one factor per element */
		for (long i = 0; i < count; i++)
			out[i] = (x[i] - mean) * inverse * (SCALE ? scale[i] : 1) + (BIAS ? bias[i] : 0);
		return;
	}
	for (long block = 0; block * div < count; block++) {
		VALUE_TYPE factor = SCALE ? scale[block] * inverse : inverse, shift = BIAS ? bias[block] : 0;
		for (long i = block * div; i < (block + 1) * div; i++)
			out[i] = (x[i] - mean) * factor + shift;
	}
}

KERNEL_OF_ROWS
