/* Budgets as text and as JSON, and their units and bytes on a device. */
#include <cjson/cJSON.h>
#include <unistd.h>

#include "tests/unit/graph_fixture.h"
#include "compiler/variants/variants.h"

/* "full 0 1000 -1; edge 8 0 49152": name, units, permille, local. */
static const char *list_text(const struct budget_list *list)
{
	struct text text = {.arena = &test.ctx.arena};
	for (uint32_t i = 0; i < list->count; i++)
		text_printf(&text, "%s%s %u %u %lld", i ? "; " : "", list->items[i].name, list->items[i].units,
		            list->items[i].share_permille, (long long)list->items[i].local_bytes);
	return text.data;
}

static const struct {
	const char *given[3];
	const char *expected; /* NULL: rejected */
	const char *words;    /* words of the error */
} texts[] = {
	{{NULL}, "full 0 1000 -1; half 0 500 -1; quarter 0 250 -1", NULL},
	{{"half"}, "half 0 500 -1", NULL},
	{{"quarter,full"}, "quarter 0 250 -1; full 0 1000 -1", NULL},
	{{"full", "half"}, "full 0 1000 -1; half 0 500 -1", NULL},
	{{"name=edge,units=8,local=48KiB"}, "edge 8 0 49152", NULL},
	{{"full,name=edge,units=8,name=tiny,share=0.125", "half"},
     "full 0 1000 -1; edge 8 0 -1; tiny 0 125 -1; half 0 500 -1",
     NULL},
	{{"name=a,units=1,half"}, "a 1 0 -1; half 0 500 -1", NULL},
	{{"local=1MiB,name=a,units=65535"}, NULL, "needs a name"},
	{{"name=a,local=1MiB"}, "a 0 1000 1048576", NULL},
	{{"name=a,share=25%"}, "a 0 250 -1", NULL},
	{{"name=a,share=1"}, "a 0 1000 -1", NULL},
	{{"name=a,units=2,local=0"}, "a 2 0 0", NULL},
	{{"tiny"}, NULL, "no budget 'tiny'"},
	{{""}, NULL, "no budget ''"},
	{{"full,"}, NULL, "no budget ''"},
	{{"full,full"}, NULL, "there is a budget 'full' already"},
	{{"full", "name=full,units=1"}, NULL, "there is a budget 'full' already"},
	{{"name=a"}, NULL, "limits nothing"},
	{{"units=4"}, NULL, "needs a name"},
	{{"name=,units=4"}, NULL, "name is ''"},
	{{"name=a b,units=4"}, NULL, "name is 'a b'"},
	{{"name=-a,units=4"}, NULL, "name is '-a'"},
	{{"name=abcdefghijklmnopqrstuvwxyz0123456,units=4"}, NULL, "1 to 31"},
	{{"name=a,units=0"}, NULL, "units is '0'; it must be a whole number from 1 to 65535"},
	{{"name=a,units=-1"}, NULL, "units is '-1'"},
	{{"name=a,units=65536"}, NULL, "units is '65536'"},
	{{"name=a,units=1.5"}, NULL, "units is '1.5'"},
	{{"name=a,units=99999999999999999999"}, NULL, "units is"},
	{{"name=a,share=0"}, NULL, "share is '0'"},
	{{"name=a,share=1.01"}, NULL, "share is '1.01'"},
	{{"name=a,share=nan"}, NULL, "share is 'nan'"},
	{{"name=a,share=101%"}, NULL, "share is '101%'"},
	{{"name=a,share=%"}, NULL, "share is '%'"},
	{{"name=a,local=48KB"}, NULL, "local is '48KB'; it must be bytes"},
	{{"name=a,local=-1"}, NULL, "local is '-1'"},
	{{"name=a,local=2GiB"}, NULL, "local is '2GiB'"},
	{{"name=a,local=18446744073709551616"}, NULL, "local is"},
	{{"name=a,units=1,units=2"}, NULL, "units is given twice"},
	{{"name=a,units=1,share=0.5"}, NULL, "both units and a share"},
	{{"name=a,threads=1"}, NULL, "a budget has no 'threads'; it has name, units, share and local"},
	{{"name=a,units=1,=3"}, NULL, "a budget has no ''"},
	{{"/nowhere/budgets.json"}, NULL, "cannot read '/nowhere/budgets.json'"},
};

START_TEST(texts_are_read_or_refused)
{
	struct budget_list list;
	uint32_t count = 0;
	while (count < 3 && texts[_i].given[count])
		count++;
	if (texts[_i].expected) {
		assert_ok(budgets_parse(&test.ctx, texts[_i].given, count, &list));
		ck_assert_str_eq(list_text(&list), texts[_i].expected);
	} else {
		assert_fails(budgets_parse(&test.ctx, texts[_i].given, count, &list), ERCC_USAGE, texts[_i].words);
	}
}
END_TEST

