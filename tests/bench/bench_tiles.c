/* Compares predicted with measured tile times: `bench_tiles MODEL.erca [BUDGET [RUNS]]`. One thread runs every tile of
 * every launch in order, RUNS times, on random inputs. The measured divided by the predicted time of all tiles is the
 * machine's factor; the remaining differences are errors of the cost model. Prints CSV by launch, then the distribution
 * of the errors: of the tiles' medians, and of every run of every tile, which includes the machine's noise. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tools/erc/command.h"
#include "runtime/core/handles.h"

struct tiles {
	double *samples;   /* [run * count + tile], ns, in the order of the plan */
	double *predicted; /* [tile], ns */
	double *medians;   /* [tile], ns */
	size_t count, runs;
};

static double now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The requested budget, or the first. */
static uint32_t budget_of(const struct runner *runner)
{
	uint32_t chosen = atomic_load(&runner->session->budgets.chosen);
	return chosen == ERC__BUDGET_BY_ROOM ? 0 : chosen;
}

static const struct erc__step *step_of(const struct runner *runner, uint32_t s)
{
	const struct erc__job *job = &runner->request->job;
	return &job->steps[(size_t)budget_of(runner) * job->step_count + s];
}

static const struct erca_record *record_of(const struct runner *runner, const struct erc__step *step)
{
	return erc_artifact_record(runner->model->artifact, ERC_TABLE_RECORDS, step->record);
}

static const struct erca_variant *variant_of(const struct runner *runner, const struct erc__step *step)
{
	uint32_t variant = record_of(runner, step)->variant_first + budget_of(runner);
	return erc_artifact_record(runner->model->artifact, ERC_TABLE_VARIANTS, variant);
}

static void measure(const struct runner *runner, struct tiles *tiles)
{
	const struct erc__job *job = &runner->request->job;
	void *local = aligned_alloc(64, (runner->session->entries[0].entry->local_bytes + 64) & ~UINT64_C(63));
	for (size_t run = 0; run <= tiles->runs; run++) { /* the first one warms up */
		double *sample = tiles->samples + (run ? run - 1 : 0) * tiles->count, last = now_ns();
		for (uint32_t s = 0; s < job->step_count; s++)
			for (uint32_t t = 0; t < step_of(runner, s)->tile_count; t++) {
				step_of(runner, s)->tile(&step_of(runner, s)->args, t, local);
				double now = now_ns();
				*sample++ = now - last;
				last = now;
			}
	}
	free(local);
}

static void find_medians(const struct runner *runner, struct tiles *tiles)
{
	const struct erc__job *job = &runner->request->job;
	double *column = memory_new(tiles->runs * sizeof *column), *predicted = tiles->predicted;
	for (uint32_t s = 0; s < job->step_count; s++)
		for (uint32_t t = 0; t < step_of(runner, s)->tile_count; t++)
			*predicted++ = variant_of(runner, step_of(runner, s))->tile_ns;
	for (size_t i = 0; i < tiles->count; i++) {
		for (size_t run = 0; run < tiles->runs; run++)
			column[run] = tiles->samples[run * tiles->count + i];
		qsort(column, tiles->runs, sizeof *column, by_value);
		tiles->medians[i] = column[tiles->runs / 2];
	}
	free(column);
}

static void print_launches(const struct runner *runner, const struct tiles *tiles, double factor)
{
	const struct erc__job *job = &runner->request->job;
	size_t at = 0;
	printf("step,name,tiles,predicted_tile_us,median_tile_us,worst_tile_us,launch_us,ratio,gflops\n");
	for (uint32_t s = 0; s < job->step_count; s++) {
		const struct erca_record *record = record_of(runner, step_of(runner, s));
		size_t count = step_of(runner, s)->tile_count;
		double total = 0, predicted = tiles->predicted[at] * factor;
		double *sorted = memory_new(count * sizeof *sorted);
		for (size_t i = 0; i < count; i++)
			total += sorted[i] = tiles->medians[at + i];
		qsort(sorted, count, sizeof *sorted, by_value);
		const char *name = erc_artifact_string(runner->model->artifact, record->name);
		printf("%u,%s,%zu,%.2f,%.2f,%.2f,%.1f,%.2f,%.1f\n", s, name, count, predicted / 1e3, sorted[count / 2] / 1e3,
		       sorted[count - 1] / 1e3, total / 1e3, total / (predicted * (double)count),
		       (double)record->flops / total);
		free(sorted);
		at += count;
	}
}

