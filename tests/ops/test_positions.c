/* Positions that Resize, Upsample, GridSample and RoiAlign read, against the standard's formulas in long double. Sizes
 * are sampled densely, so positions in the middle of two elements and at element boundaries are among them. */
#include "tests/ops/compute.h"

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};

#define MAX_CASES 900
#define MAX_SIZE 400

/* ---- Resize ---- */

struct resize_case {
	int in, out;
	float scale; /* 0: given by sizes */
};

static const char *const coordinates[] = {"half_pixel", "pytorch_half_pixel",   "align_corners",
                                          "asymmetric", "half_pixel_symmetric", "tf_crop_and_resize"};
static const char *const modes[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "linear", "cubic"};
static const float scales[] = {0.3f, 0.5f, 0.6f, 0.75f, 0.9f, 1.1f, 1.25f, 1.5f, 2, 2.7f, 3};
#define ROI_START 0.125f
#define ROI_END 0.75f

static long double ratio_of(const struct resize_case *c)
{
	return c->scale > 0 ? (long double)c->scale : (long double)c->out / c->in;
}

/* The formulas of the standard's table coordinate_transformation_mode. */
static long double position(const struct resize_case *c, const char *how, int x)
{
	long double scale = ratio_of(c), in = c->in, out = c->scale > 0 ? scale * in : c->out;
	long double half = c->scale > 0 ? (x + 0.5L) / scale - 0.5L : (x + 0.5L) * in / out - 0.5L;
	if (!strcmp(how, "align_corners"))
		return out == 1 ? 0 : x * (in - 1) / (out - 1);
	if (!strcmp(how, "asymmetric"))
		return c->scale > 0 ? x / scale : x * in / out;
	if (!strcmp(how, "tf_crop_and_resize"))
		return out == 1 ? (long double)(ROI_START + ROI_END) * (in - 1) / 2
		                : ROI_START * (in - 1) + x * (long double)(ROI_END - ROI_START) * (in - 1) / (out - 1);
	if (!strcmp(how, "pytorch_half_pixel"))
		return out == 1 ? -0.5L : half;
	if (strcmp(how, "half_pixel_symmetric") || c->scale == 0)
		return half;
	/* in / 2 * (1 - c->out / out) + half, put so that it is exact */
	return (x + 0.5L - c->out / 2.0L) / scale + (in - 1) / 2;
}

static double value_of(int i, int size)
{
	i = i < 0 ? 0 : i >= size ? size - 1 : i;
	return i * 37 % 101;
}

static double weight_of(bool cubic, double distance)
{
	double x = fabs(distance), a = -0.75;
	if (!cubic)
		return x < 1 ? 1 - x : 0;
	return x <= 1  ? (a + 2) * x * x * x - (a + 3) * x * x + 1
	       : x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a
	               : 0;
}

static double wanted_at(const struct resize_case *c, const char *mode, long double x)
{
	long double low = floorl(x), up = ceill(x);
	if (!strcmp(mode, "floor"))
		return value_of((int)low, c->in);
	if (!strcmp(mode, "ceil"))
		return value_of((int)up, c->in);
	if (!strncmp(mode, "round", 5)) {
		bool tie = x - low == 0.5L, prefer_up = !strcmp(mode, "round_prefer_ceil");
		return value_of((int)(tie ? prefer_up ? up : low : x - low < 0.5L ? low : up), c->in);
	}
	double sum = 0;
	for (int k = -2; k <= 3; k++)
		sum += weight_of(!strcmp(mode, "cubic"), (double)(low + k - x)) * value_of((int)low + k, c->in);
	return sum;
}

static int resize_cases(struct resize_case *cases, bool by_scales, bool few)
{
	int count = 0;
	for (int in = 1; in <= MAX_SIZE; in += 1 + in / (few ? 3 : 7))
		for (int k = 0; k < (by_scales ? (int)COUNT_OF(scales) : 14); k++) {
			int out = by_scales ? (int)floor((double)in * (double)scales[k])
			          : k < 4   ? in + k - 2
			          : k < 8   ? in * (k - 3) / 3
			                    : (k * 53 + in * 29) % MAX_SIZE + 1;
			if (out < 1 || count == MAX_CASES)
				continue;
			cases[count++] = (struct resize_case){in, out, by_scales ? scales[k] : 0};
		}
	return count;
}

