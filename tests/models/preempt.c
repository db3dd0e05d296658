/* Compares preempted runs with a run alone: `preempt [options] RUNS WORKERS ARTIFACT...`. While a model runs, its room
 * changes at random moments, also to 0 and back, and its budget changes between launches. Another session uses the free
 * units. Every run under every budget must give the same bytes as the run alone. With --urgent, real-time runs of the
 * same model beside them must give the same bytes, too. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schemas/artifact.h"
#include "tools/erc/command.h"

#define MAX_BUDGETS 8
#define OPERANDS 64

struct settings {
	const char *device; /* NULL: cpu */
	uint32_t runs, workers;
	uint32_t seconds; /* maximum for each artifact; 0: no limit */
	bool urgent;      /* real-time runs beside them */
};

struct disturber {
	erc_session *session;
	const char *budgets[MAX_BUDGETS + 1]; /* the last one: by room */
	uint32_t budget_count, units;
	uint64_t random;
	_Atomic bool is_over;
	uint64_t changes;
};

static uint32_t next_random(struct disturber *d, uint32_t below)
{
	d->random = d->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(d->random >> 33) % below;
}

static void *disturb(void *argument)
{
	struct disturber *d = argument;
	while (!atomic_load(&d->is_over)) {
		if (next_random(d, 4))
			erc_session_set_units(d->session, next_random(d, d->units + 1));
		else
			erc_session_set_budget(d->session, d->budgets[next_random(d, d->budget_count + 1)]);
		d->changes++;
		struct timespec pause = {0, (long)next_random(d, 300000)};
		nanosleep(&pause, NULL);
	}
	erc_session_set_units(d->session, d->units); /* runs under way can end */
	return NULL;
}

static size_t output_bytes(const struct runner *runner)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < runner->output_count; i++)
		bytes += runner->outputs[i].bytes;
	return bytes;
}

/* Copies all elements of the outputs, with zeros after the true dims up to the bounds. */
static void take_outputs(const struct runner *runner, char *to)
{
	for (uint32_t i = 0; i < runner->output_count; i++) {
		struct array view = {.bytes = 0};
		memset(to, 0, runner->outputs[i].bytes);
		if (runner_output(runner, i, &view) == ERC_OK)
			memcpy(to, view.data, view.bytes);
		to += runner->outputs[i].bytes;
	}
}

static void list_budgets(const char *path, const char *target, struct disturber *d)
{
	erc_artifact *artifact;
	if (erc_artifact_open(path, &artifact) != ERC_OK)
		return;
	for (uint32_t t = 0; t < erc_artifact_count(artifact, ERC_TABLE_TARGETS); t++) {
		const struct erca_target *record = erc_artifact_record(artifact, ERC_TABLE_TARGETS, t);
		if (strcmp(erc_artifact_string(artifact, record->name), target))
			continue;
		for (uint32_t b = 0; b < record->budget_count && b < MAX_BUDGETS; b++) {
			const struct erca_budget *budget =
				erc_artifact_record(artifact, ERC_TABLE_BUDGETS, record->budget_first + b);
			d->budgets[d->budget_count++] = memory_printf("%s", erc_artifact_string(artifact, budget->name));
		}
	}
	erc_artifact_close(artifact);
}

/* Runs until there were as many runs and as many preemptions as requested (a small model is seldom preempted), or the
 * time is over. Returns the number of runs that differed; -1 if one failed. */
static int run_disturbed(struct runner *runner, const struct settings *settings, const char *expected, char *actual,
                         struct erc_session_stats *stats)
{
	uint32_t least = settings->runs;
	double end_us = settings->seconds ? clock_us() + settings->seconds * 1e6 : INFINITY;
	int different = 0;
	for (uint32_t i = 0; (i < least || (stats->preemptions < least && i < 10000 * least)) && clock_us() < end_us; i++) {
		if (i % 64 == 0)
			erc_session_stats(runner->session, stats);
		if (runner_run(runner, true) != ERC_OK) {
			printf("FAIL: run %u: %s\n", i, erc_error_detail());
			return -1;
		}
		take_outputs(runner, actual);
		different += memcmp(actual, expected, output_bytes(runner)) != 0;
	}
	return different;
}

/* Real-time runs in the same runtime, with pauses. */
struct urgent {
	struct runner runner; /* a copy of the other one, except session, request and outputs */
	const char *expected;
	char *actual;
	pthread_t thread;
	_Atomic bool is_over;
	uint32_t runs, different, failed;
};

static void *run_urgent(void *argument)
{
	struct urgent *u = argument;
	while (!atomic_load(&u->is_over)) {
		u->failed += runner_run(&u->runner, true) != ERC_OK;
		take_outputs(&u->runner, u->actual);
		u->different += memcmp(u->actual, u->expected, output_bytes(&u->runner)) != 0;
		u->runs++;
		struct timespec pause = {0, 1000000};
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static bool urgent_start(struct urgent *u, const struct runner *other, const char *expected)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME};
	u->runner = *other;
	u->expected = expected;
	u->actual = memory_new(output_bytes(other));
	u->runner.outputs = memory_new(other->output_count * sizeof *other->outputs);
	if (erc_session_create(other->model, &options, &u->runner.session) != ERC_OK ||
	    erc_request_create(u->runner.session, &u->runner.request) != ERC_OK)
		return false;
	for (uint32_t i = 0; i < other->input_count; i++)
		if (erc_request_bind_input(u->runner.request, i, other->inputs[i].data, other->inputs[i].bytes) != ERC_OK)
			return false;
	for (uint32_t i = 0; i < other->output_count; i++) {
		u->runner.outputs[i] = other->outputs[i];
		u->runner.outputs[i].data = memory_new(other->outputs[i].bytes);
		if (erc_request_bind_output(u->runner.request, i, u->runner.outputs[i].data, other->outputs[i].bytes) != ERC_OK)
			return false;
	}
	return !pthread_create(&u->thread, NULL, run_urgent, u);
}

