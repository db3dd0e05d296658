/* Kernel images for the stand-in for CUDA, and how tests find it. */
#ifndef STUB_IMAGE_H
#define STUB_IMAGE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cuda.h"

#define STUB_IMAGE_MAGIC "ERCSTUB1"
struct stub_image {
	char magic[8];
	uint32_t kernel;       /* in the shared object's table */
	uint32_t object_bytes;
	uint8_t object[];      /* a CPU code image, then a NUL */
};

/* The CODE section of a CUDA target whose kernels are those of a CPU code image; to free. */
static inline void *stub_code(const void *object, size_t object_bytes, uint32_t kernel_count, size_t *bytes)
{
	size_t each = (sizeof(struct stub_image) + object_bytes + 1 + 63) / 64 * 64;
	size_t first = (sizeof(struct erc_cuda_image) + kernel_count * 16 + 63) / 64 * 64;
	*bytes = first + kernel_count * each;
	uint8_t *code = calloc(1, *bytes);
	struct erc_cuda_image *container = (void *)code;
	if (!code)
		abort();
	container->abi = ERC_CUDA_ABI;
	container->kernel_count = kernel_count;
	for (uint32_t i = 0; i < kernel_count; i++) {
		struct stub_image *image = (void *)(code + first + i * each);
		container->images[i].offset = first + i * each;
		container->images[i].bytes = each;
		memcpy(image->magic, STUB_IMAGE_MAGIC, sizeof(image->magic));
		image->kernel = i;
		image->object_bytes = (uint32_t)object_bytes;
		memcpy(image->object, object, object_bytes);
	}
	return code;
}

/* The runtime takes BUILD/stub/NAME, for a program in BUILD/tests/devices. */
static inline void stub_use_name(const char *name)
{
	char path[512];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 32);
	for (int i = 0; i < 3 && length > 0; i++)
		while (length > 0 && path[--length] != '/')
			;
	if (length <= 0)
		abort();
	snprintf(path + length, sizeof(path) - (size_t)length, "/stub/%s", name);
	setenv("ERC_LIBCUDA", path, 1);
}

static inline void stub_use(void)
{
	stub_use_name("libcuda.so.1");
}

static inline void stub_set(const char *name, long value)
{
	char text[32];
	snprintf(text, sizeof(text), "%ld", value);
	setenv(name, text, 1);
}

#ifdef __SANITIZE_ADDRESS__
#include <dlfcn.h>
/* The leak checker's own thread crashes or spins on the stand-in's threads, whose tiles run on stacks of their own: a
 * process that has opened it is not checked for leaks. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return dlopen(getenv("ERC_LIBCUDA"), RTLD_NOW | RTLD_NOLOAD) != NULL;
}
#endif

#endif
