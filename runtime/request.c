/* Requests: all memory of a run, made ready once, so that a run only follows pointers. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/core/handles.h"

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

/* ---- steps ---- */

/* The address of an operand; NULL for caller memory, which has a fixup instead. */
static void *operand_address(const struct erc_request *request, const struct erca_operand *operand)
{
	const uint8_t *weights = request->session->model->artifact->weights;
	uint8_t *const bases[] = {
		[ERCA_BUFFER_ARENA] = request->arena, [ERCA_BUFFER_WEIGHTS] = (uint8_t *)weights,    [ERCA_BUFFER_INPUT] = NULL,
		[ERCA_BUFFER_OUTPUT] = NULL,          [ERCA_BUFFER_DIMS] = (uint8_t *)request->dims,
	};
	return bases[operand->buffer] ? bases[operand->buffer] + operand->offset : NULL;
}

static int is_callers(const struct erca_operand *operand)
{
	return operand->buffer == ERCA_BUFFER_INPUT || operand->buffer == ERCA_BUFFER_OUTPUT;
}

static int computes(const struct erc_request *request)
{
	return request->session->model->runtime->device->ops->flags & ERC__DEVICE_COMPUTES;
}

static void fill_launch(struct erc_request *request, const struct erca_record *record, uint32_t budget,
                        struct erc__step *step)
{
	const struct erc_model *model = request->session->model;
	const struct erca_variant *variant =
		erc__record(model->artifact, ERC_TABLE_VARIANTS, record->variant_first + budget);
	step->tile = model->kernels[variant->kernel].tile;
	step->native = model->kernels[variant->kernel].native;
	step->args.params =
		variant->param_count ? erc__record(model->artifact, ERC_TABLE_PARAMS, variant->param_first) : NULL;
	step->tile_count = variant->tile_count;
	step->tile_ns = variant->tile_ns;
	step->tile_bytes = variant->tile_bytes;
	/* where nothing is computed no kernel writes dims: they are their bounds */
	step->count_slot = computes(request) ? variant->count_slot : ERCA_NONE;
	step->count_dims = variant->count_dims;
	step->count_scale = variant->count_scale;
	step->count_step = variant->count_step;
}

uint64_t erc__copy_tiles(const struct erc_artifact *artifact, const struct erca_record *record, uint64_t *bytes)
{
	const struct erca_operand *from = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first);
	const struct erca_operand *to = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + 1);
	*bytes = from->bytes < to->bytes ? from->bytes : to->bytes;
	return *bytes / ERC__COPY_TILE_BYTES + (*bytes % ERC__COPY_TILE_BYTES != 0);
}

static enum erc_status fill_copy(struct erc_request *request, const struct erca_record *record, struct erc__step *step)
{
	uint64_t tiles = erc__copy_tiles(request->session->model->artifact, record, &step->copy_bytes);
	if (tiles >= UINT32_MAX)
		return erc__fail(ERC_LIMIT, "record %u: a copy of %llu bytes", step->record,
		                 (unsigned long long)step->copy_bytes);
	step->tile = erc__copy_tile;
	step->args.params = &step->copy_bytes;
	step->tile_count = (uint32_t)tiles;
	step->tile_ns = ERC__COPY_TILE_NS;
	step->count_slot = ERCA_NONE;
	return ERC_OK;
}

/* One record's step in the variant of each budget. */
static enum erc_status fill_step(struct erc_request *request, const struct erca_plan *plan, uint32_t r, void **pointers)
{
	const struct erca_record *record =
		erc__record(request->session->model->artifact, ERC_TABLE_RECORDS, plan->record_first + r);
	for (uint32_t budget = 0; budget < request->session->budgets.count; budget++) {
		struct erc__step *step = &request->steps[(size_t)budget * plan->record_count + r];
		step->record = plan->record_first + r;
		step->args.buffers = pointers;
		step->args.dims = request->dims;
		if (record->kind == ERCA_RECORD_COPY)
			TRY(fill_copy(request, record, step));
		else
			fill_launch(request, record, budget, step);
	}
	return ERC_OK;
}

static enum erc_status fill_steps(struct erc_request *request, const struct erca_plan *plan)
{
	const struct erc_artifact *artifact = request->session->model->artifact;
	uint32_t pointer = 0;
	for (uint32_t r = 0; r < plan->record_count; r++) {
		const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, plan->record_first + r);
		TRY(fill_step(request, plan, r, &request->pointers[pointer]));
		for (uint32_t o = 0; o < record->operand_count; o++, pointer++) {
			const struct erca_operand *operand = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + o);
			request->pointers[pointer] = operand_address(request, operand);
			if (!is_callers(operand))
				continue;
			uint32_t first = operand->buffer == ERCA_BUFFER_OUTPUT ? request->session->entry->input_count : 0;
			request->fixups[request->fixup_count++] =
				(struct erc__fixup){first + operand->index, pointer, operand->offset};
		}
	}
	return ERC_OK;
}

