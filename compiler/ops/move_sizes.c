/* Reshape, Slice, Concat, Split and Tile where a size is known at run time only. They become views where the bytes allow it, else
 * gathers with computed indices. */
#include "compiler/ops/sizes.h"

/* ---- Reshape, Flatten ---- */

bool is_sized_reshape(const struct node *node)
{
	const struct value *wanted = node_input(node, 1);
	return shape_run_time_dim(&node->inputs[0]->shape) >= 0 || (wanted && wanted->elements);
}

bool allows_zero(const struct node *node)
{
	return node->is_emitted || node_attr_int(node, "allowzero", 0);
}

/* Removes one dim with this run-time size from `all`. Returns false if there is none. */
static bool take_size(const struct graph *graph, struct shape *all, uint16_t size)
{
	for (int i = 0; i < all->rank; i++)
		if (all->sizes[i] && graph_size(graph, all->sizes[i]) == graph_size(graph, size)) {
			all->dims[i] = 1;
			all->sizes[i] = 0;
			return true;
		}
	return false;
}

static int64_t known_product(const struct shape *shape)
{
	int64_t product = 1;
	for (int i = 0; i < shape->rank; i++)
		product *= shape->sizes[i] ? 1 : shape->dims[i];
	return product;
}

/* Computes the dim that the model leaves open, so that the new shape has as many elements as the input. unknown: the
 * number of that dim, or -1. One run-time size that does not occur in the input can also be computed. */
static enum ercc_status solve_reshape(struct node *node, struct shape *out, int unknown)
{
	struct shape left = node->inputs[0]->shape;
	int unmatched = -1;
	for (int i = 0; i < out->rank; i++)
		if (i != unknown && out->sizes[i] && !take_size(node->graph, &left, out->sizes[i]))
			unmatched = unmatched < 0 ? i : MAX_RANK;
	int at = unknown >= 0 && unmatched < 0 ? unknown : unmatched;
	int64_t known, have = known_product(&left), rest = shape_run_time_dim(&left);
	if (at < 0 && rest < 0)
		at = out->rank;
	if (at >= 0 && at < out->rank)
		out->dims[at] = 1, out->sizes[at] = 0;
	known = known_product(out);
	if (at == MAX_RANK || at < 0 || !known || have % known || (at == out->rank && have != known)) {
		if (unknown >= 0)
			out->dims[unknown] = -1;
		return node_fail(node, ERCC_UNSUPPORTED, "whether %s can become %s is known at run time only",
		                 shape_words(node, &node->inputs[0]->shape), shape_words(node, out));
	}
	if (at == out->rank)
		return ERCC_OK;
	for (int i = 0; i < left.rank; i++) /* the known factors become one dim */
		left.dims[i] = left.sizes[i] ? left.dims[i] : 1;
	if (left.rank < MAX_RANK)
		left.dims[left.rank++] = have / known;
	emit_product(node, &left, &out->dims[at], &out->sizes[at]);
	return ERCC_OK;
}

/* Whether both shapes have the same strides, at their bounds as well as at their true sizes. Counted from the last dim,
 * the run-time sizes and the numbers of elements between them must be equal. Where only an outermost dim with a size is
 * left, only the number of elements counts, because no stride depends on that dim. */
static bool is_view(const struct graph *graph, const struct shape *a, const struct shape *b)
{
	int i = a->rank, k = b->rank;
	for (;;) {
		int64_t inner_a = 1, inner_b = 1;
		while (i > 0 && !a->sizes[i - 1])
			inner_a *= a->dims[--i];
		while (k > 0 && !b->sizes[k - 1])
			inner_b *= b->dims[--k];
		struct shape rest_a = *a, rest_b = *b;
		rest_a.rank = i, rest_b.rank = k;
		if (i > 0 && k > 0 && shape_is_dense(&rest_a) && shape_is_dense(&rest_b))
			return shape_elements(&rest_a) * inner_a == shape_elements(&rest_b) * inner_b;
		if (inner_a != inner_b || !i != !k)
			return false;
		if (!i)
			return true;
		if (graph_size(graph, a->sizes[--i]) != graph_size(graph, b->sizes[--k]) || a->dims[i] != b->dims[k])
			return false;
	}
}

