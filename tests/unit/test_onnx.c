/* The ONNX reader with models built in memory: the graph that is made of every part, and what is rejected. */
#include "tools/dev/onnx_builder.h"
#include "tests/unit/graph_fixture.h"

static struct arena *arena;
static onnx_model *model;
static onnx_graph *top;

/* x:f32[2x3] -> Relu -> y */
static void start(void)
{
	fixture_start();
	arena = &test.ctx.arena;
	model = build_model(arena, 8, 17);
	top = model->graph;
	build_input(arena, top, build_info(arena, "x", ERC_F32, 2, (int64_t[]){2, 3}, NULL));
	build_node(arena, top, "Relu", "relu", "x", "y");
	build_output(arena, top, build_info(arena, "y", ERC_F32, 2, (int64_t[]){2, 3}, NULL));
}

static enum ercc_status read_model(struct graph **out)
{
	size_t bytes;
	void *data = build_pack(arena, model, &bytes);
	return onnx_read_model_bytes(&test.ctx, data, bytes, NULL, out);
}

static struct graph *must_read(void)
{
	struct graph *graph;
	assert_ok(read_model(&graph));
	assert_ok(graph_verify(graph, "import"));
	return graph;
}

#define assert_refused(status, words) \
	do { \
		struct graph *graph_; \
		assert_fails(read_model(&graph_), (status), (words)); \
	} while (0)

START_TEST(a_model_becomes_a_graph)
{
	struct graph *graph = must_read();
	assert_text(graph, "input x:f32[2x3]\ny = Relu(x) \"relu\"\noutput y\n");
	ck_assert_int_eq(graph->ir_version, 8);
	ck_assert_int_eq(graph->opset, 17);
	ck_assert_str_eq(graph->producer, "erc");
	ck_assert_str_eq(graph->name, "main");
	ck_assert_int_eq(graph->first->opset, 17);
	ck_assert_int_eq(graph->output_types[0].dtype, ERC_F32);
	ck_assert_int_eq(graph->output_types[0].shape.dims[1], 3);
}
END_TEST

/* ---- versions and domains ---- */

/* Newer versions are taken as the newest known one, unless the options are strict. */
START_TEST(ir_versions_3_to_14_are_read)
{
	for (int64_t version = -1; version <= 17; version++) {
		model->ir_version = version;
		for (test.options.strict = 0; test.options.strict < 2; test.options.strict++) {
			if (version < 3 || (version > 14 && test.options.strict)) {
				assert_refused(ERCC_UNSUPPORTED, "is not one of 3 to 14");
				continue;
			}
			struct graph *graph = must_read();
			ck_assert_int_eq(graph->ir_version, version < 14 ? version : 14);
			ck_assert_int_eq(graph->newer_ir_version, version > 14 ? version : 0);
		}
	}
	model->has_ir_version = 0;
	assert_refused(ERCC_MODEL, "has no IR version");
}
END_TEST

START_TEST(opsets_1_to_28_are_read)
{
	for (int64_t version = -1; version <= 31; version++) {
		model->opset_import[0]->version = version;
		for (test.options.strict = 0; test.options.strict < 2; test.options.strict++) {
			if (version < 1 || (version > 28 && test.options.strict)) {
				assert_refused(version ? ERCC_UNSUPPORTED : ERCC_MODEL, "opset");
				continue;
			}
			struct graph *graph = must_read();
			ck_assert_int_eq(graph->first->opset, version < 28 ? version : 28);
			ck_assert_int_eq(graph->opset, version < 28 ? version : 28);
			ck_assert_int_eq(graph->newer_opset, version > 28 ? version : 0);
		}
	}
}
END_TEST

