/* The second half of the device conformance suite, for devices whose units check rooms: shrinking, growing,
 * stopping, moving to other work, order among requests, cancelling what runs or waits. */
#include "tests/devices/test_devices.h"

#define ROOM_TESTS 10 /* tests that use open_elastic */
#define GATE_TILES 12

struct gate {
	uint64_t addresses[2]; /* of the other two buffers */
	_Atomic uint32_t control[GATE_WORDS];
	uint32_t counters[GATE_TILES];
} GPU_PAGES;

static uint32_t narrow_ns; /* predicted time of a tile of the first launch */

static void build_gate(struct test_model *model, const erc_runtime *runtime, uint32_t launches, uint32_t first_tiles,
                       uint32_t other_tiles)
{
	test_model_begin(model, runtime->device->target);
	test_model_tensor(model, 0, ERC_U64, 2);
	model->entry.local_bytes = one_block_bytes(runtime);
	for (uint32_t i = 0; i < launches; i++) {
		struct erca_variant variant = {.kernel = TEST_KERNEL_gate,
		                               .tile_count = i ? other_tiles : first_tiles,
		                               .local_bytes = model->entry.local_bytes,
		                               .tile_ns = i ? 0 : narrow_ns,
		                               .count_slot = ERCA_NONE};
		test_model_operand(model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, 16);
		test_model_launch_variant(model, variant, 0);
	}
}

static void bind_gate(erc_request *request, struct gate *gate)
{
	memset(gate, 0, sizeof *gate);
	gpu_show(request->session->model->runtime, gate, sizeof *gate);
	gate->addresses[0] = (uintptr_t)gate->control;
	gate->addresses[1] = (uintptr_t)gate->counters;
	OK(erc_request_bind_input(request, 0, gate->addresses, sizeof gate->addresses));
}

static void await(_Atomic uint32_t *word, uint32_t value)
{
	for (int i = 0; atomic_load(word) != value; i++) {
		ck_assert_msg(i < 100000, "waited in vain for %u, it is %u", value, atomic_load(word));
		usleep(100);
	}
}

/* Tiles that hold a unit now stay. Units that have not entered for a while will not enter. */
static void check_stays(_Atomic uint32_t *word, uint32_t value)
{
	usleep(3000);
	ck_assert_uint_eq(atomic_load(word), value);
}

static void grow(struct fixture *f, uint32_t limit)
{
	OK(erc_session_set_units(f->session, limit));
}

static int open_elastic(struct fixture *f, int number, struct gate *gate, uint32_t launches, uint32_t first_tiles,
                        uint32_t other_tiles)
{
	struct test_model model;
	open_numbered(f, number);
	if (!f->elastic) {
		OK(erc_runtime_destroy(f->runtime));
		return 0;
	}
	build_gate(&model, f->runtime, launches, first_tiles, other_tiles);
	load(f, &model);
	bind_gate(f->request, gate);
	return 1;
}

START_TEST(room_shrinks_and_grows)
{
	struct fixture f;
	struct gate gate;
	if (!open_elastic(&f, _i, &gate, 1, GATE_TILES, GATE_TILES))
		return;
	uint32_t units = f.runtime->device->units;
	OK(erc_request_submit(f.request));
	await(&gate.control[GATE_ENTERED], units);
	OK(erc_session_set_units(f.session, 0));
	atomic_store(&gate.control[GATE_OPEN], units); /* the running tiles complete, and the units leave */
	await(&f.session->tenant.room.units, 0);
	check_stays(&gate.control[GATE_ENTERED], units);
	FAILS(erc_request_wait(f.request, 0), ERC_TIMEOUT);

	grow(&f, 1);
	await(&gate.control[GATE_ENTERED], units + 1);
	check_stays(&gate.control[GATE_ENTERED], units + 1);
	ck_assert_uint_eq(erc__room_units(&f.session->tenant.room), 1);

	grow(&f, units); /* others join the running launch */
	await(&gate.control[GATE_ENTERED], 2 * units);
	atomic_store(&gate.control[GATE_OPEN], UINT32_MAX);
	OK(erc_request_wait(f.request, UINT64_MAX));
	check_all_ones(gate.counters, GATE_TILES);
	close_device(&f);
}
END_TEST

