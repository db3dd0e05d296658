/* Infers the dtype and shape of every value, in execution order. Nodes whose inputs are all constants are evaluated and
 * removed on the way. Operators that are made of others are expanded, and half precision is widened to f32 for
 * operators that compute with it. */
#include "compiler/passes/pass.h"

#include "compiler/lower/inserted.h"

/* Elements. Larger outputs are computed at run time, because folding must not make the model much larger. */
#define FOLD_LIMIT ((int64_t)1 << 28)

/* Elements. Larger constants of 4 or 2 bits per element stay so, because the file would grow to a multiple: what is made
 * of them is computed at run time. */
#define PACKED_LIMIT ((int64_t)1 << 16)

#define MOST_FAILURES 50 /* maximum number of nodes reported as failed */
#define MAX_SIZES 32768  /* run-time sizes; one node adds fewer than this */

static void read_constants(struct node *node)
{
	for (int i = 0; i < node->input_count; i++) {
		struct value *in = node->inputs[i];
		if (in && in->constant) {
			in->dtype = in->constant->dtype;
			in->shape = in->constant->shape;
		}
	}
}

static uint32_t types_of_input(const struct op *op, int slot)
{
	if (slot == 0)
		return op->types;
	bool stated = slot < (int)COUNT_OF(op->input_types) && op->input_types[slot];
	return stated ? op->input_types[slot] : (TYPES_MOVED & ~TYPES_STORED) | (op->types & (TYPES_STORED | TYPES_LIST));
}

static enum ercc_status check_dtypes(const struct node *node)
{
	for (int i = 0; i < node->input_count; i++) {
		const struct value *in = node->inputs[i];
		if (in && value_list(in) && !(types_of_input(node->op, i) & TYPES_LIST))
			return node_fail(node, ERCC_UNSUPPORTED, "input '%s' is %s, which is not supported here", in->name,
			                 list_words(in));
		if (in && !(types_of_input(node->op, i) >> in->dtype & 1))
			return node_fail(node, ERCC_UNSUPPORTED, "input '%s' is %s%s; %s is not supported here", in->name,
			                 dtype_name(in->dtype), shape_words(node, &in->shape), dtype_name(in->dtype));
	}
	return ERCC_OK;
}

/* Checks that a graph input or output has a dtype that operators can move. */
static enum ercc_status check_bound(struct graph *graph, const char *what, const char *name, const struct value *value)
{
	if (TYPES_MOVED >> value->dtype & 1)
		return ERCC_OK;
	return fail(graph->ctx, ERCC_UNSUPPORTED, "%s '%s' is %s%s; %s is not supported", what, name,
	            dtype_name(value->dtype), shape_text(&graph->ctx->arena, &value->shape), dtype_name(value->dtype));
}

/* Compares an output with its declaration in the file. */
static enum ercc_status check_stated(struct graph *graph, size_t i)
{
	const struct stated_type *type = graph->output_types ? &graph->output_types[i] : NULL;
	const struct value *value = graph->outputs[i];
	struct arena *arena = &graph->ctx->arena;
	if (!type || type->kind || type->dtype == ERC_DTYPE_NONE)
		return ERCC_OK;
	if (type->dtype != value->dtype)
		return fail(graph->ctx, ERCC_MODEL, "output '%s' is declared as %s, but its nodes give %s",
		            graph->output_names[i], dtype_name(type->dtype), dtype_name(value->dtype));
	if (shape_run_time_dim(&value->shape) < 0 && !shape_fits(&type->shape, &value->shape))
		warn(graph->ctx, "output '%s' is declared as %s, but its nodes give %s", graph->output_names[i],
		     shape_text(arena, &type->shape), shape_text(arena, &value->shape));
	return ERCC_OK;
}

/* Only operators whose rows declare `sizes` take inputs with run-time sizes. */
static enum ercc_status check_sizes(const struct node *node)
{
	for (int i = 0; i < node->input_count && !node->op->sizes && !node->op->rows; i++) {
		const struct value *in = node->inputs[i];
		int dim = in ? shape_run_time_dim(&in->shape) : -1;
		if (dim >= 0)
			return node_fail(node, ERCC_UNSUPPORTED,
			                 "input '%s' is %s%s: dim %d is known at run time only, which is not supported here",
			                 in->name, dtype_name(in->dtype), shape_words(node, &in->shape), dim);
	}
	return node->graph->size_count < MAX_SIZES
	           ? ERCC_OK
	           : node_fail(node, ERCC_UNSUPPORTED, "more than %d run-time sizes before it", MAX_SIZES);
}

