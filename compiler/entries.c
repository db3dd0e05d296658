/* Lists of sizes in --dim, such as batch=1,4,8: one artifact has an entry for each combination. A size may be a range, such
 * as seq=1..512: the entry then takes each size in it. */
#include "compiler/entries.h"

#include "compiler/passes/pass.h"

#define MAX_ENTRIES 64

/* One --dim. */
struct sizes {
	const char *text;   /* "batch=1,4" */
	size_t name_length; /* of "batch" */
	struct range list[MAX_ENTRIES];
	uint32_t count; /* 0: there is one size, which the pin pass reads */
};

static enum ercc_status too_many(struct context *ctx, const char *text)
{
	fail(ctx, ERCC_USAGE, "--dim %s: one artifact has at most %d combinations of sizes", text, MAX_ENTRIES);
	note(ctx, "compile several artifacts, each with a part of the sizes");
	return ERCC_USAGE;
}

/* "4", "1..512" or "32..640:32" */
static enum ercc_status parse_item(struct context *ctx, const char *at, const char *end, struct range *out)
{
	const char *dots = strstr(at, "..");
	out->step = 1;
	if (!dots || dots >= end) {
		TRY(parse_size(ctx, "--dim", at, end, &out->least));
		out->most = out->least;
		return ERCC_OK;
	}
	TRY(parse_size(ctx, "--dim", at, dots, &out->least));
	const char *colon = memchr(dots, ':', (size_t)(end - dots));
	TRY(parse_size(ctx, "--dim", dots + 2, colon ? colon : end, &out->most));
	if (colon)
		TRY(parse_size(ctx, "--dim", colon + 1, end, &out->step));
	if (out->least < 1 || out->least > out->most || out->step < 1 || out->step > 65536 ||
	    (out->most - out->least) % out->step)
		return fail(ctx, ERCC_USAGE, "--dim: '%.*s' is not a range: wanted LEAST..MOST or LEAST..MOST:STEP, from 1 on",
		            (int)(end - at), at);
	return ERCC_OK;
}

static enum ercc_status parse_sizes(struct context *ctx, const char *text, struct sizes *out)
{
	const char *at = strrchr(text, '=');
	*out = (struct sizes){.text = text};
	if (!at || (!strchr(at, ',') && !strstr(at, "..")))
		return ERCC_OK;
	out->name_length = (size_t)(at - text);
	for (const char *end; *at; at = end) {
		at++; /* behind the '=' or the comma */
		end = at + strcspn(at, ",");
		if (out->count == MAX_ENTRIES)
			return too_many(ctx, text);
		struct range *range = &out->list[out->count++];
		TRY(parse_item(ctx, at, end, range));
		range->name = arena_printf(&ctx->arena, "%.*s", (int)out->name_length, text);
		for (const struct range *other = out->list; other < range; other++)
			if (other->least <= range->most && range->least <= other->most)
				return fail(ctx, ERCC_USAGE, "--dim %s: %lld is given twice", text,
				            (long long)(other->least > range->least ? other->least : range->least));
	}
	return ERCC_OK;
}

/* Combination number `index` of the sizes. */
static struct entry_dims combine(struct arena *arena, const struct sizes *sizes, uint32_t dim_count, uint32_t index)
{
	const char **dims = arena_array(arena, dim_count, sizeof *dims), *name = NULL;
	struct range *ranges = arena_array(arena, dim_count, sizeof *ranges);
	int range_count = 0;
	for (uint32_t i = dim_count; i--; index /= sizes[i].count ? sizes[i].count : 1) {
		dims[i] = sizes[i].text;
		if (!sizes[i].count)
			continue;
		const struct range *range = &sizes[i].list[index % sizes[i].count];
		const char *text = dims[i] = arena_printf(arena, "%s=%lld", range->name, (long long)range->most);
		if (range->least < range->most) {
			ranges[range_count++] = *range;
			text = arena_printf(arena, "%s=%lld..%lld", range->name, (long long)range->least, (long long)range->most);
		}
		if (sizes[i].count > 1)
			name = name ? arena_printf(arena, "%s,%s", text, name) : text;
	}
	return (struct entry_dims){name, dims, dim_count, ranges, range_count};
}

/* ---- '*' and 'auto': each named dim that no other --dim names ---- */

static bool is_named(const char *const *dims, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		const char *equals = strrchr(dims[i], '=');
		if (equals && strlen(name) == (size_t)(equals - dims[i]) && !strncmp(dims[i], name, strlen(name)))
			return true;
	}
	return false;
}

/* Replaces '*=SIZES' and 'auto' in the options' dims. */
static const char **expand_star(struct context *ctx, const struct graph *graph, size_t *count)
{
	const struct ercc_options *options = ctx->options;
	const char **out = NULL, *star = NULL;
	size_t capacity = 0, proposed = 0;
	const char **proposals = NULL;
	*count = 0;
	for (uint32_t i = 0; i < options->dim_count; i++)
		if (!strcmp(options->dims[i], "auto"))
			proposals = dims_propose(ctx, graph, &proposed);
		else if (!strncmp(options->dims[i], "*=", 2))
			star = options->dims[i] + 1;
		else
			arena_push(&ctx->arena, out, *count, capacity, options->dims[i]);
	for (size_t i = 0; star && i < graph->input_count; i++)
		for (int d = 0; d < graph->inputs[i]->shape.rank; d++) {
			const char *name = graph->inputs[i]->shape.dims[d] < 0 ? graph->inputs[i]->dim_names[d] : NULL;
			if (name && !is_named(out, *count, name))
				arena_push(&ctx->arena, out, *count, capacity, arena_printf(&ctx->arena, "%s%s", name, star));
		}
	if (proposed)
		note(ctx, "--dims auto stands for %s", dims_proposal_text(ctx, graph));
	for (size_t i = 0; i < proposed; i++) {
		const char *equals = strrchr(proposals[i], '=');
		if (!is_named(out, *count, arena_printf(&ctx->arena, "%.*s", (int)(equals - proposals[i]), proposals[i])))
			arena_push(&ctx->arena, out, *count, capacity, proposals[i]);
	}
	return out;
}

enum ercc_status entries_list(struct context *ctx, const struct graph *graph, struct entry_dims **out, uint32_t *count)
{
	size_t dim_count;
	const char **dims = expand_star(ctx, graph, &dim_count);
	struct sizes *sizes = arena_array(&ctx->arena, dim_count, sizeof *sizes);
	int range_count = 0;
	*count = 1;
	for (size_t i = 0; i < dim_count; i++) {
		TRY(parse_sizes(ctx, dims[i], &sizes[i]));
		*count *= sizes[i].count ? sizes[i].count : 1;
		bool is_range = false;
		for (uint32_t k = 0; k < sizes[i].count; k++)
			is_range |= sizes[i].list[k].least < sizes[i].list[k].most;
		range_count += is_range;
		if (*count > MAX_ENTRIES)
			return too_many(ctx, dims[i]);
	}
	if (range_count > MAX_RANGES)
		return fail(ctx, ERCC_USAGE, "--dim: %d dims are ranges, at most %d can be", range_count, MAX_RANGES);
	*out = arena_array(&ctx->arena, *count, sizeof **out);
	for (uint32_t i = 0; i < *count; i++)
		(*out)[i] = combine(&ctx->arena, sizes, (uint32_t)dim_count, i);
	return ERCC_OK;
}
