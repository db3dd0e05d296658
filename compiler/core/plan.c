/* The plan: building, editing, printing, checking. */
#include "compiler/core/plan.h"

#include <assert.h>

struct plans *plans_new(struct context *ctx)
{
	struct plans *plans = arena_new(&ctx->arena, struct plans);
	plans->by_hash = (struct map){.arena = &ctx->arena, .kind = MAP_POINTER};
	plans->by_source = (struct map){.arena = &ctx->arena, .kind = MAP_TEXT};
	return plans;
}

struct plan *plan_new(struct graph *graph)
{
	struct plan *plan = arena_new(&graph->ctx->arena, struct plan);
	plan->ctx = graph->ctx;
	plan->graph = graph;
	return plan;
}

struct buffer *plan_buffer(struct plan *plan, enum buffer_kind kind, int64_t bytes, const char *name)
{
	struct buffer *buffer = arena_new(&plan->ctx->arena, struct buffer);
	buffer->kind = kind;
	buffer->index = (int)plan->buffer_count;
	buffer->bytes = bytes;
	buffer->name = name;
	buffer->first_use = buffer->last_use = -1;
	arena_push(&plan->ctx->arena, plan->buffers, plan->buffer_count, plan->buffer_capacity, buffer);
	return buffer;
}

struct buffer *plan_weights(struct plan *plan, const void *data, int64_t bytes, const char *name)
{
	struct buffer *buffer = plan_buffer(plan, BUFFER_WEIGHTS, bytes, name);
	buffer->data = data;
	return buffer;
}

struct buffer *plan_find_packed(struct plan *plan, const char *source, int64_t bytes, const char *name)
{
	const struct plans *bounds = source ? plan->all->stored : NULL;
	const struct buffer *known = bounds ? map_get(&bounds->by_source, source) : NULL;
	if (!known || known->bytes != bytes)
		return NULL;
	struct buffer *buffer = plan_weights(plan, NULL, bytes, name);
	buffer->stored_as = known;
	return buffer;
}

struct buffer *plan_packed(struct plan *plan, const char *source, const void *data, int64_t bytes, const char *name)
{
	struct buffer *buffer = plan_weights(plan, data, bytes, name);
	if (source && !plan->all->stored)
		map_set(&plan->all->by_source, source, buffer);
	return buffer;
}

struct buffer *buffer_root(struct buffer *buffer, int64_t *offset)
{
	*offset = 0;
	for (; buffer->parent; buffer = buffer->parent)
		*offset += buffer->parent_offset;
	return buffer;
}

struct launch *plan_add_launch(struct plan *plan, struct launch *before, const struct kernel_template *template,
                               const char *name)
{
	struct launch *launch = arena_new(&plan->ctx->arena, struct launch);
	launch->template = template;
	launch->name = name;
	launch->region = plan->region;
	launch->next = before;
	launch->previous = before ? before->previous : plan->last;
	*(launch->previous ? &launch->previous->next : &plan->first) = launch;
	*(before ? &before->previous : &plan->last) = launch;
	plan->launch_count++;
	return launch;
}

void plan_remove_launch(struct plan *plan, struct launch *launch)
{
	*(launch->previous ? &launch->previous->next : &plan->first) = launch->next;
	*(launch->next ? &launch->next->previous : &plan->last) = launch->previous;
	plan->launch_count--;
	launch_drop_uses(launch);
}

static void count_uses(struct launch *launch, int step)
{
	int64_t offset;
	for (int i = 0; i < launch->operand_count; i++) {
		struct buffer *root = buffer_root(launch->operands[i].buffer, &offset);
		bool write = launch->operands[i].write;
		*(write ? &root->writes : &root->reads) += step;
		*(write ? &root->writers : &root->readers) ^= (uintptr_t)launch;
	}
}

void launch_add_uses(struct launch *launch)
{
	count_uses(launch, 1);
}

void launch_drop_uses(struct launch *launch)
{
	count_uses(launch, -1);
}

void plan_count_uses(struct plan *plan)
{
	for (size_t i = 0; i < plan->buffer_count; i++) {
		plan->buffers[i]->reads = plan->buffers[i]->writes = 0;
		plan->buffers[i]->readers = plan->buffers[i]->writers = 0;
	}
	for (struct launch *launch = plan->first; launch; launch = launch->next)
		launch_add_uses(launch);
}

struct launch *buffer_reader(const struct buffer *root)
{
	return root->reads == 1 ? (struct launch *)root->readers : NULL;
}

struct launch *buffer_writer(const struct buffer *root)
{
	return root->writes == 1 ? (struct launch *)root->writers : NULL;
}

static bool uses_root(const struct launch *launch, const struct buffer *root, bool write)
{
	int64_t offset;
	for (int i = 0; i < launch->operand_count; i++)
		if (launch->operands[i].write == write && buffer_root(launch->operands[i].buffer, &offset) == root)
			return true;
	return false;
}

