/* CPU targets: C kernels, one shared object per instruction set. */
#include "compiler/targets/target.h"

#include "schemas/artifact.h"

static void cpu_define(const struct target *target, const struct variant *variant, struct text *text)
{
	(void)variant;
	text_printf(text, "#define LANES %u\n", target->device->lanes);
}

static const struct dialect dialect = {
	".cpu.c",
	{"tile.h", "cpu_dialect.h", "kernel_math.h", "kernel_functions.h", "kernel_params.h"},
	{NULL},
	cpu_define,
};

choose_fn cpu_column(const struct kernel_template *template)
{
	return template->cpu;
}

enum ercc_status cpu_build(struct context *ctx, const struct target *target, const struct plans *plans,
                           struct target_plan *out)
{
	const struct device *device = target->device;
	out->kind = ERCA_TARGET_CPU;
	TRY(target_add_kernels(ctx, target, &dialect, plans, out));
	const char *flags[] = {
		"-O3",
		arena_printf(&ctx->arena, "-march=%s", strchr(target->name, ':') + 1),
		device->lanes == 16 ? "-mprefer-vector-width=512" : "-mprefer-vector-width=256",
	};
	return cc_build_image(ctx, flags, COUNT_OF(flags), out->kernels, out->kernel_count, &out->code, &out->code_bytes,
	                      &out->toolchain);
}
