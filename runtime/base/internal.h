/* What every file of the runtime uses: reporting and forwarding failures, memory, the clock. */
#ifndef ERC_INTERNAL_H
#define ERC_INTERNAL_H

#include <stdbool.h>

#include "runtime/include/erc.h"

#define ERC__COUNT(array) (sizeof array / sizeof((array)[0]))

/* Returns from the calling function if the call failed. */
#define TRY(call) \
	do { \
		enum erc_status try_status_ = (call); \
		if (try_status_) \
			return try_status_; \
	} while (0)

/* Sets the calling thread's detail text and returns status. */
enum erc_status erc__fail(enum erc_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Zeroed memory, or NULL. All memory of the runtime comes from these two functions. */
void *erc__alloc(size_t bytes);
void *erc__alloc_aligned(size_t alignment, size_t bytes); /* contents undefined */
void erc__free(void *memory);
/* For tests: `count` more allocations succeed, and the next one fails. Negative: none fails. */
void erc__alloc_fail_after(int64_t count);
/* Returns ERC_NOMEM and says in the detail text what the memory was for. */
enum erc_status erc__no_memory(const char *what, size_t bytes);

/* Monotonic. */
uint64_t erc__now_ns(void);

/* Copies a versioned options struct. Fields that the caller's struct does not have are zero. Fields that this
 * library does not know must be zero, else the call fails. */
enum erc_status erc__options_copy(const char *what, void *to, size_t to_bytes, const void *from);

#endif
