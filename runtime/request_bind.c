/* What a request reads and writes: the caller's inputs and outputs, and state that the runtime keeps from run to run. */
#include <string.h>

#include "runtime/request.h"

void erc__state_free(struct erc__state *state)
{
	erc__free(state->memory[0]);
	erc__free(state->memory[1]);
	*state = (struct erc__state){0};
}

static void point(const erc_request *request, const struct erc__fixup *fixup)
{
	uint8_t *data = request->bound[fixup->tensor];
	request->form->pointers[fixup->pointer] = data ? data + fixup->offset : NULL;
}

/* Points all operands of the tensor at data; NULL unbinds it. */
static void point_to(erc_request *request, uint32_t tensor, void *data)
{
	if (request->bound[tensor] == data)
		return;
	request->bound[tensor] = data;
	for (uint32_t i = 0; i < request->form->fixup_count; i++)
		if (request->form->fixups[i].tensor == tensor)
			point(request, &request->form->fixups[i]);
}

/* If the tensor belongs to a state, unbinds the state, its input and its output, and frees its memory. */
static void end_state(erc_request *request, uint32_t tensor)
{
	uint32_t inputs = erc__request_entry(request)->input_count;
	for (uint32_t i = 0; i < inputs; i++) {
		struct erc__state *state = &request->states[i];
		if (!state->memory[0] || (tensor != i && tensor != inputs + state->output))
			continue;
		point_to(request, i, NULL);
		point_to(request, inputs + state->output, NULL);
		erc__state_free(state);
	}
}

void erc__request_keep_bindings(struct erc_request *request, const struct erca_tensor *before,
                                const struct erc__form *next)
{
	const struct erca_entry *entry = erc__request_entry(request);
	for (uint32_t i = 0; i < entry->input_count + entry->output_count; i++) {
		const struct erca_tensor *from = before ? &before[i] : erc__request_tensor(request, i);
		const struct erca_tensor *to = erc__form_tensor(request, next, i);
		if (from->rank == to->rank && !memcmp(from->dims, to->dims, sizeof to->dims))
			continue;
		end_state(request, i);
		point_to(request, i, NULL);
	}
}

void erc__request_point_all(struct erc_request *request)
{
	for (uint32_t i = 0; i < request->form->fixup_count; i++)
		point(request, &request->form->fixups[i]);
}

static enum erc_status bind(erc_request *request, const char *what, uint32_t number, uint32_t tensor, void *data,
                            size_t bytes)
{
	const struct erc_artifact *artifact = request->session->model->artifact;
	const struct erca_tensor *record = erc__request_tensor(request, tensor);
	if (erc__request_job_state(request) == ERC__JOB_RUNNING)
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
	if (input >= erc__request_entry(request)->input_count)
		return erc__fail(ERC_NOT_FOUND, "no input %u; there are %u", input, erc__request_entry(request)->input_count);
	return bind(request, "input", input, input, (void *)data, bytes);
}

enum erc_status erc_request_bind_output(erc_request *request, uint32_t output, void *data, size_t bytes)
{
	if (!request)
		return erc__fail(ERC_INVALID, "request is NULL");
	if (output >= erc__request_entry(request)->output_count)
		return erc__fail(ERC_NOT_FOUND, "no output %u; there are %u", output,
		                 erc__request_entry(request)->output_count);
	return bind(request, "output", output, erc__request_entry(request)->input_count + output, data, bytes);
}

/* ---- copies ---- */

/* Binds memory of the request to the input, to be written at once. */
static enum erc_status bind_copy(erc_request *request, uint32_t input, uint8_t **out)
{
	if (erc__request_job_state(request) == ERC__JOB_RUNNING)
		return erc__fail(ERC_BUSY, "the request is running");
	uint64_t bytes = 1; /* enough for each entry */
	for (uint32_t i = 0; i < request->session->entry_count; i++) {
		const struct erca_tensor *tensor =
			erc__entry_tensor(request->session->model->artifact, request->session->entries[i].entry, input);
		bytes = tensor->bytes > bytes ? tensor->bytes : bytes;
	}
	if (!request->copies[input])
		request->copies[input] = erc__alloc_aligned(ERCA_BUFFER_ALIGN, bytes);
	*out = request->copies[input];
	if (!*out)
		return erc__no_memory("copy of an input", bytes);
	end_state(request, input);
	point_to(request, input, *out);
	return ERC_OK;
}

static enum erc_status input_record(const erc_request *request, uint32_t input, const struct erca_tensor **out)
{
	if (!request)
		return erc__fail(ERC_INVALID, "request is NULL");
	const struct erca_entry *entry = erc__request_entry(request);
	if (input >= entry->input_count)
		return erc__fail(ERC_NOT_FOUND, "no input %u; there are %u", input, entry->input_count);
	*out = erc__request_tensor(request, input);
	return ERC_OK;
}

