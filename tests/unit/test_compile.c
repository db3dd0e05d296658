/* Hostile models through ercc_compile: each is refused with the node and the operator named, or
 * compiled; never a crash. A model stands here as graph text and is written as an ONNX file. */
#include <unistd.h>

#include "../../tools/dev/onnx_builder.h"
#include "ercc.h"
#include "graph_fixture.h"


static char folder[] = "/tmp/erc-compile-XXXXXX";
static char model_path[64], artifact_path[64];

static onnx_tensor *export_tensor(const char *name, const struct tensor *tensor)
{
	const struct tensor *all = tensor_expand(&test.ctx.arena, tensor);
	return build_tensor(&test.ctx.arena, name, all->dtype, all->shape.rank, all->shape.dims, all->data, tensor_bytes(all));
}

static void export_attr(onnx_node *to, const struct attr *attr)
{
	struct arena *arena = &test.ctx.arena;
	if (attr->kind == ATTR_INT)
		build_int(arena, to, attr->name, attr->i);
	else if (attr->kind == ATTR_FLOAT)
		build_float(arena, to, attr->name, attr->f);
	else if (attr->kind == ATTR_STRING)
		build_string(arena, to, attr->name, attr->s);
	else if (attr->kind == ATTR_INTS)
		build_ints(arena, to, attr->name, attr->ints, (int)attr->count);
	else if (attr->kind == ATTR_TENSOR)
		build_tensor_attr(arena, to, attr->name, export_tensor("", attr->tensor));
	else if (attr->kind == ATTR_FLOATS) {
		onnx_attr *floats = build_attr(arena, to, attr->name, ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
		for (int64_t i = 0; i < attr->count; i++)
			BUILD_PUSH(arena, floats, floats, attr->floats[i]);
	} else
		ck_abort_msg("attribute %s: no way to write it", attr->name);
}

static const char *joined(struct value *const *values, int count)
{
	struct text names = {.arena = &test.ctx.arena};
	for (int i = 0; i < count; i++)
		text_printf(&names, "%s%s", i ? "," : "", values[i] ? values[i]->name : "");
	return names.data ? names.data : "";
}

static void export_node(onnx_graph *top, const struct node *node)
{
	struct arena *arena = &test.ctx.arena;
	onnx_node *to = build_node(arena, top, node->op_type, node->name, joined(node->inputs, node->input_count),
	                           joined(node->outputs, node->output_count));
	to->domain = (char *)node->domain;
	for (int i = 0; i < node->attr_count; i++)
		export_attr(to, &node->attrs[i]);
	for (int i = 0; i < node->input_count; i++) {
		bool known = !node->inputs[i] || !node->inputs[i]->constant;
		for (size_t k = 0; !known && k < top->n_initializer; k++)
			known = !strcmp(top->initializer[k]->name, node->inputs[i]->name);
		if (!known)
			build_initializer(arena, top, export_tensor(node->inputs[i]->name, node->inputs[i]->constant));
	}
}

static void write_model(const char *text)
{
	struct arena *arena = &test.ctx.arena;
	struct graph *graph;
	size_t bytes;
	assert_ok(graph_parse(&test.ctx, text, &graph));
	onnx_model *model = build_model(arena, graph->ir_version, graph->opset);
	for (size_t i = 0; i < graph->input_count; i++)
		build_input(arena, model->graph, build_info(arena, graph->inputs[i]->name, graph->inputs[i]->dtype,
		                                            graph->inputs[i]->shape.rank, graph->inputs[i]->shape.dims, "n"));
	for (const struct node *node = graph->first; node; node = node->next)
		export_node(model->graph, node);
	for (size_t i = 0; i < graph->output_count; i++)
		build_output(arena, model->graph, build_info(arena, graph->outputs[i]->name, ERC_F32, -1, NULL, NULL));
	void *data = build_pack(arena, model, &bytes);
	FILE *file = fopen(model_path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
	ck_assert_int_eq(fclose(file), 0);
}

static enum ercc_status compile_text(const char *text)
{
	struct ercc_options options = {.size = sizeof options, .message = keep_message, .cache_dir = "",
	                               .targets = (const char *const[]){"cpu:x86-64-v3"}, .target_count = 1};
	write_model(text);
	unlink(artifact_path);
	return ercc_compile(model_path, artifact_path, &options);
}

static const struct {
	const char *text, *words; /* words NULL: compiles */
} cases[] = {
#include "compile_cases.h"
#include "compile_cases_ops.h"
};

START_TEST(model_is_refused_by_name_or_compiles)
{
	const char *words = cases[_i].words;
	enum ercc_status status = compile_text(cases[_i].text);
	if (words) {
		ck_assert_msg(status == ERCC_MODEL || status == ERCC_UNSUPPORTED, "%s: %s: %s", cases[_i].text, ercc_status_text(status),
		              test.errors);
		ck_assert_msg(strstr(test.errors, words), "%sexpected '%s' in: %s", cases[_i].text, words, test.errors);
		ck_assert_int_ne(access(artifact_path, F_OK), 0);
	} else {
		ck_assert_msg(status == ERCC_OK, "%s: %s: %s", cases[_i].text, ercc_status_text(status), test.errors);
		ck_assert_int_eq(unlink(artifact_path), 0);
	}
}
END_TEST

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(model_path, sizeof model_path, "%s/model.onnx", folder);
	snprintf(artifact_path, sizeof artifact_path, "%s/model.erca", folder);
	Suite *suite = suite_create("compile");
	TCase *hostile = tcase_create("hostile models");
	tcase_add_checked_fixture(hostile, fixture_start, fixture_stop);
	tcase_add_loop_test(hostile, model_is_refused_by_name_or_compiles, 0, (int)COUNT_OF(cases));
	suite_add_tcase(suite, hostile);
	int failed = run_suite(suite);
	unlink(model_path), unlink(artifact_path), rmdir(folder);
	return failed;
}
