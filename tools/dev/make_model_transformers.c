/* Networks for sequences in an exporter's form: layer-norm and GELU are in parts, heads are Reshape and Transpose,
 * masks are added or selected. */
#include <math.h>

#include "tools/dev/make_model_nodes.h"

#define LOWEST -3.4028235e38f

struct encoder {
	int layers, width, heads, inner; /* inner: width of the feed-forward part */
	int length;                      /* of the sequence */
	float epsilon;
};

static int sequence_length(const struct maker *maker, int normal)
{
	return maker->image_size ? maker->image_size : normal;
}

/* ---- parts ---- */

const char *linear(struct maker *maker, const char *module, const char *x, int inputs, int outputs, enum gain gain)
{
	const int64_t dims[] = {inputs, outputs};
	const char *w = MODULE("onnx::MatMul_%s.weight", module), *b = MODULE("%s.bias", module);
	random_weight(maker, w, 2, dims, 0, weight_deviation(gain, inputs));
	random_weight(maker, b, 1, dims + 1, 0, 0.05f);
	return emit(maker, module, "Add", b, emit(maker, module, "MatMul", x, w, NULL), NULL);
}

/* As in GPT-2: Gemm on rows, with a Reshape before and after it. */
static const char *linear_rows(struct maker *maker, const char *module, const char *x, int length, int inputs,
                               int outputs, enum gain gain)
{
	const int64_t dims[] = {inputs, outputs};
	const char *w = MODULE("%s.weight", module), *b = MODULE("%s.bias", module);
	random_weight(maker, w, 2, dims, 0, weight_deviation(gain, inputs));
	random_weight(maker, b, 1, dims + 1, 0, 0.05f);
	const char *rows = emit(maker, module, "Reshape", x, emit_list(maker, module, 2, -1, inputs), NULL);
	const char *y = emit(maker, module, "Gemm", rows, w, b);
	return emit(maker, module, "Reshape", y, emit_list(maker, module, 3, -1, length, outputs), NULL);
}

static const char *mean_of_rows(struct maker *maker, const char *module, const char *x)
{
	onnx_node *node = emit_node(maker, module, "ReduceMean", x, NULL);
	build_ints(maker->arena, node, "axes", (int64_t[]){-1}, 1);
	return node->output[0];
}

const char *layer_norm(struct maker *maker, const char *module, const char *x, int width, float epsilon)
{
	const int64_t dims[] = {width};
	const char *w = random_weight(maker, MODULE("%s.weight", module), 1, dims, 1, 0.1f);
	const char *b = random_weight(maker, MODULE("%s.bias", module), 1, dims, 0, 0.1f);
	const char *centred = emit(maker, module, "Sub", x, mean_of_rows(maker, module, x), NULL);
	const char *square = emit(maker, module, "Pow", centred, emit_float(maker, module, 2), NULL);
	const char *variance =
		emit(maker, module, "Add", mean_of_rows(maker, module, square), emit_float(maker, module, epsilon), NULL);
	const char *y = emit(maker, module, "Div", centred, emit(maker, module, "Sqrt", variance, NULL, NULL), NULL);
	return emit(maker, module, "Add", emit(maker, module, "Mul", y, w, NULL), b, NULL);
}

const char *gelu_erf(struct maker *maker, const char *module, const char *x)
{
	const char *y = emit(maker, module, "Div", x, emit_float(maker, module, 1.41421354f), NULL);
	y = emit(maker, module, "Add", emit(maker, module, "Erf", y, NULL, NULL), emit_float(maker, module, 1), NULL);
	return emit(maker, module, "Mul", emit(maker, module, "Mul", x, y, NULL), emit_float(maker, module, 0.5f), NULL);
}

static const char *gelu_tanh(struct maker *maker, const char *module, const char *x)
{
	const char *half = emit(maker, module, "Mul", x, emit_float(maker, module, 0.5f), NULL);
	const char *cube = emit(maker, module, "Pow", x, emit_float(maker, module, 3), NULL);
	const char *y = emit(maker, module, "Add", x,
	                     emit(maker, module, "Mul", cube, emit_float(maker, module, 0.044715f), NULL), NULL);
	y = emit(maker, module, "Tanh", emit(maker, module, "Mul", y, emit_float(maker, module, 0.7978846f), NULL), NULL,
	         NULL);
	return emit(maker, module, "Mul", half, emit(maker, module, "Add", y, emit_float(maker, module, 1), NULL), NULL);
}

