/* Operators that move elements without computing. Each becomes a view or strided copies. */
#include "compiler/ops/sizes.h"

static enum ercc_status same_type(struct node *node, const struct shape *shape)
{
	return set_output(node, 0, node->inputs[0]->dtype, shape);
}

/* Sets the output to the input's elements in another shape. Fails where the number of elements differs. */
static enum ercc_status same_elements(struct node *node, const struct shape *shape)
{
	TRY(same_type(node, shape));
	if (node->inputs[0]->elements)
		set_elements(node, node->inputs[0]->elements);
	return ERCC_OK;
}

/* ---- another shape, the same bytes ---- */

/* Whether operand 1 decides the shape and is unknown, but the model declares an output shape that fits. Sets *out and
 * warns. */
static bool is_stated(const struct node *node, struct shape *out)
{
	const struct value *operand = node_input(node, 1);
	if (!operand || operand->constant || has_sizes(node) || !stated_shape(node, out) ||
	    shape_elements(out) != shape_elements(&node->inputs[0]->shape))
		return false;
	tell_stated(node, out);
	return true;
}

static enum ercc_status infer_same(struct node *node)
{
	return same_elements(node, &node->inputs[0]->shape);
}

static bool is_list(const struct node *node)
{
	return value_list(node->inputs[0]);
}

static enum ercc_status expand_identity(struct node *node)
{
	expand_to(node, 0, node->inputs[0]);
	return ERCC_OK;
}

static enum ercc_status lower_view(struct lowering *lowering, struct node *node)
{
	return lower_alias(lowering, node, node->outputs[0], node->inputs[0]);
}

static enum ercc_status infer_reshape(struct node *node)
{
	int64_t dims[MAX_RANK];
	int count, unknown = -1;
	struct shape *in = &node->inputs[0]->shape, out;
	if (is_stated(node, &out))
		return same_elements(node, &out);
	TRY(int_list(node, "shape", 1, dims, MAX_RANK, &count));
	if (count < 0)
		return node_fail(node, ERCC_MODEL, "no shape is given");
	int64_t known = 1, elements = shape_elements(in);
	for (int i = 0; i < count; i++) {
		if (dims[i] == 0 && !allows_zero(node))
			dims[i] = i < in->rank ? in->dims[i] : 0;
		if (dims[i] == -1 && unknown < 0)
			unknown = i;
		else if (dims[i] < 0 || !mul_fits(known, dims[i], &known))
			return node_fail(node, ERCC_MODEL, "bad dimension %lld in the new shape", (long long)dims[i]);
	}
	if (unknown >= 0)
		dims[unknown] = known ? elements / known : 0;
	out = shape_of(count, dims);
	if (shape_elements(&out) != elements)
		return node_fail(node, ERCC_MODEL, "%s cannot become %s", shape_text(&node->graph->ctx->arena, in),
		                 shape_text(&node->graph->ctx->arena, &out));
	return same_elements(node, &out);
}

static enum ercc_status infer_flatten(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	int64_t axis = node_attr_int(node, "axis", 1), rows = 1, columns = 1;
	if (axis < -in->rank || axis > in->rank)
		return node_fail(node, ERCC_MODEL, "axis %lld is outside rank %d", (long long)axis, in->rank);
	axis += axis < 0 ? in->rank : 0;
	for (int i = 0; i < in->rank; i++)
		*(i < axis ? &rows : &columns) *= in->dims[i];
	struct shape out = shape_of(2, (int64_t[]){rows, columns});
	return same_type(node, &out);
}

static enum ercc_status infer_squeeze(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	struct shape out = {.rank = 0};
	int64_t axes[MAX_RANK];
	int count, axis;
	bool drop[MAX_RANK] = {false};
	if (is_stated(node, &out))
		return same_elements(node, &out);
	TRY(int_list(node, "axes", 1, axes, MAX_RANK, &count));
	TRY(check_axes(node, axes, count, in->rank));
	for (int i = 0; i < count; i++) {
		TRY(check_axis(node, axes[i], in->rank, &axis));
		if (in->dims[axis] != 1 || in->sizes[axis])
			return node_fail(node, ERCC_MODEL, "dim %d is %lld, only 1 can be squeezed", axis,
			                 (long long)in->dims[axis]);
		drop[axis] = true;
	}
	for (int i = 0; i < in->rank; i++)
		if (count < 0 ? in->dims[i] != 1 || in->sizes[i] : !drop[i]) {
			out.sizes[out.rank] = in->sizes[i];
			out.dims[out.rank++] = in->dims[i];
		}
	return same_elements(node, &out);
}

