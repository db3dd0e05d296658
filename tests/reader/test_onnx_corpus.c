/* Runs the fuzz target of the ONNX reader on every file of its corpus. Run it from the top of the tree. */
#include <dirent.h>

#include "tests/fuzz/fuzz_onnx.c"
#include "tests/unit/graph_fixture.h"

#define CORPUS "tests/fuzz/corpus/fuzz_onnx"
#define MAX_FILE_BYTES (1 << 20)

static void run_file(const char *name)
{
	char path[512];
	snprintf(path, sizeof path, CORPUS "/%s", name);
	FILE *file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s cannot be read", path);
	uint8_t *data = malloc(MAX_FILE_BYTES);
	size_t bytes = fread(data, 1, MAX_FILE_BYTES, file);
	fclose(file);
	/* Exactly as long as the input, so that a read beyond it is noticed. */
	data = realloc(data, bytes ? bytes : 1);
	LLVMFuzzerTestOneInput(data, bytes);
	free(data);
}

START_TEST(the_corpus_crashes_nothing)
{
	int count = 0;
	DIR *folder = opendir(CORPUS);
	ck_assert_msg(folder != NULL, CORPUS " is missing: run this from the top of the tree");
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		run_file(entry->d_name);
		count++;
	}
	closedir(folder);
	ck_assert_int_gt(count, 0);
}
END_TEST

/* If the corpus is there, all of it is read, except for the model with external data. */
START_TEST(the_corpus_is_read)
{
	static const char *const names[] = {"conv", "external", "function", "if", "loop", "types"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct graph *graph;
		char path[512];
		snprintf(path, sizeof path, CORPUS "/%s.onnx", names[i]);
		enum ercc_status status = onnx_read_model(&test.ctx, path, &graph);
		ck_assert_msg(status == (i == 1 ? ERCC_IO : ERCC_OK), "%s: %s", path, test.errors);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("onnx corpus");
	TCase *corpus = tcase_create("corpus");
	tcase_add_checked_fixture(corpus, fixture_start, fixture_stop);
	tcase_add_test(corpus, the_corpus_crashes_nothing);
	tcase_add_test(corpus, the_corpus_is_read);
	suite_add_tcase(suite, corpus);
	return run_suite(suite);
}
