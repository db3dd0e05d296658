/* Builds and edits graphs. Every function keeps the links between nodes and values consistent. */
#include <assert.h>

#include "compiler/core/graph.h"

static struct arena *arena_of(const struct graph *graph)
{
	return &graph->ctx->arena;
}

static struct graph *root_of(struct graph *graph)
{
	while (graph->parent)
		graph = graph->parent;
	return graph;
}

struct graph *graph_new(struct context *ctx, struct graph *parent)
{
	struct graph *graph = arena_new(&ctx->arena, struct graph);
	graph->ctx = ctx;
	graph->parent = parent;
	graph->name = "";
	if (parent) {
		graph->names = parent->names;
		graph->ir_version = parent->ir_version;
		graph->opset = parent->opset;
		graph->producer = parent->producer;
	} else {
		graph->names = arena_new(&ctx->arena, struct map);
		*graph->names = (struct map){.arena = &ctx->arena, .kind = MAP_TEXT};
		graph->producer = "";
	}
	return graph;
}

struct value *graph_value(struct graph *graph, const char *name)
{
	struct value *value = arena_new(arena_of(graph), struct value);
	value->name = arena_copy_text(arena_of(graph), name);
	value->shape.rank = -1;
	map_set(graph->names, value->name, value);
	return value;
}

struct value *graph_constant(struct graph *graph, const char *name, const struct tensor *tensor)
{
	struct value *value = graph_value(graph, name);
	value->dtype = tensor->dtype;
	value->shape = tensor->shape;
	value->constant = tensor;
	return value;
}

struct value *graph_constant_ints(struct graph *graph, const char *name, int rank, const int64_t *values, int64_t count)
{
	assert(rank == 1 || (rank == 0 && count == 1));
	struct shape shape = shape_of(rank, &count);
	int64_t *data = arena_array(arena_of(graph), (size_t)count, sizeof *data);
	if (count)
		memcpy(data, values, (size_t)count * sizeof *data);
	return graph_constant(graph, name, tensor_new(arena_of(graph), ERC_I64, &shape, data));
}

void graph_add_input(struct graph *graph, struct value *value)
{
	arena_push(arena_of(graph), graph->inputs, graph->input_count, graph->input_capacity, value);
}

void graph_add_output(struct graph *graph, const char *name, struct value *value)
{
	size_t capacity = graph->output_capacity;
	graph->output_names =
		arena_grow(arena_of(graph), graph->output_names, graph->output_count, &capacity, sizeof *graph->output_names);
	graph->output_names[graph->output_count] = arena_copy_text(arena_of(graph), name);
	arena_push(arena_of(graph), graph->outputs, graph->output_count, graph->output_capacity, value);
	value->output_uses++;
}

static size_t find_size(const struct graph *graph, const struct value *value)
{
	size_t i = 0;
	while (i < graph->size_count && graph->sizes[i] != value)
		i++;
	return i;
}

uint16_t graph_add_size(struct graph *graph, struct value *value, int64_t bound)
{
	size_t i = find_size(graph, value);
	assert(i < UINT16_MAX); /* the infer pass stops before this limit */
	if (i == graph->size_count)
		arena_push(arena_of(graph), graph->sizes, graph->size_count, graph->size_capacity, value);
	if (!value->elements || value->elements->dims[0] > bound) {
		struct shape *elements = arena_new(arena_of(graph), struct shape);
		*elements = shape_of(1, &bound);
		elements->sizes[0] = (uint16_t)(i + 1);
		value->elements = elements;
	}
	return (uint16_t)(i + 1);
}

struct value *graph_size(const struct graph *graph, uint16_t size)
{
	return graph->sizes[size - 1];
}

int64_t graph_quotient(struct graph *graph, int64_t numerator, int64_t divisor)
{
	while (graph->parent)
		graph = graph->parent;
	arena_push(&graph->ctx->arena, graph->quotients, graph->quotient_count, graph->quotient_capacity,
	           ((struct quotient){numerator, divisor}));
	return ceil_div(numerator, divisor);
}

int graph_size_slot(const struct graph *graph, uint16_t size)
{
	return (int)find_size(graph, graph->sizes[size - 1]);
}

