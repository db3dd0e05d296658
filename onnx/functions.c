/* Local functions: the nodes that call them are replaced by their bodies. */
#include "onnx/reader.h"

/* Maximum bytes of the caller's name in the names of a body. Otherwise nested calls would make names ever longer. */
#define MAX_PREFIX 96

static const char *function_key(const struct import *import, const char *domain, const char *name, const char *overload)
{
	return arena_printf(&import->ctx->arena, "%s\n%s\n%s", domain_text(domain), text_or_empty(name),
	                    text_or_empty(overload));
}

enum ercc_status index_functions(struct import *import)
{
	import->functions = (struct map){.arena = &import->ctx->arena, .kind = MAP_TEXT};
	for (size_t i = 0; i < import->model->n_functions; i++) {
		function_proto *function = import->model->functions[i];
		const char *key = function_key(import, function->domain, function->name, function->overload);
		if (map_get(&import->functions, key))
			return fail(import->ctx, ERCC_MODEL, "function '%s': it is defined twice", text_or_empty(function->name));
		if (function->n_attribute_proto > MAX_LIST || function->n_opset_import > MAX_LIST)
			return fail(import->ctx, ERCC_UNSUPPORTED, "function '%s': more than %d attributes or opset imports",
			            text_or_empty(function->name), MAX_LIST);
		map_set(&import->functions, key, function);
	}
	return ERCC_OK;
}

const function_proto *find_function(const struct import *import, const node_proto *node)
{
	if (import->functions.count == 0)
		return NULL;
	return map_get(&import->functions, function_key(import, node->domain, node->op_type, node->overload));
}

static enum ercc_status check_call(struct import *import, const struct scope *scope, const function_proto *function,
                                   const node_proto *node, const char *owner)
{
	for (const struct call *call = scope->call; call; call = call->caller)
		if (call->function == function)
			return fail(import->ctx, ERCC_MODEL, "%s: the function calls itself", owner);
	if (scope->depth + 1 >= MAX_DEPTH)
		return fail(import->ctx, ERCC_MODEL, "%s: graphs and functions are nested deeper than %d", owner, MAX_DEPTH);
	if (node->n_input > function->n_input || node->n_output > function->n_output)
		return fail(import->ctx, ERCC_MODEL, "%s: called with %zu inputs and %zu outputs; the function has %zu and %zu",
		            owner, node->n_input, node->n_output, function->n_input, function->n_output);
	return ERCC_OK;
}

static enum ercc_status bind_inputs(struct import *import, struct scope *body, const function_proto *function,
                                    struct value *const *inputs, size_t count, const char *owner)
{
	for (size_t i = 0; i < function->n_input; i++) {
		struct value *value = i < count && inputs[i] ? inputs[i] : &omitted_value;
		if (scope_define(body, function->input[i], value) != ERCC_OK)
			return fail(import->ctx, ERCC_MODEL, "%s: the function has two inputs '%s'", owner, function->input[i]);
	}
	return ERCC_OK;
}

static enum ercc_status bind_outputs(struct import *import, struct scope *scope, const struct scope *body,
                                     const function_proto *function, const node_proto *node, const char *owner)
{
	struct map passed = {.arena = &import->ctx->arena, .kind = MAP_POINTER};
	for (size_t i = 0; i < function->n_input; i++)
		map_set(&passed, scope_find(body, function->input[i]), &passed);
	for (size_t i = 0; i < node->n_output; i++) {
		if (!node->output[i][0])
			continue;
		struct value *value = scope_find(body, function->output[i]);
		if (!value)
			return fail(import->ctx, ERCC_MODEL, "%s: nothing in the function produces its output '%s'", owner,
			            function->output[i]);
		/* A value made by the body gets the name that the caller uses, because users look for that name. */
		if (value->producer && !map_get(&passed, value)) {
			value->name = scope_value_name(scope, node->output[i]);
			map_set(scope->graph->names, value->name, value);
		}
		if (scope_define(scope, node->output[i], value) != ERCC_OK)
			return fail(import->ctx, ERCC_MODEL, "%s: output '%s' is defined already", owner, node->output[i]);
	}
	return ERCC_OK;
}

enum ercc_status inline_function(struct import *import, struct scope *scope, const function_proto *function,
                                 const node_proto *node, const char *node_name, struct value *const *inputs)
{
	struct arena *arena = &import->ctx->arena;
	struct call call = {.caller = scope->call, .function = function};
	struct scope body;
	struct attr *attrs;
	const char *owner = arena_printf(arena, "node '%s' (%s)", node_name, node->op_type);
	TRY(check_call(import, scope, function, node, owner));
	TRY(import_attributes(import, scope, owner, node->attribute, node->n_attribute, &attrs, &call.attr_count));
	for (int i = 0; i < call.attr_count; i++)
		if (attrs[i].kind == ATTR_GRAPH)
			return fail(import->ctx, ERCC_UNSUPPORTED, "%s: attribute '%s' passes a graph to a function", owner,
			            attrs[i].name);
	call.attrs = attrs;
	call.prefix = arena_printf(arena, "%.*s", MAX_PREFIX, node_name);
	scope_init(&body, scope->graph, NULL);
	body.depth = scope->depth + 1;
	body.call = &call;
	body.opsets = function->n_opset_import ? function->opset_import : import->model->opset_import;
	body.opset_count = function->n_opset_import ? function->n_opset_import : import->model->n_opset_import;
	TRY(bind_inputs(import, &body, function, inputs, node->n_input, owner));
	TRY(import_nodes(import, &body, function->node, function->n_node));
	return bind_outputs(import, scope, &body, function, node, owner);
}
