/* `erc verify`: checks artifacts as a whole, with the hash of their weights. */
#include <stdlib.h>

#include "tools/erc/command.h"

static const char text[] = "Checks artifacts: structure, limits, and the hash of every section, those of the\n"
						   "weights too, which loading leaves out. No code of them is run, and no device is\n"
						   "needed. Ends with exit code 4 if one of them is damaged.";
static const char examples[] = "  erc verify resnet50.erca\n"
							   "  erc verify models/*.erca --format json\n";

static const struct column columns[] = {{"file", "artifact", CELL_TEXT},
                                        {"bytes", "size", CELL_BYTES},
                                        {"identity", NULL, CELL_TEXT}};

#define MOST_FILES 1000

static int verify(const char *path, struct report *report)
{
	struct erc_artifact_info info;
	erc_artifact *artifact;
	int code = say_unreadable(path);
	if (code != ARGS_OK)
		return code;
	if (!file_is_artifact(path)) {
		say_error("%s: this is no artifact", path);
		say_note("'erc check' is for models; 'erc compile' makes an artifact of one");
		return EXIT_ARTIFACT;
	}
	enum erc_status status = erc_artifact_open(path, &artifact);
	if (status)
		return say_runtime_error(path, status);
	status = erc_artifact_verify_weights(artifact);
	erc_artifact_info(artifact, &info);
	erc_artifact_close(artifact);
	if (status)
		return say_runtime_error(path, status);
	report_cell_text(report, "file", "%s", path);
	report_cell(report, "bytes", (double)info.file_bytes);
	report_cell_text(report, "identity", "%s", info.root_digest);
	return EXIT_OK;
}

int cmd_verify(int argc, char **argv)
{
	const char *format_name = NULL, *paths[MOST_FILES] = {0};
	bool quiet = false;
	const struct option options[] = {
		{"format", 0, OPTION_TEXT, &format_name, "FORM", "text (default), json, md or csv"},
		{"quiet", 'q', OPTION_FLAG, &quiet, NULL, "prints nothing when all is well"},
	};
	const struct usage usage = {"verify", "FILE... [options]", text,         examples, options, COUNT_OF(options),
	                            1,        MOST_FILES,          "an artifact"};
	enum format format;
	int code = args_parse(&usage, argc, argv, paths), worst = EXIT_OK, good = 0;
	if (code == ARGS_OK)
		code = format_parse(format_name, &format);
	if (code != ARGS_OK)
		return code;
	struct report *report = report_new("erc.verify/1");
	report_table(report, "good", NULL, columns, COUNT_OF(columns));
	for (int i = 0; i < MOST_FILES && paths[i]; i++) {
		code = verify(paths[i], report);
		worst = code > worst ? code : worst;
		good += code == EXIT_OK;
	}
	if (!quiet && (good || format == FORMAT_JSON))
		report_print(report, format, stdout);
	report_free(report);
	return worst;
}
