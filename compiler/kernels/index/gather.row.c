/* Copies one slice per row: out[outer][index] = data[outer][indices[index]]. Defines: INDEX (its type), SIZED; FAULTS and
 * OUT, buffers. Bound: memory. */
#ifndef INDEX
#define INDEX i64_value
#endif
#ifndef OUT
#define OUT 2
#endif

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const INDEX *indices = (const INDEX *)args->buffers[1];
	if (!IS_INDEX(args, r % P(INDICES)))
		return;
	long long at = index_in(args->buffers, indices[r % P(INDICES)], DIM_IN(args, P(AXIS_DIM), P(AXIS_SIZE)));
	const char *from = (const char *)args->buffers[0] + (r / P(INDICES) * P(AXIS_SIZE) + at) * P(SLICE_BYTES);
	char *to = (char *)args->buffers[OUT] + r * P(SLICE_BYTES);
	for (long i = 0; i < P(SLICE_BYTES); i++)
		to[i] = from[i];
}

KERNEL_OF_ROWS
