/* Writes artifacts: the format of schemas/artifact.h. */
#ifndef ERCC_WRITER_H
#define ERCC_WRITER_H

#include "schemas/artifact.h"
#include "compiler/targets/target.h"

struct artifact {
	struct plan *plan;
	const struct target_plan *targets;
	uint32_t target_count;
	const char *model_file; /* base name */
	char model_sha256[65];
};

/* Writes beside out_path and renames: out_path is whole or untouched. */
enum ercc_status artifact_write(struct context *ctx, const struct artifact *artifact, const char *out_path);
/* META: canonical JSON (keys in a fixed order, no white space). */
enum ercc_status artifact_meta(struct context *ctx, const struct artifact *artifact, struct text *out);
/* What the target's launches use of the plan's arena. */
uint64_t artifact_arena_bytes(const struct plan *plan, const struct target_plan *target);
/* How fast the plan is on how many units under budget k of the target. points: room for MAX_POINTS; profile: all but
 * entry, budget and point_first. */
#define MAX_POINTS 64 /* two for each factor of two */
void artifact_profile(const struct plan *plan, const struct target_plan *target, uint32_t k,
                      struct erca_profile *profile, struct erca_point *points);
/* PLAN: the tables, as they stand in the file. code_section[i]: of target i in the table of contents. */
void artifact_plan(struct context *ctx, const struct artifact *artifact, const uint32_t *code_section,
                   struct text *out);

#endif
