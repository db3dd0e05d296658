/* Kernel sources: defines, the shared headers, the names of parameters, then the template. A source is one text that
 * needs no other file. Its digest identifies the kernel. */
#include "compiler/targets/target.h"

#include "schemas/sha256.h"

/* Finds the file STEM with the dialect's extension, or STEM.row.c, which is for all dialects. */
static enum ercc_status body_text(struct context *ctx, const struct dialect *dialect, const char *stem,
                                  const char **name, const char **text)
{
	*name = arena_printf(&ctx->arena, "%s%s", stem, dialect->extension);
	if (!template_exists(*name))
		*name = arena_printf(&ctx->arena, "%s.row.c", stem);
	return template_text(ctx, *name, text);
}

choose_fn gpu_column(const struct kernel_template *template)
{
	char cu[64], row[64];
	snprintf(cu, sizeof cu, "%s.cu", template->stem);
	snprintf(row, sizeof row, "%s.row.c", template->stem);
	return template_exists(cu) || template_exists(row) ? template->gpu : NULL;
}

static enum ercc_status append_files(struct context *ctx, const char *const *files, struct text *text)
{
	for (; *files; files++) {
		const char *content;
		TRY(template_text(ctx, *files, &content));
		text_printf(text, "#line 1 \"%s\"\n%s", *files, content);
	}
	return ERCC_OK;
}

/* Appends the names of the template's parameters. */
static enum ercc_status append_params(struct context *ctx, const char *stem, struct text *text)
{
	const char *name = arena_printf(&ctx->arena, "%s.params.def", stem), *list;
	TRY(template_text(ctx, name, &list));
	text_printf(text, "enum {\n#line 1 \"%s\"\n%s};\n", name, list);
	return ERCC_OK;
}

/* Appends what distinguishes a kernel from others of its template: its defines and its expression. */
static void append_head(const struct target *target, const struct dialect *dialect, const struct launch *launch,
                        const struct variant *variant, struct text *text)
{
	bool vector = false;
	for (int i = 0; i < variant->define_count; i++) {
		text_printf(text, "#define %s %s\n", variant->defines[i].name, variant->defines[i].value);
		vector |= !strcmp(variant->defines[i].name, "VECTOR");
	}
	dialect->define(target, variant, text);
	if (!vector)
		text_printf(text, "#define VECTOR 0\n");
	if (launch->expr.count) {
		const struct expr *expr = &launch->expr;
		text_printf(text, "#define EXPR ");
		expr_print_c(expr, text);
		text_printf(text, "\n#define RESULT v%d\n", expr->count - 1);
	}
}

static enum ercc_status kernel_source(struct context *ctx, const struct dialect *dialect, const char *stem,
                                      const char *head, const char **out)
{
	struct text text = {.arena = &ctx->arena};
	const char *name, *body;
	text_printf(&text, "%s", head);
	TRY(append_files(ctx, dialect->before, &text));
	TRY(append_params(ctx, stem, &text));
	TRY(body_text(ctx, dialect, stem, &name, &body));
	text_printf(&text, "#line 1 \"%s\"\n%s", name, body);
	TRY(append_files(ctx, dialect->behind, &text));
	*out = text.data;
	return ERCC_OK;
}

enum ercc_status target_add_kernels(struct context *ctx, const struct target *target, const struct dialect *dialect,
                                    const struct plans *plans, struct target_plan *out)
{
	struct map known = {.arena = &ctx->arena, .kind = MAP_TEXT}; /* template, append_head's text -> kernel + 1 */
	struct text key = {.arena = &ctx->arena};
	for (size_t n = 0; n < plans->launch_count; n++)
		for (uint32_t k = 0; k < out->budget_count; k++) {
			const struct launch *launch = plans->launches[n];
			struct variant *variant = launch_variants(out, launch) + k;
			const char *stem = launch->template->stem;
			struct kernel kernel = {0};
			if (!variant->tile_count)
				continue;
			key.length = 0;
			text_printf(&key, "%s\n", stem);
			size_t head = key.length;
			append_head(target, dialect, launch, variant, &key);
			uintptr_t found = (uintptr_t)map_get(&known, key.data);
			if (!found) {
				TRY(kernel_source(ctx, dialect, stem, key.data + head, &kernel.source));
				erc_sha256_of(kernel.source, strlen(kernel.source), kernel.digest);
				found = target_add_kernel(ctx, out, &kernel, stem) + 1;
				map_set(&known, arena_copy_text(&ctx->arena, key.data), (void *)found);
			}
			variant->kernel = (uint32_t)found - 1;
		}
	return ERCC_OK;
}
