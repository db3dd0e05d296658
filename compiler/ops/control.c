/* If, Loop and Scan whose conditions are known at compile time, and SequenceMap. The chosen branch, or a copy of the
 * body for every iteration, replaces the node. */
#include "compiler/lower/inserted.h"

/* Limits on all loops of a model together, where the options set none: loops in loops multiply. */
#define ITERATIONS_MAX 16384
#define NODES_MAX (1 << 20)

/* State of copying a nested graph's nodes out of it. */
struct inlining {
	struct graph *graph; /* receives the copies */
	struct node *before;
	struct map *values; /* from the nested graph's values to their copies; a value without an entry is its own copy */
};

static struct graph *root_of(struct graph *graph)
{
	while (graph->parent)
		graph = graph->parent;
	return graph;
}

static int64_t limit_of(uint64_t option, int64_t otherwise)
{
	return !option ? otherwise : option < INT32_MAX ? (int64_t)option : INT32_MAX;
}

/* Counts iterations that a loop is about to take. */
static enum ercc_status count_iterations(const struct node *node, int64_t iterations)
{
	struct graph *root = root_of(node->graph);
	int64_t limit = limit_of(node->graph->ctx->options->max_iterations, ITERATIONS_MAX);
	root->iterations = iterations > limit - root->iterations ? limit + 1 : root->iterations + iterations;
	return root->iterations <= limit
	           ? ERCC_OK
	           : node_fail(node, ERCC_UNSUPPORTED,
	                       "more than %lld iterations of all loops together; --max-iterations raises the limit",
	                       (long long)limit);
}

enum ercc_status count_copied(const struct node *node, int64_t nodes)
{
	struct graph *root = root_of(node->graph);
	int64_t limit = limit_of(node->graph->ctx->options->max_nodes, NODES_MAX);
	root->copied += nodes;
	return root->copied <= limit ? ERCC_OK
	                             : node_fail(node, ERCC_UNSUPPORTED,
	                                         "more than %lld nodes copied for loops and branches; --max-nodes raises "
	                                         "the limit",
	                                         (long long)limit);
}

static int64_t nodes_in(const struct graph *graph)
{
	int64_t nodes = graph->node_count;
	for (const struct node *node = graph->first; node; node = node->next)
		for (int i = 0; i < node->attr_count; i++)
			if (node->attrs[i].kind == ATTR_GRAPH)
				nodes += nodes_in(node->attrs[i].graph);
	return nodes;
}

static struct value *mapped(const struct inlining *in, struct value *value)
{
	struct value *to = value ? map_get(in->values, value) : NULL;
	return to ? to : value;
}

static enum ercc_status copy_node(struct inlining *in, const struct node *node, bool resolve);

/* Copies a graph that is an attribute of a copied node: it may use values that have copies. */
static enum ercc_status copy_graph(struct inlining *in, const struct graph *from, struct graph **out)
{
	struct graph *graph = graph_new(in->graph->ctx, in->graph);
	struct inlining inner = {graph, NULL, in->values};
	for (size_t i = 0; i < from->input_count; i++) {
		struct value *copy = graph_value(graph, graph_unique_name(graph, from->inputs[i]->name));
		copy->dtype = from->inputs[i]->dtype;
		copy->shape = from->inputs[i]->shape;
		graph_add_input(graph, copy);
		map_set(in->values, from->inputs[i], copy);
	}
	for (const struct node *node = from->first; node; node = node->next)
		TRY(copy_node(&inner, node, false));
	for (size_t i = 0; i < from->output_count; i++)
		graph_add_output(graph, from->output_names[i], mapped(&inner, from->outputs[i]));
	*out = graph;
	return ERCC_OK;
}

