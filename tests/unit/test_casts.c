/* Casts between element types, as kernels and constant folding compute them. */
#include <float.h>
#include <math.h>
#include "tests/unit/expr_values.h"
#include "tests/unit/graph_fixture.h"

static V cast(enum erc_dtype from, enum erc_dtype to, V value)
{
	struct expr expr = {0};
	expr_cast(&expr, expr_operand(&expr, 0, from), to);
	ck_assert(expr_can_evaluate(&expr));
	return expr_evaluate(&expr, &value);
}

START_TEST(casts_between_integers_wrap)
{
	static const int64_t numbers[] = {0,   1,    -1,    127,   128,        200,       255,
	                                  256, -129, 40000, 70000, 3000000000, INT64_MAX, INT64_MIN};
	for (size_t f = 0; f < COUNT_OF(ints); f++)
		for (size_t t = 0; t < COUNT_OF(ints); t++)
			for (size_t i = 0; i < COUNT_OF(numbers); i++) {
				V value = {.i = (int64_t)wrapped(ints[f], numbers[i])};
				ck_assert_msg(number_of(ints[t], cast(ints[f], ints[t], value)) ==
				                  wrapped(ints[t], wrapped(ints[f], numbers[i])),
				              "%lld from %s to %s", (long long)numbers[i], dtype_name(ints[f]), dtype_name(ints[t]));
			}
}
END_TEST

static const struct {
	double from;
	enum erc_dtype to;
	int64_t want;
} float_casts[] = {
	{2.9, ERC_I32, 2},
	{-2.9, ERC_I32, -2},
	{-0.5, ERC_U8, 0},
	{255, ERC_U8, 255},
	{256, ERC_U8, 0},
	{-1, ERC_U8, 255},
	{128, ERC_I8, -128},
	{65536, ERC_I16, 0},
	{3e9, ERC_U32, 3000000000},
	{3e9, ERC_I32, INT32_MIN},
	{0x1p62, ERC_I64, INT64_C(1) << 62},
	{0x1p63, ERC_I64, INT64_MIN},
	{-0x1p63, ERC_I64, INT64_MIN},
	{1e30, ERC_I64, INT64_MIN},
	{0x1p63, ERC_U64, INT64_MIN},
	{0x1.8p63, ERC_U64, INT64_C(-4611686018427387904)},
	{0x1p64, ERC_U64, 0},
	{-1, ERC_U64, -1},
	{0x1p40, ERC_U64, INT64_C(1) << 40},
	{NAN, ERC_I64, INT64_MIN},
	{NAN, ERC_I32, INT32_MIN},
	{NAN, ERC_U8, 0},
	{NAN, ERC_U32, 0},
	{INFINITY, ERC_I64, INT64_MIN},
	{-INFINITY, ERC_U8, 0},
	{NAN, ERC_BOOL, 1},
	{0, ERC_BOOL, 0},
	{-0.0, ERC_BOOL, 0},
	{0.1, ERC_BOOL, 1},
	{256, ERC_BOOL, 1},
};

START_TEST(casts_of_floats_truncate)
{
	for (int single = 0; single < 2; single++) {
		V value = {.f = single ? (float)float_casts[_i].from : float_casts[_i].from};
		ck_assert_int_eq(cast(single ? ERC_F32 : ERC_F64, float_casts[_i].to, value).i, float_casts[_i].want);
	}
}
END_TEST

START_TEST(casts_to_floats_round)
{
	ck_assert_double_eq(cast(ERC_I32, ERC_F32, (V){.i = 16777217}).f, 16777216);
	ck_assert_double_eq(cast(ERC_U64, ERC_F32, (V){.i = -1}).f, 0x1p64);
	ck_assert_double_eq(cast(ERC_U64, ERC_F64, (V){.i = INT64_MIN}).f, 0x1p63);
	ck_assert_double_eq(cast(ERC_I64, ERC_F64, (V){.i = INT64_MIN}).f, -0x1p63);
	ck_assert_double_eq(cast(ERC_F64, ERC_F32, (V){.f = 0.1}).f, 0.1f);
	ck_assert_double_eq(cast(ERC_F32, ERC_F64, (V){.f = 0.1f}).f, 0.1f);
	ck_assert(isinf(cast(ERC_F64, ERC_F32, (V){.f = 1e300}).f));
	ck_assert(isnan(cast(ERC_F64, ERC_F32, (V){.f = NAN}).f));
	ck_assert_double_eq(cast(ERC_BOOL, ERC_F32, (V){.i = 1}).f, 1);
}
END_TEST

