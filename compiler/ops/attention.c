/* Attention and RotaryEmbedding, expanded into products, softmax and element-wise operators. */
#include "compiler/ops/attention_core.h"

#include <math.h>

enum { QUERY, KEY, VALUE, MASK, PAST_KEY, PAST_VALUE, VALID_LENGTH };

/* An Attention node's inputs and attributes. All values have the shape [batch, heads, sequence, head size]. */
struct attention {
	struct value *q, *k, *v, *mask, *past_k, *past_v, *valid; /* mask and all after it may be NULL */
	int64_t batch, q_heads, kv_heads, q_length, kv_length, past_length, size, v_size;
	bool flat; /* the node's q, k and v are [batch, sequence, heads * size] */
	bool causal;
	int64_t left, right;    /* keys that a query sees before and after its own position; -1: all */
	enum erc_dtype softmax; /* dtype that the softmax is computed in */
	float softcap;
	double scale;
};

static enum ercc_status check_heads(const struct node *node, int slot, int64_t heads, int64_t *length, int64_t *size)
{
	const struct shape *shape = &node->inputs[slot]->shape;
	TRY(check_same_dtype(node, slot));
	if (shape->rank != node->inputs[QUERY]->shape.rank || shape->dims[0] != node->inputs[QUERY]->shape.dims[0])
		return node_fail(node, ERCC_MODEL, "input %d is %s, the query %s; rank and batch must be equal", slot,
		                 shape_words(node, shape), shape_words(node, &node->inputs[QUERY]->shape));
	if (heads < 1 || (shape->rank == 3 ? shape->dims[2] % heads != 0 : shape->dims[1] != heads))
		return node_fail(node, ERCC_MODEL, "input %d, %s, does not divide into %lld heads", slot,
		                 shape_words(node, shape), (long long)heads);
	*length = shape->dims[shape->rank - 2];
	*size = shape->rank == 3 ? shape->dims[2] / heads : shape->dims[3];
	return ERCC_OK;
}

static enum ercc_status check_past(const struct node *node, struct attention *a)
{
	const struct value *k = a->past_k, *v = a->past_v;
	if (!k != !v)
		return node_fail(node, ERCC_MODEL, "past_key and past_value must be given together");
	if (!k)
		return ERCC_OK;
	TRY(check_same_dtype(node, PAST_KEY));
	TRY(check_same_dtype(node, PAST_VALUE));
	a->past_length = k->shape.rank == 4 ? k->shape.dims[2] : -1;
	struct shape keys = shape_of(4, (int64_t[]){a->batch, a->kv_heads, a->past_length, a->size}), values = keys;
	values.dims[3] = a->v_size;
	if (!shape_equal(&k->shape, &keys) || !shape_equal(&v->shape, &values))
		return node_fail(node, ERCC_MODEL, "past key %s and value %s do not fit %lld heads of %lld numbers",
		                 shape_words(node, &k->shape), shape_words(node, &v->shape), (long long)a->kv_heads,
		                 (long long)a->size);
	return ERCC_OK;
}

