/* How the CPU device's threads are scheduled: best-effort threads beside real-time sessions, real-time threads with
 * a priority, and threads that are helped to leave cancelled work. */
#include "tests/devices/test_devices.h"

#include <errno.h>
#include <sys/wait.h>

#include "runtime/devices/cpu.h"

enum { UNITS = 2, TILES = 8 };

static char told[1024];

static void collect(void *user, enum erc_log_level level, const char *message)
{
	(void)user;
	(void)level;
	size_t used = strlen(told);
	snprintf(told + used, sizeof told - used, "%s\n", message);
}

static int policy_of(const struct cpu_device *device)
{
	struct sched_param parameter;
	int policy;
	ck_assert_int_eq(pthread_getschedparam(device->units[0].thread, &policy, &parameter), 0);
	return policy;
}

/* Best-effort threads are idle-class, and real-time threads have the requested priority; otherwise the log says why
 * not. Loop 1: without privileges. */
START_TEST(scheduling_classes)
{
	struct erc_runtime_options options = {.size = sizeof options,
	                                      .device = "cpu",
	                                      .units = 1,
	                                      .log = collect,
	                                      .rt_os_priority = 3};
	struct erc_session_options real_time = {.size = sizeof real_time, .class_ = ERC_REAL_TIME};
	struct test_model model;
	struct fixture f = {.computes = 1};
	erc_session *first, *second;
	if (_i && (setgid(65534) || setuid(65534))) {
		printf("skipped: apart: 1 test, scheduling_classes without privileges: %s\n", strerror(errno));
		return;
	}
	OK(erc_runtime_create(&options, &f.runtime));
	struct cpu_device *device = (struct cpu_device *)f.runtime->device;
	test_model_begin(&model, f.runtime->device->target);
	test_model_launch(&model, TEST_KERNEL_empty, 1, 0);
	load(&f, &model);
	ck_assert_int_eq(policy_of(device), SCHED_OTHER);
	ck_assert_ptr_null(device->aparts);
	OK(erc_session_create(f.model, &real_time, &first));
	OK(erc_session_create(f.model, &real_time, &second));
	int is_refused = strstr(told, "refuses SCHED_FIFO at priority 3") != NULL;
	ck_assert(_i == 0 || is_refused || policy_of(device) == SCHED_FIFO);
	ck_assert_int_eq(policy_of(device), is_refused ? SCHED_OTHER : SCHED_FIFO);
	ck_assert_int_eq(sched_getscheduler((pid_t)atomic_load(&device->aparts[0].tid)), SCHED_IDLE);
	ck_assert_ptr_nonnull(strstr(told, "SCHED_IDLE"));
	OK(erc_session_destroy(first));
	ck_assert(erc__cpu_is_apart(device));
	OK(erc_session_destroy(second));
	ck_assert(!erc__cpu_is_apart(device));
	ck_assert_int_eq(policy_of(device), SCHED_OTHER);
	close_device(&f);
	options.rt_os_priority = 100;
	FAILS(erc_runtime_create(&options, &f.runtime), ERC_INVALID);
}
END_TEST

/* Threads inside cancelled work are ordinary threads until they have left it, which they do when their tiles
 * complete. */