static const char *split_heads(struct maker *maker, const char *module, const char *x, const struct encoder *e,
                               const int64_t *order)
{
	const char *shape = emit_list(maker, module, 4, 0, e->length, e->heads, e->width / e->heads);
	return emit_transpose(maker, module, emit(maker, module, "Reshape", x, shape, NULL), 4, order);
}

/* Keys are already transposed. `mask` is added unless it is NULL, and `allowed` selects. */
static const char *attend(struct maker *maker, const char *module, const struct encoder *e, const char *query,
                          const char *key, const char *value, const char *mask, const char *allowed)
{
	const char *scores = emit(maker, module, "MatMul", query, key, NULL);
	scores = emit(maker, module, "Div", scores, emit_float(maker, module, sqrtf((float)(e->width / e->heads))), NULL);
	if (mask)
		scores = emit(maker, module, "Add", scores, mask, NULL);
	if (allowed)
		scores = emit(maker, module, "Where", allowed, scores, emit_float(maker, module, LOWEST));
	const char *y = emit(maker, module, "MatMul", emit_axis(maker, module, "Softmax", scores, NULL, -1), value, NULL);
	y = emit_transpose(maker, module, y, 4, (int64_t[]){0, 2, 1, 3});
	return emit(maker, module, "Reshape", y, emit_list(maker, module, 3, 0, e->length, e->width), NULL);
}

static const char *attention(struct maker *maker, const char *module, const struct encoder *e, const char *x,
                             const char *mask)
{
	static const int64_t order[] = {0, 2, 1, 3}, transposed[] = {0, 2, 3, 1};
	const char *q = linear(maker, MODULE("%s.query", module), x, e->width, e->width, GAIN_LINEAR);
	const char *k = linear(maker, MODULE("%s.key", module), x, e->width, e->width, GAIN_LINEAR);
	const char *v = linear(maker, MODULE("%s.value", module), x, e->width, e->width, GAIN_LINEAR);
	q = split_heads(maker, module, q, e, order);
	k = split_heads(maker, module, k, e, transposed);
	v = split_heads(maker, module, v, e, order);
	return attend(maker, module, e, q, k, v, mask, NULL);
}

static const char *sum(struct maker *maker, const char *module, const char *a, const char *b)
{
	return emit(maker, module, "Add", a, b, NULL);
}

/* ---- BERT ---- */

static void integer_input(struct maker *maker, const char *name, int length)
{
	const int64_t dims[] = {maker->batch, length};
	build_input(maker->arena, maker->model->graph, build_info(maker->arena, name, ERC_I64, 2, dims, "batch"));
}

static const char *look_up(struct maker *maker, const char *module, const char *ids, int rows, int width)
{
	const char *table = random_weight(maker, MODULE("%s.weight", module), 2, (int64_t[]){rows, width}, 0, 0.5f);
	return emit(maker, module, "Gather", table, ids, NULL);
}

/* 0 where the mask is 1, the lowest float where it is 0. */
static const char *additive_mask(struct maker *maker)
{
	const char *mask = emit(maker, "", "Unsqueeze", "attention_mask", emit_list(maker, "", 1, 1), NULL);
	mask = emit(maker, "", "Unsqueeze", mask, emit_list(maker, "", 1, 2), NULL);
	onnx_node *cast = emit_node(maker, "", "Cast", mask, NULL);
	build_int(maker->arena, cast, "to", ERC_F32);
	mask = emit(maker, "", "Sub", emit_float(maker, "", 1), cast->output[0], NULL);
	return emit(maker, "", "Mul", mask, emit_float(maker, "", LOWEST), NULL);
}

