/* Image networks with more than plain convolutions: squeeze-and-excite, channel shuffles, layer-norm between
 * convolutions, a detector with several scales. Modules are named as in torchvision and ultralytics. */
#include "tools/dev/make_model_nodes.h"

static struct feature with(struct feature x, const char *name)
{
	x.name = name;
	return x;
}

static struct feature apply(struct maker *maker, const char *module, const char *op_type, struct feature x)
{
	return with(x, emit(maker, module, op_type, x.name, NULL, NULL));
}

static struct feature silu(struct maker *maker, const char *module, struct feature x)
{
	return with(x, emit(maker, module, "Mul", x.name, apply(maker, module, "Sigmoid", x).name, NULL));
}

static struct feature hard_sigmoid(struct maker *maker, const char *module, struct feature x)
{
	onnx_node *node = emit_node(maker, module, "HardSigmoid", x.name, NULL);
	build_float(maker->arena, node, "alpha", 1 / 6.0f);
	return with(x, node->output[0]);
}

static struct feature hard_swish(struct maker *maker, const char *module, struct feature x)
{
	return apply(maker, module, "HardSwish", x);
}

typedef struct feature activation(struct maker *maker, const char *module, struct feature x);

/* Convolution, batch-norm and activation: "MODULE.0", "MODULE.1", "MODULE.2". */
static struct feature block(struct maker *maker, const char *module, struct feature x, struct conv_shape shape,
                            activation *act)
{
	x = conv_batch_norm(maker, MODULE("%s.0", module), MODULE("%s.1", module), x, shape,
	                    act ? GAIN_RELU : GAIN_RESIDUAL);
	return act ? act(maker, MODULE("%s.2", module), x) : x;
}

static struct feature squeeze_excite(struct maker *maker, const char *module, struct feature x, int squeezed,
                                     activation *inner, activation *gate)
{
	onnx_node *mean = emit_node(maker, MODULE("%s.avgpool", module), "ReduceMean", x.name, NULL);
	build_ints(maker->arena, mean, "axes", (int64_t[]){2, 3}, 2);
	build_int(maker->arena, mean, "keepdims", 1);
	struct feature y = {mean->output[0], x.channels, 1, 1};
	y = conv(maker, MODULE("%s.fc1", module), y, square(squeezed, 1, 1, 0, 1), GAIN_RELU);
	y = conv(maker, MODULE("%s.fc2", module), inner(maker, module, y), square(x.channels, 1, 1, 0, 1), GAIN_LINEAR);
	return with(x, emit(maker, module, "Mul", gate(maker, module, y).name, x.name, NULL));
}

static struct feature sigmoid(struct maker *maker, const char *module, struct feature x)
{
	return apply(maker, module, "Sigmoid", x);
}

/* ---- EfficientNet-B0 ---- */

static const struct {
	int expansion, channels, blocks, stride, kernel;
} efficientnet_stages[] = {
	{1, 16, 1, 1, 3},  {6, 24, 2, 2, 3},  {6, 40, 2, 2, 5},  {6, 80, 3, 2, 3},
	{6, 112, 3, 1, 5}, {6, 192, 4, 2, 5}, {6, 320, 1, 1, 3},
};

static struct feature efficientnet_block(struct maker *maker, const char *name, struct feature x, size_t stage,
                                         int stride)
{
	int wide = x.channels * efficientnet_stages[stage].expansion, kernel = efficientnet_stages[stage].kernel;
	struct feature y = x;
	if (wide != x.channels)
		y = block(maker, MODULE("%s.expand", name), y, square(wide, 1, 1, 0, 1), silu);
	y = block(maker, MODULE("%s.depthwise", name), y, square(wide, kernel, stride, kernel / 2, wide), silu);
	y = squeeze_excite(maker, MODULE("%s.se", name), y, x.channels / 4, silu, sigmoid);
	y = block(maker, MODULE("%s.project", name), y, square(efficientnet_stages[stage].channels, 1, 1, 0, 1), NULL);
	return stride == 1 && y.channels == x.channels ? add(maker, name, y, x) : y;
}

void make_efficientnet_b0(struct maker *maker)
{
	struct feature x = make_input(maker, 3, 224);
	x = block(maker, "features.stem", x, square(32, 3, 2, 1, 1), silu);
	for (size_t stage = 0; stage < COUNT_OF(efficientnet_stages); stage++)
		for (int i = 0; i < efficientnet_stages[stage].blocks; i++)
			x = efficientnet_block(maker, MODULE("features.%zu.%d", stage + 1, i), x, stage,
			                       i ? 1 : efficientnet_stages[stage].stride);
	x = block(maker, "features.head", x, square(1280, 1, 1, 0, 1), silu);
	x = flatten(maker, global_average_pool(maker, "avgpool", x));
	make_output(maker, gemm(maker, "classifier.1", x, maker->classes, GAIN_LINEAR));
}

