/* One artifact for several sizes: its entries, what they share, and requests that change between them. What each entry
 * computes has the same bits as an artifact for these sizes alone. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/include/ercc.h"
#include "runtime/include/erc.h"
#include "schemas/artifact.h"
#include "tests/devices/stub_artifact.h"
#include "tests/unit/model_file.h"

#define MAX_TENSORS 3
#define MAX_SETS 6

#define OK(call) \
	do { \
		enum erc_status ok_status_ = (call); \
		ck_assert_msg(ok_status_ == ERC_OK, "%s: %s", #call, erc_error_detail()); \
	} while (0)
#define FAILS(call, wanted, text) \
	do { \
		ck_assert_int_eq((int)(call), (int)(wanted)); \
		ck_assert_msg(strstr(erc_error_detail(), text) != NULL, "'%s' is not in: %s", text, erc_error_detail()); \
	} while (0)

static const char *const targets_here[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};
#define STUB (int)COUNT_OF(targets_here) /* the same code as emulated:sm_90, on the stand-in for CUDA's driver */

/* A model, the lists of sizes, and the sizes of each entry in order. */
static const struct model {
	const char *text;
	const char *lists[2];
	uint32_t list_count, set_count;
	const char *sets[MAX_SETS][2];
	const char *names[MAX_SETS];
} models[] = {
	{"input x:f32[?x8x9x9] (n, _, _, _)\n"
     "const w:f32[24x8x3x3] = splat{1}\n"
     "const v:f32[10x24] = splat{1}\n"
     "a = Conv(x, w) \"a\"\n"
     "b = Relu(a) \"b\"\n"
     "c = GlobalAveragePool(b) \"c\"\n"
     "d = Flatten(c) \"d\"\n"
     "y = Gemm(d, v) {transB=1} \"y\"\n"
     "output y\n",
     {"n=1,4,3"},
     1,
     3,
     {{"n=1"}, {"n=4"}, {"n=3"}},
     {"n=1", "n=4", "n=3"}},
	{"input x:f32[?x?x16] (n, s, _)\n"
     "input m:f32[?x?x1] (n, s, _)\n"
     "input k:f32[?x1] (s, _)\n"
     "const w:f32[16x32] = splat{1}\n"
     "a = MatMul(x, w) \"a\"\n"
     "b = Mul(a, m) \"b\"\n"
     "c = Add(b, k) \"c\"\n"
     "y = Softmax(c) {axis=1} \"y\"\n"
     "output y\n",
     {"n=1,2", "s=5,33,64"},
     2,
     6,
     {{"n=1", "s=5"}, {"n=1", "s=33"}, {"n=1", "s=64"}, {"n=2", "s=5"}, {"n=2", "s=33"}, {"n=2", "s=64"}},
     {"n=1,s=5", "n=1,s=33", "n=1,s=64", "n=2,s=5", "n=2,s=33", "n=2,s=64"}},
	{"input x:f32[?x3] (n, _)\n" /* an output whose shape depends on data, and no weights */
     "y = NonZero(x) \"y\"\n"
     "output y\n",
     {"n=2,50"},
     1,
     2,
     {{"n=2"}, {"n=50"}},
     {"n=2", "n=50"}},
	{"input x:f32[?x?] (n, s)\n" /* one of the dims has one size: it is not in the names */
     "y = Exp(x) \"y\"\n"
     "output y\n",
     {"n=7", "s=3,70000"},
     2,
     2,
     {{"n=7", "s=3"}, {"n=7", "s=70000"}},
     {"s=3", "s=70000"}},
};

static char model_path[32], together[32], alone[32];

static void make_file(char *path)
{
	strcpy(path, "/tmp/erc-entries-XXXXXX");
	close(mkstemp(path));
}

static void set_up(void)
{
	fixture_start();
	make_file(model_path);
	make_file(together);
	make_file(alone);
}

