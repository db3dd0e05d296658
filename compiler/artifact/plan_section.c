/* The PLAN section: tables of fixed-size records. */
#include "schemas/seal.h"
#include "schemas/sha256.h"
#include "compiler/artifact/resizable.h"
#include "compiler/artifact/writer.h"

/* The tables in the order of erca_plan_header. */
enum {
	STRINGS,
	TARGETS,
	BUDGETS,
	ENTRIES,
	TENSORS,
	PLANS,
	RECORDS,
	OPERANDS,
	VARIANTS,
	KERNELS,
	PARAMS,
	PROFILES,
	POINTS,
	DEFAULTS,
	CLASSES,
	RESIZABLES,
	RANGES,
	TERMS,
	PATCHES,
	TABLE_COUNT
};

_Static_assert(MAX_BUDGETS == ERCA_MAX_BUDGETS, "the format allows as many budgets as the compiler");

static const uint32_t strides[TABLE_COUNT] = {
	1,
	sizeof(struct erca_target),
	sizeof(struct erca_budget),
	sizeof(struct erca_entry),
	sizeof(struct erca_tensor),
	sizeof(struct erca_plan),
	sizeof(struct erca_record),
	sizeof(struct erca_operand),
	sizeof(struct erca_variant),
	sizeof(struct erca_kernel),
	sizeof(int64_t),
	sizeof(struct erca_profile),
	sizeof(struct erca_point),
	sizeof(struct erca_default),
	sizeof(struct erca_class),
	sizeof(struct erca_resizable),
	sizeof(struct erca_range),
	sizeof(struct erca_term),
	sizeof(struct erca_patch),
};

struct builder {
	struct context *ctx;
	struct text tables[TABLE_COUNT];
	struct map strings;
	struct map rows;   /* rows of params and variants, by table and digest */
	struct text seals; /* of the target at work */
	uint32_t *tensors; /* for each plan, the index of its first one */
	uint64_t work;     /* what a reader compares with ERCA_MAX_WORK */
};

static uint32_t count_of(const struct builder *b, int table)
{
	return (uint32_t)(b->tables[table].length / strides[table]);
}

static void add(struct builder *b, int table, const void *record)
{
	text_append(&b->tables[table], record, strides[table]);
}

/* Byte index of a string in the pool. Equal strings are stored once. */
static uint32_t add_string(struct builder *b, const char *text)
{
	uintptr_t known = (uintptr_t)map_get(&b->strings, text);
	if (known)
		return (uint32_t)(known - 1);
	uint32_t at = count_of(b, STRINGS);
	text_append(&b->tables[STRINGS], text, strlen(text) + 1);
	map_set(&b->strings, text, (void *)(uintptr_t)(at + 1));
	return at;
}

static void add_tensor(struct builder *b, const struct graph *graph, const char *name, const struct value *value)
{
	struct erca_tensor tensor = {.name = add_string(b, name),
	                             .dtype = value->dtype,
	                             .rank = (uint8_t)value->shape.rank,
	                             .layout = ERCA_LAYOUT_PLAIN,
	                             .dim_slots = ERCA_NO_SLOTS};
	for (int i = 0; i < value->shape.rank; i++) {
		tensor.dims[i] = value->shape.dims[i];
		if (value->shape.sizes[i])
			tensor.dim_slots[i] = (uint32_t)graph_size_slot(graph, value->shape.sizes[i]);
	}
	tensor.bytes = (uint64_t)packed_bytes(value->dtype, shape_elements(&value->shape));
	add(b, TENSORS, &tensor);
}

/* Adds the inputs of a plan with their defaults, then the outputs. Returns the index of the first. */
static uint32_t add_tensors(struct builder *b, const struct plan *plan)
{
	const struct graph *graph = plan->graph;
	uint32_t first = count_of(b, TENSORS);
	for (size_t i = 0; i < graph->input_count; i++) {
		const struct buffer *value = plan->defaults[i];
		struct erca_default row = {.tensor = count_of(b, TENSORS), .offset = value ? (uint64_t)value->offset : 0};
		add_tensor(b, graph, graph->inputs[i]->name, graph->inputs[i]);
		if (value)
			add(b, DEFAULTS, &row);
	}
	for (size_t i = 0; i < graph->output_count; i++)
		add_tensor(b, graph, graph->output_names[i], graph->outputs[i]);
	return first;
}

