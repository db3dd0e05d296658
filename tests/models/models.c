/* Compares whole models with reference outputs. Each is run twice for all targets, budgets and forms: every output
 * within a relative L2 error of 1e-5, and the same bits each time. `models REFERENCES WORK PATH...`
 *
 * REFERENCES is a folder with NAME.ref.npy (all outputs, flattened and joined in order). They were computed from
 * input.npy there, or from random inputs if there is none. PATH is a model or a folder of models; models NAME.onnx
 * without a reference are left out. If REFERENCES is the word `cpu`, outputs are compared with those of the device
 * `cpu`, for which the same artifact has code. --save only writes the outputs of `cpu` as references. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/erc/command.h"
#include "tests/devices/stub_artifact.h"

#define L2_LIMIT 1e-5

static const char *const cpu_targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4"};
static const char *const budgets[] = {"full", "half", "quarter"};

struct settings {
	const char *device, *target; /* NULL: the CPU and its targets */
	const char *save;            /* a folder for references; NULL: nowhere */
	const char *references;      /* a folder, or "cpu" */
};

struct check {
	struct settings settings;
	const char *name; /* "squeezenet" */
	char *artifact;
	struct array input, reference; /* if input has no data, inputs are random */
	size_t passed, failed, skipped;
};

static void fail(struct check *check, const char *target, const char *text)
{
	printf("FAIL: %s on %s: %s\n", check->name, target ? target : check->settings.target, text);
	check->failed++;
}

static bool has_device(const struct check *check)
{
	return check->settings.device != NULL;
}

/* Binds the input and runs. Returns NULL, or what is wrong. */
static const char *run_once(struct runner *runner, const struct check *check)
{
	if (!check->input.data)
		return runner_run(runner, true) == ERC_OK ? NULL : erc_error_detail();
	if (runner->input_count != 1 || runner->inputs[0].bytes != check->input.bytes)
		return "does not take one input like input.npy";
	memcpy(runner->inputs[0].data, check->input.data, check->input.bytes);
	return runner_run(runner, true) == ERC_OK ? NULL : erc_error_detail();
}

/* Reads an output with its true dims, as f32. Returns NULL, or what is wrong. */
static const char *read_output(const struct runner *runner, uint32_t output, struct array *out)
{
	struct array view;
	if (runner_output(runner, output, &view) != ERC_OK)
		return erc_error_detail();
	if (!array_new(out, ERC_F32, view.rank, view.dims))
		return "an output is too large";
	for (size_t i = 0; i < view.count; i++)
		((float *)out->data)[i] = (float)array_get(&view, i);
	return NULL;
}

/* Largest relative L2 error of the outputs; negative if their sizes differ from the reference's. */
static double worst_error(const struct runner *runner, const struct check *check)
{
	size_t at = 0;
	double worst = 0;
	for (uint32_t i = 0; i < runner->output_count; i++) {
		struct array actual, expected;
		if (read_output(runner, i, &actual) || at + actual.count > check->reference.count)
			return -1;
		expected = actual;
		expected.data = (float *)check->reference.data + at;
		at += actual.count;
		double error = array_compare(&actual, &expected, 0, 0).relative_l2;
		worst = error > worst ? error : worst;
		array_free(&actual);
	}
	return at == check->reference.count ? worst : -1;
}

/* Joins the outputs' bytes; compares them with those of the first run, which it keeps in *first. */
static bool same_bits(const struct runner *runner, char **first)
{
	size_t bytes = 0, at = 0;
	for (uint32_t i = 0; i < runner->output_count; i++)
		bytes += runner->outputs[i].bytes;
	char *all = memory_new(bytes + 1);
	for (uint32_t i = 0; i < runner->output_count; i++) {
		struct array view = {.bytes = 0};
		if (runner_output(runner, i, &view) == ERC_OK)
			memcpy(all + at, view.data, view.bytes);
		at += view.bytes; /* if dims differ, the outputs after this one begin elsewhere */
	}
	bool same = !*first || !memcmp(*first, all, bytes);
	if (*first)
		free(all);
	else
		*first = all;
	return same;
}

/* How a model is run. */
struct form {
	const char *target, *budget;
	uint32_t workers; /* 0: all */
	bool real_time;
};

