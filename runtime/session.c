/* Sessions: a tenant of the device: an entry point, a budget, a class, a room. */
#include <stdio.h>
#include <string.h>

#include "handles.h"

static enum erc_status find_entry(struct erc_session *session, const char *name)
{
	const struct erc_model *model = session->model;
	for (uint32_t i = 0; i < model->entry_count; i++) {
		if (name && strcmp(name, erc_model_entry_name(model, i)))
			continue;
		session->entry_number = i;
		session->entry = erc__record(model->artifact, ERC_TABLE_ENTRIES, model->entries[i]);
		return ERC_OK;
	}
	return erc__fail(ERC_NOT_FOUND, "no entry point '%s'; the first of %u is '%s'", name, model->entry_count,
	                 erc_model_entry_name(model, 0));
}

/* "full, half": what the target has, for messages. */
static void list_budgets(const struct erc_model *model, char *text, size_t bytes)
{
	size_t used = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < model->target->budget_count && used < bytes; i++) {
		const struct erca_budget *budget = erc__record(model->artifact, ERC_TABLE_BUDGETS, model->target->budget_first + i);
		int written = snprintf(text + used, bytes - used, "%s%s", i ? ", " : "", erc_artifact_string(model->artifact, budget->name));
		used += written > 0 ? (size_t)written : 0;
	}
}

static enum erc_status find_budget(struct erc_session *session, const char *name, const struct erca_budget **out)
{
	const struct erc_model *model = session->model;
	for (uint32_t i = 0; i < model->target->budget_count; i++) {
		const struct erca_budget *budget = erc__record(model->artifact, ERC_TABLE_BUDGETS, model->target->budget_first + i);
		if (name && strcmp(name, erc_artifact_string(model->artifact, budget->name)))
			continue;
		session->budget = i;
		*out = budget;
		return ERC_OK;
	}
	char have[256];
	list_budgets(model, have, sizeof(have));
	return erc__fail(ERC_NOT_FOUND, "no budget '%s'; target %s has %s", name, erc_model_target(model), have);
}

/* A share is of the device that is there, not of the one it was resolved for. */
static uint32_t budget_units(const struct erca_budget *budget, uint32_t device_units)
{
	uint32_t units = budget->units;
	if (budget->share_permille)
		units = (uint32_t)(((uint64_t)device_units * budget->share_permille + 999) / 1000);
	return units && units < device_units ? units : device_units;
}

static enum erc_status fill(struct erc_session *session, const struct erc_session_options *options)
{
	const struct erca_budget *budget = NULL;
	if (options->class_ != ERC_BEST_EFFORT && options->class_ != ERC_REAL_TIME)
		return erc__fail(ERC_INVALID, "class %d", (int)options->class_);
	TRY(find_entry(session, options->entry));
	TRY(find_budget(session, options->budget, &budget));
	session->deadline_us = options->deadline_us;
	session->tenant.class_ = options->class_;
	session->tenant.level = options->level;
	session->tenant.weight = options->weight ? options->weight : 1;
	erc__room_init(&session->room, budget_units(budget, session->model->runtime->device->units));
	return ERC_OK;
}

enum erc_status erc_session_create(erc_model *model, const struct erc_session_options *options, erc_session **out)
{
	struct erc_session_options given;
	if (!model || !out)
		return erc__fail(ERC_INVALID, "model or out is NULL");
	*out = NULL;
	TRY(erc__options_copy("session", &given, sizeof(given), options));
	struct erc_session *session = erc__alloc(sizeof(*session));
	if (!session)
		return erc__no_memory("session", sizeof(*session));
	session->model = model;
	enum erc_status status = fill(session, &given);
	if (status) {
		erc__free(session);
		return status;
	}
	erc__child_add(model->runtime, &model->session_count);
	*out = session;
	return ERC_OK;
}

enum erc_status erc_session_destroy(erc_session *session)
{
	if (!session)
		return ERC_OK;
	struct erc_model *model = session->model;
	TRY(erc__child_none(model->runtime, &session->request_count, "request"));
	erc__free(session);
	erc__child_remove(model->runtime, &model->session_count);
	return ERC_OK;
}

uint32_t erc_session_entry(const erc_session *session)
{
	return session->entry_number;
}
