/* Sequence operators that carry a state from one call to the next: LinearAttention, which is unrolled into steps, and
 * CausalConvWithState. */
#include "compiler/lower/op.h"

#include <math.h>

#define STEPS_MAX 2048

/* ---- CausalConvWithState: a depthwise convolution over the state of the last call followed by the input ---- */

static enum ercc_status expand_causal_conv(struct node *node)
{
	struct value *x = node->inputs[0], *weight = node->inputs[1], *bias = node_input(node, 2),
				 *past = node_input(node, 3);
	const char *activation = node_attr_text(node, "activation", "none");
	const struct shape *in = &x->shape, *w = &weight->shape;
	for (int i = 1; i < 4; i++)
		TRY(check_same_dtype(node, i));
	int64_t taps = w->rank == 3 ? w->dims[2] : 0, channels = in->rank == 3 ? in->dims[1] : 0;
	struct shape state = shape_of(3, (int64_t[]){in->dims[0], channels, taps - 1});
	if (taps < 1 || channels < 1 || w->dims[0] != channels || w->dims[1] != 1 ||
	    (past && !shape_equal(&past->shape, &state)) ||
	    (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != channels)))
		return node_fail(node, ERCC_MODEL, "input %s, weights %s and past state %s do not fit each other",
		                 shape_words(node, in), shape_words(node, w), past ? shape_words(node, &past->shape) : "none");
	bool silu = !strcmp(activation, "silu") || !strcmp(activation, "swish");
	if (!silu && strcmp(activation, "none"))
		return node_fail(node, ERCC_MODEL, "activation '%s' is unknown", activation);
	if (!past)
		past = EMIT(node, "Expand(a, b)", constant_number(node, x->dtype, 0), constant_ints(node, state.dims, 3));
	struct value *whole = taps > 1 ? EMIT(node, "Concat[axis=2](a, b)", past, x) : x;
	struct value *y =
		EMIT(node, TEXT(node, bias ? "Conv[group=%lld](a, b, c)" : "Conv[group=%lld](a, b)", (long long)channels),
	         whole, weight, bias);
	expand_to(node, 0, silu ? EMIT(node, "Mul(a, Sigmoid(a))", y) : y);
	expand_to(node, 1,
	          EMIT(node,
	               TEXT(node, "Slice(a, {%lld}, {%lld}, {2})", (long long)in->dims[2],
	                    (long long)(in->dims[2] + taps - 1)),
	               whole));
	return ERCC_OK;
}

/* ---- LinearAttention: state = decay state + key (value - what the state returns for the key) ---- */

struct linear {
	int64_t batch, steps, q_heads, kv_heads, k_size, v_size;
	bool gated, delta;
	struct value *q, *k, *v, *decay, *beta,
		*state; /* [batch, heads, steps, size]; state: [batch, heads, k_size, v_size] */
};

static enum ercc_status check_part(const struct node *node, int slot, const char *what, const struct linear *l,
                                   int64_t a, int64_t b)
{
	const struct shape *shape = &node->inputs[slot]->shape;
	TRY(check_same_dtype(node, slot));
	if (shape->rank != 3 || shape->dims[0] != l->batch || shape->dims[1] != l->steps ||
	    (shape->dims[2] != a && shape->dims[2] != b))
		return node_fail(node, ERCC_MODEL, "%s is %s, which does not fit a batch of %lld and %lld steps", what,
		                 shape_words(node, shape), (long long)l->batch, (long long)l->steps);
	return ERCC_OK;
}

static enum ercc_status read_linear(const struct node *node, struct linear *l)
{
	const char *rule = node_attr_text(node, "update_rule", "gated_delta");
	const struct shape *q = &node->inputs[0]->shape, *v = &node->inputs[2]->shape;
	l->gated = !strncmp(rule, "gated", 5);
	l->delta = !strcmp(rule, "delta") || !strcmp(rule, "gated_delta");
	l->q_heads = node_attr_int(node, "q_num_heads", 0);
	l->kv_heads = node_attr_int(node, "kv_num_heads", 0);
	if (strcmp(rule, "linear") && strcmp(rule, "gated") && !l->delta)
		return node_fail(node, ERCC_MODEL, "update_rule '%s' is unknown", rule);
	if (l->gated != (node_input(node, 4) != NULL) || l->delta != (node_input(node, 5) != NULL))
		return node_fail(node, ERCC_MODEL, "update_rule '%s' with %s decay and %s beta is not possible", rule,
		                 node_input(node, 4) ? "a" : "no", node_input(node, 5) ? "a" : "no");
	if (l->kv_heads < 1 || l->q_heads < 1 || l->q_heads % l->kv_heads || q->rank != 3 || v->rank != 3 ||
	    q->dims[2] % l->q_heads || v->dims[2] % l->kv_heads)
		return node_fail(node, ERCC_MODEL, "query %s of %lld heads and value %s of %lld do not fit each other",
		                 shape_words(node, q), (long long)l->q_heads, shape_words(node, v), (long long)l->kv_heads);
	l->batch = q->dims[0];
	l->steps = q->dims[1];
	l->k_size = q->dims[2] / l->q_heads;
	l->v_size = v->dims[2] / l->kv_heads;
	if (l->steps < 1 || l->steps > STEPS_MAX)
		return node_fail(node, ERCC_UNSUPPORTED, "%lld steps; 1 to %d are supported", (long long)l->steps, STEPS_MAX);
	TRY(check_part(node, 1, "the key", l, l->kv_heads * l->k_size, l->kv_heads * l->k_size));
	TRY(check_part(node, 2, "the value", l, l->kv_heads * l->v_size, l->kv_heads * l->v_size));
	if (l->gated)
		TRY(check_part(node, 4, "decay", l, l->kv_heads, l->kv_heads * l->k_size));
	if (l->delta)
		TRY(check_part(node, 5, "beta", l, l->kv_heads, 1));
	struct shape state = shape_of(4, (int64_t[]){l->batch, l->kv_heads, l->k_size, l->v_size});
	if (node_input(node, 3) && !shape_equal(&node->inputs[3]->shape, &state))
		return node_fail(node, ERCC_MODEL, "past_state is %s, but must be %s",
		                 shape_words(node, &node->inputs[3]->shape), shape_words(node, &state));
	return ERCC_OK;
}

