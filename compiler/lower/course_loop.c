/* Loops whose course is known at run time only. Their bodies' nodes are put into a region first. Once the infer pass has been
 * there, a node behind it, Turn, knows what the body computes and adds the nodes that hand it on. Where a value that the
 * loop carries changes its shape, Turn begins it again with a wider one, whose size is known at run time only. */
#include "compiler/lower/course_shared.h"

/* The inputs of a Turn: those of the loop's node, then for each state and each collected value what the body computes, the
 * states as the body reads them, then three values: the body's condition (NULL: none), the condition as it is carried, and
 * the number of iterations; then checks that are only kept alive. */
struct turn {
	struct node *node;
	struct region *loop;
	int inputs, states, collected;
	struct value **init, **next, **items, **read;
	struct value *more, *carried, *iteration;
	struct value **checks;
	int check_count;
};

/* The shape that a state has in the loop: `bounds` are of its dims whose sizes change, else -1; NULL: none does. */
static struct value *begin_state(struct node *node, struct region *loop, struct value *init, const int64_t *bounds)
{
	struct region *around = loop->around;
	struct shape shape = init->shape, first = init->shape;
	for (int d = 0; d < shape.rank; d++) {
		if (!bounds || bounds[d] < 0)
			continue;
		shape.dims[d] = first.dims[d] = bounds[d];
		struct value *dim = insert_assign(node, around, dim_value(node, init, d), NULL, ERC_I64, &scalar);
		shape.sizes[d] = graph_add_size(node->graph, insert_join(node, loop, &dim, 1, 1, ERC_I64, &scalar), bounds[d]);
	}
	struct value *assigned = insert_assign(node, around, init, NULL, init->dtype, &first);
	return insert_join(node, loop, &assigned, 1, 1, init->dtype, &shape);
}

/* Of the new nodes before `node`, from `from` on, moves those in the loop behind the others. */
static void sort_regions(struct node *from, struct node *node, const struct region *loop)
{
	struct node *last = node->previous, *next;
	for (struct node *at = from; at; at = next) {
		next = at == last ? NULL : at->next;
		if (at->region == loop)
			node_move(at, node);
	}
}

enum ercc_status begin_loop(struct node *node, struct course *course)
{
	TRY(check_region_depth(node));
	struct graph *graph = node->graph;
	struct region *around = node->region, *loop = graph_add_region(graph, REGION_LOOP, around, node->name);
	const struct attr *bounds = node_attr(node, "bounds");
	struct node *last = node->previous;
	struct value *condition =
		course->condition ? emit_flag(node, course->condition) : constant_number(node, ERC_I64, 1);
	if (course->trips)
		loop->trips = graph_add_size(graph, course->trips, INT32_MAX);
	loop->most = course->most;
	int64_t expected = (int64_t)graph->ctx->options->expected_iterations;
	bool is_known = course->is_counted && !course->trips && !course->condition;
	loop->expected = !is_known && expected > 0 && expected < loop->most ? expected : loop->most;
	loop->is_counted = course->is_counted;
	course->states = arena_array(&graph->ctx->arena, (size_t)course->state_count, sizeof *course->states);
	for (int i = 0; i < course->state_count; i++)
		course->states[i] = begin_state(node, loop, course->init[i], bounds ? bounds->ints + i * MAX_RANK : NULL);
	struct value *assigned = insert_assign(node, around, condition, NULL, ERC_I64, &scalar);
	course->carried = insert_join(node, loop, &assigned, 1, 1, ERC_I64, &scalar);
	loop->condition = graph_add_size(graph, course->carried, 1);
	course->iteration = insert_iteration(node, loop);
	sort_regions(last ? last->next : graph->first, node, loop);
	course->loop = loop;
	enter_region(node, loop);
	return ERCC_OK;
}

