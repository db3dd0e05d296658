/* Operators along one axis, a line at a time: ArgMax, ArgMin, CumSum, CumProd, TopK and Hardmax. */
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/sizes.h"

#include <math.h>

struct line_rule {
	bool is_least;   /* ArgMin */
	bool is_product; /* CumProd */
};

/* Adds a launch with one row per line. The node's outputs receive the output lines. */
static struct launch *add_lines(struct lowering *lowering, struct node *node, const struct kernel_template *template,
                                int axis)
{
	const struct value *in = node->inputs[0];
	int64_t outer = 1, inner = 1;
	for (int i = 0; i < in->shape.rank; i++)
		if (i != axis)
			*(i < axis ? &outer : &inner) *= in->shape.dims[i];
	struct launch *launch = plan_add_launch(lowering->plan, NULL, template, node->name);
	launch_operand(launch, lower_buffer(lowering, node->inputs[0]), in->dtype, false);
	for (int i = 0; i < node->output_count; i++)
		launch_operand(launch, lower_buffer(lowering, node->outputs[i]), node->outputs[i]->dtype, true);
	launch->input_count = 1;
	launch->space = in->shape;
	if (axis == 0)
		launch->space.sizes[0] = 0; /* rows are the other dims: their number does not depend on this size */
	launch_set(launch, ROWS_TOTAL, outer * inner);
	launch_set(launch, LINE_COUNT, in->shape.rank ? in->shape.dims[axis] : 1);
	launch_set(launch, LINE_INNER, inner);
	launch->bytes = 2 * (uint64_t)value_bytes(in);
	launch->flops = (uint64_t)shape_elements(&in->shape) * 100;
	launch_define(launch, "T", dtype_name(in->dtype));
	return launch;
}

/* The axis is an attribute, or an input of one element. */
static enum ercc_status line_axis(const struct node *node, int slot, int64_t otherwise, int *axis)
{
	const struct tensor *tensor;
	int64_t given = node_attr_int(node, "axis", otherwise);
	if (slot >= 0) {
		TRY(constant_input(node, slot, "axis", &tensor));
		if (shape_elements(&tensor->shape) != 1 || !dtype_is_integer(tensor->dtype))
			return node_fail(node, ERCC_MODEL, "axis must be one integer, found %s%s", dtype_name(tensor->dtype),
			                 shape_words(node, &tensor->shape));
		given = tensor_int(tensor, 0);
	}
	return check_axis(node, given, node->inputs[0]->shape.rank, axis);
}

/* ---- ArgMax, ArgMin ---- */

static enum ercc_status infer_arg(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	struct shape out = {.rank = 0};
	int axis;
	TRY(line_axis(node, -1, 0, &axis));
	if (in->dims[axis] == 0)
		return node_fail(node, ERCC_MODEL, "dim %d is empty, so it has no maximum or minimum", axis);
	for (int i = 0; i < in->rank; i++)
		if (i != axis || node_attr_int(node, "keepdims", 1)) {
			out.sizes[out.rank] = i == axis ? 0 : in->sizes[i];
			out.dims[out.rank++] = i == axis ? 1 : in->dims[i];
		}
	return set_output(node, 0, ERC_I64, &out);
}

static bool is_along_size(const struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	int axis;
	return shape_run_time_dim(in) >= 0 &&
	       line_axis(node, -1, strcmp(node->op_type, "TopK") ? 0 : -1, &axis) == ERCC_OK && in->sizes[axis];
}

/* Fills positions after the true size with the worst number: it never wins, because in a tie the earlier position
 * wins. */
static enum ercc_status expand_sized_arg(struct node *node)
{
	struct value *x = node->inputs[0];
	int axis;
	TRY(line_axis(node, -1, 0, &axis));
	if (node_attr_int(node, "select_last_index", 0))
		return node_fail(node, ERCC_UNSUPPORTED,
		                 "the last index along dim %d, which is known at run time only, is not supported", axis);
	struct value *y =
		EMIT(node,
	         TEXT(node, "%s[axis=%d, keepdims=%d](a)", node->op_type, axis, node_attr_int(node, "keepdims", 1) != 0),
	         emit_filled(node, x, x, axis, constant_extreme(node, x->dtype, node->op->line->is_least)));
	expand_to(node, 0, y);
	return ERCC_OK;
}

