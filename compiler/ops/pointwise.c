/* Element-wise operators, one row each. In a row's text a, b and c are the inputs; @x is an attribute, whose default
 * the row gives. */
#include "compiler/lower/inserted.h"
#include "compiler/ops/sizes.h"

#include <math.h>

static bool lookup_attribute(void *user, const char *name, double *value)
{
	const struct node *node = user;
	const struct attr *attr = node_attr(node, name);
	if (attr && attr->kind == ATTR_FLOAT) {
		*value = attr->f;
		return true;
	}
	if (attr && attr->kind == ATTR_INT) {
		*value = (double)attr->i;
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(node->op->defaults); i++)
		if (node->op->defaults[i].name && !strcmp(node->op->defaults[i].name, name)) {
			*value = node->op->defaults[i].value;
			return true;
		}
	return false;
}

/* Operators whose text depends on an attribute. An operator's first entry is its default. */
static const struct choice {
	const char *op, *attr, *word; /* NULL: the attribute is an integer, `number` */
	int64_t number;
	const char *expr;
} choices[] = {
	{"Mod", "fmod", NULL, 0, "mod(a, b)"},
	{"Mod", "fmod", NULL, 1, "fmod(a, b)"},
	{"Gelu", "approximate", "none", 0, "mul(mul(a, 0.5), add(1, erf(mul(a, 0.70710678118654752))))"},
	{"Gelu", "approximate", "tanh", 0,
     "mul(mul(a, 0.5), add(1, tanh(mul(0.79788456080286536, add(a, mul(0.044715, mul(a, mul(a, a))))))))"},
	{"BitShift", "direction", "", 0, NULL},
	{"BitShift", "direction", "LEFT", 0, "shl(a, b)"},
	/* a number below 0 stays so: shifted by its width or more it is -1 */
	{"BitShift", "direction", "RIGHT", 0, "select(and(lt(a, 0), eq(shr(a, b), 0)), -1, shr(a, b))"},
};

/* Powers with a cheaper text than the general one, which takes a logarithm per element. */
static const char *power_text(const struct node *node)
{
	static const struct {
		double exponent;
		const char *expr;
	} powers[] = {{2, "mul(a, a)"}, {3, "mul(a, mul(a, a))"}, {-1, "div(1, a)"}};
	const struct tensor *exponent = node->inputs[1]->constant;
	for (size_t i = 0; exponent && dtype_is_float(node->inputs[0]->dtype) && i < COUNT_OF(powers); i++)
		if (shape_elements(&exponent->shape) == 1 && tensor_float(exponent, 0) == powers[i].exponent)
			return powers[i].expr;
	return node->op->expr;
}

/* The dtype in which the general power is computed: of both operands if they have one, else one that holds every value
 * of both. A power of integers wraps, so the low bits are right in any wider type. */
static enum erc_dtype power_dtype(enum erc_dtype base, enum erc_dtype exponent)
{
	unsigned types = 1u << base | 1u << exponent;
	if (base == exponent || !(types & ~(TYPE(F32) | TYPE(F16) | TYPE(BF16))))
		return base;
	if (types & (TYPES_FLOAT | TYPE(F16) | TYPE(BF16)))
		return ERC_F64;
	return 1u << exponent & (TYPE(U8) | TYPE(U16) | TYPE(U32) | TYPE(U64)) ? ERC_U64 : ERC_I64;
}

static enum ercc_status choose_text(const struct node *node, const char **text)
{
	*text = strcmp(node->op->name, "Pow") ? node->op->expr : power_text(node);
	const struct choice *first = NULL;
	for (size_t i = 0; i < COUNT_OF(choices); i++) {
		const struct choice *choice = &choices[i];
		if (strcmp(choice->op, node->op->name))
			continue;
		first = first ? first : choice;
		if (choice->word ? !strcmp(choice->word, node_attr_text(node, choice->attr, first->word))
		                 : choice->number == node_attr_int(node, choice->attr, first->number)) {
			*text = choice->expr;
			return choice->expr ? ERCC_OK : node_fail(node, ERCC_MODEL, "%s is missing", choice->attr);
		}
	}
	return first ? node_fail(node, ERCC_MODEL, "unknown %s '%s'", first->attr, node_attr_text(node, first->attr, "?"))
	             : ERCC_OK;
}

