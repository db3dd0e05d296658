/* Pad: a fill and a copy. Modes that repeat input elements need one gather per padded axis. */
#include "compiler/ops/gather.h"
#include "compiler/ops/sizes.h"

/* Sets the padding before each dim, and the padded shape. */
static enum ercc_status read_pads(const struct node *node, int64_t *before, struct shape *out)
{
	const struct shape *in = &node->inputs[0]->shape;
	int64_t pads[2 * MAX_RANK], axes[MAX_RANK], after[MAX_RANK] = {0};
	int count, axis_count = -1;
	bool inputs = node->op->since >= 11;
	TRY(int_list(node, node->op->since == 1 ? "paddings" : "pads", inputs ? 1 : -1, pads, 2 * MAX_RANK, &count));
	if (inputs)
		TRY(int_list(node, "axes", 3, axes, MAX_RANK, &axis_count));
	int padded = axis_count >= 0 ? axis_count : in->rank;
	if (count != 2 * padded)
		return node_fail(node, ERCC_MODEL, "pads has %d entries for %d dims", count, padded);
	TRY(check_axes(node, axes, axis_count, in->rank));
	*out = *in;
	for (int i = 0; i < in->rank; i++)
		before[i] = 0;
	for (int i = 0; i < count; i++)
		if (pads[i] < -MAX_ELEMENTS || pads[i] > MAX_ELEMENTS)
			return node_fail(node, ERCC_MODEL, "pad %lld is too large", (long long)pads[i]);
	for (int i = 0; i < padded; i++) {
		int axis = i;
		if (axis_count >= 0)
			TRY(check_axis(node, axes[i], in->rank, &axis));
		before[axis] = pads[i];
		after[axis] = pads[padded + i];
	}
	for (int i = 0; i < in->rank; i++) {
		out->dims[i] += before[i] + after[i];
		if (out->dims[i] < 0)
			return node_fail(node, ERCC_MODEL, "pads leave dim %d with %lld", i, (long long)out->dims[i]);
	}
	return ERCC_OK;
}

/* ---- along dims with a run-time size: a gather with computed indices ---- */

static bool is_sized_pad(const struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	int64_t before[MAX_RANK];
	struct shape out;
	bool sized = false;
	if (!has_sizes(node) || (node->op->since >= 11 && !node->inputs[1]->constant) ||
	    read_pads(node, before, &out) != ERCC_OK)
		return false;
	for (int i = 0; i < in->rank; i++)
		sized |= in->sizes[i] && (before[i] || out.dims[i] != in->dims[i]);
	return sized;
}

/* The input positions whose elements go to these output positions, which count from -before. */
static struct value *repeated_positions(struct node *node, const char *mode, struct value *at, struct value *size)
{
	if (!strcmp(mode, "edge"))
		return EMIT(node, "Max(Min(a, Sub(b, {1})), {0})", at, size);
	if (!strcmp(mode, "wrap"))
		return EMIT(node, "Mod(a, Max(b, {1}))", at, size);
	struct value *period = EMIT(node, "Max(Sub(Add(a, a), {2}), {1})", size),
				 *back = EMIT(node, "Mod(a, b)", at, period);
	return EMIT(node, "Min(a, Sub(b, a))", back, period);
}

/* Pads x along one axis. `value`: one element, in place of what is outside; NULL in other modes. */
static struct value *pad_axis(struct node *node, struct value *x, int axis, int64_t before, int64_t more,
                              struct value *value)
{
	const struct value *in = node->inputs[0];
	int64_t bound = in->shape.dims[axis] + more;
	const struct shape line = {.rank = 1, .dims = {bound}};
	struct value *size = dim_value(node, in, axis), *at = constant_range(node, -before, 1, bound, &line), *from;
	from = value ? EMIT(node, TEXT(node, "Max(Min(a, {%lld}), {0})", (long long)in->shape.dims[axis] - 1), at)
	             : repeated_positions(node, node_attr_text(node, "mode", "constant"), at, size);
	x = EMIT(node, TEXT(node, "Gather[axis=%d](a, b)", axis), emit_bounded(node, x, axis), from);
	if (value) {
		int64_t dims[MAX_RANK];
		for (int i = 0; i < in->shape.rank; i++)
			dims[i] = i == axis ? bound : 1;
		x = EMIT(node, "Where(Reshape(And(GreaterOrEqual(a, {0}), Less(a, b)), c), d, e)", at, size,
		         constant_ints(node, dims, in->shape.rank), x, value);
	}
	return emit_limited(node, x, axis, bound, EMIT(node, TEXT(node, "Add(a, {%lld})", (long long)more), size));
}

