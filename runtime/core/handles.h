/* The structs of the handles: runtime > model > session > request. */
#ifndef ERC_HANDLES_H
#define ERC_HANDLES_H

#include <pthread.h>

#include "runtime/artifact/course.h"
#include "runtime/core/device.h"

/* Handles that are counted. */
enum erc__kind { ERC__MODEL, ERC__SESSION, ERC__REQUEST, ERC__KINDS };

struct erc_runtime {
	struct erc__device *device;
	uint32_t process;            /* erc__process_number of the process that made it */
	pthread_mutex_t lock;        /* guards all counts of children; taken before the device's lock */
	uint32_t counts[ERC__KINDS]; /* of all handles below the runtime */
	uint32_t model_count;
	uint32_t next_session; /* number of the next session, for the trace */
	uint32_t seen_ended;   /* the device's `ended` at the last erc_runtime_wait */
	erc_log_fn log;
	void *log_user;
};

struct erc_model {
	struct erc_runtime *runtime;
	struct erc_artifact *artifact;
	const struct erca_target *target;
	uint32_t target_idx;
	struct erc__image *image;
	struct erc__kernel *kernels; /* one for each kernel of the artifact; empty for other targets */
	uint32_t *entries;           /* for each entry point of this target, its index in the artifact */
	uint32_t entry_count;
	struct erc__course *courses; /* of each of these entry points */
	uint32_t session_count;
};

/* An entry that a session's requests can run. */
struct erc__session_entry {
	const struct erca_entry *entry;
	uint32_t number; /* index among the model's entries */
	struct erc__forecast forecast;
	struct erc__estimate estimate; /* under the device's lock */
};

struct erc_session {
	struct erc_model *model;
	struct erc__session_entry *entries; /* they differ in dims only; more than one if the options name none */
	uint32_t entry_count;
	struct erc__budgets budgets;
	uint32_t *budget_units; /* units of each of the target's budgets, on this device */
	uint32_t units;         /* the session's own limit; 0: none */
	uint64_t deadline_us;   /* of its runs, if they have no other */
	bool clamps_indices;    /* an index outside its dim does not fail the run */
	uint32_t number;        /* in traces */
	struct erc__tenant tenant;
	struct erc__statistics statistics; /* under the device's lock */
	uint32_t request_count;
};

/* session.c: completes the forecast for the units that the session may get. */
void erc__session_forecast(const struct erc_session *session, struct erc__forecast *forecast);

/* An operand in caller memory: which pointer to set when the tensor is bound. */
struct erc__fixup {
	uint32_t tensor;  /* index: inputs, then outputs */
	uint32_t pointer; /* index in request->pointers */
	uint64_t offset;
};

/* A state that is kept from run to run: two buffers that change places after each successful run. */
struct erc__state {
	uint8_t *memory[2]; /* memory[now] is the input of the next run; NULL: the input has no state */
	uint32_t now;
	uint32_t output;
	size_t bytes;
};

/* What a form has if dims of its inputs are ranges: the numbers for the present sizes. */
struct erc__resized {
	const struct erca_resizable *of; /* NULL: there are no ranges, and all else is NULL too */
	int64_t *sizes;                  /* of the ranges; then room for as many */
	int64_t *terms;
	struct erca_tensor *tensors; /* inputs, then outputs; then room for as many */
	struct erc__dim_ranges {
		uint32_t range[ERCA_MAX_RANK]; /* 0: the dim is not a size of a range; else its number + 1 */
	} * dim_ranges;                    /* of each tensor */
	int64_t *params;                   /* of all steps */
	int64_t *work;                     /* of each step: flops or bytes; of loops iterations, 0: as at the bounds */
	struct erc__forecast forecast;     /* for these sizes */
	struct erc__size_ratio ratio;
	uint8_t *bases[ERCA_BUFFER_DIMS + 1];
};

/* A request as it is prepared for one entry. */
struct erc__form {
	struct erc__session_entry *of;
	struct erc__step *steps; /* [budget * step_count + step] */
	uint32_t step_count;
	void **pointers; /* one per operand of each step */
	struct erc__fixup *fixups;
	uint32_t fixup_count;
	void *native; /* job.native of its runs, on devices with request_create */
	struct erc__resized resized;
};

struct erc_request {
	struct erc__job job;
	struct erc_session *session;
	struct erc__form *forms;   /* one per entry of the session */
	struct erc__form *form;    /* the one that runs next, or runs */
	void **bound;              /* caller memory: inputs, then outputs; NULL: not bound */
	int64_t *dims;             /* run-time dimensions, as many as the entry with the most has */
	struct erc__state *states; /* one per input; those that are bound have memory */
	void **copies; /* one per input: memory for erc_request_copy_pieces, enough for each entry; NULL: none yet */
	void *user;
	uint8_t *arena; /* enough for each entry */
	size_t arena_bytes;
	bool has_result; /* the last run succeeded: its run-time dimensions are known */
};

static inline const struct erca_entry *erc__request_entry(const struct erc_request *request)
{
	return request->form->of->entry;
}

/* What callers learn of a tensor; default_value is NULL. */
void erc__fill_info(const struct erc_artifact *artifact, const struct erca_tensor *tensor, struct erc_tensor_info *out);

void erc__log(const struct erc_runtime *runtime, enum erc_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Fails in a child of the process that made the runtime: the child has none of the units' threads, and the runtime's
 * locks may be held for ever. */
enum erc_status erc__check_process(const struct erc_runtime *runtime);

/* erc__child_add and erc__child_remove count a parent's children; erc__child_none returns ERC_BUSY if there are any. */
void erc__child_add(struct erc_runtime *runtime, enum erc__kind kind, uint32_t *count);
void erc__child_remove(struct erc_runtime *runtime, enum erc__kind kind, uint32_t *count);
enum erc_status erc__child_none(struct erc_runtime *runtime, const uint32_t *count, const char *what);

/* Number of tiles of a copy record; *bytes is what it copies. */
uint64_t erc__copy_tiles(const struct erc_artifact *artifact, const struct erca_record *record, uint64_t *bytes);

/* The artifact's record for a tensor of the entry. tensor: inputs, then outputs. */
const struct erca_tensor *erc__entry_tensor(const struct erc_artifact *artifact, const struct erca_entry *entry,
                                            uint32_t tensor);

#endif
