/* Scatters along one axis. A row is one line of the data along that axis: it is copied, then the updates on the same
 * line are applied in order. Bound: memory.
 * Defines: INDEX (its type), T (dtype), COMBINE over a (so far) and b (the update); FAULTS and OUT, buffers. */
#ifndef INDEX
#define INDEX i64_value
#define T f32
#define COMBINE f32_add(a, b)
#endif
#ifndef OUT
#define OUT 3
#endif

#define DATA_DIM(d) p[PARAM_DIMS + 2 * (d)]
#define INDEX_DIM(d) p[PARAM_DIMS + 1 + 2 * (d)]

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long rank = P(RANK), axis = P(AXIS), from = 0, index = 0, from_stride = 1, index_stride = 1, from_step = 0,
		 index_step = 0;
	int inside = 1;
	for (long d = rank - 1, left = r; d >= 0; d--) {
		long size = DATA_DIM(d), updates = INDEX_DIM(d);
		if (d == axis) {
			from_step = from_stride;
			index_step = index_stride;
		} else {
			long at = left % size;
			left /= size;
			inside &= at < updates;
			from += at * from_stride;
			index += at * index_stride;
		}
		from_stride *= size;
		index_stride *= updates;
	}
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + from,
					 *updates = (const VALUE_TYPE *)args->buffers[2] + index;
	const INDEX *indices = (const INDEX *)args->buffers[1] + index;
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[OUT] + from;
	long size = DATA_DIM(axis), count = inside ? INDEX_DIM(axis) : 0;
	for (long i = 0; i < size; i++)
		out[i * from_step] = in[i * from_step];
	for (long i = 0; i < count; i++) {
		long long at = index_in(args->buffers, indices[i * index_step], size);
		VALUE_TYPE a = out[at * from_step], b = updates[i * index_step];
		out[at * from_step] = COMBINE;
	}
}

KERNEL_OF_ROWS
