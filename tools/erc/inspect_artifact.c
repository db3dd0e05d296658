/* `erc inspect` of an artifact, through liberc's read-only API. No code of the artifact is loaded. */
#include <stdlib.h>
#include <string.h>

#include "schemas/artifact.h"
#include "tools/erc/inspect.h"

#define NESTING_MAX 16

#define ALWAYS(key, kind) \
	{ \
		key, NULL, kind \
	} /* in JSON and CSV only; in text the title says it */

static const struct column tensor_columns[] = {
	ALWAYS("entry", CELL_TEXT),    ALWAYS("target", CELL_TEXT),       {"kind", "", CELL_TEXT},
	{"name", "name", CELL_TEXT},   {"dtype", "type", CELL_TEXT},      {"shape", "shape", CELL_TEXT},
	{"bytes", "size", CELL_BYTES}, {"default", "default", CELL_TEXT}, /* only if an input has one */
};
static const struct column target_columns[] = {
	{"target", "target", CELL_TEXT},      {"budget", "budget", CELL_TEXT},    {"units", "units", CELL_COUNT},
	{"local_bytes", "local", CELL_BYTES}, {"tiles", "tiles", CELL_COUNT},     {"longest_tile_us", "longest", CELL_US},
	{"kernels", "kernels", CELL_COUNT},   {"code_bytes", "code", CELL_BYTES},
};
static const struct column section_columns[] = {
	{"section", "section", CELL_TEXT},
	{"offset", "offset", CELL_COUNT},
	{"bytes", "size", CELL_BYTES},
	{"sha256", "SHA-256", CELL_TEXT},
};
static const struct column entry_columns[] = {
	{"entry", "entry", CELL_TEXT},
	{"target", "target", CELL_TEXT},
	{"records", "steps", CELL_COUNT},
	{"arena_bytes", "activations", CELL_BYTES},
	{"local_bytes", "local memory", CELL_BYTES},
};
static const struct column class_columns[] = {
	{"entry", "entry", CELL_TEXT},  {"target", "target", CELL_TEXT},      {"class", "class", CELL_TEXT},
	{"level", "level", CELL_COUNT}, {"deadline_us", "deadline", CELL_US}, /* 0: none */
};
static const struct column plan_columns[] = {
	ALWAYS("entry", CELL_TEXT),     ALWAYS("target", CELL_TEXT),     {"step", "step", CELL_COUNT},
	{"kind", "kind", CELL_TEXT},    {"name", "node", CELL_TEXT},     {"kernel", "kernel", CELL_TEXT},
	{"tiles", "tiles", CELL_COUNT}, {"mflop", "MFLOP", CELL_NUMBER}, {"bytes", "traffic", CELL_BYTES},
};
static const struct column kernel_columns[] = {
	{"kernel", "kernel", CELL_TEXT},
	{"target", "target", CELL_TEXT},
	{"launches", "launches", CELL_COUNT},
	{"digest", "source digest", CELL_TEXT},
};
static const struct column variant_columns[] = {
	ALWAYS("entry", CELL_TEXT),           ALWAYS("target", CELL_TEXT),           {"step", "step", CELL_COUNT},
	{"name", "node", CELL_TEXT},          {"budget", "budget", CELL_TEXT},       {"shape", "tile shape", CELL_TEXT},
	{"tiles", "tiles", CELL_COUNT},       {"units", "units", CELL_COUNT},        {"tile_us", "tile", CELL_US},
	{"tile_bytes", "memory", CELL_BYTES}, ALWAYS("local_bytes", CELL_BYTES),     ALWAYS("threads", CELL_COUNT),
	ALWAYS("registers", CELL_COUNT),      ALWAYS("blocks_per_unit", CELL_COUNT), ALWAYS("static_bytes", CELL_BYTES),
	ALWAYS("spill_bytes", CELL_BYTES),    ALWAYS("kernel", CELL_TEXT),           ALWAYS("shared_by", CELL_COUNT),
	ALWAYS("reduction_key", CELL_TEXT),
};
/* Columns that do not fit a line of text. They have no keys, so that the other forms have one table. */
static const struct column resource_columns[] = {
	{NULL, "step", CELL_COUNT},    {NULL, "budget", CELL_TEXT}, {NULL, "local", CELL_BYTES},
	{NULL, "threads", CELL_COUNT}, {NULL, "regs", CELL_COUNT},  {NULL, "blocks", CELL_COUNT},
	{NULL, "spills", CELL_COUNT},  {NULL, "kernel", CELL_TEXT}, {NULL, "share", CELL_COUNT},
};