/* ---- memory ---- */

static enum erc_status take(void *out, const char *what, size_t count, size_t bytes)
{
	size_t total;
	void *memory = __builtin_mul_overflow(count, bytes, &total) ? NULL : erc__alloc(total);
	memcpy(out, &memory, sizeof memory);
	return memory ? ERC_OK : erc__no_memory(what, total);
}

/* Touched here, so that the first run does not pay for it. */
static enum erc_status take_arena(struct erc_request *request, uint64_t bytes)
{
	size_t alignment = bytes >= HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES : ERCA_BUFFER_ALIGN;
	if (!bytes)
		return ERC_OK;
	request->arena = bytes <= SIZE_MAX ? erc__alloc_aligned(alignment, (size_t)bytes) : NULL;
	if (!request->arena)
		return erc__no_memory("activations", (size_t)bytes);
	request->arena_bytes = (size_t)bytes;
	if (bytes >= HUGE_PAGE_BYTES)
		madvise(request->arena, request->arena_bytes, MADV_HUGEPAGE);
	memset(request->arena, 0, request->arena_bytes);
	return ERC_OK;
}

static enum erc_status prepare(struct erc_request *request)
{
	struct erc_session *session = request->session;
	struct erc__device *device = session->model->runtime->device;
	const struct erc_artifact *artifact = session->model->artifact;
	const struct erca_entry *entry = session->entry;
	const struct erca_plan *plan = erc__record(artifact, ERC_TABLE_PLANS, entry->plan);
	size_t operands = 0, callers = 0;
	for (uint32_t r = 0; r < plan->record_count; r++) {
		const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, plan->record_first + r);
		operands += record->operand_count;
		for (uint32_t o = 0; o < record->operand_count; o++)
			callers += is_callers(erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + o));
	}
	TRY(take(&request->steps, "steps", (size_t)plan->record_count * session->budgets.count, sizeof *request->steps));
	TRY(take(&request->pointers, "pointers", operands, sizeof *request->pointers));
	TRY(take(&request->fixups, "fixups", callers, sizeof *request->fixups));
	TRY(take(&request->bound, "bindings", (size_t)entry->input_count + entry->output_count, sizeof *request->bound));
	TRY(take(&request->dims, "run-time dimensions", entry->dims_count, sizeof *request->dims));
	TRY(take(&request->states, "states", entry->input_count, sizeof *request->states));
	if (computes(request) && !device->ops->request_create)
		TRY(take_arena(request, entry->arena_bytes));
	TRY(fill_steps(request, plan));
	erc__job_init(&request->job);
	erc__item_create(&device->sched, &request->job.item, &session->tenant);
	request->job.budgets = &session->budgets;
	request->job.statistics = &session->statistics;
	request->job.session_id = session->number;
	request->job.deadline_us = session->deadline_us;
	request->job.steps = request->steps;
	request->job.step_count = plan->record_count;
	request->job.dims = request->dims;
	return device->ops->request_create ? device->ops->request_create(device, request) : ERC_OK;
}

static void free_state(struct erc__state *state)
{
	erc__free(state->memory[0]);
	erc__free(state->memory[1]);
	*state = (struct erc__state){0};
}

static void free_request(struct erc_request *request)
{
	struct erc__device *device = request->session->model->runtime->device;
	if (device->ops->request_destroy)
		device->ops->request_destroy(device, request);
	for (uint32_t i = 0; request->states && i < request->session->entry->input_count; i++)
		free_state(&request->states[i]);
	erc__free(request->states);
	erc__free(request->steps);
	erc__free(request->pointers);
	erc__free(request->fixups);
	erc__free(request->bound);
	erc__free(request->dims);
	erc__free(request->arena);
	erc__free(request);
}

enum erc_status erc_request_create(erc_session *session, erc_request **out)
{
	if (!session || !out)
		return erc__fail(ERC_INVALID, "session or out is NULL");
	*out = NULL;
	struct erc_request *request = erc__alloc_aligned(_Alignof(struct erc_request), sizeof *request);
	if (!request)
		return erc__no_memory("request", sizeof *request);
	memset(request, 0, sizeof *request);
	request->session = session;
	enum erc_status status = prepare(request);
	if (status) {
		free_request(request);
		return status;
	}
	erc__child_add(session->model->runtime, &session->request_count);
	*out = request;
	return ERC_OK;
}

static enum erc__job_state job_state(erc_request *request)
{
	return (enum erc__job_state)atomic_load_explicit(&request->job.state, memory_order_acquire);
}

