/* Entries whose dims are ranges. Their plan is made at the bounds and at other sizes. All these plans must do the same in the
 * same order; the writer then finds how their numbers depend on the sizes. */
#include "compiler/entries.h"

#include <math.h>

#define MAX_SAMPLES 16 /* of all ranges together */

/* The least size of a range that may be a sample: 1 is left out, because what is so for 1 only would be taken for what always
 * is. */
static int64_t least_of(const struct range *range)
{
	return range->least > 1 ? range->least : 1 + range->step;
}

/* Ranges of fewer sizes are sampled beyond their bound, so that few formulas agree with all samples. */
#define BEYOND 48

/* A size of the range: `share` of the way from the size `from` to its most, by ratio or by difference. */
static int64_t size_at(const struct range *range, int64_t from, double share, bool by_ratio)
{
	int64_t step = range->step, most = range->most > from + BEYOND * step ? range->most : from + BEYOND * step;
	double low = (double)from, high = (double)most;
	double size = by_ratio ? low * pow(high / low, share) : low + share * (high - low);
	return from + (int64_t)((size - low) / (double)step) * step;
}

/* Sizes of sample i, from the least ones on. They are spread over the ranges, each range in another order, and most are odd:
 * what a plan does only for multiples of something, or for sizes that are equal, must not be taken for what it always does. */
