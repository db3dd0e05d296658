/* How soon a program that was stopped admits requests again. A child process submits real-time requests at a fixed
 * rate, beside best-effort networks that always have work. Its session refuses requests that would be late. The parent
 * stops the whole process for a while, lets it continue, and measures how long it takes until a request is admitted,
 * and until one ends in time. The measured time of a run includes the stop. An estimate that a single run can spoil
 * would refuse all requests from then on.
 *
 *     bench_stop RT.erca [BE.erca]... [--stops N] [--stop-ms MS] [--rate PER_SECOND] [--deadline-us US]   */
#include "runtime/include/erc.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/stall.h"

#define MOST_BE 8

struct options {
	const char *files[1 + MOST_BE];
	int file_count;
	double stops, stop_ms, rate, deadline_us;
};

/* What the child reports to its parent, in shared memory. */
struct counts {
	_Atomic uint64_t submitted, admitted, in_time;
	/* when the last admitted request, and the last one that ended in time, were submitted */
	_Atomic uint64_t admitted_ns, in_time_ns;
	_Atomic int is_over;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_stop: %s: %s\n", what, erc_error_detail());
	exit(1);
}

/* ---- the child ---- */

static erc_request *open_tenant(erc_runtime *runtime, const char *file, enum erc_class class_,
                                const struct options *options)
{
	struct erc_session_options session_options = {.size = sizeof session_options, .class_ = class_};
	struct erc_tensor_info info;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	if (class_ == ERC_REAL_TIME) {
		session_options.shed = 1;
		session_options.deadline_us = (uint64_t)options->deadline_us;
	}
	if (erc_model_load(runtime, file, NULL, &model) || erc_session_create(model, &session_options, &session) ||
	    erc_request_create(session, &request))
		fail(file);
	for (uint32_t i = 0; i < erc_model_input_count(model, 0); i++) {
		erc_model_input_info(model, 0, i, &info);
		erc_request_bind_input(request, i, calloc(1, info.bytes + 1), info.bytes);
	}
	for (uint32_t i = 0; i < erc_model_output_count(model, 0); i++) {
		erc_model_output_info(model, 0, i, &info);
		erc_request_bind_output(request, i, calloc(1, info.bytes + 1), info.bytes);
	}
	return request;
}

static void *feed(void *argument)
{
	while (!erc_request_run(argument))
		;
	fail("best-effort work");
	return NULL;
}

/* Runs until the parent stops it. The tenants' memory is freed when the process ends. */
static void run_child(const struct options *options, struct counts *counts)
{
	struct erc_runtime_options open = {.size = sizeof open};
	uint64_t period_ns = (uint64_t)(1e9 / options->rate), next_ns;
	erc_runtime *runtime;
	pthread_t thread;
	if (erc_runtime_create(&open, &runtime))
		fail("start");
	erc_request *rt = open_tenant(runtime, options->files[0], ERC_REAL_TIME, options);
	for (int i = 1; i < options->file_count; i++)
		if (pthread_create(&thread, NULL, feed, open_tenant(runtime, options->files[i], ERC_BEST_EFFORT, options)))
			fail("a thread");
	for (next_ns = stall_now_ns(); !atomic_load(&counts->is_over); next_ns += period_ns) {
		if (stall_now_ns() > next_ns + period_ns)
			next_ns = stall_now_ns(); /* requests of the time of the stop are left out */
		stall_sleep_until(next_ns);
		uint64_t begin_ns = stall_now_ns();
		enum erc_status status = erc_request_run(rt);
		atomic_fetch_add(&counts->submitted, 1);
		if (status == ERC_SHED)
			continue;
		if (status)
			fail("real-time work");
		atomic_store(&counts->admitted_ns, begin_ns);
		atomic_fetch_add(&counts->admitted, 1);
		if ((double)(stall_now_ns() - begin_ns) > options->deadline_us * 1e3)
			continue;
		atomic_store(&counts->in_time_ns, begin_ns);
		atomic_fetch_add(&counts->in_time, 1);
	}
	_exit(0);
}

