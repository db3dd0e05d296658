/* The benefit of compiling for less local memory: `bench_local [--rounds N] [--json OUT] MODEL.erca...`. Each model has
 * a full budget and smaller ones with the same number of units. For each distinct convolution and matrix product, the
 * kernel of every budget is compared with the kernel of the full budget. Each runs its tiles on one core, and before
 * each tile another tenant overwrites a part of the core's cache: the part of L2 that the budget leaves, or, as the
 * worst case, all of L2. The two kernels alternate within each round; a ratio is the median over the rounds. A budget
 * with the same kernel as the full one is not compared: "same". The maximum possible gain is the loss of the full
 * budget's kernel when all of L2 is overwritten, compared with running alone. */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compiler/kernels/params.h"
#include "tools/erc/command.h"
#include "runtime/core/handles.h"

#define MOST_LAUNCHES 1024
#define MOST_BUDGETS 8
#define SLOWER 1.02      /* a larger ratio is too slow */
#define LEAST_NS 20000.0 /* shorter launches are left out */

enum { NOTHING, BUDGET, WHOLE, THRASHERS }; /* what the other tenant overwrites: "alone", "budget", "whole" */

/* One launch beside a tenant that overwrites this much. */
struct side {
	const struct erc__step *step;
	size_t other_bytes;
};

struct pairing {
	double us[2];            /* all tiles of the launch, medians */
	double ratio, low, high; /* of the second side to the first: median, quartiles */
};

struct bench {
	struct runner runner;
	const struct erc_artifact *artifact;
	const char *model;
	uint32_t budget_count, full;
	const struct erca_budget *budgets[MOST_BUDGETS];
	void *local;
	size_t l2_bytes; /* of the core; if that is unknown, of the full budget */
	uint8_t *other;  /* the other tenant's memory, l2_bytes */
	int rounds;
	FILE *json;
	int rows;
	/* over all models */
	struct seen {
		int64_t params[CONV_PARAM_COUNT];
		uint64_t flops;
	} seen[MOST_LAUNCHES];
	double most_lost; /* by a full budget's kernel beside the other tenant */
	uint32_t shapes, kept, compared, slower[THRASHERS], faster[THRASHERS];
	double best[THRASHERS], worst[THRASHERS];
};

static double now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double quantile(double *values, int count, double share)
{
	qsort(values, (size_t)count, sizeof *values, by_value);
	return values[(int)(share * (count - 1) + 0.5)];
}

/* ---- launches ---- */

static const struct erc__step *step_of(const struct bench *bench, uint32_t budget, uint32_t s)
{
	const struct erc__job *job = &bench->runner.request->job;
	return &job->steps[(size_t)budget * job->step_count + s];
}

static const struct erca_variant *variant_of(const struct bench *bench, uint32_t budget, uint32_t s)
{
	const struct erca_record *record =
		erc_artifact_record(bench->artifact, ERC_TABLE_RECORDS, step_of(bench, budget, s)->record);
	return erc_artifact_record(bench->artifact, ERC_TABLE_VARIANTS, record->variant_first + budget);
}

static const int64_t *params_of(const struct bench *bench, const struct erca_variant *variant)
{
	return erc_artifact_record(bench->artifact, ERC_TABLE_PARAMS, variant->param_first);
}

static bool is_conv(const struct bench *bench, uint32_t s)
{
	const struct erca_variant *variant = variant_of(bench, bench->full, s);
	const struct erca_kernel *kernel = erc_artifact_record(bench->artifact, ERC_TABLE_KERNELS, variant->kernel);
	return !strncmp(erc_artifact_string(bench->artifact, kernel->name), "conv_", 5) &&
	       variant->param_count == CONV_PARAM_COUNT && variant->count_slot == ERCA_NONE &&
	       (double)variant->tile_count * variant->tile_ns > LEAST_NS;
}

/* Whether this is the first launch with these sizes. Parameters of the tile are not compared. */
static bool is_new(struct bench *bench, uint32_t s, uint64_t flops)
{
	struct seen *shape = &bench->seen[bench->shapes];
	memcpy(shape->params, params_of(bench, variant_of(bench, bench->full, s)), sizeof shape->params);
	memset(shape->params + CONV_OC_TILES, 0, (CONV_PARAM_COUNT - CONV_OC_TILES) * sizeof(int64_t));
	shape->flops = flops;
	for (uint32_t i = 0; i < bench->shapes; i++)
		if (!memcmp(&bench->seen[i], shape, sizeof *shape))
			return false;
	bench->shapes += bench->shapes + 1 < MOST_LAUNCHES;
	return true;
}