/* Writes the model with other numbers in the place of each constant's, all different. */
static void write_text(const char *text)
{
	onnx_model *model = export_text(text);
	for (size_t i = 0; i < model->graph->n_initializer; i++) {
		ProtobufCBinaryData *raw = &model->graph->initializer[i]->raw_data;
		float *numbers = arena_alloc(&test.ctx.arena, raw->len);
		for (size_t k = 0; k < raw->len / 4; k++)
			numbers[k] = (float)((k * 2654435761u >> 9) % 2048) / 1024.0f - (float)(i + 1);
		raw->data = (uint8_t *)numbers;
	}
	write_model_file(model_path, model);
}

static void tear_down(void)
{
	unlink(model_path);
	unlink(together);
	unlink(alone);
	fixture_stop();
}

static void compile_on(const char *const *targets, uint32_t target_count, const char *const *dims, uint32_t count,
                       uint32_t jobs, const char *path)
{
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .targets = targets,
	                               .target_count = target_count,
	                               .jobs = jobs,
	                               .dims = dims,
	                               .dim_count = count};
	ck_assert_msg(ercc_compile(model_path, path, &options) == ERCC_OK, "%s", test.errors);
}

/* ---- the artifact ---- */

static size_t file_bytes(const char *path)
{
	struct stat info;
	ck_assert_int_eq(stat(path, &info), 0);
	return (size_t)info.st_size;
}

static bool same_files(const char *a, const char *b)
{
	size_t bytes = file_bytes(a);
	bool same = bytes == file_bytes(b);
	FILE *x = fopen(a, "r"), *y = fopen(b, "r");
	for (size_t i = 0; same && i < bytes; i++)
		same = getc(x) == getc(y);
	fclose(x), fclose(y);
	return same;
}

static uint64_t weights_bytes(const erc_artifact *artifact)
{
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_SECTIONS); i++) {
		const struct erca_section *section = erc_artifact_record(artifact, ERC_TABLE_SECTIONS, i);
		if (section->type == ERCA_SECTION_WEIGHTS)
			return section->bytes;
	}
	return 0;
}

START_TEST(entries_are_all_combinations_on_each_target)
{
	const struct model *m = &models[_i];
	erc_artifact *all, *one;
	write_text(m->text);
	compile_on(targets_here, COUNT_OF(targets_here), m->lists, m->list_count, 1, together);
	compile_on(targets_here, COUNT_OF(targets_here), m->sets[0], m->list_count, 1, alone);
	OK(erc_artifact_open(together, &all));
	OK(erc_artifact_open(alone, &one));
	ck_assert_uint_eq(erc_artifact_count(all, ERC_TABLE_ENTRIES), COUNT_OF(targets_here) * m->set_count);
	for (uint32_t i = 0; i < erc_artifact_count(all, ERC_TABLE_ENTRIES); i++) {
		const struct erca_entry *entry = erc_artifact_record(all, ERC_TABLE_ENTRIES, i);
		ck_assert_uint_eq(entry->target, i / m->set_count);
		ck_assert_str_eq(erc_artifact_string(all, entry->name), m->names[i % m->set_count]);
	}
	const struct erca_entry *main = erc_artifact_record(one, ERC_TABLE_ENTRIES, 0);
	ck_assert_str_eq(erc_artifact_string(one, main->name), "main");
	ck_assert_uint_eq(weights_bytes(all), weights_bytes(one));
	erc_artifact_close(all);
	erc_artifact_close(one);
	compile_on(targets_here, COUNT_OF(targets_here), m->lists, m->list_count, 3, alone);
	ck_assert_msg(same_files(together, alone), "other bytes with other jobs");
}
END_TEST

/* A kernel that two entries use is in the code image once. Weights that one entry needs in two forms stay two. */
START_TEST(equal_kernels_are_one)
{
	static const char *const targets[] = {"cpu:x86-64-v3"}, *const lists[] = {"n=16,32"}, *const one[] = {"n=16"};
	erc_artifact *all, *first;
	write_model(model_path, models[3].text);
	const char *const dims[] = {lists[0], "s=1024"}, *const single[] = {one[0], "s=1024"};
	compile_on(targets, 1, dims, 2, 1, together);
	compile_on(targets, 1, single, 2, 1, alone);
	OK(erc_artifact_open(together, &all));
	OK(erc_artifact_open(alone, &first));
	ck_assert_uint_eq(erc_artifact_count(all, ERC_TABLE_KERNELS), erc_artifact_count(first, ERC_TABLE_KERNELS));
	erc_artifact_close(all);
	erc_artifact_close(first);
}
END_TEST

