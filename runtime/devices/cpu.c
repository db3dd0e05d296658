/* The CPU device: one thread per unit, pinned to a core, and a second one per unit while there are real-time
 * sessions (cpu_apart.c). The runtime creates threads only here, and one in cuda.c. cpu_unit.c is what a unit does.
 *
 * Lock order: `starting` or the runtime's lock before the device's. No lock is held while a tile runs. A second
 * thread never takes a lock. */
#include "runtime/devices/cpu.h"
#include "runtime/devices/cpu_limits.h"
#include "runtime/base/thread.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SPIN_NS 50000 /* a unit spins for this long before it sleeps */

static enum erc_status cpu_submit(struct erc__device *base, struct erc__job *job, uint64_t arrival_ns)
{
	struct cpu_device *device = (struct cpu_device *)base;
	struct cpu_answered answered = {.count = 0};
	uint32_t tiles = 0;
	pthread_mutex_lock(&base->lock);
	bool is_apart = erc__cpu_is_apart(device) && job->item.tenant->class_ == ERC_BEST_EFFORT;
	enum erc_status status = erc__device_queue(base, job, arrival_ns, erc__now_ns());
	if (!status) {
		tiles = erc__job_advance(job, NULL);
		if (!tiles)
			erc__cpu_finish(device, job);
		erc__cpu_count_queue(device);
		if (is_apart && tiles && erc__apart_answer(device, tiles, &answered))
			erc__bell_ring(&device->bell);
	}
	pthread_mutex_unlock(&base->lock);
	erc__apart_wake(&answered);
	if (tiles && !is_apart)
		erc__cpu_notify(device, tiles);
	return status;
}

static void cpu_cancel(struct erc__device *base, struct erc__job *job)
{
	struct cpu_device *device = (struct cpu_device *)base;
	bool is_over = false;
	pthread_mutex_lock(&base->lock);
	int runs = atomic_load(&job->state) == ERC__JOB_RUNNING;
	if (runs && erc__job_cancel(job)) {
		erc__cpu_finish(device, job);
		is_over = base->sched.count != 0;
		runs = 0;
	}
	pthread_mutex_unlock(&base->lock);
	if (is_over)
		erc__cpu_notify(device, UINT32_MAX);
	if (runs && job->item.tenant->class_ == ERC_BEST_EFFORT)
		erc__apart_help(device, job); /* some of its tiles may be running, or stopped by the system */
}

static void cpu_retire(struct erc__device *base, struct erc__job *job)
{
	struct cpu_device *device = (struct cpu_device *)base;
	pthread_mutex_lock(&base->lock);
	if (job->members && job->item.tenant->class_ == ERC_BEST_EFFORT) {
		pthread_mutex_unlock(&base->lock);
		erc__apart_help(device, job);
		pthread_mutex_lock(&base->lock);
	}
	while (job->members)
		pthread_cond_wait(&device->retired, &base->lock);
	pthread_mutex_unlock(&base->lock);
}

static void cpu_room_changed(struct erc__device *base)
{
	struct cpu_device *device = (struct cpu_device *)base;
	erc__cpu_notify(device, UINT32_MAX);
	erc__bell_ring(&device->bell);
}

struct cpu_unit *erc__cpu_unit_at(struct cpu_device *device, uint32_t n)
{
	return n < device->base.units ? &device->units[n] : &device->aparts[n - device->base.units].unit;
}

/* Allocates the memory of all units before any of it is used, chained through the blocks themselves. So it succeeds
 * for all units or for none. */
enum erc_status erc__cpu_reserve(struct cpu_device *device, uint32_t first, uint32_t count, size_t bytes)
{
	void *chain = NULL;
	uint32_t missing = count;
	for (; missing; missing--) {
		void **block = erc__alloc_aligned(64, bytes);
		if (!block)
			break;
		*block = chain;
		chain = block;
	}
	for (uint32_t i = first; chain; i++) {
		void *block = chain;
		chain = *(void **)block;
		erc__free(missing ? block : erc__cpu_unit_at(device, i)->local_next);
		if (!missing)
			erc__cpu_unit_at(device, i)->local_next = block;
	}
	return missing ? erc__no_memory("units' local memory", bytes) : ERC_OK;
}

static enum erc_status cpu_reserve_local(struct erc__device *base, size_t bytes)
{
	struct cpu_device *device = (struct cpu_device *)base;
	enum erc_status status = ERC_OK;
	pthread_mutex_lock(&base->lock);
	if (bytes > device->local_bytes) {
		status = erc__cpu_reserve(device, 0, base->units + device->apart_count, bytes);
		if (!status)
			device->local_bytes = bytes;
	}
	pthread_mutex_unlock(&base->lock);
	return status;
}

static void cpu_close(struct erc__device *base)
{
	struct cpu_device *device = (struct cpu_device *)base;
	pthread_mutex_lock(&base->lock);
	device->is_closing = 1;
	pthread_mutex_unlock(&base->lock);
	erc__cpu_notify(device, UINT32_MAX);
	for (uint32_t i = 0; i < device->started; i++)
		pthread_join(device->units[i].thread, NULL);
	erc__apart_end(device);
	for (uint32_t i = 0; device->units && i < base->units; i++) {
		erc__free(device->units[i].local);
		erc__free(device->units[i].local_next);
	}
	pthread_cond_destroy(&device->retired);
	pthread_mutex_destroy(&device->starting);
	erc__device_destroy(base);
	erc__free(device->units);
	erc__free(device);
}

