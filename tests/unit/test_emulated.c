/* GPU kernels, emulated, against the CPU's own: every template that is on GPUs, on ragged shapes. And the emulation itself:
 * that it finds what a GPU would forgive at times. */
#include <dlfcn.h>
#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "erc.h"
#include "ercc.h"
#include "model_file.h"
#include "targets/target.h"
#include "targets/template.h"
#include "../../schemas/artifact.h"
#include "sha256.h"
#include "tile.h"

static char folder[] = "/tmp/erc-emulated-XXXXXX";
static char model_path[64], artifact_path[64], image_path[64];

/* ---- templates against the CPU ---- */

/* The template that the graph is about, and its graph. */
static const struct {
	const char *stem, *text;
} cases[] = {
	{"pointwise", "input x:f32[3x5x7]\ninput b:f32[5x1]\nm = Mul(x, b)\ny = Tanh(m)\noutput y\n"},
	{"pointwise", "input x:f32[2x3x50x8]\ninput b:f32[3x1x1]\nm = Add(x, b)\ny = Relu(m)\noutput y\n"},
	{"pointwise", "input x:f32[37x19]\nm = Transpose(x)\ny = Erf(m)\noutput y\n"},
	{"pointwise", "input x:f32[5003]\ny = Sigmoid(x)\noutput y\n"},
	/* no two dims fold: as many operands as are fused have more strides than a launch has params */
	{"pointwise", "input i0:f32[1x3x1x5x1]\n"
			  "input i1:f32[2x1x4x1x6]\n"
			  "input i2:f32[1x3x1x5x1]\n"
			  "input i3:f32[2x1x4x1x6]\n"
			  "input i4:f32[1x3x1x5x1]\n"
			  "input i5:f32[2x1x4x1x6]\n"
			  "input i6:f32[1x3x1x5x1]\n"
			  "input i7:f32[2x1x4x1x6]\n"
			  "input i8:f32[1x3x1x5x1]\n"
			  "input i9:f32[2x1x4x1x6]\n"
			  "input i10:f32[1x3x1x5x1]\n"
			  "input i11:f32[2x1x4x1x6]\n"
			  "input i12:f32[1x3x1x5x1]\n"
			  "v1 = Mul(i0, i1)\n"
			  "v2 = Mul(v1, i2)\n"
			  "v3 = Add(v2, i3)\n"
			  "v4 = Mul(v3, i4)\n"
			  "v5 = Add(v4, i5)\n"
			  "v6 = Mul(v5, i6)\n"
			  "v7 = Add(v6, i7)\n"
			  "v8 = Mul(v7, i8)\n"
			  "v9 = Add(v8, i9)\n"
			  "v10 = Mul(v9, i10)\n"
			  "v11 = Add(v10, i11)\n"
			  "v12 = Mul(v11, i12)\n"
			  "output v12\n"},
	{"pool", "input x:f32[2x19x13x11]\ny = MaxPool(x) {kernel_shape=[3,3],strides=[2,2],pads=[1,1,1,1]}\noutput y\n"},
	{"pool", "input x:f32[1x3x9x7]\ny = AveragePool(x) {kernel_shape=[4,2],pads=[1,0,2,1]}\noutput y\n"},
	{"max_index", "input x:f32[1x3x9x7]\ny, i = MaxPool(x) {kernel_shape=[2,3]}\noutput y\noutput i\n"},
	{"conv", "input x:f32[1x20x9x7]\ninput w:f32[21x20x3x3]\nc = Conv(x, w) {pads=[1,1,1,1]}\ny = Relu(c)\noutput y\n"},
	{"depthwise", "input x:f32[1x20x9x7]\nconst w:f32[20x1x3x3] = splat{0.5}\ny = Conv(x, w) {group=20,pads=[1,1,1,1]}\noutput y\n"},
	{"attention", "input q:f32[37x20]\ninput k:f32[20x41]\ninput v:f32[41x24]\ns = MatMul(q, k)\nw = Softmax(s) {axis=-1}\n"
	              "y = MatMul(w, v)\noutput y\n"},
	/* a quarter of the smallest GPU's local memory holds its smallest tile */
	{"attention", "input q:f32[9x64]\ninput k:f32[64x70]\ninput v:f32[70x64]\ns = MatMul(q, k)\nw = Softmax(s) {axis=-1}\n"
	              "y = MatMul(w, v)\noutput y\n"},
	{"attention_sum", "input q:f32[5x32]\ninput k:f32[32x1700]\ninput v:f32[1700x32]\ns = MatMul(q, k)\n"
	                  "w = Softmax(s) {axis=-1}\ny = MatMul(w, v)\noutput y\n"},
	{"lrn", "input x:f32[2x7x5x3]\ny = LRN(x) {size=3}\noutput y\n"},
	{"reduce", "input x:f32[5x33x7]\nconst a:i64[1] = {1}\ny = ReduceSum(x, a)\noutput y\n"},
	{"reduce", "input x:f32[3x1001]\ny = ReduceMean(x) {axes=[1]}\noutput y\n"},
	{"softmax", "input x:f32[41x73]\ny = Softmax(x) {axis=1}\noutput y\n"},
	{"softmax", "input x:f32[5x17x3]\ny = LogSoftmax(x) {axis=1}\noutput y\n"},
	{"norm", "input x:f32[43x97]\nconst s:f32[97] = splat{1.5}\nconst b:f32[97] = splat{0.25}\n"
	         "y = LayerNormalization(x, s, b) {axis=1}\noutput y\n"},
	{"gather", "input x:f32[3x11x5]\nconst i:i64[4] = {0, 10, -2, 7}\ny = Gather(x, i) {axis=1}\noutput y\n"},
	{"gather_elements", "input x:f32[3x4]\nconst i:i64[3x2] = {0, 3, 1, -1, 2, 2}\ny = GatherElements(x, i) {axis=1}\noutput y\n"},
	{"gather_nd", "input x:f32[3x4x5]\nconst i:i64[2x2] = {0, 3, 2, -1}\ny = GatherND(x, i)\noutput y\n"},
	{"scatter", "input x:f32[3x70]\ninput u:f32[3x2]\nconst i:i64[3x2] = {0, 69, 1, -1, 2, 2}\n"
	            "y = ScatterElements(x, i, u) {axis=1,reduction=\"add\"}\noutput y\n"},
	{"scatter_nd", "input x:f32[70x5]\ninput u:f32[4x5]\nconst i:i64[4x1] = {0, 69, 3, 3}\n"
	               "y = ScatterND(x, i, u) {reduction=\"add\"}\noutput y\n"},
	{"scatter_nd", "input x:f32[7]\ninput u:f32[3]\nconst i:i64[3x1] = {6, 1, 6}\ny = ScatterND(x, i, u)\noutput y\n"},
	{"arg", "input x:f32[37x19]\ny = ArgMax(x) {axis=0}\noutput y\n"},
	{"cumulate", "input x:f32[37x19]\nconst a:i64[] = {1}\ny = CumSum(x, a) {reverse=1}\noutput y\n"},
	{"topk", "input x:f32[37x19]\nconst k:i64[1] = {5}\nv, y = TopK(x, k)\noutput v\noutput y\n"},
	{"taps", "input x:f32[1x3x9x7]\nconst r:f32[0] = {}\nconst s:f32[4] = {1, 1, 1.7, 2.3}\n"
	         "y = Resize(x, r, s) {mode=\"linear\"}\noutput y\n"},
	{"nms", "input b:f32[1x40x4]\ninput s:f32[1x2x40]\nconst m:i64[1] = {9}\nconst o:f32[1] = {0.5}\nconst t:f32[1] = {-0.5}\n"
	        "y = NonMaxSuppression(b, s, m, o, t)\noutput y\n"},
	{"nms_collect", "input b:f32[2x20x4]\ninput s:f32[2x3x20]\nconst m:i64[1] = {9}\nconst o:f32[1] = {0.3}\n"
	                "y = NonMaxSuppression(b, s, m, o)\noutput y\n"},
	{"nonzero", "input x:f32[37x19]\nr = Relu(x)\ny = NonZero(r)\noutput y\n"},
	{"nonzero_count", "input x:f32[9001]\nr = Relu(x)\ny = NonZero(r)\noutput y\n"},
	{"pack", "input x:f32[37x19]\nr = Relu(x)\ny = NonZero(r)\noutput y\n"},
	{"unique", "input x:f32[61]\nf = Floor(x)\ny = Unique(f)\noutput y\n"},
	{"det", "input x:f32[37x5x5]\ny = Det(x)\noutput y\n"},
	{"grid_sample", "input x:f32[1x3x9x7]\ninput g:f32[1x5x6x2]\ny = GridSample(x, g)\noutput y\n"},
	{"roi_align", "input x:f32[2x3x9x7]\nconst r:f32[2x4] = {0, 1, 5, 6, 2, 2, 6, 8}\nconst i:i64[2] = {0, 1}\n"
	              "y = RoiAlign(x, r, i) {output_height=3,output_width=2}\noutput y\n"},
};

