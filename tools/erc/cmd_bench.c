/* `erc bench`: latency, load time and memory of one artifact on this machine. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tools/erc/bench_run.h"

static const char text[] = "Measures one artifact: load to first result, latency (p50, p90, p99), throughput,\n"
						   "memory. One request at a time; inputs that are not given are random. JSON carries\n"
						   "all samples.\n\n"
						   "With --workload: several tenants on one device, under one or more policies: RT\n"
						   "latency beside BE and alone, RT requests in time, BE throughput. The columns are\n"
						   "explained below the tables. A client's model is what --model names, or a .onnx\n"
						   "file beside the workload, which is compiled for the device. A request is in time\n"
						   "if it ends within its client's deadline_us, or else within valid_factor (2) times\n"
						   "its median alone and paced. With --shed, a closed loop tries again after a\n"
						   "refusal: when an RT request has ended, or at the latest after its valid time.\n"
						   "Each try counts.\n"
						   "--trace is of the last policy at the last load.\n\n"
						   "--input to --budget are for one artifact, --model to --contention for --workload.";

static const char examples[] = "  erc bench resnet50.erca\n"
							   "  erc bench resnet50.erca --workers 1 --seconds 10 --format json\n"
							   "  erc bench --workload two.json --model rt=mobilenetv2.erca \\\n"
							   "    --model be=resnet50.erca --load 0.1,0.3,0.5 --policy elastic,fifo\n"
							   "  erc bench --workload two.json --model rt=mobilenetv2.onnx \\\n"
							   "    --model be=resnet50.onnx --device sim:h100\n";

struct bench {
	struct runner_options open;
	struct text_list inputs;
	const char *format_name;
	uint32_t runs, warmup;
	double seconds;
	struct workload_options workload;
};

struct figures {
	double first_us; /* load and first run, without the time to make random inputs */
	double *samples; /* in run order */
	size_t count;
	double total_us;
};

/* Options of one artifact, and those of both. All others are for --workload. */
static const char *const of_artifact[] = {"input",     "seconds", "runs",  "warmup",
                                          "real-time", "target",  "entry", "budget"};
static const char *const of_both[] = {"device", "workers", "format", "quiet", "workload", "shape"};

#define UNSET UINT32_MAX /* a count that was not given; a number is -1 then */

static bool is_given(const struct option *option)
{
	switch (option->kind) {
	case OPTION_FLAG: return *(const bool *)option->out;
	case OPTION_TEXT: return *(const char *const *)option->out;
	case OPTION_LIST: return ((const struct text_list *)option->out)->count;
	case OPTION_COUNT: return *(const uint32_t *)option->out != UNSET;
	case OPTION_NUMBER: return *(const double *)option->out >= 0;
	}
	return false;
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
	bool found = false;
	for (size_t i = 0; i < count; i++)
		found |= !strcmp(names[i], name);
	return found;
}

/* An option that would have no effect is an error. */
static int check_given(const struct option *options, size_t count, bool is_workload)
{
	for (size_t i = 0; i < count; i++) {
		bool is_artifacts = is_among(options[i].name, of_artifact, COUNT_OF(of_artifact));
		if (is_artifacts != is_workload || !is_given(&options[i]) ||
		    is_among(options[i].name, of_both, COUNT_OF(of_both)))
			continue;
		say_error("--%s has no effect %s --workload", options[i].name, is_workload ? "with" : "without");
		say_note("it is for %s: %s", is_workload ? "one artifact" : "--workload", options[i].help);
		return EXIT_USAGE;
	}
	return ARGS_OK;
}

