/* ONNX models that were changed by what the format knows: attributes, types, names, functions, nested graphs and so on.
 * Each is refused with a message that says where, or compiles to an artifact that loads and runs. MUTANTS=5000 tries that
 * many; FIRST=N begins with mutant N, and KEEP=FILE stores the last one there. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/include/ercc.h"
#include "runtime/include/erc.h"
#include "tests/mutants/graph_mutations.h"
#include "tests/mutants/node_mutations.h"
#include "tests/ops/examples.h"

#define BATCH 25
#define FILE_BYTES ((size_t)1 << 17)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SECONDS 60
#else
#define SECONDS 10
#endif
#define MEMORY_BYTES (UINT64_C(1) << 30)
#define RUN_BYTES ((size_t)64 << 20) /* models that need more memory are not run */

static const struct mutation mutations[] = {NODE_MUTATIONS, GRAPH_MUTATIONS};

/* Models of several nodes, beside the examples of single operators. */
static const char *const files[] = {
	"tests/fuzz/corpus/fuzz_onnx/conv.onnx",  "tests/fuzz/corpus/fuzz_onnx/function.onnx",
	"tests/fuzz/corpus/fuzz_onnx/if.onnx",    "tests/fuzz/corpus/fuzz_onnx/loop.onnx",
	"tests/fuzz/corpus/fuzz_onnx/types.onnx", "samples/digits/digits.onnx",
};

static const char *const texts[] = {
	"graph \"g\" ir=10 opset=17\n"
	"input x:f32[2x3x9x9]\n"
	"const w:f32[8x3x3x3] = splat{0.1}\n"
	"const b:f32[8] = splat{0.5}\n"
	"const s:i64[2] = {2, -1}\n"
	"a = Conv(x, w, b) {pads=[1, 1, 1, 1]} \"a\"\n"
	"c = Relu(a) \"c\"\n"
	"d = MaxPool(c) {kernel_shape=[2, 2], strides=[2, 2]} \"d\"\n"
	"e = Reshape(d, s) \"e\"\n"
	"f = Softmax(e) {axis=1} \"f\"\n"
	"y = ReduceMean(f) {keepdims=0} \"y\"\n"
	"output y\noutput f\n",
	"graph \"g\" ir=10 opset=17\n"
	"input x:f32[6x9]\n"
	"input j:i64[3x2]\n"
	"n = NonZero(x) \"n\"\n"
	"t = Transpose(n) {perm=[1, 0]} \"t\"\n"
	"g = GatherND(x, t) \"g\"\n"
	"s = Shape(x) \"s\"\n"
	"e = Expand(j, s) \"e\"\n"
	"h = Gather(x, j) {axis=1} \"h\"\n"
	"k = Cast(h) {to=10} \"k\"\n"
	"output t\noutput g\noutput k\n",
};

/* Shared with the children. */
static struct tally {
	uint32_t number;     /* of the mutant under way */
	char mutation[256];  /* what was done to it */
	uint32_t status[16]; /* mutants by the status of ercc_compile */
	uint32_t ran;        /* artifacts that ran */
	uint32_t too_large;  /* artifacts that were not run */
	uint32_t applied[COUNT_OF(mutations)];
	char complaint[1024]; /* what is wrong with the mutant */
} * tally;

static char folder[] = "/tmp/erc-models-XXXXXX";
static char model_path[64], artifact_path[64];

/* ---- the models ---- */

static onnx_model *read_model_file(const char *path)
{
	uint8_t *data = arena_alloc(&test.ctx.arena, FILE_BYTES);
	FILE *file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s cannot be read: tests run in the top folder", path);
	size_t bytes = fread(data, 1, FILE_BYTES, file);
	fclose(file);
	onnx_model *model = (onnx_model *)protobuf_c_message_unpack(&erc__onnx__model_proto__descriptor, NULL, bytes, data);
	ck_assert_ptr_nonnull(model); /* ends with the process */
	return model;
}

static onnx_model *base_model(void)
{
	uint32_t which = any(8);
	if (which == 0)
		return read_model_file(ANY_OF(files));
	return export_text(which < 3 ? ANY_OF(texts) : examples[any((size_t)example_count)].text);
}

/* Mutant `number`. The first mutation of it is tried in turn, so that there are as many of each. */
static onnx_model *make_mutant(uint32_t number)
{
	state = number * UINT64_C(0x9e3779b97f4a7c15);
	any(2);
	onnx_model *model = base_model();
	tally->mutation[0] = '\0';
	for (uint32_t left = any(3) ? 1 : 2, which = number; left; which++) {
		const struct mutation *mutation = &mutations[which % COUNT_OF(mutations)];
		if (!mutation->apply(model))
			continue;
		size_t used = strlen(tally->mutation);
		snprintf(tally->mutation + used, sizeof tally->mutation - used, "%s%s", used ? ", " : "", mutation->name);
		tally->applied[which % COUNT_OF(mutations)]++;
		which = any(COUNT_OF(mutations));
		left--;
	}
	return model;
}

