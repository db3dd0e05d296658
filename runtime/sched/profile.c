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

void erc__profile_at(const struct erc__load *load, uint32_t units, struct erc__profile_point *out)
{
	assert(units);
	*out = (struct erc__profile_point){.units = units};
	for (uint32_t i = 0; i < load->count; i++) {
		uint64_t tiles = load->tile_counts[i], width = erc__launch_width(load->tile_counts[i], units);
		uint64_t round_ns = (uint64_t)erc__launch_rounds(load->tile_counts[i], units) * load->tile_ns[i];
		out->latency_ns = add_product(out->latency_ns, round_ns, 1);
		out->unit_ns = add_product(out->unit_ns, round_ns, width);
		out->tile_ns = add_product(out->tile_ns, tiles, load->tile_ns[i]);
	}
}