static enum ercc_status copy_node(struct inlining *in, const struct node *node, bool resolve)
{
	struct arena *arena = &in->graph->ctx->arena;
	struct value **inputs = arena_array(arena, (size_t)node->input_count, sizeof *inputs);
	struct value **outputs = arena_array(arena, (size_t)node->output_count, sizeof *outputs);
	for (int i = 0; i < node->input_count; i++)
		inputs[i] = mapped(in, node->inputs[i]);
	for (int i = 0; i < node->output_count; i++) {
		if (!node->outputs[i])
			continue;
		outputs[i] = graph_value(in->graph, graph_unique_name(in->graph, node->outputs[i]->name));
		map_set(in->values, node->outputs[i], outputs[i]);
	}
	struct node *copy = graph_add_node(in->graph, in->before, node->op_type, node->name, inputs, node->input_count,
	                                   outputs, node->output_count);
	copy->domain = node->domain;
	copy->opset = node->opset;
	node_set_attrs(copy, node->attrs, node->attr_count);
	for (int i = 0; i < copy->attr_count; i++)
		if (copy->attrs[i].kind == ATTR_GRAPH)
			TRY(copy_graph(in, node->attrs[i].graph, &copy->attrs[i].graph));
	return resolve ? node_resolve(copy) : ERCC_OK;
}

/* Copies the body's nodes to the place before `node`. `arguments` replace the body's inputs; `results` receives its
 * outputs. */
static enum ercc_status inline_body(struct node *node, const char *name, struct value *const *arguments,
                                    size_t argument_count, struct value **results, size_t result_count)
{
	const struct attr *attr = node_attr(node, name);
	if (!attr || attr->kind != ATTR_GRAPH)
		return node_fail(node, ERCC_MODEL, "%s is missing", name);
	const struct graph *body = attr->graph;
	if (body->input_count != argument_count || body->output_count < result_count)
		return node_fail(node, ERCC_MODEL, "%s takes %zu inputs and has %zu outputs; %zu and %zu are needed", name,
		                 body->input_count, body->output_count, argument_count, result_count);
	TRY(count_copied(node, nodes_in(body)));
	struct map values = {.arena = &node->graph->ctx->arena, .kind = MAP_POINTER};
	struct inlining in = {node->graph, node, &values};
	for (size_t i = 0; i < argument_count; i++)
		map_set(&values, body->inputs[i], arguments[i]);
	for (const struct node *inner = body->first; inner; inner = inner->next)
		TRY(copy_node(&in, inner, true));
	for (size_t i = 0; i < result_count; i++)
		results[i] = mapped(&in, body->outputs[i]);
	return ERCC_OK;
}

static size_t body_outputs(const struct node *node)
{
	const struct attr *body = node_attr(node, "body");
	return body && body->kind == ATTR_GRAPH ? body->graph->output_count : 0;
}

static enum ercc_status condition(const struct node *node, int slot, bool *holds)
{
	const struct tensor *tensor;
	TRY(constant_input(node, slot, "the condition", &tensor));
	if (tensor->dtype != ERC_BOOL || shape_elements(&tensor->shape) != 1)
		return node_fail(node, ERCC_MODEL, "the condition must be one bool, found %s%s", dtype_name(tensor->dtype),
		                 shape_words(node, &tensor->shape));
	*holds = tensor_int(tensor, 0) != 0;
	return ERCC_OK;
}

/* ---- If ---- */

static enum ercc_status expand_if(struct node *node)
{
	struct value **results = arena_array(&node->graph->ctx->arena, (size_t)node->output_count, sizeof *results);
	bool holds;
	TRY(condition(node, 0, &holds));
	TRY(inline_body(node, holds ? "then_branch" : "else_branch", NULL, 0, results, (size_t)node->output_count));
	for (int i = 0; i < node->output_count; i++)
		expand_to(node, i, results[i]);
	return ERCC_OK;
}

/* ---- Loop: one iteration, then a Loop for the rest, whose condition is known when the pass reaches it ---- */

/* Inputs of a Loop that is partly unrolled: M, condition, states, then for each scan what it has collected so far. */
struct loop {
	int64_t iteration; /* iterations done */
	int states, scans; /* values carried, and values collected */
};

