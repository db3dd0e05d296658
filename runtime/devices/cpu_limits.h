/* Limits of processor time around the process. */
#ifndef ERC_CPU_LIMITS_H
#define ERC_CPU_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/include/erc.h"

#define CPU_LIMITS_PATH 1024

struct cpu_limits {
	double quota_cores; /* the smallest quota of the group and those above it; 0: none */
	double period_us;   /* of that quota */
	uint64_t throttled; /* number of times that a quota was used up */
	uint32_t weight;    /* of the group; 100 is the default */
	int is_idle;        /* the group, or one above it, runs only when others are idle */
	int has_autogroup;
};

/* proc: "/proc"; mount: "/sys/fs/cgroup". A value that cannot be read counts as no limit. */
void erc__cpu_limits_read(struct cpu_limits *limits, const char *proc, const char *mount);
/* Logs a line for each limit that matters on `cores` cores. log may be NULL. */
void erc__cpu_limits_tell(const struct cpu_limits *limits, uint32_t cores, erc_log_fn log, void *user);

#endif
