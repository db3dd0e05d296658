/* If, Loop, Scan and SequenceMap. Where the course is known at compile time, the chosen branch, or a copy of the body for
 * every iteration, replaces the node; else, or if there would be very many copies, it becomes regions. */
#include "compiler/lower/regions.h"

/* Nodes. A loop of a known number of iterations becomes a region if there would be more copies. */
#define UNROLLED_MOST 4096

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
	if (!node->inputs[0]->constant)
		return expand_branch(node, "then_branch", "else_branch");
	TRY(condition(node, 0, &holds));
	TRY(inline_body(node, holds ? "then_branch" : "else_branch", NULL, 0, results, (size_t)node->output_count));
	for (int i = 0; i < node->output_count; i++)
		expand_to(node, i, results[i]);
	return ERCC_OK;
}

/* ---- what is known at compile time ---- */

static bool marks(const struct map *known, const struct value *value)
{
	return !value || value->constant || map_get(known, value);
}

/* Marks the outputs of the graph's nodes that follow from constants and marked values alone. A random number does not, and
 * shapes are taken to be known. */
static void mark_known(struct map *known, const struct graph *graph)
{
	for (const struct node *node = graph->first; node; node = node->next) {
		bool all = strncmp(node->op_type, "Random", 6) != 0 && strcmp(node->op_type, "Bernoulli") != 0;
		for (int i = 0; i < node->input_count; i++)
			all &= marks(known, node->inputs[i]);
		all |= !strcmp(node->op_type, "Shape") || !strcmp(node->op_type, "Size");
		for (int i = 0; i < node->attr_count; i++) {
			if (node->attrs[i].kind != ATTR_GRAPH)
				continue;
			const struct graph *nested = node->attrs[i].graph;
			for (size_t k = 0; all && k < nested->input_count; k++)
				map_set(known, nested->inputs[k], nested->inputs[k]);
			mark_known(known, nested);
			for (size_t k = 0; k < nested->output_count; k++)
				all &= marks(known, nested->outputs[k]);
		}
		for (int i = 0; all && i < node->output_count; i++)
			if (node->outputs[i])
				map_set(known, node->outputs[i], node->outputs[i]);
	}
}

/* Whether the body's condition is known in every iteration. `is_known[i]`: whether state i is, before the loop. */
static bool condition_is_known(struct node *node, const struct graph *body, int states, bool *is_known)
{
	for (bool changed = true; changed;) {
		struct map known = {.arena = &node->graph->ctx->arena, .kind = MAP_POINTER};
		changed = false;
		for (int i = 0; i < 2 + states; i++)
			if (i < 2 || is_known[i - 2])
				map_set(&known, body->inputs[i], body->inputs[i]);
		mark_known(&known, body);
		if (!marks(&known, body->outputs[0]))
			return false;
		for (int i = 0; i < states; i++)
			if (is_known[i] && !marks(&known, body->outputs[1 + i]))
				changed = true, is_known[i] = false;
	}
	return true;
}

/* Whether the body's condition holds in every iteration if it does before the first. */
static bool condition_holds(const struct graph *body)
{
	const struct value *more = body->outputs[0];
	while (more->producer && !strcmp(more->producer->op_type, "Identity"))
		more = more->producer->inputs[0];
	return more == body->inputs[1] || (more->constant && more->dtype == ERC_BOOL && tensor_int(more->constant, 0));
}

/* ---- Loop: one iteration, then a Loop for the rest, whose condition is known when the pass reaches it ---- */

/* Inputs of a Loop that is partly unrolled: M, condition, states, then for each scan what it has collected so far. */
struct loop {
	int64_t iteration; /* iterations done */
	int states, scans; /* values carried, and values collected */
};

static enum ercc_status read_loop(const struct node *node, struct loop *loop)
{
	const struct attr *body = node_attr(node, "body");
	size_t results = body_outputs(node);
	loop->iteration = node_attr_int(node, "iteration", 0);
	loop->scans =
		(int)node_attr_int(node, "scans", node->output_count - (node->input_count < 2 ? 0 : node->input_count - 2));
	loop->states = node->output_count - loop->scans;
	if (loop->scans < 0 || loop->states < 0 || results != (size_t)(1 + node->output_count) ||
	    body->graph->input_count != (size_t)(2 + loop->states))
		return node_fail(node, ERCC_MODEL, "%d inputs, %d outputs and a body with %zu outputs do not fit each other",
		                 node->input_count, node->output_count, results);
	for (int i = 2; i < 2 + loop->states; i++)
		if (!node_input(node, i))
			return node_fail(node, ERCC_MODEL, "input %d is left out", i);
	const struct value *trips = node_input(node, 0);
	if (trips && (trips->dtype != ERC_I64 || shape_elements(&trips->shape) != 1))
		return node_fail(node, ERCC_MODEL, "the number of iterations must be one i64, found %s%s",
		                 dtype_name(trips->dtype), shape_words(node, &trips->shape));
	return ERCC_OK;
}

