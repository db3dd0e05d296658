/* erc.Contract, and the operators on quantised numbers, whose sums are exact in i32. */
#include "compiler/ops/contract.h"

/* Output elements that one row computes: neighbours along the last dim. */
#define GROUP 16

/* ---- erc.Contract ---- */

void add_dim(struct strided *dims, int64_t size, int64_t a, int64_t b)
{
	dims->size[dims->rank] = size;
	dims->a[dims->rank] = a;
	dims->b[dims->rank++] = b;
}

static const char *list_text(struct node *node, const int64_t *values, int count)
{
	struct text text = {.arena = &node->graph->ctx->arena};
	for (int i = 0; i < count; i++)
		text_printf(&text, "%lld:", (long long)values[i]);
	return text.data;
}

struct value *emit_contraction(struct node *node, struct value *a, struct value *b, const struct strided *kept,
                               const struct strided *gone, const struct shape *out)
{
	const char *attrs = TEXT(node, "kept=%s, kept_a=%s, kept_b=%s, gone=%s, gone_a=%s, gone_b=%s",
	                         list_text(node, kept->size, kept->rank), list_text(node, kept->a, kept->rank),
	                         list_text(node, kept->b, kept->rank), list_text(node, gone->size, gone->rank),
	                         list_text(node, gone->a, gone->rank), list_text(node, gone->b, gone->rank));
	return EMIT(node, TEXT(node, "Reshape(erc.Contract[%s](a, b), c)", attrs), a, b,
	            constant_ints(node, out->dims, out->rank));
}

static enum ercc_status read_strided(const struct node *node, const char *const *names, struct strided *dims)
{
	int64_t *const lists[] = {dims->size, dims->a, dims->b};
	int count;
	for (int i = 0; i < 3; i++) {
		TRY(int_list(node, names[i], -1, lists[i], MAX_RANK, &count));
		if (count < 1 || (i && count != dims->rank))
			return node_fail(node, ERCC_MODEL, "%s has %d entries", names[i], count);
		dims->rank = count;
	}
	return ERCC_OK;
}

static enum ercc_status read_contraction(const struct node *node, struct strided *kept, struct strided *gone)
{
	static const char *const kept_names[] = {"kept", "kept_a", "kept_b"};
	static const char *const gone_names[] = {"gone", "gone_a", "gone_b"};
	TRY(check_same_dtype(node, 1));
	TRY(read_strided(node, kept_names, kept));
	return read_strided(node, gone_names, gone);
}

static enum ercc_status infer_contract(struct node *node)
{
	struct strided kept, gone;
	TRY(read_contraction(node, &kept, &gone));
	struct shape out = shape_of(kept.rank, kept.size);
	return set_output(node, 0, node->inputs[0]->dtype, &out);
}

static void set_strided(struct launch *launch, int first, const struct strided *dims)
{
	for (int i = 0; i < dims->rank; i++) {
		launch_set(launch, first + 3 * i, dims->size[i]);
		launch_set(launch, first + 3 * i + 1, dims->a[i]);
		launch_set(launch, first + 3 * i + 2, dims->b[i]);
	}
}

/* a + b * c */
static enum ercc_status set_step(struct lowering *lowering, struct launch *launch, enum erc_dtype dtype)
{
	struct expr *step = arena_new(&lowering->ctx->arena, struct expr);
	int args[3], result;
	for (int i = 0; i < 3; i++)
		args[i] = expr_operand(step, i, dtype);
	launch->user = step;
	return expr_parse(lowering->ctx, step, "add(a, mul(b, c))", args, 3, NULL, NULL, &result);
}

static enum ercc_status lower_contract(struct lowering *lowering, struct node *node)
{
	struct strided kept, gone;
	struct value *out = node->outputs[0];
	TRY(read_contraction(node, &kept, &gone));
	int64_t elements = shape_elements(&out->shape), last = kept.size[kept.rank - 1], count = 1;
	for (int i = 0; i < gone.rank; i++)
		count *= gone.size[i];
	if (count == 0 || elements == 0)
		return lower_fill(lowering, node, out, 0, 0);
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &contract_template, node->name);
	for (int i = 0; i < 2; i++)
		launch_operand(launch, lower_buffer(lowering, node->inputs[i]), out->dtype, false);
	launch_operand(launch, lower_buffer(lowering, out), out->dtype, true);
	launch->input_count = 2;
	launch->space = out->shape;
	launch_set(launch, ROWS_TOTAL, elements / last * ceil_div(last, GROUP));
	launch_set(launch, CONTRACT_KEPT, kept.rank);
	launch_set(launch, CONTRACT_GONE, gone.rank);
	launch_set(launch, CONTRACT_COUNT, count);
	set_strided(launch, CONTRACT_DIMS, &kept);
	set_strided(launch, CONTRACT_DIMS + 3 * kept.rank, &gone);
	launch_define(launch, "T", dtype_name(out->dtype));
	launch_define(launch, "GROUP", arena_printf(&lowering->ctx->arena, "%d", GROUP));
	launch->flops = 2 * (uint64_t)elements * (uint64_t)count;
	launch->bytes = (uint64_t)(value_bytes(node->inputs[0]) + value_bytes(node->inputs[1]) + value_bytes(out));
	launch->reduction_key = REDUCTION_CONTRACT;
	return set_step(lowering, launch, out->dtype);
}

