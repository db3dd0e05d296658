/* What an entry with ranges has besides its records: which of their numbers follow which formulas. */
#ifndef ERCC_RESIZABLE_H
#define ERCC_RESIZABLE_H

#include "compiler/artifact/formula.h"
#include "compiler/targets/target.h"

struct resizable {
	struct formulas formulas;
	struct erca_patch *patches; /* steps and tensors are numbered within the entry */
	size_t patch_count, patch_capacity;
};

/* The steps of a run, as the runtime numbers them: each launch in order, without empty ones; the beginning of each region, by
 * its number, if it is a loop. */
struct steps {
	uint32_t *launches, *regions;
};

/* `index`: of the plan among those of the artifact. */
enum ercc_status resizable_make(struct context *ctx, const struct plan *plan, size_t index,
                                const struct target_plan *target, const struct steps *steps, struct resizable *out);

#endif