/* Whether there is another iteration, if that is known. */
static enum ercc_status read_course(const struct node *node, const struct loop *loop, bool *more)
{
	const struct value *trips = node_input(node, 0);
	*more = !trips || loop->iteration < tensor_int(trips->constant, 0);
	if (*more && node_input(node, 1))
		TRY(condition(node, 1, more));
	return *more ? count_iterations(node, 1) : ERCC_OK;
}

static bool carries_lists(const struct node *node, const struct loop *loop)
{
	for (int i = 0; i < loop->states; i++)
		if (value_list(node->inputs[2 + i]))
			return true;
	return false;
}

/* Whether the loop is unrolled: its course is known, and there are not too many copies. */
static bool is_unrolled(struct node *node, const struct loop *loop)
{
	const struct value *trips = node_input(node, 0), *first = node_input(node, 1);
	const struct graph *body = node_attr(node, "body")->graph;
	bool *known = arena_array(&node->graph->ctx->arena, (size_t)loop->states, sizeof *known);
	if (trips && trips->constant && tensor_int(trips->constant, 0) <= loop->iteration)
		return true;
	if ((trips && !trips->constant) || (first && !first->constant))
		return false;
	if (carries_lists(node, loop) || node_attr(node, "bounds"))
		return !node_attr(node, "bounds");
	for (int i = 0; i < loop->states; i++)
		known[i] = node->inputs[2 + i]->constant;
	if (!condition_is_known(node, body, loop->states, known))
		return first && !tensor_int(first->constant, 0);
	int64_t left = trips ? tensor_int(trips->constant, 0) - loop->iteration : 0, copies;
	return loop->iteration || !trips || !condition_holds(body) || nodes_in(body) == 0 ||
	       (mul_fits(left, nodes_in(body), &copies) && copies <= UNROLLED_MOST);
}

/* What the first iterations have collected, if they are unrolled, is put before what the others collect. */
static void give_results(struct node *node, const struct loop *loop, struct value *const *results)
{
	struct value **pieces = arena_array(&node->graph->ctx->arena, (size_t)loop->iteration + 1, sizeof *pieces);
	for (int i = 0; i < node->output_count; i++) {
		struct value *all = results[i];
		if (i >= loop->states && loop->iteration) {
			collected_items(node->inputs[2 + i], pieces, (int)loop->iteration);
			pieces[loop->iteration] = all;
			all = emit_concat(node, 0, pieces, (int)loop->iteration + 1);
		}
		expand_to(node, i, all);
	}
}

/* The number of iterations that are left. */
static void count_trips(struct node *node, const struct loop *loop, struct course *course)
{
	struct value *trips = node_input(node, 0);
	course->most = iterations_allowed(node->graph);
	if (trips && trips->constant) {
		int64_t left = tensor_int(trips->constant, 0) - loop->iteration;
		bool is_exact = condition_holds(node_attr(node, "body")->graph) && left <= INT32_MAX;
		course->is_counted = is_exact || left <= course->most;
		course->most = left < 0 ? 0 : course->is_counted ? left : course->most;
	} else if (trips) {
		course->trips =
			EMIT(node, "Max(Sub(Reshape(a, {}), b), c)", trips, constant_number(node, ERC_I64, (double)loop->iteration),
		         constant_number(node, ERC_I64, 0));
	}
}

/* The loop becomes a region. */
static enum ercc_status expand_course(struct node *node, const struct loop *loop)
{
	struct arena *arena = &node->graph->ctx->arena;
	size_t inputs = (size_t)(2 + loop->states), outputs = (size_t)(1 + node->output_count);
	struct value **arguments = arena_array(arena, inputs, sizeof *arguments),
				 **results = arena_array(arena, outputs, sizeof *results);
	struct course course = {.init = node->inputs + 2,
	                        .first_state = 2,
	                        .state_count = loop->states,
	                        .collected = loop->scans,
	                        .condition = node_input(node, 1)};
	if (carries_lists(node, loop))
		return node_fail(node, ERCC_UNSUPPORTED,
		                 "it carries a sequence, and its course is known at run time only, which is not supported");
	count_trips(node, loop, &course);
	TRY(begin_loop(node, &course));
	arguments[0] = loop->iteration ? EMIT(node, "Add(a, b)", course.iteration,
	                                      constant_number(node, ERC_I64, (double)loop->iteration))
	                               : course.iteration;
	arguments[1] = EMIT(node, TEXT(node, "Cast[to=%d](a)", ERC_BOOL), course.carried);
	for (int i = 0; i < loop->states; i++)
		arguments[2 + i] = course.states[i];
	TRY(inline_body(node, "body", arguments, inputs, results, outputs));
	end_loop(node, &course, results + 1, results[0]);
	give_results(node, loop, course.results);
	return ERCC_OK;
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
	TRY(read_loop(node, &loop));
	if (!is_unrolled(node, &loop))
		return expand_course(node, &loop);
	TRY(read_course(node, &loop, &more));
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
	int sized; /* a scanned input whose length is known at run time only; -1: there is none */
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
		scan->sized = shape->sizes[axis] ? i : scan->sized;
	}
	if (scan->iterations < 1)
		return node_fail(node, ERCC_UNSUPPORTED, "its scanned inputs are empty, which is not supported");
	return scan->iterations <= INT32_MAX
	           ? ERCC_OK
	           : node_fail(node, ERCC_UNSUPPORTED, "%lld iterations", (long long)scan->iterations);
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

