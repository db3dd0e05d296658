/* Kernel sources -> cubins or PTX, with NVRTC. The library is opened when a CUDA target is built, so it is not needed
 * to compile for CPUs or to run artifacts. Several kernels are compiled at a time. Images are cached together with the
 * assembler's report on them. */
#include "compiler/targets/nvrtc.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "compiler/targets/cache.h"

#define ENTRIES 2 /* per image: see cuda_entry.h */

struct nvrtc {
#define SYMBOL(name, parameters) int(*name) parameters;
#include "compiler/targets/nvrtc_symbols.def"
#undef SYMBOL
	int major, minor;
	char version[32];
};

/* ---- finding the library ---- */

static void *open_library(void)
{
	static const char *const names[] = {
		"libnvrtc.so.13",
		"libnvrtc.so.12",
		"/usr/local/cuda/lib64/libnvrtc.so.13",
		"/usr/local/cuda/lib64/libnvrtc.so.12",
	};
	const char *wanted = getenv("ERC_NVRTC"); /* an empty value counts as not set */
	if (wanted && *wanted)
		return dlopen(wanted, RTLD_NOW | RTLD_LOCAL);
	void *library = NULL;
	for (size_t i = 0; i < COUNT_OF(names) && !library; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	return library;
}

/* Opens the library and never closes it, because it does not support being closed. */
static enum ercc_status open_nvrtc(struct context *ctx, struct nvrtc *nvrtc)
{
	void *library = open_library();
	if (!library) {
		fail(ctx, ERCC_TOOLCHAIN, "NVRTC cannot be opened; CUDA targets need it");
		note(ctx, "install libnvrtc of CUDA 13 or 12 (it needs no GPU), or name its file in ERC_NVRTC");
		return ERCC_TOOLCHAIN;
	}
#define SYMBOL(name, parameters) \
	*(void **)&nvrtc->name = dlsym(library, "nvrtc" #name); \
	if (!nvrtc->name) \
		return fail(ctx, ERCC_TOOLCHAIN, "this NVRTC is not one of CUDA 13 or 12: it has no nvrtc" #name);
#include "compiler/targets/nvrtc_symbols.def"
#undef SYMBOL
	if (nvrtc->Version(&nvrtc->major, &nvrtc->minor))
		return fail(ctx, ERCC_TOOLCHAIN, "NVRTC does not report its version");
	snprintf(nvrtc->version, sizeof nvrtc->version, "nvrtc %d.%d", nvrtc->major, nvrtc->minor);
	return ERCC_OK;
}

static enum ercc_status check_architecture(struct context *ctx, const struct nvrtc *nvrtc,
                                           const struct nvrtc_target *target)
{
	struct text known = {.arena = &ctx->arena};
	int count = 0;
	if (nvrtc->GetNumSupportedArchs(&count) || count < 1)
		return fail(ctx, ERCC_TOOLCHAIN, "NVRTC does not say what it compiles for");
	int *list = arena_array(&ctx->arena, (size_t)count, sizeof *list);
	if (nvrtc->GetSupportedArchs(list))
		return fail(ctx, ERCC_TOOLCHAIN, "NVRTC does not say what it compiles for");
	for (int i = 0; i < count; i++) {
		if (list[i] == target->number)
			return ERCC_OK;
		text_printf(&known, " sm_%d", list[i]);
	}
	fail(ctx, ERCC_TOOLCHAIN, "%s is not supported by %s", target->name, nvrtc->version);
	note(ctx, "it knows%s", known.data);
	return ERCC_TOOLCHAIN;
}

/* ---- the assembler's report ---- */

/* The number before `words` in the line; -1 if it is not there. */
static long number_before(const char *line, const char *end, const char *words)
{
	const char *at = memmem(line, (size_t)(end - line), words, strlen(words));
	if (!at || at == line)
		return -1;
	const char *digits = at;
	while (digits > line && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	return digits < at ? strtol(digits, NULL, 10) : -1;
}

static void keep_larger(uint32_t *kept, long value)
{
	if (value > (long)*kept)
		*kept = (uint32_t)value;
}

bool gpu_resources_read(const char *report, int entries, struct gpu_resources *out)
{
	int begun = 0, used = 0, frames = 0;
	*out = (struct gpu_resources){0};
	for (const char *line = report, *end; *line; line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		begun += memmem(line, (size_t)(end - line), "Compiling entry function", 24) != NULL;
		long registers = number_before(line, end, " registers"),
			 stores = number_before(line, end, " bytes spill stores"),
			 loads = number_before(line, end, " bytes spill loads");
		used += registers > 0;
		frames += stores >= 0 && loads >= 0;
		out->spill_bytes += (uint32_t)(stores > 0 ? stores : 0) + (uint32_t)(loads > 0 ? loads : 0);
		keep_larger(&out->registers, registers);
		keep_larger(&out->static_bytes, number_before(line, end, " bytes smem"));
		keep_larger(&out->stack_bytes, number_before(line, end, " bytes stack frame"));
		keep_larger(&out->stack_bytes, number_before(line, end, " bytes cumulative stack size"));
	}
	return begun == entries && used >= entries && frames >= entries;
}

/* ---- compiling: its threads do not use the arena ---- */

struct result {
	bool done, failed; /* done: it was cached, so nothing is left to compile */
	char *log, *data;
	size_t bytes;
};

struct batch {
	struct context *ctx; /* other threads read only whether it is cancelled */
	const struct nvrtc *nvrtc;
	const struct nvrtc_target *target;
	const struct kernel *kernels;
	struct result *results;
	uint32_t count;
	const char *options[8];
	int option_count;
	const char *headers[1], *header_names[1];
	_Atomic uint32_t next;
	_Atomic bool failed;
};

static void free_results(void *data)
{
	struct batch *batch = data;
	for (uint32_t i = 0; i < batch->count; i++) {
		free(batch->results[i].log);
		free(batch->results[i].data);
	}
}

/* Returns memory from malloc; NULL if memory is out or NVRTC has no such data. */
static char *take(int (*size)(void *, size_t *), int (*get)(void *, char *), void *program, size_t *bytes)
{
	char *data = size(program, bytes) || !*bytes ? NULL : malloc(*bytes);
	if (data && !get(program, data))
		return data;
	free(data);
	return NULL;
}

static void compile_one(struct batch *batch, uint32_t i)
{
	const struct nvrtc *nvrtc = batch->nvrtc;
	struct result *result = &batch->results[i];
	void *program;
	size_t log_bytes;
	result->failed = true;
	if (nvrtc->CreateProgram(&program, batch->kernels[i].source, "kernel.cu", 1, batch->headers, batch->header_names))
		return;
	bool compiled = !nvrtc->CompileProgram(program, batch->option_count, batch->options);
	result->log = take(nvrtc->GetProgramLogSize, nvrtc->GetProgramLog, program, &log_bytes);
	if (compiled && batch->target->is_ptx)
		result->data = take(nvrtc->GetPTXSize, nvrtc->GetPTX, program, &result->bytes);
	else if (compiled)
		result->data = take(nvrtc->GetCUBINSize, nvrtc->GetCUBIN, program, &result->bytes);
	result->failed = !result->data || !result->log;
	nvrtc->DestroyProgram(&program);
}

static void *compile_some(void *data)
{
	struct batch *batch = data;
	for (uint32_t i; !batch->failed && !check_cancel(batch->ctx) && (i = batch->next++) < batch->count;) {
		if (batch->results[i].done)
			continue;
		compile_one(batch, i);
		if (batch->results[i].failed)
			batch->failed = true;
	}
	return NULL;
}

static void compile_all(struct batch *batch)
{
	pthread_t threads[MAX_JOBS];
	uint32_t started = 0, jobs = build_jobs(batch->ctx);
	while (started + 1 < jobs && started + 1 < batch->count &&
	       !pthread_create(&threads[started], NULL, compile_some, batch))
		started++;
	compile_some(batch);
	while (started)
		pthread_join(threads[--started], NULL);
}

/* ---- the cache: a file holds the resources, then the image ---- */

static void use_cached(struct batch *batch, const struct cache *cache, const char *const *keys,
                       struct gpu_image *images)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		int64_t bytes;
		char *file = cache_read(cache, keys[i], &bytes);
		progress(batch->ctx, i + 1, batch->count, "kernel %s", batch->kernels[i].name);
		size_t head = sizeof images[i].resources;
		if (!file || bytes <= (int64_t)head ||
		    !image_is(batch->target->is_ptx ? IMAGE_PTX : IMAGE_CUBIN, file + head, (size_t)bytes - head))
			continue;
		memcpy(&images[i].resources, file, sizeof images[i].resources);
		images[i].data = file + sizeof images[i].resources;
		images[i].bytes = bytes - (int64_t)sizeof images[i].resources;
		batch->results[i].done = true;
	}
}

static enum ercc_status take_result(const struct batch *batch, const struct cache *cache, const char *key, uint32_t i,
                                    struct gpu_image *image)
{
	struct context *ctx = batch->ctx;
	struct result *result = &batch->results[i];
	struct text file = {.arena = &ctx->arena};
	if (result->done)
		return ERCC_OK;
	if (result->failed) {
		fail(ctx, ERCC_TOOLCHAIN, "%s failed on kernel %s for %s", batch->nvrtc->version, batch->kernels[i].name,
		     batch->target->name);
		note(ctx, "it said: %.600s", result->log && *result->log ? result->log : "nothing");
		return ERCC_TOOLCHAIN;
	}
	if (!image_is(batch->target->is_ptx ? IMAGE_PTX : IMAGE_CUBIN, result->data, result->bytes))
		return fail(ctx, ERCC_TOOLCHAIN, "%s made no image of kernel %s", batch->nvrtc->version,
		            batch->kernels[i].name);
	if (!batch->target->is_ptx && !gpu_resources_read(result->log, ENTRIES, &image->resources))
		return fail(ctx, ERCC_TOOLCHAIN, "%s does not report the resources of kernel %s", batch->nvrtc->version,
		            batch->kernels[i].name);
	text_append(&file, (const char *)&image->resources, sizeof image->resources);
	text_append(&file, result->data, result->bytes);
	cache_store(cache, key, file.data, (int64_t)file.length);
	image->data = file.data + sizeof image->resources;
	image->bytes = (int64_t)result->bytes;
	return ERCC_OK;
}

static enum ercc_status prepare(struct context *ctx, struct batch *batch, struct cache *cache)
{
	const char *options[] = {
		arena_printf(&ctx->arena, "--gpu-architecture=%s", batch->target->architecture),
		"--std=c++17",
		"--fmad=false",
		"--device-as-default-execution-space",
		"--device-int128",
		"--disable-warnings",
		"--ptxas-options=-v",
	};
	TRY(template_text(ctx, "cuda_stdint.h", &batch->headers[0]));
	batch->header_names[0] = "stdint.h";
	batch->option_count = (int)COUNT_OF(options) - batch->target->is_ptx; /* the last is the assembler's */
	memcpy(batch->options, options, sizeof options);
	*cache = cache_open(ctx);
	cache_identify(cache, batch->nvrtc->version);
	cache_identify(cache, batch->headers[0]);
	for (int i = 0; i < batch->option_count; i++)
		cache_identify(cache, batch->options[i]);
	return ERCC_OK;
}

enum ercc_status nvrtc_build(struct context *ctx, const struct nvrtc_target *target, const struct kernel *kernels,
                             uint32_t count, struct gpu_image *images, int *version, const char **toolchain)
{
	struct nvrtc nvrtc;
	struct cache cache;
	struct batch *batch = arena_alloc(&ctx->arena, sizeof *batch);
	const char **keys = arena_array(&ctx->arena, count, sizeof *keys);
	TRY(open_nvrtc(ctx, &nvrtc));
	TRY(check_architecture(ctx, &nvrtc, target));
	batch->ctx = ctx;
	batch->nvrtc = &nvrtc;
	batch->target = target;
	batch->kernels = kernels;
	batch->results = arena_array(&ctx->arena, count, sizeof *batch->results);
	batch->count = count;
	arena_defer(&ctx->arena, free_results, batch);
	TRY(prepare(ctx, batch, &cache));
	for (uint32_t i = 0; i < count; i++)
		keys[i] = cache_key(&cache, kernels[i].source, strlen(kernels[i].source), target->is_ptx ? "ptx" : "cubin");
	use_cached(batch, &cache, keys, images);
	compile_all(batch);
	TRY(check_cancel(ctx));
	for (uint32_t i = 0; i < count; i++) /* after a failure, only the failed kernels have results */
		if (!batch->failed || batch->results[i].failed)
			TRY(take_result(batch, &cache, keys[i], i, &images[i]));
	*version = nvrtc.major * 1000 + nvrtc.minor * 10;
	*toolchain = arena_copy_text(&ctx->arena, nvrtc.version);
	return ERCC_OK;
}
