/* Places buffers. All activations are in one arena, where buffers share bytes if their lifetimes do not overlap.
 * Constants follow each other; equal constants are stored once, also if they are of several plans. */
#include "compiler/passes/pass.h"

#include <stdlib.h>

static void find_lives(struct plan *plan)
{
	struct plans *all = plan->all;
	int64_t offset;
	for (struct launch *launch = plan->first; launch; launch = launch->next) {
		int index = launch->index = (int)all->launch_count;
		arena_push(&plan->ctx->arena, all->launches, all->launch_count, all->launch_capacity, launch);
		for (int i = 0; i < launch->operand_count; i++) {
			struct buffer *root = buffer_root(launch->operands[i].buffer, &offset);
			if (root->first_use < 0)
				root->first_use = index;
			root->last_use = index;
		}
	}
}

/* The launches of a loop: a buffer that is used in it and elsewhere lives as long as the loop does. */
struct life {
	int first, last;
};

static void widen_lives(struct plan *plan)
{
	const struct graph *graph = plan->graph;
	struct life *loops = arena_array(&plan->ctx->arena, graph->region_count, sizeof *loops);
	for (size_t i = 0; i < graph->region_count; i++)
		loops[i] = (struct life){-1, -1};
	for (const struct launch *launch = plan->first; launch; launch = launch->next)
		for (const struct region *region = launch->region; region; region = region->around) {
			struct life *loop = &loops[region->number];
			loop->first = loop->first < 0 ? launch->index : loop->first;
			loop->last = launch->index;
		}
	for (size_t r = graph->region_count; r--;) { /* inner loops first */
		const struct life *loop = &loops[r];
		struct buffer *const numbers[] = {plan->numbers[r].condition, plan->numbers[r].trips};
		for (size_t i = 0; i < COUNT_OF(numbers); i++)
			if (numbers[i])
				numbers[i]->first_use = numbers[i]->last_use = loop->first;
		for (size_t i = 0; graph->regions[r]->kind == REGION_LOOP && i < plan->buffer_count; i++) {
			struct buffer *buffer = plan->buffers[i];
			bool is_within = buffer->first_use >= loop->first && buffer->last_use <= loop->last;
			if (is_within || buffer->first_use > loop->last || buffer->last_use < loop->first)
				continue;
			buffer->first_use = buffer->first_use < loop->first ? buffer->first_use : loop->first;
			buffer->last_use = buffer->last_use > loop->last ? buffer->last_use : loop->last;
		}
	}
}

static int larger_first(const void *a, const void *b)
{
	const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;
	if (x->is_optional != y->is_optional)
		return x->is_optional - y->is_optional;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->index - y->index;
}

/* Where a buffer lies, and when. */
struct place {
	int64_t offset, end;
	int first_use, last_use;
};

/* The lowest offset where the buffer meets none of the places, which are in the order of their offsets. */
static int64_t find_offset(const struct buffer *buffer, const struct place *places, size_t count)
{
	int64_t offset = 0;
	for (size_t i = 0; i < count; i++) {
		if (places[i].first_use > buffer->last_use || buffer->first_use > places[i].last_use)
			continue;
		if (offset + buffer->bytes <= places[i].offset)
			break;
		offset = places[i].end > offset ? places[i].end : offset;
	}
	return offset;
}

/* Places the largest buffer first. Each buffer gets the lowest offset where no buffer with an overlapping lifetime
 * lies. */
static void place_arena(struct plan *plan, struct buffer **buffers, size_t count)
{
	struct place *places = arena_array(&plan->ctx->arena, count, sizeof *places);
	qsort(buffers, count, sizeof *buffers, larger_first);
	for (size_t i = 0; i < count; i++) {
		struct buffer *buffer = buffers[i];
		size_t at = i;
		buffer->offset = find_offset(buffer, places, i);
		while (at > 0 && places[at - 1].offset > buffer->offset)
			at--;
		memmove(places + at + 1, places + at, (i - at) * sizeof *places);
		places[at] = (struct place){buffer->offset, round_up(buffer->offset + buffer->bytes, BUFFER_ALIGN),
		                            buffer->first_use, buffer->last_use};
		plan->arena_bytes = places[at].end > plan->arena_bytes ? places[at].end : plan->arena_bytes;
	}
}

/* Stores the buffer after the others, unless one of them has the same bytes. */
static void place_weights(struct plan *plan, struct buffer *buffer)
{
	struct plans *all = plan->all;
	if (buffer->stored_as) {
		buffer->offset = buffer->stored_as->offset;
		return;
	}
	const void *hash = (const void *)(uintptr_t)(hash_bytes(buffer->data, buffer->bytes) | 1); /* no key is NULL */
	struct buffer *first = map_get(all->stored ? &all->stored->by_hash : &all->by_hash, hash);
	for (const struct buffer *same = first; same; same = same->alike)
		if (same->bytes == buffer->bytes && !memcmp(same->data, buffer->data, (size_t)buffer->bytes)) {
			buffer->offset = same->offset;
			return;
		}
	if (all->stored) { /* it depends on the sizes */
		buffer->offset = -1;
		arena_push(&plan->ctx->arena, all->weights, all->weight_count, all->weight_capacity, buffer);
		return;
	}
	buffer->offset = all->weights_bytes;
	buffer->alike = first;
	map_set(&all->by_hash, hash, buffer);
	arena_push(&plan->ctx->arena, all->weights, all->weight_count, all->weight_capacity, buffer);
	all->weights_bytes = round_up(all->weights_bytes + buffer->bytes, BUFFER_ALIGN);
}

/* The weights that a plan adds. */
struct stored {
	struct buffer *const *weights;
	size_t count;
};

static bool holds_stored(void *user, const char *data, size_t bytes)
{
	const struct stored *stored = user;
	for (size_t i = 0; i < stored->count; i++)
		if ((uintptr_t)stored->weights[i]->data - (uintptr_t)data < bytes)
			return true;
	return false;
}

enum ercc_status pass_memory(struct plan *plan)
{
	struct buffer **arena = arena_array(&plan->ctx->arena, plan->buffer_count, sizeof *arena);
	size_t arena_count = 0, stored_before = plan->all->weight_count;
	find_lives(plan);
	widen_lives(plan);
	for (size_t i = 0; i < plan->graph->input_count; i++)
		if (plan->defaults[i]) /* no launch uses it */
			plan->defaults[i]->first_use = plan->defaults[i]->last_use = 0;
	for (size_t i = 0; i < plan->buffer_count; i++) {
		struct buffer *buffer = plan->buffers[i];
		if (buffer->parent || buffer->first_use < 0)
			continue;
		if (buffer->kind == BUFFER_ARENA)
			arena[arena_count++] = buffer;
		else if (buffer->kind == BUFFER_WEIGHTS)
			place_weights(plan, buffer);
	}
	place_arena(plan, arena, arena_count);
	struct stored stored = {plan->all->weights + stored_before, plan->all->weight_count - stored_before};
	arena_drop_elements(&plan->ctx->arena, holds_stored, &stored);
	return ERCC_OK;
}
