/* Cases of our own: graph text with inputs and the outputs that it must give, in tests/ops/cases/NAME.txt. They test
 * what ONNX's backend suite does not. A case is
 *
 *     == title
 *     input x:f32[3]
 *     y = Relu(x)
 *     output y
 *     given x:f32[3] = {-1, 0, 2}
 *     want y:f32[3] = {0, 0, 2}
 *
 * with a `given` for each input, in the order of the inputs, and a `want` for each output. `within 1e-4` sets the limit
 * of a float's error, relative to 1 + |wanted| (1e-5 without it); other types are compared exactly. Each case runs on
 * every target of `targets` that this machine can run. */
#include <dirent.h>

#include "tests/ops/compute.h"

#define MAX_CASES 500
#define MAX_VALUES 8

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};

struct own_case {
	char *file, *title, *graph;
	char *given[MAX_VALUES], *want[MAX_VALUES]; /* "x:f32[3] = {-1, 0, 2}" */
	int given_count, want_count;
	double within;
};

static struct own_case cases[MAX_CASES];
static int case_count;

static void give_up(const char *what, const char *which)
{
	fprintf(stderr, "tests/ops/cases: %s: %s\n", what, which);
	exit(1);
}

/* ---- reading ---- */

static char *after(char *line, const char *word)
{
	size_t length = strlen(word);
	return strncmp(line, word, length) ? NULL : line + length;
}

static void add_line(struct own_case *c, char *line)
{
	char *given = after(line, "given "), *want = after(line, "want "), *within = after(line, "within ");
	if ((given && c->given_count == MAX_VALUES) || (want && c->want_count == MAX_VALUES))
		give_up("too many values", c->title);
	if (given)
		c->given[c->given_count++] = given;
	else if (want)
		c->want[c->want_count++] = want;
	else if (within)
		c->within = atof(within);
	else
		strcat(strcat(c->graph, line), "\n");
}

static void load_file(const char *name)
{
	char path[512], *text = NULL;
	size_t room = 0;
	snprintf(path, sizeof path, "tests/ops/cases/%s", name);
	FILE *file = fopen(path, "r");
	if (!file || getdelim(&text, &room, '\0', file) < 0)
		give_up("cannot read", path);
	fclose(file);
	struct own_case *c = NULL;
	for (char *line; (line = strsep(&text, "\n"));) {
		char *title = after(line, "== ");
		if (title && case_count == MAX_CASES)
			give_up("too many cases", path);
		if (title) {
			c = &cases[case_count++];
			*c = (struct own_case){.file = strdup(name), .title = title, .graph = calloc(1, room), .within = 1e-5};
		} else if (*line && *line != '#' && !c)
			give_up("text before the first title", path);
		else if (*line && *line != '#')
			add_line(c, line);
	}
}

static void load_all(void)
{
	struct dirent **names;
	int count = scandir("tests/ops/cases", &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (strstr(names[i]->d_name, ".txt"))
			load_file(names[i]->d_name);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	if (!case_count)
		give_up("no case (tests run in the top folder)", "tests/ops/cases");
}

/* ---- running ---- */

/* Parses "x:f32[3] = {-1, 0, 2}". */
static const struct tensor *tensor_of(const struct own_case *c, const char *text)
{
	struct graph *graph;
	char name[64],
		*whole = arena_printf(&test.ctx.arena, "const %s\noutput %.*s\n", text, (int)strcspn(text, ":"), text);
	snprintf(name, sizeof name, "%.*s", (int)strcspn(text, ":"), text);
	ck_assert_msg(graph_parse(&test.ctx, whole, &graph) == ERCC_OK, "%s: %s: %s: %s", c->file, c->title, name,
	              test.errors);
	ck_assert_ptr_nonnull(graph->outputs[0]->constant);
	return tensor_expand(&test.ctx.arena, graph->outputs[0]->constant);
}

static bool is_close(double found, double wanted, double within)
{
	if (isnan(wanted) || isnan(found))
		return isnan(wanted) && isnan(found);
	return found == wanted || fabs(found - wanted) <= within * (1 + fabs(wanted));
}

static void compare(const struct own_case *c, const char *target, int output, const void *found)
{
	const struct tensor *want = tensor_of(c, c->want[output]);
	struct tensor got = {.dtype = want->dtype, .shape = want->shape, .data = found};
	for (int64_t i = 0; i < shape_elements(&want->shape); i++)
		if (want->dtype == ERC_F32 || want->dtype == ERC_F64 || want->dtype == ERC_F16 || want->dtype == ERC_BF16)
			ck_assert_msg(is_close(tensor_float(&got, i), tensor_float(want, i), c->within),
			              "%s: %s: %s: output %d: element %lld is %.9g, wanted %.9g", c->file, c->title, target, output,
			              (long long)i, tensor_float(&got, i), tensor_float(want, i));
		else
			ck_assert_msg(tensor_int(&got, i) == tensor_int(want, i),
			              "%s: %s: %s: output %d: element %lld is %lld, wanted %lld", c->file, c->title, target, output,
			              (long long)i, (long long)tensor_int(&got, i), (long long)tensor_int(want, i));
}

/* Returns false if this machine cannot run the artifact. */
static bool run(const struct own_case *c, const char *target)
{
	const struct tensor *given[MAX_VALUES];
	struct output outputs[MAX_VALUES];
	compile_text(c->graph, target, NULL, 0);
	for (int i = 0; i < c->given_count; i++)
		given[i] = tensor_of(c, c->given[i]);
	if (!run_on(given, c->given_count, outputs, c->want_count))
		return false;
	for (int i = 0; i < c->want_count; i++) {
		ck_assert_uint_eq(outputs[i].bytes, tensor_bytes(tensor_of(c, c->want[i])));
		compare(c, target, i, outputs[i].data);
		free(outputs[i].data);
	}
	return true;
}

START_TEST(gives_what_is_wanted)
{
	for (size_t t = 0; t < COUNT_OF(targets); t++)
		if (!run(&cases[_i], targets[t]))
			printf("skipped: %s: %s: this machine does not run %s\n", cases[_i].file, cases[_i].title, targets[t]);
}
END_TEST

int main(void)
{
	load_all();
	TCase *all = tcase_create("own cases");
	tcase_add_loop_test(all, gives_what_is_wanted, 0, case_count);
	return run_in_folder(suite_create("cases"), all);
}