static enum ercc_status expand_to_view(struct node *node, const struct shape *out)
{
	struct arena *arena = &node->graph->ctx->arena;
	const struct shape *in = &node->inputs[0]->shape;
	int64_t sizes[MAX_RANK];
	if (!is_view(node->graph, in, out))
		return node_fail(node, ERCC_UNSUPPORTED,
		                 "%s becomes %s: dims known at run time only may be merged or split as the "
		                 "first ones",
		                 shape_words(node, in), shape_words(node, out));
	for (int i = 0; i < out->rank; i++)
		sizes[i] = out->sizes[i];
	size_t bytes = sizeof(int64_t) * (size_t)out->rank;
	struct attr attrs[] = {
		{.name = "dims",
	     .kind = ATTR_INTS,
	     .count = out->rank,
	     .ints = (int64_t *)arena_copy_bytes(arena, out->dims, bytes)},
		{.name = "sizes",
	     .kind = ATTR_INTS,
	     .count = out->rank,
	     .ints = (int64_t *)arena_copy_bytes(arena, sizes, bytes)},
	};
	struct value *view = EMIT(node, "erc.View(a)", node->inputs[0]);
	node_set_attrs(view->producer, attrs, 2);
	expand_to(node, 0, view);
	return ERCC_OK;
}

enum ercc_status expand_sized_reshape(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	struct shape out;
	int64_t dims[MAX_RANK];
	int count, unknown = -1;
	if (!node_input(node, 1) || !known_elements(node->inputs[1], &out)) {
		TRY(int_list(node, "shape", 1, dims, MAX_RANK, &count));
		if (count < 0)
			return node_fail(node, ERCC_MODEL, "no shape is given");
		out = shape_of(count, dims);
	}
	for (int i = 0; i < out.rank; i++) {
		if (out.dims[i] == 0 && !out.sizes[i] && !allows_zero(node)) {
			out.dims[i] = i < in->rank ? in->dims[i] : 0;
			out.sizes[i] = i < in->rank ? in->sizes[i] : 0;
		} else if (out.dims[i] == -1 && unknown < 0) {
			unknown = i;
		} else if (out.dims[i] < 0) {
			return node_fail(node, ERCC_MODEL, "bad dimension %lld in the new shape", (long long)out.dims[i]);
		}
	}
	TRY(solve_reshape(node, &out, unknown));
	return expand_to_view(node, &out);
}

enum ercc_status expand_sized_flatten(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	int64_t axis = node_attr_int(node, "axis", 1);
	struct shape out = {.rank = 2}, parts[2] = {{.rank = 0}};
	if (axis < -in->rank || axis > in->rank)
		return node_fail(node, ERCC_MODEL, "axis %lld is outside rank %d", (long long)axis, in->rank);
	axis += axis < 0 ? in->rank : 0;
	for (int i = 0; i < in->rank; i++) {
		struct shape *part = &parts[i >= axis];
		part->sizes[part->rank] = in->sizes[i];
		part->dims[part->rank++] = in->dims[i];
	}
	for (int i = 0; i < 2; i++)
		emit_product(node, &parts[i], &out.dims[i], &out.sizes[i]);
	return expand_to_view(node, &out);
}

/* ---- Slice ---- */

/* Input `slot` of a Slice from opset 10 on, or the attribute of an earlier one. NULL if it is left out. */
static struct value *slice_list(struct node *node, const char *name, int slot)
{
	const struct attr *attr = node_attr(node, name);
	if (node->op->since >= 10)
		return node_input(node, slot);
	return attr && attr->kind == ATTR_INTS ? constant_ints(node, attr->ints, (int)attr->count) : NULL;
}

/* Whether a start or an end is unknown, or a sliced axis has a run-time size. */
bool is_sized_slice(const struct node *node)
{
	const struct attr *attr = node_attr(node, "axes");
	const struct value *axes = node->op->since >= 10 ? node_input(node, 3) : NULL;
	const struct shape *in = &node->inputs[0]->shape;
	bool sized = false;
	for (int i = 1; i < 3 && node->op->since >= 10; i++)
		sized |= !node->inputs[i]->constant;
	if (sized || shape_run_time_dim(in) < 0)
		return sized;
	int64_t count = axes                              ? (axes->constant ? shape_elements(&axes->shape) : 0)
	                : attr && attr->kind == ATTR_INTS ? attr->count
	                                                  : in->rank;
	for (int64_t i = 0; i < count; i++) {
		int64_t axis = axes ? tensor_int(axes->constant, axes->constant->splat ? 0 : i) : attr ? attr->ints[i] : i;
		axis += axis < 0 ? in->rank : 0;
		sized |= axis >= 0 && axis < in->rank && in->sizes[axis];
	}
	return sized;
}

