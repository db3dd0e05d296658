/* How soon real-time work gets the device: `bench_preempt BE.erca RT.erca [EVENTS [OUT.json]] [--device NAME] [--policy
 * NAME]
 * [--seconds MOST]`. Two requests of the first model keep all units busy, and one of the second is submitted at random
 * moments. Measured are the times from submit until the rooms are set, until the first and the last granted unit
 * begins, and until the end. A thread pinned to each core sleeps and records how late it wakes, which shows stalls of
 * the machine itself. Events that overlap a stall are shown apart. The submitting thread and these threads share the
 * units' cores. On cuda, RT.erca is the probe of probe.h, whose tiles record when they began. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/kernels/params.h"
#include "tools/erc/command.h"
#include "runtime/core/handles.h"
#include "tests/bench/probe.h"

#define STALL_NS 200000
#define PROBE_NS 250000 /* time between two checks: shorter stalls may not be noticed */
#define MAX_STALLS 65536
#define MAX_PHASE_NS 2000000
#define MAX_TENSORS 8
#define MOST_SAMPLES 400 /* maximum number of samples that are written */

struct options {
	const char *files[4]; /* BE, RT, events, JSON */
	const char *device, *policy;
	double seconds; /* for all events; 0: no limit */
};

/* Figures of all events together. */
struct course {
	double slack_us; /* mean error bound of the device's clock */
	double busy;     /* share of the unit time in which either tenant worked */
};

struct event {
	uint64_t submitted_ns, visible_ns, started_ns, granted_ns, finished_ns;
	uint64_t end_ns; /* when the last unit began; if not all did, when the run ended */
	int is_stalled;  /* the machine stalled between submit and end_ns */
};

struct tenant {
	erc_model *model;
	erc_session *session;
	erc_request *requests[2];
	void *data[2][MAX_TENSORS];
	uint64_t completed;
	enum erc_status status; /* of the feeder's requests */
	char detail[160];
};

struct probe {
	pthread_t thread;
	uint32_t core;
	_Atomic int is_over;
	uint32_t count;
	uint64_t looks;
	struct {
		uint64_t from_ns, to_ns;
	} stalls[MAX_STALLS];
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec then = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
}

/* ---- the probes ---- */

static void *probe_main(void *argument)
{
	struct probe *probe = argument;
	cpu_set_t core;
	CPU_ZERO(&core);
	CPU_SET(probe->core, &core);
	pthread_setaffinity_np(pthread_self(), sizeof core, &core);
	while (!atomic_load(&probe->is_over)) {
		uint64_t due_ns = now_ns() + PROBE_NS;
		sleep_until(due_ns);
		uint64_t woke_ns = now_ns();
		probe->looks++;
		if (woke_ns - due_ns > STALL_NS && probe->count < MAX_STALLS) {
			probe->stalls[probe->count].from_ns = due_ns;
			probe->stalls[probe->count++].to_ns = woke_ns;
		}
	}
	return NULL;
}

/* Starts one on each core of the process, in the order in which the runtime assigns cores to its units. */
static uint32_t start_probes(struct probe *probes, uint32_t most)
{
	cpu_set_t cores;
	uint32_t count = 0;
	sched_getaffinity(0, sizeof cores, &cores);
	for (uint32_t core = 0; core < CPU_SETSIZE && count < most; core++) {
		if (!CPU_ISSET(core, &cores))
			continue;
		probes[count].core = core;
		if (!pthread_create(&probes[count].thread, NULL, probe_main, &probes[count]))
			count++;
	}
	return count;
}

static uint64_t mark_stalled(struct event *events, uint32_t count, const struct probe *probe)
{
	uint64_t stalled_ns = 0;
	uint32_t e = 0;
	for (uint32_t s = 0; s < probe->count; s++) {
		stalled_ns += probe->stalls[s].to_ns - probe->stalls[s].from_ns;
		while (e && events[e - 1].end_ns > probe->stalls[s].from_ns)
			e--;
		for (; e < count && events[e].submitted_ns < probe->stalls[s].to_ns; e++)
			events[e].is_stalled |= events[e].end_ns > probe->stalls[s].from_ns;
	}
	return stalled_ns;
}

/* ---- the tenants ---- */

static enum erc_status bind(struct tenant *tenant, uint32_t number)
{
	erc_request *request = tenant->requests[number];
	uint32_t inputs = erc_model_input_count(tenant->model, 0), all = inputs + erc_model_output_count(tenant->model, 0);
	enum erc_status status = all > MAX_TENSORS ? ERC_LIMIT : ERC_OK;
	for (uint32_t i = 0; i < all && !status; i++) {
		struct erc_tensor_info info;
		status = i < inputs ? erc_model_input_info(tenant->model, 0, i, &info)
		                    : erc_model_output_info(tenant->model, 0, i - inputs, &info);
		if (status)
			break;
		void *data = tenant->data[number][i] = memory_new(info.bytes + !info.bytes);
		status = i < inputs ? erc_request_bind_input(request, i, data, info.bytes)
		                    : erc_request_bind_output(request, i - inputs, data, info.bytes);
	}
	return status;
}