static const struct column beyond_columns[] = {
	ALWAYS("entry", CELL_TEXT),
	ALWAYS("target", CELL_TEXT),
	{"step", "step", CELL_COUNT},
	{"name", "node", CELL_TEXT},
	{"budget", "budget", CELL_TEXT},
	{"local_bytes", "local", CELL_BYTES},
	{"budget_bytes", "budget's", CELL_BYTES},
};

static const char *const section_names[] = {
	[ERCA_SECTION_META] = "META", [ERCA_SECTION_PLAN] = "PLAN",     [ERCA_SECTION_WEIGHTS] = "WEIGHTS",
	[ERCA_SECTION_CODE] = "CODE", [ERCA_SECTION_GOLDEN] = "GOLDEN", [ERCA_SECTION_DEBUG] = "DEBUG",
};
static const char *const record_kinds[] = {
	[ERCA_RECORD_LAUNCH] = "launch", [ERCA_RECORD_COPY] = "copy", [ERCA_RECORD_BRANCH] = "branch",
	[ERCA_RECORD_CALL] = "call",     [ERCA_RECORD_LOOP] = "loop",
};

static const char *name_of(const char *const *names, size_t count, uint32_t number)
{
	return number < count && names[number] ? names[number] : "?";
}

/* ---- records ---- */

/* The record at an index of a checked artifact; the loader has rejected indices that are out of range. */
struct view {
	const erc_artifact *artifact;
	struct report *report;
	const struct erca_entry *entry;
	const struct erca_target *target; /* the entry's */
	uint32_t step;
	bool *walked; /* for each plan of the artifact, while the entry is walked */
	bool begun;   /* the table of the entry, where it is not shown without rows */
	struct budget_sums *sums;
};

struct budget_sums {
	uint32_t budget;   /* index among the target's budgets */
	bool *kernel_seen; /* for each kernel of the artifact */
	uint64_t tiles;
	uint32_t longest_ns, kernels;
};

static const char *string(const struct view *view, uint32_t reference)
{
	return erc_artifact_string(view->artifact, reference);
}

static void add_entry_cells(const struct view *view)
{
	report_cell_text(view->report, "entry", "%s", string(view, view->entry->name));
	report_cell_text(view->report, "target", "%s", string(view, view->target->name));
}

typedef void (*record_fn)(struct view *view, const struct erca_record *record, int depth);

/* Calls fn for each record of a plan and of the plans nested in it, in order. A nested plan is walked once, where it is
 * called first: with calls in calls, a small file could otherwise take for ever. */
static void walk_plan(struct view *view, uint32_t plan_index, int depth, record_fn fn)
{
	const struct erca_plan *plan = RECORD(view->artifact, PLANS, struct erca_plan, plan_index);
	if (!plan || depth == NESTING_MAX || view->walked[plan_index])
		return;
	view->walked[plan_index] = true;
	for (uint32_t i = 0; i < plan->record_count; i++) {
		const struct erca_record *record = RECORD(view->artifact, RECORDS, struct erca_record, plan->record_first + i);
		if (!record)
			return;
		fn(view, record, depth);
		view->step++;
		if (record->plan_a != ERCA_NONE)
			walk_plan(view, record->plan_a, depth + 1, fn);
		if (record->plan_b != ERCA_NONE)
			walk_plan(view, record->plan_b, depth + 1, fn);
	}
}

