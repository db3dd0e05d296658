/* Replaces inputs of the model that are sequences or optionals by tensors: --length says how many each holds. After
 * this pass every input is a tensor. */
#include "compiler/passes/pass.h"

#include <stdlib.h>

#include "compiler/lower/inserted.h"

#define MAX_LENGTH 4096 /* tensors in a sequence; see the message */

/* The text after "NAME=" of the --length option for this input, or NULL. */
static const char *find_option(const struct graph *graph, const char *name)
{
	const struct ercc_options *options = graph->ctx->options;
	size_t length = strlen(name);
	for (uint32_t i = 0; i < options->length_count; i++)
		if (!strncmp(options->lengths[i], name, length) && options->lengths[i][length] == '=')
			return options->lengths[i] + length + 1;
	return NULL;
}

/* *count: the number of tensors that the input holds; -1: it is an optional that holds nothing. */
static enum ercc_status read_length(const struct graph *graph, const struct value *input, int *count)
{
	bool is_sequence = input->kind & VALUE_SEQUENCE, is_optional = input->kind & VALUE_OPTIONAL;
	const char *text = find_option(graph, input->name), *none = is_optional ? " or none" : "";
	char *end;
	if (!text) {
		fail(graph->ctx, ERCC_USAGE, "input '%s' is %s, and how many tensors it holds is not known", input->name,
		     is_optional ? "an optional" : "a sequence");
		note(graph->ctx, "give --length %s=N; N is %s%s", input->name, is_sequence ? "the number of its tensors" : "1",
		     none);
		return ERCC_USAGE;
	}
	*count = -1;
	if (is_optional && !strcmp(text, "none"))
		return ERCC_OK;
	long long number = strtoll(text, &end, 10);
	if (end == text || *end || number < 0 || number > MAX_LENGTH || (!is_sequence && number != 1))
		return fail(graph->ctx, ERCC_USAGE, "--length %s=%s: wanted %s%s", input->name, text,
		            is_sequence ? "0 to 4096" : "1", none);
	*count = (int)number;
	return ERCC_OK;
}

/* Every option must name an input that is no tensor. */
static enum ercc_status check_options(const struct graph *graph)
{
	const struct ercc_options *options = graph->ctx->options;
	for (uint32_t i = 0; i < options->length_count; i++) {
		const struct value *found = NULL;
		const char *equals = strrchr(options->lengths[i], '=');
		if (!equals || equals == options->lengths[i])
			return fail(graph->ctx, ERCC_USAGE, "--length '%s': wanted NAME=N", options->lengths[i]);
		int length = (int)(equals - options->lengths[i]);
		for (size_t k = 0; k < graph->input_count; k++)
			if ((int)strlen(graph->inputs[k]->name) == length &&
			    !strncmp(graph->inputs[k]->name, options->lengths[i], (size_t)length))
				found = graph->inputs[k];
		if (!found || !found->kind)
			return fail(graph->ctx, ERCC_USAGE, "--length: %s '%.*s'%s", found ? "input" : "the model has no input",
			            length, options->lengths[i], found ? " is a tensor" : "");
	}
	return ERCC_OK;
}

/* A tensor of the input, as an input of its own. */
static struct value *add_tensor(struct graph *graph, const struct value *input, const char *name)
{
	bool is_free = !map_get(graph->names, name);
	struct value *tensor = graph_value(graph, is_free ? name : graph_unique_name(graph, name));
	tensor->dtype = input->dtype;
	tensor->shape = input->shape;
	memcpy(tensor->dim_names, input->dim_names, sizeof tensor->dim_names);
	graph_add_input(graph, tensor);
	return tensor;
}

static void replace(struct graph *graph, struct value *input, int count)
{
	struct arena *arena = &graph->ctx->arena;
	struct value **items = arena_array(arena, count > 0 ? (size_t)count : 0, sizeof *items), *with;
	for (int i = 0; i < count; i++)
		items[i] = add_tensor(graph, input, arena_printf(arena, "%s.%d", input->name, i));
	if (count < 0)
		with = insert_nothing(graph, graph->first, input->name);
	else
		with = insert_list(graph, graph->first, input->name, items, count);
	graph_replace_uses(graph, input, with);
}

enum ercc_status pass_lists(struct graph *graph)
{
	struct value **inputs = graph->inputs;
	size_t input_count = graph->input_count;
	enum ercc_status status = ERCC_OK;
	TRY(check_options(graph));
	graph->inputs = NULL;
	graph->input_count = graph->input_capacity = 0;
	for (size_t i = 0; i < input_count; i++) {
		struct value *input = inputs[i];
		int count = 1;
		if (input->kind && read_length(graph, input, &count))
			status = ERCC_USAGE;
		else if (input->kind & VALUE_SEQUENCE || count < 0)
			replace(graph, input, count);
		else
			graph_add_input(graph, input);
		input->kind = 0;
	}
	return status;
}
