/* The rules of erc.h that need no code: options, the tree of handles, binding, targets, statuses. */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/devices/test_model.h"
#include "tests/suite.h"

#define OK(call) \
	do { \
		enum erc_status ok_status_ = (call); \
		ck_assert_msg(ok_status_ == ERC_OK, "%s: %s", erc_status_text(ok_status_), erc_error_detail()); \
	} while (0)
#define FAILS(call, wanted, text) \
	do { \
		ck_assert_int_eq((int)(call), (int)(wanted)); \
		ck_assert_msg(strstr(erc_error_detail(), text) != NULL, "'%s' is not in: %s", text, erc_error_detail()); \
	} while (0)

static erc_runtime *open_null(void)
{
	struct erc_runtime_options options = {.size = sizeof options, .device = "null", .units = 3};
	erc_runtime *runtime;
	OK(erc_runtime_create(&options, &runtime));
	return runtime;
}

/* Two inputs of 16 and 4 bytes, one output of 8. */
static uint8_t *build_file(const char *target, size_t *bytes)
{
	struct test_model model;
	test_model_begin(&model, target);
	test_model_tensor(&model, 0, ERC_F32, 4);
	test_model_tensor(&model, 0, ERC_U8, 4);
	test_model_tensor(&model, 1, ERC_I64, 1);
	model.entry.arena_bytes = 12345;
	test_model_operand(&model, ERCA_BUFFER_INPUT, ERCA_ACCESS_READ, 1, 0, 4);
	test_model_launch(&model, TEST_KERNEL_empty, 5, 0);
	return test_model_finish(&model, "code", 4, bytes);
}

START_TEST(texts)
{
	ck_assert_str_eq(erc_status_text(ERC_OK), "ok");
	ck_assert_str_eq(erc_status_text(ERC_LIMIT), "limit reached");
	ck_assert_str_eq(erc_status_text((enum erc_status)999), "unknown status");
	ck_assert_str_eq(erc_version(), "0.1.0");
	ck_assert_str_eq(erc_dtype_name(ERC_BF16), "bf16");
	ck_assert_str_eq(erc_dtype_name((enum erc_dtype)77), "?");
	ck_assert_uint_eq(erc_dtype_bytes(ERC_C128), 16);
	ck_assert_uint_eq(erc_dtype_bytes(ERC_BOOL), 1);
	ck_assert_uint_eq(erc_dtype_bytes(ERC_STRING), 0);
	ck_assert_uint_eq(erc_dtype_bytes((enum erc_dtype) - 1), 0);
	ck_assert_uint_eq(erc_dtype_bytes(ERC_U4), 0);
	ck_assert_uint_eq(erc_dtype_bits(ERC_U4), 4);
	ck_assert_uint_eq(erc_dtype_bits(ERC_I2), 2);
	ck_assert_uint_eq(erc_dtype_bits(ERC_F8E8M0), 8);
	ck_assert_uint_eq(erc_dtype_bits(ERC_C128), 128);
	ck_assert_uint_eq(erc_dtype_bits(ERC_STRING), 0);
	ck_assert_uint_eq(erc_dtype_bits((enum erc_dtype) - 1), 0);
}
END_TEST

static void *fail_elsewhere(void *unused)
{
	erc_runtime *runtime;
	(void)unused;
	ck_assert_str_eq(erc_error_detail(), "");
	struct erc_runtime_options options = {.size = sizeof options, .device = "no such"};
	FAILS(erc_runtime_create(&options, &runtime), ERC_NOT_FOUND, "no device 'no such'");
	return NULL;
}

START_TEST(details_belong_to_threads)
{
	pthread_t thread;
	FAILS(erc_runtime_create(NULL, NULL), ERC_INVALID, "out is NULL");
	ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
	pthread_join(thread, NULL);
	ck_assert_str_eq(erc_error_detail(), "out is NULL");
}
END_TEST