enum erc_status erc_request_destroy(erc_request *request)
{
	if (!request)
		return ERC_OK;
	struct erc_session *session = request->session;
	struct erc__device *device = session->model->runtime->device;
	if (job_state(request) == ERC__JOB_RUNNING)
		return erc__fail(ERC_BUSY, "the request is running");
	device->ops->retire(device, &request->job);
	free_request(request);
	erc__child_remove(session->model->runtime, &session->request_count);
	return ERC_OK;
}

/* ---- binding ---- */

/* All operands that are this tensor. NULL: not bound any more. */
static void point_to(erc_request *request, uint32_t tensor, void *data)
{
	if (request->bound[tensor] == data)
		return;
	request->bound[tensor] = data;
	for (uint32_t i = 0; i < request->fixup_count; i++) {
		const struct erc__fixup *fixup = &request->fixups[i];
		if (fixup->tensor == tensor)
			request->pointers[fixup->pointer] = data ? (uint8_t *)data + fixup->offset : NULL;
	}
}

/* Whatever state the tensor is part of is bound no more, on both its sides. */
static void end_state(erc_request *request, uint32_t tensor)
{
	uint32_t inputs = request->session->entry->input_count;
	for (uint32_t i = 0; i < inputs; i++) {
		struct erc__state *state = &request->states[i];
		if (!state->memory[0] || (tensor != i && tensor != inputs + state->output))
			continue;
		point_to(request, i, NULL);
		point_to(request, inputs + state->output, NULL);
		free_state(state);
	}
}

static enum erc_status bind(erc_request *request, const char *what, uint32_t number, uint32_t tensor, void *data,
                            size_t bytes)
{
	const struct erc_artifact *artifact = request->session->model->artifact;
	const struct erca_tensor *record = erc__entry_tensor(artifact, request->session->entry, tensor);
	if (job_state(request) == ERC__JOB_RUNNING)
		return erc__fail(ERC_BUSY, "the request is running");
	if (!data && record->bytes)
		return erc__fail(ERC_INVALID, "%s %u '%s': data is NULL", what, number,
		                 erc_artifact_string(artifact, record->name));
	if (bytes != record->bytes)
		return erc__fail(ERC_INVALID, "%s %u '%s': %zu bytes given, it has %llu", what, number,
		                 erc_artifact_string(artifact, record->name), bytes, (unsigned long long)record->bytes);
	if (!data)
		data = request; /* an empty tensor: any address that is not NULL; nothing is read or written there */
	end_state(request, tensor);
	point_to(request, tensor, data);
	return ERC_OK;
}

enum erc_status erc_request_bind_input(erc_request *request, uint32_t input, const void *data, size_t bytes)
{
	if (!request)
		return erc__fail(ERC_INVALID, "request is NULL");
	if (input >= request->session->entry->input_count)
		return erc__fail(ERC_NOT_FOUND, "no input %u; there are %u", input, request->session->entry->input_count);
	return bind(request, "input", input, input, (void *)data, bytes);
}

enum erc_status erc_request_bind_output(erc_request *request, uint32_t output, void *data, size_t bytes)
{
	if (!request)
		return erc__fail(ERC_INVALID, "request is NULL");
	if (output >= request->session->entry->output_count)
		return erc__fail(ERC_NOT_FOUND, "no output %u; there are %u", output, request->session->entry->output_count);
	return bind(request, "output", output, request->session->entry->input_count + output, data, bytes);
}

/* ---- state ---- */

static void point_state(erc_request *request, uint32_t input)
{
	struct erc__state *state = &request->states[input];
	point_to(request, input, state->memory[state->now]);
	point_to(request, request->session->entry->input_count + state->output, state->memory[!state->now]);
}

static enum erc_status check_state(const erc_request *request, uint32_t input, uint32_t output)
{
	const struct erc_artifact *artifact = request->session->model->artifact;
	const struct erca_entry *entry = request->session->entry;
	if (input >= entry->input_count || output >= entry->output_count)
		return erc__fail(ERC_NOT_FOUND, "no input %u or no output %u; there are %u and %u", input, output,
		                 entry->input_count, entry->output_count);
	const struct erca_tensor *from = erc__entry_tensor(artifact, entry, entry->input_count + output);
	const struct erca_tensor *to = erc__entry_tensor(artifact, entry, input);
	if (from->dtype != to->dtype || from->rank != to->rank || memcmp(from->dims, to->dims, sizeof to->dims) ||
	    erc__has_runtime_dims(from))
		return erc__fail(ERC_INVALID, "output %u '%s' and input %u '%s' are not of one dtype and shape", output,
		                 erc_artifact_string(artifact, from->name), input, erc_artifact_string(artifact, to->name));
	return ERC_OK;
}

