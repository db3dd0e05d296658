/* One run of a request as a device sees it: a list of steps, the claim of the open launch, a result. A device drives
 * it; the request's owner waits for it. */
#ifndef ERC_JOB_H
#define ERC_JOB_H

#include "runtime/sched/room.h"
#include "runtime/base/internal.h"
#include "runtime/sched/schedule.h"
#include "runtime/base/statistics.h"
#include "schemas/tile.h"

/* One step of an entry's course, prepared so that a run looks nothing up. */
struct erc__step {
	erc_tile_fn tile; /* NULL on a device that computes nothing */
	void *native;     /* the device's own kernel handle */
	struct erc_tile_args args;
	uint32_t param_count;
	uint64_t copy_bytes; /* a copy's params */
	uint32_t tile_count; /* upper bound if count_slot is set, else the exact number */
	uint32_t tile_ns;    /* predicted time of a tile */
	uint64_t tile_bytes; /* predicted memory traffic of a tile */
	uint32_t count_slot; /* see erca_variant; ERCA_NONE: fixed count */
	uint32_t count_dims;
	uint32_t count_scale;
	uint32_t count_step;
	uint32_t record; /* index in the artifact, for messages */
	/* Of a step that is no launch (enum erc__step_kind), whose args.buffers are the record's operands: */
	uint32_t kind, goes_to;
	uint32_t most;   /* loop: maximum number of iterations */
	bool is_assumed; /* the device computes nothing: all iterations are done, and a branch goes on if `most` is not 0 */
};

/* The tile that this thread computes, for messages about faults. */
struct erc__current {
	const struct erc__job *job; /* NULL: none */
	const struct erc__step *launch;
	uint32_t tile, unit;
};
extern __thread struct erc__current erc__current __attribute__((tls_model("initial-exec")));

enum erc__job_state { ERC__JOB_IDLE, ERC__JOB_RUNNING, ERC__JOB_DONE };

/* Which variants a session's launches take. Each launch reads `chosen` when it opens. */
#define ERC__BUDGET_BY_ROOM UINT32_MAX /* the largest budget that fits the present room */
struct erc__budgets {
	uint32_t count;
	const uint32_t *units;   /* for each budget, the units on this device that its variants were made for */
	_Atomic uint32_t chosen; /* an index below count, or ERC__BUDGET_BY_ROOM */
};

struct erc__job {
	/* Set once by the owner. */
	struct erc__item item;
	const struct erc__budgets *budgets;
	struct erc__statistics *statistics; /* the session's; under the device's lock */
	const struct erc__step *steps;      /* [budget * step_count + step] */
	uint32_t step_count;
	uint32_t session_id; /* for the trace */
	int64_t *dims;       /* run-time dimensions */

	/* Of the next run; set by the owner. */
	uint32_t level;
	uint64_t deadline_us;
	bool reports; /* its end is put on the device's list */

	/* Used by the device, with its lock held. */
	void *native;           /* the device's own data */
	uint32_t members;       /* units that use the job */
	uint32_t run;           /* number of the run; also read by units that hold a tile */
	uint32_t granted_units; /* its room at submission */
	uint32_t max_units;     /* maximum number of units that served it at once */
	uint32_t preemptions;   /* number of times that a unit left at a tile boundary because the room shrank */
	struct erc__job *ended_before, *ended_next; /* in the device's list of ends */
	bool is_listed;                             /* in that list */
	uint64_t submitted_ns;
	uint64_t visible_ns; /* when all rooms were set for it */
	uint64_t granted_ns; /* when the last of granted_units began; 0: never */
	uint64_t finished_ns;

	/* The run. Written by the unit that completed the launch before; read by units that hold a tile of this one. */
	_Alignas(64) uint32_t step;     /* index of the open launch */
	const struct erc__step *launch; /* the open launch, in the variant that it took */
	enum erc_status result;         /* valid when state is ERC__JOB_DONE */
	char detail[256];
	uint64_t tiles_run;
	uint64_t launches_run;
	uint64_t looped_ns;       /* as the item's */
	_Atomic uint64_t tile_ns; /* time in tiles, summed over units */
	_Atomic uint32_t cancelled;
	_Atomic uint32_t state; /* enum erc__job_state; the owner sleeps on it */

	_Alignas(64) struct erc__claim claim;
};

void erc__job_init(struct erc__job *job);
/* Begins a run: the state is running, and no launch is open yet. */
void erc__job_start(struct erc__job *job);
/* For traces: what was opened. */
struct erc__opened {
	uint32_t record;    /* of the launch */
	uint32_t iteration; /* of a loop, which began with it; ERCA_NONE: none did */
};
/* Opens the next launch after the launch before is complete. Returns its number of tiles (at least 1), or 0 if the
 * run is over and its result is set. The launch may already be complete when this returns. opened may be NULL. */
uint32_t erc__job_advance(struct erc__job *job, struct erc__opened *opened);
/* For devices that open launches themselves: the variant that a launch takes in a room of `room` units. */
uint32_t erc__job_budget(const struct erc__job *job, uint32_t room);
/* The number of tiles, computed from run-time dimensions where the launch depends on them. On failure the job's
 * detail says what is wrong. */
enum erc_status erc__job_count_tiles(struct erc__job *job, const struct erc__step *step, uint32_t *tiles);
/* Hands out no further tile. Returns 1 if no tile was being computed: the run is over, and the caller must finish
 * it. Returns 0 if a unit is computing: the unit that completes the last tile finishes it. */
int erc__job_cancel(struct erc__job *job);
/* Releases the owner, who may free the job: nothing of it is read after the store. */
void erc__job_finish(struct erc__job *job);
/* Waits for the end, at most timeout_us microseconds. Returns 0 if the run goes on. */
int erc__job_wait(struct erc__job *job, uint64_t timeout_us);

/* Bytes that one tile of a copy moves, and the tile function. Buffers: source and destination; params: the number of
 * bytes (uint64_t). */
#define ERC__COPY_TILE_BYTES 65536u
#define ERC__COPY_TILE_NS 2000u /* predicted */
void erc__copy_tile(const struct erc_tile_args *args, uint32_t tile, void *local);

#endif
