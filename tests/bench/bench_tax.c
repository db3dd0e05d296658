/* The cost of elasticity: `bench_tax MODEL.erca [PAIRS [OUT.json]]`. Compares the elastic form (room check, claim by
 * compare-and-swap) with a static split of the same tiles, on the same memory and cores. In the static split each
 * worker computes a fixed contiguous range of each launch's tiles, with a spinning barrier between launches and without
 * a room check. The forms alternate. Time counts from the start of the first unit to the end, so it does not include
 * waking threads; the result is the median of the pairs' ratios. On one unit this is the cost of check and claim alone.
 * On several units claiming also balances the load, which the static split does not. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/erc/command.h"
#include "runtime/core/handles.h"

#define MAX_WORKERS 256
#define WARM_PAIRS 2

/* The static split. */
struct team {
	uint32_t workers;
	const struct erc__step *steps;
	uint32_t step_count;
	size_t local_bytes;
	int is_over;
	pthread_barrier_t gate; /* before and after each run; workers sleep there */
	_Alignas(64) _Atomic uint32_t arrived;
	_Alignas(64) _Atomic uint32_t launch; /* counts barriers passed */
	struct worker {
		_Alignas(64) pthread_t thread;
		struct team *team;
		uint32_t number, core;
		uint64_t began_ns, ended_ns;
	} of[MAX_WORKERS];
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* If other programs share the cores, the thread that is waited for may not be running. */
static void barrier(struct team *team)
{
	uint32_t launch = atomic_load_explicit(&team->launch, memory_order_relaxed), turns = 0;
	if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == team->workers) {
		atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
		atomic_store_explicit(&team->launch, launch + 1, memory_order_release);
		return;
	}
	while (atomic_load_explicit(&team->launch, memory_order_acquire) == launch)
		if (++turns % 4096 == 0)
			sched_yield();
}

static void run_share(struct worker *worker, void *local)
{
	struct team *team = worker->team;
	for (uint32_t s = 0; s < team->step_count; s++) {
		const struct erc__step *step = &team->steps[s];
		uint32_t first = (uint32_t)((uint64_t)step->tile_count * worker->number / team->workers);
		uint32_t end = (uint32_t)((uint64_t)step->tile_count * (worker->number + 1) / team->workers);
		for (uint32_t tile = first; tile < end; tile++)
			step->tile(&step->args, tile, local);
		barrier(team);
	}
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	void *local = aligned_alloc(64, (worker->team->local_bytes + 64) & ~(size_t)63);
	cpu_set_t core;
	CPU_ZERO(&core);
	CPU_SET(worker->core, &core);
	pthread_setaffinity_np(pthread_self(), sizeof core, &core);
	for (;;) {
		pthread_barrier_wait(&worker->team->gate);
		if (worker->team->is_over)
			break;
		worker->began_ns = now_ns();
		run_share(worker, local);
		worker->ended_ns = now_ns();
		pthread_barrier_wait(&worker->team->gate);
	}
	free(local);
	return NULL;
}

/* Runs on the cores that the runtime assigns to its units: those of the process, in order. */
static int team_start(struct team *team)
{
	cpu_set_t cores;
	uint32_t count = 0;
	pthread_barrier_init(&team->gate, NULL, team->workers + 1);
	sched_getaffinity(0, sizeof cores, &cores);
	for (uint32_t core = 0; core < CPU_SETSIZE && count < team->workers; core++) {
		if (!CPU_ISSET(core, &cores))
			continue;
		struct worker *worker = &team->of[count];
		worker->team = team;
		worker->number = count++;
		worker->core = core;
		if (pthread_create(&worker->thread, NULL, worker_main, worker))
			return 0;
	}
	return count == team->workers;
}

static double run_static(struct team *team)
{
	uint64_t began_ns = UINT64_MAX, ended_ns = 0;
	pthread_barrier_wait(&team->gate);
	pthread_barrier_wait(&team->gate);
	for (uint32_t i = 0; i < team->workers; i++) {
		began_ns = team->of[i].began_ns < began_ns ? team->of[i].began_ns : began_ns;
		ended_ns = team->of[i].ended_ns > ended_ns ? team->of[i].ended_ns : ended_ns;
	}
	return (double)(ended_ns - began_ns) / 1e3;
}

static void team_stop(struct team *team)
{
	team->is_over = 1;
	pthread_barrier_wait(&team->gate);
	for (uint32_t i = 0; i < team->workers; i++)
		pthread_join(team->of[i].thread, NULL);
	pthread_barrier_destroy(&team->gate);
}

/* A unit that has not left the request since its last run takes tiles of the next run as soon as they are visible, and
 * may record the start later. */
