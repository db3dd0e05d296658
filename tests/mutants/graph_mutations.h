/* Mutations of graphs, types, versions, functions and nested graphs. */
#ifndef ERC_GRAPH_MUTATIONS_H
#define ERC_GRAPH_MUTATIONS_H

#include "tests/mutants/mutation.h"

/* ---- types and shapes ---- */

static bool shape_dim(onnx_model *model)
{
	onnx_tensor_type *type = any_tensor_type(model);
	if (!type || !type->shape || !type->shape->n_dim)
		return false;
	onnx_dim *dim = type->shape->dim[any(type->shape->n_dim)];
	dim->has_dim_value = any(4) != 0;
	dim->dim_value = ANY_OF(odd_numbers);
	dim->dim_param = dim->has_dim_value && any(4) ? NULL : any(2) ? "n" : odd_text();
	return true;
}

static bool shape_rank(onnx_model *model)
{
	onnx_tensor_type *type = any_tensor_type(model);
	if (!type || !type->shape)
		return false;
	uint32_t what = any(4);
	if (what == 0 && type->shape->n_dim)
		REMOVE(type->shape, dim, any(type->shape->n_dim));
	else if (what == 1)
		type->shape = NULL;
	else
		for (uint32_t i = any(4) ? 1 : 40; i; i--) {
			onnx_dim *dim = build_message(&test.ctx.arena, &erc__onnx__tensor_shape_proto__dimension__descriptor);
			dim->has_dim_value = 1;
			dim->dim_value = any(2) ? 1 : 2;
			PUSH(type->shape, dim, dim);
		}
	return true;
}

static bool type_element(onnx_model *model)
{
	onnx_tensor_type *type = any_tensor_type(model);
	if (!type)
		return false;
	type->has_elem_type = any(8) != 0;
	type->elem_type = any(8) ? (int)any(30) : -1 - (int)any(2) * 1000;
	return true;
}

/* Sequences and optionals of the type, one in the other. */
static Erc__Onnx__TypeProto *type_of(Erc__Onnx__TypeProto *type, uint32_t depth)
{
	for (; depth; depth--) {
		Erc__Onnx__TypeProto *outer = build_message(&test.ctx.arena, &erc__onnx__type_proto__descriptor);
		Erc__Onnx__TypeProto__Of *of = build_message(&test.ctx.arena, &erc__onnx__type_proto__of__descriptor);
		of->elem_type = any(12) ? type : NULL;
		*(any(2) ? &outer->sequence_type : &outer->optional_type) = of;
		type = outer;
	}
	return type;
}

static bool type_kind(onnx_model *model)
{
	onnx_value_info *info = any_info(model);
	if (!info || !info->type)
		return false;
	switch (any(6)) {
	case 0: info->type = NULL; break;
	case 1: info->type->tensor_type = NULL; break;
	case 2: info->type->map_type = build_message(&test.ctx.arena, &erc__onnx__type_proto__other__descriptor); break;
	case 3: info->type->sparse_tensor_type = info->type->tensor_type; break;
	case 4: info->type = type_of(info->type, 1 + any(3)); break;
	case 5: info->type = type_of(info->type, any(80)); break;
	}
	return true;
}

/* ---- versions ---- */

static bool version_opset(onnx_model *model)
{
	static const int64_t versions[] = {0, -1, 1, 5, 7, 9, 10, 12, 13, 18, 24, 28, 29, 1000, INT64_MAX, INT64_MIN};
	static char *const domains[] = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "own", "erc"};
	switch (any(6)) {
	case 0: model->n_opset_import = 0; return true;
	case 1: build_opset(&test.ctx.arena, model, ANY_OF(domains), ANY_OF(versions)); return true;
	case 2: build_opset(&test.ctx.arena, model, odd_text(), ANY_OF(versions)); return true;
	}
	if (!model->n_opset_import)
		return false;
	Erc__Onnx__OperatorSetIdProto *opset = model->opset_import[any(model->n_opset_import)];
	opset->has_version = any(8) != 0;
	opset->version = ANY_OF(versions);
	return true;
}

static bool version_ir(onnx_model *model)
{
	static const int64_t versions[] = {0, -1, 1, 2, 3, 4, 7, 13, 14, 15, 1000, INT64_MAX, INT64_MIN};
	model->has_ir_version = any(8) != 0;
	model->ir_version = ANY_OF(versions);
	return true;
}

/* ---- inputs, outputs, initializers ---- */