/* Negative pads may leave fewer than no elements. */
static enum ercc_status expand_sized_pad(struct node *node)
{
	const struct shape in = node->inputs[0]->shape;
	const char *mode = node_attr_text(node, "mode", "constant");
	struct value *x = node->inputs[0], *value = NULL;
	int64_t before[MAX_RANK], pads[2 * MAX_RANK] = {0};
	struct shape out;
	TRY(read_pads(node, before, &out));
	TRY(check_same_dtype(node, 2));
	if (!strcmp(mode, "constant"))
		value = node_input(node, 2) ? EMIT(node, "Reshape(a, {})", node->inputs[2])
		                            : constant_number(node, x->dtype, node_attr_float(node, "value", 0));
	for (int i = 0; i < in.rank; i++) {
		if (in.sizes[i] && (before[i] || out.dims[i] != in.dims[i])) {
			if (!in.dims[i] || !out.dims[i])
				return node_fail(node, ERCC_UNSUPPORTED, "pads dim %d of at most %lld to %lld", i,
				                 (long long)in.dims[i], (long long)out.dims[i]);
			x = pad_axis(node, x, i, before[i], out.dims[i] - in.dims[i], value);
			continue;
		}
		pads[i] = before[i];
		pads[in.rank + i] = out.dims[i] - in.dims[i] - before[i];
	}
	x = value ? EMIT(node, TEXT(node, "Pad[mode=%s](a, b, c)", mode), x, constant_ints(node, pads, 2 * in.rank), value)
	          : EMIT(node, TEXT(node, "Pad[mode=%s](a, b)", mode), x, constant_ints(node, pads, 2 * in.rank));
	expand_to(node, 0, x);
	return ERCC_OK;
}

/* ---- with ranges: indices would be other constants for other sizes, so what is repeated is cut out and joined ---- */

static bool is_joined_pad(const struct node *node)
{
	int64_t before[MAX_RANK];
	struct shape in = node->inputs[0]->shape, out;
	bool is_repeated = strcmp(node_attr_text(node, "mode", "constant"), "constant") != 0;
	if (!node->graph->ctx->has_ranges || !is_repeated || (node->op->since >= 11 && !node->inputs[1]->constant) ||
	    read_pads(node, before, &out) != ERCC_OK)
		return false;
	for (int i = 0; i < in.rank; i++) {
		int64_t after = out.dims[i] - in.dims[i] - before[i];
		is_repeated &= before[i] >= 0 && after >= 0 && before[i] < in.dims[i] && after < in.dims[i];
	}
	return is_repeated;
}

static struct value *repeated_part(struct node *node, struct value *x, int axis, int64_t count, bool is_end)
{
	const char *mode = node_attr_text(node, "mode", "");
	long long n = count;
	if (!strcmp(mode, "wrap"))
		return is_end ? EMIT(node, TEXT(node, "Slice(a, {0}, {%lld}, {%d})", n, axis), x)
		              : EMIT(node, TEXT(node, "Slice(a, {%lld}, {%lld}, {%d})", -n, (long long)INT64_MAX, axis), x);
	if (!strcmp(mode, "reflect"))
		return is_end ? EMIT(node, TEXT(node, "Slice(a, {-2}, {%lld}, {%d}, {-1})", -2 - n, axis), x)
		              : EMIT(node, TEXT(node, "Slice(a, {%lld}, {0}, {%d}, {-1})", n, axis), x);
	int64_t times[MAX_RANK];
	for (int i = 0; i < node->inputs[0]->shape.rank; i++)
		times[i] = i == axis ? count : 1;
	return EMIT(node,
	            TEXT(node, "Tile(Slice(a, {%d}, {%lld}, {%d}), b)", is_end ? -1 : 0,
	                 is_end ? (long long)INT64_MAX : 1LL, axis),
	            x, constant_ints(node, times, node->inputs[0]->shape.rank));
}

static enum ercc_status expand_joined_pad(struct node *node)
{
	struct value *x = node->inputs[0];
	int64_t before[MAX_RANK];
	struct shape in = x->shape, out;
	TRY(read_pads(node, before, &out));
	for (int i = 0; i < in.rank; i++) {
		int64_t after = out.dims[i] - in.dims[i] - before[i];
		struct value *parts[3];
		int count = 0;
		if (before[i])
			parts[count++] = repeated_part(node, x, i, before[i], false);
		parts[count++] = x;
		if (after)
			parts[count++] = repeated_part(node, x, i, after, true);
		x = emit_concat(node, i, parts, count);
	}
	expand_to(node, 0, x);
	return ERCC_OK;
}

static bool is_expanded_pad(const struct node *node)
{
	return is_sized_pad(node) || is_joined_pad(node);
}

static enum ercc_status expand_pad(struct node *node)
{
	return is_sized_pad(node) ? expand_sized_pad(node) : expand_joined_pad(node);
}

