/* liberc: loads ElasticRoom artifacts and runs them. The one public header.
 *
 * Handles form a tree: runtime > model > session > request. Destroying a parent that still
 * has children returns ERC_BUSY and changes nothing. `**out` is the caller's to destroy; a
 * plain returned pointer is borrowed from the handle it was asked of.
 *
 * Threads: every function may be called from any thread, and different handles may be used
 * at the same time. One request belongs to one thread at a time, except that
 * erc_request_wait and erc_request_cancel may be called from another thread than the submitter's. On "cuda" a call makes the
 * GPU's context current for its own time only; any thread may make it, with or without a context of its own.
 *
 * Deadlines on shared cores ("cpu", elastic policy): while a runtime has real-time sessions, best-effort work runs on threads of
 * its own, one for each unit, which the system runs when nothing else wants the core (SCHED_IDLE; where it is refused, nice
 * 19). So real-time work, and the application's own threads, get a core at once. No call of the application waits for a
 * best-effort thread, except where the end of best-effort work itself is waited for; see erc_request_cancel. Real-time
 * threads are ordinary ones (or SCHED_FIFO, rt_os_priority) that stay on their cores: what other processes keep busy there
 * delays them, as do limits of the control group, of which the log tells when the runtime is created. Within a group of an
 * idle class, or a quota that is used up, no deadline holds; where sessions are groups (autogroup), or in a container, best-
 * effort threads stand back behind this group's threads alone.
 *
 * Numbers: denormals are kept on every target. The same artifact, target and input give the
 * same bits, whatever the number of workers, the room and the budget.
 *
 * A call that fails returns a status other than ERC_OK; erc_error_detail() then holds a
 * sentence about it, on the calling thread. */
#ifndef ERC_H
#define ERC_H

#include <stddef.h>
#include <stdint.h>

#include "schemas/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ERC_API __attribute__((visibility("default")))
#else
#define ERC_API
#endif

#define ERC_VERSION_MAJOR 0
#define ERC_VERSION_MINOR 1
#define ERC_MAX_RANK 8

/* X(enumerator, text) */
#define ERC_STATUSES(X) \
	X(OK, "ok") \
	X(INVALID, "invalid argument") \
	X(NOMEM, "out of memory") \
	X(IO, "input or output error") \
	X(CORRUPT, "artifact invalid or corrupt") \
	X(VERSION, "artifact of another format version") \
	X(NO_TARGET, "no target or variant fits this device") \
	X(BUSY, "still in use") \
	X(NOT_FOUND, "no such name") \
	X(TIMEOUT, "timed out") \
	X(CANCELLED, "cancelled") \
	X(SHED, "refused: the deadline cannot be met") \
	X(DEVICE, "device failed") \
	X(SIGNATURE, "signature missing or wrong") \
	X(LIMIT, "limit reached")

enum erc_status {
#define X(id, text) ERC_##id,
	ERC_STATUSES(X)
#undef X
};

typedef struct erc_artifact erc_artifact;
typedef struct erc_runtime erc_runtime;
typedef struct erc_model erc_model;
typedef struct erc_session erc_session;
typedef struct erc_request erc_request;

/* "out of memory"; never NULL. */
ERC_API const char *erc_status_text(enum erc_status status);
/* What went wrong in the calling thread's last failed call; "" if there was none. Valid until its next erc_ call. */
ERC_API const char *erc_error_detail(void);
/* "0.1.0" */
ERC_API const char *erc_version(void);
/* "f32"; "?" for an unknown number. */
ERC_API const char *erc_dtype_name(enum erc_dtype dtype);
/* Bytes of one element; 0 for strings and unknown numbers. */
ERC_API size_t erc_dtype_bytes(enum erc_dtype dtype);

/* ---- artifact: reading one without a runtime or a device; no code of it is loaded ---- */

