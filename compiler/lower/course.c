/* Branches and loops whose course is known at run time only. Their nodes are put into regions first. Once the infer pass has
 * been there, a node behind them knows what they compute and adds the nodes that hand it on: Choose behind the two parts of
 * a branch, Turn behind a loop's body. Where a value that a loop carries changes its shape, Turn starts again with a
 * wider one, whose size is known at run time only. */
#include "compiler/lower/regions.h"

static const struct shape scalar = {0};

/* The node's expansion goes on in another region. */
static struct region *enter(struct node *node, struct region *region)
{
	struct region *left = node->region;
	node->region = region;
	return left;
}

static struct attr int_attr(const char *name, int64_t i)
{
	return (struct attr){.name = name, .kind = ATTR_INT, .i = i};
}

static struct node *add_own(struct node *before, const char *op_type, struct value *const *inputs, int input_count,
                            int output_count, const struct attr *attrs, int attr_count)
{
	struct graph *graph = before->graph;
	struct value **outputs = arena_array(&graph->ctx->arena, (size_t)output_count, sizeof *outputs);
	for (int i = 0; i < output_count; i++)
		outputs[i] = graph_value(graph, graph_unique_name(graph, before->name));
	struct node *node =
		graph_add_node(graph, before, op_type, before->name, inputs, input_count, outputs, output_count);
	node_set_attrs(node, attrs, attr_count);
	node_set_row(node, "erc", 1);
	node->opset = before->opset;
	node->is_emitted = true;
	return node;
}

static struct region *region_of(const struct node *node)
{
	return node->graph->regions[node_attr_int(node, "region", 0)];
}

static enum ercc_status check_condition(const struct node *node, const struct value *value)
{
	return value->dtype == ERC_BOOL && shape_elements(&value->shape) == 1 && shape_run_time_dim(&value->shape) < 0
	           ? ERCC_OK
	           : node_fail(node, ERCC_MODEL, "the condition must be one bool, found %s%s", dtype_name(value->dtype),
	                       shape_words(node, &value->shape));
}

static struct value *emit_flag(struct node *node, struct value *condition)
{
	return EMIT(node, TEXT(node, "Cast[to=%d](Reshape(a, {}))", ERC_I64), condition);
}

/* Artifacts have at most 16 plans in each other, the outermost among them. */
#define REGIONS_MOST 15

static enum ercc_status check_depth(const struct node *node)
{
	int depth = 1;
	for (const struct region *region = node->region; region; region = region->around)
		depth++;
	return depth <= REGIONS_MOST ? ERCC_OK
	                             : node_fail(node, ERCC_UNSUPPORTED,
	                                         "%d branches and loops whose course is known at run time only are in each "
	                                         "other; at most %d are "
	                                         "supported",
	                                         depth, REGIONS_MOST);
}

/* ---- branches ---- */

enum ercc_status expand_branch(struct node *node, const char *then_name, const char *else_name)
{
	struct graph *graph = node->graph;
	int count = node->output_count;
	struct value **results = arena_array(&graph->ctx->arena, (size_t)(2 * count + 1), sizeof *results);
	TRY(check_depth(node));
	TRY(check_condition(node, node->inputs[0]));
	struct value *flag = emit_flag(node, node->inputs[0]);
	uint16_t size = graph_add_size(graph, flag, 1);
	struct region *around = node->region, *arms[2];
	for (int i = 0; i < 2; i++) {
		arms[i] = graph_add_region(graph, i ? REGION_ELSE : REGION_THEN, around, node->name);
		arms[i]->condition = size;
		enter(node, arms[i]);
		TRY(inline_body(node, i ? else_name : then_name, NULL, 0, results + i * count, (size_t)count));
		enter(node, around);
	}
	results[2 * count] = flag;
	struct attr attr = int_attr("region", arms[0]->number);
	struct node *choose = add_own(node, "Choose", results, 2 * count + 1, count, &attr, 1);
	for (int i = 0; i < count; i++)
		expand_to(node, i, choose->outputs[i]);
	return ERCC_OK;
}

/* The two parts of a branch, and where new nodes of each go. */
struct arms {
	struct node *node;
	struct region *regions[2];
	struct node *ends[2];
	struct value *flag;
};

static struct value *join_arms(const struct arms *arms, struct value *const *values, enum erc_dtype dtype,
                               const struct shape *shape)
{
	struct value *inputs[3] = {0};
	for (int i = 0; i < 2; i++) {
		struct shape own = *shape;
		memcpy(own.sizes, values[i]->shape.sizes, sizeof own.sizes);
		inputs[i] = insert_assign(arms->ends[i], arms->regions[i], values[i], NULL, dtype, &own);
	}
	inputs[2] = arms->flag;
	return insert_join(arms->node, arms->node->region, inputs, 3, 2, dtype, shape);
}

static bool same_dim(const struct graph *graph, const struct shape *a, const struct shape *b, int d)
{
	if (!a->sizes[d] != !b->sizes[d])
		return false;
	return a->sizes[d] ? graph_size(graph, a->sizes[d]) == graph_size(graph, b->sizes[d]) : a->dims[d] == b->dims[d];
}

/* Whether the size is known outside of the region. */
static bool is_size_outside(const struct graph *graph, const struct region *region, uint16_t size)
{
	const struct node *maker = size ? graph_size(graph, size)->producer : NULL;
	return !maker || region_reaches(maker->region, region->around);
}