static double run_elastic(struct runner *runner)
{
	struct erc_request_timing timing = {.size = sizeof timing};
	if (runner_run(runner, true) || erc_request_timing(runner->request, &timing))
		return -1;
	uint64_t began_ns = timing.started_ns ? timing.started_ns : timing.visible_ns;
	return (double)(timing.finished_ns - began_ns) / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void report(double (*us)[2], uint32_t pairs, uint32_t units, uint64_t tiles, FILE *json)
{
	double *column = memory_new(pairs * sizeof *column), medians[2], low, high;
	fprintf(json, "    {\"units\": %u, \"tiles\": %llu, \"pairs_us\": [", units, (unsigned long long)tiles);
	for (uint32_t i = 0; i < pairs; i++)
		fprintf(json, "%s[%.1f, %.1f]", i ? ", " : "", us[i][0], us[i][1]);
	for (int side = 0; side < 2; side++) {
		for (uint32_t i = 0; i < pairs; i++)
			column[i] = us[i][side];
		qsort(column, pairs, sizeof *column, by_value);
		medians[side] = column[pairs / 2];
	}
	for (uint32_t i = 0; i < pairs; i++)
		column[i] = us[i][0] / us[i][1];
	qsort(column, pairs, sizeof *column, by_value);
	low = column[pairs / 4];
	high = column[pairs * 3 / 4];
	printf("%5u %8llu %12.2f %12.2f %9.4f %9.4f %9.4f\n", units, (unsigned long long)tiles, medians[0] / 1e3,
	       medians[1] / 1e3, low, column[pairs / 2], high);
	fprintf(json,
	        "],\n     \"elastic_us\": %.1f, \"static_us\": %.1f, \"ratio\": %.5f, \"ratio_quartiles\": [%.5f, %.5f]}",
	        medians[0], medians[1], column[pairs / 2], low, high);
	free(column);
}

/* Runs both forms in turns, and also takes turns in which goes first. They must write the same bytes. */
static int run_pairs(struct runner *runner, struct team *team, uint32_t pairs, FILE *json)
{
	double(*us)[2] = memory_new(pairs * sizeof *us);
	size_t bytes = runner->outputs[0].bytes;
	char *expected = memory_new(bytes);
	uint64_t tiles = 0;
	int is_good = run_elastic(runner) > 0;
	memcpy(expected, runner->outputs[0].data, bytes);
	for (uint32_t i = 0; i < team->step_count; i++)
		tiles += team->steps[i].tile_count;
	for (uint32_t i = 0; i < pairs + WARM_PAIRS && is_good; i++) {
		double *pair = us[i < WARM_PAIRS ? 0 : i - WARM_PAIRS];
		for (uint32_t k = 0; k < 2 && is_good; k++) {
			uint32_t side = (i + k) % 2;
			memset(runner->outputs[0].data, 0, bytes);
			pair[side] = side ? run_static(team) : run_elastic(runner);
			is_good = pair[side] > 0 && !memcmp(runner->outputs[0].data, expected, bytes);
		}
	}
	if (is_good)
		report(us, pairs, team->workers, tiles, json);
	else
		fprintf(stderr, "bench_tax: a run failed, or the two forms differ\n");
	free(expected);
	free(us);
	return is_good;
}

static int bench(const char *path, uint32_t units, uint32_t pairs, FILE *json)
{
	struct text_list none = {0};
	struct runner_options open = {.path = path,
	                              .budget = "full",
	                              .inputs = &none,
	                              .workers = units,
	                              .random_by_default = true};
	struct runner runner;
	struct team *team = aligned_alloc(64, sizeof *team);
	memset(team, 0, sizeof *team);
	int is_good = runner_open(&runner, &open) == ARGS_OK;
	if (is_good) {
		const struct erc__job *job = &runner.request->job;
		team->workers = erc_runtime_units(runner.runtime);
		team->step_count = job->step_count;
		team->steps = &job->steps[(size_t)atomic_load(&runner.session->budgets.chosen) * job->step_count];
		team->local_bytes = runner.session->entries[0].entry->local_bytes;
		is_good = team->workers <= MAX_WORKERS && team_start(team);
		if (is_good) {
			is_good = run_pairs(&runner, team, pairs, json);
			team_stop(team);
		}
	}
	runner_close(&runner);
	free(team);
	return is_good;
}

int main(int argc, char **argv)
{
	int pairs = argc > 2 ? atoi(argv[2]) : 20;
	if (argc < 2 || argc > 4 || pairs < 1) {
		fprintf(stderr, "usage: bench_tax MODEL.erca [PAIRS [OUT.json]]\n");
		return 2;
	}
	FILE *json = fopen(argc > 3 ? argv[3] : "/dev/null", "w");
	if (!json) {
		fprintf(stderr, "bench_tax: cannot write %s\n", argv[3]);
		return 1;
	}
	printf("%d pairs; ratio: elastic / static, a quarter below, median, a quarter above\n", pairs);
	printf("%5s %8s %12s %12s %9s %9s %9s\n", "units", "tiles", "elastic ms", "static ms", "25 %", "median", "75 %");
	fprintf(json, "{\"schema\": \"erc.bench-tax/1\", \"runs\": [\n");
	int is_good = bench(argv[1], 0, (uint32_t)pairs, json);
	fprintf(json, ",\n");
	is_good = is_good && bench(argv[1], 1, (uint32_t)pairs, json);
	fprintf(json, "\n  ]}\n");
	fclose(json);
	return !is_good;
}