START_TEST(helped_until_they_leave)
{
	static _Atomic uint32_t control[GATE_WORDS];
	static uint32_t counters[TILES];
	uint64_t addresses[2] = {(uintptr_t)control, (uintptr_t)counters};
	struct erc_session_options real_time = {.size = sizeof real_time, .class_ = ERC_REAL_TIME};
	struct test_model model;
	struct fixture f;
	erc_session *session;
	open_device(&f, "cpu", UNITS, NULL);
	test_model_begin(&model, f.runtime->device->target);
	test_model_tensor(&model, 0, ERC_U64, 2);
	test_model_operand(&model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, 16);
	test_model_launch(&model, TEST_KERNEL_gate, TILES, 0);
	load(&f, &model);
	OK(erc_session_create(f.model, &real_time, &session));
	OK(erc_request_bind_input(f.request, 0, addresses, sizeof addresses));
	OK(erc_request_submit(f.request));
	for (int i = 0; atomic_load(&control[GATE_ENTERED]) != UNITS; i++) {
		ck_assert_int_lt(i, 100000);
		usleep(100);
	}
	struct cpu_apart *aparts = ((struct cpu_device *)f.runtime->device)->aparts;
	for (int i = 0; i < UNITS; i++)
		ck_assert_int_eq(sched_getscheduler((pid_t)atomic_load(&aparts[i].tid)), SCHED_IDLE);
	OK(erc_request_cancel(f.request));
	for (int i = 0; i < UNITS; i++)
		ck_assert_int_eq(sched_getscheduler((pid_t)atomic_load(&aparts[i].tid)), SCHED_OTHER);
	atomic_store(&control[GATE_OPEN], UINT32_MAX);
	FAILS(erc_request_wait(f.request, UINT64_MAX), ERC_CANCELLED);
	for (int i = 0; i < UNITS; i++)
		for (int k = 0; sched_getscheduler((pid_t)atomic_load(&aparts[i].tid)) != SCHED_IDLE; k++) {
			ck_assert_int_lt(k, 100000);
			usleep(100);
		}
	OK(erc_session_destroy(session));
	close_device(&f);
}
END_TEST

/* When the last real-time session is destroyed, the first threads serve the work that waits for the place of a
 * best-effort thread. */
START_TEST(what_waits_for_a_place)
{
	static _Atomic uint32_t control[2][GATE_WORDS];
	static uint32_t counters[2][TILES];
	uint64_t addresses[2][2] = {{(uintptr_t)control[0], (uintptr_t)counters[0]},
	                            {(uintptr_t)control[1], (uintptr_t)counters[1]}};
	struct erc_session_options real_time = {.size = sizeof real_time, .class_ = ERC_REAL_TIME};
	struct test_model model;
	struct fixture f;
	erc_session *session;
	erc_request *second;
	open_device(&f, "cpu", UNITS, NULL);
	test_model_begin(&model, f.runtime->device->target);
	test_model_tensor(&model, 0, ERC_U64, 2);
	test_model_operand(&model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, 16);
	test_model_launch(&model, TEST_KERNEL_gate, TILES, 0);
	load(&f, &model);
	OK(erc_session_create(f.model, &real_time, &session));
	OK(erc_request_create(f.session, &second));
	OK(erc_request_bind_input(f.request, 0, addresses[0], sizeof addresses[0]));
	OK(erc_request_bind_input(second, 0, addresses[1], sizeof(addresses[1])));
	atomic_store(&control[1][GATE_OPEN], UINT32_MAX);
	OK(erc_request_submit(f.request));
	for (int i = 0; atomic_load(&control[0][GATE_ENTERED]) != UNITS; i++) {
		ck_assert_int_lt(i, 100000);
		usleep(100);
	}
	OK(erc_request_submit(second));
	OK(erc_session_destroy(session));
	usleep(3000); /* the first threads find no place, and sleep */
	OK(erc_request_cancel(f.request));
	atomic_store(&control[0][GATE_OPEN], UINT32_MAX);
	FAILS(erc_request_wait(f.request, UINT64_MAX), ERC_CANCELLED);
	OK(erc_request_wait(second, 20000000));
	OK(erc_request_destroy(second));
	close_device(&f);
}
END_TEST

static int may_raise(void)
{
	struct sched_param parameter = {.sched_priority = 0};
	pid_t child = fork();
	if (!child)
		_exit(sched_setscheduler(0, SCHED_IDLE, &parameter) || sched_setscheduler(0, SCHED_OTHER, &parameter));
	int status = 1;
	return waitpid(child, &status, 0) == child && !status;
}

static void add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, scheduling_classes, 0, 2);
	tcase_add_test(tcase, what_waits_for_a_place);
	if (may_raise())
		tcase_add_test(tcase, helped_until_they_leave);
	else
		printf(
			"skipped: apart: 1 test, helped_until_they_leave: the system lets no idle thread become an ordinary one\n");
}

int main(void)
{
	return devices_main("apart", add_tests);
}
