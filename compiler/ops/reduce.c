/* Reductions over axes, global pooling among them. One row each: how to start, combine and finish. */
#include "rows.h"

const struct kernel_template reduce_template = {.stem = "reduce", .cpu = rows_cpu, .speed = 0.3};

static bool is_global(const struct node *node)
{
	return !strncmp(node->op_type, "Global", 6);
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
	TRY(int_list(node, "axes", 1, axes, MAX_RANK, &count));
	bool all = count < 0 || (count == 0 && !node_attr_int(node, "noop_with_empty_axes", 0));
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
		if (!reduce[i] || keep)
			out.dims[out.rank++] = reduce[i] ? 1 : in->dims[i];
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

/* Global pooling keeps a blocked input blocked. */
static bool layout_reduce(const struct node *node, enum layout *inputs, enum layout *output)
{
	if (!is_global(node))
		return false;
	*output = inputs[0];
	return true;
}

/* op->expr holds "start;combine;finish" as C over value a (so far), x (element) and n (count). */
static void define_reduction(struct context *ctx, struct launch *launch, const char *text)
{
	static const char *const names[] = {"START", "COMBINE", "FINISH"};
	for (int i = 0; i < 3; i++) {
		size_t length = strcspn(text, ";");
		launch->defines[launch->define_count++] = (struct define){names[i], arena_copy_bytes(&ctx->arena, text, length)};
		text += length + (text[length] == ';');
	}
}

static enum ercc_status lower_reduce(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0];
	bool reduce[MAX_RANK], blocked = in->layout == LAYOUT_NC16;
	struct shape shape = in->shape, kept = {0}, gone = {0};
	int64_t strides[MAX_RANK], kept_strides[MAX_RANK], gone_strides[MAX_RANK];
	TRY(reduced_axes(node, reduce));
	if (blocked) { /* [N, blocks, positions, 16], positions reduced */
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
	launch->params[launch->param_count++] = kept.rank;
	launch->params[launch->param_count++] = gone.rank;
	launch->params[launch->param_count++] = shape_elements(&gone);
	for (int i = 0; i < kept.rank; i++) {
		launch->params[launch->param_count++] = kept.dims[i];
		launch->params[launch->param_count++] = kept_strides[i];
	}
	for (int i = 0; i < gone.rank; i++) {
		launch->params[launch->param_count++] = gone.dims[i];
		launch->params[launch->param_count++] = gone_strides[i];
	}
	launch->flops = (uint64_t)shape_elements(&in->shape) * 4;
	launch->reduction_key = 0x72656400 + (uint64_t)lanes;
	launch->defines[launch->define_count++] = (struct define){"LANES_KEPT", lanes == 16 ? "16" : "1"};
	launch->defines[launch->define_count++] = (struct define){"T", dtype_name(in->dtype)};
	define_reduction(lowering->ctx, launch, node->op->defaults);
	return ERCC_OK;
}

#define REDUCE(name, types, text) {name, 1, 1, 2, 1, types, infer_reduce, lower_reduce, NULL, text, layout_reduce, NULL}
#define TYPES_REDUCED (TYPES_FLOAT | TYPE(I32) | TYPE(I64))

const struct op ops_reduce[] = {
	REDUCE("GlobalAveragePool", TYPE(F32), "0;a + x;a / n"),
	REDUCE("GlobalMaxPool", TYPE(F32), "x;x > a ? x : a;a"),
	REDUCE("ReduceMean", TYPES_REDUCED, "0;a + x;a / n"),
	REDUCE("ReduceSum", TYPES_REDUCED, "0;a + x;a"),
	REDUCE("ReduceSumSquare", TYPES_REDUCED, "0;a + x * x;a"),
	REDUCE("ReduceProd", TYPES_REDUCED, "1;a * x;a"),
	REDUCE("ReduceL1", TYPES_REDUCED, "0;a + (x < 0 ? -x : x);a"),
	{0},
};
