/* The explored code: the real runtime/sched/room.h and runtime/core/job.c, and the unit loop of
 * runtime/devices/cpu_unit.c without its queue, sleep and clock; a controller, a canceller and an owner. This file
 * is compiled with -fsanitize=thread; see explore.h. */
#include "tests/explore/explore.h"

#include <string.h>

/* job.c sleeps by the explorer's functions. */
#define ERC_FUTEX_H
#include <limits.h>
#include <stdatomic.h>

static void erc__futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
	(void)timeout_ns;
	explore_wait_change(word, value);
}

static void erc__futex_wake(_Atomic uint32_t *word, int count)
{
	(void)word;
	(void)count;
}

#include "runtime/sched/room.h"

#include "tests/explore/seeds.h"

#define erc__claim_open seeded_open
#define erc__claim_done seeded_done
#include "runtime/core/job.c"

uint64_t erc__now_ns(void)
{
	return 0;
}

enum { MAX_LAUNCHES = 3, MAX_TILES = 3, MAX_STEPS = 8 };

static struct {
	struct erc__room room;
	_Atomic uint32_t run_limit; /* of the run itself: its width, which changes between launches */
	struct erc__budgets budgets;
	struct erc__job job;
	_Atomic uint32_t lock;                   /* the device's lock */
	uint32_t cells[MAX_LAUNCHES][MAX_TILES]; /* written by tiles: how often each ran */
} world;

static struct explore_scenario setting;
static uint32_t largest_limit, smallest_limit;

/* ---- units ---- */

static void lock(void)
{
	uint32_t open;
	do {
		explore_wait_change(&world.lock, 1);
		open = 0;
	} while (
		!atomic_compare_exchange_strong_explicit(&world.lock, &open, 1, memory_order_acquire, memory_order_relaxed));
}

static void unlock(void)
{
	atomic_store_explicit(&world.lock, 0, memory_order_release);
}

/* Writes the tile's cell, and reads those of the launch before, which must be complete. */
static void compute(uint32_t launch, uint32_t tile)
{
	explore_check(launch < setting.launches && tile < setting.tiles, "a tile was taken that does not exist");
	for (uint32_t i = 0; launch && i < setting.tiles; i++)
		explore_check(world.cells[launch - 1][i] == 1, "a launch began before the one before was complete");
	uint32_t runs = ++world.cells[launch][tile];
	explore_check(runs == 1, "a tile ran twice");
}

static void finish(void)
{
	lock();
	erc__job_finish(&world.job);
	unlock();
}

static void next_launch(void)
{
	explore_set(GHOST_OPENING, 1);
	uint32_t tiles = erc__job_advance(&world.job, NULL);
	explore_set(GHOST_OPENING, 0);
	if (!tiles)
		finish();
}

/* The room's word is tagged with the number of stops before it, which tells the right answer: whoever entered before
 * a stop that the word includes must leave. `stops` is the tag of the unit's epoch. */
static int check_room(uint32_t epoch, uint32_t stops)
{
	int stays = seeded_check(&world.room, epoch, atomic_load_explicit(&world.run_limit, memory_order_relaxed));
	uint32_t known_stops = explore_tag(&world.room.word);
	explore_check(!stays || known_stops <= stops, "a unit goes on although it entered before a stop that it has seen");
	if (!stays && known_stops <= stops)
		explore_set(GHOST_LEFT, explore_get(GHOST_LEFT) + 1);
	return stays;
}

static uint32_t run_tiles(uint32_t epoch, uint32_t stops, int *in_room)
{
	uint32_t tile, n = 0;
	for (;;) {
		if (seed != SEED_check_after_claim && !(*in_room = check_room(epoch, stops)))
			return n;
		if (!seeded_take(&world.job.claim, &tile))
			return n;
		if (seed == SEED_check_after_claim && !(*in_room = check_room(epoch, stops)))
			return n;
		int is_last = seed == SEED_counted_before_computed && erc__claim_done(&world.job.claim, 1);
		compute(world.job.step, tile);
		if (is_last)
			next_launch();
		n += seed != SEED_counted_before_computed;
	}
}

static int has_ended(void)
{
	return explore_newest(&world.job.state) == ERC__JOB_DONE;
}

/* A unit is woken for a tile with a place in the room, and at the end. */
static uint32_t work_or_end(void)
{
	uint64_t room = explore_newest(&world.room.word);
	int has_place = erc__room_admits(room, (uint32_t)explore_newest(&world.room.epoch)) &&
	                explore_newest(&world.room.units) < (uint32_t)room &&
	                explore_newest(&world.room.units) < explore_newest(&world.run_limit);
	return has_ended() ? 2 : has_place && (uint32_t)explore_newest(&world.job.claim.word);
}

