/* The text form of graphs: what is printed, that it can be read back, what the parser and the verifier reject. */
#include "tests/unit/graph_fixture.h"

/* All that graph text can hold. Printing gives the same bytes. */
static const char everything[] = "graph \"main\" ir=8 opset=17 producer=\"a \\\"tool\\\"\"\n"
								 "input x:f32[?x3x224x224] (batch, _, \"odd name\", _)\n"
								 "input untyped\n"
								 "input ranked:?[1x?]\n"
								 "input bare:f32[*]\n"
								 "input output:i64[]\n"
								 "const w:f32[2x3] = {1, -0.5, 0.1, 1e-30, inf, -inf}\n"
								 "const s:f32[64x64] = splat{1e-05}\n"
								 "const bits:f16[2] = {0x3c00, 0xfc01}\n"
								 "y:f32[?x64~1]@nc16 = Conv(x, w, _, s, bits) {group=1, pads=[1, 1, -1, 1], "
								 "scales=[1.0, 2.5], auto_pad=\"SAME_UPPER\"} \"conv1\"\n"
								 "const words:string[2] = {\"a\\\\b\", \"\\x0a\"}\n"
								 "const flags:bool[3] = {1, 0, 1}\n"
								 "const wide:f64[1] = {0.1}\n"
								 "const pair:c64[1] = {1:-2.5}\n"
								 "const large:u64[2] = {18446744073709551615, 0}\n"
								 "const empty:i64[0] = {}\n"
								 "a, _, \"b c\" = com.example::Many@3(words, flags, wide, pair, large, empty, output)\n"
								 "known:i64[2] {1, 64} = Shape(y) \"shape\"\n"
								 "filled:i32[4] splat{3} = ConstantOfShape(known) {value=i32[1]{3}, none=ints[], "
								 "nil=floats[], no=strings[], t=other}\n"
								 "\"input\":u8[4] quant(0, f32[4]{1, 2, 3, 4}, _) = Quantize(a)\n"
								 "() = Sink(\"b c\", y)\n"
								 "z = If(a) {else_branch=graph \"no\" {\n"
								 "  e = Neg(y)\n"
								 "  output e\n"
								 "}, then_branch=graph \"yes\" {\n"
								 "  input i:i64[]\n"
								 "  t = Add(y, i) \"inner\"\n"
								 "  output t as \"result\"\n"
								 "}}\n"
								 "size known\n"
								 "output z as \"prob\"\n"
								 "output z\n"
								 "output x\n";

static char *sample_text(void)
{
	return arena_copy_text(&test.ctx.arena, everything);
}

START_TEST(everything_reads_back)
{
	struct graph *graph;
	char *text = sample_text();
	assert_ok(graph_parse(&test.ctx, text, &graph));
	assert_ok(graph_verify(graph, "parse"));
	char *printed = text_of(graph);
	ck_assert_str_eq(printed, text);
	free(printed);
}
END_TEST

START_TEST(parsed_parts_are_what_they_say)
{
	struct graph *graph;
	assert_ok(graph_parse(&test.ctx, sample_text(), &graph));
	const struct node *conv = graph->first;
	ck_assert_int_eq(graph->ir_version, 8);
	ck_assert_int_eq(graph->opset, 17);
	ck_assert_str_eq(graph->producer, "a \"tool\"");
	ck_assert_str_eq(graph->inputs[0]->dim_names[0], "batch");
	ck_assert_ptr_null(graph->inputs[0]->dim_names[1]);
	ck_assert_int_eq(graph->inputs[1]->shape.rank, -1);
	ck_assert_int_eq(graph->inputs[2]->dtype, ERC_DTYPE_NONE);
	ck_assert_ptr_eq(conv->inputs[0], graph->inputs[0]);
	ck_assert_ptr_null(conv->inputs[2]);
	ck_assert(conv->inputs[3]->constant->splat);
	ck_assert_float_eq(((const float *)conv->inputs[1]->constant->data)[2], 0.1f);
	ck_assert_int_eq(node_attr(conv, "pads")->ints[2], -1);
	ck_assert_int_eq(node_attr(conv, "pads")->count, 4);
	ck_assert_float_eq(node_attr(conv, "scales")->floats[1], 2.5f);
	ck_assert(conv->outputs[0]->shape.sizes[1] == 1 && conv->outputs[0]->layout == LAYOUT_NC16);
	ck_assert_str_eq(conv->next->domain, "com.example");
	ck_assert_int_eq(conv->next->opset, 3);
	ck_assert_str_eq(((char *const *)conv->next->inputs[0]->constant->data)[1], "\n");
	const struct node *branch = graph->last;
	const struct graph *yes = node_attr(branch, "then_branch")->graph;
	ck_assert_ptr_eq(yes->parent, graph);
	ck_assert_ptr_eq(yes->first->inputs[0], conv->outputs[0]);
	ck_assert_str_eq(yes->output_names[0], "result");
}
END_TEST

