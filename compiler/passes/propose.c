/* Ranges for the dims of inputs that the model names without a size: what `--dims auto` takes. */
#include "compiler/passes/pass.h"

#include <ctype.h>

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
