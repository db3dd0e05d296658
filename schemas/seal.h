/* Seals tie what PLAN says about launches and entries to the code that runs them. A kernel trusts its params, the tile
 * numbers that it is called with and the sizes of its operands, and a reader cannot tell whether they are right for
 * this kernel. So a writer ends each CODE section with a seal of every launch under every budget, and one of every
 * entry. A reader refuses a launch or an entry whose seal is missing. */
#ifndef ERCA_SEAL_H
#define ERCA_SEAL_H

#include <stddef.h>

#include "schemas/artifact.h"
#include "schemas/sha256.h"

/* A launch under one budget. Params and operands are records of PLAN's tables, `stride` bytes apart. */
struct erc_sealed {
	const struct erca_kernel *kernel;
	const struct erca_variant *variant;
	const void *params, *operands;
	size_t param_stride, operand_stride;
	uint32_t operand_count;
	uint32_t dims_count; /* of the entry */
};
void erc_seal_of(const struct erc_sealed *launch, struct erca_seal *out);
/* The seal of an entry: its memory and tensors, then what it runs, record by record, with each plan where it is first
 * reached. `tensors` are all records of that table. */
void erc_entry_seal_begin(struct erc_sha256 *hash, const struct erca_entry *entry, const void *tensors, size_t stride);
/* Called before the plans that the record reaches. A launch is followed by its seals, others by their operands. */
void erc_entry_seal_record(struct erc_sha256 *hash, const struct erca_record *record);
void erc_entry_seal_launch(struct erc_sha256 *hash, const struct erca_seal *seal);
void erc_entry_seal_operand(struct erc_sha256 *hash, const struct erca_operand *operand);
/* What a resizable entry has in addition, after its records. Records of tables, `stride` bytes apart. */
struct erc_sealed_rows {
	const void *rows;
	size_t stride;
	uint32_t count;
};
void erc_entry_seal_resizable(struct erc_sha256 *hash, const struct erc_sealed_rows *ranges,
                              const struct erc_sealed_rows *terms, const struct erc_sealed_rows *patches);
void erc_entry_seal_end(struct erc_sha256 *hash, struct erca_seal *out);

/* Sorts the seals and writes them with their end record: (count + 1) * sizeof(struct erca_seal) bytes. */
void erc_seals_write(void *out, struct erca_seal *seals, uint32_t count);
/* The seals at the end of a CODE section, and their number. NULL if there are none, or not in order. */
const struct erca_seal *erc_seals_find(const void *code, size_t bytes, uint32_t *count);
/* Whether a seal is among them. */
int erc_seals_have(const struct erca_seal *seals, uint32_t count, const struct erca_seal *seal);

#endif
