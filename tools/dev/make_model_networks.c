/* The networks of make_model, from their tables. Modules are named as in torchvision, whose exports these represent. */
#include "tools/dev/make_model.h"

#define MODULE(...) arena_printf(maker->arena, __VA_ARGS__)

/* ---- ResNet-50 and ResNet-152 ---- */

static struct feature bottleneck(struct maker *maker, const char *block, struct feature x, int width, int stride,
                                 bool project)
{
	struct feature y = conv_batch_norm(maker, MODULE("%s.conv1", block), MODULE("%s.bn1", block), x,
	                                   square(width, 1, 1, 0, 1), GAIN_RELU);
	y = relu(maker, MODULE("%s.relu", block), y);
	y = conv_batch_norm(maker, MODULE("%s.conv2", block), MODULE("%s.bn2", block), y, square(width, 3, stride, 1, 1),
	                    GAIN_RELU);
	y = relu(maker, MODULE("%s.relu_1", block), y);
	y = conv_batch_norm(maker, MODULE("%s.conv3", block), MODULE("%s.bn3", block), y, square(4 * width, 1, 1, 0, 1),
	                    GAIN_RESIDUAL);
	if (project)
		x = conv_batch_norm(maker, MODULE("%s.downsample.0", block), MODULE("%s.downsample.1", block), x,
		                    square(4 * width, 1, stride, 0, 1), GAIN_RELU);
	return relu(maker, MODULE("%s.relu_2", block), add(maker, block, y, x));
}

/* blocks: of the four stages, whose widths double from 64. */
static void make_resnet(struct maker *maker, const int blocks[4])
{
	struct feature x = make_input(maker, 3, 224);
	x = conv_batch_norm(maker, "conv1", "bn1", x, square(64, 7, 2, 3, 1), GAIN_RELU);
	x = relu(maker, "relu", x);
	x = max_pool(maker, "maxpool", x, 3, 2, 1, false);
	for (int stage = 0; stage < 4; stage++)
		for (int block = 0; block < blocks[stage]; block++)
			x = bottleneck(maker, MODULE("layer%d.%d", stage + 1, block), x, 64 << stage, block || !stage ? 1 : 2,
			               !block);
	x = flatten(maker, global_average_pool(maker, "avgpool", x));
	make_output(maker, gemm(maker, "fc", x, maker->classes, GAIN_LINEAR));
}

static void make_resnet50(struct maker *maker)
{
	make_resnet(maker, (const int[]){3, 4, 6, 3});
}

static void make_resnet152(struct maker *maker)
{
	make_resnet(maker, (const int[]){3, 8, 36, 3});
}

/* ---- MobileNetV2 ---- */

