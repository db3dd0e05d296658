/* Tests each pass with the cases of tests/passes/PASS.txt: a graph, and the dump or the messages of the pipeline up to
 * that pass. A case is a "== title" line, options of the command, the graph, a "-->" line and the expected text.
 * UPDATE=1 records the expected parts anew. */
#include "tests/unit/graph_fixture.h"

#include "compiler/passes/pass.h"

#define MAX_CASES 200
#define MAX_VALUES 8

struct pass_case {
	const char *pass;
	char *title, *before, *after;
	const char *dims[MAX_VALUES], *shapes[MAX_VALUES], *consts[MAX_VALUES], *lengths[MAX_VALUES];
	uint32_t dim_count, shape_count, const_count, length_count;
};

static struct pass_case cases[MAX_CASES];
static int case_count;

static void give_up(const char *what, const char *which)
{
	fprintf(stderr, "tests/passes: %s: %s\n", what, which);
	exit(1);
}

static char *pass_path(const char *pass, char path[256])
{
	snprintf(path, 256, "tests/passes/%s.txt", pass);
	return path;
}

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;
	if (!file)
		give_up("cannot read (tests run in the top folder)", path);
	if (getdelim(&text, &room, '\0', file) < 0)
		give_up("empty", path);
	fclose(file);
	return text;
}

static bool starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* "--dim batch=1" */
static void add_option(struct pass_case *c, char *line)
{
	static const char *const names[] = {"--dim ", "--shape ", "--const ", "--length "};
	const char **lists[] = {c->dims, c->shapes, c->consts, c->lengths};
	uint32_t *counts[] = {&c->dim_count, &c->shape_count, &c->const_count, &c->length_count};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (starts_with(line, names[i]) && *counts[i] < MAX_VALUES) {
			lists[i][(*counts[i])++] = line + strlen(names[i]);
			return;
		}
	give_up("bad option", line);
}

static void append(char **text, const char *line)
{
	size_t used = *text ? strlen(*text) : 0;
	*text = realloc(*text, used + strlen(line) + 2);
	if (!*text)
		give_up("out of memory", line);
	sprintf(*text + used, "%s\n", line);
}

static void load_cases(const char *pass)
{
	char path[256], *rest = read_text(pass_path(pass, path));
	struct pass_case *c = NULL;
	bool after = false;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (starts_with(line, "== ")) {
			if (case_count == MAX_CASES)
				give_up("too many cases", path);
			c = &cases[case_count++];
			*c = (struct pass_case){.pass = pass, .title = line + 3, .before = calloc(1, 1), .after = calloc(1, 1)};
			after = false;
		} else if (!*line) {
			continue;
		} else if (!c) {
			give_up("text before the first title", path);
		} else if (!strcmp(line, "-->")) {
			after = true;
		} else if (starts_with(line, "--") && !after) {
			add_option(c, line);
		} else {
			append(after ? &c->after : &c->before, line);
		}
	}
}

static void keep_all(void *user, enum ercc_message_kind kind, const char *message, uint32_t done, uint32_t total)
{
	(void)done, (void)total;
	char **text = user, line[2048];
	snprintf(line, sizeof line, "! %s: %s",
	         kind == ERCC_MESSAGE_ERROR  ? "error"
	         : kind == ERCC_MESSAGE_NOTE ? "note"
	                                     : "other",
	         message);
	append(text, line);
}

/* The dump after its first lines, which are the same in all cases. */
static char *dump_body(char *dump)
{
	for (int i = 0; i < 2; i++)
		if (starts_with(dump, "# after ") || starts_with(dump, "graph "))
			dump = strchr(dump, '\n') + 1;
	return dump;
}

/* Runs the pipeline up to the case's pass and returns its output, which the caller frees. */
static char *run_case(const struct pass_case *c)
{
	struct graph *graph = NULL;
	char *dump = NULL, *messages = calloc(1, 1);
	size_t bytes;
	struct ercc_options options = {
		.size = sizeof options,
		.dump_after = c->pass,
		.stop_after = c->pass,
		.dump = open_memstream(&dump, &bytes),
		.dims = c->dims,
		.dim_count = c->dim_count,
		.shapes = c->shapes,
		.shape_count = c->shape_count,
		.const_texts = c->consts,
		.const_text_count = c->const_count,
		.lengths = c->lengths,
		.length_count = c->length_count,
		.message = keep_all,
		.user = &messages,
	};
	test.options = options;
	enum ercc_status status = graph_parse(&test.ctx, c->before, &graph);
	if (status == ERCC_OK)
		status = run_passes(graph, NULL, plans_new(&test.ctx));
	fclose(options.dump);
	if (status == ERCC_OK)
		status = graph_verify(graph, c->pass);
	append(&messages, ercc_status_text(status));
	char *text = strdup(status == ERCC_OK ? dump_body(dump) : messages);
	free(dump), free(messages);
	return text;
}

START_TEST(pass_does_what_its_file_says)
{
	const struct pass_case *c = &cases[_i];
	char *actual = run_case(c);
	ck_assert_msg(!strcmp(actual, c->after), "%s: %s\n--- expected\n%s--- actual\n%s", c->pass, c->title, c->after,
	              actual);
	free(actual);
}
END_TEST

START_TEST(every_pass_has_cases)
{
	int count = 0;
	for (int i = 0; i < case_count; i++)
		count += !strcmp(cases[i].pass, ercc_pass_name((uint32_t)_i));
	ck_assert_int_ge(count, 2);
}
END_TEST

static void write_options(FILE *file, const char *name, const char *const *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		fprintf(file, "%s %s\n", name, values[i]);
}

static void record(const char *pass)
{
	char path[256];
	FILE *file = fopen(pass_path(pass, path), "w");
	if (!file)
		give_up("cannot write", path);
	for (int i = 0, n = 0; i < case_count; i++) {
		const struct pass_case *c = &cases[i];
		if (strcmp(c->pass, pass))
			continue;
		fixture_start();
		char *actual = run_case(c);
		fixture_stop();
		fprintf(file, "%s== %s\n", n++ ? "\n" : "", c->title);
		write_options(file, "--dim", c->dims, c->dim_count);
		write_options(file, "--shape", c->shapes, c->shape_count);
		write_options(file, "--const", c->consts, c->const_count);
		write_options(file, "--length", c->lengths, c->length_count);
		fprintf(file, "%s-->\n%s", c->before, actual);
		free(actual);
	}
	if (fclose(file))
		give_up("cannot write", path);
}

int main(void)
{
	int pass_count = 0;
	for (; ercc_pass_name((uint32_t)pass_count); pass_count++)
		load_cases(ercc_pass_name((uint32_t)pass_count));
	if (getenv("UPDATE")) {
		for (int i = 0; i < pass_count; i++)
			record(ercc_pass_name((uint32_t)i));
		return 0;
	}
	Suite *suite = suite_create("passes");
	TCase *files = tcase_create("files");
	tcase_add_checked_fixture(files, fixture_start, fixture_stop);
	tcase_add_loop_test(files, pass_does_what_its_file_says, 0, case_count);
	tcase_add_loop_test(files, every_pass_has_cases, 0, pass_count);
	suite_add_tcase(suite, files);
	return run_suite(suite);
}
