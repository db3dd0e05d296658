/* Tensors of 8, 4 and 2 bits in ONNX files: raw_data and int32_data, packed where elements have less than a byte. */
#include "tests/unit/model_file.h"

/* ---- the reader: an initializer that is the only output ---- */

static onnx_model *model_of(onnx_tensor *tensor)
{
	onnx_model *model = build_model(&test.ctx.arena, 13, 25);
	build_initializer(&test.ctx.arena, model->graph, tensor);
	build_output(&test.ctx.arena, model->graph, build_info(&test.ctx.arena, "w", 0, -1, NULL, NULL));
	return model;
}

static enum ercc_status read_tensor(onnx_tensor *tensor, const struct tensor **out)
{
	size_t bytes;
	struct graph *graph;
	void *data = build_pack(&test.ctx.arena, model_of(tensor), &bytes);
	TRY(onnx_read_model_bytes(&test.ctx, data, bytes, NULL, &graph));
	*out = graph->outputs[0]->constant;
	return ERCC_OK;
}

/* Two bytes, or numbers, of the file, and the elements that they hold. */
static const struct {
	enum erc_dtype dtype;
	int count;
	uint8_t data[2];
	int64_t wanted[8];
} rows[] = {
	{ERC_F8E4M3FN, 2, {0x38, 0xff}, {0x38, 0xff}},
	{ERC_F8E4M3FNUZ, 2, {0x80, 1}, {0x80, 1}},
	{ERC_F8E5M2, 2, {0x7c, 0x3c}, {0x7c, 0x3c}},
	{ERC_F8E5M2FNUZ, 2, {0x80, 0x7f}, {0x80, 0x7f}},
	{ERC_F8E8M0, 2, {0, 0xfe}, {0, 0xfe}},
	{ERC_U4, 3, {0x21, 0xf3}, {1, 2, 3}},
	{ERC_U4, 4, {0x21, 0xf3}, {1, 2, 3, 15}},
	{ERC_I4, 3, {0x8f, 0x07}, {-1, -8, 7}},
	{ERC_F4E2M1, 3, {0xe9, 1}, {9, 14, 1}},
	{ERC_U2, 5, {0xe4, 0xff}, {0, 1, 2, 3, 3}},
	{ERC_I2, 8, {0xe4, 0x1b}, {0, 1, -2, -1, -1, -2, 1, 0}},
};

/* With that many bytes, or numbers. */
static onnx_tensor *row_tensor(int row, bool raw, size_t length)
{
	struct arena *arena = &test.ctx.arena;
	uint8_t *data = arena_alloc(arena, 4);
	memcpy(data, rows[row].data, 2);
	onnx_tensor *tensor =
		build_tensor(arena, "w", rows[row].dtype, 1, (int64_t[]){rows[row].count}, raw ? data : NULL, raw ? length : 0);
	for (size_t i = 0; !raw && i < length; i++)
		BUILD_PUSH(arena, tensor, int32_data, data[i]);
	return tensor;
}

START_TEST(elements_are_read)
{
	const struct tensor *tensor;
	for (int raw = 0; raw < 2; raw++) {
		assert_ok(read_tensor(row_tensor(_i, raw, 2), &tensor));
		ck_assert_int_eq(tensor->dtype, rows[_i].dtype);
		for (int i = 0; i < rows[_i].count; i++)
			ck_assert_int_eq(tensor_int(tensor, i), rows[_i].wanted[i]);
	}
}
END_TEST

START_TEST(data_of_another_length_are_refused)
{
	const struct tensor *tensor;
	bool packed = dtype_packing(rows[_i].dtype) > 1;
	for (size_t length = 1; length < 4; length += 2) {
		assert_fails(read_tensor(row_tensor(_i, true, length), &tensor), ERCC_MODEL,
		             arena_printf(&test.ctx.arena, "takes 2 bytes, the file holds %zu", length));
		assert_fails(read_tensor(row_tensor(_i, false, length), &tensor), ERCC_MODEL,
		             arena_printf(&test.ctx.arena, "elements of %s, the file holds %zu%s", dtype_name(rows[_i].dtype),
		                          length, packed ? " packed bytes" : ""));
	}
}
END_TEST

/* ---- packing ---- */

START_TEST(packing_is_undone)
{
	static const enum erc_dtype dtypes[] = {ERC_U4, ERC_I4, ERC_F4E2M1, ERC_U2, ERC_I2};
	for (size_t k = 0; k < COUNT_OF(dtypes); k++)
		for (int count = 0; count < 20; count++) {
			uint8_t bytes[20], packed[12], back[20];
			int64_t size = packed_bytes(dtypes[k], count);
			ck_assert_int_eq(size, (count + dtype_packing(dtypes[k]) - 1) / dtype_packing(dtypes[k]));
			for (int i = 0; i < count; i++)
				bytes[i] = packed_element(dtypes[k], i * 5 + 3);
			memset(packed, 0xff, sizeof packed);
			elements_pack(dtypes[k], bytes, count, packed);
			ck_assert_uint_eq(packed[size], 0xff);
			elements_unpack(dtypes[k], packed, count, back);
			ck_assert_mem_eq(bytes, back, (size_t)count);
		}
	ck_assert_int_eq(packed_bytes(ERC_F32, 3), 12);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("onnx stored types");
	TCase *tests = tcase_create("tensors");
	tcase_add_checked_fixture(tests, fixture_start, fixture_stop);
	tcase_add_loop_test(tests, elements_are_read, 0, (int)COUNT_OF(rows));
	tcase_add_loop_test(tests, data_of_another_length_are_refused, 0, (int)COUNT_OF(rows));
	tcase_add_test(tests, packing_is_undone);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