static void walk_entry(struct view *view, record_fn fn)
{
	view->step = 0;
	view->walked = memory_new(erc_artifact_count(view->artifact, ERC_TABLE_PLANS) + 1);
	walk_plan(view, view->entry->plan, 0, fn);
	free(view->walked);
}

static const struct erca_variant *variant_of(const struct view *view, const struct erca_record *record, uint32_t index)
{
	if (record->kind != ERCA_RECORD_LAUNCH || index >= record->variant_count)
		return NULL;
	return RECORD(view->artifact, VARIANTS, struct erca_variant, record->variant_first + index);
}

static void nothing(struct view *view, const struct erca_record *record, int depth)
{
	(void)view, (void)record, (void)depth;
}

typedef void (*entry_fn)(struct view *view);

static void for_each_entry(const erc_artifact *artifact, struct report *report, entry_fn fn)
{
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_ENTRIES); i++) {
		struct view view = {.artifact = artifact, .report = report};
		view.entry = RECORD(artifact, ENTRIES, struct erca_entry, i);
		view.target = RECORD(artifact, TARGETS, struct erca_target, view.entry->target);
		if (view.target)
			fn(&view);
	}
}

static void begin_table(const struct view *view, const char *key, const char *what, const struct column *columns,
                        size_t count)
{
	report_table_titled(view->report, key, columns, count, "%s of %s on %s", what, string(view, view->entry->name),
	                    string(view, view->target->name));
}

/* ---- summary ---- */

static bool has_default(const erc_artifact *artifact, uint32_t tensor)
{
	bool found = false;
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_DEFAULTS); i++)
		found |= RECORD(artifact, DEFAULTS, struct erca_default, i)->tensor == tensor;
	return found;
}

static void add_tensors(const struct view *view, const char *kind, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct erca_tensor *tensor = RECORD(view->artifact, TENSORS, struct erca_tensor, first + i);
		char shape[ERCA_MAX_RANK * 26] = "";
		size_t length = 0;
		for (uint32_t d = 0; d < tensor->rank; d++)
			length += (size_t)snprintf(shape + length, sizeof shape - length, "%s%s%lld", d ? "x" : "",
			                           tensor->dim_slots[d] != ERCA_NONE ? "n<=" : "", (long long)tensor->dims[d]);
		add_entry_cells(view);
		report_cell_text(view->report, "kind", "%s", kind);
		report_cell_text(view->report, "name", "%s", string(view, tensor->name));
		report_cell_text(view->report, "dtype", "%s", erc_dtype_name((enum erc_dtype)tensor->dtype));
		report_cell_text(view->report, "shape", "[%s]", shape);
		report_cell(view->report, "bytes", (double)tensor->bytes);
		if (erc_artifact_count(view->artifact, ERC_TABLE_DEFAULTS))
			report_cell_text(view->report, "default", "%s", has_default(view->artifact, first + i) ? "yes" : "no");
	}
}

static void add_entry_tensors(struct view *view)
{
	bool any = erc_artifact_count(view->artifact, ERC_TABLE_DEFAULTS);
	begin_table(view, "values", "inputs and outputs", tensor_columns, COUNT_OF(tensor_columns) - !any);
	add_tensors(view, "input", view->entry->input_first, view->entry->input_count);
	add_tensors(view, "output", view->entry->output_first, view->entry->output_count);
}

/* Sums up all launches of all entries under one budget: tiles, the longest tile, the kernels in use. */
static void sum_variants(struct view *view, const struct erca_record *record, int depth)
{
	(void)depth;
	struct budget_sums *sums = view->sums;
	const struct erca_variant *variant = variant_of(view, record, sums->budget);
	if (!variant)
		return;
	sums->tiles += variant->tile_count;
	sums->longest_ns = variant->tile_ns > sums->longest_ns ? variant->tile_ns : sums->longest_ns;
	sums->kernels += !sums->kernel_seen[variant->kernel];
	sums->kernel_seen[variant->kernel] = true;
}

