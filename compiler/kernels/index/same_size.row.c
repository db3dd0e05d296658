/* The size of two dims that must be equal; the smaller one where they are not, which is reported. One row. Defines: FAULTS
 * and OUT, buffers. */
#ifndef OUT
#define OUT 2
#endif

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long long a = ((const i64_value *)args->buffers[0])[r], b = ((const i64_value *)args->buffers[1])[r];
	(void)p;
#ifdef FAULTS
	if (a != b) {
		volatile long long *fault = (volatile long long *)args->buffers[FAULTS];
		fault[0] = a;
		fault[1] = -1 - b;
	}
#endif
	((i64_value *)args->buffers[OUT])[r] = a < b ? a : b;
}

KERNEL_OF_ROWS
