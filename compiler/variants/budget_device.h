/* Devices as the choosers of variants see them: what a unit has and how fast it is. devices.def lists them. */
#ifndef ERCC_DEVICE_H
#define ERCC_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct device {
	const char *name;
	bool generic; /* stands for many machines: a budget may ask for more than it has */
	/* Two that a budget limits. */
	uint32_t units;
	int64_t local_bytes;      /* of a unit: shared memory; on a CPU its L2: scratch, and what is read again */
	int64_t static_bytes;     /* GPU: of those, what every kernel takes besides its tile */
	int64_t reserved_bytes;   /* GPU: of local memory, what the system takes for a block; one lies beyond local_bytes */
	uint32_t threads, blocks; /* GPU: most that a unit holds at once */
	int64_t cache_bytes;      /* L2 of a CPU core: while a tile runs, all of it is the tile's, whatever the budget */
	int64_t shared_bytes;     /* of the cache that all units share, what is a unit's part on a busy device */
	int64_t near_bytes;       /* L1 data cache of a CPU core */
	uint32_t registers;       /* CPU: vector registers; GPU: 32-bit registers of a unit */
	uint32_t lanes;           /* CPU: f32 in a vector register; GPU: threads of a warp */
	double flops_per_ns;      /* f32 multiply-adds, two each */
	double step_extra;        /* CPU: multiply-adds that a step of an inner loop takes besides its own */
	double near_per_ns;       /* bytes between local memory and registers */
	double shared_per_ns;     /* bytes between a unit and the cache that all units share */
	double dram_per_ns;       /* bytes that one unit alone gets from memory */
	double dram_total_per_ns; /* bytes that all units together get */
	double hidden;            /* share of the traffic behind local memory that arithmetic hides: 0 to 1 */
	double doubt;             /* predictions err: another tile shape must be better by this share to be worth it */
	double claim_ns;          /* from one tile to the next */
	double tile_limit_ns;     /* predicted tiles are shorter where they can be; below what may be measured */
};

#define DEVICE(id, text, ...) extern const struct device device_##id;
#include "compiler/variants/devices.def"
#undef DEVICE

#endif
