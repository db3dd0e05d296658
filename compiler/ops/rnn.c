/* RNN, GRU and LSTM, unrolled; in entries with ranges, as loops. The products of the input for all steps come first, as one
 * product. Each step is then a product with the state and element-wise work. */
#include "compiler/lower/inserted.h"
#include "compiler/lower/regions.h"
#include "compiler/ops/sizes.h"

#include <strings.h>

#define STEPS_MAX 2048
/* LSTM's third activation, of the cell. */
#define CELL 2

/* Activations of gates: text over `a`. b and c are alpha and beta; d and e are 0 and 1. */
static const struct activation {
	const char *name, *text;
	int factors; /* 1: alpha; 2: alpha and beta */
	float alpha, beta;
} activations[] = {
	{"Relu", "Relu(a)", 0, 0, 0},
	{"Tanh", "Tanh(a)", 0, 0, 0},
	{"Sigmoid", "Sigmoid(a)", 0, 0, 0},
	{"Softsign", "Softsign(a)", 0, 0, 0},
	{"Softplus", "Softplus(a)", 0, 0, 0},
	{"Affine", "Add(Mul(a, b), c)", 2, 1, 0},
	{"ScaledTanh", "Mul(Tanh(Mul(a, c)), b)", 2, 1, 1},
	{"HardSigmoid", "Clip(Add(Mul(a, b), c), d, e)", 2, 0.2f, 0.5f},
	{"LeakyRelu", "Where(Less(a, d), Mul(a, b), a)", 1, 0.01f, 0},
	{"Elu", "Where(Less(a, d), Mul(Sub(Exp(a), e), b), a)", 1, 1, 0},
	{"ThresholdedRelu", "Where(Greater(a, b), a, d)", 1, 1, 0},
};

struct gate {
	const struct activation *activation;
	float alpha, beta;
};

/* One direction of the node while it is expanded. */
struct rnn {
	struct node *node;
	int64_t gates; /* 1, 3 or 4 */
	int64_t steps, batch, hidden, directions;
	bool batch_first, reverse;
	int direction;       /* index of this direction in the weights */
	struct gate gate[3]; /* activations f, g, h */
	float clip;          /* 0: none */
	struct value *lengths, *zero, *one;
	struct value *r, *r_own, *rb; /* [hidden, gates * hidden]; of GRU's new state alone; its bias */
	struct value *p[3];           /* LSTM's peepholes i, o, f */
	struct value *h, *c;          /* the state: [batch, hidden] */
};

/* ---- reading the node ---- */

static enum ercc_status check_input(const struct node *node, int slot, const char *what, int rank, const int64_t *dims)
{
	const struct value *value = node_input(node, slot);
	struct shape wanted = shape_of(rank, dims);
	if (value && !shape_equal(&value->shape, &wanted))
		return node_fail(node, ERCC_MODEL, "%s is %s, but must be %s", what, shape_words(node, &value->shape),
		                 shape_words(node, &wanted));
	return ERCC_OK;
}

