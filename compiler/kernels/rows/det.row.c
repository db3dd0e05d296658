/* Determinants of small matrices, by elimination with the largest pivot, in f64. A row is one matrix.
 * Defines: T (f32 or f64), N_MAX (maximum number of rows of a matrix). */
#ifndef N_MAX
#define T f32
#define N_MAX 32
#endif

static double determinant(const VALUE_TYPE *in, long n)
{
	double m[N_MAX * N_MAX], det = 1.0;
	for (long i = 0; i < n * n; i++)
		m[i] = in[i];
	for (long k = 0; k < n; k++) {
		long pivot = k;
		for (long i = k + 1; i < n; i++)
			if (__builtin_fabs(m[i * n + k]) > __builtin_fabs(m[pivot * n + k]))
				pivot = i;
		for (long j = k; pivot != k && j < n; j++) {
			double swap = m[k * n + j];
			m[k * n + j] = m[pivot * n + j];
			m[pivot * n + j] = swap;
		}
		det *= pivot != k ? -m[k * n + k] : m[k * n + k];
		if (m[k * n + k] == 0.0) /* det is 0 from now on, or NaN */
			continue;
		for (long i = k + 1; i < n; i++) {
			double factor = m[i * n + k] / m[k * n + k];
			for (long j = k + 1; j < n; j++)
				m[i * n + j] -= factor * m[k * n + j];
		}
	}
	return det;
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0] + r * P(N) * P(N);
	((VALUE_TYPE *)args->buffers[1])[r] = (VALUE_TYPE)determinant(in, P(N));
}

KERNEL_OF_ROWS
