/* Copies of nested graphs: the nodes of a branch, or of a loop's body, in the graph around it. */
#include "compiler/lower/regions.h"

/* Limits on all unrolled loops of a model together, where the options set none: loops in loops multiply. */
#define ITERATIONS_MAX 16384
#define NODES_MAX (1 << 20)

/* State of copying a nested graph's nodes out of it. */
struct inlining {
	struct graph *graph; /* receives the copies */
	struct node *before;
	struct region *region; /* of the copies */
	struct map *values; /* from the nested graph's values to their copies; a value without an entry is its own copy */
};

static struct graph *root_of(struct graph *graph)
{
	while (graph->parent)
		graph = graph->parent;
	return graph;
}

static int64_t limit_of(uint64_t option, int64_t otherwise)
{
	return !option ? otherwise : option < INT32_MAX ? (int64_t)option : INT32_MAX;
}

int64_t iterations_allowed(const struct graph *graph)
{
	return limit_of(graph->ctx->options->max_iterations, ITERATIONS_MAX);
}

enum ercc_status count_iterations(const struct node *node, int64_t iterations)
{
	struct graph *root = root_of(node->graph);
	int64_t limit = iterations_allowed(node->graph);
	root->iterations = iterations > limit - root->iterations ? limit + 1 : root->iterations + iterations;
	return root->iterations <= limit
	           ? ERCC_OK
	           : node_fail(node, ERCC_UNSUPPORTED,
	                       "more than %lld iterations of all loops together; --max-iterations raises the limit",
	                       (long long)limit);
}

enum ercc_status count_copied(const struct node *node, int64_t nodes)
{
	struct graph *root = root_of(node->graph);
	int64_t limit = limit_of(node->graph->ctx->options->max_nodes, NODES_MAX);
	root->copied += nodes;
	return root->copied <= limit ? ERCC_OK
	                             : node_fail(node, ERCC_UNSUPPORTED,
	                                         "more than %lld nodes copied for loops and branches; --max-nodes raises "
	                                         "the limit",
	                                         (long long)limit);
}

int64_t nodes_in(const struct graph *graph)
{
	int64_t nodes = graph->node_count;
	for (const struct node *node = graph->first; node; node = node->next)
		for (int i = 0; i < node->attr_count; i++)
			if (node->attrs[i].kind == ATTR_GRAPH)
				nodes += nodes_in(node->attrs[i].graph);
	return nodes;
}

static struct value *mapped(const struct inlining *in, struct value *value)
{
	struct value *to = value ? map_get(in->values, value) : NULL;
	return to ? to : value;
}

static enum ercc_status copy_node(struct inlining *in, const struct node *node, bool resolve);

/* Copies a graph that is an attribute of a copied node: it may use values that have copies. */
static enum ercc_status copy_graph(struct inlining *in, const struct graph *from, struct graph **out)
{
	struct graph *graph = graph_new(in->graph->ctx, in->graph);
	struct inlining inner = {graph, NULL, NULL, in->values};
	for (size_t i = 0; i < from->input_count; i++) {
		struct value *copy = graph_value(graph, graph_unique_name(graph, from->inputs[i]->name));
		copy->dtype = from->inputs[i]->dtype;
		copy->shape = from->inputs[i]->shape;
		graph_add_input(graph, copy);
		map_set(in->values, from->inputs[i], copy);
	}
	for (const struct node *node = from->first; node; node = node->next)
		TRY(copy_node(&inner, node, false));
	for (size_t i = 0; i < from->output_count; i++)
		graph_add_output(graph, from->output_names[i], mapped(&inner, from->outputs[i]));
	*out = graph;
	return ERCC_OK;
}

static enum ercc_status copy_node(struct inlining *in, const struct node *node, bool resolve)
{
	struct arena *arena = &in->graph->ctx->arena;
	struct value **inputs = arena_array(arena, (size_t)node->input_count, sizeof *inputs);
	struct value **outputs = arena_array(arena, (size_t)node->output_count, sizeof *outputs);
	for (int i = 0; i < node->input_count; i++)
		inputs[i] = mapped(in, node->inputs[i]);
	for (int i = 0; i < node->output_count; i++) {
		if (!node->outputs[i])
			continue;
		outputs[i] = graph_value(in->graph, graph_unique_name(in->graph, node->outputs[i]->name));
		map_set(in->values, node->outputs[i], outputs[i]);
	}
	struct node *copy = graph_add_node(in->graph, in->before, node->op_type, node->name, inputs, node->input_count,
	                                   outputs, node->output_count);
	copy->region = in->region;
	copy->domain = node->domain;
	copy->opset = node->opset;
	node_set_attrs(copy, node->attrs, node->attr_count);
	for (int i = 0; i < copy->attr_count; i++)
		if (copy->attrs[i].kind == ATTR_GRAPH)
			TRY(copy_graph(in, node->attrs[i].graph, &copy->attrs[i].graph));
	return resolve ? node_resolve(copy) : ERCC_OK;
}

enum ercc_status inline_body(struct node *node, const char *name, struct value *const *arguments, size_t argument_count,
                             struct value **results, size_t result_count)
{
	const struct attr *attr = node_attr(node, name);
	if (!attr || attr->kind != ATTR_GRAPH)
		return node_fail(node, ERCC_MODEL, "%s is missing", name);
	const struct graph *body = attr->graph;
	if (body->input_count != argument_count || body->output_count < result_count)
		return node_fail(node, ERCC_MODEL, "%s takes %zu inputs and has %zu outputs; %zu and %zu are needed", name,
		                 body->input_count, body->output_count, argument_count, result_count);
	TRY(count_copied(node, nodes_in(body)));
	struct map values = {.arena = &node->graph->ctx->arena, .kind = MAP_POINTER};
	struct inlining in = {node->graph, node, node->region, &values};
	for (size_t i = 0; i < argument_count; i++)
		map_set(&values, body->inputs[i], arguments[i]);
	for (const struct node *inner = body->first; inner; inner = inner->next)
		TRY(copy_node(&in, inner, true));
	for (size_t i = 0; i < result_count; i++)
		results[i] = mapped(&in, body->outputs[i]);
	return ERCC_OK;
}
