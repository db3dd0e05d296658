/* The cost of the queue as it grows: `bench_scale MODEL.erca OUT.json`. A cell has a number of requests in a number of
 * sessions. All requests are kept in the queue: each is submitted again as soon as it has ended. Measured are the runs
 * per second, the time of erc_request_submit on the calling thread, and the heap memory of sessions and requests. The
 * sessions' deadlines differ by up to 50 ms and are an hour away, so keys are not in the order of arrival, and a
 * session that may refuse requests (RT with `shed`) refuses none. Every cell has its own runtime in each round; figures
 * are medians of the rounds.
 *
 * Each cell with the largest number of requests is compared with a cell that has as many requests and sessions, but
 * keeps only 10 requests in the queue: all requests take turns. So it uses the same memory with a short queue.
 *
 * Environment: POLICIES, DEVICES ("cpu:1 cpu:2 sim:2": name and units), CLASSES ("be rt shed"), REQUESTS, SESSIONS
 * (numbers), ROUNDS (3; fewer if they would take more than 290 s), SLICE (0.08: seconds for one cell in one round). */
#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/handles.h"
#include "tests/bench/stall.h"

#define MOST_WORDS 8
#define MOST_CELLS 2048
#define MOST_ROUNDS 9
/* maximum number of submits that are timed in one cell and round; later ones are only counted */
#define MOST_SAMPLES (1 << 18)
#define MOST_SECONDS 290 /* no further round begins if it would end after this time */
#define DEADLINE_US UINT64_C(3600000000)
#define SPREAD_US 50000
#define FEW 10 /* requests in the queue where many requests take turns */

enum kind { BE, RT, RT_SHED, KINDS };
static const char *const kind_names[] = {"be", "rt", "shed"};

struct cell {
	char policy[16], device[16];
	uint32_t units, requests, sessions;
	uint32_t queued; /* number of requests that are in the queue at a time */
	enum kind kind;
	double per_s[MOST_ROUNDS], p50_us[MOST_ROUNDS], p99_us[MOST_ROUNDS];
	double session_bytes, request_bytes; /* per session and per request, in the last round */
	uint64_t runs;
};

struct words {
	char text[160];
	char *word[MOST_WORDS];
	uint32_t count;
};

struct scale {
	const char *path;
	struct cell *cells;
	uint32_t cell_count, rounds;
	double seconds;
	uint32_t *times_ns;
};

/* The handles of the cell that is being measured. */
struct load {
	erc_runtime *runtime;
	erc_model *model;
	erc_session **sessions;
	erc_request **requests;
	uint32_t session_count, request_count;
	uint32_t queued, turn;
	uint8_t *input, *outputs;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_scale: %s: %s\n", what, erc_error_detail());
	exit(1);
}

/* ---- which requests have ended ---- */

/* The linker replaces erc__job_finish by this function, so that 10,000 requests need not be searched for those that
 * have ended. Called under the device's lock; read by the one thread that submits. A request is in it at most once. */
static erc_request **ended;
static uint32_t ended_mask, ended_read;
static _Atomic uint32_t ended_written;

void __real_erc__job_finish(struct erc__job *job);
void __wrap_erc__job_finish(struct erc__job *job);

void __wrap_erc__job_finish(struct erc__job *job)
{
	uint32_t at = atomic_load_explicit(&ended_written, memory_order_relaxed);
	ended[at & ended_mask] = (erc_request *)((char *)job - offsetof(struct erc_request, job));
	__real_erc__job_finish(job);
	atomic_store_explicit(&ended_written, at + 1, memory_order_release);
}

static erc_request *next_ended(void)
{
	if (ended_read == atomic_load_explicit(&ended_written, memory_order_acquire))
		return NULL;
	return ended[ended_read++ & ended_mask];
}

/* ---- one cell ---- */

static double allocated(void)
{
	struct mallinfo2 info = mallinfo2();
	return (double)(info.uordblks + info.hblkhd);
}

static void open_sessions(struct load *load, struct cell *cell)
{
	load->sessions = calloc(cell->sessions, sizeof(erc_session *));
	double before = allocated();
	for (uint32_t i = 0; i < cell->sessions; i++) {
		struct erc_session_options options = {.size = sizeof options};
		if (cell->kind != BE) {
			options.class_ = ERC_REAL_TIME;
			options.deadline_us = DEADLINE_US + i * UINT64_C(7919) % SPREAD_US;
			options.shed = cell->kind == RT_SHED;
		}
		if (erc_session_create(load->model, &options, &load->sessions[i]))
			fail("session");
		load->session_count++;
	}
	cell->session_bytes = (allocated() - before) / cell->sessions;
}