static struct budget_sums sums_of(const erc_artifact *artifact, uint32_t target, uint32_t budget)
{
	struct budget_sums sums = {.budget = budget};
	sums.kernel_seen = memory_new(erc_artifact_count(artifact, ERC_TABLE_KERNELS) + 1);
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_ENTRIES); i++) {
		const struct erca_entry *entry = RECORD(artifact, ENTRIES, struct erca_entry, i);
		struct view view = {.artifact = artifact, .entry = entry, .sums = &sums};
		if (entry->target == target)
			walk_entry(&view, sum_variants);
	}
	free(sums.kernel_seen);
	return sums;
}

static void add_targets(const erc_artifact *artifact, struct report *report)
{
	report_table(report, "targets", "targets and budgets", target_columns, COUNT_OF(target_columns));
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_TARGETS); i++) {
		const struct erca_target *target = RECORD(artifact, TARGETS, struct erca_target, i);
		for (uint32_t j = 0; j < target->budget_count; j++) {
			const struct erca_budget *budget = RECORD(artifact, BUDGETS, struct erca_budget, target->budget_first + j);
			const struct budget_sums sums = sums_of(artifact, i, j);
			report_cell_text(report, "target", "%s", erc_artifact_string(artifact, target->name));
			report_cell_text(report, "budget", "%s", erc_artifact_string(artifact, budget->name));
			if (budget->units)
				report_cell(report, "units", budget->units);
			else
				report_cell_text(report, "units", "all");
			report_cell(report, "local_bytes", (double)budget->local_bytes);
			report_cell(report, "tiles", (double)sums.tiles);
			report_cell(report, "longest_tile_us", sums.longest_ns / 1e3);
			report_cell(report, "kernels", sums.kernels);
			report_cell(report, "code_bytes", (double)target->code_bytes);
		}
	}
}

static void add_entry_row(struct view *view)
{
	add_entry_cells(view);
	walk_entry(view, nothing);
	report_cell(view->report, "records", view->step);
	report_cell(view->report, "arena_bytes", (double)view->entry->arena_bytes);
	report_cell(view->report, "local_bytes", (double)view->entry->local_bytes);
}

static void add_entries(const erc_artifact *artifact, struct report *report)
{
	report_table(report, "entries", "entry points", entry_columns, COUNT_OF(entry_columns));
	for_each_entry(artifact, report, add_entry_row);
}

/* What sessions are that take the artifact's class. */
static void add_classes(const erc_artifact *artifact, struct report *report)
{
	uint32_t count = erc_artifact_count(artifact, ERC_TABLE_CLASSES);
	if (count)
		report_table(report, "classes", "classes of sessions", class_columns, COUNT_OF(class_columns));
	for (uint32_t i = 0; i < count; i++) {
		const struct erca_class *row = RECORD(artifact, CLASSES, struct erca_class, i);
		const struct erca_entry *entry = RECORD(artifact, ENTRIES, struct erca_entry, row->entry);
		struct view view = {.artifact = artifact, .report = report, .entry = entry};
		view.target = RECORD(artifact, TARGETS, struct erca_target, entry->target);
		add_entry_cells(&view);
		report_cell_text(report, "class", "%s", row->class_ == ERC_REAL_TIME ? "real-time" : "best-effort");
		report_cell(report, "level", row->level);
		report_cell(report, "deadline_us", (double)row->deadline_us);
	}
}

static double weights_bytes(const erc_artifact *artifact)
{
	double bytes = 0;
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_SECTIONS); i++) {
		const struct erca_section *section = RECORD(artifact, SECTIONS, struct erca_section, i);
		if (section->type == ERCA_SECTION_WEIGHTS)
			bytes += (double)section->bytes;
	}
	return bytes;
}

