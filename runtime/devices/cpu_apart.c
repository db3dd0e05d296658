/* The second threads of units. They serve best-effort work while a runtime has real-time sessions, and leave their
 * cores to whoever else wants them. Such a thread takes no lock and allocates no memory. After it has sent a post,
 * another thread does for it what needs a lock or memory: the clerk, which has ordinary priority, or one that holds
 * the lock at that moment. Between posts a second thread goes from launch to launch by itself. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "runtime/devices/cpu.h"

/* ---- leaving the cores to others ---- */

enum { LOW_IDLE, LOW_NICE, LOW_NOT };

/* Lowers the priority of thread `tid`; 0: the calling thread. */
static int lower(pid_t tid)
{
	if (!sched_setscheduler(tid, SCHED_IDLE, &(struct sched_param){.sched_priority = 0}))
		return LOW_IDLE;
	return setpriority(PRIO_PROCESS, (id_t)tid, 19) ? LOW_NOT : LOW_NICE;
}

/* Needs a privilege; without it the thread's priority stays low. */
static void raise_again(const struct cpu_device *device, pid_t tid)
{
	if (device->low == LOW_IDLE)
		sched_setscheduler(tid, SCHED_OTHER, &(struct sched_param){.sched_priority = 0});
	else if (device->low == LOW_NICE)
		setpriority(PRIO_PROCESS, (id_t)tid, device->nice);
}

static void set_cores(pid_t tid, const cpu_set_t *cores, bool are_known)
{
	if (are_known)
		sched_setaffinity(tid, sizeof *cores, cores);
}

static void help_one(const struct cpu_device *device, struct cpu_apart *apart)
{
	pid_t tid = (pid_t)atomic_load_explicit(&apart->tid, memory_order_relaxed);
	set_cores(tid, &device->own_cores, device->has_cores);
	raise_again(device, tid);
	atomic_store_explicit(&apart->is_helped, 1, memory_order_seq_cst);
}

void erc__apart_restore(struct cpu_apart *apart)
{
	const struct cpu_device *device = apart->unit.device;
	if (!atomic_load_explicit(&apart->is_helped, memory_order_relaxed) || !atomic_exchange(&apart->is_helped, 0))
		return;
	set_cores(0, &device->cores, device->has_cores);
	lower(0);
}

/* One thread at a time, because the system calls are made without the lock. */
void erc__apart_help(struct cpu_device *device, const struct erc__job *job)
{
	for (uint32_t i = 0, serves = 1; serves; i++) {
		pthread_mutex_lock(&device->base.lock);
		while (i < device->apart_count && device->aparts[i].job != job)
			i++;
		serves = i < device->apart_count;
		pthread_mutex_unlock(&device->base.lock);
		if (serves)
			help_one(device, &device->aparts[i]);
	}
}

/* ---- posts, under the lock ---- */

static bool is_waiting(const struct cpu_apart *apart)
{
	return apart->is_parked && !atomic_load_explicit(&apart->closed, memory_order_relaxed);
}

static void count_waiting(struct cpu_apart *apart, int before)
{
	if (is_waiting(apart) != before)
		atomic_fetch_add_explicit(&apart->unit.device->waiting, before ? UINT32_MAX : 1, memory_order_seq_cst);
}

static void park(struct cpu_apart *apart, int parked)
{
	int before = is_waiting(apart);
	apart->is_parked = parked;
	count_waiting(apart, before);
}

static void set_closed(struct cpu_apart *apart, uint32_t closed)
{
	int before = is_waiting(apart);
	atomic_store_explicit(&apart->closed, closed, memory_order_relaxed);
	count_waiting(apart, before);
}

static void note_begun(struct cpu_service *service)
{
	if (service->resumed_ns && service->run == service->job->run && service->job->item.is_queued)
		erc__device_began(service->job, service->resumed_ns);
	service->resumed_ns = 0;
}

/* A thread that holds a tile of a later run writes its note before the tile counts. So nobody writes to the notes of
 * a run whose last tile has been counted. */
