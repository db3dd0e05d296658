/* LpPool, as other operators, and the inverses of pooling and of unfolding: MaxUnpool, Col2Im. */
#include "compiler/lower/op.h"

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
	struct value *y = EMIT(node, "Reshape(ScatterElements(a, Reshape(b, {-1}), Reshape(c, {-1})), d)", zeros, indices,
	                       x, constant_ints(node, out.dims, rank));
	expand_to(node, 0, given_count < 0 ? y : EMIT(node, "Pad(a, b)", y, constant_ints(node, more, 2 * rank)));
	return ERCC_OK;
}

/* Adds up columns of windows where they overlap: a transposed convolution whose kernels have a single 1 each. */
static enum ercc_status expand_col2im(struct node *node)
{
	struct value *x = node->inputs[0];
	int64_t image[6], block[6], stride[6], dilation[6], pads[6], taps = 1, windows = 1, dims[5];
	int rank;
	TRY(int_list(node, "image_shape", 1, image, 6, &rank));
	if (rank < 1 || rank > 3 || x->shape.rank != 3)
		return node_fail(node, ERCC_UNSUPPORTED, "input %s, %d image dims; 1 to 3 are supported",
		                 shape_words(node, &x->shape), rank);
	TRY(small_list(node, "image_shape", 1, rank, 1, 0, image));
	TRY(small_list(node, "block_shape", 2, rank, 1, 0, block));
	TRY(small_list(node, "strides", -1, rank, 1, 1, stride));
	TRY(small_list(node, "dilations", -1, rank, 1, 1, dilation));
	TRY(small_list(node, "pads", -1, 2 * rank, 0, 0, pads));
	struct shape weights = {.rank = rank + 2};
	struct text more = {.arena = &node->graph->ctx->arena}; /* elements after the last window */
	for (int i = 0; i < rank; i++) {
		int64_t reach = (block[i] - 1) * dilation[i] + 1, padded = image[i] + pads[i] + pads[rank + i];
		if (padded < reach || block[i] > 1 << 12)
			return node_fail(node, ERCC_MODEL, "image dim %lld with blocks of %lld: they do not fit",
			                 (long long)image[i], (long long)block[i]);
		dims[2 + i] = (padded - reach) / stride[i] + 1;
		weights.dims[2 + i] = block[i];
		text_printf(&more, "%lld:", (long long)((padded - reach) % stride[i]));
		taps *= block[i];
		windows *= dims[2 + i];
	}
	if (taps > 1 << 12 || x->shape.dims[1] % taps || x->shape.dims[2] != windows)
		return node_fail(node, ERCC_MODEL, "input %s does not fit %lld windows of %lld", shape_words(node, &x->shape),
		                 (long long)windows, (long long)taps);
	dims[0] = x->shape.dims[0];
	dims[1] = x->shape.dims[1];
	weights.dims[0] = x->shape.dims[1];
	weights.dims[1] = 1;
	double *ones = arena_array(&node->graph->ctx->arena, (size_t)(x->shape.dims[1] * taps), sizeof *ones);
	for (int64_t i = 0; i < x->shape.dims[1]; i++)
		ones[i * taps + i % taps] = 1;
	expand_to(node, 0,
	          EMIT(node,
	               TEXT(node, "ConvTranspose[group=%lld, output_padding=%s%s%s%s](Reshape(a, b), c)",
	                    (long long)(x->shape.dims[1] / taps), more.data, list_text(node, "strides"),
	                    list_text(node, "dilations"), list_text(node, "pads")),
	               x, constant_ints(node, dims, rank + 2), constant_floats(node, x->dtype, ones, &weights)));
	return ERCC_OK;
}

const struct op ops_unpool[] = {
	{"LpPool", 2, 1, 1, 1, TYPES_FLOAT, .expand = expand_lp_pool,
     .attrs = "auto_pad=text:NOTSET|SAME_UPPER|SAME_LOWER|VALID kernel_shape=ints p=int pads=ints strides=ints "
              "ceil_mode=int@18 dilations=ints@18"},
	{"MaxUnpool", 9, 2, 3, 1, TYPES_FLOAT, .expand = expand_max_unpool,
     .attrs = "kernel_shape=ints pads=ints strides=ints"},
	{"Col2Im", 18, 3, 3, 1, TYPES_FLOAT, .expand = expand_col2im, .attrs = "dilations=ints pads=ints strides=ints"},
	{0},
};
