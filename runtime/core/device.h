/* What a device is to the rest of the runtime. README.md tells how to add one. */
#ifndef ERC_DEVICE_H
#define ERC_DEVICE_H

#include <pthread.h>
#include <stddef.h>

#include "schemas/artifact.h"
#include "runtime/base/internal.h"
#include "runtime/core/job.h"
#include "runtime/base/trace.h"

struct erc__device_ops;
struct erc__image; /* a CODE section made executable; each device has its own */
struct erc_request;

/* What every device has; a device's own struct begins with it. */
struct erc__device {
	const struct erc__device_ops *ops;
	uint32_t units;
	const char *target;   /* the best target that it executes */
	uint32_t driver;      /* its version, as erca_target.min_driver; 0: it has none */
	pthread_mutex_t lock; /* guards sched, unit_ns, each job's part for the device, sessions' statistics */
	struct erc__sched sched;
	uint64_t unit_ns[2];       /* unit time used, by enum erc_class */
	uint64_t tile_ns[2];       /* time in tiles, likewise */
	_Atomic uint32_t ended;    /* counts jobs; erc_runtime_wait sleeps on it */
	_Atomic uint32_t awaiting; /* threads that sleep on it */
	struct erc__trace trace;
	_Atomic uint64_t jobs_run; /* finished, whatever their result */
	_Atomic uint64_t launches_run;
	_Atomic uint64_t tiles_run;
};

struct erc__kernel {
	erc_tile_fn tile; /* called by units that are threads; else NULL */
	void *native;     /* the device's own handle */
};

#define ERC__DEVICE_COMPUTES 1u  /* tiles are computed; else launches are only counted */
#define ERC__DEVICE_ELASTIC 2u   /* units check the room at tile boundaries */
#define ERC__DEVICE_BY_LAUNCH 4u /* tells the scheduler of each launch of a real-time run */
#define ERC__DEVICE_ASKS 8u      /* asks for a best-effort run's limit before each tile */

struct erc__device_ops {
	const char *name;
	uint32_t flags; /* ERC__DEVICE_* */

	/* options are complete (see erc.h), name is what follows "x:" in options->device, or NULL. Starts the units. */
	enum erc_status (*open)(const struct erc_runtime_options *options, struct erc__device **out);
	/* No job is queued, no image loaded. */
	void (*close)(struct erc__device *device);

	/* Whether this machine can run the target; of those that it can, the highest erca_target.level is taken. */
	int (*can_run)(const struct erc__device *device, const struct erca_target *target, const char *name);
	/* code: NULL when the target has none. Called before anything of the model runs. */
	enum erc_status (*image_load)(struct erc__device *device, const void *code, size_t bytes, struct erc__image **out);
	void (*image_unload)(struct erc__device *device, struct erc__image *image);
	enum erc_status (*kernel_find)(const struct erc__image *image, const struct erca_kernel *kernel,
	                               struct erc__kernel *out);
	/* Each unit has at least this much local memory from now on. */
	enum erc_status (*reserve_local)(struct erc__device *device, size_t bytes);

	/* Admits and queues a job, or fails with ERC_SHED or ERC_LIMIT; allocates nothing. The device advances it to its
	 * end and finishes it. */
	enum erc_status (*submit)(struct erc__device *device, struct erc__job *job, uint64_t arrival_ns);
	/* Cancels it if it runs; returns at once. */
	void (*cancel)(struct erc__device *device, struct erc__job *job);
	/* Returns when no unit looks at the job any more, which is done or was never submitted. */
	void (*retire)(struct erc__device *device, struct erc__job *job);
	/* A room has grown: units may find a place. */
	void (*room_changed)(struct erc__device *device);
	/* A real-time session comes (1; a failure makes none of it) or goes (-1). NULL: it makes no difference. */
	enum erc_status (*real_time_changed)(struct erc__device *device, int change);

	/* Devices with memory of their own; NULL where tiles work in the host's. */
	/* The model's weights, kept in the image; they are there when it returns. */
	enum erc_status (*weights_load)(struct erc__device *device, struct erc__image *image, const void *weights,
	                                size_t bytes);
	/* What runs of the request need on the device becomes job.native; all else of the request is ready. The destroyer takes
	 * what a failed one has left, and NULL. */
	enum erc_status (*request_create)(struct erc__device *device, struct erc_request *request);
	void (*request_destroy)(struct erc__device *device, struct erc_request *request);
	/* After a good run, on the thread that waited: outputs to where they are bound. */
	void (*collect)(struct erc__device *device, struct erc_request *request);

	/* The device's own time; NULL: it lives in the machine's monotonic time. */
	uint64_t (*now_ns)(const struct erc__device *device);
	/* With a time of its own: advances it until a job ends, at most to until_ns. 0: none ended. */
	int (*advance)(struct erc__device *device, uint64_t until_ns);
};

uint64_t erc__device_now_ns(const struct erc__device *device);

/* ---- service.c: what devices do with jobs, under their lock ---- */

/* All but the device's own part; supply.units becomes the device's. */
enum erc_status erc__device_init(struct erc__device *device, const struct erc__device_ops *ops,
                                 const struct erc_runtime_options *options, uint32_t units);
void erc__device_destroy(struct erc__device *device);

/* Admits and queues the job and starts it, with all rooms set for it; no launch is open yet. */
enum erc_status erc__device_queue(struct erc__device *device, struct erc__job *job, uint64_t arrival_ns,
                                  uint64_t now_ns);
/* A unit takes its places and begins to serve; 0 when there is none. */
int erc__device_enter(struct erc__device *device, struct erc__job *job, uint32_t unit, uint64_t now_ns,
                      struct erc__pass *pass);
/* The same for a unit that is inside from the job's last run and goes on with the next. */
void erc__device_began(struct erc__job *job, uint64_t now_ns);
void erc__device_leave(struct erc__device *device, struct erc__job *job, uint32_t unit, uint64_t unit_ns, int in_room,
                       uint64_t now_ns);
/* The job is over: takes it out of the queue and lets its owner go. */
void erc__device_finish(struct erc__device *device, struct erc__job *job, uint64_t now_ns);
/* The two halves of it. A unit's thread tells without the lock: who is woken will submit, and would wait for it. */
void erc__device_end(struct erc__device *device, struct erc__job *job, uint64_t now_ns);
void erc__device_tell(struct erc__device *device);

static inline struct erc__job *erc__job_of(struct erc__item *item)
{
	return (struct erc__job *)((char *)item - offsetof(struct erc__job, item));
}

/* NULL when there is none of that name. */
const struct erc__device_ops *erc__device_find(const char *name);

#endif