/* ---- quantised numbers ---- */

#define TYPES_BYTE (TYPE(I8) | TYPE(U8))

/* What a scale or a zero point has its elements along: rows or columns of a matrix, the output channels of weights, or
 * the same channels in the output. */
enum along { ALONG_ROWS, ALONG_COLUMNS, ALONG_CHANNELS, ALONG_OUTPUTS };

/* Brings a scale or zero point to a form that broadcasts to the matrix or weights in `of`: one element, or one for each
 * row, column or output channel. A rank above 1 is that of the matrix already. *out is NULL if it is left out. */
static enum ercc_status spread_numbers(struct node *node, int slot, int of, enum along along, struct value **out)
{
	const struct shape *like = &node->inputs[of]->shape;
	struct value *value = *out = node_input(node, slot);
	if (!value || shape_elements(&value->shape) == 1) {
		if (value)
			*out = EMIT(node, "Reshape(a, b)", value, constant_ints(node, &(int64_t){0}, 0));
		return ERCC_OK;
	}
	bool channels = along == ALONG_CHANNELS || along == ALONG_OUTPUTS;
	int axis = channels ? 0 : like->rank - (along == ALONG_ROWS ? 2 : 1);
	const struct shape shape = value->shape;
	bool fits = axis >= 0 && (shape.rank == 1 ? shape.dims[0] == like->dims[axis] : !channels);
	for (int i = 0; fits && shape.rank > 1 && i < like->rank; i++) {
		bool across = i == (along == ALONG_ROWS ? like->rank - 1 : like->rank - 2);
		fits = shape.rank == like->rank && (shape.dims[i] == 1 || (!across && shape.dims[i] == like->dims[i]));
	}
	if (!fits)
		return node_fail(node, ERCC_MODEL, "input %d %s: wanted one element, or one for each %s of input %d %s", slot,
		                 shape_words(node, &shape),
		                 along == ALONG_ROWS      ? "row"
		                 : along == ALONG_COLUMNS ? "column"
		                                          : "output channel",
		                 of, shape_words(node, like));
	if (shape.rank == 1) {
		int64_t dims[MAX_RANK];
		int rank = like->rank - axis - (along == ALONG_OUTPUTS);
		for (int i = 0; i < rank; i++)
			dims[i] = i ? 1 : shape.dims[0];
		*out = EMIT(node, "Reshape(a, b)", value, constant_ints(node, dims, rank));
	}
	return ERCC_OK;
}

/* The integers that the input in `slot` stands for, as i32: its elements minus the zero point. */
static enum ercc_status emit_integers(struct node *node, int slot, int zero_slot, enum along along, struct value **out)
{
	struct value *zero, *x = node->inputs[slot];
	if (!(TYPES_BYTE >> x->dtype & 1))
		return node_fail(node, ERCC_UNSUPPORTED, "input '%s' is %s; i8 and u8 are supported", x->name,
		                 dtype_name(x->dtype));
	TRY(spread_numbers(node, zero_slot, slot, along, &zero));
	if (zero && node->inputs[zero_slot]->dtype != x->dtype)
		return node_fail(node, ERCC_MODEL, "zero point '%s' is %s, but '%s' is %s", node->inputs[zero_slot]->name,
		                 dtype_name(node->inputs[zero_slot]->dtype), x->name, dtype_name(x->dtype));
	*out = EMIT(node, TEXT(node, "Cast[to=%d](a)", ERC_I32), x);
	if (zero)
		*out = EMIT(node, TEXT(node, "Sub(a, Cast[to=%d](b))", ERC_I32), *out, zero);
	return ERCC_OK;
}

/* The inputs of an operator that multiplies quantised numbers, by their slots. */
struct quantised {
	int right, left_zero, right_zero;                 /* the left factor is input 0 */
	int left_scale, right_scale, out_scale, out_zero; /* 0: the output is the i32 sums */
};

/* sums * (left scale * right scale / output scale), rounded to the nearest integer (ties to even), plus the output's
 * zero point, clamped to its dtype's range. */
