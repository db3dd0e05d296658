/* A small real-time model beside best-effort networks that always have work, as an application sees it: an ordinary
 * thread submits at a fixed rate, waits, and checks whether the answer came within the deadline. Another thread of
 * ordinary priority only sleeps and records how late the machine wakes it. Such delays are the machine's, and the
 * runtime cannot avoid them.
 *
 *     bench_voice RT.erca BE.erca [BE.erca]... [--seconds S] [--rate PER_SECOND] [--deadline-us US] [--fifo PRIORITY]   */
#include "runtime/include/erc.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/stall.h"

#define MOST_BE 8

struct tenant {
	erc_model *model;
	erc_session *session;
	erc_request *request;
	void *data[16];
	pthread_t thread;
	long runs;
};

struct options {
	const char *files[1 + MOST_BE];
	int file_count;
	double seconds, rate, deadline_us;
	int fifo;
};

static _Atomic int is_over;

static void fail(const char *what)
{
	fprintf(stderr, "bench_voice: %s: %s\n", what, erc_error_detail());
	exit(1);
}

static void open_tenant(struct tenant *tenant, erc_runtime *runtime, const char *file, enum erc_class class_)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = class_};
	struct erc_tensor_info info;
	uint32_t in = 0, out = 0;
	if (erc_model_load(runtime, file, NULL, &tenant->model) ||
	    erc_session_create(tenant->model, &options, &tenant->session) ||
	    erc_request_create(tenant->session, &tenant->request))
		fail(file);
	for (; in < erc_model_input_count(tenant->model, 0); in++) {
		erc_model_input_info(tenant->model, 0, in, &info);
		tenant->data[in] = calloc(1, info.bytes + 1);
		erc_request_bind_input(tenant->request, in, tenant->data[in], info.bytes);
	}
	for (; out < erc_model_output_count(tenant->model, 0); out++) {
		erc_model_output_info(tenant->model, 0, out, &info);
		tenant->data[in + out] = calloc(1, info.bytes + 1);
		erc_request_bind_output(tenant->request, out, tenant->data[in + out], info.bytes);
	}
}

static void close_tenant(struct tenant *tenant)
{
	if (erc_request_destroy(tenant->request) || erc_session_destroy(tenant->session) || erc_model_unload(tenant->model))
		fail("closing");
	for (size_t i = 0; i < sizeof tenant->data / sizeof *tenant->data; i++)
		free(tenant->data[i]);
}

static void *feed(void *argument)
{
	struct tenant *tenant = argument;
	for (; !atomic_load(&is_over); tenant->runs++)
		if (erc_request_run(tenant->request))
			fail("best-effort work");
	return NULL;
}

/* ---- the machine's own wakes ---- */

struct wakes {
	double period_ns, deadline_ns, worst_ns;
	long sleeps, late;
	pthread_t thread;
};

static void *watch(void *argument)
{
	struct wakes *wakes = argument;
	for (uint64_t next = stall_now_ns(); !atomic_load(&is_over); wakes->sleeps++) {
		next += (uint64_t)wakes->period_ns;
		stall_sleep_until(next);
		double late_ns = (double)stall_now_ns() - (double)next;
		wakes->late += late_ns > wakes->deadline_ns;
		wakes->worst_ns = late_ns > wakes->worst_ns ? late_ns : wakes->worst_ns;
		if (late_ns > wakes->period_ns)
			next = stall_now_ns();
	}
	return NULL;
}

/* ---- the run ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Arrivals do not wait for answers: a late answer delays the next one too. */
static void run_real_time(struct tenant *rt, const struct options *options, const char *name)
{
	int count = (int)(options->seconds * options->rate), in_time = 0;
	double *us = calloc((size_t)count + 1, sizeof *us), period_ns = 1e9 / options->rate;
	uint64_t start = stall_now_ns() + 1000000;
	for (int i = 0; i < count; i++) {
		uint64_t arrival = start + (uint64_t)(i * period_ns);
		stall_sleep_until(arrival);
		if (erc_request_run(rt->request))
			fail("real-time work");
		us[i] = (double)(stall_now_ns() - arrival) / 1e3;
		in_time += us[i] <= options->deadline_us;
	}
	qsort(us, (size_t)count, sizeof *us, by_value);
	printf("%-12s %8d requests, %6.2f %% in time, p50 %7.1f us, p99 %8.1f us, most %8.1f us\n", name, count,
	       100.0 * in_time / count, us[count / 2], us[count * 99l / 100], us[count - 1]);
	free(us);
}

static int parse(int argc, char **argv, struct options *options)
{
	*options = (struct options){.seconds = 10, .rate = 100, .deadline_us = 2000};
	for (int i = 1; i < argc; i++) {
		double *number = !strcmp(argv[i], "--seconds")       ? &options->seconds
		                 : !strcmp(argv[i], "--rate")        ? &options->rate
		                 : !strcmp(argv[i], "--deadline-us") ? &options->deadline_us
		                                                     : NULL;
		int is_fifo = !strcmp(argv[i], "--fifo");
		if ((number || is_fifo) && i + 1 == argc)
			return 0;
		if (number)
			*number = atof(argv[++i]);
		else if (is_fifo)
			options->fifo = atoi(argv[++i]);
		else if (argv[i][0] == '-' || options->file_count > MOST_BE)
			return 0;
		else
			options->files[options->file_count++] = argv[i];
	}
	return options->file_count >= 1 && options->seconds * options->rate >= 1 && options->seconds * options->rate < 1e8;
}

static void say(void *user, enum erc_log_level level, const char *message)
{
	(void)user;
	if (level <= ERC_LOG_INFO)
		printf("log: %s\n", message);
}

int main(int argc, char **argv)
{
	static struct tenant rt, be[MOST_BE];
	struct options options;
	erc_runtime *runtime;
	if (!parse(argc, argv, &options)) {
		fprintf(stderr,
		        "usage: bench_voice RT.erca [BE.erca]... [--seconds S] [--rate PER_SECOND] [--deadline-us US] [--fifo "
		        "PRIORITY]\n");
		return 2;
	}
	struct erc_runtime_options open = {.size = sizeof open, .log = say, .rt_os_priority = (uint32_t)options.fifo};
	struct wakes wakes = {.period_ns = 1e9 / options.rate, .deadline_ns = options.deadline_us * 1e3};
	if (erc_runtime_create(&open, &runtime))
		fail("start");
	open_tenant(&rt, runtime, options.files[0], ERC_REAL_TIME);
	run_real_time(&rt, &options, "alone");
	for (int i = 1; i < options.file_count; i++) {
		open_tenant(&be[i - 1], runtime, options.files[i], ERC_BEST_EFFORT);
		pthread_create(&be[i - 1].thread, NULL, feed, &be[i - 1]);
	}
	pthread_create(&wakes.thread, NULL, watch, &wakes);
	run_real_time(&rt, &options, "beside BE");
	atomic_store(&is_over, 1);
	pthread_join(wakes.thread, NULL);
	for (int i = 1; i < options.file_count; i++) {
		pthread_join(be[i - 1].thread, NULL);
		printf("%-12s %8.1f runs a second: %s\n", "best effort", (double)be[i - 1].runs / options.seconds,
		       options.files[i]);
		close_tenant(&be[i - 1]);
	}
	printf("%-12s %8ld sleeps, %6.2f %% woken in the deadline's time, most %8.1f us late\n", "idle thread",
	       wakes.sleeps, 100.0 - 100.0 * (double)wakes.late / (double)wakes.sleeps, wakes.worst_ns / 1e3);
	close_tenant(&rt);
	return erc_runtime_destroy(runtime) != ERC_OK;
}
