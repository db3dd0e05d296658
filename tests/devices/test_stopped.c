/* Threads that leave their cores to others may be stopped anywhere, for long. A tracer stops the CPU device's
 * best-effort threads at thousands of places, a few instructions apart. While they are stopped, everything that an
 * application does beside best-effort work goes on. Then, with every core kept busy by others, best-effort work is
 * cancelled, destroyed and closed in bounded time. */
#include "tests/devices/test_devices.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime/devices/cpu.h"

#if defined(__SANITIZE_THREAD__)
#define IS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_TSAN 1
#endif
#endif
#ifndef IS_TSAN
#define IS_TSAN 0
#endif

enum {
	UNITS = 2,
	FEEDERS = 2,
	TILES = 8,
	ROUNDS = 4000,
	STRETCH = 40,
	BOUND_MS = 10000,
	LONG_BYTES = 4 << 20,
	SHORT_BYTES = 256 << 10
};

static uint64_t now_ms(void)
{
	return erc__now_ns() / 1000000;
}

/* ---- the application: a child process ---- */

/* What the tracer and the application tell each other. */
struct talk {
	_Atomic uint32_t tids[UNITS];
	_Atomic uint32_t is_ready, asked, done, is_over;
	_Atomic uint32_t doing; /* step of the round, for messages */
	_Atomic uint32_t be_runs;
};

/* Three launches of nearly empty tiles, so that the threads mostly run the runtime's code. */
static void build(struct test_model *model, const char *target)
{
	test_model_begin(model, target);
	test_model_tensor(model, 1, ERC_U32, TILES);
	for (int i = 0; i < 3; i++) {
		test_model_operand(model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_READ | ERCA_ACCESS_WRITE, 0, 0,
		                   TILES * sizeof(uint32_t));
		test_model_launch(model, TEST_KERNEL_count, i == 1 ? 1 : TILES, 0);
	}
}

/* Two launches of tiles that take some milliseconds each, or a fraction of one. */
static void build_long(struct test_model *model, const char *target, uint32_t bytes)
{
	test_model_begin(model, target);
	model->entry.local_bytes = bytes;
	test_model_tensor(model, 1, ERC_U32, TILES);
	for (int i = 0; i < 2; i++) {
		test_model_operand(model, ERCA_BUFFER_OUTPUT, ERCA_ACCESS_WRITE, 0, 0, TILES * sizeof(uint32_t));
		test_model_launch_variant(model,
		                          (struct erca_variant){.kernel = TEST_KERNEL_local,
		                                                .tile_count = TILES,
		                                                .local_bytes = bytes,
		                                                .count_slot = ERCA_NONE},
		                          bytes);
	}
}

struct feeder {
	struct fixture *f;
	struct talk *talk;
	pthread_t thread;
};

/* Submits best-effort work without end, and checks that each tile ran as often as it should. */
static void *feed(void *argument)
{
	struct feeder *feeder = argument;
	uint32_t counters[TILES];
	erc_session *session;
	erc_request *request;
	OK(erc_session_create(feeder->f->model, NULL, &session));
	OK(erc_request_create(session, &request));
	OK(erc_request_bind_output(request, 0, counters, sizeof counters));
	while (!atomic_load(&feeder->talk->is_over)) {
		memset(counters, 0, sizeof counters);
		OK(erc_request_run(request));
		for (uint32_t i = 0; i < TILES; i++)
			ck_assert_uint_eq(counters[i], i ? 2 : 3);
		atomic_fetch_add(&feeder->talk->be_runs, 1);
	}
	OK(erc_request_destroy(request));
	OK(erc_session_destroy(session));
	return NULL;
}

