/* Gives every node its operator row. Reports all nodes without one together. */
#include "compiler/passes/pass.h"

enum ercc_status pass_resolve(struct graph *graph)
{
	uint32_t before = graph->ctx->error_count;
	for (struct node *node = graph->first; node; node = node->next)
		node_resolve(node);
	return graph->ctx->error_count == before ? ERCC_OK : ERCC_UNSUPPORTED;
}