static enum ercc_status build_expr(struct context *ctx, struct node *node, struct expr *expr, const int *args)
{
	int result = args[0];
	const char *text;
	if (node->op->input_max == VARIADIC) {
		int mean = !strcmp(node->op_type, "Mean");
		for (int i = 1; i < node->input_count; i++)
			TRY(expr_parse(ctx, expr, node->op->expr, (int[]){result, args[i]}, 2, NULL, NULL, &result));
		if (mean)
			result = expr_apply(expr, PRIM_div, result,
			                    expr_const(expr, node->inputs[0]->dtype, node->input_count, node->input_count), -1);
		return ERCC_OK;
	}
	int cast[3] = {args[0], args[1], args[2]};
	TRY(choose_text(node, &text));
	bool power = !strcmp(node->op_type, "Pow") && text == node->op->expr;
	for (int i = 0; i < 2 && power; i++)
		cast[i] = expr_cast(expr, args[i], power_dtype(node->inputs[0]->dtype, node->inputs[1]->dtype));
	TRY(expr_parse(ctx, expr, text, cast, node->input_count, lookup_attribute, node, &result));
	if (power)
		expr_cast(expr, result, node->inputs[0]->dtype);
	return ERCC_OK;
}

/* A sum, product or minimum of run-time sizes and numbers that are not negative is again a run-time size. */
static void derive_size(struct node *node)
{
	struct shape a, b;
	int64_t bound;
	bool product = !strcmp(node->op_type, "Mul"), least = !strcmp(node->op_type, "Min");
	if ((!product && !least && strcmp(node->op_type, "Add")) || node->input_count != 2)
		return;
	if (node->outputs[0]->dtype != ERC_I64 || shape_elements(&node->outputs[0]->shape) != 1 ||
	    !known_elements(node->inputs[0], &a) || !known_elements(node->inputs[1], &b) || (!a.sizes[0] && !b.sizes[0]))
		return;
	for (int i = 0; i < 2 && !least; i++) { /* adding 0 or multiplying by 1 */
		const struct shape *number = i ? &a : &b;
		if (!number->sizes[0] && number->dims[0] == product) {
			set_elements(node, i ? &b : &a);
			return;
		}
	}
	if (a.dims[0] < 0 || b.dims[0] < 0 ||
	    !(product ? mul_fits(a.dims[0], b.dims[0], &bound) : !__builtin_add_overflow(a.dims[0], b.dims[0], &bound)) ||
	    bound > MAX_ELEMENTS)
		return;
	bound = !least ? bound : a.dims[0] < b.dims[0] ? a.dims[0] : b.dims[0];
	graph_add_size(node->graph, node->outputs[0], bound);
}

/* The output's shape is all inputs broadcast; its dtype is that of the expression. */
static enum ercc_status infer_pointwise(struct node *node)
{
	struct shape shape = node->inputs[0]->shape;
	const struct op *op = node->op;
	struct expr *expr = arena_new(&node->graph->ctx->arena, struct expr);
	int args[EXPR_MAX_OPERANDS] = {-1, -1, -1};
	bool where = op->types == TYPE(BOOL) && op->input_max == 3;
	if (node->input_count > EXPR_MAX_OPERANDS)
		return node_fail(node, ERCC_UNSUPPORTED, "%d inputs; at most %d", node->input_count, EXPR_MAX_OPERANDS);
	for (int i = 0; i < node->input_count; i++) {
		const struct value *in = node->inputs[i], *like = node->inputs[where ? 1 : 0];
		if (!in)
			return node_fail(node, ERCC_MODEL, "input %d is missing", i);
		if (i && in->dtype != like->dtype && strcmp(op->name, "Pow") && !(where && i == 1))
			return node_fail(node, ERCC_MODEL, "input %d is %s, but input %d is %s", i, dtype_name(in->dtype),
			                 where ? 1 : 0, dtype_name(like->dtype));
		TRY(broadcast_shapes(node, &shape, &in->shape, &shape));
		args[i] = expr_operand(expr, i, in->dtype);
	}
	TRY(build_expr(node->graph->ctx, node, expr, args));
	TRY(set_output(node, 0, expr_dtype(expr), &shape));
	derive_size(node);
	return ERCC_OK;
}

