/* Operators that read an image at computed positions, and on regions of images: GridSample, AffineGrid, DeformConv,
 * RoiAlign, NonMaxSuppression. */
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/sizes.h"

/* The index of a word in a list that ends with NULL; -1 if it is not there. */
static int word_index(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

/* indices: NULL, or an input with indices that may be outside the first input's dim 0. */
static struct launch *add_sampling(struct lowering *lowering, struct node *node, const struct kernel_template *template,
                                   int64_t rows, const struct indices *indices)
{
	struct launch *launch = plan_add_launch(lowering->plan, NULL, template, node->name);
	for (int i = 0; i < node->input_count; i++)
		launch_operand(launch, lower_buffer(lowering, node->inputs[i]), node->inputs[i]->dtype, false);
	if (indices)
		lower_index_faults(lowering, node, *indices, launch);
	launch_operand(launch, lower_buffer(lowering, node->outputs[0]), node->outputs[0]->dtype, true);
	launch->input_count = node->input_count;
	launch->space = node->outputs[0]->shape;
	launch_set(launch, ROWS_TOTAL, rows);
	launch->bytes = (uint64_t)(value_bytes(node->inputs[0]) + value_bytes(node->outputs[0]));
	return launch;
}

/* ---- GridSample ---- */

struct sampling {
	int taps, padding;
};

static enum ercc_status read_sampling(const struct node *node, struct sampling *s)
{
	static const char *const modes[] = {"nearest", "linear", "cubic", "bilinear", "bicubic", NULL};
	static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
	static const int taps[] = {1, 2, 4, 2, 4};
	const char *mode = node_attr_text(node, "mode", "linear"), *padding = node_attr_text(node, "padding_mode", "zeros");
	int index = word_index(mode, modes);
	s->padding = word_index(padding, paddings);
	if (index < 0 || s->padding < 0)
		return node_fail(node, ERCC_MODEL, "mode '%s', padding_mode '%s': one of them is unknown", mode, padding);
	s->taps = taps[index];
	return ERCC_OK;
}

/* Elements of the output are made of some of the input. */
static enum ercc_status check_has_samples(const struct node *node, const struct shape *out)
{
	const struct shape *in = &node->inputs[0]->shape;
	if (shape_elements(in) || !shape_elements(out))
		return ERCC_OK;
	return node_fail(node, ERCC_MODEL, "input %s has no elements, and the output %s needs some", shape_words(node, in),
	                 shape_words(node, out));
}

static enum ercc_status infer_grid_sample(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *grid = &node->inputs[1]->shape;
	struct sampling s;
	struct shape out = *in;
	TRY(read_sampling(node, &s));
	TRY(check_same_dtype(node, 1));
	if ((in->rank != 4 && in->rank != 5) || grid->rank != in->rank || grid->dims[0] != in->dims[0] ||
	    grid->dims[grid->rank - 1] != in->rank - 2)
		return node_fail(node, ERCC_MODEL, "input %s and grid %s do not fit each other", shape_words(node, in),
		                 shape_words(node, grid));
	for (int i = 2; i < out.rank; i++)
		out.dims[i] = grid->dims[i - 1];
	TRY(check_has_samples(node, &out));
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

static enum ercc_status lower_grid_sample(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *out = &node->outputs[0]->shape;
	struct arena *arena = &lowering->ctx->arena;
	struct sampling s;
	int64_t positions = 1;
	TRY(read_sampling(node, &s));
	for (int i = 3; i < out->rank; i++)
		positions *= out->dims[i];
	struct launch *launch =
		add_sampling(lowering, node, &grid_sample_template, out->dims[0] * out->dims[1] * out->dims[2], NULL);
	launch_set(launch, GRID_SAMPLE_CHANNELS, in->dims[1]);
	launch_set(launch, GRID_SAMPLE_SLICES, out->dims[2]);
	launch_set(launch, GRID_SAMPLE_POSITIONS, positions);
	for (int i = 0; i < 3; i++)
		launch_set(launch, GRID_SAMPLE_SIZES + i, in->rank == 5 ? in->dims[2 + i] : i ? in->dims[1 + i] : 1);
	launch->flops = (uint64_t)shape_elements(out) * (uint64_t)(s.taps * s.taps) * 100;
	launch->reduction_key = REDUCTION_GRID;
	const struct define defines[] = {
		{"T", dtype_name(node->inputs[0]->dtype)},
		{"DIMS", in->rank == 5 ? "3" : "2"},
		{"TAPS", arena_printf(arena, "%d", s.taps)},
		{"PADDING", arena_printf(arena, "%d", s.padding)},
		{"CORNERS", node_attr_int(node, "align_corners", 0) ? "1" : "0"},
		{"ABSOLUTE", node_attr_int(node, "absolute", 0) ? "1" : "0"},
	};
	for (size_t i = 0; i < COUNT_OF(defines); i++)
		launch_define(launch, defines[i].name, defines[i].value);
	return ERCC_OK;
}

/* ---- AffineGrid: every position of the output, in homogeneous coordinates, times the matrices. With align_corners a
 * dim of 1 has its position in the middle, as in PyTorch; the standard would divide by zero. ---- */

static enum ercc_status expand_affine_grid(struct node *node)
{
	const struct shape *theta = &node->inputs[0]->shape;
	int64_t size[6], dims[MAX_RANK], places = 1;
	int count;
	TRY(int_list(node, "size", 1, size, 6, &count));
	int rank = count - 2;
	if ((rank != 2 && rank != 3) || theta->rank != 3 || theta->dims[0] != size[0] || theta->dims[1] != rank ||
	    theta->dims[2] != rank + 1)
		return node_fail(node, ERCC_MODEL, "matrices %s do not fit a size of %d dims", shape_words(node, theta), count);
	for (int i = 0; i < rank; i++) {
		dims[1 + i] = size[2 + i];
		if (size[2 + i] < 1 || !mul_fits(places, size[2 + i], &places) || places > 1 << 28)
			return node_fail(node, ERCC_MODEL, "a dim of %lld is not positive, or too large", (long long)size[2 + i]);
	}
	struct shape flat = shape_of(2, (int64_t[]){places, rank + 1});
	double *at = arena_array(&node->graph->ctx->arena, (size_t)(places * (rank + 1)), sizeof *at);
	bool corners = node_attr_int(node, "align_corners", 0) != 0;
	for (int64_t p = 0; p < places; p++) {
		int64_t left = p;
		for (int d = rank - 1; d >= 0; left /= size[2 + d], d--) { /* x is the first coordinate */
			double n = (double)size[2 + d], i = (double)(left % size[2 + d]);
			at[p * (rank + 1) + rank - 1 - d] = corners ? n > 1 ? 2 * i / (n - 1) - 1 : 0 : (2 * i + 1) / n - 1;
		}
		at[p * (rank + 1) + rank] = 1;
	}
	dims[0] = size[0];
	dims[rank + 1] = rank;
	expand_to(node, 0,
	          EMIT(node, "Reshape(MatMul(a, Transpose[perm=0:2:1](b)), c)",
	               constant_floats(node, node->inputs[0]->dtype, at, &flat), node->inputs[0],
	               constant_ints(node, dims, rank + 2)));
	return ERCC_OK;
}

/* ---- DeformConv: samples the input at a position of its own for each output position and tap; then a product with
 * the weights ---- */

struct deformed {
	int rank;                                                    /* spatial dims: 2, or 3 */
	int64_t images, channels, group, offset_group, taps, places; /* taps of a kernel; output positions */
	struct window window;
};

static enum ercc_status read_deformed(const struct node *node, struct deformed *d)
{
	const struct shape *in = &node->inputs[0]->shape, *w = &node->inputs[1]->shape, *offset = &node->inputs[2]->shape;
	const struct value *bias = node_input(node, 3), *mask = node_input(node, 4);
	*d = (struct deformed){.rank = in->rank - 2, .images = in->dims[0], .channels = in->dims[1]};
	d->group = node_attr_int(node, "group", 1);
	d->offset_group = node_attr_int(node, "offset_group", 1);
	d->taps = d->places = 1;
	for (int i = 1; i < 5; i++)
		TRY(check_same_dtype(node, i));
	if ((in->rank != 4 && in->rank != 5) || w->rank != in->rank)
		return node_fail(node, ERCC_UNSUPPORTED, "input %s and weights %s; 2 and 3 spatial dims are supported",
		                 shape_words(node, in), shape_words(node, w));
	TRY(check_kernel_shape(node, w));
	TRY(read_window(node, w->dims + 2, &d->window));
	struct shape wanted = *in;
	for (int i = 0; i < d->rank; i++) {
		wanted.dims[2 + i] = d->window.out[3 - d->rank + i];
		d->taps *= w->dims[2 + i];
		d->places *= wanted.dims[2 + i];
	}
	bool fits = d->group > 0 && d->offset_group > 0 && d->channels % d->group == 0 && w->dims[0] % d->group == 0 &&
	            w->dims[1] == d->channels / d->group && d->channels % d->offset_group == 0;
	wanted.dims[1] = fits ? d->offset_group * d->taps * d->rank : 0;
	fits &= shape_equal(offset, &wanted);
	wanted.dims[1] = fits ? d->offset_group * d->taps : 0;
	fits &= !mask || shape_equal(&mask->shape, &wanted);
	fits &= !bias || (bias->shape.rank == 1 && bias->shape.dims[0] == w->dims[0]);
	return fits
	           ? ERCC_OK
	           : node_fail(node, ERCC_MODEL,
	                       "weights %s, offsets %s, group %lld and offset_group %lld do not fit input %s and an output "
	                       "of %lld positions",
	                       shape_words(node, w), shape_words(node, offset), (long long)d->group,
	                       (long long)d->offset_group, shape_words(node, in), (long long)d->places);
}

/* Where each tap of each output position reads without an offset: [rank, taps, places], the last dim of the image
 * first, as GridSample wants it. */
static struct value *undeformed(struct node *node, const struct deformed *d)
{
	const struct window *w = &d->window;
	struct shape shape = shape_of(3, (int64_t[]){d->rank, d->taps, d->places});
	double *at = arena_array(&node->graph->ctx->arena, (size_t)shape_elements(&shape), sizeof *at);
	for (int64_t i = 0; i < d->taps * d->places; i++) {
		int64_t tap = i / d->places, place = i % d->places;
		for (int dim = 2; dim > 2 - d->rank; dim--) {
			int64_t position =
				place % w->out[dim] * w->stride[dim] - w->pad[dim] + tap % w->kernel[dim] * w->dilation[dim];
			at[(2 - dim) * d->taps * d->places + i] = (double)position;
			place /= w->out[dim];
			tap /= w->kernel[dim];
		}
	}
	return constant_floats(node, node->inputs[0]->dtype, at, &shape);
}

/* The input at all taps: [images, channels, taps, places]. */
static struct value *emit_samples(struct node *node, const struct deformed *d)
{
	const struct shape *in = &node->inputs[0]->shape;
	int64_t batch = d->images * d->offset_group, each = d->channels / d->offset_group;
	int64_t image[5] = {batch, each}, apart[] = {batch, d->taps, d->rank, d->places};
	int64_t grid[5] = {batch, 1, d->taps, d->places, d->rank};
	int64_t samples[] = {batch, each, d->taps, d->places}, all[] = {d->images, d->channels, d->taps, d->places};
	int64_t mask[] = {batch, 1, d->taps, d->places}, last[] = {d->rank - 1}, before_first[] = {INT32_MIN},
			step[] = {-1}, axis[] = {2};
	for (int i = 0; i < d->rank; i++)
		image[2 + i] = in->dims[2 + i];
	if (d->rank == 2) /* no slices */
		memmove(grid + 1, grid + 2, 3 * sizeof *grid);
	struct value *offset =
		EMIT(node, "Slice(Reshape(a, b), c, d, e, f)", node->inputs[2], constant_ints(node, apart, 4),
	         constant_ints(node, last, 1), constant_ints(node, before_first, 1), constant_ints(node, axis, 1),
	         constant_ints(node, step, 1));
	struct value *at =
		EMIT(node, "Transpose[perm=0:2:3:1](Add(Transpose[perm=0:2:1:3](a), b))", offset, undeformed(node, d));
	struct value *x = EMIT(node, "Reshape(GridSample[absolute=1](Reshape(a, b), Reshape(c, d)), e)", node->inputs[0],
	                       constant_ints(node, image, in->rank), at, constant_ints(node, grid, d->rank + 2),
	                       constant_ints(node, samples, 4));
	if (node_input(node, 4))
		x = EMIT(node, "Mul(a, Reshape(b, c))", x, node->inputs[4], constant_ints(node, mask, 4));
	return EMIT(node, "Reshape(a, b)", x, constant_ints(node, all, 4));
}

static enum ercc_status expand_deform_conv(struct node *node)
{
	const struct shape *w = &node->inputs[1]->shape;
	struct deformed d;
	TRY(read_deformed(node, &d));
	int64_t sum = d.channels / d.group * d.taps, outs = w->dims[0] / d.group;
	int64_t columns[] = {d.images, d.group, sum, d.places}, weights[] = {1, d.group, outs, sum};
	int64_t out[5] = {d.images, w->dims[0]}, bias[5] = {w->dims[0], 1, 1, 1};
	for (int i = 0; i < d.rank; i++)
		out[2 + i] = d.window.out[3 - d.rank + i];
	struct value *y =
		EMIT(node, "Reshape(MatMul(Reshape(a, b), Reshape(c, d)), e)", node->inputs[1], constant_ints(node, weights, 4),
	         emit_samples(node, &d), constant_ints(node, columns, 4), constant_ints(node, out, d.rank + 2));
	if (node_input(node, 3))
		y = EMIT(node, "Add(a, Reshape(b, c))", y, node->inputs[3], constant_ints(node, bias, d.rank + 1));
	expand_to(node, 0, y);
	return ERCC_OK;
}

/* ---- RoiAlign ---- */

static const struct indices batch_indices = {.slot = 2};

static enum ercc_status infer_roi_align(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *rois = &node->inputs[1]->shape, *batch = &node->inputs[2]->shape;
	int64_t height = node_attr_int(node, "output_height", 1), width = node_attr_int(node, "output_width", 1);
	const char *mode = node_attr_text(node, "mode", "avg"),
			   *coordinates = node_attr_text(node, "coordinate_transformation_mode", "half_pixel");
	TRY(check_same_dtype(node, 1));
	if (in->rank != 4 || rois->rank != 2 || rois->dims[1] != 4 || batch->rank != 1 || batch->dims[0] != rois->dims[0] ||
	    node->inputs[2]->dtype != ERC_I64)
		return node_fail(node, ERCC_MODEL, "input %s, regions %s, batch indices %s%s; wanted rank 4, [n, 4] and i64[n]",
		                 shape_words(node, in), shape_words(node, rois), dtype_name(node->inputs[2]->dtype),
		                 shape_words(node, batch));
	if (height < 1 || width < 1 || node_attr_int(node, "sampling_ratio", 0) < 0 ||
	    node_attr_int(node, "sampling_ratio", 0) > 1024 || (strcmp(mode, "avg") && strcmp(mode, "max")) ||
	    (strcmp(coordinates, "half_pixel") && strcmp(coordinates, "output_half_pixel")))
		return node_fail(node, ERCC_MODEL,
		                 "output %lldx%lld, mode '%s', coordinates '%s': one of these or sampling_ratio is not "
		                 "possible",
		                 (long long)height, (long long)width, mode, coordinates);
	TRY(check_constant_indices(node, batch_indices, 0, 1));
	if (in->dims[0] == 0 && shape_elements(rois) > 0)
		return node_fail(node, ERCC_MODEL, "regions %s of a batch %s, which is empty", shape_words(node, rois),
		                 shape_words(node, in));
	struct shape out = shape_of(4, (int64_t[]){rois->dims[0], in->dims[1], height, width});
	TRY(check_has_samples(node, &out));
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

static enum ercc_status lower_roi_align(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape, *out = &node->outputs[0]->shape;
	struct arena *arena = &lowering->ctx->arena;
	const char *otherwise = node->op->since >= 16 ? "half_pixel" : "output_half_pixel";
	bool half = !strcmp(node_attr_text(node, "coordinate_transformation_mode", otherwise), "half_pixel");
	int64_t sampling = node_attr_int(node, "sampling_ratio", 0);
	struct launch *launch =
		add_sampling(lowering, node, &roi_align_template, out->dims[0] * out->dims[1], &batch_indices);
	launch_set(launch, ROI_ALIGN_CHANNELS, in->dims[1]);
	launch_set(launch, ROI_ALIGN_HEIGHT, in->dims[2]);
	launch_set(launch, ROI_ALIGN_WIDTH, in->dims[3]);
	launch_set(launch, ROI_ALIGN_OUT_HEIGHT, out->dims[2]);
	launch_set(launch, ROI_ALIGN_OUT_WIDTH, out->dims[3]);
	launch_set(launch, ROI_ALIGN_IMAGES, in->dims[0]);
	launch->flops = (uint64_t)shape_elements(out) * 400;
	launch->reduction_key = REDUCTION_REGIONS;
	launch_define_float(&lowering->ctx->arena, launch, "SCALE", node_attr_float(node, "spatial_scale", 1));
	const struct define defines[] = {
		{"T", dtype_name(node->inputs[0]->dtype)},
		{"SHIFT", half ? "0.5" : "0.0"},
		{"LARGEST", strcmp(node_attr_text(node, "mode", "avg"), "max") ? "0" : "1"},
		{"SAMPLING", arena_printf(arena, "%lld", (long long)sampling)},
	};
	for (size_t i = 0; i < COUNT_OF(defines); i++)
		launch_define(launch, defines[i].name, defines[i].value);
	return ERCC_OK;
}

/* ---- NonMaxSuppression: each class of each image picks its boxes, then all picks are collected in one array ---- */

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

/* Integers of 64 bits that are only moved would lose bits. */
static bool fits_f64(const struct node *node)
{
	return dtype_bytes(node->inputs[0]->dtype) < 8 || strcmp(node_attr_text(node, "mode", "linear"), "nearest");
}

const struct op ops_sample[] = {
	{"GridSample", 16, 2, 2, 1, TYPES_FLOAT, infer_grid_sample, lower_grid_sample, .rows = "n*,n*->n*", .own_types = 2,
     .conversions = CONVERSIONS({TYPES_INT | TYPE(BOOL), ERC_F64, 1, 0, fits_f64, false},
                                {TYPE(F32), ERC_F64, 3, 0, is_mixed, false}),
     .attrs = "align_corners=int mode=text padding_mode=text absolute=own"},
	{"AffineGrid", 20, 2, 2, 1, TYPES_FLOAT, .expand = expand_affine_grid, .attrs = "align_corners=int"},
	{"RoiAlign", 10, 3, 3, 1, TYPES_FLOAT, infer_roi_align, lower_roi_align, .rows = "*,r*,r->r*",
     .attrs = "mode=text output_height=int output_width=int sampling_ratio=int spatial_scale=float"},
	{"RoiAlign", 16, 3, 3, 1, TYPES_FLOAT, infer_roi_align, lower_roi_align, .rows = "*,r*,r->r*",
     .attrs = "coordinate_transformation_mode=text mode=text output_height=int output_width=int sampling_ratio=int "
              "spatial_scale=float"},
	{"DeformConv", 19, 3, 5, 1, TYPES_FLOAT, .rows = "n*,*,n*,*,n*->n*", .expand = expand_deform_conv,
     .attrs = "dilations=ints group=int kernel_shape=ints offset_group=int pads=ints strides=ints"},
	{"NonMaxSuppression", 10, 2, 5, 1, TYPE(F32), infer_nms, lower_nms, .sizes = true, .attrs = "center_point_box=int"},
	{0},
};
