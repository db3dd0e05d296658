/* Models: an artifact, the target chosen from it, its code and its entry points. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/core/handles.h"

#define MAX_LOCAL_BYTES (UINT64_C(1) << 30) /* much more than any unit's cache */

/* ---- choosing the target ---- */

/* The artifact's targets, for messages: "cpu:x86-64-v3, cuda:sm_90". */
static void list_targets(const struct erc_artifact *artifact, char *text, size_t bytes)
{
	size_t used = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < artifact->tables[ERC_TABLE_TARGETS].count && used < bytes; i++) {
		const struct erca_target *target = erc__record(artifact, ERC_TABLE_TARGETS, i);
		int written =
			snprintf(text + used, bytes - used, "%s%s", i ? ", " : "", erc_artifact_string(artifact, target->name));
		used += written > 0 ? (size_t)written : 0;
	}
}

static bool has_entry(const struct erc_artifact *artifact, uint32_t target_idx)
{
	for (uint32_t i = 0; i < artifact->tables[ERC_TABLE_ENTRIES].count; i++)
		if (((const struct erca_entry *)erc__record(artifact, ERC_TABLE_ENTRIES, i))->target == target_idx)
			return true;
	return false;
}

static bool is_cuda(const char *target)
{
	return !strncmp(target, "cuda:", 5);
}

static enum erc_status choose_target(struct erc_model *model, const char *wanted)
{
	const struct erc__device *device = model->runtime->device;
	const struct erca_target *too_new = NULL; /* needs a newer driver */
	char have[256];
	for (uint32_t i = 0; i < model->artifact->tables[ERC_TABLE_TARGETS].count; i++) {
		const struct erca_target *target = erc__record(model->artifact, ERC_TABLE_TARGETS, i);
		const char *name = erc_artifact_string(model->artifact, target->name);
		if ((wanted && strcmp(wanted, name)) || !has_entry(model->artifact, i) ||
		    !device->ops->can_run(device, target, name))
			continue;
		if (device->driver && target->min_driver > device->driver) {
			too_new = target;
			continue;
		}
		if (!model->target || target->level > model->target->level) {
			model->target = target;
			model->target_idx = i;
		}
	}
	if (model->target)
		return ERC_OK;
	if (too_new)
		return erc__fail(ERC_NO_TARGET,
		                 "target %s needs a driver of version %u.%u or newer, this one is of %u.%u: update the driver",
		                 erc_artifact_string(model->artifact, too_new->name), too_new->min_driver / 1000,
		                 too_new->min_driver % 1000 / 10, device->driver / 1000, device->driver % 1000 / 10);
	list_targets(model->artifact, have, sizeof have);
	if (wanted)
		return erc__fail(ERC_NO_TARGET, "target %s: the artifact has %s; this device (%s) runs targets up to %s%s",
		                 wanted, have, device->ops->name, device->target,
		                 is_cuda(wanted) && !is_cuda(device->target) ? "; device \"cuda\" runs others" : "");
	return erc__fail(ERC_NO_TARGET,
	                 "the artifact has %s; this device (%s) runs targets up to %s: compile with --target %s%s", have,
	                 device->ops->name, device->target, device->target,
	                 is_cuda(device->target) ? " or cuda:compute_80" : "");
}

/* ---- what the target needs ---- */

static enum erc_status list_entries(struct erc_model *model)
{
	uint32_t count = model->artifact->tables[ERC_TABLE_ENTRIES].count;
	model->entries = erc__alloc(count * sizeof *model->entries);
	if (!model->entries)
		return erc__no_memory("entry points", count * sizeof *model->entries);
	for (uint32_t i = 0; i < count; i++) {
		const struct erca_entry *entry = erc__record(model->artifact, ERC_TABLE_ENTRIES, i);
		if (entry->target == model->target_idx)
			model->entries[model->entry_count++] = i;
	}
	return ERC_OK;
}

static const struct erca_entry *entry_at(const struct erc_model *model, uint32_t entry)
{
	return entry < model->entry_count ? erc__record(model->artifact, ERC_TABLE_ENTRIES, model->entries[entry]) : NULL;
}

/* What a run of each entry does, step by step. */
static enum erc_status list_courses(struct erc_model *model)
{
	const struct erc__device *device = model->runtime->device;
	model->courses = erc__alloc(model->entry_count * sizeof *model->courses);
	if (!model->courses)
		return erc__no_memory("entry points", model->entry_count * sizeof *model->courses);
	for (uint32_t e = 0; e < model->entry_count; e++) {
		struct erc__course *course = &model->courses[e];
		TRY(erc__course_list(model->artifact, entry_at(model, e)->plan, course));
		for (uint32_t i = 0; i < course->count && !(device->ops->flags & ERC__DEVICE_BRANCHES); i++) {
			const struct erca_record *record =
				erc__record(model->artifact, ERC_TABLE_RECORDS, course->places[i].record);
			if (course->places[i].kind != ERC__STEP_LAUNCH)
				return erc__fail(ERC_LIMIT,
				                 "record %u (%s): a %s whose course is known at run time only; device '%s' runs none",
				                 course->places[i].record, erc_artifact_string(model->artifact, record->name),
				                 course->places[i].kind == ERC__STEP_LOOP ? "loop" : "branch", device->ops->name);
		}
	}
	return ERC_OK;
}

