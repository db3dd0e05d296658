/* The state of an exploration: the past of every thread since its activity began, and a memory whose locations keep
 * their history. memory.c is the memory model, canonical.c makes equal states look equal. */
#ifndef MEMORY_H
#define MEMORY_H

#include "tests/explore/explore.h"

enum { THREADS = 5, ATOMICS = 12, PLAINS = 20, MESSAGES = 24, LOG = 80, CHOICES = 96 };

/* What a thread knows: for each location the oldest message that it may still read, and for each thread how much of
 * its past. */
struct view {
	uint8_t at[ATOMICS];
	uint8_t clock[THREADS];
};

/* One store. The messages of a location are in modification order. */
struct message {
	uint64_t value;
	struct view view; /* what a reader that acquires learns */
	uint8_t chained;  /* stored by a read-modify-write of the message before, so nothing can come between them */
	uint8_t tag;
};

/* Plain memory: one value, and when each thread accessed it. Everyone knows of a clock of 0. */
struct plain {
	uint64_t value;
	uint8_t writer;
	uint8_t write_clock;
	uint8_t read_clock[THREADS];
};

enum op_kind { OP_NONE, OP_LOAD, OP_STORE, OP_ADD, OP_CAS, OP_WAIT };

/* The next operation of a thread. */
struct op {
	uint8_t kind, location, order, fail_order;
	uint8_t is_weak; /* a compare-and-swap that may fail for no reason */
	uint64_t value, expected;
	uint32_t (*predicate)(void); /* OP_WAIT; NULL: until the location's newest value differs from `value` */
};

struct thread {
	struct view view;
	uint8_t seen_tag[ATOMICS];
	uint8_t ended;
	uint8_t log_count;
	uint16_t op_count; /* operations done in this activity */
	uint32_t argument; /* of this activity */
	struct op next;
	uint64_t log[LOG]; /* results of the activity's operations */
};

struct state {
	uint8_t count[ATOMICS];
	uint8_t sc_at[ATOMICS]; /* the messages that sequentially consistent accesses have reached */
	uint8_t spurious;       /* number of failures left */
	uint32_t ghost[GHOSTS];
	struct plain plain[PLAINS];
	struct thread thread[THREADS];
	struct message message[ATOMICS][MESSAGES];
};

/* The fixed part of a scenario, which does not change while it is explored. */
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
	uint16_t stores[THREADS];  /* and those that it stored to */
	uint8_t atomics, plains, threads;
	uint8_t stop_ghost[THREADS]; /* number of the ghost plus 1; 0: the thread is never stopped */
	struct {
		uint16_t touches[THREADS], stores[THREADS];
	} learnt; /* the same, found in this search; used by the next one */
};

extern struct shape shape;

/* ---- memory.c ---- */

/* One way to do an operation: which message it reads, or after which message it stores. */
struct choice {
	uint8_t message;
	uint8_t fails; /* a compare-and-swap that fails */
};

int memory_choices(const struct state *state, int t, struct choice *choices);
/* Does thread t's next operation and logs its result. Returns NULL, or what is wrong. */
const char *memory_apply(struct state *state, int t, struct choice choice);
const char *memory_plain_read(struct state *state, int t, int location);
const char *memory_plain_write(struct state *state, int t, int location);
void memory_log(struct thread *thread, uint64_t value);
uint64_t memory_result(const struct op *op, uint64_t old);
uint64_t memory_newest(const struct state *state, int location);

/* ---- canonical.c ---- */

/* Removes what no thread can distinguish. */
void canonical(struct state *state);
/* Copies the used parts. */
void state_copy(struct state *to, const struct state *from);
/* Packs the state into bytes and returns how many. */
size_t state_pack(const struct state *state, uint8_t *bytes);
size_t state_unpack(struct state *state, const uint8_t *bytes);

/* ---- instrument.c ---- */

/* Runs the thread's code from the start of its activity to its next operation. Returns NULL, or what is wrong. */
const char *thread_run(struct state *state, int t);
void shape_reset(struct state *state);
extern int instrument_trace; /* prints plain accesses */
extern const struct state *instrument_peek;

/* ---- search.c ---- */

/* A message that begins like this says nothing about the explored code. */
#define LIMIT "the explorer gives up: "

struct outcome {
	uint64_t states, steps, ends;
	uint32_t depth;
	const char *wrong; /* NULL: all properties hold */
	int gave_up;       /* the explorer's limits were reached, so the result says nothing */
};

/* Visits all states, nearest first, and prints the shortest path to a wrong one. max_states: after this many it
 * gives up, which counts as a failure. */
struct outcome search(const struct explore_scenario *scenario, uint64_t max_states);

#endif
