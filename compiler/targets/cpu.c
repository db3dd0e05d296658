/* CPU targets: C kernels, one shared object per instruction set. */
#include "target.h"

#include "../../schemas/artifact.h"
#include "sha256.h"

/* Nominal figures of a server core; predictions scale with one measured factor per machine. */
const struct cpu_level cpu_v3 = {"x86-64-v3", 8, 16, 100, 12, 512 << 10, 0};
const struct cpu_level cpu_v4 = {"x86-64-v4", 16, 32, 110, 12, 512 << 10, 0};

static const struct budget full_budget = {"full", 0, 1000, 512 << 10};

static const char *const flags_common[] = {
	"-std=gnu11", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-ffreestanding", "-fPIC",
	"-fvisibility=hidden", "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-w",
};

/* defines, the shared headers, then the template: one self-contained source. */
static enum ercc_status kernel_source(struct context *ctx, const struct cpu_level *cpu, const struct launch *launch,
                                      const struct variant *variant, const char **out)
{
	struct text text = {.arena = &ctx->arena};
	const char *tile, *math, *functions, *body, *file = arena_printf(&ctx->arena, "%s.cpu.c", launch->template->stem);
	TRY(template_text(ctx, "tile.h", &tile));
	TRY(template_text(ctx, "cpu_math.h", &math));
	TRY(template_text(ctx, "cpu_functions.h", &functions));
	TRY(template_text(ctx, file, &body));
	bool vector = false;
	for (int i = 0; i < variant->define_count; i++) {
		text_printf(&text, "#define %s %s\n", variant->defines[i].name, variant->defines[i].value);
		vector |= !strcmp(variant->defines[i].name, "VECTOR");
	}
	text_printf(&text, "#define LANES %d\n", cpu->lanes);
	if (!vector)
		text_printf(&text, "#define VECTOR 0\n");
	if (launch->expr.count) {
		const struct expr *expr = &launch->expr;
		text_printf(&text, "#define EXPR ");
		expr_print_c(expr, &text);
		text_printf(&text, "\n#define RESULT v%d\n", expr->count - 1);
	}
	text_printf(&text, "#line 1 \"tile.h\"\n%s#line 1 \"cpu_math.h\"\n%s#line 1 \"cpu_functions.h\"\n%s#line 1 \"%s\"\n%s", tile,
	            math, functions, file, body);
	*out = text.data;
	return ERCC_OK;
}

/* The number of the kernel with that source in the target's list, added where it is new. */
static uint32_t add_kernel(struct context *ctx, struct target_plan *plan, size_t *capacity, const char *stem, const char *source)
{
	uint8_t digest[32];
	char hex[65];
	erc_sha256_of(source, strlen(source), digest);
	for (uint32_t i = 0; i < plan->kernel_count; i++)
		if (!memcmp(plan->kernels[i].digest, digest, sizeof digest))
			return i;
	struct kernel kernel = {.source = source};
	memcpy(kernel.digest, digest, sizeof digest);
	erc_sha256_hex(digest, hex);
	hex[12] = 0;
	kernel.name = arena_printf(&ctx->arena, "%s_%s", stem, hex);
	size_t count = plan->kernel_count;
	arena_push(&ctx->arena, plan->kernels, count, *capacity, kernel);
	plan->kernel_count = (uint32_t)count;
	return plan->kernel_count - 1;
}

enum ercc_status cpu_build(struct context *ctx, const struct target *target, struct plan *plan, struct target_plan *out)
{
	const struct cpu_level *cpu = target->level;
	size_t capacity = 0;
	uint32_t n = 0;
	out->kind = ERCA_TARGET_CPU;
	out->level = cpu->lanes == 16 ? 4 : 3;
	out->budgets = &full_budget;
	out->budget_count = 1;
	out->variants = arena_array(&ctx->arena, (size_t)plan->launch_count * out->budget_count, sizeof *out->variants);
	for (struct launch *launch = plan->first; launch; launch = launch->next) {
		struct variant *variant = &out->variants[n++];
		const char *source;
		if (launch->operands[launch->operand_count - 1].buffer->bytes == 0)
			continue; /* an empty output: no tiles */
		TRY(launch->template->cpu(ctx, cpu, launch, variant));
		TRY(kernel_source(ctx, cpu, launch, variant, &source));
		if (variant->local_bytes > full_budget.local_bytes)
			return fail(ctx, ERCC_BUDGET, "launch '%s' needs %lld bytes of local memory, the budget '%s' has %lld", launch->name,
			            (long long)variant->local_bytes, full_budget.name, (long long)full_budget.local_bytes);
		variant->kernel = add_kernel(ctx, out, &capacity, launch->template->stem, source);
	}
	const char *flags[24];
	int count = 0;
	for (size_t i = 0; i < COUNT_OF(flags_common); i++)
		flags[count++] = flags_common[i];
	flags[count++] = arena_printf(&ctx->arena, "-march=%s", cpu->name);
	flags[count++] = cpu->lanes == 16 ? "-mprefer-vector-width=512" : "-mprefer-vector-width=256";
	return cc_build_image(ctx, flags, count, out->kernels, out->kernel_count, &out->code, &out->code_bytes, &out->toolchain);
}
