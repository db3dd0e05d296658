/* Sessions: an entry point, a budget, a class and a room. Each session is a tenant of the device. */
#include <stdio.h>
#include <string.h>

#include "runtime/core/handles.h"

/* On devices whose units are threads, a real-time run gives away a unit only if it does not need it for this long: a
 * thread that leaves a run and comes back takes about 10 us, and spins for 50 us before it sleeps. */
#define HOLD_NS 200000

/* Whether requests can change from one to the other: inputs and outputs differ in dims only. */
static bool differ_in_dims(const struct erc_artifact *artifact, const struct erca_entry *a, const struct erca_entry *b)
{
	bool same = a->input_count == b->input_count && a->output_count == b->output_count;
	for (uint32_t i = 0; same && i < a->input_count + a->output_count; i++) {
		const struct erca_tensor *x = erc__entry_tensor(artifact, a, i), *y = erc__entry_tensor(artifact, b, i);
		same = x->dtype == y->dtype &&
		       !strcmp(erc_artifact_string(artifact, x->name), erc_artifact_string(artifact, y->name));
	}
	return same;
}

/* The named entry, or all. */
static enum erc_status find_entries(struct erc_session *session, const char *name)
{
	const struct erc_model *model = session->model;
	session->entries = erc__alloc(model->entry_count * sizeof *session->entries);
	if (!session->entries)
		return erc__no_memory("entry points", model->entry_count * sizeof *session->entries);
	for (uint32_t i = 0; i < model->entry_count; i++) {
		if (name && strcmp(name, erc_model_entry_name(model, i)))
			continue;
		struct erc__session_entry *entry = &session->entries[session->entry_count++];
		entry->number = i;
		entry->entry = erc__record(model->artifact, ERC_TABLE_ENTRIES, model->entries[i]);
		if (!differ_in_dims(model->artifact, session->entries[0].entry, entry->entry))
			return erc__fail(ERC_INVALID,
			                 "entry points '%s' and '%s' differ in more than dims: name one in the options",
			                 erc_model_entry_name(model, session->entries[0].number), erc_model_entry_name(model, i));
		if (name)
			break;
	}
	if (session->entry_count)
		return ERC_OK;
	return erc__fail(ERC_NOT_FOUND, "no entry point '%s'; the first of %u is '%s'", name, model->entry_count,
	                 erc_model_entry_name(model, 0));
}

/* The target's budgets, for messages: "full, half". */
static void list_budgets(const struct erc_model *model, char *text, size_t bytes)
{
	size_t used = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < model->target->budget_count && used < bytes; i++) {
		const struct erca_budget *budget =
			erc__record(model->artifact, ERC_TABLE_BUDGETS, model->target->budget_first + i);
		int written = snprintf(text + used, bytes - used, "%s%s", i ? ", " : "",
		                       erc_artifact_string(model->artifact, budget->name));
		used += written > 0 ? (size_t)written : 0;
	}
}

/* The index of the named budget among the target's. */
static enum erc_status find_budget(const struct erc_model *model, const char *name, uint32_t *out)
{
	char have[256];
	*out = ERC__BUDGET_BY_ROOM;
	for (uint32_t i = 0; name && i < model->target->budget_count; i++) {
		const struct erca_budget *budget =
			erc__record(model->artifact, ERC_TABLE_BUDGETS, model->target->budget_first + i);
		if (!strcmp(name, erc_artifact_string(model->artifact, budget->name)))
			*out = i;
	}
	if (!name || *out != ERC__BUDGET_BY_ROOM)
		return ERC_OK;
	list_budgets(model, have, sizeof have);
	return erc__fail(ERC_NOT_FOUND, "no budget '%s'; target %s has %s", name, erc_model_target(model), have);
}

/* A share is taken of the present device, not of the device that the artifact was made for. */
static uint32_t units_of(const struct erca_budget *budget, uint32_t device_units)
{
	uint32_t units = budget->units;
	if (budget->share_permille)
		units = (uint32_t)(((uint64_t)device_units * budget->share_permille + 999) / 1000);
	return units && units < device_units ? units : device_units;
}

