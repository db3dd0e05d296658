/* Every operator with dims of size 0: each dim of each input alone, pairs of one size in two inputs, and all dims of one
 * size together. It is refused by name, or computed, without a byte read before or after the inputs or written around the
 * outputs, and with the same bits wherever the buffers lie. The unchanged examples are run in the same way. The outputs
 * have the shapes in empty_shapes.txt, which empty_shapes.py writes. `test_empty --models FOLDER` writes the models. */
#include "tests/ops/children.h"
#include "tests/ops/examples.h"
#include "tests/ops/guarded.h"
#include "compiler/include/ercc.h"
#include "runtime/include/erc.h"

#define PARTS 8
#define MAX_BOUND 16
#define SHAPES_PATH "tests/ops/empty_shapes.txt"
enum { COMPUTED, REFUSED, SKIPPED, COMPARED };

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};
static char folder[] = "/tmp/erc-empty-XXXXXX";
static char model_path[64], artifact_path[64];

/* ---- cases of an example ---- */

/* Sets dims of the inputs to 0: one dim of one input, two dims of two inputs, or all dims of a size. */
struct change {
	int input, dim;         /* input -1: all dims of the size `dim`, which is 0 for no change at all */
	int and_input, and_dim; /* a second dim, if and_input > input */
};

struct cases {
	const struct example *example;
	int number; /* among the examples of this operator and opset */
	struct change changes[256];
	int count;
};

static int64_t *dim_of(onnx_model *model, int input, int dim)
{
	const Erc__Onnx__TensorShapeProto *shape = model->graph->input[input]->type->tensor_type->shape;
	return shape && dim < (int)shape->n_dim ? &shape->dim[dim]->dim_value : NULL;
}

static void add_change(struct cases *all, struct change change)
{
	ck_assert_int_lt(all->count, (int)COUNT_OF(all->changes));
	all->changes[all->count++] = change;
}

/* The dims of later inputs that have the same size. */
static void add_pairs(struct cases *all, onnx_model *model, int input, int dim)
{
	for (int i = input + 1; i < (int)model->graph->n_input; i++)
		for (int d = 0; dim_of(model, i, d); d++)
			if (*dim_of(model, i, d) == *dim_of(model, input, dim))
				add_change(all, (struct change){input, dim, i, d});
}

static void list_cases(struct cases *all)
{
	onnx_model *model = export_text(all->example->text);
	uint64_t sizes = 1;
	all->count = all->number = 0;
	for (const struct example *other = examples; other < all->example; other++)
		all->number += example_row(other) == example_row(all->example) && other->opset == all->example->opset;
	add_change(all, (struct change){.input = -1});
	for (int i = 0; i < (int)model->graph->n_input; i++)
		for (int d = 0; dim_of(model, i, d); d++) {
			int64_t size = *dim_of(model, i, d);
			add_change(all, (struct change){.input = i, .dim = d});
			add_pairs(all, model, i, d);
			if (!(sizes >> size & 1))
				add_change(all, (struct change){.input = -1, .dim = (int)size});
			sizes |= UINT64_C(1) << size;
		}
}

static bool is_changed(const struct change *change, int input, int dim, int64_t size)
{
	if (change->input < 0)
		return change->dim && size == change->dim;
	return (change->input == input && change->dim == dim) ||
	       (change->and_input > change->input && change->and_input == input && change->and_dim == dim);
}

static onnx_model *changed_model(const struct cases *all, const struct change *change)
{
	onnx_model *model = export_text(all->example->text);
	for (int i = 0; i < (int)model->graph->n_input; i++)
		for (int d = 0; dim_of(model, i, d); d++)
			if (is_changed(change, i, d, *dim_of(model, i, d)))
				*dim_of(model, i, d) = 0;
	for (size_t i = 0; i < model->graph->n_output; i++)
		model->graph->output[i]->type = NULL;
	return model;
}