void erc__apart_note_begun(struct cpu_device *device, struct erc__job *job)
{
	for (uint32_t i = 0; i < device->apart_count; i++)
		if (device->aparts[i].job == job)
			note_begun(&device->aparts[i].service);
}

static void read_report(struct cpu_apart *apart)
{
	struct cpu_service *service = &apart->service;
	struct cpu_device *device = apart->unit.device;
	if (apart->job) {
		if (service->is_over)
			erc__cpu_finish(device, apart->job);
		else
			note_begun(service);
		apart->job = NULL;
		erc__cpu_leave(service, service->unit_ns, erc__now_ns());
		/* The last real-time session was destroyed while this thread served. The first threads take over its job and
		 * the jobs that waited for its place. */
		if (!erc__cpu_is_apart(device) && device->base.sched.count)
			erc__cpu_notify(device, UINT32_MAX);
	}
	park(apart, 1);
}

/* Returns whether there was a job for it. The thread counts as waiting while the queue is searched, so whoever opens
 * a launch after that sees it. */
static int find_job(struct cpu_apart *apart, struct cpu_answered *answered)
{
	if (!is_waiting(apart) || !erc__cpu_enter(&apart->unit, &apart->service))
		return 0;
	apart->job = apart->service.job;
	park(apart, 0);
	erc__post_answer(&apart->post);
	answered->apart[answered->count++] = apart;
	return 1;
}

int erc__apart_answer(struct cpu_device *device, uint32_t max, struct cpu_answered *answered)
{
	const uint32_t places = sizeof answered->apart / sizeof answered->apart[0];
	for (uint32_t i = 0; i < device->apart_count; i++)
		if (!device->aparts[i].is_parked && erc__post_is_sent(&device->aparts[i].post))
			read_report(&device->aparts[i]);
	for (uint32_t i = 0; i < device->apart_count && max; i++) {
		if (answered->count == places)
			return 1;
		max -= (uint32_t)find_job(&device->aparts[i], answered);
	}
	return 0;
}

void erc__apart_wake(const struct cpu_answered *answered)
{
	for (uint32_t i = 0; i < answered->count; i++)
		erc__post_wake(&answered->apart[i]->post);
}

void erc__apart_open(struct cpu_unit *unit, struct cpu_answered *answered)
{
	struct cpu_apart *apart = &unit->device->aparts[unit->number];
	set_closed(apart, atomic_load_explicit(&apart->closed, memory_order_relaxed) & ~CPU_CLOSED_BUSY);
	if (!apart->is_parked && erc__post_is_sent(&apart->post))
		read_report(apart);
	find_job(apart, answered);
}

void erc__apart_close(struct cpu_unit *unit)
{
	struct cpu_apart *apart = &unit->device->aparts[unit->number];
	set_closed(apart, atomic_load_explicit(&apart->closed, memory_order_relaxed) | CPU_CLOSED_BUSY);
}

/* ---- the clerk ---- */

static void *clerk_main(void *argument)
{
	struct cpu_device *device = argument;
	for (bool is_closing = false; !is_closing;) {
		struct cpu_answered answered = {.count = 0};
		uint32_t heard = erc__bell_listen(&device->bell);
		pthread_mutex_lock(&device->base.lock);
		is_closing = device->is_closing;
		int more = !is_closing && erc__apart_answer(device, UINT32_MAX, &answered);
		pthread_mutex_unlock(&device->base.lock);
		erc__apart_wake(&answered);
		if (!more && !is_closing)
			erc__bell_await(&device->bell, heard);
	}
	return NULL;
}

/* ---- the threads ---- */

/* A launch is opened before `waiting` is read; a parked thread is counted before the queue is searched. So one of
 * the two sees the other. */
