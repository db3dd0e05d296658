/* The virtual device: its clock, its two ways to advance compared with each other, the cost of preemption,
 * determinism. */
#include <math.h>
#include <stdlib.h>

#include "tests/suite.h"
#include "runtime/core/handles.h"
#include "tests/devices/test_model.h"

#define UNITS 132
#define US UINT64_C(1000)

#ifdef __SANITIZE_THREAD__
#define REQUESTS 60 /* tile by tile is slow */
#else
#define REQUESTS 1000
#endif

#define OK(call) \
	do { \
		enum erc_status ok_status_ = (call); \
		ck_assert_msg(ok_status_ == ERC_OK, "%s: %s", erc_status_text(ok_status_), erc_error_detail()); \
	} while (0)

/* Two tenants: a real-time tenant with 12 short launches, and a best-effort tenant with 10 long ones. */
struct pair {
	erc_runtime *runtime;
	erc_model *models[2];
	erc_session *sessions[2];
	erc_request *requests[2];
	uint8_t *files[2];
	uint32_t outputs[2];
};

static uint8_t *make_model(uint32_t launches, uint32_t tiles, uint32_t tile_ns, size_t *bytes)
{
	struct test_model model;
	test_model_begin(&model, "cpu:x86-64-v3");
	test_model_tensor(&model, 1, ERC_U32, 1);
	for (uint32_t i = 0; i < launches; i++) {
		struct erca_variant variant = {
			.tile_count = tiles + i * 37 % (tiles / 2 + 1),
			.tile_ns = tile_ns + i * 531 % tile_ns,
			.count_slot = ERCA_NONE,
		};
		test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, 4);
		test_model_launch_variant(&model, variant, 0);
	}
	return test_model_finish(&model, "code", 4, bytes);
}

static void open_pair(struct pair *pair, const char *policy, uint32_t units, const struct erc_sim_options *sim)
{
	struct erc_runtime_options runtime = {
		.size = sizeof runtime,
		.device = "sim:h100",
		.units = units,
		.policy = policy,
		.sim = sim,
	};
	struct erc_session_options session = {.size = sizeof session, .class_ = ERC_REAL_TIME};
	OK(erc_runtime_create(&runtime, &pair->runtime));
	for (int i = 0; i < 2; i++) {
		size_t bytes;
		pair->files[i] = i ? make_model(10, 400, 20000, &bytes) : make_model(12, 200, 8000, &bytes);
		OK(erc_model_load_memory(pair->runtime, pair->files[i], bytes, NULL, &pair->models[i]));
		OK(erc_session_create(pair->models[i], &session, &pair->sessions[i]));
		OK(erc_request_create(pair->sessions[i], &pair->requests[i]));
		OK(erc_request_bind_output(pair->requests[i], 0, &pair->outputs[i], 4));
		session.class_ = ERC_BEST_EFFORT;
	}
}

static void close_pair(struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		OK(erc_request_destroy(pair->requests[i]));
		OK(erc_session_destroy(pair->sessions[i]));
		OK(erc_model_unload(pair->models[i]));
		free(pair->files[i]);
	}
	OK(erc_runtime_destroy(pair->runtime));
}

static uint64_t latency_ns(erc_request *request)
{
	struct erc_request_timing timing = {.size = sizeof timing};
	OK(erc_request_timing(request, &timing));
	return timing.finished_ns - timing.arrival_ns;
}

/* Waits for the request. A best-effort request that ends meanwhile is submitted again. Returns the number of those. */
static uint32_t await_first(struct pair *pair)
{
	uint32_t restarts = 0;
	for (;;) {
		OK(erc_runtime_wait(pair->runtime, UINT64_MAX));
		if (erc_request_wait(pair->requests[1], 0) == ERC_OK) {
			restarts++;
			OK(erc_request_submit(pair->requests[1]));
		}
		if (erc_request_wait(pair->requests[0], 0) == ERC_OK)
			return restarts;
	}
}

struct figures {
	double rt_us; /* mean */
	double be_per_second;
	double end_us;
};

