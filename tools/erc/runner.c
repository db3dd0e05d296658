/* A loaded artifact with one session and one request whose inputs and outputs are all bound. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/erc/command.h"

#define POISON 0xcb /* as f32 -2.7e7, as i64 a large negative number */

double clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void print_log(void *user, enum erc_log_level level, const char *message)
{
	(void)user;
	if (level == ERC_LOG_ERROR)
		say_error("%s", message);
	else if (level == ERC_LOG_WARNING)
		say_warning("%s", message);
}

static enum erc_status open_handles(struct runner *runner, const struct runner_options *options)
{
	struct erc_runtime_options runtime = {.size = sizeof runtime,
	                                      .device = options->device,
	                                      .units = options->workers,
	                                      .log = print_log};
	struct erc_model_options model = {.size = sizeof model, .target = options->target};
	struct erc_session_options session = {
		.size = sizeof session,
		.entry = options->entry,
		.budget = options->budget,
		.class_ = options->real_time ? ERC_REAL_TIME : ERC_BEST_EFFORT,
	};
	enum erc_status status = erc_runtime_create(&runtime, &runner->runtime);
	if (status == ERC_OK)
		status = erc_model_load(runner->runtime, options->path, &model, &runner->model);
	if (status == ERC_OK)
		status = erc_session_create(runner->model, &session, &runner->session);
	if (status == ERC_OK)
		status = erc_request_create(runner->session, &runner->request);
	return status;
}

static bool any_ranges(const struct runner *runner)
{
	struct erc_tensor_info info;
	for (uint32_t i = 0; i < runner->input_count; i++)
		if (erc_request_input_info(runner->request, i, &info) == ERC_OK && has_ranges(&info))
			return true;
	return false;
}

static enum erc_status make_outputs(struct runner *runner)
{
	struct erc_tensor_info info;
	for (uint32_t i = 0; i < runner->output_count; i++) {
		enum erc_status status = erc_request_output_info(runner->request, i, &info);
		if (status != ERC_OK)
			return status;
		if (!array_new(&runner->outputs[i], info.dtype, info.rank, info.dims))
			return ERC_NOMEM;
	}
	return ERC_OK;
}

static enum erc_status bind_all(struct runner *runner)
{
	enum erc_status status = ERC_OK;
	for (uint32_t i = 0; i < runner->input_count && status == ERC_OK; i++)
		status = erc_request_bind_input(runner->request, i, runner->inputs[i].data, runner->inputs[i].bytes);
	for (uint32_t i = 0; i < runner->output_count && status == ERC_OK; i++)
		status = erc_request_bind_output(runner->request, i, runner->outputs[i].data, runner->outputs[i].bytes);
	return status;
}

int runner_open(struct runner *runner, const struct runner_options *options)
{
	*runner = (struct runner){0};
	double start = clock_us();
	enum erc_status status = open_handles(runner, options);
	runner->load_us = clock_us() - start;
	if (status != ERC_OK)
		return say_runtime_error(options->path, status);
	runner->input_count = erc_model_input_count(runner->model, erc_request_entry(runner->request));
	runner->output_count = erc_model_output_count(runner->model, erc_request_entry(runner->request));
	runner->inputs = memory_new(runner->input_count * sizeof *runner->inputs);
	runner->outputs = memory_new(runner->output_count * sizeof *runner->outputs);
	bool has_choice = (!options->entry && erc_model_entry_count(runner->model) > 1) || any_ranges(runner);
	int code = inputs_set_shapes(runner->model, runner->request, &options->shapes);
	if (code != ARGS_OK)
		return code;
	code = inputs_make(runner->model, runner->request, options->inputs, has_choice, options->random_by_default,
	                   runner->inputs);
	if (code != ARGS_OK)
		return code;
	runner->entry = erc_request_entry(runner->request);
	status = make_outputs(runner);
	if (status == ERC_OK)
		status = bind_all(runner);
	return status == ERC_OK ? ARGS_OK : say_runtime_error(options->path, status);
}

void runner_close(struct runner *runner)
{
	for (uint32_t i = 0; runner->inputs && i < runner->input_count; i++)
		array_free(&runner->inputs[i]);
	for (uint32_t i = 0; runner->outputs && i < runner->output_count; i++)
		array_free(&runner->outputs[i]);
	free(runner->inputs);
	free(runner->outputs);
	erc_request_destroy(runner->request);
	erc_session_destroy(runner->session);
	erc_model_unload(runner->model);
	erc_runtime_destroy(runner->runtime);
}

enum erc_status runner_run(struct runner *runner, bool poison)
{
	for (uint32_t i = 0; poison && i < runner->output_count; i++)
		memset(runner->outputs[i].data, POISON, runner->outputs[i].bytes);
	return erc_request_run(runner->request);
}

enum erc_status runner_output(const struct runner *runner, uint32_t output, struct array *view)
{
	const struct array *bound = &runner->outputs[output];
	*view = (struct array){.dtype = bound->dtype, .data = bound->data};
	enum erc_status status = erc_request_output_dims(runner->request, output, &view->rank, view->dims);
	if (status != ERC_OK)
		return status;
	if (!array_size(view->dtype, view->rank, view->dims, &view->count, &view->bytes) || view->bytes > bound->bytes)
		return ERC_LIMIT;
	array_clear_rest(view);
	return ERC_OK;
}

const char *runner_output_name(const struct runner *runner, uint32_t output)
{
	struct erc_tensor_info info;
	if (erc_model_output_info(runner->model, runner->entry, output, &info) != ERC_OK)
		return "?";
	return info.name;
}

int runner_find_output(const struct runner *runner, const char *name)
{
	for (uint32_t i = 0; i < runner->output_count; i++)
		if (!strcmp(runner_output_name(runner, i), name))
			return (int)i;
	say_error("the model has no output '%s'", name);
	for (uint32_t i = 0; i < runner->output_count; i++) {
		const struct array *array = &runner->outputs[i];
		char *type = array_type_text(array->dtype, array->rank, array->dims);
		say_note("output '%s' is %s", runner_output_name(runner, i), type);
		free(type);
	}
	return -1;
}
