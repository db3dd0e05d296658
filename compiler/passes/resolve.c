/* Gives every node its operator row, and reports all nodes that have none, at once. */
#include "pass.h"

static void resolve_node(struct node *node)
{
	bool older;
	node->op = op_find(node->domain, node->op_type, node->opset, &older);
	if (!node->op && older)
		node_fail(node, ERCC_UNSUPPORTED, "supported from a later opset on only");
	else if (!node->op)
		node_fail(node, ERCC_UNSUPPORTED, "operator not supported");
	if (!node->op)
		return;
	int inputs = node->input_count;
	while (inputs > 0 && !node->inputs[inputs - 1])
		inputs--;
	node->input_count = inputs;
	int hole = -1;
	int needed = node->op->input_max == VARIADIC ? inputs : node->op->input_min;
	for (int i = 0; i < needed && i < inputs; i++)
		if (!node->inputs[i] && hole < 0)
			hole = i;
	if (hole >= 0)
		node_fail(node, ERCC_MODEL, "input %d is left out, but needed", hole);
	else if (inputs < node->op->input_min)
		node_fail(node, ERCC_MODEL, "%d inputs given, at least %d needed", inputs, node->op->input_min);
	else if (node->op->input_max != VARIADIC && inputs > node->op->input_max)
		node_fail(node, ERCC_MODEL, "%d inputs given, at most %d make sense", inputs, node->op->input_max);
	else if (node->output_count < 1 || (node->op->output_max != VARIADIC && node->output_count > node->op->output_max))
		node_fail(node, ERCC_UNSUPPORTED, "%d outputs; %d supported", node->output_count, node->op->output_max);
}

enum ercc_status pass_resolve(struct graph *graph)
{
	uint32_t before = graph->ctx->error_count;
	for (struct node *node = graph->first; node; node = node->next)
		resolve_node(node);
	return graph->ctx->error_count == before ? ERCC_OK : ERCC_UNSUPPORTED;
}
