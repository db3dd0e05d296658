/* Widths, and what a run needs next. */
#include "forecast.h"

#include "internal.h"

static uint64_t rounds_ns(const struct erc__forecast_launch *launch, uint32_t units)
{
	return (uint64_t)((launch->tiles - 1) / units + 1) * launch->tile_ns;
}

enum erc_status erc__forecast_complete(struct erc__forecast *forecast, uint32_t units, double slowdown)
{
	(void)slowdown;
	forecast->widest = forecast->longest_ns = 0;
	forecast->run_ns = forecast->tile_ns = forecast->unit_ns = 0;
	for (uint32_t i = 0; i < forecast->count; i++) {
		struct erc__forecast_launch *launch = &forecast->launches[i];
		launch->start_ns = forecast->run_ns;
		launch->width = launch->tiles ? erc__width(launch->tiles, units) : 0;
		launch->narrow = launch->width;
		if (!launch->tiles)
			continue;
		uint64_t ns = rounds_ns(launch, launch->width);
		forecast->run_ns += ns;
		forecast->tile_ns += (uint64_t)launch->tiles * launch->tile_ns;
		forecast->unit_ns += ns * launch->width;
		if (launch->width > forecast->widest)
			forecast->widest = launch->width;
		if (launch->tile_ns > forecast->longest_ns)
			forecast->longest_ns = launch->tile_ns;
	}
	return ERC_OK;
}

uint32_t erc__forecast_width(const struct erc__forecast *forecast, const struct erc__progress *progress, uint32_t units, int is_narrow)
{
	if (!forecast || progress->step >= forecast->count || !units)
		return forecast && forecast->widest && forecast->widest < units ? forecast->widest : units;
	const struct erc__forecast_launch *launch = &forecast->launches[progress->step];
	uint32_t most = is_narrow ? launch->narrow : launch->width;
	if (most <= units)
		return most ? most : 1;
	return erc__width(launch->tiles, units);
}

uint32_t erc__forecast_need(const struct erc__forecast *forecast, const struct erc__progress *progress, uint32_t inside,
                            uint32_t limit, uint64_t now_ns, uint64_t within_ns)
{
	if (!forecast || progress->step >= forecast->count)
		return limit > inside ? limit : inside;
	uint64_t at_ns = progress->next_ns > now_ns ? progress->next_ns - now_ns : 0;
	uint32_t need = inside;
	if (progress->left) {
		uint32_t units = limit ? limit : 1, most = progress->left + inside;
		at_ns += (uint64_t)((progress->left - 1) / units + 1) * progress->tile_ns;
		need = most < limit ? most : limit;
		need = need > inside ? need : inside;
	}
	for (uint32_t i = progress->step + 1; i < forecast->count && at_ns < within_ns; i++) {
		const struct erc__forecast_launch *launch = &forecast->launches[i];
		if (launch->width > need)
			need = launch->width;
		if (launch->tiles)
			at_ns += rounds_ns(launch, launch->width);
	}
	return need;
}
