/* Rounds, widths and room profiles, computed by hand. */
#include <stdlib.h>
#include <string.h>

#include "runtime/sched/profile.h"
#include "tests/suite.h"

#define MAX 4 /* maximum number of launches of a random case */

START_TEST(width_is_the_fewest_units_for_as_few_rounds)
{
	static const struct {
		uint32_t tiles, cap, rounds, width;
	} cases[] = {
		{1, 132, 1, 1},
		{132, 132, 1, 132},
		{133, 132, 2, 67},
		{264, 132, 2, 132},
		{265, 132, 3, 89},
		{7, 1, 7, 1},
		{100, 64, 2, 50},
		{100, 33, 4, 25},
		{UINT32_MAX, UINT32_MAX, 1, UINT32_MAX},
		{UINT32_MAX, 2, UINT32_C(1) << 31, 2},
	};
	for (size_t i = 0; i < ERC__COUNT(cases); i++) {
		ck_assert_uint_eq(erc__launch_rounds(cases[i].tiles, cases[i].cap), cases[i].rounds);
		ck_assert_uint_eq(erc__launch_width(cases[i].tiles, cases[i].cap), cases[i].width);
	}
	ck_assert_uint_eq(erc__launch_width(0, 8), 0);
}
END_TEST

START_TEST(a_point_sums_up_the_launches)
{
	const uint32_t tiles[] = {133, 5, 0}, ns[] = {10, 100, 1000};
	const struct erc__load load = {tiles, ns, 3, NULL};
	struct erc__profile_point point;
	erc__profile_at(&load, 132, &point); /* 2 rounds of 67 units, 1 of 5 */
	ck_assert_uint_eq(point.units, 132);
	ck_assert_uint_eq(point.latency_ns, 2 * 10 + 1 * 100);
	ck_assert_uint_eq(point.unit_ns, 67 * 2 * 10 + 5 * 100);
	ck_assert_uint_eq(point.tile_ns, 133 * 10 + 5 * 100);
	erc__profile_at(&load, 4, &point); /* 34 rounds of 4 units, 2 of 3 */
	ck_assert_uint_eq(point.latency_ns, 34 * 10 + 2 * 100);
	ck_assert_uint_eq(point.unit_ns, 4 * 34 * 10 + 3 * 2 * 100);
	ck_assert_uint_eq(point.tile_ns, 133 * 10 + 5 * 100);
}
END_TEST

START_TEST(sums_stop_at_the_end)
{
	const uint32_t max[] = {UINT32_MAX, UINT32_MAX};
	const struct erc__load load = {max, max, 2, NULL};
	struct erc__profile_point point;
	erc__profile_at(&load, 1, &point);
	ck_assert(point.latency_ns == UINT64_MAX && point.unit_ns == UINT64_MAX && point.tile_ns == UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("room profile");
	TCase *tcase = tcase_create("profile");
	tcase_add_test(tcase, width_is_the_fewest_units_for_as_few_rounds);
	tcase_add_test(tcase, a_point_sums_up_the_launches);
	tcase_add_test(tcase, sums_stop_at_the_end);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
