/* Device tests on a GPU (`make check-gpu`). ERC_TEST_GPU names its target, "cuda:sm_90", or is "stub" for the same
 * on the stand-in for CUDA. Then only the device `cuda` is tested, and tests that need the stand-in are skipped by
 * name. */
#ifndef TEST_GPU_H
#define TEST_GPU_H

#include <check.h>
#include <dlfcn.h>

#include "runtime/devices/cuda_device.h"
#include "tests/devices/gpu_code.h"
#include "tests/devices/stub_image.h"
#include "tests/devices/test_kernels.h"

static inline int gpu_is_tested(void)
{
	return getenv("ERC_TEST_GPU") != NULL;
}

static inline int gpu_is_real(void)
{
	return gpu_is_tested() && strcmp(getenv("ERC_TEST_GPU"), "stub");
}

/* Finds the driver or the stand-in, and builds the test kernels: a CPU code image, or CODE for the GPU. NULL: there
 * is no C compiler. */
static inline void *gpu_start(size_t *bytes)
{
	if (!gpu_is_real()) {
		stub_use();
		return test_kernels_compile(TEST_KERNEL_DEFINES, bytes);
	}
	const char *wrong;
	void *code = gpu_code(getenv("ERC_TEST_GPU"), bytes, &wrong);
	if (!code) {
		printf("FAIL: the test kernels: %s\n", wrong);
		exit(EXIT_FAILURE);
	}
	return code;
}

#define STAND_IN_ONLY(tcase, test, first, end, why) \
	do { \
		if (gpu_is_tested()) \
			printf("skipped: %s: %s\n", #test, why); \
		else \
			tcase_add_loop_test(tcase, test, first, end); \
	} while (0)

static inline int is_cuda(const erc_runtime *runtime)
{
	return !strcmp(runtime->device->ops->name, "cuda");
}

/* The stand-in has as many units as the runtime. If it stands for a GPU it has more, with two blocks each, as a GPU
 * has. */
static inline void stub_set_units(uint32_t units)
{
	stub_set("ERC_STUB_UNITS", gpu_is_tested() ? 16 : units);
	stub_set("ERC_STUB_BLOCKS", gpu_is_tested() ? 2 : 1);
}

/* Units of a runtime that has the whole device, which the plain form needs; `of_stand_in` on the stand-in. */
static inline uint32_t all_units(uint32_t of_stand_in)
{
	return gpu_is_tested() ? 0 : of_stand_in;
}

/* So much local memory for a tile that a unit holds only one block; tests that count waiting tiles expect this. */
static inline uint64_t one_block_bytes(const erc_runtime *runtime)
{
	return is_cuda(runtime) ? ((const struct cuda_device *)runtime->device)->max_local_bytes / 2 + 1024 : 0;
}

static inline void *gpu_call(const char *name)
{
	void *library = dlopen(getenv("ERC_LIBCUDA") ? getenv("ERC_LIBCUDA") : "libcuda.so.1", RTLD_NOW);
	void *symbol = library ? dlsym(library, name) : NULL;
	ck_assert_msg(symbol != NULL, "%s: %s", name, dlerror());
	return symbol;
}

/* Tiles may read and write these whole pages of host memory. */
static inline void gpu_show(erc_runtime *runtime, void *memory, size_t bytes)
{
	int (*host_register)(void *memory, size_t bytes, unsigned flags);
	struct cuda_device *device = (struct cuda_device *)runtime->device;
	if (!gpu_is_tested() || !is_cuda(runtime))
		return;
	*(void **)&host_register = gpu_call("cuMemHostRegister_v2");
	ck_assert_int_eq(erc__cuda_enter(device), 0);
	int result = host_register(memory, bytes, 2 /* mapped */);
	erc__cuda_leave(device);
	ck_assert_msg(!result || result == 712 /* already registered */, "cuMemHostRegister: %d", result);
}
#define GPU_PAGES __attribute__((aligned(4096)))

/* Runtimes that come and go find an existing context, because creating one takes long on a GPU. */
static inline void gpu_keep_context(void)
{
	int (*init)(unsigned flags);
	int (*retain)(void **context, int device);
	void *context;
	if (!gpu_is_real())
		return;
	*(void **)&init = gpu_call("cuInit");
	*(void **)&retain = gpu_call("cuDevicePrimaryCtxRetain");
	ck_assert_int_eq(init(0), 0);
	ck_assert_int_eq(retain(&context, 0), 0);
}

#endif