static enum ercc_status read_attention(const struct node *node, struct attention *a)
{
	const struct shape *q = &node->inputs[QUERY]->shape;
	int64_t length, size;
	*a = (struct attention){
		.q = node->inputs[QUERY],
		.k = node->inputs[KEY],
		.v = node->inputs[VALUE],
		.mask = node_input(node, MASK),
		.past_k = node_input(node, PAST_KEY),
		.past_v = node_input(node, PAST_VALUE),
		.valid = node_input(node, VALID_LENGTH),
	};
	if (q->rank != 3 && q->rank != 4)
		return node_fail(node, ERCC_MODEL, "the query has rank %d; 3 and 4 are possible", q->rank);
	a->flat = q->rank == 3;
	a->batch = q->dims[0];
	a->q_heads = a->flat ? node_attr_int(node, "q_num_heads", 0) : q->dims[1];
	a->kv_heads = a->flat ? node_attr_int(node, "kv_num_heads", 0) : a->k->shape.rank == 4 ? a->k->shape.dims[1] : 0;
	TRY(check_heads(node, QUERY, a->q_heads, &a->q_length, &a->size));
	TRY(check_heads(node, KEY, a->kv_heads, &a->kv_length, &size));
	TRY(check_heads(node, VALUE, a->kv_heads, &length, &a->v_size));
	if (size != a->size || length != a->kv_length || a->q_heads % a->kv_heads)
		return node_fail(node, ERCC_MODEL,
		                 "%lld query heads of %lld, %lld key heads of %lld, keys of length %lld, values of %lld: they "
		                 "do not fit each other",
		                 (long long)a->q_heads, (long long)a->size, (long long)a->kv_heads, (long long)size,
		                 (long long)a->kv_length, (long long)length);
	TRY(check_past(node, a));
	a->kv_length += a->past_length;
	if (a->valid &&
	    (a->past_k || a->valid->dtype != ERC_I64 || a->valid->shape.rank != 1 || a->valid->shape.dims[0] != a->batch))
		return node_fail(node, ERCC_MODEL,
		                 "nonpad_kv_seqlen %s%s for a batch of %lld; wanted one i64 each, and no past key",
		                 dtype_name(a->valid->dtype), shape_words(node, &a->valid->shape), (long long)a->batch);
	a->causal = node_attr_int(node, "is_causal", 0) != 0;
	a->left = node_attr_int(node, "left_window_size", -1);
	a->right = node_attr_int(node, "right_window_size", -1);
	if (a->left < -1 || a->right < -1)
		return node_fail(node, ERCC_MODEL, "windows of %lld and %lld; wanted -1 or more", (long long)a->left,
		                 (long long)a->right);
	a->softcap = node_attr_float(node, "softcap", 0);
	a->scale = (double)node_attr_float(node, "scale", 0);
	if (!node_attr(node, "scale"))
		a->scale = a->q->dtype == ERC_F64 ? 1 / sqrt((double)a->size) : (double)(1 / sqrtf((float)a->size));
	return ERCC_OK;
}

/* [batch, length, heads * size] -> [batch, heads, length, size] */
static struct value *split_heads(struct node *node, struct value *x, int64_t heads, int64_t size)
{
	int64_t dims[] = {x->shape.dims[0], x->shape.dims[1], heads, size};
	return EMIT(node, "Transpose[perm=0:2:1:3](Reshape(a, b))", x, constant_ints(node, dims, 4));
}

/* Repeats each key or value head once for every query head that shares it. */
static struct value *repeat_heads(struct node *node, const struct attention *a, struct value *x, int64_t size)
{
	int64_t repeats = a->q_heads / a->kv_heads, wide[] = {a->batch, a->kv_heads, repeats, a->kv_length, size};
	int64_t out[] = {a->batch, a->q_heads, a->kv_length, size};
	if (repeats == 1)
		return x;
	return EMIT(node, "Reshape(Expand(Unsqueeze(a, {2}), b), c)", x, constant_ints(node, wide, 5),
	            constant_ints(node, out, 4));
}

/* Sets *bias to the mask in the form that is added to a score: 0 or minus infinity for a bool mask. A mask that is
 * shorter than the keys hides the keys after its end. */
