/* The CUDA ABI: how the runtime calls a kernel of an artifact. Every image holds two kernels around one tile body.
 * ERC_CUDA_PLAIN has the launch's tiles as its grid. The blocks of ERC_CUDA_ELASTIC claim tiles, check the room
 * before each tile and leave when it says so. Both take one struct erc_cuda_launch by value. The runtime and every
 * generated CUDA kernel source (as embedded text) share this header. */
#ifndef ERC_CUDA_H
#define ERC_CUDA_H

#include <stdint.h>

#define ERC_CUDA_ABI 2u
#define ERC_CUDA_PLAIN "erc_plain"
#define ERC_CUDA_ELASTIC "erc_elastic"

#define ERC_CUDA_MOST_OPERANDS 24
#define ERC_CUDA_MOST_PARAMS 96

/* Progress of one launch of one run, in device memory. It is set to zero before the run's first launch only: a
 * launch that was left continues where it was, also with other blocks. */
struct erc_cuda_progress {
	uint32_t next;       /* tiles claimed; may exceed the number of tiles by the number of blocks */
	uint32_t done;       /* tiles completed */
	uint64_t started_ns; /* global timer when the earliest block began, as ~time so that 0 means "none" */
};

/* A request's room: how many units its blocks may occupy now. The host writes it, and blocks read it between tiles. */
struct erc_cuda_room {
	uint64_t word; /* {stop epoch: high 32 bits, unit limit: low 32 bits} */
};

/* The board: one for all runs, in device memory. It says how many units real-time runs need, so that best-effort
 * blocks leave without the host. A run's need is `told` if that has the generation of `first`, else `first`. The host
 * begins a new generation when the slot's run begins, ends or loses its units, so what an older launch may still write
 * no longer counts. */
#define ERC_CUDA_SLOTS 8u
struct erc_cuda_slot {
	uint32_t first; /* {generation: high 16 bits, units: low 16 bits}; written by the host */
	uint32_t told;  /* the same; the run's launches write it as they begin */
};
struct erc_cuda_board {
	/* {units of real-time runs without a slot: high 16 bits, sum of the limits of best-effort runs' rooms: low 16
	 * bits}; written by the host */
	uint32_t units;
	uint32_t reserved[15];
	struct erc_cuda_slot slots[ERC_CUDA_SLOTS]; /* at a multiple of 64 from the beginning of the board */
};

struct erc_cuda_launch {
	/* Device addresses, in the order of the operands. Arena, weights, inputs and outputs each begin at a multiple of
	 * 64. */
	void *buffers[ERC_CUDA_MOST_OPERANDS];
	int64_t *dims; /* the request's run-time dims, in device memory */
	uint32_t tile_count;
	/* Elastic form only: */
	/* of the flight, which is the launches that the host submits together: blocks leave when the stop epoch has
	 * reached it */
	uint32_t epoch;
	/* Block b is assumed to be on unit first_unit + b % units of the request's units, because a GPU gives each SM a
	 * block before one gets a second. A grid that joins later continues the numbers of the present units. */
	uint32_t first_unit;
	uint32_t units;
	const struct erc_cuda_room *room;
	struct erc_cuda_progress *progress;
	/* The launch before this one in the same run. Nothing is claimed until it is complete. If it was left, the host
	 * continues it. NULL: there is none. */
	const struct erc_cuda_progress *before;
	uint32_t before_tiles;
	/* The board: best-effort launches read it, real-time launches write to it. NULL: neither. */
	uint32_t keeps; /* 1: best-effort, reads the board */
	struct erc_cuda_board *board;
	uint32_t all_units;     /* units of all real-time and best-effort runs together */
	uint32_t tells;         /* units that the run needs from this launch on; 0: as before */
	const uint32_t *ticket; /* {generation: high 16 bits, slot + 1: low 16 bits} of the run; 0: it has no slot */
	int64_t params[ERC_CUDA_MOST_PARAMS];
};

#ifndef __CUDACC__
/* CODE of a CUDA target: this struct, then one image per kernel: cubins, or PTX that ends with NUL. */
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