/* Everything that must go on while best-effort threads are stopped. */
static void do_round(struct fixture *f, struct talk *talk, erc_request *urgent, erc_request *other)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME};
	struct erc_session_stats stats = {.size = sizeof stats};
	struct erc_runtime_stats all = {.size = sizeof all};
	erc_session *session;
	uint32_t *step = (uint32_t *)&talk->doing;
	*step = 1;
	OK(erc_request_run(urgent));
	*step = 2;
	OK(erc_session_stats(f->session, &stats));
	OK(erc_runtime_stats(f->runtime, &all));
	*step = 3;
	OK(erc_trace_start(f->runtime, 100));
	OK(erc_request_run(urgent));
	erc_trace_stop(f->runtime);
	*step = 4;
	OK(erc_trace_write(f->runtime, "/dev/null"));
	*step = 5;
	OK(erc_session_create(f->model, &options, &session));
	OK(erc_session_destroy(session));
	*step = 6;
	OK(erc_request_submit(urgent));
	OK(erc_request_cancel(urgent));
	enum erc_status status = erc_request_wait(urgent, UINT64_MAX);
	ck_assert(status == ERC_OK || status == ERC_CANCELLED);
	*step = 7; /* best effort: submitting and cancelling do not wait, but the end may */
	if (other->job.state != ERC__JOB_IDLE)
		(void)erc_request_wait(other, 0);
	if (other->job.state == ERC__JOB_IDLE)
		OK(erc_request_submit(other));
	else
		OK(erc_request_cancel(other));
	OK(erc_session_set_units(f->session, 1));
	OK(erc_session_set_units(f->session, UNITS));
	*step = 8;
}

static void application(struct talk *talk)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME};
	struct feeder feeders[FEEDERS];
	uint32_t counters[2][TILES];
	erc_session *session;
	erc_request *urgent;
	struct test_model model;
	struct fixture f;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	open_device(&f, "cpu", UNITS, NULL);
	build(&model, f.runtime->device->target);
	load(&f, &model);
	OK(erc_session_create(f.model, &options, &session));
	OK(erc_request_create(session, &urgent));
	OK(erc_request_bind_output(urgent, 0, counters[0], sizeof counters[0]));
	OK(erc_request_bind_output(f.request, 0, counters[1], sizeof(counters[1])));
	for (int i = 0; i < FEEDERS; i++) {
		feeders[i] = (struct feeder){.f = &f, .talk = talk};
		ck_assert_int_eq(pthread_create(&feeders[i].thread, NULL, feed, &feeders[i]), 0);
	}
	for (int i = 0; i < UNITS; i++) {
		uint32_t tid = atomic_load(&((struct cpu_device *)f.runtime->device)->aparts[i].tid);
		sched_setscheduler((pid_t)tid, SCHED_OTHER,
		                   &(struct sched_param){0}); /* otherwise its steps take very long on busy cores */
		atomic_store(&talk->tids[i], tid);
	}
	atomic_store(&talk->is_ready, 1);
	for (uint32_t round = 0; !atomic_load(&talk->is_over);) {
		if (atomic_load(&talk->asked) == round) {
			usleep(20);
			continue;
		}
		do_round(&f, talk, urgent, f.request);
		atomic_store(&talk->done, ++round);
	}
	for (int i = 0; i < FEEDERS; i++)
		pthread_join(feeders[i].thread, NULL);
	if (f.request->job.state != ERC__JOB_IDLE)
		(void)erc_request_wait(f.request, UINT64_MAX);
	OK(erc_request_destroy(urgent));
	OK(erc_session_destroy(session));
	close_device(&f);
	_exit(0); /* a process that was traced is not checked for leaks */
}

/* ---- the tracer ---- */

static void stop(pid_t tid)
{
	int status;
	ck_assert_int_eq((int)ptrace(PTRACE_INTERRUPT, tid, 0, 0), 0);
	ck_assert_int_eq(waitpid(tid, &status, __WALL), tid);
	ck_assert(WIFSTOPPED(status));
}

static char state_of(pid_t tid)
{
	char path[64], text[256], state = '?';
	snprintf(path, sizeof path, "/proc/%d/stat", (int)tid);
	FILE *file = fopen(path, "r");
	const char *end = file && fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
	if (end && end[1])
		state = end[2];
	if (file)
		fclose(file);
	return state;
}

