/* Devices as the choosers of variants see them: what a unit has, and how fast it is. devices.def lists the devices. */
#ifndef ERCC_DEVICE_H
#define ERCC_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct device {
	const char *name;
	bool generic; /* stands for many machines: a budget may ask for more than it has */
	/* A budget limits these two. */
	uint32_t units;
	int64_t local_bytes;  /* per unit: shared memory; on a CPU its L2, for scratch and data that is read again */
	int64_t static_bytes; /* GPU: the part of local_bytes that every kernel takes besides its tile */
	/* GPU: local memory that the system takes for each block; local_bytes does not include that of one block */
	int64_t reserved_bytes;
	uint32_t threads, blocks; /* GPU: maximum that a unit holds at the same time */
	int64_t cache_bytes;      /* L2 of a CPU core; a running tile may use all of it under any budget */
	int64_t shared_bytes;     /* a unit's part of the cache that all units share, on a busy device */
	int64_t near_bytes;       /* L1 data cache of a CPU core */
	uint32_t registers;       /* CPU: vector registers; GPU: 32-bit registers of a unit */
	uint32_t lanes;           /* CPU: f32 in a vector register; GPU: threads of a warp */
	double flops_per_ns;      /* f32 arithmetic; a multiply-add counts as two */
	double step_extra;        /* CPU: additional time for a step of an inner loop, in multiply-adds */
	double near_per_ns;       /* bytes between local memory and registers */
	double shared_per_ns;     /* bytes between a unit and the cache that all units share */
	double dram_per_ns;       /* bytes between memory and a unit that runs alone */
	double dram_total_per_ns; /* bytes between memory and all units together */
	double hidden;            /* share of the traffic beyond local memory that arithmetic hides: 0 to 1 */
	double doubt;             /* another tile shape is taken only if better by this share: predictions may err */
	double claim_ns;          /* time from the end of a tile to the start of the next */
	double tile_limit_ns;     /* maximum predicted time of a tile, where possible; below the limit for measured times */
};

#define DEVICE(id, text, ...) extern const struct device device_##id;
#include "compiler/variants/devices.def"
#undef DEVICE

#endif