static void open_requests(struct load *load, struct cell *cell)
{
	struct erc_tensor_info in, out;
	erc_model_input_info(load->model, 0, 0, &in);
	erc_model_output_info(load->model, 0, 0, &out);
	load->input = calloc(1, in.bytes);
	load->outputs = calloc(cell->requests, out.bytes);
	load->requests = calloc(cell->requests, sizeof(erc_request *));
	double before = allocated();
	for (uint32_t i = 0; i < cell->requests; i++) {
		if (erc_request_create(load->sessions[i % cell->sessions], &load->requests[i]) ||
		    erc_request_bind_input(load->requests[i], 0, load->input, in.bytes) ||
		    erc_request_bind_output(load->requests[i], 0, load->outputs + i * out.bytes, out.bytes))
			fail("request");
		load->request_count++;
	}
	cell->request_bytes = (allocated() - before) / cell->requests;
}

static void open_load(struct load *load, const struct scale *scale, struct cell *cell)
{
	struct erc_runtime_options options = {.size = sizeof options,
	                                      .device = cell->device,
	                                      .units = cell->units,
	                                      .policy = cell->policy};
	*load = (struct load){.queued = cell->queued, .turn = cell->queued};
	if (erc_runtime_create(&options, &load->runtime) || erc_model_load(load->runtime, scale->path, NULL, &load->model))
		fail("start");
	if (erc_model_input_count(load->model, 0) != 1 || erc_model_output_count(load->model, 0) != 1) {
		fprintf(stderr, "bench_scale: the model must have one input and one output\n");
		exit(1);
	}
	open_sessions(load, cell);
	open_requests(load, cell);
	ended_read = 0;
	atomic_store(&ended_written, 0);
}

static void close_load(struct load *load)
{
	for (uint32_t i = 0; i < load->request_count; i++)
		if (erc_request_destroy(load->requests[i]))
			fail("request");
	for (uint32_t i = 0; i < load->session_count; i++)
		if (erc_session_destroy(load->sessions[i]))
			fail("session");
	if (erc_model_unload(load->model) || erc_runtime_destroy(load->runtime))
		fail("end");
	free(load->sessions);
	free(load->requests);
	free(load->input);
	free(load->outputs);
}

static void submit(erc_request *request)
{
	if (erc_request_submit(request))
		fail("submit");
}

/* The next request, in turn, that is not in the queue. */
static erc_request *next_in_turn(struct load *load)
{
	erc_request *request;
	do
		request = load->requests[load->turn++ % load->request_count];
	while (erc_request_wait(request, 0) == ERC_TIMEOUT);
	return request;
}

/* Until the time is over, submits a request for each one that has ended: the same one, or if not all are queued, the
 * next in turn. Returns the number of runs, and the times of as many submits as there is room for. */
static uint64_t keep_full(struct load *load, uint64_t end_ns, uint32_t *times_ns, uint32_t *time_count)
{
	uint64_t runs = 0;
	while (stall_now_ns() < end_ns) {
		erc_request *request = next_ended();
		if (!request) {
			erc_runtime_wait(load->runtime, UINT64_MAX);
			continue;
		}
		if (erc_request_wait(request, UINT64_MAX))
			fail("run");
		runs++;
		if (load->queued < load->request_count)
			request = next_in_turn(load);
		uint64_t before_ns = stall_now_ns();
		submit(request);
		if (time_count && *time_count < MOST_SAMPLES)
			times_ns[(*time_count)++] = (uint32_t)(stall_now_ns() - before_ns);
	}
	return runs;
}

/* Cancels what is still queued; a run may also end by itself meanwhile. */
static void empty(const struct load *load)
{
	for (uint32_t i = 0; i < load->request_count; i++)
		erc_request_cancel(load->requests[i]);
	for (uint32_t i = 0; i < load->request_count; i++) {
		enum erc_status status = erc_request_wait(load->requests[i], UINT64_MAX);
		if (status && status != ERC_CANCELLED && status != ERC_INVALID) /* INVALID: it was not submitted */
			fail("end of run");
	}
}

