/* NaN, infinities, zeros of both signs, denormals and halves through every element-wise operator of floats: as vectors,
 * as single elements, and as constants, which the compiler folds. Wanted values are libm's. */
#include <emmintrin.h>
#include <float.h>

#include "tests/ops/compute.h"
#include "compiler/core/expr.h"

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};

/* How exact a result must be. */
enum exactness {
	EXACT,    /* the same number, and the same sign of zero */
	TIED,     /* the same number; zeros of both signs are equal, and either may be taken */
	ROUNDED,  /* within some units in the last place; the same sign of zero */
	COMPOSED, /* as ROUNDED, but zeros of both signs are equal, and numbers below the smallest normal one may be 0 */
	CANCELS,  /* as COMPOSED, but in units of the argument's last place, because a sum in the function may be near 0 */
};

struct op {
	const char *text; /* of a, or of a and b */
	double (*unary)(double);
	double (*binary)(double, double);
	enum exactness exactness;
};

/* ---- wanted values ---- */

/* Short functions are on one line: */
/* clang-format off */
static double relu(double x) { return isnan(x) ? x : x > 0 ? x : 0; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double sign(double x) { return isnan(x) ? x : (x > 0) - (x < 0); }
static double reciprocal(double x) { return 1 / x; }
static double negated(double x) { return -x; }
static double limited(double x, double low, double high) { return isnan(x) ? x : x < low ? low : x > high ? high : x; }
static double hard_sigmoid(double x) { return limited(0.25 * x + 0.5, 0, 1); }
static double hard_swish(double x) { return x * limited(x / 6 + 0.5, 0, 1); }
static double leaky_relu(double x) { return x < 0 ? 0.25 * x : x; }
static double elu(double x) { return x < 0 ? 0.5 * expm1(x) : x; }
static double celu(double x) { return isnan(x) ? x : fmax(x, 0) + fmin(0.5 * expm1(x / 0.5), 0); }
static double selu(double x) { return x > 0 ? 1.5 * x : 1.5 * 2 * expm1(x); }
static double thresholded_relu(double x) { return x > 0.5 ? x : 0; }
static double shrink(double x) { return x < -0.5 ? x + 0.25 : x > 0.5 ? x - 0.25 : 0; }
static double softsign(double x) { return x / (1 + fabs(x)); }
static double softplus(double x) { return isnan(x) ? x : fmax(x, 0) + log1p(exp(-fabs(x))); }
static double mish(double x) { return x * tanh(softplus(x)); }
static double swish(double x) { return x * sigmoid(x); }
static double gelu(double x) { return 0.5 * x * (1 + erf(x * M_SQRT1_2)); }
static double clipped(double x) { return limited(x, -1.5, 2.5); }
static double always_nan(double x) { return x * NAN; }
static double is_nan(double x) { return isnan(x); }
static double is_inf(double x) { return isinf(x) != 0; }
static double is_positive_inf(double x) { return isinf(x) && x > 0; }
static double nearest_even(double x) { return nearbyint(x); }

/* clang-format on */
static const struct op unaries[] = {
	{"Relu(a)", .unary = relu, .exactness = TIED},
	{"Sigmoid(a)", .unary = sigmoid, .exactness = COMPOSED},
	{"Tanh(a)", .unary = tanh, .exactness = ROUNDED},
	{"Sqrt(a)", .unary = sqrt, .exactness = ROUNDED},
	{"Exp(a)", .unary = exp, .exactness = ROUNDED},
	{"Log(a)", .unary = log, .exactness = ROUNDED},
	{"Erf(a)", .unary = erf, .exactness = ROUNDED},
	{"Sin(a)", .unary = sin, .exactness = ROUNDED},
	{"Cos(a)", .unary = cos, .exactness = ROUNDED},
	{"Tan(a)", .unary = tan, .exactness = ROUNDED},
	{"Asin(a)", .unary = asin, .exactness = ROUNDED},
	{"Acos(a)", .unary = acos, .exactness = ROUNDED},
	{"Atan(a)", .unary = atan, .exactness = ROUNDED},
	{"Sinh(a)", .unary = sinh, .exactness = ROUNDED},
	{"Cosh(a)", .unary = cosh, .exactness = ROUNDED},
	{"Asinh(a)", .unary = asinh, .exactness = ROUNDED},
	{"Acosh(a)", .unary = acosh, .exactness = ROUNDED},
	{"Atanh(a)", .unary = atanh, .exactness = ROUNDED},
	{"Neg(a)", .unary = negated, .exactness = EXACT},
	{"Abs(a)", .unary = fabs, .exactness = EXACT},
	{"Sign(a)", .unary = sign, .exactness = EXACT},
	{"Reciprocal(a)", .unary = reciprocal, .exactness = ROUNDED},
	{"Floor(a)", .unary = floor, .exactness = EXACT},
	{"Ceil(a)", .unary = ceil, .exactness = EXACT},
	{"Round(a)", .unary = nearest_even, .exactness = EXACT},
	{"HardSwish(a)", .unary = hard_swish, .exactness = COMPOSED},
	{"HardSigmoid(a) {alpha=0.25, beta=0.5}", .unary = hard_sigmoid, .exactness = COMPOSED},
	{"LeakyRelu(a) {alpha=0.25}", .unary = leaky_relu, .exactness = ROUNDED},
	{"Elu(a) {alpha=0.5}", .unary = elu, .exactness = COMPOSED},
	{"Celu(a) {alpha=0.5}", .unary = celu, .exactness = COMPOSED},
	{"Selu(a) {alpha=2.0, gamma=1.5}", .unary = selu, .exactness = COMPOSED},
	{"ThresholdedRelu(a) {alpha=0.5}", .unary = thresholded_relu, .exactness = TIED},
	{"Shrink(a) {lambd=0.5, bias=0.25}", .unary = shrink, .exactness = COMPOSED},
	{"Softsign(a)", .unary = softsign, .exactness = COMPOSED},
	{"Softplus(a)", .unary = softplus, .exactness = COMPOSED},
	{"Swish(a)", .unary = swish, .exactness = COMPOSED},
	{"Mish(a)", .unary = mish, .exactness = COMPOSED},
	{"Gelu(a)", .unary = gelu, .exactness = CANCELS},
	{"Clip(a, low, high)", .unary = clipped, .exactness = TIED},
	{"Clip(a, nan, high)", .unary = always_nan, .exactness = TIED},
	{"Clip(a, low, nan)", .unary = always_nan, .exactness = TIED},
	{"IsNaN(a)", .unary = is_nan, .exactness = EXACT},
	{"IsInf(a)", .unary = is_inf, .exactness = EXACT},
	{"IsInf(a) {detect_negative=0}", .unary = is_positive_inf, .exactness = EXACT},
};

/* clang-format off */
static double sum(double a, double b) { return a + b; }
static double difference(double a, double b) { return a - b; }
static double product(double a, double b) { return a * b; }
static double quotient(double a, double b) { return a / b; }
static double mean(double a, double b) { return (a + b) / 2; }
static double greatest(double a, double b) { return isnan(a) || isnan(b) ? NAN : fmax(a, b); }
static double least(double a, double b) { return isnan(a) || isnan(b) ? NAN : fmin(a, b); }
static double equal(double a, double b) { return a == b; }
static double less(double a, double b) { return a < b; }
static double greater(double a, double b) { return a > b; }
static double not_greater(double a, double b) { return a <= b; }
static double not_less(double a, double b) { return a >= b; }
static double prelu(double a, double b) { return a < 0 ? a * b : a; }

/* clang-format on */
static const struct op binaries[] = {
	{"Add(a, b)", .binary = sum, .exactness = ROUNDED},
	{"Sub(a, b)", .binary = difference, .exactness = ROUNDED},
	{"Mul(a, b)", .binary = product, .exactness = ROUNDED},
	{"Div(a, b)", .binary = quotient, .exactness = ROUNDED},
	{"Pow(a, b)", .binary = pow, .exactness = ROUNDED},
	{"Mod(a, b) {fmod=1}", .binary = fmod, .exactness = EXACT},
	{"PRelu(a, b)", .binary = prelu, .exactness = ROUNDED},
	{"Sum(a, b)", .binary = sum, .exactness = ROUNDED},
	{"Mean(a, b)", .binary = mean, .exactness = COMPOSED},
	{"Max(a, b)", .binary = greatest, .exactness = TIED},
	{"Min(a, b)", .binary = least, .exactness = TIED},
	{"Max(a, b, a)", .binary = greatest, .exactness = TIED},
	{"Min(b, a, a)", .binary = least, .exactness = TIED},
	{"Equal(a, b)", .binary = equal, .exactness = EXACT},
	{"Less(a, b)", .binary = less, .exactness = EXACT},
	{"Greater(a, b)", .binary = greater, .exactness = EXACT},
	{"LessOrEqual(a, b)", .binary = not_greater, .exactness = EXACT},
	{"GreaterOrEqual(a, b)", .binary = not_less, .exactness = EXACT},
};

/* ---- the numbers ---- */

static const double numbers[] = {
	NAN,     INFINITY, -INFINITY, 0.0,   -0.0,    0x1p-149, -0x1p-140, 0x1p-1074, -0x1p-1040, FLT_MIN, -DBL_MIN,
	0x1p-24, -0x1p-20, 0x1p-14,   0.25,  -0.3125, 0.5,      -0.5,      0.75,      -0.75,      1,       -1,
	1.5,     -1.5,     2.5,       -2.5,  3,       -4,       20,        -20,       100,        -100,    1023.5,
	-2047.5, 0x1p23,   -0x1p24,   60000, -60000,  0x1p60,   -0x1p60,   0x1p126,   -0x1p126,   DBL_MAX,
};
#define NUMBERS ((int)COUNT_OF(numbers))

/* The number as the dtype holds it. */
static double rounded(enum erc_dtype dtype, double x)
{
	char data[8];
	if (dtype != ERC_F64)
		x = (float)x;
	struct expr expr = {0};
	expr_cast(&expr, expr_operand(&expr, 0, dtype == ERC_F64 ? ERC_F64 : ERC_F32), dtype);
	element_write(data, dtype, 0, expr_evaluate(&expr, &(union expr_value){.f = x}));
	return tensor_float(&(struct tensor){.dtype = dtype, .shape = {.rank = 1, .dims = {1}}, .data = data}, 0);
}

/* Operands of `count` elements: all numbers, or all pairs of numbers. */
struct samples {
	enum erc_dtype dtype;
	int count;
	double *a, *b;
};

static struct samples samples_of(enum erc_dtype dtype, bool pairs)
{
	struct arena *arena = &test.ctx.arena;
	int count = pairs ? NUMBERS * NUMBERS : NUMBERS;
	struct samples s = {dtype, count, arena_array(arena, (size_t)count, sizeof(double)),
	                    arena_array(arena, (size_t)count, sizeof(double))};
	for (int i = 0; i < count; i++) {
		s.a[i] = rounded(dtype, numbers[i % NUMBERS]);
		s.b[i] = rounded(dtype, numbers[i / NUMBERS]);
	}
	return s;
}

/* ---- models: `a` and `b` are vectors, or single elements far apart, or constants ---- */

enum form { VECTORS, ELEMENTS, CONSTANTS, FORMS };
static const char *const form_names[FORMS] = {"vectors", "elements", "constants"};
#define COPIES 3 /* of each operand, in ELEMENTS */

static void print_numbers(struct text *text, enum erc_dtype dtype, const char *name, const double *from, int count)
{
	text_printf(text, "const wide_%s:f64[%d] = {", name, count);
	for (int i = 0; i < count; i++)
		text_printf(text, "%s%a", i ? ", " : "", from[i]);
	text_printf(text, "}\n%s = Cast(wide_%s) {to=%d}\n", name, name, (int)dtype);
}

static const char *model_of(const struct samples *s, enum form form, const struct op *ops, int op_count)
{
	struct text text = {.arena = &test.ctx.arena};
	const char *dtype = dtype_name(s->dtype);
	text_printf(&text, "graph \"special\" opset=24\n");
	for (int k = 0; k < 2; k++) {
		char name = (char)('a' + k);
		if (form == VECTORS)
			text_printf(&text, "input %c:%s[%d]\n", name, dtype, s->count);
		else if (form == ELEMENTS)
			text_printf(&text, "input %c%c:%s[%dx%d]\n%c = Transpose(%c%c) {perm=[1, 0]}\n", name, name, dtype, COPIES,
			            s->count, name, name, name);
		else
			print_numbers(&text, s->dtype, (char[]){name, '\0'}, k ? s->b : s->a, s->count);
	}
	print_numbers(&text, s->dtype, "low", (double[]){-1.5}, 1);
	print_numbers(&text, s->dtype, "high", (double[]){2.5}, 1);
	print_numbers(&text, s->dtype, "nan", (double[]){NAN}, 1);
	for (int i = 0; i < op_count; i++)
		text_printf(&text, "y%d = %s\noutput y%d\n", i, ops[i].text, i);
	return text.data;
}

/* ---- comparing ---- */

static double unit_of(enum erc_dtype dtype)
{
	return dtype == ERC_F64 ? 0x1p-42 : dtype == ERC_F32 ? 0x1p-20 : dtype == ERC_F16 ? 0x1p-9 : 0x1p-6;
}
static double smallest_of(enum erc_dtype dtype)
{
	return dtype == ERC_F64 ? DBL_MIN : dtype == ERC_F16 ? 0x1p-14 : FLT_MIN;
}

static bool is_right(const struct op *op, enum erc_dtype dtype, double a, double found, double wanted)
{
	bool composed = op->exactness == COMPOSED || op->exactness == CANCELS;
	if (isnan(wanted) || isnan(found))
		return isnan(wanted) && isnan(found);
	if (found == wanted)
		return wanted != 0 || op->exactness == TIED || composed || signbit(found) == signbit(wanted);
	if (op->exactness == EXACT || op->exactness == TIED || isinf(wanted) || isinf(found))
		return false;
	double least = smallest_of(dtype), size = fabs(op->exactness == CANCELS ? a : wanted);
	if (composed && fabs(wanted) < 2 * least)
		return fabs(found) <= 2 * least;
	return fabs(found - wanted) <= unit_of(dtype) * (size + least);
}

/* Returns the number of wrong elements, and prints the first one. */
static int compare(const struct samples *s, const struct op *op, const char *where, const struct output *output,
                   int copies)
{
	enum erc_dtype dtype = (int)output->bytes == s->count * copies ? ERC_BOOL : s->dtype;
	struct tensor got = {.dtype = dtype, .shape = shape_of(1, (int64_t[]){s->count * copies}), .data = output->data};
	int wrong = 0;
	ck_assert_uint_eq(output->bytes, tensor_bytes(&got));
	for (int i = 0; i < s->count * copies; i++) {
		double a = s->a[i / copies], b = s->b[i / copies];
		double exact = op->unary ? op->unary(a) : op->binary(a, b), wanted = rounded(s->dtype, exact);
		double found = dtype == ERC_BOOL ? (double)tensor_int(&got, i) : tensor_float(&got, i);
		if (!is_right(op, s->dtype, a, found, wanted) && !wrong++)
			fprintf(stderr, "%s of %s, %s: a = %g, b = %g: found %.9g, wanted %.9g\n", op->text, dtype_name(s->dtype),
			        where, a, b, found, wanted);
	}
	return wrong;
}

/* Each operand `copies` times, as a tensor. */
static const struct tensor *tensor_of(const struct samples *s, const double *from, int copies)
{
	struct arena *arena = &test.ctx.arena;
	char *data = arena_array(arena, (size_t)(s->count * copies), dtype_bytes(s->dtype));
	struct expr expr = {0};
	expr_cast(&expr, expr_operand(&expr, 0, s->dtype == ERC_F64 ? ERC_F64 : ERC_F32), s->dtype);
	for (int i = 0; i < s->count * copies; i++)
		element_write(data, s->dtype, i, expr_evaluate(&expr, &(union expr_value){.f = from[i % s->count]}));
	return tensor_new(arena, s->dtype, &(struct shape){.rank = 1, .dims = {s->count * copies}}, data);
}

/* Returns the number of wrong elements. */
static int run_form(const struct samples *s, enum form form, const char *target, const struct op *ops, int op_count)
{
	struct output outputs[COUNT_OF(unaries)];
	int copies = form == ELEMENTS ? COPIES : 1, wrong = 0;
	const struct tensor *inputs[] = {tensor_of(s, s->a, copies), tensor_of(s, s->b, copies)};
	const char *where = arena_printf(&test.ctx.arena, "%s on %s", form_names[form], target);
	compile_text(model_of(s, form, ops, op_count), target, NULL, 0);
	if (!run_on(inputs, form == CONSTANTS ? 0 : 2, outputs, op_count)) {
		printf("skipped: special numbers: this machine does not run %s\n", target);
		return 0;
	}
	for (int i = 0; i < op_count; i++) {
		wrong += compare(s, &ops[i], where, &outputs[i], copies);
		free(outputs[i].data);
	}
	printf("special numbers: %s, %s: %d operators, %d elements, %d wrong\n", dtype_name(s->dtype), where, op_count,
	       op_count * s->count * copies, wrong);
	return wrong;
}

static const enum erc_dtype dtypes[] = {ERC_F32, ERC_F64, ERC_F16, ERC_BF16};

START_TEST(operators_of_one_number)
{
	struct samples s = samples_of(dtypes[_i / FORMS], false);
	int wrong = 0;
	for (size_t t = 0; t < COUNT_OF(targets); t++)
		wrong += run_form(&s, (enum form)(_i % FORMS), targets[t], unaries, COUNT_OF(unaries));
	ck_assert_int_eq(wrong, 0);
}
END_TEST

START_TEST(operators_of_two_numbers)
{
	struct samples s = samples_of(dtypes[_i / FORMS], true);
	int wrong = 0;
	for (size_t t = 0; t < COUNT_OF(targets); t++)
		wrong += run_form(&s, (enum form)(_i % FORMS), targets[t], binaries, COUNT_OF(binaries));
	ck_assert_int_eq(wrong, 0);
}
END_TEST

/* ---- casts to integers: out of range they give what the machine's instructions give ---- */

static const enum erc_dtype integers[] = {ERC_I8,  ERC_U8,  ERC_I16, ERC_U16, ERC_I32,
                                          ERC_U32, ERC_I64, ERC_U64, ERC_BOOL};

static const double out_of_range[] = {
	2.9,   -2.9,   127.5,    128,       200,    255,           256,     300,      -129,           -200,
	32767, 32768,  65535,    65536,     70000,  0x1.fffffep30, 0x1p31,  -0x1p31,  -0x1.000002p31, 3e9,
	-3e9,  0x1p32, 0x1p40,   -0x1p40,   0x1p62, 0x1p63,        -0x1p63, 0x1.8p63, 0x1p64,         1e30,
	-1e30, NAN,    INFINITY, -INFINITY,
};

static int64_t integer_of(enum erc_dtype dtype, double x)
{
	int64_t of_32_bits = _mm_cvttsd_si32(_mm_set_sd(x)), of_64_bits = _mm_cvttsd_si64(_mm_set_sd(x));
	switch (dtype) {
	case ERC_I8: return (int8_t)of_32_bits;
	case ERC_U8: return (uint8_t)of_32_bits;
	case ERC_I16: return (int16_t)of_32_bits;
	case ERC_U16: return (uint16_t)of_32_bits;
	case ERC_I32: return of_32_bits;
	case ERC_U32: return (uint32_t)of_64_bits;
	case ERC_U64: return x >= 0x1p64 ? 0 : x >= 0x1p63 ? (int64_t)(x - 0x1p63) + INT64_MIN : of_64_bits;
	case ERC_BOOL: return x != 0;
	default: return of_64_bits;
	}
}

static const struct op *casts(void)
{
	struct op *ops = arena_array(&test.ctx.arena, COUNT_OF(integers), sizeof *ops);
	for (size_t i = 0; i < COUNT_OF(integers); i++)
		ops[i].text = arena_printf(&test.ctx.arena, "Cast(a) {to=%d}", (int)integers[i]);
	return ops;
}

static int wrong_casts(const struct samples *s, enum form form, const char *target)
{
	struct output outputs[COUNT_OF(integers)];
	const struct tensor *inputs[] = {tensor_of(s, s->a, 1), tensor_of(s, s->b, 1)};
	int wrong = 0;
	compile_text(model_of(s, form, casts(), COUNT_OF(integers)), target, NULL, 0);
	if (!run_on(inputs, form == CONSTANTS ? 0 : 2, outputs, COUNT_OF(integers))) {
		printf("skipped: casts: this machine does not run %s\n", target);
		return 0;
	}
	for (size_t k = 0; k < COUNT_OF(integers); k++) {
		struct tensor got = {.dtype = integers[k], .shape = inputs[0]->shape, .data = outputs[k].data};
		ck_assert_uint_eq(outputs[k].bytes, tensor_bytes(&got));
		for (int i = 0; i < s->count; i++) {
			long long found = tensor_int(&got, i), wanted = integer_of(integers[k], s->a[i]);
			if (found != wanted && ++wrong)
				fprintf(stderr, "%s of %g to %s, %s on %s: found %lld, wanted %lld\n", dtype_name(s->dtype), s->a[i],
				        dtype_name(integers[k]), form_names[form], target, found, wanted);
		}
		free(outputs[k].data);
	}
	printf("casts: of %s, %s on %s: to %d dtypes, %d numbers, %d wrong\n", dtype_name(s->dtype), form_names[form],
	       target, (int)COUNT_OF(integers), s->count, wrong);
	return wrong;
}

START_TEST(casts_out_of_range)
{
	enum form form = _i % 2 ? CONSTANTS : VECTORS;
	struct samples s = samples_of(dtypes[_i / 2], false);
	int wrong = 0;
	s.count = COUNT_OF(out_of_range);
	for (int i = 0; i < s.count; i++)
		s.a[i] = rounded(s.dtype, out_of_range[i]);
	for (size_t t = 0; t < COUNT_OF(targets); t++)
		wrong += wrong_casts(&s, form, targets[t]);
	ck_assert_int_eq(wrong, 0);
}
END_TEST

int main(void)
{
	TCase *all = tcase_create("special numbers");
	tcase_add_loop_test(all, operators_of_one_number, 0, (int)COUNT_OF(dtypes) * FORMS);
	tcase_add_loop_test(all, operators_of_two_numbers, 0, (int)COUNT_OF(dtypes) * FORMS);
	tcase_add_loop_test(all, casts_out_of_range, 0, (int)COUNT_OF(dtypes) * 2);
	return run_in_folder(suite_create("special"), all);
}
