/* Operators that treat rows, images or regions one by one. They compute all rows up to the bound, then the true number
 * limits the result. */
#include "compiler/ops/sizes.h"

/* Adds a node with the same operator and attributes, but other inputs. Returns its first output. */
static struct value *emit_same(struct node *node, struct value *const *inputs)
{
	struct graph *graph = node->graph;
	struct value **outputs = arena_array(&graph->ctx->arena, (size_t)node->output_count, sizeof *outputs);
	for (int i = 0; i < node->output_count; i++)
		outputs[i] = node->outputs[i] ? graph_value(graph, graph_unique_name(graph, node->outputs[i]->name)) : NULL;
	struct node *same =
		graph_add_node(graph, node, node->op_type, node->name, inputs, node->input_count, outputs, node->output_count);
	same->domain = node->domain;
	same->opset = node->opset;
	same->op = node->op;
	node_set_attrs(same, node->attrs, node->attr_count);
	return outputs[0];
}

/* Inputs `first` to `last` may have a run-time size as dim 0, all the same one. The outputs then have this size too. */
static enum ercc_status expand_rows(struct node *node, int first, int last)
{
	struct value *inputs[8] = {NULL}, *size = NULL;
	int64_t bound = 0;
	for (int i = 0; i < node->input_count; i++) {
		struct value *in = node->inputs[i];
		struct shape rest = in ? in->shape : (struct shape){.rank = 0};
		inputs[i] = in;
		if (shape_run_time_dim(&rest) < 0)
			continue;
		struct value *own = rest.sizes[0] ? dim_value(node, in, 0) : NULL;
		rest.sizes[0] = 0;
		if (!own || i < first || i > last || (size && size != own) || shape_run_time_dim(&rest) >= 0)
			return node_fail(node, ERCC_UNSUPPORTED,
			                 "input '%s' is %s%s: only its dim 0, a number of rows, images or regions, may be "
			                 "known at run time only",
			                 in->name, dtype_name(in->dtype), shape_words(node, &in->shape));
		size = own;
		bound = in->shape.dims[0];
		inputs[i] =
			first ? emit_filled(node, in, in, 0, constant_number(node, in->dtype, 0)) : emit_bounded(node, in, 0);
	}
	struct value *out = emit_same(node, inputs);
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i])
			expand_to(node, i, emit_limited(node, out->producer->outputs[i], 0, bound, size));
	return ERCC_OK;
}

enum ercc_status expand_sized_rows(struct node *node)
{
	return expand_rows(node, 0, 0);
}

enum ercc_status expand_sized_regions(struct node *node)
{
	return expand_rows(node, 1, 2);
}

/* ---- MatMul, Gemm: run-time sizes of rows, columns, or the summed dim, which is filled with zeros ---- */

/* The matrix at its bounds. summed: the dim that the product sums. */
static struct value *emit_matrix(struct node *node, struct value *in, int summed)
{
	struct value *x = in;
	for (int i = 0; i < in->shape.rank; i++)
		if (in->shape.sizes[i])
			x = i == summed ? emit_filled(node, x, in, i, constant_number(node, in->dtype, 0))
			                : emit_bounded(node, x, i);
	return x;
}

enum ercc_status expand_sized_product(struct node *node)
{
	struct value *a = node->inputs[0], *b = node->inputs[1], *c = node_input(node, 2);
	bool ta = node_attr_int(node, "transA", 0) != 0, tb = node_attr_int(node, "transB", 0) != 0;
	int ranks[] = {a->shape.rank, b->shape.rank}, rank = ranks[0] > ranks[1] ? ranks[0] : ranks[1];
	if (ranks[0] < 2 || ranks[1] < 2 || (c && shape_run_time_dim(&c->shape) >= 0))
		return node_fail(node, ERCC_UNSUPPORTED, "dims known at run time only, of a vector or of C, are not supported");
	struct value *inputs[] = {emit_matrix(node, a, ranks[0] - 1 - ta), emit_matrix(node, b, ranks[1] - 2 + tb), c};
	struct value *out = emit_same(node, inputs);
	for (int i = 0; i < rank; i++) {
		const struct value *from[] = {a, b};
		for (int k = 0; k < 2; k++) {
			int dim = i - (rank - ranks[k]), kept = k ? ranks[1] - 1 - tb : ranks[0] - 2 + ta;
			dim = i == rank - 2 + k ? kept : i < rank - 2 ? dim : -1;
			if (dim < 0 || !from[k]->shape.sizes[dim])
				continue;
			out = emit_limited(node, out, i, from[k]->shape.dims[dim], dim_value(node, from[k], dim));
			break;
		}
	}
	expand_to(node, 0, out);
	return ERCC_OK;
}