/* Reads element `i` of a list. Returns false if the list is not constant. */
static bool known_number(const struct value *list, int i, int64_t *number)
{
	if (list->constant)
		*number = tensor_int(list->constant, list->constant->splat ? 0 : i);
	return list->constant;
}

/* Element `i` of the starts or the ends, clamped to low .. dim - short_of. A negative one counts from the end. */
static struct value *emit_border(struct node *node, struct value *list, int i, struct value *dim, int low, int short_of)
{
	struct value *all = EMIT(node, TEXT(node, "Cast[to=%d](a)", ERC_I64), list), *one;
	one = EMIT(node, TEXT(node, "Reshape(Slice(a, {%d}, {%d}), {})", i, i + 1), all);
	return EMIT(node, TEXT(node, "Max(Min(a, Sub(b, {%d})), {%d})", short_of, low), emit_from_start(node, one, dim),
	            dim);
}

/* The maximum number of elements that a slice of at most `dim` takes from this start on. */
static int64_t elements_from(int64_t first, int64_t dim, int64_t step)
{
	if (step < 0)
		return first < dim ? first / -step + 1 : ceil_div(dim, -step);
	return first < dim ? ceil_div(dim - first, step) : 0;
}

/* Slices x along one axis. `i` is the index of its start and end in the lists. */
static enum ercc_status slice_axis(struct node *node, struct value **x, int axis, int i, struct value *starts,
                                   struct value *ends, int64_t step)
{
	const struct value *in = node->inputs[0];
	int64_t first = 0, last = 0, dim = in->shape.dims[axis];
	if (step == 0 || step < -MAX_ELEMENTS || step > MAX_ELEMENTS)
		return node_fail(node, ERCC_MODEL, "step %lld is not possible", (long long)step);
	int64_t bound = ceil_div(dim, step < 0 ? -step : step);
	bool known_start = known_number(starts, i, &first), known_end = known_number(ends, i, &last);
	if (first < 0 && !in->shape.sizes[axis])
		first = first < -dim ? 0 : first + dim;
	if (known_start && first >= 0)
		bound = elements_from(first, dim, step);
	if (known_start && known_end && first >= 0 && last >= 0 && step > 0 && last < first + bound * step)
		bound = last > first ? ceil_div(last - first, step) : 0;
	struct value *size = dim_value(node, in, axis), *whole = in->shape.sizes[axis] ? emit_bounded(node, *x, axis) : *x;
	struct value *start = emit_border(node, starts, i, size, 0, step < 0),
				 *end = emit_border(node, ends, i, size, step < 0 ? -1 : 0, step < 0);
	struct value *count = EMIT(node,
	                           TEXT(node, "Min(Div(Add(%s, {%lld}), {%lld}), c)", step < 0 ? "Sub(a, b)" : "Sub(b, a)",
	                                (long long)(step < 0 ? -step : step) - 1, (long long)(step < 0 ? -step : step)),
	                           start, end, size);
	const struct shape *sizes = ends->elements;
	if (known_start && first == 0 && step == 1 && sizes && sizes->sizes[i] && sizes->dims[i] <= dim &&
	    !in->shape.sizes[axis])
		count = graph_size(node->graph, sizes->sizes[i]); /* the count is this size itself */
	struct value *at = constant_range(node, 0, step, bound, &(struct shape){.rank = 1, .dims = {bound}});
	if (known_start && first == 0 && step > 0)
		*x =
			EMIT(node, TEXT(node, "Slice(a, {0}, {%lld}, {%d}, {%lld})", (long long)dim, axis, (long long)step), whole);
	else
		*x = EMIT(node, TEXT(node, "Gather[axis=%d](a, Add(b, c))", axis), whole, at, start);
	if (known_start && first == 0 && step > 0 && bound < ceil_div(dim, step))
		*x = EMIT(node, TEXT(node, "Slice(a, {0}, {%lld}, {%d})", (long long)bound, axis), *x);
	*x = emit_limited(node, *x, axis, bound, count);
	return ERCC_OK;
}

