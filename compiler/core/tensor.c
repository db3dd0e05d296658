/* Types, shapes and constant tensors: sizes, names, element access. */
#include <assert.h>
#include <math.h>

#include "compiler/core/expr.h"
#include "compiler/core/graph.h"

static const struct {
	const char *name;
	int bits;
} dtypes[ERC_DTYPE_COUNT] = {
#define X(id, number, text, width) [number] = {text, width},
	ERC_DTYPES(X)
#undef X
};

static int dtype_bits(enum erc_dtype dtype)
{
	return (unsigned)dtype < ERC_DTYPE_COUNT ? dtypes[dtype].bits : 0;
}

size_t dtype_bytes(enum erc_dtype dtype)
{
	return (size_t)(dtype_bits(dtype) + 7) / 8;
}

int dtype_packing(enum erc_dtype dtype)
{
	int bits = dtype_bits(dtype);
	return bits && bits < 8 ? 8 / bits : 1;
}

int64_t packed_bytes(enum erc_dtype dtype, int64_t elements)
{
	return ceil_div(elements * (int64_t)dtype_bytes(dtype), dtype_packing(dtype));
}

uint8_t packed_element(enum erc_dtype dtype, int64_t number)
{
	return (uint8_t)(number & ((1 << dtype_bits(dtype)) - 1));
}

void elements_unpack(enum erc_dtype dtype, const void *packed, int64_t elements, void *out)
{
	int per = dtype_packing(dtype), bits = dtype_bits(dtype);
	for (int64_t i = 0; i < elements; i++)
		((uint8_t *)out)[i] = packed_element(dtype, ((const uint8_t *)packed)[i / per] >> i % per * bits);
}

void elements_pack(enum erc_dtype dtype, const void *bytes, int64_t elements, void *out)
{
	int per = dtype_packing(dtype), bits = dtype_bits(dtype);
	memset(out, 0, (size_t)packed_bytes(dtype, elements));
	for (int64_t i = 0; i < elements; i++)
		((uint8_t *)out)[i / per] |= (uint8_t)(((const uint8_t *)bytes)[i] << i % per * bits);
}

const char *dtype_name(enum erc_dtype dtype)
{
	const char *name = (unsigned)dtype < ERC_DTYPE_COUNT ? dtypes[dtype].name : NULL;
	return name ? name : "?";
}

enum erc_dtype dtype_from_name(const char *name, size_t length)
{
	for (unsigned i = 0; i < ERC_DTYPE_COUNT; i++)
		if (dtypes[i].name && strlen(dtypes[i].name) == length && memcmp(dtypes[i].name, name, length) == 0)
			return (enum erc_dtype)i;
	return ERC_DTYPE_NONE;
}

bool dtype_is_float(enum erc_dtype dtype)
{
	return dtype == ERC_F32 || dtype == ERC_F64 || dtype == ERC_F16 || dtype == ERC_BF16;
}

bool dtype_is_integer(enum erc_dtype dtype)
{
	const uint32_t integers = 1u << ERC_U8 | 1u << ERC_I8 | 1u << ERC_U16 | 1u << ERC_I16 | 1u << ERC_U32 |
	                          1u << ERC_I32 | 1u << ERC_U64 | 1u << ERC_I64;
	return (unsigned)dtype < ERC_DTYPE_COUNT && (integers >> dtype & 1);
}

bool dtype_is_stored(enum erc_dtype dtype)
{
	return dtype >= ERC_F8E4M3FN && dtype <= ERC_I2;
}

int64_t shape_elements(const struct shape *shape)
{
	int64_t product = 1;
	bool empty = false;
	if (shape->rank < 0)
		return -1;
	for (int i = 0; i < shape->rank; i++) {
		if (shape->dims[i] < 0)
			return -1;
		if (shape->dims[i] == 0)
			empty = true;
		else if (!mul_fits(product, shape->dims[i], &product) || product > MAX_ELEMENTS)
			return -1;
	}
	return empty ? 0 : product;
}

bool shape_known(const struct shape *shape)
{
	for (int i = 0; i < shape->rank; i++)
		if (shape->dims[i] < 0)
			return false;
	return shape->rank >= 0;
}

bool shape_fits(const struct shape *stated, const struct shape *shape)
{
	bool fits = stated->rank < 0 || stated->rank == shape->rank;
	for (int i = 0; fits && i < stated->rank; i++)
		fits = stated->dims[i] < 0 || stated->dims[i] == shape->dims[i];
	return fits;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
	if (a->rank != b->rank)
		return false;
	for (int i = 0; i < a->rank; i++)
		if (a->dims[i] != b->dims[i] || a->sizes[i] != b->sizes[i])
			return false;
	return true;
}

int shape_run_time_dim(const struct shape *shape)
{
	for (int i = 0; i < shape->rank; i++)
		if (shape->sizes[i])
			return i;
	return -1;
}

bool shape_is_dense(const struct shape *shape)
{
	bool outermost = true;
	for (int i = 0; i < shape->rank; i++) {
		if (shape->sizes[i] && !outermost)
			return false;
		outermost &= shape->dims[i] == 1 && !shape->sizes[i];
	}
	return true;
}

