/* Chooses the variants of every launch. Each template offers tile shapes, and the cheapest one that fits is taken. A
 * smaller budget keeps the shape of a larger one unless another shape is clearly better. */
#include <math.h>

#include "compiler/variants/target_plan.h"

void choice_begin(struct choice *choice, const struct device *device, const struct variant *variant)
{
	*choice =
		(struct choice){.device = device, .larger = variant->larger, .best_cost = INFINITY, .kept_cost = INFINITY};
	choice->like = variant->like ? variant->like->shape : NULL;
}

void tile_multiply(struct tile *tile, int64_t numerator, int64_t divisor)
{
	int i = 0;
	while (tile->parts[i].divisor)
		i++;
	tile->parts[i] = (struct quotient){numerator, divisor};
	tile->count = (i ? tile->count : 1) * ceil_div(numerator, divisor);
}

void choice_offer(struct choice *choice, const struct tile *tile)
{
	const struct device *device = choice->device;
	if (choice->like) {
		if (memcmp(tile->shape, choice->like, sizeof tile->shape))
			return;
		choice->best = *tile;
		choice->best_cost = 0;
		return;
	}
	if (tile->local_bytes > device->local_bytes) {
		if (!choice->least_local || tile->local_bytes < choice->least_local)
			choice->least_local = tile->local_bytes;
		return;
	}
	if (tile->count >= UINT32_MAX)
		return;
	double cost = launch_cost(device, tile), ns = tile_ns(device, tile);
	if (ns > device->tile_limit_ns) /* real-time work would wait too long: taken only if no tile is below the limit */
		cost += 1e12 * ns;
	if (choice->larger && !memcmp(tile->shape, choice->larger->shape, sizeof tile->shape)) {
		choice->kept = *tile;
		choice->kept_cost = cost;
	}
	if (cost < choice->best_cost * (1 - 1e-9)) {
		choice->best = *tile;
		choice->best_cost = cost;
	}
}

enum ercc_status choice_end(struct context *ctx, const struct choice *choice, const struct launch *launch,
                            struct variant *variant, struct tile *out)
{
	if (choice->best_cost == INFINITY && choice->like)
		return fail(ctx, ERCC_UNSUPPORTED,
		            "launch '%s' has no tiles of the shape that it has at the bounds of the ranges", launch->name);
	if (choice->best_cost == INFINITY && !choice->least_local)
		return fail(ctx, ERCC_UNSUPPORTED, "launch '%s' needs 2^32 tiles or more", launch->name);
	variant->local_bytes = choice->least_local;
	if (choice->best_cost == INFINITY)
		return ERCC_BUDGET; /* choose_launch reports it, with the budget's name */
	*out = choice->kept_cost <= (1 + choice->device->doubt) * choice->best_cost ? choice->kept : choice->best;
	memcpy(variant->shape, out->shape, sizeof variant->shape);
	variant->tile_count = (uint32_t)out->count;
	memcpy(variant->count, out->parts, sizeof variant->count);
	variant->local_bytes = out->local_bytes;
	variant->threads = out->threads;
	variant->registers = out->registers;
	double ns = tile_ns(choice->device, out);
	variant->tile_ns = ns < UINT32_MAX ? (uint32_t)(ns + 1) : UINT32_MAX;
	variant->tile_bytes = (int64_t)ceil(tile_memory_bytes(choice->device, launch, out));
	return ERCC_OK;
}

enum ercc_status no_tiles(struct context *ctx, const struct device *device, const struct launch *launch,
                          struct variant *variant)
{
	(void)ctx, (void)device, (void)launch, (void)variant;
	return ERCC_OK;
}

