/* Whether an output is what the case expects. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/conformance.h"

/* Narrow types have a rule of their own, because one unit in their last place may be more than the relative limit of
 * f32. The suite's files state no tolerance. The absolute limit is that of all types. */
static const struct precision {
	enum erc_dtype dtype;
	int digits;         /* binary digits after the first one */
	int least_exponent; /* of normal numbers */
	double units;       /* limit, in units in the last place of the expected value */
} precisions[] = {
	{ERC_F16, 10, -14, 2},
	{ERC_BF16, 7, -126, 2},
};

static const struct precision *precision_of(enum erc_dtype dtype)
{
	for (size_t i = 0; i < COUNT_OF(precisions); i++)
		if (precisions[i].dtype == dtype)
			return &precisions[i];
	return NULL;
}

/* How far the element is from the expected value, relative to the limit. */
static double excess(const struct precision *precision, double actual, double expected, double atol)
{
	int exponent;
	if (actual == expected || (isnan(actual) && isnan(expected)))
		return 0;
	if (!isfinite(actual) || !isfinite(expected))
		return INFINITY;
	frexp(expected, &exponent);
	exponent = expected == 0 || exponent - 1 < precision->least_exponent ? precision->least_exponent : exponent - 1;
	return fabs(actual - expected) / (atol + ldexp(precision->units, exponent - precision->digits));
}

static void compare_narrow(const struct precision *precision, const struct array *actual, const struct array *expected,
                           double atol, struct comparison *result)
{
	double worst = -1;
	result->outside = 0;
	for (size_t i = 0; i < actual->count; i++) {
		double a = array_get(actual, i), e = array_get(expected, i), beyond = excess(precision, a, e, atol);
		result->outside += beyond > 1;
		if (beyond > worst) {
			worst = beyond;
			result->worst = i, result->worst_actual = a, result->worst_expected = e;
		}
	}
	result->equal = !result->outside;
}

/* Cases that draw random numbers. An element is the expected one, or one of the two is 0: an element is drawn or
 * dropped, and the other generator decided otherwise. The share of zeros is near the expected one. */
static const char *const random_cases[] = {
	"test_bernoulli",
	"test_bernoulli_double",
	"test_bernoulli_double_expanded",
	"test_bernoulli_expanded",
	"test_bernoulli_seed",
	"test_bernoulli_seed_expanded",
	"test_training_dropout",
	"test_training_dropout_default",
	"test_training_dropout_default_mask",
	"test_training_dropout_mask",
};

bool is_random(const struct test_case *test)
{
	for (size_t i = 0; i < COUNT_OF(random_cases); i++)
		if (!strcmp(test->name, random_cases[i]))
			return true;
	return false;
}

/* The limit of a share is four standard deviations of the difference of two samples, at most. */
static char *judge_random(const struct limits *limits, uint32_t index, const struct array *actual,
                          const struct array *expected)
{
	double zeros = 0, count = (double)actual->count;
	for (size_t i = 0; i < actual->count; i++) {
		double a = array_get(actual, i), e = array_get(expected, i);
		zeros += (a == 0) - (e == 0);
		if (a != 0 && e != 0 && !(fabs(a - e) <= limits->atol + limits->rtol * fabs(e)))
			return memory_printf("output %u: element %zu is %.9g, expected %.9g or 0", index, i, a, e);
	}
	return fabs(zeros) / count <= 4 * sqrt(0.5 / count)
	           ? NULL
	           : memory_printf("output %u: %g zeros more than expected, of %g elements", index, zeros, count);
}

char *judge_output(const struct test_case *test, const struct limits *limits, uint32_t index,
                   const struct array *actual, const struct array *expected)
{
	const struct precision *precision = precision_of(expected->dtype);
	struct comparison result = array_compare(actual, expected, limits->rtol, limits->atol);
	if (!result.same_type) {
		char *have = array_type_text(actual->dtype, actual->rank, actual->dims);
		char *want = array_type_text(expected->dtype, expected->rank, expected->dims);
		char *text = memory_printf("output %u is %s, expected %s", index, have, want);
		free(have);
		free(want);
		return text;
	}
	if (is_random(test))
		return judge_random(limits, index, actual, expected);
	if (precision)
		compare_narrow(precision, actual, expected, limits->atol, &result);
	return result.equal
	           ? NULL
	           : memory_printf("output %u: %zu of %zu elements differ, element %zu is %.9g, expected %.9g", index,
	                           result.outside, actual->count, result.worst, result.worst_actual, result.worst_expected);
}
