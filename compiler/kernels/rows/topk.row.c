/* The k largest or smallest elements of each line, the best first, equal ones in the order of their positions. NaNs are
 * larger than all numbers, and equal. A row is one line of `count` elements, `inner` apart. While the line is read, the
 * output is a heap with the worst element on top; then it is sorted in place. Defines: T (dtype), BETTER over a and b
 * (two elements). */
#ifndef T
#define T f32
#define BETTER GREATER(a, b)
#endif

struct heap {
	VALUE_TYPE *value;
	i64_value *index;
	long inner;
};

FN int is_better(VALUE_TYPE a, i64_value a_index, VALUE_TYPE b, i64_value b_index)
{
	return BETTER ? 1 : a == b || (a != a && b != b) ? a_index < b_index : 0;
}

/* Puts an element in its place among the first `size` of the heap, from position `at` downwards. */
static void sink(struct heap *h, long at, long size, VALUE_TYPE value, i64_value index)
{
	for (long child; (child = 2 * at + 1) < size; at = child) {
		long left = child * h->inner, right = left + h->inner;
		if (child + 1 < size && is_better(h->value[left], h->index[left], h->value[right], h->index[right]))
			child++;
		if (!is_better(value, index, h->value[child * h->inner], h->index[child * h->inner]))
			break;
		h->value[at * h->inner] = h->value[child * h->inner];
		h->index[at * h->inner] = h->index[child * h->inner];
	}
	h->value[at * h->inner] = value;
	h->index[at * h->inner] = index;
}

static void line(const VALUE_TYPE *in, struct heap *h, long count, long k)
{
	for (long i = 0; i < k; i++) {
		h->value[i * h->inner] = in[i * h->inner];
		h->index[i * h->inner] = i;
	}
	for (long i = k / 2 - 1; i >= 0; i--)
		sink(h, i, k, h->value[i * h->inner], h->index[i * h->inner]);
	for (long i = k; i < count; i++)
		if (is_better(in[i * h->inner], i, h->value[0], h->index[0]))
			sink(h, 0, k, in[i * h->inner], i);
	for (long last = k - 1; last > 0; last--) {
		VALUE_TYPE value = h->value[last * h->inner];
		i64_value index = h->index[last * h->inner];
		h->value[last * h->inner] = h->value[0];
		h->index[last * h->inner] = h->index[0];
		sink(h, 0, last, value, index);
	}
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long count = P(COUNT), inner = P(INNER), k = P(K);
	long to = r / inner * k * inner + r % inner;
	struct heap h = {(VALUE_TYPE *)args->buffers[1] + to, (i64_value *)args->buffers[2] + to, inner};
	line((const VALUE_TYPE *)args->buffers[0] + r / inner * count * inner + r % inner, &h, count, k);
}

KERNEL_OF_ROWS
