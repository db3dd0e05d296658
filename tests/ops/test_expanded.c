/* Operators that are made of others, compiled, run and compared with their definitions in double: directions and
 * lengths of an LSTM, strides, paddings and groups of a transposed convolution, a resize between blocked layouts. */
#include "tests/ops/compute.h"

/* ---- LSTM ---- */

enum { STEPS = 4, BATCH = 3, IN = 5, HIDDEN = 6 };

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/* One direction: y[t][d][b], gates in the order input, output, forget, cell. */
static void lstm(float *const *in, const int *lengths, int d, double *y)
{
	const float *x = in[0], *w = in[1] + d * 4 * HIDDEN * IN, *r = in[2] + d * 4 * HIDDEN * HIDDEN,
				*bias = in[3] + d * 8 * HIDDEN;
	for (int b = 0; b < BATCH; b++) {
		double h[HIDDEN] = {0}, c[HIDDEN] = {0};
		for (int k = 0; k < lengths[b]; k++) {
			int t = d ? lengths[b] - 1 - k : k;
			double gate[4 * HIDDEN];
			for (int g = 0; g < 4 * HIDDEN; g++) {
				gate[g] = (double)bias[g] + (double)bias[4 * HIDDEN + g];
				for (int i = 0; i < IN; i++)
					gate[g] += (double)x[(t * BATCH + b) * IN + i] * (double)w[g * IN + i];
				for (int i = 0; i < HIDDEN; i++)
					gate[g] += h[i] * (double)r[g * HIDDEN + i];
			}
			for (int i = 0; i < HIDDEN; i++) {
				c[i] = sigmoid(gate[2 * HIDDEN + i]) * c[i] + sigmoid(gate[i]) * tanh(gate[3 * HIDDEN + i]);
				h[i] = sigmoid(gate[HIDDEN + i]) * tanh(c[i]);
			}
			for (int i = 0; i < HIDDEN; i++)
				y[((t * 2 + d) * BATCH + b) * HIDDEN + i] = h[i];
		}
	}
}

START_TEST(lstm_of_both_directions_and_several_lengths)
{
	static const int lengths[BATCH] = {4, 1, 3};
	float *in[INPUTS_MAX];
	double want[STEPS * 2 * BATCH * HIDDEN] = {0};
	size_t count;
	float *out = compute("input x:f32[4x3x5]\n"
	                     "input w:f32[2x24x5]\n"
	                     "input r:f32[2x24x6]\n"
	                     "input b:f32[2x48]\n"
	                     "const n:i32[3] = {4, 1, 3}\n"
	                     "y = LSTM(x, w, r, b, n) {direction=\"bidirectional\", hidden_size=6} \"l\"\n"
	                     "output y\n",
	                     in, &count);
	ck_assert_uint_eq(count, COUNT_OF(want));
	lstm(in, lengths, 0, want);
	lstm(in, lengths, 1, want);
	assert_all_close("lstm", out, want, count);
	for (int i = 0; i < 4; i++)
		free(in[i]);
	free(out);
}
END_TEST

/* ---- ConvTranspose: every input element adds its kernel to the output ---- */

static const struct transposed {
	int in_channels, out_channels, group, size, kernel, stride, dilation, pad, more;
} transposed[] = {
	{4, 6, 1, 5, 3, 1, 1, 1, 0},   {4, 6, 2, 5, 2, 2, 1, 0, 0}, {4, 6, 1, 5, 3, 2, 1, 1, 1},
	{20, 18, 1, 4, 4, 2, 1, 1, 0}, {4, 6, 2, 5, 5, 3, 1, 2, 2}, {4, 6, 1, 5, 1, 2, 1, 0, 1},
	{4, 6, 1, 5, 3, 2, 2, 1, 0},   {4, 6, 1, 5, 2, 3, 1, 0, 0},
};

