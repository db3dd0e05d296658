/* Image networks whose blocks join the results of earlier layers or parallel branches: DenseNet and Inception.
 * Modules are named as in torchvision. */
#include "tools/dev/make_model_nodes.h"

/* ---- DenseNet-121 and DenseNet-201 ---- */

#define GROWTH 32

/* Here batch-norm and ReLU come before the convolution, so the first batch-norm remains a node. */
static struct feature dense_layer(struct maker *maker, const char *module, struct feature x)
{
	x = relu(maker, MODULE("%s.relu1", module), batch_norm(maker, MODULE("%s.norm1", module), x));
	x = conv_batch_norm(maker, MODULE("%s.conv1", module), MODULE("%s.norm2", module), x,
	                    square(4 * GROWTH, 1, 1, 0, 1), GAIN_RELU);
	x = relu(maker, MODULE("%s.relu2", module), x);
	return conv_plain(maker, MODULE("%s.conv2", module), x, square(GROWTH, 3, 1, 1, 1), GAIN_RELU);
}

/* Each layer reads a new concatenation of all values before it; the first layer's has one value. */
static struct feature dense_block(struct maker *maker, const char *module, struct feature x, int layers)
{
	const char *all = x.name;
	for (int i = 0; i <= layers; i++) {
		const char *layer = i < layers ? MODULE("%s.denselayer%d", module, i + 1) : module;
		x.name = emit_axis(maker, layer, "Concat", all, NULL, 1);
		if (i == layers)
			break;
		all = MODULE("%s,%s", all, dense_layer(maker, layer, x).name);
		x.channels += GROWTH;
	}
	return x;
}

static struct feature transition(struct maker *maker, const char *module, struct feature x)
{
	x = relu(maker, MODULE("%s.relu", module), batch_norm(maker, MODULE("%s.norm", module), x));
	x = conv_plain(maker, MODULE("%s.conv", module), x, square(x.channels / 2, 1, 1, 0, 1), GAIN_RELU);
	return average_pool(maker, MODULE("%s.pool", module), x, 2, 2, 0);
}

static void make_densenet(struct maker *maker, const int layers[4])
{
	struct feature x = make_input(maker, 3, 224);
	x = conv_batch_norm(maker, "features.conv0", "features.norm0", x, square(64, 7, 2, 3, 1), GAIN_RELU);
	x = max_pool(maker, "features.pool0", relu(maker, "features.relu0", x), 3, 2, 1, false);
	for (int block = 0; block < 4; block++) {
		x = dense_block(maker, MODULE("features.denseblock%d", block + 1), x, layers[block]);
		if (block < 3)
			x = transition(maker, MODULE("features.transition%d", block + 1), x);
	}
	x = relu(maker, "", batch_norm(maker, "features.norm5", x));
	x = flatten(maker, global_average_pool(maker, "", x));
	make_output(maker, gemm(maker, "classifier", x, maker->classes, GAIN_LINEAR));
}

void make_densenet121(struct maker *maker)
{
	make_densenet(maker, (const int[]){6, 12, 24, 16});
}

void make_densenet201(struct maker *maker)
{
	make_densenet(maker, (const int[]){6, 12, 48, 32});
}

/* ---- Inception-v3 ---- */

/* Convolution, batch-norm, ReLU. */
static struct feature basic(struct maker *maker, const char *module, struct feature x, int channels, int kernel,
                            int stride, int padding)
{
	x = conv_batch_norm(maker, MODULE("%s.conv", module), MODULE("%s.bn", module), x,
	                    square(channels, kernel, stride, padding, 1), GAIN_RELU);
	return relu(maker, module, x);
}

/* The same with a kernel of `high` by `wide`, which keeps the number of pixels. */
static struct feature line(struct maker *maker, const char *module, struct feature x, int channels, int high, int wide)
{
	struct conv_shape shape = {channels, high, 1, high / 2, 1, wide, wide / 2};
	x = conv_batch_norm(maker, MODULE("%s.conv", module), MODULE("%s.bn", module), x, shape, GAIN_RELU);
	return relu(maker, module, x);
}

