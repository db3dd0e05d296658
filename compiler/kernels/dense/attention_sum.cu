/* Combines the results of attention.cu for the parts of the keys. A row is one query and one warp; a lane has every
 * 32nd element. Defines are those of attention_sum.cpu.c; LINE is a warp. Bound: memory. Not measured on a GPU yet. */
#ifndef HEAD_V
#define HEAD_V 64
#define ZERO_EMPTY 0
#endif

FN void line(const struct erc_tile_args *args, const long long *p, long r, float *local)
{
	long size = HEAD_V + 2, query = r % P(QUERIES), whole = r / P(QUERIES), step = P(QUERIES) * size;
	const float *in = (const float *)args->buffers[0] + (whole * P(PARTS) * P(QUERIES) + query) * size;
	float *out =
		(float *)args->buffers[1] + whole / P(HEADS) * P(O_BATCH) + whole % P(HEADS) * P(O_HEAD) + query * P(O_ROW);
	float top = -__builtin_inff(), total = 0.0f;
	(void)local;
	for (int i = 0; i < P(PARTS); i++)
		top = in[i * step + HEAD_V] > top ? in[i * step + HEAD_V] : top;
	for (int d = MEMBER; d < HEAD_V; d += LINE) {
		float sum = 0.0f;
		total = 0.0f;
		for (int i = 0; i < P(PARTS); i++) {
			/* a part without a visible key adds nothing */
			float own = in[i * step + HEAD_V], scale = own == -__builtin_inff() ? 0.0f : f32_exp(own - top);
			total += scale * in[i * step + HEAD_V + 1];
			sum += scale * in[i * step + d];
		}
		out[d * P(O_STEP)] = sum * (ZERO_EMPTY && total == 0.0f ? 0.0f : 1.0f / total);
	}
}

KERNEL_OF_LINES
