/* The parts of the CPU device: cpu.c (the device), cpu_unit.c (its units), cpu_serve.c (a unit's work on one job),
 * cpu_apart.c (the units' second threads, which leave the cores to others), cpu_image.c (targets and code).
 *
 * While a runtime has real-time sessions, and the policy preempts, every unit has two threads: the first serves
 * real-time work, and the second one, "apart", best-effort work. The system runs the second one only when nothing
 * else wants its core (SCHED_IDLE), so it may be stopped anywhere and for long. Therefore it takes no lock and
 * allocates no memory: see post.h. */
#ifndef ERC_CPU_H
#define ERC_CPU_H

#include <pthread.h>
#include <sched.h>

#include "runtime/devices/devices.h"
#include "runtime/devices/post.h"

#define CPU_MAX_UNITS 1024

/* A thread that computes tiles: the first or the second thread of a unit. */
struct cpu_unit {
	_Alignas(64) struct cpu_device *device;
	pthread_t thread;
	uint32_t number;         /* in traces; threads apart have the numbers after the units */
	void *local;             /* its local memory */
	void *local_next;        /* larger local memory, which it takes before its next job; guarded by the lock */
	struct cpu_apart *apart; /* set if this is the second thread of its unit; NULL: the first */
};

/* A thread's service of one job: what it reads between tiles. */
struct cpu_service {
	struct cpu_unit *unit;
	struct erc__job *job;
	const _Atomic uint32_t *gate;   /* not 0: leave at the next tile boundary */
	const _Atomic uint32_t *queued; /* number of jobs that such a thread may serve */
	struct erc__pass pass;
	uint64_t began_ns;
	uint32_t run;  /* the job's run that the thread has entered */
	uint32_t seen; /* value of news when the job was picked */
	int may_rest;  /* there was no other work when news had the value `seen` */
	int in_room;
	int is_over;         /* apart: the run has ended, and whoever reads the report finishes it */
	uint64_t resumed_ns; /* apart: when it began a later run than the one it entered; 0: it did not */
	uint64_t unit_ns;    /* apart: processor time used */
	uint64_t tile_ns;    /* first threads: time in tiles */
};

/* Why a thread apart may not take a tile; bits. */
#define CPU_CLOSED_BUSY 1u /* the unit's first thread serves */
#define CPU_CLOSED_OFF 2u  /* there is no real-time session, so the first threads serve all work */

/* The second thread of a unit. */
struct cpu_apart {
	struct cpu_unit unit;
	_Atomic uint32_t tid;                 /* the system's thread number; 0: not known yet */
	int is_parked;                        /* guarded by the lock: its report was read, and there was no job for it */
	_Alignas(64) _Atomic uint32_t closed; /* CPU_CLOSED_*; written under the lock */
	_Atomic uint32_t is_helped;           /* it may run on other cores, or at ordinary priority, until it reads this */
	_Alignas(64) struct erc__post post;
	struct cpu_service service; /* the thread or the lock holder owns it: post.h. job NULL: the device closes */
	struct erc__job *job;       /* the job that it serves; guarded by the lock */
};

struct cpu_device {
	struct erc__device base;
	pthread_cond_t retired; /* a job lost its last member; under the device's lock, as the next three fields */
	size_t local_bytes;
	uint32_t rt_sessions;
	int is_closing;
	uint32_t rt_os_priority; /* see erc_runtime_options */
	erc_log_fn log;
	void *log_user;

	struct cpu_unit *units;
	uint32_t started;    /* number of threads started */
	uint64_t spin_ns;    /* 0 if units share cores: a unit that spins would keep another one from working */
	cpu_set_t cores;     /* of all units */
	int has_cores;       /* cores is known */
	cpu_set_t own_cores; /* cores of the process */
	int fills_cores;     /* units that spin may hold all of these */

	/* ---- threads apart: started with the first real-time session, then kept ---- */
	/* taken before the device's lock; guards the next six fields */
	pthread_mutex_t starting;
	struct cpu_apart *aparts; /* one per unit; published under the device's lock */
	pthread_t clerk;          /* the thread that reads their posts */
	uint32_t aparts_started;
	int is_clerk_started;
	int low;                  /* how the threads yield their cores to others: cpu_apart.c */
	int nice;                 /* nice value of the first threads */
	uint32_t apart_count;     /* under the device's lock */
	struct erc__bell bell;    /* the clerk's */
	_Atomic uint32_t apart;   /* there are real-time sessions, so the first threads leave best-effort work */
	_Atomic uint32_t waiting; /* parked threads whose gate is open; written under the lock */

	_Alignas(64) _Atomic uint32_t
		queued[2]; /* jobs for serving threads, by class (enum erc_class); without threads apart all are in [1] */
	_Alignas(64) _Atomic uint32_t news; /* counts events that may concern an idle unit; idle units sleep on it */
	_Atomic uint32_t idle;              /* units that serve no job */
	_Atomic uint32_t sleepers;          /* those of them that sleep, or are about to */
};

static inline int erc__cpu_is_apart(const struct cpu_device *device)
{
	return atomic_load_explicit(&device->apart, memory_order_relaxed) != 0;
}

