/* Mutations of attributes, of the inputs and outputs of nodes, and of tensors. */
#ifndef ERC_NODE_MUTATIONS_H
#define ERC_NODE_MUTATIONS_H

#include <math.h>

#include "tests/mutants/mutation.h"

/* ---- attributes ---- */

static void change_list(onnx_attr *attr)
{
	static const size_t lengths[] = {1, 2, 3, 9, 20, 300};
	attr->ints = copy_list(attr->ints, attr->n_ints, 300, sizeof *attr->ints);
	if (attr->n_ints && any(3))
		attr->ints[any(attr->n_ints)] = ANY_OF(odd_numbers);
	else if (attr->n_ints && any(2))
		attr->n_ints--;
	else
		for (size_t add = ANY_OF(lengths); add && attr->n_ints < 300; add--)
			attr->ints[attr->n_ints++] = any(2) ? 1 : ANY_OF(odd_numbers);
}

static bool attr_value(onnx_model *model)
{
	static const float floats[] = {0, -0.0f, -1, 1e-45f, 3.4e38f, -3.4e38f, INFINITY, -INFINITY, NAN};
	onnx_attr *attr = any_attr(model);
	if (!attr)
		return false;
	char *text = odd_text();
	if (attr->has_i)
		attr->i = ANY_OF(odd_numbers);
	else if (attr->has_f)
		attr->f = ANY_OF(floats);
	else if (attr->has_s)
		attr->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
	else if (attr->n_floats) {
		attr->floats = copy_list(attr->floats, attr->n_floats, 0, sizeof *attr->floats);
		attr->floats[any(attr->n_floats)] = ANY_OF(floats);
	} else if (attr->n_strings) {
		attr->strings = copy_list(attr->strings, attr->n_strings, 0, sizeof *attr->strings);
		attr->strings[any(attr->n_strings)] = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
	} else if (!attr->t && !attr->g)
		change_list(attr);
	else
		return false;
	return true;
}

static bool attr_type(onnx_model *model)
{
	static const int32_t types[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 99, -1};
	onnx_attr *attr = any_attr(model);
	if (attr)
		attr->type = ANY_OF(types);
	return attr;
}

static bool attr_untyped(onnx_model *model)
{
	onnx_attr *attr = any_attr(model);
	if (attr)
		attr->has_type = 0;
	return attr;
}

static bool attr_drop(onnx_model *model)
{
	onnx_node *node = any_node(model);
	if (!node || !node->n_attribute)
		return false;
	REMOVE(node, attribute, any(node->n_attribute));
	return true;
}

static bool attr_twice(onnx_model *model)
{
	onnx_node *node = any_node(model);
	if (!node || !node->n_attribute)
		return false;
	PUSH(node, attribute, node->attribute[any(node->n_attribute)]);
	return true;
}

static bool attr_more(onnx_model *model)
{
	static const char *const names[] = {"axis",     "axes",    "perm",       "to",       "alpha",        "kernel_shape",
	                                    "pads",     "group",   "mode",       "k",        "epsilon",      "value",
	                                    "keepdims", "strides", "block_size", "new_axis", "output_dtype", "saturate"};
	struct arena *arena = &test.ctx.arena;
	onnx_node *node = any_node(model);
	if (!node)
		return false;
	const char *name = any(4) ? ANY_OF(names) : odd_text();
	onnx_attr *attr = build_free_attr(arena, name, 1 + (int)any(8));
	attr->has_i = attr->type == ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
	attr->i = ANY_OF(odd_numbers);
	PUSH(node, attribute, attr);
	return true;
}

static bool attr_name(onnx_model *model)
{
	onnx_attr *attr = any_attr(model);
	if (attr)
		attr->name = odd_text();
	return attr;
}

static bool attr_reference(onnx_model *model)
{
	onnx_attr *attr = any_attr(model);
	if (attr)
		attr->ref_attr_name = any(2) ? attr->name : odd_text();
	return attr;
}

/* ---- inputs and outputs of nodes ---- */

static bool input_drop(onnx_model *model)
{
	onnx_node *node = any_node(model);
	if (!node || !node->n_input)
		return false;
	REMOVE(node, input, any(node->n_input));
	return true;
}

static bool input_twice(onnx_model *model)
{
	onnx_node *node = any_node(model);
	if (!node || !node->n_input)
		return false;
	PUSH(node, input, node->input[any(node->n_input)]);
	return true;
}

