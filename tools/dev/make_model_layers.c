/* The layers of make_model: nodes, names and weights. A weight depends only on the seed, on its name and on
 * arithmetic that IEEE 754 defines, so it is the same on every machine. */
#include <math.h>

#include "tools/dev/make_model.h"

#define BATCH_NORM_EPSILON 1e-5f

/* ---- random numbers ---- */

/* SplitMix64: a counter through a mixer. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t random_for(const struct maker *maker, const char *name)
{
	uint64_t state = maker->seed;
	for (; *name; name++)
		state = (state ^ (unsigned char)*name) * 0x100000001b3;
	next_random(&state);
	return state;
}

/* Approximately normal, with mean 0 and deviation 1: the sum of four 16-bit uniform numbers. */
static float random_normal(uint64_t *state)
{
	uint64_t bits = next_random(state);
	int32_t sum = (int32_t)(bits & 0xffff) + (int32_t)(bits >> 16 & 0xffff) + (int32_t)(bits >> 32 & 0xffff) +
	              (int32_t)(bits >> 48) - 2 * 0xffff;
	return (float)sum * (1 / 37837.2f);
}

float *random_weights(const struct maker *maker, const char *name, int64_t count, float mean, float deviation)
{
	float *data = arena_array(maker->arena, (size_t)count, sizeof *data);
	uint64_t state = random_for(maker, name);
	for (int64_t i = 0; i < count; i++) {
		float scaled = random_normal(&state) * deviation;
		data[i] = mean + scaled;
	}
	return data;
}

/* Each output is a sum of fan_in products. */
float weight_deviation(enum gain gain, int fan_in)
{
	float power = gain == GAIN_RELU ? 2.0f : gain == GAIN_LINEAR ? 1.0f : 0.1f;
	return sqrtf(power / (float)fan_in);
}

/* ---- names ---- */

/* "layer1.0.conv1" -> "/layer1/layer1.0/conv1": a number keeps the name before it. */
const char *module_path(struct arena *arena, const char *module)
{
	struct text path = {.arena = arena};
	const char *shown_end = module, *shown_start = module;
	text_append(&path, "", 0);
	while (*shown_end) {
		const char *part = shown_end + (*shown_end == '.');
		shown_end = part + strcspn(part, ".");
		if (*part < '0' || *part > '9')
			shown_start = part;
		text_printf(&path, "/%.*s", (int)(shown_end - shown_start), shown_start);
	}
	return path.data;
}

/* Adds the node "<path of module>/Op" and returns the name of its output. */
static onnx_node *layer_node(struct maker *maker, const char *module, const char *op_type, const char *inputs,
                             const char **output)
{
	const char *path = module_path(maker->arena, module);
	const char *name = arena_printf(maker->arena, "%s/%s", path, op_type);
	*output = arena_printf(maker->arena, "%s_output_0", name);
	return build_node(maker->arena, maker->model->graph, op_type, name, inputs, *output);
}

const char *weight(struct maker *maker, const char *name, int rank, const int64_t *dims, const float *data)
{
	int64_t count = 1;
	for (int i = 0; i < rank; i++)
		count *= dims[i];
	build_initializer(maker->arena, maker->model->graph,
	                  build_tensor(maker->arena, name, ERC_F32, rank, dims, data, (size_t)count * sizeof *data));
	return name;
}

/* A Constant node with one float, as the exporter writes a Python number. */
static const char *constant(struct maker *maker, const char *module, const char *op_name, float number)
{
	float *data = arena_new(maker->arena, float);
	*data = number;
	const char *name = arena_printf(maker->arena, "%s/%s", module_path(maker->arena, module), op_name);
	const char *output = arena_printf(maker->arena, "%s_output_0", name);
	onnx_node *node = build_node(maker->arena, maker->model->graph, "Constant", name, "", output);
	build_tensor_attr(maker->arena, node, "value",
	                  build_tensor(maker->arena, NULL, ERC_F32, 0, NULL, data, sizeof *data));
	return output;
}

