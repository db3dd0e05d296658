/* A model's configuration: compared with the artifact, or completed from it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/triton/backend.h"

triton_error get_config(struct TRITONBACKEND_Model *of, cJSON **out)
{
	struct TRITONSERVER_Message *message;
	const char *text;
	size_t bytes;
	TRY(TRITONBACKEND_ModelConfig(of, 1, &message));
	triton_error error = TRITONSERVER_MessageSerializeToJson(message, &text, &bytes);
	*out = error ? NULL : cJSON_ParseWithLength(text, bytes);
	drop(TRITONSERVER_MessageDelete(message), "a configuration");
	return error || *out ? error : fail(TRITON_INTERNAL, "the model's configuration cannot be read");
}

void dims_text(const int64_t *dims, uint32_t rank, char *text, size_t bytes)
{
	size_t used = (size_t)snprintf(text, bytes, "[");
	for (uint32_t d = 0; d < rank && used < bytes; d++)
		used += (size_t)snprintf(text + used, bytes - used, "%s%lld", d ? "," : "", (long long)dims[d]);
	if (used < bytes)
		snprintf(text + used, bytes - used, "]");
}

/* What the configuration says of a dim of tensor i: -1 where entries differ, or it is a range, or may follow from one, or
 * depends on data, or is 0, which the server does not take. */
static int64_t config_dim(const struct model *model, uint32_t i, uint32_t d)
{
	const struct erc_tensor_info *tensor = tensor_of(model, 0, i);
	if (tensor->least_dims[d] != tensor->dims[d] || (model->has_ranges && i >= model->input_count))
		return -1;
	for (uint32_t entry = 1; entry < model->entry_count; entry++)
		if (tensor_of(model, entry, i)->dims[d] != tensor->dims[d])
			return -1;
	return tensor->runtime_dims || !tensor->dims[d] ? -1 : tensor->dims[d];
}

/* Each dim is one that an entry may have, or -1, which leaves it open. */
static bool lists_dims(const cJSON *dims, const struct model *model, uint32_t i)
{
	uint32_t rank = tensor_of(model, 0, i)->rank;
	if (!cJSON_IsArray(dims) || (uint32_t)cJSON_GetArraySize(dims) != rank)
		return false;
	for (uint32_t d = 0; d < rank; d++) {
		const cJSON *dim = cJSON_GetArrayItem(dims, (int)d);
		bool is_right = cJSON_IsNumber(dim) && dim->valuedouble == -1;
		for (uint32_t entry = 0; cJSON_IsNumber(dim) && entry < model->entry_count; entry++) {
			const struct erc_tensor_info *tensor = tensor_of(model, entry, i);
			bool is_open = model->has_ranges && i >= model->input_count;
			is_right |= dim->valuedouble >= (is_open ? 0 : (double)tensor->least_dims[d]) &&
			            dim->valuedouble <= (double)tensor->dims[d];
		}
		if (!is_right)
			return false;
	}
	return true;
}

static triton_error check_tensor(const struct model *model, const char *kind, uint32_t i, const cJSON *given)
{
	const struct erc_tensor_info *tensor = tensor_of(model, 0, i);
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(given, "data_type");
	const cJSON *dims = cJSON_GetObjectItemCaseSensitive(given, "dims");
	const char *wanted_type = type_name(type_of(tensor->dtype));
	char wanted[ERC_MAX_RANK * 24];
	int64_t artifact_dims[ERC_MAX_RANK];
	for (uint32_t d = 0; d < tensor->rank; d++)
		artifact_dims[d] = config_dim(model, i, d);
	dims_text(artifact_dims, tensor->rank, wanted, sizeof wanted);
	if (!cJSON_IsString(type) || strcmp(type->valuestring, wanted_type))
		return fail(TRITON_INVALID_ARG,
		            "model '%s': %s '%s' has data_type %s in the configuration and %s in the artifact", model->name,
		            kind, tensor->name, cJSON_IsString(type) ? type->valuestring : "none", wanted_type);
	if (lists_dims(dims, model, i))
		return NULL;
	char *found = cJSON_PrintUnformatted(dims);
	triton_error error =
		fail(TRITON_INVALID_ARG, "model '%s': %s '%s' has dims %.200s in the configuration and %s in the artifact",
	         model->name, kind, tensor->name, found ? found : "none", wanted);
	cJSON_free(found);
	return error;
}

/* Every tensor that the configuration lists is the artifact's; every input of the artifact is listed. The tensors are
 * `count` from `first` on. */
