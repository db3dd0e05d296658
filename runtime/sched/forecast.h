/* What a run needs, step by step: how many units, and for how long. From how far the run has come, this gives
 * the number of units that it may need within a span of time. Pure arithmetic over the artifact's predictions. */
#ifndef ERC_FORECAST_H
#define ERC_FORECAST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/artifact/course.h"
#include "runtime/include/erc.h"

struct erc__forecast_launch {
	struct erc__place place; /* set by the maker; only launches have tiles */
	uint32_t tiles;          /* set by the maker; the maximum if the number is known only at run time */
	uint32_t tile_ns;        /* set by the maker */
	uint32_t width;          /* units beyond which it gets no faster */
	/* set by the maker: memory traffic of one unit, as a share of the device's bandwidth; 0: not known */
	float traffic;
	_Atomic uint32_t held; /* the largest width among the launches that begin within hold_ns of its start */
	uint64_t start_ns; /* when this launch begins, in a run on an idle device; in loops: in their first iterations */
	uint64_t iteration_ns; /* Again: of one iteration */
	bool takes_else;       /* Branch: the second part is longer */
};

/* The session owns it. */
struct erc__forecast {
	struct erc__forecast_launch *launches;
	uint32_t count;
	uint32_t widest;     /* maximum width */
	uint32_t longest_ns; /* longest tile */
	float traffic;       /* maximum traffic */
	uint64_t run_ns;     /* latency on an idle device; 0: not known */
	uint64_t tile_ns;    /* sum over all tiles: the minimum unit time of a run */
	uint64_t unit_ns;    /* unit time that a run holds with each launch at its width */
};

/* How far a run has come, as reported by its device. */
#define ERC__STEP_UNKNOWN UINT32_MAX
struct erc__progress {
	uint32_t step; /* the open launch; ERC__STEP_UNKNOWN: it may be any */
	uint32_t left; /* its tiles that no unit has taken */
	uint32_t tile_ns;
	uint64_t next_ns; /* units inside take no further tile before this time */
};

/* Computes what the maker does not set, for runs of at most `units` units. hold_ns: see `held`. */
void erc__forecast_complete(struct erc__forecast *forecast, uint32_t units, uint64_t hold_ns);

/* The width of the open launch, at most `units`. */
uint32_t erc__forecast_width(const struct erc__forecast *forecast, const struct erc__progress *progress,
                             uint32_t units);

/* The memory traffic of one unit on the open launch, as a share of the device's bandwidth. */
static inline float erc__forecast_traffic(const struct erc__forecast *forecast, const struct erc__progress *progress)
{
	if (!forecast)
		return 0;
	return progress->step < forecast->count ? forecast->launches[progress->step].traffic : forecast->traffic;
}

/* A span of time that begins now or later. */
struct erc__span {
	uint64_t now_ns;
	uint64_t from_ns, until_ns; /* relative to now_ns */
	float slack; /* how late a launch may begin, as a share of its own time, without counting as delayed */
};

/* The maximum number of units that the run can use at any moment of the span. It has `inside` units now and may have
 * up to `limit`. Progress is counted in claimed tiles, not in time: a launch with tiles left is not over, whatever
 * the clock says. */
uint32_t erc__forecast_need(const struct erc__forecast *forecast, const struct erc__progress *progress, uint32_t inside,
                            uint32_t limit, const struct erc__span *span);

/* Time of a run that has passed when this launch begins; looped_ns: that of earlier iterations of the loops around it. */
static inline uint64_t erc__forecast_passed_ns(const struct erc__forecast *forecast, uint32_t step, uint64_t looped_ns)
{
	uint64_t passed_ns = forecast->launches[step].start_ns + looped_ns;
	return passed_ns < forecast->run_ns ? passed_ns : forecast->run_ns;
}

/* Time of a run that is left when this launch begins; ERC__STEP_UNKNOWN: all of it. 0 after the last launch. */
static inline uint64_t erc__forecast_left_ns(const struct erc__forecast *forecast, uint32_t step, uint64_t looped_ns)
{
	if (!forecast)
		return 0;
	if (step == ERC__STEP_UNKNOWN)
		return forecast->run_ns;
	return step < forecast->count ? forecast->run_ns - erc__forecast_passed_ns(forecast, step, looped_ns) : 0;
}

/* A high estimate of how much longer tiles take than predicted. It rises at once and falls slowly. */
struct erc__stretch {
	float high; /* 0: as predicted */
};

static inline void erc__stretch_add(struct erc__stretch *stretch, float ratio)
{
	float excess = ratio > 1 ? ratio - 1 : 0;
	stretch->high = excess > stretch->high ? excess : stretch->high - (stretch->high - excess) / 256;
}

#endif
