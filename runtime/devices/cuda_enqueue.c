/* The driver calls of a flight: what is put on its stream, and in which order. Decides nothing. */
#include "runtime/devices/cuda_device.h"

/* The source of a copy always holds the newest word, so a late copy never writes an older one. */
static enum erc_status put_room(struct cuda_request *request, uint64_t word)
{
	struct cuda_device *device = request->device;
	if (device->has_writes)
		return CU(device, cuStreamWriteValue64_v2, device->control, request->memory, word, 0);
	atomic_store_explicit((_Atomic uint64_t *)(void *)request->pinned, word, memory_order_release);
	return CU(device, cuMemcpyHtoDAsync_v2, request->memory, request->pinned, sizeof(struct erc_cuda_room),
	          device->control);
}

enum erc_status erc__cuda_write_room(struct cuda_request *request, uint32_t limit)
{
	TRY(put_room(request, erc__room_word(request->stop_epoch, limit)));
	return CU(request->device, cuEventRecord, request->device->rooms_written, request->device->control);
}

enum erc_status erc__cuda_put_word(struct cuda_device *device, size_t offset, uint32_t word)
{
	return CU(device, cuStreamWriteValue32_v2, device->control, device->board + offset, word, 0);
}

static void host_function(void *user)
{
	struct cuda_flight *flight = user;
	struct cuda_device *device = flight->request->device; /* the request may be freed after the store */
	atomic_store_explicit(&flight->has_ended, 1, memory_order_release);
	erc__cuda_wake(device);
}

enum erc_status erc__cuda_enqueue_end(struct cuda_flight *flight)
{
	return CU(flight->request->device, cuLaunchHostFunc, flight->stream, host_function, flight);
}

/* ---- before and after the launches ---- */

static enum erc_status enqueue_inputs(struct cuda_flight *flight)
{
	struct cuda_request *request = flight->request;
	struct cuda_device *device = request->device;
	for (uint32_t i = 0; i < request->tensor_count; i++)
		if (request->is_uploaded[i] && request->tensor_bytes[i])
			TRY(CU(device, cuMemcpyHtoDAsync_v2, request->tensors[i], request->staging[i], request->tensor_bytes[i],
			       flight->stream));
	if (request->seen_bytes)
		TRY(CU(device, cuMemsetD8Async, request->progress, 0, request->seen_bytes, flight->stream));
	return ERC_OK;
}

/* Progress is copied before the outputs: if it says that all steps are complete, the outputs after it are complete
 * too. */
static enum erc_status enqueue_outputs(struct cuda_flight *flight)
{
	struct cuda_request *request = flight->request;
	struct cuda_device *device = request->device;
	if (request->seen_bytes)
		TRY(CU(device, cuMemcpyDtoHAsync_v2, flight->seen, request->progress, request->seen_bytes, flight->stream));
	if (!flight->has_outputs)
		return ERC_OK;
	for (uint32_t i = request->entry->input_count; i < request->tensor_count; i++)
		if (request->tensor_bytes[i])
			TRY(CU(device, cuMemcpyDtoHAsync_v2, request->staging[i], request->tensors[i], request->tensor_bytes[i],
			       flight->stream));
	return ERC_OK;
}

static enum erc_status enqueue_copy(struct cuda_flight *flight, const struct cuda_step *step)
{
	return CU(flight->request->device, cuMemcpyDtoDAsync_v2, step->to, step->from, step->step->copy_bytes,
	          flight->stream);
}

static enum erc_status launch(struct cuda_flight *flight, cu_function function, struct cuda_step *step, uint32_t grid)
{
	void *params[] = {&step->launch}; /* the driver copies them before it returns */
	return CU(flight->request->device, cuLaunchKernel, function, grid, 1, 1, step->threads, 1, 1, step->local_bytes,
	          flight->stream, params, NULL);
}

/* ---- the elastic form ---- */

/* The run's launches read the ticket when they write to the board. */
static enum erc_status enqueue_ticket(struct cuda_flight *flight)
{
	struct cuda_request *request = flight->request;
	uint32_t ticket = erc__cuda_ticket(request);
	if (ticket == request->sent_ticket)
		return ERC_OK;
	request->sent_ticket = ticket;
	return CU(request->device, cuStreamWriteValue32_v2, flight->stream, request->memory + ERC__CUDA_TICKET, ticket, 0);
}