static triton_error check_list(const struct model *model, const char *kind, uint32_t first, uint32_t count,
                               const cJSON *list)
{
	const struct erc_tensor_info *tensors = tensor_of(model, 0, first);
	for (uint32_t i = 0; i < count; i++) {
		const cJSON *found = NULL, *row;
		cJSON_ArrayForEach(row, list)
		{
			const cJSON *name = cJSON_GetObjectItemCaseSensitive(row, "name");
			if (cJSON_IsString(name) && !strcmp(name->valuestring, tensors[i].name))
				found = row;
		}
		if (found)
			TRY(check_tensor(model, kind, first + i, found));
		else if (!strcmp(kind, "input") && !tensors[i].default_value)
			return fail(TRITON_INVALID_ARG, "model '%s': input '%s' of the artifact is not in the configuration",
			            model->name, tensors[i].name);
	}
	const cJSON *row;
	cJSON_ArrayForEach(row, list)
	{
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(row, "name");
		bool is_known = false;
		for (uint32_t i = 0; i < count && cJSON_IsString(name); i++)
			is_known |= !strcmp(name->valuestring, tensors[i].name);
		if (!is_known)
			return fail(TRITON_INVALID_ARG, "model '%s': the artifact has no %s '%s'", model->name, kind,
			            cJSON_IsString(name) ? name->valuestring : "");
	}
	return NULL;
}

static void add_list(cJSON *config, const char *kind, const struct model *model, uint32_t first, uint32_t count)
{
	const struct erc_tensor_info *tensors = tensor_of(model, 0, first);
	cJSON *list = cJSON_CreateArray();
	for (uint32_t i = 0; i < count; i++) {
		cJSON *row = cJSON_CreateObject(), *dims = cJSON_AddArrayToObject(row, "dims");
		cJSON_AddStringToObject(row, "name", tensors[i].name);
		cJSON_AddStringToObject(row, "data_type", type_name(type_of(tensors[i].dtype)));
		for (uint32_t d = 0; d < tensors[i].rank; d++)
			cJSON_AddItemToArray(dims, cJSON_CreateNumber((double)config_dim(model, first + i, d)));
		if (tensors[i].default_value)
			cJSON_AddBoolToObject(row, "optional", true);
		cJSON_AddItemToArray(list, row);
	}
	cJSON_DeleteItemFromObjectCaseSensitive(config, kind);
	cJSON_AddItemToObject(config, kind, list);
}

static triton_error set_config(struct TRITONBACKEND_Model *of, const cJSON *config)
{
	struct TRITONSERVER_Message *message;
	char *text = cJSON_PrintUnformatted(config);
	if (!text)
		return fail_memory();
	triton_error error = TRITONSERVER_MessageNewFromSerializedJson(&message, text, strlen(text));
	if (!error) {
		error = TRITONBACKEND_ModelSetConfig(of, 1, message);
		drop(TRITONSERVER_MessageDelete(message), "a configuration");
	}
	cJSON_free(text);
	return error;
}

triton_error complete_config(struct TRITONBACKEND_Model *of, const struct model *model, cJSON *config)
{
	static const char *const kinds[] = {"input", "output"};
	const uint32_t firsts[] = {0, model->input_count};
	const uint32_t counts[] = {model->input_count, model->output_count};
	const cJSON *batch = cJSON_GetObjectItemCaseSensitive(config, "max_batch_size");
	bool completes, changed = false;
	TRY(TRITONBACKEND_ModelAutoCompleteConfig(of, &completes));
	if (cJSON_IsNumber(batch) && batch->valuedouble > 0)
		return fail(TRITON_UNSUPPORTED,
		            "model '%s': max_batch_size is %.0f, but an artifact has fixed sizes: leave it out, and give "
		            "all dims with the batch",
		            model->name, batch->valuedouble);
	for (int k = 0; k < 2; k++) {
		const cJSON *list = cJSON_GetObjectItemCaseSensitive(config, kinds[k]);
		if (cJSON_GetArraySize(list)) {
			TRY(check_list(model, kinds[k], firsts[k], counts[k], list));
		} else if (completes) {
			add_list(config, kinds[k], model, firsts[k], counts[k]);
			changed = true;
		} else if (counts[k]) {
			return fail(TRITON_INVALID_ARG, "model '%s': the configuration has no %s", model->name, kinds[k]);
		}
	}
	return changed ? set_config(of, config) : NULL;
}
