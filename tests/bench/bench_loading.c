/* The effect of loading a tenant on real-time work: `bench_loading RT.erca OTHER.erca [SLICES [OUT.json]] [--device
 * NAME] [--slice S]`. The first model answers periodic requests, at half the maximum rate. In every other slice a
 * thread loads and unloads the second model without a pause: model, session, one request. Latency counts from the time
 * when a request was due to its answer, by the host's clock, so it includes the time for which the driver blocks the
 * submitter. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/erc/workload.h"

#define WARM_RUNS 20
#define LEAST_PERIOD_US 500
#define MOST_SAMPLES 500 /* maximum number of samples that are written, with loads and without */

struct options {
	const char *files[4]; /* RT, other, slices, JSON */
	const char *device;
	double slice; /* seconds */
	int slices;   /* with loads, and as many without */
};

struct loader {
	erc_runtime *runtime;
	const char *path;
	_Atomic int is_wanted, is_busy, is_over;
	uint32_t loads;
	double us; /* total time of all loads */
	enum erc_status status;
	char detail[160];
};

static void sleep_us(double us)
{
	struct timespec time = {(time_t)(us / 1e6), (long)((uint64_t)(us * 1e3) % 1000000000u)};
	if (us > 0)
		nanosleep(&time, NULL);
}

/* ---- the tenant that is loaded and unloaded ---- */

static enum erc_status load_once(struct loader *loader)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_BEST_EFFORT};
	erc_model *model = NULL;
	erc_session *session = NULL;
	erc_request *request = NULL;
	enum erc_status status = erc_model_load(loader->runtime, loader->path, NULL, &model);
	if (!status)
		status = erc_session_create(model, &options, &session);
	if (!status)
		status = erc_request_create(session, &request);
	if (status)
		snprintf(loader->detail, sizeof loader->detail, "%s", erc_error_detail()); /* the thread's own */
	erc_request_destroy(request);
	erc_session_destroy(session);
	erc_model_unload(model);
	return status;
}

static void *loader_main(void *argument)
{
	struct loader *loader = argument;
	while (!atomic_load(&loader->is_over)) {
		atomic_store(&loader->is_busy, 1);
		if (!atomic_load(&loader->is_wanted) || loader->status) {
			atomic_store(&loader->is_busy, 0);
			sleep_us(200);
			continue;
		}
		double start = clock_us();
		loader->status = load_once(loader);
		loader->us += clock_us() - start;
		loader->loads++;
	}
	return NULL;
}

/* A slice without loads begins when no load is under way. */
static void want(struct loader *loader, int is_wanted)
{
	atomic_store(&loader->is_wanted, is_wanted);
	while (!is_wanted && atomic_load(&loader->is_busy))
		sleep_us(200);
}

/* ---- real-time requests ---- */

static enum erc_status run_slice(struct runner *runner, double period_us, double seconds, struct series *latency)
{
	enum erc_status status = ERC_OK;
	double start = clock_us(), due = start + period_us;
	do {
		sleep_us(due - clock_us());
		status = runner_run(runner, false);
		series_add(latency, clock_us() - due);
		due += period_us;
	} while (due < start + seconds * 1e6 && !status);
	return status;
}

static enum erc_status find_period(struct runner *runner, double *period_us)
{
	struct series alone = {0};
	enum erc_status status = ERC_OK;
	for (int i = 0; i < WARM_RUNS && !status; i++) {
		double start = clock_us();
		status = runner_run(runner, false);
		series_add(&alone, clock_us() - start);
	}
	*period_us = 2 * series_median(&alone);
	if (*period_us < LEAST_PERIOD_US)
		*period_us = LEAST_PERIOD_US;
	series_free(&alone);
	return status;
}

/* ---- the report ---- */

static void write_samples(const struct series *series, FILE *json)
{
	size_t step = series->count / MOST_SAMPLES + 1;
	for (size_t i = 0; i < series->count; i += step)
		fprintf(json, "%s%.1f", i ? ", " : "", series->values[i]);
}

