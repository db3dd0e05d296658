/* Depthwise convolution: each channel has its own window. Channels are in blocks of 16; weights are
 * [block][kd][kh][kw][16]. A row is one output row of one block. Bound: memory, then loads. */
#ifndef OUTPUT
#define OUTPUT 2
#define LOAD0 VALUE
#define EXPR
#define RESULT LOAD0
#endif

#define VECTORS (16 / LANES)
#define PIXELS 4

FN void store(f32_value sum, const struct erc_tile_args *args, long offset, long channel)
{
#define VALUE sum
#define LOAD_FULL(k) f32_load((const float *)args->buffers[k] + offset)
#define LOAD_CHANNEL(k) f32_load((const float *)args->buffers[k] + channel)
#define LOAD_SCALAR(k) f32_set(((const float *)args->buffers[k])[0])
	(void)channel;
	EXPR f32_store((float *)args->buffers[OUTPUT] + offset, RESULT);
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long oh = r % P(OH), od = r / P(OH) % P(OD), plane = r / (P(OH) * P(OD));
	const float *in = (const float *)args->buffers[0] + plane * P(ID) * P(IH) * P(IW) * 16;
	const float *weights = (const float *)args->buffers[1] + plane % P(BLOCKS) * P(KD) * P(KH) * P(KW) * 16;
	long out = r * P(OW) * 16, pixels;
	for (long ow = 0; ow < P(OW); ow += pixels) {
		long iw = ow * P(SW) - P(PW), reach = (PIXELS - 1) * P(SW) + (P(KW) - 1) * P(DW);
		int inside = ow + PIXELS <= P(OW) && iw >= 0 && iw + reach < P(IW);
		f32_value sum[PIXELS][VECTORS] = {{{0}}};
		pixels = inside ? PIXELS : 1;
		for (long kd = 0; kd < P(KD); kd++) {
			long id = od * P(SD) - P(PD) + kd * P(DD);
			for (long kh = 0; kh < P(KH); kh++) {
				long ih = oh * P(SH) - P(PH) + kh * P(DH);
				if (id < 0 || id >= P(ID) || ih < 0 || ih >= P(IH))
					continue;
				const float *line = in + (id * P(IH) + ih) * P(IW) * 16;
				const float *w = weights + (kd * P(KH) + kh) * P(KW) * 16;
				for (long kw = 0; kw < P(KW); kw++) {
					long c = iw + kw * P(DW);
					if (inside) {
						UNROLL for (int v = 0; v < VECTORS; v++) UNROLL for (int x = 0; x < PIXELS; x++) sum[x][v] +=
							f32_load(line + (c + x * P(SW)) * 16 + v * LANES) * f32_load(w + kw * 16 + v * LANES);
					} else if (c >= 0 && c < P(IW)) {
						UNROLL for (int v = 0; v < VECTORS; v++) sum[0][v] +=
							f32_load(line + c * 16 + v * LANES) * f32_load(w + kw * 16 + v * LANES);
					}
				}
			}
		}
		UNROLL for (int x = 0; x < PIXELS; x++) if (x < pixels) UNROLL for (int v = 0; v < VECTORS; v++)
			store(sum[x][v], args, out + (ow + x) * 16 + v * LANES, plane % P(BLOCKS) * 16 + v * LANES);
	}
}

void KERNEL(const struct erc_tile_args *args, uint32_t tile, void *local)
{
	const long long *p = args->params;
	long end = (tile + 1) * P(ROWS_PER_TILE) < P(ROWS_TOTAL) ? (tile + 1) * P(ROWS_PER_TILE) : P(ROWS_TOTAL);
	(void)local;
	for (long r = tile * P(ROWS_PER_TILE); r < end; r++)
		row(args, p, r);
}
