/* Requests: one of the server's becomes a run of the runtime. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/triton/backend.h"

/* ---- slots ---- */

void slot_free(struct slot *slot)
{
	erc_request_destroy(slot->request);
	for (uint32_t i = 0; slot->outputs && i < slot->model->output_count; i++)
		free(slot->outputs[i].memory);
	free(slot->outputs);
	free(slot->now);
	free(slot);
}

/* Tensor i of the entry that the next run takes. */
static const struct erc_tensor_info *slot_tensor(const struct slot *slot, uint32_t i)
{
	if (slot->now)
		return &slot->now[i];
	return tensor_of(slot->model, erc_request_entry(slot->request) - slot->model->first_entry, i);
}

/* Where the model has ranges: the tensors, after its request's dims were chosen. */
static void read_tensors(struct slot *slot)
{
	const struct model *model = slot->model;
	for (uint32_t i = 0; slot->now && i < model->input_count; i++)
		erc_request_input_info(slot->request, i, &slot->now[i]);
	for (uint32_t i = 0; slot->now && i < model->output_count; i++)
		erc_request_output_info(slot->request, i, &slot->now[model->input_count + i]);
}

static triton_error slot_new(struct model *model, struct slot **out)
{
	struct slot *slot = calloc(1, sizeof *slot);
	if (!slot)
		return fail_memory();
	slot->model = model;
	slot->outputs = calloc(model->output_count + 1, sizeof *slot->outputs);
	if (model->has_ranges)
		slot->now = calloc(model->input_count + model->output_count, sizeof *slot->now);
	bool has_memory = slot->outputs && (slot->now || !model->has_ranges);
	enum erc_status status = has_memory ? erc_request_create(model->session, &slot->request) : ERC_NOMEM;
	if (status) {
		triton_error error = fail_with(status, "model '%s'", model->name);
		slot_free(slot);
		return error;
	}
	erc_request_set_user(slot->request, slot);
	read_tensors(slot);
	*out = slot;
	return NULL;
}

/* Takes a free slot or makes one; waits if the model has all that it may have. */
static triton_error slot_take(struct model *model, struct slot **out)
{
	struct backend *backend = model->backend;
	pthread_mutex_lock(&backend->lock);
	while (!model->free_slots && model->slot_count == model->max_requests)
		pthread_cond_wait(&backend->changed, &backend->lock);
	struct slot *slot = model->free_slots;
	if (slot)
		model->free_slots = slot->next;
	else
		model->slot_count++;
	pthread_mutex_unlock(&backend->lock);
	if (slot) {
		*out = slot;
		return NULL;
	}
	triton_error error = slot_new(model, out);
	if (error) {
		pthread_mutex_lock(&backend->lock);
		model->slot_count--;
		pthread_cond_broadcast(&backend->changed);
		pthread_mutex_unlock(&backend->lock);
	}
	return error;
}

static void slot_return(struct slot *slot)
{
	struct backend *backend = slot->model->backend;
	pthread_mutex_lock(&backend->lock);
	slot->next = slot->model->free_slots;
	slot->model->free_slots = slot;
	pthread_cond_broadcast(&backend->changed);
	pthread_mutex_unlock(&backend->lock);
}

static void put_in_flight(struct slot *slot)
{
	struct backend *backend = slot->model->backend;
	pthread_mutex_lock(&backend->lock);
	slot->before = NULL;
	slot->next = backend->in_flight;
	if (slot->next)
		slot->next->before = slot;
	backend->in_flight = slot;
	pthread_mutex_unlock(&backend->lock);
}

static void take_from_flight(struct slot *slot)
{
	struct backend *backend = slot->model->backend;
	pthread_mutex_lock(&backend->lock);
	if (slot->before)
		slot->before->next = slot->next;
	else
		backend->in_flight = slot->next;
	if (slot->next)
		slot->next->before = slot->before;
	pthread_mutex_unlock(&backend->lock);
}

/* ---- inputs ---- */

static bool has_dims(const struct erc_tensor_info *tensor, const int64_t *dims, uint32_t rank)
{
	bool same = rank == tensor->rank;
	for (uint32_t d = 0; same && d < rank; d++)
		same = dims[d] == tensor->dims[d];
	return same;
}

static triton_error wrong_dims(const struct slot *slot, const struct erc_tensor_info *tensor, const int64_t *dims,
                               uint32_t rank)
{
	char found[ERC_MAX_RANK * 24], wanted[ERC_MAX_RANK * 24];
	dims_text(dims, rank, found, sizeof found);
	dims_text(tensor->dims, tensor->rank, wanted, sizeof wanted);
	return fail(TRITON_INVALID_ARG, "model '%s': input '%s' has dims %s; wanted %s", slot->model->name, tensor->name,
	            found, wanted);
}

