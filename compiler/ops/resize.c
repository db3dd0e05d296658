/* Resize and Upsample. Each axis that changes is one launch, with the positions and weights of its taps as constants.
 * Nearest neighbours are gathered, so they work for any dtype. */
#include "compiler/ops/gather.h"
#include "compiler/ops/sizes.h"

#include <math.h>

#define TAPS_MAX 512
#define POSITIONS_MAX (1 << 24)

struct resize {
	struct shape out;
	double over[MAX_RANK], under[MAX_RANK]; /* the scale as a fraction; exact if sizes are given */
	double roi_start[MAX_RANK], roi_end[MAX_RANK];
	bool resized[MAX_RANK];
	const char *mode, *coordinates, *nearest;
	bool antialias, exclude_outside;
	float cubic_a, outside;
};

/* ---- reading the node ---- */

/* Reads scales or sizes per axis from a constant input. *count is -1 where the input is left out. */
static enum ercc_status numbers_input(const struct node *node, int slot, const char *what, double *values, int limit,
                                      int *count)
{
	const struct tensor *tensor;
	*count = -1;
	if (!node_input(node, slot))
		return ERCC_OK;
	TRY(constant_input(node, slot, what, &tensor));
	int64_t elements = shape_elements(&tensor->shape);
	if (elements == 0)
		return ERCC_OK;
	if (elements > limit || tensor->shape.rank > 1)
		return node_fail(node, ERCC_MODEL, "%s of shape %s; wanted a list of up to %d numbers", what,
		                 shape_words(node, &tensor->shape), (int)limit);
	*count = (int)elements;
	for (int i = 0; i < *count; i++)
		values[i] = tensor_float(tensor, i);
	return ERCC_OK;
}

static enum ercc_status apply_scales(const struct node *node, struct resize *r, const int *axes, const double *scales,
                                     int count)
{
	for (int i = 0; i < count; i++) {
		double size = floor((double)r->out.dims[axes[i]] * scales[i]);
		if (!(scales[i] > 0) || !(size >= 0) || size > (double)MAX_ELEMENTS)
			return node_fail(node, ERCC_MODEL, "a scale of %g for dim %d is not positive, or too large", scales[i],
			                 axes[i]);
		r->over[axes[i]] = scales[i];
		r->out.dims[axes[i]] = (int64_t)size;
	}
	return ERCC_OK;
}

static enum ercc_status apply_sizes(const struct node *node, struct resize *r, const int *axes, const double *sizes,
                                    int count)
{
	const char *policy = node_attr_text(node, "keep_aspect_ratio_policy", "stretch");
	bool smaller = !strcmp(policy, "not_larger"), stretch = !strcmp(policy, "stretch");
	double common = 0;
	int least = 0;
	if (!smaller && !stretch && strcmp(policy, "not_smaller"))
		return node_fail(node, ERCC_MODEL, "keep_aspect_ratio_policy '%s' is unknown", policy);
	for (int i = 0; i < count; i++) {
		double scale = sizes[i] / (double)r->out.dims[axes[i]];
		if (stretch && sizes[i] == 0 && r->out.dims[axes[i]] == 0)
			continue;
		if (!(sizes[i] >= 1) || sizes[i] > (double)MAX_ELEMENTS || r->out.dims[axes[i]] < 1)
			return node_fail(node, ERCC_MODEL, "a size of %g for dim %d of %lld is not possible", sizes[i], axes[i],
			                 (long long)r->out.dims[axes[i]]);
		least = i == 0 || (smaller ? scale < common : scale > common) ? i : least;
		common = least == i ? scale : common;
	}
	double under = count ? (double)r->out.dims[axes[least]] : 1;
	for (int i = 0; i < count; i++) {
		int axis = axes[i];
		double in = (double)r->out.dims[axis];
		r->over[axis] = stretch ? sizes[i] : sizes[least];
		r->under[axis] = stretch ? in : under;
		r->out.dims[axis] = (int64_t)(stretch ? sizes[i] : floor(sizes[least] * in / under + 0.5));
	}
	return ERCC_OK;
}

static enum ercc_status read_roi(const struct node *node, struct resize *r, const int *axes, int count)
{
	double roi[2 * MAX_RANK];
	int roi_count;
	if (strcmp(r->coordinates, "tf_crop_and_resize"))
		return ERCC_OK;
	TRY(numbers_input(node, 1, "roi", roi, 2 * MAX_RANK, &roi_count));
	if (roi_count != 2 * count)
		return node_fail(node, ERCC_MODEL, "roi has %d entries for %d axes", roi_count, count);
	for (int i = 0; i < count; i++) {
		r->roi_start[axes[i]] = roi[i];
		r->roi_end[axes[i]] = roi[count + i];
		r->resized[axes[i]] = true;
	}
	return ERCC_OK;
}