#define MAX_TENSORS 5

struct result {
	uint32_t count;
	struct erc_tensor_info info[MAX_TENSORS];
	size_t bytes[MAX_TENSORS]; /* at the true dims */
	void *data[MAX_TENSORS];
};

/* Whether the artifact has a kernel of the template. */
static bool has_kernel(const char *stem)
{
	erc_artifact *artifact;
	bool found = false;
	ck_assert_int_eq(erc_artifact_open(artifact_path, &artifact), ERC_OK);
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_KERNELS); i++) {
		const struct erca_kernel *kernel = erc_artifact_record(artifact, ERC_TABLE_KERNELS, i);
		const char *name = erc_artifact_string(artifact, kernel->name);
		found |= !strncmp(name, stem, strlen(stem)) && strlen(name) == strlen(stem) + 13; /* STEM_ and 12 digits */
	}
	erc_artifact_close(artifact);
	return found;
}

static void bind_inputs(erc_model *model, erc_request *request)
{
	struct erc_tensor_info info;
	size_t n = 0;
	for (uint32_t i = 0; i < erc_model_input_count(model, 0); i++) {
		ck_assert_int_eq(erc_model_input_info(model, 0, i, &info), ERC_OK);
		ck_assert_int_eq(info.dtype, ERC_F32);
		float *data = arena_alloc(&test.ctx.arena, info.bytes);
		for (size_t k = 0; k < info.bytes / sizeof *data; k++, n++)
			data[k] = (float)((n * 2654435761u >> 7) % 2048) / 512.0f - 2.0f;
		ck_assert_int_eq(erc_request_bind_input(request, i, data, info.bytes), ERC_OK);
	}
}

