/* The CPU device: one thread per unit, pinned to a core. The only place of the runtime that
 * creates threads.
 *
 * A unit picks a job under the lock, then serves it without: room, claim, compute, launch
 * after launch. The unit that completes a launch opens the next one itself, so a run's path
 * from launch to launch crosses no lock and no other thread. Units with nothing to do spin
 * briefly, then sleep on `news`.
 *
 * Lock order: the runtime's lock before the device's; no lock is held while a tile runs. */
#include "cpu.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../futex.h"

#define SPIN_NS 50000     /* a unit waits so long for news before it sleeps */
#define QUANTUM_NS 500000 /* with several jobs queued, a unit looks for a better one at least this often */
#define MAX_UNITS 1024

struct cpu_unit {
	_Alignas(64) struct cpu_device *device;
	pthread_t thread;
	uint32_t number;
	void *local;      /* the unit's local memory */
	void *local_next; /* larger one, which the unit takes before it picks again; under the lock */
};

struct cpu_device {
	struct erc__device base;
	pthread_mutex_t lock;   /* guards what follows, and members of every job */
	pthread_cond_t retired; /* a job lost its last member */
	struct erc__sched sched;
	size_t local_bytes;
	int is_closing;

	struct cpu_unit *units;
	uint32_t started;       /* threads */
	uint64_t spin_ns;       /* 0 when units share cores: whoever spins would keep the other from working */

	_Alignas(64) _Atomic uint32_t queued; /* sched.count, for units that serve */
	_Alignas(64) _Atomic uint32_t news;   /* counts events that may concern an idle unit; units sleep on it */
	_Atomic uint32_t idle;                /* units that serve no job */
	_Atomic uint32_t sleepers;            /* of these, about to sleep or asleep */
};

/* ---- idle units ---- */

/* Something is there for up to `count` idle units. The increment and the look at `sleepers` are ordered
 * against the sleeper's increment of `sleepers` and its look at `news`: one of the two sees the other. */
static void notify(struct cpu_device *device, uint32_t count)
{
	atomic_fetch_add_explicit(&device->news, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&device->sleepers, memory_order_seq_cst))
		erc__futex_wake(&device->news, count > INT_MAX ? INT_MAX : (int)count);
}

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
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

static void finish_job(struct cpu_device *device, struct erc__job *job)
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
		notify(device, tiles - 1);
	if (tiles)
		return;
	pthread_mutex_lock(&device->lock);
	finish_job(device, job);
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

#if defined(__x86_64__)
/* A thread inherits the creator's floating-point mode; kernels are promised the default one. */
static void default_float_mode(void)
{
	__builtin_ia32_ldmxcsr(0x1f80);
}
#elif defined(__aarch64__)
static void default_float_mode(void)
{
	__asm__ volatile("msr fpcr, xzr");
}
#else
static void default_float_mode(void)
{
}
#endif

static void take_local(struct cpu_unit *unit)
{
	if (!unit->local_next)
		return;
	erc__free(unit->local);
	unit->local = unit->local_next;
	unit->local_next = NULL;
}

static void *unit_main(void *argument)
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
			notify(device, erc__claim_left(&last->claim));
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

/* ---- the device ---- */

static void cpu_submit(struct erc__device *base, struct erc__job *job)
{
	struct cpu_device *device = (struct cpu_device *)base;
	pthread_mutex_lock(&device->lock);
	erc__sched_add(&device->sched, &job->item, erc__now_ns(), job->deadline_us);
	atomic_store_explicit(&device->queued, device->sched.count, memory_order_relaxed);
	uint32_t tiles = erc__job_advance(job);
	if (!tiles)
		finish_job(device, job);
	pthread_mutex_unlock(&device->lock);
	if (tiles)
		notify(device, tiles);
}

static void cpu_cancel(struct erc__device *base, struct erc__job *job)
{
	struct cpu_device *device = (struct cpu_device *)base;
	pthread_mutex_lock(&device->lock);
	if (atomic_load(&job->state) == ERC__JOB_RUNNING && erc__job_cancel(job))
		finish_job(device, job);
	pthread_mutex_unlock(&device->lock);
}

static void cpu_retire(struct erc__device *base, struct erc__job *job)
{
	struct cpu_device *device = (struct cpu_device *)base;
	pthread_mutex_lock(&device->lock);
	while (job->members)
		pthread_cond_wait(&device->retired, &device->lock);
	pthread_mutex_unlock(&device->lock);
}

static void cpu_room_changed(struct erc__device *base)
{
	notify((struct cpu_device *)base, UINT32_MAX);
}

/* Allocates for all units first, chained through the blocks themselves, so that it takes effect for all or none. */
static enum erc_status cpu_reserve_local(struct erc__device *base, size_t bytes)
{
	struct cpu_device *device = (struct cpu_device *)base;
	enum erc_status status = ERC_OK;
	void *chain = NULL;
	pthread_mutex_lock(&device->lock);
	uint32_t missing = bytes > device->local_bytes ? base->units : 0;
	for (; missing; missing--) {
		void **block = erc__alloc_aligned(64, bytes);
		if (!block)
			break;
		*block = chain;
		chain = block;
	}
	if (missing)
		status = erc__no_memory("units' local memory", bytes);
	else if (chain)
		device->local_bytes = bytes;
	for (uint32_t i = 0; chain; i++) {
		void *block = chain;
		chain = *(void **)block;
		erc__free(missing ? block : device->units[i].local_next);
		if (!missing)
			device->units[i].local_next = block;
	}
	pthread_mutex_unlock(&device->lock);
	return status;
}