/* RT requests at random moments beside a best-effort loop. */
static struct figures run_load(const char *policy, uint32_t requests, const struct erc_sim_options *sim)
{
	struct pair pair;
	struct figures figures = {0};
	uint32_t random = 1, restarts = 0;
	double sum_ns = 0;
	open_pair(&pair, policy, UNITS, sim);
	OK(erc_request_submit(pair.requests[1]));
	for (uint32_t i = 0; i < requests; i++) {
		random = random * 1664525u + 1013904223u;
		uint64_t pause_ns = 100 * US + (random >> 12), at_ns = erc_runtime_now_ns(pair.runtime) + pause_ns;
		while (erc_runtime_wait(pair.runtime, at_ns) == ERC_OK)
			if (erc_request_wait(pair.requests[1], 0) == ERC_OK) {
				restarts++;
				OK(erc_request_submit(pair.requests[1]));
			}
		ck_assert_uint_eq(erc_runtime_now_ns(pair.runtime), at_ns);
		OK(erc_request_submit(pair.requests[0]));
		restarts += await_first(&pair);
		sum_ns += (double)latency_ns(pair.requests[0]);
	}
	double end_ns = (double)erc_runtime_now_ns(pair.runtime);
	figures = (struct figures){sum_ns / requests / 1e3, restarts / end_ns * 1e9, end_ns / 1e3};
	OK(erc_request_wait(pair.requests[1], UINT64_MAX));
	close_pair(&pair);
	return figures;
}

/* Alone, a run takes the time of its launches' waves, to the nanosecond. */
START_TEST(time_is_what_was_predicted)
{
	struct pair pair;
	uint64_t wanted_ns = 0;
	open_pair(&pair, "elastic", UNITS, NULL);
	for (uint32_t i = 0; i < 12; i++)
		wanted_ns += (uint64_t)(8000 + i * 531 % 8000) * ((200 + i * 37 % 101 + UNITS - 1) / UNITS);
	ck_assert_uint_eq(erc_runtime_now_ns(pair.runtime), 0);
	OK(erc_request_run(pair.requests[0]));
	ck_assert_uint_eq(latency_ns(pair.requests[0]), wanted_ns);
	ck_assert_uint_eq(erc_runtime_now_ns(pair.runtime), wanted_ns);
	ck_assert_int_eq(erc_runtime_wait(pair.runtime, wanted_ns + 5), ERC_OK); /* the run that ended */
	ck_assert_int_eq(erc_runtime_wait(pair.runtime, wanted_ns + 5), ERC_TIMEOUT);
	ck_assert_uint_eq(erc_runtime_now_ns(pair.runtime), wanted_ns + 5);
	close_pair(&pair);
}
END_TEST

static const char *const policies[] = {
#define POLICY(name, ...) #name,
#include "runtime/sched/policies.def"
#undef POLICY
};
#define POLICIES ((int)(sizeof policies / sizeof policies[0]))

/* Advancing by launch and by tile gives the same decisions under every policy, except where times are rounded. */
START_TEST(launches_agree_with_tiles)
{
	const char *policy = policies[_i];
	struct erc_sim_options exact = {.size = sizeof exact, .by_tile = 1};
	struct figures by_launch = run_load(policy, REQUESTS, NULL), by_tile = run_load(policy, REQUESTS, &exact);
	printf("%-10s RT %8.1f us by launch, %8.1f by tile; BE %7.1f and %7.1f per second\n", policy, by_launch.rt_us,
	       by_tile.rt_us, by_launch.be_per_second, by_tile.be_per_second);
	fflush(stdout);
	ck_assert_double_lt(fabs(by_launch.rt_us / by_tile.rt_us - 1), 0.01);
	ck_assert_double_lt(fabs(by_launch.be_per_second / by_tile.be_per_second - 1), 0.01);
}
END_TEST

/* Under the elastic policy, RT waits for less than one tile of BE; with launch boundaries it waits for more. */
START_TEST(preemption_costs_a_tile)
{
	struct pair pair;
	open_pair(&pair, "elastic", UNITS, NULL);
	OK(erc_request_run(pair.requests[0]));
	double alone_us = (double)latency_ns(pair.requests[0]) / 1e3, longest_tile_us = 40;
	close_pair(&pair);
	double elastic_us = run_load("elastic", 300, NULL).rt_us, priority_us = run_load("priority", 300, NULL).rt_us;
	ck_assert_double_lt(elastic_us, alone_us + longest_tile_us);
	ck_assert_double_gt(priority_us, elastic_us + longest_tile_us / 2);
}
END_TEST