START_TEST(seventeen_are_too_many)
{
	struct text text = {.arena = &test.ctx.arena};
	struct budget_list list;
	for (int i = 0; i < MAX_BUDGETS; i++)
		text_printf(&text, "%sname=n%d,units=1", i ? "," : "", i);
	assert_ok(budgets_parse(&test.ctx, (const char *const[]){text.data}, 1, &list));
	text_printf(&text, ",half");
	assert_fails(budgets_parse(&test.ctx, (const char *const[]){text.data}, 1, &list), ERCC_USAGE,
	             "more than 16 budgets");
}
END_TEST

/* ---- JSON ---- */

static char json_path[] = "/tmp/erc-budgets-XXXXXX.json";

static void write_json(const char *text, size_t bytes)
{
	FILE *file = fopen(json_path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, bytes, file), bytes);
	ck_assert_int_eq(fclose(file), 0);
}

#define FILE_OF(budgets) "{\"schema\": \"erc.budget/1\", \"budgets\": " budgets "}"

static const struct {
	const char *json, *expected, *words;
} files[] = {
	{FILE_OF("[\"full\", {\"name\": \"edge\", \"units\": 8, \"local\": \"48KiB\"}]"), "full 0 1000 -1; edge 8 0 49152",
     NULL},
	{FILE_OF("[{\"share\": 0.25, \"name\": \"a\"}]"), "a 0 250 -1", NULL},
	{FILE_OF("[{\"name\": \"a\", \"local\": 1024}]"), "a 0 1000 1024", NULL},
	{"", NULL, "is no JSON: line 1"},
	{"{\n\"schema\": \n}", NULL, "is no JSON: line 3"},
	{FILE_OF("[\"full\"]") "x", NULL, "is no JSON"},
	{"[]", NULL, "must be {\"schema\": \"erc.budget/1\""},
	{"{\"schema\": \"erc.budget/2\", \"budgets\": [\"full\"]}", NULL, "must be"},
	{"{\"schema\": \"erc.budget/1\", \"budgets\": [\"full\"], \"more\": 1}", NULL, "and nothing else"},
	{FILE_OF("{}"), NULL, "must be"},
	{FILE_OF("[]"), NULL, "no budget in it"},
	{FILE_OF("[3]"), NULL, "a budget is a name or an object"},
	{FILE_OF("[\"tiny\"]"), NULL, "no budget 'tiny'"},
	{FILE_OF("[\"other.json\"]"), NULL, "no budget 'other.json'"},
	{FILE_OF("[{\"units\": 8}]"), NULL, "needs a name"},
	{FILE_OF("[{\"name\": \"a\", \"units\": 1.5}]"), NULL, "units is '1.5'"},
	{FILE_OF("[{\"name\": \"a\", \"units\": true}]"), NULL, "units is no text and no number"},
	{FILE_OF("[{\"name\": \"a\", \"units\": 1, \"units\": 2}]"), NULL, "given twice"},
	{FILE_OF("[{\"name\": \"a\", \"colour\": 1}]"), NULL, "a budget has no 'colour'"},
};

START_TEST(files_are_read_or_refused)
{
	const char *given[] = {json_path};
	struct budget_list list;
	write_json(files[_i].json, strlen(files[_i].json));
	if (files[_i].expected) {
		assert_ok(budgets_parse(&test.ctx, given, 1, &list));
		ck_assert_str_eq(list_text(&list), files[_i].expected);
	} else {
		assert_fails(budgets_parse(&test.ctx, given, 1, &list), ERCC_USAGE, files[_i].words);
		ck_assert_ptr_nonnull(strstr(test.errors, json_path));
	}
}
END_TEST

/* A file that is cut anywhere is rejected, and nothing is read beyond its end. */
START_TEST(files_cut_short)
{
	const char *whole = files[0].json, *given[] = {json_path};
	struct budget_list list;
	for (size_t bytes = 0; bytes < strlen(whole); bytes++) {
		write_json(whole, bytes);
		assert_fails(budgets_parse(&test.ctx, given, 1, &list), ERCC_USAGE, "is no JSON");
	}
}
END_TEST

static cJSON *read_schema(void)
{
	static char text[1 << 16];
	FILE *file = fopen("schemas/budget.schema.json", "r");
	ck_assert_msg(file != NULL, "schemas/budget.schema.json is missing: run this from the top of the tree");
	text[fread(text, 1, sizeof text - 1, file)] = 0;
	fclose(file);
	cJSON *schema = cJSON_Parse(text);
	ck_assert_ptr_nonnull(schema);
	return schema;
}

