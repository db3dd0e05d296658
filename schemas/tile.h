/* The tile ABI: how a unit calls a kernel. Shared by the runtime, by the compiler's
 * own checks, and (embedded as text) by every generated CPU kernel source. It may use
 * nothing but fixed-width integers. */
#ifndef ERC_TILE_H
#define ERC_TILE_H

#include <stdint.h>

/* What one launch hands to each of its tiles. All three arrays are read-only to the
 * tile; the buffers behind `buffers` are read or written as the launch's operands say. */
struct erc_tile_args {
	void *const *buffers; /* one pointer per operand of the launch, in operand order */
	const int64_t *dims;  /* the request's table of run-time dimensions (may be NULL) */
	const void *params;   /* the variant's parameters: int64_t values, meaning set by the template */
};

/* Computes tile number `tile`. `local` is the unit's scratch: 64-byte aligned, at least
 * the variant's local_bytes, contents undefined at entry. Tiles of one launch are independent. */
typedef void (*erc_tile_fn)(const struct erc_tile_args *args, uint32_t tile, void *local);

#define ERC_CPU_IMAGE_ABI 1u

/* What a CPU code image exports, through one query symbol. */
struct erc_cpu_image {
	uint32_t abi; /* ERC_CPU_IMAGE_ABI */
	uint32_t kernel_count;
	const erc_tile_fn *kernels; /* kernel_count entries; index = erca_kernel.entry */
};

#define ERC_CPU_IMAGE_QUERY "erc_cpu_image_query_v1"
typedef const struct erc_cpu_image *(*erc_cpu_image_query_fn)(void);

#endif