/* Returns whether all runs of the artifact were right. */
static bool urgent_end(struct urgent *u, const char *name)
{
	atomic_store(&u->is_over, true);
	pthread_join(u->thread, NULL);
	printf("%-20s %7u real-time runs beside them: %u differ, %u failed\n", name, u->runs, u->different, u->failed);
	erc_request_destroy(u->runner.request);
	erc_session_destroy(u->runner.session);
	for (uint32_t i = 0; i < u->runner.output_count; i++)
		free(u->runner.outputs[i].data);
	free(u->runner.outputs);
	free(u->actual);
	return u->runs && !u->different && !u->failed;
}

/* artifact: its file, and where it has ranges the shape of an input: "squeezenet.erca@data:2x3x224x224". */
static bool check(const char *artifact, const struct settings *settings)
{
	struct text_list no_inputs = {0}, shapes = {0};
	char path[4096];
	const char *at = strrchr(artifact, '@');
	snprintf(path, sizeof path, "%.*s", at ? (int)(at - artifact) : (int)strlen(artifact), artifact);
	if (at)
		text_list_add(&shapes, at + 1);
	struct runner_options options = {
		.shapes = shapes,
		.path = path,
		.device = settings->device,
		.inputs = &no_inputs,
		.workers = settings->workers,
		.random_by_default = true,
	};
	struct runner runner;
	struct erc_session_stats stats = {.size = sizeof stats};
	if (runner_open(&runner, &options) != ARGS_OK || runner_run(&runner, true) != ERC_OK) {
		printf("FAIL: %s: %s\n", path, erc_error_detail());
		return false;
	}
	struct disturber d = {.session = runner.session,
	                      .units = erc_runtime_units(runner.runtime),
	                      .random = settings->runs};
	list_budgets(path, erc_model_target(runner.model), &d);
	char *expected = memory_new(output_bytes(&runner)), *actual = memory_new(output_bytes(&runner));
	take_outputs(&runner, expected);
	const char *name = strrchr(artifact, '/') ? strrchr(artifact, '/') + 1 : artifact;
	struct urgent urgent = {.runs = 0};
	pthread_t thread;
	if (pthread_create(&thread, NULL, disturb, &d) || (settings->urgent && !urgent_start(&urgent, &runner, expected)))
		return false;
	int different = run_disturbed(&runner, settings, expected, actual, &stats);
	atomic_store(&d.is_over, true);
	pthread_join(thread, NULL);
	bool is_urgent_good = !settings->urgent || urgent_end(&urgent, name);
	erc_session_stats(runner.session, &stats);
	printf("%-20s %7llu runs, %7llu changes, %7llu preemptions, %u budgets: %d differ\n", name,
	       (unsigned long long)stats.completed, (unsigned long long)d.changes, (unsigned long long)stats.preemptions,
	       d.budget_count, different);
	bool is_good = is_urgent_good && different == 0 && stats.preemptions > 0 && d.budget_count > 0;
	if (different > 0)
		printf("FAIL: %s: %d runs differ\n", name, different);
	if (!is_urgent_good)
		printf("FAIL: %s: real-time runs\n", name);
	else if (!different && !is_good)
		printf("FAIL: %s: nothing was preempted\n", name);
	for (uint32_t i = 0; i < d.budget_count; i++)
		free((char *)d.budgets[i]);
	free(expected);
	free(actual);
	runner_close(&runner);
	text_list_free(&shapes);
	return is_good;
}

int main(int argc, char **argv)
{
	struct settings settings = {.device = NULL};
	const char *operands[OPERANDS] = {NULL};
	uint32_t passed = 0, failed = 0;
	const struct option options[] = {
		{"device", 0, OPTION_TEXT, &settings.device, "NAME", "runs on this one (default cpu)"},
		{"seconds", 0, OPTION_COUNT, &settings.seconds, "S", "no more runs of an artifact after that time"},
		{"urgent", 0, OPTION_FLAG, &settings.urgent, NULL, "real-time runs of the same model beside them"},
	};
	const struct usage usage = {
		"preempt",
		"[options] RUNS WORKERS ARTIFACT...",
		"Preempted runs against undisturbed ones.",
		"  preempt --device cuda --seconds 20 1000 0 squeezenet.erca\n",
		options,
		COUNT_OF(options),
		3,
		OPERANDS,
		"RUNS",
	};
	int code = args_parse(&usage, argc, argv, operands);
	if (code != ARGS_OK)
		return code;
	settings.runs = (uint32_t)atoi(operands[0]);
	settings.workers = (uint32_t)atoi(operands[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 2; i < OPERANDS && operands[i]; i++) {
		bool is_good = check(operands[i], &settings);
		passed += is_good;
		failed += !is_good;
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed ? 1 : 0;
}
