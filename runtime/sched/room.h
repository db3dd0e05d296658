/* The protocol by which units share a launch: check the room, claim a tile, compute it. Two small objects made of
 * atomics; no locks, no threads.
 *
 * A room says how many units a tenant may occupy at this moment. A claim hands out the tiles of a request's open
 * launch, each exactly once, and counts the completed ones. */
#ifndef ERC_ROOM_H
#define ERC_ROOM_H

#include <stdatomic.h>
#include <stdint.h>

/* ---- room ---- */

/* Control calls (init, set_limit, stop, resume) come from one thread at a time; the other calls may come from any
 * unit.
 *
 * The room is one word, {stop epoch, unit limit}, so a unit never sees half a change. Work carries the epoch that
 * was current when it entered, and may run while that is newer than the stop epoch. A stop is never undone: resume
 * makes a newer epoch. So work that was told to stop leaves, however late it looks, and comes back only by entering
 * again. */
struct erc__room {
	_Atomic uint64_t word;  /* {stop epoch: high 32 bits, unit limit: low 32 bits} */
	_Atomic uint32_t epoch; /* the epoch for work that enters now */
	_Atomic uint32_t units; /* units inside */
};

static inline uint64_t erc__room_word(uint32_t stop_epoch, uint32_t limit)
{
	return (uint64_t)stop_epoch << 32 | limit;
}

static inline void erc__room_init(struct erc__room *room, uint32_t limit)
{
	atomic_init(&room->word, erc__room_word(0, limit));
	atomic_init(&room->epoch, 1);
	atomic_init(&room->units, 0);
}

static inline uint32_t erc__room_limit(const struct erc__room *room)
{
	return (uint32_t)atomic_load_explicit(&room->word, memory_order_relaxed);
}

/* Grows or shrinks the room; 0 empties it at the next tile boundaries. Units see growth only when they look again,
 * so the caller wakes them. */
static inline void erc__room_set_limit(struct erc__room *room, uint32_t limit)
{
	uint64_t word = atomic_load_explicit(&room->word, memory_order_relaxed);
	atomic_store_explicit(&room->word, erc__room_word((uint32_t)(word >> 32), limit), memory_order_seq_cst);
}

/* All units inside leave at their next tile boundary, and none enters before resume. */
static inline void erc__room_stop(struct erc__room *room)
{
	uint32_t epoch = atomic_load_explicit(&room->epoch, memory_order_relaxed);
	atomic_store_explicit(&room->word, erc__room_word(epoch, 0), memory_order_seq_cst);
}

/* After stop: units may enter again, under a newer epoch. The word is written first: a unit that reads the
 * new epoch with the old word finds a limit of 0. */
static inline void erc__room_resume(struct erc__room *room, uint32_t limit)
{
	uint32_t stop_epoch = (uint32_t)(atomic_load_explicit(&room->word, memory_order_relaxed) >> 32);
	atomic_store_explicit(&room->word, erc__room_word(stop_epoch, limit), memory_order_seq_cst);
	atomic_store_explicit(&room->epoch, stop_epoch + 1, memory_order_release);
}

/* Units inside. If this returns 0, everything that they wrote is visible. If it returns 0 after a stop, no tile is
 * taken before resume: the stop and this read are ordered against a unit's entering and its next check, so one of
 * the two sees the other. */
static inline uint32_t erc__room_units(const struct erc__room *room)
{
	return atomic_load_explicit(&room->units, memory_order_seq_cst);
}

static inline int erc__room_admits(uint64_t word, uint32_t epoch)
{
	return (int32_t)(epoch - (uint32_t)(word >> 32)) > 0; /* by difference, because epochs wrap around */
}

/* Whether enter would find a place now. */
static inline int erc__room_has_place(const struct erc__room *room)
{
	uint32_t epoch = atomic_load_explicit(&room->epoch, memory_order_acquire);
	uint64_t word = atomic_load_explicit(&room->word, memory_order_relaxed);
	return erc__room_admits(word, epoch) && atomic_load_explicit(&room->units, memory_order_relaxed) < (uint32_t)word;
}

/* The unit takes a place if fewer than `max` are taken; returns 0 if there is none. *epoch is what the unit carries
 * from now on. */
static inline int erc__room_enter_within(struct erc__room *room, uint32_t *epoch, uint32_t max)
{
	*epoch = atomic_load_explicit(&room->epoch, memory_order_acquire);
	uint64_t word = atomic_load_explicit(&room->word, memory_order_relaxed);
	uint32_t units = atomic_load_explicit(&room->units, memory_order_relaxed);
	if (!erc__room_admits(word, *epoch))
		return 0;
	while (units < (uint32_t)word && units < max)
		if (atomic_compare_exchange_weak_explicit(&room->units, &units, units + 1, memory_order_seq_cst,
		                                          memory_order_relaxed))
			return 1;
	return 0;
}

static inline int erc__room_enter(struct erc__room *room, uint32_t *epoch)
{
	return erc__room_enter_within(room, epoch, UINT32_MAX);
}

/* Gives the place back. Release order: whoever sees the smaller number also sees what the unit wrote. */
static inline void erc__room_leave(struct erc__room *room)
{
	atomic_fetch_sub_explicit(&room->units, 1, memory_order_release);
}

