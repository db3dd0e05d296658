/* erc.Attention, the compiler's own attention operator: its shapes and its launches. */
#include "compiler/ops/attention_core.h"

#include <math.h>

#include "compiler/lower/lower_rows.h"

#define LOWEST -1e30f /* a score below this has no effect */

/* ---- shapes ---- */

/* Sets the last two dims of an input. Those of k are keys and size, whether or not it is stored transposed. */
static void matrix_of(const struct node *node, int slot, int64_t *rows, int64_t *columns)
{
	const struct shape *shape = &node->inputs[slot]->shape;
	bool swap = slot == 1 && node_attr_int(node, "transposed", 0);
	*rows = shape->dims[shape->rank - 2 + swap];
	*columns = shape->dims[shape->rank - 1 - swap];
}

/* Broadcasts the dims before the last two over all inputs. */
static enum ercc_status find_batch(const struct node *node, struct shape *batch)
{
	*batch = (struct shape){0};
	for (int i = 0; i < node->input_count; i++) {
		struct shape leading = node->inputs[i]->shape;
		leading.rank = leading.rank < 2 ? 0 : leading.rank - 2;
		TRY(broadcast_shapes(node, batch, &leading, batch));
	}
	return ERCC_OK;
}

enum ercc_status infer_attention_core(struct node *node)
{
	struct shape out;
	int64_t queries, keys, size, v_size, more_keys, k_size;
	bool masked = node_attr_int(node, "mask", ATTENTION_NO_MASK) != ATTENTION_NO_MASK;
	if (node->input_count != 3 + masked)
		return node_fail(node, ERCC_MODEL, "has %d inputs", node->input_count);
	for (int i = 0; i < 3; i++)
		if (node->inputs[i]->shape.rank < 2 || node->inputs[i]->dtype != ERC_F32)
			return node_fail(node, ERCC_MODEL, "input %d is no f32 matrix", i);
	matrix_of(node, 0, &queries, &size);
	matrix_of(node, 1, &keys, &k_size);
	matrix_of(node, 2, &more_keys, &v_size);
	if (size != k_size || keys != more_keys)
		return node_fail(node, ERCC_MODEL, "queries of %lld, keys %lld of %lld, %lld values", (long long)size,
		                 (long long)keys, (long long)k_size, (long long)more_keys);
	TRY(find_batch(node, &out));
	if (out.rank > 2)
		return node_fail(node, ERCC_MODEL, "has %d leading dims", out.rank);
	if (masked) {
		struct shape scores = out, both;
		scores.dims[scores.rank++] = queries;
		scores.dims[scores.rank++] = keys;
		TRY(broadcast_shapes(node, &scores, &node->inputs[3]->shape, &both));
		if (!shape_equal(&both, &scores))
			return node_fail(node, ERCC_MODEL, "a mask %s", shape_words(node, &node->inputs[3]->shape));
	}
	out.dims[out.rank++] = queries;
	out.dims[out.rank++] = v_size;
	return set_output(node, 0, ERC_F32, &out);
}

/* ---- the launch ---- */

/* Sets the strides of an operand whose last two dims are the dims `row` and `column` of the launch's space. */
static void set_strides(struct operand *operand, const struct shape *shape, int row, int column)
{
	int64_t stride = 1;
	for (int i = shape->rank - 1; i >= 0; i--) {
		int behind = shape->rank - 1 - i;
		int dim = behind == 0 ? column : behind == 1 ? row : behind == 2 ? ATTENTION_HEAD : ATTENTION_BATCH;
		operand->strides[dim] = shape->dims[i] == 1 ? 0 : stride;
		stride *= shape->dims[i];
	}
}

/* Whether the constant mask changes or replaces the score of element `at`. */
static bool is_hidden(const struct node *node, const struct tensor *mask, int64_t at)
{
	int64_t kind = node_attr_int(node, "mask", ATTENTION_NO_MASK);
	at = mask->splat ? 0 : at;
	return kind == ATTENTION_ADDED ? tensor_float(mask, at) != 0
	                               : (tensor_int(mask, at) != 0) == (kind == ATTENTION_HIDDEN);
}

