/* Attention of the domain com.microsoft, as ONNX's own Attention with another mask, and its rotary embedding. */
#include "compiler/ops/microsoft/microsoft.h"

/* What both operators have. Queries are [batch, q_length, width], keys [batch, length, width] and values [batch, length,
 * v_width]; widths are those of all heads. */
struct heads {
	struct node *node;
	struct value *q, *k, *v, *past_k, *past_v; /* past: [batch, heads, past_length, size of a head], or NULL */
	int64_t heads, batch, q_length, kv_length, width, v_width;
	int64_t past_length; /* part of kv_length */
};

/* ---- masks ---- */

/* The mask that hides keys where `seen` is false, by adding mask_filter_value. */
static struct value *hidden(struct node *node, struct value *seen)
{
	struct value *x = node->inputs[0],
				 *filter = constant_number(node, x->dtype, node_attr_float(node, "mask_filter_value", -10000));
	return EMIT(node, "Where(a, b, c)", seen, constant_number(node, x->dtype, 0), filter);
}

/* *bias: what is added to scores, of shape [batch or 1, heads or 1, q_length or 1, kv_length]. The mask is a flag for each key,
 * or for each query and key, or the number of keys to see, or that number and then the first of them. */
static enum ercc_status read_mask(const struct heads *h, struct value *mask, struct value **bias)
{
	struct node *node = h->node;
	const struct shape *shape = &mask->shape;
	struct value *seen;
	struct shape row = shape_of(2, (int64_t[]){1, h->kv_length});
	bool has_starts = shape->rank == 1 && shape->dims[0] == 2 * h->batch && h->batch > 0;
	struct shape keys = shape_of(2, (int64_t[]){h->batch, h->kv_length});
	struct shape pairs = shape_of(3, (int64_t[]){h->batch, h->q_length, h->kv_length});
	if (mask->dtype != ERC_I32)
		return node_fail(node, ERCC_MODEL, "the mask is %s; wanted i32", dtype_name(mask->dtype));
	struct value *none = constant_number(node, ERC_I32, 0);
	if (shape_equal(shape, &keys)) {
		seen = EMIT(node, "Unsqueeze(Greater(a, b), {1, 2})", mask, none);
	} else if (shape_equal(shape, &pairs)) {
		seen = EMIT(node, "Unsqueeze(Greater(a, b), {1})", mask, none);
	} else if (shape->rank == 1 && (shape->dims[0] == h->batch || has_starts)) {
		struct value *keys_row = constant_range(node, 0, 1, h->kv_length, &row);
		struct value *numbers =
			EMIT(node, TEXT(node, "Reshape(Cast[to=%d](a), {-1, %lld, 1})", (int)ERC_I64, (long long)h->batch), mask);
		seen = EMIT(node, "Less(a, Squeeze(Slice(b, {0}, {1}, {0}), {0}))", keys_row, numbers);
		if (has_starts)
			seen =
				EMIT(node, "And(a, GreaterOrEqual(b, Squeeze(Slice(c, {1}, {2}, {0}), {0})))", seen, keys_row, numbers);
		seen = EMIT(node, "Unsqueeze(a, {1, 2})", seen);
	} else {
		return node_fail(node, ERCC_UNSUPPORTED, "a mask %s is not supported; wanted %s, %s, [%lld] or [%lld]",
		                 shape_words(node, shape), shape_words(node, &keys), shape_words(node, &pairs),
		                 (long long)h->batch, (long long)(2 * h->batch));
	}
	*bias = hidden(node, seen);
	return ERCC_OK;
}

/* Adds an attention, with the mask and the bias if they are given; returns its first output, whose others are keys and
 * values with the past. */
