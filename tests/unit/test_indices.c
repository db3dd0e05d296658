/* Indices that are known at run time only: every operator that reads positions, with every index in turn just inside, just
 * outside and far outside its dim. A run with one outside fails and names node, index and dim; or warns, if the session
 * says so. Results of legal runs do not depend on the check. */
#include <limits.h>
#include <unistd.h>

#include "compiler/include/ercc.h"
#include "runtime/include/erc.h"
#include "tests/unit/model_file.h"

#define SIZE 5 /* of the dims that are indexed */

/* s: x, as the first SIZE rows of twice as many; how many there are is known at run time only. */
#define SIZED \
	"const ramp:f32[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}\nconst size:f32[] = {5}\nconst zero:f32[] = {0}\n" \
	"most = ReduceMax(x) {keepdims=0}\nnone = Mul(most, zero)\nat = Add(none, size)\nused = Less(ramp, at)\n" \
	"t = Concat(x, x) {axis=0}\ns = Compress(t, used) {axis=0}\n"

/* `i` are the indices, all of which are for dims of SIZE. */
static const struct {
	const char *name, *text;
} operators[] = {
	{"Gather", "y = Gather(x, i) {axis=1} \"node\"\n"},
	{"GatherElements", "y = GatherElements(x, i) {axis=1} \"node\"\n"},
	{"GatherND", "y = GatherND(x, i) \"node\"\n"},
	{"ScatterElements", "y = ScatterElements(x, i, u) {axis=1} \"node\"\n"},
	{"ScatterElements add", "y = ScatterElements(x, i, u) {axis=0, reduction=\"add\"} \"node\"\n"},
	{"ScatterND", "y = ScatterND(x, i, v) \"node\"\n"},
	{"Gather along a run-time size", SIZED "y = Gather(s, i) {axis=0} \"node\"\n"},
	{"GatherND into a run-time size", SIZED "y = GatherND(s, i) \"node\"\n"},
};
static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};
static const int64_t values[] = {0,         1,         SIZE - 1,  -1,        -SIZE,     SIZE,     SIZE + 1,
                                 -SIZE - 1, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1L << 40, 1000};
enum { INDICES = 4 }; /* 2 x 2 */

static char logged[512];

static void keep_log(void *user, enum erc_log_level level, const char *message)
{
	(void)user;
	if (level == ERC_LOG_WARNING)
		snprintf(logged, sizeof logged, "%s", message);
}

static const char *compile(const char *node, const char *dtype, const char *target)
{
	const char *model = arena_printf(&test.ctx.arena, "/tmp/erc-indices-%d.onnx", (int)getpid()),
			   *artifact = arena_printf(&test.ctx.arena, "/tmp/erc-indices-%d.erca", (int)getpid());
	const struct ercc_options options = {.size = sizeof options,
	                                     .message = keep_message,
	                                     .targets = &target,
	                                     .target_count = 1};
	const char *text = arena_printf(&test.ctx.arena,
	                                "input x:f32[5x5]\ninput i:%s[2x2]\n"
	                                "const u:f32[2x2] = splat{0.5}\nconst v:f32[2] = splat{0.5}\n%soutput y\n",
	                                dtype, node);
	write_model(model, text);
	ck_assert_msg(ercc_compile(model, artifact, &options) == ERCC_OK, "%s: %s", text, test.errors);
	unlink(model);
	return artifact;
}

/* A model on a device, with a session that refuses and one that clamps. */
static struct bed {
	erc_runtime *runtime;
	erc_model *model;
	erc_session *sessions[2];
	erc_request *requests[2];
	bool is_i32;
	float x[SIZE * SIZE], y[SIZE * SIZE * 2];
	int64_t wide[INDICES];
	int32_t narrow[INDICES];
} bed;

#define OK(call) ck_assert_msg((call) == ERC_OK, "%s", erc_error_detail())

/* Returns false where the target does not run. */
static bool open_bed(const char *artifact, const char *target)
{
	const struct erc_runtime_options options = {.size = sizeof options, .units = 2, .log = keep_log};
	const struct erc_model_options model_options = {.size = sizeof model_options, .target = target};
	const struct erc_session_options clamping = {.size = sizeof clamping, .clamp_indices = 1};
	struct erc_tensor_info info;
	OK(erc_runtime_create(&options, &bed.runtime));
	enum erc_status status = erc_model_load(bed.runtime, artifact, &model_options, &bed.model);
	unlink(artifact);
	if (status == ERC_NO_TARGET) {
		erc_runtime_destroy(bed.runtime);
		return false;
	}
	OK(status);
	OK(erc_model_output_info(bed.model, 0, 0, &info));
	ck_assert_uint_le(info.bytes, sizeof bed.y);
	for (int s = 0; s < 2; s++) {
		OK(erc_session_create(bed.model, s ? &clamping : NULL, &bed.sessions[s]));
		OK(erc_request_create(bed.sessions[s], &bed.requests[s]));
		OK(erc_request_bind_input(bed.requests[s], 0, bed.x, sizeof bed.x));
		if (bed.is_i32)
			OK(erc_request_bind_input(bed.requests[s], 1, bed.narrow, sizeof bed.narrow));
		else
			OK(erc_request_bind_input(bed.requests[s], 1, bed.wide, sizeof bed.wide));
		OK(erc_request_bind_output(bed.requests[s], 0, bed.y, info.bytes));
	}
	return true;
}

