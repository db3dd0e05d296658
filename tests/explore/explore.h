/* The explorer's interface for the explored code: how a scenario declares its threads and memory, and what its
 * threads may ask and claim. The explored files are compiled with -fsanitize=thread and linked with instrument.c,
 * which so receives each of their accesses to declared memory, atomic or plain. */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <stddef.h>
#include <stdint.h>

#define EXPLORE_END UINT32_MAX

/* One activity of a thread. It gets the argument that the activity before returned (at first 0), and returns the
 * argument of the next one, or EXPLORE_END. Nothing else of the thread's state is kept between activities. An
 * activity must depend only on `argument`, on what it reads through the explorer, and on constants. */
typedef uint32_t explore_body(uint32_t argument);

/* Set-up: declares memory that threads share; its present contents are the first value. */
void explore_atomic(const char *name, const volatile void *address, size_t bytes);
void explore_plain(const char *name, const void *address, size_t bytes);
/* A compare-and-swap here must hit the same message that was read, not another one of equal value. */
void explore_exact(const volatile void *address);
void explore_thread(const char *name, explore_body *body);
/* The thread takes no further step after the ghost is not 0. */
void explore_stoppable(int thread, int ghost);

/* For threads: waits until the predicate, which sees only the newest values, is not 0, and returns its value. */
uint32_t explore_wait(uint32_t (*predicate)(void));
/* Waits until the newest value is different. */
void explore_wait_change(const volatile void *address, uint64_t value);
void explore_check(int holds, const char *text);

/* Ghosts: numbers outside the program that need no step and order nothing. Stores carry a copy of ghost 0 as their
 * tag. explore_tag returns the tag of what this thread last read at the address. */
enum {
	GHOST_TAG,
	GHOST_OPENING,
	GHOST_LEFT,
	GHOST_SCRIPT_DONE,
	GHOST_ASLEEP_0,
	GHOST_ASLEEP_1,
	GHOST_CLERK_ASLEEP,
	GHOST_STOPPED,
	GHOST_FIRST_DONE,
	GHOSTS
};
uint32_t explore_get(int ghost);
void explore_set(int ghost, uint32_t value);
uint32_t explore_tag(const volatile void *address);
/* The newest value now; needs no step. */
uint64_t explore_now(const volatile void *address);

/* The newest value, for predicates and for checks between steps and at the end. */
uint64_t explore_newest(const volatile void *address);
uint64_t explore_plain_value(const void *address);
uint32_t explore_ghost(int ghost);

/* ---- a scenario: protocol.c has the table ---- */

struct explore_scenario {
	const char *name;
	const char *script; /* what the controller does; "posts...": the scenario of posts.c, with +rt, +stop */
	uint8_t units, launches, tiles, limit;
	uint8_t has_canceller;
	uint8_t room_only; /* units inside a room, without work */
	uint8_t spurious;  /* how many times a weak compare-and-swap may fail for no reason */
	uint8_t deep;      /* takes long; for `make explore` */
	const char *seed;  /* a seeded bug, or NULL */
	/* maximum number of units inside for a tile of the run, besides the room's limit; 0: the room's limit only */
	int run_limit;
};

extern const struct explore_scenario explore_scenarios[];
extern const size_t explore_scenario_count;
void protocol_setup(const struct explore_scenario *scenario);
int is_posts(const struct explore_scenario *scenario);
void posts_setup(const struct explore_scenario *scenario);
const char *posts_at_end(int all_ended);
/* Called after every step. Returns NULL, or the property that does not hold. */
const char *protocol_invariant(void);
/* Called when no thread can move. */
const char *protocol_at_end(int all_ended);

#endif