void end_loop(struct node *node, struct course *course, struct value *const *results, struct value *more)
{
	struct arena *arena = &node->graph->ctx->arena;
	int inputs = node->input_count, states = course->state_count, count = 0;
	enter_region(node, course->loop->around);
	struct value **all = arena_array(arena, (size_t)(inputs + 2 * states + course->collected + 3), sizeof *all);
	for (int i = 0; i < inputs; i++)
		all[count++] = node->inputs[i];
	for (int i = 0; i < states + course->collected; i++)
		all[count++] = results[i];
	for (int i = 0; i < states; i++)
		all[count++] = course->states[i];
	all[count++] = more;
	all[count++] = course->carried;
	all[count++] = course->iteration;
	struct attr *attrs = arena_array(arena, (size_t)node->attr_count + 6, sizeof *attrs);
	int attr_count = 0;
	for (int i = 0; i < node->attr_count; i++)
		if (strcmp(node->attrs[i].name, "bounds") != 0)
			attrs[attr_count++] = node->attrs[i];
	attrs[attr_count++] = int_attr("region", course->loop->number);
	attrs[attr_count++] = int_attr("inputs", inputs);
	attrs[attr_count++] = int_attr("states", states);
	attrs[attr_count++] = int_attr("first_state", course->first_state);
	attrs[attr_count++] = (struct attr){.name = "loop", .kind = ATTR_STRING, .s = node->op_type};
	struct node *turn = add_course_node(node, "Turn", all, count, states + course->collected, attrs, attr_count);
	node_give_graph(node, "body"); /* it now belongs to `turn`, and so do its uses of values */
	course->results = turn->outputs;
}

static void read_turn(struct node *node, struct turn *turn)
{
	*turn = (struct turn){.node = node, .loop = region_of(node)};
	turn->inputs = (int)node_attr_int(node, "inputs", 0);
	turn->states = (int)node_attr_int(node, "states", 0);
	turn->collected = node->output_count - turn->states;
	turn->init = node->inputs + node_attr_int(node, "first_state", 0);
	turn->next = node->inputs + turn->inputs;
	turn->items = turn->next + turn->states;
	turn->read = turn->items + turn->collected;
	turn->more = turn->read[turn->states];
	turn->carried = turn->read[turn->states + 1];
	turn->iteration = turn->read[turn->states + 2];
	turn->checks = turn->read + turn->states + 3;
	turn->check_count = (int)(node->inputs + node->input_count - turn->checks);
}

static const struct node *loop_of(const struct turn *turn)
{
	return stands_for(turn->node, node_attr_text(turn->node, "loop", ""));
}

/* Fails the run unless the size is `dim`. */
static struct value *emit_check(struct node *node, struct value *size, int64_t dim)
{
	struct value *zero = constant_range(node, 0, 1, 1, &(struct shape){.rank = 1, .dims = {1}});
	return EMIT(node, "Gather[positions=1](a, Abs(Sub(b, c)))", zero, size,
	            constant_number(node, ERC_I64, (double)dim));
}

/* A value with the dims that the model declares for it, where they are known at run time only; *check is the last one. */
static struct value *emit_stated(struct node *node, struct value *value, const struct shape *stated,
                                 struct value **check)
{
	struct value *out = value;
	for (int d = 0; d < stated->rank; d++) {
		long long dim = stated->dims[d];
		if (!value->shape.sizes[d] || dim < 0 || dim > value->shape.dims[d])
			continue;
		struct value *exact = emit_check(node, dim_value(node, value, d), dim);
		*check = *check ? EMIT(node, "Add(a, b)", *check, exact) : exact;
		out = EMIT(node, TEXT(node, "Slice(erc.Bounded[axis=%d](a), {0}, {%lld}, {%d})", d, dim, d), out);
	}
	return out;
}

/* Where the body's results have sizes that are known at run time only, but the model declares them, the declared ones are
 * taken, and another Turn sees these. */
static bool take_stated(const struct turn *turn)
{
	struct node *node = turn->node;
	const struct attr *attr = node_attr(node, "body"); /* RNNs have none */
	const struct graph *body = attr ? attr->graph : NULL;
	int first = turn->more != NULL, results = turn->states + turn->collected, count = node->input_count;
	struct value **inputs = arena_array(&node->graph->ctx->arena, (size_t)(count + results), sizeof *inputs);
	memcpy(inputs, node->inputs, (size_t)count * sizeof *inputs);
	struct region *around = enter_region(node, turn->loop);
	for (int i = 0; i < results && body && body->output_types && !turn->check_count; i++) {
		struct value *value = turn->next[i], *check = NULL;
		const struct shape *stated = &body->output_types[first + i].shape;
		if (value_list(value) || stated->rank != value->shape.rank)
			continue;
		inputs[turn->inputs + i] = emit_stated(node, value, stated, &check);
		if (check)
			inputs[count++] = check;
	}
	enter_region(node, around);
	if (count == node->input_count)
		return false;
	struct node *again =
		add_course_node(node, "Turn", inputs, count, node->output_count, node->attrs, node->attr_count);
	node_give_graph(node, "body");
	for (int i = 0; i < node->output_count; i++)
		expand_to(node, i, again->outputs[i]);
	return true;
}

