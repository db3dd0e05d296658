/* Pools regions of an image to a fixed size. Each output element is the mean, or the maximum, of bilinear samples in
 * its bin. Positions are f64. A row is one channel of one region.
 * Defines: T (f32 or f64), SCALE, SHIFT (0.5: half pixel), LARGEST, SAMPLING (samples per dim of a bin; 0: depends on the bin's
 * size); FAULTS and OUT, buffers. */
#ifndef SCALE
#define T f32
#define SCALE 1.0
#define SHIFT 0.5
#define LARGEST 0
#define SAMPLING 0
#endif
#ifndef OUT
#define OUT 3
#endif

#define SAMPLES_MAX 1024.0

FN long samples_of(double bin)
{
	if (SAMPLING > 0)
		return SAMPLING;
	double n = f64_ceil(bin);
	return n > 0.0 ? (long)(n < SAMPLES_MAX ? n : SAMPLES_MAX) : 0;
}

/* Combines the four weighted corners of the sample at (y, x): their sum, or with LARGEST their maximum. A sample
 * outside the image is 0. */
FN VALUE_TYPE sample(const VALUE_TYPE *in, long height, long width, double y, double x)
{
	if (!(y >= -1.0 && y <= (double)height && x >= -1.0 && x <= (double)width))
		return 0;
	y = y > 0.0 ? y : 0.0;
	x = x > 0.0 ? x : 0.0;
	long y0 = (long)y, x0 = (long)x, y1 = y0 + 1, x1 = x0 + 1;
	if (y0 >= height - 1)
		y = (double)(y0 = y1 = height - 1);
	if (x0 >= width - 1)
		x = (double)(x0 = x1 = width - 1);
	VALUE_TYPE dy = (VALUE_TYPE)(y - (double)y0), dx = (VALUE_TYPE)(x - (double)x0);
	VALUE_TYPE a = (1 - dy) * (1 - dx) * in[y0 * width + x0], b = (1 - dy) * dx * in[y0 * width + x1];
	VALUE_TYPE c = dy * (1 - dx) * in[y1 * width + x0], d = dy * dx * in[y1 * width + x1];
	return LARGEST ? JOIN(T, _max)(JOIN(T, _max)(a, b), JOIN(T, _max)(c, d)) : a + b + c + d;
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long channels = P(CHANNELS), height = P(HEIGHT), width = P(WIDTH), ph = P(OUT_HEIGHT), pw = P(OUT_WIDTH),
		 roi = r / channels, c = r % channels;
	const VALUE_TYPE *box = (const VALUE_TYPE *)args->buffers[1] + roi * 4;
	long long image = index_in(args->buffers, ((const i64_value *)args->buffers[2])[roi], P(IMAGES));
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + (image * channels + c) * height * width;
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[OUT] + r * ph * pw;
	double left = (double)box[0] * SCALE - SHIFT, top = (double)box[1] * SCALE - SHIFT;
	double w = (double)box[2] * SCALE - SHIFT - left, h = (double)box[3] * SCALE - SHIFT - top;
	if (SHIFT == 0.0) {
		w = w > 1.0 ? w : 1.0;
		h = h > 1.0 ? h : 1.0;
	}
	double bin_h = h / (double)ph, bin_w = w / (double)pw;
	long rows = samples_of(bin_h), columns = samples_of(bin_w), count = rows * columns;
	for (long y = 0; y < ph; y++)
		for (long x = 0; x < pw; x++) {
			double value = LARGEST ? -__builtin_inf() : 0.0;
			for (long i = 0; i < count; i++) {
				double at_y = top + (double)y * bin_h + ((double)(i / columns) + 0.5) * bin_h / (double)rows;
				double at_x = left + (double)x * bin_w + ((double)(i % columns) + 0.5) * bin_w / (double)columns;
				VALUE_TYPE s = sample(in, height, width, at_y, at_x);
				value = LARGEST ? f64_max(value, s) : value + s;
			}
			out[y * pw + x] = (VALUE_TYPE)(count == 0 ? 0.0 : LARGEST ? value : value / (double)count);
		}
}

KERNEL_OF_ROWS