/* Options that would let a run wait for ever, or that no device supports, are refused. */
START_TEST(runtime_options_are_checked)
{
	static const uint32_t cores[] = {CPU_SETSIZE - 1};
	const struct erc_sim_options sims[] = {
		{.size = sizeof sims[0], .jitter = INFINITY}, {.size = sizeof sims[0], .jitter = NAN},
		{.size = sizeof sims[0], .contention = NAN},  {.size = sizeof sims[0], .contention = -1},
		{.size = sizeof sims[0], .jitter = 1e300},
	};
	const struct {
		struct erc_runtime_options options;
		const char *text;
	} cases[] = {
		{{.device = "gpu"}, "no device 'gpu'; there are cpu"},
		{{.device = "null", .policy = "partition"}, "RT has 1 of 1 units, which leaves best-effort work none"},
		{{.device = "sim:h100", .policy = "partition", .units = 1}, "RT has 1 of 1 units"},
		{{.policy = "partition", .units = 2, .rt_units = 2}, "RT has 2 of 2 units"},
		{{.units = 1, .cores = cores}, "cannot run on the core that unit 0 is to have"},
	};
	erc_runtime *runtime;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct erc_runtime_options options = cases[i].options;
		options.size = sizeof options;
		FAILS(erc_runtime_create(&options, &runtime), strstr(cases[i].text, "gpu") ? ERC_NOT_FOUND : ERC_INVALID,
		      cases[i].text);
	}
	for (size_t i = 0; i < sizeof sims / sizeof sims[0]; i++) {
		struct erc_runtime_options options = {.size = sizeof options, .device = "sim:h100", .sim = &sims[i]};
		FAILS(erc_runtime_create(&options, &runtime), ERC_INVALID, "expected 0 to 1000");
	}
}
END_TEST

START_TEST(options_have_versions)
{
	erc_runtime *runtime;
	struct {
		struct erc_runtime_options known;
		int newer;
	} options = {.known = {.size = 0, .device = "null"}};
	FAILS(erc_runtime_create(&options.known, &runtime), ERC_INVALID, "size is 0");
	ck_assert_ptr_null(runtime);
	options.known.size = sizeof options;
	options.newer = 1;
	FAILS(erc_runtime_create(&options.known, &runtime), ERC_INVALID, "unknown option");
	options.newer = 0;
	OK(erc_runtime_create(&options.known, &runtime));
	ck_assert_str_eq(erc_runtime_target(runtime), "null");
	ck_assert_uint_eq(erc_runtime_units(runtime), 1);
	OK(erc_runtime_destroy(runtime));
	options.known.size = offsetof(struct erc_runtime_options, units); /* an older caller: units is not read */
	options.known.units = 7;
	OK(erc_runtime_create(&options.known, &runtime));
	ck_assert_uint_eq(erc_runtime_units(runtime), 1);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

START_TEST(cpu_options)
{
	static const uint32_t far_core = 100000;
	erc_runtime *runtime;
	struct erc_runtime_options options = {.size = sizeof options, .units = 5000};
	FAILS(erc_runtime_create(&options, &runtime), ERC_INVALID, "5000 units");
	options.units = 1;
	options.cores = &far_core;
	FAILS(erc_runtime_create(&options, &runtime), ERC_INVALID, "core 100000");
	options.units = 0;
	FAILS(erc_runtime_create(&options, &runtime), ERC_INVALID, "cores is set, but units is 0");
	OK(erc_runtime_create(NULL, &runtime));
	ck_assert_uint_ge(erc_runtime_units(runtime), 1);
	ck_assert_int_eq(strncmp(erc_runtime_target(runtime), "cpu", 3), 0);
	OK(erc_runtime_destroy(runtime));
}
END_TEST

static void log_line(void *user, enum erc_log_level level, const char *message)
{
	char *text = user;
	ck_assert_int_eq(level, ERC_LOG_INFO);
	snprintf(text, 100, "%s", message);
}

START_TEST(logs)
{
	char text[100] = "";
	erc_runtime *runtime;
	struct erc_runtime_options options = {.size = sizeof options, .device = "null", .log = log_line, .log_user = text};
	OK(erc_runtime_create(&options, &runtime));
	ck_assert_str_eq(text, "device null: 1 units, target null");
	OK(erc_runtime_destroy(runtime));
}
END_TEST

/* Names come from the application, so a trace must be JSON whatever they hold. */
START_TEST(names_in_traces_are_text)
{
	static const char *const names[][2] = {
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"\xff\"\\\n", "\\u00ff\\\"\\\\\\u000a"},
		{"\xc3", "\\u00c3"},
		{"\xe2\x82\xac", "\xe2\x82\xac"},
		{"\xed\xa0\x80", "\\u00ed\\u00a0\\u0080"},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		{"\xc0\xaf", "\\u00c0\\u00af"},
	};
	static uint8_t memory[256];
	char path[] = "/tmp/erc-trace-XXXXXX", text[4096] = "", wanted[64];
	struct erc_tensor_info info;
	erc_request *request;
	size_t bytes;
	uint8_t *artifact = build_file("cpu:x86-64-v3", &bytes);
	erc_runtime *runtime = open_null();
	erc_model *model;
	erc_session *session;
	struct erc_session_options options = {.size = sizeof options, .name = names[_i][0]};
	int file = mkstemp(path);
	OK(erc_model_load_memory(runtime, artifact, bytes, NULL, &model));
	OK(erc_session_create(model, &options, &session));
	OK(erc_request_create(session, &request));
	for (uint32_t i = 0; i < 2; i++) {
		OK(erc_model_input_info(model, 0, i, &info));
		OK(erc_request_bind_input(request, i, memory, info.bytes));
	}
	OK(erc_request_bind_output(request, 0, memory, 8));
	OK(erc_trace_start(runtime, 100));
	OK(erc_request_run(request));
	OK(erc_request_destroy(request));
	erc_trace_stop(runtime);
	OK(erc_trace_write(runtime, path));
	ck_assert_int_gt(read(file, text, sizeof text - 1), 0);
	snprintf(wanted, sizeof wanted, "{\"name\":\"%s\"}", names[_i][1]);
	ck_assert_msg(strstr(text, wanted) != NULL, "%s is not in %s", wanted, text);
	close(file);
	unlink(path);
	OK(erc_session_destroy(session));
	OK(erc_model_unload(model));
	OK(erc_runtime_destroy(runtime));
	free(artifact);
}
END_TEST

