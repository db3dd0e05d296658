/* The CUDA device: a GPU through the driver API. The driver is looked for when the device is opened. Submitters
 * launch their runs themselves. One thread sleeps until a flight ends, then counts what ended and launches what
 * follows. cuda_flight.c: what a run consists of.
 *
 * Lock order: the runtime's lock before the device's. Driver calls whose order matters are made under the device's
 * lock. */
#include "runtime/devices/cuda_device.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/futex.h"
#include "runtime/base/thread.h"

#define WATCH_NS UINT64_C(100000000) /* how often the thread asks after an error, when no host function is called */

/* ---- errors ---- */

void erc__cuda_lose(struct cuda_device *device, const char *text)
{
	uint32_t none = 0;
	if (!atomic_compare_exchange_strong(&device->is_lost, &none, 1))
		return;
	snprintf(device->lost_text, sizeof device->lost_text,
	         "cuda: the device is lost (%.120s): destroy the runtime and create it again", text);
	atomic_store(&device->is_lost, 2);
	erc__cuda_wake(device);
}

enum erc_status erc__cuda_is_alive(const struct cuda_device *device)
{
	uint32_t is_lost = atomic_load(&device->is_lost);
	return is_lost ? erc__fail(ERC_DEVICE, "%s", is_lost == 2 ? device->lost_text : "cuda: the device is lost")
	               : ERC_OK;
}

static enum erc_status cuda_health(const struct erc__device *base)
{
	return erc__cuda_is_alive((const struct cuda_device *)base);
}

enum erc_status erc__cuda_check(struct cuda_device *device, cu_result result, const char *call)
{
	if (!result)
		return ERC_OK;
	enum erc_status status = erc__cuda_driver_check(&device->driver, result, call);
	if (!erc__cuda_is_lasting(result))
		return status;
	char text[160];
	snprintf(text, sizeof text, "%.159s", erc_error_detail());
	erc__cuda_lose(device, text);
	return erc__cuda_is_alive(device);
}

enum erc_status erc__cuda_enter(struct cuda_device *device)
{
	return CU(device, cuCtxPushCurrent_v2, device->context);
}

void erc__cuda_leave(struct cuda_device *device)
{
	cu_context unused;
	device->driver.cuCtxPopCurrent_v2(&unused);
}

/* ---- the thread ---- */

/* After the increment the device may be freed; only the address of the word is used: see erc__futex_wake. */
void erc__cuda_wake(struct cuda_device *device)
{
	atomic_fetch_add_explicit(&device->news, 1, memory_order_seq_cst);
	erc__futex_wake(&device->news, 1);
}

/* Whether anything is in flight, and whether the driver reports an error for it. */
static int watch(struct cuda_device *device, bool is_asked)
{
	bool is_flying = false;
	for (struct cuda_request *request = device->running; request; request = request->next)
		for (int i = 0; i < 2; i++) {
			if (!request->flights[i].is_used)
				continue;
			is_flying = true;
			cu_result result = is_asked ? device->driver.cuStreamQuery(request->flights[i].stream) : 0;
			if (!result || result == CU_NOT_READY)
				continue;
			/* Only runs are on the stream, so after any error no host function will report their end. */
			erc__cuda_driver_check(&device->driver, result, "cuStreamQuery");
			erc__cuda_lose(device, erc_error_detail());
		}
	return is_flying;
}

static void *thread_main(void *argument)
{
	struct cuda_device *device = argument;
	uint64_t asked_ns = 0; /* or when nothing was in flight */
	if (erc__cuda_enter(device))
		erc__cuda_lose(device, "its context cannot be made current");
	for (;;) {
		uint32_t seen = atomic_load_explicit(&device->news, memory_order_seq_cst);
		pthread_mutex_lock(&device->base.lock);
		if (device->is_closing)
			break;
		erc__cuda_reap(device);
		erc__cuda_pump(device);
		uint64_t now_ns = erc__now_ns(), until_ns = device->look_ns;
		bool is_asked = now_ns - asked_ns >= WATCH_NS;
		device->is_watching = watch(device, is_asked);
		asked_ns = is_asked || !device->is_watching ? now_ns : asked_ns;
		if (device->is_watching && now_ns + WATCH_NS < until_ns)
			until_ns = now_ns + WATCH_NS;
		device->asleep_until_ns = until_ns;
		pthread_mutex_unlock(&device->base.lock);
		erc__futex_wait(&device->news, seen,
		                until_ns == UINT64_MAX ? until_ns
		                : until_ns > now_ns    ? until_ns - now_ns
		                                       : 0);
	}
	pthread_mutex_unlock(&device->base.lock);
	return NULL;
}

static enum erc_status start_thread(struct cuda_device *device)
{
	int error = erc__thread_start(&device->thread, NULL, thread_main, device, "erc-cuda");
	if (error)
		return erc__fail(ERC_DEVICE, "cuda: cannot start the device's thread: %s", strerror(error));
	device->has_thread = 1;
	return ERC_OK;
}

/* ---- jobs ---- */

/* Whether the thread would sleep for too long: something is in flight, or has to be done earlier. Called with the lock
 * held. */
