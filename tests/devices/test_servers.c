/* What servers need: one thread that is told the ends of many runs, values of a single run, inputs in pieces, and the
 * state of the whole runtime. */
#include "tests/devices/test_devices.h"

#define REQUESTS 8

/* A model that copies an input of dims [3][4][5], of u32, to its output. */
enum { ROWS = 3, COLUMNS = 4, LAYERS = 5, ELEMENTS = ROWS * COLUMNS * LAYERS };

static void build_copy(struct test_model *model, const erc_runtime *runtime)
{
	test_model_begin(model, runtime->device->target);
	test_model_tensor(model, 0, ERC_U32, ELEMENTS);
	test_model_tensor(model, 1, ERC_U32, ELEMENTS);
	struct erca_tensor *tensors = (void *)model->build.tables[ERC_TABLE_TENSORS].data;
	for (int i = 0; i < 2; i++) {
		tensors[i].rank = 3;
		memcpy(tensors[i].dims, (int64_t[]){ROWS, COLUMNS, LAYERS}, 3 * sizeof(int64_t));
	}
	test_model_operand(model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, 4 * ELEMENTS);
	test_model_operand(model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, 4 * ELEMENTS);
	test_model_copy(model);
}

static void open_copy(struct fixture *f, int number)
{
	struct test_model model;
	open_numbered(f, number);
	build_copy(&model, f->runtime);
	load(f, &model);
}

/* "null" runs everything at once. */
static int pauses(const struct fixture *f)
{
	return strcmp(f->runtime->device->ops->name, "null") != 0;
}

static uint32_t input[ELEMENTS], output[REQUESTS][ELEMENTS];

static erc_request *make_request(erc_session *session, int number)
{
	erc_request *request;
	OK(erc_request_create(session, &request));
	OK(erc_request_bind_input(request, 0, input, sizeof input));
	OK(erc_request_bind_output(request, 0, output[number], sizeof output[number]));
	ck_assert_ptr_null(erc_request_user(request));
	erc_request_set_user(request, output[number]);
	return request;
}

static const struct erc_submit_options reported = {.size = sizeof reported, .report = 1};

static void check_no_end(erc_runtime *runtime)
{
	erc_request *request = (erc_request *)runtime;
	FAILS(erc_runtime_next_end(runtime, 0, &request), ERC_TIMEOUT);
	ck_assert_ptr_null(request);
}

/* ---- ends ---- */

/* Each reported run is told once; its result is there at once. The others are not told. */
START_TEST(ends_are_told_once)
{
	struct fixture f;
	erc_request *requests[REQUESTS], *ended;
	uint64_t last_ns = 0;
	open_copy(&f, _i);
	for (int i = 0; i < REQUESTS; i++) {
		requests[i] = make_request(f.session, i);
		OK(i % 4 == 3 ? erc_request_submit(requests[i]) : erc_request_submit_with(requests[i], &reported));
	}
	for (int i = 0; i < REQUESTS / 4 * 3; i++) {
		struct erc_request_timing timing = {.size = sizeof timing};
		OK(erc_runtime_next_end(f.runtime, UINT64_MAX, &ended));
		int number = (int)((uint32_t(*)[ELEMENTS])erc_request_user(ended) - output);
		ck_assert_ptr_eq(ended, requests[number]);
		ck_assert_int_ne(number % 4, 3);
		OK(erc_request_wait(ended, 0));
		OK(erc_request_timing(ended, &timing));
		ck_assert_uint_ge(timing.finished_ns, last_ns);
		last_ns = timing.finished_ns;
		if (f.computes)
			ck_assert_mem_eq(output[number], input, sizeof input);
		OK(erc_request_destroy(ended)); /* told twice, it would be used after this */
	}
	for (int i = 3; i < REQUESTS; i += 4) {
		OK(erc_request_wait(requests[i], UINT64_MAX));
		OK(erc_request_destroy(requests[i]));
	}
	check_no_end(f.runtime);
	close_device(&f);
}
END_TEST

