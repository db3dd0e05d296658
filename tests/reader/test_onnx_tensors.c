/* Tensors in ONNX files: initializers dense and sparse, of every type, and those that are also inputs. */
#include "tests/reader/onnx_model.h"

START_TEST(initializers_that_are_also_inputs_are_constants)
{
	static const float weights[3] = {1, 2, 3};
	build_input(arena, top, build_info(arena, "w", ERC_F32, 1, (int64_t[]){3}, NULL));
	build_initializer(arena, top, build_tensor(arena, "w", ERC_F32, 1, (int64_t[]){3}, weights, 12));
	build_node(arena, top, "Add", "", "y,w", "z");
	build_output(arena, top, build_info(arena, "z", ERC_F32, -1, NULL, NULL));
	for (model->ir_version = 3; model->ir_version < 5; model->ir_version++)
		assert_text(must_read(), "input x:f32[2x3]\ny = Relu(x) \"relu\"\nconst w:f32[3] = {1, 2, 3}\n"
		                         "z = Add(y, w) \"Add_1\"\noutput y\noutput z\n");
	build_initializer(arena, top, top->initializer[0]);
	assert_refused(ERCC_MODEL, "initializer 'w': 'w' is defined already");
	top->initializer[1] = build_tensor(arena, "", ERC_F32, 0, NULL, weights, 4);
	assert_refused(ERCC_MODEL, "initializer '': it has no name");
}
END_TEST

START_TEST(defaults_are_of_their_inputs_type)
{
	static const float weights[3] = {1, 2, 3};
	build_initializer(arena, top, build_tensor(arena, "w", ERC_F32, 1, (int64_t[]){3}, weights, 12));
	build_input(arena, top, build_info(arena, "w", ERC_F32, 1, (int64_t[]){-1}, NULL));
	must_read();
	top->input[top->n_input - 1] = build_info(arena, "w", ERC_I32, 1, (int64_t[]){3}, NULL);
	assert_refused(ERCC_MODEL, "input 'w': it is i32[3], but its default is f32[3]");
	top->input[top->n_input - 1] = build_info(arena, "w", ERC_F32, 1, (int64_t[]){4}, NULL);
	assert_refused(ERCC_MODEL, "input 'w': it is f32[4], but its default is f32[3]");
	top->input[top->n_input - 1] = build_info(arena, "w", ERC_F32, 2, (int64_t[]){1, 3}, NULL);
	assert_refused(ERCC_MODEL, "input 'w': it is f32[1x3], but its default is f32[3]");
}
END_TEST

START_TEST(elements_are_given_once)
{
	static const float weights[3] = {1, 2, 3};
	onnx_tensor *tensor = build_tensor(arena, "w", ERC_F32, 1, (int64_t[]){3}, weights, 12);
	build_initializer(arena, top, tensor);
	must_read();
	BUILD_PUSH(arena, tensor, float_data, 1);
	assert_refused(ERCC_MODEL, "initializer 'w': its elements are given more than once");
	tensor->n_float_data = 0;
	BUILD_PUSH(arena, tensor, int64_data, 1);
	assert_refused(ERCC_MODEL, "initializer 'w': its elements are given more than once");
}
END_TEST

/* One tensor of every type, as raw data and in its typed field; both give the same result. */
static const struct {
	enum erc_dtype dtype;
	const char *field;
	const char *text; /* of two elements */
	uint64_t raw[4];  /* as in raw_data, one 64-bit word each unless narrower */
	size_t raw_bytes;
} typed_cases[] = {
	{ERC_F32, "float", "{1.5, -2}", {0xc00000003fc00000}, 8},
	{ERC_C64, "float", "{1:2, 3:4}", {0x400000003f800000, 0x4080000040400000}, 16},
	{ERC_F64, "double", "{1.5, -2}", {0x3ff8000000000000, 0xc000000000000000}, 16},
	{ERC_C128,
     "double",
     "{1:2, 3:4}",
     {0x3ff0000000000000, 0x4000000000000000, 0x4008000000000000, 0x4010000000000000},
     32},
	{ERC_I64, "int64", "{-1, 9}", {UINT64_MAX, 9}, 16},
	{ERC_U64, "uint64", "{18446744073709551615, 9}", {UINT64_MAX, 9}, 16},
	{ERC_U32, "uint64", "{4294967295, 9}", {0x9ffffffff}, 8},
	{ERC_I32, "int32", "{-1, 9}", {0x9ffffffff}, 8},
	{ERC_I16, "int32", "{-1, 9}", {0x9ffff}, 4},
	{ERC_U16, "int32", "{65535, 9}", {0x9ffff}, 4},
	{ERC_I8, "int32", "{-1, 9}", {0x9ff}, 2},
	{ERC_U8, "int32", "{255, 9}", {0x9ff}, 2},
	{ERC_BOOL, "int32", "{0, 1}", {0x100}, 2},
	{ERC_F16, "int32", "{0x3c00, 0xfc00}", {0xfc003c00}, 4},
	{ERC_BF16, "int32", "{0x3f80, 0xff80}", {0xff803f80}, 4},
};

