/* What must hold when things fail or come at a bad moment: stalled units, no memory, destroying and cancelling
 * during a run, late requests, many tenants, more units than cores, full traces, limits. Uses the CPU device where
 * threads matter, and the virtual device where times matter. */
#include <cjson/cJSON.h>

#include "tests/suite.h"
#include "tests/devices/test_faults.h"

static const char *const policies[] = {
#define POLICY(name, ...) #name,
#include "runtime/sched/policies.def"
#undef POLICY
};
#define POLICIES ((int)(sizeof policies / sizeof policies[0]))

/* The devices that compute. The number of a loop test counts devices slowest: all cases of the first device, then
 * the same of the second. */
static const char *const all_devices[] = {"cpu", "cuda"};
static const char *const *devices = all_devices;
#define DEVICES (gpu_is_tested() ? 1 : (int)(sizeof all_devices / sizeof all_devices[0]))

static struct hold hold; /* too large for a stack */

/* ---- units ---- */

/* One unit is late inside a tile. The other unit runs the real-time work that arrives, and then the rest of the
 * launch. */
START_TEST(stalled_tile)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME};
	struct erc_request_timing timing = {.size = sizeof timing};
	struct tenant urgent;
	struct bed bed;
	bed_open(&bed, devices[_i], "elastic", 2);
	hold_open(&hold, &bed, NULL);
	tenant_open(&urgent, &bed, &options);
	OK(erc_request_submit(hold.request));
	await_min(&hold.control[GATE_ENTERED], 2);
	for (int i = 0; i < 20; i++) {
		tenant_submit(&urgent);
		tenant_wait(&urgent);
		OK(erc_request_timing(urgent.request, &timing));
		ck_assert_uint_eq(timing.granted_units, 2);
		/* On a GPU the launch for all units is recorded. On a CPU the unit has two threads, and only one of them is
		 * late. */
		if (!bed.has_memory && strcmp(devices[_i], "cpu"))
			ck_assert_uint_eq(timing.granted_ns, 0); /* the second unit never came */
	}
	FAILS(erc_request_wait(hold.request, 50000), ERC_TIMEOUT);
	await_min(&hold.control[GATE_ENTERED], HOLD_TILES);
	FAILS(erc_request_wait(hold.request, 0), ERC_TIMEOUT);
	if (!bed.has_memory) /* there, a place is given back when the unit is told to leave */
		ck_assert_uint_ge(erc__room_units(&hold.session->tenant.room), 1);
	atomic_store(&hold.control[GATE_OPEN], 1);
	OK(erc_request_wait(hold.request, UINT64_MAX));
	for (uint32_t i = 0; i < HOLD_TILES; i++)
		ck_assert_uint_eq(hold.counters[i], 1);
	tenant_close(&urgent);
	hold_close(&hold);
	bed_close(&bed);
}
END_TEST

/* Many tenants of both classes at once, with 1 unit, with a few, and with more units than cores, under every policy. */
#define MANY 64
static const uint32_t unit_counts[] = {2, 8, 1};
#define UNIT_COUNTS ((int)(sizeof unit_counts / sizeof unit_counts[0]))

START_TEST(many_tenants)
{
	static struct tenant tenants[MANY];
	const char *policy = policies[_i % POLICIES];
	uint32_t units = unit_counts[_i / POLICIES % UNIT_COUNTS];
	struct bed bed;
	if (units == 1 && !strcmp(policy, "partition"))
		return; /* refused: it would leave one class no unit */
	bed_open(&bed, devices[_i / (POLICIES * UNIT_COUNTS)], policy, units == 8 ? all_units(8) : units);
	for (uint32_t i = 0; i < MANY; i++) {
		struct erc_session_options options = mixed_options(i);
		tenant_open(&tenants[i], &bed, &options);
	}
	for (int round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < MANY; i++)
			tenant_submit(&tenants[i]);
		for (uint32_t i = 0; i < MANY; i++)
			tenant_wait(&tenants[i]);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		ck_assert_uint_eq(tenants[i].completed, 5);
		tenant_close(&tenants[i]);
	}
	bed_close(&bed);
}
END_TEST

/* The same with a thread per tenant, so that requests come and go at any moment. */
START_TEST(threads_of_tenants)
{
	static struct load loads[8];
	struct bed bed;
	bed_open(&bed, devices[_i / POLICIES % DEVICES], policies[_i % POLICIES],
	         _i < DEVICES * POLICIES ? 2 : all_units(8));
	load_start(loads, 8, &bed, 60);
	load_join(loads, 8);
	bed_close(&bed);
}
END_TEST