static enum ercc_status read_loop(const struct node *node, struct loop *loop, bool *more)
{
	const struct tensor *trips;
	size_t results = body_outputs(node);
	loop->iteration = node_attr_int(node, "iteration", 0);
	loop->scans =
		(int)node_attr_int(node, "scans", node->output_count - (node->input_count < 2 ? 0 : node->input_count - 2));
	loop->states = node->output_count - loop->scans;
	*more = true;
	if (loop->scans < 0 || loop->states < 0 || results != (size_t)(1 + node->output_count))
		return node_fail(node, ERCC_MODEL, "%d inputs, %d outputs and a body with %zu outputs do not fit each other",
		                 node->input_count, node->output_count, results);
	for (int i = 2; i < 2 + loop->states; i++)
		if (!node_input(node, i))
			return node_fail(node, ERCC_MODEL, "input %d is left out", i);
	if (node_input(node, 0)) {
		TRY(constant_input(node, 0, "the number of iterations", &trips));
		if (trips->dtype != ERC_I64 || shape_elements(&trips->shape) != 1)
			return node_fail(node, ERCC_MODEL, "the number of iterations must be one i64, found %s%s",
			                 dtype_name(trips->dtype), shape_words(node, &trips->shape));
		*more = loop->iteration < tensor_int(trips, 0);
	}
	if (*more && node_input(node, 1))
		TRY(condition(node, 1, more));
	return *more ? count_iterations(node, 1) : ERCC_OK;
}

static enum ercc_status finish_loop(struct node *node, const struct loop *loop)
{
	struct value **pieces = arena_array(&node->graph->ctx->arena, (size_t)loop->iteration, sizeof *pieces);
	int collected = 2 + loop->states;
	for (int i = 0; i < loop->states; i++)
		expand_to(node, i, node->inputs[2 + i]);
	for (int i = 0; i < loop->scans; i++) {
		if (loop->iteration == 0)
			return node_fail(node, ERCC_UNSUPPORTED, "it runs no iteration, so the shape of output %d is not known",
			                 loop->states + i);
		collected_items(node->inputs[collected + i], pieces, (int)loop->iteration);
		expand_to(node, loop->states + i, emit_concat(node, 0, pieces, (int)loop->iteration));
	}
	return ERCC_OK;
}

static enum ercc_status expand_loop(struct node *node)
{
	struct arena *arena = &node->graph->ctx->arena;
	struct loop loop;
	bool more;
	TRY(read_loop(node, &loop, &more));
	if (!more)
		return finish_loop(node, &loop);
	int outputs = node->output_count, inputs = 2 + loop.states + loop.scans;
	struct value **arguments = arena_array(arena, (size_t)(2 + loop.states), sizeof *arguments);
	struct value **results = arena_array(arena, (size_t)(1 + outputs), sizeof *results);
	struct value **next = arena_array(arena, (size_t)inputs, sizeof *next),
				 **out = arena_array(arena, (size_t)outputs, sizeof *out);
	arguments[0] = constant_number(node, ERC_I64, (double)loop.iteration);
	arguments[1] = node_input(node, 1) ? node->inputs[1] : constant_number(node, ERC_BOOL, 1);
	for (int i = 0; i < loop.states; i++)
		arguments[2 + i] = node->inputs[2 + i];
	TRY(inline_body(node, "body", arguments, (size_t)(2 + loop.states), results, (size_t)(1 + outputs)));
	for (int i = 0; i < inputs - loop.scans; i++)
		next[i] = i == 1 ? results[0] : i >= 2 && i < 2 + loop.states ? results[i - 1] : node_input(node, i);
	for (int i = 0; i < loop.scans; i++)
		next[inputs - loop.scans + i] = collect(node, node_input(node, inputs - loop.scans + i),
		                                        EMIT(node, "Unsqueeze(a, {0})", results[1 + loop.states + i]));
	for (int i = 0; i < outputs; i++) {
		out[i] = graph_value(node->graph, graph_unique_name(node->graph, node->name));
		expand_to(node, i, out[i]);
	}
	struct attr attrs[] = {*node_attr(node, "body"),
	                       {.name = "iteration", .kind = ATTR_INT, .i = loop.iteration + 1},
	                       {.name = "scans", .kind = ATTR_INT, .i = loop.scans}};
	struct node *rest = graph_add_node(node->graph, node, "Loop", node->name, next, inputs, out, outputs);
	rest->opset = node->opset;
	rest->op = node->op;
	node_set_attrs(rest, attrs, 3);
	node_give_graph(node, "body"); /* it now belongs to `rest`, and so do its uses of values */
	return ERCC_OK;
}