static void add_facts(const erc_artifact *artifact, const char *path, struct report *report)
{
	struct erc_artifact_info info;
	erc_artifact_info(artifact, &info);
	report_fact_text(report, "kind", "kind", "artifact, format %u.%u", info.version_major, info.version_minor);
	report_fact_text(report, "path", "file", "%s", path);
	report_fact_text(report, "identity", "identity", "%s", info.root_digest);
	report_fact_text(report, "signed", "signed", "%s", info.is_signed ? "yes (not checked here)" : "no");
	report_fact(report, "file_bytes", "size", CELL_BYTES, (double)info.file_bytes);
	report_fact(report, "weights_bytes", "weights", CELL_BYTES, weights_bytes(artifact));
	report_fact(report, "kernels", "kernels", CELL_COUNT, erc_artifact_count(artifact, ERC_TABLE_KERNELS));
	inspect_taken(artifact, report);
}

/* ---- parts ---- */

static void add_digest(struct report *report, const char *column, const uint8_t *digest, size_t bytes)
{
	char hex[65] = "";
	for (size_t i = 0; i < bytes; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	report_cell_text(report, column, "%s", hex);
}

static void add_memory(const erc_artifact *artifact, struct report *report)
{
	report_table(report, "sections", "sections of the file", section_columns, COUNT_OF(section_columns));
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_SECTIONS); i++) {
		const struct erca_section *section = RECORD(artifact, SECTIONS, struct erca_section, i);
		report_cell_text(report, "section", "%s", name_of(section_names, COUNT_OF(section_names), section->type));
		report_cell(report, "offset", (double)section->offset);
		report_cell(report, "bytes", (double)section->bytes);
		add_digest(report, "sha256", section->sha256, sizeof section->sha256);
	}
	add_entries(artifact, report);
}

static const char *kernel_name(const struct view *view, const struct erca_variant *variant)
{
	const struct erca_kernel *kernel =
		variant ? RECORD(view->artifact, KERNELS, struct erca_kernel, variant->kernel) : NULL;
	return kernel ? string(view, kernel->name) : "";
}

static void plan_row(struct view *view, const struct erca_record *record, int depth)
{
	const struct erca_variant *variant = variant_of(view, record, 0);
	add_entry_cells(view);
	report_cell(view->report, "step", view->step);
	report_cell_text(view->report, "kind", "%*s%s", depth * 2, "",
	                 name_of(record_kinds, COUNT_OF(record_kinds), record->kind));
	report_cell_text(view->report, "name", "%s", string(view, record->name));
	if (record->kind == ERCA_RECORD_LOOP)
		report_cell_text(view->report, "kernel", "up to %u times", record->most);
	else
		report_cell_text(view->report, "kernel", "%s", kernel_name(view, variant));
	report_cell(view->report, "tiles", variant ? variant->tile_count : 0);
	report_cell(view->report, "mflop", variant ? (double)record->flops / 1e6 : 0);
	report_cell(view->report, "bytes", (double)record->bytes);
}

static void add_plan(struct view *view)
{
	begin_table(view, "plan", "plan", plan_columns, COUNT_OF(plan_columns));
	walk_entry(view, plan_row);
}

static void add_budget_name(const struct view *view, uint32_t index)
{
	uint32_t number = view->target->budget_first + index;
	const struct erca_budget *budget = RECORD(view->artifact, BUDGETS, struct erca_budget, number);
	report_cell_text(view->report, "budget", "%s", budget ? string(view, budget->name) : "?");
}

/* The budgets under which the launch uses this kernel. */
static uint32_t shared_by(const struct view *view, const struct erca_record *record, uint32_t kernel)
{
	const struct erca_variant *variant;
	uint32_t count = 0;
	for (uint32_t i = 0; (variant = variant_of(view, record, i)); i++)
		count += variant->kernel == kernel;
	return count;
}

