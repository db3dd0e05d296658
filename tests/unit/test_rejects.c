/* Every row of the operator table with nodes that it must reject, and many more that it may reject: too many inputs,
 * types that it does not accept, then random ranks, dims, types, constants and attributes. The message names the
 * node, its operator and opset; nothing crashes. The nodes are generated from fixed seeds. */
#include <unistd.h>

#include "compiler/include/ercc.h"
#include "tools/dev/onnx_builder.h"
#include "tests/unit/graph_fixture.h"
#include "compiler/lower/op.h"

#ifdef __SANITIZE_ADDRESS__
#define TRIALS 25
#else
#define TRIALS 100
#endif

static char folder[] = "/tmp/erc-rejects-XXXXXX";
static char model_path[64];

/* ---- random nodes ---- */

static uint64_t state;

static uint32_t below(uint32_t limit)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % limit;
}

static const enum erc_dtype dtypes[] = {ERC_F32, ERC_F32, ERC_F32, ERC_I64,    ERC_I32,  ERC_BOOL,
                                        ERC_F64, ERC_U8,  ERC_I8,  ERC_F16,    ERC_BF16, ERC_U16,
                                        ERC_I16, ERC_U32, ERC_U64, ERC_STRING, ERC_C64};

static enum erc_dtype random_type(void)
{
	return dtypes[below(below(2) ? 4 : COUNT_OF(dtypes))];
}

static const char *const attr_names[] = {
	"axis",
	"axes",
	"keepdims",
	"perm",
	"to",
	"alpha",
	"beta",
	"gamma",
	"epsilon",
	"kernel_shape",
	"strides",
	"pads",
	"dilations",
	"group",
	"output_padding",
	"output_shape",
	"auto_pad",
	"ceil_mode",
	"storage_order",
	"count_include_pad",
	"transA",
	"transB",
	"mode",
	"equation",
	"batch_dims",
	"reduction",
	"largest",
	"sorted",
	"exclusive",
	"reverse",
	"upper",
	"num_outputs",
	"split",
	"hidden_size",
	"direction",
	"layout",
	"activations",
	"linear_before_reset",
	"input_forget",
	"blocksize",
	"size",
	"bias",
	"p",
	"value",
	"value_int",
	"value_ints",
	"value_float",
	"shape",
	"start",
	"end",
	"allowzero",
	"stash_type",
	"num_groups",
	"is_causal",
	"q_num_heads",
	"kv_num_heads",
	"scale",
	"softcap",
	"coordinate_transformation_mode",
	"nearest_mode",
	"antialias",
	"padding_mode",
	"align_corners",
	"sampling_ratio",
	"spatial_scale",
	"output_height",
	"output_width",
	"center_point_box",
	"select_last_index",
	"noop_with_empty_axes",
	"detect_negative",
	"fmod",
	"approximate",
	"ignore_index",
	"interleaved",
	"num_heads",
	"rotary_embedding_dim",
	"onesided",
	"inverse",
	"dtype",
	"k",
	"ratio",
	"momentum",
	"training_mode",
	"spatial",
};

static const int64_t numbers[] = {0, 1, 1, 2, 2, 3, 4, -1, -1, -2, -5, 7, 17, INT64_MAX, INT64_MIN, INT64_C(1) << 40};

static int64_t number(void)
{
	return numbers[below(below(4) ? 9 : COUNT_OF(numbers))];
}

static void add_attr(struct arena *arena, onnx_node *node)
{
	static const char *const words[] = {"", "linear", "SAME_UPPER", "ij,jk->ik", "bidirectional", "mean", "x"};
	const char *name = attr_names[below(COUNT_OF(attr_names))];
	uint32_t kind = below(6);
	int64_t list[6];
	for (size_t i = 0; i < COUNT_OF(list); i++)
		list[i] = number();
	if (kind < 2)
		build_int(arena, node, name, list[0]);
	else if (kind < 4)
		build_ints(arena, node, name, list, (int)below(COUNT_OF(list) + 1));
	else if (kind == 4)
		build_float(arena, node, name, (float)list[0] * 0.25f);
	else
		build_string(arena, node, name, words[below(COUNT_OF(words))]);
}

static void random_dims(int rank, int64_t *dims)
{
	static const int64_t sizes[] = {1, 2, 3, 4, 4, 4, 5, 16, 0};
	for (int d = 0; d < rank; d++)
		dims[d] = sizes[below(below(8) ? 8 : COUNT_OF(sizes))];
}

/* A short list of integers, or a number of any type, that is constant in the model. */
static void add_constant(struct arena *arena, onnx_graph *graph, const char *name)
{
	static int64_t zeros[8];
	enum erc_dtype dtype = below(4) ? ERC_I64 : dtypes[below(15)];
	int64_t count = below(5), *values = arena_array(arena, 8, sizeof *values);
	int rank = (int)below(3);
	for (int i = 0; i < 8; i++)
		values[i] = number();
	int64_t dims[2] = {count, 1};
	int64_t elements = rank ? count : 1;
	build_initializer(arena, graph,
	                  build_tensor(arena, name, (int)dtype, rank, dims, dtype == ERC_I64 ? values : zeros,
	                               (size_t)elements * dtype_bytes(dtype)));
}

