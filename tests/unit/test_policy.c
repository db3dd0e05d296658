/* The scheduler under random loads with a fake clock: units pick an item, serve it tile by tile and leave as the
 * policy says. The conditions at the start of every tile are stated here independently of the scheduler. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/sched/schedule.h"

#define MAX_UNITS 8
#define MAX_ITEMS 400
#define MAX_TENANTS 64
#define QUANTUM_NS 500000

struct work {
	struct erc__item item; /* first, so that a pointer to the item is one to its work */
	uint64_t arrival_ns, finished_ns, tile_ns, deadline_us;
	uint32_t tiles, left, running, done;
	int is_queued;
};

struct unit {
	struct work *work; /* NULL: idle */
	struct erc__pass pass;
	uint64_t until_ns, began_ns;
	int in_room;
};

static struct world {
	struct erc__sched sched;
	struct erc__supply supply;
	struct erc__tenant tenants[MAX_TENANTS];
	struct work works[MAX_ITEMS];
	uint32_t work_count, tenant_count;
	struct unit units[MAX_UNITS];
	uint64_t now_ns, random;
	uint64_t tile_time_ns[MAX_TENANTS];
	uint64_t sheds;
	int resubmits; /* BE items are submitted again when they end */
} w;

static uint32_t next_random(uint32_t below)
{
	w.random = w.random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w.random >> 33) % below;
}

static void start(const char *policy, struct erc__supply supply, uint64_t seed)
{
	memset(&w, 0, sizeof w);
	w.random = seed;
	w.supply = supply;
	erc__sched_init(&w.sched, erc__policy_find(policy), &supply);
}

static struct erc__tenant *add_tenant(enum erc_class class_, uint32_t level, uint32_t weight, uint32_t cap)
{
	struct erc__tenant *tenant = &w.tenants[w.tenant_count++];
	*tenant = (struct erc__tenant){.class_ = class_, .level = level, .weight = weight, .cap = cap};
	erc__tenant_init(tenant);
	return tenant;
}

static struct work *add_work(struct erc__tenant *tenant, uint64_t arrival_ns, uint32_t tiles, uint64_t tile_ns,
                             uint64_t deadline_us)
{
	struct work *work = &w.works[w.work_count++];
	*work = (struct work){.arrival_ns = arrival_ns,
	                      .tiles = tiles,
	                      .left = tiles,
	                      .tile_ns = tile_ns,
	                      .deadline_us = deadline_us};
	erc__item_create(&w.sched, &work->item, tenant);
	return work;
}

/* ---- what must hold ---- */

/* All deadlines that have passed are equally late; the elastic policy distinguishes the two. */
static uint64_t deadline_of(const struct work *work)
{
	if (work->item.is_lost && (work->item.deadline_ns >= w.now_ns || strcmp(w.sched.policy->name, "elastic") != 0))
		ck_abort_msg("lost before its deadline has passed, under %s", w.sched.policy->name);
	return work->item.is_lost ? UINT64_MAX - 1 : work->item.deadline_ns;
}

static int goes_before(const struct work *a, const struct work *b)
{
	const struct erc__tenant *x = a->item.tenant, *y = b->item.tenant;
	if (x->level != y->level)
		return x->level < y->level;
	if (deadline_of(a) != deadline_of(b))
		return deadline_of(a) < deadline_of(b);
	return a->item.sequence < b->item.sequence;
}

static uint32_t units_of(const struct erc__tenant *tenant, int of_class)
{
	uint32_t count = 0;
	for (uint32_t u = 0; u < w.supply.units; u++) {
		const struct work *work = w.units[u].work;
		count += work && (of_class ? work->item.tenant->class_ == tenant->class_ : work->item.tenant == tenant);
	}
	return count;
}

/* Units that all queued RT work together may have: each tenant at most its cap. */
static uint32_t units_for_rt(void)
{
	uint32_t units = 0;
	for (uint32_t t = 0; t < w.tenant_count; t++)
		if (w.tenants[t].class_ == ERC_REAL_TIME && w.tenants[t].item_count)
			units += w.tenants[t].cap;
	return units < w.supply.units ? units : w.supply.units;
}

/* Without forecasts a run wants all that it may have. A unit is about to begin a tile of `work`, and counts among
 * the units that serve it; it has just entered, or continues. */