/* Runs what lies at artifact_path, with the same inputs each time. */
static struct result run(uint32_t units)
{
	struct erc_runtime_options options = {.size = sizeof options, .units = units};
	struct result result = {0};
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	ck_assert_int_eq(erc_runtime_create(&options, &runtime), ERC_OK);
	ck_assert_msg(erc_model_load(runtime, artifact_path, NULL, &model) == ERC_OK, "%s", erc_error_detail());
	ck_assert_int_eq(erc_session_create(model, NULL, &session), ERC_OK);
	ck_assert_int_eq(erc_request_create(session, &request), ERC_OK);
	bind_inputs(model, request);
	result.count = erc_model_output_count(model, 0);
	ck_assert_uint_le(result.count, MAX_TENSORS);
	for (uint32_t i = 0; i < result.count; i++) {
		ck_assert_int_eq(erc_model_output_info(model, 0, i, &result.info[i]), ERC_OK);
		result.data[i] = arena_alloc(&test.ctx.arena, result.info[i].bytes);
		ck_assert_int_eq(erc_request_bind_output(request, i, result.data[i], result.info[i].bytes), ERC_OK);
	}
	ck_assert_int_eq(erc_request_run(request), ERC_OK);
	for (uint32_t i = 0; i < result.count; i++) {
		int64_t dims[ERC_MAX_RANK];
		uint32_t rank;
		ck_assert_int_eq(erc_request_output_dims(request, i, &rank, dims), ERC_OK);
		result.bytes[i] = erc_dtype_bytes(result.info[i].dtype);
		for (uint32_t d = 0; d < rank; d++)
			result.bytes[i] *= (size_t)dims[d];
	}
	ck_assert_int_eq(erc_request_destroy(request), ERC_OK);
	ck_assert_int_eq(erc_session_destroy(session), ERC_OK);
	ck_assert_int_eq(erc_model_unload(model), ERC_OK);
	ck_assert_int_eq(erc_runtime_destroy(runtime), ERC_OK);
	return result;
}

static void compile(const char *text, const char *target)
{
	struct ercc_options options = {.size = sizeof options, .message = keep_message, .targets = &target, .target_count = 1};
	write_model(model_path, text);
	enum ercc_status status = ercc_compile(model_path, artifact_path, &options);
	ck_assert_msg(status == ERCC_OK, "%s on %s: %s", text, target, test.errors);
}

static void assert_same(const struct result *a, const struct result *b, const char *text)
{
	ck_assert_uint_eq(a->count, b->count);
	for (uint32_t i = 0; i < a->count; i++) {
		const float *x = a->data[i], *y = b->data[i];
		ck_assert_uint_eq(a->bytes[i], b->bytes[i]);
		if (a->info[i].dtype != ERC_F32) {
			ck_assert_msg(!memcmp(x, y, a->bytes[i]), "%s: output %u differs", text, i);
			continue;
		}
		for (size_t k = 0; k < a->bytes[i] / sizeof *x; k++)
			ck_assert_msg(fabsf(x[k] - y[k]) <= 1e-5f * (1 + fabsf(x[k])), "%s: element %zu of output %u is %g, wanted %g",
			              text, k, i, y[k], x[k]);
	}
}

