/* Checks what each entry point reaches: its plans (no cycles, limited depth), their operands against its arena and
 * tensors, their variants against its target. */
#include "runtime/artifact/artifact_check.h"

#include <string.h>

#include "schemas/seal.h"

#define MAX_DIMS_COUNT (UINT32_C(1) << 20) /* dim slots of an entry; a model has a handful */

struct seals {
	const struct erca_seal *list; /* NULL: the target has no code */
	uint32_t count;
};

struct walk {
	const struct erc_artifact *artifact;
	const struct erca_entry *entry;
	uint32_t entry_idx;
	uint8_t *
		/* per plan: 0 not visited, UINT8_MAX being visited, else the number of plans on the longest path down */
		heights;
	uint64_t *work;          /* compared with ERCA_MAX_WORK, over all entries */
	struct erc_sha256 *hash; /* of what the entry runs */
	struct seals seals;      /* of the target's code */
};

static enum erc_status spend(const struct walk *walk, uint64_t references)
{
	*walk->work += references;
	if (*walk->work > ERCA_MAX_WORK)
		return BAD("entries", walk->entry_idx,
		           "the entries up to here reach more than %" PRIu64 " operands, variants, params and seals",
		           ERCA_MAX_WORK);
	return ERC_OK;
}

/* Bytes of the operand's buffer; returns 0 and sets *exists to 0 if the tensor number is out of range. */
static uint64_t buffer_bytes(const struct walk *walk, const struct erca_operand *operand, int *exists)
{
	const struct erca_entry *entry = walk->entry;
	const uint64_t fixed[] = {
		[ERCA_BUFFER_ARENA] = entry->arena_bytes,
		[ERCA_BUFFER_WEIGHTS] = walk->artifact->weights_bytes,
		[ERCA_BUFFER_DIMS] = entry->dims_count * (uint64_t)sizeof(int64_t),
	};
	*exists = 1;
	if (operand->buffer != ERCA_BUFFER_INPUT && operand->buffer != ERCA_BUFFER_OUTPUT)
		return fixed[operand->buffer];
	bool is_input = operand->buffer == ERCA_BUFFER_INPUT;
	*exists = operand->index < (is_input ? entry->input_count : entry->output_count);
	if (!*exists)
		return 0;
	uint32_t first = is_input ? entry->input_first : entry->output_first;
	const struct erca_tensor *tensor = erc__record(walk->artifact, ERC_TABLE_TENSORS, first + operand->index);
	return tensor->bytes;
}

static enum erc_status check_extent(const struct walk *walk, uint32_t i)
{
	const struct erca_operand *operand = erc__record(walk->artifact, ERC_TABLE_OPERANDS, i);
	int exists;
	uint64_t bytes = buffer_bytes(walk, operand, &exists);
	if (!exists)
		return BAD("operands", i, "names input or output %u, which entries[%u] does not have", operand->index,
		           walk->entry_idx);
	if (operand->offset > bytes || operand->bytes > bytes - operand->offset)
		return BAD("operands", i,
		           "offset %" PRIu64 " + %" PRIu64 " bytes end after its buffer (kind %u), which has %" PRIu64
		           " bytes in entries[%u]",
		           operand->offset, operand->bytes, operand->buffer, bytes, walk->entry_idx);
	return ERC_OK;
}

