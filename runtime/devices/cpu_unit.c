/* A unit's thread: picks a job under the lock, then serves it without: room, claim,
 * compute, launch after launch. The unit that completes a launch opens the next one itself, so
 * the way from launch to launch crosses no lock and no other thread. Units with nothing
 * to do spin briefly, then sleep on `news`. */
#include "cpu.h"

#include <limits.h>

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
uint32_t erc__cpu_notify(struct cpu_device *device, uint32_t count)
{
	uint32_t before = atomic_fetch_add_explicit(&device->news, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&device->sleepers, memory_order_seq_cst))
		erc__futex_wake(&device->news, count > INT_MAX ? INT_MAX : (int)count);
	return before;
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
	erc__device_finish(&device->base, job, erc__now_ns());
	atomic_store_explicit(&device->queued, device->base.sched.count, memory_order_relaxed);
}

/* One unit's service of one job: what it looks at between tiles. */
struct service {
	struct cpu_unit *unit;
	struct erc__job *job;
	struct erc__pass pass;
	uint64_t began_ns;
	uint32_t run;     /* of the job, which the unit has entered */
	uint32_t seen;    /* of news, when the job was the best one */
	int may_rest;     /* nothing else was to be had at `seen` */
	int in_room;
};

/* The launch in hand is complete: on to the next, or to the end. */
static void next_launch(struct service *s)
{
	struct cpu_device *device = s->unit->device;
	struct erc__job *job = s->job;
	struct erc__trace *trace = &device->base.trace;
	uint32_t record, others, tiles = erc__job_advance(job, &record);
	if (tiles && erc__trace_is_on(trace))
		erc__trace_append(trace, ERC__EVENT_LAUNCH, erc__now_ns(), job->session_id, UINT32_MAX, record);
	if (tiles > 1 && atomic_load_explicit(&device->idle, memory_order_seq_cst) && erc__cpu_notify(device, tiles - 1) == s->seen)
		s->seen++; /* its own news is none to this unit */
	if (tiles)
		return;
	pthread_mutex_lock(&device->base.lock);
	erc__cpu_finish(device, job);
	others = device->base.sched.count;
	pthread_mutex_unlock(&device->base.lock);
	if (others && atomic_load_explicit(&device->idle, memory_order_seq_cst)) /* rooms may have grown */
		erc__cpu_notify(device, UINT32_MAX);
}

static inline int has_company(const struct cpu_device *device)
{
	return atomic_load_explicit(&device->queued, memory_order_relaxed) > 1;
}

static inline int is_over_quantum(const struct service *s)
{
	return has_company(s->unit->device) && erc__now_ns() - s->began_ns > QUANTUM_NS;
}

/* The owner was quick: the job runs again before this unit had left it. The unit holds a tile, so the run cannot end. */
static void begin_next_run(struct service *s)
{
	pthread_mutex_t *lock = &s->unit->device->base.lock;
	pthread_mutex_lock(lock);
	s->run = s->job->run;
	erc__device_began(s->job, erc__now_ns());
	pthread_mutex_unlock(lock);
}

/* Room, claim, compute, until no tile of the launch is left, the room says leave, or, where the policy preempts,
 * it is another's turn. Returns the tiles computed. */
static inline uint32_t run_tiles(struct service *s)
{
	const struct erc__step *launch = NULL;
	int preempts = s->unit->device->base.sched.policy->preempts;
	uint32_t tile, n = 0;
	while ((s->in_room = erc__sched_check(&s->job->item, s->pass)) && !(preempts && is_over_quantum(s)) &&
	       erc__claim_take(&s->job->claim, &tile)) {
		if (!launch) {
			launch = s->job->launch; /* stands still, as the run does: this unit holds a tile */
			if (s->run != s->job->run)
				begin_next_run(s);
		}
		launch->tile(&launch->args, tile, s->unit->local);
		n++;
	}
	return n;
}

static int has_work(struct erc__item *item, void *user)
{
	(void)user;
	return erc__claim_left(&erc__job_of(item)->claim) && erc__sched_has_place(item);
}

