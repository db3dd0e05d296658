/* `erc run`: runs an artifact on given inputs; stores, compares or summarises its outputs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/erc/command.h"

static const char text[] = "Runs an artifact. Every input without a default must be given: NAME=@FILE (.npy,\n"
						   ".pb, or .bin with raw bytes), NAME=random:SEED or NAME=zeros. Without --output and\n"
						   "--expect each output is summarised. --expect compares element by element (--rtol,\n"
						   "--atol); with --l2 alone it compares the relative L2 error instead. Integers must\n"
						   "be equal.";

static const char examples[] = "  erc run resnet50.erca --input data=random:1\n"
							   "  erc run resnet50.erca --input data=@cat.npy --output logits=@logits.npy\n"
							   "  erc run resnet50.erca --input data=@cat.npy --expect logits=@ref.npy --l2 1e-5\n"
							   "  erc run resnet50.erca --input data=random:1 --workers 2 --repeat 3\n";

struct run {
	struct runner_options open;
	struct text_list inputs, outputs, expects;
	double rtol, atol, l2; /* negative: not given */
	uint32_t repeat;
	bool quiet;
};

static int parse(int argc, char **argv, struct run *r)
{
	const struct option options[] = {
		{"input", 'i', OPTION_LIST, &r->inputs, "NAME=VALUE", "@FILE, random:SEED, zeros or default"},
		{"shape", 0, OPTION_LIST, &r->open.shapes, "NAME:1x128", "shape of an input that is no file, for ranges"},
		{"output", 'o', OPTION_LIST, &r->outputs, "NAME=@FILE", "stores an output as .npy or .bin"},
		{"expect", 'e', OPTION_LIST, &r->expects, "NAME=@FILE", "compares an output with a file"},
		{"rtol", 0, OPTION_NUMBER, &r->rtol, "X", "relative limit of an element (default 1e-3)"},
		{"atol", 0, OPTION_NUMBER, &r->atol, "X", "absolute limit of an element (default 1e-5)"},
		{"l2", 0, OPTION_NUMBER, &r->l2, "X", "limit of the whole output's relative L2 error"},
		{"repeat", 0, OPTION_COUNT, &r->repeat, "N", "runs N times; all must give the same bits"},
		{"device", 0, OPTION_TEXT, &r->open.device, "NAME", "cpu (default), cuda, cuda:1"},
		{"real-time", 0, OPTION_FLAG, &r->open.real_time, NULL, "as real-time work (default: best effort)"},
		{"workers", 'j', OPTION_COUNT, &r->open.workers, "N", "units of the device (default: all)"},
		{"target", 't', OPTION_TEXT, &r->open.target, "TARGET", "instead of the best one that runs here"},
		{"entry", 0, OPTION_TEXT, &r->open.entry, "NAME", "entry point (default: by the files' shapes)"},
		{"budget", 'b', OPTION_TEXT, &r->open.budget, "NAME", "variants of this budget (default: the first)"},
		{"quiet", 'q', OPTION_FLAG, &r->quiet, NULL, "prints nothing when all is well"},
	};
	const struct usage usage = {
		"run",         "MODEL.erca --input NAME=VALUE... [options]", text, examples, options, COUNT_OF(options), 1, 1,
		"an artifact",
	};
	return args_parse(&usage, argc, argv, &r->open.path);
}

/* ---- running ---- */

static bool same_view(const struct array *a, const struct array *b)
{
	bool same = a->rank == b->rank && a->bytes == b->bytes;
	for (uint32_t d = 0; same && d < a->rank; d++)
		same = a->dims[d] == b->dims[d];
	return same && !memcmp(a->data, b->data, a->bytes);
}

/* Compares elements within the true dims; the memory after these is undefined. */
static int same_bits(const struct runner *runner, const struct array *first, uint32_t run)
{
	for (uint32_t i = 0; i < runner->output_count; i++) {
		struct array view;
		if (runner_output(runner, i, &view) == ERC_OK && same_view(&view, &first[i]))
			continue;
		say_error("run %u gave different bits than the first run in output '%s'", run, runner_output_name(runner, i));
		return EXIT_RUN;
	}
	return ARGS_OK;
}

static enum erc_status keep_outputs(const struct runner *runner, struct array *first)
{
	for (uint32_t i = 0; i < runner->output_count; i++) {
		enum erc_status status = runner_output(runner, i, &first[i]);
		const void *data = first[i].data;
		first[i].data = memory_new(first[i].bytes);
		if (status != ERC_OK)
			return status;
		memcpy(first[i].data, data, first[i].bytes);
	}
	return ERC_OK;
}

