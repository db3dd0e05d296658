/* Requests on a CUDA device: their device memory, pinned memory for inputs and outputs, and a prepared launch for
 * each step and budget, so that submitting only fills in a few words. */
#include <stdio.h>
#include <string.h>

#include "runtime/devices/cuda_device.h"

#define ALIGNMENT ((size_t)256)
#define ROOM_BYTES ALIGNMENT

/* ---- layout ---- */

/* Reserves the next part of a block and returns its offset. */
static size_t place(size_t *end, size_t bytes)
{
	size_t at = (*end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	*end = at + bytes;
	return at;
}

static enum erc_status take(void *out, const char *what, size_t count, size_t bytes)
{
	void *memory = erc__alloc(count * bytes);
	memcpy(out, &memory, sizeof memory);
	return memory ? ERC_OK : erc__no_memory(what, count * bytes);
}

static const struct erca_tensor *tensor_at(const struct cuda_request *request, uint32_t tensor)
{
	const struct erc_session *session = request->owner->session;
	return erc__entry_tensor(session->model->artifact, request->entry, tensor);
}

static enum erc_status take_arrays(struct cuda_request *request)
{
	const struct erc_session *session = request->owner->session;
	TRY(take(&request->tensors, "tensors", request->tensor_count, sizeof *request->tensors));
	TRY(take(&request->staging, "tensors", request->tensor_count, sizeof *request->staging));
	TRY(take(&request->tensor_bytes, "tensors", request->tensor_count, sizeof *request->tensor_bytes));
	TRY(take(&request->is_uploaded, "tensors", request->tensor_count, sizeof *request->is_uploaded));
	TRY(take(&request->steps, "launches", (size_t)request->step_count * session->budgets.count,
	         sizeof *request->steps));
	TRY(take(&request->taken, "launches", request->step_count, sizeof *request->taken));
	TRY(take(&request->tiles, "launches", request->step_count, sizeof *request->tiles));
	TRY(take(&request->done, "launches", request->step_count, sizeof *request->done));
	return take(&request->claimed, "launches", request->step_count, sizeof *request->claimed);
}

/* Allocates both blocks. The host's own run-time dims belong to the owner. */
static enum erc_status take_memory(struct cuda_request *request)
{
	struct cuda_device *device = request->device;
	const struct erca_entry *entry = request->entry;
	size_t progress_bytes = request->step_count * sizeof(struct erc_cuda_progress);
	size_t on_device = ROOM_BYTES, on_host = ROOM_BYTES;
	request->seen_bytes = progress_bytes + entry->dims_count * sizeof(int64_t);
	size_t progress = place(&on_device, request->seen_bytes);
	size_t seen[] = {place(&on_host, request->seen_bytes), place(&on_host, request->seen_bytes)};
	for (uint32_t i = 0; i < request->tensor_count; i++) {
		request->tensor_bytes[i] = tensor_at(request, i)->bytes;
		request->tensors[i] = place(&on_device, request->tensor_bytes[i]);
		request->staging[i] = (uint8_t *)place(&on_host, request->tensor_bytes[i]);
	}
	size_t arena = place(&on_device, entry->arena_bytes);
	void *pinned = NULL;
	enum erc_status status = CU(device, cuMemAllocAsync, &request->memory, on_device, device->upload);
	if (status)
		request->memory = 0;
	if (status == ERC_NOMEM)
		return erc__fail(status,
		                 "the GPU has no %zu bytes left for a request: create fewer requests, or use a larger GPU",
		                 on_device);
	TRY(status);
	TRY(CU(device, cuMemHostAlloc, &pinned, on_host, 0));
	request->pinned = pinned;
	memset(pinned, 0, on_host);
	request->progress = request->memory + progress;
	request->dims = request->progress + progress_bytes;
	request->arena = request->memory + arena;
	for (int i = 0; i < 2; i++)
		request->flights[i].seen = (void *)(request->pinned + seen[i]);
	for (uint32_t i = 0; i < request->tensor_count; i++) {
		request->tensors[i] += request->memory;
		request->staging[i] = request->pinned + (size_t)request->staging[i];
	}
	TRY(CU(device, cuMemsetD8Async, request->memory, 0, on_device, device->upload));
	return CU(device, cuStreamSynchronize, device->upload); /* any stream may use it afterwards */
}

/* ---- steps ---- */

static cu_address operand_address(const struct cuda_request *request, const struct erca_operand *operand)
{
	const struct erc_session *session = request->owner->session;
	switch (operand->buffer) {
	case ERCA_BUFFER_ARENA: return request->arena + operand->offset;
	case ERCA_BUFFER_WEIGHTS: return session->model->image->weights + operand->offset;
	case ERCA_BUFFER_INPUT: return request->tensors[operand->index] + operand->offset;
	case ERCA_BUFFER_OUTPUT: return request->tensors[request->entry->input_count + operand->index] + operand->offset;
	default: return request->dims + operand->offset;
	}
}

static void fill_copy(struct cuda_request *request, const struct erca_record *record, struct cuda_step *step)
{
	const struct erc_artifact *artifact = request->owner->session->model->artifact;
	step->from = operand_address(request, erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first));
	step->to = operand_address(request, erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + 1));
}

