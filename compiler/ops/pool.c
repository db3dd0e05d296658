/* Pooling windows and local response normalisation. */
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/sizes.h"

static enum ercc_status read_pool(const struct node *node, struct window *window)
{
	int64_t kernel[6];
	int count, rank = node->inputs[0]->shape.rank - 2;
	TRY(int_list(node, "kernel_shape", -1, kernel, 6, &count));
	if (count != rank)
		return node_fail(node, ERCC_MODEL, "kernel_shape has %d entries for %d spatial dims", count, rank);
	return read_window(node, kernel, window);
}

static enum ercc_status infer_pool(struct node *node)
{
	struct window window;
	struct shape out = node->inputs[0]->shape;
	TRY(read_pool(node, &window));
	for (int i = 2; i < out.rank; i++)
		out.dims[i] = window.out[i - 2 + 5 - out.rank];
	TRY(set_output(node, 1, ERC_I64, &out));
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

static bool layout_pool(const struct node *node, enum layout *inputs, enum layout *output)
{
	*output = node->inputs[0]->dtype == ERC_F32 && !node_output(node, 1) ? inputs[0] : LAYOUT_PLAIN;
	return *output == inputs[0];
}

/* MaxPool's second output, the positions of the maxima, is a launch of its own. */
static void lower_indices(struct lowering *lowering, struct node *node, const struct window *w)
{
	struct value *in = node->inputs[0];
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &max_index_template, node->name);
	launch_operand(launch, lower_buffer(lowering, in), in->dtype, false);
	launch_operand(launch, lower_buffer(lowering, node->outputs[1]), ERC_I64, true);
	launch->input_count = 1;
	launch->space = node->outputs[1]->shape;
	window_params(launch, w, in->shape.dims[0] * in->shape.dims[1]);
	launch->flops =
		(uint64_t)shape_elements(&launch->space) * (uint64_t)(w->kernel[0] * w->kernel[1] * w->kernel[2]) * 40;
	launch_define(launch, "T", dtype_name(in->dtype));
	launch_define(launch, "COLUMN_MAJOR", node_attr_int(node, "storage_order", 0) ? "1" : "0");
}

static enum ercc_status lower_pool(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0];
	struct window w;
	TRY(read_pool(node, &w));
	bool blocked = in->layout == LAYOUT_NC16, average = !strcmp(node->op_type, "AveragePool");
	int64_t planes = in->shape.dims[0] * (blocked ? ceil_div(in->shape.dims[1], 16) : in->shape.dims[1]);
	struct launch *launch = lower_rows(lowering, node, &pool_template, 0);
	window_params(launch, &w, planes);
	for (int i = 0; i < 3; i++)
		launch_set(launch, POOL_ED + i, w.pad_end[i]);
	launch->flops =
		(uint64_t)shape_elements(&node->outputs[0]->shape) * (uint64_t)(w.kernel[0] * w.kernel[1] * w.kernel[2]) * 2;
	launch->reduction_key = average ? REDUCTION_POOL_MEAN : REDUCTION_POOL_MAX;
	launch_define(launch, "CG", blocked ? "16" : "1");
	launch_define(launch, "AVERAGE", average ? "1" : "0");
	launch_define(launch, "COUNT_PAD", average && node_attr_int(node, "count_include_pad", 0) ? "1" : "0");
	launch_define(launch, "T", dtype_name(in->dtype));
	launch_define(launch, "ACCUMULATOR", dtype_name(average ? accumulator_dtype(in->dtype) : in->dtype));
	const char *lowest = in->dtype == ERC_F32 || in->dtype == ERC_F64 ? "-__builtin_inf()"
	                     : in->dtype == ERC_I8                        ? "-128"
	                                                                  : "0";
	launch_define(launch, "LOWEST", lowest);
	if (node_output(node, 1))
		lower_indices(lowering, node, &w);
	return ERCC_OK;
}

static enum ercc_status infer_lrn(struct node *node)
{
	if (node->inputs[0]->shape.rank < 3 || node_attr_int(node, "size", 0) < 1)
		return node_fail(node, ERCC_MODEL, "needs an input of rank 3 or more and a positive size");
	return set_output(node, 0, node->inputs[0]->dtype, &node->inputs[0]->shape);
}

static enum ercc_status lower_lrn(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	struct launch *launch = lower_rows(lowering, node, &lrn_template, in->dims[0] * in->dims[1]);
	int64_t positions = in->dims[1] && in->dims[0] ? shape_elements(in) / (in->dims[0] * in->dims[1]) : 0,
			size = node_attr_int(node, "size", 1);
	launch_set(launch, LRN_CHANNELS, in->dims[1]);
	launch_set(launch, LRN_POSITIONS, positions);
	launch_set(launch, LRN_SIZE, size);
	launch->flops = (uint64_t)shape_elements(in) * (uint64_t)(size + 20) * 8;
	launch->reduction_key = REDUCTION_LRN;
	float beta = node_attr_float(node, "beta", 0.75f);
	launch_define(launch, "T", dtype_name(node->inputs[0]->dtype));
	launch_define_float(&lowering->ctx->arena, launch, "ALPHA", node_attr_float(node, "alpha", 1e-4f));
	launch_define_float(&lowering->ctx->arena, launch, "BIAS", node_attr_float(node, "bias", 1));
	launch_define_float(&lowering->ctx->arena, launch, "BETA", beta);
	launch_define(launch, "BETA_3_4", beta == 0.75f ? "1" : "0");
	return ERCC_OK;
}

const struct op ops_pool[] = {
	{"MaxPool", 1, 1, 1, 2, TYPES_FLOAT | TYPE(I8) | TYPE(U8), infer_pool, lower_pool, .layout = layout_pool,
     .rows = "n*->n*,n*",
     .attrs = "auto_pad=text:NOTSET|SAME_UPPER|SAME_LOWER|VALID kernel_shape=ints pads=ints strides=ints "
              "storage_order=int@8 ceil_mode=int@10 "
              "dilations=ints@10"},
	{"AveragePool", 1, 1, 1, 1, TYPES_FLOAT, infer_pool, lower_pool, .layout = layout_pool, .rows = "n*->n*,n*",
     .attrs = "auto_pad=text:NOTSET|SAME_UPPER|SAME_LOWER|VALID kernel_shape=ints pads=ints strides=ints "
              "count_include_pad=int@7 ceil_mode=int@10 "
              "dilations=ints@19"},
	{"LRN", 1, 1, 1, 1, TYPES_FLOAT, infer_lrn, lower_lrn, .rows = "n*->n*,n*",
     .attrs = "alpha=float beta=float bias=float size=int"},
	{0},
};
