/* The CPU's units as threads of a process. Signals of faults reach a handler, which learns the launch and the tile; all
 * others are left to the application's threads. A child made by fork() is told that it has no runtime. */
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/devices/test_devices.h"

enum { TILES = 5 };

static int answer; /* where the handler writes */

static void on_fault(int number)
{
	char text[128];
	(void)number;
	erc_fault_text(text, sizeof text);
	_exit(write(answer, text, strlen(text) + 1) > 0 ? 3 : 4);
}

/* The child: its second launch reads an address that is NULL. */
static void run_into_fault(int beside_rt, uint32_t units)
{
	const struct sigaction action = {.sa_handler = on_fault};
	struct fixture f;
	struct test_model model;
	uint32_t *addresses[2] = {0};
	sigaction(SIGSEGV, &action, NULL);
	open_device(&f, "cpu", units, NULL);
	f.beside_rt = beside_rt;
	test_model_begin(&model, f.runtime->device->target);
	test_model_tensor(&model, 0, ERC_U64, 2);
	test_model_launch(&model, TEST_KERNEL_empty, 1, 0);
	test_model_operand(&model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 0, 0, 16);
	test_model_launch(&model, TEST_KERNEL_stall, TILES, 0);
	load(&f, &model);
	OK(erc_request_bind_input(f.request, 0, addresses, sizeof addresses));
	OK(erc_request_run(f.request));
}

START_TEST(a_fault_has_a_name)
{
	char text[128] = "";
	int ends[2], status;
	unsigned tile, unit;
	uint32_t units = 1 + (uint32_t)_i / 2;
	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		answer = ends[1];
		run_into_fault(_i % 2, units);
		_exit(5);
	}
	close(ends[1]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 3, "status %x", (unsigned)status);
	ck_assert_int_gt(read(ends[0], text, sizeof text - 1), 0);
	close(ends[0]);
	ck_assert_msg(sscanf(text, "launch 1 'node', tile %u of 5, unit %u", &tile, &unit) == 2, "%s", text);
	ck_assert_uint_lt(tile, TILES);
	ck_assert_uint_lt(unit, 2 * units); /* second threads have the numbers after the units */
}
END_TEST

/* The mask of blocked signals in a thread's status. */
static uint64_t blocked(const char *task, char name[32])
{
	char path[300], line[256];
	unsigned long long mask = 0;
	snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
	FILE *file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof line, file)) {
		sscanf(line, "Name: %31s", name);
		sscanf(line, "SigBlk: %llx", &mask);
	}
	fclose(file);
	return mask;
}

/* Units' threads block all signals but those of faults, whatever the thread that makes the runtime blocks. */
START_TEST(units_block_what_is_not_a_fault)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL},
					 others[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGALRM};
	struct fixture f;
	struct test_model model;
	sigset_t mask;
	uint32_t found = 0;
	sigemptyset(&mask);
	sigaddset(&mask, SIGSEGV);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	open_device(&f, "cpu", 2, NULL);
	f.beside_rt = 1;
	test_model_begin(&model, f.runtime->device->target);
	test_model_launch(&model, TEST_KERNEL_empty, 1, 0);
	load(&f, &model);
	OK(erc_request_run(f.request));
	DIR *tasks = opendir("/proc/self/task");
	ck_assert_ptr_nonnull(tasks);
	for (struct dirent *entry; (entry = readdir(tasks));) {
		char name[32] = "";
		if (*entry->d_name == '.')
			continue;
		uint64_t bits = blocked(entry->d_name, name);
		if (strncmp(name, "erc-", 4))
			continue;
		/* until a new thread first has a core, it blocks all signals: pthread_create does that */
		for (int wait = 0; bits >> (SIGSEGV - 1) & 1 && wait < 10000; wait++) {
			usleep(1000);
			bits = blocked(entry->d_name, name);
		}
		found++;
		for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
			ck_assert_msg(!(bits >> (faults[i] - 1) & 1), "%s blocks signal %d", name, faults[i]);
		for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
			ck_assert_msg(bits >> (others[i] - 1) & 1, "%s takes signal %d", name, others[i]);
	}
	closedir(tasks);
	ck_assert_uint_ge(found, 4); /* two for each unit */
	close_device(&f);
}
END_TEST