/* Checks the ranges of what was given, and sets the defaults of the rest. */
static int check_values(struct bench *b)
{
	struct workload_options *w = &b->workload;
	const struct {
		const char *name;
		double *number;
		uint32_t *count; /* one of the two */
		double min, max, otherwise;
	} rows[] = {
		{"seconds", &b->seconds, NULL, MIN_SLICE, MAX_SLICE, 3},
		{"runs", NULL, &b->runs, 1, 1e8, 0},
		{"warmup", NULL, &b->warmup, 0, 1e8, 3},
		{"workers", NULL, &b->open.workers, 1, 1e6, 0},
		{"rounds", NULL, &w->rounds, 1, 1000, 5},
		{"slice", &w->slice, NULL, MIN_SLICE, MAX_SLICE, 0},
		{"rt-slowdown", &w->rt_slowdown, NULL, 0, 1, 0.02},
		{"be-bandwidth", &w->be_bandwidth, NULL, 0, 1, 0},
		{"seed", NULL, &w->seed, 0, 4e9, 1},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		double value = rows[i].number ? *rows[i].number : *rows[i].count == UNSET ? -1.0 : *rows[i].count;
		if (value >= 0 && (value < rows[i].min || value > rows[i].max)) {
			say_error("--%s: %g is not from %g to %g", rows[i].name, value, rows[i].min, rows[i].max);
			return EXIT_USAGE;
		}
		if (value < 0 && rows[i].number)
			*rows[i].number = rows[i].otherwise;
		else if (value < 0)
			*rows[i].count = (uint32_t)rows[i].otherwise;
	}
	return ARGS_OK;
}

static int parse(int argc, char **argv, struct bench *b)
{
	const struct option options[] = {
		{"device", 0, OPTION_TEXT, &b->open.device, "NAME", "cpu (default), cuda, sim:h100 ..."},
		{"workers", 'j', OPTION_COUNT, &b->open.workers, "N", "units of the device (default: all)"},
		{"format", 0, OPTION_TEXT, &b->format_name, "FORM", "text (default), json, md or csv"},
		{"quiet", 'q', OPTION_FLAG, &b->workload.quiet, NULL, "no progress"},
		{"input", 'i', OPTION_LIST, &b->inputs, "NAME=VALUE", "@FILE, random:SEED or zeros (default: random:1)"},
		{"seconds", 's', OPTION_NUMBER, &b->seconds, "S", "measures for this long (default 3)"},
		{"runs", 'n', OPTION_COUNT, &b->runs, "N", "measures this many runs instead"},
		{"warmup", 'w', OPTION_COUNT, &b->warmup, "N", "runs before measuring (default 3)"},
		{"real-time", 0, OPTION_FLAG, &b->open.real_time, NULL, "as real-time work"},
		{"target", 't', OPTION_TEXT, &b->open.target, "TARGET", "instead of the best one that runs here"},
		{"entry", 0, OPTION_TEXT, &b->open.entry, "NAME", "entry point (default: by the files' shapes)"},
		{"budget", 'b', OPTION_TEXT, &b->open.budget, "NAME", "variants of this budget (default: the first)"},
		{"workload", 0, OPTION_TEXT, &b->workload.path, "FILE", "tenants and loads: our JSON, or DISB's"},
		{"model", 'm', OPTION_LIST, &b->workload.models, "NAME=FILE", "a workload's model: an artifact, or .onnx"},
		{"dim", 0, OPTION_LIST, &b->workload.dims, "NAME=N", "size of a symbolic dimension of .onnx models"},
		{"shape", 0, OPTION_LIST, &b->workload.shapes, "INPUT:AxBxC",
	     "shape of an input: of ranges, or of .onnx models"},
		{"const", 0, OPTION_LIST, &b->workload.consts, "INPUT=V[,V]", "pins an input of .onnx models to a value"},
		{"policy", 'p', OPTION_TEXT, &b->workload.policies, "LIST", "elastic,fifo ...: see 'erc version'"},
		{"load", 'l', OPTION_TEXT, &b->workload.loads, "LIST", "what RT offers of the device: 0.1,0.3 or 0.1..1.2"},
		{"arrivals", 0, OPTION_TEXT, &b->workload.arrivals, "MODE", "open (default), or disb: stale ones drop"},
		{"rounds", 'r', OPTION_COUNT, &b->workload.rounds, "N", "times that all slices are run (default 5)"},
		{"slice", 0, OPTION_NUMBER, &b->workload.slice, "S", "seconds of a slice (default 2)"},
		{"shed", 0, OPTION_FLAG, &b->workload.shed, NULL, "refuses RT requests that would be late (below)"},
		{"rt-slowdown", 0, OPTION_NUMBER, &b->workload.rt_slowdown, "X",
	     "elastic: how late RT may be, 0 (never) to 1 (0.02)"},
		{"be-bandwidth", 0, OPTION_NUMBER, &b->workload.be_bandwidth, "X",
	     "elastic: BE's part of memory traffic, to 1; 0: any"},
		{"trace", 0, OPTION_TEXT, &b->workload.trace, "FILE", "Chrome trace of one more slice (below)"},
		{"seed", 0, OPTION_COUNT, &b->workload.seed, "N", "of the arrivals (default 1)"},
		{"by-tile", 0, OPTION_FLAG, &b->workload.by_tile, NULL, "sim: each tile is an event, exact and slow"},
		{"contention", 0, OPTION_FLAG, &b->workload.contention, NULL, "sim: tiles slow each other down"},
	};
	const struct usage usage = {
		"bench",       "MODEL.erca | --workload FILE [options]", text, examples, options, COUNT_OF(options), 0, 1,
		"an artifact",
	};
	int code = args_parse(&usage, argc, argv, &b->open.path);
	if (code != ARGS_OK)
		return code;
	if (!b->open.path == !b->workload.path) {
		say_error("erc bench takes one artifact, or --workload");
		return EXIT_USAGE;
	}
	return check_given(options, COUNT_OF(options), b->workload.path != NULL);
}

