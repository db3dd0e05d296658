/* Element-wise expressions: building, parsing an operator row's text, printing. */
#include "compiler/core/expr.h"

#include <ctype.h>
#include <stdlib.h>

#include "compiler/core/graph.h"

enum result_kind { KIND_SAME, KIND_BOOL, KIND_SECOND };

static const struct {
	const char *name;
	int arity;
	enum result_kind kind;
} primitives[PRIM_COUNT] = {[PRIM_OPERAND] = {"operand", 0, KIND_SAME},
                            [PRIM_CONST] = {"const", 0, KIND_SAME},
                            [PRIM_CAST] = {"cast", 1, KIND_SAME},
#define P(name, arity, kind) [PRIM_##name] = {#name, arity, KIND_##kind},
                            PRIMITIVES(P)
#undef P
};

const char *primitive_name(enum primitive primitive)
{
	return primitives[primitive].name;
}

bool expr_has_room(const struct expr *expr, int nodes, int operands)
{
	return expr->count + nodes <= EXPR_MAX_NODES && expr->operand_count + operands <= EXPR_MAX_OPERANDS;
}

/* Returns an equal node if there is one, so that shared subexpressions are computed once. */
static int add_node(struct expr *expr, struct expr_node node)
{
	for (int i = 0; i < expr->count; i++) {
		const struct expr_node *old = &expr->nodes[i];
		if (old->primitive == node.primitive && old->dtype == node.dtype && old->operand == node.operand &&
		    !memcmp(old->args, node.args, sizeof node.args) && !memcmp(&old->value, &node.value, sizeof node.value))
			return i;
	}
	expr->nodes[expr->count] = node;
	return expr->count++;
}

int expr_operand(struct expr *expr, int operand, enum erc_dtype dtype)
{
	if (operand >= expr->operand_count)
		expr->operand_count = operand + 1;
	return add_node(expr, (struct expr_node){.primitive = PRIM_OPERAND,
	                                         .dtype = dtype,
	                                         .args = {-1, -1, -1},
	                                         .operand = (int16_t)operand});
}

int expr_const(struct expr *expr, enum erc_dtype dtype, double f, int64_t i)
{
	struct expr_node node = {.primitive = PRIM_CONST, .dtype = dtype, .args = {-1, -1, -1}};
	if (dtype_is_float(dtype))
		node.value.f = dtype == ERC_F32 ? (float)f : f;
	else
		node.value.i = dtype_packing(dtype) > 1 ? packed_element(dtype, i) : i;
	return add_node(expr, node);
}

/* The dtypes that are only cast from and to another one: from it without a loss. */
static const uint8_t neighbours[ERC_DTYPE_COUNT] = {
	[ERC_F16] = ERC_F32,    [ERC_BF16] = ERC_F32,       [ERC_F8E4M3FN] = ERC_F32, [ERC_F8E4M3FNUZ] = ERC_F32,
	[ERC_F8E5M2] = ERC_F32, [ERC_F8E5M2FNUZ] = ERC_F32, [ERC_U4] = ERC_U8,        [ERC_I4] = ERC_I8,
	[ERC_F4E2M1] = ERC_F32, [ERC_F8E8M0] = ERC_F32,     [ERC_U2] = ERC_U8,        [ERC_I2] = ERC_I8,
};

/* The dtype from which `dtype` is cast. Small floats are cast from f64 where f32 would round first. */
static enum erc_dtype cast_source(enum erc_dtype dtype, enum erc_dtype from)
{
	enum erc_dtype source = neighbours[dtype];
	bool wide = from == ERC_F64 || (dtype_is_integer(from) && dtype_bytes(from) > 2);
	return source == ERC_F32 && dtype_is_stored(dtype) && wide ? ERC_F64 : source;
}