void erc__apart_opened(struct cpu_service *service, uint32_t tiles)
{
	struct cpu_apart *apart = service->unit->apart;
	struct cpu_device *device = apart->unit.device;
	erc__apart_restore(apart);
	if (tiles > 1 && atomic_load_explicit(&device->waiting, memory_order_seq_cst) &&
	    erc__sched_has_place(&service->job->item))
		erc__bell_ring(&device->bell);
}

static uint64_t processor_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *apart_main(void *argument)
{
	struct cpu_apart *apart = argument;
	struct cpu_service *service = &apart->service;
	erc__cpu_float_mode();
	atomic_store_explicit(&apart->tid, (uint32_t)syscall(SYS_gettid), memory_order_release);
	erc__futex_wake(&apart->tid, 1);
	for (;;) {
		erc__post_await(&apart->post);
		if (!service->job)
			return NULL;
		uint64_t began_ns = processor_ns();
		service->began_ns = erc__now_ns();
		erc__cpu_serve(service);
		service->unit_ns = processor_ns() - began_ns;
		erc__post_send(&apart->post);
		erc__bell_ring(&apart->unit.device->bell);
		erc__apart_restore(apart);
	}
}

/* ---- starting and ending ---- */

static enum erc_status make_aparts(struct cpu_device *device)
{
	uint32_t units = device->base.units;
	struct cpu_apart *aparts = erc__alloc_aligned(_Alignof(struct cpu_apart), units * sizeof *aparts);
	if (!aparts)
		return erc__no_memory("units' second threads", units * sizeof *aparts);
	memset(aparts, 0, units * sizeof *aparts);
	for (uint32_t i = 0; i < units; i++) {
		struct cpu_apart *apart = &aparts[i];
		apart->unit = (struct cpu_unit){.device = device, .number = units + i, .apart = apart};
		apart->is_parked = 1;
		atomic_init(&apart->closed, CPU_CLOSED_OFF);
		erc__post_init(&apart->post);
	}
	pthread_mutex_lock(&device->base.lock);
	device->aparts = aparts;
	device->apart_count = units;
	enum erc_status status = device->local_bytes ? erc__cpu_reserve(device, units, units, device->local_bytes) : ERC_OK;
	if (status) {
		device->aparts = NULL;
		device->apart_count = 0;
	}
	pthread_mutex_unlock(&device->base.lock);
	if (status)
		erc__free(aparts);
	return status;
}

/* A new thread has ordinary priority until it is lowered here. */
static enum erc_status start_apart(struct cpu_device *device, struct cpu_apart *apart)
{
	char name[24];
	snprintf(name, sizeof name, "erc-be-%u", apart->unit.number - device->base.units);
	int error = erc__cpu_start(&apart->unit.thread, apart_main, apart, name, device->has_cores ? &device->cores : NULL);
	if (error)
		return erc__fail(ERC_DEVICE, "cpu: cannot start a second thread of a unit: %s", strerror(error));
	device->aparts_started++;
	while (!atomic_load_explicit(&apart->tid, memory_order_acquire))
		erc__futex_wait(&apart->tid, 0, UINT64_MAX);
	device->low = lower((pid_t)atomic_load(&apart->tid));
	return ERC_OK;
}

static void log_low(const struct cpu_device *device)
{
	static const char *const texts[] = {
		[LOW_IDLE] = "best-effort threads run when nothing else wants their cores (SCHED_IDLE)",
		[LOW_NICE] = "best-effort threads run at nice 19: the system refuses SCHED_IDLE",
		[LOW_NOT] =
			"best-effort work competes with the application for cores: the system refuses SCHED_IDLE and nice 19",
	};
	erc__cpu_log(device, device->low == LOW_IDLE ? ERC_LOG_INFO : ERC_LOG_WARNING, "cpu: %s", texts[device->low]);
}