/* Whether an input of a row with `rows` has a run-time size. */
static bool is_sized_rows(const struct node *node)
{
	bool any = false;
	for (int i = 0; i < node->input_count && node->op->rows; i++)
		any |= node->inputs[i] && shape_run_time_dim(&node->inputs[i]->shape) >= 0;
	return any;
}

static bool is_half(enum erc_dtype dtype)
{
	return dtype == ERC_F16 || dtype == ERC_BF16;
}

/* Finds the half-precision dtype of the node's inputs, if its row does not take that dtype. *half is NONE if there is
 * none, and F32 if only inputs with a dtype of their own have one. */
static enum ercc_status find_half(const struct node *node, enum erc_dtype *half)
{
	int first = -1;
	*half = ERC_DTYPE_NONE;
	for (int i = 0; i < node->input_count; i++) {
		const struct value *in = node->inputs[i];
		if (!in || !dtype_is_float(in->dtype) || node->op->casts_halves)
			continue;
		bool own = i < 32 && node->op->own_types >> i & 1;
		if (is_half(in->dtype) && !(node->op->types >> in->dtype & 1) && (!own || *half == ERC_DTYPE_NONE))
			*half = own ? ERC_F32 : in->dtype;
		if (own)
			continue;
		first = first < 0 ? i : first;
		if (*half != ERC_DTYPE_NONE && in->dtype != node->inputs[first]->dtype)
			return node_fail(node, ERCC_MODEL, "input %d is %s, but input %d is %s", i, dtype_name(in->dtype), first,
			                 dtype_name(node->inputs[first]->dtype));
	}
	return ERCC_OK;
}

static bool is_converted(const struct node *node, int slot, const struct conversion *how)
{
	const struct value *in = node->inputs[slot];
	return in && how->from >> in->dtype & 1 && how->inputs >> (slot < 31 ? slot : 31) & 1;
}

static bool applies(const struct node *node, const struct conversion *how)
{
	bool any = false;
	for (int i = 0; i < node->input_count; i++)
		any |= is_converted(node, i, how);
	return any && (!how->is_needed || how->is_needed(node));
}

/* The node gets those of the inputs whose dtypes are in `from` as `to`, and its outputs of the dtype `to` are narrowed
 * to `stored`, by new nodes before and after this one; if that is `to`, the outputs stay so. */
static void widen(struct node *node, const struct conversion *how, enum erc_dtype stored)
{
	struct graph *graph = node->graph;
	const int8_t *like = node->op->output_like;
	enum erc_dtype kept[COUNT_OF(node->op->output_like)]; /* of the first outputs */
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		kept[i] = like[i] == AS_COMPUTED ? how->to : like[i] ? node->inputs[like[i]]->dtype : stored;
	for (int i = 0; i < node->input_count; i++) {
		if (!is_converted(node, i, how))
			continue;
		struct value *wide = graph_value(graph, graph_unique_name(graph, node->inputs[i]->name));
		insert_cast(graph, node, node->inputs[i], wide, how->to);
		node_set_input(node, i, wide);
	}
	for (int i = 0; i < node->output_count; i++) {
		struct value *out = node->outputs[i];
		enum erc_dtype dtype = i < (int)COUNT_OF(kept) ? kept[i] : stored;
		if (!out || dtype == how->to)
			continue;
		struct value *wide = graph_value(graph, graph_unique_name(graph, out->name));
		node->outputs[i] = wide;
		wide->producer = node;
		wide->producer_slot = i;
		out->producer = NULL;
		insert_narrow(graph, node->next, wide, out, how->to, dtype);
		struct node *narrow = node->next;
		narrow->region = node->region;
		if (how->rounds)
			node_set_input(narrow, 0, insert_rounding(narrow, wide, how->to, dtype));
	}
}

/* Half precision is a way to store numbers, and operators that do not take it compute in f32. Other dtypes are in the
 * conversions of the row. Returns whether the node gets other inputs than before. */
