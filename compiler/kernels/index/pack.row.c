/* Copies an array with the strides of its bounds to one with the strides of its true dims. A row is one line along the
 * last dim. Bound: memory. */
static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const long long *dims = p + PARAM_DIMS;
	long rank = P(RANK), size = P(ELEMENT_BYTES), line = dims[2 * rank - 2], length = 0, to = 0, stride = 1;
	const char *from = (const char *)args->buffers[0] + r * line * size;
	for (long d = rank - 1, left = r; d >= 0; d--) {
		long bound = dims[2 * d], slot = dims[2 * d + 1];
		long long dim = slot < 0 ? bound : args->dims[slot];
		dim = dim < 0 ? 0 : dim > bound ? bound : dim;
		if (d == rank - 1) {
			length = dim;
		} else {
			long at = left % bound;
			left /= bound;
			if (at >= dim)
				return;
			to += at * stride;
		}
		stride *= dim;
	}
	char *out = (char *)args->buffers[1] + to * size;
	for (long i = 0; i < length * size; i++)
		out[i] = from[i];
}

KERNEL_OF_ROWS
