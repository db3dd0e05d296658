/* A unit's thread: picks a job under the lock, then serves it without: room, claim,
 * compute, launch after launch. The unit that completes a launch opens the next one itself, so
 * the way from launch to launch crosses no lock and no other thread. Units with nothing
 * to do spin briefly, then sleep on `news`. */
#include "cpu.h"

#include <limits.h>
#include <stddef.h>

#include "../futex.h"

#define QUANTUM_NS 500000 /* with several jobs queued, a unit looks for a better one at least this often */

/* ---- the processor ---- */

/* relax: a hint inside a spin loop. default_float_mode: a thread inherits its creator's
 * floating-point mode, and kernels are promised the default one, with denormals. */
#if defined(__x86_64__)
static inline void relax(void)
{
	__builtin_ia32_pause();
}

static void default_float_mode(void)
{
	__builtin_ia32_ldmxcsr(0x1f80);
}
#elif defined(__aarch64__)
static inline void relax(void)
{
	__asm__ volatile("yield");
}

static void default_float_mode(void)
{
	__asm__ volatile("msr fpcr, xzr");
}
#else
static inline void relax(void)
{
}

static void default_float_mode(void)
{
}
#endif

/* ---- idle units ---- */

/* The increment and the look at `sleepers` are ordered against the sleeper's increment of
 * `sleepers` and its look at `news`: one of the two sees the other. */
void erc__cpu_notify(struct cpu_device *device, uint32_t count)
{
	atomic_fetch_add_explicit(&device->news, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&device->sleepers, memory_order_seq_cst))
		erc__futex_wake(&device->news, count > INT_MAX ? INT_MAX : (int)count);
}

/* One turn of a spin loop; 0 when the time is up. */
static inline int spin(const struct cpu_device *device, uint32_t *turns, uint64_t *end_ns)
{
	if (!device->spin_ns)
		return 0;
	relax();
	if (++*turns % 32)
		return 1;
	uint64_t now_ns = erc__now_ns();
	if (!*end_ns)
		*end_ns = now_ns + device->spin_ns;
	return now_ns < *end_ns;
}

static void await_news(struct cpu_device *device, uint32_t seen)
{
	uint32_t turns = 0;
	uint64_t end_ns = 0;
	while (atomic_load_explicit(&device->news, memory_order_relaxed) == seen) {
		if (spin(device, &turns, &end_ns))
			continue;
		atomic_fetch_add_explicit(&device->sleepers, 1, memory_order_seq_cst);
		while (atomic_load_explicit(&device->news, memory_order_seq_cst) == seen)
			erc__futex_wait(&device->news, seen, UINT64_MAX);
		atomic_fetch_sub_explicit(&device->sleepers, 1, memory_order_relaxed);
	}
}

/* ---- serving a job ---- */

void erc__cpu_finish(struct cpu_device *device, struct erc__job *job)
{
	erc__sched_remove(&device->sched, &job->item);
	atomic_store_explicit(&device->queued, device->sched.count, memory_order_relaxed);
	atomic_fetch_add_explicit(&device->base.jobs_run, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&device->base.launches_run, job->launches_run, memory_order_relaxed);
	atomic_fetch_add_explicit(&device->base.tiles_run, job->tiles_run, memory_order_relaxed);
	erc__job_finish(job);
}

/* The launch in hand is complete: on to the next, or to the end. */
static void next_launch(struct cpu_device *device, struct erc__job *job)
{
	uint32_t tiles = erc__job_advance(job);
	if (tiles > 1 && atomic_load_explicit(&device->idle, memory_order_seq_cst))
		erc__cpu_notify(device, tiles - 1);
	if (tiles)
		return;
	pthread_mutex_lock(&device->lock);
	erc__cpu_finish(device, job);
	pthread_mutex_unlock(&device->lock);
}

/* Room, claim, compute, until no tile of the launch is left or the room says leave. Returns the tiles computed. */
static inline uint32_t run_tiles(struct cpu_unit *unit, struct erc__job *job, uint32_t epoch, int *in_room)
{
	const struct erc__step *step = NULL;
	uint32_t tile, n = 0;
	while ((*in_room = erc__room_check(job->room, epoch)) && erc__claim_take(&job->claim, &tile)) {
		if (!step)
			step = &job->steps[job->step]; /* stands still: this unit holds a tile */
		step->tile(&step->args, tile, unit->local);
		n++;
	}
	return n;
}

