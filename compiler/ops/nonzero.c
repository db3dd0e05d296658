/* NonZero, Compress and Unique: the number of elements that they keep is known at run time only. */
#include "compiler/lower/lower_rows.h"
#include "compiler/ops/sizes.h"

#define CHUNK 4096 /* elements that one row counts and then writes */

/* ---- NonZero: [rank, n]; a second output that only the compiler sees is n ---- */

static enum ercc_status set_known(struct node *node, const struct tensor *tensor)
{
	struct arena *arena = &node->graph->ctx->arena;
	const struct tensor *in = tensor_expand(arena, tensor);
	int64_t elements = shape_elements(&in->shape), count = 0, bytes = (int64_t)dtype_bytes(in->dtype);
	int64_t *found = arena_array(arena, (size_t)elements, sizeof *found);
	for (int64_t i = 0; i < elements; i++) {
		bool zero = dtype_is_float(in->dtype) ? tensor_float(in, i) == 0 : true;
		for (int64_t k = 0; zero && !dtype_is_float(in->dtype) && k < bytes; k++)
			zero = ((const char *)in->data)[i * bytes + k] == 0;
		if (!zero)
			found[count++] = i;
	}
	struct shape out = shape_of(2, (int64_t[]){in->shape.rank, count});
	int64_t *data = arena_array(arena, (size_t)(in->shape.rank * count), sizeof *data);
	for (int64_t i = 0; i < count; i++)
		for (int64_t d = in->shape.rank - 1, left = found[i]; d >= 0; left /= in->shape.dims[d--])
			data[d * count + i] = left % in->shape.dims[d];
	TRY(set_output(node, 0, ERC_I64, &out));
	node->outputs[0]->constant = tensor_new(arena, ERC_I64, &out, data);
	return ERCC_OK;
}

static enum ercc_status infer_nonzero(struct node *node)
{
	const struct value *in = node->inputs[0];
	int64_t elements = shape_elements(&in->shape);
	if (in->constant && elements < (int64_t)1 << 24)
		return set_known(node, in->constant);
	struct shape out = shape_of(2, (int64_t[]){in->shape.rank, elements});
	out.sizes[1] = graph_add_size(node->graph, emitted_output(node->outputs[0], 1), elements);
	TRY(set_output(node, 1, ERC_I64, &(struct shape){0}));
	return set_output(node, 0, ERC_I64, &out);
}

static struct launch *add_chunks(struct lowering *lowering, struct node *node, const struct kernel_template *template,
                                 struct buffer *counts)
{
	const struct value *in = node->inputs[0];
	struct launch *launch = plan_add_launch(lowering->plan, NULL, template, node->name);
	launch_operand(launch, lower_buffer(lowering, node->inputs[0]), in->dtype, false);
	launch_operand(launch, counts, ERC_I64, template == &nonzero_count_template);
	launch->input_count = 1;
	launch_set(launch, ROWS_TOTAL, ceil_div(shape_elements(&in->shape), CHUNK));
	launch_set(launch, NONZERO_ELEMENTS, shape_elements(&in->shape));
	launch_set(launch, NONZERO_CHUNK, CHUNK);
	launch->space = shape_of(1, &launch->params[ROWS_TOTAL]);
	launch->bytes = (uint64_t)value_bytes(in);
	launch->flops = (uint64_t)shape_elements(&in->shape) * 10;
	launch_define(launch, "T", dtype_name(in->dtype));
	return launch;
}

/* The first launch counts the elements of each chunk. In the second, each chunk adds up the counts before it, which
 * gives the place of its own elements. */
static enum ercc_status lower_nonzero(struct lowering *lowering, struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	int64_t chunks = ceil_div(shape_elements(in), CHUNK);
	if (!chunks)
		return lower_fill(lowering, node, node->outputs[1], 0, 0);
	struct buffer *counts = plan_buffer(lowering->plan, BUFFER_ARENA, chunks * 8, node->name);
	add_chunks(lowering, node, &nonzero_count_template, counts);
	struct launch *launch = add_chunks(lowering, node, &nonzero_template, counts);
	launch_operand(launch, lower_buffer(lowering, node->outputs[1]), ERC_I64, true);
	launch_operand(launch, lower_buffer(lowering, node->outputs[0]), ERC_I64, true);
	launch_set(launch, NONZERO_RANK, in->rank);
	for (int i = 0; i < in->rank; i++)
		launch_set(launch, NONZERO_DIMS + i, in->dims[i]);
	return ERCC_OK;
}

/* Fills the elements after the true sizes with zero, so that NonZero skips them. */
static enum ercc_status expand_sized_nonzero(struct node *node)
{
	struct value *x = node->inputs[0], *zero = constant_number(node, x->dtype, 0);
	for (int i = 0; i < node->inputs[0]->shape.rank; i++)
		if (node->inputs[0]->shape.sizes[i])
			x = emit_filled(node, x, node->inputs[0], i, zero);
	expand_to(node, 0, EMIT(node, "NonZero(a)", x));
	return ERCC_OK;
}

/* ---- Compress: the slices of the data where the condition is true ---- */

