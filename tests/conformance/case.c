/* One case: compile for this machine, run every data set, compare every output. Called in a
 * child process, so that a crash ends the case alone. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/devices/stub_artifact.h"
#include "tests/conformance/conformance.h"

#define VALUES_MAX 64 /* inputs or outputs of a case */

struct messages {
	char *first; /* first error of the compilation */
};

static void keep_first_error(void *user, enum ercc_message_kind kind, const char *message, uint32_t done,
                             uint32_t total)
{
	struct messages *messages = user;
	(void)done;
	(void)total;
	if (kind == ERCC_MESSAGE_ERROR && !messages->first)
		messages->first = memory_printf("%s", message);
}

static enum result give(char **reason, enum result result, char *text)
{
	free(*reason);
	*reason = text;
	return result;
}

static char *set_path(const struct test_case *test, int set, const char *kind, uint32_t index)
{
	return memory_printf("%s/test_data_set_%d/%s_%u.pb", test->folder, set, kind, index);
}

/* ---- compiling ---- */

/* Emulated kernels for the stand-in for CUDA. */
static bool is_rehearsal(const struct limits *limits)
{
	return limits->device && !strncmp(limits->device, "cuda", 4) &&
	       !strncmp(limits->target, STUB_EMULATED, strlen(STUB_EMULATED));
}

static bool is_open(const struct ercc_value_info *input)
{
	bool unknown = input->kind || input->rank < 0;
	for (int32_t d = 0; d < input->rank; d++)
		unknown |= input->dims[d] < 0;
	return unknown;
}

/* Reads what the case gives to inputs whose shape or number of tensors the model does not state. */
static void collect_lists(const struct test_case *test, struct text_list *lengths, struct text_list *shapes)
{
	struct ercc_options options = {.size = sizeof options};
	struct ercc_model_info *info = NULL;
	if (!test->folder || ercc_model_info(test->model, &options, &info) != ERCC_OK)
		return;
	for (uint32_t i = 0; i < info->input_count; i++) {
		struct list list = {0};
		char *path = set_path(test, 0, "input", i);
		if (is_open(&info->inputs[i]) && !list_read(&list, path, info->inputs[i].kind))
			list_options(&info->inputs[i], &list, lengths, shapes);
		list_free(&list);
		free(path);
	}
	free(info);
}

static enum ercc_status compile(const struct test_case *test, const struct limits *limits, const char *artifact,
                                const struct ercc_const *consts, uint32_t const_count, char **reason)
{
	const char *const targets[] = {limits->target};
	struct messages messages = {0};
	struct text_list lengths = {0}, shapes = {0};
	collect_lists(test, &lengths, &shapes);
	struct ercc_options options = {
		.size = sizeof options,
		.targets = targets,
		.target_count = 1,
		.lengths = lengths.items,
		.length_count = lengths.count,
		.shapes = shapes.items,
		.shape_count = shapes.count,
		.consts = consts,
		.const_count = const_count,
		.jobs = 1,
		.message = keep_first_error,
		.user = &messages,
	};
	enum ercc_status status = ercc_compile(test->model, artifact, &options);
	text_list_free(&lengths);
	text_list_free(&shapes);
	if (status != ERCC_OK)
		give(reason, RESULT_WRONG,
		     messages.first ? messages.first : memory_printf("%s, without a message", ercc_status_text(status)));
	else
		free(messages.first);
	if (status == ERCC_OK && is_rehearsal(limits) && stub_artifact(artifact, artifact))
		return give(reason, RESULT_WRONG, memory_printf("the artifact cannot be turned")), ERCC_INTERNAL;
	return status;
}

static bool refused(enum ercc_status status)
{
	return status == ERCC_UNSUPPORTED || status == ERCC_MODEL;
}

/* Whether the compilation failed because the target lacks a kernel. */
static bool is_absent(enum ercc_status status, const char *reason)
{
	return status == ERCC_UNSUPPORTED && reason && strstr(reason, ": kernel ") && strstr(reason, " is not on ");
}

/* Lists the integer and bool inputs of the first data set, as constants. With `lists` also the float inputs after the
 * first one that have at most one dim, such as scales. Returns their number; the data is in `arrays`. */