/* Strides of `value` in the launch's space. They are those of blocks if `layout` is NC16. */
static void operand_strides(const struct value *value, const struct shape *out, enum layout layout,
                            const struct shape *space, int64_t *strides)
{
	if (layout == LAYOUT_PLAIN) {
		broadcast_strides(&value->shape, space, strides);
		return;
	}
	int64_t blocks = space->dims[1], positions = space->dims[2];
	memset(strides, 0, sizeof(int64_t) * MAX_RANK);
	int skip = out->rank - value->shape.rank;
	bool channels = skip <= 1 && value->shape.dims[1 - skip] > 1;
	bool spatial = false, batch = skip == 0 && value->shape.dims[0] > 1;
	for (int i = 2; i < out->rank; i++)
		spatial |= i >= skip && value->shape.dims[i - skip] > 1;
	/* a value of the output's shape has all lanes, even with one channel */
	bool whole = shape_equal(&value->shape, out);
	int64_t block = spatial || positions == 1 ? positions * 16 : 16;
	channels |= whole;
	strides[3] = channels;
	strides[2] = spatial ? 16 : 0;
	strides[1] = channels ? block : 0;
	strides[0] = batch ? blocks * block : 0;
}

/* A constant with one element per channel, padded to whole blocks. */
static struct buffer *channel_constant(struct lowering *lowering, const struct value *value)
{
	const struct tensor *tensor = tensor_expand(&lowering->ctx->arena, value->constant);
	int64_t count = shape_elements(&value->shape);
	float *data = arena_array(&lowering->ctx->arena, (size_t)round_up(count, 32), sizeof(float));
	memcpy(data, tensor->data, (size_t)count * sizeof(float));
	return plan_weights(lowering->plan, data, round_up(count, 32) * 4, value->name);
}

static enum ercc_status lower_pointwise(struct lowering *lowering, struct node *node)
{
	struct value *out = node->outputs[0];
	struct shape space = out->shape;
	if (out->layout == LAYOUT_NC16) {
		int64_t positions = 1;
		for (int i = 2; i < out->shape.rank; i++)
			positions *= out->shape.dims[i];
		space = shape_of(4, (int64_t[]){out->shape.dims[0], ceil_div(out->shape.dims[1], 16), positions, 16});
	}
	struct launch *launch = lower_pointwise_launch(lowering, node, &space);
	int args[EXPR_MAX_OPERANDS] = {-1, -1, -1};
	for (int i = 0; i < node->input_count; i++) {
		struct value *in = node->inputs[i];
		bool padded = out->layout == LAYOUT_NC16 && in->constant && shape_elements(&in->shape) > 1;
		struct buffer *buffer = padded ? channel_constant(lowering, in) : lower_buffer(lowering, in);
		struct operand *operand = launch_operand(launch, buffer, in->dtype, false);
		operand_strides(in, &out->shape, out->layout, &space, operand->strides);
		args[i] = expr_operand(&launch->expr, i, in->dtype);
	}
	struct operand *to = launch_operand(launch, lower_buffer(lowering, out), out->dtype, true);
	operand_strides(out, &out->shape, out->layout, &space, to->strides);
	TRY(build_expr(lowering->ctx, node, &launch->expr, args));
	launch->bytes = (uint64_t)value_bytes(out) * (uint64_t)launch->operand_count;
	return ERCC_OK;
}

/* Chooses the blocked layout if at least one input is blocked. Every input must have the output's shape, or be a
 * scalar, a constant per channel, or one value per image and channel. */
