/* Swin-T: attention within windows, which every second block shifts by half a window. In an exporter's form: windows
 * by Reshape and Transpose, shifts by Slice and Concat, biases gathered from a table. */
#include <math.h>

#include "tools/dev/make_model_nodes.h"

#define WINDOW 7
#define TOKENS (WINDOW * WINDOW)
#define SHIFT (WINDOW / 2)
#define BIASES ((2 * WINDOW - 1) * (2 * WINDOW - 1))
#define EPSILON 1e-5f

/* A stage works on `side` x `side` places with `width` numbers each. */
struct stage {
	int side, width, heads;
};

/* For each two places of a window, the row of the table with the bias for their distance. */
static void bias_index(struct maker *maker)
{
	int64_t *data = arena_array(maker->arena, TOKENS * TOKENS, sizeof *data);
	for (int a = 0; a < TOKENS; a++)
		for (int b = 0; b < TOKENS; b++) {
			int down = a / WINDOW - b / WINDOW + WINDOW - 1, right = a % WINDOW - b % WINDOW + WINDOW - 1;
			data[a * TOKENS + b] = down * (2 * WINDOW - 1) + right;
		}
	build_initializer(maker->arena, maker->model->graph,
	                  build_tensor(maker->arena, "relative_position_index", ERC_I64, 1, (int64_t[]){TOKENS * TOKENS},
	                               data, TOKENS * TOKENS * sizeof *data));
}

/* Which part a row or column belongs to, among the parts that a shift brings together. */
static int part_of(int at, int side)
{
	return at < side - WINDOW ? 0 : at < side - SHIFT ? 1 : 2;
}

/* [windows, tokens, tokens]: -100 between places that are neighbours only because of the shift. */
static const char *shift_mask(struct maker *maker, const char *module, int side)
{
	int across = side / WINDOW, windows = across * across;
	float *data = arena_array(maker->arena, (size_t)windows * TOKENS * TOKENS, sizeof *data);
	for (int i = 0; i < windows * TOKENS * TOKENS; i++) {
		int window = i / (TOKENS * TOKENS), a = i / TOKENS % TOKENS, b = i % TOKENS;
		int top = window / across * WINDOW, left = window % across * WINDOW;
		bool same = part_of(top + a / WINDOW, side) == part_of(top + b / WINDOW, side) &&
		            part_of(left + a % WINDOW, side) == part_of(left + b % WINDOW, side);
		data[i] = same ? 0 : -100;
	}
	return weight(maker, MODULE("%s.attn_mask", module), 3, (int64_t[]){windows, TOKENS, TOKENS}, data);
}

/* Moves rows and columns by `shift`, around the edges. */
static const char *roll(struct maker *maker, const char *module, const char *x, int shift)
{
	for (int axis = 1; axis <= 2; axis++) {
		const char *back = emit_slice(maker, module, x, axis, -shift, INT64_MAX, 1);
		x = emit_axis(maker, module, "Concat", back, emit_slice(maker, module, x, axis, 0, -shift, 1), axis);
	}
	return x;
}

static const char *window_partition(struct maker *maker, const char *module, const char *x, const struct stage *s)
{
	int across = s->side / WINDOW;
	x = emit(maker, module, "Reshape", x, emit_list(maker, module, 6, -1, across, WINDOW, across, WINDOW, s->width),
	         NULL);
	x = emit_transpose(maker, module, x, 6, (int64_t[]){0, 1, 3, 2, 4, 5});
	x = emit(maker, module, "Reshape", x, emit_list(maker, module, 4, -1, WINDOW, WINDOW, s->width), NULL);
	return emit(maker, module, "Reshape", x, emit_list(maker, module, 3, -1, TOKENS, s->width), NULL);
}

static const char *window_reverse(struct maker *maker, const char *module, const char *x, const struct stage *s)
{
	int across = s->side / WINDOW;
	x = emit(maker, module, "Reshape", x, emit_list(maker, module, 4, -1, WINDOW, WINDOW, s->width), NULL);
	x = emit(maker, module, "Reshape", x, emit_list(maker, module, 6, -1, across, across, WINDOW, WINDOW, s->width),
	         NULL);
	x = emit_transpose(maker, module, x, 6, (int64_t[]){0, 1, 3, 2, 4, 5});
	return emit(maker, module, "Reshape", x, emit_list(maker, module, 4, -1, s->side, s->side, s->width), NULL);
}

