/* Lists of sizes in --dim, such as batch=1,4,8: one artifact has an entry for each combination. */
#include "compiler/entries.h"

#include "compiler/passes/pass.h"

#define MAX_ENTRIES 64

/* One --dim. */
struct sizes {
	const char *text;   /* "batch=1,4" */
	size_t name_length; /* of "batch" */
	int64_t list[MAX_ENTRIES];
	uint32_t count; /* 0: there is one size, which the pin pass reads */
};

static enum ercc_status too_many(struct context *ctx, const char *text)
{
	fail(ctx, ERCC_USAGE, "--dim %s: one artifact has at most %d combinations of sizes", text, MAX_ENTRIES);
	note(ctx, "compile several artifacts, each with a part of the sizes");
	return ERCC_USAGE;
}

static enum ercc_status parse_sizes(struct context *ctx, const char *text, struct sizes *out)
{
	const char *at = strrchr(text, '=');
	*out = (struct sizes){.text = text};
	if (!at || !strchr(at, ','))
		return ERCC_OK;
	out->name_length = (size_t)(at - text);
	for (const char *end; *at; at = end) {
		at++; /* behind the '=' or the comma */
		end = at + strcspn(at, ",");
		if (out->count == MAX_ENTRIES)
			return too_many(ctx, text);
		int64_t *size = &out->list[out->count++];
		TRY(parse_size(ctx, "--dim", at, end, size));
		for (const int64_t *other = out->list; other < size; other++)
			if (*other == *size)
				return fail(ctx, ERCC_USAGE, "--dim %s: %lld is given twice", text, (long long)*size);
	}
	return ERCC_OK;
}

/* Combination number `index` of the sizes. */
static struct entry_dims combine(struct arena *arena, const struct sizes *sizes, uint32_t dim_count, uint32_t index)
{
	const char **dims = arena_array(arena, dim_count, sizeof *dims), *name = NULL;
	for (uint32_t i = dim_count; i--; index /= sizes[i].count ? sizes[i].count : 1) {
		dims[i] = sizes[i].text;
		if (!sizes[i].count)
			continue;
		dims[i] = arena_printf(arena, "%.*s=%lld", (int)sizes[i].name_length, sizes[i].text,
		                       (long long)sizes[i].list[index % sizes[i].count]);
		name = name ? arena_printf(arena, "%s,%s", dims[i], name) : dims[i];
	}
	return (struct entry_dims){name, dims};
}

enum ercc_status entries_list(struct context *ctx, struct entry_dims **out, uint32_t *count)
{
	const struct ercc_options *options = ctx->options;
	struct sizes *sizes = arena_array(&ctx->arena, options->dim_count, sizeof *sizes);
	*count = 1;
	for (uint32_t i = 0; i < options->dim_count; i++) {
		TRY(parse_sizes(ctx, options->dims[i], &sizes[i]));
		*count *= sizes[i].count ? sizes[i].count : 1;
		if (*count > MAX_ENTRIES)
			return too_many(ctx, options->dims[i]);
	}
	*out = arena_array(&ctx->arena, *count, sizeof **out);
	for (uint32_t i = 0; i < *count; i++)
		(*out)[i] = combine(&ctx->arena, sizes, options->dim_count, i);
	return ERCC_OK;
}
