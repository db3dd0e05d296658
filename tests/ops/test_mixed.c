/* Operators that take two dtypes, in every pair that ONNX allows: the right numbers, or a refusal that names the operator
 * and both dtypes. Wanted values are libm's and exact integers. */
#include "compiler/core/expr.h"
#include "tests/ops/pairs.h"

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};

static const enum erc_dtype all_dtypes[] = {ERC_F32, ERC_F64, ERC_F16, ERC_BF16, ERC_I8,  ERC_U8,
                                            ERC_I16, ERC_U16, ERC_I32, ERC_U32,  ERC_I64, ERC_U64};
static const enum erc_dtype floats[] = {ERC_F32, ERC_F64, ERC_F16, ERC_BF16};
static const enum erc_dtype power_bases[] = {ERC_F32, ERC_F64, ERC_F16, ERC_BF16, ERC_I32, ERC_I64};

#define MAX_COUNT 10

/* ---- numbers of any dtype ---- */

static const struct tensor *tensor_of(enum erc_dtype dtype, const double *from, int count)
{
	char *data = arena_array(&test.ctx.arena, (size_t)count, sizeof(double));
	bool wide = dtype == ERC_F64 || dtype_is_integer(dtype);
	struct expr expr = {0};
	expr_cast(&expr, expr_operand(&expr, 0, wide ? ERC_F64 : ERC_F32), dtype);
	for (int i = 0; i < count; i++)
		element_write(data, dtype, i, expr_evaluate(&expr, &(union expr_value){.f = from[i]}));
	return tensor_new(&test.ctx.arena, dtype, &(struct shape){.rank = 1, .dims = {count}}, data);
}

static double number_of(const struct tensor *tensor, int64_t i)
{
	return dtype_is_float(tensor->dtype) ? tensor_float(tensor, i) : (double)tensor_int(tensor, i);
}

static double unit_of(enum erc_dtype dtype)
{
	return dtype == ERC_BF16  ? 0x1p-7
	       : dtype == ERC_F16 ? 0x1p-10
	       : dtype == ERC_F32 ? 1e-6
	       : dtype == ERC_F64 ? 1e-14
	                          : 0;
}

static int wrong_numbers(const char *name, const struct tensor *found, const struct tensor *wanted)
{
	int wrong = 0;
	for (int64_t i = 0; i < shape_elements(&wanted->shape); i++) {
		double number = number_of(found, i), want = number_of(wanted, i);
		if (!(fabs(number - want) <= 2 * unit_of(wanted->dtype) * (1 + fabs(want))) && ++wrong)
			fprintf(stderr, "%s: element %lld is %.17g, wanted %.17g\n", name, (long long)i, number, want);
	}
	return wrong;
}

static void check_all(const struct pairs *p, const char *what)
{
	int wrong = 0;
	for (size_t t = 0; t < COUNT_OF(targets); t++)
		wrong += check_on(p, what, targets[t], wrong_numbers);
	ck_assert_int_eq(wrong, 0);
}

/* ---- Pow: the result has the base's dtype; integers of integers wrap, all else is truncated ---- */

static const struct tensor *powers(const struct tensor *base, const struct tensor *exponent)
{
	bool whole = !dtype_is_float(exponent->dtype) && !dtype_is_float(base->dtype);
	int count = (int)shape_elements(&base->shape);
	double wanted[MAX_COUNT];
	for (int i = 0; i < count; i++) {
		double a = number_of(base, i), b = number_of(exponent, i), y = whole ? 1 : pow(a, b);
		for (int k = 0; whole && k < b; k++)
			y *= a;
		wanted[i] = dtype_is_float(base->dtype) ? y : trunc(y);
	}
	return tensor_of(base->dtype, wanted, count);
}

