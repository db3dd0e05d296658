/* Removes nodes that do nothing and nodes that nobody asks for. */
#include "pass.h"

/* A node whose first output is its first input, untouched. */
static bool is_identity(const struct node *node)
{
	if (!strcmp(node->op_type, "Identity"))
		return true;
	if (!strcmp(node->op_type, "Dropout"))
		return !node_output(node, 1) || graph_count_uses(node->graph, node->outputs[1]) == 0;
	bool view = !strcmp(node->op_type, "Reshape") || !strcmp(node->op_type, "Flatten") || !strcmp(node->op_type, "Squeeze") ||
	            !strcmp(node->op_type, "Expand") || !strcmp(node->op_type, "Cast") || !strcmp(node->op_type, "Tile");
	return view && node->inputs[0]->dtype == node->outputs[0]->dtype && shape_equal(&node->inputs[0]->shape, &node->outputs[0]->shape);
}

static bool is_dead(const struct node *node)
{
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i] && graph_count_uses(node->graph, node->outputs[i]))
			return false;
	return true;
}

enum ercc_status pass_simplify(struct graph *graph)
{
	struct node *other;
	for (struct node *node = graph->first; node; node = other) {
		other = node->next;
		if (node->outputs[0] && is_identity(node)) {
			graph_replace_uses(graph, node->outputs[0], node->inputs[0]);
			graph_remove_node(node);
		}
	}
	for (struct node *node = graph->last; node; node = other) {
		other = node->previous;
		if (is_dead(node))
			graph_remove_node(node);
	}
	return ERCC_OK;
}
