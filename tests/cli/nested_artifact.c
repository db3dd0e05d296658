/* `nested_artifact OUT.erca`: an artifact of a few kilobytes whose plans call each other, four calls in each, 15 deep:
 * 4^15 steps for a reader that follows each call. */
#include <stdio.h>

#include "tests/devices/build_artifact.h"

enum { PLANS = 15, CALLS = 4 };

int main(int argc, char **argv)
{
	struct build build = {.code = NULL};
	size_t bytes;
	uint32_t name = build_text(&build, "main");
	BUILD_ADD(&build, BUDGETS, struct erca_budget, .name = build_text(&build, "full"));
	BUILD_ADD(&build, TARGETS, struct erca_target, .name = build_text(&build, "sim:h100"), .kind = ERCA_TARGET_SIM,
	          .code_section = ERCA_NONE, .budget_count = 1);
	for (uint32_t i = 0; i < PLANS; i++) {
		uint32_t first = build_count(&build, ERC_TABLE_RECORDS, sizeof(struct erca_record));
		for (uint32_t k = 0; k < CALLS && i + 1 < PLANS; k++)
			BUILD_ADD(&build, RECORDS, struct erca_record, .kind = ERCA_RECORD_CALL, .name = name, .plan_a = i + 1,
			          .plan_b = ERCA_NONE, .fault_slot = ERCA_NONE);
		BUILD_ADD(&build, PLANS, struct erca_plan, .record_first = first, .record_count = i + 1 < PLANS ? CALLS : 0);
	}
	BUILD_ADD(&build, ENTRIES, struct erca_entry, .name = name);
	uint8_t *file = build_finish(&build, &bytes);
	FILE *out = argc == 2 ? fopen(argv[1], "wb") : NULL;
	int is_written = out && fwrite(file, 1, bytes, out) == bytes;
	is_written = out && !fclose(out) && is_written;
	free(file);
	return !is_written;
}