static enum erc_status tenant_open(struct tenant *tenant, erc_runtime *runtime, const char *path, enum erc_class class_)
{
	struct erc_session_options options = {.size = sizeof options, .class_ = class_};
	enum erc_status status = erc_model_load(runtime, path, NULL, &tenant->model);
	if (!status)
		status = erc_session_create(tenant->model, &options, &tenant->session);
	for (uint32_t i = 0; i < 2 && !status; i++) {
		status = erc_request_create(tenant->session, &tenant->requests[i]);
		if (!status)
			status = bind(tenant, i);
		if (!status)
			status = erc_request_run(tenant->requests[i]); /* warm-up */
	}
	return status;
}

static void tenant_close(struct tenant *tenant)
{
	for (uint32_t i = 0; i < 2; i++) {
		erc_request_destroy(tenant->requests[i]);
		for (uint32_t t = 0; t < MAX_TENSORS; t++)
			free(tenant->data[i][t]);
	}
	erc_session_destroy(tenant->session);
	erc_model_unload(tenant->model);
}

static _Atomic int is_over;

/* One request always runs and another waits, so no unit is ever without work. */
static void *feed(void *argument)
{
	struct tenant *tenant = argument;
	enum erc_status status = erc_request_submit(tenant->requests[0]);
	for (uint32_t i = 0; !status && !atomic_load(&is_over); i++) {
		status = erc_request_submit(tenant->requests[~i & 1]);
		if (!status)
			status = erc_request_wait(tenant->requests[i & 1], UINT64_MAX);
		tenant->completed += !status;
	}
	tenant->status = status;
	if (status)
		snprintf(tenant->detail, sizeof tenant->detail, "%s", erc_error_detail()); /* the thread's own */
	for (uint32_t i = 0; i < 2; i++)
		erc_request_wait(tenant->requests[i], UINT64_MAX); /* one of them is idle */
	return NULL;
}

/* Takes the times that the units of a device recorded in the event's output; that of the last granted unit only if all
 * units were seen. */
static void read_probe(struct tenant *tenant, uint32_t units, struct probe_clock *clock, const struct event *event)
{
	struct erc_tensor_info info;
	if (!erc_model_output_info(tenant->model, 0, 0, &info))
		probe_note(clock, tenant->data[0][1], (uint32_t)(info.bytes / 4), units, event->submitted_ns,
		           event->finished_ns);
}

/* *count becomes the number of events before the time was over. clock: NULL on a device whose units are threads. */
static enum erc_status run_events(struct tenant *tenant, struct event *events, uint32_t *count, double seconds,
                                  struct probe_clock *clock)
{
	uint64_t random = 1, last_ns = seconds > 0 ? now_ns() + (uint64_t)(seconds * 1e9) : UINT64_MAX;
	uint32_t units = erc_runtime_units(tenant->model->runtime);
	enum erc_status status = ERC_OK;
	for (uint32_t i = 0; i < *count && !status; i++) {
		struct erc_request_timing timing = {.size = sizeof timing};
		random = random * 6364136223846793005u + 1442695040888963407u;
		sleep_until(now_ns() + (random >> 33) % MAX_PHASE_NS);
		status = erc_request_run(tenant->requests[0]);
		if (!status)
			status = erc_request_timing(tenant->requests[0], &timing);
		events[i] = (struct event){timing.submitted_ns,
		                           timing.visible_ns,
		                           timing.started_ns,
		                           timing.granted_ns,
		                           timing.finished_ns,
		                           timing.granted_ns ? timing.granted_ns : timing.finished_ns,
		                           0};
		if (clock)
			read_probe(tenant, units, clock, &events[i]);
		if (now_ns() > last_ns)
			*count = i + 1;
	}
	return status;
}

/* Replaces the host's times by those that the device recorded. */
static void take_probe(struct event *events, uint32_t count, const struct probe_clock *clock)
{
	for (uint32_t i = 0; i < count; i++) {
		events[i].started_ns = probe_host_ns(clock, i, 0);
		events[i].granted_ns = probe_host_ns(clock, i, 1);
		events[i].end_ns = events[i].granted_ns ? events[i].granted_ns : events[i].finished_ns;
	}
}