static const struct tensor *line_of(int size)
{
	float *data = arena_array(&test.ctx.arena, (size_t)size, sizeof *data);
	for (int i = 0; i < size; i++)
		data[i] = (float)value_of(i, size);
	return tensor_new(&test.ctx.arena, ERC_F32, &(struct shape){.rank = 1, .dims = {size}}, data);
}

/* opset 10: `how` is "asymmetric", and nearest positions depend on the direction. */
static const char *resize_model(const struct resize_case *cases, int count, int opset, const char *how,
                                const char *mode)
{
	struct text text = {.arena = &test.ctx.arena};
	bool nearest = strcmp(mode, "linear") && strcmp(mode, "cubic");
	text_printf(&text, "graph \"resize\" opset=%d\n", opset);
	for (int i = 0; i < count; i++) {
		const struct resize_case *c = &cases[i];
		text_printf(&text, "input x%d:f32[1x%d]\nconst s%d:f32[2] = {1, %a}\nconst n%d:i64[2] = {1, %d}\n", i, c->in, i,
		            (double)c->scale, i, c->out);
		if (i == 0)
			text_printf(&text, "const roi:f32[4] = {0, %a, 1, %a}\n", (double)ROI_START, (double)ROI_END);
		if (opset < 11)
			text_printf(&text, "y%d = %s(x%d, s%d) {mode=\"%s\"}\n", i, opset < 10 ? "Upsample" : "Resize", i, i,
			            nearest ? "nearest" : mode);
		else
			text_printf(&text,
			            "y%d = Resize(x%d, roi, %s%d) {mode=\"%s\", coordinate_transformation_mode=\"%s\", "
			            "nearest_mode=\"%s\"}\n",
			            i, i, c->scale > 0 ? "s" : "_, n", i, nearest ? "nearest" : mode, how,
			            nearest ? mode : "floor");
		text_printf(&text, "output y%d\n", i);
	}
	return text.data;
}

static int wrong_elements(const struct resize_case *c, int opset, const char *how, const char *mode, const char *target,
                          const struct output *output)
{
	bool nearest = strcmp(mode, "linear") && strcmp(mode, "cubic");
	int wrong = 0;
	ck_assert_uint_eq(output->bytes, (size_t)c->out * sizeof(float));
	for (int x = 0; x < c->out; x++) {
		double wanted = wanted_at(c, mode, position(c, how, x)), found = (double)((const float *)output->data)[x];
		if (!(fabs(found - wanted) <= (nearest ? 0 : 1e-4)) && !wrong++)
			fprintf(stderr, "opset %d, %s, %s, %d to %d, scale %g, on %s: element %d is %.9g, wanted %.9g\n", opset,
			        how, mode, c->in, c->out, (double)c->scale, target, x, found, wanted);
	}
	return wrong;
}

/* Returns the number of wrong elements of all cases that are given by scales, or by sizes. */
static int check_resize(int opset, bool by_scales, const char *how, const char *mode, const char *target, int *checked)
{
	struct resize_case *cases = arena_array(&test.ctx.arena, MAX_CASES, sizeof *cases);
	const struct tensor **inputs = arena_array(&test.ctx.arena, MAX_CASES, sizeof *inputs);
	struct output *outputs = arena_array(&test.ctx.arena, MAX_CASES, sizeof *outputs);
	int count = resize_cases(cases, by_scales, target != targets[0]), kept = 0, wrong = 0;
	for (int i = 0; i < count; i++) { /* Upsample only enlarges */
		if (opset >= 10 || cases[i].scale >= 1)
			cases[kept++] = cases[i];
	}
	for (int i = 0; i < kept; i++)
		inputs[i] = line_of(cases[i].in);
	compile_text(resize_model(cases, kept, opset, how, mode), target, NULL, 0);
	if (!run_on(inputs, kept, outputs, kept))
		return -1;
	for (int i = 0; i < kept; i++) {
		const char *by = opset < 11 && strcmp(mode, "linear") ? cases[i].scale < 1 ? "ceil" : "floor" : mode;
		wrong += wrong_elements(&cases[i], opset, how, by, target, &outputs[i]) != 0;
		*checked += cases[i].out;
		free(outputs[i].data);
	}
	return wrong;
}

