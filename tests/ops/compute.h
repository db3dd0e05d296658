/* Compiles and runs a model that is given as graph text and has one output. */
#ifndef ERC_COMPUTE_H
#define ERC_COMPUTE_H

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/model_file.h"
#include "runtime/include/erc.h"
#include "compiler/include/ercc.h"

#define INPUTS_MAX 4

static char folder[] = "/tmp/erc-ops-XXXXXX";
static char model_path[64], artifact_path[64];

/* Values in [-1, 1), the same in every run. */
static inline float value_at(size_t i)
{
	return (float)((i * 2654435761u >> 7) % 2048) / 1024.0f - 1.0f;
}

/* Compiles the text to an artifact for one target; budgets NULL: the default ones. */
static void compile_text(const char *text, const char *target, const char *const *budgets, uint32_t budget_count)
{
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .targets = &target,
	                               .target_count = 1,
	                               .budgets = budgets,
	                               .budget_count = budget_count};
	write_model(model_path, text);
	enum ercc_status status = ercc_compile(model_path, artifact_path, &options);
	ck_assert_msg(status == ERCC_OK, "%.3000s: %s", text, test.errors); /* Check takes messages of 4 KiB or so */
}

struct output {
	void *data; /* the caller frees it */
	size_t bytes;
	size_t used; /* bytes within the true dims */
};

/* Gives packed elements a byte each. Checks that nothing is written behind the output, and that the unused bits of the last
 * byte are 0 where dims are fixed. */
static inline void unpack_output(const erc_request *request, int number, const struct erc_tensor_info *info,
                                 struct output *output)
{
	int64_t dims[ERC_MAX_RANK], elements = 1, true_elements = 1;
	uint32_t rank;
	ck_assert_int_eq(erc_request_output_dims(request, (uint32_t)number, &rank, dims), ERC_OK);
	for (uint32_t d = 0; d < info->rank; d++) {
		elements *= info->dims[d];
		true_elements *= dims[d];
	}
	ck_assert_uint_eq(output->bytes, (size_t)packed_bytes(info->dtype, elements));
	ck_assert_uint_eq(((uint8_t *)output->data)[output->bytes], 0xff);
	output->used = (size_t)true_elements * dtype_bytes(info->dtype);
	if (dtype_packing(info->dtype) == 1)
		return;
	size_t bits = (size_t)elements * erc_dtype_bits(info->dtype) % 8;
	ck_assert(info->runtime_dims || !bits || !(((uint8_t *)output->data)[output->bytes - 1] >> bits));
	uint8_t *data = malloc((size_t)elements + 1);
	elements_unpack(info->dtype, output->data, elements, data);
	free(output->data);
	output->data = data;
	output->bytes = (size_t)elements;
}

/* Runs the artifact on the inputs' data. Outputs are filled with 0xff first; elements of less than a byte get a byte each.
 * False where this machine cannot run the artifact. */
static inline bool run_on(const struct tensor *const *inputs, int input_count, struct output *outputs, int output_count)
{
	struct erc_tensor_info info;
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	ck_assert_int_eq(erc_runtime_create(NULL, &runtime), ERC_OK);
	enum erc_status status = erc_model_load(runtime, artifact_path, NULL, &model);
	if (status == ERC_NO_TARGET) {
		ck_assert_int_eq(erc_runtime_destroy(runtime), ERC_OK);
		return false;
	}
	ck_assert_msg(status == ERC_OK, "%s", erc_error_detail());
	ck_assert_int_eq(erc_session_create(model, NULL, &session), ERC_OK);
	ck_assert_int_eq(erc_request_create(session, &request), ERC_OK);
	ck_assert_uint_eq(erc_model_input_count(model, 0), (uint32_t)input_count);
	ck_assert_uint_eq(erc_model_output_count(model, 0), (uint32_t)output_count);
	for (int i = 0; i < input_count; i++) {
		size_t bytes;
		const void *data = packed_data(inputs[i], &bytes);
		ck_assert_int_eq(erc_request_bind_input(request, (uint32_t)i, data, bytes), ERC_OK);
	}
	for (int i = 0; i < output_count; i++) {
		ck_assert_int_eq(erc_model_output_info(model, 0, (uint32_t)i, &info), ERC_OK);
		outputs[i] = (struct output){memset(malloc(info.bytes + 1), 0xff, info.bytes + 1), info.bytes, 0};
		ck_assert_int_eq(erc_request_bind_output(request, (uint32_t)i, outputs[i].data, info.bytes), ERC_OK);
	}
	ck_assert_int_eq(erc_request_run(request), ERC_OK);
	for (int i = 0; i < output_count; i++) {
		ck_assert_int_eq(erc_model_output_info(model, 0, (uint32_t)i, &info), ERC_OK);
		unpack_output(request, i, &info, &outputs[i]);
	}
	ck_assert_int_eq(erc_request_destroy(request), ERC_OK);
	ck_assert_int_eq(erc_session_destroy(session), ERC_OK);
	ck_assert_int_eq(erc_model_unload(model), ERC_OK);
	ck_assert_int_eq(erc_runtime_destroy(runtime), ERC_OK);
	return true;
}

