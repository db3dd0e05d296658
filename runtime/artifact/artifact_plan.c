/* Checks the PLAN section's tables and each record by itself. No number is used before it is checked, and no sum
 * here can overflow. */
#include "runtime/artifact/artifact_check.h"

#include <string.h>

#include "schemas/seal.h"

#define BAD_HEADER(...) erc__fail(ERC_CORRUPT, "PLAN header: " __VA_ARGS__)

/* ---- the tables ---- */

static const struct table_row {
	const char *name;
	size_t header_offset;
	uint32_t record_bytes;
} table_rows[ERC_TABLE_COUNT] = {
#define ROW(id, field, type) [ERC_TABLE_##id] = {#field, offsetof(struct erca_plan_header, field), sizeof(type)}
	ROW(TARGETS, targets, struct erca_target),    ROW(BUDGETS, budgets, struct erca_budget),
	ROW(ENTRIES, entries, struct erca_entry),     ROW(TENSORS, tensors, struct erca_tensor),
	ROW(PLANS, plans, struct erca_plan),          ROW(RECORDS, records, struct erca_record),
	ROW(OPERANDS, operands, struct erca_operand), ROW(VARIANTS, variants, struct erca_variant),
	ROW(KERNELS, kernels, struct erca_kernel),    ROW(PARAMS, params, int64_t),
	ROW(PROFILES, profiles, struct erca_profile), ROW(POINTS, points, struct erca_point),
	ROW(DEFAULTS, defaults, struct erca_default), ROW(CLASSES, classes, struct erca_class),
	ROW(RANGES, ranges, struct erca_range),       ROW(RESIZABLES, resizables, struct erca_resizable),
	ROW(TERMS, terms, struct erca_term),          ROW(PATCHES, patches, struct erca_patch),
#undef ROW
};

static enum erc_status check_table(const struct erc_artifact *artifact, const char *name,
                                   const struct erca_table *table, uint32_t record_bytes)
{
	uint32_t step = record_bytes == 1 ? 1 : 8;
	if (table->offset % 8)
		return BAD_HEADER("table %s: offset %" PRIu64 " is not a multiple of 8", name, table->offset);
	if (table->stride < record_bytes || table->stride % step)
		return BAD_HEADER("table %s: stride is %u, expected a multiple of %u from %u", name, table->stride, step,
		                  record_bytes);
	if (table->offset > artifact->plan_bytes ||
	    (uint64_t)table->count * table->stride > artifact->plan_bytes - table->offset)
		return BAD_HEADER("table %s: offset %" PRIu64 " + %u records of %u bytes end after the section (%zu bytes)",
		                  name, table->offset, table->count, table->stride, artifact->plan_bytes);
	return ERC_OK;
}

/* Bytes of the header in the file's minor version, as far as they are known here. */
static size_t header_bytes(const struct erc_artifact *artifact)
{
	static const size_t bytes[ERCA_VERSION_MINOR] = {offsetof(struct erca_plan_header, defaults),
	                                                 offsetof(struct erca_plan_header, classes),
	                                                 offsetof(struct erca_plan_header, resizables)};
	uint32_t minor = artifact->header.version_minor;
	return minor < ERCA_VERSION_MINOR ? bytes[minor] : sizeof(struct erca_plan_header);
}

static enum erc_status find_table(struct erc_artifact *artifact, enum erc_table id)
{
	const struct table_row *row = &table_rows[id];
	if (row->header_offset >= header_bytes(artifact)) {
		artifact->tables[id] = (struct erc__table){artifact->plan, 0, row->record_bytes};
		return ERC_OK;
	}
	const struct erca_table *table = (const void *)(artifact->plan + row->header_offset);
	TRY(check_table(artifact, row->name, table, row->record_bytes));
	artifact->tables[id] = (struct erc__table){artifact->plan + table->offset, table->count, table->stride};
	return ERC_OK;
}

static enum erc_status find_tables(struct erc_artifact *artifact)
{
	const struct erca_plan_header *header = (const void *)artifact->plan;
	bool is_newer = artifact->header.version_minor > ERCA_VERSION_MINOR;
	size_t known = header_bytes(artifact);
	if (artifact->plan_bytes < known)
		return BAD_HEADER("the section has %zu bytes, but the header needs %zu", artifact->plan_bytes, known);
	if (header->header_bytes < known || header->header_bytes > artifact->plan_bytes ||
	    (!is_newer && header->header_bytes != known))
		return BAD_HEADER("header_bytes is %u, expected %zu", header->header_bytes, known);
	if (header->reserved && !is_newer)
		return BAD_HEADER("reserved is %u, expected 0", header->reserved);