/* Begins the loop again. Nothing uses what was made so far. */
static enum ercc_status begin_again(struct turn *turn, const int64_t *bounds)
{
	struct node *node = turn->node;
	struct graph *graph = node->graph;
	struct attr *attrs = arena_array(&graph->ctx->arena, (size_t)node->attr_count + 1, sizeof *attrs);
	int count = 0;
	for (int i = 0; i < node->attr_count && strcmp(node->attrs[i].name, "region") != 0; i++)
		attrs[count++] = node->attrs[i];
	attrs[count++] =
		(struct attr){.name = "bounds", .kind = ATTR_INTS, .count = (int64_t)turn->states * MAX_RANK, .ints = bounds};
	struct value **outputs = arena_array(&graph->ctx->arena, (size_t)node->output_count, sizeof *outputs);
	for (int i = 0; i < node->output_count; i++) {
		outputs[i] = graph_value(graph, graph_unique_name(graph, node->name));
		expand_to(node, i, outputs[i]);
	}
	struct node *loop = graph_add_node(graph, node, node_attr_text(node, "loop", ""), node->name, node->inputs,
	                                   turn->inputs, outputs, node->output_count);
	loop->opset = node->opset;
	loop->op = op_find("", loop->op_type, loop->opset);
	node_set_attrs(loop, attrs, count);
	node_give_graph(node, "body");
	return ERCC_OK;
}

/* The maximum of a dim of a state that grows by as much in each iteration as in the first. */
static enum ercc_status widen(const struct turn *turn, int state, int d, int64_t *bound)
{
	const struct shape *read = &turn->read[state]->shape, *next = &turn->next[state]->shape;
	int64_t growth = next->dims[d] > read->dims[d] ? next->dims[d] - read->dims[d] : 0, all;
	*bound = turn->init[state]->shape.dims[d];
	if (mul_fits(growth, turn->loop->most, &all) && !__builtin_add_overflow(*bound, all, bound) &&
	    *bound <= MAX_ELEMENTS)
		return ERCC_OK;
	return node_fail(loop_of(turn), ERCC_UNSUPPORTED,
	                 "dim %d of state %d grows by %lld in each of at most %lld iterations, which is too much", d, state,
	                 (long long)growth, (long long)turn->loop->most);
}

/* Compares the states with what the body makes of them. *wider becomes the bounds of those that change their sizes, or
 * NULL if none does. */
static enum ercc_status compare_states(const struct turn *turn, int64_t **wider)
{
	const struct graph *graph = turn->node->graph;
	int64_t *bounds = arena_array(&graph->ctx->arena, (size_t)turn->states * MAX_RANK, sizeof *bounds);
	bool any = false;
	for (int i = 0; i < turn->states; i++) {
		const struct value *read = turn->read[i], *next = turn->next[i];
		if (value_list(next) || next->dtype != read->dtype || next->shape.rank != read->shape.rank)
			return node_fail(loop_of(turn), ERCC_UNSUPPORTED,
			                 "state %d is %s%s, and %s%s after an iteration; dtype and rank must be equal in a loop "
			                 "whose "
			                 "course is known at run time only",
			                 i, dtype_name(read->dtype), shape_words(turn->node, &read->shape), dtype_name(next->dtype),
			                 shape_words(turn->node, &next->shape));
		for (int d = 0; d < MAX_RANK; d++) {
			int64_t *bound = &bounds[i * MAX_RANK + d];
			bool in = d < read->shape.rank;
			bool is_carried = in && !is_size_outside(graph, turn->loop, read->shape.sizes[d]);
			*bound = is_carried ? read->shape.dims[d] : -1;
			if (!in || is_carried || same_dim(graph, &read->shape, &next->shape, d))
				continue;
			TRY(widen(turn, i, d, bound));
			any = true;
		}
	}
	*wider = any ? bounds : NULL;
	return ERCC_OK;
}