bool launch_reads_last(const struct launch *launch, const struct launch *later)
{
	int64_t offset;
	if (launch->region != later->region)
		return false;
	for (int i = 0; i < launch->operand_count; i++) {
		const struct buffer *root = buffer_root(launch->operands[i].buffer, &offset);
		if (!root->is_shared || launch->operands[i].write)
			continue;
		for (const struct launch *at = launch->next; at != later; at = at->next)
			if (uses_root(at, root, true))
				return false;
	}
	return true;
}

bool launch_overwrites(const struct launch *launch, const struct launch *reader)
{
	int64_t offset;
	for (int i = 0; i < launch->operand_count; i++) {
		const struct buffer *root = buffer_root(launch->operands[i].buffer, &offset);
		if (root->is_shared && launch->operands[i].write && uses_root(reader, root, false))
			return true;
	}
	return false;
}

bool launch_writes_early(const struct launch *launch, const struct launch *later)
{
	int64_t offset;
	if (launch->region != later->region)
		return false;
	for (int i = 0; i < later->operand_count; i++) {
		const struct buffer *root = buffer_root(later->operands[i].buffer, &offset);
		if (!root->is_shared || !later->operands[i].write)
			continue;
		for (const struct launch *at = launch; at != later; at = at->next)
			if (uses_root(at, root, true) || uses_root(at, root, false))
				return false;
	}
	return true;
}

struct operand *launch_operand(struct launch *launch, struct buffer *buffer, enum erc_dtype dtype, bool write)
{
	struct operand *operand = &launch->operands[launch->operand_count++];
	memset(operand, 0, sizeof *operand);
	operand->buffer = buffer;
	operand->dtype = dtype;
	operand->write = write;
	return operand;
}

void launch_add_faults(struct plan *plan, struct launch *launch)
{
	struct arena *arena = &plan->ctx->arena;
	launch->faults = plan_buffer(plan, BUFFER_DIMS, 2 * sizeof(int64_t), launch->name);
	launch->faults->offset = (int64_t)((plan->graph->size_count + 2 * (size_t)plan->fault_count++) * sizeof(int64_t));
	launch_define(launch, "FAULTS", arena_printf(arena, "%d", launch->operand_count));
	launch_operand(launch, launch->faults, ERC_I64, true);
	launch_define(launch, "OUT", arena_printf(arena, "%d", launch->operand_count));
}

int64_t launch_fault_slot(const struct launch *launch)
{
	return launch->faults->offset / (int64_t)sizeof(int64_t);
}

static void set_param(int64_t *params, int *count, int param, int64_t value)
{
	assert(param >= 0 && param < MAX_PARAMS);
	params[param] = value;
	*count = param < *count ? *count : param + 1;
}

static void add_define(struct define *defines, int *count, int most, const char *name, const char *value)
{
	assert(*count < most);
	(void)most;
	defines[(*count)++] = (struct define){name, value};
}

void launch_set(struct launch *launch, int param, int64_t value)
{
	set_param(launch->params, &launch->param_count, param, value);
}

void launch_set_all(struct launch *launch, const int64_t *values, int count)
{
	for (int i = 0; i < count; i++)
		launch_set(launch, i, values[i]);
}

void launch_define(struct launch *launch, const char *name, const char *value)
{
	add_define(launch->defines, &launch->define_count, MAX_LAUNCH_DEFINES, name, value);
}

void launch_define_float(struct arena *arena, struct launch *launch, const char *name, float value)
{
	launch_define(launch, name,
	              __builtin_isnan(value)   ? "__builtin_nanf(\"\")"
	              : __builtin_isinf(value) ? (value < 0 ? "-__builtin_inff()" : "__builtin_inff()")
	                                       : arena_printf(arena, "%af", value));
}

void variant_set(struct variant *variant, int param, int64_t value)
{
	set_param(variant->params, &variant->param_count, param, value);
}

void variant_set_all(struct variant *variant, const int64_t *values, int count)
{
	for (int i = 0; i < count; i++)
		variant_set(variant, i, values[i]);
}

void variant_define(struct variant *variant, const char *name, const char *value)
{
	add_define(variant->defines, &variant->define_count, MAX_DEFINES, name, value);
}

void variant_define_all(struct variant *variant, const struct launch *launch)
{
	for (int i = 0; i < launch->define_count; i++)
		variant_define(variant, launch->defines[i].name, launch->defines[i].value);
}

void variant_take_defines(struct variant *variant, const struct variant *from)
{
	memcpy(variant->defines, from->defines, sizeof variant->defines);
	memcpy(variant->generals, from->generals, sizeof variant->generals);
	variant->define_count = from->define_count;
	variant->tile_defines = from->tile_defines;
}

void variant_set_tile(struct variant *variant, int param, int64_t value)
{
	assert(param < 64); /* tile_params has 64 bits */
	variant_set(variant, param, value);
	variant->tile_params |= UINT64_C(1) << param;
}

