/* bench_paced ARTIFACT PAUSE_US RUNS: prints the median latency of real-time runs with pauses between them, in us: what a program
 * with these arrivals gets from the runtime alone. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/include/erc.h"

#define MOST_PORTS 16

static void check(enum erc_status status)
{
	if (status) {
		fprintf(stderr, "error: %s: %s\n", erc_status_text(status), erc_error_detail());
		exit(1);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void bind_zeros(erc_model *model, erc_request *request)
{
	struct erc_tensor_info info;
	for (uint32_t i = 0; i < erc_model_input_count(model, 0); i++) {
		check(erc_model_input_info(model, 0, i, &info));
		check(erc_request_bind_input(request, i, calloc(1, info.bytes), info.bytes));
	}
	for (uint32_t i = 0; i < erc_model_output_count(model, 0); i++) {
		check(erc_model_output_info(model, 0, i, &info));
		check(erc_request_bind_output(request, i, calloc(1, info.bytes), info.bytes));
	}
}

int main(int argc, char **argv)
{
	struct erc_session_options real_time = {.size = sizeof real_time, .class_ = ERC_REAL_TIME};
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	if (argc != 4)
		return 2;
	int runs = atoi(argv[3]);
	struct timespec pause = {.tv_nsec = atol(argv[2]) * 1000};
	double *times = calloc((size_t)runs + 1, sizeof *times);
	check(erc_runtime_create(NULL, &runtime));
	check(erc_model_load(runtime, argv[1], NULL, &model));
	check(erc_session_create(model, &real_time, &session));
	check(erc_request_create(session, &request));
	bind_zeros(model, request);
	for (int i = 0; i < runs; i++) {
		nanosleep(&pause, NULL);
		uint64_t begin_ns = erc_runtime_now_ns(runtime);
		check(erc_request_run(request));
		times[i] = (double)(erc_runtime_now_ns(runtime) - begin_ns) / 1000;
	}
	qsort(times, (size_t)runs, sizeof *times, by_size);
	printf("%.1f\n", times[runs / 2]);
	return 0;
}
