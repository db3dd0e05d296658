/* Which request a free unit serves next. A pure data structure: no threads, no lock (the
 * owner holds one), no clock (time is passed in), no memory of its own. */
#ifndef ERC_SCHEDULE_H
#define ERC_SCHEDULE_H

#include <stdint.h>

#include "erc.h"

/* One per session. */
struct erc__tenant {
	enum erc_class class_;
	uint32_t level;      /* RT: 0 is the most urgent */
	uint32_t weight;     /* BE: share among BE tenants, at least 1 */
	uint32_t item_count; /* in the queue now */
	uint64_t virtual_ns; /* BE: unit time used, divided by weight */
};

/* One per request, embedded in it. Queued while the request runs or waits to run. */
struct erc__item {
	struct erc__item *next;
	struct erc__item *previous;
	struct erc__tenant *tenant;
	uint64_t arrival_ns;
	uint64_t deadline_ns; /* absolute; UINT64_MAX: none */
	uint64_t sequence;    /* order of arrival, breaks ties */
};

/* A row of the policy table. */
struct erc__policy {
	const char *name;
	/* Nonzero when a goes before b. */
	int (*before)(const struct erc__item *a, const struct erc__item *b);
};

struct erc__sched {
	const struct erc__policy *policy;
	struct erc__item queue; /* head of a ring */
	uint32_t count;
	uint64_t sequence;
	uint64_t virtual_ns;    /* BE: where the tenant served last stood; a tenant that was idle starts from here */
};

/* NULL when there is none of that name; name may be NULL for the default. */
const struct erc__policy *erc__policy_find(const char *name);

void erc__sched_init(struct erc__sched *sched, const struct erc__policy *policy);
/* item->tenant is set; deadline_us is relative to now, 0 for none. */
void erc__sched_add(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns, uint64_t deadline_us);
void erc__sched_remove(struct erc__sched *sched, struct erc__item *item);
/* The item that goes before all others of those that can_run accepts; NULL when there is none. */
struct erc__item *erc__sched_pick(struct erc__sched *sched, int (*can_run)(struct erc__item *item, void *user), void *user);
/* A unit has served the item for unit_ns. */
void erc__sched_charge(struct erc__item *item, uint64_t unit_ns);

#endif