/* A field that no known version has, in each message of the model. */
START_TEST(new_fields_of_newer_versions_are_refused)
{
	ProtobufCMessage *const messages[] = {&model->base,
	                                      &top->base,
	                                      &top->node[0]->base,
	                                      &top->input[0]->base,
	                                      &top->input[0]->type->base,
	                                      &top->input[0]->type->tensor_type->base,
	                                      &top->input[0]->type->tensor_type->shape->base,
	                                      &top->input[0]->type->tensor_type->shape->dim[0]->base,
	                                      &model->opset_import[0]->base};
	ProtobufCMessageUnknownField field = {40, PROTOBUF_C_WIRE_TYPE_VARINT, 1, (uint8_t *)"\1"};
	for (size_t i = 0; i < COUNT_OF(messages); i++) {
		messages[i]->n_unknown_fields = 1;
		messages[i]->unknown_fields = &field;
		model->ir_version = 14;
		must_read();
		model->ir_version = 15;
		assert_refused(ERCC_UNSUPPORTED, arena_printf(arena, "field 40 of %s", messages[i]->descriptor->short_name));
		messages[i]->n_unknown_fields = 0;
		must_read();
	}
}
END_TEST

START_TEST(domains_have_their_own_opsets)
{
	build_opset(arena, model, "com.example", 3);
	build_node(arena, top, "Odd", "odd", "y", "z")->domain = "com.example";
	build_node(arena, top, "Stray", "stray", "y", "w")->domain = "org.nobody";
	build_node(arena, top, "Neg", "neg", "y", "v")->domain = "ai.onnx";
	struct graph *graph = must_read();
	const struct node *odd = graph->first->next, *stray = odd->next, *neg = stray->next;
	ck_assert_str_eq(odd->domain, "com.example");
	ck_assert_int_eq(odd->opset, 3);
	ck_assert_int_eq(stray->opset, 1);
	ck_assert_str_eq(neg->domain, "");
	ck_assert_int_eq(neg->opset, 17);
	model->opset_import[0]->domain = "ai.onnx";
	ck_assert_int_eq(must_read()->first->opset, 17);
}
END_TEST

START_TEST(the_compilers_own_operators_are_refused)
{
	build_node(arena, top, "Normalize", "own", "y", "z")->domain = "erc";
	assert_refused(ERCC_UNSUPPORTED, "node 'own' (Normalize): the operators of the domain 'erc'");
}
END_TEST

START_TEST(missing_and_contradicting_opsets_are_refused)
{
	build_opset(arena, model, "ai.onnx", 16);
	assert_refused(ERCC_MODEL, "two versions");
	model->opset_import[1]->version = 17;
	must_read();
	model->n_opset_import = 0;
	assert_refused(ERCC_MODEL, "node 'relu' (Relu): the model imports no opset");
}
END_TEST

/* ---- inputs and outputs ---- */

START_TEST(symbolic_dims_keep_their_names)
{
	build_input(arena, top, build_info(arena, "ids", ERC_I64, 2, (int64_t[]){-1, 7}, "batch"));
	build_input(arena, top, build_info(arena, "nameless", ERC_BOOL, 1, (int64_t[]){-1}, NULL));
	build_input(arena, top, build_info(arena, "rankless", ERC_F16, -1, NULL, NULL));
	build_input(arena, top, build_info(arena, "scalar", ERC_F64, 0, NULL, NULL));
	build_input(arena, top, build_info(arena, "none", ERC_U8, 1, (int64_t[]){0}, NULL));
	/* Some exporters write an unknown dim as a negative number. */
	top->input[2]->type->tensor_type->shape->dim[0]->has_dim_value = 1;
	top->input[2]->type->tensor_type->shape->dim[0]->dim_value = -1;
	assert_text(must_read(), "input x:f32[2x3]\ninput ids:i64[?x7] (batch, _)\ninput nameless:bool[?]\n"
	                         "input rankless:f16[*]\ninput scalar:f64[]\ninput none:u8[0]\n"
	                         "y = Relu(x) \"relu\"\noutput y\n");
}
END_TEST

START_TEST(sequences_and_optionals_keep_their_kind)
{
	for (int i = 0; i < 3; i++) {
		onnx_value_info *info = build_info(arena, arena_printf(arena, "in%d", i), ERC_F16, 2, (int64_t[]){-1, 3}, "n");
		build_input(arena, top, info);
		if (i != 1)
			build_type_around(arena, info, false);
		if (i != 0)
			build_type_around(arena, info, true);
	}
	assert_text(must_read(),
	            "input x:f32[2x3]\ninput in0:f16[?x3] (n, _) sequence\ninput in1:f16[?x3] (n, _) optional\n"
	            "input in2:f16[?x3] (n, _) optional sequence\ny = Relu(x) \"relu\"\noutput y\n");
}
END_TEST

