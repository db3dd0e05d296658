/* Reads an image of two or three dims at the positions of a grid, with one, two or four taps per dim. Positions
 * are f64. A row is one slice of the output (its first spatial dim) of one channel. Bound: the taps' scattered loads.
 * Defines: T (f32 or f64), DIMS, TAPS (1 nearest, 2 linear, 4 cubic), PADDING (0 zeros, 1 border, 2 reflection), CORNERS, ABSOLUTE (1: the grid has positions
 * in elements, which DeformConv needs). */
#ifndef DIMS
#define T f32
#define DIMS 2
#define TAPS 2
#define PADDING 0
#define CORNERS 0
#define ABSOLUTE 0
#endif

FN double reflected(double x, double low, double high)
{
	double range = high - low, away = x < low ? low - x : x > high ? x - high : 0.0;
	if (away == 0.0)
		return x;
	if (!(range > 0.0))
		return low;
	double turns = f64_floor(away / range), rest = away - turns * range;
	int even = turns - 2.0 * f64_floor(turns * 0.5) == 0.0;
	return (x < low) == even ? low + rest : high - rest;
}

FN long within(double x, long size)
{
	return !(x > 0.0) ? 0 : x >= (double)size ? size - 1 : (long)x;
}

/* Computes the index and weight of each tap of one dim. */
FN void taps_of(double at, long size, long *index, VALUE_TYPE *weight)
{
	double low = CORNERS ? 0.0 : -0.5, high = CORNERS ? (double)size - 1.0 : (double)size - 0.5;
	double x = CORNERS ? (at + 1.0) * 0.5 * ((double)size - 1.0) : ((at + 1.0) * (double)size - 1.0) * 0.5;
	x = ABSOLUTE ? at : x;
	x = x >= -1e9 && x <= 1e9 ? x : -1e9;
	if (TAPS == 1)
		x = f64_round(x);
	if (PADDING == 1 && TAPS < 4 && (x < low || x > high)) /* with four taps, each tap is clamped instead */
		x = x < 0.0 ? 0.0 : x > (double)size - 1.0 ? (double)size - 1.0 : x;
	if (PADDING == 2)
		x = reflected(x, low, high);
	double base = f64_floor(x), t = x - base;
	if (TAPS == 1) {
		weight[0] = 1;
	} else if (TAPS == 2) {
		weight[0] = (VALUE_TYPE)(1.0 - t);
		weight[1] = (VALUE_TYPE)t;
	} else {
		double a = -0.75, u = 1.0 - t, far = t + 1.0, end = 2.0 - t;
		weight[0] = (VALUE_TYPE)(((a * far - 5.0 * a) * far + 8.0 * a) * far - 4.0 * a);
		weight[1] = (VALUE_TYPE)(((a + 2.0) * t - (a + 3.0)) * t * t + 1.0);
		weight[2] = (VALUE_TYPE)(((a + 2.0) * u - (a + 3.0)) * u * u + 1.0);
		weight[3] = (VALUE_TYPE)(((a * end - 5.0 * a) * end + 8.0 * a) * end - 4.0 * a);
	}
	for (int k = 0; k < TAPS; k++) {
		double place = base + (double)(k - (TAPS == 4));
		if (PADDING == 0 && (place < 0.0 || place > (double)size - 1.0))
			weight[k] = 0;
		index[k] = within(PADDING == 2 ? reflected(place, low, high) : place, size);
	}
}

FN VALUE_TYPE sample(const VALUE_TYPE *image, const long long *size, const VALUE_TYPE *grid)
{
	long index[3][4] = {{0}};
	VALUE_TYPE weight[3][4] = {{1}}, sum = 0;
	for (int d = 3 - DIMS; d < 3; d++)
		taps_of(grid[2 - d], size[d], index[d], weight[d]);
	for (int i = 0; i < (DIMS == 3 ? TAPS : 1); i++)
		for (int j = 0; j < TAPS; j++) {
			const VALUE_TYPE *line = image + (index[0][i] * size[1] + index[1][j]) * size[2];
			VALUE_TYPE part = 0;
			for (int k = 0; k < TAPS; k++)
				part += weight[2][k] * line[index[2][k]];
			sum += weight[0][i] * weight[1][j] * part;
		}
	return sum;
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long channels = P(CHANNELS), slices = P(SLICES), positions = P(POSITIONS);
	const long long *size = p + PARAM_SIZES;
	long slice = r % slices, plane = r / slices, image = plane / channels;
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + plane * size[0] * size[1] * size[2];
	const VALUE_TYPE *grid = (const VALUE_TYPE *)args->buffers[1] + (image * slices + slice) * positions * DIMS;
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[2] + r * positions;
	for (long i = 0; i < positions; i++)
		out[i] = sample(in, size, grid + i * DIMS);
}

KERNEL_OF_ROWS
