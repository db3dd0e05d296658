/* Artifacts whose PLAN, header or table of contents was changed and whose digests were repaired, with the code as it
 * was: each is refused, or runs within its memory. MUTANTS=20000 tries that many of each model. A mutant that kills the
 * process is named by its number, which makes it again. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/include/ercc.h"
#include "runtime/include/erc.h"
#include "tests/devices/make_seals.h"
#include "tests/unit/model_file.h"

#define BATCH 50
#define SECONDS 10
#define MEMORY_BYTES (UINT64_C(1) << 30)

static const struct {
	const char *text, *dims; /* dims: NULL, or the sizes of its entries */
} models[] = {
	/* convolutions, pooling, a product */
	{"input x:f32[1x3x17x17]\n"
     "const w:f32[20x3x3x3] = splat{0.1}\n"
     "const d:f32[20x1x3x3] = splat{0.2}\n"
     "const m:f32[20x7] = splat{0.3}\n"
     "a = Conv(x, w) {pads=[1, 1, 1, 1]} \"a\"\n"
     "b = Relu(a) \"b\"\n"
     "c = Conv(b, d) {group=20} \"c\"\n"
     "e = MaxPool(c) {kernel_shape=[2, 2], strides=[2, 2]} \"e\"\n"
     "g = GlobalAveragePool(e) \"g\"\n"
     "f = Flatten(g) {axis=1} \"f\"\n"
     "y = MatMul(f, m) \"y\"\n"
     "output y\noutput e\n",
     NULL},
	/* rows: softmax, normalisation, top k, sums, a transposition */
	{"input x:f32[4x33x18]\n"
     "const s:f32[18] = splat{1.5}\n"
     "const k:i64[1] = {5}\n"
     "const o:i64[] = {1}\n"
     "a = Softmax(x) {axis=2} \"a\"\n"
     "b = LayerNormalization(a, s) {axis=2} \"b\"\n"
     "t = Transpose(b) {perm=[2, 0, 1]} \"t\"\n"
     "v, i = TopK(t, k) {axis=2} \"v\"\n"
     "r = CumSum(v, o) \"r\"\n"
     "output r\noutput i\n",
     NULL},
	/* sizes that are known at run time only, and indices */
	{"input x:f32[6x9]\n"
     "input j:i64[3x2]\n"
     "n = NonZero(x) \"n\"\n"
     "t = Transpose(n) {perm=[1, 0]} \"t\"\n"
     "g = GatherND(x, t) \"g\"\n"
     "h = Gather(x, j) {axis=1} \"h\"\n"
     "output t\noutput g\noutput h\n",
     NULL},
	/* the same with two entries */
	{"input x:f32[?x9] (n, _)\n"
     "input j:i64[3x2]\n"
     "n = NonZero(x) \"n\"\n"
     "t = Transpose(n) {perm=[1, 0]} \"t\"\n"
     "g = GatherND(x, t) \"g\"\n"
     "h = Gather(x, j) {axis=1} \"h\"\n"
     "output t\noutput g\noutput h\n",
     "n=6,40"},
};

static const char *const targets[] = {"cpu:x86-64-v3", "emulated:sm_90"};

static uint64_t state;

static uint32_t any(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return below ? (uint32_t)(state >> 33) % below : 0;
}

/* ---- changing ---- */

/* Changes one number of `width` bytes: a little, to an extreme, or to what is at `other`. */
static void change(uint8_t *at, const uint8_t *other, uint32_t width)
{
	static const uint64_t extremes[] = {0, 1, 2, 16, 64, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 1u << 24, UINT64_MAX};
	uint64_t value = 0;
	memcpy(&value, at, width);
	switch (any(5)) {
	case 0: value += any(9) - UINT64_C(4); break;
	case 1: value = extremes[any(COUNT_OF(extremes))]; break;
	case 2: memcpy(&value, other, width); break;
	case 3: value ^= UINT64_C(1) << any(8 * width); break;
	case 4: value = value * (1 + any(4)) / (1 + any(4)); break;
	}
	memcpy(at, &value, width);
}

/* Changes a number somewhere in one of `count` records, each of which has `known` bytes of `stride`. */
static void change_record(uint8_t *records, uint32_t count, uint32_t stride, uint32_t known)
{
	static const uint32_t widths[] = {1, 2, 4, 4, 4, 8, 8};
	uint32_t width = known == 1 ? 1 : widths[any(COUNT_OF(widths))], i = any(count), k = any(count);
	if (!count || known < width)
		return;
	uint32_t offset = any(known / width) * width;
	change(records + (size_t)i * stride + offset, records + (size_t)k * stride + offset, width);
}