START_TEST(inputs_that_are_not_made_of_dense_tensors_are_all_named)
{
	static const char *const kinds[] = {"map", "sparse tensor", "sequence", "optional", "sequence"};
	for (int i = 0; i < 5; i++) {
		char *name = arena_printf(arena, "in%d", i);
		onnx_value_info *info = build_info(arena, name, ERC_F32, -1, NULL, NULL);
		Erc__Onnx__TypeProto *type = info->type;
		build_input(arena, top, info);
		if (i == 0)
			type->map_type = build_message(arena, &erc__onnx__type_proto__other__descriptor);
		if (i == 1)
			type->sparse_tensor_type = type->tensor_type;
		if (i < 2)
			type->tensor_type = NULL;
		if (i >= 2) { /* a sequence of sequences, one of optionals, an optional sequence of sequences */
			build_type_around(arena, info, i == 3);
			build_type_around(arena, info, false);
		}
		if (i == 4)
			build_type_around(arena, info, true);
	}
	assert_refused(ERCC_UNSUPPORTED, "in0");
	for (int i = 0; i < 5; i++)
		ck_assert_ptr_nonnull(strstr(test.errors, arena_printf(arena, "input 'in%d': its type has a %s", i, kinds[i])));
}
END_TEST

START_TEST(inputs_need_known_types_names_and_sizes)
{
	struct Erc__Onnx__TypeProto__Tensor *type = top->input[0]->type->tensor_type;
	type->elem_type = 27;
	assert_refused(ERCC_UNSUPPORTED, "input 'x': element type 27 (float6e2m3) is not supported");
	type->elem_type = 1000;
	assert_refused(ERCC_UNSUPPORTED, "element type 1000");
	type->elem_type = -1;
	assert_refused(ERCC_UNSUPPORTED, "element type -1");
	type->elem_type = 0;
	assert_refused(ERCC_MODEL, "input 'x': it has no element type");
	type->elem_type = 1;
	type->shape->dim[0]->dim_value = (int64_t)1 << 40;
	assert_refused(ERCC_MODEL, "input 'x': shape [1099511627776x3] has too many elements");
	type->shape->dim[0]->dim_value = INT64_MAX;
	assert_refused(ERCC_MODEL, "too many elements");
	type->shape->dim[0]->dim_value = 2;
	top->input[0]->name = "";
	assert_refused(ERCC_MODEL, "input 0: it has no name");
	top->input[0]->name = "x";
	build_input(arena, top, top->input[0]);
	assert_refused(ERCC_MODEL, "input 'x': 'x' is defined already");
	top->input[1] = build_info(arena, "deep", ERC_F32, 8, (int64_t[8]){1}, NULL);
	must_read();
	top->input[1] = build_info(arena, "deep", ERC_F32, 9, (int64_t[9]){1}, NULL);
	assert_refused(ERCC_UNSUPPORTED, "input 'deep': rank 9 is above 8");
}
END_TEST

START_TEST(outputs_may_repeat_and_may_be_inputs_or_constants)
{
	static const float two = 2;
	build_initializer(arena, top, build_tensor(arena, "k", ERC_F32, 0, NULL, &two, 4));
	build_output(arena, top, build_info(arena, "y", ERC_F32, -1, NULL, NULL));
	build_output(arena, top, build_info(arena, "x", ERC_F32, -1, NULL, NULL));
	build_output(arena, top, build_info(arena, "k", ERC_F32, -1, NULL, NULL));
	assert_text(must_read(), "input x:f32[2x3]\ny = Relu(x) \"relu\"\noutput y\noutput y\noutput x\n"
	                         "const k:f32[] = {2}\noutput k\n");
	build_output(arena, top, build_info(arena, "nowhere", ERC_F32, -1, NULL, NULL));
	assert_refused(ERCC_MODEL, "output 'nowhere': nothing produces it");
	top->n_output = 0;
	assert_refused(ERCC_MODEL, "no outputs");
	model->graph = NULL;
	assert_refused(ERCC_MODEL, "no graph");
}
END_TEST

/* ---- initializers ---- */

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