/* An end that was waited for, or whose request is gone, is not told; nor is a run that was refused. */
START_TEST(ends_are_forgotten)
{
	struct fixture f;
	erc_session *limited;
	erc_request *requests[3];
	struct erc_session_options options = {.size = sizeof options, .in_flight = 1, .units = 1};
	open_copy(&f, _i);
	OK(erc_session_create(f.model, &options, &limited));
	OK(erc_session_set_units(limited, 0));
	for (int i = 0; i < 3; i++)
		requests[i] = make_request(i < 2 ? f.session : limited, i);
	for (int i = 0; i < 2; i++)
		OK(erc_request_submit_with(requests[i], &reported));
	if (pauses(&f)) { /* it waits: its session is paused */
		OK(erc_request_submit_with(requests[2], &reported));
		erc_request *refused = make_request(limited, 3);
		FAILS(erc_request_submit_with(refused, &reported), ERC_LIMIT);
		OK(erc_request_destroy(refused));
	}
	OK(erc_request_wait(requests[0], UINT64_MAX));
	OK(erc_request_wait(requests[1], UINT64_MAX));
	OK(erc_request_submit_with(requests[1], &reported));
	while (erc_request_destroy(requests[1])) /* as soon as it has ended */
		erc_runtime_wait(f.runtime,
		                 f.runtime->device->ops->advance ? UINT64_MAX : erc_runtime_now_ns(f.runtime) + 1000000);
	check_no_end(f.runtime);
	if (pauses(&f)) {
		erc_request *ended;
		OK(erc_request_cancel(requests[2]));
		OK(erc_runtime_next_end(f.runtime, UINT64_MAX, &ended));
		ck_assert_ptr_eq(ended, requests[2]);
		FAILS(erc_request_wait(ended, UINT64_MAX), ERC_CANCELLED);
	}
	OK(erc_request_destroy(requests[0]));
	OK(erc_request_destroy(requests[2]));
	OK(erc_session_destroy(limited));
	close_device(&f);
}
END_TEST

struct reapers {
	erc_runtime *runtime;
	_Atomic uint32_t left; /* runs that are still to be submitted */
	_Atomic uint32_t told;
};

static void *reap(void *user)
{
	struct reapers *reapers = user;
	while (atomic_load(&reapers->told) < REQUESTS * RUNS) {
		erc_request *ended;
		enum erc_status status =
			erc_runtime_next_end(reapers->runtime, erc_runtime_now_ns(reapers->runtime) + 10000000, &ended);
		if (status == ERC_TIMEOUT)
			continue;
		OK(status);
		OK(erc_request_wait(ended, UINT64_MAX));
		atomic_fetch_add(&reapers->told, 1);
		uint32_t left = atomic_load(&reapers->left);
		while (left && !atomic_compare_exchange_weak(&reapers->left, &left, left - 1))
			;
		if (left)
			OK(erc_request_submit_with(ended, &reported));
	}
	return NULL;
}

/* Two threads serve many requests of several sessions. */
START_TEST(ends_for_several_threads)
{
	struct fixture f;
	erc_request *requests[REQUESTS];
	pthread_t threads[2];
	open_copy(&f, _i);
	if (f.runtime->device->ops->advance) { /* one thread at a time waits for a virtual device */
		close_device(&f);
		return;
	}
	struct reapers reapers = {.runtime = f.runtime, .left = REQUESTS * (RUNS - 1)};
	for (int i = 0; i < REQUESTS; i++) {
		requests[i] = make_request(f.session, i);
		OK(erc_request_submit_with(requests[i], &reported));
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, reap, &reapers), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(atomic_load(&reapers.told), REQUESTS * RUNS);
	check_no_end(f.runtime);
	for (int i = 0; i < REQUESTS; i++)
		OK(erc_request_destroy(requests[i]));
	close_device(&f);
}
END_TEST

/* ---- values of a single run ---- */

