/* Operators that read or write at positions from integer tensors: GatherElements, GatherND, and the scatters. */
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/sizes.h"

static enum ercc_status check_indices(const struct node *node, bool i32)
{
	enum erc_dtype dtype = node->inputs[1]->dtype;
	if (dtype != ERC_I64 && !(i32 && dtype == ERC_I32))
		return node_fail(node, ERCC_MODEL, "indices of dtype %s; %s is needed", dtype_name(dtype),
		                 i32 ? "i32 or i64" : "i64");
	return ERCC_OK;
}

/* Adds a launch whose operands are all inputs of the node, then its output, without strides. */
static struct launch *add_launch(struct lowering *lowering, struct node *node, const struct kernel_template *template,
                                 int64_t rows)
{
	struct launch *launch = plan_add_launch(lowering->plan, NULL, template, node->name);
	for (int i = 0; i < node->input_count; i++)
		launch_operand(launch, lower_buffer(lowering, node->inputs[i]), node->inputs[i]->dtype, false);
	lower_index_faults(lowering, node, node_indices(node), launch);
	launch_operand(launch, lower_buffer(lowering, node->outputs[0]), node->outputs[0]->dtype, true);
	launch->input_count = node->input_count;
	launch_set(launch, ROWS_TOTAL, rows);
	launch->space = node->outputs[0]->shape;
	launch->bytes = 2 * (uint64_t)value_bytes(node->outputs[0]);
	launch_define(launch, "INDEX", node->inputs[1]->dtype == ERC_I64 ? "i64_value" : "i32_value");
	return launch;
}

/* ---- GatherElements ---- */

static enum ercc_status infer_gather_elements(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
	int axis;
	TRY(check_axis(node, node_attr_int(node, "axis", 0), in->rank, &axis));
	TRY(check_indices(node, true));
	bool fits = indices->rank == in->rank;
	for (int i = 0; fits && i < in->rank; i++)
		fits = i == axis || indices->dims[i] <= in->dims[i];
	if (!fits || (in->dims[axis] == 0 && shape_elements(indices) > 0))
		return node_fail(node, ERCC_MODEL, "indices %s do not fit data %s along axis %d", shape_words(node, indices),
		                 shape_words(node, in), axis);
	TRY(check_constant_indices(node, node_indices(node), axis, 1));
	return set_output(node, 0, node->inputs[0]->dtype, indices);
}

static enum ercc_status lower_gather_elements(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *out = &node->outputs[0]->shape;
	int64_t strides[MAX_RANK] = {0}, stride = 1, line = out->dims[out->rank - 1];
	int axis;
	TRY(check_axis(node, node_attr_int(node, "axis", 0), in->rank, &axis));
	for (int i = in->rank - 1; i >= 0; stride *= in->dims[i--])
		strides[i] = stride;
	struct launch *launch =
		add_launch(lowering, node, &gather_elements_template, line ? shape_elements(out) / line : 0);
	launch_set(launch, GATHER_ELEMENTS_RANK, in->rank);
	launch_set(launch, GATHER_ELEMENTS_AXIS, axis);
	launch_set(launch, GATHER_ELEMENTS_AXIS_SIZE, in->dims[axis]);
	for (int i = 0; i < in->rank; i++) {
		launch_set(launch, GATHER_ELEMENTS_DIMS + 2 * i, out->dims[i]);
		launch_set(launch, GATHER_ELEMENTS_DIMS + 2 * i + 1, strides[i]);
	}
	launch->flops = (uint64_t)shape_elements(out) * 40;
	launch_define(launch, "T",
	              arena_printf(&lowering->ctx->arena, "%s_value", dtype_name(move_dtype(node->inputs[0]->dtype))));
	return ERCC_OK;
}

/* ---- GatherND ---- */

