/* NVIDIA's compiler library, found when it is needed. */
#ifndef ERCC_NVRTC_H
#define ERCC_NVRTC_H

#include "compiler/targets/target.h"

/* What a kernel takes of a unit: the largest of an image's entry points, read from the assembler's report. */
struct gpu_resources {
	uint32_t registers;    /* of a thread */
	uint32_t static_bytes; /* local memory of a block that the kernel itself declares */
	uint32_t stack_bytes;  /* of a thread */
	uint32_t spill_bytes;  /* stored and loaded by a thread, for want of registers */
};
/* false: the report lacks something, or is not of `entries` kernels. */
bool gpu_resources_read(const char *report, int entries, struct gpu_resources *out);
/* Blocks that a unit holds at once; at least one register is known. 0: not even one. */
uint32_t gpu_blocks_per_unit(const struct device *device, uint32_t threads, int64_t local_bytes,
                             const struct gpu_resources *has);

struct gpu_image {
	struct gpu_resources resources; /* zeros for PTX: the driver's assembler decides */
	const void *data;               /* a cubin, or PTX with its NUL */
	int64_t bytes;
};

/* What is built: "sm_90" gives cubins, "compute_80" PTX. */
struct nvrtc_target {
	const char *name, *architecture;
	int number; /* 90 */
	bool is_ptx;
};

/* One image for each kernel, several at a time, through the kernel cache. *version: NVRTC's, 12090 for 12.9. */
enum ercc_status nvrtc_build(struct context *ctx, const struct nvrtc_target *target, const struct kernel *kernels,
                             uint32_t count, struct gpu_image *images, int *version, const char **toolchain);

#endif