/* [batch, steps, heads * size] -> [batch, heads, steps, size] */
static struct value *by_head(struct node *node, int slot, int64_t heads)
{
	const struct shape *shape = &node->inputs[slot]->shape;
	int64_t dims[] = {shape->dims[0], shape->dims[1], heads, shape->dims[2] / heads};
	return EMIT(node, "Transpose[perm=0:2:1:3](Reshape(a, b))", node->inputs[slot], constant_ints(node, dims, 4));
}

/* Step t as [batch, heads, 1, size]. */
static struct value *at_step(struct node *node, struct value *x, int64_t t)
{
	return EMIT(node, TEXT(node, "Slice(a, {%lld}, {%lld}, {2})", (long long)t, (long long)(t + 1)), x);
}

static struct value *step_linear(struct node *node, struct linear *l, int64_t t)
{
	struct value *k = EMIT(node, "Transpose[perm=0:1:3:2](a)", at_step(node, l->k, t)), *v = at_step(node, l->v, t),
				 *read = l->state;
	int64_t repeats = l->q_heads / l->kv_heads;
	if (l->gated) /* decay has one factor per key dim, or one for all */
		l->state = EMIT(node, "Mul(a, Exp(Transpose[perm=0:1:3:2](b)))", l->state, at_step(node, l->decay, t));
	if (l->delta)
		v = EMIT(node, "Mul(a, Sub(b, MatMul(Transpose[perm=0:1:3:2](c), d)))", at_step(node, l->beta, t), v, k,
		         l->state);
	l->state = EMIT(node, "Add(a, Mul(b, c))", l->state, k, v);
	read = l->state;
	if (repeats > 1) {
		int64_t wide[] = {l->batch, l->kv_heads, repeats, l->k_size, l->v_size},
				dims[] = {l->batch, l->q_heads, l->k_size, l->v_size};
		read = EMIT(node, "Reshape(Expand(Unsqueeze(a, {2}), b), c)", read, constant_ints(node, wide, 5),
		            constant_ints(node, dims, 4));
	}
	return EMIT(node, "MatMul(a, b)", at_step(node, l->q, t), read);
}

static enum ercc_status expand_linear_attention(struct node *node)
{
	struct linear l = {0};
	TRY(read_linear(node, &l));
	double scale = (double)node_attr_float(node, "scale", 0);
	scale = scale == 0 ? 1 / sqrt((double)l.k_size) : scale;
	l.q = by_head(node, 0, l.q_heads);
	l.k = by_head(node, 1, l.kv_heads);
	l.v = by_head(node, 2, l.kv_heads);
	if (l.gated)
		l.decay = by_head(node, 4, l.kv_heads);
	if (l.delta)
		l.beta = by_head(node, 5, node->inputs[5]->shape.dims[2]);
	int64_t state[] = {l.batch, l.kv_heads, l.k_size, l.v_size}, out[] = {l.batch, l.steps, l.q_heads * l.v_size};
	l.state = node_input(node, 3);
	if (!l.state)
		l.state =
			EMIT(node, "Expand(a, b)", constant_number(node, node->inputs[0]->dtype, 0), constant_ints(node, state, 4));
	struct value **shown = arena_array(&node->graph->ctx->arena, (size_t)l.steps, sizeof *shown);
	for (int64_t t = 0; t < l.steps; t++)
		shown[t] = step_linear(node, &l, t);
	expand_to(node, 0,
	          EMIT(node, "Reshape(Transpose[perm=0:2:1:3](Mul(a, b)), c)", emit_concat(node, 2, shown, (int)l.steps),
	               constant_number(node, node->inputs[0]->dtype, scale), constant_ints(node, out, 3)));
	expand_to(node, 1, l.state);
	return ERCC_OK;
}

const struct op ops_recurrent[] = {
	{"CausalConvWithState", 27, 2, 4, 2, TYPE(F32), .expand = expand_causal_conv, .attrs = "activation=text"},
	{"LinearAttention", 27, 3, 6, 2, TYPE(F32), .expand = expand_linear_attention, .own_types = 8,
     .attrs = "chunk_size=any kv_num_heads=int q_num_heads=int scale=float update_rule=text"},
	{0},
};
