/* Every operator with each of ONNX's element types in each of its operands, as a model input and as a constant: it is
 * compiled, or refused with a message that names it. Cases run in child processes, so that a crash is one failure. */
#include "tests/ops/children.h"
#include "tests/ops/turned.h"
#include "compiler/passes/pass.h"

#define TYPE_COUNT 28 /* of TensorProto.DataType in ONNX 1.23, from 1 on */
#define PARTS 8       /* tests that share the examples, for the time limit of one */
enum { COMPILED, REFUSED, KEPT, HOLES };

struct operands {
	const struct example *example;
	const struct node *node; /* as in the example's text */
};

struct turn {
	const struct value *operand;
	int type;
	bool constant;
};

static struct turn turn_of(const struct operands *all, int64_t number)
{
	return (struct turn){all->node->inputs[number / (2 * TYPE_COUNT)], (int)(number / 2 % TYPE_COUNT) + 1, number % 2};
}

static void name_turn(void *user, int64_t number, char *text, size_t room)
{
	const struct operands *all = user;
	struct turn turn = turn_of(all, number);
	snprintf(text, room, "%s@%d, operand '%s' a %s of type %d", all->example->op, all->example->opset,
	         turn.operand->name, turn.constant ? "constant" : "model input", turn.type);
}

static void check_turn(void *user, int64_t number)
{
	const struct operands *all = user;
	struct turn turn = turn_of(all, number);
	char name[200], quoted[64];
	if (!turn.operand || turn.operand->producer) /* left out, or a sequence that another node makes */
		return;
	forget_messages();
	onnx_model *model = export_text(all->example->text);
	turn_operand(model, turn.operand, turn.type, turn.constant);
	enum ercc_status status = check_model(model);
	snprintf(quoted, sizeof quoted, "'%s'", turn.operand->name);
	/* the nodes of a nested graph have names of their own */
	bool named = strstr(test.errors, "node '") || strstr(test.errors, quoted);
	if (status == ERCC_OK) {
		shared->counts[COMPILED]++;
	} else if ((status == ERCC_UNSUPPORTED || status == ERCC_MODEL) && named) {
		shared->counts[REFUSED]++;
	} else {
		name_turn(user, number, name, sizeof name);
		is_wrong(name, *test.errors ? test.errors : ercc_status_text(status));
	}
}

/* ---- inputs that are left out ---- */

static void name_hole(void *user, int64_t number, char *text, size_t room)
{
	const struct operands *all = user;
	snprintf(text, room, "%s@%d without input %d", all->example->op, all->example->opset, (int)number);
}

/* The node without that input: it is refused by name, or the graph that the infer pass leaves is whole. */
static void check_hole(void *user, int64_t number)
{
	const struct operands *all = user;
	struct graph *graph;
	char name[200];
	fixture_stop();
	fixture_start();
	test.options.stop_after = "infer";
	forget_messages();
	assert_ok(graph_parse(&test.ctx, all->example->text, &graph));
	struct node *node = graph->first;
	while (strcmp(node->name, "n"))
		node = node->next;
	node_set_input(node, (int)number, NULL);
	enum ercc_status status = run_passes(graph, NULL, plans_new(&test.ctx));
	if (status == ERCC_OK && graph_verify(graph, "infer") == ERCC_OK) {
		shared->counts[KEPT]++;
	} else if ((status == ERCC_UNSUPPORTED || status == ERCC_MODEL) && strstr(test.errors, "node '")) {
		shared->counts[HOLES]++;
	} else {
		name_hole(user, number, name, sizeof name);
		is_wrong(name, *test.errors ? test.errors : ercc_status_text(status));
	}
}

static void find_node(const struct example *example, struct operands *out)
{
	struct graph *graph;
	fixture_stop();
	fixture_start();
	assert_ok(graph_parse(&test.ctx, example->text, &graph));
	*out = (struct operands){example, graph->first};
	while (strcmp(out->node->name, "n"))
		out->node = out->node->next;
}