/* The argument is the unit's epoch with the number of stops before it, or 0 if it is outside. */
static uint32_t unit(uint32_t argument)
{
	uint32_t epoch = argument & 0xffff, stops = argument >> 16;
	int in_room = 1;
	if (!argument) {
		if (explore_wait(work_or_end) == 2)
			return EXPLORE_END;
		if (!erc__claim_left(&world.job.claim) || !erc__room_has_place(&world.room) ||
		    !seeded_enter(&world.room, &epoch, atomic_load_explicit(&world.run_limit, memory_order_relaxed)))
			return 0;
		return epoch | explore_tag(&world.room.epoch) << 16;
	}
	uint32_t n = run_tiles(epoch, stops, &in_room);
	if (n && (in_room || seed != SEED_batch_lost_on_leaving) && seeded_done(&world.job.claim, n))
		next_launch();
	if (!in_room)
		return 0;
	if (erc__claim_left(&world.job.claim))
		return argument;
	seeded_leave(&world.room);
	return 0;
}

/* In a room without work: looks once at any time, and once when it knows that the controller has finished. */
static uint32_t script_done(void)
{
	return explore_ghost(GHOST_SCRIPT_DONE);
}

static uint32_t guest(uint32_t argument)
{
	if (argument) {
		explore_wait(script_done);
		atomic_load(&world.lock); /* the newest value, because both are seq_cst */
	}
	return check_room(1, 0) && !argument ? 1 : EXPLORE_END;
}

/* ---- the others ---- */

static uint32_t is_empty(void)
{
	return !explore_newest(&world.room.units);
}

static void await_empty(void)
{
	explore_wait(is_empty);
	if (erc__room_units(&world.room))
		return;
	for (uint32_t i = 0; i < (uint32_t)setting.launches * setting.tiles; i++)
		(void)*(volatile uint32_t *)&world.cells[i / setting.tiles][i % setting.tiles];
}

/* Runs the script, one step per activity: a digit sets the limit, a to d set the run's own limit to 0 to 3, s stops,
 * r and a digit resumes, e waits for an empty room. */
static uint32_t controller(uint32_t at)
{
	const char *step = setting.script + at;
	if (*step == 's') {
		explore_set(GHOST_TAG, explore_get(GHOST_TAG) + 1);
		erc__room_stop(&world.room);
	} else if (*step == 'r') {
		seeded_resume(&world.room, (uint32_t)(*++step - '0'));
	} else if (*step == 'e') {
		await_empty();
	} else if (*step >= 'a' && *step <= 'd') {
		atomic_store_explicit(&world.run_limit, (uint32_t)(*step - 'a'), memory_order_relaxed);
	} else {
		erc__room_set_limit(&world.room, (uint32_t)(*step - '0'));
	}
	if (step[1])
		return (uint32_t)(step + 1 - setting.script);
	if (setting.room_only)
		atomic_store(&world.lock, 0);
	explore_set(GHOST_SCRIPT_DONE, 1);
	return EXPLORE_END;
}

/* Does what cpu_cancel does. */
static uint32_t canceller(uint32_t argument)
{
	(void)argument;
	lock();
	if (atomic_load(&world.job.state) == ERC__JOB_RUNNING) {
		int is_over = 0;
		if (seed == SEED_drop_uncounted) {
			atomic_store_explicit(&world.job.cancelled, 1, memory_order_seq_cst);
			erc__claim_take_rest(&world.job.claim);
		} else {
			is_over = erc__job_cancel(&world.job);
		}
		int handed_out = !explore_get(GHOST_OPENING) && (uint32_t)explore_now(&world.job.claim.word);
		explore_check(!handed_out, "cancelled, and tiles are left to take");
		if (is_over)
			erc__job_finish(&world.job);
	}
	unlock();
	return EXPLORE_END;
}

/* Waits for the end as a request's owner does, and reads the result. */
static uint32_t owner(uint32_t argument)
{
	(void)argument;
	erc__job_wait(&world.job, UINT64_MAX);
	uint32_t dropped = 0;
	for (uint32_t launch = 0; launch < setting.launches; launch++)
		for (uint32_t i = 0; i < setting.tiles; i++) {
			uint32_t runs = world.cells[launch][i];
			explore_check(runs || world.job.result == ERC_CANCELLED, "the run succeeded, but a tile was lost");
			explore_check(!runs || !dropped, "a tile ran after one that was dropped");
			dropped += !runs;
		}
	return EXPLORE_END;
}

/* ---- the scenario ---- */

static struct erc__step steps[MAX_LAUNCHES];

