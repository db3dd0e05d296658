/* The scheduler under random loads with a fake clock: order, weights, shedding, admission. */
#include "tests/suite.h"
#include "tests/unit/policy_world.h"

/* ---- random loads ---- */

static const char *const policies[] = {
#define POLICY(name, ...) #name,
#include "runtime/sched/policies.def"
#undef POLICY
};
#define POLICIES ((int)(sizeof policies / sizeof policies[0]))

/* Loads for each policy; the address sanitizer makes them ten times as slow. */
#ifdef __SANITIZE_ADDRESS__
#define LOADS 16
#else
#define LOADS 80
#endif

/* For any load in any order: everything ends, each tile runs once, and under the elastic policy the rooms are
 * respected. */
START_TEST(random_loads)
{
	struct erc__supply supply = {.units = 1 + (uint32_t)_i % MAX_UNITS};
	const char *policy = policies[_i / 8 % POLICIES];
	supply.rt_units = (supply.units + 1) / 2;
	supply.be_units = _i & 1;
	if (!strcmp(policy, "partition") && supply.units == 1)
		return; /* one class would have no unit at all */
	start(policy, supply, (uint64_t)_i + 1);
	uint32_t tenants = 2 + next_random(10);
	for (uint32_t t = 0; t < tenants; t++)
		add_tenant(next_random(2) ? ERC_REAL_TIME : ERC_BEST_EFFORT, next_random(3), 1 + next_random(4),
		           1 + next_random(supply.units));
	for (uint32_t i = 0; i < 150; i++)
		add_work(&w.tenants[next_random(tenants)], next_random(20000) * 1000, 1 + next_random(60),
		         1000 * (1 + next_random(50)), next_random(3) ? 100 + next_random(5000) : 0);
	run_until(UINT64_MAX);
	ck_assert_uint_eq(w.sched.count, 0);
	for (uint32_t i = 0; i < w.work_count; i++) {
		ck_assert_uint_eq(w.works[i].done, w.works[i].tiles);
		ck_assert_uint_eq(w.works[i].running, 0);
	}
	for (uint32_t t = 0; t < w.tenant_count; t++)
		ck_assert_uint_eq(erc__room_units(&w.tenants[t].room), 0);
}
END_TEST

/* BE tenants that always have work get unit time according to their weights. */
START_TEST(weights_within_two_percent)
{
	static const uint32_t weights[] = {1, 2, 5, 8};
	uint64_t sum = 0;
	start("elastic", (struct erc__supply){.units = 3}, 7);
	w.resubmits = 1;
	for (int t = 0; t < 4; t++)
		add_work(add_tenant(ERC_BEST_EFFORT, 0, weights[t], 3), 0, 200, 10000 + 7000 * (uint64_t)t, 0);
	run_until(UINT64_C(20000000000));
	for (int t = 0; t < 4; t++)
		sum += w.tile_time_ns[t];
	for (int t = 0; t < 4; t++) {
		double share = (double)w.tile_time_ns[t] / (double)sum, wanted = weights[t] / 16.0;
		ck_assert_msg(share > wanted * 0.98 && share < wanted * 1.02, "tenant %d of weight %u has %.4f, not %.4f", t,
		              weights[t], share, wanted);
	}
}
END_TEST

/* RT at 1.2 times the capacity of one unit, valid for twice its time. Returns the share of the capacity that ends in
 * time. */
static double overload(int shed)
{
	uint32_t good = 0;
	start("elastic", (struct erc__supply){.units = 1}, 11);
	struct erc__tenant *tenant = add_tenant(ERC_REAL_TIME, 0, 1, 1);
	struct erc__forecast forecast = {.run_ns = 1000000, .unit_ns = 1000000, .tile_ns = 1000000};
	tenant->shed = shed;
	erc__estimate_init(estimate_of(tenant), &forecast);
	uint64_t at_ns = 0;
	for (uint32_t i = 0; i < MAX_ITEMS; i++) {
		add_work(tenant, at_ns, 20, 50000, 2000);
		at_ns += (uint64_t)next_random(2 * 833333);
	}
	run_until(UINT64_MAX);
	for (uint32_t i = 0; i < w.work_count; i++)
		good += w.works[i].done && w.works[i].finished_ns <= w.works[i].item.deadline_ns;
	return (double)good / ((double)w.now_ns / 1e6);
}

START_TEST(shedding_keeps_goodput)
{
	double with = overload(1), without = overload(0);
	ck_assert_msg(with >= 0.9, "with shedding %.3f of capacity is in time", with);
	ck_assert_msg(without < 0.5, "without it %.3f: no overload", without);
}
END_TEST