static bool is_unwatched(struct cuda_device *device)
{
	return device->look_ns < device->asleep_until_ns || (!device->is_watching && watch(device, 0));
}

/* Before this returns, runs that shrink are told and the run begins. It does not wait for the GPU. */
static enum erc_status cuda_submit(struct erc__device *base, struct erc__job *job, uint64_t arrival_ns)
{
	struct cuda_device *device = (struct cuda_device *)base;
	TRY(erc__cuda_is_alive(device));
	TRY(erc__cuda_enter(device));
	erc__cuda_stage(job->native);
	pthread_mutex_lock(&base->lock);
	enum erc_status status = erc__device_queue(base, job, arrival_ns, erc__now_ns());
	if (!status) {
		erc__cuda_begin(job->native);
		erc__cuda_pump(device);
	}
	bool must_watch = is_unwatched(device);
	pthread_mutex_unlock(&base->lock);
	erc__cuda_leave(device);
	if (must_watch)
		erc__cuda_wake(device);
	return status;
}

/* After a change that did not come from a run: when this returns, the GPU has been told what it must know. */
static void change(struct cuda_device *device, struct erc__job *cancelled)
{
	if (erc__cuda_enter(device))
		return;
	pthread_mutex_lock(&device->base.lock);
	if (cancelled && atomic_load(&cancelled->state) == ERC__JOB_RUNNING)
		erc__cuda_cancel(cancelled->native);
	erc__cuda_pump(device);
	bool must_watch = is_unwatched(device);
	pthread_mutex_unlock(&device->base.lock);
	if (must_watch)
		erc__cuda_wake(device);
	CU(device, cuStreamSynchronize, device->control);
	erc__cuda_leave(device);
}

static void cuda_cancel(struct erc__device *base, struct erc__job *job)
{
	change((struct cuda_device *)base, job);
}

static void cuda_room_changed(struct erc__device *base)
{
	change((struct cuda_device *)base, NULL);
}

/* A finished run has no flight under way, but the thread may still be about to leave it. */
static void cuda_retire(struct erc__device *base, struct erc__job *job)
{
	(void)job;
	pthread_mutex_lock(&base->lock);
	pthread_mutex_unlock(&base->lock);
}

static enum erc_status cuda_reserve_local(struct erc__device *base, size_t bytes)
{
	const struct cuda_device *device = (const struct cuda_device *)base;
	if (bytes > device->max_local_bytes)
		return erc__fail(ERC_NO_TARGET, "the model asks for %zu bytes of shared memory a block; this GPU (%s) has %zu",
		                 bytes, device->target, device->max_local_bytes);
	return ERC_OK;
}

/* ---- open and close ---- */

static void cuda_close(struct erc__device *base)
{
	struct cuda_device *device = (struct cuda_device *)base;
	const struct cuda_driver *driver = &device->driver;
	if (device->has_thread) {
		pthread_mutex_lock(&base->lock);
		device->is_closing = 1;
		pthread_mutex_unlock(&base->lock);
		erc__cuda_wake(device);
		pthread_join(device->thread, NULL);
	}
	if (device->context && !erc__cuda_enter(device)) {
		if (device->board)
			driver->cuMemFreeAsync(device->board, device->upload);
		if (device->chunk)
			driver->cuMemFreeHost(device->chunk);
		if (device->rooms_written)
			driver->cuEventDestroy_v2(device->rooms_written);
		for (int i = 0; i < 2; i++) {
			cu_stream stream = i ? device->control : device->upload;
			if (!stream)
				continue;
			driver->cuStreamSynchronize(stream);
			driver->cuStreamDestroy_v2(stream);
		}
		erc__cuda_leave(device);
	}
	if (device->context)
		driver->cuDevicePrimaryCtxRelease_v2(device->ordinal);
	while (device->dead) {
		struct cuda_request *request = device->dead;
		device->dead = request->next;
		erc__cuda_request_free(request);
	}
	pthread_mutex_destroy(&device->loading);
	erc__device_destroy(base);
	erc__free(device);
}

/* "cuda" is the first GPU, "cuda:1" the second. */
static enum erc_status find_ordinal(struct cuda_device *device, const char *name)
{
	const char *colon = name ? strchr(name, ':') : NULL;
	char *end = NULL;
	long number = colon ? strtol(colon + 1, &end, 10) : 0;
	int count = 0;
	TRY(CU(device, cuDeviceGetCount, &count));
	if (count < 1)
		return erc__fail(ERC_DEVICE, "cuda: the driver sees no GPU: check that nvidia-smi lists one, and check "
		                             "CUDA_VISIBLE_DEVICES");
	if (colon && (end == colon + 1 || *end || number < 0 || number >= count))
		return erc__fail(ERC_NOT_FOUND, "no device '%s'; there are cuda:0 to cuda:%d", name, count - 1);
	return CU(device, cuDeviceGet, &device->ordinal, (int)number);
}

static enum erc_status ask(struct cuda_device *device, int attribute, int *value)
{
	*value = 0;
	return CU(device, cuDeviceGetAttribute, value, attribute, device->ordinal);
}

