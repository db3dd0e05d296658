/* Pools regions of an image to a fixed size. Each output element is the mean, or the maximum, of bilinear samples in
 * its bin. Positions are f64. A row is one channel of one region. A batch index outside the batch is clamped.
 * Defines: SCALE, SHIFT (0.5: half pixel), LARGEST, SAMPLING (samples per dim of a bin; 0: depends on the bin's
 * size). */
#ifndef SCALE
#define SCALE 1.0
#define SHIFT 0.5
#define LARGEST 0
#define SAMPLING 0
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
FN float sample(const float *in, long height, long width, double y, double x)
{
	if (!(y >= -1.0 && y <= (double)height && x >= -1.0 && x <= (double)width))
		return 0.0f;
	y = y > 0.0 ? y : 0.0;
	x = x > 0.0 ? x : 0.0;
	long y0 = (long)y, x0 = (long)x, y1 = y0 + 1, x1 = x0 + 1;
	if (y0 >= height - 1)
		y = (double)(y0 = y1 = height - 1);
	if (x0 >= width - 1)
		x = (double)(x0 = x1 = width - 1);
	float dy = (float)(y - (double)y0), dx = (float)(x - (double)x0);
	float a = (1.0f - dy) * (1.0f - dx) * in[y0 * width + x0], b = (1.0f - dy) * dx * in[y0 * width + x1];
	float c = dy * (1.0f - dx) * in[y1 * width + x0], d = dy * dx * in[y1 * width + x1];
	return LARGEST ? f32_max(f32_max(a, b), f32_max(c, d)) : a + b + c + d;
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long channels = P(CHANNELS), height = P(HEIGHT), width = P(WIDTH), ph = P(OUT_HEIGHT), pw = P(OUT_WIDTH),
		 roi = r / channels, c = r % channels;
	const float *box = (const float *)args->buffers[1] + roi * 4;
	long long image = ((const i64_value *)args->buffers[2])[roi];
	image = image < 0 ? 0 : image >= P(IMAGES) ? P(IMAGES) - 1 : image;
	const float *in = (const float *)args->buffers[0] + (image * channels + c) * height * width;
	float *out = (float *)args->buffers[3] + r * ph * pw;
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
				float s = sample(in, height, width, at_y, at_x);
				value = LARGEST ? f64_max(value, s) : value + s;
			}
			out[y * pw + x] = (float)(count == 0 ? 0.0 : LARGEST ? value : value / (double)count);
		}
}

KERNEL_OF_ROWS
