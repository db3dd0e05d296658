/* Hostile models through ercc_compile: each is rejected with the node and the operator named, or compiled; none
 * causes a crash. A model is written here as graph text and stored as an ONNX file. */
#include <unistd.h>

#include "compiler/include/ercc.h"
#include "tests/unit/model_file.h"

static char folder[] = "/tmp/erc-compile-XXXXXX";
static char model_path[64], artifact_path[64];

static enum ercc_status compile_text(const char *text)
{
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .cache_dir = "",
	                               .targets = (const char *const[]){"cpu:x86-64-v3"},
	                               .target_count = 1};
	write_model(model_path, text);
	unlink(artifact_path);
	return ercc_compile(model_path, artifact_path, &options);
}

static const struct {
	const char *text, *words; /* words NULL: compiles */
} cases[] = {
#include "tests/unit/compile_cases.h"
#include "tests/unit/compile_cases_ops.h"
#include "tests/unit/compile_cases_shapes.h"
#include "tests/unit/compile_cases_sizes.h"
};

START_TEST(model_is_refused_by_name_or_compiles)
{
	const char *words = cases[_i].words;
	enum ercc_status status = compile_text(cases[_i].text);
	if (words) {
		ck_assert_msg(status == ERCC_MODEL || status == ERCC_UNSUPPORTED, "%s: %s: %s", cases[_i].text,
		              ercc_status_text(status), test.errors);
		ck_assert_msg(strstr(test.errors, words), "%sexpected '%s' in: %s", cases[_i].text, words, test.errors);
		ck_assert_int_ne(access(artifact_path, F_OK), 0);
	} else {
		ck_assert_msg(status == ERCC_OK, "%s: %s: %s", cases[_i].text, ercc_status_text(status), test.errors);
		ck_assert_int_eq(unlink(artifact_path), 0);
	}
}
END_TEST

/* Compiles with this declaration of the output. */
static enum ercc_status compile_declared(enum erc_dtype dtype, int64_t dim)
{
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .cache_dir = "",
	                               .targets = (const char *const[]){"sim:h100"},
	                               .target_count = 1};
	onnx_model *model = export_text("input x:f32[2x3]\ny = Relu(x)\noutput y\n");
	*test.errors = *test.notes = 0;
	model->graph->output[0] =
		build_info(&test.ctx.arena, model->graph->output[0]->name, dtype, 2, (int64_t[]){2, dim}, NULL);
	write_model_file(model_path, model);
	return ercc_compile(model_path, artifact_path, &options);
}

START_TEST(outputs_are_compared_with_their_declarations)
{
	ck_assert_int_eq(compile_declared(ERC_F32, 3), ERCC_OK);
	ck_assert_int_eq(compile_declared(ERC_F32, -1), ERCC_OK);
	ck_assert_ptr_null(strstr(test.notes, "declared"));
	ck_assert_int_eq(compile_declared(ERC_I32, 3), ERCC_MODEL);
	ck_assert_msg(strstr(test.errors, "output 'y' is declared as i32, but its nodes give f32"), "%s", test.errors);
	ck_assert_int_eq(compile_declared(ERC_F32, 4), ERCC_OK);
	ck_assert_msg(strstr(test.notes, "output 'y' is declared as [2x4], but its nodes give [2x3]"), "%s", test.notes);
	unlink(artifact_path);
}
END_TEST

/* Nodes that fail for their own reasons are reported together; nodes that depend on them are not. */
START_TEST(all_failures_are_reported_at_once)
{
	enum ercc_status status = compile_text("input x:f32[1x4x5x5]\n"
	                                       "const w:f32[4x4x3] = splat{1}\n"
	                                       "a = Conv(x, w) \"one\"\n"
	                                       "b = Relu(a) \"behind\"\n"
	                                       "c = Transpose(x) {perm=[0, 1]} \"two\"\n"
	                                       "d = Add(x, x) \"good\"\n"
	                                       "e = Add(b, d) \"behind_too\"\n"
	                                       "f = Flatten(x) {axis=9} \"three\"\n"
	                                       "output c\noutput e\noutput f\n");
	ck_assert_int_ne(status, ERCC_OK);
	ck_assert_msg(strstr(test.errors, "node 'one' (Conv") && strstr(test.errors, "node 'two' (Transpose") &&
	                  strstr(test.errors, "node 'three' (Flatten"),
	              "%s", test.errors);
	ck_assert_msg(!strstr(test.errors, "behind") && !strstr(test.errors, "good"), "%s", test.errors);
}
END_TEST

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	snprintf(artifact_path, sizeof artifact_path, "%s/model.erca", folder);
	Suite *suite = suite_create("compile");
	TCase *hostile = tcase_create("hostile models");
	tcase_add_checked_fixture(hostile, fixture_start, fixture_stop);
	tcase_add_loop_test(hostile, model_is_refused_by_name_or_compiles, 0, (int)COUNT_OF(cases));
	tcase_add_test(hostile, all_failures_are_reported_at_once);
	tcase_add_test(hostile, outputs_are_compared_with_their_declarations);
	suite_add_tcase(suite, hostile);
	int failed = run_suite(suite);
	unlink(model_path), unlink(artifact_path), rmdir(folder);
	return failed;
}
