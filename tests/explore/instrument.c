/* Runs the explored code. The compiler's thread-sanitizer instrumentation calls the functions below at each access;
 * no sanitizer is linked. A thread has no stack of its own. For each step, its activity runs again from the start,
 * gets what its operations returned before, continues to the next operation, and is left by longjmp. So a thread's
 * state is its log, and a whole exploration state is plain data. */
#include "tests/explore/memory.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape shape;
int instrument_trace;
const struct state *instrument_peek; /* the state that explore_newest reads */

static struct {
	struct state *state; /* NULL: set-up, where accesses go directly to memory */
	int t;
	uint16_t op; /* operations replayed so far, and log entries used */
	uint8_t entry;
	const struct location *written; /* a plain location whose new value is in memory by the next access */
	int is_weak;                    /* the next compare-and-swap is weak */
	const char *wrong;
	jmp_buf out;
} run;

/* ---- where ---- */

static int find(const struct location *locations, int count, const volatile void *address)
{
	for (int i = 0; i < count; i++)
		if (locations[i].address == (uintptr_t)address)
			return i;
	return -1;
}

static uint64_t fetch(const struct location *location)
{
	uint64_t value = 0;
	memcpy(&value, (const void *)location->address, location->bytes); /* little-endian, like all targets */
	return value;
}

static void put(const struct location *location, uint64_t value)
{
	memcpy((void *)location->address, &value, location->bytes);
}

static struct location at(const char *name, const volatile void *address, size_t bytes)
{
	struct location location = {.name = name, .address = (uintptr_t)address, .bytes = (uint8_t)bytes};
	location.initial = fetch(&location);
	return location;
}

static void add_location(struct location *locations, uint8_t *count, int max, struct location location)
{
	if (*count == max) {
		fprintf(stderr, "explore: too many locations: %s\n", location.name);
		exit(2);
	}
	locations[(*count)++] = location;
}

void explore_atomic(const char *name, const volatile void *address, size_t bytes)
{
	add_location(shape.atomic, &shape.atomics, ATOMICS, at(name, address, bytes));
}

void explore_plain(const char *name, const void *address, size_t bytes)
{
	add_location(shape.plain, &shape.plains, PLAINS, at(name, address, bytes));
}

void explore_exact(const volatile void *address)
{
	shape.atomic[find(shape.atomic, shape.atomics, address)].exact = 1;
}

void explore_thread(const char *name, explore_body *body)
{
	shape.thread_name[shape.threads] = name;
	shape.body[shape.threads++] = body;
}

void explore_stoppable(int thread, int ghost)
{
	shape.stop_ghost[thread] = (uint8_t)(ghost + 1);
}

/* Makes the first state from what set-up left in memory. */
void shape_reset(struct state *state)
{
	memset(state, 0, sizeof *state);
	for (int l = 0; l < shape.atomics; l++) {
		state->count[l] = 1;
		state->message[l][0].value = shape.atomic[l].initial;
	}
	for (int i = 0; i < shape.plains; i++)
		state->plain[i].value = shape.plain[i].initial;
	for (int t = 0; t < shape.threads; t++)
		state->thread[t].view.clock[t] = 1;
}

/* ---- steps ---- */

static _Noreturn void leave(const char *wrong)
{
	run.wrong = wrong;
	longjmp(run.out, 1);
}

/* A plain write is announced before it happens: its value is read at the thread's next access. */
static void settle(void)
{
	if (run.written)
		run.state->plain[run.written - shape.plain].value = fetch(run.written);
	run.written = NULL;
}

static int is_replayed(void)
{
	settle();
	return run.op++ < run.state->thread[run.t].op_count;
}

static uint64_t next_logged(void)
{
	struct thread *thread = &run.state->thread[run.t];
	if (run.entry == thread->log_count)
		leave(LIMIT "an activity is too long, or does not repeat itself");
	return thread->log[run.entry++];
}

/* Done immediately, with the operation before it: only this thread or its ghosts can notice. */
static uint64_t immediate(uint64_t value)
{
	struct thread *thread = &run.state->thread[run.t];
	thread->op_count++;
	memory_log(thread, value);
	return next_logged();
}