static void add_operand(struct builder *b, const struct operand *operand)
{
	static const uint8_t kinds[] = {ERCA_BUFFER_ARENA, ERCA_BUFFER_WEIGHTS, ERCA_BUFFER_INPUT, ERCA_BUFFER_OUTPUT,
	                                ERCA_BUFFER_DIMS};
	int64_t offset;
	struct buffer *root = buffer_root(operand->buffer, &offset);
	bool io = root->kind == BUFFER_INPUT || root->kind == BUFFER_OUTPUT;
	struct erca_operand record = {.buffer = kinds[root->kind],
	                              .access = operand->write ? ERCA_ACCESS_WRITE : ERCA_ACCESS_READ,
	                              .index = io ? (uint32_t)root->io : 0,
	                              .offset = (uint64_t)(root->offset + offset + operand->offset),
	                              .bytes = (uint64_t)(operand->buffer->bytes - operand->offset)};
	add(b, OPERANDS, &record);
}

/* Adds consecutive records and returns the index of the first. Rows with equal bytes are stored once. */
static uint32_t add_row(struct builder *b, int table, const void *records, uint32_t count)
{
	size_t bytes = (size_t)count * strides[table];
	uint8_t digest[32];
	char hex[65];
	if (!count)
		return 0;
	erc_sha256_of(records, bytes, digest);
	erc_sha256_hex(digest, hex);
	const char *key = arena_printf(&b->ctx->arena, "%d %s", table, hex);
	uintptr_t known = (uintptr_t)map_get(&b->rows, key);
	if (known)
		return (uint32_t)(known - 1);
	uint32_t at = count_of(b, table);
	text_append(&b->tables[table], records, bytes);
	map_set(&b->rows, key, (void *)(uintptr_t)(at + 1));
	return at;
}

static uint32_t add_variants(struct builder *b, const struct graph *graph, const struct variant *variants,
                             uint32_t count, uint32_t first_kernel)
{
	struct erca_variant records[MAX_BUDGETS] = {{0}};
	for (uint32_t k = 0; k < count; k++) {
		const struct variant *variant = &variants[k];
		records[k] =
			(struct erca_variant){.kernel = first_kernel + variant->kernel,
		                          .tile_count = variant->tile_count,
		                          .param_first = add_row(b, PARAMS, variant->params, (uint32_t)variant->param_count),
		                          .param_count = (uint32_t)variant->param_count,
		                          .local_bytes = (uint64_t)variant->local_bytes,
		                          .units = variant->units,
		                          .threads = (uint16_t)variant->threads,
		                          .registers = (uint16_t)variant->registers,
		                          .blocks_per_unit = variant->blocks_per_unit,
		                          .tile_ns = variant->tile_ns,
		                          .tile_bytes = (uint64_t)variant->tile_bytes,
		                          .count_slot = variant->count_scale
		                                            ? (uint32_t)graph_size_slot(graph, variant->count_size)
		                                            : ERCA_NONE,
		                          .count_dims = variant->count_scale != 0,
		                          .count_scale = variant->count_scale,
		                          .count_step = variant->count_step,
		                          .shape = add_string(b, variant->shape_text ? variant->shape_text : "")};
	}
	return add_row(b, VARIANTS, records, count);
}

static const void *row_of(const struct builder *b, int table, uint32_t i)
{
	return b->tables[table].data + (size_t)i * strides[table];
}

/* Adds what depends on the ranges of a plan. */
static enum ercc_status add_resizable(struct builder *b, const struct plan *plan, size_t index,
                                      const struct target_plan *target, const struct steps *steps,
                                      struct erca_resizable *row)
{
	struct resizable resizable;
	TRY(resizable_make(b->ctx, plan, index, target, steps, &resizable));
	*row = (struct erca_resizable){.entry = count_of(b, ENTRIES),
	                               .range_first = count_of(b, RANGES),
	                               .range_count = (uint32_t)plan->range_count,
	                               .term_first = count_of(b, TERMS),
	                               .term_count = (uint32_t)resizable.formulas.term_count,
	                               .patch_first = count_of(b, PATCHES),
	                               .patch_count = (uint32_t)resizable.patch_count};
	for (int r = 0; r < plan->range_count; r++)
		add(b, RANGES,
		    &(struct erca_range){.name = add_string(b, plan->ranges[r].name),
		                         .step = (uint32_t)plan->ranges[r].step,
		                         .least = plan->ranges[r].least,
		                         .most = plan->ranges[r].most});
	for (size_t i = 0; i < resizable.formulas.term_count; i++)
		add(b, TERMS, &resizable.formulas.terms[i]);
	for (size_t i = 0; i < resizable.patch_count; i++)
		add(b, PATCHES, &resizable.patches[i]);
	b->work += row->range_count + row->term_count + row->patch_count;
	add(b, RESIZABLES, row);
	return ERCC_OK;
}

