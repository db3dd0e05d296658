/* The kernel of bench_preempt's probe (tests/bench/probe.h), which replaces compiler/kernels/rows/cumulate.row.c by
 * --kernel-dir. A tile records when it began, in ticks of 32 ns of the unit's timer, and on which unit. Then it spins
 * for INNER nanoseconds. A tile has 32 rows. */
#ifdef __CUDACC__
static uint32_t unit_number(void)
{
	uint32_t number;
	asm volatile("mov.u32 %0, %%smid;" : "=r"(number));
	return number;
}
#else
/* Emulated: the system's clock, and the thread that stands for an SM, by system calls, because no library is linked. */
static long call(long number, long a, long b)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return result;
}

static uint64_t global_ns(void)
{
	long now[2];
	call(228, 1, (long)now); /* clock_gettime, CLOCK_MONOTONIC */
	return (uint64_t)now[0] * 1000000000u + (uint64_t)now[1];
}

static uint32_t unit_number(void)
{
	return (uint32_t)call(186, 0, 0); /* gettid */
}
#endif

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	uint32_t *out = (uint32_t *)args->buffers[1];
	uint64_t began_ns = global_ns();
	if (r % P(ROWS_PER_TILE) == 0)
		out[r] = (uint32_t)(began_ns / 32);
	else
		out[r] = r % P(ROWS_PER_TILE) == 1 ? unit_number() : 0;
	while (r % P(ROWS_PER_TILE) == 0 && global_ns() - began_ns < (uint64_t)P(INNER))
		;
}

KERNEL_OF_ROWS
