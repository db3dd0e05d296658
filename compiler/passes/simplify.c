/* Removes nodes that do nothing, repeat another node, undo another node, or are not used. */
#include "compiler/passes/pass.h"

/* Whether the node's first output is its first input unchanged, and its other outputs are not used. */
static bool is_identity(const struct node *node)
{
	const struct value *in = node_input(node, 0), *out = node->outputs[0];
	enum identity_rule rule = node->op->identity;
	if (rule == IDENTITY_NEVER)
		return false;
	if (rule == IDENTITY_FIRST)
		return !node_output(node, 1) || !value_is_used(node->outputs[1]);
	return in->dtype == out->dtype && shape_equal(&in->shape, &out->shape);
}

static bool has_size(const struct graph *graph, const struct value *value, const struct value *size)
{
	for (int d = 0; value && d < value->shape.rank; d++)
		if (value->shape.sizes[d] && graph_size(graph, value->shape.sizes[d]) == size)
			return true;
	return false;
}

/* Whether a graph output, or an output of a node after `by`, has the run-time size. */
static bool is_size_used(const struct node *by, const struct value *size)
{
	const struct graph *graph = by->graph;
	if (!size->elements)
		return false;
	for (const struct node *node = by->next; node; node = node->next)
		for (int i = 0; i < node->output_count; i++)
			if (has_size(graph, node->outputs[i], size))
				return true;
	for (size_t i = 0; i < graph->output_count; i++)
		if (has_size(graph, graph->outputs[i], size))
			return true;
	return false;
}

static bool is_dead(const struct node *node)
{
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i] && (value_is_used(node->outputs[i]) || is_size_used(node, node->outputs[i])))
			return false;
	return true;
}

static void print_attr(const struct attr *attr, struct text *key)
{
	text_printf(key, "|%s=", attr->name);
	for (int64_t i = 0; attr->kind == ATTR_INTS && i < attr->count; i++)
		text_printf(key, "%lld,", (long long)attr->ints[i]);
	for (int64_t i = 0; attr->kind == ATTR_FLOATS && i < attr->count; i++)
		text_printf(key, "%a,", attr->floats[i]);
	if (attr->kind == ATTR_INT)
		text_printf(key, "%lld", (long long)attr->i);
	else if (attr->kind == ATTR_FLOAT)
		text_printf(key, "%a", attr->f);
	else if (attr->kind == ATTR_STRING)
		text_printf(key, "%s", attr->s);
	else if (attr->kind != ATTR_INTS && attr->kind != ATTR_FLOATS)
		text_printf(key, "%p", (const void *)attr); /* other kinds are not compared: equal only to the same attribute */
}

/* A text that is equal for nodes that compute the same. */
static const char *node_key(const struct node *node)
{
	struct text key = {.arena = &node->graph->ctx->arena};
	if (node->op->is_pinned) {
		text_printf(&key, "%p", (const void *)node);
		return key.data;
	}
	text_printf(&key, "%s:%s/%d/%d", node->domain, node->op_type, node->op->since, node->output_count);
	for (int i = 0; i < node->input_count; i++)
		text_printf(&key, "|%p", (void *)node->inputs[i]);
	for (int i = 0; i < node->output_count; i++)
		text_printf(&key, "%c", node->outputs[i] ? '+' : '-');
	for (int i = 0; i < node->attr_count; i++)
		print_attr(&node->attrs[i], &key);
	return key.data;
}

static void merge_nodes(struct node *node, const struct node *same)
{
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i])
			graph_replace_uses(node->graph, node->outputs[i], same->outputs[i]);
	graph_remove_node(node);
}

bool merge_repeated_node(struct node *node)
{
	const char *key = node_key(node);
	for (struct node *same = node->previous; same; same = same->previous)
		if (!strcmp(same->op_type, node->op_type) && region_reaches(same->region, node->region) &&
		    !strcmp(node_key(same), key)) {
			merge_nodes(node, same);
			return true;
		}
	return false;
}

static const char *key_in(const struct graph *graph, const struct region *region, const char *key)
{
	return region ? arena_printf(&graph->ctx->arena, "%d %s", region->number, key) : key;
}

/* Uses of a repeated node's outputs become uses of the first node's outputs, if that is in the same region or in one around
 * it. */
static void merge_repeated(struct graph *graph)
{
	struct map seen = {.arena = &graph->ctx->arena, .kind = MAP_TEXT};
	struct node *next;
	for (struct node *node = graph->first; node; node = next) {
		next = node->next;
		const char *key = node_key(node);
		const struct node *same = map_get(&seen, key);
		for (const struct region *region = node->region; region && !same; region = region->around)
			same = map_get(&seen, key_in(graph, region, key));
		if (!same) {
			map_set(&seen, key_in(graph, node->region, key), node);
			continue;
		}
		merge_nodes(node, same);
	}
}

/* Whether the node undoes what the node before it did. */
static bool undoes_the_last(const struct node *node)
{
	const struct node *before = node->inputs[0]->producer;
	return node->op->undoes && before && before->op->undoes == node->op->undoes && node->op->undoes(node, before);
}

enum ercc_status pass_simplify(struct graph *graph)
{
	struct node *other;
	for (struct node *node = graph->first; node; node = other) {
		other = node->next;
		struct value *same = node->outputs[0] && is_identity(node) ? node->inputs[0]
		                     : node->input_count && node->inputs[0] && undoes_the_last(node)
		                         ? node->inputs[0]->producer->inputs[0]
		                         : NULL;
		if (same) {
			graph_replace_uses(graph, node->outputs[0], same);
			graph_remove_node(node);
		}
	}
	merge_repeated(graph);
	for (struct node *node = graph->last; node; node = other) {
		other = node->previous;
		if (is_dead(node))
			graph_remove_node(node);
	}
	return ERCC_OK;
}
