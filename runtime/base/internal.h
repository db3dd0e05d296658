/* What every file of the runtime uses: failing, forwarding a failure, memory, the clock. */
#ifndef ERC_INTERNAL_H
#define ERC_INTERNAL_H

#include <stdbool.h>

#include "runtime/include/erc.h"

#define ERC__COUNT(array) (sizeof array / sizeof((array)[0]))

/* Forwards a failure to the caller. */
#define TRY(call) \
	do { \
		enum erc_status try_status_ = (call); \
		if (try_status_) \
			return try_status_; \
	} while (0)

/* Sets the calling thread's detail text and returns status. */
enum erc_status erc__fail(enum erc_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Zeroed memory; NULL when there is none. Every allocation of the runtime comes from these two. */
void *erc__alloc(size_t bytes);
void *erc__alloc_aligned(size_t alignment, size_t bytes); /* contents undefined */
void erc__free(void *memory);
/* For tests: the allocation after `count` more ones fails, once. Negative: none fails. */
void erc__alloc_fail_after(int64_t count);
/* ERC_NOMEM with a text that says for what. */
enum erc_status erc__no_memory(const char *what, size_t bytes);

/* Monotonic. */
uint64_t erc__now_ns(void);

/* Copies versioned options: what the caller's size does not cover stays zero, and what is
 * beyond our size must be zero, or the caller asks for something that we do not know. */
enum erc_status erc__options_copy(const char *what, void *to, size_t to_bytes, const void *from);

#endif
