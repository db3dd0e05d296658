/* Compares a plan with its samples, number by number. */
#include "compiler/artifact/resizable.h"

struct comparison {
	struct context *ctx;
	const struct plan *plan;
	const struct target_plan *target, *samples;
	const struct graph *graphs[MAX_POINTS_OF_FORMULA];
	struct resizable *out;
	int point_count;
};

/* A launch, at each point. */
struct points {
	const struct launch *launches[MAX_POINTS_OF_FORMULA];
	const struct variant *variants[MAX_POINTS_OF_FORMULA]; /* under one budget */
	uint32_t step;
};

static void add_patch(struct comparison *c, enum erca_patch_kind kind, uint32_t index, uint16_t budget, uint32_t at,
                      uint32_t term)
{
	struct erca_patch patch = {.kind = (uint16_t)kind, .budget = budget, .index = index, .at = at, .term = term};
	arena_push(&c->ctx->arena, c->out->patches, c->out->patch_count, c->out->patch_capacity, patch);
}

static bool is_constant(const struct comparison *c, const int64_t *values)
{
	for (int i = 1; i < c->point_count; i++)
		if (values[i] != values[0])
			return false;
	return true;
}

static enum ercc_status no_formula(const struct comparison *c, const char *node, const char *what,
                                   const int64_t *values)
{
	struct text text = {.arena = &c->ctx->arena};
	for (int i = 0; i < 4; i++)
		text_printf(&text, "%s%lld", i ? ", " : "", (long long)values[i]);
	fail(c->ctx, ERCC_UNSUPPORTED, "node '%s': %s does not follow the sizes of the ranges (%s, ...)", node, what,
	     text.data);
	note(c->ctx, "--dim with lists of sizes makes an entry for each size instead");
	return ERCC_UNSUPPORTED;
}

/* ---- tensors ---- */

static enum ercc_status compare_tensor(struct comparison *c, size_t i, bool is_output, const char *name)
{
	const struct graph *main = c->graphs[0];
	const struct value *first = is_output ? main->outputs[i] : main->inputs[i];
	uint32_t index = (uint32_t)(is_output ? main->input_count + i : i), term;
	for (int d = 0; d < first->shape.rank; d++) {
		int64_t values[MAX_POINTS_OF_FORMULA];
		for (int p = 0; p < c->point_count; p++)
			values[p] = (is_output ? c->graphs[p]->outputs[i] : c->graphs[p]->inputs[i])->shape.dims[d];
		if (is_constant(c, values))
			continue;
		if (!formula_find(&c->out->formulas, values, &term))
			return no_formula(c, name, "a dim", values);
		add_patch(c, ERCA_PATCH_DIM, index, ERCA_ALL_BUDGETS, (uint32_t)d, term);
	}
	return ERCC_OK;
}

static enum ercc_status compare_tensors(struct comparison *c)
{
	const struct graph *main = c->graphs[0];
	for (size_t i = 0; i < main->input_count; i++)
		TRY(compare_tensor(c, i, false, main->inputs[i]->name));
	for (size_t i = 0; i < main->output_count; i++)
		TRY(compare_tensor(c, i, true, main->output_names[i]));
	return ERCC_OK;
}

/* Those without a formula are reported where a number depends on them. */
static void add_quotients(struct comparison *c)
{
	for (size_t i = 0; i < c->graphs[0]->quotient_count; i++) {
		int64_t numerators[MAX_POINTS_OF_FORMULA], divisors[MAX_POINTS_OF_FORMULA];
		uint32_t term;
		for (int p = 0; p < c->point_count; p++) {
			numerators[p] = c->graphs[p]->quotients[i].numerator;
			divisors[p] = c->graphs[p]->quotients[i].divisor;
		}
		formula_quotient(&c->out->formulas, numerators, divisors, &term);
	}
}

/* ---- operands ---- */

/* Whether a constant that depends on the sizes is the first part of the one at the bounds. */
static bool is_part(const struct buffer *part, const struct buffer *whole)
{
	int64_t bytes = part->bytes < whole->bytes ? part->bytes : whole->bytes;
	return !memcmp(part->data, whole->data, (size_t)bytes);
}