static enum ercc_status emit_mask(struct node *node, const struct attention *a, struct value **bias)
{
	struct value *mask = a->mask, *query = node->inputs[QUERY];
	struct shape full = shape_of(4, (int64_t[]){a->batch, a->q_heads, a->q_length, a->kv_length}), shape = mask->shape,
				 both;
	int64_t width = shape.rank ? shape.dims[shape.rank - 1] : 0;
	if (mask->dtype != ERC_BOOL && mask->dtype != query->dtype)
		mask = EMIT(node, TEXT(node, "Cast[to=%d](a)", (int)query->dtype), mask);
	if (mask->dtype == ERC_BOOL)
		mask = EMIT(node, "Where(b, Mul(c, 0), -inf)", query, mask, constant_number(node, query->dtype, 0));
	if ((width > 1 || node->opset >= 24) && width < a->kv_length) {
		int64_t pads[2 * MAX_RANK] = {0};
		pads[2 * shape.rank - 1] = a->kv_length - width;
		shape.dims[shape.rank - 1] = a->kv_length;
		mask = EMIT(node, "Pad(b, c, -inf)", query, mask, constant_ints(node, pads, 2 * shape.rank));
	}
	TRY(broadcast_shapes(node, &shape, &full, &both));
	if (!shape_equal(&both, &full))
		return node_fail(node, ERCC_MODEL, "mask %s does not broadcast to scores %s",
		                 shape_words(node, &a->mask->shape), shape_words(node, &full));
	*bias = mask;
	return ERCC_OK;
}

/* Extends *bias so that scores are hidden where `allowed` is false. *bias may be NULL. */
static void hide(struct node *node, struct value *allowed, struct value **bias)
{
	struct value *query = node->inputs[QUERY];
	struct value *more = EMIT(node, "Where(b, c, -inf)", query, allowed, constant_number(node, query->dtype, 0));
	*bias = *bias ? EMIT(node, "Add(a, b)", *bias, more) : more;
}

/* The position p of query i is i + the number of keys before the first query. It sees keys j <= p if causal, and those
 * from p - left to p + right. With valid lengths, it also needs j below its batch's valid length. */
static void hide_unseen(struct node *node, const struct attention *a, struct value **bias)
{
	struct shape column = shape_of(2, (int64_t[]){a->q_length, 1}), row = shape_of(2, (int64_t[]){1, a->kv_length});
	struct value *j = constant_range(node, 0, 1, a->kv_length, &row), *valid = NULL;
	struct value *p = constant_range(node, a->valid ? -a->q_length : a->past_length, 1, a->q_length, &column);
	if (a->valid) {
		valid = EMIT(node, "Reshape(a, {-1, 1, 1, 1})", emit_lengths(node, a->valid, a->kv_length));
		p = EMIT(node, "Add(a, b)", p, valid);
	}
	if (a->causal)
		hide(node, EMIT(node, "LessOrEqual(a, b)", j, p), bias);
	if (a->left >= 0)
		hide(node, EMIT(node, "LessOrEqual(a, Add(b, c))", p, j, constant_number(node, ERC_I64, (double)a->left)),
		     bias);
	if (a->right >= 0)
		hide(node, EMIT(node, "LessOrEqual(a, Add(b, c))", j, p, constant_number(node, ERC_I64, (double)a->right)),
		     bias);
	if (a->valid)
		hide(node, EMIT(node, "Less(a, b)", j, valid), bias);
}

/* Expands into MatMul, Softmax and so on, in cases that the kernel does not support: capped scores, scores as an
 * output, or very large heads. */
static struct value *emit_parts(struct node *node, const struct attention *a, struct value *q, struct value *k,
                                struct value *v, struct value *bias, int64_t mode)
{
	struct value *stages[4], *root = constant_number(node, node->inputs[QUERY]->dtype, sqrt(a->scale));
	stages[0] = EMIT(node, "MatMul(Mul(a, c), Transpose[perm=0:1:3:2](Mul(b, c)))", q, k, root);
	stages[1] = stages[0];
	if (a->softcap > 0)
		stages[1] = EMIT(node, "Mul(Tanh(Div(a, b)), b)", stages[0],
		                 constant_number(node, node->inputs[QUERY]->dtype, a->softcap));
	stages[2] = bias ? EMIT(node, "Add(a, b)", stages[1], bias) : stages[1];
	stages[3] = EMIT(node, TEXT(node, "CastLike(Softmax[axis=-1](Cast[to=%d](a)), b)", (int)a->softmax), stages[2],
	                 node->inputs[QUERY]);
	if (bias) /* a query that sees no key gets zeros */
		stages[3] = EMIT(node, "Where(IsInf[detect_positive=0](ReduceMax(b, {-1})), c, a)", stages[3], bias,
		                 constant_number(node, node->inputs[QUERY]->dtype, 0));
	expand_to(node, 3, stages[mode]);
	return EMIT(node, "MatMul(a, b)", stages[3], v);
}

