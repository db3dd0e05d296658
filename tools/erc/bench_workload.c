/* `erc bench --workload`: several tenants under one or more policies. Slices of RT alone, RT and BE together,
 * and BE alone take turns within one run, with the same arrivals for every policy, so that a machine that drifts
 * hits all alike; ratios are taken between neighbouring slices. */
#include <stdlib.h>
#include <string.h>

#include "workload.h"

#define REQUESTS_OPEN 8      /* outstanding at a time of an open-loop client; more arrivals wait in the driver */
#define CALIBRATION_RUNS 15
#define TRACE_EVENTS 1000000

static const double valid_factors[] = {1.5, 2, 3, 5};

/* A policy as the user names it. */
struct policy {
	const char *name;
	struct stage stage;
	erc_model **models;     /* one per client; shared where the file is the same */
};

/* One policy at one load. */
struct cell_figures {
	struct outcome *solo, *shared;     /* per client, all rounds together */
	struct series mean_ratio, p90_ratio, be_alone_ratio, be_share_ratio; /* one value a round */
	double rt_seconds, be_seconds;     /* of shared slices */
	double available;                  /* sum over rounds of the share that RT left */
};

struct bench_run {
	const struct workload_options *options;
	struct workload workload;
	const char **files;                /* per client: its artifact */
	double *service_us;                /* per client: median alone */
	struct policy *policies;
	uint32_t policy_count;
	double *loads;                     /* RT busy shares; a single 0: rates as they are */
	uint32_t load_count;
	struct cell_figures *cells;        /* [load][policy] */
	double *be_alone;                  /* [client]: completed a second, in this round */
	double *scales;                    /* [load] */
	double seconds;                    /* of a slice */
};

static const char policy_list[] = "elastic, exclusive, priority, partition, concurrent, fifo";

/* ---- options ---- */

static int find_files(struct bench_run *run)
{
	run->files = memory_new(run->workload.count * sizeof *run->files);
	for (uint32_t i = 0; i < run->workload.count; i++) {
		const struct client *client = &run->workload.clients[i];
		for (uint32_t k = 0; k < run->options->models.count; k++) {
			const char *text = run->options->models.items[k], *equals = strchr(text, '=');
			if (equals && !strncmp(text, client->model, (size_t)(equals - text)) && !client->model[equals - text])
				run->files[i] = equals + 1;
		}
		if (!run->files[i]) {
			say_error("%s: no artifact is given for the model '%s' of client '%s'", run->options->path, client->model, client->name);
			say_note("add --model %s=FILE.erca", client->model);
			return EXIT_USAGE;
		}
	}
	return ARGS_OK;
}

/* "0.1,0.3" or "0.1..1.2", in steps of 0.1. */
static int parse_loads(struct bench_run *run, const char *text)
{
	double from, to;
	int used = 0;
	run->loads = memory_new(64 * sizeof *run->loads);
	if (!text) {
		run->load_count = 1;
		return ARGS_OK;
	}
	if (sscanf(text, "%lf..%lf%n", &from, &to, &used) == 2 && !text[used] && from > 0 && from <= to && to <= 5) {
		for (double load = from; load < to + 0.05; load += 0.1)
			run->loads[run->load_count++] = load;
		return ARGS_OK;
	}
	while (*text && run->load_count < 64) {
		char *end;
		double load = strtod(text, &end);
		if (end == text || !(load > 0) || load > 5 || (*end && *end != ','))
			break;
		run->loads[run->load_count++] = load;
		text = *end ? end + 1 : end;
	}
	if (!*text && run->load_count)
		return ARGS_OK;
	say_error("--load: '%s' is no share of the device", text);
	say_note("wanted 0.3, or 0.1,0.3,0.5, or 0.1..1.2");
	return EXIT_USAGE;
}

static int parse_policies(struct bench_run *run, const char *text)
{
	char *copy = memory_printf("%s", text ? text : "elastic"), *rest = copy;
	run->policies = memory_new(16 * sizeof *run->policies);
	for (char *name; (name = strsep(&rest, ",")) && run->policy_count < 16;)
		if (*name)
			run->policies[run->policy_count++].name = memory_printf("%s", name);
	free(copy);
	if (run->policy_count)
		return ARGS_OK;
	say_error("--policy: '%s' names none", text);
	say_note("policies are %s", policy_list);
	return EXIT_USAGE;
}

/* ---- stages ---- */

static erc_model *loaded(const struct bench_run *run, const struct policy *policy, uint32_t client)
{
	for (uint32_t i = 0; i < client; i++)
		if (!strcmp(run->files[i], run->files[client]))
			return policy->models[i];
	return NULL;
}

static enum erc_status open_lane(struct bench_run *run, struct policy *policy, uint32_t i)
{
	const struct client *client = &run->workload.clients[i];
	struct lane *lane = &policy->stage.lanes[i];
	double valid_us = client->deadline_us ? (double)client->deadline_us : client->valid_factor * run->service_us[i];
	struct erc_session_options options = {
		.size = sizeof options, .class_ = client->class_, .level = client->level, .weight = client->weight,
		.units = client->units, .budget = client->budget, .name = client->name,
		.deadline_us = client->class_ == ERC_REAL_TIME ? (uint64_t)valid_us : 0,
	};
	enum erc_status status = ERC_OK;
	options.shed = run->options->shed && options.deadline_us;
	lane->client = client;
	policy->models[i] = loaded(run, policy, i);
	if (!policy->models[i])
		status = erc_model_load(policy->stage.runtime, run->files[i], NULL, &policy->models[i]);
	if (status == ERC_OK)
		status = erc_session_create(policy->models[i], &options, &lane->session);
	if (status == ERC_OK)
		status = lane_open(lane, policy->models[i], client->kind == LOAD_CLOSED ? client->in_flight : REQUESTS_OPEN);
	if (lane->client->kind != LOAD_CLOSED && run->options->arrivals && !strcmp(run->options->arrivals, "disb"))
		lane->drops_stale = true;
	return status;
}

