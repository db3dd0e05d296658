/* The room profile of a run: how long its launches take on each number of units, and how many units each launch
 * needs. Pure arithmetic over predictions, without devices, threads or clocks.
 *
 * n units run a launch of t equal tiles in ceil(t / n) rounds, with one tile per unit and round. The launch's
 * *width* is the smallest number of units with the same number of rounds; more units do not make it faster. */
#ifndef ERC_PROFILE_H
#define ERC_PROFILE_H

#include "runtime/artifact/course.h"
#include "runtime/base/internal.h"

/* The launches of a run. The caller owns both arrays, which have `count` elements. */
struct erc__load {
	const uint32_t *tile_counts; /* 0: the launch does nothing */
	const uint32_t *tile_ns;     /* of one tile; 0: not known */
	uint32_t count;
	/* Where there are branches or loops: the steps, in order; those that are no launch have no tiles. NULL: all are
	 * launches. */
	const struct erc__place *places;
};

/* A launch's width on at most `cap` units (at least 1); 0 if it has no tiles. */
uint32_t erc__launch_width(uint32_t tile_count, uint32_t cap);
/* Rounds of a launch on `units` units (at least 1). */
uint32_t erc__launch_rounds(uint32_t tile_count, uint32_t units);

/* Sums over steps, one after the other. A loop counts its iterations, and of a branch the longer part counts. A sum that
 * does not fit is UINT64_MAX. */
struct erc__sums {
	uint64_t latency_ns, unit_ns, tile_ns;
};
struct erc__nest {
	uint32_t depth;
	struct {
		uint32_t step; /* of the branch or loop */
		struct erc__sums begin, then;
		bool has_else;
	} levels[ERC__MAX_PLAN_DEPTH];
};
void erc__sums_add(struct erc__sums *sums, const struct erc__sums *more, uint64_t times);
/* To be called for each step that is no launch. The sums are those of the steps before it. */
void erc__nest_step(struct erc__nest *nest, uint32_t step, const struct erc__place *place, struct erc__sums *sums);

/* A run alone on this number of units. A sum that does not fit is UINT64_MAX. */
struct erc__profile_point {
	uint32_t units;
	uint64_t latency_ns; /* sum over the launches: rounds x tile_ns */
	uint64_t unit_ns;    /* sum over the launches: width x rounds x tile_ns */
	uint64_t tile_ns;    /* sum over the launches: tiles x tile_ns; the part of unit_ns that is work */
};
/* units: at least 1. */
void erc__profile_at(const struct erc__load *load, uint32_t units, struct erc__profile_point *out);

#endif
