/* `erc ops`: the compiler's operator table. */
#include "tools/erc/command.h"

static const char text[] = "Lists the operators that can be compiled, with the opset version from which each\n"
						   "row holds.";
static const char examples[] = "  erc ops\n"
							   "  erc ops --format md > OPERATORS.md\n";

static const struct column columns[] = {
	{"operator", "operator", CELL_TEXT}, {"domain", "domain", CELL_TEXT}, {"since", "since", CELL_COUNT},
	{"family", "family", CELL_TEXT},     {"form", "form", CELL_TEXT},     {"dtypes", "types", CELL_TEXT},
};

int cmd_ops(int argc, char **argv)
{
	const char *format_name = NULL;
	const struct option options[] = {
		{"format", 0, OPTION_TEXT, &format_name, "FORM", "text (default), json, md or csv"},
	};
	const struct usage usage = {"ops", "[--format FORM]", text, examples, options, COUNT_OF(options), 0, 0, ""};
	enum format format;
	int code = args_parse(&usage, argc, argv, NULL);
	if (code == ARGS_OK)
		code = format_parse(format_name, &format);
	if (code != ARGS_OK)
		return code;
	struct report *report = report_new("erc.ops/1");
	report_table(report, "operators", NULL, columns, COUNT_OF(columns));
	const struct ercc_operator *row;
	for (uint32_t i = 0; (row = ercc_operator_row(i)); i++) {
		report_cell_text(report, "operator", "%s", row->name);
		report_cell_text(report, "domain", "%s", *row->domain ? row->domain : "ai.onnx");
		report_cell(report, "since", row->since);
		report_cell_text(report, "family", "%s", row->family);
		report_cell_text(report, "form", "%s", row->form);
		report_cell_text(report, "dtypes", "%s", row->dtypes);
	}
	report_print(report, format, stdout);
	report_free(report);
	return EXIT_OK;
}
