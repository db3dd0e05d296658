/* Whole models, compiled and run, compared with sums in double: shapes at the edges of tiles, blocks and memory. */
#include <math.h>
#include <unistd.h>

#include "runtime/include/erc.h"
#include "compiler/include/ercc.h"
#include "tests/ops/guarded.h"
#include "tests/unit/model_file.h"

#define MAX_TENSORS 5

static char folder[] = "/tmp/erc-compute-XXXXXX";
static char model_path[64], artifact_path[64];

/* Different values in [-1, 1), the same in every run. */
static float value_at(size_t i)
{
	return (float)((i * 2654435761u >> 7) % 2048) / 1024.0f - 1.0f;
}

/* Compiles the text and runs it once. The inputs are value_at(), numbered through all inputs. Returns the only
 * output. */
static struct guarded compute(const char *text, struct guarded *inputs)
{
	static const char *const target[] = {"cpu:x86-64-v3"};
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .targets = target,
	                               .target_count = 1};
	struct erc_runtime_options one = {.size = sizeof one, .units = 1};
	struct erc_tensor_info info;
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	size_t n = 0;
	write_model(model_path, text);
	enum ercc_status status = ercc_compile(model_path, artifact_path, &options);
	ck_assert_msg(status == ERCC_OK, "%s: %s", text, test.errors);
	ck_assert_int_eq(erc_runtime_create(&one, &runtime), ERC_OK);
	ck_assert_int_eq(erc_model_load(runtime, artifact_path, NULL, &model), ERC_OK);
	ck_assert_int_eq(erc_session_create(model, NULL, &session), ERC_OK);
	ck_assert_int_eq(erc_request_create(session, &request), ERC_OK);
	ck_assert_uint_le(erc_model_input_count(model, 0), MAX_TENSORS);
	for (uint32_t i = 0; i < erc_model_input_count(model, 0); i++) {
		ck_assert_int_eq(erc_model_input_info(model, 0, i, &info), ERC_OK);
		inputs[i] = guarded_new(info.bytes, true);
		for (size_t k = 0; k < info.bytes / sizeof(float); k++)
			inputs[i].floats[k] = value_at(n++);
		ck_assert_int_eq(erc_request_bind_input(request, i, inputs[i].data, info.bytes), ERC_OK);
	}
	ck_assert_int_eq(erc_model_output_info(model, 0, 0, &info), ERC_OK);
	struct guarded out = guarded_new(info.bytes, true);
	memset(out.data, 0xff, out.bytes);
	ck_assert_int_eq(erc_request_bind_output(request, 0, out.data, out.bytes), ERC_OK);
	ck_assert_int_eq(erc_request_run(request), ERC_OK);
	ck_assert_int_eq(erc_request_destroy(request), ERC_OK);
	ck_assert_int_eq(erc_session_destroy(session), ERC_OK);
	ck_assert_int_eq(erc_model_unload(model), ERC_OK);
	ck_assert_int_eq(erc_runtime_destroy(runtime), ERC_OK);
	return out;
}

static void release(struct guarded *all, int count)
{
	for (int i = 0; i < count; i++)
		guarded_free(&all[i]);
}

static void assert_close(float found, double wanted, const char *what, size_t at)
{
	ck_assert_msg(fabs(found - wanted) <= 1e-5 * (1 + fabs(wanted)), "%s: element %zu is %g, wanted %g", what, at,
	              found, wanted);
}

/* Matrices with sizes that leave every kind of remainder, with unmapped memory after them. */
START_TEST(matmul_reads_nothing_behind_its_operands)
{
	static const int ks[] = {1, 15, 16, 17, 40};
	int m = _i / 5 * 3 + 1, k = ks[_i % 5], n = 5;
	char text[200];
	struct guarded tensors[MAX_TENSORS];
	snprintf(text, sizeof text, "input a:f32[%dx%d]\ninput b:f32[%dx%d]\ny = MatMul(a, b)\noutput y\n", m, k, k, n);
	struct guarded out = compute(text, tensors);
	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++) {
			double sum = 0;
			for (int l = 0; l < k; l++)
				sum += (double)tensors[0].floats[i * k + l] * tensors[1].floats[l * n + j];
			assert_close(out.floats[i * n + j], sum, text, (size_t)(i * n + j));
		}
	tensors[2] = out;
	release(tensors, 3);
}
END_TEST