static enum ercc_status infer_pad(struct node *node)
{
	int64_t before[MAX_RANK];
	struct shape out;
	const char *mode = node_attr_text(node, "mode", "constant");
	TRY(read_pads(node, before, &out));
	if (strcmp(mode, "constant") && strcmp(mode, "edge") && strcmp(mode, "reflect") && strcmp(mode, "wrap"))
		return node_fail(node, ERCC_MODEL, "mode '%s' is unknown", mode);
	for (int i = 0; strcmp(mode, "constant") && i < out.rank; i++)
		if (out.dims[i] && !node->inputs[0]->shape.dims[i])
			return node_fail(node, ERCC_MODEL, "mode '%s' has nothing to repeat along dim %d", mode, i);
	if (node_input(node, 2) && !node->inputs[2]->constant)
		return node_fail(node, ERCC_UNSUPPORTED, "the padding value must be known at compile time");
	TRY(check_same_dtype(node, 2));
	if (node_input(node, 2) && shape_elements(&node->inputs[2]->shape) != 1)
		return node_fail(node, ERCC_MODEL, "the padding value must be one element");
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

/* The input position whose element goes to output position `at`. */
static int64_t repeated(const char *mode, int64_t at, int64_t dim)
{
	if (!strcmp(mode, "edge"))
		return at < 0 ? 0 : at >= dim ? dim - 1 : at;
	int64_t period = !strcmp(mode, "wrap") ? dim : dim > 1 ? 2 * dim - 2 : 1;
	at = (at % period + period) % period;
	return at < dim ? at : period - at; /* reflect: back from the last element */
}

/* One gather with constant indices per padded axis. */
static enum ercc_status lower_pad_repeat(struct lowering *lowering, struct node *node, const char *mode)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	int64_t before[MAX_RANK];
	struct shape wanted;
	TRY(read_pads(node, before, &wanted));
	struct gather g = {.in = lower_buffer(lowering, in),
	                   .dtype = in->dtype,
	                   .index_dtype = ERC_I64,
	                   .shape = in->shape};
	int left = 0;
	for (int i = 0; i < wanted.rank; i++)
		left += wanted.dims[i] != in->shape.dims[i] || before[i];
	if (left == 0)
		return lower_alias(lowering, node, out, in);
	for (g.axis = 0; g.axis < wanted.rank; g.axis++) {
		int64_t count = wanted.dims[g.axis], dim = in->shape.dims[g.axis];
		if (count == dim && !before[g.axis])
			continue;
		int64_t *indices = arena_array(&lowering->ctx->arena, (size_t)count, sizeof *indices);
		for (int64_t i = 0; i < count; i++)
			indices[i] = repeated(mode, i - before[g.axis], dim);
		struct shape next = g.shape;
		next.dims[g.axis] = count;
		g.indices = plan_weights(lowering->plan, indices, count * 8, node->name);
		g.index_count = count;
		g.out = --left ? plan_buffer(lowering->plan, BUFFER_ARENA,
		                             shape_elements(&next) * (int64_t)dtype_bytes(in->dtype), node->name)
		               : lower_buffer(lowering, out);
		lower_gather_axis(lowering, node, &g);
		g.in = g.out;
		g.shape = next;
	}
	return ERCC_OK;
}

/* Fills the output, then copies the part of the input that is kept. */
static enum ercc_status lower_pad(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	int64_t before[MAX_RANK], from[MAX_RANK], to[MAX_RANK], in_offset = 0, out_offset = 0;
	struct shape shape, kept = in->shape;
	const struct tensor *constant = node_input(node, 2) ? node->inputs[2]->constant : NULL;
	double f = constant && dtype_is_float(in->dtype) ? tensor_float(constant, 0) : node_attr_float(node, "value", 0);
	const char *mode = node_attr_text(node, "mode", "constant");
	if (strcmp(mode, "constant"))
		return lower_pad_repeat(lowering, node, mode);
	TRY(read_pads(node, before, &shape));
	TRY(lower_fill(lowering, node, out, f, constant && !dtype_is_float(in->dtype) ? tensor_int(constant, 0) : 0));
	broadcast_strides(&in->shape, &in->shape, from);
	broadcast_strides(&shape, &shape, to);
	for (int i = 0; i < shape.rank; i++) {
		int64_t skip = before[i] < 0 ? -before[i] : 0, at = before[i] > 0 ? before[i] : 0;
		int64_t room = shape.dims[i] - at, there = in->shape.dims[i] - skip;
		kept.dims[i] = there < room ? there : room;
		if (kept.dims[i] <= 0)
			return ERCC_OK;
		in_offset += skip * from[i];
		out_offset += at * to[i];
	}
	return lower_copy(lowering, node, in, in_offset, from, out, out_offset, to, &kept);
}

const struct op ops_pad[] = {
	{"Pad", 1, 1, 1, 1, TYPES_ALL, infer_pad, lower_pad, .expand = expand_pad, .expands = is_expanded_pad,
     .sizes = true, .attrs = "mode=text paddings=ints value=float"},
	{"Pad", 2, 1, 1, 1, TYPES_ALL, infer_pad, lower_pad, .expand = expand_pad, .expands = is_expanded_pad,
     .sizes = true, .attrs = "mode=text pads=ints value=float"},
	{"Pad", 11, 2, 4, 1, TYPES_ALL | TYPES_STORED, infer_pad, lower_pad, .expand = expand_pad,
     .expands = is_expanded_pad, .sizes = true, .attrs = "mode=text"},
	{0},
};
