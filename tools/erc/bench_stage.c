/* `erc bench --workload`: a runtime with all clients, one for each policy. */
#include <stdlib.h>
#include <string.h>

#include "tools/erc/bench_run.h"

#define REQUESTS_OPEN \
	8 /* maximum number of submitted requests of an open-loop client; further arrivals wait in the driver */

static erc_model *loaded(const struct bench_run *run, const struct policy *policy, uint32_t client)
{
	for (uint32_t i = 0; i < client; i++)
		if (!strcmp(run->artifacts[i], run->artifacts[client]))
			return policy->models[i];
	return NULL;
}

static enum erc_status open_lane(const struct bench_run *run, struct policy *policy, bool may_shed, uint32_t i)
{
	const struct client *client = &run->workload.clients[i];
	struct lane *lane = &policy->stage.lanes[i];
	struct erc_session_options options = {
		.size = sizeof options,
		.class_ = client->class_,
		.level = client->level,
		.weight = client->weight,
		.units = client->units,
		.budget = client->budget,
		.name = client->name,
		.deadline_us = client->class_ == ERC_REAL_TIME ? (uint64_t)run->valid_us[i] : 0,
	};
	enum erc_status status = ERC_OK;
	options.shed = may_shed && options.deadline_us;
	lane->client = client;
	lane->valid_ns = (options.deadline_us ? options.deadline_us : 1) * 1000;
	policy->models[i] = loaded(run, policy, i);
	if (!policy->models[i])
		status = erc_model_load(policy->stage.runtime, run->artifacts[i], NULL, &policy->models[i]);
	if (status == ERC_OK)
		status = erc_session_create(policy->models[i], &options, &lane->session);
	if (status == ERC_OK)
		status = lane_open(lane, policy->models[i], client->kind == LOAD_CLOSED ? client->in_flight : REQUESTS_OPEN);
	if (lane->client->kind != LOAD_CLOSED && run->options->arrivals && !strcmp(run->options->arrivals, "disb"))
		lane->drops_stale = true;
	return status;
}

/* How the virtual device models what it runs. */
static struct erc_sim_options simulation(const struct bench_run *run)
{
	return (struct erc_sim_options){
		.size = sizeof(struct erc_sim_options),
		.by_tile = run->options->by_tile,
		.contention = run->options->contention ? 1 : 0,
	};
}

/* ---- what the device has ---- */

static int open_device(const char *device, uint32_t units, erc_runtime **out)
{
	struct erc_runtime_options options = {.size = sizeof options, .device = device, .units = units};
	enum erc_status status = erc_runtime_create(&options, out);
	return status == ERC_OK ? ARGS_OK : say_runtime_error(device ? device : "cpu", status);
}

int bench_check_units(const char *device, uint32_t units)
{
	erc_runtime *runtime = NULL;
	int code = units ? open_device(device, 0, &runtime) : ARGS_OK;
	if (code != ARGS_OK || !units)
		return code;
	if (units > erc_runtime_units(runtime)) {
		say_error("--workers %u: device %s has %u units", units, device ? device : "cpu", erc_runtime_units(runtime));
		code = EXIT_USAGE;
	}
	erc_runtime_destroy(runtime);
	return code;
}

static int check_client_units(const struct bench_run *run, uint32_t units)
{
	for (uint32_t i = 0; i < run->workload.count; i++) {
		const struct client *client = &run->workload.clients[i];
		if (client->units <= units)
			continue;
		say_error("%s: clients[%u].units is %u; wanted at most %u, all that '%s' could have in this run",
		          run->options->path, i, client->units, units, client->name);
		return EXIT_USAGE;
	}
	return ARGS_OK;
}

/* Rejects options of virtual devices if the device is not virtual. */
static int check_simulation(const struct bench_run *run, const erc_runtime *runtime)
{
	const struct workload_options *options = run->options;
	if (!(options->by_tile || options->contention) || !erc_runtime_computes(runtime))
		return ARGS_OK;
	say_error("--%s: device %s is not virtual", options->contention ? "contention" : "by-tile",
	          options->device ? options->device : "cpu");
	return EXIT_USAGE;
}

int bench_check_device(struct bench_run *run)
{
	erc_runtime *runtime = NULL;
	int code = bench_check_units(run->options->device, run->options->workers);
	if (code == ARGS_OK)
		code = open_device(run->options->device, run->options->workers, &runtime);
	if (code != ARGS_OK)
		return code;
	run->target = memory_printf("%s", erc_runtime_target(runtime));
	code = check_simulation(run, runtime);
	if (code == ARGS_OK)
		code = check_client_units(run, erc_runtime_units(runtime));
	erc_runtime_destroy(runtime);
	return code;
}

/* ---- a policy ---- */

int bench_open_policy(struct bench_run *run, struct policy *policy, bool may_shed)
{
	struct erc_sim_options sim = simulation(run);
	struct erc_runtime_options options = {
		.size = sizeof options,
		.device = run->options->device,
		.units = run->options->workers,
		.policy = policy->name,
		.sim = &sim,
		.rt_slowdown = run->options->rt_slowdown > 0 ? run->options->rt_slowdown : -1,
		.be_bandwidth = run->options->be_bandwidth,
	};
	enum erc_status status = erc_runtime_create(&options, &policy->stage.runtime);
	if (status == ERC_INVALID && policy->name) { /* all but the policy suited the reference */
		policy->refused = memory_printf("%s", erc_error_detail());
		return ARGS_OK;
	}
	if (status != ERC_OK)
		return say_runtime_error(policy->name ? policy->name : "runtime", status);
	policy->stage.lane_count = run->workload.count;
	policy->stage.lanes = memory_new(run->workload.count * sizeof *policy->stage.lanes);
	policy->models = memory_new(run->workload.count * sizeof *policy->models);
	for (uint32_t i = 0; i < run->workload.count; i++) {
		status = open_lane(run, policy, may_shed, i);
		if (status != ERC_OK)
			return say_runtime_error(run->files[i], status);
	}
	return ARGS_OK;
}

void bench_close_policy(const struct bench_run *run, struct policy *policy)
{
	for (uint32_t i = 0; i < policy->stage.lane_count; i++)
		lane_close(&policy->stage.lanes[i]);
	for (uint32_t i = 0; policy->models && i < policy->stage.lane_count; i++)
		if (policy->models[i] && !loaded(run, policy, i))
			erc_model_unload(policy->models[i]);
	free(policy->refused);
	free(policy->models);
	free(policy->stage.lanes);
	series_free(&policy->stage.oversleep);
	erc_runtime_destroy(policy->stage.runtime);
	*policy = (struct policy){.name = policy->name};
}
