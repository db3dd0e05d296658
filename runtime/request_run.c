/* Runs of a request: submit, wait, cancel, and what is known of the run after it. */
#include <stdio.h>
#include <string.h>

#include "runtime/request.h"

#ifdef ERC_DEBUG
/* Fills the arena with NaNs, so that the result shows if a kernel read memory that no kernel wrote. */
static void poison_arena(struct erc_request *request)
{
	if (request->arena)
		memset(request->arena, 0xff, request->arena_bytes);
}
#else
static void poison_arena(struct erc_request *request)
{
	(void)request;
}
#endif

/* Fails on fields that this version does not know. */
static enum erc_status set_run(struct erc_request *request, const struct erc_submit_options *options)
{
	const struct erc_session *session = request->session;
	if (options->fields & ~(ERC_SUBMIT_ARRIVAL | ERC_SUBMIT_LEVEL | ERC_SUBMIT_DEADLINE))
		return erc__fail(ERC_INVALID, "submit: fields is 0x%x", options->fields);
	bool is_rt = session->tenant.class_ == ERC_REAL_TIME;
	request->job.level = is_rt && options->fields & ERC_SUBMIT_LEVEL ? options->level : session->tenant.level;
	request->job.deadline_us =
		is_rt && options->fields & ERC_SUBMIT_DEADLINE ? options->deadline_us : session->deadline_us;
	request->job.reports = options->report;
	return ERC_OK;
}

enum erc_status erc_request_submit_with(erc_request *request, const struct erc_submit_options *options)
{
	struct erc_submit_options given;
	if (!request)
		return erc__fail(ERC_INVALID, "request is NULL");
	struct erc__device *device = request->session->model->runtime->device;
	TRY(erc__check_process(request->session->model->runtime));
	TRY(erc__options_copy("submit", &given, sizeof given, options));
	if (erc__request_job_state(request) != ERC__JOB_IDLE)
		return erc__fail(ERC_BUSY, "the last run was not waited for");
	TRY(erc__request_check_bound(request));
	TRY(set_run(request, &given));
	poison_arena(request);
	if (erc__request_entry(request)->dims_count)
		memset(request->dims, 0, erc__request_entry(request)->dims_count * sizeof *request->dims);
	request->has_result = false;
	return device->ops->submit(device, &request->job,
	                           given.fields & ERC_SUBMIT_ARRIVAL ? given.arrival_ns : UINT64_MAX);
}

enum erc_status erc_request_submit_at(erc_request *request, uint64_t arrival_ns)
{
	const struct erc_submit_options options = {.size = sizeof options,
	                                           .fields = ERC_SUBMIT_ARRIVAL,
	                                           .arrival_ns = arrival_ns};
	return erc_request_submit_with(request, &options);
}

enum erc_status erc_request_submit(erc_request *request)
{
	return erc_request_submit_with(request, NULL);
}

void erc_request_set_user(erc_request *request, void *user)
{
	if (request)
		request->user = user;
}

void *erc_request_user(const erc_request *request)
{
	return request ? request->user : NULL;
}

/* A device with its own clock must be advanced while somebody waits. Returns 0 if the job still runs. */
static int await_job(struct erc__device *device, struct erc__job *job, uint64_t timeout_us)
{
	uint64_t end_ns, now_ns = erc__device_now_ns(device);
	if (!device->ops->advance)
		return erc__job_wait(job, timeout_us);
	if (__builtin_mul_overflow(timeout_us, UINT64_C(1000), &end_ns) || __builtin_add_overflow(end_ns, now_ns, &end_ns))
		end_ns = UINT64_MAX;
	while (!erc__job_wait(job, 0))
		if (!device->ops->advance(device, end_ns))
			return erc__job_wait(job, 0);
	return 1;
}

static const struct erca_tensor *output_tensor(const struct erc_request *request, uint32_t output)
{
	const struct erca_entry *entry = erc__request_entry(request);
	return erc__request_tensor(request, entry->input_count + output);
}

static int64_t output_dim(const struct erc_request *request, const struct erca_tensor *tensor, uint32_t d)
{
	uint32_t slot = tensor->dim_slots[d];
	return slot == ERCA_NONE || !erc__request_computes(request) ? tensor->dims[d] : request->dims[slot];
}

/* The dims that kernels wrote must be within their bounds, because the caller will read that much. */
static enum erc_status check_output_dims(struct erc_request *request)
{
	for (uint32_t i = 0; i < erc__request_entry(request)->output_count; i++) {
		const struct erca_tensor *tensor = output_tensor(request, i);
		for (uint32_t d = 0; d < tensor->rank; d++) {
			int64_t dim = output_dim(request, tensor, d);
			if (dim >= 0 && dim <= tensor->dims[d])
				continue;
			snprintf(request->job.detail, sizeof request->job.detail,
			         "output %u: run-time dimension %u came out as %lld, at most %lld was planned", i, d,
			         (long long)dim, (long long)tensor->dims[d]);
			return ERC_DEVICE;
		}
	}
	return ERC_OK;
}

/* Kernels clamp an index outside its dim, or take the smaller of two dims that must be equal, and report it in the table
 * of run-time dims: the index and the size of the dim plus 1; or one size, and the other one as -1 - size. */
