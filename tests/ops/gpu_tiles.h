/* The tile shapes that the choosers of GPU kernels offer, and artifacts that have a budget for each shape. */
#ifndef ERC_GPU_TILES_H
#define ERC_GPU_TILES_H

#include "tests/ops/compute.h"

#include "compiler/artifact/writer.h"
#include "compiler/passes/pass.h"

#define SHAPES_MAX 192

struct shapes {
	int64_t items[SHAPES_MAX][TILE_SHAPE];
	int count;
};

/* ---- which shapes a chooser offers ---- */

/* Forces a shape: if the device's `doubt` is infinite, the shape of the larger budget is always kept when it is
 * offered. */
static bool force_shape(const struct target *target, const struct launch *launch, const int64_t *shape,
                        struct variant *variant)
{
	struct device device = *target->device;
	struct variant *larger = arena_new(&test.ctx.arena, struct variant);
	device.doubt = 1e30;
	memcpy(larger->shape, shape, sizeof larger->shape);
	*variant = (struct variant){.larger = larger};
	ck_assert_msg(target->column(launch->template)(&test.ctx, &device, launch, variant) == ERCC_OK, "%s", test.errors);
	variant->larger = NULL;
	return !memcmp(variant->shape, shape, sizeof larger->shape);
}

static void try_shape(const struct target *target, const struct launch *launch, const int64_t *shape,
                      struct shapes *shapes)
{
	struct variant variant;
	if (!force_shape(target, launch, shape, &variant))
		return;
	ck_assert_int_lt(shapes->count, SHAPES_MAX);
	memcpy(shapes->items[shapes->count++], shape, sizeof shapes->items[0]);
}

/* Tries all shapes of powers of two up to these limits, and any number of stages. */
static void find_shapes(const struct target *target, const struct launch *launch, struct shapes *shapes)
{
	bool conv = !strcmp(launch->template->stem, "conv"), attention = !strcmp(launch->template->stem, "attention");
	int limits[] = {conv        ? 128
	                : attention ? 8
	                            : 2048,
	                conv        ? 256
	                : attention ? 16
	                            : 256,
	                conv        ? 8
	                : attention ? 4
	                            : 0,
	                conv        ? 8
	                : attention ? 64
	                            : 0,
	                conv ? 8 : 0};
	shapes->count = 0;
	for (int a = attention ? 4 : 1; a <= limits[0]; a *= 2)
		for (int b = attention ? 1 : 16; b <= limits[1]; b *= 2)
			for (int c = attention ? 2 : limits[2] > 0; c <= limits[2]; c += conv ? c : 1)
				for (int d = conv ? 4 : attention ? 32 : 0; d <= limits[3]; d += d ? d : 1)
					for (int e = conv ? 2 : 0; e <= limits[4]; e++)
						try_shape(target, launch, (const int64_t[TILE_SHAPE]){a, b, c, d, e}, shapes);
}

/* ---- artifacts whose budgets stand for shapes ---- */

struct job {
	struct artifact artifact;
	struct plans *plans; /* of the artifact */
	struct target_plan plan;
	const struct target *target;
	const struct launch *launch; /* whose shapes are tested */
};

static void read_plan(const char *stem, const char *target, struct job *job)
{
	struct graph *graph;
	memset(job, 0, sizeof *job);
	assert_ok(onnx_read_model(&test.ctx, model_path, &graph));
	job->artifact.plans = job->plans = plans_new(&test.ctx);
	assert_ok(run_passes(graph, NULL, job->plans));
	assert_ok(target_find(&test.ctx, target, &job->target));
	plans_measure(job->plans);
	for (const struct launch *launch = job->plans->items[0]->first; launch; launch = launch->next)
		job->launch = !strcmp(launch->template->stem, stem) ? launch : job->launch;
	ck_assert_msg(job->launch, "no launch of kernel %s", stem);
}

/* Makes variants of all launches for budgets "s0", "s1", ...; those of the job's launch have these shapes. */
static enum ercc_status build_shapes(struct job *job, const struct shapes *shapes, int first, int count)
{
	struct target_plan *out = &job->plan;
	*out = (struct target_plan){.name = job->target->name,
	                            .level = job->target->level,
	                            .device = job->target->device,
	                            .budget_count = (uint32_t)count};
	for (int k = 0; k < count; k++)
		out->budgets[k] = (struct budget){.name = arena_printf(&test.ctx.arena, "s%d", k),
		                                  .share_permille = 1000,
		                                  .local_bytes = job->target->device->local_bytes};
	assert_ok(variants_choose(&test.ctx, job->target->device, job->plans, job->target->column, out));
	for (int k = 0; k < count; k++)
		ck_assert(
			force_shape(job->target, job->launch, shapes->items[first + k], launch_variants(out, job->launch) + k));
	assert_ok(variants_verify(&test.ctx, job->plans, out));
	job->artifact.targets = out;
	job->artifact.target_count = 1;
	job->artifact.model_file = "tiles.onnx";
	return job->target->build(&test.ctx, job->target, job->plans, out);
}

#endif