START_TEST(large_constants_print_as_digests)
{
	struct graph *graph = graph_new(&test.ctx, NULL);
	struct shape shape = shape_of(1, (int64_t[]){65});
	int8_t *data = arena_alloc(&test.ctx.arena, 65);
	struct value *value = graph_constant(graph, "w", tensor_new(&test.ctx.arena, ERC_I8, &shape, data));
	graph_add_output(graph, "w", value);
	char *zeros = text_of(graph), *other, *again;
	data[64] = 1;
	other = text_of(graph);
	data[64] = 0;
	again = text_of(graph);
	ck_assert_ptr_nonnull(strstr(zeros, "const w:i8[65] = #"));
	ck_assert_str_ne(zeros, other);
	ck_assert_str_eq(zeros, again);
	assert_fails(graph_parse(&test.ctx, zeros, &graph), ERCC_MODEL, "digest");
	free(zeros), free(other), free(again);
}
END_TEST

START_TEST(constants_shared_with_nested_graphs_are_printed_outside)
{
	struct graph *graph, *again;
	const char *text = "input c\n"
					   "const k:i64[] = {1}\n"
					   "y = If(c) {then_branch=graph \"\" {\n"
					   "  t = Neg(k)\n"
					   "  output t\n"
					   "}}\n"
					   "z = Neg(k)\n"
					   "output z\n";
	assert_ok(graph_parse(&test.ctx, text, &graph));
	assert_text(graph, text);
	char *printed = text_of(graph);
	assert_ok(graph_parse(&test.ctx, printed, &again));
	free(printed);
}
END_TEST

START_TEST(comments_and_blank_lines_are_skipped)
{
	struct graph *graph;
	assert_ok(graph_parse(&test.ctx, "\n# a comment\n  # another\n\tinput x\r\n\n y=Relu( x )\noutput y", &graph));
	assert_text(graph, "input x\ny = Relu(x)\noutput y\n");
}
END_TEST

static const struct {
	const char *text, *words;
} bad_texts[] = {
	{"y = Relu(x)\n", "'x' is not defined"},
	{"input x\ninput x\n", "line 2: 'x' is defined already"},
	{"input x\nx = Relu(x)\n", "'x' is defined already"},
	{"y = Relu(y)\n", "'y' is not defined"},
	{"input x:q32[1]\n", "expected an element type"},
	{"input x:f32[1x-2]\n", "expected a dimension"},
	{"input x:f32[1x1x1x1x1x1x1x1x1]\n", "too many dimensions"},
	{"input x:f32\n", "expected '['"},
	{"input x:f32[1]@nc32\n", "expected a layout"},
	{"const w:f32[2] = {1}\n", "expected ','"},
	{"const w:f32[1] = {1, 2}\n", "expected '}'"},
	{"const w:f32[99999999] = {1}\n", "too few elements"},
	{"const w:f32[?] = {1}\n", "unknown type or shape"},
	{"const w = {1}\n", "unknown type or shape"},
	{"const w:i32[1] = {x}\n", "expected an integer"},
	{"input x\ny = Relu(x\n", "expected ','"},
	{"input x\ny = Relu(x) {a=}\n", "expected an integer"},
	{"input x\ny = Relu(x) {a=1\n", "expected ','"},
	{"input x\ny = Relu(x) \"name\n", "a string without an end"},
	{"input x\ny = Relu(x) z\n", "expected the end of the line"},
	{"output _\n", "expected the name of a value"},
	{"input x\ny = If(x) {b=graph \"\" {\noutput x\n", "expected '}'"},
	{"}\n", "a brace too many"},
	{"graph \"g\" color=3\n", "expected ir, opset or producer"},
	{"= Relu()\n", "expected a name"},
};