/* One instruction further. A thread that sleeps in the system is stopped there. */
static void step(pid_t tid)
{
	int status = 0, is_stepped = !ptrace(PTRACE_SINGLESTEP, tid, 0, 0);
	for (int i = 1; is_stepped && waitpid(tid, &status, __WALL | WNOHANG) != tid; i++) {
		sched_yield();
		if (i % 16 == 0 && state_of(tid) == 'S') {
			ptrace(PTRACE_INTERRUPT, tid, 0, 0);
			waitpid(tid, &status, __WALL);
			break;
		}
	}
	if (!is_stepped || !WIFSTOPPED(status))
		ck_abort_msg("a step ended with %x", (unsigned)status);
}

#if defined(__x86_64__)
static uint64_t place_of(pid_t tid)
{
	struct user_regs_struct registers;
	return ptrace(PTRACE_GETREGS, tid, 0, &registers) ? 0 : registers.rip;
}
#else
static uint64_t place_of(pid_t tid)
{
	(void)tid;
	return 0;
}
#endif

static void await_round(struct talk *talk, uint32_t round)
{
	uint64_t end_ms = now_ms() + BOUND_MS;
	while (atomic_load(&talk->done) != round) {
		ck_assert_msg(now_ms() < end_ms, "round %u, step %u waits for a best-effort thread that is stopped", round,
		              atomic_load(&talk->doing));
		usleep(20);
	}
}

/* Counts distinct addresses in a set of fixed size. */
static uint32_t note_place(uint64_t *places, uint32_t size, uint64_t place)
{
	uint32_t i = (uint32_t)(place * 0x9e3779b97f4a7c15u >> 40) % size;
	while (places[i] && places[i] != place)
		i = (i + 1) % size;
	uint32_t is_new = !places[i];
	places[i] = place;
	return is_new;
}

/* One or both threads are stopped; then come rounds, a few instructions apart. */
static uint32_t trace_stretch(struct talk *talk, uint32_t first_round, uint32_t random)
{
	static uint64_t places[1 << 16];
	uint32_t first = random >> 31, count = 1 + (random >> 30 & 1), is_dense = random >> 29 & 1, new_places = 0;
	pid_t tids[UNITS];
	for (uint32_t i = 0; i < count; i++)
		stop(tids[i] = (pid_t)atomic_load(&talk->tids[(first + i) % UNITS]));
	for (uint32_t round = first_round; round < first_round + STRETCH; round++) {
		random = random * 1664525u + 1013904223u;
		for (uint32_t i = 0; i < count; i++) {
			for (uint32_t steps = is_dense ? 1 : random >> 27; steps; steps--)
				step(tids[i]);
			new_places += note_place(places, 1 << 16, place_of(tids[i]));
		}
		atomic_store(&talk->asked, round);
		await_round(talk, round);
	}
	for (uint32_t i = 0; i < count; i++)
		ck_assert_int_eq((int)ptrace(PTRACE_CONT, tids[i], 0, 0), 0);
	return new_places;
}

static void trace_application(struct talk *talk)
{
	uint32_t random = 1, places = 0;
	for (uint32_t round = 1; round <= ROUNDS; round += STRETCH) {
		random = random * 1664525u + 1013904223u;
		usleep(random >> 22);
		places += trace_stretch(talk, round, random);
	}
	printf("stopped: at %u places in %d rounds, %u best-effort runs\n", places, ROUNDS, atomic_load(&talk->be_runs));
	ck_assert_uint_gt(atomic_load(&talk->be_runs), 100);
}

START_TEST(stopped_anywhere)
{
	struct talk *talk = mmap(NULL, sizeof *talk, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(talk != MAP_FAILED);
	memset(talk, 0, sizeof *talk);
	int status, is_permitted = 1;
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (!child)
		application(talk);
	for (int i = 0; !atomic_load(&talk->is_ready); i++) {
		ck_assert_int_lt(i, 100000);
		usleep(100);
	}
	for (uint32_t i = 0; i < UNITS && is_permitted; i++)
		is_permitted = !ptrace(PTRACE_SEIZE, (pid_t)atomic_load(&talk->tids[i]), 0, 0);
	if (is_permitted)
		trace_application(talk);
	else
		printf("skipped: stopped: 1 test, stopped_anywhere: the system permits no tracing (%s)\n", strerror(errno));
	for (uint32_t i = 0; i < UNITS && is_permitted; i++) {
		stop((pid_t)atomic_load(&talk->tids[i]));
		ptrace(PTRACE_DETACH, (pid_t)atomic_load(&talk->tids[i]), 0, 0);
	}
	atomic_store(&talk->is_over, 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status), "the application ended with %x", (unsigned)status);
	munmap(talk, sizeof *talk);
}
END_TEST

