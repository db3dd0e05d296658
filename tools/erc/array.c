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

typedef double (*read_fn)(const void *data, size_t index);
static const read_fn readers[ERC_DTYPE_COUNT] = {
	[ERC_F32] = read_f32, [ERC_U8] = read_u8,   [ERC_I8] = read_i8,   [ERC_U16] = read_u16,  [ERC_I16] = read_i16,
	[ERC_I32] = read_i32, [ERC_I64] = read_i64, [ERC_BOOL] = read_u8, [ERC_F16] = read_f16,  [ERC_F64] = read_f64,
	[ERC_U32] = read_u32, [ERC_U64] = read_u64, [ERC_C64] = read_f32, [ERC_C128] = read_f64, [ERC_BF16] = read_bf16,
};

double array_get(const struct array *array, size_t index)
{
	return readers[array->dtype](array->data, index);
}

/* ---- making ---- */

bool array_new(struct array *array, enum erc_dtype dtype, uint32_t rank, const int64_t *dims)
{
	size_t count = 1, bytes = erc_dtype_bytes(dtype);
	*array = (struct array){.dtype = dtype, .rank = rank};
	if (!bytes || (unsigned)dtype >= ERC_DTYPE_COUNT || !readers[dtype] || rank > ERC_MAX_RANK)
		return false;
	for (uint32_t i = 0; i < rank; i++) {
		if (dims[i] < 0 || __builtin_mul_overflow(count, (size_t)dims[i], &count))
			return false;
		array->dims[i] = dims[i];
	}
	if (__builtin_mul_overflow(count, bytes, &bytes) || bytes > PTRDIFF_MAX)
		return false;
	array->count = count;
	array->bytes = bytes;
	array->data = calloc(1, bytes ? bytes : 1);
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

void array_fill_random(struct array *array, uint64_t seed)
{
	uint64_t state = seed;
	size_t step = array->bytes && array->count ? array->bytes / array->count : 1;
	bool complex_pair = array->dtype == ERC_C64 || array->dtype == ERC_C128;
	size_t count = complex_pair ? array->count * 2 : array->count;
	step = complex_pair ? step / 2 : step;
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
	size_t step = count ? actual->bytes / count : 0;
	double worst = -1, difference = 0, norm = 0;
	for (size_t i = 0; i < count; i++) {
		double a = array_get(actual, i), e = array_get(expected, i), beyond;
		if (is_float)
			beyond = excess(a, e, rtol, atol);
		else /* bytes, because doubles round 64-bit integers */
			beyond = memcmp((char *)actual->data + i * step, (char *)expected->data + i * step, step) ? INFINITY : 0;
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
