/* Numbered cases in child processes, so that a crash is one failure, and the cases after it run all the same. */
#ifndef ERC_CHILDREN_H
#define ERC_CHILDREN_H

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/graph_fixture.h"

#define WORDS_MAX 1000

/* Memory of the parent and all children. */
static struct shared {
	int64_t next;      /* the case that runs */
	int64_t counts[4]; /* of what the test counts */
	int64_t wrong;
	char words[WORDS_MAX]; /* about the last wrong one */
} * shared;

static int share(void)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : 0;
}

static void is_wrong(const char *name, const char *what)
{
	shared->wrong++;
	snprintf(shared->words, WORDS_MAX, "%s: %.*s", name, WORDS_MAX - 250, what);
	printf("%s\n", shared->words);
}

/* Runs the cases below `count`; `name` writes the name of a case for messages. */
static void run_in_children(int64_t count, void (*run)(void *user, int64_t number),
                            void (*name)(void *user, int64_t number, char *text, size_t room), void *user)
{
	for (shared->next = 0; shared->next < count; shared->next++) {
		fflush(NULL);
		pid_t child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0) {
			for (; shared->next < count; shared->next++)
				run(user, shared->next);
			fflush(NULL);
			_exit(0);
		}
		int status;
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return;
		char text[200], what[60];
		name(user, shared->next, text, sizeof text);
		snprintf(what, sizeof what, WIFSIGNALED(status) ? "signal %d" : "exit %d",
		         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		is_wrong(text, what);
	}
}

#endif
