/* The queue: its items, their order, and the units that come and go. The policies are in policy.c. */
#include "runtime/sched/schedule.h"

#include <stddef.h>

#include "runtime/base/internal.h"

void erc__sched_init(struct erc__sched *sched, const struct erc__policy *policy, const struct erc__supply *supply)
{
	*sched = (struct erc__sched){.policy = policy, .supply = *supply};
	for (int c = 0; c < 2; c++) {
		erc__order_init(&sched->orders[c]);
		erc__room_init(&sched->rooms[c], supply->units);
	}
	sched->rt_units = policy->is_split ? supply->rt_units : supply->units;
	erc__order_init(&sched->waiting);
	erc__order_init(&sched->turns);
	policy->allocate(sched, 0);
}

void erc__tenant_init(struct erc__tenant *tenant)
{
	erc__order_init(&tenant->waiting);
	erc__order_init(&tenant->ready);
	erc__room_init(&tenant->room, tenant->cap);
}

static bool has_grants(const struct erc__sched *sched, enum erc_class class_)
{
	return sched->policy->grants >> class_ & 1;
}

void erc__item_create(struct erc__sched *sched, struct erc__item *item, struct erc__tenant *tenant)
{
	*item = (struct erc__item){.tenant = tenant};
	erc__room_init(&item->room, sched->supply.units);
	item->share = has_grants(sched, tenant->class_) ? &item->room : &sched->rooms[tenant->class_];
	atomic_init(&item->limit, has_grants(sched, tenant->class_) ? 0 : sched->supply.units);
	atomic_init(&item->reach, sched->supply.units);
	atomic_init(&item->step, ERC__STEP_UNKNOWN);
	atomic_init(&item->looped_ns, 0);
	atomic_init(&item->forecast, NULL);
}

void erc__item_init(struct erc__item *item, uint64_t arrival_ns, uint64_t deadline_us)
{
	uint64_t deadline_ns;
	item->arrival_ns = arrival_ns;
	item->level = item->tenant->level;
	item->started_ns = 0;
	item->was_squeezed = item->is_probe = item->is_lost = 0;
	item->expected_ns = 0;
	item->sequence = UINT64_MAX; /* after all queued items */
	item->deadline_ns = UINT64_MAX;
	if (deadline_us && !__builtin_mul_overflow(deadline_us, UINT64_C(1000), &deadline_ns) &&
	    !__builtin_add_overflow(deadline_ns, arrival_ns, &deadline_ns))
		item->deadline_ns = deadline_ns;
}

/* ---- orders ---- */

static void add_to(struct erc__sched *sched, struct erc__order *order, struct erc__item *item)
{
	item->node.key.third = item->sequence;
	sched->policy->key(item, &item->node.key);
	erc__order_add(order, &item->node);
}

static struct erc__order *order_of(struct erc__sched *sched, const struct erc__item *item)
{
	return &sched->orders[item->tenant->class_];
}

static int takes_turns(const struct erc__sched *sched, const struct erc__tenant *tenant)
{
	return sched->policy->by_turns && tenant->class_ == ERC_BEST_EFFORT;
}

/* Places the tenant by its virtual time; among equals, the first to arrive goes first. */
static void add_turn(struct erc__sched *sched, struct erc__tenant *tenant)
{
	tenant->turn.key = (struct erc__key){.second = tenant->virtual_ns, .third = tenant->ready.first->key.third};
	erc__order_add(&sched->turns, &tenant->turn);
}

static void add_ready(struct erc__sched *sched, struct erc__item *item)
{
	struct erc__tenant *tenant = item->tenant;
	item->other.key = item->node.key;
	erc__order_add(&tenant->ready, &item->other);
	if (tenant->ready.count == 1)
		add_turn(sched, tenant);
}

static void remove_ready(struct erc__sched *sched, struct erc__item *item)
{
	erc__order_remove(&item->tenant->ready, &item->other);
	if (!item->tenant->ready.count)
		erc__order_remove(&sched->turns, &item->tenant->turn);
}

/* From now on the policy sees the item. */
static void enter_order(struct erc__sched *sched, struct erc__item *item)
{
	struct erc__tenant *tenant = item->tenant;
	add_to(sched, order_of(sched, item), item);
	if (takes_turns(sched, tenant))
		add_ready(sched, item);
	item->is_entered = 1;
	tenant->lost += (uint32_t)item->is_lost;
	if (item->is_lost)
		return;
	if (!tenant->entered++ || erc__key_before(&tenant->last, &item->node.key))
		tenant->last = item->node.key;
}