static bool same_tiles(const struct bench *bench, const struct erca_variant *a, const struct erca_variant *b)
{
	return a->kernel == b->kernel &&
	       !memcmp(params_of(bench, a), params_of(bench, b), CONV_PARAM_COUNT * sizeof(int64_t));
}

/* "3x3/2 14x14x256 -> 512", or for a product "128x768 -> 3072". */
static const char *launch_text(const int64_t *p, char *out, size_t bytes)
{
	long long taps = p[CONV_KD] * p[CONV_KH] * p[CONV_KW], cg = p[CONV_W_BLOCK] / (16 * p[CONV_IN_BLOCKS] * taps);
	long long terms = (p[CONV_IN_BLOCKS] - 1) * cg + p[CONV_LAST_K];
	if (p[CONV_OH] * p[CONV_OD] == 1)
		snprintf(out, bytes, "%lldx%lld -> %lld", (long long)p[CONV_OW], terms, (long long)p[CONV_OC]);
	else
		snprintf(out, bytes, "%lldx%lld/%lld %lldx%lldx%lld -> %lld", (long long)p[CONV_KH], (long long)p[CONV_KW],
		         (long long)p[CONV_SH], (long long)p[CONV_IH], (long long)p[CONV_IW], terms, (long long)p[CONV_OC]);
	return out;
}

/* ---- measuring ---- */

/* A tile of the other tenant: reads and writes a word of each line of its memory. */
static __attribute__((noinline)) void thrash(uint8_t *memory, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 64)
		(*(volatile uint64_t *)(memory + i))++;
}

/* Runs every tile of a launch, each after a tile of the other tenant. Returns the time of the launch's own tiles. */
static double run_launch(struct bench *bench, const struct erc__step *step, size_t other_bytes)
{
	double sum = 0;
	for (uint32_t tile = 0; tile < step->tile_count; tile++) {
		thrash(bench->other, other_bytes);
		double start = now_ns();
		step->tile(&step->args, tile, bench->local);
		sum += now_ns() - start;
	}
	return sum / 1e3;
}

static struct pairing compare(struct bench *bench, const struct side sides[2])
{
	double *us[2], *ratios = memory_new((size_t)bench->rounds * sizeof *ratios);
	struct pairing result;
	for (int k = 0; k < 2; k++) {
		us[k] = memory_new((size_t)bench->rounds * sizeof *us[k]);
		run_launch(bench, sides[k].step, sides[k].other_bytes);
	}
	for (int round = 0; round < bench->rounds; round++) {
		for (int k = 0; k < 2; k++) {
			int side = (round + k) % 2;
			us[side][round] = run_launch(bench, sides[side].step, sides[side].other_bytes);
		}
		ratios[round] = us[1][round] / us[0][round];
	}
	for (int k = 0; k < 2; k++) {
		result.us[k] = quantile(us[k], bench->rounds, 0.5);
		free(us[k]);
	}
	result.low = quantile(ratios, bench->rounds, 0.25);
	result.ratio = quantile(ratios, bench->rounds, 0.5);
	result.high = quantile(ratios, bench->rounds, 0.75);
	free(ratios);
	return result;
}

static void count(struct bench *bench, const struct pairing *results)
{
	bench->compared++;
	for (int t = 0; t < THRASHERS; t++) {
		bench->slower[t] += results[t].ratio > SLOWER;
		bench->faster[t] += results[t].ratio < 2 - SLOWER;
		bench->best[t] = fmin(bench->best[t], results[t].ratio);
		bench->worst[t] = fmax(bench->worst[t], results[t].ratio);
	}
}

static void print_pairing(FILE *json, const char *key, const struct pairing *pairing)
{
	fprintf(json, ", \"%s\": {\"us\": [%.2f, %.2f], \"ratio\": %.4f, \"quartiles\": [%.4f, %.4f]}", key, pairing->us[0],
	        pairing->us[1], pairing->ratio, pairing->low, pairing->high);
}

