/* Finds the distinct rows, here called kinds, of a matrix [m, k]: their number n, the count of each kind, the kind of
 * each row, and the first row of each kind. Kinds are numbered in the order of their values (SORTED), or of their first
 * rows. One tile does all: a stable merge sort of row numbers. NaNs are equal to each other and come last. Bound:
 * comparisons. Defines: T (dtype), SORTED. Operands: rows, workspace of 2 m, n, counts, kinds, firsts. */
#ifndef T
#define T f32
#define SORTED 1
#endif

/* Negative, 0 or positive if row a comes before, is equal to, or comes after row b. */
static int compare(const VALUE_TYPE *in, long k, i64_value a, i64_value b)
{
	const VALUE_TYPE *x = in + a * k, *y = in + b * k;
	for (long i = 0; i < k; i++) {
		int x_nan = x[i] != x[i], y_nan = y[i] != y[i];
		if (x_nan || y_nan ? x_nan != y_nan : x[i] != y[i])
			return x_nan ? 1 : y_nan ? -1 : x[i] < y[i] ? -1 : 1;
	}
	return 0;
}

/* Merges sorted runs of `run` rows into runs of 2 * `run` rows. */
static void merge(const VALUE_TYPE *in, long k, const i64_value *from, i64_value *to, long m, long run)
{
	for (long start = 0; start < m; start += 2 * run) {
		long middle = start + run < m ? start + run : m, end = start + 2 * run < m ? start + 2 * run : m;
		for (long a = start, b = middle, at = start; at < end; at++)
			to[at] = a < middle && (b == end || compare(in, k, from[a], from[b]) <= 0) ? from[a++] : from[b++];
	}
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0];
	i64_value *order = (i64_value *)args->buffers[1], *spare = order + P(M), *counts = (i64_value *)args->buffers[3],
			  *kinds = (i64_value *)args->buffers[4], *firsts = (i64_value *)args->buffers[5];
	long m = P(M), k = P(K), n = 0;
	(void)r;
	for (long i = 0; i < m; i++)
		order[i] = i;
	for (long run = 1; run < m; run *= 2) {
		merge(in, k, order, spare, m, run);
		i64_value *other = order;
		order = spare;
		spare = other;
	}
	for (long i = 0; i < m; i++) { /* spare: for each row, the first row of its kind */
		int is_new = i == 0 || compare(in, k, order[i - 1], order[i]);
		if (is_new && SORTED)
			firsts[n++] = order[i];
		spare[order[i]] = is_new ? order[i] : spare[order[i - 1]];
		if (SORTED)
			kinds[order[i]] = n - 1;
	}
	for (long i = 0; i < m && !SORTED; i++) {
		if (spare[i] == i)
			firsts[n++] = i;
		kinds[i] = spare[i] == i ? n - 1 : kinds[spare[i]];
	}
	for (long i = 0; i < n; i++)
		counts[i] = 0;
	for (long i = 0; i < m; i++)
		counts[kinds[i]]++;
	*(i64_value *)args->buffers[2] = n;
}

KERNEL_OF_ROWS
