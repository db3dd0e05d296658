/* NVIDIA's compiler library. It is opened at run time. */
#ifndef ERCC_NVRTC_H
#define ERCC_NVRTC_H

#include "compiler/targets/target.h"

/* What a kernel takes of a unit: the maximum over the image's entry points, from the assembler's report. */
struct gpu_resources {
	uint32_t registers;    /* of a thread */
	uint32_t static_bytes; /* local memory of a block that the kernel declares itself */
	uint32_t stack_bytes;  /* of a thread */
	uint32_t spill_bytes;  /* stored and loaded by a thread because registers are short */
};
/* Returns false if the report is incomplete, or is not about `entries` kernels. */
bool gpu_resources_read(const char *report, int entries, struct gpu_resources *out);
/* The maximum number of blocks that a unit holds at the same time; 0 if not even one fits. has->registers must be at
 * least 1. */
uint32_t gpu_blocks_per_unit(const struct device *device, uint32_t threads, int64_t local_bytes,
                             const struct gpu_resources *has);

struct gpu_image {
	struct gpu_resources resources; /* zeros for PTX, which the driver assembles */
	const void *data;               /* a cubin, or PTX with its NUL */
	int64_t bytes;
};

/* What to build: "sm_90" gives cubins, "compute_80" gives PTX. */
struct nvrtc_target {
	const char *name, *architecture;
	int number; /* of the architecture: 90 */
	bool is_ptx;
};

/* Builds one image per kernel, several at a time, through the kernel cache. *version: NVRTC's, such as 12090 for
 * 12.9. */
enum ercc_status nvrtc_build(struct context *ctx, const struct nvrtc_target *target, const struct kernel *kernels,
                             uint32_t count, struct gpu_image *images, int *version, const char **toolchain);

#endif