static enum ercc_status infer_unsqueeze(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	int64_t axes[MAX_RANK];
	int count, axis;
	bool added[MAX_RANK] = {false};
	struct shape stated;
	if (is_stated(node, &stated))
		return same_elements(node, &stated);
	TRY(int_list(node, "axes", 1, axes, MAX_RANK, &count));
	if (count < 0 || in->rank + count > MAX_RANK)
		return node_fail(node, ERCC_UNSUPPORTED, "needs axes, and a result of rank %d at most", MAX_RANK);
	struct shape out = {.rank = in->rank + count};
	TRY(check_axes(node, axes, count, out.rank));
	for (int i = 0; i < count; i++) {
		TRY(check_axis(node, axes[i], out.rank, &axis));
		added[axis] = true;
	}
	for (int i = 0, k = 0; i < out.rank; i++) {
		out.sizes[i] = added[i] ? 0 : in->sizes[k];
		out.dims[i] = added[i] ? 1 : in->dims[k++];
	}
	return same_elements(node, &out);
}

/* ---- Transpose ---- */

static enum ercc_status permutation(const struct node *node, int *perm)
{
	const struct attr *attr = node_attr(node, "perm");
	int rank = node->inputs[0]->shape.rank;
	bool seen[MAX_RANK] = {false};
	if (attr && attr->count != rank)
		return node_fail(node, ERCC_MODEL, "perm has %lld entries for rank %d", (long long)attr->count, rank);
	for (int i = 0; i < rank; i++) {
		int64_t from = attr ? attr->ints[i] : rank - 1 - i;
		TRY(check_axis(node, from, rank, &perm[i]));
		if (seen[perm[i]])
			return node_fail(node, ERCC_MODEL, "perm names dim %d twice", perm[i]);
		seen[perm[i]] = true;
	}
	return ERCC_OK;
}

static enum ercc_status infer_transpose(struct node *node)
{
	int perm[MAX_RANK];
	struct shape out = node->inputs[0]->shape;
	TRY(permutation(node, perm));
	for (int i = 0; i < out.rank; i++) {
		out.dims[i] = node->inputs[0]->shape.dims[perm[i]];
		out.sizes[i] = node->inputs[0]->shape.sizes[perm[i]];
	}
	return same_type(node, &out);
}

static enum ercc_status lower_transpose(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	int perm[MAX_RANK];
	int64_t in_strides[MAX_RANK], from[MAX_RANK], to[MAX_RANK];
	TRY(permutation(node, perm));
	broadcast_strides(&in->shape, &in->shape, in_strides);
	broadcast_strides(&out->shape, &out->shape, to);
	for (int i = 0; i < out->shape.rank; i++)
		from[i] = in_strides[perm[i]];
	return lower_copy(lowering, node, in, 0, from, out, 0, to, &out->shape);
}

/* Whether the two transpositions together are the identity. */
static bool undoes_transpose(const struct node *node, const struct node *before)
{
	const struct attr *first = node_attr(before, "perm"), *second = node_attr(node, "perm");
	int rank = node->inputs[0]->shape.rank;
	for (int i = 0; i < rank; i++) {
		int64_t middle = second ? second->ints[i] : rank - 1 - i;
		middle += middle < 0 ? rank : 0;
		int64_t start = first ? first->ints[middle] : rank - 1 - middle;
		if ((start + rank) % rank != i)
			return false;
	}
	return true;
}

/* ---- Expand, Tile ---- */

static enum ercc_status infer_expand(struct node *node)
{
	int64_t dims[MAX_RANK];
	int count;
	struct shape out, wanted;
	if (stated_shape(node, &out) && !node->inputs[1]->constant && !node->inputs[1]->elements) {
		wanted = out;
		tell_stated(node, &wanted);
	} else if (!known_elements(node->inputs[1], &wanted)) {
		TRY(int_list(node, "shape", 1, dims, MAX_RANK, &count));
		wanted = shape_of(count, dims);
	}
	for (int i = 0; i < wanted.rank; i++)
		if (wanted.dims[i] < 0)
			return node_fail(node, ERCC_MODEL, "bad dimension %lld in the new shape", (long long)wanted.dims[i]);
	TRY(broadcast_shapes(node, &node->inputs[0]->shape, &wanted, &out));
	return same_type(node, &out);
}