/* Returns when the operation has been done. */
static void operation(int kind, int location, int order, int fail_order, uint64_t value, uint64_t expected)
{
	if (location < 0)
		leave(LIMIT "the explored code uses an atomic that the scenario did not declare");
	if (is_replayed())
		return;
	struct thread *thread = &run.state->thread[run.t];
	thread->next = (struct op){.kind = (uint8_t)kind,
	                           .location = (uint8_t)location,
	                           .order = (uint8_t)order,
	                           .fail_order = (uint8_t)fail_order,
	                           .value = value,
	                           .expected = expected,
	                           .is_weak = kind == OP_CAS && run.is_weak};
	shape.learnt.touches[run.t] |= (uint16_t)(1 << location);
	if (kind != OP_LOAD && kind != OP_WAIT)
		shape.learnt.stores[run.t] |= (uint16_t)(1 << location);
	leave(NULL);
}

const char *thread_run(struct state *state, int t)
{
	struct thread *thread = &state->thread[t];
	run.state = state;
	run.t = t;
	instrument_peek = state;
	if (!setjmp(run.out)) {
		while (!run.state->thread[run.t].ended) {
			thread = &run.state->thread[run.t];
			run.op = run.entry = 0;
			run.written = NULL;
			uint32_t argument = shape.body[run.t](thread->argument);
			settle();
			thread->ended = argument == EXPLORE_END;
			thread->argument = argument;
			thread->op_count = thread->log_count = 0;
			memset(&thread->next, 0, sizeof thread->next);
		}
		run.wrong = NULL;
	}
	run.state = NULL;
	run.written = NULL;
	return run.wrong;
}

/* ---- what threads ask the explorer ---- */

uint32_t explore_wait(uint32_t (*predicate)(void))
{
	if (is_replayed())
		return (uint32_t)next_logged();
	run.state->thread[run.t].next = (struct op){.kind = OP_WAIT, .predicate = predicate};
	leave(NULL);
}

void explore_wait_change(const volatile void *address, uint64_t value)
{
	operation(OP_WAIT, find(shape.atomic, shape.atomics, address), 0, 0, value, 0);
	next_logged();
}

void explore_check(int holds, const char *text)
{
	if (!holds)
		leave(text);
}

uint32_t explore_get(int ghost)
{
	return (uint32_t)(is_replayed() ? next_logged() : immediate(run.state->ghost[ghost]));
}

void explore_set(int ghost, uint32_t value)
{
	if (is_replayed())
		return;
	run.state->ghost[ghost] = value;
	run.state->thread[run.t].op_count++;
}

uint32_t explore_tag(const volatile void *address)
{
	int location = find(shape.atomic, shape.atomics, address);
	return (uint32_t)(is_replayed() ? next_logged() : immediate(run.state->thread[run.t].seen_tag[location]));
}

uint64_t explore_now(const volatile void *address)
{
	return is_replayed() ? next_logged() : immediate(explore_newest(address));
}

uint64_t explore_newest(const volatile void *address)
{
	return memory_newest(instrument_peek, find(shape.atomic, shape.atomics, address));
}

uint64_t explore_plain_value(const void *address)
{
	return instrument_peek->plain[find(shape.plain, shape.plains, address)].value;
}

uint32_t explore_ghost(int ghost)
{
	return instrument_peek->ghost[ghost];
}

/* ---- what the compiler calls ---- */

static void plain_access(void *address, int is_write)
{
	int location = run.state ? find(shape.plain, shape.plains, address) : -1;
	if (location < 0)
		return; /* private to the thread: a local variable, or a constant */
	const struct location *where = &shape.plain[location];
	if (is_replayed()) {
		if (!is_write)
			put(where, next_logged()); /* written where the code is about to read it */
		return;
	}
	const char *wrong =
		is_write ? memory_plain_write(run.state, run.t, location) : memory_plain_read(run.state, run.t, location);
	if (instrument_trace)
		printf("            %s %s%s\n", is_write ? "writes" : "reads", where->name, wrong ? "  <- here" : "");
	if (wrong)
		leave(wrong);
	if (is_write) {
		run.state->thread[run.t].op_count++;
		run.written = where;
	} else {
		put(where, immediate(run.state->plain[location].value));
	}
}

static void rmw(int kind, volatile void *address, int order, uint64_t value)
{
	operation(kind, find(shape.atomic, shape.atomics, address), order, 0, value, 0);
}

static int cas(volatile void *address, uint64_t expected, uint64_t value, int order, int fail_order, int is_weak,
               uint64_t *old)
{
	run.is_weak = is_weak;
	operation(OP_CAS, find(shape.atomic, shape.atomics, address), order, fail_order, value, expected);
	*old = next_logged();
	return (int)next_logged();
}