START_TEST(powers_of_all_dtypes)
{
	static const double bases[] = {9, 100, 16, 2, 7, 3, 27, 5, 4, 1}, whole[] = {2, 1, 0, 5, 3, 6, 2, 4, 7, 9},
						roots[] = {0.5, 0.5, 0.25, 1.5, 0, 2.5, 2, -1, 0.75, -0.5};
	struct pairs *p = begin(15);
	for (size_t b = 0; b < COUNT_OF(power_bases); b++)
		for (size_t e = 0; e < COUNT_OF(all_dtypes); e++) {
			enum erc_dtype exponent = all_dtypes[e];
			const double *exponents = !dtype_is_float(exponent) ? whole : roots;
			const struct tensor *base = tensor_of(power_bases[b], bases, MAX_COUNT),
								*power = tensor_of(exponent, exponents, MAX_COUNT);
			const char *x = add_input(p, base, "[10]"), *y = add_input(p, power, "[10]");
			text_printf(&p->text, "y%d = Pow(%s, %s)\n", p->output_count, x, y);
			add_output(p,
			           arena_printf(&test.ctx.arena, "Pow of %s and %s", dtype_name(power_bases[b]),
			                        dtype_name(exponent)),
			           powers(base, power));
		}
	check_all(p, "Pow");
}
END_TEST

/* ---- OneHot: the result has the dtype of the values, whatever the indices have ---- */

START_TEST(one_hot_of_all_dtypes)
{
	static const double indices[] = {2, 0, 1}, values[] = {3, 5}, wanted[] = {3, 3, 5, 5, 3, 3, 3, 5, 3};
	struct pairs *p = begin(11);
	text_printf(&p->text, "const depth:i64[1] = {3}\n");
	for (size_t k = 0; k < COUNT_OF(all_dtypes); k++)
		for (size_t v = 0; v < COUNT_OF(all_dtypes); v += k ? 3 : 1) {
			const char *x = add_input(p, tensor_of(all_dtypes[k], indices, 3), "[3]"),
					   *y = add_input(p, tensor_of(all_dtypes[v], values, 2), "[2]");
			text_printf(&p->text, "y%d = OneHot(%s, depth, %s)\n", p->output_count, x, y);
			add_output(p,
			           arena_printf(&test.ctx.arena, "OneHot of %s and %s", dtype_name(all_dtypes[k]),
			                        dtype_name(all_dtypes[v])),
			           tensor_of(all_dtypes[v], wanted, 9));
		}
	check_all(p, "OneHot");
}
END_TEST

/* ---- BatchNormalization: x, scale and bias, mean and variance have three dtypes; the result has x's ---- */

START_TEST(batch_normalisation_of_all_dtypes)
{
	static const double xs[] = {1, 2, 3, 4, 5, 6}, scale[] = {2, 4}, bias[] = {1, 0.5}, mean[] = {2, 5},
						variance[] = {0.25, 4};
	double wanted[6];
	struct pairs *p = begin(15);
	for (int i = 0; i < 6; i++)
		wanted[i] = (xs[i] - mean[i / 3]) / sqrt(variance[i / 3]) * scale[i / 3] + bias[i / 3];
	for (size_t k = 0; k < 64; k++) {
		enum erc_dtype x = floats[k / 16], s = floats[k / 4 % 4], m = floats[k % 4];
		const char *names[] = {add_input(p, tensor_of(x, xs, 6), "[1x2x3]"),
		                       add_input(p, tensor_of(s, scale, 2), "[2]"), add_input(p, tensor_of(s, bias, 2), "[2]")};
		const char *last[] = {add_input(p, tensor_of(m, mean, 2), "[2]"),
		                      add_input(p, tensor_of(m, variance, 2), "[2]")};
		text_printf(&p->text, "y%d = BatchNormalization(%s, %s, %s, %s, %s) {epsilon=1e-20}\n", p->output_count,
		            names[0], names[1], names[2], last[0], last[1]);
		add_output(p,
		           arena_printf(&test.ctx.arena, "BatchNormalization of %s, %s and %s", dtype_name(x), dtype_name(s),
		                        dtype_name(m)),
		           tensor_of(x, wanted, 6));
	}
	check_all(p, "BatchNormalization");
}
END_TEST

/* ---- RMSNormalization: the result has the scale's dtype; GridSample: it has the image's ---- */