static uint32_t collect_pins(const struct test_case *test, const struct ercc_model_info *info, bool lists,
                             struct array *arrays, struct ercc_const *consts)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < info->input_count && i < VALUES_MAX; i++) {
		const struct ercc_value_info *input = &info->inputs[i];
		bool list = lists && i > 0 && input->rank <= 1;
		if ((array_type_is_float(input->dtype) && !list) || !erc_dtype_bytes(input->dtype) || input->kind)
			continue;
		char *path = set_path(test, 0, "input", i);
		if (!pb_read(path, &arrays[count])) {
			const struct array *array = &arrays[count];
			consts[count++] = (struct ercc_const){input->name, array->dtype, array->rank, array->dims, array->data};
		}
		free(path);
	}
	return count;
}

static enum ercc_status compile_with_pins(const struct test_case *test, const struct limits *limits,
                                          const char *artifact, const struct ercc_model_info *info, bool lists,
                                          char **reason, bool *tried)
{
	struct array arrays[VALUES_MAX] = {0};
	struct ercc_const consts[VALUES_MAX];
	uint32_t count = collect_pins(test, info, lists, arrays, consts);
	enum ercc_status status = ERCC_UNSUPPORTED;
	*tried = count > 0;
	if (count) {
		char *second = NULL; /* reason of a second try; that of the first one is the better message */
		status = compile(test, limits, artifact, consts, count, &second);
		if ((!refused(status) && status != ERCC_OK) || is_absent(status, second))
			give(reason, RESULT_WRONG, second);
		else
			free(second);
	}
	for (uint32_t i = 0; i < count; i++)
		array_free(&arrays[i]);
	return status;
}

static enum ercc_status compile_pinned(const struct test_case *test, const struct limits *limits, const char *artifact,
                                       char **reason, bool *tried)
{
	struct ercc_options options = {.size = sizeof options};
	struct ercc_model_info *info;
	*tried = false;
	if (!test->folder || ercc_model_info(test->model, &options, &info) != ERCC_OK)
		return ERCC_UNSUPPORTED;
	enum ercc_status status = compile_with_pins(test, limits, artifact, info, false, reason, tried);
	if (refused(status))
		status = compile_with_pins(test, limits, artifact, info, true, reason, tried);
	free(info);
	return status;
}

/* ---- running ---- */

/* Light models: the suite's own generated input, 0, 1/n, 2/n … in row-major order. */
static const char *light_input(const struct erc_tensor_info *info, struct array *out)
{
	if (info->dtype != ERC_F32 || !array_new(out, info->dtype, info->rank, info->dims))
		return "input is not f32";
	float *values = out->data;
	for (size_t i = 0; i < out->count; i++)
		values[i] = (float)((double)i / (double)out->count);
	return NULL;
}

/* The number of an input's file is its index in the model's own list, which includes pinned inputs. */
static const char *load_input(const struct test_case *test, const struct ercc_model_info *info, int set,
                              const struct erc_tensor_info *want, struct array *out)
{
	struct list list = {0};
	uint32_t number = 0;
	int item = 0;
	if (!test->folder)
		return light_input(want, out);
	if (!list_find(info, want->name, &number, &item))
		return "the model has no such input";
	char *path = set_path(test, set, "input", number);
	const char *wrong = list_read(&list, path, info->inputs[number].kind);
	free(path);
	if (!wrong && item >= list.count)
		wrong = "the case has fewer tensors";
	if (!wrong) {
		*out = list.items[item];
		list.items[item] = (struct array){0};
	}
	list_free(&list);
	return wrong;
}

/* Reads all outputs that the case expects. */
static char *read_expected(const struct test_case *test, const struct ercc_model_info *info, int set, struct list *out)
{
	for (uint32_t i = 0; i < info->output_count; i++) {
		char *path = test->folder ? set_path(test, set, "output", i) : memory_printf("%s", test->expected);
		const char *wrong = list_read(out, path, info->outputs[i].kind);
		free(path);
		if (wrong)
			return memory_printf("output %u: reference: %s", i, wrong);
	}
	return NULL;
}

