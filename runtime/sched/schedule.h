/* Which request a free unit serves next, and how many units each run may occupy. A pure data structure without
 * threads, lock, clock or memory of its own: the owner holds a lock and passes the time. Units read limits and
 * rooms, and nothing else, while this changes them.
 *
 * sched.c is the queue, policy.c the policies of policies.def, forecast.c what runs will need, admission.c who is
 * admitted. */
#ifndef ERC_SCHEDULE_H
#define ERC_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/sched/admission.h"
#include "runtime/sched/room.h"
#include "runtime/include/erc.h"
#include "runtime/sched/forecast.h"
#include "runtime/sched/order.h"

/* A tenant: one per session. */
struct erc__tenant {
	enum erc_class class_;
	uint32_t level;     /* RT: of its items, if they have no other; 0 is the most urgent */
	uint32_t weight;    /* BE: share among BE tenants, at least 1 */
	uint32_t cap;       /* maximum number of units: by its budget and its own limit; 0: it is paused */
	uint32_t in_flight; /* maximum number of queued items; 0: no limit */
	int shed;           /* RT: refuse requests that cannot meet their deadline */

	uint32_t item_count; /* queued items */
	uint32_t entered;    /* items in the order of their class, without lost ones: at most cap, as each needs a unit */
	/* lost items in that order; those without a unit when they were lost enter it only while there are fewer than cap */
	uint32_t lost;
	struct erc__order waiting; /* the items that have not entered */
	struct erc__order ready;   /* BE, where BE tenants take turns: the items that entered, by arrival */
	struct erc__node turn;     /* BE, while `ready` has items: its place among the tenants, by virtual time */
	struct erc__key last;      /* RT: the largest key of its items that entered since the order last held none */
	uint64_t virtual_ns;       /* BE: unit time used, divided by weight */
	uint32_t granted;          /* units given to its runs in the present allocation */
	uint64_t round;            /* the allocation that `granted` belongs to */
	struct erc__room room;     /* its limit is cap */
};

/* An item: one per request, embedded in it. It is queued while the request runs or waits to run. */
struct erc__item {
	struct erc__node node; /* must be first; in the order of its class, or among its tenant's waiting items */
	/* RT, while it waits and its tenant is not paused: among all such items, with node's key and value. BE, where
	 * tenants take turns: in its tenant's `ready` */
	struct erc__node other;
	struct erc__tenant *tenant;
	/* What its runs need, and what was learned of their time. Set by the owner after erc__item_create, and changed only
	 * while the item is not queued. A unit of the last run may still read `forecast` then, which stays valid. */
	const struct erc__forecast *_Atomic forecast; /* NULL: not known */
	struct erc__estimate *estimate;
	struct erc__size_ratio size;
	uint64_t arrival_ns;
	uint64_t deadline_ns; /* absolute; UINT64_MAX: none */
	uint32_t level;       /* RT: must not change while the item is queued */
	uint64_t started_ns;  /* when a unit first took it; 0: none has */
	uint64_t sequence;    /* order of arrival, to break ties */
	uint32_t units;       /* units that serve it now, or have served it and not left yet; kept between runs */
	int is_queued, is_entered;

	/* Units check three things before each tile: their tenant's room; the run's room, which it shares with others or
	 * has to itself; and the run's limit, the maximum number of units in that room with which it may begin a tile. */
	struct erc__room *share;
	_Atomic uint32_t limit;
	_Atomic uint32_t reach;         /* units that it could have if it could use them; decides which variants it takes */
	struct erc__room room;          /* its own room; kept between runs */
	uint64_t round;                 /* the last allocation that gave it units */
	struct erc__item *granted_next; /* in the list of items that have units */
	struct erc__item *new_granted_next; /* the same, while the list is being rebuilt */
	int is_told; /* the device itself tells BE what the run needs, launch by launch; BE's limits do not consider it */
	int was_squeezed;     /* it had, or may have had, fewer units than it could use */
	int is_lost;          /* elastic: it can no longer meet its deadline */
	uint32_t want;        /* elastic: units that it could use at the last allocation, */
	uint32_t due;         /* and those of them that no more urgent run needs, whoever holds them now */
	int is_probe;         /* admitted to find out whether it can meet its deadline after all */
	uint64_t admitted_ns; /* when it was submitted, if its tenant refuses requests, */
	uint64_t expected_ns; /* and how much later its run was then expected to end */

	struct erc__progress progress; /* on devices that ask: what they reported of the open launch */
	_Atomic uint32_t step;         /* the open launch; ERC__STEP_UNKNOWN: none yet */
	_Atomic uint64_t looped_ns;    /* predicted time of earlier iterations of the loops that it is in */
};

struct erc__sched;