START_TEST(root_mean_squares_of_all_dtypes)
{
	static const double xs[] = {1, 2, 3, 4, 5, 6}, scale[] = {2, 4, 1, 3, 0.5, 8};
	double wanted[6], squares = 0;
	struct pairs *p = begin(23);
	for (int i = 0; i < 6; i++)
		squares += xs[i] * xs[i] / 6;
	for (int i = 0; i < 6; i++)
		wanted[i] = xs[i] / sqrt(squares) * scale[i];
	for (size_t k = 0; k < 16; k++) {
		enum erc_dtype x = floats[k / 4], s = floats[k % 4];
		const char *a = add_input(p, tensor_of(x, xs, 6), "[1x6]"), *b = add_input(p, tensor_of(s, scale, 6), "[6]");
		text_printf(&p->text, "y%d = RMSNormalization(%s, %s) {epsilon=1e-20}\n", p->output_count, a, b);
		add_output(p, arena_printf(&test.ctx.arena, "RMSNormalization of %s and %s", dtype_name(x), dtype_name(s)),
		           tensor_of(s, wanted, 6));
	}
	check_all(p, "RMSNormalization");
}
END_TEST

START_TEST(sampling_of_all_dtypes)
{
	static const double xs[] = {1, 2, 3, 4}, grid[] = {0, 0, 0.5, -0.5}, wanted[] = {2.5, 2}, whole[] = {2, 2};
	struct pairs *p = begin(20);
	for (size_t k = 0; k < COUNT_OF(all_dtypes); k++)
		for (size_t g = 0; g < COUNT_OF(floats); g++) {
			enum erc_dtype x = all_dtypes[k];
			const char *a = add_input(p, tensor_of(x, xs, 4), "[1x1x2x2]"),
					   *b = add_input(p, tensor_of(floats[g], grid, 4), "[1x1x2x2]");
			text_printf(&p->text, "y%d = GridSample(%s, %s)\n", p->output_count, a, b);
			add_output(p,
			           arena_printf(&test.ctx.arena, "GridSample of %s and %s", dtype_name(x), dtype_name(floats[g])),
			           tensor_of(x, dtype_is_float(x) ? wanted : whole, 2));
		}
	check_all(p, "GridSample");
}
END_TEST

/* ---- pairs that are refused ---- */

START_TEST(refusals_name_both_dtypes)
{
	static const char *const models[] = {
		"input x:%s[3x4]\ninput s:%s[4]\ny = LayerNormalization(x, s)\noutput y\n",
		"input x:%s[3x4]\ninput s:%s[3x4]\ny = Add(x, s)\noutput y\n",
		"input x:%s[3x4]\ninput s:%s[4x3]\ny = MatMul(x, s)\noutput y\n",
	};
	static const enum erc_dtype pairs[][2] = {{ERC_F32, ERC_F16},
	                                          {ERC_F16, ERC_F32},
	                                          {ERC_F16, ERC_BF16},
	                                          {ERC_F32, ERC_F64}};
	int refused = 0;
	for (size_t m = 0; m < COUNT_OF(models); m++)
		for (size_t k = 0; k < COUNT_OF(pairs); k++) {
			const char *one = dtype_name(pairs[k][0]), *other = dtype_name(pairs[k][1]);
			char format[256], text[256];
			struct ercc_options options = {.size = sizeof options,
			                               .message = keep_message,
			                               .targets = &targets[0],
			                               .target_count = 1};
			snprintf(format, sizeof format, "graph \"refused\" opset=23\n%s", models[m]);
			const char *split = strstr(strstr(format, "%s") + 2, "%s");
			snprintf(text, sizeof text, "%.*s%s%.*s%s%s", (int)(strstr(format, "%s") - format), format, one,
			         (int)(split - strstr(format, "%s") - 2), strstr(format, "%s") + 2, other, split + 2);
			write_model(model_path, text);
			forget_messages();
			ck_assert_msg(ercc_compile(model_path, artifact_path, &options) != ERCC_OK, "%s", text);
			ck_assert_msg(strstr(test.errors, one) && strstr(test.errors, other) && strstr(test.errors, "node '"),
			              "%s: %s", text, test.errors);
			refused++;
		}
	printf("mixed dtypes: %d pairs are refused with both dtypes named\n", refused);
}
END_TEST

int main(void)
{
	TCase *all = tcase_create("mixed dtypes");
	tcase_add_test(all, powers_of_all_dtypes);
	tcase_add_test(all, one_hot_of_all_dtypes);
	tcase_add_test(all, batch_normalisation_of_all_dtypes);
	tcase_add_test(all, root_mean_squares_of_all_dtypes);
	tcase_add_test(all, sampling_of_all_dtypes);
	tcase_add_test(all, refusals_name_both_dtypes);
	return run_in_folder(suite_create("mixed"), all);
}