/* Runs the model twice. */
static void check_runs(struct check *check, struct runner *runner, const struct form *form, char **first)
{
	char *how = form->workers ? memory_printf("%u workers", form->workers)
	                          : memory_printf("%s", form->real_time ? "real-time" : "best-effort");
	const char *wrong = NULL;
	char *text = NULL;
	for (int run = 0; run < 2 && !wrong; run++) {
		wrong = run_once(runner, check);
		double error = wrong ? 0 : worst_error(runner, check);
		if (wrong)
			break;
		if (error < 0)
			wrong = "the outputs' sizes are not the reference's";
		else if (!(error <= L2_LIMIT))
			wrong = text = memory_printf("budget %s, %s: relative L2 error %.3g", form->budget, how, error);
		else if (!same_bits(runner, first))
			wrong = text =
				memory_printf("budget %s, %s: other bits than another run, budget or form gave", form->budget, how);
		else if (run == 0)
			printf("  %-16s %-14s %-8s %-11s relative L2 error %.2g\n", check->name,
			       form->target ? form->target : check->settings.target, form->budget, how, error);
	}
	if (wrong)
		fail(check, form->target, wrong);
	else
		check->passed++;
	free(text);
	free(how);
}

static void check_form(struct check *check, const struct form *form, char **first)
{
	struct text_list none = {0};
	struct runner_options open = {
		.path = check->artifact,
		.device = check->settings.device,
		.target = form->target,
		.budget = form->budget,
		.inputs = &none,
		.workers = form->workers,
		.random_by_default = true,
		.real_time = form->real_time,
	};
	struct runner runner;
	int code = runner_open(&runner, &open);
	if (code == EXIT_DEVICE && !has_device(check)) {
		printf("skipped: models: %s on %s: this machine does not run it\n", check->name, form->target);
		check->skipped++;
	} else if (code != ARGS_OK) {
		fail(check, form->target, erc_error_detail());
	} else {
		check_runs(check, &runner, form, first);
	}
	runner_close(&runner);
}

/* On a CPU with one worker and with two, on a GPU in both forms. */
static void check_target(struct check *check, const char *target)
{
	char *first = NULL;
	for (size_t i = 0; i < COUNT_OF(budgets); i++)
		for (int way = 0; way < 2; way++) {
			struct form form = {.target = target, .budget = budgets[i]};
			if (has_device(check))
				form.real_time = way;
			else
				form.workers = 1 + (uint32_t)way;
			check_form(check, &form, &first);
		}
	free(first);
}

/* ---- references ---- */

/* Joins all outputs. */
static const char *join_outputs(const struct runner *runner, struct array *out)
{
	int64_t most = 0, count = 0;
	for (uint32_t i = 0; i < runner->output_count; i++)
		most += (int64_t)runner->outputs[i].count;
	float *all = memory_new((size_t)most * sizeof *all + 1);
	for (uint32_t i = 0; i < runner->output_count; i++) {
		struct array output;
		const char *wrong = read_output(runner, i, &output);
		if (wrong)
			return free(all), wrong;
		memcpy(all + count, output.data, output.bytes);
		count += (int64_t)output.count;
		array_free(&output);
	}
	if (array_new(out, ERC_F32, 1, &count))
		memcpy(out->data, all, (size_t)count * sizeof *all);
	free(all);
	return out->data ? NULL : "outputs are too large";
}

static const char *reference_of_cpu(struct check *check)
{
	struct text_list none = {0};
	struct runner_options open = {.path = check->artifact, .device = "cpu", .inputs = &none, .random_by_default = true};
	struct runner runner;
	const char *wrong = NULL;
	if (runner_open(&runner, &open) != ARGS_OK || runner_run(&runner, false) != ERC_OK)
		wrong = erc_error_detail();
	else
		wrong = join_outputs(&runner, &check->reference);
	runner_close(&runner);
	if (!wrong && check->settings.save) {
		char *path = memory_printf("%s/%s.ref.npy", check->settings.save, check->name);
		wrong = npy_write(path, &check->reference);
		free(path);
	}
	return wrong;
}

static const char *reference_of_folder(struct check *check)
{
	char *input = memory_printf("%s/input.npy", check->settings.references);
	char *reference = memory_printf("%s/%s.ref.npy", check->settings.references, check->name);
	const char *wrong = access(input, R_OK) ? NULL : npy_read(input, &check->input);
	if (!wrong)
		wrong = npy_read(reference, &check->reference);
	free(reference);
	free(input);
	return wrong;
}

/* ---- models ---- */