START_TEST(left_out_inputs_are_refused_by_name_or_have_no_use)
{
	for (int i = 0; i < example_count; i++) {
		struct operands all;
		find_node(&examples[i], &all);
		run_in_children(all.node->input_count, check_hole, name_hole, &all);
	}
	ck_assert_msg(!shared->wrong, "%lld wrong; the last: %s", (long long)shared->wrong, shared->words);
}
END_TEST

static void check_example(const struct example *example)
{
	struct operands all;
	find_node(example, &all);
	run_in_children(2 * TYPE_COUNT * all.node->input_count, check_turn, name_turn, &all);
}

START_TEST(types_are_taken_or_refused_by_name)
{
	for (int i = _i; i < example_count; i += PARTS)
		check_example(&examples[i]);
	ck_assert_msg(!shared->wrong, "%lld wrong; the last: %s", (long long)shared->wrong, shared->words);
}
END_TEST

/* Without its example a row would be left out of the tests that are generated from them. */
START_TEST(every_row_has_an_example_that_compiles)
{
	int rows = 0;
	for (const struct family *family = families; family->name; family++)
		for (const struct op *op = family->ops; op->name; op++) {
			bool found = op_is_own(op);
			for (int i = 0; i < example_count; i++)
				found |= example_row(&examples[i]) == op;
			ck_assert_msg(found, "%s since %d has no example in " EXAMPLES_PATH, op->name, op->since);
			rows += !op_is_own(op);
		}
	int failed = 0;
	for (int i = 0; i < example_count; i++) {
		forget_messages();
		if (check_model(export_text(examples[i].text)) == ERCC_OK)
			continue;
		failed++;
		printf("%s@%d: %s", examples[i].op, examples[i].opset, test.errors);
	}
	printf("examples: %d of %d rows\n", example_count, rows);
	ck_assert_int_eq(failed, 0);
}
END_TEST

/* A value that no node touches: input and constant as outputs. */
START_TEST(outputs_of_all_types_are_taken_or_refused_by_name)
{
	int taken = 0;
	for (int type = 1; type <= TYPE_COUNT; type++)
		for (int constant = 0; constant < 2; constant++) {
			struct value like = {.name = "k", .shape = shape_of(1, (int64_t[]){2})};
			onnx_model *model = build_model(&test.ctx.arena, 10, 20);
			turn_operand(model, &like, type, constant);
			build_output(&test.ctx.arena, model->graph, build_info(&test.ctx.arena, "k", 0, -1, NULL, NULL));
			forget_messages();
			enum ercc_status status = check_model(model);
			ck_assert_msg(status == ERCC_OK || strstr(test.errors, "'k'"), "type %d: %s", type, test.errors);
			taken += status == ERCC_OK;
		}
	ck_assert_int_eq(taken, 46); /* 23 types, both ways */
}
END_TEST

int main(void)
{
	load_examples();
	if (share() || !mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	Suite *suite = suite_create("types");
	TCase *all = tcase_create("all types in all operands");
	tcase_set_timeout(all, 600);
	tcase_add_checked_fixture(all, fixture_start, fixture_stop);
	tcase_add_test(all, every_row_has_an_example_that_compiles);
	tcase_add_test(all, outputs_of_all_types_are_taken_or_refused_by_name);
	tcase_add_test(all, left_out_inputs_are_refused_by_name_or_have_no_use);
	tcase_add_loop_test(all, types_are_taken_or_refused_by_name, 0, PARTS);
	suite_add_tcase(suite, all);
	int failed = run_suite(suite);
	printf("types: %lld compiled, %lld refused by name\n", (long long)shared->counts[COMPILED],
	       (long long)shared->counts[REFUSED]);
	printf("left-out inputs: %lld taken, %lld refused by name\n", (long long)shared->counts[KEPT],
	       (long long)shared->counts[HOLES]);
	failed |= shared->counts[COMPILED] < 1000 || shared->counts[REFUSED] < 10000;
	unlink(model_path), rmdir(folder);
	return failed;
}
