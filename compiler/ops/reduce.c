/* Reductions over axes, including global pooling. A row gives the start value and texts to combine elements and to
 * finish. */
#include "compiler/kernels/rows/reduce.h"
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/sizes.h"

enum reduction_start {
	START_ZERO,
	START_ONE,
	START_LOWEST, /* minimum or maximum of the dtype */
	START_HIGHEST,
};

/* In the texts a is the result so far, b an element, and c the number of elements. */
struct reduction_rule {
	enum reduction_start start;
	const char *combine, *finish;
	const char *merge; /* combines two results; NULL: the text of combine does it */
};

static bool is_global(const struct node *node)
{
	return !strncmp(node->op_type, "Global", 6);
}

/* Finds the axes from the shape that the model declares for the output. Returns false where that is ambiguous, else
 * warns. */
static bool stated_axes(const struct node *node, bool *reduce)
{
	const struct shape *in = &node->inputs[0]->shape;
	struct shape out;
	bool keep = node_attr_int(node, "keepdims", 1) != 0, from_end[MAX_RANK];
	if (!stated_shape(node, &out) || (keep && out.rank != in->rank))
		return false;
	int k = 0, last = out.rank - 1;
	for (int i = 0; i < in->rank; i++) { /* from the first dim on, keep each dim that fits */
		reduce[i] = keep ? out.dims[i] != in->dims[i] : k >= out.rank || out.dims[k] != in->dims[i];
		if (keep && reduce[i] && out.dims[i] != 1)
			return false;
		k += !reduce[i];
	}
	for (int i = in->rank - 1; i >= 0; i--) { /* the same from the last dim must agree */
		from_end[i] = keep ? reduce[i] : last < 0 || out.dims[last] != in->dims[i];
		last -= !from_end[i];
	}
	if ((!keep && k != out.rank) || memcmp(reduce, from_end, (size_t)in->rank * sizeof *reduce))
		return false;
	tell_stated(node, &out);
	return true;
}

static enum ercc_status reduced_axes(const struct node *node, bool *reduce)
{
	const struct shape *in = &node->inputs[0]->shape;
	int64_t axes[MAX_RANK];
	int count, axis;
	for (int i = 0; i < MAX_RANK; i++)
		reduce[i] = is_global(node) && i >= 2;
	if (is_global(node))
		return ERCC_OK;
	if (node_input(node, 1) && !node->inputs[1]->constant && stated_axes(node, reduce))
		return ERCC_OK;
	TRY(int_list(node, "axes", 1, axes, MAX_RANK, &count));
	/* A missing list means the same as an empty one. */
	bool all = count <= 0 && !node_attr_int(node, "noop_with_empty_axes", 0);
	TRY(check_axes(node, axes, count, in->rank));
	for (int i = 0; i < in->rank; i++)
		reduce[i] = all;
	for (int i = 0; i < count; i++) {
		TRY(check_axis(node, axes[i], in->rank, &axis));
		reduce[axis] = true;
	}
	return ERCC_OK;
}

