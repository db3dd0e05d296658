/* ConvTranspose. In general it becomes one convolution that computes all phases of the output, and a transposition that
 * interleaves them. If the kernel is dilated, all strides are 1, or the phases do not cover the output, it becomes a
 * convolution of the input with zeros between its elements. Both multiply weights by zeros, so weights that may be
 * infinite or NaN are multiplied by the elements of the input alone, and the products added where they belong. */
#include "compiler/lower/lower_rows.h"

#include <math.h>

struct transposed {
	int rank; /* spatial dims */
	int64_t group, stride[3], dilation[3], kernel[3], before[3], in[3], out[3];
	int64_t images, in_channels, out_channels;
};

static enum ercc_status spatial_list(const struct node *node, const char *name, int count, int64_t otherwise,
                                     int64_t *values, bool *given)
{
	int found;
	TRY(int_list(node, name, -1, values, 6, &found));
	*given = found >= 0;
	if (found >= 0 && found != count)
		return node_fail(node, ERCC_MODEL, "%s has %d entries, not %d", name, found, count);
	for (int i = found < 0 ? 0 : count; i < count; i++)
		values[i] = otherwise;
	for (int i = 0; i < count; i++)
		if (values[i] < 0 || values[i] > 1 << 20)
			return node_fail(node, ERCC_MODEL, "%s has %lld; wanted 0 to 2^20", name, (long long)values[i]);
	return ERCC_OK;
}

/* Reads padding and output size of each dim from pads, auto_pad or output_shape. */
static enum ercc_status read_sizes(const struct node *node, struct transposed *t)
{
	const char *auto_pad = node_attr_text(node, "auto_pad", "NOTSET");
	int64_t pads[6], more[6], shape[6];
	bool given, shaped;
	TRY(spatial_list(node, "pads", 2 * t->rank, 0, pads, &given));
	TRY(spatial_list(node, "output_padding", t->rank, 0, more, &given));
	TRY(spatial_list(node, "output_shape", t->rank, 0, shape, &shaped));
	bool same = !strncmp(auto_pad, "SAME", 4), upper = !strcmp(auto_pad, "SAME_UPPER");
	for (int i = 0; i < t->rank; i++) {
		int64_t full = t->stride[i] * (t->in[i] - 1) + more[i] + (t->kernel[i] - 1) * t->dilation[i] + 1;
		bool valid = !strcmp(auto_pad, "VALID");
		t->before[i] = valid ? 0 : pads[i];
		t->out[i] = full - t->before[i] - (valid ? 0 : pads[t->rank + i]);
		if (shaped || same) { /* an output larger than the full result is padded at its end */
			t->out[i] = shaped ? shape[i] : t->in[i] * t->stride[i];
			int64_t total = full > t->out[i] ? full - t->out[i] : 0;
			t->before[i] = upper ? total / 2 : total - total / 2;
		}
		if (t->stride[i] < 1 || t->dilation[i] < 1 || t->kernel[i] < 1 || t->kernel[i] > 1 << 20 || t->out[i] < 1)
			return node_fail(node, ERCC_MODEL,
			                 "dim %d: input %lld, kernel %lld, stride %lld, dilation %lld, output %lld; all but the "
			                 "input must be at least 1",
			                 i + 2, (long long)t->in[i], (long long)t->kernel[i], (long long)t->stride[i],
			                 (long long)t->dilation[i], (long long)t->out[i]);
	}
	return ERCC_OK;
}

static enum ercc_status read_transposed(const struct node *node, struct transposed *t)
{
	const struct shape *in = &node->inputs[0]->shape, *w = &node->inputs[1]->shape;
	const struct value *bias = node_input(node, 2);
	bool given;
	t->rank = in->rank - 2;
	t->group = node_attr_int(node, "group", 1);
	if (t->rank < 1 || t->rank > 3 || w->rank != in->rank)
		return node_fail(node, ERCC_UNSUPPORTED, "input %s and weights %s; 1 to 3 spatial dims are supported",
		                 shape_words(node, in), shape_words(node, w));
	TRY(check_kernel_shape(node, w));
	TRY(check_same_dtype(node, 1));
	TRY(check_same_dtype(node, 2));
	if (t->group < 1 || w->dims[0] != in->dims[1] || in->dims[1] % t->group)
		return node_fail(node, ERCC_MODEL, "weights %s and group %lld for %lld input channels", shape_words(node, w),
		                 (long long)t->group, (long long)in->dims[1]);
	t->images = in->dims[0];
	t->in_channels = in->dims[1];
	t->out_channels = w->dims[1] * t->group;
	if (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != t->out_channels))
		return node_fail(node, ERCC_MODEL, "bias %s for %lld output channels", shape_words(node, &bias->shape),
		                 (long long)t->out_channels);
	for (int i = 0; i < t->rank; i++) {
		t->in[i] = in->dims[2 + i];
		t->kernel[i] = w->dims[2 + i];
	}
	TRY(spatial_list(node, "strides", t->rank, 1, t->stride, &given));
	TRY(spatial_list(node, "dilations", t->rank, 1, t->dilation, &given));
	return read_sizes(node, t);
}