/* Compares one budget's kernel with the full budget's: a cell of the table. */
static void compare_budget(struct bench *bench, uint32_t budget, uint32_t s)
{
	static const char *const names[] = {"alone", "budget", "whole"};
	const struct erca_variant *own = variant_of(bench, budget, s);
	const char *name = erc_artifact_string(bench->artifact, bench->budgets[budget]->name);
	const char *tile = erc_artifact_string(bench->artifact, own->shape);
	const size_t bytes[] = {0, bench->l2_bytes - bench->budgets[budget]->local_bytes, bench->l2_bytes};
	struct pairing results[THRASHERS];
	if (same_tiles(bench, variant_of(bench, bench->full, s), own)) {
		bench->kept++;
		printf(" same |");
		return;
	}
	fprintf(bench->json, ",\n     \"%s\": {\"tile\": \"%s\"", name, tile);
	for (int t = 0; t < THRASHERS; t++) {
		results[t] = compare(bench, (const struct side[]){{step_of(bench, bench->full, s), bytes[t]},
		                                                  {step_of(bench, budget, s), bytes[t]}});
		print_pairing(bench->json, names[t], &results[t]);
	}
	fprintf(bench->json, "}");
	printf(" %s: %.3f, %.3f |", tile, results[BUDGET].ratio, results[WHOLE].ratio);
	count(bench, results);
}

/* A row of the table. */
static void compare_launch(struct bench *bench, uint32_t s)
{
	char shape[64];
	const struct erc__step *full = step_of(bench, bench->full, s);
	const char *tile = erc_artifact_string(bench->artifact, variant_of(bench, bench->full, s)->shape);
	struct pairing company = compare(bench, (const struct side[]){{full, 0}, {full, bench->l2_bytes}});
	launch_text(params_of(bench, variant_of(bench, bench->full, s)), shape, sizeof shape);
	bench->most_lost = fmax(bench->most_lost, company.ratio);
	printf("| %s | %s | %s | %.3f |", bench->model, shape, tile, company.ratio);
	fprintf(bench->json, "%s\n    {\"model\": \"%s\", \"shape\": \"%s\", \"tile\": \"%s\"", bench->rows++ ? "," : "",
	        bench->model, shape, tile);
	print_pairing(bench->json, "company", &company);
	for (uint32_t budget = 0; budget < bench->budget_count; budget++)
		if (budget != bench->full)
			compare_budget(bench, budget, s);
	fprintf(bench->json, "}");
	printf("\n");
	fflush(stdout);
}

/* ---- models ---- */

/* Finds the model's budgets; the one with the most local memory is the full one. */
static void find_budgets(struct bench *bench)
{
	const struct erca_target *target = bench->runner.model->target;
	bench->budget_count = target->budget_count < MOST_BUDGETS ? target->budget_count : MOST_BUDGETS;
	bench->full = 0;
	for (uint32_t k = 0; k < bench->budget_count; k++) {
		bench->budgets[k] = erc_artifact_record(bench->artifact, ERC_TABLE_BUDGETS, target->budget_first + k);
		if (bench->budgets[k]->local_bytes > bench->budgets[bench->full]->local_bytes)
			bench->full = k;
	}
}

/* The date, and the processor's name in /proc/cpuinfo. */
static void print_machine(const struct bench *bench)
{
	char line[256], day[16], processor[128] = "unknown";
	time_t now = time(NULL);
	FILE *file = fopen("/proc/cpuinfo", "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "model name : %127[^\n\"]", processor) == 1)
			break;
	if (file)
		fclose(file);
	strftime(day, sizeof day, "%Y-%m-%d", gmtime(&now));
	printf("%s, %s, %zu KiB of L2, %s, %d rounds\n\n", erc_model_target(bench->runner.model), processor,
	       bench->l2_bytes >> 10, day, bench->rounds);
	fprintf(bench->json,
	        "{\"schema\": \"erc.bench-local/1\", \"target\": \"%s\", \"processor\": \"%s\", \"l2_bytes\": %zu, "
	        "\"date\": \"%s\", \"rounds\": %d,\n  \"rows\": [",
	        erc_model_target(bench->runner.model), processor, bench->l2_bytes, day, bench->rounds);
}

static void print_head(const struct bench *bench)
{
	print_machine(bench);
	printf("| model | shape | full budget's tile | all of L2 overwritten |");
	for (uint32_t k = 0; k < bench->budget_count; k++)
		if (k != bench->full)
			printf(" %s |", erc_artifact_string(bench->artifact, bench->budgets[k]->name));
	printf("\n|---|---|---|---:|");
	for (uint32_t k = 1; k < bench->budget_count; k++)
		printf("---|");
	printf("\n");
}

