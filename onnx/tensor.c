/* TensorProto -> tensor: raw, typed and sparse data, checked against the shape. */
#include "onnx/reader.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw data are borrowed as they lie in the file");

/* The ONNX element types for which this project has no dtype. */
static const char *const other_types[] = {[27] = "float6e2m3", [28] = "float6e3m2"};

bool element_type_known(int32_t type)
{
	return type > 0 && type < ERC_DTYPE_COUNT && dtype_name((enum erc_dtype)type)[0] != '?';
}

const char *element_type_text(int32_t type)
{
	if (element_type_known(type))
		return dtype_name((enum erc_dtype)type);
	if (type >= 0 && (size_t)type < COUNT_OF(other_types) && other_types[type])
		return other_types[type];
	return type == 0 ? "undefined" : "unknown to this version";
}

static enum ercc_status import_shape(struct context *ctx, const int64_t *dims, size_t rank, const char *owner,
                                     struct shape *out)
{
	if (rank > MAX_RANK)
		return fail(ctx, ERCC_UNSUPPORTED, "%s: rank %zu is above %d", owner, rank, MAX_RANK);
	for (size_t i = 0; i < rank; i++)
		if (dims[i] < 0)
			return fail(ctx, ERCC_MODEL, "%s: dimension %zu is %lld", owner, i, (long long)dims[i]);
	*out = shape_of((int)rank, dims);
	if (shape_elements(out) < 0)
		return fail(ctx, ERCC_MODEL, "%s: shape %s has too many elements", owner, shape_text(&ctx->arena, out));
	return ERCC_OK;
}

/* ---- typed data ---- */

enum typed_field { NO_FIELD, FLOAT_DATA, INT32_DATA, INT64_DATA, DOUBLE_DATA, UINT64_DATA, STRING_DATA };

/* The field that holds elements of a dtype if they are not raw, and how many numbers make one element. */
static const struct {
	enum typed_field field;
	int numbers;
} typed_fields[ERC_DTYPE_COUNT] = {
	[ERC_F32] = {FLOAT_DATA, 1},
	[ERC_C64] = {FLOAT_DATA, 2},
	[ERC_F64] = {DOUBLE_DATA, 1},
	[ERC_C128] = {DOUBLE_DATA, 2},
	[ERC_I64] = {INT64_DATA, 1},
	[ERC_U64] = {UINT64_DATA, 1},
	[ERC_U32] = {UINT64_DATA, 1},
	[ERC_I32] = {INT32_DATA, 1},
	[ERC_I16] = {INT32_DATA, 1},
	[ERC_U16] = {INT32_DATA, 1},
	[ERC_I8] = {INT32_DATA, 1},
	[ERC_U8] = {INT32_DATA, 1},
	[ERC_BOOL] = {INT32_DATA, 1},
	[ERC_F16] = {INT32_DATA, 1},
	[ERC_BF16] = {INT32_DATA, 1},
	[ERC_STRING] = {STRING_DATA, 1},
	[ERC_F8E4M3FN... ERC_I2] = {INT32_DATA, 1}, /* a packed byte counts as one number */
};

/* The numbers of a typed field. *bytes is the size of one number. */
static const void *typed_data(const tensor_proto *proto, enum typed_field field, size_t *count, size_t *bytes)
{
	switch (field) {
	case FLOAT_DATA:
		*count = proto->n_float_data;
		*bytes = 4;
		return proto->float_data;
	case INT32_DATA:
		*count = proto->n_int32_data;
		*bytes = 4;
		return proto->int32_data;
	case INT64_DATA:
		*count = proto->n_int64_data;
		*bytes = 8;
		return proto->int64_data;
	case DOUBLE_DATA:
		*count = proto->n_double_data;
		*bytes = 8;
		return proto->double_data;
	case UINT64_DATA:
		*count = proto->n_uint64_data;
		*bytes = 8;
		return proto->uint64_data;
	default:
		*count = 0;
		*bytes = 0;
		return NULL;
	}
}

/* Keeps the low bytes of each number, because narrow types are stored in wider numbers. */
static const void *narrow(struct arena *arena, const void *numbers, size_t count, size_t wide, size_t bytes)
{
	char *data = arena_array(arena, count, bytes);
	for (size_t i = 0; i < count; i++)
		memcpy(data + i * bytes, (const char *)numbers + i * wide, bytes);
	return data;
}

