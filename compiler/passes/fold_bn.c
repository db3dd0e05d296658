/* Batch normalisation with constant statistics: folded into the convolution before it, else
 * rewritten as a per-channel multiplication and addition. */
#include "compiler/passes/pass.h"

#include <math.h>

static const float *floats_of(struct graph *graph, const struct value *value)
{
	return tensor_expand(&graph->ctx->arena, value->constant)->data;
}

static bool is_foldable(const struct node *node)
{
	if (strcmp(node->op_type, "BatchNormalization") || node->inputs[0]->dtype != ERC_F32)
		return false;
	for (int i = 1; i < 5; i++)
		if (!node->inputs[i]->constant || node->inputs[i]->dtype != ERC_F32)
			return false;
	return true;
}

/* y = x * a + b per channel */
static void scale_and_shift(struct node *node, float *a, float *b)
{
	const float *parts[4];
	for (int i = 0; i < 4; i++)
		parts[i] = floats_of(node->graph, node->inputs[i + 1]);
	for (int64_t c = 0; c < node->inputs[1]->shape.dims[0]; c++) {
		double scale = parts[0][c] / sqrt((double)parts[3][c] + node_attr_float(node, "epsilon", 1e-5f));
		a[c] = (float)scale;
		b[c] = (float)(parts[1][c] - parts[2][c] * scale);
	}
}

static bool fold_into_conv(struct graph *graph, struct node *node, const float *a, const float *b)
{
	struct node *conv = node->inputs[0]->producer;
	if (!conv || strcmp(conv->op_type, "Conv") || graph_single_user(graph, node->inputs[0]) != node ||
	    !conv->inputs[1]->constant || (node_input(conv, 2) && !conv->inputs[2]->constant))
		return false;
	struct arena *arena = &graph->ctx->arena;
	const struct shape *shape = &conv->inputs[1]->shape;
	int64_t channels = shape->dims[0], each = channels ? shape_elements(shape) / channels : 0;
	const float *weights = floats_of(graph, conv->inputs[1]);
	const float *bias = node_input(conv, 2) ? floats_of(graph, conv->inputs[2]) : NULL;
	float *scaled = arena_array(arena, (size_t)(channels * each), sizeof(float));
	float *shifted = arena_array(arena, (size_t)channels, sizeof(float));
	for (int64_t c = 0; c < channels; c++) {
		for (int64_t i = 0; i < each; i++)
			scaled[c * each + i] = weights[c * each + i] * a[c];
		shifted[c] = (bias ? bias[c] : 0) * a[c] + b[c];
	}
	struct shape list = shape_of(1, &channels);
	struct value *w = graph_constant(graph, graph_unique_name(graph, conv->inputs[1]->name),
	                                 tensor_new(arena, ERC_F32, shape, scaled));
	struct value *s = graph_constant(graph, graph_unique_name(graph, node->inputs[2]->name),
	                                 tensor_new(arena, ERC_F32, &list, shifted));
	struct value **inputs = arena_array(arena, 3, sizeof *inputs);
	inputs[0] = conv->inputs[0];
	inputs[1] = w;
	inputs[2] = s;
	conv->inputs = inputs;
	conv->input_count = 3;
	graph_replace_uses(graph, node->outputs[0], conv->outputs[0]);
	return true;
}

static void add_binary(struct graph *graph, struct node *before, const char *op_type, struct value *x,
                       const float *data, struct value *out)
{
	struct shape shape = {.rank = x->shape.rank - 1};
	for (int i = 1; i < shape.rank; i++)
		shape.dims[i] = 1;
	shape.dims[0] = x->shape.dims[1];
	struct value *constant = graph_constant(graph, graph_unique_name(graph, before->name),
	                                        tensor_new(&graph->ctx->arena, ERC_F32, &shape, data));
	struct value *inputs[] = {x, constant};
	struct node *node =
		graph_add_node(graph, before, op_type, graph_unique_name(graph, before->name), inputs, 2, &out, 1);
	node->domain = "";
	node->opset = before->opset;
	node->op = op_find("", op_type, before->opset);
	out->dtype = ERC_F32;
	out->shape = x->shape;
}

enum ercc_status pass_fold_bn(struct graph *graph)
{
	struct node *next;
	for (struct node *node = graph->first; node; node = next) {
		next = node->next;
		if (!is_foldable(node))
			continue;
		size_t channels = (size_t)node->inputs[1]->shape.dims[0];
		float *a = arena_array(&graph->ctx->arena, channels, sizeof(float));
		float *b = arena_array(&graph->ctx->arena, channels, sizeof(float));
		scale_and_shift(node, a, b);
		if (!fold_into_conv(graph, node, a, b)) {
			struct value *scaled = graph_value(graph, graph_unique_name(graph, node->name));
			struct value *shifted = graph_value(graph, graph_unique_name(graph, node->name));
			add_binary(graph, node, "Mul", node->inputs[0], a, scaled);
			add_binary(graph, node, "Add", scaled, b, shifted);
			graph_replace_uses(graph, node->outputs[0], shifted);
		}
		graph_remove_node(node);
	}
	return ERCC_OK;
}
