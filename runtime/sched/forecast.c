/* Widths of launches, and what a run needs next. */
#include "runtime/sched/forecast.h"

#include "runtime/sched/profile.h"

static uint64_t rounds_ns(const struct erc__forecast_launch *launch)
{
	return launch->tiles ? (uint64_t)erc__launch_rounds(launch->tiles, launch->width) * launch->tile_ns : 0;
}

#define FORECAST_JUMPS 16 /* branches and iterations that a look ahead goes through */

/* The step that is expected after this one. After `jumps` iterations, loops end. */
static uint32_t step_after(const struct erc__forecast *forecast, uint32_t step, uint32_t *jumps)
{
	const struct erc__forecast_launch *launch = &forecast->launches[step];
	const struct erc__place *place = &launch->place;
	bool jumps_on = place->kind == ERC__STEP_BRANCH  ? launch->takes_else
	                : place->kind == ERC__STEP_LOOP  ? !place->times
	                : place->kind == ERC__STEP_AGAIN ? place->times > 1 && *jumps
	                                                 : place->kind == ERC__STEP_ELSE;
	*jumps -= place->kind == ERC__STEP_AGAIN && jumps_on;
	return jumps_on ? place->goes_to : step + 1;
}

static void find_held(struct erc__forecast *forecast, uint64_t hold_ns)
{
	for (uint32_t i = forecast->count; i--;) {
		struct erc__forecast_launch *launch = &forecast->launches[i];
		uint64_t passed_ns = rounds_ns(launch);
		uint32_t jumps = FORECAST_JUMPS, held = launch->width;
		for (uint32_t k = step_after(forecast, i, &jumps); k < forecast->count && passed_ns < hold_ns;
		     k = step_after(forecast, k, &jumps)) {
			held = forecast->launches[k].width > held ? forecast->launches[k].width : held;
			passed_ns += rounds_ns(&forecast->launches[k]);
		}
		atomic_store_explicit(&launch->held, held, memory_order_relaxed);
	}
}

static void add_launch(struct erc__forecast *forecast, struct erc__forecast_launch *launch, uint32_t units,
                       struct erc__sums *sums)
{
	launch->width = erc__launch_width(launch->tiles, units);
	uint64_t ns = rounds_ns(launch);
	const struct erc__sums one = {ns, ns * launch->width, (uint64_t)launch->tiles * launch->tile_ns};
	erc__sums_add(sums, &one, 1);
	forecast->widest = launch->width > forecast->widest ? launch->width : forecast->widest;
	forecast->longest_ns = launch->tile_ns > forecast->longest_ns ? launch->tile_ns : forecast->longest_ns;
	forecast->traffic = launch->traffic > forecast->traffic ? launch->traffic : forecast->traffic;
}

void erc__forecast_complete(struct erc__forecast *forecast, uint32_t units, uint64_t hold_ns)
{
	struct erc__nest nest = {0};
	struct erc__sums sums = {0};
	forecast->widest = forecast->longest_ns = 0;
	forecast->traffic = 0;
	for (uint32_t i = 0; i < forecast->count; i++) {
		struct erc__forecast_launch *launch = &forecast->launches[i];
		launch->start_ns = sums.latency_ns;
		if (launch->place.kind == ERC__STEP_LAUNCH) {
			add_launch(forecast, launch, units, &sums);
			continue;
		}
		const struct erc__sums before = sums;
		erc__nest_step(&nest, i, &launch->place, &sums);
		if (launch->place.kind == ERC__STEP_AGAIN)
			launch->iteration_ns = before.latency_ns - nest.levels[nest.depth].begin.latency_ns;
		if (launch->place.kind == ERC__STEP_END)
			forecast->launches[nest.levels[nest.depth].step].takes_else =
				nest.levels[nest.depth].has_else && before.latency_ns > nest.levels[nest.depth].then.latency_ns;
	}
	forecast->run_ns = sums.latency_ns;
	forecast->tile_ns = sums.tile_ns;
	forecast->unit_ns = sums.unit_ns;
	find_held(forecast, hold_ns);
}

uint32_t erc__forecast_width(const struct erc__forecast *forecast, const struct erc__progress *progress, uint32_t units)
{
	if (!forecast || progress->step >= forecast->count || !units)
		return forecast && forecast->widest && forecast->widest < units ? forecast->widest : units;
	const struct erc__forecast_launch *launch = &forecast->launches[progress->step];
	uint32_t max = launch->width;
	if (max <= units)
		return max ? max : 1;
	return erc__launch_width(launch->tiles, units);
}

uint32_t erc__forecast_need(const struct erc__forecast *forecast, const struct erc__progress *progress, uint32_t inside,
                            uint32_t limit, const struct erc__span *span)
{
	if (!forecast || progress->step >= forecast->count)
		return limit > inside ? limit : inside;
	uint64_t at_ns = progress->next_ns > span->now_ns ? progress->next_ns - span->now_ns : 0;
	uint32_t need = inside;
	if (progress->left) {
		uint32_t units = limit ? limit : 1, max = progress->left + inside;
		at_ns += (uint64_t)erc__launch_rounds(progress->left, units) * progress->tile_ns;
		need = max < limit ? max : limit;
		need = need > inside ? need : inside;
	}
	if (at_ns < span->from_ns)
		need = 0; /* the open launch is over by then */
	uint32_t jumps = FORECAST_JUMPS;
	for (uint32_t i = step_after(forecast, progress->step, &jumps); i < forecast->count && at_ns < span->until_ns;
	     i = step_after(forecast, i, &jumps)) {
		const struct erc__forecast_launch *launch = &forecast->launches[i];
		uint64_t ns = rounds_ns(launch);
		if (launch->width > need && at_ns + ns > span->from_ns &&
		    at_ns + (uint64_t)(span->slack * (float)ns) < span->until_ns)
			need = launch->width;
		at_ns += ns;
	}
	return need;
}
