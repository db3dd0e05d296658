/* The trace. Appending an event takes three atomic operations while the trace is on. Writing produces Chrome trace
 * JSON, with a track for each unit (what it served, and when) and one for each session (its requests, launches and
 * rooms). */
#include "runtime/base/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/internal.h"

#define UNITS_PID 1 /* "processes" of the trace group its tracks */
#define SESSIONS_PID 2
#define MAX_UNITS 2048 /* threads */

static void put(struct erc__tape *tape, const struct erc__event *from, enum erc__event_kind kind)
{
	uint32_t slot = atomic_load_explicit(&tape->next, memory_order_relaxed);
	do
		if (slot == UINT32_MAX)
			return; /* the count of dropped events is at its maximum */
	while (!atomic_compare_exchange_weak_explicit(&tape->next, &slot, slot + 1, memory_order_relaxed,
	                                              memory_order_relaxed));
	if (slot >= tape->capacity)
		return;
	struct erc__event *event = &tape->events[slot];
	event->ns = from->ns;
	event->session = from->session;
	event->unit = from->unit;
	event->value = from->value;
	atomic_store_explicit(&event->kind, (uint32_t)kind + 1, memory_order_release);
}

/* A writer is counted before it reads the tape; the tape is replaced before the writers are counted. So one of the
 * two sees the other, and nobody writes to a tape that is being freed. Nobody waits for a writer, because the system
 * may have stopped it. */
void erc__trace_append(struct erc__trace *trace, enum erc__event_kind kind, uint64_t ns, uint32_t session,
                       uint32_t unit, uint32_t value)
{
	const struct erc__event event = {.ns = ns, .session = session, .unit = unit, .value = value};
	atomic_fetch_add_explicit(&trace->writers, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&trace->on, memory_order_seq_cst))
		put(atomic_load_explicit(&trace->tape, memory_order_seq_cst), &event, kind);
	atomic_fetch_sub_explicit(&trace->writers, 1, memory_order_release);
}

void erc__trace_name(struct erc__trace *trace, uint32_t session, const char *name)
{
	if (session < ERC__TRACE_NAMES)
		snprintf(trace->names[session], sizeof trace->names[0], "%s", name ? name : "");
}

static void free_older(struct erc__tape *tape)
{
	while (tape->older) {
		struct erc__tape *older = tape->older;
		tape->older = older->older;
		erc__free(older);
	}
}

enum erc_status erc__trace_begin(struct erc__trace *trace, uint32_t events)
{
	if (!events)
		return erc__fail(ERC_INVALID, "events is 0; a trace needs at least 1");
	if (erc__trace_is_on(trace))
		return erc__fail(ERC_BUSY, "the trace is on; stop it first");
	struct erc__tape *fresh = erc__alloc(sizeof *fresh + (size_t)events * sizeof fresh->events[0]);
	if (!fresh)
		return erc__no_memory("trace", (size_t)events * sizeof fresh->events[0]);
	fresh->capacity = events;
	fresh->older = atomic_load(&trace->tape);
	atomic_store(&trace->tape, fresh);
	if (!atomic_load(&trace->writers)) /* else the next call frees them */
		free_older(fresh);
	atomic_store(&trace->on, 1);
	return ERC_OK;
}

uint64_t erc__trace_drops(const struct erc__trace *trace)
{
	const struct erc__tape *tape = atomic_load(&trace->tape);
	uint32_t next = tape ? atomic_load(&tape->next) : 0;
	return tape && next > tape->capacity ? next - tape->capacity : 0;
}

void erc__trace_free(struct erc__trace *trace)
{
	struct erc__tape *tape = atomic_load(&trace->tape);
	if (tape)
		free_older(tape);
	erc__free(tape);
	atomic_store(&trace->tape, NULL);
}

/* ---- JSON ---- */

struct printer {
	FILE *out;
	const struct erc__trace *trace;
	uint64_t first_ns;
	bool is_first;
	/* Since when each unit has served its session; 0: it serves none. */
	uint64_t since_ns[MAX_UNITS];
	uint32_t serves[MAX_UNITS];
};