/* Values that the loop writes at the end of an iteration: all are copied first, then each to its place. A copy falls away
 * in fusion where the place is not read after the value is made. */
struct writes {
	struct value **values, **places, **written;
	int count;
};

static void add_write(struct writes *writes, struct value *value, struct value *place)
{
	writes->values[writes->count] = value;
	writes->places[writes->count++] = place;
}

static enum ercc_status list_sizes(const struct turn *turn, int state, struct writes *writes)
{
	struct node *node = turn->node;
	const struct value *read = turn->read[state], *next = turn->next[state];
	for (int d = 0; d < read->shape.rank; d++) {
		if (is_size_outside(node->graph, turn->loop, read->shape.sizes[d]))
			continue;
		struct value *size = dim_value(node, next, d);
		if (next->shape.dims[d] > read->shape.dims[d])
			size = emit_lengths(node, size, read->shape.dims[d]);
		add_write(writes, size, graph_size(node->graph, read->shape.sizes[d]));
	}
	return ERCC_OK;
}

static void write_all(const struct turn *turn, struct writes *writes)
{
	struct node *node = turn->node;
	for (int i = 0; i < writes->count; i++) {
		struct value *value = writes->values[i], *place = writes->places[i];
		struct shape shape = place->shape;
		if (i < turn->states)
			memcpy(shape.sizes, value->shape.sizes, sizeof shape.sizes);
		writes->written[i] = insert_assign(node, turn->loop, value, NULL, place->dtype, &shape);
	}
	for (int i = 0; i < writes->count; i++)
		writes->written[i] = insert_assign(node, turn->loop, writes->written[i], writes->places[i],
		                                   writes->places[i]->dtype, &writes->places[i]->shape);
}

/* What the loop collects: one array for each, along a new outermost dim. */
static enum ercc_status place_items(const struct turn *turn, struct value **places)
{
	const struct graph *graph = turn->node->graph;
	for (int i = 0; i < turn->collected; i++) {
		const struct value *item = turn->items[i];
		struct shape shape = {.rank = item->shape.rank + 1, .dims = {turn->loop->most}};
		if (value_list(item) || shape.rank > MAX_RANK)
			return node_fail(loop_of(turn), ERCC_UNSUPPORTED, "what it collects (%d) is %s%s, which is not supported",
			                 i, value_list(item) ? list_words(item) : dtype_name(item->dtype),
			                 value_list(item) ? "" : shape_words(turn->node, &item->shape));
		for (int d = 0; d < item->shape.rank; d++) {
			shape.dims[1 + d] = item->shape.dims[d];
			shape.sizes[1 + d] = item->shape.sizes[d];
			if (!is_size_outside(graph, turn->loop, item->shape.sizes[d]))
				return node_fail(loop_of(turn), ERCC_UNSUPPORTED,
				                 "what it collects (%d) is %s%s: dim %d may differ between iterations, which is not "
				                 "supported",
				                 i, dtype_name(item->dtype), shape_words(turn->node, &item->shape), d);
		}
		if (shape_elements(&shape) < 0)
			return node_fail(loop_of(turn), ERCC_UNSUPPORTED, "it collects up to %lld of %s, which is too much",
			                 (long long)turn->loop->most, shape_words(turn->node, &item->shape));
		places[i] = insert_place(turn->node, turn->loop, turn->items[i], turn->iteration, &shape);
	}
	return ERCC_OK;
}

/* The shape of a state after the loop: the sizes that it has carried are outputs of `repeat`. */
static void set_final_sizes(const struct turn *turn, const struct writes *writes, const struct node *repeat, int state)
{
	const struct graph *graph = turn->node->graph;
	struct value *out = repeat->outputs[state];
	for (int d = 0; d < out->shape.rank; d++) {
		if (is_size_outside(graph, turn->loop, out->shape.sizes[d]))
			continue;
		for (int i = turn->states; i < writes->count; i++)
			if (writes->places[i] == graph_size(graph, out->shape.sizes[d])) {
				out->shape.sizes[d] = graph_add_size(turn->node->graph, repeat->outputs[i], out->shape.dims[d]);
				break;
			}
	}
}

