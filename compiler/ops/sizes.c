/* Run-time sizes: the compiler's own operators that set, drop and fill them, and helpers for families that are expanded
 * into these. */
#include "compiler/ops/sizes.h"

#include <math.h>

#include "compiler/lower/lower_rows.h"
#include "compiler/lower/inserted.h"
#include "compiler/kernels/rows.h"

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

/* ---- dims that must be equal ---- */

/* The size that all of these dims have, which a run checks where they are different sizes. */
static struct value *emit_checked(struct node *node, const struct places *places, int64_t bound)
{
	struct value *size = NULL;
	for (int i = 0; i < places->count; i++) {
		struct value *own = dim_value(node, node->inputs[places->items[i].slot], places->items[i].dim);
		if (size && size != own)
			size = EMIT(node, TEXT(node, "erc.SameSize[bound=%lld](a, b)", (long long)bound), size, own);
		else
			size = own;
	}
	return size;
}

enum ercc_status emit_agreed(struct node *node, const struct places *places, struct value **inputs, int64_t *bound,
                             struct value **size)
{
	int64_t known = -1;
	bool differs = false;
	*bound = MAX_ELEMENTS;
	for (int i = 0; i < places->count; i++) {
		const struct shape *shape = &node->inputs[places->items[i].slot]->shape;
		int dim = places->items[i].dim;
		*bound = shape->dims[dim] < *bound ? shape->dims[dim] : *bound;
		if (!shape->sizes[dim])
			known = shape->dims[dim];
	}
	for (int i = 0; i < places->count; i++) {
		const struct value *in = node->inputs[places->items[i].slot];
		int dim = places->items[i].dim;
		differs |= known >= 0 && (in->shape.sizes[dim] ? in->shape.dims[dim] < known : in->shape.dims[dim] != known);
	}
	if (differs)
		return node_fail(node, ERCC_MODEL, "dims of inputs that must be equal: %lld, and at most %lld",
		                 (long long)known, (long long)*bound);
	struct value *checked = emit_checked(node, places, *bound);
	*size = known >= 0 ? NULL : checked;
	for (int i = 0; i < places->count; i++) {
		const struct value *in = node->inputs[places->items[i].slot];
		struct value **x = &inputs[places->items[i].slot];
		int dim = places->items[i].dim;
		if (!in->shape.sizes[dim])
			continue;
		*x = EMIT(node, TEXT(node, "erc.Bounded[axis=%d](a, b)", dim), *x, checked);
		if (in->shape.dims[dim] > *bound)
			*x = EMIT(node, TEXT(node, "Slice(a, {0}, {%lld}, {%d})", (long long)*bound, dim), *x);
	}
	return ERCC_OK;
}

/* The dims of the node's inputs that broadcast to dim `dim` of `rank`, but those of size 1. Returns whether that is known
 * to be right. */
static bool find_places(const struct node *node, int rank, int dim, struct places *places)
{
	const struct value *size = NULL;
	bool equal = true, any = false;
	places->count = 0;
	for (int i = 0; i < node->input_count && places->count < PLACES_MAX; i++) {
		const struct shape *shape = &node->inputs[i]->shape;
		int d = dim - (rank - shape->rank);
		if (d < 0 || (!shape->sizes[d] && shape->dims[d] == 1))
			continue;
		const struct value *own = shape->sizes[d] ? graph_size(node->graph, shape->sizes[d]) : NULL;
		equal = equal && (!places->count || own == size);
		any |= own != NULL;
		size = own;
		places->items[places->count].slot = i;
		places->items[places->count++].dim = d;
	}
	return equal || !any;
}

enum ercc_status insert_agreement(struct node *node, bool *changed)
{
	struct value *inputs[PLACES_MAX], *size;
	struct places places;
	int64_t bound;
	int rank = 0;
	*changed = false;
	if (node->input_count > PLACES_MAX || !has_sizes(node))
		return ERCC_OK;
	for (int i = 0; i < node->input_count; i++) {
		inputs[i] = node->inputs[i];
		if (!inputs[i])
			return ERCC_OK; /* infer reports it */
		rank = inputs[i]->shape.rank > rank ? inputs[i]->shape.rank : rank;
	}
	for (int d = 0; d < rank; d++) {
		if (find_places(node, rank, d, &places))
			continue;
		TRY(emit_agreed(node, &places, inputs, &bound, &size));
		for (int i = 0; i < places.count && size; i++)
			inputs[places.items[i].slot] = EMIT(node, TEXT(node, "erc.Limit[axis=%d](a, b)", places.items[i].dim),
			                                    inputs[places.items[i].slot], size);
		*changed = true;
	}
	for (int i = 0; i < node->input_count; i++)
		if (inputs[i] != node->inputs[i])
			node_set_input(node, i, inputs[i]);
	return ERCC_OK;
}

static enum ercc_status infer_same_size(struct node *node)
{
	const struct tensor *a = node->inputs[0]->constant, *b = node->inputs[1]->constant;
	TRY(set_output(node, 0, ERC_I64, &(struct shape){0}));
	if (a && b && tensor_int(a, 0) != tensor_int(b, 0))
		return node_fail(node, ERCC_MODEL, "dims of inputs that must be equal: %lld and %lld",
		                 (long long)tensor_int(a, 0), (long long)tensor_int(b, 0));
	if (a && b)
		node->outputs[0]->constant = a;
	else
		graph_add_size(node->graph, node->outputs[0], node_attr_int(node, "bound", 0));
	return ERCC_OK;
}

static enum ercc_status lower_same_size(struct lowering *lowering, struct node *node)
{
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &same_size_template, node->name);
	for (int i = 0; i < 2; i++)
		launch_operand(launch, lower_buffer(lowering, node->inputs[i]), ERC_I64, false);
	launch->input_count = 2;
	launch_add_faults(lowering->plan, launch);
	launch_operand(launch, lower_buffer(lowering, node->outputs[0]), ERC_I64, true);
	launch_set(launch, ROWS_TOTAL, 1);
	launch->space = shape_of(1, (int64_t[]){1});
	return ERCC_OK;
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
	{"Bounded", 1, 1, 2, 1, TYPES_MOVED, infer_bounded, lower_view, .domain = "erc", .sizes = true},
	{"SameSize", 1, 2, 2, 1, TYPE(I64), infer_same_size, lower_same_size, .domain = "erc", .sizes = true},
	OWN("View", 1, infer_view, lower_view, .layout = NULL),
	OWN("Pack", 1, infer_pack, lower_pack, .layout = NULL),
	{0},
};