static const char *bert_layer(struct maker *maker, const char *layer, const struct encoder *e, const char *x,
                              const char *mask)
{
	const char *y = attention(maker, MODULE("%s.attention.self", layer), e, x, mask);
	y = linear(maker, MODULE("%s.attention.output.dense", layer), y, e->width, e->width, GAIN_LINEAR);
	const char *module = MODULE("%s.attention.output", layer);
	x = layer_norm(maker, MODULE("%s.LayerNorm", module), sum(maker, module, y, x), e->width, e->epsilon);
	y = linear(maker, MODULE("%s.intermediate.dense", layer), x, e->width, e->inner, GAIN_LINEAR);
	y = gelu_erf(maker, MODULE("%s.intermediate.act", layer), y);
	y = linear(maker, MODULE("%s.output.dense", layer), y, e->inner, e->width, GAIN_RELU);
	module = MODULE("%s.output", layer);
	return layer_norm(maker, MODULE("%s.LayerNorm", module), sum(maker, module, y, x), e->width, e->epsilon);
}

static void make_bert(struct maker *maker, struct encoder e)
{
	e.length = sequence_length(maker, 128);
	integer_input(maker, "input_ids", e.length);
	integer_input(maker, "attention_mask", e.length);
	integer_input(maker, "token_type_ids", e.length);
	const char *mask = additive_mask(maker);
	const char *x = look_up(maker, "embeddings.word_embeddings", "input_ids", 30522, e.width);
	x = sum(maker, "embeddings", x, look_up(maker, "embeddings.token_type_embeddings", "token_type_ids", 2, e.width));
	const int64_t places[] = {1, e.length, e.width};
	x = sum(maker, "embeddings", x, random_weight(maker, "embeddings.position_embeddings", 3, places, 0, 0.5f));
	x = layer_norm(maker, "embeddings.LayerNorm", x, e.width, e.epsilon);
	for (int i = 0; i < e.layers; i++)
		x = bert_layer(maker, MODULE("encoder.layer.%d", i), &e, x, mask);
	const char *first = emit_axis(maker, "pooler", "Gather", x, emit_index(maker, "pooler", 0), 1);
	const char *w = random_weight(maker, "pooler.dense.weight", 2, (int64_t[]){e.width, e.width}, 0,
	                              weight_deviation(GAIN_LINEAR, e.width));
	const char *b = random_weight(maker, "pooler.dense.bias", 1, (int64_t[]){e.width}, 0, 0.05f);
	onnx_node *dense = emit_node(maker, "pooler.dense", "Gemm", MODULE("%s,%s,%s", first, w, b), NULL);
	build_int(maker->arena, dense, "transB", 1);
	output_value(maker, x, "last_hidden_state", 3, (int64_t[]){maker->batch, e.length, e.width});
	output_value(maker, emit(maker, "pooler.activation", "Tanh", dense->output[0], NULL, NULL), "pooler_output", 2,
	             (int64_t[]){maker->batch, e.width});
}

void make_bert_base(struct maker *maker)
{
	make_bert(maker, (struct encoder){.layers = 12, .width = 768, .heads = 12, .inner = 3072, .epsilon = 1e-12f});
}

void make_minilm(struct maker *maker)
{
	make_bert(maker, (struct encoder){.layers = 6, .width = 384, .heads = 12, .inner = 1536, .epsilon = 1e-12f});
}

/* ---- DistilBERT ---- */

/* x.view(batch, rest), where Shape gives the batch. */
static const char *view(struct maker *maker, const char *module, const char *x, const char *batch, const char *rest)
{
	const char *first = emit(maker, module, "Unsqueeze", batch, emit_list(maker, module, 1, 0), NULL);
	return emit(maker, module, "Reshape", x, emit_axis(maker, module, "Concat", first, rest, 0), NULL);
}

static const char *size_of(struct maker *maker, const char *module, const char *x, int axis)
{
	return emit_axis(maker, module, "Gather", emit(maker, module, "Shape", x, NULL, NULL),
	                 emit_index(maker, module, axis), 0);
}

static const char *distilbert_heads(struct maker *maker, const char *module, const char *name, const struct encoder *e,
                                    const char *x, const char *batch)
{
	const char *y = linear(maker, MODULE("%s.%s", module, name), x, e->width, e->width, GAIN_LINEAR);
	y = view(maker, module, y, batch, emit_list(maker, module, 3, -1, e->heads, e->width / e->heads));
	return emit_transpose(maker, module, y, 4, (int64_t[]){0, 2, 1, 3});
}