/* Checks the whole file except the weights' hash, as erc_model_load does. */
ERC_API enum erc_status erc_artifact_open(const char *path, erc_artifact **out);
/* The same from memory, which must be 4096-aligned and stay unchanged until the artifact is closed. */
ERC_API enum erc_status erc_artifact_open_memory(const void *data, size_t bytes, erc_artifact **out);
/* NULL is fine. */
ERC_API void erc_artifact_close(erc_artifact *artifact);
/* Checks the weights' hash too. */
ERC_API enum erc_status erc_artifact_verify_weights(const erc_artifact *artifact);

struct erc_artifact_info {
	uint32_t version_major; /* of the format */
	uint32_t version_minor;
	uint64_t file_bytes;
	char root_digest[65]; /* the artifact's identity, in hex */
	int is_signed;        /* a signature block is there; it was not checked */
};
ERC_API void erc_artifact_info(const erc_artifact *artifact, struct erc_artifact_info *out);

/* X(enumerator, type of a record, as in artifact.h) */
#define ERC_TABLES(X) \
	X(SECTIONS, struct erca_section) \
	X(TARGETS, struct erca_target) \
	X(BUDGETS, struct erca_budget) \
	X(ENTRIES, struct erca_entry) \
	X(TENSORS, struct erca_tensor) \
	X(PLANS, struct erca_plan) \
	X(RECORDS, struct erca_record) \
	X(OPERANDS, struct erca_operand) \
	X(VARIANTS, struct erca_variant) \
	X(KERNELS, struct erca_kernel) \
	X(PARAMS, int64_t) \
	X(PROFILES, struct erca_profile) \
	X(POINTS, struct erca_point)

enum erc_table {
#define X(id, type) ERC_TABLE_##id,
	ERC_TABLES(X)
#undef X
		ERC_TABLE_COUNT
};

/* Records of a table; 0 for an unknown table. */
ERC_API uint32_t erc_artifact_count(const erc_artifact *artifact, enum erc_table table);
/* One record, of the type that ERC_TABLES says; every index in it was checked. NULL when index is not below the count. Borrowed. */
ERC_API const void *erc_artifact_record(const erc_artifact *artifact, enum erc_table table, uint32_t index);
/* The text of a string reference in a record; "" for a reference out of range. Borrowed. */
ERC_API const char *erc_artifact_string(const erc_artifact *artifact, uint32_t string);
/* The bytes of a section (`section` counts as in the table ERC_TABLE_SECTIONS); NULL when there is none. Borrowed. */
ERC_API const void *erc_artifact_section(const erc_artifact *artifact, uint32_t section, size_t *bytes);

/* ---- runtime: a device, its units, its scheduler ---- */

enum erc_log_level { ERC_LOG_ERROR, ERC_LOG_WARNING, ERC_LOG_INFO, ERC_LOG_DEBUG };
typedef void (*erc_log_fn)(void *user, enum erc_log_level level, const char *message);

