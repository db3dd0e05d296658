/* Layer, instance, group and root-mean-square normalisation become the compiler's own operator erc.Normalize(x, scale,
 * bias), which is one kernel over rows. Batch normalisation is element-wise. */
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/norm.h"
#include "compiler/ops/sizes.h"

#include <math.h>

/* ---- Normalize: a row is all dims from `axis` on; norm.row.c says what mod, step and div mean ---- */

static enum ercc_status infer_normalize(struct node *node)
{
	struct shape one = node->inputs[0]->shape;
	for (int i = (int)node_attr_int(node, "axis", 0); i < one.rank; i++) {
		if (one.sizes[i])
			return node_fail(node, ERCC_UNSUPPORTED, "normalises dim %d, which is known at run time only", i);
		one.dims[i] = 1;
	}
	TRY(set_output(node, 1, node->inputs[0]->dtype, &one));
	TRY(set_output(node, 2, node->inputs[0]->dtype, &one));
	return set_output(node, 0, node->inputs[0]->dtype, &node->inputs[0]->shape);
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
			launch_operand(launch, lower_buffer(lowering, value), value->dtype, i >= 3);
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
	launch_define(launch, "T", dtype_name(node->inputs[0]->dtype));
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

/* Gives the normalised dims that have a run-time size the number of scales, which a run checks. Returns whether there is
 * such a dim. */
static enum ercc_status agree_on_scale(struct node *node, int axis, bool *changed)
{
	struct value *inputs[3] = {node->inputs[0], node_input(node, 1), node_input(node, 2)}, *size;
	const struct shape *x = &inputs[0]->shape, *scale = &inputs[1]->shape;
	int64_t bound;
	*changed = false;
	for (int d = axis; d < x->rank; d++) {
		int at = d - (x->rank - scale->rank);
		struct places places = {.items = {{0, d}, {1, at}}, .count = 2};
		if (!x->sizes[d] || at < 0 || scale->sizes[at] || scale->dims[at] == 1)
			continue;
		TRY(emit_agreed(node, &places, inputs, &bound, &size));
		*changed = true;
	}
	if (*changed) {
		struct node *same = emit_same(node, inputs, node->input_count);
		for (int i = 0; i < node->output_count; i++)
			if (node->outputs[i])
				expand_to(node, i, same->outputs[i]);
	}
	return ERCC_OK;
}

static enum ercc_status expand_layer_norm(struct node *node)
{
	struct value *x = node->inputs[0], *scale = node_input(node, 1), *bias = node_input(node, 2), *y;
	bool rms = node->op_type[0] == 'R', changed;
	int axis;
	TRY(check_precision(node, "stash_type"));
	TRY(check_axis(node, node_attr_int(node, "axis", -1), x->shape.rank, &axis));
	TRY(agree_on_scale(node, axis, &changed));
	if (changed)
		return ERCC_OK;
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
	for (int slot = 1; slot < 3; slot++) /* f32, whatever x is */
		if (node_output(node, slot))
			expand_to(node, slot, EMIT(node, TEXT(node, "Cast[to=%d](a)", (int)ERC_F32), emitted_output(core, slot)));
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
	int count;
	TRY(int_list(node, "axes", -1, axes, MAX_RANK, &count));
	if (count < 0)
		for (count = 0; count < 3; count++)
			axes[count] = count == 0 ? 0 : count + 1;
	TRY(check_axes(node, axes, count, x->shape.rank));
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

/* ---- batch normalisation; fold_bn puts it into a convolution where it can ---- */

static enum ercc_status check_statistics(const struct node *node)
{
	if (node->inputs[0]->shape.rank < 2)
		return node_fail(node, ERCC_MODEL, "input must have rank 2 or more");
	for (int i = 1; i < 5; i++)
		if (node->inputs[i]->shape.rank != 1 || node->inputs[i]->shape.dims[0] != node->inputs[0]->shape.dims[1])
			return node_fail(node, ERCC_MODEL, "input %d must have shape [%lld], found %s", i,
			                 (long long)node->inputs[0]->shape.dims[1],
			                 shape_text(&node->graph->ctx->arena, &node->inputs[i]->shape));
	return ERCC_OK;
}

static enum ercc_status infer_batch_norm(struct node *node)
{
	if (node->output_count > 1)
		return node_fail(node, ERCC_UNSUPPORTED,
		                 "%d outputs without training_mode; training in the form before opset 14 is not supported",
		                 node->output_count);
	if (!node_attr_int(node, "spatial", 1))
		return node_fail(node, ERCC_UNSUPPORTED, "spatial 0: statistics for each position are not supported");
	for (int i = 1; i < 5; i++)
		TRY(check_same_dtype(node, i));
	TRY(check_statistics(node));
	return set_output(node, 0, node->inputs[0]->dtype, &node->inputs[0]->shape);
}

static bool is_training(const struct node *node)
{
	return node_attr_int(node, "training_mode", 0) != 0;
}

/* Whether it is expanded: it computes statistics of its own, or scale and bias, mean and variance have other dtypes
 * than x, in which all is computed. */
static bool is_expanded_batch_norm(const struct node *node)
{
	bool other = false;
	for (int i = 1; i < node->input_count; i++) {
		if (!node->inputs[i] || !dtype_is_float(node->inputs[i]->dtype))
			return false;
		other |= node->inputs[i]->dtype != node->inputs[0]->dtype;
	}
	return is_training(node) || (other && node->output_count == 1);
}

/* The mean and variance of each channel of the batch; the running ones, in `like`, move towards them. */
static enum ercc_status emit_statistics(struct node *node, struct value *const *like, struct value **mean,
                                        struct value **variance)
{
	struct value *x = node->inputs[0],
				 *stay = constant_number(node, x->dtype, (double)node_attr_float(node, "momentum", 0.9f));
	int64_t axes[MAX_RANK], rank = x->shape.rank;
	TRY(check_statistics(node));
	if (shape_run_time_dim(&x->shape) >= 0)
		return node_fail(node, ERCC_UNSUPPORTED,
		                 "training of input %s: a dim that is known at run time only is not supported",
		                 shape_words(node, &x->shape));
	for (int i = 1; i < rank; i++)
		axes[i] = i;
	axes[1] = 0; /* all dims but the channels */
	struct value *list = constant_ints(node, axes + 1, (int)rank - 1);
	struct value *centre = EMIT(node, "ReduceMean(a, b)", x, list);
	struct value *spread = EMIT(node, "ReduceMean(Mul(a, a), b)", EMIT(node, "Sub(a, b)", x, centre), list);
	*mean = EMIT(node, "Reshape(a, {-1})", centre);
	*variance = EMIT(node, "Reshape(a, {-1})", spread);
	for (int i = 0; i < 2; i++)
		if (node_output(node, 1 + i))
			expand_to(node, 1 + i,
			          EMIT(node, "CastLike(Add(Mul(a, c), Mul(b, Sub(d, c))), e)", like[3 + i], i ? *variance : *mean,
			               stay, constant_number(node, x->dtype, 1), node->inputs[3 + i]));
	return ERCC_OK;
}

static enum ercc_status expand_batch_norm(struct node *node)
{
	struct value *like[5], *mean, *variance;
	for (int i = 0; i < 5; i++)
		like[i] = EMIT(node, TEXT(node, "Cast[to=%d](a)", (int)node->inputs[0]->dtype), node->inputs[i]);
	mean = like[3], variance = like[4];
	if (is_training(node))
		TRY(emit_statistics(node, like, &mean, &variance));
	const char *text =
		TEXT(node, "BatchNormalization[epsilon=%.9e](a, b, c, d, e)", (double)node_attr_float(node, "epsilon", 1e-5f));
	expand_to(node, 0, EMIT(node, text, like[0], like[1], like[2], mean, variance));
	return ERCC_OK;
}

/* The inputs are x, scale, bias, mean and variance. The last four have one element per index of dim 1. */
static enum ercc_status lower_batch_norm(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	struct launch *launch = lower_pointwise_launch(lowering, node, &in->shape);
	struct expr *expr = &launch->expr;
	int args[6], result;
	for (int i = 0; i < 5; i++) {
		struct operand *operand = launch_operand(launch, lower_buffer(lowering, node->inputs[i]), in->dtype, false);
		if (i == 0)
			broadcast_strides(&in->shape, &in->shape, operand->strides);
		else
			operand->strides[1] = in->shape.dims[1] > 1;
		args[i] = expr_operand(expr, i, in->dtype);
	}
	struct operand *to = launch_operand(launch, lower_buffer(lowering, out), in->dtype, true);
	broadcast_strides(&in->shape, &in->shape, to->strides);
	args[5] = expr_const(expr, in->dtype, node_attr_float(node, "epsilon", 1e-5f), 0);
	return expr_parse(lowering->ctx, expr, "add(mul(div(sub(a, d), sqrt(add(e, f))), b), c)", args, 6, NULL, NULL,
	                  &result);
}

static const float *floats_of(const struct node *node, int slot)
{
	return tensor_expand(&node->graph->ctx->arena, node->inputs[slot]->constant)->data;
}

/* The factor and addend of each channel. Returns false unless all inputs but x are constants. */
static bool batch_norm_affine(const struct node *node, struct channel_affine *out)
{
	struct arena *arena = &node->graph->ctx->arena;
	const float *parts[4];
	if (node->inputs[0]->dtype != ERC_F32)
		return false;
	for (int i = 1; i < 5; i++)
		if (!node->inputs[i]->constant || node->inputs[i]->dtype != ERC_F32)
			return false;
	for (int i = 0; i < 4; i++)
		parts[i] = floats_of(node, i + 1);
	out->channels = node->inputs[1]->shape.dims[0];
	out->factors = arena_array(arena, (size_t)out->channels, sizeof *out->factors);
	out->addends = arena_array(arena, (size_t)out->channels, sizeof *out->addends);
	for (int64_t c = 0; c < out->channels; c++) {
		double scale = parts[0][c] / sqrt((double)parts[3][c] + node_attr_float(node, "epsilon", 1e-5f));
		out->factors[c] = (float)scale;
		out->addends[c] = (float)(parts[1][c] - parts[2][c] * scale);
	}
	return true;
}

const struct op ops_norm[] = {
	{"Normalize", 1, 1, 3, 3, TYPES_FLOAT, infer_normalize, lower_normalize, .domain = "erc", .sizes = true,
     .recoveries = norm_recoveries},
	{"LayerNormalization", 17, 2, 3, 3, TYPES_FLOAT, .expand = expand_layer_norm, .sizes = true,
     .output_like = {[1] = AS_COMPUTED, [2] = AS_COMPUTED}, .attrs = "axis=int epsilon=float stash_type=int"},
	{"RMSNormalization", 23, 2, 2, 1, TYPES_FLOAT, .expand = expand_layer_norm, .sizes = true, .own_types = 1,
     .conversions = CONVERSIONS({TYPE(F32), ERC_F64, 3, 1, is_mixed, false}),
     .attrs = "axis=int epsilon=float stash_type=int"},
	{"InstanceNormalization", 6, 3, 3, 1, TYPES_FLOAT, .rows = "nc*,c,c->nc*", .expand = expand_instance_norm,
     .attrs = "epsilon=float"},
	{"GroupNormalization", 18, 3, 3, 1, TYPES_FLOAT, .rows = "n*->n*", .expand = expand_group_norm,
     .attrs = "epsilon=float num_groups=int"},
	{"GroupNormalization", 21, 3, 3, 1, TYPES_FLOAT, .rows = "n*->n*", .expand = expand_group_norm,
     .attrs = "epsilon=float num_groups=int stash_type=int"},
	{"MeanVarianceNormalization", 9, 1, 1, 1, TYPES_FLOAT, .expand = expand_mean_variance, .attrs = "axes=ints"},
	{"LpNormalization", 1, 1, 1, 1, TYPES_FLOAT, .rows = "+!axis=-1->+", .expand = expand_lp_norm,
     .attrs = "axis=int p=int"},
	{"BatchNormalization", 6, 5, 5, 5, TYPES_FLOAT, infer_batch_norm, lower_batch_norm, .own_types = 30,
     .output_like = {[1] = 3, [2] = 4}, .expand = expand_batch_norm, .expands = is_expanded_batch_norm, .sizes = true,
     .channel_affine = batch_norm_affine,
     .attrs = "epsilon=float momentum=float is_test=any@1-6 spatial=int@1-8 training_mode=int@14"},
	{0},
};
