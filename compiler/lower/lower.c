/* Shared by lower functions: buffers of values, views and copies; and the loop that lowers a graph. */
#include "compiler/lower/op.h"

int64_t value_bytes(const struct value *value)
{
	int64_t elements = shape_elements(&value->shape);
	if (value->layout == LAYOUT_NC16 && value->shape.rank >= 2 && value->shape.dims[1] > 0)
		elements = elements / value->shape.dims[1] * round_up(value->shape.dims[1], 16);
	return elements * (int64_t)dtype_bytes(value->dtype);
}

struct buffer *lower_buffer(struct lowering *lowering, struct value *value)
{
	if (value->scratch)
		return value->scratch;
	struct buffer *buffer;
	if (value->constant && !lowering->folding && dtype_packing(value->dtype) > 1) {
		buffer = unpack_constant(lowering, value);
	} else if (value->constant) {
		const struct tensor *tensor = tensor_expand(&lowering->ctx->arena, value->constant);
		buffer = plan_weights(lowering->plan, tensor->data, (int64_t)tensor_bytes(tensor), value->name);
	} else {
		buffer = plan_buffer(lowering->plan, BUFFER_ARENA, value_bytes(value), value->name);
	}
	bool is_elsewhere = buffer->kind == BUFFER_ARENA && value->constant && lowering->plan->region;
	if (!is_elsewhere) /* unpacked in a region: other regions do it again */
		value->scratch = buffer;
	return buffer;
}

enum erc_dtype move_dtype(enum erc_dtype dtype)
{
	switch (dtype_bytes(dtype)) {
	case 1: return ERC_U8;
	case 2: return ERC_U16;
	case 4: return ERC_U32;
	default: return ERC_U64;
	}
}

struct launch *lower_pointwise_launch(struct lowering *lowering, const struct node *node, const struct shape *space)
{
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &pointwise_template, node->name);
	launch->space = *space;
	return launch;
}

const char *lower_source(const struct lowering *lowering, const struct value *constant, const char *form)
{
	const struct tensor *tensor = constant->constant;
	if (!lowering->ctx->has_ranges || lowering->folding)
		return NULL;
	return arena_printf(&lowering->ctx->arena, "%s %s %d %d %llx", constant->name, form, tensor->dtype, tensor->splat,
	                    (unsigned long long)hash_bytes(tensor->data, (int64_t)tensor_bytes(tensor)));
}

const struct launch *lower_at_bounds(const struct lowering *lowering, const struct node *node,
                                     const struct kernel_template *template)
{
	const struct plan *bounds = lowering->folding ? NULL : lowering->ctx->bounds;
	size_t length = strlen(node->name);
	for (const struct launch *launch = bounds ? bounds->first : NULL; launch; launch = launch->next)
		if (launch->template == template && !strncmp(launch->name, node->name, length) &&
		    (!launch->name[length] || launch->name[length] == '+'))
			return launch;
	return NULL;
}

void broadcast_strides(const struct shape *shape, const struct shape *space, int64_t *strides)
{
	int64_t stride = 1;
	for (int i = space->rank - 1, k = shape->rank - 1; i >= 0; i--, k--) {
		int64_t dim = k >= 0 ? shape->dims[k] : 1;
		strides[i] = dim == 1 && !(k >= 0 && shape->sizes[k]) ? 0 : stride;
		stride *= dim;
	}
}

enum ercc_status lower_copy(struct lowering *lowering, const struct node *node, struct value *in, int64_t in_offset,
                            const int64_t *in_strides, struct value *out, int64_t out_offset,
                            const int64_t *out_strides, const struct shape *space)
{
	enum erc_dtype dtype = move_dtype(in->dtype);
	int64_t bytes = (int64_t)dtype_bytes(dtype);
	struct launch *launch = lower_pointwise_launch(lowering, node, space);
	struct operand *from = launch_operand(launch, lower_buffer(lowering, in), dtype, false);
	struct operand *to = launch_operand(launch, lower_buffer(lowering, out), dtype, true);
	from->offset = in_offset * bytes;
	to->offset = out_offset * bytes;
	memcpy(from->strides, in_strides, sizeof(int64_t) * (size_t)space->rank);
	memcpy(to->strides, out_strides, sizeof(int64_t) * (size_t)space->rank);
	expr_operand(&launch->expr, 0, dtype);
	return ERCC_OK;
}

static enum ercc_status lower_whole_copy(struct lowering *lowering, const struct node *node, struct value *in,
                                         struct value *out)
{
	struct shape flat = shape_of(1, (int64_t[]){value_bytes(in) / (int64_t)dtype_bytes(in->dtype)});
	int64_t stride[1] = {1};
	return lower_copy(lowering, node, in, 0, stride, out, 0, stride, &flat);
}

