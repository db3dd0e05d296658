/* Shared by the two halves of the plan's checks: artifact_plan.c looks at records by
 * themselves, artifact_entry.c at what an entry point reaches. */
#ifndef ERC_ARTIFACT_CHECK_H
#define ERC_ARTIFACT_CHECK_H

#include <inttypes.h>

#include "runtime/artifact/loader.h"

/* Every message names the table and the record. */
#define BAD(table, i, format, ...) \
	erc__fail(ERC_CORRUPT, "PLAN %s[%" PRIu32 "]: " format, table, (uint32_t)(i), ##__VA_ARGS__)

enum erc_status erc__check_string(const struct erc_artifact *artifact, const char *table, uint32_t i, const char *field,
                                  uint32_t string);
/* Records first..first + count of table `to` exist. */
enum erc_status erc__check_range(const struct erc_artifact *artifact, const char *table, uint32_t i, enum erc_table to,
                                 uint32_t first, uint32_t count);

/* A CUDA target and its kernels: the table before its images. */
enum erc_status erc__check_cuda_target(const struct erc_artifact *artifact, uint32_t i);
enum erc_status erc__check_cuda_kernel(const struct erc_artifact *artifact, uint32_t i);
/* A launch of a CUDA target, and one of its variants. */
#define MAX_CUDA_LOCAL_BYTES (1 << 20) /* beyond any unit's shared memory */
enum erc_status erc__check_cuda_launch(uint32_t record_idx, const struct erca_record *record, uint32_t i,
                                       const struct erca_variant *variant);

/* All entries and the plans below them; every record has been checked by itself. */
enum erc_status erc__artifact_check_entries(const struct erc_artifact *artifact);
/* The room profiles and their points, when entries have been checked. */
enum erc_status erc__artifact_check_profiles(const struct erc_artifact *artifact);

#endif
