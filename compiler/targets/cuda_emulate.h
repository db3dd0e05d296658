/* The names of cuda_dialect.h on a CPU (x86-64), for tests. The threads of a block are fibers of the unit that runs the
 * tile. Each fiber runs until it waits for others. The emulation is stricter than a GPU: local memory holds NaNs at
 * first; a copy arrives no earlier than at copy_wait, and until then its destination holds NaNs; after each wait the
 * threads continue in another order. These errors end the process with a message: a barrier or shuffle that not all
 * threads reach, a copy that is never waited for, an unaligned access, a write beyond the local memory.
 * The compiler defines THREADS, ASYNC and LOCAL_BYTES. The unit's local memory holds the block's, and then the
 * fibers. */
#define EMULATE_BLOCK_BYTES 32768 /* one thread: its struct, then its stack; the same as THREAD_BYTES of emulated.c */
#define EMULATE_COPIES 256
#define EMULATE_GUARD 64

#define UNROLL
#ifndef KERNEL
#define KERNEL kernel
#endif
#ifndef THREADS
#define THREADS 128
#define ASYNC 1
#define LOCAL_BYTES 0
#endif
#define CPU_PARAM(name)
#define GPU_PARAM(name) PARAM_##name,
#define TILE_BODY static void tile_body(const struct erc_tile_args *args, uint32_t tile, void *local)
#define EMULATE_FN static inline __attribute__((always_inline, unused))
TILE_BODY;

enum { EMULATE_RUNS, EMULATE_AT_BARRIER, EMULATE_AT_SHUFFLE, EMULATE_ENDED };

struct emulate_copy {
	char *to;
	const char *from;
	int bytes, is_valid;
	long long group;
};

struct emulate_block {
	const struct erc_tile_args *args;
	uint32_t tile;
	char *local, *threads;
	void *stack; /* the unit's stack pointer, while a thread runs */
};

/* The first bytes of a thread's block. A thread finds its struct from its stack pointer. */
struct emulate_thread {
	struct emulate_block *block;
	void *stack; /* the stack pointer, while it does not run */
	int number, state;
	float given[2]; /* its values for shuffles, alternating: a fast thread is at most one shuffle ahead */
	int turn;
	long long group, first, last; /* group: the open one; copies in flight are [first, last) */
	struct emulate_copy copies[EMULATE_COPIES];
};

/* Saves the caller's stack pointer to *from and continues at the stack pointer `to`. */
__attribute__((visibility("hidden"))) void emulate_switch(void **from, void *to);
__asm__(".text\n"
        "emulate_switch:\n"
        "	push %rbp\n	push %rbx\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
        "	mov %rsp, (%rdi)\n"
        "	mov %rsi, %rsp\n"
        "	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbx\n	pop %rbp\n"
        "	ret\n");

static __attribute__((noinline, noreturn, unused)) void emulate_stop(const char *why)
{
	long result, bytes = 0;
	while (why[bytes])
		bytes++;
	__asm__ volatile("syscall" : "=a"(result) : "0"(1L), "D"(2L), "S"(why), "d"(bytes) : "rcx", "r11", "memory");
	__builtin_trap();
}
#define EMULATE_CHECK(condition, text) ((condition) ? (void)0 : emulate_stop("emulated block: " text "\n"))