static enum ercc_status infer_reduce(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	struct shape out = {.rank = 0};
	bool reduce[MAX_RANK], keep = is_global(node) || node_attr_int(node, "keepdims", 1);
	TRY(reduced_axes(node, reduce));
	if (is_global(node) && in->rank < 3)
		return node_fail(node, ERCC_MODEL, "needs rank 3 or more, found %d", in->rank);
	for (int i = 0; i < in->rank; i++)
		if (reduce[i] && in->sizes[i])
			return node_fail(node, ERCC_UNSUPPORTED, "pools over dim %d, which is known at run time only", i);
	for (int i = 0; i < in->rank; i++)
		if (!reduce[i] || keep) {
			out.sizes[out.rank] = reduce[i] ? 0 : in->sizes[i];
			out.dims[out.rank++] = reduce[i] ? 1 : in->dims[i];
		}
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

/* Global pooling, by name or as a reduction of all spatial dims, keeps a blocked input blocked. */
static bool layout_reduce(const struct node *node, enum layout *inputs, enum layout *output)
{
	bool reduce[MAX_RANK];
	int rank = node->inputs[0]->shape.rank;
	if (rank < 3 || (!is_global(node) && !node_attr_int(node, "keepdims", 1)) || reduced_axes(node, reduce) != ERCC_OK)
		return false;
	for (int i = 0; i < rank; i++)
		if (reduce[i] != (i >= 2))
			return false;
	*output = inputs[0];
	return true;
}

/* Parses a text over a (the result so far), b (an element or another result) and c (the number of elements), all of
 * dtype `from`. */
static enum ercc_status reduction_expr(struct context *ctx, const char *text, enum erc_dtype from, enum erc_dtype to,
                                       struct expr *expr)
{
	int args[3], result;
	memset(expr, 0, sizeof *expr);
	for (int i = 0; i < 3; i++)
		args[i] = expr_operand(expr, i, from);
	TRY(expr_parse(ctx, expr, text, args, 3, NULL, NULL, &result));
	result = expr_cast(expr, result, to);
	if (result != expr->count - 1) /* the text is only an operand: add a copy, as the result must be the last node */
		expr->nodes[expr->count++] = expr->nodes[result];
	return ERCC_OK;
}

static union expr_value start_value(enum reduction_start start, enum erc_dtype dtype)
{
	if (start == START_LOWEST || start == START_HIGHEST)
		return extreme_of(dtype, start == START_HIGHEST);
	return expr_number(dtype, start == START_ONE);
}

/* Defines START, and COMBINE, MERGE and FINISH as declarations, with the names of their results. */
static enum ercc_status define_reduction(struct lowering *lowering, const struct reduction_rule *rule,
                                         enum erc_dtype dtype, struct reduction *reduction, struct launch *launch)
{
	struct arena *arena = &lowering->ctx->arena;
	struct expr *first = arena_new(arena, struct expr);
	struct text texts[4] = {{.arena = arena}, {.arena = arena}, {.arena = arena}, {.arena = arena}};
	enum erc_dtype own = rule->start == START_ZERO ? accumulator_dtype(dtype) : dtype;
	reduction->accumulator = own;
	reduction->start = start_value(rule->start, own);
	TRY(reduction_expr(lowering->ctx, rule->combine, own, own, &reduction->combine));
	TRY(reduction_expr(lowering->ctx, rule->finish, own, dtype, &reduction->finish));
	TRY(reduction_expr(lowering->ctx, rule->merge ? rule->merge : rule->combine, own, own, &reduction->merge));
	expr_const(first, own, reduction->start.f, reduction->start.i);
	expr_print_c(first, &texts[0]);
	expr_print_c(&reduction->combine, &texts[1]);
	expr_print_c(&reduction->merge, &texts[2]);
	expr_print_c(&reduction->finish, &texts[3]);
	launch->user = reduction;
	const struct define defines[] = {
		{"ACCUMULATOR", dtype_name(own)}, {"START", texts[0].data},
		{"COMBINE", texts[1].data},       {"COMBINED", arena_printf(arena, "v%d", reduction->combine.count - 1)},
		{"MERGE", texts[2].data},         {"MERGED", arena_printf(arena, "v%d", reduction->merge.count - 1)},
		{"FINISH", texts[3].data},        {"FINISHED", arena_printf(arena, "v%d", reduction->finish.count - 1)},
	};
	for (size_t i = 0; i < COUNT_OF(defines); i++)
		launch_define(launch, defines[i].name, defines[i].value);
	return ERCC_OK;
}

/* Sets (dim, stride) of each dim, from parameter `first` on. */
static void set_dims(struct launch *launch, int first, const struct shape *shape, const int64_t *strides)
{
	for (int i = 0; i < shape->rank; i++) {
		launch_set(launch, first + 2 * i, shape->dims[i]);
		launch_set(launch, first + 2 * i + 1, strides[i]);
	}
}

static enum ercc_status lower_reduce(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0];
	bool reduce[MAX_RANK], blocked = in->layout == LAYOUT_NC16;
	struct shape shape = in->shape, kept = {0}, gone = {0};
	int64_t strides[MAX_RANK], kept_strides[MAX_RANK], gone_strides[MAX_RANK];
	TRY(reduced_axes(node, reduce));
	if (blocked) { /* [N, blocks, positions, 16]: only positions are reduced */
		int64_t blocks = ceil_div(shape.dims[1], 16), positions = 1;
		for (int i = 2; i < shape.rank; i++)
			positions *= shape.dims[i];
		shape = shape_of(4, (int64_t[]){shape.dims[0], blocks, positions, 16});
		reduce[2] = true, reduce[3] = false;
	}
	broadcast_strides(&shape, &shape, strides);
	for (int i = 0; i < shape.rank; i++) {
		struct shape *to = reduce[i] ? &gone : &kept;
		int64_t *stride = reduce[i] ? gone_strides : kept_strides;
		if (shape.dims[i] == 1)
			continue;
		if (to->rank && i && reduce[i] == reduce[i - 1] && stride[to->rank - 1] == strides[i] * shape.dims[i]) {
			to->dims[to->rank - 1] *= shape.dims[i];
			stride[to->rank - 1] = strides[i];
		} else {
			stride[to->rank] = strides[i];
			to->dims[to->rank++] = shape.dims[i];
		}
	}
	int64_t lanes = kept.rank && kept_strides[kept.rank - 1] == 1 && kept.dims[kept.rank - 1] % 16 == 0 ? 16 : 1;
	struct launch *launch = lower_rows(lowering, node, &reduce_template, shape_elements(&kept) / lanes);
	launch_set(launch, REDUCE_KEPT, kept.rank);
	launch_set(launch, REDUCE_GONE, gone.rank);
	launch_set(launch, REDUCE_COUNT, shape_elements(&gone));
	set_dims(launch, REDUCE_DIMS, &kept, kept_strides);
	set_dims(launch, REDUCE_DIMS + 2 * kept.rank, &gone, gone_strides);
	launch->flops = (uint64_t)shape_elements(&in->shape) * 4;
	launch->reduction_key = REDUCTION_AXES + (uint64_t)lanes;
	launch_define(launch, "LANES_KEPT", lanes == 16 ? "16" : "1");
	launch_define(launch, "T", dtype_name(in->dtype));
	struct reduction *reduction = arena_new(&lowering->ctx->arena, struct reduction);
	reduction->lanes = lanes;
	reduction->split = lanes == 1 && gone.rank && gone.dims[gone.rank - 1] >= 2 * REDUCTION_SPLIT ? REDUCTION_SPLIT : 1;
	const struct launch *of_bounds = lower_at_bounds(lowering, node, launch->template);
	if (of_bounds)
		reduction->split = ((const struct reduction *)of_bounds->user)->split;
	launch_define(launch, "SPLIT", arena_printf(&lowering->ctx->arena, "%lld", (long long)reduction->split));
	return define_reduction(lowering, node->op->reduction, in->dtype, reduction, launch);
}

