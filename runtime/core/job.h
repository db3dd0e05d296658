/* One run of a request as a device sees it: a list of steps, a claim on the launch in hand,
 * a result. A device drives it; the request's owner waits for it. */
#ifndef ERC_JOB_H
#define ERC_JOB_H

#include "runtime/sched/room.h"
#include "runtime/base/internal.h"
#include "runtime/sched/schedule.h"
#include "runtime/base/statistics.h"
#include "schemas/tile.h"

/* One record of a plan, made ready: nothing is left to look up while it runs. */
struct erc__step {
	erc_tile_fn tile; /* NULL on a device that computes nothing */
	void *native;     /* the device's own kernel handle */
	struct erc_tile_args args;
	uint64_t copy_bytes; /* a copy's params */
	uint32_t tile_count; /* most tiles; all of them unless count_slot says otherwise */
	uint32_t tile_ns;    /* predicted time of a tile */
	uint64_t tile_bytes; /* and its memory traffic */
	uint32_t count_slot; /* see erca_variant; ERCA_NONE: fixed count */
	uint32_t count_dims;
	uint32_t count_scale;
	uint32_t count_step;
	uint32_t record; /* in the artifact, for messages */
};

enum erc__job_state { ERC__JOB_IDLE, ERC__JOB_RUNNING, ERC__JOB_DONE };

/* Which variants a session's launches take: each launch looks when it opens. */
#define ERC__BUDGET_BY_ROOM UINT32_MAX /* the largest one that the room of the moment holds */
struct erc__budgets {
	uint32_t count;
	const uint32_t *units;   /* of each: what its variants were made for, on this device */
	_Atomic uint32_t chosen; /* a number below count, or ERC__BUDGET_BY_ROOM */
};

struct erc__job {
	/* Set once by the owner. */
	struct erc__item item;
	const struct erc__budgets *budgets;
	struct erc__statistics *statistics; /* the session's; under the device's lock */
	const struct erc__step *steps;      /* [budget * step_count + step] */
	uint32_t step_count;
	uint32_t session_id; /* for the trace */
	uint64_t deadline_us;
	int64_t *dims; /* run-time dimensions */

	/* For the device, under its lock. */
	void *native;           /* the device's own */
	uint32_t members;       /* units that look at the job */
	uint32_t run;           /* counts runs; also read by units that hold a tile */
	uint32_t granted_units; /* its room when it was submitted */
	uint32_t most_units;    /* that served it at once */
	uint32_t preemptions;   /* a unit left at a tile boundary because the room said so */
	uint64_t submitted_ns;
	uint64_t visible_ns; /* all rooms were set for it */
	uint64_t granted_ns; /* the last of granted_units began; 0: never */
	uint64_t finished_ns;

	/* The run. Written by the unit that completed the last launch, read by units that hold a tile of this one. */
	_Alignas(64) uint32_t step;     /* in hand */
	const struct erc__step *launch; /* it, in the variant that was taken */
	enum erc_status result;         /* valid when the state is done */
	char detail[256];
	uint64_t tiles_run;
	uint64_t launches_run;
	_Atomic uint64_t tile_ns; /* time in tiles, summed over units */
	_Atomic uint32_t cancelled;
	_Atomic uint32_t state; /* enum erc__job_state; the owner sleeps on it */

	_Alignas(64) struct erc__claim claim;
};

void erc__job_init(struct erc__job *job);
/* Begins a run: the state is running and no launch is open yet. */
void erc__job_start(struct erc__job *job);
/* Opens the next launch, the one before being complete, and returns its tiles (at least 1); 0 when the
 * run is over and its result is set. record: of that launch, which may be complete, and another in hand, when
 * this returns; may be NULL. */
uint32_t erc__job_advance(struct erc__job *job, uint32_t *record);
/* For devices that open launches themselves. The number of the variant that a launch takes in a room of so many units. */
uint32_t erc__job_budget(const struct erc__job *job, uint32_t room);
/* The number of tiles, from the run-time dimensions where the launch says so; the job's detail tells what is wrong with these. */
enum erc_status erc__job_count_tiles(struct erc__job *job, const struct erc__step *step, uint32_t *tiles);
/* Cancels: no further tile is handed out. 1: no tile was being computed, so the run is over, and the
 * caller must finish it; 0: the unit that completes the last tile will. */
int erc__job_cancel(struct erc__job *job);
/* Lets the owner go. After the store nothing of the job is read here: it may be gone. */
void erc__job_finish(struct erc__job *job);
/* Waits for the end, at most timeout_us. 0: still running. */
int erc__job_wait(struct erc__job *job, uint64_t timeout_us);

/* Bytes that one tile of a copy moves, and its tile function: buffers are from and to, params the bytes (uint64_t). */
#define ERC__COPY_TILE_BYTES 65536u
#define ERC__COPY_TILE_NS 2000u /* predicted */
void erc__copy_tile(const struct erc_tile_args *args, uint32_t tile, void *local);

#endif
