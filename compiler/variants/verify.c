/* Checks a target's variants. Under every budget a launch must compute the same sums in the same order, and must not
 * use more local memory than the budget has. */
#include "compiler/variants/target_plan.h"

/* Compares params and defines that do not depend on the tile. They say what is computed, and in which order. */
static bool same_besides_tiles(const struct variant *a, const struct variant *b)
{
	bool same = a->param_count == b->param_count && a->define_count == b->define_count &&
	            a->tile_params == b->tile_params && a->tile_defines == b->tile_defines;
	for (int i = 0; same && i < a->param_count; i++)
		same = (i < 64 && a->tile_params >> i & 1) || a->params[i] == b->params[i];
	for (int i = 0; same && i < a->define_count; i++)
		same = !strcmp(a->defines[i].name, b->defines[i].name) &&
		       ((a->tile_defines >> i & 1) || !strcmp(a->defines[i].value, b->defines[i].value));
	return same;
}

enum ercc_status variants_verify(struct context *ctx, const struct plans *plans, const struct target_plan *target)
{
	for (size_t n = 0; n < plans->launch_count; n++)
		for (uint32_t k = 0; k < target->budget_count; k++) {
			const struct launch *launch = plans->launches[n];
			const struct variant *first = launch_variants(target, launch), *variant = first + k;
			const struct budget *budget = &target->budgets[k];
			if (!same_besides_tiles(first, variant))
				return fail(ctx, ERCC_INTERNAL,
				            "launch '%s' of %s: the variants for '%s' and '%s' differ in more than their tiles",
				            launch->name, target->name, target->budgets[0].name, budget->name);
			if (!first->tile_count != !variant->tile_count)
				return fail(ctx, ERCC_INTERNAL, "launch '%s' of %s has no tiles under one of '%s' and '%s'",
				            launch->name, target->name, target->budgets[0].name, budget->name);
			if (variant->local_bytes > budget_most_local(budget, target->device) ||
			    (budget->units && variant->units > budget->units))
				return fail(ctx, ERCC_INTERNAL, "launch '%s' of %s: its variant is beyond the budget '%s'",
				            launch->name, target->name, budget->name);
		}
	return ERCC_OK;
}
