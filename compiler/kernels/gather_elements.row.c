/* out[i] = data[i, but the index's value along the axis]: a row is one line of the last dim. An index
 * outside the axis is clamped, so that no input can read other memory. Bound: memory.
 * Defines: INDEX (its type), T (an integer of an element's size).
 * Params: rows per tile, rows, rank, axis, size of the axis, then (dim of the indices, stride in the data) of each dim.
 */
static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long rank = p[2], axis = p[3], offset = 0, line = p[5 + 2 * (rank - 1)];
	const INDEX *indices = (const INDEX *)args->buffers[1] + r * line;
	const T *data = (const T *)args->buffers[0];
	T *out = (T *)args->buffers[2] + r * line;
	long step = axis == rank - 1 ? 0 : p[6 + 2 * (rank - 1)], axis_step = p[6 + 2 * axis];
	for (long d = rank - 2, left = r; d >= 0; left /= p[5 + 2 * d], d--)
		offset += d == axis ? 0 : left % p[5 + 2 * d] * p[6 + 2 * d];
	for (long i = 0; i < line; i++) {
		long long at = indices[i];
		at = at < 0 ? at + p[4] : at;
		at = at < 0 ? 0 : at >= p[4] ? p[4] - 1 : at;
		out[i] = data[offset + i * step + at * axis_step];
	}
}

KERNEL_OF_ROWS