enum ercc_status expand_sized_slice(struct node *node)
{
	struct value *x = node->inputs[0], *starts = slice_list(node, "starts", 1), *ends = slice_list(node, "ends", 2);
	const struct shape in = x->shape;
	int64_t axes[MAX_RANK], steps[MAX_RANK];
	int axis_count, step_count, axis;
	bool inputs = node->op->since >= 10;
	TRY(int_list(node, "axes", inputs ? 3 : -1, axes, MAX_RANK, &axis_count));
	TRY(int_list(node, "steps", inputs ? 4 : -1, steps, MAX_RANK, &step_count));
	int64_t count = starts && starts->shape.rank == 1 ? starts->shape.dims[0] : -1;
	if (count < 0 || !ends || !shape_equal(&starts->shape, &ends->shape) ||
	    (axis_count >= 0 ? axis_count != count : count > in.rank) || (step_count >= 0 && step_count != count) ||
	    shape_run_time_dim(&starts->shape) >= 0)
		return node_fail(node, ERCC_MODEL, "starts, ends, axes and steps differ in length");
	TRY(check_axes(node, axes, axis_count, in.rank));
	for (int i = 0; i < count; i++) {
		int64_t step = step_count < 0 ? 1 : steps[i], first = 0, last = 0;
		TRY(check_axis(node, axis_count < 0 ? i : axes[i], in.rank, &axis));
		if (in.sizes[axis] || !known_number(starts, i, &first) || !known_number(ends, i, &last))
			TRY(slice_axis(node, &x, axis, i, starts, ends, step));
		else
			x = EMIT(node,
			         TEXT(node, "Slice(a, {%lld}, {%lld}, {%d}, {%lld})", (long long)first, (long long)last, axis,
			              (long long)step),
			         x);
	}
	expand_to(node, 0, x);
	return ERCC_OK;
}

/* ---- Concat along a dim with run-time sizes: joined at the bounds, then a gather closes the gaps ---- */

static bool concat_axis(const struct node *node, int *axis)
{
	int rank = node->inputs[0]->shape.rank;
	int64_t given = node_attr_int(node, "axis", 1);
	*axis = (int)(given < 0 ? given + rank : given);
	return given >= -rank && given < rank;
}

/* Whether dims besides the axis must be equal, but are known at run time only. */
static bool is_disagreeing(const struct node *node, int axis)
{
	const struct shape *first = &node->inputs[0]->shape;
	bool differs = false, sized = false;
	for (int i = 0; i < node->input_count; i++) {
		const struct shape *shape = &node->inputs[i]->shape;
		if (shape->rank != first->rank)
			return false;
		for (int d = 0; d < first->rank; d++) {
			uint16_t a = shape->sizes[d], b = first->sizes[d];
			if (d == axis || (!a && !b))
				continue;
			sized = true;
			differs |= !a || !b || graph_size(node->graph, a) != graph_size(node->graph, b) ||
			           shape->dims[d] != first->dims[d];
		}
	}
	return sized && differs;
}

bool is_sized_concat(const struct node *node)
{
	int axis;
	if (!concat_axis(node, &axis))
		return false;
	for (int i = 0; i < node->input_count; i++)
		if (axis < node->inputs[i]->shape.rank && node->inputs[i]->shape.sizes[axis])
			return true;
	return is_disagreeing(node, axis);
}