static struct value *choose_output(const struct arms *arms, struct value *const *values)
{
	struct node *node = arms->node;
	struct graph *graph = node->graph;
	struct shape shape = values[0]->shape;
	for (int d = 0; d < shape.rank; d++) {
		const struct shape *a = &values[0]->shape, *b = &values[1]->shape;
		shape.dims[d] = a->dims[d] > b->dims[d] ? a->dims[d] : b->dims[d];
		if (same_dim(graph, a, b, d) && is_size_outside(graph, arms->regions[0], a->sizes[d]))
			continue;
		struct value *const dims[] = {dim_value(node, values[0], d), dim_value(node, values[1], d)};
		shape.sizes[d] = graph_add_size(graph, join_arms(arms, dims, ERC_I64, &scalar), shape.dims[d]);
	}
	return join_arms(arms, values, values[0]->dtype, &shape);
}

enum ercc_status expand_choose(struct node *node)
{
	struct region *first = region_of(node);
	int count = node->output_count;
	struct arms arms = {.node = node,
	                    .regions = {first, node->graph->regions[first->number + 1]},
	                    .ends = {node, node},
	                    .flag = node->inputs[2 * count]};
	while (arms.ends[0]->previous && region_reaches(arms.regions[1], arms.ends[0]->previous->region))
		arms.ends[0] = arms.ends[0]->previous;
	for (int i = 0; i < count; i++) {
		struct value *const values[] = {node->inputs[i], node->inputs[count + i]};
		if (!node->outputs[i] || !value_is_used(node->outputs[i]))
			continue;
		if (value_list(values[0]) || value_list(values[1]))
			return node_fail(node, ERCC_UNSUPPORTED,
			                 "output %d is %s, and the condition is known at run time only, which is not supported", i,
			                 list_words(value_list(values[0]) ? values[0] : values[1]));
		if (values[0]->dtype != values[1]->dtype || values[0]->shape.rank != values[1]->shape.rank)
			return node_fail(node, ERCC_UNSUPPORTED,
			                 "output %d is %s%s in one branch and %s%s in the other; the condition is known at run "
			                 "time "
			                 "only, so dtype and rank must be equal",
			                 i, dtype_name(values[0]->dtype), shape_words(node, &values[0]->shape),
			                 dtype_name(values[1]->dtype), shape_words(node, &values[1]->shape));
		expand_to(node, i, choose_output(&arms, values));
	}
	return ERCC_OK;
}

/* ---- loops ---- */

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
	TRY(check_depth(node));
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
	enter(node, loop);
	return ERCC_OK;
}

void end_loop(struct node *node, struct course *course, struct value *const *results, struct value *more)
{
	struct arena *arena = &node->graph->ctx->arena;
	int inputs = node->input_count, states = course->state_count, count = 0;
	enter(node, course->loop->around);
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
	struct node *turn = add_own(node, "Turn", all, count, states + course->collected, attrs, attr_count);
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
	const struct graph *body = node_attr(node, "body")->graph;
	int first = turn->more != NULL, results = turn->states + turn->collected, count = node->input_count;
	struct value **inputs = arena_array(&node->graph->ctx->arena, (size_t)(count + results), sizeof *inputs);
	memcpy(inputs, node->inputs, (size_t)count * sizeof *inputs);
	struct region *around = enter(node, turn->loop);
	for (int i = 0; i < results && body->output_types && !turn->check_count; i++) {
		struct value *value = turn->next[i], *check = NULL;
		const struct shape *stated = &body->output_types[first + i].shape;
		if (value_list(value) || stated->rank != value->shape.rank)
			continue;
		inputs[turn->inputs + i] = emit_stated(node, value, stated, &check);
		if (check)
			inputs[count++] = check;
	}
	enter(node, around);
	if (count == node->input_count)
		return false;
	struct node *again = add_own(node, "Turn", inputs, count, node->output_count, node->attrs, node->attr_count);
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
	return node_fail(turn->node, ERCC_UNSUPPORTED,
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
			return node_fail(turn->node, ERCC_UNSUPPORTED,
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
			return node_fail(turn->node, ERCC_UNSUPPORTED, "what it collects (%d) is %s%s, which is not supported", i,
			                 value_list(item) ? list_words(item) : dtype_name(item->dtype),
			                 value_list(item) ? "" : shape_words(turn->node, &item->shape));
		for (int d = 0; d < item->shape.rank; d++) {
			shape.dims[1 + d] = item->shape.dims[d];
			shape.sizes[1 + d] = item->shape.sizes[d];
			if (!is_size_outside(graph, turn->loop, item->shape.sizes[d]))
				return node_fail(turn->node, ERCC_UNSUPPORTED,
				                 "what it collects (%d) is %s%s: dim %d may differ between iterations, which is not "
				                 "supported",
				                 i, dtype_name(item->dtype), shape_words(turn->node, &item->shape), d);
		}
		if (shape_elements(&shape) < 0)
			return node_fail(turn->node, ERCC_UNSUPPORTED, "it collects up to %lld of %s, which is too much",
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
	struct region *around = enter(node, turn.loop);
	for (int i = 0; i < turn.states; i++)
		add_write(&writes, turn.next[i], turn.read[i]);
	for (int i = 0; i < turn.states; i++)
		TRY(list_sizes(&turn, i, &writes));
	const struct tensor *more = turn.more ? turn.more->constant : NULL;
	const struct node *carried = turn.carried->producer->inputs[0]->producer;
	if (turn.more)
		TRY(check_condition(node, turn.more));
	if (turn.more && !(more && tensor_int(more, 0)))
		add_write(&writes, emit_flag(node, turn.more), turn.carried);
	else if (carried->inputs[0]->constant && tensor_int(carried->inputs[0]->constant, 0))
		turn.loop->condition = 0;
	TRY(place_items(&turn, places));
	write_all(&turn, &writes);
	enter(node, around);
	finish_loop(&turn, &writes, places);
	return ERCC_OK;
}
