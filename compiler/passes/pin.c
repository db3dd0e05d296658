/* Pins inputs: whole shapes (--shape), symbolic dims (--dim), values (--const). After this pass every dim of an input
 * is known. */
#include "compiler/passes/pass.h"

#include <ctype.h>
#include <stdlib.h>

enum ercc_status parse_size(struct context *ctx, const char *option, const char *text, const char *end, int64_t *out)
{
	char *stop;
	long long number = strtoll(text, &stop, 10);
	if (stop == text || stop != end || number < 0 || number > MAX_ELEMENTS)
		return fail(ctx, ERCC_USAGE, "%s: '%.*s' is not a size", option, (int)(end - text), text);
	*out = number;
	return ERCC_OK;
}

static struct value *find_input(struct graph *graph, const char *name, size_t length)
{
	for (size_t i = 0; i < graph->input_count; i++)
		if (strlen(graph->inputs[i]->name) == length && !strncmp(graph->inputs[i]->name, name, length))
			return graph->inputs[i];
	return NULL;
}

static enum ercc_status no_input(struct graph *graph, const char *option, const char *name, size_t length)
{
	struct text names = {.arena = &graph->ctx->arena};
	for (size_t i = 0; i < graph->input_count; i++)
		text_printf(&names, "%s '%s'", i ? "," : "", graph->inputs[i]->name);
	fail(graph->ctx, ERCC_USAGE, "%s: the model has no input '%.*s'", option, (int)length, name);
	note(graph->ctx, "its inputs are:%s", names.data ? names.data : " none");
	return ERCC_USAGE;
}

/* Text such as "x:1x3x224x224". The last colon separates, because names may contain colons. */
static enum ercc_status pin_shape(struct graph *graph, const char *text)
{
	struct context *ctx = graph->ctx;
	const char *colon = strrchr(text, ':');
	if (!colon)
		return fail(ctx, ERCC_USAGE, "--shape '%s': wanted NAME:1x3x224x224", text);
	struct value *input = find_input(graph, text, (size_t)(colon - text));
	if (!input)
		return no_input(graph, "--shape", text, (size_t)(colon - text));
	struct shape shape = {.rank = 0};
	for (const char *at = colon + 1; *at;) {
		const char *end = at + strcspn(at, "x");
		if (shape.rank == MAX_RANK)
			return fail(ctx, ERCC_USAGE, "--shape '%s': more than %d dims", text, MAX_RANK);
		if (*end && !end[1])
			return fail(ctx, ERCC_USAGE, "--shape '%s': ends in x", text);
		TRY(parse_size(ctx, "--shape", at, end, &shape.dims[shape.rank++]));
		at = *end ? end + 1 : end;
	}
	if (!shape_fits(&input->shape, &shape))
		return fail(ctx, ERCC_USAGE, "--shape: input '%s' is %s in the model, which %s does not fit", input->name,
		            shape_text(&ctx->arena, &input->shape), shape_text(&ctx->arena, &shape));
	input->shape = shape;
	return ERCC_OK;
}

static enum ercc_status no_dim(struct graph *graph, const char *text, const char *equals)
{
	struct text names = {.arena = &graph->ctx->arena};
	for (size_t i = 0; i < graph->input_count; i++)
		for (int d = 0; d < graph->inputs[i]->shape.rank; d++)
			if (graph->inputs[i]->dim_names[d])
				text_printf(&names, " '%s' of input '%s'", graph->inputs[i]->dim_names[d], graph->inputs[i]->name);
	fail(graph->ctx, ERCC_USAGE, "--dim: no input has a dimension named '%.*s'", (int)(equals - text), text);
	note(graph->ctx, "the named dimensions are:%s", names.data ? names.data : " none; --shape gives whole shapes");
	return ERCC_USAGE;
}

