/* What the checks of the plan share. artifact_plan.c checks each record by itself, artifact_entry.c what an entry
 * point reaches. */
#ifndef ERC_ARTIFACT_CHECK_H
#define ERC_ARTIFACT_CHECK_H

#include <inttypes.h>

#include "runtime/artifact/loader.h"

/* Every message names the table and the record. */
#define BAD(table, i, format, ...) \
	erc__fail(ERC_CORRUPT, "PLAN %s[%" PRIu32 "]: " format, table, (uint32_t)(i), ##__VA_ARGS__)

enum erc_status erc__check_string(const struct erc_artifact *artifact, const char *table, uint32_t i, const char *field,
                                  uint32_t string);
/* Checks that the records first to first + count - 1 of table `to` exist. */
enum erc_status erc__check_range(const struct erc_artifact *artifact, const char *table, uint32_t i, enum erc_table to,
                                 uint32_t first, uint32_t count);

/* Checks a CUDA target and its kernels; the target's table is checked before its images. */
enum erc_status erc__check_cuda_target(const struct erc_artifact *artifact, uint32_t i);
enum erc_status erc__check_cuda_kernel(const struct erc_artifact *artifact, uint32_t i);
/* Checks a launch of a CUDA target and one of its variants. */
#define MAX_CUDA_LOCAL_BYTES (1 << 20) /* larger than any unit's shared memory */
enum erc_status erc__check_cuda_launch(uint32_t record_idx, const struct erca_record *record, uint32_t i,
                                       const struct erca_variant *variant);

/* Checks where the rows of a resizable entry are; then, after what the entry reaches, these rows. */
enum erc_status erc__check_resizable(const struct erc_artifact *artifact, uint32_t i);
enum erc_status erc__check_entry_resizable(const struct erc_artifact *artifact, const struct erca_resizable *row);

/* Checks all entries and the plans that they reach. Call it after each record has been checked by itself. */
enum erc_status erc__artifact_check_entries(const struct erc_artifact *artifact);
/* Checks the room profiles and their points. Call it after the entries have been checked. */
enum erc_status erc__artifact_check_profiles(const struct erc_artifact *artifact);

#endif
