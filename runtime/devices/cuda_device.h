/* The parts of the CUDA device: cuda.c (the device and its thread), cuda_flight.c (runs: what is launched, and
 * when), cuda_end.c (how they end), cuda_board.c (what real-time runs tell best-effort runs), cuda_phase.c (the
 * phases of a run), cuda_enqueue.c (the driver calls of a flight), cuda_request.c (memory and prepared launches),
 * cuda_image.c (targets, code, weights), cuda_driver.c (the driver library).
 *
 * A run is a series of flights. A flight is a number of consecutive launches of the request on one stream, with a
 * host function at the end that wakes the device's thread. In the elastic form a flight is short, its blocks claim
 * tiles, and it may end early. In the plain form a flight is the whole run. */
#ifndef ERC_CUDA_DEVICE_H
#define ERC_CUDA_DEVICE_H

#include <pthread.h>

#include "schemas/cuda.h"
#include "runtime/core/handles.h"
#include "runtime/devices/cuda_driver.h"
#include "runtime/devices/cuda_phase.h"
#include "runtime/devices/devices.h"

/* Limits of an elastic flight: its number of launches, and their predicted time, which a single longer launch may
 * exceed. Between flights, units wait for the host for about 30 us. If a flight is stopped, its blocks leave, and
 * each of its remaining launches takes a few us without using a unit. */
#define ERC__CUDA_MAX_LAUNCHES 32
#define ERC__CUDA_FLIGHT_NS 1000000
#define ERC__CUDA_TICKET 8 /* offset of the ticket in a request's memory, after the room word */
/* For flights that have all units; more would lengthen the tiles that real-time work waits for. */
#define ERC__CUDA_MAX_BLOCKS_PER_UNIT 2

struct cuda_device {
	struct erc__device base;
	struct cuda_driver driver;
	cu_device ordinal;
	cu_context context;
	char target[32];        /* "cuda:sm_90" */
	int major, minor;       /* compute capability */
	uint32_t all_units;     /* SMs; base.units may be fewer */
	size_t max_local_bytes; /* maximum shared memory of a block, static and dynamic */
	int lowest, highest;    /* stream priorities; the highest priority is the smaller number */
	/* streams can write words (of 32 and 64 bits) themselves, so no copy of another stream delays them */
	int has_writes;
	cu_stream upload;        /* for weights and memory; lowest priority */
	cu_stream control;       /* writes all room words, so that they arrive in the order in which they were decided */
	cu_event rooms_written;  /* recorded on control after the last word */
	cu_address board;        /* struct erc_cuda_board; 0: none, so only the host sets limits */
	pthread_mutex_t loading; /* guards chunk */
	uint8_t *chunk;          /* pinned memory for weights that are being copied */

	pthread_t thread;
	int has_thread;
	int is_closing;               /* guarded by the lock, as the next field */
	int is_watching;              /* the thread sleeps only for a limited time */
	uint64_t look_ns;             /* when to look for work although nothing wakes the thread; UINT64_MAX: never */
	uint64_t fall_ns;             /* when a real-time run is expected to need fewer units */
	uint64_t asleep_until_ns;     /* until when the thread sleeps, unless it is woken */
	_Atomic uint32_t news;        /* counts what the thread should look at; the thread sleeps on it */
	struct cuda_request *running; /* requests whose run is queued; guarded by the lock, as all below */
	struct cuda_slot {
		const struct cuda_request *owner; /* NULL: free */
		uint32_t generation;              /* 16 bits */
		int is_due; /* the slot is free, but the driver has not yet accepted the word that says so */
	} slots[ERC_CUDA_SLOTS];
	uint32_t board_units;      /* value of the board's `units` */
	struct cuda_request *dead; /* requests destroyed on a lost device; the driver may still use their memory */

	/* Host time minus the units' global timer lies between these two, because a block begins after its launch and
	 * before its flight is seen to have ended. */
	int64_t min_offset_ns, max_offset_ns;

	_Atomic uint32_t is_lost; /* 1: the text is being written; 2: lost_text is valid. Every later call fails with it */
	char lost_text[200];
};

struct cuda_kernel {
	cu_module module;
	cu_function plain, elastic;
	size_t static_local_bytes; /* of the elastic form, which has more */
};

struct erc__image {
	cu_address weights; /* 0: none */
	uint32_t kernel_count;
	struct cuda_kernel kernels[];
};

/* A step, in the variant of one budget. */
struct cuda_step {
	const struct erc__step *step;
	const struct cuda_kernel *kernel; /* NULL: the step is a copy */
	uint32_t threads;                 /* per block */
	uint32_t local_bytes;             /* dynamic shared memory per block */
	uint32_t blocks_per_unit;         /* for flights that have all units */
	cu_address from, to;              /* of a copy */
	struct erc_cuda_launch launch;    /* complete except for the fields that a flight sets */
};

