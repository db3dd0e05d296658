/* CUDA targets: NVRTC makes one image per kernel, and a table before them lists the images (schemas/cuda.h). No GPU is
 * needed. */
#include "schemas/artifact.h"
#include "schemas/cuda.h"
#include "compiler/targets/nvrtc.h"

#include <stdlib.h>

static struct nvrtc_target nvrtc_target_of(const struct target *target)
{
	const char *architecture = strchr(target->name, ':') + 1;
	return (struct nvrtc_target){target->name, architecture, atoi(strchr(architecture, '_') + 1),
	                             !strncmp(architecture, "compute_", 8)};
}

void gpu_define(const struct target *target, const struct variant *variant, struct text *text)
{
	text_printf(text, "#define THREADS %u\n#define ASYNC %d\n", variant->threads, nvrtc_target_of(target).number >= 80);
}

static const struct dialect dialect = {
	".cu",
	{"tile.h", "cuda.h", "cuda_dialect.h", "kernel_math.h", "kernel_functions.h", "kernel_params.h", "cuda_lines.h"},
	{"cuda_entry.h"},
	gpu_define,
};

choose_fn cuda_column(const struct kernel_template *template)
{
	return gpu_column(template);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A thread gets registers in multiples of eight. */
uint32_t gpu_blocks_per_unit(const struct device *device, uint32_t threads, int64_t local_bytes,
                             const struct gpu_resources *has)
{
	uint32_t by_registers = device->registers / ((has->registers + 7) / 8 * 8 * threads);
	int64_t local = local_bytes + has->static_bytes + device->reserved_bytes,
			all = device->local_bytes + device->reserved_bytes;
	uint32_t blocks = smaller(smaller(by_registers, device->threads / threads), device->blocks);
	return local ? smaller(blocks, (uint32_t)(all / local)) : blocks;
}

/* Checks a variant against what its image takes of a unit. */
static enum ercc_status check_variant(struct context *ctx, const struct target *target, const struct launch *launch,
                                      const struct budget *budget, const struct gpu_image *image,
                                      struct variant *variant)
{
	const struct gpu_resources *has = &image->resources;
	if (variant->threads < 1 || variant->threads > 1024 || variant->threads % target->device->lanes ||
	    launch->operand_count > ERC_CUDA_MOST_OPERANDS || variant->param_count > ERC_CUDA_MOST_PARAMS)
		return fail(ctx, ERCC_INTERNAL, "launch '%s' of %s: %u threads, %d operands, %d params are beyond the ABI",
		            launch->name, target->name, variant->threads, launch->operand_count, variant->param_count);
	if (variant->registers && has->spill_bytes) /* a chooser that predicts registers must not offer such a tile */
		return fail(ctx, ERCC_INTERNAL, "launch '%s' of %s: its tile %s spills %u bytes", launch->name, target->name,
		            variant->shape_text, has->spill_bytes);
	if (variant->local_bytes + has->static_bytes > budget_most_local(budget, target->device))
		return fail(ctx, ERCC_BUDGET, "launch '%s' needs %lld bytes of local memory, the budget '%s' has %lld on %s",
		            launch->name, (long long)variant->local_bytes + has->static_bytes, budget->name,
		            (long long)budget->local_bytes, target->name);
	if (!has->registers) /* not known: the driver assembles PTX */
		return ERCC_OK;
	variant->registers = has->registers;
	variant->blocks_per_unit = gpu_blocks_per_unit(target->device, variant->threads, variant->local_bytes, has);
	if (!variant->blocks_per_unit)
		return fail(ctx, ERCC_BUDGET, "launch '%s' of %s: %u threads of %u registers; a unit has %u", launch->name,
		            target->name, variant->threads, has->registers, target->device->registers);
	return ERCC_OK;
}

static enum ercc_status check_variants(struct context *ctx, const struct target *target, const struct plans *plans,
                                       const struct gpu_image *images, struct target_plan *out)
{
	for (size_t n = 0; n < plans->launch_count; n++)
		for (uint32_t k = 0; k < out->budget_count; k++) {
			const struct launch *launch = plans->launches[n];
			struct variant *variant = launch_variants(out, launch) + k;
			if (variant->tile_count)
				TRY(check_variant(ctx, target, launch, &out->budgets[k], &images[variant->kernel], variant));
		}
	return ERCC_OK;
}

#define IMAGE_ALIGN 64

/* Writes the table, then the images. */
static void write_code(struct context *ctx, const struct gpu_image *images, struct target_plan *out)
{
	static const char zeros[IMAGE_ALIGN];
	struct text code = {.arena = &ctx->arena};
	size_t table_bytes =
		sizeof(struct erc_cuda_image) + out->kernel_count * sizeof((struct erc_cuda_image){0}.images[0]);
	struct erc_cuda_image *table = arena_alloc(&ctx->arena, table_bytes);
	*table = (struct erc_cuda_image){.abi = ERC_CUDA_ABI, .kernel_count = out->kernel_count};
	uint64_t offset = table_bytes;
	for (uint32_t i = 0; i < out->kernel_count; i++) {
		offset = (offset + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
		table->images[i].offset = offset;
		table->images[i].bytes = (uint64_t)images[i].bytes;
		offset += (uint64_t)images[i].bytes;
	}
	text_append(&code, (const char *)table, table_bytes);
	for (uint32_t i = 0; i < out->kernel_count; i++) {
		text_append(&code, zeros, (size_t)(table->images[i].offset - code.length));
		text_append(&code, images[i].data, (size_t)images[i].bytes);
	}
	out->code = code.data;
	out->code_bytes = (int64_t)code.length;
}

/* Flights of launches are submitted ahead, so the device cannot read a condition between two launches. */
static enum ercc_status check_course(struct context *ctx, const struct target *target, const struct plans *plans)
{
	for (size_t i = 0; i < plans->count; i++)
		for (const struct launch *launch = plans->items[i]->first; launch; launch = launch->next)
			if (launch->region)
				return fail(ctx, ERCC_UNSUPPORTED,
				            "node '%s': the course of this %s is known at run time only, which target %s does not "
				            "support",
				            launch->region->name, launch->region->kind == REGION_LOOP ? "loop" : "branch",
				            target->name);
	return ERCC_OK;
}

enum ercc_status cuda_build(struct context *ctx, const struct target *target, const struct plans *plans,
                            struct target_plan *out)
{
	const struct nvrtc_target nvrtc_target = nvrtc_target_of(target);
	int version;
	out->kind = ERCA_TARGET_CUDA;
	out->unverified = nvrtc_target.is_ptx;
	TRY(check_course(ctx, target, plans));
	TRY(target_add_kernels(ctx, target, &dialect, plans, out));
	struct gpu_image *images = arena_array(&ctx->arena, out->kernel_count, sizeof *images);
	TRY(nvrtc_build(ctx, &nvrtc_target, out->kernels, out->kernel_count, images, &version, &out->toolchain));
	/* A cubin runs on any driver of the same CUDA major version. PTX needs a driver that supports its version. */
	out->min_driver = (uint32_t)(nvrtc_target.is_ptx ? version : version / 1000 * 1000);
	for (uint32_t i = 0; i < out->kernel_count; i++) {
		out->kernels[i].static_bytes = (uint16_t)images[i].resources.static_bytes;
		out->kernels[i].spill_bytes = (uint16_t)smaller(images[i].resources.spill_bytes, UINT16_MAX);
	}
	TRY(check_variants(ctx, target, plans, images, out));
	write_code(ctx, images, out);
	return ERCC_OK;
}
