/* The scenarios, and the program. Each scenario must hold, and each seeded bug must be found.
 *   explore [--deep] [NAME...] */
#include "tests/explore/memory.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* script: "posts...": see posts.c. Otherwise a digit sets the limit, a to d set the run's own limit to 0 to 3, s
 * stops, r and a digit resumes, e waits for an empty room. */
const struct explore_scenario explore_scenarios[] = {
	/* name, script, units, launches, tiles, limit, canceller, room only, spurious, deep, seed, run's limit */
	{"launches", NULL, 2, 2, 2, 2, 0, 0, 0, 0, NULL, 0},
	{"one tile each", NULL, 2, 3, 1, 2, 0, 0, 0, 0, NULL, 0},
	{"weak failures", NULL, 2, 1, 2, 2, 0, 0, 1, 0, NULL, 0},
	{"shrink", "1", 2, 1, 2, 2, 0, 0, 0, 0, NULL, 0},
	{"empty, grow", "02", 2, 1, 1, 2, 0, 0, 0, 0, NULL, 0},
	{"stop, resume", "sr2", 2, 1, 1, 2, 0, 0, 0, 0, NULL, 0},
	{"stop, empty, resume", "ser2", 2, 1, 1, 2, 0, 0, 0, 0, NULL, 0},
	{"cancel between launches", NULL, 2, 2, 1, 2, 1, 0, 0, 0, NULL, 0},
	{"room falls by 2", "1", 3, 0, 0, 3, 0, 1, 0, 0, NULL, 0},
	{"room falls twice", "21", 3, 0, 0, 3, 0, 1, 0, 0, NULL, 0},
	{"room falls, grows", "12", 3, 0, 0, 3, 0, 1, 0, 0, NULL, 0},
	{"room, weak failures", "1", 3, 0, 0, 3, 0, 1, 2, 0, NULL, 0},
	{"width falls, grows", "bc", 2, 1, 2, 2, 0, 0, 0, 0, NULL, 0},
	{"width changes, two launches", "bc", 2, 2, 1, 2, 0, 0, 0, 1, NULL, 0},
	{"width falls to nothing, grows", "ab", 2, 1, 2, 2, 0, 0, 0, 0, NULL, 0},
	{"narrow run", NULL, 2, 2, 2, 2, 0, 0, 0, 0, NULL, 1},
	{"width falls by 2", "b", 3, 0, 0, 3, 0, 1, 0, 0, NULL, 0},
	{"width and room fall", "2b", 3, 0, 0, 3, 0, 1, 0, 0, NULL, 0},
	{"width falls, weak failures", "b", 3, 0, 0, 3, 0, 1, 2, 0, NULL, 0},
	{"width changes, a canceller", "bc", 2, 1, 1, 2, 1, 0, 0, 1, NULL, 0},
	{"width changes while stopped", "bsr2", 2, 1, 1, 2, 0, 0, 0, 1, NULL, 0},
	{"more launches", NULL, 2, 3, 2, 2, 0, 0, 0, 1, NULL, 0},
	{"more tiles", NULL, 2, 2, 3, 2, 0, 0, 0, 1, NULL, 0},
	{"three units", NULL, 3, 1, 2, 3, 0, 0, 0, 1, NULL, 0},
	{"more weak failures", NULL, 2, 2, 2, 2, 0, 0, 2, 1, NULL, 0},
	{"shrink, two launches", "1", 2, 2, 2, 2, 0, 0, 0, 1, NULL, 0},
	{"empty, grow, two tiles", "02", 2, 1, 2, 2, 0, 0, 0, 1, NULL, 0},
	{"stop, resume, two tiles", "sr2", 2, 1, 2, 2, 0, 0, 0, 1, NULL, 0},
	{"stop, empty, resume, two tiles", "ser2", 2, 1, 2, 2, 0, 0, 0, 1, NULL, 0},
	{"stop twice", "sr2sr2", 2, 1, 2, 2, 0, 0, 0, 1, NULL, 0},
	{"cancel", NULL, 2, 1, 2, 2, 1, 0, 0, 1, NULL, 0},
	{"cancel, two launches", NULL, 2, 2, 2, 2, 1, 0, 0, 1, NULL, 0},
	{"cancel, stopped", "sr2", 2, 1, 2, 2, 1, 0, 0, 1, NULL, 0},
	{"posts", "posts", 1, 2, 1, 0, 0, 0, 0, 0, NULL, 0},
	{"posts, real-time work", "posts+rt", 1, 2, 1, 0, 0, 0, 0, 0, NULL, 0},
	{"posts, stopped anywhere", "posts+rt+stop", 1, 2, 1, 0, 0, 0, 0, 0, NULL, 0},
	{"posts, two threads", "posts", 2, 2, 2, 0, 0, 0, 0, 1, NULL, 0},
	{"posts, one of two stopped", "posts+stop", 2, 2, 2, 0, 0, 0, 0, 1, NULL, 0},
	{"seed", "posts+rt+stop", 1, 2, 1, 0, 0, 0, 0, 0, "takes_the_lock", 0},
	{"seed", "posts+rt", 1, 2, 1, 0, 0, 0, 0, 0, "sent_relaxed", 0},
	{"seed", "posts", 1, 2, 1, 0, 0, 0, 0, 0, "ring_looks_first", 0},
	{"seed", "posts+stop", 2, 2, 2, 0, 0, 0, 0, 0, "parked_counted_late", 0},
	{"seed", "posts+stop", 2, 2, 2, 0, 0, 0, 0, 0, "opened_unordered", 0},
	{"seed", NULL, 2, 2, 2, 2, 0, 0, 0, 0, "counted_before_computed", 0},
	{"seed", "12", 2, 1, 2, 2, 0, 0, 0, 0, "batch_lost_on_leaving", 0},
	{"seed", "sr2", 2, 1, 2, 2, 0, 0, 0, 0, "check_after_claim", 0},
	{"seed", NULL, 2, 2, 1, 2, 0, 0, 0, 0, "open_without_generation", 0},
	{"seed", NULL, 2, 2, 2, 2, 1, 0, 0, 0, "open_released_only", 0},
	{"seed", NULL, 2, 2, 2, 2, 0, 0, 0, 0, "open_completed_last", 0},
	{"seed", NULL, 2, 2, 1, 2, 0, 0, 0, 0, "take_relaxed", 0},
	{"seed", NULL, 2, 2, 2, 2, 0, 0, 0, 0, "done_relaxed", 0},
	{"seed", NULL, 2, 1, 2, 2, 1, 0, 0, 0, "drop_uncounted", 0},
	{"seed", "ser2", 2, 1, 2, 2, 0, 0, 0, 0, "leave_relaxed", 0},
	{"seed", "1", 3, 0, 0, 3, 0, 1, 0, 0, "check_counts_blindly", 0},
	{"seed", "b", 3, 0, 0, 3, 0, 1, 0, 0, "narrowed_blindly", 0},
	{"seed", NULL, 2, 2, 2, 2, 0, 0, 0, 0, "enter_past_limit", 1},
	{"seed", "sr2", 2, 1, 2, 2, 0, 0, 0, 0, "stop_taken_back", 0},
	{"seed", "ser2", 2, 1, 2, 2, 0, 0, 0, 0, "check_relaxed", 0},
};
const size_t explore_scenario_count = sizeof explore_scenarios / sizeof explore_scenarios[0];