/* What a Scan has collected: from the last to the first, or along another axis than the first. */
static struct value *arrange(const struct turn *turn, int i, struct value *all)
{
	struct node *node = turn->node;
	const struct attr *axes = node_attr(node, "scan_output_axes"), *back = node_attr(node, "scan_output_directions");
	int rank = turn->items[i]->shape.rank + 1;
	int64_t axis = axes && axes->kind == ATTR_INTS && i < axes->count ? axes->ints[i] : 0;
	axis += axis < 0 ? rank : 0;
	if (back && back->kind == ATTR_INTS && i < back->count && back->ints[i])
		all = EMIT(node, TEXT(node, "Slice(a, {-1}, {%lld}, {0}, {-1})", (long long)INT64_MIN), all);
	if (axis <= 0 || axis >= rank)
		return all;
	struct text perm = {.arena = &node->graph->ctx->arena};
	for (int d = 0; d < rank; d++)
		text_printf(&perm, "%d:", d < axis ? d + 1 : d == axis ? 0 : d);
	return EMIT(node, TEXT(node, "Transpose[perm=%s](a)", perm.data), all);
}

static void finish_loop(const struct turn *turn, struct writes *writes, struct value **places)
{
	struct node *node = turn->node;
	struct region *loop = turn->loop;
	int count = writes->count + turn->collected + 1, uses = 0;
	struct value **inputs =
		arena_array(&node->graph->ctx->arena, (size_t)(count + 2 + turn->check_count), sizeof *inputs);
	for (int i = 0; i < writes->count; i++)
		inputs[i] = writes->written[i];
	for (int i = 0; i < turn->collected; i++)
		inputs[writes->count + i] = places[i];
	inputs[count - 1] = turn->iteration;
	if (loop->condition)
		inputs[count + uses++] = turn->carried;
	if (loop->trips)
		inputs[count + uses++] = graph_size(node->graph, loop->trips);
	for (int i = 0; i < turn->check_count; i++)
		inputs[count + uses++] = turn->checks[i];
	struct node *repeat = insert_repeat(node, inputs, count + uses, count);
	for (int i = 0; i < turn->states; i++) {
		set_final_sizes(turn, writes, repeat, i);
		expand_to(node, i, repeat->outputs[i]);
	}
	bool is_exact = !loop->condition && loop->is_counted && !loop->trips;
	for (int i = 0; i < turn->collected; i++) {
		struct value *all = repeat->outputs[writes->count + i];
		if (!is_exact)
			all->shape.sizes[0] = graph_add_size(node->graph, repeat->outputs[count - 1], loop->most);
		expand_to(node, turn->states + i, arrange(turn, i, all));
	}
}

enum ercc_status expand_turn(struct node *node)
{
	struct arena *arena = &node->graph->ctx->arena;
	struct turn turn;
	int64_t *wider = NULL;
	read_turn(node, &turn);
	if (take_stated(&turn))
		return ERCC_OK;
	TRY(compare_states(&turn, &wider));
	if (wider)
		return begin_again(&turn, wider);
	size_t most = (size_t)turn.states * (MAX_RANK + 1) + 1;
	struct writes writes = {.values = arena_array(arena, most, sizeof(struct value *)),
	                        .places = arena_array(arena, most, sizeof(struct value *)),
	                        .written = arena_array(arena, most, sizeof(struct value *))};
	struct value **places = arena_array(arena, (size_t)turn.collected, sizeof *places);
	struct region *around = enter_region(node, turn.loop);
	for (int i = 0; i < turn.states; i++)
		add_write(&writes, turn.next[i], turn.read[i]);
	for (int i = 0; i < turn.states; i++)
		TRY(list_sizes(&turn, i, &writes));
	const struct tensor *more = turn.more ? turn.more->constant : NULL;
	const struct node *carried = turn.carried->producer->inputs[0]->producer;
	if (turn.more)
		TRY(check_one_bool(loop_of(&turn), turn.more));
	if (turn.more && !(more && tensor_int(more, 0)))
		add_write(&writes, emit_flag(node, turn.more), turn.carried);
	else if (carried->inputs[0]->constant && tensor_int(carried->inputs[0]->constant, 0))
		turn.loop->condition = 0;
	TRY(place_items(&turn, places));
	write_all(&turn, &writes);
	enter_region(node, around);
	finish_loop(&turn, &writes, places);
	return ERCC_OK;
}
