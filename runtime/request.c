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

static const struct erca_record *record_of(const struct erc_request *request, const struct erc__form *form, uint32_t i)
{
	return erc__record(request->session->model->artifact, ERC_TABLE_RECORDS,
	                   form->of->forecast.launches[i].place.record);
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
	step->param_count = variant->param_count;
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

static void fill_branch(struct erc_request *request, const struct erc__form *form, uint32_t i,
                        const struct erca_record *record, struct erc__step *step)
{
	const struct erc__forecast_launch *expected = &form->of->forecast.launches[i];
	step->kind = expected->place.kind;
	step->goes_to = expected->place.goes_to;
	step->is_assumed = !erc__request_computes(request);
	step->most = record->most;
	if (step->is_assumed)
		step->most = step->kind == ERC__STEP_BRANCH ? !expected->takes_else : expected->place.times;
}

/* Step i, in the variant of each budget. */
static enum erc_status fill_step(struct erc_request *request, const struct erc__form *form, uint32_t i,
                                 const struct erca_record *record, void **pointers)
{
	const struct erc__place *place = &form->of->forecast.launches[i].place;
	for (uint32_t budget = 0; budget < request->session->budgets.count; budget++) {
		struct erc__step *step = &form->steps[(size_t)budget * form->step_count + i];
		step->record = place->record;
		step->args.buffers = pointers;
		step->args.dims = request->dims;
		if (place->kind != ERC__STEP_LAUNCH)
			fill_branch(request, form, i, record, step);
		else if (record->kind == ERCA_RECORD_COPY)
			TRY(fill_copy(request, record, step));
		else
			fill_launch(request, record, budget, step);
	}
	return ERC_OK;
}

static enum erc_status fill_steps(struct erc_request *request, struct erc__form *form)
{
	const struct erc_artifact *artifact = request->session->model->artifact;
	uint32_t pointer = 0;
	for (uint32_t i = 0; i < form->step_count; i++) {
		const struct erca_record *record = record_of(request, form, i);
		TRY(fill_step(request, form, i, record, &form->pointers[pointer]));
		for (uint32_t o = 0; o < record->operand_count; o++, pointer++) {
			const struct erca_operand *operand = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + o);
			form->pointers[pointer] = operand_address(request, operand);
			if (!is_callers(operand))
				continue;
			uint32_t first = operand->buffer == ERCA_BUFFER_OUTPUT ? form->of->entry->input_count : 0;
			form->fixups[form->fixup_count++] = (struct erc__fixup){first + operand->index, pointer, operand->offset};
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

static enum erc_status prepare_form(struct erc_request *request, struct erc__form *form)
{
	const struct erc_session *session = request->session;
	struct erc__device *device = session->model->runtime->device;
	const struct erc_artifact *artifact = session->model->artifact;
	size_t operands = 0, callers = 0;
	form->step_count = form->of->forecast.count;
	for (uint32_t i = 0; i < form->step_count; i++) {
		const struct erca_record *record = record_of(request, form, i);
		operands += record->operand_count;
		for (uint32_t o = 0; o < record->operand_count; o++)
			callers += is_callers(erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + o));
	}
	TRY(take(&form->steps, "steps", (size_t)form->step_count * session->budgets.count, sizeof *form->steps));
	TRY(take(&form->pointers, "pointers", operands, sizeof *form->pointers));
	TRY(take(&form->fixups, "fixups", callers, sizeof *form->fixups));
	TRY(fill_steps(request, form));
	form->resized.bases[ERCA_BUFFER_ARENA] = request->arena;
	form->resized.bases[ERCA_BUFFER_WEIGHTS] = (uint8_t *)(uintptr_t)artifact->weights;
	form->resized.bases[ERCA_BUFFER_DIMS] = (uint8_t *)request->dims;
	TRY(erc__form_prepare_sizes(request, form));
	erc__request_take_form(request, form);
	if (!device->ops->request_create)
		return ERC_OK;
	enum erc_status status = device->ops->request_create(device, request);
	form->native = request->job.native; /* also if it failed: it is destroyed with the form */
	return status;
}

static enum erc_status prepare(struct erc_request *request)
{
	struct erc_session *session = request->session;
	struct erc__device *device = session->model->runtime->device;
	const struct erca_entry *first = session->entries[0].entry;
	uint64_t arena_bytes = 0, dims_count = 0;
	for (uint32_t i = 0; i < session->entry_count; i++) {
		const struct erca_entry *entry = session->entries[i].entry;
		arena_bytes = entry->arena_bytes > arena_bytes ? entry->arena_bytes : arena_bytes;
		dims_count = entry->dims_count > dims_count ? entry->dims_count : dims_count;
	}
	TRY(take(&request->bound, "bindings", (size_t)first->input_count + first->output_count, sizeof *request->bound));
	TRY(take(&request->dims, "run-time dimensions", (size_t)dims_count, sizeof *request->dims));
	TRY(take(&request->states, "states", first->input_count, sizeof *request->states));
	TRY(take(&request->copies, "copies of inputs", first->input_count, sizeof *request->copies));
	if (erc__request_computes(request) && !device->ops->request_create)
		TRY(take_arena(request, arena_bytes));
	erc__job_init(&request->job);
	erc__item_create(&device->sched, &request->job.item, &session->tenant);
	request->job.budgets = &session->budgets;
	request->job.statistics = &session->statistics;
	request->job.session_id = session->number;
	request->job.dims = request->dims;
	TRY(take(&request->forms, "entry points", session->entry_count, sizeof *request->forms));
	for (uint32_t i = 0; i < session->entry_count; i++) {
		request->forms[i].of = &session->entries[i];
		TRY(prepare_form(request, &request->forms[i]));
	}
	erc__request_take_form(request, &request->forms[0]);
	return ERC_OK;
}

static void free_form(struct erc_request *request, struct erc__form *form)
{
	struct erc__device *device = request->session->model->runtime->device;
	request->job.native = form->native;
	if (device->ops->request_destroy)
		device->ops->request_destroy(device, request);
	erc__free(form->steps);
	erc__free(form->pointers);
	erc__free(form->fixups);
	erc__form_free_sizes(form);
}

static void free_request(struct erc_request *request)
{
	const struct erc_session *session = request->session;
	for (uint32_t i = 0; request->forms && i < session->entry_count; i++)
		free_form(request, &request->forms[i]);
	for (uint32_t i = 0; request->states && i < session->entries[0].entry->input_count; i++)
		erc__state_free(&request->states[i]);
	for (uint32_t i = 0; request->copies && i < session->entries[0].entry->input_count; i++)
		erc__free(request->copies[i]);
	erc__free(request->forms);
	erc__free(request->copies);
	erc__free(request->states);
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
