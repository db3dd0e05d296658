/* The nodes through which regions hand on what they compute; regions.h says what each one is. Dtypes and shapes are set
 * when they are made, because some are put where the infer pass has already been. */
#include "compiler/lower/regions.h"

#include "compiler/lower/lower_rows.h"

#define PLACE_CHUNK 16384 /* bytes that one row of a Place copies */

static struct node *add_own(struct node *before, struct region *region, const char *op_type,
                            struct value *const *inputs, int input_count, struct value *const *outputs,
                            int output_count)
{
	const char *name = region ? region->name : before->name;
	struct node *node =
		graph_add_node(before->graph, before, op_type, name, inputs, input_count, outputs, output_count);
	node->region = region;
	node->is_emitted = true;
	node_set_row(node, "erc", 1);
	return node;
}

static struct value *new_value(const struct node *before, enum erc_dtype dtype, const struct shape *shape)
{
	struct value *value = graph_value(before->graph, graph_unique_name(before->graph, before->name));
	value->dtype = dtype;
	value->shape = *shape;
	return value;
}

struct value *insert_assign(struct node *before, struct region *region, struct value *x, struct value *into,
                            enum erc_dtype dtype, const struct shape *shape)
{
	struct value *out = new_value(before, dtype, shape);
	add_own(before, region, "Assign", (struct value *const[]){x, into}, into ? 2 : 1, &out, 1);
	return out;
}

struct value *insert_join(struct node *before, struct region *region, struct value *const *inputs, int count,
                          int assigned, enum erc_dtype dtype, const struct shape *shape)
{
	struct value *out = new_value(before, dtype, shape);
	struct attr attr = {.name = "assigned", .kind = ATTR_INT, .i = assigned};
	struct node *join = add_own(before, region, "Join", inputs, count, &out, 1);
	node_set_attrs(join, &attr, 1);
	join->hands_on = true;
	return out;
}

struct value *insert_iteration(struct node *before, struct region *region)
{
	struct value *out = new_value(before, ERC_I64, &(struct shape){0});
	add_own(before, region, "Iteration", NULL, 0, &out, 1);
	region->iteration = graph_add_size(before->graph, out, region->most);
	return out;
}

struct value *insert_place(struct node *before, struct region *loop, struct value *x, struct value *iteration,
                           const struct shape *shape)
{
	struct value *out = new_value(before, x->dtype, shape);
	add_own(before, loop, "Place", (struct value *const[]){x, iteration}, 2, &out, 1);
	return out;
}

struct node *insert_repeat(struct node *before, struct value *const *inputs, int count, int outputs)
{
	struct value **out = arena_array(&before->graph->ctx->arena, (size_t)outputs, sizeof *out);
	for (int i = 0; i < outputs; i++)
		out[i] = new_value(before, inputs[i]->dtype, &inputs[i]->shape);
	struct node *repeat = add_own(before, before->region, "Repeat", inputs, count, out, outputs);
	repeat->hands_on = true;
	return repeat;
}

enum ercc_status infer_region_node(struct node *node)
{
	(void)node;
	return ERCC_OK;
}

/* Copies as much of the input as fits the output, whose dims have the same meaning. */
enum ercc_status lower_assign(struct lowering *lowering, struct node *node)
{
	struct value *x = node->inputs[0], *out = node->outputs[0], *into = node_input(node, 1);
	struct shape space = x->shape;
	int64_t from[MAX_RANK] = {0}, to[MAX_RANK] = {0};
	if (into)
		out->scratch = lower_buffer(lowering, into);
	for (int d = 0; d < space.rank; d++)
		if (space.dims[d] > out->shape.dims[d])
			space.dims[d] = out->shape.dims[d];
	broadcast_strides(&x->shape, &x->shape, from);
	broadcast_strides(&out->shape, &out->shape, to);
	if (shape_elements(&space) == 0)
		return ERCC_OK;
	return lower_copy(lowering, node, x, 0, from, out, 0, to, &space);
}

enum ercc_status lower_join(struct lowering *lowering, struct node *node)
{
	struct buffer *whole = lower_buffer(lowering, node->outputs[0]);
	int64_t assigned = node_attr_int(node, "assigned", 0);
	whole->is_shared = true;
	for (int64_t i = 0; i < assigned; i++) {
		struct buffer *part = node->inputs[i]->scratch;
		if (!part)
			continue;
		part->kind = whole->kind;
		part->io = whole->io;
		part->parent = whole;
	}
	return ERCC_OK;
}

/* The runtime counts; the value has its slot. */
enum ercc_status lower_iteration(struct lowering *lowering, struct node *node)
{
	(void)lowering, (void)node;
	return ERCC_OK;
}

enum ercc_status lower_place(struct lowering *lowering, struct node *node)
{
	const struct value *x = node->inputs[0];
	const struct region *loop = node->region;
	int64_t bytes = value_bytes(x);
	if (!bytes)
		return ERCC_OK;
	struct launch *launch = lower_rows(lowering, node, &place_template, ceil_div(bytes, PLACE_CHUNK));
	launch_set(launch, PLACE_BYTES, bytes);
	launch_set(launch, PLACE_CHUNK_BYTES, PLACE_CHUNK);
	launch_set(launch, PLACE_SLOT, graph_size_slot(lowering->graph, loop->iteration));
	launch_set(launch, PLACE_MOST, loop->most);
	launch->bytes = 2 * (uint64_t)bytes;
	launch->flops = (uint64_t)shape_elements(&x->shape);
	return ERCC_OK;
}

/* The loop works in the caller's memory if its result is an output. Returns false where that is impossible. */
static bool becomes_output(struct lowering *lowering, struct value *in, const struct value *out)
{
	struct buffer *bound = out->scratch;
	int64_t offset;
	if (!bound || bound->kind != BUFFER_OUTPUT)
		return false;
	struct buffer *root = buffer_root(lower_buffer(lowering, in), &offset);
	if (root->kind != BUFFER_ARENA || root->bytes != bound->bytes || offset)
		return false;
	root->parent = bound;
	bound->is_shared |= root->is_shared;
	return true;
}

enum ercc_status lower_repeat(struct lowering *lowering, struct node *node)
{
	for (int i = 0; i < node->output_count; i++) {
		struct value *in = node->inputs[i], *out = node->outputs[i];
		if (out && !becomes_output(lowering, in, out))
			TRY(lower_alias(lowering, node, out, in));
	}
	return ERCC_OK;
}
