/* The policies that share a device among tenants, to compare with the same kernels. Each is an order
 * and an allocation: who goes first, and how many units each class and tenant may occupy. */
#include <stddef.h>
#include <string.h>

#include "schedule.h"

/* ---- orders ---- */

/* RT before BE. RT by level, then by deadline; BE by the unit time that its tenant has had for its weight. */
static int before_priority(const struct erc__item *a, const struct erc__item *b)
{
	if (a->tenant->class_ != b->tenant->class_)
		return a->tenant->class_ == ERC_REAL_TIME;
	if (a->tenant->class_ == ERC_REAL_TIME) {
		if (a->tenant->level != b->tenant->level)
			return a->tenant->level < b->tenant->level;
		if (a->deadline_ns != b->deadline_ns)
			return a->deadline_ns < b->deadline_ns;
	} else if (a->tenant->virtual_ns != b->tenant->virtual_ns) {
		return a->tenant->virtual_ns < b->tenant->virtual_ns;
	}
	return a->sequence < b->sequence;
}

/* In order of arrival, whatever the class. */
static int before_fifo(const struct erc__item *a, const struct erc__item *b)
{
	return a->sequence < b->sequence;
}

/* All alike, whatever the class: who has the fewest units goes first. */
static int before_concurrent(const struct erc__item *a, const struct erc__item *b)
{
	return a->units != b->units ? a->units < b->units : a->sequence < b->sequence;
}

/* ---- allocations ---- */

static void set_limit(struct erc__room *room, uint32_t limit)
{
	if (erc__room_limit(room) != limit)
		erc__room_set_limit(room, limit);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Every tenant as many as it may ever have, the classes as many as given. */
static void allocate_caps(struct erc__sched *sched, uint32_t rt_units, uint32_t be_units)
{
	set_limit(&sched->rooms[ERC_REAL_TIME], rt_units);
	set_limit(&sched->rooms[ERC_BEST_EFFORT], be_units);
	for (struct erc__item *item = sched->queue.next; item != &sched->queue; item = item->next)
		set_limit(&item->tenant->room, item->tenant->cap);
}

static void allocate_all(struct erc__sched *sched)
{
	allocate_caps(sched, sched->supply.units, sched->supply.units);
}

/* Each class has units of its own, used or not. */
static void allocate_partition(struct erc__sched *sched)
{
	uint32_t rt_units = smaller(sched->supply.rt_units, sched->supply.units);
	allocate_caps(sched, rt_units, sched->supply.units - rt_units);
}

/* The first request has the device, all others wait for its end. */
static void allocate_fifo(struct erc__sched *sched)
{
	const struct erc__tenant *first = sched->count ? sched->queue.next->tenant : NULL;
	set_limit(&sched->rooms[ERC_REAL_TIME], sched->supply.units);
	set_limit(&sched->rooms[ERC_BEST_EFFORT], sched->supply.units);
	for (struct erc__item *item = sched->queue.next; item != &sched->queue; item = item->next)
		set_limit(&item->tenant->room, item->tenant == first ? first->cap : 0);
}

/* The RT item that goes before all others whose tenant has no units of this round yet. */
static struct erc__item *next_real_time(struct erc__sched *sched)
{
	struct erc__item *best = NULL;
	for (struct erc__item *item = sched->queue.next; item != &sched->queue; item = item->next)
		if (item->tenant->class_ == ERC_REAL_TIME && item->tenant->round != sched->round &&
		    (!best || sched->policy->before(item, best)))
			best = item;
	return best;
}

/* Units that RT tenants with work may have together. */
static uint32_t real_time_units(struct erc__sched *sched)
{
	uint32_t units = 0;
	sched->round++;
	for (struct erc__item *item = sched->queue.next; item != &sched->queue; item = item->next) {
		if (item->tenant->class_ != ERC_REAL_TIME || item->tenant->round == sched->round)
			continue;
		item->tenant->round = sched->round;
		units += smaller(item->tenant->cap, sched->supply.units - units);
	}
	return units;
}

/* BE lives in the room that RT leaves, as far as it may; RT tenants, the most urgent first, take what they
 * may have. BE shrinks before RT grows. */
static void allocate_elastic(struct erc__sched *sched)
{
	uint32_t left = sched->supply.units, rt_units = real_time_units(sched);
	struct erc__item *item;
	set_limit(&sched->rooms[ERC_BEST_EFFORT],
	          rt_units && !sched->is_apart ? smaller(left - rt_units, sched->supply.be_units) : left);
	set_limit(&sched->rooms[ERC_REAL_TIME], left);
	sched->round++;
	while ((item = next_real_time(sched))) {
		uint32_t units = smaller(left, item->tenant->cap);
		item->tenant->round = sched->round;
		left -= units;
		set_limit(&item->tenant->room, units);
	}
	for (item = sched->queue.next; item != &sched->queue; item = item->next)
		if (item->tenant->class_ == ERC_BEST_EFFORT)
			set_limit(&item->tenant->room, item->tenant->cap);
}

static const struct erc__policy policies[] = {
	{ "elastic", before_priority, allocate_elastic, .preempts = 1 }, /* the default */
	{ "priority", before_priority, allocate_all, 0, 0 },
	{ "partition", before_priority, allocate_partition, 0, 0 },
	{ "concurrent", before_concurrent, allocate_all, .spreads = 1 },
	{ "fifo", before_fifo, allocate_fifo, 0, 0 },
};

const struct erc__policy *erc__policy_find(const char *name)
{
	if (!name)
		return &policies[0];
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (!strcmp(policies[i].name, name))
			return &policies[i];
	return NULL;
}

const char *erc__policy_names(void)
{
	return "elastic, priority, partition, concurrent, fifo";
}