/* Runs the artifact once under a budget (NULL: any); inputs get value_at(), numbered through all inputs. The
 * caller frees all results. */
static inline float *run_compiled(const char *budget, float **inputs, size_t *count)
{
	struct erc_runtime_options one = {.size = sizeof one, .units = 1};
	struct erc_session_options options = {.size = sizeof options, .budget = budget};
	struct erc_tensor_info info;
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	size_t n = 0;
	ck_assert_int_eq(erc_runtime_create(&one, &runtime), ERC_OK);
	ck_assert_int_eq(erc_model_load(runtime, artifact_path, NULL, &model), ERC_OK);
	ck_assert_int_eq(erc_session_create(model, budget ? &options : NULL, &session), ERC_OK);
	ck_assert_int_eq(erc_request_create(session, &request), ERC_OK);
	ck_assert_uint_le(erc_model_input_count(model, 0), INPUTS_MAX);
	for (uint32_t i = 0; i < erc_model_input_count(model, 0); i++) {
		ck_assert_int_eq(erc_model_input_info(model, 0, i, &info), ERC_OK);
		inputs[i] = malloc(info.bytes);
		for (size_t k = 0; k < info.bytes / sizeof(float); k++)
			inputs[i][k] = value_at(n++);
		ck_assert_int_eq(erc_request_bind_input(request, i, inputs[i], info.bytes), ERC_OK);
	}
	ck_assert_int_eq(erc_model_output_info(model, 0, 0, &info), ERC_OK);
	float *out = malloc(info.bytes);
	*count = info.bytes / sizeof(float);
	memset(out, 0xff, info.bytes);
	ck_assert_int_eq(erc_request_bind_output(request, 0, out, info.bytes), ERC_OK);
	ck_assert_int_eq(erc_request_run(request), ERC_OK);
	ck_assert_int_eq(erc_request_destroy(request), ERC_OK);
	ck_assert_int_eq(erc_session_destroy(session), ERC_OK);
	ck_assert_int_eq(erc_model_unload(model), ERC_OK);
	ck_assert_int_eq(erc_runtime_destroy(runtime), ERC_OK);
	return out;
}

static inline float *compute(const char *text, float **inputs, size_t *count)
{
	compile_text(text, "cpu:x86-64-v3", NULL, 0);
	return run_compiled(NULL, inputs, count);
}

static inline void assert_all_close(const char *what, const float *found, const double *wanted, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(fabs((double)found[i] - wanted[i]) <= 2e-6 * (1 + fabs(wanted[i])),
		              "%s: element %zu is %.9g, wanted %.9g", what, i, (double)found[i], wanted[i]);
}

/* A suite of one test case, which has a folder for files. */
static int run_in_folder(Suite *suite, TCase *all)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	snprintf(artifact_path, sizeof artifact_path, "%s/model.erca", folder);
	tcase_add_checked_fixture(all, fixture_start, fixture_stop);
	tcase_set_timeout(all, 300);
	suite_add_tcase(suite, all);
	int failed = run_suite(suite);
	unlink(model_path);
	unlink(artifact_path);
	rmdir(folder);
	return failed != 0;
}

#endif