static enum ercc_status check_words(const struct node *node, const struct resize *r)
{
	static const char *const words[][8] = {
		{"nearest", "linear", "cubic"},
		{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
	     "tf_crop_and_resize"},
		{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"},
	};
	const char *const given[] = {r->mode, r->coordinates, r->nearest};
	for (size_t i = 0; i < COUNT_OF(given); i++) {
		bool found = false;
		for (int k = 0; k < 8 && words[i][k]; k++)
			found |= !strcmp(given[i], words[i][k]);
		if (!found)
			return node_fail(node, ERCC_UNSUPPORTED, "mode '%s' is not supported", given[i]);
	}
	if (strcmp(r->mode, "nearest") && !(TYPES_FLOAT >> node->inputs[0]->dtype & 1))
		return node_fail(node, ERCC_UNSUPPORTED, "mode '%s' of %s is not supported; f32 and f64 are", r->mode,
		                 dtype_name(node->inputs[0]->dtype));
	return ERCC_OK;
}

static enum ercc_status read_resize(const struct node *node, struct resize *r)
{
	const struct value *x = node->inputs[0];
	bool upsample = node->op_type[0] == 'U' || node->op->since < 11;
	double numbers[MAX_RANK];
	int64_t given[MAX_RANK];
	int axes[MAX_RANK], count, number_count;
	const struct attr *attr = node_attr(node, "scales");
	*r = (struct resize){.out = x->shape, .mode = node_attr_text(node, "mode", "nearest")};
	if (!strcmp(r->mode, "bilinear"))
		r->mode = "linear";
	r->coordinates = upsample ? "asymmetric" : node_attr_text(node, "coordinate_transformation_mode", "half_pixel");
	r->nearest = node_attr_text(node, "nearest_mode", "round_prefer_floor");
	r->antialias = node_attr_int(node, "antialias", 0) != 0;
	r->exclude_outside = node_attr_int(node, "exclude_outside", 0) != 0;
	r->cubic_a = node_attr_float(node, "cubic_coeff_a", -0.75f);
	r->outside = node_attr_float(node, "extrapolation_value", 0);
	TRY(check_words(node, r));
	r->nearest = upsample ? "by direction" : r->nearest;
	TRY(int_list(node, "axes", -1, given, MAX_RANK, &count));
	bool all = count < 0;
	TRY(check_axes(node, given, count, x->shape.rank));
	count = all ? x->shape.rank : count;
	for (int i = 0; i < count; i++)
		TRY(check_axis(node, all ? i : given[i], x->shape.rank, &axes[i]));
	for (int i = 0; i < MAX_RANK; i++)
		r->over[i] = r->under[i] = 1;
	TRY(read_roi(node, r, axes, count));
	TRY(numbers_input(node, upsample ? 1 : 2, "scales", numbers, MAX_RANK, &number_count));
	if (attr && attr->kind == ATTR_FLOATS && attr->count <= MAX_RANK)
		for (number_count = 0; number_count < attr->count; number_count++)
			numbers[number_count] = (double)attr->floats[number_count];
	bool scales = number_count >= 0;
	if (!scales && !upsample)
		TRY(numbers_input(node, 3, "sizes", numbers, MAX_RANK, &number_count));
	if (number_count != count)
		return node_fail(node, ERCC_MODEL, "%s has %d entries for %d axes", scales ? "scales" : "sizes", number_count,
		                 count);
	TRY(scales ? apply_scales(node, r, axes, numbers, count) : apply_sizes(node, r, axes, numbers, count));
	for (int i = 0; i < x->shape.rank; i++) {
		r->resized[i] |= r->out.dims[i] != x->shape.dims[i] || r->over[i] != r->under[i];
		if (r->out.dims[i] > 0 && x->shape.dims[i] < 1)
			return node_fail(node, ERCC_MODEL, "dim %d is empty, so it cannot be resized", i);
		if (r->resized[i] && (x->shape.dims[i] > POSITIONS_MAX || r->out.dims[i] > POSITIONS_MAX))
			return node_fail(node, ERCC_UNSUPPORTED, "dim %d of %lld would become %lld; up to %d are supported", i,
			                 (long long)x->shape.dims[i], (long long)r->out.dims[i], POSITIONS_MAX);
	}
	return ERCC_OK;
}

/* ---- taps ---- */

/* The input position that output position `at` reads, by the standard's formula. A position in the middle of two
 * elements is exact, as each term is rounded once. */
static double source_position(const struct resize *r, int axis, int64_t at, int64_t size)
{
	double in = (double)size, out = r->over[axis] * in / r->under[axis], x = (double)at;
	double half = (x + 0.5) * r->under[axis] / r->over[axis] - 0.5;
	double start = r->roi_start[axis], span = r->roi_end[axis] - start;
	if (!strcmp(r->coordinates, "align_corners"))
		return out == 1 ? 0 : x * (in - 1) / (out - 1);
	if (!strcmp(r->coordinates, "asymmetric"))
		return x * r->under[axis] / r->over[axis];
	if (!strcmp(r->coordinates, "tf_crop_and_resize"))
		return start * (in - 1) + (out == 1 ? span * (in - 1) / 2 : x * span * (in - 1) / (out - 1));
	if (!strcmp(r->coordinates, "pytorch_half_pixel"))
		return out == 1 ? -0.5 : half;
	if (!strcmp(r->coordinates, "half_pixel_symmetric"))
		/* in/2 (1 - dim/out) + half, where out = in * scale: puts the centre of one dim on that of the other */
		return (x + 0.5 - (double)r->out.dims[axis] / 2) * r->under[axis] / r->over[axis] + (in - 1) / 2;
	return half;
}

/* The weight of a tap at a distance from the position, in input elements; the caller scales it if the axis shrinks with
 * antialias. */
static double kernel_weight(const struct resize *r, double distance)
{
	double x = fabs(distance), a = (double)r->cubic_a;
	if (!strcmp(r->mode, "linear"))
		return x < 1 ? 1 - x : 0;
	if (x <= 1)
		return ((a + 2) * x - (a + 3)) * x * x + 1;
	return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* Before opset 11 a dim that shrinks takes the next position, and one that grows the previous one, as in ONNX
 * Runtime. */
static int64_t nearest_position(const struct resize *r, int axis, double x)
{
	bool up = !strcmp(r->nearest, "ceil") || (!strcmp(r->nearest, "by direction") && r->over[axis] < r->under[axis]);
	if (!strcmp(r->nearest, "round_prefer_floor"))
		return (int64_t)ceil(x - 0.5);
	if (!strcmp(r->nearest, "round_prefer_ceil"))
		return (int64_t)floor(x + 0.5);
	return (int64_t)(up ? ceil(x) : floor(x));
}

static int64_t clamped(int64_t at, int64_t size)
{
	return at < 0 ? 0 : at >= size ? size - 1 : at;
}

struct axis_taps {
	int count;      /* taps per output position */
	int32_t *index; /* [out][count] */
	double *weight;
	bool outside; /* some positions are outside: their first index is -1 */
};

static int tap_count(const struct resize *r, int axis, double *reach)
{
	double radius = !strcmp(r->mode, "linear") ? 1 : 2, scale = r->over[axis] / r->under[axis],
		   shrink = r->antialias && scale < 1 ? scale : 1;
	*reach = shrink;
	return !strcmp(r->mode, "nearest") ? 1 : 2 - 2 * ((int)floor(-radius / shrink) + 1);
}

/* A tap without weight takes half of another one's: 0 times an infinity is no 0. */
static void share_weight(int32_t *index, double *weight, int count)
{
	int heavy = 0;
	while (heavy < count - 1 && weight[heavy] == 0)
		heavy++;
	for (int k = 0; k < count; k++)
		if (weight[k] == 0) {
			index[k] = index[heavy];
			weight[k] = weight[heavy] /= 2;
		}
}

static void fill_position(const struct node *node, const struct resize *r, int axis, int64_t at, double shrink,
                          int64_t size, struct axis_taps *taps)
{
	int32_t *index = taps->index + at * taps->count;
	double *weight = taps->weight + at * taps->count;
	double sum = 0, w[TAPS_MAX], x = source_position(r, axis, at, size);
	if (!strcmp(r->coordinates, "tf_crop_and_resize") && !(x >= 0 && x <= (double)(size - 1))) {
		index[0] = -1;
		taps->outside = true;
		return;
	}
	double base = ceil(x) - 1;
	if (!strcmp(r->mode, "nearest")) {
		index[0] = (int32_t)clamped(nearest_position(r, axis, x), size);
		weight[0] = 1;
		return;
	}
	for (int k = 0; k < taps->count; k++) {
		double place = base + (double)(k + 1 - taps->count / 2);
		bool inside = place >= 0 && place <= (double)(size - 1);
		w[k] = r->exclude_outside && !inside ? 0 : kernel_weight(r, (place - x) * shrink);
		/* With ranges, the taps for any size are the first ones of those at the bounds. So an index after the last element
		 * stays; the kernel takes the last element for it. */
		index[k] = (int32_t)clamped((int64_t)place, node->graph->ctx->has_ranges ? INT32_MAX : size);
		sum += w[k];
	}
	for (int k = 0; k < taps->count; k++)
		weight[k] = w[k] / sum;
	share_weight(index, weight, taps->count);
}

static enum ercc_status make_taps(const struct node *node, const struct resize *r, int axis, int64_t size,
                                  struct axis_taps *taps)
{
	struct arena *arena = &node->graph->ctx->arena;
	int64_t out = r->out.dims[axis];
	double shrink;
	*taps = (struct axis_taps){0};
	taps->count = tap_count(r, axis, &shrink);
	if (taps->count > TAPS_MAX)
		return node_fail(node, ERCC_UNSUPPORTED, "dim %d shrinks by %g with antialias, which is too much", axis,
		                 1 / shrink);
	taps->index = arena_array(arena, (size_t)(out * taps->count), sizeof *taps->index);
	taps->weight = arena_array(arena, (size_t)(out * taps->count), sizeof *taps->weight);
	for (int64_t at = 0; at < out; at++)
		fill_position(node, r, axis, at, shrink, size, taps);
	return ERCC_OK;
}

/* ---- launches ---- */

static void add_taps(struct lowering *lowering, const struct node *node, const struct gather *g,
                     const struct axis_taps *taps, float outside)
{
	int64_t outer = 1, inner = 1, out = g->index_count;
	for (int i = 0; i < g->shape.rank; i++)
		if (i != g->axis)
			*(i < g->axis ? &outer : &inner) *= g->shape.dims[i];
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &taps_template, node->name);
	launch_operand(launch, g->in, g->dtype, false);
	launch_operand(launch, plan_weights(lowering->plan, taps->index, out * taps->count * 4, node->name), ERC_I32,
	               false);
	int64_t weights = out * taps->count, bytes = weights * (int64_t)dtype_bytes(g->dtype);
	void *weight = arena_alloc(&lowering->ctx->arena, (size_t)bytes);
	for (int64_t i = 0; i < weights; i++)
		element_write(weight, g->dtype, i, expr_number(g->dtype, taps->weight[i]));
	launch_operand(launch, plan_weights(lowering->plan, weight, bytes, node->name), g->dtype, false);
	launch_operand(launch, g->out, g->dtype, true);
	launch->input_count = 3;
	launch_set(launch, ROWS_TOTAL, inner == 1 ? outer : outer * out);
	launch_set(launch, TAPS_BEFORE, g->shape.dims[g->axis]);
	launch_set(launch, TAPS_AFTER, out);
	launch_set(launch, TAPS_INNER, inner);
	launch_set(launch, TAPS_TAPS, taps->count);
	launch->space = shape_of(3, (int64_t[]){outer, out, inner});
	launch->flops = (uint64_t)(outer * out * inner * taps->count) * (inner == 1 ? 32 : 4);
	launch->bytes = 8 * (uint64_t)(outer * out * inner);
	launch->reduction_key = REDUCTION_TAPS;
	launch_define(launch, "T", dtype_name(g->dtype));
	launch_define(launch, "LAST", inner == 1 ? "1" : "0");
	launch_define_float(&lowering->ctx->arena, launch, "OUTSIDE", outside);
}

static void add_nearest(struct lowering *lowering, const struct node *node, struct gather *g,
                        const struct axis_taps *taps)
{
	int64_t *indices = arena_array(&lowering->ctx->arena, (size_t)g->index_count, sizeof *indices);
	for (int64_t i = 0; i < g->index_count; i++)
		indices[i] = taps->index[i];
	g->indices = plan_weights(lowering->plan, indices, g->index_count * 8, node->name);
	lower_gather_axis(lowering, node, g);
}

/* The shape in memory: [n, c, spatial], or [n, blocks, spatial, 16] if blocked. */
static struct shape stored_shape(const struct value *value)
{
	struct shape shape = value->shape;
	if (value->layout == LAYOUT_NC16) {
		shape.dims[1] = ceil_div(shape.dims[1], 16);
		shape.dims[shape.rank++] = 16;
	}
	return shape;
}

static enum ercc_status infer_resize(struct node *node)
{
	struct resize r;
	TRY(read_resize(node, &r));
	return set_output(node, 0, node->inputs[0]->dtype, &r.out);
}

static bool layout_resize(const struct node *node, enum layout *inputs, enum layout *output)
{
	const struct shape *in = &node->inputs[0]->shape, *out = &node->outputs[0]->shape;
	*output = inputs[0];
	return in->rank > 2 && in->rank < MAX_RANK && node->inputs[0]->dtype == ERC_F32 && in->dims[0] == out->dims[0] &&
	       in->dims[1] == out->dims[1] &&
	       strcmp(node_attr_text(node, "coordinate_transformation_mode", ""), "tf_crop_and_resize");
}

static enum ercc_status lower_resize(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0], *out = node->outputs[0];
	struct resize r;
	struct axis_taps taps = {0};
	int left = 0;
	TRY(read_resize(node, &r));
	struct gather g = {.in = lower_buffer(lowering, in),
	                   .dtype = in->dtype,
	                   .index_dtype = ERC_I64,
	                   .shape = stored_shape(in)};
	for (int i = 0; i < in->shape.rank; i++)
		left += r.resized[i];
	if (left == 0)
		return lower_alias(lowering, node, out, in);
	for (g.axis = 0; g.axis < in->shape.rank; g.axis++) {
		if (!r.resized[g.axis])
			continue;
		TRY(make_taps(node, &r, g.axis, in->shape.dims[g.axis], &taps));
		struct shape next = g.shape;
		next.dims[g.axis] = g.index_count = r.out.dims[g.axis];
		g.out = --left ? plan_buffer(lowering->plan, BUFFER_ARENA,
		                             shape_elements(&next) * (int64_t)dtype_bytes(in->dtype), node->name)
		               : lower_buffer(lowering, out);
		if (!strcmp(r.mode, "nearest") && !taps.outside)
			add_nearest(lowering, node, &g, &taps);
		else if (!(TYPES_FLOAT >> in->dtype & 1))
			return node_fail(node, ERCC_UNSUPPORTED,
			                 "positions outside the input are supported for f32 and f64, not %s",
			                 dtype_name(in->dtype));
		else
			add_taps(lowering, node, &g, &taps, r.outside);
		g.in = g.out;
		g.shape = next;
	}
	return ERCC_OK;
}

