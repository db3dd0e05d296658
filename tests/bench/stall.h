/* How long the machine itself stalls threads: a thread on each core of the process sleeps a millisecond at a time and
 * records how late it wakes. Other work that the kernel runs first counts too, so compare figures within one run
 * only. */
#ifndef ERC_BENCH_STALL_H
#define ERC_BENCH_STALL_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#define STALL_CORES 64
#define STALL_LOOK_NS 1000000
#define STALL_LATE_NS 200000 /* a thread that wakes later than this was stalled */

struct stalls {
	uint64_t count;
	uint64_t sum_ns, most_ns;
	uint64_t watched_ns; /* summed over the cores */
};

struct stall_probe {
	uint32_t count; /* of threads */
	struct stall_thread {
		pthread_t thread;
		uint32_t core;
		_Atomic int is_over;
		struct stalls stalls;
	} threads[STALL_CORES];
};

static inline uint64_t stall_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void stall_sleep_until(uint64_t when_ns)
{
	struct timespec when = {(time_t)(when_ns / 1000000000u), (long)(when_ns % 1000000000u)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL))
		;
}

static inline void *stall_main(void *argument)
{
	struct stall_thread *self = argument;
	struct stalls *stalls = &self->stalls;
	cpu_set_t core;
	uint64_t began_ns = stall_now_ns();
	CPU_ZERO(&core);
	CPU_SET(self->core, &core);
	pthread_setaffinity_np(pthread_self(), sizeof core, &core);
	while (!atomic_load_explicit(&self->is_over, memory_order_relaxed)) {
		uint64_t due_ns = stall_now_ns() + STALL_LOOK_NS, late_ns;
		stall_sleep_until(due_ns);
		late_ns = stall_now_ns() - due_ns;
		if (late_ns <= STALL_LATE_NS)
			continue;
		stalls->count++;
		stalls->sum_ns += late_ns;
		stalls->most_ns = late_ns > stalls->most_ns ? late_ns : stalls->most_ns;
	}
	stalls->watched_ns = stall_now_ns() - began_ns;
	return NULL;
}

/* probe: zeroed. Threads that cannot be started are left out. */
static inline void stall_start(struct stall_probe *probe)
{
	cpu_set_t cores;
	sched_getaffinity(0, sizeof cores, &cores);
	for (uint32_t core = 0; core < CPU_SETSIZE && probe->count < STALL_CORES; core++) {
		if (!CPU_ISSET(core, &cores))
			continue;
		struct stall_thread *self = &probe->threads[probe->count];
		self->core = core;
		probe->count += !pthread_create(&self->thread, NULL, stall_main, self);
	}
}

/* Ends the threads; returns the sums over all of them. */
static inline struct stalls stall_end(struct stall_probe *probe)
{
	struct stalls all = {0};
	for (uint32_t i = 0; i < probe->count; i++)
		atomic_store_explicit(&probe->threads[i].is_over, 1, memory_order_relaxed);
	for (uint32_t i = 0; i < probe->count; i++) {
		const struct stalls *one = &probe->threads[i].stalls;
		pthread_join(probe->threads[i].thread, NULL);
		all.count += one->count;
		all.sum_ns += one->sum_ns;
		all.most_ns = one->most_ns > all.most_ns ? one->most_ns : all.most_ns;
		all.watched_ns += one->watched_ns;
	}
	return all;
}

#endif
