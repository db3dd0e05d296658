/* Statuses and their texts, the thread's detail text, names of element types, and the two functions that allocate
 * all memory. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/internal.h"

static _Thread_local char detail[512];

static const char *const status_texts[] = {
#define X(id, text) [ERC_##id] = text,
	ERC_STATUSES(X)
#undef X
};

static const struct dtype_row {
	const char *name;
	uint32_t bits;
} dtypes[ERC_DTYPE_COUNT] = {
#define X(id, number, name, bits) [number] = {name, bits},
	ERC_DTYPES(X)
#undef X
};

const char *erc_status_text(enum erc_status status)
{
	return (size_t)status < ERC__COUNT(status_texts) ? status_texts[status] : "unknown status";
}

const char *erc_error_detail(void)
{
	return detail;
}

const char *erc_version(void)
{
	return ERC_VERSION_TEXT;
}

const char *erc_dtype_name(enum erc_dtype dtype)
{
	return (size_t)dtype < ERC_DTYPE_COUNT && dtypes[dtype].name ? dtypes[dtype].name : "?";
}

size_t erc_dtype_bytes(enum erc_dtype dtype)
{
	return (size_t)dtype < ERC_DTYPE_COUNT ? dtypes[dtype].bits / 8 : 0;
}

uint32_t erc_dtype_bits(enum erc_dtype dtype)
{
	return (size_t)dtype < ERC_DTYPE_COUNT ? dtypes[dtype].bits : 0;
}

enum erc_status erc__fail(enum erc_status status, const char *format, ...)
{
	va_list args;
	char text[sizeof detail]; /* because an argument may be the present detail text */
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	memcpy(detail, text, sizeof detail);
	return status;
}

static _Atomic int64_t allocations_left = -1;

void erc__alloc_fail_after(int64_t count)
{
	atomic_store(&allocations_left, count);
}

static int allocation_fails(void)
{
	if (atomic_load_explicit(&allocations_left, memory_order_relaxed) < 0)
		return 0;
	return atomic_fetch_sub(&allocations_left, 1) == 0;
}

void *erc__alloc(size_t bytes)
{
	return allocation_fails() ? NULL : calloc(1, bytes ? bytes : 1);
}

void *erc__alloc_aligned(size_t alignment, size_t bytes)
{
	if (allocation_fails() || bytes > SIZE_MAX - alignment)
		return NULL;
	size_t rounded = (bytes + alignment - 1) / alignment * alignment;
	return aligned_alloc(alignment, rounded ? rounded : alignment);
}

void erc__free(void *memory)
{
	free(memory);
}

enum erc_status erc__no_memory(const char *what, size_t bytes)
{
	return erc__fail(ERC_NOMEM, "no memory for %s (%zu bytes)", what, bytes);
}

uint64_t erc__now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

enum erc_status erc__options_copy(const char *what, void *to, size_t to_bytes, const void *from)
{
	size_t from_bytes;
	memset(to, 0, to_bytes);
	if (!from)
		return ERC_OK;
	memcpy(&from_bytes, from, sizeof from_bytes); /* every options struct begins with its size */
	if (from_bytes < sizeof(size_t) || from_bytes > 4096)
		return erc__fail(ERC_INVALID, "%s options: size is %zu; set it to the size of the struct", what, from_bytes);
	for (size_t i = to_bytes; i < from_bytes; i++)
		if (((const char *)from)[i])
			return erc__fail(ERC_INVALID,
			                 "%s options: a newer version of the struct (%zu bytes, this library knows %zu) sets an "
			                 "unknown option",
			                 what, from_bytes, to_bytes);
	memcpy(to, from, from_bytes < to_bytes ? from_bytes : to_bytes);
	return ERC_OK;
}
