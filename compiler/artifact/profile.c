/* Room profiles: how long a plan's launches take one after the other, for several numbers of units of a target's
 * device. */
#include "compiler/artifact/writer.h"

/* a + b * c; UINT64_MAX if that does not fit. */
static uint64_t add(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t product;
	return __builtin_mul_overflow(b, c, &product) || __builtin_add_overflow(a, product, &a) ? UINT64_MAX : a;
}

/* What is walked for a point. */
struct walk {
	const struct plan *plan;
	const struct target_plan *target;
	uint32_t k, units;
	const struct launch *next;
};

/* Times of launches one after the other. */
struct sums {
	uint64_t latency_ns, unit_ns, tile_ns;
};

static void add_sums(struct sums *to, const struct sums *more, uint64_t times)
{
	to->latency_ns = add(to->latency_ns, more->latency_ns, times);
	to->unit_ns = add(to->unit_ns, more->unit_ns, times);
	to->tile_ns = add(to->tile_ns, more->tile_ns, times);
}

static struct sums launch_sums(const struct walk *walk, const struct launch *launch)
{
	const struct variant *variant = &launch_variants(walk->target, launch)[walk->k];
	uint64_t tiles = variant->tile_count, rounds = (tiles + walk->units - 1) / walk->units;
	if (!tiles)
		return (struct sums){0};
	uint64_t width = (tiles + rounds - 1) / rounds, round_ns = rounds * variant->tile_ns;
	return (struct sums){round_ns, add(0, round_ns, width), tiles * variant->tile_ns};
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The launches of a region (NULL: all), from the next one on. A loop counts with its expected number of iterations, and of a
 * branch the part that is longer. */
static struct sums region_sums(struct walk *walk, const struct region *region)
{
	struct sums all = {0}, then = {0};
	while (walk->next && region_reaches(region, walk->next->region)) {
		const struct region *inner = walk->next->region;
		if (inner == region) {
			struct sums one = launch_sums(walk, walk->next);
			add_sums(&all, &one, 1);
			walk->next = walk->next->next;
			continue;
		}
		while (inner->around != region)
			inner = inner->around;
		struct sums some = region_sums(walk, inner);
		uint64_t times = inner->kind == REGION_LOOP ? (uint64_t)inner->expected : 1;
		if (inner->kind == REGION_THEN)
			then = some;
		if (inner->kind == REGION_THEN && walk->next && walk->next->region &&
		    region_reaches(walk->plan->graph->regions[inner->number + 1], walk->next->region))
			continue;
		if (inner->kind == REGION_ELSE)
			some = (struct sums){larger(then.latency_ns, some.latency_ns), larger(then.unit_ns, some.unit_ns),
			                     larger(then.tile_ns, some.tile_ns)};
		then = (struct sums){0};
		add_sums(&all, &some, times);
	}
	return all;
}

/* The launches with the variants of budget k, on `units` units. *tile_ns is the sum over all tiles. */
static struct erca_point point_at(const struct plan *plan, const struct target_plan *target, uint32_t k, uint32_t units,
                                  uint64_t *tile_ns)
{
	struct walk walk = {plan, target, k, units, plan->first};
	struct sums sums = region_sums(&walk, NULL);
	*tile_ns = sums.tile_ns;
	return (struct erca_point){.units = units, .latency_ns = sums.latency_ns, .unit_ns = sums.unit_ns};
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