static bool is_cpu_reference(const struct check *check)
{
	return !strcmp(check->settings.references, "cpu");
}

/* Returns NULL, or what is wrong. An emulated target is converted for the stand-in for CUDA. */
static const char *compile(const struct check *check, const char *path)
{
	bool quiet = true;
	const char *targets[2] = {check->settings.target, "native"};
	struct ercc_options options = {
		.size = sizeof options,
		.targets = targets,
		.target_count = is_cpu_reference(check) ? 2 : 1,
		.message = say_compiler_message,
		.user = &quiet,
	};
	if (check->settings.save) {
		options.targets = targets + 1;
		options.target_count = 1;
	} else if (!has_device(check)) {
		options.targets = cpu_targets;
		options.target_count = COUNT_OF(cpu_targets);
	}
	if (ercc_compile(path, check->artifact, &options) != ERCC_OK)
		return "does not compile";
	if (has_device(check) && !strncmp(check->settings.target, STUB_EMULATED, strlen(STUB_EMULATED)))
		return stub_artifact(check->artifact, check->artifact);
	return NULL;
}

static void check_model(struct check *check, const char *path)
{
	const char *wrong = compile(check, path);
	if (!wrong)
		wrong = is_cpu_reference(check) ? reference_of_cpu(check) : reference_of_folder(check);
	if (wrong)
		fail(check, "any target", wrong);
	else if (check->settings.save)
		check->passed++;
	else if (has_device(check))
		check_target(check, NULL); /* the target that this device runs */
	else
		for (size_t i = 0; i < COUNT_OF(cpu_targets); i++)
			check_target(check, cpu_targets[i]);
	unlink(check->artifact);
	array_free(&check->input);
	array_free(&check->reference);
}

/* A model without a reference is left out. */
static void check_path(struct check *check, const char *path)
{
	const char *file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t length = strlen(file);
	if (length <= 5 || strcmp(file + length - 5, ".onnx"))
		return;
	char *name = memory_printf("%.*s", (int)length - 5, file);
	char *reference = memory_printf("%s/%s.ref.npy", check->settings.references, name);
	check->name = name;
	if (is_cpu_reference(check) || !access(reference, R_OK))
		check_model(check, path);
	free(reference);
	free(name);
}

static void check_folder(struct check *check, const char *folder)
{
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		char *path = memory_printf("%s/%s", folder, entry->d_name);
		check_path(check, path);
		free(path);
	}
	if (dir)
		closedir(dir);
	else
		check_path(check, folder);
}

#define OPERANDS 64

int main(int argc, char **argv)
{
	struct check check = {0};
	const char *operands[OPERANDS] = {NULL};
	const struct option options[] = {
		{"device", 0, OPTION_TEXT, &check.settings.device, "NAME", "runs on this one (default cpu)"},
		{"target", 't', OPTION_TEXT, &check.settings.target, "NAME",
	     "compiles for this one; emulated ones are for the stand-in for CUDA"},
		{"save", 0, OPTION_TEXT, &check.settings.save, "DIR",
	     "only writes the outputs of the cpu device there, as references"},
	};
	const struct usage usage = {
		"models",
		"[options] REFERENCES|cpu WORK PATH...",
		"Runs whole models against reference outputs.",
		"  models --device cuda --target cuda:sm_90 cpu build/models.d resnet50.onnx\n",
		options,
		COUNT_OF(options),
		3,
		OPERANDS,
		"REFERENCES",
	};
	int code = args_parse(&usage, argc, argv, operands);
	if (code != ARGS_OK)
		return code;
	if (!check.settings.device != !check.settings.target) {
		say_error("--device and --target go together");
		return EXIT_USAGE;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	check.settings.references = operands[0];
	bool is_saving = check.settings.save != NULL, is_cpu = is_cpu_reference(&check);
	if ((is_cpu && !is_saving && !has_device(&check)) || (is_saving && (!is_cpu || has_device(&check)))) {
		say_error("the reference `cpu` is for another --device, or for --save");
		return EXIT_USAGE;
	}
	check.artifact = memory_printf("%s/model.erca", operands[1]);
	for (int i = 2; i < OPERANDS && operands[i]; i++)
		check_folder(&check, operands[i]);
	free(check.artifact);
	printf("%zu passed, %zu failed, %zu skipped\n", check.passed, check.failed, check.skipped);
	return output_finish(check.failed ? EXIT_RUN : EXIT_OK);
}
