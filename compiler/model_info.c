/* ercc_model_info: what a model file declares, in one block that outlives the arena. */
#include <stdlib.h>

#include "compiler/model_info.h"
#include "compiler/lower/op.h"
#include "compiler/passes/pass.h"

_Static_assert(VALUE_SEQUENCE == ERCC_SEQUENCE && VALUE_OPTIONAL == ERCC_OPTIONAL, "kinds are passed on");

/* The same code runs twice: first it counts the bytes, then it fills the block. */
struct block {
	char *base; /* NULL while bytes are counted */
	size_t used;
};

static void *take(struct block *block, size_t bytes)
{
	void *at = block->base ? block->base + block->used : NULL;
	block->used += (bytes + 15) & ~(size_t)15;
	return at;
}

static const char *take_text(struct block *block, const char *text)
{
	char *copy = text ? take(block, strlen(text) + 1) : NULL;
	return copy ? strcpy(copy, text) : NULL;
}

static struct ercc_value_info *take_values(struct block *block, struct value *const *values, const char *const *names,
                                           size_t count)
{
	struct ercc_value_info *infos = take(block, count * sizeof *infos);
	for (size_t i = 0; i < count; i++) {
		const struct shape *shape = &values[i]->shape;
		size_t rank = shape->rank > 0 ? (size_t)shape->rank : 0;
		const char *name = take_text(block, names ? names[i] : values[i]->name);
		int64_t *dims = take(block, rank * sizeof *dims);
		const char **dim_names = take(block, rank * sizeof *dim_names);
		for (size_t d = 0; d < rank; d++) {
			const char *text = take_text(block, values[i]->dim_names[d]);
			if (block->base) {
				dims[d] = shape->dims[d];
				dim_names[d] = text;
			}
		}
		if (block->base)
			infos[i] = (struct ercc_value_info){name, values[i]->dtype, shape->rank, dims, dim_names, values[i]->kind};
	}
	return infos;
}

struct tally {
	const char **names;
	uint32_t *uses;
	int *supported;
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct tally tally_operators(const struct graph *graph)
{
	struct arena *arena = &graph->ctx->arena;
	struct tally tally = {0};
	size_t n = 0;
	const char **all = arena_array(arena, (size_t)graph->node_count + 1, sizeof *all);
	for (const struct node *node = graph->first; node; node = node->next)
		all[n++] = *node->domain ? arena_printf(arena, "%s.%s", node->domain, node->op_type) : node->op_type;
	qsort(all, n, sizeof *all, by_name);
	tally.names = arena_array(arena, n + 1, sizeof *tally.names);
	tally.uses = arena_array(arena, n + 1, sizeof *tally.uses);
	tally.supported = arena_array(arena, n + 1, sizeof *tally.supported);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(all[i], all[i - 1]))
			tally.names[tally.count++] = all[i];
		tally.uses[tally.count - 1]++;
	}
	for (const struct node *node = graph->first; node; node = node->next)
		for (size_t i = 0; i < tally.count; i++)
			if (!strcmp(tally.names[i], node->op_type))
				tally.supported[i] = op_find(node->domain, node->op_type, node->opset) != NULL;
	return tally;
}

static uint64_t count_parameters(const struct graph *graph)
{
	struct map seen = {.arena = &graph->ctx->arena, .kind = MAP_POINTER};
	uint64_t total = 0;
	for (const struct node *node = graph->first; node; node = node->next)
		for (int i = 0; i < node->input_count; i++) {
			struct value *value = node->inputs[i];
			if (value && value->constant && !map_get(&seen, value) && dtype_is_float(value->constant->dtype)) {
				map_set(&seen, value, value);
				total += (uint64_t)shape_elements(&value->constant->shape);
			}
		}
	return total;
}

/* The outputs with the types that the file declares, because no types were inferred yet. */
static struct value *const *stated_outputs(const struct graph *graph)
{
	struct arena *arena = &graph->ctx->arena;
	struct value **values = arena_array(arena, graph->output_count + 1, sizeof *values);
	for (size_t i = 0; i < graph->output_count; i++) {
		values[i] = arena_new(arena, struct value);
		*values[i] = *graph->outputs[i];
		if (!graph->output_types || graph->output_types[i].dtype == ERC_DTYPE_NONE)
			continue;
		values[i]->dtype = graph->output_types[i].dtype;
		values[i]->shape = graph->output_types[i].shape;
		values[i]->kind = graph->output_types[i].kind;
		memcpy(values[i]->dim_names, graph->output_types[i].dim_names, sizeof values[i]->dim_names);
	}
	return values;
}

static struct ercc_model_info *fill(struct block *block, const struct graph *graph, const struct tally *tally,
                                    uint64_t parameters)
{
	struct ercc_model_info *info = take(block, sizeof *info), local;
	local =
		(struct ercc_model_info){.ir_version = graph->newer_ir_version ? graph->newer_ir_version : graph->ir_version,
	                             .opset = graph->newer_opset ? graph->newer_opset : graph->opset,
	                             .taken_ir_version = graph->ir_version,
	                             .taken_opset = graph->opset,
	                             .producer = take_text(block, graph->producer ? graph->producer : ""),
	                             .parameter_count = parameters,
	                             .node_count = (uint32_t)graph->node_count,
	                             .input_count = (uint32_t)graph->input_count,
	                             .output_count = (uint32_t)graph->output_count,
	                             .operator_count = (uint32_t)tally->count};
	local.proposed_dims = take_text(block, dims_proposal_text(graph->ctx, graph));
	local.inputs = take_values(block, graph->inputs, NULL, graph->input_count);
	local.outputs = take_values(block, stated_outputs(graph), graph->output_names, graph->output_count);
	const char **names = take(block, tally->count * sizeof *names);
	uint32_t *uses = take(block, tally->count * sizeof *uses);
	int *supported = take(block, tally->count * sizeof *supported);
	for (size_t i = 0; i < tally->count; i++) {
		const char *name = take_text(block, tally->names[i]);
		if (block->base) {
			names[i] = name;
			uses[i] = tally->uses[i];
			supported[i] = tally->supported[i];
		}
	}
	local.operators = names;
	local.operator_uses = uses;
	local.operator_supported = supported;
	if (info)
		*info = local;
	return info;
}

enum ercc_status model_info(const struct graph *graph, struct ercc_model_info **out)
{
	struct tally tally = tally_operators(graph);
	uint64_t parameters = count_parameters(graph);
	struct block block = {0};
	fill(&block, graph, &tally, parameters);
	block.base = calloc(1, block.used);
	if (!block.base)
		return fail(graph->ctx, ERCC_NOMEM, "no memory for the model's description");
	block.used = 0;
	*out = fill(&block, graph, &tally, parameters);
	return ERCC_OK;
}
