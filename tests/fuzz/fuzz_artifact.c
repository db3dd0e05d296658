/* The artifact reader on changed artifacts with repaired digests. A libFuzzer target: its input is a list of changes, 16
 * bytes each, of the artifact of tests/unit/sample_artifact.h. What opens is read, loaded and run on the null device. */
#include <stdint.h>
#include <string.h>

#include "tests/unit/sample_artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* One change of `1 << width` bytes at an offset from the beginning of what `place` names: the header, the table of
 * contents, PLAN's header, else record `record` of a table. */
struct edit {
	uint8_t place, width;
	uint16_t record, offset, reserved;
	uint64_t value;
};

static void apply(uint8_t *file, size_t bytes, const struct edit *edit)
{
	static const struct erca_plan_header none;
	struct erca_header *header = (void *)file;
	struct erca_section *sections = (void *)(file + sizeof *header); /* where the sample has it */
	const struct erca_section *plan_section = &sections[BUILD_PLAN_SECTION];
	uint64_t at = 0, end = bytes;
	uint32_t tables = (sizeof none - 8) / sizeof(struct erca_table), width = 1u << (edit->width & 3);
	if (edit->place == 1)
		at = sizeof *header;
	else if (edit->place > 1) {
		if (plan_section->offset % 8 || plan_section->offset > bytes ||
		    plan_section->bytes > bytes - plan_section->offset || plan_section->bytes < sizeof none)
			return;
		at = plan_section->offset;
		end = at + plan_section->bytes;
		if (edit->place > 2) {
			const struct erca_table *table =
				(const void *)(file + at + 8 + (edit->place - 3u) % tables * sizeof *table);
			if (table->offset > plan_section->bytes)
				return;
			at += table->offset + (uint64_t)edit->record * table->stride;
		}
	}
	at += edit->offset;
	if (at <= end && width <= end - at)
		memcpy(file + at, &edit->value, width);
}

static void run(const uint8_t *file, size_t bytes)
{
	static uint8_t memory[1 << 16];
	struct erc_runtime_options options = {.size = sizeof options, .device = "null", .units = 1};
	erc_runtime *runtime;
	erc_model *model;
	if (erc_runtime_create(&options, &runtime))
		abort();
	if (!erc_model_load_memory(runtime, file, bytes, NULL, &model)) {
		erc_session *session = NULL;
		erc_request *request = NULL;
		struct erc_memory_info info;
		if (!erc_session_create(model, NULL, &session) && !erc_model_memory(model, erc_session_entry(session), &info) &&
		    info.arena_bytes < 1 << 20 && !erc_request_create(session, &request)) {
			erc_request_bind_input(request, 0, memory, 8);
			erc_request_bind_output(request, 0, memory, 96);
			erc_request_run(request);
		}
		if (erc_request_destroy(request) || erc_session_destroy(session) || erc_model_unload(model))
			abort();
	}
	if (erc_runtime_destroy(runtime))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	size_t file_bytes;
	uint8_t *file = sample(&file_bytes);
	erc_artifact *artifact;
	for (size_t at = 0; at + sizeof(struct edit) <= bytes && at < 16 * sizeof(struct edit); at += sizeof(struct edit)) {
		struct edit edit;
		memcpy(&edit, data + at, sizeof edit);
		apply(file, file_bytes, &edit);
	}
	build_rehash(file, file_bytes);
	if (!erc_artifact_open_memory(file, file_bytes, &artifact)) {
		read_all(artifact);
		erc_artifact_close(artifact);
		run(file, file_bytes);
	}
	free(file);
	return 0;
}