/* After a failure the next call continues where this one stopped. */
static enum erc_status start_aparts(struct cpu_device *device)
{
	if (device->aparts_started == device->base.units)
		return ERC_OK;
	device->nice = getpriority(PRIO_PROCESS, 0);
	if (!device->aparts)
		TRY(make_aparts(device));
	if (!device->is_clerk_started) {
		int error = erc__cpu_start(&device->clerk, clerk_main, device, "erc-clerk", NULL);
		if (error)
			return erc__fail(ERC_DEVICE, "cpu: cannot start the clerk of the units' second threads: %s",
			                 strerror(error));
		device->is_clerk_started = 1;
	}
	while (device->aparts_started < device->base.units)
		TRY(start_apart(device, &device->aparts[device->aparts_started]));
	log_low(device);
	return ERC_OK;
}

/* Sets all rooms and gates together. Threads that serve best-effort work leave it at their next tile boundary. */
static void set_apart(struct cpu_device *device, bool is_apart)
{
	atomic_store_explicit(&device->apart, (uint32_t)is_apart, memory_order_relaxed);
	erc__sched_set_apart(&device->base.sched, is_apart, erc__now_ns());
	erc__cpu_count_queue(device);
	for (uint32_t i = 0; i < device->apart_count; i++) {
		struct cpu_apart *apart = &device->aparts[i];
		uint32_t closed = atomic_load_explicit(&apart->closed, memory_order_relaxed);
		set_closed(apart, is_apart ? closed & ~CPU_CLOSED_OFF : closed | CPU_CLOSED_OFF);
	}
}

/* Sets whether the first threads serve real-time work only, at its priority, or all work. */
static void set_fifo(struct cpu_device *device, bool is_apart)
{
	struct sched_param parameter = {.sched_priority = is_apart ? (int)device->rt_os_priority : 0};
	for (uint32_t i = 0; device->rt_os_priority && i < device->base.units; i++) {
		int error = pthread_setschedparam(device->units[i].thread, is_apart ? SCHED_FIFO : SCHED_OTHER, &parameter);
		if (!error)
			continue;
		erc__cpu_log(device, ERC_LOG_WARNING,
		             "cpu: the system refuses SCHED_FIFO at priority %u (%s): real-time work runs on "
		             "ordinary threads",
		             device->rt_os_priority, strerror(error));
		return;
	}
}

enum erc_status erc__apart_real_time(struct erc__device *base, int change)
{
	struct cpu_device *device = (struct cpu_device *)base;
	enum erc_status status = ERC_OK;
	if (!base->sched.policy->preempts)
		return ERC_OK; /* the other policies are for comparison and use the same threads for both classes */
	pthread_mutex_lock(&device->starting);
	if (change > 0)
		status = start_aparts(device);
	if (!status) {
		pthread_mutex_lock(&base->lock);
		device->rt_sessions += (uint32_t)change;
		bool is_apart = device->rt_sessions && device->low != LOW_NOT,
			 has_changed = is_apart != erc__cpu_is_apart(device);
		if (has_changed)
			set_apart(device, is_apart);
		pthread_mutex_unlock(&base->lock);
		if (has_changed) {
			set_fifo(device, is_apart);
			erc__bell_ring(&device->bell);
			erc__cpu_notify(device, UINT32_MAX);
		}
	}
	pthread_mutex_unlock(&device->starting);
	return status;
}

void erc__apart_end(struct cpu_device *device)
{
	struct cpu_apart *aparts = device->aparts;
	pthread_mutex_lock(&device->base.lock);
	for (uint32_t i = 0; i < device->aparts_started; i++) {
		aparts[i].service.job = NULL;
		erc__post_answer(&aparts[i].post);
	}
	pthread_mutex_unlock(&device->base.lock);
	for (uint32_t i = 0; i < device->aparts_started; i++) {
		help_one(device, &aparts[i]);
		erc__post_wake(&aparts[i].post);
		pthread_join(aparts[i].unit.thread, NULL);
	}
	erc__bell_ring(&device->bell);
	if (device->is_clerk_started)
		pthread_join(device->clerk, NULL);
	for (uint32_t i = 0; i < device->apart_count; i++) {
		erc__free(aparts[i].unit.local);
		erc__free(aparts[i].unit.local_next);
	}
	erc__free(aparts);
}
