/* Softmax and LogSoftmax along one axis. Before opset 13 they are along all dims from the axis on. */
#include "compiler/lower/lower_rows.h"
#include "compiler/lower/match.h"
#include "compiler/ops/sizes.h"

static enum ercc_status infer_softmax(struct node *node)
{
	int axis;
	if (node->inputs[0]->shape.rank)
		TRY(check_axis(node, node_attr_int(node, "axis", node->op->since >= 13 ? -1 : 1), node->inputs[0]->shape.rank,
		               &axis));
	return set_output(node, 0, node->inputs[0]->dtype, &node->inputs[0]->shape);
}

/* Whether the dim has a run-time size. Elements after the true size must then add nothing. */
static bool is_along_size(const struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	int64_t axis = node_attr_int(node, "axis", node->op->since >= 13 ? -1 : 1);
	axis += axis < 0 ? in->rank : 0;
	for (int64_t i = axis; i >= 0 && i < in->rank; i++)
		if (in->sizes[i] && (i == axis || node->op->since < 13))
			return true;
	return false;
}

static enum ercc_status expand_sized_softmax(struct node *node)
{
	struct value *x = node->inputs[0], *y;
	int axis;
	TRY(check_axis(node, node_attr_int(node, "axis", node->op->since >= 13 ? -1 : 1), x->shape.rank, &axis));
	if (node->op->since < 13 && axis != x->shape.rank - 1)
		return node_fail(node, ERCC_UNSUPPORTED,
		                 "over all dims from %d on, one of which is known at run time only: not supported", axis);
	y = EMIT(node, TEXT(node, "%s[axis=%d](a)", node->op_type, axis),
	         emit_filled(node, x, x, axis, constant_extreme(node, x->dtype, false)));
	expand_to(node, 0, emit_limited(node, y, axis, x->shape.dims[axis], dim_value(node, x, axis)));
	return ERCC_OK;
}

static enum ercc_status lower_softmax(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	int axis = 0;
	int64_t outer = 1, count = 1, inner = 1;
	if (in->rank)
		TRY(check_axis(node, node_attr_int(node, "axis", node->op->since >= 13 ? -1 : 1), in->rank, &axis));
	for (int i = 0; i < in->rank; i++)
		*(i < axis ? &outer : i == axis || node->op->since < 13 ? &count : &inner) *= in->dims[i];
	struct launch *launch = lower_rows(lowering, node, &softmax_template, outer * inner);
	launch_set(launch, SOFTMAX_COUNT, count);
	launch_set(launch, SOFTMAX_INNER, inner);
	launch->flops = (uint64_t)shape_elements(in) * 60;
	launch->reduction_key = REDUCTION_SOFTMAX;
	launch_define(launch, "T", dtype_name(node->inputs[0]->dtype));
	launch_define(launch, "LOGARITHM", node->op_type[0] == 'L' ? "1" : "0");
	return ERCC_OK;
}

/* ---- patterns ---- */

static bool is_over_last(const struct node *node)
{
	int64_t axis = node_attr_int(node, "axis", node->op->since >= 13 ? -1 : 1);
	int rank = node->inputs[0]->shape.rank;
	return rank > 0 && (axis == -1 || axis == rank - 1);
}

static enum ercc_status recover_softmax(struct node *root, const struct match *match, bool *done)
{
	struct value *x = matched(match, 'x'), *out;
	if (x->dtype != ERC_F32 || shape_run_time_dim(&x->shape) >= 0)
		return ERCC_OK;
	out = EMIT(root, "Softmax[axis=-1](a)", x);
	TRY(out->producer->op->infer(out->producer));
	graph_replace_uses(root->graph, root->outputs[0], out);
	*done = true;
	return ERCC_OK;
}

static const struct recovery recoveries[] = {
	{.text = "Div(n=Exp(Sub(x, ReduceMax(x))), ReduceSum(n))", .build = recover_softmax},
	{0},
};

#define SOFTMAX(name, since, ...) \
	{ \
		name, since, 1, 1, 1, TYPES_FLOAT, infer_softmax, lower_softmax, \
			.attrs = "axis=int", .expand = expand_sized_softmax, .expands = is_along_size, .is_matched = is_over_last, \
			.sizes = true, __VA_ARGS__ \
	}

const struct op ops_softmax[] = {
	SOFTMAX("Softmax", 1, .recoveries = NULL),
	SOFTMAX("Softmax", 13, .recoveries = recoveries),
	SOFTMAX("LogSoftmax", 1, .recoveries = NULL),
	SOFTMAX("LogSoftmax", 13, .recoveries = NULL),
	{0},
};
