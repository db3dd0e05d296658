/* Shapes and types of every value, in execution order, and with them the values of what is
 * already known: nodes whose inputs are all constants are evaluated and removed on the way. */
#include "pass.h"

/* Folding must not blow up the model: results beyond this are left to run time, unless they come from constants alone. */
#define FOLD_LIMIT ((int64_t)1 << 28)

static enum ercc_status infer_node(struct node *node)
{
	for (int i = 0; i < node->input_count; i++) {
		struct value *in = node->inputs[i];
		if (in && in->constant) {
			in->dtype = in->constant->dtype;
			in->shape = in->constant->shape;
		}
	}
	const struct value *first = node_input(node, 0);
	if (first && !(node->op->types >> first->dtype & 1))
		return node_fail(node, ERCC_UNSUPPORTED, "input '%s' is %s%s; %s is not supported here", first->name,
		                 dtype_name(first->dtype), shape_text(&node->graph->ctx->arena, &first->shape), dtype_name(first->dtype));
	return node->op->infer(node);
}

static bool all_constant(const struct node *node)
{
	int64_t elements = 0;
	for (int i = 0; i < node->input_count; i++)
		if (node->inputs[i] && !node->inputs[i]->constant)
			return false;
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i])
			elements += shape_elements(&node->outputs[i]->shape);
	return node->input_count > 0 && elements < FOLD_LIMIT;
}

static bool outputs_known(const struct node *node)
{
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i] && !node->outputs[i]->constant)
			return false;
	return true;
}

enum ercc_status pass_infer(struct graph *graph)
{
	struct node *next;
	for (struct node *node = graph->first; node; node = next) {
		bool done;
		next = node->next;
		TRY(infer_node(node));
		if (!outputs_known(node) && all_constant(node))
			TRY(fold_node(node, &done));
		if (outputs_known(node))
			graph_remove_node(node);
	}
	return ERCC_OK;
}