/* A count of 0 means that the target does not know it. */
static void add_known(const struct view *view, const char *column, uint32_t count, const char *unknown)
{
	if (count)
		report_cell(view->report, column, count);
	else
		report_cell_text(view->report, column, "%s", unknown);
}

/* In text, local memory is the total per block, and blocks are those that fit on a unit at once. */
static void add_resources(const struct view *view, const struct erca_record *record, const struct erca_variant *variant,
                          bool is_text)
{
	const struct erca_kernel *kernel = RECORD(view->artifact, KERNELS, struct erca_kernel, variant->kernel);
	uint32_t fixed = kernel ? kernel->static_bytes : 0, spills = kernel ? kernel->spill_bytes : 0;
	if (is_text) {
		report_cell(view->report, "local", (double)(variant->local_bytes + fixed));
		add_known(view, "threads", variant->threads, "-");
		add_known(view, "regs", variant->registers, "-");
		add_known(view, "blocks", variant->blocks_per_unit, "-");
		add_known(view, "spills", spills, "-");
	} else {
		report_cell(view->report, "local_bytes", (double)variant->local_bytes);
		report_cell(view->report, "threads", variant->threads);
		report_cell(view->report, "registers", variant->registers);
		report_cell(view->report, "blocks_per_unit", variant->blocks_per_unit);
		report_cell(view->report, "static_bytes", fixed);
		report_cell(view->report, "spill_bytes", spills);
	}
	report_cell_text(view->report, "kernel", "%s", kernel_name(view, variant));
	report_cell(view->report, is_text ? "share" : "shared_by", shared_by(view, record, variant->kernel));
	if (!is_text)
		report_cell_text(view->report, "reduction_key", "%016llx", (unsigned long long)record->reduction_key);
}

static void variant_rows(struct view *view, const struct erca_record *record, int depth)
{
	(void)depth;
	const struct erca_variant *variant;
	for (uint32_t i = 0; (variant = variant_of(view, record, i)); i++) {
		add_entry_cells(view);
		report_cell(view->report, "step", view->step);
		report_cell_text(view->report, "name", "%s", string(view, record->name));
		add_budget_name(view, i);
		report_cell_text(view->report, "shape", "%s", string(view, variant->shape));
		report_cell(view->report, "tiles", variant->tile_count);
		add_known(view, "units", variant->units, "all");
		report_cell(view->report, "tile_us", variant->tile_ns / 1e3);
		report_cell(view->report, "tile_bytes", (double)variant->tile_bytes);
		add_resources(view, record, variant, false);
	}
}

static void resource_rows(struct view *view, const struct erca_record *record, int depth)
{
	(void)depth;
	const struct erca_variant *variant;
	for (uint32_t i = 0; (variant = variant_of(view, record, i)); i++) {
		report_cell(view->report, "step", view->step);
		add_budget_name(view, i);
		add_resources(view, record, variant, true);
	}
}

static void add_variants(struct view *view)
{
	begin_table(view, "variants", "variants", variant_columns, COUNT_OF(variant_columns));
	walk_entry(view, variant_rows);
	begin_table(view, NULL, "resources of the variants", resource_columns, COUNT_OF(resource_columns));
	walk_entry(view, resource_rows);
}

/* Local memory that counts for a budget. That of an emulated GPU kernel does not: most of it is for its threads. */
static double counted_local(const struct view *view, const struct erca_variant *variant)
{
	const struct erca_kernel *kernel = RECORD(view->artifact, KERNELS, struct erca_kernel, variant->kernel);
	bool is_emulated = view->target->kind == ERCA_TARGET_CPU && variant->threads;
	return is_emulated ? 0 : (double)variant->local_bytes + (kernel ? kernel->static_bytes : 0);
}