static enum ercc_status emit_requantised(struct node *node, const struct quantised *q, enum along left,
                                         enum along right, struct value *sums, struct value **out)
{
	struct value *scale[3], *zero;
	const struct value *given = node->inputs[q->out_zero];
	const int slots[] = {q->left_scale, q->right_scale, q->out_scale};
	bool is_signed = given->dtype == ERC_I8;
	for (int i = 0; i < 3; i++) {
		if (node->inputs[slots[i]]->dtype != ERC_F32)
			return node_fail(node, ERCC_UNSUPPORTED, "scale '%s' is %s; f32, f16 and bf16 are supported",
			                 node->inputs[slots[i]]->name, dtype_name(node->inputs[slots[i]]->dtype));
		TRY(spread_numbers(node, slots[i], i == 1 ? q->right : 0, i == 1 ? right : left, &scale[i]));
	}
	if (!(TYPES_BYTE >> given->dtype & 1))
		return node_fail(node, ERCC_UNSUPPORTED, "a result of %s; i8 and u8 are supported", dtype_name(given->dtype));
	TRY(spread_numbers(node, q->out_zero, 0, left, &zero));
	struct value *y = EMIT(node, TEXT(node, "Round(Mul(Cast[to=%d](a), Div(Mul(b, c), d)))", ERC_F32), sums, scale[0],
	                       scale[1], scale[2]);
	y = EMIT(node, TEXT(node, "Clip(Add(a, Cast[to=%d](b)), c, d)", ERC_F32), y, zero,
	         constant_number(node, ERC_F32, is_signed ? -128 : 0),
	         constant_number(node, ERC_F32, is_signed ? 127 : 255));
	*out = EMIT(node, TEXT(node, "Cast[to=%d](a)", (int)given->dtype), y);
	return ERCC_OK;
}

static enum ercc_status expand_integer_matmul(struct node *node)
{
	const struct quantised q = node->op_type[0] == 'Q'
	                               ? (struct quantised){3, 2, 5, 1, 4, 6, 7}
	                               : (struct quantised){.right = 1, .left_zero = 2, .right_zero = 3};
	struct value *a, *b, *y;
	TRY(emit_integers(node, 0, q.left_zero, ALONG_ROWS, &a));
	TRY(emit_integers(node, q.right, q.right_zero, ALONG_COLUMNS, &b));
	y = EMIT(node, "MatMul(a, b)", a, b);
	if (q.out_zero)
		TRY(emit_requantised(node, &q, ALONG_ROWS, ALONG_COLUMNS, y, &y));
	expand_to(node, 0, y);
	return ERCC_OK;
}

static enum ercc_status expand_integer_conv(struct node *node)
{
	const struct quantised q = node->op_type[0] == 'Q'
	                               ? (struct quantised){3, 2, 5, 1, 4, 6, 7}
	                               : (struct quantised){.right = 1, .left_zero = 2, .right_zero = 3};
	struct value *x, *w, *y, *bias = q.out_zero ? node_input(node, 8) : NULL;
	for (int i = 0; i < node->input_count; i++) /* only the weights' are for each channel */
		if (i != q.right && i != q.right_zero && i != q.right_scale && i && i < 8 && node->inputs[i] &&
		    shape_elements(&node->inputs[i]->shape) != 1)
			return node_fail(node, ERCC_MODEL, "input %d %s must have one element", i,
			                 shape_words(node, &node->inputs[i]->shape));
	if (bias && bias->dtype != ERC_I32)
		return node_fail(node, ERCC_MODEL, "the bias is %s; wanted i32", dtype_name(bias->dtype));
	TRY(emit_integers(node, 0, q.left_zero, ALONG_CHANNELS, &x));
	TRY(emit_integers(node, q.right, q.right_zero, ALONG_CHANNELS, &w));
	TRY(emit_conv(node, x, w, q.right, bias, &y));
	if (q.out_zero)
		TRY(emit_requantised(node, &q, ALONG_OUTPUTS, ALONG_OUTPUTS, y, &y));
	expand_to(node, 0, y);
	return ERCC_OK;
}

#define CONV_ATTRS \
	"auto_pad=text:NOTSET|SAME_UPPER|SAME_LOWER|VALID dilations=ints group=int kernel_shape=ints pads=ints " \
	"strides=ints"

const struct op ops_contract[] = {
	{"Contract", 1, 2, 2, 1, TYPE(F64) | TYPES_INT, infer_contract, lower_contract, .domain = "erc",
     .attrs = "kept=ints kept_a=ints kept_b=ints gone=ints gone_a=ints gone_b=ints"},
	{"MatMulInteger", 10, 2, 4, 1, TYPES_BYTE, .expand = expand_integer_matmul},
	{"QLinearMatMul", 10, 8, 8, 1, TYPES_BYTE, .expand = expand_integer_matmul, .own_types = 0x52},
	{"ConvInteger", 10, 2, 4, 1, TYPES_BYTE, .rows = "n*->n*", .expand = expand_integer_conv, .attrs = CONV_ATTRS},
	{"QLinearConv", 10, 8, 9, 1, TYPES_BYTE, .rows = "n*->n*", .expand = expand_integer_conv, .own_types = 0x52,
     .attrs = CONV_ATTRS},
	{0},
};