static void declare(void)
{
	static const char *const names[MAX_LAUNCHES][MAX_TILES] = {
		{"cell[0][0]", "cell[0][1]", "cell[0][2]"},
		{"cell[1][0]", "cell[1][1]", "cell[1][2]"},
		{"cell[2][0]", "cell[2][1]", "cell[2][2]"},
	};
#define ATOMIC(field) explore_atomic(#field, &world.field, sizeof world.field)
#define PLAIN(field) explore_plain(#field, &world.field, sizeof world.field)
	ATOMIC(room.word);
	ATOMIC(room.epoch);
	ATOMIC(room.units);
	ATOMIC(run_limit);
	ATOMIC(lock);
	ATOMIC(job.claim.word);
	ATOMIC(job.claim.completed);
	ATOMIC(job.item.step);
	ATOMIC(job.cancelled);
	ATOMIC(budgets.chosen);
	ATOMIC(job.state);
	explore_exact(&world.job.claim.word);
	PLAIN(job.claim.tiles);
	PLAIN(job.step);
	PLAIN(job.launch);
	PLAIN(job.result);
	PLAIN(job.tiles_run);
	PLAIN(job.launches_run);
	for (uint32_t launch = 0; launch < setting.launches; launch++)
		for (uint32_t tile = 0; tile < setting.tiles; tile++)
			explore_plain(names[launch][tile], &world.cells[launch][tile], sizeof(world.cells[0][0]));
#undef ATOMIC
#undef PLAIN
}

static void find_seed(void)
{
#define X(name) #name,
	static const char *const names[] = {SEEDS(X)};
#undef X
	for (seed = SEED_COUNT - 1; seed; seed--)
		if (setting.seed && !strcmp(setting.seed, names[seed]))
			return;
}

static void setup_threads(void)
{
	static const char *const names[] = {"unit 0", "unit 1", "unit 2"};
	for (uint32_t i = 0; i < setting.units; i++)
		explore_thread(names[i], setting.room_only ? guest : unit);
	if (setting.script)
		explore_thread("controller", controller);
	if (setting.has_canceller)
		explore_thread("canceller", canceller);
	if (!setting.room_only)
		explore_thread("owner", owner);
}

void protocol_setup(const struct explore_scenario *scenario)
{
	uint32_t epoch;
	setting = *scenario;
	find_seed();
	memset(&world, 0, sizeof world);
	erc__room_init(&world.room, setting.limit);
	atomic_init(&world.run_limit, setting.run_limit ? (uint32_t)setting.run_limit : setting.limit);
	for (uint32_t i = 0; setting.room_only && i < setting.units; i++)
		erc__room_enter(&world.room, &epoch);
	for (uint32_t i = 0; i < setting.launches; i++)
		steps[i] = (struct erc__step){.tile_count = setting.tiles, .count_slot = ERCA_NONE};
	world.budgets.count = 1; /* one budget, chosen for the whole run */
	world.job.budgets = &world.budgets;
	world.job.steps = steps;
	world.job.step_count = setting.launches;
	if (!setting.room_only) {
		erc__job_init(&world.job);
		erc__job_start(&world.job);
		erc__job_advance(&world.job, NULL);
	}
	uint32_t limit = setting.limit, own = atomic_load_explicit(&world.run_limit, memory_order_relaxed);
	largest_limit = smallest_limit = limit < own ? limit : own;
	for (const char *at = setting.script; at && *at; at++) {
		limit = *at >= '0' && *at <= '9' ? (uint32_t)(*at - '0') : *at == 's' ? 0 : limit;
		own = *at >= 'a' && *at <= 'd' ? (uint32_t)(*at - 'a') : own;
		uint32_t both = limit < own ? limit : own;
		largest_limit = both > largest_limit ? both : largest_limit;
		smallest_limit = both < smallest_limit ? both : smallest_limit;
	}
	declare();
	setup_threads();
}

const char *protocol_invariant(void)
{
	uint32_t units = (uint32_t)explore_newest(&world.room.units);
	if (units > largest_limit)
		return "more units are inside than any limit allowed";
	if (setting.room_only && units < smallest_limit)
		return "more units left than the limit fell by";
	return NULL;
}

const char *protocol_at_end(int all_ended)
{
	uint32_t units = (uint32_t)explore_newest(&world.room.units);
	uint32_t limit = (uint32_t)explore_newest(&world.room.word), own = (uint32_t)explore_newest(&world.run_limit);
	limit = limit < own ? limit : own;
	if (!all_ended)
		return "nobody can go on: a tile, a count or a place is lost";
	if (setting.room_only && units > limit)
		return "units that were told to leave stayed";
	if (setting.room_only && setting.limit - units != explore_ghost(GHOST_LEFT))
		return "the number of units inside does not tell how many left";
	if (!setting.room_only && (units || (uint32_t)explore_newest(&world.job.claim.word)))
		return "the run is over, and a unit or a tile is left";
	return NULL;
}