static bool layout_pointwise(const struct node *node, enum layout *inputs, enum layout *output)
{
	const struct value *out = node->outputs[0];
	bool any = false;
	if (out->dtype != ERC_F32 || out->shape.rank < 3)
		return false;
	for (int i = 0; i < node->input_count; i++) {
		const struct value *in = node->inputs[i];
		if (!in)
			continue;
		if (in->dtype != ERC_F32)
			return false;
		if (shape_equal(&in->shape, &out->shape) && !in->constant) {
			any |= inputs[i] == LAYOUT_NC16;
			inputs[i] = LAYOUT_NC16;
			continue;
		}
		int skip = out->shape.rank - in->shape.rank;
		bool per_channel = skip <= 1;
		for (int d = 0; per_channel && d < in->shape.rank; d++)
			per_channel = d == 1 - skip || in->shape.dims[d] == 1 || (d + skip == 0 && !in->constant);
		if (shape_elements(&in->shape) == 1)
			inputs[i] = LAYOUT_PLAIN;
		else if (per_channel && in->constant)
			inputs[i] = LAYOUT_PLAIN;
		else if (per_channel && skip == 0 && in->shape.dims[1] == out->shape.dims[1])
			inputs[i] = LAYOUT_NC16;
		else
			return false;
	}
	*output = LAYOUT_NC16;
	return any;
}

/* ---- Clip: bounds are inputs from opset 11 on, attributes before; each may be left out ---- */

static enum ercc_status infer_clip(struct node *node)
{
	for (int i = 1; i < 3; i++) {
		TRY(check_same_dtype(node, i));
		if (node_input(node, i) && shape_elements(&node->inputs[i]->shape) != 1)
			return node_fail(node, ERCC_MODEL, "bound %d must be a scalar", i);
	}
	return set_output(node, 0, node->inputs[0]->dtype, &node->inputs[0]->shape);
}

static enum ercc_status lower_clip(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0];
	struct op row = {.name = "Clip", .expr = "a", .input_max = 1};
	struct node plain = *node;
	plain.op = &row;
	plain.input_count = 1;
	TRY(lower_pointwise(lowering, &plain));
	struct launch *launch = lowering->plan->last;
	struct operand to = launch->operands[--launch->operand_count];
	int result = 0;
	for (int i = 1; i < 3; i++) {
		enum primitive primitive = i == 1 ? PRIM_max : PRIM_min;
		const struct attr *attr = node_attr(node, i == 1 ? "min" : "max");
		int bound = -1;
		struct value *limit = node_input(node, i);
		if (limit && limit->constant) {
			bool is_float = dtype_is_float(in->dtype);
			bound = expr_const(&launch->expr, in->dtype, is_float ? tensor_float(limit->constant, 0) : 0,
			                   is_float ? 0 : tensor_int(limit->constant, 0));
		} else if (limit) {
			bound = expr_operand(&launch->expr, launch->operand_count, in->dtype);
			launch_operand(launch, lower_buffer(lowering, limit), in->dtype, false);
		} else if (attr && attr->kind == ATTR_FLOAT) {
			bound = expr_const(&launch->expr, in->dtype, attr->f, (int64_t)attr->f);
		}
		if (bound >= 0)
			result = expr_apply(&launch->expr, primitive, result, bound, -1);
	}
	launch->operands[launch->operand_count++] = to;
	return ERCC_OK;
}

/* ---- Cast ---- */

static enum ercc_status infer_cast(struct node *node)
{
	int64_t to = node_attr_int(node, "to", 0);
	if (to < 0 || to >= ERC_DTYPE_COUNT || !(TYPES_MOVED >> to & 1))
		return node_fail(node, ERCC_UNSUPPORTED, "cast to dtype %s (%lld) is not supported",
		                 dtype_name((enum erc_dtype)to), (long long)to);
	TRY(set_output(node, 0, (enum erc_dtype)to, &node->inputs[0]->shape));
	if (node->inputs[0]->elements)
		set_elements(node, node->inputs[0]->elements);
	return ERCC_OK;
}