static const struct {
	int expansion, channels, blocks, stride;
} mobilenetv2_stages[] = {
	{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
};

static struct feature conv_clip6(struct maker *maker, const char *module, struct feature x, struct conv_shape shape)
{
	x = conv_batch_norm(maker, MODULE("%s.0", module), MODULE("%s.1", module), x, shape, GAIN_RELU);
	return clip6(maker, MODULE("%s.2", module), x);
}

static struct feature inverted_residual(struct maker *maker, const char *block, struct feature x, int expansion,
                                        int channels, int stride)
{
	bool residual = stride == 1 && x.channels == channels;
	int wide = x.channels * expansion, part = 0;
	struct feature y = x;
	if (expansion > 1)
		y = conv_clip6(maker, MODULE("%s.conv.%d", block, part++), y, square(wide, 1, 1, 0, 1));
	y = conv_clip6(maker, MODULE("%s.conv.%d", block, part++), y, square(wide, 3, stride, 1, wide));
	y = conv_batch_norm(maker, MODULE("%s.conv.%d", block, part), MODULE("%s.conv.%d", block, part + 1), y,
	                    square(channels, 1, 1, 0, 1), residual ? GAIN_RESIDUAL : GAIN_LINEAR);
	return residual ? add(maker, block, x, y) : y;
}

static void make_mobilenetv2(struct maker *maker)
{
	int index = 1;
	struct feature x = make_input(maker, 3, 224);
	x = conv_clip6(maker, "features.0", x, square(32, 3, 2, 1, 1));
	for (size_t stage = 0; stage < COUNT_OF(mobilenetv2_stages); stage++)
		for (int block = 0; block < mobilenetv2_stages[stage].blocks; block++)
			x = inverted_residual(maker, MODULE("features.%d", index++), x, mobilenetv2_stages[stage].expansion,
			                      mobilenetv2_stages[stage].channels, block ? 1 : mobilenetv2_stages[stage].stride);
	x = conv_clip6(maker, MODULE("features.%d", index), x, square(1280, 1, 1, 0, 1));
	x = flatten(maker, global_average_pool(maker, "", x));
	make_output(maker, gemm(maker, "classifier.1", x, maker->classes, GAIN_LINEAR));
}

/* ---- VGG-19 ---- */

/* Output channels of the convolutions; 0 is a pooling layer. */
static const int vgg19_layers[] = {64,  64,  0,   128, 128, 0,   256, 256, 256, 256, 0,
                                   512, 512, 512, 512, 0,   512, 512, 512, 512, 0};

static void make_vgg19(struct maker *maker)
{
	int index = 0;
	struct feature x = make_input(maker, 3, 224);
	for (size_t i = 0; i < COUNT_OF(vgg19_layers); i++) {
		if (vgg19_layers[i] == 0) {
			x = max_pool(maker, MODULE("features.%d", index++), x, 2, 2, 0, false);
			continue;
		}
		x = conv(maker, MODULE("features.%d", index), x, square(vgg19_layers[i], 3, 1, 1, 1), GAIN_RELU);
		x = relu(maker, MODULE("features.%d", index + 1), x);
		index += 2;
	}
	/* Adaptive pooling to 7x7, as far as one kernel size can do it. */
	int kernel = x.height >= 14 ? x.height / 7 : 1;
	x = average_pool(maker, "avgpool", x, kernel, kernel, 0);
	x = flatten(maker, x);
	x = relu(maker, "classifier.1", gemm(maker, "classifier.0", x, 4096, GAIN_RELU));
	x = relu(maker, "classifier.4", gemm(maker, "classifier.3", x, 4096, GAIN_RELU));
	make_output(maker, gemm(maker, "classifier.6", x, maker->classes, GAIN_LINEAR));
}

/* ---- SqueezeNet 1.0 ---- */

/* Squeezed channels of the fire modules; each half of the expanded result has four times as many. 0 is a pooling
 * layer. */
static const int squeezenet_layers[] = {0, 16, 16, 32, 0, 32, 48, 48, 64, 0, 64};

static struct feature fire(struct maker *maker, const char *module, struct feature x, int squeezed)
{
	x = conv(maker, MODULE("%s.squeeze", module), x, square(squeezed, 1, 1, 0, 1), GAIN_RELU);
	x = relu(maker, MODULE("%s.squeeze_activation", module), x);
	struct feature one = conv(maker, MODULE("%s.expand1x1", module), x, square(4 * squeezed, 1, 1, 0, 1), GAIN_RELU);
	one = relu(maker, MODULE("%s.expand1x1_activation", module), one);
	struct feature three = conv(maker, MODULE("%s.expand3x3", module), x, square(4 * squeezed, 3, 1, 1, 1), GAIN_RELU);
	three = relu(maker, MODULE("%s.expand3x3_activation", module), three);
	return concat(maker, module, one, three);
}

static void make_squeezenet(struct maker *maker)
{
	struct feature x = make_input(maker, 3, 224);
	x = relu(maker, "features.1", conv(maker, "features.0", x, square(96, 7, 2, 0, 1), GAIN_RELU));
	for (size_t i = 0; i < COUNT_OF(squeezenet_layers); i++) {
		const char *module = MODULE("features.%zu", i + 2);
		x = squeezenet_layers[i] ? fire(maker, module, x, squeezenet_layers[i])
		                         : max_pool(maker, module, x, 3, 2, 0, true);
	}
	x = conv(maker, "classifier.1", x, square(maker->classes, 1, 1, 0, 1), GAIN_RELU);
	x = global_average_pool(maker, "classifier.3", relu(maker, "classifier.2", x));
	make_output(maker, flatten(maker, x));
}

const struct network networks[] = {
	{"resnet50", make_resnet50},
	{"resnet152", make_resnet152},
	{"mobilenetv2", make_mobilenetv2},
	{"vgg19", make_vgg19},
	{"squeezenet", make_squeezenet},
	{"densenet121", make_densenet121},
	{"densenet201", make_densenet201},
	{"inceptionv3", make_inceptionv3},
	{"bert_base", make_bert_base},
	{"minilm", make_minilm},
	{"distilbert", make_distilbert},
	{"gpt2", make_gpt2},
	{"vit_b16", make_vit_b16},
	{"swin_tiny", make_swin_tiny},
	{"whisper_encoder", make_whisper_encoder},
	{"lstm", make_lstm},
	{"efficientnet_b0", make_efficientnet_b0},
	{"mobilenetv3", make_mobilenetv3},
	{"shufflenetv2", make_shufflenetv2},
	{"convnext_tiny", make_convnext_tiny},
	{"yolo", make_yolo},
	{"gemm", make_gemm},
	{"cumsum", make_cumsum},
	{NULL, NULL},
};
