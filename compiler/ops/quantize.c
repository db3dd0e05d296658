/* Quantisation as element-wise operators in f32: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear. */
#include "compiler/lower/op.h"

#define TYPES_QUANTISED \
	(TYPE(I8) | TYPE(U8) | TYPE(I16) | TYPE(U16) | TYPE(U4) | TYPE(I4) | TYPE(U2) | TYPE(I2) | TYPE(F4E2M1) | TYPES_F8)
#define TYPES_HALF (TYPE(F16) | TYPE(BF16))
#define TYPES_SCALE (TYPE(F32) | TYPES_HALF | TYPE(F8E8M0))

/* The integers to which numbers are quantised. */
static const struct {
	float low, high;
} ranges[ERC_DTYPE_COUNT] = {
	[ERC_U8] = {0, 255}, [ERC_I8] = {-128, 127}, [ERC_U16] = {0, 65535}, [ERC_I16] = {-32768, 32767},
	[ERC_U4] = {0, 15},  [ERC_I4] = {-8, 7},     [ERC_U2] = {0, 3},      [ERC_I2] = {-2, 1},
};

/* Emitted values have no dtype yet, so it is an argument. */
static struct value *emit_cast(struct node *node, struct value *x, enum erc_dtype from, enum erc_dtype to)
{
	return from == to ? x : EMIT(node, TEXT(node, "Cast[to=%d](a)", (int)to), x);
}

/* x as f32, with the values that it has as `precision`. */
static struct value *emit_rounded(struct node *node, struct value *x, enum erc_dtype from, enum erc_dtype precision)
{
	return emit_cast(node, emit_cast(node, x, from, precision), precision, ERC_F32);
}

/* If whole blocks cover the axis, x is seen with this axis as two, blocks and positions of a block: so a scale for each
 * block broadcasts, and is never stored for each position. Returns false elsewhere. */
static bool divide_axis(const struct node *node, struct shape *divided)
{
	const struct shape *x = &node->inputs[0]->shape, *scale = &node->inputs[1]->shape;
	int64_t block = node_attr_int(node, "block_size", 0), axis = node_attr_int(node, "axis", 1);
	axis += axis < 0 ? x->rank : 0;
	if (block <= 0 || axis < 0 || axis >= x->rank || x->rank == MAX_RANK || x->dims[axis] % block ||
	    shape_elements(scale) == 1)
		return false;
	*divided = (struct shape){.rank = x->rank + 1};
	for (int i = 0; i <= x->rank; i++)
		divided->dims[i] = i == axis ? x->dims[i] / block : i == axis + 1 ? block : x->dims[i - (i > axis)];
	return true;
}

static struct value *emit_shape(struct node *node, struct value *x, const struct shape *shape)
{
	return EMIT(node, "Reshape(a, b)", x, constant_ints(node, shape->dims, shape->rank));
}

/* Shapes a scale or zero point so that it broadcasts to x, or to x with a divided axis. It has one element, one per
 * position of the axis, or one per block of `block_size` positions. */
