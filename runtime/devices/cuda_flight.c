/* Runs on a CUDA device: which launches go into a flight, and for how many units. As on every device, the
 * scheduler's rooms count units. Here a flight takes places when it is launched, and gives them back when its room
 * shrinks or it ends. A block over the limit leaves at its tile boundary, and the host learns of that when the
 * flight ends. */
#include "runtime/devices/cuda_device.h"

#include <stdio.h>
#include <string.h>

static struct cuda_request *request_of(struct erc__item *item)
{
	return erc__job_of(item)->native;
}

/* Of the flights that have places, the one with the lowest or the highest ranks. */
static struct cuda_flight *placed_flight(struct cuda_request *request, bool is_last)
{
	struct cuda_flight *best = NULL;
	for (int i = 0; i < 2; i++) {
		struct cuda_flight *flight = &request->flights[i];
		if (flight->is_used && flight->units && (!best || (flight->first_unit > best->first_unit) == is_last))
			best = flight;
	}
	return best;
}

static struct cuda_flight *free_flight(struct cuda_request *request)
{
	return !request->flights[0].is_used   ? &request->flights[0]
	       : !request->flights[1].is_used ? &request->flights[1]
	                                      : NULL;
}

uint32_t erc__cuda_limit(const struct cuda_request *request)
{
	uint32_t limit = 0;
	for (int i = 0; i < 2; i++) {
		const struct cuda_flight *flight = &request->flights[i];
		if (flight->is_used && flight->units && flight->first_unit + flight->units > limit)
			limit = flight->first_unit + flight->units;
	}
	return limit;
}

static uint32_t room_of(const struct erc__job *job)
{
	return erc__sched_room(&job->item);
}

void erc__cuda_fail(struct cuda_request *request, enum erc_status status)
{
	struct erc__job *job = &request->owner->job;
	if (request->failure)
		return;
	request->failure = status;
	if (!job->detail[0])
		snprintf(job->detail, sizeof job->detail, "%.255s", erc_error_detail());
}

/* ---- places ---- */

static void leave_unit(struct cuda_flight *flight, int in_room, uint64_t now_ns)
{
	struct erc__device *device = &flight->request->device->base;
	flight->units--;
	device->tile_ns[flight->request->owner->job.item.tenant->class_] +=
		now_ns - flight->launched_ns; /* it is not known more exactly */
	erc__device_leave(&flight->request->device->base, &flight->request->owner->job, flight->first_unit + flight->units,
	                  now_ns - flight->launched_ns, in_room, now_ns);
}

void erc__cuda_leave_all(struct cuda_flight *flight, uint64_t now_ns)
{
	while (flight->units)
		leave_unit(flight, 1, now_ns);
}

/* Everything in flight is to end at its next tile boundary. To stop blocks, the host always raises the stop epoch; a
 * limit of 0 alone is never written. */
static void stop(struct cuda_request *request, uint32_t limit)
{
	request->stop_epoch = request->epoch;
	enum erc_status status = erc__cuda_write_room(request, limit);
	if (status)
		erc__cuda_fail(request, status);
}

/* Gives back places that the rooms no longer hold, highest ranks first, and tells the blocks. */
static void apply_room(struct cuda_request *request, uint64_t now_ns)
{
	struct erc__job *job = &request->owner->job;
	struct cuda_flight *flight;
	uint32_t before = erc__cuda_limit(request);
	while ((flight = placed_flight(request, 1)) && !erc__sched_check(&job->item, flight->pass))
		leave_unit(flight, 0, now_ns);
	uint32_t limit = erc__cuda_limit(request);
	if (!limit && !room_of(job) && !(request->is_plain && erc__cuda_is_flying(request)))
		erc__cuda_withdraw(request);
	if (request->is_plain || limit == before)
		return;
	if (!limit) {
		stop(request, before);
		return;
	}
	enum erc_status status = erc__cuda_write_room(request, limit);
	if (status)
		erc__cuda_fail(request, status);
}

/* ---- what a flight holds ---- */

static uint64_t predicted_ns(const struct cuda_step *step, uint32_t tiles, uint32_t units)
{
	uint64_t at_once = (uint64_t)(units ? units : 1) * step->blocks_per_unit;
	return step->step->tile_ns * ((tiles + at_once - 1) / at_once);
}

/* The variant in which a step begins, or has begun, and its number of tiles. */
static enum erc_status take_step(struct cuda_request *request, uint32_t number, uint32_t budget)
{
	if (request->taken[number] && (request->claimed[number] || erc__cuda_is_flying(request)))
		return ERC_OK;
	request->taken[number] = &request->steps[(size_t)budget * request->step_count + number];
	return erc__job_count_tiles(&request->owner->job, request->taken[number]->step, &request->tiles[number]);
}

