/* The ranges of an artifact's entries, in `erc inspect`. */
#include <stdio.h>

#include "schemas/artifact.h"
#include "tools/erc/inspect.h"

static const struct column range_columns[] = {
	{"entry", "entry", CELL_TEXT}, {"target", NULL, CELL_TEXT},   {"range", "range", CELL_TEXT},
	{"least", "from", CELL_COUNT}, {"most", "to", CELL_COUNT},    {"step", "in steps of", CELL_COUNT},
	{"dims", "dims", CELL_TEXT},   {"numbers", NULL, CELL_COUNT}, /* that depend on the sizes of the entry */
};

/* The dims of inputs that the range is: "x[0] mask[0]". */
static void dims_of_range(const erc_artifact *artifact, const struct erca_resizable *row, uint32_t range, char *out,
                          size_t size)
{
	const struct erca_entry *entry = RECORD(artifact, ENTRIES, struct erca_entry, row->entry);
	size_t length = 0;
	for (uint32_t i = row->patch_first; i < row->patch_first + row->patch_count; i++) {
		const struct erca_patch *patch = RECORD(artifact, PATCHES, struct erca_patch, i);
		const struct erca_term *term = RECORD(artifact, TERMS, struct erca_term, row->term_first + patch->term);
		if (patch->kind != ERCA_PATCH_DIM || patch->index >= entry->input_count || term->a != range || length >= size)
			continue;
		const struct erca_tensor *tensor =
			RECORD(artifact, TENSORS, struct erca_tensor, entry->input_first + patch->index);
		length += (size_t)snprintf(out + length, size - length, "%s%s[%u]", length ? " " : "",
		                           erc_artifact_string(artifact, tensor->name), patch->at);
	}
}

void inspect_ranges(const erc_artifact *artifact, struct report *report)
{
	uint32_t count = erc_artifact_count(artifact, ERC_TABLE_RESIZABLES);
	if (count)
		report_table(report, "ranges", "ranges", range_columns, COUNT_OF(range_columns));
	for (uint32_t i = 0; i < count; i++) {
		const struct erca_resizable *row = RECORD(artifact, RESIZABLES, struct erca_resizable, i);
		const struct erca_entry *entry = RECORD(artifact, ENTRIES, struct erca_entry, row->entry);
		const struct erca_target *target = RECORD(artifact, TARGETS, struct erca_target, entry->target);
		for (uint32_t r = 0; r < row->range_count; r++) {
			const struct erca_range *range = RECORD(artifact, RANGES, struct erca_range, row->range_first + r);
			char dims[1024] = "";
			dims_of_range(artifact, row, r, dims, sizeof dims);
			report_cell_text(report, "entry", "%s", erc_artifact_string(artifact, entry->name));
			report_cell_text(report, "target", "%s", erc_artifact_string(artifact, target->name));
			report_cell_text(report, "range", "%s", erc_artifact_string(artifact, range->name));
			report_cell(report, "least", (double)range->least);
			report_cell(report, "most", (double)range->most);
			report_cell(report, "step", range->step);
			report_cell_text(report, "dims", "%s", dims);
			report_cell(report, "numbers", row->patch_count);
		}
	}
}
