/* Texts and exit codes of the statuses. */
#include "compiler/core/core.h"

static const struct {
	int exit_code;
	const char *text;
} statuses[] = {
#define X(id, code, message) [ERCC_##id] = {code, message},
	ERCC_STATUSES(X)
#undef X
};

const char *ercc_status_text(enum ercc_status status)
{
	return (size_t)status < COUNT_OF(statuses) ? statuses[status].text : "unknown status";
}

int ercc_status_exit_code(enum ercc_status status)
{
	return (size_t)status < COUNT_OF(statuses) ? statuses[status].exit_code : 1;
}