/* Whether the code was made for this launch. It is the last check, so that what is wrong is named where it can be. */
static enum erc_status check_seal(const struct walk *walk, const struct erca_record *record, uint32_t r, uint32_t i)
{
	const struct erc_artifact *artifact = walk->artifact;
	const struct erca_variant *variant = erc__record(artifact, ERC_TABLE_VARIANTS, i);
	struct erca_seal seal;
	const struct erc_sealed launch = {.kernel = erc__record(artifact, ERC_TABLE_KERNELS, variant->kernel),
	                                  .variant = variant,
	                                  .params = erc__record(artifact, ERC_TABLE_PARAMS, variant->param_first),
	                                  .param_stride = artifact->tables[ERC_TABLE_PARAMS].stride,
	                                  .operands = erc__record(artifact, ERC_TABLE_OPERANDS, record->operand_first),
	                                  .operand_stride = artifact->tables[ERC_TABLE_OPERANDS].stride,
	                                  .operand_count = record->operand_count,
	                                  .dims_count = walk->entry->dims_count};
	if (!walk->seals.list)
		return ERC_OK;
	erc_seal_of(&launch, &seal);
	if (!erc_seals_have(walk->seals.list, walk->seals.count, &seal))
		return BAD("records", r,
		           "launch '%s' with variants[%u]: the code of targets[%u] was not made for these operands, params and "
		           "tiles (its seal is missing)",
		           erc_artifact_string(artifact, record->name), i, walk->entry->target);
	erc_entry_seal_launch(walk->hash, &seal);
	return ERC_OK;
}

static enum erc_status check_entry_seal(const struct walk *walk)
{
	struct erca_seal seal;
	if (!walk->seals.list)
		return ERC_OK;
	erc_entry_seal_end(walk->hash, &seal);
	if (!erc_seals_have(walk->seals.list, walk->seals.count, &seal))
		return BAD("entries", walk->entry_idx,
		           "the code of targets[%u] was not made for these inputs, outputs, sizes of memory and steps (its "
		           "seal is missing)",
		           walk->entry->target);
	return ERC_OK;
}

static enum erc_status check_launch_variant(const struct walk *walk, uint32_t i)
{
	const struct erca_variant *variant = erc__record(walk->artifact, ERC_TABLE_VARIANTS, i);
	const struct erca_kernel *kernel = erc__record(walk->artifact, ERC_TABLE_KERNELS, variant->kernel);
	const struct erca_entry *entry = walk->entry;
	if (kernel->target != entry->target)
		return BAD("variants", i, "its kernel is for target %u, entries[%u] for target %u", kernel->target,
		           walk->entry_idx, entry->target);
	if (variant->local_bytes > entry->local_bytes)
		return BAD("variants", i, "local_bytes is %" PRIu64 ", entries[%u] allows %" PRIu64, variant->local_bytes,
		           walk->entry_idx, entry->local_bytes);
	if (variant->count_slot != ERCA_NONE &&
	    (variant->count_slot > entry->dims_count || variant->count_dims > entry->dims_count - variant->count_slot))
		return BAD("variants", i, "count_slot %u + %u slots end after the %u of entries[%u]", variant->count_slot,
		           variant->count_dims, entry->dims_count, walk->entry_idx);
	return ERC_OK;
}

static enum erc_status check_step(const struct walk *walk, uint32_t i)
{
	const struct erca_record *record = erc__record(walk->artifact, ERC_TABLE_RECORDS, i);
	const struct erca_target *target = erc__record(walk->artifact, ERC_TABLE_TARGETS, walk->entry->target);
	TRY(spend(walk, UINT64_C(1) + record->operand_count + record->variant_count));
	if (record->kind == ERCA_RECORD_LAUNCH && record->variant_count != target->budget_count)
		return BAD("records", i, "variant_count is %u, but the target of entries[%u] has %u budgets",
		           record->variant_count, walk->entry_idx, target->budget_count);
	if (record->fault_slot != ERCA_NONE &&
	    (record->fault_slot < walk->entry->fault_first || record->fault_slot % 2 != walk->entry->fault_first % 2 ||
	     record->fault_slot - walk->entry->fault_first >= walk->entry->fault_count))
		return BAD("records", i, "fault_slot %u is not one of the %u of entries[%u] from %u on", record->fault_slot,
		           walk->entry->fault_count, walk->entry_idx, walk->entry->fault_first);
	erc_entry_seal_record(walk->hash, record);
	for (uint32_t o = 0; o < record->operand_count; o++) {
		TRY(check_extent(walk, record->operand_first + o));
		if (!record->variant_count)
			erc_entry_seal_operand(walk->hash,
			                       erc__record(walk->artifact, ERC_TABLE_OPERANDS, record->operand_first + o));
	}
	for (uint32_t v = record->variant_first; v < record->variant_first + record->variant_count; v++) {
		const struct erca_variant *variant = erc__record(walk->artifact, ERC_TABLE_VARIANTS, v);
		TRY(check_launch_variant(walk, v));
		if (target->kind == ERCA_TARGET_CUDA)
			TRY(erc__check_cuda_launch(i, record, v, variant));
		TRY(spend(walk, (uint64_t)record->operand_count + variant->param_count));
		TRY(check_seal(walk, record, i, v));
	}
	return ERC_OK;
}

