/* Seals and digests for artifacts that tests make or change. The plan may be damaged: what is out of range is left out. */
#ifndef MAKE_SEALS_H
#define MAKE_SEALS_H

#include <stdlib.h>
#include <string.h>

#include "schemas/seal.h"
#include "schemas/sha256.h"

struct plan_bytes {
	const uint8_t *data;
	size_t bytes;
};

/* The record, or NULL. */
static inline const void *plan_record(struct plan_bytes plan, const struct erca_table *table, uint32_t i, size_t bytes)
{
	if (i >= table->count || table->offset > plan.bytes || table->stride < bytes ||
	    (uint64_t)table->count * table->stride > plan.bytes - table->offset)
		return NULL;
	return plan.data + table->offset + (size_t)i * table->stride;
}

static inline int plan_has(const struct erca_table *table, uint32_t first, uint32_t count)
{
	return first <= table->count && count <= table->count - first;
}

/* Adds the seals of one launch; `seals` has room for one per variant. */
static inline uint32_t make_launch_seals(struct plan_bytes plan, const struct erca_entry *entry,
                                         const struct erca_record *record, struct erca_seal *seals)
{
	const struct erca_plan_header *header = (const void *)plan.data;
	uint32_t count = 0;
	if (!plan_has(&header->operands, record->operand_first, record->operand_count))
		return 0;
	for (uint32_t v = 0; v < record->variant_count; v++) {
		const struct erca_variant *variant =
			plan_record(plan, &header->variants, record->variant_first + v, sizeof *variant);
		if (!variant || !plan_has(&header->params, variant->param_first, variant->param_count))
			continue;
		const struct erc_sealed launch =
			{.kernel = plan_record(plan, &header->kernels, variant->kernel, sizeof(struct erca_kernel)),
		     .variant = variant,
		     .params = plan.data + header->params.offset + (size_t)variant->param_first * header->params.stride,
		     .param_stride = header->params.stride,
		     .operands = plan.data + header->operands.offset + (size_t)record->operand_first * header->operands.stride,
		     .operand_stride = header->operands.stride,
		     .operand_count = record->operand_count,
		     .dims_count = entry->dims_count};
		if (launch.kernel)
			erc_seal_of(&launch, &seals[count++]);
	}
	return count;
}

/* What is made so far. */
struct seal_list {
	struct erca_seal *seals;
	uint32_t count;
	struct erc_sha256 hash; /* of what the entry runs */
	uint8_t *visited;       /* by plan */
};

static inline void seal_list_grow(struct seal_list *list, uint32_t more)
{
	list->seals = realloc(list->seals, ((size_t)list->count + more) * sizeof *list->seals);
	if (!list->seals)
		abort();
}

static inline void seal_plan(struct plan_bytes plan, const struct erca_entry *entry, uint32_t plan_idx,
                             struct seal_list *list)
{
	const struct erca_plan_header *header = (const void *)plan.data;
	const struct erca_plan *steps = plan_record(plan, &header->plans, plan_idx, sizeof *steps);
	if (!steps || list->visited[plan_idx] || !plan_has(&header->records, steps->record_first, steps->record_count))
		return;
	list->visited[plan_idx] = 1;
	for (uint32_t r = 0; r < steps->record_count; r++) {
		const struct erca_record *record = plan_record(plan, &header->records, steps->record_first + r, sizeof *record);
		if (!record || !plan_has(&header->variants, record->variant_first, record->variant_count) ||
		    !plan_has(&header->operands, record->operand_first, record->operand_count))
			continue;
		erc_entry_seal_record(&list->hash, record);
		for (uint32_t o = 0; !record->variant_count && o < record->operand_count; o++)
			erc_entry_seal_operand(&list->hash, plan_record(plan, &header->operands, record->operand_first + o,
			                                                sizeof(struct erca_operand)));
		seal_list_grow(list, record->variant_count + 1);
		uint32_t made = make_launch_seals(plan, entry, record, list->seals + list->count);
		for (uint32_t v = 0; v < made; v++)
			erc_entry_seal_launch(&list->hash, &list->seals[list->count + v]);
		list->count += made;
		if (record->plan_a != ERCA_NONE)
			seal_plan(plan, entry, record->plan_a, list);
		if (record->plan_b != ERCA_NONE)
			seal_plan(plan, entry, record->plan_b, list);
	}
}