START_TEST(parents_wait_for_children)
{
	size_t bytes;
	uint8_t *file = build_file("cpu:x86-64-v3", &bytes);
	erc_runtime *runtime = open_null();
	erc_model *model;
	erc_session *session;
	erc_request *request;
	OK(erc_model_load_memory(runtime, file, bytes, NULL, &model));
	OK(erc_session_create(model, NULL, &session));
	OK(erc_request_create(session, &request));
	FAILS(erc_runtime_destroy(runtime), ERC_BUSY, "1 model(s)");
	FAILS(erc_model_unload(model), ERC_BUSY, "1 session(s)");
	FAILS(erc_session_destroy(session), ERC_BUSY, "1 request(s)");
	OK(erc_request_destroy(request));
	OK(erc_session_destroy(session));
	OK(erc_model_unload(model));
	OK(erc_runtime_destroy(runtime));
	OK(erc_request_destroy(NULL));
	OK(erc_session_destroy(NULL));
	OK(erc_model_unload(NULL));
	OK(erc_runtime_destroy(NULL));
	erc_artifact_close(NULL);
	free(file);
}
END_TEST

START_TEST(models_describe_themselves)
{
	size_t bytes;
	uint8_t *file = build_file("cpu:x86-64-v3", &bytes);
	erc_runtime *runtime = open_null();
	struct erc_tensor_info info;
	struct erc_memory_info memory;
	erc_model *model;
	OK(erc_model_load_memory(runtime, file, bytes, NULL, &model));
	ck_assert_str_eq(erc_model_target(model), "cpu:x86-64-v3");
	ck_assert_uint_eq(erc_model_entry_count(model), 1);
	ck_assert_str_eq(erc_model_entry_name(model, 0), "main");
	ck_assert_ptr_null(erc_model_entry_name(model, 1));
	ck_assert_uint_eq(erc_model_input_count(model, 0), 2);
	ck_assert_uint_eq(erc_model_output_count(model, 0), 1);
	ck_assert_uint_eq(erc_model_input_count(model, 1), 0);
	OK(erc_model_input_info(model, 0, 0, &info));
	ck_assert_int_eq(info.dtype, ERC_F32);
	ck_assert_uint_eq(info.rank, 1);
	ck_assert_int_eq(info.dims[0], 4);
	ck_assert_uint_eq(info.bytes, 16);
	ck_assert_int_eq(info.runtime_dims, 0);
	OK(erc_model_output_info(model, 0, 0, &info));
	ck_assert_uint_eq(info.bytes, 8);
	FAILS(erc_model_input_info(model, 0, 2, &info), ERC_NOT_FOUND, "no input 2");
	FAILS(erc_model_output_info(model, 1, 0, &info), ERC_NOT_FOUND, "entry 1");
	OK(erc_model_memory(model, 0, &memory));
	ck_assert_uint_eq(memory.weights_bytes, 0);
	ck_assert_uint_eq(memory.code_bytes, 4);
	ck_assert_uint_eq(memory.arena_bytes, 12345);
	OK(erc_model_unload(model));
	OK(erc_runtime_destroy(runtime));
	free(file);
}
END_TEST