const char *shape_text(struct arena *arena, const struct shape *shape)
{
	if (shape->rank < 0)
		return "[*]";
	char text[MAX_RANK * 23 + 3], *end = text;
	*end++ = '[';
	for (int i = 0; i < shape->rank; i++) {
		if (i)
			*end++ = 'x';
		if (shape->dims[i] < 0)
			*end++ = '?';
		else
			end += snprintf(end, 23, "%s%lld", shape->sizes[i] ? "<=" : "", (long long)shape->dims[i]);
	}
	*end++ = ']';
	return arena_copy_bytes(arena, text, (size_t)(end - text));
}

struct shape shape_of(int rank, const int64_t *dims)
{
	assert(rank <= MAX_RANK);
	struct shape shape = {.rank = rank};
	for (int i = 0; i < rank; i++)
		shape.dims[i] = dims[i];
	return shape;
}

/* Bytes per stored element. Strings are stored as pointers. */
static size_t element_bytes(enum erc_dtype dtype)
{
	return dtype == ERC_STRING ? sizeof(char *) : dtype_bytes(dtype);
}

size_t tensor_bytes(const struct tensor *tensor)
{
	int64_t elements = tensor->splat ? 1 : shape_elements(&tensor->shape);
	assert(elements >= 0);
	return (size_t)elements * element_bytes(tensor->dtype);
}

struct tensor *tensor_new(struct arena *arena, enum erc_dtype dtype, const struct shape *shape, const void *data)
{
	struct tensor *tensor = arena_new(arena, struct tensor);
	*tensor = (struct tensor){.dtype = dtype, .shape = *shape, .data = data};
	return tensor;
}

const struct tensor *tensor_expand(struct arena *arena, const struct tensor *tensor)
{
	if (!tensor->splat)
		return tensor;
	size_t bytes = element_bytes(tensor->dtype);
	size_t total = (size_t)shape_elements(&tensor->shape) * bytes;
	char *data = arena_alloc(arena, total);
	if (total) {
		memcpy(data, tensor->data, bytes);
		/* Each copy doubles the filled part, so few copies are needed. */
		for (size_t filled = bytes, step; filled < total; filled += step) {
			step = filled < total - filled ? filled : total - filled;
			memcpy(data + filled, data, step);
		}
	}
	return tensor_new(arena, tensor->dtype, &tensor->shape, data);
}

float f16_to_float(uint16_t bits)
{
	int exponent = bits >> 10 & 31, fraction = bits & 1023;
	float magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
	                  : exponent == 0 ? ldexpf((float)fraction, -24)
	                                  : ldexpf((float)(fraction | 1024), exponent - 25);
	return bits & 0x8000 ? -magnitude : magnitude;
}

float bf16_to_float(uint16_t bits)
{
	uint32_t wide = (uint32_t)bits << 16;
	float number;
	memcpy(&number, &wide, sizeof number);
	return number;
}

/* Data may be borrowed from a file and unaligned, so elements are copied. */
#define READ(type) \
	({ \
		type element_; \
		memcpy(&element_, (const char *)tensor->data + (size_t)index * sizeof(type), sizeof(type)); \
		element_; \
	})

int64_t tensor_int(const struct tensor *tensor, int64_t index)
{
	if (tensor->splat)
		index = 0;
	switch (tensor->dtype) {
	case ERC_BOOL: return READ(uint8_t) != 0;
	case ERC_I8: return READ(int8_t);
	case ERC_I4: return (READ(uint8_t) ^ 8) - 8;
	case ERC_I2: return (READ(uint8_t) ^ 2) - 2;
	case ERC_U16: return READ(uint16_t);
	case ERC_I16: return READ(int16_t);
	case ERC_U32: return READ(uint32_t);
	case ERC_I32: return READ(int32_t);
	case ERC_U64: return (int64_t)READ(uint64_t);
	case ERC_I64: return READ(int64_t);
	default: assert(dtype_bytes(tensor->dtype) == 1); return READ(uint8_t);
	}
}

double tensor_float(const struct tensor *tensor, int64_t index)
{
	if (tensor->splat)
		index = 0;
	switch (tensor->dtype) {
	case ERC_F32: return READ(float);
	case ERC_F64: return READ(double);
	case ERC_F16: return f16_to_float(READ(uint16_t));
	case ERC_BF16: return bf16_to_float(READ(uint16_t));
	case ERC_U64: return (double)READ(uint64_t);
	default: return (double)tensor_int(tensor, index);
	}
}

union expr_value element_read(const void *base, enum erc_dtype dtype, int64_t index)
{
	struct tensor tensor = {.dtype = dtype, .data = base};
	if (dtype == ERC_F32 || dtype == ERC_F64)
		return (union expr_value){.f = tensor_float(&tensor, index)};
	if (dtype == ERC_F16 || dtype == ERC_BF16) /* their bits: the expression itself casts them */
		return (union expr_value){.i = ((const uint16_t *)base)[index]};
	if (dtype == ERC_BOOL || dtype_is_stored(dtype))
		return (union expr_value){.i = ((const uint8_t *)base)[index]};
	return (union expr_value){.i = tensor_int(&tensor, index)};
}

void element_write(void *base, enum erc_dtype dtype, int64_t index, union expr_value value)
{
	if (dtype == ERC_F32)
		((float *)base)[index] = (float)value.f;
	else if (dtype == ERC_F64)
		((double *)base)[index] = value.f;
	else
		memcpy((char *)base + index * (int64_t)dtype_bytes(dtype), &value.i, dtype_bytes(dtype)); /* little-endian */
}
