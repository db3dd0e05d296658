/* Branches whose course is known at run time only, and what they share with loops. Their nodes are put into regions first.
 * Once the infer pass has been there, a node behind them, Choose, knows what they compute and adds the nodes that hand it
 * on. */
#include "compiler/lower/course_shared.h"

struct region *enter_region(struct node *node, struct region *region)
{
	struct region *left = node->region;
	node->region = region;
	return left;
}

struct node *add_course_node(struct node *before, const char *op_type, struct value *const *inputs, int input_count,
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

const struct node *stands_for(const struct node *node, const char *op_type)
{
	struct node *shown = arena_new(&node->graph->ctx->arena, struct node);
	*shown = *node;
	shown->op_type = op_type;
	shown->domain = "";
	return shown;
}

struct region *region_of(const struct node *node)
{
	return node->graph->regions[node_attr_int(node, "region", 0)];
}

enum ercc_status check_one_bool(const struct node *node, const struct value *value)
{
	return value->dtype == ERC_BOOL && shape_elements(&value->shape) == 1 && shape_run_time_dim(&value->shape) < 0
	           ? ERCC_OK
	           : node_fail(node, ERCC_MODEL, "the condition must be one bool, found %s%s", dtype_name(value->dtype),
	                       shape_words(node, &value->shape));
}

struct value *emit_flag(struct node *node, struct value *condition)
{
	return EMIT(node, TEXT(node, "Cast[to=%d](Reshape(a, {}))", ERC_I64), condition);
}

/* Artifacts have at most 16 plans in each other, the outermost among them. */
#define REGIONS_MOST 15

enum ercc_status check_region_depth(const struct node *node)
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
	TRY(check_region_depth(node));
	TRY(check_one_bool(node, node->inputs[0]));
	struct value *flag = emit_flag(node, node->inputs[0]);
	uint16_t size = graph_add_size(graph, flag, 1);
	struct region *around = node->region, *arms[2];
	for (int i = 0; i < 2; i++) {
		arms[i] = graph_add_region(graph, i ? REGION_ELSE : REGION_THEN, around, node->name);
		arms[i]->condition = size;
		enter_region(node, arms[i]);
		TRY(inline_body(node, i ? else_name : then_name, NULL, 0, results + i * count, (size_t)count));
		enter_region(node, around);
	}
	results[2 * count] = flag;
	struct attr attr = int_attr("region", arms[0]->number);
	struct node *choose = add_course_node(node, "Choose", results, 2 * count + 1, count, &attr, 1);
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

bool same_dim(const struct graph *graph, const struct shape *a, const struct shape *b, int d)
{
	if (!a->sizes[d] != !b->sizes[d])
		return false;
	return a->sizes[d] ? graph_size(graph, a->sizes[d]) == graph_size(graph, b->sizes[d]) : a->dims[d] == b->dims[d];
}

bool is_size_outside(const struct graph *graph, const struct region *region, uint16_t size)
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
			return node_fail(stands_for(node, "If"), ERCC_UNSUPPORTED,
			                 "output %d is %s, and the condition is known at run time only, which is not supported", i,
			                 list_words(value_list(values[0]) ? values[0] : values[1]));
		if (values[0]->dtype != values[1]->dtype || values[0]->shape.rank != values[1]->shape.rank)
			return node_fail(stands_for(node, "If"), ERCC_UNSUPPORTED,
			                 "output %d is %s%s in one branch and %s%s in the other; the condition is known at run "
			                 "time "
			                 "only, so dtype and rank must be equal",
			                 i, dtype_name(values[0]->dtype), shape_words(node, &values[0]->shape),
			                 dtype_name(values[1]->dtype), shape_words(node, &values[1]->shape));
		expand_to(node, i, choose_output(&arms, values));
	}
	return ERCC_OK;
}
