/* The parts of the CPU device: cpu.c (the device), cpu_unit.c (its units and their work),
 * cpu_image.c (targets and code). */
#ifndef ERC_CPU_H
#define ERC_CPU_H

#include <pthread.h>

#include "device.h"

struct cpu_unit {
	_Alignas(64) struct cpu_device *device;
	pthread_t thread;
	uint32_t number;
	void *local;      /* the unit's local memory */
	void *local_next; /* larger one, which the unit takes before it picks again; under the lock */
};

struct cpu_device {
	struct erc__device base;
	pthread_cond_t retired; /* a job lost its last member; under the device's lock, as are the next two */
	size_t local_bytes;
	int is_closing;

	struct cpu_unit *units;
	uint32_t started;       /* threads */
	uint64_t spin_ns;       /* 0 when units share cores: whoever spins would keep the other from working */

	_Alignas(64) _Atomic uint32_t queued; /* sched.count, for units that serve */
	_Alignas(64) _Atomic uint32_t news;   /* counts events that may concern an idle unit; units sleep on it */
	_Atomic uint32_t idle;                /* units that serve no job */
	_Atomic uint32_t sleepers;            /* of these, about to sleep or asleep */
};

/* ---- cpu_unit.c ---- */

/* The thread of a unit: argument is its struct cpu_unit. Returns when the device closes. */
void *erc__cpu_unit_main(void *argument);
/* There is something for up to `count` idle units. Returns what `news` was before. */
uint32_t erc__cpu_notify(struct cpu_device *device, uint32_t count);
/* The job is over. Under the lock; then, without it, units are told that rooms have grown. */
void erc__cpu_finish(struct cpu_device *device, struct erc__job *job);

/* ---- cpu_image.c ---- */

/* "cpu:x86-64-v4": the best target of this machine. */
const char *erc__cpu_best_target(void);
int erc__cpu_can_run(const struct erc__device *device, const struct erca_target *target, const char *name);
enum erc_status erc__cpu_image_load(struct erc__device *device, const void *code, size_t bytes, struct erc__image **out);
void erc__cpu_image_unload(struct erc__device *device, struct erc__image *image);
enum erc_status erc__cpu_kernel_find(const struct erc__image *image, const struct erca_kernel *kernel,
                                     struct erc__kernel *out);

#endif
