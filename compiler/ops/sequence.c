/* Sequences and optionals whose lengths are known at compile time: lists of tensors, in the compiler alone. Each is
 * made by a node, erc.List or erc.Nothing. The operators pick tensors from lists or make other lists. After all types
 * are inferred, no list is left. */
#include "compiler/lower/regions.h"

const struct node *value_list(const struct value *value)
{
	const struct node *node = value->producer;
	return node && node->op && node->op->makes_list ? node : NULL;
}

bool is_nothing(const struct value *value)
{
	const struct node *list = value_list(value);
	return list && list->op->input_max == 0;
}

const char *list_words(const struct value *value)
{
	return is_nothing(value) ? "an empty optional" : "a sequence";
}

/* `out` is new, or no longer an output of the node that made it. */
static void add_maker(struct graph *graph, struct node *before, const char *op_type, const char *name,
                      struct value *const *items, int count, struct value *out)
{
	out->producer = NULL;
	struct node *node = graph_add_node(graph, before, op_type, name, items, count, &out, 1);
	node_set_row(node, "erc", 1);
}

struct value *insert_list(struct graph *graph, struct node *before, const char *name, struct value *const *items,
                          int count)
{
	struct value *out = graph_value(graph, graph_unique_name(graph, name));
	add_maker(graph, before, "List", name, items, count, out);
	return out;
}

struct value *insert_nothing(struct graph *graph, struct node *before, const char *name)
{
	struct value *out = graph_value(graph, graph_unique_name(graph, name));
	add_maker(graph, before, "Nothing", name, NULL, 0, out);
	return out;
}

enum ercc_status expand_to_list(struct node *node, int slot, struct value *const *items, int count)
{
	struct value *out = node_output(node, slot);
	for (int i = 1; i < count; i++)
		if (items[i]->dtype != items[0]->dtype)
			return node_fail(node, ERCC_MODEL, "tensors of a sequence have one dtype; found %s and %s",
			                 dtype_name(items[0]->dtype), dtype_name(items[i]->dtype));
	if (!out)
		return ERCC_OK;
	if (count > MAX_LENGTH)
		return node_fail(node, ERCC_UNSUPPORTED, "a sequence of more than %d tensors", MAX_LENGTH);
	TRY(count_copied(node, count / 64)); /* 64 references take as much memory as a node */
	node->outputs[slot] = NULL;
	add_maker(node->graph, node, "List", node->name, items, count, out);
	return ERCC_OK;
}

struct value *collect(struct node *node, struct value *collected, struct value *item)
{
	struct value *inputs[] = {item, collected},
				 *out = graph_value(node->graph, graph_unique_name(node->graph, node->name));
	add_maker(node->graph, node, "Collect", node->name, inputs, collected ? 2 : 1, out);
	return out;
}

void collected_items(const struct value *collected, struct value **items, int count)
{
	while (count--) {
		items[count] = collected->producer->inputs[0];
		collected = node_input(collected->producer, 1);
	}
}

/* Lists have no dtype and no shape. */
static enum ercc_status infer_list(struct node *node)
{
	(void)node;
	return ERCC_OK;
}

/* ---- reading ---- */

static enum ercc_status sequence_input(const struct node *node, const struct node **out)
{
	const struct value *in = node->inputs[0];
	if (is_nothing(in) || !value_list(in))
		return node_fail(node, ERCC_MODEL, "input '%s' must be a sequence, found %s", in->name,
		                 is_nothing(in) ? list_words(in)
		                                : TEXT(node, "%s%s", dtype_name(in->dtype), shape_words(node, &in->shape)));
	*out = value_list(in);
	return ERCC_OK;
}

static enum ercc_status tensor_input(const struct node *node, int slot)
{
	const struct value *in = node->inputs[slot];
	return !value_list(in)
	           ? ERCC_OK
	           : node_fail(node, ERCC_MODEL, "input '%s' must be a tensor, found %s", in->name, list_words(in));
}

/* The position that input `slot` gives, which may count from the end; `otherwise` if it is left out. It must be less
 * than `limit`. */
static enum ercc_status read_position(const struct node *node, int slot, int length, int limit, int otherwise, int *out)
{
	const struct tensor *tensor;
	*out = otherwise;
	if (!node_input(node, slot))
		return ERCC_OK;
	TRY(constant_input(node, slot, "the position", &tensor));
	if ((tensor->dtype != ERC_I32 && tensor->dtype != ERC_I64) || shape_elements(&tensor->shape) != 1)
		return node_fail(node, ERCC_MODEL, "the position must be one i32 or i64, found %s%s", dtype_name(tensor->dtype),
		                 shape_words(node, &tensor->shape));
	int64_t at = tensor_int(tensor, 0), from_start = at < 0 ? at + length : at;
	if (from_start < 0 || from_start >= limit)
		return node_fail(node, ERCC_MODEL, "position %lld is outside a sequence of %d", (long long)at, length);
	*out = (int)from_start;
	return ERCC_OK;
}