/* The numbers of a typed field: one for each element, or for each part of a complex element. */
static void fill_typed(onnx_tensor *tensor, int index)
{
	const char *raw = (const char *)typed_cases[index].raw, *field = typed_cases[index].field;
	size_t bytes = dtype_bytes(typed_cases[index].dtype);
	bool complex = typed_cases[index].dtype == ERC_C64 || typed_cases[index].dtype == ERC_C128;
	bytes = complex ? bytes / 2 : bytes;
	for (size_t at = 0; at < typed_cases[index].raw_bytes; at += bytes) {
		uint64_t bits = 0;
		float f;
		double d;
		memcpy(&bits, raw + at, bytes);
		memcpy(&f, &bits, 4);
		memcpy(&d, &bits, 8);
		/* Signed narrow types are sign-extended, as writers do. */
		int64_t extended = (int64_t)(bits << (64 - 8 * bytes)) >> (64 - 8 * bytes);
		bool is_signed = dtype_name(typed_cases[index].dtype)[0] == 'i';
		if (strcmp(field, "float") == 0)
			BUILD_PUSH(arena, tensor, float_data, f);
		else if (strcmp(field, "double") == 0)
			BUILD_PUSH(arena, tensor, double_data, d);
		else if (strcmp(field, "int64") == 0)
			BUILD_PUSH(arena, tensor, int64_data, (int64_t)bits);
		else if (strcmp(field, "uint64") == 0)
			BUILD_PUSH(arena, tensor, uint64_data, bits);
		else
			BUILD_PUSH(arena, tensor, int32_data, is_signed ? (int32_t)extended : (int32_t)bits);
	}
}

START_TEST(all_types_read_raw_and_typed)
{
	const char *type = dtype_name(typed_cases[_i].dtype);
	const char *expected =
		arena_printf(arena, "input x:f32[2x3]\ny = Relu(x) \"relu\"\noutput y\nconst w:%s[2] = %s\noutput w\n", type,
	                 typed_cases[_i].text);
	onnx_tensor *tensor = build_tensor(arena, "w", typed_cases[_i].dtype, 1, (int64_t[]){2}, typed_cases[_i].raw,
	                                   typed_cases[_i].raw_bytes);
	build_initializer(arena, top, tensor);
	build_output(arena, top, build_info(arena, "w", 1, -1, NULL, NULL));
	assert_text(must_read(), expected);
	tensor->raw_data.len--;
	assert_refused(ERCC_MODEL, "initializer 'w'");
	tensor->has_raw_data = 0;
	assert_refused(ERCC_MODEL, "the file holds 0");
	fill_typed(tensor, _i);
	assert_text(must_read(), expected);
	fill_typed(tensor, _i);
	assert_refused(ERCC_MODEL, "asks for 2 elements");
	tensor->dims[0] = 4;
	must_read();
	tensor->dims[0] = (int64_t)1 << 40;
	assert_refused(ERCC_MODEL, "initializer 'w'");
}
END_TEST

START_TEST(strings_are_read)
{
	onnx_tensor *tensor = build_tensor(arena, "w", ERC_STRING, 1, (int64_t[]){2}, NULL, 0);
	BUILD_PUSH(arena, tensor, string_data, ((ProtobufCBinaryData){2, (uint8_t *)"ab"}));
	build_initializer(arena, top, tensor);
	build_output(arena, top, build_info(arena, "w", ERC_STRING, -1, NULL, NULL));
	assert_refused(ERCC_MODEL, "asks for 2 strings");
	BUILD_PUSH(arena, tensor, string_data, ((ProtobufCBinaryData){0, NULL}));
	assert_text(must_read(),
	            "input x:f32[2x3]\ny = Relu(x) \"relu\"\noutput y\nconst w:string[2] = {\"ab\", \"\"}\noutput w\n");
}
END_TEST

