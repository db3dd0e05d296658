/* liberc: loads ElasticRoom artifacts and runs them. This is its only public header.
 *
 * Words: RT is real-time, BE is best-effort. A unit computes one tile at a time: a core's thread, an SM of a GPU, or a
 * simulated unit. A room is the number of units that a session or a class may occupy at this moment.
 *
 * Handles form a tree: runtime > model > session > request. Destroying a parent that still has children returns
 * ERC_BUSY and changes nothing. The caller owns what a function returns through `**out` and destroys it; a plain
 * returned pointer is borrowed from the handle it came from.
 *
 * Threads: every function may be called from any thread, and different handles may be used at the same time. One
 * request belongs to one thread at a time. The exceptions are erc_request_wait and erc_request_cancel, which another
 * thread than the submitter's may call. erc_runtime_next_end hands a request to the thread that called it. On "cuda" a
 * call makes the GPU's context current only until it returns; the calling thread may have a context of its own or none.
 *
 * Deadlines on shared cores ("cpu", elastic policy): while a runtime has real-time sessions, best-effort work runs on
 * separate threads, one per unit. The system runs them only when nothing else wants the core (SCHED_IDLE, or nice 19
 * where that is refused). So real-time work and the application's own threads get a core at once. No call waits for a
 * best-effort thread, unless it waits for the end of best-effort work itself; see erc_request_cancel. Real-time threads
 * are ordinary ones (or SCHED_FIFO, rt_os_priority) that stay on their cores. Other processes that keep these cores
 * busy delay them, and so do limits of the control group; the log reports such limits when the runtime is created. No
 * deadline can be relied on in a control group that runs only when others are idle, or whose quota is used up. Where
 * the system groups processes by session (autogroup), or in a container, best-effort threads yield to threads of their
 * own group only.
 *
 * Numbers: denormals are kept on every target. The same artifact, target and input give the same bits for any number of
 * workers, any room and any budget.
 *
 * fork(): the child has none of the runtime's threads. Calls that need them, or that make or free something, fail with
 * handles of the parent (ERC_INVALID) and change nothing; the child may make a runtime of its own.
 *
 * A call that fails returns a status other than ERC_OK. erc_error_detail() then returns a sentence about it, on the
 * calling thread. */
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
	X(LIMIT, "limit reached") \
	X(INDEX, "index out of range")

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
/* What went wrong in the calling thread's last failed call, or "" if none failed. Valid until the thread's next erc_
 * call. */
ERC_API const char *erc_error_detail(void);
/* For a handler of SIGSEGV, SIGBUS, SIGFPE or SIGILL: writes what the calling thread computes, such as "launch 12
 * 'conv1', tile 3 of 40, unit 1", or "" if it is not in a tile. The text ends with NUL, in `bytes` bytes at most.
 * May be called by a signal handler. The units' threads do not block these signals. */
ERC_API void erc_fault_text(char *text, size_t bytes);
/* "0.1.0" */
ERC_API const char *erc_version(void);
/* "f32"; "?" for an unknown number. */
ERC_API const char *erc_dtype_name(enum erc_dtype dtype);
/* Bytes of one element; 0 for strings, unknown numbers, and elements of less than a byte. */
ERC_API size_t erc_dtype_bytes(enum erc_dtype dtype);
/* Bits of one element; 0 for strings and unknown numbers. Tensors of 4 and 2 bits ("u4", "i4", "f4e2m1", "u2", "i2")
 * are packed as ONNX packs raw_data: element 0 in the low bits of byte 0, without gaps between rows. n elements take
 * (n * bits + 7) / 8 bytes. Unused bits of the last byte are not read in an input, and are 0 in an output with fixed
 * dims. */
ERC_API uint32_t erc_dtype_bits(enum erc_dtype dtype);

/* ---- artifact: reading one without a runtime or a device; no code of it is loaded ---- */

/* Checks the whole file except the weights' hash, as erc_model_load does. */
ERC_API enum erc_status erc_artifact_open(const char *path, erc_artifact **out);
/* The same from memory, which must be aligned to 4096 bytes and stay unchanged until the artifact is closed. */
ERC_API enum erc_status erc_artifact_open_memory(const void *data, size_t bytes, erc_artifact **out);
/* Accepts NULL. */
ERC_API void erc_artifact_close(erc_artifact *artifact);
/* Also checks the hash of the weights. */
ERC_API enum erc_status erc_artifact_verify_weights(const erc_artifact *artifact);