START_TEST(names_are_looked_up)
{
	size_t bytes;
	uint8_t *file = build_file("cpu:x86-64-v3", &bytes);
	erc_runtime *runtime = open_null();
	struct erc_session_options options = {.size = sizeof options, .entry = "batch=9"};
	erc_model *model;
	erc_session *session;
	OK(erc_model_load_memory(runtime, file, bytes, NULL, &model));
	FAILS(erc_session_create(model, &options, &session), ERC_NOT_FOUND,
	      "no entry point 'batch=9'; the first of 1 is 'main'");
	options.entry = "main";
	options.budget = "tiny";
	FAILS(erc_session_create(model, &options, &session), ERC_NOT_FOUND, "no budget 'tiny'");
	options.budget = "half";
	options.class_ = (enum erc_class)5;
	FAILS(erc_session_create(model, &options, &session), ERC_INVALID, "class 5");
	options.class_ = ERC_REAL_TIME;
	OK(erc_session_create(model, &options, &session));
	ck_assert_uint_eq(erc_session_entry(session), 0);
	OK(erc_session_destroy(session));
	OK(erc_model_unload(model));
	OK(erc_runtime_destroy(runtime));
	free(file);
}
END_TEST

START_TEST(binding_is_checked)
{
	uint8_t memory[64];
	size_t bytes;
	uint8_t *file = build_file("cpu:x86-64-v3", &bytes);
	erc_runtime *runtime = open_null();
	erc_model *model;
	erc_session *session;
	erc_request *request;
	OK(erc_model_load_memory(runtime, file, bytes, NULL, &model));
	OK(erc_session_create(model, NULL, &session));
	OK(erc_request_create(session, &request));
	FAILS(erc_request_wait(request, 0), ERC_INVALID, "not submitted");
	FAILS(erc_request_submit(request), ERC_INVALID, "input 0 'node' is not bound");
	FAILS(erc_request_bind_input(request, 0, memory, 15), ERC_INVALID, "15 bytes given, it has 16");
	FAILS(erc_request_bind_input(request, 0, NULL, 16), ERC_INVALID, "NULL");
	FAILS(erc_request_bind_input(request, 2, memory, 16), ERC_NOT_FOUND, "no input 2; there are 2");
	FAILS(erc_request_bind_output(request, 1, memory, 8), ERC_NOT_FOUND, "no output 1; there are 1");
	OK(erc_request_bind_input(request, 0, memory, 16));
	FAILS(erc_request_submit(request), ERC_INVALID, "input 1 'node' is not bound");
	OK(erc_request_bind_input(request, 1, memory, 4));
	FAILS(erc_request_submit(request), ERC_INVALID, "output 0 'node' is not bound");
	OK(erc_request_bind_output(request, 0, memory, 8));
	OK(erc_request_submit(request));
	FAILS(erc_request_submit(request), ERC_BUSY, "not waited for");
	OK(erc_request_wait(request, UINT64_MAX));
	FAILS(erc_request_wait(request, UINT64_MAX), ERC_INVALID, "not submitted");
	OK(erc_request_run(request));
	OK(erc_request_cancel(request));
	OK(erc_request_destroy(request));
	OK(erc_session_destroy(session));
	OK(erc_model_unload(model));
	OK(erc_runtime_destroy(runtime));
	free(file);
}
END_TEST