/* What follows the code in the section: seals of each entry whose target has that section, and of its launches. The
 * caller frees it. */
static inline void *make_seals(struct plan_bytes plan, uint32_t code_section, size_t *bytes)
{
	const struct erca_plan_header *header = (const void *)plan.data;
	struct seal_list list = {.seals = NULL};
	for (uint32_t e = 0; e < header->entries.count; e++) {
		const struct erca_entry *entry = plan_record(plan, &header->entries, e, sizeof *entry);
		const struct erca_target *target =
			entry ? plan_record(plan, &header->targets, entry->target, sizeof *target) : NULL;
		if (!target || target->code_section != code_section || !header->tensors.stride ||
		    !plan_has(&header->tensors, entry->input_first, entry->input_count) ||
		    !plan_has(&header->tensors, entry->output_first, entry->output_count))
			continue;
		list.visited = calloc(1, header->plans.count + 1u);
		if (!list.visited)
			abort();
		erc_entry_seal_begin(&list.hash, entry, plan.data + header->tensors.offset, header->tensors.stride);
		seal_plan(plan, entry, entry->plan, &list);
		seal_list_grow(&list, 1);
		erc_entry_seal_end(&list.hash, &list.seals[list.count++]);
		free(list.visited);
	}
	*bytes = (list.count + 1) * sizeof *list.seals;
	void *out = malloc(*bytes);
	if (!out)
		abort();
	erc_seals_write(out, list.seals, list.count);
	free(list.seals);
	return out;
}

/* After a change that leaves the number of launches as it was: puts seals of the changed plan in the place of the old
 * ones. */
static inline void reseal(uint8_t *file)
{
	const struct erca_header *header = (void *)file;
	const struct erca_section *sections = (void *)(file + header->toc_offset);
	struct plan_bytes plan = {0};
	for (uint32_t i = 0; i < header->section_count; i++)
		if (sections[i].type == ERCA_SECTION_PLAN)
			plan = (struct plan_bytes){file + sections[i].offset, sections[i].bytes};
	for (uint32_t i = 0; i < header->section_count; i++) {
		size_t bytes;
		if (sections[i].type != ERCA_SECTION_CODE)
			continue;
		void *seals = make_seals(plan, i, &bytes);
		if (bytes <= sections[i].bytes)
			memcpy(file + sections[i].offset + sections[i].bytes - bytes, seals, bytes);
		free(seals);
	}
}

/* Recomputes all digests: those of the sections in the table of contents, then the root digest. The file may be
 * damaged, so only parts inside the file are used. */
static inline void build_rehash(uint8_t *file, size_t bytes)
{
	struct erca_header *header = (struct erca_header *)file;
	struct erc_sha256 hash;
	if (header->toc_offset % 8 || header->toc_offset > bytes || header->header_bytes > bytes ||
	    header->section_count > (bytes - header->toc_offset) / sizeof(struct erca_section))
		return;
	struct erca_section *sections = (struct erca_section *)(file + header->toc_offset);
	for (uint32_t i = 0; i < header->section_count; i++)
		if (sections[i].offset <= bytes && sections[i].bytes <= bytes - sections[i].offset)
			erc_sha256_of(file + sections[i].offset, sections[i].bytes, sections[i].sha256);
	memset(header->root_digest, 0, sizeof header->root_digest);
	erc_sha256_init(&hash);
	erc_sha256_update(&hash, file, header->header_bytes);
	erc_sha256_update(&hash, sections, header->section_count * sizeof *sections);
	erc_sha256_final(&hash, header->root_digest);
}

#endif
