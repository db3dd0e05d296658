/* Layer, instance, group and root-mean-square normalisation. All become the compiler's own operator erc.Normalize(x,
 * scale, bias), which is one kernel over rows. */
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/norm.h"

/* ---- Normalize: a row is all dims from `axis` on; norm.row.c says what mod, step and div mean ---- */

static enum ercc_status infer_normalize(struct node *node)
{
	struct shape one = node->inputs[0]->shape;
	for (int i = (int)node_attr_int(node, "axis", 0); i < one.rank; i++) {
		if (one.sizes[i])
			return node_fail(node, ERCC_UNSUPPORTED, "normalises dim %d, which is known at run time only", i);
		one.dims[i] = 1;
	}
	TRY(set_output(node, 1, ERC_F32, &one));
	TRY(set_output(node, 2, ERC_F32, &one));
	return set_output(node, 0, ERC_F32, &node->inputs[0]->shape);
}

static enum ercc_status lower_normalize(struct lowering *lowering, struct node *node)
{
	static const char *const names[] = {NULL, "SCALE", "BIAS", "OUT", "MEAN", "INVERSE"};
	const struct shape *in = &node->inputs[0]->shape;
	struct arena *arena = &lowering->ctx->arena;
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &norm_template, node->name);
	int64_t rows = 1, count = 1;
	for (int i = 0; i < in->rank; i++)
		*(i < node_attr_int(node, "axis", 0) ? &rows : &count) *= in->dims[i];
	for (int i = 0; i < 6; i++) {
		struct value *value = i < 3 ? node_input(node, i) : node_output(node, i - 3);
		if (names[i])
			launch_define(launch, names[i], arena_printf(arena, "%d", value ? launch->operand_count : 0));
		if (value)
			launch_operand(launch, lower_buffer(lowering, value), ERC_F32, i >= 3);
		launch->input_count += value && i < 3;
	}
	launch_set(launch, ROWS_TOTAL, rows);
	launch_set(launch, NORM_COUNT, count);
	launch_set(launch, NORM_MOD, node_attr_int(node, "mod", 1));
	launch_set(launch, NORM_STEP, node_attr_int(node, "step", 0));
	launch_set(launch, NORM_DIV, node_attr_int(node, "div", 1));
	launch->space = *in;
	launch->reduction_key = REDUCTION_NORM;
	launch->flops = 8 * (uint64_t)shape_elements(in);
	launch->bytes = 2 * (uint64_t)value_bytes(node->inputs[0]);
	launch_define(launch, "RMS", node_attr_int(node, "rms", 0) ? "1" : "0");
	launch_define_float(&lowering->ctx->arena, launch, "EPSILON", node_attr_float(node, "epsilon", 1e-5f));
	return ERCC_OK;
}

/* ---- operators that expand to Normalize ---- */

/* Attributes of a Normalize node. Nine digits keep every bit of epsilon. */
static const char *attrs_of(const struct node *node, int axis, int64_t mod, int64_t step, int64_t div, bool rms)
{
	return TEXT(node, "axis=%d, mod=%lld, step=%lld, div=%lld, rms=%d, epsilon=%.9e", axis, (long long)mod,
	            (long long)step, (long long)div, rms, node_attr_float(node, "epsilon", 1e-5f));
}

/* Whether scale or bias has the shape of the dims from `axis` on: then element i of a row uses its element i. */
static bool lies_along(const struct value *value, const struct shape *in, int axis)
{
	int skip = value->shape.rank - (in->rank - axis);
	for (int i = 0; i < value->shape.rank; i++)
		if (value->shape.dims[i] != (i < skip ? 1 : in->dims[axis + i - skip]))
			return false;
	return skip >= 0;
}