/* A row of the policy table. */
struct erc__policy {
	const char *name;
	/* Sets the first and second field of an item's key; the sequence breaks ties. */
	void (*key)(const struct erc__item *item, struct erc__key *key);
	/* Sets the limits of the classes' rooms and, for classes in `grants`, of the items. */
	void (*allocate)(struct erc__sched *sched, uint64_t now_ns);
	/* classes, as 1 << enum erc_class, whose items get their own units; of the other classes all queued items may
	 * run */
	uint32_t grants;
	int is_whole;    /* a run has all units that it may have, until its end */
	int is_split;    /* each class has its own units */
	int is_strict;   /* RT goes before BE, whatever the keys */
	int spreads;     /* the order depends on how many units an item has, so units are given out one at a time */
	int by_turns;    /* BE tenants take turns, by unit time used divided by weight */
	int preempts;    /* units look for more urgent work at tile boundaries, not only between launches */
	int looks_ahead; /* BE has the units that RT does not need before BE's tile ends */
};

/* What a policy shares out. */
struct erc__supply {
	uint32_t units;     /* of the device */
	uint32_t be_units;  /* elastic: maximum number of BE units while there is RT work; 0: all that RT leaves */
	uint32_t rt_units;  /* partition: units of RT; BE has the others */
	uint64_t signal_ns; /* delay from a change of a limit until units see it */
	/* elastic: how late a launch may begin because of others' tiles, as a share of its own time; 0: not at all */
	double slowdown;
	/* elastic: maximum share of the device's memory traffic for BE while there is RT work; 0: no limit */
	double be_bandwidth;
	int by_launch; /* the device reports each launch of RT runs (erc__sched_launch); else a run counts as one launch */
	int asks;      /* the device asks for a BE item's limit before each tile (erc__sched_refresh) */
};

struct erc__sched {
	const struct erc__policy *policy;
	struct erc__supply supply;
	struct erc__room rooms[2];   /* of each class as a whole, by enum erc_class */
	struct erc__order orders[2]; /* the items of each class that have entered */
	struct erc__order turns;     /* BE tenants whose `ready` has items, where tenants take turns */
	/* RT items that have not entered, of all tenants that are not paused; they go before a new one */
	struct erc__order waiting;
	struct erc__item *granted; /* items that have their own units, in order */
	uint32_t given;            /* sum of their units */
	uint32_t inside[2];        /* units at work, by class */
	uint64_t losses;           /* times that an item was lost */
	uint64_t late_units;       /* units that RT runs should have had while BE still held them */
	uint32_t count;            /* queued items of all tenants */
	uint32_t rt_count;         /* RT items among them */
	uint64_t sequence;
	uint64_t round;      /* number of allocations so far */
	uint64_t virtual_ns; /* BE: virtual time of the tenant served last; a tenant that was idle starts from here */
	uint32_t longest_ns; /* longest tile of the BE tenants that were queued */
	float max_traffic;   /* maximum traffic of one of their units, as a share of the memory bandwidth */
	struct erc__stretch stretch; /* how much longer BE tiles take than predicted */
	/* measured to predicted time in tiles, over all RT tenants that refuse requests; used for new tenants */
	struct erc__ratios tiles;
	uint32_t rt_units; /* units that all RT work together may have */
	int is_apart;      /* elastic: BE has its own units beside those of RT, and the device decides who gets the cores */
};

/* NULL if there is no policy of that name. name may be NULL for the default. */
const struct erc__policy *erc__policy_find(const char *name);

void erc__sched_init(struct erc__sched *sched, const struct erc__policy *policy, const struct erc__supply *supply);
/* The caller has set shed and all fields above it. */
void erc__tenant_init(struct erc__tenant *tenant);
/* Called once, before the item is first queued. */
void erc__item_create(struct erc__sched *sched, struct erc__item *item, struct erc__tenant *tenant);
static inline const struct erc__forecast *erc__item_forecast(const struct erc__item *item)
{
	return atomic_load_explicit(&item->forecast, memory_order_relaxed);
}
static inline struct erc__item *erc__item_of(struct erc__node *node)
{
	return (struct erc__item *)node; /* node is its first member */
}

/* arrival_ns: when it should have been submitted. deadline_us: relative to arrival_ns; 0 for none. The level is the
 * tenant's; the caller may set another. */
void erc__item_init(struct erc__item *item, uint64_t arrival_ns, uint64_t deadline_us);
/* Returns ERC_SHED if the tenant refuses requests and the item could not meet its deadline after the items that go
 * before it. Returns ERC_LIMIT if the tenant already has its maximum in flight. Does not queue the item. */
enum erc_status erc__sched_admit(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns);
/* Unit time that a run of the item is expected to hold. */
uint64_t erc__sched_unit_ns(const struct erc__sched *sched, const struct erc__item *item);
/* The item's run has succeeded. tile_ns: time in its tiles; 0: not measured. */
void erc__sched_learn(struct erc__sched *sched, const struct erc__item *item, uint64_t tile_ns, uint64_t now_ns);
void erc__sched_add(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns);
/* From now on the item, which has entered, goes after those of its level that may meet their deadlines. Another item
 * of its tenant may enter. */
