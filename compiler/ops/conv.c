/* Conv: shapes, layouts, weight packing, and the launch of the convolution or the depthwise kernel. */
#include "compiler/kernels/dense/conv.h"
#include "compiler/ops/contract.h"

enum ercc_status check_conv(const struct node *node, int slot, struct window *window, struct shape *out)
{
	const struct shape *in = &node->inputs[0]->shape, *w = &node->inputs[slot]->shape;
	int64_t group = node_attr_int(node, "group", 1);
	if (in->rank < 3 || in->rank > 5)
		return node_fail(node, ERCC_UNSUPPORTED, "input of rank %d; 3 to 5 are supported", in->rank);
	if (w->rank != in->rank)
		return node_fail(node, ERCC_MODEL, "weights of rank %d for an input of rank %d", w->rank, in->rank);
	TRY(check_kernel_shape(node, w));
	TRY(read_window(node, w->dims + 2, window));
	if (group < 1 || in->dims[1] % group || w->dims[0] % group)
		return node_fail(node, ERCC_MODEL, "group %lld does not divide %lld input and %lld output channels",
		                 (long long)group, (long long)in->dims[1], (long long)w->dims[0]);
	if (w->dims[1] * group != in->dims[1])
		return node_fail(node, ERCC_MODEL, "weights %s need %lld input channels, found %lld",
		                 shape_text(&node->graph->ctx->arena, w), (long long)(w->dims[1] * group),
		                 (long long)in->dims[1]);
	*out = *in;
	out->dims[1] = w->dims[0];
	for (int i = 2; i < in->rank; i++)
		out->dims[i] = window->out[i - 2 + 5 - in->rank];
	return ERCC_OK;
}

static enum ercc_status check_bias(const struct node *node, const struct value *bias, const struct shape *w)
{
	if (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != w->dims[0]))
		return node_fail(node, ERCC_MODEL, "bias %s for %lld output channels",
		                 shape_text(&node->graph->ctx->arena, &bias->shape), (long long)w->dims[0]);
	return ERCC_OK;
}

