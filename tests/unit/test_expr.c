/* Expressions: every primitive and element type, compared with libm and 128-bit integers; parsing, inlining, sharing
 * of equal nodes, and the C text. */
#include <float.h>
#include <math.h>

#include "tests/unit/expr_values.h"
#include "tests/unit/graph_fixture.h"

static V apply(enum erc_dtype dtype, enum primitive primitive, V a, V b, V c)
{
	struct expr expr = {0};
	bool select = primitive == PRIM_select;
	int x = expr_operand(&expr, 0, select ? ERC_BOOL : dtype), y = expr_operand(&expr, 1, dtype),
		z = expr_operand(&expr, 2, dtype);
	expr_apply(&expr, primitive, x, y, z);
	ck_assert(expr_can_evaluate(&expr));
	return expr_evaluate(&expr, (V[]){a, b, c});
}

/* ---- which are known ---- */

START_TEST(the_known_ones_are_these)
{
	for (int dtype = 1; dtype < ERC_DTYPE_COUNT; dtype++)
		for (int p = PRIM_CAST + 1; p < PRIM_COUNT; p++) {
			bool logic = p == PRIM_and || p == PRIM_or || p == PRIM_xor || p == PRIM_not,
				 shift = p == PRIM_shl || p == PRIM_shr;
			bool both = p == PRIM_eq || p == PRIM_select || p == PRIM_min || p == PRIM_max;
			bool real = p == PRIM_sqrt || p == PRIM_floor || p == PRIM_ceil || p == PRIM_round ||
			            (p >= PRIM_exp && p <= PRIM_erf);
			bool known = dtype == ERC_F32 || dtype == ERC_F64            ? !logic && !shift
			             : dtype == ERC_BOOL                             ? logic || both
			             : dtype_is_integer(dtype) && dtype_bytes(dtype) ? !real
			                                                             : false;
			struct expr expr = {0};
			int x = expr_operand(&expr, 0, p == PRIM_select ? ERC_BOOL : dtype), y = expr_operand(&expr, 1, dtype);
			expr_apply(&expr, p, x, y, y);
			ck_assert_msg(expr_can_evaluate(&expr) == known, "%s of %s", primitive_name(p), dtype_name(dtype));
		}
}
END_TEST

/* ---- integers ---- */

static wide power(enum erc_dtype dtype, wide a, wide b)
{
	if (b < 0)
		return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
	if (b == 0)
		return wrapped(dtype, 1);
	wide half = power(dtype, a, b / 2), low = wrapped(ERC_U64, half);
	wide square = (wide)((unsigned __int128)low * (unsigned __int128)low & UINT64_MAX);
	return wrapped(dtype, b % 2
	                          ? (wide)((unsigned __int128)square * (unsigned __int128)wrapped(ERC_U64, a) & UINT64_MAX)
	                          : square);
}

static wide expected_int(enum erc_dtype dtype, enum primitive p, wide a, wide b)
{
	wide rest = b ? a % b : 0;
	switch (p) {
	case PRIM_add: return wrapped(dtype, a + b);
	case PRIM_sub: return wrapped(dtype, a - b);
	case PRIM_mul: return wrapped(dtype, (wide)((unsigned __int128)a * (unsigned __int128)b & UINT64_MAX));
	case PRIM_div: return b ? wrapped(dtype, a / b) : 0;
	case PRIM_fmod: return rest;
	case PRIM_mod: return rest && (rest < 0) != (b < 0) ? rest + b : rest;
	case PRIM_min: return a < b ? a : b;
	case PRIM_max: return a > b ? a : b;
	case PRIM_pow: return power(dtype, a, b);
	case PRIM_neg: return wrapped(dtype, -a);
	case PRIM_and: return wrapped(dtype, a & b);
	case PRIM_or: return wrapped(dtype, a | b);
	case PRIM_xor: return wrapped(dtype, a ^ b);
	case PRIM_not: return wrapped(dtype, -a - 1);
	case PRIM_shl:
		return b < 0 || b >= 8 * (int)dtype_bytes(dtype)
		           ? 0
		           : wrapped(dtype, (wide)((unsigned __int128)a << b & UINT64_MAX));
	case PRIM_shr: return b < 0 || b >= 8 * (int)dtype_bytes(dtype) ? 0 : wrapped(dtype, a >> b);
	case PRIM_abs: return wrapped(dtype, a < 0 ? -a : a);
	case PRIM_sign: return a > 0 ? 1 : a < 0 ? -1 : 0;
	case PRIM_eq: return a == b;
	case PRIM_lt: return a < b;
	case PRIM_le: return a <= b;
	default: ck_abort_msg("no expectation for %s", primitive_name(p)); return 0;
	}
}

