/* One run of `erc bench --workload`: what its parts share. */
#ifndef ERC_BENCH_RUN_H
#define ERC_BENCH_RUN_H

#include "workload.h"

/* A policy as the user names it. */
struct policy {
	const char *name;
	struct stage stage;
	erc_model **models;     /* one per client; shared where the file is the same */
};

/* One policy at one load. */
struct cell_figures {
	struct outcome *solo, *shared;     /* per client, all rounds together */
	struct series mean_ratio, p90_ratio, be_alone_ratio, be_share_ratio; /* one value a round */
	double rt_seconds, be_seconds;     /* of shared slices */
	double available;                  /* sum over rounds of the share that RT left */
};

struct bench_run {
	const struct workload_options *options;
	struct workload workload;
	const char **files;                /* per client: its artifact */
	double *service_us;                /* per client: median alone */
	struct policy *policies;
	uint32_t policy_count;
	double *loads;                     /* RT busy shares; a single 0: rates as they are */
	uint32_t load_count;
	struct cell_figures *cells;        /* [load][policy] */
	double *be_alone;                  /* [client]: completed a second, in this round */
	double *scales;                    /* [load] */
	double seconds;                    /* of a slice */
};

/* Per client: what came of one slice. */
struct window {
	struct outcome *outcomes; /* per client */
	double available;         /* share of the device's unit time that RT did not use */
};

/* ---- bench_options.c: all return ARGS_OK, or an exit code after messages ---- */

int bench_find_files(struct bench_run *run);
int bench_parse_loads(struct bench_run *run, const char *text);
int bench_parse_policies(struct bench_run *run, const char *text);

/* ---- bench_stage.c ---- */

int bench_open_policy(struct bench_run *run, struct policy *policy);
void bench_close_policy(const struct bench_run *run, struct policy *policy);

/* ---- bench_measure.c ---- */

/* The clients' medians alone. */
int bench_calibrate(struct bench_run *run);
/* All cells. */
int bench_measure(struct bench_run *run);
/* One more shared slice of the last policy, recorded. */
int bench_write_trace(struct bench_run *run);

/* ---- bench_report.c ---- */

void bench_print(const struct bench_run *run, enum format format);

#endif