static enum ercc_status lower_expand(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	int64_t from[MAX_RANK], to[MAX_RANK];
	broadcast_strides(&in->shape, &out->shape, from);
	broadcast_strides(&out->shape, &out->shape, to);
	return lower_copy(lowering, node, in, 0, from, out, 0, to, &out->shape);
}

static enum ercc_status infer_tile(struct node *node)
{
	int64_t repeats[MAX_RANK];
	int count;
	struct shape out = node->inputs[0]->shape, stated;
	if (!node->inputs[1]->constant && stated_shape(node, &stated) && stated.rank == out.rank) {
		for (count = 0; count < out.rank; count++)
			repeats[count] = out.dims[count] ? stated.dims[count] / out.dims[count] : 0;
		for (int i = 0; i < out.rank; i++)
			if (repeats[i] * out.dims[i] != stated.dims[i])
				return node_fail(node, ERCC_MODEL, "%s cannot be repeated to %s", shape_words(node, &out),
				                 shape_words(node, &stated));
		tell_stated(node, &stated);
	} else {
		TRY(int_list(node, "repeats", 1, repeats, MAX_RANK, &count));
	}
	if (count != out.rank)
		return node_fail(node, ERCC_MODEL, "repeats has %d entries for rank %d", count, out.rank);
	for (int i = 0; i < out.rank; i++)
		if (repeats[i] < 0 || !mul_fits(out.dims[i], repeats[i], &out.dims[i]))
			return node_fail(node, ERCC_MODEL, "bad repeat %lld", (long long)repeats[i]);
	return same_type(node, &out);
}

/* One copy over the dims [repeats 0, dim 0, repeats 1, dim 1, ...]. The input's stride along repeats is 0. A dim
 * without repeats needs one entry only. */
static enum ercc_status lower_tile(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	int64_t in_strides[MAX_RANK], out_strides[MAX_RANK], from[2 * MAX_RANK], to[2 * MAX_RANK], dims[2 * MAX_RANK];
	int rank = 0;
	if (shape_elements(&out->shape) == 0)
		return lower_fill(lowering, node, out, 0, 0);
	broadcast_strides(&in->shape, &in->shape, in_strides);
	broadcast_strides(&out->shape, &out->shape, out_strides);
	for (int i = 0; i < out->shape.rank; i++) {
		int64_t repeat = out->shape.dims[i] / in->shape.dims[i];
		if (repeat > 1) {
			dims[rank] = repeat;
			from[rank] = 0;
			to[rank++] = out_strides[i] * in->shape.dims[i];
		}
		if (in->shape.dims[i] > 1 || repeat == 1) {
			dims[rank] = in->shape.dims[i];
			from[rank] = in_strides[i];
			to[rank++] = out_strides[i];
		}
	}
	if (rank > MAX_RANK)
		return node_fail(node, ERCC_UNSUPPORTED, "repeats along too many dims");
	struct shape space = shape_of(rank, dims);
	return lower_copy(lowering, node, in, 0, from, out, 0, to, &space);
}

/* ---- Slice ---- */

struct slice {
	int64_t start[MAX_RANK], step[MAX_RANK];
};

static enum ercc_status read_slice(const struct node *node, struct slice *slice, struct shape *out)
{
	const struct shape *in = &node->inputs[0]->shape;
	bool inputs = node->op->since >= 10;
	int64_t starts[MAX_RANK], ends[MAX_RANK], axes[MAX_RANK], steps[MAX_RANK];
	int count, end_count, axis_count, step_count;
	TRY(int_list(node, "starts", inputs ? 1 : -1, starts, MAX_RANK, &count));
	TRY(int_list(node, "ends", inputs ? 2 : -1, ends, MAX_RANK, &end_count));
	TRY(int_list(node, "axes", inputs ? 3 : -1, axes, MAX_RANK, &axis_count));
	TRY(int_list(node, "steps", inputs ? 4 : -1, steps, MAX_RANK, &step_count));
	if (count < 0 || count != end_count || (axis_count >= 0 && axis_count != count) ||
	    (step_count >= 0 && step_count != count) || (axis_count < 0 && count > in->rank))
		return node_fail(node, ERCC_MODEL, "starts, ends, axes and steps differ in length");
	TRY(check_axes(node, axes, axis_count, in->rank));
	*out = *in;
	for (int i = 0; i < in->rank; i++)
		slice->start[i] = 0, slice->step[i] = 1;
	for (int i = 0; i < count; i++) {
		int axis;
		int64_t step = step_count < 0 ? 1 : steps[i];
		TRY(check_axis(node, axis_count < 0 ? i : axes[i], in->rank, &axis));
		int64_t dim = in->dims[axis], low = step < 0 ? -1 : 0, high = step < 0 ? dim - 1 : dim;
		if (step == 0 || step == INT64_MIN)
			return node_fail(node, ERCC_MODEL, "step %lld is not possible", (long long)step);
		int64_t start = starts[i] < 0 ? starts[i] + dim : starts[i], end = ends[i] < 0 ? ends[i] + dim : ends[i];
		start = start < 0 ? 0 : start > high ? high : start;
		end = end < low ? low : end > dim ? dim : end;
		int64_t span = step < 0 ? start - end : end - start, size = step < 0 ? -step : step;
		slice->start[axis] = start;
		slice->step[axis] = step;
		out->dims[axis] =
			dim == 0 || span <= 0 ? 0 : graph_quotient(node->graph, span, size < MAX_ELEMENTS ? size : MAX_ELEMENTS);
	}
	return ERCC_OK;
}

