/* Finds operators that an exporter wrote as several smaller ones, and makes each one node again. The patterns are text
 * (lower/match.h) in the operator's row. There are none for activations: fusion makes one expression of their parts
 * anyway. */
#include "compiler/passes/pass.h"

#include "compiler/lower/match.h"

/* Lists the operators that have patterns, so that each node is compared with these alone. Returns their number. */
static size_t list_recoverable(struct arena *arena, const struct op ***out)
{
	size_t count = 0, capacity = 0;
	for (const struct family *family = families; family->name; family++)
		for (const struct op *op = family->ops; op->name; op++)
			capacity += op->recoveries != NULL;
	*out = arena_array(arena, capacity, sizeof **out);
	for (const struct family *family = families; family->name; family++)
		for (const struct op *op = family->ops; op->name; op++)
			if (op->recoveries)
				(*out)[count++] = op;
	return count;
}

static enum ercc_status recover(struct node *root, const struct op *op, bool *done)
{
	struct match match;
	for (const struct recovery *recovery = op->recoveries; recovery->text && !*done; recovery++)
		if (match_text(&match, recovery->rules, recovery->text, root->outputs[0]))
			TRY(recovery->build(root, &match, done));
	return ERCC_OK;
}

enum ercc_status pass_recover(struct graph *graph)
{
	const struct op **ops;
	size_t count = list_recoverable(&graph->ctx->arena, &ops);
	for (struct node *node = graph->first; node; node = node->next) {
		bool done = !node->outputs[0];
		for (size_t i = 0; i < count && !done; i++)
			TRY(recover(node, ops[i], &done));
	}
	return ERCC_OK;
}
