/* TypeProto -> dtype, shape and kind of an input or output. */
#include "onnx/reader.h"

static enum ercc_status import_dims(struct context *ctx, const Erc__Onnx__TensorShapeProto *proto, const char *owner,
                                    struct stated_type *out)
{
	struct shape known = {0}; /* unknown dims count as 1 */
	if (proto->n_dim > MAX_RANK)
		return fail(ctx, ERCC_UNSUPPORTED, "%s: rank %zu is above %d", owner, proto->n_dim, MAX_RANK);
	out->shape.rank = known.rank = (int)proto->n_dim;
	for (size_t i = 0; i < proto->n_dim; i++) {
		const Erc__Onnx__TensorShapeProto__Dimension *dim = proto->dim[i];
		bool number = dim->has_dim_value && dim->dim_value >= 0;
		out->shape.dims[i] = number ? dim->dim_value : -1;
		known.dims[i] = number ? dim->dim_value : 1;
		if (!number && dim->dim_param && dim->dim_param[0])
			out->dim_names[i] = dim->dim_param;
	}
	if (shape_elements(&known) < 0)
		return fail(ctx, ERCC_MODEL, "%s: shape %s has too many elements", owner, shape_text(&ctx->arena, &out->shape));
	return ERCC_OK;
}

enum ercc_status import_type(struct context *ctx, const Erc__Onnx__TypeProto *proto, const char *owner,
                             struct stated_type *out)
{
	*out = (struct stated_type){.shape.rank = -1};
	if (proto && proto->optional_type) {
		out->kind |= VALUE_OPTIONAL;
		proto = proto->optional_type->elem_type;
	}
	if (proto && proto->sequence_type) {
		out->kind |= VALUE_SEQUENCE;
		proto = proto->sequence_type->elem_type;
	}
	if (!proto)
		return ERCC_OK;
	const char *other = proto->sequence_type        ? "sequence"
	                    : proto->map_type           ? "map"
	                    : proto->optional_type      ? "optional"
	                    : proto->sparse_tensor_type ? "sparse tensor"
	                                                : NULL;
	if (other)
		return fail(ctx, ERCC_UNSUPPORTED,
		            "%s: its type has a %s; dense tensors, sequences of them and optional ones are supported", owner,
		            other);
	if (!proto->tensor_type)
		return ERCC_OK;
	int32_t type = proto->tensor_type->elem_type;
	if (type != 0 && !element_type_known(type))
		return fail(ctx, ERCC_UNSUPPORTED, "%s: element type %d (%s) is not supported", owner, type,
		            element_type_text(type));
	out->dtype = (enum erc_dtype)type;
	if (proto->tensor_type->shape)
		TRY(import_dims(ctx, proto->tensor_type->shape, owner, out));
	return ERCC_OK;
}