static struct feature join(struct maker *maker, const char *module, const struct feature *parts, int count)
{
	struct feature y = parts[0];
	for (int i = 1; i < count; i++) {
		y.name = MODULE("%s,%s", y.name, parts[i].name);
		y.channels += parts[i].channels;
	}
	y.name = emit_axis(maker, module, "Concat", y.name, NULL, 1);
	return y;
}

static struct feature pool_branch(struct maker *maker, const char *module, struct feature x, int channels)
{
	return basic(maker, MODULE("%s.branch_pool", module), average_pool(maker, module, x, 3, 1, 1), channels, 1, 1, 0);
}

static struct feature inception_a(struct maker *maker, const char *module, struct feature x, int pooled)
{
	struct feature parts[4];
	parts[0] = basic(maker, MODULE("%s.branch1x1", module), x, 64, 1, 1, 0);
	parts[1] = basic(maker, MODULE("%s.branch5x5_1", module), x, 48, 1, 1, 0);
	parts[1] = basic(maker, MODULE("%s.branch5x5_2", module), parts[1], 64, 5, 1, 2);
	parts[2] = basic(maker, MODULE("%s.branch3x3dbl_1", module), x, 64, 1, 1, 0);
	parts[2] = basic(maker, MODULE("%s.branch3x3dbl_2", module), parts[2], 96, 3, 1, 1);
	parts[2] = basic(maker, MODULE("%s.branch3x3dbl_3", module), parts[2], 96, 3, 1, 1);
	parts[3] = pool_branch(maker, module, x, pooled);
	return join(maker, module, parts, 4);
}

static struct feature inception_b(struct maker *maker, const char *module, struct feature x)
{
	struct feature parts[3];
	parts[0] = basic(maker, MODULE("%s.branch3x3", module), x, 384, 3, 2, 0);
	parts[1] = basic(maker, MODULE("%s.branch3x3dbl_1", module), x, 64, 1, 1, 0);
	parts[1] = basic(maker, MODULE("%s.branch3x3dbl_2", module), parts[1], 96, 3, 1, 1);
	parts[1] = basic(maker, MODULE("%s.branch3x3dbl_3", module), parts[1], 96, 3, 2, 0);
	parts[2] = max_pool(maker, module, x, 3, 2, 0, false);
	return join(maker, module, parts, 3);
}

static struct feature inception_c(struct maker *maker, const char *module, struct feature x, int narrow)
{
	struct feature parts[4];
	parts[0] = basic(maker, MODULE("%s.branch1x1", module), x, 192, 1, 1, 0);
	parts[1] = basic(maker, MODULE("%s.branch7x7_1", module), x, narrow, 1, 1, 0);
	parts[1] = line(maker, MODULE("%s.branch7x7_2", module), parts[1], narrow, 1, 7);
	parts[1] = line(maker, MODULE("%s.branch7x7_3", module), parts[1], 192, 7, 1);
	parts[2] = basic(maker, MODULE("%s.branch7x7dbl_1", module), x, narrow, 1, 1, 0);
	parts[2] = line(maker, MODULE("%s.branch7x7dbl_2", module), parts[2], narrow, 7, 1);
	parts[2] = line(maker, MODULE("%s.branch7x7dbl_3", module), parts[2], narrow, 1, 7);
	parts[2] = line(maker, MODULE("%s.branch7x7dbl_4", module), parts[2], narrow, 7, 1);
	parts[2] = line(maker, MODULE("%s.branch7x7dbl_5", module), parts[2], 192, 1, 7);
	parts[3] = pool_branch(maker, module, x, 192);
	return join(maker, module, parts, 4);
}

static struct feature inception_d(struct maker *maker, const char *module, struct feature x)
{
	struct feature parts[3];
	parts[0] = basic(maker, MODULE("%s.branch3x3_1", module), x, 192, 1, 1, 0);
	parts[0] = basic(maker, MODULE("%s.branch3x3_2", module), parts[0], 320, 3, 2, 0);
	parts[1] = basic(maker, MODULE("%s.branch7x7x3_1", module), x, 192, 1, 1, 0);
	parts[1] = line(maker, MODULE("%s.branch7x7x3_2", module), parts[1], 192, 1, 7);
	parts[1] = line(maker, MODULE("%s.branch7x7x3_3", module), parts[1], 192, 7, 1);
	parts[1] = basic(maker, MODULE("%s.branch7x7x3_4", module), parts[1], 192, 3, 2, 0);
	parts[2] = max_pool(maker, module, x, 3, 2, 0, false);
	return join(maker, module, parts, 3);
}

