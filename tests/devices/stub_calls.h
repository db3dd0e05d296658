/* What the files with calls of the stand-in for CUDA share. */
#ifndef STUB_CALLS_H
#define STUB_CALLS_H

#include "tests/devices/stub_cuda.h"

typedef int result;
typedef uint64_t address;

#define API __attribute__((visibility("default")))
/* Declared as the runtime declares them, so that a wrong parameter does not compile. */
typedef int cu_result;
typedef int cu_device;
typedef uint64_t cu_address;
#define cu_context void *
#define cu_stream struct stream *
#define cu_event struct event *
#define cu_module struct module *
#define cu_function struct function *
#define cu_graph struct graph *
#define cu_graph_exec struct graph *
#define X(is_needed, name, parameters) API cu_result name parameters;
#include "runtime/devices/cuda_symbols.def"
#undef X

/* Takes the lock, which stub_leave releases, unless it returns an error: the call has to fail, or a context is needed
 * and none is current, or it is lost. */
result stub_enter(const char *name, int needs_context);
/* Returns the value. */
result stub_leave(result value);
/* Zeroed memory; never NULL. */
void *stub_make(size_t bytes);

#define ENTER(needs_context) \
	do { \
		result found_ = stub_enter(__func__, needs_context); \
		if (found_) \
			return found_; \
	} while (0)

#define LINK(list, item) \
	do { \
		(item)->next = (list); \
		(list) = (item); \
	} while (0)

/* Removes an item from its list. An item that is not in the list was already destroyed, or never created. */
#define UNLINK(list, item) \
	do { \
		__typeof__(list) *at_ = &(list); \
		while (*at_ && *at_ != (item)) \
			at_ = &(*at_)->next; \
		if (!*at_) \
			return stub_leave(STUB_INVALID_VALUE); \
		*at_ = (item)->next; \
	} while (0)

#endif
