/* Max and average pooling, a thread an output element: see pool.row.c for defines and params, but a row is one element
 * here. Bound: memory. Not measured on a GPU yet. */
#define P(name) ((int)p[PARAM_##name])
enum {
	PARAM_ROWS_PER_TILE,
	PARAM_ROWS,
	PARAM_ID,
	PARAM_IH,
	PARAM_IW,
	PARAM_OD,
	PARAM_OH,
	PARAM_OW,
	PARAM_KD,
	PARAM_KH,
	PARAM_KW,
	PARAM_SD,
	PARAM_SH,
	PARAM_SW,
	PARAM_DD,
	PARAM_DH,
	PARAM_DW,
	PARAM_PD,
	PARAM_PH,
	PARAM_PW,
	PARAM_ED,
	PARAM_EH,
	PARAM_EW,
};
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define VALUE_TYPE JOIN(T, _value)

/* Window positions along one dim: taps [*first, *last) lie inside; returns those inside the padded extent. */
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
	int lane = (int)(r % CG), ow = (int)(left % P(OW));
	left /= P(OW);
	int oh = (int)(left % P(OH)), od = (int)(left / P(OH) % P(OD)), d0, d1, h0, h1, w0, w1;
	long plane = left / P(OH) / P(OD);
	int id = od * P(SD) - P(PD), ih = oh * P(SH) - P(PH), iw = ow * P(SW) - P(PW);
	int padded = clip(id, P(ID), P(ED), P(KD), P(DD), &d0, &d1) * clip(ih, P(IH), P(EH), P(KH), P(DH), &h0, &h1);
	padded *= clip(iw, P(IW), P(EW), P(KW), P(DW), &w0, &w1);
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + plane * P(ID) * P(IH) * P(IW) * CG + lane;
	VALUE_TYPE value = (VALUE_TYPE)(AVERAGE ? 0 : LOWEST);
	for (int d = d0; d < d1; d++)
		for (int h = h0; h < h1; h++)
			for (int w = w0; w < w1; w++) {
				VALUE_TYPE x = in[(long)(((id + d * P(DD)) * P(IH) + ih + h * P(DH)) * P(IW) + iw + w * P(DW)) * CG];
				value = (VALUE_TYPE)(AVERAGE ? value + x : x > value ? x : value);
			}
	int count = COUNT_PAD ? padded : (d1 - d0) * (h1 - h0) * (w1 - w0);
	((VALUE_TYPE *)args->buffers[1])[r] = (VALUE_TYPE)(AVERAGE ? value / (VALUE_TYPE)count : value);
}

KERNEL_OF_ROWS
