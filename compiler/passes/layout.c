/* Chooses the layout of every value, and inserts Reorder nodes where two uses of a value need different layouts. Graph
 * inputs and outputs stay plain. */
#include "compiler/passes/pass.h"

#include "compiler/lower/inserted.h"

/* Returns the value in the wanted layout: the value itself, an earlier reordered copy, or a new copy made before
 * `node`. */
static struct value *in_layout(struct graph *graph, struct map *copies, struct node *node, struct value *value,
                               enum layout layout)
{
	if (value->layout == layout)
		return value;
	struct value *copy = map_get(copies, value);
	if (copy && region_reaches(copy->producer->region, node ? node->region : NULL))
		return copy;
	copy = insert_reorder(graph, node, value, layout);
	map_set(copies, value, copy);
	return copy;
}

static void lay_out_node(struct graph *graph, struct map *copies, struct node *node)
{
	enum layout inputs[EXPR_MAX_OPERANDS], output = LAYOUT_PLAIN;
	bool chosen = node->op->layout && node->input_count <= EXPR_MAX_OPERANDS;
	for (int i = 0; chosen && i < node->input_count; i++)
		inputs[i] = node->inputs[i] ? node->inputs[i]->layout : LAYOUT_PLAIN;
	chosen = chosen && node->op->layout(node, inputs, &output);
	for (int i = 0; i < node->input_count; i++)
		if (node->inputs[i])
			node_set_input(node, i, in_layout(graph, copies, node, node->inputs[i], chosen ? inputs[i] : LAYOUT_PLAIN));
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i])
			node->outputs[i]->layout = chosen ? output : LAYOUT_PLAIN;
}

enum ercc_status pass_layout(struct graph *graph)
{
	struct map copies = {.arena = &graph->ctx->arena, .kind = MAP_POINTER};
	for (struct node *node = graph->first; node; node = node->next)
		lay_out_node(graph, &copies, node);
	for (size_t i = 0; i < graph->output_count; i++)
		graph_set_output(graph, i, in_layout(graph, &copies, NULL, graph->outputs[i], LAYOUT_PLAIN));
	return ERCC_OK;
}
