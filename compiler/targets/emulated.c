/* Emulated targets: GPU kernels built for the CPU, to test them without a GPU. cuda_emulate.h replaces cuda_dialect.h.
 * The image is an ordinary image of the `cpu` device. It is slow. */
#include "compiler/targets/target.h"

#include "schemas/artifact.h"

#define THREAD_BYTES 32768 /* EMULATE_BLOCK_BYTES of cuda_emulate.h */

static void emulated_define(const struct target *target, const struct variant *variant, struct text *text)
{
	gpu_define(target, variant, text);
	text_printf(text, "#define LOCAL_BYTES %lld\n", (long long)variant->local_bytes);
}

static const struct dialect dialect = {
	".cu",
	{"tile.h", "cuda_emulate.h", "kernel_math.h", "kernel_functions.h", "kernel_params.h", "cuda_lines.h"},
	{NULL},
	emulated_define,
};

choose_fn emulated_column(const struct kernel_template *template)
{
	return gpu_column(template);
}

enum ercc_status emulated_build(struct context *ctx, const struct target *target, const struct plans *plans,
                                struct target_plan *out)
{
	static const char *const flags[] = {"-O2", "-march=x86-64-v3", "-ffp-contract=off"}; /* to round as NVRTC does */
	out->kind = ERCA_TARGET_CPU;
	TRY(target_add_kernels(ctx, target, &dialect, plans, out));
	for (uint32_t i = 0; i < (uint32_t)plans->launch_count * out->budget_count; i++) /* no budget counts the fibers */
		out->variants[i].local_bytes += (1 + (int64_t)out->variants[i].threads) * THREAD_BYTES + 64;
	return cc_build_image(ctx, flags, COUNT_OF(flags), out->kernels, out->kernel_count, &out->code, &out->code_bytes,
	                      &out->toolchain);
}