static void report(const struct options *options, const struct loader *loader, double period_us,
                   const struct series *latency, const struct series *ratios, FILE *json)
{
	static const char *const names[] = {"undisturbed", "while loading"}, *const keys[] = {"undisturbed", "loading"};
	double load_us = loader->loads ? loader->us / loader->loads : 0;
	printf("a request every %.0f us, %d slices of %.2g s each; %u loads of %.1f ms\n", period_us, options->slices,
	       options->slice, loader->loads, load_us / 1e3);
	printf("%-14s %9s %10s %10s %10s %10s\n", "latency, us", "requests", "mean", "p50", "p99", "most");
	fprintf(json, "{\"schema\": \"erc.bench-loading/1\", \"period_us\": %.1f, \"loads\": %u, \"load_us\": %.1f",
	        period_us, loader->loads, load_us);
	for (int i = 0; i < 2; i++) {
		const struct series *series = &latency[i];
		double mean = series_mean(series), p50 = series_median(series), p99 = series_percentile(series, 0.99);
		printf("%-14s %9zu %10.1f %10.1f %10.1f %10.1f\n", names[i], series->count, mean, p50, p99,
		       series_percentile(series, 1));
		fprintf(json,
		        ",\n \"%s\": {\"requests\": %zu, \"mean_us\": %.2f, \"p50_us\": %.2f, \"p99_us\": %.2f, "
		        "\"most_us\": %.2f, \"samples_us\": [",
		        keys[i], series->count, mean, p50, p99, series_percentile(series, 1));
		write_samples(series, json);
		fprintf(json, "]}");
	}
	printf("ratio of slices: mean %.4f, p99 %.4f (medians)\n", series_median(&ratios[0]), series_median(&ratios[1]));
	fprintf(json, ",\n \"mean_ratio\": %.4f, \"p99_ratio\": %.4f}\n", series_median(&ratios[0]),
	        series_median(&ratios[1]));
}

/* ---- the run ---- */

/* Slices with and without loads alternate; ratios are between neighbouring slices. */
static enum erc_status run_all(struct runner *runner, struct loader *loader, const struct options *options, FILE *json)
{
	struct series latency[2] = {{0}, {0}}, ratios[2] = {{0}, {0}};
	double period_us = 0;
	enum erc_status status = find_period(runner, &period_us);
	for (int i = 0; i < options->slices && !status; i++) {
		struct series slice[2] = {{0}, {0}};
		for (int side = 0; side < 2 && !status; side++) {
			want(loader, side);
			status = run_slice(runner, period_us, options->slice, &slice[side]);
		}
		if (slice[0].count && slice[1].count) {
			series_add(&ratios[0], series_mean(&slice[1]) / series_mean(&slice[0]));
			series_add(&ratios[1], series_percentile(&slice[1], 0.99) / series_percentile(&slice[0], 0.99));
		}
		for (int side = 0; side < 2; side++) {
			series_append(&latency[side], &slice[side]);
			series_free(&slice[side]);
		}
	}
	want(loader, 0);
	if (!status && !loader->status)
		report(options, loader, period_us, latency, ratios, json);
	for (int i = 0; i < 2; i++) {
		series_free(&latency[i]);
		series_free(&ratios[i]);
	}
	return status;
}

static int bench(const struct options *options, FILE *json)
{
	struct text_list none = {0};
	struct runner_options open = {
		.path = options->files[0],
		.device = options->device,
		.inputs = &none,
		.random_by_default = true,
		.real_time = true,
	};
	struct runner runner;
	struct loader loader = {.path = options->files[1]};
	pthread_t thread;
	int is_open = runner_open(&runner, &open) == ARGS_OK;
	enum erc_status status = ERC_OK;
	loader.runtime = runner.runtime;
	if (is_open && !pthread_create(&thread, NULL, loader_main, &loader)) {
		status = run_all(&runner, &loader, options, json);
		atomic_store(&loader.is_over, 1);
		pthread_join(thread, NULL);
	}
	if (status)
		fprintf(stderr, "bench_loading: %s: %s\n", erc_status_text(status), erc_error_detail());
	if (loader.status)
		fprintf(stderr, "bench_loading: %s: %s: %s\n", loader.path, erc_status_text(loader.status), loader.detail);
	runner_close(&runner);
	return is_open && !status && !loader.status;
}

static int parse(int argc, char **argv, struct options *options)
{
	int files = 0;
	for (int i = 1; i < argc; i++) {
		int is_device = !strcmp(argv[i], "--device"), is_slice = !strcmp(argv[i], "--slice");
		if ((is_device || is_slice) && i + 1 == argc)
			return 0;
		if (is_device)
			options->device = argv[++i];
		else if (is_slice)
			options->slice = atof(argv[++i]);
		else if (files < 4)
			options->files[files++] = argv[i];
		else
			return 0;
	}
	options->slices = options->files[2] ? atoi(options->files[2]) : 10;
	return files >= 2 && options->slices >= 1 && options->slice > 0;
}

int main(int argc, char **argv)
{
	struct options options = {.slice = 1};
	if (!parse(argc, argv, &options)) {
		fprintf(stderr, "usage: bench_loading RT.erca OTHER.erca [SLICES [OUT.json]] [--device NAME] [--slice S]\n");
		return 2;
	}
	FILE *json = fopen(options.files[3] ? options.files[3] : "/dev/null", "w");
	if (!json) {
		fprintf(stderr, "bench_loading: cannot write %s\n", options.files[3]);
		return 1;
	}
	int is_good = bench(&options, json);
	fclose(json);
	return !is_good;
}
