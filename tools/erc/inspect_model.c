/* `erc inspect` of an ONNX model: what the file declares, and which parts of it can be compiled. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/inspect.h"

static const struct column value_columns[] = {
	{"kind", "", CELL_TEXT},
	{"name", "name", CELL_TEXT},
	{"dtype", "type", CELL_TEXT},
	{"shape", "shape", CELL_TEXT},
};
static const struct column operator_columns[] = {
	{"operator", "operator", CELL_TEXT},
	{"uses", "nodes", CELL_COUNT},
	{"supported", "supported", CELL_TEXT},
};

/* "[1x3x224x224]", or "[batch x 3 x ? x 224]" if some dimensions are not numbers. */
static char *shape_of_value(const struct ercc_value_info *info)
{
	if (info->rank < 0)
		return memory_printf("[*]");
	bool numbers = true;
	for (int32_t i = 0; i < info->rank; i++)
		numbers = numbers && info->dims[i] >= 0;
	char *text = memory_printf("[");
	for (int32_t i = 0; i < info->rank; i++) {
		char *longer;
		const char *by = !i ? "" : numbers ? "x" : " x ";
		if (info->dims[i] >= 0)
			longer = memory_printf("%s%s%lld", text, by, (long long)info->dims[i]);
		else
			longer = memory_printf("%s%s%s", text, by, info->dim_names[i] ? info->dim_names[i] : "?");
		free(text);
		text = longer;
	}
	char *closed = memory_printf("%s]", text);
	free(text);
	return closed;
}

static void add_values(struct report *report, const char *kind, const struct ercc_value_info *infos, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		char *shape = shape_of_value(&infos[i]);
		report_cell_text(report, "kind", "%s", kind);
		report_cell_text(report, "name", "%s", infos[i].name);
		report_cell_text(report, "dtype", "%s%s%s", infos[i].kind & ERCC_OPTIONAL ? "optional " : "",
		                 infos[i].kind & ERCC_SEQUENCE ? "sequence of " : "", erc_dtype_name(infos[i].dtype));
		report_cell_text(report, "shape", "%s", shape);
		free(shape);
	}
}

static void add_operators(struct report *report, const struct ercc_model_info *info)
{
	report_table(report, "operators", "operators", operator_columns, COUNT_OF(operator_columns));
	for (uint32_t i = 0; i < info->operator_count; i++) {
		report_cell_text(report, "operator", "%s", info->operators[i]);
		report_cell(report, "uses", info->operator_uses[i]);
		report_cell_text(report, "supported", "%s", info->operator_supported[i] ? "yes" : "no");
	}
}

static struct report *describe(const char *path, const struct ercc_model_info *info)
{
	struct report *report = report_new(INSPECT_SCHEMA);
	report_fact_text(report, "kind", "kind", "ONNX model");
	report_fact_text(report, "path", "file", "%s", path);
	report_fact_text(report, "producer", "producer", "%s",
	                 info->producer && *info->producer ? info->producer : "(not stated)");
	report_fact(report, "ir_version", "IR version", CELL_COUNT, (double)info->ir_version);
	if (info->taken_ir_version != info->ir_version)
		report_fact(report, "taken_ir_version", "taken as IR", CELL_COUNT, (double)info->taken_ir_version);
	report_fact(report, "opset", "opset", CELL_COUNT, (double)info->opset);
	if (info->taken_opset != info->opset)
		report_fact(report, "taken_opset", "taken as opset", CELL_COUNT, (double)info->taken_opset);
	report_fact(report, "nodes", "nodes", CELL_COUNT, info->node_count);
	report_fact(report, "parameters", "parameters", CELL_COUNT, (double)info->parameter_count);
	report_table(report, "values", "inputs and outputs", value_columns, COUNT_OF(value_columns));
	add_values(report, "input", info->inputs, info->input_count);
	add_values(report, "output", info->outputs, info->output_count);
	add_operators(report, info);
	return report;
}

int inspect_model(const char *path, const struct inspect *inspect)
{
	bool quiet = true;
	struct ercc_options options = {.size = sizeof options, .message = say_compiler_message, .user = &quiet};
	if (inspect->plan || inspect->memory || inspect->kernels || inspect->variants || inspect->budgets ||
	    inspect->meta) {
		say_error("%s is an ONNX model; --plan, --memory, --kernels, --variants, --budgets and --meta show artifacts",
		          path);
		say_note("'erc compile' makes an artifact of it; --graph shows its nodes");
		return EXIT_USAGE;
	}
	if (inspect->graph)
		return ercc_status_exit_code(ercc_print_model(path, stdout, &options));
	struct ercc_model_info *info;
	enum ercc_status status = ercc_model_info(path, &options, &info);
	if (status != ERCC_OK)
		return ercc_status_exit_code(status);
	struct report *report = describe(path, info);
	report_print(report, inspect->format, stdout);
	report_free(report);
	free(info);
	return EXIT_OK;
}
