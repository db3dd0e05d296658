/* Max and average pooling over up to three spatial dims. CG channels are contiguous (16: blocked layout, 1: plain). A
 * row is one output row of one plane. Bound: memory.
 * Defines: CG, AVERAGE, COUNT_PAD (1: the divisor counts padding), T (dtype), ACCUMULATOR (dtype of what is computed),
 * LOWEST. */
#ifndef CG
#define CG 1
#define AVERAGE 0
#define COUNT_PAD 0
#define T f32
#define ACCUMULATOR f32
#define LOWEST -__builtin_inf()
#endif

/* Finds the taps along one dim that are inside the input: *first to *last - 1. Returns the number of taps inside the
 * padded extent. */
FN long clip(long start, long size, long end_pad, long kernel, long dilation, long *first, long *last)
{
	long padded = 0;
	*first = *last = 0;
	for (long k = 0, seen = 0; k < kernel; k++) {
		long at = start + k * dilation;
		padded += at < size + end_pad;
		if (at >= 0 && at < size) {
			if (!seen++)
				*first = k;
			*last = k + 1;
		}
	}
	return padded;
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long oh = r % P(OH), od = r / P(OH) % P(OD), plane = r / (P(OH) * P(OD));
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + plane * P(ID) * P(IH) * P(IW) * CG;
	VALUE_TYPE *out = (VALUE_TYPE *)args->buffers[1] + r * P(OW) * CG;
	long d0, d1, h0, h1, w0, w1, id = od * P(SD) - P(PD), ih = oh * P(SH) - P(PH);
	long padded_d = clip(id, P(ID), P(ED), P(KD), P(DD), &d0, &d1),
		 padded_h = clip(ih, P(IH), P(EH), P(KH), P(DH), &h0, &h1);
	for (long ow = 0; ow < P(OW); ow++, out += CG) {
		long iw = ow * P(SW) - P(PW), padded_w = clip(iw, P(IW), P(EW), P(KW), P(DW), &w0, &w1);
		ACCUMULATOR_TYPE value[CG];
		for (int l = 0; l < CG; l++)
			value[l] = (ACCUMULATOR_TYPE)(AVERAGE ? 0 : LOWEST);
		for (long d = d0; d < d1; d++)
			for (long h = h0; h < h1; h++)
				for (long w = w0; w < w1; w++) {
					const VALUE_TYPE *x =
						in + (((id + d * P(DD)) * P(IH) + ih + h * P(DH)) * P(IW) + iw + w * P(DW)) * CG;
					OVER_LANES for (int l = 0; l < CG; l++) value[l] =
						AVERAGE ? JOIN(ACCUMULATOR, _add)(value[l], x[l]) : JOIN(ACCUMULATOR, _max)(value[l], x[l]);
				}
		long count = COUNT_PAD ? padded_d * padded_h * padded_w : (d1 - d0) * (h1 - h0) * (w1 - w0);
		for (int l = 0; l < CG; l++)
			out[l] = (VALUE_TYPE)(AVERAGE ? value[l] / (ACCUMULATOR_TYPE)count : value[l]);
	}
}

KERNEL_OF_ROWS