static enum ercc_status import_typed(struct context *ctx, const tensor_proto *proto, const char *owner,
                                     struct tensor *tensor)
{
	size_t count, wide, bytes = dtype_bytes(tensor->dtype);
	int numbers = typed_fields[tensor->dtype].numbers, packing = dtype_packing(tensor->dtype);
	const void *data = typed_data(proto, typed_fields[tensor->dtype].field, &count, &wide);
	int64_t elements = shape_elements(&tensor->shape);
	if (count % (size_t)numbers || count / (size_t)numbers != (size_t)ceil_div(elements, packing))
		return fail(ctx, ERCC_MODEL, "%s: shape %s asks for %lld elements of %s, the file holds %zu%s", owner,
		            shape_text(&ctx->arena, &tensor->shape), (long long)elements, dtype_name(tensor->dtype),
		            count / (size_t)numbers, packing > 1 ? " packed bytes" : "");
	if (count == 0)
		tensor->data = "";
	else if (bytes >= wide)
		tensor->data = data;
	else
		tensor->data = narrow(&ctx->arena, data, count, wide, bytes);
	return ERCC_OK;
}

static enum ercc_status import_strings(struct context *ctx, const tensor_proto *proto, const char *owner,
                                       struct tensor *tensor)
{
	int64_t elements = shape_elements(&tensor->shape);
	if (proto->n_string_data != (size_t)elements)
		return fail(ctx, ERCC_MODEL, "%s: shape %s asks for %lld strings, the file holds %zu", owner,
		            shape_text(&ctx->arena, &tensor->shape), (long long)elements, proto->n_string_data);
	char **strings = arena_array(&ctx->arena, (size_t)elements, sizeof *strings);
	for (int64_t i = 0; i < elements; i++)
		strings[i] = arena_copy_bytes(&ctx->arena, proto->string_data[i].data, proto->string_data[i].len);
	tensor->data = strings;
	return ERCC_OK;
}

/* ---- raw data ---- */

/* Bytes in the file. */
static size_t stored_bytes(const struct tensor *tensor)
{
	return (size_t)packed_bytes(tensor->dtype, shape_elements(&tensor->shape));
}

/* Number of places that hold elements of the tensor. */
static int data_fields(const tensor_proto *proto)
{
	bool is_external = proto->data_location == ERC__ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	return is_external + (proto->raw_data.len > 0) + (proto->n_float_data > 0) + (proto->n_int32_data > 0) +
	       (proto->n_int64_data > 0) + (proto->n_double_data > 0) + (proto->n_uint64_data > 0) +
	       (proto->n_string_data > 0);
}

static enum ercc_status import_raw(struct context *ctx, const tensor_proto *proto, const char *owner,
                                   struct tensor *tensor)
{
	size_t bytes = stored_bytes(tensor);
	if (proto->raw_data.len != bytes)
		return fail(ctx, ERCC_MODEL, "%s: %s%s takes %zu bytes, the file holds %zu", owner, dtype_name(tensor->dtype),
		            shape_text(&ctx->arena, &tensor->shape), bytes, proto->raw_data.len);
	tensor->data = proto->raw_data.len ? (const void *)proto->raw_data.data : "";
	return ERCC_OK;
}

/* Makes every byte except 0 a 1, because later stages expect 0 or 1. */
static void normalise_bools(struct arena *arena, struct tensor *tensor)
{
	size_t bytes = tensor_bytes(tensor), i = 0;
	const uint8_t *data = tensor->data;
	while (i < bytes && data[i] <= 1)
		i++;
	if (i == bytes)
		return;
	uint8_t *copy = arena_alloc(arena, bytes);
	for (i = 0; i < bytes; i++)
		copy[i] = data[i] != 0;
	tensor->data = copy;
}

/* From packed elements to a byte each. */
static void unpack(struct arena *arena, struct tensor *tensor)
{
	void *data = arena_alloc(arena, tensor_bytes(tensor));
	elements_unpack(tensor->dtype, tensor->data, shape_elements(&tensor->shape), data);
	tensor->data = data;
}

