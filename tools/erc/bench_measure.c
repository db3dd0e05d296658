/* `erc bench --workload`: the measurement. Slices of RT alone, of RT and BE together, and of BE alone alternate
 * within one run, with the same arrivals for every policy. So a machine whose speed drifts affects all alike; ratios
 * are taken between neighbouring slices. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/erc/bench_run.h"

#define CALIBRATION_RUNS 15
#define MIN_PAUSE_US 2e3 /* between paced requests: long enough for units to fall asleep */
#define MAX_PAUSE_US 5e4
#define TRACE_EVENTS 1000000
#define MAX_ARRIVALS 1000000 /* of one client in one slice */

void bench_step(struct bench_run *run, const char *format, ...)
{
	va_list list;
	char text[128];
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	if (!run->options->quiet)
		say_progress(++run->step, run->steps, text);
}

/* ---- slices ---- */

/* Arrival times of the open-loop clients, in one round. */
struct arrivals {
	uint64_t **times; /* per client */
	size_t *counts;
};

static struct arrivals make_arrivals(const struct bench_run *run, uint32_t load, uint32_t round)
{
	uint32_t clients = run->workload.count;
	struct arrivals out = {memory_new(clients * sizeof *out.times), memory_new(clients * sizeof *out.counts)};
	for (uint32_t i = 0; i < clients; i++)
		out.counts[i] = client_arrivals(&run->workload.clients[i], run->seconds, run->scales[load],
		                                run->options->seed + round * 1000003u + i, &out.times[i]);
	return out;
}

static void free_arrivals(const struct bench_run *run, struct arrivals *arrivals)
{
	for (uint32_t i = 0; i < run->workload.count; i++)
		free(arrivals->times[i]);
	free(arrivals->times);
	free(arrivals->counts);
}

struct window {
	struct outcome *outcomes; /* per client */
	double available;         /* share of the device that RT did not use */
	uint64_t late_units;
};

/* The share of the device that RT did not use between two moments. */
static double share_left(const struct erc_runtime_stats *start, const struct erc_runtime_stats *end, uint32_t units)
{
	double rt_ns = (double)(end->rt_tile_ns - start->rt_tile_ns),
		   units_ns = (double)(end->now_ns - start->now_ns) * units;
	return units_ns > 0 && rt_ns < units_ns ? 1 - rt_ns / units_ns : 0;
}

static enum erc_status run_slice(const struct bench_run *run, struct stage *stage, bool with_rt, bool with_be,
                                 const struct arrivals *arrivals, struct window *out)
{
	struct erc_runtime_stats start = {.size = sizeof start};
	erc_runtime_stats(stage->runtime, &start);
	for (uint32_t i = 0; i < stage->lane_count; i++) {
		struct lane *lane = &stage->lanes[i];
		lane->is_active = lane->client->class_ == ERC_REAL_TIME ? with_rt : with_be;
		lane->arrivals = arrivals ? arrivals->times[i] : NULL;
		lane->arrival_count = arrivals ? arrivals->counts[i] : 0;
		outcome_free(&out->outcomes[i]);
		lane->outcome = &out->outcomes[i];
	}
	enum erc_status status = stage_run(stage, run->seconds);
	out->late_units = stage->at_end.late_units - start.late_units;
	out->available = share_left(&start, &stage->at_end, erc_runtime_units(stage->runtime));
	return status;
}

/* ---- the clients' medians ---- */

/* Runs one client alone in the reference: as a closed loop of one request, or at these times. */
static enum erc_status run_alone(struct bench_run *run, uint32_t i, const uint64_t *times, size_t count, double seconds,
                                 struct outcome *outcome)
{
	struct stage *stage = &run->reference.stage;
	struct lane *lane = &stage->lanes[i], own = *lane;
	struct client as = *own.client;
	as.kind = times ? LOAD_PERIODIC : LOAD_CLOSED;
	for (uint32_t k = 0; k < stage->lane_count; k++)
		stage->lanes[k].is_active = k == i;
	lane->client = &as;
	lane->max = times ? own.max : 1;
	lane->arrivals = times;
	lane->arrival_count = count;
	lane->drops_stale = false;
	lane->outcome = outcome;
	enum erc_status status = stage_run(stage, seconds);
	lane->client = own.client;
	lane->max = own.max;
	lane->arrivals = NULL;
	lane->arrival_count = 0;
	lane->drops_stale = own.drops_stale;
	return status;
}

/* The median service time of one client alone, in a closed loop of one request. */
static enum erc_status measure_closed(struct bench_run *run, uint32_t i)
{
	struct outcome outcome = {0};
	enum erc_status status = ERC_OK;
	for (int turn = 0; turn < CALIBRATION_RUNS && status == ERC_OK && outcome.service.count < CALIBRATION_RUNS; turn++)
		status = run_alone(run, i, NULL, 0, 0.1, &outcome);
	run->service_us[i] = series_median(&outcome.service);
	run->max_units[i] = outcome.max_units;
	outcome_free(&outcome);
	return status;
}

