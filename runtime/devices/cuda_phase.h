/* Phases of a real-time run on a CUDA device: consecutive launches of similar width. With one word per phase, the
 * run tells best-effort work how many units it needs, ahead of time if it needs more. Pure arithmetic over the
 * artifact's predictions. */
#ifndef ERC_CUDA_PHASE_H
#define ERC_CUDA_PHASE_H

#include "runtime/sched/forecast.h"

/* A launch that needs more units is announced by a launch that ends at least this long before it. A best-effort tile
 * that began before the word, and takes no longer than this, has then ended. It is the compiler's limit for a tile
 * (25 us), times two for two blocks on a unit. */
#define ERC__CUDA_AHEAD_NS 50000
/* A narrower phase that is shorter than this frees nothing useful: only a few best-effort tiles, which would have to
 * come and go. */
#define ERC__CUDA_PHASE_NS 100000
/* Launches share a phase if less than 1/16 of the phase's unit time is unused; otherwise a narrower phase frees
 * enough. */
#define ERC__CUDA_PHASE_WASTE 16

/* From launch `first` on, until the next phase, the run needs at most `units`. */
struct erc__cuda_phase {
	uint32_t first;
	uint32_t units;
};

/* needs[launch]: the maximum width of this launch and of those that begin less than ahead_ns after its end; at least 1.
 * Sets all forecast->count elements. */
void erc__cuda_needs(const struct erc__forecast *forecast, uint64_t ahead_ns, uint32_t *needs);
/* Merges the needs into phases; the first phase begins with launch 0. Returns the number of phases, at most
 * forecast->count. */
uint32_t erc__cuda_phases(const struct erc__forecast *forecast, const uint32_t *needs, struct erc__cuda_phase *phases);

#endif
