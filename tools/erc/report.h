/* What report.c builds and report_print.c prints. */
#ifndef ERC_REPORT_H
#define ERC_REPORT_H

#include "tools/erc/command.h"

struct cell {
	const char *key, *heading;
	enum cell_kind kind;
	double value; /* every kind but text */
	char *text;   /* CELL_TEXT; owned */
};

/* Facts (no columns), a table, or samples. */
struct section {
	const char *key;   /* NULL: facts of the top level */
	const char *title; /* NULL: no heading */
	char *made_title;  /* what title points to, when owned */
	const struct column *columns;
	size_t column_count;
	struct cell *cells; /* of a table: row by row */
	size_t cell_count;
	double *samples; /* JSON only; NULL otherwise */
	size_t sample_count;
};

struct report {
	const char *schema;
	struct section *sections;
	size_t count;
};

#endif
