/* Visits the states, nearest first, so that a wrong one is found with the shortest schedule among the visited ones.
 * States already seen are recognised by a 64-bit hash of their canonical bytes. */
#include "tests/explore/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a state was reached. */
struct node {
	uint32_t parent;
	uint8_t t;
	struct choice choice;
};

/* The states to continue from, packed, with their nodes. */
struct front {
	uint8_t *bytes;
	size_t used, room;
};

static struct {
	struct node *nodes;
	size_t node_count, node_room;
	uint64_t *seen; /* hashes, open addressing; 0: free */
	size_t seen_count, seen_room;
	struct front front[2];
	const struct explore_scenario *scenario;
} space;

static void *grown(void *memory, size_t bytes)
{
	memory = realloc(memory, bytes);
	if (!memory) {
		fprintf(stderr, "explore: no memory for %zu bytes\n", bytes);
		exit(2);
	}
	return memory;
}

static uint64_t hash(const uint8_t *bytes, size_t count)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ count;
	for (size_t i = 0; i < count; i += 8) {
		uint64_t word = 0;
		memcpy(&word, bytes + i, count - i < 8 ? count - i : 8);
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return h ? h : 1;
}

static void insert(uint64_t *table, size_t room, uint64_t h)
{
	size_t i = h & (room - 1);
	while (table[i])
		i = (i + 1) & (room - 1);
	table[i] = h;
}

/* Returns 0 if the hash was already there. */
static int is_new(uint64_t h)
{
	if (space.seen_count * 2 >= space.seen_room) {
		size_t room = space.seen_room ? space.seen_room * 2 : 1 << 16;
		uint64_t *table = grown(NULL, room * sizeof *table);
		memset(table, 0, room * sizeof *table);
		for (size_t i = 0; i < space.seen_room; i++)
			if (space.seen[i])
				insert(table, room, space.seen[i]);
		free(space.seen);
		space.seen = table;
		space.seen_room = room;
	}
	for (size_t i = h & (space.seen_room - 1); space.seen[i]; i = (i + 1) & (space.seen_room - 1))
		if (space.seen[i] == h)
			return 0;
	insert(space.seen, space.seen_room, h);
	space.seen_count++;
	return 1;
}

static uint32_t add_node(uint32_t parent, int t, struct choice choice)
{
	if (space.node_count == space.node_room) {
		space.node_room = space.node_room ? space.node_room * 2 : 1 << 16;
		space.nodes = grown(space.nodes, space.node_room * sizeof *space.nodes);
	}
	space.nodes[space.node_count] = (struct node){parent, (uint8_t)t, choice};
	return (uint32_t)space.node_count++;
}

static void keep(struct front *front, struct state *state, uint32_t parent, int t, struct choice choice)
{
	canonical(state);
	if (front->room - front->used < sizeof *state + sizeof(uint32_t)) {
		front->room = front->room * 2 + (1 << 20);
		front->bytes = grown(front->bytes, front->room);
	}
	uint8_t *at = front->bytes + front->used;
	size_t bytes = state_pack(state, at + sizeof(uint32_t));
	if (!is_new(hash(at + sizeof(uint32_t), bytes)))
		return;
	uint32_t node = add_node(parent, t, choice);
	memcpy(at, &node, sizeof node);
	front->used += sizeof node + bytes;
}

/* ---- a schedule in words ---- */

static const char *const order_names[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};

static void print_value(uint64_t value)
{
	if (value >> 32)
		printf("{%u, %u}", (unsigned)(value >> 32), (unsigned)value);
	else
		printf("%u", (unsigned)value);
}

static void print_step(const struct state *state, int t, struct choice choice)
{
	const struct op *op = &state->thread[t].next;
	printf("    %-10s ", shape.thread_name[t]);
	if (op->kind == OP_WAIT) {
		printf("wakes\n");
		return;
	}
	uint64_t old = state->message[op->location][choice.message].value;
	const char *name = shape.atomic[op->location].name;
	static const char *const verbs[] = {"", "loads", "stores", "adds to", "compares and swaps"};
	printf("%s %s (%s): ", verbs[op->kind], name, order_names[choice.fails ? op->fail_order : op->order]);
	if (op->kind != OP_STORE)
		print_value(old);
	if (op->kind == OP_STORE || op->kind == OP_ADD || (op->kind == OP_CAS && !choice.fails)) {
		printf(op->kind == OP_STORE ? "" : " -> ");
		print_value(memory_result(op, old));
	}
	if (choice.fails)
		printf(old == op->expected ? ", fails for no reason" : ", fails");
	if (choice.message + 1 < state->count[op->location])
		printf(op->kind == OP_STORE ? ", before the newest in modification order" : ", not the newest");
	printf("\n");
}

static const char *step(struct state *state, int t, struct choice choice)
{
	const char *wrong = memory_apply(state, t, choice);
	if (!wrong)
		wrong = thread_run(state, t);
	instrument_peek = state;
	return wrong || is_posts(space.scenario) ? wrong : protocol_invariant();
}