bool is_paced(const struct client *client)
{
	return client->class_ == ERC_REAL_TIME && client->kind != LOAD_CLOSED;
}

/* The median latency of an RT client alone whose requests arrive one at a time, with pauses as between its arrivals. On
 * a device that falls asleep in them, that is more than in a closed loop. */
static enum erc_status measure_paced(struct bench_run *run, uint32_t i)
{
	struct outcome outcome = {0};
	uint64_t times[CALIBRATION_RUNS];
	double pause_us = 1e6 / client_rate(&run->workload.clients[i]), least_us = 1.25 * run->service_us[i] + MIN_PAUSE_US;
	pause_us = pause_us > MAX_PAUSE_US ? MAX_PAUSE_US : pause_us;
	pause_us = pause_us < least_us ? least_us : pause_us;
	for (size_t k = 0; k < CALIBRATION_RUNS; k++)
		times[k] = (uint64_t)((double)(k + 1) * pause_us * 1e3);
	enum erc_status status =
		run_alone(run, i, times, CALIBRATION_RUNS, (CALIBRATION_RUNS + 1) * pause_us / 1e6, &outcome);
	run->paced_us[i] = series_median(&outcome.latency);
	outcome_free(&outcome);
	return status;
}

static int calibrate_client(struct bench_run *run, uint32_t i)
{
	const struct client *client = &run->workload.clients[i];
	bench_step(run, "%s alone", client->name);
	enum erc_status status = measure_closed(run, i);
	run->paced_us[i] = run->service_us[i];
	if (status == ERC_OK && is_paced(client))
		status = measure_paced(run, i);
	run->valid_us[i] = client->deadline_us ? client->deadline_us : client->valid_factor * run->paced_us[i];
	return status == ERC_OK ? ARGS_OK : say_runtime_error(client->name, status);
}

int bench_calibrate(struct bench_run *run)
{
	run->service_us = memory_new(run->workload.count * sizeof *run->service_us);
	run->paced_us = memory_new(run->workload.count * sizeof *run->paced_us);
	run->valid_us = memory_new(run->workload.count * sizeof *run->valid_us);
	run->max_units = memory_new(run->workload.count * sizeof *run->max_units);
	int code = bench_open_policy(run, &run->reference, false);
	for (uint32_t i = 0; i < run->workload.count && code == ARGS_OK; i++)
		code = calibrate_client(run, i);
	return code;
}

/* ---- cells ---- */

/* The factor for the rates with which RT alone keeps the device busy for the share `load` of the time. */
static double scale_for(const struct bench_run *run, double load)
{
	double busy = 0;
	for (uint32_t i = 0; i < run->workload.count && load > 0; i++)
		if (run->workload.clients[i].class_ == ERC_REAL_TIME && run->workload.clients[i].kind != LOAD_CLOSED)
			busy += client_rate(&run->workload.clients[i]) * run->service_us[i] / 1e6;
	return busy > 0 ? load / busy : 1;
}

int bench_scale_rates(struct bench_run *run)
{
	if (!run->scales)
		run->scales = memory_new(run->load_count * sizeof *run->scales);
	for (uint32_t load = 0; load < run->load_count; load++) {
		run->scales[load] = scale_for(run, run->loads[load]);
		for (uint32_t i = 0; i < run->workload.count; i++) {
			const struct client *client = &run->workload.clients[i];
			double rate = client->kind == LOAD_CLOSED ? 0 : client_rate(client) * run->scales[load];
			if (rate * run->seconds <= MAX_ARRIVALS)
				continue;
			say_error("%s: client '%s' submits %.4g requests per second, which makes %.4g in a slice of %g s; "
			          "wanted at most %d",
			          run->options->path, client->name, rate, rate * run->seconds, run->seconds, MAX_ARRIVALS);
			say_note("give it a lower rate, or shorter slices: --slice S");
			return EXIT_USAGE;
		}
	}
	return ARGS_OK;
}

static void add_ratios(const struct bench_run *run, struct cell_figures *cell, const struct window *solo,
                       const struct window *shared)
{
	double mean = 0, p90 = 0, p99 = 0, alone = 0;
	uint32_t rt = 0, be = 0;
	for (uint32_t i = 0; i < run->workload.count; i++) {
		const struct outcome *a = &solo->outcomes[i], *b = &shared->outcomes[i];
		if (run->workload.clients[i].class_ == ERC_BEST_EFFORT) {
			alone += run->be_alone[i] > 0 ? b->completed / run->seconds / run->be_alone[i] : 0;
			be++;
		} else if (a->service.count && b->service.count) {
			mean += series_mean(&b->service) / series_mean(&a->service);
			p90 += series_percentile(&b->service, 0.9) / series_percentile(&a->service, 0.9);
			p99 += series_percentile(&b->service, 0.99) / series_percentile(&a->service, 0.99);
			rt++;
		}
	}
	if (rt) {
		series_add(&cell->mean_ratio, mean / rt);
		series_add(&cell->p90_ratio, p90 / rt);
		series_add(&cell->p99_ratio, p99 / rt);
	}
	if (be) {
		series_add(&cell->be_alone_ratio, alone / be);
		if (shared->available > 0)
			series_add(&cell->be_share_ratio, alone / be / shared->available);
	}
}