struct region *graph_add_region(struct graph *graph, enum region_kind kind, struct region *around, const char *name)
{
	struct region *region = arena_new(arena_of(graph), struct region);
	*region = (struct region){.kind = kind, .around = around, .number = (int)graph->region_count, .name = name};
	arena_push(arena_of(graph), graph->regions, graph->region_count, graph->region_capacity, region);
	return region;
}

const char *graph_unique_name(struct graph *graph, const char *stem)
{
	struct graph *root = root_of(graph);
	for (;;) {
		const char *name = arena_printf(arena_of(graph), "%s_%d", stem, ++root->name_counter);
		if (!map_get(graph->names, name))
			return name;
	}
}

/* ---- nodes ---- */

static struct value **copy_values(struct arena *arena, struct value *const *values, int count)
{
	struct value **copy = arena_array(arena, (size_t)count, sizeof *copy);
	if (count)
		memcpy(copy, values, (size_t)count * sizeof *copy);
	return copy;
}

static void link_use(struct node *node, int slot)
{
	struct value *value = node->inputs[slot];
	struct use *use = &node->uses[slot];
	*use = (struct use){.user = node, .value = value};
	if (!value)
		return;
	use->next = value->uses;
	if (use->next)
		use->next->previous = use;
	value->uses = use;
}

static void unlink_use(struct use *use)
{
	if (!use->value)
		return;
	*(use->previous ? &use->previous->next : &use->value->uses) = use->next;
	if (use->next)
		use->next->previous = use->previous;
	use->value = NULL;
}

static void link_node(struct graph *graph, struct node *node, struct node *before)
{
	struct node *previous = before ? before->previous : graph->last;
	node->previous = previous;
	node->next = before;
	*(previous ? &previous->next : &graph->first) = node;
	*(before ? &before->previous : &graph->last) = node;
	graph->node_count++;
}

struct node *graph_add_node(struct graph *graph, struct node *before, const char *op_type, const char *name,
                            struct value *const *inputs, int input_count, struct value *const *outputs,
                            int output_count)
{
	struct arena *arena = arena_of(graph);
	assert(!before || before->graph == graph);
	struct node *node = arena_new(arena, struct node);
	node->name = arena_copy_text(arena, name);
	node->op_type = arena_copy_text(arena, op_type);
	node->domain = "";
	node->opset = graph->opset;
	node->graph = graph;
	node->region = before ? before->region : NULL;
	node->inputs = copy_values(arena, inputs, input_count);
	node->input_count = input_count;
	node->uses = arena_array(arena, (size_t)input_count, sizeof *node->uses);
	for (int i = 0; i < input_count; i++)
		link_use(node, i);
	node->outputs = copy_values(arena, outputs, output_count);
	node->output_count = output_count;
	for (int i = 0; i < output_count; i++) {
		if (!outputs[i])
			continue;
		assert(!outputs[i]->producer);
		outputs[i]->producer = node;
		outputs[i]->producer_slot = i;
	}
	link_node(graph, node, before);
	return node;
}

void node_set_attrs(struct node *node, const struct attr *attrs, int count)
{
	node->attrs = arena_array(arena_of(node->graph), (size_t)count, sizeof *attrs);
	if (count)
		memcpy(node->attrs, attrs, (size_t)count * sizeof *attrs);
	node->attr_count = count;
}

void node_give_graph(struct node *node, const char *name)
{
	for (int i = 0; i < node->attr_count; i++)
		if (!strcmp(node->attrs[i].name, name))
			node->attrs[i].kind = ATTR_OTHER;
}

/* Makes room for more inputs, which are omitted. The uses move, so they are linked anew. */
static void grow_inputs(struct node *node, int count)
{
	struct arena *arena = arena_of(node->graph);
	struct value **inputs = arena_array(arena, (size_t)count, sizeof *inputs);
	if (node->input_count)
		memcpy(inputs, node->inputs, (size_t)node->input_count * sizeof *inputs);
	for (int i = 0; i < node->input_count; i++)
		unlink_use(&node->uses[i]);
	node->inputs = inputs;
	node->input_count = count;
	node->uses = arena_array(arena, (size_t)count, sizeof *node->uses);
	for (int i = 0; i < count; i++)
		link_use(node, i);
}

