/* The room profile of a run: how long its launches take on how many units, and how many units each needs. Pure
 * arithmetic over predictions, without devices, threads or clocks.
 *
 * n units run a launch of t equal tiles in ceil(t / n) rounds, one tile a unit and round. The launch's *width* is the
 * fewest units that make as few rounds: with more it gets no faster. */
#ifndef ERC_PROFILE_H
#define ERC_PROFILE_H

#include "runtime/base/internal.h"

/* The launches of a run, in any order; both arrays are the caller's and have `count` elements. */
struct erc__load {
	const uint32_t *tile_counts; /* 0: a launch that does nothing */
	const uint32_t *tile_ns;     /* of one tile; 0: not known */
	uint32_t count;
};

/* A launch's width on at most `cap` units (1 or more); 0 without tiles. */
uint32_t erc__launch_width(uint32_t tile_count, uint32_t cap);
/* Rounds of a launch on `units` (1 or more). */
uint32_t erc__launch_rounds(uint32_t tile_count, uint32_t units);

/* A run alone on so many units. Sums that do not fit are UINT64_MAX. */
struct erc__profile_point {
	uint32_t units;
	uint64_t latency_ns; /* rounds x tile_ns of each launch */
	uint64_t unit_ns;    /* width x rounds x tile_ns of each launch */
	uint64_t tile_ns;    /* tiles x tile_ns of each launch: what of unit_ns is work */
};
/* units: 1 or more. */
void erc__profile_at(const struct erc__load *load, uint32_t units, struct erc__profile_point *out);

#endif