static enum ercc_status pin_dim(struct graph *graph, const char *text)
{
	struct context *ctx = graph->ctx;
	const char *equals = strrchr(text, '=');
	int64_t size;
	bool used = false;
	if (!equals || equals == text)
		return fail(ctx, ERCC_USAGE, "--dim '%s': wanted NAME=SIZE", text);
	TRY(parse_size(ctx, "--dim", equals + 1, equals + strlen(equals), &size));
	for (size_t i = 0; i < graph->input_count; i++)
		for (int d = 0; d < graph->inputs[i]->shape.rank; d++) {
			const char *name = graph->inputs[i]->dim_names[d];
			if (!name || strlen(name) != (size_t)(equals - text) || strncmp(name, text, (size_t)(equals - text)))
				continue;
			used = true;
			if (graph->inputs[i]->shape.dims[d] >= 0 && graph->inputs[i]->shape.dims[d] != size)
				return fail(ctx, ERCC_USAGE, "--dim %s: dimension '%s' of input '%s' is %lld already", text, name,
				            graph->inputs[i]->name, (long long)graph->inputs[i]->shape.dims[d]);
			graph->inputs[i]->shape.dims[d] = size;
		}
	return used ? ERCC_OK : no_dim(graph, text, equals);
}

static void drop_input(struct graph *graph, const struct value *value)
{
	size_t kept = 0;
	for (size_t i = 0; i < graph->input_count; i++)
		if (graph->inputs[i] != value)
			graph->inputs[kept++] = graph->inputs[i];
	graph->input_count = kept;
}

static enum ercc_status pin_const(struct graph *graph, const struct ercc_const *constant)
{
	struct value *input = find_input(graph, constant->name, strlen(constant->name));
	if (!input)
		return no_input(graph, "--const", constant->name, strlen(constant->name));
	if (input->dtype != constant->dtype)
		return fail(graph->ctx, ERCC_USAGE, "--const: input '%s' is %s, the value is %s", input->name,
		            dtype_name(input->dtype), dtype_name(constant->dtype));
	struct shape shape = shape_of((int)constant->rank, constant->dims);
	if (!shape_fits(&input->shape, &shape))
		return fail(graph->ctx, ERCC_USAGE, "--const: input '%s' is %s in the model, the value is %s", input->name,
		            shape_text(&graph->ctx->arena, &input->shape), shape_text(&graph->ctx->arena, &shape));
	const void *data = constant->data;
	if (dtype_packing(constant->dtype) > 1) {
		void *bytes = arena_alloc(&graph->ctx->arena, (size_t)shape_elements(&shape));
		elements_unpack(constant->dtype, data, shape_elements(&shape), bytes);
		data = bytes;
	}
	input->shape = shape;
	input->constant = tensor_new(&graph->ctx->arena, constant->dtype, &shape, data);
	drop_input(graph, input);
	return ERCC_OK;
}

/* Text such as "sr=16000" or "axes=1,2". One number is a scalar where the input may be one, else a vector. */
static enum ercc_status pin_const_text(struct graph *graph, const char *text)
{
	const char *equals = strrchr(text, '=');
	if (!equals)
		return fail(graph->ctx, ERCC_USAGE, "--const '%s': wanted NAME=VALUE", text);
	struct value *input = find_input(graph, text, (size_t)(equals - text));
	if (!input)
		return no_input(graph, "--const", text, (size_t)(equals - text));
	int64_t count = 0, ints[256];
	float floats[256];
	uint8_t bytes[256];
	for (const char *at = equals + 1; *at; count++) {
		char *end;
		if (count == 256)
			return fail(graph->ctx, ERCC_USAGE, "--const '%.*s': more than 256 values", (int)(equals - text), text);
		floats[count] = strtof(at, &end);
		if (end == at || (*end && *end != ','))
			return fail(graph->ctx, ERCC_USAGE, "--const '%s': '%s' is not a number", text, at);
		ints[count] = strtoll(at, NULL, 10);
		bytes[count] = ints[count] != 0;
		at = *end ? end + 1 : end;
	}
	struct ercc_const constant = {.name = input->name,
	                              .dtype = input->dtype,
	                              .rank = count == 1 && input->shape.rank <= 0 ? 0 : 1,
	                              .dims = &count};
	size_t size = dtype_bytes(input->dtype);
	if (input->dtype != ERC_F32 && input->dtype != ERC_I64 && input->dtype != ERC_I32 && input->dtype != ERC_BOOL)
		return fail(graph->ctx, ERCC_USAGE, "--const: input '%s' is %s; f32, i64, i32 and bool can be given",
		            input->name, dtype_name(input->dtype));
	char *data = arena_array(&graph->ctx->arena, (size_t)count, size);
	for (int64_t i = 0; i < count; i++)
		memcpy(data + (size_t)i * size,
		       input->dtype == ERC_F32    ? (void *)&floats[i]
		       : input->dtype == ERC_BOOL ? (void *)&bytes[i]
		                                  : (void *)&ints[i],
		       size);
	constant.data = data;
	return pin_const(graph, &constant);
}

