/* The explored code of threads that nobody may wait for: the real runtime/devices/post.h and the claim of room.h,
 * and the loops of runtime/devices/cpu_apart.c without queue, rooms and clock. There are one or two threads apart,
 * the clerk, the first thread of a unit, and a tracer that stops the first thread apart for good, anywhere. Compiled
 * like protocol.c. */
#include "tests/explore/explore.h"

#include <string.h>

/* Sleeping is part of what is explored: a sleeping thread continues when it is woken, and not earlier. */
#define ERC_FUTEX_H
#include <limits.h>
#include <stdatomic.h>

static int sleeper_of(const volatile void *word);

static uint32_t is_awake_0(void)
{
	return !explore_ghost(GHOST_ASLEEP_0);
}

static uint32_t is_awake_1(void)
{
	return !explore_ghost(GHOST_ASLEEP_1);
}

static uint32_t is_clerk_awake(void)
{
	return !explore_ghost(GHOST_CLERK_ASLEEP);
}

/* The system compares the word at the time of the call: nothing comes between the call and the comparison. */
static void erc__futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
	int ghost = sleeper_of(word);
	(void)timeout_ns;
	if (explore_now(word) != value) {
		explore_wait_change(word, value); /* from now on this thread has seen the change */
		return;
	}
	explore_set(ghost, 1);
	explore_wait(ghost == GHOST_ASLEEP_0 ? is_awake_0 : ghost == GHOST_ASLEEP_1 ? is_awake_1 : is_clerk_awake);
}

static void erc__futex_wake(_Atomic uint32_t *word, int count)
{
	(void)count;
	explore_set(sleeper_of(word), 0);
}

#include "runtime/devices/post.h"
#include "runtime/sched/room.h"

#include "tests/explore/posts.h"

enum { APARTS = 2, MAX_CELLS = 4 };
enum { NO_JOB, JOB, CLOSED };               /* an answer */
enum { AWAIT, SERVE, REPORT, REPORT_OVER }; /* what a thread apart does next */

static struct {
	struct erc__bell bell;
	_Atomic uint32_t lock, waiting, closed, has_ended;
	struct erc__claim claim;
	uint32_t launch;           /* the open launch */
	uint32_t cells[MAX_CELLS]; /* written by tiles */
	struct {
		struct erc__post post;
		uint32_t answer,
			is_over; /* the thread owns them while the post is answered, the lock holder while it is sent */
		uint32_t is_parked, serves; /* guarded by the lock */
	} apart[APARTS];
} world;

static struct explore_scenario setting;

static int sleeper_of(const volatile void *word)
{
	return word == &world.apart[0].post.word   ? GHOST_ASLEEP_0
	       : word == &world.apart[1].post.word ? GHOST_ASLEEP_1
	                                           : GHOST_CLERK_ASLEEP;
}

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

/* ---- under the lock ---- */

/* The gate belongs to the first thread apart; the gates of the others are open. */
static int is_waiting(uint32_t i)
{
	return world.apart[i].is_parked && (i || !atomic_load_explicit(&world.closed, memory_order_relaxed));
}

static void count_waiting(uint32_t i, int before)
{
	if (is_waiting(i) != before)
		atomic_fetch_add_explicit(&world.waiting, before ? UINT32_MAX : 1, memory_order_seq_cst);
}

static void park(uint32_t i, uint32_t parked)
{
	int before = is_waiting(i);
	world.apart[i].is_parked = parked;
	count_waiting(i, before);
}

static void set_closed(uint32_t closed)
{
	int before = is_waiting(0);
	atomic_store_explicit(&world.closed, closed, memory_order_relaxed);
	count_waiting(0, before);
}

static void answer(uint32_t i, uint32_t with)
{
	world.apart[i].answer = with;
	world.apart[i].serves = with == JOB;
	park(i, 0);
	erc__post_answer(&world.apart[i].post);
	erc__post_wake(&world.apart[i].post);
}

