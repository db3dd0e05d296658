/* The parts of the CUDA device: cuda.c (the device and its thread), cuda_flight.c (runs: what is launched, and when),
 * cuda_end.c (how they end), cuda_board.c (what real-time runs tell best-effort ones), cuda_phase.c (of what they are made), cuda_enqueue.c (the driver calls of a flight), cuda_request.c (memory and prepared launches), cuda_image.c (targets,
 * code, weights), cuda_driver.c.
 *
 * A run is a series of flights. A flight is a stretch of the request's launches handed to one stream, with a host
 * function behind it that wakes the device's thread. In the elastic form a flight is short, its blocks claim tiles, and it may end
 * early; in the plain form it is the whole run. */
#ifndef ERC_CUDA_DEVICE_H
#define ERC_CUDA_DEVICE_H

#include <pthread.h>

#include "schemas/cuda.h"
#include "runtime/core/handles.h"
#include "runtime/devices/cuda_driver.h"
#include "runtime/devices/cuda_phase.h"
#include "runtime/devices/devices.h"

/* Of an elastic flight; predicted time, but for a single launch that is longer. Between flights units wait for the host, some
 * 30 us; the blocks of a flight that is stopped leave in any case, its launches behind them take a few us each, of no unit. */
#define ERC__CUDA_MOST_LAUNCHES 32
#define ERC__CUDA_FLIGHT_NS 1000000
#define ERC__CUDA_TICKET 8 /* where in a request's memory, behind the room word */
#define ERC__CUDA_MOST_BLOCKS_PER_UNIT \
	2 /* where a flight has all units; more would stretch the tile that real-time work waits for */

struct cuda_device {
	struct erc__device base;
	struct cuda_driver driver;
	cu_device ordinal;
	cu_context context;
	char target[32];         /* "cuda:sm_90" */
	int major, minor;        /* compute capability */
	uint32_t all_units;      /* SMs; base.units may be fewer */
	size_t most_local_bytes; /* shared memory of a block, static and dynamic */
	int lowest, highest;     /* stream priorities; the highest is the smaller number */
	int has_writes;          /* streams write words (of 32 and 64 bits) themselves: no copy of others' is in the way */
	cu_stream upload;        /* weights, memory: of the lowest priority */
	cu_stream control;       /* room words, all of them: their order is that in which they were decided */
	cu_event rooms_written;  /* on control, behind the last word */
	cu_address board;        /* struct erc_cuda_board; 0: there is none, limits are the host's alone */
	pthread_mutex_t loading; /* guards chunk */
	uint8_t *chunk;          /* pinned: weights on their way */

	pthread_t thread;
	int has_thread;
	int is_closing;               /* under the lock, as the next */
	int is_watching;              /* the thread sleeps for a while only */
	uint64_t look_ns;             /* when something is to be done that nobody will tell of; UINT64_MAX: nothing */
	uint64_t fall_ns;             /* when a real-time run is taken to need fewer units */
	uint64_t asleep_until_ns;     /* the thread, unless it is woken */
	_Atomic uint32_t news;        /* counts what the thread should look at; it sleeps on it */
	struct cuda_request *running; /* whose run is queued; under the lock, as all below */
	struct cuda_slot {
		const struct cuda_request *owner; /* NULL: free */
		uint32_t generation;              /* 16 bits */
		int is_due;                       /* the driver has not taken the word that it is free */
	} slots[ERC_CUDA_SLOTS];
	uint32_t board_units;      /* the board's `units` */
	struct cuda_request *dead; /* destroyed on a lost device, where the driver may still know their memory */

	/* Host time minus the units' global timer lies between the two: a block begins after its launch, and before its
	 * flight is seen to have ended. */
	int64_t least_offset_ns, most_offset_ns;

	_Atomic uint32_t is_lost; /* 1: being told; 2: lost_text is there. Every later call fails with it */
	char lost_text[200];
};

struct cuda_kernel {
	cu_module module;
	cu_function plain, elastic;
	size_t static_local_bytes; /* of the elastic one, which has more */
};

struct erc__image {
	cu_address weights; /* 0: none */
	uint32_t kernel_count;
	struct cuda_kernel kernels[];
};

/* A step in the variant of one budget. */
struct cuda_step {
	const struct erc__step *step;
	const struct cuda_kernel *kernel; /* NULL: a copy */
	uint32_t threads;                 /* of a block */
	uint32_t local_bytes;             /* of a block, dynamic */
	uint32_t blocks_per_unit;         /* in flights that have all units */
	cu_address from, to;              /* of a copy */
	struct erc_cuda_launch launch;    /* filled in but for what a flight sets */
};

