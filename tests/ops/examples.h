/* The nodes of examples.txt, for tests that make many others of them. */
#ifndef ERC_EXAMPLES_H
#define ERC_EXAMPLES_H

#include <unistd.h>

#include "tests/unit/model_file.h"
#include "compiler/lower/op.h"
#include "compiler/core/expr.h"

#define EXAMPLES_PATH "tests/ops/examples.txt"
#define EXAMPLES_MAX 600
#define HEADS_MAX 64

struct example {
	char op[64]; /* with its domain, as in graph texts */
	int opset;
	char *text; /* of the graph */
};

static struct example examples[EXAMPLES_MAX];
static int example_count;

static void examples_wrong(const char *what, const char *which)
{
	fprintf(stderr, EXAMPLES_PATH ": %s: %s\n", what, which);
	exit(1);
}

static const struct op *example_row(const struct example *example)
{
	const char *name = strstr(example->op, "::");
	char domain[64] = "";
	if (name)
		snprintf(domain, sizeof domain, "%.*s", (int)(name - example->op), example->op);
	return op_find(domain, name ? name + 2 : example->op, example->opset);
}

/* The body of a block with the operator in place of OP. */
static void add_example(const char *head, const char *body)
{
	struct example *example = &examples[example_count++];
	if (example_count > EXAMPLES_MAX || sscanf(head, "%63[^@]@%d", example->op, &example->opset) != 2 ||
	    !example_row(example))
		examples_wrong("no such row", head);
	const char *call = strstr(body, "OP(");
	if (!call)
		examples_wrong("no node with OP", head);
	size_t room = strlen(body) + 100;
	example->text = malloc(room);
	snprintf(example->text, room, "graph \"g\" ir=10 opset=%d\n%.*s%s%s", example->opset, (int)(call - body), body,
	         example->op, call + 2);
}

static void load_examples(void)
{
	char *text = NULL, *heads[HEADS_MAX];
	size_t room = 0;
	int head_count = 0;
	FILE *file = fopen(EXAMPLES_PATH, "r");
	if (!file || getdelim(&text, &room, '\0', file) < 0)
		examples_wrong("cannot read", "tests run in the top folder");
	fclose(file);
	char *rest = text, *body = calloc(1, room);
	for (char *line; (line = strsep(&rest, "\n")) || *body;) {
		if (line && *line && *line != '#' && strncmp(line, "== ", 3)) {
			strcat(strcat(body, line), "\n");
			continue;
		}
		for (int i = 0; *body && i < head_count; i++)
			add_example(heads[i], body);
		head_count = *body ? 0 : head_count;
		*body = 0;
		bool head = line && *line == '=';
		for (char *word; head && (word = strsep(&line, " "));)
			if (strchr(word, '@') && head_count < HEADS_MAX)
				heads[head_count++] = word;
	}
	free(body);
	free(text);
}

#endif
