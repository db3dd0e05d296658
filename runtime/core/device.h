/* The interface between a device and the rest of the runtime. devices/README.md tells how to add a device. */
#ifndef ERC_DEVICE_H
#define ERC_DEVICE_H

#include <pthread.h>
#include <stddef.h>

#include "schemas/artifact.h"
#include "runtime/base/internal.h"
#include "runtime/core/job.h"
#include "runtime/base/trace.h"

struct erc__device_ops;
struct erc__image; /* a loaded CODE section; each device defines its own */
struct erc_request;

/* The common part of a device; a device's own struct begins with it. */
struct erc__device {
	const struct erc__device_ops *ops;
	uint32_t units;
	const char *target;   /* the best target that it can run */
	uint32_t driver;      /* the driver's version, in the form of erca_target.min_driver; 0: there is no driver */
	pthread_mutex_t lock; /* guards sched to tile_ns, the device's part of each job, and the sessions' statistics */
	struct erc__sched sched;
	struct erc__counts counts;                 /* over all sessions, for ever */
	struct erc__job *ended_first, *ended_last; /* runs whose ends nobody has taken yet, oldest first */
	uint64_t unit_ns[2];                       /* unit time used, by enum erc_class */
	uint64_t tile_ns[2];                       /* time in tiles, by enum erc_class */
	_Atomic uint32_t ended;                    /* number of jobs that have ended; erc_runtime_wait sleeps on it */
	_Atomic uint32_t awaiting;                 /* number of threads that sleep on it */
	struct erc__trace trace;
	_Atomic uint64_t jobs_run; /* finished, with any result */
	_Atomic uint64_t launches_run;
	_Atomic uint64_t tiles_run;
};

struct erc__kernel {
	erc_tile_fn tile; /* called by units that are threads, else NULL */
	void *native;     /* the device's own handle */
};

#define ERC__DEVICE_COMPUTES 1u  /* tiles are computed, not only counted */
#define ERC__DEVICE_ELASTIC 2u   /* units check the room at tile boundaries */
#define ERC__DEVICE_BY_LAUNCH 4u /* tells the scheduler of each launch of a real-time run */
#define ERC__DEVICE_ASKS 8u      /* asks for a best-effort run's limit before each tile */
#define ERC__DEVICE_BRANCHES 32u /* runs branches and loops */
#define ERC__DEVICE_NAMED 16u    /* has a name after a colon: "sim:h100" */

struct erc__device_ops {
	const char *name;
	uint32_t flags; /* ERC__DEVICE_* */

	/* Every option has a value: defaults of erc.h are filled in. name is the part after "x:" in options->device, or
	 * NULL. Starts the units. */
	enum erc_status (*open)(const struct erc_runtime_options *options, struct erc__device **out);
	/* Called when no job is queued and no image is loaded. */
	void (*close)(struct erc__device *device);

	/* Whether this machine can run the target. Of several such targets the runtime takes the one with the highest
	 * erca_target.level. */
	int (*can_run)(const struct erc__device *device, const struct erca_target *target, const char *name);
	/* code: NULL if the target has none. Called before anything else of the model. */
	enum erc_status (*image_load)(struct erc__device *device, const void *code, size_t bytes, struct erc__image **out);
	void (*image_unload)(struct erc__device *device, struct erc__image *image);
	enum erc_status (*kernel_find)(const struct erc__image *image, const struct erca_kernel *kernel,
	                               struct erc__kernel *out);
	/* From now on each unit has at least this much local memory. */
	enum erc_status (*reserve_local)(struct erc__device *device, size_t bytes);

	/* Admits and queues a job, or fails with ERC_SHED or ERC_LIMIT. Allocates nothing. The device then runs the job
	 * to its end and finishes it. */
	enum erc_status (*submit)(struct erc__device *device, struct erc__job *job, uint64_t arrival_ns);
	/* Cancels the job if it runs; does not wait for its end. */
	void (*cancel)(struct erc__device *device, struct erc__job *job);
	/* Waits until no unit uses the job, which has ended or was never submitted. */
	void (*retire)(struct erc__device *device, struct erc__job *job);
	/* A room has grown, so units may find a place. */
	void (*room_changed)(struct erc__device *device);
	/* A real-time session is created (1) or destroyed (-1). If the call fails for 1, the session is not created.
	 * NULL: the device does not need to know. */
	enum erc_status (*real_time_changed)(struct erc__device *device, int change);

