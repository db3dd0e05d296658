/* Run-time sizes: the compiler's own operators that set, drop and fill them, and helpers for families that are expanded
 * into these. */
#include "compiler/ops/sizes.h"

#include <math.h>

#include "compiler/lower/lower_rows.h"
#include "compiler/lower/inserted.h"

bool has_sizes(const struct node *node)
{
	for (int i = 0; i < node->input_count; i++)
		if (node->inputs[i] && shape_run_time_dim(&node->inputs[i]->shape) >= 0)
			return true;
	return false;
}

struct value *emit_limited(struct node *node, struct value *x, int axis, int64_t bound, struct value *size)
{
	const struct shape *known = size->elements;
	if (known && known->rank == 1 && known->sizes[0] && known->dims[0] <= bound)
		return EMIT(node, TEXT(node, "erc.Limit[axis=%d](a, b)", axis), x, graph_size(node->graph, known->sizes[0]));
	return EMIT(node, TEXT(node, "erc.Limit[axis=%d](a, Reshape(Min(Max(Cast[to=%d](b), {0}), c), {}))", axis, ERC_I64),
	            x, size, constant_ints(node, &bound, 1));
}

struct value *emit_bounded(struct node *node, struct value *x, int axis)
{
	return EMIT(node, TEXT(node, "erc.Bounded[axis=%d](a)", axis), x);
}

struct value *constant_positions(struct node *node, int64_t count, int axis, int rank)
{
	struct shape shape = {.rank = rank};
	for (int i = 0; i < rank; i++)
		shape.dims[i] = i == axis ? count : 1;
	return constant_range(node, 0, 1, count, &shape);
}

struct value *emit_filled(struct node *node, struct value *x, const struct value *like, int axis, struct value *fill)
{
	struct value *positions = constant_positions(node, like->shape.dims[axis], axis, like->shape.rank);
	return EMIT(node, "Where(Less(b, c), a, d)", emit_bounded(node, x, axis), positions, dim_value(node, like, axis),
	            fill);
}

union expr_value extreme_of(enum erc_dtype dtype, bool highest)
{
	static const struct {
		int64_t lowest, highest;
	} extremes[ERC_DTYPE_COUNT] = {
		[ERC_I8] = {INT8_MIN, INT8_MAX},
		[ERC_I16] = {INT16_MIN, INT16_MAX},
		[ERC_I32] = {INT32_MIN, INT32_MAX},
		[ERC_I64] = {INT64_MIN, INT64_MAX},
		[ERC_U8] = {0, UINT8_MAX},
		[ERC_U16] = {0, UINT16_MAX},
		[ERC_U32] = {0, UINT32_MAX},
		[ERC_U64] = {0, -1},
		[ERC_BOOL] = {0, 1},
	};
	if (dtype_is_float(dtype))
		return (union expr_value){.f = highest ? INFINITY : -INFINITY};
	return (union expr_value){.i = highest ? extremes[dtype].highest : extremes[dtype].lowest};
}

struct value *constant_extreme(struct node *node, enum erc_dtype dtype, bool highest)
{
	struct arena *arena = &node->graph->ctx->arena;
	void *data = arena_alloc(arena, sizeof(double));
	element_write(data, dtype, 0, extreme_of(dtype, highest));
	return graph_constant(node->graph, graph_unique_name(node->graph, node->name),
	                      tensor_new(arena, dtype, &(struct shape){0}, data));
}

struct value *emit_from_start(struct node *node, struct value *indices, struct value *size)
{
	struct value *wide = EMIT(node, TEXT(node, "Cast[to=%d](a)", ERC_I64), indices);
	return EMIT(node, "Where(Less(a, c), Add(a, b), a)", wide, size, constant_number(node, ERC_I64, 0));
}

bool known_elements(const struct value *list, struct shape *out)
{
	if (list->elements) {
		*out = *list->elements;
		return true;
	}
	if (!list->constant || list->shape.rank > 1 || !dtype_is_integer(list->dtype) ||
	    shape_elements(&list->shape) > MAX_RANK)
		return false;
	*out = (struct shape){.rank = (int)shape_elements(&list->shape)};
	for (int i = 0; i < out->rank; i++)
		out->dims[i] = tensor_int(list->constant, list->constant->splat ? 0 : i);
	return true;
}

/* The value that `value` was before the infer pass widened its producer: the narrowed one. */
static const struct value *narrowed(const struct value *value)
{
	const struct node *next = value->producer->next;
	bool is_narrow = next && !strcmp(next->op_type, "Narrow") && next->inputs[0] == value;
	return is_narrow ? next->outputs[0] : value;
}

bool stated_shape(const struct node *node, struct shape *out)
{
	const struct graph *graph = node->graph;
	for (size_t i = 0; graph->output_types && i < graph->output_count; i++)
		if (graph->outputs[i] == narrowed(node->outputs[0]) && shape_known(&graph->output_types[i].shape)) {
			*out = graph->output_types[i].shape;
			return true;
		}
	return false;
}

void tell_stated(const struct node *node, const struct shape *shape)
{
	if (node->graph->told_stated == node)
		return;
	node->graph->told_stated = node;
	warn(node->graph->ctx,
	     "node '%s' (%s): what decides its shape is known at run time only; %s, which the model states, is taken",
	     node->name, node->op_type, shape_words(node, shape));
}