/* Whether the mask is constant and hides exactly the keys after number i + *ahead from query i. Sets *ahead. The hidden
 * scores must be so low that their weights are 0. */
static bool is_causal(const struct node *node, const int64_t *dims, int64_t *ahead)
{
	const struct value *mask = node_input(node, 3);
	int64_t keys = dims[ATTENTION_KEY], count = dims[ATTENTION_QUERY] * keys;
	bool added = node_attr_int(node, "mask", ATTENTION_NO_MASK) == ATTENTION_ADDED;
	if (!mask || !mask->constant || shape_elements(&mask->shape) != count ||
	    mask->shape.dims[mask->shape.rank - 1] != keys || (!added && node_attr_float(node, "fill", 0) > LOWEST))
		return false;
	for (*ahead = -1; *ahead + 1 < keys && !is_hidden(node, mask->constant, *ahead + 1);)
		++*ahead;
	for (int64_t i = 0; i < count; i++) {
		bool hidden = is_hidden(node, mask->constant, i);
		if (hidden != (i % keys > i / keys + *ahead))
			return false;
		if (hidden && added && tensor_float(mask->constant, mask->constant->splat ? 0 : i) > LOWEST)
			return false;
	}
	return *ahead >= 0;
}

static struct launch *add_attention(struct lowering *lowering, const struct node *node, const struct shape *space)
{
	static const int rows[] = {ATTENTION_QUERY, ATTENTION_KEY, ATTENTION_KEY, ATTENTION_QUERY},
					 columns[] = {ATTENTION_SIZE, ATTENTION_SIZE, ATTENTION_V_SIZE, ATTENTION_KEY};
	const int64_t *dims = space->dims;
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &attention_template, node->name);
	int64_t ahead = 0;
	bool causal = is_causal(node, dims, &ahead);
	launch_set(launch, ATTENTION_AHEAD, ahead);
	launch->space = *space;
	for (int i = 0; i < (causal ? 3 : node->input_count); i++) {
		struct value *value = node->inputs[i];
		bool swap = i == 1 && node_attr_int(node, "transposed", 0);
		struct operand *operand = launch_operand(launch, lower_buffer(lowering, value), value->dtype, false);
		set_strides(operand, &value->shape, swap ? columns[i] : rows[i], swap ? rows[i] : columns[i]);
	}
	launch->input_count = launch->operand_count;
	launch->reduction_key = REDUCTION_ATTENTION;
	launch->flops =
		(uint64_t)(dims[ATTENTION_BATCH] * dims[ATTENTION_HEAD] * dims[ATTENTION_QUERY] * dims[ATTENTION_KEY]) * 2 *
		(uint64_t)(dims[ATTENTION_SIZE] + dims[ATTENTION_V_SIZE] + EXP_WORK);
	int kind = causal ? MASK_CAUSAL : (int)node_attr_int(node, "mask", ATTENTION_NO_MASK);
	launch_define(launch, "MASK", arena_printf(&lowering->ctx->arena, "%d", kind));
	launch_define_float(&lowering->ctx->arena, launch, "FILL", node_attr_float(node, "fill", 0));
	launch_define_float(&lowering->ctx->arena, launch, "SCALE", node_attr_float(node, "scale", 1));
	launch_define(launch, "ZERO_EMPTY", node_attr_int(node, "zero_empty", 0) ? "1" : "0");
	return launch;
}

