/* Normalises rows of `count` elements, with LINE threads per row. Formula, defines and parameters are those of
 * norm.row.c. Bound: memory, three passes over a row that the caches hold. Not measured on a GPU yet. */
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

FN void line(const struct erc_tile_args *args, const long long *p, long r, VALUE_TYPE *local)
{
	long count = P(COUNT), first = r % P(MOD) * P(STEP);
	unsigned div = (unsigned)P(DIV);
	const VALUE_TYPE *x = (const VALUE_TYPE *)args->buffers[0] + r * count;
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[OUT] + r * count, mean = 0;
	double sum = 0.0, squares = 0.0;
	const VALUE_TYPE *scale = (const VALUE_TYPE *)args->buffers[SCALE] + first,
					 *bias = (const VALUE_TYPE *)args->buffers[BIAS] + first;
	for (long i = MEMBER; !RMS && i < count; i += LINE)
		sum += x[i];
	if (!RMS)
		mean = line_sum((VALUE_TYPE)sum, local) / (VALUE_TYPE)count;
	for (long i = MEMBER; i < count; i += LINE)
		squares += (double)(x[i] - mean) * (x[i] - mean);
	VALUE_TYPE inverse = 1 / JOIN(T, _sqrt)(line_sum((VALUE_TYPE)squares, local) / (VALUE_TYPE)count + EPSILON);
	if (MEAN && MEMBER == 0)
		((VALUE_TYPE *)args->buffers[MEAN])[r] = mean;
	if (INVERSE && MEMBER == 0)
		((VALUE_TYPE *)args->buffers[INVERSE])[r] = inverse;
	for (long i = MEMBER; i < count; i += LINE) {
		long at = div == 1 ? i : (long)((unsigned)i / div);
		out[i] = (x[i] - mean) * inverse * (SCALE ? scale[at] : 1) + (BIAS ? bias[at] : 0);
	}
}

KERNEL_OF_LINES
