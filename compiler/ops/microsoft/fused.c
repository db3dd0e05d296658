/* Operators of the domain com.microsoft that ONNX Runtime's optimiser and exporters write in the place of several others:
 * activations with a bias, convolutions and products with an activation. */
#include "compiler/ops/microsoft/microsoft.h"

#include <math.h>

/* ---- activations ---- */

static enum ercc_status expand_gelu(struct node *node)
{
	expand_to(node, 0, EMIT(node, "Gelu(a)", node->inputs[0]));
	return ERCC_OK;
}

static enum ercc_status check_bias(const struct node *node)
{
	const struct shape *x = &node->inputs[0]->shape, *bias = &node->inputs[1]->shape;
	if (bias->rank != 1 || !x->rank || bias->dims[0] != x->dims[x->rank - 1])
		return node_fail(node, ERCC_MODEL, "the bias %s is not one number for each in the last dim of %s",
		                 shape_words(node, bias), shape_words(node, x));
	return check_same_dtype(node, 1);
}

static enum ercc_status expand_bias_gelu(struct node *node)
{
	bool is_fast = node->op_type[0] == 'F';
	struct value *x = node->inputs[0], *bias = node_input(node, 1);
	if (bias) {
		TRY(check_bias(node));
		x = EMIT(node, "Add(a, b)", x, bias);
	}
	expand_to(node, 0, EMIT(node, is_fast ? "Gelu[approximate=tanh](a)" : "Gelu(a)", x));
	return ERCC_OK;
}

static enum ercc_status expand_quick_gelu(struct node *node)
{
	struct value *x = node->inputs[0];
	struct value *alpha = constant_number(node, x->dtype, node_attr_float(node, "alpha", 1.702f));
	expand_to(node, 0, EMIT(node, "Mul(a, Sigmoid(Mul(a, b)))", x, alpha));
	return ERCC_OK;
}

/* Text over `a`; numbers are the activation's parameters, in this order. */
static const struct {
	const char *name, *text;
	int count;
	double otherwise[2];
} activations[] = {
	{"Relu", "Relu(a)", 0, {0}},
	{"Tanh", "Tanh(a)", 0, {0}},
	{"Sigmoid", "Sigmoid(a)", 0, {0}},
	{"Softplus", "Softplus(a)", 0, {0}},
	{"Softsign", "Softsign(a)", 0, {0}},
	{"LeakyRelu", "LeakyRelu[alpha=%.9e](a)", 1, {0.01}},
	{"Elu", "Elu[alpha=%.9e](a)", 1, {1}},
	{"ThresholdedRelu", "ThresholdedRelu[alpha=%.9e](a)", 1, {1}},
	{"HardSigmoid", "HardSigmoid[alpha=%.9e, beta=%.9e](a)", 2, {0.2, 0.5}},
	{"Clip", "Clip(a, b, c)", 2, {-INFINITY, INFINITY}},
};

/* Applies the activation that the node names. given: its parameters, those that it gives, `count` of them. */
static enum ercc_status activate(struct node *node, const float *given, int64_t count, struct value **y)
{
	const char *name = node_attr_text(node, "activation", "");
	if (!*name)
		return ERCC_OK;
	for (size_t i = 0; i < COUNT_OF(activations); i++) {
		if (strcmp(activations[i].name, name))
			continue;
		double a = count > 0 ? *given : activations[i].otherwise[0];
		double b = count > 1 ? *(given + 1) : activations[i].otherwise[1];
		if (count > activations[i].count)
			return node_fail(node, ERCC_MODEL, "%lld parameters for activation %s, which has %d", (long long)count,
			                 name, activations[i].count);
		*y = EMIT(node, TEXT(node, activations[i].text, a, b), *y, constant_number(node, node->inputs[0]->dtype, a),
		          constant_number(node, node->inputs[0]->dtype, b));
		return ERCC_OK;
	}
	return node_fail(node, ERCC_UNSUPPORTED, "activation '%s' is not supported", name);
}

/* ---- FusedConv, NhwcMaxPool ---- */

#define WINDOW_ATTRS "auto_pad dilations kernel_shape pads strides"

static enum ercc_status expand_fused_conv(struct node *node)
{
	const struct attr *params = node_attr(node, "activation_params");
	struct value *y = emit_like(node, "Conv", WINDOW_ATTRS " group", node->inputs, node->input_count < 3 ? 2 : 3);
	if (node_input(node, 3))
		y = EMIT(node, "Add(a, b)", y, node->inputs[3]);
	TRY(activate(node, params ? params->floats : NULL, params ? params->count : 0, &y));
	expand_to(node, 0, y);
	return ERCC_OK;
}