void erc__cpu_log(const struct cpu_device *device, enum erc_log_level level, const char *format, ...)
{
	char text[512];
	va_list args;
	if (!device->log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	device->log(device->log_user, level, text);
}

int erc__cpu_start(pthread_t *thread, void *(*body)(void *argument), void *argument, const char *name,
                   const cpu_set_t *cores)
{
	pthread_attr_t attributes;
	if (pthread_attr_init(&attributes))
		return ENOMEM;
	if (cores)
		pthread_attr_setaffinity_np(&attributes, sizeof *cores, cores);
	int error = erc__thread_start(thread, &attributes, body, argument, name);
	pthread_attr_destroy(&attributes);
	return error;
}

static enum erc_status start_unit(struct cpu_device *device, uint32_t number, const cpu_set_t *core)
{
	struct cpu_unit *unit = &device->units[number];
	char name[24];
	unit->device = device;
	unit->number = number;
	snprintf(name, sizeof name, "erc-cpu-%u", number);
	int error = erc__cpu_start(&unit->thread, erc__cpu_unit_main, unit, name, core);
	if (error == EINVAL && core)
		return erc__fail(ERC_INVALID, "cpu: this process cannot run on the core that unit %u is to have", number);
	if (error)
		return erc__fail(ERC_DEVICE, "cpu: cannot start unit %u: %s", number, strerror(error));
	device->started++;
	return ERC_OK;
}

/* Lists the cores for the units, in order, at most `max`; returns 0 if the process's cores cannot be read. */
static uint32_t list_cores(cpu_set_t *set, uint32_t *list, uint32_t max)
{
	uint32_t count = 0;
	if (sched_getaffinity(0, sizeof *set, set))
		return 0;
	for (uint32_t core = 0; core < CPU_SETSIZE && count < max; core++)
		if (CPU_ISSET(core, set))
			list[count++] = core;
	return count;
}

static enum erc_status start_units(struct cpu_device *device, const uint32_t *cores, uint32_t core_count)
{
	for (uint32_t i = 0; i < device->base.units && core_count; i++) {
		if (cores[i % core_count] >= CPU_SETSIZE)
			return erc__fail(ERC_INVALID, "cpu: core %u is out of range", cores[i % core_count]);
		CPU_SET(cores[i % core_count], &device->cores);
	}
	device->has_cores = core_count != 0;
	device->spin_ns = (uint32_t)CPU_COUNT(&device->cores) == device->base.units ? SPIN_NS : 0;
	device->fills_cores = device->has_cores && (uint32_t)CPU_COUNT(&device->own_cores) <= device->base.units;
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

/* A thread of higher priority must not keep an ordinary thread that holds the lock from releasing it, so the lock
 * inherits priority. Called before the lock is used. */
static void inherit_priority(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;
	if (pthread_mutexattr_init(&attributes))
		return;
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_destroy(lock);
	pthread_mutex_init(lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

static enum erc_status cpu_open(const struct erc_runtime_options *options, struct erc__device **out)
{
	uint32_t own_cores[CPU_MAX_UNITS];
	cpu_set_t set;
	uint32_t core_count = list_cores(&set, own_cores, CPU_MAX_UNITS);
	uint32_t units = options->units ? options->units
	                 : core_count   ? core_count
	                                : (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (!units || units > CPU_MAX_UNITS)
		return erc__fail(ERC_INVALID, "cpu: %u units, expected 1 to %d", units, CPU_MAX_UNITS);
	if (options->rt_os_priority > 99)
		return erc__fail(ERC_INVALID, "cpu: SCHED_FIFO priority %u, expected 1 to 99, or 0 for none",
		                 options->rt_os_priority);
	if (options->cores && !options->units)
		return erc__fail(ERC_INVALID, "cpu: cores is set, but units is 0; set it to the number of cores");
	struct cpu_device *device = erc__alloc_aligned(64, sizeof *device);
	if (!device)
		return erc__no_memory("cpu device", sizeof *device);
	memset(device, 0, sizeof *device);
	device->base.target = erc__cpu_best_target();
	if (core_count)
		device->own_cores = set;
	enum erc_status status = erc__device_init(&device->base, &cpu_device, options, units);
	if (status) {
		erc__free(device);
		return status;
	}
	device->base.trace.units = units;
	device->rt_os_priority = options->rt_os_priority;
	device->log = options->log;
	device->log_user = options->log_user;
	if (options->rt_os_priority)
		inherit_priority(&device->base.lock);
	pthread_cond_init(&device->retired, NULL);
	pthread_mutex_init(&device->starting, NULL);
	erc__bell_init(&device->bell);
	device->units = erc__alloc_aligned(64, units * sizeof *device->units);
	status = device->units ? ERC_OK : erc__no_memory("units", units * sizeof *device->units);
	if (!status) {
		memset(device->units, 0, units * sizeof *device->units);
		status = start_units(device, options->cores ? options->cores : own_cores, options->cores ? units : core_count);
	}
	if (status) {
		cpu_close(&device->base);
		return status;
	}
	struct cpu_limits limits;
	erc__cpu_limits_read(&limits, "/proc", "/sys/fs/cgroup");
	erc__cpu_limits_tell(&limits, core_count, options->log, options->log_user);
	*out = &device->base;
	return ERC_OK;
}

const struct erc__device_ops cpu_device = {
	.name = "cpu",
	.flags = ERC__DEVICE_COMPUTES | ERC__DEVICE_ELASTIC | ERC__DEVICE_BY_LAUNCH | ERC__DEVICE_BRANCHES,
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
	.real_time_changed = erc__apart_real_time,
};
