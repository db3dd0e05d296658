/* What is printed after all cases ran: tables by category and operator, reasons. */
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/conformance.h"

const char *const result_words[] = {
	[RESULT_PASS] = "pass",
	[RESULT_PINNED] = "pinned",
	[RESULT_RANDOM] = "random",
	[RESULT_WRONG] = "wrong",
	[RESULT_UNSUPPORTED] = "unsupported",
	[RESULT_ABSENT] = "absent",
	[RESULT_CRASH] = "crash",
	[RESULT_HANG] = "hang",
};

static const struct column columns[] = {
	{"category", "category", CELL_TEXT}, {"operator", "operator", CELL_TEXT}, {"pass", "pass", CELL_COUNT},
	{"pinned", "pinned", CELL_COUNT},    {"random", "random", CELL_COUNT},    {"unsupported", "unsup.", CELL_COUNT},
	{"absent", "absent", CELL_COUNT},    {"wrong", "wrong", CELL_COUNT},      {"crash", "crash", CELL_COUNT},
	{"hang", "hang", CELL_COUNT},
};

static const struct column reason_columns[] = {{"cases", "cases", CELL_COUNT}, {"reason", "reason", CELL_TEXT}};

static int by_operator(const void *a, const void *b)
{
	const struct test_case *x = *(struct test_case *const *)a, *y = *(struct test_case *const *)b;
	int order = strcmp(x->category, y->category);
	return order ? order : strcmp(x->op, y->op);
}

/* One row for cases [first, end) of the sorted list. */
static void add_row(struct report *report, struct test_case **sorted, size_t first, size_t end, const char *op)
{
	size_t counts[RESULT_COUNT] = {0};
	for (size_t i = first; i < end; i++)
		counts[sorted[i]->result]++;
	report_cell_text(report, "category", "%s", sorted[first]->category);
	report_cell_text(report, "operator", "%s", op);
	for (int result = 0; result < RESULT_COUNT; result++)
		report_cell(report, result_words[result], (double)counts[result]);
}

static void print_table(struct test_case **sorted, size_t count)
{
	struct report *report = report_new("erc.conformance/1");
	report_table(report, "operators", "by operator (the model's first)", columns, COUNT_OF(columns));
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && !by_operator(&sorted[end], &sorted[i]);)
			end++;
		add_row(report, sorted, i, end, sorted[i]->op);
	}
	report_table(report, "categories", "by category", columns, COUNT_OF(columns));
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && !strcmp(sorted[end]->category, sorted[i]->category);)
			end++;
		add_row(report, sorted, i, end, "(all)");
	}
	report_print(report, FORMAT_TEXT, stdout);
	report_free(report);
}

/* A reason without quoted names and numbers, so that similar ones are counted together. */
static char *reason_kind(const char *reason)
{
	char *kind = memory_printf("%s", reason), *to = kind;
	bool quoted = false;
	for (const char *from = reason; *from; from++) {
		if (*from == '\'') {
			quoted = !quoted;
			*to++ = *from;
		} else if (!quoted && *from != '\n') {
			*to++ = *from;
		}
	}
	*to = 0;
	return kind;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct tally {
	const char *kind;
	size_t count;
};

static int by_count(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;
	return (x->count < y->count) - (x->count > y->count);
}

#define REASONS_SHOWN 25

static void print_reasons(char **kinds, size_t count)
{
	struct tally *tallies = memory_new(count * sizeof *tallies);
	size_t different = 0;
	qsort(kinds, count, sizeof *kinds, by_text);
	for (size_t i = 0; i < count; i++) {
		if (!different || strcmp(tallies[different - 1].kind, kinds[i]))
			tallies[different++].kind = kinds[i];
		tallies[different - 1].count++;
	}
	qsort(tallies, different, sizeof *tallies, by_count);
	struct report *report = report_new("erc.conformance/1");
	report_table(report, "reasons", "unsupported, by reason", reason_columns, COUNT_OF(reason_columns));
	for (size_t i = 0; i < different && i < REASONS_SHOWN; i++) {
		report_cell(report, "cases", (double)tallies[i].count);
		report_cell_text(report, "reason", "%s", tallies[i].kind);
	}
	printf("\n");
	report_print(report, FORMAT_TEXT, stdout);
	if (different > REASONS_SHOWN)
		printf("  and %zu more reasons\n", different - REASONS_SHOWN);
	report_free(report);
	free(tallies);
}

/* Writes the list and prints the reasons. */
static void list_unsupported(const struct cases *cases, const char *path)
{
	char **kinds = memory_new(cases->count * sizeof *kinds);
	size_t count = 0;
	FILE *file = fopen(path, "w");
	for (size_t i = 0; i < cases->count; i++) {
		const struct test_case *test = &cases->items[i];
		if (test->result != RESULT_UNSUPPORTED)
			continue;
		const char *reason = test->reason ? test->reason : "(no reason)";
		if (file)
			fprintf(file, "%s/%s\t%s\t%s\n", test->category, test->name, test->op, reason);
		kinds[count++] = reason_kind(reason);
	}
	if (!file || fclose(file))
		say_error("%s: cannot be written", path);
	if (count) {
		print_reasons(kinds, count);
		printf("  the whole list is in %s\n", path);
	}
	for (size_t i = 0; i < count; i++)
		free(kinds[i]);
	free(kinds);
}

static void list_result(const struct cases *cases, enum result result)
{
	for (size_t i = 0; i < cases->count; i++) {
		const struct test_case *test = &cases->items[i];
		if (test->result == result)
			printf("%s: %s/%s (%s): %s\n", result_words[result], test->category, test->name, test->op,
			       test->reason ? test->reason : "");
	}
}

void summary_print(const struct cases *cases, const char *path)
{
	struct test_case **sorted = memory_new(cases->count * sizeof *sorted);
	for (size_t i = 0; i < cases->count; i++)
		sorted[i] = &cases->items[i];
	qsort(sorted, cases->count, sizeof *sorted, by_operator);
	print_table(sorted, cases->count);
	free(sorted);
	list_unsupported(cases, path);
	printf("\n");
	list_result(cases, RESULT_WRONG);
	list_result(cases, RESULT_CRASH);
	list_result(cases, RESULT_HANG);
}

size_t summary_absent(const struct cases *cases)
{
	char **kinds = memory_new(cases->count * sizeof *kinds);
	size_t count = 0;
	for (size_t i = 0; i < cases->count; i++) {
		const char *kernel =
			cases->items[i].result == RESULT_ABSENT ? strstr(cases->items[i].reason, ": kernel ") : NULL;
		if (kernel)
			kinds[count++] = memory_printf("%s", kernel + 2);
	}
	if (count)
		qsort(kinds, count, sizeof *kinds, by_text);
	for (size_t i = 0, first = 0; i < count; i++)
		if (i + 1 == count || strcmp(kinds[i], kinds[i + 1])) {
			printf("skipped: conformance: %zu cases: %s\n", i + 1 - first, kinds[i]);
			first = i + 1;
		}
	for (size_t i = 0; i < count; i++)
		free(kinds[i]);
	free(kinds);
	return count;
}
