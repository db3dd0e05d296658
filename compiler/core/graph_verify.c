/* What every pass may rely on and must preserve: links in both directions, values defined before they are used, unique
 * names, constants that match the dtype and shape of their values. */
#include "compiler/core/graph.h"

struct verifier {
	struct context *ctx;
	const char *stage;
	bool typed;             /* every value must have a dtype and a rank */
	size_t size_count;      /* of the outermost graph */
	struct map defined;     /* value -> the graph in which it is defined; only values defined so far */
	struct map names;       /* name -> value */
	struct map output_uses; /* value -> how many graph outputs it is */
};

static enum ercc_status broken(struct verifier *verifier, const struct node *node, const char *what, const char *name)
{
	if (!node)
		return fail(verifier->ctx, ERCC_INTERNAL, "after %s: %s ('%s')", verifier->stage, what, name);
	return fail(verifier->ctx, ERCC_INTERNAL, "after %s: node '%s' (%s): %s ('%s')", verifier->stage, node->name,
	            node->op_type, what, name);
}

/* ---- values ---- */

static enum ercc_status verify_type(struct verifier *verifier, const struct node *node, const struct value *value)
{
	const struct tensor *constant = value->constant;
	if (value->shape.rank < -1 || value->shape.rank > MAX_RANK)
		return broken(verifier, node, "rank out of range", value->name);
	for (int i = 0; i < value->shape.rank; i++)
		if (value->shape.dims[i] < -1)
			return broken(verifier, node, "negative dimension", value->name);
	for (int i = 0; i < value->shape.rank; i++)
		if (value->shape.sizes[i] > verifier->size_count)
			return broken(verifier, node, "run-time size that the graph does not have", value->name);
	if (constant && (constant->dtype != value->dtype || !shape_equal(&constant->shape, &value->shape)))
		return broken(verifier, node, "constant data of another type than the value", value->name);
	if (constant && (!constant->data || shape_elements(&constant->shape) < 0))
		return broken(verifier, node, "constant without data", value->name);
	if (verifier->typed && (value->dtype == ERC_DTYPE_NONE || value->shape.rank < 0))
		return broken(verifier, node, "value without type or rank", value->name);
	return ERCC_OK;
}

static enum ercc_status define(struct verifier *verifier, const struct graph *graph, const struct node *node,
                               struct value *value)
{
	if (!value->name || !value->name[0])
		return broken(verifier, node, "value without a name", "");
	const struct value *same_name = map_get(&verifier->names, value->name);
	if (same_name && same_name != value)
		return broken(verifier, node, "two values of one name", value->name);
	if (map_get(&verifier->defined, value))
		return broken(verifier, node, "value defined twice", value->name);
	map_set(&verifier->names, value->name, value);
	map_set(&verifier->defined, value, (void *)graph);
	return verify_type(verifier, node, value);
}

/* A constant is defined by its first use. Any other value must already be defined, in this graph or in one around
 * it. */
static enum ercc_status verify_use(struct verifier *verifier, const struct graph *graph, const struct node *node,
                                   struct value *value)
{
	const struct graph *home = map_get(&verifier->defined, value);
	if (value->constant && !value->producer)
		return home ? ERCC_OK : define(verifier, graph, node, value);
	if (!home)
		return broken(verifier, node, "value used before it is defined", value->name);
	if (node && !node->hands_on && value->producer && value->producer->graph == graph &&
	    !region_reaches(value->producer->region, node->region))
		return broken(verifier, node, "value of a region that is not around this one", value->name);
	for (const struct graph *around = graph; around; around = around->parent)
		if (around == home)
			return ERCC_OK;
	return broken(verifier, node, "value of a graph that is not around this one", value->name);
}

/* ---- nodes and graphs ---- */

static enum ercc_status verify_graph(struct verifier *verifier, const struct graph *graph);