static char *compare_outputs(const struct test_case *test, const struct limits *limits, const struct runner *runner,
                             const struct list *expected)
{
	char *text = NULL;
	if (runner->output_count != (uint32_t)expected->count)
		return memory_printf("the artifact has %u outputs, the case %d", runner->output_count, expected->count);
	for (uint32_t i = 0; i < runner->output_count && !text; i++) {
		struct array actual;
		text = runner_output(runner, i, &actual) == ERC_OK ? judge_output(test, limits, i, &actual, &expected->items[i])
		                                                   : memory_printf("output %u: %s", i, erc_error_detail());
	}
	return text;
}

/* Runs one data set. Returns NULL, or what is wrong. */
static char *run_set(const struct test_case *test, const struct limits *limits, const struct ercc_model_info *info,
                     int set, struct runner *runner)
{
	for (uint32_t i = 0; i < runner->input_count; i++) {
		struct erc_tensor_info want = {.name = "?"};
		enum erc_status status = erc_model_input_info(runner->model, runner->entry, i, &want);
		array_free(&runner->inputs[i]);
		const char *wrong =
			status == ERC_OK ? load_input(test, info, set, &want, &runner->inputs[i]) : erc_error_detail();
		if (wrong)
			return memory_printf("input '%s': %s", want.name, wrong);
		if (erc_request_bind_input(runner->request, i, runner->inputs[i].data, runner->inputs[i].bytes) != ERC_OK)
			return memory_printf("input '%s': %s", want.name, erc_error_detail());
	}
	if (runner_run(runner, true) != ERC_OK)
		return memory_printf("run: %s", erc_error_detail());
	struct list expected = {0};
	char *text = read_expected(test, info, set, &expected);
	if (!text)
		text = compare_outputs(test, limits, runner, &expected);
	list_free(&expected);
	return text;
}

static bool set_exists(const struct test_case *test, int set)
{
	if (!test->folder)
		return set == 0;
	char *path = memory_printf("%s/test_data_set_%d", test->folder, set);
	bool exists = !access(path, R_OK);
	free(path);
	return exists;
}

static char *run_sets(const struct test_case *test, const struct limits *limits, const char *artifact, bool pinned,
                      bool real_time)
{
	struct runner runner;
	struct text_list none = {0};
	struct runner_options open = {.path = artifact,
	                              .inputs = &none,
	                              .device = limits->device,
	                              .workers = limits->workers,
	                              .random_by_default = true,
	                              .real_time = real_time};
	struct ercc_options options = {.size = sizeof options};
	struct ercc_model_info *info = NULL;
	char *text = NULL;
	if (ercc_model_info(test->model, &options, &info) != ERCC_OK)
		return memory_printf("the model compiles, but ercc_model_info refuses it");
	if (runner_open(&runner, &open) != ARGS_OK)
		text = memory_printf("load: %s", erc_error_detail());
	/* Pinned values are those of the first set, so the other sets are not run. */
	for (int set = 0; !text && set_exists(test, set) && !(pinned && set); set++)
		text = run_set(test, limits, info, set, &runner);
	runner_close(&runner);
	free(info);
	return text;
}

enum result case_run(const struct test_case *test, const struct limits *limits, const char *artifact, char **reason)
{
	bool pinned = false;
	if (!set_exists(test, 0))
		return give(reason, RESULT_WRONG, memory_printf("the case has no data"));
	enum ercc_status status = compile(test, limits, artifact, NULL, 0, reason);
	if (is_absent(status, *reason))
		return RESULT_ABSENT;
	if (refused(status)) {
		status = compile_pinned(test, limits, artifact, reason, &pinned);
		if (refused(status))
			return is_absent(status, *reason) ? RESULT_ABSENT : RESULT_UNSUPPORTED;
	}
	if (status != ERCC_OK)
		return RESULT_WRONG;
	char *wrong = run_sets(test, limits, artifact, pinned, false);
	if (!wrong && limits->device) /* as real-time work, which may run in another form */
		wrong = run_sets(test, limits, artifact, pinned, true);
	enum result good = is_random(test) ? RESULT_RANDOM : pinned ? RESULT_PINNED : RESULT_PASS;
	return give(reason, wrong ? RESULT_WRONG : good, wrong);
}
