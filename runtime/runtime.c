/* Runtimes: a device found by its name, the log, the counts of children. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/futex.h"
#include "runtime/base/process.h"
#include "runtime/core/handles.h"
#include "runtime/devices/devices.h"

static const struct erc__device_ops *const devices[] = {
#define X(name) &name##_device,
#include "runtime/devices/devices.def"
#undef X
};

static const char device_names[] = ""
#define X(name) " " #name
#include "runtime/devices/devices.def"
#undef X
	;

const struct erc__device_ops *erc__device_find(const char *name)
{
	if (!name)
		return devices[0];
	size_t length = strcspn(name, ":"); /* "sim:h100" is opened by the device sim */
	for (size_t i = 0; i < ERC__COUNT(devices); i++)
		if (!strncmp(devices[i]->name, name, length) && !devices[i]->name[length])
			return devices[i];
	return NULL;
}

void erc__log(const struct erc_runtime *runtime, enum erc_log_level level, const char *format, ...)
{
	char text[512];
	va_list args;
	if (!runtime->log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	runtime->log(runtime->log_user, level, text);
}

enum erc_status erc__check_process(const struct erc_runtime *runtime)
{
	if (runtime->process != erc__process_number())
		return erc__fail(ERC_INVALID, "this process is a fork of the one that made the runtime: make a runtime in it");
	return ERC_OK;
}

void erc__child_add(struct erc_runtime *runtime, enum erc__kind kind, uint32_t *count)
{
	pthread_mutex_lock(&runtime->lock);
	runtime->counts[kind]++;
	++*count;
	pthread_mutex_unlock(&runtime->lock);
}

void erc__child_remove(struct erc_runtime *runtime, enum erc__kind kind, uint32_t *count)
{
	pthread_mutex_lock(&runtime->lock);
	runtime->counts[kind]--;
	--*count;
	pthread_mutex_unlock(&runtime->lock);
}

enum erc_status erc__child_none(struct erc_runtime *runtime, const uint32_t *count, const char *what)
{
	pthread_mutex_lock(&runtime->lock);
	uint32_t have = *count;
	pthread_mutex_unlock(&runtime->lock);
	return have ? erc__fail(ERC_BUSY, "%u %s(s) still exist", have, what) : ERC_OK;
}

enum erc_status erc_runtime_create(const struct erc_runtime_options *options, erc_runtime **out)
{
	struct erc_runtime_options given;
	if (!out)
		return erc__fail(ERC_INVALID, "out is NULL");
	*out = NULL;
	TRY(erc__options_copy("runtime", &given, sizeof given, options));
	const struct erc__device_ops *ops = erc__device_find(given.device);
	if (!ops)
		return erc__fail(ERC_NOT_FOUND, "no device '%s'; there are%s", given.device, device_names);
	if (given.device && strchr(given.device, ':') && !(ops->flags & ERC__DEVICE_NAMED))
		return erc__fail(ERC_NOT_FOUND, "no device '%s'; there is only one '%s'", given.device, ops->name);
	struct erc_runtime *runtime = erc__alloc(sizeof *runtime);
	if (!runtime)
		return erc__no_memory("runtime", sizeof *runtime);
	runtime->process = erc__process_number();
	runtime->log = given.log;
	runtime->log_user = given.log_user;
	enum erc_status status = ops->open(&given, &runtime->device);
	if (status) {
		erc__free(runtime);
		return status;
	}
	runtime->device->ops = ops;
	pthread_mutex_init(&runtime->lock, NULL);
	erc__log(runtime, ERC_LOG_INFO, "device %s: %u units, target %s", ops->name, runtime->device->units,
	         runtime->device->target);
	*out = runtime;
	return ERC_OK;
}

enum erc_status erc_runtime_destroy(erc_runtime *runtime)
{
	if (!runtime)
		return ERC_OK;
	TRY(erc__check_process(runtime));
	TRY(erc__child_none(runtime, &runtime->model_count, "model"));
	runtime->device->ops->close(runtime->device);
	pthread_mutex_destroy(&runtime->lock);
	erc__free(runtime);
	return ERC_OK;
}

uint64_t erc_runtime_now_ns(const erc_runtime *runtime)
{
	return erc__device_now_ns(runtime->device);
}

/* Sleeps until a job ends that `seen` does not count, at most until until_ns. */
static int await_end(struct erc__device *device, uint32_t seen, uint64_t until_ns)
{
	bool has_ended;
	atomic_fetch_add(&device->awaiting, 1);
	while (!(has_ended = atomic_load(&device->ended) != seen)) {
		uint64_t now_ns = until_ns == UINT64_MAX ? 0 : erc__now_ns();
		if (now_ns >= until_ns)
			break;
		erc__futex_wait(&device->ended, seen, until_ns == UINT64_MAX ? UINT64_MAX : until_ns - now_ns);
	}
	atomic_fetch_sub(&device->awaiting, 1);
	return has_ended;
}

enum erc_status erc_runtime_wait(erc_runtime *runtime, uint64_t until_ns)
{
	if (!runtime)
		return erc__fail(ERC_INVALID, "runtime is NULL");
	TRY(erc__check_process(runtime));
	struct erc__device *device = runtime->device;
	if (atomic_load(&device->ended) == runtime->seen_ended) {
		bool has_ended = device->ops->advance ? device->ops->advance(device, until_ns)
		                                      : await_end(device, runtime->seen_ended, until_ns);
		if (!has_ended)
			return erc__fail(ERC_TIMEOUT, "no request ended");
	}
	runtime->seen_ended = atomic_load(&device->ended);
	return ERC_OK;
}

/* The request of which the job is a part. */
static struct erc_request *request_of(struct erc__job *job)
{
	return (struct erc_request *)((char *)job - offsetof(struct erc_request, job));
}

enum erc_status erc_runtime_next_end(erc_runtime *runtime, uint64_t until_ns, erc_request **out)
{
	if (!runtime || !out)
		return erc__fail(ERC_INVALID, "runtime or out is NULL");
	*out = NULL;
	TRY(erc__check_process(runtime));
	struct erc__device *device = runtime->device;
	for (;;) {
		uint32_t seen = atomic_load(&device->ended);
		struct erc__job *job = erc__device_take_end(device);
		if (job) {
			*out = request_of(job);
			return ERC_OK;
		}
		if (!(device->ops->advance ? device->ops->advance(device, until_ns) : await_end(device, seen, until_ns)))
			return erc__fail(ERC_TIMEOUT, "no run ended that was to be reported");
	}
}

enum erc_status erc_runtime_stats(erc_runtime *runtime, struct erc_runtime_stats *out)
{
	if (!runtime || !out)
		return erc__fail(ERC_INVALID, "runtime or out is NULL");
	if (out->size != sizeof *out)
		return erc__fail(ERC_INVALID, "stats: size %zu, expected %zu", out->size, sizeof *out);
	TRY(erc__check_process(runtime));
	struct erc__device *device = runtime->device;
	enum erc_status health = device->ops->check ? device->ops->check(device) : ERC_OK;
	pthread_mutex_lock(&runtime->lock);
	pthread_mutex_lock(&device->lock);
	const struct erc__counts *counts = &device->counts;
	*out = (struct erc_runtime_stats){
		.size = sizeof *out,
		.now_ns = erc__device_now_ns(device),
		.rt_unit_ns = device->unit_ns[ERC_REAL_TIME],
		.be_unit_ns = device->unit_ns[ERC_BEST_EFFORT],
		.tiles = atomic_load(&device->tiles_run),
		.trace_drops = erc__trace_drops(&device->trace),
		.rt_tile_ns = device->tile_ns[ERC_REAL_TIME],
		.be_tile_ns = device->tile_ns[ERC_BEST_EFFORT],
		.late_units = device->sched.late_units,
		.health = health,
		.models = runtime->counts[ERC__MODEL],
		.sessions = runtime->counts[ERC__SESSION],
		.requests = runtime->counts[ERC__REQUEST],
		.queued = device->sched.count,
		.submitted = counts->submitted,
		.completed = counts->completed,
		.missed = counts->missed,
		.shed = counts->shed,
		.cancelled = counts->cancelled,
		.failed = counts->failed,
		.preemptions = counts->preemptions,
		.launches = counts->launches,
	};
	pthread_mutex_unlock(&device->lock);
	pthread_mutex_unlock(&runtime->lock);
	return ERC_OK;
}

enum erc_status erc_trace_start(erc_runtime *runtime, uint32_t events)
{
	if (!runtime)
		return erc__fail(ERC_INVALID, "runtime is NULL");
	TRY(erc__check_process(runtime));
	pthread_mutex_lock(&runtime->device->lock);
	enum erc_status status = erc__trace_begin(&runtime->device->trace, events);
	pthread_mutex_unlock(&runtime->device->lock);
	return status;
}

void erc_trace_stop(erc_runtime *runtime)
{
	if (runtime)
		atomic_store(&runtime->device->trace.on, 0);
}

enum erc_status erc_trace_write(erc_runtime *runtime, const char *path)
{
	if (!runtime || !path)
		return erc__fail(ERC_INVALID, "runtime or path is NULL");
	return erc__trace_save(&runtime->device->trace, path);
}

uint32_t erc_runtime_units(const erc_runtime *runtime)
{
	return runtime->device->units;
}

int erc_runtime_computes(const erc_runtime *runtime)
{
	return !!(runtime->device->ops->flags & ERC__DEVICE_COMPUTES);
}

const char *erc_runtime_target(const erc_runtime *runtime)
{
	return runtime->device->target;
}