static bool input_rename(onnx_model *model)
{
	onnx_node *node = any_node(model);
	if (!node || !node->n_input)
		return false;
	node->input[any(node->n_input)] = any(3) == 0 ? "" : any(2) ? odd_text() : any_value(model);
	return true;
}

static bool input_swap(onnx_model *model)
{
	onnx_node *node = any_node(model);
	if (!node || node->n_input < 2)
		return false;
	uint32_t at = any(node->n_input - 1);
	SWAP(node->input, at, at + 1);
	return true;
}

static bool inputs_many(onnx_model *model)
{
	onnx_node *node = any_node(model);
	if (!node)
		return false;
	char *name = any(2) ? any_value(model) : "";
	for (uint32_t i = 1 + any(300); i; i--)
		PUSH(node, input, name);
	return true;
}

static bool output_drop(onnx_model *model)
{
	onnx_node *node = any_node(model);
	if (!node || !node->n_output)
		return false;
	if (any(2))
		node->output[any(node->n_output)] = "";
	else
		REMOVE(node, output, any(node->n_output));
	return true;
}

static bool output_more(onnx_model *model)
{
	onnx_node *node = any_node(model);
	if (!node)
		return false;
	for (uint32_t i = any(4) ? 1 : 400; i; i--)
		PUSH(node, output, arena_printf(&test.ctx.arena, "more_%u", i));
	return true;
}

static bool output_rename(onnx_model *model)
{
	onnx_node *node = any_node(model);
	if (!node || !node->n_output)
		return false;
	node->output[any(node->n_output)] = any(2) ? any_value(model) : odd_text();
	return true;
}

static bool node_cycle(onnx_model *model)
{
	const onnx_graph *graph = any_graph(model);
	if (!graph->n_node)
		return false;
	onnx_node *user = graph->node[any(graph->n_node)];
	const onnx_node *producer = any(2) ? user : graph->node[any(graph->n_node)];
	if (!user->n_input || !producer->n_output)
		return false;
	user->input[any(user->n_input)] = producer->output[any(producer->n_output)];
	return true;
}

static bool node_domain(onnx_model *model)
{
	static char *const domains[] = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "erc", "own"};
	onnx_node *node = any_node(model);
	if (node)
		node->domain = any(4) ? ANY_OF(domains) : odd_text();
	return node;
}

static bool node_operator(onnx_model *model)
{
	static char *const types[] = {
		"Add",
		"SequenceErase",
		"SequenceLength",
		"SequenceMap",
		"QuantizeLinear",
		"DequantizeLinear",
		"CastLike",
		"Conv",
		"Reshape",
		"Loop",
		"If",
		"Scan",
		"Constant",
		"Slice",
		"Gather",
		"Concat",
		"Split",
		"Resize",
		"LSTM",
		"Cast",
		"NonZero",
		"TopK",
		"Where",
		"Softmax",
		"Einsum",
		"Pad",
		"Unique",
		"OneHot",
		"ScatterND",
		"MatMul",
		"Expand",
		"ConstantOfShape",
		"Range",
		"Tile",
		"Attention",
		"DFT",
		"SequenceConstruct",
		"SequenceAt",
		"SequenceInsert",
		"SplitToSequence",
		"ConcatFromSequence",
		"SequenceMap",
		"Optional",
		"OptionalGetElement",
		"OptionalHasElement",
		"StringConcat",
	};
	onnx_node *node = any_node(model);
	if (node)
		node->op_type = any(6) ? ANY_OF(types) : any(2) ? odd_text() : NULL;
	return node;
}

/* ---- tensors ---- */

static bool tensor_length(onnx_model *model)
{
	onnx_tensor *tensor = any_tensor(model);
	if (!tensor || !tensor->has_raw_data)
		return false;
	size_t bytes = tensor->raw_data.len, change = 1 + any(16);
	size_t wanted = any(2) ? bytes + change : bytes > change ? bytes - change : 0;
	uint8_t *data = arena_alloc(&test.ctx.arena, wanted + 1);
	memcpy(data, tensor->raw_data.data, bytes < wanted ? bytes : wanted);
	tensor->raw_data = (ProtobufCBinaryData){wanted, data};
	return true;
}

static bool tensor_values(onnx_model *model)
{
	onnx_tensor *tensor = any_tensor(model);
	if (!tensor || !tensor->has_raw_data || !tensor->raw_data.len)
		return false;
	size_t bytes = tensor->raw_data.len, width = bytes % 8 ? 1 : 8;
	uint8_t *data = copy_list(tensor->raw_data.data, bytes, 0, 1);
	for (size_t at = 0; at < bytes; at += width)
		if (any(3) == 0)
			memcpy(data + at, &ANY_OF(odd_numbers), width);
	tensor->raw_data.data = data;
	return true;
}