static enum ercc_status infer_slice(struct node *node)
{
	struct slice slice;
	struct shape out;
	TRY(read_slice(node, &slice, &out));
	TRY(same_type(node, &out));
	const struct shape *known = node->inputs[0]->elements;
	if (known && out.rank == 1) {
		struct shape elements = {.rank = (int)out.dims[0]};
		for (int i = 0; i < elements.rank; i++) {
			elements.dims[i] = known->dims[slice.start[0] + i * slice.step[0]];
			elements.sizes[i] = known->sizes[slice.start[0] + i * slice.step[0]];
		}
		set_elements(node, &elements);
	}
	return ERCC_OK;
}

static enum ercc_status lower_slice(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	struct slice slice;
	struct shape shape;
	int64_t from[MAX_RANK], to[MAX_RANK], offset = 0;
	TRY(read_slice(node, &slice, &shape));
	broadcast_strides(&in->shape, &in->shape, from);
	broadcast_strides(&shape, &shape, to);
	for (int i = 0; i < shape.rank; i++) {
		offset += shape.dims[i] ? slice.start[i] * from[i] : 0;
		from[i] *= shape.dims[i] > 1 ? slice.step[i] : 0;
	}
	return lower_copy(lowering, node, in, offset, from, out, 0, to, &shape);
}

/* ---- Split ---- */

static enum ercc_status split_sizes(const struct node *node, int *axis, int64_t *sizes)
{
	int count;
	TRY(check_axis(node, node_attr_int(node, "axis", 0), node->inputs[0]->shape.rank, axis));
	int64_t dim = node->inputs[0]->shape.dims[*axis], sum = 0;
	TRY(int_list(node, "split", node->op->since >= 13 ? 1 : -1, sizes, 64, &count));
	if (node->output_count > 64)
		return node_fail(node, ERCC_UNSUPPORTED, "%d outputs; at most 64", node->output_count);
	if (node_attr_int(node, "num_outputs", node->output_count) != node->output_count)
		return node_fail(node, ERCC_MODEL, "num_outputs is %lld, but it has %d outputs",
		                 (long long)node_attr_int(node, "num_outputs", 0), node->output_count);
	if (count < 0 && node->opset < 18 && dim % node->output_count)
		return node_fail(node, ERCC_MODEL, "dim %d of %lld has no %d equal parts", *axis, (long long)dim,
		                 node->output_count);
	int64_t each = graph_quotient(node->graph, dim, node->output_count); /* the last part may be smaller */
	for (int i = 0; i < node->output_count; i++) {
		if (count < 0)
			sizes[i] = dim - sum < each ? dim - sum : each;
		else if (count != node->output_count || sizes[i] < 0)
			return node_fail(node, ERCC_MODEL, "split has %d sizes for %d outputs", count, node->output_count);
		else if (sizes[i] > MAX_ELEMENTS)
			return node_fail(node, ERCC_MODEL, "size %lld is too large", (long long)sizes[i]);
		sum += sizes[i];
	}
	if (sum != dim)
		return node_fail(node, ERCC_MODEL, "the sizes add up to %lld, the dim is %lld", (long long)sum, (long long)dim);
	return ERCC_OK;
}