/* Swaps input and output channels: [group, in, out, kernel] -> [out channels, in channels of a group, kernel]. */
static struct value *swap_channels(struct node *node, const struct transposed *t)
{
	struct text perm = {.arena = &node->graph->ctx->arena};
	int64_t split[6] = {t->group, t->in_channels / t->group, t->out_channels / t->group};
	int64_t joined[5] = {t->out_channels, t->in_channels / t->group};
	text_printf(&perm, "0:2:1");
	for (int i = 0; i < t->rank; i++) {
		split[3 + i] = joined[2 + i] = t->kernel[i];
		text_printf(&perm, ":%d", 3 + i);
	}
	return EMIT(node, TEXT(node, "Reshape(Transpose[perm=%s](Reshape(a, b)), c)", perm.data), node->inputs[1],
	            constant_ints(node, split, t->rank + 3), constant_ints(node, joined, t->rank + 2));
}

/* Inserts stride - 1 zeros after each input element, in every spatial dim. */
static struct value *spread(struct node *node, const struct transposed *t)
{
	int64_t apart[8] = {t->images, t->in_channels}, wide[5] = {t->images, t->in_channels}, pads[16] = {0};
	int rank = 2 + 2 * t->rank;
	bool any = false;
	for (int i = 0; i < t->rank; i++) {
		apart[2 + 2 * i] = t->in[i];
		apart[3 + 2 * i] = 1;
		pads[rank + 3 + 2 * i] = t->stride[i] - 1;
		wide[2 + i] = t->in[i] * t->stride[i];
		any |= t->stride[i] > 1;
	}
	if (!any)
		return node->inputs[0];
	return EMIT(node, "Reshape(Pad(Reshape(a, b), c), d)", node->inputs[0], constant_ints(node, apart, rank),
	            constant_ints(node, pads, 2 * rank), constant_ints(node, wide, 2 + t->rank));
}

/* The number of input elements that contribute to one output element in dim i, at most. */
static int64_t meeting(const struct transposed *t, int i)
{
	return ceil_div(t->kernel[i], t->stride[i]);
}

/* [out channels, in, kernel] -> [out channels * phases, in, meeting]. Output element q * stride + phase multiplies
 * input q - j by kernel element j * stride + phase. */
static struct value *phase_weights(struct node *node, const struct transposed *t, int64_t phases)
{
	struct arena *arena = &node->graph->ctx->arena;
	struct text perm = {.arena = arena}, last = {.arena = arena}, stop = {.arena = arena}, axes = {.arena = arena};
	int64_t in = t->in_channels / t->group, apart[8] = {t->out_channels, in},
			joined[5] = {t->out_channels * phases, in};
	int64_t pads[10] = {0};
	text_printf(&perm, "0:");
	for (int i = 0; i < t->rank; i++) {
		apart[2 + 2 * i] = joined[2 + i] = meeting(t, i);
		apart[3 + 2 * i] = t->stride[i];
		pads[4 + t->rank + i] = meeting(t, i) * t->stride[i] - t->kernel[i];
		text_printf(&perm, "%d:", 3 + 2 * i);
		text_printf(&last, "-1,");
		text_printf(&stop, "-%d,", INT32_MAX);
		text_printf(&axes, "%d,", 2 + 2 * i);
	}
	text_printf(&perm, "1");
	for (int i = 0; i < t->rank; i++)
		text_printf(&perm, ":%d", 2 + 2 * i);
	struct value *whole =
		EMIT(node, "Reshape(Pad(a, b), c)", swap_channels(node, t), constant_ints(node, pads, 2 * (2 + t->rank)),
	         constant_ints(node, apart, 2 + 2 * t->rank));
	const char *text = TEXT(node, "Reshape(Transpose[perm=%s](Slice(a, {%s}, {%s}, {%s}, {%s})), b)", perm.data,
	                        last.data, stop.data, axes.data, last.data);
	return EMIT(node, text, whole, constant_ints(node, joined, 2 + t->rank));
}

