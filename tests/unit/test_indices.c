/* Indices that are known at run time only: every operator that reads positions or lengths, with every index in turn just
 * inside, just outside and far outside its dim. A run with one outside fails and names node, index and dim; or warns, if the
 * session says so. Results of legal runs do not depend on the check. */
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

/* n: a number up to `most` that is known at run time only. */
#define NUMBER(n, most) \
	"const ramp:f32[" #most "] = {" most_##most \
		"}\nconst set:f32[] = {" #n "}\nconst zero:f32[] = {0}\n" \
		"high = ReduceMax(x) {keepdims=0}\nnone = Mul(high, zero)\nat = Add(none, set)\nused = Less(ramp, at)\n" \
		"some = Compress(ramp, used)\nn = Shape(some)\nconst first:i64[1] = {0}\n"
#define most_2 "0, 1"
#define most_4 "0, 1, 2, 3"
/* j: all indices in one dim */
#define LIST "const flat:i64[1] = {-1}\nj = Reshape(i, flat)\n"

/* Scores of 4 samples in SIZE classes. */
#define SCORES \
	LIST "const from:i64[1] = {0}\nconst to:i64[1] = {4}\nconst rows:i64[1] = {0}\nscores = Slice(x, from, to, " \
		 "rows)\n"

#define REGIONS LIST "const image:i64[4] = {5, 1, 1, 5}\nm = Reshape(x, image)\nconst all:f32[4x4] = splat{1}\n"
#define RECURRENT(op, gates) \
	LIST "const x3:f32[5x4x1] = splat{0.5}\nconst w:f32[1x" #gates "x1] = splat{0.5}\nconst r:f32[1x" #gates \
		 "x1] = splat{0.5}\n" \
		 "y, h = " op "(x3, w, r, _, j)"

enum { I64 = 1, I32 = 2, BOTH = 3 };