static void swap_records(uint8_t *records, uint32_t count, uint32_t stride)
{
	uint8_t *a = records + (size_t)any(count) * stride, *b = records + (size_t)any(count) * stride;
	for (uint32_t i = 0; i < stride; i++) {
		uint8_t byte = a[i];
		a[i] = b[i];
		b[i] = byte;
	}
}

/* One change anywhere but in the code and the weights. An earlier change may have put a table out of the file. */
static void mutate(uint8_t *file, size_t bytes)
{
	struct erca_header *header = (void *)file;
	uint32_t table_count = (sizeof(struct erca_plan_header) - 8) / sizeof(struct erca_table), what = any(40);
	if (what == 0) {
		change_record(file + 8, 1, 0, sizeof *header - 8 - sizeof header->root_digest);
		return;
	}
	struct erca_section *sections = (void *)(file + header->toc_offset);
	if (header->toc_offset % 8 || header->toc_offset > bytes ||
	    header->section_count > (bytes - header->toc_offset) / sizeof *sections)
		return;
	if (what == 1) {
		change_record((uint8_t *)sections, header->section_count, sizeof *sections, 32);
		return;
	}
	struct plan_bytes plan = {0};
	for (uint32_t i = 0; i < header->section_count; i++)
		if (sections[i].type == ERCA_SECTION_PLAN && sections[i].offset % 8 == 0 && sections[i].offset <= bytes &&
		    sections[i].bytes <= bytes - sections[i].offset)
			plan = (struct plan_bytes){file + sections[i].offset, sections[i].bytes};
	if (plan.bytes < sizeof(struct erca_plan_header))
		return;
	const struct erca_table *table = (const void *)(plan.data + 8 + any(table_count) * sizeof *table);
	uint8_t *records = (uint8_t *)(uintptr_t)plan_record(plan, table, 0, 1);
	if (what == 2)
		change_record((uint8_t *)(uintptr_t)plan.data, 1, 0, sizeof(struct erca_plan_header));
	else if (records && what == 3)
		swap_records(records, table->count, table->stride);
	else if (records)
		change_record(records, table->count, table->stride, table->stride);
}

/* ---- running ---- */

static enum erc_status set_dims(const erc_model *model, erc_request *request, uint32_t entry)
{
	enum erc_status status = ERC_OK;
	struct erc_tensor_info info;
	for (uint32_t i = 0; !status && !erc_model_input_info(model, entry, i, &info); i++)
		status = erc_request_set_dims(request, i, info.rank, info.dims);
	return status;
}

/* by_name: in a session of this entry alone. */
static enum erc_status run_entry(erc_model *model, uint32_t entry, bool by_name)
{
	struct erc_session_options options = {.size = sizeof options,
	                                      .entry = by_name ? erc_model_entry_name(model, entry) : NULL};
	erc_session *session = NULL;
	erc_request *request = NULL;
	void *memory[64] = {0};
	uint32_t used = 0;
	enum erc_status status = erc_session_create(model, &options, &session);
	if (!status)
		status = erc_request_create(session, &request);
	if (!status && !by_name)
		status = set_dims(model, request, entry);
	for (uint32_t is_output = 0; is_output < 2; is_output++) {
		struct erc_tensor_info info;
		for (uint32_t i = 0; !status && used < COUNT_OF(memory); i++) {
			uint32_t at = erc_request_entry(request);
			if (is_output ? erc_model_output_info(model, at, i, &info) : erc_model_input_info(model, at, i, &info))
				break;
			memory[used] = calloc(1, info.bytes + 1);
			ck_assert_ptr_nonnull(memory[used]);
			status = is_output ? erc_request_bind_output(request, i, memory[used], info.bytes)
			                   : erc_request_bind_input(request, i, memory[used], info.bytes);
			used++;
		}
	}
	if (!status)
		status = erc_request_run(request);
	erc_request_destroy(request);
	erc_session_destroy(session);
	for (uint32_t i = 0; i < used; i++)
		free(memory[i]);
	return status;
}

