/* Tensors in memory: creating, reading elements, random contents, comparing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/erc/command.h"

/* ---- element types ---- */

bool array_type_is_float(enum erc_dtype dtype)
{
	return dtype == ERC_F32 || dtype == ERC_F16 || dtype == ERC_F64 || dtype == ERC_BF16 || dtype == ERC_C64 ||
	       dtype == ERC_C128;
}

static double half_value(uint16_t bits)
{
	int exponent = bits >> 10 & 31, fraction = bits & 1023;
	double value = exponent == 31 ? (fraction ? NAN : INFINITY)
	               : exponent     ? ldexp(1024 + fraction, exponent - 25)
	                              : ldexp(fraction, -24);
	return bits >> 15 ? -value : value;
}

/* Rounds towards zero, which is exact enough for random inputs. */
static uint16_t half_bits(double value)
{
	uint16_t sign = value < 0 ? 0x8000 : 0;
	int exponent;
	double fraction = frexp(fabs(value), &exponent); /* in [0.5, 1) */
	if (exponent < -13)
		return sign;
	return (uint16_t)(sign | (exponent + 14) << 10 | ((int)(fraction * 2048) & 1023));
}

static double bf16_value(uint16_t bits)
{
	uint32_t wide = (uint32_t)bits << 16;
	float value;
	memcpy(&value, &wide, sizeof value);
	return value;
}

/* Element `index` of those that have so many bits, up to 8. */
static unsigned bits_at(const void *data, size_t index, uint32_t bits)
{
	size_t per = 8 / bits;
	return ((const uint8_t *)data)[index / per] >> index % per * bits & ((1u << bits) - 1);
}

/* A number of a sign, an exponent with this bias, and a fraction of so many bits. */
static double small_value(unsigned number, int width, int fraction, int bias)
{
	int exponent = (int)(number & ((1u << (width - 1)) - 1)) >> fraction, part = (int)number & ((1 << fraction) - 1);
	double value =
		exponent ? ldexp((1 << fraction) + part, exponent - bias - fraction) : ldexp(part, 1 - bias - fraction);
	return number >> (width - 1) ? -value : value;
}
static double e4m3fn_value(unsigned number)
{
	return (number & 0x7f) == 0x7f ? (double)NAN : small_value(number, 8, 3, 7);
}
static double e4m3fnuz_value(unsigned number)
{
	return number == 0x80 ? (double)NAN : small_value(number, 8, 3, 8);
}
static double e5m2_value(unsigned number)
{
	unsigned size = number & 0x7f;
	double infinity = number >> 7 ? -(double)INFINITY : (double)INFINITY;
	return size > 0x7c ? (double)NAN : size == 0x7c ? infinity : small_value(number, 8, 2, 15);
}
static double e5m2fnuz_value(unsigned number)
{
	return number == 0x80 ? (double)NAN : small_value(number, 8, 2, 16);
}
static double e2m1_value(unsigned number)
{
	return small_value(number, 4, 1, 1);
}
static double e8m0_value(unsigned number)
{
	return number == 255 ? (double)NAN : ldexp(1, (int)number - 127);
}
static double i4_value(unsigned number)
{
	return (int)(number ^ 8) - 8;
}
static double i2_value(unsigned number)
{
	return (int)(number ^ 2) - 2;
}

/* One line per type: reads element `index`. The two parts of a complex number are two elements. */
#define READ(id, type, convert) \
	static double read_##id(const void *data, size_t index) \
	{ \
		type value; \
		memcpy(&value, (const char *)data + index * sizeof value, sizeof value); \
		return (double)convert(value); \
	}
READ(f32, float, )
READ(u8, uint8_t, )
READ(i8, int8_t, )
READ(u16, uint16_t, )
READ(i16, int16_t, )
READ(i32, int32_t, )
READ(i64, int64_t, )
READ(f16, uint16_t, half_value)
READ(f64, double, )
READ(u32, uint32_t, )
READ(u64, uint64_t, )
READ(bf16, uint16_t, bf16_value)
#undef READ
#define READ_BITS(id, bits, convert) \
	static double read_##id(const void *data, size_t index) \
	{ \
		return (double)convert(bits_at(data, index, bits)); \
	}
