/* The queue and the policies. */
#include "schedule.h"

#include <stddef.h>
#include <string.h>

/* ---- policies ---- */

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

static const struct erc__policy policies[] = {
	{ "priority", before_priority }, /* the default */
	{ "fifo", before_fifo },
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

/* ---- queue ---- */

void erc__sched_init(struct erc__sched *sched, const struct erc__policy *policy)
{
	memset(sched, 0, sizeof(*sched));
	sched->policy = policy;
	sched->queue.next = sched->queue.previous = &sched->queue;
}

void erc__sched_add(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns, uint64_t deadline_us)
{
	struct erc__tenant *tenant = item->tenant;
	uint64_t deadline_ns;
	item->arrival_ns = now_ns;
	item->sequence = sched->sequence++;
	item->deadline_ns = UINT64_MAX;
	if (deadline_us && !__builtin_mul_overflow(deadline_us, UINT64_C(1000), &deadline_ns) &&
	    !__builtin_add_overflow(deadline_ns, now_ns, &deadline_ns))
		item->deadline_ns = deadline_ns;
	/* Who was idle must not make up for it now. */
	if (!tenant->item_count++ && tenant->virtual_ns < sched->virtual_ns)
		tenant->virtual_ns = sched->virtual_ns;
	item->previous = sched->queue.previous;
	item->next = &sched->queue;
	item->previous->next = item;
	sched->queue.previous = item;
	sched->count++;
}

void erc__sched_remove(struct erc__sched *sched, struct erc__item *item)
{
	item->previous->next = item->next;
	item->next->previous = item->previous;
	item->next = item->previous = NULL;
	item->tenant->item_count--;
	sched->count--;
}

struct erc__item *erc__sched_pick(struct erc__sched *sched, int (*can_run)(struct erc__item *item, void *user), void *user)
{
	struct erc__item *best = NULL;
	for (struct erc__item *item = sched->queue.next; item != &sched->queue; item = item->next)
		if ((!best || sched->policy->before(item, best)) && can_run(item, user))
			best = item;
	if (best && best->tenant->class_ == ERC_BEST_EFFORT && best->tenant->virtual_ns > sched->virtual_ns)
		sched->virtual_ns = best->tenant->virtual_ns;
	return best;
}

void erc__sched_charge(struct erc__item *item, uint64_t unit_ns)
{
	if (item->tenant->class_ == ERC_BEST_EFFORT)
		item->tenant->virtual_ns += unit_ns / item->tenant->weight;
}