void choice_run_time_count(const struct launch *launch, int64_t rows, int64_t per_tile, struct variant *variant)
{
	const struct shape *space = &launch->space;
	if (!space->rank || !space->sizes[0] || !space->dims[0] || rows % space->dims[0])
		return;
	int64_t scale = rows / space->dims[0], a = scale, b = per_tile;
	while (b) { /* reduce the fraction */
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	if (!a || scale / a > UINT16_MAX || per_tile / a > UINT32_MAX)
		return; /* all tiles run; results beyond the true size are not used */
	variant->count_size = space->sizes[0];
	variant->count_scale = (uint16_t)(scale / a);
	variant->count_step = (uint32_t)(per_tile / a);
}

/* Orders budgets by the part of the device that they allow, the largest first. */
static void order_budgets(const struct device *device, const struct target_plan *out, uint32_t *order)
{
	for (uint32_t k = 0; k < out->budget_count; k++) {
		struct device left = device_under(device, &out->budgets[k]);
		uint32_t at = k;
		for (; at > 0; at--) {
			struct device other = device_under(device, &out->budgets[order[at - 1]]);
			if (other.units > left.units || (other.units == left.units && other.local_bytes >= left.local_bytes))
				break;
			order[at] = order[at - 1];
		}
		order[at] = k;
	}
}

/* Chooses under one budget. Where none of its tiles fits a share of local memory, a tile of the next larger budget is
 * taken, or one that fits a whole unit. */
static enum ercc_status choose_variant(struct context *ctx, const struct device *device, const struct launch *launch,
                                       choose_fn choose, const struct budget *budget, struct variant *variant)
{
	const struct variant *larger = variant->larger, before = *variant;
	struct device left = device_under(device, budget);
	enum ercc_status status = choose(ctx, &left, launch, variant);
	if (status != ERCC_BUDGET || !budget->is_local_shared)
		return status;
	left.local_bytes = larger ? larger->local_bytes : device->local_bytes - device->static_bytes;
	*variant = before;
	return choose(ctx, &left, launch, variant);
}

static enum ercc_status choose_launch(struct context *ctx, const struct device *device, const struct launch *launch,
                                      choose_fn choose, const struct target_plan *out, const uint32_t *order)
{
	struct variant *variants = launch_variants(out, launch);
	for (uint32_t i = 0; i < out->budget_count; i++) {
		const struct budget *budget = &out->budgets[order[i]];
		struct variant *variant = &variants[order[i]];
		variant->larger = i ? &variants[order[i - 1]] : NULL;
		enum ercc_status status = choose_variant(ctx, device, launch, choose, budget, variant);
		if (status == ERCC_BUDGET)
			fail(ctx, status, "launch '%s' needs %lld bytes of local memory, the budget '%s' has %lld on %s",
			     launch->name, (long long)variant->local_bytes, budget->name, (long long)budget->local_bytes,
			     out->name);
		TRY(status);
		variant->units = budget->units;
	}
	return ERCC_OK;
}

/* Reports every launch that has no kernel for the target. */
static enum ercc_status check_columns(struct context *ctx, const struct plans *plans,
                                      choose_fn (*column)(const struct kernel_template *template), const char *target)
{
	enum ercc_status status = ERCC_OK;
	for (size_t n = 0; n < plans->launch_count; n++) {
		const struct launch *launch = plans->launches[n];
		if (!column(launch->template))
			status = fail(ctx, ERCC_UNSUPPORTED, "node '%s': kernel %s is not on %s", launch->name,
			              launch->template->stem, target);
	}
	return status;
}

/* Says which budgets hold less local memory than some of their tiles need. */
static void note_exceeded(struct context *ctx, const struct device *device, const struct plans *plans,
                          const struct target_plan *out)
{
	for (uint32_t k = 0; k < out->budget_count; k++) {
		const struct budget *budget = &out->budgets[k];
		const struct device left = device_under(device, budget);
		const struct launch *first = NULL;
		long long count = 0, most = 0;
		for (size_t n = 0; n < plans->launch_count; n++) {
			int64_t local = launch_variants(out, plans->launches[n])[k].local_bytes;
			if (local <= left.local_bytes)
				continue;
			first = count++ ? first : plans->launches[n];
			most = local > most ? local : most;
		}
		if (count)
			note(ctx,
			     "budget '%s' has %lld bytes of local memory for each unit of %s; %lld launch%s, such as '%s', keep%s "
			     "the "
			     "tiles of a larger budget, which need up to %lld",
			     budget->name, (long long)budget->local_bytes, out->name, count, count > 1 ? "es" : "", first->name,
			     count > 1 ? "" : "s", most);
	}
}

/* Whether all that the launch writes is empty. */
static bool writes_nothing(const struct launch *launch)
{
	for (int i = 0; i < launch->operand_count; i++)
		if (launch->operands[i].write && launch->operands[i].buffer->bytes)
			return false;
	return true;
}

enum ercc_status variants_choose(struct context *ctx, const struct device *device, const struct plans *plans,
                                 choose_fn (*column)(const struct kernel_template *template), struct target_plan *out)
{
	uint32_t order[MAX_BUDGETS];
	TRY(check_columns(ctx, plans, column, out->name));
	order_budgets(device, out, order);
	out->variants = arena_array(&ctx->arena, plans->launch_count * out->budget_count, sizeof *out->variants);
	for (size_t n = 0; n < plans->launch_count; n++) {
		const struct launch *launch = plans->launches[n];
		if (writes_nothing(launch))
			continue; /* there are no tiles */
		TRY(choose_launch(ctx, device, launch, column(launch->template), out, order));
	}
	note_exceeded(ctx, device, plans, out);
	return variants_verify(ctx, plans, out);
}
