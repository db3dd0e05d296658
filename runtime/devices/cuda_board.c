/* The board of a CUDA device. The launches of real-time runs write on it how many units the run needs, as they
 * begin, so that best-effort blocks leave and come back without the host. If a run has nothing to write, or finds
 * no slot, the scheduler keeps the units of its widest launch free of best-effort work until the run ends. */
#include <stdlib.h>
#include <string.h>

#include "runtime/devices/cuda_device.h"

#define HELD_NS 200000 /* time from a flight that did nothing to the next one, unless units are free sooner */
#define LATE_NS 20000  /* runs are assumed to be late by this much compared with their predictions */

enum erc_status erc__cuda_board_create(struct cuda_device *device)
{
	const char *phases = secure_getenv("ERC_CUDA_PHASES"); /* "0": no phases, for comparison */
	cu_address board = 0;
	if ((phases && !strcmp(phases, "0")) || !device->has_writes || !device->base.sched.policy->looks_ahead)
		return ERC_OK;
	TRY(CU(device, cuMemAllocAsync, &board, sizeof(struct erc_cuda_board), device->upload));
	device->board = board;
	TRY(CU(device, cuMemsetD8Async, device->board, 0, sizeof(struct erc_cuda_board), device->upload));
	return CU(device, cuStreamSynchronize, device->upload);
}

/* ---- what a request tells ---- */

/* Whether the launch is certain to begin with a tile. */
static bool can_tell(const struct cuda_request *request, uint32_t number)
{
	const struct erc__step *step = &request->owner->form->steps[number];
	return step->native && step->tile_count && step->count_slot == ERCA_NONE;
}

/* A launch that cannot write passes its need on to the launch before it, until one can write. */
static void move_needs(const struct cuda_request *request, uint32_t *needs)
{
	uint32_t max = 0;
	for (uint32_t i = request->step_count; i--;) {
		max = needs[i] > max ? needs[i] : max;
		needs[i] = max;
		if (can_tell(request, i))
			max = 0;
	}
}

enum erc_status erc__cuda_find_phases(struct cuda_request *request)
{
	const struct erc__tenant *tenant = &request->owner->session->tenant;
	const struct erc__forecast *forecast = erc__item_forecast(&request->owner->job.item);
	if (!request->device->board || tenant->class_ != ERC_REAL_TIME || !forecast->run_ns ||
	    forecast->count != request->step_count)
		return ERC_OK;
	size_t bytes = request->step_count * sizeof *request->phases;
	uint32_t *needs = erc__alloc(request->step_count * sizeof *needs);
	request->phases = needs ? erc__alloc(bytes) : NULL;
	if (!request->phases) {
		erc__free(needs);
		return erc__no_memory("phases", bytes);
	}
	erc__cuda_needs(forecast, ERC__CUDA_AHEAD_NS, needs);
	move_needs(request, needs);
	request->phase_count = erc__cuda_phases(forecast, needs, request->phases);
	erc__free(needs);
	if (request->phase_count < 2) {
		erc__free(request->phases);
		request->phases = NULL;
		request->phase_count = 0;
	}
	return ERC_OK;
}

/* The units that the step writes as it begins: those of the last phase that begins with this step, or with a step
 * directly before it that cannot write. 0: nothing. The host writes the first phase. */
static uint32_t units_told(const struct cuda_request *request, uint32_t number)
{
	uint32_t since = number, units = 0;
	if (!can_tell(request, number))
		return 0;
	while (since && !can_tell(request, since - 1))
		since--;
	for (uint32_t i = 1; i < request->phase_count && request->phases[i].first <= number; i++)
		if (request->phases[i].first >= since)
			units = request->phases[i].units;
	return units;
}

void erc__cuda_fill_board(const struct cuda_request *request, uint32_t number, struct erc_cuda_launch *launch)
{
	const struct cuda_device *device = request->device;
	launch->board = (struct erc_cuda_board *)(uintptr_t)device->board;
	launch->all_units = device->base.units;
	launch->keeps = device->board && request->owner->session->tenant.class_ == ERC_BEST_EFFORT;
	launch->ticket = (const uint32_t *)(uintptr_t)(request->memory + ERC__CUDA_TICKET);
	launch->tells = units_told(request, number);
}

/* ---- slots ---- */

