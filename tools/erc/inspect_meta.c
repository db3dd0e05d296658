/* The META section of an artifact: JSON about what it was made from. */
#include <cjson/cJSON.h>

#include "schemas/artifact.h"
#include "tools/erc/inspect.h"

/* NULL where the artifact has none. */
static const char *find_meta(const erc_artifact *artifact, size_t *bytes)
{
	for (uint32_t i = 0; i < erc_artifact_count(artifact, ERC_TABLE_SECTIONS); i++) {
		const struct erca_section *section = erc_artifact_record(artifact, ERC_TABLE_SECTIONS, i);
		const char *data = erc_artifact_section(artifact, i, bytes);
		if (data && section->type == ERCA_SECTION_META)
			return data;
	}
	return NULL;
}

int inspect_print_meta(const erc_artifact *artifact, const char *path)
{
	size_t bytes;
	const char *meta = find_meta(artifact, &bytes);
	if (!meta) {
		say_error("%s: the artifact has no META section", path);
		return EXIT_ARTIFACT;
	}
	fwrite(meta, 1, bytes, stdout); /* it is already JSON */
	putchar('\n');
	return EXIT_OK;
}

void inspect_taken(const erc_artifact *artifact, struct report *report)
{
	static const struct {
		const char *stated, *taken, *words;
	} versions[] = {
		{"ir_version", "taken_ir_version", "IR version"},
		{"opset", "taken_opset", "opset"},
	};
	size_t bytes = 0;
	const char *text = find_meta(artifact, &bytes);
	cJSON *meta = text ? cJSON_ParseWithLength(text, bytes) : NULL;
	const cJSON *model = cJSON_GetObjectItemCaseSensitive(meta, "model");
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		const cJSON *stated = cJSON_GetObjectItemCaseSensitive(model, versions[i].stated);
		const cJSON *taken = cJSON_GetObjectItemCaseSensitive(model, versions[i].taken);
		if (cJSON_IsNumber(stated) && cJSON_IsNumber(taken))
			report_fact_text(report, versions[i].taken, versions[i].words,
			                 "%.0f, unknown to the compiler: taken as %.0f", stated->valuedouble, taken->valuedouble);
	}
	cJSON_Delete(meta);
}