static int run_repeatedly(struct runner *runner, const struct run *r)
{
	struct array *first = memory_new(runner->output_count * sizeof *first);
	int code = ARGS_OK;
	for (uint32_t run = 1; run <= r->repeat && code == ARGS_OK; run++) {
		enum erc_status status = runner_run(runner, true);
		if (status == ERC_OK && run == 1 && r->repeat > 1)
			status = keep_outputs(runner, first);
		if (status != ERC_OK)
			code = say_runtime_error(r->open.path, status);
		else if (run > 1)
			code = same_bits(runner, first, run);
	}
	for (uint32_t i = 0; i < runner->output_count; i++)
		free(first[i].data);
	free(first);
	return code;
}

/* ---- outputs: storing and comparing ---- */

/* Splits NAME=@FILE and finds the output. Returns its index, or -1 after messages. */
static int split_output(const struct runner *runner, const char *option, const char *item, char **name,
                        const char **path)
{
	if (!binding_split(option, item, name, path))
		return -1;
	if (**path != '@' || !(*path)[1]) {
		say_error("--%s %s: the value must be @FILE", option, item);
		return -1;
	}
	++*path;
	return runner_find_output(runner, *name);
}

static const char *store(const char *path, const struct array *array)
{
	size_t length = strlen(path);
	if (file_is_artifact(path))
		return "is an artifact, which an output does not replace";
	if (length < 4 || strcmp(path + length - 4, ".bin"))
		return npy_write(path, array);
	FILE *file = fopen(path, "wb");
	if (!file)
		return "cannot be written";
	size_t written = fwrite(array->data, 1, array->bytes, file);
	bool bad = fclose(file) != 0 || written != array->bytes;
	if (bad)
		remove_file(path);
	return bad ? "cannot be written completely" : NULL;
}

static int store_output(const struct runner *runner, const char *item)
{
	char *name = NULL;
	const char *path, *wrong = NULL;
	struct array view;
	int index = split_output(runner, "output", item, &name, &path);
	free(name);
	if (index < 0)
		return EXIT_USAGE;
	enum erc_status status = runner_output(runner, (uint32_t)index, &view);
	if (status != ERC_OK)
		return say_runtime_error(path, status);
	wrong = store(path, &view);
	if (!wrong)
		return ARGS_OK;
	say_error("%s: %s", path, wrong);
	return EXIT_RUN;
}

static void say_mismatch(const char *name, const struct array *view, const struct comparison *result)
{
	int64_t index[ERC_MAX_RANK];
	size_t rest = result->worst;
	if (view->dtype == ERC_C64 || view->dtype == ERC_C128)
		rest /= 2;
	for (uint32_t i = view->rank; i-- > 0; rest /= (size_t)view->dims[i])
		index[i] = (int64_t)(rest % (size_t)view->dims[i]);
	char *where = dims_text(view->rank, index);
	for (char *at = where; *at; at++)
		*at = *at == 'x' ? ',' : *at;
	say_error("output '%s' differs: %zu of %zu elements outside the limits, relative L2 error %.3g", name,
	          result->outside, view->count, result->relative_l2);
	say_note("the worst is %s%s: %.9g, expected %.9g", name, where, result->worst_actual, result->worst_expected);
	free(where);
}

static bool accepted(const struct run *r, const struct comparison *result)
{
	bool elements = r->rtol >= 0 || r->atol >= 0 || r->l2 < 0;
	return (!elements || result->equal) && (r->l2 < 0 || result->relative_l2 <= r->l2);
}

static int compare_arrays(const struct run *r, const char *name, const struct array *view, const struct array *expected)
{
	struct comparison result =
		array_compare(view, expected, r->rtol < 0 ? 1e-3 : r->rtol, r->atol < 0 ? 1e-5 : r->atol);
	if (!result.same_type) {
		char *have = array_type_text(view->dtype, view->rank, view->dims);
		char *want = array_type_text(expected->dtype, expected->rank, expected->dims);
		say_error("output '%s' is %s; the reference is %s", name, have, want);
		free(have);
		free(want);
		return EXIT_RUN;
	}
	bool exact_type = !array_type_is_float(view->dtype);
	if (exact_type ? !result.equal : !accepted(r, &result)) {
		say_mismatch(name, view, &result);
		return EXIT_RUN;
	}
	if (!r->quiet)
		printf("%s: matches, relative L2 error %.3g\n", name, result.relative_l2);
	return ARGS_OK;
}