static struct erc_sealed_rows sealed(const struct builder *b, int table, uint32_t first, uint32_t count)
{
	return (struct erc_sealed_rows){count ? row_of(b, table, first) : NULL, strides[table], count};
}

/* Hashes a plan's records and the plans nested in it, in the order of a reader, and adds the seals of launches. */
static void add_launch_seals(struct builder *b, const struct erca_entry *entry, uint32_t plan_number,
                             struct erc_sha256 *hash)
{
	const struct erca_plan plan = *(const struct erca_plan *)row_of(b, PLANS, plan_number);
	struct erca_seal seal;
	for (uint32_t r = 0; r < plan.record_count; r++) {
		const struct erca_record *record = row_of(b, RECORDS, plan.record_first + r);
		erc_entry_seal_record(hash, record);
		for (uint32_t o = 0; o < record->operand_count && !record->variant_count; o++)
			erc_entry_seal_operand(hash, row_of(b, OPERANDS, record->operand_first + o));
		for (uint32_t v = 0; v < record->variant_count; v++) {
			const struct erca_variant *variant = row_of(b, VARIANTS, record->variant_first + v);
			erc_seal_of(&(struct erc_sealed){.kernel = row_of(b, KERNELS, variant->kernel),
			                                 .variant = variant,
			                                 .params = row_of(b, PARAMS, variant->param_first),
			                                 .param_stride = strides[PARAMS],
			                                 .operands = row_of(b, OPERANDS, record->operand_first),
			                                 .operand_stride = strides[OPERANDS],
			                                 .operand_count = record->operand_count,
			                                 .dims_count = entry->dims_count},
			            &seal);
			text_append(&b->seals, (const char *)&seal, sizeof seal);
			erc_entry_seal_launch(hash, &seal);
		}
		if (record->plan_a != ERCA_NONE)
			add_launch_seals(b, entry, record->plan_a, hash);
		if (record->plan_b != ERCA_NONE)
			add_launch_seals(b, entry, record->plan_b, hash);
	}
}

/* Adds the seals of an entry and of all its launches under all budgets. */
static void add_seals(struct builder *b, const struct erca_entry *entry, const struct erca_resizable *resizable)
{
	struct erca_seal seal;
	struct erc_sha256 hash;
	erc_entry_seal_begin(&hash, entry, row_of(b, TENSORS, 0), strides[TENSORS]);
	add_launch_seals(b, entry, entry->plan, &hash);
	if (resizable->range_count) {
		struct erc_sealed_rows ranges = sealed(b, RANGES, resizable->range_first, resizable->range_count);
		struct erc_sealed_rows terms = sealed(b, TERMS, resizable->term_first, resizable->term_count);
		struct erc_sealed_rows patches = sealed(b, PATCHES, resizable->patch_first, resizable->patch_count);
		erc_entry_seal_resizable(&hash, &ranges, &terms, &patches);
	}
	erc_entry_seal_end(&hash, &seal);
	text_append(&b->seals, (const char *)&seal, sizeof seal);
}

/* What ends the CODE section: all seals that were added. */
static struct text end_seals(struct builder *b)
{
	struct text out = {.arena = &b->ctx->arena};
	size_t count = b->seals.length / sizeof(struct erca_seal), bytes = (count + 1) * sizeof(struct erca_seal);
	char *data = arena_alloc(&b->ctx->arena, bytes);
	erc_seals_write(data, (struct erca_seal *)(void *)b->seals.data, (uint32_t)count);
	text_append(&out, data, bytes);
	b->seals.length = 0;
	return out;
}

uint64_t artifact_arena_bytes(const struct plan *plan, const struct target_plan *target)
{
	int64_t bytes = 0, offset;
	for (const struct launch *launch = plan->first; launch; launch = launch->next) {
		int count = launch_is_empty(target, launch) ? 0 : launch->operand_count;
		for (int i = 0; i < count; i++) {
			const struct buffer *root = buffer_root(launch->operands[i].buffer, &offset);
			int64_t end = root->kind == BUFFER_ARENA ? root->offset + root->bytes : 0;
			bytes = end > bytes ? end : bytes;
		}
	}
	return (uint64_t)round_up(bytes, BUFFER_ALIGN);
}

