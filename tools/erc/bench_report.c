/* `erc bench --workload`: the report. It has a table for each load with a row for each policy, a sentence for each
 * row that says whether RT was protected, and what all figures are relative to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/erc/bench_run.h"

static const struct column client_columns[] = {
	{"name", "client", CELL_TEXT},  {"class", "class", CELL_TEXT},    {"model", "model", CELL_TEXT},
	{"load", "load", CELL_TEXT},    {"service_us", "alone", CELL_US}, {"paced_us", "paced", CELL_US},
	{"valid_us", "valid", CELL_US},
};

static const struct column columns[] = {
#define COLUMN(key, heading, kind, value) {key, heading, kind},
#define GIVEN_COLUMN COLUMN
#define TEXT_COLUMN(key, heading, value) {key, heading, CELL_TEXT},
#include "tools/erc/bench_columns.def"
#undef COLUMN
#undef GIVEN_COLUMN
#undef TEXT_COLUMN
};

/* ---- one cell: a policy at a load ---- */

/* A percentile; no value if the series is empty. */
static double percentile(const struct series *series, double rank)
{
	return series->count ? series_percentile(series, rank) : NAN;
}

static double mean_of(const struct series *series)
{
	return series->count ? series_mean(series) : NAN;
}

/* Returns the verdict with its warning, which the caller frees. A policy that the device refused has no figures. */
static char *report_row(struct report *report, const struct bench_run *run, uint32_t load, uint32_t policy)
{
	const struct cell_figures *cell = &run->cells[load * run->policy_count + policy];
	const char *refused = run->policies[policy].refused;
	struct totals t = {0};
	totals_add(run, cell, &t);
	char *text = refused ? memory_printf("cannot run on this device: %s", refused) : bench_verdict(run, cell, &t);
	char *warning = refused ? memory_printf("%s", "") : bench_warning(run, cell, &t);
#define COLUMN(key, heading, kind, value) report_cell(report, key, refused ? NAN : (value));
#define GIVEN_COLUMN(key, heading, kind, value) report_cell(report, key, value);
#define TEXT_COLUMN(key, heading, value) report_cell_text(report, key, "%s", value);
#include "tools/erc/bench_columns.def"
#undef COLUMN
#undef GIVEN_COLUMN
#undef TEXT_COLUMN
	char *both = memory_printf("%s%s%s", text, *warning ? " Warning: " : "", warning);
	free(text);
	free(warning);
	totals_free(&t);
	return both;
}

/* ---- the whole ---- */

/* Whether an RT client is a closed loop. What RT offers then has no bound. */
static bool has_closed_real_time(const struct workload *workload)
{
	bool found = false;
	for (uint32_t i = 0; i < workload->count; i++)
		found |= workload->clients[i].class_ == ERC_REAL_TIME && workload->clients[i].kind == LOAD_CLOSED;
	return found;
}

static void report_load(struct report *report, const struct bench_run *run, uint32_t load)
{
	char **verdicts = memory_new(run->policy_count * sizeof *verdicts);
	if (run->loads[load] > 0 && has_closed_real_time(&run->workload))
		report_table_titled(report, "loads", columns, COUNT_OF(columns),
		                    "rates x %.4g, beside RT clients in a closed loop", run->scales[load]);
	else if (run->loads[load] > 0)
		report_table_titled(report, "loads", columns, COUNT_OF(columns),
		                    "RT offers %.0f %% of the device's time (rates x %.4g)", run->loads[load] * 100,
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
		{"alone, paced",
	     "median latency alone on the whole device, in a closed loop; and counted from when a request is "
	     "due, with pauses between requests, after which units and this program must wake."},
		{"valid", "an RT request is in time if it ends so soon after it was due: deadline_us, or valid_factor times "
	              "paced (of a closed loop: alone)."},
		{"RT offers", "RT requests per second times their latency alone. More than 100 % cannot all be served."},
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
	};
	char *room = bench_room_legend(), *protected_ = bench_verdict_legend();
	report_section(report, NULL, "what the columns mean");
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		report_fact_text(report, NULL, lines[i][0], "%s", lines[i][1]);
	report_fact_text(report, NULL, "of room", "%s", room);
	report_fact_text(report, NULL, "protected", "%s", protected_);
	free(room);
	free(protected_);
}

/* Deadlines that a client cannot meet even alone. */
static void report_short_times(struct report *report, const struct bench_run *run)
{
	for (uint32_t i = 0; i < run->workload.count; i++)
		if (run->workload.clients[i].class_ == ERC_REAL_TIME && run->valid_us[i] < run->paced_us[i])
			report_fact_text(report, NULL, "valid time",
			                 "'%s' is to end within %.6g us, but takes %.6g us alone: give it a deadline_us above "
			                 "that.",
			                 run->workload.clients[i].name, run->valid_us[i], run->paced_us[i]);
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
	report_short_times(report, run);
	report_fact_text(report, NULL, "p99", "with few requests it is one of the longest; see the number of requests.");
	series_free(&all);
}

static void report_clients(struct report *report, const struct bench_run *run)
{
	static const char *const names[] = {"closed", "periodic", "poisson", "trace"};
	report_table(report, "clients", "clients: median latency alone, in a closed loop and paced; valid time",
	             client_columns, COUNT_OF(client_columns));
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
		report_cell(report, "paced_us", is_paced(client) ? run->paced_us[i] : NAN);
		report_cell(report, "valid_us", client->class_ == ERC_REAL_TIME ? run->valid_us[i] : NAN);
	}
}

void bench_print(const struct bench_run *run, enum format format)
{
	struct report *report = report_new("erc.bench-workload/1");
	struct text_list keys = {0}; /* borrowed by the report */
	erc_runtime *runtime = run->reference.stage.runtime;
	report_fact_text(report, "workload", "workload", "%s", run->workload.name);
	report_fact_text(report, "target", "target", "%s", erc_runtime_target(runtime));
	report_fact(report, "units", "units", CELL_COUNT, erc_runtime_units(runtime));
	report_fact(report, "slice_seconds", "slice (s)", CELL_NUMBER, run->seconds);
	report_fact(report, "rounds", "rounds", CELL_COUNT, run->options->rounds);
	report_fact_text(report, "arrivals", "arrivals", "%s", run->options->arrivals ? run->options->arrivals : "open");
	report_fact(report, "seed", "seed", CELL_COUNT, run->options->seed);
	if (run->traced)
		report_fact_text(report, "trace", "trace", "%s", run->traced);
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