/* As in empty_shapes.txt: Operator@opset, the number of the example, what is 0. */
static const char *words_of(const struct cases *all, const struct change *change)
{
	struct arena *arena = &test.ctx.arena;
	const char *what = change->input >= 0 ? arena_printf(arena, "input%d.dim%d", change->input, change->dim)
	                   : change->dim      ? arena_printf(arena, "every.%d", change->dim)
	                                      : "nothing";
	if (change->and_input > change->input && change->input >= 0)
		what = arena_printf(arena, "%s+input%d.dim%d", what, change->and_input, change->and_dim);
	return arena_printf(arena, "%s@%d.%d.%s", all->example->op, all->example->opset, all->number, what);
}

static void name_case(void *user, int64_t number, char *text, size_t room)
{
	const struct cases *all = user;
	snprintf(text, room, "%s on %s", words_of(all, &all->changes[number / (int)COUNT_OF(targets)]),
	         targets[number % (int)COUNT_OF(targets)]);
}

static const char *models_folder;

START_TEST(models_are_written)
{
	struct cases all = {.example = &examples[_i]};
	list_cases(&all);
	for (int k = 0; k < all.count; k++) {
		const char *path = arena_printf(&test.ctx.arena, "%s/%s.onnx", models_folder, words_of(&all, &all.changes[k]));
		write_model_file(path, changed_model(&all, &all.changes[k]));
	}
}
END_TEST

/* ---- the shapes that other implementations give ---- */

/* The rest of the case's line in empty_shapes.txt; NULL: it is not there. */
static const char *wanted_shapes(const char *words)
{
	static char *table;
	size_t room = 0;
	FILE *file = table ? NULL : fopen(SHAPES_PATH, "r");
	if (file) {
		ck_assert_int_gt((int)getdelim(&table, &room, '\0', file), 0);
		fclose(file);
	}
	ck_assert_msg(table, "cannot read " SHAPES_PATH);
	const char *head = arena_printf(&test.ctx.arena, "\n%s: ", words), *line = strstr(table, head);
	if (!line)
		return NULL;
	line += strlen(head);
	return arena_copy_bytes(&test.ctx.arena, line, strcspn(line, "\n"));
}

/* Operators that refuse some models which ONNX Runtime runs. */
static const struct {
	const char *op, *why;
} refused[] = {
	{"Attention", "a batch of no queries with one key: ONNX requires equal batches"},
	{"Compress", "a condition longer than the axis"},
	{"ConcatFromSequence", "a tensor without elements, which ONNX Runtime leaves out whatever its shape is"},
	{"DeformConv", "a window that does not fit into the padded image"},
	{"Det", "a matrix of no rows"},
	{"GatherND", "tuples of no indices; no indices for a batch that is not empty"},
	{"LSTM", "no steps"},
	{"RNN", "no steps"},
	{"RoiAlign", "regions of an image without elements"},
	{"Scan", "no iterations"},
};

static const char *found_shapes(const erc_request *request, uint32_t outputs)
{
	struct text text = {.arena = &test.ctx.arena};
	int64_t dims[ERC_MAX_RANK];
	uint32_t rank;
	for (uint32_t i = 0; i < outputs; i++) {
		ck_assert_int_eq(erc_request_output_dims(request, i, &rank, dims), ERC_OK);
		text_printf(&text, "%s%s", i ? ", " : "", rank ? "" : "scalar");
		for (uint32_t d = 0; d < rank; d++)
			text_printf(&text, "%s%lld", d ? "x" : "", (long long)dims[d]);
	}
	return text.data;
}

/* ---- one run ---- */

/* Small numbers that are valid indices, flags and sizes too. */
static void fill(void *data, const struct erc_tensor_info *info)
{
	size_t bytes = info->dtype == ERC_BOOL ? 1 : dtype_bytes(info->dtype);
	for (size_t i = 0; i < info->bytes / bytes; i++) {
		union expr_value value = {.i = (int64_t)(i % 2)};
		if (info->dtype == ERC_F32 || info->dtype == ERC_F64)
			value.f = (double)(i * 37 % 64) / 64;
		element_write(data, info->dtype, (int64_t)i, value);
	}
}

