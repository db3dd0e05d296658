/* A scheduler with a fake clock: units pick an item, serve it tile by tile and leave as the policy says. The conditions
 * at the start of every tile are stated here independently of the scheduler. */
#ifndef TEST_POLICY_WORLD_H
#define TEST_POLICY_WORLD_H

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
	struct erc__estimate estimates[MAX_TENANTS];
	struct work works[MAX_ITEMS];
	uint32_t work_count, tenant_count;
	struct unit units[MAX_UNITS];
	uint64_t now_ns, random;
	uint64_t tile_time_ns[MAX_TENANTS];
	uint64_t sheds;
	int resubmits; /* BE items are submitted again when they end */
} w;

static inline uint32_t next_random(uint32_t below)
{
	w.random = w.random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w.random >> 33) % below;
}

static inline void start(const char *policy, struct erc__supply supply, uint64_t seed)
{
	memset(&w, 0, sizeof w);
	w.random = seed;
	w.supply = supply;
	erc__sched_init(&w.sched, erc__policy_find(policy), &supply);
}

static inline struct erc__tenant *add_tenant(enum erc_class class_, uint32_t level, uint32_t weight, uint32_t cap)
{
	struct erc__tenant *tenant = &w.tenants[w.tenant_count++];
	*tenant = (struct erc__tenant){.class_ = class_, .level = level, .weight = weight, .cap = cap};
	erc__tenant_init(tenant);
	return tenant;
}

static inline struct erc__estimate *estimate_of(const struct erc__tenant *tenant)
{
	return &w.estimates[tenant - w.tenants];
}

static inline struct work *add_work(struct erc__tenant *tenant, uint64_t arrival_ns, uint32_t tiles, uint64_t tile_ns,
                                    uint64_t deadline_us)
{
	struct work *work = &w.works[w.work_count++];
	*work = (struct work){.arrival_ns = arrival_ns,
	                      .tiles = tiles,
	                      .left = tiles,
	                      .tile_ns = tile_ns,
	                      .deadline_us = deadline_us};
	erc__item_create(&w.sched, &work->item, tenant);
	work->item.estimate = estimate_of(tenant);
	return work;
}

/* ---- what must hold ---- */

/* Lost items go after all others that have a deadline, and are equal among themselves. Only the elastic policy marks
 * items as lost. */
static inline uint64_t deadline_of(const struct work *work)
{
	if (work->item.is_lost && (work->item.deadline_ns >= w.now_ns || strcmp(w.sched.policy->name, "elastic") != 0))
		ck_abort_msg("lost before its deadline has passed, under %s", w.sched.policy->name);
	return work->item.is_lost ? UINT64_MAX - 1 : work->item.deadline_ns;
}

static inline int goes_before(const struct work *a, const struct work *b)
{
	const struct erc__tenant *x = a->item.tenant, *y = b->item.tenant;
	if (x->level != y->level)
		return x->level < y->level;
	if (deadline_of(a) != deadline_of(b))
		return deadline_of(a) < deadline_of(b);
	return a->item.sequence < b->item.sequence;
}

static inline uint32_t units_of(const struct erc__tenant *tenant, int of_class)
{
	uint32_t count = 0;
	for (uint32_t u = 0; u < w.supply.units; u++) {
		const struct work *work = w.units[u].work;
		count += work && (of_class ? work->item.tenant->class_ == tenant->class_ : work->item.tenant == tenant);
	}
	return count;
}

/* Units that all queued RT work together may have: each tenant at most its cap. */
static inline uint32_t units_for_rt(void)
{
	uint32_t units = 0;
	for (uint32_t t = 0; t < w.tenant_count; t++)
		if (w.tenants[t].class_ == ERC_REAL_TIME && w.tenants[t].item_count)
			units += w.tenants[t].cap;
	return units < w.supply.units ? units : w.supply.units;
}

/* Without forecasts a run wants all that it may have. A unit is about to begin a tile of `work`, and counts among
 * the units that serve it; it has just entered, or continues. */
static inline void check_elastic(const struct work *work, int is_new_place)
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
static inline int gave_up_its_place(const struct work *work)
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
static inline void check_grants(void)
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

static inline int can_run(struct erc__item *item, void *user)
{
	(void)user;
	return ((struct work *)item)->left && erc__sched_has_place(item);
}

static inline void begin_tile(struct unit *unit, int is_new_place)
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

static inline void leave(struct unit *unit)
{
	erc__sched_leave(&w.sched, &unit->work->item, w.now_ns - unit->began_ns, unit->in_room);
	unit->work = NULL;
}

static inline void finish(struct work *work)
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

static inline void end_tile(struct unit *unit)
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

static inline void place_units(void)
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

static inline void arrive(void)
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

static inline uint64_t next_event(void)
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

static inline void run_until(uint64_t end_ns)
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

#endif