static const char *names(struct maker *maker, const char *a, const char *b, const char *c)
{
	return c ? arena_printf(maker->arena, "%s,%s,%s", a, b, c) : arena_printf(maker->arena, "%s,%s", a, b);
}

static void pair(struct maker *maker, onnx_node *node, const char *name, int64_t number)
{
	build_ints(maker->arena, node, name, (int64_t[]){number, number}, 2);
}

/* ---- ends ---- */

struct feature make_input(struct maker *maker, int channels, int default_size)
{
	int size = maker->image_size ? maker->image_size : default_size;
	const int64_t dims[] = {maker->batch, channels, size, size};
	build_input(maker->arena, maker->model->graph, build_info(maker->arena, "input", ERC_F32, 4, dims, "batch"));
	return (struct feature){"input", channels, size, size};
}

void make_output(struct maker *maker, struct feature x)
{
	const int64_t dims[] = {maker->batch, x.channels};
	onnx_graph *graph = maker->model->graph;
	onnx_node *last = graph->node[graph->n_node - 1];
	last->output[0] = "output";
	build_output(maker->arena, graph, build_info(maker->arena, "output", ERC_F32, 2, dims, "batch"));
}

/* ---- convolutions ---- */

/* `weights` names the initializers after the input. */
static struct feature conv_node(struct maker *maker, const char *module, struct feature x, struct conv_shape shape,
                                const char *inputs)
{
	const int64_t high = shape.padding, wide = shape.padding_width;
	struct feature y = {.channels = shape.channels};
	y.height = (x.height + 2 * shape.padding - shape.kernel) / shape.stride + 1;
	y.width = (x.width + 2 * shape.padding_width - shape.kernel_width) / shape.stride + 1;
	onnx_node *node = layer_node(maker, module, "Conv", inputs, &y.name);
	pair(maker, node, "dilations", 1);
	build_int(maker->arena, node, "group", shape.groups);
	build_ints(maker->arena, node, "kernel_shape", (int64_t[]){shape.kernel, shape.kernel_width}, 2);
	build_ints(maker->arena, node, "pads", (int64_t[]){high, wide, high, wide}, 4);
	pair(maker, node, "strides", shape.stride);
	return y;
}

static float *conv_weights(struct maker *maker, const char *name, struct feature x, struct conv_shape shape,
                           enum gain gain, int64_t dims[4])
{
	dims[0] = shape.channels;
	dims[1] = x.channels / shape.groups;
	dims[2] = shape.kernel;
	dims[3] = shape.kernel_width;
	int fan_in = (int)(dims[1] * dims[2] * dims[3]);
	return random_weights(maker, name, (int64_t)fan_in * shape.channels, 0, weight_deviation(gain, fan_in));
}

struct feature conv_plain(struct maker *maker, const char *module, struct feature x, struct conv_shape shape,
                          enum gain gain)
{
	int64_t dims[4];
	const char *name = arena_printf(maker->arena, "%s.weight", module);
	const float *data = conv_weights(maker, name, x, shape, gain, dims);
	return conv_node(maker, module, x, shape, names(maker, x.name, weight(maker, name, 4, dims, data), NULL));
}

struct feature conv(struct maker *maker, const char *module, struct feature x, struct conv_shape shape, enum gain gain)
{
	int64_t dims[4];
	const char *weight_name = arena_printf(maker->arena, "%s.weight", module);
	const char *bias_name = arena_printf(maker->arena, "%s.bias", module);
	float *data = conv_weights(maker, weight_name, x, shape, gain, dims);
	weight(maker, weight_name, 4, dims, data);
	weight(maker, bias_name, 1, dims, random_weights(maker, bias_name, shape.channels, 0, 0.05f));
	return conv_node(maker, module, x, shape, names(maker, x.name, weight_name, bias_name));
}