enum erc_status erc_request_copy_pieces(erc_request *request, uint32_t input, const struct erc_piece *pieces,
                                        size_t count)
{
	const struct erca_tensor *record;
	uint64_t bytes = 0;
	uint8_t *to;
	TRY(input_record(request, input, &record));
	const char *name = erc_artifact_string(request->session->model->artifact, record->name);
	if (!pieces && count)
		return erc__fail(ERC_INVALID, "input %u '%s': pieces is NULL", input, name);
	for (size_t i = 0; i < count; i++) {
		if (!pieces[i].data && pieces[i].bytes)
			return erc__fail(ERC_INVALID, "input %u '%s': piece %zu: data is NULL", input, name, i);
		if (__builtin_add_overflow(bytes, pieces[i].bytes, &bytes))
			bytes = UINT64_MAX;
	}
	if (bytes != record->bytes)
		return erc__fail(ERC_INVALID, "input %u '%s': %llu bytes given in %zu pieces, it has %llu", input, name,
		                 (unsigned long long)bytes, count, (unsigned long long)record->bytes);
	TRY(bind_copy(request, input, &to));
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].bytes)
			memcpy(to, pieces[i].data, pieces[i].bytes);
		to += pieces[i].bytes;
	}
	return ERC_OK;
}

/* Copies dims d to the last one; the innermost dims whose strides are dense go at once. Returns the end of what was written. */
static uint8_t *gather(const struct erca_tensor *record, uint32_t d, const uint8_t *from, const int64_t *strides,
                       uint32_t dense, uint64_t dense_bytes, uint8_t *to)
{
	if (d == dense) {
		memcpy(to, from, dense_bytes);
		return to + dense_bytes;
	}
	for (int64_t i = 0; i < record->dims[d]; i++, from += strides[d])
		to = gather(record, d + 1, from, strides, dense, dense_bytes, to);
	return to;
}

enum erc_status erc_request_copy_strided(erc_request *request, uint32_t input, const void *data, const int64_t *strides)
{
	const struct erca_tensor *record;
	uint8_t *to;
	TRY(input_record(request, input, &record));
	const char *name = erc_artifact_string(request->session->model->artifact, record->name);
	uint64_t dense_bytes = erc_dtype_bytes((enum erc_dtype)record->dtype);
	uint32_t dense = record->rank;
	if ((!data && record->bytes) || (!strides && record->rank))
		return erc__fail(ERC_INVALID, "input %u '%s': data or strides is NULL", input, name);
	if (!dense_bytes)
		return erc__fail(ERC_INVALID, "input %u '%s': elements of %u bits have no strides in bytes", input, name,
		                 erc_dtype_bits((enum erc_dtype)record->dtype));
	TRY(bind_copy(request, input, &to));
	if (!record->bytes)
		return ERC_OK;
	for (; dense && strides[dense - 1] == (int64_t)dense_bytes; dense--)
		dense_bytes *= (uint64_t)record->dims[dense - 1];
	gather(record, 0, data, strides, dense, dense_bytes, to);
	return ERC_OK;
}

/* ---- state ---- */

static void point_state(erc_request *request, uint32_t input)
{
	struct erc__state *state = &request->states[input];
	point_to(request, input, state->memory[state->now]);
	point_to(request, erc__request_entry(request)->input_count + state->output, state->memory[!state->now]);
}

static enum erc_status check_state(const erc_request *request, uint32_t input, uint32_t output)
{
	const struct erc_artifact *artifact = request->session->model->artifact;
	const struct erca_entry *entry = erc__request_entry(request);
	if (input >= entry->input_count || output >= entry->output_count)
		return erc__fail(ERC_NOT_FOUND, "no input %u or no output %u; there are %u and %u", input, output,
		                 entry->input_count, entry->output_count);
	const struct erca_tensor *from = erc__request_tensor(request, entry->input_count + output);
	const struct erca_tensor *to = erc__request_tensor(request, input);
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
	if (erc__request_job_state(request) == ERC__JOB_RUNNING)
		return erc__fail(ERC_BUSY, "the request is running");
	TRY(check_state(request, input, output));
	const struct erca_tensor *tensor = erc__request_tensor(request, input);
	struct erc__state state = {.output = output, .bytes = tensor->bytes};
	for (int i = 0; i < 2; i++) {
		state.memory[i] = erc__alloc_aligned(ERCA_BUFFER_ALIGN, tensor->bytes ? tensor->bytes : 1);
		if (!state.memory[i]) {
			erc__state_free(&state);
			return erc__no_memory("state", tensor->bytes);
		}
		memset(state.memory[i], 0, tensor->bytes);
	}
	end_state(request, input);
	end_state(request, erc__request_entry(request)->input_count + output);
	request->states[input] = state;
	point_state(request, input);
	return ERC_OK;
}

void *erc_request_state(erc_request *request, uint32_t input)
{
	if (!request || input >= erc__request_entry(request)->input_count ||
	    erc__request_job_state(request) == ERC__JOB_RUNNING)
		return NULL;
	return request->states[input].memory[request->states[input].now];
}

void erc__request_step_states(erc_request *request)
{
	for (uint32_t i = 0; i < erc__request_entry(request)->input_count; i++) {
		if (!request->states[i].memory[0])
			continue;
		request->states[i].now ^= 1;
		point_state(request, i);
	}
}

enum erc_status erc__request_check_bound(const erc_request *request)
{
	const struct erc_artifact *artifact = request->session->model->artifact;
	const struct erca_entry *entry = erc__request_entry(request);
	for (uint32_t i = 0; i < entry->input_count + entry->output_count; i++) {
		if (request->bound[i])
			continue;
		bool is_input = i < entry->input_count;
		return erc__fail(ERC_INVALID, "%s %u '%s' is not bound", is_input ? "input" : "output",
		                 is_input ? i : i - entry->input_count,
		                 erc_artifact_string(artifact, erc__request_tensor(request, i)->name));
	}
	return ERC_OK;
}
