/* Runs ONNX's backend test suite: in child processes with a time limit for each case, so that a crash or a hang is a
 * result of that case alone. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/conformance/conformance.h"

#define JOBS_MAX 64
#define ANSWER_BYTES 512 /* of a case: a result byte, then the reason; at most what is written to a pipe at once */

struct settings {
	const char *data, *work;              /* the suite's data folder; a folder for artifacts and lists */
	const char *list;                     /* run only the cases in this list, and fail if one does not pass */
	const char *write_list;               /* write the passing cases here */
	uint32_t jobs, limit_s, every, batch; /* batch: cases of one child */
	struct limits limits;
	bool verbose, unpinned;
	struct text_list patterns;
};

/* A child process, and its cases. */
struct slot {
	pid_t pid; /* 0: free */
	int pipe;
	double deadline_us;
	struct test_case *next, *end; /* the cases without a result */
	bool answered;
	char answer[ANSWER_BYTES];
	size_t answer_bytes;
};

/* ---- the child ---- */

/* A device that takes long to open stays open between cases. */
static erc_runtime *hold_device(const char *device)
{
	struct erc_runtime_options options = {.size = sizeof options, .device = device, .units = 1};
	erc_runtime *runtime = NULL;
	return device && erc_runtime_create(&options, &runtime) == ERC_OK ? runtime : NULL;
}

/* Ends after a case that failed, because the process may be damaged. */
static void child(const struct settings *settings, const struct slot *slot, int number, int out)
{
	char *artifact = memory_printf("%s/case_%d.erca", settings->work, number);
	int null = open("/dev/null", O_WRONLY);
	setpgid(0, 0); /* the time limit also ends the compilers that it started */
	if (!settings->verbose && null >= 0)
		dup2(null, STDERR_FILENO);
	faults_report();
	erc_runtime *held = hold_device(settings->limits.device);
	bool good = true;
	for (struct test_case *test = slot->next; test < slot->end && good; test++) {
		char answer[ANSWER_BYTES] = {0}, *reason = NULL;
		enum result result = case_run(test, &settings->limits, artifact, &reason);
		answer[0] = (char)result;
		snprintf(answer + 1, sizeof answer - 1, "%s", reason ? reason : "");
		good = result != RESULT_WRONG;
		free(reason);
		unlink(artifact);
		if (write(out, answer, sizeof answer) != (ssize_t)sizeof answer)
			_exit(1);
	}
	erc_runtime_destroy(held);
	_exit(0);
}

/* Starts a child for the slot's cases. */
static bool start(const struct settings *settings, struct slot *slot, int number)
{
	int ends[2];
	if (pipe(ends))
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		child(settings, slot, number, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return false;
	}
	slot->pid = pid;
	slot->pipe = ends[0];
	slot->answered = false;
	slot->answer_bytes = 0;
	slot->deadline_us = clock_us() + settings->limit_s * 1e6;
	return true;
}

/* ---- the parent ---- */

static void say_cannot_start(void)
{
	say_error("cannot start a child: %s", strerror(errno));
	exit(EXIT_RUN);
}

