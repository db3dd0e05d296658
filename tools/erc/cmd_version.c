/* `erc version`: versions, targets and passes of the compiler, best target of this machine, policies of the runtime. */
#include <string.h>

#include "tools/erc/command.h"

static const char text[] = "Prints the versions of compiler and runtime, the targets that can be compiled for,\n"
						   "the best target of this machine, the compiler's passes in order, and the policies\n"
						   "that share a device (erc bench --policy).";
static const char examples[] = "  erc version\n"
							   "  erc version --format json\n";

static const struct column target_columns[] = {{"name", "target", CELL_TEXT}};
static const struct column pass_columns[] = {{"name", "pass", CELL_TEXT}};
static const struct column policy_columns[] = {{"name", "policy", CELL_TEXT}};

static void add_device(struct report *report)
{
	erc_runtime *runtime = NULL;
	struct erc_runtime_options options = {.size = sizeof options, .units = 1};
	if (erc_runtime_create(&options, &runtime) != ERC_OK) {
		report_fact_text(report, "device_target", "this machine", "none: %s", erc_error_detail());
		return;
	}
	report_fact_text(report, "device_target", "this machine", "%s", erc_runtime_target(runtime));
	erc_runtime_destroy(runtime);
}

static void add_policies(struct report *report)
{
	report_table(report, "policies", NULL, policy_columns, COUNT_OF(policy_columns));
	for (const char *at = erc_policy_names(); *at; at += strspn(at, ", ")) {
		size_t length = strcspn(at, ", ");
		report_cell_text(report, "name", "%.*s", (int)length, at);
		at += length;
	}
}

int cmd_version(int argc, char **argv)
{
	const char *format_name = NULL;
	const struct option options[] = {
		{"format", 0, OPTION_TEXT, &format_name, "FORM", "text (default), json, md or csv"},
	};
	const struct usage usage = {"version", "[--format FORM]", text, examples, options, COUNT_OF(options), 0, 0, ""};
	enum format format;
	int code = args_parse(&usage, argc, argv, NULL);
	if (code == ARGS_OK)
		code = format_parse(format_name, &format);
	if (code != ARGS_OK)
		return code;
	struct report *report = report_new("erc.version/1");
	report_fact_text(report, "compiler", "compiler", "%s", ercc_version());
	report_fact_text(report, "runtime", "runtime", "%s", erc_version());
	add_device(report);
	report_table(report, "targets", NULL, target_columns, COUNT_OF(target_columns));
	const char *name;
	for (uint32_t i = 0; (name = ercc_target_name(i)); i++)
		report_cell_text(report, "name", "%s", name);
	report_table(report, "passes", NULL, pass_columns, COUNT_OF(pass_columns));
	for (uint32_t i = 0; (name = ercc_pass_name(i)); i++)
		report_cell_text(report, "name", "%s", name);
	add_policies(report);
	report_print(report, format, stdout);
	report_free(report);
	return EXIT_OK;
}
