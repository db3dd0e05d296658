/* What the conformance suites of devices share: a device, a model of test kernels on it, and the program around the
 * tests. It tests the devices of devices.def with 1 to 4 units, or only a GPU (test_gpu.h). */
#ifndef TEST_DEVICES_H
#define TEST_DEVICES_H

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/suite.h"
#include "runtime/core/handles.h"
#include "tests/devices/test_gpu.h"
#include "tests/devices/test_model.h"

#define MAX_TEST_UNITS 4
#define RUNS 100

static const char *const device_names[] = {
#define X(name) #name,
#include "runtime/devices/devices.def"
#undef X
	"cpu", /* once more, beside a real-time session: the last one */
};
#define DEVICES (gpu_is_tested() ? 1 : (int)(sizeof device_names / sizeof device_names[0]))

#define ALL_UNITS (DEVICES * MAX_TEST_UNITS) /* tests of each device with each number of units */

static inline const char *device_name(int number)
{
	return gpu_is_tested() ? "cuda" : device_names[number % DEVICES];
}

static inline int is_beside_rt(int number)
{
	return !gpu_is_tested() && number % DEVICES == DEVICES - 1;
}

static void *code; /* of the test kernels */
static size_t code_bytes;

#define OK(call) \
	do { \
		enum erc_status ok_status_ = (call); \
		ck_assert_msg(ok_status_ == ERC_OK, "%s: %s", erc_status_text(ok_status_), erc_error_detail()); \
	} while (0)
#define FAILS(call, wanted) ck_assert_int_eq((int)(call), (int)(wanted))

/* ---- one device with one model on it ---- */

struct fixture {
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	uint8_t *file;
	int computes;
	int elastic;
	int beside_rt;
	erc_session *rt_session; /* has no work; while it exists, best-effort work runs on separate threads */
};

static inline void open_device(struct fixture *f, const char *device, uint32_t units, const uint32_t *cores)
{
	memset(f, 0, sizeof *f);
	stub_set_units(units);
	struct erc_runtime_options options = {
		.size = sizeof options,
		.device = device,
		.units = units,
		.cores = cores,
	};
	OK(erc_runtime_create(&options, &f->runtime));
	f->computes = f->runtime->device->ops->flags & ERC__DEVICE_COMPUTES;
	f->elastic = f->runtime->device->ops->flags & ERC__DEVICE_ELASTIC;
}

/* The number of a loop test means: device, then units. */
static inline void open_numbered(struct fixture *f, int number)
{
	open_device(f, device_name(number), (uint32_t)(number / DEVICES) + 1, NULL);
	f->beside_rt = is_beside_rt(number);
}

static inline void load(struct fixture *f, struct test_model *model)
{
	size_t bytes;
	f->file = test_model_finish(model, code, code_bytes, &bytes);
	OK(erc_model_load_memory(f->runtime, f->file, bytes, NULL, &f->model));
	struct erc_session_options real_time = {.size = sizeof real_time, .class_ = ERC_REAL_TIME};
	if (f->beside_rt)
		OK(erc_session_create(f->model, &real_time, &f->rt_session));
	OK(erc_session_create(f->model, NULL, &f->session));
	OK(erc_request_create(f->session, &f->request));
}

static inline void close_model(struct fixture *f)
{
	OK(erc_request_destroy(f->request));
	OK(erc_session_destroy(f->session));
	OK(erc_session_destroy(f->rt_session));
	f->rt_session = NULL;
	OK(erc_model_unload(f->model));
	free(f->file);
}

static inline void close_device(struct fixture *f)
{
	close_model(f);
	OK(erc_runtime_destroy(f->runtime));
}

static inline uint64_t tiles_run(const struct fixture *f)
{
	return atomic_load(&f->runtime->device->tiles_run);
}

static inline void check_all_ones(const uint32_t *counters, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		ck_assert_msg(counters[i] == 1, "tile %u ran %u times", i, counters[i]);
}

/* Runs the tests that `add` adds, after compiling the test kernels. */
static inline int devices_main(const char *name, void (*add)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create("conformance");
	code = gpu_start(&code_bytes);
	if (!code) {
		printf("skipped: %s, 1 program: no C compiler\n", name);
		return EXIT_SUCCESS;
	}
	tcase_set_timeout(tcase, 120);
	add(tcase);
	suite_add_tcase(suite, tcase);
	int failed = run_suite(suite);
	free(code);
	return failed;
}

#endif