static enum ercc_status infer_gather_nd(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
	int64_t batch = node_attr_int(node, "batch_dims", 0);
	TRY(check_indices(node, false));
	if (in->rank < 1 || indices->rank < 1 || batch < 0 || batch >= in->rank || batch >= indices->rank)
		return node_fail(node, ERCC_MODEL,
		                 "data of rank %d, indices of rank %d, batch_dims %lld; it must be below both ranks", in->rank,
		                 indices->rank, (long long)batch);
	int64_t k = indices->dims[indices->rank - 1];
	for (int i = 0; i < batch; i++)
		if (in->dims[i] != indices->dims[i])
			return node_fail(node, ERCC_MODEL, "batch dim %d is %lld in the data, %lld in the indices", i,
			                 (long long)in->dims[i], (long long)indices->dims[i]);
	if (k < 1 || batch + k > in->rank)
		return node_fail(node, ERCC_MODEL, "tuples of %lld indices for data of rank %d", (long long)k, in->rank);
	struct shape out = *indices;
	out.rank--;
	if (indices->sizes[indices->rank - 1])
		return node_fail(node, ERCC_UNSUPPORTED, "tuples of a length that is known at run time only are not supported");
	for (int64_t i = 0; i < batch; i++)
		if (in->sizes[i])
			return node_fail(node, ERCC_UNSUPPORTED, "batch dim %lld is known at run time only", (long long)i);
	out.sizes[out.rank] = 0;
	if (out.rank + in->rank - batch - k > MAX_RANK)
		return node_fail(node, ERCC_UNSUPPORTED, "a result of rank above %d is not supported", MAX_RANK);
	for (int64_t i = batch + k; i < in->rank; i++) {
		out.sizes[out.rank] = in->sizes[i];
		out.dims[out.rank++] = in->dims[i];
	}
	if (shape_elements(in) == 0 && shape_elements(&out) > 0)
		return node_fail(node, ERCC_MODEL, "nothing to gather from: the data is %s", shape_words(node, in));
	TRY(check_constant_indices(node, node_indices(node), (int)batch, k));
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

/* Sets (bound, step, dim) of the k dims after the batch dims, from parameter `first` on. `unit` is the step of the last one.
 * Returns the step from one batch to the next. */
static int64_t set_tuple(const struct lowering *lowering, struct launch *launch, int first, const struct shape *data,
                         int64_t batch, int64_t k, int64_t unit)
{
	int64_t step = unit;
	for (int i = (int)k - 1; i >= 0; step *= data->dims[batch + i--]) {
		launch_set(launch, first + 3 * i, data->dims[batch + i]);
		launch_set(launch, first + 3 * i + 1, step);
		launch_set(launch, first + 3 * i + 2, lower_dim(lowering, data, (int)batch + i));
	}
	return step;
}

static enum ercc_status lower_gather_nd(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
	int64_t batch = node_attr_int(node, "batch_dims", 0), k = indices->dims[indices->rank - 1], slice = 1, batches = 1;
	for (int64_t i = batch + k; i < in->rank; i++)
		slice *= in->dims[i];
	for (int64_t i = 0; i < batch; i++)
		batches *= in->dims[i];
	int64_t rows = shape_elements(indices) / k, bytes = slice * (int64_t)dtype_bytes(node->inputs[0]->dtype);
	struct launch *launch = add_launch(lowering, node, &gather_nd_template, bytes ? rows : 0);
	launch_set(launch, GATHER_ND_SLICE_BYTES, bytes);
	launch_set(launch, GATHER_ND_TUPLE, k);
	launch_set(launch, GATHER_ND_BATCH_ROWS, batches && rows ? rows / batches : 1);
	lower_index_count(lowering, indices, k, launch, GATHER_ND_COUNT_EACH);
	launch_set(launch, GATHER_ND_BATCH_BYTES, set_tuple(lowering, launch, GATHER_ND_DIMS, in, batch, k, bytes));
	return ERCC_OK;
}

/* ---- scatters ---- */

static const struct reduction_word {
	const char *word, *combine;
} reductions[] = {
	{"none", "b"},
	{"add", "JOIN(T, _add)(a, b)"},
	{"mul", "JOIN(T, _mul)(a, b)"},
	{"max", "JOIN(T, _max)(a, b)"},
	{"min", "JOIN(T, _min)(a, b)"},
};

static enum ercc_status find_reduction(const struct node *node, const struct reduction_word **out)
{
	const char *word = node_attr_text(node, "reduction", "none");
	for (size_t i = 0; i < COUNT_OF(reductions); i++)
		if (!strcmp(word, reductions[i].word)) {
			*out = &reductions[i];
			if (i && !(TYPES_NUMBER >> node->inputs[0]->dtype & 1))
				return node_fail(node, ERCC_UNSUPPORTED, "reduction '%s' of %s is not supported", word,
				                 dtype_name(node->inputs[0]->dtype));
			return ERCC_OK;
		}
	return node_fail(node, ERCC_MODEL, "reduction '%s' is unknown", word);
}

static void define_scatter(struct launch *launch, enum erc_dtype dtype, const struct reduction_word *reduction)
{
	bool moves = reduction == &reductions[0];
	launch_define(launch, "T", dtype_name(moves ? move_dtype(dtype) : dtype));
	launch_define(launch, "COMBINE", reduction->combine);
	launch->reduction_key = moves ? 0 : REDUCTION_SCATTER;
}

static enum ercc_status infer_scatter_elements(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
	const struct reduction_word *reduction;
	int axis;
	TRY(check_axis(node, node_attr_int(node, "axis", 0), in->rank, &axis));
	TRY(check_indices(node, true));
	TRY(check_same_dtype(node, 2));
	TRY(find_reduction(node, &reduction));
	bool fits = indices->rank == in->rank && shape_equal(indices, &node->inputs[2]->shape);
	for (int i = 0; fits && i < in->rank; i++)
		fits = i == axis || indices->dims[i] <= in->dims[i];
	if (!fits || (in->dims[axis] == 0 && shape_elements(indices) > 0))
		return node_fail(node, ERCC_MODEL, "indices %s and updates %s do not fit data %s along axis %d",
		                 shape_words(node, indices), shape_words(node, &node->inputs[2]->shape), shape_words(node, in),
		                 axis);
	TRY(check_constant_indices(node, node_indices(node), axis, 1));
	return set_output(node, 0, node->inputs[0]->dtype, in);
}

static enum ercc_status lower_scatter_elements(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
	const struct reduction_word *reduction;
	int axis;
	TRY(check_axis(node, node_attr_int(node, "axis", 0), in->rank, &axis));
	TRY(find_reduction(node, &reduction));
	struct launch *launch =
		add_launch(lowering, node, &scatter_template, in->dims[axis] ? shape_elements(in) / in->dims[axis] : 0);
	launch_set(launch, SCATTER_RANK, in->rank);
	launch_set(launch, SCATTER_AXIS, axis);
	for (int i = 0; i < in->rank; i++) {
		launch_set(launch, SCATTER_DIMS + 2 * i, in->dims[i]);
		launch_set(launch, SCATTER_DIMS + 2 * i + 1, indices->dims[i]);
	}
	launch->flops = (uint64_t)(shape_elements(in) + shape_elements(indices)) * 40;
	define_scatter(launch, node->inputs[0]->dtype, reduction);
	return ERCC_OK;
}

static enum ercc_status infer_scatter_nd(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
	const struct reduction_word *reduction;
	TRY(check_indices(node, false));
	TRY(check_same_dtype(node, 2));
	TRY(find_reduction(node, &reduction));
	int64_t k = indices->rank ? indices->dims[indices->rank - 1] : 0;
	if (k < 1 || k > in->rank)
		return node_fail(node, ERCC_MODEL,
		                 "indices %s for data %s; their last dim must be 1 up to the rank of the data",
		                 shape_words(node, indices), shape_words(node, in));
	struct shape wanted = *indices;
	wanted.sizes[--wanted.rank] = 0;
	for (int64_t i = k; i < in->rank && wanted.rank < MAX_RANK; i++)
		wanted.dims[wanted.rank++] = in->dims[i];
	if (shape_run_time_dim(&wanted) >= 0 && (!wanted.sizes[0] || !shape_is_dense(&wanted)))
		return node_fail(node, ERCC_UNSUPPORTED,
		                 "data %s and updates %s: only the number of updates may be known at run time",
		                 shape_words(node, in), shape_words(node, &node->inputs[2]->shape));
	if (!shape_equal(&wanted, &node->inputs[2]->shape) || (shape_elements(in) == 0 && shape_elements(&wanted) > 0))
		return node_fail(node, ERCC_MODEL, "updates must be %s, found %s", shape_words(node, &wanted),
		                 shape_words(node, &node->inputs[2]->shape));
	TRY(check_constant_indices(node, node_indices(node), 0, k));
	return set_output(node, 0, node->inputs[0]->dtype, in);
}

/* The dims of indices and updates that are the same one, or those of data and updates that are no indices. Returns false
 * behind the last one. */
static bool scatter_places(const struct node *node, int number, struct places *places)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
	int count = indices->rank - 1, k = (int)indices->dims[count];
	places->count = 2;
	places->items[1].slot = 2;
	places->items[1].dim = number;
	places->items[0].slot = number < count;
	places->items[0].dim = number < count ? number : number - count + k;
	return number < count || places->items[0].dim < in->rank;
}

