/* Requests: all memory of a run, prepared once. Submitting allocates nothing and looks nothing up. */
#include <string.h>
#include <sys/mman.h>

#include "runtime/request.h"

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

static bool is_callers(const struct erca_operand *operand)
{
	return operand->buffer == ERCA_BUFFER_INPUT || operand->buffer == ERCA_BUFFER_OUTPUT;
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
	/* without kernels nothing writes run-time dimensions: they are their bounds */
	step->count_slot = erc__request_computes(request) ? variant->count_slot : ERCA_NONE;
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

/* The record's step, in the variant of each budget. */
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

/* Writes to all of the memory, so that the first run has no page faults. */
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
	TRY(take(&request->copies, "copies of inputs", entry->input_count, sizeof *request->copies));
	if (erc__request_computes(request) && !device->ops->request_create)
		TRY(take_arena(request, entry->arena_bytes));
	TRY(fill_steps(request, plan));
	erc__job_init(&request->job);
	erc__item_create(&device->sched, &request->job.item, &session->tenant);
	request->job.budgets = &session->budgets;
	request->job.statistics = &session->statistics;
	request->job.session_id = session->number;
	request->job.steps = request->steps;
	request->job.step_count = plan->record_count;
	request->job.dims = request->dims;
	return device->ops->request_create ? device->ops->request_create(device, request) : ERC_OK;
}

static void free_request(struct erc_request *request)
{
	struct erc__device *device = request->session->model->runtime->device;
	if (device->ops->request_destroy)
		device->ops->request_destroy(device, request);
	for (uint32_t i = 0; request->states && i < request->session->entry->input_count; i++)
		erc__state_free(&request->states[i]);
	for (uint32_t i = 0; request->copies && i < request->session->entry->input_count; i++)
		erc__free(request->copies[i]);
	erc__free(request->copies);
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
	TRY(erc__check_process(session->model->runtime));
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
	erc__child_add(session->model->runtime, ERC__REQUEST, &session->request_count);
	*out = request;
	return ERC_OK;
}

enum erc_status erc_request_destroy(erc_request *request)
{
	if (!request)
		return ERC_OK;
	struct erc_session *session = request->session;
	struct erc__device *device = session->model->runtime->device;
	TRY(erc__check_process(session->model->runtime));
	if (erc__request_job_state(request) == ERC__JOB_RUNNING)
		return erc__fail(ERC_BUSY, "the request is running");
	device->ops->retire(device, &request->job);
	erc__device_forget_end(device, &request->job);
	free_request(request);
	erc__child_remove(session->model->runtime, ERC__REQUEST, &session->request_count);
	return ERC_OK;
}
