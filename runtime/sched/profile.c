/* Rounds, widths, and the time of a run on a number of units. */
#include "runtime/sched/profile.h"

#include <assert.h>

uint32_t erc__launch_rounds(uint32_t tile_count, uint32_t units)
{
	return tile_count / units + (tile_count % units != 0);
}

uint32_t erc__launch_width(uint32_t tile_count, uint32_t cap)
{
	return tile_count ? erc__launch_rounds(tile_count, erc__launch_rounds(tile_count, cap)) : 0;
}

/* a + b x c, at most UINT64_MAX. */
static uint64_t add_product(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t product, sum;
	return __builtin_mul_overflow(b, c, &product) || __builtin_add_overflow(a, product, &sum) ? UINT64_MAX : sum;
}

void erc__sums_add(struct erc__sums *sums, const struct erc__sums *more, uint64_t times)
{
	sums->latency_ns = add_product(sums->latency_ns, more->latency_ns, times);
	sums->unit_ns = add_product(sums->unit_ns, more->unit_ns, times);
	sums->tile_ns = add_product(sums->tile_ns, more->tile_ns, times);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void erc__nest_step(struct erc__nest *nest, uint32_t step, const struct erc__place *place, struct erc__sums *sums)
{
	if (place->kind == ERC__STEP_BRANCH || place->kind == ERC__STEP_LOOP) {
		assert(nest->depth < ERC__COUNT(nest->levels));
		nest->levels[nest->depth].step = step;
		nest->levels[nest->depth].begin = *sums;
		nest->levels[nest->depth++].has_else = false;
		return;
	}
	struct erc__sums *begin = &nest->levels[nest->depth - 1].begin, *then = &nest->levels[nest->depth - 1].then;
	if (place->kind == ERC__STEP_ELSE) {
		nest->levels[nest->depth - 1].has_else = true;
		*then = *sums;
		*sums = *begin;
		return;
	}
	if (place->kind == ERC__STEP_AGAIN) {
		const struct erc__sums once = {sums->latency_ns - begin->latency_ns, sums->unit_ns - begin->unit_ns,
		                               sums->tile_ns - begin->tile_ns};
		*sums = *begin;
		erc__sums_add(sums, &once, place->times);
	} else if (nest->levels[nest->depth - 1].has_else) {
		*sums = (struct erc__sums){larger(then->latency_ns, sums->latency_ns), larger(then->unit_ns, sums->unit_ns),
		                           larger(then->tile_ns, sums->tile_ns)};
	}
	nest->depth--;
}

void erc__profile_at(const struct erc__load *load, uint32_t units, struct erc__profile_point *out)
{
	struct erc__nest nest = {0};
	struct erc__sums sums = {0};
	assert(units);
	for (uint32_t i = 0; i < load->count; i++) {
		if (load->places && load->places[i].kind != ERC__STEP_LAUNCH) {
			erc__nest_step(&nest, i, &load->places[i], &sums);
			continue;
		}
		uint64_t round_ns = (uint64_t)erc__launch_rounds(load->tile_counts[i], units) * load->tile_ns[i];
		struct erc__sums one = {round_ns, add_product(0, round_ns, erc__launch_width(load->tile_counts[i], units)),
		                        add_product(0, load->tile_counts[i], load->tile_ns[i])};
		erc__sums_add(&sums, &one, 1);
	}
	*out = (struct erc__profile_point){units, sums.latency_ns, sums.unit_ns, sums.tile_ns};
}