static void sample_sizes(const struct entry_dims *entry, const int64_t *least, int i, int64_t *sizes)
{
	static const double steps[MAX_RANGES] = {0.618034, 0.754878, 0.569840, 0.819173,
	                                         0.671044, 0.549700, 0.856675, 0.738241};
	for (int r = 0; r < entry->range_count; r++) {
		const struct range *range = &entry->ranges[r];
		double at = 0.97 - 0.07 * r + steps[r] * i;
		at -= (double)(int64_t)at;
		sizes[r] = size_at(range, least[r], at, i % 2);
		sizes[r] += i % 4 && sizes[r] % 2 == 0 && range->step == 1 && sizes[r] < range->most ? 1 : 0;
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

/* The name of a node that the sample computes in another way; NULL if there is none. Marks the dims that differ. */
static const char *difference(struct plan *plan, const struct sample *sample)
{
	struct launch *a = plan->first, *b = sample->plans->items[0]->first;
	for (; a && b; a = a->next, b = b->next) {
		if (!same_launch(a, b))
			return a->name;
		mark(a, b);
	}
	if (a || b)
		return a ? a->name : b->name;
	const struct graph *x = plan->graph, *y = sample->plans->items[0]->graph;
	bool same = x->quotient_count == y->quotient_count && x->size_count == y->size_count && same_regions(x, y);
	return same ? NULL : plan->last ? plan->last->name : "";
}

/* Whether a dim that depends on a range is 1. */
static bool is_degenerate(const struct plan *plan, const struct sample *sample)
{
	const struct launch *a = plan->first, *b = sample->plans->items[0]->first;
	for (; a && b; a = a->next, b = b->next)
		for (int d = 0; d < a->space.rank && d < b->space.rank; d++)
			if (b->space.dims[d] <= 1 && a->space.dims[d] > 1)
				return true;
	return false;
}

/* The choosers see the same dims as depending on ranges in all samples. */
static void copy_marks(const struct plan *plan)
{
	for (int s = 0; s < plan->sample_count; s++)
		for (struct launch *a = plan->first, *b = plan->samples[s].plans->items[0]->first; a; a = a->next, b = b->next)
			b->varies = a->varies;
}

/* Moves sizes beyond the ranges into them. */
static void limit_sizes(const struct range *ranges, int count, const int64_t *least, int64_t *sizes)
{
	for (int r = 0; r < count; r++) {
		int64_t steps = (sizes[r] - least[r]) / ranges[r].step;
		int64_t possible = ranges[r].most > least[r] ? (ranges[r].most - least[r]) / ranges[r].step + 1 : 1;
		if (sizes[r] > ranges[r].most)
			sizes[r] = least[r] + steps % possible * ranges[r].step;
	}
}

struct sampling {
	struct context *ctx;
	const struct entry_dims *entry;
	struct plan *plan;
	make_plan_fn *make;
	void *user;
};

/* Makes the plan of the next sample, at its sizes. */
static enum ercc_status make_sample(const struct sampling *s, struct sample *sample, bool is_quiet)
{
	sample->plans = plans_new(s->ctx);
	sample->plans->stored = s->plan->all;
	s->ctx->bounds = s->plan;
	enum ercc_status status = s->make(s->user, dims_of(s->ctx, s->entry, sample->sizes), is_quiet, sample->plans);
	s->ctx->bounds = NULL;
	return status;
}

enum kind_of_sample { SAMPLE_IMPOSSIBLE, SAMPLE_OTHER, SAMPLE_WITH_ONES, SAMPLE_SAME };

/* Makes a sample with that size of range r, and says how its plan compares with that at the bounds. */
static enum kind_of_sample try_size(const struct sampling *s, const int64_t *least, int r, int64_t size)
{
	struct sample *sample = &s->plan->samples[s->plan->sample_count];
	sample_sizes(s->entry, least, r + s->plan->sample_count, sample->sizes);
	sample->sizes[r] = size;
	if (make_sample(s, sample, true))
		return SAMPLE_IMPOSSIBLE;
	if (size <= 1 || is_degenerate(s->plan, sample))
		return SAMPLE_WITH_ONES;
	return difference(s->plan, sample) ? SAMPLE_OTHER : SAMPLE_SAME;
}

/* Two samples with a small size of the range: what is cut off below a size must not be taken for what always is. They are as
 * small as possible, without dims of 1. Where the model is impossible or computed in another way for smaller sizes, these are
 * no longer in the range. */
static enum ercc_status add_small(const struct sampling *s, int64_t *least, struct range *range, int r)
{
	int wanted = s->entry->range_count > 2 ? 1 : 2, found = 0;
	int64_t size = range->least, first = 0, bad = -1;
	for (int64_t steps = 1; steps <= 256 && found < wanted && size <= range->most; steps *= 2) {
		enum kind_of_sample kind = try_size(s, least, r, size);
		if (kind == SAMPLE_SAME) {
			first = found++ ? first : size;
			s->plan->sample_count++;
		} else if (kind != SAMPLE_WITH_ONES && !found) {
			bad = size;
		}
		size += steps * range->step;
	}
	if (!found)
		return ERCC_OK;
	if (bad >= 0 && first == range->most) {
		fail(s->ctx, ERCC_UNSUPPORTED,
		     "'%s': with its smaller sizes the model is not possible, or computed in another way than with %lld",
		     range->name, (long long)range->most);
		note(s->ctx, "--dim with lists of sizes makes an entry for each size instead");
		return ERCC_UNSUPPORTED;
	}
	least[r] = first;
	if (bad < 0)
		return ERCC_OK;
	range->least = first;
	for (size = first - range->step; size > bad && try_size(s, least, r, size) >= SAMPLE_WITH_ONES; size -= range->step)
		range->least = size;
	warn(s->ctx,
	     "sizes of '%s' begin with %lld: for smaller ones the model is not possible, or computed in another way",
	     range->name, (long long)range->least);
	return ERCC_OK;
}

enum ercc_status ranges_sample(struct context *ctx, const struct entry_dims *entry, struct plan *plan,
                               make_plan_fn *make, void *user)
{
	const struct sampling sampling = {ctx, entry, plan, make, user};
	int wanted = entry->range_count > 1 ? MAX_SAMPLES : 12;
	int64_t least[MAX_RANGES];
	if (!entry->range_count)
		return ERCC_OK;
	struct range *ranges = arena_array(&ctx->arena, (size_t)entry->range_count, sizeof *ranges);
	memcpy(ranges, entry->ranges, (size_t)entry->range_count * sizeof *ranges);
	plan->ranges = ranges;
	plan->range_count = entry->range_count;
	plan->samples = arena_array(&ctx->arena, (size_t)wanted, sizeof *plan->samples);
	for (int r = 0; r < entry->range_count; r++)
		least[r] = least_of(&entry->ranges[r]);
	for (int r = 0; r < entry->range_count; r++)
		TRY(add_small(&sampling, least, &ranges[r], r));
	for (int i = 0; plan->sample_count < wanted; i++) {
		struct sample *sample = &plan->samples[plan->sample_count];
		sample_sizes(entry, least, i, sample->sizes);
		bool is_beyond = false;
		for (int r = 0; r < entry->range_count; r++)
			is_beyond |= sample->sizes[r] > ranges[r].most;
		/* a model may be possible in the ranges only */
		if (!is_beyond || make_sample(&sampling, sample, true) || difference(plan, sample)) {
			limit_sizes(ranges, entry->range_count, least, sample->sizes);
			TRY(make_sample(&sampling, sample, false));
		}
		const char *node = difference(plan, sample);
		if (node)
			return differs(ctx, entry, sample, node);
		plan->sample_count++;
	}
	copy_marks(plan);
	return ERCC_OK;
}