EMULATE_FN struct emulate_thread *emulate_self(void)
{
	return (struct emulate_thread *)((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(EMULATE_BLOCK_BYTES - 1));
}

static __attribute__((noinline, unused)) void emulate_wait(int state)
{
	struct emulate_thread *self = emulate_self();
	self->state = state;
	emulate_switch(&self->stack, self->block->stack);
}

#define THREAD (emulate_self()->number)
#define WARP 32
EMULATE_FN void barrier(void)
{
	emulate_wait(EMULATE_AT_BARRIER);
}
EMULATE_FN struct emulate_thread *emulate_thread(const struct emulate_block *block, int number)
{
	return (struct emulate_thread *)(block->threads + (long)number * EMULATE_BLOCK_BYTES);
}
static __attribute__((noinline, unused)) float shuffle_xor(float x, int mask)
{
	struct emulate_thread *self = emulate_self();
	int turn = self->turn;
	EMULATE_CHECK(mask >= 0 && mask < WARP, "a shuffle reaches beyond the warp");
	self->turn ^= 1;
	self->given[turn] = x;
	emulate_wait(EMULATE_AT_SHUFFLE);
	return emulate_thread(self->block, self->number ^ mask)->given[turn];
}

typedef float float4_value __attribute__((vector_size(16), may_alias));
EMULATE_FN float fma_of(float a, float b, float c)
{
	return __builtin_fmaf(a, b, c);
}
EMULATE_FN float4_value float4_load(const float *p)
{
	EMULATE_CHECK(((uintptr_t)p & 15) == 0, "four floats are loaded from an unaligned address");
	return *(const float4_value *)p;
}
EMULATE_FN float4_value float4_of(float a, float b, float c, float d)
{
	return (float4_value){a, b, c, d};
}
EMULATE_FN float float4_get(float4_value x, int i)
{
	return x[i];
}
EMULATE_FN void float4_store(float *p, float4_value x)
{
	EMULATE_CHECK(((uintptr_t)p & 15) == 0, "four floats are stored to an unaligned address");
	*(float4_value *)p = x;
}

static __attribute__((noinline, unused)) void emulate_poison(char *to, long bytes)
{
	for (long i = 0; i < bytes; i++)
		to[i] = (char)0xff;
}

static __attribute__((noinline, unused)) void emulate_arrive(const struct emulate_copy *copy)
{
	for (int i = 0; i < copy->bytes; i++)
		copy->to[i] = copy->is_valid ? copy->from[i] : 0;
}

static __attribute__((noinline, unused)) void emulate_copy(float *to, const float *from, int bytes, int is_valid)
{
	struct emulate_thread *self = emulate_self();
	const char *local = self->block->local, *at = (const char *)to;
	struct emulate_copy copy = {(char *)to, (const char *)from, bytes, is_valid, self->group};
	EMULATE_CHECK(((uintptr_t)to & (uintptr_t)(bytes - 1)) == 0, "a copy goes to an unaligned address");
	EMULATE_CHECK(((uintptr_t)from & (uintptr_t)(bytes - 1)) == 0, "a copy comes from an unaligned address");
	EMULATE_CHECK(at >= local && at + bytes <= local + LOCAL_BYTES, "a copy goes to other than local memory");
	EMULATE_CHECK(self->last - self->first < EMULATE_COPIES, "too many copies in flight");
	if (!ASYNC) {
		emulate_arrive(&copy);
		return;
	}
	emulate_poison(copy.to, bytes);
	self->copies[self->last++ % EMULATE_COPIES] = copy;
}
EMULATE_FN void copy_4(float *to, const float *from, int is_valid)
{
	emulate_copy(to, from, 4, is_valid);
}
EMULATE_FN void copy_16(float *to, const float *from, int is_valid)
{
	emulate_copy(to, from, 16, is_valid);
}
EMULATE_FN void copy_commit(void)
{
	emulate_self()->group++;
}
static __attribute__((noinline, unused)) void copy_wait(long long groups)
{
	struct emulate_thread *self = emulate_self();
	while (self->first < self->last && self->copies[self->first % EMULATE_COPIES].group + groups < self->group)
		emulate_arrive(&self->copies[self->first++ % EMULATE_COPIES]);
}

/* ---- the block ---- */

static __attribute__((noinline)) void emulate_start(void)
{
	struct emulate_thread *self = emulate_self();
	tile_body(self->block->args, self->block->tile, self->block->local);
	EMULATE_CHECK(self->first == self->last, "a thread ends while its copies are in flight");
	emulate_wait(EMULATE_ENDED);
}

static void emulate_prepare(struct emulate_block *block, int number)
{
	struct emulate_thread *thread = emulate_thread(block, number);
	void **top = (void **)((char *)thread + EMULATE_BLOCK_BYTES) - 2;
	*top = (void *)emulate_start;
	thread->block = block;
	thread->stack = top - 6; /* room for the registers that emulate_switch pops */
	thread->number = number;
	thread->state = EMULATE_RUNS;
	thread->turn = 0;
	thread->group = thread->first = thread->last = 0;
}

/* The number of threads in that state among `count` threads, from number `first` on. */
static int emulate_count(const struct emulate_block *block, int first, int count, int state)
{
	int found = 0;
	for (int i = first; i < first + count; i++)
		found += emulate_thread(block, i)->state == state;
	return found;
}

static int emulate_release(struct emulate_block *block, int first, int count, int state)
{
	if (emulate_count(block, first, count, state) < count)
		return 0;
	for (int i = first; i < first + count; i++)
		emulate_thread(block, i)->state = EMULATE_RUNS;
	return 1;
}

/* Runs all threads until all have ended. */
static void emulate_run(struct emulate_block *block)
{
	for (unsigned round = block->tile;; round++) {
		int released = 0;
		for (unsigned i = 0; i < THREADS; i++) { /* gcd(37, THREADS) is 1, so each thread once */
			struct emulate_thread *thread = emulate_thread(block, (int)((i * 37 + round * 13) % THREADS));
			if (thread->state == EMULATE_RUNS)
				emulate_switch(&block->stack, thread->stack);
			EMULATE_CHECK((char *)thread->stack > (char *)(thread + 1), "a thread's stack is full");
		}
		if (emulate_count(block, 0, THREADS, EMULATE_ENDED) == THREADS)
			return;
		for (int warp = 0; warp + WARP <= THREADS; warp += WARP)
			released += emulate_release(block, warp, WARP, EMULATE_AT_SHUFFLE);
		released += emulate_release(block, 0, THREADS, EMULATE_AT_BARRIER);
		EMULATE_CHECK(released, "threads wait at different places, or have ended");
	}
}

void KERNEL(const struct erc_tile_args *args, uint32_t tile, void *local)
{
	char *guard = (char *)local + LOCAL_BYTES, *threads = guard + EMULATE_GUARD;
	threads += -(uintptr_t)threads & (EMULATE_BLOCK_BYTES - 1);
	struct emulate_block block = {args, tile, (char *)local, threads, 0};
	emulate_poison((char *)local, LOCAL_BYTES + EMULATE_GUARD);
	for (int i = 0; i < THREADS; i++)
		emulate_prepare(&block, i);
	emulate_run(&block);
	for (int i = 0; i < EMULATE_GUARD; i++)
		EMULATE_CHECK(guard[i] == (char)0xff, "the block writes beyond its local memory");
}