struct erc_artifact_info {
	uint32_t version_major; /* of the format */
	uint32_t version_minor;
	uint64_t file_bytes;
	char root_digest[65]; /* the artifact's identity, in hex */
	int is_signed;        /* a signature block is there; it is not checked */
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
	X(POINTS, struct erca_point) \
	X(DEFAULTS, struct erca_default) \
	X(CLASSES, struct erca_class) \
	X(RESIZABLES, struct erca_resizable) \
	X(RANGES, struct erca_range) \
	X(TERMS, struct erca_term) \
	X(PATCHES, struct erca_patch)

enum erc_table {
#define X(id, type) ERC_TABLE_##id,
	ERC_TABLES(X)
#undef X
		ERC_TABLE_COUNT
};

/* Records of a table; 0 for an unknown table. */
ERC_API uint32_t erc_artifact_count(const erc_artifact *artifact, enum erc_table table);
/* One record, of the type that ERC_TABLES names. Every index in it was checked. NULL if index is not below the
 * count. Borrowed. */
ERC_API const void *erc_artifact_record(const erc_artifact *artifact, enum erc_table table, uint32_t index);
/* The text of a string reference in a record; "" for a reference out of range. Borrowed. */
ERC_API const char *erc_artifact_string(const erc_artifact *artifact, uint32_t string);
/* The bytes of a section; `section` is an index into the table ERC_TABLE_SECTIONS. NULL if there is none. Borrowed. */
ERC_API const void *erc_artifact_section(const erc_artifact *artifact, uint32_t section, size_t *bytes);

/* ---- runtime: a device, its units, its scheduler ---- */

enum erc_log_level { ERC_LOG_ERROR, ERC_LOG_WARNING, ERC_LOG_INFO, ERC_LOG_DEBUG };
typedef void (*erc_log_fn)(void *user, enum erc_log_level level, const char *message);

/* Zero-initialise the struct, set size, then set what differs from the default. */
struct erc_runtime_options {
	size_t size; /* sizeof(struct erc_runtime_options): the options' version */
	/* "cpu" (default); "cuda", or "cuda:1" for the second GPU, in the GPU's primary context; "null"; or a virtual
	 * device with its own clock, such as "sim:h100" */
	const char *device;
	/* cpu: worker threads; 0 = one per core that this process may use. cuda: the maximum number of SMs to use; 0 =
	 * all. sim: 0 = as many as the named device has */
	uint32_t units;
	const uint32_t *cores; /* cpu: the core of each worker, `units` of them; NULL = the process's cores in order */
	erc_log_fn log;        /* NULL: silent */
	void *log_user;
	/* How tenants share the units. "elastic" (default): each RT run takes, launch by launch, the units that make it
	 * faster, the most urgent run first; BE has the others as long as no RT run needs them before BE's tile ends.
	 * "exclusive": an RT run has all the units that it may have, even those it cannot use, and BE has none while
	 * there is RT work. "priority": RT first, at launch boundaries. "partition": a fixed number of units for each
	 * class. "concurrent": all requests alike. "fifo": one request after the other. */
	const char *policy;
	/* elastic: the maximum number of BE units while there is RT work; 0: all that RT does not need. On "cpu", while
	 * there are RT sessions, BE runs on every unit whose RT thread is idle, up to this maximum while there is RT
	 * work. */
	uint32_t be_units;
	uint32_t rt_units;                 /* partition: units of RT; BE has the others. 0: half of all, rounded up */
	const struct erc_sim_options *sim; /* sim: NULL for the defaults */
	/* elastic: how late a launch of an RT run may begin because other runs are still on its units, as a share of the
	 * launch's own time. 0 stands for 0.02, which is 2 %. Below 0: never late; only units that the run does not need
	 * are given away */
	double rt_slowdown;
	/* elastic: the maximum share of the device's memory bandwidth that BE may use while there is RT work, by
	 * prediction: 0.5 is half; 0: no limit. Artifacts that do not hold the device's bandwidth are not limited */
	double be_bandwidth;
	/* cpu, elastic: SCHED_FIFO priority of the threads that run real-time work while there are real-time sessions,
	 * at most 99. 0: ordinary threads. Needs CAP_SYS_NICE or RLIMIT_RTPRIO; without them the log has a warning and
	 * the threads stay ordinary. */
	uint32_t rt_os_priority;
};

/* The virtual device: N units, where each tile takes the time that the artifact predicts. The same requests at the
 * same times give the same result. */
struct erc_sim_options {
	size_t size;
	int by_tile; /* advance tile by tile: exact. Else by launch: several times as fast, and within a few percent */
	/* What happens when the running tiles move more bytes, by prediction, than the device's memory can: the part of
	 * a tile's time that memory determines grows by the excess, times this factor. 0: no effect; 1: the full effect */
	double contention;
	double jitter;      /* a tile's time varies at random by up to this share; 0: not at all */
	uint64_t seed;      /* for the jitter */
	uint64_t signal_ns; /* delay from a change of a room until the units see it; 0: none */
};

/* "elastic, priority, ...": the names that `policy` accepts, the default first. */
ERC_API const char *erc_policy_names(void);

/* Starts the device's units. options may be NULL. */
ERC_API enum erc_status erc_runtime_create(const struct erc_runtime_options *options, erc_runtime **out);
/* Returns ERC_BUSY while a model is loaded. Accepts NULL. */
ERC_API enum erc_status erc_runtime_destroy(erc_runtime *runtime);
ERC_API uint32_t erc_runtime_units(const erc_runtime *runtime);
/* 0: the device, "null" or a virtual one, does not write the outputs. */
ERC_API int erc_runtime_computes(const erc_runtime *runtime);
/* "cpu:x86-64-v4": the best target that this runtime's device can execute. */
ERC_API const char *erc_runtime_target(const erc_runtime *runtime);
/* The device's clock: monotonic time; a virtual device's own time, from 0. */
ERC_API uint64_t erc_runtime_now_ns(const erc_runtime *runtime);
/* Returns ERC_OK if a request has ended since the last call, and ERC_TIMEOUT if the clock reaches until_ns first.
 * UINT64_MAX: no limit; a virtual device then returns ERC_TIMEOUT if it has nothing left to do. A virtual device's
 * clock advances in this call and in erc_request_wait only. One thread at a time. */
ERC_API enum erc_status erc_runtime_wait(erc_runtime *runtime, uint64_t until_ns);
/* Waits for the end of any run that was submitted with `report`, and returns its request. So one thread can serve many
 * requests. Runs are returned in the order of their ends, each once; erc_request_wait then has the result at once.
 * Returns ERC_TIMEOUT like erc_runtime_wait. Several threads may call it, except on a virtual device. */
ERC_API enum erc_status erc_runtime_next_end(erc_runtime *runtime, uint64_t until_ns, erc_request **out);

/* The state of the runtime in one call: its device, what was done so far, and what there is now. */
struct erc_runtime_stats {
	size_t size; /* set by the caller */
	uint64_t now_ns;
	/* unit time spent on RT work so far, including units that wait inside an RT run for its next launch */
	uint64_t rt_unit_ns;
	uint64_t be_unit_ns;
	uint64_t tiles;       /* of requests that have ended */
	uint64_t trace_drops; /* events lost because the trace was full */
	uint64_t rt_tile_ns;  /* time spent in tiles of RT work so far, summed over units */
	uint64_t be_tile_ns;
	uint64_t late_units; /* elastic: units that an RT launch should have had when BE's tiles still held them */
	/* ERC_OK, or ERC_DEVICE: the device is lost, and erc_error_detail() says why. The runtime then accepts no work;
	 * destroy it and create it again. */
	enum erc_status health;
	uint32_t models, sessions, requests; /* that exist */
	uint32_t queued;                     /* requests that run or wait to run */
	/* over all sessions, also those that do not exist any more; see erc_session_stats */
	uint64_t submitted, completed, missed, shed, cancelled, failed, preemptions, launches;
};
ERC_API enum erc_status erc_runtime_stats(erc_runtime *runtime, struct erc_runtime_stats *out);

/* Records events, at most `events` of them (32 bytes each); later ones are dropped and counted. Replaces an earlier
 * trace. The earlier trace's memory is kept while a best-effort thread that the system has stopped may still write
 * to it. */
ERC_API enum erc_status erc_trace_start(erc_runtime *runtime, uint32_t events);
/* The trace is kept until another one replaces it. */
ERC_API void erc_trace_stop(erc_runtime *runtime);
/* Writes the stopped trace as Chrome trace JSON, which Perfetto and chrome://tracing can open. */
ERC_API enum erc_status erc_trace_write(erc_runtime *runtime, const char *path);

/* ---- model: a loaded artifact ---- */

struct erc_model_options {
	size_t size;
	const char *target; /* NULL: the best one that the device supports */
	int verify_weights; /* also check the hash of the weights (META, PLAN and CODE are always checked) */
};

/* Maps the file and checks it before anything in it is used. options may be NULL. While it is loaded, the file must not be
 * written or cut: a newer one takes its place by rename(2), which leaves what is loaded as it is. */
ERC_API enum erc_status erc_model_load(erc_runtime *runtime, const char *path, const struct erc_model_options *options,
                                       erc_model **out);
/* The same from memory, which must be aligned to 4096 bytes and stay unchanged until the model is unloaded. */
ERC_API enum erc_status erc_model_load_memory(erc_runtime *runtime, const void *data, size_t bytes,
                                              const struct erc_model_options *options, erc_model **out);
/* Returns ERC_BUSY while a session exists. Accepts NULL. */
ERC_API enum erc_status erc_model_unload(erc_model *model);
/* The target that was chosen, such as "cpu:x86-64-v3". */
ERC_API const char *erc_model_target(const erc_model *model);
/* Number of entry points for that target: one per set of pinned dimensions. */
ERC_API uint32_t erc_model_entry_count(const erc_model *model);
ERC_API const char *erc_model_entry_name(const erc_model *model, uint32_t entry);

struct erc_tensor_info {
	const char *name; /* borrowed from the model */
	enum erc_dtype dtype;
	uint32_t rank;
	int64_t dims[ERC_MAX_RANK]; /* upper bounds of ranges, and where runtime_dims is set */
	size_t bytes;               /* with these dims: the size to bind */
	int runtime_dims; /* outputs: some dims depend on data; after a run, erc_request_output_dims returns them */
	/* inputs: the value that the model gives it if nobody does, `bytes` bytes, borrowed from the artifact, which must
	 * stay open; NULL: none. The runtime does not bind it by itself */
	const void *default_value;
	/* Inputs: the lower bounds of dims that are ranges, which erc_request_set_dims chooses; else as in dims. Outputs: as
	 * in dims */
	int64_t least_dims[ERC_MAX_RANK];
};

ERC_API uint32_t erc_model_input_count(const erc_model *model, uint32_t entry);
ERC_API uint32_t erc_model_output_count(const erc_model *model, uint32_t entry);
ERC_API enum erc_status erc_model_input_info(const erc_model *model, uint32_t entry, uint32_t input,
                                             struct erc_tensor_info *out);
ERC_API enum erc_status erc_model_output_info(const erc_model *model, uint32_t entry, uint32_t output,
                                              struct erc_tensor_info *out);

struct erc_memory_info {
	size_t weights_bytes; /* mapped, and shared by all sessions */
	size_t code_bytes;
	size_t arena_bytes; /* activations of one request */
};
ERC_API enum erc_status erc_model_memory(const erc_model *model, uint32_t entry, struct erc_memory_info *out);

/* One run alone on this number of units, by the artifact's predictions. */
struct erc_room_point {
	uint32_t units;
	uint64_t latency_ns; /* of all launches, one after the other */
	uint64_t unit_ns;    /* unit time that it holds: in each launch, the fewest units that reach this latency */
};

/* How a run's latency falls with its number of units. Predictions are for the device that the target stands for; on
 * another device they differ by a factor. A launch whose number of tiles depends on data counts with its maximum. */
struct erc_room_profile {
	size_t size;                   /* set by the caller */
	struct erc_room_point *points; /* set by the caller: memory for point_capacity points, or NULL */
	uint32_t point_capacity;       /* set by the caller */
	/* number of points: for 1, 2, 3, 4, 6, 8, 12 ... units, up to the maximum; at most point_capacity are written */
	uint32_t point_count;
	/* the maximum: the units of the budget; if the budget has all units and the artifact does not say how many that
	 * is, the runtime's */
	uint32_t units;
	uint32_t units_within_1;     /* the fewest units whose latency is within 1 % of the latency on the maximum */
	uint32_t units_within_5;     /* the same for 5 % */
	uint32_t units_within_10;    /* the same for 10 % */
	uint64_t tile_ns;            /* time of all tiles, on any number of units */
	uint64_t memory_bytes_per_s; /* nominal bandwidth of the target's device; 0: not known */
};
/* budget: the name of one of the target's budgets; NULL: the first. Returns ERC_NOT_FOUND if there is no such entry
 * or budget. Each call computes it from the predictions of the launches. */
ERC_API enum erc_status erc_model_room_profile(const erc_model *model, uint32_t entry, const char *budget,
                                               struct erc_room_profile *out);
/* The same for a run of the request as it is now. With ranges, the model's profile is that of the largest sizes; smaller ones
 * take fewer and shorter tiles. */
ERC_API enum erc_status erc_request_room_profile(const erc_request *request, const char *budget,
                                                 struct erc_room_profile *out);

/* ---- session: a tenant: a model with a class ---- */

/* ERC_ARTIFACT_*: what the artifact says of the session's first entry (`erc compile --class`); best-effort, level 0
 * and no deadline if it says nothing. So a deployment can take some values from the artifact and give the others
 * itself. */
enum erc_class { ERC_BEST_EFFORT, ERC_REAL_TIME, ERC_ARTIFACT_CLASS };
#define ERC_ARTIFACT_LEVEL UINT32_MAX
#define ERC_ARTIFACT_DEADLINE UINT64_MAX

struct erc_session_options {
	size_t size;
	/* NULL: all entries of the model, which must differ in dims only. Its requests begin with the first one, see
	 * erc_request_set_dims */
	const char *entry;
	enum erc_class class_; /* or ERC_ARTIFACT_CLASS */
	/* RT: strict priority; 0 is the highest; or ERC_ARTIFACT_LEVEL. A field for one class does nothing for the other */
	uint32_t level;
	/* RT: deadline, in microseconds after arrival; 0: none; or ERC_ARTIFACT_DEADLINE. The policy "elastic" serves a
	 * request that can no longer meet its deadline after those of its level that can, and before those that have no
	 * deadline. */
	uint64_t deadline_us;
	uint32_t weight;    /* BE: share among the BE sessions; 0 means 1 */
	const char *budget; /* NULL: each launch takes the largest budget that fits the present room */
	uint32_t units;     /* the maximum number of units; 0: the units of its budget */
	uint32_t in_flight; /* the maximum number of submitted requests; 0: no limit */
	/* RT: refuse a request at once (ERC_SHED) if it is expected to end after its deadline. The estimate uses the
	 * runs before it in the queue and the measured times of recent runs. After a refusal, an idle device accepts one
	 * request every 20 ms, to find out whether times have changed. */
	int shed;
	const char *name; /* in traces; NULL: the session's number */
	/* Gather and similar operators clamp an index outside its dimension. 0: such a run fails with ERC_INDEX;
	 * erc_error_detail() names the node, the index and the dimension. 1: it is only logged, as a warning. The length of
	 * a sequence counts as an index into the lengths from 0 to the maximum. Dims that must be equal, but are known at run
	 * time only, are treated alike: the smaller one is taken. */
	int clamp_indices;
};

ERC_API enum erc_status erc_session_create(erc_model *model, const struct erc_session_options *options,
                                           erc_session **out);
/* Returns ERC_BUSY while a request exists. Accepts NULL. */
ERC_API enum erc_status erc_session_destroy(erc_session *session);
/* Index of its entry among the model's; of several, the first. */
ERC_API uint32_t erc_session_entry(const erc_session *session);
/* May be called at any time, also while requests run: units leave at the next tile boundary, or join. 0 pauses the
 * session. */
ERC_API enum erc_status erc_session_set_units(erc_session *session, uint32_t units);
/* May be called at any time. Holds from each request's next launch on; results keep the same bits. NULL as in the
 * options. */
ERC_API enum erc_status erc_session_set_budget(erc_session *session, const char *budget);

struct erc_session_stats {
	size_t size;        /* set by the caller */
	uint64_t submitted; /* including those that were refused */
	uint64_t completed;
	uint64_t missed; /* completed after the deadline, or refused by `shed` */
	uint64_t shed;   /* refused by `shed`; refusals by `in_flight` are in `submitted` only */
	uint64_t cancelled;
	uint64_t failed;
	/* number of times that a unit left a running request at a tile boundary because its room shrank */
	uint64_t preemptions;
	uint64_t launches;
	uint64_t tiles;                                  /* each computed exactly once */
	uint64_t unit_ns;                                /* unit time used */
	uint32_t units;                                  /* its present room */
	double p50_us, p90_us, p99_us, p999_us, most_us; /* from arrival to end, of completed requests; within 3 % */
	enum erc_class class_; /* what the session has, where the options took the artifact's values */
	uint32_t level;
	uint64_t deadline_us;
};
ERC_API enum erc_status erc_session_stats(const erc_session *session, struct erc_session_stats *out);

/* ---- request: one inference at a time; create once, submit many times ---- */

/* Allocates all memory that its runs will need: as much as the largest of the session's entries (on "cuda": as all
 * of them together). */
ERC_API enum erc_status erc_request_create(erc_session *session, erc_request **out);
/* Returns ERC_BUSY while a run is under way. Accepts NULL. */
ERC_API enum erc_status erc_request_destroy(erc_request *request);

/* Chooses the entry that the next runs take, and the sizes of its ranges: one whose input has these dims. Of several such
 * entries it is the one that leaves the dims of most other inputs as they are, so a caller sets one input after the other,
 * in any order. A range that is a dim of several tensors is one size: the dims of the others follow, of outputs too. At
 * first all ranges have their upper bounds. Allocates nothing. What is bound stays bound if its tensor has the same dims
 * as before, and so does a state; all else must be bound again. ERC_NOT_FOUND if no entry has them; erc_error_detail()
 * then lists the dims that there are. ERC_BUSY if the last run was not waited for. */
ERC_API enum erc_status erc_request_set_dims(erc_request *request, uint32_t input, uint32_t rank, const int64_t *dims);
/* Index of that entry among the model's, as in erc_model_input_info. */
ERC_API uint32_t erc_request_entry(const erc_request *request);
/* As erc_model_input_info and erc_model_output_info of that entry, with the dims that the request has now: `bytes` is what
 * to bind. */
ERC_API enum erc_status erc_request_input_info(const erc_request *request, uint32_t input, struct erc_tensor_info *out);
ERC_API enum erc_status erc_request_output_info(const erc_request *request, uint32_t output,
                                                struct erc_tensor_info *out);

/* Binds caller memory, which is used in place until another bind; `bytes` must be the tensor's size with its present
 * dims. The memory must stay valid, and the caller must not change it, from submit to the end of wait. Any
 * alignment that suits the element type is accepted. */
ERC_API enum erc_status erc_request_bind_input(erc_request *request, uint32_t input, const void *data, size_t bytes);
ERC_API enum erc_status erc_request_bind_output(erc_request *request, uint32_t output, void *data, size_t bytes);

/* Copies an input to memory of the request before it returns, and binds that memory. For inputs that are in several
 * pieces, in this order, `bytes` in all; or that have strides, in bytes, one for each dim, of any sign. The first call
 * for an input allocates its memory. ERC_INVALID for strides between elements of less than a byte. */
struct erc_piece {
	const void *data;
	size_t bytes;
};
ERC_API enum erc_status erc_request_copy_pieces(erc_request *request, uint32_t input, const struct erc_piece *pieces,
                                                size_t count);
ERC_API enum erc_status erc_request_copy_strided(erc_request *request, uint32_t input, const void *data,
                                                 const int64_t *strides);

/* Binds a state: an output of one run becomes an input of the next. Both tensors must have the same dtype and dims.
 * The request owns the memory, which is zero before the first run. A run that fails or is cancelled leaves the state
 * unchanged. Binding either tensor to other memory ends the state. erc_request_state reads it between runs. */
ERC_API enum erc_status erc_request_bind_state(erc_request *request, uint32_t input, uint32_t output);
/* The state's memory, valid until the next submit; the caller may write to it. NULL if `input` has no state. */
ERC_API void *erc_request_state(erc_request *request, uint32_t input);

/* Queues one run and allocates nothing. Returns ERC_INVALID if an input or output is not bound, and names the first
 * one. Returns ERC_BUSY if the last run was not waited for. Returns ERC_SHED or ERC_LIMIT as the session's options
 * say; the run is then not queued. */
ERC_API enum erc_status erc_request_submit(erc_request *request);
/* The same for a request that should have been submitted at arrival_ns of the device's clock: deadline and latency
 * count from there. An arrival in the future counts as now. */
ERC_API enum erc_status erc_request_submit_at(erc_request *request, uint64_t arrival_ns);
/* The same with values for this run alone. Zero-initialise the struct and set size. */
#define ERC_SUBMIT_ARRIVAL 1u  /* arrival_ns holds; else the run arrives now */
#define ERC_SUBMIT_LEVEL 2u    /* level holds; else it is the session's */
#define ERC_SUBMIT_DEADLINE 4u /* deadline_us holds; else it is the session's */
struct erc_submit_options {
	size_t size;
	uint32_t fields;      /* ERC_SUBMIT_*: which of the following hold */
	uint32_t level;       /* RT; on "cuda" the run's streams keep the priority of the session's level */
	uint64_t deadline_us; /* after arrival; 0: none */
	uint64_t arrival_ns;  /* as in erc_request_submit_at */
	int report;           /* erc_runtime_next_end returns the request after the run's end */
};
ERC_API enum erc_status erc_request_submit_with(erc_request *request, const struct erc_submit_options *options);
/* Any pointer of the caller; NULL at first. */
ERC_API void erc_request_set_user(erc_request *request, void *user);
ERC_API void *erc_request_user(const erc_request *request);
/* Waits for the end of the run and returns its result. timeout_us: UINT64_MAX waits without limit, 0 polls. After
 * ERC_TIMEOUT the run goes on. */
ERC_API enum erc_status erc_request_wait(erc_request *request, uint64_t timeout_us);
/* Ends the run at the next tile boundary. erc_request_wait then returns ERC_CANCELLED, unless the run had already
 * completed.
 *
 * A best-effort tile on "cpu" may be stopped while other threads keep its core busy. Cancelling lets it continue on
 * any core of the process, as an ordinary thread if the system permits that (CAP_SYS_NICE or RLIMIT_NICE). Otherwise
 * it gets about 3/1024 of a core that is always busy, so 1 ms of a tile may take a third of a second. The same holds
 * for erc_request_destroy and erc_runtime_destroy.
 *
 * On "cuda" a real-time run that has the whole GPU continues to its end, and is cancelled then. */
ERC_API enum erc_status erc_request_cancel(erc_request *request);
/* erc_request_submit, then erc_request_wait without a time limit. */
ERC_API enum erc_status erc_request_run(erc_request *request);
/* Times of the last run, by the device's clock; known after erc_request_wait. */
struct erc_request_timing {
	size_t size; /* set by the caller */
	uint64_t arrival_ns;
	uint64_t submitted_ns;
	uint64_t visible_ns; /* when the rooms were set for it */
	uint64_t started_ns; /* when the first unit began; 0: none did */
	/* when the last of granted_units began (cuda: was launched); 0: they never all ran at once */
	uint64_t granted_ns;
	uint64_t finished_ns;
	uint32_t granted_units; /* its room at submission */
	uint32_t preemptions;   /* number of times that a unit left it at a tile boundary because its room shrank */
};
ERC_API enum erc_status erc_request_timing(const erc_request *request, struct erc_request_timing *out);
/* The dims of an output after a successful run; dims must have ERC_MAX_RANK elements. The output is a dense array of
 * these dims at the beginning of the bound memory; the bytes after it are undefined. Returns ERC_INVALID before a
 * run if the dims depend on data. On a device that computes nothing they are the upper bounds. */
ERC_API enum erc_status erc_request_output_dims(const erc_request *request, uint32_t output, uint32_t *rank,
                                                int64_t *dims);

#ifdef __cplusplus
}
#endif

#endif