/* A row and a column of the same input, concatenated. */
static struct feature cross(struct maker *maker, const char *module, const char *branch, struct feature x)
{
	const struct feature parts[] = {
		line(maker, MODULE("%s.%sa", module, branch), x, 384, 1, 3),
		line(maker, MODULE("%s.%sb", module, branch), x, 384, 3, 1),
	};
	return join(maker, module, parts, 2);
}

static struct feature inception_e(struct maker *maker, const char *module, struct feature x)
{
	struct feature parts[4];
	parts[0] = basic(maker, MODULE("%s.branch1x1", module), x, 320, 1, 1, 0);
	parts[1] = cross(maker, module, "branch3x3_2", basic(maker, MODULE("%s.branch3x3_1", module), x, 384, 1, 1, 0));
	parts[2] = basic(maker, MODULE("%s.branch3x3dbl_1", module), x, 448, 1, 1, 0);
	parts[2] = basic(maker, MODULE("%s.branch3x3dbl_2", module), parts[2], 384, 3, 1, 1);
	parts[2] = cross(maker, module, "branch3x3dbl_3", parts[2]);
	parts[3] = pool_branch(maker, module, x, 192);
	return join(maker, module, parts, 4);
}

/* Normalises the pixels again, as the pretrained network expects them. */
static struct feature transform_input(struct maker *maker, struct feature x)
{
	static const float scales[] = {0.229f / 0.5f, 0.224f / 0.5f, 0.225f / 0.5f};
	static const float shifts[] = {(0.485f - 0.5f) / 0.5f, (0.456f - 0.5f) / 0.5f, (0.406f - 0.5f) / 0.5f};
	struct feature parts[3];
	for (int i = 0; i < 3; i++) {
		const char *y = emit_axis(maker, "", "Gather", x.name, emit_index(maker, "", i), 1);
		y = emit(maker, "", "Unsqueeze", y, emit_list(maker, "", 1, 1), NULL);
		y = emit(maker, "", "Mul", y, emit_float(maker, "", scales[i]), NULL);
		y = emit(maker, "", "Add", y, emit_float(maker, "", shifts[i]), NULL);
		parts[i] = (struct feature){y, 1, x.height, x.width};
	}
	return join(maker, "", parts, 3);
}

void make_inceptionv3(struct maker *maker)
{
	static const int narrow[] = {128, 160, 160, 192}, pooled[] = {32, 64, 64};
	struct feature x = transform_input(maker, make_input(maker, 3, 299));
	x = basic(maker, "Conv2d_1a_3x3", x, 32, 3, 2, 0);
	x = basic(maker, "Conv2d_2a_3x3", x, 32, 3, 1, 0);
	x = basic(maker, "Conv2d_2b_3x3", x, 64, 3, 1, 1);
	x = max_pool(maker, "maxpool1", x, 3, 2, 0, false);
	x = basic(maker, "Conv2d_3b_1x1", x, 80, 1, 1, 0);
	x = basic(maker, "Conv2d_4a_3x3", x, 192, 3, 1, 0);
	x = max_pool(maker, "maxpool2", x, 3, 2, 0, false);
	for (int i = 0; i < 3; i++)
		x = inception_a(maker, MODULE("Mixed_5%c", 'b' + i), x, pooled[i]);
	x = inception_b(maker, "Mixed_6a", x);
	for (int i = 0; i < 4; i++)
		x = inception_c(maker, MODULE("Mixed_6%c", 'b' + i), x, narrow[i]);
	x = inception_d(maker, "Mixed_7a", x);
	x = inception_e(maker, "Mixed_7b", x);
	x = inception_e(maker, "Mixed_7c", x);
	x = flatten(maker, global_average_pool(maker, "avgpool", x));
	make_output(maker, gemm(maker, "fc", x, maker->classes, GAIN_LINEAR));
}