static int check_arrivals(const char *name)
{
	if (!name || !strcmp(name, "open") || !strcmp(name, "disb"))
		return ARGS_OK;
	say_error("--arrivals: '%s' is neither open nor disb", name);
	return EXIT_USAGE;
}

static enum erc_status measure(struct runner *runner, const struct bench *b, struct figures *figures)
{
	size_t capacity = 0;
	enum erc_status status = ERC_OK;
	for (uint32_t i = 0; i < b->warmup && status == ERC_OK; i++)
		status = runner_run(runner, false);
	double start = clock_us(), now = start, end = start + b->seconds * 1e6;
	while (status == ERC_OK && (b->runs ? figures->count < b->runs : now < end || !figures->count)) {
		if (figures->count == capacity) {
			capacity = capacity ? capacity * 2 : 1024;
			figures->samples = memory_grow(figures->samples, capacity * sizeof *figures->samples);
			now = clock_us(); /* growing the array is not part of a run */
		}
		status = runner_run(runner, false);
		double finished = clock_us();
		figures->samples[figures->count++] = finished - now;
		now = finished;
	}
	figures->total_us = now - start;
	return status;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Nearest-rank percentile of sorted values. */
static double percentile(const double *sorted, size_t count, double share)
{
	size_t rank = (size_t)(share * (double)count + 0.999999);
	return sorted[rank ? rank - 1 : 0];
}

static void add_latency(struct report *report, const struct figures *figures)
{
	double *sorted = memory_new(figures->count * sizeof *sorted), sum = 0;
	memcpy(sorted, figures->samples, figures->count * sizeof *sorted);
	qsort(sorted, figures->count, sizeof *sorted, by_value);
	for (size_t i = 0; i < figures->count; i++)
		sum += sorted[i];
	report_section(report, "latency", "latency");
	report_fact(report, "p50_us", "p50", CELL_US, percentile(sorted, figures->count, 0.5));
	report_fact(report, "p90_us", "p90", CELL_US, percentile(sorted, figures->count, 0.9));
	report_fact(report, "p99_us", "p99", CELL_US, percentile(sorted, figures->count, 0.99));
	report_fact(report, "mean_us", "mean", CELL_US, sum / (double)figures->count);
	report_fact(report, "least_us", "minimum", CELL_US, sorted[0]);
	report_fact(report, "most_us", "maximum", CELL_US, sorted[figures->count - 1]);
	report_fact(report, "runs", "runs", CELL_COUNT, (double)figures->count);
	report_fact(report, "per_second", "per second", CELL_NUMBER, (double)figures->count / figures->total_us * 1e6);
	free(sorted);
}

static void add_memory(struct report *report, const struct runner *runner, const char *path)
{
	struct erc_memory_info memory;
	struct rusage usage;
	struct stat status;
	report_section(report, "memory", "memory");
	if (erc_model_memory(runner->model, runner->entry, &memory) == ERC_OK) {
		report_fact(report, "weights_bytes", "weights (mapped)", CELL_BYTES, (double)memory.weights_bytes);
		report_fact(report, "code_bytes", "code", CELL_BYTES, (double)memory.code_bytes);
		report_fact(report, "arena_bytes", "activations", CELL_BYTES, (double)memory.arena_bytes);
	}
	if (!getrusage(RUSAGE_SELF, &usage))
		report_fact(report, "peak_resident_bytes", "peak resident", CELL_BYTES, (double)usage.ru_maxrss * 1024);
	if (!stat(path, &status))
		report_fact(report, "artifact_bytes", "artifact", CELL_BYTES, (double)status.st_size);
}

static void print_figures(const struct runner *runner, const struct bench *b, const struct figures *figures,
                          enum format format)
{
	struct report *report = report_new("erc.bench/1");
	report_fact_text(report, "artifact", "artifact", "%s", b->open.path);
	report_fact_text(report, "target", "target", "%s", erc_model_target(runner->model));
	report_fact_text(report, "entry", "entry", "%s", erc_model_entry_name(runner->model, runner->entry));
	report_fact(report, "workers", "workers", CELL_COUNT, erc_runtime_units(runner->runtime));
	report_fact(report, "load_us", "load", CELL_US, runner->load_us);
	report_fact(report, "first_result_us", "load to first result", CELL_US, figures->first_us);
	add_latency(report, figures);
	add_memory(report, runner, b->open.path);
	report_samples(report, "samples_us", figures->samples, figures->count);
	report_print(report, format, stdout);
	report_free(report);
}

static int bench(struct bench *b, enum format format)
{
	struct runner runner;
	struct figures figures = {0};
	b->open.inputs = &b->inputs;
	b->open.shapes = b->workload.shapes;
	int code = bench_check_units(b->open.device, b->open.workers);
	if (code != ARGS_OK)
		return code;
	code = runner_open(&runner, &b->open);
	if (code == ARGS_OK && !erc_runtime_computes(runner.runtime)) {
		say_error("device %s has its own clock; measure on it with --workload", b->open.device);
		code = EXIT_USAGE;
	}
	if (code == ARGS_OK) {
		double start = clock_us();
		enum erc_status status = runner_run(&runner, false);
		figures.first_us = runner.load_us + clock_us() - start;
		if (status == ERC_OK)
			status = measure(&runner, b, &figures);
		code = status == ERC_OK ? EXIT_OK : say_runtime_error(b->open.path, status);
		if (status == ERC_OK)
			print_figures(&runner, b, &figures, format);
	}
	free(figures.samples);
	runner_close(&runner);
	return code;
}

int cmd_bench(int argc, char **argv)
{
	struct bench b = {
		.seconds = -1,
		.runs = UNSET,
		.warmup = UNSET,
		.open = {.random_by_default = true, .workers = UNSET},
		.workload = {.rounds = UNSET, .seed = UNSET, .slice = -1, .rt_slowdown = -1, .be_bandwidth = -1},
	};
	enum format format;
	int code = parse(argc, argv, &b);
	if (code == ARGS_OK)
		code = check_values(&b);
	faults_report();
	if (code == ARGS_OK)
		code = format_parse(b.format_name, &format);
	if (code == ARGS_OK)
		code = check_arrivals(b.workload.arrivals);
	b.workload.workers = b.open.workers;
	b.workload.device = b.open.device;
	if (code == ARGS_OK)
		code = b.workload.path ? bench_workload(&b.workload, format) : bench(&b, format);
	text_list_free(&b.inputs);
	text_list_free(&b.workload.models);
	text_list_free(&b.workload.dims);
	text_list_free(&b.workload.shapes);
	text_list_free(&b.workload.consts);
	return code;
}