static enum ercc_status infer_split(struct node *node)
{
	int axis;
	int64_t sizes[64];
	TRY(split_sizes(node, &axis, sizes));
	for (int i = 0; i < node->output_count; i++) {
		struct shape shape = node->inputs[0]->shape;
		shape.dims[axis] = sizes[i];
		TRY(set_output(node, i, node->inputs[0]->dtype, &shape));
	}
	return ERCC_OK;
}

static enum ercc_status lower_split(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0];
	int axis;
	int64_t sizes[64], from[MAX_RANK], to[MAX_RANK], offset = 0;
	TRY(split_sizes(node, &axis, sizes));
	broadcast_strides(&in->shape, &in->shape, from);
	for (int i = 0; i < node->output_count; offset += sizes[i++] * from[axis]) {
		struct value *out = node->outputs[i];
		if (!out)
			continue;
		broadcast_strides(&out->shape, &out->shape, to);
		TRY(lower_copy(lowering, node, in, offset, from, out, 0, to, &out->shape));
	}
	return ERCC_OK;
}

/* ---- Concat ---- */

static enum ercc_status infer_concat(struct node *node)
{
	struct shape out = node->inputs[0]->shape;
	int axis;
	if (node->opset >= 4 && !node_attr(node, "axis"))
		return node_fail(node, ERCC_MODEL, "attribute 'axis' is missing");
	TRY(check_axis(node, node_attr_int(node, "axis", 1), out.rank, &axis));
	for (int i = 1; i < node->input_count; i++) {
		const struct shape *in = &node->inputs[i]->shape;
		bool fits = in->rank == out.rank && node->inputs[i]->dtype == node->inputs[0]->dtype;
		for (int d = 0; fits && d < out.rank; d++)
			fits = d == axis || (in->dims[d] == out.dims[d] && in->sizes[d] == out.sizes[d]);
		if (!fits)
			return node_fail(node, ERCC_MODEL, "input %d is %s%s, which does not fit %s%s along axis %d", i,
			                 dtype_name(node->inputs[i]->dtype), shape_text(&node->graph->ctx->arena, in),
			                 dtype_name(node->inputs[0]->dtype), shape_text(&node->graph->ctx->arena, &out), axis);
		out.dims[axis] += in->dims[axis];
	}
	TRY(same_type(node, &out));
	struct shape all = {.rank = 0}, part;
	for (int i = 0; i < node->input_count; i++) {
		if (!known_elements(node->inputs[i], &part) || all.rank + part.rank > MAX_RANK)
			return ERCC_OK;
		memcpy(all.dims + all.rank, part.dims, sizeof part.dims[0] * (size_t)part.rank);
		memcpy(all.sizes + all.rank, part.sizes, sizeof part.sizes[0] * (size_t)part.rank);
		all.rank += part.rank;
	}
	if (shape_run_time_dim(&all) >= 0)
		set_elements(node, &all);
	return ERCC_OK;
}

/* Concatenates along blocked channels if every input but the last fills its blocks of 16. */
static bool layout_concat(const struct node *node, enum layout *inputs, enum layout *output)
{
	int64_t axis = node_attr_int(node, "axis", 1);
	if (axis != 1 && axis + node->inputs[0]->shape.rank != 1)
		return false;
	for (int i = 0; i < node->input_count; i++)
		if (inputs[i] != LAYOUT_NC16 || (i + 1 < node->input_count && node->inputs[i]->shape.dims[1] % 16))
			return false;
	*output = LAYOUT_NC16;
	return true;
}

/* Makes the input's buffer a part of the output's buffer, so that its producer writes in place. Returns false where
 * this is impossible. */
static bool concat_by_view(struct lowering *lowering, const struct node *node, struct value *in, struct buffer *out,
                           int64_t offset)
{
	struct buffer *buffer = lower_buffer(lowering, in);
	if (lowering->folding || in->constant || buffer->kind != BUFFER_ARENA || buffer->parent || offset % 64 ||
	    !in->producer || in->producer->op->is_pinned)
		return false;
	for (int i = 0, uses = 0; i < node->input_count; i++)
		if (node->inputs[i] == in && ++uses > 1)
			return false;
	buffer->kind = out->kind;
	buffer->parent = out;
	buffer->parent_offset = offset;
	buffer->io = out->io;
	return true;
}

