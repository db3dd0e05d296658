/* What a thread was computing when it faulted. Called by signal handlers: no locks, no allocation, no stdio. */
#include <string.h>

#include "runtime/core/handles.h"

struct line {
	char *text;
	size_t bytes, length;
};

static void add(struct line *line, const char *text)
{
	for (; *text && line->length + 1 < line->bytes; text++)
		line->text[line->length++] = *text;
	line->text[line->length] = 0;
}

static void add_number(struct line *line, uint32_t number)
{
	char digits[12], *at = digits + sizeof digits - 1;
	*at = 0;
	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	add(line, at);
}

void erc_fault_text(char *text, size_t bytes)
{
	struct line line = {text, bytes, 0};
	struct erc__current current = erc__current;
	if (!text || !bytes)
		return;
	*text = 0;
	if (!current.job)
		return;
	const struct erc_request *request = (const struct erc_request *)current.job; /* its first member */
	const struct erc_artifact *artifact = request->session->model->artifact;
	const struct erca_record *record = erc__record(artifact, ERC_TABLE_RECORDS, current.launch->record);
	add(&line, "launch ");
	add_number(&line, current.launch->record);
	add(&line, " '");
	add(&line, erc_artifact_string(artifact, record->name));
	add(&line, "', tile ");
	add_number(&line, current.tile);
	add(&line, " of ");
	add_number(&line, current.launch->tile_count);
	add(&line, ", unit ");
	add_number(&line, current.unit);
}
