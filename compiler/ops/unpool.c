/* LpPool, as other operators, and the inverses of pooling and of unfolding: MaxUnpool, Col2Im. */
#include "compiler/lower/op.h"

#include <math.h>

/* The text ", name=1:2:" for an attribute of integers; "" if the node has no such attribute. */
static const char *list_text(const struct node *node, const char *name)
{
	const struct attr *attr = node_attr(node, name);
	struct text text = {.arena = &node->graph->ctx->arena};
	if (!attr || attr->kind != ATTR_INTS || attr->count < 1 || attr->count > 6)
		return "";
	text_printf(&text, ", %s=", name);
	for (int64_t i = 0; i < attr->count; i++)
		text_printf(&text, "%lld:", (long long)attr->ints[i]);
	return text.data;
}

/* The p-th root of a depthwise convolution of |x|^p with ones. */
static enum ercc_status expand_lp_pool(struct node *node)
{
	struct value *x = node->inputs[0];
	int64_t kernel[6], p = node_attr_int(node, "p", 2), taps = 1;
	int count;
	struct shape weights = {.rank = x->shape.rank};
	const char *auto_pad = node_attr_text(node, "auto_pad", "NOTSET");
	TRY(int_list(node, "kernel_shape", -1, kernel, 6, &count));
	if (x->shape.rank < 3 || x->shape.rank > 5 || count != x->shape.rank - 2 || p < 1)
		return node_fail(node, ERCC_MODEL,
		                 "input %s, %d kernel dims, p %lld; wanted rank 3 to 5, two dims less, and p of at least 1",
		                 shape_words(node, &x->shape), count, (long long)p);
	weights.dims[0] = x->shape.dims[1];
	weights.dims[1] = 1;
	for (int i = 0; i < count; i++) {
		weights.dims[2 + i] = kernel[i];
		if (kernel[i] < 1 || !mul_fits(taps, kernel[i], &taps) || taps > 1 << 20)
			return node_fail(node, ERCC_MODEL, "a kernel dim of %lld is not positive, or too large",
			                 (long long)kernel[i]);
	}
	const char *conv = TEXT(node, "Conv[group=%lld, auto_pad=%s, ceil_mode=%lld%s%s%s](a, Expand(b, c))",
	                        (long long)x->shape.dims[1], auto_pad, (long long)node_attr_int(node, "ceil_mode", 0),
	                        list_text(node, "strides"), list_text(node, "dilations"), list_text(node, "pads"));
	struct value *power = EMIT(node,
	                           p == 1   ? "Abs(a)"
	                           : p == 2 ? "Mul(a, a)"
	                                    : "Pow(Abs(a), b)",
	                           x, constant_number(node, node->inputs[0]->dtype, (double)p));
	struct value *sum = EMIT(node, conv, power, constant_number(node, node->inputs[0]->dtype, 1),
	                         constant_ints(node, weights.dims, weights.rank));
	expand_to(node, 0,
	          EMIT(node,
	               p == 1   ? "Identity(a)"
	               : p == 2 ? "Sqrt(a)"
	                        : "Pow(a, b)",
	               sum, constant_number(node, node->inputs[0]->dtype, 1 / (double)p)));
	return ERCC_OK;
}

/* Reads a list of `count` numbers between low and 2^20. If it is left out, all are `otherwise`. */
static enum ercc_status small_list(const struct node *node, const char *name, int slot, int count, int64_t low,
                                   int64_t otherwise, int64_t *values)
{
	int found;
	TRY(int_list(node, name, slot, values, 6, &found));
	if (found >= 0 && found != count)
		return node_fail(node, ERCC_MODEL, "%s has %d entries, not %d", name, found, count);
	for (int i = 0; i < count; i++) {
		values[i] = found < 0 ? otherwise : values[i];
		if (values[i] < low || values[i] > 1 << 20)
			return node_fail(node, ERCC_MODEL, "%s has %lld; wanted %lld to 2^20", name, (long long)values[i],
			                 (long long)low);
	}
	return ERCC_OK;
}

