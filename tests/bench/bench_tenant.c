/* The erc side of `make bench-tenants`: `bench_tenant RT.erca BE.erca`. An ordinary program: one process, one runtime
 * with default options, an RT and a BE session, and for each a thread that sleeps while its request runs. tenants.py
 * writes a line for each slice to its standard input, and to that of tenant_partner.py:
 *
 *     START_NS END_NS IS_BE COUNT ARRIVAL_NS ...
 *
 * Times are CLOCK_MONOTONIC's. If IS_BE is 1, BE runs request after request from start to end. COUNT real-time requests
 * arrive at the given times. It is an open loop: a request that is submitted late is not left out, and its latency
 * counts from its arrival. The answer is a line
 *
 *     BE_RUNS LATENCY_NS ...
 *
 * where the run that is under way at the end counts in part. The program first prints "ready", and ends when its input
 * ends. */
#include "runtime/include/erc.h"
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WARM_RUNS 5

struct tenant {
	erc_model *model;
	erc_session *session;
	erc_request *request;
};

struct slice {
	struct tenant *rt, *be;
	uint64_t start_ns, end_ns;
	uint32_t count;
	uint64_t *times_ns; /* arrivals, then latencies */
	double be_runs;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_tenant: %s: %s\n", what, erc_error_detail());
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec then = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
}

/* Allocates memory for all tensors, which is never freed. Inputs are numbers between 0 and 1. */
static void bind_all(struct tenant *tenant)
{
	uint32_t inputs = erc_model_input_count(tenant->model, 0), outputs = erc_model_output_count(tenant->model, 0);
	for (uint32_t i = 0; i < inputs + outputs; i++) {
		struct erc_tensor_info info;
		if (i < inputs ? erc_model_input_info(tenant->model, 0, i, &info)
		               : erc_model_output_info(tenant->model, 0, i - inputs, &info))
			fail("tensor");
		float *data = aligned_alloc(64, (info.bytes + 63) / 64 * 64);
		if (!data)
			fail("memory");
		for (size_t k = 0; i < inputs && info.dtype == ERC_F32 && k < info.bytes / sizeof *data; k++)
			data[k] = (float)(k * 37 % 101) / 101;
		if (i < inputs ? erc_request_bind_input(tenant->request, i, data, info.bytes)
		               : erc_request_bind_output(tenant->request, i - inputs, data, info.bytes))
			fail("bind");
	}
}

static void open_tenant(struct tenant *tenant, erc_runtime *runtime, const char *path, enum erc_class class_)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = class_};
	if (erc_model_load(runtime, path, NULL, &tenant->model) ||
	    erc_session_create(tenant->model, &options, &tenant->session) ||
	    erc_request_create(tenant->session, &tenant->request))
		fail(path);
	bind_all(tenant);
	for (int i = 0; i < WARM_RUNS; i++)
		if (erc_request_run(tenant->request))
			fail(path);
}

static void close_tenant(struct tenant *tenant)
{
	if (erc_request_destroy(tenant->request) || erc_session_destroy(tenant->session) || erc_model_unload(tenant->model))
		fail("end");
}

static void *run_be(void *argument)
{
	struct slice *slice = argument;
	sleep_until(slice->start_ns);
	for (uint64_t began_ns = now_ns(), ended_ns; began_ns < slice->end_ns; began_ns = ended_ns) {
		if (erc_request_run(slice->be->request))
			fail("best effort");
		ended_ns = now_ns();
		slice->be_runs +=
			ended_ns <= slice->end_ns ? 1 : (double)(slice->end_ns - began_ns) / (double)(ended_ns - began_ns);
	}
	return NULL;
}

static void run_rt(struct slice *slice)
{
	for (uint32_t i = 0; i < slice->count; i++) {
		sleep_until(slice->times_ns[i]);
		if (erc_request_submit_at(slice->rt->request, slice->times_ns[i]) ||
		    erc_request_wait(slice->rt->request, UINT64_MAX))
			fail("real time");
		slice->times_ns[i] = now_ns() - slice->times_ns[i];
	}
}

/* Returns false if the line has another form. */
static bool parse(char *line, struct slice *slice, bool *is_be)
{
	char *at = line;
	uint64_t head[4];
	for (int i = 0; i < 4; i++) {
		char *from = at;
		head[i] = strtoull(from, &at, 10);
		if (at == from)
			return false;
	}
	slice->start_ns = head[0];
	slice->end_ns = head[1];
	*is_be = head[2] != 0;
	slice->count = (uint32_t)head[3];
	slice->times_ns = calloc(slice->count + 1, sizeof *slice->times_ns);
	for (uint32_t i = 0; i < slice->count && slice->times_ns; i++) {
		char *from = at;
		slice->times_ns[i] = strtoull(from, &at, 10);
		if (at == from)
			return false;
	}
	return slice->times_ns != NULL;
}

static void run_slice(struct slice *slice, bool is_be)
{
	pthread_t thread;
	if (is_be && pthread_create(&thread, NULL, run_be, slice))
		fail("thread");
	run_rt(slice);
	if (is_be)
		pthread_join(thread, NULL);
	printf("%.4f", slice->be_runs);
	for (uint32_t i = 0; i < slice->count; i++)
		printf(" %" PRIu64, slice->times_ns[i]);
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct tenant rt, be;
	erc_runtime *runtime;
	char *line = NULL;
	size_t capacity = 0;
	if (argc != 3)
		return fprintf(stderr, "usage: bench_tenant RT.erca BE.erca\n"), 2;
	signal(SIGINT, SIG_IGN); /* the program at the other end of the input ends this one */
	if (erc_runtime_create(NULL, &runtime))
		fail("start");
	open_tenant(&rt, runtime, argv[1], ERC_REAL_TIME);
	open_tenant(&be, runtime, argv[2], ERC_BEST_EFFORT);
	printf("ready erc %s, %u units\n", erc_version(), erc_runtime_units(runtime));
	fflush(stdout);
	while (getline(&line, &capacity, stdin) > 0) {
		struct slice slice = {.rt = &rt, .be = &be};
		bool is_be;
		if (!parse(line, &slice, &is_be))
			return fprintf(stderr, "bench_tenant: not a slice: %.60s\n", line), 2;
		run_slice(&slice, is_be);
		free(slice.times_ns);
	}
	free(line);
	close_tenant(&rt);
	close_tenant(&be);
	return erc_runtime_destroy(runtime) != ERC_OK;
}
