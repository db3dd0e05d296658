/* Forecasts, computed by hand: widths, times, and what a run needs within a time from now. */
#include <stdlib.h>

#include "runtime/sched/forecast.h"
#include "tests/suite.h"

/* On 132 units: 100 units for 10 ns; 5 for 50; 100 in each of 3 rounds of 20. */
static struct erc__forecast_launch launches[] = {
	{.tiles = 100, .tile_ns = 10, .traffic = 0.01f},
	{.tiles = 5, .tile_ns = 50, .traffic = 0.03f},
	{.tiles = 300, .tile_ns = 20},
};
static struct erc__forecast forecast;

static void complete(uint64_t hold_ns)
{
	forecast = (struct erc__forecast){.launches = launches, .count = 3};
	erc__forecast_complete(&forecast, 132, hold_ns);
}

START_TEST(sums)
{
	complete(0);
	ck_assert_uint_eq(launches[0].width, 100);
	ck_assert_uint_eq(launches[1].width, 5);
	ck_assert_uint_eq(launches[2].width, 100);
	ck_assert_uint_eq(launches[0].start_ns, 0);
	ck_assert_uint_eq(launches[1].start_ns, 10);
	ck_assert_uint_eq(launches[2].start_ns, 60);
	ck_assert_uint_eq(forecast.run_ns, 120);
	ck_assert_uint_eq(forecast.tile_ns, 1000 + 250 + 6000);
	ck_assert_uint_eq(forecast.unit_ns, 1000 + 250 + 6000);
	ck_assert_uint_eq(forecast.widest, 100);
	ck_assert_uint_eq(forecast.longest_ns, 50);
	erc__forecast_complete(&(struct erc__forecast){0}, 1, 0); /* a plan without launches */
}
END_TEST

START_TEST(held_for_what_begins_soon)
{
	complete(1);
	ck_assert_uint_eq(launches[1].held, 5);
	complete(50); /* the third begins exactly then */
	ck_assert_uint_eq(launches[1].held, 5);
	complete(51);
	ck_assert_uint_eq(launches[1].held, 100);
	ck_assert_uint_eq(launches[2].held, 100);
}
END_TEST

static uint32_t need(struct erc__progress progress, uint32_t inside, uint32_t limit, uint64_t within_ns, float slack)
{
	struct erc__span span = {.now_ns = 1000, .until_ns = within_ns, .slack = slack};
	return erc__forecast_need(&forecast, &progress, inside, limit, &span);
}

START_TEST(needs)
{
	complete(0);
	/* the second launch: all of its tiles run until 1030, then the third one begins */
	struct erc__progress tail = {.step = 1, .tile_ns = 50, .next_ns = 1030};
	ck_assert_uint_eq(need(tail, 5, 5, 20, 0), 5);
	ck_assert_uint_eq(need(tail, 5, 5, 30, 0), 5);
	ck_assert_uint_eq(need(tail, 5, 5, 31, 0), 100);
	/* none of its tiles has begun: 50 ns are left, whatever the clock says */
	struct erc__progress begun = {.step = 1, .left = 5, .tile_ns = 50};
	ck_assert_uint_eq(need(begun, 0, 5, 50, 0), 5);
	ck_assert_uint_eq(need(begun, 0, 5, 51, 0), 100);
	/* one unit has to do all five */
	ck_assert_uint_eq(need(begun, 0, 1, 250, 0), 1);
	ck_assert_uint_eq(need(begun, 0, 1, 251, 0), 100);
	/* the third may begin late by half of its 60 ns */
	ck_assert_uint_eq(need(begun, 0, 5, 80, 0.5f), 5);
	ck_assert_uint_eq(need(begun, 0, 5, 81, 0.5f), 100);
	/* from the first launch on, beyond the second: the third is 60 ns away when 10 are left */
	struct erc__progress first = {.step = 0, .next_ns = 1010};
	ck_assert_uint_eq(need(first, 3, 3, 10, 0), 3);
	ck_assert_uint_eq(need(first, 3, 3, 60, 0), 5);
	ck_assert_uint_eq(need(first, 3, 3, 61, 0), 100);
	/* nothing comes after the last launch; an unknown step needs all that the run may have */
	ck_assert_uint_eq(need((struct erc__progress){.step = 2, .next_ns = 1001}, 40, 100, UINT64_MAX, 0), 40);
	ck_assert_uint_eq(need((struct erc__progress){.step = ERC__STEP_UNKNOWN}, 7, 66, 1, 0), 66);
}
END_TEST