/* Statistics and scales of a batch-norm layer. */
struct batch_norm {
	const char *names[4]; /* weight, bias, mean, variance, as PyTorch calls them */
	float *scale, *bias, *mean, *variance;
};

/* The scale follows the deviation, so that the layer keeps the size of activations. */
static struct batch_norm batch_norm_weights(struct maker *maker, const char *module, int channels)
{
	static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
	struct batch_norm norm;
	for (int i = 0; i < 4; i++)
		norm.names[i] = arena_printf(maker->arena, "%s.%s", module, parts[i]);
	norm.scale = random_weights(maker, norm.names[0], channels, 1, 0.1f);
	norm.bias = random_weights(maker, norm.names[1], channels, 0, 0.1f);
	norm.mean = random_weights(maker, norm.names[2], channels, 0, 0.1f);
	norm.variance = random_weights(maker, norm.names[3], channels, 1, 0.15f); /* at most 3.5 deviations away */
	for (int i = 0; i < channels; i++)
		norm.scale[i] *= sqrtf(norm.variance[i]);
	return norm;
}

static struct feature batch_norm_node(struct maker *maker, const char *module, struct feature x,
                                      const struct batch_norm *norm)
{
	struct feature y = x;
	const float *data[] = {norm->scale, norm->bias, norm->mean, norm->variance};
	const char *inputs = x.name;
	for (int i = 0; i < 4; i++) {
		weight(maker, norm->names[i], 1, (int64_t[]){x.channels}, data[i]);
		inputs = names(maker, inputs, norm->names[i], NULL);
	}
	onnx_node *node = layer_node(maker, module, "BatchNormalization", inputs, &y.name);
	build_float(maker->arena, node, "epsilon", BATCH_NORM_EPSILON);
	build_float(maker->arena, node, "momentum", 0.9f);
	build_int(maker->arena, node, "training_mode", 0);
	return y;
}

struct feature batch_norm(struct maker *maker, const char *module, struct feature x)
{
	struct batch_norm norm = batch_norm_weights(maker, module, x.channels);
	return batch_norm_node(maker, module, x, &norm);
}

struct feature conv_batch_norm(struct maker *maker, const char *conv_module, const char *norm_module, struct feature x,
                               struct conv_shape shape, enum gain gain)
{
	int64_t dims[4];
	const char *weight_name = arena_printf(maker->arena, "%s.weight", conv_module);
	float *data = conv_weights(maker, weight_name, x, shape, gain, dims);
	struct batch_norm norm = batch_norm_weights(maker, norm_module, shape.channels);
	if (maker->keep_batch_norm) {
		weight(maker, weight_name, 4, dims, data);
		struct feature y = conv_node(maker, conv_module, x, shape, names(maker, x.name, weight_name, NULL));
		return batch_norm_node(maker, norm_module, y, &norm);
	}
	int64_t per_channel = dims[1] * dims[2] * dims[3];
	for (int channel = 0; channel < shape.channels; channel++) {
		float factor = norm.scale[channel] / sqrtf(norm.variance[channel] + BATCH_NORM_EPSILON);
		float shift = norm.mean[channel] * factor;
		norm.bias[channel] -= shift;
		for (int64_t i = 0; i < per_channel; i++)
			data[channel * per_channel + i] *= factor;
	}
	/* The exporter numbers what it folds. */
	const char *folded = arena_printf(maker->arena, "onnx::Conv_%d", 500 + 3 * maker->folded_count);
	const char *folded_bias = arena_printf(maker->arena, "onnx::Conv_%d", 501 + 3 * maker->folded_count++);
	weight(maker, folded, 4, dims, data);
	weight(maker, folded_bias, 1, dims, norm.bias);
	return conv_node(maker, conv_module, x, shape, names(maker, x.name, folded, folded_bias));
}

/* ---- the other layers ---- */

struct feature relu(struct maker *maker, const char *module, struct feature x)
{
	layer_node(maker, module, "Relu", x.name, &x.name);
	return x;
}

