/* Which launches make a phase. A rise is always kept, however short, because the run needs the units. A fall is left
 * out if it frees little. */
#include "runtime/devices/cuda_phase.h"

static uint64_t end_of(const struct erc__forecast *forecast, uint32_t launch)
{
	return launch + 1 < forecast->count ? forecast->launches[launch + 1].start_ns : forecast->run_ns;
}

static uint64_t ns_of(const struct erc__forecast *forecast, uint32_t launch)
{
	return end_of(forecast, launch) - forecast->launches[launch].start_ns;
}

void erc__cuda_needs(const struct erc__forecast *forecast, uint64_t ahead_ns, uint32_t *needs)
{
	for (uint32_t i = 0; i < forecast->count; i++) {
		uint64_t until_ns = end_of(forecast, i) + ahead_ns;
		needs[i] = forecast->launches[i].width ? forecast->launches[i].width : 1;
		/* Stops when the maximum width is reached, because many short launches may begin within the time. */
		for (uint32_t j = i + 1;
		     j < forecast->count && forecast->launches[j].start_ns < until_ns && needs[i] < forecast->widest; j++)
			if (forecast->launches[j].width > needs[i])
				needs[i] = forecast->launches[j].width;
	}
}

/* The launches from `first` on that make a phase: its end, width and time. */
struct stretch {
	uint32_t end, units;
	uint64_t ns, used_ns; /* used_ns: unit time that is needed */
};

static void add(struct stretch *stretch, uint32_t need, uint64_t ns)
{
	stretch->end++;
	stretch->units = need > stretch->units ? need : stretch->units;
	stretch->ns += ns;
	stretch->used_ns += need * ns;
}

static struct stretch stretch_from(const struct erc__forecast *forecast, const uint32_t *needs, uint32_t first)
{
	struct stretch stretch = {.end = first};
	while (stretch.end < forecast->count) {
		uint64_t ns = ns_of(forecast, stretch.end);
		struct stretch longer = stretch;
		add(&longer, needs[stretch.end], ns);
		uint64_t all_ns = longer.units * longer.ns, waste_ns = all_ns - longer.used_ns;
		bool are_short = stretch.ns < ERC__CUDA_PHASE_NS && ns < ERC__CUDA_PHASE_NS;
		if (stretch.end > first && !are_short && waste_ns > all_ns / ERC__CUDA_PHASE_WASTE)
			break;
		stretch = longer;
	}
	return stretch;
}

uint32_t erc__cuda_phases(const struct erc__forecast *forecast, const uint32_t *needs, struct erc__cuda_phase *phases)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < forecast->count;) {
		struct stretch stretch = stretch_from(forecast, needs, i);
		uint32_t now = count ? phases[count - 1].units : 0;
		int falls = stretch.ns >= ERC__CUDA_PHASE_NS && stretch.units + now / ERC__CUDA_PHASE_WASTE < now;
		if (!count || stretch.units > now || falls)
			phases[count++] = (struct erc__cuda_phase){.first = i, .units = stretch.units};
		i = stretch.end;
	}
	return count;
}