START_TEST(templates_compute_what_the_cpu_computes)
{
	static const char *const emulated[] = {"emulated:sm_75", "emulated:sm_90"};
	compile(cases[_i].text, "cpu:x86-64-v3");
	struct result wanted = run(1);
	for (size_t k = 0; k < COUNT_OF(emulated); k++) {
		compile(cases[_i].text, emulated[k]);
		ck_assert_msg(has_kernel(cases[_i].stem), "%s: no kernel %s", cases[_i].text, cases[_i].stem);
		struct result found = run(1 + (uint32_t)k);
		assert_same(&wanted, &found, cases[_i].text);
	}
}
END_TEST

/* STEM.row.c and STEM.cu: of all of them there is a case. */
START_TEST(every_template_has_a_case)
{
	for (const struct template_file *file = template_files; file->name; file++) {
		size_t length = strcspn(file->name, "."), k = 0;
		if (strcmp(file->name + length, ".row.c") && strcmp(file->name + length, ".cu"))
			continue;
		while (k < COUNT_OF(cases) && (strlen(cases[k].stem) != length || strncmp(cases[k].stem, file->name, length)))
			k++;
		ck_assert_msg(k < COUNT_OF(cases), "%s has no case", file->name);
	}
}
END_TEST

/* ---- the emulation: blocks of 64 threads with 1 KiB of local memory ---- */

/* The body as a tile function, called with buffers {in, out} of 64 floats each: in[i] = i. */
static void run_block(const char *body, float *out)
{
	static const char *const files[] = {"tile.h", "cuda_emulate.h", "kernel_math.h"};
	struct text source = {.arena = &test.ctx.arena};
	struct kernel kernel = {.name = "block"};
	const void *image;
	const char *toolchain, *text;
	int64_t bytes;
	text_printf(&source, "#define THREADS 64\n#define ASYNC 1\n#define LOCAL_BYTES 1024\n");
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		assert_ok(template_text(&test.ctx, files[i], &text));
		text_printf(&source, "%s", text);
	}
	text_printf(&source,
	            "TILE_BODY\n{\n\tconst float *in = (const float *)args->buffers[0];\n"
	            "\tfloat *out = (float *)args->buffers[1], *s = (float *)local;\n\tint t = THREAD;\n%s\n}\n", body);
	kernel.source = source.data;
	erc_sha256_of(kernel.source, strlen(kernel.source), kernel.digest);
	assert_ok(cc_build_image(&test.ctx, (const char *const[]){"-O2"}, 1, &kernel, 1, &image, &bytes, &toolchain));
	FILE *file = fopen(image_path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(image, 1, (size_t)bytes, file), (size_t)bytes);
	ck_assert_int_eq(fclose(file), 0);
	void *library = dlopen(image_path, RTLD_NOW);
	ck_assert_ptr_nonnull(library);
	erc_cpu_image_query_fn query = (erc_cpu_image_query_fn)dlsym(library, ERC_CPU_IMAGE_QUERY);
	float in[64];
	for (int i = 0; i < 64; i++)
		in[i] = (float)i;
	void *buffers[] = {in, out};
	const struct erc_tile_args args = {buffers, NULL, NULL};
	query()->kernels[0](&args, 0, arena_alloc(&test.ctx.arena, 1024 + 64 + 65 * 32768));
	dlclose(library);
	unlink(image_path);
}

static int wrong_values(const char *body, const float *wanted)
{
	float out[64] = {0};
	int wrong = 0;
	run_block(body, out);
	for (int i = 0; i < 64; i++)
		wrong += !(out[i] == wanted[i]);
	return wrong;
}

START_TEST(barriers_order_threads)
{
	float mirrored[64];
	for (int i = 0; i < 64; i++)
		mirrored[i] = (float)(63 - i);
	ck_assert_int_eq(wrong_values("s[t] = in[t]; barrier(); out[t] = s[63 - t];", mirrored), 0);
	ck_assert_int_gt(wrong_values("s[t] = in[t]; out[t] = s[63 - t];", mirrored), 8);
	/* the second round overwrites what others still read */
	ck_assert_int_eq(wrong_values("for (int i = 0; i < 3; i++) { s[t] = in[t] * (1 + (i == 1)); barrier(); out[t] = s[63 - t]; barrier(); }",
	                              mirrored), 0);
	ck_assert_int_gt(wrong_values("for (int i = 0; i < 4; i++) { s[t] = in[t] * (1 + (i & 1)); barrier(); if (i < 3) out[t] = s[63 - t]; }",
	                              mirrored), 8);
}
END_TEST