START_TEST(wrong_lists_are_refused)
{
	static const struct {
		const char *dims[2];
		const char *words;
	} cases[] = {
		{{"n=1,2,1", "s=3"}, "--dim n=1,2,1: 1 is given twice"},
		{{"n=1,01", "s=3"}, "--dim n=1,01: 1 is given twice"},
		{{"n=1,,2", "s=3"}, "--dim: '' is not a size"},
		{{"n=1,2,", "s=3"}, "--dim: '' is not a size"},
		{{"n=1,-2", "s=3"}, "--dim: '-2' is not a size"},
		{{"n=1,x", "s=3"}, "--dim: 'x' is not a size"},
		{{"=1,2", "s=3"}, "--dim '=1': wanted NAME=SIZE"},
		{{"m=1,2", "s=3"}, "--dim: no input has a dimension named 'm'"},
		{{"n=1,2", "n=3,4"}, "--dim n=3: dimension 'n' of input 'x' is 1 already"},
		{{"n=1,2,3,4,5,6,7,8,9", "s=1,2,3,4,5,6,7,8"}, "--dim s=1,2,3,4,5,6,7,8: one artifact has at most 64"},
		{{"n=1,99999999999999", "s=3"}, "is not a size"},
	};
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .dims = cases[_i].dims,
	                               .dim_count = 2};
	write_model(model_path, models[3].text);
	assert_fails(ercc_compile(model_path, together, &options), ERCC_USAGE, cases[_i].words);
}
END_TEST

/* An entry that takes a part of another one is refused: the code has no seal of it. One that takes all of it is that entry
 * under another name. */
START_TEST(crossed_entries_are_refused)
{
	static const size_t fields[] = {offsetof(struct erca_entry, plan), offsetof(struct erca_entry, input_first),
	                                offsetof(struct erca_entry, output_first)};
	static const char *const targets[] = {"cpu:x86-64-v3"};
	write_text(models[0].text);
	compile_on(targets, 1, models[0].lists, 1, 1, together);
	for (unsigned changed = 1; changed < 8; changed++) {
		size_t bytes = 0;
		uint8_t *read = stub_artifact_read(together, &bytes), *file = aligned_alloc(4096, (bytes / 4096 + 1) * 4096);
		memcpy(file, read, bytes);
		const struct erca_section *sections = (void *)(file + ((struct erca_header *)(void *)file)->toc_offset);
		const struct erca_plan_header *plan = (void *)(file + sections[1].offset);
		struct erca_entry *entries = (void *)((uint8_t *)(uintptr_t)plan + plan->entries.offset);
		for (int i = 0; i < 3; i++)
			if (changed >> i & 1)
				memcpy((char *)&entries[0] + fields[i], (char *)&entries[2] + fields[i], sizeof(uint32_t));
		if (changed == 7) {
			entries[0].arena_bytes = entries[2].arena_bytes;
			entries[0].local_bytes = entries[2].local_bytes;
		}
		build_rehash(file, bytes);
		erc_artifact *artifact = NULL;
		enum erc_status status = erc_artifact_open_memory(file, bytes, &artifact);
		ck_assert_int_eq((int)status, changed == 7 ? ERC_OK : ERC_CORRUPT);
		ck_assert_msg(!status || strstr(erc_error_detail(), "entries[0]") || strstr(erc_error_detail(), "operands["),
		              "%s", erc_error_detail());
		erc_artifact_close(artifact);
		free(read);
		free(file);
	}
}
END_TEST

/* ---- runs ---- */

struct bed {
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
};

/* False where this machine cannot run the artifact. */
static bool open_bed(struct bed *bed, const char *path, const char *device, const struct erc_session_options *options)
{
	const struct erc_runtime_options two = {.size = sizeof two, .device = device, .units = 2};
	OK(erc_runtime_create(&two, &bed->runtime));
	enum erc_status status = erc_model_load(bed->runtime, path, NULL, &bed->model);
	if (status == ERC_NO_TARGET) {
		erc_runtime_destroy(bed->runtime);
		return false;
	}
	OK(status);
	OK(erc_session_create(bed->model, options, &bed->session));
	OK(erc_request_create(bed->session, &bed->request));
	return true;
}

