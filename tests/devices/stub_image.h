/* Kernel images for the stand-in for CUDA, and how tests load it. */
#ifndef STUB_IMAGE_H
#define STUB_IMAGE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schemas/cuda.h"

#define STUB_IMAGE_MAGIC "ERCSTUB1"
struct stub_image {
	char magic[8];
	uint32_t kernel;        /* index in the shared object's table */
	uint32_t object_offset; /* from the start of this struct: a CPU code image that all kernels share */
	uint32_t object_bytes;
	/* emulated kernels: bytes per thread after the block's local memory, plus once more; else 0 */
	uint32_t thread_bytes;
	uint8_t reserved[40];
};
_Static_assert(sizeof(struct stub_image) == 64, "alignment of images");

/* The CODE section of a CUDA target whose kernels are those of a CPU code image; the caller frees it. */
static inline void *stub_code(const void *object, size_t object_bytes, uint32_t kernel_count, uint32_t thread_bytes,
                              size_t *bytes)
{
	const size_t each = sizeof(struct stub_image);
	size_t first = (sizeof(struct erc_cuda_image) + kernel_count * 16 + each - 1) / each * each;
	size_t at = first + kernel_count * each;
	*bytes = at + object_bytes + 1;
	uint8_t *code = calloc(1, *bytes);
	struct erc_cuda_image *container = (void *)code;
	if (!code)
		abort();
	container->abi = ERC_CUDA_ABI;
	container->kernel_count = kernel_count;
	for (uint32_t i = 0; i < kernel_count; i++) {
		size_t offset = first + i * each;
		container->images[i].offset = offset;
		container->images[i].bytes = i + 1 < kernel_count ? each : *bytes - offset;
		*(struct stub_image *)(void *)(code + offset) = (struct stub_image){
			.magic = STUB_IMAGE_MAGIC,
			.kernel = i,
			.object_offset = (uint32_t)(at - offset),
			.object_bytes = (uint32_t)object_bytes,
			.thread_bytes = thread_bytes,
		};
	}
	memcpy(code + at, object, object_bytes);
	return code;
}

/* Makes the runtime load BUILD/stub/NAME, for a program in BUILD/tests/devices. */
static inline void stub_use_name(const char *name)
{
	char path[512];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 32);
	for (int i = 0; i < 3 && length > 0; i++)
		while (length > 0 && path[--length] != '/')
			;
	if (length <= 0)
		abort();
	snprintf(path + length, sizeof path - (size_t)length, "/stub/%s", name);
	setenv("ERC_LIBCUDA", path, 1);
}

static inline void stub_use(void)
{
	stub_use_name("libcuda.so.1");
}

static inline void stub_set(const char *name, long value)
{
	char text[32];
	snprintf(text, sizeof text, "%ld", value);
	setenv(name, text, 1);
}

#ifdef __SANITIZE_ADDRESS__
#include <dlfcn.h>
/* The leak checker's own thread crashes or spins on the threads of the stand-in, whose tiles run on their own
 * stacks. So a process that has opened the stand-in is not checked for leaks. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	const char *path = getenv("ERC_LIBCUDA");
	return path && dlopen(path, RTLD_NOW | RTLD_NOLOAD) != NULL;
}
#endif

#endif
