/* Numbers that are uniform in [0, 1). Each is a function of the seed and its position alone, so that tiles and units
 * change nothing. A row is CHUNK neighbours. Defines: T (f32 or f64). */
#ifndef T
#define T f32
#endif

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[0];
	long first = r * P(CHUNK), end = first + P(CHUNK) < P(ELEMENTS) ? first + P(CHUNK) : P(ELEMENTS);
	for (long i = first; i < end; i++)
		out[i] = JOIN(T, _random)((unsigned long long)P(SEED), (unsigned long long)i);
}

KERNEL_OF_ROWS
