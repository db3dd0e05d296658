/* Rounds, widths, and which launches get fewer units when a run may take a little longer. */
#include "profile.h"

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
	*out = (struct erc__profile_point){ .units = units };
	for (uint32_t i = 0; i < load->count; i++) {
		uint64_t tiles = load->tile_counts[i], width = erc__launch_width(load->tile_counts[i], units);
		uint64_t round_ns = (uint64_t)erc__launch_rounds(load->tile_counts[i], units) * load->tile_ns[i];
		out->latency_ns = add_product(out->latency_ns, round_ns, 1);
		out->unit_ns = add_product(out->unit_ns, round_ns, width);
		out->tile_ns = add_product(out->tile_ns, tiles, load->tile_ns[i]);
	}
}

/* ---- a run that may take longer ---- */

/* The next narrower form of a launch. */
struct step {
	double rate;    /* unit time left to others for each ns that is added */
	uint32_t launch;
	uint32_t width;
	uint64_t added_ns;
};

/* The step from the launch's width; 0 when it has one unit, or none, or nobody knows its time. */
static int next_step(const struct erc__load *load, uint32_t cap, const uint32_t *widths, uint32_t launch,
                     struct step *out)
{
	uint32_t tiles = load->tile_counts[launch], width = widths[launch];
	if (width < 2 || !load->tile_ns[launch])
		return 0;
	uint32_t rounds = erc__launch_rounds(tiles, width), more = erc__launch_rounds(tiles, width - 1);
	uint32_t first = erc__launch_rounds(tiles, cap);
	out->launch = launch;
	out->width = erc__launch_rounds(tiles, more);
	out->added_ns = (uint64_t)(more - rounds) * load->tile_ns[launch];
	out->rate = (double)(width - out->width) * first / (more - rounds);
	return 1;
}

static int is_better(const struct step *a, const struct step *b)
{
	return a->rate != b->rate ? a->rate > b->rate : a->launch < b->launch;
}

/* Restores the heap, the best step on top, after steps[at] changed. */
static void sift_down(struct step *steps, uint32_t count, uint32_t at)
{
	struct step moved = steps[at];
	for (uint64_t child; (child = 2 * (uint64_t)at + 1) < count; at = (uint32_t)child) {
		child += child + 1 < count && is_better(&steps[child + 1], &steps[child]);
		if (!is_better(&steps[child], &moved))
			break;
		steps[at] = steps[child];
	}
	steps[at] = moved;
}

static void take_steps(const struct erc__load *load, uint32_t cap, uint64_t allowed_ns, struct step *steps,
                       uint32_t *widths)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < load->count; i++)
		count += (uint32_t)next_step(load, cap, widths, i, &steps[count]);
	for (uint32_t at = count / 2; at-- > 0;)
		sift_down(steps, count, at);
	while (count) {
		struct step step = steps[0];
		int fits = step.added_ns <= allowed_ns; /* if not: narrower forms of the launch add more */
		if (fits) {
			allowed_ns -= step.added_ns;
			widths[step.launch] = step.width;
		}
		if (!fits || !next_step(load, cap, widths, step.launch, &steps[0]))
			steps[0] = steps[--count];
		if (count)
			sift_down(steps, count, 0);
	}
}

enum erc_status erc__profile_widths(const struct erc__load *load, uint32_t cap, double slowdown, uint32_t *widths)
{
	struct erc__profile_point whole;
	assert(cap && slowdown >= 0);
	erc__profile_at(load, cap, &whole);
	for (uint32_t i = 0; i < load->count; i++)
		widths[i] = erc__launch_width(load->tile_counts[i], cap);
	if (slowdown == 0 || !load->count)
		return ERC_OK;
	double allowed_ns = (double)whole.latency_ns * slowdown;
	size_t bytes = load->count * sizeof(struct step);
	struct step *steps = erc__alloc(bytes);
	if (!steps)
		return erc__no_memory("widths of launches", bytes);
	take_steps(load, cap, allowed_ns < 0x1p63 ? (uint64_t)allowed_ns : INT64_MAX, steps, widths);
	erc__free(steps);
	return ERC_OK;
}