static void read_report(uint32_t i)
{
	if (world.apart[i].serves && world.apart[i].is_over)
		atomic_store(&world.has_ended, 1);
	world.apart[i].serves = 0;
	if (posts_seed != POSTS_SEED_parked_counted_late)
		park(i, 1);
}

static void read_post(uint32_t i)
{
	if (!world.apart[i].is_parked && erc__post_is_sent(&world.apart[i].post))
		read_report(i);
}

/* Parked late: only with the seeded bug. */
static void find_job(uint32_t i)
{
	int is_late = posts_seed == POSTS_SEED_parked_counted_late && !world.apart[i].is_parked &&
	              erc__post_is_sent(&world.apart[i].post);
	if (!world.apart[i].is_parked && !is_late)
		return;
	int left = erc__claim_left(&world.claim) != 0;
	if (is_late)
		park(i, 1);
	if (atomic_load(&world.has_ended))
		answer(i, CLOSED);
	else if (left && is_waiting(i))
		answer(i, JOB);
}

/* ---- threads ---- */

static void compute(uint32_t launch, uint32_t tile)
{
	explore_check(!launch || world.cells[0] == 1, "a launch began before the one before was complete");
	uint32_t runs = ++world.cells[launch + tile];
	explore_check(runs == 1, "a tile ran twice");
}

/* Opens a launch of one tile, and later launches of the scenario's number of tiles. Returns 0 if there is no further
 * launch. */
static uint32_t next_launch(void)
{
	if (++world.launch == setting.launches)
		return 0;
	explore_set(GHOST_OPENING, 1);
	erc__claim_open(&world.claim, setting.tiles);
	int is_told = posts_seed == POSTS_SEED_opened_unordered
	                  ? atomic_load_explicit(&world.waiting, memory_order_relaxed) != 0
	                  : atomic_load_explicit(&world.waiting, memory_order_seq_cst) != 0;
	if (setting.tiles > 1 && is_told)
		seeded_ring(&world.bell);
	explore_set(GHOST_OPENING, 0);
	return 1;
}

/* Runs all available tiles of one launch. */
static uint32_t serve(uint32_t i)
{
	uint32_t tile, n = 0;
	while ((i || !atomic_load_explicit(&world.closed, memory_order_relaxed)) && erc__claim_take(&world.claim, &tile)) {
		compute(world.launch, tile);
		n++;
	}
	if (!n || !erc__claim_done(&world.claim, n))
		return REPORT;
	return next_launch() ? SERVE : REPORT_OVER;
}

static uint32_t report(uint32_t i, uint32_t is_over)
{
	world.apart[i].is_over = is_over;
	if (posts_seed == POSTS_SEED_takes_the_lock) {
		lock();
		atomic_store_explicit(&world.apart[i].post.word, ERC__POST_SENT, memory_order_seq_cst);
		read_post(i);
		unlock();
		return AWAIT;
	}
	seeded_send(&world.apart[i].post);
	seeded_ring(&world.bell);
	return AWAIT;
}

static uint32_t apart(uint32_t i, uint32_t activity)
{
	if (activity == SERVE)
		return serve(i);
	if (activity != AWAIT)
		return report(i, activity == REPORT_OVER);
	erc__post_await(&world.apart[i].post);
	return world.apart[i].answer == CLOSED ? EXPLORE_END : SERVE;
}

static uint32_t apart_0(uint32_t argument)
{
	return apart(0, argument);
}

static uint32_t apart_1(uint32_t argument)
{
	return apart(1, argument);
}

static uint32_t clerk(uint32_t argument)
{
	uint32_t heard = erc__bell_listen(&world.bell), closed = 0;
	(void)argument;
	lock();
	for (uint32_t i = 0; i < setting.units; i++)
		read_post(i);
	for (uint32_t i = 0; i < setting.units; i++)
		find_job(i);
	for (uint32_t i = 0; i < setting.units; i++)
		closed += world.apart[i].answer == CLOSED && !world.apart[i].serves && !world.apart[i].is_parked &&
		          !erc__post_is_sent(&world.apart[i].post);
	unlock();
	if (closed == setting.units)
		return EXPLORE_END;
	erc__bell_await(&world.bell, heard);
	return 0;
}