static void check_elastic(const struct work *work, int is_new_place)
{
	const struct erc__tenant *tenant = work->item.tenant;
	uint32_t for_rt = units_for_rt(), left = w.supply.units - for_rt;
	ck_assert_uint_le(units_of(tenant, 0), tenant->cap);
	if (tenant->class_ == ERC_BEST_EFFORT) {
		if (for_rt)
			ck_assert_uint_le(units_of(tenant, 1),
			                  w.supply.be_units && w.supply.be_units < left ? w.supply.be_units : left);
		if (for_rt && !strcmp(w.sched.policy->name, "exclusive"))
			ck_abort_msg("a best-effort tile beside real-time work");
		return;
	}
	if (!is_new_place)
		return;
	/* no RT request that goes before waits with a tile while there are units for it */
	for (uint32_t i = 0; i < w.work_count; i++) {
		struct work *other = &w.works[i];
		if (other->is_queued && other != work && other->item.tenant->class_ == ERC_REAL_TIME && other->left &&
		    goes_before(other, work))
			ck_assert(other->item.units >= atomic_load(&other->item.limit) ||
			          units_of(other->item.tenant, 0) >= other->item.tenant->cap);
	}
}

/* A lost item that was not under way gives up its place. It comes back when its tenant has fewer lost ones than its cap. */
static int gave_up_its_place(const struct work *work)
{
	const struct erc__tenant *tenant = work->item.tenant;
	int has_given = work->item.is_lost && !work->item.is_entered;
	if (has_given && (work->item.units || (tenant->lost < tenant->cap && tenant->entered < tenant->cap)))
		ck_abort_msg("a lost item waits, with %u units, beside %u lost ones of its tenant", work->item.units,
		             tenant->lost);
	return has_given;
}

/* In order, each RT request has what its tenant may have and those before it leave. Without forecasts all want that
 * much. */
static void check_grants(void)
{
	uint32_t left = w.supply.units, of_tenant[MAX_TENANTS] = {0};
	const struct work *last = NULL;
	for (;;) {
		struct work *next = NULL;
		for (uint32_t i = 0; i < w.work_count; i++) {
			struct work *work = &w.works[i];
			if (work->is_queued && work->item.tenant->class_ == ERC_REAL_TIME && !gave_up_its_place(work) &&
			    (!last || goes_before(last, work)) && (!next || goes_before(work, next)))
				next = work;
		}
		if (!next)
			return;
		uint32_t *had = &of_tenant[next->item.tenant - w.tenants], units = next->item.tenant->cap - *had;
		units = units < left ? units : left;
		ck_assert_uint_eq(atomic_load(&next->item.limit), units);
		left -= units;
		*had += units;
		last = next;
	}
}

/* ---- the units ---- */

static int can_run(struct erc__item *item, void *user)
{
	(void)user;
	return ((struct work *)item)->left && erc__sched_has_place(item);
}

static void begin_tile(struct unit *unit, int is_new_place)
{
	struct work *work = unit->work;
	if (!strcmp(w.sched.policy->name, "elastic") || !strcmp(w.sched.policy->name, "exclusive")) {
		check_elastic(work, is_new_place);
		check_grants();
	}
	work->left--;
	work->running++;
	unit->until_ns = w.now_ns + work->tile_ns;
}

static void leave(struct unit *unit)
{
	erc__sched_leave(&w.sched, &unit->work->item, w.now_ns - unit->began_ns, unit->in_room);
	unit->work = NULL;
}

static void finish(struct work *work)
{
	ck_assert_uint_eq(work->done, work->tiles);
	work->finished_ns = w.now_ns;
	erc__sched_remove(&w.sched, &work->item, w.now_ns);
	work->is_queued = 0;
	if (w.resubmits && work->item.tenant->class_ == ERC_BEST_EFFORT) {
		work->left = work->tiles;
		work->done = 0;
		erc__item_init(&work->item, w.now_ns, 0);
		erc__sched_add(&w.sched, &work->item, w.now_ns);
		work->is_queued = 1;
	}
}

static void end_tile(struct unit *unit)
{
	struct work *work = unit->work;
	struct erc__tenant *tenant = work->item.tenant;
	work->running--;
	work->done++;
	w.tile_time_ns[tenant - w.tenants] += work->tile_ns;
	if (work->done == work->tiles)
		finish(work);
	unit->in_room = erc__sched_check(&work->item, unit->pass);
	if (!unit->in_room || !work->left || (w.sched.policy->preempts && w.now_ns - unit->began_ns >= QUANTUM_NS))
		leave(unit);
	else
		begin_tile(unit, 0);
}

