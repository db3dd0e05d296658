/* The first thread of a unit. It picks a job under the lock, then serves it without the lock (cpu_serve.c). Units
 * without work spin briefly, then sleep on `news`. */
#include "runtime/devices/cpu.h"

#include <limits.h>

#if defined(__x86_64__)
void erc__cpu_float_mode(void)
{
	__builtin_ia32_ldmxcsr(0x1f80);
}
#elif defined(__aarch64__)
void erc__cpu_float_mode(void)
{
	__asm__ volatile("msr fpcr, xzr");
}
#else
void erc__cpu_float_mode(void)
{
}
#endif

/* ---- idle units ---- */

/* The increment and the read of `sleepers` are ordered against the sleeper's increment of `sleepers` and its read of
 * `news`. So one of the two sees the other. */
uint32_t erc__cpu_notify(struct cpu_device *device, uint32_t count)
{
	uint32_t before = atomic_fetch_add_explicit(&device->news, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&device->sleepers, memory_order_seq_cst))
		erc__futex_wake(&device->news, count > INT_MAX ? INT_MAX : (int)count);
	return before;
}

static void await_news(struct cpu_device *device, uint32_t seen, bool spins)
{
	uint32_t turns = 0;
	uint64_t end_ns = 0;
	while (atomic_load_explicit(&device->news, memory_order_relaxed) == seen) {
		if (spins && erc__cpu_spin(device, &turns, &end_ns))
			continue;
		atomic_fetch_add_explicit(&device->sleepers, 1, memory_order_seq_cst);
		while (atomic_load_explicit(&device->news, memory_order_seq_cst) == seen)
			erc__futex_wait(&device->news, seen, UINT64_MAX);
		atomic_fetch_sub_explicit(&device->sleepers, 1, memory_order_relaxed);
	}
}

/* ---- units ---- */

/* Tells other units about the work that this unit left, if any. */
static void pass_on(struct cpu_device *device, struct erc__job *last, const struct erc__job *now)
{
	if (!last || last == now || !last->item.is_queued || !erc__cpu_has_work(last))
		return;
	if (erc__cpu_is_apart(device) && last->item.tenant->class_ == ERC_BEST_EFFORT)
		erc__bell_ring(&device->bell);
	else
		erc__cpu_notify(device, erc__claim_left(&last->claim));
}

/* Releases the lock while it waits. After the end of a run some thread takes its result, and needs a core: where the units
 * hold all cores, it would have to wait for the end of their spinning, since the system lets threads run on for a while. */
static void rest(struct cpu_unit *unit, uint32_t seen, bool has_ended)
{
	struct cpu_device *device = unit->device;
	struct cpu_answered answered = {.count = 0};
	if (device->apart_count)
		erc__apart_open(unit, &answered);
	pthread_mutex_unlock(&device->base.lock);
	erc__apart_wake(&answered);
	await_news(device, seen, !has_ended || !device->fills_cores);
	pthread_mutex_lock(&device->base.lock);
}

void *erc__cpu_unit_main(void *argument)
{
	struct cpu_unit *unit = argument;
	struct cpu_device *device = unit->device;
	pthread_mutex_t *lock = &device->base.lock;
	struct erc__job *last = NULL; /* the job that the unit left just before this pick */
	bool has_ended = false;       /* its run had ended then */
	erc__cpu_float_mode();
	pthread_mutex_lock(lock);
	while (!device->is_closing) {
		struct cpu_service s = {.job = NULL};
		uint32_t seen = atomic_load_explicit(&device->news, memory_order_seq_cst);
		bool has_entered = erc__cpu_enter(unit, &s);
		pass_on(device, last, s.job);
		last = s.job;
		if (!has_entered) {
			rest(unit, seen, has_ended);
			has_ended = false;
			continue;
		}
		if (device->apart_count)
			erc__apart_close(unit);
		atomic_fetch_sub_explicit(&device->idle, 1, memory_order_relaxed);
		pthread_mutex_unlock(lock);
		s.seen = seen;
		s.began_ns = erc__now_ns();
		erc__cpu_serve(&s);
		pthread_mutex_lock(lock);
		uint64_t now_ns = erc__now_ns();
		has_ended = atomic_load_explicit(&s.job->state, memory_order_relaxed) != ERC__JOB_RUNNING;
		erc__cpu_leave(&s, now_ns - s.began_ns, now_ns);
		/* Before the next search of the queue, so that whoever opens a launch afterwards sees an idle unit. */
		atomic_fetch_add_explicit(&device->idle, 1, memory_order_seq_cst);
	}
	pthread_mutex_unlock(lock);
	return NULL;
}