START_TEST(integers_are_exact)
{
	static const enum primitive list[] = {PRIM_add, PRIM_sub, PRIM_mul, PRIM_div, PRIM_fmod, PRIM_mod, PRIM_min,
	                                      PRIM_max, PRIM_pow, PRIM_neg, PRIM_abs, PRIM_sign, PRIM_eq,  PRIM_lt,
	                                      PRIM_le,  PRIM_and, PRIM_or,  PRIM_xor, PRIM_not,  PRIM_shl, PRIM_shr};
	static const int64_t numbers[] = {0,   1,   2,     3,     7,         10,         100,       127,
	                                  128, 255, 32767, 65535, INT32_MAX, UINT32_MAX, INT64_MAX, -1,
	                                  -2,  -3,  -7,    -10,   -128,      INT16_MIN,  INT32_MIN, INT64_MIN};
	enum erc_dtype dtype = ints[_i];
	for (size_t p = 0; p < COUNT_OF(list); p++)
		for (size_t i = 0; i < COUNT_OF(numbers); i++)
			for (size_t k = 0; k < COUNT_OF(numbers); k++) {
				wide a = wrapped(dtype, numbers[i]), b = wrapped(dtype, numbers[k]),
					 want = expected_int(dtype, list[p], a, b);
				bool compares = list[p] == PRIM_eq || list[p] == PRIM_lt || list[p] == PRIM_le;
				wide got = number_of(compares ? ERC_BOOL : dtype,
				                     apply(dtype, list[p], (V){.i = (int64_t)a}, (V){.i = (int64_t)b}, (V){0}));
				ck_assert_msg(got == want, "%s %s(%lld, %lld) = %lld, not %lld", dtype_name(dtype),
				              primitive_name(list[p]), (long long)a, (long long)b, (long long)got, (long long)want);
			}
}
END_TEST

START_TEST(corners_are_these)
{
	V low = {.i = INT64_MIN}, minus = {.i = -1}, zero = {.i = 0}, seven = {.i = 7}, three = {.i = -3};
	ck_assert_int_eq(apply(ERC_I64, PRIM_div, low, minus, zero).i, INT64_MIN);
	ck_assert_int_eq(apply(ERC_I64, PRIM_div, seven, zero, zero).i, 0);
	ck_assert_int_eq(apply(ERC_I64, PRIM_mod, low, minus, zero).i, 0);
	ck_assert_int_eq(apply(ERC_I64, PRIM_mod, seven, zero, zero).i, 0);
	ck_assert_int_eq(apply(ERC_I64, PRIM_mod, seven, three, zero).i, -2);
	ck_assert_int_eq(apply(ERC_I64, PRIM_fmod, seven, three, zero).i, 1);
	ck_assert_int_eq(apply(ERC_I64, PRIM_mod, three, seven, zero).i, 4);
	ck_assert_int_eq(apply(ERC_I32, PRIM_add, (V){.i = INT32_MAX}, (V){.i = 1}, zero).i, INT32_MIN);
	ck_assert_int_eq(apply(ERC_U8, PRIM_sub, zero, (V){.i = 1}, zero).i, 255);
}
END_TEST

