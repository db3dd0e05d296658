/* Every operator with dims of size 0: each dim of each input alone, and all dims of one size together. It is refused by
 * name, or computed, without a byte read before or after the inputs or written around the outputs, and with the same
 * bits wherever the buffers lie. The unchanged examples are run in the same way. */
#include "tests/ops/children.h"
#include "tests/ops/examples.h"
#include "tests/ops/guarded.h"
#include "compiler/include/ercc.h"
#include "runtime/include/erc.h"

#define PARTS 8
#define MAX_BOUND 16
enum { COMPUTED, REFUSED, SKIPPED };

static const char *const targets[] = {"cpu:x86-64-v3", "cpu:x86-64-v4", "emulated:sm_90"};
static char folder[] = "/tmp/erc-empty-XXXXXX";
static char model_path[64], artifact_path[64];

/* ---- cases of an example ---- */

/* Sets dims of the inputs to 0: one dim of one input, or all dims of a size. */
struct change {
	int input, dim; /* input -1: all dims of the size `dim`, which is 0 for no change at all */
};

struct cases {
	const struct example *example;
	struct change changes[128];
	int count;
};

static int64_t *dim_of(onnx_model *model, int input, int dim)
{
	const Erc__Onnx__TensorShapeProto *shape = model->graph->input[input]->type->tensor_type->shape;
	return shape && dim < (int)shape->n_dim ? &shape->dim[dim]->dim_value : NULL;
}

static void list_cases(struct cases *all)
{
	onnx_model *model = export_text(all->example->text);
	uint64_t sizes = 1;
	all->count = 0;
	all->changes[all->count++] = (struct change){-1, 0};
	for (int i = 0; i < (int)model->graph->n_input; i++)
		for (int d = 0; dim_of(model, i, d); d++) {
			int64_t size = *dim_of(model, i, d);
			ck_assert_int_lt(all->count + 2, (int)COUNT_OF(all->changes));
			all->changes[all->count++] = (struct change){i, d};
			if (!(sizes >> size & 1))
				all->changes[all->count++] = (struct change){-1, (int)size};
			sizes |= UINT64_C(1) << size;
		}
}

static onnx_model *changed_model(const struct cases *all, const struct change *change)
{
	onnx_model *model = export_text(all->example->text);
	for (int i = 0; i < (int)model->graph->n_input; i++)
		for (int d = 0; dim_of(model, i, d); d++)
			if (change->input < 0 ? change->dim && *dim_of(model, i, d) == change->dim
			                      : change->input == i && change->dim == d)
				*dim_of(model, i, d) = 0;
	for (size_t i = 0; i < model->graph->n_output; i++)
		model->graph->output[i]->type = NULL;
	return model;
}

static void name_case(void *user, int64_t number, char *text, size_t room)
{
	const struct cases *all = user;
	const struct change *change = &all->changes[number / (int)COUNT_OF(targets)];
	snprintf(text, room, "%s@%d, %s: %s %d, dim %d", all->example->op, all->example->opset,
	         targets[number % (int)COUNT_OF(targets)], change->input < 0 ? "all dims of" : "input", change->input,
	         change->dim);
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

/* Runs once, and returns the outputs' bytes one after another in memory that the caller frees. */
static uint8_t *run_at(erc_session *session, const erc_model *model, bool at_end, size_t *total)
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
	ck_assert_msg(erc_request_run(request) == ERC_OK, "%s", erc_error_detail());
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
static bool run_artifact(const char *target, bool *same)
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
	uint8_t *first = run_at(session, model, true, &bytes[0]), *second = run_at(session, model, false, &bytes[1]);
	*same = bytes[0] == bytes[1] && !memcmp(first, second, bytes[0]);
	free(first);
	free(second);
	ck_assert_int_eq(erc_session_destroy(session), ERC_OK);
	ck_assert_int_eq(erc_model_unload(model), ERC_OK);
	ck_assert_int_eq(erc_runtime_destroy(runtime), ERC_OK);
	return true;
}

static void run_case(void *user, int64_t number)
{
	const struct cases *all = user;
	const char *target = targets[number % (int)COUNT_OF(targets)];
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
	write_model_file(model_path, changed_model(all, &all->changes[number / (int)COUNT_OF(targets)]));
	enum ercc_status status = ercc_compile(model_path, artifact_path, &options);
	if (status == ERCC_MODEL || status == ERCC_UNSUPPORTED) {
		shared->counts[REFUSED]++;
		if (!strstr(test.errors, "node '"))
			is_wrong(name, test.errors);
	} else if (status != ERCC_OK) {
		is_wrong(name, test.errors);
	} else {
		shared->counts[run_artifact(target, &same) ? COMPUTED : SKIPPED]++;
		if (!same)
			is_wrong(name, "other bits where the buffers lie elsewhere");
	}
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

int main(void)
{
	load_examples();
	if (share() || !mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	snprintf(artifact_path, sizeof artifact_path, "%s/model.erca", folder);
	Suite *suite = suite_create("empty");
	TCase *all = tcase_create("dims of size 0");
	tcase_set_timeout(all, 600);
	tcase_add_checked_fixture(all, fixture_start, fixture_stop);
	tcase_add_loop_test(all, empty_dims_are_computed_or_refused, 0, PARTS);
	suite_add_tcase(suite, all);
	int failed = run_suite(suite);
	printf("empty: %lld computed, %lld refused by name\n", (long long)shared->counts[COMPUTED],
	       (long long)shared->counts[REFUSED]);
	if (shared->counts[SKIPPED])
		printf("skipped: empty: %lld artifacts, of targets that this machine does not run\n",
		       (long long)shared->counts[SKIPPED]);
	failed |= shared->counts[COMPUTED] < 1000;
	unlink(model_path), unlink(artifact_path), rmdir(folder);
	return failed;
}
