/* The probe of bench_preempt on a device with a clock of its own: a model of one launch. Each of its tiles records when
 * it began and on which unit, and keeps its unit busy for a while, so that each granted unit takes one tile. It is the
 * model maker's `cumsum` with the kernel of tests/gpu/probe instead of the real one, then converted by probe_artifact.
 *
 * How the device's timer is converted to the host's clock: a tile begins after its request was submitted, and its
 * spinning ends before the request is seen to have finished. This bounds the difference. Both clocks drift, so each
 * stretch of events has its own bounds. */
#ifndef ERC_BENCH_PROBE_H
#define ERC_BENCH_PROBE_H

#include <stdint.h>
#include <stdlib.h>

#define PROBE_ROWS 32    /* rows of a tile: the first holds the time, the second the unit */
#define PROBE_TICK_NS 32 /* unit of the time that a tile records; it wraps after 137 s */
#define PROBE_STRETCH 50 /* events */

struct probe_note {
	uint64_t submitted_ns, finished_ns;
	uint64_t first_ns, last_ns; /* when the first and the last unit began, by the device's timer */
	int are_all;                /* all units had a tile */
	uint64_t offset_ns;         /* from the device's timer to host time: not less than the true offset */
};

struct probe_clock {
	struct probe_note *notes;
	uint32_t count;
	uint32_t origin; /* ticks */
};

/* words: of the output. */
static inline void probe_note(struct probe_clock *clock, const uint32_t *words, uint32_t count, uint32_t units,
                              uint64_t submitted_ns, uint64_t finished_ns)
{
	struct probe_note *note = &clock->notes[clock->count];
	uint32_t tiles = count / PROBE_ROWS, seen = 0;
	if (!clock->count)
		clock->origin = words[0];
	/* the time of the note before it, which tells how often the ticks have wrapped */
	uint64_t before = clock->count ? note[-1].last_ns / PROBE_TICK_NS : 0;
	*note = (struct probe_note){.submitted_ns = submitted_ns, .finished_ns = finished_ns, .first_ns = UINT64_MAX};
	for (uint32_t i = 0; i < tiles; i++) {
		int64_t ahead = (int32_t)(words[i * PROBE_ROWS] - clock->origin - (uint32_t)before);
		uint64_t at_ns = (uint64_t)((int64_t)before + ahead) * PROBE_TICK_NS;
		uint32_t is_new = 1;
		for (uint32_t k = 0; k < i; k++)
			is_new &= words[k * PROBE_ROWS + 1] != words[i * PROBE_ROWS + 1];
		seen += is_new;
		if ((int64_t)at_ns < (int64_t)note->first_ns || note->first_ns == UINT64_MAX)
			note->first_ns = at_ns;
		if (i == 0 || (int64_t)at_ns > (int64_t)note->last_ns)
			note->last_ns = at_ns;
	}
	note->are_all = seen >= units;
	clock->count++;
}

/* Sets the offsets; returns the mean width of their bounds: the result of probe_host_ns may be too late by that
 * much. */
static inline double probe_calibrate(struct probe_clock *clock, uint64_t spin_ns)
{
	double sum_us = 0;
	uint32_t stretches = 0;
	for (uint32_t from = 0; from < clock->count; from += PROBE_STRETCH, stretches++) {
		uint32_t end = from + PROBE_STRETCH < clock->count ? from + PROBE_STRETCH : clock->count;
		int64_t least = INT64_MIN, most = INT64_MAX;
		for (uint32_t i = from; i < end; i++) {
			const struct probe_note *note = &clock->notes[i];
			int64_t low = (int64_t)(note->submitted_ns - note->first_ns),
					high = (int64_t)(note->finished_ns - spin_ns - note->last_ns);
			least = low > least ? low : least;
			most = high < most ? high : most;
		}
		for (uint32_t i = from; i < end; i++)
			clock->notes[i].offset_ns = (uint64_t)most;
		sum_us += (double)(most - least) / 1e3;
	}
	return stretches ? sum_us / stretches : 0;
}

/* When the first unit began, or the last; 0: not all did. */
static inline uint64_t probe_host_ns(const struct probe_clock *clock, uint32_t event, int is_last)
{
	const struct probe_note *note = &clock->notes[event];
	return is_last && !note->are_all ? 0 : note->offset_ns + (is_last ? note->last_ns : note->first_ns);
}

#endif