#define TYPES_RESIZED TYPES_ALL

static bool is_interpolating(const struct node *node)
{
	return strcmp(node_attr_text(node, "mode", "nearest"), "nearest") != 0;
}

#define INTERPOLATED CONVERSIONS({TYPES_INT, ERC_F64, 1, 0, is_interpolating, .rounds = true})

const struct op ops_resize[] = {
	{"Resize", 10, 2, 2, 1, TYPES_RESIZED, infer_resize, lower_resize, .layout = layout_resize, .own_types = 14,
     .conversions = INTERPOLATED, .input_types = {[1] = TYPE(F32)}, .rows = "n*->n*", .attrs = "mode=text"},
	{"Resize", 11, 1, 4, 1, TYPES_RESIZED, infer_resize, lower_resize, .layout = layout_resize, .own_types = 14,
     .conversions = INTERPOLATED, .input_types = {[1] = TYPES_FLOAT, [2] = TYPE(F32), [3] = TYPE(I64)},
     .rows = "n*->n*",
     .attrs = "coordinate_transformation_mode=text cubic_coeff_a=float exclude_outside=int extrapolation_value=float "
              "mode=text nearest_mode=text antialias=int@18 axes=ints@18 keep_aspect_ratio_policy=text@18"},
	{"Upsample", 7, 1, 1, 1, TYPES_RESIZED, infer_resize, lower_resize, .layout = layout_resize, .own_types = 14,
     .conversions = INTERPOLATED, .rows = "n*->n*", .attrs = "mode=text scales=floats"},
	{"Upsample", 9, 2, 2, 1, TYPES_RESIZED, infer_resize, lower_resize, .layout = layout_resize, .own_types = 14,
     .conversions = INTERPOLATED, .input_types = {[1] = TYPE(F32)}, .rows = "n*->n*", .attrs = "mode=text"},
	{0},
};
