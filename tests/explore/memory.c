/* The memory model: relaxed, release/acquire and sequentially consistent accesses of C11, done one at a time. A
 * location keeps all its messages. A thread may read every message that is not older than its view, and a store may
 * go to any place after it. Two things are left out: a load that returns a later store of its own thread (program
 * order and reads-from form no cycle), and fences, which the protocol does not use. */
#include "tests/explore/memory.h"

#include <string.h>

enum { RELAXED, CONSUME, ACQUIRE, RELEASE, ACQ_REL, SEQ_CST }; /* the compilers' numbers */

static int acquires(int order)
{
	return order == CONSUME || order == ACQUIRE || order >= ACQ_REL;
}

static int releases(int order)
{
	return order >= RELEASE;
}

static void view_join(struct view *view, const struct view *other)
{
	for (int i = 0; i < ATOMICS; i++)
		if (view->at[i] < other->at[i])
			view->at[i] = other->at[i];
	for (int i = 0; i < THREADS; i++)
		if (view->clock[i] < other->clock[i])
			view->clock[i] = other->clock[i];
}

uint64_t memory_newest(const struct state *state, int location)
{
	return state->message[location][state->count[location] - 1].value;
}

void memory_log(struct thread *thread, uint64_t value)
{
	if (thread->log_count < LOG)
		thread->log[thread->log_count++] = value;
}

/* Sequentially consistent accesses are totally ordered, per location, by when they are done: the next one reads
 * nothing older than what an earlier one reached. This is weaker than a fence at each access, as in C11. */
static int oldest_readable(const struct state *state, int t, int location, int order)
{
	int at = state->thread[t].view.at[location];
	return order == SEQ_CST && state->sc_at[location] > at ? state->sc_at[location] : at;
}

static uint32_t wait_result(const struct state *state, const struct op *op)
{
	return op->predicate ? op->predicate() : memory_newest(state, op->location) != op->value;
}

int memory_choices(const struct state *state, int t, struct choice *choices)
{
	const struct op *op = &state->thread[t].next;
	int n = 0;
	if (state->thread[t].ended || (shape.stop_ghost[t] && state->ghost[shape.stop_ghost[t] - 1]))
		return 0;
	if (op->kind == OP_WAIT) {
		choices[0] = (struct choice){0, 0};
		return wait_result(state, op) != 0;
	}
	int count = state->count[op->location];
	const struct message *messages = state->message[op->location];
	for (int i = count - 1; i >= oldest_readable(state, t, op->location, op->order); i--) {
		int free_place = i + 1 == count || !messages[i + 1].chained;
		int fits = op->kind == OP_LOAD || (free_place && (op->kind != OP_CAS || messages[i].value == op->expected));
		if (fits)
			choices[n++] = (struct choice){(uint8_t)i, 0};
	}
	if (op->kind != OP_CAS)
		return n;
	for (int i = count - 1; i >= oldest_readable(state, t, op->location, op->fail_order); i--)
		if (messages[i].value != op->expected || (op->is_weak && state->spurious))
			choices[n++] = (struct choice){(uint8_t)i, 1};
	return n;
}

/* Makes place for a message: the places after it in every view move by one. */
static void shift(struct state *state, int location, int place)
{
	struct message *messages = state->message[location];
	for (int l = 0; l < shape.atomics; l++)
		for (int i = 0; i < state->count[l]; i++)
			state->message[l][i].view.at[location] += state->message[l][i].view.at[location] >= place;
	for (int t = 0; t < shape.threads; t++)
		state->thread[t].view.at[location] += state->thread[t].view.at[location] >= place;
	state->sc_at[location] += state->sc_at[location] >= place;
	memmove(&messages[place + 1], &messages[place], (size_t)(state->count[location] - place) * sizeof *messages);
	state->count[location]++;
}