/* ---- Scan ---- */

struct scan {
	int states, inputs, outputs; /* values carried, scanned, collected */
	int64_t iterations;
	int64_t input_axes[32], backward[32], output_axes[32], output_backward[32];
};

static enum ercc_status scan_list(const struct node *node, const char *name, int count, int64_t *values)
{
	int found;
	TRY(int_list(node, name, -1, values, 32, &found));
	if (found >= 0 && found != count)
		return node_fail(node, ERCC_MODEL, "%s has %d entries, not %d", name, found, count);
	for (int i = found < 0 ? 0 : count; i < count; i++)
		values[i] = 0;
	return ERCC_OK;
}

static enum ercc_status read_scan(const struct node *node, struct scan *scan)
{
	int64_t inputs = node_attr_int(node, "num_scan_inputs", 0);
	scan->inputs = inputs > 0 && inputs <= node->input_count ? (int)inputs : 0;
	scan->states = node->input_count - scan->inputs;
	scan->outputs = node->output_count - scan->states;
	if (scan->inputs < 1 || scan->states < 0 || scan->outputs < 0 || scan->inputs > 32 || scan->outputs > 32)
		return node_fail(node, ERCC_MODEL,
		                 "%d inputs, %d of them scanned, and %d outputs; 1 to 32 scanned ones are supported, and each "
		                 "state needs an output",
		                 node->input_count, scan->inputs, node->output_count);
	TRY(scan_list(node, "scan_input_axes", scan->inputs, scan->input_axes));
	TRY(scan_list(node, "scan_input_directions", scan->inputs, scan->backward));
	TRY(scan_list(node, "scan_output_axes", scan->outputs, scan->output_axes));
	TRY(scan_list(node, "scan_output_directions", scan->outputs, scan->output_backward));
	for (int i = 0; i < node->input_count; i++)
		if (!node->inputs[i])
			return node_fail(node, ERCC_MODEL, "input %d is missing", i);
	for (int i = 0; i < scan->inputs; i++) {
		const struct shape *shape = &node->inputs[scan->states + i]->shape;
		int axis;
		TRY(check_axis(node, scan->input_axes[i], shape->rank, &axis));
		scan->input_axes[i] = axis;
		if (i && shape->dims[axis] != scan->iterations)
			return node_fail(node, ERCC_MODEL, "scanned inputs of length %lld and %lld; they must be equal",
			                 (long long)scan->iterations, (long long)shape->dims[axis]);
		scan->iterations = shape->dims[axis];
	}
	if (scan->iterations < 1)
		return node_fail(node, ERCC_UNSUPPORTED, "its scanned inputs are empty, which is not supported");
	return count_iterations(node, scan->iterations);
}

/* Runs the body for every iteration. `values` are states and scanned inputs; the states and what is collected replace
 * them. */
