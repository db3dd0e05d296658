/* Arena, maps, text, tensors, and building and editing graphs. */
#include <math.h>

#include "tests/unit/graph_fixture.h"

/* ---- arena, text, map ---- */

/* Whether all bytes have that value. Asserting each of them would take seconds. */
static bool filled(const char *data, size_t bytes, int value)
{
	while (bytes && data[bytes - 1] == (char)value)
		bytes--;
	return bytes == 0;
}

START_TEST(arena_is_zeroed_aligned_and_keeps_its_contents)
{
	static const size_t sizes[] = {0, 1, 63, 64, 65, 1000, 100000, 300000, 5, 262144, 7};
	char *pieces[COUNT_OF(sizes)];
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		pieces[i] = arena_alloc(&test.ctx.arena, sizes[i]);
		ck_assert_uint_eq((uintptr_t)pieces[i] % 64, 0);
		ck_assert(filled(pieces[i], sizes[i], 0));
		memset(pieces[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		ck_assert(filled(pieces[i], sizes[i], (int)i + 1));
}
END_TEST

START_TEST(arena_unwinds_when_memory_is_out)
{
	jmp_buf place;
	volatile int unwound = 0;
	test.ctx.arena.out_of_memory = &place;
	arena_fail_after = 2;
	if (setjmp(place) == 0) {
		for (int i = 0; i < 3; i++) {
			arena_alloc(&test.ctx.arena, 10);
			ck_assert_int_lt(i, 2);
		}
	} else {
		unwound++;
	}
	ck_assert_int_eq(unwound, 1);
	ck_assert_int_eq(arena_fail_after, -1);
	if (setjmp(place) == 0)
		arena_array(&test.ctx.arena, SIZE_MAX / 2, 3);
	else
		unwound++;
	if (setjmp(place) == 0)
		arena_alloc(&test.ctx.arena, SIZE_MAX - 8);
	else
		unwound++;
	ck_assert_int_eq(unwound, 3);
}
END_TEST

static int cleanups[2], cleanup_count;
static void note_cleanup(void *data)
{
	cleanups[cleanup_count++] = *(int *)data;
}

START_TEST(arena_cleans_up_last_in_first_out)
{
	static int first = 1, second = 2;
	arena_defer(&test.ctx.arena, note_cleanup, &first);
	arena_defer(&test.ctx.arena, note_cleanup, &second);
	cleanup_count = 0;
	arena_release(&test.ctx.arena);
	ck_assert_int_eq(cleanup_count, 2);
	ck_assert_int_eq(cleanups[0], 2);
	ck_assert_int_eq(cleanups[1], 1);
	arena_release(&test.ctx.arena);
	ck_assert_int_eq(cleanup_count, 2);
}
END_TEST

START_TEST(text_grows)
{
	struct text text = {.arena = &test.ctx.arena};
	char expected[4096] = "";
	for (int i = 0; i < 500; i++) {
		text_printf(&text, "%d,", i);
		sprintf(expected + strlen(expected), "%d,", i);
	}
	text_append(&text, "end", 3);
	strcat(expected, "end");
	ck_assert_str_eq(text.data, expected);
	ck_assert_uint_eq(text.length, strlen(expected));
}
END_TEST

START_TEST(maps_find_what_was_put_in)
{
	struct map by_text = {.arena = &test.ctx.arena, .kind = MAP_TEXT};
	struct map by_pointer = {.arena = &test.ctx.arena, .kind = MAP_POINTER};
	static char items[1000];
	ck_assert_ptr_null(map_get(&by_text, "0"));
	for (int i = 0; i < 1000; i++) {
		map_set(&by_text, arena_printf(&test.ctx.arena, "%d", i), &items[i]);
		map_set(&by_pointer, &items[i], &items[999 - i]);
	}
	map_set(&by_text, "7", &items[0]);
	ck_assert_uint_eq(by_text.count, 1000);
	for (int i = 0; i < 1000; i++) {
		ck_assert_ptr_eq(map_get(&by_text, arena_printf(&test.ctx.arena, "%d", i)), &items[i == 7 ? 0 : i]);
		ck_assert_ptr_eq(map_get(&by_pointer, &items[i]), &items[999 - i]);
	}
	ck_assert_ptr_null(map_get(&by_text, "1000"));
	ck_assert_ptr_null(map_get(&by_pointer, &by_text));
}
END_TEST

START_TEST(messages_go_to_the_callback_or_nowhere)
{
	ck_assert_int_eq(fail(&test.ctx, ERCC_MODEL, "node '%s': bad", "a\x1b[2Jb\n"), ERCC_MODEL);
	ck_assert_str_eq(test.errors, "node 'a?[2Jb?': bad\n");
	note(&test.ctx, "try %d", 3);
	ck_assert_str_eq(test.notes, "try 3\n");
	char *long_name = arena_alloc(&test.ctx.arena, 10001);
	memset(long_name, 'x', 10000);
	forget_messages();
	fail(&test.ctx, ERCC_MODEL, "%s", long_name);
	ck_assert_uint_lt(strlen(test.errors), 2100);
	test.options.message = NULL;
	ck_assert_int_eq(fail(&test.ctx, ERCC_IO, "quiet"), ERCC_IO);
	ck_assert_uint_eq(test.ctx.error_count, 2);
}
END_TEST

START_TEST(statuses_have_texts_and_exit_codes)
{
	ck_assert_str_eq(ercc_status_text(ERCC_BUDGET), "no variant fits the budget");
	ck_assert_int_eq(ercc_status_exit_code(ERCC_UNSUPPORTED), 3);
	ck_assert_int_eq(ercc_status_exit_code(ERCC_TOOLCHAIN), 6);
	ck_assert_str_eq(ercc_status_text((enum ercc_status)99), "unknown status");
	ck_assert_int_eq(ercc_status_exit_code((enum ercc_status)99), 1);
}
END_TEST

/* ---- types and tensors ---- */

START_TEST(dtypes_know_sizes_and_names)
{
	ck_assert_uint_eq(dtype_bytes(ERC_F32), 4);
	ck_assert_uint_eq(dtype_bytes(ERC_C128), 16);
	ck_assert_uint_eq(dtype_bytes(ERC_BOOL), 1);
	ck_assert_uint_eq(dtype_bytes(ERC_STRING), 0);
	ck_assert_uint_eq(dtype_bytes((enum erc_dtype)31), 0);
	ck_assert_str_eq(dtype_name(ERC_BF16), "bf16");
	ck_assert_str_eq(dtype_name((enum erc_dtype)31), "?");
	ck_assert_int_eq(dtype_from_name("i64x", 3), ERC_I64);
	ck_assert_int_eq(dtype_from_name("i6", 2), ERC_DTYPE_NONE);
	ck_assert(dtype_is_float(ERC_F16) && !dtype_is_float(ERC_I32));
	ck_assert(dtype_is_integer(ERC_U8) && !dtype_is_integer(ERC_BOOL) && !dtype_is_integer(ERC_F32));
}
END_TEST

START_TEST(shapes_count_elements_without_overflow)
{
	struct arena *arena = &test.ctx.arena;
	struct shape shape = shape_of(3, (int64_t[]){2, 3, 4});
	ck_assert_int_eq(shape_elements(&shape), 24);
	ck_assert_str_eq(shape_text(arena, &shape), "[2x3x4]");
	shape.dims[1] = -1;
	ck_assert_int_eq(shape_elements(&shape), -1);
	ck_assert(!shape_known(&shape));
	ck_assert_str_eq(shape_text(arena, &shape), "[2x?x4]");
	shape = shape_of(2, (int64_t[]){(int64_t)1 << 20, (int64_t)1 << 20});
	ck_assert_int_eq(shape_elements(&shape), MAX_ELEMENTS);
	shape.dims[1]++;
	ck_assert_int_eq(shape_elements(&shape), -1);
	shape = shape_of(3, (int64_t[]){INT64_MAX, INT64_MAX, 0});
	ck_assert_int_eq(shape_elements(&shape), -1);
	shape = shape_of(2, (int64_t[]){0, 5});
	ck_assert_int_eq(shape_elements(&shape), 0);
	shape = (struct shape){.rank = -1};
	ck_assert_int_eq(shape_elements(&shape), -1);
	ck_assert_str_eq(shape_text(arena, &shape), "[*]");
	shape = shape_of(0, NULL);
	ck_assert_int_eq(shape_elements(&shape), 1);
	ck_assert_str_eq(shape_text(arena, &shape), "[]");
	ck_assert(shape_known(&shape));
	struct shape widest = shape_of(8, (int64_t[]){INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX,
	                                              INT64_MAX, INT64_MAX});
	ck_assert_uint_eq(strlen(shape_text(arena, &widest)), 8 * 19 + 7 + 2);
	ck_assert(!shape_equal(&shape, &widest) && shape_equal(&widest, &widest));
}
END_TEST

START_TEST(splats_expand)
{
	static const int32_t seven = 7;
	struct shape shape = shape_of(2, (int64_t[]){3, 5});
	struct tensor *tensor = tensor_new(&test.ctx.arena, ERC_I32, &shape, &seven);
	tensor->splat = true;
	ck_assert_uint_eq(tensor_bytes(tensor), 4);
	ck_assert_int_eq(tensor_int(tensor, 14), 7);
	const struct tensor *full = tensor_expand(&test.ctx.arena, tensor);
	ck_assert_uint_eq(tensor_bytes(full), 60);
	for (int i = 0; i < 15; i++)
		ck_assert_int_eq(((const int32_t *)full->data)[i], 7);
	ck_assert_ptr_eq(tensor_expand(&test.ctx.arena, full), full);
}
END_TEST

START_TEST(elements_of_all_types_can_be_read)
{
	static const struct {
		enum erc_dtype dtype;
		uint64_t bits;
		double value;
	} cases[] = {
		{ERC_F32, 0x3fc00000, 1.5},
		{ERC_F64, 0xc004000000000000, -2.5},
		{ERC_F16, 0x3c00, 1.0},
		{ERC_F16, 0xc500, -5.0},
		{ERC_F16, 0x0001, 0x1p-24},
		{ERC_F16, 0x7bff, 65504.0},
		{ERC_F16, 0x7c00, INFINITY},
		{ERC_F16, 0x0400, 0x1p-14},
		{ERC_BF16, 0x4049, 3.140625},
		{ERC_BF16, 0x8000, 0.0},
		{ERC_I8, 0x80, -128},
		{ERC_U8, 0x80, 128},
		{ERC_I16, 0xffff, -1},
		{ERC_U16, 0xffff, 65535},
		{ERC_I32, 0xfffffffe, -2},
		{ERC_U32, 0xfffffffe, 4294967294},
		{ERC_I64, UINT64_MAX - 2, -3},
		{ERC_U64, UINT64_MAX, 0x1p64},
		{ERC_BOOL, 1, 1},
	};
	struct shape shape = shape_of(1, (int64_t[]){2});
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char data[17] = {0};
		struct tensor *tensor = tensor_new(&test.ctx.arena, cases[i].dtype, &shape, data);
		memcpy(data + dtype_bytes(cases[i].dtype), &cases[i].bits, dtype_bytes(cases[i].dtype));
		ck_assert_msg(tensor_float(tensor, 1) == cases[i].value, "case %zu: %g", i, tensor_float(tensor, 1));
		ck_assert_double_eq(tensor_float(tensor, 0), 0.0);
		if (!dtype_is_float(cases[i].dtype) && cases[i].dtype != ERC_U64)
			ck_assert_int_eq(tensor_int(tensor, 1), (int64_t)cases[i].value);
	}
	ck_assert(isnan(f16_to_float(0x7e00)) && signbit(f16_to_float(0x8000)));
}
END_TEST

/* ---- graphs ---- */

/* x -> Relu -> a -> Neg -> b; If(c) uses a inside; outputs b, a. */
static struct graph *sample;
static struct value *x, *a, *b, *c;
static struct node *relu, *neg, *branch;

static void make_sample(void)
{
	sample = graph_new(&test.ctx, NULL);
	x = graph_value(sample, "x"), a = graph_value(sample, "a"), b = graph_value(sample, "b"),
	c = graph_value(sample, "c");
	struct value *inner = graph_value(sample, "inner"), *d = graph_value(sample, "d");
	graph_add_input(sample, x);
	graph_add_input(sample, c);
	relu = graph_add_node(sample, NULL, "Relu", "r", &x, 1, &a, 1);
	neg = graph_add_node(sample, NULL, "Neg", "n", &a, 1, &b, 1);
	struct graph *nested = graph_new(&test.ctx, sample);
	graph_add_node(nested, NULL, "Mul", "m", (struct value *[]){a, a}, 2, &inner, 1);
	graph_add_output(nested, "inner", inner);
	branch = graph_add_node(sample, NULL, "If", "i", &c, 1, &d, 1);
	node_set_attrs(branch, &(struct attr){.name = "then_branch", .kind = ATTR_GRAPH, .graph = nested}, 1);
	graph_add_output(sample, "b", b);
	graph_add_output(sample, "d", d);
}

START_TEST(uses_inside_nested_graphs_count)
{
	make_sample();
	ck_assert_int_eq(value_count_uses(a), 3);
	ck_assert_int_eq(value_count_uses(x), 1);
	ck_assert_int_eq(value_count_uses(b), 1);
	ck_assert_ptr_eq(value_single_user(x), relu);
	ck_assert_ptr_null(value_single_user(a));
	ck_assert_ptr_null(value_single_user(b));
	ck_assert_ptr_eq(value_single_user(c), branch);
	assert_ok(graph_verify(sample, "test"));
}
END_TEST

START_TEST(one_user_that_uses_twice_is_single)
{
	make_sample();
	struct value *e = graph_value(sample, "e");
	node_set_input(neg, 1, x);
	graph_add_node(sample, NULL, "Add", "", (struct value *[]){c, c}, 2, &e, 1);
	ck_assert_ptr_null(value_single_user(x));
	ck_assert_ptr_null(value_single_user(c));
	ck_assert_int_eq(value_count_uses(c), 3);
	graph_remove_node(branch);
	ck_assert_ptr_eq(value_single_user(c), e->producer);
}
END_TEST

START_TEST(replacing_reaches_nodes_outputs_and_nested_graphs)
{
	make_sample();
	graph_add_output(sample, "again", a);
	graph_replace_uses(sample, a, x);
	ck_assert_int_eq(value_count_uses(a), 0);
	ck_assert_int_eq(value_count_uses(x), 5);
	ck_assert_ptr_eq(neg->inputs[0], x);
	ck_assert_ptr_eq(sample->outputs[2], x);
	ck_assert_str_eq(sample->output_names[2], "again");
	graph_remove_node(relu);
	ck_assert_ptr_null(a->producer);
	ck_assert_int_eq(sample->node_count, 2);
	ck_assert_ptr_eq(sample->first, neg);
	assert_ok(graph_verify(sample, "test"));
}
END_TEST

START_TEST(nodes_are_inserted_and_removed_anywhere)
{
	make_sample();
	struct value *e = graph_value(sample, "e"), *f = graph_value(sample, "f");
	struct node *first = graph_add_node(sample, relu, "Exp", "first", &x, 1, &e, 1);
	struct node *middle = graph_add_node(sample, neg, "Log", "middle", &a, 1, &f, 1);
	ck_assert_ptr_eq(sample->first, first);
	ck_assert_ptr_eq(middle->next, neg);
	ck_assert_int_eq(sample->node_count, 5);
	node_set_input(relu, 0, e);
	node_set_input(neg, 0, f);
	assert_ok(graph_verify(sample, "test"));
	graph_remove_node(branch);
	ck_assert_ptr_eq(sample->last, neg);
	ck_assert_ptr_null(neg->next);
}
END_TEST

START_TEST(inputs_can_be_added_behind_the_last)
{
	make_sample();
	node_set_input(neg, 3, x);
	ck_assert_int_eq(neg->input_count, 4);
	ck_assert_ptr_eq(node_input(neg, 0), a);
	ck_assert_ptr_null(node_input(neg, 1));
	ck_assert_ptr_eq(node_input(neg, 3), x);
	ck_assert_ptr_null(node_input(neg, 4));
	ck_assert_ptr_null(node_output(neg, 1));
}
END_TEST

START_TEST(attributes_are_looked_up_by_name_and_kind)
{
	make_sample();
	const struct attr attrs[] = {
		{.name = "axis", .kind = ATTR_INT, .i = -1},
		{.name = "alpha", .kind = ATTR_FLOAT, .f = 0.5f},
		{.name = "mode", .kind = ATTR_STRING, .s = "same"},
	};
	node_set_attrs(neg, attrs, 3);
	ck_assert_int_eq(node_attr_int(neg, "axis", 7), -1);
	ck_assert_int_eq(node_attr_int(neg, "alpha", 7), 7);
	ck_assert_float_eq(node_attr_float(neg, "alpha", 1), 0.5f);
	ck_assert_float_eq(node_attr_float(neg, "beta", 1), 1);
	ck_assert_str_eq(node_attr_text(neg, "mode", ""), "same");
	ck_assert_str_eq(node_attr_text(neg, "axis", "none"), "none");
	ck_assert_ptr_null(node_attr(neg, "beta"));
}
END_TEST

START_TEST(unique_names_avoid_those_of_nested_graphs)
{
	make_sample();
	struct graph *nested = branch->attrs[0].graph;
	graph_value(nested, "t_1");
	graph_value(sample, "t_3");
	ck_assert_str_eq(graph_unique_name(sample, "t"), "t_2");
	ck_assert_str_eq(graph_unique_name(nested, "t"), "t_4");
	ck_assert_str_eq(graph_unique_name(sample, "t"), "t_5");
}
END_TEST

START_TEST(integer_constants_have_rank_0_or_1)
{
	make_sample();
	struct value *one = graph_constant_ints(sample, "one", 0, (int64_t[]){42}, 1);
	struct value *list = graph_constant_ints(sample, "list", 1, (int64_t[]){1, -2, 3}, 3);
	struct value *none = graph_constant_ints(sample, "none", 1, NULL, 0);
	ck_assert_int_eq(one->shape.rank, 0);
	ck_assert_int_eq(tensor_int(one->constant, 0), 42);
	ck_assert_int_eq(list->shape.dims[0], 3);
	ck_assert_int_eq(tensor_int(list->constant, 1), -2);
	ck_assert_int_eq(shape_elements(&none->shape), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("graph");
	TCase *core = tcase_create("core"), *types = tcase_create("types"), *graphs = tcase_create("graphs");
	tcase_add_checked_fixture(core, fixture_start, fixture_stop);
	tcase_add_checked_fixture(types, fixture_start, fixture_stop);
	tcase_add_checked_fixture(graphs, fixture_start, fixture_stop);
	tcase_add_test(core, arena_is_zeroed_aligned_and_keeps_its_contents);
	tcase_add_test(core, arena_unwinds_when_memory_is_out);
	tcase_add_test(core, arena_cleans_up_last_in_first_out);
	tcase_add_test(core, text_grows);
	tcase_add_test(core, maps_find_what_was_put_in);
	tcase_add_test(core, messages_go_to_the_callback_or_nowhere);
	tcase_add_test(core, statuses_have_texts_and_exit_codes);
	tcase_add_test(types, dtypes_know_sizes_and_names);
	tcase_add_test(types, shapes_count_elements_without_overflow);
	tcase_add_test(types, splats_expand);
	tcase_add_test(types, elements_of_all_types_can_be_read);
	tcase_add_test(graphs, uses_inside_nested_graphs_count);
	tcase_add_test(graphs, one_user_that_uses_twice_is_single);
	tcase_add_test(graphs, replacing_reaches_nodes_outputs_and_nested_graphs);
	tcase_add_test(graphs, nodes_are_inserted_and_removed_anywhere);
	tcase_add_test(graphs, inputs_can_be_added_behind_the_last);
	tcase_add_test(graphs, attributes_are_looked_up_by_name_and_kind);
	tcase_add_test(graphs, unique_names_avoid_those_of_nested_graphs);
	tcase_add_test(graphs, integer_constants_have_rank_0_or_1);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, types);
	suite_add_tcase(suite, graphs);
	return run_suite(suite);
}