static enum ercc_status lower_arg(struct lowering *lowering, struct node *node)
{
	bool last = node_attr_int(node, "select_last_index", 0) != 0;
	int axis;
	TRY(line_axis(node, -1, 0, &axis));
	struct launch *launch = add_lines(lowering, node, &arg_template, axis);
	launch_define(launch, "BETTER",
	              arena_printf(&lowering->ctx->arena, last ? "!%s(b, a)" : "%s(a, b)",
	                           node->op->line->is_least ? "LESS" : "GREATER"));
	return ERCC_OK;
}

/* ---- CumSum, CumProd ---- */

static enum ercc_status infer_cumulate(struct node *node)
{
	int axis;
	TRY(line_axis(node, 1, 0, &axis));
	if (node->inputs[0]->shape.sizes[axis] && node_attr_int(node, "reverse", 0))
		return node_fail(node, ERCC_UNSUPPORTED,
		                 "backwards along dim %d, which is known at run time only: not supported", axis);
	return set_output(node, 0, node->inputs[0]->dtype, &node->inputs[0]->shape);
}

static enum ercc_status lower_cumulate(struct lowering *lowering, struct node *node)
{
	int axis;
	bool product = node->op->line->is_product, exclusive = node_attr_int(node, "exclusive", 0) != 0;
	bool is_float = dtype_is_float(node->inputs[0]->dtype);
	/* -0 + x is x, also for x = -0 */
	const char *start = product ? "1" : is_float && !exclusive ? "-0.0" : "0";
	TRY(line_axis(node, 1, 0, &axis));
	struct launch *launch = add_lines(lowering, node, &cumulate_template, axis);
	const struct define defines[] = {
		{"START", start},
		{"ACCUMULATOR", dtype_name(accumulator_dtype(node->inputs[0]->dtype))},
		{"COMBINE", product ? "JOIN(ACCUMULATOR, _mul)(a, b)" : "JOIN(ACCUMULATOR, _add)(a, b)"},
		{"EXCLUSIVE", exclusive ? "1" : "0"},
		{"REVERSE", node_attr_int(node, "reverse", 0) ? "1" : "0"},
	};
	for (size_t i = 0; i < COUNT_OF(defines); i++)
		launch_define(launch, defines[i].name, defines[i].value);
	launch->reduction_key = REDUCTION_CUMULATE;
	return ERCC_OK;
}

/* ---- TopK: k is an input from opset 10 on ---- */

static enum ercc_status read_topk(const struct node *node, int *axis, int64_t *k)
{
	const struct tensor *tensor;
	*k = node_attr_int(node, "k", -1);
	TRY(line_axis(node, -1, -1, axis));
	if (node->op->since >= 10) {
		TRY(constant_input(node, 1, "k", &tensor));
		if (shape_elements(&tensor->shape) != 1 || tensor->dtype != ERC_I64)
			return node_fail(node, ERCC_MODEL, "k must be one i64, found %s%s", dtype_name(tensor->dtype),
			                 shape_words(node, &tensor->shape));
		*k = tensor_int(tensor, 0);
	}
	if (*k < 0 || *k > node->inputs[0]->shape.dims[*axis])
		return node_fail(node, ERCC_MODEL, "k is %lld, but dim %d is %lld", (long long)*k, *axis,
		                 (long long)node->inputs[0]->shape.dims[*axis]);
	return ERCC_OK;
}