static enum ercc_status run_scan(struct node *node, const struct scan *scan, struct value **values)
{
	struct arena *arena = &node->graph->ctx->arena;
	size_t inputs = (size_t)(scan->states + scan->inputs), outputs = (size_t)(scan->states + scan->outputs);
	struct value **arguments = arena_array(arena, inputs, sizeof *arguments),
				 **results = arena_array(arena, outputs, sizeof *results);
	struct value **pieces = arena_array(arena, (size_t)(scan->iterations * scan->outputs), sizeof *pieces);
	memcpy(arguments, values, (size_t)scan->states * sizeof *values);
	for (int64_t t = 0; t < scan->iterations; t++) {
		for (int i = 0; i < scan->inputs; i++) {
			long long at = scan->backward[i] ? scan->iterations - 1 - t : t, axis = scan->input_axes[i];
			arguments[scan->states + i] =
				EMIT(node, TEXT(node, "Squeeze(Slice(a, {%lld}, {%lld}, {%lld}), {%lld})", at, at + 1, axis, axis),
			         values[scan->states + i]);
		}
		TRY(inline_body(node, "body", arguments, inputs, results, outputs));
		memcpy(arguments, results, (size_t)scan->states * sizeof *results);
		for (int i = 0; i < scan->outputs; i++)
			pieces[i * scan->iterations + (scan->output_backward[i] ? scan->iterations - 1 - t : t)] =
				EMIT(node, TEXT(node, "Unsqueeze(a, {%lld})", (long long)scan->output_axes[i]),
			         results[scan->states + i]);
	}
	memcpy(values, arguments, (size_t)scan->states * sizeof *values);
	for (int i = 0; i < scan->outputs; i++)
		values[scan->states + i] =
			emit_concat(node, (int)scan->output_axes[i], pieces + i * scan->iterations, (int)scan->iterations);
	return ERCC_OK;
}

/* Room for the inputs and the outputs of run_scan. */
static struct value **scan_values(const struct node *node)
{
	size_t room = (size_t)(node->input_count + node->output_count);
	return arena_array(&node->graph->ctx->arena, room, sizeof(struct value *));
}

static enum ercc_status expand_scan(struct node *node)
{
	struct value **values = scan_values(node);
	struct scan scan = {0};
	TRY(read_scan(node, &scan));
	memcpy(values, node->inputs, (size_t)node->input_count * sizeof *values);
	TRY(run_scan(node, &scan, values));
	for (int i = 0; i < node->output_count; i++)
		expand_to(node, i, values[i]);
	return ERCC_OK;
}

/* Opset 8: the first input is the lengths, and all others have a batch dim before the scanned one. */
static enum ercc_status read_batched_scan(const struct node *node, struct scan *scan, int64_t *batch)
{
	int64_t inputs = node_attr_int(node, "num_scan_inputs", 0);
	scan->inputs = inputs > 0 && inputs < node->input_count ? (int)inputs : 0;
	scan->states = node->input_count - 1 - scan->inputs;
	scan->outputs = node->output_count - scan->states;
	if (node_input(node, 0))
		return node_fail(node, ERCC_UNSUPPORTED, "sequence_lens ('%s') is not supported", node->inputs[0]->name);
	if (scan->inputs < 1 || scan->states < 0 || scan->outputs < 0 || scan->inputs > 32 || scan->outputs > 32)
		return node_fail(node, ERCC_MODEL, "%d inputs after the first, %d of them scanned, and %d outputs",
		                 node->input_count - 1, scan->inputs, node->output_count);
	TRY(scan_list(node, "directions", scan->inputs, scan->backward));
	for (int i = 1; i < node->input_count; i++) {
		const struct shape *shape = node->inputs[i] ? &node->inputs[i]->shape : NULL;
		bool scanned = i > scan->states;
		if (!shape || shape->rank < 1 + scanned || (i > 1 && shape->dims[0] != *batch) ||
		    (i > 1 + scan->states && shape->dims[1] != scan->iterations))
			return node_fail(node, ERCC_MODEL,
			                 "input %d is missing, or does not have the batch and length of the others", i);
		*batch = shape->dims[0];
		scan->iterations = scanned ? shape->dims[1] : 0;
	}
	if (scan->iterations < 1 || *batch < 1)
		return node_fail(node, ERCC_UNSUPPORTED, "its scanned inputs are empty, which is not supported");
	return count_iterations(node, scan->iterations <= INT32_MAX / *batch ? scan->iterations * *batch : INT32_MAX);
}