START_TEST(submit_options_are_checked)
{
	struct fixture f;
	struct erc_submit_options options = {.size = sizeof options, .fields = 8};
	open_copy(&f, _i);
	OK(erc_request_bind_input(f.request, 0, input, sizeof input));
	OK(erc_request_bind_output(f.request, 0, output[0], sizeof output[0]));
	FAILS(erc_request_submit_with(f.request, &options), ERC_INVALID);
	FAILS(erc_request_submit_with(NULL, &options), ERC_INVALID);
	options = (struct erc_submit_options){0};
	FAILS(erc_request_submit_with(f.request, &options), ERC_INVALID);
	OK(erc_request_submit_with(f.request, NULL));
	OK(erc_request_wait(f.request, UINT64_MAX));
	close_device(&f);
}
END_TEST

/* A deadline of the run decides whether it is missed, and whether it is refused. */
START_TEST(deadline_of_a_run)
{
	struct fixture f;
	struct erc_session_options options = {.size = sizeof options,
	                                      .class_ = ERC_REAL_TIME,
	                                      .deadline_us = 60000000,
	                                      .shed = 1};
	struct erc_submit_options run = {.size = sizeof run, .fields = ERC_SUBMIT_ARRIVAL | ERC_SUBMIT_DEADLINE};
	struct erc_session_stats stats = {.size = sizeof stats};
	erc_session *session;
	open_copy(&f, _i);
	OK(erc_session_create(f.model, &options, &session));
	erc_request *request = make_request(session, 0);
	OK(erc_request_run(request));
	usleep(f.runtime->device->ops->advance ? 0 : 2000);
	run.arrival_ns = erc_runtime_now_ns(f.runtime);
	run.deadline_us = 0; /* none */
	OK(erc_request_submit_with(request, &run));
	OK(erc_request_wait(request, UINT64_MAX));
	OK(erc_session_stats(session, &stats));
	ck_assert_uint_eq(stats.completed, 2);
	ck_assert_uint_eq(stats.missed, 0);
	ck_assert_uint_eq(stats.shed, 0);
	run.arrival_ns = 0; /* long ago */
	run.deadline_us = 1;
	if (erc_runtime_now_ns(f.runtime) > 1000) {
		FAILS(erc_request_submit_with(request, &run), ERC_SHED);
		OK(erc_session_stats(session, &stats));
		ck_assert_uint_eq(stats.shed, 1);
	}
	OK(erc_request_run(request)); /* the session's deadline again */
	OK(erc_request_destroy(request));
	OK(erc_session_destroy(session));
	close_device(&f);
}
END_TEST

/* ---- inputs in pieces ---- */

static void check_copy(struct fixture *f, const uint32_t *wanted)
{
	memset(output, 0xee, sizeof output);
	OK(erc_request_run(f->request));
	if (f->computes)
		ck_assert_mem_eq(output[0], wanted, sizeof output[0]);
}

START_TEST(inputs_in_pieces)
{
	struct fixture f;
	uint32_t memory[ELEMENTS];
	struct erc_piece all[ELEMENTS + 2];
	open_copy(&f, _i);
	OK(erc_request_bind_output(f.request, 0, output[0], sizeof output[0]));
	for (uint32_t size = 1; size <= sizeof memory; size += size < 9 ? 1 : 29) { /* bytes, also inside an element */
		size_t count = 0;
		memcpy(memory, input, sizeof memory);
		for (uint32_t at = 0; at < sizeof memory && count < ELEMENTS; at += size)
			all[count++] =
				(struct erc_piece){(char *)memory + at, at + size < sizeof memory ? size : sizeof memory - at};
		uint32_t covered = (uint32_t)count * size;
		if (covered < sizeof memory)
			all[count++] = (struct erc_piece){(char *)memory + covered, sizeof memory - covered};
		all[count++] = (struct erc_piece){NULL, 0};
		OK(erc_request_copy_pieces(f.request, 0, all, count));
		memset(memory, 0xdd, sizeof memory); /* was copied */
		check_copy(&f, input);
	}
	all[0] = (struct erc_piece){memory, sizeof memory - 1};
	all[1] = (struct erc_piece){NULL, 1};
	FAILS(erc_request_copy_pieces(f.request, 0, all, 1), ERC_INVALID);
	FAILS(erc_request_copy_pieces(f.request, 0, all, 2), ERC_INVALID);
	FAILS(erc_request_copy_pieces(f.request, 0, NULL, 1), ERC_INVALID);
	FAILS(erc_request_copy_pieces(f.request, 1, all, 1), ERC_NOT_FOUND);
	FAILS(erc_request_copy_pieces(NULL, 0, all, 1), ERC_INVALID);
	all[1] = (struct erc_piece){memory, SIZE_MAX};
	FAILS(erc_request_copy_pieces(f.request, 0, all, 2), ERC_INVALID);
	check_copy(&f, input); /* what failed changed nothing */
	close_device(&f);
}
END_TEST