/* The number of bytes of the UTF-8 character at `text`; 0: there is none. */
static int utf8_bytes(const unsigned char *text)
{
	int bytes = text[0] < 0x80   ? 1
	            : text[0] < 0xc2 ? 0
	            : text[0] < 0xe0 ? 2
	            : text[0] < 0xf0 ? 3
	            : text[0] < 0xf5 ? 4
	                             : 0;
	for (int i = 1; i < bytes; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* longer forms than needed, surrogates, and what is above U+10FFFF */
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return bytes;
}

/* Text in a JSON string. A byte that is not part of a UTF-8 character becomes the character with that
 * number. */
static void print_text(FILE *out, const char *text)
{
	for (int bytes; *text; text += bytes ? bytes : 1) {
		unsigned char c = (unsigned char)*text;
		bytes = utf8_bytes((const unsigned char *)text);
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || !bytes)
			fprintf(out, "\\u%04x", c);
		else
			fwrite(text, 1, (size_t)bytes, out);
	}
}

static const char *session_name(const struct printer *printer, uint32_t session, char *buffer, size_t bytes)
{
	if (session < ERC__TRACE_NAMES && printer->trace->names[session][0])
		return printer->trace->names[session];
	snprintf(buffer, bytes, "session %" PRIu32, session);
	return buffer;
}

/* Opens an event object. The caller adds further members, each with a comma before it, and closes it. */
static void open_event(struct printer *printer, const char *phase, const char *name, uint64_t ns, uint32_t pid,
                       uint32_t tid)
{
	fprintf(printer->out, "%s\n{\"ph\":\"%s\",\"name\":\"", printer->is_first ? "" : ",", phase);
	printer->is_first = 0;
	print_text(printer->out, name);
	fprintf(printer->out, "\",\"ts\":%.3f,\"pid\":%" PRIu32 ",\"tid\":%" PRIu32,
	        (double)(ns - printer->first_ns) / 1000, pid, tid);
}

static void print_name(struct printer *printer, const char *what, uint32_t pid, uint32_t tid, const char *name)
{
	open_event(printer, "M", what, printer->first_ns, pid, tid);
	fprintf(printer->out, ",\"args\":{\"name\":\"");
	print_text(printer->out, name);
	fprintf(printer->out, "\"}}");
}

static void end_slice(struct printer *printer, uint32_t unit, uint64_t end_ns, bool is_preempted)
{
	char buffer[32];
	if (unit >= MAX_UNITS || !printer->since_ns[unit])
		return;
	uint64_t since_ns = printer->since_ns[unit];
	open_event(printer, "X", session_name(printer, printer->serves[unit], buffer, sizeof buffer), since_ns, UNITS_PID,
	           unit);
	fprintf(printer->out, ",\"dur\":%.3f,\"args\":{\"preempted\":%s}}", (double)(end_ns - since_ns) / 1000,
	        is_preempted ? "true" : "false");
	printer->since_ns[unit] = 0;
}

static void print_unit_event(struct printer *printer, const struct erc__event *event, enum erc__event_kind kind)
{
	if (kind == ERC__EVENT_LEAVE || kind == ERC__EVENT_PREEMPT) {
		end_slice(printer, event->unit, event->ns, kind == ERC__EVENT_PREEMPT);
	} else if (event->unit < MAX_UNITS) {
		printer->since_ns[event->unit] = event->ns ? event->ns : 1;
		printer->serves[event->unit] = event->session;
	}
}

