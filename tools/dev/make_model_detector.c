/* A detector in the style of YOLOv8: blocks that split and concatenate, consecutive pools, a pyramid up and down,
 * and boxes as distributions that are decoded in the graph. */
#include "tools/dev/make_model_nodes.h"

#define BINS 16
#define CLASSES 80

static struct feature conv_silu(struct maker *maker, const char *module, struct feature x, int channels, int kernel,
                                int stride)
{
	x = conv_batch_norm(maker, MODULE("%s.conv", module), MODULE("%s.bn", module), x,
	                    square(channels, kernel, stride, kernel / 2, 1), GAIN_RELU);
	const char *gate = emit(maker, MODULE("%s.act", module), "Sigmoid", x.name, NULL, NULL);
	x.name = emit(maker, MODULE("%s.act", module), "Mul", x.name, gate, NULL);
	return x;
}

/* Half of the channels goes through `depth` pairs of convolutions; all intermediate results are kept. */
static struct feature split_block(struct maker *maker, const char *module, struct feature x, int channels, int depth,
                                  bool residual)
{
	x = conv_silu(maker, MODULE("%s.cv1", module), x, channels, 1, 1);
	const char *sizes = emit_list(maker, module, 2, channels / 2, channels / 2);
	onnx_node *split =
		emit_node(maker, module, "Split", MODULE("%s,%s", x.name, sizes), MODULE("%s.left,%s.right", module, module));
	build_int(maker->arena, split, "axis", 1);
	const char *all = MODULE("%s,%s", split->output[0], split->output[1]);
	struct feature y = {split->output[1], channels / 2, x.height, x.width};
	for (int i = 0; i < depth; i++) {
		const char *inner = MODULE("%s.m.%d", module, i);
		struct feature z = conv_silu(maker, MODULE("%s.cv1", inner), y, channels / 2, 3, 1);
		z = conv_silu(maker, MODULE("%s.cv2", inner), z, channels / 2, 3, 1);
		y = residual ? add(maker, inner, y, z) : z;
		all = MODULE("%s,%s", all, y.name);
	}
	x.name = emit_axis(maker, module, "Concat", all, NULL, 1);
	x.channels = channels / 2 * (2 + depth);
	return conv_silu(maker, MODULE("%s.cv2", module), x, channels, 1, 1);
}

static struct feature pools_in_a_row(struct maker *maker, const char *module, struct feature x, int channels)
{
	struct feature y = conv_silu(maker, MODULE("%s.cv1", module), x, channels / 2, 1, 1), all = y;
	for (int i = 0; i < 3; i++) {
		y = max_pool(maker, MODULE("%s.m%d", module, i), y, 5, 1, 2, false);
		all = concat(maker, MODULE("%s.cat%d", module, i), all, y);
	}
	return conv_silu(maker, MODULE("%s.cv2", module), all, channels, 1, 1);
}

static struct feature upsample(struct maker *maker, const char *module, struct feature x)
{
	static const float twice[] = {1, 1, 2, 2};
	const char *scales = weight(maker, MODULE("%s.scales", module), 1, (int64_t[]){4}, twice);
	onnx_node *node = emit_node(maker, module, "Resize", MODULE("%s,,%s", x.name, scales), NULL);
	build_string(maker->arena, node, "coordinate_transformation_mode", "asymmetric");
	build_string(maker->arena, node, "mode", "nearest");
	build_string(maker->arena, node, "nearest_mode", "floor");
	return (struct feature){node->output[0], x.channels, 2 * x.height, 2 * x.width};
}

/* Boxes and classes of one scale, [N, 4 * BINS + CLASSES, places]. */
static const char *head(struct maker *maker, int index, struct feature x)
{
	const char *module = MODULE("head.%d", index);
	struct feature box = conv_silu(maker, MODULE("%s.box.0", module), x, 64, 3, 1);
	box = conv(maker, MODULE("%s.box.1", module), box, square(4 * BINS, 1, 1, 0, 1), GAIN_LINEAR);
	struct feature class = conv_silu(maker, MODULE("%s.cls.0", module), x, CLASSES, 3, 1);
	class = conv(maker, MODULE("%s.cls.1", module), class, square(CLASSES, 1, 1, 0, 1), GAIN_LINEAR);
	struct feature both = concat(maker, module, box, class);
	return emit(maker, module, "Reshape", both.name, emit_list(maker, module, 3, 0, both.channels, -1), NULL);
}