static int by_time(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void measure(const struct scale *scale, struct cell *cell, uint32_t round)
{
	struct load load;
	uint32_t time_count = 0;
	open_load(&load, scale, cell);
	for (uint32_t i = 0; i < cell->queued; i++)
		submit(load.requests[i]);
	keep_full(&load, stall_now_ns() + (uint64_t)(scale->seconds * 1e8), NULL, NULL);
	uint64_t began_ns = stall_now_ns(), end_ns = began_ns + (uint64_t)(scale->seconds * 1e9);
	uint64_t runs = keep_full(&load, end_ns, scale->times_ns, &time_count);
	cell->per_s[round] = (double)runs * 1e9 / (double)(stall_now_ns() - began_ns);
	cell->runs += runs;
	empty(&load);
	close_load(&load);
	qsort(scale->times_ns, time_count, sizeof(uint32_t), by_time);
	if (time_count) {
		cell->p50_us[round] = scale->times_ns[time_count / 2] / 1e3;
		cell->p99_us[round] = scale->times_ns[(uint64_t)time_count * 99 / 100] / 1e3;
	}
}

/* ---- all cells ---- */

static void read_words(struct words *words, const char *name, const char *otherwise)
{
	const char *given = getenv(name);
	snprintf(words->text, sizeof words->text, "%s", given && *given ? given : otherwise);
	words->count = 0;
	for (char *word = strtok(words->text, " ,"); word && words->count < MOST_WORDS; word = strtok(NULL, " ,"))
		words->word[words->count++] = word;
}

static uint32_t number_of(const char *text, uint32_t least)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	if (*end || end == text || number < least || number > 1000000) {
		fprintf(stderr, "bench_scale: '%s' is not a number from %u to 1000000\n", text, least);
		exit(2);
	}
	return (uint32_t)number;
}

static void add_cell(struct scale *scale, const struct cell *cell)
{
	if (cell->sessions > cell->requests)
		return;
	/* Under "partition" RT has half of the units, rounded up: if there is only one, BE has none. */
	if (!strcmp(cell->policy, "partition") && cell->units == 1 && cell->kind == BE)
		return;
	if (scale->cell_count == MOST_CELLS) {
		fprintf(stderr, "bench_scale: more than %d cells\n", MOST_CELLS);
		exit(2);
	}
	scale->cells[scale->cell_count++] = *cell;
}

static enum kind kind_of(const char *name)
{
	for (int k = 0; k < KINDS; k++)
		if (!strcmp(name, kind_names[k]))
			return (enum kind)k;
	fprintf(stderr, "bench_scale: no class '%s'; there are be, rt and shed\n", name);
	exit(2);
}