static enum ercc_status infer_conv(struct node *node)
{
	struct window window;
	struct shape out;
	TRY(check_same_dtype(node, 1));
	TRY(check_same_dtype(node, 2));
	TRY(check_conv(node, 1, &window, &out));
	TRY(check_bias(node, node_input(node, 2), &node->inputs[1]->shape));
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

/* ---- convolutions of other dtypes than f32: the input is padded, so that all its windows are strides ---- */

static struct value *pad_image(struct node *node, struct value *x, const struct window *window, struct shape *padded)
{
	int64_t pads[2 * MAX_RANK] = {0};
	int rank = node->inputs[0]->shape.rank;
	bool any = false;
	*padded = node->inputs[0]->shape;
	for (int i = 2; i < rank; i++) {
		int d = i - 2 + 5 - rank;
		int64_t reach = (window->out[d] - 1) * window->stride[d] + (window->kernel[d] - 1) * window->dilation[d] + 1;
		int64_t end = reach - padded->dims[i] - window->pad[d];
		pads[i] = window->pad[d];
		pads[rank + i] = end > 0 ? end : 0;
		padded->dims[i] += pads[i] + pads[rank + i];
		any |= pads[i] || pads[rank + i];
	}
	return any ? EMIT(node, "Pad(a, b)", x, constant_ints(node, pads, 2 * rank)) : x;
}

enum ercc_status emit_conv(struct node *node, struct value *x, struct value *w, int slot, struct value *bias,
                           struct value **out)
{
	const struct shape *weights = &node->inputs[slot]->shape;
	int64_t group = node_attr_int(node, "group", 1), positions = 1, taps = 1, in_stride[MAX_RANK];
	struct window window;
	struct shape shape, padded;
	struct strided kept = {0}, gone = {0};
	TRY(check_conv(node, slot, &window, &shape));
	TRY(check_bias(node, bias, weights));
	x = pad_image(node, x, &window, &padded);
	broadcast_strides(&padded, &padded, in_stride);
	for (int i = 2; i < shape.rank; i++) {
		positions *= padded.dims[i];
		taps *= weights->dims[i];
	}
	int64_t oc = shape.dims[1] / group, ic = weights->dims[1];
	add_dim(&kept, shape.dims[0], padded.dims[1] * positions, 0);
	add_dim(&kept, group, ic * positions, oc * ic * taps);
	add_dim(&kept, oc, 0, ic * taps);
	add_dim(&gone, ic, positions, taps);
	for (int i = 2; i < shape.rank; i++) {
		int d = i - 2 + 5 - shape.rank;
		add_dim(&kept, shape.dims[i], window.stride[d] * in_stride[i], 0);
		taps /= weights->dims[i];
		add_dim(&gone, weights->dims[i], window.dilation[d] * in_stride[i], taps);
	}
	*out = emit_contraction(node, x, w, &kept, &gone, &shape);
	if (bias) {
		int64_t dims[MAX_RANK] = {shape.dims[1], 1, 1, 1};
		*out = EMIT(node, "Add(a, Reshape(b, c))", *out, bias, constant_ints(node, dims, shape.rank - 1));
	}
	return ERCC_OK;
}

static bool is_expanded_conv(const struct node *node)
{
	return node->inputs[0]->dtype != ERC_F32;
}

static enum ercc_status expand_conv(struct node *node)
{
	struct value *y;
	TRY(check_same_dtype(node, 1));
	TRY(check_same_dtype(node, 2));
	TRY(emit_conv(node, node->inputs[0], node->inputs[1], 1, node_input(node, 2), &y));
	expand_to(node, 0, y);
	return ERCC_OK;
}

/* ---- f32 ---- */

static bool is_depthwise(const struct node *node)
{
	int64_t group = node_attr_int(node, "group", 1);
	return group > 1 && group == node->inputs[0]->shape.dims[1] && node->inputs[1]->shape.dims[0] == group &&
	       node->inputs[1]->constant;
}

static bool layout_conv(const struct node *node, enum layout *inputs, enum layout *output)
{
	int64_t group = node_attr_int(node, "group", 1), out_channels = node->inputs[1]->shape.dims[0];
	if (is_depthwise(node) || (group == 1 && node->inputs[0]->shape.dims[1] > 8))
		inputs[0] = LAYOUT_NC16;
	else
		inputs[0] = LAYOUT_PLAIN;
	*output = group == 1 || is_depthwise(node) || out_channels / group % 16 == 0 ? LAYOUT_NC16 : LAYOUT_PLAIN;
	return true;
}

/* Packs constant weights as [group][output channels of a group padded to 32, in blocks of 16][input block][kernel
 * position][cg][16]. Padding is zero. */
static struct buffer *pack_weights(struct lowering *lowering, const struct value *weights, int64_t group, int64_t cg)
{
	const struct shape *shape = &weights->shape;
	int64_t oc = shape->dims[0] / group, ic = shape->dims[1], kernel = 1;
	for (int i = 2; i < shape->rank; i++)
		kernel *= shape->dims[i];
	int64_t blocks = round_up(oc, 32) / 16, in_blocks = ceil_div(ic, cg), block = in_blocks * kernel * cg * 16;
	const char *source = lower_source(lowering, weights,
	                                  arena_printf(&lowering->ctx->arena, "conv %lld %lld %lld %lld", (long long)group,
	                                               (long long)cg, (long long)ic, (long long)kernel));
	struct buffer *packed = plan_find_packed(lowering->plan, source, group * blocks * block * 4, weights->name);
	if (packed)
		return packed;
	const struct tensor *tensor = tensor_expand(&lowering->ctx->arena, weights->constant);
	float *data = arena_elements(&lowering->ctx->arena, (size_t)(group * blocks * block), sizeof(float));
	const float *from = tensor->data;
	for (int64_t g = 0; g < group; g++)
		for (int64_t o = 0; o < oc; o++)
			for (int64_t c = 0; c < ic; c++)
				for (int64_t k = 0; k < kernel; k++)
					data[(g * blocks + o / 16) * block + ((c / cg * kernel + k) * cg + c % cg) * 16 + o % 16] =
						from[((g * oc + o) * ic + c) * kernel + k];
	return plan_packed(lowering->plan, source, data, group * blocks * block * 4, weights->name);
}

/* Packs computed weights in the same order at run time. Whole and ragged blocks, of outputs and of inputs, need a copy
 * each. */
static struct buffer *pack_at_run_time(struct lowering *lowering, const struct node *node, int64_t group, int64_t cg)
{
	struct value *weights = node->inputs[1];
	const struct shape *shape = &weights->shape;
	int64_t oc = shape->dims[0] / group, ic = shape->dims[1], kernel = 1;
	for (int i = 2; i < shape->rank; i++)
		kernel *= shape->dims[i];
	int64_t blocks = round_up(oc, 32) / 16, block = ceil_div(ic, cg) * kernel * cg * 16;
	struct buffer *packed = plan_buffer(lowering->plan, BUFFER_ARENA, group * blocks * block * 4, weights->name);
	int64_t read[] = {oc * ic * kernel, 16 * ic * kernel, cg * kernel, 1, kernel, ic * kernel};
	int64_t write[] = {blocks * block, block, kernel * cg * 16, cg * 16, 16, 1};
	for (int part = 0; part < 4; part++) {
		int64_t out_blocks = part & 1 ? oc % 16 > 0 : oc / 16, out_lanes = part & 1 ? oc % 16 : 16;
		int64_t in_blocks = part & 2 ? ic % cg > 0 : ic / cg, in_lanes = part & 2 ? ic % cg : cg;
		int64_t first_out = part & 1 ? oc / 16 : 0, first_in = part & 2 ? ic / cg : 0;
		if (!out_blocks || !in_blocks)
			continue;
		struct shape space = shape_of(6, (int64_t[]){group, out_blocks, in_blocks, kernel, in_lanes, out_lanes});
		struct launch *launch = lower_pointwise_launch(lowering, node, &space);
		struct operand *from = launch_operand(launch, lower_buffer(lowering, weights), ERC_F32, false);
		struct operand *to = launch_operand(launch, packed, ERC_F32, true);
		from->offset = 4 * (first_out * read[1] + first_in * read[2]);
		to->offset = 4 * (first_out * write[1] + first_in * write[2]);
		memcpy(from->strides, read, sizeof read);
		memcpy(to->strides, write, sizeof write);
		expr_operand(&launch->expr, 0, ERC_F32);
	}
	return packed;
}

/* The bias, padded to whole register tiles. */
static struct buffer *padded_bias(struct lowering *lowering, const struct node *node)
{
	struct value *bias = node->inputs[2];
	int64_t count = bias->shape.dims[0], padded = round_up(count, 32);
	if (bias->constant) {
		float *data = arena_array(&lowering->ctx->arena, (size_t)padded, sizeof(float));
		memcpy(data, tensor_expand(&lowering->ctx->arena, bias->constant)->data, (size_t)count * sizeof(float));
		return plan_weights(lowering->plan, data, padded * 4, bias->name);
	}
	struct buffer *copy = plan_buffer(lowering->plan, BUFFER_ARENA, padded * 4, bias->name);
	struct launch *launch = lower_pointwise_launch(lowering, node, &bias->shape);
	launch_operand(launch, lower_buffer(lowering, bias), ERC_F32, false)->strides[0] = 1;
	launch_operand(launch, copy, ERC_F32, true)->strides[0] = 1;
	expr_operand(&launch->expr, 0, ERC_F32);
	return copy;
}

/* Adds the bias, if there is one, as an epilogue operand. */
static void add_bias(struct launch *launch, struct buffer *bias)
{
	int sum = expr_operand(&launch->expr, 0, ERC_F32);
	if (!bias)
		return;
	struct operand *operand = launch_operand(launch, bias, ERC_F32, false);
	operand->role = ROLE_CHANNEL;
	expr_apply(&launch->expr, PRIM_add, sum, expr_operand(&launch->expr, 1, ERC_F32), -1);
}

static enum ercc_status lower_depthwise(struct lowering *lowering, struct node *node, const struct window *w)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	struct buffer *bias = node_input(node, 2) ? padded_bias(lowering, node) : NULL;
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &depthwise_template, node->name);
	int64_t channels = in->shape.dims[1], taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
	const float *from = tensor_expand(&lowering->ctx->arena, node->inputs[1]->constant)->data;
	float *data = arena_elements(&lowering->ctx->arena, (size_t)(round_up(channels, 16) * taps), sizeof(float));
	for (int64_t c = 0; c < channels; c++)
		for (int64_t k = 0; k < taps; k++)
			data[(c / 16 * taps + k) * 16 + c % 16] = from[c * taps + k];
	launch_operand(launch, lower_buffer(lowering, in), ERC_F32, false);
	launch_operand(launch, plan_weights(lowering->plan, data, round_up(channels, 16) * taps * 4, node->inputs[1]->name),
	               ERC_F32, false);
	launch->input_count = 2;
	add_bias(launch, bias);
	launch_operand(launch, lower_buffer(lowering, out), ERC_F32, true);
	window_params(launch, w, in->shape.dims[0] * ceil_div(channels, 16));
	launch_set(launch, DEPTHWISE_BLOCKS, ceil_div(channels, 16));
	launch->space = out->shape;
	launch->reduction_key = REDUCTION_DEPTHWISE;
	launch->flops = 2 * (uint64_t)shape_elements(&out->shape) * (uint64_t)taps;
	return ERCC_OK;
}

