/* The cost of elasticity on a GPU: `bench_forms MODEL.erca [ROUNDS [OUT.json]] [--device NAME] [--batch-us TIME]`.
 * Measures each launch of the model in its two forms. Both are submitted in the same way: as a graph of repetitions
 * that takes about TIME (2000 us), in an otherwise empty stream. Times are by the host's clock; the forms alternate,
 * and the median of the rounds counts. Real-time work that has the whole device runs the plain form. The elastic form
 * has all units and a room without a limit, and checks the launch before it, as in a run. Launches of at least 50 us
 * are reported apart from shorter ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/erc/command.h"
#include "runtime/devices/cuda_device.h"

#define MOST_REPEATS 256
#define LONG_US 50
#define WARM_RUNS 5
#define ROOM_BYTES 256

struct options {
	const char *files[3]; /* model, rounds, JSON */
	const char *device;
	double batch_us;
	int rounds;
};

struct bench {
	struct runner runner;
	struct cuda_device *device;
	struct cuda_request *request;
	cu_stream stream;
	cu_address memory; /* the room, then the progress of each repetition */
};

/* The times of one launch. */
struct pair {
	const char *node;
	uint32_t tiles, units;
	double us[2], ratio; /* plain, elastic; medians */
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof *values, by_value);
	return values[count / 2];
}

/* ---- one launch, many times ---- */

static cu_address progress_at(const struct bench *bench, uint32_t number)
{
	return bench->memory + ROOM_BYTES + number * sizeof(struct erc_cuda_progress);
}

/* Each repetition has its own words, so nothing is reset between two repetitions. */
static enum erc_status put(struct bench *bench, const struct cuda_step *step, int is_elastic, uint32_t number)
{
	struct cuda_device *device = bench->device;
	struct erc_cuda_launch launch = step->launch;
	uint32_t tiles = step->step->tile_count, blocks = device->base.units * step->blocks_per_unit;
	void *params[] = {&launch};
	launch.tile_count = tiles;
	launch.epoch = 1;
	launch.first_unit = 0;
	launch.units = device->base.units;
	launch.room = (void *)(uintptr_t)bench->memory;
	launch.progress = (void *)(uintptr_t)progress_at(bench, number);
	launch.before = number ? (void *)(uintptr_t)progress_at(bench, number - 1) : NULL;
	launch.before_tiles = number ? tiles : 0;
	return CU(device, cuLaunchKernel, is_elastic ? step->kernel->elastic : step->kernel->plain,
	          is_elastic && blocks < tiles ? blocks : tiles, 1, 1, step->threads, 1, 1, step->local_bytes,
	          bench->stream, params, NULL);
}

static enum erc_status make_graph(struct bench *bench, const struct cuda_step *step, int is_elastic, uint32_t repeats,
                                  cu_graph_exec *out)
{
	struct cuda_device *device = bench->device;
	cu_graph graph = NULL;
	enum erc_status status = CU(device, cuStreamBeginCapture_v2, bench->stream, CU_CAPTURE_THREAD_LOCAL);
	for (uint32_t i = 0; i < repeats && !status; i++)
		status = put(bench, step, is_elastic, i);
	enum erc_status end_status = CU(device, cuStreamEndCapture, bench->stream, &graph);
	if (!status && !end_status)
		status = CU(device, cuGraphInstantiateWithFlags, out, graph, 0);
	if (graph)
		device->driver.cuGraphDestroy(graph);
	return status ? status : end_status;
}

static enum erc_status run_graph(struct bench *bench, cu_graph_exec graph, double *us)
{
	struct cuda_device *device = bench->device;
	TRY(CU(device, cuMemsetD8Async, progress_at(bench, 0), 0, MOST_REPEATS * sizeof(struct erc_cuda_progress),
	       bench->stream));
	TRY(CU(device, cuStreamSynchronize, bench->stream));
	double start = clock_us();
	TRY(CU(device, cuGraphLaunch, graph, bench->stream));
	TRY(CU(device, cuStreamSynchronize, bench->stream));
	*us = clock_us() - start;
	return ERC_OK;
}

/* The number of repetitions with which both forms take about the requested time. */
static enum erc_status count_repeats(struct bench *bench, const struct cuda_step *step, double batch_us,
                                     uint32_t *repeats)
{
	double us = 0, most = MOST_REPEATS;
	*repeats = 4;
	for (int is_elastic = 0; is_elastic < 2; is_elastic++) {
		cu_graph_exec graph;
		TRY(make_graph(bench, step, is_elastic, *repeats, &graph));
		enum erc_status status = run_graph(bench, graph, &us); /* uploads it */
		if (!status)
			status = run_graph(bench, graph, &us);
		bench->device->driver.cuGraphExecDestroy(graph);
		TRY(status);
		most = us > 0 && batch_us / us * 4 < most ? batch_us / us * 4 : most;
	}
	*repeats = most < 2 ? 2 : (uint32_t)most;
	return ERC_OK;
}

