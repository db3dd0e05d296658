/* Whole models against reference outputs: `models REFERENCES WORK FOLDER...`. Every NAME.onnx in a
 * FOLDER with NAME.ref.npy in REFERENCES (all outputs, flattened and joined in order, on input.npy)
 * is compiled, and run for each target under each budget with one and two workers, twice: every output
 * within a relative L2 error of 1e-5, and the same bits each time. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tools/erc/command.h"

#define L2_LIMIT 1e-5

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4"};
static const char *const budgets[] = {"full", "half", "quarter"};

struct check {
	const char *name; /* "squeezenet" */
	char *artifact;
	struct array input, reference;
	size_t passed, failed, skipped;
};

static void fail(struct check *check, const char *target, const char *text)
{
	printf("FAIL: %s on %s: %s\n", check->name, target, text);
	check->failed++;
}

/* Binds the input and runs. NULL, or what went wrong. */
static const char *run_once(struct runner *runner, const struct check *check)
{
	if (runner->input_count != 1 || runner->inputs[0].bytes != check->input.bytes)
		return "does not take one input like input.npy";
	memcpy(runner->inputs[0].data, check->input.data, check->input.bytes);
	return runner_run(runner, true) == ERC_OK ? NULL : erc_error_detail();
}

/* Largest relative L2 error of the outputs; negative when their sizes are not the reference's. */
static double worst_error(const struct runner *runner, const struct check *check)
{
	size_t at = 0;
	double worst = 0;
	for (uint32_t i = 0; i < runner->output_count; i++) {
		struct array actual, expected;
		if (runner_output(runner, i, &actual) != ERC_OK || actual.dtype != ERC_F32 ||
		    at + actual.count > check->reference.count)
			return -1;
		expected = actual;
		expected.data = (float *)check->reference.data + at;
		at += actual.count;
		double error = array_compare(&actual, &expected, 0, 0).relative_l2;
		worst = error > worst ? error : worst;
	}
	return at == check->reference.count ? worst : -1;
}

/* Joins the outputs' bytes; compares them with those of the first run, which it keeps in *first. */
static bool same_bits(const struct runner *runner, char **first)
{
	size_t bytes = 0, at = 0;
	for (uint32_t i = 0; i < runner->output_count; i++)
		bytes += runner->outputs[i].bytes;
	char *all = memory_new(bytes);
	for (uint32_t i = 0; i < runner->output_count; at += runner->outputs[i++].bytes)
		memcpy(all + at, runner->outputs[i].data, runner->outputs[i].bytes);
	bool same = !*first || !memcmp(*first, all, bytes);
	if (*first)
		free(all);
	else
		*first = all;
	return same;
}

/* One target, budget and number of workers, two runs. */
static void check_runs(struct check *check, struct runner *runner, const char *target, const char *budget, uint32_t workers,
                       char **first)
{
	for (int run = 0; run < 2; run++) {
		const char *wrong = run_once(runner, check);
		double error = wrong ? 0 : worst_error(runner, check);
		if (wrong) {
			fail(check, target, wrong);
			return;
		}
		if (error < 0 || !(error <= L2_LIMIT)) {
			char *text = error < 0 ? memory_printf("the outputs' sizes are not the reference's")
			                       : memory_printf("budget %s, %u workers: relative L2 error %.3g", budget, workers, error);
			fail(check, target, text);
			free(text);
			return;
		}
		if (!same_bits(runner, first)) {
			fail(check, target, "two runs, budgets or numbers of workers gave different bits");
			return;
		}
		if (run == 0)
			printf("  %-14s %-14s %-8s %u workers: relative L2 error %.2g\n", check->name, target, budget, workers, error);
	}
	check->passed++;
}

static void check_budget(struct check *check, const char *target, const char *budget, uint32_t workers, char **first)
{
	struct text_list none = {0};
	struct runner_options open = {
		.path = check->artifact, .target = target, .budget = budget, .inputs = &none, .workers = workers, .random_by_default = true,
	};
	struct runner runner;
	int code = runner_open(&runner, &open);
	if (code == EXIT_DEVICE) {
		printf("skipped: models: %s on %s: this machine does not run it\n", check->name, target);
		check->skipped++;
	} else if (code != ARGS_OK) {
		fail(check, target, erc_error_detail());
	} else {
		check_runs(check, &runner, target, budget, workers, first);
	}
	runner_close(&runner);
}

static void check_target(struct check *check, const char *target)
{
	char *first = NULL;
	for (size_t i = 0; i < COUNT_OF(budgets); i++)
		for (uint32_t workers = 1; workers <= 2; workers++)
			check_budget(check, target, budgets[i], workers, &first);
	free(first);
}

static void check_model(struct check *check, const char *path, const char *references)
{
	bool quiet = true;
	struct ercc_options options = {
		.size = sizeof options, .targets = targets, .target_count = COUNT_OF(targets),
		.message = say_compiler_message, .user = &quiet,
	};
	char *input = memory_printf("%s/input.npy", references);
	char *reference = memory_printf("%s/%s.ref.npy", references, check->name);
	const char *wrong = npy_read(input, &check->input);
	if (!wrong)
		wrong = npy_read(reference, &check->reference);
	if (wrong)
		fail(check, "any target", wrong);
	else if (ercc_compile(path, check->artifact, &options) != ERCC_OK)
		fail(check, "any target", "does not compile");
	else
		for (size_t i = 0; i < COUNT_OF(targets); i++)
			check_target(check, targets[i]);
	unlink(check->artifact);
	array_free(&check->input);
	array_free(&check->reference);
	free(reference);
	free(input);
}

/* The models of one folder that have a reference. */
static void check_folder(struct check *check, const char *references, const char *folder)
{
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		size_t length = strlen(entry->d_name);
		if (length <= 5 || strcmp(entry->d_name + length - 5, ".onnx"))
			continue;
		char *name = memory_printf("%.*s", (int)length - 5, entry->d_name);
		char *reference = memory_printf("%s/%s.ref.npy", references, name);
		char *path = memory_printf("%s/%s", folder, entry->d_name);
		check->name = name;
		if (!access(reference, R_OK))
			check_model(check, path, references);
		free(path);
		free(reference);
		free(name);
	}
	if (dir)
		closedir(dir);
}

int main(int argc, char **argv)
{
	struct check check = {0};
	if (argc < 4) {
		say_error("usage: models REFERENCES WORK FOLDER...");
		return EXIT_USAGE;
	}
	check.artifact = memory_printf("%s/model.erca", argv[2]);
	for (int i = 3; i < argc; i++)
		check_folder(&check, argv[1], argv[i]);
	free(check.artifact);
	printf("%zu passed, %zu failed, %zu skipped\n", check.passed, check.failed, check.skipped);
	return output_finish(check.failed ? EXIT_RUN : EXIT_OK);
}
