/* A form of an entry with ranges: its own copies of the numbers that depend on sizes, which are written anew when the sizes
 * change. A run then looks nothing up. */
#include <string.h>

#include "runtime/request.h"

static const struct erc_artifact *artifact_of(const struct erc_request *request)
{
	return request->session->model->artifact;
}

const struct erca_tensor *erc__form_tensor(const struct erc_request *request, const struct erc__form *form,
                                           uint32_t tensor)
{
	return form->resized.tensors ? &form->resized.tensors[tensor]
	                             : erc__entry_tensor(artifact_of(request), form->of->entry, tensor);
}

const struct erca_range *erc__form_range(const struct erc_request *request, const struct erc__form *form,
                                         uint32_t range)
{
	return erc__record(artifact_of(request), ERC_TABLE_RANGES, form->resized.of->range_first + range);
}

/* ---- preparation ---- */

static enum erc_status copy_params(struct erc_request *request, struct erc__form *form)
{
	size_t steps = (size_t)form->step_count * request->session->budgets.count, count = 0;
	for (int copy = 0; copy < 2; copy++) {
		int64_t *at = form->resized.params;
		for (size_t i = 0; i < steps; i++) {
			struct erc__step *step = &form->steps[i];
			if (copy && step->param_count) {
				memcpy(at, step->args.params, step->param_count * sizeof *at);
				step->args.params = (const void *)at;
				at += step->param_count;
			}
			count += copy ? 0 : step->param_count;
		}
		if (!copy)
			form->resized.params = erc__alloc(count * sizeof *at);
		if (!form->resized.params)
			return erc__no_memory("parameters", count * sizeof *at);
	}
	return ERC_OK;
}

enum erc_status erc__form_prepare_sizes(struct erc_request *request, struct erc__form *form)
{
	const struct erc_model *model = request->session->model;
	const struct erca_entry *entry = form->of->entry;
	struct erc__resized *resized = &form->resized;
	resized->of = erc__entry_resizable(model->artifact, model->entries[form->of->number]);
	if (!resized->of)
		return ERC_OK;
	if (model->runtime->device->ops->request_create)
		return erc__fail(ERC_DEVICE, "entry point '%s' has ranges, which device %s does not run",
		                 erc_artifact_string(model->artifact, entry->name), model->runtime->device->ops->name);
	size_t tensors = (size_t)entry->input_count + entry->output_count;
	resized->sizes = erc__alloc(2 * resized->of->range_count * sizeof *resized->sizes);
	resized->terms = erc__alloc(resized->of->term_count * sizeof *resized->terms);
	resized->work = erc__alloc(form->step_count * sizeof *resized->work);
	resized->forecast.count = form->step_count;
	resized->forecast.launches = erc__alloc(form->step_count * sizeof *resized->forecast.launches);
	resized->tensors = erc__alloc(2 * tensors * sizeof *resized->tensors);
	resized->dim_ranges = erc__alloc(tensors * sizeof *resized->dim_ranges);
	if (!resized->sizes || !resized->terms || !resized->tensors || !resized->dim_ranges || !resized->work ||
	    !resized->forecast.launches)
		return erc__no_memory("tensors", 2 * tensors * sizeof *resized->tensors);
	for (uint32_t i = 0; i < tensors; i++)
		resized->tensors[i] = *erc__entry_tensor(model->artifact, entry, i);
	for (uint32_t r = 0; r < resized->of->range_count; r++)
		resized->sizes[r] = erc__form_range(request, form, r)->most;
	for (uint32_t i = 0; i < resized->of->patch_count; i++) {
		const struct erca_patch *patch = erc__record(model->artifact, ERC_TABLE_PATCHES, resized->of->patch_first + i);
		const struct erca_term *term =
			erc__record(model->artifact, ERC_TABLE_TERMS, resized->of->term_first + patch->term);
		if (patch->kind == ERCA_PATCH_DIM && term->op == ERCA_TERM_SIZE)
			resized->dim_ranges[patch->index].range[patch->at] = 1 + term->a;
	}
	for (uint32_t i = 0; i < form->step_count; i++) {
		const struct erca_record *record = erc__record(model->artifact, ERC_TABLE_RECORDS, form->steps[i].record);
		resized->work[i] = record->kind == ERCA_RECORD_LAUNCH ? erc__record_work(record) : 0;
	}
	TRY(copy_params(request, form));
	erc__form_predict(request, form);
	return ERC_OK;
}

void erc__form_free_sizes(struct erc__form *form)
{
	erc__free(form->resized.sizes);
	erc__free(form->resized.terms);
	erc__free(form->resized.tensors);
	erc__free(form->resized.dim_ranges);
	erc__free(form->resized.params);
	erc__free(form->resized.work);
	erc__free(form->resized.forecast.launches);
}

/* ---- other sizes ---- */

static uint64_t bytes_of(const struct erca_tensor *tensor)
{
	uint64_t elements = 1;
	for (uint32_t d = 0; d < tensor->rank; d++)
		elements *= (uint64_t)tensor->dims[d];
	return (elements * erc_dtype_bits((enum erc_dtype)tensor->dtype) + 7) / 8;
}