static enum erc_status check_indices(struct erc_request *request)
{
	const struct erca_entry *entry = erc__request_entry(request);
	const struct erc_artifact *artifact = request->session->model->artifact;
	const int64_t *faults = request->dims + entry->fault_first;
	uint32_t i = 0;
	while (i < entry->fault_count && !faults[i + 1])
		i += 2;
	if (i >= entry->fault_count || !erc__request_computes(request))
		return ERC_OK;
	const char *name = "?";
	for (uint32_t s = 0; s < request->form->step_count; s++) {
		const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, request->form->steps[s].record);
		if (record->fault_slot == entry->fault_first + i)
			name = erc_artifact_string(artifact, record->name);
	}
	if (faults[i + 1] < 0)
		snprintf(request->job.detail, sizeof request->job.detail,
		         "node '%s': dimensions of %lld and %lld, known at run time only, must be equal", name,
		         (long long)faults[i], -1 - (long long)faults[i + 1]);
	else
		snprintf(request->job.detail, sizeof request->job.detail,
		         "node '%s': index %lld is outside a dimension of %lld", name, (long long)faults[i],
		         (long long)faults[i + 1] - 1);
	if (!request->session->clamps_indices)
		return ERC_INDEX;
	erc__log(request->session->model->runtime, ERC_LOG_WARNING, "%s: it was clamped", request->job.detail);
	return ERC_OK;
}

enum erc_status erc_request_wait(erc_request *request, uint64_t timeout_us)
{
	if (!request)
		return erc__fail(ERC_INVALID, "request is NULL");
	TRY(erc__check_process(request->session->model->runtime));
	if (erc__request_job_state(request) == ERC__JOB_IDLE)
		return erc__fail(ERC_INVALID, "the request was not submitted");
	struct erc__device *device = request->session->model->runtime->device;
	bool has_ended = await_job(device, &request->job, timeout_us);
	if (!has_ended && timeout_us == UINT64_MAX)
		return erc__fail(ERC_TIMEOUT, "the virtual device has nothing left to do, and the run has not ended");
	if (!has_ended)
		return erc__fail(ERC_TIMEOUT, "the run had not ended after %llu us", (unsigned long long)timeout_us);
	if (request->job.reports)
		erc__device_forget_end(device, &request->job);
	enum erc_status result = request->job.result ? request->job.result : check_output_dims(request);
	if (!result && erc__request_entry(request)->fault_count)
		result = check_indices(request);
	if (result && !request->job.result)
		erc__device_uncount(device, &request->job);
	request->has_result = !result;
	if (!result && device->ops->collect)
		device->ops->collect(device, request);
	if (!result)
		erc__request_step_states(request);
	atomic_store_explicit(&request->job.state, ERC__JOB_IDLE, memory_order_release);
	return result ? erc__fail(result, "%s", result == ERC_CANCELLED ? "the run was cancelled" : request->job.detail)
	              : ERC_OK;
}

enum erc_status erc_request_run(erc_request *request)
{
	TRY(erc_request_submit(request));
	return erc_request_wait(request, UINT64_MAX);
}

enum erc_status erc_request_cancel(erc_request *request)
{
	if (!request)
		return erc__fail(ERC_INVALID, "request is NULL");
	struct erc__device *device = request->session->model->runtime->device;
	TRY(erc__check_process(request->session->model->runtime));
	device->ops->cancel(device, &request->job);
	return ERC_OK;
}

enum erc_status erc_request_timing(const erc_request *request, struct erc_request_timing *out)
{
	if (!request || !out)
		return erc__fail(ERC_INVALID, "request or out is NULL");
	if (out->size != sizeof *out)
		return erc__fail(ERC_INVALID, "timing: size %zu, expected %zu", out->size, sizeof *out);
	const struct erc__job *job = &request->job;
	if (erc__request_job_state(request) != ERC__JOB_IDLE || !job->finished_ns)
		return erc__fail(ERC_INVALID, "times are known only after a run was waited for");
	*out = (struct erc_request_timing){
		.size = sizeof *out,
		.arrival_ns = job->item.arrival_ns,
		.submitted_ns = job->submitted_ns,
		.visible_ns = job->visible_ns,
		.started_ns = job->item.started_ns,
		.granted_ns = job->granted_ns,
		.finished_ns = job->finished_ns,
		.granted_units = job->granted_units,
		.preemptions = job->preemptions,
	};
	return ERC_OK;
}

enum erc_status erc_request_output_dims(const erc_request *request, uint32_t output, uint32_t *rank, int64_t *dims)
{
	if (!request || !rank || !dims)
		return erc__fail(ERC_INVALID, "request, rank or dims is NULL");
	const struct erca_entry *entry = erc__request_entry(request);
	if (output >= entry->output_count)
		return erc__fail(ERC_NOT_FOUND, "no output %u; there are %u", output, entry->output_count);
	const struct erca_tensor *tensor = output_tensor(request, output);
	if (erc__has_runtime_dims(tensor) && !request->has_result)
		return erc__fail(ERC_INVALID, "output %u: its dims are known after a successful run", output);
	*rank = tensor->rank;
	for (uint32_t d = 0; d < tensor->rank; d++)
		dims[d] = output_dim(request, tensor, d);
	return ERC_OK;
}
