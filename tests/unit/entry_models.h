/* Models with several sizes, and requests of artifacts with several entries. */
#ifndef ERC_ENTRIES_TEST_H
#define ERC_ENTRIES_TEST_H

#include <stdlib.h>
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

static inline void make_file(char *path)
{
	strcpy(path, "/tmp/erc-entries-XXXXXX");
	close(mkstemp(path));
}

static inline void set_up(void)
{
	fixture_start();
	make_file(model_path);
	make_file(together);
	make_file(alone);
}

/* Writes the model with other numbers in the place of each constant's, all different. */
static inline void write_text(const char *text)
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

static inline void tear_down(void)
{
	unlink(model_path);
	unlink(together);
	unlink(alone);
	fixture_stop();
}

static inline void compile_on(const char *const *targets, uint32_t target_count, const char *const *dims,
                              uint32_t count, uint32_t jobs, const char *path)
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

/* ---- runs ---- */

struct bed {
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
};

/* False where this machine cannot run the artifact. */
static inline bool open_bed(struct bed *bed, const char *path, const char *device,
                            const struct erc_session_options *options)
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

static inline void close_bed(struct bed *bed)
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

static inline void bind_new(const erc_model *model, uint32_t entry, erc_request *request, struct arrays *arrays)
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

static inline void free_arrays(struct arrays *arrays)
{
	for (uint32_t i = 0; i < arrays->input_count; i++)
		free(arrays->inputs[i]);
	free(arrays->output);
}

/* Clears what is after the true dims, which is undefined. */
static inline void clear_rest(const erc_request *request, const struct arrays *arrays)
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

static inline void take_dims_of(const erc_model *model, erc_request *request, uint32_t entry, bool backwards)
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

#endif