/* Elements go back to the positions in MaxPool's indices; all others are zero. */
static enum ercc_status expand_max_unpool(struct node *node)
{
	struct value *x = node->inputs[0], *indices = node->inputs[1];
	int64_t kernel[6], strides[6], pads[6], given[MAX_RANK], more[2 * MAX_RANK] = {0}, total;
	int given_count, rank = x->shape.rank;
	struct shape out = x->shape;
	if (rank < 3 || rank > 5 || indices->dtype != ERC_I64 || !shape_equal(&indices->shape, &x->shape))
		return node_fail(node, ERCC_MODEL, "input %s, indices %s%s; wanted rank 3 to 5, and i64 of the same shape",
		                 shape_words(node, &x->shape), dtype_name(indices->dtype), shape_words(node, &indices->shape));
	TRY(small_list(node, "kernel_shape", -1, rank - 2, 1, 0, kernel));
	TRY(small_list(node, "strides", -1, rank - 2, 1, 1, strides));
	TRY(small_list(node, "pads", -1, 2 * (rank - 2), 0, 0, pads));
	TRY(int_list(node, "output_shape", 2, given, MAX_RANK, &given_count));
	if (given_count >= 0 && given_count != rank)
		return node_fail(node, ERCC_MODEL, "output_shape has %d entries for rank %d", given_count, rank);
	for (int i = 0; i < rank - 2; i++)
		out.dims[2 + i] = (out.dims[2 + i] - 1) * strides[i] + kernel[i] - pads[i] - pads[rank - 2 + i];
	for (int i = 0; i < rank; i++) {
		if (given_count >= 0 && (given[i] < out.dims[i] || given[i] > MAX_ELEMENTS))
			return node_fail(node, ERCC_MODEL, "output_shape has %lld for dim %d of %lld", (long long)given[i], i,
			                 (long long)out.dims[i]);
		more[rank + i] = given_count < 0 ? 0 : given[i] - out.dims[i];
		if (out.dims[i] < 0)
			return node_fail(node, ERCC_MODEL, "output dim %d would be %lld", i, (long long)out.dims[i]);
	}
	total = shape_elements(&out);
	if (total < 1)
		return node_fail(node, ERCC_UNSUPPORTED, "an output of shape %s is empty or too large",
		                 shape_words(node, &out));
	struct value *zeros =
		EMIT(node, "Expand(a, b)", constant_number(node, x->dtype, 0), constant_ints(node, &total, 1));
	struct value *y = EMIT(node, "Reshape(ScatterElements[positions=1](a, Reshape(b, {-1}), Reshape(c, {-1})), d)",
	                       zeros, indices, x, constant_ints(node, out.dims, rank));
	expand_to(node, 0, given_count < 0 ? y : EMIT(node, "Pad(a, b)", y, constant_ints(node, more, 2 * rank)));
	return ERCC_OK;
}

/* Maximum number of elements that the pixels of one channel gather; their positions are stored. */
#define MAX_BINS 1024 /* along an axis */
#define MAX_FOLDED ((int64_t)1 << 24)

/* ---- MaxRoiPool ---- */

/* The bins of an axis (0: width, 1: height) of all regions: which of the `size` positions lie in which of the `count`
 * bins, [regions, count, size], and whether there are any, [regions, count]. */
static struct value *bins_of(struct node *node, struct value *corners, enum erc_dtype dtype, int axis, int64_t count,
                             int64_t size, struct value **any)
{
	double number[MAX_BINS];
	struct shape shape = shape_of(1, &count), positions = shape_of(1, &size);
	for (int64_t i = 0; i < count; i++)
		number[i] = (double)i;
	struct value *bins = constant_floats(node, dtype, number, &shape);
	struct value *start = EMIT(node, TEXT(node, "Slice(a, {%d}, {%d}, {1})", axis, axis + 1), corners);
	struct value *end = EMIT(node, TEXT(node, "Slice(a, {%d}, {%d}, {1})", axis + 2, axis + 3), corners);
	struct value *step = EMIT(node, TEXT(node, "Div(Max(Add(Sub(a, b), 1), 1), %lld)", (long long)count), end, start);
	struct value *low = EMIT(node, "Max(Add(Floor(Mul(a, b)), c), 0)", step, bins, start);
	struct value *high =
		EMIT(node, TEXT(node, "Min(Add(Ceil(Mul(a, Add(b, 1))), c), %lld)", (long long)size), step, bins, start);
	struct value *at =
		EMIT(node, TEXT(node, "Cast[to=%d](a)", (int)dtype), constant_range(node, 0, 1, size, &positions));
	*any = EMIT(node, "Less(a, b)", low, high);
	return EMIT(node, "And(LessOrEqual(Unsqueeze(a, {2}), c), Less(c, Unsqueeze(b, {2})))", low, high, at);
}