/* The ranges to which numbers are clamped; of f8e8m0 that of |x|. */
static const struct {
	double low, high;
} f8_ranges[ERC_DTYPE_COUNT] = {
	[ERC_F8E4M3FN] = {-448, 448},       [ERC_F8E4M3FNUZ] = {-240, 240},     [ERC_F8E5M2] = {-57344, 57344},
	[ERC_F8E5M2FNUZ] = {-57344, 57344}, [ERC_F8E8M0] = {0x1p-127, 0x1p127},
};

/* NaN stays NaN, with its sign. */
static int clamp_to_f8(struct expr *expr, int arg, enum erc_dtype dtype)
{
	enum erc_dtype source = expr->nodes[arg].dtype;
	if (dtype == ERC_F8E8M0)
		arg = expr_apply(expr, PRIM_abs, arg, -1, -1);
	arg = expr_apply(expr, PRIM_max, arg, expr_const(expr, source, f8_ranges[dtype].low, 0), -1);
	return expr_apply(expr, PRIM_min, arg, expr_const(expr, source, f8_ranges[dtype].high, 0), -1);
}

int expr_cast_f8(struct expr *expr, int arg, enum erc_dtype dtype, bool saturate, enum rounding rounding)
{
	enum erc_dtype from = expr->nodes[arg].dtype;
	if (from == dtype)
		return arg;
	if (neighbours[from] && neighbours[from] != dtype) {
		arg = expr_cast(expr, arg, neighbours[from]);
		from = neighbours[from];
	}
	enum erc_dtype source = cast_source(dtype, from);
	if (source && source != from)
		arg = expr_cast(expr, arg, source);
	if (saturate && f8_ranges[dtype].high > 0)
		arg = clamp_to_f8(expr, arg, dtype);
	return add_node(expr, (struct expr_node){.primitive = PRIM_CAST,
	                                         .dtype = dtype,
	                                         .args = {(int16_t)arg, -1, -1},
	                                         .operand = (int16_t)(dtype == ERC_F8E8M0 ? rounding : 0)});
}

int expr_cast(struct expr *expr, int arg, enum erc_dtype dtype)
{
	return expr_cast_f8(expr, arg, dtype, false, ROUND_UP);
}

int expr_apply(struct expr *expr, enum primitive primitive, int a, int b, int c)
{
	enum erc_dtype dtype = expr->nodes[a].dtype;
	if (primitives[primitive].kind == KIND_BOOL)
		dtype = ERC_BOOL;
	else if (primitives[primitive].kind == KIND_SECOND)
		dtype = expr->nodes[b].dtype;
	return add_node(expr, (struct expr_node){.primitive = primitive,
	                                         .dtype = dtype,
	                                         .args = {(int16_t)a, (int16_t)b, (int16_t)c}});
}

/* ---- an operator row's text ---- */

struct parser {
	struct context *ctx;
	struct expr *expr;
	const char *at;
	const int *args;
	int arg_count;
	expr_lookup_fn lookup;
	void *user;
	enum erc_dtype number_dtype;
};

