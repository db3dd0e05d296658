/* Element-wise expressions: what a pointwise kernel computes per element and what conv, gemm
 * and friends do with an element before they store it. Target-neutral: a list of primitive
 * operations in execution order, each with the dtype of its result. Printed as C text for a
 * kernel, or evaluated here for constant folding. */
#ifndef ERCC_EXPR_H
#define ERCC_EXPR_H

#include "compiler/core/core.h"

/* P(name, arity, kind): kind says what the result's dtype is:
 * SAME as the first argument, BOOL, or SECOND (as the second argument). Each primitive NAME
 * exists as DTYPE_NAME in targets/kernel_math.h or kernel_functions.h. */
/* clang-format off */
#define PRIMITIVES(P) \
	P(add, 2, SAME) P(sub, 2, SAME) P(mul, 2, SAME) P(div, 2, SAME) P(min, 2, SAME) P(max, 2, SAME) \
	P(pow, 2, SAME) P(mod, 2, SAME) P(fmod, 2, SAME) \
	P(neg, 1, SAME) P(abs, 1, SAME) P(sign, 1, SAME) P(sqrt, 1, SAME) P(floor, 1, SAME) P(ceil, 1, SAME) \
	P(round, 1, SAME) P(exp, 1, SAME) P(log, 1, SAME) P(expm1, 1, SAME) P(log1p, 1, SAME) P(sin, 1, SAME) \
	P(cos, 1, SAME) P(tan, 1, SAME) P(asin, 1, SAME) P(acos, 1, SAME) P(atan, 1, SAME) P(sinh, 1, SAME) P(cosh, 1, SAME) \
	P(asinh, 1, SAME) P(acosh, 1, SAME) P(atanh, 1, SAME) P(tanh, 1, SAME) P(sigmoid, 1, SAME) P(erf, 1, SAME) \
	P(eq, 2, BOOL) P(lt, 2, BOOL) P(le, 2, BOOL) \
	P(and, 2, SAME) P(or, 2, SAME) P(xor, 2, SAME) P(not, 1, SAME) P(shl, 2, SAME) P(shr, 2, SAME) \
	P(select, 3, SECOND) /* select(bool, a, b) */
/* clang-format on */

enum primitive {
	PRIM_OPERAND, /* operand number `operand` */
	PRIM_CONST,   /* value.i or value.f by dtype */
	PRIM_CAST,    /* to dtype from the argument's */
#define P(name, arity, kind) PRIM_##name,
	PRIMITIVES(P)
#undef P
		PRIM_COUNT
};

#define EXPR_MAX_NODES 96
#define EXPR_MAX_OPERANDS 16

union expr_value {
	int64_t i; /* integers and bool */
	double f;  /* floats; f32 results are rounded to f32 */
};

struct expr_node {
	uint8_t primitive; /* enum primitive */
	uint8_t dtype;     /* of the result */
	int16_t args[3];   /* earlier nodes */
	int16_t operand;
	union expr_value value; /* PRIM_CONST */
};

struct expr {
	struct expr_node nodes[EXPR_MAX_NODES]; /* the last one is the result */
	int count;
	int operand_count; /* operands 0 .. operand_count-1 */
};

const char *primitive_name(enum primitive primitive);

/* Building: each returns the new node's index. The caller checks expr_has_room first. */
bool expr_has_room(const struct expr *expr, int nodes, int operands);
int expr_operand(struct expr *expr, int operand, enum erc_dtype dtype);
int expr_const(struct expr *expr, enum erc_dtype dtype, double f, int64_t i);
int expr_cast(struct expr *expr, int arg, enum erc_dtype dtype);
int expr_apply(struct expr *expr, enum primitive primitive, int a, int b, int c);

/* Appends an operator row's text, "mul(a, sigmoid(a))", with a, b, c standing for `args`.
 * Numbers take the dtype of the first argument; @name is looked up by `constant` (false: no such name). */
typedef bool (*expr_lookup_fn)(void *user, const char *name, double *value);
enum ercc_status expr_parse(struct context *ctx, struct expr *expr, const char *text, const int *args, int arg_count,
                            expr_lookup_fn lookup, void *user, int *result);

/* Appends `inner` to `outer`, operand i of inner reading node map[i] of outer; returns inner's result node. */
int expr_inline(struct expr *outer, const struct expr *inner, const int *map);
/* The identity of operand 0: a copy. */
bool expr_is_copy(const struct expr *expr);
enum erc_dtype expr_dtype(const struct expr *expr);
/* True when every node is f32, or a comparison of f32 used by a select: the kernel can work on whole vectors. */
bool expr_is_f32_vector(const struct expr *expr);

/* One C declaration per node: "T v3 = f32_add(v1, v2);" where operand nodes read LOADk. */
void expr_print_c(const struct expr *expr, struct text *out);
/* "add(a, mul(b, 0x1p-1))" for dumps. */
void expr_print(const struct expr *expr, struct text *out);
/* True when expr_evaluate knows every primitive for its dtype. */
bool expr_can_evaluate(const struct expr *expr);
/* A number as a value of the dtype. */
union expr_value expr_number(enum erc_dtype dtype, double number);
/* Evaluates on one element. */
union expr_value expr_evaluate(const struct expr *expr, const union expr_value *operands);

/* One element as a value of an expression, and back; half precision as its bits. */
union expr_value element_read(const void *base, enum erc_dtype dtype, int64_t index);
void element_write(void *base, enum erc_dtype dtype, int64_t index, union expr_value value);

#endif