void node_set_input(struct node *node, int slot, struct value *value)
{
	if (slot >= node->input_count)
		grow_inputs(node, slot + 1);
	unlink_use(&node->uses[slot]);
	node->inputs[slot] = value;
	link_use(node, slot);
}

void graph_set_output(struct graph *graph, size_t i, struct value *value)
{
	graph->outputs[i]->output_uses--;
	graph->outputs[i] = value;
	value->output_uses++;
}

void graph_clear_outputs(struct graph *graph)
{
	for (size_t i = 0; i < graph->output_count; i++)
		graph->outputs[i]->output_uses--;
	graph->output_count = graph->output_capacity = 0;
	graph->output_types = NULL;
}

static void drop_uses(struct node *node)
{
	for (int i = 0; i < node->input_count; i++)
		unlink_use(&node->uses[i]);
	for (int i = 0; i < node->attr_count; i++) {
		if (node->attrs[i].kind != ATTR_GRAPH)
			continue;
		struct graph *nested = node->attrs[i].graph;
		for (struct node *inner = nested->first; inner; inner = inner->next)
			drop_uses(inner);
		for (size_t k = 0; k < nested->output_count; k++)
			nested->outputs[k]->output_uses--;
	}
}

static void unlink_node(struct node *node)
{
	struct graph *graph = node->graph;
	*(node->previous ? &node->previous->next : &graph->first) = node->next;
	*(node->next ? &node->next->previous : &graph->last) = node->previous;
	graph->node_count--;
	node->previous = node->next = NULL;
}

void node_move(struct node *node, struct node *before)
{
	unlink_node(node);
	link_node(node->graph, node, before);
}

void graph_remove_node(struct node *node)
{
	assert(node->graph);
	drop_uses(node);
	unlink_node(node);
	node->graph = NULL;
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i] && node->outputs[i]->producer == node)
			node->outputs[i]->producer = NULL;
}

const struct attr *node_attr(const struct node *node, const char *name)
{
	for (int i = 0; i < node->attr_count; i++)
		if (strcmp(node->attrs[i].name, name) == 0) {
			node->attrs[i].read = true;
			return &node->attrs[i];
		}
	return NULL;
}

int64_t node_attr_int(const struct node *node, const char *name, int64_t otherwise)
{
	const struct attr *attr = node_attr(node, name);
	return attr && attr->kind == ATTR_INT ? attr->i : otherwise;
}

float node_attr_float(const struct node *node, const char *name, float otherwise)
{
	const struct attr *attr = node_attr(node, name);
	return attr && attr->kind == ATTR_FLOAT ? attr->f : otherwise;
}

const char *node_attr_text(const struct node *node, const char *name, const char *otherwise)
{
	const struct attr *attr = node_attr(node, name);
	return attr && attr->kind == ATTR_STRING ? attr->s : otherwise;
}

/* ---- uses ---- */

int value_count_uses(const struct value *value)
{
	int count = value->output_uses;
	for (const struct use *use = value->uses; use; use = use->next)
		count++;
	return count;
}

bool value_is_used(const struct value *value)
{
	return value->uses || value->output_uses;
}

struct node *value_single_user(const struct value *value)
{
	struct node *user = value->uses && !value->output_uses ? value->uses->user : NULL;
	for (const struct use *use = value->uses; use && user; use = use->next)
		if (use->user != user)
			user = NULL;
	return user;
}

static void replace_outputs(struct graph *graph, const struct value *from, struct value *to)
{
	for (size_t i = 0; i < graph->output_count; i++)
		if (graph->outputs[i] == from)
			graph_set_output(graph, i, to);
	for (struct node *node = graph->first; node && from->output_uses; node = node->next)
		for (int i = 0; i < node->attr_count; i++)
			if (node->attrs[i].kind == ATTR_GRAPH)
				replace_outputs(node->attrs[i].graph, from, to);
}

void graph_replace_uses(struct graph *graph, struct value *from, struct value *to)
{
	while (from->uses && from != to)
		node_set_input(from->uses->user, (int)(from->uses - from->uses->user->uses), to);
	if (from->output_uses)
		replace_outputs(graph, from, to);
	for (size_t i = 0; i < graph->size_count; i++)
		if (graph->sizes[i] == from) {
			graph->sizes[i] = to;
			to->elements = to->elements ? to->elements : from->elements;
		}
}
