/* Pools regions of an image to a fixed size. Each output element is the mean, or the maximum, of bilinear samples in
 * its bin. A row is one channel of one region. A batch index outside the batch is clamped.
 * Defines: SCALE, SHIFT (0.5: half pixel), LARGEST, SAMPLING (samples per dim of a bin; 0: depends on the bin's
 * size). */
#ifndef SCALE
#define SCALE 1.0f
#define SHIFT 0.5f
#define LARGEST 0
#define SAMPLING 0
#endif

#define SAMPLES_MAX 1024.0f

FN long samples_of(float bin)
{
	if (SAMPLING > 0)
		return SAMPLING;
	float n = f32_ceil(bin);
	return n > 0.0f ? (long)(n < SAMPLES_MAX ? n : SAMPLES_MAX) : 0;
}

/* Combines the four weighted corners of the sample at (y, x): their sum, or with LARGEST their maximum. A sample
 * outside the image is 0. */
FN float sample(const float *in, long height, long width, float y, float x)
{
	if (!(y >= -1.0f && y <= (float)height && x >= -1.0f && x <= (float)width))
		return 0.0f;
	y = y > 0.0f ? y : 0.0f;
	x = x > 0.0f ? x : 0.0f;
	long y0 = (long)y, x0 = (long)x, y1 = y0 + 1, x1 = x0 + 1;
	if (y0 >= height - 1)
		y = (float)(y0 = y1 = height - 1);
	if (x0 >= width - 1)
		x = (float)(x0 = x1 = width - 1);
	float dy = y - (float)y0, dx = x - (float)x0;
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
	float left = box[0] * SCALE - SHIFT, top = box[1] * SCALE - SHIFT;
	float w = box[2] * SCALE - SHIFT - left, h = box[3] * SCALE - SHIFT - top;
	if (SHIFT == 0.0f) {
		w = w > 1.0f ? w : 1.0f;
		h = h > 1.0f ? h : 1.0f;
	}
	float bin_h = h / (float)ph, bin_w = w / (float)pw;
	long rows = samples_of(bin_h), columns = samples_of(bin_w), count = rows * columns;
	for (long y = 0; y < ph; y++)
		for (long x = 0; x < pw; x++) {
			float value = 0.0f;
			for (long i = 0; i < count; i++) {
				float at_y = top + (float)y * bin_h + ((float)(i / columns) + 0.5f) * bin_h / (float)rows;
				float at_x = left + (float)x * bin_w + ((float)(i % columns) + 0.5f) * bin_w / (float)columns;
				float s = sample(in, height, width, at_y, at_x);
				value = !LARGEST ? value + s : i == 0 || s > value ? s : value;
			}
			out[y * pw + x] = LARGEST ? value : value / (float)(count > 0 ? count : 1);
		}
}

KERNEL_OF_ROWS