static enum ercc_status lower_cast(struct lowering *lowering, struct node *node)
{
	struct op row = {.name = "Cast", .expr = "a", .input_max = 1};
	struct node plain = *node;
	plain.op = &row;
	static const char *const words[] = {[ROUND_UP] = "up", [ROUND_DOWN] = "down", [ROUND_NEAREST] = "nearest"};
	enum rounding rounding = ROUND_UP;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (!strcmp(node_attr_text(node, "round_mode", "up"), words[i]))
			rounding = (enum rounding)i;
	TRY(lower_pointwise(lowering, &plain));
	expr_cast_f8(&lowering->plan->last->expr, 0, node->outputs[0]->dtype, node_attr_int(node, "saturate", 1), rounding);
	return ERCC_OK;
}

/* ---- nodes that passes insert ---- */

static void insert_binary(struct node *before, const char *op_type, struct value *x, const float *data,
                          struct value *out)
{
	struct graph *graph = before->graph;
	struct shape shape = {.rank = x->shape.rank - 1};
	for (int i = 1; i < shape.rank; i++)
		shape.dims[i] = 1;
	shape.dims[0] = x->shape.dims[1];
	struct value *constant = graph_constant(graph, graph_unique_name(graph, before->name),
	                                        tensor_new(&graph->ctx->arena, ERC_F32, &shape, data));
	struct node *node = graph_add_node(graph, before, op_type, graph_unique_name(graph, before->name),
	                                   (struct value *[]){x, constant}, 2, &out, 1);
	node->opset = before->opset;
	node_set_row(node, "", EMITTED_OPSET);
	out->dtype = ERC_F32;
	out->shape = x->shape;
}

struct value *insert_affine(struct node *before, struct value *x, const struct channel_affine *affine)
{
	struct value *scaled = graph_value(before->graph, graph_unique_name(before->graph, before->name));
	struct value *shifted = graph_value(before->graph, graph_unique_name(before->graph, before->name));
	insert_binary(before, "Mul", x, affine->factors, scaled);
	insert_binary(before, "Add", scaled, affine->addends, shifted);
	return shifted;
}

/* Narrow is a cast of one dtype, `from`. The infer pass puts it after operators that compute in that dtype in place of
 * another one, before it knows which of their outputs have it. */
static enum ercc_status infer_narrow(struct node *node)
{
	enum erc_dtype dtype = node->inputs[0]->dtype;
	bool is_wide = dtype == (enum erc_dtype)node_attr_int(node, "from", ERC_F32);
	return set_output(node, 0, is_wide ? (enum erc_dtype)node_attr_int(node, "to", ERC_F16) : dtype,
	                  &node->inputs[0]->shape);
}

static void insert_conversion(struct graph *graph, struct node *before, const char *domain, const char *op_type,
                              struct value *in, struct value *out, enum erc_dtype from, enum erc_dtype to)
{
	struct attr attrs[] = {{.name = "to", .kind = ATTR_INT, .i = to}, {.name = "from", .kind = ATTR_INT, .i = from}};
	struct node *node = graph_add_node(graph, before, op_type, graph_unique_name(graph, op_type), &in, 1, &out, 1);
	node_set_attrs(node, attrs, from == ERC_DTYPE_NONE || from == ERC_F32 ? 1 : 2); /* f32 is the default */
	node_set_row(node, domain, EMITTED_OPSET);
}

void insert_cast(struct graph *graph, struct node *before, struct value *in, struct value *out, enum erc_dtype to)
{
	insert_conversion(graph, before, "", "Cast", in, out, ERC_DTYPE_NONE, to);
}

void insert_narrow(struct graph *graph, struct node *before, struct value *in, struct value *out, enum erc_dtype from,
                   enum erc_dtype to)
{
	insert_conversion(graph, before, "erc", "Narrow", in, out, from, to);
}