static void set_extents(int64_t *p, const struct window *w)
{
	p[CONV_KD] = w->kernel[0], p[CONV_KH] = w->kernel[1], p[CONV_KW] = w->kernel[2];
	p[CONV_DD] = w->dilation[0], p[CONV_DH] = w->dilation[1], p[CONV_DW] = w->dilation[2];
	p[CONV_SD] = w->stride[0], p[CONV_SH] = w->stride[1], p[CONV_SW] = w->stride[2];
	p[CONV_PD] = w->pad[0], p[CONV_PH] = w->pad[1], p[CONV_PW] = w->pad[2];
	p[CONV_ID] = w->in[0], p[CONV_IH] = w->in[1], p[CONV_IW] = w->in[2];
	p[CONV_OD] = w->out[0], p[CONV_OH] = w->out[1], p[CONV_OW] = w->out[2];
	bool whole = w->kernel[0] * w->kernel[1] * w->kernel[2] == 1 && w->stride[0] * w->stride[1] * w->stride[2] == 1;
	for (int i = 0; i < 3; i++)
		whole &= w->in[i] == w->out[i];
	if (whole) { /* 1x1: the image is one row of pixels */
		p[CONV_IW] = p[CONV_OW] = w->in[0] * w->in[1] * w->in[2];
		p[CONV_ID] = p[CONV_IH] = p[CONV_OD] = p[CONV_OH] = 1;
	}
}