void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void *unused);
void __tsan_init(void)
{
}
void __tsan_func_entry(void *caller)
{
	(void)caller;
}
void __tsan_func_exit(void *unused)
{
	(void)unused;
}

#define PLAIN(bytes) \
	void __tsan_read##bytes(void *address); \
	void __tsan_write##bytes(void *address); \
	void __tsan_read##bytes(void *address) \
	{ \
		plain_access(address, 0); \
	} \
	void __tsan_write##bytes(void *address) \
	{ \
		plain_access(address, 1); \
	}
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

/* Whole structs, only during set-up. */
void __tsan_read_range(void *address, long bytes);
void __tsan_write_range(void *address, long bytes);
void __tsan_read_range(void *address, long bytes)
{
	for (int i = 0; run.state && i < shape.plains; i++)
		if (shape.plain[i].address - (uintptr_t)address < (uintptr_t)bytes)
			leave("the explored code copies a struct of shared memory, which the explorer does not follow");
}
void __tsan_write_range(void *address, long bytes)
{
	__tsan_read_range(address, bytes);
}

/* GCC calls _weak and _strong. Clang calls _val for both, so failures for no reason are not explored there. */
#define ATOMIC(bits, type) \
	type __tsan_atomic##bits##_load(const volatile void *address, int order); \
	void __tsan_atomic##bits##_store(volatile void *address, type value, int order); \
	type __tsan_atomic##bits##_fetch_add(volatile void *address, type value, int order); \
	type __tsan_atomic##bits##_fetch_sub(volatile void *address, type value, int order); \
	_Bool __tsan_atomic##bits##_compare_exchange_weak(volatile void *address, void *expected, type value, int order, \
	                                                  int fail); \
	_Bool __tsan_atomic##bits##_compare_exchange_strong(volatile void *address, void *expected, type value, int order, \
	                                                    int fail); \
	type __tsan_atomic##bits##_compare_exchange_val(volatile void *address, type expected, type value, int order, \
	                                                int fail); \
	type __tsan_atomic##bits##_load(const volatile void *address, int order) \
	{ \
		if (!run.state) \
			return *(const volatile type *)address; \
		operation(OP_LOAD, find(shape.atomic, shape.atomics, address), order, 0, 0, 0); \
		return (type)next_logged(); \
	} \
	void __tsan_atomic##bits##_store(volatile void *address, type value, int order) \
	{ \
		if (!run.state) \
			*(volatile type *)address = value; \
		else \
			operation(OP_STORE, find(shape.atomic, shape.atomics, address), order, 0, value, 0); \
	} \
	type __tsan_atomic##bits##_fetch_add(volatile void *address, type value, int order) \
	{ \
		type old = *(volatile type *)address; \
		if (!run.state) { \
			*(volatile type *)address = (type)(old + value); \
			return old; \
		} \
		rmw(OP_ADD, address, order, value); \
		return (type)next_logged(); \
	} \
	type __tsan_atomic##bits##_fetch_sub(volatile void *address, type value, int order) \
	{ \
		return __tsan_atomic##bits##_fetch_add(address, (type)-value, order); \
	} \
	type __tsan_atomic##bits##_compare_exchange_val(volatile void *address, type expected, type value, int order, \
	                                                int fail) \
	{ \
		uint64_t old = *(volatile type *)address; \
		if (run.state) \
			return cas(address, expected, value, order, fail, 0, &old) ? expected : (type)old; \
		if (old == expected) \
			*(volatile type *)address = value; \
		return (type)old; \
	} \
	_Bool __tsan_atomic##bits##_compare_exchange_weak(volatile void *address, void *expected, type value, int order, \
	                                                  int fail) \
	{ \
		uint64_t old = *(volatile type *)address; \
		int done = \
			run.state ? cas(address, *(type *)expected, value, order, fail, 1, &old) : old == *(type *)expected; \
		if (done && !run.state) \
			*(volatile type *)address = value; \
		if (!done) \
			*(type *)expected = (type)old; \
		return done; \
	} \
	_Bool __tsan_atomic##bits##_compare_exchange_strong(volatile void *address, void *expected, type value, int order, \
	                                                    int fail) \
	{ \
		uint64_t old = *(volatile type *)address; \
		int done = \
			run.state ? cas(address, *(type *)expected, value, order, fail, 0, &old) : old == *(type *)expected; \
		if (done && !run.state) \
			*(volatile type *)address = value; \
		if (!done) \
			*(type *)expected = (type)old; \
		return done; \
	}
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)
