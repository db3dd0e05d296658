/* Element-wise expressions: what a pointwise kernel computes for each element, and what conv, gemm and other kernels do
 * with an element before they store it. They do not depend on a target: an expression is a list of primitive operations
 * in execution order, each with the dtype of its result. It is printed as C text for a kernel, or evaluated here for
 * constant folding. */
#ifndef ERCC_EXPR_H
#define ERCC_EXPR_H

#include "compiler/core/core.h"

/* P(name, arity, kind). kind gives the result's dtype: SAME as the first argument, BOOL, or SECOND (same as the second
 * argument). Each primitive NAME exists as DTYPE_NAME in kernel_math.h or kernel_functions.h. */
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
	PRIM_CONST,   /* value.i or value.f, by dtype */
	PRIM_CAST,    /* from the argument's dtype to dtype */
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
	uint8_t primitive;      /* enum primitive */
	uint8_t dtype;          /* of the result */
	int16_t args[3];        /* numbers of earlier nodes */
	int16_t operand;        /* of a PRIM_OPERAND its number, of a PRIM_CAST its enum rounding */
	union expr_value value; /* of a PRIM_CONST */
};

struct expr {
	struct expr_node nodes[EXPR_MAX_NODES]; /* the last one is the result */
	int count;
	int operand_count; /* operands 0 to operand_count - 1 */
};

const char *primitive_name(enum primitive primitive);

/* Building: each function returns the new node's index. The caller checks expr_has_room first. */
bool expr_has_room(const struct expr *expr, int nodes, int operands);
int expr_operand(struct expr *expr, int operand, enum erc_dtype dtype);
int expr_const(struct expr *expr, enum erc_dtype dtype, double f, int64_t i);
int expr_cast(struct expr *expr, int arg, enum erc_dtype dtype);
/* How a cast to f8e8m0 rounds; all others round to the nearest, ties to even, or truncate to integers. */
enum rounding { ROUND_UP, ROUND_DOWN, ROUND_NEAREST };
/* A cast to an f8. A number outside its range becomes the nearest one in it if `saturate`, else infinity or NaN, as in
 * expr_cast. */
int expr_cast_f8(struct expr *expr, int arg, enum erc_dtype dtype, bool saturate, enum rounding rounding);
int expr_apply(struct expr *expr, enum primitive primitive, int a, int b, int c);

/* Appends an operator row's text, such as "mul(a, sigmoid(a))". a, b, c stand for `args`. Numbers take the dtype of the
 * first argument. `lookup` gives the value of @name; it returns false when there is no such name. */
typedef bool (*expr_lookup_fn)(void *user, const char *name, double *value);
enum ercc_status expr_parse(struct context *ctx, struct expr *expr, const char *text, const int *args, int arg_count,
                            expr_lookup_fn lookup, void *user, int *result);

/* Appends `inner` to `outer` and returns the node with inner's result. Operand i of inner becomes node map[i] of
 * outer. */
int expr_inline(struct expr *outer, const struct expr *inner, const int *map);
/* Whether the expression returns operand 0 unchanged. */
bool expr_is_copy(const struct expr *expr);
enum erc_dtype expr_dtype(const struct expr *expr);
/* Whether every node is f32, or a comparison of f32 that a select uses. The kernel can then work on whole vectors. */
bool expr_is_f32_vector(const struct expr *expr);

/* Prints one C declaration per node: "T v3 = f32_add(v1, v2);". Operand k is read as LOADk. */
void expr_print_c(const struct expr *expr, struct text *out);
/* Prints "add(a, mul(b, 0x1p-1))", for dumps. */
void expr_print(const struct expr *expr, struct text *out);
/* Whether expr_evaluate supports every primitive with its dtype. */
bool expr_can_evaluate(const struct expr *expr);
/* Converts a number to a value of the dtype. */
union expr_value expr_number(enum erc_dtype dtype, double number);
/* Evaluates the expression on one element of each operand. */
union expr_value expr_evaluate(const struct expr *expr, const union expr_value *operands);

/* Reads one element as a value of an expression, or writes it. Half precision is read and written as its bits. */
union expr_value element_read(const void *base, enum erc_dtype dtype, int64_t index);
void element_write(void *base, enum erc_dtype dtype, int64_t index, union expr_value value);

#endif