/* The maximum in each bin of each region, first along the width, then along the height; 0 where a bin is empty. Corners
 * are rounded to positions, halves away from 0. */
static enum ercc_status expand_max_roi_pool(struct node *node)
{
	struct value *x = node->inputs[0], *rois = node->inputs[1], *in_row, *in_column;
	const struct shape *in = &x->shape;
	int64_t pooled[2];
	int count;
	TRY(check_same_dtype(node, 1));
	TRY(int_list(node, "pooled_shape", -1, pooled, 2, &count));
	if (in->rank != 4 || rois->shape.rank != 2 || rois->shape.dims[1] != 5)
		return node_fail(node, ERCC_MODEL, "input %s and regions %s; rank 4 and [n, 5] are wanted",
		                 shape_words(node, in), shape_words(node, &rois->shape));
	if (count != 2 || pooled[0] < 1 || pooled[1] < 1 || pooled[0] > MAX_BINS || pooled[1] > MAX_BINS)
		return node_fail(node, ERCC_UNSUPPORTED, "pooled_shape must be two numbers in 1 to %d", MAX_BINS);
	struct value *scaled = EMIT(node, "Mul(Slice(a, {1}, {5}, {1}), b)", rois,
	                            constant_number(node, x->dtype, (double)node_attr_float(node, "spatial_scale", 1)));
	struct value *whole = EMIT(node, "Floor(Abs(a))", scaled);
	struct value *corners = EMIT(node, "Mul(Sign(a), Where(Less(Sub(Abs(a), b), 0.5), b, Add(b, 1)))", scaled, whole);
	struct value *columns = bins_of(node, corners, x->dtype, 0, pooled[1], in->dims[3], &in_row);
	struct value *rows = bins_of(node, corners, x->dtype, 1, pooled[0], in->dims[2], &in_column);
	struct value *images = EMIT(node, "Gather[axis=0](b, Cast[to=7](Squeeze(Slice(a, {0}, {1}, {1}), {1})))", rois, x);
	struct value *least = constant_number(node, x->dtype, -INFINITY);
	struct value *wide = EMIT(node, "ReduceMax[keepdims=0](Where(Unsqueeze(a, {1, 2}), Unsqueeze(b, {3}), c), {4})",
	                          columns, images, least);
	struct value *pools =
		EMIT(node, "ReduceMax[keepdims=0](Where(Unsqueeze(a, {1, 4}), Unsqueeze(b, {2}), c), {3})", rows, wide, least);
	expand_to(node, 0,
	          EMIT(node, "Where(And(Unsqueeze(b, {1, 3}), Unsqueeze(c, {1, 2})), a, 0)", pools, in_column, in_row));
	return ERCC_OK;
}

/* ---- Col2Im ---- */

/* What Col2Im is told: of each image dim its size, windows and so on. */
struct folding {
	int rank;
	int64_t image[6], block[6], stride[6], dilation[6], pads[6], windows[6];
	int64_t taps, window_count, pixels;
};

static enum ercc_status read_folding(struct node *node, struct folding *f)
{
	const struct shape *in = &node->inputs[0]->shape;
	*f = (struct folding){.taps = 1, .window_count = 1, .pixels = 1};
	TRY(int_list(node, "image_shape", 1, f->image, 6, &f->rank));
	if (f->rank < 1 || f->rank > 3 || in->rank != 3)
		return node_fail(node, ERCC_UNSUPPORTED, "input %s, %d image dims; 1 to 3 are supported", shape_words(node, in),
		                 f->rank);
	TRY(small_list(node, "image_shape", 1, f->rank, 1, 0, f->image));
	TRY(small_list(node, "block_shape", 2, f->rank, 1, 0, f->block));
	TRY(small_list(node, "strides", -1, f->rank, 1, 1, f->stride));
	TRY(small_list(node, "dilations", -1, f->rank, 1, 1, f->dilation));
	TRY(small_list(node, "pads", -1, 2 * f->rank, 0, 0, f->pads));
	for (int i = 0; i < f->rank; i++) {
		int64_t reach = (f->block[i] - 1) * f->dilation[i] + 1,
				padded = f->image[i] + f->pads[i] + f->pads[f->rank + i];
		if (padded < reach || f->block[i] > 1 << 12)
			return node_fail(node, ERCC_MODEL, "image dim %lld with blocks of %lld: they do not fit",
			                 (long long)f->image[i], (long long)f->block[i]);
		f->windows[i] = (padded - reach) / f->stride[i] + 1;
		f->taps *= f->block[i];
		f->window_count *= f->windows[i];
		f->pixels *= f->image[i];
		if (f->window_count > in->dims[2])
			break; /* and may overflow with another dim */
	}
	if (f->taps > 1 << 12 || in->dims[1] % f->taps || in->dims[2] != f->window_count)
		return node_fail(node, ERCC_MODEL, "input %s does not fit %lld windows of %lld", shape_words(node, in),
		                 (long long)f->window_count, (long long)f->taps);
	return f->pixels <= MAX_FOLDED / f->taps
	           ? ERCC_OK
	           : node_fail(node, ERCC_UNSUPPORTED, "%lld pixels with blocks of %lld are too many", (long long)f->pixels,
	                       (long long)f->taps);
}