/* ---- reductions that expand to others ---- */

/* Reduces x by `op_type` over this node's axes. */
static enum ercc_status emit_reduction(struct node *node, const char *op_type, bool keep, struct value *x,
                                       struct value **out)
{
	bool reduce[MAX_RANK];
	int64_t axes[MAX_RANK];
	int count = 0;
	TRY(reduced_axes(node, reduce));
	for (int i = 0; i < node->inputs[0]->shape.rank; i++)
		if (reduce[i])
			axes[count++] = i;
	*out = EMIT(node, TEXT(node, "%s[keepdims=%d, noop_with_empty_axes=1](a, b)", op_type, keep), x,
	            constant_ints(node, axes, count));
	return ERCC_OK;
}

/* Whether the node is expanded: its axes are computed, so they have to be found once, or a reduced dim has a run-time
 * size. */
static bool is_expanded(const struct node *node)
{
	bool reduce[MAX_RANK];
	if (node_input(node, 1) && !node->inputs[1]->constant)
		return true;
	if (is_global(node) || shape_run_time_dim(&node->inputs[0]->shape) < 0 || reduced_axes(node, reduce))
		return false;
	for (int i = 0; i < node->inputs[0]->shape.rank; i++)
		if (reduce[i] && node->inputs[0]->shape.sizes[i])
			return true;
	return false;
}

/* Reduces dims with run-time sizes. Elements after the true size are filled with the reduction's start value, and a
 * mean divides the sum by the true count. */
