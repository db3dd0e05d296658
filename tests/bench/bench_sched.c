/* The cost of a launch in the scheduler: `bench_sched OUT.json`. A number of RT runs and 4 BE runs are queued under
 * `elastic`. The RT runs report their next launches in turn (erc__sched_launch), as some devices do for each launch,
 * and all limits are set again. Measures the scheduler alone, without device, lock and units; the time is passed to it.
 * A run has 50 launches of 20 us, with widths from 1 to 8 units. BE's longest tile is 50 us, so forecasts look two to
 * three launches ahead. Figures are medians of the rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/sched/schedule.h"
#include "tests/bench/stall.h"

#define LAUNCHES 50
#define LAUNCH_NS 20000
#define BE_TILE_NS 50000
#define BE_RUNS 4
#define MOST_RUNS 16
#define ROUNDS 21
#define TURNS 2000 /* launches that each run reports in one round */

struct world {
	struct erc__sched sched;
	struct erc__forecast_launch launches[2][LAUNCHES]; /* by class */
	struct erc__forecast forecasts[2];
	struct erc__estimate estimates[2];
	struct erc__tenant tenants[MOST_RUNS + BE_RUNS];
	struct erc__item items[MOST_RUNS + BE_RUNS];
};

struct situation {
	uint32_t units, runs;
	int has_levels; /* each RT run has its own level */
	int asks;       /* a device that asks before each tile of BE */
};

static void forecast(struct world *world, enum erc_class class_, uint32_t units)
{
	struct erc__forecast *forecast = &world->forecasts[class_];
	for (uint32_t i = 0; i < LAUNCHES; i++)
		world->launches[class_][i] = (struct erc__forecast_launch){
			.tiles = class_ == ERC_REAL_TIME ? 1 + i * 3 % 8 : 64,
			.tile_ns = class_ == ERC_REAL_TIME ? LAUNCH_NS : BE_TILE_NS,
		};
	*forecast = (struct erc__forecast){.launches = world->launches[class_], .count = LAUNCHES};
	erc__forecast_complete(forecast, units, 0);
	erc__estimate_init(&world->estimates[class_], forecast);
}

static void add(struct world *world, uint32_t number, enum erc_class class_, uint32_t level, uint32_t units)
{
	struct erc__tenant *tenant = &world->tenants[number];
	struct erc__item *item = &world->items[number];
	*tenant = (struct erc__tenant){.class_ = class_, .level = level, .weight = 1, .cap = units};
	erc__tenant_init(tenant);
	erc__item_create(&world->sched, item, tenant);
	item->forecast = &world->forecasts[class_];
	item->estimate = &world->estimates[class_];
	erc__item_init(item, 0, class_ == ERC_REAL_TIME ? 1000000 + number : 0);
	erc__sched_add(&world->sched, item, 0);
}

static struct erc__progress progress_at(const struct world *world, uint32_t step)
{
	const struct erc__forecast_launch *launch = &world->launches[ERC_REAL_TIME][step];
	return (struct erc__progress){.step = step, .left = launch->tiles, .tile_ns = launch->tile_ns};
}

/* Nanoseconds per reported launch. */
static double time_round(struct world *world, uint32_t runs)
{
	uint64_t began_ns = stall_now_ns();
	for (uint32_t turn = 0; turn < TURNS; turn++)
		for (uint32_t run = 0; run < runs; run++) {
			struct erc__progress progress = progress_at(world, (turn + run * 7) % LAUNCHES);
			erc__sched_launch(&world->sched, &world->items[run], &progress, (uint64_t)turn * LAUNCH_NS);
		}
	return (double)(stall_now_ns() - began_ns) / ((double)TURNS * runs);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The median of the rounds, and the number of runs that have units at the end. */
static double measure(const struct situation *situation, uint32_t *with_units)
{
	static struct world world;
	struct erc__supply supply = {
		.units = situation->units,
		.slowdown = 0.02,
		.by_launch = 1,
		.asks = situation->asks,
	};
	double ns[ROUNDS];
	memset(&world, 0, sizeof world);
	erc__sched_init(&world.sched, erc__policy_find("elastic"), &supply);
	forecast(&world, ERC_REAL_TIME, situation->units);
	forecast(&world, ERC_BEST_EFFORT, situation->units);
	for (uint32_t i = 0; i < situation->runs; i++)
		add(&world, i, ERC_REAL_TIME, situation->has_levels ? i : 0, situation->units);
	for (uint32_t i = 0; i < BE_RUNS; i++)
		add(&world, MOST_RUNS + i, ERC_BEST_EFFORT, 0, situation->units);
	for (int round = 0; round < ROUNDS; round++)
		ns[round] = time_round(&world, situation->runs);
	*with_units = 0;
	for (const struct erc__item *item = world.sched.granted; item; item = item->granted_next)
		++*with_units;
	qsort(ns, ROUNDS, sizeof *ns, by_value);
	return ns[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	static const uint32_t units[] = {2, 16, 132}, runs[] = {1, 4, MOST_RUNS};
	FILE *file = argc == 2 ? fopen(argv[1], "w") : NULL;
	int count = 0;
	if (!file)
		return fprintf(stderr, "usage: bench_sched OUT.json (which can be written)\n"), 2;
	fprintf(file, "{\"schema\": \"erc.bench-sched/1\", \"be_runs\": %d, \"rows\": [\n", BE_RUNS);
	for (int asks = 0; asks < 2; asks++)
		for (int has_levels = 0; has_levels < 2; has_levels++)
			for (size_t u = 0; u < sizeof units / sizeof *units; u++)
				for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
					struct situation situation = {units[u], runs[r], has_levels, asks};
					uint32_t with_units;
					double ns = measure(&situation, &with_units);
					fprintf(file,
					        "%s {\"units\": %u, \"rt_runs\": %u, \"with_units\": %u, \"levels\": "
					        "%s, \"asks\": %s, \"ns\": %.1f}",
					        count++ ? ",\n" : "", units[u], runs[r], with_units, has_levels ? "true" : "false",
					        asks ? "true" : "false", ns);
				}
	fprintf(file, "\n]}\n");
	return fclose(file) ? perror(argv[1]), 1 : 0;
}
