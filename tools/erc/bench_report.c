/* `erc bench --workload`: the report. It has a table for each load with a row for each policy, a sentence for each
 * row that says whether RT was protected, and what all figures are relative to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/erc/bench_run.h"

/* RT counts as protected if BE costs it at most this. */
#define MAX_SLOWDOWN 1.05 /* of the mean latency, relative to RT alone */
#define MAX_LOST 0.01     /* of the requests that RT alone completes in time, as a share of all */

static const double valid_factors[] = {1.5, 2, 3, 5}; /* goodput_1_5 ... goodput_5 of the columns */

static const struct column client_columns[] = {
	{"name", "client", CELL_TEXT}, {"class", "class", CELL_TEXT},    {"model", "model", CELL_TEXT},
	{"load", "load", CELL_TEXT},   {"service_us", "alone", CELL_US}, {"valid_us", "valid", CELL_US},
};

static const struct column columns[] = {
#define COLUMN(key, heading, kind, value) {key, heading, kind},
#define TEXT_COLUMN(key, heading, value) {key, heading, CELL_TEXT},
#include "tools/erc/bench_columns.def"
#undef COLUMN
#undef TEXT_COLUMN
};

/* ---- one cell: a policy at a load ---- */

struct totals {
	struct outcome solo, shared;            /* over all RT clients */
	uint64_t in_time, solo_in_time;         /* RT requests within their client's valid time */
	uint64_t good[COUNT_OF(valid_factors)]; /* the same for other valid times, for clients without deadline_us */
	double be_completed;
	uint64_t be_preemptions;
	uint32_t be_clients, rt_units; /* rt_units: the maximum number of units of any RT client that ran alone */
};

static void add_totals(const struct bench_run *run, const struct cell_figures *cell, struct totals *t)
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
		/* The same valid time for every policy: a multiple of the median run alone on the whole device. */
		for (size_t k = 0; k < COUNT_OF(valid_factors); k++) {
			double valid_us = client->deadline_us ? run->valid_us[i] : valid_factors[k] * run->service_us[i];
			t->good[k] += series_count_within(&shared->latency, valid_us);
		}
	}
}

static double share(uint64_t part, uint64_t whole)
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

/* A sentence for a reader who does not know the columns. */
static char *verdict(const struct bench_run *run, const struct cell_figures *cell, const struct totals *t)
{
	double in_time = share(t->in_time, t->shared.arrivals), solo = share(t->solo_in_time, t->solo.arrivals);
	double slowdown = series_median(&cell->mean_ratio);
	char *be = be_verdict(run, cell, t), *count = grouped(t->shared.arrivals), *held = NULL, *out;
	if (t->solo.max_units && t->solo.max_units < t->rt_units)
		held = memory_printf(", on %u of %u units", t->solo.max_units, t->rt_units);
	if (!t->shared.arrivals) {
		out = memory_printf("no RT request arrived%s", be);
	} else if (!cell->mean_ratio.count) {
		out = memory_printf("no RT request was run, of %s that arrived%s", count, be);
	} else {
		const char *was = held ? "protected from BE" : "protected";
		if (!t->be_clients)
			was = "alone";
		else if (slowdown > MAX_SLOWDOWN || in_time < solo - MAX_LOST)
			was = "not protected";
		out = memory_printf("RT was %s: %.1f %% of %s requests in time (RT alone: %.1f %%), "
		                    "mean latency %.2fx of RT alone%s%s",
		                    was, in_time * 100, count, solo * 100, slowdown, held ? held : "", be);
	}
	free(be);
	free(count);
	free(held);
	return out;
}

/* A percentile; no value if the series is empty. */
static double percentile(const struct series *series, double rank)
{
	return series->count ? series_percentile(series, rank) : NAN;
}

static double mean_of(const struct series *series)
{
	return series->count ? series_mean(series) : NAN;
}

/* Returns the verdict, which the caller frees. */
static char *report_row(struct report *report, const struct bench_run *run, uint32_t load, uint32_t policy)
{
	const struct cell_figures *cell = &run->cells[load * run->policy_count + policy];
	struct totals t = {0};
	add_totals(run, cell, &t);
	char *text = verdict(run, cell, &t);
#define COLUMN(key, heading, kind, value) report_cell(report, key, value);
#define TEXT_COLUMN(key, heading, value) report_cell_text(report, key, "%s", value);
#include "tools/erc/bench_columns.def"
#undef COLUMN
#undef TEXT_COLUMN
	outcome_free(&t.solo);
	outcome_free(&t.shared);
	return text;
}

/* ---- the whole ---- */

static void report_load(struct report *report, const struct bench_run *run, uint32_t load)
{
	char **verdicts = memory_new(run->policy_count * sizeof *verdicts);
	if (run->loads[load] > 0)
		report_table_titled(report, "loads", columns, COUNT_OF(columns),
		                    "RT alone busy %.0f %% of the time (rates x %.4g)", run->loads[load] * 100,
		                    run->scales[load]);
	else
		report_table_titled(report, "loads", columns, COUNT_OF(columns), "rates as the workload gives them");
	for (uint32_t p = 0; p < run->policy_count; p++)
		verdicts[p] = report_row(report, run, load, p);
	report_section(report, NULL, NULL);
	for (uint32_t p = 0; p < run->policy_count; p++) {
		report_fact_text(report, NULL, run->policies[p].name, "%s", verdicts[p]);
		free(verdicts[p]);
	}
	free(verdicts);
}

