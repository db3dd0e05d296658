/* liberc: loads ElasticRoom artifacts and runs them. The one public header.
 *
 * Handles form a tree: runtime > model > session > request. Destroying a parent that still
 * has children returns ERC_BUSY and changes nothing. `**out` is the caller's to destroy; a
 * plain returned pointer is borrowed from the handle it was asked of.
 *
 * Threads: every function may be called from any thread, and different handles may be used
 * at the same time. One request belongs to one thread at a time, except that
 * erc_request_wait and erc_request_cancel may be called from another thread than the submitter's.
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

#include "dtype.h"

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
	char root_digest[65];   /* the artifact's identity, in hex */
	int is_signed;          /* a signature block is there; it was not checked */
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
	X(PARAMS, int64_t)

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
	size_t size;         /* sizeof(struct erc_runtime_options): the options' version */
	const char *device;  /* "cpu" (default) or "null" */
	uint32_t units;      /* CPU: worker threads; 0 = one per core this process may use */
	const uint32_t *cores; /* CPU: core of each worker (units of them); NULL = the process's cores in order */
	erc_log_fn log;      /* NULL: silent */
	void *log_user;
};

/* options may be NULL. Starts the device's units. */
ERC_API enum erc_status erc_runtime_create(const struct erc_runtime_options *options, erc_runtime **out);
/* ERC_BUSY while a model is loaded. NULL is fine. */
ERC_API enum erc_status erc_runtime_destroy(erc_runtime *runtime);
ERC_API uint32_t erc_runtime_units(const erc_runtime *runtime);
/* "cpu:x86-64-v4": the best target that this runtime's device can execute. */
ERC_API const char *erc_runtime_target(const erc_runtime *runtime);

/* ---- model: a loaded artifact ---- */

struct erc_model_options {
	size_t size;
	const char *target;    /* NULL: the best that the device supports */
	int verify_weights;    /* also check the weights' hash (META, PLAN and CODE always are) */
};

/* Maps the file; nothing of it is trusted before it is checked. options may be NULL. */
ERC_API enum erc_status erc_model_load(erc_runtime *runtime, const char *path,
                                       const struct erc_model_options *options, erc_model **out);
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
	const char *name;      /* borrowed from the model */
	enum erc_dtype dtype;
	uint32_t rank;
	int64_t dims[ERC_MAX_RANK]; /* upper bounds where runtime_dims is set */
	size_t bytes;          /* at those dims */
	int runtime_dims;      /* the true dims are known after a run: erc_request_output_dims */
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
	size_t arena_bytes;   /* activations of one request */
};
ERC_API enum erc_status erc_model_memory(const erc_model *model, uint32_t entry, struct erc_memory_info *out);

/* ---- session: a tenant: a model with a class ---- */

enum erc_class { ERC_BEST_EFFORT, ERC_REAL_TIME };

struct erc_session_options {
	size_t size;
	const char *entry;         /* NULL: the first */
	enum erc_class class_;
	uint32_t level;            /* RT: strict priority, 0 is the highest */
	uint64_t deadline_us;      /* RT: valid time after submission; 0: none */
	uint32_t weight;           /* BE: share among BE sessions; 0 means 1 */
	const char *budget;        /* NULL: the first of the target */
};

ERC_API enum erc_status erc_session_create(erc_model *model, const struct erc_session_options *options,
                                           erc_session **out);
/* ERC_BUSY while a request exists. NULL is fine. */
ERC_API enum erc_status erc_session_destroy(erc_session *session);
ERC_API uint32_t erc_session_entry(const erc_session *session);

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

/* Queues one run. Every input and output must be bound (else ERC_INVALID, which names the first that is
 * not). Allocates nothing. ERC_BUSY if the last run was not waited for. */
ERC_API enum erc_status erc_request_submit(erc_request *request);
/* Waits for the run's end and returns its result. timeout_us: UINT64_MAX waits for ever, 0 polls;
 * ERC_TIMEOUT leaves the run going. */
ERC_API enum erc_status erc_request_wait(erc_request *request, uint64_t timeout_us);
/* Ends the run at the next tile boundary: wait then returns ERC_CANCELLED, unless the run was through before. */
ERC_API enum erc_status erc_request_cancel(erc_request *request);
/* Submit, then wait. */
ERC_API enum erc_status erc_request_run(erc_request *request);
/* True dims of an output after a successful run; dims has room for ERC_MAX_RANK. */
ERC_API enum erc_status erc_request_output_dims(const erc_request *request, uint32_t output,
                                                uint32_t *rank, int64_t *dims);

#ifdef __cplusplus
}
#endif

#endif
