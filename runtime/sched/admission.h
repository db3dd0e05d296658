/* How long a run takes, learned from earlier runs, to decide whether a request can meet its deadline. */
#ifndef ERC_ADMISSION_H
#define ERC_ADMISSION_H

#include <stdint.h>

struct erc__forecast;

#define ERC__RATIOS 16

/* The last ratios of measured to expected times. A few slow runs among them do not change an estimate. */
struct erc__ratios {
	float last[ERC__RATIOS];
	uint32_t count; /* of all that were ever added */
};

void erc__ratios_add(struct erc__ratios *ratios, float ratio);
/* The ratio that `share` of the last ones do not exceed; `otherwise` while there are too few of them. */
float erc__ratios_expected(const struct erc__ratios *ratios, float share, float otherwise);

/* What runs of other sizes than those of the estimate take, as shares of its predictions; 0: the same. */
struct erc__size_ratio {
	float run, unit, tile;
};

/* The estimate for the runs of one entry of a tenant. */
struct erc__estimate {
	uint64_t predicted_ns;      /* time of a run alone on the device; not 0 */
	uint64_t predicted_unit_ns; /* unit time that a run holds */
	uint64_t predicted_tile_ns; /* time in a run's tiles */
	struct erc__ratios runs;    /* measured to predicted_ns, of runs that had all the units they could use */
	struct erc__ratios tiles;   /* measured time in tiles to predicted_tile_ns */
	struct erc__ratios queues;  /* time from submission to end, to what was expected at submission */
	float min; /* the lowest ratio of `tiles`: no run takes less than this share of its prediction; 0: not known */
	uint64_t last_ns; /* when a run last ended or a probe was last admitted */
};

void erc__estimate_init(struct erc__estimate *estimate, const struct erc__forecast *forecast);

#endif
