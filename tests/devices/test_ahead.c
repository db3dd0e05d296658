/* The elastic policy looks ahead: units that real-time work does not need are given away, and are back when it needs
 * them. Tested on the virtual device with random models, so that times are exact. */
#include <stdlib.h>

#include "runtime/core/handles.h"
#include "tests/devices/test_model.h"
#include "tests/suite.h"

#define MAX_LAUNCHES 40
#define REQUESTS 30
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SEEDS 20 /* tile by tile is slow */
#else
#define SEEDS 100
#endif

#define OK(call) \
	do { \
		enum erc_status ok_status_ = (call); \
		ck_assert_msg(ok_status_ == ERC_OK, "%s: %s", erc_status_text(ok_status_), erc_error_detail()); \
	} while (0)

static uint64_t state;

static uint32_t next_random(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

struct tenant {
	uint8_t *file;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	uint32_t output;
	uint32_t longest_ns;
};

/* Launches of one to a few hundred tiles; narrow and wide launches are equally likely. */
static void make_model(struct tenant *tenant, uint32_t max_tile_ns, size_t *bytes)
{
	struct test_model model;
	uint32_t launches = 2 + next_random(MAX_LAUNCHES - 2);
	test_model_begin(&model, "cpu:x86-64-v3");
	test_model_tensor(&model, 1, ERC_U32, 1);
	for (uint32_t i = 0; i < launches; i++) {
		struct erca_variant variant = {
			.tile_count = 1 + next_random(1u << next_random(9)),
			.tile_ns = 500 + next_random(max_tile_ns),
			.count_slot = ERCA_NONE,
		};
		tenant->longest_ns = variant.tile_ns > tenant->longest_ns ? variant.tile_ns : tenant->longest_ns;
		test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, 4);
		test_model_launch_variant(&model, variant, 0);
	}
	tenant->file = test_model_finish(&model, "code", 4, bytes);
}

static void open_tenant(erc_runtime *runtime, struct tenant *tenant, enum erc_class class_, uint32_t level,
                        uint64_t deadline_us, uint32_t max_tile_ns)
{
	struct erc_session_options options = {.size = sizeof options,
	                                      .class_ = class_,
	                                      .level = level,
	                                      .deadline_us = deadline_us};
	size_t bytes;
	*tenant = (struct tenant){0};
	make_model(tenant, max_tile_ns, &bytes);
	OK(erc_model_load_memory(runtime, tenant->file, bytes, NULL, &tenant->model));
	OK(erc_session_create(tenant->model, &options, &tenant->session));
	OK(erc_request_create(tenant->session, &tenant->request));
	OK(erc_request_bind_output(tenant->request, 0, &tenant->output, 4));
}

static void close_tenant(struct tenant *tenant)
{
	OK(erc_request_destroy(tenant->request));
	OK(erc_session_destroy(tenant->session));
	OK(erc_model_unload(tenant->model));
	free(tenant->file);
}

static uint64_t run_ns(erc_request *request)
{
	struct erc_request_timing timing = {.size = sizeof timing};
	OK(erc_request_timing(request, &timing));
	return timing.finished_ns - timing.arrival_ns;
}

static erc_runtime *open_sim(uint32_t units, int by_tile)
{
	struct erc_sim_options sim = {.size = sizeof sim, .by_tile = by_tile};
	struct erc_runtime_options options = {
		.size = sizeof options,
		.device = "sim:h100",
		.units = units,
		.sim = &sim,
		.rt_slowdown = -1,
	};
	erc_runtime *runtime;
	OK(erc_runtime_create(&options, &runtime));
	return runtime;
}

/* Lets time pass. Requests of the other tenants that have ended are submitted again. */
static void pass(erc_runtime *runtime, struct tenant *others, uint32_t count, uint64_t until_ns, erc_request *until)
{
	for (;;) {
		enum erc_status status = erc_runtime_wait(runtime, until_ns);
		for (uint32_t i = 0; i < count; i++)
			if (erc_request_wait(others[i].request, 0) == ERC_OK)
				OK(erc_request_submit(others[i].request));
		if (until ? erc_request_wait(until, 0) == ERC_OK : status == ERC_TIMEOUT)
			return;
	}
}

/* A real-time run of the highest level, which alone has a deadline, runs beside others that are under way or always
 * have work. It waits for tiles that began before it arrived, and for nothing after that. */
static void check_only_the_start_waits(uint64_t seed, int by_tile, enum erc_class class_, uint32_t level, int count)
{
	struct tenant rt, others[3];
	uint64_t longest_ns = 0, alone_ns;
	state = seed;
	erc_runtime *runtime = open_sim(2 + next_random(140), by_tile);
	open_tenant(runtime, &rt, ERC_REAL_TIME, 0, 1000000, 20000);
	OK(erc_request_run(rt.request));
	alone_ns = run_ns(rt.request);
	for (int i = 0; i < count; i++) {
		open_tenant(runtime, &others[i], class_, level, 0, 30000);
		longest_ns = others[i].longest_ns > longest_ns ? others[i].longest_ns : longest_ns;
		OK(erc_request_submit(others[i].request));
	}
	for (int i = 0; i < REQUESTS; i++) {
		pass(runtime, others, (uint32_t)count, erc_runtime_now_ns(runtime) + next_random(300000), NULL);
		OK(erc_request_submit(rt.request));
		pass(runtime, others, (uint32_t)count, UINT64_MAX, rt.request);
		ck_assert_uint_le(run_ns(rt.request), alone_ns + longest_ns);
	}
	for (int i = 0; i < count; i++) {
		OK(erc_request_cancel(others[i].request));
		erc_request_wait(others[i].request, UINT64_MAX);
		close_tenant(&others[i]);
	}
	close_tenant(&rt);
	OK(erc_runtime_destroy(runtime));
}

