/* `erc check`: says whether a model would compile, without compiling it. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/command.h"

static const char text[] = "Says whether an ONNX model compiles. If not, lists every operator, input or shape\n"
						   "that prevents it, with the node, what was found and what would help. Builds no\n"
						   "code, writes no file and needs no compiler. Exit code: 0 if the model compiles,\n"
						   "else the one that 'erc compile' would give.";

static const char examples[] = "  erc check resnet50.onnx\n"
							   "  erc check bert.onnx --dim batch=1 --dim sequence=128 --target sim:h100\n"
							   "  erc check model.onnx --format json\n";

static const struct column operator_columns[] = {
	{"operator", "operator", CELL_TEXT},
	{"uses", "nodes", CELL_COUNT},
	{"supported", "supported", CELL_TEXT},
};
static const struct column problem_columns[] = {
	{"problem", "problem", CELL_TEXT},
	{"hint", "what would help", CELL_TEXT},
};

struct check {
	const char *path, *format_name, *all_dims;
	struct text_list targets, budgets, dims, shapes, consts, lengths, keeps;
	bool strict;
	uint32_t max_iterations, max_nodes;
	struct text_list problems, hints; /* one hint for each problem; "" for none */
};

static int parse(int argc, char **argv, struct check *c)
{
	const struct option options[] = {
		{"target", 't', OPTION_LIST, &c->targets, "LIST", "cpu:x86-64-v3, native ... (see 'erc version')"},
		{"budget", 'b', OPTION_LIST, &c->budgets, "LIST", "full,half,quarter (default), own ones, a .json file"},
		{"dim", 0, OPTION_LIST, &c->dims, "NAME=N[,N]", "sizes of a symbolic dimension, or a range: 1..512"},
		{"dims", 0, OPTION_TEXT, &c->all_dims, "auto", "a range for each symbolic dimension without --dim"},
		{"shape", 0, OPTION_LIST, &c->shapes, "INPUT:AxBxC", "whole shape of an input"},
		{"const", 0, OPTION_LIST, &c->consts, "INPUT=V[,V]", "pins an input to a value; it is no input any more"},
		{"length", 0, OPTION_LIST, &c->lengths, "INPUT=N",
	     "tensors in an input that is a sequence; of an optional 1 or none"},
		{"keep-input", 0, OPTION_LIST, &c->keeps, "INPUT", "keeps an input that has a default in the model"},
		{"max-iterations", 0, OPTION_COUNT, &c->max_iterations, "N",
	     "iterations of all unrolled loops together, and of each other loop (default: 16384)"},
		{"max-nodes", 0, OPTION_COUNT, &c->max_nodes, "N", "nodes copied for loops (default: 1048576)"},
		{"strict", 0, OPTION_FLAG, &c->strict, NULL, "refuses versions newer than the newest known one"},
		{"format", 0, OPTION_TEXT, &c->format_name, "FORM", "text (default), json, md or csv"},
	};
	const struct usage usage = {"check",  "MODEL.onnx [options]", text, examples, options, COUNT_OF(options), 1, 1,
	                            "a model"};
	return args_parse(&usage, argc, argv, &c->path);
}

/* Prints the messages as `erc compile` does, and keeps them for the report. */
static void take_message(void *user, enum ercc_message_kind kind, const char *message, uint32_t done, uint32_t total)
{
	struct check *c = user;
	bool quiet = true;
	say_compiler_message(&quiet, kind, message, done, total);
	if (kind == ERCC_MESSAGE_ERROR) {
		text_list_add(&c->problems, message);
		text_list_add(&c->hints, "");
	} else if (kind == ERCC_MESSAGE_NOTE && c->hints.count) {
		const char **hint = &c->hints.items[c->hints.count - 1], *before = *hint;
		*hint = memory_printf("%s%s%s", before, *before ? "; " : "", message);
		free((char *)before);
	}
}

static void add_problems(struct report *report, const struct check *c)
{
	report_table(report, "problems", "problems", problem_columns, COUNT_OF(problem_columns));
	for (uint32_t i = 0; i < c->problems.count; i++) {
		report_cell_text(report, "problem", "%s", c->problems.items[i]);
		report_cell_text(report, "hint", "%s", c->hints.items[i]);
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

static struct report *describe(const struct check *c, const struct ercc_model_info *info,
                               const struct ercc_check *figures, enum ercc_status status)
{
	struct report *report = report_new("erc.check/1");
	report_fact_text(report, "path", "file", "%s", c->path);
	report_fact(report, "opset", "opset", CELL_COUNT, (double)info->opset);
	report_fact(report, "nodes", "nodes", CELL_COUNT, info->node_count);
	report_fact(report, "parameters", "parameters", CELL_COUNT, (double)info->parameter_count);
	if (info->proposed_dims)
		report_fact_text(report, "proposed_dims", "--dims auto", "%s", info->proposed_dims);
	report_fact_text(report, "compiles", "compiles", status == ERCC_OK ? "yes" : "no");
	if (status == ERCC_OK) {
		report_fact(report, "launches", "launches", CELL_COUNT, figures->launch_count);
		report_fact(report, "weights_bytes", "weights", CELL_BYTES, (double)figures->weights_bytes);
		report_fact(report, "arena_bytes", "activations", CELL_BYTES, (double)figures->arena_bytes);
		report_fact(report, "gflop", "GFLOP a run", CELL_NUMBER, (double)figures->flops / 1e9);
	} else {
		report_fact_text(report, "reason", "because", "%s", ercc_status_text(status));
	}
	return report;
}

static int check(struct check *c, enum format format)
{
	struct ercc_model_info *info;
	struct ercc_check figures;
	text_list_split(&c->targets);
	const struct ercc_options options = {
		.size = sizeof options,
		.targets = c->targets.items,
		.target_count = c->targets.count,
		.budgets = c->budgets.items,
		.budget_count = c->budgets.count,
		.dims = c->dims.items,
		.dim_count = c->dims.count,
		.shapes = c->shapes.items,
		.shape_count = c->shapes.count,
		.const_texts = c->consts.items,
		.const_text_count = c->consts.count,
		.message = take_message,
		.user = c,
		.lengths = c->lengths.items,
		.length_count = c->lengths.count,
		.keep_inputs = c->keeps.items,
		.keep_input_count = c->keeps.count,
		.strict = c->strict,
		.max_iterations = c->max_iterations,
		.max_nodes = c->max_nodes,
	};
	enum ercc_status status = ercc_model_info(c->path, &options, &info);
	if (status != ERCC_OK)
		return ercc_status_exit_code(status);
	status = ercc_check(c->path, &options, &figures);
	struct report *report = describe(c, info, &figures, status);
	if (format != FORMAT_TEXT) /* in text form they are on stderr already */
		add_problems(report, c);
	add_operators(report, info);
	report_print(report, format, stdout);
	report_free(report);
	free(info);
	return ercc_status_exit_code(status);
}

int cmd_check(int argc, char **argv)
{
	struct check c = {0};
	enum format format;
	int code = parse(argc, argv, &c);
	if (code == ARGS_OK)
		code = format_parse(c.format_name, &format);
	if (code == ARGS_OK)
		code = take_all_dims(c.all_dims, &c.dims);
	if (code == ARGS_OK)
		code = check(&c, format);
	struct text_list *lists[] = {&c.targets, &c.budgets, &c.dims,     &c.shapes, &c.consts,
	                             &c.lengths, &c.keeps,   &c.problems, &c.hints};
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		text_list_free(lists[i]);
	return code;
}