void set_elements(struct node *node, const struct shape *elements)
{
	struct arena *arena = &node->graph->ctx->arena;
	struct value *out = node->outputs[0];
	struct shape *copy = arena_new(arena, struct shape);
	if (out->constant || out->dtype != ERC_I64 || out->shape.rank > 1 || shape_elements(&out->shape) != elements->rank)
		return;
	*copy = *elements;
	if (shape_run_time_dim(elements) < 0)
		out->constant = tensor_new(arena, ERC_I64, &out->shape, copy->dims);
	else
		out->elements = copy;
}

void emit_product(struct node *node, const struct shape *shape, int64_t *bound, uint16_t *size)
{
	struct value *product = NULL;
	int64_t known = 1;
	*bound = 1;
	*size = 0;
	for (int i = 0; i < shape->rank; i++) {
		*bound *= shape->dims[i];
		if (!shape->sizes[i]) {
			known *= shape->dims[i];
			continue;
		}
		struct value *factor = graph_size(node->graph, shape->sizes[i]);
		product = product ? EMIT(node, "Mul(a, b)", product, factor) : factor;
	}
	if (product && known != 1)
		product = EMIT(node, "Mul(a, b)", product, constant_number(node, ERC_I64, (double)known));
	if (product)
		*size = graph_add_size(node->graph, product, *bound);
}

/* ---- Limit, Bounded: views ---- */

static bool limit_is_known(const struct node *node)
{
	return node->inputs[1]->constant;
}

static enum ercc_status expand_limit(struct node *node)
{
	long long size = tensor_int(node->inputs[1]->constant, 0), axis = node_attr_int(node, "axis", 0);
	expand_to(node, 0,
	          EMIT(node, TEXT(node, "Slice(a, {0}, {%lld}, {%lld})", size, axis),
	               emit_bounded(node, node->inputs[0], (int)axis)));
	return ERCC_OK;
}

static enum ercc_status infer_limit(struct node *node)
{
	struct shape shape = node->inputs[0]->shape;
	int64_t axis = node_attr_int(node, "axis", 0);
	shape.sizes[axis] = graph_add_size(node->graph, node->inputs[1], shape.dims[axis]);
	return set_output(node, 0, node->inputs[0]->dtype, &shape);
}

static enum ercc_status infer_bounded(struct node *node)
{
	struct shape shape = node->inputs[0]->shape;
	shape.sizes[node_attr_int(node, "axis", 0)] = 0;
	return set_output(node, 0, node->inputs[0]->dtype, &shape);
}

static enum ercc_status lower_view(struct lowering *lowering, struct node *node)
{
	return lower_alias(lowering, node, node->outputs[0], node->inputs[0]);
}

/* ---- View: the same bytes in another shape, given by the attributes `dims` and `sizes` ---- */

static enum ercc_status infer_view(struct node *node)
{
	const struct attr *dims = node_attr(node, "dims"), *sizes = node_attr(node, "sizes");
	struct shape shape = shape_of((int)dims->count, dims->ints);
	for (int i = 0; i < shape.rank; i++)
		shape.sizes[i] = (uint16_t)sizes->ints[i];
	return set_output(node, 0, node->inputs[0]->dtype, &shape);
}

/* ---- Pack: from the strides of the bounds to those of the true sizes ---- */

static enum ercc_status infer_pack(struct node *node)
{
	return set_output(node, 0, node->inputs[0]->dtype, &node->inputs[0]->shape);
}

static enum ercc_status lower_pack(struct lowering *lowering, struct node *node)
{
	const struct shape *shape = &node->inputs[0]->shape;
	int64_t line = shape->dims[shape->rank - 1], elements = shape_elements(shape);
	struct launch *launch = lower_rows(lowering, node, &pack_template, line ? elements / line : 0);
	launch_set(launch, PACK_RANK, shape->rank);
	launch_set(launch, PACK_ELEMENT_BYTES, (int64_t)dtype_bytes(node->inputs[0]->dtype));
	for (int i = 0; i < shape->rank; i++) {
		launch_set(launch, PACK_DIMS + 2 * i, shape->dims[i]);
		launch_set(launch, PACK_DIMS + 2 * i + 1,
		           shape->sizes[i] ? graph_size_slot(lowering->graph, shape->sizes[i]) : -1);
	}
	launch->flops = (uint64_t)elements;
	return ERCC_OK;
}

struct value *insert_pack(struct graph *graph, const char *name, struct value *in)
{
	struct value *out = graph_value(graph, graph_unique_name(graph, in->name));
	struct node *node = graph_add_node(graph, NULL, "Pack", name, &in, 1, &out, 1);
	node_set_row(node, "erc", 1);
	return out;
}

#define OWN(name, inputs, infer, lower, ...) \
	{ \
		name, 1, inputs, inputs, 1, TYPES_MOVED, infer, lower, .domain = "erc", .sizes = true, __VA_ARGS__ \
	}

const struct op ops_sizes[] = {
	OWN("Limit", 2, infer_limit, lower_view, .expand = expand_limit, .expands = limit_is_known),
	OWN("Bounded", 1, infer_bounded, lower_view, .layout = NULL),
	OWN("View", 1, infer_view, lower_view, .layout = NULL),
	OWN("Pack", 1, infer_pack, lower_pack, .layout = NULL),
	{0},
};