static void print_session_event(struct printer *printer, const struct erc__event *event, enum erc__event_kind kind)
{
	static const char *const names[ERC__EVENT_COUNT] = {
		[ERC__EVENT_ARRIVAL] = "arrival", [ERC__EVENT_ADMIT] = "admit",         [ERC__EVENT_SHED] = "shed",
		[ERC__EVENT_LAUNCH] = "launch",   [ERC__EVENT_RESUME] = "resume",       [ERC__EVENT_PREEMPT] = "preempt",
		[ERC__EVENT_DONE] = "done",       [ERC__EVENT_ITERATION] = "iteration",
	};
	char buffer[32], name[48];
	if (kind == ERC__EVENT_ROOM) {
		snprintf(name, sizeof name, "room of %s", session_name(printer, event->session, buffer, sizeof buffer));
		open_event(printer, "C", name, event->ns, SESSIONS_PID, event->session);
		fprintf(printer->out, ",\"args\":{\"units\":%" PRIu32 "}}", event->value);
	} else if (names[kind]) {
		open_event(printer, "i", names[kind], event->ns, SESSIONS_PID, event->session);
		fprintf(printer->out, ",\"s\":\"t\",\"args\":{\"value\":%" PRIu32 "}}", event->value);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct erc__event *x = *(struct erc__event *const *)a, *y = *(struct erc__event *const *)b;
	return x->ns != y->ns ? (x->ns > y->ns) - (x->ns < y->ns) : (x > y) - (x < y);
}

static void print_events(struct printer *printer, struct erc__event *const *events, uint32_t count)
{
	uint32_t sessions = 0, units = 0;
	char buffer[48];
	uint64_t last_ns = count ? events[count - 1]->ns : 0;
	for (uint32_t i = 0; i < count; i++) {
		enum erc__event_kind kind = (enum erc__event_kind)(atomic_load(&events[i]->kind) - 1);
		if (events[i]->unit != UINT32_MAX) {
			units = events[i]->unit >= units ? events[i]->unit + 1 : units;
			print_unit_event(printer, events[i], kind);
		}
		sessions = events[i]->session >= sessions ? events[i]->session + 1 : sessions;
		print_session_event(printer, events[i], kind);
	}
	for (uint32_t i = 0; i < units && i < MAX_UNITS; i++) {
		end_slice(printer, i, last_ns, 0);
		bool is_second = printer->trace->units && i >= printer->trace->units;
		snprintf(buffer, sizeof buffer, "unit %" PRIu32 "%s", is_second ? i - printer->trace->units : i,
		         is_second ? ", best effort" : "");
		print_name(printer, "thread_name", UNITS_PID, i, buffer);
	}
	for (uint32_t i = 0; i < sessions; i++) {
		char other[32];
		print_name(printer, "thread_name", SESSIONS_PID, i, session_name(printer, i, other, sizeof other));
	}
	print_name(printer, "process_name", UNITS_PID, 0, "units");
	print_name(printer, "process_name", SESSIONS_PID, 0, "sessions");
}

static enum erc_status print_trace(const struct erc__trace *trace, FILE *out)
{
	struct erc__tape *tape = atomic_load(&trace->tape);
	uint32_t next = atomic_load(&tape->next), max = next < tape->capacity ? next : tape->capacity, count = 0;
	struct printer *printer = erc__alloc(sizeof *printer);
	struct erc__event **events = erc__alloc(((size_t)max + 1) * sizeof *events);
	if (!printer || !events) {
		erc__free(printer);
		erc__free(events);
		return erc__no_memory("trace", ((size_t)max + 1) * sizeof *events);
	}
	for (uint32_t i = 0; i < max; i++)
		if (atomic_load_explicit(&tape->events[i].kind, memory_order_acquire))
			events[count++] = &tape->events[i];
	qsort(events, count, sizeof *events, by_time);
	*printer = (struct printer){.out = out, .trace = trace, .first_ns = count ? events[0]->ns : 0, .is_first = 1};
	fprintf(out, "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"dropped\":%" PRIu64 "},\"traceEvents\":[",
	        erc__trace_drops(trace));
	print_events(printer, events, count);
	fprintf(out, "\n]}\n");
	erc__free(printer);
	erc__free(events);
	return ERC_OK;
}

enum erc_status erc__trace_save(const struct erc__trace *trace, const char *path)
{
	if (!atomic_load(&trace->tape))
		return erc__fail(ERC_INVALID, "there is no trace; erc_trace_start begins one");
	if (erc__trace_is_on(trace))
		return erc__fail(ERC_BUSY, "the trace is on; stop it first");
	FILE *out = fopen(path, "w");
	if (!out)
		return erc__fail(ERC_IO, "%s: %s", path, strerror(errno));
	enum erc_status status = print_trace(trace, out);
	int failed = ferror(out);
	if (fclose(out) || failed)
		return erc__fail(ERC_IO, "%s: %s", path, strerror(errno));
	return status;
}