static enum ercc_status expand_compress(struct node *node)
{
	struct value *x = node->inputs[0], *condition = node->inputs[1];
	int axis = 0;
	if (condition->dtype != ERC_BOOL || condition->shape.rank != 1)
		return node_fail(node, ERCC_MODEL, "the condition must be a list of bool, found %s%s",
		                 dtype_name(condition->dtype), shape_words(node, &condition->shape));
	if (node_attr(node, "axis"))
		TRY(check_axis(node, node_attr_int(node, "axis", 0), x->shape.rank, &axis));
	int64_t dim = node_attr(node, "axis") ? x->shape.dims[axis] : shape_elements(&x->shape);
	if (condition->shape.dims[0] > dim)
		return node_fail(node, ERCC_MODEL, "a condition of %lld for %lld elements or slices is too long",
		                 (long long)condition->shape.dims[0], (long long)dim);
	struct value *from = node_attr(node, "axis") ? x : EMIT(node, "Reshape(a, {-1})", x);
	expand_to(node, 0, EMIT(node, TEXT(node, "Gather[axis=%d](a, Squeeze(NonZero(b), {0}))", axis), from, condition));
	return ERCC_OK;
}

/* ---- Unique: one kernel finds the first row of each distinct value and the number of equal ones. The values are
 * gathered. ---- */

/* With an axis, the slices along it become the rows of a matrix. Without one, every element is a row. */
static enum ercc_status expand_unique(struct node *node)
{
	struct value *x = node->inputs[0], *rows, *y;
	const struct shape in = x->shape;
	int axis = -1;
	struct text perm = {.arena = &node->graph->ctx->arena}, back = perm;
	if (node_attr(node, "axis"))
		TRY(check_axis(node, node_attr_int(node, "axis", 0), in.rank, &axis));
	if (axis < 0) {
		rows = EMIT(node, "Reshape(a, {-1, 1})", x);
	} else {
		if (in.dims[axis] && !(shape_elements(&in) / in.dims[axis]))
			return node_fail(node, ERCC_UNSUPPORTED, "slices without elements are not supported");
		for (int i = 0; i < in.rank; i++) { /* the axis first; the others, which order the slices, keep their order */
			text_printf(&perm, "%d:", i == 0 ? axis : i - (i <= axis));
			text_printf(&back, "%d:", i == axis ? 0 : i + (i < axis));
		}
		rows = EMIT(node, TEXT(node, "Transpose[perm=%s](a)", perm.data), x);
		rows = EMIT(node, "Reshape(a, b)", rows,
		            constant_ints(node, (int64_t[]){in.dims[axis], in.dims[axis] ? -1 : 1}, 2));
	}
	struct value *firsts =
		EMIT(node, TEXT(node, "erc.UniqueRows[sorted=%d](a)", node_attr_int(node, "sorted", 1) != 0), rows);
	if (axis < 0)
		y = EMIT(node, "Gather(Reshape(a, {-1}), b)", x, firsts);
	else
		y = EMIT(node, TEXT(node, "Transpose[perm=%s](Gather(Transpose[perm=%s](a), b))", back.data, perm.data), x,
		         firsts);
	expand_to(node, 0, y);
	expand_to(node, 1, firsts);
	expand_to(node, 2, emitted_output(firsts, 1));
	expand_to(node, 3, emitted_output(firsts, 2));
	return ERCC_OK;
}

/* [m, k] -> the first row of each kind of equal rows [n], the kind of each row [m], the number of rows of each kind
 * [n]; and n. */
static enum ercc_status infer_unique_rows(struct node *node)
{
	const struct shape *in = &node->inputs[0]->shape;
	struct shape all = shape_of(1, in->dims), kinds = all;
	for (int slot = 1; slot < 4; slot++)
		emitted_output(node->outputs[0], slot);
	kinds.sizes[0] = graph_add_size(node->graph, node->outputs[3], in->dims[0]);
	TRY(set_output(node, 3, ERC_I64, &(struct shape){0}));
	TRY(set_output(node, 2, ERC_I64, &kinds));
	TRY(set_output(node, 1, ERC_I64, &all));
	return set_output(node, 0, ERC_I64, &kinds);
}

static enum ercc_status lower_unique_rows(struct lowering *lowering, struct node *node)
{
	struct value *in = node->inputs[0];
	int64_t m = in->shape.dims[0];
	if (m == 0)
		return lower_fill(lowering, node, node->outputs[3], 0, 0);
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &unique_template, node->name);
	launch_operand(launch, lower_buffer(lowering, in), in->dtype, false);
	launch->input_count = 1;
	launch_operand(launch, plan_buffer(lowering->plan, BUFFER_ARENA, 2 * m * 8, node->name), ERC_I64, true);
	for (int slot = 3; slot >= 0; slot--)
		launch_operand(launch, lower_buffer(lowering, node->outputs[slot]), ERC_I64, true);
	launch_set(launch, ROWS_TOTAL, 1);
	launch_set(launch, UNIQUE_M, m);
	launch_set(launch, UNIQUE_K, in->shape.dims[1]);
	launch->bytes = 4 * (uint64_t)m * 8 + (uint64_t)value_bytes(in);
	launch->flops = (uint64_t)shape_elements(&in->shape) * 400;
	launch_define(launch, "T", dtype_name(in->dtype));
	launch_define(launch, "SORTED", node_attr_int(node, "sorted", 1) ? "1" : "0");
	return ERCC_OK;
}

const struct op ops_nonzero[] = {
	{"NonZero", 9, 1, 1, 1, TYPES_ALL, infer_nonzero, lower_nonzero, .expand = expand_sized_nonzero,
     .expands = has_sizes, .sizes = true},
	{"Compress", 9, 2, 2, 1, TYPES_MOVED, .expand = expand_compress, .sizes = true, .attrs = "axis=int"},
	{"Unique", 11, 1, 1, 4, TYPES_ALL, .expand = expand_unique, .attrs = "axis=int sorted=int"},
	{"UniqueRows", 1, 1, 1, 4, TYPES_ALL, infer_unique_rows, lower_unique_rows, .domain = "erc"},
	{0},
};