struct cuda_flight {
	struct cuda_request *request;
	cu_stream stream;
	struct erc_cuda_progress *seen; /* pinned: the progress of all steps when it ended, then the run-time dims */
	_Atomic uint32_t has_ended;     /* set by the host function */
	int is_used;                    /* handed to the stream, and not yet seen to have ended */
	int has_outputs;                /* it ends with a copy of them */
	uint32_t epoch;
	uint32_t first, end; /* steps */
	uint64_t longest_ns; /* the longest of its launches, as predicted; 0: not known */
	uint32_t needed;     /* most units that one of its launches can occupy */
	uint32_t first_unit; /* rank of its first unit among those of the request */
	uint32_t launched;   /* units that it was launched for */
	uint32_t units;      /* places that these still have in the rooms */
	struct erc__pass pass;
	uint64_t launched_ns;
};

struct cuda_request {
	struct cuda_device *device;
	struct erc_request *owner;
	struct cuda_request *next; /* running or dead */

	/* Device memory, one block: room word, progress, dims, inputs, outputs, activations. Pinned memory, one block: room word,
	 * what two flights saw, inputs, outputs. */
	cu_address memory, progress, dims, arena;
	uint8_t *pinned;
	size_t seen_bytes;     /* progress and dims */
	uint32_t tensor_count; /* inputs, then outputs */
	cu_address *tensors;
	uint8_t **staging;
	size_t *tensor_bytes;
	uint8_t *is_uploaded; /* before a run: inputs, and outputs that are read before they are written */

	struct cuda_step *steps; /* [budget * step_count + step] */
	uint32_t step_count;
	const struct cuda_step **taken; /* of each step: the variant in which it began; NULL: it has not */
	uint32_t *tiles;                /* of each step that was taken */
	uint32_t *done;                 /* of these, completed, as far as it was seen */
	uint32_t *claimed;              /* the same; may pass the number of tiles */
	int has_slots;                  /* a step's number of tiles is known in mid-run only */
	struct erc__cuda_phase *phases; /* NULL: it has nothing to tell */
	uint32_t phase_count;           /* else 2 or more */
	cu_event ready;                 /* what was uploaded and copied before the launches of the last flight is there */
	cu_graph_exec graph;            /* the plain form of a run in the variants of graph_budget; NULL: plain launches */
	uint32_t graph_budget;

	/* The run. */
	struct cuda_flight flights[2]; /* a second one joins, or replaces one that was stopped and has not ended */
	int has_begun;                 /* inputs are on their way */
	int is_plain;
	int has_outputs;      /* they are in staging */
	int is_waiting;       /* all tiles of the launch at hand are claimed: more units would find nothing */
	uint32_t slot;        /* real-time: number + 1; 0: none */
	uint32_t sent_ticket; /* what the device has of it */
	int is_withdrawn;     /* its slot says 0, as it has no units */
	int is_held;          /* best-effort: a flight came to nothing beside real-time runs; it waits for look_ns, */
	int is_probing;       /* and the next one has a launch only */
	int is_refill_due;    /* best-effort: blocks may have been sent away for which there is room now; */
	int is_draining;      /* so its flights were stopped, and the next one begins when they have ended */
	uint32_t position;    /* steps before it are complete */
	uint32_t epoch;       /* of the last flight; never goes back */
	uint32_t stop_epoch;
	enum erc_status failure; /* the run ends with it, once its flights have */
};

/* ---- cuda.c ---- */

/* ERC_OK for 0. A lasting error loses the device. */
enum erc_status erc__cuda_check(struct cuda_device *device, cu_result result, const char *call);
#define CU(device, name, ...) erc__cuda_check((device), (device)->driver.name(__VA_ARGS__), #name)
/* From now on every call fails. */
void erc__cuda_lose(struct cuda_device *device, const char *text);
/* ERC_DEVICE when it was lost. */
enum erc_status erc__cuda_is_alive(const struct cuda_device *device);
/* The thread looks again. */
void erc__cuda_wake(struct cuda_device *device);
/* The device's context becomes the calling thread's, and what was before comes back. */
enum erc_status erc__cuda_enter(struct cuda_device *device);
void erc__cuda_leave(struct cuda_device *device);

/* ---- cuda_flight.c, all under the lock and in the context ---- */

/* A queued job's run begins. */
void erc__cuda_begin(struct cuda_request *request);
/* Whatever has changed: rooms are made known, free places are given out. */
void erc__cuda_pump(struct cuda_device *device);
/* Before the next pump, which ends what has not begun. */
void erc__cuda_cancel(struct cuda_request *request);
/* The flight's places are given back. */
void erc__cuda_leave_all(struct cuda_flight *flight, uint64_t now_ns);

static inline int erc__cuda_is_flying(const struct cuda_request *request)
{
	return request->flights[0].is_used || request->flights[1].is_used;
}

