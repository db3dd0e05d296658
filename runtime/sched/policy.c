/* The policies that share a device among tenants. All run the same kernels, so that they can be compared. Each
 * policy is an order (who goes first) and an allocation (how many units each class and run may occupy). */
#include <stddef.h>
#include <string.h>

#include "runtime/sched/schedule.h"

/* ---- orders ---- */

#define LOST (UINT64_MAX - 1) /* after every deadline, and before those that have none */

/* RT by level, then by deadline. BE in order of arrival; BE tenants take turns. */
static void key_of_urgency(const struct erc__item *item, struct erc__key *key)
{
	bool is_rt = item->tenant->class_ == ERC_REAL_TIME;
	key->first = is_rt ? item->level : 0;
	key->second = is_rt ? item->is_lost ? LOST : item->deadline_ns : 0;
}

/* In order of arrival, for both classes. */
static void key_of_arrival(const struct erc__item *item, struct erc__key *key)
{
	(void)item;
	key->first = key->second = 0;
}

/* The item with the fewest units goes first, for both classes. */
static void key_of_units(const struct erc__item *item, struct erc__key *key)
{
	key->first = 0;
	key->second = item->units;
}

/* ---- limits ---- */

static void set_limit(struct erc__room *room, uint32_t limit)
{
	if (erc__room_limit(room) != limit)
		erc__room_set_limit(room, limit);
}

static void set_item_limit(struct erc__item *item, uint32_t limit)
{
	if (atomic_load_explicit(&item->limit, memory_order_relaxed) != limit)
		atomic_store_explicit(&item->limit, limit, memory_order_relaxed);
}

