/* How many units the policy elastic gives to each run, and when. */
#include "tests/suite.h"
#include "tests/unit/policy_world.h"

/* Of 100 units RT needs 10. Of the other 90, BE gets what be_units and be_bandwidth allow: a unit of its first
 * launch moves 1 % of what the memory can, and a unit of its second launch nothing. Without RT work there are no
 * limits. */
START_TEST(best_effort_limits)
{
	static const struct {
		uint32_t be_units;
		double be_bandwidth;
		uint32_t first, second;
	} cases[] = {{0, 0, 90, 90}, {40, 0, 40, 40}, {0, 0.25, 25, 90}, {0, 0.95, 90, 90}, {20, 0.25, 20, 20}};
	struct erc__forecast_launch narrow = {.tiles = 10, .tile_ns = 1000};
	struct erc__forecast_launch launches[] = {{.tiles = 500, .tile_ns = 100, .traffic = 0.01f},
	                                          {.tiles = 500, .tile_ns = 100}};
	struct erc__forecast of_rt = {.launches = &narrow, .count = 1}, of_be = {.launches = launches, .count = 2};
	start("elastic",
	      (struct erc__supply){.units = 100,
	                           .by_launch = 1,
	                           .asks = 1,
	                           .be_units = cases[_i].be_units,
	                           .be_bandwidth = cases[_i].be_bandwidth},
	      1);
	erc__forecast_complete(&of_rt, 100, 0);
	erc__forecast_complete(&of_be, 100, 0);
	struct work *rt = add_work(add_tenant(ERC_REAL_TIME, 0, 1, 100), 0, 10, 1000, 0);
	struct work *be = add_work(add_tenant(ERC_BEST_EFFORT, 0, 1, 100), 0, 500, 100, 0);
	rt->item.forecast = &of_rt;
	be->item.forecast = &of_be;
	erc__item_init(&rt->item, 0, 0);
	erc__item_init(&be->item, 0, 0);
	erc__sched_add(&w.sched, &be->item, 0);
	for (uint32_t step = 0; step < 2; step++) {
		be->item.progress = (struct erc__progress){.step = step, .left = 500, .tile_ns = 100};
		erc__sched_refresh(&w.sched, &be->item, 0);
		ck_assert_uint_eq(atomic_load(&be->item.limit), 100);
		erc__sched_add(&w.sched, &rt->item, 0);
		ck_assert_uint_eq(atomic_load(&rt->item.limit), 10);
		erc__sched_refresh(&w.sched, &be->item, 0);
		ck_assert_uint_eq(atomic_load(&be->item.limit), step ? cases[_i].second : cases[_i].first);
		erc__sched_remove(&w.sched, &rt->item, 0);
	}
}
END_TEST

/* A run that cannot meet its deadline goes after those of its level that can, but before those without a deadline.
 * This is so when its deadline has passed, or when the rest of it takes longer even at the lowest ratio seen. Lower
 * levels still go after it. */
START_TEST(what_is_lost_goes_last)
{
	static const struct {
		float min;
		uint64_t now_ns;
		int is_lost;
	} cases[] = {{0, 10000, 0}, {0, 10001, 1}, {1, 9000, 0}, {1, 9001, 1}, {0.5f, 9500, 0}, {0.5f, 9501, 1}};
	struct erc__forecast_launch launch = {.tiles = 1, .tile_ns = 1000};
	struct erc__forecast forecast = {.launches = &launch, .count = 1};
	static const uint64_t deadlines_us[] = {10, 100, 0, 0};
	struct work *works[4];
	int is_lost = cases[_i].is_lost;
	start("elastic", (struct erc__supply){.units = 1}, 1);
	erc__forecast_complete(&forecast, 1, 0);
	for (uint32_t i = 0; i < 4; i++) {
		struct erc__tenant *tenant = add_tenant(ERC_REAL_TIME, i == 3, 1, 1);
		erc__estimate_init(estimate_of(tenant), &forecast);
		estimate_of(tenant)->min = cases[_i].min;
		works[i] = add_work(tenant, 0, 1, 1000, deadlines_us[i]);
		works[i]->item.forecast = &forecast;
		erc__item_init(&works[i]->item, 0, deadlines_us[i]);
		erc__sched_add(&w.sched, &works[i]->item, 0);
	}
	ck_assert_uint_eq(atomic_load(&works[0]->item.limit), 1);
	struct work *order[] = {works[is_lost], works[!is_lost], works[2], works[3]};
	erc__sched_launch(&w.sched, &works[0]->item, NULL, cases[_i].now_ns);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(order[i]->item.is_lost, is_lost && order[i] == works[0]);
		ck_assert_uint_eq(atomic_load(&order[i]->item.limit), 1);
		for (int k = i + 1; k < 4; k++)
			ck_assert_uint_eq(atomic_load(&order[k]->item.limit), 0);
		erc__sched_remove(&w.sched, &order[i]->item, cases[_i].now_ns);
	}
}
END_TEST