START_TEST(no_target_for_the_device)
{
	size_t bytes;
	uint8_t *file = build_file("cpu:pdp-11", &bytes);
	erc_runtime *runtime;
	erc_model *model;
	OK(erc_runtime_create(NULL, &runtime));
	FAILS(erc_model_load_memory(runtime, file, bytes, NULL, &model), ERC_NO_TARGET, "the artifact has cpu:pdp-11");
	ck_assert_ptr_nonnull(strstr(erc_error_detail(), erc_runtime_target(runtime)));
	struct erc_model_options options = {.size = sizeof options, .target = "cpu:vax"};
	FAILS(erc_model_load_memory(runtime, file, bytes, &options, &model), ERC_NO_TARGET,
	      "target cpu:vax: the artifact has cpu:pdp-11");
	FAILS(erc_model_load(runtime, "/no/such/file.erca", NULL, &model), ERC_IO, "/no/such/file.erca");
	OK(erc_runtime_destroy(runtime));
	free(file);
}
END_TEST

/* Of two targets, the one with the higher level is taken, or the other one by its name. */
START_TEST(best_target_is_taken)
{
	size_t bytes;
	struct test_model model;
	test_model_begin(&model, "low");
	BUILD_ADD(&model.build, TARGETS, struct erca_target, .name = build_text(&model.build, "high"),
	          .kind = ERCA_TARGET_SIM, .level = 9, .code_section = ERCA_NONE, .budget_count = 1);
	for (uint32_t i = 0; i < 2; i++) {
		struct erca_entry entry = {.name = model.node, .target = i};
		pool_add(&model.build.tables[ERC_TABLE_ENTRIES], &entry, sizeof entry);
	}
	uint8_t *file = test_model_finish(&model, "code", 4, &bytes);
	erc_runtime *runtime = open_null();
	erc_model *loaded;
	OK(erc_model_load_memory(runtime, file, bytes, NULL, &loaded));
	ck_assert_str_eq(erc_model_target(loaded), "high");
	OK(erc_model_unload(loaded));
	struct erc_model_options options = {.size = sizeof options, .target = "low"};
	OK(erc_model_load_memory(runtime, file, bytes, &options, &loaded));
	ck_assert_str_eq(erc_model_target(loaded), "low");
	ck_assert_uint_eq(erc_model_entry_count(loaded), 2); /* "main" is one of its entries too */
	OK(erc_model_unload(loaded));
	OK(erc_runtime_destroy(runtime));
	free(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("runtime");
	TCase *tcase = tcase_create("rules");
	tcase_add_test(tcase, texts);
	tcase_add_test(tcase, details_belong_to_threads);
	tcase_add_test(tcase, options_have_versions);
	tcase_add_test(tcase, runtime_options_are_checked);
	tcase_add_loop_test(tcase, names_in_traces_are_text, 0, 7);
	tcase_add_test(tcase, cpu_options);
	tcase_add_test(tcase, logs);
	tcase_add_test(tcase, parents_wait_for_children);
	tcase_add_test(tcase, models_describe_themselves);
	tcase_add_test(tcase, names_are_looked_up);
	tcase_add_test(tcase, binding_is_checked);
	tcase_add_test(tcase, no_target_for_the_device);
	tcase_add_test(tcase, best_target_is_taken);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