static void leave_order(struct erc__sched *sched, struct erc__item *item)
{
	erc__order_remove(order_of(sched, item), &item->node);
	if (takes_turns(sched, item->tenant))
		remove_ready(sched, item);
	item->is_entered = 0;
	item->tenant->lost -= (uint32_t)item->is_lost;
	item->tenant->entered -= !item->is_lost;
}

/* Adds the item to the items that wait, or removes it. */
static void count_waiting(struct erc__sched *sched, struct erc__item *item, bool is_waiting)
{
	item->other.key = item->node.key;
	item->other.value = item->node.value;
	if (is_waiting)
		erc__order_add(&sched->waiting, &item->other);
	else
		erc__order_remove(&sched->waiting, &item->other);
}

static bool is_counted(const struct erc__tenant *tenant)
{
	return tenant->class_ == ERC_REAL_TIME && tenant->cap;
}

static void add_waiting(struct erc__sched *sched, struct erc__item *item)
{
	add_to(sched, &item->tenant->waiting, item);
	if (is_counted(item->tenant))
		count_waiting(sched, item, 1);
}

static void remove_waiting(struct erc__sched *sched, struct erc__item *item)
{
	erc__order_remove(&item->tenant->waiting, &item->node);
	if (is_counted(item->tenant))
		count_waiting(sched, item, 0);
}

/* Lets as many of the tenant's items enter as its cap allows, because each needs at least one unit. */
static void admit_waiting(struct erc__sched *sched, struct erc__tenant *tenant)
{
	while (tenant->waiting.first) {
		struct erc__item *item = erc__item_of(tenant->waiting.first);
		if ((item->is_lost ? tenant->lost : tenant->entered) >= tenant->cap)
			break;
		remove_waiting(sched, item);
		enter_order(sched, item);
	}
}

/* Moves the item to where its changed key belongs. */
static void reorder(struct erc__sched *sched, struct erc__item *item)
{
	erc__order_remove(order_of(sched, item), &item->node);
	add_to(sched, order_of(sched, item), item);
}

void erc__sched_lose(struct erc__sched *sched, struct erc__item *item)
{
	struct erc__tenant *tenant = item->tenant;
	sched->losses++;
	if (item->units) {
		item->is_lost = 1;
		tenant->entered--;
		tenant->lost++;
		reorder(sched, item);
	} else { /* it gives up its place to one that can be in time */
		leave_order(sched, item);
		item->is_lost = 1;
		add_waiting(sched, item);
	}
	admit_waiting(sched, tenant);
}

/* ---- the queue ---- */

void erc__sched_add(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns)
{
	struct erc__tenant *tenant = item->tenant;
	const struct erc__forecast *forecast = erc__item_forecast(item);
	item->sequence = sched->sequence++;
	item->is_queued = 1;
	item->node.value = erc__sched_unit_ns(sched, item);
	item->progress = (struct erc__progress){.step = ERC__STEP_UNKNOWN};
	atomic_store_explicit(&item->step, ERC__STEP_UNKNOWN, memory_order_relaxed);
	atomic_store_explicit(&item->looped_ns, 0, memory_order_relaxed);
	item->was_squeezed = !has_grants(sched, tenant->class_) && !sched->policy->is_split;
	if (sched->supply.asks && forecast && forecast->count)
		item->progress =
			(struct erc__progress){.left = forecast->launches[0].tiles, .tile_ns = forecast->launches[0].tile_ns};
	/* A tenant that was idle must not make up for that time now. If it still has units inside, it was not idle, and
	 * their time counts. */
	if (!tenant->item_count++ && !erc__room_units(&tenant->room) && tenant->virtual_ns < sched->virtual_ns)
		tenant->virtual_ns = sched->virtual_ns;
	if (tenant->class_ == ERC_BEST_EFFORT && forecast) {
		sched->longest_ns = forecast->longest_ns > sched->longest_ns ? forecast->longest_ns : sched->longest_ns;
		sched->max_traffic = forecast->traffic > sched->max_traffic ? forecast->traffic : sched->max_traffic;
	}
	sched->count++;
	sched->rt_count += tenant->class_ == ERC_REAL_TIME;
	struct erc__key key = {.third = item->sequence};
	sched->policy->key(item, &key);
	/* A more urgent item does not wait for those of its tenant that have entered. */
	bool is_first = !tenant->waiting.first || erc__key_before(&key, &tenant->waiting.first->key);
	if ((tenant->entered < tenant->cap && is_first) ||
	    (tenant->entered && tenant->class_ == ERC_REAL_TIME && erc__key_before(&key, &tenant->last)))
		enter_order(sched, item);
	else
		add_waiting(sched, item);
	/* An item that waits changes nothing, unless another one of its tenant is lost by now and makes room for it. */
	if (item->is_entered || (sched->policy->looks_ahead && tenant->class_ == ERC_REAL_TIME))
		sched->policy->allocate(sched, now_ns);
}