/* One channel is a block of 16 lanes of which one is used: the images of a batch are a block apart. */
START_TEST(one_channel_images_of_a_batch_are_kept_apart)
{
	const char *text =
		"input x:f32[3x1x4x4]\nconst w:f32[1x1x1x1] = {2}\nconst v:f32[1x1x1x1] = {3}\n"
		"p = Conv(x, w)\ng = GlobalAveragePool(p)\nq = Conv(x, v)\nr = Mul(q, g)\ny = Conv(r, w)\noutput y\n";
	struct guarded tensors[MAX_TENSORS];
	struct guarded out = compute(text, tensors);
	for (size_t i = 0; i < 48; i++) {
		double mean = 0;
		for (size_t k = 0; k < 16; k++)
			mean += 2.0 * tensors[0].floats[i / 16 * 16 + k] / 16;
		assert_close(out.floats[i], 2 * 3 * tensors[0].floats[i] * mean, text, i);
	}
	tensors[1] = out;
	release(tensors, 2);
}
END_TEST

/* Known indices are steps along the axis, if their distances are equal. */
START_TEST(gather_of_known_indices)
{
	static const struct {
		const char *text;
		int at[3], count;
	} lists[] = {{"[1] = {-1}", {4}, 1},
	             {"[3] = {4, 2, 0}", {4, 2, 0}, 3},
	             {"[3] = {1, -3, 3}", {1, 2, 3}, 3},
	             {"[2] = {2, 2}", {2, 2}, 2},
	             {"[3] = {0, 3, 1}", {0, 3, 1}, 3}};
	char text[200];
	struct guarded tensors[MAX_TENSORS];
	snprintf(text, sizeof text, "input x:f32[2x5x3]\nconst i:i64%s\ny = Gather(x, i) {axis=1}\noutput y\n",
	         lists[_i].text);
	struct guarded out = compute(text, tensors);
	for (int o = 0; o < 2 * lists[_i].count * 3; o++) {
		int row = o / 3 % lists[_i].count, image = o / 3 / lists[_i].count;
		assert_close(out.floats[o], (double)tensors[0].floats[(image * 5 + lists[_i].at[row]) * 3 + o % 3], text,
		             (size_t)o);
	}
	tensors[1] = out;
	release(tensors, 2);
}
END_TEST

/* Queries and keys with sizes that leave every kind of remainder, with unmapped memory after them. */
START_TEST(attention_reads_nothing_behind_its_operands)
{
	int queries = _i % 3 * 8 + 1, keys = _i / 3 * 7 + 1, size = 5, values = 3;
	char text[300];
	struct guarded tensors[MAX_TENSORS];
	snprintf(text, sizeof text,
	         "input q:f32[%dx%d]\ninput k:f32[%dx%d]\ninput v:f32[%dx%d]\ninput m:f32[%dx%d]\n"
	         "s = MatMul(q, k)\na = Add(s, m)\nw = Softmax(a) {axis=-1}\ny = MatMul(w, v)\noutput y\n",
	         queries, size, size, keys, keys, values, queries, keys);
	struct guarded out = compute(text, tensors);
	for (int i = 0; i < queries; i++) {
		double sum = 0, row[3] = {0};
		for (int j = 0; j < keys; j++) {
			double score = (double)tensors[3].floats[i * keys + j];
			for (int d = 0; d < size; d++)
				score += (double)tensors[0].floats[i * size + d] * (double)tensors[1].floats[d * keys + j];
			sum += exp(score);
			for (int d = 0; d < values; d++)
				row[d] += exp(score) * (double)tensors[2].floats[j * values + d];
		}
		for (int d = 0; d < values; d++)
			assert_close(out.floats[i * values + d], row[d] / sum, text, (size_t)(i * values + d));
	}
	tensors[4] = out;
	release(tensors, 5);
}
END_TEST

START_TEST(gemm_of_nothing_keeps_c)
{
	const char *text = "input a:f32[2x0]\ninput b:f32[0x3]\ninput c:f32[3]\ny = Gemm(a, b, c) {beta=2.0}\noutput y\n";
	struct guarded tensors[MAX_TENSORS];
	struct guarded out = compute(text, tensors);
	for (size_t i = 0; i < 6; i++)
		assert_close(out.floats[i], 2.0 * tensors[2].floats[i % 3], text, i);
	tensors[3] = out;
	release(tensors, 4);
}
END_TEST