static enum erc_status load_code(struct erc_model *model)
{
	struct erc__device *device = model->runtime->device;
	uint32_t count = model->artifact->tables[ERC_TABLE_KERNELS].count;
	size_t bytes = 0;
	const void *code = erc__artifact_code(model->artifact, model->target, &bytes);
	TRY(device->ops->image_load(device, code, bytes, &model->image));
	model->kernels = erc__alloc(count * sizeof *model->kernels);
	if (!model->kernels)
		return erc__no_memory("kernels", count * sizeof *model->kernels);
	for (uint32_t i = 0; i < count; i++) {
		const struct erca_kernel *kernel = erc__record(model->artifact, ERC_TABLE_KERNELS, i);
		if (kernel->target == model->target_idx)
			TRY(device->ops->kernel_find(model->image, kernel, &model->kernels[i]));
	}
	return ERC_OK;
}

static enum erc_status reserve_local(const struct erc_model *model)
{
	struct erc__device *device = model->runtime->device;
	uint64_t max = 0;
	for (uint32_t e = 0; e < model->entry_count; e++)
		if (entry_at(model, e)->local_bytes > max)
			max = entry_at(model, e)->local_bytes;
	if (max > MAX_LOCAL_BYTES)
		return erc__fail(ERC_NO_TARGET, "the target asks for %llu bytes of local memory per unit",
		                 (unsigned long long)max);
	return device->ops->reserve_local(device, (size_t)max);
}

static enum erc_status prepare(struct erc_model *model, const struct erc_model_options *options)
{
	const struct erc__device_ops *ops = model->runtime->device->ops;
	if (options->verify_weights)
		TRY(erc_artifact_verify_weights(model->artifact));
	TRY(choose_target(model, options->target));
	TRY(list_entries(model));
	TRY(list_courses(model));
	TRY(load_code(model));
	TRY(reserve_local(model));
	if (ops->weights_load && model->artifact->weights_bytes)
		TRY(ops->weights_load(model->runtime->device, model->image, model->artifact->weights,
		                      model->artifact->weights_bytes));
	else if (model->artifact->is_mapped &&
	         model->artifact->weights_bytes) /* a hint to read ahead, before the first run */
		madvise((void *)model->artifact->weights, model->artifact->weights_bytes, MADV_WILLNEED);
	return ERC_OK;
}

/* ---- load and unload ---- */

static void free_model(struct erc_model *model)
{
	const struct erc__device *device = model->runtime->device;
	if (model->image)
		device->ops->image_unload(model->runtime->device, model->image);
	erc_artifact_close(model->artifact);
	erc__free(model->kernels);
	for (uint32_t i = 0; model->courses && i < model->entry_count; i++)
		erc__free(model->courses[i].places);
	erc__free(model->courses);
	erc__free(model->entries);
	erc__free(model);
}

/* Takes over the artifact, also if it fails. */
static enum erc_status load(erc_runtime *runtime, struct erc_artifact *artifact,
                            const struct erc_model_options *options, erc_model **out)
{
	struct erc_model *model = erc__alloc(sizeof *model);
	if (!model) {
		erc_artifact_close(artifact);
		return erc__no_memory("model", sizeof *model);
	}
	model->runtime = runtime;
	model->artifact = artifact;
	enum erc_status status = prepare(model, options);
	if (status) {
		free_model(model);
		return status;
	}
	erc__child_add(runtime, ERC__MODEL, &runtime->model_count);
	erc__log(runtime, ERC_LOG_INFO, "model loaded: target %s, %u entry points", erc_model_target(model),
	         model->entry_count);
	*out = model;
	return ERC_OK;
}

enum erc_status erc_model_load(erc_runtime *runtime, const char *path, const struct erc_model_options *options,
                               erc_model **out)
{
	struct erc_model_options given;
	struct erc_artifact *artifact;
	if (!runtime || !path || !out)
		return erc__fail(ERC_INVALID, "runtime, path or out is NULL");
	*out = NULL;
	TRY(erc__check_process(runtime));
	TRY(erc__options_copy("model", &given, sizeof given, options));
	TRY(erc_artifact_open(path, &artifact));
	enum erc_status status = load(runtime, artifact, &given, out);
	return status ? erc__fail(status, "%s: %s", path, erc_error_detail()) : ERC_OK;
}

enum erc_status erc_model_load_memory(erc_runtime *runtime, const void *data, size_t bytes,
                                      const struct erc_model_options *options, erc_model **out)
{
	struct erc_model_options given;
	struct erc_artifact *artifact;
	if (!runtime || !data || !out)
		return erc__fail(ERC_INVALID, "runtime, data or out is NULL");
	*out = NULL;
	TRY(erc__check_process(runtime));
	TRY(erc__options_copy("model", &given, sizeof given, options));
	TRY(erc_artifact_open_memory(data, bytes, &artifact));
	return load(runtime, artifact, &given, out);
}

