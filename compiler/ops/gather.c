/* Gather: slices of the data, chosen along one axis by an integer tensor. */
#include "rows.h"

static void gather_evaluate(const struct launch *launch, void *const *buffers)
{
	const int64_t *p = launch->params;
	int64_t indices = p[2], axis = p[3], bytes = p[4];
	for (int64_t r = 0; r < p[ROWS_TOTAL]; r++) {
		struct tensor tensor = {.dtype = launch->operands[1].dtype, .data = buffers[1]};
		int64_t at = tensor_int(&tensor, r % indices);
		at = at < 0 ? at + axis : at;
		at = at < 0 ? 0 : at >= axis ? axis - 1 : at;
		memcpy((char *)buffers[2] + r * bytes, (char *)buffers[0] + (r / indices * axis + at) * bytes, (size_t)bytes);
	}
}

const struct kernel_template gather_template = {.stem = "gather", .cpu = rows_cpu, .evaluate = gather_evaluate};

static enum ercc_status infer_gather(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *indices = &node->inputs[1]->shape;
	struct shape out = {.rank = 0};
	int axis;
	TRY(check_axis(node, node_attr_int(node, "axis", 0), in->rank, &axis));
	if (in->rank - 1 + indices->rank > MAX_RANK)
		return node_fail(node, ERCC_UNSUPPORTED, "a result of rank %d", in->rank - 1 + indices->rank);
	if (node->inputs[1]->dtype != ERC_I64 && node->inputs[1]->dtype != ERC_I32)
		return node_fail(node, ERCC_MODEL, "indices of dtype %s", dtype_name(node->inputs[1]->dtype));
	for (int i = 0; i < in->rank; i++) {
		if (i != axis)
			out.dims[out.rank++] = in->dims[i];
		for (int k = 0; i == axis && k < indices->rank; k++)
			out.dims[out.rank++] = indices->dims[k];
	}
	const struct tensor *constant = node->inputs[1]->constant;
	for (int64_t i = 0; constant && i < (constant->splat ? 1 : shape_elements(indices)); i++) {
		int64_t at = tensor_int(constant, i);
		if (at < -in->dims[axis] || at >= in->dims[axis])
			return node_fail(node, ERCC_MODEL, "index %lld is outside dim %d of %lld", (long long)at, axis, (long long)in->dims[axis]);
	}
	return set_output(node, 0, node->inputs[0]->dtype, &out);
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
	launch_operand(launch, g->out, g->dtype, true);
	launch->input_count = 2;
	launch->params[ROWS_TOTAL] = outer * g->index_count;
	launch->params[2] = g->index_count;
	launch->params[3] = g->shape.dims[g->axis];
	launch->params[4] = inner * size;
	launch->param_count = 5;
	launch->space = shape_of(3, (int64_t[]){outer, g->index_count, inner});
	launch->bytes = 2 * (uint64_t)(outer * g->index_count * inner * size);
	launch->defines[launch->define_count++] = (struct define){"INDEX", g->index_dtype == ERC_I64 ? "i64_value" : "i32_value"};
}

static enum ercc_status lower_gather(struct lowering *lowering, struct node *node)
{
	struct gather g = {.in = lower_buffer(lowering, node->inputs[0]), .indices = lower_buffer(lowering, node->inputs[1]),
	                   .out = lower_buffer(lowering, node->outputs[0]), .dtype = node->inputs[0]->dtype,
	                   .index_dtype = node->inputs[1]->dtype, .shape = node->inputs[0]->shape,
	                   .index_count = shape_elements(&node->inputs[1]->shape)};
	TRY(check_axis(node, node_attr_int(node, "axis", 0), g.shape.rank, &g.axis));
	lower_gather_axis(lowering, node, &g);
	return ERCC_OK;
}

const struct op ops_gather[] = {
	{"Gather", 1, 2, 2, 1, TYPES_MOVED, infer_gather, lower_gather, .layout = NULL},
	{0},
};
