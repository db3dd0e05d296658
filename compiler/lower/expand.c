/* Operators that are made of others. Their rows have `expand`, which puts other nodes in the node's place. The nodes
 * are written as text, such as "Mul(a, Softmax[axis=-1](b))", where a, b, ... are values. */
#include "compiler/lower/op.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

#define EMITTED_ATTRS 8

struct emitter {
	struct node *node;
	const char *at;
	struct value *const *args;
};

static void skip_space(struct emitter *e)
{
	while (isspace((unsigned char)*e->at))
		e->at++;
}

static const char *word(struct emitter *e)
{
	const char *start = e->at;
	while (isalnum((unsigned char)*e->at) || *e->at == '_')
		e->at++;
	return arena_copy_bytes(&e->node->graph->ctx->arena, start, (size_t)(e->at - start));
}

/* 3 is an integer, 0.5 is a float, 1:2: is a list of integers, and anything else is a string. */
static void parse_attr(struct emitter *e, struct attr *attr)
{
	int64_t list[2 * MAX_RANK];
	char *end, *float_end;
	attr->name = word(e);
	assert(*e->at == '=');
	e->at++;
	long long number = strtoll(e->at, &end, 10);
	float real = strtof(e->at, &float_end);
	if (end == e->at && float_end == e->at) {
		attr->kind = ATTR_STRING;
		attr->s = word(e);
		return;
	}
	attr->kind = float_end > end ? ATTR_FLOAT : *end == ':' ? ATTR_INTS : ATTR_INT;
	if (attr->kind == ATTR_FLOAT)
		attr->f = real;
	else
		attr->i = number;
	e->at = float_end > end ? float_end : end;
	if (attr->kind != ATTR_INTS)
		return;
	for (list[attr->count++] = number; *e->at == ':' && attr->count < 2 * MAX_RANK;) {
		number = strtoll(++e->at, &end, 10);
		if (end > e->at)
			list[attr->count++] = number;
		e->at = end;
	}
	attr->ints = (int64_t *)arena_copy_bytes(&e->node->graph->ctx->arena, list, (size_t)attr->count * sizeof *list);
}

static int parse_attrs(struct emitter *e, struct attr *attrs)
{
	int count = 0;
	while (*e->at == '[' || *e->at == ',') {
		assert(count < EMITTED_ATTRS);
		e->at++;
		skip_space(e);
		attrs[count] = (struct attr){0};
		parse_attr(e, &attrs[count++]);
		if (*e->at == ']')
			break;
	}
	e->at += *e->at == ']';
	return count;
}

static struct value *add_emitted(struct node *node, const char *domain, const char *op_type,
                                 struct value *const *inputs, int count, const struct attr *attrs, int attr_count)
{
	struct graph *graph = node->graph;
	struct value *out = graph_value(graph, graph_unique_name(graph, node->name));
	struct node *made = graph_add_node(graph, node, op_type, node->name, inputs, count, &out, 1);
	made->is_emitted = true;
	made->opset = EMITTED_OPSET;
	node_set_attrs(made, attrs, attr_count);
	node_set_row(made, domain, EMITTED_OPSET);
	return out;
}

struct value *emit_like(struct node *node, const char *op_type, const char *names, struct value *const *inputs,
                        int count)
{
	struct attr attrs[EMITTED_ATTRS];
	int attr_count = 0;
	for (const char *at = names; *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		const struct attr *attr = node_attr(node, arena_copy_bytes(&node->graph->ctx->arena, at, length));
		assert(attr_count < EMITTED_ATTRS);
		if (attr)
			attrs[attr_count++] = *attr;
		at += length;
	}
	return add_emitted(node, "", op_type, inputs, count, attrs, attr_count);
}

struct value *emit_concat(struct node *node, int axis, struct value *const *parts, int count)
{
	struct attr attr = {.name = "axis", .kind = ATTR_INT, .i = axis};
	return count == 1 ? parts[0] : add_emitted(node, "", "Concat", parts, count, &attr, 1);
}

static struct value *parse_term(struct emitter *e);

static struct value *parse_call(struct emitter *e)
{
	struct attr attrs[EMITTED_ATTRS];
	struct value *inputs[8];
	int count = 0;
	const char *op_type = word(e), *domain = "";
	if (*e->at == '.') { /* erc.Name: an operator of the compiler itself */
		domain = op_type;
		e->at++;
		op_type = word(e);
	}
	int attr_count = parse_attrs(e, attrs);
	assert(*e->at == '(');
	for (bool more = e->at[1] != ')'; more; more = *e->at == ',') {
		e->at++;
		assert(count < (int)COUNT_OF(inputs));
		inputs[count++] = parse_term(e);
		skip_space(e);
	}
	e->at += *e->at == '(';
	assert(*e->at == ')');
	e->at++;
	return add_emitted(e->node, domain, op_type, inputs, count, attrs, attr_count);
}

