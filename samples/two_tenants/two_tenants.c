/* Two tenants share the CPU: a real-time tenant, whose requests arrive at a fixed rate and have a deadline, and a
 * best-effort tenant that runs whenever there is room. Prints what each gets alone and beside the other.
 *
 *     two_tenants RT.erca BE.erca [REQUESTS]      (models with one input and one output) */
#include <erc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEADLINE 5 /* in multiples of the median run alone */
#define PERIOD 4   /* time between arrivals, likewise */

struct tenant {
	const char *path;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	struct erc_tensor_info in, out;
	float *input, *output;    /* used in place, run after run */
	void *expected;           /* the first output */
	_Atomic long runs, wrong; /* runs so far; those whose output differed */
};

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, erc_error_detail());
	exit(1);
}

static void open_tenant(struct tenant *tenant, struct erc_session_options options)
{
	options.size = sizeof options;
	if (erc_session_create(tenant->model, &options, &tenant->session) ||
	    erc_request_create(tenant->session, &tenant->request) ||
	    erc_model_input_info(tenant->model, 0, 0, &tenant->in) ||
	    erc_model_output_info(tenant->model, 0, 0, &tenant->out))
		fail(tenant->path);
	tenant->input = calloc(1, tenant->in.bytes);
	tenant->output = calloc(1, tenant->out.bytes);
	for (size_t i = 0; i < tenant->in.bytes / sizeof *tenant->input; i++)
		tenant->input[i] = (float)(i * 37 % 101) / 101;
	if (erc_request_bind_input(tenant->request, 0, tenant->input, tenant->in.bytes) ||
	    erc_request_bind_output(tenant->request, 0, tenant->output, tenant->out.bytes))
		fail(tenant->path);
}

static void close_tenant(struct tenant *tenant)
{
	if (erc_request_destroy(tenant->request) || erc_session_destroy(tenant->session))
		fail(tenant->path);
	free(tenant->input);
	free(tenant->output);
}

/* Alone or beside the other tenant, the output has the same bits. */
static void check_output(struct tenant *tenant)
{
	if (!tenant->expected)
		tenant->expected = memcpy(malloc(tenant->out.bytes), tenant->output, tenant->out.bytes);
	tenant->runs++;
	tenant->wrong += memcmp(tenant->output, tenant->expected, tenant->out.bytes) != 0;
	memset(tenant->output, 0xff, tenant->out.bytes);
}

static void run(struct tenant *tenant)
{
	if (erc_request_run(tenant->request))
		fail(tenant->path);
	check_output(tenant);
}

static _Atomic int stop;

static void *run_be(void *tenant)
{
	while (!stop)
		run(tenant);
	return NULL;
}

static void sleep_until(erc_runtime *runtime, uint64_t when_ns)
{
	uint64_t now = erc_runtime_now_ns(runtime), wait = when_ns > now ? when_ns - now : 0;
	nanosleep(&(struct timespec){(time_t)(wait / 1000000000), (long)(wait % 1000000000)}, NULL);
}

/* Requests arrive without waiting for earlier ones to end: latency and deadline count from when a request should
 * have been submitted. */
static int run_rt(erc_runtime *runtime, struct tenant *tenant, const char *name, int requests, double alone_us)
{
	struct erc_session_stats stats = {.size = sizeof stats};
	uint64_t start = erc_runtime_now_ns(runtime), period_ns = (uint64_t)(PERIOD * alone_us * 1000);
	open_tenant(tenant, (struct erc_session_options){.class_ = ERC_REAL_TIME,
	                                                 .deadline_us = (uint64_t)(DEADLINE * alone_us),
	                                                 .shed = 1});
	for (int i = 0; i < requests; i++) {
		sleep_until(runtime, start + (uint64_t)i * period_ns);
		enum erc_status status = erc_request_submit_at(tenant->request, start + (uint64_t)i * period_ns);
		if (status == ERC_SHED)
			continue;
		if (status || erc_request_wait(tenant->request, UINT64_MAX))
			fail(name);
		check_output(tenant);
	}
	double seconds = (double)(erc_runtime_now_ns(runtime) - start) / 1e9;
	if (erc_session_stats(tenant->session, &stats))
		fail(name);
	printf("%-13s %8d %8d %8d %8d %9.0f %9.0f %10.1f\n", name, (int)stats.submitted,
	       (int)(stats.submitted - stats.missed), (int)(stats.missed - stats.shed), (int)stats.shed, stats.p50_us,
	       stats.p99_us, (double)(stats.submitted - stats.missed) / seconds);
	close_tenant(tenant);
	return stats.submitted == (uint64_t)requests && stats.completed + stats.shed == stats.submitted;
}

int main(int argc, char **argv)
{
	struct tenant rt = {.path = argv[1]}, be = {.path = argv[2]};
	struct erc_session_stats stats = {.size = sizeof stats};
	int requests = argc > 3 ? atoi(argv[3]) : 200;
	erc_runtime *runtime;
	pthread_t thread;
	if (argc < 3 || requests < 1)
		return fprintf(stderr, "usage: two_tenants RT.erca BE.erca [REQUESTS]\n"), 2;
	if (erc_runtime_create(NULL, &runtime) || erc_model_load(runtime, rt.path, NULL, &rt.model) ||
	    erc_model_load(runtime, be.path, NULL, &be.model))
		fail("start");
	open_tenant(&rt, (struct erc_session_options){.class_ = ERC_REAL_TIME});
	for (int i = 0; i < 9; i++)
		run(&rt);
	erc_session_stats(rt.session, &stats);
	close_tenant(&rt);
	printf("              requests  in time     late  refused    p50 us    p99 us  goodput/s\n");
	int all = run_rt(runtime, &rt, "RT alone", requests, stats.p50_us);
	open_tenant(&be, (struct erc_session_options){.class_ = ERC_BEST_EFFORT});
	pthread_create(&thread, NULL, run_be, &be);
	double pause_s = requests * PERIOD * stats.p50_us / 1e6;
	sleep_until(runtime, erc_runtime_now_ns(runtime) + (uint64_t)(pause_s * 1e9));
	long alone = be.runs;
	uint64_t start = erc_runtime_now_ns(runtime);
	all &= run_rt(runtime, &rt, "RT beside BE", requests, stats.p50_us);
	double beside = (double)(be.runs - alone) / ((double)(erc_runtime_now_ns(runtime) - start) / 1e9);
	stop = 1;
	pthread_join(thread, NULL);
	close_tenant(&be);
	printf("BE            %.1f runs per second alone, %.1f beside RT\n", (double)alone / pause_s, beside);
	printf("%s; %s\n", all ? "every request is accounted for" : "REQUESTS ARE MISSING",
	       rt.wrong + be.wrong ? "OUTPUTS ARE WRONG" : "every output is right");
	free(rt.expected);
	free(be.expected);
	return erc_model_unload(rt.model) || erc_model_unload(be.model) || erc_runtime_destroy(runtime) || !all ||
	       rt.wrong + be.wrong;
}
