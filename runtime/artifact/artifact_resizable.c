/* Entries with ranges: checks what their patches refer to, and computes the numbers for given sizes. */
#include <string.h>

#include "runtime/artifact/artifact_check.h"
#include "runtime/artifact/course.h"

const struct erca_resizable *erc__entry_resizable(const struct erc_artifact *artifact, uint32_t entry)
{
	uint32_t low = 0, high = artifact->tables[ERC_TABLE_RESIZABLES].count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct erca_resizable *row = erc__record(artifact, ERC_TABLE_RESIZABLES, middle);
		if (row->entry == entry)
			return row;
		if (row->entry < entry)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool take_number(const struct erca_term *term, const int64_t *sizes, const int64_t *values, int64_t *out)
{
	(void)sizes, (void)values;
	*out = term->number;
	return true;
}

static bool take_size(const struct erca_term *term, const int64_t *sizes, const int64_t *values, int64_t *out)
{
	(void)values;
	*out = sizes[term->a];
	return true;
}

static bool add(const struct erca_term *term, const int64_t *sizes, const int64_t *values, int64_t *out)
{
	(void)sizes;
	return !__builtin_add_overflow(values[term->a], values[term->b], out);
}

static bool multiply(const struct erca_term *term, const int64_t *sizes, const int64_t *values, int64_t *out)
{
	(void)sizes;
	return !__builtin_mul_overflow(values[term->a], values[term->b], out);
}

static bool divide(const struct erca_term *term, const int64_t *sizes, const int64_t *values, int64_t *out)
{
	int64_t numerator = values[term->a];
	(void)sizes;
	*out = numerator / term->number + (numerator % term->number != 0);
	return numerator >= 0;
}

bool erc__terms_evaluate(const struct erc_artifact *artifact, const struct erca_resizable *resizable,
                         const int64_t *sizes, int64_t *values)
{
	static bool (*const ops[])(const struct erca_term *term, const int64_t *sizes, const int64_t *values,
	                           int64_t *out) = {
		[ERCA_TERM_NUMBER] = take_number, [ERCA_TERM_SIZE] = take_size,  [ERCA_TERM_SUM] = add,
		[ERCA_TERM_PRODUCT] = multiply,   [ERCA_TERM_QUOTIENT] = divide,
	};
	for (uint32_t i = 0; i < resizable->term_count; i++) {
		const struct erca_term *term = erc__record(artifact, ERC_TABLE_TERMS, resizable->term_first + i);
		if (!ops[term->op](term, sizes, values, &values[i]))
			return false;
	}
	return true;
}

enum erc_status erc__check_resizable(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_resizable *row = erc__record(artifact, ERC_TABLE_RESIZABLES, i);
	const struct erca_resizable *before = i ? erc__record(artifact, ERC_TABLE_RESIZABLES, i - 1) : NULL;
	TRY(erc__check_range(artifact, "resizables", i, ERC_TABLE_ENTRIES, row->entry, 1));
	if (before && before->entry >= row->entry)
		return BAD("resizables", i, "is of entry %u after entry %u", row->entry, before->entry);
	if (row->reserved || !row->range_count)
		return BAD("resizables", i, "%u ranges, reserved %u", row->range_count, row->reserved);
	TRY(erc__check_range(artifact, "resizables", i, ERC_TABLE_RANGES, row->range_first, row->range_count));
	TRY(erc__check_range(artifact, "resizables", i, ERC_TABLE_TERMS, row->term_first, row->term_count));
	return erc__check_range(artifact, "resizables", i, ERC_TABLE_PATCHES, row->patch_first, row->patch_count);
}

/* ---- of an entry, once what it reaches has been checked ---- */

static enum erc_status check_ranges(const struct erc_artifact *artifact, const struct erca_resizable *row)
{
	for (uint32_t i = row->range_first; i < row->range_first + row->range_count; i++) {
		const struct erca_range *range = erc__record(artifact, ERC_TABLE_RANGES, i);
		TRY(erc__check_string(artifact, "ranges", i, "name", range->name));
		if (range->least < 0 || range->least > range->most || !range->step)
			return BAD("ranges", i, "from %" PRId64 " to %" PRId64 ", step %u", range->least, range->most, range->step);
	}
	return ERC_OK;
}

static enum erc_status check_terms(const struct erc_artifact *artifact, const struct erca_resizable *row)
{
	for (uint32_t i = 0; i < row->term_count; i++) {
		const struct erca_term *term = erc__record(artifact, ERC_TABLE_TERMS, row->term_first + i);
		bool one = term->op == ERCA_TERM_QUOTIENT, two = term->op == ERCA_TERM_SUM || term->op == ERCA_TERM_PRODUCT;
		if (term->op < ERCA_TERM_NUMBER || term->op > ERCA_TERM_QUOTIENT || term->reserved)
			return BAD("terms", row->term_first + i, "unknown op %u", term->op);
		if (term->op == ERCA_TERM_SIZE && term->a >= row->range_count)
			return BAD("terms", row->term_first + i, "is of range %u of %u", term->a, row->range_count);
		if (((one || two) && term->a >= i) || (two && term->b >= i))
			return BAD("terms", row->term_first + i, "uses terms %u and %u, which are not before it", term->a, term->b);
		if (one && term->number < 1)
			return BAD("terms", row->term_first + i, "divides by %" PRId64, term->number);
	}
	return ERC_OK;
}

/* The number that the patch replaces; NULL if there is none. It is the value at the upper bounds. */
static bool find_number(const struct erc_artifact *artifact, const struct erca_entry *entry,
                        const struct erc__course *course, const struct erca_patch *patch, uint32_t budget, int64_t *out)
{
	if (patch->kind == ERCA_PATCH_DIM) {
		if (patch->index >= entry->input_count + entry->output_count)
			return false;
		uint32_t first =
			patch->index < entry->input_count ? entry->input_first : entry->output_first - entry->input_count;
		const struct erca_tensor *tensor = erc__record(artifact, ERC_TABLE_TENSORS, first + patch->index);
		*out = patch->at < tensor->rank ? tensor->dims[patch->at] : 0;
		return patch->at < tensor->rank;
	}
	if (patch->index >= course->count)
		return false;
	const struct erc__place *place = &course->places[patch->index];
	const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, place->record);
	if (patch->kind == ERCA_PATCH_TRIPS) {
		if (place->kind != ERC__STEP_LOOP)
			return false;
		const struct erca_operand *trips = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + 1);
		if (trips->buffer != ERCA_BUFFER_WEIGHTS)
			return false;
		memcpy(out, artifact->weights + trips->offset, sizeof *out);
		return !patch->at;
	}
	if (place->kind != ERC__STEP_LAUNCH)
		return false;
	if (patch->kind == ERCA_PATCH_OFFSET) {
		if (patch->at >= record->operand_count)
			return false;
		const struct erca_operand *operand =
			erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + patch->at);
		*out = (int64_t)operand->offset;
		return true;
	}
	if (record->kind != ERCA_RECORD_LAUNCH)
		return false;
	if (patch->kind == ERCA_PATCH_WORK) {
		*out = erc__record_work(record);
		return !patch->at;
	}
	const struct erca_variant *variant = erc__record(artifact, ERC_TABLE_VARIANTS, record->variant_first + budget);
	if (patch->kind == ERCA_PATCH_TILES) {
		*out = variant->tile_count;
		return !patch->at;
	}
	if (patch->kind != ERCA_PATCH_PARAM || patch->at >= variant->param_count)
		return false;
	*out = *(const int64_t *)erc__record(artifact, ERC_TABLE_PARAMS, variant->param_first + patch->at);
	return true;
}