static bool graph_outputs(onnx_model *model)
{
	struct arena *arena = &test.ctx.arena;
	onnx_graph *graph = any_graph(model);
	uint32_t what = any(6), count = what == 0 ? 10000 : 1 + any(3);
	if (what == 1)
		graph->n_output = 0;
	else if (what == 2 && graph->n_output)
		REMOVE(graph, output, any(graph->n_output));
	else {
		onnx_value_info **all = copy_list(graph->output, graph->n_output, count, sizeof *all);
		for (uint32_t i = 0; i < count; i++)
			all[graph->n_output++] =
				build_info(arena, what == 5 ? odd_text() : any_value(model), ERC_F32, -1, NULL, NULL);
		graph->output = all;
	}
	return true;
}

static bool graph_inputs(onnx_model *model)
{
	static const int64_t dims[] = {2, 3, 4, 5};
	onnx_graph *graph = any_graph(model);
	uint32_t what = any(4);
	if (what == 0 && graph->n_input)
		REMOVE(graph, input, any(graph->n_input));
	else if (what == 1 && graph->n_input > 1)
		SWAP(graph->input, 0, any(graph->n_input));
	else
		PUSH(graph, input,
		     build_info(&test.ctx.arena, what == 2 ? any_value(model) : odd_text(), (int)any(27), (int)any(5), dims,
		                NULL));
	return true;
}

static bool graph_initializers(onnx_model *model)
{
	onnx_graph *graph = any_graph(model);
	uint32_t what = any(3);
	if (!graph->n_initializer)
		return false;
	onnx_tensor *tensor = graph->initializer[any(graph->n_initializer)];
	if (what == 0)
		REMOVE(graph, initializer, any(graph->n_initializer));
	else if (what == 1)
		PUSH(graph, initializer, tensor);
	else /* an input too, perhaps of another type */
		PUSH(graph, input,
		     build_info(&test.ctx.arena, tensor->name, any(2) ? tensor->data_type : (int)any(27),
		                (int)(any(2) ? tensor->n_dims : any(tensor->n_dims + 1)), tensor->dims, NULL));
	return true;
}

static bool graph_sparse(onnx_model *model)
{
	onnx_graph *graph = any_graph(model);
	if (!graph->n_initializer)
		return false;
	onnx_tensor *tensor = graph->initializer[any(graph->n_initializer)];
	Erc__Onnx__SparseTensorProto *sparse = build_message(&test.ctx.arena, &erc__onnx__sparse_tensor_proto__descriptor);
	static int64_t indices[] = {0, 1, 2, -1, INT64_MAX};
	int64_t count = 1 + any(5);
	sparse->values = any(8) ? tensor : NULL;
	if (any(8))
		sparse->indices = build_tensor(&test.ctx.arena, "", ERC_I64, 1, &count, indices + any(4), 8 * any(2));
	for (size_t i = 0; i < tensor->n_dims; i++)
		PUSH(sparse, dims, any(4) ? tensor->dims[i] : ANY_OF(odd_numbers));
	if (any(2))
		REMOVE(graph, initializer, 0);
	PUSH(graph, sparse_initializer, sparse);
	return true;
}

/* Renames a value everywhere, so that the model stays as valid as it was. */
static bool graph_rename(onnx_model *model)
{
	struct graphs graphs = {0};
	const char *old = any_value(model);
	char *name = odd_text();
	collect_graphs(&graphs, model->graph);
	for (size_t g = 0; g < graphs.count; g++) {
		onnx_graph *graph = graphs.items[g];
		for (size_t i = 0; i < graph->n_node; i++) {
			for (size_t k = 0; k < graph->node[i]->n_input; k++)
				if (!strcmp(graph->node[i]->input[k], old))
					graph->node[i]->input[k] = name;
			for (size_t k = 0; k < graph->node[i]->n_output; k++)
				if (!strcmp(graph->node[i]->output[k], old))
					graph->node[i]->output[k] = name;
		}
		for (size_t i = 0; i < graph->n_input; i++)
			if (!strcmp(name_of(graph->input[i]->name), old))
				graph->input[i]->name = name;
		for (size_t i = 0; i < graph->n_output; i++)
			if (!strcmp(name_of(graph->output[i]->name), old))
				graph->output[i]->name = name;
		for (size_t i = 0; i < graph->n_initializer; i++)
			if (!strcmp(name_of(graph->initializer[i]->name), old))
				graph->initializer[i]->name = name;
	}
	return true;
}

