/* `erc VERB ...`: finds the verb in commands.def and calls it. */
#include <string.h>

#include "tools/erc/command.h"

struct verb {
	const char *name;
	const char *help;
	int (*run)(int argc, char **argv);
};

static const struct verb verbs[] = {
#define X(name, help) {#name, help, cmd_##name},
#include "tools/erc/commands.def"
#undef X
};

static void print_help(FILE *out)
{
	fprintf(out, "erc %s: compiles ONNX models ahead of time, runs them with strict priorities.\n\n", erc_version());
	fprintf(out, "usage: erc VERB [arguments]      erc VERB --help\n\n");
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	fprintf(out, "\nResults go to stdout, messages and progress to stderr. Exit codes: 0 ok,\n"
	             "1 run or comparison failed, 2 usage, 3 model not supported, 4 artifact invalid,\n"
	             "5 nothing fits this device or budget, 6 toolchain missing, 7 signature missing\n"
	             "or wrong.\n");
}

static int unknown_verb(const char *word)
{
	const char *names[COUNT_OF(verbs)];
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		names[i] = verbs[i].name;
	say_error("unknown verb '%s'", word);
	const char *nearest = args_nearest(word, names, COUNT_OF(verbs));
	if (nearest)
		say_note("did you mean 'erc %s'?", nearest);
	else
		say_note("'erc --help' lists the verbs");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	signals_settle();
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return output_finish(EXIT_OK);
	}
	const char *word = strcmp(argv[1], "--version") ? argv[1] : "version";
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		if (!strcmp(word, verbs[i].name))
			return output_finish(verbs[i].run(argc - 1, argv + 1));
	return unknown_verb(argv[1]);
}