/* The value of the bits of an f16, and the f16 nearest to x with halves to even, by the format's definition. */
static double half_number(uint32_t bits)
{
	int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
	double size = exponent == 31 ? (fraction ? NAN : INFINITY)
	                             : ldexp(exponent ? fraction + 1024 : fraction, exponent ? exponent - 25 : -24);
	return bits & 0x8000 ? -size : size;
}
static double nearest_half(double x)
{
	if (x == 0 || isinf(x))
		return x;
	int exponent = ilogb(x) < -14 ? -14 : ilogb(x);
	double unit = ldexp(1, exponent - 10), y = nearbyint(x / unit) * unit;
	return fabs(y) > 65504 ? copysign(INFINITY, x) : y;
}

START_TEST(halves_round_to_even)
{
	for (uint32_t i = 0; i < 65536; i++) {
		double want = half_number(i), got = cast(ERC_F16, ERC_F32, (V){.i = i}).f;
		ck_assert_msg(got == want || (isnan(got) && isnan(want)), "f16 %x is %g", i, got);
		if (isnan(want)) {
			ck_assert(isnan(half_number((uint32_t)cast(ERC_F32, ERC_F16, (V){.f = got}).i)));
			continue;
		}
		ck_assert_int_eq(cast(ERC_F32, ERC_F16, (V){.f = got}).i, i);
		for (int step = -2; step < 3; step++) { /* around the middle to the next one */
			float x = (float)((want + half_number(i + 1)) / 2);
			for (int k = step; k; k += k < 0 ? 1 : -1)
				x = nextafterf(x, k < 0 ? -INFINITY : INFINITY);
			if (!isnan(x))
				ck_assert_double_eq(half_number((uint32_t)cast(ERC_F32, ERC_F16, (V){.f = x}).i),
				                    nearest_half((double)x));
		}
	}
}
END_TEST

START_TEST(bfloats_round_to_even)
{
	static const struct {
		float from;
		int64_t to;
	} rows[] = {
		{1, 0x3f80},  {0x1.01p0f, 0x3f80}, {0x1.010002p0f, 0x3f81},   {0x1.03p0f, 0x3f82},
		{-2, 0xc000}, {INFINITY, 0x7f80},  {0x1.fffffep127f, 0x7f80}, {0x1p-133f, 0x0001},
		{0, 0},       {-0.0f, 0x8000},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_int_eq(cast(ERC_F32, ERC_BF16, (V){.f = rows[i].from}).i, rows[i].to);
	ck_assert(isnan(cast(ERC_BF16, ERC_F32, cast(ERC_F32, ERC_BF16, (V){.f = NAN})).f));
	ck_assert_double_eq(cast(ERC_BF16, ERC_I32, (V){.i = 0xc120}).i, -10);
	ck_assert_int_eq(cast(ERC_F64, ERC_F16, (V){.f = 1}).i, 0x3c00);
	ck_assert_int_eq(cast(ERC_F16, ERC_BF16, (V){.i = 0x3c00}).i, 0x3f80);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("casts");
	TCase *tcase = tcase_create("evaluate");
	tcase_add_checked_fixture(tcase, fixture_start, fixture_stop);
	tcase_set_timeout(tcase, 60); /* all 65536 halves take seconds on a busy machine */
	tcase_add_test(tcase, casts_between_integers_wrap);
	tcase_add_loop_test(tcase, casts_of_floats_truncate, 0, (int)COUNT_OF(float_casts));
	tcase_add_test(tcase, casts_to_floats_round);
	tcase_add_test(tcase, halves_round_to_even);
	tcase_add_test(tcase, bfloats_round_to_even);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