/* The pointer of an operand. What is at its offset in the buffer moves by the difference. */
static void move_operand(struct erc__form *form, const struct erc_artifact *artifact, const struct erca_patch *patch,
                         int64_t offset)
{
	struct erc__step *step = &form->steps[patch->index];
	const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, step->record);
	const struct erca_operand *operand = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + patch->at);
	void **pointer = (void **)(uintptr_t)step->args.buffers + patch->at;
	uint32_t index = (uint32_t)(pointer - form->pointers);
	if (operand->buffer != ERCA_BUFFER_INPUT && operand->buffer != ERCA_BUFFER_OUTPUT) {
		*pointer = form->resized.bases[operand->buffer] ? form->resized.bases[operand->buffer] + offset : NULL;
		return;
	}
	for (uint32_t i = 0; i < form->fixup_count; i++)
		if (form->fixups[i].pointer == index)
			form->fixups[i].offset = (uint64_t)offset;
}

/* The number of iterations of a loop, which its first and its last step read. */
static void set_trips(struct erc_request *request, struct erc__form *form, const struct erca_patch *patch,
                      int64_t value)
{
	uint32_t last = form->steps[patch->index].goes_to - 1;
	form->resized.work[patch->index] = form->resized.work[last] = value;
	for (uint32_t k = 0; k < request->session->budgets.count; k++) {
		struct erc__step *steps = &form->steps[(size_t)k * form->step_count];
		void *number = &form->resized.terms[patch->term];
		((void **)(uintptr_t)steps[patch->index].args.buffers)[1] = number;
		((void **)(uintptr_t)steps[last].args.buffers)[1] = number;
		if (steps[last].is_assumed)
			steps[patch->index].most = steps[last].most = (uint32_t)value;
	}
}

static void apply(struct erc_request *request, struct erc__form *form, const struct erca_patch *patch, int64_t value)
{
	uint32_t budgets = request->session->budgets.count;
	if (patch->kind == ERCA_PATCH_DIM) {
		form->resized.tensors[patch->index].dims[patch->at] = value;
		return;
	}
	if (patch->kind == ERCA_PATCH_OFFSET) {
		move_operand(form, artifact_of(request), patch, value);
		return;
	}
	if (patch->kind == ERCA_PATCH_WORK) {
		form->resized.work[patch->index] = value;
		return;
	}
	if (patch->kind == ERCA_PATCH_TRIPS) {
		set_trips(request, form, patch, value);
		return;
	}
	for (uint32_t k = 0; k < budgets; k++) {
		struct erc__step *step = &form->steps[(size_t)k * form->step_count + patch->index];
		if (patch->budget != ERCA_ALL_BUDGETS && patch->budget != k)
			continue;
		if (patch->kind == ERCA_PATCH_TILES)
			step->tile_count = (uint32_t)value;
		else
			((int64_t *)(uintptr_t)step->args.params)[patch->at] = value;
	}
}

/* Whether the value is not beyond the one at the bounds, which was checked against memory. */
static bool is_allowed(struct erc_request *request, const struct erc__form *form, const struct erca_patch *patch,
                       int64_t value)
{
	const struct erca_tensor *tensor;
	switch (patch->kind) {
	case ERCA_PATCH_DIM:
		tensor = erc__entry_tensor(artifact_of(request), form->of->entry, patch->index);
		return value >= 0 && value <= tensor->dims[patch->at];
	case ERCA_PATCH_TILES: return value >= 0 && value < UINT32_MAX;
	case ERCA_PATCH_OFFSET:
	case ERCA_PATCH_WORK: return value >= 0;
	case ERCA_PATCH_TRIPS: return value >= 0 && value <= form->of->forecast.launches[patch->index].place.times;
	default: return true;
	}
}

enum erc_status erc__form_resize(struct erc_request *request, struct erc__form *form, const int64_t *sizes)
{
	const struct erc_artifact *artifact = artifact_of(request);
	const struct erca_resizable *of = form->resized.of;
	const struct erca_entry *entry = form->of->entry;
	bool is_valid = erc__terms_evaluate(artifact, of, sizes, form->resized.terms);
	for (uint32_t i = 0; is_valid && i < of->patch_count; i++) {
		const struct erca_patch *patch = erc__record(artifact, ERC_TABLE_PATCHES, of->patch_first + i);
		is_valid = is_allowed(request, form, patch, form->resized.terms[patch->term]);
	}
	if (!is_valid)
		return erc__fail(ERC_CORRUPT, "entry point '%s': its formulas give no plan for these sizes",
		                 erc_artifact_string(artifact, entry->name));
	memcpy(form->resized.sizes, sizes, of->range_count * sizeof *sizes);
	for (uint32_t i = 0; i < of->patch_count; i++) {
		const struct erca_patch *patch = erc__record(artifact, ERC_TABLE_PATCHES, of->patch_first + i);
		apply(request, form, patch, form->resized.terms[patch->term]);
	}
	for (uint32_t i = 0; i < entry->input_count + entry->output_count; i++)
		form->resized.tensors[i].bytes = bytes_of(&form->resized.tensors[i]);
	erc__form_predict(request, form);
	return ERC_OK;
}