static enum ercc_status read_rnn(struct node *node, struct rnn *rnn)
{
	const struct shape *x = &node->inputs[0]->shape, *r = &node->inputs[2]->shape;
	const char *direction = node_attr_text(node, "direction", "forward");
	rnn->node = node;
	rnn->directions = strcmp(direction, "bidirectional") ? 1 : 2;
	rnn->batch_first = node_attr_int(node, "layout", 0) != 0;
	rnn->clip = node_attr_float(node, "clip", 0);
	if (x->rank != 3 || r->rank != 3)
		return node_fail(node, ERCC_MODEL, "X and R must have rank 3, found %d and %d", x->rank, r->rank);
	if (strcmp(direction, "forward") && strcmp(direction, "reverse") && rnn->directions == 1)
		return node_fail(node, ERCC_MODEL, "direction '%s' is unknown", direction);
	rnn->steps = x->dims[rnn->batch_first];
	rnn->batch = x->dims[!rnn->batch_first];
	rnn->hidden = r->dims[2];
	if (rnn->steps < 1 || rnn->steps > STEPS_MAX)
		return node_fail(node, ERCC_UNSUPPORTED, "%lld steps; 1 to %d are supported", (long long)rnn->steps, STEPS_MAX);
	if (node_attr_int(node, "hidden_size", rnn->hidden) != rnn->hidden)
		return node_fail(node, ERCC_MODEL, "hidden_size %lld, but R is %s",
		                 (long long)node_attr_int(node, "hidden_size", 0), shape_words(node, r));
	int64_t d = rnn->directions, h = rnn->hidden, rows = rnn->gates * h, b = rnn->batch;
	int64_t state[] = {rnn->batch_first ? b : d, rnn->batch_first ? d : b, h};
	for (int slot = 1; slot < node->input_count; slot++)
		if (slot != 4)
			TRY(check_same_dtype(node, slot));
	TRY(check_input(node, 1, "W", 3, (int64_t[]){d, rows, x->dims[2]}));
	TRY(check_input(node, 2, "R", 3, (int64_t[]){d, rows, h}));
	TRY(check_input(node, 3, "B", 2, (int64_t[]){d, 2 * rows}));
	TRY(check_input(node, 4, "sequence_lens", 1, &b));
	TRY(check_input(node, 5, "initial_h", 3, state));
	TRY(check_input(node, 6, "initial_c", 3, state));
	TRY(check_input(node, 7, "P", 2, (int64_t[]){d, 3 * h}));
	rnn->lengths = node_input(node, 4);
	if (rnn->lengths && rnn->lengths->dtype != ERC_I32)
		return node_fail(node, ERCC_MODEL, "sequence_lens of %s; i32 is needed", dtype_name(rnn->lengths->dtype));
	return ERCC_OK;
}

/* Activations are listed per direction. Those that have an alpha or beta take the next one of its list. */
static enum ercc_status read_gates(struct node *node, const struct rnn *rnn, const char *const *defaults, int count,
                                   struct gate *gates)
{
	const struct attr *names = node_attr(node, "activations"), *alpha = node_attr(node, "activation_alpha");
	const struct attr *beta = node_attr(node, "activation_beta");
	int64_t alphas = 0, betas = 0;
	if (names && (names->kind != ATTR_STRINGS || names->count != count * rnn->directions))
		return node_fail(node, ERCC_MODEL, "activations has %lld entries, not %d", (long long)names->count,
		                 (int)(count * rnn->directions));
	for (int i = 0; i < count * (int)rnn->directions; i++) {
		const char *name = names ? names->strings[i] : defaults[i % count];
		struct gate *gate = &gates[i];
		for (size_t k = 0; k < COUNT_OF(activations); k++)
			if (!strcasecmp(name, activations[k].name))
				gate->activation = &activations[k];
		if (!gate->activation)
			return node_fail(node, ERCC_UNSUPPORTED, "activation '%s' is not supported", name);
		gate->alpha = gate->activation->alpha;
		gate->beta = gate->activation->beta;
		if (gate->activation->factors > 0 && alpha && alpha->kind == ATTR_FLOATS && alphas < alpha->count)
			gate->alpha = alpha->floats[alphas++];
		if (gate->activation->factors > 1 && beta && beta->kind == ATTR_FLOATS && betas < beta->count)
			gate->beta = beta->floats[betas++];
	}
	return ERCC_OK;
}

/* ---- one step ---- */

static struct value *activate(const struct rnn *rnn, int gate, struct value *x)
{
	struct node *node = rnn->node;
	const struct gate *g = &rnn->gate[gate];
	if (rnn->clip > 0 && gate != CELL) /* the clip bounds the gates' inputs */
		x = EMIT(node, "Clip(a, b, c)", x, constant_number(node, node->inputs[0]->dtype, -(double)rnn->clip),
		         constant_number(node, node->inputs[0]->dtype, (double)rnn->clip));
	if (!strncmp(g->activation->text, g->activation->name, strlen(g->activation->name)))
		return EMIT(node, g->activation->text, x);
	return EMIT(node, g->activation->text, x, constant_number(node, node->inputs[0]->dtype, (double)g->alpha),
	            constant_number(node, node->inputs[0]->dtype, (double)g->beta), rnn->zero, rnn->one);
}