/* Depth first; each plan is checked once per entry. The limit of depth bounds recursion here and in the runtime. */
static enum erc_status check_reached_plan(const struct walk *walk, uint32_t plan_idx, uint32_t depth)
{
	if (walk->heights[plan_idx] == UINT8_MAX)
		return BAD("plans", plan_idx, "contains itself");
	if (depth + walk->heights[plan_idx] > ERC__MAX_PLAN_DEPTH || depth == ERC__MAX_PLAN_DEPTH)
		return BAD("plans", plan_idx, "nested deeper than %d plans", ERC__MAX_PLAN_DEPTH);
	if (walk->heights[plan_idx])
		return ERC_OK;
	walk->heights[plan_idx] = UINT8_MAX;
	const struct erca_plan *plan = erc__record(walk->artifact, ERC_TABLE_PLANS, plan_idx);
	uint8_t below = 0;
	for (uint32_t r = 0; r < plan->record_count; r++) {
		const struct erca_record *record = erc__record(walk->artifact, ERC_TABLE_RECORDS, plan->record_first + r);
		const uint32_t inner[] = {record->plan_a, record->plan_b};
		TRY(check_step(walk, plan->record_first + r));
		for (int n = 0; n < 2; n++) {
			if (inner[n] == ERCA_NONE)
				continue;
			TRY(check_reached_plan(walk, inner[n], depth + 1));
			if (walk->heights[inner[n]] > below)
				below = walk->heights[inner[n]];
		}
	}
	walk->heights[plan_idx] = below + 1;
	return ERC_OK;
}

/* slot_count: number of slots that the dims may use: the entry's slots for outputs, none for inputs. */
static enum erc_status check_entry_tensors(const struct walk *walk, uint32_t first, uint32_t count, uint32_t slot_count)
{
	TRY(erc__check_range(walk->artifact, "entries", walk->entry_idx, ERC_TABLE_TENSORS, first, count));
	for (uint32_t i = first; i < first + count; i++) {
		const struct erca_tensor *tensor = erc__record(walk->artifact, ERC_TABLE_TENSORS, i);
		if (tensor->layout != ERCA_LAYOUT_PLAIN)
			return BAD("tensors", i, "layout is %u: inputs and outputs must be plain", tensor->layout);
		for (uint32_t d = 0; d < tensor->rank; d++)
			if (tensor->dim_slots[d] != ERCA_NONE && tensor->dim_slots[d] >= slot_count)
				return BAD("tensors", i, "dim_slots[%u] is %u, but entries[%u] has %u slots for it", d,
				           tensor->dim_slots[d], walk->entry_idx, slot_count);
	}
	return ERC_OK;
}

static struct erc_sealed_rows rows_of(const struct erc_artifact *artifact, enum erc_table table, uint32_t first,
                                      uint32_t count)
{
	const void *rows = count ? erc__record(artifact, table, first) : NULL;
	return (struct erc_sealed_rows){rows, artifact->tables[table].stride, count};
}