/* Adds the launch that combines the partial results for the parts of the keys. They are in `parts`. */
static struct launch *add_sum(struct lowering *lowering, const struct node *node, const struct launch *attention,
                              struct buffer *parts)
{
	const int64_t *dims = attention->space.dims;
	struct launch *launch = plan_add_launch(lowering->plan, NULL, &attention_sum_template, node->name);
	launch->space = attention->space;
	launch_operand(launch, parts, ERC_F32, false);
	launch->input_count = 1;
	launch_set(launch, ROWS_TOTAL, dims[ATTENTION_BATCH] * dims[ATTENTION_HEAD] * dims[ATTENTION_QUERY]);
	launch_set(launch, ATTENTION_SUM_PARTS, attention->params[ATTENTION_PARTS]);
	launch_set(launch, ATTENTION_SUM_QUERIES, dims[ATTENTION_QUERY]);
	launch_set(launch, ATTENTION_SUM_HEADS, dims[ATTENTION_HEAD]);
	launch->flops = (uint64_t)parts->bytes / 2;
	launch->bytes = (uint64_t)parts->bytes;
	launch->reduction_key = REDUCTION_ATTENTION_SUM;
	launch_define(launch, "HEAD_V", arena_printf(&lowering->ctx->arena, "%lld", (long long)dims[ATTENTION_V_SIZE]));
	launch_define(launch, "ZERO_EMPTY", node_attr_int(node, "zero_empty", 0) ? "1" : "0");
	return launch;
}

/* Where there are more keys than one tile may walk, divides them into equal parts of whole blocks. A tile then walks
 * one part. Returns whether they are divided. With ranges, parts are as long as at the bounds. */
static bool divide_keys(struct lowering *lowering, const struct node *node, struct launch *launch)
{
	const int64_t *dims = launch->space.dims;
	const struct launch *of_bounds = lower_at_bounds(lowering, node, launch->template);
	int64_t keys = dims[ATTENTION_KEY], elements = keys * (dims[ATTENTION_SIZE] + dims[ATTENTION_V_SIZE]);
	int64_t each = keys;
	bool divided = of_bounds ? of_bounds->params[ATTENTION_PARTS] > 1 : elements > PART_ELEMENTS * 3 / 2;
	if (divided)
		each = of_bounds ? of_bounds->params[ATTENTION_PART_KEYS]
		                 : round_up(ceil_div(keys, ceil_div(elements, PART_ELEMENTS)), KEYS_PER_BLOCK);
	launch_set(launch, ATTENTION_PART_KEYS, each);
	launch_set(launch, ATTENTION_PARTS, divided ? graph_quotient(node->graph, keys, each) : 1);
	launch_define(launch, "SPLIT", divided ? "1" : "0");
	return divided;
}

enum ercc_status lower_attention_core(struct lowering *lowering, struct node *node)
{
	const struct shape *out = &node->outputs[0]->shape;
	int64_t dims[ATTENTION_RANK];
	matrix_of(node, 0, &dims[ATTENTION_QUERY], &dims[ATTENTION_SIZE]);
	matrix_of(node, 2, &dims[ATTENTION_KEY], &dims[ATTENTION_V_SIZE]);
	dims[ATTENTION_BATCH] = out->rank > 3 ? out->dims[0] : 1;
	dims[ATTENTION_HEAD] = out->rank > 2 ? out->dims[out->rank - 3] : 1;
	if (dims[ATTENTION_KEY] == 0) /* a softmax over no keys */
		return lower_fill(lowering, node, node->outputs[0], node_attr_int(node, "zero_empty", 0) ? 0 : NAN, 0);
	struct shape space = shape_of(ATTENTION_RANK, dims);
	struct launch *launch = add_attention(lowering, node, &space), *last = launch;
	if (divide_keys(lowering, node, launch)) {
		int64_t rows =
			dims[ATTENTION_BATCH] * dims[ATTENTION_HEAD] * launch->params[ATTENTION_PARTS] * dims[ATTENTION_QUERY];
		struct buffer *parts =
			plan_buffer(lowering->plan, BUFFER_ARENA, 4 * rows * (dims[ATTENTION_V_SIZE] + 2), node->name);
		launch_operand(launch, parts, ERC_F32, true);
		last = add_sum(lowering, node, launch, parts);
	}
	set_strides(launch_operand(last, lower_buffer(lowering, node->outputs[0]), ERC_F32, true), out, ATTENTION_QUERY,
	            ATTENTION_V_SIZE);
	launch->bytes = launch_traffic(launch);
	return ERCC_OK;
}
