/* Sums of products of two strided tensors: the plain form of products and convolutions, for the dtypes that the tuned
 * kernels do not have. Each output element is one running sum, in the order of the summed dims. A row is up to GROUP
 * neighbours along the last dim of the output. Integers wrap. Defines: T (dtype), GROUP. */
#ifndef T
#define T f64
#define GROUP 16
#endif

/* Adds `count` products to each of the `width` sums; those of sum l are l * a_next and l * b_next further. */
FN void add_products(VALUE_TYPE *sums, const VALUE_TYPE *a, const VALUE_TYPE *b, const long long *run, long a_next,
                     long b_next, long width)
{
	for (long i = 0; i < run[0]; i++)
		OVER_LANES for (long l = 0; l < width; l++) sums[l] =
			JOIN(T, _add)(sums[l], JOIN(T, _mul)(a[i * run[1] + l * a_next], b[i * run[2] + l * b_next]));
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	static const long long one[3] = {1, 0, 0};
	long kept = P(KEPT), gone = P(GONE), count = P(COUNT), index[8] = {0};
	const long long *k = p + PARAM_DIMS, *g = k + 3 * kept, *last = kept ? g - 3 : one;
	const long long *run = gone ? g + 3 * (gone - 1) : one;
	long groups = (last[0] + GROUP - 1) / GROUP, first = r % groups * GROUP, line = r / groups;
	long width = last[0] - first < GROUP ? last[0] - first : GROUP;
	const VALUE_TYPE *a = (const VALUE_TYPE *)args->buffers[0] + first * last[1];
	const VALUE_TYPE *b = (const VALUE_TYPE *)args->buffers[1] + first * last[2];
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[2] + line * last[0] + first, sums[GROUP] = {0};
	for (long d = kept - 2, left = line; d >= 0; left /= k[3 * d], d--) {
		a += left % k[3 * d] * k[3 * d + 1];
		b += left % k[3 * d] * k[3 * d + 2];
	}
	for (long i = 0; i < count; i += run[0]) {
		const VALUE_TYPE *x = a, *y = b;
		for (long d = 0; d + 1 < gone; d++) {
			x += index[d] * g[3 * d + 1];
			y += index[d] * g[3 * d + 2];
		}
		if (last[1] == 0 && last[2] == 1) /* so that compilers vectorise the loop */
			add_products(sums, x, y, run, 0, 1, width);
		else if (last[1] == 1 && last[2] == 0)
			add_products(sums, x, y, run, 1, 0, width);
		else
			add_products(sums, x, y, run, last[1], last[2], width);
		for (long d = gone - 2; d >= 0 && ++index[d] == g[3 * d]; d--)
			index[d] = 0;
	}
	for (long l = 0; l < width; l++)
		out[l] = sums[l];
}

KERNEL_OF_ROWS