enum erc_status erc_request_bind_state(erc_request *request, uint32_t input, uint32_t output)
{
	if (!request)
		return erc__fail(ERC_INVALID, "request is NULL");
	if (job_state(request) == ERC__JOB_RUNNING)
		return erc__fail(ERC_BUSY, "the request is running");
	TRY(check_state(request, input, output));
	const struct erca_tensor *tensor =
		erc__entry_tensor(request->session->model->artifact, request->session->entry, input);
	struct erc__state state = {.output = output, .bytes = tensor->bytes};
	for (int i = 0; i < 2; i++) {
		state.memory[i] = erc__alloc_aligned(ERCA_BUFFER_ALIGN, tensor->bytes ? tensor->bytes : 1);
		if (!state.memory[i]) {
			free_state(&state);
			return erc__no_memory("state", tensor->bytes);
		}
		memset(state.memory[i], 0, tensor->bytes);
	}
	end_state(request, input);
	end_state(request, request->session->entry->input_count + output);
	request->states[input] = state;
	point_state(request, input);
	return ERC_OK;
}

void *erc_request_state(erc_request *request, uint32_t input)
{
	if (!request || input >= request->session->entry->input_count || job_state(request) == ERC__JOB_RUNNING)
		return NULL;
	return request->states[input].memory[request->states[input].now];
}

static void step_states(erc_request *request)
{
	for (uint32_t i = 0; i < request->session->entry->input_count; i++) {
		if (!request->states[i].memory[0])
			continue;
		request->states[i].now ^= 1;
		point_state(request, i);
	}
}

static enum erc_status check_bound(const erc_request *request)
{
	const struct erc_artifact *artifact = request->session->model->artifact;
	const struct erca_entry *entry = request->session->entry;
	for (uint32_t i = 0; i < entry->input_count + entry->output_count; i++) {
		if (request->bound[i])
			continue;
		int is_input = i < entry->input_count;
		return erc__fail(ERC_INVALID, "%s %u '%s' is not bound", is_input ? "input" : "output",
		                 is_input ? i : i - entry->input_count,
		                 erc_artifact_string(artifact, erc__entry_tensor(artifact, entry, i)->name));
	}
	return ERC_OK;
}

/* ---- runs ---- */

#ifdef ERC_DEBUG
/* NaNs, so that a kernel that reads what none has written shows in the result. */
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

enum erc_status erc_request_submit_at(erc_request *request, uint64_t arrival_ns)
{
	if (!request)
		return erc__fail(ERC_INVALID, "request is NULL");
	struct erc__device *device = request->session->model->runtime->device;
	if (job_state(request) != ERC__JOB_IDLE)
		return erc__fail(ERC_BUSY, "the last run was not waited for");
	TRY(check_bound(request));
	poison_arena(request);
	if (request->session->entry->dims_count)
		memset(request->dims, 0, request->session->entry->dims_count * sizeof *request->dims);
	request->has_result = 0;
	return device->ops->submit(device, &request->job, arrival_ns);
}

enum erc_status erc_request_submit(erc_request *request)
{
	return erc_request_submit_at(request, UINT64_MAX);
}

/* On a device with a time of its own, waiting makes it pass. 0: still running. */
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
	const struct erca_entry *entry = request->session->entry;
	return erc__entry_tensor(request->session->model->artifact, entry, entry->input_count + output);
}

static int64_t output_dim(const struct erc_request *request, const struct erca_tensor *tensor, uint32_t d)
{
	uint32_t slot = tensor->dim_slots[d];
	return slot == ERCA_NONE || !computes(request) ? tensor->dims[d] : request->dims[slot];
}

/* What kernels wrote as dims of the outputs is within their bounds: the caller will read that much. */
static enum erc_status check_output_dims(struct erc_request *request)
{
	for (uint32_t i = 0; i < request->session->entry->output_count; i++) {
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

enum erc_status erc_request_wait(erc_request *request, uint64_t timeout_us)
{
	if (!request)
		return erc__fail(ERC_INVALID, "request is NULL");
	if (job_state(request) == ERC__JOB_IDLE)
		return erc__fail(ERC_INVALID, "the request was not submitted");
	struct erc__device *device = request->session->model->runtime->device;
	if (!await_job(device, &request->job, timeout_us))
		return erc__fail(ERC_TIMEOUT, "the run was not through after %llu us", (unsigned long long)timeout_us);
	enum erc_status result = request->job.result ? request->job.result : check_output_dims(request);
	request->has_result = !result;
	if (!result && device->ops->collect)
		device->ops->collect(device, request);
	if (!result)
		step_states(request);
	atomic_store_explicit(&request->job.state, ERC__JOB_IDLE, memory_order_release);
	return result ? erc__fail(result, "%s", request->job.detail) : ERC_OK;
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
	if (atomic_load_explicit(&request->job.state, memory_order_acquire) != ERC__JOB_IDLE || !job->finished_ns)
		return erc__fail(ERC_INVALID, "times are known when a run was waited for");
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
	const struct erca_entry *entry = request->session->entry;
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