/* Columns of `count` gates, from gate `index` on. */
static struct value *part(const struct rnn *rnn, struct value *x, int64_t index, int64_t count)
{
	return EMIT(rnn->node,
	            TEXT(rnn->node, "Slice(a, {%lld}, {%lld}, {-1})", (long long)(index * rnn->hidden),
	                 (long long)((index + count) * rnn->hidden)),
	            x);
}

static struct value *product(const struct rnn *rnn, struct value *a, struct value *b)
{
	return EMIT(rnn->node, "MatMul(a, b)", a, b);
}

static struct value *sum(const struct rnn *rnn, struct value *a, struct value *b)
{
	return EMIT(rnn->node, "Add(a, b)", a, b);
}

static void step_rnn(struct rnn *rnn, struct value *x)
{
	rnn->h = activate(rnn, 0, sum(rnn, product(rnn, rnn->h, rnn->r), x));
}

/* Gates: z (update), r (reset), h (new state). */
static void step_gru(struct rnn *rnn, struct value *x)
{
	struct node *node = rnn->node;
	struct value *own;
	struct value *both = sum(rnn, product(rnn, rnn->h, rnn->r), part(rnn, x, 0, 2));
	struct value *z = activate(rnn, 0, part(rnn, both, 0, 1)), *r = activate(rnn, 0, part(rnn, both, 1, 1));
	if (node_attr_int(node, "linear_before_reset", 0)) {
		own = product(rnn, rnn->h, rnn->r_own);
		if (rnn->rb)
			own = sum(rnn, own, rnn->rb);
		own = EMIT(node, "Mul(a, b)", r, own);
	} else {
		own = product(rnn, EMIT(node, "Mul(a, b)", r, rnn->h), rnn->r_own);
	}
	struct value *fresh = activate(rnn, 1, sum(rnn, own, part(rnn, x, 2, 1)));
	rnn->h = EMIT(node, "Add(Mul(Sub(d, a), b), Mul(a, c))", z, fresh, rnn->h, rnn->one);
}

/* Gates: i (input), o (output), f (forget), c (cell). */
static void step_lstm(struct rnn *rnn, struct value *x)
{
	struct node *node = rnn->node;
	struct value *all = sum(rnn, product(rnn, rnn->h, rnn->r), x), *gate[4];
	for (int i = 0; i < 4; i++) {
		gate[i] = part(rnn, all, i, 1);
		if (rnn->p[0] && (i == 0 || i == 2))
			gate[i] = EMIT(node, "Add(a, Mul(b, c))", gate[i], rnn->p[i], rnn->c);
	}
	/* input_forget: what the input gate lets in, the forget gate removes */
	struct value *in = activate(rnn, 0, gate[0]);
	struct value *kept =
		node_attr_int(node, "input_forget", 0) ? EMIT(node, "Sub(a, b)", rnn->one, in) : activate(rnn, 0, gate[2]);
	rnn->c = EMIT(node, "Add(Mul(a, b), Mul(c, d))", kept, rnn->c, in, activate(rnn, 1, gate[3]));
	if (rnn->p[0])
		gate[1] = EMIT(node, "Add(a, Mul(b, c))", gate[1], rnn->p[1], rnn->c);
	rnn->h = EMIT(node, "Mul(a, b)", activate(rnn, 0, gate[1]), activate(rnn, CELL, rnn->c));
}

static const struct cell {
	const char *op;
	int64_t gates;
	int activation_count;
	const char *activations[3];
	void (*step)(struct rnn *rnn, struct value *x);
} cells[] = {
	{"RNN", 1, 1, {"Tanh"}, step_rnn},
	{"GRU", 3, 2, {"Sigmoid", "Tanh"}, step_gru},
	{"LSTM", 4, 3, {"Sigmoid", "Tanh", "Tanh"}, step_lstm},
};

