/* Single nodes for networks whose values are not images. They are named as PyTorch's exporter names them, and
 * numbered if a module has several of one kind. */
#include <stdarg.h>

#include "tools/dev/make_model_nodes.h"

static bool name_is_taken(const onnx_graph *graph, const char *name)
{
	for (size_t i = 0; i < graph->n_node; i++)
		if (!strcmp(graph->node[i]->name, name))
			return true;
	return false;
}

onnx_node *emit_node(struct maker *maker, const char *module, const char *op_type, const char *inputs,
                     const char *output)
{
	const char *stem = arena_printf(maker->arena, "%s/%s", module_path(maker->arena, module), op_type), *name = stem;
	for (int i = 1; name_is_taken(maker->model->graph, name); i++)
		name = arena_printf(maker->arena, "%s_%d", stem, i);
	if (!output)
		output = arena_printf(maker->arena, "%s_output_0", name);
	return build_node(maker->arena, maker->model->graph, op_type, name, inputs, output);
}

const char *emit(struct maker *maker, const char *module, const char *op_type, const char *a, const char *b,
                 const char *c)
{
	const char *inputs = c   ? arena_printf(maker->arena, "%s,%s,%s", a, b, c)
	                     : b ? arena_printf(maker->arena, "%s,%s", a, b)
	                         : a;
	return emit_node(maker, module, op_type, inputs, NULL)->output[0];
}

const char *emit_axis(struct maker *maker, const char *module, const char *op_type, const char *a, const char *b,
                      int64_t axis)
{
	const char *inputs = b ? arena_printf(maker->arena, "%s,%s", a, b) : a;
	onnx_node *node = emit_node(maker, module, op_type, inputs, NULL);
	build_int(maker->arena, node, "axis", axis);
	return node->output[0];
}

static const char *emit_constant(struct maker *maker, const char *module, int dtype, int rank, int64_t count,
                                 const void *data, size_t bytes)
{
	onnx_node *node = emit_node(maker, module, "Constant", "", NULL);
	build_tensor_attr(maker->arena, node, "value", build_tensor(maker->arena, NULL, dtype, rank, &count, data, bytes));
	return node->output[0];
}

const char *emit_float(struct maker *maker, const char *module, float number)
{
	float *data = arena_new(maker->arena, float);
	*data = number;
	return emit_constant(maker, module, ERC_F32, 0, 0, data, sizeof *data);
}

const char *emit_index(struct maker *maker, const char *module, int64_t number)
{
	int64_t *data = arena_new(maker->arena, int64_t);
	*data = number;
	return emit_constant(maker, module, ERC_I64, 0, 0, data, sizeof *data);
}

const char *emit_list(struct maker *maker, const char *module, int count, ...)
{
	va_list numbers;
	int64_t *data = arena_array(maker->arena, (size_t)count, sizeof *data);
	va_start(numbers, count);
	for (int i = 0; i < count; i++)
		data[i] = va_arg(numbers, int);
	va_end(numbers);
	return emit_constant(maker, module, ERC_I64, 1, count, data, (size_t)count * sizeof *data);
}

static const char *emit_long(struct maker *maker, const char *module, int64_t number)
{
	int64_t *data = arena_new(maker->arena, int64_t);
	*data = number;
	return emit_constant(maker, module, ERC_I64, 1, 1, data, sizeof *data);
}

const char *emit_slice(struct maker *maker, const char *module, const char *x, int64_t axis, int64_t start, int64_t end,
                       int64_t step)
{
	const char *from = emit_long(maker, module, start), *to = emit_long(maker, module, end);
	const char *inputs =
		MODULE("%s,%s,%s,%s,%s", x, from, to, emit_long(maker, module, axis), emit_long(maker, module, step));
	return emit_node(maker, module, "Slice", inputs, NULL)->output[0];
}

const char *emit_transpose(struct maker *maker, const char *module, const char *x, int rank, const int64_t *order)
{
	onnx_node *node = emit_node(maker, module, "Transpose", x, NULL);
	build_ints(maker->arena, node, "perm", order, rank);
	return node->output[0];
}

const char *random_weight(struct maker *maker, const char *name, int rank, const int64_t *dims, float mean,
                          float deviation)
{
	int64_t count = 1;
	for (int i = 0; i < rank; i++)
		count *= dims[i];
	return weight(maker, name, rank, dims, random_weights(maker, name, count, mean, deviation));
}

void output_value(struct maker *maker, const char *value, const char *name, int rank, const int64_t *dims)
{
	onnx_graph *graph = maker->model->graph;
	build_node(maker->arena, graph, "Identity", arena_printf(maker->arena, "/%s", name), value, name);
	build_output(maker->arena, graph, build_info(maker->arena, name, ERC_F32, rank, dims, "batch"));
}
