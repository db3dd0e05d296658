/* Phases of runs on a CUDA device: cuda_phase.c. */
#include <stdlib.h>

#include "runtime/devices/cuda_phase.h"
#include "tests/suite.h"

#define MAX 64
#define UNITS 132
#define US 1000

static struct erc__forecast_launch launches[MAX];
static struct erc__forecast forecast;
static uint32_t needs[MAX];
static struct erc__cuda_phase phases[MAX];
static uint32_t count;

static void begin(void)
{
	forecast = (struct erc__forecast){.launches = launches};
}

/* A launch of one round that can use this many units. */
static void launch(uint32_t units, uint32_t us)
{
	ck_assert_uint_lt(forecast.count, MAX);
	launches[forecast.count++] = (struct erc__forecast_launch){.tiles = units, .tile_ns = us * US};
}

static void end(uint64_t ahead_ns)
{
	erc__forecast_complete(&forecast, UNITS, 0);
	erc__cuda_needs(&forecast, ahead_ns, needs);
	count = erc__cuda_phases(&forecast, needs, phases);
}

static void expect(uint32_t number, uint32_t first, uint32_t units)
{
	ck_assert_uint_lt(number, count);
	ck_assert_msg(phases[number].first == first && phases[number].units == units,
	              "phase %u: %u units from %u on, expected %u from %u on", number, phases[number].units,
	              phases[number].first, units, first);
}

/* Wide for 300 us, narrow for 400 us in pieces of 40 us, then wide again. The rise is announced with the piece that
 * ends less than 50 us before. */
START_TEST(told_ahead)
{
	begin();
	launch(132, 300);
	for (int i = 0; i < 10; i++)
		launch(20, 40);
	launch(132, 300);
	end(50 * US);
	ck_assert_uint_eq(count, 3);
	expect(0, 0, 132);
	expect(1, 1, 20);
	expect(2, 9, 132); /* launch 9 ends 40 us before 11 begins; at its end it would be too late for a tile of 50 us */
}
END_TEST

/* A long launch before a wide one cannot announce it halfway. */
START_TEST(long_launch_before_a_wide_one)
{
	begin();
	launch(20, 1000);
	launch(132, 300);
	launch(20, 1000);
	end(50 * US);
	ck_assert_uint_eq(count, 2);
	expect(0, 0, 132);
	expect(1, 2, 20);
}
END_TEST

/* A fall for 60 us does not matter, nor does a fall by 5 of 132 units for any time; a rise for 20 us does. */
START_TEST(what_does_not_matter)
{
	begin();
	launch(132, 300);
	launch(20, 60);
	launch(132, 300);
	launch(127, 2000);
	end(0);
	ck_assert_uint_eq(count, 1);
	expect(0, 0, 132);
	begin();
	launch(20, 1000);
	launch(132, 20);
	launch(20, 1000);
	end(0);
	ck_assert_uint_eq(count, 3);
	expect(0, 0, 20);
	expect(1, 1, 132);
	expect(2, 2, 20);
}
END_TEST

START_TEST(nothing_to_tell)
{
	begin();
	end(50 * US);
	ck_assert_uint_eq(count, 0);
	begin();
	launch(0, 0);
	launch(7, 0);
	end(50 * US);
	ck_assert_uint_eq(count, 1);
	expect(0, 0, 7);
}
END_TEST

static uint32_t told_at(uint32_t number)
{
	uint32_t units = 0;
	for (uint32_t i = 0; i < count && phases[i].first <= number; i++)
		units = phases[i].units;
	return units;
}

/* For any plan: a tile that began before a launch's word ends before any launch begins that was not announced. What
 * falls stays low for long. */
START_TEST(random_plans)
{
	uint32_t random = (uint32_t)_i * 2654435761u + 1;
	uint64_t ahead_ns = (uint64_t)(_i % 4) * 25 * US;
	begin();
	for (uint32_t i = 0; i < MAX; i++) {
		random = random * 1664525u + 1013904223u;
		launch((random >> 8) % 140, (random >> 16) % (random >> 30 ? 30 : 400));
	}
	end(ahead_ns);
	ck_assert_uint_le(count, MAX);
	expect(0, 0, phases[0].units);
	for (uint32_t i = 0; i < MAX; i++) {
		uint64_t next_ns = i + 1 < MAX ? launches[i + 1].start_ns : forecast.run_ns;
		ck_assert_uint_ge(told_at(i), launches[i].width);
		for (uint32_t j = i + 1; j < MAX && launches[j].start_ns < next_ns + ahead_ns; j++)
			ck_assert_uint_ge(told_at(i), launches[j].width);
	}
	for (uint32_t i = 1; i < count; i++) {
		uint64_t until_ns = i + 1 < count ? launches[phases[i + 1].first].start_ns : forecast.run_ns;
		ck_assert_uint_gt(phases[i].first, phases[i - 1].first);
		ck_assert_uint_ne(phases[i].units, phases[i - 1].units);
		if (phases[i].units < phases[i - 1].units)
			ck_assert_uint_ge(until_ns - launches[phases[i].first].start_ns, ERC__CUDA_PHASE_NS);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("phases");
	TCase *tcase = tcase_create("phases");
	tcase_add_test(tcase, told_ahead);
	tcase_add_test(tcase, long_launch_before_a_wide_one);
	tcase_add_test(tcase, what_does_not_matter);
	tcase_add_test(tcase, nothing_to_tell);
	tcase_add_loop_test(tcase, random_plans, 0, 200);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
