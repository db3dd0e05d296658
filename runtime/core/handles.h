/* The handles' structs: runtime > model > session > request. */
#ifndef ERC_HANDLES_H
#define ERC_HANDLES_H

#include <pthread.h>

#include "runtime/artifact/loader.h"
#include "runtime/core/device.h"

struct erc_runtime {
	struct erc__device *device;
	pthread_mutex_t lock; /* guards the numbers of children, here and below */
	uint32_t model_count;
	uint32_t next_session; /* number for the trace */
	uint32_t seen_ended;   /* of the device, by the last erc_runtime_wait */
	erc_log_fn log;
	void *log_user;
};

struct erc_model {
	struct erc_runtime *runtime;
	struct erc_artifact *artifact;
	const struct erca_target *target;
	uint32_t target_idx;
	struct erc__image *image;
	struct erc__kernel *kernels; /* as many as in the artifact; those of other targets are empty */
	uint32_t *entries;           /* the artifact's index of each entry point for this target */
	uint32_t entry_count;
	uint32_t session_count;
};

struct erc_session {
	struct erc_model *model;
	const struct erca_entry *entry;
	uint32_t entry_number; /* among the model's */
	struct erc__budgets budgets;
	uint32_t *budget_units; /* of each of the target's budgets, on this device */
	uint32_t units;         /* own limit; 0: none */
	uint64_t deadline_us;
	uint32_t number; /* in traces */
	struct erc__forecast forecast;
	struct erc__tenant tenant;
	struct erc__statistics statistics; /* under the device's lock */
	uint32_t request_count;
};

/* An operand in caller memory: where its pointer goes when the tensor is bound. */
struct erc__fixup {
	uint32_t tensor;  /* inputs, then outputs */
	uint32_t pointer; /* in pointers */
	uint64_t offset;
};

/* State that goes from run to run: two buffers that change places after each good run. */
struct erc__state {
	uint8_t *memory[2]; /* [now]: input of the next run; NULL: the input is no state */
	uint32_t now;
	uint32_t output;
	size_t bytes;
};

struct erc_request {
	struct erc__job job;
	struct erc_session *session;
	struct erc__step *steps; /* [budget * records + record] */
	void **pointers;         /* one per operand of each step */
	struct erc__fixup *fixups;
	uint32_t fixup_count;
	void **bound;              /* caller memory: inputs, then outputs; NULL: not bound */
	int64_t *dims;             /* run-time dimensions */
	struct erc__state *states; /* one per input; those that are bound have memory */
	uint8_t *arena;
	size_t arena_bytes;
	bool has_result; /* the last run succeeded: its run-time dimensions are known */
};

void erc__log(const struct erc_runtime *runtime, enum erc_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Counts a child in or, when there is none, fails with ERC_BUSY. */
void erc__child_add(struct erc_runtime *runtime, uint32_t *count);
void erc__child_remove(struct erc_runtime *runtime, uint32_t *count);
enum erc_status erc__child_none(struct erc_runtime *runtime, const uint32_t *count, const char *what);

/* Tiles of a copy record. */
uint64_t erc__copy_tiles(const struct erc_artifact *artifact, const struct erca_record *record, uint64_t *bytes);

/* The artifact's tensor: inputs, then outputs of the entry. */
const struct erca_tensor *erc__entry_tensor(const struct erc_artifact *artifact, const struct erca_entry *entry,
                                            uint32_t tensor);

#endif
