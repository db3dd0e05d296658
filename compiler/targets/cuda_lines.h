/* Rows that LINE neighbouring threads compute together, for GPU templates. LINE is 1, a warp or the whole block. Each
 * thread takes every LINE-th element. Their results are combined in an order that depends on LINE only. All threads of
 * a line call these functions, and all threads of the block if a line is the whole block. `local` has room for LINE /
 * WARP values. They are LINE_VALUE, float or double; if it is double, LINE is 1. */
#ifndef LINE
#define LINE 1
#endif
#ifndef LINE_VALUE
#define LINE_VALUE float
#endif
#define MEMBER (THREAD % LINE)

/* Combines the results of the warps through local memory. All threads do so in the same order. */
#define ACROSS_WARPS(x, COMBINE) \
	if (LINE > WARP) { \
		barrier(); /* the old contents have been read */ \
		if (THREAD % WARP == 0) \
			local[THREAD / WARP] = x; \
		barrier(); \
		x = local[0]; \
		for (int i = 1; i < LINE / WARP; i++) { \
			LINE_VALUE other = local[i]; \
			x = COMBINE; \
		} \
	}

FN LINE_VALUE line_sum(LINE_VALUE x, LINE_VALUE *local)
{
	(void)local;
#if LINE > 1
	for (int mask = (LINE < WARP ? LINE : WARP) / 2; mask; mask /= 2)
		x += shuffle_xor(x, mask);
	ACROSS_WARPS(x, x + other)
#endif
	return x;
}

/* NaNs are ignored. */
FN LINE_VALUE line_max(LINE_VALUE x, LINE_VALUE *local)
{
	(void)local;
#if LINE > 1
	for (int mask = (LINE < WARP ? LINE : WARP) / 2; mask; mask /= 2) {
		LINE_VALUE other = shuffle_xor(x, mask);
		x = other > x ? other : x;
	}
	ACROSS_WARPS(x, other > x ? other : x)
#endif
	return x;
}

/* A template that defines line(args, p, r, local) ends with this. */
#define KERNEL_OF_LINES \
	TILE_BODY \
	{ \
		const long long *p = (const long long *)args->params; \
		long end = (tile + 1) * P(ROWS_PER_TILE) < P(ROWS_TOTAL) ? (tile + 1) * P(ROWS_PER_TILE) : P(ROWS_TOTAL); \
		for (long r = tile * P(ROWS_PER_TILE) + THREAD / LINE; r < end; r += THREADS / LINE) \
			line(args, p, r, (LINE_VALUE *)local); \
	}
