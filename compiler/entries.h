/* The sets of pinned dims that one artifact is compiled for. */
#ifndef ERCC_ENTRIES_H
#define ERCC_ENTRIES_H

#include "compiler/core/plan.h"

/* Options for one entry: each of `dims` has one size. */
struct entry_dims {
	const char *name; /* of the dims with several sizes: "batch=4,seq=1..128"; NULL: there is no other entry */
	const char *const *dims;
	uint32_t dim_count;
	const struct range *ranges; /* of those of `dims` that are ranges; `dims` has their maximum */
	int range_count;
};

/* All combinations of the sizes in the options; those of the last dim change first. `graph`: of the model, for the names
 * of dims that '*' stands for. */
enum ercc_status entries_list(struct context *ctx, const struct graph *graph, struct entry_dims **out, uint32_t *count);

/* Makes a plan with the given dims. is_quiet: messages are lost. */
typedef enum ercc_status make_plan_fn(void *user, const char *const *dims, bool is_quiet, struct plans *plans);

/* Makes the plan of an entry again with other sizes of its ranges, and compares these plans: each must do the same in the
 * same order. */
enum ercc_status ranges_sample(struct context *ctx, const struct entry_dims *entry, struct plan *plan,
                               make_plan_fn *make, void *user);

#endif