static bool has_size_at(const struct node *node, const struct places *places, int i)
{
	return node->inputs[places->items[i].slot]->shape.sizes[places->items[i].dim];
}

/* Whether dims of data, indices and updates must be made equal. */
static bool is_sized_scatter_nd(const struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape, *shapes[] = {indices, in};
	int64_t k = indices->rank ? indices->dims[indices->rank - 1] : 0;
	struct places places;
	bool sized = false;
	if (k < 1 || k > in->rank || node->inputs[2]->shape.rank != indices->rank - 1 + in->rank - k)
		return false;
	for (int i = 0; scatter_places(node, i, &places); i++) {
		const struct shape *other = shapes[places.items[0].slot == 0], *updates = &node->inputs[2]->shape;
		uint16_t a = other->sizes[places.items[0].dim], b = updates->sizes[i];
		bool same = a && b && graph_size(node->graph, a) == graph_size(node->graph, b) &&
		            other->dims[places.items[0].dim] == updates->dims[i];
		sized |= (a || b) && (places.items[0].slot == 0 || !same);
	}
	return sized;
}

static enum ercc_status expand_sized_scatter_nd(struct node *node)
{
	struct value *inputs[] = {node->inputs[0], node->inputs[1], node->inputs[2]}, *sizes[MAX_RANK] = {NULL}, *size;
	int64_t bounds[MAX_RANK], bound;
	struct places places;
	for (int i = 0; scatter_places(node, i, &places); i++) {
		if (!has_size_at(node, &places, 0) && !has_size_at(node, &places, 1))
			continue;
		TRY(emit_agreed(node, &places, inputs, &bound, &size));
		int dim = places.items[0].dim;
		if (places.items[0].slot == 0)
			sizes[dim] = size, bounds[dim] = bound;
		else if (size)
			for (int k = 0; k < 2; k++)
				inputs[k + 1] = EMIT(node, TEXT(node, "erc.Limit[axis=%d](a, b)", i), inputs[k + 1], size);
	}
	struct node *same = emit_same(node, inputs, node->input_count);
	struct value *out = same->outputs[0];
	for (int d = 0; d < node->inputs[0]->shape.rank; d++)
		if (sizes[d])
			out = emit_limited(node, out, d, bounds[d], sizes[d]);
	expand_to(node, 0, out);
	return ERCC_OK;
}