/* ---- memory ---- */

/* Sessions and requests are created until memory is out, failing at every allocation, while other work goes on. */
START_TEST(out_of_memory)
{
	struct tenant early;
	struct bed bed;
	int64_t n = 0;
	bed_open(&bed, devices[_i], NULL, 2);
	tenant_open(&early, &bed, NULL);
	for (enum erc_status status = ERC_NOMEM; status; n++) {
		erc_session *session = NULL;
		erc_request *request = NULL;
		tenant_submit(&early);
		erc__alloc_fail_after(n);
		status = erc_session_create(bed.models[WORK], NULL, &session);
		if (!status)
			status = erc_request_create(session, &request);
		if (!status)
			status = erc_request_bind_state(request, 0, 0);
		if (status) {
			ck_assert_int_eq(status, ERC_NOMEM);
			ck_assert_ptr_nonnull(strstr(erc_error_detail(), "bytes"));
		}
		erc__alloc_fail_after(-1);
		tenant_wait(&early);
		OK(erc_request_destroy(request));
		OK(erc_session_destroy(session));
	}
	ck_assert_int_gt(n, 8); /* at least both handles and their memory */
	tenant_close(&early);
	bed_close(&bed);
}
END_TEST

START_TEST(requests_until_memory_is_out)
{
	enum { MAX = 100 };
	erc_request *requests[MAX];
	uint32_t count = 0, input[WIDTH] = {7}, output[WIDTH], counters[COUNTERS] = {0}, expected[WIDTH];
	enum erc_status status = ERC_OK;
	erc_session *session;
	struct bed bed;
	bed_open(&bed, devices[_i], NULL, 2);
	OK(erc_session_create(bed.models[WORK], NULL, &session));
	erc__alloc_fail_after(300);
	while (count < MAX && !(status = erc_request_create(session, &requests[count])))
		count++;
	FAILS(status, ERC_NOMEM);
	ck_assert_uint_gt(count, 10);
	expect_work(input, expected);
	for (uint32_t i = 0; i < count; i++) {
		OK(erc_request_bind_input(requests[i], 0, input, sizeof input));
		OK(erc_request_bind_output(requests[i], 0, output, sizeof output));
		OK(erc_request_bind_output(requests[i], 1, counters, sizeof counters));
		OK(erc_request_run(requests[i]));
		ck_assert_mem_eq(output, expected, sizeof expected);
		OK(erc_request_destroy(requests[i]));
	}
	ck_assert_uint_eq(counters[COUNTERS - 1], count);
	OK(erc_session_destroy(session));
	bed_close(&bed);
}
END_TEST

/* ---- at a bad moment ---- */

/* A handle with children or a run under way cannot be destroyed, and the run continues. */
START_TEST(destroyed_in_flight)
{
	struct bed bed;
	uint64_t other[2] = {0};
	bed_open(&bed, devices[_i], NULL, 1);
	hold_open(&hold, &bed, NULL);
	OK(erc_request_submit(hold.request));
	await_min(&hold.control[GATE_ENTERED], 1);
	for (int i = 0; i < 3; i++) {
		FAILS(erc_request_destroy(hold.request), ERC_BUSY);
		FAILS(erc_request_submit(hold.request), ERC_BUSY);
		FAILS(erc_request_bind_input(hold.request, 0, other, sizeof other), ERC_BUSY);
		FAILS(erc_session_destroy(hold.session), ERC_BUSY);
		FAILS(erc_model_unload(bed.models[HOLD]), ERC_BUSY);
		FAILS(erc_runtime_destroy(bed.runtime), ERC_BUSY);
		ck_assert_ptr_nonnull(strstr(erc_error_detail(), "model"));
	}
	atomic_store(&hold.control[GATE_OPEN], 1);
	OK(erc_request_wait(hold.request, UINT64_MAX));
	for (uint32_t i = 0; i < HOLD_TILES; i++)
		ck_assert_uint_eq(hold.counters[i], 1);
	hold_close(&hold);
	bed_close(&bed);
}
END_TEST

