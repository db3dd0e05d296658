/* `erc bench --workload`: several tenants under one or more policies. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/bench_run.h"

static void free_run(struct bench_run *run)
{
	for (uint32_t p = 0; p < run->policy_count; p++)
		bench_close_policy(run, &run->policies[p]);
	bench_close_policy(run, &run->reference);
	for (uint32_t i = 0; run->cells && i < run->load_count * run->policy_count; i++) {
		struct cell_figures *cell = &run->cells[i];
		struct series *series[] = {
			&cell->mean_ratio, &cell->p90_ratio, &cell->p99_ratio, &cell->be_alone_ratio, &cell->be_share_ratio,
		};
		for (size_t k = 0; k < COUNT_OF(series); k++)
			series_free(series[k]);
		for (uint32_t k = 0; k < run->workload.count; k++) {
			outcome_free(&cell->solo[k]);
			outcome_free(&cell->shared[k]);
		}
		free(cell->solo);
		free(cell->shared);
	}
	for (uint32_t p = 0; p < run->policy_count; p++)
		free((char *)run->policies[p].name);
	void *all[] = {
		run->cells,    run->be_alone,  run->scales, run->loads,  run->policies, run->service_us,
		run->valid_us, run->max_units, run->target, run->traced, run->paced_us,
	};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		free(all[i]);
	bench_free_models(run);
	workload_free(&run->workload);
}

/* Finds everything that can be wrong before the first slice. */
static int prepare(struct bench_run *run)
{
	const struct workload_options *options = run->options;
	int code = workload_read(options->path, &run->workload);
	if (code == ARGS_OK)
		code = bench_find_files(run);
	if (code == ARGS_OK)
		code = bench_parse_loads(run, options->loads);
	if (code == ARGS_OK)
		code = bench_parse_policies(run, options->policies);
	if (code != ARGS_OK)
		return code;
	run->seconds = options->slice > 0 ? options->slice : run->workload.seconds > 0 ? run->workload.seconds : 2;
	run->steps =
		run->workload.count + run->load_count * options->rounds * (run->policy_count + 1) + !!options->trace + 1;
	code = bench_check_device(run);
	if (code == ARGS_OK && !options->loads) /* with --load, the rates depend on the medians */
		code = bench_scale_rates(run);
	return code == ARGS_OK ? bench_compile(run) : code;
}

/* Opens all policies. One that the device refuses does not stop the others. */
static int open_policies(struct bench_run *run)
{
	uint32_t refused = 0;
	int code = ARGS_OK;
	for (uint32_t p = 0; p < run->policy_count && code == ARGS_OK; p++) {
		code = bench_open_policy(run, &run->policies[p], run->options->shed);
		refused += !!run->policies[p].refused;
	}
	run->steps -= refused * run->load_count * run->options->rounds;
	if (code != ARGS_OK || refused < run->policy_count)
		return code;
	for (uint32_t p = 0; p < run->policy_count; p++)
		say_error("--policy %s: %s", run->policies[p].name, run->policies[p].refused);
	return EXIT_USAGE;
}

int bench_workload(const struct workload_options *options, enum format format)
{
	struct bench_run run = {.options = options};
	int code = prepare(&run);
	if (code == ARGS_OK)
		code = bench_calibrate(&run);
	if (code == ARGS_OK)
		code = bench_scale_rates(&run);
	if (code == ARGS_OK)
		code = open_policies(&run);
	if (code == ARGS_OK)
		code = bench_measure(&run);
	if (code == ARGS_OK && options->trace)
		code = bench_write_trace(&run);
	if (code == ARGS_OK) {
		bench_step(&run, "report");
		bench_print(&run, format);
	}
	free_run(&run);
	return code == ARGS_OK ? EXIT_OK : code;
}
