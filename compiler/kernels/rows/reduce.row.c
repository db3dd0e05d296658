/* Reduces some dims of a strided tensor. A row is one output element, or 16 neighbouring ones (LANES_KEPT) where they
 * are contiguous. Elements are combined in the order of the input.
 * Defines: LANES_KEPT, T; START, COMBINE and FINISH declare values, the last of which are v0, COMBINED and FINISHED.
 * They read LOAD0 (the result so far), LOAD1 (an element), LOAD2 (the number of elements). */
#ifndef LANES_KEPT
#define LANES_KEPT 1
#define T f32
#define START f32_value v0 = 0.0f;
#define COMBINE f32_value v1 = f32_add(LOAD0, LOAD1);
#define COMBINED v1
#define FINISH f32_value v2 = LOAD0 / LOAD2;
#define FINISHED v2
#endif

#define LOAD0 so_far
#define LOAD1 element
#define LOAD2 n

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0];
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[1] + r * LANES_KEPT, value[LANES_KEPT];
	long kept = P(KEPT), gone = P(GONE), count = P(COUNT), index[8] = {0};
	const long long *k = p + PARAM_DIMS, *g = k + 2 * kept;
	VALUE_TYPE n = (VALUE_TYPE)count;
	for (long d = kept - 1, left = r * LANES_KEPT; d >= 0; d--) {
		in += left % k[2 * d] * k[2 * d + 1];
		left /= k[2 * d];
	}
	for (int l = 0; l < LANES_KEPT; l++) {
		START
		value[l] = v0;
	}
	long inner = gone ? g[2 * gone - 2] : 1, step = gone ? g[2 * gone - 1] : 0;
	for (long i = 0; i < count; i += inner) {
		const VALUE_TYPE *at = in;
		for (long d = 0; d + 1 < gone; d++)
			at += index[d] * g[2 * d + 1];
		for (long j = 0; j < inner; j++, at += step)
			for (int l = 0; l < LANES_KEPT; l++) {
				VALUE_TYPE so_far = value[l], element = at[l];
				COMBINE
				value[l] = COMBINED;
			}
		for (long d = gone - 2; d >= 0 && ++index[d] == g[2 * d]; d--)
			index[d] = 0;
	}
	for (int l = 0; l < LANES_KEPT; l++) {
		VALUE_TYPE so_far = value[l], element = 0;
		(void)element;
		FINISH
		out[l] = FINISHED;
	}
}

KERNEL_OF_ROWS
