/* Unique: one kernel finds the first row of each distinct value and the number of equal ones. The values are
 * gathered. */
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/sizes.h"

/* With an axis, the slices along it become the rows of a matrix. Without one, every element is a row. */
static enum ercc_status expand_unique(struct node *node)
{
	struct value *x = node->inputs[0], *rows, *y;
	const struct shape in = x->shape;
	int axis = -1;
	struct text perm = {.arena = &node->graph->ctx->arena}, back = perm;
	if (node_attr(node, "axis"))
		TRY(check_axis(node, node_attr_int(node, "axis", 0), in.rank, &axis));
	if (axis < 0) {
		rows = EMIT(node, "Reshape(a, {-1, 1})", x);
	} else {
		if (in.dims[axis] && !(shape_elements(&in) / in.dims[axis]))
			return node_fail(node, ERCC_UNSUPPORTED, "slices without elements are not supported");
		for (int i = 0; i < in.rank; i++) { /* the axis first; the others, which order the slices, keep their order */
			text_printf(&perm, "%d:", i == 0 ? axis : i - (i <= axis));
			text_printf(&back, "%d:", i == axis ? 0 : i + (i < axis));
		}
		rows = EMIT(node, TEXT(node, "Transpose[perm=%s](a)", perm.data), x);
		rows = EMIT(node, "Reshape(a, b)", rows,
		            constant_ints(node, (int64_t[]){in.dims[axis], in.dims[axis] ? -1 : 1}, 2));
	}
	struct value *firsts =
		EMIT(node, TEXT(node, "erc.UniqueRows[sorted=%d](a)", node_attr_int(node, "sorted", 1) != 0), rows);
	if (axis < 0)
		y = EMIT(node, "Gather(Reshape(a, {-1}), b)", x, firsts);
	else
		y = EMIT(node, TEXT(node, "Transpose[perm=%s](Gather(Transpose[perm=%s](a), b))", back.data, perm.data), x,
		         firsts);
	expand_to(node, 0, y);
	expand_to(node, 1, firsts);
	expand_to(node, 2, emitted_output(firsts, 1));
	expand_to(node, 3, emitted_output(firsts, 2));
	return ERCC_OK;
}

/* [m, k] -> the first row of each kind of equal rows [n], the kind of each row [m], the number of rows of each kind
 * [n]; and n. */
static enum ercc_status infer_unique_rows(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	struct shape all = shape_of(1, in->dims), kinds = all;
	for (int slot = 1; slot < 4; slot++)
		emitted_output(node->outputs[0], slot);
	kinds.sizes[0] = graph_add_size(node->graph, node->outputs[3], in->dims[0]);
	TRY(set_output(node, 3, ERC_I64, &(struct shape){0}));
	TRY(set_output(node, 2, ERC_I64, &kinds));
	TRY(set_output(node, 1, ERC_I64, &all));
	return set_output(node, 0, ERC_I64, &kinds);
}

static enum ercc_status lower_unique_rows(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0];
	int64_t m = in->shape.dims[0];
	if (m == 0)
		return lower_fill(lowering, node, node->outputs[3], 0, 0);
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &unique_template, node->name);
	launch_operand(launch, lower_buffer(lowering, in), in->dtype, false);
	launch->input_count = 1;
	launch_operand(launch, plan_buffer(lowering->plan, BUFFER_ARENA, 2 * m * 8, node->name), ERC_I64, true);
	for (int slot = 3; slot >= 0; slot--)
		launch_operand(launch, lower_buffer(lowering, node->outputs[slot]), ERC_I64, true);
	launch_set(launch, ROWS_TOTAL, 1);
	launch_set(launch, UNIQUE_M, m);
	launch_set(launch, UNIQUE_K, in->shape.dims[1]);
	launch->bytes = 4 * (uint64_t)m * 8 + (uint64_t)value_bytes(in);
	launch->flops = (uint64_t)shape_elements(&in->shape) * 400;
	launch_define(launch, "T", dtype_name(in->dtype));
	launch_define(launch, "SORTED", node_attr_int(node, "sorted", 1) ? "1" : "0");
	return ERCC_OK;
}

const struct op ops_unique[] = {
	{"Unique", 11, 1, 1, 4, TYPES_ALL, .expand = expand_unique, .attrs = "axis=int sorted=int"},
	{"UniqueRows", 1, 1, 1, 4, TYPES_ALL, infer_unique_rows, lower_unique_rows, .domain = "erc"},
	{0},
};
