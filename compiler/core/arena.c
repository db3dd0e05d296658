/* Memory that lives as long as a compilation. It is made of blocks, which are all released together. Blocks come zeroed
 * from calloc and no byte is handed out twice, so nothing needs clearing. */
#include <assert.h>
#include <stdlib.h>

#include "compiler/core/core.h"

#define ALIGNMENT 64
/* Under AddressSanitizer each allocation has its own block and the block's padding is poisoned, so that overruns are
 * found. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define BLOCK_BYTES 0
#define POISON(start, bytes) __asan_poison_memory_region((start), (bytes))
#else
#define BLOCK_BYTES ((size_t)256 << 10)
#define POISON(start, bytes) ((void)0)
#endif

struct arena_block {
	struct arena_block *next;
	size_t used, capacity; /* from `data` */
	bool is_elements;      /* of arena_elements, nothing else is in it, and it was not needed yet */
	char *data;            /* aligned, within this block */
};

#define OVERHEAD (sizeof(struct arena_block) + ALIGNMENT) /* bytes of a block besides its capacity */

struct arena_cleanup {
	struct arena_cleanup *next;
	void (*function)(void *data);
	void *data;
};

_Thread_local int64_t arena_fail_after = -1;

static void out_of_memory(struct arena *arena)
{
	assert(arena->out_of_memory);
	longjmp(*arena->out_of_memory, 1);
}

/* Adds a block with room for `bytes`. The block of a large allocation is linked after the current block, so the room
 * left in the current block can still be used. */
static struct arena_block *add_block(struct arena *arena, size_t bytes)
{
	bool large = bytes > BLOCK_BYTES / 4;
	size_t capacity = large ? bytes : BLOCK_BYTES;
	size_t total;
	if (__builtin_add_overflow(capacity, OVERHEAD, &total))
		out_of_memory(arena);
	if (arena->limit_bytes &&
	    (arena->used_bytes > arena->limit_bytes || total > arena->limit_bytes - arena->used_bytes)) {
		arena->is_over_limit = true;
		out_of_memory(arena);
	}
	struct arena_block *block = calloc(1, total);
	if (!block)
		out_of_memory(arena);
	uintptr_t start = (uintptr_t)(block + 1);
	block->data = (char *)(block + 1) + (-start & (ALIGNMENT - 1));
	block->capacity = capacity;
	POISON(block->data + capacity, (char *)block + total - (block->data + capacity));
	if (large && arena->blocks) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		block->next = arena->blocks;
		arena->blocks = block;
	}
	arena->used_bytes += total;
	return block;
}

void arena_allow(struct arena *arena, size_t count, size_t bytes)
{
	size_t more;
	if (arena->limit_bytes && (__builtin_mul_overflow(count, bytes, &more) ||
	                           __builtin_add_overflow(arena->limit_bytes, more, &arena->limit_bytes)))
		arena->limit_bytes = SIZE_MAX;
}

/* Returns the block of the allocation, which ends where its `used` ends. */
static struct arena_block *take(struct arena *arena, size_t bytes, size_t alignment)
{
	assert(alignment <= ALIGNMENT && (alignment & (alignment - 1)) == 0);
	if (arena_fail_after >= 0 && arena_fail_after-- == 0)
		out_of_memory(arena);
	struct arena_block *block = arena->blocks;
	size_t start = block ? (block->used + alignment - 1) & ~(alignment - 1) : 0;
	if (!block || start > block->capacity || bytes > block->capacity - start) {
		block = add_block(arena, bytes);
		start = 0;
	}
	block->used = start + bytes;
	return block;
}

void *arena_alloc_aligned(struct arena *arena, size_t bytes, size_t alignment)
{
	struct arena_block *block = take(arena, bytes, alignment);
	return block->data + block->used - bytes;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	return arena_alloc_aligned(arena, bytes, ALIGNMENT);
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
	size_t total;
	if (__builtin_mul_overflow(count, bytes, &total))
		out_of_memory(arena);
	return arena_alloc(arena, total);
}

void *arena_elements(struct arena *arena, size_t count, size_t bytes)
{
	size_t total;
	if (__builtin_mul_overflow(count, bytes, &total))
		out_of_memory(arena);
	struct arena_block *block = take(arena, total, ALIGNMENT);
	block->is_elements = total && block->capacity == total;
	return block->data + block->used - total;
}

void arena_drop_elements(struct arena *arena, bool (*is_needed)(void *user, const char *data, size_t bytes), void *user)
{
	for (struct arena_block **at = &arena->blocks; *at;) {
		struct arena_block *block = *at;
		if (block->is_elements && !is_needed(user, block->data, block->capacity)) {
			*at = block->next;
			arena->used_bytes -= block->capacity + OVERHEAD;
			free(block);
			continue;
		}
		block->is_elements = false;
		at = &block->next;
	}
}

char *arena_copy_bytes(struct arena *arena, const void *data, size_t bytes)
{
	size_t total;
	if (__builtin_add_overflow(bytes, 1, &total))
		out_of_memory(arena);
	char *copy = arena_alloc_aligned(arena, total, 1);
	if (bytes)
		memcpy(copy, data, bytes);
	return copy;
}

char *arena_copy_text(struct arena *arena, const char *text)
{
	return arena_copy_bytes(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	char *text = arena_alloc_aligned(arena, length < 0 ? 1 : (size_t)length + 1, 1);
	if (length > 0)
		vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t bytes)
{
	if (count < *capacity)
		return items;
	size_t larger;
	if (__builtin_mul_overflow(*capacity ? *capacity : 4, (size_t)2, &larger))
		out_of_memory(arena);
	void *grown = arena_array(arena, larger, bytes);
	if (count)
		memcpy(grown, items, count * bytes);
	*capacity = larger;
	return grown;
}

void arena_defer(struct arena *arena, void (*function)(void *data), void *data)
{
	struct arena_cleanup *cleanup = arena_new(arena, struct arena_cleanup);
	*cleanup = (struct arena_cleanup){arena->cleanups, function, data};
	arena->cleanups = cleanup;
}

void arena_release(struct arena *arena)
{
	for (struct arena_cleanup *cleanup = arena->cleanups; cleanup; cleanup = cleanup->next)
		cleanup->function(cleanup->data);
	for (struct arena_block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	arena->cleanups = NULL;
	arena->blocks = NULL;
	arena->used_bytes = 0;
}