/* Gives the inputs equal dims besides the axis, then joins them. */
static enum ercc_status concat_agreed(struct node *node, int axis)
{
	struct value *inputs[PLACES_MAX], *size;
	struct places places = {.count = node->input_count};
	int64_t bound;
	if (node->input_count > PLACES_MAX)
		return node_fail(node, ERCC_UNSUPPORTED, "%d inputs with dims that are known at run time only; at most %d",
		                 node->input_count, PLACES_MAX);
	memcpy(inputs, node->inputs, sizeof *inputs * (size_t)node->input_count);
	for (int d = 0; d < node->inputs[0]->shape.rank; d++) {
		bool any = false;
		for (int i = 0; i < node->input_count; i++) {
			any |= node->inputs[i]->shape.sizes[d] != 0;
			places.items[i].slot = i;
			places.items[i].dim = d;
		}
		if (!any || d == axis)
			continue;
		TRY(emit_agreed(node, &places, inputs, &bound, &size));
		for (int i = 0; size && i < node->input_count; i++)
			inputs[i] = EMIT(node, TEXT(node, "erc.Limit[axis=%d](a, b)", d), inputs[i], size);
	}
	expand_to(node, 0, emit_concat(node, axis, inputs, node->input_count));
	return ERCC_OK;
}

enum ercc_status expand_sized_concat(struct node *node)
{
	struct arena *arena = &node->graph->ctx->arena;
	struct value **parts = arena_array(arena, (size_t)node->input_count, sizeof *parts), *before = NULL, *from,
				 *position;
	int64_t bound = 0;
	int axis;
	concat_axis(node, &axis);
	if (is_disagreeing(node, axis))
		return concat_agreed(node, axis);
	for (int i = 0; i < node->input_count; i++) {
		const struct shape *shape = &node->inputs[i]->shape;
		if (shape->rank != node->inputs[0]->shape.rank)
			return node_fail(node, ERCC_MODEL, "input %d is %s, input 0 %s", i, shape_words(node, shape),
			                 shape_words(node, &node->inputs[0]->shape));
		parts[i] = shape->sizes[axis] ? emit_bounded(node, node->inputs[i], axis) : node->inputs[i];
		bound += shape->dims[axis];
	}
	if (bound > MAX_ELEMENTS)
		return node_fail(node, ERCC_UNSUPPORTED, "the result has too many elements");
	from = position = constant_range(node, 0, 1, bound, &(struct shape){.rank = 1, .dims = {bound}});
	bound = 0;
	for (int i = 0; i < node->input_count; i++) {
		if (i) {
			struct value *shifted =
				EMIT(node, "Add(a, Sub(b, c))", position, constant_number(node, ERC_I64, (double)bound), before);
			from = EMIT(node, "Where(Less(a, b), c, d)", position, before, from, shifted);
		}
		struct value *size = dim_value(node, node->inputs[i], axis);
		before = before ? EMIT(node, "Add(a, b)", before, size) : size;
		bound += node->inputs[i]->shape.dims[axis];
	}
	struct value *all = emit_concat(node, axis, parts, node->input_count);
	all = EMIT(node, TEXT(node, "Gather[axis=%d](a, b)", axis), all, from);
	expand_to(node, 0, emit_limited(node, all, axis, bound, before));
	return ERCC_OK;
}

/* ---- Split, Tile along a dim with a run-time size ---- */

static int split_axis(const struct node *node)
{
	int rank = node->inputs[0]->shape.rank;
	int64_t given = node_attr_int(node, "axis", 0);
	return given < -rank || given >= rank ? -1 : (int)(given < 0 ? given + rank : given);
}

bool is_sized_split(const struct node *node)
{
	int axis = split_axis(node);
	return axis >= 0 && node->inputs[0]->shape.sizes[axis];
}

/* Equal parts, of which the last may be smaller from opset 18 on: each is a gather of its elements. */
static enum ercc_status split_equally(struct node *node, int axis)
{
	struct value *x = node->inputs[0], *size = dim_value(node, x, axis), *whole = emit_bounded(node, x, axis);
	long long parts = node->output_count, bound = ceil_div(x->shape.dims[axis], parts);
	struct value *each = EMIT(node, TEXT(node, "Div(Add(a, {%lld}), {%lld})", parts - 1, parts), size);
	if (node->opset < 18) /* with a remainder, the run fails */
		each = EMIT(node,
		            TEXT(node, "Div(erc.SameSize[bound=%lld](Reshape(Mul(a, {%lld}), {}), b), {%lld})",
		                 (long long)x->shape.dims[axis], parts, parts),
		            each, size);
	for (int i = 0; i < node->output_count; i++) {
		if (!node->outputs[i])
			continue;
		struct value *start = EMIT(node, TEXT(node, "Mul(a, {%d})", i), each);
		struct value *at = constant_range(node, 0, 1, bound, &(struct shape){.rank = 1, .dims = {bound}});
		struct value *part = EMIT(node, TEXT(node, "Gather[axis=%d](a, Add(b, c))", axis), whole, at, start);
		expand_to(node, i, emit_limited(node, part, axis, bound, EMIT(node, "Min(Sub(a, b), c)", size, start, each)));
	}
	return ERCC_OK;
}

