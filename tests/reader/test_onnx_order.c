/* Nodes in any order are read as if they were sorted; cycles are refused with their nodes. */
#include "tools/dev/onnx_builder.h"
#include "tests/unit/graph_fixture.h"

#define NODES 12

static struct arena *arena;
static onnx_model *model;
static onnx_graph *top;

static void start(void)
{
	fixture_start();
	arena = &test.ctx.arena;
	model = build_model(arena, 9, 18);
	top = model->graph;
	build_input(arena, top, build_info(arena, "x", ERC_F32, 1, (int64_t[]){4}, NULL));
}

static enum ercc_status read_model(struct graph **out)
{
	size_t bytes;
	void *data = build_pack(arena, model, &bytes);
	return onnx_read_model_bytes(&test.ctx, data, bytes, NULL, out);
}

static uint32_t below(uint32_t limit)
{
	static uint64_t state = 1;
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % limit;
}

/* Adds v0 ... to nodes: each takes two values of earlier nodes, or x; some of them in the branches of an If. */
static void add_nodes(onnx_graph *graph)
{
	for (int i = 0; i < NODES; i++) {
		char *name = arena_printf(arena, "v%d", i), *inputs[2];
		for (int k = 0; k < 2; k++)
			inputs[k] = i && below(4) ? arena_printf(arena, "v%u", below((uint32_t)i)) : "x";
		if (below(4)) {
			build_node(arena, graph, "Add", name, arena_printf(arena, "%s,%s", inputs[0], inputs[1]), name);
			continue;
		}
		onnx_node *node = build_node(arena, graph, "If", name, "x", name);
		for (int k = 0; k < 2; k++) {
			onnx_graph *branch = build_graph(arena, "branch");
			build_node(arena, branch, "Neg", "inner", inputs[k], arena_printf(arena, "%s_%d", name, k));
			build_output(arena, branch, build_info(arena, arena_printf(arena, "%s_%d", name, k), 1, -1, NULL, NULL));
			build_graph_attr(arena, node, k ? "else_branch" : "then_branch", branch);
		}
	}
	build_output(arena, graph, build_info(arena, arena_printf(arena, "v%d", NODES - 1), ERC_F32, -1, NULL, NULL));
}

static void shuffle(onnx_graph *graph)
{
	for (size_t i = graph->n_node - 1; i; i--) {
		size_t k = below((uint32_t)i + 1);
		onnx_node *node = graph->node[i];
		graph->node[i] = graph->node[k];
		graph->node[k] = node;
	}
}

/* The text has the nodes in some order; as a set of lines it is the same for every order. */
static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *sorted_lines(struct graph *graph)
{
	char *text = text_of(graph), *rest = text, *lines[200], *line, *out = arena_alloc(arena, strlen(text) + 300);
	size_t count = 0;
	while ((line = strsep(&rest, "\n")))
		lines[count++] = line;
	qsort(lines, count, sizeof *lines, compare_lines);
	for (size_t i = 0; i < count; i++)
		strcat(strcat(out, lines[i]), "\n");
	free(text);
	return out;
}

START_TEST(every_order_gives_the_same_nodes)
{
	int moved = 0;
	for (int trial = 0; trial < 200; trial++) {
		struct graph *graph, *again;
		fixture_stop();
		start();
		add_nodes(top);
		assert_ok(read_model(&graph));
		size_t at = 0; /* a sorted graph stays as it is */
		for (const struct node *node = graph->first; node; node = node->next)
			ck_assert_str_eq(node->name, top->node[at++]->name);
		shuffle(top);
		assert_ok(read_model(&again));
		assert_ok(graph_verify(again, "import"));
		moved += strcmp(again->first->name, top->node[0]->name) != 0;
		ck_assert_str_eq(sorted_lines(graph), sorted_lines(again));
	}
	printf("order: 200 graphs, %d with another first node\n", moved);
	ck_assert_int_gt(moved, 50);
}
END_TEST