/* ---- sequences ---- */

static enum ercc_status expand_construct(struct node *node)
{
	for (int i = 0; i < node->input_count; i++)
		TRY(tensor_input(node, i));
	return expand_to_list(node, 0, node->inputs, node->input_count);
}

static enum ercc_status expand_insert(struct node *node)
{
	const struct node *list;
	int at;
	TRY(sequence_input(node, &list));
	TRY(tensor_input(node, 1));
	int count = list->input_count;
	TRY(read_position(node, 2, count, count + 1, count, &at));
	struct value **items = arena_array(&node->graph->ctx->arena, (size_t)count + 1, sizeof *items);
	for (int i = 0; i <= count; i++)
		items[i] = i == at ? node->inputs[1] : list->inputs[i - (i > at)];
	return expand_to_list(node, 0, items, count + 1);
}

static enum ercc_status expand_erase(struct node *node)
{
	const struct node *list;
	int at;
	TRY(sequence_input(node, &list));
	int count = list->input_count;
	TRY(read_position(node, 1, count, count, count - 1, &at));
	if (!count)
		return node_fail(node, ERCC_MODEL, "the sequence is empty");
	struct value **items = arena_array(&node->graph->ctx->arena, (size_t)count, sizeof *items);
	for (int i = 0; i < count - 1; i++)
		items[i] = list->inputs[i + (i >= at)];
	return expand_to_list(node, 0, items, count - 1);
}

static enum ercc_status expand_at(struct node *node)
{
	const struct node *list;
	int at;
	TRY(sequence_input(node, &list));
	TRY(read_position(node, 1, list->input_count, list->input_count, 0, &at));
	expand_to(node, 0, list->inputs[at]);
	return ERCC_OK;
}

static enum ercc_status expand_length(struct node *node)
{
	const struct node *list;
	TRY(sequence_input(node, &list));
	expand_to(node, 0, constant_number(node, ERC_I64, list->input_count));
	return ERCC_OK;
}

static enum ercc_status expand_concat_sequence(struct node *node)
{
	const struct node *list;
	int64_t stacks = node_attr_int(node, "new_axis", 0);
	int axis;
	TRY(sequence_input(node, &list));
	int count = list->input_count;
	if (!count)
		return node_fail(node, ERCC_MODEL, "the sequence is empty");
	if (stacks != 0 && stacks != 1)
		return node_fail(node, ERCC_MODEL, "new_axis is %lld, expected 0 or 1", (long long)stacks);
	TRY(check_axis(node, node_attr_int(node, "axis", 0), list->inputs[0]->shape.rank + (stacks ? 1 : 0), &axis));
	struct value **parts = arena_array(&node->graph->ctx->arena, (size_t)count, sizeof *parts);
	for (int i = 0; i < count; i++)
		parts[i] = stacks ? EMIT(node, TEXT(node, "Unsqueeze(a, {%d})", axis), list->inputs[i]) : list->inputs[i];
	expand_to(node, 0, emit_concat(node, axis, parts, count));
	return ERCC_OK;
}

/* ---- SplitToSequence ---- */

/* The lengths of the parts along the axis. *count is at most `limit`. */
static enum ercc_status read_split(const struct node *node, int64_t size, int64_t *lengths, int64_t limit,
                                   int64_t *count)
{
	const struct tensor *split = NULL;
	if (node_input(node, 1))
		TRY(constant_input(node, 1, "split", &split));
	if (split && (split->shape.rank > 1 || (split->dtype != ERC_I32 && split->dtype != ERC_I64)))
		return node_fail(node, ERCC_MODEL, "split must be a number or a list of i32 or i64, found %s%s",
		                 dtype_name(split->dtype), shape_words(node, &split->shape));
	bool is_list = split && split->shape.rank == 1;
	int64_t each = !split ? 1 : is_list ? 0 : tensor_int(split, 0), sum = 0;
	if (!is_list && each < 1)
		return node_fail(node, ERCC_MODEL, "split is %lld", (long long)each);
	*count = is_list ? split->shape.dims[0] : size ? (size - 1) / each + 1 : 0;
	if (*count > limit)
		return node_fail(node, ERCC_UNSUPPORTED, "more than %lld parts", (long long)limit);
	for (int64_t i = 0; i < *count; i++) {
		lengths[i] = is_list ? tensor_int(split, i) : each < size - sum ? each : size - sum;
		if (lengths[i] < 0 || lengths[i] > size - sum)
			return node_fail(node, ERCC_MODEL, "the parts do not fit a dimension of %lld", (long long)size);
		sum += lengths[i];
	}
	return sum == size ? ERCC_OK
	                   : node_fail(node, ERCC_MODEL, "the parts' lengths add up to %lld, not %lld", (long long)sum,
	                               (long long)size);
}