START_TEST(bad_text_is_refused_with_its_line)
{
	struct graph *graph;
	assert_fails(graph_parse(&test.ctx, bad_texts[_i].text, &graph), ERCC_MODEL, bad_texts[_i].words);
	ck_assert_ptr_nonnull(strstr(test.errors, "graph text, line"));
}
END_TEST

START_TEST(nesting_has_a_limit)
{
	struct text text = {.arena = &test.ctx.arena};
	struct graph *graph;
	text_printf(&text, "input x\n");
	for (int i = 0; i < 100000; i++)
		text_printf(&text, "y = If(x) {b=graph \"\" {\n");
	assert_fails(graph_parse(&test.ctx, text.data, &graph), ERCC_MODEL, "nested too deep");
}
END_TEST

/* Every prefix and every changed byte of the sample is parsed or rejected, without a crash. */
START_TEST(damaged_text_never_crashes)
{
	struct graph *graph;
	char *text = sample_text();
	size_t bytes = strlen(text);
	int refused = 0;
	for (size_t i = 0; i < bytes; i++) {
		char kept = text[i];
		text[i] = '\0';
		refused += graph_parse(&test.ctx, text, &graph) != ERCC_OK;
		for (size_t k = 0; k < 8; k++) {
			text[i] = "{}[]\"x:-"[k];
			enum ercc_status status = graph_parse(&test.ctx, text, &graph);
			if (status == ERCC_OK)
				free(text_of(graph));
			refused += status != ERCC_OK;
		}
		text[i] = kept;
		arena_release(&test.ctx.arena);
		text = sample_text();
	}
	ck_assert_int_gt(refused, (int)bytes);
}
END_TEST

/* ---- verifier: each rule, broken by hand ---- */

static const char plain[] = "input x:f32[1]\n"
							"const k:f32[1] = {2}\n"
							"a:f32[1] = Relu(x) \"first\"\n"
							"b:f32[1] = Mul(a, k) \"second\"\n"
							"output b\n";
static struct graph *plain_graph;

static void parse_plain(void)
{
	fixture_start();
	assert_ok(graph_parse(&test.ctx, plain, &plain_graph));
	assert_ok(graph_verify(plain_graph, "parse"));
}

#define assert_broken(words) assert_fails(graph_verify(plain_graph, "fusion"), ERCC_INTERNAL, "after fusion: " words)

START_TEST(verifier_wants_order)
{
	struct node *first = plain_graph->first;
	plain_graph->first = first->next, plain_graph->last = first;
	first->next->previous = NULL, first->next->next = first;
	first->previous = first->next, first->next = NULL;
	first->previous->next = first;
	assert_broken("node 'second' (Mul): value used before it is defined ('a')");
}
END_TEST

START_TEST(verifier_wants_links)
{
	struct value *a_value = plain_graph->first->outputs[0];
	a_value->producer_slot = 1;
	assert_broken("node 'first' (Relu): output that does not know its producer ('a')");
	a_value->producer_slot = 0;
	a_value->producer = NULL;
	assert_broken("node 'first' (Relu): output that does not know its producer ('a')");
	a_value->producer = plain_graph->first;
	plain_graph->node_count = 3;
	assert_broken("list of nodes and their count differ");
	plain_graph->node_count = 1;
	assert_broken("node 'second' (Mul): more nodes than counted");
	plain_graph->node_count = 2;
	plain_graph->last->previous = NULL;
	assert_broken("node 'second' (Mul): broken list of nodes");
	plain_graph->last->previous = plain_graph->first;
	plain_graph->last->graph = NULL;
	assert_broken("node 'second' (Mul): node of another graph");
	plain_graph->last->graph = plain_graph;
	assert_ok(graph_verify(plain_graph, "repair"));
}
END_TEST

START_TEST(verifier_wants_unique_names)
{
	plain_graph->first->outputs[0]->name = "x";
	assert_broken("node 'first' (Relu): two values of one name ('x')");
	plain_graph->first->outputs[0]->name = "";
	assert_broken("node 'first' (Relu): value without a name");
}
END_TEST

