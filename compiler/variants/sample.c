/* Variants of the samples of plans with ranges: they have the tile shapes of the plan at the bounds. */
#include "compiler/variants/target_plan.h"

/* Makes the defines of `common` right for the sizes of `other`, too. Returns false if there is no such kernel. */
static bool take_common(struct variant *common, const struct variant *other)
{
	bool is_common = common->define_count == other->define_count;
	for (int i = 0; is_common && i < common->define_count; i++) {
		struct define *define = &common->defines[i];
		is_common = !strcmp(define->name, other->defines[i].name);
		if (is_common && strcmp(define->value, other->defines[i].value)) {
			is_common = common->generals[i];
			define->value = is_common ? common->generals[i] : define->value;
		}
	}
	return is_common;
}

static enum ercc_status choose(struct context *ctx, const struct device *device, const struct launch *launch,
                               choose_fn choose_tiles, const struct variant *like, const struct budget *budget,
                               struct variant *out)
{
	const struct device left = device_under(device, budget);
	if (!like->tile_count)
		return ERCC_OK;
	*out = (struct variant){.like = like};
	TRY(choose_tiles(ctx, &left, launch, out));
	out->like = NULL;
	if (out->param_count == like->param_count && out->local_bytes <= like->local_bytes)
		return ERCC_OK;
	return fail(ctx, ERCC_UNSUPPORTED, "launch '%s' has no tiles of the shape that it has at the bounds of the ranges",
	            launch->name);
}

/* If the kernel of the bounds is a special one, the launch gets that of the samples. All samples must agree on one. */
static enum ercc_status agree(struct context *ctx, const struct plan *plan, const struct launch *launch,
                              const struct target_plan *samples, struct variant *variant, int index, uint32_t k)
{
	struct variant common = {0};
	for (int s = 0; s < plan->sample_count; s++) {
		const struct variant *other = &samples[s].variants[(uint32_t)index * samples[s].budget_count + k];
		if (!s)
			variant_take_defines(&common, other);
		if (!take_common(&common, other))
			return fail(ctx, ERCC_UNSUPPORTED, "launch '%s' needs other kernels for other sizes of the ranges",
			            launch->name);
		if (other->count_size != variant->count_size || other->count_scale != variant->count_scale ||
		    other->count_step != variant->count_step)
			variant->count_scale = 0; /* all tiles run */
	}
	take_common(&common, variant);
	variant_take_defines(variant, &common);
	return ERCC_OK;
}

static enum ercc_status sample_plan(struct context *ctx, const struct device *device, const struct plan *plan,
                                    choose_fn (*column)(const struct kernel_template *template),
                                    const struct target_plan *target, struct target_plan *samples)
{
	for (int s = 0; s < plan->sample_count; s++) {
		const struct plans *plans = plan->samples[s].plans;
		samples[s] = *target;
		samples[s].variants =
			arena_array(&ctx->arena, plans->launch_count * target->budget_count, sizeof(struct variant));
	}
	int index = 0;
	for (const struct launch *launch = plan->first; launch; launch = launch->next, index++)
		for (uint32_t k = 0; k < target->budget_count; k++) {
			struct variant *variant = &launch_variants(target, launch)[k];
			if (!variant->tile_count)
				continue;
			for (int s = 0; s < plan->sample_count; s++) {
				const struct launch *other = plan->samples[s].plans->launches[index];
				TRY(choose(ctx, device, other, column(launch->template), variant, &target->budgets[k],
				           &launch_variants(&samples[s], other)[k]));
			}
			TRY(agree(ctx, plan, launch, samples, variant, index, k));
		}
	return ERCC_OK;
}

enum ercc_status variants_sample(struct context *ctx, const struct device *device, const struct plans *plans,
                                 choose_fn (*column)(const struct kernel_template *template), struct target_plan *out)
{
	out->samples = arena_array(&ctx->arena, plans->count, sizeof *out->samples);
	for (size_t i = 0; i < plans->count; i++) {
		const struct plan *plan = plans->items[i];
		if (!plan->sample_count)
			continue;
		out->samples[i] = arena_array(&ctx->arena, (size_t)plan->sample_count, sizeof **out->samples);
		TRY(sample_plan(ctx, device, plan, column, out, out->samples[i]));
	}
	return ERCC_OK;
}