/* Scores where the mask is 0 become the lowest float. */
static const char *fill_masked(struct maker *maker, const char *module, const struct encoder *e, const char *scores,
                               const char *batch)
{
	const char *mask = emit(maker, module, "Equal", "attention_mask", emit_index(maker, module, 0), NULL);
	mask = view(maker, module, mask, batch, emit_list(maker, module, 3, 1, 1, e->length));
	mask = emit(maker, module, "Expand", mask, emit(maker, module, "Shape", scores, NULL, NULL), NULL);
	return emit(maker, module, "Where", mask, emit_float(maker, module, LOWEST), scores);
}

static const char *distilbert_attention(struct maker *maker, const char *module, const struct encoder *e, const char *x)
{
	const char *batch = size_of(maker, module, x, 0);
	const char *q = distilbert_heads(maker, module, "q_lin", e, x, batch);
	const char *k = distilbert_heads(maker, module, "k_lin", e, x, batch);
	const char *v = distilbert_heads(maker, module, "v_lin", e, x, batch);
	q = emit(maker, module, "Div", q, emit_float(maker, module, sqrtf((float)(e->width / e->heads))), NULL);
	k = emit_transpose(maker, module, k, 4, (int64_t[]){0, 1, 3, 2});
	const char *scores = fill_masked(maker, module, e, emit(maker, module, "MatMul", q, k, NULL), batch);
	const char *y = emit(maker, module, "MatMul", emit_axis(maker, module, "Softmax", scores, NULL, -1), v, NULL);
	y = emit_transpose(maker, module, y, 4, (int64_t[]){0, 2, 1, 3});
	y = view(maker, module, y, batch, emit_list(maker, module, 2, -1, e->width));
	return linear(maker, MODULE("%s.out_lin", module), y, e->width, e->width, GAIN_LINEAR);
}

/* Rows of the table for places 0, 1, ...: a buffer of numbers, cut to the input's length. */
static const char *distilbert_places(struct maker *maker, const struct encoder *e, int max)
{
	int64_t *data = arena_array(maker->arena, (size_t)max, sizeof *data);
	for (int i = 0; i < max; i++)
		data[i] = i;
	build_initializer(maker->arena, maker->model->graph,
	                  build_tensor(maker->arena, "embeddings.position_ids", ERC_I64, 2, (int64_t[]){1, max}, data,
	                               (size_t)max * sizeof *data));
	const char *module = "embeddings", *length = size_of(maker, module, "input_ids", 1);
	const char *start = emit_list(maker, module, 1, 0), *axis = emit_list(maker, module, 1, 1);
	length = emit(maker, module, "Unsqueeze", length, emit_list(maker, module, 1, 0), NULL);
	const char *ids =
		emit_node(maker, module, "Slice", MODULE("embeddings.position_ids,%s,%s,%s", start, length, axis), NULL)
			->output[0];
	return look_up(maker, "embeddings.position_embeddings", ids, max, e->width);
}

void make_distilbert(struct maker *maker)
{
	const int max = 512;
	int length = sequence_length(maker, 128);
	struct encoder e = {.layers = 6,
	                    .width = 768,
	                    .heads = 12,
	                    .inner = 3072,
	                    .epsilon = 1e-12f,
	                    .length = length < max ? length : max};
	integer_input(maker, "input_ids", e.length);
	integer_input(maker, "attention_mask", e.length);
	const char *x = look_up(maker, "embeddings.word_embeddings", "input_ids", 30522, e.width);
	x = sum(maker, "embeddings", x, distilbert_places(maker, &e, max));
	x = layer_norm(maker, "embeddings.LayerNorm", x, e.width, e.epsilon);
	for (int i = 0; i < e.layers; i++) {
		const char *layer = MODULE("transformer.layer.%d", i);
		x = sum(maker, layer, distilbert_attention(maker, MODULE("%s.attention", layer), &e, x), x);
		x = layer_norm(maker, MODULE("%s.sa_layer_norm", layer), x, e.width, e.epsilon);
		const char *y = linear(maker, MODULE("%s.ffn.lin1", layer), x, e.width, e.inner, GAIN_LINEAR);
		y = gelu_erf(maker, MODULE("%s.ffn.activation", layer), y);
		y = linear(maker, MODULE("%s.ffn.lin2", layer), y, e.inner, e.width, GAIN_RELU);
		x = layer_norm(maker, MODULE("%s.output_layer_norm", layer), sum(maker, layer, y, x), e.width, e.epsilon);
	}
	output_value(maker, x, "last_hidden_state", 3, (int64_t[]){maker->batch, e.length, e.width});
}