/* One convolution for all phases of the output, and a transposition that interleaves them. */
static struct value *expand_phases(struct node *node, const struct transposed *t)
{
	struct arena *arena = &node->graph->ctx->arena;
	struct text perm = {.arena = arena}, pads = {.arena = arena};
	int64_t phases = 1, apart[8] = {t->images, t->out_channels}, out[5] = {t->images, t->out_channels}, end[3], axes[3];
	struct value *bias = node_input(node, 2);
	bool crops = false;
	text_printf(&perm, "0:1");
	for (int i = 0; i < t->rank; i++) {
		int64_t size = t->in[i] + meeting(t, i) - 1;
		phases *= t->stride[i];
		apart[2 + i] = t->stride[i];
		apart[2 + t->rank + i] = size;
		out[2 + i] = size * t->stride[i];
		end[i] = t->before[i] + t->out[i];
		axes[i] = 2 + i;
		crops |= t->before[i] > 0 || end[i] < out[2 + i];
		text_printf(&perm, ":%d:%d", 2 + t->rank + i, 2 + i);
	}
	for (int i = 0; i < 2 * t->rank; i++)
		text_printf(&pads, "%lld:", (long long)meeting(t, i % t->rank) - 1);
	if (bias)
		bias = EMIT(node, "Reshape(Expand(Unsqueeze(a, {1}), b), {-1})", bias,
		            constant_ints(node, (int64_t[]){t->out_channels, phases}, 2));
	const char *conv = TEXT(node, bias ? "Conv[group=%lld, pads=%s](a, b, c)" : "Conv[group=%lld, pads=%s](a, b)",
	                        (long long)t->group, pads.data);
	struct value *y = EMIT(node, conv, node->inputs[0], phase_weights(node, t, phases), bias);
	y = EMIT(node, TEXT(node, "Reshape(Transpose[perm=%s](Reshape(a, b)), c)", perm.data), y,
	         constant_ints(node, apart, 2 + 2 * t->rank), constant_ints(node, out, 2 + t->rank));
	if (!crops)
		return y;
	return EMIT(node, "Slice(a, b, c, d)", y, constant_ints(node, t->before, t->rank),
	            constant_ints(node, end, t->rank), constant_ints(node, axes, t->rank));
}

/* A convolution of the input with zeros between its elements. */
static struct value *expand_convolution(struct node *node, const struct transposed *t)
{
	struct text attrs = {.arena = &node->graph->ctx->arena}, begin = attrs, end = attrs, last = attrs, stop = attrs,
				axes = attrs;
	int64_t pads[10] = {0};
	struct value *x = spread(node, t), *bias = node_input(node, 2);
	bool crops = false;
	for (int i = 0; i < t->rank; i++) {
		int64_t reach = (t->kernel[i] - 1) * t->dilation[i], first = reach - t->before[i];
		pads[2 + i] = first;
		pads[4 + t->rank + i] = t->out[i] + reach - t->in[i] * t->stride[i] - first;
		crops |= first < 0 || pads[4 + t->rank + i] < 0;
	}
	if (crops)
		x = EMIT(node, "Pad(a, b)", x, constant_ints(node, pads, 4 + 2 * t->rank));
	text_printf(&attrs, "group=%lld, dilations=", (long long)t->group);
	for (int i = 0; i < t->rank; i++) {
		text_printf(&attrs, "%lld:", (long long)t->dilation[i]);
		text_printf(&begin, "%lld:", crops ? 0 : (long long)pads[2 + i]);
		text_printf(&end, "%lld:", crops ? 0 : (long long)pads[4 + t->rank + i]);
		text_printf(&last, "-1,");
		text_printf(&stop, "-%d,", INT32_MAX);
		text_printf(&axes, "%d,", 2 + i);
	}
	struct value *weights =
		EMIT(node, TEXT(node, "Slice(a, {%s}, {%s}, {%s}, {%s})", last.data, stop.data, axes.data, last.data),
	         swap_channels(node, t));
	return EMIT(node,
	            TEXT(node, bias ? "Conv[%s, pads=%s%s](a, b, c)" : "Conv[%s, pads=%s%s](a, b)", attrs.data, begin.data,
	                 end.data),
	            x, weights, bias);
}