static enum erc_status list_budget_units(struct erc_session *session)
{
	const struct erc_model *model = session->model;
	uint32_t count = model->target->budget_count;
	session->budget_units = erc__alloc(count * sizeof *session->budget_units);
	if (!session->budget_units)
		return erc__no_memory("budgets", count * sizeof *session->budget_units);
	for (uint32_t i = 0; i < count; i++)
		session->budget_units[i] =
			units_of(erc__record(model->artifact, ERC_TABLE_BUDGETS, model->target->budget_first + i),
		             model->runtime->device->units);
	session->budgets.units = session->budget_units;
	session->budgets.count = count;
	return ERC_OK;
}

/* The maximum number of units for the session: its own limit, and the limit of its budget. */
static uint32_t cap_of(const struct erc_session *session, uint32_t budget)
{
	uint32_t units = session->model->runtime->device->units;
	if (budget != ERC__BUDGET_BY_ROOM)
		units = session->budget_units[budget];
	return session->units && session->units < units ? session->units : units;
}

/* The memory traffic of one unit that runs tiles of the variant, as a share of the target's memory bandwidth. */
static float traffic_of(const struct erca_target *target, const struct erca_variant *variant)
{
	if (!target->memory_bytes_per_s || !variant->tile_ns)
		return 0;
	return (float)variant->tile_bytes * 1e9f / (float)variant->tile_ns / (float)target->memory_bytes_per_s;
}

/* What a launch needs, by the artifact's predictions for the budget, or else for the largest one. */
static struct erc__forecast_launch forecast_launch(const struct erc_model *model, const struct erca_record *record,
                                                   uint32_t budget)
{
	if (record->kind == ERCA_RECORD_COPY) {
		uint64_t bytes, tiles = erc__copy_tiles(model->artifact, record, &bytes);
		/* the request will be refused for the maximum number of tiles */
		return (struct erc__forecast_launch){.tiles = tiles < UINT32_MAX ? (uint32_t)tiles : UINT32_MAX,
		                                     .tile_ns = ERC__COPY_TILE_NS};
	}
	uint32_t variant_of = record->variant_first + (budget == ERC__BUDGET_BY_ROOM ? 0 : budget);
	const struct erca_variant *variant = erc__record(model->artifact, ERC_TABLE_VARIANTS, variant_of);
	return (struct erc__forecast_launch){.tiles = variant->tile_count,
	                                     .tile_ns = variant->tile_ns,
	                                     .traffic = traffic_of(model->target, variant)};
}

static uint32_t max_units(const struct erc_session *session)
{
	const struct erc__sched *sched = &session->model->runtime->device->sched;
	return session->tenant.class_ == ERC_REAL_TIME ? sched->rt_units : sched->supply.units;
}

void erc__session_forecast(const struct erc_session *session, struct erc__forecast *forecast)
{
	erc__forecast_complete(forecast, max_units(session), HOLD_NS);
}

/* What a run of the entry needs, step by step. */
static enum erc_status make_forecast(const struct erc_session *session, uint32_t budget,
                                     struct erc__session_entry *entry)
{
	const struct erc_artifact *artifact = session->model->artifact;
	const struct erc__course *course = &session->model->courses[entry->number];
	struct erc__forecast *forecast = &entry->forecast;
	uint32_t max = max_units(session);
	if (course->count) {
		forecast->launches = erc__alloc(course->count * sizeof *forecast->launches);
		if (!forecast->launches)
			return erc__no_memory("forecast", course->count * sizeof *forecast->launches);
	}
	forecast->count = course->count;
	for (uint32_t i = 0; i < course->count; i++) {
		const struct erc__place *place = &course->places[i];
		if (place->kind == ERC__STEP_LAUNCH)
			forecast->launches[i] =
				forecast_launch(session->model, erc__record(artifact, ERC_TABLE_RECORDS, place->record), budget);
		forecast->launches[i].place = *place;
	}
	/* The estimate is for the units that the session has now. The forecast is for the maximum, because
	 * erc_session_set_units may give more. */
	erc__forecast_complete(forecast, session->tenant.cap < max ? session->tenant.cap : max, HOLD_NS);
	erc__estimate_init(&entry->estimate, forecast);
	erc__session_forecast(session, forecast);
	return ERC_OK;
}

