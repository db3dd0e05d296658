/* How long a run takes, learned from those that ended, for the decision whether a request can be in time. */
#ifndef ERC_ADMISSION_H
#define ERC_ADMISSION_H

#include <stdint.h>

struct erc__forecast;

#define ERC__RATIOS 16

/* Ratios of measured to expected times, the last ones. One slow run among them, or a few, change no estimate. */
struct erc__ratios {
	float last[ERC__RATIOS];
	uint32_t count; /* of all that were added */
};

void erc__ratios_add(struct erc__ratios *ratios, float ratio);
/* The ratio that `share` of the last ones do not exceed; `otherwise` while there are too few to tell. */
float erc__ratios_expected(const struct erc__ratios *ratios, float share, float otherwise);

/* Of one tenant's runs. */
struct erc__estimate {
	uint64_t predicted_ns;      /* of a run alone on the device; not 0 */
	uint64_t predicted_unit_ns; /* the unit time that it holds */
	uint64_t predicted_tile_ns; /* time in its tiles */
	struct erc__ratios runs;    /* of runs that had all units they could use, to predicted_ns */
	struct erc__ratios tiles;   /* of time in tiles, to predicted_tile_ns */
	struct erc__ratios queues;  /* of times from submission to end, to what was expected at submission */
	float least;      /* of `tiles`: however fast a run is, it takes this share of what was predicted; 0: not known */
	uint64_t last_ns; /* when a run last ended or a probe was let in */
};

void erc__estimate_init(struct erc__estimate *estimate, const struct erc__forecast *forecast);

#endif