/* Chooses the flight's steps, from the request's position on. A copy cannot be interrupted and continued, so copies
 * come first, after all earlier steps are complete. If a number of tiles depends on run-time dims, the host must
 * have read these, which it does at the end of a flight. So kernels need no other form, tiles are counted exactly,
 * and a model without such dims has no extra cost. */
static enum erc_status plan(struct cuda_request *request, struct cuda_flight *flight, uint32_t budget, uint32_t room)
{
	uint64_t sum_ns = 0;
	uint32_t launches = 0, i = request->position;
	bool has_copies = false;
	flight->first = request->position;
	flight->needed = 1;
	flight->longest_ns = 0;
	for (; i < request->step_count; i++) {
		const struct erc__step *step = request->steps[(size_t)budget * request->step_count + i].step;
		if (step->count_slot != ERCA_NONE && (launches || has_copies))
			break;
		TRY(take_step(request, i, budget));
		const struct cuda_step *taken = request->taken[i];
		if (!request->tiles[i])
			continue;
		if (!taken->kernel && !request->is_plain && launches)
			break;
		has_copies |= !taken->kernel;
		launches += taken->kernel != NULL;
		if (request->is_plain || !taken->kernel)
			continue;
		uint64_t ns = predicted_ns(taken, erc__cuda_tiles_left(request, i), room);
		sum_ns += ns;
		if (launches > 1 && (request->is_probing || launches > ERC__CUDA_MAX_LAUNCHES || sum_ns > ERC__CUDA_FLIGHT_NS))
			break;
		flight->longest_ns = ns > flight->longest_ns ? ns : flight->longest_ns;
		if (erc__cuda_tiles_left(request, i) > flight->needed)
			flight->needed =
				erc__cuda_tiles_left(request, i); /* each unit takes one tile before any takes a second one */
	}
	flight->end = i;
	return ERC_OK;
}

/* ---- starting ---- */

/* A real-time run that has the whole device needs no claims, because the hardware distributes its tiles. */
static bool may_be_plain(const struct cuda_request *request, uint32_t room)
{
	const struct cuda_device *device = request->device;
	return request->owner->session->tenant.class_ == ERC_REAL_TIME && device->base.units == device->all_units &&
	       room >= device->base.units;
}

static uint32_t max_units(const struct cuda_request *request, const struct cuda_flight *flight)
{
	const struct erc__sched *sched = &request->device->base.sched;
	uint32_t share = sched->policy->spreads && sched->count > 1
	                     ? (sched->supply.units + sched->count - 1) / sched->count
	                     : UINT32_MAX;
	return request->is_plain || share < flight->needed ? share : flight->needed;
}

/* Takes places for up to `max` units and returns how many. */
static uint32_t enter(struct cuda_flight *flight, uint32_t max, uint64_t now_ns)
{
	struct cuda_request *request = flight->request;
	flight->units = 0;
	while (flight->units < max && erc__device_enter(&request->device->base, &request->owner->job,
	                                                flight->first_unit + flight->units, now_ns, &flight->pass))
		flight->units++;
	flight->launched = flight->units;
	flight->launched_ns = now_ns;
	return flight->units;
}

/* Launches the flight, which has its steps and its places. */
static void send(struct cuda_flight *flight, bool is_join, uint32_t budget)
{
	struct cuda_request *request = flight->request;
	enum erc_status status = ERC_OK;
	flight->epoch = ++request->epoch;
	flight->is_used = 1;
	atomic_store_explicit(&flight->has_ended, 0, memory_order_relaxed);
	if (request->owner->job.item.tenant->class_ == ERC_BEST_EFFORT)
		status = erc__cuda_write_board(request->device);
	if (!status && !request->is_plain)
		status = erc__cuda_write_room(request, erc__cuda_limit(request));
	if (!status)
		status =
			request->is_plain ? erc__cuda_enqueue_plain(flight, budget) : erc__cuda_enqueue_elastic(flight, is_join);
	if (status) {
		erc__cuda_fail(request, status);
		stop(request, erc__cuda_limit(request)); /* what was launched nevertheless */
	}
	/* Without the notice of the end, nothing can be known about the stream any more. */
	if (erc__cuda_enqueue_end(flight) && !atomic_load(&request->device->is_lost))
		erc__cuda_lose(request->device, "a stream did not accept a host function");
}

/* Launches the first flight of a request that has none under way, or one in place of a stopped flight. */
static void start(struct cuda_request *request, uint64_t now_ns)
{
	struct erc__job *job = &request->owner->job;
	struct cuda_flight *flight = free_flight(request);
	uint32_t room = room_of(job), budget = erc__job_budget(job, room);
	if (!request->has_begun)
		request->is_plain = may_be_plain(request, room);
	enum erc_status status = plan(request, flight, budget, room);
	if (status) { /* the job already has the detail text */
		erc__cuda_fail(request, status);
		return;
	}
	erc__cuda_tell_start(request);
	request->is_refill_due = request->is_draining = 0;
	flight->first_unit = 0;
	flight->has_outputs = flight->end == request->step_count && !erc__cuda_is_flying(request);
	if (enter(flight, max_units(request, flight), now_ns))
		send(flight, 0, budget);
}