/* Cancelled while a tile is held: that tile completes, no other begins, and only that one is counted. */
START_TEST(cancelled_in_a_tile)
{
	struct erc_session_stats stats = {.size = sizeof stats};
	struct erc_runtime_stats all = {.size = sizeof all};
	struct bed bed;
	bed_open(&bed, devices[_i / POLICIES], policies[_i % POLICIES], 2);
	struct erc_session_options options = {.size = sizeof options,
	                                      .class_ = ERC_REAL_TIME,
	                                      .units = 1}; /* under all policies */
	hold_open(&hold, &bed, &options);
	OK(erc_request_submit(hold.request));
	await_min(&hold.control[GATE_ENTERED], 1);
	OK(erc_request_cancel(hold.request));
	OK(erc_request_cancel(hold.request));
	FAILS(erc_request_wait(hold.request, 0), ERC_TIMEOUT);
	atomic_store(&hold.control[GATE_OPEN], 1);
	FAILS(erc_request_wait(hold.request, UINT64_MAX), ERC_CANCELLED);
	ck_assert_str_eq(erc_error_detail(), "the run was cancelled");
	ck_assert_uint_eq(atomic_load(&hold.control[GATE_ENTERED]), 1);
	ck_assert_uint_eq(hold.counters[0], 1);
	ck_assert_uint_eq(hold.counters[1], 0);
	OK(erc_session_stats(hold.session, &stats));
	OK(erc_runtime_stats(bed.runtime, &all));
	ck_assert_uint_eq(stats.cancelled, 1);
	ck_assert_uint_eq(stats.submitted, stats.completed + stats.shed + stats.cancelled + stats.failed);
	ck_assert_uint_eq(stats.tiles, 1);
	ck_assert_uint_eq(all.tiles, 1);
	OK(erc_request_run(hold.request)); /* the request works as before */
	ck_assert_uint_eq(hold.counters[0], 2);
	ck_assert_uint_eq(hold.counters[HOLD_TILES - 1], 1);
	hold_close(&hold);
	bed_close(&bed);
}
END_TEST

/* Cancelled at any moment of runs of both classes, from another thread. */
START_TEST(cancelled_any_time)
{
	static struct load loads[4];
	uint32_t random = (uint32_t)_i + 1, cancelled = 0, completed = 0, count = 0;
	struct bed bed;
	bed_open(&bed, devices[_i / POLICIES], policies[_i % POLICIES], 2);
	load_start(loads, 4, &bed, 150);
	while (!load_is_over(loads, 4)) {
		OK(erc_request_cancel(loads[next_random(&random, 4)].tenant.request));
		count++;
		usleep(next_random(&random, 60u << (count < 2560 ? count / 256
		                                                 : 10))); /* so that some runs end even where they take long */
	}
	for (int i = 0; i < 4; i++)
		pthread_join(loads[i].thread, NULL);
	for (int i = 0; i < 4; i++) {
		cancelled += loads[i].tenant.cancelled;
		completed += loads[i].tenant.completed;
		tenant_close(&loads[i].tenant);
	}
	ck_assert_uint_gt(cancelled, 0);
	ck_assert_uint_gt(completed, 0);
	bed_close(&bed);
}
END_TEST

/* Rooms and budgets change while both classes run. */
START_TEST(resized_any_time)
{
	static struct load loads[4];
	uint32_t random = (uint32_t)_i + 1;
	struct bed bed;
	bed_open(&bed, devices[_i / POLICIES], policies[_i % POLICIES], 3);
	load_start(loads, 4, &bed, 100);
	while (!load_is_over(loads, 4)) {
		erc_session *session = loads[next_random(&random, 4)].tenant.session;
		static const char *const budgets[] = {"full", "half", NULL};
		if (next_random(&random, 2))
			OK(erc_session_set_units(session, next_random(&random, 4)));
		else
			OK(erc_session_set_budget(session, budgets[next_random(&random, 3)]));
		FAILS(erc_session_set_budget(session, "no such"), ERC_NOT_FOUND);
		usleep(next_random(&random, 60));
	}
	load_join(loads, 4);
	bed_close(&bed);
}
END_TEST

/* ---- deadlines and limits ---- */

