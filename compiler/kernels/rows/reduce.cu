/* Reduces some dims of a strided tensor. MEMBERS times LANES_KEPT threads compute a row, which is LANES_KEPT
 * neighbouring output elements (see reduce.row.c). Each thread takes every MEMBERS-th element, in the order of the
 * input. The first LANES_KEPT threads then combine the results in the order of the members. Bound: memory. Not measured
 * on a GPU yet.
 * Defines: those of reduce.row.c, and MEMBERS. */
#ifndef LANES_KEPT
#define LANES_KEPT 1
#define T f32
#define ACCUMULATOR f64
#define START f64_value v0 = 0.0;
#define COMBINE f64_value v1 = f64_add(LOAD0, LOAD1);
#define COMBINED v1
#define MERGE f64_value v3 = f64_add(LOAD0, LOAD1);
#define MERGED v3
#define FINISH f32_value v2 = LOAD0 / LOAD2;
#define FINISHED v2
#define MEMBERS 1
#endif

#define LOAD0 so_far
#define LOAD1 element
#define LOAD2 n

FN ACCUMULATOR_TYPE reduce_some(const VALUE_TYPE *in, const long long *g, int gone, int count, int member,
                                ACCUMULATOR_TYPE n)
{
	int inner = gone ? (int)g[2 * gone - 2] : 1;
	long long step = gone ? g[2 * gone - 1] : 0;
	START
	ACCUMULATOR_TYPE value = v0;
	(void)n;
	for (int i = member; i < count; i += MEMBERS) {
		const VALUE_TYPE *at = in + i % inner * step;
		for (int d = gone - 2, left = i / inner; d >= 0; d--) {
			at += left % (int)g[2 * d] * g[2 * d + 1];
			left /= (int)g[2 * d];
		}
		ACCUMULATOR_TYPE so_far = value, element = *at;
		COMBINE
		value = COMBINED;
	}
	return value;
}

FN VALUE_TYPE finish(ACCUMULATOR_TYPE so_far, ACCUMULATOR_TYPE n)
{
	ACCUMULATOR_TYPE element = 0;
	(void)element, (void)n;
	FINISH
	return FINISHED;
}

FN ACCUMULATOR_TYPE merge(ACCUMULATOR_TYPE so_far, ACCUMULATOR_TYPE element, ACCUMULATOR_TYPE n)
{
	(void)n;
	MERGE
	return MERGED;
}

TILE_BODY
{
	const long long *p = (const long long *)args->params, *k = p + PARAM_DIMS, *g = k + 2 * P(KEPT);
	long end = (tile + 1) * P(ROWS_PER_TILE) < P(ROWS_TOTAL) ? (tile + 1) * P(ROWS_PER_TILE) : P(ROWS_TOTAL);
	int lane = THREAD % LANES_KEPT, member = THREAD / LANES_KEPT % MEMBERS, count = (int)P(COUNT);
	ACCUMULATOR_TYPE *found = (ACCUMULATOR_TYPE *)local + THREAD / (LANES_KEPT * MEMBERS) * (LANES_KEPT * MEMBERS),
					 n = (ACCUMULATOR_TYPE)count;
	for (long first = tile * P(ROWS_PER_TILE); first < end; first += THREADS / (LANES_KEPT * MEMBERS)) {
		long r = first + THREAD / (LANES_KEPT * MEMBERS);
		const VALUE_TYPE *in = (const VALUE_TYPE *)args->buffers[0];
		long left = r * LANES_KEPT + lane;
		for (int d = (int)P(KEPT) - 1; d >= 0; d--) {
			in += left % k[2 * d] * k[2 * d + 1];
			left /= k[2 * d];
		}
		ACCUMULATOR_TYPE value = reduce_some(in, g, (int)P(GONE), r < end ? count : 0, member, n);
		if (MEMBERS > 1) {
			found[member * LANES_KEPT + lane] = value;
			barrier();
			for (int i = 1; i < MEMBERS && member == 0; i++)
				value = merge(value, found[i * LANES_KEPT + lane], n);
			barrier();
		}
		if (member == 0 && r < end)
			((VALUE_TYPE *)args->buffers[1])[r * LANES_KEPT + lane] = finish(value, n);
	}
}