static void take_grant(struct erc__sched *sched, struct erc__item *item)
{
	for (struct erc__item **at = &sched->granted; *at; at = &(*at)->granted_next)
		if (*at == item) {
			*at = item->granted_next;
			break;
		}
	atomic_store_explicit(&item->limit, 0, memory_order_relaxed);
}

void erc__sched_remove(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns)
{
	struct erc__tenant *tenant = item->tenant;
	bool was_entered = item->is_entered;
	item->is_queued = 0;
	tenant->item_count--;
	sched->count--;
	sched->rt_count -= tenant->class_ == ERC_REAL_TIME;
	if (!was_entered) {
		remove_waiting(sched, item);
		return;
	}
	leave_order(sched, item);
	if (has_grants(sched, tenant->class_))
		take_grant(sched, item);
	admit_waiting(sched, tenant);
	sched->policy->allocate(sched, now_ns);
}

static void pause_all(struct erc__sched *sched, struct erc__tenant *tenant)
{
	for (struct erc__node *node = sched->orders[tenant->class_].first, *next; node && tenant->entered + tenant->lost;
	     node = next) {
		struct erc__item *item = erc__item_of(node);
		next = erc__order_next(node);
		if (item->tenant != tenant)
			continue;
		leave_order(sched, item);
		if (has_grants(sched, tenant->class_))
			take_grant(sched, item);
		add_waiting(sched, item);
	}
}

void erc__sched_set_cap(struct erc__sched *sched, struct erc__tenant *tenant, uint32_t cap, uint64_t now_ns)
{
	bool was_counted = is_counted(tenant);
	tenant->cap = cap;
	erc__room_set_limit(&tenant->room, cap);
	if (is_counted(tenant) != was_counted)
		for (struct erc__node *node = tenant->waiting.first; node; node = erc__order_next(node))
			count_waiting(sched, erc__item_of(node), !was_counted);
	if (!cap)
		pause_all(sched, tenant);
	admit_waiting(sched, tenant);
	sched->policy->allocate(sched, now_ns);
}

/* Counts units that a run under way gets from now on, but that best-effort work still holds. */
static void count_late(struct erc__sched *sched, const struct erc__item *item, uint32_t before)
{
	uint32_t limit = atomic_load_explicit(&item->limit, memory_order_relaxed), units = sched->supply.units;
	uint32_t held = erc__room_units(&sched->rooms[ERC_BEST_EFFORT]),
			 left = units - (sched->given < units ? sched->given : units);
	if (sched->policy->looks_ahead && item->started_ns && limit > before && held > left)
		sched->late_units += held - left < limit - before ? held - left : limit - before;
}

void erc__sched_launch(struct erc__sched *sched, struct erc__item *item, const struct erc__progress *progress,
                       uint64_t now_ns)
{
	uint32_t before = atomic_load_explicit(&item->limit, memory_order_relaxed);
	if (progress)
		item->progress = *progress;
	if (!item->is_entered || !has_grants(sched, item->tenant->class_))
		return;
	sched->policy->allocate(sched, now_ns);
	count_late(sched, item, before);
}

uint32_t erc__sched_tenant_room(const struct erc__sched *sched, const struct erc__tenant *tenant)
{
	uint32_t units = erc__room_limit(&tenant->room), of_class = erc__room_limit(&sched->rooms[tenant->class_]);
	if (has_grants(sched, tenant->class_))
		of_class = tenant->item_count && tenant->round == sched->round ? tenant->granted : 0;
	return tenant->item_count && of_class < units ? of_class : units;
}

/* ---- picking ---- */

typedef int can_run_fn(struct erc__item *item, void *user);

static struct erc__item *pick_granted(struct erc__sched *sched, enum erc_class class_, can_run_fn *can_run, void *user)
{
	for (struct erc__item *item = sched->granted; item; item = item->granted_next)
		if (item->tenant->class_ == class_ && can_run(item, user))
			return item;
	return NULL;
}

