/* Copies what an iteration of a loop has computed to its place in an array of all iterations. A row is a part of it. Bound:
 * memory. */
static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long long iteration = args->dims[P(SLOT)], most = P(MOST);
	long from = r * P(CHUNK_BYTES), bytes = P(BYTES) - from < P(CHUNK_BYTES) ? P(BYTES) - from : P(CHUNK_BYTES);
	if (iteration < 0 || iteration >= most)
		return;
	const char *in = (const char *)args->buffers[0] + from;
	char *out = (char *)args->buffers[1] + iteration * P(BYTES) + from;
	for (long i = 0; i < bytes; i++)
		out[i] = in[i];
}

KERNEL_OF_ROWS