static void close_bed(struct bed *bed)
{
	OK(erc_request_destroy(bed->request));
	OK(erc_session_destroy(bed->session));
	OK(erc_model_unload(bed->model));
	OK(erc_runtime_destroy(bed->runtime));
}

/* Memory of the inputs and outputs of one entry. */
struct arrays {
	void *inputs[MAX_TENSORS], *output;
	uint32_t input_count;
	size_t output_bytes;
};

static void bind_new(const erc_model *model, uint32_t entry, erc_request *request, struct arrays *arrays)
{
	struct erc_tensor_info info;
	arrays->input_count = erc_model_input_count(model, entry);
	for (uint32_t i = 0; i < arrays->input_count; i++) {
		OK(erc_model_input_info(model, entry, i, &info));
		float *data = arrays->inputs[i] = malloc(info.bytes);
		for (size_t k = 0; k < info.bytes / 4; k++)
			data[k] = (float)((k * 2654435761u >> 7) % 1024) / 512.0f - 1.0f;
		OK(erc_request_bind_input(request, i, data, info.bytes));
	}
	OK(erc_model_output_info(model, entry, 0, &info));
	arrays->output = calloc(1, info.bytes);
	arrays->output_bytes = info.bytes;
	OK(erc_request_bind_output(request, 0, arrays->output, info.bytes));
}

static void free_arrays(struct arrays *arrays)
{
	for (uint32_t i = 0; i < arrays->input_count; i++)
		free(arrays->inputs[i]);
	free(arrays->output);
}

/* Clears what is after the true dims, which is undefined. */
static void clear_rest(const erc_request *request, const struct arrays *arrays)
{
	int64_t dims[ERC_MAX_RANK], elements = 1;
	uint32_t rank;
	OK(erc_request_output_dims(request, 0, &rank, dims));
	for (uint32_t d = 0; d < rank; d++)
		elements *= dims[d];
	size_t each = rank == 2 && dims[0] == 2 && arrays->output_bytes % 8 == 0 ? 8 : 4, used = (size_t)elements * each;
	if (used < arrays->output_bytes)
		memset((char *)arrays->output + used, 0, arrays->output_bytes - used);
}

static void take_dims_of(const erc_model *model, erc_request *request, uint32_t entry, bool backwards)
{
	struct erc_tensor_info info;
	uint32_t count = erc_model_input_count(model, entry);
	for (uint32_t n = 0; n < count; n++) {
		uint32_t i = backwards ? count - 1 - n : n;
		OK(erc_model_input_info(model, entry, i, &info));
		OK(erc_request_set_dims(request, i, info.rank, info.dims));
	}
	ck_assert_uint_eq(erc_request_entry(request), entry);
}

static void run_alone(const struct model *m, const char *target, uint32_t set, struct arrays *arrays)
{
	struct bed bed;
	compile_on(&target, 1, m->sets[set], m->list_count, 1, alone);
	ck_assert(open_bed(&bed, alone, NULL, NULL));
	bind_new(bed.model, 0, bed.request, arrays);
	OK(erc_request_run(bed.request));
	clear_rest(bed.request, arrays);
	close_bed(&bed);
}

static void is_same(const erc_request *request, const struct arrays *actual, const struct arrays *expected)
{
	clear_rest(request, actual);
	ck_assert_uint_eq(actual->output_bytes, expected->output_bytes);
	ck_assert(!memcmp(actual->output, expected->output, expected->output_bytes));
}