/* The child has ended. Its remaining cases, except the one that ended it, go to another child. */
static void finish(const struct settings *settings, struct slot *slot, int number, bool timed_out)
{
	int status;
	if (timed_out) {
		kill(-slot->pid, SIGKILL);
		kill(slot->pid, SIGKILL); /* it may not have made its group yet */
	}
	while (waitpid(slot->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(slot->pipe);
	slot->pid = 0;
	struct test_case *test = slot->next;
	if (test == slot->end)
		return;
	if (timed_out || WIFSIGNALED(status) || WEXITSTATUS(status) || !slot->answered) {
		test->result = timed_out ? RESULT_HANG : RESULT_CRASH;
		test->reason = timed_out ? memory_printf("still running at the time limit")
		               : WIFSIGNALED(status)
		                   ? memory_printf("signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)))
		                   : memory_printf("left with exit code %d and no result", WEXITSTATUS(status));
		slot->next++;
	}
	if (slot->next < slot->end && !start(settings, slot, number))
		say_cannot_start();
}

/* Reads a child's results, one for each case. At the end of the file the child has ended. */
static void collect(const struct settings *settings, struct slot *slot, int number)
{
	ssize_t got = read(slot->pipe, slot->answer + slot->answer_bytes, sizeof slot->answer - slot->answer_bytes);
	if (got > 0)
		slot->answer_bytes += (size_t)got;
	if (got == 0 || (got < 0 && errno != EINTR))
		finish(settings, slot, number, false);
	else if (slot->answer_bytes == sizeof slot->answer && slot->next < slot->end &&
	         (unsigned char)slot->answer[0] < RESULT_COUNT) {
		struct test_case *test = slot->next++;
		test->result = (enum result)slot->answer[0];
		if (slot->answer[1])
			test->reason = memory_printf("%s", slot->answer + 1);
		slot->answered = true;
		slot->answer_bytes = 0;
		slot->deadline_us = clock_us() + settings->limit_s * 1e6;
	}
}

static void wait_for_some(const struct settings *settings, struct slot *slots)
{
	struct pollfd polled[JOBS_MAX];
	uint32_t jobs = settings->jobs;
	for (uint32_t i = 0; i < jobs; i++)
		polled[i] = (struct pollfd){.fd = slots[i].pid ? slots[i].pipe : -1, .events = POLLIN};
	poll(polled, jobs, 200);
	for (uint32_t i = 0; i < jobs; i++) {
		if (slots[i].pid && polled[i].revents)
			collect(settings, &slots[i], (int)i);
		if (slots[i].pid && clock_us() > slots[i].deadline_us)
			finish(settings, &slots[i], (int)i, true);
	}
}

static void run_all(const struct settings *settings, struct cases *cases)
{
	struct slot slots[JOBS_MAX] = {0};
	size_t next = 0, busy = 0;
	do {
		busy = 0;
		for (uint32_t i = 0; i < settings->jobs; i++) {
			if (!slots[i].pid && next < cases->count) {
				size_t first = next;
				next = cases->count - first < settings->batch ? cases->count : first + settings->batch;
				slots[i].next = &cases->items[first];
				slots[i].end = &cases->items[next];
				if (!start(settings, &slots[i], (int)i))
					say_cannot_start();
				if (next / 100 > first / 100 || next == cases->count)
					say_progress((uint32_t)next, (uint32_t)cases->count, "cases started");
			}
			busy += slots[i].pid != 0;
		}
		if (busy)
			wait_for_some(settings, slots);
	} while (busy);
}

/* ---- lists and filters ---- */

static bool matches(const struct text_list *patterns, const struct test_case *test)
{
	char *full = memory_printf("%s/%s", test->category, test->name);
	bool found = !patterns->count;
	for (uint32_t i = 0; i < patterns->count && !found; i++)
		found = !fnmatch(patterns->items[i], full, 0) || !fnmatch(patterns->items[i], test->name, 0);
	free(full);
	return found;
}

static void keep_matching(struct cases *cases, const struct text_list *patterns)
{
	size_t kept = 0;
	for (size_t i = 0; i < cases->count; i++) {
		if (matches(patterns, &cases->items[i]))
			cases->items[kept++] = cases->items[i];
		else
			case_free(&cases->items[i]);
	}
	cases->count = kept;
}

/* Reads every n-th line "category/name"; a name is a pattern that matches only itself. Returns the number of lines. */
static size_t read_list(const char *path, uint32_t every, struct text_list *names)
{
	size_t lines = 0;
	char line[512];
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\r\n")] = 0;
		if (*line && *line != '#' && lines++ % every == 0)
			text_list_add(names, line);
	}
	if (file)
		fclose(file);
	return lines;
}

static bool passed(const struct test_case *test)
{
	return test->result == RESULT_PASS || test->result == RESULT_PINNED || test->result == RESULT_RANDOM;
}

static int write_list(const struct cases *cases, const char *path)
{
	FILE *file = fopen(path, "w");
	if (!file) {
		say_error("%s: %s", path, strerror(errno));
		return EXIT_RUN;
	}
	fprintf(file, "# Cases of ONNX's backend test suite that pass; 'make conformance UPDATE=1' writes this list,\n"
	              "# 'make check' fails when one of them is lost.\n");
	for (size_t i = 0; i < cases->count; i++)
		if (passed(&cases->items[i]))
			fprintf(file, "%s/%s\n", cases->items[i].category, cases->items[i].name);
	return fclose(file) ? EXIT_RUN : EXIT_OK;
}

/* ---- the two ways to report ---- */

static void count_results(const struct cases *cases, size_t *counts)
{
	for (size_t i = 0; i < cases->count; i++)
		counts[cases->items[i].result]++;
}

/* Compares with the list: every case of it must pass. */
static int report_list(const struct settings *settings, const struct cases *cases, size_t lines, size_t wanted)
{
	size_t good = 0;
	for (size_t i = 0; i < cases->count; i++) {
		const struct test_case *test = &cases->items[i];
		bool kept = passed(test) && !(settings->unpinned && test->result == RESULT_PINNED);
		good += kept;
		if (!kept && test->result != RESULT_ABSENT)
			printf("lost: %s/%s is now %s: %s\n", test->category, test->name, result_words[test->result],
			       test->reason ? test->reason : "");
	}
	if (lines > wanted)
		printf("skipped: conformance: %zu cases of the list (a shorter subset was asked for)\n", lines - wanted);
	if (wanted > cases->count)
		printf("skipped: conformance: %zu cases of the list that this suite does not hold\n", wanted - cases->count);
	size_t absent = summary_absent(cases), failed = cases->count - good - absent;
	printf("%zu passed, %zu failed, %zu skipped\n", good, failed, lines - cases->count + absent);
	return failed ? EXIT_RUN : EXIT_OK;
}

static int report_all(const struct settings *settings, const struct cases *cases)
{
	size_t counts[RESULT_COUNT] = {0};
	count_results(cases, counts);
	char *path = memory_printf("%s/unsupported.txt", settings->work);
	summary_print(cases, path);
	free(path);
	int code = settings->write_list ? write_list(cases, settings->write_list) : EXIT_OK;
	printf("%zu cases; %zu crashed, %zu hung\n", cases->count, counts[RESULT_CRASH], counts[RESULT_HANG]);
	summary_absent(cases);
	printf("%zu pass, %zu pinned, %zu random, %zu unsupported, %zu absent, %zu wrong\n", counts[RESULT_PASS],
	       counts[RESULT_PINNED], counts[RESULT_RANDOM], counts[RESULT_UNSUPPORTED], counts[RESULT_ABSENT],
	       counts[RESULT_WRONG]);
	return code || counts[RESULT_CRASH] || counts[RESULT_HANG] || counts[RESULT_WRONG] ? EXIT_RUN : EXIT_OK;
}

static int parse(int argc, char **argv, struct settings *s)
{
	const char *pattern = NULL;
	const struct option options[] = {
		{"data", 0, OPTION_TEXT, &s->data, "DIR", "the suite: holds node/, simple/ ..."},
		{"work", 0, OPTION_TEXT, &s->work, "DIR", "for artifacts and lists"},
		{"list", 0, OPTION_TEXT, &s->list, "FILE", "runs these cases; fails when one is lost"},
		{"every", 0, OPTION_COUNT, &s->every, "N", "of the list only every n-th"},
		{"unpinned", 0, OPTION_FLAG, &s->unpinned, NULL,
	     "of the list, cases that run only when inputs are pinned are lost"},
		{"write-list", 0, OPTION_TEXT, &s->write_list, "FILE", "writes the passing cases"},
		{"match", 'm', OPTION_LIST, &s->patterns, "GLOB", "only cases like these (name or category/name)"},
		{"target", 't', OPTION_TEXT, &s->limits.target, "NAME", "compiles for this one (default native)"},
		{"device", 0, OPTION_TEXT, &s->limits.device, "NAME",
	     "runs on this one, in both forms (default cpu); cuda takes emulated targets, for the stand-in"},
		{"jobs", 'j', OPTION_COUNT, &s->jobs, "N", "cases at a time (default 2)"},
		{"batch", 0, OPTION_COUNT, &s->batch, "N", "cases of one child (default 1)"},
		{"workers", 'w', OPTION_COUNT, &s->limits.workers, "N", "units of the device (default 1; 0: all)"},
		{"limit", 0, OPTION_COUNT, &s->limit_s, "S", "seconds for each case (default 60)"},
		{"rtol", 0, OPTION_NUMBER, &s->limits.rtol, "X", "relative limit of an element (default 1e-3)"},
		{"atol", 0, OPTION_NUMBER, &s->limits.atol, "X", "absolute limit of an element (default 1e-5)"},
		{"verbose", 'v', OPTION_FLAG, &s->verbose, NULL, "shows what the cases print"},
	};
	const struct usage usage = {
		"conformance",
		"--data DIR --work DIR [options]",
		"Runs ONNX's backend test suite.",
		"  conformance --data suite/data --work build/conformance -m 'test_relu*'\n",
		options,
		COUNT_OF(options),
		0,
		1,
		"",
	};
	int code = args_parse(&usage, argc, argv, &pattern);
	if (code == ARGS_OK && pattern)
		text_list_add(&s->patterns, pattern);
	if (code != ARGS_OK || (s->data && s->work && s->jobs && s->jobs <= JOBS_MAX && s->every && s->batch))
		return code;
	say_error("conformance needs --data, --work, --jobs 1 to %d and --batch from 1", JOBS_MAX);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct settings settings = {.jobs = 2,
	                            .limit_s = 60,
	                            .every = 1,
	                            .batch = 1,
	                            .limits = {"native", NULL, 1e-3, 1e-5, 1}};
	struct cases cases;
	struct stat work;
	size_t lines = 0, wanted = 0;
	int code = parse(argc, argv, &settings);
	if (code != ARGS_OK)
		return code;
	if (stat(settings.work, &work) || !S_ISDIR(work.st_mode)) {
		say_error("--work: %s is no folder", settings.work);
		return EXIT_USAGE;
	}
	if (settings.list) {
		lines = read_list(settings.list, settings.every, &settings.patterns);
		wanted = settings.patterns.count;
	}
	cases_find(&cases, settings.data);
	if (!cases.count) {
		say_error("%s: no cases found", settings.data);
		return EXIT_RUN;
	}
	if (settings.list && !wanted)
		text_list_add(&settings.patterns, "an empty list: no case has this name");
	keep_matching(&cases, &settings.patterns);
	run_all(&settings, &cases);
	code = settings.list ? report_list(&settings, &cases, lines, wanted) : report_all(&settings, &cases);
	cases_free(&cases);
	text_list_free(&settings.patterns);
	return output_finish(code);
}