/* A number has the dtype of `a`. */
static struct value *parse_number(struct emitter *e)
{
	char *end;
	double number = strtod(e->at, &end);
	e->at = end;
	enum erc_dtype dtype = e->args[0]->dtype;
	return constant_number(e->node, dtype == ERC_DTYPE_NONE ? e->node->inputs[0]->dtype : dtype, number);
}

static struct value *parse_list(struct emitter *e)
{
	int64_t list[2 * MAX_RANK];
	int count = 0;
	for (e->at++; *e->at != '}'; e->at += *e->at == ',' || *e->at == ' ') {
		char *end;
		long long number = strtoll(e->at, &end, 10);
		assert(end > e->at || *e->at == ' ');
		if (end > e->at)
			list[count++] = number;
		e->at = end;
	}
	e->at++;
	return constant_ints(e->node, list, count);
}

static struct value *parse_term(struct emitter *e)
{
	skip_space(e);
	if (*e->at == '{')
		return parse_list(e);
	if (isdigit((unsigned char)*e->at) || *e->at == '-' || *e->at == '.')
		return parse_number(e);
	if (*e->at == '_') { /* an omitted input */
		e->at++;
		return NULL;
	}
	if (islower((unsigned char)*e->at) && !isalnum((unsigned char)e->at[1]) && e->at[1] != '.')
		return e->args[*e->at++ - 'a'];
	return parse_call(e);
}

struct value *emit_text(struct node *node, const char *text, struct value *const *args)
{
	struct emitter e = {node, text, args};
	struct value *out = parse_term(&e);
	skip_space(&e);
	assert(!*e.at);
	return out;
}

void expand_to(struct node *node, int slot, struct value *value)
{
	struct value *out = node_output(node, slot);
	if (out)
		graph_replace_uses(node->graph, out, value);
}

struct value *constant_ints(struct node *node, const int64_t *values, int count)
{
	return graph_constant_ints(node->graph, graph_unique_name(node->graph, node->name), 1, values, count);
}

struct value *constant_floats(struct node *node, enum erc_dtype dtype, const double *values, const struct shape *shape)
{
	struct arena *arena = &node->graph->ctx->arena;
	void *data = arena_elements(arena, (size_t)shape_elements(shape), dtype_bytes(dtype));
	for (int64_t i = 0; i < shape_elements(shape); i++)
		element_write(data, dtype, i, expr_number(dtype, values[i]));
	return graph_constant(node->graph, graph_unique_name(node->graph, node->name),
	                      tensor_new(arena, dtype, shape, data));
}

struct value *constant_number(struct node *node, enum erc_dtype dtype, double number)
{
	struct arena *arena = &node->graph->ctx->arena;
	struct shape scalar = {0};
	void *data = arena_alloc(arena, sizeof(double));
	element_write(data, dtype, 0, expr_number(dtype, number));
	return graph_constant(node->graph, graph_unique_name(node->graph, node->name),
	                      tensor_new(arena, dtype, &scalar, data));
}

/* Makes `count` i64 numbers of that shape: start, start + step, ... */
struct value *constant_range(struct node *node, int64_t start, int64_t step, int64_t count, const struct shape *shape)
{
	struct arena *arena = &node->graph->ctx->arena;
	int64_t *data = arena_array(arena, (size_t)count, sizeof *data);
	for (int64_t i = 0; i < count; i++)
		data[i] = start + i * step;
	return graph_constant(node->graph, graph_unique_name(node->graph, node->name),
	                      tensor_new(arena, ERC_I64, shape, data));
}

struct value *dim_value(struct node *node, const struct value *x, int axis)
{
	uint16_t size = x->shape.sizes[axis];
	return size ? graph_size(node->graph, size) : constant_number(node, ERC_I64, (double)x->shape.dims[axis]);
}

struct value *emit_lengths(struct node *node, struct value *lengths, int64_t most)
{
	struct value *all = constant_range(node, 0, 1, most + 1, &(struct shape){.rank = 1, .dims = {most + 1}});
	return EMIT(node, "Gather[positions=1](a, b)", all, lengths);
}

struct value *emitted_output(struct value *first, int slot)
{
	struct node *node = first->producer;
	struct graph *graph = node->graph;
	if (slot >= node->output_count) {
		struct value **outputs = arena_array(&graph->ctx->arena, (size_t)slot + 1, sizeof *outputs);
		memcpy(outputs, node->outputs, (size_t)node->output_count * sizeof *outputs);
		node->outputs = outputs;
		node->output_count = slot + 1;
	}
	if (!node->outputs[slot]) {
		struct value *out = graph_value(graph, graph_unique_name(graph, first->name));
		out->producer = node;
		out->producer_slot = slot;
		node->outputs[slot] = out;
	}
	return node->outputs[slot];
}
