/* A stand-in for libcuda.so.1, for tests without a GPU. It has the calls that the runtime makes, host memory as device
 * memory, and threads as the block slots of SMs. It keeps what a GPU promises: order within a stream, events, blocks of
 * the most urgent stream first, no host functions after an error. What a GPU leaves open is left open.
 *
 * stub_cuda.c has the calls, stub_graph.c those of graphs, stub_memory.c memory, stub_queue.c streams and threads, stub_kernel.c blocks. cuInit reads
 * these environment variables:
 * ERC_STUB_UNITS (4)        SMs
 * ERC_STUB_BLOCKS (1)       block slots of an SM; fewer if blocks use much shared memory, as occupancy says
 * ERC_STUB_DEVICES (1)      GPUs
 * ERC_STUB_CAPABILITY (90)  compute capability
 * ERC_STUB_DRIVER (13000)   driver version
 * ERC_STUB_MIB (65536)      memory of the device, in MiB
 * ERC_STUB_FAIL             NAME:N[:CODE]: the N-th call of NAME fails once (out of memory, unless a code is given)
 * ERC_STUB_LOST             N: the N-th kernel to begin faults, and the context with it
 * ERC_STUB_SHAKE            a seed: threads delay at random */
#ifndef STUB_CUDA_H
#define STUB_CUDA_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/cuda.h"
#include "schemas/tile.h"

enum {
	STUB_INVALID_VALUE = 1,
	STUB_OUT_OF_MEMORY = 2,
	STUB_NOT_INITIALIZED = 3,
	STUB_NO_DEVICE = 100,
	STUB_INVALID_DEVICE = 101,
	STUB_INVALID_IMAGE = 200,
	STUB_INVALID_CONTEXT = 201,
	STUB_NOT_FOUND = 500,
	STUB_NOT_READY = 600,
	STUB_ILLEGAL_ADDRESS = 700,
};
#define STUB_MAX_LOCAL 232448

struct function {
	struct module *module;
	int is_elastic;
	int max_dynamic_local; /* as set by the attribute */
};

struct module {
	struct module *next;
	void *handle;
	erc_tile_fn tile;
	uint32_t thread_bytes; /* as in stub_image.h */
	struct function plain, elastic;
};

/* A point in a stream, where an event was recorded. */
struct moment {
	int references;
	int has_passed;
};

struct event {
	struct event *next;
	struct moment *moment; /* where it was last recorded; NULL: never */
};

enum op_kind { OP_COPY, OP_SET, OP_WRITE, OP_WRITE_HALF, OP_KERNEL, OP_HOST, OP_RECORD, OP_WAIT };

struct op {
	struct op *next;
	enum op_kind kind;
	void *to;         /* copy, set, write */
	const void *from; /* copy */
	size_t bytes;
	unsigned char value; /* set */
	uint64_t word;       /* write */
	void (*host)(void *user);
	void *user;
	struct moment *moment; /* record, wait */
	struct function *function;
	struct erc_cuda_launch launch;
	uint32_t grid, threads, begun, ended;
	size_t local_bytes;
};

struct graph {
	struct graph *next;
	struct op *first, **last;
};

struct stream {
	struct stream *next;
	int priority;
	int is_busy; /* its first operation is being done and is not a kernel */
	struct op *first, **last;
	struct graph *capture; /* operations on the stream are added to this graph */
};

/* Guarded by the lock. */
struct stub {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int context_count;
	int units, slots, devices, capability, driver;
	char fail_name[64];
	long fail_at, fail_code;
	long lost_at, kernels; /* number of kernels begun; lost_at: the one that faults */
	int is_lost, is_stopping;
	struct stream *streams;
	struct event *events;
	struct module *modules;
	struct graph *graphs;
	struct block {
		struct block *next;
		size_t bytes;
		int is_pinned;
		uint64_t *data;
	} * blocks;
	pthread_t threads[64];
	int thread_count;
};
extern struct stub stub;
/* For the thread sanitizer: blocks add to it before they count a tile, and it is read after a count was copied. */
extern uint32_t stub_fence;

/* ---- stub_queue.c ---- */
void stub_start(void);
void stub_stop(void);
/* Puts a copy of the operation at the end of the stream, or of the graph that it captures. Call it with the lock
 * held. */
void stub_put(struct stream *stream, const struct op *op);
void stub_drop(struct op *op);
void stub_shake(void);

/* ---- stub_memory.c ---- */
int stub_take(void **out, size_t bytes, int is_pinned);
int stub_give(const void *data, int is_pinned);
int stub_is_inside(const void *data, size_t bytes, int is_pinned);

/* ---- stub_kernel.c ---- */
struct module *stub_module(const void *image);
void stub_block(const struct op *kernel, uint32_t number);

#endif
