/* The parts of the CPU device: cpu.c (the device), cpu_unit.c (its units), cpu_serve.c (a unit's work on one job),
 * cpu_apart.c (the units' second threads, which leave the cores to others), cpu_image.c (targets and code).
 *
 * While a runtime has real-time sessions, and where the policy preempts, every unit is two threads: one serves real-time
 * work, the other, "apart", best-effort work. The system runs the second one when nothing else wants its core
 * (SCHED_IDLE), so it may be stopped anywhere, for long. Hence it takes no lock and no memory: see post.h. */
#ifndef ERC_CPU_H
#define ERC_CPU_H

#include <pthread.h>
#include <sched.h>

#include "runtime/devices/devices.h"
#include "runtime/devices/post.h"

#define CPU_MAX_UNITS 1024

/* A thread that computes tiles. */
struct cpu_unit {
	_Alignas(64) struct cpu_device *device;
	pthread_t thread;
	uint32_t number;         /* in traces: threads apart come behind the units */
	void *local;             /* its local memory */
	void *local_next;        /* larger one, which it takes before it has its next job; under the lock */
	struct cpu_apart *apart; /* this is the second thread of its unit; NULL: the first */
};

/* A thread's service of one job: what it looks at between tiles. */
struct cpu_service {
	struct cpu_unit *unit;
	struct erc__job *job;
	const _Atomic uint32_t *gate;   /* not 0: leave at the next tile boundary */
	const _Atomic uint32_t *queued; /* jobs that such a thread may serve */
	struct erc__pass pass;
	uint64_t began_ns;
	uint32_t run;  /* of the job, which the thread has entered */
	uint32_t seen; /* of news, when the job was the best one */
	int may_rest;  /* nothing else was to be had at `seen` */
	int in_room;
	int is_over;         /* apart: the run has come to its end, and is to be finished by who reads the report */
	uint64_t resumed_ns; /* apart: when it began with a run other than the one it entered; 0: it did not */
	uint64_t unit_ns;    /* apart: processor time used */
	uint64_t tile_ns;    /* else: time in tiles */
};

/* Why a thread apart may not take a tile: bits. */
#define CPU_CLOSED_BUSY 1u /* the unit's first thread serves */
#define CPU_CLOSED_OFF 2u  /* there is no real-time session: the first threads serve all */

/* The second thread of a unit. */
struct cpu_apart {
	struct cpu_unit unit;
	_Atomic uint32_t tid;                 /* the system's number; 0: not known yet */
	int is_parked;                        /* under the lock: its report was read, and there was no job for it */
	_Alignas(64) _Atomic uint32_t closed; /* CPU_CLOSED_*; written under the lock */
	_Atomic uint32_t is_helped;           /* it runs on other cores, or before others, until it looks at this */
	_Alignas(64) struct erc__post post;
	struct cpu_service service; /* whose it is: post.h. job NULL: the device closes */
	struct erc__job *job;       /* that it serves; under the lock */
};

struct cpu_device {
	struct erc__device base;
	pthread_cond_t retired; /* a job lost its last member; under the device's lock, as are the next three */
	size_t local_bytes;
	uint32_t rt_sessions;
	int is_closing;
	uint32_t rt_os_priority; /* as in the options */
	erc_log_fn log;
	void *log_user;

	struct cpu_unit *units;
	uint32_t started;    /* threads */
	uint64_t spin_ns;    /* 0 when units share cores: whoever spins would keep the other from working */
	cpu_set_t cores;     /* of all units */
	int has_cores;       /* they are known */
	cpu_set_t own_cores; /* of the process */

	/* ---- threads apart: started with the first real-time session, then kept ---- */
	pthread_mutex_t starting; /* before the device's lock; guards the next six, which then stand still */
	struct cpu_apart *aparts; /* one per unit; published under the device's lock */
	pthread_t clerk;          /* reads their posts */
	uint32_t aparts_started;
	int is_clerk_started;
	int low;                  /* how the threads are told to leave cores to others: cpu_apart.c */
	int nice;                 /* of the others */
	uint32_t apart_count;     /* under the device's lock */
	struct erc__bell bell;    /* the clerk's */
	_Atomic uint32_t apart;   /* there are real-time sessions: the first threads leave best-effort work */
	_Atomic uint32_t waiting; /* threads that are parked and whose gate is open; written under the lock */

	_Alignas(64) _Atomic uint32_t
		queued[2]; /* jobs, for threads that serve: by whom, as an enum erc_class; not apart: all in [1] */
	_Alignas(64) _Atomic uint32_t news; /* counts events that may concern an idle unit; units sleep on it */
	_Atomic uint32_t idle;              /* units that serve no job */
	_Atomic uint32_t sleepers;          /* of these, about to sleep or asleep */
};

