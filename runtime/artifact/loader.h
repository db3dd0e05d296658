/* A checked artifact. After erc__artifact_check_plan has succeeded, every offset, count and index in the tables
 * below can be used without a check. */
#ifndef ERC_ARTIFACT_INTERNAL_H
#define ERC_ARTIFACT_INTERNAL_H

#include "runtime/base/internal.h"
#include "schemas/artifact.h"
#include "schemas/cuda.h"

#define ERC__MAX_PLAN_DEPTH 16 /* maximum nesting of plans */

struct erc__table {
	const uint8_t *base;
	uint32_t count;
	uint32_t stride; /* bytes from one record to the next; at least the size of the record */
};

struct erc_artifact {
	const uint8_t *data; /* the whole file */
	size_t bytes;
	int is_mapped; /* data must be unmapped */

	struct erca_header header;
	/* Copies, so that a change of the mapped file cannot change what was checked. */
	struct erca_section *sections;
	uint8_t *plan;
	size_t plan_bytes;

	struct erc__table tables[ERC_TABLE_COUNT];
	const char *strings; /* ends with NUL if string_bytes > 0 */
	uint32_t string_bytes;

	uint32_t plan_section;
	uint32_t meta_section;
	uint32_t weights_section; /* ERCA_NONE: no weights */
	const uint8_t *weights;
	size_t weights_bytes;
};

/* The record must exist. */
static inline const void *erc__record(const struct erc_artifact *artifact, enum erc_table table, uint32_t index)
{
	return artifact->tables[table].base + (size_t)index * artifact->tables[table].stride;
}

/* The target's code without the seals; NULL if it has none. */
const void *erc__artifact_code(const struct erc_artifact *artifact, const struct erca_target *target, size_t *bytes);

static inline bool erc__has_runtime_dims(const struct erca_tensor *tensor)
{
	for (uint32_t d = 0; d < tensor->rank; d++)
		if (tensor->dim_slots[d] != ERCA_NONE)
			return true;
	return false;
}

/* What the entry has if its inputs have ranges; NULL if they have none. */
const struct erca_resizable *erc__entry_resizable(const struct erc_artifact *artifact, uint32_t entry);
/* Computes all terms for these sizes of the ranges. Returns false if one has no value. */
bool erc__terms_evaluate(const struct erc_artifact *artifact, const struct erca_resizable *resizable,
                         const int64_t *sizes, int64_t *values);

/* Finds the tables in the copy of PLAN and checks every record (artifact_plan.c). */
enum erc_status erc__artifact_check_plan(struct erc_artifact *artifact);

/* What the time of a launch follows: its arithmetic, or its traffic if it has none. */
static inline int64_t erc__record_work(const struct erca_record *record)
{
	return (int64_t)(record->flops ? record->flops : record->bytes);
}

#endif