static enum ercc_status widen_inputs(struct node *node, bool *widened)
{
	static const struct conversion halves = {.from = TYPE(F16) | TYPE(BF16), .to = ERC_F32, .inputs = ~0u};
	enum erc_dtype half;
	for (const struct conversion *how = node->op->conversions; how && how->from; how++)
		if (applies(node, how)) {
			*widened = true;
			widen(node, how, node->inputs[how->like]->dtype);
			return ERCC_OK;
		}
	TRY(find_half(node, &half));
	*widened = half != ERC_DTYPE_NONE;
	if (*widened)
		widen(node, &halves, half);
	return ERCC_OK;
}

static bool is_large_packed(const struct node *node)
{
	bool large = false;
	for (int i = 0; i < node->input_count; i++) {
		const struct value *in = node->inputs[i];
		large |= in && dtype_packing(in->dtype) > 1 && shape_elements(&in->shape) > PACKED_LIMIT;
	}
	return large && node->outputs[0] && dtype_packing(node->outputs[0]->dtype) == 1;
}

static bool all_constant(const struct node *node)
{
	int64_t elements = 0;
	for (int i = 0; i < node->input_count; i++)
		if (node->inputs[i] && !node->inputs[i]->constant)
			return false;
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i])
			elements += shape_elements(&node->outputs[i]->shape);
	return node->input_count > 0 && elements < FOLD_LIMIT;
}

static bool outputs_known(const struct node *node)
{
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i] && !node->outputs[i]->constant)
			return false;
	return true;
}

static bool has_outputs(const struct node *node)
{
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i])
			return true;
	return false;
}

/* Infers the node, and folds it where possible. *next becomes the node to infer next; it may be a new one. */
static enum ercc_status infer_node(struct graph *graph, struct node *node, struct node **next)
{
	struct node *before = node->previous;
	bool done;
	*next = node->next;
	graph->ctx->node = node->name;
	graph->ctx->op_type = node->op_type;
	if (!has_outputs(node)) { /* all outputs are left out: nothing uses the node */
		graph_remove_node(node);
		return ERCC_OK;
	}
	read_constants(node);
	TRY(widen_inputs(node, &done));
	if (done) {
		*next = before ? before->next : graph->first;
		return ERCC_OK;
	}
	TRY(check_dtypes(node));
	TRY(check_sizes(node));
	done = false;
	if (node->op->expr)
		TRY(insert_agreement(node, &done));
	if (done) {
		*next = before ? before->next : graph->first;
		return ERCC_OK;
	}
	if (is_sized_rows(node)) {
		TRY(expand_rows(node, node->op->rows));
		graph_remove_node(node);
		*next = before ? before->next : graph->first;
		return ERCC_OK;
	}
	if (node->op->expand && (!node->op->expands || node->op->expands(node))) {
		TRY(node->op->expand(node));
		graph_remove_node(node);
		*next = before ? before->next : graph->first;
		return ERCC_OK;
	}
	size_t sizes = graph->size_count;
	TRY(node->op->infer(node));
	*next = node->next;
	if (graph->size_count > sizes && merge_repeated_node(node))
		return ERCC_OK;
	if (!node->op->makes_list && !node->op->is_pinned && !outputs_known(node) && all_constant(node) &&
	    !is_large_packed(node))
		TRY(fold_node(node, &done));
	if (outputs_known(node))
		graph_remove_node(node);
	return ERCC_OK;
}

/* Callers get dense arrays: an output that has the strides of its bounds is packed. Returns the first new node, or
 * NULL. */
static struct node *add_packing(struct graph *graph)
{
	struct node *last = graph->last;
	for (size_t i = 0; i < graph->output_count; i++) {
		struct value *value = graph->outputs[i];
		if (!shape_is_dense(&value->shape))
			graph_set_output(graph, i, insert_pack(graph, graph->output_names[i], value));
	}
	return last ? last->next : NULL;
}

/* Marks the outputs of a node that failed. Nodes that depend on them are skipped. */
static char not_known;

static void give_up(struct node *node)
{
	for (int i = 0; i < node->output_count; i++)
		if (node->outputs[i])
			node->outputs[i]->scratch = &not_known;
}

static bool is_behind_failure(const struct node *node)
{
	for (int i = 0; i < node->input_count; i++)
		if (node->inputs[i] && node->inputs[i]->scratch == &not_known)
			return true;
	return false;
}