/* A hint for the core inside a spin loop. */
#if defined(__x86_64__)
static inline void erc__cpu_relax(void)
{
	__builtin_ia32_pause();
}
#elif defined(__aarch64__)
static inline void erc__cpu_relax(void)
{
	__asm__ volatile("yield");
}
#else
static inline void erc__cpu_relax(void)
{
}
#endif

/* One iteration of a spin loop; returns 0 when the time is over. *turns and *end_ns begin as 0. */
static inline int erc__cpu_spin(const struct cpu_device *device, uint32_t *turns, uint64_t *end_ns)
{
	if (!device->spin_ns)
		return 0;
	erc__cpu_relax();
	if (++*turns % 32)
		return 1;
	uint64_t now_ns = erc__now_ns();
	if (!*end_ns)
		*end_ns = now_ns + device->spin_ns;
	return now_ns < *end_ns;
}

/* ---- cpu.c ---- */

/* Logs a message. Called on the application's threads only. */
void erc__cpu_log(const struct cpu_device *device, enum erc_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The n-th of all threads that compute: the units' first threads, then their second ones. */
struct cpu_unit *erc__cpu_unit_at(struct cpu_device *device, uint32_t n);
/* Gives `count` of them local memory of the given size. Call it with the lock held. */
enum erc_status erc__cpu_reserve(struct cpu_device *device, uint32_t first, uint32_t count, size_t bytes);
/* Starts a thread that blocks all signals, on the given cores (NULL: any core). */
int erc__cpu_start(pthread_t *thread, void *(*body)(void *argument), void *argument, const char *name,
                   const cpu_set_t *cores);

/* ---- cpu_unit.c ---- */

/* The first thread of a unit; argument is its struct cpu_unit. Returns when the device closes. */
void *erc__cpu_unit_main(void *argument);
/* Tells up to `count` idle units that there may be work. Returns the earlier value of `news`. */
uint32_t erc__cpu_notify(struct cpu_device *device, uint32_t count);
/* Sets the default floating-point mode, with denormals, which kernels rely on. A new thread has the mode of its
 * creator. */
void erc__cpu_float_mode(void);

/* ---- cpu_serve.c ---- */

/* Runs tiles of the job, launch after launch, until there are none left or there is more urgent work. Called without
 * the lock. */
void erc__cpu_serve(struct cpu_service *service);

/* Call these with the lock held: */

/* Finds the best job that the thread may serve and that has a tile and a place, enters it and fills *service.
 * Returns 0 if there is none. */
int erc__cpu_enter(struct cpu_unit *unit, struct cpu_service *service);
void erc__cpu_leave(struct cpu_service *service, uint64_t unit_ns, uint64_t now_ns);
/* Whether the job has a tile and a place now. */
int erc__cpu_has_work(struct erc__job *job);
/* Ends the job. After the lock is released, units are told that rooms have grown. */
void erc__cpu_finish(struct cpu_device *device, struct erc__job *job);
/* Call it after the queue or `apart` has changed. */
void erc__cpu_count_queue(struct cpu_device *device);

/* ---- cpu_apart.c ---- */

/* Threads that were answered, to be woken after the lock is released. The clerk wakes further ones. */
struct cpu_answered {
	struct cpu_apart *apart[8];
	uint32_t count;
};
void erc__apart_wake(const struct cpu_answered *answered);
/* Reads what threads apart have posted, and finds jobs for at most `max` of them. Returns 1 if there may be more
 * posts. Call it with the lock held. */
int erc__apart_answer(struct cpu_device *device, uint32_t max, struct cpu_answered *answered);
/* The same for the second thread of one unit whose gate opens, because the first thread has nothing to do. */
void erc__apart_open(struct cpu_unit *unit, struct cpu_answered *answered);
/* The first thread has work. Call it with the lock held. */
void erc__apart_close(struct cpu_unit *unit);
/* Call it after a thread apart has opened a launch. */
void erc__apart_opened(struct cpu_service *service, uint32_t tiles);
/* Records when threads apart began the job's run, which ends now. Call it with the lock held. */
void erc__apart_note_begun(struct cpu_device *device, struct erc__job *job);
/* Lets the threads apart that serve the job run on any core, and at ordinary priority if the system permits it,
 * until they have left the job. */
void erc__apart_help(struct cpu_device *device, const struct erc__job *job);
/* Called by the thread itself: undoes erc__apart_help. */
void erc__apart_restore(struct cpu_apart *apart);
/* A real-time session is created (1) or destroyed (-1). */
enum erc_status erc__apart_real_time(struct erc__device *base, int change);
/* Ends all threads apart and frees their memory. No job may be queued. */
void erc__apart_end(struct cpu_device *device);

/* ---- cpu_image.c ---- */

/* The best target of this machine, such as "cpu:x86-64-v4". */
const char *erc__cpu_best_target(void);
int erc__cpu_can_run(const struct erc__device *device, const struct erca_target *target, const char *name);
enum erc_status erc__cpu_image_load(struct erc__device *device, const void *code, size_t bytes,
                                    struct erc__image **out);
void erc__cpu_image_unload(struct erc__device *device, struct erc__image *image);
enum erc_status erc__cpu_kernel_find(const struct erc__image *image, const struct erca_kernel *kernel,
                                     struct erc__kernel *out);

#endif
