/* Lists the steps of an entry. */
#include "runtime/artifact/course.h"

#include <string.h>

struct listing {
	const struct erc_artifact *artifact;
	struct erc__course *course;
	uint32_t capacity; /* of its places */
	uint64_t visited;  /* records, with those of calls */
};

static enum erc_status add(struct listing *list, enum erc__step_kind kind, uint32_t record, uint32_t times)
{
	struct erc__course *course = list->course;
	if (course->count == list->capacity) {
		uint32_t capacity = list->capacity ? 2 * list->capacity : 64;
		struct erc__place *places = erc__alloc(capacity * sizeof *places);
		if (!places)
			return erc__no_memory("steps", capacity * sizeof *places);
		if (course->count)
			memcpy(places, course->places, course->count * sizeof *places);
		erc__free(course->places);
		course->places = places;
		list->capacity = capacity;
	}
	course->places[course->count++] = (struct erc__place){.kind = kind, .record = record, .times = times};
	return ERC_OK;
}

/* The number of iterations that a loop is expected to do. */
static uint32_t expected_times(const struct erc_artifact *artifact, const struct erca_record *record)
{
	const struct erca_operand *trips = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + 1);
	int64_t number = INT64_MAX;
	if (trips->buffer == ERCA_BUFFER_WEIGHTS)
		memcpy(&number, artifact->weights + trips->offset, sizeof number);
	if (number > record->most && record->flops)
		number = record->flops < record->most ? (int64_t)record->flops : record->most;
	return number < 0 ? 0 : number < record->most ? (uint32_t)number : record->most;
}

static enum erc_status add_plan(struct listing *list, uint32_t plan);

static enum erc_status add_branch(struct listing *list, const struct erca_record *record, uint32_t r)
{
	struct erc__course *course = list->course;
	uint32_t begin = course->count, middle = 0;
	TRY(add(list, ERC__STEP_BRANCH, r, 0));
	TRY(add_plan(list, record->plan_a));
	if (record->plan_b != ERCA_NONE) {
		middle = course->count;
		TRY(add(list, ERC__STEP_ELSE, r, 0));
		TRY(add_plan(list, record->plan_b));
		course->places[middle].goes_to = course->count;
	}
	course->places[begin].goes_to = middle ? middle + 1 : course->count;
	return add(list, ERC__STEP_END, r, 0);
}

static enum erc_status add_loop(struct listing *list, const struct erca_record *record, uint32_t r)
{
	struct erc__course *course = list->course;
	uint32_t begin = course->count, times = expected_times(list->artifact, record);
	TRY(add(list, ERC__STEP_LOOP, r, times));
	TRY(add_plan(list, record->plan_a));
	TRY(add(list, ERC__STEP_AGAIN, r, times));
	course->places[course->count - 1].goes_to = begin + 1;
	course->places[begin].goes_to = course->count;
	return ERC_OK;
}

static enum erc_status add_plan(struct listing *list, uint32_t plan_idx)
{
	const struct erca_plan *plan = erc__record(list->artifact, ERC_TABLE_PLANS, plan_idx);
	for (uint32_t i = 0; i < plan->record_count; i++) {
		uint32_t r = plan->record_first + i;
		const struct erca_record *record = erc__record(list->artifact, ERC_TABLE_RECORDS, r);
		if (++list->visited > ERC__MAX_STEPS)
			return erc__fail(ERC_LIMIT, "plan %u: nested plans have more than %u records together", plan_idx,
			                 ERC__MAX_STEPS);
		switch (record->kind) {
		case ERCA_RECORD_BRANCH: TRY(add_branch(list, record, r)); break;
		case ERCA_RECORD_LOOP: TRY(add_loop(list, record, r)); break;
		case ERCA_RECORD_CALL: TRY(add_plan(list, record->plan_a)); break;
		default: TRY(add(list, ERC__STEP_LAUNCH, r, 0));
		}
	}
	return ERC_OK;
}

enum erc_status erc__course_list(const struct erc_artifact *artifact, uint32_t plan, struct erc__course *out)
{
	struct listing list = {.artifact = artifact, .course = out};
	*out = (struct erc__course){0};
	return add_plan(&list, plan);
}
