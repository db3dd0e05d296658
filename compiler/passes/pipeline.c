/* Runs the passes in the order of passes.def. Debug builds verify the result of each; --dump-after prints it. */
#include "compiler/passes/pass.h"

static const struct {
	const char *name;
	enum ercc_status (*graph)(struct graph *graph);
	enum ercc_status (*plan)(struct plan *plan);
} passes[] = {
#define GRAPH_PASS(name) {#name, pass_##name, NULL},
#define PLAN_PASS(name) {#name, NULL, pass_##name},
#include "compiler/passes/passes.def"
#undef GRAPH_PASS
#undef PLAN_PASS
};

const char *ercc_pass_name(uint32_t index)
{
	return index < COUNT_OF(passes) ? passes[index].name : NULL;
}

static enum ercc_status check_option(struct context *ctx, const char *name, const char *option)
{
	bool known = !name || (!strcmp(name, "all") && !strcmp(option, "--dump-after"));
	struct text names = {.arena = &ctx->arena};
	for (size_t i = 0; i < COUNT_OF(passes); i++) {
		known |= name && !strcmp(name, passes[i].name);
		text_printf(&names, " %s", passes[i].name);
	}
	if (known)
		return ERCC_OK;
	fail(ctx, ERCC_USAGE, "%s: no pass '%s'", option, name);
	note(ctx, "the passes are:%s", names.data);
	return ERCC_USAGE;
}

static enum ercc_status lower(struct graph *graph, const char *entry, struct plans *all, struct plan **out)
{
	TRY(lower_graph(graph, all, out));
	(*out)->entry = entry;
	return ERCC_OK;
}

enum ercc_status run_passes(struct graph *graph, const char *entry, struct plans *all)
{
	struct context *ctx = graph->ctx;
	const struct ercc_options *options = ctx->options;
	struct plan *plan = NULL;
	TRY(check_option(ctx, options->dump_after, "--dump-after"));
	TRY(check_option(ctx, options->stop_after, "--stop-after"));
	for (size_t i = 0; i < COUNT_OF(passes); i++) {
		if (passes[i].plan && !plan)
			TRY(lower(graph, entry, all, &plan));
		TRY(check_cancel(ctx));
		TRY(passes[i].graph ? passes[i].graph(graph) : passes[i].plan(plan));
#ifdef ERC_DEBUG
		TRY(passes[i].graph ? graph_verify(graph, passes[i].name) : plan_verify(plan, passes[i].name));
#endif
		if (options->dump && options->dump_after &&
		    (!strcmp(options->dump_after, "all") || !strcmp(options->dump_after, passes[i].name))) {
			fprintf(options->dump, "# after %s%s%s\n", passes[i].name, entry ? ", " : "", entry ? entry : "");
			if (plan)
				plan_print(plan, options->dump);
			else
				graph_print(graph, options->dump);
		}
		if (options->stop_after && !strcmp(options->stop_after, passes[i].name))
			return ERCC_OK;
	}
	arena_push(&ctx->arena, all->items, all->count, all->capacity, plan);
	return ERCC_OK;
}