/* What the records of an entry are made from. `next` is the first launch that has no record yet. */
struct source {
	const struct plan *plan;
	const struct target_plan *target;
	uint32_t first_kernel;
	const struct launch *next;
	uint64_t local_bytes; /* the maximum so far */
	struct steps steps;
	uint32_t step_count, launch_count; /* so far */
};

static void add_launch(struct builder *b, struct source *from, const struct launch *launch, struct erca_record *out)
{
	const struct target_plan *target = from->target;
	from->steps.launches[from->launch_count++] = from->step_count++;
	struct erca_record record = {.kind = ERCA_RECORD_LAUNCH,
	                             .name = add_string(b, launch->name),
	                             .operand_first = count_of(b, OPERANDS),
	                             .operand_count = (uint32_t)launch->operand_count,
	                             .variant_count = target->budget_count,
	                             .plan_a = ERCA_NONE,
	                             .plan_b = ERCA_NONE,
	                             .reduction_key = launch->reduction_key,
	                             .flops = launch->flops,
	                             .bytes = launch->bytes,
	                             .fault_slot = launch->faults ? (uint32_t)launch_fault_slot(launch) : ERCA_NONE};
	for (int i = 0; i < launch->operand_count; i++)
		add_operand(b, &launch->operands[i]);
	const struct variant *variants = launch_variants(target, launch);
	record.variant_first = add_variants(b, from->plan->graph, variants, target->budget_count, from->first_kernel);
	b->work += UINT64_C(1) + record.operand_count + record.variant_count;
	for (uint32_t k = 0; k < target->budget_count; k++)
		b->work += (uint64_t)record.operand_count + (uint64_t)variants[k].param_count;
	for (uint32_t k = 0; k < target->budget_count; k++)
		if ((uint64_t)variants[k].local_bytes > from->local_bytes)
			from->local_bytes = (uint64_t)variants[k].local_bytes;
	*out = record;
}

/* An operand of a branch or a loop: the slot of a run-time size, or a number in WEIGHTS. */
static void add_number(struct builder *b, const struct graph *graph, uint16_t size, const struct buffer *number,
                       bool write)
{
	struct erca_operand operand = {.buffer = size ? ERCA_BUFFER_DIMS : ERCA_BUFFER_WEIGHTS,
	                               .access = write ? ERCA_ACCESS_WRITE : ERCA_ACCESS_READ,
	                               .offset = size ? (uint64_t)graph_size_slot(graph, size) * sizeof(int64_t)
	                                              : (uint64_t)number->offset,
	                               .bytes = sizeof(int64_t)};
	add(b, OPERANDS, &operand);
}

static uint32_t add_plan(struct builder *b, struct source *from, const struct region *region);

/* The record of a loop, or of both parts of a branch. */
static void add_region(struct builder *b, struct source *from, const struct region *region, struct erca_record *out)
{
	const struct plan *plan = from->plan;
	struct region *const *regions = plan->graph->regions;
	bool is_loop = region->kind == REGION_LOOP;
	const struct region *first = region->kind == REGION_ELSE ? regions[region->number - 1] : region;
	struct erca_record record = {.kind = is_loop ? ERCA_RECORD_LOOP : ERCA_RECORD_BRANCH,
	                             .name = add_string(b, region->name),
	                             .operand_first = count_of(b, OPERANDS),
	                             .operand_count = is_loop ? 3 : 1,
	                             .flops = is_loop && region->expected < region->most ? (uint64_t)region->expected : 0,
	                             .most = is_loop ? (uint32_t)region->most : 0,
	                             .plan_b = ERCA_NONE,
	                             .fault_slot = ERCA_NONE};
	add_number(b, plan->graph, region->condition, plan->numbers[region->number].condition, false);
	if (is_loop) {
		add_number(b, plan->graph, region->trips, plan->numbers[region->number].trips, false);
		add_number(b, plan->graph, region->iteration, NULL, true);
	}
	b->work += UINT64_C(1) + record.operand_count;
	from->steps.regions[region->number] = from->step_count++;
	record.plan_a = add_plan(b, from, first);
	if (!is_loop) {
		from->step_count++; /* the end of the first part */
		record.plan_b = add_plan(b, from, regions[first->number + 1]);
	}
	from->step_count++; /* the end */
	*out = record;
}

