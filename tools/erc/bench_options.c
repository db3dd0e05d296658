/* `erc bench --workload`: artifacts, loads and policies from the command line. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/bench_run.h"

/* Whether the option's text is NAME=FILE for the model. */
static bool names_model(const char *text, const char *model)
{
	size_t length = strlen(model);
	return !strncmp(text, model, length) && text[length] == '=';
}

/* The file that --model gives for the model; or the model's name itself if that is a .onnx file beside the workload;
 * or NULL. */
static char *file_of(const struct bench_run *run, const char *model)
{
	const struct text_list *models = &run->options->models;
	size_t length = strlen(model);
	for (uint32_t k = 0; k < models->count; k++)
		if (names_model(models->items[k], model))
			return memory_printf("%s", models->items[k] + length + 1);
	return length > 5 && !strcmp(model + length - 5, ".onnx") ? path_beside(run->options->path, model) : NULL;
}

static int check_model_option(const struct bench_run *run, uint32_t index)
{
	const struct text_list *models = &run->options->models;
	const char *text = models->items[index], *equals = strchr(text, '=');
	uint32_t uses = 0;
	if (!equals || equals == text || !equals[1]) {
		say_error("--model '%s': wanted NAME=FILE", text);
		return EXIT_USAGE;
	}
	for (uint32_t i = 0; i < run->workload.count; i++)
		uses += names_model(text, run->workload.clients[i].model);
	for (uint32_t k = 0; k < index; k++)
		if (!strncmp(models->items[k], text, (size_t)(equals - text) + 1)) {
			say_error("--model: '%.*s' is given twice", (int)(equals - text), text);
			return EXIT_USAGE;
		}
	if (uses)
		return ARGS_OK;
	say_error("--model %s: no client of %s has the model '%.*s'", text, run->options->path, (int)(equals - text), text);
	return EXIT_USAGE;
}

int bench_find_files(struct bench_run *run)
{
	for (uint32_t k = 0; k < run->options->models.count; k++) {
		int code = check_model_option(run, k);
		if (code != ARGS_OK)
			return code;
	}
	run->files = memory_new(run->workload.count * sizeof *run->files);
	for (uint32_t i = 0; i < run->workload.count; i++) {
		const struct client *client = &run->workload.clients[i];
		run->files[i] = file_of(run, client->model);
		if (!run->files[i]) {
			say_error("%s: no file is given for the model '%s' of client '%s'", run->options->path, client->model,
			          client->name);
			say_note("add --model %s=FILE.erca, or FILE.onnx", client->model);
			return EXIT_USAGE;
		}
	}
	return ARGS_OK;
}

static bool has_open_real_time(const struct workload *workload)
{
	for (uint32_t i = 0; i < workload->count; i++)
		if (workload->clients[i].class_ == ERC_REAL_TIME && workload->clients[i].kind != LOAD_CLOSED)
			return true;
	return false;
}

/* Accepts "0.1,0.3", or "0.1..1.2" in steps of 0.1. */
static int read_loads(struct bench_run *run, const char *text)
{
	double from, to;
	int used = 0;
	run->loads = memory_new(64 * sizeof *run->loads);
	if (!text) {
		run->load_count = 1;
		return ARGS_OK;
	}
	if (sscanf(text, "%lf..%lf%n", &from, &to, &used) == 2 && !text[used] && from > 0 && from <= to && to <= 5) {
		for (double load = from; load < to + 0.05; load += 0.1)
			run->loads[run->load_count++] = load;
		return ARGS_OK;
	}
	while (*text && run->load_count < 64) {
		char *end;
		double load = strtod(text, &end);
		bool is_repeated = false;
		for (uint32_t i = 0; i < run->load_count; i++)
			is_repeated |= run->loads[i] == load;
		if (end == text || !(load > 0) || load > 5 || (*end && *end != ',') || is_repeated)
			break;
		run->loads[run->load_count++] = load;
		text = *end ? end + 1 : end;
	}
	if (!*text && run->load_count)
		return ARGS_OK;
	say_error("--load: '%s' is not a share of the device", text);
	say_note("wanted 0.3, or 0.1,0.3,0.5, or 0.1..1.2; from above 0 to 5, each once");
	return EXIT_USAGE;
}

int bench_parse_loads(struct bench_run *run, const char *text)
{
	int code = read_loads(run, text);
	if (code != ARGS_OK || !text || has_open_real_time(&run->workload))
		return code;
	say_error("--load: %s has no RT client whose rate could be scaled to it", run->options->path);
	say_note("RT clients in a closed loop submit as fast as they are served; leave out --load");
	return EXIT_USAGE;
}

static bool is_policy(const char *name)
{
	size_t length = strlen(name), part;
	for (const char *at = erc_policy_names(); *at; at += strspn(at, ", ")) {
		part = strcspn(at, ", ");
		if (part == length && !strncmp(at, name, part))
			return true;
		at += part;
	}
	return false;
}

int bench_parse_policies(struct bench_run *run, const char *text)
{
	struct text_list names = {0};
	const char *wrong = NULL, *twice = NULL;
	if (text) {
		text_list_add(&names, text);
		text_list_split(&names);
	} else {
		char *first = memory_printf("%.*s", (int)strcspn(erc_policy_names(), ", "), erc_policy_names());
		text_list_add(&names, first);
		free(first);
	}
	run->policies = memory_new(names.count * sizeof *run->policies);
	for (uint32_t i = 0; i < names.count; i++) {
		run->policies[run->policy_count++].name = memory_printf("%s", names.items[i]);
		wrong = wrong || is_policy(names.items[i]) ? wrong : names.items[i];
		for (uint32_t k = 0; k < i; k++)
			twice = strcmp(names.items[k], names.items[i]) ? twice : names.items[i];
	}
	if (wrong)
		say_error("--policy: there is no policy '%s'", wrong);
	else if (!names.count)
		say_error("--policy: '%s' names no policy", text);
	else if (twice)
		say_error("--policy: '%s' is given twice", twice);
	int code = wrong || twice || !names.count ? EXIT_USAGE : ARGS_OK;
	if (code != ARGS_OK)
		say_note("policies are %s", erc_policy_names());
	text_list_free(&names);
	return code;
}
