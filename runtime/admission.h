/* How long a run takes, learned from those that ended, for the decision whether a request can be in time. */
#ifndef ERC_ADMISSION_H
#define ERC_ADMISSION_H

#include <stdint.h>

#define ERC__ESTIMATE_RUNS 16

/* Ratios of measured to predicted times: the last ones, and what to expect of the next. */
struct erc__ratios {
	float last[ERC__ESTIMATE_RUNS];
	uint32_t count; /* of all that were added */
	float expected; /* 0: none was added */
};

void erc__ratios_add(struct erc__ratios *ratios, float ratio);

/* Of one tenant's runs. */
struct erc__estimate {
	uint64_t predicted_ns;  /* alone on the device; not 0 */
	uint64_t predicted_unit_ns;
	struct erc__ratios runs;
	uint64_t last_ns;       /* when a run last ended or a probe was let in */
};

struct erc__forecast;
void erc__estimate_init(struct erc__estimate *estimate, const struct erc__forecast *forecast);

/* Of all tenants of a device. */
struct erc__machine {
	struct erc__ratios runs;   /* of their runs alone */
	struct erc__ratios queues; /* of times with others before them */
};

#endif