START_TEST(truth_tables)
{
	for (int a = 0; a < 2; a++)
		for (int b = 0; b < 2; b++) {
			V x = {.i = a}, y = {.i = b};
			ck_assert_int_eq(apply(ERC_BOOL, PRIM_and, x, y, y).i, a && b);
			ck_assert_int_eq(apply(ERC_BOOL, PRIM_or, x, y, y).i, a || b);
			ck_assert_int_eq(apply(ERC_BOOL, PRIM_xor, x, y, y).i, a != b);
			ck_assert_int_eq(apply(ERC_BOOL, PRIM_eq, x, y, y).i, a == b);
			ck_assert_int_eq(apply(ERC_BOOL, PRIM_not, x, y, y).i, !a);
			ck_assert_int_eq(apply(ERC_BOOL, PRIM_select, x, y, (V){.i = !b}).i, a ? b : !b);
			for (size_t k = 0; k < COUNT_OF(ints); k++)
				ck_assert_int_eq(apply(ints[k], PRIM_select, x, (V){.i = 5}, (V){.i = 9}).i, a ? 5 : 9);
			ck_assert_double_eq(apply(ERC_F32, PRIM_select, x, (V){.f = 5}, (V){.f = 9}).f, a ? 5 : 9);
			ck_assert_double_eq(apply(ERC_F64, PRIM_select, x, (V){.f = 5}, (V){.f = 9}).f, a ? 5 : 9);
		}
}
END_TEST

/* ---- floats ---- */

