/* Reports: facts and tables, described once; report_print.c prints them as text, JSON,
 * Markdown or CSV. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/erc/report.h"

struct report *report_new(const char *schema)
{
	struct report *report = memory_new(sizeof *report);
	report->schema = schema;
	report_section(report, NULL, NULL);
	return report;
}

static struct section *section_add(struct report *report, const char *key, const char *title)
{
	report->sections = memory_grow(report->sections, (report->count + 1) * sizeof *report->sections);
	struct section *section = &report->sections[report->count++];
	*section = (struct section){.key = key, .title = title};
	return section;
}

void report_section(struct report *report, const char *key, const char *title)
{
	section_add(report, key, title);
}

static struct cell *cell_add(struct section *section)
{
	section->cells = memory_grow(section->cells, (section->cell_count + 1) * sizeof *section->cells);
	struct cell *cell = &section->cells[section->cell_count++];
	*cell = (struct cell){0};
	return cell;
}

static struct section *last_section(struct report *report)
{
	return &report->sections[report->count - 1];
}

void report_fact(struct report *report, const char *key, const char *heading, enum cell_kind kind, double value)
{
	struct cell *cell = cell_add(last_section(report));
	*cell = (struct cell){.key = key, .heading = heading, .kind = kind, .value = value};
}

void report_fact_text(struct report *report, const char *key, const char *heading, const char *format, ...)
{
	struct cell *cell = cell_add(last_section(report));
	cell->key = key;
	cell->heading = heading;
	va_list list;
	va_start(list, format);
	if (vasprintf(&cell->text, format, list) < 0)
		cell->text = memory_printf("?");
	va_end(list);
}

void report_table(struct report *report, const char *key, const char *title, const struct column *columns, size_t count)
{
	struct section *section = section_add(report, key, title);
	section->columns = columns;
	section->column_count = count;
}

void report_table_titled(struct report *report, const char *key, const struct column *columns, size_t count,
                         const char *format, ...)
{
	report_table(report, key, NULL, columns, count);
	struct section *section = last_section(report);
	va_list list;
	va_start(list, format);
	if (vasprintf(&section->made_title, format, list) < 0)
		section->made_title = NULL;
	va_end(list);
	section->title = section->made_title;
}

/* The next cell of the table takes what its column says. */
static struct cell *table_cell(struct report *report, const char *name)
{
	struct section *section = last_section(report);
	const struct column *column = &section->columns[section->cell_count % section->column_count];
	if (strcmp(column->key ? column->key : column->heading, name)) {
		fprintf(stderr, "erc: bug: a cell for column '%s' of table '%s' comes where '%s' is next\n", name,
		        section->key ? section->key : "", column->key ? column->key : column->heading);
		abort();
	}
	struct cell *cell = cell_add(section);
	cell->key = column->key;
	cell->heading = column->heading;
	cell->kind = column->kind;
	return cell;
}

void report_cell(struct report *report, const char *column, double value)
{
	table_cell(report, column)->value = value;
}

void report_cell_text(struct report *report, const char *column, const char *format, ...)
{
	struct cell *cell = table_cell(report, column);
	cell->kind = CELL_TEXT;
	va_list list;
	va_start(list, format);
	if (vasprintf(&cell->text, format, list) < 0)
		cell->text = memory_printf("?");
	va_end(list);
}

void report_samples(struct report *report, const char *key, const double *values, size_t count)
{
	struct section *section = section_add(report, key, NULL);
	section->samples = memory_new(count * sizeof *values);
	memcpy(section->samples, values, count * sizeof *values);
	section->sample_count = count;
}

void report_free(struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		struct section *section = &report->sections[i];
		for (size_t j = 0; j < section->cell_count; j++)
			free(section->cells[j].text);
		free(section->cells);
		free(section->made_title);
		free(section->samples);
	}
	free(report->sections);
	free(report);
}
