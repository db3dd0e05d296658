/* Simulated targets. Variants are chosen and costed for a device of the table, but there is no code, so no toolchain is
 * needed. A kernel is only a name, one for each template and tile shape. sim: GPUs. sim_cpu: CPUs with many cores. */
#include "compiler/targets/target.h"

#include "schemas/artifact.h"
#include "schemas/sha256.h"

choose_fn sim_column(const struct kernel_template *template)
{
	return template->gpu ? template->gpu : template->cpu;
}

choose_fn sim_cpu_column(const struct kernel_template *template)
{
	return template->cpu;
}

enum ercc_status sim_build(struct context *ctx, const struct target *target, const struct plans *plans,
                           struct target_plan *out)
{
	out->kind = ERCA_TARGET_SIM;
	for (size_t n = 0; n < plans->launch_count; n++)
		for (uint32_t k = 0; k < out->budget_count; k++) {
			const struct launch *launch = plans->launches[n];
			struct variant *variant = launch_variants(out, launch) + k;
			struct text text = {.arena = &ctx->arena};
			struct kernel kernel = {0};
			if (!variant->tile_count)
				continue;
			text_printf(&text, "%s %s", target->name, launch->template->stem);
			for (int i = 0; i < TILE_SHAPE; i++)
				text_printf(&text, " %lld", (long long)variant->shape[i]);
			erc_sha256_of(text.data, text.length, kernel.digest);
			variant->kernel = target_add_kernel(ctx, out, &kernel, launch->template->stem);
			variant->param_count = 0; /* no kernel reads them */
		}
	return ERCC_OK;
}

enum ercc_status sim_cpu_build(struct context *ctx, const struct target *target, const struct plans *plans,
                               struct target_plan *out)
{
	return sim_build(ctx, target, plans, out);
}
