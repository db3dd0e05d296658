/* Time from launch to launch on an empty tile: one figure per number of units and tiles. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../devices/test_model.h"

#define LAUNCHES 200
#define RUNS 300

static uint8_t *build(const char *target, uint32_t tiles, size_t *bytes)
{
	struct test_model model;
	size_t code_bytes;
	void *code = test_kernels_compile(TEST_KERNEL_DEFINES, &code_bytes);
	if (!code)
		return NULL;
	test_model_begin(&model, target);
	for (int i = 0; i < LAUNCHES; i++)
		test_model_launch(&model, TEST_KERNEL_empty, tiles, 0);
	uint8_t *file = test_model_finish(&model, code, code_bytes, bytes);
	free(code);
	return file;
}

static double now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int bench(uint32_t units, uint32_t tiles)
{
	struct erc_runtime_options options = { .size = sizeof(options), .units = units };
	double times[RUNS];
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	size_t bytes;
	if (erc_runtime_create(&options, &runtime))
		return 1;
	uint8_t *file = build(erc_runtime_target(runtime), tiles, &bytes);
	if (!file || erc_model_load_memory(runtime, file, bytes, NULL, &model) || erc_session_create(model, NULL, &session) ||
	    erc_request_create(session, &request))
		return 1;
	for (int run = 0; run < RUNS; run++) {
		double began = now_ns();
		if (erc_request_run(request))
			return 1;
		times[run] = now_ns() - began;
	}
	qsort(times, RUNS, sizeof(times[0]), compare);
	printf("%u units, %3u tiles: %8.1f ns per launch (median of %d runs of %d launches), best %8.1f, whole run %.1f us\n", units,
	       tiles, times[RUNS / 2] / LAUNCHES, RUNS, LAUNCHES, times[0] / LAUNCHES, times[RUNS / 2] / 1e3);
	erc_request_destroy(request);
	erc_session_destroy(session);
	erc_model_unload(model);
	erc_runtime_destroy(runtime);
	free(file);
	return 0;
}

int main(void)
{
	static const uint32_t tiles[] = { 1, 2, 4, 64 };
	for (uint32_t units = 1; units <= 2; units++)
		for (size_t i = 0; i < sizeof(tiles) / sizeof(tiles[0]); i++)
			if (bench(units, tiles[i])) {
				fprintf(stderr, "bench_launch: %s\n", erc_error_detail());
				return 1;
			}
	return 0;
}