START_TEST(deadline_already_past)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME, .deadline_us = 20000000};
	struct erc_session_stats stats = {.size = sizeof stats};
	struct erc_request_timing timing = {.size = sizeof timing};
	struct tenant tenant;
	struct bed bed;
	const char *const all[] = {"cpu", "sim:h100", "cuda"};
	bed_open(&bed, gpu_is_tested() ? "cuda" : all[_i % 3], "elastic", 2);
	options.shed = _i / 3;
	options.deadline_us = 1;
	tenant_open(&tenant, &bed, &options);
	for (uint64_t now_ns = erc_runtime_now_ns(bed.runtime); erc_runtime_now_ns(bed.runtime) < now_ns + 10000;)
		if (bed.runtime->device->ops->advance)
			bed.runtime->device->ops->advance(bed.runtime->device, now_ns + 10000);
	uint64_t arrival_ns = erc_runtime_now_ns(bed.runtime) - 10000;
	enum erc_status status = erc_request_submit_at(tenant.request, arrival_ns);
	tenant.submitted++;
	if (options.shed) {
		FAILS(status, ERC_SHED);
		FAILS(erc_request_wait(tenant.request, 0), ERC_INVALID); /* nothing was queued */
	} else {
		OK(status);
		tenant_wait(&tenant);
		OK(erc_request_timing(tenant.request, &timing));
		ck_assert_uint_eq(timing.arrival_ns, arrival_ns);
	}
	OK(erc_session_stats(tenant.session, &stats));
	ck_assert_uint_eq(stats.shed, (uint64_t)options.shed);
	ck_assert_uint_eq(stats.completed, (uint64_t)!options.shed);
	ck_assert_uint_eq(stats.missed, 1);
	tenant_close(&tenant);
	bed_close(&bed);
}
END_TEST

START_TEST(too_many_in_flight)
{
	struct erc_session_options options = {.size = sizeof options, .in_flight = 2};
	struct erc_session_stats stats = {.size = sizeof stats};
	erc_request *third;
	uint32_t in[WIDTH] = {0}, out[WIDTH], counters[COUNTERS] = {0};
	struct tenant tenant;
	struct bed bed;
	erc_request *second;
	bed_open(&bed, devices[_i], NULL, 2);
	tenant_open(&tenant, &bed, &options);
	erc_request **more[] = {&second, &third};
	for (int i = 0; i < 2; i++) {
		OK(erc_request_create(tenant.session, more[i]));
		OK(erc_request_bind_input(*more[i], 0, in, sizeof in));
		OK(erc_request_bind_output(*more[i], 0, out, sizeof out));
		OK(erc_request_bind_output(*more[i], 1, counters, sizeof counters));
	}
	OK(erc_session_set_units(tenant.session, 0));
	tenant_submit(&tenant);
	OK(erc_request_submit(second));
	for (int i = 0; i < 3; i++) {
		FAILS(erc_request_submit(third), ERC_LIMIT);
		ck_assert_ptr_nonnull(strstr(erc_error_detail(), "2 requests"));
		FAILS(erc_request_wait(third, 0), ERC_INVALID);
	}
	OK(erc_session_set_units(tenant.session, 2));
	tenant_wait(&tenant);
	OK(erc_request_wait(second, UINT64_MAX));
	OK(erc_request_run(third));
	ck_assert_uint_eq(counters[0], 2);
	OK(erc_session_stats(tenant.session, &stats));
	ck_assert_uint_eq(stats.completed, 3);
	ck_assert_uint_eq(stats.submitted, 3 + 3); /* including the refused ones */
	OK(erc_request_destroy(second));
	OK(erc_request_destroy(third));
	OK(erc_request_destroy(tenant.request));
	OK(erc_session_destroy(tenant.session));
	bed_close(&bed);
}
END_TEST

/* ---- times ---- */

static void check_order(const struct tenant *tenant)
{
	struct erc_request_timing timing = {.size = sizeof timing};
	OK(erc_request_timing(tenant->request, &timing));
	ck_assert_uint_le(timing.arrival_ns, timing.submitted_ns);
	ck_assert_uint_le(timing.submitted_ns, timing.visible_ns);
	ck_assert_uint_le(timing.visible_ns, timing.started_ns);
	ck_assert_uint_le(timing.started_ns, timing.finished_ns);
	ck_assert_uint_ge(timing.granted_units, 0);
	if (timing.granted_ns) {
		ck_assert_uint_le(timing.started_ns, timing.granted_ns);
		ck_assert_uint_le(timing.granted_ns, timing.finished_ns);
	}
}