/* One request goes through all entries, forwards and backwards. */
START_TEST(each_entry_computes_the_same_bits_as_alone)
{
	const struct model *m = &models[_i % (int)COUNT_OF(models)];
	int number = _i / (int)COUNT_OF(models);
	const char *target = targets_here[number == STUB ? 2 : number];
	struct arrays expected[MAX_SETS];
	struct bed bed;
	write_text(m->text);
	compile_on(&target, 1, m->lists, m->list_count, 1, together);
	if (number == STUB) {
		stub_use();
		ck_assert_ptr_null(stub_artifact(together, together));
	}
	if (!open_bed(&bed, together, number == STUB ? "cuda" : NULL, NULL)) {
		printf("skipped: entries: %s (this machine does not run it)\n", target);
		return;
	}
	ck_assert_uint_eq(erc_model_entry_count(bed.model), m->set_count);
	for (uint32_t i = 0; i < m->set_count; i++)
		run_alone(m, target, i, &expected[i]);
	for (uint32_t n = 0; n < 4 * m->set_count; n++) {
		uint32_t entry = n * 5 % (2 * m->set_count) % m->set_count;
		struct arrays arrays;
		take_dims_of(bed.model, bed.request, entry, n & 1);
		bind_new(bed.model, entry, bed.request, &arrays);
		OK(erc_request_run(bed.request));
		is_same(bed.request, &arrays, &expected[entry]);
		free_arrays(&arrays);
	}
	struct erc_session_stats stats = {.size = sizeof stats};
	OK(erc_session_stats(bed.session, &stats));
	ck_assert_uint_eq(stats.completed, 4 * m->set_count);
	for (uint32_t i = 0; i < m->set_count; i++)
		free_arrays(&expected[i]);
	close_bed(&bed);
}
END_TEST

struct urgent {
	erc_session *session;
	const erc_model *model;
	const struct arrays *expected;
	uint32_t set_count;
	_Atomic bool is_over;
	uint32_t runs;
};

static void *run_urgent(void *user)
{
	struct urgent *urgent = user;
	erc_request *request;
	OK(erc_request_create(urgent->session, &request));
	for (; !atomic_load(&urgent->is_over); urgent->runs++) {
		uint32_t entry = urgent->runs * 3 % urgent->set_count;
		struct arrays arrays;
		take_dims_of(urgent->model, request, entry, false);
		bind_new(urgent->model, entry, request, &arrays);
		OK(erc_request_run(request));
		is_same(request, &arrays, &urgent->expected[entry]);
		free_arrays(&arrays);
		usleep(100);
	}
	OK(erc_request_destroy(request));
	return NULL;
}

/* A best-effort request changes its entry between runs while its room changes and a real-time session of the same model,
 * whose request changes its entry too, takes the units. */
START_TEST(entries_change_under_preemption)
{
	const struct model *m = &models[1];
	const char *target = "cpu:x86-64-v3";
	const struct erc_session_options real_time = {.size = sizeof real_time,
	                                              .class_ = ERC_REAL_TIME,
	                                              .deadline_us = 5000};
	struct arrays expected[MAX_SETS];
	struct bed bed;
	pthread_t thread;
	write_text(m->text);
	compile_on(&target, 1, m->lists, m->list_count, 1, together);
	for (uint32_t i = 0; i < m->set_count; i++)
		run_alone(m, target, i, &expected[i]);
	ck_assert(open_bed(&bed, together, NULL, NULL));
	struct urgent urgent = {.model = bed.model, .expected = expected, .set_count = m->set_count};
	OK(erc_session_create(bed.model, &real_time, &urgent.session));
	ck_assert_int_eq(pthread_create(&thread, NULL, run_urgent, &urgent), 0);
	for (uint32_t n = 0; n < 500; n++) {
		uint32_t entry = n * 7 % m->set_count;
		struct arrays arrays;
		take_dims_of(bed.model, bed.request, entry, n & 1);
		bind_new(bed.model, entry, bed.request, &arrays);
		OK(erc_request_submit(bed.request));
		do
			OK(erc_session_set_units(bed.session, n % 3));
		while (n % 3 && erc_request_wait(bed.request, 0) == ERC_TIMEOUT);
		OK(erc_session_set_units(bed.session, 2));
		if (n % 3 == 0)
			OK(erc_request_wait(bed.request, UINT64_MAX));
		is_same(bed.request, &arrays, &expected[entry]);
		free_arrays(&arrays);
	}
	atomic_store(&urgent.is_over, true);
	pthread_join(thread, NULL);
	ck_assert_uint_gt(urgent.runs, 0);
	OK(erc_session_destroy(urgent.session));
	close_bed(&bed);
	for (uint32_t i = 0; i < m->set_count; i++)
		free_arrays(&expected[i]);
}
END_TEST

