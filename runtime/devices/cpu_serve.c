/* A thread's work on one job, without the lock: room, gate, claim, compute, launch after launch. The thread that
 * completes a launch opens the next one itself, so that going from launch to launch needs no lock and no other
 * thread. Also the work on the queue that is done under the lock. */
#include <limits.h>

#include "runtime/devices/cpu.h"

#define QUANTUM_NS 500000 /* with several jobs queued, a thread looks for a more urgent one at least this often */

/* ---- the queue, under the lock ---- */

void erc__cpu_count_queue(struct cpu_device *device)
{
	const struct erc__sched *sched = &device->base.sched;
	uint32_t all = sched->count, rt = sched->rt_count;
	atomic_store_explicit(&device->queued[ERC_REAL_TIME], erc__cpu_is_apart(device) ? rt : all, memory_order_relaxed);
	atomic_store_explicit(&device->queued[ERC_BEST_EFFORT], all - rt, memory_order_relaxed);
}

static void end_job(struct cpu_device *device, struct erc__job *job)
{
	if (device->apart_count)
		erc__apart_note_begun(device, job);
	erc__device_end(&device->base, job, erc__now_ns());
	erc__cpu_count_queue(device);
}

void erc__cpu_finish(struct cpu_device *device, struct erc__job *job)
{
	end_job(device, job);
	erc__device_tell(&device->base);
}

int erc__cpu_has_work(struct erc__job *job)
{
	return erc__claim_left(&job->claim) && erc__sched_has_place(&job->item);
}

static int can_run(struct erc__item *item, void *user)
{
	(void)user;
	return erc__cpu_has_work(erc__job_of(item));
}

static struct erc__item *pick(struct cpu_device *device, uint32_t classes)
{
	return erc__sched_pick(&device->base.sched, classes, can_run, NULL);
}

/* The classes that the thread may serve; bits, ERC__CLASS. */
static uint32_t classes_of(const struct cpu_unit *unit)
{
	if (unit->apart)
		return ERC__CLASS(ERC_BEST_EFFORT);
	return erc__cpu_is_apart(unit->device) ? ERC__CLASS(ERC_REAL_TIME) : ERC__CLASSES;
}

static void take_local(struct cpu_unit *unit)
{
	if (!unit->local_next)
		return;
	erc__free(unit->local);
	unit->local = unit->local_next;
	unit->local_next = NULL;
}

int erc__cpu_enter(struct cpu_unit *unit, struct cpu_service *service)
{
	static const _Atomic uint32_t always_open;
	struct cpu_device *device = unit->device;
	struct erc__item *item;
	struct erc__pass pass;
	do
		item = pick(device, classes_of(unit));
	while (item && !erc__device_enter(&device->base, erc__job_of(item), unit->number, erc__now_ns(), &pass));
	if (!item)
		return 0;
	take_local(unit);
	bool is_be = item->tenant->class_ == ERC_BEST_EFFORT;
	*service = (struct cpu_service){
		.unit = unit,
		.job = erc__job_of(item),
		.pass = pass,
		.in_room = 1,
		.gate = unit->apart ? &unit->apart->closed
	            : is_be     ? &device->apart
	                        : &always_open,
		.queued = &device->queued[unit->apart ? ERC_BEST_EFFORT : ERC_REAL_TIME],
		.run = erc__job_of(item)->run,
	};
	return 1;
}

void erc__cpu_leave(struct cpu_service *s, uint64_t unit_ns, uint64_t now_ns)
{
	struct cpu_device *device = s->unit->device;
	device->base.tile_ns[s->job->item.tenant->class_] += s->unit->apart ? unit_ns : s->tile_ns;
	erc__device_leave(&device->base, s->job, s->unit->number, unit_ns, s->in_room, now_ns);
	if (!s->job->members)
		pthread_cond_broadcast(&device->retired);
}

/* ---- serving ---- */

static void end_run(struct cpu_service *s)
{
	struct cpu_device *device = s->unit->device;
	if (s->unit->apart) {
		s->is_over = 1;
		return;
	}
	pthread_mutex_lock(&device->base.lock);
	end_job(device, s->job);
	uint32_t others = atomic_load_explicit(s->queued, memory_order_relaxed);
	pthread_mutex_unlock(&device->base.lock);
	erc__device_tell(&device->base);
	if (others && atomic_load_explicit(&device->idle, memory_order_seq_cst)) /* rooms may have grown */
		erc__cpu_notify(device, UINT32_MAX);
}

static bool has_others(const struct cpu_device *device)
{
	return atomic_load_explicit(&device->queued[ERC_REAL_TIME], memory_order_relaxed) > 1 ||
	       atomic_load_explicit(&device->queued[ERC_BEST_EFFORT], memory_order_relaxed);
}

/* From this launch on, the run needs more units or fewer. */
static void change_limits(struct cpu_service *s)
{
	struct cpu_device *device = s->unit->device;
	pthread_mutex_lock(&device->base.lock);
	erc__sched_launch(&device->base.sched, &s->job->item, NULL, erc__now_ns());
	pthread_mutex_unlock(&device->base.lock);
	erc__cpu_notify(device, UINT32_MAX);
}

