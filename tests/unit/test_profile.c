/* Rounds, widths and room profiles, by hand and against every choice of widths. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

#define MOST 4 /* launches of a random case */

START_TEST(width_is_the_fewest_units_for_as_few_rounds)
{
	static const struct {
		uint32_t tiles, cap, rounds, width;
	} cases[] = {
		{ 1, 132, 1, 1 },    { 132, 132, 1, 132 }, { 133, 132, 2, 67 }, { 264, 132, 2, 132 },
		{ 265, 132, 3, 89 }, { 7, 1, 7, 1 },       { 100, 64, 2, 50 },  { 100, 33, 4, 25 },
		{ UINT32_MAX, UINT32_MAX, 1, UINT32_MAX }, { UINT32_MAX, 2, UINT32_C(1) << 31, 2 },
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
	const uint32_t tiles[] = { 133, 5, 0 }, ns[] = { 10, 100, 1000 };
	const struct erc__load load = { tiles, ns, 3 };
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
	const uint32_t most[] = { UINT32_MAX, UINT32_MAX };
	const struct erc__load load = { most, most, 2 };
	struct erc__profile_point point;
	uint32_t widths[2];
	erc__profile_at(&load, 1, &point);
	ck_assert(point.latency_ns == UINT64_MAX && point.unit_ns == UINT64_MAX && point.tile_ns == UINT64_MAX);
	ck_assert(!erc__profile_widths(&load, 3, 1e300, widths));
	ck_assert(widths[0] >= 1 && widths[0] <= 3 && widths[1] >= 1 && widths[1] <= 3);
}
END_TEST

/* ---- widths ---- */

static void expect_widths(const struct erc__load *load, uint32_t cap, double slowdown, const uint32_t *expected)
{
	uint32_t widths[8];
	ck_assert(!erc__profile_widths(load, cap, slowdown, widths));
	for (uint32_t i = 0; i < load->count; i++)
		ck_assert_msg(widths[i] == expected[i], "launch %u, %g slower: %u units, expected %u", i, slowdown, widths[i],
		              expected[i]);
}
#define EXPECT(load, cap, slowdown, ...) expect_widths(load, cap, slowdown, (const uint32_t[]){ __VA_ARGS__ })

/* Both launches take 100 ns. From 8 units to 4 leaves 4 for 100 ns, from 4 to 2 leaves 2, from 4 to 3 one, from 2 to 1
 * (2 rounds to 4) one for each 200 ns. */
START_TEST(what_leaves_most_comes_first)
{
	const struct erc__load load = { (const uint32_t[]){ 4, 8 }, (const uint32_t[]){ 100, 100 }, 2 };
	EXPECT(&load, 8, 0, 4, 8);
	EXPECT(&load, 8, 0.49, 4, 8);
	EXPECT(&load, 8, 0.5, 4, 4);
	EXPECT(&load, 8, 0.99, 4, 4);
	EXPECT(&load, 8, 1, 2, 4);
	EXPECT(&load, 8, 1.5, 2, 3);
	EXPECT(&load, 8, 2, 2, 2);
	EXPECT(&load, 8, 100, 1, 1);
}
END_TEST

START_TEST(what_does_not_fit_is_passed_over)
{
	const struct erc__load load = { (const uint32_t[]){ 8, 4, 0 }, (const uint32_t[]){ 1000, 10, 10 }, 3 };
	EXPECT(&load, 8, 0.02, 8, 2, 0); /* 20 of 1010 ns: one step of 10, the next takes 20 */
	EXPECT(&load, 8, 0.03, 8, 1, 0);
	EXPECT(&load, 8, 1, 4, 2, 0);    /* 1010: the wide launch takes 1000 of them, the other one its first 10 */
}
END_TEST

START_TEST(many_rounds_become_one_more)
{
	const struct erc__load load = { (const uint32_t[]){ 1320, 1320 }, (const uint32_t[]){ 7, 7 }, 2 };
	EXPECT(&load, 132, 0.04, 132, 132);
	EXPECT(&load, 132, 0.05, 120, 132); /* 7 of 140 ns: 11 rounds of 120; of equal ones the first */
	EXPECT(&load, 132, 0.1, 120, 120);
	EXPECT(&load, 132, 0.2, 110, 110);
}
END_TEST

START_TEST(unknown_times_stay_wide)
{
	const struct erc__load load = { (const uint32_t[]){ 8, 8 }, (const uint32_t[]){ 0, 10 }, 2 };
	EXPECT(&load, 8, 1, 8, 4);
}
END_TEST

START_TEST(no_memory_keeps_the_widths)
{
	const struct erc__load load = { (const uint32_t[]){ 8 }, (const uint32_t[]){ 10 }, 1 };
	uint32_t width = 0;
	erc__alloc_fail_after(0);
	enum erc_status status = erc__profile_widths(&load, 8, 1, &width);
	erc__alloc_fail_after(-1);
	ck_assert_int_eq(status, ERC_NOMEM);
	ck_assert_uint_eq(width, 8);
}
END_TEST

/* ---- random cases, against every choice ---- */

static uint32_t random_below(uint32_t *state, uint32_t bound)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % bound;
}