/* The element of a channel's columns that tap `tap` adds to a pixel; the one after all of them if there is none. */
static int64_t column_of(const struct folding *f, int64_t tap, int64_t pixel)
{
	int64_t at = 0, step = 1, k = tap;
	for (int i = f->rank - 1; i >= 0; i--) {
		int64_t from = pixel % f->image[i] + f->pads[i] - k % f->block[i] * f->dilation[i];
		if (from < 0 || from % f->stride[i] || from / f->stride[i] >= f->windows[i])
			return f->taps * f->window_count;
		at += from / f->stride[i] * step;
		step *= f->windows[i];
		pixel /= f->image[i];
		k /= f->block[i];
	}
	return tap * f->window_count + at;
}

/* Adds up columns of windows where they overlap: each pixel gathers one element for each tap. */
static enum ercc_status expand_col2im(struct node *node)
{
	struct value *x = node->inputs[0];
	struct folding f;
	TRY(read_folding(node, &f));
	int64_t count = f.taps * f.pixels, channels = x->shape.dims[1] / f.taps, out[5] = {x->shape.dims[0], channels};
	int64_t *columns = arena_array(&node->graph->ctx->arena, (size_t)count, sizeof *columns);
	for (int64_t i = 0; i < count; i++)
		columns[i] = column_of(&f, i / f.pixels, i % f.pixels);
	memcpy(out + 2, f.image, (size_t)f.rank * sizeof *out);
	struct value *gathered = EMIT(node, "Gather[axis=2](Pad(Reshape(a, b), {0, 0, 0, 0, 0, 1}), c)", x,
	                              constant_ints(node, (int64_t[]){out[0], channels, f.taps * f.window_count}, 3),
	                              constant_ints(node, columns, (int)count));
	expand_to(node, 0,
	          EMIT(node, "Reshape(ReduceSum[keepdims=0](Reshape(a, b), {2}), c)", gathered,
	               constant_ints(node, (int64_t[]){out[0], channels, f.taps, f.pixels}, 4),
	               constant_ints(node, out, f.rank + 2)));
	return ERCC_OK;
}

const struct op ops_unpool[] = {
	{"LpPool", 2, 1, 1, 1, TYPES_FLOAT, .rows = "n*->n*", .expand = expand_lp_pool,
     .attrs = "auto_pad=text:NOTSET|SAME_UPPER|SAME_LOWER|VALID kernel_shape=ints p=int pads=ints strides=ints "
              "ceil_mode=int@18 dilations=ints@18"},
	{"MaxRoiPool", 1, 2, 2, 1, TYPES_FLOAT, .expand = expand_max_roi_pool,
     .attrs = "pooled_shape=ints spatial_scale=float"},
	{"MaxUnpool", 9, 2, 3, 1, TYPES_FLOAT, .expand = expand_max_unpool,
     .attrs = "kernel_shape=ints pads=ints strides=ints"},
	{"Col2Im", 18, 3, 3, 1, TYPES_FLOAT | TYPE(I32) | TYPE(I64) | TYPE(U32) | TYPE(U64), .rows = "n*->n*",
     .expand = expand_col2im,
     .conversions = CONVERSIONS({TYPE(I8) | TYPE(U8) | TYPE(I16) | TYPE(U16) | TYPE(BOOL), ERC_I32, 1, 0, NULL, false}),
     .attrs = "dilations=ints pads=ints strides=ints"},
	{0},
};