static void close_bed(void)
{
	for (int s = 0; s < 2; s++) {
		OK(erc_request_destroy(bed.requests[s]));
		OK(erc_session_destroy(bed.sessions[s]));
	}
	OK(erc_model_unload(bed.model));
	OK(erc_runtime_destroy(bed.runtime));
}

/* Runs in both sessions with index `at` set to the value, and the others legal. Returns whether it is legal. */
static bool try_index(const char *what, int at, int64_t value)
{
	bool inside = value >= -SIZE && value < SIZE;
	char words[128];
	snprintf(words, sizeof words, "node 'node': index %lld is outside a dimension of %d", (long long)value, SIZE);
	for (int k = 0; k < INDICES; k++) {
		bed.wide[k] = k == at ? value : k % SIZE;
		bed.narrow[k] = (int32_t)bed.wide[k];
	}
	for (int s = 0; s < 2; s++) {
		*logged = 0;
		enum erc_status status = erc_request_run(bed.requests[s]);
		ck_assert_msg(status == (inside || s ? ERC_OK : ERC_INDEX), "%s, index %lld: %s", what, (long long)value,
		              erc_status_text(status));
		const char *said = s ? logged : erc_error_detail();
		if (!inside && value != INT64_MAX) /* INT64_MAX + 1 is no number */
			ck_assert_msg(strstr(said, words) != NULL, "'%s' is not in: %s", words, said);
	}
	return inside;
}

START_TEST(an_index_outside_is_an_error)
{
	const char *target = targets[_i % 3], *name = operators[_i / 3].name;
	int legal = 0, all = 0;
	for (int is_i32 = 0; is_i32 < (strstr(name, "ND") ? 1 : 2); is_i32++) { /* GatherND and ScatterND take i64 only */
		bed.is_i32 = is_i32;
		if (!open_bed(compile(operators[_i / 3].text, is_i32 ? "i32" : "i64", target), target)) {
			printf("skipped: indices: %s on %s, which this machine does not run\n", name, target);
			return;
		}
		for (int at = 0; at < INDICES; at++)
			for (size_t v = 0; v < COUNT_OF(values); v++, all++)
				legal += try_index(name, at, is_i32 ? (int32_t)values[v] : values[v]);
		close_bed();
	}
	printf("%s on %s: %d legal runs, %d refused\n", name, target, legal, all - legal);
	ck_assert_int_gt(legal, 0);
	ck_assert_int_gt(all - legal, 0);
}
END_TEST

/* Constant ones are found by the compiler. */
START_TEST(a_constant_index_outside_is_refused)
{
	static const char *const models[] = {
		"const i:i64[2x2] = {0, 1, 5, 0}\ny = Gather(x, i) {axis=1} \"node\"\n",
		"const i:i64[2x2] = {0, 1, -6, 0}\ny = GatherElements(x, i) {axis=1} \"node\"\n",
		"const i:i64[2x2] = {0, 5, 0, 0}\ny = GatherND(x, i) \"node\"\n",
		"const i:i64[2x2] = {0, 1, 7, 0}\nconst u:f32[2x2] = splat{1}\ny = ScatterElements(x, i, u) \"node\"\n",
		"const i:i64[2x2] = {0, 1, 0, 5}\nconst v:f32[2] = splat{1}\ny = ScatterND(x, i, v) \"node\"\n",
	};
	static const char *const target = "sim:h100";
	const struct ercc_options options = {.size = sizeof options,
	                                     .message = keep_message,
	                                     .targets = &target,
	                                     .target_count = 1};
	char path[] = "/tmp/erc-indices-XXXXXX";
	close(mkstemp(path));
	write_model(path, arena_printf(&test.ctx.arena, "input x:f32[5x5]\n%soutput y\n", models[_i]));
	ck_assert_int_eq((int)ercc_compile(path, "/dev/null/none", &options), (int)ERCC_MODEL);
	ck_assert_msg(strstr(test.errors, "node 'node'") && strstr(test.errors, "of 5"), "%s", test.errors);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("indices");
	TCase *tcase = tcase_create("at run time");
	tcase_add_checked_fixture(tcase, fixture_start, fixture_stop);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, an_index_outside_is_an_error, 0, 3 * (int)COUNT_OF(operators));
	tcase_add_loop_test(tcase, a_constant_index_outside_is_refused, 0, 5);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
