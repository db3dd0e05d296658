/* The four forms of a report. Text keeps within the terminal's width (80 where there is
 * none) by cutting the widest text columns and wrapping facts without keys; the other forms cut nothing. */
#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/erc/report.h"

#define CELL_MIN 12 /* no column is cut below this width */
#define BAR_WIDTH 25

/* ---- cells ---- */

static char *bytes_text(double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;
	while (bytes >= 1024 && unit + 1 < COUNT_OF(units)) {
		bytes /= 1024;
		unit++;
	}
	return unit ? memory_printf("%.1f %s", bytes, units[unit]) : memory_printf("%.0f B", bytes);
}

static const struct time_unit {
	const char *name;
	double us;
	int decimals, fact_decimals;
} time_units[] = {{"us", 1, 1, 1}, {"ms", 1e3, 3, 2}, {"s", 1e6, 3, 2}};

/* The unit in which times up to this one are printed. */
static const struct time_unit *time_unit(double most_us)
{
	return &time_units[(most_us >= 1e3) + (most_us >= 1e6)];
}

static char *us_text(double us)
{
	const struct time_unit *unit = time_unit(us);
	return memory_printf("%.*f %s", unit->fact_decimals, us / unit->us, unit->name);
}

/* The rest of the bar is empty. A share above 0 has at least one mark. */
static char *bar_text(double share)
{
	static const char bar[] = "#########################";
	int width = (int)(share * BAR_WIDTH + 0.5);
	return memory_printf("%.*s", width < 1 && share > 0 ? 1 : width, bar);
}

static bool is_left(enum cell_kind kind)
{
	return kind == CELL_TEXT || kind == CELL_BAR;
}

static char *cell_text(const struct cell *cell)
{
	if (cell->text || cell->kind == CELL_TEXT)
		return memory_printf("%s", cell->text ? cell->text : "");
	if (!isfinite(cell->value))
		return memory_printf("-");
	if (cell->kind == CELL_BYTES)
		return bytes_text(cell->value);
	if (cell->kind == CELL_US)
		return us_text(cell->value);
	if (cell->kind == CELL_BAR)
		return bar_text(cell->value);
	if (cell->kind == CELL_RATIO)
		return memory_printf("%.3f", cell->value);
	if (cell->kind == CELL_SHARE)
		return memory_printf("%.1f %%", cell->value * 100);
	return memory_printf(cell->kind == CELL_COUNT || fabs(cell->value) >= 1000 ? "%.0f" : "%.4g", cell->value);
}

/* For JSON and CSV: numbers without units; empty if not finite. */
static char *cell_raw(const struct cell *cell)
{
	if (cell->text || cell->kind == CELL_TEXT)
		return memory_printf("%s", cell->text ? cell->text : "");
	return isfinite(cell->value) ? memory_printf("%.15g", cell->value) : memory_printf("%s", "");
}

/* Characters on the screen: UTF-8 continuation bytes take none. */
static size_t text_width(const char *text)
{
	size_t width = 0;
	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static size_t screen_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	if (columns && atoi(columns) >= 40)
		return (size_t)atoi(columns);
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col >= 40)
		return size.ws_col;
	return 80;
}

/* ---- text and Markdown ---- */

/* A section as it is printed. */
struct sheet {
	const struct section *section;
	char **texts;    /* per cell */
	char **headings; /* per column of a table; NULL: not shown */
	size_t *widths;  /* per column, in text */
	bool *middles;   /* per column, in text: texts that are too long are cut in the middle, not at the end */
};

static bool is_same_figure(const struct column *a, const struct column *b)
{
	const char *x = a->key ? a->key : a->heading, *y = b->key ? b->key : b->heading;
	return a->kind == b->kind && !strcmp(x, y);
}

/* The unit of a column's times: the unit of its longest time, in all tables of the report that have the column. */
static const struct time_unit *column_unit(const struct report *report, const struct column *column)
{
	double most = 0;
	for (size_t k = 0; k < report->count; k++) {
		const struct section *section = &report->sections[k];
		for (size_t i = 0; section->columns && i < section->cell_count; i++)
			if (section->cells[i].value > most && is_same_figure(&section->columns[i % section->column_count], column))
				most = section->cells[i].value;
	}
	return time_unit(most);
}

