/* Which of its session's entries a request runs. All of them are prepared when it is created, so that a change
 * allocates nothing. */
#include <stdio.h>
#include <string.h>

#include "runtime/request.h"

void erc__request_take_form(struct erc_request *request, struct erc__form *form)
{
	request->form = form;
	request->job.steps = form->steps;
	request->job.step_count = form->step_count;
	request->job.item.estimate = &form->of->estimate;
	request->job.item.size = form->resized.ratio;
	atomic_store_explicit(&request->job.item.forecast, form->resized.of ? &form->resized.forecast : &form->of->forecast,
	                      memory_order_relaxed);
	if (request->session->model->runtime->device->ops->request_create)
		request->job.native = form->native;
}

/* The range that a dim of an input is; NULL if it is fixed. */
static const uint32_t *range_of(const struct erc__form *form, uint32_t input, uint32_t d)
{
	const uint32_t *range = form->resized.dim_ranges ? &form->resized.dim_ranges[input].range[d] : NULL;
	return range && *range ? range : NULL;
}

static bool has_size(const struct erca_range *range, int64_t size)
{
	return size >= range->least && size <= range->most && (size - range->least) % range->step == 0;
}

/* Sizes of the form's ranges that leave those that the request has now as they are, as far as they are possible. */
static void keep_sizes(const struct erc_request *request, const struct erc__form *form, int64_t *sizes)
{
	const struct erc_artifact *artifact = request->session->model->artifact;
	const struct erc__form *now = request->form;
	for (uint32_t r = 0; form->resized.of && r < form->resized.of->range_count; r++) {
		const struct erca_range *range = erc__form_range(request, form, r);
		sizes[r] = form == now ? form->resized.sizes[r] : range->most;
		for (uint32_t k = 0; form != now && now->resized.of && k < now->resized.of->range_count; k++) {
			int64_t size = now->resized.sizes[k];
			if (has_size(range, size) && !strcmp(erc_artifact_string(artifact, erc__form_range(request, now, k)->name),
			                                     erc_artifact_string(artifact, range->name)))
				sizes[r] = size;
		}
	}
}

/* Whether the form can have an input with these dims. Sets sizes to those that it then has. */
static bool takes_dims(const struct erc_request *request, const struct erc__form *form, uint32_t input, uint32_t rank,
                       const int64_t *dims, int64_t *sizes)
{
	const struct erca_tensor *tensor = erc__form_tensor(request, form, input);
	bool takes = tensor->rank == rank;
	keep_sizes(request, form, sizes);
	for (uint32_t d = 0; takes && d < rank; d++) {
		const uint32_t *number = range_of(form, input, d);
		const struct erca_range *range = number ? erc__form_range(request, form, *number - 1) : NULL;
		takes = range ? has_size(range, dims[d]) : dims[d] == tensor->dims[d];
		if (range)
			sizes[*number - 1] = dims[d];
	}
	for (uint32_t d = 0; takes && d < rank; d++) { /* a range that is several dims has one size */
		const uint32_t *number = range_of(form, input, d);
		takes = !number || sizes[*number - 1] == dims[d];
	}
	return takes;
}

/* Whether an input keeps its dims in the form with these sizes. */
static bool keeps_dims(const struct erc_request *request, const struct erc__form *form, uint32_t input,
                       const int64_t *sizes)
{
	const struct erca_tensor *before = erc__request_tensor(request, input),
							 *to = erc__form_tensor(request, form, input);
	bool keeps = before->rank == to->rank;
	for (uint32_t d = 0; keeps && d < to->rank; d++) {
		const uint32_t *number = range_of(form, input, d);
		keeps = before->dims[d] == (number ? sizes[*number - 1] : to->dims[d]);
	}
	return keeps;
}

/* Of the forms whose input can have the dims, the one that keeps the dims of most other inputs. Its sizes are then in its
 * spare room. */
static struct erc__form *find_form(const struct erc_request *request, uint32_t input, uint32_t rank,
                                   const int64_t *dims)
{
	uint32_t most = 0;
	struct erc__form *best = NULL;
	for (uint32_t i = 0; i < request->session->entry_count; i++) {
		struct erc__form *form = &request->forms[i];
		int64_t *sizes = form->resized.of ? form->resized.sizes + form->resized.of->range_count : NULL;
		uint32_t kept = 1;
		if (!takes_dims(request, form, input, rank, dims, sizes))
			continue;
		for (uint32_t k = 0; k < erc__request_entry(request)->input_count; k++)
			kept += keeps_dims(request, form, k, sizes);
		if (kept > most) {
			most = kept;
			best = form;
		}
	}
	return best;
}

/* Adds " 4x3x224x224" to the text, as far as it fits. */
static void add_dims(char *text, size_t bytes, uint32_t rank, const int64_t *dims)
{
	size_t used = strlen(text);
	int written = snprintf(text + used, bytes - used, rank ? " " : " scalar");
	for (uint32_t d = 0; written >= 0 && d < rank && (used += (size_t)written) < bytes; d++)
		written = snprintf(text + used, bytes - used, d ? "x%lld" : "%lld", (long long)dims[d]);
}

