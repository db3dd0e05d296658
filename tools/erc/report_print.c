/* The four forms of a report. Text keeps within the terminal's width (80 where there is
 * none) by cutting the widest text columns; the other forms cut nothing. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report.h"

#define COLUMNS_MAX 32
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

static char *us_text(double us)
{
	if (us < 1000)
		return memory_printf("%.1f us", us);
	if (us < 1e6)
		return memory_printf("%.2f ms", us / 1e3);
	return memory_printf("%.2f s", us / 1e6);
}

/* The rest of the bar is empty; what is more than nothing is seen. */
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
	if (cell->kind == CELL_BYTES)
		return bytes_text(cell->value);
	if (cell->kind == CELL_US)
		return us_text(cell->value);
	if (cell->kind == CELL_BAR)
		return bar_text(cell->value);
	return memory_printf(cell->kind == CELL_COUNT || fabs(cell->value) >= 1000 ? "%.0f" : "%.4g", cell->value);
}

/* For machines: numbers without units. */
static char *cell_raw(const struct cell *cell)
{
	if (cell->text || cell->kind == CELL_TEXT)
		return memory_printf("%s", cell->text ? cell->text : "");
	return memory_printf("%.15g", cell->value);
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

static void pad(FILE *out, size_t count)
{
	while (count--)
		fputc(' ', out);
}

/* Prints text in width columns, cut with "..." where it is longer. */
static void print_cell(FILE *out, const char *text, size_t width, bool right, bool last)
{
	size_t length = text_width(text);
	if (length > width && width > 3) {
		size_t bytes = 0;
		for (size_t seen = 0; text[bytes]; bytes++) {
			seen += ((unsigned char)text[bytes] & 0xc0) != 0x80;
			if (seen > width - 3)
				break;
		}
		fprintf(out, "%.*s...", (int)bytes, text);
		return;
	}
	if (right)
		pad(out, width - length);
	fputs(text, out);
	if (!right && !last)
		pad(out, width - length);
}

/* Widths of a table's columns, shrunk until the row fits. */
static void fit_columns(const struct section *section, char *const *texts, size_t *widths, size_t screen)
{
	size_t total = 2;
	for (size_t c = 0; c < section->column_count; c++) {
		widths[c] = 0;
		if (!section->columns[c].heading)
			continue;
		widths[c] = text_width(section->columns[c].heading);
		for (size_t i = c; i < section->cell_count; i += section->column_count) {
			size_t width = text_width(texts[i]);
			widths[c] = width > widths[c] ? width : widths[c];
		}
		total += widths[c] + 2;
	}
	for (; total > screen + 2; total--) {
		size_t widest = COLUMNS_MAX;
		for (size_t c = 0; c < section->column_count; c++)
			if (section->columns[c].kind == CELL_TEXT && (widest == COLUMNS_MAX || widths[c] >= widths[widest]))
				widest = c;
		if (widest == COLUMNS_MAX || widths[widest] <= CELL_MIN)
			return;
		widths[widest]--;
	}
}

static void text_row(FILE *out, const struct section *section, const size_t *widths, char *const *cells, size_t row)
{
	for (size_t c = 0; c < section->column_count; c++) {
		if (!section->columns[c].heading)
			continue;
		const char *text = cells ? cells[row * section->column_count + c] : section->columns[c].heading;
		pad(out, 2);
		print_cell(out, text, widths[c], !is_left(section->columns[c].kind), c + 1 == section->column_count);
	}
	fputc('\n', out);
}

static void text_table(FILE *out, const struct section *section, char *const *texts)
{
	size_t widths[COLUMNS_MAX], rows = section->cell_count / section->column_count;
	fit_columns(section, texts, widths, screen_width());
	text_row(out, section, widths, NULL, 0);
	for (size_t row = 0; row < rows; row++)
		text_row(out, section, widths, texts, row);
	if (!rows)
		fprintf(out, "  (none)\n");
}

static void text_facts(FILE *out, const struct section *section, char *const *texts)
{
	size_t width = 0;
	for (size_t i = 0; i < section->cell_count; i++) {
		size_t length = text_width(section->cells[i].heading);
		width = length > width ? length : width;
	}
	for (size_t i = 0; i < section->cell_count; i++)
		fprintf(out, "  %-*s  %s\n", (int)width, section->cells[i].heading, texts[i]);
}

static void md_cell(FILE *out, const char *text)
{
	fputs(" ", out);
	for (; *text; text++)
		fprintf(out, *text == '|' ? "\\%c" : "%c", *text);
	fputs(" |", out);
}

/* Facts are a table of two columns without headings. */
static void md_facts(FILE *out, const struct section *section, char *const *texts)
{
	fprintf(out, "| | |\n|---|---|\n");
	for (size_t i = 0; i < section->cell_count; i++) {
		fputc('|', out);
		md_cell(out, section->cells[i].heading);
		md_cell(out, texts[i]);
		fputc('\n', out);
	}
}

static void md_table(FILE *out, const struct section *section, char *const *texts)
{
	fputc('|', out);
	for (size_t c = 0; c < section->column_count; c++)
		if (section->columns[c].heading)
			md_cell(out, section->columns[c].heading);
	fputs("\n|", out);
	for (size_t c = 0; c < section->column_count; c++)
		if (section->columns[c].heading)
			fputs(is_left(section->columns[c].kind) ? "---|" : "---:|", out);
	fputc('\n', out);
	for (size_t i = 0; i < section->cell_count; i++) {
		size_t c = i % section->column_count;
		if (c == 0)
			fputc('|', out);
		if (section->columns[c].heading)
			md_cell(out, texts[i]);
		if (c + 1 == section->column_count)
			fputc('\n', out);
	}
}

static void print_text(const struct report *report, bool md, FILE *out)
{
	bool first = true;
	for (size_t i = 0; i < report->count; i++) {
		const struct section *section = &report->sections[i];
		if (section->samples || (!section->columns && !section->cell_count))
			continue;
		char **texts = memory_new(section->cell_count * sizeof *texts);
		for (size_t j = 0; j < section->cell_count; j++)
			texts[j] = cell_text(&section->cells[j]);
		if (!first)
			fputc('\n', out);
		first = false;
		if (section->title)
			fprintf(out, md ? "## %s\n\n" : "%s\n", section->title);
		if (md)
			(section->columns ? md_table : md_facts)(out, section, texts);
		else if (section->columns)
			text_table(out, section, texts);
		else
			text_facts(out, section, texts);
		for (size_t j = 0; j < section->cell_count; j++)
			free(texts[j]);
		free(texts);
	}
}

/* A table without keys: for text and Markdown alone. */
static bool is_for_reading(const struct section *section)
{
	return section->columns && !section->columns[0].key;
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

static void csv_facts(FILE *out, const struct section *section)
{
	for (size_t i = 0; i < section->cell_count; i++) {
		char *text = cell_raw(&section->cells[i]);
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
	if (format == FORMAT_JSON)
		print_json(report, out);
	else if (format == FORMAT_CSV)
		print_csv(report, out);
	else
		print_text(report, format == FORMAT_MD, out);
}