static enum ercc_status compare_operand(struct comparison *c, const struct points *points, int o)
{
	int64_t values[MAX_POINTS_OF_FORMULA], offset;
	const struct buffer *first = buffer_root(points->launches[0]->operands[o].buffer, &offset);
	uint32_t term;
	for (int p = 0; p < c->point_count; p++) {
		const struct operand *operand = &points->launches[p]->operands[o];
		const struct buffer *root = buffer_root(operand->buffer, &offset);
		values[p] = first->offset + offset + operand->offset;
		if (root->kind == BUFFER_WEIGHTS && root->offset != first->offset && !is_part(root, first))
			return fail(c->ctx, ERCC_UNSUPPORTED,
			            "node '%s': the constant '%s' is another one for other sizes of the ranges",
			            points->launches[0]->name, root->name);
	}
	if (is_constant(c, values))
		return ERCC_OK;
	if (!formula_find(&c->out->formulas, values, &term))
		return no_formula(c, points->launches[0]->name, "the offset of an operand", values);
	add_patch(c, ERCA_PATCH_OFFSET, points->step, ERCA_ALL_BUDGETS, (uint32_t)o, term);
	return ERCC_OK;
}

/* ---- variants ---- */

static void take_variants(const struct comparison *c, uint32_t k, struct points *points)
{
	points->variants[0] = &launch_variants(c->target, points->launches[0])[k];
	for (int p = 1; p < c->point_count; p++)
		points->variants[p] = &launch_variants(&c->samples[p - 1], points->launches[p])[k];
}

/* The quotient that gives the param; -1 if none does. */
static int quotient_of(const struct variant *variant, int param)
{
	for (int i = 0; i < variant->quotient_count; i++)
		if (variant->quotient_params[i] == param)
			return i;
	return -1;
}

static bool find_param(struct comparison *c, const struct points *points, int param, int64_t *values, uint32_t *term)
{
	int64_t divisors[MAX_POINTS_OF_FORMULA];
	int quotient = quotient_of(points->variants[0], param);
	for (int p = 0; p < c->point_count; p++) {
		const struct variant *variant = points->variants[p];
		values[p] = quotient < 0 ? variant->params[param] : variant->quotients[quotient].numerator;
		divisors[p] = quotient < 0 ? 1 : variant->quotients[quotient].divisor;
	}
	return quotient < 0 ? formula_find(&c->out->formulas, values, term)
	                    : formula_quotient(&c->out->formulas, values, divisors, term);
}

static bool find_count(struct comparison *c, const struct points *points, int64_t *values, uint32_t *term)
{
	int64_t divisors[MAX_POINTS_OF_FORMULA];
	uint32_t factor;
	for (int i = 0; i < COUNT_PARTS && points->variants[0]->count[i].divisor; i++) {
		for (int p = 0; p < c->point_count; p++) {
			values[p] = points->variants[p]->count[i].numerator;
			divisors[p] = points->variants[p]->count[i].divisor;
		}
		if (!formula_quotient(&c->out->formulas, values, divisors, &factor))
			return false;
		*term = i ? formula_product(&c->out->formulas, *term, factor) : factor;
	}
	return true;
}

/* Adds patches for a number of the launch: one for all budgets, if they have the same formula. */
static void add_patches(struct comparison *c, enum erca_patch_kind kind, uint32_t step, uint32_t at,
                        const uint32_t *terms)
{
	bool same = true;
	for (uint32_t k = 0; k < c->target->budget_count; k++)
		same &= terms[k] == terms[0];
	for (uint32_t k = 0; k < (same ? 1 : c->target->budget_count); k++)
		if (c->out->formulas.terms[terms[k]].op != ERCA_TERM_NUMBER)
			add_patch(c, kind, step, same ? ERCA_ALL_BUDGETS : (uint16_t)k, at, terms[k]);
}