START_TEST(room_stops_and_resumes)
{
	struct fixture f;
	struct gate gate;
	if (!open_elastic(&f, _i, &gate, 1, GATE_TILES, GATE_TILES))
		return;
	uint32_t units = f.runtime->device->units;
	OK(erc_request_submit(f.request));
	await(&gate.control[GATE_ENTERED], units);
	/* Resumed before a unit could look: what entered before the stop still leaves, and then comes back. */
	erc__room_stop(&f.session->tenant.room);
	erc__room_resume(&f.session->tenant.room, 1);
	f.runtime->device->ops->room_changed(f.runtime->device);
	atomic_store(&gate.control[GATE_OPEN], units);
	await(&gate.control[GATE_ENTERED], units + 1);
	check_stays(&gate.control[GATE_ENTERED], units + 1);
	ck_assert_uint_eq(erc__room_units(&f.session->tenant.room), 1);
	atomic_store(&gate.control[GATE_OPEN], UINT32_MAX);
	OK(erc_request_wait(f.request, UINT64_MAX));
	check_all_ones(gate.counters, GATE_TILES);
	close_device(&f);
}
END_TEST

START_TEST(no_room_no_start)
{
	struct fixture f;
	struct gate gate;
	if (!open_elastic(&f, _i, &gate, 1, GATE_TILES, GATE_TILES))
		return;
	atomic_store(&gate.control[GATE_OPEN], UINT32_MAX);
	OK(erc_session_set_units(f.session, 0));
	OK(erc_request_submit(f.request));
	FAILS(erc_request_wait(f.request, 5000), ERC_TIMEOUT);
	FAILS(erc_request_destroy(f.request), ERC_BUSY);
	ck_assert_uint_eq(atomic_load(&gate.control[GATE_ENTERED]), 0);
	grow(&f, 1);
	OK(erc_request_wait(f.request, UINT64_MAX));
	check_all_ones(gate.counters, GATE_TILES);
	close_device(&f);
}
END_TEST

/* Units that sleep during a launch of one tile are woken for the wide launch after it. */
START_TEST(sleeping_units_join)
{
	struct fixture f;
	struct gate gate;
	if (!open_elastic(&f, _i, &gate, 2, 1, GATE_TILES))
		return;
	uint32_t units = f.runtime->device->units;
	OK(erc_request_submit(f.request));
	await(&gate.control[GATE_ENTERED], 1);
	usleep(3000); /* the others fall asleep */
	atomic_store(&gate.control[GATE_OPEN], 1);
	await(&gate.control[GATE_ENTERED], 1 + units);
	atomic_store(&gate.control[GATE_OPEN], UINT32_MAX);
	OK(erc_request_wait(f.request, UINT64_MAX));
	ck_assert_uint_eq(gate.counters[0], 2);
	close_device(&f);
}
END_TEST

/* Two real-time runs that can use one unit each have one each. The more urgent run gets all that it can use when its
 * wide launch comes, and the other one goes on afterwards. */