static void skip_space(struct parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

static enum ercc_status parse_term(struct parser *p, int *out);

static enum ercc_status parse_call(struct parser *p, const char *name, size_t length, int *out)
{
	int prim = -1, args[3] = {-1, -1, -1}, count = 0;
	for (int i = PRIM_CAST + 1; i < PRIM_COUNT; i++)
		if (strlen(primitives[i].name) == length && !strncmp(primitives[i].name, name, length))
			prim = i;
	if (prim < 0)
		return fail(p->ctx, ERCC_INTERNAL, "expression: no primitive '%.*s'", (int)length, name);
	do {
		p->at++; /* '(' or ',' */
		if (count == 3)
			return fail(p->ctx, ERCC_INTERNAL, "expression: too many arguments of '%.*s'", (int)length, name);
		TRY(parse_term(p, &args[count++]));
		skip_space(p);
	} while (*p->at == ',');
	if (*p->at++ != ')' || count != primitives[prim].arity)
		return fail(p->ctx, ERCC_INTERNAL, "expression: bad call of '%.*s'", (int)length, name);
	*out = expr_apply(p->expr, prim, args[0], args[1], args[2]);
	return ERCC_OK;
}

static enum ercc_status parse_term(struct parser *p, int *out)
{
	skip_space(p);
	if (!expr_has_room(p->expr, 1, 0))
		return fail(p->ctx, ERCC_INTERNAL, "expression: more than %d nodes", EXPR_MAX_NODES);
	const char *start = p->at;
	if (isdigit((unsigned char)*start) || *start == '-' || *start == '.') {
		char *end;
		double number = strtod(start, &end);
		p->at = end;
		*out = expr_const(p->expr, p->number_dtype, number, (int64_t)number);
		return ERCC_OK;
	}
	bool attribute = *start == '@';
	if (attribute)
		start = ++p->at;
	while (isalnum((unsigned char)*p->at) || *p->at == '_')
		p->at++;
	size_t length = (size_t)(p->at - start);
	skip_space(p);
	if (attribute) {
		double number = 0;
		const char *name = arena_copy_bytes(&p->ctx->arena, start, length);
		if (!p->lookup || !p->lookup(p->user, name, &number))
			return fail(p->ctx, ERCC_INTERNAL, "expression: no constant '@%s'", name);
		*out = expr_const(p->expr, p->number_dtype, number, (int64_t)number);
		return ERCC_OK;
	}
	if (*p->at == '(')
		return parse_call(p, start, length, out);
	int index = *start - 'a';
	if (length != 1 || index < 0 || index >= p->arg_count)
		return fail(p->ctx, ERCC_INTERNAL, "expression: unknown name at '%s'", start);
	*out = p->args[index];
	return ERCC_OK;
}

enum ercc_status expr_parse(struct context *ctx, struct expr *expr, const char *text, const int *args, int arg_count,
                            expr_lookup_fn lookup, void *user, int *result)
{
	struct parser p = {.ctx = ctx,
	                   .expr = expr,
	                   .at = text,
	                   .args = args,
	                   .arg_count = arg_count,
	                   .lookup = lookup,
	                   .user = user,
	                   .number_dtype = arg_count ? expr->nodes[args[0]].dtype : ERC_F32};
	TRY(parse_term(&p, result));
	skip_space(&p);
	if (*p.at)
		return fail(ctx, ERCC_INTERNAL, "expression: text left over: '%s'", p.at);
	return ERCC_OK;
}

int expr_inline(struct expr *outer, const struct expr *inner, const int *map)
{
	int moved[EXPR_MAX_NODES];
	for (int i = 0; i < inner->count; i++) {
		struct expr_node node = inner->nodes[i];
		if (node.primitive == PRIM_OPERAND) {
			moved[i] = map[node.operand];
			continue;
		}
		for (int k = 0; k < 3; k++)
			if (node.args[k] >= 0)
				node.args[k] = (int16_t)moved[node.args[k]];
		moved[i] = add_node(outer, node);
	}
	return moved[inner->count - 1];
}

bool expr_is_copy(const struct expr *expr)
{
	return expr->count == 1 && expr->nodes[0].primitive == PRIM_OPERAND && expr->operand_count == 1;
}

enum erc_dtype expr_dtype(const struct expr *expr)
{
	return expr->nodes[expr->count - 1].dtype;
}

bool expr_is_f32_vector(const struct expr *expr)
{
	for (int i = 0; i < expr->count; i++) {
		const struct expr_node *node = &expr->nodes[i];
		if (node->dtype == ERC_F32) {
			if (node->primitive == PRIM_CAST)
				return false;
			continue;
		}
		if (node->dtype != ERC_BOOL || primitives[node->primitive].kind != KIND_BOOL ||
		    expr->nodes[node->args[0]].dtype != ERC_F32)
			return false;
	}
	return expr_dtype(expr) == ERC_F32;
}

/* ---- printing ---- */

static const char *const roundings[] = {[ROUND_UP] = "", [ROUND_DOWN] = "_down", [ROUND_NEAREST] = "_nearest"};

static void print_c_const(const struct expr_node *node, struct text *out)
{
	if (node->dtype == ERC_F32 || node->dtype == ERC_F64) {
		const char *suffix = node->dtype == ERC_F32 ? "f" : "";
		if (__builtin_isnan(node->value.f))
			text_printf(out, "%s_set(__builtin_nan%s(\"\"))", dtype_name(node->dtype), suffix);
		else if (__builtin_isinf(node->value.f))
			text_printf(out, "%s_set(%s__builtin_inf%s())", dtype_name(node->dtype), node->value.f < 0 ? "-" : "",
			            suffix);
		else
			text_printf(out, "%s_set(%a%s)", dtype_name(node->dtype), node->value.f, suffix);
	} else if (node->value.i == INT64_MIN) {
		text_printf(out, "%s_set(-9223372036854775807LL - 1)", dtype_name(node->dtype));
	} else {
		text_printf(out, "%s_set(%lldLL)", dtype_name(node->dtype), (long long)node->value.i);
	}
}

void expr_print_c(const struct expr *expr, struct text *out)
{
	for (int i = 0; i < expr->count; i++) {
		const struct expr_node *node = &expr->nodes[i];
		/* a comparison of f32 gives a mask, which is a vector where f32 is one */
		const char *type = node->dtype == ERC_BOOL && primitives[node->primitive].kind == KIND_BOOL &&
		                           expr->nodes[node->args[0]].dtype == ERC_F32
		                       ? "f32_mask"
		                       : dtype_name(node->dtype);
		text_printf(out, "%s_value v%d = ", type, i);
		if (node->primitive == PRIM_OPERAND) {
			text_printf(out, "LOAD%d", node->operand);
		} else if (node->primitive == PRIM_CONST) {
			print_c_const(node, out);
		} else if (node->primitive == PRIM_CAST) {
			text_printf(out, "cast_%s_%s%s(v%d)", dtype_name(expr->nodes[node->args[0]].dtype), dtype_name(node->dtype),
			            roundings[node->operand], node->args[0]);
		} else {
			int typed = node->primitive == PRIM_select ? 1 : 0;
			text_printf(out, "%s_%s(", dtype_name(expr->nodes[node->args[typed]].dtype),
			            primitives[node->primitive].name);
			for (int k = 0; k < primitives[node->primitive].arity; k++)
				text_printf(out, "%sv%d", k ? ", " : "", node->args[k]);
			text_printf(out, ")");
		}
		text_printf(out, "; ");
	}
}

static void print_node(const struct expr *expr, int index, struct text *out)
{
	const struct expr_node *node = &expr->nodes[index];
	if (node->primitive == PRIM_OPERAND) {
		text_printf(out, "$%d", node->operand);
	} else if (node->primitive == PRIM_CONST) {
		if (dtype_is_float(node->dtype))
			text_printf(out, "%g", node->value.f);
		else
			text_printf(out, "%lld", (long long)node->value.i);
	} else {
		text_printf(out, "%s", primitives[node->primitive].name);
		if (node->primitive == PRIM_CAST)
			text_printf(out, "_%s%s", dtype_name(node->dtype), roundings[node->operand]);
		text_printf(out, "(");
		for (int k = 0; k < primitives[node->primitive].arity; k++) {
			if (k)
				text_printf(out, ", ");
			print_node(expr, node->args[k], out);
		}
		text_printf(out, ")");
	}
}

void expr_print(const struct expr *expr, struct text *out)
{
	if (expr->count)
		print_node(expr, expr->count - 1, out);
}

union expr_value expr_number(enum erc_dtype dtype, double number)
{
	union expr_value value = {.i = 0};
	if (dtype_is_float(dtype))
		value.f = number;
	else
		value.i = (int64_t)number;
	return value;
}
