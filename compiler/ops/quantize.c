/* Quantisation as element-wise operators in f32: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear. */
#include "compiler/lower/op.h"

#define TYPES_QUANTISED (TYPE(I8) | TYPE(U8) | TYPE(I16) | TYPE(U16))

/* Minimum and maximum of a quantised dtype. */
static void quantised_range(enum erc_dtype dtype, double *low, double *high)
{
	bool is_signed = dtype == ERC_I8 || dtype == ERC_I16;
	double span = dtype_bytes(dtype) == 1 ? 256 : 65536;
	*low = is_signed ? -span / 2 : 0;
	*high = *low + span - 1;
}

/* Shapes a scale or zero point so that it broadcasts to x. It has one element, one per position of the axis, or one per
 * block of `block_size` positions. */
static enum ercc_status spread_along(struct node *node, int slot, struct value **out)
{
	const struct shape *x = &node->inputs[0]->shape;
	struct value *value = node_input(node, slot);
	const struct shape shape = value ? value->shape : (struct shape){0};
	int64_t block = node_attr_int(node, "block_size", 0), dims[MAX_RANK];
	int axis = 0;
	*out = value;
	if (!value || shape_elements(&shape) == 1)
		return ERCC_OK;
	TRY(check_axis(node, node_attr_int(node, "axis", 1), x->rank, &axis));
	bool fits = block > 0 ? shape.rank == x->rank : shape.rank == 1 && shape.dims[0] == x->dims[axis];
	for (int i = 0; i < x->rank; i++) {
		dims[i] = i == axis ? x->dims[axis] : 1;
		if (fits && block > 0)
			fits = shape.dims[i] == (i == axis ? ceil_div(x->dims[i], block) : x->dims[i]);
	}
	if (!fits)
		return node_fail(node, ERCC_MODEL, "input %d %s does not fit %s along axis %d with block size %lld", slot,
		                 shape_words(node, &shape), shape_words(node, x), axis, (long long)block);
	if (block == 0) {
		*out = EMIT(node, "Reshape(a, b)", value, constant_ints(node, dims, x->rank));
		return ERCC_OK;
	}
	int64_t *index = arena_array(&node->graph->ctx->arena, (size_t)x->dims[axis], sizeof *index);
	for (int64_t i = 0; i < x->dims[axis]; i++)
		index[i] = i / block;
	*out = EMIT(node, TEXT(node, "Gather[axis=%d](a, b)", axis), value,
	            graph_constant_ints(node->graph, graph_unique_name(node->graph, node->name), 1, index, x->dims[axis]));
	return ERCC_OK;
}

static enum ercc_status check_scale(const struct node *node)
{
	const struct value *scale = node->inputs[1];
	if (scale->dtype != ERC_F32)
		return node_fail(node, ERCC_UNSUPPORTED, "a scale of %s for %s is not supported; only f32 is",
		                 dtype_name(scale->dtype), dtype_name(node->inputs[0]->dtype));
	if (node_input(node, 2) && shape_elements(&node->inputs[2]->shape) != shape_elements(&scale->shape))
		return node_fail(node, ERCC_MODEL, "scale %s and zero point %s differ in their number of elements",
		                 shape_words(node, &scale->shape), shape_words(node, &node->inputs[2]->shape));
	return ERCC_OK;
}

static enum ercc_status expand_dequantize(struct node *node)
{
	struct value *x = node->inputs[0], *scale, *zero, *y;
	int64_t to = node_attr_int(node, "output_dtype", 0);
	if (to < 0 || to >= ERC_DTYPE_COUNT || (to && !dtype_is_float((enum erc_dtype)to)))
		return node_fail(node, ERCC_UNSUPPORTED, "a result of dtype %s is not supported",
		                 dtype_name((enum erc_dtype)to));
	TRY(check_scale(node));
	TRY(check_same_dtype(node, 2));
	TRY(spread_along(node, 1, &scale));
	TRY(spread_along(node, 2, &zero));
	y = EMIT(node, TEXT(node, "Cast[to=%d](a)", ERC_I32), x);
	if (zero)
		y = EMIT(node, TEXT(node, "Sub(a, Cast[to=%d](b))", ERC_I32), y, zero);
	y = EMIT(node, TEXT(node, "Mul(Cast[to=%d](a), b)", ERC_F32), y, scale);
	expand_to(node, 0, to ? EMIT(node, TEXT(node, "Cast[to=%d](a)", (int)to), y) : y);
	return ERCC_OK;
}

