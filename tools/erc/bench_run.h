/* One run of `erc bench --workload`: the data that its parts share. */
#ifndef ERC_BENCH_RUN_H
#define ERC_BENCH_RUN_H

#include "tools/erc/workload.h"

/* A policy, and a runtime under it with all clients. */
struct policy {
	const char *name; /* NULL: the default */
	struct stage stage;
	erc_model **models; /* one per client; clients with the same file share a model */
	char *refused;      /* why it cannot run on this device; NULL: it can */
};

/* Figures of one policy at one load. */
struct cell_figures {
	struct outcome *solo, *shared;                                                  /* per client, over all rounds */
	struct series mean_ratio, p90_ratio, p99_ratio, be_alone_ratio, be_share_ratio; /* one value per round */
	double rt_seconds;                                                              /* in shared slices */
	uint64_t late_units; /* as in erc_runtime_stats, in shared slices */
	double available;    /* sum over the rounds of the share that RT left */
};

/* A model that was compiled for this run. Its artifact is an open file that is already removed from its folder. */
struct compiled {
	const char *name;                      /* as the user gave it */
	char *path;                            /* canonical, so that each file is compiled once */
	int file;                              /* the open artifact; -1: not yet */
	struct text_list dims, shapes, consts; /* of the options, those that concern it */
};

struct bench_run {
	const struct workload_options *options;
	struct workload workload;
	char *target;     /* of the device */
	char **files;     /* per client: its artifact or .onnx file, as the user named it */
	char **artifacts; /* per client: the artifact to load */
	struct compiled *compiled;
	uint32_t compiled_count;
	double *service_us;      /* per client: median service time alone, on the whole device */
	double *paced_us;        /* per client: RT with arrivals: median latency alone, with pauses; else service_us */
	double *valid_us;        /* per client: its deadline_us, or valid_factor times paced_us */
	uint32_t *max_units;     /* per client: the maximum number of units that it was granted while alone */
	struct policy reference; /* the default policy, for the clients' medians and for BE alone */
	struct policy *policies;
	uint32_t policy_count;
	double *loads; /* busy shares of RT; a single 0: the workload's rates */
	uint32_t load_count;
	struct cell_figures *cells; /* [load][policy] */
	double *be_alone;           /* [client]: completed per second in this round */
	double *scales;             /* [load] */
	double seconds;             /* length of a slice */
	uint32_t steps, step;       /* for the progress line */
	char *traced;               /* what --trace recorded; NULL: nothing */
};

/* ---- bench_options.c: all return ARGS_OK, or an exit code after messages ---- */

/* Finds the file of each client's model. An option --model that is not needed is an error. */
int bench_find_files(struct bench_run *run);
int bench_parse_loads(struct bench_run *run, const char *text);
int bench_parse_policies(struct bench_run *run, const char *text);

/* ---- bench_models.c ---- */

/* Compiles the .onnx files among the clients' models for the device. Returns ARGS_OK or the compiler's exit code. */
int bench_compile(struct bench_run *run);
void bench_free_models(struct bench_run *run);

/* ---- bench_stage.c ---- */

/* Finds the device's target. Returns EXIT_USAGE after a message if the options or the clients ask for more than the
 * device has. */
int bench_check_device(struct bench_run *run);
/* Returns EXIT_USAGE after a message if the device has fewer units than this. A number of 0 stands for all. */
int bench_check_units(const char *device, uint32_t units);

/* Loads the models of all clients under the policy. RT clients have deadlines if valid_us is known, and admission if
 * may_shed. A policy that the device refuses gets the reason, and ARGS_OK is returned. */
int bench_open_policy(struct bench_run *run, struct policy *policy, bool may_shed);
void bench_close_policy(const struct bench_run *run, struct policy *policy);

/* ---- bench_measure.c ---- */

/* Shows the next step of the progress. */
void bench_step(struct bench_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether requests arrive with pauses and have a valid time. */
bool is_paced(const struct client *client);
/* Measures the clients' medians alone, which give their valid times. */
int bench_calibrate(struct bench_run *run);
/* Finds the factors for the rates. Returns EXIT_USAGE after a message if a slice would have too many arrivals. */
int bench_scale_rates(struct bench_run *run);
/* Measures all cells. */
int bench_measure(struct bench_run *run);
/* Records one more shared slice of the last policy; it counts in no cell. */
int bench_write_trace(struct bench_run *run);

/* ---- bench_verdict.c: one cell ---- */

#define VALID_FACTORS 4 /* goodput_1_5 ... goodput_5 of the columns */

/* Sums over the clients. */
struct totals {
	struct outcome solo, shared;    /* over all RT clients */
	uint64_t in_time, solo_in_time; /* RT requests within their client's valid time */
	uint64_t good[VALID_FACTORS];   /* the same for other valid times, for clients without deadline_us */
	double be_completed;
	uint64_t be_preemptions;
	uint32_t be_clients, rt_units; /* rt_units: the maximum number of units of any RT client that ran alone */
};
void totals_add(const struct bench_run *run, const struct cell_figures *cell, struct totals *t);
void totals_free(struct totals *t);
double share(uint64_t part, uint64_t whole); /* 0 of nothing */

/* Sentences for a reader who does not know the columns: what happened, and why not to rely on it ("" if there is no
 * reason). The caller frees them. */
char *bench_verdict(const struct bench_run *run, const struct cell_figures *cell, const struct totals *t);
char *bench_warning(const struct bench_run *run, const struct cell_figures *cell, const struct totals *t);
/* The legend's line for the verdict, and for the share of the room. The caller frees them. */
char *bench_verdict_legend(void);
char *bench_room_legend(void);

/* ---- bench_report.c ---- */

void bench_print(const struct bench_run *run, enum format format);

#endif