static inline int erc__cpu_is_apart(const struct cpu_device *device)
{
	return atomic_load_explicit(&device->apart, memory_order_relaxed) != 0;
}

/* A hint inside a spin loop. */
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

/* One turn of a spin loop; 0 when the time is up. *turns and *end_ns begin at 0. */
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

/* Says what the application may want to know; on its threads only. */
void erc__cpu_log(const struct cpu_device *device, enum erc_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The n-th of all threads that compute: the first ones of the units, then the second ones. */
struct cpu_unit *erc__cpu_unit_at(struct cpu_device *device, uint32_t n);
/* Local memory of so many bytes for `count` of them. Under the lock. */
enum erc_status erc__cpu_reserve(struct cpu_device *device, uint32_t first, uint32_t count, size_t bytes);
/* A thread that blocks all signals, on these cores (NULL: any). */
int erc__cpu_start(pthread_t *thread, void *(*body)(void *argument), void *argument, const char *name,
                   const cpu_set_t *cores);

/* ---- cpu_unit.c ---- */

/* The first thread of a unit: argument is its struct cpu_unit. Returns when the device closes. */
void *erc__cpu_unit_main(void *argument);
/* There is something for up to `count` idle units. Returns what `news` was before. */
uint32_t erc__cpu_notify(struct cpu_device *device, uint32_t count);
/* A thread inherits its creator's floating-point mode, and kernels are promised the default one, with denormals. */
void erc__cpu_float_mode(void);

/* ---- cpu_serve.c ---- */

/* Tiles of the job, launch after launch, until there is no more or something better to do. Without the lock. */
void erc__cpu_serve(struct cpu_service *service);

/* Under the lock: */

/* The best job with a tile and a place that the thread may serve, which it has entered: *service is made ready. 0: there
 * is none. */
int erc__cpu_enter(struct cpu_unit *unit, struct cpu_service *service);
void erc__cpu_leave(struct cpu_service *service, uint64_t unit_ns, uint64_t now_ns);
/* Whether a tile and a place are there just now. */
int erc__cpu_has_work(struct erc__job *job);
/* The job is over; then, without the lock, units are told that rooms have grown. */
void erc__cpu_finish(struct cpu_device *device, struct erc__job *job);
/* After the queue or `apart` has changed. */
void erc__cpu_count_queue(struct cpu_device *device);

/* ---- cpu_apart.c ---- */

/* Threads that were answered and are to be woken when the lock is given back; more are left for the clerk. */
struct cpu_answered {
	struct cpu_apart *apart[8];
	uint32_t count;
};
void erc__apart_wake(const struct cpu_answered *answered);
/* Reads what threads apart have posted, and finds jobs for at most `most` of them; 1: some may be left. Under the lock. */
int erc__apart_answer(struct cpu_device *device, uint32_t most, struct cpu_answered *answered);
/* The same for the second thread of one unit, whose gate opens: the first one has nothing to do. */
void erc__apart_open(struct cpu_unit *unit, struct cpu_answered *answered);
/* The first thread has something to do. Under the lock. */
void erc__apart_close(struct cpu_unit *unit);
/* To be called when a launch was opened by a thread apart. */
void erc__apart_opened(struct cpu_service *service, uint32_t tiles);
/* The job's run is at its end: takes down when threads apart began with it. Under the lock. */
void erc__apart_note_begun(struct cpu_device *device, struct erc__job *job);
/* Those that serve the job are let run on any core, and before others if the system permits, until they have left it. */
void erc__apart_help(struct cpu_device *device, const struct erc__job *job);
/* By the thread itself: takes back what a helper has done. */
void erc__apart_restore(struct cpu_apart *apart);
/* A real-time session comes (1) or goes (-1). */
enum erc_status erc__apart_real_time(struct erc__device *base, int change);
/* No job is queued. Ends all threads apart, and gives back what is theirs. */
void erc__apart_end(struct cpu_device *device);

/* ---- cpu_image.c ---- */

/* "cpu:x86-64-v4": the best target of this machine. */
const char *erc__cpu_best_target(void);
int erc__cpu_can_run(const struct erc__device *device, const struct erca_target *target, const char *name);
enum erc_status erc__cpu_image_load(struct erc__device *device, const void *code, size_t bytes,
                                    struct erc__image **out);
void erc__cpu_image_unload(struct erc__device *device, struct erc__image *image);
enum erc_status erc__cpu_kernel_find(const struct erc__image *image, const struct erca_kernel *kernel,
                                     struct erc__kernel *out);

#endif
