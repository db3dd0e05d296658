/* `erc bench --workload`: the report. */
#include <stdlib.h>
#include <string.h>

#include "bench_run.h"

static const double valid_factors[] = {1.5, 2, 3, 5};
static const struct column columns[] = {
	{"policy", "policy", CELL_TEXT},
	{"load", NULL, CELL_NUMBER},
	{"rate_scale", NULL, CELL_NUMBER},
	{"rt_mean_ratio", "RT mean", CELL_NUMBER},
	{"rt_p90_ratio", "p90", CELL_NUMBER},
	{"rt_p99_us", "p99", CELL_US},
	{"rt_solo_p99_us", "alone", CELL_US},
	{"rt_p50_us", NULL, CELL_US},
	{"rt_solo_p50_us", NULL, CELL_US},
	{"rt_p90_us", NULL, CELL_US},
	{"rt_solo_p90_us", NULL, CELL_US},
	{"rt_p999_us", NULL, CELL_US},
	{"rt_mean_us", NULL, CELL_US},
	{"rt_solo_mean_us", NULL, CELL_US},
	{"rt_arrivals", NULL, CELL_COUNT},
	{"rt_shed", NULL, CELL_COUNT},
	{"rt_dropped", NULL, CELL_COUNT},
	{"goodput_1_5", NULL, CELL_NUMBER},
	{"goodput_2", "in time", CELL_NUMBER},
	{"goodput_3", NULL, CELL_NUMBER},
	{"goodput_5", NULL, CELL_NUMBER},
	{"goodput_2_per_second", "goodput", CELL_NUMBER},
	{"be_alone_ratio", "BE", CELL_NUMBER},
	{"be_share_ratio", "of room", CELL_NUMBER},
	{"be_per_second", NULL, CELL_NUMBER},
	{"available", NULL, CELL_NUMBER},
	{"be_preemptions", NULL, CELL_COUNT},
	{"visible_p99_us", NULL, CELL_US},
	{"granted_p50_us", NULL, CELL_US},
	{"granted_p99_us", "granted", CELL_US},
	{"granted_most_us", NULL, CELL_US},
};

struct totals {
	struct outcome solo, shared; /* of all RT clients */
	double good[COUNT_OF(valid_factors)]; /* requests in time */
	double be_completed;
	uint64_t be_preemptions;
};

static void add_totals(const struct bench_run *run, const struct cell_figures *cell, struct totals *t)
{
	for (uint32_t i = 0; i < run->workload.count; i++) {
		const struct outcome *solo = &cell->solo[i], *shared = &cell->shared[i];
		if (run->workload.clients[i].class_ == ERC_BEST_EFFORT) {
			t->be_completed += shared->completed;
			t->be_preemptions += shared->preemptions;
			continue;
		}
		outcome_add(&t->solo, solo);
		outcome_add(&t->shared, shared);
		/* the same valid time for every policy: in multiples of the median run alone, on the whole device */
		for (size_t k = 0; k < COUNT_OF(valid_factors); k++)
			t->good[k] += series_share_below(&shared->latency, valid_factors[k] * run->service_us[i]) * (double)shared->latency.count;
	}
}

static void report_row(struct report *report, const struct bench_run *run, uint32_t load, uint32_t policy)
{
	const struct cell_figures *cell = &run->cells[load * run->policy_count + policy];
	struct totals t = {0};
	add_totals(run, cell, &t);
	double arrivals = t.shared.arrivals ? (double)t.shared.arrivals : 1, rounds = (double)run->options->rounds;
	report_cell_text(report, "%s", run->policies[policy].name);
	report_cell(report, run->loads[load]);
	report_cell(report, run->scales[load]);
	report_cell(report, series_median(&cell->mean_ratio));
	report_cell(report, series_median(&cell->p90_ratio));
	report_cell(report, series_percentile(&t.shared.service, 0.99));
	report_cell(report, series_percentile(&t.solo.service, 0.99));
	report_cell(report, series_median(&t.shared.service));
	report_cell(report, series_median(&t.solo.service));
	report_cell(report, series_percentile(&t.shared.service, 0.9));
	report_cell(report, series_percentile(&t.solo.service, 0.9));
	report_cell(report, series_percentile(&t.shared.service, 0.999));
	report_cell(report, series_mean(&t.shared.service));
	report_cell(report, series_mean(&t.solo.service));
	report_cell(report, (double)t.shared.arrivals);
	report_cell(report, (double)t.shared.shed);
	report_cell(report, (double)t.shared.dropped);
	for (size_t k = 0; k < COUNT_OF(valid_factors); k++)
		report_cell(report, t.good[k] / arrivals);
	report_cell(report, t.good[1] / cell->rt_seconds);
	report_cell(report, series_median(&cell->be_alone_ratio));
	report_cell(report, series_median(&cell->be_share_ratio));
	report_cell(report, t.be_completed / cell->rt_seconds);
	report_cell(report, cell->available / rounds);
	report_cell(report, (double)t.be_preemptions);
	report_cell(report, series_percentile(&t.shared.visible, 0.99));
	report_cell(report, series_median(&t.shared.granted));
	report_cell(report, series_percentile(&t.shared.granted, 0.99));
	report_cell(report, series_percentile(&t.shared.granted, 1));
	outcome_free(&t.solo);
	outcome_free(&t.shared);
}

static void report_stalls(struct report *report, const struct bench_run *run)
{
	struct series all = {0};
	double stalls = 0, stalled_us = 0;
	for (uint32_t p = 0; p < run->policy_count; p++)
		series_append(&all, &run->policies[p].stage.oversleep);
	for (size_t i = 0; i < all.count; i++)
		if (all.values[i] > 1000) {
			stalls++;
			stalled_us += all.values[i];
		}
	report_section(report, "wakeups", "how late the driver woke (the machine's own stalls)");
	report_fact(report, "p50_us", "p50", CELL_US, series_median(&all));
	report_fact(report, "p99_us", "p99", CELL_US, series_percentile(&all, 0.99));
	report_fact(report, "most_us", "most", CELL_US, series_percentile(&all, 1));
	report_fact(report, "count", "wake-ups", CELL_COUNT, (double)all.count);
	report_fact(report, "stalls", "later than 1 ms", CELL_COUNT, stalls);
	report_fact(report, "stalled_us", "in these, together", CELL_US, stalled_us);
	series_free(&all);
}

void bench_print(const struct bench_run *run, enum format format)
{
	struct report *report = report_new("erc.bench-workload/1");
	struct text_list keys = {0}; /* which the report borrows */
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
		report_fact(report, keys.items[i], keys.items[i] + sizeof("service_us.") - 1, CELL_US, run->service_us[i]);
	}
	for (uint32_t load = 0; load < run->load_count; load++) {
		report_table_titled(report, "loads", columns, COUNT_OF(columns),
		                    run->loads[load] > 0 ? "RT busy %.0f %% (rates x %.4g)" : "RT as given", run->loads[load] * 100,
		                    run->scales[load]);
		for (uint32_t p = 0; p < run->policy_count; p++)
			report_row(report, run, load, p);
	}
	report_stalls(report, run);
	report_print(report, format, stdout);
	report_free(report);
	text_list_free(&keys);
}