static enum ercc_status lower_conv(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	struct window window;
	int64_t group = node_attr_int(node, "group", 1), oc = node->inputs[1]->shape.dims[0] / group;
	TRY(check_conv(node, 1, &window, &(struct shape){0}));
	if (is_depthwise(node))
		return lower_depthwise(lowering, node, &window);
	int64_t cg = in->layout == LAYOUT_NC16 ? 16 : 1;
	struct buffer *weights = node->inputs[1]->constant ? pack_weights(lowering, node->inputs[1], group, cg)
	                                                   : pack_at_run_time(lowering, node, group, cg);
	struct buffer *bias = node_input(node, 2) ? padded_bias(lowering, node) : NULL;
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &conv_template, node->name);
	int64_t ic = in->shape.dims[1] / group, p[CONV_LAUNCH_PARAM_COUNT] = {0};
	int64_t in_positions = window.in[0] * window.in[1] * window.in[2];
	int64_t positions = window.out[0] * window.out[1] * window.out[2];
	bool blocked = out->layout == LAYOUT_NC16;
	launch_operand(launch, lower_buffer(lowering, in), ERC_F32, false);
	launch_operand(launch, weights, ERC_F32, false);
	launch->input_count = 2;
	add_bias(launch, bias);
	launch_operand(launch, lower_buffer(lowering, out), ERC_F32, true);
	set_extents(p, &window);
	p[CONV_IN_BLOCKS] = ceil_div(ic, cg);
	p[CONV_LAST_K] = ic - (p[CONV_IN_BLOCKS] - 1) * cg;
	p[CONV_CG] = cg;
	p[CONV_IN_IMAGE] = round_up(in->shape.dims[1], cg) * in_positions;
	p[CONV_IN_GROUP] = ic * in_positions;
	p[CONV_IN_PLANE] = in_positions * cg;
	p[CONV_IN_ROW] = p[CONV_IW] * cg;
	p[CONV_IN_PIXEL] = cg;
	p[CONV_W_BLOCK] = p[CONV_IN_BLOCKS] * p[CONV_KD] * p[CONV_KH] * p[CONV_KW] * cg * 16;
	p[CONV_OUT_IMAGE] = (blocked ? round_up(oc * group, 16) : oc * group) * positions;
	p[CONV_OUT_BLOCK] = positions * 16;
	p[CONV_OUT_PIXEL] = blocked ? 16 : 1;
	p[CONV_OUT_LANE] = blocked ? 1 : positions;
	p[CONV_OC] = oc;
	p[CONV_OC_STORED] = blocked ? round_up(oc, 16) : oc;
	p[CONV_GROUPS] = group;
	p[CONV_IMAGES] = in->shape.dims[0];
	p[CONV_SCATTER] = !blocked;
	launch_set_all(launch, p, CONV_LAUNCH_PARAM_COUNT);
	launch->space = out->shape;
	launch->reduction_key = REDUCTION_CONV + (uint64_t)cg;
	launch->flops = 2 * (uint64_t)shape_elements(&out->shape) * (uint64_t)(ic * p[CONV_KD] * p[CONV_KH] * p[CONV_KW]);
	return ERCC_OK;
}

const struct op ops_conv[] = {
	{"Conv", 1, 2, 3, 1, TYPES_FLOAT, infer_conv, lower_conv, .layout = layout_conv, .expand = expand_conv,
     .expands = is_expanded_conv, .rows = "n*->n*", .takes_channel_affine = true,
     .attrs = "auto_pad=text:NOTSET|SAME_UPPER|SAME_LOWER|VALID dilations=ints group=int kernel_shape=ints pads=ints "
              "strides=ints"},
	{0},
};
