/* Unpacked model -> graph: names become links, initializers become constants, and calls of local functions are replaced
 * by their bodies. This code does not know which operators exist. */
#include "onnx/reader.h"

#define MIN_IR_VERSION 3
#define MAX_IR_VERSION 14
/* Maximum bytes of a node's or value's own name inside a function; see MAX_PREFIX. */
#define MAX_INNER_NAME 96

struct value omitted_value = {.name = "", .shape.rank = -1};

/* ---- scopes ---- */

void scope_init(struct scope *scope, struct graph *graph, struct scope *outer)
{
	*scope = (struct scope){.outer = outer, .graph = graph};
	scope->names = (struct map){.arena = &graph->ctx->arena, .kind = MAP_TEXT};
	if (outer) {
		scope->call = outer->call;
		scope->opsets = outer->opsets;
		scope->opset_count = outer->opset_count;
		scope->depth = outer->depth + 1;
	}
}

struct value *scope_find(const struct scope *scope, const char *name)
{
	struct value *value = NULL;
	for (; scope && !value; scope = scope->outer)
		value = map_get(&scope->names, name);
	return value;
}

enum ercc_status scope_define(struct scope *scope, const char *name, struct value *value)
{
	if (map_get(&scope->names, name))
		return ERCC_MODEL;
	map_set(&scope->names, name, value);
	return ERCC_OK;
}

const char *scope_value_name(const struct scope *scope, const char *name)
{
	if (scope->call)
		name = arena_printf(&scope->graph->ctx->arena, "%s/%.*s", scope->call->prefix, MAX_INNER_NAME, name);
	return map_get(scope->graph->names, name) ? graph_unique_name(scope->graph, name) : name;
}

int64_t scope_opset(const struct scope *scope, const char *domain)
{
	for (size_t i = 0; i < scope->opset_count; i++)
		if (strcmp(domain_text(scope->opsets[i]->domain), domain) == 0)
			return scope->opsets[i]->version;
	return 0;
}

static enum ercc_status define_new(struct scope *scope, const char *owner, const char *name, struct value **out)
{
	struct value *value = graph_value(scope->graph, scope_value_name(scope, name));
	if (scope_define(scope, name, value) != ERCC_OK)
		return fail(scope->graph->ctx, ERCC_MODEL, "%s: '%s' is defined already", owner, name);
	*out = value;
	return ERCC_OK;
}

/* ---- nodes ---- */

static const char *node_name(const struct import *import, const struct scope *scope, const node_proto *proto)
{
	struct arena *arena = &import->ctx->arena;
	const char *name = proto->name;
	if (!name || !name[0])
		name = arena_printf(arena, "%s_%d", text_or_empty(proto->op_type), scope->graph->node_count);
	if (scope->call)
		name = arena_printf(arena, "%s/%.*s", scope->call->prefix, MAX_INNER_NAME, name);
	return name;
}

static enum ercc_status find_inputs(struct import *import, struct scope *scope, const char *owner,
                                    const node_proto *proto, struct value **inputs)
{
	for (size_t i = 0; i < proto->n_input; i++) {
		if (!proto->input[i][0])
			continue;
		struct value *value = scope_find(scope, proto->input[i]);
		if (!value)
			return fail(import->ctx, ERCC_MODEL, "%s: input '%s' is not defined", owner, proto->input[i]);
		inputs[i] = value == &omitted_value ? NULL : value;
	}
	return ERCC_OK;
}

/* `parts` counts the inputs, outputs, attributes and so on. Each takes less memory than a node. */
static enum ercc_status count_cost(struct import *import, size_t nodes, size_t parts)
{
	import->node_cost += (int64_t)(nodes + parts / 16);
	if (import->node_cost > MAX_NODES)
		return fail(import->ctx, ERCC_UNSUPPORTED, "model: more than %d nodes, calls of functions included", MAX_NODES);
	return ERCC_OK;
}

/* What is newer than the newest known version is taken as that version, with a note in the root graph, unless --strict
 * is given. Then unknown fields, attributes and types in it are refused. */