enum ercc_status lower_alias(struct lowering *lowering, struct node *node, struct value *out, struct value *in)
{
	struct buffer *from = lower_buffer(lowering, in), *root;
	int64_t offset;
	root = buffer_root(from, &offset);
	const struct buffer *has = out->scratch; /* set if the value has a buffer of its own */
	if (lowering->folding || root->kind == BUFFER_OUTPUT ||
	    (has && (has->kind == BUFFER_OUTPUT || has->kind == BUFFER_DIMS)))
		return lower_whole_copy(lowering, node, in, out);
	struct buffer *view = plan_buffer(lowering->plan, from->kind, from->bytes, out->name);
	view->parent = from;
	view->io = from->io;
	out->scratch = view;
	return ERCC_OK;
}

enum ercc_status lower_fill(struct lowering *lowering, const struct node *node, struct value *out, double f, int64_t i)
{
	struct launch *launch = lower_pointwise_launch(lowering, node, &out->shape);
	struct operand *to = launch_operand(launch, lower_buffer(lowering, out), out->dtype, true);
	broadcast_strides(&out->shape, &out->shape, to->strides);
	if (out->dtype == ERC_F16 || out->dtype == ERC_BF16)
		expr_cast(&launch->expr, expr_const(&launch->expr, ERC_F32, f, 0), out->dtype);
	else
		expr_const(&launch->expr, out->dtype, f, i);
	return ERCC_OK;
}

/* The buffer of input or output `i` as callers bind it. */
static struct buffer *add_bound(struct lowering *lowering, enum buffer_kind kind, size_t i, const struct value *value,
                                const char *name)
{
	int64_t bytes = packed_bytes(value->dtype, shape_elements(&value->shape));
	struct buffer *buffer = plan_buffer(lowering->plan, kind, bytes, name);
	buffer->io = (int)i;
	return buffer;
}

/* Makes the buffers of inputs and outputs, before any node asks for them. Packed outputs are made at the end. */
static void bind_inputs_outputs(struct lowering *lowering)
{
	struct graph *graph = lowering->graph;
	for (size_t i = 0; i < graph->input_count; i++) {
		struct value *value = graph->inputs[i];
		struct buffer *buffer = add_bound(lowering, BUFFER_INPUT, i, value, value->name);
		bool unpacks = dtype_packing(value->dtype) > 1 && value_is_used(value);
		value->scratch = unpacks ? unpack_elements(lowering, value, buffer, NULL) : buffer;
	}
	for (size_t i = 0; i < graph->output_count; i++) {
		struct value *value = graph->outputs[i];
		if (value->scratch || value->constant || dtype_packing(value->dtype) > 1)
			continue;
		value->scratch = add_bound(lowering, BUFFER_OUTPUT, i, value, value->name);
	}
}

/* Places run-time sizes in the table of run-time dims, before any node asks for them. */
static void bind_sizes(struct lowering *lowering)
{
	struct graph *graph = lowering->graph;
	for (size_t i = 0; i < graph->size_count; i++) {
		struct value *size = graph->sizes[i];
		if (size->scratch || !size->producer)
			continue;
		struct buffer *buffer = plan_buffer(lowering->plan, BUFFER_DIMS, sizeof(int64_t), size->name);
		buffer->offset = (int64_t)(i * sizeof(int64_t));
		size->scratch = buffer;
	}
}

/* An output that is also an input, a constant or another output is copied to its own buffer. One of packed elements is
 * packed into it. */
static enum ercc_status copy_shared_outputs(struct lowering *lowering)
{
	struct graph *graph = lowering->graph;
	for (size_t i = 0; i < graph->output_count; i++) {
		struct value *value = graph->outputs[i];
		lowering->behind = lowering->plan->last;
		struct buffer *buffer = lower_buffer(lowering, value);
		if (buffer->kind == BUFFER_OUTPUT && buffer->io == (int)i)
			continue;
		struct buffer *bound = add_bound(lowering, BUFFER_OUTPUT, i, value, graph->output_names[i]);
		if (dtype_packing(value->dtype) > 1) {
			pack_elements(lowering, value, buffer, bound);
			continue;
		}
		struct node copy = {.name = graph->output_names[i], .graph = graph};
		struct value *out = arena_new(&lowering->ctx->arena, struct value);
		*out = *value;
		out->constant = NULL;
		out->scratch = bound;
		TRY(lower_whole_copy(lowering, &copy, value, out));
	}
	return ERCC_OK;
}