/* ---- bounded ends beside busy cores ---- */

static _Atomic int is_calm;

static void *be_busy(void *argument)
{
	cpu_set_t core;
	CPU_ZERO(&core);
	CPU_SET((int)(intptr_t)argument, &core);
	pthread_setaffinity_np(pthread_self(), sizeof core, &core);
	while (!atomic_load(&is_calm))
		;
	return NULL;
}

static int make_busy(pthread_t *threads, int max)
{
	cpu_set_t set;
	int count = 0;
	sched_getaffinity(0, sizeof set, &set);
	for (int core = 0; core < CPU_SETSIZE && count < max; core++)
		if (CPU_ISSET(core, &set))
			ck_assert_int_eq(pthread_create(&threads[count++], NULL, be_busy, (void *)(intptr_t)core), 0);
	return count;
}

/* Work of long tiles is cancelled, waited for and destroyed. At the end the device is closed with such work. */
static void end_beside_busy_cores(int rounds, uint32_t bytes, uint64_t bound_ms, uint64_t *worst_ms)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME};
	uint32_t counters[TILES];
	pthread_t busy[64];
	erc_session *session;
	struct test_model model;
	struct fixture f;
	open_device(&f, "cpu", UNITS, NULL);
	build_long(&model, f.runtime->device->target, bytes);
	load(&f, &model);
	OK(erc_session_create(f.model, &options, &session));
	atomic_store(&is_calm, 0);
	int count = make_busy(busy, 64);
	for (int round = 0; round < rounds; round++) {
		uint64_t began_ms = now_ms();
		OK(erc_request_bind_output(f.request, 0, counters, sizeof counters));
		OK(erc_request_submit(f.request));
		usleep((useconds_t)(1000 + round * 3000));
		OK(erc_request_cancel(f.request));
		enum erc_status status = erc_request_wait(f.request, UINT64_MAX);
		ck_assert(status == ERC_OK || status == ERC_CANCELLED);
		OK(erc_request_destroy(f.request));
		OK(erc_request_create(f.session, &f.request));
		uint64_t ms = now_ms() - began_ms;
		*worst_ms = ms > *worst_ms ? ms : *worst_ms;
		ck_assert_msg(ms < bound_ms, "round %d: %d ms until best-effort work was cancelled and gone", round, (int)ms);
	}
	uint64_t began_ms = now_ms();
	OK(erc_session_destroy(session));
	close_device(&f);
	ck_assert_uint_lt(now_ms() - began_ms, bound_ms);
	atomic_store(&is_calm, 1);
	for (int i = 0; i < count; i++)
		pthread_join(busy[i], NULL);
}

/* 0: with the privileges of the test; 1: without any. */
START_TEST(ends_beside_busy_cores)
{
	uint64_t worst_ms = 0;
	if (_i && (setgid(65534) || setuid(65534))) {
		printf("skipped: stopped: 1 test, ends_beside_busy_cores without privileges: %s\n", strerror(errno));
		return;
	}
	end_beside_busy_cores(_i ? 2 : 8, _i ? SHORT_BYTES : LONG_BYTES, _i ? 100000 : 20000, &worst_ms);
	printf("stopped: cancelled and gone beside busy cores in %d ms at most, %s privileges\n", (int)worst_ms,
	       _i ? "without" : "with");
}
END_TEST

static void add_tests(TCase *tcase)
{
	if (IS_TSAN)
		printf("skipped: stopped: 1 test, stopped_anywhere: the thread sanitizer takes its own locks at every "
		       "access\n");
	else
		tcase_add_test(tcase, stopped_anywhere);
	tcase_add_loop_test(tcase, ends_beside_busy_cores, 0, 2);
}

int main(void)
{
	return devices_main("stopped", add_tests);
}