static uint64_t divided_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

struct random_case {
	uint32_t tiles[MOST], ns[MOST], count, cap, percent;
	uint64_t base[MOST]; /* rounds on cap units */
	uint64_t allowed_ns;
};

static void make_case(struct random_case *made, uint32_t *state)
{
	uint64_t latency_ns = 0;
	made->count = 1 + random_below(state, MOST);
	made->cap = 1 + random_below(state, 8);
	made->percent = random_below(state, 2) ? random_below(state, 20) : random_below(state, 200);
	for (uint32_t i = 0; i < made->count; i++) {
		made->tiles[i] = random_below(state, 30);
		made->ns[i] = 1 + random_below(state, 50);
		made->base[i] = divided_up(made->tiles[i], made->cap);
		latency_ns += made->base[i] * made->ns[i];
	}
	made->allowed_ns = latency_ns * made->percent / 100;
}

/* What is left to others, and what is added, with launch i on `units`. */
static void count_launch(const struct random_case *given, uint32_t i, uint64_t units, uint64_t *left, uint64_t *added)
{
	if (!given->tiles[i])
		return;
	uint64_t rounds = divided_up(given->tiles[i], units), widest = divided_up(given->tiles[i], given->base[i]);
	*left += (widest - units) * given->base[i] * given->ns[i];
	*added += (rounds - given->base[i]) * given->ns[i];
}

/* The most that launches from i on can leave, of all choices of their widths. */
static uint64_t best_left(const struct random_case *given, uint32_t i, uint64_t left, uint64_t added)
{
	uint64_t best = 0;
	if (added > given->allowed_ns)
		return 0;
	if (i == given->count)
		return left;
	if (!given->tiles[i])
		return best_left(given, i + 1, left, added);
	for (uint64_t units = divided_up(given->tiles[i], given->base[i]); units; units--) {
		uint64_t l = left, a = added;
		count_launch(given, i, units, &l, &a);
		uint64_t found = best_left(given, i + 1, l, a);
		best = found > best ? found : best;
	}
	return best;
}

START_TEST(random_cases_keep_the_promise)
{
	uint32_t state = 7, optimal = 0, cases = 0;
	double shares = 0;
	for (int n = 0; n < 20000; n++) {
		struct random_case given;
		uint32_t widths[MOST];
		uint64_t left = 0, added = 0, rest;
		make_case(&given, &state);
		const struct erc__load load = { given.tiles, given.ns, given.count };
		ck_assert(!erc__profile_widths(&load, given.cap, given.percent / 100.0, widths));
		for (uint32_t i = 0; i < given.count; i++) {
			ck_assert_uint_le(widths[i], given.cap);
			ck_assert_uint_eq(!widths[i], !given.tiles[i]);
			if (widths[i] && !given.percent)
				ck_assert_uint_eq(widths[i], divided_up(given.tiles[i], given.base[i]));
			if (widths[i]) /* no unit too many */
				ck_assert_uint_eq(widths[i], divided_up(given.tiles[i], divided_up(given.tiles[i], widths[i])));
			count_launch(&given, i, widths[i], &left, &added);
		}
		ck_assert_uint_le(added, given.allowed_ns);
		rest = given.allowed_ns - added;
		for (uint32_t i = 0; i < given.count; i++) /* nothing that would still fit was left */
			if (widths[i] > 1)
				ck_assert_uint_gt((divided_up(given.tiles[i], widths[i] - 1) - divided_up(given.tiles[i], widths[i])) * given.ns[i], rest);
		uint64_t best = best_left(&given, 0, 0, 0);
		ck_assert_uint_le(left, best);
		optimal += left == best;
		shares += best ? (double)left / (double)best : 1;
		cases++;
	}
	ck_assert_msg(shares / cases > 0.97, "%.4f of the best on average, %u of %u cases are the best", shares / cases, optimal, cases);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("room profile");
	TCase *tcase = tcase_create("profile");
	tcase_add_test(tcase, width_is_the_fewest_units_for_as_few_rounds);
	tcase_add_test(tcase, a_point_sums_up_the_launches);
	tcase_add_test(tcase, sums_stop_at_the_end);
	tcase_add_test(tcase, what_leaves_most_comes_first);
	tcase_add_test(tcase, what_does_not_fit_is_passed_over);
	tcase_add_test(tcase, many_rounds_become_one_more);
	tcase_add_test(tcase, unknown_times_stay_wide);
	tcase_add_test(tcase, no_memory_keeps_the_widths);
	tcase_add_test(tcase, random_cases_keep_the_promise);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
