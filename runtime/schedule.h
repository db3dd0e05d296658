/* Which request a free unit serves next, and how many units each tenant may occupy. A pure
 * data structure: no threads, no lock (the owner holds one), no clock (time is passed in), no
 * memory of its own. Rooms are the one thing that units read while it changes them. */
#ifndef ERC_SCHEDULE_H
#define ERC_SCHEDULE_H

#include <stdint.h>

#include "devices/room.h"
#include "erc.h"

/* One per session. */
struct erc__tenant {
	enum erc_class class_;
	uint32_t level;      /* RT: 0 is the most urgent */
	uint32_t weight;     /* BE: share among BE tenants, at least 1 */
	uint32_t cap;        /* most units that it may ever occupy: of its budget, of its own limit */
	uint32_t in_flight;  /* most items in the queue; 0: any number */
	int shed;            /* RT: refuse what cannot meet its deadline */
	uint64_t cost_ns;    /* a run on an idle device, for admission; 0: not known */

	uint32_t item_count; /* in the queue now */
	uint64_t virtual_ns; /* BE: unit time used, divided by weight */
	uint64_t round;      /* of the last allocation that gave it units */
	struct erc__room room; /* how many units it may occupy at this instant */
};

/* One per request, embedded in it. Queued while the request runs or waits to run. */
struct erc__item {
	struct erc__item *next;
	struct erc__item *previous;
	struct erc__tenant *tenant;
	uint64_t arrival_ns;
	uint64_t deadline_ns; /* absolute; UINT64_MAX: none */
	uint64_t started_ns;  /* a unit first took it; 0: none yet */
	uint64_t sequence;    /* order of arrival, breaks ties */
	uint32_t units;       /* that serve it now, or did and have not left yet; outlives a run */
};

struct erc__sched;

/* A row of the policy table. */
struct erc__policy {
	const char *name;
	/* Nonzero when a goes before b. */
	int (*before)(const struct erc__item *a, const struct erc__item *b);
	/* Sets the limits of the classes' rooms, and of the rooms of all tenants with items. */
	void (*allocate)(struct erc__sched *sched);
	int spreads;  /* the order depends on how many units an item has: units are given out one at a time */
	int preempts; /* units look for something better at tile boundaries, not only between launches */
};

/* What a policy shares out. */
struct erc__supply {
	uint32_t units;    /* of the device */
	uint32_t be_units; /* elastic: most units for BE while RT work is there */
	uint32_t rt_units; /* partition: units of RT; BE has the others */
};

struct erc__sched {
	const struct erc__policy *policy;
	struct erc__supply supply;
	struct erc__room rooms[2]; /* of each class as a whole, by enum erc_class */
	struct erc__item queue;    /* head of a ring */
	uint32_t count;
	uint32_t rt_count;         /* RT items among them */
	uint64_t sequence;
	uint64_t round;            /* counts allocations */
	uint64_t virtual_ns;       /* BE: where the tenant served last stood; a tenant that was idle starts from here */
	int is_apart;              /* elastic: BE has units of its own beside RT's, and the device sees to who gets the cores */
};

/* NULL when there is none of that name; name may be NULL for the default. */
const struct erc__policy *erc__policy_find(const char *name);
/* "elastic, priority, ...": for messages. */
const char *erc__policy_names(void);

void erc__sched_init(struct erc__sched *sched, const struct erc__policy *policy, const struct erc__supply *supply);

/* ERC_SHED when the tenant asks for it and the item could not meet its deadline behind the items that go before
 * it; ERC_LIMIT when the tenant has as many in flight as it may. The item is not queued yet. */
enum erc_status erc__sched_admit(const struct erc__sched *sched, const struct erc__item *item, uint64_t now_ns);
/* item->tenant is set. arrival_ns: when it should have been submitted; deadline_us is relative to it, 0 for none. */
void erc__item_init(struct erc__item *item, uint64_t arrival_ns, uint64_t deadline_us);
void erc__sched_add(struct erc__sched *sched, struct erc__item *item);
void erc__sched_remove(struct erc__sched *sched, struct erc__item *item);
/* The item that goes before all others of those that can_run accepts; NULL when there is none. */
struct erc__item *erc__sched_pick(struct erc__sched *sched, int (*can_run)(struct erc__item *item, void *user), void *user);
/* A unit begins to serve the item, taking a place in its tenant's and its class's room; 0 when one has none. The
 * epochs are what the unit carries. */
struct erc__pass {
	uint32_t tenant_epoch, class_epoch;
};
int erc__sched_enter(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns, struct erc__pass *pass);
/* It has served the item for unit_ns; its places are given back where it still has them. */
void erc__sched_leave(struct erc__sched *sched, struct erc__item *item, uint64_t unit_ns, int in_room);
/* Whether a unit would find a place. */
int erc__sched_has_place(const struct erc__sched *sched, const struct erc__item *item);
void erc__sched_set_apart(struct erc__sched *sched, int is_apart);
/* The tenant's cap changed. */
void erc__sched_set_cap(struct erc__sched *sched, struct erc__tenant *tenant, uint32_t cap);

/* Before each claim, by any unit, without the lock. 1: go on. 0: the unit has left both rooms. */
static inline int erc__sched_check(struct erc__room *of_tenant, struct erc__room *of_class, struct erc__pass pass)
{
	if (!erc__room_check(of_class, pass.class_epoch)) {
		erc__room_leave(of_tenant);
		return 0;
	}
	if (!erc__room_check(of_tenant, pass.tenant_epoch)) {
		erc__room_leave(of_class);
		return 0;
	}
	return 1;
}

#endif