/* All orders and directions of the three dims, dense and with gaps, and repeated rows. */
START_TEST(strided_inputs)
{
	static const int64_t dims[] = {ROWS, COLUMNS, LAYERS};
	static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	static uint32_t memory[ELEMENTS * 27];
	uint32_t wanted[ELEMENTS];
	struct fixture f;
	open_copy(&f, _i);
	OK(erc_request_bind_output(f.request, 0, output[0], sizeof output[0]));
	for (uint32_t i = 0; i < sizeof memory / sizeof *memory; i++)
		memory[i] = i * 2654435761u;
	for (int kind = 0; kind < 6 * 8 * 3; kind++) {
		const int *order = orders[kind % 6];
		int64_t strides[3], step = 4, first = 0;
		for (int k = 2; k >= 0; k--) {
			int d = order[k];
			step *= 1 + kind / 48 % 3; /* gaps */
			strides[d] = step;
			step *= dims[d];
			if (kind / 6 >> k & 1) {
				first += strides[d] * (dims[d] - 1);
				strides[d] = -strides[d];
			}
		}
		if (kind % 11 == 10) {
			first = strides[1] < 0 ? first + strides[1] * (COLUMNS - 1) : first;
			strides[1] = 0;
		}
		const char *from = (char *)memory + first;
		for (int i = 0; i < ELEMENTS; i++)
			memcpy(&wanted[i],
			       from + i / (COLUMNS * LAYERS) * strides[0] + i / LAYERS % COLUMNS * strides[1] +
			           i % LAYERS * strides[2],
			       4);
		OK(erc_request_copy_strided(f.request, 0, from, strides));
		check_copy(&f, wanted);
	}
	FAILS(erc_request_copy_strided(f.request, 0, NULL, dims), ERC_INVALID);
	FAILS(erc_request_copy_strided(f.request, 0, memory, NULL), ERC_INVALID);
	FAILS(erc_request_copy_strided(f.request, 1, memory, dims), ERC_NOT_FOUND);
	OK(erc_request_bind_input(f.request, 0, input, sizeof input)); /* in place again */
	check_copy(&f, input);
	close_device(&f);
}
END_TEST

/* ---- the whole runtime ---- */