/* ---- MobileNetV3-Large ---- */

static const struct {
	int kernel, wide, channels, squeezed; /* squeezed: 0 for no squeeze-and-excite */
	activation *act;
	int stride;
} mobilenetv3_blocks[] = {
	{3, 16, 16, 0, relu, 1},           {3, 64, 24, 0, relu, 2},           {3, 72, 24, 0, relu, 1},
	{5, 72, 40, 24, relu, 2},          {5, 120, 40, 32, relu, 1},         {5, 120, 40, 32, relu, 1},
	{3, 240, 80, 0, hard_swish, 2},    {3, 200, 80, 0, hard_swish, 1},    {3, 184, 80, 0, hard_swish, 1},
	{3, 184, 80, 0, hard_swish, 1},    {3, 480, 112, 120, hard_swish, 1}, {3, 672, 112, 168, hard_swish, 1},
	{5, 672, 160, 168, hard_swish, 2}, {5, 960, 160, 240, hard_swish, 1}, {5, 960, 160, 240, hard_swish, 1},
};

void make_mobilenetv3(struct maker *maker)
{
	struct feature x = make_input(maker, 3, 224);
	x = block(maker, "features.0", x, square(16, 3, 2, 1, 1), hard_swish);
	for (size_t i = 0; i < COUNT_OF(mobilenetv3_blocks); i++) {
		const typeof(mobilenetv3_blocks[0]) *b = &mobilenetv3_blocks[i];
		const char *name = MODULE("features.%zu.block", i + 1);
		struct feature y = x;
		if (b->wide != x.channels)
			y = block(maker, MODULE("%s.expand", name), y, square(b->wide, 1, 1, 0, 1), b->act);
		y = block(maker, MODULE("%s.depthwise", name), y, square(b->wide, b->kernel, b->stride, b->kernel / 2, b->wide),
		          b->act);
		if (b->squeezed)
			y = squeeze_excite(maker, MODULE("%s.se", name), y, b->squeezed, relu, hard_sigmoid);
		y = block(maker, MODULE("%s.project", name), y, square(b->channels, 1, 1, 0, 1), NULL);
		x = b->stride == 1 && y.channels == x.channels ? add(maker, name, y, x) : y;
	}
	x = block(maker, "features.16", x, square(960, 1, 1, 0, 1), hard_swish);
	x = flatten(maker, global_average_pool(maker, "avgpool", x));
	x = hard_swish(maker, "classifier.1", gemm(maker, "classifier.0", x, 1280, GAIN_RELU));
	make_output(maker, gemm(maker, "classifier.3", x, maker->classes, GAIN_LINEAR));
}

/* ---- ShuffleNetV2 1.0 ---- */

/* The halves are cut where Shape says, which is how the exporter writes chunk(). */
static void cut_channels(struct maker *maker, const char *module, struct feature x, struct feature *halves)
{
	const char *channels = emit_axis(maker, module, "Gather", emit(maker, module, "Shape", x.name, NULL, NULL),
	                                 emit_list(maker, module, 1, 1), 0);
	const char *odd = emit(maker, module, "Add", channels, emit_list(maker, module, 1, 1), NULL);
	const char *half = emit(maker, module, "Div", odd, emit_list(maker, module, 1, 2), NULL);
	const char *edges[3] = {emit_list(maker, module, 1, 0)};
	for (int i = 0; i < 2; i++) {
		edges[i + 1] = emit(maker, module, "Mul", half, emit_list(maker, module, 1, i + 1), NULL);
		const char *inputs = MODULE("%s,%s,%s,%s", x.name, edges[i], edges[i + 1], emit_list(maker, module, 1, 1));
		halves[i] = (struct feature){emit_node(maker, module, "Slice", inputs, NULL)->output[0], x.channels / 2,
		                             x.height, x.width};
	}
}

static struct feature shuffle(struct maker *maker, const char *module, struct feature x)
{
	const char *y = emit(maker, module, "Reshape", x.name,
	                     emit_list(maker, module, 5, 0, 2, x.channels / 2, x.height, x.width), NULL);
	y = emit_transpose(maker, module, y, 5, (int64_t[]){0, 2, 1, 3, 4});
	return with(x, emit(maker, module, "Reshape", y, emit_list(maker, module, 4, 0, -1, x.height, x.width), NULL));
}