static void add_window(const struct bench_run *run, struct outcome *to, const struct window *from)
{
	for (uint32_t i = 0; i < run->workload.count; i++)
		outcome_add(&to[i], &from->outcomes[i]);
}

/* "load 30 %, ", or "". */
static void load_text(const struct bench_run *run, uint32_t load, char *text, size_t bytes)
{
	text[0] = 0;
	if (run->loads[load] > 0)
		snprintf(text, bytes, "load %.0f %%, ", run->loads[load] * 100);
}

static int run_pair(struct bench_run *run, uint32_t load, uint32_t policy, const struct arrivals *arrivals,
                    struct window *solo, struct window *shared)
{
	struct stage *stage = &run->policies[policy].stage;
	struct cell_figures *cell = &run->cells[load * run->policy_count + policy];
	enum erc_status status = run_slice(run, stage, true, false, arrivals, solo);
	if (status == ERC_OK)
		status = run_slice(run, stage, true, true, arrivals, shared);
	if (status != ERC_OK)
		return say_runtime_error(run->policies[policy].name, status);
	add_ratios(run, cell, solo, shared);
	cell->late_units += shared->late_units;
	add_window(run, cell->solo, solo);
	add_window(run, cell->shared, shared);
	cell->rt_seconds += run->seconds;
	cell->available += shared->available;
	return ARGS_OK;
}

static int measure_be_alone(struct bench_run *run, struct window *window)
{
	enum erc_status status = run_slice(run, &run->reference.stage, false, true, NULL, window);
	for (uint32_t i = 0; i < run->workload.count; i++)
		run->be_alone[i] = window->outcomes[i].completed / run->seconds;
	return status == ERC_OK ? ARGS_OK : say_runtime_error("BE alone", status);
}

static int run_round(struct bench_run *run, uint32_t load, uint32_t round, struct window *solo, struct window *shared)
{
	char text[32];
	struct arrivals arrivals = make_arrivals(run, load, round);
	load_text(run, load, text, sizeof text);
	bench_step(run, "%sround %u: BE alone", text, round + 1);
	int code = measure_be_alone(run, shared);
	for (uint32_t p = 0; p < run->policy_count && code == ARGS_OK; p++) { /* each round begins with another policy */
		uint32_t policy = (p + round) % run->policy_count;
		if (run->policies[policy].refused)
			continue;
		bench_step(run, "%sround %u: %s", text, round + 1, run->policies[policy].name);
		code = run_pair(run, load, policy, &arrivals, solo, shared);
	}
	free_arrivals(run, &arrivals);
	return code;
}

static struct window new_window(const struct bench_run *run)
{
	return (struct window){.outcomes = memory_new(run->workload.count * sizeof(struct outcome))};
}

static void free_window(const struct bench_run *run, struct window *window)
{
	for (uint32_t i = 0; i < run->workload.count; i++)
		outcome_free(&window->outcomes[i]);
	free(window->outcomes);
}

int bench_measure(struct bench_run *run)
{
	uint32_t clients = run->workload.count, cells = run->load_count * run->policy_count;
	struct window solo = new_window(run), shared = new_window(run);
	int code = ARGS_OK;
	run->cells = memory_new(cells * sizeof *run->cells);
	run->be_alone = memory_new(clients * sizeof *run->be_alone);
	for (uint32_t i = 0; i < cells; i++) {
		run->cells[i].solo = memory_new(clients * sizeof *run->cells[i].solo);
		run->cells[i].shared = memory_new(clients * sizeof *run->cells[i].shared);
	}
	for (uint32_t load = 0; load < run->load_count; load++)
		for (uint32_t round = 0; round < run->options->rounds && code == ARGS_OK; round++)
			code = run_round(run, load, round, &solo, &shared);
	free_window(run, &solo);
	free_window(run, &shared);
	return code;
}

int bench_write_trace(struct bench_run *run)
{
	uint32_t last = run->policy_count - 1, load = run->load_count - 1;
	char at[32];
	while (run->policies[last].refused) /* not all are */
		last--;
	struct policy *policy = &run->policies[last];
	struct arrivals arrivals = make_arrivals(run, load, run->options->rounds);
	struct window window = new_window(run);
	load_text(run, load, at, sizeof at);
	bench_step(run, "%s%s, recorded", at, policy->name);
	enum erc_status status = erc_trace_start(policy->stage.runtime, TRACE_EVENTS);
	if (status == ERC_OK)
		status = run_slice(run, &policy->stage, true, true, &arrivals, &window);
	erc_trace_stop(policy->stage.runtime);
	if (status == ERC_OK)
		status = erc_trace_write(policy->stage.runtime, run->options->trace);
	run->traced = memory_printf("%s: %s%s, one more slice", run->options->trace, at, policy->name);
	free_window(run, &window);
	free_arrivals(run, &arrivals);
	return status == ERC_OK ? ARGS_OK : say_runtime_error(run->options->trace, status);
}