static const struct launch *skip_empty(const struct source *from, const struct launch *launch)
{
	while (launch && launch_is_empty(from->target, launch))
		launch = launch->next;
	return launch;
}

/* Adds the plan of a region (NULL: all of the entry) from the launches that come next; the plans nested in it are before it
 * in the tables. Returns its number. */
static uint32_t add_plan(struct builder *b, struct source *from, const struct region *region)
{
	struct text records = {.arena = &b->ctx->arena};
	struct erca_record record;
	while (from->next && region_reaches(region, from->next->region)) {
		const struct region *inner = from->next->region;
		if (inner == region) {
			add_launch(b, from, from->next, &record);
			from->next = skip_empty(from, from->next->next);
		} else {
			while (inner->around != region)
				inner = inner->around;
			add_region(b, from, inner, &record);
		}
		text_append(&records, (const char *)&record, sizeof record);
	}
	struct erca_plan row = {.record_first = count_of(b, RECORDS),
	                        .record_count = (uint32_t)(records.length / sizeof record)};
	text_append(&b->tables[RECORDS], records.data ? records.data : "", records.length);
	add(b, PLANS, &row);
	return count_of(b, PLANS) - 1;
}

/* Adds the room profiles of an entry, in the order of its target's budgets. */
static void add_profiles(struct builder *b, const struct plan *plan, const struct target_plan *target, uint32_t entry,
                         uint32_t budget_first)
{
	struct erca_point points[MAX_POINTS];
	for (uint32_t k = 0; k < target->budget_count; k++) {
		struct erca_profile profile = {.entry = entry, .budget = budget_first + k, .point_first = count_of(b, POINTS)};
		artifact_profile(plan, target, k, &profile, points);
		for (uint32_t i = 0; i < profile.point_count; i++)
			add(b, POINTS, &points[i]);
		add(b, PROFILES, &profile);
	}
}

static void add_class(struct builder *b, const struct ercc_options *options, uint32_t entry)
{
	if (options->class_)
		add(b, CLASSES,
		    &(struct erca_class){.entry = entry,
		                         .class_ = options->class_ == ERCC_REAL_TIME,
		                         .level = options->level,
		                         .deadline_us = options->deadline_us});
}

static void add_kernels(struct builder *b, const struct target_plan *target, uint32_t index)
{
	for (uint32_t k = 0; k < target->kernel_count; k++) {
		struct erca_kernel kernel = {.name = add_string(b, target->kernels[k].name),
		                             .target = index,
		                             .entry = target->code ? k : 0,
		                             .static_bytes = target->kernels[k].static_bytes,
		                             .spill_bytes = target->kernels[k].spill_bytes};
		memcpy(kernel.digest, target->kernels[k].digest, sizeof kernel.digest);
		add(b, KERNELS, &kernel);
	}
}

static void add_budgets(struct builder *b, const struct target_plan *target)
{
	for (uint32_t k = 0; k < target->budget_count; k++) {
		const struct budget *budget = &target->budgets[k];
		struct erca_budget row = {.name = add_string(b, budget->name),
		                          .units = budget->units,
		                          .share_permille = budget->share_permille,
		                          .flags = target->unverified ? ERCA_BUDGET_UNVERIFIED : 0,
		                          .local_bytes = (uint64_t)budget->local_bytes};
		add(b, BUDGETS, &row);
	}
}

/* Adds the entry of a plan on a target: its records, the entry that runs them, and the entry's room profiles. */
static enum ercc_status add_entry(struct builder *b, const struct plan *plan, size_t index,
                                  const struct target_plan *target, const struct erca_target *record,
                                  uint32_t first_kernel)
{
	const struct graph *graph = plan->graph;
	uint32_t tensor_first = b->tensors[index];
	struct erca_resizable resizable = {0};
	struct erca_entry entry = {.name = add_string(b, plan_entry_name(plan)),
	                           .target = count_of(b, TARGETS),
	                           .input_first = tensor_first,
	                           .input_count = (uint32_t)graph->input_count,
	                           .output_first = tensor_first + (uint32_t)graph->input_count,
	                           .output_count = (uint32_t)graph->output_count,
	                           .dims_count = (uint32_t)graph->size_count + 2 * (uint32_t)plan->fault_count,
	                           .fault_first = (uint32_t)graph->size_count,
	                           .fault_count = 2 * (uint32_t)plan->fault_count,
	                           .arena_bytes = artifact_arena_bytes(plan, target)};
	struct source from = {.plan = plan, .target = target, .first_kernel = first_kernel};
	from.next = skip_empty(&from, plan->first);
	from.steps.launches = arena_array(&b->ctx->arena, (size_t)plan->launch_count + 1, sizeof(uint32_t));
	from.steps.regions = arena_array(&b->ctx->arena, graph->region_count + 1, sizeof(uint32_t));
	entry.plan = add_plan(b, &from, NULL);
	entry.local_bytes = from.local_bytes;
	b->work += graph->input_count + graph->output_count;
	if (plan->range_count)
		TRY(add_resizable(b, plan, index, target, &from.steps, &resizable));
	if (target->code)
		add_seals(b, &entry, &resizable);
	add_profiles(b, plan, target, count_of(b, ENTRIES), record->budget_first);
	add_class(b, plan->ctx->options, count_of(b, ENTRIES));
	add(b, ENTRIES, &entry);
	return ERCC_OK;
}