/* ---- rules ---- */

static void open_second(struct bed *bed, const struct erc_session_options *options)
{
	const char *target = "cpu:x86-64-v3";
	write_text(models[1].text);
	compile_on(&target, 1, models[1].lists, 2, 1, together);
	ck_assert(open_bed(bed, together, NULL, options));
}

START_TEST(dims_choose_an_entry_or_are_listed)
{
	struct bed bed;
	open_second(&bed, NULL);
	ck_assert_uint_eq(erc_session_entry(bed.session), 0);
	ck_assert_uint_eq(erc_request_entry(bed.request), 0);
	FAILS(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){2, 6, 16}), ERC_NOT_FOUND,
	      "input 0 'x': no entry point of the session takes 2x6x16; there are: 1x5x16 1x33x16 1x64x16 2x5x16 2x33x16 "
	      "2x64x16");
	FAILS(erc_request_set_dims(bed.request, 2, 2, (int64_t[]){6, 1}), ERC_NOT_FOUND,
	      "takes 6x1; there are: 5x1 33x1 64x1");
	FAILS(erc_request_set_dims(bed.request, 2, 0, NULL), ERC_NOT_FOUND, "takes scalar; there are: 5x1 33x1 64x1");
	FAILS(erc_request_set_dims(bed.request, 3, 0, NULL), ERC_NOT_FOUND, "no input 3; there are 3");
	FAILS(erc_request_set_dims(bed.request, 0, 3, NULL), ERC_INVALID, "dims is NULL");
	FAILS(erc_request_set_dims(bed.request, 0, 9, (int64_t[9]){1}), ERC_INVALID, "rank 9");
	FAILS(erc_request_set_dims(NULL, 0, 0, NULL), ERC_INVALID, "request");
	ck_assert_uint_eq(erc_request_entry(bed.request), 0);
	OK(erc_request_set_dims(bed.request, 2, 2, (int64_t[]){64, 1})); /* the batch stays */
	ck_assert_str_eq(erc_model_entry_name(bed.model, erc_request_entry(bed.request)), "n=1,s=64");
	OK(erc_request_set_dims(bed.request, 1, 3, (int64_t[]){2, 33, 1}));
	ck_assert_str_eq(erc_model_entry_name(bed.model, erc_request_entry(bed.request)), "n=2,s=33");
	close_bed(&bed);
	const struct erc_session_options options = {.size = sizeof options, .entry = "n=2,s=5"};
	open_second(&bed, &options);
	ck_assert_uint_eq(erc_session_entry(bed.session), 3);
	OK(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){2, 5, 16}));
	FAILS(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){1, 5, 16}), ERC_NOT_FOUND, "there are: 2x5x16");
	close_bed(&bed);
}
END_TEST

/* What has the same dims in both entries stays bound, and nothing else. */
START_TEST(bindings_stay_where_dims_are_the_same)
{
	struct bed bed;
	struct arrays arrays, other;
	open_second(&bed, NULL);
	bind_new(bed.model, 0, bed.request, &arrays);
	OK(erc_request_run(bed.request));
	OK(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){2, 5, 16})); /* `k` has no batch */
	FAILS(erc_request_submit(bed.request), ERC_INVALID, "input 0 'x' is not bound");
	struct erc_tensor_info info;
	OK(erc_model_input_info(bed.model, 0, 0, &info));
	FAILS(erc_request_bind_input(bed.request, 0, arrays.inputs[0], info.bytes), ERC_INVALID, "bytes given, it has");
	bind_new(bed.model, 3, bed.request, &other);
	OK(erc_request_bind_input(bed.request, 2, arrays.inputs[2], 5 * 4));
	OK(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){1, 5, 16}));
	OK(erc_request_bind_input(bed.request, 0, arrays.inputs[0], 5 * 16 * 4));
	OK(erc_request_bind_input(bed.request, 1, arrays.inputs[1], 5 * 4));
	float first = *(float *)arrays.output;
	memset(arrays.output, 0, arrays.output_bytes);
	FAILS(erc_request_submit(bed.request), ERC_INVALID, "output 0 'y' is not bound");
	OK(erc_request_bind_output(bed.request, 0, arrays.output, arrays.output_bytes));
	OK(erc_request_submit(bed.request)); /* `k` is still bound */
	FAILS(erc_request_set_dims(bed.request, 0, 3, (int64_t[]){2, 5, 16}), ERC_BUSY, "not waited for");
	OK(erc_request_wait(bed.request, UINT64_MAX));
	ck_assert_float_eq(*(float *)arrays.output, first);
	free_arrays(&arrays);
	free_arrays(&other);
	close_bed(&bed);
}
END_TEST