static enum ercc_status verify_node(struct verifier *verifier, const struct graph *graph, const struct node *node)
{
	if (node->graph != graph)
		return broken(verifier, node, "node of another graph", node->name);
	for (int i = 0; i < node->input_count; i++) {
		if (node->uses[i].value != node->inputs[i] || (node->inputs[i] && node->uses[i].user != node))
			return broken(verifier, node, "input that is not among its value's uses", node->name);
		if (node->inputs[i])
			TRY(verify_use(verifier, graph, node, node->inputs[i]));
	}
	for (int i = 0; i < node->attr_count; i++) {
		const struct attr *attr = &node->attrs[i];
		if (attr->kind != ATTR_GRAPH)
			continue;
		if (attr->graph->parent != graph)
			return broken(verifier, node, "nested graph with another parent", attr->name);
		TRY(verify_graph(verifier, attr->graph));
	}
	for (int i = 0; i < node->output_count; i++) {
		if (!node->outputs[i])
			continue;
		if (node->outputs[i]->producer != node || node->outputs[i]->producer_slot != i)
			return broken(verifier, node, "output that does not know its producer", node->outputs[i]->name);
		TRY(define(verifier, graph, node, node->outputs[i]));
	}
	return ERCC_OK;
}

static enum ercc_status verify_list(struct verifier *verifier, const struct graph *graph)
{
	int count = 0;
	const struct node *previous = NULL;
	for (const struct node *node = graph->first; node; previous = node, node = node->next) {
		if (node->previous != previous)
			return broken(verifier, node, "broken list of nodes", node->name);
		/* A list with a cycle would not end. */
		if (++count > graph->node_count)
			return broken(verifier, node, "more nodes than counted", node->name);
	}
	if (count != graph->node_count || graph->last != previous)
		return broken(verifier, NULL, "list of nodes and their count differ", graph->name);
	return ERCC_OK;
}

/* The lists of uses and the counts of graph outputs must agree with the graph. */
static enum ercc_status verify_uses(struct verifier *verifier, const struct graph *graph)
{
	for (size_t i = 0; i < graph->output_count; i++) {
		uintptr_t count = (uintptr_t)map_get(&verifier->output_uses, graph->outputs[i]);
		map_set(&verifier->output_uses, graph->outputs[i], (void *)(count + 1));
	}
	for (const struct node *node = graph->first; node; node = node->next)
		for (int i = 0; i < node->attr_count; i++)
			if (node->attrs[i].kind == ATTR_GRAPH)
				TRY(verify_uses(verifier, node->attrs[i].graph));
	for (const struct node *node = graph->first; node && !graph->parent; node = node->next)
		for (int i = 0; i < node->output_count; i++) {
			const struct value *value = node->outputs[i];
			if (value && value->output_uses != (int)(uintptr_t)map_get(&verifier->output_uses, value))
				return broken(verifier, node, "output with another number of uses by graph outputs", value->name);
			for (const struct use *use = value ? value->uses : NULL; use; use = use->next)
				if (use->value != value || !use->user->graph || use->user->inputs[use - use->user->uses] != value)
					return broken(verifier, node, "output used by a node that is not in a graph", value->name);
		}
	return ERCC_OK;
}

static enum ercc_status verify_graph(struct verifier *verifier, const struct graph *graph)
{
	TRY(verify_list(verifier, graph));
	for (size_t i = 0; i < graph->input_count; i++) {
		if (graph->inputs[i]->producer)
			return broken(verifier, NULL, "input that a node produces", graph->inputs[i]->name);
		TRY(define(verifier, graph, NULL, graph->inputs[i]));
	}
	for (const struct node *node = graph->first; node; node = node->next)
		TRY(verify_node(verifier, graph, node));
	for (size_t i = 0; i < graph->output_count; i++) {
		if (!graph->outputs[i] || !graph->output_names[i])
			return broken(verifier, NULL, "output without value or name", graph->name);
		TRY(verify_use(verifier, graph, NULL, graph->outputs[i]));
	}
	for (size_t i = 0; i < graph->size_count; i++)
		if (graph->sizes[i]->producer)
			TRY(verify_use(verifier, graph, NULL, graph->sizes[i]));
	return ERCC_OK;
}

enum ercc_status graph_verify(const struct graph *graph, const char *stage)
{
	struct arena *arena = &graph->ctx->arena;
	struct verifier verifier = {.ctx = graph->ctx,
	                            .stage = stage,
	                            .typed = graph->typed,
	                            .size_count = graph->size_count};
	verifier.defined = (struct map){.arena = arena, .kind = MAP_POINTER};
	verifier.names = (struct map){.arena = arena, .kind = MAP_TEXT};
	verifier.output_uses = (struct map){.arena = arena, .kind = MAP_POINTER};
	TRY(verify_graph(&verifier, graph));
	return verify_uses(&verifier, graph);
}
