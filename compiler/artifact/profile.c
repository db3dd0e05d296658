/* Room profiles: how long a plan's launches take one after the other, for several numbers of units of a target's
 * device. */
#include "compiler/artifact/writer.h"

/* a + b * c; UINT64_MAX if that does not fit. */
static uint64_t add(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t product;
	return __builtin_mul_overflow(b, c, &product) || __builtin_add_overflow(a, product, &a) ? UINT64_MAX : a;
}

/* The launches with the variants of budget k, on `units` units. *tile_ns is the sum over all tiles. */
static struct erca_point point_at(const struct plan *plan, const struct target_plan *target, uint32_t k, uint32_t units,
                                  uint64_t *tile_ns)
{
	struct erca_point point = {.units = units};
	*tile_ns = 0;
	for (const struct launch *launch = plan->first; launch; launch = launch->next) {
		const struct variant *variant = &launch_variants(target, launch)[k];
		if (!variant->tile_count)
			continue;
		uint64_t tiles = variant->tile_count, rounds = (tiles + units - 1) / units;
		uint64_t width = (tiles + rounds - 1) / rounds, round_ns = rounds * variant->tile_ns;
		point.latency_ns = add(point.latency_ns, round_ns, 1);
		point.unit_ns = add(point.unit_ns, round_ns, width);
		*tile_ns = add(*tile_ns, tiles, variant->tile_ns);
	}
	return point;
}

/* The minimum number of units whose latency is at most `percent` above the latency on `most` units. More units never
 * increase the latency, so a binary search finds it. */
static uint32_t units_within(const struct plan *plan, const struct target_plan *target, uint32_t k, uint32_t most,
                             uint32_t percent)
{
	uint64_t tile_ns, best_ns = point_at(plan, target, k, most, &tile_ns).latency_ns;
	uint32_t too_few = 0, enough = most;
	while (enough - too_few > 1) {
		uint32_t middle = too_few + (enough - too_few) / 2;
		uint64_t ns = point_at(plan, target, k, middle, &tile_ns).latency_ns;
		if ((unsigned __int128)ns * 100 <= (unsigned __int128)best_ns * (100 + percent))
			enough = middle;
		else
			too_few = middle;
	}
	return enough;
}

void artifact_profile(const struct plan *plan, const struct target_plan *target, uint32_t k,
                      struct erca_profile *profile, struct erca_point *points)
{
	uint32_t most = device_under(target->device, &target->budgets[k]).units;
	profile->point_count = 0;
	for (uint32_t units = 0; units < most;) {
		units = units ? erca_point_behind(units, most) : 1;
		points[profile->point_count++] = point_at(plan, target, k, units, &profile->tile_ns);
	}
	profile->units_within_1 = units_within(plan, target, k, most, 1);
	profile->units_within_5 = units_within(plan, target, k, most, 5);
	profile->units_within_10 = units_within(plan, target, k, most, 10);
}