static enum erc_status measure(struct bench *bench, const struct cuda_step *step, const struct options *options,
                               struct pair *out)
{
	cu_graph_exec graphs[2] = {NULL, NULL};
	double *us[3], unused;
	uint32_t repeats;
	TRY(count_repeats(bench, step, options->batch_us, &repeats));
	for (int i = 0; i < 3; i++)
		us[i] = memory_new((size_t)options->rounds * sizeof **us);
	enum erc_status status = make_graph(bench, step, 0, repeats, &graphs[0]);
	if (!status)
		status = make_graph(bench, step, 1, repeats, &graphs[1]);
	for (int i = 0; i < 2 && !status; i++)
		status = run_graph(bench, graphs[i], &unused);
	for (int round = 0; round < options->rounds && !status; round++) {
		for (int k = 0; k < 2 && !status; k++) { /* the forms take turns in going first */
			int form = (round + k) % 2;
			status = run_graph(bench, graphs[form], &us[form][round]);
			us[form][round] /= repeats;
		}
		us[2][round] = us[1][round] / us[0][round];
	}
	if (!status)
		*out = (struct pair){"",
		                     step->step->tile_count,
		                     0,
		                     {median(us[0], options->rounds), median(us[1], options->rounds)},
		                     median(us[2], options->rounds)};
	for (int i = 0; i < 3; i++)
		free(us[i]);
	for (int i = 0; i < 2; i++)
		if (graphs[i])
			bench->device->driver.cuGraphExecDestroy(graphs[i]);
	return status;
}

/* ---- all launches ---- */

static const char *node_of(const struct bench *bench, uint32_t number)
{
	const struct erc_artifact *artifact = bench->runner.model->artifact;
	const struct erca_plan *plan =
		erc__record(artifact, ERC_TABLE_PLANS, bench->runner.session->entries[0].entry->plan);
	const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, plan->record_first + number);
	return record->name < artifact->string_bytes ? artifact->strings + record->name : "";
}

static enum erc_status measure_all(struct bench *bench, const struct options *options, struct pair *pairs,
                                   uint32_t *count)
{
	struct cuda_request *request = bench->request;
	uint32_t units = bench->device->base.units;
	uint64_t *word = (void *)request->pinned; /* the request's next run sets it again */
	*word = units;                            /* no stop epoch yet */
	TRY(CU(bench->device, cuMemcpyHtoDAsync_v2, bench->memory, word, sizeof *word, bench->stream));
	TRY(CU(bench->device, cuStreamSynchronize, bench->stream));
	for (uint32_t i = 0; i < request->step_count; i++) {
		const struct cuda_step *step = &request->steps[i];
		if (!step->kernel || !step->step->tile_count || step->step->count_slot != ERCA_NONE)
			continue;
		TRY(measure(bench, step, options, &pairs[*count]));
		uint32_t needed = step->step->tile_count;
		pairs[*count].units = needed < units ? needed : units;
		pairs[(*count)++].node = node_of(bench, i);
	}
	return ERC_OK;
}

/* Sums over a class of launches, and the median of their ratios. */
static void report_class(const struct pair *pairs, uint32_t count, int is_long, FILE *json)
{
	double *ratios = memory_new((count + 1) * sizeof *ratios), sums[2] = {0, 0};
	int n = 0;
	for (uint32_t i = 0; i < count; i++) {
		if ((pairs[i].us[0] >= LONG_US) != is_long)
			continue;
		sums[0] += pairs[i].us[0];
		sums[1] += pairs[i].us[1];
		ratios[n++] = pairs[i].ratio;
	}
	double middle = n ? median(ratios, n) : 0, sum = n ? sums[1] / sums[0] : 0;
	printf("%-8s %8d %12.1f %12.1f %9.4f %9.4f\n", is_long ? ">= 50 us" : "shorter", n, sums[0], sums[1], middle, sum);
	fprintf(json,
	        "\"%s\": {\"launches\": %d, \"plain_us\": %.2f, \"elastic_us\": %.2f, \"median_ratio\": %.4f, "
	        "\"sum_ratio\": %.4f}, ",
	        is_long ? "long" : "short", n, sums[0], sums[1], middle, sum);
	free(ratios);
}