/* All tiles are taken: waits for the next launch of the job. 0: there is something better to do. */
static int await_tiles(struct cpu_device *device, struct erc__job *job, uint32_t epoch, int *in_room)
{
	uint32_t turns = 0;
	uint64_t end_ns = 0;
	while (!erc__claim_left(&job->claim)) {
		if (atomic_load_explicit(&job->state, memory_order_relaxed) != ERC__JOB_RUNNING ||
		    atomic_load_explicit(&device->queued, memory_order_relaxed) > 1 || !spin(device, &turns, &end_ns))
			return 0;
		*in_room = erc__room_check(job->room, epoch);
		if (!*in_room)
			return 0;
	}
	return 1;
}

/* Returns whether the unit still has its place in the room. */
static int serve(struct cpu_unit *unit, struct erc__job *job, uint32_t epoch, uint64_t began_ns, uint32_t seen)
{
	struct cpu_device *device = unit->device;
	int in_room = 1;
	for (;;) {
		uint32_t n = run_tiles(unit, job, epoch, &in_room);
		if (n && erc__claim_done(&job->claim, n))
			next_launch(device, job);
		if (!in_room)
			return 0;
		if (atomic_load_explicit(&device->queued, memory_order_relaxed) > 1 &&
		    (atomic_load_explicit(&device->news, memory_order_relaxed) != seen || erc__now_ns() - began_ns > QUANTUM_NS))
			return 1;
		if (!await_tiles(device, job, epoch, &in_room))
			return in_room;
	}
}

/* ---- units ---- */

static int has_work(struct erc__item *item, void *user)
{
	struct erc__job *job = (struct erc__job *)((char *)item - offsetof(struct erc__job, item));
	(void)user;
	return erc__claim_left(&job->claim) && erc__room_has_place(job->room);
}

/* The best job with a tile and a place, which the unit has entered; NULL when there is none. */
static struct erc__job *enter_job(struct cpu_device *device, uint32_t *epoch)
{
	for (;;) {
		struct erc__item *item = erc__sched_pick(&device->sched, has_work, NULL);
		if (!item)
			return NULL;
		struct erc__job *job = (struct erc__job *)((char *)item - offsetof(struct erc__job, item));
		if (erc__room_enter(job->room, epoch)) {
			job->members++;
			return job;
		}
	}
}

static void leave_job(struct cpu_device *device, struct erc__job *job, int in_room, uint64_t unit_ns)
{
	if (in_room)
		erc__room_leave(job->room);
	erc__sched_charge(&job->item, unit_ns);
	if (!--job->members)
		pthread_cond_broadcast(&device->retired);
}

static void take_local(struct cpu_unit *unit)
{
	if (!unit->local_next)
		return;
	erc__free(unit->local);
	unit->local = unit->local_next;
	unit->local_next = NULL;
}

void *erc__cpu_unit_main(void *argument)
{
	struct cpu_unit *unit = argument;
	struct cpu_device *device = unit->device;
	struct erc__job *last = NULL; /* what the unit left just before this pick */
	default_float_mode();
	pthread_mutex_lock(&device->lock);
	while (!device->is_closing) {
		uint32_t epoch, seen = atomic_load_explicit(&device->news, memory_order_seq_cst);
		take_local(unit);
		struct erc__job *job = enter_job(device, &epoch);
		/* What this unit turned away from may be another's work. */
		if (last && last != job && last->item.next && has_work(&last->item, NULL))
			erc__cpu_notify(device, erc__claim_left(&last->claim));
		last = job;
		if (!job) {
			pthread_mutex_unlock(&device->lock);
			await_news(device, seen);
			pthread_mutex_lock(&device->lock);
			continue;
		}
		atomic_fetch_sub_explicit(&device->idle, 1, memory_order_relaxed);
		pthread_mutex_unlock(&device->lock);
		uint64_t began_ns = erc__now_ns();
		int in_room = serve(unit, job, epoch, began_ns, seen);
		uint64_t unit_ns = erc__now_ns() - began_ns;
		pthread_mutex_lock(&device->lock);
		leave_job(device, job, in_room, unit_ns);
		/* Before the next look at the queue: who opens a launch after it must see an idle unit. */
		atomic_fetch_add_explicit(&device->idle, 1, memory_order_seq_cst);
	}
	pthread_mutex_unlock(&device->lock);
	return NULL;
}