static enum ercc_status lower_scatter_nd(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
	const struct reduction_word *reduction;
	int64_t k = indices->dims[indices->rank - 1], slice = 1;
	TRY(find_reduction(node, &reduction));
	for (int64_t i = k; i < in->rank; i++)
		slice *= in->dims[i];
	struct launch *launch = add_launch(lowering, node, &scatter_nd_template, slice ? shape_elements(in) / slice : 0);
	launch_set(launch, SCATTER_ND_SLICE, slice);
	launch_set(launch, SCATTER_ND_TUPLE, k);
	launch_set(launch, SCATTER_ND_UPDATES, shape_elements(indices) / k / (indices->sizes[0] ? indices->dims[0] : 1));
	launch_set(launch, SCATTER_ND_UPDATES_DIM,
	           indices->sizes[0] ? graph_size_slot(lowering->graph, indices->sizes[0]) : -1);
	launch_set(launch, SCATTER_ND_BOUND, indices->sizes[0] ? indices->dims[0] : 1);
	set_tuple(lowering, launch, SCATTER_ND_DIMS, in, 0, k, 1);
	define_scatter(launch, node->inputs[0]->dtype, reduction);
	return ERCC_OK;
}

static bool is_reducing(const struct node *node)
{
	return strcmp(node_attr_text(node, "reduction", "none"), "none") != 0;
}

/* Sums and products of truth values are "or" and "and". */
#define COMBINED \
	CONVERSIONS({TYPE(F16) | TYPE(BF16), ERC_F32, 5, 0, is_reducing, false}, \
	            {TYPE(BOOL), ERC_I32, 5, 0, is_reducing, false})

const struct op ops_index[] = {
	{"GatherElements", 11, 2, 2, 1, TYPES_MOVED, infer_gather_elements, lower_gather_elements, .rows = "+!axis=0,+->+",
     .layout = NULL, .attrs = "axis=int positions=own"},
	{"GatherND", 11, 2, 2, 1, TYPES_MOVED, infer_gather_nd, lower_gather_nd, .sizes = true,
     .attrs = "batch_dims=int@12"},
	{"Scatter", 9, 3, 3, 1, TYPES_MOVED, infer_scatter_elements, lower_scatter_elements,
     .rows = "+!axis=0,+!axis=0,+!axis=0->+", .layout = NULL, .attrs = "axis=int"},
	{"ScatterElements", 11, 3, 3, 1, TYPES_MOVED, infer_scatter_elements, lower_scatter_elements,
     .rows = "+!axis=0,+!axis=0,+!axis=0->+", .layout = NULL, .conversions = COMBINED,
     .attrs = "axis=int reduction=text@16 positions=own"},
	{"ScatterND", 11, 3, 3, 1, TYPES_MOVED, infer_scatter_nd, lower_scatter_nd, .expand = expand_sized_scatter_nd,
     .expands = is_sized_scatter_nd, .sizes = true, .conversions = COMBINED, .attrs = "reduction=text@16"},
	{0},
};
