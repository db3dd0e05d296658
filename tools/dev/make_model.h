/* Layers in the form that PyTorch's exporter writes, with seeded weights. The networks of make_model consist of
 * them. */
#ifndef ERC_MAKE_MODEL_H
#define ERC_MAKE_MODEL_H

#include "tools/dev/onnx_builder.h"

struct maker {
	struct arena *arena;
	onnx_model *model;
	uint64_t seed;
	int64_t batch; /* -1: symbolic */
	int classes;
	int image_size;       /* height and width of the input; 0: the network's default */
	bool keep_batch_norm; /* as separate nodes; otherwise folded into the convolutions */
	int folded_count;     /* for names of folded weights */
};

/* A value in the network. After flatten() its height and width are 1. */
struct feature {
	const char *name;
	int channels, height, width;
};

/* How weights are scaled, so that activations keep their size. */
enum gain {
	GAIN_RELU,     /* a ReLU follows, which halves the power */
	GAIN_LINEAR,   /* nothing follows */
	GAIN_RESIDUAL, /* the result is added to its input, which must stay the larger part */
};

struct conv_shape {
	int channels; /* of the output */
	int kernel, stride, padding, groups;
	int kernel_width, padding_width; /* the same as kernel and padding if the kernel is square */
};
static inline struct conv_shape square(int channels, int kernel, int stride, int padding, int groups)
{
	return (struct conv_shape){channels, kernel, stride, padding, groups, kernel, padding};
}

/* Layers take the module's name in PyTorch, "layer1.0.conv1"; nodes, values and weights are named after it. */
struct feature make_input(struct maker *maker, int channels, int default_size);
void make_output(struct maker *maker, struct feature x);
/* Without bias. */
struct feature conv_plain(struct maker *maker, const char *module, struct feature x, struct conv_shape shape,
                          enum gain gain);
/* With bias. */
struct feature conv(struct maker *maker, const char *module, struct feature x, struct conv_shape shape, enum gain gain);
/* Convolution without bias, then batch-norm: two nodes, or one. */
struct feature conv_batch_norm(struct maker *maker, const char *conv_module, const char *norm_module, struct feature x,
                               struct conv_shape shape, enum gain gain);
/* Batch-norm without a convolution before it: a separate node. */
struct feature batch_norm(struct maker *maker, const char *module, struct feature x);
struct feature relu(struct maker *maker, const char *module, struct feature x);
/* ReLU6 as Clip, with limits from Constant nodes. */
struct feature clip6(struct maker *maker, const char *module, struct feature x);
/* `module` is the one that contains the addition: "layer1.0". */
struct feature add(struct maker *maker, const char *module, struct feature a, struct feature b);
struct feature concat(struct maker *maker, const char *module, struct feature a, struct feature b);
struct feature max_pool(struct maker *maker, const char *module, struct feature x, int kernel, int stride, int padding,
                        bool ceil_mode);
struct feature average_pool(struct maker *maker, const char *module, struct feature x, int kernel, int stride,
                            int padding);
struct feature global_average_pool(struct maker *maker, const char *module, struct feature x);
struct feature flatten(struct maker *maker, struct feature x);
struct feature gemm(struct maker *maker, const char *module, struct feature x, int outputs, enum gain gain);

/* The parts that layers consist of. */
float weight_deviation(enum gain gain, int fan_in);
float *random_weights(const struct maker *maker, const char *name, int64_t count, float mean, float deviation);
/* An initializer; returns its name. */
const char *weight(struct maker *maker, const char *name, int rank, const int64_t *dims, const float *data);
const char *module_path(struct arena *arena, const char *module);

/* make_model_transformers.c */
void make_bert_base(struct maker *maker);
void make_minilm(struct maker *maker);
void make_distilbert(struct maker *maker);
void make_gpt2(struct maker *maker);
void make_vit_b16(struct maker *maker);
void make_whisper_encoder(struct maker *maker);
void make_lstm(struct maker *maker);
/* make_model_swin.c */
void make_swin_tiny(struct maker *maker);
/* make_model_branches.c */
void make_densenet121(struct maker *maker);
void make_densenet201(struct maker *maker);
void make_inceptionv3(struct maker *maker);
/* make_model_vision.c */
void make_efficientnet_b0(struct maker *maker);
void make_mobilenetv3(struct maker *maker);
void make_shufflenetv2(struct maker *maker);
void make_convnext_tiny(struct maker *maker);
/* make_model_detector.c */
void make_yolo(struct maker *maker);
/* make_model_single.c */
void make_gemm(struct maker *maker);
void make_cumsum(struct maker *maker);

struct network {
	const char *name;
	void (*make)(struct maker *maker);
};
extern const struct network networks[]; /* ends with a NULL name */

#endif
