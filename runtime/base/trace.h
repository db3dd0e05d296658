/* A record of what happened: fixed events in a buffer that any thread may append to. */
#ifndef ERC_TRACE_H
#define ERC_TRACE_H

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/include/erc.h"

enum erc__event_kind {
	ERC__EVENT_ARRIVAL, /* of a request; value: its number */
	ERC__EVENT_ADMIT,
	ERC__EVENT_SHED,
	ERC__EVENT_LAUNCH,  /* opened; value: record */
	ERC__EVENT_ROOM,    /* of a session; value: units */
	ERC__EVENT_SERVE,   /* a unit begins to serve a request */
	ERC__EVENT_RESUME,  /* the same, and the unit, or another, had left it before */
	ERC__EVENT_LEAVE,   /* the unit ends it: no tile is left, or something is better */
	ERC__EVENT_PREEMPT, /* the unit ends it because the room says so */
	ERC__EVENT_DONE,    /* value: enum erc_status */
	ERC__EVENT_COUNT
};

struct erc__event {
	uint64_t ns;
	uint32_t session;
	uint32_t unit; /* UINT32_MAX: none */
	uint32_t value;
	_Atomic uint32_t kind; /* plus 1, stored last; 0: not written yet */
};

#define ERC__TRACE_NAMES 256

/* One recording. */
struct erc__tape {
	struct erc__tape *older; /* replaced, and not freed yet */
	uint32_t capacity;
	_Atomic uint32_t next; /* slots asked for: those beyond capacity are drops */
	struct erc__event events[];
};

struct erc__trace {
	_Atomic uint32_t on;
	_Atomic uint32_t writers;         /* inside erc__trace_append */
	_Atomic(struct erc__tape *) tape; /* NULL: none yet */
	uint32_t units;                   /* threads with higher numbers are the units' second ones; 0: there are none */
	char names[ERC__TRACE_NAMES][32]; /* of the first sessions, by number */
};

void erc__trace_append(struct erc__trace *trace, enum erc__event_kind kind, uint64_t ns, uint32_t session,
                       uint32_t unit, uint32_t value);

/* The time is asked for only when the trace is on. */
static inline int erc__trace_is_on(const struct erc__trace *trace)
{
	return atomic_load_explicit(&trace->on, memory_order_relaxed) != 0;
}

void erc__trace_name(struct erc__trace *trace, uint32_t session, const char *name);
/* Under the device's lock, as erc__trace_drops. */
enum erc_status erc__trace_begin(struct erc__trace *trace, uint32_t events);
uint64_t erc__trace_drops(const struct erc__trace *trace);
enum erc_status erc__trace_save(const struct erc__trace *trace, const char *path);
void erc__trace_free(struct erc__trace *trace);

#endif