struct cuda_flight {
	struct cuda_request *request;
	cu_stream stream;
	struct erc_cuda_progress *seen; /* pinned: the progress of all steps at the flight's end, then run-time dims */
	_Atomic uint32_t has_ended;     /* set by the host function */
	int is_used;                    /* it was given to the stream, and is not yet seen to have ended */
	int has_outputs;                /* it ends with a copy of the outputs */
	uint32_t epoch;
	uint32_t first, end; /* range of steps */
	uint64_t longest_ns; /* predicted time of its longest launch; 0: not known */
	uint32_t needed;     /* maximum number of units that one of its launches can use */
	uint32_t first_unit; /* rank of its first unit among the units of the request */
	uint32_t launched;   /* units that it was launched for */
	uint32_t units;      /* places that these units still have in the rooms */
	struct erc__pass pass;
	uint64_t launched_ns;
};

struct cuda_request {
	struct cuda_device *device;
	struct erc_request *owner;
	const struct erca_entry *entry; /* of the owner's form that it belongs to */
	struct cuda_request *next;      /* running or dead */

	/* Device memory, in one block: room word, progress, dims, inputs, outputs, activations. Pinned memory, in one
	 * block: room word, what two flights saw, inputs, outputs. */
	cu_address memory, progress, dims, arena;
	uint8_t *pinned;
	size_t seen_bytes;     /* bytes of progress and dims */
	uint32_t tensor_count; /* inputs, then outputs */
	cu_address *tensors;
	uint8_t **staging;
	size_t *tensor_bytes;
	uint8_t *is_uploaded; /* before a run: inputs, and outputs that are read before they are written */

	struct cuda_step *steps; /* [budget * step_count + step] */
	uint32_t step_count;
	const struct cuda_step **taken; /* for each step, the variant in which it began; NULL: it has not begun */
	uint32_t *tiles;                /* number of tiles of each step that has begun */
	uint32_t *done;                 /* completed tiles of these, as far as seen */
	uint32_t *claimed;              /* claimed tiles of these, as far as seen; may exceed the number of tiles */
	int has_slots;                  /* some number of tiles is known only during the run */
	struct erc__cuda_phase *phases; /* NULL: it writes nothing to the board */
	uint32_t phase_count;           /* otherwise at least 2 */
	cu_event ready;      /* recorded when the uploads and copies before the last flight's launches are complete */
	cu_graph_exec graph; /* plain form of a run, in the variants of graph_budget; NULL: plain launches */
	uint32_t graph_budget;

	/* The run. A second flight joins the first, or replaces it when it was stopped and has not ended. */
	struct cuda_flight flights[2];
	int has_begun; /* the inputs are being copied */
	int is_plain;
	int has_outputs;      /* the outputs are in pinned memory */
	int is_waiting;       /* all tiles of the present launch are claimed, so more units would find none */
	uint32_t slot;        /* real-time: number of its slot plus 1; 0: none */
	uint32_t sent_ticket; /* the ticket that the device has */
	int is_withdrawn;     /* its slot holds 0 units, because it has none */
	int is_held;          /* best-effort: a flight did nothing beside real-time runs; the run waits for look_ns, */
	int is_probing;       /* and its next flight has one launch only */
	int is_refill_due;    /* best-effort: blocks may have left for which there is room again; */
	int is_draining;      /* so its flights were stopped, and the next one begins when they have ended */
	uint32_t position;    /* all steps before it are complete */
	uint32_t epoch;       /* of the last flight; only grows */
	uint32_t stop_epoch;
	enum erc_status failure; /* the result of the run after its flights have ended */
};

/* ---- cuda.c ---- */

/* ERC_OK for 0. A lasting error makes the device lost. */
enum erc_status erc__cuda_check(struct cuda_device *device, cu_result result, const char *call);
#define CU(device, name, ...) erc__cuda_check((device), (device)->driver.name(__VA_ARGS__), #name)
/* Makes the device lost: from now on every call fails with this text. */
void erc__cuda_lose(struct cuda_device *device, const char *text);
/* ERC_DEVICE if the device is lost. */
enum erc_status erc__cuda_is_alive(const struct cuda_device *device);
/* Wakes the device's thread. */
void erc__cuda_wake(struct cuda_device *device);
/* Makes the device's context current on the calling thread; erc__cuda_leave restores the context before. */
enum erc_status erc__cuda_enter(struct cuda_device *device);
void erc__cuda_leave(struct cuda_device *device);

/* ---- cuda_flight.c, all under the lock and in the context ---- */