static bool graph_names(onnx_model *model)
{
	onnx_node *node = any_node(model);
	switch (any(4)) {
	case 0: any_graph(model)->name = any(4) ? odd_text() : NULL; break;
	case 1: model->producer_name = odd_text(); break;
	default:
		if (!node)
			return false;
		node->name = any(6) ? odd_text() : NULL;
	}
	return true;
}

/* ---- nodes ---- */

static bool nodes_moved(onnx_model *model)
{
	onnx_graph *graph = any_graph(model);
	uint32_t what = any(4);
	if (!graph->n_node)
		return false;
	if (what == 0)
		REMOVE(graph, node, any(graph->n_node));
	else if (what == 1)
		PUSH(graph, node, graph->node[any(graph->n_node)]);
	else if (what == 2)
		SWAP(graph->node, any(graph->n_node), any(graph->n_node));
	else {
		onnx_node *node = copy_message(graph->node[any(graph->n_node)]);
		for (size_t i = 0; i < node->n_output; i++)
			node->output[i] = arena_printf(&test.ctx.arena, "copy_%zu", i);
		PUSH(graph, node, node);
	}
	return true;
}

/* A long chain that ends in a new output. */
static bool nodes_many(onnx_model *model)
{
	struct arena *arena = &test.ctx.arena;
	onnx_graph *graph = model->graph;
	uint32_t count = 1 + any(3000);
	const char *from = any_value(model), *op = any(2) ? "Identity" : "Abs";
	if (!*from || strchr(from, ','))
		return false;
	graph->node = copy_list(graph->node, graph->n_node, count, sizeof *graph->node);
	for (uint32_t i = 0; i < count; i++) {
		const char *to = arena_printf(arena, "link_%u", i);
		graph->node[graph->n_node++] = build_free_node(arena, op, "", from, to);
		from = to;
	}
	PUSH(graph, output, build_info(arena, from, ERC_F32, -1, NULL, NULL));
	return true;
}

/* ---- functions ---- */

static onnx_function *function_of(onnx_model *model, const onnx_node *node, char *name)
{
	struct arena *arena = &test.ctx.arena;
	onnx_function *function = build_message(arena, &erc__onnx__function_proto__descriptor);
	function->name = name;
	function->domain = "own";
	function->input = copy_list(node->input, node->n_input, 0, sizeof *node->input);
	function->output = copy_list(node->output, node->n_output, 0, sizeof *node->output);
	function->n_input = node->n_input;
	function->n_output = node->n_output;
	PUSH(function, node, copy_message(node));
	if (any(2)) {
		function->opset_import = model->opset_import;
		function->n_opset_import = any(4) ? model->n_opset_import : 0;
	}
	PUSH(model, functions, function);
	return function;
}

/* Puts a node into a function and calls that, often in a wrong way. */
static bool function_wrap(onnx_model *model)
{
	const onnx_graph *graph = any_graph(model);
	if (!graph->n_node)
		return false;
	onnx_node *node = graph->node[any(graph->n_node)];
	onnx_function *function = function_of(model, node, "F");
	uint32_t what = any(10);
	node->op_type = what == 0 ? "G" : "F"; /* no such function */
	node->domain = "own";
	if (any(2))
		node->n_attribute = 0;
	if (what == 1) /* calls itself */
		PUSH(function, node, copy_message(node));
	else if (what == 2) { /* two call each other */
		onnx_function *other = function_of(model, node, "H");
		PUSH(other, node, copy_message(node));
		function->node[0]->op_type = "H";
		function->node[0]->domain = "own";
	} else if (what == 3)
		PUSH(model, functions, copy_message(function));
	else if (what == 4 && function->n_input)
		function->input[any(function->n_input)] = any(2) ? function->input[0] : odd_text();
	else if (what == 5 && function->n_output)
		function->output[any(function->n_output)] = any(2) ? function->output[0] : odd_text();
	else if (what == 6 && function->n_input)
		REMOVE(function, input, 0);
	else if (what == 7)
		function->domain = node->domain = any(2) ? "" : odd_text();
	else if (what == 8)
		node->op_type = function->name = any(2) ? "Add" : odd_text();
	return true;
}