static enum ercc_status expand_sized_reduce(struct node *node)
{
	struct value *x = node->inputs[0], *count = constant_number(node, ERC_I64, 1), *out, *fill;
	enum erc_dtype dtype = x->dtype;
	bool reduce[MAX_RANK], mean = !strcmp(node->op_type, "ReduceMean");
	enum reduction_start start = node->op->reduction->start;
	fill = start == START_LOWEST || start == START_HIGHEST ? constant_extreme(node, dtype, start == START_HIGHEST)
	                                                       : constant_number(node, dtype, start == START_ONE);
	TRY(reduced_axes(node, reduce));
	for (int i = 0; i < node->inputs[0]->shape.rank; i++)
		if (reduce[i]) {
			count = EMIT(node, "Mul(a, b)", count, dim_value(node, node->inputs[0], i));
			x = node->inputs[0]->shape.sizes[i] ? emit_filled(node, x, node->inputs[0], i, fill) : x;
		}
	TRY(emit_reduction(node, mean ? "ReduceSum" : node->op_type, node_attr_int(node, "keepdims", 1) != 0, x, &out));
	if (mean)
		out = EMIT(node, TEXT(node, "Div(a, Cast[to=%d](b))", (int)dtype), out, count);
	expand_to(node, 0, out);
	return ERCC_OK;
}

static enum ercc_status expand_through_sum(struct node *node, const char *before, const char *after)
{
	struct value *sum;
	TRY(emit_reduction(node, "ReduceSum", node_attr_int(node, "keepdims", 1) != 0, EMIT(node, before, node->inputs[0]),
	                   &sum));
	expand_to(node, 0, EMIT(node, after, sum));
	return ERCC_OK;
}

static enum ercc_status expand_l2(struct node *node)
{
	if (dtype_is_float(node->inputs[0]->dtype))
		return expand_through_sum(node, "Mul(a, a)", "Sqrt(a)");
	return expand_through_sum(node, TEXT(node, "Cast[to=%d](Mul(a, a))", ERC_F64),
	                          TEXT(node, "Cast[to=%d](Sqrt(a))", (int)node->inputs[0]->dtype));
}

static enum ercc_status expand_log_sum(struct node *node)
{
	return expand_through_sum(node, "Identity(a)", "Log(a)");
}

/* log(sum(e^(x - top))) + top. top is the maximum, or 0 where the maximum is infinite. */
static enum ercc_status expand_log_sum_exp(struct node *node)
{
	struct value *x = node->inputs[0], *top, *sum, *flat;
	bool keep = node_attr_int(node, "keepdims", 1) != 0;
	TRY(emit_reduction(node, "ReduceMax", true, x, &top));
	top = EMIT(node, "Where(IsInf(b), Sub(a, a), b)", constant_number(node, x->dtype, 0), top);
	TRY(emit_reduction(node, "ReduceSum", keep, EMIT(node, "Exp(Sub(a, b))", x, top), &sum));
	TRY(emit_reduction(node, "ReduceMax", keep, top, &flat));
	expand_to(node, 0, EMIT(node, "Add(Log(a), b)", sum, flat));
	return ERCC_OK;
}

static enum ercc_status expand_global_lp_pool(struct node *node)
{
	const struct value *x = node->inputs[0];
	double p = (double)node_attr_int(node, "p", 2);
	const struct attr *attr = node_attr(node, "p");
	int64_t axes[MAX_RANK];
	if (x->shape.rank < 3)
		return node_fail(node, ERCC_MODEL, "needs rank 3 or more, found %d", x->shape.rank);
	p = attr && attr->kind == ATTR_FLOAT ? (double)attr->f : p;
	if (!(p > 0))
		return node_fail(node, ERCC_MODEL, "p is %g; it must be above 0", p);
	for (int i = 2; i < x->shape.rank; i++)
		axes[i - 2] = i;
	expand_to(node, 0,
	          EMIT(node, "Pow(ReduceSum(Pow(Abs(a), b), d), c)", node->inputs[0], constant_number(node, x->dtype, p),
	               constant_number(node, x->dtype, 1 / p), constant_ints(node, axes, x->shape.rank - 2)));
	return ERCC_OK;
}