static enum ercc_status too_long(struct context *ctx, size_t entry_count)
{
	fail(ctx, ERCC_UNSUPPORTED, "the plans of %zu entries are longer than what a reader checks", entry_count);
	note(ctx, "fewer sizes in --dim, fewer budgets or fewer targets make them shorter");
	return ERCC_UNSUPPORTED;
}

/* Adds one target: its budgets, its kernels and its entries. */
static enum ercc_status add_target(struct builder *b, const struct plans *plans, const struct target_plan *target,
                                   uint32_t code_section, struct text *seals)
{
	struct erca_target record = {.name = add_string(b, target->name),
	                             .kind = target->kind,
	                             .level = target->level,
	                             .code_section = code_section,
	                             .budget_first = count_of(b, BUDGETS),
	                             .budget_count = target->budget_count,
	                             .min_driver = target->min_driver,
	                             .units = target->device->units,
	                             .memory_bytes_per_s = (uint64_t)(target->device->dram_total_per_ns * 1e9)};
	add_budgets(b, target);
	uint32_t first_kernel = count_of(b, KERNELS);
	add_kernels(b, target, count_of(b, TARGETS));
	for (size_t i = 0; i < plans->count; i++)
		TRY(add_entry(b, plans->items[i], i, target, &record, first_kernel));
	if (target->code) {
		b->work += b->seals.length / sizeof(struct erca_seal);
		*seals = end_seals(b);
		record.code_bytes = (uint64_t)target->code_bytes + seals->length;
	}
	add(b, TARGETS, &record);
	return ERCC_OK;
}

enum ercc_status artifact_plan(struct context *ctx, const struct artifact *artifact, const uint32_t *code_section,
                               struct text *out, struct text *seals)
{
	const struct plans *plans = artifact->plans;
	struct builder b = {.ctx = ctx,
	                    .strings = {.arena = &ctx->arena, .kind = MAP_TEXT},
	                    .rows = {.arena = &ctx->arena, .kind = MAP_TEXT},
	                    .seals = {.arena = &ctx->arena},
	                    .tensors = arena_array(&ctx->arena, plans->count, sizeof(uint32_t))};
	static const char zeros[8];
	for (int t = 0; t < TABLE_COUNT; t++)
		b.tables[t].arena = &ctx->arena;
	add_string(&b, "");
	for (size_t i = 0; i < plans->count; i++)
		b.tensors[i] = add_tensors(&b, plans->items[i]);
	for (uint32_t i = 0; i < artifact->target_count; i++)
		TRY(add_target(&b, plans, &artifact->targets[i], code_section[i], &seals[i]));
	b.work += (uint64_t)count_of(&b, ENTRIES) * count_of(&b, PLANS);
	if (b.work > ERCA_MAX_WORK)
		return too_long(ctx, plans->count);
	struct erca_plan_header header = {.header_bytes = sizeof header};
	struct erca_table *tables = &header.strings;
	uint64_t offset = sizeof header;
	for (int t = 0; t < TABLE_COUNT; t++) {
		tables[t] = (struct erca_table){.offset = offset, .count = count_of(&b, t), .stride = strides[t]};
		offset = (offset + b.tables[t].length + 7) & ~(uint64_t)7;
	}
	text_append(out, (const char *)&header, sizeof header);
	for (int t = 0; t < TABLE_COUNT; t++) {
		text_append(out, b.tables[t].data ? b.tables[t].data : "", b.tables[t].length);
		text_append(out, zeros, -b.tables[t].length & 7);
	}
	return ERCC_OK;
}