/* Runs once, and returns the outputs' bytes one after another in memory that the caller frees. *shapes: NULL if an index
 * points to nothing. */
static uint8_t *run_at(erc_session *session, const erc_model *model, bool at_end, size_t *total, const char **shapes)
{
	struct guarded bound[MAX_BOUND];
	struct erc_tensor_info info;
	erc_request *request;
	uint32_t inputs = erc_model_input_count(model, 0), outputs = erc_model_output_count(model, 0);
	ck_assert_uint_le(inputs + outputs, MAX_BOUND);
	ck_assert_int_eq(erc_request_create(session, &request), ERC_OK);
	for (uint32_t i = 0; i < inputs; i++) {
		ck_assert_int_eq(erc_model_input_info(model, 0, i, &info), ERC_OK);
		bound[i] = guarded_new(info.bytes, at_end);
		fill(bound[i].data, &info);
		ck_assert_int_eq(erc_request_bind_input(request, i, bound[i].data, info.bytes), ERC_OK);
	}
	*total = 0;
	for (uint32_t i = 0; i < outputs; i++) {
		ck_assert_int_eq(erc_model_output_info(model, 0, i, &info), ERC_OK);
		bound[inputs + i] = guarded_new(info.bytes, at_end);
		memset(bound[inputs + i].data, 0xee, info.bytes);
		ck_assert_int_eq(erc_request_bind_output(request, i, bound[inputs + i].data, info.bytes), ERC_OK);
		*total += info.bytes;
	}
	enum erc_status status = erc_request_run(request);
	ck_assert_msg(status == ERC_OK || status == ERC_INDEX, "%s", erc_error_detail());
	*shapes = status == ERC_OK ? found_shapes(request, outputs) : NULL;
	uint8_t *all = malloc(*total + 1), *to = all;
	for (uint32_t i = 0; i < outputs; i++) {
		ck_assert_int_eq(erc_model_output_info(model, 0, i, &info), ERC_OK);
		memcpy(to, bound[inputs + i].data, info.bytes);
		to += info.bytes;
	}
	for (uint32_t i = 0; i < inputs + outputs; i++)
		guarded_free(&bound[i]);
	ck_assert_int_eq(erc_request_destroy(request), ERC_OK);
	return all;
}

/* False where this machine cannot run the artifact. */
static bool run_artifact(const char *target, bool *same, const char **shapes)
{
	struct erc_runtime_options one = {.size = sizeof one, .units = 1};
	struct erc_model_options options = {.size = sizeof options, .target = target};
	size_t bytes[2];
	erc_runtime *runtime;
	erc_model *model;
	erc_session *session;
	ck_assert_int_eq(erc_runtime_create(&one, &runtime), ERC_OK);
	enum erc_status status = erc_model_load(runtime, artifact_path, &options, &model);
	if (status == ERC_NO_TARGET) {
		ck_assert_int_eq(erc_runtime_destroy(runtime), ERC_OK);
		return false;
	}
	ck_assert_msg(status == ERC_OK, "%s", erc_error_detail());
	ck_assert_int_eq(erc_session_create(model, NULL, &session), ERC_OK);
	uint8_t *first = run_at(session, model, true, &bytes[0], shapes),
			*second = run_at(session, model, false, &bytes[1], shapes);
	*same = !*shapes || (bytes[0] == bytes[1] && !memcmp(first, second, bytes[0]));
	free(first);
	free(second);
	ck_assert_int_eq(erc_session_destroy(session), ERC_OK);
	ck_assert_int_eq(erc_model_unload(model), ERC_OK);
	ck_assert_int_eq(erc_runtime_destroy(runtime), ERC_OK);
	return true;
}