/* Whether there is nothing to compute: no output has an element. */
static bool has_no_elements(const struct node *node)
{
	int64_t elements = 0;
	for (int i = 0; i < node->output_count; i++)
		elements += node->outputs[i] ? shape_elements(&node->outputs[i]->shape) : 0;
	return elements == 0;
}

/* The defaults of inputs become weights, if the inputs were not given other shapes. */
static void keep_defaults(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	plan->defaults = arena_array(&plan->ctx->arena, graph->input_count, sizeof *plan->defaults);
	for (size_t i = 0; i < graph->input_count; i++) {
		const struct value *input = graph->inputs[i];
		if (!input->otherwise || !shape_equal(&input->shape, &input->otherwise->shape))
			continue;
		plan->defaults[i] = packed_weights(plan, input->otherwise, input->name);
	}
}

static struct buffer *number_buffer(struct plan *plan, const struct region *region, int64_t number)
{
	int64_t *data = arena_new(&plan->ctx->arena, int64_t);
	*data = number;
	return plan_weights(plan, data, sizeof *data, region->name);
}

static void keep_numbers(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	plan->numbers = arena_array(&plan->ctx->arena, graph->region_count, sizeof *plan->numbers);
	for (size_t i = 0; i < graph->region_count; i++) {
		const struct region *region = graph->regions[i];
		if (region->kind != REGION_LOOP)
			continue;
		if (!region->condition)
			plan->numbers[i].condition = number_buffer(plan, region, 1);
		if (!region->trips)
			plan->numbers[i].trips = number_buffer(plan, region, region->is_counted ? region->most : INT64_MAX);
	}
}

enum ercc_status lower_graph(struct graph *graph, struct plans *all, struct plan **out)
{
	struct lowering lowering = {.ctx = graph->ctx, .plan = plan_new(graph), .graph = graph};
	lowering.plan->all = all;
	lowering.packed = (struct map){.arena = &graph->ctx->arena, .kind = MAP_TEXT};
	bind_sizes(&lowering);
	bind_inputs_outputs(&lowering);
	for (struct node *node = graph->first; node; node = node->next) {
		if (!node->op->lower)
			return node_fail(node, ERCC_UNSUPPORTED, "its result must be known at compile time");
		if (has_no_elements(node))
			continue;
		graph->ctx->node = node->name;
		graph->ctx->op_type = node->op_type;
		lowering.behind = lowering.plan->last;
		lowering.plan->region = node->region;
		TRY(node->op->lower(&lowering, node));
	}
	lowering.plan->region = NULL;
	graph->ctx->node = NULL;
	TRY(copy_shared_outputs(&lowering));
	keep_defaults(lowering.plan);
	keep_numbers(lowering.plan);
	*out = lowering.plan;
	return ERCC_OK;
}

/* Lowers the node by itself and evaluates its launches with the templates' reference functions. */
enum ercc_status fold_node(struct node *node, bool *done)
{
	struct graph *graph = node->graph;
	struct lowering lowering = {.ctx = graph->ctx, .plan = plan_new(graph), .graph = graph, .folding = true};
	lowering.packed = (struct map){.arena = &graph->ctx->arena, .kind = MAP_TEXT};
	*done = false;
	if (!node->op->lower)
		return ERCC_OK;
	for (int i = 0; i < node->input_count; i++)
		if (node->inputs[i])
			node->inputs[i]->scratch = NULL;
	TRY(node->op->lower(&lowering, node));
	bool evaluable = true;
	for (struct launch *launch = lowering.plan->first; launch; launch = launch->next)
		evaluable &= launch->template->evaluate != NULL;
	for (size_t i = 0; evaluable && i < lowering.plan->buffer_count; i++) {
		struct buffer *buffer = lowering.plan->buffers[i];
		if (!buffer->data)
			buffer->data = arena_elements(&graph->ctx->arena, (size_t)buffer->bytes, 1);
	}
	for (struct launch *launch = lowering.plan->first; evaluable && launch; launch = launch->next) {
		void *buffers[MAX_OPERANDS];
		for (int i = 0; i < launch->operand_count; i++)
			buffers[i] = (char *)(uintptr_t)launch->operands[i].buffer->data + launch->operands[i].offset;
		launch->template->evaluate(launch, buffers);
	}
	for (int i = 0; i < node->output_count; i++) {
		struct value *value = node->outputs[i];
		if (!value)
			continue;
		struct buffer *buffer = value->scratch;
		if (evaluable && buffer)
			value->constant = tensor_new(&graph->ctx->arena, value->dtype, &value->shape, buffer->data);
		value->scratch = NULL;
	}
	for (int i = 0; i < node->input_count; i++)
		if (node->inputs[i])
			node->inputs[i]->scratch = NULL;
	*done = evaluable;
	return ERCC_OK;
}
