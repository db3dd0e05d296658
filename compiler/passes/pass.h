/* The passes and the pipeline that runs them. */
#ifndef ERCC_PASS_H
#define ERCC_PASS_H

#include "compiler/lower/op.h"

#define GRAPH_PASS(name) enum ercc_status pass_##name(struct graph *graph);
#define PLAN_PASS(name) enum ercc_status pass_##name(struct plan *plan);
#include "compiler/passes/passes.def"
#undef GRAPH_PASS
#undef PLAN_PASS

/* Reads a size from `text` to `end`, of that option. */
enum ercc_status parse_size(struct context *ctx, const char *option, const char *text, const char *end, int64_t *out);

/* Removes the node if an earlier one computes the same, and returns true then. */
bool merge_repeated_node(struct node *node);

/* Runs the pipeline: graph passes, lowering, plan passes. The options select what is dumped, and the pass to stop
 * after. Adds the plan of the entry with that name, unless stop_after ended it early. */
enum ercc_status run_passes(struct graph *graph, const char *entry, struct plans *all);

/* pin.c. Ranges for the named dims of inputs that have no size yet, as --dim takes them: "batch=1..8". */
const char **dims_propose(struct context *ctx, const struct graph *graph, size_t *count);
/* The same as options, "--dim batch=1..8 --dim seq=1..512"; NULL: there are no such dims. */
const char *dims_proposal_text(struct context *ctx, const struct graph *graph);

#endif
