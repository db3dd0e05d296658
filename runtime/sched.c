/* The queue: order, admission, fairness. What the policies are: policy.c. */
#include "schedule.h"

#include <stddef.h>

#include "internal.h"

void erc__sched_init(struct erc__sched *sched, const struct erc__policy *policy, const struct erc__supply *supply)
{
	*sched = (struct erc__sched){ .policy = policy, .supply = *supply };
	sched->queue.next = sched->queue.previous = &sched->queue;
	erc__room_init(&sched->rooms[ERC_BEST_EFFORT], 0);
	erc__room_init(&sched->rooms[ERC_REAL_TIME], 0);
	policy->allocate(sched);
}

/* ---- admission ---- */

/* What is left of the item's run on an idle device, as far as it is known. */
static uint64_t remaining_ns(const struct erc__item *item, uint64_t now_ns)
{
	uint64_t cost_ns = item->tenant->cost_ns, done_ns = item->started_ns ? now_ns - item->started_ns : 0;
	return cost_ns > done_ns ? cost_ns - done_ns : 0;
}

static int can_meet_deadline(const struct erc__sched *sched, const struct erc__item *item, uint64_t now_ns)
{
	uint64_t end_ns = now_ns + item->tenant->cost_ns;
	for (const struct erc__item *other = sched->queue.next; other != &sched->queue; other = other->next)
		if (other->tenant->class_ == ERC_REAL_TIME && sched->policy->before(other, item))
			end_ns += remaining_ns(other, now_ns);
	return end_ns <= item->deadline_ns;
}

enum erc_status erc__sched_admit(const struct erc__sched *sched, const struct erc__item *item, uint64_t now_ns)
{
	const struct erc__tenant *tenant = item->tenant;
	if (tenant->in_flight && tenant->item_count >= tenant->in_flight)
		return erc__fail(ERC_LIMIT, "%u requests of the session are in flight, as many as it may have", tenant->item_count);
	if (tenant->shed && tenant->class_ == ERC_REAL_TIME && !can_meet_deadline(sched, item, now_ns))
		return erc__fail(ERC_SHED, "the deadline cannot be met: a run takes about %llu us, behind what goes before it",
		                 (unsigned long long)(tenant->cost_ns / 1000));
	return ERC_OK;
}

/* ---- the queue ---- */

void erc__item_init(struct erc__item *item, uint64_t arrival_ns, uint64_t deadline_us)
{
	uint64_t deadline_ns;
	item->arrival_ns = arrival_ns;
	item->started_ns = 0;
	item->sequence = UINT64_MAX; /* behind all that are queued */
	item->deadline_ns = UINT64_MAX;
	if (deadline_us && !__builtin_mul_overflow(deadline_us, UINT64_C(1000), &deadline_ns) &&
	    !__builtin_add_overflow(deadline_ns, arrival_ns, &deadline_ns))
		item->deadline_ns = deadline_ns;
}

void erc__sched_add(struct erc__sched *sched, struct erc__item *item)
{
	struct erc__tenant *tenant = item->tenant;
	item->sequence = sched->sequence++;
	/* Who was idle must not make up for it now. With units still inside it was not, and has their time to pay for. */
	if (!tenant->item_count++ && !erc__room_units(&tenant->room) && tenant->virtual_ns < sched->virtual_ns)
		tenant->virtual_ns = sched->virtual_ns;
	item->previous = sched->queue.previous;
	item->next = &sched->queue;
	item->previous->next = item;
	sched->queue.previous = item;
	sched->count++;
	sched->rt_count += tenant->class_ == ERC_REAL_TIME;
	sched->policy->allocate(sched);
}

void erc__sched_remove(struct erc__sched *sched, struct erc__item *item)
{
	item->previous->next = item->next;
	item->next->previous = item->previous;
	item->next = item->previous = NULL;
	item->tenant->item_count--;
	sched->count--;
	sched->rt_count -= item->tenant->class_ == ERC_REAL_TIME;
	sched->policy->allocate(sched);
}

void erc__sched_set_cap(struct erc__sched *sched, struct erc__tenant *tenant, uint32_t cap)
{
	tenant->cap = cap;
	if (!tenant->item_count)
		erc__room_set_limit(&tenant->room, cap); /* the policy looks at those with items only */
	sched->policy->allocate(sched);
}

void erc__sched_set_apart(struct erc__sched *sched, int is_apart)
{
	sched->is_apart = is_apart;
	sched->policy->allocate(sched);
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

/* ---- units come and go ---- */

int erc__sched_has_place(const struct erc__sched *sched, const struct erc__item *item)
{
	return erc__room_has_place(&item->tenant->room) && erc__room_has_place(&sched->rooms[item->tenant->class_]);
}

int erc__sched_enter(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns, struct erc__pass *pass)
{
	if (!erc__room_enter(&item->tenant->room, &pass->tenant_epoch))
		return 0;
	if (!erc__room_enter(&sched->rooms[item->tenant->class_], &pass->class_epoch)) {
		erc__room_leave(&item->tenant->room);
		return 0;
	}
	if (!item->started_ns)
		item->started_ns = now_ns;
	item->units++;
	return 1;
}

void erc__sched_leave(struct erc__sched *sched, struct erc__item *item, uint64_t unit_ns, int in_room)
{
	struct erc__tenant *tenant = item->tenant;
	if (in_room) {
		erc__room_leave(&tenant->room);
		erc__room_leave(&sched->rooms[tenant->class_]);
	}
	item->units--;
	if (tenant->class_ == ERC_BEST_EFFORT)
		tenant->virtual_ns += unit_ns / tenant->weight;
}
