/* `erc bench --workload`: what is measured. Slices of RT alone, RT and BE together, and BE alone take turns
 * within one run, with the same arrivals for every policy, so that a machine that drifts hits all alike; ratios
 * are taken between neighbouring slices. */
#include <stdlib.h>
#include <string.h>

#include "bench_run.h"

#define CALIBRATION_RUNS 15
#define TRACE_EVENTS 1000000

static uint64_t rt_unit_ns(const struct stage *stage, uint64_t *now_ns)
{
	struct erc_runtime_stats stats = {.size = sizeof stats};
	erc_runtime_stats(stage->runtime, &stats);
	*now_ns = stats.now_ns;
	return stats.rt_unit_ns;
}

static enum erc_status run_slice(struct bench_run *run, struct stage *stage, bool with_rt, bool with_be,
                                 uint64_t *const *arrivals, const size_t *counts, struct window *out)
{
	uint64_t start_ns, end_ns, rt_ns = rt_unit_ns(stage, &start_ns);
	for (uint32_t i = 0; i < stage->lane_count; i++) {
		struct lane *lane = &stage->lanes[i];
		lane->is_active = lane->client->class_ == ERC_REAL_TIME ? with_rt : with_be;
		lane->arrivals = arrivals ? arrivals[i] : NULL;
		lane->arrival_count = arrivals ? counts[i] : 0;
		outcome_free(&out->outcomes[i]);
		lane->outcome = &out->outcomes[i];
	}
	enum erc_status status = stage_run(stage, run->seconds);
	rt_ns = rt_unit_ns(stage, &end_ns) - rt_ns;
	double units_ns = (double)(end_ns - start_ns) * erc_runtime_units(stage->runtime);
	out->available = units_ns > 0 && (double)rt_ns < units_ns ? 1 - (double)rt_ns / units_ns : 0;
	return status;
}

/* The median service of one client alone, in a closed loop. */
static int calibrate_client(struct bench_run *run, struct policy *policy, uint32_t i)
{
	struct outcome outcome = {0};
	struct client closed = run->workload.clients[i];
	struct lane *lane = &policy->stage.lanes[i];
	closed.kind = LOAD_CLOSED;
	for (uint32_t k = 0; k < policy->stage.lane_count; k++)
		policy->stage.lanes[k].is_active = k == i;
	const struct client *own = lane->client;
	uint32_t most = lane->most;
	lane->client = &closed;
	lane->most = 1;
	lane->outcome = &outcome;
	enum erc_status status = ERC_OK;
	for (int turn = 0; turn < CALIBRATION_RUNS && status == ERC_OK && outcome.service.count < CALIBRATION_RUNS; turn++)
		status = stage_run(&policy->stage, 0.1);
	lane->client = own;
	lane->most = most;
	run->service_us[i] = series_median(&outcome.service);
	outcome_free(&outcome);
	return status == ERC_OK ? ARGS_OK : say_runtime_error(own->name, status);
}

int bench_calibrate(struct bench_run *run)
{
	struct policy policy = {.name = "elastic"};
	run->service_us = memory_new(run->workload.count * sizeof *run->service_us);
	int code = bench_open_policy(run, &policy);
	for (uint32_t i = 0; i < run->workload.count && code == ARGS_OK; i++)
		code = calibrate_client(run, &policy, i);
	bench_close_policy(run, &policy);
	return code;
}

/* What the rates are multiplied by, so that RT alone keeps the device busy for that share of the time. */
static double scale_for(const struct bench_run *run, double load)
{
	double busy = 0;
	for (uint32_t i = 0; i < run->workload.count; i++)
		if (run->workload.clients[i].class_ == ERC_REAL_TIME && run->workload.clients[i].kind != LOAD_CLOSED)
			busy += client_rate(&run->workload.clients[i]) * run->service_us[i] / 1e6;
	return load > 0 && busy > 0 ? load / busy : 1;
}

