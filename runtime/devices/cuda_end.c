/* How flights and runs end on a CUDA device: what the progress words say was done, when it began, and what follows. */
#include "runtime/devices/cuda_device.h"

#include <stdio.h>

static void finish(struct cuda_request *request, enum erc_status result, uint64_t now_ns)
{
	struct cuda_device *device = request->device;
	struct erc__job *job = &request->owner->job;
	struct cuda_request **at = &device->running;
	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	erc__cuda_give_slot(request);
	job->result = result;
	erc__device_finish(&device->base, job, now_ns); /* after this the owner may free the request */
}

/* Converts global timer to host time, within the known bounds. */
static uint64_t to_host_ns(const struct cuda_device *device, uint64_t ns, uint64_t min_ns, uint64_t max_ns)
{
	uint64_t host_ns = ns + (uint64_t)device->min_offset_ns;
	return host_ns < min_ns ? min_ns : host_ns > max_ns ? max_ns : host_ns;
}

/* A block began at `ns` of its timer, after host time min_ns and before max_ns. Clocks drift, so bounds that no
 * longer fit are replaced. */
static void calibrate(struct cuda_device *device, uint64_t ns, uint64_t min_ns, uint64_t max_ns)
{
	int64_t min = (int64_t)(min_ns - ns), max = (int64_t)(max_ns - ns);
	if (min > device->max_offset_ns || max < device->min_offset_ns) {
		device->min_offset_ns = min;
		device->max_offset_ns = max;
	}
	if (min > device->min_offset_ns)
		device->min_offset_ns = min;
	if (max < device->max_offset_ns)
		device->max_offset_ns = max;
}

/* The first block of a launch was seen for the first time. */
static void note_launch(struct cuda_flight *flight, uint32_t step, uint64_t now_ns)
{
	struct cuda_request *request = flight->request;
	struct cuda_device *device = request->device;
	struct erc__job *job = &request->owner->job;
	uint64_t began_ns = flight->launched_ns, timer_ns = ~flight->seen[step].started_ns;
	bool is_first = !job->launches_run++;
	if (!request->is_plain && request->taken[step]->kernel && flight->seen[step].started_ns) {
		calibrate(device, timer_ns, job->item.started_ns, now_ns);
		began_ns = to_host_ns(device, timer_ns, job->item.started_ns, now_ns);
		if (is_first) {
			job->item.started_ns = began_ns;
			job->granted_ns = job->granted_ns && job->granted_ns < began_ns ? began_ns : job->granted_ns;
		}
	}
	if (erc__trace_is_on(&device->base.trace))
		erc__trace_append(&device->base.trace, ERC__EVENT_LAUNCH, began_ns, job->session_id, UINT32_MAX,
		                  request->taken[step]->step->record);
}

/* Counts what the flight's steps have done. Returns 1 if it saw all of them complete. */
static int count_done(struct cuda_flight *flight, uint64_t now_ns)
{
	struct cuda_request *request = flight->request;
	struct erc__job *job = &request->owner->job;
	bool is_head = !flight->first_unit, are_all = true; /* the copies before the launches are complete */
	for (uint32_t i = flight->first; i < flight->end; i++) {
		uint32_t done = flight->seen[i].done, claimed = flight->seen[i].next;
		is_head &= !request->taken[i]->kernel || !request->tiles[i];
		if (request->is_plain || is_head)
			done = claimed = request->tiles[i];
		are_all &= done == request->tiles[i];
		if (claimed > request->claimed[i])
			request->claimed[i] = claimed;
		if (done <= request->done[i])
			continue;
		if (!request->done[i])
			note_launch(flight, i, now_ns);
		job->tiles_run += done - request->done[i];
		request->done[i] = done;
	}
	while (request->position < flight->end && !erc__cuda_tiles_left(request, request->position))
		request->position++;
	return are_all;
}

/* A dim is written once in a run and is 0 before. The view of either of two flights may be the newer one. */
static void read_dims(struct cuda_flight *flight)
{
	struct cuda_request *request = flight->request;
	const int64_t *seen = (const int64_t *)(const void *)(flight->seen + request->step_count);
	for (uint32_t i = 0; i < request->entry->dims_count; i++)
		if (seen[i])
			request->owner->dims[i] = seen[i];
}

static void end_flight(struct cuda_flight *flight, uint64_t now_ns)
{
	struct cuda_request *request = flight->request;
	erc__cuda_leave_all(flight, now_ns);
	flight->is_used = 0;
	if (request->failure)
		return;
	uint64_t before = request->owner->job.tiles_run;
	bool are_all = count_done(flight, now_ns);
	erc__cuda_note_progress(request, flight->epoch <= request->stop_epoch, request->owner->job.tiles_run > before);
	uint32_t position = request->position;
	read_dims(flight);
	request->has_outputs |= flight->has_outputs && are_all;
	request->is_waiting = position == flight->end || request->claimed[position] >= request->tiles[position];
}

/* Returns 1 if the run, which has no flight under way, is over. */
static int settle(struct cuda_request *request, uint64_t now_ns)
{
	if (erc__cuda_is_flying(request) || !(erc__cuda_is_ending(request) || request->has_outputs))
		return 0;
	finish(request,
	       request->failure               ? request->failure
	       : erc__cuda_is_ending(request) ? ERC_CANCELLED
	                                      : ERC_OK,
	       now_ns);
	return 1;
}

void erc__cuda_fail_all(struct cuda_device *device, uint64_t now_ns)
{
	while (device->running) {
		struct cuda_request *request = device->running;
		for (int i = 0; i < 2; i++) {
			erc__cuda_leave_all(&request->flights[i], now_ns);
			request->flights[i].is_used = 0;
		}
		snprintf(request->owner->job.detail, sizeof request->owner->job.detail, "%s",
		         atomic_load(&device->is_lost) == 2 ? device->lost_text : "cuda: the device is lost");
		finish(request, ERC_DEVICE, now_ns);
	}
}

int erc__cuda_settle_all(struct cuda_device *device, uint64_t now_ns)
{
	bool has_finished = false;
	for (struct cuda_request *request = device->running, *next; request; request = next) {
		next = request->next;
		has_finished |= settle(request, now_ns);
	}
	return has_finished;
}

void erc__cuda_reap(struct cuda_device *device)
{
	uint64_t now_ns = erc__now_ns();
	for (struct cuda_request *request = device->running; request; request = request->next)
		for (int i = 0; i < 2; i++)
			if (request->flights[i].is_used &&
			    atomic_load_explicit(&request->flights[i].has_ended, memory_order_acquire))
				end_flight(&request->flights[i], now_ns);
	erc__cuda_settle_all(device, now_ns);
}
