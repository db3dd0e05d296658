/* Widths of launches, and what a run needs next. */
#include "runtime/sched/forecast.h"

#include "runtime/sched/profile.h"

static uint64_t rounds_ns(const struct erc__forecast_launch *launch)
{
	return launch->tiles ? (uint64_t)erc__launch_rounds(launch->tiles, launch->width) * launch->tile_ns : 0;
}

static void find_held(struct erc__forecast *forecast, uint64_t hold_ns)
{
	for (uint32_t i = forecast->count; i--;) {
		struct erc__forecast_launch *launch = &forecast->launches[i];
		launch->held = launch->width;
		for (uint32_t k = i + 1; k < forecast->count && forecast->launches[k].start_ns - launch->start_ns < hold_ns;
		     k++)
			if (forecast->launches[k].width > launch->held)
				launch->held = forecast->launches[k].width;
	}
}

void erc__forecast_complete(struct erc__forecast *forecast, uint32_t units, uint64_t hold_ns)
{
	*forecast = (struct erc__forecast){.launches = forecast->launches, .count = forecast->count};
	for (uint32_t i = 0; i < forecast->count; i++) {
		struct erc__forecast_launch *launch = &forecast->launches[i];
		launch->start_ns = forecast->run_ns;
		launch->width = erc__launch_width(launch->tiles, units);
		uint64_t ns = rounds_ns(launch);
		forecast->run_ns += ns;
		forecast->tile_ns += (uint64_t)launch->tiles * launch->tile_ns;
		forecast->unit_ns += ns * launch->width;
		forecast->widest = launch->width > forecast->widest ? launch->width : forecast->widest;
		forecast->longest_ns = launch->tile_ns > forecast->longest_ns ? launch->tile_ns : forecast->longest_ns;
		forecast->traffic = launch->traffic > forecast->traffic ? launch->traffic : forecast->traffic;
	}
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
	for (uint32_t i = progress->step + 1; i < forecast->count && at_ns < span->until_ns; i++) {
		const struct erc__forecast_launch *launch = &forecast->launches[i];
		uint64_t ns = rounds_ns(launch);
		if (launch->width > need && at_ns + ns > span->from_ns &&
		    at_ns + (uint64_t)(span->slack * (float)ns) < span->until_ns)
			need = launch->width;
		at_ns += ns;
	}
	return need;
}
