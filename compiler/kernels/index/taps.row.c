/* One axis of a resize: out[o] = sum of weight[o][k] * in[index[o][k]], in that order, for lines of `inner` elements. A
 * row is one such line; if inner is 1, it is the whole axis. Bound: memory.
 * If the first index is negative, the output is the value OUTSIDE. Defines: T (f32 or f64), LAST (inner is 1), OUTSIDE. */
#ifndef LAST
#define T f32
#define LAST 0
#define OUTSIDE 0.0f
#endif

/* The indices are weights, which nobody may have checked. */
FN long at(long index, long size)
{
	return index < 0 ? 0 : index < size ? index : size - 1;
}

FN void element(const VALUE_TYPE *in, long size, const i32_value *index, const VALUE_TYPE *weight, long taps,
                long inner, VALUE_TYPE *out)
{
	for (long i = 0; i < inner; i++) {
		VALUE_TYPE sum = weight[0] * in[at(index[0], size) * inner + i];
		for (long k = 1; k < taps; k++)
			sum += weight[k] * in[at(index[k], size) * inner + i];
		out[i] = index[0] < 0 ? OUTSIDE : sum;
	}
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long before = P(BEFORE), after = P(AFTER), inner = P(INNER), taps = P(TAPS);
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0], *weights = (const VALUE_TYPE *)args->buffers[2];
	const i32_value *indices = (const i32_value *)args->buffers[1];
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[3];
	if (LAST)
		for (long o = 0; o < after; o++)
			element(in + r * before, before, indices + o * taps, weights + o * taps, taps, 1, out + r * after + o);
	else
		element(in + r / after * before * inner, before, indices + r % after * taps, weights + r % after * taps, taps,
		        inner, out + r * inner);
}

KERNEL_OF_ROWS
