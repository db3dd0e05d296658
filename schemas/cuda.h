/* The CUDA ABI: what the runtime hands to a kernel of an artifact. Every image holds two kernels around one tile
 * body: ERC_CUDA_PLAIN, whose grid is the launch's tiles, and ERC_CUDA_ELASTIC, whose blocks claim tiles, check
 * the room before each and leave when it says so. Both take one struct erc_cuda_launch by value. Shared by the runtime and
 * (embedded as text) by every generated CUDA kernel source. */
#ifndef ERC_CUDA_H
#define ERC_CUDA_H

#include <stdint.h>

#define ERC_CUDA_ABI 2u
#define ERC_CUDA_PLAIN "erc_plain"
#define ERC_CUDA_ELASTIC "erc_elastic"

#define ERC_CUDA_MOST_OPERANDS 24
#define ERC_CUDA_MOST_PARAMS 96

/* Progress of one launch of one run, in device memory. Zeroed before the run's first launch, never in between: a
 * launch that was left goes on where it was, by other blocks too. */
struct erc_cuda_progress {
	uint32_t next;       /* tiles claimed; may pass the number of tiles by the number of blocks */
	uint32_t done;       /* tiles completed */
	uint64_t started_ns; /* global timer: the earliest block's first look, as ~time so that 0 is "none" */
};

/* A request's room: how many units its blocks may occupy now. Written by the host, read by blocks between tiles. */
struct erc_cuda_room {
	uint64_t word; /* {stop epoch: high 32 bits, unit limit: low 32 bits} */
};

/* One for all runs, in device memory: what real-time runs need of the units, so that best-effort blocks keep off without the host.
 * A run's need is `told`, unless that is of another generation than `first`: the host begins a new one when the slot's run begins,
 * ends or is sent away, and what an older launch may still write counts no more. */
#define ERC_CUDA_SLOTS 8u
struct erc_cuda_slot {
	uint32_t first; /* {generation: high 16 bits, units: low 16 bits}; written by the host */
	uint32_t told;  /* the same; written by the run's launches as they begin */
};
struct erc_cuda_board {
	/* {units of real-time runs without a slot: high 16 bits, units that best-effort runs have together by their rooms' limits: low};
	 * written by the host */
	uint32_t units;
	uint32_t reserved[15];
	struct erc_cuda_slot slots[ERC_CUDA_SLOTS]; /* a multiple of 64 from the board's begin */
};

struct erc_cuda_launch {
	/* Device addresses, in operand order. Arena, weights, inputs and outputs each begin at a multiple of 64. */
	void *buffers[ERC_CUDA_MOST_OPERANDS];
	int64_t *dims; /* the request's run-time dims, in device memory */
	uint32_t tile_count;
	/* Elastic alone: */
	uint32_t epoch; /* of the segment: blocks leave once the stop epoch has reached it */
	/* Block b is taken to be on unit first_unit + b % units of the request's: a GPU gives each SM a block before one gets a second.
	 * A grid that joins later counts on from the units that are there. */
	uint32_t first_unit;
	uint32_t units;
	const struct erc_cuda_room *room;
	struct erc_cuda_progress *progress;
	/* The launch before this one, in the same run: until it is complete, nothing is claimed. Where it was left, the host goes on.
	 * NULL: there is none. */
	const struct erc_cuda_progress *before;
	uint32_t before_tiles;
	/* The board: best-effort launches keep to it, real-time ones write to it. NULL: neither. */
	uint32_t keeps; /* 1: keeps to it; */
	struct erc_cuda_board *board;
	uint32_t all_units; /* real-time and best-effort runs have so many together */
	uint32_t tells;     /* units that the run needs from this launch on; 0: as before */
	const uint32_t
		*ticket; /* where {generation: high 16 bits, slot + 1: low 16 bits} of the run stands; 0: it has none */
	int64_t params[ERC_CUDA_MOST_PARAMS];
};

#ifndef __CUDACC__
/* CODE of a CUDA target: this, then the images, one a kernel: cubins, or PTX that ends with NUL. */
struct erc_cuda_image {
	uint32_t abi; /* ERC_CUDA_ABI */
	uint32_t kernel_count;
	struct {
		uint64_t offset; /* from the first byte of this struct; a multiple of 64 */
		uint64_t bytes;
	} images[]; /* index = erca_kernel.entry */
};
#endif

#endif