static bool tensor_dims(onnx_model *model)
{
	onnx_tensor *tensor = any_tensor(model);
	if (!tensor)
		return false;
	tensor->dims = copy_list(tensor->dims, tensor->n_dims, 40, sizeof *tensor->dims);
	uint32_t what = any(4);
	if (what == 0 && tensor->n_dims)
		tensor->n_dims--;
	else if (what == 1)
		for (uint32_t i = any(4) ? 1 : 40; i; i--)
			tensor->dims[tensor->n_dims++] = 1;
	else if (tensor->n_dims)
		tensor->dims[any(tensor->n_dims)] = ANY_OF(odd_numbers);
	else
		return false;
	return true;
}

static bool tensor_type(onnx_model *model)
{
	onnx_tensor *tensor = any_tensor(model);
	if (!tensor)
		return false;
	tensor->has_data_type = any(8) != 0;
	tensor->data_type = any(8) ? (int)any(30) : -1 - (int)any(2) * 1000;
	return true;
}

static bool tensor_typed_data(onnx_model *model)
{
	onnx_tensor *tensor = any_tensor(model);
	if (!tensor)
		return false;
	tensor->has_raw_data = tensor->has_raw_data && any(2);
	for (uint32_t i = any(9), kind = any(4); i; i--) {
		if (kind == 0)
			PUSH(tensor, float_data, 1);
		else if (kind == 1)
			PUSH(tensor, int64_data, ANY_OF(odd_numbers));
		else if (kind == 2)
			PUSH(tensor, int32_data, (int32_t)ANY_OF(odd_numbers));
		else
			PUSH(tensor, string_data, ((ProtobufCBinaryData){1, (uint8_t *)"s"}));
	}
	return true;
}

static void add_entry(onnx_tensor *tensor, char *key, char *value)
{
	Erc__Onnx__StringStringEntryProto *entry =
		build_message(&test.ctx.arena, &erc__onnx__string_string_entry_proto__descriptor);
	entry->key = key;
	entry->value = value;
	PUSH(tensor, external_data, entry);
}

static bool tensor_external(onnx_model *model)
{
	static char *const paths[] = {"../x",       "/etc/passwd",  "",          ".",           "..",
	                              "model.onnx", "./model.onnx", "a/../../b", "no such file"};
	static char *const numbers[] = {"0",    "-1",   "99999999999999999999", "1e3", "",
	                                "0x10", "4096", "9223372036854775807"};
	onnx_tensor *tensor = any_tensor(model);
	if (!tensor)
		return false;
	tensor->has_data_location = 1;
	tensor->data_location = any(6) ? 1 : 7;
	tensor->has_raw_data = tensor->has_raw_data && any(4) == 0;
	if (any(8))
		add_entry(tensor, "location", any(5) ? ANY_OF(paths) : odd_text());
	if (any(2))
		add_entry(tensor, "offset", ANY_OF(numbers));
	if (any(2))
		add_entry(tensor, "length", ANY_OF(numbers));
	if (any(4) == 0)
		add_entry(tensor, odd_text(), odd_text());
	return true;
}

static bool tensor_name(onnx_model *model)
{
	onnx_tensor *tensor = any_tensor(model);
	if (tensor)
		tensor->name = any(3) ? any_value(model) : any(2) ? odd_text() : NULL;
	return tensor;
}

#define NODE_MUTATIONS \
	{"attribute: other value", attr_value}, {"attribute: other type", attr_type}, \
		{"attribute: no type", attr_untyped}, {"attribute: missing", attr_drop}, {"attribute: doubled", attr_twice}, \
		{"attribute: more", attr_more}, {"attribute: other name", attr_name}, \
		{"attribute: reference", attr_reference}, {"input: missing", input_drop}, {"input: doubled", input_twice}, \
		{"input: other name", input_rename}, {"input: swapped", input_swap}, {"input: many", inputs_many}, \
		{"output: missing", output_drop}, {"output: more", output_more}, {"output: other name", output_rename}, \
		{"node: cycle", node_cycle}, {"node: domain", node_domain}, {"node: operator", node_operator}, \
		{"tensor: length", tensor_length}, {"tensor: values", tensor_values}, {"tensor: dims", tensor_dims}, \
		{"tensor: type", tensor_type}, {"tensor: typed data", tensor_typed_data}, \
		{"tensor: external", tensor_external}, \
	{ \
		"tensor: name", tensor_name \
	}

#endif