/* ---- GPT-2 ---- */

static const char *causal_mask(struct maker *maker, int length)
{
	uint8_t *data = arena_array(maker->arena, (size_t)length * (size_t)length, 1);
	for (int row = 0; row < length; row++)
		memset(data + row * length, 1, (size_t)row + 1);
	build_initializer(maker->arena, maker->model->graph,
	                  build_tensor(maker->arena, "attn.bias", ERC_BOOL, 4, (int64_t[]){1, 1, length, length}, data,
	                               (size_t)length * (size_t)length));
	return "attn.bias";
}

static const char *gpt2_attention(struct maker *maker, const char *module, const struct encoder *e, const char *x,
                                  const char *allowed)
{
	static const int64_t order[] = {0, 2, 1, 3}, transposed[] = {0, 2, 3, 1};
	x = linear_rows(maker, MODULE("%s.c_attn", module), x, e->length, e->width, 3 * e->width, GAIN_LINEAR);
	const char *sizes = emit_list(maker, module, 3, e->width, e->width, e->width);
	const char *parts = MODULE("%s.query,%s.key,%s.value", module, module, module);
	onnx_node *split = emit_node(maker, module, "Split", MODULE("%s,%s", x, sizes), parts);
	build_int(maker->arena, split, "axis", 2);
	const char *q = split_heads(maker, module, split->output[0], e, order);
	const char *k = split_heads(maker, module, split->output[1], e, transposed);
	const char *v = split_heads(maker, module, split->output[2], e, order);
	const char *y = attend(maker, module, e, q, k, v, NULL, allowed);
	return linear_rows(maker, MODULE("%s.c_proj", module), y, e->length, e->width, e->width, GAIN_RESIDUAL);
}

void make_gpt2(struct maker *maker)
{
	struct encoder e = {.layers = 12,
	                    .width = 768,
	                    .heads = 12,
	                    .inner = 3072,
	                    .length = sequence_length(maker, 128),
	                    .epsilon = 1e-5f};
	const int vocabulary = 50257;
	integer_input(maker, "input_ids", e.length);
	const char *allowed = causal_mask(maker, e.length);
	const char *x = look_up(maker, "transformer.wte", "input_ids", vocabulary, e.width);
	x = sum(maker, "transformer", x,
	        random_weight(maker, "transformer.wpe", 3, (int64_t[]){1, e.length, e.width}, 0, 0.5f));
	for (int i = 0; i < e.layers; i++) {
		const char *layer = MODULE("transformer.h.%d", i);
		const char *y = layer_norm(maker, MODULE("%s.ln_1", layer), x, e.width, e.epsilon);
		x = sum(maker, layer, gpt2_attention(maker, MODULE("%s.attn", layer), &e, y, allowed), x);
		y = layer_norm(maker, MODULE("%s.ln_2", layer), x, e.width, e.epsilon);
		y = linear_rows(maker, MODULE("%s.mlp.c_fc", layer), y, e.length, e.width, e.inner, GAIN_LINEAR);
		y = gelu_tanh(maker, MODULE("%s.mlp.act", layer), y);
		y = linear_rows(maker, MODULE("%s.mlp.c_proj", layer), y, e.length, e.inner, e.width, GAIN_RESIDUAL);
		x = sum(maker, layer, x, y);
	}
	x = layer_norm(maker, "transformer.ln_f", x, e.width, e.epsilon);
	const char *head = random_weight(maker, "onnx::MatMul_lm_head", 2, (int64_t[]){e.width, vocabulary}, 0,
	                                 weight_deviation(GAIN_LINEAR, e.width));
	output_value(maker, emit(maker, "lm_head", "MatMul", x, head, NULL), "logits", 3,
	             (int64_t[]){maker->batch, e.length, vocabulary});
}

/* ---- ViT-B/16 ---- */