START_TEST(transposed_convolutions)
{
	const struct transposed *c = &transposed[_i];
	int out_size = c->stride * (c->size - 1) + c->more + (c->kernel - 1) * c->dilation + 1 - 2 * c->pad, k = c->kernel;
	int each = c->out_channels / c->group, ins = c->in_channels / c->group;
	float *in[INPUTS_MAX];
	char text[512];
	size_t count;
	snprintf(text, sizeof text,
	         "input x:f32[1x%dx%dx%d]\ninput w:f32[%dx%dx%dx%d]\ninput b:f32[%d]\n"
	         "y = ConvTranspose(x, w, b) {group=%d, strides=[%d, %d], dilations=[%d, %d], pads=[%d, %d, %d, %d], "
	         "output_padding=[%d, %d]} \"n\"\noutput y\n",
	         c->in_channels, c->size, c->size, c->in_channels, each, k, k, c->out_channels, c->group, c->stride,
	         c->stride, c->dilation, c->dilation, c->pad, c->pad, c->pad, c->pad, c->more, c->more);
	float *out = compute(text, in, &count);
	ck_assert_uint_eq(count, (size_t)(c->out_channels * out_size * out_size));
	double *want = calloc(count, sizeof *want);
	for (size_t i = 0; i < count; i++)
		want[i] = (double)in[2][i / (size_t)(out_size * out_size)];
	for (int from = 0; from < c->in_channels; from++)
		for (int m = 0; m < each; m++)
			for (int i = 0; i < c->size * c->size * k * k; i++) {
				int tap = i % (k * k), at = i / (k * k), to = from / ins * each + m;
				int y = at / c->size * c->stride + tap / k * c->dilation - c->pad;
				int x = at % c->size * c->stride + tap % k * c->dilation - c->pad;
				if (y >= 0 && y < out_size && x >= 0 && x < out_size)
					want[(to * out_size + y) * out_size + x] +=
						(double)in[0][from * c->size * c->size + at] * (double)in[1][(from * each + m) * k * k + tap];
			}
	assert_all_close(text, out, want, count);
	for (int i = 0; i < 3; i++)
		free(in[i]);
	free(want);
	free(out);
}
END_TEST

/* ---- Resize after a convolution, whose output is in channel blocks ---- */

START_TEST(resize_of_blocked_channels)
{
	enum { CHANNELS = 20, SIZE = 5, LARGE = 8 };
	float *in[INPUTS_MAX];
	size_t count;
	float *out = compute("input x:f32[1x16x5x5]\n"
	                     "const w:f32[20x16x1x1] = splat{0.25}\n"
	                     "const s:i64[4] = {1, 20, 8, 8}\n"
	                     "c = Conv(x, w) \"conv\"\n"
	                     "y = Resize(c, _, _, s) {mode=\"linear\"} \"resize\"\n"
	                     "output y\n",
	                     in, &count);
	ck_assert_uint_eq(count, CHANNELS * LARGE * LARGE);
	double image[SIZE * SIZE] = {0}, want[CHANNELS * LARGE * LARGE];
	for (int i = 0; i < 16 * SIZE * SIZE; i++)
		image[i % (SIZE * SIZE)] += 0.25 * (double)in[0][i];
	for (int i = 0; i < CHANNELS * LARGE * LARGE; i++) { /* pixels are squares: centres lie at halves */
		double y = (i / LARGE % LARGE + 0.5) * SIZE / LARGE - 0.5, x = (i % LARGE + 0.5) * SIZE / LARGE - 0.5;
		y = fmin(fmax(y, 0), SIZE - 1);
		x = fmin(fmax(x, 0), SIZE - 1);
		int y0 = (int)y, x0 = (int)x, y1 = y0 + 1 < SIZE ? y0 + 1 : y0, x1 = x0 + 1 < SIZE ? x0 + 1 : x0;
		double top = image[y0 * SIZE + x0] * (1 - x + x0) + image[y0 * SIZE + x1] * (x - x0);
		double bottom = image[y1 * SIZE + x0] * (1 - x + x0) + image[y1 * SIZE + x1] * (x - x0);
		want[i] = top * (1 - y + y0) + bottom * (y - y0);
	}
	assert_all_close("resize", out, want, count);
	free(in[0]);
	free(out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("expanded operators");
	TCase *all = tcase_create("all");
	tcase_add_test(all, lstm_of_both_directions_and_several_lengths);
	tcase_add_loop_test(all, transposed_convolutions, 0, (int)COUNT_OF(transposed));
	tcase_add_test(all, resize_of_blocked_channels);
	return run_in_folder(suite, all);
}
