/* What `erc bench --workload` says about its own figures: every combination of requests, requests in time, slowdown and
 * room gets one of the four verdicts, and each reason not to rely on it is named. */
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"
#include "tools/erc/bench_run.h"

struct point {
	uint32_t requests;
	double solo, shared, slowdown, room, left;
	bool has_be;
};

static struct client clients[] = {{.name = "rt", .class_ = ERC_REAL_TIME}, {.name = "be", .class_ = ERC_BEST_EFFORT}};
static double valid_us[] = {100, 0}, paced_us[] = {50, 50};
static uint32_t max_units[] = {1, 1};

/* An RT client's results: this share is in time, all others are late. */
static struct outcome outcome_of(uint32_t requests, double in_time)
{
	struct outcome outcome = {.arrivals = requests, .max_units = 1};
	for (uint32_t i = 0; i < requests; i++)
		series_add(&outcome.latency, i < (uint32_t)(in_time * requests + 0.5) ? 10 : 1000);
	series_append(&outcome.service, &outcome.latency);
	return outcome;
}

static void say(const struct point *p, char **verdict, char **warning)
{
	struct workload_options options = {.rounds = 1};
	struct bench_run run = {
		.options = &options,
		.workload = {.clients = clients, .count = p->has_be ? 2 : 1},
		.valid_us = valid_us,
		.paced_us = paced_us,
		.max_units = max_units,
	};
	struct outcome solo[2] = {outcome_of(p->requests, p->solo)}, shared[2] = {outcome_of(p->requests, p->shared)};
	struct cell_figures cell = {.solo = solo, .shared = shared, .rt_seconds = 1, .available = p->left};
	struct totals totals = {0};
	series_add(&cell.mean_ratio, p->slowdown);
	if (p->has_be)
		series_add(&cell.be_share_ratio, p->room);
	totals_add(&run, &cell, &totals);
	*verdict = bench_verdict(&run, &cell, &totals);
	*warning = bench_warning(&run, &cell, &totals);
	totals_free(&totals);
	outcome_free(&solo[0]);
	outcome_free(&shared[0]);
	series_free(&cell.mean_ratio);
	series_free(&cell.be_share_ratio);
}

static const char *expected_verdict(const struct point *p)
{
	if (!p->has_be)
		return "RT was alone: ";
	if (p->slowdown > 1.05 || p->shared < p->solo - 0.01)
		return "RT was not protected: ";
	return p->solo < 0.5 ? "nothing can be said of RT: " : "RT was protected: ";
}

static void check_warning(const char *warning, const char *part, bool wanted)
{
	ck_assert_msg(!!strstr(warning, part) == wanted, "'%s' %s '%s'", warning, wanted ? "lacks" : "has", part);
}

static void check_point(const struct point *p, uint32_t *counts)
{
	char *verdict, *warning;
	say(p, &verdict, &warning);
	const char *expected = expected_verdict(p);
	ck_assert_msg(!strncmp(verdict, expected, strlen(expected)), "%u %g %g %g: %s", p->requests, p->solo, p->shared,
	              p->slowdown, verdict);
	check_warning(warning, " RT requests: chance decides much", p->requests < 50);
	check_warning(warning, "RT alone had only", p->solo < 0.9);
	check_warning(warning, "A longer deadline_us or valid_factor", p->solo < 0.9);
	check_warning(warning, "faster beside BE than alone", p->has_be && p->slowdown < 0.9);
	check_warning(warning, "not to be trusted", p->has_be && (p->room > 1.1 || p->left < 0.1));
	counts[0]++;
	counts[1] += !*warning;
	free(verdict);
	free(warning);
}

START_TEST(each_cell_has_its_verdict_and_its_warnings)
{
	static const uint32_t requests[] = {10, 49, 50, 500};
	static const double in_time[] = {0, 0.3, 0.6, 0.94, 1}, slowdowns[] = {0.2, 0.85, 0.95, 1, 1.04, 1.06, 3};
	static const double rooms[][2] = {{1, 0.8}, {1.05, 0.5}, {1.3, 0.9}, {0.9, 0.05}};
	uint32_t counts[2] = {0};
	for (size_t n = 0; n < COUNT_OF(requests); n++)
		for (size_t a = 0; a < COUNT_OF(in_time); a++)
			for (size_t b = 0; b < COUNT_OF(in_time); b++)
				for (size_t s = 0; s < COUNT_OF(slowdowns); s++)
					for (size_t r = 0; r < 2 * COUNT_OF(rooms); r++) {
						const double *room = rooms[r / 2];
						struct point p = {requests[n], in_time[a], in_time[b], slowdowns[s], room[0], room[1], r % 2};
						check_point(&p, counts);
					}
	printf("%u cells, %u without a warning\n", counts[0], counts[1]);
	ck_assert_uint_gt(counts[1], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verdict");
	TCase *tests = tcase_create("verdict");
	tcase_add_test(tests, each_cell_has_its_verdict_and_its_warnings);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
