/* The compiler's public calls: read the model, run the passes, build for each target, write the artifact. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "compiler/entries.h"
#include "compiler/model_info.h"
#include "onnx/onnx.h"
#include "compiler/passes/pass.h"
#include "schemas/sha256.h"
#include "compiler/artifact/writer.h"

const char *ercc_version(void)
{
	return ERC_VERSION_TEXT;
}

/* A call in progress. When memory runs out anywhere in it, control jumps back to `out_of_memory`. */
struct task {
	struct context ctx;
	struct ercc_options options;
	jmp_buf out_of_memory;
};

/* What a model may take in memory while it is compiled: so much, and more by its files and nodes (onnx/reader.h). Without
 * a limit a file of some hundred bytes could ask for an artifact of any size. */
#define BASE_BYTES ((size_t)3 << 29)

static enum ercc_status memory_is_out(struct context *ctx)
{
	size_t limit = ctx->arena.limit_bytes;
	const char *node = ctx->node ? ctx->node : "";
	char where[256];
	snprintf(where, sizeof where, "node '%.100s' (%.50s)", node, ctx->op_type ? ctx->op_type : "");
	if (!ctx->arena.is_over_limit)
		return fail(ctx, ERCC_NOMEM, "out of memory");
	fail(ctx, ERCC_UNSUPPORTED, "%s: compiling it needs more than %zu MiB, the limit for a model of this size",
	     *node ? where : "model", limit >> 20);
	note(ctx, "--max-nodes lifts this limit, too");
	return ERCC_UNSUPPORTED;
}

static enum ercc_status guarded(const struct ercc_options *options,
                                enum ercc_status (*run)(struct context *ctx, void *user), void *user)
{
	struct task task = {.options = {.size = sizeof task.options}};
	enum ercc_status status;
	if (options)
		memcpy(&task.options, options, options->size < sizeof task.options ? options->size : sizeof task.options);
	task.ctx.options = &task.options;
	task.ctx.arena.out_of_memory = &task.out_of_memory;
	bool is_lifted = task.options.max_nodes || task.options.max_iterations;
	task.ctx.arena.limit_bytes = is_lifted ? 0 : BASE_BYTES;
	if (setjmp(task.out_of_memory)) {
		status = memory_is_out(&task.ctx);
	} else {
		status = run(&task.ctx, user);
	}
	arena_release(&task.ctx.arena);
	return status;
}

static enum ercc_status hash_file(struct context *ctx, const char *path, char *hex)
{
	struct erc_sha256 hash;
	uint8_t digest[32];
	size_t bytes, size = 1 << 16;
	char *block = arena_alloc(&ctx->arena, size);
	const char *why;
	FILE *file = open_regular(path, &why);
	if (!file)
		return fail(ctx, ERCC_IO, "cannot read '%s': %s", path, why);
	erc_sha256_init(&hash);
	while ((bytes = fread(block, 1, size, file)) > 0)
		erc_sha256_update(&hash, block, bytes);
	fclose(file);
	erc_sha256_final(&hash, digest);
	erc_sha256_hex(digest, hex);
	return ERCC_OK;
}

struct compile {
	const char *model_path, *out_path;
};

/* Makes the plan's variants for each requested target, and with `build` the code images too. */
static enum ercc_status make_targets(struct context *ctx, const struct budget_list *budgets, const struct plans *plans,
                                     bool build, struct target_plan *out, uint32_t *count)
{
	static const char *const defaults[] = {"cpu:x86-64-v3", "cpu:x86-64-v4"};
	const struct ercc_options *options = ctx->options;
	const char *const *names = options->target_count ? options->targets : defaults;
	uint32_t n = options->target_count ? options->target_count : COUNT_OF(defaults);
	*count = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct target *target;
		bool twice = false;
		TRY(target_find(ctx, names[i], &target));
		for (uint32_t k = 0; k < *count; k++)
			twice |= !strcmp(out[k].name, target->name);
		if (twice)
			continue;
		struct target_plan *built = &out[(*count)++];
		built->name = target->name;
		built->level = target->level;
		built->device = target->device;
		built->budget_count = budgets->count;
		TRY(budgets_resolve(ctx, budgets, target->device, target->name, built->budgets));
		TRY(variants_choose(ctx, target->device, plans, target->column, built));
		TRY(variants_sample(ctx, target->device, plans, target->column, built));
		TRY(check_cancel(ctx));
		if (build)
			TRY(target->build(ctx, target, plans, built));
	}
	return ERCC_OK;
}