/* ---- all steps of one direction ---- */

/* This direction's part of an input, without the direction's dim. NULL if the input is left out. */
static struct value *of_direction(const struct rnn *rnn, int slot, int axis)
{
	if (!node_input(rnn->node, slot))
		return NULL;
	return EMIT(rnn->node,
	            TEXT(rnn->node, "Squeeze(Slice(a, {%d}, {%d}, {%d}), {%d})", rnn->direction, rnn->direction + 1, axis,
	                 axis),
	            rnn->node->inputs[slot]);
}

static struct value *initial_state(const struct rnn *rnn, int slot)
{
	struct value *given = of_direction(rnn, slot, rnn->batch_first ? 1 : 0);
	return given ? given
	             : EMIT(rnn->node, "Expand(a, b)", rnn->zero,
	                    constant_ints(rnn->node, (int64_t[]){rnn->batch, rnn->hidden}, 2));
}

/* x W + biases for all steps: [steps, batch, gates * hidden]. Also sets the recurrent weights and bias. */
static struct value *input_products(struct rnn *rnn, struct value *x)
{
	struct node *node = rnn->node;
	struct value *y = EMIT(node, "MatMul(a, Transpose[perm=1:0](b))", x, of_direction(rnn, 1, 0)),
				 *bias = of_direction(rnn, 3, 0);
	rnn->r = EMIT(node, "Transpose[perm=1:0](a)", of_direction(rnn, 2, 0));
	if (rnn->gates == 3) {
		rnn->r_own = part(rnn, rnn->r, 2, 1);
		rnn->r = part(rnn, rnn->r, 0, 2);
	}
	if (!bias)
		return y;
	struct value *own = part(rnn, bias, rnn->gates, rnn->gates);
	if (rnn->gates == 3 &&
	    node_attr_int(node, "linear_before_reset", 0)) { /* the reset gate also applies to the bias of the new state */
		rnn->rb = part(rnn, own, 2, 1);
		own = EMIT(node, "Concat[axis=0](a, Expand(b, c))", part(rnn, own, 0, 2),
		           constant_number(node, node->inputs[0]->dtype, 0), constant_ints(node, &rnn->hidden, 1));
	}
	return EMIT(node, "Add(a, Add(b, c))", y, part(rnn, bias, 0, rnn->gates), own);
}

/* After the end of a sequence its state no longer changes, and the output *y of step t is zero. h and c are the state
 * before the step. */
static void hold_ended(struct rnn *rnn, struct value *t, struct value *h, struct value *c, struct value **y)
{
	struct node *node = rnn->node;
	*y = rnn->h;
	if (!rnn->lengths)
		return;
	struct value *running = EMIT(node, "Unsqueeze(Less(a, b), {1})", t, rnn->lengths);
	*y = EMIT(node, "Where(a, b, c)", running, rnn->h, rnn->zero);
	rnn->h = EMIT(node, "Where(a, b, c)", running, rnn->h, h);
	if (c)
		rnn->c = EMIT(node, "Where(a, b, c)", running, rnn->c, c);
}

/* The functions for all steps return their outputs: [steps, 1, batch, hidden]. */
static struct value *unroll(struct rnn *rnn, const struct cell *cell, struct value *x, bool backward)
{
	struct node *node = rnn->node;
	struct value **shown = arena_array(&node->graph->ctx->arena, (size_t)rnn->steps, sizeof *shown);
	for (int64_t k = 0; k < rnn->steps; k++) {
		long long t = backward ? rnn->steps - 1 - k : k;
		struct value *h = rnn->h, *c = rnn->c, *y;
		cell->step(rnn, EMIT(node, TEXT(node, "Squeeze(Slice(a, {%lld}, {%lld}, {0}), {0})", t, t + 1), x));
		hold_ended(rnn, constant_number(node, ERC_I64, (double)t), h, c, &y);
		shown[t] = EMIT(node, "Unsqueeze(a, {0, 1})", y);
	}
	return emit_concat(node, 0, shown, (int)rnn->steps);
}

