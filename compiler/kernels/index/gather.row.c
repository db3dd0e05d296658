/* Copies one slice per row: out[outer][index] = data[outer][indices[index]]. An index outside the axis is clamped, so
 * that no input can cause reads of other memory. Defines: INDEX (its type).
 * Bound: memory. */
#ifndef INDEX
#define INDEX i64_value
#endif

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const INDEX *indices = (const INDEX *)args->buffers[1];
	long long at = indices[r % P(INDICES)];
	at = at < 0 ? at + P(AXIS_SIZE) : at;
	at = at < 0 ? 0 : at >= P(AXIS_SIZE) ? P(AXIS_SIZE) - 1 : at;
	const char *from = (const char *)args->buffers[0] + (r / P(INDICES) * P(AXIS_SIZE) + at) * P(SLICE_BYTES);
	char *to = (char *)args->buffers[2] + r * P(SLICE_BYTES);
	for (long i = 0; i < P(SLICE_BYTES); i++)
		to[i] = from[i];
}

KERNEL_OF_ROWS
