/* Local functions and nested graphs: inlining, scopes, attribute references, limits. */
#include "tools/dev/onnx_builder.h"
#include "tests/unit/graph_fixture.h"

static struct arena *arena;
static onnx_model *model;
static onnx_graph *top;

static void start(void)
{
	fixture_start();
	arena = &test.ctx.arena;
	model = build_model(arena, 9, 18);
	build_opset(arena, model, "local", 1);
	top = model->graph;
	build_input(arena, top, build_info(arena, "x", ERC_F32, 1, (int64_t[]){4}, NULL));
	build_output(arena, top, build_info(arena, "y", ERC_F32, -1, NULL, NULL));
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

static onnx_function *add_function(const char *name, const char *inputs, const char *outputs)
{
	onnx_function *function = build_message(arena, &erc__onnx__function_proto__descriptor);
	onnx_node *names = build_free_node(arena, "", "", inputs, outputs);
	function->name = (char *)name;
	function->domain = "local";
	function->input = names->input, function->n_input = names->n_input;
	function->output = names->output, function->n_output = names->n_output;
	Erc__Onnx__OperatorSetIdProto *opset = build_message(arena, &erc__onnx__operator_set_id_proto__descriptor);
	opset->domain = "";
	opset->has_version = 1;
	opset->version = 17;
	BUILD_PUSH(arena, function, opset_import, opset);
	BUILD_PUSH(arena, model, functions, function);
	return function;
}

static onnx_node *body_node(onnx_function *function, const char *op_type, const char *name, const char *inputs,
                            const char *outputs)
{
	onnx_node *node = build_free_node(arena, op_type, name, inputs, outputs);
	BUILD_PUSH(arena, function, node, node);
	return node;
}

static onnx_node *call(const char *function, const char *name, const char *inputs, const char *outputs)
{
	onnx_node *node = build_node(arena, top, function, name, inputs, outputs);
	node->domain = "local";
	return node;
}

/* ---- functions ---- */

START_TEST(a_call_becomes_the_body)
{
	onnx_function *twice = add_function("Twice", "a", "b");
	body_node(twice, "Neg", "n", "a", "t");
	body_node(twice, "Exp", "", "t", "b");
	call("Twice", "first", "x", "m");
	call("Twice", "second", "m", "y");
	assert_text(must_read(), "input x:f32[4]\n"
	                         "first/t = Neg@17(x) \"first/n\"\nm = Exp@17(first/t) \"first/Exp_1\"\n"
	                         "second/t = Neg@17(m) \"second/n\"\ny = Exp@17(second/t) \"second/Exp_3\"\n"
	                         "output y\n");
}
END_TEST

START_TEST(a_newer_opset_of_a_function_is_its_own)
{
	onnx_function *function = add_function("F", "a", "b");
	body_node(function, "Neg", "n", "a", "b");
	call("F", "c", "x", "y");
	function->opset_import[0]->version = 29;
	struct graph *graph = must_read();
	ck_assert_int_eq(graph->first->opset, 28);
	ck_assert_int_eq(graph->newer_opset, 0);
	ck_assert_int_eq(graph->newer_function_opset, 29);
}
END_TEST

START_TEST(functions_call_functions)
{
	onnx_function *inner = add_function("Inner", "p,q", "r");
	body_node(inner, "Add", "sum", "p,q", "r");
	onnx_function *outer = add_function("Outer", "a", "b");
	body_node(outer, "Inner", "use", "a,a", "b")->domain = "local";
	call("Outer", "go", "x", "y");
	assert_text(must_read(), "input x:f32[4]\ny = Add@17(x, x) \"go/use/sum\"\noutput y\n");
}
END_TEST

START_TEST(names_in_bodies_do_not_meet_those_outside)
{
	onnx_function *function = add_function("F", "a", "b");
	body_node(function, "Neg", "", "a", "x");
	body_node(function, "Exp", "", "x", "b");
	build_node(arena, top, "Abs", "", "x", "c/x");
	call("F", "c", "c/x", "y");
	struct graph *graph = must_read();
	ck_assert_str_eq(graph->first->next->outputs[0]->name, "c/x_1");
	body_node(function, "Neg", "", "m", "z");
	build_node(arena, top, "Neg", "", "x", "m");
	assert_refused(ERCC_MODEL, "node 'c/Neg_3' (Neg): input 'm' is not defined");
}
END_TEST

START_TEST(omitted_inputs_and_outputs_pass_through_calls)
{
	onnx_function *function = add_function("F", "a,min,max", "b,unused");
	body_node(function, "Clip", "clip", "a,min,max", "b");
	body_node(function, "Neg", "neg", "a", "unused");
	call("F", "c", "x,,x", "y");
	assert_text(must_read(),
	            "input x:f32[4]\ny = Clip@17(x, _, x) \"c/clip\"\nc/unused = Neg@17(x) \"c/neg\"\noutput y\n");
	top->node[0]->n_input = 1;
	assert_text(must_read(),
	            "input x:f32[4]\ny = Clip@17(x, _, _) \"c/clip\"\nc/unused = Neg@17(x) \"c/neg\"\noutput y\n");
}
END_TEST

START_TEST(an_input_may_be_the_output)
{
	add_function("Same", "a", "a");
	call("Same", "c", "x", "m");
	build_node(arena, top, "Neg", "n", "m", "k");
	call("Same", "d", "k", "y");
	assert_text(must_read(), "input x:f32[4]\nk = Neg(x) \"n\"\noutput k as \"y\"\n");
}
END_TEST

START_TEST(attributes_of_the_call_reach_the_body)
{
	onnx_function *function = add_function("F", "a", "b");
	onnx_node *node = body_node(function, "Op", "op", "a", "b");
	static const char *const names[] = {"given", "by_default", "absent"};
	for (int i = 0; i < 3; i++)
		build_attr(arena, node, arena_printf(arena, "own_%s", names[i]),
		           ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)
			->ref_attr_name = (char *)names[i];
	onnx_attr *otherwise = build_free_attr(arena, "by_default", ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
	otherwise->has_f = 1;
	otherwise->f = 1.5f;
	BUILD_PUSH(arena, function, attribute_proto, otherwise);
	build_int(arena, call("F", "c", "x", "m"), "given", 7);
	onnx_node *second = call("F", "d", "m", "y");
	build_string(arena, second, "given", "text");
	build_int(arena, second, "by_default", 2);
	assert_text(must_read(), "input x:f32[4]\nm = Op@17(x) {own_given=7, own_by_default=1.5} \"c/op\"\n"
	                         "y = Op@17(m) {own_given=\"text\", own_by_default=2} \"d/op\"\noutput y\n");
}
END_TEST

START_TEST(references_pass_through_two_calls)
{
	onnx_function *inner = add_function("Inner", "a", "b");
	build_attr(arena, body_node(inner, "Op", "op", "a", "b"), "axis", ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)
		->ref_attr_name = "k";
	onnx_function *outer = add_function("Outer", "a", "b");
	onnx_node *use = body_node(outer, "Inner", "use", "a", "b");
	use->domain = "local";
	build_attr(arena, use, "k", ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->ref_attr_name = "m";
	build_int(arena, call("Outer", "go", "x", "y"), "m", 9);
	assert_text(must_read(), "input x:f32[4]\ny = Op@17(x) {axis=9} \"go/use/op\"\noutput y\n");
}
END_TEST

START_TEST(overloads_are_told_apart)
{
	onnx_function *one = add_function("F", "a", "b"), *two = add_function("F", "a", "b");
	body_node(one, "Neg", "n", "a", "b");
	body_node(two, "Exp", "e", "a", "b");
	two->overload = "second";
	call("F", "c", "x", "m");
	call("F", "d", "m", "y")->overload = "second";
	assert_text(must_read(), "input x:f32[4]\nm = Neg@17(x) \"c/n\"\ny = Exp@17(m) \"d/e\"\noutput y\n");
}
END_TEST

START_TEST(nested_graphs_inside_functions_see_the_body)
{
	onnx_function *function = add_function("F", "a,cond", "b");
	onnx_graph *branch = build_graph(arena, "branch");
	onnx_node *inner = build_node(arena, branch, "Op", "op", "t", "r");
	build_attr(arena, inner, "k", ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->ref_attr_name = "k";
	build_output(arena, branch, build_info(arena, "r", ERC_F32, -1, NULL, NULL));
	body_node(function, "Neg", "neg", "a", "t");
	build_graph_attr(arena, body_node(function, "If", "if", "cond", "b"), "then_branch", branch);
	build_int(arena, call("F", "c", "x,x", "m"), "k", 1);
	build_int(arena, call("F", "d", "m,x", "y"), "k", 2);
	assert_text(must_read(), "input x:f32[4]\n"
	                         "c/t = Neg@17(x) \"c/neg\"\n"
	                         "m = If@17(x) {then_branch=graph \"branch\" {\n"
	                         "  c/r = Op@17(c/t) {k=1} \"c/op\"\n  output c/r as \"r\"\n}} \"c/if\"\n"
	                         "d/t = Neg@17(m) \"d/neg\"\n"
	                         "y = If@17(x) {then_branch=graph \"branch\" {\n"
	                         "  d/r = Op@17(d/t) {k=2} \"d/op\"\n  output d/r as \"r\"\n}} \"d/if\"\n"
	                         "output y\n");
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	onnx_function *function = add_function("F", "a", "b");
	onnx_node *node = call("F", "c", "x,x", "y");
	assert_refused(ERCC_MODEL, "node 'c' (F): called with 2 inputs and 1 outputs; the function has 1 and 1");
	node->n_input = 1;
	assert_refused(ERCC_MODEL, "node 'c' (F): nothing in the function produces its output 'b'");
	body_node(function, "Neg", "", "a", "b");
	must_read();
	build_graph_attr(arena, node, "g", build_graph(arena, "g"));
	assert_refused(ERCC_UNSUPPORTED, "node 'c' (F): attribute 'g' passes a graph to a function");
	node->n_attribute = 0;
	node->output[0] = "x";
	assert_refused(ERCC_MODEL, "node 'c' (F): output 'x' is defined already");
	BUILD_PUSH(arena, function, input, "a");
	assert_refused(ERCC_MODEL, "node 'c' (F): the function has two inputs 'a'");
	add_function("F", "a", "b");
	assert_refused(ERCC_MODEL, "function 'F': it is defined twice");
}
END_TEST

START_TEST(recursion_is_refused)
{
	onnx_function *one = add_function("One", "a", "b"), *two = add_function("Two", "a", "b");
	body_node(one, "Two", "to2", "a", "b")->domain = "local";
	body_node(two, "One", "to1", "a", "b")->domain = "local";
	call("One", "go", "x", "y");
	assert_refused(ERCC_MODEL, "node 'go/to2/to1' (One): the function calls itself");
}
END_TEST

/* 100 functions, each calling the next: no cycle, but too deep. */
START_TEST(calls_nest_only_so_deep)
{
	for (int i = 0; i < 100; i++) {
		onnx_function *function = add_function(arena_printf(arena, "F%d", i), "a", "b");
		body_node(function, i < 99 ? arena_printf(arena, "F%d", i + 1) : "Neg", "n", "a", "b")->domain =
			i < 99 ? "local" : "";
	}
	call("F0", "c", "x", "y");
	assert_refused(ERCC_MODEL, "nested deeper than 64");
}
END_TEST

/* 30 functions, each of which calls the next twice: 2^30 nodes from a small file. */
START_TEST(calls_do_not_multiply_without_bound)
{
	for (int i = 0; i < 30; i++) {
		onnx_function *function = add_function(arena_printf(arena, "F%d", i), "a", "b");
		const char *next = i < 29 ? arena_printf(arena, "F%d", i + 1) : "Neg";
		body_node(function, next, "n", "a", "t")->domain = i < 29 ? "local" : "";
		body_node(function, next, "m", "t", "b")->domain = i < 29 ? "local" : "";
	}
	call("F0", "c", "x", "y");
	assert_refused(ERCC_UNSUPPORTED, "more than 262144 nodes");
	ck_assert_uint_lt(arena->used_bytes, (size_t)1 << 30);
}
END_TEST

/* ---- nested graphs ---- */

/* If(c): then uses x of the main graph, else an initializer of its own. */
static onnx_graph *then_branch, *else_branch;
static onnx_node *branch_node;

static void add_branches(void)
{
	static const float one = 1;
	build_input(arena, top, build_info(arena, "c", ERC_BOOL, 0, NULL, NULL));
	then_branch = build_graph(arena, "then");
	else_branch = build_graph(arena, "else");
	build_node(arena, then_branch, "Neg", "n", "x", "r");
	build_output(arena, then_branch, build_info(arena, "r", ERC_F32, -1, NULL, NULL));
	build_initializer(arena, else_branch, build_tensor(arena, "k", ERC_F32, 0, NULL, &one, 4));
	build_node(arena, else_branch, "Add", "a", "x,k", "r");
	build_output(arena, else_branch, build_info(arena, "r", ERC_F32, -1, NULL, NULL));
	branch_node = build_node(arena, top, "If", "if", "c", "y");
	build_graph_attr(arena, branch_node, "then_branch", then_branch);
	build_graph_attr(arena, branch_node, "else_branch", else_branch);
}

START_TEST(branches_see_outer_values_and_get_unique_names)
{
	add_branches();
	assert_text(must_read(),
	            "input x:f32[4]\ninput c:bool[]\nconst k:f32[] = {1}\n"
	            "y = If(c) {then_branch=graph \"then\" {\n  r = Neg(x) \"n\"\n  output r\n"
	            "}, else_branch=graph \"else\" {\n  r_1 = Add(x, k) \"a\"\n  output r_1 as \"r\"\n}} \"if\"\n"
	            "output y\n");
}
END_TEST

START_TEST(values_of_branches_stay_inside)
{
	add_branches();
	build_node(arena, top, "Neg", "leak", "r", "z");
	assert_refused(ERCC_MODEL, "node 'leak' (Neg): input 'r' is not defined");
	top->n_node = 1;
	else_branch->node[0]->input[0] = "y";
	assert_refused(ERCC_MODEL, "node 'if' (If): it needs its own output");
	else_branch->node[0]->input[0] = "x";
	else_branch->output[0]->name = "c";
	ck_assert_str_eq(node_attr(must_read()->first, "else_branch")->graph->outputs[0]->name, "c");
	else_branch->output[0]->name = "nothing";
	assert_refused(ERCC_MODEL, "output 'nothing': nothing produces it");
}
END_TEST

START_TEST(inner_names_may_hide_outer_ones)
{
	add_branches();
	else_branch->node[0]->output[0] = "x";
	else_branch->output[0]->name = "x";
	const struct graph *inner = node_attr(must_read()->first, "else_branch")->graph;
	ck_assert_str_eq(inner->output_names[0], "x");
	ck_assert_str_eq(inner->outputs[0]->name, "x_1");
	ck_assert_str_eq(inner->first->inputs[0]->name, "x");
}
END_TEST

START_TEST(inputs_of_nested_graphs_need_no_type)
{
	add_branches();
	onnx_value_info *info = build_message(arena, &erc__onnx__value_info_proto__descriptor);
	info->name = "i";
	build_input(arena, then_branch, info);
	then_branch->node[0]->input[0] = "i";
	const struct graph *inner = node_attr(must_read()->first, "then_branch")->graph;
	ck_assert_int_eq(inner->inputs[0]->dtype, ERC_DTYPE_NONE);
	ck_assert_int_eq(inner->inputs[0]->shape.rank, -1);
	ck_assert_ptr_eq(inner->first->inputs[0], inner->inputs[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("onnx nested");
	TCase *functions = tcase_create("functions"), *graphs = tcase_create("graphs");
	tcase_add_checked_fixture(functions, start, fixture_stop);
	tcase_add_checked_fixture(graphs, start, fixture_stop);
	tcase_set_timeout(functions, 60);
	tcase_add_test(functions, a_call_becomes_the_body);
	tcase_add_test(functions, a_newer_opset_of_a_function_is_its_own);
	tcase_add_test(functions, functions_call_functions);
	tcase_add_test(functions, names_in_bodies_do_not_meet_those_outside);
	tcase_add_test(functions, omitted_inputs_and_outputs_pass_through_calls);
	tcase_add_test(functions, an_input_may_be_the_output);
	tcase_add_test(functions, attributes_of_the_call_reach_the_body);
	tcase_add_test(functions, references_pass_through_two_calls);
	tcase_add_test(functions, overloads_are_told_apart);
	tcase_add_test(functions, nested_graphs_inside_functions_see_the_body);
	tcase_add_test(functions, bad_calls_are_refused);
	tcase_add_test(functions, recursion_is_refused);
	tcase_add_test(functions, calls_nest_only_so_deep);
	tcase_add_test(functions, calls_do_not_multiply_without_bound);
	tcase_add_test(graphs, branches_see_outer_values_and_get_unique_names);
	tcase_add_test(graphs, values_of_branches_stay_inside);
	tcase_add_test(graphs, inner_names_may_hide_outer_ones);
	tcase_add_test(graphs, inputs_of_nested_graphs_need_no_type);
	suite_add_tcase(suite, functions);
	suite_add_tcase(suite, graphs);
	return run_suite(suite);
}