/* ---- the parent ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Milliseconds from `from_ns` until the child has reported a later time; at most a second. */
static double wait_for(const _Atomic uint64_t *when_ns, uint64_t from_ns)
{
	for (uint64_t end_ns = from_ns + 1000000000u; stall_now_ns() < end_ns; stall_sleep_until(stall_now_ns() + 200000))
		if (atomic_load(when_ns) >= from_ns)
			return (double)(atomic_load(when_ns) - from_ns) / 1e6;
	return 1000;
}

static void print_times(const char *name, double *ms, int count)
{
	qsort(ms, (size_t)count, sizeof *ms, by_value);
	printf("%-28s p50 %7.2f ms, p90 %7.2f ms, maximum %7.2f ms\n", name, ms[count / 2], ms[count * 9 / 10],
	       ms[count - 1]);
}

static void run_parent(const struct options *options, struct counts *counts, pid_t child)
{
	int count = (int)options->stops;
	double *admitted_ms = calloc((size_t)count, sizeof *admitted_ms),
		   *in_time_ms = calloc((size_t)count, sizeof *in_time_ms);
	stall_sleep_until(stall_now_ns() + 1000000000u);
	uint64_t submitted = atomic_load(&counts->submitted), admitted = atomic_load(&counts->admitted);
	printf("before the first stop        %llu requests, %llu admitted, %llu in time\n", (unsigned long long)submitted,
	       (unsigned long long)admitted, (unsigned long long)atomic_load(&counts->in_time));
	for (int i = 0; i < count; i++) {
		/* Stops at any phase of the child's period, so that some stops hit a run. */
		stall_sleep_until(stall_now_ns() + 200000000u + (uint64_t)i * 7919u % 10000000u);
		kill(child, SIGSTOP);
		stall_sleep_until(stall_now_ns() + (uint64_t)(options->stop_ms * 1e6));
		uint64_t from_ns = stall_now_ns();
		kill(child, SIGCONT);
		admitted_ms[i] = wait_for(&counts->admitted_ns, from_ns);
		in_time_ms[i] = wait_for(&counts->in_time_ns, from_ns);
	}
	stall_sleep_until(stall_now_ns() + 200000000u);
	submitted = atomic_load(&counts->submitted) - submitted;
	admitted = atomic_load(&counts->admitted) - admitted;
	printf("%d stops of %.0f ms          %llu requests, %llu refused\n", count, options->stop_ms,
	       (unsigned long long)submitted, (unsigned long long)(submitted - admitted));
	print_times("continue to first admitted", admitted_ms, count);
	print_times("continue to first in time", in_time_ms, count);
	free(admitted_ms);
	free(in_time_ms);
}

static int parse(int argc, char **argv, struct options *options)
{
	*options = (struct options){.stops = 30, .stop_ms = 100, .rate = 200, .deadline_us = 2000};
	const struct {
		const char *name;
		double *number;
	} numbers[] = {{"--stops", &options->stops},
	               {"--stop-ms", &options->stop_ms},
	               {"--rate", &options->rate},
	               {"--deadline-us", &options->deadline_us}};
	for (int i = 1; i < argc; i++) {
		double *number = NULL;
		for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
			number = strcmp(argv[i], numbers[k].name) ? number : numbers[k].number;
		if (number && i + 1 < argc)
			*number = atof(argv[++i]);
		else if (number || argv[i][0] == '-' || options->file_count > MOST_BE)
			return 0;
		else
			options->files[options->file_count++] = argv[i];
	}
	return options->file_count >= 1 && options->stops >= 1 && options->stops < 1e6 && options->stop_ms >= 0 &&
	       options->rate > 0 && options->deadline_us >= 1;
}

int main(int argc, char **argv)
{
	struct options options;
	if (!parse(argc, argv, &options)) {
		fprintf(stderr, "usage: bench_stop RT.erca [BE.erca]... [--stops N] [--stop-ms MS] [--rate PER_SECOND] "
		                "[--deadline-us US]\n");
		return 2;
	}
	struct counts *counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		return 1;
	fflush(stdout);
	pid_t child = fork();
	if (child < 0)
		return 1;
	if (!child)
		run_child(&options, counts);
	run_parent(&options, counts, child);
	atomic_store(&counts->is_over, 1);
	int status;
	waitpid(child, &status, 0);
	return !WIFEXITED(status) || WEXITSTATUS(status);
}