static int bench_model(struct bench *bench, const char *path)
{
	struct text_list none = {0};
	struct runner_options open = {.path = path, .inputs = &none, .workers = 1, .random_by_default = true};
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int code = runner_open(&bench->runner, &open);
	if (code == ARGS_OK && runner_run(&bench->runner, true) == ERC_OK) { /* this run binds and checks everything */
		const struct erc__job *job = &bench->runner.request->job;
		char *model = memory_printf("%.*s", (int)strcspn(name, "."), name);
		bench->model = model;
		bench->artifact = bench->runner.model->artifact;
		find_budgets(bench);
		size_t bytes = bench->budgets[bench->full]->local_bytes, l2 = (size_t)sysconf(_SC_LEVEL2_CACHE_SIZE);
		bench->l2_bytes = l2 > bytes && l2 < 1u << 30 ? l2 : bytes;
		bench->local = aligned_alloc(64, (bench->runner.session->entries[0].entry->local_bytes + 64) & ~UINT64_C(63));
		bench->other = aligned_alloc(4096, (bench->l2_bytes + 4095) & ~(size_t)4095);
		memset(bench->other, 1, bench->l2_bytes);
		if (!bench->shapes)
			print_head(bench);
		for (uint32_t s = 0; s < job->step_count; s++) {
			const struct erca_record *record =
				erc_artifact_record(bench->artifact, ERC_TABLE_RECORDS, step_of(bench, 0, s)->record);
			if (record->kind == ERCA_RECORD_LAUNCH && is_conv(bench, s) && is_new(bench, s, record->flops))
				compare_launch(bench, s);
		}
		free(bench->local);
		free(bench->other);
		free(model);
	} else {
		code = EXIT_RUN;
	}
	runner_close(&bench->runner);
	return code;
}

static void print_totals(const struct bench *bench)
{
	static const char *const names[] = {"nothing", "L2 less the budget", "all of L2"};
	printf("\n%u shapes; under smaller budgets %u times the full budget's kernel, %u times another. If all of L2 is "
	       "overwritten,\nthe full budget's kernel takes up to %.3f times as long.\n",
	       bench->shapes, bench->kept, bench->compared, bench->most_lost);
	if (bench->compared)
		printf("\nTime of the other kernel, relative to the full budget's, beside a tenant that overwrites:\n\n");
	for (int t = 0; t < THRASHERS && bench->compared; t++)
		printf("- %s: best %.3f, worst %.3f; more than 2 %% faster %u times, more than 2 %% slower %u times\n",
		       names[t], bench->best[t], bench->worst[t], bench->faster[t], bench->slower[t]);
	fprintf(bench->json, "\n  ],\n  \"shapes\": %u, \"kept\": %u, \"compared\": %u}\n", bench->shapes, bench->kept,
	        bench->compared);
}

static void pin(void)
{
	cpu_set_t cores, one;
	int core = 0;
	sched_getaffinity(0, sizeof cores, &cores);
	while (core < CPU_SETSIZE - 1 && !CPU_ISSET(core, &cores))
		core++;
	CPU_ZERO(&one);
	CPU_SET(core, &one);
	sched_setaffinity(0, sizeof one, &one);
}

int main(int argc, char **argv)
{
	static struct bench bench = {.rounds = 15, .best = {9, 9, 9}};
	const char *out = "/dev/null";
	int first = 1, code = ARGS_OK;
	for (; first + 1 < argc && argv[first][0] == '-'; first += 2)
		if (!strcmp(argv[first], "--rounds"))
			bench.rounds = atoi(argv[first + 1]);
		else if (!strcmp(argv[first], "--json"))
			out = argv[first + 1];
	if (first >= argc || bench.rounds < 1 || !(bench.json = fopen(out, "w"))) {
		fprintf(stderr, "usage: bench_local [--rounds N] [--json OUT] MODEL.erca...\n");
		return 2;
	}
	pin();
	for (int i = first; i < argc && code == ARGS_OK; i++)
		code = bench_model(&bench, argv[i]);
	print_totals(&bench);
	fclose(bench.json);
	return code == ARGS_OK ? 0 : code;
}