/* ---- one node, checked ---- */

struct trial {
	const struct op *op;
	int inputs;
	enum erc_dtype first; /* type of the first input */
	bool random;          /* everything else is random too */
};

static void write_trial(const struct trial *trial)
{
	struct arena *arena = &test.ctx.arena;
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
	onnx_model *model = build_model(arena, 10, trial->op->since);
	struct text inputs = {.arena = arena};
	int64_t dims[6] = {2, 4, 4, 4, 4, 4};
	for (int i = 0; i < trial->inputs; i++) {
		text_printf(&inputs, "%s%s", i ? "," : "", names[i]);
		int rank = trial->random && below(3) ? (int)below(6) : 4;
		if (trial->random && below(4))
			random_dims(rank, dims);
		if (trial->random && i && !below(3))
			add_constant(arena, model->graph, names[i]);
		else
			build_input(arena, model->graph,
			            build_info(arena, names[i],
			                       (int)(i && trial->random && !below(3) ? random_type() : trial->first), rank, dims,
			                       NULL));
	}
	onnx_node *node = build_node(arena, model->graph, trial->op->name, "n", inputs.data ? inputs.data : "", "y");
	for (uint32_t i = trial->random && below(2) ? 1 + below(4) : 0; i; i--)
		add_attr(arena, node);
	build_output(arena, model->graph, build_info(arena, "y", 0, -1, NULL, NULL));
	model->graph->output[0]->type = NULL;
	size_t bytes;
	const void *data = build_pack(arena, model, &bytes);
	FILE *file = fopen(model_path, "wb");
	ck_assert(file && fwrite(data, 1, bytes, file) == bytes && !fclose(file));
}

/* Each line of the messages is about the node, with name, operator and opset, or about a node that it was expanded
 * to. */
static void check_words(const struct trial *trial, enum ercc_status status)
{
	if (status == ERCC_OK)
		return;
	ck_assert_msg(status == ERCC_MODEL || status == ERCC_UNSUPPORTED || status == ERCC_BUDGET, "%s: %s: %s",
	              trial->op->name, ercc_status_text(status), test.errors);
	ck_assert_msg(*test.errors, "%s is refused without a word", trial->op->name);
	ck_assert_msg(strstr(test.errors, "'n") || strstr(test.errors, "initializer") || strstr(test.errors, "input 'a'"),
	              "%s: the node is not named: %s", trial->op->name, test.errors);
}

static enum ercc_status check(const struct trial *trial)
{
	struct ercc_options options = {.size = sizeof options,
	                               .message = keep_message,
	                               .cache_dir = "",
	                               .targets = (const char *const[]){"cpu:x86-64-v3"},
	                               .target_count = 1};
	struct ercc_check figures;
	test.errors[0] = 0;
	write_trial(trial);
	enum ercc_status status = ercc_check(model_path, &options, &figures);
	check_words(trial, status);
	return status;
}

static void refuses(const struct trial *trial, const char *what)
{
	ck_assert_msg(check(trial) != ERCC_OK, "%s since %d takes %s", trial->op->name, trial->op->since, what);
	ck_assert_msg(strstr(test.errors, trial->op->name), "%s: the operator is not named: %s", trial->op->name,
	              test.errors);
}

static void check_row(const struct op *op)
{
	struct trial trial = {.op = op, .inputs = op->input_min ? op->input_min : op->input_max ? 1 : 0, .first = ERC_F32};
	if (op->input_max != VARIADIC && op->input_max < 11) {
		trial.inputs = op->input_max + 1;
		refuses(&trial, "an input too many");
	}
	if (op->input_min > 1 && op->input_max != VARIADIC) {
		trial.inputs = op->input_min - 1;
		refuses(&trial, "an input too few");
	}
	trial.inputs = op->input_min ? op->input_min : 1;
	if (op->input_max) {
		trial.first = ERC_C64;
		refuses(&trial, "complex numbers");
	}
	trial.random = true;
	for (int i = 0; i < TRIALS; i++) {
		int max = op->input_max == VARIADIC || op->input_max > 8 ? op->input_min + 4 : op->input_max;
		trial.inputs = op->input_min + (int)below((uint32_t)(max - op->input_min) + 1);
		trial.first = random_type();
		check(&trial);
		fixture_stop();
		fixture_start();
	}
}

/* One test for each family, so that its rows and seeds do not change when others do. */
START_TEST(rows_refuse_by_name)
{
	state = 0x9e3779b97f4a7c15u + (uint64_t)_i;
	for (const struct op *op = families[_i].ops; op->name; op++)
		if (!op->domain)
			check_row(op);
}
END_TEST

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	int count = 0;
	while (families[count].name)
		count++;
	Suite *suite = suite_create("rejects");
	TCase *rows = tcase_create("rows of the operator table");
	tcase_set_timeout(rows, 300);
	tcase_add_checked_fixture(rows, fixture_start, fixture_stop);
	tcase_add_loop_test(rows, rows_refuse_by_name, 0, count);
	suite_add_tcase(suite, rows);
	int failed = run_suite(suite);
	unlink(model_path), rmdir(folder);
	return failed;
}
