/* Which outputs an infinity or NaN reaches: one at each position of each f32 input of each operator that is more than
 * element-wise (test_special has those). The outputs that are not finite are those of ONNX Runtime, or of ONNX's reference
 * implementation, which reach.txt stores; reach.py writes it. `test_reach --models FOLDER` writes the models. */
#include "tests/ops/compute.h"
#include "tests/ops/examples.h"

#define REACH_PATH "tests/ops/reach.txt"
#define MAX_BOUND 16
#define LARGEST 256 /* elements of an input or output */
#define PARTS 4

static const char *const targets[] = {"cpu:x86-64-v3", "emulated:sm_90"};
static const struct {
	const char *name;
	float value;
} numbers[] = {{"inf", INFINITY}, {"nan", NAN}};

/* Where ONNX Runtime and its reference make numbers of NaN, and we do not. */
static const struct {
	const char *head, *number, *why;
} differing[] = {
	{"MaxPool@", "nan", "the maximum of NaN and a number"},
	{"RoiAlign@10", "nan", "the maximum of NaN and a number"},
	{"RNN@14.1", "nan", "HardSigmoid of NaN"},
	{"RNN@14.1 input 2", "inf", "HardSigmoid of NaN, which the initial state's 0 times an infinity is"},
};

static bool may_differ(const char *head)
{
	for (size_t i = 0; i < COUNT_OF(differing); i++)
		if (!strncmp(head, differing[i].head, strlen(differing[i].head)) && strstr(head, differing[i].number))
			return true;
	return false;
}

static const char *models_folder;
static char *table;

/* Operator@opset and the number of the example among those of this operator and opset. */
static const char *name_of(const struct example *example)
{
	int number = 0;
	for (const struct example *other = examples; other < example; other++)
		number += example_row(other) == example_row(example) && other->opset == example->opset;
	return arena_printf(&test.ctx.arena, "%s@%d.%d", example->op, example->opset, number);
}

static bool is_element_wise(const struct example *example)
{
	return example_row(example)->expr != NULL;
}

START_TEST(models_are_written)
{
	if (!is_element_wise(&examples[_i])) {
		const char *path = arena_printf(&test.ctx.arena, "%s/%s.onnx", models_folder, name_of(&examples[_i]));
		write_model(path, examples[_i].text);
	}
}
END_TEST

/* ---- one model ---- */

struct bound {
	struct erc_tensor_info info;
	void *data;
};

struct running {
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	erc_request *request;
	struct bound bound[MAX_BOUND];
	uint32_t inputs, outputs;
};

/* Numbers that are valid indices, flags and sizes too. As in reach.py. */
static void fill(struct bound *bound)
{
	enum erc_dtype dtype = bound->info.dtype;
	size_t bytes = dtype == ERC_BOOL ? 1 : dtype_bytes(dtype);
	for (size_t i = 0; i < bound->info.bytes / bytes; i++) {
		union expr_value value = {.i = (int64_t)(i % 2)};
		if (dtype == ERC_F32 || dtype == ERC_F64)
			value.f = (double)(i * 37 % 64 + 1) / 64;
		element_write(bound->data, dtype, (int64_t)i, value);
	}
}

/* False where this machine cannot run the artifact. */
static bool start(struct running *r)
{
	struct erc_runtime_options one = {.size = sizeof one, .units = 1};
	ck_assert_int_eq(erc_runtime_create(&one, &r->runtime), ERC_OK);
	enum erc_status status = erc_model_load(r->runtime, artifact_path, NULL, &r->model);
	if (status == ERC_NO_TARGET) {
		ck_assert_int_eq(erc_runtime_destroy(r->runtime), ERC_OK);
		return false;
	}
	ck_assert_msg(status == ERC_OK, "%s", erc_error_detail());
	ck_assert_int_eq(erc_session_create(r->model, NULL, &r->session), ERC_OK);
	ck_assert_int_eq(erc_request_create(r->session, &r->request), ERC_OK);
	r->inputs = erc_model_input_count(r->model, 0);
	r->outputs = erc_model_output_count(r->model, 0);
	ck_assert_uint_le(r->inputs + r->outputs, MAX_BOUND);
	for (uint32_t i = 0; i < r->inputs + r->outputs; i++) {
		struct bound *b = &r->bound[i];
		bool in = i < r->inputs;
		ck_assert_int_eq(in ? erc_model_input_info(r->model, 0, i, &b->info)
		                    : erc_model_output_info(r->model, 0, i - r->inputs, &b->info),
		                 ERC_OK);
		b->data = calloc(1, b->info.bytes + 1);
		ck_assert_int_eq(in ? erc_request_bind_input(r->request, i, b->data, b->info.bytes)
		                    : erc_request_bind_output(r->request, i - r->inputs, b->data, b->info.bytes),
		                 ERC_OK);
		if (in)
			fill(b);
	}
	return true;
}

