/* A model with something that would be ignored is refused. Each example gets an attribute, an input and an output more
 * than its row knows, and each attribute in another kind and in opsets that do not have it: all are refused by name. And each
 * attribute that a row names is really read. */
#include <math.h>

#include "compiler/include/ercc.h"
#include "compiler/passes/pass.h"
#include "tests/ops/examples.h"

enum { UNKNOWN, INPUTS, OUTPUTS, KINDS, WORDS, OPSETS, READ, FLOATS, COUNTS };
static int counts[COUNTS];
static int failed;

static enum ercc_status build(onnx_model *model, struct graph **graph, struct node **node)
{
	size_t bytes;
	forget_messages();
	for (size_t i = 0; i < model->graph->n_output; i++)
		model->graph->output[i]->type = NULL;
	void *data = build_pack(&test.ctx.arena, model, &bytes);
	TRY(onnx_read_model_bytes(&test.ctx, data, bytes, NULL, graph));
	for (*node = (*graph)->first; strcmp((*node)->name, "n");)
		*node = (*node)->next;
	return run_passes(*graph, NULL, plans_new(&test.ctx));
}

/* Counts a case. The message must name the node with its operator and opset, and `what`, which the row does not
 * know. */
static void is_refused(const struct example *example, onnx_model *model, const char *what, int count)
{
	struct graph *graph;
	struct node *node;
	char head[100], quoted[100];
	enum ercc_status status = build(model, &graph, &node);
	const char *name = strstr(example->op, "::");
	int domain = name ? (int)(name - example->op) : 0;
	snprintf(head, sizeof head, "node 'n' (%.*s%s%s, opset %lld): ", domain, example->op, name ? "." : "",
	         name ? name + 2 : example->op, (long long)model->opset_import[0]->version);
	snprintf(quoted, sizeof quoted, "'%s'", what);
	counts[count]++;
	if (status != ERCC_OK && strstr(test.errors, head) && strstr(test.errors, quoted))
		return;
	failed++;
	fprintf(stderr, "%s@%d with '%s': %s %s\n", example->op, example->opset, what, ercc_status_text(status),
	        test.errors);
}

static onnx_node *the_node(onnx_model *model)
{
	size_t i = 0;
	while (strcmp(model->graph->node[i]->name, "n"))
		i++;
	return model->graph->node[i];
}

static void one_too_many(const struct example *example)
{
	struct arena *arena = &test.ctx.arena;
	const struct op *op = example_row(example);
	onnx_model *model = export_text(example->text);
	build_int(arena, the_node(model), "surplus", 1);
	is_refused(example, model, "surplus", UNKNOWN);
	if (op->input_max != VARIADIC) {
		model = export_text(example->text);
		onnx_node *node = the_node(model);
		while (node->n_input < op->input_max)
			BUILD_PUSH(arena, node, input, "");
		BUILD_PUSH(arena, node, input, "surplus");
		build_input(arena, model->graph, build_info(arena, "surplus", ERC_F32, 0, NULL, NULL));
		is_refused(example, model, "surplus", INPUTS);
	}
	if (op->output_max != VARIADIC) {
		model = export_text(example->text);
		onnx_node *node = the_node(model);
		while (node->n_output < op->output_max)
			BUILD_PUSH(arena, node, output, "");
		BUILD_PUSH(arena, node, output, "surplus");
		is_refused(example, model, "surplus", OUTPUTS);
	}
}

/* Each attribute of the example as text, or as an integer. */
static void other_kinds(const struct example *example)
{
	struct arena *arena = &test.ctx.arena;
	onnx_model *model = export_text(example->text);
	for (size_t i = 0; i < the_node(model)->n_attribute; i++) {
		onnx_model *other = export_text(example->text);
		onnx_node *node = the_node(other);
		char *name = node->attribute[i]->name;
		bool text = node->attribute[i]->type == ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
		char any[60];
		snprintf(any, sizeof any, "%s=any", name);
		if (strstr(example_row(example)->attrs, any))
			continue;
		node->attribute[i] = node->attribute[node->n_attribute - 1];
		node->n_attribute--;
		if (text)
			build_int(arena, node, name, 1);
		else
			build_string(arena, node, name, "text");
		is_refused(example, other, name, KINDS);
	}
}

/* Each text of the example as a word that no operator knows. */
static void other_words(const struct example *example)
{
	onnx_model *model = export_text(example->text);
	for (size_t i = 0; i < the_node(model)->n_attribute; i++) {
		onnx_model *other = export_text(example->text);
		onnx_attr *attr = the_node(other)->attribute[i];
		char any[60];
		snprintf(any, sizeof any, "%s=any", attr->name);
		if (attr->type != ERC__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING ||
		    strstr(example_row(example)->attrs, any))
			continue;
		attr->s = (ProtobufCBinaryData){7, (uint8_t *)"surplus"};
		is_refused(example, other, strcmp(attr->name, "equation") ? "surplus" : "n", WORDS);
	}
}

/* One opset before the row's attribute came, where the row itself is older, and one after it went. */
static void other_opsets(const struct example *example)
{
	const struct op *op = example_row(example);
	size_t count = the_node(export_text(example->text))->n_attribute;
	for (size_t i = 0; i < count; i++) {
		onnx_model *model = export_text(example->text);
		onnx_node *node = the_node(model);
		char name[60], *at;
		node->attribute[0] = node->attribute[i]; /* this one alone */
		node->n_attribute = 1;
		snprintf(name, sizeof name, "%s=", node->attribute[0]->name);
		const char *entry = strstr(op->attrs, name);
		if (!entry || strstr(entry + 1, name) || *(entry += strcspn(entry, "@ ")) != '@')
			continue;
		long from = strtol(entry + 1, &at, 10), to = *at == '-' ? strtol(at + 1, NULL, 10) : 0;
		model->opset_import[0]->version = to ? to + 1 : from - 1;
		if (op_find("", example->op, model->opset_import[0]->version) == op)
			is_refused(example, model, node->attribute[0]->name, OPSETS);
	}
}

