/* Writes graph text as an ONNX file, for tests that need a whole model. */
#ifndef ERC_MODEL_FILE_H
#define ERC_MODEL_FILE_H

#include "tools/dev/onnx_builder.h"
#include "tests/unit/graph_fixture.h"

/* The tensor's data as a file or a caller holds them: elements of 4 and 2 bits are packed. */
static inline const void *packed_data(const struct tensor *tensor, size_t *bytes)
{
	int64_t elements = shape_elements(&tensor->shape);
	*bytes = tensor_bytes(tensor);
	if (dtype_packing(tensor->dtype) == 1)
		return tensor->data;
	*bytes = (size_t)packed_bytes(tensor->dtype, elements);
	void *packed = arena_alloc(&test.ctx.arena, *bytes + 1);
	elements_pack(tensor->dtype, tensor->data, elements, packed);
	return packed;
}

static onnx_tensor *export_tensor(const char *name, const struct tensor *tensor)
{
	size_t bytes;
	const struct tensor *all = tensor_expand(&test.ctx.arena, tensor);
	const void *data = packed_data(all, &bytes);
	return build_tensor(&test.ctx.arena, name, all->dtype, all->shape.rank, all->shape.dims, data, bytes);
}

static void export_graph(onnx_graph *to, const struct graph *graph);

static void export_attr(onnx_node *to, const struct attr *attr)
{
	struct arena *arena = &test.ctx.arena;
	if (attr->kind == ATTR_INT)
		build_int(arena, to, attr->name, attr->i);
	else if (attr->kind == ATTR_FLOAT)
		build_float(arena, to, attr->name, attr->f);
	else if (attr->kind == ATTR_STRING)
		build_string(arena, to, attr->name, attr->s);
	else if (attr->kind == ATTR_INTS)
		build_ints(arena, to, attr->name, attr->ints, (int)attr->count);
	else if (attr->kind == ATTR_TENSOR)
		build_tensor_attr(arena, to, attr->name, export_tensor("", attr->tensor));
	else if (attr->kind == ATTR_FLOATS) {
		onnx_attr *floats = build_attr(arena, to, attr->name, ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
		for (int64_t i = 0; i < attr->count; i++)
			BUILD_PUSH(arena, floats, floats, attr->floats[i]);
	} else if (attr->kind == ATTR_STRINGS) {
		onnx_attr *texts = build_attr(arena, to, attr->name, ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
		for (int64_t i = 0; i < attr->count; i++) {
			ProtobufCBinaryData bytes = {strlen(attr->strings[i]), (uint8_t *)attr->strings[i]};
			BUILD_PUSH(arena, texts, strings, bytes);
		}
	} else if (attr->kind == ATTR_GRAPH) {
		onnx_graph *nested = build_graph(arena, attr->graph->name);
		build_graph_attr(arena, to, attr->name, nested);
		export_graph(nested, attr->graph);
	} else
		ck_abort_msg("attribute %s: no way to write it", attr->name);
}

static const char *joined(struct value *const *values, int count)
{
	struct text names = {.arena = &test.ctx.arena};
	for (int i = 0; i < count; i++)
		text_printf(&names, "%s%s", i ? "," : "", values[i] ? values[i]->name : "");
	return names.data ? names.data : "";
}

static void export_node(onnx_graph *top, const struct node *node)
{
	struct arena *arena = &test.ctx.arena;
	onnx_node *to = build_node(arena, top, node->op_type, node->name, joined(node->inputs, node->input_count),
	                           joined(node->outputs, node->output_count));
	to->domain = (char *)node->domain;
	for (int i = 0; i < node->attr_count; i++)
		export_attr(to, &node->attrs[i]);
	for (int i = 0; i < node->input_count; i++) {
		bool known = !node->inputs[i] || !node->inputs[i]->constant;
		for (size_t k = 0; !known && k < top->n_initializer; k++)
			known = !strcmp(top->initializer[k]->name, node->inputs[i]->name);
		if (!known)
			build_initializer(arena, top, export_tensor(node->inputs[i]->name, node->inputs[i]->constant));
	}
}

/* Open dims without a name are called n. */
static onnx_value_info *export_input(const struct value *input)
{
	onnx_value_info *info =
		build_info(&test.ctx.arena, input->name, input->dtype, input->shape.rank, input->shape.dims, "n");
	for (int d = 0; d < input->shape.rank; d++)
		if (input->shape.dims[d] < 0 && input->dim_names[d])
			info->type->tensor_type->shape->dim[d]->dim_param = (char *)(uintptr_t)input->dim_names[d];
	return info;
}

static void export_graph(onnx_graph *to, const struct graph *graph)
{
	struct arena *arena = &test.ctx.arena;
	for (size_t i = 0; i < graph->input_count; i++)
		build_input(arena, to, export_input(graph->inputs[i]));
	for (const struct node *node = graph->first; node; node = node->next)
		export_node(to, node);
	for (size_t i = 0; i < graph->output_count; i++)
		build_output(arena, to, build_info(arena, graph->outputs[i]->name, ERC_DTYPE_NONE, -1, NULL, NULL));
}

static onnx_model *export_text(const char *text)
{
	struct graph *graph;
	assert_ok(graph_parse(&test.ctx, text, &graph));
	onnx_model *model = build_model(&test.ctx.arena, graph->ir_version, graph->opset);
	export_graph(model->graph, graph);
	return model;
}

static void write_model_file(const char *path, const onnx_model *model)
{
	size_t bytes;
	void *data = build_pack(&test.ctx.arena, model, &bytes);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
	ck_assert_int_eq(fclose(file), 0);
}

static inline void write_model(const char *path, const char *text)
{
	write_model_file(path, export_text(text));
}

#endif