START_TEST(bools_are_normalised)
{
	build_initializer(arena, top, build_tensor(arena, "w", ERC_BOOL, 1, (int64_t[]){3}, "\x02\x00\xff", 3));
	build_output(arena, top, build_info(arena, "w", ERC_BOOL, -1, NULL, NULL));
	const uint8_t *data = must_read()->outputs[1]->constant->data;
	ck_assert(data[0] == 1 && data[1] == 0 && data[2] == 1);
}
END_TEST

START_TEST(shapes_of_tensors_are_checked)
{
	onnx_tensor *tensor = build_tensor(arena, "w", ERC_F32, 2, (int64_t[]){2, 0}, NULL, 0);
	build_initializer(arena, top, tensor);
	must_read();
	tensor->dims[0] = -1;
	assert_refused(ERCC_MODEL, "initializer 'w': dimension 0 is -1");
	tensor->dims[0] = INT64_MAX, tensor->dims[1] = INT64_MAX;
	assert_refused(ERCC_MODEL, "has too many elements");
	tensor->dims[1] = 0;
	assert_refused(ERCC_MODEL, "has too many elements");
	tensor->n_dims = 0;
	for (int i = 0; i < 9; i++)
		BUILD_PUSH(arena, tensor, dims, 1);
	assert_refused(ERCC_UNSUPPORTED, "rank 9 is above 8");
	tensor->n_dims = 1;
	tensor->data_type = 28;
	assert_refused(ERCC_UNSUPPORTED, "element type 28 (float6e3m2)");
	tensor->data_type = 99;
	assert_refused(ERCC_UNSUPPORTED, "element type 99");
	tensor->data_type = ERC_F32;
	tensor->segment = build_message(arena, &erc__onnx__tensor_proto__segment__descriptor);
	assert_refused(ERCC_UNSUPPORTED, "segments");
}
END_TEST

START_TEST(sparse_initializers_become_dense)
{
	BUILD_PUSH(arena, top, sparse_initializer, build_sparse("a", (int64_t[]){0, 5}, 2, 0));
	BUILD_PUSH(arena, top, sparse_initializer, build_sparse("b", (int64_t[]){0, 1, 1, 0, 1, 2}, 3, 2));
	build_output(arena, top, build_info(arena, "a", ERC_F32, -1, NULL, NULL));
	build_output(arena, top, build_info(arena, "b", ERC_F32, -1, NULL, NULL));
	assert_text(must_read(), "input x:f32[2x3]\ny = Relu(x) \"relu\"\noutput y\nconst a:f32[2x3] = {5, 0, 0, 0, 0, 6}\n"
	                         "output a\nconst b:f32[2x3] = {0, 5, 0, 6, 0, 7}\noutput b\n");
}
END_TEST

START_TEST(bad_sparse_initializers_are_refused)
{
	BUILD_PUSH(arena, top, sparse_initializer, build_sparse("a", (int64_t[]){0, 6}, 2, 0));
	assert_refused(ERCC_MODEL, "initializer 'a': index 1 of the sparse tensor lies outside [2x3]");
	top->sparse_initializer[0] = build_sparse("a", (int64_t[]){-1, 0}, 2, 0);
	assert_refused(ERCC_MODEL, "index 0 of the sparse tensor lies outside");
	top->sparse_initializer[0] = build_sparse("a", (int64_t[]){0, 3}, 1, 2);
	assert_refused(ERCC_MODEL, "index 0 of the sparse tensor lies outside");
	top->sparse_initializer[0] = build_sparse("a", (int64_t[]){0, 1, 2}, 1, 3);
	assert_refused(ERCC_MODEL, "do not agree");
	top->sparse_initializer[0]->dims[0] = (int64_t)1 << 30;
	assert_refused(ERCC_UNSUPPORTED, "too large for a sparse tensor");
	top->sparse_initializer[0]->values = NULL;
	assert_refused(ERCC_MODEL, "without values or indices");
}
END_TEST

/* ---- nodes ---- */

int main(void)
{
	Suite *suite = suite_create("onnx tensors");
	TCase *tests = tcase_create("tensors");
	tcase_add_checked_fixture(tests, start, fixture_stop);
	tcase_add_test(tests, initializers_that_are_also_inputs_are_constants);
	tcase_add_test(tests, defaults_are_of_their_inputs_type);
	tcase_add_test(tests, elements_are_given_once);
	tcase_add_loop_test(tests, all_types_read_raw_and_typed, 0, (int)COUNT_OF(typed_cases));
	tcase_add_test(tests, strings_are_read);
	tcase_add_test(tests, bools_are_normalised);
	tcase_add_test(tests, shapes_of_tensors_are_checked);
	tcase_add_test(tests, sparse_initializers_become_dense);
	tcase_add_test(tests, bad_sparse_initializers_are_refused);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