/* ---- the report ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Collects one time of each event that has it: the given field, of the events with stalls or of those without. */
static void report(const struct event *events, uint32_t count, const char *name, size_t field, int is_stalled,
                   int is_first, FILE *json)
{
	double *us = memory_new((count + 1) * sizeof *us);
	uint32_t n = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at_ns = *(const uint64_t *)((const char *)&events[i] + field);
		if (events[i].is_stalled == is_stalled && at_ns)
			us[n++] = (double)(at_ns - events[i].submitted_ns) / 1e3;
	}
	qsort(us, n, sizeof *us, by_value);
	const char *where = is_stalled ? "in stalls" : "undisturbed";
	double p50 = n ? us[n / 2] : 0, p90 = n ? us[n * 9ull / 10] : 0, p99 = n ? us[n * 99ull / 100] : 0,
		   most = n ? us[n - 1] : 0;
	printf("%-22s %-12s %8u %9.1f %9.1f %9.1f %9.1f\n", name, where, n, p50, p90, p99, most);
	fprintf(json,
	        "%s\n    {\"from\": \"submit\", \"to\": \"%s\", \"in_stalls\": %s, \"events\": %u, \"p50_us\": %.2f, "
	        "\"p90_us\": %.2f, "
	        "\"p99_us\": %.2f, \"most_us\": %.2f}",
	        is_first ? "" : ",", name, is_stalled ? "true" : "false", n, p50, p90, p99, most);
	free(us);
}

/* Times from submit to the last granted unit, of events that are spread evenly over the run. */
static void write_samples(const struct event *events, uint32_t count, FILE *json)
{
	uint32_t step = count / MOST_SAMPLES + 1;
	fprintf(json, "\n  ], \"samples_us\": [");
	for (uint32_t i = 0, n = 0; i < count; i += step)
		if (events[i].granted_ns)
			fprintf(json, "%s%.1f", n++ ? ", " : "", (double)(events[i].granted_ns - events[i].submitted_ns) / 1e3);
	fprintf(json, "]}\n");
}

/* The longest tile by prediction, of the model's first budget. */
static double longest_tile_us(const struct tenant *tenant)
{
	const struct erc__job *job = &tenant->requests[0]->job;
	uint32_t most = 0;
	for (uint32_t i = 0; i < job->step_count; i++)
		most = job->steps[i].tile_ns > most ? job->steps[i].tile_ns : most;
	return most / 1e3;
}

static void report_all(struct event *events, uint32_t count, const struct probe *probes, uint32_t probe_count,
                       const struct tenant *tenants, const struct options *options, const struct course *course,
                       FILE *json)
{
	static const struct {
		const char *name;
		size_t field;
	} times[] = {
		{"visible", offsetof(struct event, visible_ns)},
		{"first unit", offsetof(struct event, started_ns)},
		{"last granted unit", offsetof(struct event, granted_ns)},
		{"finished", offsetof(struct event, finished_ns)},
	};
	double seconds = (double)(events[count - 1].end_ns - events[0].submitted_ns) / 1e9;
	uint32_t never = 0;
	uint32_t units = erc_runtime_units(tenants[0].model->runtime);
	fprintf(json,
	        "{\"schema\": \"erc.bench-preempt/1\", \"policy\": \"%s\", \"events\": %u, \"units\": %u, \"seconds\": "
	        "%.1f, \"be_runs\": %llu,\n"
	        "  \"longest_be_tile_predicted_us\": %.1f, \"clock_slack_us\": %.1f, \"busy\": %.3f, \"stalls\": [",
	        options->policy ? options->policy : "elastic", count, units, seconds,
	        (unsigned long long)tenants[1].completed, longest_tile_us(&tenants[1]), course->slack_us, course->busy);
	printf("%u events in %.1f s, %u units, %llu best-effort runs; longest best-effort tile by prediction %.1f us\n",
	       count, seconds, units, (unsigned long long)tenants[1].completed, longest_tile_us(&tenants[1]));
	for (uint32_t i = 0; i < probe_count; i++) {
		double ms = (double)mark_stalled(events, count, &probes[i]) / 1e6;
		printf("core %u: %u stalls above %d us in %llu looks, %.1f ms\n", probes[i].core, probes[i].count,
		       STALL_NS / 1000, (unsigned long long)probes[i].looks, ms);
		fprintf(json, "%s{\"core\": %u, \"count\": %u, \"ms\": %.1f}", i ? ", " : "", probes[i].core, probes[i].count,
		        ms);
	}
	for (uint32_t i = 0; i < count; i++)
		never += !events[i].granted_ns;
	printf("%.1f %% of the unit time in use; %u events in which the granted units were never all at work\n",
	       course->busy * 100, never);
	printf("%-22s %-12s %8s %9s %9s %9s %9s\n", "from submit to, us", "", "events", "p50", "p90", "p99", "most");
	fprintf(json, "],\n  \"never_all_at_work\": %u, \"times\": [", never);
	for (size_t i = 0; i < 2 * sizeof times / sizeof times[0]; i++)
		report(events, count, times[i / 2].name, times[i / 2].field, i % 2, !i, json);
	write_samples(events, count, json);
}

