/* AttributeProto -> attr. References to attributes of the calling node are resolved. */
#include "onnx/reader.h"

/* The unpacker's allocator has already put a NUL after the bytes. */
static const char *bytes_text(ProtobufCBinaryData bytes)
{
	return bytes.len ? (const char *)bytes.data : "";
}

static const char *const *string_list(struct import *import, const attribute_proto *proto)
{
	const char **strings = map_get(&import->source.imported, proto);
	if (strings)
		return strings;
	strings = arena_array(&import->ctx->arena, proto->n_strings, sizeof *strings);
	for (size_t i = 0; i < proto->n_strings; i++)
		strings[i] = bytes_text(proto->strings[i]);
	map_set(&import->source.imported, proto, strings);
	return strings;
}

/* Files of the first IR versions do not declare the type. It then follows from the field that is set. */
static int32_t attribute_type(const attribute_proto *proto)
{
	if (proto->has_type && proto->type)
		return proto->type;
	return proto->has_f           ? ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT
	       : proto->has_i         ? ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT
	       : proto->has_s         ? ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING
	       : proto->t             ? ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR
	       : proto->g             ? ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH
	       : proto->n_floats      ? ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS
	       : proto->n_ints        ? ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
	       : proto->n_strings     ? ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS
	       : proto->sparse_tensor ? ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSOR
	                              : ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED;
}

static enum ercc_status import_tensor_attribute(struct import *import, const char *owner, const attribute_proto *proto,
                                                struct attr *out)
{
	const char *what = arena_printf(&import->ctx->arena, "%s: attribute '%s'", owner, out->name);
	struct tensor *tensor;
	if (proto->t)
		TRY(import_tensor(&import->source, proto->t, what, &tensor));
	else if (proto->sparse_tensor)
		TRY(import_sparse_tensor(&import->source, proto->sparse_tensor, what, &tensor));
	else
		return fail(import->ctx, ERCC_MODEL, "%s has no tensor", what);
	out->kind = ATTR_TENSOR;
	out->tensor = tensor;
	return ERCC_OK;
}

static enum ercc_status import_value(struct import *import, struct scope *scope, const char *owner,
                                     const attribute_proto *proto, struct attr *out)
{
	switch (attribute_type(proto)) {
	case ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
		*out = (struct attr){.name = out->name, .kind = ATTR_FLOAT, .count = 1, .f = proto->f};
		return ERCC_OK;
	case ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
		*out = (struct attr){.name = out->name, .kind = ATTR_INT, .count = 1, .i = proto->i};
		return ERCC_OK;
	case ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
		*out = (struct attr){.name = out->name, .kind = ATTR_STRING, .count = 1, .s = bytes_text(proto->s)};
		return ERCC_OK;
	case ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
		*out = (struct attr){.name = out->name,
		                     .kind = ATTR_FLOATS,
		                     .count = (int64_t)proto->n_floats,
		                     .floats = proto->floats};
		return ERCC_OK;
	case ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
		*out =
			(struct attr){.name = out->name, .kind = ATTR_INTS, .count = (int64_t)proto->n_ints, .ints = proto->ints};
		return ERCC_OK;
	case ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
		*out = (struct attr){.name = out->name,
		                     .kind = ATTR_STRINGS,
		                     .count = (int64_t)proto->n_strings,
		                     .strings = string_list(import, proto)};
		return ERCC_OK;
	case ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
	case ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSOR:
		return import_tensor_attribute(import, owner, proto, out);
	case ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH:
		if (!proto->g)
			return fail(import->ctx, ERCC_MODEL, "%s: attribute '%s' has no graph", owner, out->name);
		out->kind = ATTR_GRAPH;
		return import_nested_graph(import, scope, proto->g, &out->graph);
	default: *out = (struct attr){.name = out->name, .kind = ATTR_OTHER}; return ERCC_OK;
	}
}

/* The attribute of the calling node, else the function's default. *found is false when neither exists. */
static enum ercc_status import_reference(struct import *import, struct scope *scope, const char *owner,
                                         const attribute_proto *proto, struct attr *out, bool *found)
{
	const char *name = proto->ref_attr_name;
	const struct call *call = scope->call;
	if (!call)
		return fail(import->ctx, ERCC_MODEL,
		            "%s: attribute '%s' refers to '%s' of a function, but is not in a function", owner, out->name,
		            name);
	*found = true;
	for (int i = 0; i < call->attr_count; i++) {
		if (strcmp(call->attrs[i].name, name) == 0) {
			const char *own_name = out->name;
			*out = call->attrs[i];
			out->name = own_name;
			return ERCC_OK;
		}
	}
	for (size_t i = 0; i < call->function->n_attribute_proto; i++) {
		const attribute_proto *otherwise = call->function->attribute_proto[i];
		if (strcmp(text_or_empty(otherwise->name), name) != 0)
			continue;
		if (attribute_type(otherwise) == ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH)
			return fail(import->ctx, ERCC_UNSUPPORTED, "%s: attribute '%s' has a graph as default", owner, name);
		return import_value(import, scope, owner, otherwise, out);
	}
	*found = false;
	return ERCC_OK;
}

enum ercc_status import_attributes(struct import *import, struct scope *scope, const char *owner,
                                   attribute_proto *const *protos, size_t count, struct attr **out, int *out_count)
{
	if (count > MAX_LIST)
		return fail(import->ctx, ERCC_UNSUPPORTED, "%s: %zu attributes are more than %d", owner, count, MAX_LIST);
	struct attr *attrs = arena_array(&import->ctx->arena, count, sizeof *attrs);
	int used = 0;
	for (size_t i = 0; i < count; i++) {
		const attribute_proto *proto = protos[i];
		struct attr *attr = &attrs[used];
		bool found = true;
		attr->name = text_or_empty(proto->name);
		if (!attr->name[0])
			return fail(import->ctx, ERCC_MODEL, "%s: attribute %zu has no name", owner, i);
		for (int k = 0; k < used; k++)
			if (strcmp(attrs[k].name, attr->name) == 0)
				return fail(import->ctx, ERCC_MODEL, "%s: attribute '%s' is given twice", owner, attr->name);
		if (proto->ref_attr_name && proto->ref_attr_name[0])
			TRY(import_reference(import, scope, owner, proto, attr, &found));
		else
			TRY(import_value(import, scope, owner, proto, attr));
		used += found;
	}
	*out = attrs;
	*out_count = used;
	return ERCC_OK;
}
