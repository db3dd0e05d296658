/* Depthwise convolution; a thread computes four channels of one output pixel, which is a row here. Layouts, parameters
 * and the order of the sum are those of depthwise.cpu.c. Bound: memory, then loads. Not measured on a GPU yet.
 * Defines: OUTPUT, LOADk, EXPR, RESULT. */
#ifndef OUTPUT
#define OUTPUT 2
#define LOAD0 VALUE
#define EXPR
#define RESULT LOAD0
#endif

#define INT(name) ((int)p[PARAM_##name])

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
	int lane = (int)(r % 4) * 4, ow = (int)(left % INT(OW));
	left /= INT(OW);
	int oh = (int)(left % INT(OH)), od = (int)(left / INT(OH) % INT(OD));
	long plane = left / INT(OH) / INT(OD);
	int block = (int)(plane % INT(BLOCKS)), id = od * INT(SD) - INT(PD), ih = oh * INT(SH) - INT(PH),
		iw = ow * INT(SW) - INT(PW);
	const float *in = (const float *)args->buffers[0] + plane * INT(ID) * INT(IH) * INT(IW) * 16 + lane;
	const float *w = (const float *)args->buffers[1] + (long)block * INT(KD) * INT(KH) * INT(KW) * 16 + lane;
	float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
	for (int kd = 0; kd < INT(KD); kd++)
		for (int kh = 0; kh < INT(KH); kh++)
			for (int kw = 0; kw < INT(KW); kw++, w += 16) {
				int d = id + kd * INT(DD), h = ih + kh * INT(DH), x = iw + kw * INT(DW);
				if ((unsigned)d >= (unsigned)INT(ID) || (unsigned)h >= (unsigned)INT(IH) ||
				    (unsigned)x >= (unsigned)INT(IW))
					continue;
				float4_value a = float4_load(in + (long)((d * INT(IH) + h) * INT(IW) + x) * 16), b = float4_load(w);
				UNROLL for (int j = 0; j < 4; j++) sums[j] = fma_of(float4_get(a, j), float4_get(b, j), sums[j]);
			}
	store(sums, args, r * 4, block * 16 + lane);
}

KERNEL_OF_ROWS