static void make_column(const struct report *report, struct sheet *sheet, size_t c)
{
	const struct section *section = sheet->section;
	const struct column *column = &section->columns[c];
	bool is_time = column->kind == CELL_US;
	const struct time_unit *unit = is_time ? column_unit(report, column) : NULL;
	if (column->heading)
		sheet->headings[c] = memory_printf("%s%s%s", column->heading, is_time ? " " : "", is_time ? unit->name : "");
	for (size_t i = c; i < section->cell_count; i += section->column_count)
		sheet->texts[i] = is_time && isfinite(section->cells[i].value)
		                      ? memory_printf("%.*f", unit->decimals, section->cells[i].value / unit->us)
		                      : cell_text(&section->cells[i]);
}

static struct sheet sheet_new(const struct report *report, const struct section *section)
{
	struct sheet sheet = {
		section,
		memory_new(section->cell_count * sizeof(char *)),
		memory_new(section->column_count * sizeof(char *)),
		memory_new(section->column_count * sizeof(size_t)),
		memory_new(section->column_count * sizeof(bool)),
	};
	for (size_t c = 0; c < section->column_count; c++)
		make_column(report, &sheet, c);
	for (size_t i = 0; !section->columns && i < section->cell_count; i++)
		sheet.texts[i] = cell_text(&section->cells[i]);
	return sheet;
}

static void sheet_free(struct sheet *sheet)
{
	for (size_t i = 0; i < sheet->section->cell_count; i++)
		free(sheet->texts[i]);
	for (size_t c = 0; c < sheet->section->column_count; c++)
		free(sheet->headings[c]);
	free(sheet->texts);
	free(sheet->headings);
	free(sheet->widths);
	free(sheet->middles);
}

/* A table or facts without keys: printed only as text and Markdown. */
static bool is_for_reading(const struct section *section)
{
	return section->columns ? !section->columns[0].key : section->cell_count && !section->cells[0].key;
}

static void pad(FILE *out, size_t count)
{
	while (count--)
		fputc(' ', out);
}

/* The first byte of text after `count` characters. */
static const char *skip_characters(const char *text, size_t count)
{
	for (; *text && count; count--)
		do
			text++;
		while (((unsigned char)*text & 0xc0) == 0x80);
	return text;
}

/* Prints text in `width` columns. In a longer text "..." replaces the end, or the middle. */
static void print_cell(FILE *out, const char *text, size_t width, bool middle, bool right, bool last)
{
	size_t length = text_width(text);
	if (length > width && width > 3) {
		size_t tail = middle ? (width - 3) / 2 : 0;
		int head_bytes = (int)(skip_characters(text, width - 3 - tail) - text);
		fprintf(out, "%.*s...%s", head_bytes, text, skip_characters(text, length - tail));
		return;
	}
	if (right)
		pad(out, width - length);
	fputs(text, out);
	if (!right && !last)
		pad(out, width - length);
}

/* Whether two consecutive rows that differ would look alike if the ends of their texts were cut. */
static bool would_look_alike(const struct sheet *sheet, size_t column)
{
	const struct section *section = sheet->section;
	size_t width = sheet->widths[column];
	bool found = false;
	for (size_t i = column; i + section->column_count < section->cell_count; i += section->column_count) {
		const char *a = sheet->texts[i], *b = sheet->texts[i + section->column_count];
		if (width > 3 && text_width(a) > width && text_width(b) > width && strcmp(a, b))
			found |= !strncmp(a, b, (size_t)(skip_characters(a, width - 3) - a));
	}
	return found;
}

/* Widths of a table's columns, shrunk until the row fits. */
static void fit_columns(const struct sheet *sheet, size_t screen)
{
	const struct section *section = sheet->section;
	size_t *widths = sheet->widths;
	size_t total = 2;
	for (size_t c = 0; c < section->column_count; c++) {
		if (!sheet->headings[c])
			continue;
		widths[c] = text_width(sheet->headings[c]);
		for (size_t i = c; i < section->cell_count; i += section->column_count) {
			size_t width = text_width(sheet->texts[i]);
			widths[c] = width > widths[c] ? width : widths[c];
		}
		total += widths[c] + 2;
	}
	for (; total > screen + 2; total--) {
		size_t widest = section->column_count;
		for (size_t c = 0; c < section->column_count; c++)
			if (section->columns[c].kind == CELL_TEXT &&
			    (widest == section->column_count || widths[c] >= widths[widest]))
				widest = c;
		if (widest == section->column_count || widths[widest] <= CELL_MIN)
			return;
		widths[widest]--;
	}
}

/* One line of a table: its headings, or one row of cells. */
static void text_row(FILE *out, const struct sheet *sheet, char *const *cells)
{
	const struct section *section = sheet->section;
	for (size_t c = 0; c < section->column_count; c++) {
		if (!sheet->headings[c])
			continue;
		pad(out, 2);
		print_cell(out, cells[c], sheet->widths[c], sheet->middles[c], !is_left(section->columns[c].kind),
		           c + 1 == section->column_count);
	}
	fputc('\n', out);
}

