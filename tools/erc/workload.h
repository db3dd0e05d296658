/* Workloads: who asks for what, when; the driver that does; what came of it. */
#ifndef ERC_WORKLOAD_H
#define ERC_WORKLOAD_H

#include "tools/erc/command.h"

/* ---- workload.c: files ---- */

enum load_kind {
	LOAD_CLOSED, /* the next request when one ends */
	LOAD_PERIODIC,
	LOAD_POISSON,
	LOAD_TRACE, /* recorded gaps between arrivals, over and over */
};

struct client {
	char *name;
	char *model; /* name: --model NAME=FILE says which file it is; or a .onnx file itself, beside the workload */
	enum erc_class class_;
	uint32_t level, weight;
	uint32_t in_flight;   /* closed: requests outstanding at a time */
	uint32_t units;       /* most units; 0: no limit */
	char *budget;         /* NULL: by room */
	uint32_t deadline_us; /* RT: valid time; 0: valid_factor times the median of its service alone */
	double valid_factor;
	enum load_kind kind;
	double rate;    /* periodic, Poisson: per second */
	double *gaps_s; /* trace */
	size_t gap_count;
};

struct workload {
	char *name;
	double seconds; /* of one slice; 0: not said */
	struct client *clients;
	uint32_t count;
};

/* Our own form (schemas/workload.schema.json), or a DISB file. ARGS_OK, or an exit code after messages. */
int workload_read(const char *path, struct workload *out);
/* The file `name` in the folder of the file `path`; an absolute name as it is. The caller frees it. */
char *path_beside(const char *path, const char *name);
void workload_free(struct workload *workload);
/* Arrivals of an open-loop client within `seconds`, ascending, in nanoseconds from 0; rates are multiplied by scale.
 * The same seed gives the same times. The caller frees *times. */
size_t client_arrivals(const struct client *client, double seconds, double scale, uint64_t seed, uint64_t **times);
/* Mean rate per second, before scaling; 0 for a closed loop. */
double client_rate(const struct client *client);

/* ---- measure.c: figures from samples ---- */

struct series {
	double *values;
	size_t count, capacity;
};
void series_add(struct series *series, double value);
void series_append(struct series *series, const struct series *other);
void series_free(struct series *series);
double series_mean(const struct series *series);                     /* 0 when empty */
double series_percentile(const struct series *series, double share); /* nearest rank; 0 when empty */
double series_median(const struct series *series);
size_t series_count_within(const struct series *series, double limit); /* values <= limit */

/* ---- load.c: the driver ---- */

/* What became of one client in one slice; times in microseconds. */
struct outcome {
	struct series latency; /* end - scheduled arrival */
	struct series service; /* end - max(scheduled arrival, end of the client's request before) */
	struct series visible; /* submit -> rooms set */
	struct series
		granted; /* submit -> the last granted unit at work; of those where it came to that and no other RT request was under way */
	uint64_t arrivals; /* open: all; closed: submitted */
	uint64_t shed, dropped, failed, preemptions;
	uint32_t most_units; /* that a request was granted */
	double completed;    /* by the end of the slice; a request that was under way counts in part */
};
void outcome_free(struct outcome *outcome);
void outcome_add(struct outcome *to, const struct outcome *from);

/* One client on one runtime. */
struct lane {
	const struct client *client;
	erc_session *session;
	struct lane_request *requests;
	uint32_t request_count, outstanding;
	uint32_t most;            /* outstanding at a time */
	uint64_t valid_ns;        /* valid time; a closed loop tries again after so long when a request was refused */
	uint64_t again_ns;        /* closed loop: submits nothing before */
	bool is_active;           /* in this slice */
	bool drops_stale;         /* an arrival while one is outstanding is dropped, as DISB's generator does */
	const uint64_t *arrivals; /* of this slice, from its start */
	size_t arrival_count, next;
	uint64_t last_end_ns;
	struct outcome *outcome;
};

struct stage {
	erc_runtime *runtime;
	struct lane *lanes;
	uint32_t lane_count;
	enum erc_status status;          /* of the first request that failed for no reason of scheduling */
	struct erc_runtime_stats at_end; /* when the time of the slice was over; requests may have been under way */
	struct series oversleep;         /* wake-ups that came late, us: the machine's own stalls */
};

struct lane_request {
	erc_request *request;
	struct array *arrays; /* what its inputs and outputs are bound to */
	uint32_t array_count;
	bool is_busy;
	bool had_company; /* when it was submitted, RT requests were under way */
};

/* Makes the requests, bound to memory of their own. */
enum erc_status lane_open(struct lane *lane, erc_model *model, uint32_t requests);
void lane_close(struct lane *lane);
/* Runs all active lanes for so long, then waits until nothing is under way. */
enum erc_status stage_run(struct stage *stage, double seconds);

/* ---- bench_workload.c ---- */

struct workload_options {
	const char *path;        /* of the workload */
	const char *device;      /* NULL: cpu */
	const char *arrivals;    /* "open" (NULL) or "disb" */
	const char *loads;       /* RT busy shares: "0.1,0.3", "0.1..1.2"; NULL: rates as they are */
	const char *policies;    /* "elastic,fifo" */
	const char *trace;       /* file to write; NULL: none */
	struct text_list models; /* NAME=FILE */
	struct text_list dims;   /* NAME=N, of models that are compiled */
	double slice;            /* seconds; 0: as the workload says, or 2 */
	double rt_slowdown;      /* 0: none */
	double be_bandwidth;     /* 0: no limit */
	uint32_t workers, rounds, seed;
	bool shed, by_tile, contention, quiet;
};
int bench_workload(const struct workload_options *options, enum format format);

#endif