/* Replaces ERC_ARTIFACT_* by the first entry's values. */
static void take_class(const struct erc_session *session, struct erc_session_options *options)
{
	const struct erc_model *model = session->model;
	struct erca_class row = {0};
	for (uint32_t i = 0; i < model->artifact->tables[ERC_TABLE_CLASSES].count; i++) {
		const struct erca_class *other = erc__record(model->artifact, ERC_TABLE_CLASSES, i);
		if (other->entry == model->entries[session->entries[0].number])
			row = *other;
	}
	if (options->class_ == ERC_ARTIFACT_CLASS)
		options->class_ = (enum erc_class)row.class_;
	if (options->level == ERC_ARTIFACT_LEVEL)
		options->level = row.level;
	if (options->deadline_us == ERC_ARTIFACT_DEADLINE)
		options->deadline_us = row.deadline_us;
	if (options->class_ == ERC_BEST_EFFORT) /* what only RT has counts for nothing */
		options->level = 0, options->deadline_us = 0;
}

static enum erc_status fill(struct erc_session *session, struct erc_session_options *options)
{
	struct erc_runtime *runtime = session->model->runtime;
	uint32_t budget;
	TRY(find_entries(session, options->entry));
	take_class(session, options);
	if (options->class_ != ERC_BEST_EFFORT && options->class_ != ERC_REAL_TIME)
		return erc__fail(ERC_INVALID, "class %d", (int)options->class_);
	if (options->shed && (options->class_ != ERC_REAL_TIME || !options->deadline_us))
		return erc__fail(ERC_INVALID, "shed is for RT sessions with a deadline");
	TRY(find_budget(session->model, options->budget, &budget));
	TRY(list_budget_units(session));
	atomic_init(&session->budgets.chosen, budget);
	session->units = options->units;
	session->deadline_us = options->deadline_us;
	session->clamps_indices = options->clamp_indices;
	session->tenant.class_ = options->class_;
	session->tenant.level = options->level;
	session->tenant.weight = options->weight ? options->weight : 1;
	session->tenant.in_flight = options->in_flight;
	session->tenant.shed = options->shed;
	session->tenant.cap = cap_of(session, budget);
	erc__tenant_init(&session->tenant);
	for (uint32_t i = 0; i < session->entry_count; i++)
		TRY(make_forecast(session, budget, &session->entries[i]));
	pthread_mutex_lock(&runtime->lock);
	session->number = runtime->next_session++;
	erc__trace_name(&runtime->device->trace, session->number, options->name);
	pthread_mutex_unlock(&runtime->lock);
	return ERC_OK;
}

static enum erc_status tell_device(const struct erc_session *session, int change)
{
	struct erc__device *device = session->model->runtime->device;
	int concerns = session->tenant.class_ == ERC_REAL_TIME && device->ops->real_time_changed;
	return concerns ? device->ops->real_time_changed(device, change) : ERC_OK;
}

static void free_session(struct erc_session *session)
{
	for (uint32_t i = 0; i < session->entry_count; i++)
		erc__free(session->entries[i].forecast.launches);
	erc__free(session->entries);
	erc__free(session->budget_units);
	erc__free(session);
}