/* With rounding up, a window that is larger than its input by less than a stride gives one output. */
START_TEST(a_window_larger_than_its_input_rounds_up_to_one)
{
	const char *text =
		"input x:f32[1x1x2x3]\ny = MaxPool(x) {kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1}\noutput y\n";
	struct guarded tensors[MAX_TENSORS];
	struct guarded out = compute(text, tensors);
	double max = -1;
	for (size_t i = 0; i < 6; i++)
		max = fmax(max, tensors[0].floats[i]);
	ck_assert_uint_eq(out.bytes, sizeof(float));
	assert_close(out.floats[0], max, text, 0);
	tensors[1] = out;
	release(tensors, 2);
}
END_TEST

/* A layer normalisation that an exporter split into parts is computed as one, with the same result. */
START_TEST(normalisation_in_parts)
{
	const char *text =
		"input x:f32[3x40]\nconst two:f32[] = {2}\nconst eps:f32[] = {0.125}\nconst g:f32[40] = splat{3}\n"
		"const b:f32[40] = splat{0.5}\nm = ReduceMean(x) {axes=[-1]}\nd = Sub(x, m)\ns = Pow(d, two)\n"
		"v = ReduceMean(s) {axes=[-1]}\nw = Add(v, eps)\nr = Sqrt(w)\nn = Div(d, r)\nk = Mul(n, g)\ny = Add(k, b)\n"
		"output y\n";
	struct guarded tensors[MAX_TENSORS];
	struct guarded out = compute(text, tensors);
	for (size_t row = 0; row < 3; row++) {
		const float *x = tensors[0].floats + row * 40;
		double mean = 0, variance = 0;
		for (size_t i = 0; i < 40; i++)
			mean += x[i] / 40.0;
		for (size_t i = 0; i < 40; i++)
			variance += (x[i] - mean) * (x[i] - mean) / 40;
		for (size_t i = 0; i < 40; i++)
			assert_close(out.floats[row * 40 + i], (x[i] - mean) / sqrt(variance + 0.125) * 3 + 0.5, text,
			             row * 40 + i);
	}
	tensors[1] = out;
	release(tensors, 2);
}
END_TEST

/* If axes are missing, the attribute applies as for an empty list; squares are still computed. */
START_TEST(a_reduction_without_axes_may_be_none)
{
	const char *text =
		"graph \"g\" ir=8 opset=18\ninput x:f32[2x3]\ny = ReduceSumSquare(x) {noop_with_empty_axes=1}\noutput y\n";
	struct guarded tensors[MAX_TENSORS];
	struct guarded out = compute(text, tensors);
	ck_assert_uint_eq(out.bytes, 6 * sizeof(float));
	for (size_t i = 0; i < 6; i++)
		assert_close(out.floats[i], (double)tensors[0].floats[i] * tensors[0].floats[i], text, i);
	tensors[1] = out;
	release(tensors, 2);
}
END_TEST

/* The corners of a dim of 1 are its middle: both coordinates are the last column of the matrix. */
START_TEST(affine_grid_of_one_place_is_the_middle)
{
	const char *text = "graph \"g\" ir=9 opset=20\ninput t:f32[1x2x3]\nconst s:i64[4] = {1, 1, 1, 1}\n"
					   "y = AffineGrid(t, s) {align_corners=1}\noutput y\n";
	struct guarded tensors[MAX_TENSORS];
	struct guarded out = compute(text, tensors);
	assert_close(out.floats[0], tensors[0].floats[2], text, 0);
	assert_close(out.floats[1], tensors[0].floats[5], text, 1);
	tensors[1] = out;
	release(tensors, 2);
}
END_TEST

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	snprintf(artifact_path, sizeof artifact_path, "%s/model.erca", folder);
	Suite *suite = suite_create("compute");
	TCase *edges = tcase_create("edges");
	tcase_set_timeout(edges, 60);
	tcase_add_checked_fixture(edges, fixture_start, fixture_stop);
	tcase_add_loop_test(edges, matmul_reads_nothing_behind_its_operands, 0, 70);
	tcase_add_test(edges, one_channel_images_of_a_batch_are_kept_apart);
	tcase_add_test(edges, a_window_larger_than_its_input_rounds_up_to_one);
	tcase_add_test(edges, normalisation_in_parts);
	tcase_add_loop_test(edges, gather_of_known_indices, 0, 5);
	tcase_add_loop_test(edges, attention_reads_nothing_behind_its_operands, 0, 12);
	tcase_add_test(edges, gemm_of_nothing_keeps_c);
	tcase_add_test(edges, a_reduction_without_axes_may_be_none);
	tcase_add_test(edges, affine_grid_of_one_place_is_the_middle);
	suite_add_tcase(suite, edges);
	int failed = run_suite(suite);
	unlink(model_path), unlink(artifact_path), rmdir(folder);
	return failed;
}