	TRY(check_table(artifact, "strings", &header->strings, 1));
	if (header->strings.stride != 1)
		return BAD_HEADER("table strings: stride is %u, expected 1", header->strings.stride);
	artifact->strings = (const char *)artifact->plan + header->strings.offset;
	artifact->string_bytes = header->strings.count;
	if (artifact->string_bytes && artifact->strings[artifact->string_bytes - 1])
		return BAD_HEADER("table strings: its last byte is not NUL");

	for (int i = ERC_TABLE_SECTIONS + 1; i < ERC_TABLE_COUNT; i++)
		TRY(find_table(artifact, (enum erc_table)i));
	return ERC_OK;
}

/* ---- records by themselves ---- */

static bool is_range(const struct erc_artifact *artifact, enum erc_table table, uint32_t first, uint32_t count)
{
	uint32_t have = artifact->tables[table].count;
	return first <= have && count <= have - first;
}

enum erc_status erc__check_string(const struct erc_artifact *artifact, const char *table, uint32_t i, const char *field,
                                  uint32_t string)
{
	if (string >= artifact->string_bytes)
		return BAD(table, i, "%s is string %u, but the strings have %u bytes", field, string, artifact->string_bytes);
	return ERC_OK;
}

enum erc_status erc__check_range(const struct erc_artifact *artifact, const char *table, uint32_t i, enum erc_table to,
                                 uint32_t first, uint32_t count)
{
	if (!is_range(artifact, to, first, count))
		return BAD(table, i, "refers to %s[%u] and %u in all, but there are %u", table_rows[to].name, first, count,
		           artifact->tables[to].count);
	return ERC_OK;
}

static enum erc_status check_target(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_target *target = erc__record(artifact, ERC_TABLE_TARGETS, i);
	uint32_t seals;
	TRY(erc__check_string(artifact, "targets", i, "name", target->name));
	if (target->kind < ERCA_TARGET_CPU || target->kind > ERCA_TARGET_SIM)
		return BAD("targets", i, "kind is %u, expected %d to %d", target->kind, ERCA_TARGET_CPU, ERCA_TARGET_SIM);
	if (target->code_section == ERCA_NONE) {
		if (target->code_bytes)
			return BAD("targets", i, "code_bytes is %" PRIu64 " without a code section", target->code_bytes);
	} else {
		if (target->kind == ERCA_TARGET_SIM)
			return BAD("targets", i, "kind %d has no code, found code_section %u", ERCA_TARGET_SIM,
			           target->code_section);
		if (target->code_section >= artifact->header.section_count ||
		    artifact->sections[target->code_section].type != ERCA_SECTION_CODE)
			return BAD("targets", i, "code_section %u is not a CODE section", target->code_section);
		if (target->code_bytes != artifact->sections[target->code_section].bytes)
			return BAD("targets", i, "code_bytes is %" PRIu64 ", but section %u has %" PRIu64, target->code_bytes,
			           target->code_section, artifact->sections[target->code_section].bytes);
		if (!erc_seals_find(erc_artifact_section(artifact, target->code_section, NULL), (size_t)target->code_bytes,
		                    &seals))
			return BAD("targets", i, "code_section %u does not end with seals of launches", target->code_section);
	}
	if (!target->budget_count || target->budget_count > ERCA_MAX_BUDGETS)
		return BAD("targets", i, "has %u budgets, expected 1 to %d", target->budget_count, ERCA_MAX_BUDGETS);
	if (target->kind == ERCA_TARGET_CUDA)
		TRY(erc__check_cuda_target(artifact, i));
	return erc__check_range(artifact, "targets", i, ERC_TABLE_BUDGETS, target->budget_first, target->budget_count);
}

static enum erc_status check_budget(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_budget *budget = erc__record(artifact, ERC_TABLE_BUDGETS, i);
	if (budget->share_permille > 1000)
		return BAD("budgets", i, "share_permille is %u, expected 0 to 1000", budget->share_permille);
	return erc__check_string(artifact, "budgets", i, "name", budget->name);
}

/* Elements in memory under the layout; UINT64_MAX if the number needs more than 63 bits. */
static uint64_t element_count(const struct erca_tensor *tensor)
{
	uint64_t count = 1;
	for (uint32_t d = 0; d < tensor->rank; d++) {
		uint64_t dim = (uint64_t)tensor->dims[d];
		if (tensor->layout == ERCA_LAYOUT_NC16 && d == 1)
			dim = (dim + 15) / 16 * 16;
		if (__builtin_mul_overflow(count, dim, &count) || count > INT64_MAX)
			return UINT64_MAX;
	}
	return count;
}