static void report_unknown(struct graph *graph, const struct value *input)
{
	struct context *ctx = graph->ctx;
	struct text example = {.arena = &ctx->arena}, dims = {.arena = &ctx->arena};
	for (int d = 0; d < input->shape.rank; d++) {
		bool unknown = input->shape.dims[d] < 0;
		text_printf(&example, unknown ? "%s1" : "%s%lld", d ? "x" : "", (long long)input->shape.dims[d]);
		if (unknown && input->dim_names[d])
			text_printf(&dims, " --dim %s=N", input->dim_names[d]);
	}
	if (input->shape.rank < 0)
		fail(ctx, ERCC_USAGE, "input '%s' has no shape in the model", input->name);
	else
		fail(ctx, ERCC_USAGE, "input '%s' has an unknown dimension: %s", input->name,
		     shape_text(&ctx->arena, &input->shape));
	note(ctx, "give%s%s --shape %s:%s", dims.data ? dims.data : "", dims.data ? ", or" : "", input->name,
	     example.data ? example.data : "1x3x224x224");
}

/* Names the inputs whose defaults are compiled in, from IR version 4 on. Before, every initializer had to be an input,
 * so most of them are not meant as inputs. */
static enum ercc_status check_defaults(struct graph *graph)
{
	const struct ercc_options *options = graph->ctx->options;
	struct value *first = NULL;
	size_t count = 0;
	for (size_t i = 0; i < graph->default_count; i++) {
		count += graph->defaults[i]->constant != NULL;
		first = !first && graph->defaults[i]->constant ? graph->defaults[i] : first;
	}
	for (uint32_t i = 0; i < options->keep_input_count; i++) {
		const char *name = options->keep_inputs[i];
		bool found = false;
		for (size_t k = 0; k < graph->default_count; k++)
			found |= !strcmp(graph->defaults[k]->name, name);
		if (found)
			continue;
		fail(graph->ctx, ERCC_USAGE, "--keep-input: the model has no input '%s' with a default", name);
		if (first)
			note(graph->ctx, "input '%s' has one", first->name);
		return ERCC_USAGE;
	}
	if (count && graph->ir_version >= 4)
		note(graph->ctx, "%zu input%s with a default, such as '%s', %s compiled in; --keep-input %s keeps it an input",
		     count, count > 1 ? "s" : "", first->name, count > 1 ? "are" : "is", first->name);
	return ERCC_OK;
}

/* ---- what `--dims auto` takes: ranges for the dims that the model names without a size ---- */

/* Words in names of dims, and the range that each stands for. The first that fits is taken. Text is limited by what most
 * models were trained with; images have sizes in steps, because networks halve them several times. */