enum ercc_status import_tensor(struct tensor_source *source, const tensor_proto *proto, const char *owner,
                               struct tensor **out)
{
	struct context *ctx = source->ctx;
	struct shape shape;
	if ((*out = map_get(&source->imported, proto)))
		return ERCC_OK;
	if (!element_type_known(proto->data_type))
		return fail(ctx, ERCC_UNSUPPORTED, "%s: element type %d (%s) is not supported", owner, proto->data_type,
		            element_type_text(proto->data_type));
	if (proto->segment)
		return fail(ctx, ERCC_UNSUPPORTED, "%s: tensors in segments are not supported", owner);
	TRY(import_shape(ctx, proto->dims, proto->n_dims, owner, &shape));
	if (data_fields(proto) > 1)
		return fail(ctx, ERCC_MODEL, "%s: its elements are given more than once", owner);
	struct tensor *tensor = tensor_new(&ctx->arena, (enum erc_dtype)proto->data_type, &shape, NULL);
	if (tensor->dtype == ERC_STRING)
		TRY(import_strings(ctx, proto, owner, tensor));
	else if (proto->data_location == ERC__ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
		TRY(external_data(source, proto, owner, stored_bytes(tensor), &tensor->data));
	else if (proto->has_raw_data)
		TRY(import_raw(ctx, proto, owner, tensor));
	else
		TRY(import_typed(ctx, proto, owner, tensor));
	if (tensor->dtype == ERC_BOOL)
		normalise_bools(&ctx->arena, tensor);
	if (dtype_packing(tensor->dtype) > 1)
		unpack(&ctx->arena, tensor);
	map_set(&source->imported, proto, tensor);
	*out = tensor;
	return ERCC_OK;
}

/* ---- sparse tensors ---- */

/* Offset of the element that entry `row` of the indices refers to; -1 if it is outside the shape. */
static int64_t sparse_offset(const struct tensor *indices, int64_t row, const struct shape *shape)
{
	if (indices->shape.rank == 1) {
		int64_t offset = tensor_int(indices, row);
		return offset < shape_elements(shape) ? offset : -1;
	}
	int64_t offset = 0;
	for (int i = 0; i < shape->rank; i++) {
		int64_t index = tensor_int(indices, row * shape->rank + i);
		if (index < 0 || index >= shape->dims[i])
			return -1;
		offset = offset * shape->dims[i] + index;
	}
	return offset;
}

static bool sparse_fits(const struct tensor *values, const struct tensor *indices, const struct shape *shape)
{
	if (values->shape.rank != 1 || values->dtype == ERC_STRING || indices->dtype != ERC_I64)
		return false;
	if (indices->shape.rank < 1 || indices->shape.rank > 2 || indices->shape.dims[0] != values->shape.dims[0])
		return false;
	return indices->shape.rank == 1 || indices->shape.dims[1] == shape->rank;
}

enum ercc_status import_sparse_tensor(struct tensor_source *source, const sparse_proto *proto, const char *owner,
                                      struct tensor **out)
{
	struct context *ctx = source->ctx;
	struct tensor *values, *indices;
	struct shape shape;
	if ((*out = map_get(&source->imported, proto)))
		return ERCC_OK;
	if (!proto->values || !proto->indices)
		return fail(ctx, ERCC_MODEL, "%s: a sparse tensor without values or indices", owner);
	TRY(import_shape(ctx, proto->dims, proto->n_dims, owner, &shape));
	TRY(import_tensor(source, proto->values, owner, &values));
	TRY(import_tensor(source, proto->indices, owner, &indices));
	source->sparse_elements += shape_elements(&shape);
	if (source->sparse_elements > MAX_SPARSE_ELEMENTS)
		return fail(ctx, ERCC_UNSUPPORTED, "%s: shape %s is too large for a sparse tensor", owner,
		            shape_text(&ctx->arena, &shape));
	if (!sparse_fits(values, indices, &shape))
		return fail(ctx, ERCC_MODEL, "%s: values, indices and shape of the sparse tensor do not agree", owner);
	size_t bytes = dtype_bytes(values->dtype);
	char *data = arena_array(&ctx->arena, (size_t)shape_elements(&shape), bytes);
	for (int64_t row = 0; row < values->shape.dims[0]; row++) {
		int64_t offset = sparse_offset(indices, row, &shape);
		if (offset < 0)
			return fail(ctx, ERCC_MODEL, "%s: index %lld of the sparse tensor lies outside %s", owner, (long long)row,
			            shape_text(&ctx->arena, &shape));
		memcpy(data + (size_t)offset * bytes, (const char *)values->data + (size_t)row * bytes, bytes);
	}
	*out = tensor_new(&ctx->arena, values->dtype, &shape, data);
	map_set(&source->imported, proto, *out);
	return ERCC_OK;
}