static enum erc_status check_tensor_dims(uint32_t i, const struct erca_tensor *tensor)
{
	uint32_t bits = erc_dtype_bits((enum erc_dtype)tensor->dtype);
	for (uint32_t d = 0; d < ERCA_MAX_RANK; d++)
		if (tensor->dims[d] < 0 || (d >= tensor->rank && tensor->dims[d]))
			return BAD("tensors", i, "dims[%u] is %" PRId64 " at rank %u", d, tensor->dims[d], tensor->rank);
	uint64_t count = element_count(tensor);
	if (count > INT64_MAX || ((unsigned __int128)count * bits + 7) / 8 != tensor->bytes)
		return BAD("tensors", i, "bytes is %" PRIu64 ", but dims and dtype give %" PRIu64 " elements of %u bits",
		           tensor->bytes, count, bits);
	return ERC_OK;
}

static enum erc_status check_tensor(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_tensor *tensor = erc__record(artifact, ERC_TABLE_TENSORS, i);
	TRY(erc__check_string(artifact, "tensors", i, "name", tensor->name));
	if (!erc_dtype_bits((enum erc_dtype)tensor->dtype))
		return BAD("tensors", i, "dtype is %u, which has no fixed element size", tensor->dtype);
	if (tensor->rank > ERCA_MAX_RANK)
		return BAD("tensors", i, "rank is %u, expected at most %d", tensor->rank, ERCA_MAX_RANK);
	if (tensor->layout != ERCA_LAYOUT_PLAIN && !(tensor->layout == ERCA_LAYOUT_NC16 && tensor->rank >= 2))
		return BAD("tensors", i, "layout is %u at rank %u", tensor->layout, tensor->rank);
	if (tensor->reserved)
		return BAD("tensors", i, "reserved is %u, expected 0", tensor->reserved);
	for (uint32_t d = tensor->rank; d < ERCA_MAX_RANK; d++)
		if (tensor->dim_slots[d] != ERCA_NONE)
			return BAD("tensors", i, "dim_slots[%u] is %u at rank %u", d, tensor->dim_slots[d], tensor->rank);
	return check_tensor_dims(i, tensor);
}

static enum erc_status check_plan_range(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_plan *plan = erc__record(artifact, ERC_TABLE_PLANS, i);
	return erc__check_range(artifact, "plans", i, ERC_TABLE_RECORDS, plan->record_first, plan->record_count);
}

/* What a kind of record holds; a kind without a row is unknown. */
static const struct kind_row {
	const char *name;
	uint32_t min_operands, max_operands;
	uint8_t has_variants, has_plan_a, may_plan_b;
	uint8_t access[3]; /* access that the first operands must allow */
	uint8_t is_number; /* each operand is an int64: a run-time dimension, or a constant if it is only read */
} kind_rows[] = {
	[ERCA_RECORD_LAUNCH] = {"launch", 0, UINT32_MAX, 1, 0, 0, {0}, 0},
	[ERCA_RECORD_COPY] = {"copy", 2, 2, 0, 0, 0, {ERCA_ACCESS_READ, ERCA_ACCESS_WRITE}, 0},
	[ERCA_RECORD_BRANCH] = {"branch", 1, 1, 0, 1, 1, {ERCA_ACCESS_READ}, 1},
	[ERCA_RECORD_CALL] = {"call", 0, 0, 0, 1, 0, {0}, 0},
	[ERCA_RECORD_LOOP] = {"loop", 3, 3, 0, 1, 0, {ERCA_ACCESS_READ, ERCA_ACCESS_READ, ERCA_ACCESS_WRITE}, 1},
};

static enum erc_status check_record_plans(const struct erc_artifact *artifact, uint32_t i,
                                          const struct erca_record *record)
{
	const struct kind_row *kind = &kind_rows[record->kind];
	uint32_t plan_count = artifact->tables[ERC_TABLE_PLANS].count;
	if (kind->has_plan_a ? record->plan_a >= plan_count : record->plan_a != ERCA_NONE)
		return BAD("records", i, "%s: plan_a is %u of %u plans", kind->name, record->plan_a, plan_count);
	if (record->plan_b != ERCA_NONE && !(kind->may_plan_b && record->plan_b < plan_count))
		return BAD("records", i, "%s: plan_b is %u of %u plans", kind->name, record->plan_b, plan_count);
	return ERC_OK;
}

