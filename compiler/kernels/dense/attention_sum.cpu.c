/* Combines the results of attention.cpu.c for the parts of the keys. A row is one query. The sums of a part are
 * multiplied by e^(its maximum score - the overall maximum) and added in order. Bound: memory.
 * Defines: HEAD_V (elements of a row), ZERO_EMPTY. */
#ifndef HEAD_V
#define HEAD_V 64
#define ZERO_EMPTY 0
#endif

static void row(const float *in, long step, long parts, float *out, long stride)
{
	float sums[HEAD_V] = {0}, top = -__builtin_inff(), total = 0.0f;
	for (long i = 0; i < parts; i++)
		top = in[i * step + HEAD_V] > top ? in[i * step + HEAD_V] : top;
	for (long i = 0; i < parts; i++, in += step) {
		/* a part without a visible key adds nothing */
		float scale = in[HEAD_V] == -__builtin_inff() ? 0.0f : f32_exp(in[HEAD_V] - top);
		total += scale * in[HEAD_V + 1];
		for (int d = 0; d < HEAD_V; d++)
			sums[d] += scale * in[d];
	}
	float factor = ZERO_EMPTY && total == 0.0f ? 0.0f : 1.0f / total;
	for (int d = 0; d < HEAD_V; d++)
		out[d * stride] = sums[d] * factor;
}

void KERNEL(const struct erc_tile_args *args, uint32_t tile, void *local)
{
	const long long *p = args->params;
	long end = (tile + 1) * P(ROWS_PER_TILE) < P(ROWS_TOTAL) ? (tile + 1) * P(ROWS_PER_TILE) : P(ROWS_TOTAL),
		 size = HEAD_V + 2;
	(void)local;
	for (long r = tile * P(ROWS_PER_TILE); r < end; r++) {
		long query = r % P(QUERIES), whole = r / P(QUERIES);
		const float *in = (const float *)args->buffers[0] + (whole * P(PARTS) * P(QUERIES) + query) * size;
		float *out =
			(float *)args->buffers[1] + whole / P(HEADS) * P(O_BATCH) + whole % P(HEADS) * P(O_HEAD) + query * P(O_ROW);
		row(in, P(QUERIES) * size, P(PARTS), out, P(O_STEP));
	}
}
