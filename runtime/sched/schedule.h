/* Which request a free unit serves next, and how many units each run may occupy. A pure
 * data structure: no threads, no lock (the owner holds one), no clock (time is passed in), no
 * memory of its own. Limits and rooms are the one thing that units read while it changes them.
 *
 * sched.c is the queue, policy.c the policies of policies.def, forecast.c what runs will need, admission.c who is let in. */
#ifndef ERC_SCHEDULE_H
#define ERC_SCHEDULE_H

#include <stdint.h>

#include "runtime/sched/admission.h"
#include "runtime/sched/room.h"
#include "runtime/include/erc.h"
#include "runtime/sched/forecast.h"
#include "runtime/sched/order.h"

/* One per session. */
struct erc__tenant {
	enum erc_class class_;
	uint32_t level;     /* RT: 0 is the most urgent */
	uint32_t weight;    /* BE: share among BE tenants, at least 1 */
	uint32_t cap;       /* most units that it may ever occupy: of its budget, of its own limit; 0: it is paused */
	uint32_t in_flight; /* most items in the queue; 0: any number */
	int shed;           /* RT: refuse what cannot meet its deadline */
	const struct erc__forecast *forecast; /* of a run; NULL: not known */
	struct erc__estimate estimate;        /* of the time of a run, for admission */

	uint32_t item_count;       /* in the queue now */
	uint32_t entered;          /* of these, in the order of its class: at most cap, as each needs a unit */
	uint32_t lost;             /* in that order too: those that are lost */
	struct erc__order waiting; /* the others */
	struct erc__order ready;   /* BE, where its tenants take turns: those that entered, by arrival */
	struct erc__node turn;     /* the same, while it has such: among the tenants, by virtual time */
	struct erc__key last;      /* RT: the largest key of those that entered since none was */
	uint64_t virtual_ns;       /* BE: unit time used, divided by weight */
	uint32_t granted;          /* units given to its runs in this allocation */
	uint64_t round;            /* of the allocation that `granted` is of */
	struct erc__room room;     /* its limit is cap */
};

/* One per request, embedded in it. Queued while the request runs or waits to run. */
struct erc__item {
	struct erc__node node; /* first: in the order of its class, or among its tenant's waiting ones */
	/* RT, while it waits and its tenant is not paused: among all such, with node's key and value. BE, where tenants take turns:
	 * in its tenant's `ready` */
	struct erc__node other;
	struct erc__tenant *tenant;
	uint64_t arrival_ns;
	uint64_t deadline_ns; /* absolute; UINT64_MAX: none */
	uint64_t started_ns;  /* a unit first took it; 0: none yet */
	uint64_t sequence;    /* order of arrival, breaks ties */
	uint32_t units;       /* that serve it now, or did and have not left yet; outlives a run */
	int is_queued, is_entered;

	/* Units look at three things before each tile: their tenant's room, the room that this run shares with others, or
	 * has to itself, and how many units may be in that one for a tile of this run. */
	struct erc__room *share;
	_Atomic uint32_t limit;
	_Atomic uint32_t reach; /* units that it could have if it could use them: by these its variants are chosen */
	struct erc__room room;  /* to itself; outlives a run */
	uint64_t round;         /* of the last allocation that gave it units */
	struct erc__item *granted_next;     /* in the list of those that have units */
	struct erc__item *new_granted_next; /* the same while the list is made anew */
	int is_told;      /* the device tells BE itself, from launch to launch, what the run needs: limits leave it out */
	int was_squeezed; /* it once had fewer units than it could use, or may have had */
	int is_lost;      /* elastic: it cannot be in time any more */
	uint32_t want;    /* elastic: units that it could use at the last allocation */
	int is_probe;     /* let in to see whether it can be in time after all */
	uint64_t admitted_ns; /* submitted to a tenant that refuses; */
	uint64_t expected_ns; /* and by then the run was expected to end so much later */

	struct erc__progress progress; /* asking devices: what they have told of its launch in hand */
	_Atomic uint32_t step;         /* the launch in hand; ERC__STEP_UNKNOWN: none yet */
};

struct erc__sched;