static enum ercc_status expand_nhwc_max_pool(struct node *node)
{
	int rank = node->inputs[0]->shape.rank;
	struct text there = {.arena = &node->graph->ctx->arena}, back = there;
	if (rank < 3)
		return node_fail(node, ERCC_MODEL, "needs rank 3 or more, found %d", rank);
	text_printf(&there, "Transpose[perm=0:%d", rank - 1);
	text_printf(&back, "Transpose[perm=0");
	for (int d = 1; d < rank - 1; d++) {
		text_printf(&there, ":%d", d);
		text_printf(&back, ":%d", d + 1);
	}
	struct value *x = EMIT(node, TEXT(node, "%s](a)", there.data), node->inputs[0]);
	struct value *y = emit_like(node, "MaxPool", WINDOW_ATTRS " ceil_mode", &x, 1);
	expand_to(node, 0, EMIT(node, TEXT(node, "%s:1](a)", back.data), y));
	return ERCC_OK;
}

/* ---- products ---- */

static enum ercc_status expand_fused_gemm(struct node *node)
{
	static const char *const names[] = {"activation_alpha", "activation_beta"};
	float params[COUNT_OF(names)];
	int64_t count = 0;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (node_attr(node, names[i]))
			params[count++] = node_attr_float(node, names[i], 0);
	struct value *y = emit_like(node, "Gemm", "alpha beta transA transB", node->inputs, node->input_count);
	TRY(activate(node, params, count, &y));
	expand_to(node, 0, y);
	return ERCC_OK;
}

/* The matrices of an input, as MatMul takes them. trans_batch: dim 0 is the rows, and the batch comes after it. */
static struct value *matrices(struct node *node, int slot, const char *trans, const char *trans_batch)
{
	struct value *x = node->inputs[slot];
	int rank = x->shape.rank;
	bool swaps = node_attr_int(node, trans, 0) != 0, moves = node_attr_int(node, trans_batch, 0) != 0 && rank > 2;
	int64_t order[MAX_RANK];
	if (rank < 2 || (!swaps && !moves))
		return x;
	for (int d = 0; d < rank; d++)
		order[d] = moves && d < rank - 1 ? (d + 1) % (rank - 1) : d;
	if (swaps) {
		int64_t last = order[rank - 1];
		order[rank - 1] = order[rank - 2];
		order[rank - 2] = last;
	}
	struct text perm = {.arena = &node->graph->ctx->arena};
	for (int d = 0; d < rank; d++)
		text_printf(&perm, ":%lld", (long long)order[d]);
	return EMIT(node, TEXT(node, "Transpose[perm=%s](a)", perm.data + 1), x);
}

static enum ercc_status expand_fused_matmul(struct node *node)
{
	float alpha = node_attr_float(node, "alpha", 1);
	struct value *a = matrices(node, 0, "transA", "transBatchA"), *b = matrices(node, 1, "transB", "transBatchB");
	struct value *y = EMIT(node, "MatMul(a, b)", a, b);
	if (alpha != 1)
		y = EMIT(node, "Mul(a, b)", y, constant_number(node, node->inputs[0]->dtype, alpha));
	expand_to(node, 0, y);
	return ERCC_OK;
}

const struct op ops_fused[] = {
	{"Gelu", 1, 1, 1, 1, TYPES_FLOAT, .expand = expand_gelu, .domain = MICROSOFT, .sizes = true},
	{"BiasGelu", 1, 2, 2, 1, TYPES_FLOAT, .expand = expand_bias_gelu, .domain = MICROSOFT, .sizes = true},
	{"FastGelu", 1, 1, 2, 1, TYPES_FLOAT, .expand = expand_bias_gelu, .domain = MICROSOFT, .sizes = true},
	{"QuickGelu", 1, 1, 1, 1, TYPES_FLOAT, .expand = expand_quick_gelu, .domain = MICROSOFT, .sizes = true,
     .attrs = "alpha=float"},
	{"FusedConv", 1, 2, 4, 1, TYPES_FLOAT, .expand = expand_fused_conv, .domain = MICROSOFT,
     .attrs = "activation=text activation_params=floats auto_pad=text:NOTSET|SAME_UPPER|SAME_LOWER|VALID "
              "dilations=ints group=int kernel_shape=ints "
              "pads=ints strides=ints"},
	{"NhwcMaxPool", 1, 1, 1, 1, TYPE(I8) | TYPE(U8), .expand = expand_nhwc_max_pool, .domain = MICROSOFT,
     .attrs = "auto_pad=text:NOTSET|SAME_UPPER|SAME_LOWER|VALID ceil_mode=int dilations=ints kernel_shape=ints "
              "pads=ints strides=ints"},
	{"FusedGemm", 1, 2, 3, 1, TYPES_FLOAT, .expand = expand_fused_gemm, .domain = MICROSOFT,
     .attrs = "activation=text activation_alpha=float activation_beta=float alpha=float beta=float "
              "transA=int transB=int"},
	{"FusedMatMul", 1, 2, 2, 1, TYPES_FLOAT, .expand = expand_fused_matmul, .domain = MICROSOFT,
     .attrs = "alpha=float transA=int transB=int transBatchA=int transBatchB=int"},
	{"TransposeMatMul", 1, 2, 2, 1, TYPES_FLOAT, .expand = expand_fused_matmul, .domain = MICROSOFT,
     .attrs = "alpha=float transA=int transB=int"},
	{0},
};
