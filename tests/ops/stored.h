/* The numbers of the types of 8, 4 and 2 bits, from their definitions, and casts to them by a search over all codes. */
#ifndef ERC_STORED_H
#define ERC_STORED_H

#include <math.h>

#include "compiler/core/expr.h"
#include "tests/ops/pairs.h"

static const enum erc_dtype stored[] = {ERC_F8E4M3FN, ERC_F8E4M3FNUZ, ERC_F8E5M2, ERC_F8E5M2FNUZ, ERC_F8E8M0,
                                        ERC_F4E2M1,   ERC_U4,         ERC_I4,     ERC_U2,         ERC_I2};

static inline int code_count(enum erc_dtype dtype)
{
	return 1 << 8 / dtype_packing(dtype);
}

/* Sign, exponent and fraction of these widths. */
static inline double fields_value(int code, int width, int fraction, int bias)
{
	int exponent = (code & ((1 << (width - 1)) - 1)) >> fraction, part = code & ((1 << fraction) - 1);
	double value = exponent ? (1 + part / (double)(1 << fraction)) * pow(2, exponent - bias)
	                        : part / (double)(1 << fraction) * pow(2, 1 - bias);
	return code >> (width - 1) ? -value : value;
}

static inline double code_value(enum erc_dtype dtype, int code)
{
	int size = code & 0x7f;
	switch (dtype) {
	case ERC_F8E4M3FN: return size == 0x7f ? (double)NAN : fields_value(code, 8, 3, 7);
	case ERC_F8E4M3FNUZ: return code == 0x80 ? (double)NAN : fields_value(code, 8, 3, 8);
	case ERC_F8E5M2:
		return size > 0x7c    ? (double)NAN
		       : size == 0x7c ? (code > size ? -(double)INFINITY : (double)INFINITY)
		                      : fields_value(code, 8, 2, 15);
	case ERC_F8E5M2FNUZ: return code == 0x80 ? (double)NAN : fields_value(code, 8, 2, 16);
	case ERC_F8E8M0: return code == 255 ? (double)NAN : pow(2, code - 127);
	case ERC_F4E2M1: return fields_value(code, 4, 1, 1);
	case ERC_I4: return code < 8 ? code : code - 16;
	case ERC_I2: return code < 2 ? code : code - 4;
	default: return code;
	}
}

/* The code whose number is nearest to |x|, which is not NaN, and the even one of two. One more than the largest finite
 * number's code: it is nearer to the number that would follow. */
static inline int nearest_size(enum erc_dtype dtype, double x)
{
	int last = dtype == ERC_F4E2M1 ? 7 : 127;
	while (!isfinite(code_value(dtype, last)))
		last--;
	for (int code = 0; code <= last; code++) {
		double low = code_value(dtype, code);
		double high = code < last ? code_value(dtype, code + 1) : 2 * low - code_value(dtype, code - 1);
		double middle = (low + high) / 2;
		if (x < middle || (x == middle && code % 2 == 0))
			return code;
	}
	return last + 1;
}

/* What a cast to a float of 8 or 4 bits must give: the tables of ONNX's Cast. */
static inline int wanted_code(enum erc_dtype dtype, double x, bool saturate)
{
	bool fnuz = dtype == ERC_F8E4M3FNUZ || dtype == ERC_F8E5M2FNUZ;
	int sign = signbit(x) ? dtype == ERC_F4E2M1 ? 8 : 0x80 : 0;
	int largest = dtype == ERC_F8E4M3FN ? 0x7e : dtype == ERC_F8E5M2 ? 0x7b : dtype == ERC_F4E2M1 ? 7 : 0x7f;
	if (isnan(x))
		return fnuz ? 0x80 : dtype == ERC_F4E2M1 ? 8 : sign | (dtype == ERC_F8E5M2 ? 0x7e : 0x7f);
	int size = nearest_size(dtype, fabs(x));
	if (size > largest && (saturate || dtype == ERC_F4E2M1))
		size = largest;
	if (fnuz && size > largest)
		return 0x80;
	return fnuz && !size ? 0 : sign | size;
}

/* The same for a power of two. */
static inline int wanted_power(double x, bool saturate, enum rounding rounding)
{
	double size = fabs(x);
	if (isnan(x) || (!saturate && (size < 0x1p-127 || isinf(x))))
		return 255;
	int code = 0;
	while (code < 256 && pow(2, code - 127) <= size)
		code++;
	code--; /* the largest that is not above it */
	if (code < 0)
		return 0;
	double low = pow(2, code - 127);
	if (rounding == ROUND_UP ? size > low : rounding == ROUND_NEAREST && size >= 1.5 * low)
		code++;
	return code < 255 ? code : saturate ? 254 : 255;
}

/* Counts elements that do not have the same bits; floats that are both NaN are equal. */
static inline int wrong_bits(const char *name, const struct tensor *found, const struct tensor *wanted)
{
	size_t bytes = dtype_bytes(wanted->dtype);
	int wrong = 0;
	for (int64_t i = 0; i < shape_elements(&wanted->shape); i++) {
		const char *a = (const char *)found->data + (size_t)i * bytes,
				   *b = (const char *)wanted->data + (size_t)i * bytes;
		bool nan = dtype_is_float(wanted->dtype) && isnan(tensor_float(wanted, i)) && isnan(tensor_float(found, i));
		if (!nan && memcmp(a, b, bytes) && ++wrong)
			fprintf(stderr, "%s: element %lld differs\n", name, (long long)i);
	}
	return wrong;
}

#endif