START_TEST(same_seed_same_times)
{
	struct erc_sim_options a = {.size = sizeof a, .jitter = 0.2, .seed = 5}, b = a;
	b.seed = 6;
	struct figures first = run_load("elastic", 50, &a), again = run_load("elastic", 50, &a),
				   other = run_load("elastic", 50, &b);
	ck_assert_double_eq(first.end_us, again.end_us);
	ck_assert_double_ne(first.end_us, other.end_us);
	ck_assert_double_gt(first.rt_us, run_load("elastic", 50, NULL).rt_us);
}
END_TEST

/* One launch of 66 tiles of 10 us, which use the whole memory bandwidth. */
static uint8_t *make_heavy(size_t *bytes)
{
	struct test_model model;
	struct erca_variant variant = {.tile_count = 66,
	                               .tile_ns = 10000,
	                               .tile_bytes = UINT64_C(3352) * 10000 / 66,
	                               .count_slot = ERCA_NONE};
	test_model_begin(&model, "cpu:x86-64-v3");
	test_model_tensor(&model, 1, ERC_U32, 1);
	test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, 4);
	test_model_launch_variant(&model, variant, 0);
	return test_model_finish(&model, "code", 4, bytes);
}

/* Alone, each has its predicted time. Both together need twice the bandwidth, so the later one takes twice its time,
 * or three times if contention counts double. */
START_TEST(contention_follows_traffic)
{
	struct erc_sim_options sim = {.size = sizeof sim, .contention = _i};
	struct erc_runtime_options runtime_options = {.size = sizeof runtime_options, .device = "sim:h100", .sim = &sim};
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME};
	erc_runtime *runtime;
	erc_model *model;
	erc_session *sessions[2];
	erc_request *requests[2];
	uint32_t output[2];
	size_t bytes;
	uint8_t *file = make_heavy(&bytes);
	OK(erc_runtime_create(&runtime_options, &runtime));
	OK(erc_model_load_memory(runtime, file, bytes, NULL, &model));
	for (int i = 0; i < 2; i++) {
		OK(erc_session_create(model, &options, &sessions[i]));
		OK(erc_request_create(sessions[i], &requests[i]));
		OK(erc_request_bind_output(requests[i], 0, &output[i], 4));
	}
	OK(erc_request_run(requests[0]));
	ck_assert_uint_eq(latency_ns(requests[0]), 10000);
	OK(erc_request_submit(requests[0]));
	OK(erc_request_submit(requests[1]));
	OK(erc_request_wait(requests[0], UINT64_MAX));
	OK(erc_request_wait(requests[1], UINT64_MAX));
	ck_assert_uint_eq(latency_ns(requests[0]), 10000);
	ck_assert_uint_ge(latency_ns(requests[1]), 9990u + 10000u * (unsigned)_i);
	ck_assert_uint_le(latency_ns(requests[1]), 10010u + 10000u * (unsigned)_i);
	for (int i = 0; i < 2; i++) {
		OK(erc_request_destroy(requests[i]));
		OK(erc_session_destroy(sessions[i]));
	}
	OK(erc_model_unload(model));
	OK(erc_runtime_destroy(runtime));
	free(file);
}
END_TEST

START_TEST(cancel_in_virtual_time)
{
	struct erc_sim_options options = {.size = sizeof options, .by_tile = _i};
	struct pair pair;
	open_pair(&pair, "elastic", 7, &options);
	OK(erc_request_submit(pair.requests[1]));
	ck_assert_int_eq(erc_runtime_wait(pair.runtime, 100 * US), ERC_TIMEOUT);
	OK(erc_request_cancel(pair.requests[1]));
	ck_assert_int_eq(erc_request_wait(pair.requests[1], UINT64_MAX), ERC_CANCELLED);
	OK(erc_request_run(pair.requests[1])); /* the request works as before */
	OK(erc_request_run(pair.requests[0]));
	close_pair(&pair);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim");
	TCase *tcase = tcase_create("virtual time");
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, time_is_what_was_predicted);
	tcase_add_loop_test(tcase, launches_agree_with_tiles, 0, POLICIES);
	tcase_add_test(tcase, preemption_costs_a_tile);
	tcase_add_test(tcase, same_seed_same_times);
	tcase_add_loop_test(tcase, contention_follows_traffic, 0, 3);
	tcase_add_loop_test(tcase, cancel_in_virtual_time, 0, 2);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