START_TEST(verifier_wants_single_definitions)
{
	struct node *second = plain_graph->last;
	second->outputs[0] = plain_graph->first->outputs[0];
	assert_broken("node 'second' (Mul): output that does not know its producer ('a')");
	graph_add_input(plain_graph, plain_graph->inputs[0]);
	assert_broken("value defined twice ('x')");
}
END_TEST

START_TEST(verifier_wants_constants_that_fit)
{
	struct value *k = plain_graph->last->inputs[1];
	k->dtype = ERC_I32;
	assert_broken("node 'second' (Mul): constant data of another type than the value ('k')");
	k->dtype = ERC_F32;
	k->shape.dims[0] = 2;
	assert_broken("node 'second' (Mul): constant data of another type than the value ('k')");
	k->shape.dims[0] = -2;
	assert_broken("node 'second' (Mul): negative dimension ('k')");
	k->shape.rank = 9;
	assert_broken("node 'second' (Mul): rank out of range ('k')");
}
END_TEST

START_TEST(verifier_wants_types_after_inference)
{
	plain_graph->typed = true;
	assert_ok(graph_verify(plain_graph, "inference"));
	plain_graph->first->outputs[0]->dtype = ERC_DTYPE_NONE;
	assert_broken("node 'first' (Relu): value without type or rank ('a')");
	plain_graph->typed = false;
	assert_ok(graph_verify(plain_graph, "import"));
}
END_TEST

START_TEST(verifier_keeps_nested_values_inside)
{
	const char *text = "input c\n"
					   "y = If(c) {b=graph \"\" {\n"
					   "  t = Neg(c)\n"
					   "  output t\n"
					   "}}\n"
					   "z = Neg(y)\n"
					   "output z\n";
	assert_ok(graph_parse(&test.ctx, text, &plain_graph));
	struct graph *nested = plain_graph->first->attrs[0].graph;
	plain_graph->last->name = "z";
	node_set_input(plain_graph->last, 0, nested->outputs[0]);
	assert_broken("node 'z' (Neg): value of a graph that is not around this one ('t')");
	node_set_input(plain_graph->last, 0, plain_graph->first->outputs[0]);
	plain_graph->first->name = "y";
	nested->parent = NULL;
	assert_broken("node 'y' (If): nested graph with another parent");
}
END_TEST

START_TEST(verifier_checks_outputs_and_inputs)
{
	struct value *b_value = plain_graph->outputs[0];
	plain_graph->outputs[0] = graph_value(plain_graph, "nowhere");
	assert_broken("value used before it is defined ('nowhere')");
	plain_graph->outputs[0] = b_value;
	plain_graph->inputs[0]->producer = plain_graph->first;
	assert_broken("input that a node produces ('x')");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("graph text");
	TCase *text = tcase_create("text"), *verifier = tcase_create("verifier");
	tcase_add_checked_fixture(text, fixture_start, fixture_stop);
	tcase_add_checked_fixture(verifier, parse_plain, fixture_stop);
	tcase_set_timeout(text, 60);
	tcase_add_test(text, everything_reads_back);
	tcase_add_test(text, parsed_parts_are_what_they_say);
	tcase_add_test(text, large_constants_print_as_digests);
	tcase_add_test(text, constants_shared_with_nested_graphs_are_printed_outside);
	tcase_add_test(text, comments_and_blank_lines_are_skipped);
	tcase_add_loop_test(text, bad_text_is_refused_with_its_line, 0, (int)COUNT_OF(bad_texts));
	tcase_add_test(text, nesting_has_a_limit);
	tcase_add_test(text, damaged_text_never_crashes);
	tcase_add_test(verifier, verifier_wants_order);
	tcase_add_test(verifier, verifier_wants_links);
	tcase_add_test(verifier, verifier_wants_unique_names);
	tcase_add_test(verifier, verifier_wants_single_definitions);
	tcase_add_test(verifier, verifier_wants_constants_that_fit);
	tcase_add_test(verifier, verifier_wants_types_after_inference);
	tcase_add_test(verifier, verifier_keeps_nested_values_inside);
	tcase_add_test(verifier, verifier_checks_outputs_and_inputs);
	suite_add_tcase(suite, text);
	suite_add_tcase(suite, verifier);
	return run_suite(suite);
}