/* Begins a new generation: what launches wrote before no longer counts. */
static enum erc_status write_slot(struct cuda_device *device, uint32_t number, uint32_t units)
{
	struct cuda_slot *slot = &device->slots[number];
	size_t offset = offsetof(struct erc_cuda_board, slots) + number * sizeof(struct erc_cuda_slot) +
	                offsetof(struct erc_cuda_slot, first);
	slot->generation = (slot->generation + 1) & 0xffff;
	return erc__cuda_put_word(device, offset, slot->generation << 16 | units);
}

static void announce(struct cuda_request *request, uint32_t units)
{
	enum erc_status status = write_slot(request->device, request->slot - 1, units);
	if (status)
		erc__cuda_fail(request, status);
}

static void free_slot(struct cuda_device *device, uint32_t number)
{
	device->slots[number].is_due = write_slot(device, number, 0) != ERC_OK;
	if (!device->slots[number].is_due)
		device->slots[number].owner = NULL;
}

uint32_t erc__cuda_ticket(const struct cuda_request *request)
{
	return request->slot ? request->device->slots[request->slot - 1].generation << 16 | request->slot : 0;
}

/* Real-time runs that have not begun and have all the units that they can use. */
static bool may_take_slot(const struct cuda_request *request)
{
	const struct erc__job *job = &request->owner->job;
	return request->phase_count && !request->slot && !request->has_begun && !erc__cuda_is_ending(request) &&
	       erc__sched_room(&job->item) >= erc__item_forecast(&job->item)->widest;
}

static void take_slot(struct cuda_request *request)
{
	struct cuda_device *device = request->device;
	for (uint32_t i = 0; i < ERC_CUDA_SLOTS && !request->slot; i++)
		if (!device->slots[i].owner) {
			device->slots[i].owner = request;
			request->slot = i + 1;
			announce(request, request->phases[0].units);
		}
}

/* If tiles are longer than the time by which words are written ahead, the scheduler is used, because it knows how
 * long they are. */
void erc__cuda_take_slots(struct cuda_device *device, uint64_t now_ns)
{
	struct erc__sched *sched = &device->base.sched;
	for (uint32_t i = 0; i < ERC_CUDA_SLOTS; i++)
		if (device->slots[i].is_due)
			free_slot(device, i);
	for (struct cuda_request *request = device->running; request; request = request->next) {
		struct erc__item *item = &request->owner->job.item;
		if (may_take_slot(request))
			take_slot(request);
		bool is_told = request->slot && sched->longest_ns <= ERC__CUDA_AHEAD_NS;
		if (item->is_told == is_told)
			continue;
		item->is_told = is_told;
		struct erc__progress progress = item->progress;
		erc__sched_launch(sched, item, &progress, now_ns); /* sets the limits again */
	}
}

/* Units were given away, so best-effort blocks that left may come back. */
static void note_free_units(struct cuda_device *device)
{
	for (struct cuda_request *request = device->running; request; request = request->next)
		if (request->owner->job.item.tenant->class_ == ERC_BEST_EFFORT) {
			request->is_held = 0;
			request->is_refill_due = erc__cuda_is_flying(request);
		}
}

/* How far the run has come is not known exactly, so this writes the maximum that it may need from here on. */
void erc__cuda_tell_start(struct cuda_request *request)
{
	uint32_t units = 0;
	if (!request->slot || !request->is_withdrawn)
		return;
	request->is_withdrawn = 0;
	for (uint32_t i = 0; i < request->phase_count; i++)
		if (i + 1 == request->phase_count || request->phases[i + 1].first > request->position)
			units = request->phases[i].units > units ? request->phases[i].units : units;
	announce(request, units);
}

void erc__cuda_withdraw(struct cuda_request *request)
{
	if (!request->slot || request->is_withdrawn)
		return;
	request->is_withdrawn = 1;
	announce(request, 0);
	note_free_units(request->device);
}

void erc__cuda_give_slot(struct cuda_request *request)
{
	request->owner->job.item.is_told = 0;
	if (!request->slot)
		return;
	free_slot(request->device, request->slot - 1);
	request->slot = 0;
	note_free_units(request->device);
}

/* ---- best-effort runs beside them ---- */

int erc__cuda_is_board_used(const struct cuda_device *device)
{
	for (uint32_t i = 0; i < ERC_CUDA_SLOTS; i++)
		if (device->slots[i].owner)
			return 1;
	return 0;
}