static enum erc_status describe(struct cuda_device *device)
{
	int units, local, has_pools, has_writes;
	char name[96] = "";
	TRY(CU(device, cuDeviceGetName, name, (int)sizeof name - 1, device->ordinal));
	TRY(ask(device, CU_DEVICE_CAPABILITY_MAJOR, &device->major));
	TRY(ask(device, CU_DEVICE_CAPABILITY_MINOR, &device->minor));
	TRY(ask(device, CU_DEVICE_MULTIPROCESSORS, &units));
	TRY(ask(device, CU_DEVICE_MAX_LOCAL_BYTES, &local));
	TRY(ask(device, CU_DEVICE_MEMORY_POOLS, &has_pools));
	TRY(ask(device, CU_DEVICE_STREAM_WRITES, &has_writes));
	if (!has_pools || units < 1 || local < 1 || device->major < 7)
		return erc__fail(ERC_NO_TARGET,
		                 "cuda: %s (compute capability %d.%d) is not supported: it must be 7.0 or newer, with memory "
		                 "pools",
		                 name, device->major, device->minor);
	device->has_writes = has_writes && device->driver.cuStreamWriteValue64_v2 && device->driver.cuStreamWriteValue32_v2;
	device->all_units = (uint32_t)units;
	device->max_local_bytes = (size_t)local;
	snprintf(device->target, sizeof device->target, "cuda:sm_%d%d", device->major, device->minor);
	return ERC_OK;
}

static enum erc_status open_context(struct cuda_device *device)
{
	const struct cuda_driver *driver = &device->driver;
	unsigned flags;
	int is_active = 1;
	if (driver->cuDevicePrimaryCtxGetState)
		driver->cuDevicePrimaryCtxGetState(device->ordinal, &flags, &is_active);
	/* A thread that waits in the driver is to sleep. A context that exists already keeps what the application chose. */
	if (!is_active && driver->cuDevicePrimaryCtxSetFlags_v2)
		driver->cuDevicePrimaryCtxSetFlags_v2(device->ordinal, CU_CONTEXT_BLOCKING_SYNC);
	cu_context context = NULL;
	TRY(CU(device, cuDevicePrimaryCtxRetain, &context, device->ordinal));
	device->context = context;
	TRY(erc__cuda_enter(device));
	enum erc_status status = CU(device, cuCtxGetStreamPriorityRange, &device->lowest, &device->highest);
	if (!status)
		status = CU(device, cuStreamCreateWithPriority, &device->upload, CU_STREAM_NON_BLOCKING, device->lowest);
	if (!status)
		status = CU(device, cuStreamCreateWithPriority, &device->control, CU_STREAM_NON_BLOCKING, device->highest);
	if (!status)
		status = CU(device, cuEventCreate, &device->rooms_written, CU_EVENT_DISABLE_TIMING);
	if (!status)
		status = erc__cuda_board_create(device);
	erc__cuda_leave(device);
	return status;
}

/* The part of opening a device that needs no undoing. */
static enum erc_status find_device(struct cuda_device *device, const struct erc_runtime_options *options)
{
	TRY(erc__cuda_driver_load(&device->driver));
	TRY(find_ordinal(device, options->device));
	TRY(describe(device));
	if (options->units > device->all_units)
		return erc__fail(ERC_INVALID, "cuda: %u units; the GPU has %u", options->units, device->all_units);
	device->base.target = device->target;
	device->base.driver = (uint32_t)device->driver.version;
	device->min_offset_ns = INT64_MIN;
	device->max_offset_ns = INT64_MAX;
	device->look_ns = device->fall_ns = device->asleep_until_ns = UINT64_MAX;
	return erc__device_init(&device->base, &cuda_device, options, options->units ? options->units : device->all_units);
}

static enum erc_status cuda_open(const struct erc_runtime_options *options, struct erc__device **out)
{
	struct cuda_device *device = erc__alloc(sizeof *device);
	if (!device)
		return erc__no_memory("cuda device", sizeof *device);
	enum erc_status status = find_device(device, options);
	if (status) {
		erc__free(device);
		return status;
	}
	pthread_mutex_init(&device->loading, NULL);
	status = open_context(device);
	if (!status)
		status = start_thread(device);
	if (status)
		cuda_close(&device->base);
	else
		*out = &device->base;
	return status;
}

const struct erc__device_ops cuda_device = {
	.name = "cuda",
	.flags = ERC__DEVICE_COMPUTES | ERC__DEVICE_ELASTIC | ERC__DEVICE_NAMED,
	.open = cuda_open,
	.close = cuda_close,
	.can_run = erc__cuda_can_run,
	.image_load = erc__cuda_image_load,
	.image_unload = erc__cuda_image_unload,
	.kernel_find = erc__cuda_kernel_find,
	.reserve_local = cuda_reserve_local,
	.submit = cuda_submit,
	.cancel = cuda_cancel,
	.retire = cuda_retire,
	.room_changed = cuda_room_changed,
	.weights_load = erc__cuda_weights_load,
	.request_create = erc__cuda_request_create,
	.request_destroy = erc__cuda_request_destroy,
	.check = cuda_health,
	.collect = erc__cuda_collect,
};
