/* Phases of a real-time run on a CUDA device: stretches of launches of like width, so that a word for each tells
 * best-effort work how many units the run needs, ahead of time where it needs more. Pure arithmetic over the artifact's
 * predictions. */
#ifndef ERC_CUDA_PHASE_H
#define ERC_CUDA_PHASE_H

#include "runtime/sched/forecast.h"

/* A launch that needs more units is told of by one that ends so long before, or later: a best-effort tile that began
 * before the word, and takes no longer, has ended by then. It is the compiler's limit of a tile (25 us), twice for two
 * blocks on a unit. */
#define ERC__CUDA_AHEAD_NS 50000
/* A narrower phase that is shorter gives nothing away: a few tiles of best-effort work for coming and going. */
#define ERC__CUDA_PHASE_NS 100000
/* Launches share a phase while less than one part in so many of its unit time is unused; a narrower phase frees more. */
#define ERC__CUDA_PHASE_WASTE 16

/* From launch `first` on, until the next phase, the run needs no more than `units`. */
struct erc__cuda_phase {
	uint32_t first;
	uint32_t units;
};

/* needs[launch]: the largest width of those launches that may begin before a tile ends which was begun before the next
 * launch's word; at least 1. forecast->count words, set by this. */
void erc__cuda_needs(const struct erc__forecast *forecast, uint64_t ahead_ns, uint32_t *needs);
/* Merges them into phases; the first one begins with launch 0. At most forecast->count phases; returns how many. */
uint32_t erc__cuda_phases(const struct erc__forecast *forecast, const uint32_t *needs, struct erc__cuda_phase *phases);

#endif