static void read_message(struct state *state, int t, int location, int i, int order)
{
	struct thread *thread = &state->thread[t];
	thread->view.at[location] = (uint8_t)i;
	thread->seen_tag[location] = state->message[location][i].tag;
	if (acquires(order))
		view_join(&thread->view, &state->message[location][i].view);
	if (order == SEQ_CST && state->sc_at[location] < i)
		state->sc_at[location] = (uint8_t)i;
}

/* Stores after message i. A read-modify-write of message i continues its release sequence. */
static const char *store_behind(struct state *state, int t, int i, uint64_t value, int order, int is_rmw)
{
	int location = state->thread[t].next.location;
	struct thread *thread = &state->thread[t];
	struct view carried = {.at = {0}};
	if (state->count[location] == MESSAGES)
		return LIMIT "a location has too many messages";
	if (is_rmw)
		carried = state->message[location][i].view;
	shift(state, location, i + 1);
	thread->view.at[location] = (uint8_t)(i + 1);
	if (releases(order))
		view_join(&carried, &thread->view);
	uint8_t tag = (uint8_t)state->ghost[GHOST_TAG];
	state->message[location][i + 1] = (struct message){value, carried, (uint8_t)is_rmw, tag};
	if (releases(order))
		thread->view.clock[t]++; /* what follows is not part of what was released */
	if (order == SEQ_CST)
		state->sc_at[location] = (uint8_t)(i + 1);
	return NULL;
}

/* What a read-modify-write stores, truncated to the location's width. */
uint64_t memory_result(const struct op *op, uint64_t old)
{
	uint64_t value = op->kind == OP_ADD ? old + op->value : op->value;
	return shape.atomic[op->location].bytes == 4 ? (uint32_t)value : value;
}

const char *memory_apply(struct state *state, int t, struct choice choice)
{
	struct thread *thread = &state->thread[t];
	const struct op op = thread->next;
	thread->op_count++;
	if (op.kind == OP_WAIT) {
		if (!op.predicate) /* the word of a sleeping thread has been compared */
			thread->view.at[op.location] = (uint8_t)(state->count[op.location] - 1);
		memory_log(thread, wait_result(state, &op));
		return NULL;
	}
	int l = op.location, i = choice.message, looked = thread->view.at[l];
	uint64_t old = state->message[l][i].value;
	if (op.kind == OP_STORE)
		return store_behind(state, t, i, op.value, op.order, 0);
	memory_log(thread, old);
	if (op.kind == OP_CAS)
		memory_log(thread, !choice.fails);
	if (choice.fails && old == op.expected)
		state->spurious--;
	read_message(state, t, l, i, choice.fails ? op.fail_order : op.order);
	if (op.kind == OP_LOAD || choice.fails)
		return NULL;
	if (op.kind == OP_CAS && shape.atomic[l].exact && looked != i)
		return "a compare-and-swap hit an equal word that was not the one read";
	return store_behind(state, t, i, memory_result(&op, old), op.order, 1);
}

/* ---- plain memory: each two accesses, one of them a write, must be ordered ---- */

static int unordered(const struct state *state, int t, int other, uint8_t clock)
{
	return other != t && clock > state->thread[t].view.clock[other];
}

const char *memory_plain_read(struct state *state, int t, int location)
{
	struct plain *plain = &state->plain[location];
	if (unordered(state, t, plain->writer, plain->write_clock))
		return "data race: a plain read is not ordered after another thread's write";
	plain->read_clock[t] = state->thread[t].view.clock[t];
	return NULL;
}

const char *memory_plain_write(struct state *state, int t, int location)
{
	struct plain *plain = &state->plain[location];
	if (unordered(state, t, plain->writer, plain->write_clock))
		return "data race: a plain write is not ordered after another thread's write";
	for (int other = 0; other < shape.threads; other++)
		if (unordered(state, t, other, plain->read_clock[other]))
			return "data race: a plain write is not ordered after another thread's read";
	plain->writer = (uint8_t)t;
	plain->write_clock = state->thread[t].view.clock[t];
	return NULL;
}
