/* The handles' structs: runtime > model > session > request. */
#ifndef ERC_HANDLES_H
#define ERC_HANDLES_H

#include <pthread.h>

#include "artifact.h"
#include "devices/device.h"

struct erc_runtime {
	struct erc__device *device;
	pthread_mutex_t lock; /* guards the numbers of children, here and below */
	uint32_t model_count;
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
	uint32_t entry_number;       /* among the model's */
	uint32_t budget;             /* among the target's: the number of the variant */
	uint64_t deadline_us;
	struct erc__tenant tenant;
	struct erc__room room;
	uint32_t request_count;
};

/* An operand in caller memory: where its pointer goes when the tensor is bound. */
struct erc__fixup {
	uint32_t tensor;  /* inputs, then outputs */
	uint32_t pointer; /* in pointers */
	uint64_t offset;
};

struct erc_request {
	struct erc__job job;
	struct erc_session *session;
	struct erc__step *steps;
	void **pointers;           /* one per operand of each step */
	struct erc__fixup *fixups;
	uint32_t fixup_count;
	void **bound;              /* caller memory: inputs, then outputs; NULL: not bound */
	int64_t *dims;             /* run-time dimensions */
	uint8_t *arena;
	size_t arena_bytes;
	int has_result;            /* a run succeeded: run-time dims may be asked for */
};

void erc__log(const struct erc_runtime *runtime, enum erc_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Counts a child in or, when there is none, fails with ERC_BUSY. */
void erc__child_add(struct erc_runtime *runtime, uint32_t *count);
void erc__child_remove(struct erc_runtime *runtime, uint32_t *count);
enum erc_status erc__child_none(struct erc_runtime *runtime, const uint32_t *count, const char *what);

/* The artifact's tensor: inputs, then outputs of the entry. */
const struct erca_tensor *erc__entry_tensor(const struct erc_artifact *artifact, const struct erca_entry *entry, uint32_t tensor);

#endif