/* What must happen before the first launch. A flight that joins another one waits for what that one prepared. */
static enum erc_status enqueue_head(struct cuda_flight *flight, bool is_join)
{
	struct cuda_request *request = flight->request;
	struct cuda_device *device = request->device;
	if (!request->has_begun)
		TRY(enqueue_inputs(flight));
	else
		TRY(CU(device, cuStreamWaitEvent, flight->stream, request->ready, 0));
	request->has_begun = 1;
	TRY(enqueue_ticket(flight));
	if (is_join)
		return CU(device, cuStreamWaitEvent, flight->stream, device->rooms_written, 0);
	for (uint32_t i = flight->first; i < flight->end && (!request->taken[i]->kernel || !request->tiles[i]); i++)
		if (!request->taken[i]->kernel && request->tiles[i])
			TRY(enqueue_copy(flight, request->taken[i]));
	TRY(CU(device, cuEventRecord, request->ready, flight->stream));
	return CU(device, cuStreamWaitEvent, flight->stream, device->rooms_written, 0);
}

enum erc_status erc__cuda_enqueue_elastic(struct cuda_flight *flight, int is_join)
{
	struct cuda_request *request = flight->request;
	const struct cuda_step *before = NULL;
	TRY(enqueue_head(flight, is_join));
	for (uint32_t i = flight->first; i < flight->end; i++) {
		struct cuda_step *step = (struct cuda_step *)request->taken[i];
		uint32_t left = erc__cuda_tiles_left(request, i);
		uint32_t blocks =
			flight->launched * (flight->launched == request->device->all_units ? step->blocks_per_unit : 1);
		if (!step->kernel || !left)
			continue;
		step->launch.tile_count = request->tiles[i];
		step->launch.epoch = flight->epoch;
		step->launch.first_unit = flight->first_unit;
		step->launch.units = flight->launched;
		step->launch.before = before ? before->launch.progress : NULL;
		step->launch.before_tiles = before ? before->launch.tile_count : 0;
		TRY(launch(flight, step->kernel->elastic, step, left < blocks ? left : blocks));
		before = step;
	}
	return enqueue_outputs(flight);
}

/* ---- the plain form ---- */

static enum erc_status enqueue_plain(struct cuda_flight *flight, bool has_begun)
{
	struct cuda_request *request = flight->request;
	if (!has_begun)
		TRY(enqueue_inputs(flight));
	for (uint32_t i = flight->first; i < flight->end; i++) {
		struct cuda_step *step = (struct cuda_step *)request->taken[i];
		if (!request->tiles[i])
			continue;
		step->launch.tile_count = request->tiles[i];
		TRY(step->kernel ? launch(flight, step->kernel->plain, step, request->tiles[i]) : enqueue_copy(flight, step));
	}
	return enqueue_outputs(flight);
}

enum erc_status erc__cuda_enqueue_plain(struct cuda_flight *flight, uint32_t budget)
{
	struct cuda_request *request = flight->request;
	bool has_begun = request->has_begun;
	request->has_begun = 1;
	TRY(enqueue_ticket(flight));
	if (request->graph && request->graph_budget == budget && !has_begun)
		return CU(request->device, cuGraphLaunch, request->graph, flight->stream);
	return enqueue_plain(flight, has_begun);
}

/* Records the run as one flight instead of running it. */
static enum erc_status capture(struct cuda_request *request, cu_graph *graph)
{
	struct cuda_device *device = request->device;
	struct cuda_flight *flight = &request->flights[0];
	TRY(CU(device, cuStreamBeginCapture_v2, flight->stream, CU_CAPTURE_THREAD_LOCAL));
	enum erc_status status = enqueue_plain(flight, 0);
	enum erc_status end_status = CU(device, cuStreamEndCapture, flight->stream, graph);
	return status ? status : end_status;
}

enum erc_status erc__cuda_make_graph(struct cuda_request *request, uint32_t budget)
{
	struct cuda_device *device = request->device;
	const struct cuda_driver *driver = &device->driver;
	cu_graph graph = NULL;
	if (!driver->cuStreamBeginCapture_v2 || !driver->cuStreamEndCapture || !driver->cuGraphInstantiateWithFlags ||
	    !driver->cuGraphLaunch || !driver->cuGraphExecDestroy || !driver->cuGraphDestroy)
		return ERC_OK;
	for (uint32_t i = 0; i < request->step_count; i++) {
		request->taken[i] = &request->steps[(size_t)budget * request->step_count + i];
		request->tiles[i] = request->taken[i]->step->tile_count;
	}
	request->flights[0].end = request->step_count;
	request->flights[0].has_outputs = 1;
	enum erc_status status = capture(request, &graph);
	/* A graph runs with the priority of the stream on which it is launched. */
	if (!status && graph && driver->cuGraphInstantiateWithFlags(&request->graph, graph, 0))
		request->graph = NULL;
	if (graph)
		driver->cuGraphDestroy(graph);
	if (request->graph && driver->cuGraphUpload && !driver->cuGraphUpload(request->graph, request->flights[0].stream))
		driver->cuStreamSynchronize(request->flights[0].stream);
	request->graph_budget = budget;
	return erc__cuda_is_alive(device); /* otherwise plain launches are used */
}