static enum ercc_status check_broadcast(const struct node *node, int slot)
{
	const struct value *value = node_input(node, slot), *x = node->inputs[0];
	struct shape both;
	if (!value)
		return ERCC_OK;
	TRY(check_same_dtype(node, slot));
	TRY(broadcast_shapes(node, &x->shape, &value->shape, &both));
	if (!shape_equal(&both, &x->shape))
		return node_fail(node, ERCC_MODEL, "input %d %s does not broadcast to %s", slot,
		                 shape_words(node, &value->shape), shape_words(node, &x->shape));
	return ERCC_OK;
}

static enum ercc_status expand_layer_norm(struct node *node)
{
	struct value *x = node->inputs[0], *scale = node_input(node, 1), *bias = node_input(node, 2), *y;
	bool rms = node->op_type[0] == 'R';
	int axis;
	TRY(check_precision(node, "stash_type"));
	TRY(check_axis(node, node_attr_int(node, "axis", -1), x->shape.rank, &axis));
	TRY(check_broadcast(node, 1));
	TRY(check_broadcast(node, 2));
	bool inside = lies_along(scale, &x->shape, axis) && (!bias || lies_along(bias, &x->shape, axis));
	const char *attrs = attrs_of(node, axis, 1, 0, 1, rms);
	struct value *core =
		EMIT(node,
	         TEXT(node,
	              inside ? bias ? "erc.Normalize[%s](a, b, c)" : "erc.Normalize[%s](a, b)" : "erc.Normalize[%s](a)",
	              attrs),
	         x, scale, bias);
	y = core;
	if (!inside)
		y = bias ? EMIT(node, "Add(Mul(a, b), c)", y, scale, bias) : EMIT(node, "Mul(a, b)", y, scale);
	expand_to(node, 0, y);
	for (int slot = 1; slot < 3; slot++)
		if (node_output(node, slot))
			expand_to(node, slot, emitted_output(core, slot));
	return ERCC_OK;
}

static enum ercc_status check_channels(const struct node *node, int slot, int64_t channels)
{
	const struct value *value = node->inputs[slot];
	TRY(check_same_dtype(node, slot));
	if (value->shape.rank != 1 || value->shape.dims[0] != channels)
		return node_fail(node, ERCC_MODEL, "input %d must have shape [%lld], found %s", slot, (long long)channels,
		                 shape_words(node, &value->shape));
	return ERCC_OK;
}

static enum ercc_status expand_instance_norm(struct node *node)
{
	struct value *x = node->inputs[0];
	if (x->shape.rank < 3)
		return node_fail(node, ERCC_MODEL, "needs rank 3 or more, found %d", x->shape.rank);
	int64_t channels = x->shape.dims[1], positions = 1;
	TRY(check_channels(node, 1, channels));
	TRY(check_channels(node, 2, channels));
	for (int i = 2; i < x->shape.rank; i++)
		positions *= x->shape.dims[i];
	expand_to(node, 0,
	          EMIT(node, TEXT(node, "erc.Normalize[%s](a, b, c)", attrs_of(node, 2, channels, 1, positions, false)), x,
	               node->inputs[1], node->inputs[2]));
	return ERCC_OK;
}

static enum ercc_status expand_group_norm(struct node *node)
{
	struct value *x = node->inputs[0];
	int64_t groups = node_attr_int(node, "num_groups", 0);
	TRY(check_precision(node, "stash_type"));
	bool per_group = node->op->since < 21; /* one scale and bias per group; from opset 21 on per channel */
	if (x->shape.rank < 3)
		return node_fail(node, ERCC_MODEL, "needs rank 3 or more, found %d", x->shape.rank);
	int64_t channels = x->shape.dims[1], positions = 1;
	for (int i = 2; i < x->shape.rank; i++)
		positions *= x->shape.dims[i];
	if (groups < 1 || channels % groups)
		return node_fail(node, ERCC_MODEL, "num_groups %lld does not divide %lld channels", (long long)groups,
		                 (long long)channels);
	TRY(check_channels(node, 1, per_group ? groups : channels));
	TRY(check_channels(node, 2, per_group ? groups : channels));
	int64_t each = channels / groups * positions;
	int64_t rows[] = {x->shape.dims[0], groups, each};
	struct value *wide = constant_ints(node, rows, 3), *narrow = constant_ints(node, x->shape.dims, x->shape.rank);
	const char *attrs =
		attrs_of(node, 2, groups, per_group ? 1 : channels / groups, per_group ? each : positions, false);
	expand_to(node, 0,
	          EMIT(node, TEXT(node, "Reshape(erc.Normalize[%s](Reshape(a, d), b, c), e)", attrs), x, node->inputs[1],
	               node->inputs[2], wide, narrow));
	return ERCC_OK;
}