START_TEST(widths_in_fewer_units)
{
	complete(0);
	struct erc__progress third = {.step = 2, .left = 300, .tile_ns = 20};
	ck_assert_uint_eq(erc__forecast_width(&forecast, &third, 132), 100);
	ck_assert_uint_eq(erc__forecast_width(&forecast, &third, 99), 75); /* four rounds */
	ck_assert_uint_eq(erc__forecast_width(&forecast, &third, 1), 1);
	ck_assert_uint_eq(erc__forecast_width(&forecast, &(struct erc__progress){.step = ERC__STEP_UNKNOWN}, 132), 100);
	ck_assert_uint_eq(erc__forecast_width(NULL, &third, 132), 132);
}
END_TEST

START_TEST(stretch_rises_at_once)
{
	struct erc__stretch stretch = {0};
	erc__stretch_add(&stretch, 1.5f);
	ck_assert_float_eq_tol(stretch.high, 0.5f, 1e-6f);
	erc__stretch_add(&stretch, 0.5f);
	ck_assert(stretch.high > 0.49f && stretch.high < 0.5f);
	for (int i = 0; i < 2000; i++)
		erc__stretch_add(&stretch, 1);
	ck_assert(stretch.high < 0.001f);
}
END_TEST

/* A launch of 10 ns; a branch of 30 or 50 ns; a loop of 4 iterations of 20 ns, one of 5 ns among them, 3 times each. */
static struct erc__forecast_launch course[] = {
	{.tiles = 1, .tile_ns = 10},
	{.place = {.kind = ERC__STEP_BRANCH, .goes_to = 4}},
	{.tiles = 2, .tile_ns = 30},
	{.place = {.kind = ERC__STEP_ELSE, .goes_to = 5}},
	{.tiles = 7, .tile_ns = 50},
	{.place = {.kind = ERC__STEP_END}},
	{.place = {.kind = ERC__STEP_LOOP, .goes_to = 12, .times = 4}},
	{.tiles = 3, .tile_ns = 5},
	{.place = {.kind = ERC__STEP_LOOP, .goes_to = 11, .times = 3}},
	{.tiles = 9, .tile_ns = 5},
	{.place = {.kind = ERC__STEP_AGAIN, .goes_to = 9, .times = 3}},
	{.place = {.kind = ERC__STEP_AGAIN, .goes_to = 7, .times = 4}},
	{.tiles = 40, .tile_ns = 1},
};

START_TEST(branches_and_loops)
{
	forecast = (struct erc__forecast){.launches = course, .count = 13};
	erc__forecast_complete(&forecast, 132, 0);
	ck_assert_uint_eq(course[2].start_ns, 10);
	ck_assert_uint_eq(course[4].start_ns, 10);
	ck_assert(course[1].takes_else);
	ck_assert_uint_eq(course[7].start_ns, 60);
	ck_assert_uint_eq(course[9].start_ns, 65);
	ck_assert_uint_eq(course[10].iteration_ns, 5);
	ck_assert_uint_eq(course[11].iteration_ns, 20);
	ck_assert_uint_eq(course[12].start_ns, 140);
	ck_assert_uint_eq(forecast.run_ns, 141);
	ck_assert_uint_eq(forecast.tile_ns, 10 + 350 + 4 * (15 + 3 * 45) + 40);
	ck_assert_uint_eq(forecast.widest, 40);
	/* in the third iteration of the outer loop, and the second of the inner one */
	ck_assert_uint_eq(erc__forecast_left_ns(&forecast, 9, 2 * 20 + 5), 141 - 65 - 45);
	ck_assert_uint_eq(erc__forecast_left_ns(&forecast, 12, 0), 1);
	/* after the inner launch the inner loop goes on, then the outer one; what is behind them comes after 16 iterations */
	struct erc__progress inner = {.step = 9, .next_ns = 1000};
	ck_assert_uint_eq(need(inner, 0, 100, 5, 0), 9);
	ck_assert_uint_eq(need(inner, 0, 100, 16 * 5, 0), 9);
	ck_assert_uint_eq(need(inner, 0, 100, 16 * 5 + 1, 0), 40);
	/* the longer part of the branch is expected; the other one ends at the End */
	struct erc__progress first = {.step = 0, .next_ns = 1000}, then = {.step = 2, .next_ns = 1000};
	ck_assert_uint_eq(need(first, 0, 100, 1, 0), 7);
	ck_assert_uint_eq(need(then, 0, 100, 1, 0), 3);
	/* no endless look ahead in a loop whose launches take no time */
	course[7].tile_ns = course[9].tile_ns = 0;
	erc__forecast_complete(&forecast, 132, 1000);
	ck_assert_uint_eq(need(inner, 0, 100, UINT64_MAX, 0), 40);
	course[7].tile_ns = course[9].tile_ns = 5;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("forecast");
	TCase *tcase = tcase_create("forecast");
	tcase_add_test(tcase, sums);
	tcase_add_test(tcase, held_for_what_begins_soon);
	tcase_add_test(tcase, needs);
	tcase_add_test(tcase, widths_in_fewer_units);
	tcase_add_test(tcase, stretch_rises_at_once);
	tcase_add_test(tcase, branches_and_loops);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