static enum ercc_status infer_topk(struct node *node)
{
	struct shape out = node->inputs[0]->shape;
	int axis;
	int64_t k;
	TRY(read_topk(node, &axis, &k));
	out.dims[axis] = k;
	for (int slot = 0; slot < 2; slot++) /* the kernel writes both outputs, used or not */
		if (!node_output(node, slot))
			emitted_output(node->outputs[!slot], slot);
	TRY(set_output(node, 1, ERC_I64, &out));
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

/* Whether k is known at run time only, or the dim has a run-time size. Then TopK takes the maximum number, and the true
 * size of the result is k. */
static bool is_sized_topk(const struct node *node)
{
	return node->op->since >= 10 && (is_along_size(node) || !node->inputs[1]->constant);
}

static enum ercc_status expand_sized_topk(struct node *node)
{
	struct value *x = node->inputs[0], *k = node->inputs[1], *y;
	bool largest = node_attr_int(node, "largest", 1) != 0;
	struct shape known;
	int axis;
	TRY(line_axis(node, -1, -1, &axis));
	if (shape_elements(&k->shape) != 1 || k->dtype != ERC_I64)
		return node_fail(node, ERCC_MODEL, "k must be one i64, found %s%s", dtype_name(k->dtype),
		                 shape_words(node, &k->shape));
	int64_t most = x->shape.dims[axis];
	if (known_elements(k, &known) && known.dims[0] >= 0 && known.dims[0] < most)
		most = known.dims[0];
	struct value *worst = !largest && dtype_is_float(x->dtype) ? constant_number(node, x->dtype, NAN)
	                                                           : constant_extreme(node, x->dtype, !largest);
	struct value *in = x->shape.sizes[axis] ? emit_filled(node, x, x, axis, worst) : x;
	y = EMIT(node, TEXT(node, "TopK[axis=%d, largest=%d](a, {%lld})", axis, largest, (long long)most), in);
	struct value *indices = emitted_output(y, 1);
	if (!x->shape.sizes[axis])
		k = emit_lengths(node, k, most);
	expand_to(node, 0, emit_limited(node, y, axis, most, k));
	expand_to(node, 1, emit_limited(node, indices, axis, most, k));
	return ERCC_OK;
}

static enum ercc_status lower_topk(struct lowering *lowering, struct node *node)
{
	int axis;
	int64_t k;
	TRY(read_topk(node, &axis, &k));
	struct launch *launch = add_lines(lowering, node, &topk_template, axis);
	launch_set(launch, TOPK_K, k);
	launch_define(launch, "BETTER", node_attr_int(node, "largest", 1) ? "GREATER(a, b)" : "GREATER(b, a)");
	return ERCC_OK;
}

/* ---- Hardmax: 1 at ArgMax's position, 0 elsewhere ---- */

static enum ercc_status expand_hardmax(struct node *node)
{
	struct value *x = node->inputs[0];
	const struct shape in = x->shape;
	struct shape shape = in;
	int axis;
	TRY(line_axis(node, -1, node->op->since >= 13 ? -1 : 1, &axis));
	if (!shape_elements(&in)) {
		expand_to(node, 0, x);
		return ERCC_OK;
	}
	if (node->op->since < 13) { /* before opset 13 the dims before the axis are the rows of a matrix */
		int64_t rows = 1, columns = 1;
		for (int i = 0; i < in.rank; i++)
			*(i < axis ? &rows : &columns) *= in.dims[i];
		shape = shape_of(2, (int64_t[]){rows, columns});
		x = EMIT(node, "Reshape(a, b)", x, constant_ints(node, shape.dims, 2));
		axis = 1;
	}
	struct shape along = {.rank = shape.rank - axis, .dims = {shape.dims[axis]}};
	for (int i = 1; i < along.rank; i++)
		along.dims[i] = 1;
	struct value *range = constant_range(node, 0, 1, shape.dims[axis], &along);
	struct value *top = EMIT(node, TEXT(node, "Equal(ArgMax[axis=%d](a), b)", axis), x, range);
	struct value *one = EMIT(node, TEXT(node, "Cast[to=%d](a)", (int)node->inputs[0]->dtype), top);
	expand_to(node, 0, EMIT(node, "Reshape(a, b)", one, constant_ints(node, in.dims, in.rank)));
	return ERCC_OK;
}

#define ARG(name, since, ...) \
	{ \
		name, since, 1, 1, 1, TYPES_NUMBER, infer_arg, lower_arg, \
			.attrs = "axis=int keepdims=int select_last_index=int@12", .expand = expand_sized_arg, \
			.expands = is_along_size, .sizes = true, .line = RULE(line_rule, __VA_ARGS__) \
	}
#define CUMULATE(name, since, ...) \
	{ \
		name, since, 2, 2, 1, TYPES_NUMBER, infer_cumulate, lower_cumulate, \
			.line = RULE(line_rule, __VA_ARGS__), .sizes = true, .attrs = "exclusive=int reverse=int" \
	}

const struct op ops_line[] = {
	ARG("ArgMax", 1, .is_least = false),
	ARG("ArgMin", 1, .is_least = true),
	CUMULATE("CumSum", 11, .is_product = false),
	CUMULATE("CumProd", 26, .is_product = true),
	{"TopK", 1, 1, 1, 2, TYPES_NUMBER, infer_topk, lower_topk, .layout = NULL, .attrs = "axis=int k=int"},
	{"TopK", 10, 2, 2, 2, TYPES_NUMBER, infer_topk, lower_topk, .expand = expand_sized_topk, .expands = is_sized_topk,
     .sizes = true, .attrs = "axis=int largest=int@11 sorted=any@11"},
	{"Hardmax", 1, 1, 1, 1, TYPES_FLOAT, .rows = "+<axis=1->+", .expand = expand_hardmax, .attrs = "axis=int"},
	{"Hardmax", 13, 1, 1, 1, TYPES_FLOAT, .rows = "+!axis=-1->+", .expand = expand_hardmax, .attrs = "axis=int"},
	{0},
};
