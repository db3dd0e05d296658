/* erc.Reorder, the compiler's own operator: from plain to channel-blocked layout and back. */
#include "compiler/lower/inserted.h"

static enum ercc_status infer_reorder(struct node *node)
{
	return set_output(node, 0, node->inputs[0]->dtype, &node->inputs[0]->shape);
}

/* One copy for the whole blocks, another for the ragged last block. */
static enum ercc_status lower_reorder(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	int64_t images = in->shape.dims[0], channels = in->shape.dims[1], positions = 1;
	for (int i = 2; i < in->shape.rank; i++)
		positions *= in->shape.dims[i];
	int64_t full = channels / 16, rest = channels % 16, padded = round_up(channels, 16);
	bool blocking = out->layout == LAYOUT_NC16;
	for (int part = 0; part < 2; part++) {
		int64_t count = part ? (rest > 0) : full, lanes = part ? rest : 16;
		if (!count)
			continue;
		struct shape space = shape_of(4, (int64_t[]){images, count, positions, lanes});
		int64_t plain[] = {channels * positions, 16 * positions, 1, positions};
		int64_t blocked[] = {padded * positions, 16 * positions, 16, 1};
		int64_t at = part * full * 16 * positions; /* elements; the same in both layouts */
		TRY(lower_copy(lowering, node, in, at, blocking ? plain : blocked, out, at, blocking ? blocked : plain,
		               &space));
	}
	return ERCC_OK;
}

struct value *insert_reorder(struct graph *graph, struct node *before, struct value *in, enum layout layout)
{
	struct value *out = graph_value(graph, graph_unique_name(graph, in->name));
	struct node *node = graph_add_node(graph, before, "Reorder", graph_unique_name(graph, "Reorder"), &in, 1, &out, 1);
	node_set_row(node, "erc", 1);
	out->dtype = in->dtype;
	out->shape = in->shape;
	out->layout = layout;
	return out;
}

const struct op ops_reorder[] = {
	{"Reorder", 1, 1, 1, 1, TYPES_MOVED, infer_reorder, lower_reorder, .domain = "erc"},
	{0},
};