static enum erc_status check_record(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, i);
	if (record->kind >= ERC__COUNT(kind_rows) || !kind_rows[record->kind].name)
		return BAD("records", i, "unknown kind %u", record->kind);
	const struct kind_row *kind = &kind_rows[record->kind];
	TRY(erc__check_string(artifact, "records", i, "name", record->name));
	if (record->operand_count < kind->min_operands || record->operand_count > kind->max_operands)
		return BAD("records", i, "%s: operand_count is %u, expected %u", kind->name, record->operand_count,
		           kind->min_operands);
	TRY(erc__check_range(artifact, "records", i, ERC_TABLE_OPERANDS, record->operand_first, record->operand_count));
	if (!kind->has_variants && record->variant_count)
		return BAD("records", i, "%s: variant_count is %u, expected 0", kind->name, record->variant_count);
	TRY(erc__check_range(artifact, "records", i, ERC_TABLE_VARIANTS, record->variant_first, record->variant_count));
	if ((record->most && record->kind != ERCA_RECORD_LOOP) || (!kind->has_variants && record->fault_slot != ERCA_NONE))
		return BAD("records", i, "%s: fault_slot is %u, most %u", kind->name, record->fault_slot, record->most);
	TRY(check_record_plans(artifact, i, record));
	for (uint32_t o = 0; o < ERC__COUNT(kind->access) && o < record->operand_count; o++) {
		const struct erca_operand *operand = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first + o);
		if ((operand->access & kind->access[o]) != kind->access[o])
			return BAD("records", i, "%s: operand %u has access %u, expected %u", kind->name, o, operand->access,
			           kind->access[o]);
		bool is_place = operand->buffer == ERCA_BUFFER_DIMS ||
		                (operand->buffer == ERCA_BUFFER_WEIGHTS && kind->access[o] == ERCA_ACCESS_READ);
		if (kind->is_number && (!is_place || operand->bytes != sizeof(int64_t) || operand->offset % sizeof(int64_t)))
			return BAD("records", i,
			           "%s: operand %u is in buffer kind %u at %" PRIu64 " with %" PRIu64
			           " bytes, expected an int64 of kind %d, or of kind %d if it is only read",
			           kind->name, o, operand->buffer, operand->offset, operand->bytes, ERCA_BUFFER_DIMS,
			           ERCA_BUFFER_WEIGHTS);
	}
	return ERC_OK;
}

static enum erc_status check_operand(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_operand *operand = erc__record(artifact, ERC_TABLE_OPERANDS, i);
	bool is_constant = operand->buffer == ERCA_BUFFER_WEIGHTS || operand->buffer == ERCA_BUFFER_INPUT;
	bool is_numbered = operand->buffer == ERCA_BUFFER_INPUT || operand->buffer == ERCA_BUFFER_OUTPUT;
	if (operand->buffer < ERCA_BUFFER_ARENA || operand->buffer > ERCA_BUFFER_DIMS)
		return BAD("operands", i, "buffer is %u, expected %d to %d", operand->buffer, ERCA_BUFFER_ARENA,
		           ERCA_BUFFER_DIMS);
	if (!operand->access || operand->access & ~(ERCA_ACCESS_READ | ERCA_ACCESS_WRITE))
		return BAD("operands", i, "access is %u, expected 1 to 3", operand->access);
	if (is_constant && operand->access & ERCA_ACCESS_WRITE)
		return BAD("operands", i, "writes to weights or to an input");
	if (operand->reserved || (!is_numbered && operand->index))
		return BAD("operands", i, "index is %u and reserved %u, expected 0", operand->index, operand->reserved);
	return ERC_OK;
}

static enum erc_status check_variant(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_variant *variant = erc__record(artifact, ERC_TABLE_VARIANTS, i);
	TRY(erc__check_range(artifact, "variants", i, ERC_TABLE_KERNELS, variant->kernel, 1));
	TRY(erc__check_range(artifact, "variants", i, ERC_TABLE_PARAMS, variant->param_first, variant->param_count));
	TRY(erc__check_string(artifact, "variants", i, "shape", variant->shape));
	if (variant->tile_count == UINT32_MAX)
		return BAD("variants", i, "tile_count is %u, expected less", variant->tile_count);
	if (variant->count_slot == ERCA_NONE ? variant->count_dims || variant->count_scale
	                                     : !variant->count_dims || !variant->count_scale || !variant->count_step)
		return BAD("variants", i, "count_slot %u, count_dims %u, count_scale %u and count_step %u do not go together",
		           variant->count_slot, variant->count_dims, variant->count_scale, variant->count_step);
	return ERC_OK;
}

