/* Time from launch to launch with nearly empty tiles, and the units' shares of the tiles: with several units, the
 * figure is only useful if all of them took part. Whole runs are timed, including the time to wake units, so the
 * figures are upper bounds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/devices/test_model.h"

#define LAUNCHES 2000
#define RUNS 300
#define COUNTERS 1024 /* counters of the kernel tally, 8 words each */

struct result {
	double low_ns, median_ns, high_ns; /* per launch: the 10th, 50th and 90th percentile of the runs */
	double least_share;                /* share of the tiles of the unit that computed the fewest */
};

static uint8_t *build(const char *target, uint32_t tiles, size_t *bytes)
{
	struct test_model model;
	size_t code_bytes;
	void *code = test_kernels_compile(TEST_KERNEL_DEFINES, &code_bytes);
	if (!code)
		return NULL;
	test_model_begin(&model, target);
	model.entry.local_bytes = 64;
	test_model_tensor(&model, 1, ERC_U64, 8 * COUNTERS);
	for (int i = 0; i < LAUNCHES; i++) {
		test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_READ | ERCA_ACCESS_WRITE, 0, 0, 64 * COUNTERS);
		test_model_launch_variant(&model,
		                          (struct erca_variant){.kernel = TEST_KERNEL_tally,
		                                                .tile_count = tiles,
		                                                .local_bytes = 64,
		                                                .count_slot = ERCA_NONE},
		                          0);
	}
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

static enum erc_status time_runs(erc_request *request, uint32_t units, uint32_t tiles, struct result *result)
{
	static uint64_t counters[8 * COUNTERS];
	double times[RUNS];
	uint64_t least = UINT64_MAX;
	uint32_t seen = 0;
	memset(counters, 0, sizeof counters);
	enum erc_status status = erc_request_bind_output(request, 0, counters, sizeof counters);
	for (int run = 0; run < RUNS && !status; run++) {
		double began = now_ns();
		status = erc_request_run(request);
		times[run] = (now_ns() - began) / LAUNCHES;
	}
	if (status)
		return status;
	for (int i = 0; i < COUNTERS; i++)
		if (counters[8 * i] && (seen++, counters[8 * i] < least))
			least = counters[8 * i];
	qsort(times, RUNS, sizeof times[0], compare);
	*result = (struct result){times[RUNS / 10], times[RUNS / 2], times[RUNS * 9 / 10],
	                          seen < units ? 0 : (double)least / ((double)LAUNCHES * RUNS * tiles)};
	return ERC_OK;
}

static enum erc_status bench(uint32_t units, uint32_t tiles, struct result *result)
{
	struct erc_runtime_options options = {.size = sizeof options, .units = units};
	erc_runtime *runtime = NULL;
	erc_model *model = NULL;
	erc_session *session = NULL;
	erc_request *request = NULL;
	uint8_t *file = NULL;
	size_t bytes;
	enum erc_status status = erc_runtime_create(&options, &runtime);
	if (!status)
		status = (file = build(erc_runtime_target(runtime), tiles, &bytes)) ? ERC_OK : ERC_IO;
	if (!status)
		status = erc_model_load_memory(runtime, file, bytes, NULL, &model);
	if (!status)
		status = erc_session_create(model, NULL, &session);
	if (!status)
		status = erc_request_create(session, &request);
	if (!status)
		status = time_runs(request, units, tiles, result);
	erc_request_destroy(request);
	erc_session_destroy(session);
	erc_model_unload(model);
	erc_runtime_destroy(runtime);
	free(file);
	return status;
}

int main(void)
{
	static const uint32_t tiles[] = {1, 2, 4, 64};
	printf("ns per launch, %d runs of %d launches: 10 %%, median, 90 %%; share of the tiles of the idlest unit\n", RUNS,
	       LAUNCHES);
	for (uint32_t units = 1; units <= 2; units++)
		for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
			struct result result;
			enum erc_status status = bench(units, tiles[i], &result);
			if (status) {
				fprintf(stderr, "bench_launch: %s: %s\n", erc_status_text(status), erc_error_detail());
				return 1;
			}
			printf("%u units, %2u tiles: %8.1f %8.1f %8.1f   %5.1f %%\n", units, tiles[i], result.low_ns,
			       result.median_ns, result.high_ns, 100 * result.least_share);
		}
	return 0;
}