static enum ercc_status attend(const struct heads *h, struct value *mask, struct value *given, struct value **y)
{
	struct node *node = h->node;
	struct value *bias = given;
	struct text attrs = {.arena = &node->graph->ctx->arena};
	if (mask)
		TRY(read_mask(h, mask, &bias));
	if (mask && given)
		bias = EMIT(node, "Add(a, b)", bias, given);
	text_printf(&attrs, "q_num_heads=%lld, kv_num_heads=%lld", (long long)h->heads, (long long)h->heads);
	if (node_attr_float(node, "scale", 0) != 0)
		text_printf(&attrs, ", scale=%.9e", node_attr_float(node, "scale", 0));
	if (node_attr_int(node, "unidirectional", 0))
		text_printf(&attrs, ", is_causal=1");
	const char *inputs = h->past_k ? bias ? "a, b, c, d, e, f" : "a, b, c, _, e, f" : bias ? "a, b, c, d" : "a, b, c";
	*y = EMIT(node, TEXT(node, "Attention[%s](%s)", attrs.data, inputs), h->q, h->k, h->v, bias, h->past_k, h->past_v);
	return ERCC_OK;
}

/* past: the shape of past keys and of past values, or NULL. */
static enum ercc_status check_heads(struct heads *h, const struct shape *past)
{
	struct node *node = h->node;
	h->heads = node_attr_int(node, "num_heads", 0);
	if (h->heads < 1 || h->width % h->heads || h->v_width % h->heads)
		return node_fail(node, ERCC_MODEL, "%lld queries and %lld values of a position do not divide into %lld heads",
		                 (long long)h->width, (long long)h->v_width, (long long)h->heads);
	if (past && (past->rank != 4 || past->dims[0] != h->batch || past->dims[1] != h->heads ||
	             past->dims[3] != h->width / h->heads || h->width != h->v_width))
		return node_fail(node, ERCC_MODEL, "the past %s does not go with %lld heads of %lld numbers",
		                 shape_words(node, past), (long long)h->heads, (long long)(h->width / h->heads));
	h->past_length = past ? past->dims[2] : 0;
	h->kv_length += h->past_length;
	return ERCC_OK;
}

/* A part of the last dim, from `from` on. */
static struct value *part(struct node *node, struct value *x, int64_t from, int64_t size)
{
	return EMIT(node, TEXT(node, "Slice(a, {%lld}, {%lld}, {-1})", (long long)from, (long long)(from + size)), x);
}

/* ---- Attention ---- */

enum { INPUT, WEIGHTS, BIAS, MASK_INDEX, PAST, ATTENTION_BIAS, PAST_LENGTH };

/* The sizes of queries, keys and values in the weights. */
static enum ercc_status read_sizes(const struct node *node, int64_t *sizes)
{
	const struct shape *x = &node->inputs[INPUT]->shape, *w = &node->inputs[WEIGHTS]->shape;
	const struct value *bias = node_input(node, BIAS);
	int count;
	TRY(int_list(node, "qkv_hidden_sizes", -1, sizes, 3, &count));
	for (int i = 0; i < 3 && count < 0 && w->rank == 2; i++)
		sizes[i] = w->dims[1] / 3;
	bool fits = (count < 0 || count == 3) && x->rank == 3 && w->rank == 2 && w->dims[0] == x->dims[2] && sizes[0] > 0 &&
	            sizes[2] > 0 && sizes[0] == sizes[1] && sizes[0] + sizes[1] + sizes[2] == w->dims[1];
	if (!fits || (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != w->dims[1])))
		return node_fail(node, ERCC_MODEL, "input %s, weights %s and bias %s do not go together", shape_words(node, x),
		                 shape_words(node, w), bias ? shape_words(node, &bias->shape) : "none");
	return ERCC_OK;
}