enum erc_status erc_model_unload(erc_model *model)
{
	if (!model)
		return ERC_OK;
	struct erc_runtime *runtime = model->runtime;
	TRY(erc__check_process(runtime));
	TRY(erc__child_none(runtime, &model->session_count, "session"));
	free_model(model);
	erc__child_remove(runtime, ERC__MODEL, &runtime->model_count);
	return ERC_OK;
}

/* ---- questions ---- */

const char *erc_model_target(const erc_model *model)
{
	return erc_artifact_string(model->artifact, model->target->name);
}

uint32_t erc_model_entry_count(const erc_model *model)
{
	return model->entry_count;
}

const char *erc_model_entry_name(const erc_model *model, uint32_t entry)
{
	const struct erca_entry *found = entry_at(model, entry);
	return found ? erc_artifact_string(model->artifact, found->name) : NULL;
}

uint32_t erc_model_input_count(const erc_model *model, uint32_t entry)
{
	const struct erca_entry *found = entry_at(model, entry);
	return found ? found->input_count : 0;
}

uint32_t erc_model_output_count(const erc_model *model, uint32_t entry)
{
	const struct erca_entry *found = entry_at(model, entry);
	return found ? found->output_count : 0;
}

const struct erca_tensor *erc__entry_tensor(const struct erc_artifact *artifact, const struct erca_entry *entry,
                                            uint32_t tensor)
{
	uint32_t index =
		tensor < entry->input_count ? entry->input_first + tensor : entry->output_first + (tensor - entry->input_count);
	return erc__record(artifact, ERC_TABLE_TENSORS, index);
}

void erc__fill_info(const struct erc_artifact *artifact, const struct erca_tensor *tensor, struct erc_tensor_info *out)
{
	memset(out, 0, sizeof *out);
	out->name = erc_artifact_string(artifact, tensor->name);
	out->dtype = (enum erc_dtype)tensor->dtype;
	out->rank = tensor->rank;
	memcpy(out->dims, tensor->dims, sizeof out->dims);
	memcpy(out->least_dims, tensor->dims, sizeof out->least_dims);
	out->bytes = tensor->bytes;
	out->runtime_dims = erc__has_runtime_dims(tensor);
}

/* Sets the lower bounds of an input's dims. */
static void fill_least(const struct erc_model *model, uint32_t entry, uint32_t input, struct erc_tensor_info *out)
{
	const struct erc_artifact *artifact = model->artifact;
	const struct erca_resizable *row = erc__entry_resizable(artifact, model->entries[entry]);
	for (uint32_t i = 0; row && i < row->patch_count; i++) {
		const struct erca_patch *patch = erc__record(artifact, ERC_TABLE_PATCHES, row->patch_first + i);
		if (patch->kind != ERCA_PATCH_DIM || patch->index != input)
			continue;
		const struct erca_term *term = erc__record(artifact, ERC_TABLE_TERMS, row->term_first + patch->term);
		const struct erca_range *range = erc__record(artifact, ERC_TABLE_RANGES, row->range_first + term->a);
		out->least_dims[patch->at] = range->least;
	}
}

/* The default of a tensor, or NULL. */
static const void *default_of(const struct erc_artifact *artifact, uint32_t tensor)
{
	static const char no_bytes; /* of a tensor without elements, also where there are no weights */
	for (uint32_t i = 0; i < artifact->tables[ERC_TABLE_DEFAULTS].count; i++) {
		const struct erca_default *entry = erc__record(artifact, ERC_TABLE_DEFAULTS, i);
		if (entry->tensor == tensor)
			return artifact->weights ? (const void *)(artifact->weights + entry->offset) : &no_bytes;
	}
	return NULL;
}

enum erc_status erc_model_input_info(const erc_model *model, uint32_t entry, uint32_t input,
                                     struct erc_tensor_info *out)
{
	const struct erca_entry *found = entry_at(model, entry);
	if (!found || input >= found->input_count)
		return erc__fail(ERC_NOT_FOUND, "no input %u of entry %u", input, entry);
	erc__fill_info(model->artifact, erc__entry_tensor(model->artifact, found, input), out);
	out->default_value = default_of(model->artifact, found->input_first + input);
	fill_least(model, entry, input, out);
	return ERC_OK;
}

enum erc_status erc_model_output_info(const erc_model *model, uint32_t entry, uint32_t output,
                                      struct erc_tensor_info *out)
{
	const struct erca_entry *found = entry_at(model, entry);
	if (!found || output >= found->output_count)
		return erc__fail(ERC_NOT_FOUND, "no output %u of entry %u", output, entry);
	erc__fill_info(model->artifact, erc__entry_tensor(model->artifact, found, found->input_count + output), out);
	return ERC_OK;
}

enum erc_status erc_model_memory(const erc_model *model, uint32_t entry, struct erc_memory_info *out)
{
	const struct erca_entry *found = entry_at(model, entry);
	if (!found)
		return erc__fail(ERC_NOT_FOUND, "no entry %u", entry);
	out->weights_bytes = model->artifact->weights_bytes;
	erc__artifact_code(model->artifact, model->target, &out->code_bytes);
	out->arena_bytes = found->arena_bytes;
	return ERC_OK;
}
