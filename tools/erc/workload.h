/* Workloads: which clients submit what and when, the driver that does it, and the results. */
#ifndef ERC_WORKLOAD_H
#define ERC_WORKLOAD_H

#include "tools/erc/command.h"

/* ---- bench_json.c ---- */

/* Reads a JSON file; the caller frees *out. Returns ARGS_OK, or an exit code after a message that names the file. */
struct cJSON;
int json_read(const char *path, struct cJSON **out);

/* ---- workload.c: files ---- */

/* Length of a slice in seconds. */
#define MIN_SLICE 1e-6
#define MAX_SLICE 3600.0

enum load_kind {
	LOAD_CLOSED, /* submits the next request when one ends */
	LOAD_PERIODIC,
	LOAD_POISSON,
	LOAD_TRACE, /* recorded gaps between arrivals, repeated */
};

struct client {
	char *name;
	char *model; /* a name, for which --model NAME=FILE gives the file; or a .onnx file beside the workload */
	enum erc_class class_;
	uint32_t level, weight;
	uint32_t in_flight;   /* closed loop: number of submitted requests at a time */
	uint32_t units;       /* maximum number of units; 0: no limit */
	char *budget;         /* NULL: by room */
	uint32_t deadline_us; /* RT: valid time; 0: valid_factor times the median service time alone */
	double valid_factor;
	enum load_kind kind;
	double rate;    /* periodic, Poisson: arrivals per second */
	double *gaps_s; /* trace */
	size_t gap_count;
};

struct workload {
	char *name;
	double seconds; /* length of one slice; 0: not given */
	struct client *clients;
	uint32_t count;
};

/* Reads our own format (schemas/workload.schema.json) or a DISB file. Returns ARGS_OK, or an exit code after
 * messages. */
int workload_read(const char *path, struct workload *out);
/* The file `name` in the folder of the file `path`; an absolute name is unchanged. The caller frees it. */
char *path_beside(const char *path, const char *name);
void workload_free(struct workload *workload);
/* Arrival times of an open-loop client within `seconds`, ascending, in nanoseconds from 0. Rates are multiplied by
 * scale. The same seed gives the same times. The caller frees *times. */
size_t client_arrivals(const struct client *client, double seconds, double scale, uint64_t seed, uint64_t **times);
/* Mean arrivals per second before scaling; 0 for a closed loop. */
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

/* Results of one client in one slice; times in microseconds. */
struct outcome {
	struct series latency; /* end - scheduled arrival */
	struct series service; /* end - max(scheduled arrival, end of the client's earlier request) */
	struct series visible; /* from submit until the rooms are set */
	/* from submit until the last granted unit works; only requests that got all their units while no other RT
	 * request was under way */
	struct series granted;
	uint64_t arrivals; /* open: all; closed: submitted */
	uint64_t shed, dropped, failed, preemptions;
	uint32_t max_units; /* maximum number of units that a request was granted */
	double completed;   /* by the end of the slice; a request under way counts in part */
};
void outcome_free(struct outcome *outcome);
void outcome_add(struct outcome *to, const struct outcome *from);

/* One client on one runtime. */
struct lane {
	const struct client *client;
	erc_session *session;
	struct lane_request *requests;
	uint32_t request_count, outstanding;
	uint32_t max;             /* maximum number of submitted requests at a time */
	uint64_t valid_ns;        /* valid time; a closed loop tries again after this time when a request was refused */
	uint64_t again_ns;        /* closed loop: submits nothing before this time */
	bool is_active;           /* in this slice */
	bool drops_stale;         /* drops an arrival while a request is under way, as DISB's generator does */
	const uint64_t *arrivals; /* arrivals in this slice, from its start */
	size_t arrival_count, next;
	uint64_t last_end_ns;
	struct outcome *outcome;
};

struct stage {
	erc_runtime *runtime;
	struct lane *lanes;
	uint32_t lane_count;
	enum erc_status status;          /* of the first request that failed, other than by scheduling */
	struct erc_runtime_stats at_end; /* at the end of the slice, when requests may still be under way */
	struct series oversleep;         /* how late the thread woke, us: the machine's own stalls */
};

struct lane_request {
	erc_request *request;
	struct array *arrays; /* memory of its inputs and outputs */
	uint32_t array_count;
	bool is_busy;
	bool had_company; /* RT requests were under way when it was submitted */
};

/* Creates the requests and binds them to their own memory. */
enum erc_status lane_open(struct lane *lane, erc_model *model, uint32_t requests);
void lane_close(struct lane *lane);
/* Runs all active lanes for `seconds`, then waits until no request is under way. */
enum erc_status stage_run(struct stage *stage, double seconds);

/* ---- bench_workload.c ---- */

struct workload_options {
	const char *path;        /* of the workload */
	const char *device;      /* NULL: cpu */
	const char *arrivals;    /* "open" (NULL) or "disb" */
	const char *loads;       /* busy shares of RT: "0.1,0.3", "0.1..1.2"; NULL: the workload's rates */
	const char *policies;    /* "elastic,fifo" */
	const char *trace;       /* file to write; NULL: none */
	struct text_list models; /* NAME=FILE */
	struct text_list dims;   /* NAME=N, for models that are compiled */
	struct text_list shapes; /* INPUT:AxBxC, for the same */
	struct text_list consts; /* INPUT=VALUE, for the same */
	double slice;            /* seconds; 0: the workload's value, or 2 */
	double rt_slowdown;      /* 0: none */
	double be_bandwidth;     /* 0: no limit */
	uint32_t workers, rounds, seed;
	bool shed, by_tile, contention, quiet;
};
int bench_workload(const struct workload_options *options, enum format format);

#endif