/* x / scale, rounded to the nearest integer (ties to even), plus the zero point, clamped to the dtype's range. NaN
 * becomes its minimum, as in ONNX Runtime. */
static struct value *emit_quantised(struct node *node, struct value *x, struct value *scale, struct value *zero,
                                    enum erc_dtype dtype)
{
	double low, high;
	quantised_range(dtype, &low, &high);
	struct value *y = EMIT(node, "Round(Div(a, b))", x, scale), *least = constant_number(node, ERC_F32, low);
	if (zero)
		y = EMIT(node, TEXT(node, "Add(a, Cast[to=%d](b))", ERC_F32), y, zero);
	y = EMIT(node, "Clip(Where(Equal(a, a), a, b), b, c)", y, least, constant_number(node, ERC_F32, high));
	return EMIT(node, TEXT(node, "Cast[to=%d](a)", (int)dtype), y);
}

static enum ercc_status expand_quantize(struct node *node)
{
	struct value *x = node->inputs[0], *scale, *zero;
	int64_t to = node_attr_int(node, "output_dtype", 0);
	TRY(check_precision(node, "precision"));
	TRY(check_scale(node));
	TRY(spread_along(node, 1, &scale));
	TRY(spread_along(node, 2, &zero));
	if (to < 0 || to >= ERC_DTYPE_COUNT)
		return node_fail(node, ERCC_MODEL, "output_dtype is %lld, which is no dtype", (long long)to);
	enum erc_dtype dtype = node_input(node, 2) ? node->inputs[2]->dtype : to ? (enum erc_dtype)to : ERC_U8;
	if (to && to != (int64_t)dtype)
		return node_fail(node, ERCC_MODEL, "output_dtype is %s, but the zero point is %s",
		                 dtype_name((enum erc_dtype)to), dtype_name(dtype));
	if (!(TYPES_QUANTISED >> dtype & 1))
		return node_fail(node, ERCC_UNSUPPORTED, "a result of dtype %s", dtype_name(dtype));
	if (x->dtype != ERC_F32)
		x = EMIT(node, TEXT(node, "Cast[to=%d](a)", ERC_F32), x);
	expand_to(node, 0, emit_quantised(node, x, scale, zero, dtype));
	return ERCC_OK;
}

/* Maps the range of x, extended to contain 0, to 0 .. 255. If all x are 0, the scale is 1, as in ONNX Runtime. */
static enum ercc_status expand_dynamic_quantize(struct node *node)
{
	struct value *x = node->inputs[0];
	struct value *high = EMIT(node, "Max(ReduceMax[keepdims=0](a), 0)", x),
				 *low = EMIT(node, "Min(ReduceMin[keepdims=0](a), 0)", x);
	struct value *scale = EMIT(node, "Where(Equal(a, b), d, Div(Sub(a, b), c))", high, low,
	                           constant_number(node, ERC_F32, 255), constant_number(node, ERC_F32, 1));
	struct value *zero = EMIT(node, TEXT(node, "Cast[to=%d](Clip(Round(Div(Neg(a), b)), c, d))", ERC_U8), low, scale,
	                          constant_number(node, ERC_F32, 0), constant_number(node, ERC_F32, 255));
	expand_to(node, 0, emit_quantised(node, x, scale, zero, ERC_U8));
	expand_to(node, 1, scale);
	expand_to(node, 2, zero);
	return ERCC_OK;
}

const struct op ops_quantize[] = {
	{"QuantizeLinear", 10, 2, 3, 1, TYPE(F32) | TYPE(I32), .expand = expand_quantize,
     .attrs = "axis=int@13 block_size=int@21 output_dtype=int@21 precision=int@23 saturate=any@19"},
	{"DequantizeLinear", 10, 2, 3, 1, TYPES_QUANTISED | TYPE(I32), .expand = expand_dequantize,
     .attrs = "axis=int@13 block_size=int@21 output_dtype=int@23"},
	{"DynamicQuantizeLinear", 11, 1, 1, 3, TYPE(F32), .expand = expand_dynamic_quantize},
	{0},
};