static enum ercc_status expand_fused_attention(struct node *node)
{
	const struct shape *x = &node->inputs[INPUT]->shape;
	struct heads h = {.node = node};
	struct value *past = node_input(node, PAST), *y;
	int64_t sizes[3] = {0};
	if (node_attr_int(node, "do_rotary", 0) || node_attr_int(node, "past_present_share_buffer", 0) ||
	    node_input(node, PAST_LENGTH))
		return node_fail(node, ERCC_UNSUPPORTED, "do_rotary and past_present_share_buffer are not supported");
	TRY(read_sizes(node, sizes));
	h.batch = x->dims[0];
	h.q_length = h.kv_length = x->dims[1];
	h.width = sizes[0];
	h.v_width = sizes[2];
	y = EMIT(node, "MatMul(a, b)", node->inputs[INPUT], node->inputs[WEIGHTS]);
	if (node_input(node, BIAS))
		y = EMIT(node, "Add(a, b)", y, node->inputs[BIAS]);
	h.q = part(node, y, 0, sizes[0]);
	h.k = part(node, y, sizes[0], sizes[1]);
	h.v = part(node, y, sizes[0] + sizes[1], sizes[2]);
	struct shape past_shape = {0};
	if (past) {
		if (past->shape.rank != 5 || past->shape.dims[0] != 2)
			return node_fail(node, ERCC_MODEL, "the past is %s; wanted keys and values in 5 dims",
			                 shape_words(node, &past->shape));
		h.past_k = EMIT(node, "Squeeze(Slice(a, {0}, {1}, {0}), {0})", past);
		h.past_v = EMIT(node, "Squeeze(Slice(a, {1}, {2}, {0}), {0})", past);
		past_shape = shape_of(4, past->shape.dims + 1);
	}
	TRY(check_heads(&h, past ? &past_shape : NULL));
	TRY(attend(&h, node_input(node, MASK_INDEX), node_input(node, ATTENTION_BIAS), &y));
	expand_to(node, 0, y);
	if (node_output(node, 1))
		expand_to(node, 1,
		          EMIT(node, "Concat[axis=0](Unsqueeze(a, {0}), Unsqueeze(b, {0}))", emitted_output(y, 1),
		               emitted_output(y, 2)));
	return ERCC_OK;
}

/* ---- MultiHeadAttention ---- */

enum { QUERY, KEY, VALUE, QKV_BIAS, PADDING_MASK, SCORES_BIAS, PAST_KEY, PAST_VALUE };

/* Reads the shape of keys or values, [batch, length, width] or [batch, heads, length, size]. Returns them in the first
 * form. */
static struct value *flattened(struct node *node, struct value *x, int64_t *dims)
{
	const struct shape *in = &x->shape;
	bool is_flat = in->rank == 3;
	for (int d = 0; d < 3; d++)
		dims[d] = in->rank != 3 && in->rank != 4 ? -1 : is_flat ? in->dims[d] : in->dims[(int[]){0, 2, 3}[d]];
	if (in->rank != 4)
		return x;
	dims[2] *= in->dims[1];
	return EMIT(node, "Reshape(Transpose[perm=0:2:1:3](a), b)", x, constant_ints(node, dims, 3));
}

static enum ercc_status read_parts(struct heads *h)
{
	struct node *node = h->node;
	const struct shape *q = &node->inputs[QUERY]->shape, *k = &node->inputs[KEY]->shape,
					   *v = &node->inputs[VALUE]->shape;
	int64_t k_dims[3], v_dims[3];
	h->q = node->inputs[QUERY];
	h->k = flattened(node, node->inputs[KEY], k_dims);
	h->v = flattened(node, node->inputs[VALUE], v_dims);
	h->batch = q->dims[0];
	h->q_length = q->dims[1];
	h->width = q->dims[2];
	h->kv_length = v_dims[1];
	h->v_width = v_dims[2];
	if (k_dims[0] != h->batch || v_dims[0] != h->batch || k_dims[1] != v_dims[1] || k_dims[2] != h->width)
		return node_fail(node, ERCC_MODEL, "queries %s, keys %s and values %s do not go together", shape_words(node, q),
		                 shape_words(node, k), shape_words(node, v));
	return ERCC_OK;
}

static enum ercc_status add_bias(struct heads *h, struct value *bias)
{
	struct node *node = h->node;
	int64_t width = h->width, all = 2 * width + h->v_width;
	if (bias->shape.rank != 1 || bias->shape.dims[0] != all)
		return node_fail(node, ERCC_MODEL, "the bias is %s; wanted [%lld]", shape_words(node, &bias->shape),
		                 (long long)all);
	h->q = EMIT(node, "Add(a, b)", h->q, part(node, bias, 0, width));
	h->k = EMIT(node, "Add(a, b)", h->k, part(node, bias, width, width));
	h->v = EMIT(node, "Add(a, b)", h->v, part(node, bias, 2 * width, h->v_width));
	return ERCC_OK;
}

