/* What became of a session's requests: counts, and latencies in a histogram of fixed size. */
#ifndef ERC_STATISTICS_H
#define ERC_STATISTICS_H

#include "runtime/include/erc.h"

#define ERC__HISTOGRAM_STEPS 32   /* per factor of two, so values are kept within 3 % */
#define ERC__HISTOGRAM_OCTAVES 34 /* from 1 us to beyond an hour */

struct erc__histogram {
	uint32_t counts[ERC__HISTOGRAM_OCTAVES * ERC__HISTOGRAM_STEPS];
	uint64_t count;
	uint64_t max_ns;
};

struct erc__counts {
	uint64_t submitted, completed, missed, shed, cancelled, failed;
	uint64_t preemptions, launches;
};

struct erc__statistics {
	struct erc__counts counts;
	uint64_t tiles;
	uint64_t unit_ns;
	struct erc__histogram latency; /* of completed requests */
};

void erc__counts_add(struct erc__counts *counts, const struct erc__counts *more);
void erc__histogram_add(struct erc__histogram *histogram, uint64_t ns);
/* The smallest value, in microseconds, that at least `share` of the values do not exceed; 0 without values. */
double erc__histogram_percentile_us(const struct erc__histogram *histogram, double share);

#endif