/* Half precision is computed in f32 here as elsewhere. */
static enum ercc_status read_softmax(const struct node *node, struct attention *a)
{
	int64_t given = node_attr_int(node, "softmax_precision", 0);
	bool half = given == ERC_F16 || given == ERC_BF16;
	if (given && !half && given != ERC_F32 && given != ERC_F64)
		return node_fail(node, ERCC_MODEL, "softmax_precision %lld; wanted a float dtype", (long long)given);
	a->softmax = given ? half ? ERC_F32 : (enum erc_dtype)given : a->q->dtype;
	return ERCC_OK;
}

static bool is_f32(const struct node *node, const struct attention *a)
{
	return node->inputs[QUERY]->dtype == ERC_F32 && a->softmax == ERC_F32;
}

static enum ercc_status expand_attention(struct node *node)
{
	struct attention a;
	struct value *bias = NULL, *y;
	TRY(read_attention(node, &a));
	TRY(read_softmax(node, &a));
	int64_t mode = node_attr_int(node, "qk_matmul_output_mode", 0);
	if (mode < 0 || mode > 3)
		return node_fail(node, ERCC_MODEL, "qk_matmul_output_mode %lld; wanted 0 to 3", (long long)mode);
	if (a.mask)
		TRY(emit_mask(node, &a, &bias));
	struct value *q = a.flat ? split_heads(node, a.q, a.q_heads, a.size) : a.q;
	struct value *k = a.flat ? split_heads(node, a.k, a.kv_heads, a.size) : a.k;
	struct value *v = a.flat ? split_heads(node, a.v, a.kv_heads, a.v_size) : a.v;
	if (a.past_k) {
		k = EMIT(node, "Concat[axis=2](a, b)", a.past_k, k);
		v = EMIT(node, "Concat[axis=2](a, b)", a.past_v, v);
	}
	hide_unseen(node, &a, &bias);
	expand_to(node, 1, k);
	expand_to(node, 2, v);
	k = repeat_heads(node, &a, k, a.size);
	v = repeat_heads(node, &a, v, a.v_size);
	if (a.softcap > 0 || node_output(node, 3) || a.size > ATTENTION_SIZE_LIMIT || a.v_size > ATTENTION_SIZE_LIMIT ||
	    !is_f32(node, &a))
		y = emit_parts(node, &a, q, k, v, bias, mode);
	else
		y = EMIT(node,
		         TEXT(node,
		              bias ? "erc.Attention[scale=%.9e, mask=1, zero_empty=1](a, b, c, d)"
		                   : "erc.Attention[scale=%.9e](a, b, c)",
		              a.scale),
		         q, k, v, bias);
	if (a.flat) {
		int64_t dims[] = {a.batch, a.q_length, a.q_heads * a.v_size};
		y = EMIT(node, "Reshape(Transpose[perm=0:2:1:3](a), b)", y, constant_ints(node, dims, 3));
	}
	expand_to(node, 0, y);
	return ERCC_OK;
}

/* ---- RotaryEmbedding ---- */

/* Rotates pairs of elements by the angle of their position. A pair is one element of each half of a head, or two
 * neighbours where interleaved. */
