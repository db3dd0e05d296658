/* Makes equal states look equal: messages that nobody can read any more are removed, and clocks are renumbered to
 * what still matters. Then packs a state into bytes, to be stored and compared. */
#include "tests/explore/memory.h"

#include <string.h>

/* Removes messages that are older than the view of every thread that uses the location. */
static void forget_messages(struct state *state, int location)
{
	int base = state->count[location] - 1;
	for (int t = 0; t < shape.threads; t++)
		if (!state->thread[t].ended && shape.touches[t] >> location & 1 && state->thread[t].view.at[location] < base)
			base = state->thread[t].view.at[location];
	if (!base)
		return;
	struct message *messages = state->message[location];
	state->count[location] -= (uint8_t)base;
	memmove(messages, messages + base, state->count[location] * sizeof *messages);
	messages[0].chained = 0;
#define CUT(place) (place) = (uint8_t)((place) > base ? (place)-base : 0)
	for (int l = 0; l < shape.atomics; l++)
		for (int i = 0; i < state->count[l]; i++)
			CUT(state->message[l][i].view.at[location]);
	for (int t = 0; t < shape.threads; t++)
		CUT(state->thread[t].view.at[location]);
	CUT(state->sc_at[location]);
#undef CUT
}

static int known_to_all(const struct state *state, int owner, uint8_t clock)
{
	for (int t = 0; t < shape.threads; t++)
		if (t != owner && !state->thread[t].ended && state->thread[t].view.clock[owner] < clock)
			return 0;
	return 1;
}

/* Renumbers one thread's clock: only its order relative to the marks on plain memory matters. */
static void renumber_clock(struct state *state, int t)
{
	uint8_t rank[256] = {0}, n = 0, own = state->thread[t].view.clock[t];
	for (int i = 0; i < shape.plains; i++) {
		struct plain *plain = &state->plain[i];
		if (plain->writer == t && known_to_all(state, t, plain->write_clock))
			plain->write_clock = 0;
		if (known_to_all(state, t, plain->read_clock[t]))
			plain->read_clock[t] = 0;
		if (plain->writer == t)
			rank[plain->write_clock] = 1;
		rank[plain->read_clock[t]] = 1;
	}
	int is_marked = rank[own];
	rank[0] = 0;
	for (int i = 1; i < 256; i++)
		rank[i] = n = (uint8_t)(n + rank[i]);
	for (int i = 0; i < shape.plains; i++) {
		struct plain *plain = &state->plain[i];
		if (plain->writer == t)
			plain->write_clock = rank[plain->write_clock];
		plain->read_clock[t] = rank[plain->read_clock[t]];
	}
	for (int l = 0; l < shape.atomics; l++)
		for (int i = 0; i < state->count[l]; i++)
			state->message[l][i].view.clock[t] = rank[state->message[l][i].view.clock[t]];
	for (int other = 0; other < shape.threads; other++)
		state->thread[other].view.clock[t] = rank[state->thread[other].view.clock[t]];
	state->thread[t].view.clock[t] = (uint8_t)(rank[own] + !is_marked);
}

void canonical(struct state *state)
{
	for (int t = 0; t < shape.threads; t++) {
		struct thread *thread = &state->thread[t];
		if (!thread->ended)
			continue;
		memset(thread, 0, sizeof *thread);
		thread->ended = 1;
	}
	for (int l = 0; l < shape.atomics; l++)
		forget_messages(state, l);
	for (int i = 0; i < shape.plains; i++)
		if (known_to_all(state, state->plain[i].writer, state->plain[i].write_clock))
			state->plain[i].writer = state->plain[i].write_clock = 0;
	for (int t = 0; t < shape.threads; t++)
		renumber_clock(state, t);
}

/* ---- copies and bytes: only what is in use ---- */

void state_copy(struct state *to, const struct state *from)
{
	memcpy(to, from, offsetof(struct state, thread));
	for (int t = 0; t < shape.threads; t++)
		memcpy(&to->thread[t], &from->thread[t],
		       offsetof(struct thread, log) + from->thread[t].log_count * sizeof(from->thread[t].log[0]));
	for (int l = 0; l < shape.atomics; l++)
		memcpy(to->message[l], from->message[l], from->count[l] * sizeof(from->message[l][0]));
}

struct bytes {
	uint8_t *at;
	int unpack;
};

static void field(struct bytes *b, void *field, size_t bytes)
{
	if (b->unpack)
		memcpy(field, b->at, bytes);
	else
		memcpy(b->at, field, bytes);
	b->at += bytes;
}

#define FIELD(f) field(b, &(f), sizeof f)

static void thread_fields(struct bytes *b, struct thread *thread)
{
	FIELD(thread->ended);
	if (thread->ended)
		return;
	FIELD(thread->view);
	FIELD(thread->seen_tag);
	FIELD(thread->log_count);
	FIELD(thread->op_count);
	FIELD(thread->argument);
	FIELD(thread->next.kind);
	FIELD(thread->next.location);
	FIELD(thread->next.order);
	FIELD(thread->next.fail_order);
	FIELD(thread->next.is_weak);
	FIELD(thread->next.value);
	FIELD(thread->next.expected);
	FIELD(thread->next.predicate);
	field(b, thread->log, thread->log_count * sizeof thread->log[0]);
}

static size_t state_fields(struct state *state, struct bytes *b)
{
	uint8_t *start = b->at;
	FIELD(state->count);
	FIELD(state->sc_at);
	FIELD(state->spurious);
	FIELD(state->ghost);
	for (int i = 0; i < shape.plains; i++) {
		FIELD(state->plain[i].value);
		FIELD(state->plain[i].writer);
		FIELD(state->plain[i].write_clock);
		FIELD(state->plain[i].read_clock);
	}
	for (int t = 0; t < shape.threads; t++)
		thread_fields(b, &state->thread[t]);
	for (int l = 0; l < shape.atomics; l++)
		for (int i = 0; i < state->count[l]; i++) {
			FIELD(state->message[l][i].value);
			FIELD(state->message[l][i].view);
			FIELD(state->message[l][i].chained);
			FIELD(state->message[l][i].tag);
		}
	return (size_t)(b->at - start);
}

size_t state_pack(const struct state *state, uint8_t *bytes)
{
	struct bytes b = {bytes, 0};
	return state_fields((struct state *)(uintptr_t)state, &b);
}

size_t state_unpack(struct state *state, const uint8_t *bytes)
{
	struct bytes b = {(uint8_t *)(uintptr_t)bytes, 1};
	memset(state, 0, sizeof *state);
	return state_fields(state, &b);
}