START_TEST(what_a_row_does_not_know_is_refused_by_name)
{
	for (int i = 0; i < example_count; i++) {
		one_too_many(&examples[i]);
		other_kinds(&examples[i]);
		other_words(&examples[i]);
		other_opsets(&examples[i]);
		fixture_stop();
		fixture_start();
	}
	ck_assert_int_eq(failed, 0);
	printf("attributes: %d unknown, %d inputs, %d outputs, %d kinds, %d words, %d opsets refused by name\n",
	       counts[UNKNOWN], counts[INPUTS], counts[OUTPUTS], counts[KINDS], counts[WORDS], counts[OPSETS]);
	ck_assert_int_gt(counts[UNKNOWN], 200);
	ck_assert_int_gt(counts[KINDS], 300);
	ck_assert_int_gt(counts[OPSETS], 20);
}
END_TEST

/* Whether an example of the row has the attribute, and compiling reads it. */
static bool is_read(const struct op *op, const char *name)
{
	for (int i = 0; i < example_count; i++) {
		struct graph *graph;
		struct node *node;
		if (example_row(&examples[i]) != op)
			continue;
		enum ercc_status status = build(export_text(examples[i].text), &graph, &node);
		ck_assert_msg(status == ERCC_OK, "%s@%d: %s", examples[i].op, examples[i].opset, test.errors);
		for (int k = 0; k < node->attr_count; k++)
			if (!strcmp(node->attrs[k].name, name) && node->attrs[k].read)
				return true;
	}
	return false;
}

START_TEST(what_a_row_names_is_read)
{
	for (const struct family *family = families; family->name; family++)
		for (const struct op *op = family->ops; op->name; op++) {
			char *all = strdup(op->attrs && !op->domain ? op->attrs : ""), *rest = all;
			for (char *entry; (entry = strsep(&rest, " "));) {
				char *name = strsep(&entry, "=");
				if (!entry || !strncmp(entry, "any", 3) || !strncmp(entry, "own", 3))
					continue;
				counts[READ]++;
				if (!is_read(op, name)) {
					failed++;
					printf("%s since %d: nothing reads '%s'\n", op->name, op->since, name);
				}
				fixture_stop();
				fixture_start();
			}
			free(all);
		}
	printf("attributes: %d named by rows\n", counts[READ]);
	ck_assert_int_eq(failed, 0);
	ck_assert_int_gt(counts[READ], 200);
}
END_TEST

/* Sets all float attributes of the node. Returns whether there are any. */
static bool set_floats(onnx_node *node, float value)
{
	bool found = false;
	for (size_t i = 0; i < node->n_attribute; i++) {
		onnx_attr *attr = node->attribute[i];
		found |= attr->has_f || attr->n_floats;
		attr->f = value;
		attr->floats = arena_array(&test.ctx.arena, attr->n_floats, sizeof(float));
		for (size_t k = 0; k < attr->n_floats; k++)
			attr->floats[k] = value;
	}
	return found;
}

static void compiles_or_is_refused(const struct example *example, float value, const char *folder)
{
	static const char *const targets[] = {"cpu:x86-64-v3"};
	const struct ercc_options options = {.size = sizeof options,
	                                     .targets = targets,
	                                     .target_count = 1,
	                                     .message = keep_message};
	onnx_model *model = export_text(example->text);
	const char *model_path = arena_printf(&test.ctx.arena, "%s/m.onnx", folder),
			   *artifact_path = arena_printf(&test.ctx.arena, "%s/m.erca", folder);
	if (!set_floats(the_node(model), value))
		return;
	write_model_file(model_path, model);
	forget_messages();
	enum ercc_status status = ercc_compile(model_path, artifact_path, &options);
	counts[FLOATS]++;
	if (status != ERCC_OK && status != ERCC_UNSUPPORTED && status != ERCC_MODEL) {
		failed++;
		fprintf(stderr, "%s@%d with %g: %s: %s\n", example->op, example->opset, (double)value, ercc_status_text(status),
		        test.errors);
	}
	unlink(model_path);
	unlink(artifact_path);
}

/* A NaN, an infinity or a subnormal number as an attribute is refused, or its kernels are valid C. */
START_TEST(any_float_attribute_compiles)
{
	static const float values[] = {NAN, INFINITY, -INFINITY, 1e-45f};
	char folder[] = "/tmp/erc-attributes-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(folder));
	for (int i = 0; i < example_count; i++)
		for (size_t k = 0; k < COUNT_OF(values); k++) {
			compiles_or_is_refused(&examples[i], values[k], folder);
			fixture_stop();
			fixture_start();
		}
	rmdir(folder);
	printf("attributes: %d nodes with unusual floats\n", counts[FLOATS]);
	ck_assert_int_eq(failed, 0);
	ck_assert_int_gt(counts[FLOATS], 100);
}
END_TEST

int main(void)
{
	load_examples();
	Suite *suite = suite_create("attributes");
	TCase *all = tcase_create("attributes, inputs and outputs of all rows");
	tcase_set_timeout(all, 300);
	tcase_add_checked_fixture(all, fixture_start, fixture_stop);
	tcase_add_test(all, what_a_row_does_not_know_is_refused_by_name);
	tcase_add_test(all, what_a_row_names_is_read);
	tcase_add_test(all, any_float_attribute_compiles);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
