/* CUDA targets, and the parts of a model that live on the device: its kernels and its weights. All of them are there
 * when the load returns, so that nothing is loaded, compiled or set while requests run. */
#include <stdio.h>
#include <string.h>

#include "runtime/devices/cuda_device.h"

/* Weights are copied in pieces, so that other copies can come between: a piece takes 10 to 40 us. */
#define CHUNK_BYTES ((size_t)512 << 10)
#define ALL_SHARED 100 /* one carve-out for all kernels, because an SM must drain before it changes */

/* ---- targets ---- */

/* "cuda:sm_90" runs on devices with the same major number that are not older, "cuda:sm_90a" on 9.0 only,
 * "cuda:compute_80" on any newer device. */
int erc__cuda_can_run(const struct erc__device *base, const struct erca_target *target, const char *name)
{
	const struct cuda_device *device = (const struct cuda_device *)base;
	unsigned number = 0;
	int used = 0, here = device->major * 10 + device->minor;
	if (target->kind != ERCA_TARGET_CUDA)
		return 0;
	if (sscanf(name, "cuda:sm_%u%n", &number, &used) == 1) {
		bool is_exact = name[used] == 'a' && !name[used + 1];
		if (name[used] && !is_exact)
			return 0;
		return is_exact ? (int)number == here : (int)number / 10 == device->major && (int)number <= here;
	}
	return sscanf(name, "cuda:compute_%u%n", &number, &used) == 1 && !name[used] && (int)number <= here;
}

/* ---- code ---- */

static enum erc_status load_module(struct cuda_device *device, const void *image, uint32_t number, cu_module *out)
{
	char log[512] = "";
	int options[] = {CU_JIT_ERROR_LOG, CU_JIT_ERROR_LOG_BYTES};
	void *values[] = {log, (void *)(uintptr_t)sizeof log};
	cu_result result = device->driver.cuModuleLoadDataEx(out, image, 2, options, values);
	log[sizeof log - 1] = '\0';
	if (!result)
		return ERC_OK;
	enum erc_status status = erc__cuda_check(device, result, "cuModuleLoadDataEx");
	char detail[256];
	snprintf(detail, sizeof detail, "%s", erc_error_detail());
	return erc__fail(status, "code image: kernel %u: %s%s%.200s", number, detail, *log ? ": " : "", log);
}

/* Asking for an attribute makes a driver with lazy loading load the function. */
static enum erc_status prepare_function(struct cuda_device *device, cu_module module, const char *name,
                                        cu_function *out, size_t *static_local_bytes)
{
	int bytes = 0;
	TRY(CU(device, cuModuleGetFunction, out, module, name));
	if (device->driver.cuFuncLoad)
		TRY(CU(device, cuFuncLoad, *out));
	TRY(CU(device, cuFuncGetAttribute, &bytes, CU_FUNCTION_STATIC_LOCAL_BYTES, *out));
	*static_local_bytes = (size_t)bytes;
	if (*static_local_bytes > device->max_local_bytes)
		return erc__fail(ERC_NO_TARGET, "code image: a kernel has %d bytes of shared memory, this GPU has %zu", bytes,
		                 device->max_local_bytes);
	TRY(CU(device, cuFuncSetAttribute, *out, CU_FUNCTION_MAX_DYNAMIC_LOCAL_BYTES,
	       (int)(device->max_local_bytes - (size_t)bytes)));
	return CU(device, cuFuncSetAttribute, *out, CU_FUNCTION_CARVEOUT, ALL_SHARED);
}

static enum erc_status load_kernels(struct cuda_device *device, const struct erc_cuda_image *container,
                                    struct erc__image *image)
{
	for (uint32_t i = 0; i < container->kernel_count; i++) {
		struct cuda_kernel *kernel = &image->kernels[i];
		size_t unused;
		TRY(load_module(device, (const uint8_t *)container + container->images[i].offset, i, &kernel->module));
		image->kernel_count++;
		TRY(prepare_function(device, kernel->module, ERC_CUDA_PLAIN, &kernel->plain, &unused));
		TRY(prepare_function(device, kernel->module, ERC_CUDA_ELASTIC, &kernel->elastic, &kernel->static_local_bytes));
	}
	return ERC_OK;
}