static enum erc_status check_sizes(const struct walk *walk)
{
	const struct erc_artifact *artifact = walk->artifact;
	const struct erca_resizable *row = erc__entry_resizable(artifact, walk->entry_idx);
	if (!row)
		return ERC_OK;
	TRY(spend(walk, (uint64_t)row->range_count + row->term_count + row->patch_count));
	TRY(erc__check_entry_resizable(artifact, row));
	const struct erc_sealed_rows ranges = rows_of(artifact, ERC_TABLE_RANGES, row->range_first, row->range_count);
	const struct erc_sealed_rows terms = rows_of(artifact, ERC_TABLE_TERMS, row->term_first, row->term_count);
	const struct erc_sealed_rows patches = rows_of(artifact, ERC_TABLE_PATCHES, row->patch_first, row->patch_count);
	erc_entry_seal_resizable(walk->hash, &ranges, &terms, &patches);
	return ERC_OK;
}

/* seals: of each target. */
static enum erc_status check_entry(const struct erc_artifact *artifact, uint32_t i, const struct seals *seals,
                                   uint8_t *heights, uint64_t *work)
{
	const struct erca_entry *entry = erc__record(artifact, ERC_TABLE_ENTRIES, i);
	const struct erc__table *tensors = &artifact->tables[ERC_TABLE_TENSORS];
	struct erc_sha256 hash;
	struct walk walk =
		{.artifact = artifact, .entry = entry, .entry_idx = i, .heights = heights, .work = work, .hash = &hash};
	TRY(erc__check_string(artifact, "entries", i, "name", entry->name));
	TRY(erc__check_range(artifact, "entries", i, ERC_TABLE_TARGETS, entry->target, 1));
	TRY(erc__check_range(artifact, "entries", i, ERC_TABLE_PLANS, entry->plan, 1));
	if (entry->dims_count > MAX_DIMS_COUNT)
		return BAD("entries", i, "dims_count is %u, expected at most %u", entry->dims_count, MAX_DIMS_COUNT);
	if (entry->fault_count % 2 || entry->fault_first > entry->dims_count ||
	    entry->fault_count > entry->dims_count - entry->fault_first)
		return BAD("entries", i, "fault slots %u + %u of %u slots", entry->fault_first, entry->fault_count,
		           entry->dims_count);
	TRY(check_entry_tensors(&walk, entry->input_first, entry->input_count, 0));
	TRY(check_entry_tensors(&walk, entry->output_first, entry->output_count, entry->dims_count));
	walk.seals = seals[entry->target];
	TRY(spend(&walk, (uint64_t)entry->input_count + entry->output_count + artifact->tables[ERC_TABLE_PLANS].count));
	memset(heights, 0, artifact->tables[ERC_TABLE_PLANS].count);
	erc_entry_seal_begin(&hash, entry, tensors->base, tensors->stride);
	TRY(check_reached_plan(&walk, entry->plan, 0));
	TRY(check_sizes(&walk));
	return check_entry_seal(&walk);
}

/* Returns the number of all seals. */
static uint64_t find_seals(const struct erc_artifact *artifact, struct seals *seals)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < artifact->tables[ERC_TABLE_TARGETS].count; i++) {
		const struct erca_target *target = erc__record(artifact, ERC_TABLE_TARGETS, i);
		if (target->code_section != ERCA_NONE)
			seals[i].list = erc_seals_find(erc_artifact_section(artifact, target->code_section, NULL),
			                               (size_t)target->code_bytes, &seals[i].count);
		count += seals[i].count;
	}
	return count;
}

enum erc_status erc__artifact_check_entries(const struct erc_artifact *artifact)
{
	uint32_t plan_count = artifact->tables[ERC_TABLE_PLANS].count;
	enum erc_status status = ERC_OK;
	struct seals seals[ERCA_MAX_TARGETS] = {{NULL, 0}};
	uint64_t work = find_seals(artifact, seals);
	uint8_t *heights = erc__alloc(plan_count);
	if (!heights)
		return erc__no_memory("check of nested plans", plan_count);
	for (uint32_t i = 0; i < artifact->tables[ERC_TABLE_ENTRIES].count && !status; i++)
		status = check_entry(artifact, i, seals, heights, &work);
	erc__free(heights);
	return status;
}
