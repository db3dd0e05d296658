/* Gather: slices of the data, chosen along one axis by an integer tensor. */
#include "compiler/ops/gather.h"
#include "compiler/ops/sizes.h"

static enum ercc_status infer_gather(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
	struct shape out = {.rank = 0};
	int axis;
	TRY(check_axis(node, node_attr_int(node, "axis", 0), in->rank, &axis));
	if (in->rank - 1 + indices->rank > MAX_RANK)
		return node_fail(node, ERCC_UNSUPPORTED, "a result of rank %d; up to %d are supported",
		                 in->rank - 1 + indices->rank, MAX_RANK);
	if (node->inputs[1]->dtype != ERC_I64 && node->inputs[1]->dtype != ERC_I32)
		return node_fail(node, ERCC_MODEL, "indices of dtype %s; i32 or i64 is needed",
		                 dtype_name(node->inputs[1]->dtype));
	for (int i = 0; i < in->rank; i++)
		for (int k = 0; k < (i == axis ? indices->rank : 1); k++) {
			out.dims[out.rank] = i == axis ? indices->dims[k] : in->dims[i];
			out.sizes[out.rank++] = i == axis ? indices->sizes[k] : in->sizes[i];
		}
	const struct tensor *constant = node->inputs[1]->constant;
	TRY(check_constant_indices(node, node_indices(node), axis, 1));
	TRY(set_output(node, 0, node->inputs[0]->dtype, &out));
	if (in->dims[axis] == 0 && shape_elements(&out) > 0)
		return node_fail(node, ERCC_MODEL, "indices %s into dim %d, which is empty", shape_words(node, indices), axis);
	const struct shape *known = node->inputs[0]->elements;
	if (known && constant && out.rank <= 1 && shape_elements(&out) <= MAX_RANK) {
		struct shape elements = {.rank = (int)shape_elements(&out)};
		for (int i = 0; i < elements.rank; i++) {
			int64_t at = tensor_int(constant, constant->splat ? 0 : i);
			at += at < 0 ? known->rank : 0;
			elements.dims[i] = known->dims[at];
			elements.sizes[i] = known->sizes[at];
		}
		set_elements(node, &elements);
	}
	return ERCC_OK;
}

void lower_gather_axis(struct lowering *lowering, const struct node *node, const struct gather *g)
{
	int64_t outer = 1, inner = 1, size = (int64_t)dtype_bytes(g->dtype);
	for (int i = 0; i < g->shape.rank; i++)
		if (i != g->axis)
			*(i < g->axis ? &outer : &inner) *= g->shape.dims[i];
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &gather_template, node->name);
	launch_operand(launch, g->in, g->dtype, false);
	launch_operand(launch, g->indices, g->index_dtype, false);
	if (g->checked)
		lower_index_faults(lowering, node, node_indices(node), launch);
	launch_operand(launch, g->out, g->dtype, true);
	launch->input_count = 2;
	launch_set(launch, ROWS_TOTAL, outer * g->index_count);
	launch_set(launch, GATHER_INDICES, g->index_count);
	launch_set(launch, GATHER_AXIS_SIZE, g->shape.dims[g->axis]);
	launch_set(launch, GATHER_AXIS_DIM, lower_dim(lowering, &g->shape, g->axis));
	launch_set(launch, GATHER_SLICE_BYTES, inner * size);
	lower_index_count(lowering, g->checked ? &node->inputs[1]->shape : &g->shape, 1, launch, GATHER_COUNT_EACH);
	launch->space = shape_of(3, (int64_t[]){outer, g->index_count, inner});
	launch->bytes = 2 * (uint64_t)(outer * g->index_count * inner * size);
	launch_define(launch, "INDEX", g->index_dtype == ERC_I64 ? "i64_value" : "i32_value");
}

/* Whether the indices are constant and at equal distances. Sets the first one and the distance. */
static bool is_regular(const struct node *node, int64_t dim, int64_t *first, int64_t *step)
{
	const struct tensor *indices = node->inputs[1]->constant;
	int64_t count = shape_elements(&node->inputs[1]->shape), last = 0;
	*step = 0;
	if (!indices || count < 1)
		return false;
	for (int64_t i = 0; i < count; i++) {
		int64_t at = tensor_int(indices, indices->splat ? 0 : i);
		at += at < 0 ? dim : 0;
		if (i == 0)
			*first = at;
		else if (i == 1)
			*step = at - last;
		else if (at - last != *step)
			return false;
		last = at;
	}
	return true;
}

/* Regular indices make a strided copy, which other launches may absorb. */
static enum ercc_status lower_regular(struct lowering *lowering, struct node *node, int axis, int64_t first,
                                      int64_t step)
{
	const struct shape *in = &node->inputs[0]->shape;
	struct shape space = shape_of(3, (int64_t[]){1, shape_elements(&node->inputs[1]->shape), 1});
	for (int i = 0; i < in->rank; i++)
		if (i != axis)
			space.dims[i < axis ? 0 : 2] *= in->dims[i];
	int64_t inner = space.dims[2], from[] = {in->dims[axis] * inner, step * inner, 1};
	int64_t to[] = {space.dims[1] * inner, inner, 1};
	return lower_copy(lowering, node, node->inputs[0], first * inner, from, node->outputs[0], 0, to, &space);
}

static enum ercc_status lower_gather(struct lowering *lowering, struct node *node)
{
	int64_t first, step;
	struct gather g = {.in = lower_buffer(lowering, node->inputs[0]),
	                   .indices = lower_buffer(lowering, node->inputs[1]),
	                   .out = lower_buffer(lowering, node->outputs[0]),
	                   .dtype = node->inputs[0]->dtype,
	                   .index_dtype = node->inputs[1]->dtype,
	                   .shape = node->inputs[0]->shape,
	                   .index_count = shape_elements(&node->inputs[1]->shape),
	                   .checked = true};
	TRY(check_axis(node, node_attr_int(node, "axis", 0), g.shape.rank, &g.axis));
	if (!g.shape.sizes[g.axis] && is_regular(node, g.shape.dims[g.axis], &first, &step))
		return lower_regular(lowering, node, g.axis, first, step);
	lower_gather_axis(lowering, node, &g);
	if (node->outputs[0]->shape.sizes[0]) /* the number of rows depends on this size */
		lowering->plan->last->space = node->outputs[0]->shape;
	return ERCC_OK;
}

const struct op ops_gather[] = {
	{"Gather", 1, 2, 2, 1, TYPES_MOVED, infer_gather, lower_gather, .sizes = true, .attrs = "axis=int positions=own"},
	{0},
};
