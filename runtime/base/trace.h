/* A record of events, in a buffer of fixed size that any thread may append to. */
#ifndef ERC_TRACE_H
#define ERC_TRACE_H

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/include/erc.h"

enum erc__event_kind {
	ERC__EVENT_ARRIVAL, /* of a request; value: the request's number */
	ERC__EVENT_ADMIT,
	ERC__EVENT_SHED,
	ERC__EVENT_LAUNCH,    /* a launch was opened; value: its record */
	ERC__EVENT_ITERATION, /* of a loop began; value: its number */
	ERC__EVENT_ROOM,      /* a session's room changed; value: units */
	ERC__EVENT_SERVE,     /* a unit begins to serve a request */
	ERC__EVENT_RESUME,    /* the same, after this or another unit had left the request */
	ERC__EVENT_LEAVE,     /* the unit leaves: no tile is left, or other work is more urgent */
	ERC__EVENT_PREEMPT,   /* the unit leaves because the room shrank */
	ERC__EVENT_DONE,      /* value: enum erc_status */
	ERC__EVENT_COUNT
};

struct erc__event {
	uint64_t ns;
	uint32_t session;
	uint32_t unit; /* UINT32_MAX: none */
	uint32_t value;
	_Atomic uint32_t kind; /* enum erc__event_kind plus 1, stored last; 0: not written yet */
};

#define ERC__TRACE_NAMES 256

/* One recording. */
struct erc__tape {
	struct erc__tape *older; /* replaced tapes that are not freed yet */
	uint32_t capacity;
	_Atomic uint32_t next; /* the next slot; those beyond capacity are dropped events */
	struct erc__event events[];
};

struct erc__trace {
	_Atomic uint32_t on;
	_Atomic uint32_t writers;         /* threads inside erc__trace_append */
	_Atomic(struct erc__tape *) tape; /* NULL: none yet */
	uint32_t units; /* threads with this number or a higher one are the units' second threads; 0: there are none */
	char names[ERC__TRACE_NAMES][32]; /* of the first sessions, by session number */
};

void erc__trace_append(struct erc__trace *trace, enum erc__event_kind kind, uint64_t ns, uint32_t session,
                       uint32_t unit, uint32_t value);

/* The clock is read only while the trace is on. */
static inline int erc__trace_is_on(const struct erc__trace *trace)
{
	return atomic_load_explicit(&trace->on, memory_order_relaxed) != 0;
}

void erc__trace_name(struct erc__trace *trace, uint32_t session, const char *name);
/* Call it with the device's lock held, as erc__trace_drops. */
enum erc_status erc__trace_begin(struct erc__trace *trace, uint32_t events);
uint64_t erc__trace_drops(const struct erc__trace *trace);
enum erc_status erc__trace_save(const struct erc__trace *trace, const char *path);
void erc__trace_free(struct erc__trace *trace);

#endif