/* (x - mean) / (standard deviation + 1e-9), over the axes. */
static enum ercc_status expand_mean_variance(struct node *node)
{
	struct value *x = node->inputs[0], *d;
	int64_t axes[MAX_RANK];
	int count, axis;
	TRY(int_list(node, "axes", -1, axes, MAX_RANK, &count));
	if (count < 0)
		for (count = 0; count < 3; count++)
			axes[count] = count == 0 ? 0 : count + 1;
	for (int i = 0; i < count; i++)
		TRY(check_axis(node, axes[i], x->shape.rank, &axis));
	struct value *list = constant_ints(node, axes, count);
	d = EMIT(node, "Sub(a, ReduceMean(a, b))", x, list);
	expand_to(node, 0,
	          EMIT(node, "Div(a, Add(Sqrt(ReduceMean(Mul(a, a), c)), b))", d, constant_number(node, x->dtype, 1e-9),
	               list));
	return ERCC_OK;
}

static enum ercc_status expand_lp_norm(struct node *node)
{
	struct value *x = node->inputs[0];
	int64_t p = node_attr_int(node, "p", 2), axes[1];
	int axis;
	TRY(check_axis(node, node_attr_int(node, "axis", -1), x->shape.rank, &axis));
	if (p != 1 && p != 2)
		return node_fail(node, ERCC_MODEL, "p is %lld; 1 and 2 are possible", (long long)p);
	axes[0] = axis;
	/* a row of zeros stays zero */
	struct value *norm = EMIT(node, p == 1 ? "ReduceL1(a, b)" : "ReduceL2(a, b)", x, constant_ints(node, axes, 1));
	expand_to(node, 0,
	          EMIT(node, "Where(Equal(b, c), Mul(a, 0), Div(a, b))", x, norm, constant_number(node, x->dtype, 0)));
	return ERCC_OK;
}

const struct op ops_norm[] = {
	{"Normalize", 1, 1, 3, 3, TYPE(F32), infer_normalize, lower_normalize, .domain = "erc", .sizes = true,
     .recoveries = norm_recoveries},
	{"LayerNormalization", 17, 2, 3, 3, TYPE(F32), .expand = expand_layer_norm, .sizes = true,
     .attrs = "axis=int epsilon=float stash_type=int"},
	{"RMSNormalization", 23, 2, 2, 1, TYPE(F32), .expand = expand_layer_norm, .sizes = true,
     .attrs = "axis=int epsilon=float stash_type=int"},
	{"InstanceNormalization", 6, 3, 3, 1, TYPE(F32), .expand = expand_instance_norm, .attrs = "epsilon=float"},
	{"GroupNormalization", 18, 3, 3, 1, TYPE(F32), .expand = expand_group_norm,
     .attrs = "epsilon=float num_groups=int"},
	{"GroupNormalization", 21, 3, 3, 1, TYPE(F32), .expand = expand_group_norm,
     .attrs = "epsilon=float num_groups=int stash_type=int"},
	{"MeanVarianceNormalization", 9, 1, 1, 1, TYPES_FLOAT, .expand = expand_mean_variance, .attrs = "axes=ints"},
	{"LpNormalization", 1, 1, 1, 1, TYPES_FLOAT, .expand = expand_lp_norm, .attrs = "axis=int p=int"},
	{0},
};
