/* Seeded bugs. Each is a part of the protocol with one fault, and replaces the real function when its name is asked
 * for. Included after sched/room.h. */
#ifndef SEEDS_H
#define SEEDS_H

#define SEEDS(X) \
	X(none) \
	X(counted_before_computed) /* a batch is counted as done before its tiles are computed */ \
	X(batch_lost_on_leaving)   /* a unit that has to leave does not count what it computed */ \
	X(check_after_claim)       /* the room is checked with a tile in hand, which is then lost */ \
	X(open_without_generation) /* all launches share one generation */ \
	X(open_released_only)      /* opening is not ordered before the read of `cancelled` */ \
	X(open_completed_last)     /* completed is set to 0 after the word */ \
	X(take_relaxed)            /* taking a tile does not acquire the launch */ \
	X(done_relaxed)            /* counting does not release or acquire data */ \
	X(drop_uncounted)          /* a canceller drops tiles and does not count them */ \
	X(leave_relaxed)           /* leaving does not release data */ \
	X(check_counts_blindly)    /* a unit beyond the limit leaves with a load and a store */ \
	X(narrowed_blindly)        /* each unit that sees the run's limit below the number of units leaves */ \
	X(enter_past_limit)        /* entering checks only the room's limit */ \
	X(check_relaxed)           /* a unit that enters may miss a stop whose caller then sees nobody inside */ \
	X(stop_taken_back)         /* resuming keeps the epoch */

#define X(name) SEED_##name,
enum seed { SEEDS(X) SEED_COUNT };
#undef X

static enum seed seed;

static void seeded_open(struct erc__claim *claim, uint32_t tiles)
{
	uint64_t word = atomic_load_explicit(&claim->word, memory_order_relaxed) >> 32;
	if (seed == SEED_open_without_generation || seed == SEED_open_released_only) {
		uint64_t generation = word + (seed == SEED_open_released_only);
		claim->tiles = tiles;
		atomic_store_explicit(&claim->completed, 0, memory_order_relaxed);
		atomic_store_explicit(&claim->word, generation << 32 | tiles, memory_order_release);
	} else if (seed == SEED_open_completed_last) {
		claim->tiles = tiles;
		atomic_store_explicit(&claim->word, (word + 1) << 32 | tiles, memory_order_seq_cst);
		atomic_store_explicit(&claim->completed, 0, memory_order_relaxed);
	} else {
		erc__claim_open(claim, tiles);
	}
}

static int seeded_take(struct erc__claim *claim, uint32_t *tile)
{
	if (seed != SEED_take_relaxed)
		return erc__claim_take(claim, tile);
	uint64_t word = atomic_load_explicit(&claim->word, memory_order_relaxed);
	while ((uint32_t)word) {
		if (atomic_compare_exchange_weak_explicit(&claim->word, &word, word - 1, memory_order_relaxed,
		                                          memory_order_relaxed)) {
			*tile = claim->tiles - (uint32_t)word;
			return 1;
		}
	}
	return 0;
}

static int seeded_done(struct erc__claim *claim, uint32_t n)
{
	if (seed != SEED_done_relaxed)
		return erc__claim_done(claim, n);
	uint32_t tiles = claim->tiles;
	return atomic_fetch_add_explicit(&claim->completed, n, memory_order_relaxed) + n == tiles;
}

static void seeded_leave(struct erc__room *room)
{
	if (seed == SEED_leave_relaxed)
		atomic_fetch_sub_explicit(&room->units, 1, memory_order_relaxed);
	else
		erc__room_leave(room);
}

static int seeded_enter(struct erc__room *room, uint32_t *epoch, uint32_t max)
{
	return erc__room_enter_within(room, epoch, seed == SEED_enter_past_limit ? UINT32_MAX : max);
}

static int seeded_check(struct erc__room *room, uint32_t epoch, uint32_t max)
{
	if (seed == SEED_narrowed_blindly && atomic_load_explicit(&room->units, memory_order_relaxed) > max) {
		erc__room_leave(room);
		return 0;
	}
	if (seed != SEED_check_counts_blindly && seed != SEED_check_relaxed)
		return erc__room_check_within(room, epoch, max);
	uint64_t word = atomic_load_explicit(&room->word, memory_order_relaxed);
	uint32_t units = atomic_load_explicit(&room->units, memory_order_relaxed);
	if (erc__room_admits(word, epoch) && units <= (uint32_t)word)
		return 1;
	atomic_fetch_sub_explicit(&room->units, 1, memory_order_release);
	return 0;
}

static void seeded_resume(struct erc__room *room, uint32_t limit)
{
	uint32_t stop_epoch = (uint32_t)(atomic_load_explicit(&room->word, memory_order_relaxed) >> 32);
	if (seed == SEED_stop_taken_back) {
		atomic_store_explicit(&room->word, erc__room_word(stop_epoch - 1, limit), memory_order_seq_cst);
	} else {
		erc__room_resume(room, limit);
	}
}

#endif
