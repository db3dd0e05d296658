/* Admission with a fake clock: what it admits, what it learns, how it recovers. */
#include <stdlib.h>
#include <string.h>

#include "runtime/sched/schedule.h"
#include "tests/suite.h"

#define MS UINT64_C(1000000)
#define UNITS 4

static struct erc__forecast_launch launch;
static struct erc__forecast forecast;
static struct erc__sched sched;
static struct erc__tenant tenant;
static struct erc__estimate estimate;

/* Runs of one launch with `tiles` tiles of a millisecond each. */
static void start(const char *policy, uint32_t tiles)
{
	struct erc__supply supply = {.units = UNITS, .rt_units = 2, .by_launch = 1, .asks = 1};
	launch = (struct erc__forecast_launch){.tiles = tiles, .tile_ns = MS};
	forecast = (struct erc__forecast){.launches = &launch, .count = 1};
	erc__sched_init(&sched, erc__policy_find(policy), &supply);
	erc__forecast_complete(&forecast, UNITS, 0);
	tenant = (struct erc__tenant){.class_ = ERC_REAL_TIME, .cap = UNITS, .weight = 1, .shed = 1};
	erc__tenant_init(&tenant);
	erc__estimate_init(&estimate, &forecast);
}

static struct erc__item make_item(void)
{
	struct erc__item item;
	erc__item_create(&sched, &item, &tenant);
	item.forecast = &forecast;
	item.estimate = &estimate;
	return item;
}

/* One request at now_ns, alone, whose run takes run_ns. Returns whether it was admitted. */
static int run(struct erc__item *item, uint64_t now_ns, uint64_t deadline_us, uint64_t run_ns)
{
	erc__item_init(item, now_ns, deadline_us);
	if (erc__sched_admit(&sched, item, now_ns))
		return 0;
	erc__sched_add(&sched, item, now_ns);
	item->started_ns = now_ns;
	erc__sched_learn(&sched, item, run_ns * launch.tiles, now_ns + run_ns);
	erc__sched_remove(&sched, item, now_ns + run_ns);
	return 1;
}

START_TEST(by_prediction_at_first)
{
	start(NULL, 4);
	struct erc__item item = make_item();
	ck_assert(!run(&item, 0, 999, MS)); /* 0.999 ms for a run of 1 ms */
	ck_assert(run(&item, 0, 1000, MS));
}
END_TEST

/* One run that was stopped for 100 ms changes nothing, whether it is the first run or a later one. */
START_TEST(a_stall_is_no_work)
{
	start(NULL, 4);
	struct erc__item item = make_item();
	for (uint64_t i = 1; i < 60; i++)
		ck_assert(run(&item, i * 200 * MS, 2000, i % 20 == (uint64_t)_i ? 100 * MS : MS));
}
END_TEST

/* Runs that take longer than predicted are refused. A refused tenant is tried again when the device is idle, and
 * when it meets its deadline, it is admitted from then on. */
START_TEST(learns_and_recovers)
{
	start(NULL, 4);
	struct erc__item item = make_item();
	uint64_t now_ns = MS, probes = 0;
	for (int i = 0; i < 20; i++, now_ns += 10 * MS)
		run(&item, now_ns, 2000, 5 * MS);
	ck_assert(!run(&item, now_ns, 2000, 5 * MS));
	for (uint64_t end_ns = now_ns + 1000 * MS; now_ns < end_ns; now_ns += MS)
		if (run(&item, now_ns, 2000, 5 * MS)) {
			now_ns += 5 * MS;
			probes++;
		}
	ck_assert_uint_ge(probes, 30); /* about one in 25 ms */
	ck_assert_uint_le(probes, 45);
	uint64_t fast_ns = now_ns;
	while (!run(&item, now_ns, 2000, MS))
		now_ns += MS;
	ck_assert_uint_le(now_ns - fast_ns, 25 * MS);
	for (int i = 0; i < 100; i++)
		ck_assert(run(&item, now_ns += 3 * MS, 2000, MS));
}
END_TEST

/* Four runs before it that hold one unit each for 1 ms are no reason to refuse; four runs that hold all units are. */
START_TEST(what_stands_before_counts_by_unit_time)
{
	const uint32_t tiles = _i ? 4 : 1, fit = _i ? 4 : 16;
	struct erc__item items[17];
	uint32_t in = 0;
	start(NULL, tiles);
	for (uint32_t i = 0; i < 17; i++) {
		items[i] = make_item();
		erc__item_init(&items[i], 0, 4000);
		if (erc__sched_admit(&sched, &items[i], 0))
			continue;
		erc__sched_add(&sched, &items[i], 0);
		in++;
	}
	ck_assert_uint_eq(in, fit); /* 4 ms on 4 units are 16 ms of unit time */
}
END_TEST

