/* Every operator that takes f32 takes f64 too, if ONNX allows it, and has a case in tests/ops/cases/f64.txt. */
#include "tests/ops/compute.h"
#include "compiler/lower/op.h"

#define CASES_PATH "tests/ops/cases/f64.txt"

/* Operators whose schema has f32 but not f64. */
static const char *const not_allowed[] = {
	"CausalConvWithState", "DequantizeLinear", "DynamicQuantizeLinear", "LinearAttention",
	"NonMaxSuppression",   "QuantizeLinear",   "RotaryEmbedding",
};

/* Operators without a case: random numbers, results whose size the data decides, and one that is not of ONNX, whose case is in
 * microsoft.txt. */
static const char *const without_case[] = {"Dropout", "NonZero", "SimplifiedLayerNormalization"};

/* Rows that take half precision themselves move elements, or draw random ones. */
static bool computes(const struct op *op)
{
	return !(op->types >> ERC_F16 & 1);
}

static bool is_in(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static char *read_cases(void)
{
	char *text = NULL;
	size_t room = 0;
	FILE *file = fopen(CASES_PATH, "r");
	ck_assert_msg(file && getdelim(&text, &room, '\0', file) > 0, "cannot read " CASES_PATH);
	fclose(file);
	return text;
}

START_TEST(what_takes_f32_takes_f64)
{
	int rows = 0, refused = 0, failed = 0;
	char title[80], *cases = read_cases();
	for (const struct family *family = families; family->name; family++)
		for (const struct op *op = family->ops; op->name; op++) {
			if (op->domain || !(op->types >> ERC_F32 & 1))
				continue;
			bool takes = op->types >> ERC_F64 & 1, allowed = !is_in(op->name, not_allowed, COUNT_OF(not_allowed));
			snprintf(title, sizeof title, "\n== %s@", op->name);
			bool found = !computes(op) || strstr(cases, title) || is_in(op->name, without_case, COUNT_OF(without_case));
			rows += takes;
			refused += !takes;
			if (takes == allowed && (found || !takes))
				continue;
			failed++;
			printf("%s since %d %s f64%s\n", op->name, op->since, takes ? "takes" : "does not take",
			       takes && !found ? ", and has no case" : "");
		}
	free(cases);
	printf("f64: %d rows take it, %d rows may not\n", rows, refused);
	ck_assert_int_eq(failed, 0);
	ck_assert_int_gt(rows, 150);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("f64");
	TCase *all = tcase_create("rows");
	tcase_add_test(all, what_takes_f32_takes_f64);
	return run_in_folder(suite, all);
}