/* Share of measured times above limit * predicted. */
static double share_above(const double *measured, const struct tiles *tiles, size_t runs, double factor, double limit)
{
	size_t above = 0;
	for (size_t i = 0; i < runs * tiles->count; i++)
		above += measured[i] > limit * factor * tiles->predicted[i % tiles->count];
	return 100.0 * (double)above / (double)(runs * tiles->count);
}

static void print_distribution(const struct tiles *tiles, double factor)
{
	double *ratios = memory_new(tiles->count * sizeof *ratios), longest = 0, total = 0;
	for (size_t i = 0; i < tiles->count; i++) {
		ratios[i] = tiles->medians[i] / (factor * tiles->predicted[i]);
		longest = fmax(longest, tiles->medians[i]);
		total += tiles->medians[i];
	}
	qsort(ratios, tiles->count, sizeof *ratios, by_value);
	printf("\ntiles %zu, runs %zu, all tiles %.2f ms, longest tile %.1f us, machine factor %.3f\n", tiles->count,
	       tiles->runs, total / 1e6, longest / 1e3, factor);
	printf("measured / predicted: 1 %% below %.2f, 10 %% %.2f, half %.2f, 90 %% %.2f, 99 %% %.2f, all %.2f\n",
	       ratios[tiles->count / 100], ratios[tiles->count / 10], ratios[tiles->count / 2],
	       ratios[tiles->count * 9 / 10], ratios[tiles->count * 99 / 100], ratios[tiles->count - 1]);
	printf("above twice the prediction: %.2f %% of the tiles, %.2f %% of all their runs\n",
	       share_above(tiles->medians, tiles, 1, factor, 2),
	       share_above(tiles->samples, tiles, tiles->runs, factor, 2));
	free(ratios);
}

static int bench(const struct runner *runner, size_t runs)
{
	const struct erc__job *job = &runner->request->job;
	struct tiles tiles = {.runs = runs};
	double measured = 0, predicted = 0;
	for (uint32_t s = 0; s < job->step_count; s++) {
		if (record_of(runner, step_of(runner, s))->kind != ERCA_RECORD_LAUNCH ||
		    step_of(runner, s)->count_slot != ERCA_NONE) {
			fprintf(stderr, "bench_tiles: step %u is no launch with a fixed number of tiles\n", s);
			return 1;
		}
		tiles.count += step_of(runner, s)->tile_count;
	}
	tiles.samples = memory_new(tiles.count * runs * sizeof *tiles.samples);
	tiles.predicted = memory_new(tiles.count * sizeof *tiles.predicted);
	tiles.medians = memory_new(tiles.count * sizeof *tiles.medians);
	measure(runner, &tiles);
	find_medians(runner, &tiles);
	for (size_t i = 0; i < tiles.count; i++) {
		measured += tiles.medians[i];
		predicted += tiles.predicted[i];
	}
	print_launches(runner, &tiles, measured / predicted);
	print_distribution(&tiles, measured / predicted);
	free(tiles.samples);
	free(tiles.predicted);
	free(tiles.medians);
	return 0;
}

int main(int argc, char **argv)
{
	struct text_list none = {0};
	if (argc < 2 || argc > 4) {
		fprintf(stderr, "usage: bench_tiles MODEL.erca [BUDGET [RUNS]]\n");
		return 2;
	}
	struct runner_options open = {.path = argv[1],
	                              .budget = argc > 2 ? argv[2] : NULL,
	                              .inputs = &none,
	                              .workers = 1,
	                              .random_by_default = true};
	struct runner runner;
	int runs = argc > 3 ? atoi(argv[3]) : 20, code = runner_open(&runner, &open);
	if (code == ARGS_OK) /* a run binds and checks everything */
		code = runner_run(&runner, true) == ERC_OK ? bench(&runner, runs > 0 ? (size_t)runs : 1) : EXIT_RUN;
	runner_close(&runner);
	return code;
}