START_TEST(best_effort_is_out_of_the_way)
{
	check_only_the_start_waits((uint64_t)_i + 1, _i % 2, ERC_BEST_EFFORT, 0, 3);
}
END_TEST

/* To a higher level, a lower one is what best-effort work is to real-time work. */
START_TEST(so_are_lower_levels)
{
	check_only_the_start_waits((uint64_t)_i + 1000, 1, ERC_REAL_TIME, 3, 2);
}
END_TEST

/* To an earlier deadline, later ones are the same. */
START_TEST(so_are_later_deadlines)
{
	check_only_the_start_waits((uint64_t)_i + 2000, 1, ERC_REAL_TIME, 0, 2);
}
END_TEST

/* Beside a run that can use few units, best-effort work has the others: beside a launch of one long tile, all but
 * one. */
START_TEST(the_rest_is_used)
{
	struct tenant rt = {0}, be = {0};
	struct erc_runtime_stats before = {.size = sizeof before}, after = before;
	struct test_model model;
	erc_runtime *runtime = open_sim(64, 1); /* by tile, so that running work is counted to within a tile */
	test_model_begin(&model, "cpu:x86-64-v3");
	test_model_tensor(&model, 1, ERC_U32, 1);
	test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, 4);
	test_model_launch_variant(&model,
	                          (struct erca_variant){.tile_count = 1, .tile_ns = 1000000, .count_slot = ERCA_NONE}, 0);
	size_t bytes;
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME};
	rt.file = test_model_finish(&model, "code", 4, &bytes);
	OK(erc_model_load_memory(runtime, rt.file, bytes, NULL, &rt.model));
	OK(erc_session_create(rt.model, &options, &rt.session));
	OK(erc_request_create(rt.session, &rt.request));
	OK(erc_request_bind_output(rt.request, 0, &rt.output, 4));
	test_model_begin(&model, "cpu:x86-64-v3");
	test_model_tensor(&model, 1, ERC_U32, 1);
	test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, 4);
	test_model_launch_variant(&model,
	                          (struct erca_variant){.tile_count = 1000000, .tile_ns = 1000, .count_slot = ERCA_NONE},
	                          0);
	options.class_ = ERC_BEST_EFFORT;
	be.file = test_model_finish(&model, "code", 4, &bytes);
	OK(erc_model_load_memory(runtime, be.file, bytes, NULL, &be.model));
	OK(erc_session_create(be.model, &options, &be.session));
	OK(erc_request_create(be.session, &be.request));
	OK(erc_request_bind_output(be.request, 0, &be.output, 4));
	OK(erc_request_submit(be.request));
	pass(runtime, NULL, 0, 100000, NULL);
	OK(erc_runtime_stats(runtime, &before));
	OK(erc_request_submit(rt.request));
	OK(erc_request_wait(rt.request, UINT64_MAX));
	OK(erc_request_cancel(be.request));
	erc_request_wait(be.request, UINT64_MAX);
	OK(erc_runtime_stats(runtime, &after));
	double shared = (double)(after.be_tile_ns - before.be_tile_ns) / 1e6;
	ck_assert_msg(shared > 62.5 && shared <= 63.5, "BE had %.3f units on average, of 63", shared);
	ck_assert_uint_eq(after.rt_tile_ns, 1000000);
	close_tenant(&be);
	close_tenant(&rt);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

/* A session that began with one unit is as fast as any once it may have all. */
START_TEST(more_units_later)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME, .units = 1};
	struct tenant rt = {0};
	struct test_model model;
	size_t bytes;
	erc_runtime *runtime = open_sim(64, 1);
	test_model_begin(&model, "cpu:x86-64-v3");
	test_model_tensor(&model, 1, ERC_U32, 1);
	test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, 4);
	test_model_launch_variant(&model, (struct erca_variant){.tile_count = 64, .tile_ns = 1000, .count_slot = ERCA_NONE},
	                          0);
	rt.file = test_model_finish(&model, "code", 4, &bytes);
	OK(erc_model_load_memory(runtime, rt.file, bytes, NULL, &rt.model));
	OK(erc_session_create(rt.model, &options, &rt.session));
	OK(erc_request_create(rt.session, &rt.request));
	OK(erc_request_bind_output(rt.request, 0, &rt.output, 4));
	OK(erc_request_run(rt.request));
	ck_assert_uint_eq(run_ns(rt.request), 64000);
	OK(erc_session_set_units(rt.session, 64));
	OK(erc_request_run(rt.request));
	ck_assert_uint_eq(run_ns(rt.request), 1000);
	close_tenant(&rt);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("looking ahead");
	TCase *tcase = tcase_create("virtual time");
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, best_effort_is_out_of_the_way, 0, SEEDS);
	tcase_add_loop_test(tcase, so_are_lower_levels, 0, SEEDS / 2);
	tcase_add_loop_test(tcase, so_are_later_deadlines, 0, SEEDS / 2);
	tcase_add_test(tcase, the_rest_is_used);
	tcase_add_test(tcase, more_units_later);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