/* Copies of inputs have room for every entry. */
START_TEST(copies_fit_each_entry)
{
	struct bed bed;
	static float data[2 * 64 * 16];
	open_second(&bed, NULL);
	for (uint32_t entry = 0; entry < 6; entry++) {
		struct erc_tensor_info info;
		take_dims_of(bed.model, bed.request, entry, false);
		for (uint32_t i = 0; i < 3; i++) {
			OK(erc_model_input_info(bed.model, entry, i, &info));
			OK(erc_request_copy_pieces(bed.request, i, &(struct erc_piece){data, info.bytes}, 1));
		}
		OK(erc_model_output_info(bed.model, entry, 0, &info));
		void *output = malloc(info.bytes);
		OK(erc_request_bind_output(bed.request, 0, output, info.bytes));
		OK(erc_request_run(bed.request));
		free(output);
	}
	close_bed(&bed);
}
END_TEST

/* A state that does not depend on the changed dim is kept; one that does has ended. */
START_TEST(states_stay_where_dims_are_the_same)
{
	static const char text[] = "input x:f32[?] (n)\n"
							   "input h:f32[2] (_)\n"
							   "const one:f32[2] = splat{1}\n"
							   "y = Exp(x) \"y\"\n"
							   "z = Add(h, one) \"z\"\n"
							   "output y\n"
							   "output z\n";
	static const char *const lists[] = {"n=3,300"}, *const targets[] = {"cpu:x86-64-v3"};
	struct bed bed;
	float x[300] = {0}, y[300];
	write_model(model_path, text);
	compile_on(targets, 1, lists, 1, 1, together);
	ck_assert(open_bed(&bed, together, NULL, NULL));
	OK(erc_request_bind_state(bed.request, 1, 1));
	for (uint32_t run = 0; run < 6; run++) {
		size_t count = run & 1 ? 300 : 3;
		OK(erc_request_set_dims(bed.request, 0, 1, (int64_t[]){(int64_t)count}));
		OK(erc_request_bind_input(bed.request, 0, x, count * 4));
		OK(erc_request_bind_output(bed.request, 0, y, count * 4));
		OK(erc_request_run(bed.request));
		ck_assert_float_eq(*(float *)erc_request_state(bed.request, 1), (float)run + 1);
	}
	OK(erc_request_bind_state(bed.request, 0, 0));
	OK(erc_request_set_dims(bed.request, 0, 1, (int64_t[]){3}));
	ck_assert_ptr_null(erc_request_state(bed.request, 0));
	ck_assert_ptr_nonnull(erc_request_state(bed.request, 1));
	FAILS(erc_request_submit(bed.request), ERC_INVALID, "input 0 'x' is not bound");
	close_bed(&bed);
}
END_TEST

