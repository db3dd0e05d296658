/* erc_model_room_profile: a run's latency for each number of units, computed from the predictions of an entry's
 * launches. */
#include <string.h>

#include "runtime/core/handles.h"
#include "runtime/sched/profile.h"

static const struct erca_budget *budget_at(const struct erc_model *model, uint32_t number)
{
	return erc__record(model->artifact, ERC_TABLE_BUDGETS, model->target->budget_first + number);
}

static enum erc_status find_budget(const struct erc_model *model, const char *name, uint32_t *out)
{
	*out = 0;
	for (uint32_t i = 0; i < model->target->budget_count; i++) {
		*out = i;
		if (!name || !strcmp(name, erc_artifact_string(model->artifact, budget_at(model, i)->name)))
			return ERC_OK;
	}
	return erc__fail(ERC_NOT_FOUND, "no budget '%s' of target %s", name, erc_model_target(model));
}

/* Lists the steps of an entry under a budget. The caller frees tile_counts. */
static enum erc_status list_launches(const struct erc_model *model, uint32_t entry, uint32_t budget,
                                     struct erc__load *out)
{
	const struct erc__course *course = &model->courses[entry];
	size_t bytes = (size_t)course->count * 2 * sizeof(uint32_t);
	uint32_t *tile_counts = erc__alloc(bytes);
	if (!tile_counts)
		return erc__no_memory("room profile", bytes);
	uint32_t *tile_ns = tile_counts + course->count;
	*out = (struct erc__load){tile_counts, tile_ns, course->count, course->places};
	for (uint32_t i = 0; i < course->count; i++) {
		const struct erca_record *record = erc__record(model->artifact, ERC_TABLE_RECORDS, course->places[i].record);
		if (record->kind != ERCA_RECORD_LAUNCH)
			continue;
		const struct erca_variant *variant =
			erc__record(model->artifact, ERC_TABLE_VARIANTS, record->variant_first + budget);
		tile_counts[i] = variant->tile_count;
		tile_ns[i] = variant->tile_ns;
	}
	return ERC_OK;
}

/* The fewest units, at most `max`, whose latency is within the given percentage of the latency on `max` units.
 * Bisection works because latency never rises with units. */
static uint32_t units_within(const struct erc__load *load, uint32_t max, uint32_t percent)
{
	struct erc__profile_point best, point;
	uint32_t low = 1, high = max;
	erc__profile_at(load, max, &best);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		erc__profile_at(load, middle, &point);
		if ((unsigned __int128)point.latency_ns * 100 <= (unsigned __int128)best.latency_ns * (100 + percent))
			high = middle;
		else
			low = middle + 1;
	}
	return high;
}

static void fill_points(const struct erc__load *load, uint32_t max, struct erc_room_profile *out)
{
	struct erc__profile_point point;
	out->point_count = 0;
	for (uint32_t units = 1;; units = erca_point_behind(units, max)) {
		erc__profile_at(load, units, &point);
		if (out->points && out->point_count < out->point_capacity)
			out->points[out->point_count] = (struct erc_room_point){units, point.latency_ns, point.unit_ns};
		out->point_count++;
		if (units == max)
			break;
	}
	out->tile_ns = point.tile_ns;
}

/* Frees what the load holds. */
static void describe(const struct erc_model *model, uint32_t number, struct erc__load *load,
                     struct erc_room_profile *out)
{
	uint32_t max = budget_at(model, number)->units ? budget_at(model, number)->units : model->target->units;
	out->units = max ? max : erc_runtime_units(model->runtime);
	out->memory_bytes_per_s = model->target->memory_bytes_per_s;
	out->units_within_1 = units_within(load, out->units, 1);
	out->units_within_5 = units_within(load, out->units, 5);
	out->units_within_10 = units_within(load, out->units, 10);
	fill_points(load, out->units, out);
	erc__free((void *)load->tile_counts);
}

static enum erc_status check_profile(const void *handle, const struct erc_room_profile *out)
{
	if (!handle || !out)
		return erc__fail(ERC_INVALID, "model, request or out is NULL");
	if (out->size != sizeof *out)
		return erc__fail(ERC_INVALID, "room profile: size %zu, expected %zu", out->size, sizeof *out);
	return ERC_OK;
}

enum erc_status erc_model_room_profile(const erc_model *model, uint32_t entry, const char *budget,
                                       struct erc_room_profile *out)
{
	struct erc__load load;
	uint32_t number;
	TRY(check_profile(model, out));
	if (entry >= model->entry_count)
		return erc__fail(ERC_NOT_FOUND, "no entry %u", entry);
	TRY(find_budget(model, budget, &number));
	TRY(list_launches(model, entry, number, &load));
	describe(model, number, &load, out);
	return ERC_OK;
}

/* The same for the sizes that a request has now. */
static enum erc_status list_steps(const struct erc__form *form, uint32_t budget, struct erc__load *out)
{
	const struct erc__step *steps = &form->steps[(size_t)budget * form->step_count];
	const struct erc__forecast *forecast = form->resized.of ? &form->resized.forecast : &form->of->forecast;
	size_t bytes = (size_t)form->step_count * (2 * sizeof(uint32_t) + sizeof(struct erc__place));
	uint32_t *tile_counts = erc__alloc(bytes), *tile_ns = tile_counts + form->step_count;
	struct erc__place *places = (void *)(tile_ns + form->step_count);
	if (!tile_counts)
		return erc__no_memory("room profile", bytes);
	for (uint32_t i = 0; i < form->step_count; i++) {
		tile_counts[i] = steps[i].tile_count;
		tile_ns[i] = steps[i].tile_ns;
		places[i] = forecast->launches[i].place;
	}
	*out = (struct erc__load){tile_counts, tile_ns, form->step_count, places};
	return ERC_OK;
}

enum erc_status erc_request_room_profile(const erc_request *request, const char *budget, struct erc_room_profile *out)
{
	struct erc__load load;
	uint32_t number;
	TRY(check_profile(request, out));
	const struct erc_model *model = request->session->model;
	const struct erc__form *form = request->form;
	TRY(find_budget(model, budget, &number));
	TRY(list_steps(form, number, &load));
	describe(model, number, &load, out);
	return ERC_OK;
}
