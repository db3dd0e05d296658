/* Replaces inputs of the model that are sequences or optionals by tensors: --length says how many each holds. After
 * this pass every input is a tensor. */
#include "compiler/passes/pass.h"

#include <stdlib.h>

#include "compiler/lower/inserted.h"

/* Whether the option is for the input. The last '=' separates, because names may contain it. */
static bool is_for(const char *option, const char *name)
{
	const char *equals = strrchr(option, '=');
	size_t length = equals ? (size_t)(equals - option) : 0;
	return equals && strlen(name) == length && !strncmp(option, name, length);
}

/* The text after "NAME=" of the --length option for this input, or NULL. */
static const char *find_option(const struct graph *graph, const char *name)
{
	const struct ercc_options *options = graph->ctx->options;
	for (uint32_t i = 0; i < options->length_count; i++)
		if (is_for(options->lengths[i], name))
			return strrchr(options->lengths[i], '=') + 1;
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
		            is_sequence ? arena_printf(&graph->ctx->arena, "0 to %d", MAX_LENGTH) : "1", none);
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
			if (is_for(options->lengths[i], graph->inputs[k]->name))
				found = graph->inputs[k];
		if (!found || !found->kind)
			return fail(graph->ctx, ERCC_USAGE, "--length: %s '%.*s'%s", found ? "input" : "the model has no input",
			            length, options->lengths[i], found ? " is a tensor" : "");
		if (find_option(graph, found->name) != equals + 1)
			return fail(graph->ctx, ERCC_USAGE, "--length: input '%s' is given twice", found->name);
	}
	return ERCC_OK;
}

/* A tensor of the input, as an input of its own. */
static struct value *add_tensor(struct graph *graph, const struct value *input, const char *name)
{
	struct value *tensor = graph_value(graph, name);
	tensor->dtype = input->dtype;
	tensor->shape = input->shape;
	memcpy(tensor->dim_names, input->dim_names, sizeof tensor->dim_names);
	graph_add_input(graph, tensor);
	return tensor;
}

static enum ercc_status replace(struct graph *graph, struct value *input, int count)
{
	struct arena *arena = &graph->ctx->arena;
	struct value **items = arena_array(arena, count > 0 ? (size_t)count : 0, sizeof *items), *with;
	for (int i = 0; i < count; i++) {
		const char *name = arena_printf(arena, "%s.%d", input->name, i);
		if (map_get(graph->names, name))
			return fail(graph->ctx, ERCC_UNSUPPORTED,
			            "input '%s' is a sequence whose tensors are '%s.0' and so on, but "
			            "there is a value '%s'",
			            input->name, input->name, name);
		items[i] = add_tensor(graph, input, name);
	}
	if (count < 0)
		with = insert_nothing(graph, graph->first, input->name);
	else
		with = insert_list(graph, graph->first, input->name, items, count);
	graph_replace_uses(graph, input, with);
	return ERCC_OK;
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
			TRY(replace(graph, input, count));
		else
			graph_add_input(graph, input);
		input->kind = 0;
	}
	return status;
}
