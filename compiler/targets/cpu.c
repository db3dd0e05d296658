/* CPU targets: C kernels, one shared object per instruction set. */
#include "target.h"

#include "../../schemas/artifact.h"
#include "sha256.h"

static const char *const flags_common[] = {
	"-std=gnu11", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-ffreestanding", "-fPIC",
	"-fvisibility=hidden", "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-w",
};

/* defines, the shared headers, then the template: one self-contained source. */
static enum ercc_status kernel_source(struct context *ctx, const struct device *device, const struct launch *launch,
                                      const struct variant *variant, const char **out)
{
	struct text text = {.arena = &ctx->arena};
	const char *tile, *math, *functions, *body, *file = arena_printf(&ctx->arena, "%s.cpu.c", launch->template->stem);
	TRY(template_text(ctx, "tile.h", &tile));
	TRY(template_text(ctx, "kernel_math.h", &math));
	TRY(template_text(ctx, "kernel_functions.h", &functions));
	TRY(template_text(ctx, file, &body));
	bool vector = false;
	for (int i = 0; i < variant->define_count; i++) {
		text_printf(&text, "#define %s %s\n", variant->defines[i].name, variant->defines[i].value);
		vector |= !strcmp(variant->defines[i].name, "VECTOR");
	}
	text_printf(&text, "#define LANES %u\n", device->lanes);
	if (!vector)
		text_printf(&text, "#define VECTOR 0\n");
	if (launch->expr.count) {
		const struct expr *expr = &launch->expr;
		text_printf(&text, "#define EXPR ");
		expr_print_c(expr, &text);
		text_printf(&text, "\n#define RESULT v%d\n", expr->count - 1);
	}
	text_printf(&text, "#line 1 \"tile.h\"\n%s#line 1 \"kernel_math.h\"\n%s#line 1 \"kernel_functions.h\"\n%s#line 1 \"%s\"\n%s", tile,
	            math, functions, file, body);
	*out = text.data;
	return ERCC_OK;
}

choose_fn cpu_column(const struct kernel_template *template)
{
	return template->cpu;
}

/* Kernels of all variants of a launch; equal sources are one kernel. */
static enum ercc_status add_kernels(struct context *ctx, const struct device *device, const struct launch *launch,
                                    struct target_plan *out)
{
	struct variant *variants = launch_variants(out, launch);
	for (uint32_t k = 0; k < out->budget_count; k++) {
		struct kernel kernel = {0};
		if (!variants[k].tile_count)
			continue;
		TRY(kernel_source(ctx, device, launch, &variants[k], &kernel.source));
		erc_sha256_of(kernel.source, strlen(kernel.source), kernel.digest);
		variants[k].kernel = target_add_kernel(ctx, out, &kernel, launch->template->stem);
	}
	return ERCC_OK;
}

enum ercc_status cpu_build(struct context *ctx, const struct target *target, struct plan *plan, struct target_plan *out)
{
	const struct device *device = target->device;
	out->kind = ERCA_TARGET_CPU;
	for (const struct launch *launch = plan->first; launch; launch = launch->next)
		TRY(add_kernels(ctx, device, launch, out));
	const char *flags[24];
	int count = 0;
	for (size_t i = 0; i < COUNT_OF(flags_common); i++)
		flags[count++] = flags_common[i];
	flags[count++] = arena_printf(&ctx->arena, "-march=%s", strchr(target->name, ':') + 1);
	flags[count++] = device->lanes == 16 ? "-mprefer-vector-width=512" : "-mprefer-vector-width=256";
	return cc_build_image(ctx, flags, count, out->kernels, out->kernel_count, &out->code, &out->code_bytes, &out->toolchain);
}