static void place_units(void)
{
	for (uint32_t u = 0; u < w.supply.units; u++) {
		struct unit *unit = &w.units[u];
		struct erc__item *item = unit->work ? NULL : erc__sched_pick(&w.sched, ERC__CLASSES, can_run, NULL);
		if (!item)
			continue;
		ck_assert(erc__sched_enter(&w.sched, item, w.now_ns, &unit->pass));
		unit->work = (struct work *)item;
		unit->in_room = 1;
		unit->began_ns = w.now_ns;
		begin_tile(unit, 1);
	}
}

static void arrive(void)
{
	for (uint32_t i = 0; i < w.work_count; i++) {
		struct work *work = &w.works[i];
		if (work->is_queued || work->done || work->finished_ns || work->arrival_ns > w.now_ns)
			continue;
		erc__item_init(&work->item, work->arrival_ns, work->deadline_us);
		if (erc__sched_admit(&w.sched, &work->item, w.now_ns)) {
			w.sheds++;
			work->finished_ns = UINT64_MAX;
			continue;
		}
		erc__sched_add(&w.sched, &work->item, w.now_ns);
		work->is_queued = 1;
	}
}

static uint64_t next_event(void)
{
	uint64_t next_ns = UINT64_MAX;
	for (uint32_t u = 0; u < w.supply.units; u++)
		if (w.units[u].work && w.units[u].until_ns < next_ns)
			next_ns = w.units[u].until_ns;
	for (uint32_t i = 0; i < w.work_count; i++)
		if (!w.works[i].is_queued && !w.works[i].finished_ns && !w.works[i].done && w.works[i].arrival_ns > w.now_ns &&
		    w.works[i].arrival_ns < next_ns)
			next_ns = w.works[i].arrival_ns;
	return next_ns;
}

static void run_until(uint64_t end_ns)
{
	for (;;) {
		arrive();
		for (uint32_t u = 0; u < w.supply.units; u++)
			if (w.units[u].work && w.units[u].until_ns == w.now_ns)
				end_tile(&w.units[u]);
		place_units();
		uint64_t next_ns = next_event();
		if (next_ns > end_ns || next_ns == UINT64_MAX)
			return;
		w.now_ns = next_ns;
	}
}

/* ---- random loads ---- */

static const char *const policies[] = {
#define POLICY(name, ...) #name,
#include "runtime/sched/policies.def"
#undef POLICY
};
#define POLICIES ((int)(sizeof policies / sizeof policies[0]))

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
	erc__estimate_init(&tenant->estimate, &forecast);
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
	erc__estimate_init(&tenant->estimate, &forecast);
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
	erc__estimate_init(&first->estimate, &forecast);
	erc__estimate_init(&second->estimate, &forecast);
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
	rt->item.tenant->forecast = &of_rt;
	be->item.tenant->forecast = &of_be;
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
		tenant->forecast = &forecast;
		erc__estimate_init(&tenant->estimate, &forecast);
		tenant->estimate.min = cases[_i].min;
		works[i] = add_work(tenant, 0, 1, 1000, deadlines_us[i]);
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

/* What is left of the launch in hand is not known: a run on schedule is not given up because its launch is long. */
START_TEST(a_run_under_way_is_lost_by_its_next_launches)
{
	struct erc__forecast_launch launches[] = {{.tiles = 1, .tile_ns = 10000}, {.tiles = 1, .tile_ns = 500}};
	struct erc__forecast forecast = {.launches = launches, .count = 2};
	start("elastic", (struct erc__supply){.units = 1}, 1);
	erc__forecast_complete(&forecast, 1, 0);
	struct work *run = add_work(add_tenant(ERC_REAL_TIME, 0, 1, 1), 0, 2, 1000, 11);
	run->item.tenant->forecast = &forecast;
	run->item.tenant->estimate.min = 1;
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
		works[i]->item.tenant->forecast = &forecasts[i];
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
	Suite *suite = suite_create("policies");
	TCase *tcase = tcase_create("fake clock");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, random_loads, 0, 80 * POLICIES);
	tcase_add_test(tcase, weights_within_two_percent);
	tcase_add_test(tcase, shedding_keeps_goodput);
	tcase_add_test(tcase, admission);
	tcase_add_test(tcase, admission_counts_who_waits);
	tcase_add_test(tcase, a_paused_tenant_holds_nothing);
	tcase_add_loop_test(tcase, best_effort_limits, 0, 5);
	tcase_add_loop_test(tcase, what_is_lost_goes_last, 0, 6);
	tcase_add_test(tcase, a_run_under_way_is_lost_by_its_next_launches);
	tcase_add_loop_test(tcase, units_come_back_from_less_urgent_runs, 0, 2);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