static int open_policy(struct bench_run *run, struct policy *policy)
{
	struct erc_sim_options sim = {.size = sizeof sim, .by_tile = run->options->by_tile};
	struct erc_runtime_options options = {
		.size = sizeof options, .device = run->options->device, .units = run->options->workers,
		.policy = policy->name, .sim = &sim,
	};
	enum erc_status status = erc_runtime_create(&options, &policy->stage.runtime);
	if (status != ERC_OK) {
		int code = say_runtime_error(policy->name, status);
		say_note("policies are %s", policy_list);
		return code;
	}
	policy->stage.lane_count = run->workload.count;
	policy->stage.lanes = memory_new(run->workload.count * sizeof *policy->stage.lanes);
	policy->models = memory_new(run->workload.count * sizeof *policy->models);
	for (uint32_t i = 0; i < run->workload.count; i++) {
		status = open_lane(run, policy, i);
		if (status != ERC_OK)
			return say_runtime_error(run->files[i], status);
	}
	return ARGS_OK;
}

static void close_policy(const struct bench_run *run, struct policy *policy)
{
	for (uint32_t i = 0; i < policy->stage.lane_count; i++)
		lane_close(&policy->stage.lanes[i]);
	for (uint32_t i = 0; policy->models && i < policy->stage.lane_count; i++)
		if (policy->models[i] && !loaded(run, policy, i))
			erc_model_unload(policy->models[i]);
	free(policy->models);
	free(policy->stage.lanes);
	series_free(&policy->stage.oversleep);
	erc_runtime_destroy(policy->stage.runtime);
	*policy = (struct policy){.name = policy->name};
}

/* ---- slices ---- */

struct window {
	struct outcome *outcomes; /* per client */
	double available;         /* share of the device's unit time that RT did not use */
};

static uint64_t rt_unit_ns(const struct stage *stage, uint64_t *now_ns)
{
	struct erc_runtime_stats stats = {.size = sizeof stats};
	erc_runtime_stats(stage->runtime, &stats);
	*now_ns = stats.now_ns;
	return stats.rt_tile_ns;
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

static int calibrate(struct bench_run *run)
{
	struct policy policy = {.name = "elastic"};
	run->service_us = memory_new(run->workload.count * sizeof *run->service_us);
	int code = open_policy(run, &policy);
	for (uint32_t i = 0; i < run->workload.count && code == ARGS_OK; i++)
		code = calibrate_client(run, &policy, i);
	close_policy(run, &policy);
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

static int measure(struct bench_run *run)
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
static int write_trace(struct bench_run *run)
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

/* ---- the report ---- */

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

static void print_run(const struct bench_run *run, enum format format)
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

static void free_run(struct bench_run *run)
{
	for (uint32_t p = 0; p < run->policy_count; p++)
		close_policy(run, &run->policies[p]);
	for (uint32_t i = 0; run->cells && i < run->load_count * run->policy_count; i++) {
		struct cell_figures *cell = &run->cells[i];
		struct series *series[] = {&cell->mean_ratio, &cell->p90_ratio, &cell->be_alone_ratio, &cell->be_share_ratio};
		for (size_t k = 0; k < COUNT_OF(series); k++)
			series_free(series[k]);
		for (uint32_t k = 0; k < run->workload.count; k++) {
			outcome_free(&cell->solo[k]);
			outcome_free(&cell->shared[k]);
		}
		free(cell->solo);
		free(cell->shared);
	}
	for (uint32_t p = 0; p < run->policy_count; p++)
		free((char *)run->policies[p].name);
	void *all[] = {run->cells, run->be_alone, run->scales, run->loads, run->policies, run->service_us, run->files};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		free(all[i]);
	workload_free(&run->workload);
}

int bench_workload(const struct workload_options *options, enum format format)
{
	struct bench_run run = {.options = options};
	int code = workload_read(options->path, &run.workload);
	if (code == ARGS_OK)
		code = find_files(&run);
	if (code == ARGS_OK)
		code = parse_loads(&run, options->loads);
	if (code == ARGS_OK)
		code = parse_policies(&run, options->policies);
	run.seconds = options->slice > 0 ? options->slice : run.workload.seconds > 0 && run.workload.seconds < 10 ? run.workload.seconds : 2;
	if (code == ARGS_OK)
		code = calibrate(&run);
	for (uint32_t p = 0; p < run.policy_count && code == ARGS_OK; p++)
		code = open_policy(&run, &run.policies[p]);
	if (code == ARGS_OK)
		code = measure(&run);
	if (code == ARGS_OK && options->trace)
		code = write_trace(&run);
	if (code == ARGS_OK)
		print_run(&run, format);
	free_run(&run);
	return code == ARGS_OK ? EXIT_OK : code;
}