/* `i` are the indices: 2 x 2, or what becomes of them. */
static const struct {
	const char *name, *text;
	int dtypes;
	int low, size; /* from low to size - 1 is legal */
	int unused; /* bits of the indices that the operator must not look at, as their number is known at run time only */
	int opset;
} operators[] = {
	{"Gather", "y = Gather(x, i) {axis=1} \"node\"\n", BOTH, -SIZE, SIZE, 0, 17},
	{"GatherElements", "y = GatherElements(x, i) {axis=1} \"node\"\n", BOTH, -SIZE, SIZE, 0, 17},
	{"GatherND", "y = GatherND(x, i) \"node\"\n", I64, -SIZE, SIZE, 0, 17},
	{"ScatterElements", "y = ScatterElements(x, i, u) {axis=1} \"node\"\n", BOTH, -SIZE, SIZE, 0, 17},
	{"ScatterElements add", "y = ScatterElements(x, i, u) {axis=0, reduction=\"add\"} \"node\"\n", BOTH, -SIZE, SIZE, 0,
     17},
	{"ScatterND", "y = ScatterND(x, i, v) \"node\"\n", I64, -SIZE, SIZE, 0, 17},
	{"Gather along a run-time size", SIZED "y = Gather(s, i) {axis=0} \"node\"\n", BOTH, -SIZE, SIZE, 0, 17},
	{"ScatterND into a run-time size", SIZED "y = ScatterND(s, i, v) \"node\"\n", I64, -SIZE, SIZE, 0, 17},
	{"GatherND into a run-time size", SIZED "y = GatherND(s, i) \"node\"\n", I64, -SIZE, SIZE, 0, 17},
	{"Gather with 2 of 4 indices", NUMBER(2, 4) LIST "k = Slice(j, first, n)\ny = Gather(x, k) {axis=1} \"node\"\n",
     BOTH, -SIZE, SIZE, 12, 17},
	{"Gather with 4 of 4 indices", NUMBER(4, 4) LIST "k = Slice(j, first, n)\ny = Gather(x, k) {axis=0} \"node\"\n",
     BOTH, -SIZE, SIZE, 0, 17},
	{"Gather with 1 of 2 columns of indices",
     NUMBER(1, 2) "const last:i64[1] = {1}\nk = Slice(i, first, n, last)\ny = Gather(x, k) {axis=0} \"node\"\n", BOTH,
     -SIZE, SIZE, 10, 17},
	{"GatherND with 1 of 2 tuples", NUMBER(1, 2) "k = Slice(i, first, n)\ny = GatherND(x, k) \"node\"\n", I64, -SIZE,
     SIZE, 12, 17},
	{"ScatterND with 1 of 2 tuples",
     NUMBER(1, 2) "k = Slice(i, first, n)\nw = Slice(v, first, n)\ny = ScatterND(x, k, w) \"node\"\n", I64, -SIZE, SIZE,
     12, 17},
	{"RoiAlign", REGIONS "y = RoiAlign(m, all, j) \"node\"\n", I64, 0, SIZE, 0, 17},
	{"RoiAlign of opset 10", REGIONS "y = RoiAlign(m, all, j) {mode=\"max\"} \"node\"\n", I64, 0, SIZE, 0, 10},
	{"RoiAlign with 2 of 4 regions",
     NUMBER(2, 4) REGIONS "k = Slice(j, first, n)\nr = Slice(all, first, n)\ny = RoiAlign(m, r, k) \"node\"\n", I64, 0,
     SIZE, 12, 17},
	{"NegativeLogLikelihoodLoss", SCORES "y = NegativeLogLikelihoodLoss(scores, j) \"node\"\n", BOTH, 0, SIZE, 0, 17},
	{"NegativeLogLikelihoodLoss with weights and a class to ignore",
     SCORES "const w:f32[5] = splat{0.5}\ny = NegativeLogLikelihoodLoss(scores, j, w) {ignore_index=-1} \"node\"\n",
     BOTH, -1, SIZE, 0, 17},
	{"SoftmaxCrossEntropyLoss", SCORES "y = SoftmaxCrossEntropyLoss(scores, j) {reduction=\"none\"} \"node\"\n", BOTH,
     0, SIZE, 0, 17},
	{"MaxUnpool",
     "const line:i64[4] = {1, 1, 1, 4}\nj = Reshape(i, line)\nconst p:f32[1x1x1x4] = splat{1}\n"
     "y = MaxUnpool(p, j) {kernel_shape=[1, 2]} \"node\"\n",
     I64, 0, SIZE, 0, 17},
	{"TensorScatter",
     LIST "const cache:f32[4x5x1] = splat{1}\nconst w:f32[4x1x1] = splat{2}\ny = TensorScatter(cache, w, j) \"node\"\n",
     I64, 0, SIZE, 0, 24},
	{"RotaryEmbedding",
     "const column:i64[2] = {25, 1}\nconst five:i64[1] = {5}\nconst from:i64[1] = {0}\nl = Reshape(x, column)\n"
     "c = Slice(l, from, five)\nconst q:f32[2x1x2x2] = splat{1}\ny = RotaryEmbedding(q, c, c, i) \"node\"\n",
     I64, 0, SIZE, 0, 23},
	{"ReverseSequence",
     LIST "const from:i64[1] = {0}\nconst to:i64[1] = {4}\nconst axis:i64[1] = {1}\nt = Slice(x, from, to, axis)\n"
          "y = ReverseSequence(t, j) \"node\"\n",
     I64, 0, SIZE + 1, 0, 17},
	{"TopK",
     LIST "const one:i64[1] = {1}\nconst first:i64[1] = {0}\nk = Slice(j, first, one)\n"
          "const row:i64[1] = {25}\nt = Reshape(x, row)\nconst five:i64[1] = {5}\nq = Slice(t, first, five)\n"
          "y, p = TopK(q, k) \"node\"\n",
     I64, 0, SIZE + 1, 14, 17},
	{"RNN", RECURRENT("RNN", 1) " {hidden_size=1} \"node\"\n", I32, 0, SIZE + 1, 0, 17},
	{"GRU", RECURRENT("GRU", 3) " {hidden_size=1, direction=\"reverse\"} \"node\"\n", I32, 0, SIZE + 1, 0, 17},
	{"LSTM", RECURRENT("LSTM", 4) " {hidden_size=1} \"node\"\n", I32, 0, SIZE + 1, 0, 17},
	{"Attention",
     LIST
     "const q:f32[4x1x1x2] = splat{1}\nconst k:f32[4x1x5x2] = splat{1}\ny = Attention(q, k, k, _, _, _, j) \"node\"\n",
     I64, 0, SIZE + 1, 0, 24},
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

static const char *compile(const char *node, int opset, const char *dtype, const char *target)
{
	const char *model = arena_printf(&test.ctx.arena, "/tmp/erc-indices-%d.onnx", (int)getpid()),
			   *artifact = arena_printf(&test.ctx.arena, "/tmp/erc-indices-%d.erca", (int)getpid());
	const struct ercc_options options = {.size = sizeof options,
	                                     .message = keep_message,
	                                     .targets = &target,
	                                     .target_count = 1};
	const char *text = arena_printf(&test.ctx.arena,
	                                "graph \"g\" opset=%d\ninput x:f32[5x5]\ninput i:%s[2x2]\n"
	                                "const u:f32[2x2] = splat{0.5}\nconst v:f32[2] = splat{0.5}\n%soutput y\n",
	                                opset, dtype, node);
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
	_Alignas(64) float x[SIZE * SIZE]; /* as GPU kernels expect it */
	_Alignas(64) float y[SIZE * SIZE * 2];
	_Alignas(64) int64_t wide[INDICES];
	_Alignas(64) int32_t narrow[INDICES];
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
static bool try_index(int op, int at, int64_t value)
{
	int low = operators[op].low, size = operators[op].size;
	bool inside = (value >= low && value < size) || operators[op].unused >> at & 1;
	char words[128];
	snprintf(words, sizeof words, "node 'node': index %lld is outside a dimension of %d", (long long)value, size);
	for (int k = 0; k < INDICES; k++) {
		bed.wide[k] = k == at ? value : k % SIZE;
		bed.narrow[k] = (int32_t)bed.wide[k];
	}
	for (int s = 0; s < 2; s++) {
		*logged = 0;
		enum erc_status status = erc_request_run(bed.requests[s]);
		ck_assert_msg(status == (inside || s ? ERC_OK : ERC_INDEX), "%s, index %d is %lld: %s", operators[op].name, at,
		              (long long)value, erc_status_text(status));
		const char *said = s ? logged : erc_error_detail();
		ck_assert_msg(inside ? !s || !*said : strstr(said, words) != NULL, "'%s' is not in: %s", words, said);
	}
	return inside;
}

START_TEST(an_index_outside_is_an_error)
{
	const char *target = targets[_i % 3], *name = operators[_i / 3].name;
	int legal = 0, all = 0, op = _i / 3;
	for (int is_i32 = 0; is_i32 < 2; is_i32++) {
		if (!(operators[op].dtypes >> is_i32 & 1))
			continue;
		bed.is_i32 = is_i32;
		if (!open_bed(compile(operators[op].text, operators[op].opset, is_i32 ? "i32" : "i64", target), target)) {
			printf("skipped: indices: %s on %s, which this machine does not run\n", name, target);
			return;
		}
		for (int at = 0; at < INDICES; at++)
			for (size_t v = 0; v < COUNT_OF(values); v++, all++)
				legal += try_index(op, at, is_i32 ? (int32_t)values[v] : values[v]);
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
		"const i:i64[4] = {0, 1, 5, 2}\nconst b:i64[4] = {5, 1, 1, 5}\nm = Reshape(x, b)\nconst r:f32[4x4] = splat{1}\n"
		"y = RoiAlign(m, r, i) \"node\"\n",
		"const i:i64[5] = {0, 1, -1, 2, 0}\ny = NegativeLogLikelihoodLoss(x, i) \"node\"\n",
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

/* s and t: i[0] and i[1] rows of x. */
#define TWO \
	LIST "const ramp:i64[5] = {0, 1, 2, 3, 4}\nconst zero:i64[1] = {0}\nconst one:i64[1] = {1}\nconst two:i64[1] = " \
		 "{2}\n" \
		 "p = Slice(j, zero, one)\nq = Slice(j, one, two)\nup = Less(ramp, p)\nuq = Less(ramp, q)\n" \
		 "s = Compress(x, up) {axis=0}\nt = Compress(x, uq) {axis=0}\n"

/* Dims that must be equal, but are known at run time only. known: the number that that of s must be; 0: that of t. */
static const struct {
	const char *text;
	int known;
	bool later; /* that of s is named second */
} equals[] = {
	{TWO "y = Add(s, t) \"node\"\n", 0, false},
	{TWO "g = Less(s, t) \"node\"\nn = Not(g)\ny = Cast(n) {to=1}\n", 0, false},
	{TWO "y = Max(s, s, t) \"node\"\n", 0, false},
	{TWO "y = Concat(s, t) {axis=1} \"node\"\n", 0, false},
	{TWO "const c:f32[3x5] = splat{2}\ny = Div(s, c) \"node\"\n", 3, false},
	{TWO "const c:f32[3x2] = splat{2}\ny = Concat(c, s) {axis=1} \"node\"\n", 3, true},
	{TWO "const k:i64[2] = {1, 2}\ny, z = Split(s, k) {axis=0} \"node\"\n", 3, false},
	{TWO "k = Shape(q)\nn = NonZero(uq)\ni2 = Transpose(n)\ny = ScatterND(x, i2, s) \"node\"\n", 0, true},
};

START_TEST(sizes_that_differ_are_an_error)
{
	const char *target = targets[_i % 3], *text = equals[_i / 3].text;
	int known = equals[_i / 3].known;
	bed.is_i32 = false;
	if (!open_bed(compile(text, 17, "i64", target), target)) {
		printf("skipped: sizes on %s, which this machine does not run\n", target);
		return;
	}
	for (int64_t n = 0; n < 36; n++) {
		int64_t a = n / 6, b = n % 6, wanted = known ? known : b;
		char words[128];
		bed.wide[0] = a, bed.wide[1] = b;
		snprintf(words, sizeof words, "node 'node': dimensions of %lld and %lld, known at run time only, must be equal",
		         (long long)(equals[_i / 3].later ? wanted : a), (long long)(equals[_i / 3].later ? a : wanted));
		for (int s = 0; s < 2; s++) {
			*logged = 0;
			enum erc_status status = erc_request_run(bed.requests[s]);
			ck_assert_msg(status == (a == wanted || s ? ERC_OK : ERC_INDEX), "%s%lld and %lld: %s", text, (long long)a,
			              (long long)b, erc_status_text(status));
			const char *said = s ? logged : erc_error_detail();
			ck_assert_msg(a == wanted ? !s || !*said : strstr(said, words) != NULL, "'%s' is not in: %s", words, said);
		}
	}
	close_bed();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("indices");
	TCase *tcase = tcase_create("at run time");
	tcase_add_checked_fixture(tcase, fixture_start, fixture_stop);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, an_index_outside_is_an_error, 0, 3 * (int)COUNT_OF(operators));
	tcase_add_loop_test(tcase, sizes_that_differ_are_an_error, 0, 3 * (int)COUNT_OF(equals));
	tcase_add_loop_test(tcase, a_constant_index_outside_is_refused, 0, 7);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
