/* Operators whose result is known once shapes and constants are known: infer sets it as a constant. */
#include "compiler/ops/sizes.h"

static enum ercc_status set_constant(struct node *node, enum erc_dtype dtype, const struct shape *shape,
                                     const void *data)
{
	TRY(set_output(node, 0, dtype, shape));
	node->outputs[0]->constant = tensor_new(&node->graph->ctx->arena, dtype, shape, data);
	return ERCC_OK;
}

/* The input's dims from the attribute `start` to the attribute `end`. */
static struct shape wanted_dims(const struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	int64_t start = node_attr_int(node, "start", 0), end = node_attr_int(node, "end", in->rank);
	start = start < 0 ? start + in->rank : start;
	end = end < 0 ? end + in->rank : end;
	start = start < 0 ? 0 : start > in->rank ? in->rank : start;
	end = end < start ? start : end > in->rank ? in->rank : end;
	struct shape dims = shape_of((int)(end - start), in->dims + start);
	memcpy(dims.sizes, in->sizes + start, sizeof dims.sizes[0] * (size_t)dims.rank);
	return dims;
}

static enum ercc_status infer_shape(struct node *node)
{
	struct shape dims = wanted_dims(node), out = shape_of(1, (int64_t[]){dims.rank});
	return set_constant(node, ERC_I64, &out,
	                    arena_copy_bytes(&node->graph->ctx->arena, dims.dims, (size_t)dims.rank * 8));
}

/* Whether one of these dims has a run-time size. The result is then put together from sizes and constants. */
static bool is_run_time_shape(const struct node *node)
{
	struct shape dims = wanted_dims(node);
	return shape_run_time_dim(&dims) >= 0;
}

static enum ercc_status expand_shape(struct node *node)
{
	struct shape dims = wanted_dims(node);
	struct value *parts[MAX_RANK];
	for (int i = 0; i < dims.rank; i++)
		parts[i] = dims.sizes[i] ? EMIT(node, "Reshape(a, {1})", graph_size(node->graph, dims.sizes[i]))
		                         : constant_ints(node, &dims.dims[i], 1);
	expand_to(node, 0, emit_concat(node, 0, parts, dims.rank));
	return ERCC_OK;
}

static enum ercc_status expand_size(struct node *node)
{
	int64_t bound;
	uint16_t size;
	emit_product(node, &node->inputs[0]->shape, &bound, &size);
	expand_to(node, 0, graph_size(node->graph, size));
	return ERCC_OK;
}

static enum ercc_status infer_size(struct node *node)
{
	int64_t size = shape_elements(&node->inputs[0]->shape);
	return set_constant(node, ERC_I64, &(struct shape){0}, arena_copy_bytes(&node->graph->ctx->arena, &size, 8));
}

static enum ercc_status infer_constant(struct node *node)
{
	struct arena *arena = &node->graph->ctx->arena;
	if (node->attr_count != 1)
		return node_fail(node, ERCC_MODEL, "it has %d values; one is needed", node->attr_count);
	const struct attr *attr = node_attr(node, node->attrs[0].name);
	struct shape list = shape_of(1, (int64_t[]){attr->count});
	if (attr->kind == ATTR_TENSOR) {
		TRY(set_output(node, 0, attr->tensor->dtype, &attr->tensor->shape));
		node->outputs[0]->constant = attr->tensor;
		return ERCC_OK;
	}
	if (attr->kind == ATTR_FLOAT)
		return set_constant(node, ERC_F32, &(struct shape){0}, arena_copy_bytes(arena, &attr->f, 4));
	if (attr->kind == ATTR_INT)
		return set_constant(node, ERC_I64, &(struct shape){0}, arena_copy_bytes(arena, &attr->i, 8));
	if (attr->kind == ATTR_FLOATS)
		return set_constant(node, ERC_F32, &list, attr->floats);
	return set_constant(node, ERC_I64, &list, attr->ints);
}