START_TEST(narrow_runs_go_side_by_side)
{
	static const struct erc_session_options options[] = {
		{.size = sizeof options[0], .class_ = ERC_REAL_TIME},
		{.size = sizeof options[0], .class_ = ERC_REAL_TIME, .level = 1},
	};
	struct fixture f;
	struct gate gates[2], unused;
	erc_session *sessions[2];
	erc_request *requests[2];
	narrow_ns = 1000000;
	int is_elastic = open_elastic(&f, _i, &unused, 2, 1, GATE_TILES);
	narrow_ns = 0;
	if (!is_elastic)
		return;
	uint32_t units = f.runtime->device->units;
	if (units == 1 || !(f.runtime->device->ops->flags & ERC__DEVICE_BY_LAUNCH)) {
		close_device(&f);
		return;
	}
	for (int i = 0; i < 2; i++) {
		OK(erc_session_create(f.model, &options[i], &sessions[i]));
		OK(erc_request_create(sessions[i], &requests[i]));
		bind_gate(requests[i], &gates[i]);
		OK(erc_request_submit(requests[i]));
		await(&gates[i].control[GATE_ENTERED], 1);
	}
	atomic_store(&gates[0].control[GATE_OPEN], 1);
	await(&gates[0].control[GATE_ENTERED], units); /* one, then all units but the other run's */
	atomic_store(&gates[1].control[GATE_OPEN], 1);
	await(&gates[0].control[GATE_ENTERED], 1 + units);
	check_stays(&gates[1].control[GATE_ENTERED], 1);
	for (int i = 0; i < 2; i++)
		atomic_store(&gates[i].control[GATE_OPEN], UINT32_MAX);
	for (int i = 0; i < 2; i++) {
		OK(erc_request_wait(requests[i], UINT64_MAX));
		OK(erc_request_destroy(requests[i]));
		OK(erc_session_destroy(sessions[i]));
	}
	close_device(&f);
}
END_TEST

/* As erc_session_set_units, but without telling anyone. */
static void set_cap_quietly(erc_session *session, uint32_t cap)
{
	struct erc__device *device = session->model->runtime->device;
	pthread_mutex_lock(&device->lock);
	erc__sched_set_cap(&device->sched, &session->tenant, cap, erc__device_now_ns(device));
	pthread_mutex_unlock(&device->lock);
}

/* A unit turns from a run to a more urgent, narrow run. What it leaves is for the units that sleep. Both runs are
 * real-time, because on a CPU best-effort work beside them has separate threads. */
START_TEST(left_work_is_passed_on)
{
	static const struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME},
											later = {.size = sizeof later, .class_ = ERC_REAL_TIME, .level = 1};
	struct fixture f;
	struct gate gate, urgent_gate;
	erc_session *urgent_session, *later_session;
	erc_request *urgent, *narrow;
	if (!open_elastic(&f, _i, &gate, 2, 1, 1))
		return;
	if (f.runtime->device->ops
	        ->request_create) { /* its units check only their own room, and other work is launched beside it */
		close_device(&f);
		return;
	}
	uint32_t units = f.runtime->device->units;
	OK(erc_session_create(f.model, &options, &urgent_session));
	OK(erc_request_create(urgent_session, &urgent));
	bind_gate(urgent, &urgent_gate);
	OK(erc_session_create(f.model, &later, &later_session));
	OK(erc_request_create(later_session, &narrow));
	bind_gate(narrow, &gate);
	OK(erc_request_submit(narrow));
	await(&gate.control[GATE_ENTERED], 1);
	OK(erc_session_set_units(urgent_session, 0));
	OK(erc_request_submit(urgent));
	usleep(3000);                       /* the other units find no tile and no room, and sleep */
	set_cap_quietly(urgent_session, 1); /* the unit that is awake sees this when its tile is complete */
	atomic_store(&gate.control[GATE_OPEN], 1);
	await(&urgent_gate.control[GATE_ENTERED], 1);
	await(&gate.control[GATE_ENTERED], units > 1 ? 2 : 1); /* one tile, for one of the others */
	OK(erc_session_set_units(urgent_session, 1));          /* this makes the present limit of the room its own again */
	atomic_store(&urgent_gate.control[GATE_OPEN], UINT32_MAX);
	atomic_store(&gate.control[GATE_OPEN], UINT32_MAX);
	OK(erc_request_wait(urgent, UINT64_MAX));
	OK(erc_request_wait(narrow, UINT64_MAX));
	OK(erc_request_destroy(narrow));
	OK(erc_session_destroy(later_session));
	OK(erc_request_destroy(urgent));
	OK(erc_session_destroy(urgent_session));
	close_device(&f);
}
END_TEST

