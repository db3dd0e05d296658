/* The base of every stage of the compiler: one arena per compilation, one context with the message callback, and the
 * way errors are passed on. */
#ifndef ERCC_CORE_H
#define ERCC_CORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "compiler/include/ercc.h"

/* ---- arena: memory that lives as long as the compilation; of single allocations, only elements are freed ---- */

struct arena_block;
struct arena_cleanup;
struct arena {
	struct arena_block *blocks;
	struct arena_cleanup *cleanups;
	size_t used_bytes, limit_bytes; /* an allocation beyond the limit fails; 0: there is none */
	bool is_over_limit;
	jmp_buf *out_of_memory; /* a failed allocation jumps here; never NULL in use */
};

/* Raises the limit, if there is one. */
void arena_allow(struct arena *arena, size_t count, size_t bytes);
/* Zeroed and aligned to 64 bytes. Does not return when memory is out. bytes may be 0. */
void *arena_alloc(struct arena *arena, size_t bytes);
/* The same with a smaller alignment (a power of two up to 64), for many small objects. */
void *arena_alloc_aligned(struct arena *arena, size_t bytes, size_t alignment);
/* Room for count items of `bytes` each. The product is checked for overflow. */
void *arena_array(struct arena *arena, size_t count, size_t bytes);
/* The same for the elements of a constant that one entry makes. Large ones are freed by the next arena_drop_elements, except
 * those that `is_needed` names. They stay for good. */
void *arena_elements(struct arena *arena, size_t count, size_t bytes);
void arena_drop_elements(struct arena *arena, bool (*is_needed)(void *user, const char *data, size_t bytes),
                         void *user);
char *arena_copy_text(struct arena *arena, const char *text);
char *arena_copy_bytes(struct arena *arena, const void *data, size_t bytes); /* adds a NUL */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Calls function(data) when the arena is released, to close files and mappings. The last one added is called first. */
void arena_defer(struct arena *arena, void (*function)(void *data), void *data);
void arena_release(struct arena *arena);
#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

/* Grows `items`, of `bytes` each, so that at least one more than `count` fits. */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t bytes);
#define arena_push(arena, items, count, capacity, item) \
	((items) = arena_grow((arena), (items), (count), &(capacity), sizeof *(items)), (items)[(count)++] = (item))

/* For tests: this number of allocations of the calling thread succeed and the next one fails. -1: none fails. */
extern _Thread_local int64_t arena_fail_after;

/* ---- map: text or pointer -> pointer. Zero-initialise, set arena and kind ---- */

enum map_kind { MAP_TEXT, MAP_POINTER };
struct map_slot;
struct map {
	struct arena *arena;
	enum map_kind kind;
	struct map_slot *slots;
	size_t count, capacity; /* capacity: a power of two */
};
/* NULL when the key is absent. */
void *map_get(const struct map *map, const void *key);
/* Adds or replaces an entry. A text key is borrowed. */
void map_set(struct map *map, const void *key, void *value);
uint64_t hash_bytes(const char *data, int64_t bytes);

/* ---- text that grows: printed code, dumps, JSON ---- */

struct text {
	struct arena *arena;
	char *data; /* NUL-terminated once anything was added */
	size_t length, capacity;
};
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_append(struct text *text, const char *data, size_t bytes);

/* Opens a file for reading. Returns NULL and the reason if there is none, or if it is not a regular one. */
FILE *open_regular(const char *path, const char **why);

/* ---- context of one compilation ---- */

struct context {
	struct arena arena;
	const struct ercc_options *options; /* never NULL */
	uint32_t error_count;               /* errors reported so far */
	bool is_cache_refused;              /* a warning has said that the kernel cache is not used */
	int64_t most_scratch;               /* maximum bytes for a launch's partial sums; 0: the default. Tests lower it */
	const char *node, *op_type;         /* the node at work, for a message when memory is out; NULL: none */
	struct map said;                    /* warnings and notes that are not to be repeated; without arena: not kept */
	bool has_ranges;                    /* the entry that is being made has ranges */
	const struct plan *bounds;          /* its plan at the bounds, while a sample is made; else NULL */
	const char *source;                 /* what is being read, for messages: "file 'x.onnx'"; NULL: "file" */
};

static inline enum ercc_status check_cancel(const struct context *ctx)
{
	return ctx->options->cancel && *ctx->options->cancel ? ERCC_CANCELLED : ERCC_OK;
}

/* Reports an error through the message callback and returns `status`:
 * return fail(ctx, ERCC_MODEL, "input '%s' ...", name);
 * A message starts with what it is about. */
enum ercc_status fail(struct context *ctx, enum ercc_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void warn(struct context *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says what would help with the error just reported. */
void note(struct context *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));
void progress(struct context *ctx, uint32_t done, uint32_t total, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Returns from the calling function when the call failed. */
#define TRY(call) \
	do { \
		enum ercc_status try_status_ = (call); \
		if (try_status_ != ERCC_OK) \
			return try_status_; \
	} while (0)

#define COUNT_OF(array) (sizeof array / sizeof((array)[0]))

/* The product in *out; false when it does not fit int64_t. */
static inline bool mul_fits(int64_t a, int64_t b, int64_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}
static inline int64_t ceil_div(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}
static inline int64_t round_up(int64_t a, int64_t b)
{
	return ceil_div(a, b) * b;
}

#endif
