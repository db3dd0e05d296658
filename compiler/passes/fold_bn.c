/* Folds a constant factor and addend per channel (a batch normalisation) into the weights of the node before it. Where
 * that node cannot take them, they become a multiplication and an addition. */
#include "compiler/passes/pass.h"

#include "compiler/lower/inserted.h"

static const float *floats_of(struct graph *graph, const struct value *value)
{
	return tensor_expand(&graph->ctx->arena, value->constant)->data;
}

static bool fold_into_weights(struct graph *graph, struct node *node, const struct channel_affine *affine)
{
	struct node *before = node->inputs[0]->producer;
	if (!before || !before->op->takes_channel_affine || value_single_user(node->inputs[0]) != node ||
	    !before->inputs[1]->constant || (node_input(before, 2) && !before->inputs[2]->constant))
		return false;
	struct arena *arena = &graph->ctx->arena;
	const struct shape *shape = &before->inputs[1]->shape;
	int64_t channels = shape->dims[0], each = channels ? shape_elements(shape) / channels : 0;
	const float *weights = floats_of(graph, before->inputs[1]);
	const float *bias = node_input(before, 2) ? floats_of(graph, before->inputs[2]) : NULL;
	float *scaled = arena_elements(arena, (size_t)(channels * each), sizeof(float));
	float *shifted = arena_array(arena, (size_t)channels, sizeof(float));
	for (int64_t c = 0; c < channels; c++) {
		for (int64_t i = 0; i < each; i++)
			scaled[c * each + i] = weights[c * each + i] * affine->factors[c];
		shifted[c] = (bias ? bias[c] : 0) * affine->factors[c] + affine->addends[c];
	}
	struct shape list = shape_of(1, &channels);
	struct value *w = graph_constant(graph, graph_unique_name(graph, before->inputs[1]->name),
	                                 tensor_new(arena, ERC_F32, shape, scaled));
	struct value *s = graph_constant(graph, graph_unique_name(graph, node->inputs[2]->name),
	                                 tensor_new(arena, ERC_F32, &list, shifted));
	node_set_input(before, 1, w);
	node_set_input(before, 2, s);
	graph_replace_uses(graph, node->outputs[0], before->outputs[0]);
	return true;
}

enum ercc_status pass_fold_bn(struct graph *graph)
{
	struct node *next;
	for (struct node *node = graph->first; node; node = next) {
		struct channel_affine affine;
		next = node->next;
		if (!node->op->channel_affine || !node->op->channel_affine(node, &affine))
			continue;
		if (!fold_into_weights(graph, node, &affine))
			graph_replace_uses(graph, node->outputs[0], insert_affine(node, node->inputs[0], &affine));
		graph_remove_node(node);
	}
	return ERCC_OK;
}