/* Launches more units for a flight that is under way; their ranks follow those that it has. */
static void join(struct cuda_request *request, struct cuda_flight *first, uint64_t now_ns)
{
	struct cuda_flight *flight = free_flight(request);
	flight->first = first->first;
	flight->end = first->end;
	flight->needed = first->needed;
	flight->first_unit = first->launched;
	flight->has_outputs = 0;
	if (enter(flight, first->needed - first->launched, now_ns))
		send(flight, 1, 0);
}

/* Whether the request could use more units now. While the last tiles of a launch are being computed, further units
 * would find none. */
static int wants_units(struct erc__item *item, void *user)
{
	(void)user;
	struct cuda_request *request = request_of(item);
	const struct cuda_flight *first = placed_flight(request, 0);
	bool is_flying = erc__cuda_is_flying(request);
	if (erc__cuda_is_ending(request) || !free_flight(request) || !erc__sched_has_place(item))
		return 0;
	if (request->is_held || (is_flying && (request->is_plain || request->is_waiting || request->is_draining)))
		return 0;
	if (!first)
		return !is_flying || request->position < request->step_count;
	return !first->first_unit && erc__cuda_limit(request) < first->needed;
}

/* It is not known which of its units have left, so all are told to leave. */
static void stop_all(struct cuda_request *request, uint64_t now_ns)
{
	uint32_t limit = erc__cuda_limit(request);
	for (int i = 0; i < 2; i++)
		erc__cuda_leave_all(&request->flights[i], now_ns);
	stop(request, limit);
}

/* Blocks that left for real-time runs come back with the next launch. If that is far away, all blocks leave and
 * begin again. Beside real-time runs they begin again only after they have left, because units would otherwise be
 * taken twice. */
static void refill(struct cuda_request *request, uint64_t now_ns)
{
	struct cuda_flight *first = placed_flight(request, 0);
	if (!request->is_refill_due || !first || request->is_waiting || erc__cuda_is_ending(request))
		return;
	request->is_refill_due = 0;
	if (first->longest_ns && first->longest_ns <= ERC__CUDA_PHASE_NS)
		return;
	stop_all(request, now_ns);
	request->is_draining = 1;
	if (free_flight(request) && !erc__cuda_is_board_used(request->device))
		start(request, now_ns);
}

static void grow(struct cuda_request *request, uint64_t now_ns)
{
	struct cuda_flight *first = placed_flight(request, 0);
	if (!first) {
		start(request, now_ns);
		return;
	}
	if (first->units == first->launched) {
		join(request, first, now_ns);
		return;
	}
	stop_all(request, now_ns); /* it was shrunk; now as many as allowed begin again */
	start(request, now_ns);
}

/* ---- from outside ---- */

void erc__cuda_begin(struct cuda_request *request)
{
	struct cuda_device *device = request->device;
	memset(request->taken, 0, request->step_count * sizeof *request->taken);
	memset(request->done, 0, request->step_count * sizeof *request->done);
	memset(request->claimed, 0, request->step_count * sizeof *request->claimed);
	request->has_begun = request->has_outputs = request->is_waiting = 0;
	request->position = 0;
	request->is_withdrawn = request->is_held = request->is_refill_due = request->is_draining = request->is_probing = 0;
	request->failure = ERC_OK;
	request->next = device->running;
	device->running = request;
}

void erc__cuda_pump(struct cuda_device *device)
{
	uint64_t now_ns = erc__now_ns();
	struct erc__item *item;
	erc__cuda_look(device, now_ns);
	do {
		erc__cuda_take_slots(device, now_ns);
		erc__cuda_write_board(device);
		for (struct cuda_request *request = device->running; request; request = request->next)
			apply_room(request, now_ns); /* runs that must shrink are told before others start */
		for (struct cuda_request *request = device->running; request; request = request->next)
			refill(request, now_ns);
		while (!atomic_load(&device->is_lost) &&
		       (item = erc__sched_pick(&device->base.sched, ERC__CLASSES, wants_units, device)))
			grow(request_of(item), now_ns);
		if (atomic_load(&device->is_lost))
			erc__cuda_fail_all(device, now_ns);
	} while (erc__cuda_settle_all(device, now_ns));
	erc__cuda_plan_look(device, now_ns);
}

void erc__cuda_cancel(struct cuda_request *request)
{
	atomic_store_explicit(&request->owner->job.cancelled, 1, memory_order_seq_cst);
	if (erc__cuda_is_flying(request) && !request->is_plain)
		stop(request, erc__cuda_limit(request) ? erc__cuda_limit(request) : 1);
}