static void beyond_rows(struct view *view, const struct erca_record *record, int depth)
{
	(void)depth;
	const struct erca_variant *variant;
	for (uint32_t i = 0; (variant = variant_of(view, record, i)); i++) {
		const struct erca_budget *budget =
			RECORD(view->artifact, BUDGETS, struct erca_budget, view->target->budget_first + i);
		double local = counted_local(view, variant);
		if (!budget || local <= (double)budget->local_bytes)
			continue;
		if (!view->begun)
			begin_table(view, "beyond", "excess local memory", beyond_columns, COUNT_OF(beyond_columns));
		view->begun = true;
		add_entry_cells(view);
		report_cell(view->report, "step", view->step);
		report_cell_text(view->report, "name", "%s", string(view, record->name));
		add_budget_name(view, i);
		report_cell(view->report, "local_bytes", local);
		report_cell(view->report, "budget_bytes", (double)budget->local_bytes);
	}
}

static void add_beyond(struct view *view)
{
	walk_entry(view, beyond_rows);
}

/* Whether a launch uses the kernel under one of its budgets. */
static bool runs_kernel(const erc_artifact *artifact, const struct erca_record *record, uint32_t kernel)
{
	bool runs = false;
	for (uint32_t k = 0; k < record->variant_count; k++)
		runs |= RECORD(artifact, VARIANTS, struct erca_variant, record->variant_first + k)->kernel == kernel;
	return runs;
}

static void add_kernels(const erc_artifact *artifact, struct report *report)
{
	report_table(report, "kernels", "kernels", kernel_columns, COUNT_OF(kernel_columns));
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_KERNELS); i++) {
		const struct erca_kernel *kernel = RECORD(artifact, KERNELS, struct erca_kernel, i);
		const struct erca_target *target = RECORD(artifact, TARGETS, struct erca_target, kernel->target);
		uint32_t launches = 0;
		for (uint32_t j = 0; j < erc_artifact_count(artifact, ERC_TABLE_RECORDS); j++)
			launches += runs_kernel(artifact, RECORD(artifact, RECORDS, struct erca_record, j), i);
		report_cell_text(report, "kernel", "%s", erc_artifact_string(artifact, kernel->name));
		report_cell_text(report, "target", "%s", target ? erc_artifact_string(artifact, target->name) : "?");
		report_cell(report, "launches", launches);
		add_digest(report, "digest", kernel->digest, 6);
	}
}

static void add_parts(const erc_artifact *artifact, const char *path, const struct inspect *inspect,
                      struct report *report)
{
	if (!inspect->plan && !inspect->memory && !inspect->kernels && !inspect->variants && !inspect->budgets) {
		add_facts(artifact, path, report);
		for_each_entry(artifact, report, add_entry_tensors);
		add_targets(artifact, report);
		add_entries(artifact, report);
		inspect_ranges(artifact, report);
		add_classes(artifact, report);
	}
	if (inspect->plan)
		for_each_entry(artifact, report, add_plan);
	if (inspect->memory)
		add_memory(artifact, report);
	if (inspect->kernels)
		add_kernels(artifact, report);
	if (inspect->budgets) {
		add_targets(artifact, report);
		for_each_entry(artifact, report, add_beyond);
		inspect_profiles(artifact, report);
	}
	if (inspect->variants)
		for_each_entry(artifact, report, add_variants);
}

int inspect_artifact(const char *path, const struct inspect *inspect)
{
	erc_artifact *artifact;
	if (inspect->graph) {
		say_error("%s is an artifact: its graph was lowered to a plan", path);
		say_note("--plan shows its launches; --graph shows ONNX models");
		return EXIT_USAGE;
	}
	enum erc_status status = erc_artifact_open(path, &artifact);
	if (status != ERC_OK)
		return say_runtime_error(path, status);
	int code = EXIT_OK;
	if (inspect->meta) {
		code = inspect_print_meta(artifact, path);
	} else {
		struct report *report = report_new(INSPECT_SCHEMA);
		add_parts(artifact, path, inspect, report);
		report_print(report, inspect->format, stdout);
		report_free(report);
	}
	erc_artifact_close(artifact);
	return code;
}