static Erc__Onnx__SparseTensorProto *build_sparse(const char *name, const int64_t *indices, int rows, int columns)
{
	static const float values[] = {5, 6, 7};
	Erc__Onnx__SparseTensorProto *sparse = build_message(arena, &erc__onnx__sparse_tensor_proto__descriptor);
	sparse->values = build_tensor(arena, name, ERC_F32, 1, (int64_t[]){rows}, values, 4 * (size_t)rows);
	sparse->indices = build_tensor(arena, "", ERC_I64, columns ? 2 : 1, (int64_t[]){rows, columns}, indices,
	                               8 * (size_t)(rows * (columns ? columns : 1)));
	BUILD_PUSH(arena, sparse, dims, 2);
	BUILD_PUSH(arena, sparse, dims, 3);
	return sparse;
}

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

START_TEST(omitted_inputs_outputs_and_names)
{
	build_node(arena, top, "Clip", NULL, "x,,y", "a,,b");
	build_node(arena, top, "Clip", "", "", "c");
	assert_text(must_read(), "input x:f32[2x3]\ny = Relu(x) \"relu\"\na, _, b = Clip(x, _, y) \"Clip_1\"\n"
	                         "c = Clip() \"Clip_2\"\noutput y\n");
	build_node(arena, top, NULL, "anonymous", "x", "d");
	assert_refused(ERCC_MODEL, "node 'anonymous': it has no operator");
}
END_TEST

START_TEST(undefined_and_double_names_are_refused)
{
	onnx_node *node = build_node(arena, top, "Add", "add", "x,ghost", "z");
	assert_refused(ERCC_MODEL, "node 'add' (Add): input 'ghost' is not defined");
	build_node(arena, top, "Neg", "late", "x", "ghost");
	must_read();
	node->input[1] = "z";
	assert_refused(ERCC_MODEL, "node 'add' (Add): it needs its own output");
	node->input[1] = "x";
	node->output[0] = "y";
	assert_refused(ERCC_MODEL, "node 'add' (Add): 'y' is defined already");
	node->output[0] = "x";
	assert_refused(ERCC_MODEL, "node 'add' (Add): 'x' is defined already");
}
END_TEST

