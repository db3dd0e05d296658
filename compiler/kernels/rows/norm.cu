/* Normalises rows of `count` elements, with LINE threads per row. Formula, defines and parameters are those of
 * norm.row.c. Bound: memory, three passes over a row that the caches hold. Not measured on a GPU yet. */
#ifndef RMS
#define RMS 0
#define EPSILON 1e-5f
#define SCALE 1
#define BIAS 2
#define OUT 3
#define MEAN 0
#define INVERSE 0
#endif

FN void line(const struct erc_tile_args *args, const long long *p, long r, float *local)
{
	long count = P(COUNT), first = r % P(MOD) * P(STEP);
	unsigned div = (unsigned)P(DIV);
	const float *x = (const float *)args->buffers[0] + r * count;
	float *out = (float *)args->buffers[OUT] + r * count, mean = 0.0f;
	double sum = 0.0, squares = 0.0;
	const float *scale = (const float *)args->buffers[SCALE] + first,
				*bias = (const float *)args->buffers[BIAS] + first;
	for (long i = MEMBER; !RMS && i < count; i += LINE)
		sum += x[i];
	if (!RMS)
		mean = line_sum((float)sum, local) / (float)count;
	for (long i = MEMBER; i < count; i += LINE)
		squares += (double)(x[i] - mean) * (x[i] - mean);
	float inverse = 1.0f / __builtin_sqrtf(line_sum((float)squares, local) / (float)count + EPSILON);
	if (MEAN && MEMBER == 0)
		((float *)args->buffers[MEAN])[r] = mean;
	if (INVERSE && MEMBER == 0)
		((float *)args->buffers[INVERSE])[r] = inverse;
	for (long i = MEMBER; i < count; i += LINE) {
		long at = div == 1 ? i : (long)((unsigned)i / div);
		out[i] = (x[i] - mean) * inverse * (SCALE ? scale[at] : 1.0f) + (BIAS ? bias[at] : 0.0f);
	}
}

KERNEL_OF_LINES
