/* `erc bench --workload`: artifacts, loads and policies, from the command line. */
#include <stdlib.h>
#include <string.h>

#include "bench_run.h"

const char bench_policies[] = "elastic, leftover, priority, partition, concurrent, fifo";
int bench_find_files(struct bench_run *run)
{
	run->files = memory_new(run->workload.count * sizeof *run->files);
	for (uint32_t i = 0; i < run->workload.count; i++) {
		const struct client *client = &run->workload.clients[i];
		for (uint32_t k = 0; k < run->options->models.count; k++) {
			const char *text = run->options->models.items[k], *equals = strchr(text, '=');
			if (equals && !strncmp(text, client->model, (size_t)(equals - text)) && !client->model[equals - text])
				run->files[i] = equals + 1;
		}
		if (!run->files[i]) {
			say_error("%s: no artifact is given for the model '%s' of client '%s'", run->options->path, client->model, client->name);
			say_note("add --model %s=FILE.erca", client->model);
			return EXIT_USAGE;
		}
	}
	return ARGS_OK;
}

/* "0.1,0.3" or "0.1..1.2", in steps of 0.1. */
int bench_parse_loads(struct bench_run *run, const char *text)
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
		if (end == text || !(load > 0) || load > 5 || (*end && *end != ','))
			break;
		run->loads[run->load_count++] = load;
		text = *end ? end + 1 : end;
	}
	if (!*text && run->load_count)
		return ARGS_OK;
	say_error("--load: '%s' is no share of the device", text);
	say_note("wanted 0.3, or 0.1,0.3,0.5, or 0.1..1.2");
	return EXIT_USAGE;
}

int bench_parse_policies(struct bench_run *run, const char *text)
{
	char *copy = memory_printf("%s", text ? text : "elastic"), *rest = copy;
	run->policies = memory_new(16 * sizeof *run->policies);
	for (char *name; (name = strsep(&rest, ",")) && run->policy_count < 16;)
		if (*name)
			run->policies[run->policy_count++].name = memory_printf("%s", name);
	free(copy);
	if (run->policy_count)
		return ARGS_OK;
	say_error("--policy: '%s' names none", text);
	say_note("policies are %s", erc_policy_names());
	return EXIT_USAGE;
}