static enum ercc_status spread_along(struct node *node, int slot, struct value **out)
{
	const struct shape *x = &node->inputs[0]->shape;
	struct value *value = node_input(node, slot);
	const struct shape shape = value ? value->shape : (struct shape){0};
	int64_t block = node_attr_int(node, "block_size", 0), dims[MAX_RANK];
	int axis = 0;
	*out = value;
	if (value && shape.rank > x->rank && shape_elements(&shape) == 1)
		*out = emit_shape(node, value, &(struct shape){.rank = 0});
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
	struct shape spread = shape_of(x->rank, dims);
	if (block == 0 || divide_axis(node, &spread)) {
		if (block)
			spread.dims[axis + 1] = 1;
		*out = emit_shape(node, value, &spread);
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
	int64_t block = node_attr_int(node, "block_size", 0);
	if (block < 0 || block > MAX_ELEMENTS)
		return node_fail(node, ERCC_MODEL, "block_size is %lld", (long long)block);
	if (node_input(node, 2) && shape_elements(&node->inputs[2]->shape) != shape_elements(&scale->shape))
		return node_fail(node, ERCC_MODEL, "scale %s and zero point %s differ in their number of elements",
		                 shape_words(node, &scale->shape), shape_words(node, &node->inputs[2]->shape));
	return ERCC_OK;
}

/* Integers are subtracted as integers, because f32 would round large ones. */
static enum ercc_status expand_dequantize(struct node *node)
{
	struct value *x = node->inputs[0], *scale, *zero, *y = x;
	struct shape divided;
	int64_t to = node_attr_int(node, "output_dtype", 0);
	enum erc_dtype out = to ? (enum erc_dtype)to : node->inputs[1]->dtype;
	bool is_float = (TYPES_F8 | TYPE(F4E2M1)) >> x->dtype & 1;
	if (to < 0 || to >= ERC_DTYPE_COUNT || !dtype_is_float(out))
		return node_fail(node, ERCC_UNSUPPORTED, "a result of dtype %s is not supported%s", dtype_name(out),
		                 to ? "" : "; output_dtype is needed for this scale");
	TRY(check_scale(node));
	TRY(check_same_dtype(node, 2));
	TRY(spread_along(node, 1, &scale));
	TRY(spread_along(node, 2, &zero));
	enum erc_dtype exact = is_float ? ERC_F32 : ERC_I32;
	bool is_divided = divide_axis(node, &divided);
	if (is_divided)
		y = emit_shape(node, x, &divided);
	y = emit_cast(node, y, x->dtype, exact);
	if (zero)
		y = EMIT(node, "Sub(a, b)", y, emit_cast(node, zero, x->dtype, exact));
	y = EMIT(node, "Mul(a, b)", emit_cast(node, y, exact, ERC_F32),
	         emit_cast(node, scale, node->inputs[1]->dtype, ERC_F32));
	y = emit_cast(node, y, ERC_F32, out);
	expand_to(node, 0, is_divided ? emit_shape(node, y, &x->shape) : y);
	return ERCC_OK;
}

/* The quotient q, rounded to the nearest integer (ties to even), plus the zero point, clamped to the dtype's range. NaN
 * becomes its minimum, as in ONNX Runtime. */
static struct value *emit_integers(struct node *node, struct value *q, struct value *zero, enum erc_dtype dtype)
{
	struct value *y = EMIT(node, "Round(a)", q), *least = constant_number(node, ERC_F32, ranges[dtype].low);
	if (zero)
		y = EMIT(node, "Add(a, b)", y, emit_cast(node, zero, dtype, ERC_F32));
	y = EMIT(node, "Clip(Where(Equal(a, a), a, b), b, c)", y, least,
	         constant_number(node, ERC_F32, ranges[dtype].high));
	return emit_cast(node, y, ERC_F32, dtype);
}

/* The same without rounding to an integer. An f8 zero point of 0 does nothing, so -0 stays as it is. */
static struct value *emit_floats(struct node *node, struct value *q, struct value *zero, enum erc_dtype dtype)
{
	bool is_f8 = TYPES_F8 >> dtype & 1;
	if (zero)
		q = EMIT(node, is_f8 ? "Where(Equal(b, c), a, Add(a, b))" : "Add(a, b)", q,
		         emit_cast(node, zero, dtype, ERC_F32), constant_number(node, ERC_F32, 0));
	return EMIT(node, TEXT(node, "Cast[to=%d,saturate=%d](a)", (int)dtype, node_attr_int(node, "saturate", 1) != 0), q);
}

/* The dtype of the result, and the one in which the quotient is rounded. */
static enum ercc_status quantised_dtypes(const struct node *node, enum erc_dtype *dtype, enum erc_dtype *precision)
{
	const struct value *x = node->inputs[0], *scale = node->inputs[1], *zero = node_input(node, 2);
	int64_t to = node_attr_int(node, "output_dtype", 0), stated = node_attr_int(node, "precision", 0);
	if (to < 0 || to >= ERC_DTYPE_COUNT)
		return node_fail(node, ERCC_MODEL, "output_dtype is %lld, which is no dtype", (long long)to);
	*dtype = zero ? zero->dtype : to ? (enum erc_dtype)to : ERC_U8;
	if (to && to != (int64_t)*dtype)
		return node_fail(node, ERCC_MODEL, "output_dtype is %s, but the zero point is %s",
		                 dtype_name((enum erc_dtype)to), dtype_name(*dtype));
	if (!(TYPES_QUANTISED >> *dtype & 1))
		return node_fail(node, ERCC_UNSUPPORTED, "a result of dtype %s", dtype_name(*dtype));
	if (node->opset < 23 && x->dtype != ERC_I32 && x->dtype != scale->dtype)
		return node_fail(node, ERCC_MODEL, "the scale is %s, but the input is %s; they may differ from opset 23 on",
		                 dtype_name(scale->dtype), dtype_name(x->dtype));
	*precision = stated ? (enum erc_dtype)stated : TYPES_HALF >> scale->dtype & 1 ? scale->dtype : ERC_F32;
	return check_precision(node, "precision");
}

static enum ercc_status expand_quantize(struct node *node)
{
	struct value *x = node->inputs[0], *y = x, *scale, *zero;
	struct shape divided;
	enum erc_dtype dtype = ERC_U8, precision = ERC_F32;
	TRY(quantised_dtypes(node, &dtype, &precision));
	TRY(check_scale(node));
	TRY(spread_along(node, 1, &scale));
	TRY(spread_along(node, 2, &zero));
	bool is_divided = divide_axis(node, &divided);
	if (is_divided)
		y = emit_shape(node, x, &divided);
	y = EMIT(node, "Div(a, b)", emit_rounded(node, y, x->dtype, precision),
	         emit_rounded(node, scale, node->inputs[1]->dtype, precision));
	y = emit_rounded(node, y, ERC_F32, precision);
	y = ranges[dtype].high > 0 ? emit_integers(node, y, zero, dtype) : emit_floats(node, y, zero, dtype);
	expand_to(node, 0, is_divided ? emit_shape(node, y, &x->shape) : y);
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
	expand_to(node, 0, emit_integers(node, EMIT(node, "Div(a, b)", x, scale), zero, ERC_U8));
	expand_to(node, 1, scale);
	expand_to(node, 2, zero);
	return ERCC_OK;
}

const struct op ops_quantize[] = {
	{"QuantizeLinear", 10, 2, 3, 1, TYPE(F32) | TYPES_HALF | TYPE(I32), .expand = expand_quantize, .sizes = true,
     .input_types = {[1] = TYPES_SCALE | TYPE(I32), [2] = TYPES_QUANTISED},
     .attrs = "axis=int@13 block_size=int@21 output_dtype=int@21 precision=int@23 saturate=int@19"},
	{"DequantizeLinear", 10, 2, 3, 1, TYPES_QUANTISED | TYPE(I32), .expand = expand_dequantize, .sizes = true,
     .casts_halves = true, .input_types = {[1] = TYPES_SCALE},
     .attrs = "axis=int@13 block_size=int@21 output_dtype=int@23"},
	{"DynamicQuantizeLinear", 11, 1, 1, 3, TYPE(F32), .expand = expand_dynamic_quantize, .sizes = true},
	{0},
};
