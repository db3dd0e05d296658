/* Builds the test kernels for a GPU in the same way as the compiler builds those of an artifact: the dialect, the
 * tile's body and the entries, through NVRTC. The first thread of a block computes the tile. */
#include "tests/devices/gpu_code.h"

#include <stdlib.h>

#include "schemas/cuda.h"
#include "schemas/sha256.h"
#include "compiler/targets/nvrtc.h"
#include "tests/devices/test_kernels.h"

#define IMAGE_ALIGN 64

/* Defines for a GPU what test_kernels.h defines for the host. The control words are in host memory, and only one GPU
 * increments one of them. */
static const char head[] =
	"#define KERNEL(name) static __device__ void test_##name(const struct erc_tile_args *args, uint32_t tile, void "
	"*local)\n"
	"#define FAULT *(volatile uint32_t *)16 = 1\n"
	"#define LOCAL_ALIGN 16\n"
	"static __device__ uint32_t test_add(uint32_t *p, uint32_t n)\n"
	"{ __threadfence_system(); uint32_t old = atomicAdd(p, n); __threadfence_system(); return old; }\n"
	"static __device__ uint32_t test_load(const uint32_t *p)\n"
	"{ uint32_t value = *(const volatile uint32_t *)p; __threadfence_system(); return value; }\n"
	"#define __atomic_fetch_add(p, n, order) test_add(p, n)\n"
	"#define __atomic_add_fetch(p, n, order) (test_add(p, n) + (n))\n"
	"#define __atomic_load_n(p, order) test_load(p)\n"
	"#define sched_yield() __nanosleep(500)\n";

static char errors[1024];

static void keep_message(void *user, enum ercc_message_kind kind, const char *message, uint32_t done, uint32_t total)
{
	(void)user, (void)done, (void)total;
	size_t used = strlen(errors);
	if (kind == ERCC_MESSAGE_ERROR || kind == ERCC_MESSAGE_NOTE)
		snprintf(errors + used, sizeof errors - used, "%s%s", used ? "; " : "", message);
}

static enum ercc_status append_file(struct context *ctx, const char *name, struct text *text)
{
	const char *content;
	TRY(template_text(ctx, name, &content));
	text_printf(text, "#line 1 \"%s\"\n%s", name, content);
	return ERCC_OK;
}

static enum ercc_status kernel_source(struct context *ctx, const char *name, struct kernel *kernel)
{
	struct text text = {.arena = &ctx->arena};
	text_printf(&text, "#define THREADS 32\n#define ASYNC 0\n");
	TRY(append_file(ctx, "tile.h", &text));
	TRY(append_file(ctx, "cuda.h", &text));
	TRY(append_file(ctx, "cuda_dialect.h", &text));
	text_printf(&text, "%s%s", head, test_kernels_text);
	text_printf(&text, "TILE_BODY { if (THREAD == 0) test_%s(args, tile, local); }\n", name);
	TRY(append_file(ctx, "cuda_entry.h", &text));
	*kernel = (struct kernel){.name = name, .source = text.data};
	erc_sha256_of(text.data, strlen(text.data), kernel->digest);
	return ERCC_OK;
}

/* Joins the table and the images: schemas/cuda.h. */
static void *join(const struct gpu_image *images, uint32_t count, size_t *bytes)
{
	size_t at = sizeof(struct erc_cuda_image) + count * sizeof((struct erc_cuda_image){0}.images[0]), end = at;
	for (uint32_t i = 0; i < count; i++)
		end += IMAGE_ALIGN + (size_t)images[i].bytes;
	struct erc_cuda_image *code = calloc(1, end);
	if (!code)
		abort();
	code->abi = ERC_CUDA_ABI;
	code->kernel_count = count;
	for (uint32_t i = 0; i < count; i++) {
		at = (at + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
		code->images[i].offset = at;
		code->images[i].bytes = (uint64_t)images[i].bytes;
		memcpy((char *)code + at, images[i].data, (size_t)images[i].bytes);
		at += (size_t)images[i].bytes;
	}
	*bytes = at;
	return code;
}

static enum ercc_status build(struct context *ctx, const char *target, void **code, size_t *bytes)
{
	static const char *const names[] = {
#define X(name) #name,
		TEST_KERNELS(X)
#undef X
	};
	struct kernel kernels[TEST_KERNEL_COUNT];
	struct gpu_image images[TEST_KERNEL_COUNT] = {0};
	const char *toolchain, *architecture = strchr(target, ':') ? strchr(target, ':') + 1 : target;
	int version;
	struct nvrtc_target nvrtc = {target, architecture,
	                             atoi(strchr(architecture, '_') ? strchr(architecture, '_') + 1 : "0"), false};
	for (int i = 0; i < TEST_KERNEL_COUNT; i++)
		TRY(kernel_source(ctx, names[i], &kernels[i]));
	TRY(nvrtc_build(ctx, &nvrtc, kernels, TEST_KERNEL_COUNT, images, &version, &toolchain));
	*code = join(images, TEST_KERNEL_COUNT, bytes);
	return ERCC_OK;
}

void *gpu_code(const char *target, size_t *bytes, const char **wrong)
{
	struct ercc_options options = {.size = sizeof options, .message = keep_message};
	jmp_buf out_of_memory;
	struct context ctx = {.options = &options, .arena.out_of_memory = &out_of_memory};
	void *volatile code = NULL;
	errors[0] = '\0';
	*wrong = errors;
	if (setjmp(out_of_memory) == 0) {
		void *built = NULL;
		if (build(&ctx, target, &built, bytes) == ERCC_OK)
			code = built;
	}
	arena_release(&ctx.arena);
	return code;
}