START_TEST(budget_limits_units)
{
	struct fixture f;
	struct gate gate;
	erc_session *session;
	erc_request *request;
	if (!open_elastic(&f, _i, &gate, 1, GATE_TILES, GATE_TILES))
		return;
	uint32_t half = (f.runtime->device->units + 1) / 2;
	struct erc_session_options options = {.size = sizeof options, .budget = "half"};
	OK(erc_session_create(f.model, &options, &session));
	OK(erc_request_create(session, &request));
	bind_gate(request, &gate);
	OK(erc_request_submit(request));
	await(&gate.control[GATE_ENTERED], half);
	check_stays(&gate.control[GATE_ENTERED], half);
	atomic_store(&gate.control[GATE_OPEN], UINT32_MAX);
	OK(erc_request_wait(request, UINT64_MAX));
	OK(erc_request_destroy(request));
	OK(erc_session_destroy(session));
	close_device(&f);
}
END_TEST

/* ---- order among requests, cancelling ---- */

/* One unit is held by a gate. Requests wait for it, in order of submission: best-effort, real-time of level 1, then
 * of level 0 with a late and an early deadline. They start in the reverse order. In every other case these are values of
 * the runs, against those of their sessions. */
START_TEST(urgent_first)
{
	struct erc_submit_options runs[4] = {0};
	struct erc_session_options classes[] = {
		{.size = sizeof classes[0], .class_ = ERC_BEST_EFFORT},
		{.size = sizeof classes[0], .class_ = ERC_REAL_TIME, .level = 1, .deadline_us = 1},
		{.size = sizeof classes[0], .class_ = ERC_REAL_TIME, .level = 0, .deadline_us = 90000000},
		{.size = sizeof classes[0], .class_ = ERC_REAL_TIME, .level = 0, .deadline_us = 10000000},
	};
	erc_session *sessions[4];
	erc_request *requests[4];
	uint32_t counter = 0, stamps[4];
	uint64_t address = (uintptr_t)&counter;
	struct fixture f, stamp;
	struct gate gate;
	struct test_model model;
	if (!open_elastic(&f, _i % DEVICES, &gate, 1, GATE_TILES, GATE_TILES))
		return;
	if (f.beside_rt) { /* the gate does not hold the thread that serves real-time work */
		atomic_store(&gate.control[GATE_OPEN], UINT32_MAX);
		close_device(&f);
		return;
	}
	stamp = (struct fixture){.runtime = f.runtime};
	test_model_begin(&model, f.runtime->device->target);
	test_model_tensor(&model, 0, ERC_U64, 1);
	test_model_tensor(&model, 1, ERC_U32, 1);
	test_model_operand(&model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, 8);
	test_model_operand(&model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, 4);
	test_model_launch(&model, TEST_KERNEL_stamp, 1, 0);
	load(&stamp, &model);
	for (uint32_t i = 1; i < 4 && f.runtime->device->ops->request_create; i++)
		classes[i].level = 3 - i; /* launched on arrival, so deadlines within a level no longer change their order */
	for (uint32_t i = 1; i < 4 && !f.runtime->device->ops->request_create && _i >= DEVICES; i++) {
		runs[i] = (struct erc_submit_options){.fields = ERC_SUBMIT_LEVEL | ERC_SUBMIT_DEADLINE,
		                                      .level = classes[i].level,
		                                      .deadline_us = classes[i].deadline_us};
		classes[i].level = i;
		classes[i].deadline_us = i * 1000;
	}
	OK(erc_request_submit(f.request));
	await(&gate.control[GATE_ENTERED], 1);
	for (int i = 0; i < 4; i++) {
		OK(erc_session_create(stamp.model, &classes[i], &sessions[i]));
		OK(erc_request_create(sessions[i], &requests[i]));
		OK(erc_request_bind_input(requests[i], 0, &address, 8));
		OK(erc_request_bind_output(requests[i], 0, &stamps[i], 4));
		runs[i].size = sizeof runs[i];
		OK(erc_request_submit_with(requests[i], &runs[i]));
	}
	usleep(5000); /* what was launched has its inputs, and waits for the unit */
	atomic_store(&gate.control[GATE_OPEN], UINT32_MAX);
	for (int i = 0; i < 4; i++) {
		OK(erc_request_wait(requests[i], UINT64_MAX));
		ck_assert_uint_eq(stamps[i], 4 - (uint32_t)i);
		OK(erc_request_destroy(requests[i]));
		OK(erc_session_destroy(sessions[i]));
	}
	OK(erc_request_wait(f.request, UINT64_MAX));
	close_model(&stamp);
	close_device(&f);
}
END_TEST