/* The open launch is complete: opens the next one, or ends the run. */
static void next_launch(struct cpu_service *s)
{
	struct cpu_device *device = s->unit->device;
	struct erc__job *job = s->job;
	struct erc__trace *trace = &device->base.trace;
	struct erc__opened opened;
	uint32_t tiles = erc__job_advance(job, &opened);
	if (tiles && erc__trace_is_on(trace))
		erc__device_trace_opened(&device->base, job, &opened, erc__now_ns());
	if (!tiles)
		end_run(s);
	else if (s->unit->apart)
		erc__apart_opened(s, tiles);
	else if (erc__sched_wants_change(&device->base.sched, &job->item, has_others(device)))
		change_limits(s);
	else if (tiles > 1 && atomic_load_explicit(&device->idle, memory_order_seq_cst) &&
	         erc__cpu_notify(device, tiles - 1) == s->seen)
		s->seen++; /* a unit does not need its own news */
}

static inline bool has_company(const struct cpu_service *s)
{
	return atomic_load_explicit(s->queued, memory_order_relaxed) > 1;
}

static inline bool is_over_quantum(const struct cpu_service *s)
{
	return has_company(s) && erc__now_ns() - s->began_ns > QUANTUM_NS;
}

/* The owner has submitted the job again before this thread left it. The thread holds a tile, so the run cannot end. */
static void begin_next_run(struct cpu_service *s)
{
	pthread_mutex_t *lock = &s->unit->device->base.lock;
	if (s->unit->apart) { /* whoever finishes the run reads this; counting the tile orders the two */
		s->run = s->job->run;
		s->resumed_ns = erc__now_ns();
		return;
	}
	pthread_mutex_lock(lock);
	s->run = s->job->run;
	erc__device_began(s->job, erc__now_ns());
	pthread_mutex_unlock(lock);
}

/* Checks the rooms, then the gate. If either says no, the thread has left both rooms. */
static inline bool may_stay(struct cpu_service *s)
{
	s->in_room = erc__sched_check(&s->job->item, s->pass);
	if (s->in_room && atomic_load_explicit(s->gate, memory_order_relaxed)) {
		erc__room_leave(&s->job->item.tenant->room);
		erc__room_leave(s->job->item.share);
		s->in_room = 0;
	}
	return s->in_room;
}

/* Room, claim, compute, until no tile of the launch is left, the room says leave, or, under a policy that preempts,
 * other work is more urgent. Returns the number of tiles computed. */
static inline uint32_t run_tiles(struct cpu_service *s)
{
	const struct erc__step *launch = NULL;
	int preempts = s->unit->device->base.sched.policy->preempts;
	uint64_t began_ns = 0;
	uint32_t tile, n = 0;
	while (may_stay(s) && !(preempts && is_over_quantum(s)) && erc__claim_take(&s->job->claim, &tile)) {
		if (!launch) {
			launch = s->job->launch; /* does not change, nor does the run, while this unit holds a tile */
			began_ns = s->unit->apart ? 0 : erc__now_ns();
			if (s->run != s->job->run)
				begin_next_run(s);
			erc__current = (struct erc__current){.job = s->job, .launch = launch, .unit = s->unit->number};
		}
		erc__current.tile = tile;
		launch->tile(&launch->args, tile, s->unit->local);
		n++;
	}
	erc__current.job = NULL;
	if (began_ns) {
		uint64_t ns = erc__now_ns() - began_ns;
		s->tile_ns += ns;
		if (s->job->item.tenant->shed) /* before the tiles count, because whoever ends the run reads it */
			atomic_fetch_add_explicit(&s->job->tile_ns, ns, memory_order_relaxed);
	}
	return n;
}

/* Whether the thread can serve no other job now. */
static bool is_alone(struct cpu_service *s)
{
	struct cpu_device *device = s->unit->device;
	pthread_mutex_lock(&device->base.lock);
	s->seen = atomic_load_explicit(&device->news, memory_order_seq_cst);
	int found = pick(device, classes_of(s->unit)) != NULL;
	pthread_mutex_unlock(&device->base.lock);
	return !found;
}

/* Whether another job may want the thread. A thread apart cannot find out; whoever reads its post does. */
static bool may_be_wanted(struct cpu_service *s)
{
	if (!has_company(s))
		return false;
	if (s->unit->apart)
		return true;
	if (s->may_rest && atomic_load_explicit(&s->unit->device->news, memory_order_relaxed) == s->seen)
		return false;
	s->may_rest = is_alone(s);
	return !s->may_rest;
}

/* All tiles are taken: waits for the job's next launch. Returns 0 if there is more urgent work. */
static int await_tiles(struct cpu_service *s)
{
	const struct cpu_device *device = s->unit->device;
	uint32_t turns = 0;
	uint64_t end_ns = 0;
	while (!erc__claim_left(&s->job->claim)) {
		if (may_be_wanted(s))
			return 0;
		if (atomic_load_explicit(&s->job->state, memory_order_relaxed) != ERC__JOB_RUNNING ||
		    !erc__cpu_spin(device, &turns, &end_ns))
			return 0;
		if (!may_stay(s))
			return 0;
	}
	return 1;
}

void erc__cpu_serve(struct cpu_service *s)
{
	const struct cpu_device *device = s->unit->device;
	for (;;) {
		uint32_t n = run_tiles(s);
		if (n && erc__claim_done(&s->job->claim, n))
			next_launch(s);
		if (!s->in_room || s->is_over || is_over_quantum(s))
			return;
		if (!s->unit->apart && has_company(s) && atomic_load_explicit(&device->news, memory_order_relaxed) != s->seen)
			return;
		if (!await_tiles(s))
			return;
	}
}
