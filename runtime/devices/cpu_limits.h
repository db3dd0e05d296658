/* Limits of processor time around the process. */
#ifndef ERC_CPU_LIMITS_H
#define ERC_CPU_LIMITS_H

#include <stdint.h>

#include "runtime/include/erc.h"

#define CPU_LIMITS_PATH 1024

struct cpu_limits {
	double quota_cores; /* the smallest of the group's and those above it; 0: none */
	double period_us;   /* of that one */
	uint64_t throttled; /* times that a quota was used up */
	uint32_t weight;    /* of the group, 100 where nothing says otherwise */
	int is_idle;        /* the group, or one above it, stands back behind all others */
	int has_autogroup;
};

/* proc: "/proc"; mount: "/sys/fs/cgroup". What cannot be read is no limit. */
void erc__cpu_limits_read(struct cpu_limits *limits, const char *proc, const char *mount);
/* A line for each that matters on `cores` cores; log may be NULL. */
void erc__cpu_limits_tell(const struct cpu_limits *limits, uint32_t cores, erc_log_fn log, void *user);

#endif