struct value *insert_rounding(struct node *before, struct value *value, enum erc_dtype wide, enum erc_dtype dtype)
{
	int bits = 8 * (int)dtype_bytes(dtype);
	bool has_sign = (TYPE(I8) | TYPE(I16) | TYPE(I32) | TYPE(I64)) >> dtype & 1;
	double end = ldexp(1, has_sign ? bits - 1 : bits), most = bits == 64 ? nextafter(end, 0) : end - 1;
	return EMIT(before, "Clip(Round(a), b, c)", value, constant_number(before, wide, has_sign ? -end : 0),
	            constant_number(before, wide, most));
}

/* Swish(a) * b; the two do not broadcast. */
static enum ercc_status expand_swiglu(struct node *node)
{
	const struct value *a = node->inputs[0], *b = node->inputs[1];
	TRY(check_same_dtype(node, 1));
	if (!shape_equal(&a->shape, &b->shape))
		return node_fail(node, ERCC_MODEL, "inputs %s and %s; their shapes must be equal", shape_words(node, &a->shape),
		                 shape_words(node, &b->shape));
	expand_to(node, 0,
	          EMIT(node, "Mul(Mul(a, Sigmoid(Mul(a, c))), b)", node->inputs[0], node->inputs[1],
	               constant_number(node, a->dtype, (double)node_attr_float(node, "alpha", 1))));
	return ERCC_OK;
}

static enum ercc_status expand_cast_like(struct node *node)
{
	const char *round = node_attr_text(node, "round_mode", "up");
	expand_to(node, 0,
	          EMIT(node,
	               TEXT(node, "Cast[to=%d,saturate=%d,round_mode=%s](a)", (int)node->inputs[1]->dtype,
	                    node_attr_int(node, "saturate", 1) != 0, round),
	               node->inputs[0]));
	return ERCC_OK;
}

#define POINTWISE(name, since, least, most, types, text, ...) \
	{ \
		name, since, least, most, 1, types, infer_pointwise, lower_pointwise, text, .sizes = true, __VA_ARGS__ \
	}
#define UNARY(name, since, types, ...) POINTWISE(name, since, 1, 1, types, __VA_ARGS__, .layout = layout_pointwise)
#define BINARY(name, since, types, ...) POINTWISE(name, since, 2, 2, types, __VA_ARGS__, .layout = layout_pointwise)
#define NARY(name, since, types, ...) \
	POINTWISE(name, since, 1, VARIADIC, types, __VA_ARGS__, .layout = layout_pointwise)

