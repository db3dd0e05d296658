/* How a thread that takes no lock, because the system may stop it for long, lets other threads do what needs the lock.
 * It writes its report into a slot of its own and sends the post. Whoever holds the device's lock reads the report,
 * writes an answer into the slot and answers the post. The slot belongs to the thread while the post is answered, and
 * to the lock holder while it is sent. Wherever such a thread is stopped or sleeps, no other thread has to wait. */
#ifndef ERC_POST_H
#define ERC_POST_H

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/base/futex.h"

enum { ERC__POST_ANSWERED, ERC__POST_SENT };

struct erc__post {
	_Atomic uint32_t word; /* the thread sleeps on it */
};

static inline void erc__post_init(struct erc__post *post)
{
	atomic_init(&post->word, ERC__POST_SENT); /* a thread begins by waiting for an answer */
}

/* Called by the thread after it has written its report; it then rings the bell. */
static inline void erc__post_send(struct erc__post *post)
{
	atomic_store_explicit(&post->word, ERC__POST_SENT, memory_order_seq_cst);
}

/* Called with the lock held. 1: the report may be read and the answer written. */
static inline int erc__post_is_sent(const struct erc__post *post)
{
	return atomic_load_explicit(&post->word, memory_order_seq_cst) == ERC__POST_SENT;
}

/* Called with the lock held, after the answer is written. The caller then wakes the thread, preferably without the
 * lock. */
static inline void erc__post_answer(struct erc__post *post)
{
	atomic_store_explicit(&post->word, ERC__POST_ANSWERED, memory_order_release);
}

static inline void erc__post_wake(struct erc__post *post)
{
	erc__futex_wake(&post->word, 1);
}

/* Called by the thread: whether the answer may be read. */
static inline int erc__post_is_answered(const struct erc__post *post)
{
	return atomic_load_explicit(&post->word, memory_order_acquire) == ERC__POST_ANSWERED;
}

static inline void erc__post_await(struct erc__post *post)
{
	while (!erc__post_is_answered(post))
		erc__futex_wait(&post->word, ERC__POST_SENT, UINT64_MAX);
}

/* Tells one thread, the bell's owner, that there is something to read. */
struct erc__bell {
	_Atomic uint32_t rings;  /* number of rings; the owner sleeps on it */
	_Atomic uint32_t sleeps; /* the owner sleeps, or is about to */
};

static inline void erc__bell_init(struct erc__bell *bell)
{
	atomic_init(&bell->rings, 0);
	atomic_init(&bell->sleeps, 0);
}

/* The ring and the read of `sleeps` are ordered against the owner's mark and its read of `rings`. So one of the two
 * sees the other. */
static inline void erc__bell_ring(struct erc__bell *bell)
{
	atomic_fetch_add_explicit(&bell->rings, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&bell->sleeps, memory_order_seq_cst))
		erc__futex_wake(&bell->rings, 1);
}

/* Called by the owner before it reads what the bell announces. */
static inline uint32_t erc__bell_listen(const struct erc__bell *bell)
{
	return atomic_load_explicit(&bell->rings, memory_order_seq_cst);
}

/* Sleeps until the bell has rung after `heard`. */
static inline void erc__bell_await(struct erc__bell *bell, uint32_t heard)
{
	atomic_store_explicit(&bell->sleeps, 1, memory_order_seq_cst);
	while (atomic_load_explicit(&bell->rings, memory_order_seq_cst) == heard)
		erc__futex_wait(&bell->rings, heard, UINT64_MAX);
	atomic_store_explicit(&bell->sleeps, 0, memory_order_relaxed);
}

#endif