/* Infers all nodes from `node` on. Reports each node that fails for a reason of its own, at most MOST_FAILURES. */
static enum ercc_status infer_from(struct graph *graph, struct node *node)
{
	enum ercc_status first = ERCC_OK;
	int failures = 0;
	for (struct node *next = NULL; node && failures < MOST_FAILURES; node = next) {
		struct node *following = node->next;
		enum ercc_status status = is_behind_failure(node) ? first : infer_node(graph, node, &next);
		if (status == ERCC_OK)
			continue;
		if (status != ERCC_UNSUPPORTED && status != ERCC_MODEL)
			return status;
		failures += !is_behind_failure(node);
		first = first == ERCC_OK ? status : first;
		give_up(node);
		next = following;
	}
	if (failures == MOST_FAILURES)
		note(graph->ctx, "there may be more");
	return first;
}

/* Warns of a dim that was given as 0. It is legal, but often a mistake. */
static void tell_empty(struct graph *graph)
{
	const struct value *empty = NULL;
	const char *name = NULL;
	for (size_t i = 0; i < graph->output_count && !empty; i++)
		if (shape_elements(&graph->outputs[i]->shape) == 0)
			empty = graph->outputs[i];
	for (size_t i = 0; empty && i < graph->input_count; i++)
		for (int d = 0; d < graph->inputs[i]->shape.rank; d++)
			if (graph->inputs[i]->shape.dims[d] == 0 && graph->inputs[i]->dim_names[d])
				name = graph->inputs[i]->dim_names[d];
	if (name)
		warn(graph->ctx, "output '%s' is %s%s, without an element: dimension '%s' is 0", empty->name,
		     dtype_name(empty->dtype), shape_text(&graph->ctx->arena, &empty->shape), name);
}

/* A sequence among the graph's outputs becomes an output for each of its tensors: "name.0", "name.1" and so on. */
static enum ercc_status unfold_outputs(struct graph *graph)
{
	struct value **values = graph->outputs;
	const char **names = graph->output_names;
	size_t count = graph->output_count, lists = 0;
	struct map taken = {.arena = &graph->ctx->arena, .kind = MAP_TEXT};
	for (size_t i = 0; i < count; i++)
		map_set(&taken, names[i], values[i]);
	for (size_t i = 0; i < count; i++)
		lists += value_list(values[i]) != NULL;
	if (lists)
		graph_clear_outputs(graph);
	for (size_t i = 0; lists && i < count; i++) {
		const struct node *list = value_list(values[i]);
		if (list && is_nothing(values[i]))
			return fail(graph->ctx, ERCC_UNSUPPORTED, "output '%s' is %s (node '%s')", names[i], list_words(values[i]),
			            list->name);
		if (!list)
			graph_add_output(graph, names[i], values[i]);
		for (int k = 0; list && k < list->input_count; k++) {
			const char *name = arena_printf(&graph->ctx->arena, "%s.%d", names[i], k);
			if (map_get(&taken, name))
				return fail(graph->ctx, ERCC_UNSUPPORTED,
				            "output '%s' is a sequence whose tensors are '%s.0' and so on, but "
				            "there is an output '%s'",
				            names[i], names[i], name);
			graph_add_output(graph, name, list->inputs[k]);
		}
	}
	if (!graph->output_count)
		return fail(graph->ctx, ERCC_UNSUPPORTED,
		            "output '%s' is a sequence without tensors (node '%s'), and there is "
		            "no other output",
		            names[0], value_list(values[0])->name);
	return ERCC_OK;
}

/* All that used lists has been expanded. */
static void remove_lists(struct graph *graph)
{
	for (struct node *node = graph->last, *previous; node; node = previous) {
		previous = node->previous;
		if (node->op->makes_list)
			graph_remove_node(node);
	}
}

enum ercc_status pass_infer(struct graph *graph)
{
	TRY(infer_from(graph, graph->first));
	TRY(unfold_outputs(graph));
	remove_lists(graph);
	for (size_t i = 0; i < graph->input_count; i++)
		TRY(check_bound(graph, "input", graph->inputs[i]->name, graph->inputs[i]));
	for (size_t i = 0; i < graph->output_count; i++) {
		TRY(check_bound(graph, "output", graph->output_names[i], graph->outputs[i]));
		TRY(check_stated(graph, i));
	}
	tell_empty(graph);
	TRY(infer_from(graph, add_packing(graph)));
	graph->ctx->node = NULL;
	return ERCC_OK;
}
