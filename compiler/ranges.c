/* Entries whose dims are ranges. Their plan is made at the bounds and at other sizes. All these plans must do the same in the
 * same order; the writer then finds how their numbers depend on the sizes. */
#include "compiler/entries.h"

#define MAX_SAMPLES 16

/* Sizes of sample i. They are spread over the ranges, each range in another order, and most are odd: what a plan does only
 * for sizes that are 1, or multiples of something, or equal to each other, must not be taken for what it always does. */
static void sample_sizes(const struct range *ranges, int count, int i, int64_t *sizes)
{
	static const double steps[MAX_RANGES] = {0.618034, 0.754878, 0.569840, 0.819173,
	                                         0.671044, 0.549700, 0.856675, 0.738241};
	for (int r = 0; r < count; r++) {
		double at = 0.97 - 0.07 * r + steps[r] * i;
		int64_t step = ranges[r].step, least = ranges[r].least > 1 ? ranges[r].least : 1 + step;
		int64_t most = ranges[r].most > least + 5 * step ? ranges[r].most : least + 5 * step;
		at -= (double)(int64_t)at;
		sizes[r] = least + (int64_t)(at * (double)(most - least)) / step * step;
		sizes[r] += i % 4 && sizes[r] % 2 == 0 && step == 1 && sizes[r] < most ? 1 : 0;
	}
}

/* `dims` with the sizes of the ranges. */
static const char **dims_of(struct context *ctx, const struct entry_dims *entry, const int64_t *sizes)
{
	const char **dims = arena_array(&ctx->arena, entry->dim_count, sizeof *dims);
	for (uint32_t i = 0; i < entry->dim_count; i++) {
		dims[i] = entry->dims[i];
		for (int r = 0; r < entry->range_count; r++) {
			size_t length = strlen(entry->ranges[r].name);
			if (!strncmp(dims[i], entry->ranges[r].name, length) && strrchr(dims[i], '=') == dims[i] + length)
				dims[i] = arena_printf(&ctx->arena, "%s=%lld", entry->ranges[r].name, (long long)sizes[r]);
		}
	}
	return dims;
}

static const char *sizes_text(struct context *ctx, const struct entry_dims *entry, const int64_t *sizes)
{
	struct text text = {.arena = &ctx->arena};
	for (int r = 0; r < entry->range_count; r++)
		text_printf(&text, "%s%s=%lld", r ? ", " : "", entry->ranges[r].name, (long long)sizes[r]);
	return text.data;
}

static enum ercc_status differs(struct context *ctx, const struct entry_dims *entry, const struct sample *sample,
                                const char *node)
{
	fail(ctx, ERCC_UNSUPPORTED, "node '%s': with %s it is computed in another way than at the bounds of the ranges",
	     node, sizes_text(ctx, entry, sample->sizes));
	note(ctx, "several ranges, as in --dim %s=%lld..N,M..%lld, may help", entry->ranges[0].name,
	     (long long)entry->ranges[0].least, (long long)entry->ranges[0].most);
	return ERCC_UNSUPPORTED;
}

/* Whether both have the same branches and loops. */
static bool same_regions(const struct graph *x, const struct graph *y)
{
	bool same = x->region_count == y->region_count;
	for (size_t i = 0; same && i < x->region_count; i++) {
		const struct region *a = x->regions[i], *b = y->regions[i];
		same = a->kind == b->kind && !a->around == !b->around &&
		       (!a->around || a->around->number == b->around->number) && a->condition == b->condition &&
		       a->trips == b->trips && a->iteration == b->iteration && a->is_counted == b->is_counted;
	}
	return same;
}

static bool same_operand(const struct operand *a, const struct operand *b)
{
	int64_t offset;
	const struct buffer *x = buffer_root(a->buffer, &offset), *y = buffer_root(b->buffer, &offset);
	return x->kind == y->kind && x->io == y->io && (x->kind != BUFFER_ARENA || x->index == y->index) &&
	       a->dtype == b->dtype && a->write == b->write && a->role == b->role;
}

/* Whether both launches do the same, on other sizes. */
static bool same_launch(const struct launch *a, const struct launch *b)
{
	bool same = a->template == b->template && a->operand_count == b->operand_count && a->space.rank == b->space.rank &&
	            a->param_count == b->param_count && a->define_count == b->define_count &&
	            a->expr.count == b->expr.count && !a->region == !b->region &&
	            (!a->region || a->region->number == b->region->number);
	for (int i = 0; same && i < a->operand_count; i++)
		same = same_operand(&a->operands[i], &b->operands[i]);
	for (int i = 0; same && i < a->define_count; i++)
		same = !strcmp(a->defines[i].name, b->defines[i].name) && !strcmp(a->defines[i].value, b->defines[i].value);
	return same && !memcmp(a->expr.nodes, b->expr.nodes, (size_t)a->expr.count * sizeof *a->expr.nodes);
}

static void mark(struct launch *a, struct launch *b)
{
	for (int d = 0; d < a->space.rank; d++)
		if (a->space.dims[d] != b->space.dims[d])
			a->varies |= 1u << d;
}

static enum ercc_status compare(struct context *ctx, const struct entry_dims *entry, struct plan *plan,
                                const struct sample *sample)
{
	struct launch *a = plan->first, *b = sample->plans->items[0]->first;
	for (; a && b; a = a->next, b = b->next) {
		if (!same_launch(a, b))
			return differs(ctx, entry, sample, a->name);
		mark(a, b);
	}
	if (a || b)
		return differs(ctx, entry, sample, a ? a->name : b->name);
	const struct graph *x = plan->graph, *y = sample->plans->items[0]->graph;
	if (x->quotient_count != y->quotient_count || x->size_count != y->size_count || !same_regions(x, y))
		return differs(ctx, entry, sample, plan->last ? plan->last->name : "");
	return ERCC_OK;
}

/* The choosers see the same dims as depending on ranges in all samples. */
static void copy_marks(const struct plan *plan)
{
	for (int s = 0; s < plan->sample_count; s++)
		for (struct launch *a = plan->first, *b = plan->samples[s].plans->items[0]->first; a; a = a->next, b = b->next)
			b->varies = a->varies;
}

enum ercc_status ranges_sample(struct context *ctx, const struct entry_dims *entry, struct plan *plan,
                               enum ercc_status (*make)(void *user, const char *const *dims, struct plans *plans),
                               void *user)
{
	if (!entry->range_count)
		return ERCC_OK;
	plan->ranges = entry->ranges;
	plan->range_count = entry->range_count;
	plan->sample_count = entry->range_count > 2 ? MAX_SAMPLES : 8 + 3 * (entry->range_count - 1);
	plan->samples = arena_array(&ctx->arena, (size_t)plan->sample_count, sizeof *plan->samples);
	for (int s = 0; s < plan->sample_count; s++) {
		struct sample *sample = &plan->samples[s];
		ctx->bounds = plan;
		sample_sizes(entry->ranges, entry->range_count, s, sample->sizes);
		sample->plans = plans_new(ctx);
		sample->plans->stored = plan->all;
		enum ercc_status status = make(user, dims_of(ctx, entry, sample->sizes), sample->plans);
		ctx->bounds = NULL;
		TRY(status);
		TRY(compare(ctx, entry, plan, sample));
	}
	copy_marks(plan);
	return ERCC_OK;
}