static enum erc_status check_launch(const struct cuda_request *request, const struct erca_record *record,
                                    const struct erca_variant *variant, const struct cuda_kernel *kernel)
{
	size_t max_local = request->device->max_local_bytes - kernel->static_local_bytes;
	if (record->operand_count > ERC_CUDA_MOST_OPERANDS || variant->param_count > ERC_CUDA_MOST_PARAMS)
		return erc__fail(ERC_LIMIT, "%u operands and %u parameters in a launch; a CUDA kernel takes up to %d and %d",
		                 record->operand_count, variant->param_count, ERC_CUDA_MOST_OPERANDS, ERC_CUDA_MOST_PARAMS);
	if (!variant->threads || variant->threads > 1024)
		return erc__fail(ERC_CORRUPT, "a launch of %u threads a block", variant->threads);
	if (variant->local_bytes > max_local)
		return erc__fail(ERC_NO_TARGET, "a kernel asks for %llu bytes of shared memory, this GPU (%s) has %zu for it",
		                 (unsigned long long)variant->local_bytes, request->device->target, max_local);
	return ERC_OK;
}

static enum erc_status fill_launch(struct cuda_request *request, const struct erca_record *record, uint32_t budget,
                                   struct cuda_step *step)
{
	struct cuda_device *device = request->device;
	const struct erc_artifact *artifact = request->owner->session->model->artifact;
	const struct erca_variant *variant = erc__record(artifact, ERC_TABLE_VARIANTS, record->variant_first + budget);
	struct erc_cuda_launch *launch = &step->launch;
	int blocks = 0;
	step->kernel = step->step->native;
	TRY(check_launch(request, record, variant, step->kernel));
	step->threads = variant->threads;
	step->local_bytes = (uint32_t)variant->local_bytes;
	TRY(CU(device, cuOccupancyMaxActiveBlocksPerMultiprocessor, &blocks, step->kernel->elastic, (int)step->threads,
	       step->local_bytes));
	if (blocks < 1)
		return erc__fail(ERC_NO_TARGET,
		                 "a block of %u threads with %u bytes of shared memory does not fit this GPU (%s)",
		                 step->threads, step->local_bytes, device->target);
	for (uint32_t o = 0; o < record->operand_count; o++)
		launch->buffers[o] = (void *)(uintptr_t)operand_address(request, erc__record(artifact, ERC_TABLE_OPERANDS,
		                                                                             record->operand_first + o));
	for (uint32_t i = 0; i < variant->param_count; i++)
		launch->params[i] = *(const int64_t *)erc__record(artifact, ERC_TABLE_PARAMS, variant->param_first + i);
	launch->dims = (void *)(uintptr_t)request->dims;
	step->blocks_per_unit =
		(uint32_t)blocks < ERC__CUDA_MAX_BLOCKS_PER_UNIT ? (uint32_t)blocks : ERC__CUDA_MAX_BLOCKS_PER_UNIT;
	launch->room = (void *)(uintptr_t)request->memory;
	request->has_slots |= variant->count_slot != ERCA_NONE;
	return ERC_OK;
}

static enum erc_status fill_steps(struct cuda_request *request)
{
	const struct erc_session *session = request->owner->session;
	const struct erc_artifact *artifact = session->model->artifact;
	const struct erca_plan *plan = erc__record(artifact, ERC_TABLE_PLANS, request->entry->plan);
	for (uint32_t i = 0; i < request->step_count * session->budgets.count; i++) {
		uint32_t number = i % request->step_count;
		const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, plan->record_first + number);
		struct cuda_step *step = &request->steps[i];
		step->step = &request->owner->form->steps[i];
		step->launch.progress = (struct erc_cuda_progress *)(uintptr_t)request->progress + number;
		if (record->kind == ERCA_RECORD_COPY)
			fill_copy(request, record, step);
		else
			TRY(fill_launch(request, record, i / request->step_count, step));
		if (record->kind != ERCA_RECORD_COPY)
			erc__cuda_fill_board(request, number, &step->launch);
	}
	return ERC_OK;
}

/* Finds the inputs, and the outputs that the first record to touch them reads. */
static void find_uploads(struct cuda_request *request)
{
	const struct erc_session *session = request->owner->session;
	const struct erc_artifact *artifact = session->model->artifact;
	const struct erca_plan *plan = erc__record(artifact, ERC_TABLE_PLANS, request->entry->plan);
	uint32_t inputs = request->entry->input_count;
	for (uint32_t r = plan->record_count; r--;) { /* backwards, so that the first record decides */
		const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, plan->record_first + r);
		for (uint32_t o = 0; o < record->operand_count; o++) {
			const struct erca_operand *operand = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + o);
			if (operand->buffer == ERCA_BUFFER_OUTPUT)
				request->is_uploaded[inputs + operand->index] = operand->access & ERCA_ACCESS_READ;
		}
	}
	memset(request->is_uploaded, 1, inputs);
}