static struct feature shuffle_branch(struct maker *maker, const char *module, struct feature x, int channels,
                                     int stride, bool expand)
{
	if (expand)
		x = block(maker, MODULE("%s.expand", module), x, square(channels, 1, 1, 0, 1), relu);
	x = conv_batch_norm(maker, MODULE("%s.dw", module), MODULE("%s.dw_bn", module), x,
	                    square(x.channels, 3, stride, 1, x.channels), GAIN_LINEAR);
	return block(maker, MODULE("%s.project", module), x, square(channels, 1, 1, 0, 1), relu);
}

void make_shufflenetv2(struct maker *maker)
{
	static const int repeats[] = {4, 8, 4}, widths[] = {116, 232, 464};
	struct feature x = make_input(maker, 3, 224);
	x = block(maker, "conv1", x, square(24, 3, 2, 1, 1), relu);
	x = max_pool(maker, "maxpool", x, 3, 2, 1, false);
	for (int stage = 0; stage < 3; stage++) {
		for (int i = 0; i < repeats[stage]; i++) {
			const char *module = MODULE("stage%d.%d", stage + 2, i);
			struct feature halves[2] = {x, x};
			if (i)
				cut_channels(maker, module, x, halves);
			else
				halves[0] = shuffle_branch(maker, MODULE("%s.branch1", module), x, widths[stage] / 2, 2, false);
			halves[1] =
				shuffle_branch(maker, MODULE("%s.branch2", module), halves[1], widths[stage] / 2, i ? 1 : 2, true);
			x = shuffle(maker, module, concat(maker, module, halves[0], halves[1]));
		}
	}
	x = block(maker, "conv5", x, square(1024, 1, 1, 0, 1), relu);
	onnx_node *mean = emit_node(maker, "", "ReduceMean", x.name, NULL);
	build_ints(maker->arena, mean, "axes", (int64_t[]){2, 3}, 2);
	build_int(maker->arena, mean, "keepdims", 0);
	make_output(maker, gemm(maker, "fc", (struct feature){mean->output[0], 1024, 1, 1}, maker->classes, GAIN_LINEAR));
}

/* ---- ConvNeXt-T ---- */

static struct feature channels_last(struct maker *maker, const char *module, struct feature x)
{
	return with(x, emit_transpose(maker, module, x.name, 4, (int64_t[]){0, 2, 3, 1}));
}

static struct feature channels_first(struct maker *maker, const char *module, struct feature x)
{
	return with(x, emit_transpose(maker, module, x.name, 4, (int64_t[]){0, 3, 1, 2}));
}

static struct feature norm_channels(struct maker *maker, const char *module, struct feature x)
{
	x = channels_last(maker, module, x);
	x = with(x, layer_norm(maker, module, x.name, x.channels, 1e-6f));
	return channels_first(maker, module, x);
}

static struct feature convnext_block(struct maker *maker, const char *module, struct feature x)
{
	struct feature y =
		conv(maker, MODULE("%s.conv_dw", module), x, square(x.channels, 7, 1, 3, x.channels), GAIN_LINEAR);
	y = channels_last(maker, module, y);
	const char *z = layer_norm(maker, MODULE("%s.norm", module), y.name, x.channels, 1e-6f);
	z = linear(maker, MODULE("%s.mlp.fc1", module), z, x.channels, 4 * x.channels, GAIN_LINEAR);
	z = gelu_erf(maker, MODULE("%s.mlp.act", module), z);
	z = linear(maker, MODULE("%s.mlp.fc2", module), z, 4 * x.channels, x.channels, GAIN_RELU);
	z = emit(maker, module, "Mul", z,
	         random_weight(maker, MODULE("%s.gamma", module), 1, (int64_t[]){x.channels}, 0.3f, 0.05f), NULL);
	return add(maker, module, channels_first(maker, module, with(y, z)), x);
}

void make_convnext_tiny(struct maker *maker)
{
	static const int depths[] = {3, 3, 9, 3}, widths[] = {96, 192, 384, 768};
	struct feature x = make_input(maker, 3, 224);
	x = conv(maker, "stem.0", x, square(96, 4, 4, 0, 1), GAIN_LINEAR);
	x = norm_channels(maker, "stem.1", x);
	for (int stage = 0; stage < 4; stage++) {
		if (stage) {
			x = norm_channels(maker, MODULE("stages.%d.downsample.0", stage), x);
			x = conv(maker, MODULE("stages.%d.downsample.1", stage), x, square(widths[stage], 2, 2, 0, 1), GAIN_LINEAR);
		}
		for (int i = 0; i < depths[stage]; i++)
			x = convnext_block(maker, MODULE("stages.%d.blocks.%d", stage, i), x);
	}
	x = norm_channels(maker, "head.norm", global_average_pool(maker, "head.global_pool", x));
	make_output(maker, gemm(maker, "head.fc", flatten(maker, x), maker->classes, GAIN_LINEAR));
}