/* The reader accepts the schema's examples, and knows exactly the schema's properties. */
START_TEST(the_schema_describes_what_is_read)
{
	cJSON *schema = read_schema();
	const cJSON *defs = cJSON_GetObjectItem(schema, "$defs"), *budget = cJSON_GetObjectItem(defs, "budget"), *item;
	const char *given[] = {json_path};
	struct budget_list list;
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(schema, "examples"))
	{
		char *text = cJSON_Print(item);
		write_json(text, strlen(text));
		cJSON_free(text);
		assert_ok(budgets_parse(&test.ctx, given, 1, &list));
		ck_assert_uint_eq(list.count, 2);
	}
	struct text names = {.arena = &test.ctx.arena};
	int left = cJSON_GetArraySize(cJSON_GetObjectItem(budget, "properties"));
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(budget, "properties")) text_printf(&names, "%s%s",
	                                                                                names.length == 0 ? ""
	                                                                                : --left == 1     ? " and "
	                                                                                                  : ", ",
	                                                                                item->string);
	given[0] = "name=a,unknown=1";
	assert_fails(budgets_parse(&test.ctx, given, 1, &list), ERCC_USAGE, names.data);
	cJSON_Delete(schema);
}
END_TEST

/* ---- devices ---- */

START_TEST(shares_are_of_the_device)
{
	const char *given[] = {"full,half,quarter,name=edge,units=8,name=third,share=0.333,name=small,units=4,local=48KiB"};
	struct budget_list list;
	struct budget out[MAX_BUDGETS];
	assert_ok(budgets_parse(&test.ctx, given, 1, &list));
	assert_ok(budgets_resolve(&test.ctx, &list, &device_h100, "sim:h100", out));
	static const struct {
		uint32_t units;
		int64_t local_bytes;
	} expected[] = {{0, 227 << 10}, {66, 113 << 10}, {33, 56 << 10}, {8, 227 << 10}, {44, 75 << 10}, {4, 48 << 10}};
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		ck_assert_uint_eq(out[i].units, expected[i].units);
		ck_assert_int_eq(out[i].local_bytes, expected[i].local_bytes);
	}
	ck_assert_uint_eq(device_under(&device_h100, &out[0]).units, 132);
	ck_assert_uint_eq(device_under(&device_h100, &out[2]).units, 33);
	ck_assert_int_eq(device_under(&device_h100, &out[2]).local_bytes,
	                 (56 << 10) - 16); /* a GPU kernel needs 16 bytes besides its tile */
}
END_TEST

START_TEST(more_than_the_device_has)
{
	struct budget_list list;
	struct budget out[MAX_BUDGETS];
	assert_ok(budgets_parse(&test.ctx, (const char *const[]){"name=big,units=133"}, 1, &list));
	assert_fails(budgets_resolve(&test.ctx, &list, &device_h100, "sim:h100", out), ERCC_BUDGET,
	             "budget 'big' has 133 units, target sim:h100 has 132");
	assert_ok(budgets_resolve(&test.ctx, &list, &device_server_v4, "cpu:x86-64-v4",
	                          out)); /* the target stands for larger servers too */
	assert_ok(budgets_parse(&test.ctx, (const char *const[]){"name=big,local=1MiB"}, 1, &list));
	assert_fails(budgets_resolve(&test.ctx, &list, &device_a100, "sim:a100", out), ERCC_BUDGET,
	             "budget 'big' has 1048576 bytes of local memory for each unit, target sim:a100 has 166912");
}
END_TEST

int main(void)
{
	int file = mkstemps(json_path, 5);
	if (file < 0)
		return 1;
	close(file);
	Suite *suite = suite_create("budgets");
	TCase *tests = tcase_create("budgets");
	tcase_add_checked_fixture(tests, fixture_start, fixture_stop);
	tcase_add_loop_test(tests, texts_are_read_or_refused, 0, (int)COUNT_OF(texts));
	tcase_add_test(tests, seventeen_are_too_many);
	tcase_add_loop_test(tests, files_are_read_or_refused, 0, (int)COUNT_OF(files));
	tcase_add_test(tests, files_cut_short);
	tcase_add_test(tests, the_schema_describes_what_is_read);
	tcase_add_test(tests, shares_are_of_the_device);
	tcase_add_test(tests, more_than_the_device_has);
	suite_add_tcase(suite, tests);
	int failed = run_suite(suite);
	unlink(json_path);
	return failed;
}
