/* The table of targets, and kernel templates by name. */
#include "compiler/targets/target.h"

#include <errno.h>
#include <stdlib.h>

#include "schemas/sha256.h"
#include "compiler/targets/template.h"

const struct target targets[] = {
#define TARGET(name, stem, device, level) {name, stem##_column, stem##_build, &device_##device, level},
#include "compiler/targets/targets.def"
#undef TARGET
	{NULL, NULL, NULL, NULL, 0},
};

const char *ercc_target_name(uint32_t index)
{
	return index < COUNT_OF(targets) ? targets[index].name : NULL;
}

static const struct {
	const char *name, *target;
} aliases[] = {{"a100", "cuda:sm_80"}, {"h100", "cuda:sm_90"}, {"h200", "cuda:sm_90"}};

/* Resolves an alias. "native" is the best CPU target that the compiling machine can run. */
static const char *resolve_alias(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(aliases); i++)
		if (!strcmp(aliases[i].name, name))
			return aliases[i].target;
	if (strcmp(name, "native"))
		return name;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return "cpu:x86-64-v4";
#endif
	return "cpu:x86-64-v3";
}

enum ercc_status target_find(struct context *ctx, const char *name, const struct target **out)
{
	struct text names = {.arena = &ctx->arena};
	const char *wanted = resolve_alias(name);
	for (const struct target *target = targets; target->name; target++) {
		if (!strcmp(target->name, wanted)) {
			*out = target;
			return ERCC_OK;
		}
		text_printf(&names, " %s", target->name);
	}
	fail(ctx, ERCC_USAGE, "no target '%s'", name);
	for (size_t i = 0; i < COUNT_OF(aliases); i++)
		text_printf(&names, " %s", aliases[i].name);
	note(ctx, "the targets are:%s native", names.data);
	return ERCC_USAGE;
}

uint32_t target_add_kernel(struct context *ctx, struct target_plan *plan, const struct kernel *kernel, const char *stem)
{
	char hex[65];
	for (uint32_t i = 0; i < plan->kernel_count; i++)
		if (!memcmp(plan->kernels[i].digest, kernel->digest, sizeof kernel->digest))
			return i;
	size_t count = plan->kernel_count;
	arena_push(&ctx->arena, plan->kernels, count, plan->kernel_capacity, *kernel);
	erc_sha256_hex(kernel->digest, hex);
	plan->kernels[plan->kernel_count].name = arena_printf(&ctx->arena, "%s_%.12s", stem, hex);
	plan->kernel_count = (uint32_t)count;
	return plan->kernel_count - 1;
}

static enum ercc_status read_template(struct context *ctx, const char *name, const char **text)
{
	const char *path = arena_printf(&ctx->arena, "%s/%s", ctx->options->kernel_dir, name);
	struct text content = {.arena = &ctx->arena};
	char block[4096];
	size_t bytes;
	const char *why;
	FILE *file = open_regular(path, &why);
	if (!file)
		return fail(ctx, ERCC_IO, "cannot read '%s': %s", path, why);
	while ((bytes = fread(block, 1, sizeof block, file)) > 0)
		text_append(&content, block, bytes);
	fclose(file);
	*text = content.data ? content.data : "";
	return ERCC_OK;
}

static const struct template_file *find_template(const char *name)
{
	const struct template_file *file = template_files;
	while (file->name && strcmp(file->name, name))
		file++;
	return file->name ? file : NULL;
}

bool template_exists(const char *name)
{
	return find_template(name) != NULL;
}

enum ercc_status template_text(struct context *ctx, const char *name, const char **text)
{
	const struct template_file *file = find_template(name);
	if (!file)
		return fail(ctx, ERCC_INTERNAL, "no kernel template '%s'", name);
	*text = file->text;
	if (ctx->options->kernel_dir && (strstr(name, ".cpu.c") || strstr(name, ".row.c") || strstr(name, ".cu")))
		return read_template(ctx, name, text);
	return ERCC_OK;
}
