/* Streams and threads of the stand-in for CUDA: one thread for each SM, which runs one block at a time, and two
 * threads for everything else. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/devices/stub_cuda.h"

struct stub stub = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

uint32_t stub_fence;
static uint32_t shake_state;

void stub_shake(void)
{
	uint32_t seed = __atomic_load_n(&shake_state, __ATOMIC_RELAXED);
	if (!seed)
		return;
	seed = seed * 1664525u + 1013904223u;
	__atomic_store_n(&shake_state, seed | 1, __ATOMIC_RELAXED);
	if (seed >> 28 < 3)
		usleep(seed >> 20 & 127);
}

/* ---- operations ---- */

static void let_go(struct moment *moment)
{
	if (moment && !--moment->references)
		free(moment);
}

void stub_drop(struct op *op)
{
	let_go(op->moment);
	free(op);
}

void stub_put(struct stream *stream, const struct op *op)
{
	struct op *copy = malloc(sizeof *copy);
	if (!copy)
		abort();
	*copy = *op;
	copy->next = NULL;
	if (copy->moment)
		copy->moment->references++;
	struct op ***last = stream->capture ? &stream->capture->last : &stream->last;
	**last = copy;
	*last = &copy->next;
	pthread_cond_broadcast(&stub.changed);
}

/* The first operation of the stream is complete. */
static void pop(struct stream *stream)
{
	struct op *op = stream->first;
	stream->first = op->next;
	if (!stream->first)
		stream->last = &stream->first;
	stub_drop(op);
	pthread_cond_broadcast(&stub.changed);
}

/* A fault: what is queued is never done, and no host function is called. Blocks that run come to their end. */
static void lose(void)
{
	stub.is_lost = 1;
	pthread_cond_broadcast(&stub.changed);
}

/* ---- copies and the like ---- */

/* As on a GPU, a copy may read what blocks of another stream are writing. The reader must know what is complete. */
__attribute__((no_sanitize("thread"), noinline)) static void copy_bytes(void *to, const void *from, size_t bytes)
{
	size_t at = 0;
	if (!(((uintptr_t)to | (uintptr_t)from) % 8))
		for (; at + 8 <= bytes; at += 8)
			__atomic_store_n((uint64_t *)((char *)to + at),
			                 __atomic_load_n((const uint64_t *)((const char *)from + at), __ATOMIC_RELAXED),
			                 __ATOMIC_RELAXED);
	for (; at < bytes; at++)
		((volatile char *)to)[at] = ((const volatile char *)from)[at];
}

static int is_ready(const struct op *op)
{
	return op->kind != OP_KERNEL && (op->kind != OP_WAIT || !op->moment || op->moment->has_passed);
}

static struct stream *find_other(void)
{
	for (struct stream *stream = stub.streams; stream; stream = stream->next)
		if (stream->first && !stream->is_busy && is_ready(stream->first))
			return stream;
	return NULL;
}

static void do_other(struct stream *stream)
{
	struct op *op = stream->first;
	stream->is_busy = 1;
	pthread_mutex_unlock(&stub.lock);
	stub_shake();
	if (op->kind == OP_COPY)
		copy_bytes(op->to, op->from, op->bytes);
	if (op->kind == OP_COPY)
		(void)__atomic_load_n(&stub_fence, __ATOMIC_ACQUIRE);
	else if (op->kind == OP_SET)
		memset(op->to, op->value, op->bytes);
	else if (op->kind == OP_WRITE)
		__atomic_store_n((uint64_t *)op->to, op->word, __ATOMIC_RELEASE);
	else if (op->kind == OP_WRITE_HALF)
		__atomic_store_n((uint32_t *)op->to, (uint32_t)op->word, __ATOMIC_RELEASE);
	else if (op->kind == OP_HOST)
		op->host(op->user);
	pthread_mutex_lock(&stub.lock);
	if (op->kind == OP_RECORD)
		op->moment->has_passed = 1;
	stream->is_busy = 0;
	pop(stream);
}

static void *other_main(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&stub.lock);
	while (!stub.is_stopping) {
		struct stream *stream = stub.is_lost ? NULL : find_other();
		if (stream)
			do_other(stream);
		else
			pthread_cond_wait(&stub.changed, &stub.lock);
	}
	pthread_mutex_unlock(&stub.lock);
	return NULL;
}

/* ---- blocks ---- */

static struct stream *find_block(void)
{
	struct stream *best = NULL;
	for (struct stream *stream = stub.streams; stream; stream = stream->next)
		if (stream->first && stream->first->kind == OP_KERNEL && stream->first->begun < stream->first->grid &&
		    (!best || stream->priority < best->priority))
			best = stream;
	return best;
}

static void do_block(struct stream *stream)
{
	struct op *kernel = stream->first;
	if (!kernel->begun && stub.kernels++ == stub.lost_at && stub.lost_at >= 0) {
		lose();
		return;
	}
	uint32_t number = kernel->begun++;
	pthread_mutex_unlock(&stub.lock);
	stub_shake();
	stub_block(kernel, number);
	pthread_mutex_lock(&stub.lock);
	if (++kernel->ended == kernel->grid)
		pop(stream);
}

static void *slot_main(void *unused)
{
	(void)unused;
#if defined(__x86_64__)
	__builtin_ia32_ldmxcsr(0x1f80); /* a GPU does not inherit the host's floating-point mode */
#endif
	pthread_mutex_lock(&stub.lock);
	while (!stub.is_stopping) {
		struct stream *stream = stub.is_lost ? NULL : find_block();
		if (stream)
			do_block(stream);
		else
			pthread_cond_wait(&stub.changed, &stub.lock);
	}
	pthread_mutex_unlock(&stub.lock);
	return NULL;
}

/* ---- start and stop ---- */

void stub_start(void)
{
	const char *seed = getenv("ERC_STUB_SHAKE");
	__atomic_store_n(&shake_state, seed ? (uint32_t)atoi(seed) | 1 : 0, __ATOMIC_RELAXED);
	stub.is_stopping = 0;
	for (stub.thread_count = 0; stub.thread_count < stub.units * stub.slots + 2; stub.thread_count++)
		if (pthread_create(&stub.threads[stub.thread_count], NULL, stub.thread_count < 2 ? other_main : slot_main,
		                   NULL))
			abort();
}

void stub_stop(void)
{
	stub.is_stopping = 1;
	pthread_cond_broadcast(&stub.changed);
	pthread_mutex_unlock(&stub.lock);
	for (int i = 0; i < stub.thread_count; i++)
		pthread_join(stub.threads[i], NULL);
	pthread_mutex_lock(&stub.lock);
}