/* Compares inodes, so that the model is not overwritten under another spelling of its path. */
static enum ercc_status check_paths(struct context *ctx, const struct compile *paths)
{
	struct stat model, out;
	if (ctx->options->stop_after || stat(paths->out_path, &out))
		return ERCC_OK;
	if (!S_ISREG(out.st_mode) && !S_ISDIR(out.st_mode)) /* a device or a pipe: the artifact would replace it */
		return fail(ctx, ERCC_USAGE, "output '%s' exists and is not a regular file", paths->out_path);
	if (!stat(paths->model_path, &model) && model.st_dev == out.st_dev && model.st_ino == out.st_ino)
		return fail(ctx, ERCC_USAGE, "output '%s' is the model itself", paths->out_path);
	return ERCC_OK;
}

static enum ercc_status check_class(struct context *ctx)
{
	const struct ercc_options *options = ctx->options;
	if (options->class_ < ERCC_NO_CLASS || options->class_ > ERCC_REAL_TIME)
		return fail(ctx, ERCC_USAGE, "class is %d, expected 0 to %d", (int)options->class_, ERCC_REAL_TIME);
	if (options->class_ != ERCC_REAL_TIME && (options->level || options->deadline_us))
		return fail(ctx, ERCC_USAGE, "a level or a deadline without the real-time class");
	return ERCC_OK;
}

static void warn_of_versions(const struct graph *graph)
{
	struct context *ctx = graph->ctx;
	if (graph->newer_ir_version)
		warn(ctx, "model: IR version %lld is newer than the newest known one; it is taken as %lld",
		     (long long)graph->newer_ir_version, (long long)graph->ir_version);
	if (graph->newer_opset)
		warn(ctx, "model: opset %lld is newer than the newest known one; it is taken as %lld",
		     (long long)graph->newer_opset, (long long)graph->opset);
	if (graph->newer_function_opset)
		warn(ctx, "model: opset %lld of a function is newer than the newest known one; it is taken as %d",
		     (long long)graph->newer_function_opset, ONNX_NEWEST_OPSET);
}

/* The plans of a model for one set of dims after the other. */
struct making {
	struct context *ctx;
	struct onnx_model *model;
	const struct entry_dims *entry;
};

/* is_quiet: messages are lost. */
static enum ercc_status make_plan(const struct making *making, const char *const *dims, FILE *dump, bool is_quiet,
                                  struct plans *plans)
{
	struct context *ctx = making->ctx;
	const struct ercc_options *given = ctx->options;
	struct ercc_options *of_entry = arena_new(&ctx->arena, struct ercc_options);
	struct graph *graph;
	*of_entry = *given;
	of_entry->dims = dims;
	of_entry->dim_count = making->entry->dim_count;
	of_entry->dump = dump;
	of_entry->message = is_quiet ? NULL : given->message;
	ctx->options = of_entry;
	enum ercc_status status = onnx_build_graph(making->model, &graph);
	if (status == ERCC_OK) {
		warn_of_versions(graph);
		status = run_passes(graph, making->entry->name, plans);
	}
	ctx->options = given;
	return status;
}

static enum ercc_status make_sample(void *user, const char *const *dims, bool is_quiet, struct plans *plans)
{
	return make_plan(user, dims, NULL, is_quiet, plans);
}

static enum ercc_status make_entry(struct making *making, struct plans *plans)
{
	struct context *ctx = making->ctx;
	size_t before = plans->count;
	ctx->has_ranges = making->entry->range_count > 0;
	enum ercc_status status = make_plan(making, making->entry->dims, ctx->options->dump, false, plans);
	if (status == ERCC_OK && plans->count > before)
		status = ranges_sample(ctx, making->entry, plans->items[before], make_sample, making);
	if (status && making->entry->name)
		note(ctx, "this is so for %s", making->entry->name);
	return status;
}

/* Runs the passes for each entry. */
static enum ercc_status make_plans(struct context *ctx, const char *model_path, struct plans *plans)
{
	struct making making = {.ctx = ctx};
	struct entry_dims *entries;
	struct graph *graph;
	uint32_t count;
	TRY(onnx_open_model(ctx, model_path, &making.model));
	TRY(onnx_build_graph(making.model, &graph));
	TRY(entries_list(ctx, graph, &entries, &count));
	ctx->said.arena = count > 1 || entries[0].range_count ? &ctx->arena : NULL;
	for (uint32_t i = 0; i < count; i++) {
		making.entry = &entries[i];
		TRY(make_entry(&making, plans));
	}
	return ERCC_OK;
}

