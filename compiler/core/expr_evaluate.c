/* Evaluates expressions for constant folding, with the same definitions as the kernels (kernel_math.h). */
#include "compiler/core/expr.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wtype-limits"
#undef bool /* the header pastes dtype names into macros, and "bool" is one of them */
#define VECTOR 0
#include "compiler/core/kernel_math.h"
#include "compiler/core/kernel_functions.h"

typedef union expr_value V;

/* clang-format off */
/* A wrapper for each dtype and primitive, which reads and writes the right member of the value. */
#define UNARY(T, M, name) static V T##_##name##_e(const V *a) { return (V){.M = T##_##name((T##_value)a[0].M)}; }
#define BINARY(T, M, name) \
	static V T##_##name##_e(const V *a) { return (V){.M = T##_##name((T##_value)a[0].M, (T##_value)a[1].M)}; }
#define COMPARE(T, M, name) \
	static V T##_##name##_e(const V *a) { return (V){.i = T##_##name((T##_value)a[0].M, (T##_value)a[1].M) != 0}; }
#define SELECT(T, M) \
	static V T##_select_e(const V *a) { return (V){.M = T##_select(a[0].i != 0, (T##_value)a[1].M, (T##_value)a[2].M)}; }

#define FLOAT_OPS(U, B, C, S, T) \
	B(T, f, add) B(T, f, sub) B(T, f, mul) B(T, f, div) B(T, f, min) B(T, f, max) B(T, f, pow) B(T, f, mod) B(T, f, fmod) \
	U(T, f, neg) U(T, f, abs) U(T, f, sign) U(T, f, sqrt) U(T, f, floor) U(T, f, ceil) U(T, f, round) U(T, f, exp) \
	U(T, f, log) U(T, f, expm1) U(T, f, log1p) U(T, f, sin) U(T, f, cos) U(T, f, tan) U(T, f, asin) U(T, f, acos) \
	U(T, f, atan) U(T, f, sinh) U(T, f, cosh) U(T, f, asinh) U(T, f, acosh) U(T, f, atanh) U(T, f, tanh) U(T, f, sigmoid) U(T, f, erf) C(T, f, eq) C(T, f, lt) C(T, f, le) S(T, f)
#define INT_OPS(U, B, C, S, T) \
	B(T, i, add) B(T, i, sub) B(T, i, mul) B(T, i, div) B(T, i, min) B(T, i, max) B(T, i, pow) B(T, i, mod) B(T, i, fmod) \
	U(T, i, neg) U(T, i, abs) U(T, i, sign) B(T, i, and) B(T, i, or) B(T, i, xor) U(T, i, not) B(T, i, shl) B(T, i, shr) C(T, i, eq) C(T, i, lt) C(T, i, le) S(T, i)
#define BOOL_OPS(U, B, C, S, T) B(T, i, and) B(T, i, or) B(T, i, xor) U(T, i, not) B(T, i, min) B(T, i, max) C(T, i, eq) S(T, i)

#define ALL_OPS(U, B, C, S) \
	FLOAT_OPS(U, B, C, S, f32) FLOAT_OPS(U, B, C, S, f64) INT_OPS(U, B, C, S, i8) INT_OPS(U, B, C, S, u8) \
	INT_OPS(U, B, C, S, i16) INT_OPS(U, B, C, S, u16) INT_OPS(U, B, C, S, i32) INT_OPS(U, B, C, S, u32) \
	INT_OPS(U, B, C, S, i64) INT_OPS(U, B, C, S, u64) BOOL_OPS(U, B, C, S, bool)

ALL_OPS(UNARY, BINARY, COMPARE, SELECT)

#define ID_f32 ERC_F32
#define ID_f64 ERC_F64
#define ID_i8 ERC_I8
#define ID_u8 ERC_U8
#define ID_i16 ERC_I16
#define ID_u16 ERC_U16
#define ID_i32 ERC_I32
#define ID_u32 ERC_U32
#define ID_i64 ERC_I64
#define ID_u64 ERC_U64
#define ID_bool ERC_BOOL
#define ROW(T, M, name) [ID_##T][PRIM_##name] = T##_##name##_e,
#define ROW_SELECT(T, M) [ID_##T][PRIM_select] = T##_select_e,

/* clang-format on */
static V (*const functions[ERC_DTYPE_COUNT][PRIM_COUNT])(const V *) = {ALL_OPS(ROW, ROW, ROW, ROW_SELECT)};

/* ---- casts from and to the dtypes that expr_cast casts only from and to another one ---- */

/* clang-format off */
#define BITS_TO_F32(T) static V T##_read(V a) { return (V){.f = cast_##T##_f32((T##_value)a.i)}; }
#define F32_TO_BITS(T) static V T##_write(V a) { return (V){.i = cast_f32_##T((float)a.f)}; }
#define F64_TO_BITS(T) static V T##_write_wide(V a) { return (V){.i = cast_f64_##T(a.f)}; }
#define INTEGER_TO_BITS(T, B) \
	static V T##_read(V a) { return (V){.i = cast_##T##_##B((T##_value)a.i)}; } \
	static V T##_write(V a) { return (V){.i = cast_##B##_##T((B##_value)a.i)}; }
