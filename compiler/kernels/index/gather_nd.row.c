/* Copies slices selected by tuples of indices: row r of the output is the slice at indices[r][0..k).
 * Bound: memory. Defines: INDEX (its type), SIZED; FAULTS and OUT, buffers. */
#ifndef INDEX
#define INDEX i64_value
#endif
#ifndef OUT
#define OUT 2
#endif

#define BOUND(d) p[PARAM_DIMS + 3 * (d)]
#define STEP(d) p[PARAM_DIMS + 1 + 3 * (d)]
#define DIM(d) p[PARAM_DIMS + 2 + 3 * (d)]

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const INDEX *tuple = (const INDEX *)args->buffers[1] + r * P(TUPLE);
	const char *from = (const char *)args->buffers[0] + r / P(BATCH_ROWS) * P(BATCH_BYTES);
	char *to = (char *)args->buffers[OUT] + r * P(SLICE_BYTES);
	if (!IS_INDEX(args, r))
		return;
	for (long d = 0; d < P(TUPLE); d++)
		from += index_in(args->buffers, tuple[d], DIM_IN(args, DIM(d), BOUND(d))) * STEP(d);
	for (long i = 0; i < P(SLICE_BYTES); i++)
		to[i] = from[i];
}

KERNEL_OF_ROWS