READ_BITS(f8e4m3fn, 8, e4m3fn_value)
READ_BITS(f8e4m3fnuz, 8, e4m3fnuz_value)
READ_BITS(f8e5m2, 8, e5m2_value)
READ_BITS(f8e5m2fnuz, 8, e5m2fnuz_value)
READ_BITS(f8e8m0, 8, e8m0_value)
READ_BITS(f4e2m1, 4, e2m1_value)
READ_BITS(u4, 4, )
READ_BITS(i4, 4, i4_value)
READ_BITS(u2, 2, )
READ_BITS(i2, 2, i2_value)
#undef READ_BITS

typedef double (*read_fn)(const void *data, size_t index);
static const read_fn readers[ERC_DTYPE_COUNT] = {
	[ERC_F32] = read_f32,
	[ERC_U8] = read_u8,
	[ERC_I8] = read_i8,
	[ERC_U16] = read_u16,
	[ERC_I16] = read_i16,
	[ERC_I32] = read_i32,
	[ERC_I64] = read_i64,
	[ERC_BOOL] = read_u8,
	[ERC_F16] = read_f16,
	[ERC_F64] = read_f64,
	[ERC_U32] = read_u32,
	[ERC_U64] = read_u64,
	[ERC_C64] = read_f32,
	[ERC_C128] = read_f64,
	[ERC_BF16] = read_bf16,
	[ERC_F8E4M3FN] = read_f8e4m3fn,
	[ERC_F8E4M3FNUZ] = read_f8e4m3fnuz,
	[ERC_F8E5M2] = read_f8e5m2,
	[ERC_F8E5M2FNUZ] = read_f8e5m2fnuz,
	[ERC_F8E8M0] = read_f8e8m0,
	[ERC_F4E2M1] = read_f4e2m1,
	[ERC_U4] = read_u4,
	[ERC_I4] = read_i4,
	[ERC_U2] = read_u2,
	[ERC_I2] = read_i2,
};

double array_get(const struct array *array, size_t index)
{
	return readers[array->dtype](array->data, index);
}

/* ---- making ---- */

bool array_size(enum erc_dtype dtype, uint32_t rank, const int64_t *dims, size_t *count, size_t *bytes)
{
	size_t bits = erc_dtype_bits(dtype), total;
	*count = 1;
	if (!bits || !readers[dtype] || rank > ERC_MAX_RANK)
		return false;
	for (uint32_t i = 0; i < rank; i++)
		if (dims[i] < 0 || __builtin_mul_overflow(*count, (size_t)dims[i], count))
			return false;
	if (__builtin_mul_overflow(*count, bits, &total))
		return false;
	*bytes = total / 8 + (total % 8 != 0);
	return true;
}

bool array_new(struct array *array, enum erc_dtype dtype, uint32_t rank, const int64_t *dims)
{
	*array = (struct array){.dtype = dtype, .rank = rank};
	if (!array_size(dtype, rank, dims, &array->count, &array->bytes))
		return false;
	if (rank)
		memcpy(array->dims, dims, rank * sizeof *dims);
	array->data = calloc(1, array->bytes ? array->bytes : 1);
	return array->data != NULL;
}

void array_free(struct array *array)
{
	free(array->data);
	*array = (struct array){0};
}

char *dims_text(uint32_t rank, const int64_t *dims)
{
	char text[ERC_MAX_RANK * 24 + 4] = "[";
	size_t length = 1;
	for (uint32_t i = 0; i < rank && i < ERC_MAX_RANK; i++)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%lld", i ? "x" : "", (long long)dims[i]);
	return memory_printf("%s]", text);
}

char *array_type_text(enum erc_dtype dtype, uint32_t rank, const int64_t *dims)
{
	char *shape = dims_text(rank, dims);
	char *text = memory_printf("%s %s", erc_dtype_name(dtype), shape);
	free(shape);
	return text;
}

/* ---- random contents ---- */

