/* A plan prepared for one target: the variants of each launch, and their kernels and code. */
#ifndef ERCC_TARGET_PLAN_H
#define ERCC_TARGET_PLAN_H

#include "compiler/variants/variants.h"

struct kernel {
	const char *name;   /* template stem and content hash */
	uint8_t digest[32]; /* of the source */
	const char *source;
	/* CUDA: as in erca_kernel; set once the kernel is built. */
	uint16_t static_bytes, spill_bytes;
};

/* A plan prepared for one target. */
struct target_plan {
	const char *name;     /* "cpu:x86-64-v4" */
	uint32_t kind, level; /* as in erca_target */
	const struct device *device;
	struct budget budgets[MAX_BUDGETS];
	uint32_t budget_count;
	struct variant *variants;     /* [launch index * budget_count + budget] */
	struct target_plan **samples; /* for each plan with ranges, one for each of its samples; NULL elsewhere */
	struct kernel *kernels;
	uint32_t kernel_count;
	size_t kernel_capacity;
	const void *code; /* the image; NULL for a target without code */
	int64_t code_bytes;
	const char *toolchain; /* "gcc 12.2.0"; NULL: none was needed */
	uint32_t min_driver;   /* CUDA: as in erca_target */
	bool unverified;       /* it is not known what the kernels take of a unit (PTX) */
};

/* The variants of a launch, one for each budget. */
static inline struct variant *launch_variants(const struct target_plan *target, const struct launch *launch)
{
	return &target->variants[(uint32_t)launch->index * target->budget_count];
}

/* Whether the launch has no tiles in any variant. It then has nothing to do, or other launches do its work on this
 * target. */
static inline bool launch_is_empty(const struct target_plan *target, const struct launch *launch)
{
	for (uint32_t k = 0; k < target->budget_count; k++)
		if (launch_variants(target, launch)[k].tile_count)
			return false;
	return true;
}

#endif