static void text_table(FILE *out, const struct sheet *sheet)
{
	const struct section *section = sheet->section;
	fit_columns(sheet, screen_width());
	for (size_t c = 0; c < section->column_count; c++)
		sheet->middles[c] = sheet->headings[c] && would_look_alike(sheet, c);
	text_row(out, sheet, sheet->headings);
	for (size_t i = 0; i < section->cell_count; i += section->column_count)
		text_row(out, sheet, &sheet->texts[i]);
	if (!section->cell_count)
		fprintf(out, "  (none)\n");
}

/* Wraps text; all its lines after the first are indented by `indent` columns. */
static void wrap(FILE *out, const char *text, size_t indent)
{
	size_t room = screen_width() > indent + 20 ? screen_width() - indent : 20;
	while (text_width(text) > room) {
		size_t bytes = 0, last = 0;
		for (size_t width = 0; text[bytes] && width <= room; bytes++) {
			last = text[bytes] == ' ' && text[bytes + 1] != '%' ? bytes : last;
			width += ((unsigned char)text[bytes] & 0xc0) != 0x80;
		}
		if (!last)
			break;
		fprintf(out, "%.*s\n", (int)last, text);
		pad(out, indent);
		text += last + 1;
	}
	fprintf(out, "%s\n", text);
}

static void text_facts(FILE *out, const struct sheet *sheet)
{
	const struct section *section = sheet->section;
	size_t width = 0;
	for (size_t i = 0; i < section->cell_count; i++) {
		size_t length = section->cells[i].heading ? text_width(section->cells[i].heading) : 0;
		width = length > width ? length : width;
	}
	for (size_t i = 0; i < section->cell_count; i++) {
		if (!section->cells[i].heading)
			continue;
		fprintf(out, "  %-*s  ", (int)width, section->cells[i].heading);
		if (is_for_reading(section))
			wrap(out, sheet->texts[i], width + 4);
		else
			fprintf(out, "%s\n", sheet->texts[i]);
	}
}

/* Escapes bars, and also backslashes: one before a bar would cancel the bar's escape. A cell is one line. */
static void md_cell(FILE *out, const char *text)
{
	fputs(" ", out);
	for (; *text; text++)
		fprintf(out, *text == '|' || *text == '\\' ? "\\%c" : "%c", *text == '\n' || *text == '\r' ? ' ' : *text);
	fputs(" |", out);
}

/* Facts are a table of two columns without headings. */
static void md_facts(FILE *out, const struct sheet *sheet)
{
	fprintf(out, "| | |\n|---|---|\n");
	for (size_t i = 0; i < sheet->section->cell_count; i++) {
		if (!sheet->section->cells[i].heading)
			continue;
		fputc('|', out);
		md_cell(out, sheet->section->cells[i].heading);
		md_cell(out, sheet->texts[i]);
		fputc('\n', out);
	}
}

static void md_table(FILE *out, const struct sheet *sheet)
{
	const struct section *section = sheet->section;
	fputc('|', out);
	for (size_t c = 0; c < section->column_count; c++)
		if (sheet->headings[c])
			md_cell(out, sheet->headings[c]);
	fputs("\n|", out);
	for (size_t c = 0; c < section->column_count; c++)
		if (sheet->headings[c])
			fputs(is_left(section->columns[c].kind) ? "---|" : "---:|", out);
	fputc('\n', out);
	for (size_t i = 0; i < section->cell_count; i++) {
		size_t c = i % section->column_count;
		if (c == 0)
			fputc('|', out);
		if (sheet->headings[c])
			md_cell(out, sheet->texts[i]);
		if (c + 1 == section->column_count)
			fputc('\n', out);
	}
}

/* Whether text and Markdown show nothing of the section: it has samples, or facts without headings. */
static bool is_hidden(const struct section *section)
{
	if (section->columns || section->samples)
		return section->samples;
	for (size_t i = 0; i < section->cell_count; i++)
		if (section->cells[i].heading)
			return false;
	return true;
}

static void print_text(const struct report *report, bool md, FILE *out)
{
	bool first = true;
	for (size_t i = 0; i < report->count; i++) {
		const struct section *section = &report->sections[i];
		if (is_hidden(section))
			continue;
		struct sheet sheet = sheet_new(report, section);
		if (!first)
			fputc('\n', out);
		first = false;
		if (section->title)
			fprintf(out, md ? "## %s\n\n" : "%s\n", section->title);
		if (md)
			(section->columns ? md_table : md_facts)(out, &sheet);
		else
			(section->columns ? text_table : text_facts)(out, &sheet);
		sheet_free(&sheet);
	}
}

