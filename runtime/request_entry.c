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
	atomic_store_explicit(&request->job.item.forecast, &form->of->forecast, memory_order_relaxed);
	if (request->session->model->runtime->device->ops->request_create)
		request->job.native = form->native;
}

static const struct erca_tensor *tensor_of(const struct erc_request *request, uint32_t form, uint32_t tensor)
{
	return erc__entry_tensor(request->session->model->artifact, request->forms[form].of->entry, tensor);
}

/* Dims beyond the rank are 0 in artifacts. */
static bool has_dims(const struct erca_tensor *tensor, uint32_t rank, const int64_t *dims)
{
	return tensor->rank == rank && !memcmp(tensor->dims, dims, rank * sizeof *dims);
}

/* Of the forms whose input has the dims, the one that keeps the dims of most other inputs. */
static struct erc__form *find_form(const struct erc_request *request, uint32_t input, uint32_t rank,
                                   const int64_t *dims)
{
	uint32_t now = (uint32_t)(request->form - request->forms), most = 0;
	struct erc__form *best = NULL;
	for (uint32_t i = 0; i < request->session->entry_count; i++) {
		uint32_t kept = 1;
		if (!has_dims(tensor_of(request, i, input), rank, dims))
			continue;
		for (uint32_t k = 0; k < erc__request_entry(request)->input_count; k++) {
			const struct erca_tensor *before = tensor_of(request, now, k);
			kept += has_dims(tensor_of(request, i, k), before->rank, before->dims);
		}
		if (kept > most) {
			most = kept;
			best = &request->forms[i];
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

static enum erc_status no_entry(const struct erc_request *request, uint32_t input, uint32_t rank, const int64_t *dims)
{
	char wanted[200] = "", have[256] = "";
	for (uint32_t i = 0; i < request->session->entry_count; i++) {
		const struct erca_tensor *tensor = tensor_of(request, i, input);
		uint32_t same = 0;
		while (!has_dims(tensor_of(request, same, input), tensor->rank, tensor->dims))
			same++;
		if (same == i)
			add_dims(have, sizeof have, tensor->rank, tensor->dims);
	}
	add_dims(wanted, sizeof wanted, rank, dims);
	return erc__fail(ERC_NOT_FOUND, "input %u '%s': no entry point of the session takes%s; there are:%s", input,
	                 erc_artifact_string(request->session->model->artifact, tensor_of(request, 0, input)->name), wanted,
	                 have);
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
	if (form == request->form)
		return ERC_OK;
	erc__request_keep_bindings(request, form->of->entry);
	erc__request_take_form(request, form);
	erc__request_point_all(request);
	request->has_result = false;
	return ERC_OK;
}

uint32_t erc_request_entry(const erc_request *request)
{
	return request->form->of->number;
}