static enum ercc_status infer_constant_of_shape(struct node *node)
{
	const struct attr *attr = node_attr(node, "value");
	int64_t dims[MAX_RANK];
	int count;
	struct shape out;
	if (!node->inputs[0]->constant && stated_shape(node, &out)) {
		tell_stated(node, &out);
	} else {
		TRY(int_list(node, "shape", 0, dims, MAX_RANK, &count));
		out = shape_of(count, dims);
	}
	for (int i = 0; i < out.rank; i++)
		if (out.dims[i] < 0)
			return node_fail(node, ERCC_MODEL, "dim %d is %lld; it must not be negative", i, (long long)out.dims[i]);
	static const float zero;
	enum erc_dtype dtype = attr ? attr->tensor->dtype : ERC_F32;
	if (attr && shape_elements(&attr->tensor->shape) != 1)
		return node_fail(node, ERCC_MODEL, "value must be a tensor of one element");
	TRY(set_output(node, 0, dtype, &out));
	struct tensor *tensor = tensor_new(&node->graph->ctx->arena, dtype, &out, attr ? attr->tensor->data : &zero);
	tensor->splat = true;
	node->outputs[0]->constant = tensor;
	return ERCC_OK;
}

#define MAX_RANGE ((int64_t)1 << 28) /* elements of a Range */

static enum ercc_status infer_range(struct node *node)
{
	const struct tensor *in[3];
	static const char *const names[] = {"start", "limit", "delta"};
	TRY(check_precision(node, "stash_type"));
	for (int i = 0; i < 3; i++)
		TRY(constant_input(node, i, names[i], &in[i]));
	for (int i = 0; i < 3; i++) {
		TRY(check_same_dtype(node, i));
		if (shape_elements(&in[i]->shape) != 1)
			return node_fail(node, ERCC_MODEL, "%s must be one element", names[i]);
	}
	enum erc_dtype dtype = in[0]->dtype;
	double start = tensor_float(in[0], 0), limit = tensor_float(in[1], 0), delta = tensor_float(in[2], 0);
	double steps = delta ? (limit - start) / delta : -1;
	if (delta == 0 || !(steps <= (double)MAX_RANGE))
		return node_fail(node, ERCC_MODEL, "delta %g from %g to %g gives no result, or one that is too large", delta,
		                 start, limit);
	int64_t count = steps > 0 ? (int64_t)steps + ((double)(int64_t)steps < steps) : 0;
	struct shape out = shape_of(1, (int64_t[]){count});
	size_t bytes = dtype_bytes(dtype);
	char *data = arena_array(&node->graph->ctx->arena, (size_t)count, bytes);
	for (int64_t i = 0; i < count; i++) {
		float f = (float)(start + (double)i * delta);
		double d = start + (double)i * delta;
		int64_t n = dtype_is_float(dtype)
		                ? 0
		                : (int64_t)((uint64_t)tensor_int(in[0], 0) + (uint64_t)i * (uint64_t)tensor_int(in[2], 0));
		memcpy(data + (size_t)i * bytes,
		       dtype == ERC_F32   ? (void *)&f
		       : dtype == ERC_F64 ? (void *)&d
		                          : (void *)&n,
		       bytes);
	}
	return set_constant(node, dtype, &out, data);
}

/* ---- shapes and limits that are run-time sizes: compute up to the bounds, then set the true sizes ---- */

static bool has_run_time_elements(const struct node *node)
{
	return node->inputs[0]->elements;
}

static enum ercc_status expand_constant_of_shape(struct node *node)
{
	const struct shape *wanted = node->inputs[0]->elements;
	const struct attr *value = node_attr(node, "value");
	struct value *x = EMIT(node, "ConstantOfShape(a)", constant_ints(node, wanted->dims, wanted->rank));
	node_set_attrs(x->producer, value, value != NULL);
	for (int i = 0; i < wanted->rank; i++)
		if (wanted->sizes[i])
			x = EMIT(node, TEXT(node, "erc.Limit[axis=%d](a, b)", i), x, graph_size(node->graph, wanted->sizes[i]));
	expand_to(node, 0, x);
	return ERCC_OK;
}

static bool is_bounded_range(const struct node *node)
{
	const struct value *limit = node->inputs[1];
	return limit->elements && limit->elements->rank == 1 && node->inputs[0]->constant && node->inputs[2]->constant &&
	       tensor_int(node->inputs[2]->constant, 0) > 0;
}

static bool is_run_time_range(const struct node *node)
{
	for (int i = 0; i < 3; i++)
		if (shape_elements(&node->inputs[i]->shape) != 1 || node->inputs[i]->dtype != node->inputs[0]->dtype)
			return false; /* infer reports the error */
	return is_bounded_range(node) || !node->inputs[0]->constant || !node->inputs[1]->constant ||
	       !node->inputs[2]->constant;
}