START_TEST(a_node_moves_only_before_the_first_that_needs_it)
{
	struct graph *graph;
	build_node(arena, top, "Neg", "a", "x", "a");
	build_node(arena, top, "Add", "d", "a,c", "d");
	build_node(arena, top, "Neg", "b", "x", "b");
	build_node(arena, top, "Neg", "c", "b", "c");
	build_node(arena, top, "Neg", "e", "x", "e");
	build_output(arena, top, build_info(arena, "d", ERC_F32, -1, NULL, NULL));
	assert_ok(read_model(&graph));
	assert_text(graph, "input x:f32[4]\na = Neg(x) \"a\"\nb = Neg(x) \"b\"\nc = Neg(b) \"c\"\nd = Add(a, c) \"d\"\n"
	                   "e = Neg(x) \"e\"\noutput d\n");
}
END_TEST

START_TEST(bodies_and_functions_are_sorted_too)
{
	struct graph *graph;
	build_opset(arena, model, "local", 1);
	onnx_function *function = build_message(arena, &erc__onnx__function_proto__descriptor);
	function->name = "F";
	function->domain = "local";
	BUILD_PUSH(arena, function, input, "p");
	BUILD_PUSH(arena, function, output, "q");
	onnx_node *late = build_free_node(arena, "Abs", "late", "m", "q"),
			  *early = build_free_node(arena, "Neg", "early", "p", "m");
	BUILD_PUSH(arena, function, node, late);
	BUILD_PUSH(arena, function, node, early);
	BUILD_PUSH(arena, model, functions, function);
	build_node(arena, top, "F", "second", "z", "y")->domain = "local";
	build_node(arena, top, "F", "first", "x", "z")->domain = "local";
	build_output(arena, top, build_info(arena, "y", ERC_F32, -1, NULL, NULL));
	assert_ok(read_model(&graph));
	static const char *const names[] = {"first/early", "first/late", "second/early", "second/late"};
	const struct node *node = graph->first;
	for (size_t i = 0; i < COUNT_OF(names); i++, node = node->next)
		ck_assert_str_eq(node->name, names[i]);
}
END_TEST

/* A cycle of each length up to 6, in the main graph and in a branch, with another node before it. */
START_TEST(cycles_are_refused_with_their_nodes)
{
	for (int length = 1; length <= 6; length++)
		for (int nested = 0; nested < 2; nested++) {
			struct graph *graph;
			struct text wanted = {.arena = arena};
			fixture_stop();
			start();
			build_node(arena, top, "Neg", "before", "x", "before");
			build_output(arena, top, build_info(arena, "c0", ERC_F32, -1, NULL, NULL));
			onnx_graph *graph_of = top;
			if (nested) {
				graph_of = build_graph(arena, "branch");
				build_output(arena, graph_of, build_info(arena, "c0", ERC_F32, -1, NULL, NULL));
				onnx_node *node = build_node(arena, top, "If", "if", "x", "c0_out");
				top->output[0]->name = "c0_out";
				build_graph_attr(arena, node, "then_branch", graph_of);
			}
			for (int i = 0; i < length; i++)
				build_node(arena, graph_of, "Add", arena_printf(arena, "n%d", i),
				           arena_printf(arena, "before,c%d", (i + length - 1) % length), arena_printf(arena, "c%d", i));
			for (int i = 1; i <= length; i++) /* the first to be visited is n0, and the one that needs it is next */
				text_printf(&wanted, "%s'n%d' (Add)", i > 1 ? ", " : "", i % length);
			assert_fails(read_model(&graph), ERCC_MODEL, wanted.data);
		}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("onnx_order");
	TCase *order = tcase_create("order of nodes");
	tcase_set_timeout(order, 60);
	tcase_add_checked_fixture(order, start, fixture_stop);
	tcase_add_test(order, every_order_gives_the_same_nodes);
	tcase_add_test(order, a_node_moves_only_before_the_first_that_needs_it);
	tcase_add_test(order, bodies_and_functions_are_sorted_too);
	tcase_add_test(order, cycles_are_refused_with_their_nodes);
	suite_add_tcase(suite, order);
	return run_suite(suite);
}