static void add_ratios(const struct bench_run *run, struct cell_figures *cell, const struct window *solo, const struct window *shared)
{
	double mean = 0, p90 = 0, alone = 0;
	uint32_t rt = 0, be = 0;
	for (uint32_t i = 0; i < run->workload.count; i++) {
		const struct outcome *a = &solo->outcomes[i], *b = &shared->outcomes[i];
		if (run->workload.clients[i].class_ == ERC_BEST_EFFORT) {
			alone += run->be_alone[i] > 0 ? b->completed / run->seconds / run->be_alone[i] : 0;
			be++;
		} else if (a->service.count && b->service.count) {
			mean += series_mean(&b->service) / series_mean(&a->service);
			p90 += series_percentile(&b->service, 0.9) / series_percentile(&a->service, 0.9);
			rt++;
		}
	}
	if (rt) {
		series_add(&cell->mean_ratio, mean / rt);
		series_add(&cell->p90_ratio, p90 / rt);
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

static int run_pair(struct bench_run *run, uint32_t load, uint32_t policy, uint64_t *const *arrivals, const size_t *counts,
                    struct window *solo, struct window *shared)
{
	struct stage *stage = &run->policies[policy].stage;
	struct cell_figures *cell = &run->cells[load * run->policy_count + policy];
	enum erc_status status = run_slice(run, stage, true, false, arrivals, counts, solo);
	if (status == ERC_OK)
		status = run_slice(run, stage, true, true, arrivals, counts, shared);
	if (status != ERC_OK)
		return say_runtime_error(run->policies[policy].name, status);
	add_ratios(run, cell, solo, shared);
	add_window(run, cell->solo, solo);
	add_window(run, cell->shared, shared);
	cell->rt_seconds += run->seconds;
	cell->available += shared->available;
	return ARGS_OK;
}

static int measure_be_alone(struct bench_run *run, struct window *window)
{
	enum erc_status status = run_slice(run, &run->policies[0].stage, false, true, NULL, NULL, window);
	for (uint32_t i = 0; i < run->workload.count; i++)
		run->be_alone[i] = window->outcomes[i].completed / run->seconds;
	return status == ERC_OK ? ARGS_OK : say_runtime_error("BE alone", status);
}

static int run_round(struct bench_run *run, uint32_t load, uint32_t round, struct window *solo, struct window *shared)
{
	uint32_t clients = run->workload.count;
	uint64_t **arrivals = memory_new(clients * sizeof *arrivals);
	size_t *counts = memory_new(clients * sizeof *counts);
	for (uint32_t i = 0; i < clients; i++)
		counts[i] = client_arrivals(&run->workload.clients[i], run->seconds, run->scales[load],
		                            run->options->seed + round * 1000003u + i, &arrivals[i]);
	int code = measure_be_alone(run, shared);
	for (uint32_t p = 0; p < run->policy_count && code == ARGS_OK; p++) /* another one begins in each round */
		code = run_pair(run, load, (p + round) % run->policy_count, arrivals, counts, solo, shared);
	for (uint32_t i = 0; i < clients; i++)
		free(arrivals[i]);
	free(arrivals);
	free(counts);
	return code;
}

int bench_measure(struct bench_run *run)
{
	uint32_t clients = run->workload.count, cells = run->load_count * run->policy_count;
	struct window solo = {.outcomes = memory_new(clients * sizeof *solo.outcomes)};
	struct window shared = {.outcomes = memory_new(clients * sizeof *shared.outcomes)};
	int code = ARGS_OK;
	run->cells = memory_new(cells * sizeof *run->cells);
	run->be_alone = memory_new(clients * sizeof *run->be_alone);
	run->scales = memory_new(run->load_count * sizeof *run->scales);
	for (uint32_t i = 0; i < cells; i++) {
		run->cells[i].solo = memory_new(clients * sizeof *run->cells[i].solo);
		run->cells[i].shared = memory_new(clients * sizeof *run->cells[i].shared);
	}
	for (uint32_t load = 0; load < run->load_count; load++) {
		run->scales[load] = scale_for(run, run->loads[load]);
		for (uint32_t round = 0; round < run->options->rounds && code == ARGS_OK; round++)
			code = run_round(run, load, round, &solo, &shared);
	}
	for (uint32_t i = 0; i < clients; i++) {
		outcome_free(&solo.outcomes[i]);
		outcome_free(&shared.outcomes[i]);
	}
	free(solo.outcomes);
	free(shared.outcomes);
	return code;
}

/* One more shared slice of the last policy, recorded. */
int bench_write_trace(struct bench_run *run)
{
	uint32_t last = run->policy_count - 1;
	struct stage *stage = &run->policies[last].stage;
	struct window solo = {.outcomes = memory_new(run->workload.count * sizeof *solo.outcomes)}, shared = solo;
	shared.outcomes = memory_new(run->workload.count * sizeof *shared.outcomes);
	enum erc_status status = erc_trace_start(stage->runtime, TRACE_EVENTS);
	int code = status == ERC_OK ? run_round(run, run->load_count - 1, run->options->rounds, &solo, &shared)
	                            : say_runtime_error("trace", status);
	erc_trace_stop(stage->runtime);
	if (code == ARGS_OK) {
		status = erc_trace_write(stage->runtime, run->options->trace);
		code = status == ERC_OK ? ARGS_OK : say_runtime_error(run->options->trace, status);
	}
	for (uint32_t i = 0; i < run->workload.count; i++) {
		outcome_free(&solo.outcomes[i]);
		outcome_free(&shared.outcomes[i]);
	}
	free(solo.outcomes);
	free(shared.outcomes);
	return code;
}
