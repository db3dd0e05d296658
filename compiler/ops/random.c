/* Operators that draw random numbers, made of erc.Random, whose numbers are a function of a seed and a position. The
 * seed is the node's attribute. Without one it is a digest of the name of the node's first output: so an artifact
 * gives the same numbers in every run, on every device and under every budget, and two nodes give different ones. */
#include "compiler/lower/lower_rows.h"

#define CHUNK 256 /* elements of a row of the kernel */

/* ---- erc.Random: [count] uniform numbers in [0, 1) ---- */

static enum ercc_status infer_random(struct node *node)
{
	struct shape out = shape_of(1, (int64_t[]){node_attr_int(node, "count", 0)});
	return set_output(node, 0, (enum erc_dtype)node_attr_int(node, "dtype", ERC_F32), &out);
}

static enum ercc_status lower_random(struct lowering *lowering, struct node *node)
{
	struct value *out = node->outputs[0];
	int64_t elements = shape_elements(&out->shape);
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &random_template, node->name);
	launch_operand(launch, lower_buffer(lowering, out), out->dtype, true);
	launch->space = out->shape;
	launch_set(launch, ROWS_TOTAL, ceil_div(elements, CHUNK));
	launch_set(launch, RANDOM_ELEMENTS, elements);
	launch_set(launch, RANDOM_CHUNK, CHUNK);
	launch_set(launch, RANDOM_SEED, node_attr_int(node, "seed", 0));
	launch_define(launch, "T", dtype_name(out->dtype));
	launch->flops = 20 * (uint64_t)elements;
	launch->bytes = (uint64_t)value_bytes(out);
	return ERCC_OK;
}