START_TEST(cancel_running)
{
	struct fixture f;
	struct gate gate;
	if (!open_elastic(&f, _i, &gate, 3, GATE_TILES, GATE_TILES))
		return;
	uint32_t units = f.runtime->device->units;
	OK(erc_request_submit(f.request));
	await(&gate.control[GATE_ENTERED], units);
	OK(erc_request_cancel(f.request));
	FAILS(erc_request_wait(f.request, 1000), ERC_TIMEOUT); /* a claimed tile completes */
	atomic_store(&gate.control[GATE_OPEN], UINT32_MAX);
	FAILS(erc_request_wait(f.request, UINT64_MAX), ERC_CANCELLED);
	ck_assert_uint_eq(atomic_load(&gate.control[GATE_ENTERED]), units);
	/* The request works as before. */
	bind_gate(f.request, &gate);
	atomic_store(&gate.control[GATE_OPEN], UINT32_MAX);
	OK(erc_request_run(f.request));
	for (uint32_t i = 0; i < GATE_TILES; i++)
		ck_assert_uint_eq(gate.counters[i], 3);
	OK(erc_request_cancel(f.request)); /* too late to have an effect */
	close_device(&f);
}
END_TEST

START_TEST(cancel_waiting)
{
	struct fixture f;
	struct gate gate;
	if (!open_elastic(&f, _i, &gate, 2, GATE_TILES, GATE_TILES))
		return;
	OK(erc_session_set_units(f.session, 0));
	OK(erc_request_submit(f.request));
	OK(erc_request_cancel(f.request));
	FAILS(erc_request_wait(f.request, UINT64_MAX), ERC_CANCELLED);
	ck_assert_uint_eq(atomic_load(&gate.control[GATE_ENTERED]), 0);
	close_device(&f);
}
END_TEST

static void add_tests(TCase *tcase)
{
	for (int i = 0; i < DEVICES; i++)
		if (!(erc__device_find(device_name(i))->flags & ERC__DEVICE_ELASTIC))
			printf("rooms: skipped on %s, whose units check no room: %d tests\n", device_name(i), ROOM_TESTS);
	printf("skipped: rooms: on cpu beside a real-time session, where best-effort work does not keep real-time work "
	       "waiting: urgent_first\n");
	printf("skipped: rooms: on cuda, whose units serve one request each until it sends them away: "
	       "left_work_is_passed_on\n");
	tcase_add_loop_test(tcase, room_shrinks_and_grows, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, room_stops_and_resumes, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, no_room_no_start, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, sleeping_units_join, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, narrow_runs_go_side_by_side, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, left_work_is_passed_on, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, budget_limits_units, 0, ALL_UNITS);
	STAND_IN_ONLY(tcase, urgent_first, 0, 2 * DEVICES,
	              "a GPU has more units than the one that the gate holds"); /* one unit */
	tcase_add_loop_test(tcase, cancel_running, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, cancel_waiting, 0, ALL_UNITS);
}

int main(void)
{
	return devices_main("rooms", add_tests);
}