/* The output of no input: the bias, or zeros. */
static struct value *expand_empty(struct node *node, const struct transposed *t)
{
	struct value *bias = node_input(node, 2);
	int64_t out[5] = {t->images, t->out_channels}, channels[5] = {1, t->out_channels, 1, 1, 1};
	memcpy(out + 2, t->out, (size_t)t->rank * sizeof *out);
	return EMIT(node, bias ? "Expand(Reshape(a, b), c)" : "Expand(d, c)", bias,
	            constant_ints(node, channels, t->rank + 2), constant_ints(node, out, t->rank + 2),
	            constant_number(node, node->inputs[0]->dtype, 0));
}

static bool is_finite(const struct value *weights)
{
	const struct tensor *tensor = weights->constant;
	for (int64_t i = 0; tensor && i < shape_elements(&tensor->shape); i++)
		if (!isfinite(tensor_float(tensor, i)))
			return false;
	return tensor != NULL;
}

/* All products of an input element and a weight, as columns that Col2Im adds to the whole output; Pad cuts it. */
static struct value *expand_columns(struct node *node, const struct transposed *t)
{
	struct text strides = {.arena = &node->graph->ctx->arena}, dilations = strides;
	struct value *bias = node_input(node, 2);
	int64_t positions = 1, taps = 1, whole[3], pads[10] = {0}, channels[5] = {t->out_channels, 1, 1, 1, 1};
	for (int i = 0; i < t->rank; i++) {
		positions *= t->in[i];
		taps *= t->kernel[i];
		whole[i] = t->stride[i] * (t->in[i] - 1) + (t->kernel[i] - 1) * t->dilation[i] + 1;
		pads[2 + i] = -t->before[i];
		pads[4 + t->rank + i] = t->before[i] + t->out[i] - whole[i];
		text_printf(&strides, "%lld:", (long long)t->stride[i]);
		text_printf(&dilations, "%lld:", (long long)t->dilation[i]);
	}
	int64_t in = t->in_channels / t->group, out = t->out_channels / t->group * taps;
	struct value *columns =
		EMIT(node, "Reshape(MatMul(Transpose[perm=0:2:1](Reshape(a, b)), Reshape(c, d)), e)", node->inputs[1],
	         constant_ints(node, (int64_t[]){t->group, in, out}, 3), node->inputs[0],
	         constant_ints(node, (int64_t[]){t->images, t->group, in, positions}, 4),
	         constant_ints(node, (int64_t[]){t->images, t->out_channels * taps, positions}, 3));
	struct value *y =
		EMIT(node, TEXT(node, "Pad(Col2Im[strides=%s, dilations=%s](a, b, c), d)", strides.data, dilations.data),
	         columns, constant_ints(node, whole, t->rank), constant_ints(node, t->kernel, t->rank),
	         constant_ints(node, pads, 4 + 2 * t->rank));
	return bias ? EMIT(node, "Add(a, Reshape(b, c))", y, bias, constant_ints(node, channels, t->rank + 1)) : y;
}

static enum ercc_status expand_conv_transpose(struct node *node)
{
	struct transposed t = {0};
	TRY(read_transposed(node, &t));
	if (!shape_elements(&node->inputs[0]->shape)) {
		expand_to(node, 0, expand_empty(node, &t));
		return ERCC_OK;
	}
	if (!is_finite(node->inputs[1])) {
		expand_to(node, 0, expand_columns(node, &t));
		return ERCC_OK;
	}
	bool phases = true, strides = false;
	for (int i = 0; i < t.rank; i++) {
		phases &= t.dilation[i] == 1 && t.before[i] + t.out[i] <= (t.in[i] + meeting(&t, i) - 1) * t.stride[i];
		strides |= t.stride[i] > 1;
	}
	phases &= strides;
	expand_to(node, 0, phases ? expand_phases(node, &t) : expand_convolution(node, &t));
	return ERCC_OK;
}

const struct op ops_conv_transpose[] = {
	{"ConvTranspose", 1, 2, 3, 1, TYPES_FLOAT, .rows = "n*->n*", .expand = expand_conv_transpose,
     .attrs = "auto_pad=text:NOTSET|SAME_UPPER|SAME_LOWER|VALID dilations=ints group=int kernel_shape=ints "
              "output_padding=ints output_shape=ints "
              "pads=ints strides=ints"},
	{0},
};
