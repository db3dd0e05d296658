/* `erc inspect`: looks at the first bytes of a file and shows a model or an artifact. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/inspect.h"

static const char text[] = "Shows what a file holds: an artifact for any machine (its code is not run), or an\n"
						   "ONNX model. Without options, prints a summary; each option shows one part.";

static const char examples[] = "  erc inspect resnet50.erca\n"
							   "  erc inspect resnet50.erca --budgets --variants\n"
							   "  erc inspect resnet50.erca --plan --format csv > plan.csv\n"
							   "  erc inspect resnet50.onnx\n";

static int parse(int argc, char **argv, struct inspect *inspect, const char **format_name, const char **path)
{
	const struct option options[] = {
		{"plan", 0, OPTION_FLAG, &inspect->plan, NULL, "launches in order"},
		{"memory", 0, OPTION_FLAG, &inspect->memory, NULL, "where the bytes are: sections, arena"},
		{"kernels", 0, OPTION_FLAG, &inspect->kernels, NULL, "kernels, and how often each is launched"},
		{"variants", 0, OPTION_FLAG, &inspect->variants, NULL, "tiles and resources of each launch and budget"},
		{"budgets", 0, OPTION_FLAG, &inspect->budgets, NULL, "each target's budgets, latency against units under each"},
		{"meta", 0, OPTION_FLAG, &inspect->meta, NULL, "the META section as it is: JSON"},
		{"graph", 0, OPTION_FLAG, &inspect->graph, NULL, "nodes of a model"},
		{"format", 0, OPTION_TEXT, format_name, "FORM", "text (default), json, md or csv"},
	};
	const struct usage usage = {
		"inspect", "FILE [options]", text, examples, options, COUNT_OF(options), 1, 1, "a file",
	};
	return args_parse(&usage, argc, argv, path);
}

int cmd_inspect(int argc, char **argv)
{
	struct inspect inspect = {0};
	const char *format_name = NULL, *path = NULL;
	int code = parse(argc, argv, &inspect, &format_name, &path);
	if (code == ARGS_OK)
		code = format_parse(format_name, &inspect.format);
	if (code == ARGS_OK)
		code = say_unreadable(path);
	if (code != ARGS_OK)
		return code;
	return file_is_artifact(path) ? inspect_artifact(path, &inspect) : inspect_model(path, &inspect);
}