static uint32_t limit_of(const struct erc__item *item)
{
	return atomic_load_explicit(&item->limit, memory_order_relaxed);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* The maximum number of units that a run can use in the span of time; if the device does not ask, at any time. */
static uint32_t need_in(const struct erc__sched *sched, const struct erc__item *item, const struct erc__span *span)
{
	if (!sched->supply.asks)
		return limit_of(item) > item->units ? limit_of(item) : item->units;
	uint32_t need = erc__forecast_need(erc__item_forecast(item), &item->progress, item->units, limit_of(item), span);
	return smaller(need, larger(item->tenant->cap, item->units));
}

static struct erc__span span_of(const struct erc__sched *sched, uint64_t now_ns, uint64_t from_ns, uint64_t until_ns)
{
	return (struct erc__span){now_ns, from_ns, until_ns, (float)sched->supply.slowdown};
}

/* ---- grants ---- */

/* The list of the items that have their own units, while it is being rebuilt. */
struct grants {
	struct erc__sched *sched;
	struct erc__item *first, **end;
	uint32_t given;
};

static struct grants begin_grants(struct erc__sched *sched)
{
	sched->round++;
	return (struct grants){.sched = sched};
}

/* reach: the units that it could have. */
static void grant(struct grants *grants, struct erc__item *item, uint32_t units, uint32_t reach)
{
	struct erc__tenant *tenant = item->tenant;
	struct erc__item **at = grants->first ? grants->end : &grants->first;
	*at = item;
	grants->end = &item->new_granted_next;
	item->new_granted_next = NULL;
	item->round = grants->sched->round;
	tenant->granted = tenant->round == item->round ? tenant->granted + units : units;
	tenant->round = item->round;
	grants->given += units;
	set_item_limit(item, units);
	atomic_store_explicit(&item->reach, reach, memory_order_relaxed);
}

/* Sets the limits of the items that had units and have none now to 0, and replaces the list. */
static void end_grants(struct grants *grants)
{
	struct erc__sched *sched = grants->sched;
	for (struct erc__item *item = sched->granted; item; item = item->granted_next)
		if (item->round != sched->round)
			set_item_limit(item, 0);
	sched->granted = grants->first;
	sched->given = grants->given;
	for (struct erc__item *item = grants->first; item; item = item->new_granted_next)
		item->granted_next = item->new_granted_next;
}

/* Units that the tenant may still get in this allocation. */
static uint32_t left_of_cap(const struct erc__sched *sched, const struct erc__tenant *tenant)
{
	return tenant->round == sched->round ? tenant->cap - smaller(tenant->cap, tenant->granted) : tenant->cap;
}

/* Units that a run holds for its next launches, at most `max`. If the device does not report when launches begin,
 * for all of its launches. */
static uint32_t held_by(const struct erc__sched *sched, const struct erc__item *item, uint32_t max)
{
	const struct erc__forecast *forecast = erc__item_forecast(item);
	uint32_t step = atomic_load_explicit(&item->step, memory_order_relaxed), held;
	if (!forecast || !forecast->widest)
		return max;
	held = forecast->widest;
	if (sched->supply.by_launch)
		held = atomic_load_explicit(&forecast->launches[step < forecast->count ? step : 0].held, memory_order_relaxed);
	return held < max && held ? held : max;
}

/* Units that a run can use now, at most `max`. */
static uint32_t wanted(const struct erc__sched *sched, const struct erc__item *item, uint32_t max)
{
	uint32_t width;
	if (!sched->policy->looks_ahead)
		return max;
	if (!sched->supply.asks)
		return held_by(sched, item, max);
	if (!item->progress.left && item->progress.step != ERC__STEP_UNKNOWN)
		return smaller(item->units, max); /* all tiles of the launch are taken */
	width = erc__forecast_width(erc__item_forecast(item), &item->progress, max);
	if (item->progress.step != ERC__STEP_UNKNOWN && item->progress.left < width)
		width = smaller(width, item->progress.left + item->units);
	return width;
}

/* Units that the more urgent runs leave: now, or on a device that asks, until a tile of this item would end. *due: the
 * units that no more urgent run needs. Less urgent runs that hold some of them must leave. */
static uint32_t left_for(const struct grants *grants, const struct erc__item *item, uint64_t now_ns, uint32_t *due)
{
	const struct erc__sched *sched = grants->sched;
	uint32_t units = sched->supply.units, taken = sched->inside[ERC_REAL_TIME] - item->units, needed = 0;
	*due = units - smaller(units, grants->given);
	if (!grants->first || !sched->supply.asks || !sched->policy->looks_ahead)
		return *due;
	struct erc__span span = span_of(sched, now_ns, 0, item->progress.tile_ns);
	for (const struct erc__item *other = grants->first; other && needed < units; other = other->new_granted_next) {
		uint32_t need = larger(need_in(sched, other, &span), other->due);
		taken += need > other->units ? need - other->units : 0;
		needed += need;
	}
	*due = units - smaller(units, needed);
	return taken < units && needed < units ? units - taken : 0;
}

/* Whether the run cannot meet its deadline even if it runs at once. The estimate is optimistic: see `min`. */
static bool is_newly_lost(const struct erc__sched *sched, const struct erc__item *item, uint64_t now_ns)
{
	if (!sched->policy->looks_ahead || item->is_lost || item->deadline_ns == UINT64_MAX)
		return false;
	uint32_t step = atomic_load_explicit(&item->step, memory_order_relaxed);
	/* How much of the open launch is left is not known here; it counts as 0. */
	if (item->started_ns && step != ERC__STEP_UNKNOWN)
		step++;
	float min = item->estimate->min < 1 ? item->estimate->min : 1;
	uint64_t left_ns = erc__forecast_left_ns(erc__item_forecast(item), step,
	                                         atomic_load_explicit(&item->looped_ns, memory_order_relaxed));
	return now_ns + (uint64_t)((float)left_ns * min) > item->deadline_ns;
}

/* RT runs, the most urgent first, take the units that they can use. On devices that ask, the list also holds runs
 * that get no unit now, so that best-effort work keeps out of their way. */
static void grant_real_time(struct erc__sched *sched, uint64_t now_ns)
{
	struct grants grants = begin_grants(sched);
	uint32_t units = sched->supply.units, held = 0;
	int looks_ahead = sched->supply.asks && sched->policy->looks_ahead;
	struct erc__node *last = NULL, *node;
	while ((node = last ? erc__order_next(last) : sched->orders[ERC_REAL_TIME].first) &&
	       (looks_ahead ? held : grants.given) < units) {
		struct erc__item *item = erc__item_of(node);
		if (is_newly_lost(sched, item, now_ns)) {
			erc__sched_lose(sched, item); /* other items may have moved into its place */
			continue;
		}
		last = node;
		uint32_t due = 0, max = left_of_cap(sched, item->tenant), left = left_for(&grants, item, now_ns, &due);
		if (!max)
			continue;
		if (!left && !looks_ahead)
			break;
		item->want = wanted(sched, item, max);
		item->was_squeezed |= item->want > left;
		item->due = smaller(item->want, due);
		held += larger(item->due, smaller(item->want, left));
		grant(&grants, item, smaller(item->want, left), smaller(max, left));
	}
	end_grants(&grants);
}

/* ---- allocations ---- */

static void allocate_all(struct erc__sched *sched, uint64_t now_ns)
{
	(void)now_ns;
	set_limit(&sched->rooms[ERC_REAL_TIME], sched->supply.units);
	set_limit(&sched->rooms[ERC_BEST_EFFORT], sched->supply.units);
}

/* Each class has its own units, used or not. */
static void allocate_partition(struct erc__sched *sched, uint64_t now_ns)
{
	uint32_t rt_units = smaller(sched->supply.rt_units, sched->supply.units);
	(void)now_ns;
	set_limit(&sched->rooms[ERC_REAL_TIME], rt_units);
	set_limit(&sched->rooms[ERC_BEST_EFFORT], sched->supply.units - rt_units);
}

/* The first request has the device; all others wait for its end. */
static void allocate_fifo(struct erc__sched *sched, uint64_t now_ns)
{
	struct grants grants = begin_grants(sched);
	struct erc__node *first = sched->orders[ERC_REAL_TIME].first, *other = sched->orders[ERC_BEST_EFFORT].first;
	(void)now_ns;
	if (!first || (other && erc__key_before(&other->key, &first->key)))
		first = other;
	if (first)
		grant(&grants, erc__item_of(first), sched->supply.units, sched->supply.units);
	end_grants(&grants);
}

/* An RT request has all the units that it may have. BE waits until there is no RT request. */
static void allocate_exclusive(struct erc__sched *sched, uint64_t now_ns)
{
	grant_real_time(sched, now_ns);
	set_limit(&sched->rooms[ERC_BEST_EFFORT], sched->granted ? 0 : sched->supply.units);
}

/* Units that the runs before the item do not need in the span. */
static uint32_t left_in(const struct erc__sched *sched, const struct erc__item *item, const struct erc__span *span)
{
	uint32_t units = sched->supply.units, taken = 0;
	for (const struct erc__item *other = sched->granted; other != item && taken < units; other = other->granted_next)
		taken += need_in(sched, other, span);
	return taken < units ? units - taken : 0;
}

/* Units that RT runs will occupy after the given time. A run that now waits for others may continue by then. */
static uint32_t need_after(const struct erc__sched *sched, uint64_t now_ns, uint64_t after_ns)
{
	uint32_t units = sched->supply.units, need = 0;
	for (const struct erc__item *item = sched->granted; item && need < units; item = item->granted_next) {
		uint64_t tile_ns = item->progress.tile_ns;
		struct erc__span then = span_of(sched, now_ns, after_ns, after_ns),
						 tile = span_of(sched, now_ns, after_ns, tile_ns > after_ns ? tile_ns : after_ns);
		uint32_t left = left_in(sched, item, &tile);
		need +=
			item == sched->granted ? need_in(sched, item, &then) : larger(limit_of(item), smaller(item->want, left));
	}
	return need;
}

/* Units that BE may occupy for tiles of the given length and memory traffic per unit: those that no RT run needs
 * before the tiles end. */
static uint32_t units_for_best_effort(const struct erc__sched *sched, uint64_t now_ns, uint64_t tile_ns, float traffic)
{
	const struct erc__supply *supply = &sched->supply;
	uint32_t units = supply->units, need = 0;
	if (!sched->orders[ERC_REAL_TIME].count)
		return units;
	tile_ns += (uint64_t)((float)tile_ns * sched->stretch.high) + supply->signal_ns;
	struct erc__span span = span_of(sched, now_ns, 0, tile_ns);
	for (const struct erc__item *item = sched->is_apart ? NULL : sched->granted; item; item = item->granted_next)
		need += item->is_told ? 0 : need_in(sched, item, &span);
	if (supply->asks)
		need = larger(need, need_after(sched, now_ns, tile_ns));
	units = need < units ? units - need : 0;
	if (supply->be_bandwidth > 0 && traffic * (float)units > (float)supply->be_bandwidth)
		units = (uint32_t)((float)supply->be_bandwidth / traffic);
	return supply->be_units ? smaller(units, supply->be_units) : units;
}

/* RT runs take what they can use. BE has the rest until RT needs it. */
static void allocate_elastic(struct erc__sched *sched, uint64_t now_ns)
{
	uint32_t units = sched->supply.units;
	grant_real_time(sched, now_ns);
	if (!sched->supply.asks)
		units = units_for_best_effort(sched, now_ns, sched->longest_ns, sched->max_traffic);
	set_limit(&sched->rooms[ERC_BEST_EFFORT], units);
}

void erc__sched_refresh(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns)
{
	const struct erc__forecast *forecast = erc__item_forecast(item);
	if (!sched->policy->looks_ahead)
		return;
	if (item->tenant->class_ == ERC_BEST_EFFORT)
		set_item_limit(item, units_for_best_effort(sched, now_ns, item->progress.tile_ns,
		                                           erc__forecast_traffic(forecast, &item->progress)));
	else if (erc__sched_is_on_call(sched, item))
		grant_real_time(sched, now_ns);
}

static const struct erc__policy policies[] = {
#define POLICY(name, ...) {#name, __VA_ARGS__},
#include "runtime/sched/policies.def"
#undef POLICY
};

const struct erc__policy *erc__policy_find(const char *name)
{
	if (!name)
		return &policies[0];
	for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
		if (!strcmp(policies[i].name, name))
			return &policies[i];
	return NULL;
}

const char *erc_policy_names(void)
{
	static const char names[] =
#define POLICY(name, ...) ", " #name
#include "runtime/sched/policies.def"
#undef POLICY
		;
	return names + strlen(", ");
}