/* Nothing else is to be had just now. */
static int is_alone(struct service *s)
{
	struct cpu_device *device = s->unit->device;
	pthread_mutex_lock(&device->base.lock);
	s->seen = atomic_load_explicit(&device->news, memory_order_seq_cst);
	int found = erc__sched_pick(&device->base.sched, has_work, device) != NULL;
	pthread_mutex_unlock(&device->base.lock);
	return !found;
}

/* All tiles are taken: waits for the next launch of the job. 0: there is something better to do. */
static int await_tiles(struct service *s)
{
	struct cpu_device *device = s->unit->device;
	uint32_t turns = 0;
	uint64_t end_ns = 0;
	while (!erc__claim_left(&s->job->claim)) {
		if (has_company(device) && (!s->may_rest || atomic_load_explicit(&device->news, memory_order_relaxed) != s->seen)) {
			if (!is_alone(s))
				return 0;
			s->may_rest = 1;
		}
		if (atomic_load_explicit(&s->job->state, memory_order_relaxed) != ERC__JOB_RUNNING || !spin(device, &turns, &end_ns))
			return 0;
		s->in_room = erc__sched_check(&s->job->item, s->pass);
		if (!s->in_room)
			return 0;
	}
	return 1;
}

static void serve(struct service *s)
{
	const struct cpu_device *device = s->unit->device;
	for (;;) {
		uint32_t n = run_tiles(s);
		if (n && erc__claim_done(&s->job->claim, n))
			next_launch(s);
		if (!s->in_room || is_over_quantum(s))
			return;
		if (has_company(device) && atomic_load_explicit(&device->news, memory_order_relaxed) != s->seen)
			return;
		if (!await_tiles(s))
			return;
	}
}

/* ---- units ---- */

/* The best job with a tile and a place, which the unit has entered; NULL when there is none. */
static struct erc__job *enter_job(struct cpu_unit *unit, struct erc__pass *pass)
{
	struct cpu_device *device = unit->device;
	for (;;) {
		struct erc__item *item = erc__sched_pick(&device->base.sched, has_work, device);
		if (!item)
			return NULL;
		if (erc__device_enter(&device->base, erc__job_of(item), unit->number, erc__now_ns(), pass))
			return erc__job_of(item);
	}
}

static void leave_job(struct service *s)
{
	struct cpu_device *device = s->unit->device;
	uint64_t now_ns = erc__now_ns();
	erc__device_leave(&device->base, s->job, s->unit->number, now_ns - s->began_ns, s->in_room, now_ns);
	if (!s->job->members)
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
	pthread_mutex_t *lock = &device->base.lock;
	struct erc__job *last = NULL; /* what the unit left just before this pick */
	default_float_mode();
	pthread_mutex_lock(lock);
	while (!device->is_closing) {
		struct service s = { .unit = unit, .in_room = 1 };
		s.seen = atomic_load_explicit(&device->news, memory_order_seq_cst);
		take_local(unit);
		s.job = enter_job(unit, &s.pass);
		/* What this unit turned away from may be another's work. */
		if (last && last != s.job && last->item.is_queued && has_work(&last->item, device))
			erc__cpu_notify(device, erc__claim_left(&last->claim));
		last = s.job;
		if (!s.job) {
			pthread_mutex_unlock(lock);
			await_news(device, s.seen);
			pthread_mutex_lock(lock);
			continue;
		}
		atomic_fetch_sub_explicit(&device->idle, 1, memory_order_relaxed);
		s.run = s.job->run;
		pthread_mutex_unlock(lock);
		s.began_ns = erc__now_ns();
		serve(&s);
		pthread_mutex_lock(lock);
		leave_job(&s);
		/* Before the next look at the queue: who opens a launch after it must see an idle unit. */
		atomic_fetch_add_explicit(&device->idle, 1, memory_order_seq_cst);
	}
	pthread_mutex_unlock(lock);
	return NULL;
}