/* Whether a request is refused depends on the entry that it would run. */
START_TEST(admission_is_by_the_entry)
{
	static const char *const targets[] = {"sim:h100"}, *const lists[] = {"n=7", "s=1000,4000000"};
	const struct erc_runtime_options device = {.size = sizeof device, .device = "sim:h100"};
	struct erc_session_options options = {.size = sizeof options, .class_ = ERC_REAL_TIME, .shed = 1};
	struct erc_room_profile profiles[2] = {{.size = sizeof *profiles}, {.size = sizeof *profiles}};
	static const uint32_t order[] = {0, 1, 0, 1, 1, 0};
	static float data[7 * 4000000];
	struct erc_room_point points[2][64];
	struct bed bed;
	write_model(model_path, models[3].text);
	compile_on(targets, 1, lists, 2, 1, together);
	OK(erc_runtime_create(&device, &bed.runtime));
	OK(erc_model_load(bed.runtime, together, NULL, &bed.model));
	for (uint32_t i = 0; i < 2; i++) {
		profiles[i].points = points[i];
		profiles[i].point_capacity = 64;
		OK(erc_model_room_profile(bed.model, i, NULL, &profiles[i]));
	}
	uint64_t fast_ns = points[0][profiles[0].point_count - 1].latency_ns;
	uint64_t slow_ns = points[1][profiles[1].point_count - 1].latency_ns;
	ck_assert_uint_gt(slow_ns, 4 * fast_ns + 4000);
	options.deadline_us = (fast_ns + slow_ns) / 2000;
	OK(erc_session_create(bed.model, &options, &bed.session));
	OK(erc_request_create(bed.session, &bed.request));
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		size_t bytes = 4 * 7 * (size_t)(order[i] ? 4000000 : 1000);
		OK(erc_request_set_dims(bed.request, 0, 2, (int64_t[]){7, order[i] ? 4000000 : 1000}));
		OK(erc_request_bind_input(bed.request, 0, data, bytes));
		OK(erc_request_bind_output(bed.request, 0, data, bytes));
		if (order[i])
			FAILS(erc_request_run(bed.request), ERC_SHED, "the deadline cannot be met");
		else
			OK(erc_request_run(bed.request));
	}
	close_bed(&bed);
}
END_TEST

/* The message names the node of the entry that ran. */
START_TEST(faults_name_a_node_of_the_entry)
{
	static const char text[] = "input x:f32[?x4] (n, _)\n"
							   "input i:i64[2] (_)\n"
							   "y = Gather(x, i) \"pick\"\n"
							   "output y\n";
	static const char *const lists[] = {"n=3,5"}, *const targets[] = {"cpu:x86-64-v3"};
	struct bed bed;
	float x[20] = {0}, y[8];
	int64_t at[] = {0, 3};
	write_model(model_path, text);
	compile_on(targets, 1, lists, 1, 1, together);
	ck_assert(open_bed(&bed, together, NULL, NULL));
	for (int64_t n = 3; n <= 5; n += 2) {
		OK(erc_request_set_dims(bed.request, 0, 2, (int64_t[]){n, 4}));
		OK(erc_request_bind_input(bed.request, 0, x, (size_t)n * 16));
		OK(erc_request_bind_input(bed.request, 1, at, sizeof at));
		OK(erc_request_bind_output(bed.request, 0, y, sizeof y));
		if (n == 5)
			OK(erc_request_run(bed.request));
		else
			FAILS(erc_request_run(bed.request), ERC_INDEX, "node 'pick': index 3 is outside a dimension of 3");
	}
	close_bed(&bed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("entries");
	TCase *compiled = tcase_create("artifacts"), *runs = tcase_create("runs"), *rules = tcase_create("rules");
	tcase_add_checked_fixture(compiled, set_up, tear_down);
	tcase_add_loop_test(compiled, entries_are_all_combinations_on_each_target, 0, COUNT_OF(models));
	tcase_add_test(compiled, equal_kernels_are_one);
	tcase_add_test(compiled, crossed_entries_are_refused);
	tcase_add_loop_test(compiled, wrong_lists_are_refused, 0, 11);
	tcase_add_checked_fixture(runs, set_up, tear_down);
	tcase_set_timeout(compiled, 120);
	tcase_set_timeout(runs, 120);
	tcase_add_loop_test(runs, each_entry_computes_the_same_bits_as_alone, 0, (int)COUNT_OF(models) * (STUB + 1));
	tcase_add_test(runs, entries_change_under_preemption);
	tcase_add_checked_fixture(rules, set_up, tear_down);
	tcase_set_timeout(rules, 120);
	tcase_add_test(rules, dims_choose_an_entry_or_are_listed);
	tcase_add_test(rules, bindings_stay_where_dims_are_the_same);
	tcase_add_test(rules, copies_fit_each_entry);
	tcase_add_test(rules, states_stay_where_dims_are_the_same);
	tcase_add_test(rules, admission_is_by_the_entry);
	tcase_add_test(rules, faults_name_a_node_of_the_entry);
	suite_add_tcase(suite, compiled);
	suite_add_tcase(suite, runs);
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