/* With given sizes of parts, the dim must be their sum. */
enum ercc_status expand_sized_split(struct node *node)
{
	int64_t sizes[MAX_RANK * 8], sum = 0;
	int axis = split_axis(node), count;
	struct value *inputs[2] = {node->inputs[0], node_input(node, 1)};
	const struct shape *in = &node->inputs[0]->shape;
	TRY(int_list(node, "split", node->op->since >= 13 ? 1 : -1, sizes, COUNT_OF(sizes), &count));
	if (node_attr_int(node, "num_outputs", node->output_count) != node->output_count ||
	    (count >= 0 && count != node->output_count))
		return node_fail(node, ERCC_MODEL, "%d sizes for %d outputs", count, node->output_count);
	if (count < 0)
		return split_equally(node, axis);
	for (int i = 0; i < count; i++) {
		if (sizes[i] < 0 || sizes[i] > MAX_ELEMENTS)
			return node_fail(node, ERCC_MODEL, "size %lld is not possible", (long long)sizes[i]);
		sum += sizes[i];
	}
	if (sum > in->dims[axis])
		return node_fail(node, ERCC_MODEL, "the sizes add up to %lld, the dim is at most %lld", (long long)sum,
		                 (long long)in->dims[axis]);
	struct value *checked = EMIT(node, TEXT(node, "erc.SameSize[bound=%lld](a, b)", (long long)sum),
	                             dim_value(node, inputs[0], axis), constant_number(node, ERC_I64, (double)sum));
	inputs[0] =
		EMIT(node, TEXT(node, "Slice(erc.Bounded[axis=%d](a, b), {0}, {%lld}, {%d})", axis, (long long)sum, axis),
	         inputs[0], checked);
	struct node *same = emit_same(node, inputs, node->input_count);
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i])
			expand_to(node, i, same->outputs[i]);
	return ERCC_OK;
}

bool is_sized_tile(const struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	const struct tensor *repeats = node->inputs[1]->constant;
	bool sized = false;
	for (int i = 0; repeats && i < in->rank && i < shape_elements(&repeats->shape); i++)
		sized |= in->sizes[i] && tensor_int(repeats, repeats->splat ? 0 : i) != 1;
	return sized;
}

/* Each sized dim is repeated by a gather, whose indices are positions modulo the size. */
enum ercc_status expand_sized_tile(struct node *node)
{
	const struct shape in = node->inputs[0]->shape;
	struct value *x = node->inputs[0];
	int64_t repeats[MAX_RANK], bound;
	int count;
	TRY(int_list(node, "repeats", 1, repeats, MAX_RANK, &count));
	if (count != in.rank)
		return node_fail(node, ERCC_MODEL, "repeats has %d entries for rank %d", count, in.rank);
	for (int i = 0; i < in.rank; i++) {
		if (!in.sizes[i] || repeats[i] == 1)
			continue;
		if (repeats[i] < 0 || repeats[i] > MAX_ELEMENTS || in.dims[i] * repeats[i] > MAX_ELEMENTS)
			return node_fail(node, ERCC_MODEL, "bad repeat %lld", (long long)repeats[i]);
		bound = in.dims[i] * repeats[i];
		struct value *size = dim_value(node, node->inputs[0], i);
		struct value *at = constant_range(node, 0, 1, bound, &(struct shape){.rank = 1, .dims = {bound}});
		x = EMIT(node, TEXT(node, "Gather[axis=%d](a, Mod(b, Max(c, {1})))", i), emit_bounded(node, x, i), at, size);
		x = emit_limited(node, x, i, bound, EMIT(node, TEXT(node, "Mul(a, {%lld})", (long long)repeats[i]), size));
		repeats[i] = 1;
	}
	expand_to(node, 0, EMIT(node, "Tile(a, b)", x, constant_ints(node, repeats, in.rank)));
	return ERCC_OK;
}