/* Each item that is passed over has a unit inside, or its tenant has, so these are few. */
static struct erc__item *pick_in_order(struct erc__sched *sched, enum erc_class class_, can_run_fn *can_run, void *user)
{
	if (!erc__room_has_place(&sched->rooms[class_]))
		return NULL;
	for (struct erc__node *node = sched->orders[class_].first; node; node = erc__order_next(node))
		if (can_run(erc__item_of(node), user))
			return erc__item_of(node);
	return NULL;
}

static struct erc__item *pick_of_tenant(const struct erc__tenant *tenant, can_run_fn *can_run, void *user)
{
	for (struct erc__node *node = tenant->ready.first; node; node = erc__order_next(node)) {
		struct erc__item *item = (struct erc__item *)((char *)node - offsetof(struct erc__item, other));
		if (can_run(item, user))
			return item;
	}
	return NULL;
}

/* Virtual times only grow. So a tenant whose place is out of date belongs further back, and one that has nothing to
 * run may keep its place. */
static struct erc__item *pick_by_turns(struct erc__sched *sched, can_run_fn *can_run, void *user)
{
	if (!erc__room_has_place(&sched->rooms[ERC_BEST_EFFORT]))
		return NULL;
	for (struct erc__node *node = sched->turns.first, *next; node; node = next) {
		struct erc__tenant *tenant = (struct erc__tenant *)((char *)node - offsetof(struct erc__tenant, turn));
		struct erc__item *item = pick_of_tenant(tenant, can_run, user);
		next = erc__order_next(node);
		if (!item)
			continue;
		if (node->key.second != tenant->virtual_ns) {
			erc__order_remove(&sched->turns, node);
			add_turn(sched, tenant);
			if (erc__order_next(node) != next)
				continue; /* other tenants go before it now */
		}
		return item;
	}
	return NULL;
}

static struct erc__item *pick_of_class(struct erc__sched *sched, enum erc_class class_, can_run_fn *can_run, void *user)
{
	if (has_grants(sched, class_))
		return pick_granted(sched, class_, can_run, user);
	if (sched->policy->by_turns && class_ == ERC_BEST_EFFORT)
		return pick_by_turns(sched, can_run, user);
	return pick_in_order(sched, class_, can_run, user);
}

void erc__sched_set_apart(struct erc__sched *sched, int is_apart, uint64_t now_ns)
{
	sched->is_apart = is_apart;
	sched->policy->allocate(sched, now_ns);
}

struct erc__item *erc__sched_pick(struct erc__sched *sched, uint32_t classes,
                                  int (*can_run)(struct erc__item *item, void *user), void *user)
{
	struct erc__item *best = NULL, *other = NULL;
	if (classes & ERC__CLASS(ERC_REAL_TIME))
		best = pick_of_class(sched, ERC_REAL_TIME, can_run, user);
	if (best && sched->policy->is_strict)
		return best;
	if (classes & ERC__CLASS(ERC_BEST_EFFORT))
		other = pick_of_class(sched, ERC_BEST_EFFORT, can_run, user);
	if (other && (!best || erc__key_before(&other->node.key, &best->node.key)))
		best = other;
	if (best && best == other && best->tenant->virtual_ns > sched->virtual_ns)
		sched->virtual_ns = best->tenant->virtual_ns;
	return best;
}

/* ---- units come and go ---- */

static void count_unit(struct erc__sched *sched, struct erc__item *item, int change)
{
	item->units += (uint32_t)change;
	sched->inside[item->tenant->class_] += (uint32_t)change;
	if (sched->policy->spreads && item->is_entered)
		reorder(sched, item);
}

int erc__sched_enter(struct erc__sched *sched, struct erc__item *item, uint64_t now_ns, struct erc__pass *pass)
{
	uint32_t limit = atomic_load_explicit(&item->limit, memory_order_relaxed);
	if (!erc__room_enter(&item->tenant->room, &pass->tenant_epoch))
		return 0;
	if (!erc__room_enter_within(item->share, &pass->share_epoch, limit)) {
		erc__room_leave(&item->tenant->room);
		return 0;
	}
	if (!item->started_ns)
		item->started_ns = now_ns;
	count_unit(sched, item, 1);
	return 1;
}

void erc__sched_leave(struct erc__sched *sched, struct erc__item *item, uint64_t unit_ns, int in_room)
{
	struct erc__tenant *tenant = item->tenant;
	if (in_room) {
		erc__room_leave(&tenant->room);
		erc__room_leave(item->share);
	}
	count_unit(sched, item, -1);
	if (tenant->class_ == ERC_BEST_EFFORT)
		tenant->virtual_ns += unit_ns / tenant->weight;
}