/* Begins the run of a queued job. */
void erc__cuda_begin(struct cuda_request *request);
/* Call it after any change: tells blocks their rooms, and gives out free places. */
void erc__cuda_pump(struct cuda_device *device);
/* The next erc__cuda_pump finishes the run if it has not begun. */
void erc__cuda_cancel(struct cuda_request *request);
/* Gives back the flight's places. */
void erc__cuda_leave_all(struct cuda_flight *flight, uint64_t now_ns);

static inline int erc__cuda_is_flying(const struct cuda_request *request)
{
	return request->flights[0].is_used || request->flights[1].is_used;
}

/* Whether the run gets no further flight. */
static inline int erc__cuda_is_ending(const struct cuda_request *request)
{
	return request->failure || atomic_load_explicit(&request->owner->job.cancelled, memory_order_relaxed);
}

/* Tiles of a step that are not completed, as far as seen. */
static inline uint32_t erc__cuda_tiles_left(const struct cuda_request *request, uint32_t step)
{
	return request->tiles[step] - request->done[step];
}

/* Makes the run fail; the first reason counts. */
void erc__cuda_fail(struct cuda_request *request, enum erc_status status);
/* One more than the last rank that has a place: the limit in the room word, and the rank of the next unit. */
uint32_t erc__cuda_limit(const struct cuda_request *request);

/* ---- cuda_board.c, under the lock and in the context except for the first three ---- */

/* Creates the board, if the device can have one and the policy looks ahead. */
enum erc_status erc__cuda_board_create(struct cuda_device *device);
/* Finds what a real-time request writes to the board. */
enum erc_status erc__cuda_find_phases(struct cuda_request *request);
/* Fills the fields of a prepared launch that concern the board. */
void erc__cuda_fill_board(const struct cuda_request *request, uint32_t number, struct erc_cuda_launch *launch);
/* Gives slots to runs that have something to write, and sets the limits again without these runs. */
void erc__cuda_take_slots(struct cuda_device *device, uint64_t now_ns);
/* Called before a flight of a run that has a slot. */
void erc__cuda_tell_start(struct cuda_request *request);
/* The run has lost all its units. */
void erc__cuda_withdraw(struct cuda_request *request);
/* The run is over and gives its slot back. */
void erc__cuda_give_slot(struct cuda_request *request);
/* Writes what the host knows of units, before best-effort limits grow. */
enum erc_status erc__cuda_write_board(struct cuda_device *device);
/* The ticket for the run's launches: see struct erc_cuda_launch. */
uint32_t erc__cuda_ticket(const struct cuda_request *request);
/* Whether any run has a slot. */
int erc__cuda_is_board_used(const struct cuda_device *device);
/* A best-effort flight has ended. */
void erc__cuda_note_progress(struct cuda_request *request, int is_stopped, int has_progress);
/* Does what is due at look_ns, if that time has come, and sets the next time. */
void erc__cuda_look(struct cuda_device *device, uint64_t now_ns);
void erc__cuda_plan_look(struct cuda_device *device, uint64_t now_ns);

/* ---- cuda_end.c, the same ---- */

/* Counts the flights that have ended, and finishes runs that are over. */
void erc__cuda_reap(struct cuda_device *device);
/* Finishes runs that are over. Returns 1 if there was one, so that rooms may have changed. */
int erc__cuda_settle_all(struct cuda_device *device, uint64_t now_ns);
/* The device is lost: nothing in flight will report its end. */
void erc__cuda_fail_all(struct cuda_device *device, uint64_t now_ns);

/* ---- cuda_enqueue.c ---- */

/* Writes a word at an offset of the board, in the order of the room words. */
enum erc_status erc__cuda_put_word(struct cuda_device *device, size_t offset, uint32_t word);
/* Makes the request's {stop epoch, limit} visible to its blocks. */
enum erc_status erc__cuda_write_room(struct cuda_request *request, uint32_t limit);
enum erc_status erc__cuda_enqueue_elastic(struct cuda_flight *flight, int is_join);
/* Enqueues the whole flight in the plain form, as the graph if that is possible. */
enum erc_status erc__cuda_enqueue_plain(struct cuda_flight *flight, uint32_t budget);
/* Enqueues the host function that ends a flight. */
enum erc_status erc__cuda_enqueue_end(struct cuda_flight *flight);
/* Makes the graph of the request's plain form. It is no error if there can be none. */
enum erc_status erc__cuda_make_graph(struct cuda_request *request, uint32_t budget);

/* ---- cuda_request.c ---- */

enum erc_status erc__cuda_request_create(struct erc__device *device, struct erc_request *owner);
void erc__cuda_request_destroy(struct erc__device *device, struct erc_request *owner);
/* Frees what is left of the request; the driver may be lost. */
void erc__cuda_request_free(struct cuda_request *request);
/* Copies the inputs to memory that the device can read at any time. */
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