START_TEST(attributes_of_all_kinds)
{
	static const float two[] = {1, 2};
	onnx_node *node = top->node[0];
	build_int(arena, node, "i", -3);
	build_float(arena, node, "f", 0.25f);
	build_string(arena, node, "s", "text");
	build_ints(arena, node, "is", (int64_t[]){1, 2}, 2);
	build_ints(arena, node, "none", NULL, 0);
	build_tensor_attr(arena, node, "t", build_tensor(arena, "", ERC_F32, 1, (int64_t[]){2}, two, 8));
	onnx_attr *floats = build_attr(arena, node, "fs", ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
	BUILD_PUSH(arena, floats, floats, 1.5f);
	onnx_attr *strings = build_attr(arena, node, "ss", ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
	BUILD_PUSH(arena, strings, strings, ((ProtobufCBinaryData){1, (uint8_t *)"a"}));
	BUILD_PUSH(arena, strings, strings, ((ProtobufCBinaryData){0, NULL}));
	build_attr(arena, node, "sp", ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSOR)->sparse_tensor =
		build_sparse("", (int64_t[]){3}, 1, 0);
	build_attr(arena, node, "tp", ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TYPE_PROTO);
	build_attr(arena, node, "zero", ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
	assert_text(must_read(), "input x:f32[2x3]\n"
	                         "y = Relu(x) {i=-3, f=0.25, s=\"text\", is=[1, 2], none=ints[], t=f32[2]{1, 2}, fs=[1.5], "
	                         "ss=[\"a\", \"\"], sp=f32[2x3]{0, 0, 0, 5, 0, 0}, tp=other, zero=0} \"relu\"\noutput y\n");
}
END_TEST

START_TEST(attributes_without_a_type_have_that_of_their_field)
{
	onnx_node *node = top->node[0];
	build_int(arena, node, "i", 3);
	build_float(arena, node, "f", 0.5f);
	build_string(arena, node, "s", "t");
	build_ints(arena, node, "is", (int64_t[]){4}, 1);
	for (size_t i = 0; i < node->n_attribute; i++)
		node->attribute[i]->has_type = 0;
	assert_text(must_read(), "input x:f32[2x3]\ny = Relu(x) {i=3, f=0.5, s=\"t\", is=[4]} \"relu\"\noutput y\n");
}
END_TEST

START_TEST(bad_attributes_are_refused)
{
	onnx_node *node = top->node[0];
	build_int(arena, node, "i", 3);
	build_int(arena, node, "i", 4);
	assert_refused(ERCC_MODEL, "node 'relu' (Relu): attribute 'i' is given twice");
	node->attribute[1]->name = NULL;
	assert_refused(ERCC_MODEL, "node 'relu' (Relu): attribute 1 has no name");
	node->attribute[1] = build_free_attr(arena, "t", ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
	assert_refused(ERCC_MODEL, "attribute 't' has no tensor");
	node->attribute[1]->type = ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
	assert_refused(ERCC_MODEL, "attribute 't' has no graph");
	node->attribute[1]->type = ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
	node->attribute[1]->ref_attr_name = "outer";
	assert_refused(ERCC_MODEL, "attribute 't' refers to 'outer' of a function, but is not in a function");
}
END_TEST

START_TEST(lists_and_names_have_limits)
{
	onnx_node *node = top->node[0];
	for (int i = 0; i < 1024; i++)
		build_int(arena, node, arena_printf(arena, "a%d", i), i);
	ck_assert_int_eq(must_read()->first->attr_count, 1024);
	build_int(arena, node, "last", 0);
	assert_refused(ERCC_UNSUPPORTED, "node 'relu' (Relu): 1025 attributes are more than 1024");
	node->n_attribute = 0;
	char *name = arena_alloc(arena, 2050);
	node->op_type = memset(name, 'x', 2048);
	ck_assert_str_eq(must_read()->first->op_type, name);
	name[2048] = 'x';
	assert_refused(ERCC_MODEL, "a name longer than 2048 bytes in NodeProto");
	node->op_type = "Relu";
	for (int i = 0; i < 1024; i++)
		build_opset(arena, model, arena_printf(arena, "d%d", i), 1);
	assert_refused(ERCC_UNSUPPORTED, "imports more than 1024 opsets");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("onnx");
	TCase *tests = tcase_create("models");
	tcase_add_checked_fixture(tests, start, fixture_stop);
	tcase_add_test(tests, a_model_becomes_a_graph);
	tcase_add_test(tests, ir_versions_3_to_14_are_read);
	tcase_add_test(tests, opsets_1_to_28_are_read);
	tcase_add_test(tests, new_fields_of_newer_versions_are_refused);
	tcase_add_test(tests, domains_have_their_own_opsets);
	tcase_add_test(tests, the_compilers_own_operators_are_refused);
	tcase_add_test(tests, missing_and_contradicting_opsets_are_refused);
	tcase_add_test(tests, symbolic_dims_keep_their_names);
	tcase_add_test(tests, sequences_and_optionals_keep_their_kind);
	tcase_add_test(tests, inputs_that_are_not_made_of_dense_tensors_are_all_named);
	tcase_add_test(tests, inputs_need_known_types_names_and_sizes);
	tcase_add_test(tests, outputs_may_repeat_and_may_be_inputs_or_constants);
	tcase_add_test(tests, initializers_that_are_also_inputs_are_constants);
	tcase_add_test(tests, defaults_are_of_their_inputs_type);
	tcase_add_test(tests, elements_are_given_once);
	tcase_add_loop_test(tests, all_types_read_raw_and_typed, 0, (int)COUNT_OF(typed_cases));
	tcase_add_test(tests, strings_are_read);
	tcase_add_test(tests, bools_are_normalised);
	tcase_add_test(tests, shapes_of_tensors_are_checked);
	tcase_add_test(tests, sparse_initializers_become_dense);
	tcase_add_test(tests, bad_sparse_initializers_are_refused);
	tcase_add_test(tests, omitted_inputs_outputs_and_names);
	tcase_add_test(tests, undefined_and_double_names_are_refused);
	tcase_add_test(tests, attributes_of_all_kinds);
	tcase_add_test(tests, attributes_without_a_type_have_that_of_their_field);
	tcase_add_test(tests, bad_attributes_are_refused);
	tcase_add_test(tests, lists_and_names_have_limits);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
