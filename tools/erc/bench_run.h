/* One run of `erc bench --workload`: what its parts share. */
#ifndef ERC_BENCH_RUN_H
#define ERC_BENCH_RUN_H

#include "tools/erc/workload.h"

/* A policy, and a runtime with all clients under it. */
struct policy {
	const char *name; /* NULL: the default */
	struct stage stage;
	erc_model **models; /* one per client; shared where the file is the same */
};

/* One policy at one load. */
struct cell_figures {
	struct outcome *solo, *shared; /* per client, all rounds together */
	struct series mean_ratio, p90_ratio, p99_ratio, be_alone_ratio, be_share_ratio; /* one value a round */
	double rt_seconds;                                                              /* of shared slices */
	uint64_t late_units; /* as erc_runtime_stats has them, in shared slices */
	double available;    /* sum over rounds of the share that RT left */
};

/* A model that was compiled for this run. Its file has no name any more. */
struct compiled {
	const char *name; /* as the user gave it */
	char *path;       /* canonical: each file is compiled once */
	int file;         /* the artifact; -1: not yet */
};

struct bench_run {
	const struct workload_options *options;
	struct workload workload;
	char **files;     /* per client: its artifact or .onnx file, as the user named it */
	char **artifacts; /* per client: the artifact that is loaded */
	struct compiled *compiled;
	uint32_t compiled_count;
	double *service_us;      /* per client: median alone, on the whole device */
	double *valid_us;        /* per client: its deadline_us, or valid_factor times that */
	uint32_t *most_units;    /* per client: that it was granted then */
	struct policy reference; /* the default policy: the clients' medians, and BE alone */
	struct policy *policies;
	uint32_t policy_count;
	double *loads; /* RT busy shares; a single 0: rates as they are */
	uint32_t load_count;
	struct cell_figures *cells; /* [load][policy] */
	double *be_alone;           /* [client]: completed a second, in this round */
	double *scales;             /* [load] */
	double seconds;             /* of a slice */
	uint32_t steps, step;       /* of the progress */
};

/* ---- bench_options.c: all return ARGS_OK, or an exit code after messages ---- */

/* Which file each client's model is. */
int bench_find_files(struct bench_run *run);
int bench_parse_loads(struct bench_run *run, const char *text);
int bench_parse_policies(struct bench_run *run, const char *text);

/* ---- bench_models.c ---- */

/* Compiles the .onnx files among the clients' models for the device. ARGS_OK, or the compile's exit code. */
int bench_compile(struct bench_run *run);
void bench_free_models(struct bench_run *run);

/* ---- bench_stage.c ---- */

/* Loads all clients' models under the policy. RT clients have deadlines where valid_us is known, and with may_shed
 * admission. */
int bench_open_policy(struct bench_run *run, struct policy *policy, bool may_shed);
void bench_close_policy(const struct bench_run *run, struct policy *policy);

/* ---- bench_measure.c ---- */

/* The next step of the progress begins. */
void bench_step(struct bench_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The clients' medians alone, and so their valid times. */
int bench_calibrate(struct bench_run *run);
/* All cells. */
int bench_measure(struct bench_run *run);
/* One more shared slice of the last policy, recorded; it counts in no cell. */
int bench_write_trace(struct bench_run *run);

/* ---- bench_report.c ---- */

void bench_print(const struct bench_run *run, enum format format);

#endif
