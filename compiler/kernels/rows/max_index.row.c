/* Finds the position of the maximum, or of the first NaN, in each pooling window, as an element number in the whole
 * input; plain layout. A row is one output row of one plane. Defines: T (dtype), COLUMN_MAJOR (1: numbers within a
 * plane run down columns). */
#ifndef T
#define T f32
#define COLUMN_MAJOR 0
#endif

FN long long number_of(const long long *p, long d, long h, long w)
{
	return COLUMN_MAJOR ? (w * P(IH) + h) * P(ID) + d : (d * P(IH) + h) * P(IW) + w;
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long oh = r % P(OH), od = r / P(OH) % P(OD), plane = r / (P(OH) * P(OD)), size = P(ID) * P(IH) * P(IW);
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + plane * size;
	i64_value *out = (i64_value *)args->buffers[1] + r * P(OW);
	for (long ow = 0; ow < P(OW); ow++) {
		const VALUE_TYPE *best = 0;
		long long number = 0;
		for (long i = 0; i < P(KD) * P(KH) * P(KW); i++) {
			long d = od * P(SD) - P(PD) + i / (P(KH) * P(KW)) * P(DD),
				 h = oh * P(SH) - P(PH) + i / P(KW) % P(KH) * P(DH);
			long w = ow * P(SW) - P(PW) + i % P(KW) * P(DW);
			if (d < 0 || d >= P(ID) || h < 0 || h >= P(IH) || w < 0 || w >= P(IW))
				continue;
			const VALUE_TYPE *x = in + (d * P(IH) + h) * P(IW) + w;
			if (best && !GREATER(*x, *best))
				continue;
			best = x;
			number = number_of(p, d, h, w);
		}
		out[ow] = plane * size + number;
	}
}

KERNEL_OF_ROWS