static void cpu_close(struct erc__device *base)
{
	struct cpu_device *device = (struct cpu_device *)base;
	pthread_mutex_lock(&device->lock);
	device->is_closing = 1;
	pthread_mutex_unlock(&device->lock);
	notify(device, UINT32_MAX);
	for (uint32_t i = 0; i < device->started; i++)
		pthread_join(device->units[i].thread, NULL);
	for (uint32_t i = 0; device->units && i < base->units; i++) {
		erc__free(device->units[i].local);
		erc__free(device->units[i].local_next);
	}
	pthread_cond_destroy(&device->retired);
	pthread_mutex_destroy(&device->lock);
	erc__free(device->units);
	erc__free(device);
}

static enum erc_status start_unit(struct cpu_device *device, uint32_t number, const cpu_set_t *core)
{
	struct cpu_unit *unit = &device->units[number];
	sigset_t all, old;
	pthread_attr_t attributes;
	char name[16];
	unit->device = device;
	unit->number = number;
	if (pthread_attr_init(&attributes))
		return erc__no_memory("thread attributes", sizeof(attributes));
	if (core)
		pthread_attr_setaffinity_np(&attributes, sizeof(*core), core);
	sigfillset(&all); /* signals are the application's business */
	pthread_sigmask(SIG_BLOCK, &all, &old);
	int error = pthread_create(&unit->thread, &attributes, unit_main, unit);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	if (error)
		return erc__fail(ERC_DEVICE, "cpu: cannot start unit %u: %s", number, strerror(error));
	snprintf(name, sizeof(name), "erc-cpu-%u", number);
	pthread_setname_np(unit->thread, name);
	device->started++;
	return ERC_OK;
}

/* The cores for the units in `list`, in order, at most `most`; 0 when the process's cores cannot be asked for. */
static uint32_t list_cores(uint32_t *list, uint32_t most)
{
	cpu_set_t set;
	uint32_t count = 0;
	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (uint32_t core = 0; core < CPU_SETSIZE && count < most; core++)
		if (CPU_ISSET(core, &set))
			list[count++] = core;
	return count;
}

static enum erc_status start_units(struct cpu_device *device, const uint32_t *cores, uint32_t core_count)
{
	cpu_set_t used;
	CPU_ZERO(&used);
	for (uint32_t i = 0; i < device->base.units && core_count; i++) {
		if (cores[i % core_count] >= CPU_SETSIZE)
			return erc__fail(ERC_INVALID, "cpu: core %u is out of range", cores[i % core_count]);
		CPU_SET(cores[i % core_count], &used);
	}
	device->spin_ns = (uint32_t)CPU_COUNT(&used) == device->base.units ? SPIN_NS : 0;
	atomic_init(&device->idle, device->base.units);
	for (uint32_t i = 0; i < device->base.units; i++) {
		cpu_set_t core;
		CPU_ZERO(&core);
		if (core_count)
			CPU_SET(cores[i % core_count], &core);
		TRY(start_unit(device, i, core_count ? &core : NULL));
	}
	return ERC_OK;
}

static enum erc_status cpu_open(const struct erc_runtime_options *options, struct erc__device **out)
{
	uint32_t own_cores[MAX_UNITS];
	uint32_t core_count = list_cores(own_cores, MAX_UNITS);
	uint32_t units = options->units ? options->units : core_count ? core_count : (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (!units || units > MAX_UNITS)
		return erc__fail(ERC_INVALID, "cpu: %u units, expected 1 to %d", units, MAX_UNITS);
	if (options->cores && !options->units)
		return erc__fail(ERC_INVALID, "cpu: cores are given, but not how many units");
	struct cpu_device *device = erc__alloc_aligned(64, sizeof(*device));
	if (!device)
		return erc__no_memory("cpu device", sizeof(*device));
	memset(device, 0, sizeof(*device));
	device->base.ops = &cpu_device; /* for close */
	device->base.units = units;
	device->base.target = erc__cpu_best_target();
	pthread_mutex_init(&device->lock, NULL);
	pthread_cond_init(&device->retired, NULL);
	erc__sched_init(&device->sched, erc__policy_find(NULL));
	device->units = erc__alloc_aligned(64, units * sizeof(*device->units));
	enum erc_status status = device->units ? ERC_OK : erc__no_memory("units", units * sizeof(*device->units));
	if (!status) {
		memset(device->units, 0, units * sizeof(*device->units));
		status = start_units(device, options->cores ? options->cores : own_cores, options->cores ? units : core_count);
	}
	if (status)
		cpu_close(&device->base);
	else
		*out = &device->base;
	return status;
}

const struct erc__device_ops cpu_device = {
	.name = "cpu",
	.flags = ERC__DEVICE_COMPUTES | ERC__DEVICE_ELASTIC,
	.open = cpu_open,
	.close = cpu_close,
	.can_run = erc__cpu_can_run,
	.image_load = erc__cpu_image_load,
	.image_unload = erc__cpu_image_unload,
	.kernel_find = erc__cpu_kernel_find,
	.reserve_local = cpu_reserve_local,
	.submit = cpu_submit,
	.cancel = cpu_cancel,
	.retire = cpu_retire,
	.room_changed = cpu_room_changed,
};