/* Adds " 1..8x1..512": what an input of the form can be. */
static void add_possible(const struct erc_request *request, const struct erc__form *form, uint32_t input, char *text,
                         size_t bytes)
{
	const struct erca_tensor *tensor = erc__form_tensor(request, form, input);
	size_t used = strlen(text);
	int written = snprintf(text + used, bytes - used, tensor->rank ? " " : " scalar");
	for (uint32_t d = 0; written >= 0 && d < tensor->rank && (used += (size_t)written) < bytes; d++) {
		const uint32_t *number = range_of(form, input, d);
		const struct erca_range *range = number ? erc__form_range(request, form, *number - 1) : NULL;
		written = range ? snprintf(text + used, bytes - used, "%s%lld..%lld", d ? "x" : "", (long long)range->least,
		                           (long long)range->most)
		                : snprintf(text + used, bytes - used, d ? "x%lld" : "%lld", (long long)tensor->dims[d]);
	}
}

static enum erc_status no_entry(const struct erc_request *request, uint32_t input, uint32_t rank, const int64_t *dims)
{
	char wanted[200] = "", have[256] = "";
	for (uint32_t i = 0; i < request->session->entry_count; i++) {
		char one[100] = "";
		add_possible(request, &request->forms[i], input, one, sizeof one);
		if (!strstr(have, one) && strlen(have) + strlen(one) < sizeof have)
			strcat(have, one);
	}
	add_dims(wanted, sizeof wanted, rank, dims);
	return erc__fail(ERC_NOT_FOUND, "input %u '%s': no entry point of the session takes%s; there are:%s", input,
	                 erc_artifact_string(request->session->model->artifact, erc__request_tensor(request, input)->name),
	                 wanted, have);
}

/* Changes the sizes of the request's form. */
static enum erc_status resize(struct erc_request *request, const int64_t *sizes)
{
	struct erc__form *form = request->form;
	const struct erca_entry *entry = form->of->entry;
	size_t count = (size_t)entry->input_count + entry->output_count;
	struct erca_tensor *before = form->resized.tensors + count;
	if (!memcmp(sizes, form->resized.sizes, form->resized.of->range_count * sizeof *sizes))
		return ERC_OK;
	memcpy(before, form->resized.tensors, count * sizeof *before);
	TRY(erc__form_resize(request, form, sizes));
	erc__request_take_form(request, form);
	erc__request_keep_bindings(request, before, form);
	erc__request_point_all(request);
	request->has_result = false;
	return ERC_OK;
}

enum erc_status erc_request_set_dims(erc_request *request, uint32_t input, uint32_t rank, const int64_t *dims)
{
	if (!request || (!dims && rank))
		return erc__fail(ERC_INVALID, "request or dims is NULL");
	const struct erca_entry *entry = erc__request_entry(request);
	if (input >= entry->input_count)
		return erc__fail(ERC_NOT_FOUND, "no input %u; there are %u", input, entry->input_count);
	if (erc__request_job_state(request) != ERC__JOB_IDLE)
		return erc__fail(ERC_BUSY, "the last run was not waited for");
	if (rank > ERC_MAX_RANK)
		return erc__fail(ERC_INVALID, "input %u: rank %u, the maximum is %d", input, rank, ERC_MAX_RANK);
	struct erc__form *form = find_form(request, input, rank, dims);
	if (!form)
		return no_entry(request, input, rank, dims);
	const int64_t *sizes = form->resized.of ? form->resized.sizes + form->resized.of->range_count : NULL;
	if (form == request->form)
		return sizes ? resize(request, sizes) : ERC_OK;
	if (sizes)
		TRY(erc__form_resize(request, form, sizes));
	erc__request_keep_bindings(request, NULL, form);
	erc__request_take_form(request, form);
	erc__request_point_all(request);
	request->has_result = false;
	return ERC_OK;
}

uint32_t erc_request_entry(const erc_request *request)
{
	return request->form->of->number;
}

enum erc_status erc_request_input_info(const erc_request *request, uint32_t input, struct erc_tensor_info *out)
{
	struct erc_tensor_info bounds;
	if (!request || !out)
		return erc__fail(ERC_INVALID, "request or out is NULL");
	TRY(erc_model_input_info(request->session->model, erc_request_entry(request), input, &bounds));
	erc__fill_info(request->session->model->artifact, erc__request_tensor(request, input), out);
	memcpy(out->least_dims, bounds.least_dims, sizeof out->least_dims);
	if (!memcmp(out->dims, bounds.dims, sizeof out->dims))
		out->default_value = bounds.default_value;
	return ERC_OK;
}

enum erc_status erc_request_output_info(const erc_request *request, uint32_t output, struct erc_tensor_info *out)
{
	if (!request || !out)
		return erc__fail(ERC_INVALID, "request or out is NULL");
	const struct erca_entry *entry = erc__request_entry(request);
	if (output >= entry->output_count)
		return erc__fail(ERC_NOT_FOUND, "no output %u; there are %u", output, entry->output_count);
	erc__fill_info(request->session->model->artifact, erc__request_tensor(request, entry->input_count + output), out);
	return ERC_OK;
}