/* ---- judging ---- */

static void complain(const char *what, const char *detail)
{
	if (!tally->complaint[0])
		snprintf(tally->complaint, sizeof tally->complaint, "%s: %.600s", what, detail);
}

/* Whether the message is one line that says where the fault is. */
static void check_message(const char *text)
{
	static const char *const places[] = {"node '",   "nodes '",       "input '",       "input ",
	                                     "output '", "initializer '", "initializers ", "function '",
	                                     "graph '",  "model: ",       "file '"};
	bool found = false;
	for (size_t i = 0; i < COUNT_OF(places); i++)
		found |= !strncmp(text, places[i], strlen(places[i]));
	if (!found)
		complain("the message names no place", text);
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			complain("the message has control characters", text);
}

static uint32_t error_count;

static void judge_message(void *user, enum ercc_message_kind kind, const char *message, uint32_t done, uint32_t total)
{
	(void)user, (void)done, (void)total;
	error_count += kind == ERCC_MESSAGE_ERROR;
	if (kind == ERCC_MESSAGE_ERROR)
		check_message(message);
}

/* Small values that are legal for every type; indices are below the smallest dims. */
static void *legal_values(const struct erc_tensor_info *info)
{
	size_t step = erc_dtype_bytes(info->dtype) ? erc_dtype_bytes(info->dtype) : 1;
	uint8_t *data = calloc(1, info->bytes + 1);
	for (size_t at = 0; data && at + step <= info->bytes; at += step)
		if (info->dtype == ERC_F32)
			memcpy(data + at, &(float){(float)any(2048) / 1024 - 1}, step);
		else if (info->dtype != ERC_F64 && info->dtype != ERC_F16 && info->dtype != ERC_BF16)
			data[at] = (uint8_t)any(2);
	return data;
}

static enum erc_status run_request(erc_model *model, erc_request *request, void **memory)
{
	struct erc_tensor_info info;
	uint32_t used = 0;
	enum erc_status status = ERC_OK;
	for (uint32_t i = 0; !status && i < erc_model_input_count(model, 0); i++) {
		erc_model_input_info(model, 0, i, &info);
		memory[used] = legal_values(&info);
		status = erc_request_bind_input(request, i, memory[used++], info.bytes);
	}
	for (uint32_t i = 0; !status && i < erc_model_output_count(model, 0); i++) {
		erc_model_output_info(model, 0, i, &info);
		memory[used] = calloc(1, info.bytes + 1);
		status = erc_request_bind_output(request, i, memory[used++], info.bytes);
	}
	return status ? status : erc_request_run(request);
}

static size_t tensor_total(const erc_model *model)
{
	struct erc_tensor_info info;
	struct erc_memory_info memory;
	size_t bytes = erc_model_memory(model, 0, &memory) ? 0 : memory.arena_bytes;
	for (uint32_t i = 0; i < erc_model_input_count(model, 0); i++)
		bytes += erc_model_input_info(model, 0, i, &info) ? 0 : info.bytes;
	for (uint32_t i = 0; i < erc_model_output_count(model, 0); i++)
		bytes += erc_model_output_info(model, 0, i, &info) ? 0 : info.bytes;
	return bytes;
}

static void run_artifact(erc_runtime *runtime)
{
	erc_model *model;
	erc_session *session = NULL;
	erc_request *request = NULL;
	if (erc_model_load(runtime, artifact_path, NULL, &model)) {
		complain("the artifact does not load", erc_error_detail());
		return;
	}
	if (tensor_total(model) > RUN_BYTES) {
		tally->too_large++;
		erc_model_unload(model);
		return;
	}
	uint32_t count = erc_model_input_count(model, 0) + erc_model_output_count(model, 0);
	void **memory = calloc(count + 1, sizeof *memory);
	enum erc_status status = erc_session_create(model, NULL, &session);
	if (!status)
		status = erc_request_create(session, &request);
	if (!status)
		status = run_request(model, request, memory);
	tally->ran++;
	if (status && status != ERC_INDEX) /* the values may be no legal indices */
		complain("the artifact does not run", erc_error_detail());
	erc_request_destroy(request);
	erc_session_destroy(session);
	erc_model_unload(model);
	for (uint32_t i = 0; i < count; i++)
		free(memory[i]);
	free(memory);
}