static enum ercc_status take_version(struct import *import, const char *what, int64_t least, int64_t newest,
                                     int64_t stated, int64_t *taken, int64_t *newer)
{
	if (stated < least || (stated > newest && import->ctx->options->strict))
		return fail(import->ctx, ERCC_UNSUPPORTED, "model: %s %lld is not one of %lld to %lld", what, (long long)stated,
		            (long long)least, (long long)newest);
	if (stated > newest && stated > *newer)
		*newer = stated;
	*taken = stated < newest ? stated : newest;
	return ERCC_OK;
}

/* The imported version of the node's domain. Domains other than ONNX's are not checked here, but with their
 * operators. */
static enum ercc_status find_opset(struct import *import, const struct scope *scope, const char *owner,
                                   const char *domain, int64_t *out)
{
	if (strcmp(domain, "erc") == 0)
		return fail(import->ctx, ERCC_UNSUPPORTED, "%s: the operators of the domain 'erc' are the compiler's own",
		            owner);
	*out = scope_opset(scope, domain);
	if (*out == 0 && domain[0] == '\0')
		return fail(import->ctx, ERCC_MODEL, "%s: the model imports no opset for ONNX's own operators", owner);
	if (*out == 0)
		*out = 1;
	int64_t *newer = scope->call ? &import->root->newer_function_opset : &import->root->newer_opset;
	return domain[0] ? ERCC_OK : take_version(import, "opset", 1, ONNX_NEWEST_OPSET, *out, out, newer);
}

static enum ercc_status import_node(struct import *import, struct scope *scope, const node_proto *proto)
{
	struct arena *arena = &import->ctx->arena;
	const char *name = node_name(import, scope, proto);
	const char *owner = arena_printf(arena, "node '%s' (%s)", name, text_or_empty(proto->op_type));
	struct value **inputs = arena_array(arena, proto->n_input, sizeof *inputs);
	struct value **outputs = arena_array(arena, proto->n_output, sizeof *outputs);
	struct attr *attrs;
	int attr_count;
	int64_t opset;
	TRY(count_cost(import, 1, proto->n_input + proto->n_output + proto->n_attribute));
	if (!proto->op_type || !proto->op_type[0])
		return fail(import->ctx, ERCC_MODEL, "node '%s': it has no operator", name);
	TRY(find_inputs(import, scope, owner, proto, inputs));
	const function_proto *function = find_function(import, proto);
	if (function)
		return inline_function(import, scope, function, proto, name, inputs);
	TRY(find_opset(import, scope, owner, domain_text(proto->domain), &opset));
	TRY(import_attributes(import, scope, owner, proto->attribute, proto->n_attribute, &attrs, &attr_count));
	for (size_t i = 0; i < proto->n_output; i++)
		if (proto->output[i][0])
			TRY(define_new(scope, owner, proto->output[i], &outputs[i]));
	struct node *node = graph_add_node(scope->graph, NULL, proto->op_type, name, inputs, (int)proto->n_input, outputs,
	                                   (int)proto->n_output);
	node->domain = domain_text(proto->domain);
	node->opset = opset;
	node->attrs = attrs;
	node->attr_count = attr_count;
	return ERCC_OK;
}

enum ercc_status import_nodes(struct import *import, struct scope *scope, node_proto *const *nodes, size_t count)
{
	TRY(order_nodes(import, scope, &nodes, count));
	for (size_t i = 0; i < count; i++)
		TRY(import_node(import, scope, nodes[i]));
	return ERCC_OK;
}

/* ---- graphs ---- */

static enum ercc_status define_constant(struct import *import, struct scope *scope, const char *name, const char *owner,
                                        const struct tensor *tensor)
{
	struct value *value;
	if (!name || !name[0])
		return fail(import->ctx, ERCC_MODEL, "%s: it has no name", owner);
	TRY(define_new(scope, owner, name, &value));
	value->dtype = tensor->dtype;
	value->shape = tensor->shape;
	value->constant = tensor;
	return ERCC_OK;
}

static enum ercc_status import_initializers(struct import *import, struct scope *scope, const graph_proto *proto)
{
	struct arena *arena = &import->ctx->arena;
	struct tensor *tensor;
	for (size_t i = 0; i < proto->n_initializer; i++) {
		const char *name = text_or_empty(proto->initializer[i]->name);
		const char *owner = arena_printf(arena, "initializer '%s'", name);
		TRY(import_tensor(&import->source, proto->initializer[i], owner, &tensor));
		TRY(define_constant(import, scope, name, owner, tensor));
	}
	for (size_t i = 0; i < proto->n_sparse_initializer; i++) {
		const sparse_proto *sparse = proto->sparse_initializer[i];
		const char *name = text_or_empty(sparse->values ? sparse->values->name : NULL);
		const char *owner = arena_printf(arena, "initializer '%s'", name);
		TRY(import_sparse_tensor(&import->source, sparse, owner, &tensor));
		TRY(define_constant(import, scope, name, owner, tensor));
	}
	return ERCC_OK;
}