/* Makes everything from the model up to the variants. */
static enum ercc_status make_artifact(struct context *ctx, const char *model_path, bool build, struct artifact *out)
{
	struct budget_list budgets;
	struct plans *plans = plans_new(ctx);
	*out = (struct artifact){.plans = plans};
	TRY(check_class(ctx));
	TRY(budgets_parse(ctx, ctx->options->budgets, ctx->options->budget_count, &budgets));
	for (uint32_t i = 0; i < ctx->options->target_count; i++) {
		const struct target *target;
		TRY(target_find(ctx, ctx->options->targets[i], &target));
	}
	TRY(make_plans(ctx, model_path, plans));
	if (!plans->count)
		return ERCC_OK;
	struct target_plan *planned = arena_array(&ctx->arena, ctx->options->target_count + 2, sizeof *planned);
	plans_measure(plans);
	out->targets = planned;
	return make_targets(ctx, &budgets, plans, build, planned, &out->target_count);
}

static enum ercc_status compile(struct context *ctx, void *user)
{
	const struct compile *paths = user;
	struct artifact artifact;
	TRY(check_paths(ctx, paths));
	TRY(make_artifact(ctx, paths->model_path, true, &artifact));
	TRY(check_cancel(ctx));
	if (!artifact.plans->count)
		return ERCC_OK;
	const char *slash = strrchr(paths->model_path, '/');
	artifact.model_file = slash ? slash + 1 : paths->model_path;
	TRY(hash_file(ctx, paths->model_path, artifact.model_sha256));
	return artifact_write(ctx, &artifact, paths->out_path);
}

enum ercc_status ercc_compile(const char *model_path, const char *out_path, const struct ercc_options *options)
{
	return guarded(options, compile, &(struct compile){model_path, out_path});
}

struct print {
	const char *model_path;
	FILE *out;
};

static enum ercc_status print_model(struct context *ctx, void *user)
{
	const struct print *print = user;
	struct graph *graph;
	TRY(onnx_read_model(ctx, print->model_path, &graph));
	graph_print(graph, print->out);
	return ERCC_OK;
}

enum ercc_status ercc_print_model(const char *model_path, FILE *out, const struct ercc_options *options)
{
	return guarded(options, print_model, &(struct print){model_path, out});
}

struct info {
	const char *model_path;
	struct ercc_model_info **out;
};

static enum ercc_status describe_model(struct context *ctx, void *user)
{
	const struct info *info = user;
	struct graph *graph;
	TRY(onnx_read_model(ctx, info->model_path, &graph));
	return model_info(graph, info->out);
}

enum ercc_status ercc_model_info(const char *model_path, const struct ercc_options *options,
                                 struct ercc_model_info **out)
{
	return guarded(options, describe_model, &(struct info){model_path, out});
}

struct check {
	const char *model_path;
	struct ercc_check *out;
};

/* What one entry would need on the first target. */
static struct ercc_check figures_of(const struct plan *plan, const struct target_plan *target)
{
	struct ercc_check figures = {.arena_bytes = artifact_arena_bytes(plan, target)};
	for (const struct launch *launch = plan->first; launch; launch = launch->next) {
		if (launch_is_empty(target, launch))
			continue;
		figures.launch_count++;
		figures.flops += launch->flops;
	}
	return figures;
}

static enum ercc_status check(struct context *ctx, void *user)
{
	const struct check *check = user;
	struct artifact artifact;
	TRY(make_artifact(ctx, check->model_path, false, &artifact));
	for (size_t i = 0; i < artifact.plans->count; i++) {
		struct ercc_check figures = figures_of(artifact.plans->items[i], &artifact.targets[0]), *out = check->out;
		out->launch_count = figures.launch_count > out->launch_count ? figures.launch_count : out->launch_count;
		out->arena_bytes = figures.arena_bytes > out->arena_bytes ? figures.arena_bytes : out->arena_bytes;
		out->flops = figures.flops > out->flops ? figures.flops : out->flops;
	}
	check->out->weights_bytes = (uint64_t)artifact.plans->weights_bytes;
	return ERCC_OK;
}

enum ercc_status ercc_check(const char *model_path, const struct ercc_options *options, struct ercc_check *out)
{
	*out = (struct ercc_check){0};
	return guarded(options, check, &(struct check){model_path, out});
}