static void judge_mutant(uint32_t number, erc_runtime *runtime)
{
	static const char *const targets[] = {"cpu:x86-64-v3"};
	struct ercc_options options = {.size = sizeof options,
	                               .message = judge_message,
	                               .targets = targets,
	                               .target_count = 1,
	                               .jobs = 1};
	struct ercc_model_info *info = NULL;
	write_model_file(model_path, make_mutant(number));
	if (getenv("KEEP"))
		write_model_file(getenv("KEEP"), make_mutant(number));
	error_count = 0;
	enum ercc_status status = ercc_compile(model_path, artifact_path, &options);
	tally->status[status]++;
	if (status == ERCC_OK) {
		run_artifact(runtime);
	} else {
		if (!error_count)
			complain("no message", ercc_status_text(status));
		/* USAGE: a size of the shape must be given. IO: external data. */
		if (status != ERCC_MODEL && status != ERCC_UNSUPPORTED && status != ERCC_IO && status != ERCC_USAGE)
			complain("a status that is not about the model", ercc_status_text(status));
		if (!access(artifact_path, F_OK))
			complain("a file is left", artifact_path);
	}
	unlink(artifact_path);
	if (!ercc_model_info(model_path, &options, &info))
		free(info);
	FILE *null = fopen("/dev/null", "w");
	ercc_print_model(model_path, null, &options);
	fclose(null);
}

/* ---- children ---- */

#ifdef __SANITIZE_ADDRESS__
/* Its own memory is a multiple of the program's. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "hard_rss_limit_mb=6144";
}
#endif

/* A sanitizer's own memory is above the limit, so its builds have none. */
static void limit(void)
{
	const struct rlimit core = {0, 0};
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
	const struct rlimit memory = {MEMORY_BYTES, MEMORY_BYTES};
	setrlimit(RLIMIT_DATA, &memory);
#endif
	setrlimit(RLIMIT_CORE, &core);
	signal(SIGALRM, SIG_DFL); /* Check's handler would end the test itself */
}

/* Seconds of processor time of this process; ten times as many of any, since the machine may be busy. */
static void limit_time(int seconds)
{
	const struct itimerval timer = {.it_value.tv_sec = seconds};
	setitimer(ITIMER_PROF, &timer, NULL);
	alarm((unsigned int)seconds * 10);
}

/* Ends after a mutant with a complaint. */
static void run_batch(uint32_t first, uint32_t end)
{
	struct erc_runtime_options options = {.size = sizeof options, .units = 1};
	erc_runtime *runtime;
	limit();
	ck_assert_int_eq((int)erc_runtime_create(&options, &runtime), ERC_OK);
	for (uint32_t i = first; i < end && !tally->complaint[0]; i++) {
		limit_time(SECONDS);
		tally->number = i;
		judge_mutant(i, runtime);
		arena_release(&test.ctx.arena);
	}
	limit_time(0);
	erc_runtime_destroy(runtime);
}

/* Returns the number of the mutant after those that were tried. */
static uint32_t try_batch(uint32_t first, uint32_t end, uint32_t *bad)
{
	int status;
	tally->complaint[0] = '\0';
	tally->number = first;
	fflush(stdout);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		run_batch(first, end);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		snprintf(tally->complaint, sizeof tally->complaint, "killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(tally->complaint, sizeof tally->complaint, "exit code %d", WEXITSTATUS(status));
	if (!tally->complaint[0])
		return end;
	++*bad;
	printf("mutant %u (%s): %s\n", tally->number, tally->mutation, tally->complaint);
	fflush(stdout);
	return tally->number + 1;
}

START_TEST(mutants_are_refused_or_run)
{
	const char *count = getenv("MUTANTS"), *from = getenv("FIRST");
	uint32_t first = from ? (uint32_t)atoi(from) : 0, end = first + (count ? (uint32_t)atoi(count) : 300), bad = 0;
	uint32_t refused = 0;
	for (uint32_t i = first; i < end;)
		i = try_batch(i, i + BATCH < end ? i + BATCH : end, &bad);
	printf("%u mutants:", end - first);
	for (uint32_t i = 0; i < COUNT_OF(tally->status); i++) {
		if (tally->status[i])
			printf(" %u %s,", tally->status[i], i ? ercc_status_text((enum ercc_status)i) : "compile");
		refused += i ? tally->status[i] : 0;
	}
	printf(" %u ran, %u too large to run, %u with a fault\n", tally->ran, tally->too_large, bad);
	for (size_t i = 0; count && i < COUNT_OF(mutations); i++)
		printf("  %5u %s\n", tally->applied[i], mutations[i].name);
	ck_assert_uint_eq(bad, 0);
	if (end - first >= 300) { /* both kinds are there */
		ck_assert_uint_gt(refused, (end - first) / 4);
		ck_assert_uint_gt(tally->ran, (end - first) / 10);
	}
}
END_TEST

int main(void)
{
	load_examples();
	tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED || !mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	snprintf(artifact_path, sizeof artifact_path, "%s/model.erca", folder);
	Suite *suite = suite_create("model mutants");
	TCase *tcase = tcase_create("models");
	tcase_add_checked_fixture(tcase, fixture_start, fixture_stop);
	tcase_set_timeout(tcase, getenv("MUTANTS") ? 7200 : 600);
	tcase_add_test(tcase, mutants_are_refused_or_run);
	suite_add_tcase(suite, tcase);
	int failed = run_suite(suite);
	unlink(model_path);
	rmdir(folder);
	return failed;
}