static enum erc_status check_kernel(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_kernel *kernel = erc__record(artifact, ERC_TABLE_KERNELS, i);
	TRY(erc__check_string(artifact, "kernels", i, "name", kernel->name));
	TRY(erc__check_range(artifact, "kernels", i, ERC_TABLE_TARGETS, kernel->target, 1));
	const struct erca_target *target = erc__record(artifact, ERC_TABLE_TARGETS, kernel->target);
	return target->kind == ERCA_TARGET_CUDA ? erc__check_cuda_kernel(artifact, i) : ERC_OK;
}

static enum erc_status check_default(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_default *entry = erc__record(artifact, ERC_TABLE_DEFAULTS, i);
	const struct erca_default *before = i ? erc__record(artifact, ERC_TABLE_DEFAULTS, i - 1) : NULL;
	TRY(erc__check_range(artifact, "defaults", i, ERC_TABLE_TENSORS, entry->tensor, 1));
	const struct erca_tensor *tensor = erc__record(artifact, ERC_TABLE_TENSORS, entry->tensor);
	if (before && before->tensor >= entry->tensor)
		return BAD("defaults", i, "is of tensor %u after tensor %u", entry->tensor, before->tensor);
	if (entry->reserved)
		return BAD("defaults", i, "reserved is %u, expected 0", entry->reserved);
	if (entry->offset % ERCA_BUFFER_ALIGN || entry->offset > artifact->weights_bytes ||
	    tensor->bytes > artifact->weights_bytes - entry->offset)
		return BAD("defaults", i, "offset %" PRIu64 " and %" PRIu64 " bytes, but there are %zu bytes of weights",
		           entry->offset, tensor->bytes, artifact->weights_bytes);
	return ERC_OK;
}

static enum erc_status check_class(const struct erc_artifact *artifact, uint32_t i)
{
	const struct erca_class *row = erc__record(artifact, ERC_TABLE_CLASSES, i);
	const struct erca_class *before = i ? erc__record(artifact, ERC_TABLE_CLASSES, i - 1) : NULL;
	TRY(erc__check_range(artifact, "classes", i, ERC_TABLE_ENTRIES, row->entry, 1));
	if (before && before->entry >= row->entry)
		return BAD("classes", i, "is of entry %u after entry %u", row->entry, before->entry);
	if (row->class_ > ERC_REAL_TIME)
		return BAD("classes", i, "class_ is %u, expected %d or %d", row->class_, ERC_BEST_EFFORT, ERC_REAL_TIME);
	if (row->reserved)
		return BAD("classes", i, "reserved is %u, expected 0", row->reserved);
	return ERC_OK;
}

enum erc_status erc__artifact_check_plan(struct erc_artifact *artifact)
{
	/* The order matters: a check may follow references into the tables before it. */
	static const struct {
		enum erc_table table;
		enum erc_status (*check)(const struct erc_artifact *artifact, uint32_t i);
	} checks[] = {
		{ERC_TABLE_BUDGETS, check_budget},
		{ERC_TABLE_TARGETS, check_target},
		{ERC_TABLE_TENSORS, check_tensor},
		{ERC_TABLE_KERNELS, check_kernel},
		{ERC_TABLE_VARIANTS, check_variant},
		{ERC_TABLE_OPERANDS, check_operand},
		{ERC_TABLE_RECORDS, check_record},
		{ERC_TABLE_PLANS, check_plan_range},
		{ERC_TABLE_DEFAULTS, check_default},
		{ERC_TABLE_CLASSES, check_class},
		{ERC_TABLE_RESIZABLES, erc__check_resizable},
	};
	TRY(find_tables(artifact));
	if (artifact->tables[ERC_TABLE_TARGETS].count > ERCA_MAX_TARGETS)
		return BAD_HEADER("%u targets, expected at most %d", artifact->tables[ERC_TABLE_TARGETS].count,
		                  ERCA_MAX_TARGETS);
	for (size_t c = 0; c < ERC__COUNT(checks); c++)
		for (uint32_t i = 0; i < artifact->tables[checks[c].table].count; i++)
			TRY(checks[c].check(artifact, i));
	TRY(erc__artifact_check_entries(artifact));
	return erc__artifact_check_profiles(artifact);
}