/* Units on which the run has blocks. Units that were stopped in order to begin again count until they have left. */
static uint32_t units_held(const struct cuda_request *request)
{
	uint32_t held = erc__cuda_limit(request);
	for (int i = 0; i < 2 && request->is_draining; i++) {
		const struct cuda_flight *flight = &request->flights[i];
		if (flight->is_used && flight->first_unit + flight->launched > held)
			held = flight->first_unit + flight->launched;
	}
	return held;
}

enum erc_status erc__cuda_write_board(struct cuda_device *device)
{
	uint32_t together = 0, others = 0;
	if (!device->board)
		return ERC_OK;
	for (const struct cuda_request *request = device->running; request; request = request->next) {
		uint32_t limit = erc__cuda_limit(request), room = erc__sched_room(&request->owner->job.item);
		if (request->owner->job.item.tenant->class_ == ERC_BEST_EFFORT)
			together += units_held(request);
		else if (!request->slot)
			others += room > limit ? room : limit;
	}
	others = erc__cuda_is_board_used(device) ? others : 0;
	uint32_t units = others << 16 | together;
	if (units == device->board_units || (!together && !others)) /* nobody reads it */
		return ERC_OK;
	TRY(erc__cuda_put_word(device, offsetof(struct erc_cuda_board, units), units));
	device->board_units = units;
	return ERC_OK;
}

void erc__cuda_note_progress(struct cuda_request *request, int is_stopped, int has_progress)
{
	bool is_best_effort = request->owner->job.item.tenant->class_ == ERC_BEST_EFFORT;
	request->is_held = !is_stopped && !has_progress && is_best_effort && erc__cuda_is_board_used(request->device);
	request->is_probing = request->is_held;
}

/* When the run is expected to need fewer units. */
static uint64_t next_fall_ns(const struct cuda_request *request, uint64_t now_ns)
{
	const struct erc__item *item = &request->owner->job.item;
	if (!request->slot || !item->started_ns)
		return UINT64_MAX;
	for (uint32_t i = 1; i < request->phase_count; i++) {
		uint64_t at_ns =
			item->started_ns + erc__item_forecast(item)->launches[request->phases[i].first].start_ns + LATE_NS;
		if (request->phases[i].units < request->phases[i - 1].units && at_ns > now_ns)
			return at_ns;
	}
	return UINT64_MAX;
}

/* When a best-effort flight of long launches is begun again. Runs are not exactly as fast as predicted, and the host
 * does not see the words; by this time the flights of other runs have ended. UINT64_MAX: never. */
static uint64_t refill_ns(const struct cuda_request *request)
{
	uint64_t at_ns = UINT64_MAX;
	for (int i = 0; i < 2 && request->owner->job.item.tenant->class_ == ERC_BEST_EFFORT; i++) {
		const struct cuda_flight *flight = &request->flights[i];
		bool is_long = !flight->longest_ns || flight->longest_ns > ERC__CUDA_FLIGHT_NS;
		if (flight->is_used && flight->units && is_long && flight->launched_ns + ERC__CUDA_FLIGHT_NS < at_ns)
			at_ns = flight->launched_ns + ERC__CUDA_FLIGHT_NS;
	}
	return at_ns;
}

void erc__cuda_look(struct cuda_device *device, uint64_t now_ns)
{
	if (device->look_ns > now_ns)
		return;
	if (device->fall_ns <= now_ns)
		note_free_units(device);
	bool is_used = erc__cuda_is_board_used(device);
	for (struct cuda_request *request = device->running; request; request = request->next) {
		request->is_held = 0;
		request->is_refill_due |= is_used && refill_ns(request) <= now_ns;
	}
}

void erc__cuda_plan_look(struct cuda_device *device, uint64_t now_ns)
{
	uint64_t other_ns = UINT64_MAX;
	bool is_used = erc__cuda_is_board_used(device);
	device->fall_ns = UINT64_MAX;
	for (const struct cuda_request *request = device->running; request; request = request->next) {
		uint64_t fall_ns = next_fall_ns(request, now_ns);
		device->fall_ns = fall_ns < device->fall_ns ? fall_ns : device->fall_ns;
		uint64_t at_ns = request->is_held ? now_ns + HELD_NS : is_used ? refill_ns(request) : UINT64_MAX;
		at_ns = at_ns > now_ns ? at_ns : now_ns + ERC__CUDA_FLIGHT_NS;
		other_ns = at_ns < other_ns ? at_ns : other_ns;
	}
	device->look_ns = device->fall_ns < other_ns ? device->fall_ns : other_ns;
}