/* Queries, keys and values from one product, split by Transpose and Gather. */
static const char *packed_attention(struct maker *maker, const char *module, const struct encoder *e, const char *x)
{
	const char *parts[3];
	x = linear(maker, MODULE("%s.qkv", module), x, e->width, 3 * e->width, GAIN_LINEAR);
	const char *shape = emit_list(maker, module, 5, -1, e->length, 3, e->heads, e->width / e->heads);
	x = emit_transpose(maker, module, emit(maker, module, "Reshape", x, shape, NULL), 5, (int64_t[]){2, 0, 3, 1, 4});
	for (int i = 0; i < 3; i++)
		parts[i] = emit_axis(maker, module, "Gather", x, emit_index(maker, module, i), 0);
	parts[1] = emit_transpose(maker, module, parts[1], 4, (int64_t[]){0, 1, 3, 2});
	const char *y = attend(maker, module, e, parts[0], parts[1], parts[2], NULL, NULL);
	return linear(maker, MODULE("%s.proj", module), y, e->width, e->width, GAIN_RESIDUAL);
}

/* Layer-norm comes first. */
static const char *vit_block(struct maker *maker, const char *block, const struct encoder *e, const char *x)
{
	const char *y = layer_norm(maker, MODULE("%s.norm1", block), x, e->width, e->epsilon);
	x = sum(maker, block, x, packed_attention(maker, MODULE("%s.attn", block), e, y));
	y = layer_norm(maker, MODULE("%s.norm2", block), x, e->width, e->epsilon);
	y = linear(maker, MODULE("%s.mlp.fc1", block), y, e->width, e->inner, GAIN_LINEAR);
	y = gelu_erf(maker, MODULE("%s.mlp.act", block), y);
	return sum(maker, block, x, linear(maker, MODULE("%s.mlp.fc2", block), y, e->inner, e->width, GAIN_RESIDUAL));
}

void make_vit_b16(struct maker *maker)
{
	struct encoder e = {.layers = 12, .width = 768, .heads = 12, .inner = 3072, .epsilon = 1e-6f};
	struct feature image = make_input(maker, 3, 224);
	image = conv(maker, "patch_embed.proj", image, square(e.width, 16, 16, 0, 1), GAIN_LINEAR);
	int patches = image.height * image.width;
	e.length = patches + 1;
	const char *x = emit(maker, "patch_embed", "Reshape", image.name,
	                     emit_list(maker, "patch_embed", 3, 0, e.width, patches), NULL);
	x = emit_transpose(maker, "patch_embed", x, 3, (int64_t[]){0, 2, 1});
	const char *first = random_weight(maker, "cls_token", 3, (int64_t[]){1, 1, e.width}, 0, 0.5f);
	first = emit(maker, "", "Expand", first,
	             emit_list(maker, "", 3, maker->batch < 0 ? 1 : (int)maker->batch, 1, e.width), NULL);
	x = emit_axis(maker, "", "Concat", first, x, 1);
	x = sum(maker, "", x, random_weight(maker, "pos_embed", 3, (int64_t[]){1, e.length, e.width}, 0, 0.5f));
	for (int i = 0; i < e.layers; i++)
		x = vit_block(maker, MODULE("blocks.%d", i), &e, x);
	x = layer_norm(maker, "norm", x, e.width, e.epsilon);
	x = emit_axis(maker, "", "Gather", x, emit_index(maker, "", 0), 1);
	make_output(maker, gemm(maker, "head", (struct feature){x, e.width, 1, 1}, maker->classes, GAIN_LINEAR));
}

/* ---- Whisper's encoder, tiny ---- */

static const char *conv_line(struct maker *maker, const char *module, const char *x, int inputs, int outputs,
                             int stride)
{
	const char *w = random_weight(maker, MODULE("%s.weight", module), 3, (int64_t[]){outputs, inputs, 3}, 0,
	                              weight_deviation(GAIN_RELU, 3 * inputs));
	const char *b = random_weight(maker, MODULE("%s.bias", module), 1, (int64_t[]){outputs}, 0, 0.05f);
	onnx_node *node = emit_node(maker, module, "Conv", MODULE("%s,%s,%s", x, w, b), NULL);
	build_ints(maker->arena, node, "kernel_shape", (int64_t[]){3}, 1);
	build_ints(maker->arena, node, "pads", (int64_t[]){1, 1}, 2);
	build_ints(maker->arena, node, "strides", (int64_t[]){stride}, 1);
	return gelu_erf(maker, module, node->output[0]);
}

