/* Writes artifacts, in the format of schemas/artifact.h. */
#ifndef ERCC_WRITER_H
#define ERCC_WRITER_H

#include "schemas/artifact.h"
#include "compiler/targets/target.h"

struct artifact {
	const struct plans *plans; /* without items: a pass to stop after ended the compilation */
	const struct target_plan *targets;
	uint32_t target_count;
	const char *model_file; /* without its folder */
	char model_sha256[65];
};

/* Writes a new file beside out_path and renames it. On failure out_path is unchanged. */
enum ercc_status artifact_write(struct context *ctx, const struct artifact *artifact, const char *out_path);
/* Makes the META section: canonical JSON, with keys in a fixed order and no white space. */
enum ercc_status artifact_meta(struct context *ctx, const struct artifact *artifact, struct text *out);
/* Bytes of the plan's arena that the target's launches use. */
uint64_t artifact_arena_bytes(const struct plan *plan, const struct target_plan *target);
/* Computes the plan's predicted latency under budget k of the target, for several numbers of units. `points` has room
 * for MAX_POINTS. In `profile`, entry, budget and point_first are left to the caller. */
#define MAX_POINTS 64 /* two for each doubling of the units */
void artifact_profile(const struct plan *plan, const struct target_plan *target, uint32_t k,
                      struct erca_profile *profile, struct erca_point *points);
/* Makes the PLAN section: its tables as stored in the file. code_section[i]: index of target i's code in the table of
 * contents. seals[i]: what follows target i's code in its section. Fails if readers would refuse so many launches. */
enum ercc_status artifact_plan(struct context *ctx, const struct artifact *artifact, const uint32_t *code_section,
                               struct text *out, struct text *seals);

#endif