/* Zero-initialise, set size, then what differs from the default. */
struct erc_runtime_options {
	size_t size; /* sizeof(struct erc_runtime_options): the options' version */
	/* "cpu" (default); "cuda", or "cuda:1" for the second GPU, in the GPU's primary context; "null"; or "sim:h100" and the like: a
	 * virtual device with a clock of its own */
	const char *device;
	/* CPU: worker threads; 0 = one per core this process may use. cuda: SMs to use at most; 0 = all. sim: 0 = as the device
	 * that is named */
	uint32_t units;
	const uint32_t *cores; /* CPU: core of each worker (units of them); NULL = the process's cores in order */
	erc_log_fn log;        /* NULL: silent */
	void *log_user;
	/* How tenants share the units. "elastic" (default): each RT run takes, launch by launch, the units that make it faster, the most
	 * urgent run first; BE has the others as long as no RT run needs them before BE's tile ends. "exclusive": an RT run has all the
	 * units that it may have, whether it can use them or not, and BE none while RT work is there. "priority": RT first, at launch
	 * boundaries; "partition": a fixed number of units for each class; "concurrent": all alike; "fifo": one request after the other. */
	const char *policy;
	/* elastic: most units for BE while RT work is there; 0: all that RT does not need. On "cpu" beside RT sessions BE has each unit
	 * whose RT thread has nothing to do, and no more than this while RT work is there. */
	uint32_t be_units;
	uint32_t rt_units;                 /* partition: units of RT, BE has the others; 0: half of them, rounded up */
	const struct erc_sim_options *sim; /* sim: NULL for the defaults */
	/* elastic: the share of its own time by which each launch of an RT run may begin late because others are still in its units:
	 * 0.02 is 2 %, which 0 stands for; below 0: none, only units that the run does not need are given away */
	double rt_slowdown;
	/* elastic: most of the memory's traffic that BE may have while RT work is there, by prediction, as a share of what the device's
	 * memory can move: 0.5 is half; 0: no limit. Artifacts without the device's bandwidth know no traffic and are not limited */
	double be_bandwidth;
	/* CPU, elastic: SCHED_FIFO priority of the threads that run real-time work, while there are real-time sessions; 0: they are
	 * ordinary threads. Needs CAP_SYS_NICE or RLIMIT_RTPRIO; without, the log warns and they stay ordinary. At most 99. */
	uint32_t rt_os_priority;
};

/* The virtual device: N units that take the time that the artifact predicts for each tile. The same requests at the
 * same times give the same result. */
struct erc_sim_options {
	size_t size;
	int by_tile; /* advances tile by tile: exact. Else by launch, several times as fast, within a few percent of it */
	/* Where the tiles at work move more bytes, by the artifact's predictions, than the device's memory can, a tile takes longer for
	 * the part of its time that memory sets: by contention times what is too much. 0: never; 1: as the model says */
	double contention;
	double jitter;      /* a tile's time varies by up to this share, at random; 0: not at all */
	uint64_t seed;      /* of the jitter */
	uint64_t signal_ns; /* from a change of room to the units; 0: at once */
};

/* "elastic, priority, ...": what `policy` may be, the default first. */
ERC_API const char *erc_policy_names(void);

/* options may be NULL. Starts the device's units. */
ERC_API enum erc_status erc_runtime_create(const struct erc_runtime_options *options, erc_runtime **out);
/* ERC_BUSY while a model is loaded. NULL is fine. */
ERC_API enum erc_status erc_runtime_destroy(erc_runtime *runtime);
ERC_API uint32_t erc_runtime_units(const erc_runtime *runtime);
/* 0: a virtual device, whose runs take time and leave the outputs as they were. */
ERC_API int erc_runtime_computes(const erc_runtime *runtime);
/* "cpu:x86-64-v4": the best target that this runtime's device can execute. */
ERC_API const char *erc_runtime_target(const erc_runtime *runtime);
/* The device's clock: monotonic time; a virtual device's own time, from 0. */
ERC_API uint64_t erc_runtime_now_ns(const erc_runtime *runtime);
/* Returns ERC_OK when a request has ended since the last call, ERC_TIMEOUT when the clock reaches until_ns first
 * (UINT64_MAX: never; on a virtual device ERC_TIMEOUT too when nothing is left to do). A virtual device's clock
 * advances in this call and in erc_request_wait, and nowhere else. One thread at a time. */
ERC_API enum erc_status erc_runtime_wait(erc_runtime *runtime, uint64_t until_ns);

struct erc_runtime_stats {
	size_t size; /* set by the caller */
	uint64_t now_ns;
	uint64_t
		rt_unit_ns; /* unit time in RT work so far; a unit that waits inside an RT run for its next launch counts */
	uint64_t be_unit_ns;
	uint64_t tiles;       /* of ended requests */
	uint64_t trace_drops; /* events that found the trace full */
	uint64_t rt_tile_ns;  /* time in tiles of RT work so far, summed over units */
	uint64_t be_tile_ns;
	uint64_t late_units; /* elastic: units that an RT launch was to have, and BE's tiles held up */
};
ERC_API enum erc_status erc_runtime_stats(const erc_runtime *runtime, struct erc_runtime_stats *out);