START_TEST(resize_reads_where_the_formula_says)
{
	const char *target = targets[_i];
	int wrong = 0, models = 0, checked = 0;
	for (size_t h = 0; h < COUNT_OF(coordinates); h++)
		for (size_t m = 0; m < COUNT_OF(modes); m++)
			for (int by_scales = 0; by_scales < 2; by_scales++) {
				bool crop = !strcmp(coordinates[h], "tf_crop_and_resize");
				if (crop && strcmp(modes[m], "linear"))
					continue; /* its positions are not exact in f64, so nearest ones may differ */
				int result = check_resize(13, by_scales, coordinates[h], modes[m], target, &checked);
				if (result < 0) {
					printf("skipped: Resize: this machine does not run %s\n", target);
					return;
				}
				wrong += result, models++;
			}
	for (int opset = 9; opset <= 10; opset++)
		for (int linear = 0; linear < 2; linear++, models++)
			wrong += check_resize(opset, true, "asymmetric", linear ? "linear" : "nearest", target, &checked);
	printf("Resize and Upsample on %s: %d models, %d positions, %d cases wrong\n", target, models, checked, wrong);
	ck_assert_int_eq(wrong, 0);
}
END_TEST

/* ---- GridSample and RoiAlign: on wide images, where f32 would lose digits of a position ---- */

#define WIDTH 4096
#define HEIGHT 8
#define POINTS 500

static double pixel(const float *image, int y, int x, bool border)
{
	if (border)
		y = y < 0 ? 0 : y >= HEIGHT ? HEIGHT - 1 : y, x = x < 0 ? 0 : x >= WIDTH ? WIDTH - 1 : x;
	return y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH ? 0 : (double)image[y * WIDTH + x];
}

static double bilinear(const float *image, double y, double x, bool border)
{
	int y0 = (int)floor(y), x0 = (int)floor(x);
	double v = y - y0, u = x - x0;
	return (1 - v) * ((1 - u) * pixel(image, y0, x0, border) + u * pixel(image, y0, x0 + 1, border)) +
	       v * ((1 - u) * pixel(image, y0 + 1, x0, border) + u * pixel(image, y0 + 1, x0 + 1, border));
}

static const struct tensor *image_of(void)
{
	float *data = arena_array(&test.ctx.arena, HEIGHT * WIDTH, sizeof *data);
	for (int i = 0; i < HEIGHT * WIDTH; i++)
		data[i] = (float)(i * 7 % 3);
	return tensor_new(&test.ctx.arena, ERC_F32, &(struct shape){.rank = 1, .dims = {HEIGHT * WIDTH}}, data);
}

static double worst_of(const struct output *output, const double *wanted, int count)
{
	double worst = 0;
	ck_assert_uint_eq(output->bytes, (size_t)count * sizeof(float));
	for (int i = 0; i < count; i++) {
		double error = fabs((double)((const float *)output->data)[i] - wanted[i]);
		worst = error <= worst ? worst : error;
	}
	return worst;
}

START_TEST(grids_are_sampled_where_they_say)
{
	static const char *const paddings[] = {"zeros", "border"};
	const struct tensor *image = image_of();
	float grid[2 * POINTS];
	for (int i = 0; i < 2 * POINTS; i++)
		grid[i] = value_at((size_t)i * 3 + 1) * 0.99f + (float)i * 1e-5f;
	const struct tensor at = {.dtype = ERC_F32, .shape = shape_of(1, (int64_t[]){2 * POINTS}), .data = grid};
	for (int k = 0; k < 4; k++) {
		bool corners = k & 1, border = k / 2;
		double wanted[POINTS];
		struct output output;
		for (int i = 0; i < POINTS; i++) {
			double x = (double)grid[2 * i] + 1, y = (double)grid[2 * i + 1] + 1;
			double py = corners ? y / 2 * (HEIGHT - 1) : (y * HEIGHT - 1) / 2;
			wanted[i] = bilinear(image->data, py, corners ? x / 2 * (WIDTH - 1) : (x * WIDTH - 1) / 2, border);
		}
		const char *text = arena_printf(&test.ctx.arena,
		                                "graph \"grid\" opset=16\ninput x:f32[1x1x%dx%d]\ninput g:f32[1x1x%dx2]\n"
		                                "y = GridSample(x, g) {align_corners=%d, padding_mode=\"%s\"}\noutput y\n",
		                                HEIGHT, WIDTH, POINTS, corners, paddings[border]);
		compile_text(text, targets[_i], NULL, 0);
		if (!run_on((const struct tensor *[]){image, &at}, 2, &output, 1)) {
			printf("skipped: GridSample: this machine does not run %s\n", targets[_i]);
			return;
		}
		double worst = worst_of(&output, wanted, POINTS);
		free(output.data);
		ck_assert_msg(worst <= 1e-5, "align_corners %d, %s on %s: off by %g", corners, paddings[border], targets[_i],
		              worst);
	}
	printf("GridSample on %s: 4 models, %d positions\n", targets[_i], 4 * POINTS);
}
END_TEST

