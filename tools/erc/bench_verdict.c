/* `erc bench --workload`: what a policy did at a load, in sentences: whether RT was protected, what BE got, and whether
 * the figures can be relied on. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/bench_run.h"

/* RT counts as protected if BE costs it at most this. */
#define MAX_SLOWDOWN 1.05 /* of the mean latency, relative to RT alone */
#define MAX_LOST 0.01     /* of the requests that RT alone completes in time, as a share of all */
#define MIN_SOLO 0.5      /* RT alone in time: below this, requests in time say nothing */
/* Beyond these limits the report has a warning. */
#define GOOD_SOLO 0.9    /* RT alone in time */
#define MIN_SLOWDOWN 0.9 /* RT's mean latency, relative to RT alone */
#define MIN_REQUESTS 50
#define MAX_ROOM 1.1 /* BE's share of the room that RT left */
#define MIN_ROOM 0.1 /* the room, as a share of the device */

static const double valid_factors[VALID_FACTORS] = {1.5, 2, 3, 5};

void totals_add(const struct bench_run *run, const struct cell_figures *cell, struct totals *t)
{
	for (uint32_t i = 0; i < run->workload.count; i++) {
		const struct outcome *solo = &cell->solo[i], *shared = &cell->shared[i];
		const struct client *client = &run->workload.clients[i];
		if (client->class_ == ERC_BEST_EFFORT) {
			t->be_clients++;
			t->be_completed += shared->completed;
			t->be_preemptions += shared->preemptions;
			continue;
		}
		outcome_add(&t->solo, solo);
		outcome_add(&t->shared, shared);
		t->in_time += series_count_within(&shared->latency, run->valid_us[i]);
		t->solo_in_time += series_count_within(&solo->latency, run->valid_us[i]);
		t->rt_units = run->max_units[i] > t->rt_units ? run->max_units[i] : t->rt_units;
		/* The same valid time for every policy: a multiple of the median alone on the whole device. */
		for (size_t k = 0; k < VALID_FACTORS; k++) {
			double valid_us = client->deadline_us ? run->valid_us[i] : valid_factors[k] * run->paced_us[i];
			t->good[k] += series_count_within(&shared->latency, valid_us);
		}
	}
}

void totals_free(struct totals *t)
{
	outcome_free(&t->solo);
	outcome_free(&t->shared);
}

double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

/* "1,234,567" */
static char *grouped(uint64_t number)
{
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
	char *out = memory_new((size_t)length * 2), *at = out;
	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	return out;
}

/* "; BE got 0.95 of the room that RT left." */
static char *be_verdict(const struct bench_run *run, const struct cell_figures *cell, const struct totals *t)
{
	if (!t->be_clients)
		return memory_printf("; there is no BE client.");
	if (!(cell->available > 0))
		return memory_printf("; RT left BE no room.");
	return memory_printf("; BE got %.2f of the room that RT left (%.0f %% of the device).",
	                     series_median(&cell->be_share_ratio), cell->available / run->options->rounds * 100);
}

/* What BE did to RT, given that RT requests were run. */
static char *rt_verdict(const struct cell_figures *cell, const struct totals *t)
{
	double in_time = share(t->in_time, t->shared.arrivals), solo = share(t->solo_in_time, t->solo.arrivals);
	double slowdown = series_median(&cell->mean_ratio);
	char *count = grouped(t->shared.arrivals), *held = NULL, *out;
	if (t->solo.max_units && t->solo.max_units < t->rt_units)
		held = memory_printf(", on %u of %u units", t->solo.max_units, t->rt_units);
	const char *was = held ? "RT was protected from BE" : "RT was protected";
	if (!t->be_clients)
		was = "RT was alone";
	else if (slowdown > MAX_SLOWDOWN || in_time < solo - MAX_LOST)
		was = "RT was not protected";
	else if (solo < MIN_SOLO)
		was = "nothing can be said of RT";
	out =
		memory_printf("%s: %.1f %% of %s requests in time (RT alone: %s%.1f %%), mean latency %.2fx of RT alone%s", was,
	                  in_time * 100, count, solo < MIN_SOLO ? "only " : "", solo * 100, slowdown, held ? held : "");
	free(count);
	free(held);
	return out;
}

char *bench_verdict(const struct bench_run *run, const struct cell_figures *cell, const struct totals *t)
{
	char *be = be_verdict(run, cell, t), *rt, *count = grouped(t->shared.arrivals);
	if (!t->shared.arrivals)
		rt = memory_printf("no RT request arrived");
	else if (!cell->mean_ratio.count)
		rt = memory_printf("no RT request was run, of %s that arrived", count);
	else
		rt = rt_verdict(cell, t);
	char *out = memory_printf("%s%s", rt, be);
	free(be);
	free(rt);
	free(count);
	return out;
}

/* Adds a sentence to *text. */
static void add_sentence(char **text, char *sentence)
{
	char *both = memory_printf("%s%s%s", *text, **text ? " " : "", sentence);
	free(*text);
	free(sentence);
	*text = both;
}

char *bench_warning(const struct bench_run *run, const struct cell_figures *cell, const struct totals *t)
{
	char *text = memory_printf("%s", "");
	double solo = share(t->solo_in_time, t->solo.arrivals), left = cell->available / run->options->rounds;
	if (t->shared.arrivals && t->shared.arrivals < MIN_REQUESTS)
		add_sentence(&text, memory_printf("Only %u RT requests: chance decides much. More rounds, longer slices or "
		                                  "higher rates give more.",
		                                  (unsigned)t->shared.arrivals));
	if (t->solo.latency.count && solo < GOOD_SOLO)
		add_sentence(&text,
		             memory_printf("RT alone had only %.1f %% in time: its valid time is too short, or its rates "
		                           "are too high. A longer deadline_us or valid_factor, or a lower load, would "
		                           "say more.",
		                           solo * 100));
	if (t->be_clients && cell->mean_ratio.count && series_median(&cell->mean_ratio) < MIN_SLOWDOWN)
		add_sentence(&text,
		             memory_printf("RT was faster beside BE than alone, so what it is compared with was disturbed: "
		                           "by units that had fallen asleep, or by other programs."));
	if (cell->be_share_ratio.count && (series_median(&cell->be_share_ratio) > MAX_ROOM || left < MIN_ROOM))
		add_sentence(&text, memory_printf("BE's share of the room is not to be trusted: see 'of room'."));
	return text;
}

char *bench_verdict_legend(void)
{
	return memory_printf("BE made RT's mean latency at most %.2f times as long as alone, and cost RT at most %.0f "
	                     "percentage point of its requests in time. Where BE did no harm, but RT alone had less than "
	                     "%.0f %% in "
	                     "time, nothing can be said.",
	                     MAX_SLOWDOWN, MAX_LOST * 100, MIN_SOLO * 100);
}

char *bench_room_legend(void)
{
	return memory_printf("the same, divided by the share of the device's unit time that RT left: 1 means that BE used "
	                     "all of it. BE alone is run under %.*s. More than 1 is possible: where BE alone leaves "
	                     "units idle, it loses less beside RT than RT takes. Above %.1f, BE alone was disturbed or "
	                     "cannot fill the device, and where RT leaves less than %.0f %%, small errors count much: do "
	                     "not trust it then.",
	                     (int)strcspn(erc_policy_names(), ", "), erc_policy_names(), MAX_ROOM, MIN_ROOM * 100);
}