static enum ercc_status expand_rotary(struct node *node)
{
	struct value *x = node->inputs[0], *cosine = node->inputs[1], *sine = node->inputs[2],
				 *positions = node_input(node, 3), *y;
	const struct shape in = x->shape;
	bool flat = in.rank == 3, interleaved = node_attr_int(node, "interleaved", 0) != 0;
	int64_t heads = flat ? node_attr_int(node, "num_heads", 0) : in.rank == 4 ? in.dims[1] : 0;
	if (heads < 1 || (flat && in.dims[2] % heads))
		return node_fail(node, ERCC_MODEL, "input %s does not divide into %lld heads", shape_words(node, &in),
		                 (long long)heads);
	TRY(check_same_dtype(node, 1));
	TRY(check_same_dtype(node, 2));
	int64_t size = flat ? in.dims[2] / heads : in.dims[3], length = flat ? in.dims[1] : in.dims[2];
	int64_t turned = node_attr_int(node, "rotary_embedding_dim", 0), half;
	turned = turned ? turned : size;
	half = turned / 2;
	const struct shape *cache = &cosine->shape;
	bool fits = turned % 2 == 0 && turned > 0 && turned <= size && cache->rank == (positions ? 2 : 3) &&
	            cache->dims[cache->rank - 1] == half && shape_equal(cache, &sine->shape);
	if (fits && positions)
		fits = positions->dtype == ERC_I64 && positions->shape.rank == 2 && positions->shape.dims[1] == length;
	if (!fits)
		return node_fail(node, ERCC_MODEL,
		                 "cosines %s, sines %s and %s positions do not fit a rotation of %lld of %lld numbers a head",
		                 shape_words(node, cache), shape_words(node, &sine->shape), positions ? "given" : "no",
		                 (long long)turned, (long long)size);
	/* [batch, length, heads, size] from here on */
	int64_t dims[] = {in.dims[0], length, heads, size};
	x = flat ? EMIT(node, "Reshape(a, b)", x, constant_ints(node, dims, 4))
	         : EMIT(node, "Transpose[perm=0:2:1:3](a)", x);
	const char *spread = positions ? "Unsqueeze(Gather[positions=1](a, b), {2})" : "Unsqueeze(a, {2})";
	struct value *c = EMIT(node, spread, cosine, positions), *s = EMIT(node, spread, sine, positions);
	const char *part = "Slice(a, {%d}, {%d}, {3}, {%d})";
	struct value *first = EMIT(node, TEXT(node, part, 0, (int)(interleaved ? turned : half), interleaved ? 2 : 1), x);
	struct value *second =
		EMIT(node, TEXT(node, part, (int)(interleaved ? 1 : half), (int)turned, interleaved ? 2 : 1), x);
	struct value *real = EMIT(node, "Sub(Mul(a, c), Mul(b, d))", first, second, c, s);
	struct value *imaginary = EMIT(node, "Add(Mul(a, d), Mul(b, c))", first, second, c, s);
	dims[3] = turned;
	if (interleaved)
		y = EMIT(node, "Reshape(Concat[axis=4](Unsqueeze(a, {4}), Unsqueeze(b, {4})), c)", real, imaginary,
		         constant_ints(node, dims, 4));
	else
		y = EMIT(node, "Concat[axis=3](a, b)", real, imaginary);
	if (turned < size)
		y = EMIT(node,
		         TEXT(node, "Concat[axis=3](a, Slice(b, {%lld}, {%lld}, {3}))", (long long)turned, (long long)size), y,
		         x);
	expand_to(node, 0,
	          flat ? EMIT(node, "Reshape(a, b)", y, constant_ints(node, in.dims, 3))
	               : EMIT(node, "Transpose[perm=0:2:1:3](a)", y));
	return ERCC_OK;
}

const struct op ops_attention[] = {
	{"Attention", 1, 3, 4, 1, TYPE(F32), infer_attention_core, lower_attention_core, .domain = "erc",
     .recoveries = attention_recoveries},
	{"Attention", 23, 3, 7, 4, TYPES_FLOAT, .expand = expand_attention, .own_types = 8,
     .attrs = "is_causal=int kv_num_heads=int q_num_heads=int qk_matmul_output_mode=int scale=float softcap=float "
              "softmax_precision=int left_window_size=int@25 right_window_size=int@25"},
	{"RotaryEmbedding", 23, 3, 4, 1, TYPE(F32), .expand = expand_rotary,
     .attrs = "interleaved=int num_heads=int rotary_embedding_dim=int"},
	{0},
};