/* How much of the open launch is left is not known: a run on schedule is not given up because its launch is long. */
START_TEST(a_run_under_way_is_lost_by_its_next_launches)
{
	struct erc__forecast_launch launches[] = {{.tiles = 1, .tile_ns = 10000}, {.tiles = 1, .tile_ns = 500}};
	struct erc__forecast forecast = {.launches = launches, .count = 2};
	start("elastic", (struct erc__supply){.units = 1}, 1);
	erc__forecast_complete(&forecast, 1, 0);
	struct work *run = add_work(add_tenant(ERC_REAL_TIME, 0, 1, 1), 0, 2, 1000, 11);
	run->item.forecast = &forecast;
	run->item.estimate->min = 1;
	erc__item_init(&run->item, 0, 11);
	erc__sched_add(&w.sched, &run->item, 0);
	run->item.started_ns = 1;
	atomic_store(&run->item.step, 0);
	erc__sched_launch(&w.sched, &run->item, NULL, 10500);
	ck_assert(!run->item.is_lost);
	erc__sched_launch(&w.sched, &run->item, NULL, 10501);
	ck_assert(run->item.is_lost);
}
END_TEST

/* A device that asks, of 10 units. The first run holds one for long, the last one holds nine: the one between, which wants
 * five, gets them as tiles of the last one end. */
START_TEST(units_come_back_from_less_urgent_runs)
{
	static const uint32_t tiles[] = {1, 5, 1000}, tile_ns[] = {100000, 1000, 1000}, inside[] = {1, 0, 9};
	struct erc__forecast_launch launches[3];
	struct erc__forecast forecasts[3];
	struct work *works[3];
	start("elastic", (struct erc__supply){.units = 10, .by_launch = 1, .asks = 1}, 1);
	for (uint32_t i = 0; i < 3; i++) {
		launches[i] = (struct erc__forecast_launch){.tiles = tiles[i], .tile_ns = tile_ns[i]};
		forecasts[i] = (struct erc__forecast){.launches = &launches[i], .count = 1};
		erc__forecast_complete(&forecasts[i], 10, 0);
		works[i] = add_work(add_tenant(ERC_REAL_TIME, _i ? i : 0, 1, 10), 0, tiles[i], tile_ns[i], 1000 * (i + 1));
		works[i]->item.forecast = &forecasts[i];
		erc__item_init(&works[i]->item, 0, works[i]->deadline_us);
		erc__sched_add(&w.sched, &works[i]->item, 0);
		works[i]->item.progress.left = tiles[i] - inside[i];
		works[i]->item.progress.next_ns = inside[i] ? tile_ns[i] : 0;
		works[i]->item.units = inside[i];
		w.sched.inside[ERC_REAL_TIME] += inside[i];
	}
	erc__sched_launch(&w.sched, &works[2]->item, NULL, 10);
	ck_assert_uint_eq(atomic_load(&works[1]->item.limit), 0); /* nothing is free yet */
	ck_assert_uint_eq(works[1]->item.due, 5);
	ck_assert_uint_eq(atomic_load(&works[2]->item.limit), 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("allocation");
	TCase *tcase = tcase_create("fake clock");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, best_effort_limits, 0, 5);
	tcase_add_loop_test(tcase, what_is_lost_goes_last, 0, 6);
	tcase_add_test(tcase, a_run_under_way_is_lost_by_its_next_launches);
	tcase_add_loop_test(tcase, units_come_back_from_less_urgent_runs, 0, 2);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