/* The loop becomes a region. Turn puts the axes of what is collected where they belong. */
static enum ercc_status expand_scan_course(struct node *node, const struct scan *scan)
{
	struct arena *arena = &node->graph->ctx->arena;
	size_t inputs = (size_t)node->input_count, outputs = (size_t)node->output_count;
	struct value **arguments = arena_array(arena, inputs, sizeof *arguments),
				 **results = arena_array(arena, outputs, sizeof *results);
	struct value *last = constant_number(node, ERC_I64, (double)scan->iterations - 1);
	struct course course = {.init = node->inputs,
	                        .state_count = scan->states,
	                        .collected = scan->outputs,
	                        .is_counted = true,
	                        .most = scan->iterations};
	if (scan->sized >= 0) {
		course.trips = dim_value(node, node->inputs[scan->states + scan->sized], (int)scan->input_axes[scan->sized]);
		last = EMIT(node, "Sub(a, b)", course.trips, constant_number(node, ERC_I64, 1));
	}
	TRY(begin_loop(node, &course));
	for (int i = 0; i < scan->states; i++)
		arguments[i] = course.states[i];
	for (int i = 0; i < scan->inputs; i++) {
		struct value *at = scan->backward[i] ? EMIT(node, "Sub(a, b)", last, course.iteration) : course.iteration;
		arguments[scan->states + i] = EMIT(node, TEXT(node, "Gather[axis=%lld](a, b)", (long long)scan->input_axes[i]),
		                                   node->inputs[scan->states + i], at);
	}
	TRY(inline_body(node, "body", arguments, inputs, results, outputs));
	end_loop(node, &course, results, NULL);
	for (int i = 0; i < node->output_count; i++)
		expand_to(node, i, course.results[i]);
	return ERCC_OK;
}

static enum ercc_status expand_scan(struct node *node)
{
	struct value **values = scan_values(node);
	struct scan scan = {.sized = -1};
	const struct attr *body = node_attr(node, "body");
	TRY(read_scan(node, &scan));
	int64_t nodes = body && body->kind == ATTR_GRAPH ? nodes_in(body->graph) : 0, copies;
	if (scan.sized >= 0 || node_attr(node, "bounds") || !mul_fits(scan.iterations, nodes, &copies) ||
	    copies > UNROLLED_MOST)
		return expand_scan_course(node, &scan);
	TRY(count_iterations(node, scan.iterations));
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

#define OWN(name, ...) \
	{ \
		name, 1, 0, VARIADIC, VARIADIC, TYPES_MOVED | TYPES_LIST, .domain = "erc", .sizes = true, __VA_ARGS__ \
	}

const struct op ops_control[] = {
	{"If", 1, 1, 1, VARIADIC, TYPES_MOVED, .expand = expand_if, .sizes = true,
     .attrs = "then_branch=graph else_branch=graph"},
	{"Loop", 1, 0, 254, VARIADIC, TYPES_MOVED | TYPES_LIST, .expand = expand_loop, .sizes = true,
     .attrs = "body=graph iteration=own scans=own"},
	{"SequenceMap", 17, 1, 32, VARIADIC, TYPES_MOVED | TYPES_LIST, .expand = expand_map, .attrs = "body=graph"},
	{"Scan", 8, 0, 254, VARIADIC, TYPES_MOVED, .expand = expand_batched_scan,
     .attrs = "body=graph directions=ints num_scan_inputs=int"},
	{"Scan", 9, 1, 254, VARIADIC, TYPES_MOVED, .expand = expand_scan, .sizes = true,
     .attrs = "body=graph num_scan_inputs=int scan_input_axes=ints scan_input_directions=ints scan_output_axes=ints "
              "scan_output_directions=ints"},
	OWN("Choose", .expand = expand_choose),
	OWN("Turn", .expand = expand_turn),
	OWN("Assign", .infer = infer_region_node, .lower = lower_assign, .is_pinned = true),
	OWN("Join", .infer = infer_region_node, .lower = lower_join, .is_pinned = true),
	OWN("Iteration", .infer = infer_region_node, .lower = lower_iteration, .is_pinned = true),
	OWN("Place", .infer = infer_region_node, .lower = lower_place, .is_pinned = true),
	OWN("Repeat", .infer = infer_region_node, .lower = lower_repeat, .is_pinned = true),
	{0},
};