static const char *position_bias(struct maker *maker, const char *module, const struct stage *s)
{
	const int64_t dims[] = {BIASES, s->heads};
	const char *table = random_weight(maker, MODULE("%s.relative_position_bias_table", module), 2, dims, 0, 0.5f);
	const char *bias = emit_axis(maker, module, "Gather", table, "relative_position_index", 0);
	bias = emit(maker, module, "Reshape", bias, emit_list(maker, module, 3, TOKENS, TOKENS, -1), NULL);
	bias = emit_transpose(maker, module, bias, 3, (int64_t[]){2, 0, 1});
	return emit(maker, module, "Unsqueeze", bias, emit_list(maker, module, 1, 0), NULL);
}

/* Adds the mask of each window to the scores of each head. */
static const char *mask_scores(struct maker *maker, const char *module, const char *scores, const char *mask,
                               const struct stage *s)
{
	int windows = s->side / WINDOW * (s->side / WINDOW);
	const char *shape = emit_list(maker, module, 5, -1, windows, s->heads, TOKENS, TOKENS);
	scores = emit(maker, module, "Reshape", scores, shape, NULL);
	mask = emit(maker, module, "Unsqueeze", mask, emit_list(maker, module, 1, 1), NULL);
	mask = emit(maker, module, "Unsqueeze", mask, emit_list(maker, module, 1, 0), NULL);
	scores = emit(maker, module, "Add", scores, mask, NULL);
	return emit(maker, module, "Reshape", scores, emit_list(maker, module, 4, -1, s->heads, TOKENS, TOKENS), NULL);
}

static const char *window_attention(struct maker *maker, const char *module, const char *x, const struct stage *s,
                                    const char *mask)
{
	const char *parts[3];
	x = linear(maker, MODULE("%s.qkv", module), x, s->width, 3 * s->width, GAIN_LINEAR);
	x = emit(maker, module, "Reshape", x, emit_list(maker, module, 5, -1, TOKENS, 3, s->heads, s->width / s->heads),
	         NULL);
	x = emit_transpose(maker, module, x, 5, (int64_t[]){2, 0, 3, 1, 4});
	for (int i = 0; i < 3; i++)
		parts[i] = emit_axis(maker, module, "Gather", x, emit_index(maker, module, i), 0);
	parts[0] =
		emit(maker, module, "Mul", parts[0], emit_float(maker, module, 1 / sqrtf((float)(s->width / s->heads))), NULL);
	const char *scores = emit(maker, module, "MatMul", parts[0],
	                          emit_transpose(maker, module, parts[1], 4, (int64_t[]){0, 1, 3, 2}), NULL);
	scores = emit(maker, module, "Add", scores, position_bias(maker, module, s), NULL);
	if (mask)
		scores = mask_scores(maker, module, scores, mask, s);
	x = emit(maker, module, "MatMul", emit_axis(maker, module, "Softmax", scores, NULL, -1), parts[2], NULL);
	x = emit_transpose(maker, module, x, 4, (int64_t[]){0, 2, 1, 3});
	x = emit(maker, module, "Reshape", x, emit_list(maker, module, 3, -1, TOKENS, s->width), NULL);
	return linear(maker, MODULE("%s.proj", module), x, s->width, s->width, GAIN_RESIDUAL);
}

