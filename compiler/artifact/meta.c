/* The META section: information on an artifact for people and tools. The runtime does not read it. */
#include <cjson/cJSON.h>

#include "compiler/artifact/writer.h"

static cJSON *tensors(struct value *const *values, const char *const *names, size_t count)
{
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; i < count; i++) {
		cJSON *tensor = cJSON_CreateObject(), *dims = cJSON_CreateArray();
		cJSON_AddStringToObject(tensor, "name", names ? names[i] : values[i]->name);
		cJSON_AddStringToObject(tensor, "dtype", dtype_name(values[i]->dtype));
		for (int d = 0; d < values[i]->shape.rank; d++)
			cJSON_AddItemToArray(dims, cJSON_CreateNumber((double)values[i]->shape.dims[d]));
		cJSON_AddItemToObject(tensor, "dims", dims);
		cJSON_AddItemToArray(list, tensor);
	}
	return list;
}

static uint64_t parameter_count(const struct graph *graph)
{
	uint64_t total = 0;
	struct map seen = {.arena = &graph->ctx->arena, .kind = MAP_POINTER};
	for (const struct node *node = graph->first; node; node = node->next)
		for (int i = 0; i < node->input_count; i++) {
			struct value *value = node->inputs[i];
			if (!value || !value->constant || dtype_is_integer(value->dtype) || map_get(&seen, value))
				continue;
			map_set(&seen, value, value);
			total += (uint64_t)shape_elements(&value->shape);
		}
	return total;
}

static void add_model(cJSON *root, const struct artifact *artifact)
{
	const struct graph *graph = artifact->plans->items[0]->graph;
	cJSON *producer = cJSON_AddObjectToObject(root, "producer"), *model;
	cJSON_AddStringToObject(producer, "name", "erc");
	cJSON_AddStringToObject(producer, "version", ercc_version());
	model = cJSON_AddObjectToObject(root, "model");
	cJSON_AddStringToObject(model, "file", artifact->model_file);
	cJSON_AddStringToObject(model, "sha256", artifact->model_sha256);
	bool newer_ir = graph->newer_ir_version != 0, newer_opset = graph->newer_opset != 0;
	cJSON_AddNumberToObject(model, "ir_version", (double)(newer_ir ? graph->newer_ir_version : graph->ir_version));
	cJSON_AddNumberToObject(model, "opset", (double)(newer_opset ? graph->newer_opset : graph->opset));
	if (newer_ir)
		cJSON_AddNumberToObject(model, "taken_ir_version", (double)graph->ir_version);
	if (newer_opset)
		cJSON_AddNumberToObject(model, "taken_opset", (double)graph->opset);
	if (graph->newer_function_opset)
		cJSON_AddNumberToObject(model, "newer_function_opset", (double)graph->newer_function_opset);
	cJSON_AddStringToObject(model, "producer", graph->producer ? graph->producer : "");
	cJSON_AddNumberToObject(model, "parameters", (double)parameter_count(graph));
	cJSON_AddItemToObject(root, "inputs", tensors(graph->inputs, NULL, graph->input_count));
	cJSON_AddItemToObject(root, "outputs", tensors(graph->outputs, graph->output_names, graph->output_count));
}

static void add_targets(cJSON *root, const struct artifact *artifact)
{
	cJSON *entries = cJSON_AddArrayToObject(root, "entries"), *target_list = cJSON_AddArrayToObject(root, "targets");
	cJSON *budgets = cJSON_AddArrayToObject(root, "budgets"), *toolchain = cJSON_AddArrayToObject(root, "toolchain");
	for (size_t i = 0; i < artifact->plans->count; i++)
		cJSON_AddItemToArray(entries, cJSON_CreateString(plan_entry_name(artifact->plans->items[i])));
	for (uint32_t i = 0; i < artifact->target_count; i++) {
		const struct target_plan *plan = &artifact->targets[i];
		cJSON *target = cJSON_CreateObject();
		cJSON_AddStringToObject(target, "name", plan->name);
		cJSON_AddNumberToObject(target, "kernels", plan->kernel_count);
		cJSON_AddItemToArray(target_list, target);
		if (plan->toolchain) {
			cJSON *tool = cJSON_CreateObject();
			cJSON_AddStringToObject(tool, "target", plan->name);
			cJSON_AddStringToObject(tool, "cc", plan->toolchain);
			cJSON_AddItemToArray(toolchain, tool);
		}
		for (uint32_t k = 0; k < plan->budget_count; k++) {
			cJSON *budget = cJSON_CreateObject();
			cJSON_AddStringToObject(budget, "target", plan->name);
			cJSON_AddStringToObject(budget, "name", plan->budgets[k].name);
			cJSON_AddNumberToObject(budget, "units", plan->budgets[k].units);
			cJSON_AddNumberToObject(budget, "share", plan->budgets[k].share_permille / 1000.0);
			cJSON_AddNumberToObject(budget, "local", (double)plan->budgets[k].local_bytes);
			cJSON_AddItemToArray(budgets, budget);
		}
	}
}

enum ercc_status artifact_meta(struct context *ctx, const struct artifact *artifact, struct text *out)
{
	cJSON *root = cJSON_CreateObject();
	cJSON_AddStringToObject(root, "schema", "erc.meta/1");
	add_model(root, artifact);
	add_targets(root, artifact);
	char *text = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	if (!text)
		return fail(ctx, ERCC_NOMEM, "no memory for the artifact's metadata");
	text_append(out, text, strlen(text));
	cJSON_free(text);
	return ERCC_OK;
}
