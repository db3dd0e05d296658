/* Finds the cases of ONNX's backend test suite: DATA/CATEGORY/test_NAME/model.onnx with
 * test_data_set_N beside it, and DATA/light/light_NAME.onnx with one expected output. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/conformance/conformance.h"
#include "tests/conformance/wire.h"

/* ---- the operator that a case tests: the first node except Constants, read from the wire format ---- */

/* ModelProto.graph = 7, GraphProto.node = 1, NodeProto.op_type = 4. */
static char *first_operator(const char *path)
{
	void *data;
	size_t bytes;
	char *found = NULL;
	if (file_read(path, &data, &bytes))
		return memory_printf("?");
	struct span model = {data, (uint8_t *)data + bytes}, graph, node, body;
	uint64_t field;
	while (!found && next_field(&model, &field, &graph)) {
		while (field == 7 && !found && next_field(&graph, &field, &node)) {
			while (field == 1 && next_field(&node, &field, &body)) {
				int length = (int)(body.end - body.at);
				if (field == 4 && body.at && strncmp((const char *)body.at, "Constant", (size_t)length))
					found = memory_printf("%.*s", length, (const char *)body.at);
				field = 1;
			}
			field = 7;
		}
	}
	free(data);
	return found ? found : memory_printf("(none)");
}

/* ---- finding ---- */

static void add(struct cases *cases, struct test_case test)
{
	cases->items = memory_grow(cases->items, (cases->count + 1) * sizeof *cases->items);
	test.op = first_operator(test.model);
	cases->items[cases->count++] = test;
}

static void find_light(struct cases *cases, const char *folder, const char *file)
{
	size_t length = strlen(file);
	if (length < 12 || strncmp(file, "light_", 6) || strcmp(file + length - 5, ".onnx"))
		return;
	int stem = (int)length - 5;
	add(cases, (struct test_case){
				   .category = memory_printf("light"),
				   .name = memory_printf("%.*s", stem, file),
				   .model = memory_printf("%s/%s", folder, file),
				   .expected = memory_printf("%s/%.*s_output_0.pb", folder, stem, file),
			   });
}

static void find_in_category(struct cases *cases, const char *root, const char *category)
{
	char *folder = memory_printf("%s/%s", root, category);
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (!strcmp(category, "light")) {
			find_light(cases, folder, entry->d_name);
			continue;
		}
		char *model = memory_printf("%s/%s/model.onnx", folder, entry->d_name);
		/* the "real" cases have no model: it must be downloaded */
		if (strncmp(entry->d_name, "test_", 5) || access(model, R_OK)) {
			free(model);
			continue;
		}
		add(cases, (struct test_case){
					   .category = memory_printf("%s", category),
					   .name = memory_printf("%s", entry->d_name),
					   .model = model,
					   .folder = memory_printf("%s/%s", folder, entry->d_name),
				   });
	}
	if (dir)
		closedir(dir);
	free(folder);
}

static int by_name(const void *a, const void *b)
{
	const struct test_case *x = a, *y = b;
	int order = strcmp(x->category, y->category);
	return order ? order : strcmp(x->name, y->name);
}

void cases_find(struct cases *cases, const char *root)
{
	*cases = (struct cases){0};
	DIR *dir = opendir(root);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			find_in_category(cases, root, entry->d_name);
	if (dir)
		closedir(dir);
	if (cases->count)
		qsort(cases->items, cases->count, sizeof *cases->items, by_name);
}

void case_free(struct test_case *test)
{
	char *owned[] = {test->category, test->name, test->model, test->folder, test->expected, test->op, test->reason};
	for (size_t i = 0; i < COUNT_OF(owned); i++)
		free(owned[i]);
}

void cases_free(struct cases *cases)
{
	for (size_t i = 0; i < cases->count; i++)
		case_free(&cases->items[i]);
	free(cases->items);
}