static enum ercc_status import_input(struct import *import, struct scope *scope, const value_info_proto *proto,
                                     const char *owner)
{
	const char *name = text_or_empty(proto->name);
	struct stated_type type;
	struct value *value;
	TRY(import_type(import->ctx, proto->type, owner, &type));
	/* The inputs of a nested graph take the types of the values passed to them. */
	if (type.dtype == ERC_DTYPE_NONE && !scope->graph->parent)
		return fail(import->ctx, ERCC_MODEL, "%s: it has no element type", owner);
	TRY(define_new(scope, owner, name, &value));
	value->dtype = type.dtype;
	value->shape = type.shape;
	memcpy(value->dim_names, type.dim_names, sizeof value->dim_names);
	if (scope->graph->parent && type.kind) /* as far as it is known: a list has no dtype of its own */
		value->dtype = ERC_DTYPE_NONE, value->shape.rank = -1;
	else
		value->kind = type.kind;
	graph_add_input(scope->graph, value);
	return ERCC_OK;
}

static bool is_kept(const struct import *import, const char *name)
{
	const struct ercc_options *options = import->ctx->options;
	for (uint32_t i = 0; i < options->keep_input_count; i++)
		if (!strcmp(options->keep_inputs[i], name))
			return true;
	return false;
}

/* An input with a default: compiled in, or made an input again. */
static enum ercc_status import_default(struct import *import, struct scope *scope, const value_info_proto *proto,
                                       const char *owner, struct value *value)
{
	struct graph *graph = scope->graph;
	struct stated_type type;
	if (graph->parent)
		return ERCC_OK;
	arena_push(&import->ctx->arena, graph->defaults, graph->default_count, graph->default_capacity, value);
	TRY(import_type(import->ctx, proto->type, owner, &type));
	if (type.kind)
		return fail(import->ctx, ERCC_MODEL, "%s: its default is a tensor, but its type is not", owner);
	if ((type.dtype != ERC_DTYPE_NONE && type.dtype != value->dtype) || !shape_fits(&type.shape, &value->shape))
		return fail(import->ctx, ERCC_MODEL, "%s: it is %s%s, but its default is %s%s", owner, dtype_name(type.dtype),
		            shape_text(&import->ctx->arena, &type.shape), dtype_name(value->dtype),
		            shape_text(&import->ctx->arena, &value->shape));
	if (!is_kept(import, proto->name))
		return ERCC_OK;
	value->otherwise = value->constant;
	value->constant = NULL;
	value->shape = type.shape.rank < 0 ? value->shape : type.shape;
	memcpy(value->dim_names, type.dim_names, sizeof value->dim_names);
	graph_add_input(graph, value);
	return ERCC_OK;
}

/* Before IR version 4 every initializer had to be an input too, and later versions allow it. Every input that cannot be
 * imported is reported. */
static enum ercc_status import_inputs(struct import *import, struct scope *scope, const graph_proto *proto)
{
	enum ercc_status status = ERCC_OK;
	for (size_t i = 0; i < proto->n_input; i++) {
		const char *name = text_or_empty(proto->input[i]->name);
		const char *owner = arena_printf(&import->ctx->arena, "input '%s'", name);
		struct value *known = map_get(&scope->names, name);
		enum ercc_status one = known && known->constant ? import_default(import, scope, proto->input[i], owner, known)
		                       : name[0]                ? import_input(import, scope, proto->input[i], owner)
		                                                : fail(import->ctx, ERCC_MODEL, "input %zu: it has no name", i);
		if (one != ERCC_OK)
			status = one;
	}
	return status;
}

