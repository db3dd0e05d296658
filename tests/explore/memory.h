/* The state of an exploration: every thread's past since its activity began, and a memory whose
 * locations keep their history. memory.c is the memory model, canonical.c makes equal states look equal. */
#ifndef MEMORY_H
#define MEMORY_H

#include "tests/explore/explore.h"

enum { THREADS = 5, ATOMICS = 12, PLAINS = 20, MESSAGES = 24, LOG = 80, CHOICES = 96 };

/* What a thread knows: for each location the oldest message that it may still read, for each thread how much
 * of its past. */
struct view {
	uint8_t at[ATOMICS];
	uint8_t clock[THREADS];
};

/* One store. Messages of a location stand in modification order. */
struct message {
	uint64_t value;
	struct view view; /* what an acquiring reader learns */
	uint8_t chained;  /* stored by a read-modify-write of the message before: nothing comes between */
	uint8_t tag;
};

/* Plain memory: one value, and who accessed it when. A clock of 0 is known to everyone. */
struct plain {
	uint64_t value;
	uint8_t writer;
	uint8_t write_clock;
	uint8_t read_clock[THREADS];
};

enum op_kind { OP_NONE, OP_LOAD, OP_STORE, OP_ADD, OP_CAS, OP_WAIT };

/* What a thread does next. */
struct op {
	uint8_t kind, location, order, fail_order;
	uint8_t is_weak; /* a compare-and-swap that may fail for no reason */
	uint64_t value, expected;
	uint32_t (*predicate)(void); /* OP_WAIT; NULL: until location's newest value is not `value` */
};

struct thread {
	struct view view;
	uint8_t seen_tag[ATOMICS];
	uint8_t ended;
	uint8_t log_count;
	uint16_t op_count; /* done in this activity */
	uint32_t argument; /* of this activity */
	struct op next;
	uint64_t log[LOG]; /* what the activity's operations returned */
};

struct state {
	uint8_t count[ATOMICS];
	uint8_t sc_at[ATOMICS]; /* messages that sequentially consistent accesses have reached */
	uint8_t spurious;       /* failures left */
	uint32_t ghost[GHOSTS];
	struct plain plain[PLAINS];
	struct thread thread[THREADS];
	struct message message[ATOMICS][MESSAGES];
};

/* The scenario's shape; constant while it is explored. */
struct shape {
	struct location {
		const char *name;
		uintptr_t address;
		uint8_t bytes;
		uint8_t exact;
		uint64_t initial;
	} atomic[ATOMICS], plain[PLAINS];
	const char *thread_name[THREADS];
	explore_body *body[THREADS];
	uint16_t touches[THREADS]; /* atomic locations that the thread was ever seen to use */
	uint16_t stores[THREADS];  /* ... and to store to */
	uint8_t atomics, plains, threads;
	uint8_t stop_ghost[THREADS]; /* plus 1; 0: the thread is never stopped */
	struct {
		uint16_t touches[THREADS], stores[THREADS];
	} learnt; /* the same, in this search; takes effect in the next one */
};

extern struct shape shape;

/* ---- memory.c ---- */

/* One way to carry out an operation: which message it reads or is stored behind. */
struct choice {
	uint8_t message;
	uint8_t fails; /* a compare-and-swap that does */
};

int memory_choices(const struct state *state, int t, struct choice *choices);
/* Carries out thread t's next operation and logs what it returns. NULL, or what is wrong. */
const char *memory_apply(struct state *state, int t, struct choice choice);
const char *memory_plain_read(struct state *state, int t, int location);
const char *memory_plain_write(struct state *state, int t, int location);
void memory_log(struct thread *thread, uint64_t value);
uint64_t memory_result(const struct op *op, uint64_t old);
uint64_t memory_newest(const struct state *state, int location);

/* ---- canonical.c ---- */

/* Forgets what no thread can tell apart. */
void canonical(struct state *state);
/* Copies what is in use. */
void state_copy(struct state *to, const struct state *from);
/* To bytes and back: returns how many. */
size_t state_pack(const struct state *state, uint8_t *bytes);
size_t state_unpack(struct state *state, const uint8_t *bytes);

/* ---- instrument.c ---- */

/* The thread's code from the start of its activity up to its next operation. NULL, or what is wrong. */
const char *thread_run(struct state *state, int t);
void shape_reset(struct state *state);
extern int instrument_trace; /* print plain accesses */
extern const struct state *instrument_peek;

/* ---- search.c ---- */

/* What begins so says nothing of the explored code. */
#define LIMIT "the explorer gives up: "

struct outcome {
	uint64_t states, steps, ends;
	uint32_t depth;
	const char *wrong; /* NULL: every property holds */
	int gave_up;       /* ... or the explorer's limits were reached, which tells nothing */
};

/* All states, nearest first; prints the shortest way to what is wrong. most_states: gives up, as a failure. */
struct outcome search(const struct explore_scenario *scenario, uint64_t most_states);

#endif