static enum ercc_status expand_multi_head(struct node *node)
{
	struct heads h = {.node = node, .past_k = node_input(node, PAST_KEY), .past_v = node_input(node, PAST_VALUE)};
	struct value *bias = node_input(node, QKV_BIAS), *y;
	if (!node_input(node, KEY) || !node_input(node, VALUE) || node->inputs[QUERY]->shape.rank != 3)
		return node_fail(node, ERCC_UNSUPPORTED, "queries, keys and values in one tensor are not supported");
	if (!h.past_k != !h.past_v || (h.past_k && !shape_equal(&h.past_k->shape, &h.past_v->shape)))
		return node_fail(node, ERCC_MODEL, "past keys and past values do not go together");
	TRY(read_parts(&h));
	TRY(check_heads(&h, h.past_k ? &h.past_k->shape : NULL));
	if (bias)
		TRY(add_bias(&h, bias));
	TRY(attend(&h, node_input(node, PADDING_MASK), node_input(node, SCORES_BIAS), &y));
	expand_to(node, 0, y);
	for (int slot = 1; slot < 3; slot++)
		if (node_output(node, slot))
			expand_to(node, slot, emitted_output(y, slot));
	return ERCC_OK;
}

/* ---- RotaryEmbedding ---- */

static enum ercc_status expand_fused_rotary(struct node *node)
{
	const struct shape *x = &node->inputs[0]->shape, *cache = &node->inputs[2]->shape;
	struct value *positions = node->inputs[1];
	int64_t turned = node_attr_int(node, "rotary_embedding_dim", 0), heads = node_attr_int(node, "num_heads", 0);
	if (node_attr_int(node, "is_packed_batching", 0) || node_attr_float(node, "scale", 1) != 1)
		return node_fail(node, ERCC_UNSUPPORTED, "is_packed_batching and scale are not supported");
	if ((x->rank != 3 && x->rank != 4) || cache->rank != 2 || positions->dtype != ERC_I64)
		return node_fail(node, ERCC_MODEL, "input %s, positions %s and cosines %s do not go together",
		                 shape_words(node, x), shape_words(node, &positions->shape), shape_words(node, cache));
	int64_t batch = x->dims[0], length = x->dims[x->rank == 3 ? 1 : 2];
	if (x->rank == 3 && !heads && cache->dims[1] > 0)
		heads = x->dims[2] / (2 * cache->dims[1]);
	if (shape_elements(&positions->shape) == 1) { /* of the first element */
		struct shape row = shape_of(2, (int64_t[]){1, length});
		int64_t dims[] = {batch, length};
		positions = EMIT(node, "Expand(Add(a, Reshape(b, {1, 1})), c)", constant_range(node, 0, 1, length, &row),
		                 positions, constant_ints(node, dims, 2));
	}
	const char *text =
		TEXT(node, "RotaryEmbedding[interleaved=%d, num_heads=%lld, rotary_embedding_dim=%lld](a, b, c, d)",
	         node_attr_int(node, "interleaved", 0) != 0, (long long)heads, (long long)turned);
	expand_to(node, 0, EMIT(node, text, node->inputs[0], node->inputs[2], node->inputs[3], positions));
	return ERCC_OK;
}

const struct op ops_heads[] = {
	{"Attention", 1, 2, 7, 2, TYPES_FLOAT, .expand = expand_fused_attention, .domain = MICROSOFT,

     .attrs = "do_rotary=int mask_filter_value=float num_heads=int past_present_share_buffer=int qkv_hidden_sizes=ints "
              "rotary_embedding_dim=any scale=float unidirectional=int"},
	{"MultiHeadAttention", 1, 1, 8, 3, TYPES_FLOAT, .expand = expand_multi_head, .domain = MICROSOFT,
     .attrs = "mask_filter_value=float num_heads=int scale=float unidirectional=int"},
	{"RotaryEmbedding", 1, 4, 4, 1, TYPES_FLOAT, .expand = expand_fused_rotary, .domain = MICROSOFT,
     .attrs = "interleaved=int is_packed_batching=int num_heads=int rotary_embedding_dim=int scale=float"},
	{0},
};