enum erc_status erc_session_create(erc_model *model, const struct erc_session_options *options, erc_session **out)
{
	struct erc_session_options given;
	if (!model || !out)
		return erc__fail(ERC_INVALID, "model or out is NULL");
	*out = NULL;
	TRY(erc__check_process(model->runtime));
	TRY(erc__options_copy("session", &given, sizeof given, options));
	struct erc_session *session = erc__alloc(sizeof *session);
	if (!session)
		return erc__no_memory("session", sizeof *session);
	session->model = model;
	enum erc_status status = fill(session, &given);
	if (!status)
		status = tell_device(session, 1);
	if (status) {
		free_session(session);
		return status;
	}
	erc__child_add(model->runtime, ERC__SESSION, &model->session_count);
	*out = session;
	return ERC_OK;
}

enum erc_status erc_session_destroy(erc_session *session)
{
	if (!session)
		return ERC_OK;
	struct erc_model *model = session->model;
	TRY(erc__check_process(model->runtime));
	TRY(erc__child_none(model->runtime, &session->request_count, "request"));
	tell_device(session, -1);
	free_session(session);
	erc__child_remove(model->runtime, ERC__SESSION, &model->session_count);
	return ERC_OK;
}

uint32_t erc_session_entry(const erc_session *session)
{
	return session->entries[0].number;
}

/* ---- at any time ---- */

static void set_cap(struct erc_session *session, uint32_t cap)
{
	struct erc__device *device = session->model->runtime->device;
	pthread_mutex_lock(&device->lock);
	erc__sched_set_cap(&device->sched, &session->tenant, cap, erc__device_now_ns(device));
	pthread_mutex_unlock(&device->lock);
	device->ops->room_changed(device);
}

enum erc_status erc_session_set_units(erc_session *session, uint32_t units)
{
	if (!session)
		return erc__fail(ERC_INVALID, "session is NULL");
	TRY(erc__check_process(session->model->runtime));
	session->units = units;
	set_cap(session, units ? cap_of(session, atomic_load(&session->budgets.chosen)) : 0);
	return ERC_OK;
}

enum erc_status erc_session_set_budget(erc_session *session, const char *budget)
{
	uint32_t chosen;
	if (!session)
		return erc__fail(ERC_INVALID, "session is NULL");
	TRY(erc__check_process(session->model->runtime));
	TRY(find_budget(session->model, budget, &chosen));
	atomic_store(&session->budgets.chosen, chosen);
	if (session->tenant.cap)
		set_cap(session, cap_of(session, chosen));
	return ERC_OK;
}

enum erc_status erc_session_stats(const erc_session *session, struct erc_session_stats *out)
{
	if (!session || !out)
		return erc__fail(ERC_INVALID, "session or out is NULL");
	if (out->size != sizeof *out)
		return erc__fail(ERC_INVALID, "stats: size %zu, expected %zu", out->size, sizeof *out);
	TRY(erc__check_process(session->model->runtime));
	struct erc__device *device = session->model->runtime->device;
	const struct erc__statistics *from = &session->statistics;
	pthread_mutex_lock(&device->lock);
	*out = (struct erc_session_stats){
		.size = sizeof *out,
		.submitted = from->counts.submitted,
		.completed = from->counts.completed,
		.missed = from->counts.missed,
		.shed = from->counts.shed,
		.cancelled = from->counts.cancelled,
		.failed = from->counts.failed,
		.preemptions = from->counts.preemptions,
		.launches = from->counts.launches,
		.tiles = from->tiles,
		.unit_ns = from->unit_ns,
		.units = erc__sched_tenant_room(&device->sched, &session->tenant),
		.p50_us = erc__histogram_percentile_us(&from->latency, 0.5),
		.p90_us = erc__histogram_percentile_us(&from->latency, 0.9),
		.p99_us = erc__histogram_percentile_us(&from->latency, 0.99),
		.p999_us = erc__histogram_percentile_us(&from->latency, 0.999),
		.most_us = (double)from->latency.max_ns / 1000,
		.class_ = session->tenant.class_,
		.level = session->tenant.level,
		.deadline_us = session->deadline_us,
	};
	pthread_mutex_unlock(&device->lock);
	return ERC_OK;
}
