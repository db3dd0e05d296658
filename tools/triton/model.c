/* Models: an artifact of the server's repository becomes a model and a session of the runtime. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/triton/backend.h"

static triton_error open_artifact(struct model *model, struct TRITONBACKEND_Model *of,
                                  const struct model_settings *settings)
{
	struct erc_model_options options = {.size = sizeof options,
	                                    .target = settings->target,
	                                    .verify_weights = settings->verify_weights};
	const char *folder;
	char path[4096];
	int kind;
	TRY(TRITONBACKEND_ModelRepository(of, &kind, &folder));
	size_t length =
		(size_t)snprintf(path, sizeof path, "%s/%llu/%s", folder, (unsigned long long)model->version, settings->file);
	if (length >= sizeof path)
		return fail(TRITON_INVALID_ARG, "model '%s': the path of its artifact is too long", model->name);
	enum erc_status status = erc_model_load(model->backend->runtime, path, &options, &model->model);
	if (!status)
		status = erc_session_create(model->model, &settings->options, &model->session);
	return status ? fail_with(status, "model '%s'", model->name) : NULL;
}

const struct erc_tensor_info *tensor_of(const struct model *model, uint32_t entry, uint32_t i)
{
	return &model->tensors[(size_t)entry * (model->input_count + model->output_count) + i];
}

static triton_error check_tensor(const struct model *model, uint32_t i)
{
	const struct erc_tensor_info *tensor = tensor_of(model, 0, i);
	const char *kind = i < model->input_count ? "input" : "output";
	if (type_of(tensor->dtype) == TRITON_TYPE_INVALID)
		return fail(TRITON_UNSUPPORTED, "model '%s': %s '%s' has elements of type %s, which the server does not have",
		            model->name, kind, tensor->name, erc_dtype_name(tensor->dtype));
	for (uint32_t entry = 1; entry < model->entry_count; entry++)
		if (tensor_of(model, entry, i)->rank != tensor->rank)
			return fail(TRITON_UNSUPPORTED,
			            "model '%s': %s '%s' has rank %u in entry '%s' and %u in entry '%s'; name one with the "
			            "parameter "
			            "'entry'",
			            model->name, kind, tensor->name, tensor->rank, erc_model_entry_name(model->model, 0),
			            tensor_of(model, entry, i)->rank, erc_model_entry_name(model->model, entry));
	return NULL;
}

static triton_error list_tensors(struct model *model, bool has_one_entry)
{
	model->first_entry = erc_session_entry(model->session);
	model->entry_count = has_one_entry ? 1 : erc_model_entry_count(model->model);
	model->input_count = erc_model_input_count(model->model, model->first_entry);
	model->output_count = erc_model_output_count(model->model, model->first_entry);
	uint32_t count = model->input_count + model->output_count;
	struct erc_tensor_info *tensor = model->tensors = calloc((size_t)model->entry_count * count + 1, sizeof *tensor);
	if (!tensor)
		return fail_memory();
	for (uint32_t entry = model->first_entry; entry < model->first_entry + model->entry_count; entry++) {
		for (uint32_t i = 0; i < model->input_count; i++)
			erc_model_input_info(model->model, entry, i, tensor++);
		for (uint32_t i = 0; i < model->output_count; i++)
			erc_model_output_info(model->model, entry, i, tensor++);
	}
	for (uint32_t i = 0; i < count; i++)
		TRY(check_tensor(model, i));
	for (uint32_t entry = 0; entry < model->entry_count; entry++)
		for (uint32_t i = 0; i < model->input_count; i++) {
			tensor = &model->tensors[(size_t)entry * count + i];
			model->has_ranges |= memcmp(tensor->dims, tensor->least_dims, sizeof tensor->dims) != 0;
		}
	return NULL;
}

static triton_error set_up(struct model *model, struct TRITONBACKEND_Model *of)
{
	struct model_settings settings;
	cJSON *config;
	TRY(get_config(of, &config));
	triton_error error = read_model_settings(model, config, &settings);
	if (!error) {
		model->max_requests = settings.max_requests;
		error = open_artifact(model, of, &settings);
	}
	if (!error)
		error = list_tensors(model, settings.entry != NULL);
	if (!error)
		error = complete_config(of, model, config);
	free_model_settings(&settings);
	cJSON_Delete(config);
	return error;
}

triton_error model_open(struct backend *backend, struct TRITONBACKEND_Model *of, struct model **out)
{
	const char *name;
	uint64_t version;
	TRY(TRITONBACKEND_ModelName(of, &name));
	TRY(TRITONBACKEND_ModelVersion(of, &version));
	struct model *model = calloc(1, sizeof *model);
	if (!model)
		return fail_memory();
	*model = (struct model){.backend = backend, .name = strdup(name), .version = version};
	triton_error error = model->name ? set_up(model, of) : fail_memory();
	if (error) {
		model_close(model);
		return error;
	}
	metrics_add(model);
	*out = model;
	return NULL;
}

void model_close(struct model *model)
{
	metrics_remove(model);
	for (struct slot *slot = model->free_slots; slot;) {
		struct slot *next = slot->next;
		slot_free(slot);
		slot = next;
	}
	erc_session_destroy(model->session);
	erc_model_unload(model->model);
	free(model->tensors);
	free(model->name);
	free(model);
}