START_TEST(runtime_counts_all_sessions)
{
	struct fixture f;
	struct erc_runtime_stats stats = {.size = sizeof stats};
	erc_session *other;
	open_copy(&f, _i);
	uint32_t beside = f.rt_session ? 1 : 0;
	OK(erc_session_create(f.model, NULL, &other));
	erc_request *requests[] = {make_request(f.session, 0), make_request(other, 1)};
	for (int i = 0; i < 5; i++)
		OK(erc_request_run(requests[i % 2]));
	OK(erc_session_set_units(other, 0));
	OK(erc_request_submit(requests[1]));
	OK(erc_runtime_stats(f.runtime, &stats));
	ck_assert_int_eq((int)stats.health, ERC_OK);
	ck_assert_uint_eq(stats.models, 1);
	ck_assert_uint_eq(stats.sessions, 2 + beside);
	ck_assert_uint_eq(stats.requests, 3);
	ck_assert_uint_eq(stats.queued, pauses(&f));
	ck_assert_uint_eq(stats.submitted, 6);
	ck_assert_uint_eq(stats.completed, 6 - pauses(&f));
	ck_assert_uint_eq(stats.launches, 6 - pauses(&f));
	OK(erc_request_cancel(requests[1]));
	FAILS(erc_request_wait(requests[1], UINT64_MAX), pauses(&f) ? ERC_CANCELLED : ERC_OK);
	OK(erc_request_destroy(requests[0]));
	OK(erc_request_destroy(requests[1]));
	OK(erc_session_destroy(other));
	OK(erc_runtime_stats(f.runtime, &stats));
	ck_assert_uint_eq(stats.sessions, 1 + beside);
	ck_assert_uint_eq(stats.requests, 1);
	ck_assert_uint_eq(stats.queued, 0);
	ck_assert_uint_eq(stats.submitted, 6);
	ck_assert_uint_eq(stats.completed, 6 - pauses(&f));
	ck_assert_uint_eq(stats.cancelled, pauses(&f));
	ck_assert_uint_eq(stats.failed + stats.shed + stats.missed, 0);
	close_device(&f);
}
END_TEST

/* ERC_ARTIFACT_* are replaced by what the artifact says of the entry. */
START_TEST(class_of_the_artifact)
{
	struct fixture f;
	struct test_model model;
	open_numbered(&f, _i);
	build_copy(&model, f.runtime);
	if (_i % 2)
		BUILD_ADD(&model.build, CLASSES, struct erca_class, .class_ = ERC_REAL_TIME, .level = 3, .deadline_us = 70000);
	load(&f, &model);
	for (int given = 0; given < 16; given++) {
		struct erc_session_options options = {
			.size = sizeof options,
			.class_ = given & 8   ? ERC_BEST_EFFORT
		              : given & 1 ? ERC_REAL_TIME
		                          : ERC_ARTIFACT_CLASS,
			.level = given & 2 ? 9 : ERC_ARTIFACT_LEVEL,
			.deadline_us = given & 4 ? 1234567 : ERC_ARTIFACT_DEADLINE,
		};
		struct erc_session_stats stats = {.size = sizeof stats};
		erc_session *session;
		OK(erc_session_create(f.model, &options, &session));
		OK(erc_session_stats(session, &stats));
		bool is_rt = !(given & 8) && ((given & 1) || _i % 2); /* level and deadline are RT's alone */
		ck_assert_int_eq(stats.class_, is_rt ? ERC_REAL_TIME : ERC_BEST_EFFORT);
		ck_assert_uint_eq(stats.level, !is_rt ? 0 : given & 2 ? 9 : _i % 2 ? 3 : 0);
		ck_assert_uint_eq(stats.deadline_us, !is_rt ? 0 : given & 4 ? 1234567 : _i % 2 ? 70000 : 0);
		OK(erc_session_destroy(session));
	}
	struct erc_session_stats stats = {.size = sizeof stats};
	OK(erc_session_stats(f.session, &stats)); /* made without options */
	ck_assert_int_eq(stats.class_, ERC_BEST_EFFORT);
	close_device(&f);
}
END_TEST

static void add_tests(TCase *tcase)
{
	for (int i = 0; i < ELEMENTS; i++)
		input[i] = (uint32_t)i * 40503u + 7;
	tcase_add_loop_test(tcase, ends_are_told_once, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, ends_are_forgotten, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, ends_for_several_threads, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, submit_options_are_checked, 0, DEVICES);
	tcase_add_loop_test(tcase, deadline_of_a_run, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, inputs_in_pieces, 0, DEVICES);
	tcase_add_loop_test(tcase, strided_inputs, 0, DEVICES);
	tcase_add_loop_test(tcase, runtime_counts_all_sessions, 0, ALL_UNITS);
	tcase_add_loop_test(tcase, class_of_the_artifact, 0, ALL_UNITS);
}

int main(void)
{
	return devices_main("servers", add_tests);
}