static int compare_output(const struct runner *runner, const struct run *r, const char *item)
{
	char *name = NULL;
	const char *path;
	struct array view, expected = {0};
	int index = split_output(runner, "expect", item, &name, &path), code = EXIT_USAGE;
	if (index >= 0) {
		enum erc_status status = runner_output(runner, (uint32_t)index, &view);
		const char *wrong = status == ERC_OK ? array_read(path, view.dtype, view.rank, view.dims, &expected) : NULL;
		code = EXIT_RUN;
		if (status != ERC_OK)
			code = say_runtime_error(path, status);
		else if (wrong)
			say_error("%s: %s", path, wrong);
		else
			code = compare_arrays(r, name, &view, &expected);
	}
	array_free(&expected);
	free(name);
	return code;
}

/* ---- summaries ---- */

static void print_top(const struct array *view)
{
	size_t best[5], count = 0;
	for (size_t i = 0; i < view->count; i++) {
		size_t at = count < 5 ? count++ : 5;
		for (; at > 0 && array_get(view, i) > array_get(view, best[at - 1]); at--)
			if (at < 5)
				best[at] = best[at - 1];
		if (at < 5)
			best[at] = i;
	}
	printf("  largest: ");
	for (size_t i = 0; i < count; i++)
		printf(" [%zu] %.5g%s", best[i], array_get(view, best[i]), i + 1 < count ? " " : "\n");
}

static void print_summary(const char *name, const struct array *view)
{
	double min = INFINITY, max = -INFINITY, sum = 0;
	size_t odd = 0;
	for (size_t i = 0; i < view->count; i++) {
		double value = array_get(view, i);
		if (!isfinite(value)) {
			odd++;
			continue;
		}
		min = value < min ? value : min;
		max = value > max ? value : max;
		sum += value;
	}
	char *type = array_type_text(view->dtype, view->rank, view->dims);
	printf("%s: %s", name, type);
	free(type);
	if (view->count > odd)
		printf("  min %.5g  max %.5g  mean %.5g", min, max, sum / (double)(view->count - odd));
	if (odd)
		printf("  %zu not finite", odd);
	printf("\n");
	if (view->dtype == ERC_F32 && view->rank == 2 && view->dims[0] == 1 && view->dims[1] > 1)
		print_top(view);
}

static int finish_outputs(const struct runner *runner, const struct run *r)
{
	int result = EXIT_OK;
	for (uint32_t i = 0; i < r->outputs.count; i++) {
		int code = store_output(runner, r->outputs.items[i]);
		if (code != ARGS_OK)
			return code;
	}
	for (uint32_t i = 0; i < r->expects.count; i++) { /* compares all outputs, so that one run reports everything */
		int code = compare_output(runner, r, r->expects.items[i]);
		if (code != ARGS_OK)
			result = code;
	}
	for (uint32_t i = 0; !r->quiet && !r->outputs.count && !r->expects.count && i < runner->output_count; i++) {
		struct array view;
		enum erc_status status = runner_output(runner, i, &view);
		if (status != ERC_OK)
			return say_runtime_error(r->open.path, status);
		print_summary(runner_output_name(runner, i), &view);
	}
	return result;
}

static int run(struct run *r)
{
	struct runner runner;
	if (!r->repeat) {
		say_error("--repeat must be at least 1");
		return EXIT_USAGE;
	}
	r->open.inputs = &r->inputs;
	int code = runner_open(&runner, &r->open);
	if (code == ARGS_OK && !erc_runtime_computes(runner.runtime)) {
		say_error("device %s is virtual and computes no outputs; erc bench --workload measures on it", r->open.device);
		code = EXIT_USAGE;
	}
	if (code == ARGS_OK)
		code = run_repeatedly(&runner, r);
	if (code == ARGS_OK)
		code = finish_outputs(&runner, r);
	runner_close(&runner);
	return code;
}

int cmd_run(int argc, char **argv)
{
	struct run r = {.rtol = -1, .atol = -1, .l2 = -1, .repeat = 1};
	int code = parse(argc, argv, &r);
	faults_report();
	if (code == ARGS_OK)
		code = run(&r);
	text_list_free(&r.inputs);
	text_list_free(&r.open.shapes);
	text_list_free(&r.outputs);
	text_list_free(&r.expects);
	return code;
}