/* Loops whose number of iterations is known, and depends on the sizes. */
static enum ercc_status compare_loops(struct comparison *c, const struct steps *steps)
{
	for (size_t i = 0; i < c->graphs[0]->region_count; i++) {
		const struct region *region = c->graphs[0]->regions[i];
		int64_t values[MAX_POINTS_OF_FORMULA];
		uint32_t term;
		for (int p = 0; p < c->point_count; p++)
			values[p] = c->graphs[p]->regions[i]->most;
		if (region->kind != REGION_LOOP || is_constant(c, values))
			continue;
		if (region->trips || !region->is_counted || !formula_find(&c->out->formulas, values, &term))
			return no_formula(c, region->name, "the maximum number of iterations", values);
		add_patch(c, ERCA_PATCH_TRIPS, steps->regions[i], ERCA_ALL_BUDGETS, 0, term);
	}
	return ERCC_OK;
}

/* Its work is for predictions only, so it need not follow the sizes. */
static void compare_work(struct comparison *c, const struct points *points)
{
	int64_t values[MAX_POINTS_OF_FORMULA];
	uint32_t term;
	for (int p = 0; p < c->point_count; p++)
		values[p] = (int64_t)(points->launches[0]->flops ? points->launches[p]->flops : points->launches[p]->bytes);
	if (!is_constant(c, values) && formula_find(&c->out->formulas, values, &term))
		add_patch(c, ERCA_PATCH_WORK, points->step, ERCA_ALL_BUDGETS, 0, term);
}

static enum ercc_status compare_launch(struct comparison *c, struct points *points)
{
	int64_t values[MAX_POINTS_OF_FORMULA];
	uint32_t terms[MAX_BUDGETS];
	const char *name = points->launches[0]->name;
	for (int o = 0; o < points->launches[0]->operand_count; o++)
		TRY(compare_operand(c, points, o));
	take_variants(c, 0, points);
	int param_count = points->variants[0]->param_count;
	for (int i = 0; c->target->code && i < param_count; i++) {
		for (uint32_t k = 0; k < c->target->budget_count; k++) {
			take_variants(c, k, points);
			if (!find_param(c, points, i, values, &terms[k]))
				return no_formula(c, name, arena_printf(&c->ctx->arena, "parameter %d of its kernel", i), values);
		}
		add_patches(c, ERCA_PATCH_PARAM, points->step, (uint32_t)i, terms);
	}
	for (uint32_t k = 0; k < c->target->budget_count; k++) {
		take_variants(c, k, points);
		if (!find_count(c, points, values, &terms[k]))
			return no_formula(c, name, "the number of its tiles", values);
	}
	add_patches(c, ERCA_PATCH_TILES, points->step, 0, terms);
	compare_work(c, points);
	return ERCC_OK;
}

enum ercc_status resizable_make(struct context *ctx, const struct plan *plan, size_t index,
                                const struct target_plan *target, const struct steps *steps, struct resizable *out)
{
	int64_t sizes[MAX_POINTS_OF_FORMULA][MAX_RANGES] = {{0}};
	struct comparison c = {.ctx = ctx,
	                       .plan = plan,
	                       .target = target,
	                       .samples = target->samples[index],
	                       .out = out,
	                       .point_count = plan->sample_count + 1};
	struct points points = {.launches = {plan->first}};
	c.graphs[0] = plan->graph;
	for (int r = 0; r < plan->range_count; r++)
		sizes[0][r] = plan->ranges[r].most;
	for (int p = 1; p < c.point_count; p++) {
		const struct sample *sample = &plan->samples[p - 1];
		memcpy(sizes[p], sample->sizes, sizeof sizes[p]);
		c.graphs[p] = sample->plans->items[0]->graph;
		points.launches[p] = sample->plans->items[0]->first;
	}
	*out = (struct resizable){0};
	formulas_begin(&out->formulas, ctx, (const int64_t(*)[MAX_RANGES])sizes, c.point_count, plan->range_count);
	add_quotients(&c);
	TRY(compare_tensors(&c));
	TRY(compare_loops(&c, steps));
	for (int i = 0; points.launches[0];) {
		if (!launch_is_empty(target, points.launches[0])) {
			points.step = steps->launches[i++];
			TRY(compare_launch(&c, &points));
		}
		for (int p = 0; p < c.point_count; p++)
			points.launches[p] = points.launches[p]->next;
	}
	return ERCC_OK;
}