/* Returns whether it was refused when it was loaded. */
static bool run_file(erc_runtime *runtime, const uint8_t *file, size_t bytes, const char *target, uint32_t *failed)
{
	struct erc_model_options options = {.size = sizeof options, .target = target};
	erc_model *model = NULL;
	if (erc_model_load_memory(runtime, file, bytes, &options, &model))
		return true;
	for (uint32_t entry = 0; entry < erc_model_entry_count(model); entry++)
		for (int by_name = 0; by_name < 2; by_name++)
			*failed += run_entry(model, entry, by_name) != ERC_OK;
	ck_assert_int_eq((int)erc_model_unload(model), ERC_OK);
	return false;
}

struct tally {
	uint32_t number; /* of the mutant under way */
	uint32_t refused, ran, failed;
};

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

/* The child: mutants first to first + BATCH - 1. */
static void run_batch(const uint8_t *file, size_t bytes, const char *target, uint32_t first, struct tally *tally)
{
	struct erc_runtime_options options = {.size = sizeof options, .units = 2};
	erc_runtime *runtime;
	uint8_t *copy = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
	ck_assert_ptr_nonnull(copy);
	limit();
	ck_assert_int_eq((int)erc_runtime_create(&options, &runtime), ERC_OK);
	for (uint32_t i = first; i < first + BATCH; i++) {
		alarm(SECONDS);
		tally->number = i;
		state = i * UINT64_C(0x9e3779b97f4a7c15);
		memcpy(copy, file, bytes);
		for (uint32_t n = 1 + any(3); n; n--)
			mutate(copy, bytes);
		build_rehash(copy, bytes);
		if (run_file(runtime, copy, bytes, target, &tally->failed))
			tally->refused++;
		else
			tally->ran++;
	}
	alarm(0);
	free(copy);
	erc_runtime_destroy(runtime);
}

static uint8_t *compile(const char *text, const char *dims, const char *target, size_t *bytes)
{
	char folder[] = "/tmp/erc-mutants-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(folder));
	const char *model = arena_printf(&test.ctx.arena, "%s/m.onnx", folder),
			   *artifact = arena_printf(&test.ctx.arena, "%s/m.erca", folder);
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .targets = (const char *const[]){target},
	                               .target_count = 1,
	                               .dims = &dims,
	                               .dim_count = dims != NULL};
	write_model(model, text);
	ck_assert_msg(ercc_compile(model, artifact, &options) == ERCC_OK, "%s", test.errors);
	FILE *in = fopen(artifact, "rb");
	ck_assert_ptr_nonnull(in);
	fseek(in, 0, SEEK_END);
	*bytes = (size_t)ftell(in);
	rewind(in);
	uint8_t *file = aligned_alloc(4096, (*bytes + 4095) / 4096 * 4096);
	ck_assert(file && fread(file, 1, *bytes, in) == *bytes);
	fclose(in);
	unlink(model);
	unlink(artifact);
	rmdir(folder);
	return file;
}

START_TEST(mutants_are_refused_or_run)
{
	const char *count = getenv("MUTANTS"), *target = targets[_i % 2];
	uint32_t all = count ? (uint32_t)atoi(count) : 400, failed = 0;
	size_t bytes;
	uint8_t *file = compile(models[_i / 2].text, models[_i / 2].dims, target, &bytes);
	struct tally *tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(tally, MAP_FAILED);
	for (uint32_t first = 0; first < all; first += BATCH) {
		int status;
		fflush(stdout);
		pid_t child = fork();
		ck_assert_int_ge(child, 0);
		if (!child) {
			run_batch(file, bytes, target, first, tally);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_msg(!status, "model %d, mutant %u: %s %d", _i / 2, tally->number,
		              WIFSIGNALED(status) ? "killed by signal" : "exit code",
		              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	failed = tally->failed;
	printf("model %d on %s: %u mutants: %u refused, %u ran, %u of these runs failed\n", _i / 2, target, all,
	       tally->refused, tally->ran, failed);
	ck_assert_uint_eq(tally->refused + tally->ran, (all + BATCH - 1) / BATCH * BATCH);
	ck_assert_uint_gt(tally->refused, all / 4);
	ck_assert_uint_gt(tally->ran, all / 50);
	munmap(tally, sizeof *tally);
	free(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mutants");
	TCase *tcase = tcase_create("artifacts");
	tcase_add_checked_fixture(tcase, fixture_start, fixture_stop);
	tcase_set_timeout(tcase, getenv("MUTANTS") ? 3600 : 180);
	tcase_add_loop_test(tcase, mutants_are_refused_or_run, 0, 2 * (int)COUNT_OF(models));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