struct feature clip6(struct maker *maker, const char *module, struct feature x)
{
	const char *low = constant(maker, module, "Constant", 0), *high = constant(maker, module, "Constant_1", 6);
	layer_node(maker, module, "Clip", names(maker, x.name, low, high), &x.name);
	return x;
}

struct feature add(struct maker *maker, const char *module, struct feature a, struct feature b)
{
	layer_node(maker, module, "Add", names(maker, a.name, b.name, NULL), &a.name);
	return a;
}

struct feature concat(struct maker *maker, const char *module, struct feature a, struct feature b)
{
	onnx_node *node = layer_node(maker, module, "Concat", names(maker, a.name, b.name, NULL), &a.name);
	build_int(maker->arena, node, "axis", 1);
	a.channels += b.channels;
	return a;
}

static int pooled(int size, int kernel, int stride, int padding, bool ceil_mode)
{
	return (size + 2 * padding - kernel + (ceil_mode ? stride - 1 : 0)) / stride + 1;
}

struct feature max_pool(struct maker *maker, const char *module, struct feature x, int kernel, int stride, int padding,
                        bool ceil_mode)
{
	onnx_node *node = layer_node(maker, module, "MaxPool", x.name, &x.name);
	build_int(maker->arena, node, "ceil_mode", ceil_mode);
	pair(maker, node, "dilations", 1);
	pair(maker, node, "kernel_shape", kernel);
	build_ints(maker->arena, node, "pads", (int64_t[]){padding, padding, padding, padding}, 4);
	pair(maker, node, "strides", stride);
	x.height = pooled(x.height, kernel, stride, padding, ceil_mode);
	x.width = pooled(x.width, kernel, stride, padding, ceil_mode);
	return x;
}

struct feature average_pool(struct maker *maker, const char *module, struct feature x, int kernel, int stride,
                            int padding)
{
	onnx_node *node = layer_node(maker, module, "AveragePool", x.name, &x.name);
	build_int(maker->arena, node, "ceil_mode", 0);
	build_int(maker->arena, node, "count_include_pad", 1);
	pair(maker, node, "kernel_shape", kernel);
	build_ints(maker->arena, node, "pads", (int64_t[]){padding, padding, padding, padding}, 4);
	pair(maker, node, "strides", stride);
	x.height = pooled(x.height, kernel, stride, padding, false);
	x.width = pooled(x.width, kernel, stride, padding, false);
	return x;
}

struct feature global_average_pool(struct maker *maker, const char *module, struct feature x)
{
	layer_node(maker, module, "GlobalAveragePool", x.name, &x.name);
	x.height = x.width = 1;
	return x;
}

struct feature flatten(struct maker *maker, struct feature x)
{
	onnx_node *node = layer_node(maker, "", "Flatten", x.name, &x.name);
	build_int(maker->arena, node, "axis", 1);
	return (struct feature){x.name, x.channels * x.height * x.width, 1, 1};
}

struct feature gemm(struct maker *maker, const char *module, struct feature x, int outputs, enum gain gain)
{
	const char *weight_name = arena_printf(maker->arena, "%s.weight", module);
	const char *bias_name = arena_printf(maker->arena, "%s.bias", module);
	const int64_t dims[] = {outputs, x.channels};
	weight(maker, weight_name, 2, dims,
	       random_weights(maker, weight_name, dims[0] * dims[1], 0, weight_deviation(gain, x.channels)));
	weight(maker, bias_name, 1, dims, random_weights(maker, bias_name, outputs, 0, 0.05f));
	onnx_node *node = layer_node(maker, module, "Gemm", names(maker, x.name, weight_name, bias_name), &x.name);
	build_float(maker->arena, node, "alpha", 1);
	build_float(maker->arena, node, "beta", 1);
	build_int(maker->arena, node, "transB", 1);
	x.channels = outputs;
	return x;
}
