/* What an entry with ranges has besides its records: which of their numbers follow which formulas. */
#ifndef ERCC_RESIZABLE_H
#define ERCC_RESIZABLE_H

#include "compiler/artifact/formula.h"
#include "compiler/targets/target.h"

struct resizable {
	struct formulas formulas;
	struct erca_patch *patches; /* records and tensors are numbered within the entry */
	size_t patch_count, patch_capacity;
};

/* `index`: of the plan among those of the artifact. */
enum ercc_status resizable_make(struct context *ctx, const struct plan *plan, size_t index,
                                const struct target_plan *target, struct resizable *out);

#endif