START_TEST(times_in_order)
{
	struct tenant tenants[8];
	struct bed bed;
	bed_open(&bed, _i / POLICIES < DEVICES ? devices[_i / POLICIES] : "sim:h100", policies[_i % POLICIES], 4);
	for (uint32_t i = 0; i < 8; i++) {
		struct erc_session_options options = mixed_options(i);
		tenant_open(&tenants[i], &bed, &options);
	}
	for (int round = 0; round < 30; round++) {
		for (uint32_t i = 0; i < 8; i++)
			tenant_submit(&tenants[i]);
		for (uint32_t i = 0; i < 8; i++) {
			tenant_wait(&tenants[i]);
			check_order(&tenants[i]);
		}
	}
	for (uint32_t i = 0; i < 8; i++)
		tenant_close(&tenants[i]);
	bed_close(&bed);
}
END_TEST

/* Submitted again at once, while units of the last run are still inside: each run has its own times. */
START_TEST(times_of_quick_runs)
{
	struct erc_request_timing timing = {.size = sizeof timing};
	uint64_t last_ns = 0;
	struct tenant tenant;
	struct bed bed;
	bed_open(&bed, devices[_i / 2], "elastic", (uint32_t)_i % 2 + 1);
	tenant_open(&tenant, &bed, NULL);
	for (int run = 0; run < 3000; run++) {
		tenant_submit(&tenant);
		tenant_wait(&tenant);
		OK(erc_request_timing(tenant.request, &timing));
		ck_assert_uint_ne(timing.started_ns, 0);
		ck_assert_uint_le(last_ns, timing.submitted_ns);
		check_order(&tenant);
		last_ns = timing.finished_ns;
	}
	tenant_close(&tenant);
	bed_close(&bed);
}
END_TEST

/* ---- state ---- */

/* The state passes through every run that completes, and through no other, while another tenant has work. */
START_TEST(state_over_runs)
{
	static struct load other;
	struct erc_session_options options = mixed_options(1);
	uint32_t expected[WIDTH] = {0}, next[WIDTH], random = 1;
	struct tenant tenant;
	struct bed bed;
	bed_open(&bed, devices[_i / POLICIES], policies[_i % POLICIES], 2);
	tenant_open(&tenant, &bed, &options);
	OK(erc_request_bind_state(tenant.request, 0, 0));
	load_start(&other, 1, &bed, 50);
	for (uint32_t run = 0; run < 100; run++) {
		bool pauses = run % 10 == 9; /* so that some runs are cancelled for certain */
		ck_assert_mem_eq(erc_request_state(tenant.request, 0), expected, sizeof expected);
		if (pauses)
			OK(erc_session_set_units(tenant.session, 0));
		OK(erc_request_submit(tenant.request));
		ck_assert_uint_eq(run % 2 && next_random(&random, 2) && usleep(next_random(&random, 30)), 0);
		if (run % 2)
			OK(erc_request_cancel(tenant.request));
		enum erc_status status = erc_request_wait(tenant.request, UINT64_MAX);
		if (pauses)
			OK(erc_session_set_units(tenant.session, 2));
		tenant.submitted++;
		tenant.completed += !status;
		tenant.cancelled += status == ERC_CANCELLED;
		if (!status) {
			expect_work(expected, next);
			memcpy(expected, next, sizeof expected);
		}
	}
	ck_assert_uint_ge(tenant.completed, 50);
	ck_assert_uint_gt(tenant.cancelled, 0);
	ck_assert_mem_eq(erc_request_state(tenant.request, 0), expected, sizeof expected);
	load_join(&other, 1);
	tenant_close(&tenant);
	bed_close(&bed);
}
END_TEST

/* ---- traces ---- */

/* Returns the number of events in the file, which must be complete. */
static int read_trace(const char *path, uint64_t *dropped)
{
	static char text[1 << 20];
	FILE *file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	size_t bytes = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[bytes] = '\0';
	cJSON *root = cJSON_ParseWithOpts(text, NULL, 1);
	ck_assert_msg(root != NULL, "no JSON: %.200s", text);
	const cJSON *events = cJSON_GetObjectItem(root, "traceEvents");
	const cJSON *other = cJSON_GetObjectItem(root, "otherData");
	ck_assert_int_eq(cJSON_IsArray(events), 1);
	*dropped = (uint64_t)cJSON_GetObjectItem(other, "dropped")->valuedouble;
	int count = cJSON_GetArraySize(events);
	cJSON_Delete(root);
	return count;
}

static void make_path(char *path)
{
	int file = mkstemp(path);
	ck_assert_int_ge(file, 0);
	close(file);
}