static struct value *flipped(struct node *node, struct value *x)
{
	return EMIT(node, TEXT(node, "Slice(a, {-1}, {%lld}, {0}, {-1})", (long long)INT64_MIN), x);
}

static enum ercc_status loop(struct rnn *rnn, const struct cell *cell, struct value *x, bool backward, struct value **y)
{
	struct node *node = rnn->node;
	struct value *init[] = {rnn->h, rnn->c}, *results[3];
	struct course course = {.init = init,
	                        .state_count = rnn->c ? 2 : 1,
	                        .collected = 1,
	                        .is_counted = true,
	                        .most = rnn->steps};
	for (int i = 0; i < course.state_count; i++) { /* emitted just now, so not inferred yet */
		init[i]->dtype = node->inputs[0]->dtype;
		init[i]->shape = shape_of(2, (int64_t[]){rnn->batch, rnn->hidden});
	}
	x = backward ? flipped(node, x) : x;
	TRY(begin_loop(node, &course));
	rnn->h = course.states[0];
	rnn->c = rnn->c ? course.states[1] : NULL;
	cell->step(rnn, EMIT(node, "Gather[axis=0](a, b)", x, course.iteration));
	hold_ended(rnn, course.iteration, course.states[0], rnn->c ? course.states[1] : NULL, &results[course.state_count]);
	results[0] = rnn->h;
	if (rnn->c)
		results[1] = rnn->c;
	results[course.state_count] = EMIT(node, "Unsqueeze(a, {0})", results[course.state_count]);
	end_loop(node, &course, results, NULL);
	rnn->h = course.results[0];
	rnn->c = rnn->c ? course.results[1] : NULL;
	*y = backward ? flipped(node, course.results[course.state_count]) : course.results[course.state_count];
	return ERCC_OK;
}

static enum ercc_status run_direction(struct rnn *rnn, const struct cell *cell, struct value *x, struct value **y)
{
	struct node *node = rnn->node;
	bool flip = rnn->reverse && rnn->lengths, backward = rnn->reverse && !flip;
	if (flip)
		x = EMIT(node, "ReverseSequence(a, b)", x, rnn->lengths);
	x = input_products(rnn, x);
	rnn->h = initial_state(rnn, 5);
	rnn->c = rnn->gates == 4 ? initial_state(rnn, 6) : NULL;
	struct value *peepholes = rnn->gates == 4 ? of_direction(rnn, 7, 0) : NULL;
	for (int i = 0; peepholes && i < 3; i++) /* stored in the order i, o, f */
		rnn->p[i] = part(rnn, peepholes, i, 1);
	if (node->graph->ctx->has_ranges && rnn->steps > 1)
		TRY(loop(rnn, cell, x, backward, y));
	else
		*y = unroll(rnn, cell, x, backward);
	*y = flip ? EMIT(node, "ReverseSequence[batch_axis=2](a, b)", *y, rnn->lengths) : *y;
	return ERCC_OK;
}

/* Steps whose number is known at run time only: all up to the bound, with that number as the length of all sequences. A
 * batch of such a size is computed up to its bound. */