/* A Range whose length only the declared output shape gives. */
static enum ercc_status expand_stated_range(struct node *node)
{
	static const char *const names[] = {"start", "limit", "delta"};
	const struct tensor *tensor;
	struct shape stated;
	if (!stated_shape(node, &stated) || stated.rank != 1 || stated.dims[0] > MAX_RANGE)
		for (int i = 0; i < 3; i++)
			TRY(constant_input(node, i, names[i], &tensor));
	tell_stated(node, &stated);
	struct value *steps = constant_range(node, 0, 1, stated.dims[0], &stated);
	expand_to(node, 0,
	          EMIT(node, TEXT(node, "Add(a, Mul(Cast[to=%d](c), b))", (int)node->inputs[0]->dtype), node->inputs[0],
	               node->inputs[2], steps));
	return ERCC_OK;
}

/* start + delta * (0, 1, ...), from a known start and delta to a limit that has a bound. */
static enum ercc_status expand_range(struct node *node)
{
	struct value *limit = node->inputs[1];
	if (!is_bounded_range(node))
		return expand_stated_range(node);
	int64_t start = tensor_int(node->inputs[0]->constant, 0), delta = tensor_int(node->inputs[2]->constant, 0), span,
			count;
	if (__builtin_sub_overflow(limit->elements->dims[0], start, &span) || span > MAX_RANGE || delta > MAX_RANGE)
		return node_fail(node, ERCC_UNSUPPORTED, "up to %lld from %lld: the result may be too large",
		                 (long long)limit->elements->dims[0], (long long)start);
	count = span > 0 ? ceil_div(span, delta) : 0;
	struct value *x = constant_range(node, start, delta, count, &(struct shape){.rank = 1, .dims = {count}});
	struct value *size = limit;
	if (start != 0 || delta != 1)
		size = EMIT(node,
		            TEXT(node, "Div(Add(Sub(a, {%lld}), {%lld}), {%lld})", (long long)start, (long long)delta - 1,
		                 (long long)delta),
		            limit);
	expand_to(node, 0, emit_limited(node, x, 0, count, size));
	return ERCC_OK;
}

/* Ones on the k-th diagonal of a matrix of the input's shape. */
static enum ercc_status infer_eye_like(struct node *node)
{
	const struct value *in = node->inputs[0];
	const struct shape *shape = &in->shape;
	int64_t to = node_attr_int(node, "dtype", in->dtype), k = node_attr_int(node, "k", 0);
	if (shape->rank != 2)
		return node_fail(node, ERCC_MODEL, "needs a matrix, found %s", shape_text(&node->graph->ctx->arena, shape));
	if (to < 0 || to >= ERC_DTYPE_COUNT || !(TYPES_ALL >> to & 1) || shape_elements(shape) > (int64_t)1 << 28)
		return node_fail(node, ERCC_UNSUPPORTED, "%s as dtype %lld is not supported, or too large",
		                 shape_text(&node->graph->ctx->arena, shape), (long long)to);
	enum erc_dtype dtype = (enum erc_dtype)to;
	void *data = arena_array(&node->graph->ctx->arena, (size_t)shape_elements(shape), dtype_bytes(dtype));
	for (int64_t i = 0; i < shape->dims[0]; i++)
		if (k > -shape->dims[0] && k < shape->dims[1] && i + k >= 0 && i + k < shape->dims[1])
			element_write(data, dtype, i * shape->dims[1] + i + k, expr_number(dtype, 1));
	return set_constant(node, dtype, shape, data);
}

const struct op ops_shape[] = {
	{"Shape", 1, 1, 1, 1, TYPES_MOVED, infer_shape, .expand = expand_shape, .expands = is_run_time_shape, .sizes = true,
     .attrs = "end=int@15 start=int@15"},
	{"Size", 1, 1, 1, 1, TYPES_MOVED, infer_size, .expand = expand_size, .expands = has_sizes, .sizes = true},
	{"Constant", 1, 0, 0, 1, TYPES_MOVED, infer_constant, .layout = NULL,
     .attrs = "value=tensor sparse_value=tensor@11 value_float=float@12 value_floats=floats@12 value_int=int@12 "
              "value_ints=ints@12"},
	{"ConstantOfShape", 9, 1, 1, 1, TYPE(I64), infer_constant_of_shape, .expand = expand_constant_of_shape,
     .expands = has_run_time_elements, .attrs = "value=tensor"},
	{"EyeLike", 9, 1, 1, 1, TYPES_MOVED, infer_eye_like, .layout = NULL, .attrs = "dtype=int k=int"},
	{"Range", 11, 3, 3, 1, TYPES_NUMBER, infer_range, .expand = expand_range, .expands = is_run_time_range,
     .attrs = "stash_type=int@27"},
	{0},
};