START_TEST(trace_runs_full)
{
	enum { EVENTS = 40 };
	static struct load loads[4];
	char path[] = "/tmp/erc-trace-XXXXXX";
	struct erc_runtime_stats stats = {.size = sizeof stats};
	uint64_t dropped;
	struct bed bed;
	make_path(path);
	bed_open(&bed, devices[_i / POLICIES], policies[_i % POLICIES], 2);
	OK(erc_trace_start(bed.runtime, EVENTS));
	FAILS(erc_trace_start(bed.runtime, EVENTS), ERC_BUSY);
	FAILS(erc_trace_write(bed.runtime, path), ERC_BUSY);
	load_start(loads, 4, &bed, 20);
	load_join(loads, 4);
	erc_trace_stop(bed.runtime);
	OK(erc_runtime_stats(bed.runtime, &stats));
	/* Each of the 80 runs has an arrival, an admission, 9 launches and an end. */
	ck_assert_uint_ge(stats.trace_drops, 80 * (3 + WORK_LAUNCHES) - EVENTS);
	OK(erc_trace_write(bed.runtime, path));
	int events = read_trace(path, &dropped);
	ck_assert_uint_eq(dropped, stats.trace_drops);
	ck_assert_int_gt(events, 0);
	ck_assert_int_lt(events, 2 * EVENTS + 64); /* including the names of units and sessions */
	unlink(path);
	bed_close(&bed);
}
END_TEST

/* A trace is started, stopped, written and replaced while units append to it. */
START_TEST(trace_on_and_off)
{
	static struct load loads[4];
	char path[] = "/tmp/erc-trace-XXXXXX";
	struct erc_runtime_stats stats = {.size = sizeof stats};
	uint32_t random = 1;
	uint64_t dropped;
	struct bed bed;
	make_path(path);
	bed_open(&bed, devices[_i / POLICIES], policies[_i % POLICIES], 2);
	load_start(loads, 4, &bed, 150);
	while (!load_is_over(loads, 4)) {
		OK(erc_trace_start(bed.runtime, 1 + next_random(&random, 400)));
		usleep(next_random(&random, 300));
		OK(erc_runtime_stats(bed.runtime, &stats));
		erc_trace_stop(bed.runtime);
		if (next_random(&random, 4))
			continue;
		OK(erc_trace_write(bed.runtime, path));
		read_trace(path, &dropped);
	}
	load_join(loads, 4);
	unlink(path);
	bed_close(&bed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("faults");
	TCase *tcase = tcase_create("faults");
	devices += gpu_is_tested(); /* "cuda" only */
	code = gpu_start(&code_bytes);
	if (!code) {
		printf("skipped: faults, 1 program: no C compiler\n");
		return EXIT_SUCCESS;
	}
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, stalled_tile, 0, DEVICES);
	tcase_add_loop_test(tcase, many_tenants, 0, DEVICES * POLICIES * UNIT_COUNTS);
	tcase_add_loop_test(tcase, threads_of_tenants, 0, 2 * DEVICES * POLICIES);
	tcase_add_loop_test(tcase, out_of_memory, 0, DEVICES);
	tcase_add_loop_test(tcase, requests_until_memory_is_out, 0, DEVICES);
	tcase_add_loop_test(tcase, destroyed_in_flight, 0, DEVICES);
	tcase_add_loop_test(tcase, cancelled_in_a_tile, 0, DEVICES * POLICIES);
	tcase_add_loop_test(tcase, cancelled_any_time, 0, DEVICES * POLICIES);
	tcase_add_loop_test(tcase, resized_any_time, 0, DEVICES * POLICIES);
	tcase_add_loop_test(tcase, deadline_already_past, 0, 6);
	tcase_add_loop_test(tcase, too_many_in_flight, 0, DEVICES);
	tcase_add_loop_test(tcase, times_in_order, 0, (DEVICES + !gpu_is_tested()) * POLICIES);
	tcase_add_loop_test(tcase, times_of_quick_runs, 0, DEVICES * 2);
	tcase_add_loop_test(tcase, state_over_runs, 0, DEVICES * POLICIES);
	tcase_add_loop_test(tcase, trace_runs_full, 0, DEVICES * POLICIES);
	tcase_add_loop_test(tcase, trace_on_and_off, 0, DEVICES * POLICIES);
	suite_add_tcase(suite, tcase);
	int failed = run_suite(suite);
	free(code);
	return failed;
}