static enum ercc_status expand_sized_rnn(struct node *node)
{
	static const char *const rows[] = {".b*,*,*,*,b,.b*,.b*->..b*,.b*,.b*", "b*,*,*,*,b,b*,b*->b*,b*,b*"};
	struct value *inputs[8] = {NULL}, *x = node->inputs[0];
	int batch_first = node_attr_int(node, "layout", 0) != 0, batch = !batch_first;
	if (x->shape.rank != 3 || !x->shape.sizes[batch_first])
		return expand_rows(node, rows[batch_first]);
	memcpy(inputs, node->inputs, sizeof *inputs * (size_t)node->input_count);
	struct value *steps = dim_value(node, x, batch_first);
	inputs[0] = emit_bounded(node, x, batch_first);
	if (!inputs[4]) {
		inputs[4] = EMIT(node, TEXT(node, "Expand(Cast[to=%d](a), b)", ERC_I32), steps,
		                 constant_ints(node, &x->shape.dims[batch], 1));
		if (x->shape.sizes[batch])
			inputs[4] = EMIT(node, "erc.Limit[axis=0](a, b)", inputs[4], dim_value(node, x, batch));
	}
	struct node *same = emit_same(node, inputs, node->input_count < 5 ? 5 : node->input_count);
	for (int i = 0; i < node->output_count; i++) {
		struct value *y = node->outputs[i] ? same->outputs[i] : NULL;
		if (y)
			expand_to(node, i, i ? y : emit_limited(node, y, batch_first, x->shape.dims[batch_first], steps));
	}
	return ERCC_OK;
}

static enum ercc_status expand_rnn(struct node *node)
{
	struct rnn rnn = {0};
	struct gate gates[6] = {{0}};
	struct value *y[2], *h[2], *c[2];
	const struct cell *cell = cells;
	if (has_sizes(node))
		return expand_sized_rnn(node);
	while (strcmp(cell->op, node->op_type))
		cell++;
	rnn.gates = cell->gates;
	TRY(read_rnn(node, &rnn));
	TRY(read_gates(node, &rnn, cell->activations, cell->activation_count, gates));
	rnn.zero = constant_number(node, node->inputs[0]->dtype, 0);
	rnn.one = constant_number(node, node->inputs[0]->dtype, 1);
	if (rnn.lengths)
		rnn.lengths = emit_lengths(node, rnn.lengths, rnn.steps);
	struct value *x = rnn.batch_first ? EMIT(node, "Transpose[perm=1:0:2](a)", node->inputs[0]) : node->inputs[0];
	for (int d = 0; d < rnn.directions; d++) {
		rnn.direction = d;
		rnn.reverse = d == 1 || !strcmp(node_attr_text(node, "direction", "forward"), "reverse");
		memcpy(rnn.gate, gates + d * cell->activation_count, sizeof(struct gate) * (size_t)cell->activation_count);
		int state_axis = rnn.batch_first ? 1 : 0;
		TRY(run_direction(&rnn, cell, x, &y[d]));
		h[d] = EMIT(node, TEXT(node, "Unsqueeze(a, {%d})", state_axis), rnn.h);
		c[d] = rnn.c ? EMIT(node, TEXT(node, "Unsqueeze(a, {%d})", state_axis), rnn.c) : NULL;
	}
	struct value *all = emit_concat(node, 1, y, (int)rnn.directions);
	expand_to(node, 0, rnn.batch_first ? EMIT(node, "Transpose[perm=2:0:1:3](a)", all) : all);
	expand_to(node, 1, emit_concat(node, rnn.batch_first ? 1 : 0, h, (int)rnn.directions));
	if (rnn.c)
		expand_to(node, 2, emit_concat(node, rnn.batch_first ? 1 : 0, c, (int)rnn.directions));
	return ERCC_OK;
}

const struct op ops_rnn[] = {
	{"RNN", 7, 3, 6, 2, TYPES_FLOAT, .expand = expand_rnn, .sizes = true,
     .attrs = "activation_alpha=floats activation_beta=floats activations=texts clip=float direction=text "
              "hidden_size=int layout=int@14"},
	{"GRU", 7, 3, 6, 2, TYPES_FLOAT, .expand = expand_rnn, .sizes = true,
     .attrs = "activation_alpha=floats activation_beta=floats activations=texts clip=float direction=text "
              "hidden_size=int layout=int@14 linear_before_reset=int"},
	{"LSTM", 7, 3, 8, 3, TYPES_FLOAT, .expand = expand_rnn, .sizes = true,
     .attrs = "activation_alpha=floats activation_beta=floats activations=texts clip=float direction=text "
              "hidden_size=int layout=int@14 input_forget=int"},
	{0},
};