static enum ercc_status lower_concat(struct lowering *lowering, struct node *node)
{
	struct value *out = node->outputs[0];
	struct buffer *whole = lower_buffer(lowering, out);
	int axis;
	int64_t outer = 1, from[MAX_RANK], to[MAX_RANK], offset = 0;
	TRY(check_axis(node, node_attr_int(node, "axis", 1), out->shape.rank, &axis));
	for (int d = 0; d < axis; d++)
		outer *= out->shape.dims[d];
	for (int i = 0; i < node->input_count; i++) {
		struct value *in = node->inputs[i];
		int64_t bytes = value_bytes(in), size = (int64_t)dtype_bytes(in->dtype);
		if (bytes == 0)
			continue;
		if (outer == 1 && concat_by_view(lowering, node, in, whole, offset)) {
			offset += bytes;
			continue;
		}
		int64_t row = bytes / outer / size;
		struct shape space = shape_of(2, (int64_t[]){outer, row});
		from[0] = row, from[1] = 1;
		to[0] = value_bytes(out) / outer / size, to[1] = 1;
		TRY(lower_copy(lowering, node, in, 0, from, out, offset / size, to, &space));
		offset += row * size;
	}
	return ERCC_OK;
}

const struct op ops_move[] = {
	{"Identity", 1, 1, 1, 1, TYPES_MOVED | TYPES_LIST, infer_same, lower_view, .sizes = true,
     .identity = IDENTITY_FIRST, .expand = expand_identity, .expands = is_list},
	{"Reshape", 1, 1, 1, 1, TYPES_MOVED, infer_reshape, lower_view, .identity = IDENTITY_TYPE, .attrs = "shape=ints"},
	{"Reshape", 5, 2, 2, 1, TYPES_MOVED, infer_reshape, lower_view, .expand = expand_sized_reshape,
     .expands = is_sized_reshape, .sizes = true, .identity = IDENTITY_TYPE, .attrs = "allowzero=int@14"},
	{"Flatten", 1, 1, 1, 1, TYPES_MOVED, infer_flatten, lower_view, .expand = expand_sized_flatten,
     .expands = has_sizes, .sizes = true, .identity = IDENTITY_TYPE, .attrs = "axis=int"},
	{"Squeeze", 1, 1, 1, 1, TYPES_MOVED, infer_squeeze, lower_view, .sizes = true, .identity = IDENTITY_TYPE,
     .attrs = "axes=ints"},
	{"Squeeze", 13, 1, 2, 1, TYPES_MOVED, infer_squeeze, lower_view, .sizes = true, .identity = IDENTITY_TYPE},
	{"Unsqueeze", 1, 1, 1, 1, TYPES_MOVED, infer_unsqueeze, lower_view, .sizes = true, .attrs = "axes=ints"},
	{"Unsqueeze", 13, 2, 2, 1, TYPES_MOVED, infer_unsqueeze, lower_view, .sizes = true},
	{"Transpose", 1, 1, 1, 1, TYPES_MOVED, infer_transpose, lower_transpose, .sizes = true, .undoes = undoes_transpose,
     .attrs = "perm=ints"},
	{"Expand", 8, 2, 2, 1, TYPES_MOVED, infer_expand, lower_expand, .sizes = true, .identity = IDENTITY_TYPE},
	{"Tile", 6, 2, 2, 1, TYPES_MOVED, infer_tile, lower_tile, .expand = expand_sized_tile, .expands = is_sized_tile,
     .sizes = true, .identity = IDENTITY_TYPE},
	{"Slice", 1, 1, 1, 1, TYPES_MOVED, infer_slice, lower_slice, .expand = expand_sized_slice,
     .expands = is_sized_slice, .sizes = true, .attrs = "axes=ints ends=ints starts=ints"},
	{"Slice", 10, 3, 5, 1, TYPES_MOVED, infer_slice, lower_slice, .expand = expand_sized_slice,
     .expands = is_sized_slice, .sizes = true},
	{"Split", 2, 1, 1, VARIADIC, TYPES_MOVED, infer_split, lower_split, .expand = expand_sized_split,
     .expands = is_sized_split, .sizes = true, .attrs = "axis=int split=ints"},
	{"Split", 13, 1, 2, VARIADIC, TYPES_MOVED, infer_split, lower_split, .expand = expand_sized_split,
     .expands = is_sized_split, .sizes = true, .attrs = "axis=int num_outputs=int@18"},
	{"Concat", 1, 1, VARIADIC, 1, TYPES_MOVED, infer_concat, lower_concat, .layout = layout_concat,
     .expand = expand_sized_concat, .expands = is_sized_concat, .sizes = true, .attrs = "axis=int"},
	{0},
};