static uint64_t random_next(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Approximately normal: the sum of four uniform numbers, scaled to standard deviation 1. Without libm, so the same
 * bits everywhere. */
static double random_normal(uint64_t *state)
{
	double sum = 0;
	for (int i = 0; i < 4; i++)
		sum += (double)(random_next(state) >> 11) * 0x1p-53;
	return (sum - 2) * 1.7320508075688772;
}

/* Any bits that are a finite number; powers of two near 1. */
static void fill_stored(struct array *array, uint64_t *state)
{
	uint8_t *data = array->data;
	bool is_power = array->dtype == ERC_F8E8M0;
	for (size_t i = 0; i < array->bytes; i++)
		do
			data[i] = (uint8_t)(is_power ? 120 + random_next(state) % 15 : random_next(state) >> 32);
		while (erc_dtype_bits(array->dtype) == 8 && !isfinite(array_get(array, i)));
	array_clear_rest(array);
}

void array_clear_rest(struct array *array)
{
	size_t used = array->count * erc_dtype_bits(array->dtype) % 8;
	if (used)
		((uint8_t *)array->data)[array->bytes - 1] &= (uint8_t)((1u << used) - 1);
}

void array_fill_random(struct array *array, uint64_t seed)
{
	uint64_t state = seed;
	size_t step = array->bytes && array->count ? array->bytes / array->count : 1;
	bool complex_pair = array->dtype == ERC_C64 || array->dtype == ERC_C128;
	size_t count = complex_pair ? array->count * 2 : array->count;
	step = complex_pair ? step / 2 : step;
	if (array->dtype >= ERC_F8E4M3FN) {
		fill_stored(array, &state);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		char *at = (char *)array->data + i * step;
		if (!array_type_is_float(array->dtype)) {
			*at = (char)(random_next(&state) % 2); /* little-endian; legal as an index of nearly every dim */
			continue;
		}
		double value = random_normal(&state);
		float narrow = (float)value;
		uint32_t bits;
		memcpy(&bits, &narrow, sizeof bits);
		uint16_t half = array->dtype == ERC_F16 ? half_bits(value) : (uint16_t)(bits >> 16);
		if (step == 8)
			memcpy(at, &value, 8);
		else if (step == 4)
			memcpy(at, &narrow, 4);
		else
			memcpy(at, &half, 2);
	}
}

/* ---- comparing ---- */

/* How far an element is from the expected value, relative to the limits: at most 1 is within them. */
static double excess(double actual, double expected, double rtol, double atol)
{
	if (actual == expected || (isnan(actual) && isnan(expected)))
		return 0;
	if (!isfinite(actual) || !isfinite(expected))
		return INFINITY;
	double limit = atol + rtol * fabs(expected);
	return limit > 0 ? fabs(actual - expected) / limit : INFINITY;
}

/* Compares bits, because doubles round 64-bit integers. */
static bool same_bits(const struct array *a, const struct array *b, size_t index)
{
	uint32_t bits = erc_dtype_bits(a->dtype);
	if (bits < 8)
		return bits_at(a->data, index, bits) == bits_at(b->data, index, bits);
	return !memcmp((const char *)a->data + index * bits / 8, (const char *)b->data + index * bits / 8, bits / 8);
}

struct comparison array_compare(const struct array *actual, const struct array *expected, double rtol, double atol)
{
	struct comparison result = {0};
	result.same_type = actual->dtype == expected->dtype && actual->rank == expected->rank &&
	                   !memcmp(actual->dims, expected->dims, actual->rank * sizeof *actual->dims);
	if (!result.same_type)
		return result;
	bool is_float = array_type_is_float(actual->dtype);
	bool complex_pair = actual->dtype == ERC_C64 || actual->dtype == ERC_C128;
	size_t count = complex_pair ? actual->count * 2 : actual->count;
	double worst = -1, difference = 0, norm = 0;
	for (size_t i = 0; i < count; i++) {
		double a = array_get(actual, i), e = array_get(expected, i), beyond;
		if (is_float)
			beyond = excess(a, e, rtol, atol);
		else
			beyond = same_bits(actual, expected, i) ? 0 : INFINITY;
		result.outside += beyond > 1;
		if (isfinite(a) && isfinite(e)) {
			difference += (a - e) * (a - e);
			norm += e * e;
		} else if (beyond > 1) {
			difference = INFINITY;
		}
		if (beyond > worst) {
			worst = beyond;
			result.worst = i;
			result.worst_actual = a;
			result.worst_expected = e;
		}
	}
	result.equal = !result.outside;
	result.relative_l2 = difference > 0 ? sqrt(difference) / sqrt(norm) : 0;
	return result;
}