#define SMALL(T, ...) BITS_TO_F32(T) F32_TO_BITS(T) F64_TO_BITS(T)
BITS_TO_F32(f16) F32_TO_BITS(f16) BITS_TO_F32(bf16) F32_TO_BITS(bf16)
SMALL_FLOATS(SMALL) SMALL(f8e8m0)
F32_TO_BITS(f8e8m0_down) F64_TO_BITS(f8e8m0_down) F32_TO_BITS(f8e8m0_nearest) F64_TO_BITS(f8e8m0_nearest)
INTEGER_TO_BITS(u4, u8) INTEGER_TO_BITS(i4, i8) INTEGER_TO_BITS(u2, u8) INTEGER_TO_BITS(i2, i8)

static const struct {
	V (*read)(V), (*write)(V), (*write_wide)(V); /* write_wide: from f64 */
} bits[ERC_DTYPE_COUNT] = {
	[ERC_F16] = {f16_read, f16_write, 0}, [ERC_BF16] = {bf16_read, bf16_write, 0},
	[ERC_F8E4M3FN] = {f8e4m3fn_read, f8e4m3fn_write, f8e4m3fn_write_wide},
	[ERC_F8E4M3FNUZ] = {f8e4m3fnuz_read, f8e4m3fnuz_write, f8e4m3fnuz_write_wide},
	[ERC_F8E5M2] = {f8e5m2_read, f8e5m2_write, f8e5m2_write_wide},
	[ERC_F8E5M2FNUZ] = {f8e5m2fnuz_read, f8e5m2fnuz_write, f8e5m2fnuz_write_wide},
	[ERC_F4E2M1] = {f4e2m1_read, f4e2m1_write, f4e2m1_write_wide},
	[ERC_F8E8M0] = {f8e8m0_read, f8e8m0_write, f8e8m0_write_wide},
	[ERC_U4] = {u4_read, u4_write, 0}, [ERC_I4] = {i4_read, i4_write, 0},
	[ERC_U2] = {u2_read, u2_write, 0}, [ERC_I2] = {i2_read, i2_write, 0},
};
/* clang-format on */

static _Bool can_cast(enum erc_dtype dtype)
{
	return bits[dtype].read || functions[dtype][PRIM_eq];
}

_Bool expr_can_evaluate(const struct expr *expr)
{
	for (int i = 0; i < expr->count; i++) {
		const struct expr_node *node = &expr->nodes[i];
		if (node->primitive == PRIM_CAST && (!can_cast(node->dtype) || !can_cast(expr->nodes[node->args[0]].dtype)))
			return false;
		if (node->primitive <= PRIM_CAST)
			continue;
		int typed = node->primitive == PRIM_select ? 1 : 0;
		if (!functions[expr->nodes[node->args[typed]].dtype][node->primitive])
			return false;
	}
	return true;
}

static V cast(V value, enum erc_dtype from, const struct expr_node *node)
{
	enum erc_dtype to = node->dtype;
	if (node->operand != ROUND_UP) {
		if (from == ERC_F64)
			return node->operand == ROUND_DOWN ? f8e8m0_down_write_wide(value) : f8e8m0_nearest_write_wide(value);
		return node->operand == ROUND_DOWN ? f8e8m0_down_write(value) : f8e8m0_nearest_write(value);
	}
	if (bits[to].write)
		return from == ERC_F64 ? bits[to].write_wide(value) : bits[to].write(value);
	if (bits[from].read)
		return bits[from].read(value);
	_Bool from_float = from == ERC_F32 || from == ERC_F64;
	if (to == ERC_F32)
		return (V){.f = from_float ? (float)value.f : from == ERC_U64 ? (float)(uint64_t)value.i : (float)value.i};
	if (to == ERC_F64)
		return (V){.f = from_float ? value.f : from == ERC_U64 ? (double)(uint64_t)value.i : (double)value.i};
	if (to == ERC_BOOL)
		return (V){.i = from_float ? value.f != 0 : value.i != 0};
	if (to == ERC_U64 && from_float)
		return (V){.i = (int64_t)truncate_u64(value.f)};
	_Bool through_i32 = to == ERC_I8 || to == ERC_U8 || to == ERC_I16 || to == ERC_U16 || to == ERC_I32;
	int64_t i = !from_float ? value.i : through_i32 ? truncate_i32(value.f) : truncate_i64(value.f);
	switch (to) {
	case ERC_I8: i = (int8_t)i; break;
	case ERC_U8: i = (uint8_t)i; break;
	case ERC_I16: i = (int16_t)i; break;
	case ERC_U16: i = (uint16_t)i; break;
	case ERC_I32: i = (int32_t)i; break;
	case ERC_U32: i = (uint32_t)i; break;
	default: break;
	}
	return (V){.i = i};
}

union expr_value expr_evaluate(const struct expr *expr, const union expr_value *operands)
{
	V values[EXPR_MAX_NODES];
	for (int i = 0; i < expr->count; i++) {
		const struct expr_node *node = &expr->nodes[i];
		if (node->primitive == PRIM_OPERAND) {
			values[i] = operands[node->operand];
		} else if (node->primitive == PRIM_CONST) {
			values[i] = node->value;
		} else if (node->primitive == PRIM_CAST) {
			values[i] = cast(values[node->args[0]], expr->nodes[node->args[0]].dtype, node);
		} else {
			V args[3] = {{0}};
			for (int k = 0; k < 3 && node->args[k] >= 0; k++)
				args[k] = values[node->args[k]];
			int typed = node->primitive == PRIM_select ? 1 : 0;
			values[i] = functions[expr->nodes[node->args[typed]].dtype][node->primitive](args);
		}
	}
	return values[expr->count - 1];
}