static enum ercc_status import_outputs(struct import *import, struct scope *scope, const graph_proto *proto)
{
	struct graph *graph = scope->graph;
	graph->output_types = arena_array(&import->ctx->arena, proto->n_output, sizeof *graph->output_types);
	for (size_t i = 0; i < proto->n_output; i++) {
		const char *name = text_or_empty(proto->output[i]->name);
		const char *owner = arena_printf(&import->ctx->arena, "output '%s'", name);
		struct value *value = scope_find(scope, name);
		TRY(import_type(import->ctx, proto->output[i]->type, owner, &graph->output_types[i]));
		if (!value || value == &omitted_value)
			return fail(import->ctx, ERCC_MODEL, "%s: nothing produces it", owner);
		graph_add_output(graph, name, value);
	}
	return ERCC_OK;
}

static enum ercc_status import_graph(struct import *import, struct scope *scope, const graph_proto *proto)
{
	scope->graph->name = text_or_empty(proto->name);
	TRY(count_cost(import, 0, proto->n_initializer + proto->n_sparse_initializer + proto->n_input + proto->n_output));
	TRY(import_initializers(import, scope, proto));
	TRY(import_inputs(import, scope, proto));
	TRY(import_nodes(import, scope, proto->node, proto->n_node));
	return import_outputs(import, scope, proto);
}

enum ercc_status import_nested_graph(struct import *import, struct scope *outer, const graph_proto *proto,
                                     struct graph **out)
{
	struct scope scope;
	if (outer->depth + 1 >= MAX_DEPTH)
		return fail(import->ctx, ERCC_MODEL, "graph '%s': graphs and functions are nested deeper than %d",
		            text_or_empty(proto->name), MAX_DEPTH);
	*out = graph_new(import->ctx, outer->graph);
	scope_init(&scope, *out, outer);
	return import_graph(import, &scope, proto);
}

/* ---- the model ---- */

static enum ercc_status check_versions(struct import *import)
{
	const model_proto *model = import->model;
	if (!model->has_ir_version)
		return fail(import->ctx, ERCC_MODEL, "model: it has no IR version; the file may not be an ONNX model");
	if (model->n_opset_import > MAX_LIST)
		return fail(import->ctx, ERCC_UNSUPPORTED, "model: it imports more than %d opsets", MAX_LIST);
	for (size_t i = 0; i < model->n_opset_import; i++) {
		const opset_proto *opset = model->opset_import[i];
		const char *domain = domain_text(opset->domain);
		for (size_t k = 0; k < i; k++)
			if (strcmp(domain_text(model->opset_import[k]->domain), domain) == 0 &&
			    model->opset_import[k]->version != opset->version)
				return fail(import->ctx, ERCC_MODEL, "model: it imports two versions of domain '%s'", domain);
	}
	return ERCC_OK;
}

enum ercc_status import_model(struct import *import, struct graph **out)
{
	const model_proto *model = import->model;
	struct scope scope;
	TRY(check_versions(import));
	TRY(index_functions(import));
	if (!model->graph)
		return fail(import->ctx, ERCC_MODEL, "model: it has no graph");
	if (model->graph->n_output == 0)
		return fail(import->ctx, ERCC_MODEL, "model: its graph has no outputs");
	struct graph *graph = graph_new(import->ctx, NULL);
	scope_init(&scope, graph, NULL);
	scope.opsets = model->opset_import;
	scope.opset_count = model->n_opset_import;
	import->root = graph;
	TRY(take_version(import, "IR version", MIN_IR_VERSION, MAX_IR_VERSION, model->ir_version, &graph->ir_version,
	                 &graph->newer_ir_version));
	if (graph->newer_ir_version && import->unknown_field)
		return fail(import->ctx, ERCC_UNSUPPORTED, "model: IR version %lld is newer than %d, and %s is not understood",
		            (long long)model->ir_version, MAX_IR_VERSION, import->unknown_field);
	if (scope_opset(&scope, ""))
		TRY(take_version(import, "opset", 1, ONNX_NEWEST_OPSET, scope_opset(&scope, ""), &graph->opset,
		                 &graph->newer_opset));
	graph->producer = text_or_empty(model->producer_name);
	TRY(import_graph(import, &scope, model->graph));
	arena_allow(&import->ctx->arena, (size_t)import->node_cost,
	            NODE_BYTES * (2 + import->ctx->options->target_count + import->ctx->options->budget_count));
	*out = graph;
	return ERCC_OK;
}