/* Called before each claim. 1: the unit may go on. 0: it may not, and its place is already given back; when the
 * limit fell by n, exactly n units get 0. The read of the word is ordered after entering, see erc__room_units.
 * `max`: a further limit, for the unit's next tile. */
static inline int erc__room_check_within(struct erc__room *room, uint32_t epoch, uint32_t max)
{
	uint64_t word = atomic_load_explicit(&room->word, memory_order_seq_cst);
	if (!erc__room_admits(word, epoch)) {
		erc__room_leave(room);
		return 0;
	}
	uint32_t units = atomic_load_explicit(&room->units, memory_order_relaxed);
	uint32_t limit = (uint32_t)word < max ? (uint32_t)word : max;
	while (units > limit)
		if (atomic_compare_exchange_weak_explicit(&room->units, &units, units - 1, memory_order_release,
		                                          memory_order_relaxed))
			return 0;
	return 1;
}

static inline int erc__room_check(struct erc__room *room, uint32_t epoch)
{
	return erc__room_check_within(room, epoch, UINT32_MAX);
}

/* ---- claim ---- */

/* The word is {generation, tiles left}; the next tile is tiles - left. Because the word holds the tiles left, a unit
 * reads nothing else of the launch before its claim succeeds. A launch with a claimed tile cannot end before that
 * tile is completed, so after the claim nothing of the launch changes. The generation makes the words of each launch
 * differ from those of all others: a unit that slept between its read and its compare-and-swap cannot take a tile of
 * a later launch by mistake. */
struct erc__claim {
	_Atomic uint64_t word; /* {generation: high 32 bits, tiles left: low 32 bits} */
	_Atomic uint32_t completed;
	uint32_t tiles; /* of the open launch; written by open, read by units that hold a tile */
};

static inline void erc__claim_init(struct erc__claim *claim)
{
	atomic_init(&claim->word, 0);
	atomic_init(&claim->completed, 0);
	claim->tiles = 0;
}

/* Opens a launch of at least one tile; the launch before must be complete. Every unit that takes a tile sees what
 * the opener wrote before. Sequentially consistent, because the opener then looks whether units sleep or the request
 * was cancelled, and one side must see the other. */
static inline void erc__claim_open(struct erc__claim *claim, uint32_t tiles)
{
	uint64_t generation = (atomic_load_explicit(&claim->word, memory_order_relaxed) >> 32) + 1;
	claim->tiles = tiles;
	atomic_store_explicit(&claim->completed, 0, memory_order_relaxed);
	atomic_store_explicit(&claim->word, generation << 32 | tiles, memory_order_seq_cst);
}

static inline uint32_t erc__claim_generation(const struct erc__claim *claim)
{
	return (uint32_t)(atomic_load_explicit(&claim->word, memory_order_relaxed) >> 32);
}

static inline uint32_t erc__claim_left(const struct erc__claim *claim)
{
	return (uint32_t)atomic_load_explicit(&claim->word, memory_order_seq_cst);
}

/* Takes the next tile; returns 0 if none is left. The caller must compute the tile and count it as done. */
static inline int erc__claim_take(struct erc__claim *claim, uint32_t *tile)
{
	uint64_t word = atomic_load_explicit(&claim->word, memory_order_relaxed);
	while ((uint32_t)word) {
		if (atomic_compare_exchange_weak_explicit(&claim->word, &word, word - 1, memory_order_acquire,
		                                          memory_order_relaxed)) {
			*tile = claim->tiles - (uint32_t)word;
			return 1;
		}
	}
	return 0;
}

/* Takes up to `max` consecutive tiles and returns how many. The caller must compute them and count them as done. */
static inline uint32_t erc__claim_take_some(struct erc__claim *claim, uint64_t max)
{
	uint64_t word = atomic_load_explicit(&claim->word, memory_order_relaxed);
	while ((uint32_t)word) {
		uint64_t count = (uint32_t)word < max ? (uint32_t)word : max;
		if (atomic_compare_exchange_weak_explicit(&claim->word, &word, word - count, memory_order_acquire,
		                                          memory_order_relaxed))
			return (uint32_t)count;
	}
	return 0;
}

/* Takes all tiles that are left, to drop them, and returns how many. The caller must count them as done. */
static inline uint32_t erc__claim_take_rest(struct erc__claim *claim)
{
	uint64_t word = atomic_load_explicit(&claim->word, memory_order_seq_cst);
	while ((uint32_t)word)
		if (atomic_compare_exchange_weak_explicit(&claim->word, &word, word & ~(uint64_t)UINT32_MAX,
		                                          memory_order_seq_cst, memory_order_seq_cst))
			return (uint32_t)word;
	return 0;
}

/* Counts n > 0 taken tiles as done. Returns 1 if that completes the launch; the caller alone then decides what comes
 * next. Acquire and release: the caller sees what all units wrote, and the next launch's units see it through open. */
static inline int erc__claim_done(struct erc__claim *claim, uint32_t n)
{
	uint32_t tiles = claim->tiles; /* read before counting, because the next launch may begin afterwards */
	return atomic_fetch_add_explicit(&claim->completed, n, memory_order_acq_rel) + n == tiles;
}

#endif