void erc__sched_lose(struct erc__sched *sched, struct erc__item *item);
void erc__sched_remove(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns);
/* The first item in order, of these classes (ERC__CLASS), that can_run accepts; NULL if there is none. */
#define ERC__CLASS(class_) (1u << (class_))
#define ERC__CLASSES (ERC__CLASS(ERC_REAL_TIME) | ERC__CLASS(ERC_BEST_EFFORT))
struct erc__item *erc__sched_pick(struct erc__sched *sched, uint32_t classes,
                                  int (*can_run)(struct erc__item *item, void *user), void *user);
/* A unit begins to serve the item: it takes a place in the tenant's room and in the item's shared room. Returns 0 if
 * either has none. The unit carries the epochs. */
struct erc__pass {
	uint32_t tenant_epoch, share_epoch;
};
int erc__sched_enter(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns, struct erc__pass *pass);
/* The unit has served the item for unit_ns. Its places are given back if it still has them. */
void erc__sched_leave(struct erc__sched *sched, struct erc__item *item, uint64_t unit_ns, int in_room);
/* On devices that ask: the item's run has opened a launch, or has fewer tiles of it left. On other devices: it has
 * opened a launch for which erc__sched_wants_change was true. Sets all limits again. */
void erc__sched_launch(struct erc__sched *sched, struct erc__item *item, const struct erc__progress *progress,
                       uint64_t now_ns);
/* Units that the rooms hold for the item, whether or not it can use them. */
static inline uint32_t erc__sched_reach(const struct erc__item *item)
{
	uint32_t units = erc__room_limit(&item->tenant->room), of_share = erc__room_limit(item->share);
	uint32_t reach = atomic_load_explicit(&item->reach, memory_order_relaxed);
	units = units < of_share ? units : of_share;
	return units < reach ? units : reach;
}

/* Called after a launch was opened, without the lock: whether the run should have more units, or fewer while others
 * could use them. */
static inline int erc__sched_wants_change(const struct erc__sched *sched, const struct erc__item *item, int has_company)
{
	const struct erc__forecast *forecast = erc__item_forecast(item);
	uint32_t step = atomic_load_explicit(&item->step, memory_order_relaxed);
	uint32_t limit = atomic_load_explicit(&item->limit, memory_order_relaxed);
	if (!sched->supply.by_launch || !sched->policy->looks_ahead || item->tenant->class_ != ERC_REAL_TIME ||
	    step >= forecast->count)
		return 0;
	uint32_t held = atomic_load_explicit(&forecast->launches[step].held, memory_order_relaxed);
	if (!limit)
		return 0; /* it has lost all its units */
	return held > limit ? limit < erc__sched_reach(item) : held < limit && has_company;
}
/* Whether more urgent work may want the item's units before its tiles end. */
static inline int erc__sched_is_on_call(const struct erc__sched *sched, const struct erc__item *item)
{
	if (!sched->policy->looks_ahead || !sched->granted)
		return 0;
	return item->tenant->class_ == ERC_BEST_EFFORT || sched->granted != item;
}
/* On devices that ask, called before a tile of the item: sets its limit for this moment. */
void erc__sched_refresh(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns);
void erc__sched_set_apart(struct erc__sched *sched, int is_apart, uint64_t now_ns);
/* Changes the tenant's cap. */
void erc__sched_set_cap(struct erc__sched *sched, struct erc__tenant *tenant, uint32_t cap, uint64_t now_ns);

/* Whether a unit would find a place. */
static inline int erc__sched_has_place(const struct erc__item *item)
{
	return erc__room_has_place(&item->tenant->room) && erc__room_has_place(item->share) &&
	       atomic_load_explicit(&item->share->units, memory_order_relaxed) <
	           atomic_load_explicit(&item->limit, memory_order_relaxed);
}

/* Units that the item may have now. */
static inline uint32_t erc__sched_room(const struct erc__item *item)
{
	uint32_t units = erc__room_limit(&item->tenant->room), of_share = erc__room_limit(item->share);
	uint32_t limit = atomic_load_explicit(&item->limit, memory_order_relaxed);
	units = units < of_share ? units : of_share;
	return units < limit ? units : limit;
}

/* Units that the tenant may have now. */
uint32_t erc__sched_tenant_room(const struct erc__sched *sched, const struct erc__tenant *tenant);

/* Called by any unit before each claim, without the lock. 1: go on. 0: the unit has left both rooms. */
static inline int erc__sched_check(struct erc__item *item, struct erc__pass pass)
{
	if (!erc__room_check_within(item->share, pass.share_epoch,
	                            atomic_load_explicit(&item->limit, memory_order_relaxed))) {
		erc__room_leave(&item->tenant->room);
		return 0;
	}
	if (!erc__room_check(&item->tenant->room, pass.tenant_epoch)) {
		erc__room_leave(item->share);
		return 0;
	}
	return 1;
}

#endif
