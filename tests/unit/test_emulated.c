/* GPU kernels, emulated, compared with those of the CPU: every template that is used on GPUs, with ragged shapes.
 * Also the emulation itself, which must find faults that a GPU sometimes hides. */
#include <dlfcn.h>
#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/include/erc.h"
#include "compiler/include/ercc.h"
#include "tests/unit/model_file.h"
#include "tests/unit/template_cases.h"
#include "compiler/targets/target.h"
#include "compiler/targets/template.h"
#include "schemas/artifact.h"
#include "schemas/sha256.h"
#include "schemas/tile.h"

static char folder[] = "/tmp/erc-emulated-XXXXXX";
static char model_path[64], artifact_path[64], image_path[64];

/* ---- templates against the CPU ---- */

#define MAX_TENSORS 5

struct result {
	uint32_t count;
	struct erc_tensor_info info[MAX_TENSORS];
	size_t bytes[MAX_TENSORS]; /* with the true dims */
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

/* Runs the artifact at artifact_path, with the same inputs each time. */
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
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .targets = &target,
	                               .target_count = 1};
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
			ck_assert_msg(fabsf(x[k] - y[k]) <= 1e-5f * (1 + fabsf(x[k])),
			              "%s: element %zu of output %u is %g, wanted %g", text, k, i, y[k], x[k]);
	}
}

START_TEST(templates_compute_what_the_cpu_computes)
{
	static const char *const emulated[] = {"emulated:sm_75", "emulated:sm_90"};
	compile(template_cases[_i].text, "cpu:x86-64-v3");
	struct result wanted = run(1);
	for (size_t k = 0; k < COUNT_OF(emulated); k++) {
		compile(template_cases[_i].text, emulated[k]);
		ck_assert_msg(has_kernel(template_cases[_i].stem), "%s: no kernel %s", template_cases[_i].text,
		              template_cases[_i].stem);
		struct result found = run(1 + (uint32_t)k);
		assert_same(&wanted, &found, template_cases[_i].text);
	}
}
END_TEST

/* There is a case for every STEM.row.c and STEM.cu. */
START_TEST(every_template_has_a_case)
{
	for (const struct template_file *file = template_files; file->name; file++) {
		size_t length = strcspn(file->name, "."), k = 0;
		if (strcmp(file->name + length, ".row.c") && strcmp(file->name + length, ".cu"))
			continue;
		while (k < COUNT_OF(template_cases) &&
		       (strlen(template_cases[k].stem) != length || strncmp(template_cases[k].stem, file->name, length)))
			k++;
		ck_assert_msg(k < COUNT_OF(template_cases), "%s has no case", file->name);
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
	            "\tfloat *out = (float *)args->buffers[1], *s = (float *)local;\n\tint t = THREAD;\n%s\n}\n",
	            body);
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
	/* the second iteration overwrites what other threads still read */
	ck_assert_int_eq(wrong_values("for (int i = 0; i < 3; i++) { s[t] = in[t] * (1 + (i == 1)); barrier(); out[t] = "
	                              "s[63 - t]; barrier(); }",
	                              mirrored),
	                 0);
	ck_assert_int_gt(wrong_values("for (int i = 0; i < 4; i++) { s[t] = in[t] * (1 + (i & 1)); barrier(); if (i < 3) "
	                              "out[t] = s[63 - t]; }",
	                              mirrored),
	                 8);
}
END_TEST

START_TEST(shuffles_exchange_within_a_warp)
{
	float sums[64];
	for (int i = 0; i < 64; i++)
		sums[i] = i < 32 ? 496 : 1520; /* 0 + ... + 31, 32 + ... + 63 */
	ck_assert_int_eq(wrong_values("float x = in[t]; for (int m = 16; m; m /= 2) x += shuffle_xor(x, m); out[t] = x;",
	                              sums),
	                 0);
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
	ck_assert_int_eq(wrong_values("copy_4(s + t, in + t, t % 8); copy_commit(); copy_wait(0); out[t] = s[t];", same),
	                 0);
	ck_assert_int_eq(
		wrong_values("copy_4(s + t, in + t, 1); copy_commit(); copy_wait(0); barrier(); out[t] = s[63 - t];", mirrored),
		0);
	ck_assert_int_gt(wrong_values("copy_4(s + t, in + t, 1); copy_commit(); copy_wait(0); out[t] = s[63 - t];",
	                              mirrored),
	                 8);
	ck_assert_int_eq(wrong_values("copy_4(s + t, in + t, 1); copy_commit(); float x = s[t]; copy_wait(0); out[t] = x;",
	                              same),
	                 64);
	/* two groups: nothing of the newer one has arrived */
	ck_assert_int_eq(wrong_values("copy_4(s + t, in + t, 1); copy_commit(); copy_4(s + 64 + t, in + t, 1); "
	                              "copy_commit(); copy_wait(1);"
	                              "out[t] = t % 8 ? s[t] : s[64 + t] == s[64 + t]; copy_wait(0);",
	                              same),
	                 0);
	ck_assert_int_eq(wrong_values("if (t < 16) copy_16(s + 4 * t, in + 4 * t, 1); copy_commit(); copy_wait(0); "
	                              "barrier();"
	                              "out[t] = s[(t + 16) % 64];",
	                              next),
	                 0);
}
END_TEST

static const char *const fatal[] = {
	/* reads nothing, from an unaligned address */
	"copy_16(s + 4 * t, in - 1, 0); copy_commit(); copy_wait(0); out[t] = s[4 * t];",
	"if (t < 40) barrier(); out[t] = 0;", /* not all threads reach it */
	"if (t % 2) shuffle_xor(in[t], 1); out[t] = 0;",
	"copy_4(s + t, in + t, 1); copy_commit(); out[t] = 0;",         /* nobody waits */
	"copy_4(s + 256 + t, in + t, 1); copy_commit(); copy_wait(0);", /* beyond local memory */
	"s[256 + t % 4] = 1; out[t] = 0;",
	"float4_store(s + 1, float4_load(in));", /* unaligned */
	"out[t] = shuffle_xor(in[t], 32);",      /* another warp */
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
	tcase_add_loop_test(templates, templates_compute_what_the_cpu_computes, 0, COUNT_OF(template_cases));
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