/* A row of the policy table. */
struct erc__policy {
	const char *name;
	/* The order of items: first and second of their keys; the sequence breaks ties. */
	void (*key)(const struct erc__item *item, struct erc__key *key);
	/* Sets the limits of the classes' rooms and, where it grants, the items'. */
	void (*allocate)(struct erc__sched *sched, uint64_t now_ns);
	uint32_t
		grants; /* classes, as 1 << enum erc_class, whose items get units of their own; of others all that are queued may run */
	int is_whole;    /* a run has all units that it may have, to the end */
	int is_split;    /* each class has units of its own */
	int is_strict;   /* RT goes before BE whatever the keys */
	int spreads;     /* the order depends on how many units an item has: units are given out one at a time */
	int by_turns;    /* BE tenants take turns, by the unit time that they have had for their weight */
	int preempts;    /* units look for something better at tile boundaries, not only between launches */
	int looks_ahead; /* BE has units that RT does not need before BE's tile ends */
};

/* What a policy shares out. */
struct erc__supply {
	uint32_t units;     /* of the device */
	uint32_t be_units;  /* elastic: most units for BE while RT work is there; 0: all that RT leaves */
	uint32_t rt_units;  /* partition: units of RT; BE has the others */
	uint64_t signal_ns; /* from a change of a limit to the units */
	double
		slowdown; /* elastic: the share of its own time by which a launch may begin late for others' tiles; 0: none */
	double
		be_bandwidth; /* elastic: share of the device's memory traffic that BE may have while RT work is there; 0: all */
	int by_launch; /* the device tells of each launch of RT runs (erc__sched_launch); else a run counts as one launch */
	int asks;      /* the device asks for a BE item's limit before each tile (erc__sched_refresh) */
};

struct erc__sched {
	const struct erc__policy *policy;
	struct erc__supply supply;
	struct erc__room rooms[2];   /* of each class as a whole, by enum erc_class */
	struct erc__order orders[2]; /* entered items of each class */
	struct erc__order turns;     /* BE tenants that have such, where they take turns */
	struct erc__order
		waiting; /* RT items that have not entered, of all tenants that are not paused: what goes before a new one */
	struct erc__item *granted; /* items that have units of their own, in order */
	uint32_t given;            /* units that they have together */
	uint32_t inside[2];        /* units at work for each class */
	uint64_t late_units;       /* that RT runs under way were to have, and BE still held */
	uint32_t count;            /* queued items, whatever their tenants' caps */
	uint32_t rt_count;         /* RT items among them */
	uint64_t sequence;
	uint64_t round;              /* counts allocations */
	uint64_t virtual_ns;         /* BE: where the tenant served last stood; a tenant that was idle starts from here */
	uint32_t longest_ns;         /* the longest tile of BE tenants that were queued */
	float most_traffic;          /* the most that a unit of theirs moves, as a share of the memory's */
	struct erc__stretch stretch; /* of BE tiles against their predictions */
	struct erc__ratios tiles;    /* of all RT tenants that refuse, for new ones: time in tiles to what was predicted */
	uint32_t rt_units;           /* units that RT may have together */
	int is_apart; /* elastic: BE has units of its own beside RT's, and the device sees to who gets the cores */
};

/* NULL when there is none of that name; name may be NULL for the default. */
const struct erc__policy *erc__policy_find(const char *name);
/* "elastic, priority, ...": for messages. */
const char *erc__policy_names(void);

void erc__sched_init(struct erc__sched *sched, const struct erc__policy *policy, const struct erc__supply *supply);
/* cap and all above it are set. */
void erc__tenant_init(struct erc__tenant *tenant);
/* Once, before the item is first queued. */
void erc__item_create(struct erc__sched *sched, struct erc__item *item, struct erc__tenant *tenant);
static inline struct erc__item *erc__item_of(struct erc__node *node)
{
	return (struct erc__item *)node; /* its first member */
}

/* arrival_ns: when it should have been submitted; deadline_us is relative to it, 0 for none. */
void erc__item_init(struct erc__item *item, uint64_t arrival_ns, uint64_t deadline_us);
/* ERC_SHED when the tenant asks for it and the item could not meet its deadline behind the items that go before
 * it; ERC_LIMIT when the tenant has as many in flight as it may. The item is not queued yet. */
