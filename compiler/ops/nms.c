/* NonMaxSuppression: each class of each image picks its boxes, then all picks are collected in one array. */
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/sizes.h"

/* Inputs: boxes [images, m, 4], scores [images, classes, m], maximum number of picks per class, overlap limit, minimum
 * score. */
static enum ercc_status infer_nms(struct node *node)
{
	const struct shape *boxes = &node->inputs[0]->shape, *scores = &node->inputs[1]->shape;
	static const enum erc_dtype dtypes[] = {ERC_F32, ERC_F32, ERC_I64, ERC_F32, ERC_F32};
	bool fits = boxes->rank == 3 && scores->rank == 3 && boxes->dims[2] == 4 && boxes->dims[0] == scores->dims[0] &&
	            boxes->dims[1] == scores->dims[2] && boxes->sizes[1] == scores->sizes[2];
	for (int i = 0; i < node->input_count; i++) {
		const struct value *in = node->inputs[i];
		if (in && (in->dtype != dtypes[i] || (i > 1 && shape_elements(&in->shape) != 1)))
			return node_fail(node, ERCC_MODEL, "input %d is %s%s; wanted %s%s", i, dtype_name(in->dtype),
			                 shape_words(node, &in->shape), dtype_name(dtypes[i]), i > 1 ? ", one element" : "");
	}
	if (!fits || boxes->sizes[0] || scores->sizes[0] || scores->sizes[1])
		return node_fail(node, fits ? ERCC_UNSUPPORTED : ERCC_MODEL,
		                 "boxes %s and scores %s; wanted [images, n, 4] and [images, classes, n], of which only n may "
		                 "be known at run time only",
		                 shape_words(node, boxes), shape_words(node, scores));
	int64_t most = boxes->dims[1], rows = scores->dims[0] * scores->dims[1];
	const struct value *limit = node_input(node, 2);
	if (!limit)
		most = 0;
	else if (limit->constant && tensor_int(limit->constant, 0) < most)
		most = tensor_int(limit->constant, 0) > 0 ? tensor_int(limit->constant, 0) : 0;
	struct shape out = shape_of(2, (int64_t[]){rows * most, 3});
	out.sizes[0] = graph_add_size(node->graph, emitted_output(node->outputs[0], 1), rows * most);
	TRY(set_output(node, 1, ERC_I64, &(struct shape){0}));
	return set_output(node, 0, ERC_I64, &out);
}

/* The input's buffer, or a constant if the input is left out. */
static struct buffer *limit_buffer(struct lowering *lowering, struct node *node, int slot, const float *otherwise)
{
	struct value *value = node_input(node, slot);
	return value ? lower_buffer(lowering, value)
	             : plan_weights(lowering->plan, otherwise, sizeof *otherwise, node->name);
}

static enum ercc_status lower_nms(struct lowering *lowering, struct node *node)
{
	static const float lowest = -__builtin_inff(), zero;
	struct value *boxes = node->inputs[0], *scores = node->inputs[1];
	int64_t m = boxes->shape.dims[1], classes = scores->shape.dims[1], rows = scores->shape.dims[0] * classes;
	int64_t most = rows ? node->outputs[0]->shape.dims[0] / rows : 0;
	if (!most)
		return lower_fill(lowering, node, node->outputs[1], 0, 0);
	struct buffer *picks = plan_buffer(lowering->plan, BUFFER_ARENA, rows * m * 8, node->name);
	struct buffer *counts = plan_buffer(lowering->plan, BUFFER_ARENA, rows * 8, node->name);
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &nms_template, node->name);
	launch_operand(launch, lower_buffer(lowering, boxes), ERC_F32, false);
	launch_operand(launch, lower_buffer(lowering, scores), ERC_F32, false);
	launch_operand(launch, lower_buffer(lowering, node->inputs[2]), ERC_I64, false);
	launch_operand(launch, limit_buffer(lowering, node, 3, &zero), ERC_F32, false);
	launch_operand(launch, limit_buffer(lowering, node, 4, &lowest), ERC_F32, false);
	launch->input_count = launch->operand_count;
	launch_operand(launch, counts, ERC_I64, true);
	launch_operand(launch, picks, ERC_I64, true);
	const int64_t params[] = {
		[ROWS_TOTAL] = rows,
		[NMS_CLASSES] = classes,
		[NMS_BOXES] = m,
		[NMS_BOXES_DIM] = boxes->shape.sizes[1] ? graph_size_slot(lowering->graph, boxes->shape.sizes[1]) : -1,
		[NMS_MOST] = most,
	};
	launch_set_all(launch, params, COUNT_OF(params));
	launch->flops = (uint64_t)(rows * m) * 200;
	launch->bytes = (uint64_t)(rows * m) * 30;
	launch_define(launch, "CENTERED", node_attr_int(node, "center_point_box", 0) ? "1" : "0");
	launch = plan_add_launch(lowering->plan, NULL, &nms_collect_template, node->name);
	launch_operand(launch, counts, ERC_I64, false);
	launch_operand(launch, picks, ERC_I64, false);
	launch->input_count = 2;
	launch_operand(launch, lower_buffer(lowering, node->outputs[1]), ERC_I64, true);
	launch_operand(launch, lower_buffer(lowering, node->outputs[0]), ERC_I64, true);
	launch_set_all(launch, params, COUNT_OF(params));
	launch->bytes = (uint64_t)(rows * most) * 32;
	return ERCC_OK;
}

const struct op ops_nms[] = {
	{"NonMaxSuppression", 10, 2, 5, 1, TYPE(F32), infer_nms, lower_nms, .sizes = true, .attrs = "center_point_box=int"},
	{0},
};