const struct op ops_pointwise[] = {
	UNARY("Relu", 1, TYPES_NUMBER, "max(a, 0)"),
	UNARY("Sigmoid", 1, TYPES_FLOAT, "sigmoid(a)"),
	UNARY("Tanh", 1, TYPES_FLOAT, "tanh(a)"),
	UNARY("Sqrt", 1, TYPES_FLOAT, "sqrt(a)"),
	UNARY("Exp", 1, TYPES_FLOAT, "exp(a)"),
	UNARY("Log", 1, TYPES_FLOAT, "log(a)"),
	UNARY("Erf", 9, TYPES_FLOAT, "erf(a)", .conversions = CONVERSIONS({TYPES_INT, ERC_F32, 1, 0, NULL, false})),
	UNARY("Sin", 7, TYPES_FLOAT, "sin(a)"),
	UNARY("Cos", 7, TYPES_FLOAT, "cos(a)"),
	UNARY("Tan", 7, TYPES_FLOAT, "tan(a)"),
	UNARY("Asin", 7, TYPES_FLOAT, "asin(a)"),
	UNARY("Acos", 7, TYPES_FLOAT, "acos(a)"),
	UNARY("Atan", 7, TYPES_FLOAT, "atan(a)"),
	UNARY("Sinh", 9, TYPES_FLOAT, "sinh(a)"),
	UNARY("Cosh", 9, TYPES_FLOAT, "cosh(a)"),
	UNARY("Asinh", 9, TYPES_FLOAT, "asinh(a)"),
	UNARY("Acosh", 9, TYPES_FLOAT, "acosh(a)"),
	UNARY("Atanh", 9, TYPES_FLOAT, "atanh(a)"),
	UNARY("Neg", 1, TYPES_NUMBER, "neg(a)"),
	UNARY("Abs", 1, TYPES_NUMBER, "abs(a)"),
	UNARY("Sign", 9, TYPES_NUMBER, "sign(a)"),
	UNARY("Reciprocal", 1, TYPES_FLOAT, "div(1, a)"),
	UNARY("Floor", 1, TYPES_FLOAT, "floor(a)"),
	UNARY("Ceil", 1, TYPES_FLOAT, "ceil(a)"),
	UNARY("Round", 11, TYPES_FLOAT, "round(a)"),
	UNARY("Not", 1, TYPE(BOOL), "not(a)"),
	UNARY("BitwiseNot", 18, TYPES_INT, "not(a)"),
	UNARY("IsNaN", 9, TYPES_FLOAT, "not(eq(a, a))", .conversions = CONVERSIONS({TYPES_F8, ERC_F32, 1, 0, NULL, false})),
	UNARY("IsInf", 10, TYPES_FLOAT,
          "or(and(eq(a, neg(-inf)), not(eq(0, @detect_positive))), and(eq(a, -inf), not(eq(0, @detect_negative))))",
          .defaults = {{"detect_positive", 1.0f}, {"detect_negative", 1.0f}},
          .conversions = CONVERSIONS({TYPES_F8, ERC_F32, 1, 0, NULL, false}),
          .attrs = "detect_negative=int detect_positive=int"),
	UNARY("HardSwish", 14, TYPES_FLOAT, "mul(a, max(min(add(mul(a, 0.16666666666666667), 0.5), 1), 0))"),
	UNARY("HardSigmoid", 1, TYPES_FLOAT, "max(min(add(mul(a, @alpha), @beta), 1), 0)",
          .defaults = {{"alpha", 0.2f}, {"beta", 0.5f}}, .attrs = "alpha=float beta=float"),
	UNARY("LeakyRelu", 1, TYPES_FLOAT, "select(lt(a, 0), mul(a, @alpha), a)", .defaults = {{"alpha", 0.01f}},
          .attrs = "alpha=float"),
	UNARY("Elu", 1, TYPES_FLOAT, "select(lt(a, 0), mul(@alpha, expm1(a)), a)", .defaults = {{"alpha", 1.0f}},
          .attrs = "alpha=float"),
	UNARY("Celu", 12, TYPES_FLOAT, "add(max(a, 0), min(mul(@alpha, expm1(div(a, @alpha))), 0))",
          .defaults = {{"alpha", 1.0f}}, .attrs = "alpha=float"),
#define SELU "mul(@gamma, select(lt(0, a), a, mul(@alpha, expm1(a))))"
	UNARY("Selu", 1, TYPES_FLOAT, SELU, .defaults = {{"alpha", 1.6732f}, {"gamma", 1.0507f}},
          .attrs = "alpha=float gamma=float"),
	UNARY("Selu", 6, TYPES_FLOAT, SELU,
          .defaults = {{"alpha", 1.67326319217681884765625f}, {"gamma", 1.05070102214813232421875f}},
          .attrs = "alpha=float gamma=float"),
	UNARY("ThresholdedRelu", 1, TYPES_FLOAT, "select(lt(@alpha, a), a, 0)", .defaults = {{"alpha", 1.0f}},
          .attrs = "alpha=float"),
	UNARY("Shrink", 9, TYPES_FLOAT,
          "select(lt(a, neg(@lambd)), add(a, @bias), select(lt(@lambd, a), sub(a, @bias), 0))",
          .conversions = CONVERSIONS({TYPES_INT, ERC_F64, 1, 0, NULL, false}),
          .defaults = {{"lambd", 0.5f}, {"bias", 0.0f}}, .attrs = "bias=float lambd=float"),
	UNARY("Softsign", 1, TYPES_FLOAT, "div(a, add(1, abs(a)))"),
	UNARY("Softplus", 1, TYPES_FLOAT, "add(max(a, 0), log1p(exp(neg(abs(a)))))"),
	UNARY("Swish", 24, TYPES_FLOAT, "mul(a, sigmoid(mul(@alpha, a)))", .defaults = {{"alpha", 1.0f}},
          .attrs = "alpha=float"),
	UNARY("Mish", 18, TYPES_FLOAT, "mul(a, tanh(add(max(a, 0), log1p(exp(neg(abs(a)))))))"),
	UNARY("Gelu", 20, TYPES_FLOAT, "a", .attrs = "approximate=text"), /* the text comes from `choices` */
	BINARY("Add", 7, TYPES_NUMBER, "add(a, b)", .commutes = true),
	BINARY("Sub", 7, TYPES_NUMBER, "sub(a, b)"),
	BINARY("Mul", 7, TYPES_NUMBER, "mul(a, b)", .commutes = true),
	BINARY("Div", 7, TYPES_NUMBER, "div(a, b)"),
	BINARY("Pow", 7, TYPES_NUMBER, "pow(a, b)", .own_types = 2),
	POINTWISE("Mod", 10, 2, 2, TYPES_NUMBER, "mod(a, b)", .layout = NULL, .attrs = "fmod=int"),
	BINARY("PRelu", 7, TYPES_NUMBER, "select(lt(a, 0), mul(a, b), a)"),
	BINARY("BitwiseAnd", 18, TYPES_INT, "and(a, b)", .commutes = true),
	BINARY("BitwiseOr", 18, TYPES_INT, "or(a, b)", .commutes = true),
	BINARY("BitwiseXor", 18, TYPES_INT, "xor(a, b)", .commutes = true),
	BINARY("BitShift", 11, TYPES_INT, "shl(a, b)", .attrs = "direction=text"),
	BINARY("Equal", 7, TYPES_ALL, "eq(a, b)", .commutes = true),
	BINARY("Less", 7, TYPES_NUMBER, "lt(a, b)"),
	BINARY("Greater", 7, TYPES_NUMBER, "lt(b, a)"),
	BINARY("LessOrEqual", 12, TYPES_NUMBER, "le(a, b)"),
	BINARY("GreaterOrEqual", 12, TYPES_NUMBER, "le(b, a)"),
	BINARY("And", 7, TYPE(BOOL), "and(a, b)", .commutes = true),
	BINARY("Or", 7, TYPE(BOOL), "or(a, b)", .commutes = true),
	BINARY("Xor", 7, TYPE(BOOL), "xor(a, b)", .commutes = true),
	POINTWISE("Where", 9, 3, 3, TYPE(BOOL), "select(a, b, c)", .layout = NULL),
	NARY("Sum", 1, TYPES_FLOAT, "add(a, b)"),
	NARY("Mean", 1, TYPES_FLOAT, "add(a, b)"),
	NARY("Max", 1, TYPES_NUMBER, "max(b, a)"),
	NARY("Min", 1, TYPES_NUMBER, "min(b, a)"),
	{"Clip", 1, 1, 1, 1, TYPES_NUMBER, infer_clip, lower_clip, .layout = layout_pointwise, .sizes = true,
     .attrs = "max=float min=float"},
	{"Clip", 11, 1, 3, 1, TYPES_NUMBER, infer_clip, lower_clip, .layout = layout_pointwise, .sizes = true},
	{"Cast", 6, 1, 1, 1, TYPES_MOVED, infer_cast, lower_cast, .sizes = true, .identity = IDENTITY_DTYPE,
     .attrs = "to=int saturate=int@19 round_mode=text:up|down|nearest@24"},
	{"CastLike", 15, 2, 2, 1, TYPES_MOVED, .expand = expand_cast_like, .sizes = true,
     .attrs = "saturate=int@19 round_mode=text:up|down|nearest@24"},
	{"SwiGLU", 28, 2, 2, 1, TYPES_FLOAT, .expand = expand_swiglu, .sizes = true, .attrs = "alpha=float"},
	{"Narrow", 1, 1, 1, 1, TYPES_ALL, infer_narrow, lower_cast, .domain = "erc", .sizes = true},
	{0},
};
