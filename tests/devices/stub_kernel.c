/* Blocks of the stand-in for CUDA: the entries of real kernels (cuda_entry.h) around a tile function of a CPU code
 * image, in a dialect where a block is one thread. An image consists of the magic number, the kernel's number, and
 * the shared object that holds it. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/devices/stub_cuda.h"
#include "tests/devices/stub_image.h"

static __thread struct {
	uint32_t number;
	void *local;
	erc_tile_fn tile;
} block;

/* ---- the dialect ---- */

#define FN static inline
#define ENTRY(name) static void name(const struct erc_cuda_launch launch)
#define DECLARE_LOCAL void *local = block.local
#define DECLARE_SHARED(type, name) type name
#define BLOCK block.number
#define THREAD 0
#define TIMER_AHEAD_NS UINT64_C(123456789012345) /* ahead of the host's clock */

FN void barrier(void)
{
}

FN void tile_body(const struct erc_tile_args *args, uint32_t tile, void *local)
{
	block.tile(args, tile, local);
}

FN uint64_t read_room(const struct erc_cuda_room *room)
{
	return __atomic_load_n(&room->word, __ATOMIC_ACQUIRE);
}

FN uint64_t read_slot(const struct erc_cuda_slot *slot)
{
	return __atomic_load_n((const uint64_t *)(const void *)slot, __ATOMIC_RELAXED);
}

FN uint32_t read_word(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

FN void write_word(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

FN uint32_t read_done(const struct erc_cuda_progress *progress)
{
	return __atomic_load_n(&progress->done, __ATOMIC_ACQUIRE);
}

FN uint32_t read_next(const struct erc_cuda_progress *progress)
{
	return __atomic_load_n(&progress->next, __ATOMIC_RELAXED);
}

FN void pause_block(void)
{
	usleep(20);
}
#define pause pause_block /* libc has a function of that name */

FN uint32_t claim_tile(struct erc_cuda_progress *progress)
{
	stub_shake();
	return __atomic_fetch_add(&progress->next, 1, __ATOMIC_RELAXED);
}

FN void count_done(struct erc_cuda_progress *progress)
{
	__atomic_fetch_add(&stub_fence, 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&progress->done, 1, __ATOMIC_RELEASE);
}

FN uint64_t global_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + TIMER_AHEAD_NS;
}

FN void keep_largest(uint64_t *at, uint64_t value)
{
	uint64_t seen = __atomic_load_n(at, __ATOMIC_RELAXED);
	while (seen < value && !__atomic_compare_exchange_n(at, &seen, value, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

#include "compiler/targets/cuda_entry.h"

/* ---- blocks ---- */

void stub_block(const struct op *kernel, uint32_t number)
{
	size_t bytes = kernel->local_bytes + 64; /* emulated kernels need this much more */
	if (kernel->function->module->thread_bytes)
		bytes += (size_t)(1 + kernel->threads) * kernel->function->module->thread_bytes;
	block.number = number;
	block.tile = kernel->function->module->tile;
	block.local = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!block.local)
		abort();
	if (kernel->function->is_elastic)
		erc_elastic(kernel->launch);
	else
		erc_plain(kernel->launch);
	free(block.local);
}

/* ---- modules ---- */

static const struct erc_cpu_image *open_object(struct module *module, const void *data, size_t bytes)
{
	char path[] =
		"/tmp/erc-stub-XXXXXX"; /* a new name each time, because dlopen returns what it already has under a name */
	int file = mkstemp(path);
	if (file < 0 || write(file, data, bytes) != (ssize_t)bytes)
		abort();
	module->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	unlink(path);
	void *symbol = module->handle ? dlsym(module->handle, ERC_CPU_IMAGE_QUERY) : NULL;
	erc_cpu_image_query_fn query;
	memcpy(&query, &symbol, sizeof query);
	const struct erc_cpu_image *image = query ? query() : NULL;
	close(file);
	return image;
}

struct module *stub_module(const void *data)
{
	const struct stub_image *image = data;
	if (memcmp(image->magic, STUB_IMAGE_MAGIC, sizeof image->magic))
		return NULL;
	struct module *module = calloc(1, sizeof *module);
	if (!module)
		abort();
	const struct erc_cpu_image *table =
		open_object(module, (const char *)data + image->object_offset, image->object_bytes);
	if (!table || image->kernel >= table->kernel_count) {
		if (module->handle)
			dlclose(module->handle);
		free(module);
		return NULL;
	}
	module->thread_bytes = image->thread_bytes;
	module->tile = table->kernels[image->kernel];
	module->plain.module = module->elastic.module = module;
	module->elastic.is_elastic = 1;
	return module;
}