enum erc_status erc__cuda_image_load(struct erc__device *base, const void *code, size_t bytes, struct erc__image **out)
{
	struct cuda_device *device = (struct cuda_device *)base;
	const struct erc_cuda_image *container = code; /* its table was checked with the artifact */
	(void)bytes;
	if (!code)
		return erc__fail(ERC_CORRUPT, "the target has no CODE section");
	TRY(erc__cuda_is_alive(device));
	struct erc__image *image = erc__alloc(sizeof *image + container->kernel_count * sizeof image->kernels[0]);
	if (!image)
		return erc__no_memory("code image", container->kernel_count * sizeof image->kernels[0]);
	enum erc_status status = erc__cuda_enter(device);
	if (!status) {
		status = load_kernels(device, container, image);
		erc__cuda_leave(device);
	}
	if (status)
		erc__cuda_image_unload(base, image);
	else
		*out = image;
	return status;
}

/* These calls fail only on a lost device, whose context frees everything. */
void erc__cuda_image_unload(struct erc__device *base, struct erc__image *image)
{
	struct cuda_device *device = (struct cuda_device *)base;
	if (!image)
		return;
	if (!erc__cuda_enter(device)) {
		for (uint32_t i = 0; i < image->kernel_count; i++)
			device->driver.cuModuleUnload(image->kernels[i].module);
		if (image->weights)
			device->driver.cuMemFreeAsync(image->weights, device->upload);
		erc__cuda_leave(device);
	}
	erc__free(image);
}

enum erc_status erc__cuda_kernel_find(const struct erc__image *image, const struct erca_kernel *kernel,
                                      struct erc__kernel *out)
{
	if (kernel->entry >= image->kernel_count)
		return erc__fail(ERC_CORRUPT, "code image: kernel %u of %u", kernel->entry, image->kernel_count);
	*out = (struct erc__kernel){.native = (void *)&image->kernels[kernel->entry]};
	return ERC_OK;
}

/* ---- weights ---- */

static enum erc_status send(struct cuda_device *device, cu_address to, const uint8_t *from, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += CHUNK_BYTES) {
		size_t count = bytes - at < CHUNK_BYTES ? bytes - at : CHUNK_BYTES;
		memcpy(device->chunk, from + at,
		       count); /* reads the file here, so that page faults happen in this thread and not in the driver */
		TRY(CU(device, cuMemcpyHtoDAsync_v2, to + at, device->chunk, count, device->upload));
		TRY(CU(device, cuStreamSynchronize, device->upload));
	}
	return ERC_OK;
}

static enum erc_status upload(struct cuda_device *device, struct erc__image *image, const void *weights, size_t bytes)
{
	void *chunk = device->chunk;
	if (!chunk)
		TRY(CU(device, cuMemHostAlloc, &chunk, CHUNK_BYTES, 0));
	device->chunk = chunk;
	enum erc_status status = CU(device, cuMemAllocAsync, &image->weights, bytes, device->upload);
	if (status)
		image->weights = 0;
	if (status == ERC_NOMEM)
		return erc__fail(status, "the GPU has no %zu bytes left for the weights: unload a model, or use a larger GPU",
		                 bytes);
	TRY(status);
	return send(device, image->weights, weights, bytes);
}

enum erc_status erc__cuda_weights_load(struct erc__device *base, struct erc__image *image, const void *weights,
                                       size_t bytes)
{
	struct cuda_device *device = (struct cuda_device *)base;
	TRY(erc__cuda_is_alive(device));
	TRY(erc__cuda_enter(device));
	pthread_mutex_lock(&device->loading);
	enum erc_status status = upload(device, image, weights, bytes);
	pthread_mutex_unlock(&device->loading);
	erc__cuda_leave(device);
	return status;
}