/* Records what happens, up to `events` events (32 bytes each); what comes later is dropped and counted. Replaces an
 * earlier trace, whose memory is kept while a best-effort thread that the system has stopped may still write to it. */
ERC_API enum erc_status erc_trace_start(erc_runtime *runtime, uint32_t events);
/* The trace is kept until it is written or replaced. */
ERC_API void erc_trace_stop(erc_runtime *runtime);
/* Writes the stopped trace as Chrome trace JSON, which Perfetto and chrome://tracing open. */
ERC_API enum erc_status erc_trace_write(erc_runtime *runtime, const char *path);

/* ---- model: a loaded artifact ---- */

struct erc_model_options {
	size_t size;
	const char *target; /* NULL: the best that the device supports */
	int verify_weights; /* also check the weights' hash (META, PLAN and CODE always are) */
};

/* Maps the file; nothing of it is trusted before it is checked. options may be NULL. */
ERC_API enum erc_status erc_model_load(erc_runtime *runtime, const char *path, const struct erc_model_options *options,
                                       erc_model **out);
/* The same from memory, which must be 4096-aligned and stay unchanged until the model is unloaded. */
ERC_API enum erc_status erc_model_load_memory(erc_runtime *runtime, const void *data, size_t bytes,
                                              const struct erc_model_options *options, erc_model **out);
/* ERC_BUSY while a session exists. NULL is fine. */
ERC_API enum erc_status erc_model_unload(erc_model *model);
/* The target that was taken, "cpu:x86-64-v3". */
ERC_API const char *erc_model_target(const erc_model *model);
/* Entry points for that target: one per set of pinned dimensions. */
ERC_API uint32_t erc_model_entry_count(const erc_model *model);
ERC_API const char *erc_model_entry_name(const erc_model *model, uint32_t entry);

struct erc_tensor_info {
	const char *name; /* borrowed from the model */
	enum erc_dtype dtype;
	uint32_t rank;
	int64_t dims[ERC_MAX_RANK]; /* upper bounds where runtime_dims is set */
	size_t bytes;               /* at those dims: what is bound */
	int runtime_dims; /* outputs: some dims depend on data, and are known after a run: erc_request_output_dims */
};

ERC_API uint32_t erc_model_input_count(const erc_model *model, uint32_t entry);
ERC_API uint32_t erc_model_output_count(const erc_model *model, uint32_t entry);
ERC_API enum erc_status erc_model_input_info(const erc_model *model, uint32_t entry, uint32_t input,
                                             struct erc_tensor_info *out);
ERC_API enum erc_status erc_model_output_info(const erc_model *model, uint32_t entry, uint32_t output,
                                              struct erc_tensor_info *out);

struct erc_memory_info {
	size_t weights_bytes; /* mapped, shared by all sessions */
	size_t code_bytes;
	size_t arena_bytes; /* activations of one request */
};
ERC_API enum erc_status erc_model_memory(const erc_model *model, uint32_t entry, struct erc_memory_info *out);

/* A run alone on so many units, by the artifact's predictions. */
struct erc_room_point {
	uint32_t units;
	uint64_t latency_ns; /* of all launches, one after the other */
	uint64_t unit_ns;    /* unit time that it holds: in each launch the fewest units for as short a latency */
};

/* How a run's latency falls with the units that it gets. Predictions are for the device that the target stands for: another
 * one differs by a factor. Launches whose number of tiles depends on data count with the most. */