START_TEST(no_tile_no_text)
{
	char text[8] = "unset";
	erc_fault_text(text, sizeof text);
	ck_assert_str_eq(text, "");
	erc_fault_text(NULL, 8);
	erc_fault_text(text, 0);
}
END_TEST

/* Every call that would wait for a thread or take a lock, in a child that has neither. */
static int calls_in_child(struct fixture *f, const uint8_t *file, size_t bytes)
{
	struct erc_runtime_stats stats = {.size = sizeof stats};
	struct erc_session_stats session_stats = {.size = sizeof session_stats};
	erc_session *session;
	erc_request *request;
	erc_model *model;
	const enum erc_status results[] = {
		erc_request_submit(f->request),
		erc_request_run(f->request),
		erc_request_wait(f->request, 0),
		erc_request_cancel(f->request),
		erc_request_destroy(f->request),
		erc_request_create(f->session, &request),
		erc_session_create(f->model, NULL, &session),
		erc_session_set_units(f->session, 1),
		erc_session_set_budget(f->session, "full"),
		erc_session_stats(f->session, &session_stats),
		erc_session_destroy(f->session),
		erc_model_load_memory(f->runtime, file, bytes, NULL, &model),
		erc_model_unload(f->model),
		erc_trace_start(f->runtime, 100),
		erc_runtime_stats(f->runtime, &stats),
		erc_runtime_wait(f->runtime, 0),
		erc_runtime_destroy(f->runtime),
	};
	for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
		if (results[i] != ERC_INVALID)
			return 10 + (int)i;
	return strstr(erc_error_detail(), "fork") ? 0 : 1;
}

#ifdef __SANITIZE_THREAD__
#define CHILD_HAS_THREADS 0
#else
#define CHILD_HAS_THREADS 1
#endif

START_TEST(a_child_has_no_runtime)
{
	struct fixture f, own;
	struct test_model model, again;
	int status;
	size_t bytes;
	open_device(&f, "cpu", 2, NULL);
	f.beside_rt = 1;
	test_model_begin(&model, f.runtime->device->target);
	test_model_launch(&model, TEST_KERNEL_empty, 1, 0);
	test_model_begin(&again, f.runtime->device->target);
	uint8_t *file = test_model_finish(&again, code, code_bytes, &bytes);
	load(&f, &model);
	OK(erc_request_run(f.request));
	pthread_mutex_lock(&f.runtime->device->lock); /* as another thread may at that moment */
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		signal(SIGALRM, SIG_DFL); /* not the test runner's handler, which would kill the whole group */
		alarm(100);
		int exit_code = calls_in_child(&f, file, bytes);
		if (exit_code || !CHILD_HAS_THREADS)
			_exit(exit_code);
		test_model_begin(&model, f.runtime->device->target);
		test_model_launch(&model, TEST_KERNEL_empty, 1, 0);
		open_device(&own, "cpu", 2, NULL);
		load(&own, &model);
		OK(erc_request_run(own.request));
		close_device(&own);
		_exit(0);
	}
	pthread_mutex_unlock(&f.runtime->device->lock);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(!status, "status %x", (unsigned)status);
	if (!CHILD_HAS_THREADS)
		printf("skipped: process: the child's own runtime: the thread sanitizer starts no threads after fork\n");
	OK(erc_request_run(f.request));
	close_device(&f);
	free(file);
}
END_TEST

static void add_tests(TCase *tcase)
{
	if (gpu_is_tested())
		return; /* these are the CPU's threads */
	tcase_add_loop_test(tcase, a_fault_has_a_name, 0, 6);
	tcase_add_test(tcase, units_block_what_is_not_a_fault);
	tcase_add_test(tcase, no_tile_no_text);
	tcase_add_test(tcase, a_child_has_no_runtime);
}

int main(void)
{
	return devices_main("process", add_tests);
}
