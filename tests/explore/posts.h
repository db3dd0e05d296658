/* Seeded bugs in the protocol of posts, like those of seeds.h for tiles. Included after devices/post.h. */
#ifndef POSTS_H
#define POSTS_H

#define POSTS_SEEDS(X) \
	X(none) \
	X(takes_the_lock)      /* a thread apart takes the lock and reads its post itself */ \
	X(sent_relaxed)        /* the post does not release the report */ \
	X(ring_looks_first)    /* whether the clerk sleeps is read before the ring */ \
	X(parked_counted_late) /* a parked thread is counted after the search of the queue */ \
	X(opened_unordered)    /* the read of the number of waiting threads is not ordered after the launch */

#define X(name) POSTS_SEED_##name,
enum posts_seed { POSTS_SEEDS(X) POSTS_SEED_COUNT };
#undef X

static enum posts_seed posts_seed;

static void find_posts_seed(const char *wanted)
{
#define X(name) #name,
	static const char *const names[] = {POSTS_SEEDS(X)};
#undef X
	for (posts_seed = POSTS_SEED_COUNT - 1; posts_seed; posts_seed--)
		if (wanted && !strcmp(wanted, names[posts_seed]))
			return;
}

static void seeded_send(struct erc__post *post)
{
	if (posts_seed == POSTS_SEED_sent_relaxed)
		atomic_store_explicit(&post->word, ERC__POST_SENT, memory_order_relaxed);
	else
		erc__post_send(post);
}

static void seeded_ring(struct erc__bell *bell)
{
	if (posts_seed != POSTS_SEED_ring_looks_first) {
		erc__bell_ring(bell);
		return;
	}
	uint32_t sleeps = atomic_load_explicit(&bell->sleeps, memory_order_seq_cst);
	atomic_fetch_add_explicit(&bell->rings, 1, memory_order_seq_cst);
	if (sleeps)
		erc__futex_wake(&bell->rings, 1);
}

#endif