static void stop(struct running *r)
{
	for (uint32_t i = 0; i < r->inputs + r->outputs; i++)
		free(r->bound[i].data);
	ck_assert_int_eq(erc_request_destroy(r->request), ERC_OK);
	ck_assert_int_eq(erc_session_destroy(r->session), ERC_OK);
	ck_assert_int_eq(erc_model_unload(r->model), ERC_OK);
	ck_assert_int_eq(erc_runtime_destroy(r->runtime), ERC_OK);
}

/* A hexadecimal digit for four elements of all f32 outputs, one after another: 8 says that the first is not finite. */
static const char *reached(const struct running *r)
{
	struct text text = {.arena = &test.ctx.arena};
	int digit = 0, count = 0;
	for (uint32_t i = 0; i < r->outputs; i++) {
		const struct bound *b = &r->bound[r->inputs + i];
		for (size_t k = 0; b->info.dtype == ERC_F32 && k < b->info.bytes / sizeof(float); k++) {
			digit = digit * 2 + !isfinite(((const float *)b->data)[k]);
			if (++count % 4 == 0) {
				text_printf(&text, "%x", digit);
				digit = 0;
			}
		}
	}
	for (; count % 4; count++)
		digit *= 2;
	text_printf(&text, "%x", digit);
	return text.data;
}

/* ---- comparing ---- */

/* Whether `found` is one of the words of the line, which begins with `head`. *line: NULL if there is none. */
static bool is_wanted(const char *head, const char *found, const char **line)
{
	const char *at = strstr(table, arena_printf(&test.ctx.arena, "\n%s: ", head));
	*line = NULL;
	if (!at)
		return true;
	at += strlen(head) + 3;
	*line = arena_copy_bytes(&test.ctx.arena, at, strcspn(at, "\n"));
	return strstr(arena_printf(&test.ctx.arena, " %s ", *line), arena_printf(&test.ctx.arena, " %s ", found)) != NULL;
}

/* Returns the number of wrong positions. */
static int compare(struct running *r, const char *name, const char *target, int *compared, int *differ)
{
	int wrong = 0;
	for (uint32_t i = 0; i < r->outputs; i++)
		if (r->bound[r->inputs + i].info.runtime_dims) /* what is after the true size is undefined */
			return 0;
	for (uint32_t i = 0; i < r->inputs; i++) {
		float *data = r->bound[i].data;
		size_t count = r->bound[i].info.dtype == ERC_F32 ? r->bound[i].info.bytes / sizeof(float) : 0;
		for (size_t k = 0; k < count && count <= LARGEST; k++)
			for (size_t n = 0; n < COUNT_OF(numbers); n++) {
				const char *line,
					*head = arena_printf(&test.ctx.arena, "%s input %u, %s at %zu", name, i, numbers[n].name, k);
				float kept = data[k];
				data[k] = numbers[n].value;
				ck_assert_int_eq(erc_request_run(r->request), ERC_OK);
				data[k] = kept;
				const char *found = reached(r);
				if (is_wanted(head, found, &line))
					*compared += line != NULL;
				else if (may_differ(head))
					++*differ;
				else if (++wrong)
					printf("%s on %s: found %s, wanted %s\n", head, target, found, line);
			}
	}
	return wrong;
}

START_TEST(what_is_not_finite_reaches_what_depends_on_it)
{
	int wrong = 0, compared = 0, differ = 0, skipped = 0;
	size_t room = 0;
	FILE *file = fopen(REACH_PATH, "r");
	ck_assert_msg(file && getdelim(&table, &room, '\0', file) > 0, "cannot read " REACH_PATH);
	fclose(file);
	for (int i = _i; i < example_count; i += PARTS)
		for (size_t t = 0; t < COUNT_OF(targets) && !is_element_wise(&examples[i]); t++) {
			struct running r = {.inputs = 0};
			fixture_stop();
			fixture_start();
			const char *name = name_of(&examples[i]);
			if (!strstr(table, arena_printf(&test.ctx.arena, "\n%s ", name)))
				continue;
			compile_text(examples[i].text, targets[t], (const char *const[]){"full"}, 1);
			if (start(&r)) {
				wrong += compare(&r, name, targets[t], &compared, &differ);
				stop(&r);
			} else {
				skipped++;
			}
		}
	free(table);
	printf("reach: %d numbers at all positions: as wanted, %d wrong, %d NaN where others have numbers\n", compared,
	       wrong, differ);
	if (skipped)
		printf("skipped: reach: %d artifacts, of targets that this machine does not run\n", skipped);
	ck_assert_int_eq(wrong, 0);
	ck_assert_int_gt(compared, 1000);
}
END_TEST

int main(int argc, char **argv)
{
	TCase *all = tcase_create("what is not finite");
	load_examples();
	if (argc == 3 && !strcmp(argv[1], "--models")) {
		models_folder = argv[2];
		tcase_add_loop_test(all, models_are_written, 0, example_count);
	} else {
		tcase_add_loop_test(all, what_is_not_finite_reaches_what_depends_on_it, 0, PARTS);
	}
	return run_in_folder(suite_create("reach"), all);
}