/* ---- CSV ---- */

static void csv_cell(FILE *out, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++)
		fprintf(out, *text == '"' ? "\"%c" : "%c", *text);
	fputc('"', out);
}

/* A fact of a section is named as in JSON: "latency.p50_us". */
static void csv_facts(FILE *out, const struct section *section)
{
	for (size_t i = 0; i < section->cell_count; i++) {
		char *text = cell_raw(&section->cells[i]);
		if (section->key)
			fprintf(out, "%s.", section->key);
		csv_cell(out, section->cells[i].key);
		fputc(',', out);
		csv_cell(out, text);
		fputc('\n', out);
		free(text);
	}
}

static void csv_table(FILE *out, const struct section *section)
{
	for (size_t c = 0; c < section->column_count; c++)
		fprintf(out, "%s%s", c ? "," : "", section->columns[c].key);
	fputc('\n', out);
	for (size_t i = 0; i < section->cell_count; i++) {
		char *text = cell_raw(&section->cells[i]);
		csv_cell(out, text);
		fputc((i + 1) % section->column_count ? ',' : '\n', out);
		free(text);
	}
}

static void print_csv(const struct report *report, FILE *out)
{
	bool first = true;
	for (size_t i = 0; i < report->count; i++) {
		const struct section *section = &report->sections[i];
		if (section->samples || (!section->columns && !section->cell_count) || is_for_reading(section))
			continue;
		if (!first)
			fputc('\n', out);
		first = false;
		if (section->columns)
			csv_table(out, section);
		else
			csv_facts(out, section);
	}
}

/* ---- JSON ---- */

static void json_add(cJSON *object, const struct cell *cell)
{
	if (cell->text || cell->kind == CELL_TEXT)
		cJSON_AddStringToObject(object, cell->key, cell->text ? cell->text : "");
	else if (isfinite(cell->value))
		cJSON_AddNumberToObject(object, cell->key, cell->value);
	else
		cJSON_AddNullToObject(object, cell->key);
}

static void json_table(cJSON *root, const struct section *section)
{
	cJSON *rows = cJSON_GetObjectItem(root, section->key), *row = NULL;
	if (!rows)
		rows = cJSON_AddArrayToObject(root, section->key);
	for (size_t i = 0; i < section->cell_count; i++) {
		if (i % section->column_count == 0) {
			row = cJSON_CreateObject();
			cJSON_AddItemToArray(rows, row);
		}
		json_add(row, &section->cells[i]);
	}
}

static void json_section(cJSON *root, const struct section *section)
{
	if (section->samples) {
		int count = (int)section->sample_count;
		cJSON_AddItemToObject(root, section->key, cJSON_CreateDoubleArray(section->samples, count));
		return;
	}
	if (section->columns) {
		json_table(root, section);
		return;
	}
	cJSON *object = section->key ? cJSON_AddObjectToObject(root, section->key) : root;
	for (size_t i = 0; i < section->cell_count; i++)
		json_add(object, &section->cells[i]);
}

static void print_json(const struct report *report, FILE *out)
{
	cJSON *root = cJSON_CreateObject();
	cJSON_AddStringToObject(root, "schema", report->schema);
	for (size_t i = 0; i < report->count; i++)
		if (!is_for_reading(&report->sections[i]))
			json_section(root, &report->sections[i]);
	char *text = cJSON_Print(root);
	if (text)
		fprintf(out, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(root);
}

/* ---- formats ---- */

static const char *const format_names[] = {"text", "json", "md", "csv"};

int format_parse(const char *name, enum format *out)
{
	*out = FORMAT_TEXT;
	if (!name)
		return ARGS_OK;
	for (size_t i = 0; i < COUNT_OF(format_names); i++) {
		if (!strcmp(name, format_names[i])) {
			*out = (enum format)i;
			return ARGS_OK;
		}
	}
	say_error("unknown format '%s'", name);
	say_note("--format takes text, json, md or csv");
	return EXIT_USAGE;
}

void report_print(const struct report *report, enum format format, FILE *out)
{
	for (size_t i = 0; i < report->count; i++) /* whole rows: each column has its cell */
		assert(!report->sections[i].column_count ||
		       report->sections[i].cell_count % report->sections[i].column_count == 0);
	if (format == FORMAT_JSON)
		print_json(report, out);
	else if (format == FORMAT_CSV)
		print_csv(report, out);
	else
		print_text(report, format == FORMAT_MD, out);
}