struct erc_room_profile {
	size_t size;                   /* set by the caller */
	struct erc_room_point *points; /* set by the caller: room for point_capacity points, or NULL */
	uint32_t point_capacity;       /* set by the caller */
	uint32_t
		point_count; /* that there are: 1, 2, 3, 4, 6, 8, 12 ... units and the most; as many as have room are written */
	uint32_t units;  /* the most: those of the budget; where it has all and the artifact does not say how many
	                            * that is, the runtime's */
	uint32_t units_within_1;     /* fewest units whose latency is within 1 % of that on the most */
	uint32_t units_within_5;     /* 5 % */
	uint32_t units_within_10;    /* 10 % */
	uint64_t tile_ns;            /* the work in it: the time of all tiles, on any number of units */
	uint64_t memory_bytes_per_s; /* nominal, of the target's device; 0: the artifact does not say */
};
/* budget: one of the target's; NULL: the first. ERC_NOT_FOUND without such an entry or budget. Computed at each call, from the
 * launches' predictions. */
ERC_API enum erc_status erc_model_room_profile(const erc_model *model, uint32_t entry, const char *budget,
                                               struct erc_room_profile *out);

/* ---- session: a tenant: a model with a class ---- */

enum erc_class { ERC_BEST_EFFORT, ERC_REAL_TIME };

struct erc_session_options {
	size_t size;
	const char *entry; /* NULL: the first */
	enum erc_class class_;
	uint32_t level; /* RT: strict priority, 0 is the highest */
	/* RT: valid time after arrival; 0: none. The policy "elastic" serves a request that can no longer be in time after those of its
	 * level that can, and before those without a deadline. */
	uint64_t deadline_us;
	uint32_t weight;    /* BE: share among BE sessions; 0 means 1 */
	const char *budget; /* NULL: each launch takes the largest one that the room of the moment holds */
	uint32_t units;     /* most units that it may occupy; 0: those of its budget */
	uint32_t in_flight; /* most requests submitted at a time; 0: no limit */
	/* RT: refuse a request at once (ERC_SHED) that is expected to end after its deadline, by the runs that stand before it and by
	 * how long the last ones took. After a refusal on an idle device one is let in every 20 ms, to see whether times have changed. */
	int shed;
	const char *name; /* in traces; NULL: its number */
};

ERC_API enum erc_status erc_session_create(erc_model *model, const struct erc_session_options *options,
                                           erc_session **out);
/* ERC_BUSY while a request exists. NULL is fine. */
ERC_API enum erc_status erc_session_destroy(erc_session *session);
ERC_API uint32_t erc_session_entry(const erc_session *session);
/* At any time, also while requests run: units leave at the next tile boundary, or join. 0 pauses the session. */
ERC_API enum erc_status erc_session_set_units(erc_session *session, uint32_t units);
/* At any time: holds from each request's next launch on, without a change of any bit. NULL as in the options. */
ERC_API enum erc_status erc_session_set_budget(erc_session *session, const char *budget);

struct erc_session_stats {
	size_t size;        /* set by the caller */
	uint64_t submitted; /* with those that were refused */
	uint64_t completed;
	uint64_t missed; /* completed after their deadline, or shed */
	uint64_t shed;
	uint64_t cancelled;
	uint64_t failed;
	uint64_t preemptions; /* a unit left a running request at a tile boundary because its room shrank */
	uint64_t launches;
	uint64_t tiles;                                  /* each computed exactly once */
	uint64_t unit_ns;                                /* unit time used */
	uint32_t units;                                  /* its room just now */
	double p50_us, p90_us, p99_us, p999_us, most_us; /* arrival to end, of completed ones; within 3 % */
};
ERC_API enum erc_status erc_session_stats(const erc_session *session, struct erc_session_stats *out);

/* ---- request: one inference at a time; create once, submit many times ---- */

/* Takes all memory that its runs will need. */
ERC_API enum erc_status erc_request_create(erc_session *session, erc_request **out);
/* ERC_BUSY while submitted and not finished. NULL is fine. */
ERC_API enum erc_status erc_request_destroy(erc_request *request);