/* No further flight. */
static inline int erc__cuda_is_ending(const struct cuda_request *request)
{
	return request->failure || atomic_load_explicit(&request->owner->job.cancelled, memory_order_relaxed);
}

/* Tiles of a step that are not completed, as far as it was seen. */
static inline uint32_t erc__cuda_tiles_left(const struct cuda_request *request, uint32_t step)
{
	return request->tiles[step] - request->done[step];
}

/* The run will end so; the first reason counts. */
void erc__cuda_fail(struct cuda_request *request, enum erc_status status);
/* Units behind the last one that has a place: the limit in the room word, and the rank of whoever comes next. */
uint32_t erc__cuda_limit(const struct cuda_request *request);

/* ---- cuda_board.c, under the lock and in the context but for the first three ---- */

/* The board, where the device can have one and the policy looks ahead. */
enum erc_status erc__cuda_board_create(struct cuda_device *device);
/* What a real-time request has to tell. */
enum erc_status erc__cuda_find_phases(struct cuda_request *request);
/* The parts of a prepared launch that are for the board. */
void erc__cuda_fill_board(const struct cuda_request *request, uint32_t number, struct erc_cuda_launch *launch);
/* Runs that have something to tell take slots; limits are set anew without them. */
void erc__cuda_take_slots(struct cuda_device *device, uint64_t now_ns);
/* Before a flight of a run that has a slot. */
void erc__cuda_tell_start(struct cuda_request *request);
/* The run has lost all its units. */
void erc__cuda_withdraw(struct cuda_request *request);
/* The run is over. */
void erc__cuda_give_slot(struct cuda_request *request);
/* What the host has to say of units: before best-effort limits grow. */
enum erc_status erc__cuda_write_board(struct cuda_device *device);
/* For the run's launches: see struct erc_cuda_launch. */
uint32_t erc__cuda_ticket(const struct cuda_request *request);
/* A run has a slot. */
int erc__cuda_is_board_used(const struct cuda_device *device);
/* A best-effort flight has ended. */
void erc__cuda_note_progress(struct cuda_request *request, int is_stopped, int has_progress);
/* What is due at look_ns, if that has come; and the next one. */
void erc__cuda_look(struct cuda_device *device, uint64_t now_ns);
void erc__cuda_plan_look(struct cuda_device *device, uint64_t now_ns);

/* ---- cuda_end.c, the same ---- */

/* Flights that have ended are counted; runs that are over finish. */
void erc__cuda_reap(struct cuda_device *device);
/* Runs that are over finish. 1: one has, so rooms have moved. */
int erc__cuda_settle_all(struct cuda_device *device, uint64_t now_ns);
/* The device is lost: nothing in flight will be heard of. */
void erc__cuda_fail_all(struct cuda_device *device, uint64_t now_ns);

/* ---- cuda_enqueue.c ---- */

/* At an offset of the board, in the order of room words. */
enum erc_status erc__cuda_put_word(struct cuda_device *device, size_t offset, uint32_t word);
/* Makes the request's {stop epoch, limit} known to its blocks. */
enum erc_status erc__cuda_write_room(struct cuda_request *request, uint32_t limit);
enum erc_status erc__cuda_enqueue_elastic(struct cuda_flight *flight, int is_join);
/* The whole flight in the plain form, as the graph where that is possible. */
enum erc_status erc__cuda_enqueue_plain(struct cuda_flight *flight, uint32_t budget);
/* The host function that ends a flight. */
enum erc_status erc__cuda_enqueue_end(struct cuda_flight *flight);
/* The graph of the request's plain form; that there is none is no error. */
enum erc_status erc__cuda_make_graph(struct cuda_request *request, uint32_t budget);

/* ---- cuda_request.c ---- */

enum erc_status erc__cuda_request_create(struct erc__device *device, struct erc_request *owner);
void erc__cuda_request_destroy(struct erc__device *device, struct erc_request *owner);
/* Frees what is left of it; the driver may be gone. */
void erc__cuda_request_free(struct cuda_request *request);
/* Inputs to where the device can read them at any time. */
void erc__cuda_stage(struct cuda_request *request);
void erc__cuda_collect(struct erc__device *device, struct erc_request *owner);

/* ---- cuda_image.c ---- */

int erc__cuda_can_run(const struct erc__device *device, const struct erca_target *target, const char *name);
enum erc_status erc__cuda_image_load(struct erc__device *device, const void *code, size_t bytes,
                                     struct erc__image **out);
void erc__cuda_image_unload(struct erc__device *device, struct erc__image *image);
enum erc_status erc__cuda_kernel_find(const struct erc__image *image, const struct erca_kernel *kernel,
                                      struct erc__kernel *out);
enum erc_status erc__cuda_weights_load(struct erc__device *device, struct erc__image *image, const void *weights,
                                       size_t bytes);

#endif