/* FNV-1a. The sign bit stays 0, so that the number can be written in text. */
static int64_t digest_of(const void *data, size_t bytes)
{
	uint64_t digest = 0xcbf29ce484222325;
	for (size_t i = 0; i < bytes; i++)
		digest = (digest ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
	return (int64_t)(digest & INT64_MAX);
}

static int64_t seed_of(const struct node *node)
{
	const struct attr *attr = node_attr(node, "seed");
	double number = attr && attr->kind == ATTR_INT ? (double)attr->i : attr ? (double)attr->f : 0;
	for (int i = 0; !attr && i < node->output_count; i++)
		if (node->outputs[i])
			return digest_of(node->outputs[i]->name, strlen(node->outputs[i]->name));
	return digest_of(&number, sizeof number);
}

/* Uniform numbers of that shape. Those of different `stream`s of a node are independent. */
static struct value *emit_uniform(struct node *node, enum erc_dtype dtype, const struct shape *shape, int64_t stream)
{
	const char *text =
		TEXT(node, "Reshape(erc.Random[count=%lld, seed=%lld, dtype=%d](), a)", (long long)shape_elements(shape),
	         (long long)((seed_of(node) + stream) & INT64_MAX), (int)dtype);
	return EMIT(node, text, constant_ints(node, shape->dims, shape->rank));
}

/* ---- RandomUniform, RandomNormal, and the same like another tensor ---- */

/* The dtype of the result, from the attribute; `otherwise` without it. */
static enum ercc_status result_dtype(const struct node *node, enum erc_dtype otherwise, uint32_t types,
                                     enum erc_dtype *out)
{
	int64_t given = node_attr_int(node, "dtype", otherwise);
	if (given < 1 || given >= ERC_DTYPE_COUNT || !(types >> given & 1))
		return node_fail(node, ERCC_UNSUPPORTED, "a result of dtype %lld is not supported", (long long)given);
	*out = (enum erc_dtype)given;
	return ERCC_OK;
}

static enum ercc_status emit_distribution(struct node *node, enum erc_dtype dtype, const struct shape *shape)
{
	enum erc_dtype inner = dtype == ERC_F64 ? ERC_F64 : ERC_F32;
	bool normal = !strncmp(node->op_type, "RandomNormal", 12);
	double first = (double)node_attr_float(node, normal ? "mean" : "low", 0);
	double second = (double)node_attr_float(node, normal ? "scale" : "high", 1);
	struct value *x = emit_uniform(node, inner, shape, 0), *start = constant_number(node, inner, first),
				 *span = constant_number(node, inner, normal ? second : second - first);
	if (normal) /* Box and Muller; 1 - x is never 0 */
		x = EMIT(node, "Mul(Sqrt(Mul(Log(Sub(c, a)), d)), Cos(Mul(b, e)))", x, emit_uniform(node, inner, shape, 1),
		         constant_number(node, inner, 1), constant_number(node, inner, -2),
		         constant_number(node, inner, 6.283185307179586));
	expand_to(node, 0, EMIT(node, TEXT(node, "Cast[to=%d](Add(Mul(a, b), c))", (int)dtype), x, span, start));
	return ERCC_OK;
}

#define TYPES_DRAWN (TYPES_FLOAT | TYPE(F16) | TYPE(BF16))

static enum ercc_status expand_random(struct node *node)
{
	enum erc_dtype dtype = ERC_DTYPE_NONE;
	int64_t dims[MAX_RANK];
	int count;
	TRY(result_dtype(node, ERC_F32, TYPES_DRAWN, &dtype));
	TRY(int_list(node, "shape", -1, dims, MAX_RANK, &count));
	struct shape shape = shape_of(count < 0 ? 0 : count, dims);
	if (count < 0 || shape_elements(&shape) < 0)
		return node_fail(node, ERCC_MODEL, "the shape is missing, negative or too large");
	return emit_distribution(node, dtype, &shape);
}

static enum ercc_status expand_random_like(struct node *node)
{
	enum erc_dtype dtype = ERC_DTYPE_NONE;
	TRY(result_dtype(node, node->inputs[0]->dtype, TYPES_DRAWN, &dtype));
	return emit_distribution(node, dtype, &node->inputs[0]->shape);
}

/* ---- Bernoulli and Multinomial ---- */

static enum ercc_status expand_bernoulli(struct node *node)
{
	struct value *p = node->inputs[0];
	enum erc_dtype dtype = ERC_DTYPE_NONE;
	TRY(result_dtype(node, p->dtype, TYPES_MOVED, &dtype));
	enum erc_dtype inner = p->dtype == ERC_F64 ? ERC_F64 : ERC_F32; /* half precision has too few numbers */
	expand_to(node, 0,
	          EMIT(node, TEXT(node, "Cast[to=%d](Less(a, Cast[to=%d](b)))", (int)dtype, (int)inner),
	               emit_uniform(node, inner, &p->shape, 0), p));
	return ERCC_OK;
}

/* A class is the number of running sums of the probabilities that a uniform number, times the last sum, reaches. */
static enum ercc_status expand_multinomial(struct node *node)
{
	struct value *x = node->inputs[0];
	int64_t samples = node_attr_int(node, "sample_size", 1);
	enum erc_dtype dtype = ERC_DTYPE_NONE;
	TRY(result_dtype(node, ERC_I32, TYPE(I32) | TYPE(I64), &dtype));
	if (x->shape.rank != 2 || x->shape.dims[1] < 1 || samples < 0)
		return node_fail(node, ERCC_MODEL, "input %s and %lld samples; wanted [batch, classes] and not less than 0",
		                 shape_words(node, &x->shape), (long long)samples);
	struct shape out = shape_of(2, (int64_t[]){x->shape.dims[0], samples});
	struct value *sums = EMIT(node, TEXT(node, "CumSum(Softmax[axis=-1](Cast[to=%d](a)), b)", ERC_F64), x,
	                          constant_number(node, ERC_I64, 1));
	struct value *reached =
		EMIT(node, "LessOrEqual(Unsqueeze(a, {1}), Unsqueeze(Mul(b, Slice(a, {-1}, {2147483647}, {1})), {2}))", sums,
	         emit_uniform(node, ERC_F64, &out, 0));
	reached = EMIT(node, TEXT(node, "ReduceSum[keepdims=0](Cast[to=%d](a), {2})", ERC_I64), reached);
	expand_to(node, 0,
	          EMIT(node, TEXT(node, "Cast[to=%d](Min(a, b))", (int)dtype), reached,
	               constant_number(node, ERC_I64, (double)(x->shape.dims[1] - 1))));
	return ERCC_OK;
}

/* ---- Dropout ---- */

static bool is_false(const struct value *value)
{
	return !value || (value->constant && shape_elements(&value->shape) == 1 && !tensor_int(value->constant, 0));
}

/* Whether elements may be dropped: training mode is not known to be off, nor the ratio to be 0. */
static bool is_dropping(const struct node *node)
{
	const struct value *ratio = node_input(node, 1);
	bool zero = ratio && ratio->constant && shape_elements(&ratio->shape) == 1 && tensor_float(ratio->constant, 0) == 0;
	return !is_false(node_input(node, 2)) && !zero;
}

static enum ercc_status infer_dropout(struct node *node)
{
	/* the mask */
	TRY(set_output(node, 1, node->opset < 10 ? node->inputs[0]->dtype : ERC_BOOL, &node->inputs[0]->shape));
	return set_output(node, 0, node->inputs[0]->dtype, &node->inputs[0]->shape);
}

static enum ercc_status lower_dropout(struct lowering *lowering, struct node *node)
{
	if (node_output(node, 1))
		TRY(lower_fill(lowering, node, node->outputs[1], 1, 1));
	return node->outputs[0] ? lower_alias(lowering, node, node->outputs[0], node->inputs[0]) : ERCC_OK;
}

/* Keeps an element where a uniform number is at least the ratio. What is kept is divided by 1 - ratio. */
static enum ercc_status expand_dropout(struct node *node)
{
	struct value *x = node->inputs[0], *ratio = node_input(node, 1), *training = node->inputs[2];
	if (shape_run_time_dim(&x->shape) >= 0)
		return node_fail(node, ERCC_UNSUPPORTED,
		                 "training on input %s: a dim that is known at run time only is not supported",
		                 shape_words(node, &x->shape));
	for (int i = 1; i < 3; i++)
		if (node->inputs[i] && shape_elements(&node->inputs[i]->shape) != 1)
			return node_fail(node, ERCC_MODEL, "input %d is %s; wanted one element", i,
			                 shape_words(node, &node->inputs[i]->shape));
	ratio = ratio ? EMIT(node, TEXT(node, "Cast[to=%d](Reshape(a, b))", (int)x->dtype), ratio,
	                     constant_ints(node, &(int64_t){0}, 0))
	              : constant_number(node, x->dtype, 0.5);
	struct value *zero = constant_number(node, x->dtype, 0), *one = constant_number(node, x->dtype, 1);
	ratio = EMIT(node, "Where(a, b, c)", EMIT(node, "Reshape(a, b)", training, constant_ints(node, &(int64_t){0}, 0)),
	             ratio, zero);
	struct value *kept = EMIT(node, "GreaterOrEqual(a, b)", emit_uniform(node, x->dtype, &x->shape, 0), ratio);
	expand_to(node, 0, EMIT(node, "Where(a, Mul(b, Div(c, Sub(c, d))), e)", kept, x, one, ratio, zero));
	expand_to(node, 1, kept);
	return ERCC_OK;
}

const struct op ops_random[] = {
	{"Random", 1, 0, 0, 1, TYPES_FLOAT, infer_random, lower_random, .domain = "erc",
     .attrs = "count=int seed=int dtype=int"},
	{"RandomUniform", 1, 0, 0, 1, TYPES_DRAWN, .expand = expand_random,
     .attrs = "dtype=int high=float low=float seed=float shape=ints"},
	{"RandomNormal", 1, 0, 0, 1, TYPES_DRAWN, .expand = expand_random,
     .attrs = "dtype=int mean=float scale=float seed=float shape=ints"},
	{"RandomUniformLike", 1, 1, 1, 1, TYPES_MOVED, .expand = expand_random_like,
     .attrs = "dtype=int high=float low=float seed=float"},
	{"RandomNormalLike", 1, 1, 1, 1, TYPES_MOVED, .expand = expand_random_like,
     .attrs = "dtype=int mean=float scale=float seed=float"},
	{"Bernoulli", 15, 1, 1, 1, TYPES_DRAWN, .expand = expand_bernoulli, .attrs = "dtype=int seed=float"},
	{"Multinomial", 7, 1, 1, 1, TYPES_DRAWN, .expand = expand_multinomial,
     .attrs = "dtype=int sample_size=int seed=float"},
	{"Dropout", 1, 1, 1, 2, TYPES_FLOAT, infer_dropout, lower_dropout, .sizes = true, .identity = IDENTITY_FIRST,
     .attrs = "ratio=any is_test=any@1-6"},
	{"Dropout", 12, 1, 3, 2, TYPES_FLOAT, infer_dropout, lower_dropout, .own_types = 2, .expand = expand_dropout,
     .expands = is_dropping, .conversions = CONVERSIONS({TYPES_F8, ERC_F32, 3, 0, NULL, false}),
     .input_types = {[1] = TYPES_FLOAT, [2] = TYPE(BOOL)}, .sizes = true, .identity = IDENTITY_FIRST,
     .attrs = "seed=int"},
	{0},
};
