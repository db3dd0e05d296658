/* What a device is to the rest of the runtime. README.md tells how to add one. */
#ifndef ERC_DEVICE_H
#define ERC_DEVICE_H

#include "../../schemas/artifact.h"
#include "../internal.h"
#include "../job.h"

struct erc__device_ops;
struct erc__image; /* a CODE section made executable; each device has its own */

/* What every device has; a device's own struct begins with it. */
struct erc__device {
	const struct erc__device_ops *ops;
	uint32_t units;
	const char *target;           /* the best target that it executes */
	_Atomic uint64_t jobs_run;    /* finished, whatever their result */
	_Atomic uint64_t launches_run;
	_Atomic uint64_t tiles_run;
};

struct erc__kernel {
	erc_tile_fn tile; /* called by units that are threads; else NULL */
	void *native;     /* the device's own handle */
};

#define ERC__DEVICE_COMPUTES 1u /* tiles are computed; else launches are only counted */
#define ERC__DEVICE_ELASTIC 2u  /* units check the room at tile boundaries */

struct erc__device_ops {
	const char *name;
	uint32_t flags; /* ERC__DEVICE_* */

	/* options are complete (see erc.h). Starts the units. */
	enum erc_status (*open)(const struct erc_runtime_options *options, struct erc__device **out);
	/* No job is queued, no image loaded. */
	void (*close)(struct erc__device *device);

	/* Whether this machine can run the target; of those that it can, the highest erca_target.level is taken. */
	int (*can_run)(const struct erc__device *device, const struct erca_target *target, const char *name);
	/* code: NULL when the target has none. Called before anything of the model runs. */
	enum erc_status (*image_load)(struct erc__device *device, const void *code, size_t bytes, struct erc__image **out);
	void (*image_unload)(struct erc__device *device, struct erc__image *image);
	/* symbol: NULL when the artifact gives none. */
	enum erc_status (*kernel_find)(const struct erc__image *image, const struct erca_kernel *kernel, const char *symbol,
	                               struct erc__kernel *out);
	/* Each unit has at least this much local memory from now on. */
	enum erc_status (*reserve_local)(struct erc__device *device, size_t bytes);

	/* Queues a started job; never fails, allocates nothing. The device advances it to its end and finishes it. */
	void (*submit)(struct erc__device *device, struct erc__job *job);
	/* Cancels it if it runs; returns at once. */
	void (*cancel)(struct erc__device *device, struct erc__job *job);
	/* Returns when no unit looks at the job any more, which is done or was never submitted. */
	void (*retire)(struct erc__device *device, struct erc__job *job);
	/* A tenant's room has grown: units may find a place. */
	void (*room_changed)(struct erc__device *device);
};

/* The rows of devices.def. */
#define X(name) extern const struct erc__device_ops name##_device;
#include "devices.def"
#undef X
/* NULL when there is none of that name. */
const struct erc__device_ops *erc__device_find(const char *name);

#endif
