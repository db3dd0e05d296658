/* The ONNX reader with models built in memory: the graph that is made of every part, and what is rejected. */
#include "tests/reader/onnx_model.h"

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
	tcase_add_test(tests, omitted_inputs_outputs_and_names);
	tcase_add_test(tests, undefined_and_double_names_are_refused);
	tcase_add_test(tests, attributes_of_all_kinds);
	tcase_add_test(tests, attributes_without_a_type_have_that_of_their_field);
	tcase_add_test(tests, bad_attributes_are_refused);
	tcase_add_test(tests, lists_and_names_have_limits);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