void variant_set_quotient(struct variant *variant, int param, int64_t numerator, int64_t divisor)
{
	assert(variant->quotient_count < COUNT_PARTS);
	variant_set_tile(variant, param, ceil_div(numerator, divisor));
	variant->quotients[variant->quotient_count] = (struct quotient){numerator, divisor};
	variant->quotient_params[variant->quotient_count++] = param;
}

void variant_define_tile(struct variant *variant, const char *name, const char *value)
{
	variant->tile_defines |= UINT64_C(1) << variant->define_count;
	variant_define(variant, name, value);
}

static void print_operand(const struct operand *operand, const struct shape *space, struct text *text)
{
	static const char *const kinds[] = {"%", "w", "in", "out", "dim"};
	static const char *const roles[] = {"", ":full", ":channel", ":scalar"};
	int64_t offset;
	struct buffer *root = buffer_root(operand->buffer, &offset);
	text_printf(text, "%s%d", kinds[root->kind],
	            root->kind == BUFFER_INPUT || root->kind == BUFFER_OUTPUT ? root->io
	            : root->kind == BUFFER_DIMS                               ? 0
	                                                                      : root->index);
	offset += root->kind == BUFFER_DIMS ? root->offset : 0;
	if (offset + operand->offset)
		text_printf(text, "+%lld", (long long)(offset + operand->offset));
	text_printf(text, ":%s%s", dtype_name(operand->dtype), roles[operand->role]);
	if (operand->role == ROLE_NONE && space->rank > 0) {
		for (int i = 0; i < space->rank; i++)
			text_printf(text, "%c%lld", i ? ',' : '(', (long long)operand->strides[i]);
		text_printf(text, ")");
	}
}

/* Prints the offsets of used buffers. There are none before the memory planner has run. */
static void print_places(const struct plan *plan, FILE *out)
{
	int64_t weights_bytes = plan->all->weights_bytes;
	bool placed = plan->arena_bytes || weights_bytes;
	for (size_t i = 0; placed && i < plan->buffer_count; i++) {
		const struct buffer *buffer = plan->buffers[i];
		if (buffer->first_use < 0 || buffer->parent || (buffer->kind != BUFFER_ARENA && buffer->kind != BUFFER_WEIGHTS))
			continue;
		fprintf(out, "%s%d: %lld bytes at %lld, launches %d to %d\n", buffer->kind == BUFFER_ARENA ? "%" : "w",
		        buffer->index, (long long)buffer->bytes, (long long)buffer->offset, buffer->first_use,
		        buffer->last_use);
	}
	if (placed)
		fprintf(out, "arena %lld bytes, weights %lld bytes\n", (long long)plan->arena_bytes, (long long)weights_bytes);
}

void plan_print(const struct plan *plan, FILE *out)
{
	struct arena *arena = &plan->ctx->arena;
	const struct shape none = {0};
	for (const struct launch *launch = plan->first; launch; launch = launch->next) {
		const struct kernel_template *template = launch->template;
		const struct shape *space = template->epilogue || template->strided ? &launch->space : &none;
		struct text text = {.arena = arena};
		text_printf(&text, "%s %s", launch->template->stem, shape_text(arena, &launch->space));
		for (int i = 0; i < launch->operand_count; i++) {
			text_printf(&text, "%s", launch->operands[i].write ? " -> " : " ");
			print_operand(&launch->operands[i], space, &text);
		}
		if (launch->expr.count) {
			text_printf(&text, "  ");
			expr_print(&launch->expr, &text);
		}
		fprintf(out, "%s  \"%s\"\n", text.data, launch->name);
	}
	print_places(plan, out);
}

enum ercc_status plan_verify(const struct plan *plan, const char *stage)
{
	for (const struct launch *launch = plan->first; launch; launch = launch->next) {
		int writes = 0;
		for (int i = 0; i < launch->operand_count; i++) {
			const struct operand *operand = &launch->operands[i];
			int64_t offset;
			struct buffer *root = buffer_root(operand->buffer, &offset);
			writes += operand->write;
			if (operand->write && (root->kind == BUFFER_WEIGHTS || root->kind == BUFFER_INPUT))
				return fail(plan->ctx, ERCC_INTERNAL, "after %s: launch '%s' writes a read-only buffer", stage,
				            launch->name);
			if (offset + operand->offset < 0 || offset + operand->buffer->bytes > root->bytes)
				return fail(plan->ctx, ERCC_INTERNAL, "after %s: launch '%s' operand %d leaves its buffer", stage,
				            launch->name, i);
		}
		if (!writes)
			return fail(plan->ctx, ERCC_INTERNAL, "after %s: launch '%s' writes nothing", stage, launch->name);
		if (launch->expr.operand_count > launch->operand_count)
			return fail(plan->ctx, ERCC_INTERNAL, "after %s: launch '%s' misses operands", stage, launch->name);
	}
	return ERCC_OK;
}
