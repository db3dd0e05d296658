/* Text -> graph: parses the statements that graph_print writes. graph_parse_data.c parses their parts: names, types,
 * numbers, tensors. */
#include "compiler/core/graph_parse.h"

#define MAX_NESTED_GRAPHS 64
#define DEFAULT_IR_VERSION 8
#define DEFAULT_OPSET 17

/* Lists that grow while one statement is parsed. */
struct value_list {
	struct value **items;
	size_t count, capacity;
};
struct attr_list {
	struct attr *items;
	size_t count, capacity;
};

static enum ercc_status parse_statements(struct parser *parser, struct parse_scope *scope);

static struct arena *arena_of(struct parser *parser)
{
	return &parser->ctx->arena;
}

/* ---- values ---- */

static struct value *find_value(const struct parse_scope *scope, const char *name)
{
	struct value *value = NULL;
	for (; scope && !value; scope = scope->outer)
		value = map_get(&scope->names, name);
	return value;
}

/* The name _ means that there is no value. */
static enum ercc_status parse_use(struct parser *parser, struct parse_scope *scope, struct value **out)
{
	const char *name;
	*out = NULL;
	if (parse_word(parser, "_"))
		return ERCC_OK;
	TRY(parse_name(parser, &name));
	*out = find_value(scope, name);
	return *out ? ERCC_OK : parse_error(parser, arena_printf(arena_of(parser), "'%s' is not defined", name));
}

/* name[:type][@layout] */
static enum ercc_status parse_definition(struct parser *parser, struct parse_scope *scope, struct value **out)
{
	const char *name;
	TRY(parse_name(parser, &name));
	if (map_get(&scope->names, name))
		return parse_error(parser, arena_printf(arena_of(parser), "'%s' is defined already", name));
	struct value *value = graph_value(scope->graph, name);
	map_set(&scope->names, value->name, value);
	if (parse_mark(parser, ":"))
		TRY(parse_type(parser, &value->dtype, &value->shape));
	if (parse_mark(parser, "@")) {
		if (!parse_word(parser, "nc16"))
			return parse_error(parser, "expected a layout");
		value->layout = LAYOUT_NC16;
	}
	*out = value;
	return ERCC_OK;
}

/* ---- attributes ---- */

static enum ercc_status parse_nested(struct parser *parser, struct parse_scope *outer, struct graph **out)
{
	struct parse_scope scope = {.outer = outer,
	                            .graph = graph_new(parser->ctx, outer->graph),
	                            .depth = outer->depth + 1};
	scope.names = (struct map){.arena = arena_of(parser), .kind = MAP_TEXT};
	if (scope.depth > MAX_NESTED_GRAPHS)
		return parse_error(parser, "graphs are nested too deep");
	if (!parse_at(parser, '{'))
		TRY(parse_string(parser, &scope.graph->name));
	TRY(parse_expect(parser, "{"));
	TRY(parse_statements(parser, &scope));
	*out = scope.graph;
	return parse_expect(parser, "}");
}

static enum ercc_status parse_attr(struct parser *parser, struct parse_scope *scope, struct attr *out)
{
	TRY(parse_name(parser, &out->name));
	TRY(parse_expect(parser, "="));
	if (parse_word(parser, "graph")) {
		out->kind = ATTR_GRAPH;
		return parse_nested(parser, scope, &out->graph);
	}
	return parse_attr_value(parser, out);
}

static enum ercc_status parse_attrs(struct parser *parser, struct parse_scope *scope, struct attr_list *out)
{
	while (!parse_mark(parser, "}")) {
		struct attr attr = {0};
		if (out->count)
			TRY(parse_expect(parser, ","));
		TRY(parse_attr(parser, scope, &attr));
		arena_push(arena_of(parser), out->items, out->count, out->capacity, attr);
	}
	return ERCC_OK;
}

/* ---- statements ---- */

static enum ercc_status parse_input(struct parser *parser, struct parse_scope *scope)
{
	struct value *value;
	TRY(parse_definition(parser, scope, &value));
	if (parse_mark(parser, "(")) {
		for (int i = 0; i < value->shape.rank; i++) {
			if (i)
				TRY(parse_expect(parser, ","));
			if (!parse_word(parser, "_"))
				TRY(parse_name(parser, &value->dim_names[i]));
		}
		TRY(parse_expect(parser, ")"));
	}
	value->kind |= parse_word(parser, "optional") ? VALUE_OPTIONAL : 0;
	value->kind |= parse_word(parser, "sequence") ? VALUE_SEQUENCE : 0;
	graph_add_input(scope->graph, value);
	return ERCC_OK;
}

static enum ercc_status parse_constant(struct parser *parser, struct parse_scope *scope)
{
	struct value *value;
	TRY(parse_definition(parser, scope, &value));
	TRY(parse_expect(parser, "="));
	return parse_data(parser, value->dtype, &value->shape, &value->constant);
}

static enum ercc_status parse_output(struct parser *parser, struct parse_scope *scope)
{
	struct value *value;
	TRY(parse_use(parser, scope, &value));
	if (!value)
		return parse_error(parser, "expected the name of a value");
	const char *name = value->name;
	if (parse_word(parser, "as"))
		TRY(parse_string(parser, &name));
	graph_add_output(scope->graph, name, value);
	return ERCC_OK;
}

