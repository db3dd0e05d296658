/* Max and average pooling; a thread computes one output element, which is a row here. Defines and parameters are those
 * of pool.row.c. Bound: memory. Not measured on a GPU yet. */
#ifndef CG
#define CG 1
#define AVERAGE 0
#define COUNT_PAD 0
#define T f32
#define ACCUMULATOR f32
#define LOWEST -__builtin_inf()
#endif

#define INT(name) ((int)p[PARAM_##name])

/* Finds the taps along one dim that are inside the input: *first to *last - 1. Returns the number of taps inside the
 * padded extent. */
FN int clip(int start, int size, int end_pad, int kernel, int dilation, int *first, int *last)
{
	int padded = 0;
	*first = *last = 0;
	for (int k = 0, seen = 0; k < kernel; k++) {
		int at = start + k * dilation;
		padded += at < size + end_pad;
		if (at >= 0 && at < size) {
			if (!seen++)
				*first = k;
			*last = k + 1;
		}
	}
	return padded;
}

FN void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long left = r / CG;
	int lane = (int)(r % CG), ow = (int)(left % INT(OW));
	left /= INT(OW);
	int oh = (int)(left % INT(OH)), od = (int)(left / INT(OH) % INT(OD)), d0, d1, h0, h1, w0, w1;
	long plane = left / INT(OH) / INT(OD);
	int id = od * INT(SD) - INT(PD), ih = oh * INT(SH) - INT(PH), iw = ow * INT(SW) - INT(PW);
	int padded =
		clip(id, INT(ID), INT(ED), INT(KD), INT(DD), &d0, &d1) * clip(ih, INT(IH), INT(EH), INT(KH), INT(DH), &h0, &h1);
	padded *= clip(iw, INT(IW), INT(EW), INT(KW), INT(DW), &w0, &w1);
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + plane * INT(ID) * INT(IH) * INT(IW) * CG + lane;
	ACCUMULATOR_TYPE value = (ACCUMULATOR_TYPE)(AVERAGE ? 0 : LOWEST);
	for (int d = d0; d < d1; d++)
		for (int h = h0; h < h1; h++)
			for (int w = w0; w < w1; w++) {
				ACCUMULATOR_TYPE x =
					in[(long)(((id + d * INT(DD)) * INT(IH) + ih + h * INT(DH)) * INT(IW) + iw + w * INT(DW)) * CG];
				value = AVERAGE ? JOIN(ACCUMULATOR, _add)(value, x) : JOIN(ACCUMULATOR, _max)(value, x);
			}
	int count = COUNT_PAD ? padded : (d1 - d0) * (h1 - h0) * (w1 - w0);
	((VALUE_TYPE *)args->buffers[1])[r] = (VALUE_TYPE)(AVERAGE ? value / (ACCUMULATOR_TYPE)count : value);
}

KERNEL_OF_ROWS