void make_whisper_encoder(struct maker *maker)
{
	int frames = sequence_length(maker, 3000) / 2 * 2;
	struct encoder e = {.layers = 4, .width = 384, .heads = 6, .inner = 1536, .length = frames / 2, .epsilon = 1e-5f};
	build_input(maker->arena, maker->model->graph,
	            build_info(maker->arena, "input_features", ERC_F32, 3, (int64_t[]){maker->batch, 80, frames}, "batch"));
	const char *x = conv_line(maker, "encoder.conv1", "input_features", 80, e.width, 1);
	x = conv_line(maker, "encoder.conv2", x, e.width, e.width, 2);
	x = emit_transpose(maker, "encoder", x, 3, (int64_t[]){0, 2, 1});
	x = sum(maker, "encoder", x,
	        random_weight(maker, "encoder.embed_positions.weight", 2, (int64_t[]){e.length, e.width}, 0, 0.5f));
	for (int i = 0; i < e.layers; i++) {
		const char *layer = MODULE("encoder.layers.%d", i);
		const char *y = layer_norm(maker, MODULE("%s.self_attn_layer_norm", layer), x, e.width, e.epsilon);
		y = attention(maker, MODULE("%s.self_attn", layer), &e, y, NULL);
		x = sum(maker, layer, x,
		        linear(maker, MODULE("%s.self_attn.out_proj", layer), y, e.width, e.width, GAIN_RESIDUAL));
		y = layer_norm(maker, MODULE("%s.final_layer_norm", layer), x, e.width, e.epsilon);
		y = gelu_erf(maker, layer, linear(maker, MODULE("%s.fc1", layer), y, e.width, e.inner, GAIN_LINEAR));
		x = sum(maker, layer, x, linear(maker, MODULE("%s.fc2", layer), y, e.inner, e.width, GAIN_RESIDUAL));
	}
	x = layer_norm(maker, "encoder.layer_norm", x, e.width, e.epsilon);
	output_value(maker, x, "last_hidden_state", 3, (int64_t[]){maker->batch, e.length, e.width});
}

/* ---- two bidirectional LSTM layers ---- */

static const char *lstm_layer(struct maker *maker, int index, const char *x, int inputs, int hidden, int length)
{
	const char *module = MODULE("lstm.%d", index);
	const char *w =
		random_weight(maker, MODULE("onnx::LSTM_%d.w", index), 3, (int64_t[]){2, 4 * hidden, inputs}, 0, 0.1f);
	const char *r =
		random_weight(maker, MODULE("onnx::LSTM_%d.r", index), 3, (int64_t[]){2, 4 * hidden, hidden}, 0, 0.1f);
	const char *b = random_weight(maker, MODULE("onnx::LSTM_%d.b", index), 2, (int64_t[]){2, 8 * hidden}, 0, 0.1f);
	onnx_node *node = emit_node(maker, module, "LSTM", MODULE("%s,%s,%s,%s", x, w, r, b), NULL);
	build_string(maker->arena, node, "direction", "bidirectional");
	build_int(maker->arena, node, "hidden_size", hidden);
	const char *y = emit_transpose(maker, module, node->output[0], 4, (int64_t[]){0, 2, 1, 3});
	return emit(maker, module, "Reshape", y, emit_list(maker, module, 3, length, -1, 2 * hidden), NULL);
}

void make_lstm(struct maker *maker)
{
	int length = sequence_length(maker, 50), features = 40, hidden = 128;
	build_input(maker->arena, maker->model->graph,
	            build_info(maker->arena, "input", ERC_F32, 3, (int64_t[]){maker->batch, length, features}, "batch"));
	const char *x = emit_transpose(maker, "", "input", 3, (int64_t[]){1, 0, 2});
	x = lstm_layer(maker, 0, x, features, hidden, length);
	x = lstm_layer(maker, 1, x, 2 * hidden, hidden, length);
	x = emit_transpose(maker, "", x, 3, (int64_t[]){1, 0, 2});
	x = linear(maker, "fc", x, 2 * hidden, 64, GAIN_LINEAR);
	output_value(maker, emit_axis(maker, "", "LogSoftmax", x, NULL, -1), "output", 3,
	             (int64_t[]){maker->batch, length, 64});
}