/* Functions that each call the next one twice: some thousand nodes, or far too many. */
static bool function_tower(onnx_model *model)
{
	struct arena *arena = &test.ctx.arena;
	uint32_t levels = any(2) ? 2 + any(12) : 20 + any(60);
	const char *from = any_value(model);
	if (!*from || strchr(from, ','))
		return false;
	for (uint32_t i = 0; i < levels; i++) {
		onnx_function *function = build_message(arena, &erc__onnx__function_proto__descriptor);
		char *next = i + 1 == levels ? "Abs" : arena_printf(arena, "T%u", i + 1);
		function->name = arena_printf(arena, "T%u", i);
		function->domain = "own";
		PUSH(function, input, "x");
		PUSH(function, output, "y");
		for (int half = 0; half < 2; half++) {
			onnx_node *node = build_free_node(arena, next, "", half ? "z" : "x", half ? "y" : "z");
			node->domain = i + 1 == levels ? "" : "own";
			PUSH(function, node, node);
		}
		PUSH(model, functions, function);
	}
	onnx_node *call = build_free_node(arena, "T0", "", from, "tower");
	call->domain = "own";
	PUSH(model->graph, node, call);
	PUSH(model->graph, output, build_info(arena, "tower", ERC_F32, -1, NULL, NULL));
	return true;
}

/* ---- nested graphs ---- */

/* A graph with that node; the outer graph's values are used by their names. */
static onnx_graph *graph_of(const onnx_node *node)
{
	struct arena *arena = &test.ctx.arena;
	onnx_graph *graph = build_graph(arena, "branch");
	PUSH(graph, node, copy_message(node));
	for (size_t i = 0; i < node->n_output; i++) {
		char *name = arena_printf(arena, "inner_%zu", i);
		graph->node[0]->output[i] = name;
		PUSH(graph, output, build_info(arena, name, ERC_F32, -1, NULL, NULL));
	}
	return graph;
}

/* Puts a node into the branches of an If, or into the body of a Loop, often in a wrong way. */
static bool nested_wrap(onnx_model *model)
{
	struct arena *arena = &test.ctx.arena;
	onnx_graph *outer = any_graph(model);
	static uint8_t yes = 1;
	if (!outer->n_node)
		return false;
	uint32_t at = any(outer->n_node), what = any(9), depth = what == 0 ? 50 : what == 1 ? 80 : 1;
	const onnx_node *first = outer->node[at];
	for (uint32_t i = 0; i < depth; i++) {
		const onnx_node *node = outer->node[at];
		onnx_node *wrapped = build_free_node(arena, any(8) ? "If" : "Loop", "", "chosen", "");
		wrapped->output = copy_list(node->output, node->n_output, 0, sizeof *node->output);
		wrapped->n_output = node->n_output;
		build_graph_attr(arena, wrapped, "then_branch", graph_of(node));
		build_graph_attr(arena, wrapped, what == 2 ? "body" : "else_branch", graph_of(first));
		outer->node = copy_list(outer->node, outer->n_node, 0, sizeof *outer->node);
		outer->node[at] = wrapped;
	}
	onnx_node *wrapped = outer->node[at];
	onnx_graph *branch = wrapped->attribute[any(2)]->g;
	if (what == 3)
		branch->n_output = 0;
	else if (what == 4)
		wrapped->n_attribute = 1;
	else if (what == 5)
		branch->node[0]->n_output = 0;
	else if (what == 6 && branch->node[0]->n_output) /* a name of the outer graph */
		branch->node[0]->output[0] = branch->output[0]->name = any_value(model);
	else if (what == 7)
		PUSH(branch, input, build_info(arena, any_value(model), ERC_F32, 0, NULL, NULL));
	if (what != 8)
		PUSH(model->graph, initializer, build_tensor(arena, "chosen", ERC_BOOL, 0, NULL, &yes, 1));
	else
		PUSH(model->graph, input, build_info(arena, "chosen", ERC_BOOL, 0, NULL, NULL));
	return true;
}

#define GRAPH_MUTATIONS \
	{"shape: dim", shape_dim}, {"shape: rank", shape_rank}, {"type: element", type_element}, \
		{"type: kind", type_kind}, {"version: opset", version_opset}, {"version: IR", version_ir}, \
		{"graph: outputs", graph_outputs}, {"graph: inputs", graph_inputs}, \
		{"graph: initializers", graph_initializers}, {"graph: sparse", graph_sparse}, \
		{"graph: renamed value", graph_rename}, {"graph: names", graph_names}, {"nodes: moved", nodes_moved}, \
		{"nodes: many", nodes_many}, {"function: wrapped", function_wrap}, {"function: tower", function_tower}, \
	{ \
		"nested: wrapped", nested_wrap \
	}

#endif