static const struct proposal {
	const char *words[8], *range;
} proposals[] = {
	{{"batch", "samples", "examples"}, "1..8"},
	{{"height", "width", "rows", "cols"}, "32..640:32"},
	{{"seq", "len", "token", "time", "step", "frame", "position"}, "1..512"},
};
enum { BATCH, IMAGE, SEQUENCE };

static bool has_word(const char *name, const char *word)
{
	size_t length = strlen(word);
	for (; *name; name++) {
		size_t i = 0;
		while (i < length && tolower((unsigned char)name[i]) == word[i])
			i++;
		if (i == length)
			return true;
	}
	return false;
}

/* By its name; else by its place: the outermost dim is a batch, the two innermost ones of four or five are an image. */
static const struct proposal *proposal_of(const struct value *input, int d)
{
	const char *name = input->dim_names[d];
	int rank = input->shape.rank;
	for (size_t i = 0; i < COUNT_OF(proposals); i++)
		for (int k = 0; proposals[i].words[k]; k++)
			if (has_word(name, proposals[i].words[k]))
				return &proposals[i];
	if (!d && rank > 1)
		return &proposals[BATCH];
	return rank > 3 && d >= rank - 2 && dtype_is_float(input->dtype) ? &proposals[IMAGE] : &proposals[SEQUENCE];
}

const char **dims_propose(struct context *ctx, const struct graph *graph, size_t *count)
{
	struct map seen = {.arena = &ctx->arena, .kind = MAP_TEXT};
	const char **out = NULL;
	size_t capacity = 0;
	*count = 0;
	for (size_t i = 0; i < graph->input_count; i++)
		for (int d = 0; d < graph->inputs[i]->shape.rank; d++) {
			const struct value *input = graph->inputs[i];
			const char *name = input->shape.dims[d] < 0 ? input->dim_names[d] : NULL;
			if (!name || map_get(&seen, name))
				continue;
			map_set(&seen, name, (void *)(uintptr_t)name);
			arena_push(&ctx->arena, out, *count, capacity,
			           arena_printf(&ctx->arena, "%s=%s", name, proposal_of(input, d)->range));
		}
	return out;
}

const char *dims_proposal_text(struct context *ctx, const struct graph *graph)
{
	struct text text = {.arena = &ctx->arena};
	size_t count;
	const char **dims = dims_propose(ctx, graph, &count);
	for (size_t i = 0; i < count; i++)
		text_printf(&text, "%s--dim %s", i ? " " : "", dims[i]);
	return text.data;
}

enum ercc_status pass_pin(struct graph *graph)
{
	const struct ercc_options *options = graph->ctx->options;
	uint32_t before = graph->ctx->error_count;
	TRY(check_defaults(graph));
	for (uint32_t i = 0; i < options->const_count; i++)
		TRY(pin_const(graph, &options->consts[i]));
	for (uint32_t i = 0; i < options->const_text_count; i++)
		TRY(pin_const_text(graph, options->const_texts[i]));
	for (uint32_t i = 0; i < options->shape_count; i++)
		TRY(pin_shape(graph, options->shapes[i]));
	for (uint32_t i = 0; i < options->dim_count; i++)
		TRY(pin_dim(graph, options->dims[i]));
	for (size_t i = 0; i < graph->input_count; i++) {
		const struct value *input = graph->inputs[i];
		bool unknown = input->shape.rank < 0;
		for (int d = 0; d < input->shape.rank; d++)
			unknown |= input->shape.dims[d] < 0;
		if (unknown)
			report_unknown(graph, input);
		else if (shape_elements(&input->shape) < 0)
			fail(graph->ctx, ERCC_UNSUPPORTED, "input '%s' of shape %s is too large", input->name,
			     shape_text(&graph->ctx->arena, &input->shape));
	}
	const char *proposal = dims_proposal_text(graph->ctx, graph);
	if (graph->ctx->error_count != before && proposal)
		note(graph->ctx, "--dims auto stands for %s", proposal);
	return graph->ctx->error_count == before ? ERCC_OK : ERCC_USAGE;
}
