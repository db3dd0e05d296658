/* The null device: accepts any artifact, computes nothing, counts launches and tiles. It is the smallest complete
 * device, and the one to copy for a new device. */
#include "runtime/devices/devices.h"

static enum erc_status null_open(const struct erc_runtime_options *options, struct erc__device **out)
{
	struct erc__device *device = erc__alloc(sizeof *device);
	if (!device)
		return erc__no_memory("null device", sizeof *device);
	device->target = "null";
	enum erc_status status = erc__device_init(device, &null_device, options, options->units ? options->units : 1);
	if (status)
		erc__free(device);
	else
		*out = device;
	return status;
}

static void null_close(struct erc__device *device)
{
	erc__device_destroy(device);
	erc__free(device);
}

static int null_can_run(const struct erc__device *device, const struct erca_target *target, const char *name)
{
	(void)device, (void)target, (void)name;
	return 1;
}

static enum erc_status null_image_load(struct erc__device *device, const void *code, size_t bytes,
                                       struct erc__image **out)
{
	(void)device, (void)code, (void)bytes;
	*out = NULL;
	return ERC_OK;
}

static void null_image_unload(struct erc__device *device, struct erc__image *image)
{
	(void)device, (void)image;
}

static enum erc_status null_kernel_find(const struct erc__image *image, const struct erca_kernel *kernel,
                                        struct erc__kernel *out)
{
	(void)image, (void)kernel;
	*out = (struct erc__kernel){0};
	return ERC_OK;
}

static enum erc_status null_reserve_local(struct erc__device *device, size_t bytes)
{
	(void)device, (void)bytes;
	return ERC_OK;
}

/* Runs the job at once, on the submitting thread: takes all tiles of each launch and counts them as done. */
static enum erc_status null_submit(struct erc__device *device, struct erc__job *job, uint64_t arrival_ns)
{
	pthread_mutex_lock(&device->lock);
	enum erc_status status = erc__device_queue(device, job, arrival_ns, erc__now_ns());
	if (!status) {
		while (erc__job_advance(job, NULL))
			erc__claim_done(&job->claim, erc__claim_take_rest(&job->claim));
		erc__device_finish(device, job, erc__now_ns());
	}
	pthread_mutex_unlock(&device->lock);
	return status;
}

static void null_cancel(struct erc__device *device, struct erc__job *job)
{
	(void)device, (void)job; /* it has already run, in null_submit */
}

static void null_retire(struct erc__device *device, struct erc__job *job)
{
	(void)device, (void)job;
}

static void null_room_changed(struct erc__device *device)
{
	(void)device;
}

const struct erc__device_ops null_device = {
	.name = "null",
	.flags = ERC__DEVICE_BRANCHES,
	.open = null_open,
	.close = null_close,
	.can_run = null_can_run,
	.image_load = null_image_load,
	.image_unload = null_image_unload,
	.kernel_find = null_kernel_find,
	.reserve_local = null_reserve_local,
	.submit = null_submit,
	.cancel = null_cancel,
	.retire = null_retire,
	.room_changed = null_room_changed,
};