/* The mean of 2 x 2 samples in each of 2 x 3 bins of a region. */
static void want_region(const float *image, const float *box, double shift, double *wanted)
{
	double left = (double)box[0] * 0.5 - shift, top = (double)box[1] * 0.5 - shift;
	double w = (double)box[2] * 0.5 - shift - left, h = (double)box[3] * 0.5 - shift - top;
	if (shift == 0)
		w = fmax(w, 1), h = fmax(h, 1);
	for (int i = 0; i < 24; i++) {
		int bin = i / 4, sample = i % 4;
		double y = top + (bin / 3 + (sample / 2 + 0.5) / 2) * h / 2,
			   x = left + (bin % 3 + (sample % 2 + 0.5) / 2) * w / 3;
		bool outside = y < -1 || y > HEIGHT || x < -1 || x > WIDTH;
		wanted[bin] += outside ? 0 : bilinear(image, fmax(y, 0), fmax(x, 0), true) / 4;
	}
}

START_TEST(regions_are_sampled_where_they_say)
{
	const struct tensor *image = image_of();
	float boxes[4 * POINTS];
	for (int i = 0; i < POINTS; i++) {
		float x = (value_at((size_t)i * 5 + 1) + 1) * WIDTH * 0.9f,
			  y = (value_at((size_t)i * 7 + 2) + 1) * HEIGHT * 0.9f;
		const float box[] = {x, y, x + 1 + (float)(i % 50) * 3.7f, y + 1 + (float)(i % 5) * 1.3f};
		memcpy(boxes + 4 * i, box, sizeof box);
	}
	const struct tensor at = {.dtype = ERC_F32, .shape = shape_of(1, (int64_t[]){4 * POINTS}), .data = boxes};
	static const int64_t zeros[POINTS];
	const struct tensor batch = {.dtype = ERC_I64, .shape = shape_of(1, (int64_t[]){POINTS}), .data = zeros};
	for (int half = 0; half < 2; half++) {
		double *wanted = arena_array(&test.ctx.arena, POINTS * 6, sizeof *wanted);
		struct output output;
		memset(wanted, 0, POINTS * 6 * sizeof *wanted);
		for (int i = 0; i < POINTS; i++)
			want_region(image->data, boxes + 4 * i, half ? 0.5 : 0, wanted + 6 * i);
		const char *text =
			arena_printf(&test.ctx.arena,
		                 "graph \"regions\" opset=16\ninput x:f32[1x1x%dx%d]\ninput r:f32[%dx4]\ninput b:i64[%d]\n"
		                 "y = RoiAlign(x, r, b) {output_height=2, output_width=3, sampling_ratio=2, spatial_scale=0.5, "
		                 "coordinate_transformation_mode=\"%s\"}\noutput y\n",
		                 HEIGHT, WIDTH, POINTS, POINTS, half ? "half_pixel" : "output_half_pixel");
		compile_text(text, targets[_i], NULL, 0);
		if (!run_on((const struct tensor *[]){image, &at, &batch}, 3, &output, 1)) {
			printf("skipped: RoiAlign: this machine does not run %s\n", targets[_i]);
			return;
		}
		double worst = worst_of(&output, wanted, POINTS * 6);
		free(output.data);
		ck_assert_msg(worst <= 1e-5, "half pixel %d on %s: off by %g", half, targets[_i], worst);
	}
	printf("RoiAlign on %s: 2 models, %d regions\n", targets[_i], 2 * POINTS);
}
END_TEST

int main(void)
{
	TCase *all = tcase_create("positions");
	tcase_add_loop_test(all, resize_reads_where_the_formula_says, 0, (int)COUNT_OF(targets));
	tcase_add_loop_test(all, grids_are_sampled_where_they_say, 0, (int)COUNT_OF(targets));
	tcase_add_loop_test(all, regions_are_sampled_where_they_say, 0, (int)COUNT_OF(targets));
	return run_in_folder(suite_create("positions"), all);
}