/* The parts of an input, where the server has them. */
static triton_error get_pieces(const struct erc_tensor_info *tensor, struct TRITONBACKEND_Input *input,
                               struct erc_piece *pieces, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		enum triton_memory memory = TRITON_CPU;
		uint64_t bytes;
		int64_t id = 0;
		TRY(TRITONBACKEND_InputBuffer(input, i, &pieces[i].data, &bytes, &memory, &id));
		if (memory == TRITON_GPU)
			return fail(TRITON_UNSUPPORTED, "input '%s' is in a GPU's memory; wanted the host's", tensor->name);
		pieces[i].bytes = (size_t)bytes;
	}
	return NULL;
}

static bool is_aligned(const void *data, const struct erc_tensor_info *tensor)
{
	return (uintptr_t)data % erc_dtype_bytes(tensor->dtype) == 0;
}

/* In place if it is in one piece, else as a copy. */
static triton_error bind_pieces(struct slot *slot, uint32_t i, const struct erc_piece *pieces, uint32_t count)
{
	const struct erc_tensor_info *tensor = slot_tensor(slot, i);
	bool in_place = count == 1 && is_aligned(pieces->data, tensor);
	enum erc_status status = in_place ? erc_request_bind_input(slot->request, i, pieces->data, pieces->bytes)
	                                  : erc_request_copy_pieces(slot->request, i, pieces, count);
	if (!in_place)
		slot->model->copied_bytes += tensor->bytes;
	return status ? fail_with(status, "model '%s'", slot->model->name) : NULL;
}

/* Takes the inputs' dims, where the artifact has several entries or ranges. */
static triton_error choose_entry(struct slot *slot)
{
	const struct model *model = slot->model;
	bool has_choice = model->entry_count > 1 || model->has_ranges;
	for (uint32_t i = 0; has_choice && i < model->input_count; i++) {
		const struct erc_tensor_info *tensor = slot_tensor(slot, i);
		struct TRITONBACKEND_Input *input;
		const int64_t *dims;
		uint32_t rank;
		triton_error is_missing = TRITONBACKEND_RequestInput(slot->served, tensor->name, &input);
		if (is_missing) { /* bind_input takes its default, or refuses it */
			TRITONSERVER_ErrorDelete(is_missing);
			continue;
		}
		TRY(TRITONBACKEND_InputProperties(input, NULL, NULL, &dims, &rank, NULL, NULL));
		if (has_dims(tensor, dims, rank))
			continue;
		if (erc_request_set_dims(slot->request, i, rank, dims))
			return fail(TRITON_INVALID_ARG, "model '%s': %s", model->name, erc_error_detail());
		read_tensors(slot);
	}
	return NULL;
}

static triton_error bind_input(struct slot *slot, uint32_t i)
{
	const struct erc_tensor_info *tensor = slot_tensor(slot, i);
	struct TRITONBACKEND_Input *input;
	const int64_t *dims;
	uint32_t rank, count;
	uint64_t bytes;
	triton_error error = TRITONBACKEND_RequestInput(slot->served, tensor->name, &input);
	if (error) {
		TRITONSERVER_ErrorDelete(error);
		return tensor->default_value
		           ? bind_pieces(slot, i, &(struct erc_piece){tensor->default_value, tensor->bytes}, 1)
		           : fail(TRITON_INVALID_ARG, "model '%s': input '%s' is not given", slot->model->name, tensor->name);
	}
	TRY(TRITONBACKEND_InputProperties(input, NULL, NULL, &dims, &rank, &bytes, &count));
	if (!has_dims(tensor, dims, rank))
		return wrong_dims(slot, tensor, dims, rank);
	struct erc_piece few[8], *pieces = count <= 8 ? few : malloc(count * sizeof *pieces);
	if (!pieces)
		return fail_memory();
	error = get_pieces(tensor, input, pieces, count);
	if (!error)
		error = bind_pieces(slot, i, pieces, count);
	if (pieces != few)
		free(pieces);
	return error;
}

/* ---- outputs ---- */

static triton_error find_wanted(struct slot *slot)
{
	const struct model *model = slot->model;
	const struct erc_tensor_info *tensors = slot_tensor(slot, model->input_count);
	uint32_t count;
	for (uint32_t i = 0; i < model->output_count; i++)
		slot->outputs[i].is_wanted = false;
	TRY(TRITONBACKEND_RequestOutputCount(slot->served, &count));
	for (uint32_t k = 0; k < count; k++) {
		const char *name;
		uint32_t i = 0;
		TRY(TRITONBACKEND_RequestOutputName(slot->served, k, &name));
		while (i < model->output_count && strcmp(tensors[i].name, name))
			i++;
		if (i == model->output_count)
			return fail(TRITON_INVALID_ARG, "model '%s' has no output '%s'", model->name, name);
		slot->outputs[i].is_wanted = true;
	}
	return NULL;
}

