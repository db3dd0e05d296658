/* Depthwise convolution, a thread four channels of one output pixel: see depthwise.cpu.c for layouts, params and order
 * of the sum, but a row is those four elements here. Bound: memory, then loads. Not measured on a GPU yet.
 * Defines: OUTPUT, LOADk, EXPR, RESULT. */
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
	PARAM_BLOCKS,
};

FN void store(const float *sums, const struct erc_tile_args *args, long at, int channel)
{
	float y[4];
	UNROLL for (int j = 0; j < 4; j++)
	{
#define VALUE sums[j]
#define LOAD_FULL(k) float4_get(float4_load((const float *)args->buffers[k] + at), j)
#define LOAD_CHANNEL(k) ((const float *)args->buffers[k])[channel + j]
#define LOAD_SCALAR(k) ((const float *)args->buffers[k])[0]
		EXPR y[j] = RESULT;
	}
	float4_store((float *)args->buffers[OUTPUT] + at, float4_of(y[0], y[1], y[2], y[3]));
}

FN void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long left = r / 4;
	int lane = (int)(r % 4) * 4, ow = (int)(left % P(OW));
	left /= P(OW);
	int oh = (int)(left % P(OH)), od = (int)(left / P(OH) % P(OD));
	long plane = left / P(OH) / P(OD);
	int block = (int)(plane % P(BLOCKS)), id = od * P(SD) - P(PD), ih = oh * P(SH) - P(PH), iw = ow * P(SW) - P(PW);
	const float *in = (const float *)args->buffers[0] + plane * P(ID) * P(IH) * P(IW) * 16 + lane;
	const float *w = (const float *)args->buffers[1] + (long)block * P(KD) * P(KH) * P(KW) * 16 + lane;
	float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
	for (int kd = 0; kd < P(KD); kd++)
		for (int kh = 0; kh < P(KH); kh++)
			for (int kw = 0; kw < P(KW); kw++, w += 16) {
				int d = id + kd * P(DD), h = ih + kh * P(DH), x = iw + kw * P(DW);
				if ((unsigned)d >= (unsigned)P(ID) || (unsigned)h >= (unsigned)P(IH) || (unsigned)x >= (unsigned)P(IW))
					continue;
				float4_value a = float4_load(in + (long)((d * P(IH) + h) * P(IW) + x) * 16), b = float4_load(w);
				UNROLL for (int j = 0; j < 4; j++) sums[j] = fma_of(float4_get(a, j), float4_get(b, j), sums[j]);
			}
	store(sums, args, r * 4, block * 16 + lane);
}

KERNEL_OF_ROWS