/* Binds caller memory, used in place until bound anew; `bytes` must be the tensor's bytes. The memory
 * must stay valid, and unchanged by the caller, from submit to the end of wait. Any alignment that
 * suits the element type is accepted. */
ERC_API enum erc_status erc_request_bind_input(erc_request *request, uint32_t input, const void *data, size_t bytes);
ERC_API enum erc_status erc_request_bind_output(erc_request *request, uint32_t output, void *data, size_t bytes);

/* State that goes from run to run: the output of a run is the input of the next. Both tensors must have the same
 * dtype and dims. The memory is the request's own, zero before the first run; a run that fails or is cancelled leaves
 * the state as it was before. Rebinding either ends it. erc_request_state reads it between runs. */
ERC_API enum erc_status erc_request_bind_state(erc_request *request, uint32_t input, uint32_t output);
/* The state's memory, which may be written too, until the next submit. NULL when `input` is no state. */
ERC_API void *erc_request_state(erc_request *request, uint32_t input);

/* Queues one run. Every input and output must be bound (else ERC_INVALID, which names the first that is
 * not). Allocates nothing. ERC_BUSY if the last run was not waited for; ERC_SHED and ERC_LIMIT as the session's
 * options say: nothing is queued then. */
ERC_API enum erc_status erc_request_submit(erc_request *request);
/* The same for a request that should have been submitted at arrival_ns, by the device's clock: deadline and latency
 * count from there. An arrival in the future counts as now. */
ERC_API enum erc_status erc_request_submit_at(erc_request *request, uint64_t arrival_ns);
/* Waits for the run's end and returns its result. timeout_us: UINT64_MAX waits for ever, 0 polls;
 * ERC_TIMEOUT leaves the run going. */
ERC_API enum erc_status erc_request_wait(erc_request *request, uint64_t timeout_us);
/* Ends the run at the next tile boundary: wait then returns ERC_CANCELLED, unless the run was through before. A best-effort
 * tile on "cpu" may stand still while others keep its core busy. Cancelling then lets it go on, on any core of the process, as
 * an ordinary thread where the system permits that (CAP_SYS_NICE or RLIMIT_NICE); else it gets about 3/1024 of a core that
 * others keep busy all the time, so that 1 ms of a tile may take a third of a second. The same holds for
 * erc_request_destroy and erc_runtime_destroy. On "cuda" a real-time
 * run that has the whole GPU goes on to its end, and is cancelled then. */
ERC_API enum erc_status erc_request_cancel(erc_request *request);
/* Submit, then wait. */
ERC_API enum erc_status erc_request_run(erc_request *request);
/* When what happened in the last run, by the device's clock; known after wait. */
struct erc_request_timing {
	size_t size; /* set by the caller */
	uint64_t arrival_ns;
	uint64_t submitted_ns;
	uint64_t visible_ns; /* the rooms were set for it */
	uint64_t started_ns; /* the first unit began; 0: none did */
	uint64_t
		granted_ns; /* the last of granted_units began (cuda: they were launched); 0: they were never all at work */
	uint64_t finished_ns;
	uint32_t granted_units; /* its room when it was submitted */
	uint32_t preemptions;   /* units that left it at a tile boundary because its room shrank */
};
ERC_API enum erc_status erc_request_timing(const erc_request *request, struct erc_request_timing *out);
/* True dims of an output after a successful run; dims has room for ERC_MAX_RANK. The output is a dense array of these dims at
 * the beginning of what was bound; the bytes behind it are undefined. ERC_INVALID before a run where they depend on data.
 * On a device that computes nothing they are the bounds. */
ERC_API enum erc_status erc_request_output_dims(const erc_request *request, uint32_t output, uint32_t *rank,
                                                int64_t *dims);

#ifdef __cplusplus
}
#endif

#endif