static enum ercc_status expand_split_to_sequence(struct node *node)
{
	struct arena *arena = &node->graph->ctx->arena;
	int64_t *lengths = arena_array(arena, MAX_LENGTH, sizeof *lengths), count = 0, at = 0;
	int axis;
	TRY(tensor_input(node, 0));
	const struct shape *shape = &node->inputs[0]->shape;
	TRY(check_axis(node, node_attr_int(node, "axis", 0), shape->rank, &axis));
	if (shape->sizes[axis])
		return node_fail(node, ERCC_UNSUPPORTED, "dim %d of %s is known at run time only", axis,
		                 shape_words(node, shape));
	TRY(read_split(node, shape->dims[axis], lengths, MAX_LENGTH, &count));
	bool drops = !node_attr_int(node, "keepdims", 1) && !node_input(node, 1);
	struct value **parts = arena_array(arena, (size_t)count + 1, sizeof *parts);
	for (int64_t i = 0; i < count; at += lengths[i++]) {
		long long from = at, to = at + lengths[i];
		parts[i] = EMIT(node, TEXT(node, "Slice(a, {%lld}, {%lld}, {%d})", from, to, axis), node->inputs[0]);
		if (drops)
			parts[i] = EMIT(node, TEXT(node, "Squeeze(a, {%d})", axis), parts[i]);
	}
	return expand_to_list(node, 0, parts, (int)count);
}

/* ---- optionals ---- */

/* An optional that holds something is the same as what it holds. */
static enum ercc_status expand_optional(struct node *node)
{
	struct value *in = node_input(node, 0), *out = node->outputs[0];
	if (in) {
		expand_to(node, 0, in);
	} else {
		node->outputs[0] = NULL;
		add_maker(node->graph, node, "Nothing", node->name, NULL, 0, out);
	}
	return ERCC_OK;
}

static enum ercc_status expand_has_element(struct node *node)
{
	const struct value *in = node_input(node, 0);
	expand_to(node, 0, constant_number(node, ERC_BOOL, in && !is_nothing(in)));
	return ERCC_OK;
}

static enum ercc_status expand_get_element(struct node *node)
{
	if (is_nothing(node->inputs[0]))
		return node_fail(node, ERCC_MODEL, "input '%s' is an empty optional", node->inputs[0]->name);
	expand_to(node, 0, node->inputs[0]);
	return ERCC_OK;
}

#define TYPES_ANY (TYPES_MOVED | TYPES_LIST)
#define SEQUENCE(name, since, inputs_min, inputs_max, ...) \
	{ \
		name, since, inputs_min, inputs_max, 1, __VA_ARGS__, .sizes = true \
	}

const struct op ops_sequence[] = {
	SEQUENCE("SequenceEmpty", 11, 0, 0, TYPES_ANY, .expand = expand_construct, .attrs = "dtype=any"),
	SEQUENCE("SequenceConstruct", 11, 1, VARIADIC, TYPES_MOVED, .expand = expand_construct),
	SEQUENCE("SequenceInsert", 11, 2, 3, TYPES_ANY, .expand = expand_insert),
	SEQUENCE("SequenceErase", 11, 1, 2, TYPES_ANY, .expand = expand_erase),
	SEQUENCE("SequenceAt", 11, 2, 2, TYPES_ANY, .expand = expand_at),
	SEQUENCE("SequenceLength", 11, 1, 1, TYPES_ANY, .expand = expand_length),
	SEQUENCE("ConcatFromSequence", 11, 1, 1, TYPES_ANY, .expand = expand_concat_sequence,
             .attrs = "axis=int new_axis=int"),
	SEQUENCE("SplitToSequence", 11, 1, 2, TYPES_MOVED, .expand = expand_split_to_sequence,
             .attrs = "axis=int keepdims=int"),
	SEQUENCE("Optional", 15, 0, 1, TYPES_ANY, .expand = expand_optional, .attrs = "type=any"),
	SEQUENCE("OptionalHasElement", 15, 0, 1, TYPES_ANY, .expand = expand_has_element),
	SEQUENCE("OptionalGetElement", 15, 1, 1, TYPES_ANY, .expand = expand_get_element),
	SEQUENCE("List", 1, 0, VARIADIC, TYPES_MOVED, .infer = infer_list, .domain = "erc", .makes_list = true),
	/* what a loop has collected so far: a tensor, and those before it */
	SEQUENCE("Collect", 1, 1, 2, TYPES_ANY, .infer = infer_list, .domain = "erc", .makes_list = true),
	SEQUENCE("Nothing", 1, 0, 0, TYPES_MOVED, .infer = infer_list, .domain = "erc", .makes_list = true),
	{0},
};