static void report(const struct bench *bench, const struct options *options, const struct pair *pairs, uint32_t count,
                   FILE *json)
{
	printf("%-8s %8s %12s %12s %9s %9s\n", "launches", "", "plain us", "elastic us", "median", "of sums");
	fprintf(json, "{\"schema\": \"erc.bench-forms/1\", \"artifact\": \"%s\", \"units\": %u, \"rounds\": %d, ",
	        options->files[0], bench->device->base.units, options->rounds);
	report_class(pairs, count, 1, json);
	report_class(pairs, count, 0, json);
	fprintf(json, "\"launches\": [");
	for (uint32_t i = 0; i < count; i++)
		fprintf(json,
		        "%s\n  {\"node\": \"%s\", \"tiles\": %u, \"units\": %u, \"plain_us\": %.2f, \"elastic_us\": "
		        "%.2f, \"ratio\": %.4f}",
		        i ? "," : "", pairs[i].node, pairs[i].tiles, pairs[i].units, pairs[i].us[0], pairs[i].us[1],
		        pairs[i].ratio);
	fprintf(json, "]}\n");
}

static enum erc_status bench_in_context(struct bench *bench, const struct options *options, FILE *json)
{
	struct cuda_device *device = bench->device;
	const struct cuda_driver *driver = &device->driver;
	if (!driver->cuStreamBeginCapture_v2 || !driver->cuStreamEndCapture || !driver->cuGraphInstantiateWithFlags ||
	    !driver->cuGraphLaunch || !driver->cuGraphExecDestroy || !driver->cuGraphDestroy)
		return erc__fail(ERC_NO_TARGET, "this driver has no graphs");
	TRY(CU(device, cuStreamCreateWithPriority, &bench->stream, CU_STREAM_NON_BLOCKING, device->highest));
	TRY(CU(device, cuMemAllocAsync, &bench->memory, ROOM_BYTES + MOST_REPEATS * sizeof(struct erc_cuda_progress),
	       bench->stream));
	struct pair *pairs = memory_new((bench->request->step_count + 1) * sizeof *pairs);
	uint32_t count = 0;
	enum erc_status status = measure_all(bench, options, pairs, &count);
	if (!status)
		report(bench, options, pairs, count, json);
	free(pairs);
	driver->cuMemFreeAsync(bench->memory, bench->stream);
	driver->cuStreamSynchronize(bench->stream);
	driver->cuStreamDestroy_v2(bench->stream);
	return status;
}

static int bench(const struct options *options, FILE *json)
{
	struct text_list none = {0};
	struct runner_options open = {
		.path = options->files[0],
		.device = options->device,
		.budget = "full",
		.inputs = &none,
		.random_by_default = true,
	};
	struct bench bench = {.stream = NULL};
	enum erc_status status = ERC_OK;
	int is_open = runner_open(&bench.runner, &open) == ARGS_OK;
	for (int i = 0; i < WARM_RUNS && is_open && !status; i++)
		status = runner_run(&bench.runner, false);
	if (is_open && !status) {
		bench.request = bench.runner.request->job.native;
		bench.device = bench.request->device;
		status = erc__cuda_enter(bench.device);
		if (!status) {
			status = bench_in_context(&bench, options, json);
			erc__cuda_leave(bench.device);
		}
	}
	if (status)
		fprintf(stderr, "bench_forms: %s: %s\n", erc_status_text(status), erc_error_detail());
	runner_close(&bench.runner);
	return is_open && !status;
}

static int parse(int argc, char **argv, struct options *options)
{
	int files = 0;
	for (int i = 1; i < argc; i++) {
		int is_device = !strcmp(argv[i], "--device"), is_batch = !strcmp(argv[i], "--batch-us");
		if ((is_device || is_batch) && i + 1 == argc)
			return 0;
		if (is_device)
			options->device = argv[++i];
		else if (is_batch)
			options->batch_us = atof(argv[++i]);
		else if (files < 3)
			options->files[files++] = argv[i];
		else
			return 0;
	}
	options->rounds = options->files[1] ? atoi(options->files[1]) : 7;
	return files >= 1 && options->rounds >= 1 && !strncmp(options->device, "cuda", 4);
}

int main(int argc, char **argv)
{
	struct options options = {.device = "cuda", .batch_us = 2000};
	if (!parse(argc, argv, &options)) {
		fprintf(stderr, "usage: bench_forms MODEL.erca [ROUNDS [OUT.json]] [--device cuda:N] [--batch-us TIME]\n");
		return 2;
	}
	FILE *json = fopen(options.files[2] ? options.files[2] : "/dev/null", "w");
	if (!json) {
		fprintf(stderr, "bench_forms: cannot write %s\n", options.files[2]);
		return 1;
	}
	int is_good = bench(&options, json);
	fclose(json);
	return !is_good;
}
