/* The explorer as the explored code sees it: how a scenario declares its threads and memory, and
 * what its threads may ask and claim. The explored files are compiled with -fsanitize=thread and linked
 * with instrument.c, so each of their accesses to declared memory, atomic or plain, arrives there. */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <stddef.h>
#include <stdint.h>

#define EXPLORE_END UINT32_MAX

/* One activity of a thread: gets the argument that the one before returned (first: 0), returns the next one's,
 * or EXPLORE_END. Nothing else of the thread's own state survives from activity to activity. An activity must
 * depend on nothing but `argument`, what it reads through the explorer, and constants. */
typedef uint32_t explore_body(uint32_t argument);

/* Setting up: the memory that threads share, with what it holds now as its first value. */
void explore_atomic(const char *name, const volatile void *address, size_t bytes);
void explore_plain(const char *name, const void *address, size_t bytes);
/* A compare-and-swap here must hit the very message that was looked at, not one of equal value. */
void explore_exact(const volatile void *address);
void explore_thread(const char *name, explore_body *body);
/* The thread takes no step any more once the ghost is not 0. */
void explore_stoppable(int thread, int ghost);

/* For threads. Waits until the predicate, which sees newest values only, is not 0; returns it. */
uint32_t explore_wait(uint32_t (*predicate)(void));
/* Waits until the newest value differs. */
void explore_wait_change(const volatile void *address, uint64_t value);
void explore_check(int holds, const char *text);

/* Ghosts: numbers beside the program that cost no step and order nothing. Stores carry a copy of ghost 0 as
 * their tag; explore_tag is the tag of what this thread read last at the address. */
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
/* The newest value just now, at no step. */
uint64_t explore_now(const volatile void *address);

/* The newest value, for predicates and for what is checked between steps and at the end. */
uint64_t explore_newest(const volatile void *address);
uint64_t explore_plain_value(const void *address);
uint32_t explore_ghost(int ghost);

/* ---- a scenario: protocol.c has the table ---- */

struct explore_scenario {
	const char *name;
	const char *script; /* what the controller does; "posts...": posts.c's scenario, +rt, +stop */
	uint8_t units, launches, tiles, limit;
	uint8_t has_canceller;
	uint8_t room_only; /* units inside a room, and no work */
	uint8_t spurious;  /* times that a weak compare-and-swap may fail for no reason */
	uint8_t deep;      /* takes longer: for `make explore` */
	const char *seed;  /* a bug put in, or NULL */
	int run_limit;     /* units that may be inside for a tile of the run, beside the room's limit; 0: as many as that */
};

extern const struct explore_scenario explore_scenarios[];
extern const size_t explore_scenario_count;
void protocol_setup(const struct explore_scenario *scenario);
int is_posts(const struct explore_scenario *scenario);
void posts_setup(const struct explore_scenario *scenario);
const char *posts_at_end(int all_ended);
/* After every step. NULL, or what does not hold. */
const char *protocol_invariant(void);
/* Where no thread can move. */
const char *protocol_at_end(int all_ended);

#endif
