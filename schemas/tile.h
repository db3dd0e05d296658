/* The tile ABI: how a unit calls a kernel. The runtime, the compiler's own checks and every generated CPU kernel
 * source (as embedded text) share this header, so it uses only fixed-width integers. */
#ifndef ERC_TILE_H
#define ERC_TILE_H

#include <stdint.h>

/* What a launch passes to each of its tiles. The tile may only read the three arrays. It reads or writes the buffers
 * in `buffers` as the launch's operands say. */
struct erc_tile_args {
	void *const *buffers; /* one pointer per operand of the launch, in the order of the operands */
	const int64_t *dims;  /* the request's table of run-time dimensions; may be NULL */
	const void *params;   /* the variant's parameters: int64_t values whose meaning the template defines */
};

/* Computes tile number `tile`. `local` is the unit's local memory: aligned to 64 bytes, at least the variant's
 * local_bytes, with undefined contents. Tiles of one launch are independent. */
typedef void (*erc_tile_fn)(const struct erc_tile_args *args, uint32_t tile, void *local);

#define ERC_CPU_IMAGE_ABI 1u

/* What a CPU code image exports through its query symbol. */
struct erc_cpu_image {
	uint32_t abi; /* ERC_CPU_IMAGE_ABI */
	uint32_t kernel_count;
	const erc_tile_fn *kernels; /* kernel_count entries; index = erca_kernel.entry */
};

#define ERC_CPU_IMAGE_QUERY "erc_cpu_image_query_v1"
typedef const struct erc_cpu_image *(*erc_cpu_image_query_fn)(void);

#endif