/* The text names a node's outputs before its inputs, but the inputs must not refer to them. */
static enum ercc_status parse_results(struct parser *parser, struct parse_scope *results, struct value_list *out)
{
	if (parse_mark(parser, "("))
		return parse_expect(parser, ")");
	do {
		struct value *value = NULL;
		if (!parse_word(parser, "_")) {
			TRY(parse_definition(parser, results, &value));
			if (parse_at(parser, '{') || parse_at(parser, '#') || parse_ahead(parser, "splat"))
				TRY(parse_data(parser, value->dtype, &value->shape, &value->constant));
		}
		arena_push(arena_of(parser), out->items, out->count, out->capacity, value);
	} while (parse_mark(parser, ","));
	return ERCC_OK;
}

/* [domain::]Op[@opset](inputs) */
static enum ercc_status parse_call(struct parser *parser, struct parse_scope *scope, struct node *node,
                                   struct value_list *inputs)
{
	TRY(parse_name(parser, &node->op_type));
	if (parse_mark(parser, "::")) {
		node->domain = node->op_type;
		TRY(parse_name(parser, &node->op_type));
	}
	if (parse_mark(parser, "@"))
		TRY(parse_int(parser, &node->opset));
	TRY(parse_expect(parser, "("));
	while (!parse_mark(parser, ")")) {
		struct value *value;
		if (inputs->count)
			TRY(parse_expect(parser, ","));
		TRY(parse_use(parser, scope, &value));
		arena_push(arena_of(parser), inputs->items, inputs->count, inputs->capacity, value);
	}
	return ERCC_OK;
}

static enum ercc_status parse_node(struct parser *parser, struct parse_scope *scope)
{
	struct parse_scope results = {.graph = scope->graph};
	struct value_list inputs = {0}, outputs = {0};
	struct attr_list attrs = {0};
	struct node facts = {.domain = "", .opset = scope->graph->opset, .name = ""};
	results.names = (struct map){.arena = arena_of(parser), .kind = MAP_TEXT};
	TRY(parse_results(parser, &results, &outputs));
	TRY(parse_expect(parser, "="));
	TRY(parse_call(parser, scope, &facts, &inputs));
	if (parse_mark(parser, "{"))
		TRY(parse_attrs(parser, scope, &attrs));
	if (parse_at(parser, '"'))
		TRY(parse_string(parser, &facts.name));
	for (size_t i = 0; i < outputs.count; i++) {
		if (outputs.items[i] && map_get(&scope->names, outputs.items[i]->name))
			return parse_error(parser,
			                   arena_printf(arena_of(parser), "'%s' is defined already", outputs.items[i]->name));
		if (outputs.items[i])
			map_set(&scope->names, outputs.items[i]->name, outputs.items[i]);
	}
	struct node *node = graph_add_node(scope->graph, NULL, facts.op_type, facts.name, inputs.items, (int)inputs.count,
	                                   outputs.items, (int)outputs.count);
	node->domain = facts.domain;
	node->opset = facts.opset;
	node_set_attrs(node, attrs.items, (int)attrs.count);
	return ERCC_OK;
}

/* size NAME: gives the value the next size number, which types refer to as in "64~1". */
static enum ercc_status parse_size(struct parser *parser, struct parse_scope *scope)
{
	struct value *value;
	TRY(parse_use(parser, scope, &value));
	if (!value)
		return parse_error(parser, "expected the name of a value");
	graph_add_size(scope->graph, value, MAX_ELEMENTS);
	return ERCC_OK;
}

static enum ercc_status parse_statements(struct parser *parser, struct parse_scope *scope)
{
	for (;;) {
		parse_skip_lines(parser);
		if (*parser->at == '\0' || *parser->at == '}')
			return ERCC_OK;
		if (parse_word(parser, "input"))
			TRY(parse_input(parser, scope));
		else if (parse_word(parser, "const"))
			TRY(parse_constant(parser, scope));
		else if (parse_word(parser, "output"))
			TRY(parse_output(parser, scope));
		else if (parse_word(parser, "size"))
			TRY(parse_size(parser, scope));
		else
			TRY(parse_node(parser, scope));
		if (!parse_at_line_end(parser))
			return parse_error(parser, "expected the end of the line");
	}
}

static enum ercc_status parse_header(struct parser *parser, struct graph *graph)
{
	graph->ir_version = DEFAULT_IR_VERSION;
	graph->opset = DEFAULT_OPSET;
	parse_skip_lines(parser);
	if (!parse_word(parser, "graph"))
		return ERCC_OK;
	TRY(parse_string(parser, &graph->name));
	while (!parse_at_line_end(parser)) {
		bool ir = parse_word(parser, "ir"), opset = !ir && parse_word(parser, "opset");
		if (!ir && !opset && !parse_word(parser, "producer"))
			return parse_error(parser, "expected ir, opset or producer");
		TRY(parse_expect(parser, "="));
		if (ir || opset)
			TRY(parse_int(parser, ir ? &graph->ir_version : &graph->opset));
		else
			TRY(parse_string(parser, &graph->producer));
	}
	return ERCC_OK;
}

enum ercc_status graph_parse(struct context *ctx, const char *text, struct graph **out)
{
	struct parser parser = {.ctx = ctx, .at = text, .line = 1};
	struct parse_scope scope = {.graph = graph_new(ctx, NULL)};
	scope.names = (struct map){.arena = &ctx->arena, .kind = MAP_TEXT};
	TRY(parse_header(&parser, scope.graph));
	TRY(parse_statements(&parser, &scope));
	if (*parser.at)
		return parse_error(&parser, "a brace too many");
	*out = scope.graph;
	return ERCC_OK;
}