static void report_legend(struct report *report)
{
	static const char *const lines[][2] = {
		{"RT, BE", "real-time and best-effort clients. Slices of RT alone, of RT beside BE, and of BE alone alternate; "
	               "every policy gets the same arrivals."},
		{"in time", "share of the RT requests that ended within their client's valid time, counted from when they were "
	                "due. Those that were late, refused or dropped did not."},
		{"goodput/s", "RT requests in time, per second."},
		{"RT mean, p90", "latency of RT requests beside BE, relative to RT alone under the same policy: mean and 90th "
	                     "percentile, median of the rounds. Counted from when a request was due, or from the end of "
	                     "its client's earlier request if that is later."},
		{"p99", "the same for the 99th percentile. With a unit: the time itself, beside BE."},
		{"BE", "BE requests per second, relative to BE alone on the whole device."},
		{"of room",
	     "the same, divided by the share of the device's unit time that RT left: 1 means that BE used all of it."},
	};
	report_section(report, NULL, "what the columns mean");
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		report_fact_text(report, NULL, lines[i][0], "%s", lines[i][1]);
	report_fact_text(report, NULL, "protected",
	                 "BE made RT's mean latency at most %.2f times as long as alone, and "
	                 "cost RT at most %.0f percentage point of its requests in time.",
	                 MAX_SLOWDOWN, MAX_LOST * 100);
}

/* How late the driver woke; adds a sentence if it was ever late. */
static void report_stalls(struct report *report, const struct bench_run *run)
{
	struct series all = {0};
	double stalls = 0, stalled_us = 0;
	series_append(&all, &run->reference.stage.oversleep);
	for (uint32_t p = 0; p < run->policy_count; p++)
		series_append(&all, &run->policies[p].stage.oversleep);
	for (size_t i = 0; i < all.count; i++)
		if (all.values[i] > 1000) {
			stalls++;
			stalled_us += all.values[i];
		}
	double p50 = series_median(&all), p99 = series_percentile(&all, 0.99), max = series_percentile(&all, 1);
	report_section(report, "wakeups", NULL);
	report_fact(report, "p50_us", NULL, CELL_US, p50);
	report_fact(report, "p99_us", NULL, CELL_US, p99);
	report_fact(report, "most_us", NULL, CELL_US, max);
	report_fact(report, "count", NULL, CELL_COUNT, (double)all.count);
	report_fact(report, "stalls", NULL, CELL_COUNT, stalls);
	report_fact(report, "stalled_us", NULL, CELL_US, stalled_us);
	report_section(report, NULL, "how far to trust it");
	if (max > 0)
		report_fact_text(report, NULL, "this machine",
		                 "the driver woke %.2f ms late at the median, %.2f ms at the 99th "
		                 "percentile and %.2f ms at most; %.0f of %zu times more than 1 ms. Whatever stalls it may "
		                 "stall "
		                 "requests too.",
		                 p50 / 1e3, p99 / 1e3, max / 1e3, stalls, all.count);
	if (!erc_runtime_computes(run->reference.stage.runtime))
		report_fact_text(report, NULL, "device", "virtual: times are the artifacts' predictions%s, not measurements.",
		                 run->options->contention ? ", with contention" : ", without contention");
	report_fact_text(report, NULL, "p99", "with few requests it is one of the longest; see the number of requests.");
	series_free(&all);
}

static void report_clients(struct report *report, const struct bench_run *run)
{
	static const char *const names[] = {"closed", "periodic", "poisson", "trace"};
	report_table(report, "clients", "clients: median latency alone on the whole device, and valid time", client_columns,
	             COUNT_OF(client_columns));
	for (uint32_t i = 0; i < run->workload.count; i++) {
		const struct client *client = &run->workload.clients[i];
		report_cell_text(report, "name", "%s", client->name);
		report_cell_text(report, "class", "%s", client->class_ == ERC_REAL_TIME ? "rt" : "be");
		report_cell_text(report, "model", "%s", client->model);
		if (client->kind == LOAD_CLOSED)
			report_cell_text(report, "load", "closed, %u", client->in_flight);
		else
			report_cell_text(report, "load", "%s, %.6g/s", names[client->kind], client_rate(client));
		report_cell(report, "service_us", run->service_us[i]);
		report_cell(report, "valid_us", client->class_ == ERC_REAL_TIME ? run->valid_us[i] : NAN);
	}
}

void bench_print(const struct bench_run *run, enum format format)
{
	struct report *report = report_new("erc.bench-workload/1");
	struct text_list keys = {0}; /* borrowed by the report */
	erc_runtime *runtime = run->policies[0].stage.runtime;
	report_fact_text(report, "workload", "workload", "%s", run->workload.name);
	report_fact_text(report, "target", "target", "%s", erc_runtime_target(runtime));
	report_fact(report, "units", "units", CELL_COUNT, erc_runtime_units(runtime));
	report_fact(report, "slice_seconds", "slice (s)", CELL_NUMBER, run->seconds);
	report_fact(report, "rounds", "rounds", CELL_COUNT, run->options->rounds);
	report_fact_text(report, "arrivals", "arrivals", "%s", run->options->arrivals ? run->options->arrivals : "open");
	report_fact(report, "seed", "seed", CELL_COUNT, run->options->seed);
	for (uint32_t i = 0; i < run->workload.count; i++) {
		char *key = memory_printf("service_us.%s", run->workload.clients[i].name);
		text_list_add(&keys, key);
		free(key);
		report_fact(report, keys.items[i], NULL, CELL_US, run->service_us[i]);
	}
	report_clients(report, run);
	for (uint32_t load = 0; load < run->load_count; load++)
		report_load(report, run, load);
	report_legend(report);
	report_stalls(report, run);
	report_print(report, format, stdout);
	report_free(report);
	text_list_free(&keys);
}