/* A real-time run begins and ends: the unit's first thread has work, and afterwards reads the post of its second
 * thread. */
static uint32_t first(uint32_t argument)
{
	lock();
	set_closed(!argument);
	if (argument) {
		read_post(0);
		find_job(0);
	}
	unlock();
	explore_set(GHOST_FIRST_DONE, argument);
	return argument ? EXPLORE_END : 1;
}

static uint32_t at_any_time(void)
{
	return 1;
}

static uint32_t tracer(uint32_t argument)
{
	(void)argument;
	explore_wait(at_any_time);
	explore_set(GHOST_STOPPED, 1);
	return EXPLORE_END;
}

/* ---- the scenario ---- */

static void declare(void)
{
	static const char *const cells[MAX_CELLS] = {"cell[0]", "cell[1]", "cell[2]", "cell[3]"};
#define ATOMIC(field) explore_atomic(#field, &world.field, sizeof world.field)
#define PLAIN(field) explore_plain(#field, &world.field, sizeof world.field)
	ATOMIC(bell.rings);
	ATOMIC(bell.sleeps);
	ATOMIC(lock);
	ATOMIC(waiting);
	ATOMIC(closed);
	ATOMIC(has_ended);
	ATOMIC(claim.word);
	ATOMIC(claim.completed);
	ATOMIC(apart[0].post.word);
	ATOMIC(apart[1].post.word);
	PLAIN(claim.tiles);
	PLAIN(launch);
	for (uint32_t i = 0; i < MAX_CELLS; i++)
		explore_plain(cells[i], &world.cells[i], sizeof(world.cells[i]));
	PLAIN(apart[0].answer);
	PLAIN(apart[0].is_over);
	PLAIN(apart[0].is_parked);
	PLAIN(apart[0].serves);
	PLAIN(apart[1].answer);
	PLAIN(apart[1].is_over);
	PLAIN(apart[1].is_parked);
	PLAIN(apart[1].serves);
#undef ATOMIC
#undef PLAIN
}

int is_posts(const struct explore_scenario *scenario)
{
	return scenario->script && !strncmp(scenario->script, "posts", 5);
}

void posts_setup(const struct explore_scenario *scenario)
{
	setting = *scenario;
	find_posts_seed(setting.seed);
	memset(&world, 0, sizeof world);
	erc__bell_init(&world.bell);
	erc__claim_init(&world.claim);
	erc__claim_open(&world.claim, 1);
	for (uint32_t i = 0; i < APARTS; i++) {
		erc__post_init(&world.apart[i].post);
		world.apart[i].is_parked = 1;
	}
	world.waiting = setting.units;
	declare();
	explore_thread("apart 0", apart_0);
	if (setting.units > 1)
		explore_thread("apart 1", apart_1);
	explore_thread("clerk", clerk);
	if (strstr(setting.script, "+rt"))
		explore_thread("first", first);
	if (strstr(setting.script, "+stop")) {
		explore_thread("tracer", tracer);
		explore_stoppable(0, GHOST_STOPPED);
	}
}

const char *posts_at_end(int all_ended)
{
	uint32_t left = (uint32_t)explore_newest(&world.claim.word);
	if (strstr(setting.script, "+rt") && !explore_ghost(GHOST_FIRST_DONE))
		return "the first thread waits for a thread apart that is stopped";
	if (all_ended)
		return explore_newest(&world.has_ended) ? NULL : "all ended, and the run did not";
	if (!explore_ghost(GHOST_STOPPED))
		return "nobody can go on: a wake-up is lost";
	/* A stopped thread delays only its own run. Others take the tiles that are there, unless it was about to
	 * announce them. */
	if (setting.units > 1 && left && !explore_ghost(GHOST_OPENING))
		return "tiles are left, and an idle thread was not told";
	return NULL;
}
