/* Four tenants share the CPU. Two are real-time tenants of different levels; their requests arrive at fixed rates
 * and have deadlines. Two are best-effort tenants that always have work. Prints how many real-time requests were in
 * time.
 *
 *     four_tenants RT.erca RT.erca BE.erca BE.erca [REQUESTS]      (models with one input and one output) */
#include <erc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PERIOD 10           /* time between arrivals, in multiples of the median run alone, */
#define MIN_PERIOD_US 10000 /* but at least this */
#define DEADLINE 5          /* likewise, in multiples of the median run alone */
#define MIN_DEADLINE_US 2000

struct tenant {
	const char *path;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	void *input, *output;
	double alone_us;
	long runs, requests;
	pthread_t thread;
};

static erc_runtime *runtime;
static _Atomic int stop;

static double period_us(const struct tenant *tenant)
{
	double us = PERIOD * tenant->alone_us;
	return us > MIN_PERIOD_US ? us : MIN_PERIOD_US;
}

static double deadline_us(const struct tenant *tenant)
{
	double us = DEADLINE * tenant->alone_us;
	return us > MIN_DEADLINE_US ? us : MIN_DEADLINE_US;
}

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, erc_error_detail());
	exit(1);
}

static void open_tenant(struct tenant *tenant, struct erc_session_options options)
{
	struct erc_tensor_info in, out;
	options.size = sizeof options;
	if (erc_session_create(tenant->model, &options, &tenant->session) ||
	    erc_request_create(tenant->session, &tenant->request) || erc_model_input_info(tenant->model, 0, 0, &in) ||
	    erc_model_output_info(tenant->model, 0, 0, &out))
		fail(tenant->path);
	tenant->input = calloc(1, in.bytes);
	tenant->output = calloc(1, out.bytes);
	if (erc_request_bind_input(tenant->request, 0, tenant->input, in.bytes) ||
	    erc_request_bind_output(tenant->request, 0, tenant->output, out.bytes))
		fail(tenant->path);
}

static void close_tenant(struct tenant *tenant)
{
	if (erc_request_destroy(tenant->request) || erc_session_destroy(tenant->session))
		fail(tenant->path);
	free(tenant->input);
	free(tenant->output);
}

/* The median of a few runs that have the whole device. */
static void measure_alone(struct tenant *tenant)
{
	struct erc_session_stats stats = {.size = sizeof stats};
	open_tenant(tenant, (struct erc_session_options){.class_ = ERC_REAL_TIME});
	for (int i = 0; i < 9; i++)
		if (erc_request_run(tenant->request))
			fail(tenant->path);
	erc_session_stats(tenant->session, &stats);
	tenant->alone_us = stats.p50_us;
	close_tenant(tenant);
}

static void *run_be(void *argument)
{
	struct tenant *tenant = argument;
	for (; !stop; tenant->runs++)
		if (erc_request_run(tenant->request))
			fail(tenant->path);
	return NULL;
}

/* Requests arrive without waiting for earlier ones to end: a deadline counts from when a request should have been
 * submitted. */
static void *run_rt(void *argument)
{
	struct tenant *tenant = argument;
	uint64_t start = erc_runtime_now_ns(runtime), period_ns = (uint64_t)(period_us(tenant) * 1000);
	for (long i = 0; i < tenant->requests; i++) {
		uint64_t arrival = start + (uint64_t)i * period_ns;
		struct timespec when = {(time_t)(arrival / 1000000000), (long)(arrival % 1000000000)};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
		if (erc_request_submit_at(tenant->request, arrival) || erc_request_wait(tenant->request, UINT64_MAX))
			fail(tenant->path);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct tenant tenants[4] = {0};
	int requests = argc > 5 ? atoi(argv[5]) : 500, is_good = 1;
	if (argc < 5 || requests < 1)
		return fprintf(stderr, "usage: four_tenants RT.erca RT.erca BE.erca BE.erca [REQUESTS]\n"), 2;
	if (erc_runtime_create(NULL, &runtime))
		fail("start");
	for (int i = 0; i < 4; i++) {
		tenants[i].path = argv[1 + i];
		if (erc_model_load(runtime, tenants[i].path, NULL, &tenants[i].model))
			fail(tenants[i].path);
	}
	measure_alone(&tenants[0]);
	measure_alone(&tenants[1]);
	/* both run for about as long: the slower tenant has fewer requests */
	double first_us = period_us(&tenants[0]), second_us = period_us(&tenants[1]);
	double slower_us = first_us > second_us ? first_us : second_us;
	for (int i = 0; i < 2; i++) {
		tenants[i].requests = (long)(requests * slower_us / period_us(&tenants[i]));
		open_tenant(&tenants[i], (struct erc_session_options){.class_ = ERC_REAL_TIME,
		                                                      .level = (uint32_t)i,
		                                                      .deadline_us = (uint64_t)deadline_us(&tenants[i])});
	}
	for (int i = 2; i < 4; i++) {
		open_tenant(&tenants[i], (struct erc_session_options){.class_ = ERC_BEST_EFFORT});
		pthread_create(&tenants[i].thread, NULL, run_be, &tenants[i]);
	}
	uint64_t start = erc_runtime_now_ns(runtime);
	for (int i = 0; i < 2; i++)
		pthread_create(&tenants[i].thread, NULL, run_rt, &tenants[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(tenants[i].thread, NULL);
	double seconds = (double)(erc_runtime_now_ns(runtime) - start) / 1e9;
	stop = 1;
	printf("      requests  in time  alone us    p50 us    p99 us\n");
	for (int i = 0; i < 4; i++) {
		struct erc_session_stats stats = {.size = sizeof stats};
		if (i >= 2)
			pthread_join(tenants[i].thread, NULL);
		if (erc_session_stats(tenants[i].session, &stats))
			fail(tenants[i].path);
		if (i < 2)
			printf("RT %d %9ld %7.2f%% %9.0f %9.0f %9.0f\n", i, (long)stats.submitted,
			       100.0 * (double)(stats.submitted - stats.missed) / (double)stats.submitted, tenants[i].alone_us,
			       stats.p50_us, stats.p99_us);
		else
			printf("BE %d %9.1f runs per second\n", i - 2, (double)tenants[i].runs / seconds);
		is_good &= stats.completed == stats.submitted && (i >= 2 || stats.submitted == (uint64_t)tenants[i].requests);
		close_tenant(&tenants[i]);
	}
	for (int i = 0; i < 4; i++)
		is_good &= !erc_model_unload(tenants[i].model);
	printf("%s\n", is_good ? "every request is accounted for" : "REQUESTS ARE MISSING");
	return erc_runtime_destroy(runtime) || !is_good;
}
