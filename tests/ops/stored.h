/* The numbers of the types of 8, 4 and 2 bits, from their definitions, and casts to them by a search over all codes. */
#ifndef ERC_STORED_H
#define ERC_STORED_H

#include <math.h>

#include "compiler/core/expr.h"
#include "tests/ops/compute.h"

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

/* ---- a model of many nodes: one output each ---- */

#define MAX_VALUES 600

struct pairs {
	struct text text;
	const struct tensor *inputs[MAX_VALUES], *wanted[MAX_VALUES];
	const char *names[MAX_VALUES];
	int input_count, output_count;
};

static inline struct pairs *begin_pairs(int opset)
{
	struct pairs *p = arena_new(&test.ctx.arena, struct pairs);
	p->text.arena = &test.ctx.arena;
	text_printf(&p->text, "graph \"stored\" opset=%d\n", opset);
	return p;
}

/* Adds an input, and returns its name. */
static inline const char *add_input(struct pairs *p, const struct tensor *tensor)
{
	const char *name = arena_printf(&test.ctx.arena, "x%d", p->input_count),
			   *dims = shape_text(&test.ctx.arena, &tensor->shape);
	text_printf(&p->text, "input %s:%s%s\n", name, dtype_name(tensor->dtype), dims);
	p->inputs[p->input_count++] = tensor;
	return name;
}

static inline void add_output(struct pairs *p, const char *title, const struct tensor *wanted)
{
	text_printf(&p->text, "output y%d\n", p->output_count);
	p->names[p->output_count] = title;
	p->wanted[p->output_count++] = wanted;
}

/* Whether two elements have the same bits, or are floats that are both NaN. */
static inline bool same_element(const struct tensor *a, const struct tensor *b, int64_t i)
{
	size_t bytes = dtype_bytes(a->dtype);
	if (dtype_is_float(a->dtype) && isnan(tensor_float(a, i)))
		return isnan(tensor_float(b, i));
	return !memcmp((const char *)a->data + (size_t)i * bytes, (const char *)b->data + (size_t)i * bytes, bytes);
}

static inline void check_pairs(const struct pairs *p, const char *what, const char *target)
{
	struct output outputs[MAX_VALUES];
	int64_t wrong = 0, count = 0;
	compile_text(p->text.data, target, NULL, 0);
	if (!run_on(p->inputs, p->input_count, outputs, p->output_count)) {
		printf("skipped: %s: this machine does not run %s\n", what, target);
		return;
	}
	for (int k = 0; k < p->output_count; k++) {
		const struct tensor *wanted = p->wanted[k];
		struct tensor got = {.dtype = wanted->dtype, .shape = wanted->shape, .data = outputs[k].data};
		ck_assert_msg(outputs[k].bytes == tensor_bytes(wanted), "%s: %s: %zu bytes", target, p->names[k],
		              outputs[k].bytes);
		for (int64_t i = 0; i < shape_elements(&wanted->shape); i++, count++)
			if (!same_element(wanted, &got, i) && ++wrong < 20)
				fprintf(stderr, "%s: %s: element %lld differs\n", target, p->names[k], (long long)i);
		free(outputs[k].data);
	}
	printf("%s: %d outputs, %lld elements on %s, %lld wrong\n", what, p->output_count, (long long)count, target,
	       (long long)wrong);
	ck_assert_int_eq(wrong, 0);
}

#endif