static int is_asked_for(const struct explore_scenario *scenario, int argc, char **argv, int *deep)
{
	int named = 0;
	*deep = 0;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--deep"))
			*deep = 1;
		else if (!strcmp(argv[i], scenario->seed ? scenario->seed : scenario->name))
			return 1;
		else
			named = 1;
	}
	return !named && (*deep || !scenario->deep);
}

static int run(const struct explore_scenario *s, int deep)
{
	struct timespec from, to;
	printf("%s: %s, %d units, %d launches of %d tiles, limit %d, script '%s'%s\n", s->name,
	       s->seed ? s->seed : "as it is", s->units, s->launches, s->tiles, s->limit, s->script ? s->script : "",
	       s->has_canceller ? ", a canceller" : "");
	clock_gettime(CLOCK_MONOTONIC, &from);
	struct outcome outcome = search(s, deep ? 20000000 : 6000000);
	clock_gettime(CLOCK_MONOTONIC, &to);
	int good = s->seed ? outcome.wrong && !outcome.gave_up : !outcome.wrong;
	if (outcome.wrong)
		printf("    => %s\n", outcome.wrong);
	const char *verdict = outcome.wrong ? "found" : s->seed ? "the bug was NOT found" : "every property holds, always";
	printf("  %s: %s; %lu states, %lu steps, %lu ends, depth %u, %.1f s\n", good ? "ok" : "FAIL", verdict,
	       outcome.states, outcome.steps, outcome.ends, outcome.depth,
	       (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9);
	fflush(stdout);
	return good;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;
	for (size_t i = 0; i < explore_scenario_count; i++) {
		int deep;
		if (!is_asked_for(&explore_scenarios[i], argc, argv, &deep))
			continue;
		if (run(&explore_scenarios[i], deep))
			passed++;
		else
			failed++;
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed != 0 || !passed;
}