/* Memory of the response for an output of these dims. */
static triton_error response_memory(struct slot *slot, uint32_t i, const int64_t *dims, uint32_t rank, size_t bytes,
                                    void **out)
{
	const struct erc_tensor_info *tensor = slot_tensor(slot, slot->model->input_count + i);
	struct TRITONBACKEND_Output *output;
	enum triton_memory memory = TRITON_CPU;
	int64_t id = 0;
	TRY(TRITONBACKEND_ResponseOutput(slot->response, &output, tensor->name, type_of(tensor->dtype), dims, rank));
	TRY(TRITONBACKEND_OutputBuffer(output, out, bytes, &memory, &id));
	if (memory == TRITON_GPU)
		return fail(TRITON_UNSUPPORTED, "output '%s' is to be in a GPU's memory; wanted the host's", tensor->name);
	return NULL;
}

/* Of an output in all entries. */
static size_t most_bytes(const struct model *model, uint32_t i)
{
	size_t most = 0;
	for (uint32_t entry = 0; entry < model->entry_count; entry++) {
		size_t bytes = tensor_of(model, entry, model->input_count + i)->bytes;
		most = bytes > most ? bytes : most;
	}
	return most;
}

/* Binds the response's memory, or the slot's if the response needs none, its size is not known yet, or kernels cannot
 * use it. */
static triton_error bind_output(struct slot *slot, uint32_t i)
{
	const struct erc_tensor_info *tensor = slot_tensor(slot, slot->model->input_count + i);
	struct slot_output *output = &slot->outputs[i];
	void *memory = NULL;
	output->copy_to = NULL;
	if (output->is_wanted && !tensor->runtime_dims) {
		TRY(response_memory(slot, i, tensor->dims, tensor->rank, tensor->bytes, &memory));
		if (tensor->bytes && !is_aligned(memory, tensor))
			output->copy_to = memory;
	}
	if (!memory || output->copy_to) {
		if (!output->memory)
			output->memory = aligned_alloc(64, (most_bytes(slot->model, i) + 64) / 64 * 64);
		memory = output->memory;
	}
	if (!memory)
		return fail_memory();
	enum erc_status status = erc_request_bind_output(slot->request, i, memory, tensor->bytes);
	return status ? fail_with(status, "model '%s'", slot->model->name) : NULL;
}

/* After the run: what is in the slot's memory goes to the response's. */
static triton_error give_output(struct slot *slot, uint32_t i)
{
	const struct erc_tensor_info *tensor = slot_tensor(slot, slot->model->input_count + i);
	struct slot_output *output = &slot->outputs[i];
	int64_t dims[ERC_MAX_RANK];
	uint32_t rank;
	size_t bytes = erc_dtype_bytes(tensor->dtype);
	if (!output->is_wanted || (!tensor->runtime_dims && !output->copy_to))
		return NULL;
	enum erc_status status = erc_request_output_dims(slot->request, i, &rank, dims);
	if (status)
		return fail_with(status, "model '%s'", slot->model->name);
	for (uint32_t d = 0; d < rank; d++)
		bytes *= (size_t)dims[d];
	if (tensor->runtime_dims)
		TRY(response_memory(slot, i, dims, rank, bytes, &output->copy_to));
	if (bytes)
		memcpy(output->copy_to, output->memory, bytes);
	slot->model->copied_bytes += bytes;
	return NULL;
}

/* ---- runs ---- */

/* Parameters of a request: erc_level and erc_deadline_us. */
static triton_error read_parameters(struct slot *slot, struct erc_submit_options *options)
{
	uint32_t count;
	uint64_t timeout_us = 0;
	TRY(TRITONBACKEND_RequestParameterCount(slot->served, &count));
	for (uint32_t i = 0; i < count; i++) {
		enum triton_parameter type;
		const char *name;
		const void *value;
		char text[32]; /* no number is longer */
		TRY(TRITONBACKEND_RequestParameter(slot->served, i, &name, &type, &value));
		if (strncmp(name, "erc_", 4))
			continue; /* another part of the server may know it */
		if (type == TRITON_INT)
			snprintf(text, sizeof text, "%lld", (long long)*(const int64_t *)value);
		else
			snprintf(text, sizeof text, "%s",
			         type == TRITON_STRING && strlen(value) < sizeof text ? (const char *)value : "no whole number");
		TRY(set_run_option(name, text, options));
	}
	TRY(TRITONBACKEND_InferenceRequestTimeoutMicroseconds(slot->served, &timeout_us));
	if (timeout_us && !(options->fields & ERC_SUBMIT_DEADLINE)) {
		options->fields |= ERC_SUBMIT_DEADLINE;
		options->deadline_us = timeout_us;
	}
	return NULL;
}