	/* Devices with memory of their own; NULL where tiles work in the host's. */
	/* Copies the model's weights to the device before it returns; the image owns them. */
	enum erc_status (*weights_load)(struct erc__device *device, struct erc__image *image, const void *weights,
	                                size_t bytes);
	/* Sets job.native to what the device needs for runs of the request's form. Called once for each form, when the rest of it
	 * is complete. request_destroy must accept what a failed request_create left, and NULL. */
	enum erc_status (*request_create)(struct erc__device *device, struct erc_request *request);
	void (*request_destroy)(struct erc__device *device, struct erc_request *request);
	/* Called after a successful run, on the thread that waited: copies the outputs to the bound memory. */
	void (*collect)(struct erc__device *device, struct erc_request *request);

	/* ERC_DEVICE if the device is lost; NULL: it cannot be. */
	enum erc_status (*check)(const struct erc__device *device);

	/* The device's own clock; NULL: the machine's monotonic clock. */
	uint64_t (*now_ns)(const struct erc__device *device);
	/* Only with a clock of its own: advances it until a job ends, at most to until_ns. Returns 0 if none ended. */
	int (*advance)(struct erc__device *device, uint64_t until_ns);
};

uint64_t erc__device_now_ns(const struct erc__device *device);

/* ---- service.c: what devices do with jobs, under their lock ---- */

/* Initialises all but the device's own part; supply.units becomes the device's units. */
enum erc_status erc__device_init(struct erc__device *device, const struct erc__device_ops *ops,
                                 const struct erc_runtime_options *options, uint32_t units);
void erc__device_destroy(struct erc__device *device);

/* Admits, queues and starts the job, and sets all rooms for it. No launch is open yet. */
enum erc_status erc__device_queue(struct erc__device *device, struct erc__job *job, uint64_t arrival_ns,
                                  uint64_t now_ns);
/* The unit takes its places and begins to serve the job; returns 0 if there is no place. */
int erc__device_enter(struct erc__device *device, struct erc__job *job, uint32_t unit, uint64_t now_ns,
                      struct erc__pass *pass);
/* The same for a unit that stayed inside after the job's last run and continues with the next run. */
void erc__device_began(struct erc__job *job, uint64_t now_ns);
/* Records a launch that was opened; only while the trace is on. */
void erc__device_trace_opened(struct erc__device *device, const struct erc__job *job, const struct erc__opened *opened,
                              uint64_t now_ns);
void erc__device_leave(struct erc__device *device, struct erc__job *job, uint32_t unit, uint64_t unit_ns, int in_room,
                       uint64_t now_ns);
/* Ends the job: removes it from the queue and releases its owner. */
void erc__device_finish(struct erc__device *device, struct erc__job *job, uint64_t now_ns);
/* The two halves of erc__device_finish. A unit's thread calls the second one without the lock: the owner that it
 * wakes will submit again, and would wait for the lock. */
void erc__device_end(struct erc__device *device, struct erc__job *job, uint64_t now_ns);
void erc__device_tell(struct erc__device *device);
/* Takes the oldest end from the list; NULL if there is none. Takes the lock itself, like the next one. */
struct erc__job *erc__device_take_end(struct erc__device *device);
/* The job's end is not reported any more. */
void erc__device_forget_end(struct erc__device *device, struct erc__job *job);
/* A run that was counted as completed has failed after all. */
void erc__device_uncount(struct erc__device *device, struct erc__job *job);

static inline struct erc__job *erc__job_of(struct erc__item *item)
{
	return (struct erc__job *)((char *)item - offsetof(struct erc__job, item));
}

/* NULL if there is no device of that name. */
const struct erc__device_ops *erc__device_find(const char *name);

#endif