static void list_cells(struct scale *scale, uint32_t *most_requests)
{
	struct words policies, devices, kinds, requests, sessions;
	read_words(&policies, "POLICIES", erc_policy_names());
	read_words(&devices, "DEVICES", "cpu:1 cpu:2 sim:2");
	read_words(&kinds, "CLASSES", "be rt shed");
	read_words(&requests, "REQUESTS", "1 10 100 1000 10000");
	read_words(&sessions, "SESSIONS", "1 100 1000 10000");
	*most_requests = 1;
	for (uint32_t r = 0; r < requests.count; r++) {
		uint32_t number = number_of(requests.word[r], 1);
		*most_requests = number > *most_requests ? number : *most_requests;
	}
	for (uint32_t d = 0; d < devices.count; d++) {
		char *colon = strchr(devices.word[d], ':');
		struct cell cell = {.units = number_of(colon ? colon + 1 : "1", 1)};
		snprintf(cell.device, sizeof cell.device, "%.*s", colon ? (int)(colon - devices.word[d]) : 15, devices.word[d]);
		for (uint32_t p = 0; p < policies.count; p++)
			for (uint32_t s = 0; s < sessions.count; s++)
				for (uint32_t r = 0; r < requests.count; r++)
					for (uint32_t k = 0; k < kinds.count; k++) {
						snprintf(cell.policy, sizeof cell.policy, "%s", policies.word[p]);
						cell.kind = kind_of(kinds.word[k]);
						cell.requests = number_of(requests.word[r], 1);
						cell.sessions = number_of(sessions.word[s], 1);
						cell.queued = cell.requests;
						add_cell(scale, &cell);
						if (cell.requests != *most_requests || cell.requests <= FEW)
							continue;
						cell.queued = FEW;
						add_cell(scale, &cell);
					}
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, uint32_t count)
{
	qsort(values, count, sizeof *values, by_value);
	return values[count / 2];
}

static void write_cell(FILE *file, const struct scale *scale, struct cell *cell, bool is_last)
{
	fprintf(file,
	        "  {\"device\": \"%s\", \"units\": %u, \"policy\": \"%s\", \"class\": \"%s\", \"requests\": %u, "
	        "\"queued\": %u, "
	        "\"sessions\": %u, "
	        "\"runs_per_s\": %.0f, \"submit_p50_us\": %.3f, \"submit_p99_us\": %.3f, \"session_bytes\": %.0f, "
	        "\"request_bytes\": %.0f, \"runs\": %" PRIu64 "}%s\n",
	        cell->device, cell->units, cell->policy, kind_names[cell->kind], cell->requests, cell->queued,
	        cell->sessions, median(cell->per_s, scale->rounds), median(cell->p50_us, scale->rounds),
	        median(cell->p99_us, scale->rounds), cell->session_bytes, cell->request_bytes, cell->runs,
	        is_last ? "" : ",");
}

static void write_all(const struct scale *scale, const char *path, const struct stalls *stalls)
{
	FILE *file = fopen(path, "w");
	if (!file) {
		perror(path);
		exit(1);
	}
	fprintf(file, "{\"schema\": \"erc.bench-scale/1\", \"rounds\": %u, \"seconds\": %g,\n", scale->rounds,
	        scale->seconds);
	fprintf(file,
	        " \"stalls\": {\"count\": %" PRIu64
	        ", \"sum_ms\": %.1f, \"most_ms\": %.2f, \"watched_s\": %.1f},\n \"cells\": [\n",
	        stalls->count, (double)stalls->sum_ns / 1e6, (double)stalls->most_ns / 1e6,
	        (double)stalls->watched_ns / 1e9);
	for (uint32_t i = 0; i < scale->cell_count; i++)
		write_cell(file, scale, &scale->cells[i], i + 1 == scale->cell_count);
	fprintf(file, " ]}\n");
	if (fclose(file)) {
		perror(path);
		exit(1);
	}
}

/* Runs the requested number of rounds, or fewer if the time is over. */
static void run_rounds(struct scale *scale)
{
	uint64_t start_ns = stall_now_ns();
	for (uint32_t round = 0; round < scale->rounds; round++) {
		for (uint32_t i = 0; i < scale->cell_count; i++)
			measure(scale, &scale->cells[i], round);
		double s = (double)(stall_now_ns() - start_ns) / 1e9;
		fprintf(stderr, "round %u of %u: %u cells, %.0f s so far\n", round + 1, scale->rounds, scale->cell_count, s);
		if (s * (round + 2) / (round + 1) > MOST_SECONDS)
			scale->rounds = round + 1;
	}
}

int main(int argc, char **argv)
{
	struct words rounds, seconds;
	struct stall_probe probe = {0};
	uint32_t most_requests;
	if (argc != 3)
		return fprintf(stderr, "usage: bench_scale MODEL.erca OUT.json\n"), 2;
	read_words(&rounds, "ROUNDS", "3");
	read_words(&seconds, "SLICE", "0.08");
	struct scale scale = {.path = argv[1], .rounds = number_of(rounds.word[0], 1), .seconds = atof(seconds.word[0])};
	if (scale.rounds > MOST_ROUNDS || !(scale.seconds > 0 && scale.seconds <= 60))
		return fprintf(stderr, "bench_scale: ROUNDS is at most %d, SLICE more than 0 and at most 60 seconds\n",
		               MOST_ROUNDS),
		       2;
	scale.cells = calloc(MOST_CELLS, sizeof *scale.cells);
	scale.times_ns = calloc(MOST_SAMPLES, sizeof *scale.times_ns);
	list_cells(&scale, &most_requests);
	for (ended_mask = 1; ended_mask < most_requests; ended_mask *= 2)
		;
	ended = calloc(ended_mask--, sizeof *ended);
	stall_start(&probe);
	run_rounds(&scale);
	struct stalls stalls = stall_end(&probe);
	write_all(&scale, argv[2], &stalls);
	return 0;
}
