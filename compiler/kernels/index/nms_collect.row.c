/* Collects the picks of all rows (a class of an image) as consecutive [image, class, box], and their total number.
 * Bound: memory. Operands: counts, picks, n, out. */
static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const i64_value *counts = (const i64_value *)args->buffers[0],
					*picks = (const i64_value *)args->buffers[1] + r * P(BOXES);
	i64_value *out = (i64_value *)args->buffers[3];
	long n = 0;
	for (long i = 0; i < r; i++)
		n += counts[i];
	for (long i = 0; i < counts[r]; i++, n++) {
		out[3 * n] = r / P(CLASSES);
		out[3 * n + 1] = r % P(CLASSES);
		out[3 * n + 2] = picks[i];
	}
	if (r == P(ROWS_TOTAL) - 1)
		*(i64_value *)args->buffers[2] = n;
}

KERNEL_OF_ROWS