/* Patterns match only a reduction that is over the last dim and keeps that dim. */
static bool is_over_last(const struct node *node)
{
	int64_t axes[MAX_RANK];
	int count, rank = node->inputs[0]->shape.rank;
	if (node_input(node, 1) && !node->inputs[1]->constant)
		return false;
	if (node_attr_int(node, "keepdims", 1) != 1 || rank < 1 ||
	    int_list(node, "axes", 1, axes, MAX_RANK, &count) != ERCC_OK || count != 1)
		return false;
	return axes[0] == -1 || axes[0] == rank - 1;
}

/* One row up to the opset in which `axes` became an input, and one from then on. */
#define REDUCE(name, axes_since, ...) \
	REDUCTION(name, 1, 1, "axes=ints keepdims=int", __VA_ARGS__), \
		REDUCTION(name, axes_since, 2, "keepdims=int noop_with_empty_axes=int", __VA_ARGS__)
#define REDUCTION(name, since, most, attributes, types, first, combined, finished, ...) \
	{ \
		name, since, 1, most, 1, types, infer_reduce, lower_reduce, \
			.attrs = attributes, .layout = layout_reduce, .expand = expand_sized_reduce, .expands = is_expanded, \
			.is_matched = is_over_last, .sizes = true, \
			.reduction = RULE(reduction_rule, .start = first, .combine = combined, .finish = finished, __VA_ARGS__) \
	}
#define MADE(name, types, made_by, ...) \
	MADE_ROW(name, 1, 1, "axes=ints keepdims=int", types, made_by, __VA_ARGS__), \
		MADE_ROW(name, 18, 2, "keepdims=int noop_with_empty_axes=int", types, made_by, __VA_ARGS__)
#define MADE_ROW(name, since, most, attributes, types, made_by, ...) \
	{ \
		name, since, 1, most, 1, types, .expand = made_by, .is_matched = is_over_last, .sizes = true, \
										.attrs = attributes, __VA_ARGS__ \
	}
#define LOGARITHM_OF_INTEGERS .conversions = CONVERSIONS({TYPES_INT, ERC_F64, 1, 0, NULL, false})
#define TYPES_REDUCED (TYPES_FLOAT | TYPE(I32) | TYPE(I64) | TYPE(U32) | TYPE(U64))
#define TYPES_COMPARED (TYPES_REDUCED | TYPE(I8) | TYPE(U8) | TYPE(BOOL))

const struct op ops_reduce[] = {
	REDUCTION("GlobalAveragePool", 1, 1, NULL, TYPES_FLOAT, START_ZERO, "add(a, b)", "div(a, c)"),
	REDUCTION("GlobalMaxPool", 1, 1, NULL, TYPES_FLOAT, START_LOWEST, "max(a, b)", "a"),
	REDUCE("ReduceMean", 18, TYPES_REDUCED, START_ZERO, "add(a, b)", "div(a, c)"),
	REDUCE("ReduceSum", 13, TYPES_REDUCED, START_ZERO, "add(a, b)", "a"),
	REDUCE("ReduceSumSquare", 18, TYPES_REDUCED, START_ZERO, "add(a, mul(b, b))", "a", .merge = "add(a, b)"),
	REDUCE("ReduceProd", 18, TYPES_REDUCED, START_ONE, "mul(a, b)", "a"),
	REDUCE("ReduceL1", 18, TYPES_REDUCED, START_ZERO, "add(a, abs(b))", "a"),
	REDUCE("ReduceMax", 18, TYPES_COMPARED, START_LOWEST, "max(a, b)", "a"),
	REDUCE("ReduceMin", 18, TYPES_COMPARED, START_HIGHEST, "min(a, b)", "a"),
	MADE("ReduceL2", TYPES_REDUCED, expand_l2),
	MADE("ReduceLogSum", TYPES_FLOAT, expand_log_sum, LOGARITHM_OF_INTEGERS),
	MADE("ReduceLogSumExp", TYPES_FLOAT, expand_log_sum_exp, LOGARITHM_OF_INTEGERS),
	{"GlobalLpPool", 1, 1, 1, 1, TYPES_FLOAT, .expand = expand_global_lp_pool, .attrs = "p=float@1-1 p=int@2"},
	{0},
};
