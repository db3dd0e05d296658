/* The order of a graph's nodes: files may list them in any order, but every later stage relies on one in which values
 * are produced before they are used. */
#include "onnx/reader.h"

/* Names that a nested graph defines itself. */
struct inner {
	const struct inner *outer;
	struct map names;
};

struct ordering {
	struct import *import;
	const struct scope *scope;
	node_proto *const *nodes;
	struct map producers;     /* name -> the entry of `nodes` whose output it is */
	size_t *uses, *first_use; /* numbers of the nodes that each node needs; those of node i begin at first_use[i] */
	size_t use_count, use_capacity;
};

static struct map names_in(struct ordering *o)
{
	return (struct map){.arena = &o->import->ctx->arena, .kind = MAP_TEXT};
}

static void add_use(struct ordering *o, const struct inner *inner, const char *name)
{
	for (; inner; inner = inner->outer)
		if (map_get(&inner->names, name))
			return;
	node_proto *const *producer = map_get(&o->producers, name);
	/* a value that is there already, of this graph or of one around it, needs no node */
	if (producer && !scope_find(o->scope, name))
		arena_push(&o->import->ctx->arena, o->uses, o->use_count, o->use_capacity, (size_t)(producer - o->nodes));
}

static void add_graph_uses(struct ordering *o, const struct inner *outer, const graph_proto *graph, int depth);

static void add_node_uses(struct ordering *o, const struct inner *inner, const node_proto *node, int depth)
{
	for (size_t i = 0; i < node->n_input; i++)
		if (node->input[i][0])
			add_use(o, inner, node->input[i]);
	for (size_t i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->g)
			add_graph_uses(o, inner, node->attribute[i]->g, depth + 1);
}

/* Graphs nested deeper than the limit are refused when they are imported. */
static void add_graph_uses(struct ordering *o, const struct inner *outer, const graph_proto *graph, int depth)
{
	struct inner inner = {outer, names_in(o)};
	if (depth > MAX_DEPTH)
		return;
	for (size_t i = 0; i < graph->n_input; i++)
		map_set(&inner.names, text_or_empty(graph->input[i]->name), (void *)graph);
	for (size_t i = 0; i < graph->n_initializer; i++)
		map_set(&inner.names, text_or_empty(graph->initializer[i]->name), (void *)graph);
	for (size_t i = 0; i < graph->n_node; i++)
		for (size_t k = 0; k < graph->node[i]->n_output; k++)
			map_set(&inner.names, graph->node[i]->output[k], (void *)graph);
	for (size_t i = 0; i < graph->n_node; i++)
		add_node_uses(o, &inner, graph->node[i], depth);
	for (size_t i = 0; i < graph->n_output; i++)
		add_use(o, &inner, text_or_empty(graph->output[i]->name));
}

/* Whether every node comes after those that it needs. */
static bool find_uses(struct ordering *o, size_t count)
{
	bool sorted = true;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < o->nodes[i]->n_output; k++)
			if (o->nodes[i]->output[k][0] && !map_get(&o->producers, o->nodes[i]->output[k]))
				map_set(&o->producers, o->nodes[i]->output[k], (void *)&o->nodes[i]);
	for (size_t i = 0; i < count; i++) {
		o->first_use[i] = o->use_count;
		add_node_uses(o, NULL, o->nodes[i], 0);
		for (size_t k = o->first_use[i]; k < o->use_count; k++)
			sorted &= o->uses[k] < i;
	}
	o->first_use[count] = o->use_count;
	return sorted;
}

static enum ercc_status refuse_cycle(struct ordering *o, const size_t *path, size_t length)
{
	struct text names = {.arena = &o->import->ctx->arena};
	for (size_t i = 0; i < length; i++) {
		const node_proto *node = o->nodes[path[i]];
		bool has_name = node->name && node->name[0];
		text_printf(&names, "%s'%s' (%s)", i ? ", " : "", has_name ? node->name : node->output[0],
		            text_or_empty(node->op_type));
	}
	if (length == 1)
		return fail(o->import->ctx, ERCC_MODEL, "node %s: it needs its own output", names.data);
	return fail(o->import->ctx, ERCC_MODEL, "nodes %s: each needs the one before it, and the first one the last",
	            names.data);
}

/* Visits a node after those that it needs. So a node moves only before the first one that needs it. */
static enum ercc_status visit(struct ordering *o, size_t root, size_t *path, size_t *next_use, char *state,
                              node_proto **out, size_t *done)
{
	enum { NEW, OPEN, DONE };
	size_t depth = 0;
	if (state[root] == DONE)
		return ERCC_OK;
	path[depth++] = root;
	while (depth) {
		size_t at = path[depth - 1];
		if (state[at] == NEW)
			next_use[at] = o->first_use[at];
		state[at] = OPEN;
		if (next_use[at] == o->first_use[at + 1]) {
			state[at] = DONE;
			out[(*done)++] = o->nodes[at];
			depth--;
			continue;
		}
		size_t needed = o->uses[next_use[at]++], start = depth;
		if (state[needed] == NEW)
			path[depth++] = needed;
		if (state[needed] != OPEN)
			continue;
		while (path[--start] != needed)
			;
		for (size_t i = start, k = depth - 1; i < k; i++, k--) { /* from the producer to its user */
			size_t swap = path[i];
			path[i] = path[k];
			path[k] = swap;
		}
		return refuse_cycle(o, path + start, depth - start);
	}
	return ERCC_OK;
}

enum ercc_status order_nodes(struct import *import, const struct scope *scope, node_proto *const **nodes, size_t count)
{
	struct arena *arena = &import->ctx->arena;
	struct ordering o = {.import = import, .scope = scope, .nodes = *nodes};
	size_t done = 0;
	node_proto **known = count ? map_get(&import->ordered, *nodes) : NULL;
	if (known || count == 0) {
		*nodes = known ? known : *nodes;
		return ERCC_OK;
	}
	o.producers = names_in(&o);
	o.first_use = arena_array(arena, count + 1, sizeof *o.first_use);
	if (!find_uses(&o, count)) {
		node_proto **sorted = arena_array(arena, count, sizeof(node_proto *));
		size_t *path = arena_array(arena, count, sizeof *path), *next_use = arena_array(arena, count, sizeof *next_use);
		char *state = arena_alloc(arena, count);
		for (size_t i = 0; i < count; i++)
			TRY(visit(&o, i, path, next_use, state, sorted, &done));
		*nodes = sorted;
	}
	map_set(&import->ordered, o.nodes, (void *)*nodes);
	return ERCC_OK;
}