/* A deadline that has passed and one request too many are refused, and nothing else. */
START_TEST(admission)
{
	start("elastic", (struct erc__supply){.units = 2}, 1);
	struct erc__tenant *tenant = add_tenant(ERC_REAL_TIME, 0, 1, 2);
	struct erc__forecast forecast = {.run_ns = 1000, .unit_ns = 1000, .tile_ns = 1000};
	tenant->shed = 1;
	erc__estimate_init(estimate_of(tenant), &forecast);
	tenant->in_flight = 1;
	struct work *first = add_work(tenant, 0, 1, 1000, 10), *second = add_work(tenant, 0, 1, 1000, 10);
	erc__item_init(&first->item, 0, 10);
	ck_assert_int_eq(erc__sched_admit(&w.sched, &first->item, 9000), ERC_OK);
	ck_assert_int_eq(erc__sched_admit(&w.sched, &first->item, 9001),
	                 ERC_SHED); /* 1 us is left, all of which it needs */
	ck_assert_int_eq(erc__sched_admit(&w.sched, &first->item, 50000), ERC_SHED);
	tenant->shed = 0;
	ck_assert_int_eq(erc__sched_admit(&w.sched, &first->item, 50000), ERC_OK);
	erc__sched_add(&w.sched, &first->item, 0);
	erc__item_init(&second->item, 0, 10);
	ck_assert_int_eq(erc__sched_admit(&w.sched, &second->item, 0), ERC_LIMIT);
	erc__sched_remove(&w.sched, &first->item, 0);
	ck_assert_int_eq(erc__sched_admit(&w.sched, &second->item, 0), ERC_OK);
}
END_TEST

/* When a request of the tenant, whose runs hold one unit for 1,000 ns, is expected to end. */
static uint64_t expected_ns(struct erc__tenant *tenant, uint64_t deadline_us)
{
	struct erc__item item;
	erc__item_create(&w.sched, &item, tenant);
	item.estimate = estimate_of(tenant);
	erc__item_init(&item, 0, deadline_us);
	ck_assert_int_eq(erc__sched_admit(&w.sched, &item, 0), ERC_OK);
	return item.expected_ns;
}

/* Other requests in the queue count if their deadline is earlier, whether or not their cap lets them run yet, unless
 * their tenant is paused. */
START_TEST(admission_counts_who_waits)
{
	struct erc__forecast forecast = {.run_ns = 1000, .unit_ns = 1000, .tile_ns = 1000};
	struct work *works[4];
	start("elastic", (struct erc__supply){.units = 1}, 1);
	struct erc__tenant *first = add_tenant(ERC_REAL_TIME, 0, 1, 1), *second = add_tenant(ERC_REAL_TIME, 0, 1, 1);
	first->shed = second->shed = 1;
	erc__estimate_init(estimate_of(first), &forecast);
	erc__estimate_init(estimate_of(second), &forecast);
	for (int i = 0; i < 4; i++) {
		works[i] = add_work(first, 0, 1, 1000, 100 + (uint64_t)i);
		erc__item_init(&works[i]->item, 0, works[i]->deadline_us);
		erc__sched_add(&w.sched, &works[i]->item, 0);
	}
	ck_assert_uint_eq(expected_ns(second, 200), 5000);
	ck_assert_uint_eq(expected_ns(second, 50), 1000);
	ck_assert_uint_eq(expected_ns(second, 102), 4000); /* the third came first */
	erc__sched_set_cap(&w.sched, first, 0, 0);
	ck_assert_uint_eq(expected_ns(second, 200), 1000);
	erc__sched_remove(&w.sched, &works[1]->item, 0);
	ck_assert_uint_eq(expected_ns(second, 200), 1000);
	erc__sched_set_cap(&w.sched, first, 1, 0);
	ck_assert_uint_eq(expected_ns(second, 200), 4000);
	erc__sched_remove(&w.sched, &works[3]->item, 0);
	ck_assert_uint_eq(expected_ns(second, 200), 3000);
	erc__sched_remove(&w.sched, &works[0]->item, 0);
	ck_assert_uint_eq(expected_ns(second, 200), 2000);
	erc__sched_remove(&w.sched, &works[2]->item, 0);
	ck_assert_uint_eq(expected_ns(second, 200), 1000);
}
END_TEST

/* A paused RT tenant keeps no unit from BE. */
START_TEST(a_paused_tenant_holds_nothing)
{
	start("elastic", (struct erc__supply){.units = 4}, 1);
	struct erc__tenant *rt = add_tenant(ERC_REAL_TIME, 0, 1, 0), *be = add_tenant(ERC_BEST_EFFORT, 0, 1, 4);
	struct work *waits = add_work(rt, 0, 4, 1000, 0), *runs = add_work(be, 0, 8, 1000, 0);
	run_until(UINT64_MAX);
	ck_assert_uint_eq(runs->done, 8);
	ck_assert_uint_eq(waits->done, 0);
	erc__sched_set_cap(&w.sched, rt, 4, w.now_ns);
	run_until(UINT64_MAX);
	ck_assert_uint_eq(waits->done, 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policies");
	TCase *tcase = tcase_create("fake clock");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, random_loads, 0, LOADS * POLICIES);
	tcase_add_test(tcase, weights_within_two_percent);
	tcase_add_test(tcase, shedding_keeps_goodput);
	tcase_add_test(tcase, admission);
	tcase_add_test(tcase, admission_counts_who_waits);
	tcase_add_test(tcase, a_paused_tenant_holds_nothing);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