/* found: NULL if the case is refused. What ONNX's reference computes may be refused: NumPy broadcasts and slices where
 * ONNX does not. */
static void check_shapes(const struct cases *all, const char *words, const char *name, const char *found)
{
	const char *wanted = wanted_shapes(words), *reference = "(reference) ";
	if (!wanted || !strcmp(wanted, "none"))
		return;
	bool by_reference = !strncmp(wanted, reference, strlen(reference)), may_refuse = by_reference;
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		may_refuse |= !strcmp(refused[i].op, all->example->op);
	wanted += by_reference ? strlen(reference) : 0;
	shared->counts[COMPARED] += found != NULL;
	if (found ? strcmp(found, wanted) : !may_refuse)
		is_wrong(name, arena_printf(&test.ctx.arena, "found %s, wanted %s; %s", found ? found : "refused", wanted,
		                            found ? "" : test.errors));
}

static void run_case(void *user, int64_t number)
{
	const struct cases *all = user;
	const char *target = targets[number % (int)COUNT_OF(targets)], *shapes = NULL;
	const struct change *change = &all->changes[number / (int)COUNT_OF(targets)];
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .targets = &target,
	                               .target_count = 1,
	                               .budgets = (const char *const[]){"full"},
	                               .budget_count = 1};
	char name[200];
	bool same = true;
	fixture_stop();
	fixture_start();
	name_case(user, number, name, sizeof name);
	write_model_file(model_path, changed_model(all, change));
	enum ercc_status status = ercc_compile(model_path, artifact_path, &options);
	if (status == ERCC_MODEL || status == ERCC_UNSUPPORTED) {
		shared->counts[REFUSED]++;
		if (!strstr(test.errors, "node '"))
			is_wrong(name, test.errors);
	} else if (status != ERCC_OK) {
		is_wrong(name, test.errors);
		return;
	} else if (!run_artifact(target, &same, &shapes)) {
		shared->counts[SKIPPED]++;
		return;
	} else {
		shared->counts[COMPUTED]++;
	}
	if (!same)
		is_wrong(name, "other bits where the buffers lie elsewhere");
	check_shapes(all, words_of(all, change), name, shapes);
}

START_TEST(empty_dims_are_computed_or_refused)
{
	for (int i = _i; i < example_count; i += PARTS) {
		struct cases all = {.example = &examples[i]};
		list_cases(&all);
		run_in_children(all.count * (int64_t)COUNT_OF(targets), run_case, name_case, &all);
	}
	ck_assert_msg(!shared->wrong, "%lld wrong; the last: %s", (long long)shared->wrong, shared->words);
}
END_TEST

int main(int argc, char **argv)
{
	load_examples();
	if (argc == 3 && !strcmp(argv[1], "--models"))
		models_folder = argv[2];
	if (share() || !mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	snprintf(artifact_path, sizeof artifact_path, "%s/model.erca", folder);
	Suite *suite = suite_create("empty");
	TCase *all = tcase_create("dims of size 0");
	tcase_set_timeout(all, 600);
	tcase_add_checked_fixture(all, fixture_start, fixture_stop);
	if (models_folder)
		tcase_add_loop_test(all, models_are_written, 0, example_count);
	else
		tcase_add_loop_test(all, empty_dims_are_computed_or_refused, 0, PARTS);
	suite_add_tcase(suite, all);
	int failed = run_suite(suite);
	unlink(model_path), unlink(artifact_path), rmdir(folder);
	if (models_folder)
		return failed;
	printf("empty: %lld computed, %lld refused by name; %lld shapes compared\n", (long long)shared->counts[COMPUTED],
	       (long long)shared->counts[REFUSED], (long long)shared->counts[COMPARED]);
	if (shared->counts[SKIPPED])
		printf("skipped: empty: %lld artifacts, of targets that this machine does not run\n",
		       (long long)shared->counts[SKIPPED]);
	return failed | (shared->counts[COMPUTED] < 1000) | (shared->counts[COMPARED] < 1000);
}