static double floor_mod(double a, double b)
{
	double r = fmod(a, b);
	return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
static double add(double a, double b)
{
	return a + b;
}
static double sub(double a, double b)
{
	return a - b;
}
static double mul(double a, double b)
{
	return a * b;
}
static double divide(double a, double b)
{
	return a / b;
}
static double smaller(double a, double b)
{
	return b < a ? b : a;
}
static double larger(double a, double b)
{
	return a < b ? b : a;
}
static double equal(double a, double b)
{
	return a == b;
}
static double less(double a, double b)
{
	return a < b;
}
static double less_equal(double a, double b)
{
	return a <= b;
}
static double negative(double a)
{
	return -a;
}
static double sign(double a)
{
	return a > 0 ? 1 : a < 0 ? -1 : a;
}
static double sigmoid(double a)
{
	return 1 / (1 + exp(-a));
}

/* Relative tolerances for f32 and f64. Results below `floor` are compared with `floor`. */
static const struct unary {
	enum primitive primitive;
	double (*of)(double);
	double f32, f64, floor;
} unaries[] = {
	{PRIM_neg, negative, 0, 0, 0},
	{PRIM_abs, fabs, 0, 0, 0},
	{PRIM_sign, sign, 0, 0, 0},
	{PRIM_sqrt, sqrt, 6e-8, 0, 0},
	{PRIM_floor, floor, 0, 0, 0},
	{PRIM_ceil, ceil, 0, 0, 0},
	{PRIM_round, nearbyint, 0, 0, 0},
	{PRIM_exp, exp, 2e-7, 1e-15, 0x1p-126},
	{PRIM_log, log, 2e-7, 1e-15, 0},
	{PRIM_tanh, tanh, 2e-7, 1e-15, 0},
	{PRIM_sigmoid, sigmoid, 2e-7, 1e-15, 1e-36 /* below it, 0 */},
	{PRIM_erf, erf, 2e-7, 1e-14, 0},
	{PRIM_expm1, expm1, 3e-7, 2e-15, 0},
	{PRIM_log1p, log1p, 3e-7, 1e-15, 0},
	{PRIM_sin, sin, 6e-8, 1e-15, 0},
	{PRIM_cos, cos, 6e-8, 1e-15, 0},
	{PRIM_tan, tan, 6e-8, 1e-15, 0},
	{PRIM_asin, asin, 6e-8, 1e-15, 0},
	{PRIM_acos, acos, 6e-8, 1e-15, 0},
	{PRIM_atan, atan, 6e-8, 1e-15, 0},
	{PRIM_sinh, sinh, 6e-8, 1e-15, 0},
	{PRIM_cosh, cosh, 6e-8, 1e-15, 0},
	{PRIM_asinh, asinh, 6e-8, 1e-15, 0},
	{PRIM_acosh, acosh, 6e-8, 1e-15, 0},
	{PRIM_atanh, atanh, 6e-8, 1e-15, 0},
};
static const struct binary {
	enum primitive primitive;
	double (*of)(double, double);
	double f32, f64;
} binaries[] = {
	{PRIM_add, add, 6e-8, 0},   {PRIM_sub, sub, 6e-8, 0}, {PRIM_mul, mul, 6e-8, 0},     {PRIM_div, divide, 6e-8, 0},
	{PRIM_min, smaller, 0, 0},  {PRIM_max, larger, 0, 0}, {PRIM_pow, pow, 2e-7, 1e-13}, {PRIM_mod, floor_mod, 6e-8, 0},
	{PRIM_fmod, fmod, 6e-8, 0}, {PRIM_eq, equal, 0, 0},   {PRIM_lt, less, 0, 0},        {PRIM_le, less_equal, 0, 0},
};
static const double reals[] = {0,        1,         0.5,           1.5,  2.5,       3,
                               0.1,      1e-3,      1e-6,          0.49, 0.51,      0.99,
                               1.01,     2,         3.7,           5.5,  10,        20.25,
                               80,       87,        100,           1e4,  8388607.5, 8388609,
                               1e10,     1e-20,     1e-37,         1e5,  999999.5,  1e6,
                               3e7,      0x1p54,    0x1.921fb6p60, 1e20, 1e30,      0x1.fffffep127,
                               0.785398, 1.5707963, 3.1415927,     22};

static void assert_close(enum erc_dtype dtype, const char *name, double a, double b, double got, double want,
                         double tolerance, double floor_)
{
	if (dtype == ERC_F32 && fabs(want) > FLT_MAX)
		want = copysign(INFINITY, want);
	if (dtype == ERC_F32 && fabs(want) < FLT_MIN && fabs(got - want) < 0x1p-148)
		return; /* denormals have fewer digits */
	double scale = fabs(want) > floor_ ? fabs(want) : floor_;
	bool fine = isnan(want) ? isnan(got) : isinf(want) ? got == want : fabs(got - want) <= tolerance * scale;
	ck_assert_msg(fine, "%s %s(%.9g, %.9g) = %.17g, not %.17g (%.2g off)", dtype_name(dtype), name, a, b, got, want,
	              fabs(got - want) / scale);
}

START_TEST(float_functions_are_libms)
{
	const struct unary *u = &unaries[_i];
	for (int single = 0; single < 2; single++)
		for (int k = 0; k < 2 * (int)COUNT_OF(reals) + 3; k++) {
			static const double odd[] = {INFINITY, -INFINITY, NAN};
			enum erc_dtype dtype = single ? ERC_F32 : ERC_F64;
			double a = k < 3 ? odd[k] : (k & 1 ? -1 : 1) * reals[(k - 3) / 2];
			a = single ? (float)a : a;
			double got = apply(dtype, u->primitive, (V){.f = a}, (V){.f = 0}, (V){.f = 0}).f;
			assert_close(dtype, primitive_name(u->primitive), a, 0, got, u->of(a), single ? u->f32 : u->f64, u->floor);
		}
}
END_TEST

START_TEST(float_arithmetic_is_libms)
{
	const struct binary *f = &binaries[_i];
	bool compares = f->primitive == PRIM_eq || f->primitive == PRIM_lt || f->primitive == PRIM_le;
	for (int single = 0; single < 2; single++)
		for (size_t i = 0; i < 4 * COUNT_OF(reals) * COUNT_OF(reals); i++) {
			enum erc_dtype dtype = single ? ERC_F32 : ERC_F64;
			double a = (i & 1 ? -1 : 1) * reals[i / 4 % COUNT_OF(reals)],
				   b = (i & 2 ? -1 : 1) * reals[i / 4 / COUNT_OF(reals)];
			a = single ? (float)a : a, b = single ? (float)b : b;
			V got = apply(dtype, f->primitive, (V){.f = a}, (V){.f = b}, (V){.f = 0});
			double want = f->of(a, b);
			if (single && !compares)
				want = (float)want;
			assert_close(dtype, primitive_name(f->primitive), a, b, compares ? (double)got.i : got.f, want,
			             single ? f->f32 : f->f64, 0);
		}
}
END_TEST

START_TEST(nan_is_kept_and_never_compares)
{
	static const enum primitive list[] = {PRIM_add, PRIM_sub, PRIM_mul,  PRIM_div, PRIM_min,
	                                      PRIM_max, PRIM_mod, PRIM_fmod, PRIM_pow};
	V nan = {.f = NAN}, two = {.f = 2};
	enum erc_dtype dtype = _i ? ERC_F32 : ERC_F64;
	for (size_t p = 0; p < COUNT_OF(list); p++)
		ck_assert_msg(isnan(apply(dtype, list[p], nan, two, two).f), "%s", primitive_name(list[p]));
	ck_assert_int_eq(apply(dtype, PRIM_eq, nan, nan, two).i, 0);
	ck_assert_int_eq(apply(dtype, PRIM_lt, nan, two, two).i, 0);
	ck_assert_int_eq(apply(dtype, PRIM_le, two, nan, two).i, 0);
}
END_TEST

/* ---- building ---- */

static bool lookup(void *user, const char *name, double *value)
{
	*value = 0.25;
	return !strcmp(name, user);
}

static enum ercc_status parse(struct expr *expr, const char *text)
{
	int args[] = {expr_operand(expr, 0, ERC_F32), expr_operand(expr, 1, ERC_F32)}, result;
	return expr_parse(&test.ctx, expr, text, args, 2, lookup, "alpha", &result);
}

static void assert_prints(const struct expr *expr, const char *words)
{
	struct text text = {.arena = &test.ctx.arena};
	expr_print(expr, &text);
	ck_assert_str_eq(text.data, words);
}

START_TEST(text_is_parsed)
{
	struct expr expr = {0};
	assert_ok(parse(&expr, " select(lt(a, 0), mul( a , @alpha), add(b,-1.5)) "));
	assert_prints(&expr, "select(lt($0, 0), mul($0, 0.25), add($1, -1.5))");
	ck_assert_double_eq(expr_evaluate(&expr, (V[]){{.f = -2}, {.f = 9}}).f, -0.5);
	ck_assert_double_eq(expr_evaluate(&expr, (V[]){{.f = 2}, {.f = 9}}).f, 7.5);
	ck_assert(expr_is_f32_vector(&expr) && expr_dtype(&expr) == ERC_F32);
}
END_TEST

START_TEST(equal_nodes_are_one)
{
	struct expr expr = {0};
	assert_ok(parse(&expr, "add(mul(a, b), mul(a, b))"));
	ck_assert_int_eq(expr.count, 4); /* a, b, mul, add */
	assert_ok(parse(&expr, "mul(a, b)"));
	ck_assert_int_eq(expr.count, 4);
	ck_assert_int_ne(expr_const(&expr, ERC_F32, 0.0, 0), expr_const(&expr, ERC_F32, -0.0, 0));
	ck_assert_int_ne(expr_const(&expr, ERC_F32, 1, 0), expr_const(&expr, ERC_F64, 1, 0));
	ck_assert_int_eq(expr_const(&expr, ERC_I32, 0, 4), expr_const(&expr, ERC_I32, 0, 4));
	ck_assert_int_eq(expr_cast(&expr, 0, ERC_F32), 0);
}
END_TEST

START_TEST(inlining_maps_operands_and_shares)
{
	struct expr inner = {0}, outer = {0};
	assert_ok(parse(&inner, "sub(exp(a), b)"));
	assert_ok(parse(&outer, "exp(b)"));
	int count = outer.count;
	ck_assert_int_eq(expr_inline(&outer, &inner, (int[]){1, 0}), count);
	ck_assert_int_eq(outer.count, count + 1); /* exp($1) was there */
	assert_prints(&outer, "sub(exp($1), $0)");
	ck_assert_double_eq_tol(expr_evaluate(&outer, (V[]){{.f = 1}, {.f = 0}}).f, 0, 1e-7);
}
END_TEST

START_TEST(c_text_names_type_and_primitive)
{
	struct expr expr = {0};
	struct text text = {.arena = &test.ctx.arena};
	assert_ok(parse(&expr, "select(lt(a, 0.5), a, b)"));
	expr_cast(&expr, expr.count - 1, ERC_I64);
	int low = expr_const(&expr, ERC_I64, 0, INT64_MIN), nan = expr_const(&expr, ERC_F32, NAN, 0);
	expr_const(&expr, ERC_F64, -INFINITY, 0);
	ck_assert_int_lt(low, nan);
	expr_print_c(&expr, &text);
	ck_assert_str_eq(text.data,
	                 "f32_value v0 = LOAD0; f32_value v1 = LOAD1; f32_value v2 = f32_set(0x1p-1f); "
	                 "f32_mask_value v3 = f32_lt(v0, v2); f32_value v4 = f32_select(v3, v0, v1); "
	                 "i64_value v5 = cast_f32_i64(v4); i64_value v6 = i64_set(-9223372036854775807LL - 1); "
	                 "f32_value v7 = f32_set(__builtin_nanf(\"\")); f64_value v8 = f64_set(-__builtin_inf()); ");
}
END_TEST

static const char *const bad_texts[] =
	{"",  "c",  "wiggle(a)", "add(a)", "add(a, b, a)", "add(a, b", "neg(a) b", "@beta", "add(a, b, a, b)", "select(a)",
     "A", "ab", "neg()",     "-",      "add(,)"};

START_TEST(bad_text_is_refused)
{
	struct expr expr = {0};
	assert_fails(parse(&expr, bad_texts[_i]), ERCC_INTERNAL, "expression: ");
}
END_TEST

START_TEST(too_many_nodes_are_refused)
{
	struct expr expr = {0};
	struct text text = {.arena = &test.ctx.arena};
	for (int i = 0; i < EXPR_MAX_NODES; i++)
		text_printf(&text, "add(%d, ", i);
	text_printf(&text, "a");
	for (int i = 0; i < EXPR_MAX_NODES; i++)
		text_printf(&text, ")");
	assert_fails(parse(&expr, text.data), ERCC_INTERNAL, "more than 96 nodes");
	ck_assert_int_le(expr.count, EXPR_MAX_NODES);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("expressions");
	TCase *evaluate = tcase_create("evaluate"), *build = tcase_create("build");
	tcase_add_checked_fixture(evaluate, fixture_start, fixture_stop);
	tcase_add_checked_fixture(build, fixture_start, fixture_stop);
	tcase_add_test(evaluate, the_known_ones_are_these);
	tcase_add_loop_test(evaluate, integers_are_exact, 0, (int)COUNT_OF(ints));
	tcase_add_test(evaluate, corners_are_these);
	tcase_add_test(evaluate, truth_tables);
	tcase_add_loop_test(evaluate, float_functions_are_libms, 0, (int)COUNT_OF(unaries));
	tcase_add_loop_test(evaluate, float_arithmetic_is_libms, 0, (int)COUNT_OF(binaries));
	tcase_add_loop_test(evaluate, nan_is_kept_and_never_compares, 0, 2);
	tcase_add_test(build, text_is_parsed);
	tcase_add_test(build, equal_nodes_are_one);
	tcase_add_test(build, inlining_maps_operands_and_shares);
	tcase_add_test(build, c_text_names_type_and_primitive);
	tcase_add_loop_test(build, bad_text_is_refused, 0, (int)COUNT_OF(bad_texts));
	tcase_add_test(build, too_many_nodes_are_refused);
	suite_add_tcase(suite, evaluate);
	suite_add_tcase(suite, build);
	return run_suite(suite);
}
