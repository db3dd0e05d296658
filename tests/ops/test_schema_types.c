/* Every operator with the element types that ONNX's schemas allow (schema_types.txt), in every opset that changed its
 * schema: all inputs of a type variable get the type. What is refused must be what schema_types_refused.txt lists.
 * `test_schema_types --refused tests/ops/schema_types_refused.txt` writes that list anew. */
#include "tests/ops/children.h"
#include "tests/ops/turned.h"

#define TYPES_PATH "tests/ops/schema_types.txt"
#define REFUSED_PATH "tests/ops/schema_types_refused.txt"
enum { TAKEN, REFUSED, LEFT_OUT };

/* The inputs that have one type variable, and the types that it may have. */
struct line {
	char op[40], variable[40], slots[40], types[200];
	int opset;
};

static struct line lines[1200];
static int line_count;
static FILE *to_write; /* the list, anew */

static char *read_all(const char *path)
{
	char *text = NULL;
	size_t room = 0;
	FILE *file = fopen(path, "r");
	if (!file || getdelim(&text, &room, '\0', file) < 0)
		examples_wrong(path, "cannot be read; tests run in the top folder");
	fclose(file);
	return text;
}

static void load_lines(void)
{
	char *text = read_all(TYPES_PATH), *rest = text;
	for (char *at; (at = strsep(&rest, "\n"));) {
		struct line *line = &lines[line_count];
		if (*at == '#' || !*at)
			continue;
		if (sscanf(at, "%39[^@]@%d %39s %39[^:]: %199[^\n]", line->op, &line->opset, line->variable, line->slots,
		           line->types) != 5 ||
		    ++line_count == (int)COUNT_OF(lines))
			examples_wrong(TYPES_PATH, at);
	}
	free(text);
}

/* Whether the line's inputs include that one: "0,2" or "1+". */
static bool has_slot(const struct line *line, int slot)
{
	for (const char *at = line->slots; *at; at += *at == ',') {
		char *end;
		long from = strtol(at, &end, 10);
		if (from == slot || (*end == '+' && from < slot))
			return true;
		at = end + (*end == '+');
	}
	return false;
}

static int type_of(const char *name)
{
	for (int type = 1; type <= ERC_I2; type++)
		if (!strcmp(dtype_name((enum erc_dtype)type), name))
			return type;
	examples_wrong(TYPES_PATH, name);
	return 0;
}

/* The example's text for the line's opset. */
static const char *text_at(const struct example *example, const struct line *line)
{
	const char *rest = strchr(example->text, '\n');
	return arena_printf(&test.ctx.arena, "graph \"g\" ir=10 opset=%d%s", line->opset, rest);
}

static struct node *node_of(const char *text)
{
	struct graph *graph;
	assert_ok(graph_parse(&test.ctx, text, &graph));
	struct node *node = graph->first;
	while (strcmp(node->name, "n"))
		node = node->next;
	return node;
}

/* The model with the line's inputs of that type; NULL: the example has none of them. */
static onnx_model *turned_model(const char *text, const struct line *line, int type)
{
	struct node *node = node_of(text);
	onnx_model *model = export_text(text);
	int turned = 0;
	for (int i = 0; i < node->input_count; i++) {
		const struct value *operand = node->inputs[i];
		if (!operand || operand->producer || !has_slot(line, i))
			continue;
		turn_operand(model, operand, type, operand->constant != NULL);
		turned++;
	}
	return turned ? model : NULL;
}

/* Adds the type to `refused` if an example does not compile with it. Returns why. */
static const char *check_type(const struct line *line, const char *name, struct text *refused)
{
	const struct op *row = op_find("", line->op, line->opset);
	int known = 0, taken = 0;
	const char *why = "";
	for (const struct example *example = examples; row && example < examples + example_count; example++) {
		if (example_row(example) != row)
			continue;
		const char *text = text_at(example, line);
		onnx_model *model = turned_model(text, line, type_of(name));
		if (!model || check_model(export_text(text)) != ERCC_OK)
			continue; /* the attributes are of other opsets */
		known++;
		forget_messages();
		taken += check_model(model) == ERCC_OK;
		if (*test.errors)
			why = arena_copy_text(&test.ctx.arena, test.errors);
	}
	shared->counts[!known && row ? LEFT_OUT : taken < known || !row ? REFUSED : TAKEN]++;
	if (taken < known || !row)
		text_printf(refused, " %s", name);
	else if (!known)
		text_printf(refused, " %s?", name);
	return !row ? "no such operator" : known ? why : "no example fits";
}

static void check_line(void *user, int64_t number)
{
	const struct line *line = &lines[number];
	fixture_stop();
	fixture_start();
	struct text refused = {.arena = &test.ctx.arena};
	char *types = arena_copy_text(&test.ctx.arena, line->types);
	const char *head =
		arena_printf(&test.ctx.arena, "\n%s@%d %s %s:", line->op, line->opset, line->variable, line->slots);
	const char *why = "", *last;
	for (char *name; (name = strsep(&types, " "));)
		why = *(last = check_type(line, name, &refused)) ? last : why;
	if (to_write && refused.data)
		fprintf(to_write, "%s%s # %.*s\n", head + 1, refused.data, (int)strcspn(why, "\n"), why);
	if (to_write)
		return;
	const char *found = strstr(user, head);
	size_t length = found ? strcspn(found + strlen(head), "#\n") : 0;
	const char *wanted = found ? arena_copy_bytes(&test.ctx.arena, found + strlen(head), length) : "";
	if (refused.data)
		text_printf(&refused, found ? " " : "");
	if (strcmp(wanted, refused.data ? refused.data : ""))
		is_wrong(head + 1, arena_printf(&test.ctx.arena, "refused:%s; listed:%s", refused.data, wanted));
}

static void name_line(void *user, int64_t number, char *text, size_t room)
{
	(void)user;
	snprintf(text, room, "%s@%d", lines[number].op, lines[number].opset);
}

START_TEST(refused_types_are_those_that_are_listed)
{
	char *listed = to_write ? NULL : read_all(REFUSED_PATH);
	run_in_children(line_count, check_line, name_line, listed);
	free(listed);
	ck_assert_msg(!shared->wrong, "%lld wrong; the last: %s", (long long)shared->wrong, shared->words);
}
END_TEST

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--refused")) {
		to_write = fopen(argv[2], "w");
		fputs("# Types of schema_types.txt that are refused in at least one example of the operator, and the last "
		      "reason; ?: no\n"
		      "# example has such an operand. Written by `test_schema_types --refused`.\n",
		      to_write);
		fflush(to_write);
	}
	load_examples();
	load_lines();
	if (share() || !mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	Suite *suite = suite_create("schema types");
	TCase *all = tcase_create("types that schemas allow");
	tcase_set_timeout(all, 600);
	tcase_add_checked_fixture(all, fixture_start, fixture_stop);
	tcase_add_test(all, refused_types_are_those_that_are_listed);
	suite_add_tcase(suite, all);
	int failed = run_suite(suite);
	printf("types of schemas: %d type variables; %lld types taken, %lld refused as listed, %lld without an example\n",
	       line_count, (long long)shared->counts[TAKEN], (long long)shared->counts[REFUSED],
	       (long long)shared->counts[LEFT_OUT]);
	unlink(model_path), rmdir(folder);
	return failed;
}