static triton_error begin(struct slot *slot)
{
	const struct model *model = slot->model;
	struct erc_submit_options options = {.size = sizeof options, .report = 1};
	TRY(TRITONBACKEND_ResponseNew(&slot->response, slot->served));
	TRY(read_parameters(slot, &options));
	TRY(find_wanted(slot));
	TRY(choose_entry(slot));
	for (uint32_t i = 0; i < model->input_count; i++)
		TRY(bind_input(slot, i));
	for (uint32_t i = 0; i < model->output_count; i++)
		TRY(bind_output(slot, i));
	put_in_flight(slot);
	enum erc_status status = erc_request_submit_with(slot->request, &options);
	if (!status)
		return NULL;
	triton_error error = fail_with(status, "model '%s'", model->name);
	take_from_flight(slot);
	return error;
}

/* Reports the times, of a request that began at begin_ns and was computed between the other two. */
static void report(const struct instance *instance, struct TRITONBACKEND_Request *served, bool is_right,
                   uint64_t begin_ns, uint64_t started_ns, uint64_t finished_ns)
{
	uint64_t end_ns = now_ns();
	drop(TRITONBACKEND_ModelInstanceReportStatistics(instance->of, served, is_right, begin_ns, started_ns, finished_ns,
	                                                 end_ns),
	     "statistics");
	if (is_right)
		drop(TRITONBACKEND_ModelInstanceReportBatchStatistics(instance->of, 1, begin_ns, started_ns, finished_ns,
		                                                      end_ns),
		     "statistics");
}

static void answer(struct slot *slot, triton_error error, uint64_t started_ns, uint64_t finished_ns)
{
	struct TRITONBACKEND_Request *served = slot->served;
	if (slot->response)
		drop(TRITONBACKEND_ResponseSend(slot->response, TRITON_RESPONSE_FINAL, error), "a response");
	report(slot->instance, served, !error, slot->begin_ns, started_ns, finished_ns);
	slot->response = NULL;
	slot_return(slot);
	drop(TRITONBACKEND_RequestRelease(served, TRITON_RELEASE_ALL), "a request"); /* the model may end with it */
	if (error)
		TRITONSERVER_ErrorDelete(error);
}

void run(struct instance *instance, struct TRITONBACKEND_Request *request)
{
	uint64_t begin_ns = now_ns();
	struct TRITONBACKEND_Response *response;
	struct slot *slot = NULL;
	triton_error error = slot_take(instance->model, &slot);
	if (error) {
		triton_error no_response = TRITONBACKEND_ResponseNew(&response, request);
		if (!no_response)
			no_response = TRITONBACKEND_ResponseSend(response, TRITON_RESPONSE_FINAL, error);
		drop(no_response, "a response");
		report(instance, request, false, begin_ns, begin_ns, begin_ns);
		drop(TRITONBACKEND_RequestRelease(request, TRITON_RELEASE_ALL), "a request");
		TRITONSERVER_ErrorDelete(error);
		return;
	}
	slot->instance = instance;
	slot->served = request;
	slot->begin_ns = begin_ns;
	error = begin(slot);
	if (error)
		answer(slot, error, begin_ns, begin_ns);
}

void finish(struct slot *slot)
{
	struct erc_request_timing timing = {.size = sizeof timing};
	triton_error error = NULL;
	take_from_flight(slot);
	enum erc_status status = erc_request_wait(slot->request, 0);
	if (status)
		error = fail_with(status, "model '%s'", slot->model->name);
	for (uint32_t i = 0; !error && i < slot->model->output_count; i++)
		error = give_output(slot, i);
	erc_request_timing(slot->request, &timing);
	const struct {
		const char *name;
		uint64_t value;
	} parameters[] = {{"erc_device_us", (timing.finished_ns - timing.arrival_ns) / 1000},
	                  {"erc_units", timing.granted_units},
	                  {"erc_preemptions", timing.preemptions}};
	for (size_t i = 0; !error && i < COUNT_OF(parameters); i++)
		error = TRITONBACKEND_ResponseSetIntParameter(slot->response, parameters[i].name, (int64_t)parameters[i].value);
	uint64_t now = now_ns(), started = timing.started_ns;
	bool is_known = started >= slot->begin_ns && timing.finished_ns >= started && timing.finished_ns <= now;
	answer(slot, error, is_known ? started : now, is_known ? timing.finished_ns : now);
}