static const char *start(struct state *state, const struct explore_scenario *scenario)
{
	const char *wrong = NULL;
	shape_reset(state);
	state->spurious = scenario->spurious;
	for (int t = 0; t < shape.threads && !wrong; t++)
		wrong = thread_run(state, t);
	return wrong;
}

static int has_learnt(void)
{
	return memcmp(shape.touches, shape.learnt.touches, sizeof shape.touches) ||
	       memcmp(shape.stores, shape.learnt.stores, sizeof shape.stores);
}

static void print_schedule(uint32_t last, int t, struct choice choice)
{
	static struct state state;
	if (has_learnt())
		return; /* the search will be repeated */
	struct node *path = grown(NULL, (size_t)1024 * sizeof *path);
	uint32_t count = 0;
	if (t >= 0)
		path[count++] = (struct node){last, (uint8_t)t, choice};
	for (; last && count < 1024; last = space.nodes[last].parent)
		path[count++] = space.nodes[last];
	start(&state, space.scenario);
	canonical(&state);
	instrument_trace = 1;
	while (count--) {
		print_step(&state, path[count].t, path[count].choice);
		step(&state, path[count].t, path[count].choice);
		canonical(&state);
	}
	instrument_trace = 0;
	free(path);
}

/* ---- the search ---- */

/* A load from a location that no other thread will ever store to tells the others nothing, and they cannot change
 * what it may read. So it can be done now, whatever it returns. A sequentially consistent load affects others. No
 * cycle of states consists of such loads only, because units wait between their rounds. */
static int is_free(const struct state *state, int t)
{
	const struct op *op = &state->thread[t].next;
	if (state->thread[t].ended || op->kind != OP_LOAD || (op->order == 5 && state->count[op->location] > 1))
		return 0;
	for (int other = 0; other < shape.threads; other++)
		if (other != t && !state->thread[other].ended && shape.stores[other] >> op->location & 1)
			return 0;
	return 1;
}

static const char *expand(const struct state *from, uint32_t node, struct front *next, struct outcome *outcome)
{
	static struct state to;
	struct choice choices[CHOICES];
	int moves = 0, ended = 0, alone = -1;
	for (int t = 0; t < shape.threads && alone < 0; t++)
		alone = is_free(from, t) && !shape.stop_ghost[t] ? t : -1;
	for (int t = 0; t < shape.threads; t++) {
		if (alone >= 0 && t != alone)
			continue;
		instrument_peek = from;
		int n = memory_choices(from, t, choices);
		moves += n;
		ended += from->thread[t].ended;
		for (int i = 0; i < n; i++) {
			state_copy(&to, from);
			outcome->steps++;
			const char *wrong = step(&to, t, choices[i]);
			if (wrong) {
				print_schedule(node, t, choices[i]);
				return wrong;
			}
			keep(next, &to, node, t, choices[i]);
		}
	}
	if (moves)
		return NULL;
	outcome->ends++;
	instrument_peek = from;
	const char *wrong =
		is_posts(space.scenario) ? posts_at_end(ended == shape.threads) : protocol_at_end(ended == shape.threads);
	if (wrong)
		print_schedule(node, -1, choices[0]);
	return wrong;
}

static struct outcome search_once(const struct explore_scenario *scenario, uint64_t max_states)
{
	static struct state state;
	struct outcome outcome = {0};
	space.scenario = scenario;
	space.node_count = space.seen_count = 0;
	space.front[0].used = space.front[1].used = 0;
	if (space.seen)
		memset(space.seen, 0, space.seen_room * sizeof *space.seen);
	start(&state, scenario);
	keep(&space.front[0], &state, 0, 0, (struct choice){0, 0});
	for (int now = 0; space.front[now].used && !outcome.wrong; now = !now) {
		struct front *front = &space.front[now], *next = &space.front[!now];
		next->used = 0;
		for (size_t at = 0; at < front->used && !outcome.wrong;) {
			uint32_t node;
			memcpy(&node, front->bytes + at, sizeof node);
			at += sizeof node;
			at += state_unpack(&state, front->bytes + at);
			outcome.wrong = expand(&state, node, next, &outcome);
			if (space.node_count > max_states)
				outcome.wrong = LIMIT "too many states";
		}
		outcome.depth++;
	}
	outcome.states = space.node_count;
	return outcome;
}

/* Which thread uses which location is found by trying: the search is repeated with what was found, until nothing new
 * comes. */
struct outcome search(const struct explore_scenario *scenario, uint64_t max_states)
{
	struct outcome outcome;
	memset(&shape, 0, sizeof shape);
	if (is_posts(scenario))
		posts_setup(scenario);
	else
		protocol_setup(scenario);
	for (;;) {
		outcome = search_once(scenario, max_states);
		if (!has_learnt())
			break;
		memcpy(shape.touches, shape.learnt.touches, sizeof shape.touches);
		memcpy(shape.stores, shape.learnt.stores, sizeof shape.stores);
	}
	outcome.gave_up = outcome.wrong && !strncmp(outcome.wrong, LIMIT, strlen(LIMIT));
	return outcome;
}