/* ---- create and destroy ---- */

/* RT by level, with the first level highest; BE below all RT. */
static int priority_of(const struct cuda_device *device, const struct erc__tenant *tenant)
{
	int priority = device->highest + (tenant->level < 64 ? (int)tenant->level : 64);
	if (tenant->class_ == ERC_BEST_EFFORT)
		return device->lowest;
	return priority < device->lowest          ? priority
	       : device->lowest > device->highest ? device->lowest - 1
	                                          : device->lowest;
}

static enum erc_status prepare(struct cuda_request *request)
{
	struct cuda_device *device = request->device;
	const struct erc_session *session = request->owner->session;
	int priority = priority_of(device, &session->tenant);
	TRY(take_arrays(request));
	TRY(take_memory(request));
	TRY(erc__cuda_find_phases(request));
	TRY(fill_steps(request));
	find_uploads(request);
	for (int i = 0; i < 2; i++) {
		request->flights[i].request = request;
		TRY(CU(device, cuStreamCreateWithPriority, &request->flights[i].stream, CU_STREAM_NON_BLOCKING, priority));
	}
	TRY(CU(device, cuEventCreate, &request->ready, CU_EVENT_DISABLE_TIMING));
	if (session->tenant.class_ == ERC_REAL_TIME && !request->has_slots && device->base.units == device->all_units)
		TRY(erc__cuda_make_graph(request, erc__job_budget(&request->owner->job, device->base.units)));
	return ERC_OK;
}

enum erc_status erc__cuda_request_create(struct erc__device *base, struct erc_request *owner)
{
	struct cuda_device *device = (struct cuda_device *)base;
	const struct erca_entry *entry = erc__request_entry(owner);
	TRY(erc__cuda_is_alive(device));
	struct cuda_request *request = erc__alloc(sizeof *request);
	if (!request)
		return erc__no_memory("request", sizeof *request);
	owner->job.native = request;
	request->device = device;
	request->owner = owner;
	request->entry = entry;
	request->tensor_count = entry->input_count + entry->output_count;
	request->step_count = owner->job.step_count;
	enum erc_status status = erc__cuda_enter(device);
	if (!status) {
		status = prepare(request);
		erc__cuda_leave(device);
	}
	return status; /* the owner destroys what exists */
}

void erc__cuda_request_free(struct cuda_request *request)
{
	erc__free(request->tensors);
	erc__free(request->staging);
	erc__free(request->tensor_bytes);
	erc__free(request->is_uploaded);
	erc__free(request->steps);
	erc__free(request->taken);
	erc__free(request->tiles);
	erc__free(request->done);
	erc__free(request->claimed);
	erc__free(request->phases);
	erc__free(request);
}

/* Called in the context. These calls fail only on a lost device, whose context frees everything. */
static void release(struct cuda_request *request)
{
	const struct cuda_driver *driver = &request->device->driver;
	for (int i = 0; i < 2; i++) {
		if (!request->flights[i].stream)
			continue;
		driver->cuStreamSynchronize(request->flights[i].stream); /* until the host function has returned */
		driver->cuStreamDestroy_v2(request->flights[i].stream);
	}
	driver->cuStreamSynchronize(request->device->control); /* until the last word is written */
	if (request->graph)
		driver->cuGraphExecDestroy(request->graph);
	if (request->ready)
		driver->cuEventDestroy_v2(request->ready);
	if (request->memory)
		driver->cuMemFreeAsync(request->memory, request->device->upload);
	if (request->pinned)
		driver->cuMemFreeHost(request->pinned);
}

void erc__cuda_request_destroy(struct erc__device *base, struct erc_request *owner)
{
	struct cuda_device *device = (struct cuda_device *)base;
	struct cuda_request *request = owner->job.native;
	if (!request)
		return;
	if (!erc__cuda_enter(device)) {
		release(request);
		erc__cuda_leave(device);
	}
	if (!atomic_load(&device->is_lost)) {
		erc__cuda_request_free(request);
		return;
	}
	pthread_mutex_lock(&base->lock);
	request->next = device->dead;
	device->dead = request;
	pthread_mutex_unlock(&base->lock);
}

/* ---- in and out ---- */

void erc__cuda_stage(struct cuda_request *request)
{
	for (uint32_t i = 0; i < request->tensor_count; i++)
		if (request->is_uploaded[i] && request->tensor_bytes[i])
			memcpy(request->staging[i], request->owner->bound[i], request->tensor_bytes[i]);
}

void erc__cuda_collect(struct erc__device *device, struct erc_request *owner)
{
	const struct cuda_request *request = owner->job.native;
	(void)device;
	for (uint32_t i = request->entry->input_count; i < request->tensor_count; i++)
		if (request->tensor_bytes[i])
			memcpy(owner->bound[i], request->staging[i], request->tensor_bytes[i]);
}