/* ---- the run ---- */

static uint64_t used_unit_ns(erc_runtime *runtime, uint64_t *now_ns)
{
	struct erc_runtime_stats stats = {.size = sizeof stats};
	erc_runtime_stats(runtime, &stats);
	*now_ns = stats.now_ns;
	return stats.rt_unit_ns + stats.be_unit_ns;
}

static enum erc_status bench(erc_runtime *runtime, struct tenant *tenants, struct event *events, uint32_t count,
                             struct probe *probes, const struct options *options, FILE *json)
{
	pthread_t feeder;
	struct probe_clock clock = {.notes = memory_new((size_t)count * sizeof *clock.notes)},
					   *is_told = options->device && !strncmp(options->device, "cuda", 4) ? &clock : NULL;
	const struct erc__step *first = &tenants[0].requests[0]->job.steps[0];
	if (first->tile_count < erc_runtime_units(runtime)) {
		fprintf(stderr, "bench_preempt: the real-time model's first launch has %u tiles for %u units\n",
		        first->tile_count, erc_runtime_units(runtime));
		return ERC_INVALID;
	}
	if (pthread_create(&feeder, NULL, feed, &tenants[1]))
		return ERC_DEVICE;
	uint32_t probe_count = start_probes(probes, erc_runtime_units(runtime));
	struct course course = {.busy = 0};
	uint64_t began_ns, ended_ns, used_ns = used_unit_ns(runtime, &began_ns);
	enum erc_status status = run_events(&tenants[0], events, &count, options->seconds, is_told);
	used_ns = used_unit_ns(runtime, &ended_ns) - used_ns;
	course.busy = (double)used_ns / (double)(ended_ns - began_ns) / erc_runtime_units(runtime);
	atomic_store(&is_over, 1);
	pthread_join(feeder, NULL);
	if (!status && tenants[1].status)
		status = erc__fail(tenants[1].status, "best-effort work: %s", tenants[1].detail);
	for (uint32_t i = 0; i < probe_count; i++) {
		atomic_store(&probes[i].is_over, 1);
		pthread_join(probes[i].thread, NULL);
	}
	if (!status && is_told)
		course.slack_us = probe_calibrate(&clock, (uint64_t)((const int64_t *)first->args.params)[CUMULATE_INNER]);
	if (!status && is_told)
		take_probe(events, count, &clock);
	if (!status)
		report_all(events, count, probes, probe_count, tenants, options, &course, json);
	free(clock.notes);
	return status;
}

static int parse(int argc, char **argv, struct options *options)
{
	int files = 0;
	for (int i = 1; i < argc; i++) {
		const char **text = !strcmp(argv[i], "--device")   ? &options->device
		                    : !strcmp(argv[i], "--policy") ? &options->policy
		                                                   : NULL;
		int is_seconds = !strcmp(argv[i], "--seconds");
		if ((text || is_seconds) && i + 1 == argc)
			return 0;
		if (text)
			*text = argv[++i];
		else if (is_seconds)
			options->seconds = atof(argv[++i]);
		else if (files < 4)
			options->files[files++] = argv[i];
		else
			return 0;
	}
	return files >= 2;
}

int main(int argc, char **argv)
{
	struct tenant tenants[2] = {0};
	struct options options = {.seconds = 0};
	erc_runtime *runtime = NULL;
	int is_good = parse(argc, argv, &options), count = options.files[2] ? atoi(options.files[2]) : 10000;
	if (!is_good || count < 1) {
		fprintf(stderr, "usage: bench_preempt BE.erca RT.erca [EVENTS [OUT.json]] [--device NAME] [--policy "
		                "NAME] [--seconds MOST]\n");
		return 2;
	}
	struct erc_runtime_options open = {.size = sizeof open, .device = options.device, .policy = options.policy};
	FILE *json = fopen(options.files[3] ? options.files[3] : "/dev/null", "w");
	enum erc_status status = json ? erc_runtime_create(&open, &runtime) : ERC_IO;
	if (!status)
		status = tenant_open(&tenants[0], runtime, options.files[1], ERC_REAL_TIME);
	if (!status)
		status = tenant_open(&tenants[1], runtime, options.files[0], ERC_BEST_EFFORT);
	struct event *events = memory_new((size_t)count * sizeof *events);
	struct probe *probes = memory_new(status ? 1 : erc_runtime_units(runtime) * sizeof *probes);
	if (!status)
		status = bench(runtime, tenants, events, (uint32_t)count, probes, &options, json);
	if (status)
		fprintf(stderr, "bench_preempt: %s: %s\n", erc_status_text(status), erc_error_detail());
	for (int i = 0; i < 2; i++)
		tenant_close(&tenants[i]);
	erc_runtime_destroy(runtime);
	free(events);
	free(probes);
	if (json)
		fclose(json);
	return status != ERC_OK;
}