static enum erc_status check_patch(const struct erc_artifact *artifact, const struct erca_resizable *row, uint32_t i,
                                   const struct erc__course *course, const int64_t *values)
{
	const struct erca_entry *entry = erc__record(artifact, ERC_TABLE_ENTRIES, row->entry);
	const struct erca_target *target = erc__record(artifact, ERC_TABLE_TARGETS, entry->target);
	const struct erca_patch *patch = erc__record(artifact, ERC_TABLE_PATCHES, i);
	bool is_all = patch->budget == ERCA_ALL_BUDGETS;
	if (patch->term >= row->term_count || (!is_all && patch->budget >= target->budget_count))
		return BAD("patches", i, "term %u of %u, budget %u of %u", patch->term, row->term_count, patch->budget,
		           target->budget_count);
	const struct erca_term *term = erc__record(artifact, ERC_TABLE_TERMS, row->term_first + patch->term);
	if (patch->kind == ERCA_PATCH_DIM && patch->index < entry->input_count && term->op != ERCA_TERM_SIZE)
		return BAD("patches", i, "a dim of input %u is no size", patch->index);
	for (uint32_t k = is_all ? 0 : patch->budget; k < (is_all ? target->budget_count : patch->budget + 1u); k++) {
		int64_t number;
		if (!find_number(artifact, entry, course, patch, k, &number))
			return BAD("patches", i, "kind %u, index %u and at %u name no number of entries[%u]", patch->kind,
			           patch->index, patch->at, row->entry);
		if (number != values[patch->term])
			return BAD("patches", i, "gives %" PRId64 " at the bounds, where entries[%u] has %" PRId64,
			           values[patch->term], row->entry, number);
	}
	return ERC_OK;
}

static enum erc_status check_patches(const struct erc_artifact *artifact, const struct erca_resizable *row,
                                     const struct erc__course *course, int64_t *sizes, int64_t *values)
{
	for (uint32_t i = 0; i < row->range_count; i++) {
		const struct erca_range *range = erc__record(artifact, ERC_TABLE_RANGES, row->range_first + i);
		sizes[i] = range->most;
	}
	if (!erc__terms_evaluate(artifact, row, sizes, values))
		return BAD("entries", row->entry, "its terms have no values at the bounds of its ranges");
	for (uint32_t i = row->patch_first; i < row->patch_first + row->patch_count; i++)
		TRY(check_patch(artifact, row, i, course, values));
	return ERC_OK;
}

enum erc_status erc__check_entry_resizable(const struct erc_artifact *artifact, const struct erca_resizable *row)
{
	TRY(check_ranges(artifact, row));
	TRY(check_terms(artifact, row));
	const struct erca_entry *entry = erc__record(artifact, ERC_TABLE_ENTRIES, row->entry);
	struct erc__course course;
	int64_t *values = erc__alloc(((size_t)row->range_count + row->term_count) * sizeof *values);
	if (!values)
		return erc__no_memory("check of ranges", row->term_count * sizeof *values);
	enum erc_status status = erc__course_list(artifact, entry->plan, &course);
	if (status == ERC_OK)
		status = check_patches(artifact, row, &course, values, values + row->range_count);
	erc__free(course.places);
	erc__free(values);
	return status;
}