static enum ercc_status expand_batched_scan(struct node *node)
{
	struct value **values = scan_values(node), **pieces;
	struct scan scan = {0};
	int64_t batch = 0;
	TRY(read_batched_scan(node, &scan, &batch));
	pieces = arena_array(&node->graph->ctx->arena, (size_t)batch * (size_t)node->output_count, sizeof *pieces);
	for (int64_t b = 0; b < batch; b++) {
		const char *text = TEXT(node, "Squeeze(Slice(a, {%lld}, {%lld}, {0}), {0})", (long long)b, (long long)b + 1);
		for (int i = 1; i < node->input_count; i++)
			values[i - 1] = EMIT(node, text, node->inputs[i]);
		TRY(run_scan(node, &scan, values));
		for (int i = 0; i < node->output_count; i++)
			pieces[i * batch + b] = EMIT(node, "Unsqueeze(a, {0})", values[i]);
	}
	for (int i = 0; i < node->output_count; i++)
		expand_to(node, i, emit_concat(node, 0, pieces + i * batch, (int)batch));
	return ERCC_OK;
}

/* ---- SequenceMap ---- */

static enum ercc_status map_length(const struct node *node, int64_t *length)
{
	*length = -1;
	for (int i = 0; i < node->input_count; i++) {
		if (!node->inputs[i])
			return node_fail(node, ERCC_MODEL, "input %d is left out", i);
		const struct node *list = is_nothing(node->inputs[i]) ? NULL : value_list(node->inputs[i]);
		int64_t count = list ? list->input_count : *length;
		if (i == 0 && !list)
			return node_fail(node, ERCC_MODEL, "input '%s' must be a sequence", node->inputs[0]->name);
		if (i > 0 && count != *length)
			return node_fail(node, ERCC_MODEL, "sequences of %lld and %lld tensors; they must be equal",
			                 (long long)*length, (long long)count);
		*length = count;
	}
	return count_iterations(node, *length);
}

/* Every output is the sequence of what the body makes of the tensors at one position. */
static enum ercc_status expand_map(struct node *node)
{
	struct arena *arena = &node->graph->ctx->arena;
	size_t inputs = (size_t)node->input_count, outputs = (size_t)node->output_count;
	int64_t length;
	TRY(map_length(node, &length));
	struct value **arguments = arena_array(arena, inputs, sizeof *arguments),
				 **results = arena_array(arena, outputs, sizeof *results),
				 **made = arena_array(arena, (size_t)length * outputs, sizeof *made);
	for (int64_t t = 0; t < length; t++) {
		for (size_t i = 0; i < inputs; i++) {
			const struct node *list = value_list(node->inputs[i]);
			arguments[i] = list ? list->inputs[t] : node->inputs[i];
		}
		TRY(inline_body(node, "body", arguments, inputs, results, outputs));
		for (size_t i = 0; i < outputs; i++)
			made[i * (size_t)length + (size_t)t] = results[i];
	}
	for (size_t i = 0; i < outputs; i++)
		TRY(expand_to_list(node, (int)i, made + i * (size_t)length, (int)length));
	return ERCC_OK;
}

const struct op ops_control[] = {
	{"If", 1, 1, 1, VARIADIC, TYPES_MOVED, .expand = expand_if, .attrs = "then_branch=graph else_branch=graph"},
	{"Loop", 1, 0, 254, VARIADIC, TYPES_MOVED | TYPES_LIST, .expand = expand_loop,
     .attrs = "body=graph iteration=own scans=own"},
	{"SequenceMap", 17, 1, 32, VARIADIC, TYPES_MOVED | TYPES_LIST, .expand = expand_map, .attrs = "body=graph"},
	{"Scan", 8, 0, 254, VARIADIC, TYPES_MOVED, .expand = expand_batched_scan,
     .attrs = "body=graph directions=ints num_scan_inputs=int"},
	{"Scan", 9, 1, 254, VARIADIC, TYPES_MOVED, .expand = expand_scan,
     .attrs = "body=graph num_scan_inputs=int scan_input_axes=ints scan_input_directions=ints scan_output_axes=ints "
              "scan_output_directions=ints"},
	{0},
};
