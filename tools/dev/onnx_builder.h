/* Builds ONNX models in memory, for the model maker and for tests. Everything is in the caller's arena; names and
 * tensor data are borrowed. */
#ifndef ERC_ONNX_BUILDER_H
#define ERC_ONNX_BUILDER_H

#include "compiler/core/core.h"
#include "onnx.pb-c.h"

typedef Erc__Onnx__ModelProto onnx_model;
typedef Erc__Onnx__GraphProto onnx_graph;
typedef Erc__Onnx__NodeProto onnx_node;
typedef Erc__Onnx__TensorProto onnx_tensor;
typedef Erc__Onnx__AttributeProto onnx_attr;
typedef Erc__Onnx__ValueInfoProto onnx_value_info;
typedef Erc__Onnx__FunctionProto onnx_function;

/* Appends to a repeated field. The array doubles at powers of two, so it needs no capacity. */
#define BUILD_PUSH(arena, message, field, item) \
	((message)->field = build_grow((arena), (message)->field, (message)->n_##field, sizeof *(message)->field), \
	 (message)->field[(message)->n_##field++] = (item))

static inline void *build_grow(struct arena *arena, void *items, size_t count, size_t bytes)
{
	if (count & (count - 1))
		return items;
	void *grown = arena_array(arena, count ? 2 * count : 1, bytes);
	if (count)
		memcpy(grown, items, count * bytes);
	return grown;
}

static inline void *build_message(struct arena *arena, const ProtobufCMessageDescriptor *descriptor)
{
	void *message = arena_alloc(arena, descriptor->sizeof_message);
	protobuf_c_message_init(descriptor, message);
	return message;
}

static inline void build_opset(struct arena *arena, onnx_model *model, const char *domain, int64_t version)
{
	Erc__Onnx__OperatorSetIdProto *opset = build_message(arena, &erc__onnx__operator_set_id_proto__descriptor);
	opset->domain = (char *)domain;
	opset->has_version = 1;
	opset->version = version;
	BUILD_PUSH(arena, model, opset_import, opset);
}

static inline onnx_graph *build_graph(struct arena *arena, const char *name)
{
	onnx_graph *graph = build_message(arena, &erc__onnx__graph_proto__descriptor);
	graph->name = (char *)name;
	return graph;
}

static inline onnx_model *build_model(struct arena *arena, int64_t ir_version, int64_t opset)
{
	onnx_model *model = build_message(arena, &erc__onnx__model_proto__descriptor);
	model->has_ir_version = 1;
	model->ir_version = ir_version;
	model->producer_name = "erc";
	model->graph = build_graph(arena, "main");
	build_opset(arena, model, "", opset);
	return model;
}

/* ---- inputs and outputs ---- */

/* A tensor type. A dim of -1 takes `dim_name`; rank -1 declares no shape. */
static inline onnx_value_info *build_info(struct arena *arena, const char *name, int dtype, int rank,
                                          const int64_t *dims, const char *dim_name)
{
	onnx_value_info *info = build_message(arena, &erc__onnx__value_info_proto__descriptor);
	info->name = (char *)name;
	info->type = build_message(arena, &erc__onnx__type_proto__descriptor);
	info->type->tensor_type = build_message(arena, &erc__onnx__type_proto__tensor__descriptor);
	info->type->tensor_type->has_elem_type = 1;
	info->type->tensor_type->elem_type = dtype;
	if (rank < 0)
		return info;
	Erc__Onnx__TensorShapeProto *shape = build_message(arena, &erc__onnx__tensor_shape_proto__descriptor);
	info->type->tensor_type->shape = shape;
	for (int i = 0; i < rank; i++) {
		Erc__Onnx__TensorShapeProto__Dimension *dim =
			build_message(arena, &erc__onnx__tensor_shape_proto__dimension__descriptor);
		dim->has_dim_value = dims[i] >= 0;
		dim->dim_value = dims[i] >= 0 ? dims[i] : 0;
		dim->dim_param = dims[i] >= 0 ? NULL : (char *)dim_name;
		BUILD_PUSH(arena, shape, dim, dim);
	}
	return info;
}

/* Makes the type of the value a sequence, or an optional, of what it is. */
static inline void build_type_around(struct arena *arena, onnx_value_info *info, bool is_optional)
{
	Erc__Onnx__TypeProto *type = build_message(arena, &erc__onnx__type_proto__descriptor);
	Erc__Onnx__TypeProto__Of *of = build_message(arena, &erc__onnx__type_proto__of__descriptor);
	of->elem_type = info->type;
	*(is_optional ? &type->optional_type : &type->sequence_type) = of;
	info->type = type;
}

static inline void build_input(struct arena *arena, onnx_graph *graph, onnx_value_info *info)
{
	BUILD_PUSH(arena, graph, input, info);
}

static inline void build_output(struct arena *arena, onnx_graph *graph, onnx_value_info *info)
{
	BUILD_PUSH(arena, graph, output, info);
}

/* ---- tensors ---- */

/* With raw data if `bytes` is given; else without data. */
static inline onnx_tensor *build_tensor(struct arena *arena, const char *name, int dtype, int rank, const int64_t *dims,
                                        const void *data, size_t bytes)
{
	onnx_tensor *tensor = build_message(arena, &erc__onnx__tensor_proto__descriptor);
	tensor->name = (char *)name;
	tensor->has_data_type = 1;
	tensor->data_type = dtype;
	for (int i = 0; i < rank; i++)
		BUILD_PUSH(arena, tensor, dims, dims[i]);
	tensor->has_raw_data = data != NULL;
	tensor->raw_data.data = (uint8_t *)data;
	tensor->raw_data.len = bytes;
	return tensor;
}

static inline void build_initializer(struct arena *arena, onnx_graph *graph, onnx_tensor *tensor)
{
	BUILD_PUSH(arena, graph, initializer, tensor);
}

/* ---- nodes and attributes ---- */

/* Names are separated by commas; an empty name is an omitted input or output. "" means none. */
static inline onnx_node *build_free_node(struct arena *arena, const char *op_type, const char *name, const char *inputs,
                                         const char *outputs)
{
	onnx_node *node = build_message(arena, &erc__onnx__node_proto__descriptor);
	node->op_type = (char *)op_type;
	node->name = (char *)name;
	for (const char *at = inputs; *inputs && at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		BUILD_PUSH(arena, node, input, arena_copy_bytes(arena, at, strcspn(at, ",")));
	for (const char *at = outputs; *outputs && at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		BUILD_PUSH(arena, node, output, arena_copy_bytes(arena, at, strcspn(at, ",")));
	return node;
}

static inline onnx_node *build_node(struct arena *arena, onnx_graph *graph, const char *op_type, const char *name,
                                    const char *inputs, const char *outputs)
{
	onnx_node *node = build_free_node(arena, op_type, name, inputs, outputs);
	BUILD_PUSH(arena, graph, node, node);
	return node;
}

static inline onnx_attr *build_free_attr(struct arena *arena, const char *name, int type)
{
	onnx_attr *attr = build_message(arena, &erc__onnx__attribute_proto__descriptor);
	attr->name = (char *)name;
	attr->has_type = 1;
	attr->type = type;
	return attr;
}

static inline onnx_attr *build_attr(struct arena *arena, onnx_node *node, const char *name, int type)
{
	onnx_attr *attr = build_free_attr(arena, name, type);
	BUILD_PUSH(arena, node, attribute, attr);
	return attr;
}

static inline void build_int(struct arena *arena, onnx_node *node, const char *name, int64_t number)
{
	onnx_attr *attr = build_attr(arena, node, name, ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
	attr->has_i = 1;
	attr->i = number;
}

static inline void build_float(struct arena *arena, onnx_node *node, const char *name, float number)
{
	onnx_attr *attr = build_attr(arena, node, name, ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
	attr->has_f = 1;
	attr->f = number;
}

static inline void build_string(struct arena *arena, onnx_node *node, const char *name, const char *text)
{
	onnx_attr *attr = build_attr(arena, node, name, ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
	attr->has_s = 1;
	attr->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

static inline void build_ints(struct arena *arena, onnx_node *node, const char *name, const int64_t *numbers, int count)
{
	onnx_attr *attr = build_attr(arena, node, name, ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	for (int i = 0; i < count; i++)
		BUILD_PUSH(arena, attr, ints, numbers[i]);
}

static inline void build_tensor_attr(struct arena *arena, onnx_node *node, const char *name, onnx_tensor *tensor)
{
	build_attr(arena, node, name, ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR)->t = tensor;
}

static inline void build_graph_attr(struct arena *arena, onnx_node *node, const char *name, onnx_graph *graph)
{
	build_attr(arena, node, name, ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH)->g = graph;
}

/* ---- bytes ---- */

static inline void *build_pack(struct arena *arena, const void *message, size_t *bytes)
{
	*bytes = protobuf_c_message_get_packed_size(message);
	void *data = arena_alloc(arena, *bytes);
	protobuf_c_message_pack(message, data);
	return data;
}

#endif
