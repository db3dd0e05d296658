/* What a run will need, launch by launch: how many units, for how long; and from how far it has come, how many units it
 * may need within a time from now. Pure arithmetic over the artifact's predictions. */
#ifndef ERC_FORECAST_H
#define ERC_FORECAST_H

#include <stdint.h>

#include "runtime/include/erc.h"

struct erc__forecast_launch {
	uint32_t tiles;   /* set by the maker; most of them where the number is known at run time only */
	uint32_t tile_ns; /* set by the maker */
	uint32_t width;   /* units beyond which it gets no faster */
	float traffic;    /* set by the maker: of one unit, as a share of what the device's memory can move; 0: not known */
	uint32_t held;    /* the largest width of the launches that begin within a while from its begin */
	uint64_t start_ns; /* of the run's time on an idle device: when this launch begins */
};

/* Owned by the session. */
struct erc__forecast {
	struct erc__forecast_launch *launches;
	uint32_t count;
	uint32_t widest;     /* the largest width */
	uint32_t longest_ns; /* the longest tile */
	float traffic;       /* the largest */
	uint64_t run_ns;     /* latency on an idle device; 0: nothing is known */
	uint64_t tile_ns;    /* sum over all tiles: unit time that the run cannot do without */
	uint64_t unit_ns;    /* unit time that it holds with each launch at its width */
};

/* How far a run has come, as its device tells. */
#define ERC__STEP_UNKNOWN UINT32_MAX
struct erc__progress {
	uint32_t step; /* the launch in hand; ERC__STEP_UNKNOWN: anything */
	uint32_t left; /* its tiles that no unit has taken */
	uint32_t tile_ns;
	uint64_t next_ns; /* units inside take no further tile before this */
};

/* All but what the maker sets, for runs that may have so many units. hold_ns: the while of `held`. */
void erc__forecast_complete(struct erc__forecast *forecast, uint32_t units, uint64_t hold_ns);

/* The width of the launch in hand, in at most `units`. */
uint32_t erc__forecast_width(const struct erc__forecast *forecast, const struct erc__progress *progress,
                             uint32_t units);

/* What a unit moves that works on the launch in hand, as a share of what the memory can. */
static inline float erc__forecast_traffic(const struct erc__forecast *forecast, const struct erc__progress *progress)
{
	if (!forecast)
		return 0;
	return progress->step < forecast->count ? forecast->launches[progress->step].traffic : forecast->traffic;
}

/* A span of time, from now on. */
struct erc__span {
	uint64_t now_ns;
	uint64_t from_ns, until_ns; /* after now_ns */
	float slack; /* a launch that begins late by no more than this share of its own time has lost nothing */
};

/* Most units that the run may want at some moment of the span, when it has `inside` of them now and may have `limit`. From
 * claimed tiles: a launch that the clock says is over is not over while it has tiles left. */
uint32_t erc__forecast_need(const struct erc__forecast *forecast, const struct erc__progress *progress, uint32_t inside,
                            uint32_t limit, const struct erc__span *span);

/* Time of a run that is to come when this launch begins; ERC__STEP_UNKNOWN: all of it. */
static inline uint64_t erc__forecast_left_ns(const struct erc__forecast *forecast, uint32_t step)
{
	if (!forecast)
		return 0;
	return step < forecast->count ? forecast->run_ns - forecast->launches[step].start_ns : forecast->run_ns;
}

/* A high estimate of how much longer tiles take than predicted: rises at once, falls slowly. */
struct erc__stretch {
	float high; /* 0: as predicted */
};

static inline void erc__stretch_add(struct erc__stretch *stretch, float ratio)
{
	float excess = ratio > 1 ? ratio - 1 : 0;
	stretch->high = excess > stretch->high ? excess : stretch->high - (stretch->high - excess) / 256;
}

#endif