START_TEST(shuffles_exchange_within_a_warp)
{
	float sums[64];
	for (int i = 0; i < 64; i++)
		sums[i] = i < 32 ? 496 : 1520; /* 0 + ... + 31, 32 + ... + 63 */
	ck_assert_int_eq(wrong_values("float x = in[t]; for (int m = 16; m; m /= 2) x += shuffle_xor(x, m); out[t] = x;", sums), 0);
}
END_TEST

START_TEST(copies_arrive_when_they_are_waited_for)
{
	float same[64], mirrored[64], next[64];
	for (int i = 0; i < 64; i++) {
		same[i] = i % 8 ? (float)i : 0;
		mirrored[i] = (float)(63 - i);
		next[i] = (float)((i + 16) % 64);
	}
	ck_assert_int_eq(wrong_values("copy_4(s + t, in + t, t % 8); copy_commit(); copy_wait(0); out[t] = s[t];", same), 0);
	ck_assert_int_eq(wrong_values("copy_4(s + t, in + t, 1); copy_commit(); copy_wait(0); barrier(); out[t] = s[63 - t];", mirrored), 0);
	ck_assert_int_gt(wrong_values("copy_4(s + t, in + t, 1); copy_commit(); copy_wait(0); out[t] = s[63 - t];", mirrored), 8);
	ck_assert_int_eq(wrong_values("copy_4(s + t, in + t, 1); copy_commit(); float x = s[t]; copy_wait(0); out[t] = x;", same), 64);
	/* two groups: of the newer one nothing has arrived */
	ck_assert_int_eq(wrong_values("copy_4(s + t, in + t, 1); copy_commit(); copy_4(s + 64 + t, in + t, 1); copy_commit(); copy_wait(1);"
	                              "out[t] = t % 8 ? s[t] : s[64 + t] == s[64 + t]; copy_wait(0);", same), 0);
	ck_assert_int_eq(wrong_values("if (t < 16) copy_16(s + 4 * t, in + 4 * t, 1); copy_commit(); copy_wait(0); barrier();"
	                              "out[t] = s[(t + 16) % 64];", next), 0);
}
END_TEST

static const char *const fatal[] = {
	"if (t < 40) barrier(); out[t] = 0;",                         /* not all reach it */
	"if (t % 2) shuffle_xor(in[t], 1); out[t] = 0;",
	"copy_4(s + t, in + t, 1); copy_commit(); out[t] = 0;",       /* nobody waits */
	"copy_4(s + 256 + t, in + t, 1); copy_commit(); copy_wait(0);", /* behind local memory */
	"s[256 + t % 4] = 1; out[t] = 0;",
	"float4_store(s + 1, float4_load(in));",                      /* unaligned */
	"out[t] = shuffle_xor(in[t], 32);",                           /* another warp */
};

START_TEST(what_a_gpu_may_forgive_ends_the_process)
{
	float out[64];
	run_block(fatal[_i], out);
}
END_TEST

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	snprintf(artifact_path, sizeof artifact_path, "%s/model.erca", folder);
	snprintf(image_path, sizeof image_path, "%s/image.so", folder);
	Suite *suite = suite_create("emulated");
	TCase *templates = tcase_create("templates"), *emulation = tcase_create("emulation");
	tcase_set_timeout(templates, 120);
	tcase_set_timeout(emulation, 120);
	tcase_add_checked_fixture(templates, fixture_start, fixture_stop);
	tcase_add_checked_fixture(emulation, fixture_start, fixture_stop);
	tcase_add_loop_test(templates, templates_compute_what_the_cpu_computes, 0, COUNT_OF(cases));
	tcase_add_test(templates, every_template_has_a_case);
	tcase_add_test(emulation, barriers_order_threads);
	tcase_add_test(emulation, shuffles_exchange_within_a_warp);
	tcase_add_test(emulation, copies_arrive_when_they_are_waited_for);
	tcase_add_loop_test_raise_signal(emulation, what_a_gpu_may_forgive_ends_the_process, SIGILL, 0, COUNT_OF(fatal));
	suite_add_tcase(suite, templates);
	suite_add_tcase(suite, emulation);
	int failed = run_suite(suite);
	unlink(image_path), unlink(model_path), unlink(artifact_path), rmdir(folder);
	return failed;
}
