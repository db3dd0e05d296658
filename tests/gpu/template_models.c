/* Writes a small model for each GPU kernel template (template_cases.h): `template_models FOLDER [STEM...]`. The second
 * model of a template is STEM-2.onnx. */
#include "tests/unit/model_file.h"
#include "tests/unit/template_cases.h"
#include "tests/suite.h"

static int count;
static char **arguments;

static bool is_wanted(const char *stem)
{
	for (int i = 2; i < count; i++)
		if (!strcmp(arguments[i], stem))
			return true;
	return count == 2;
}

/* The functions that write models are those of unit tests. */
START_TEST(write_all)
{
	size_t number = 1;
	for (size_t i = 0; i < COUNT_OF(template_cases); i++) {
		char path[512];
		const char *stem = template_cases[i].stem;
		number = i && !strcmp(stem, template_cases[i - 1].stem) ? number + 1 : 1;
		if (!is_wanted(stem))
			continue;
		if (number == 1)
			snprintf(path, sizeof path, "%s/%s.onnx", arguments[1], stem);
		else
			snprintf(path, sizeof path, "%s/%s-%zu.onnx", arguments[1], stem, number);
		write_model(path, template_cases[i].text);
	}
}
END_TEST

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: template_models FOLDER [STEM...]\n");
		return 2;
	}
	count = argc;
	arguments = argv;
	Suite *suite = suite_create("template models");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, fixture_start, fixture_stop);
	tcase_add_test(all, write_all);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
