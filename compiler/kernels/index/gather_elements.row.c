/* out[i] = data[i with the position along the axis replaced by the index]. A row is one line of the last dim.
 * Bound: memory. Defines: INDEX (its type), T (an integer as large as an element); FAULTS and OUT, buffers. */
#ifndef INDEX
#define INDEX i64_value
#define T i32_value
#endif
#ifndef OUT
#define OUT 2
#endif

#define DIM(d) p[PARAM_DIMS + 2 * (d)]
#define STRIDE(d) p[PARAM_DIMS + 1 + 2 * (d)]

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long rank = P(RANK), axis = P(AXIS), offset = 0, line = DIM(rank - 1);
	const INDEX *indices = (const INDEX *)args->buffers[1] + r * line;
	const T *data = (const T *)args->buffers[0];
	T *out = (T *)args->buffers[OUT] + r * line;
	long step = axis == rank - 1 ? 0 : STRIDE(rank - 1), axis_step = STRIDE(axis);
	for (long d = rank - 2, left = r; d >= 0; left /= DIM(d), d--)
		offset += d == axis ? 0 : left % DIM(d) * STRIDE(d);
	for (long i = 0; i < line; i++) {
		long long at = index_in(args->buffers, indices[i], P(AXIS_SIZE));
		out[i] = data[offset + i * step + at * axis_step];
	}
}

KERNEL_OF_ROWS