enum erc_status erc__sched_admit(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns);
/* Unit time that a run of the tenant is expected to hold. */
uint64_t erc__sched_unit_ns(const struct erc__sched *sched, const struct erc__tenant *tenant);
/* The item's run has ended well. tile_ns: time in its tiles; 0: not measured. */
void erc__sched_learn(struct erc__sched *sched, const struct erc__item *item, uint64_t tile_ns, uint64_t now_ns);
void erc__sched_add(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns);
/* The item, which has entered, goes after those of its level that may be in time; another one of its tenant may enter. */
void erc__sched_lose(struct erc__sched *sched, struct erc__item *item);
void erc__sched_remove(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns);
/* The item of these classes (ERC__CLASS) that goes before all others of those that can_run accepts; NULL when there is none. */
#define ERC__CLASS(class_) (1u << (class_))
#define ERC__CLASSES (ERC__CLASS(ERC_REAL_TIME) | ERC__CLASS(ERC_BEST_EFFORT))
struct erc__item *erc__sched_pick(struct erc__sched *sched, uint32_t classes,
                                  int (*can_run)(struct erc__item *item, void *user), void *user);
/* A unit begins to serve the item, taking a place in its tenant's room and in the one that it shares; 0 when one has
 * none. The epochs are what the unit carries. */
struct erc__pass {
	uint32_t tenant_epoch, share_epoch;
};
int erc__sched_enter(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns, struct erc__pass *pass);
/* It has served the item for unit_ns; its places are given back where it still has them. */
void erc__sched_leave(struct erc__sched *sched, struct erc__item *item, uint64_t unit_ns, int in_room);
/* On devices that ask: the item's run has a new launch in hand; or, with the same one, fewer tiles left. On others: it has a
 * launch for which erc__sched_wants_change. Sets all limits anew. */
void erc__sched_launch(struct erc__sched *sched, struct erc__item *item, const struct erc__progress *progress,
                       uint64_t now_ns);
/* What the rooms hold for the item, however few it can use. */
static inline uint32_t erc__sched_reach(const struct erc__item *item)
{
	uint32_t units = erc__room_limit(&item->tenant->room), of_share = erc__room_limit(item->share);
	uint32_t reach = atomic_load_explicit(&item->reach, memory_order_relaxed);
	units = units < of_share ? units : of_share;
	return units < reach ? units : reach;
}

/* After a launch was opened, without the lock: whether the run is to have more units, or fewer and others are there. */
static inline int erc__sched_wants_change(const struct erc__sched *sched, const struct erc__item *item, int has_company)
{
	const struct erc__forecast *forecast = item->tenant->forecast;
	uint32_t step = atomic_load_explicit(&item->step, memory_order_relaxed);
	uint32_t limit = atomic_load_explicit(&item->limit, memory_order_relaxed);
	if (!sched->supply.by_launch || !sched->policy->looks_ahead || item->tenant->class_ != ERC_REAL_TIME ||
	    step >= forecast->count)
		return 0;
	uint32_t held = forecast->launches[step].held;
	return held > limit ? limit < erc__sched_reach(item) : held < limit && has_company;
}
/* Whether more urgent work is there that may want the item's units before its tiles end. */
static inline int erc__sched_is_on_call(const struct erc__sched *sched, const struct erc__item *item)
{
	if (!sched->policy->looks_ahead || !sched->granted)
		return 0;
	return item->tenant->class_ == ERC_BEST_EFFORT || sched->granted != item;
}
/* Before a tile of the item, on devices that ask: its limit as of now. */
void erc__sched_refresh(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns);
void erc__sched_set_apart(struct erc__sched *sched, int is_apart, uint64_t now_ns);
/* The tenant's cap changed. */
void erc__sched_set_cap(struct erc__sched *sched, struct erc__tenant *tenant, uint32_t cap, uint64_t now_ns);

/* Whether a unit would find a place. */
static inline int erc__sched_has_place(const struct erc__item *item)
{
	return erc__room_has_place(&item->tenant->room) && erc__room_has_place(item->share) &&
	       atomic_load_explicit(&item->share->units, memory_order_relaxed) <
	           atomic_load_explicit(&item->limit, memory_order_relaxed);
}

/* Units that the item may have just now. */
static inline uint32_t erc__sched_room(const struct erc__item *item)
{
	uint32_t units = erc__room_limit(&item->tenant->room), of_share = erc__room_limit(item->share);
	uint32_t limit = atomic_load_explicit(&item->limit, memory_order_relaxed);
	units = units < of_share ? units : of_share;
	return units < limit ? units : limit;
}

/* Units that the tenant may have just now. */
uint32_t erc__sched_tenant_room(const struct erc__sched *sched, const struct erc__tenant *tenant);

/* Before each claim, by any unit, without the lock. 1: go on. 0: the unit has left both rooms. */
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