/* x is [N, places, width]. */
static const char *swin_block(struct maker *maker, const char *block, const char *x, const struct stage *s,
                              bool shifted)
{
	const char *mask = shifted ? shift_mask(maker, block, s->side) : NULL;
	const char *y = layer_norm(maker, MODULE("%s.norm1", block), x, s->width, EPSILON);
	y = emit(maker, block, "Reshape", y, emit_list(maker, block, 4, -1, s->side, s->side, s->width), NULL);
	if (shifted)
		y = roll(maker, block, y, -SHIFT);
	y = window_partition(maker, block, y, s);
	y = window_attention(maker, MODULE("%s.attn", block), y, s, mask);
	y = window_reverse(maker, block, y, s);
	if (shifted)
		y = roll(maker, block, y, SHIFT);
	y = emit(maker, block, "Reshape", y, emit_list(maker, block, 3, -1, s->side * s->side, s->width), NULL);
	x = emit(maker, block, "Add", x, y, NULL);
	y = layer_norm(maker, MODULE("%s.norm2", block), x, s->width, EPSILON);
	y = linear(maker, MODULE("%s.mlp.fc1", block), y, s->width, 4 * s->width, GAIN_LINEAR);
	y = gelu_erf(maker, MODULE("%s.mlp.act", block), y);
	return emit(maker, block, "Add", x,
	            linear(maker, MODULE("%s.mlp.fc2", block), y, 4 * s->width, s->width, GAIN_RESIDUAL), NULL);
}

/* Every second place of rows and columns: four places of a square become one with twice the width. */
static const char *merge_patches(struct maker *maker, const char *module, const char *x, struct stage *s)
{
	static const int down[] = {0, 1, 0, 1}, right[] = {0, 0, 1, 1};
	const char *all = NULL;
	x = emit(maker, module, "Reshape", x, emit_list(maker, module, 4, -1, s->side, s->side, s->width), NULL);
	for (int i = 0; i < 4; i++) {
		const char *part = emit_slice(maker, module, x, 1, down[i], INT64_MAX, 2);
		part = emit_slice(maker, module, part, 2, right[i], INT64_MAX, 2);
		all = all ? MODULE("%s,%s", all, part) : part;
	}
	x = emit_axis(maker, module, "Concat", all, NULL, -1);
	s->side /= 2;
	x = emit(maker, module, "Reshape", x, emit_list(maker, module, 3, -1, s->side * s->side, 4 * s->width), NULL);
	x = layer_norm(maker, MODULE("%s.norm", module), x, 4 * s->width, EPSILON);
	const int64_t dims[] = {4 * s->width, 2 * s->width};
	const char *w = random_weight(maker, MODULE("onnx::MatMul_%s.reduction.weight", module), 2, dims, 0,
	                              weight_deviation(GAIN_LINEAR, 4 * s->width));
	s->width *= 2;
	s->heads *= 2;
	return emit(maker, MODULE("%s.reduction", module), "MatMul", x, w, NULL);
}

/* Windows must fill the last stage, so the side of the image is a multiple of 224. */
void make_swin_tiny(struct maker *maker)
{
	static const int depths[] = {2, 2, 6, 2};
	struct stage s = {.width = 96, .heads = 3};
	maker->image_size = maker->image_size > 224 ? maker->image_size / 224 * 224 : 224;
	struct feature image = make_input(maker, 3, 224);
	image = conv(maker, "patch_embed.proj", image, square(s.width, 4, 4, 0, 1), GAIN_LINEAR);
	s.side = image.height;
	const char *x = emit(maker, "patch_embed", "Reshape", image.name,
	                     emit_list(maker, "patch_embed", 3, 0, s.width, s.side * s.side), NULL);
	x = emit_transpose(maker, "patch_embed", x, 3, (int64_t[]){0, 2, 1});
	x = layer_norm(maker, "patch_embed.norm", x, s.width, EPSILON);
	bias_index(maker);
	for (int stage = 0; stage < 4; stage++) {
		if (stage)
			x = merge_patches(maker, MODULE("layers.%d.downsample", stage - 1), x, &s);
		for (int i = 0; i < depths[stage]; i++)
			x = swin_block(maker, MODULE("layers.%d.blocks.%d", stage, i), x, &s, i % 2 && s.side > WINDOW);
	}
	x = layer_norm(maker, "norm", x, s.width, EPSILON);
	onnx_node *mean = emit_node(maker, "", "ReduceMean", x, NULL);
	build_ints(maker->arena, mean, "axes", (int64_t[]){1}, 1);
	build_int(maker->arena, mean, "keepdims", 0);
	make_output(maker,
	            gemm(maker, "head", (struct feature){mean->output[0], s.width, 1, 1}, maker->classes, GAIN_LINEAR));
}