/* Under a policy that gives the whole device to one run at a time, narrow runs fill it too. */
START_TEST(whole_runs_stand_before_as_a_whole)
{
	struct erc__item items[6];
	uint32_t in = 0;
	start("exclusive", 1);
	for (uint32_t i = 0; i < 6; i++) {
		items[i] = make_item();
		erc__item_init(&items[i], 0, 4000);
		if (erc__sched_admit(&sched, &items[i], 0))
			continue;
		erc__sched_add(&sched, &items[i], 0);
		in++;
	}
	ck_assert_uint_eq(in, 4);
}
END_TEST

/* Less urgent requests do not count, nor do those of a paused tenant. */
START_TEST(only_what_goes_before)
{
	struct erc__item late, urgent, paused;
	start(NULL, 4);
	struct erc__tenant other = tenant;
	other.cap = 0;
	other.shed = 0;
	erc__tenant_init(&other);
	late = make_item();
	urgent = make_item();
	erc__item_create(&sched, &paused, &other);
	paused.forecast = &forecast;
	paused.estimate = &estimate;
	erc__item_init(&paused, 0, 100);
	erc__sched_add(&sched, &paused, 0);
	erc__item_init(&late, 0, 100000);
	ck_assert_int_eq(erc__sched_admit(&sched, &late, 0), ERC_OK);
	erc__sched_add(&sched, &late, 0);
	erc__item_init(&urgent, 0, 1000);
	ck_assert_int_eq(erc__sched_admit(&sched, &urgent, 0), ERC_OK);
	erc__sched_set_cap(&sched, &other, UNITS, 0);
	ck_assert_int_eq(erc__sched_admit(&sched, &urgent, 0), ERC_SHED);
}
END_TEST

/* Of a run under way, only the part still to come counts: here the second of two launches, half of 2 ms. */
START_TEST(a_run_under_way_counts_in_part)
{
	struct erc__forecast_launch two[] = {{.tiles = 4, .tile_ns = MS}, {.tiles = 4, .tile_ns = MS}};
	struct erc__item first, second;
	start(NULL, 4);
	forecast = (struct erc__forecast){.launches = two, .count = 2};
	erc__forecast_complete(&forecast, UNITS, 0);
	erc__estimate_init(&estimate, &forecast);
	first = make_item();
	second = make_item();
	erc__item_init(&first, 0, 2000);
	ck_assert_int_eq(erc__sched_admit(&sched, &first, 0), ERC_OK);
	erc__sched_add(&sched, &first, 0);
	erc__item_init(&second, MS, 3000);
	ck_assert_int_eq(erc__sched_admit(&sched, &second, MS), ERC_SHED); /* 4 ms of work in 3 ms */
	atomic_store(&first.step, 1);
	ck_assert_int_eq(erc__sched_admit(&sched, &second, MS), ERC_OK);
}
END_TEST

START_TEST(ratios)
{
	struct erc__ratios given = {.count = 0};
	for (int i = 0; i < 3; i++)
		erc__ratios_add(&given, 9);
	ck_assert_float_eq(erc__ratios_expected(&given, 0.5f, 2), 2); /* too few ratios */
	for (int i = 0; i < 16; i++)
		erc__ratios_add(&given, (float)(i + 1));
	ck_assert_float_eq(erc__ratios_expected(&given, 0, 2), 1);
	ck_assert_float_eq(erc__ratios_expected(&given, 1, 2), 16);
	ck_assert_float_eq(erc__ratios_expected(&given, 0.5f, 2), 8); /* the eighth of 1 to 16 */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("admission");
	TCase *tcase = tcase_create("fake clock");
	tcase_add_test(tcase, by_prediction_at_first);
	tcase_add_loop_test(tcase, a_stall_is_no_work, 0, 20);
	tcase_add_test(tcase, learns_and_recovers);
	tcase_add_loop_test(tcase, what_stands_before_counts_by_unit_time, 0, 2);
	tcase_add_test(tcase, whole_runs_stand_before_as_a_whole);
	tcase_add_test(tcase, only_what_goes_before);
	tcase_add_test(tcase, a_run_under_way_counts_in_part);
	tcase_add_test(tcase, ratios);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