/* The centres of the places of all scales, and the size of their units in pixels. */
static void anchors(struct maker *maker, const struct feature *scales, int size, int places, const char **centres,
                    const char **strides)
{
	float *at = arena_array(maker->arena, (size_t)places * 2, sizeof *at),
		  *unit = arena_array(maker->arena, (size_t)places, sizeof *unit);
	int place = 0;
	for (int s = 0; s < 3; s++)
		for (int y = 0; y < scales[s].height; y++)
			for (int x = 0; x < scales[s].width; x++, place++) {
				at[place] = (float)x + 0.5f;
				at[places + place] = (float)y + 0.5f;
				unit[place] = (float)(size / scales[s].width);
			}
	*centres = weight(maker, "anchors", 3, (int64_t[]){1, 2, places}, at);
	*strides = weight(maker, "strides", 2, (int64_t[]){1, places}, unit);
}

/* The distances to the four sides are means of a distribution over the bins. */
static const char *decode(struct maker *maker, const char *boxes, int places, const char *centres, const char *strides)
{
	static const float bins[BINS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	const char *module = "dfl", *half[2];
	const char *x = emit(maker, module, "Reshape", boxes, emit_list(maker, module, 4, 0, 4, BINS, places), NULL);
	x = emit_axis(maker, module, "Softmax", emit_transpose(maker, module, x, 4, (int64_t[]){0, 2, 1, 3}), NULL, 1);
	x = emit(maker, "dfl.conv", "Conv", x, weight(maker, "dfl.conv.weight", 4, (int64_t[]){1, BINS, 1, 1}, bins), NULL);
	x = emit(maker, module, "Reshape", x, emit_list(maker, module, 3, 0, 4, places), NULL);
	for (int i = 0; i < 2; i++)
		half[i] = emit_node(maker, module, "Slice",
		                    MODULE("%s,%s,%s,%s", x, emit_list(maker, module, 1, 2 * i),
		                           emit_list(maker, module, 1, 2 * i + 2), emit_list(maker, module, 1, 1)),
		                    NULL)
		              ->output[0];
	const char *low = emit(maker, "", "Sub", centres, half[0], NULL),
			   *high = emit(maker, "", "Add", centres, half[1], NULL);
	const char *middle =
		emit(maker, "", "Div", emit(maker, "", "Add", low, high, NULL), emit_float(maker, "", 2), NULL);
	const char *box = emit_axis(maker, "", "Concat", middle, emit(maker, "", "Sub", high, low, NULL), 1);
	return emit(maker, "", "Mul", box, strides, NULL);
}

void make_yolo(struct maker *maker)
{
	struct feature x = make_input(maker, 3, 640), scales[3], kept[2];
	int size = x.height;
	x = conv_silu(maker, "model.0", x, 16, 3, 2);
	x = split_block(maker, "model.2", conv_silu(maker, "model.1", x, 32, 3, 2), 32, 1, true);
	kept[0] = x = split_block(maker, "model.4", conv_silu(maker, "model.3", x, 64, 3, 2), 64, 2, true);
	kept[1] = x = split_block(maker, "model.6", conv_silu(maker, "model.5", x, 128, 3, 2), 128, 2, true);
	x = split_block(maker, "model.8", conv_silu(maker, "model.7", x, 256, 3, 2), 256, 1, true);
	struct feature deep = pools_in_a_row(maker, "model.9", x, 256);
	struct feature middle = concat(maker, "model.11", upsample(maker, "model.10", deep), kept[1]);
	middle = split_block(maker, "model.12", middle, 128, 1, false);
	x = concat(maker, "model.14", upsample(maker, "model.13", middle), kept[0]);
	scales[0] = split_block(maker, "model.15", x, 64, 1, false);
	x = concat(maker, "model.17", conv_silu(maker, "model.16", scales[0], 64, 3, 2), middle);
	scales[1] = split_block(maker, "model.18", x, 128, 1, false);
	x = concat(maker, "model.20", conv_silu(maker, "model.19", scales[1], 128, 3, 2), deep);
	scales[2] = split_block(maker, "model.21", x, 256, 1, false);

	const char *all = NULL, *centres, *strides;
	int places = 0;
	for (int i = 0; i < 3; i++) {
		const char *one = head(maker, i, scales[i]);
		all = all ? MODULE("%s,%s", all, one) : one;
		places += scales[i].height * scales[i].width;
	}
	all = emit_axis(maker, "", "Concat", all, NULL, 2);
	onnx_node *split = emit_node(maker, "", "Split", MODULE("%s,%s", all, emit_list(maker, "", 2, 4 * BINS, CLASSES)),
	                             "/boxes,/classes");
	build_int(maker->arena, split, "axis", 1);
	anchors(maker, scales, size, places, &centres, &strides);
	const char *box = decode(maker, split->output[0], places, centres, strides);
	const char *class = emit(maker, "", "Sigmoid", split->output[1], NULL, NULL);
	output_value(maker, emit_axis(maker, "", "Concat", box, class, 1), "output0", 3,
	             (int64_t[]){maker->batch, 4 + CLASSES, places});
}
