/* Picks boxes in the order of falling scores, and skips those that overlap an earlier pick. A row is one class of one
 * image. The candidates are a heap at the end of the row's workspace; the picks are written at its start. A pick leaves
 * the heap before it is written, so the two never collide. Bound: comparisons of boxes. Defines: CENTERED (1: boxes are
 * x, y, width, height; 0: two corners).
 * Operands: boxes, scores, maximum number of picks, overlap limit, minimum score, counts, picks. */
#ifndef CENTERED
#define CENTERED 0
#endif

/* Whether a is above b in the heap: it has the higher score, or the same score and the lower number. */
FN int is_before(const float *scores, i64_value a, i64_value b)
{
	return scores[a] > scores[b] || (a < b && scores[a] == scores[b]);
}

/* Puts the box in its place, from position `at` downwards. The heap is at the end of the workspace: heap[-1] is the
 * top, heap[-size] the last leaf. */
static void sink(const float *scores, i64_value *heap, long size, long at, i64_value box)
{
	for (long child; (child = 2 * at + 1) < size; at = child) {
		if (child + 1 < size && is_before(scores, heap[-1 - (child + 1)], heap[-1 - child]))
			child++;
		if (is_before(scores, box, heap[-1 - child]))
			break;
		heap[-1 - at] = heap[-1 - child];
	}
	heap[-1 - at] = box;
}

struct corners {
	float x0, y0, x1, y1;
};

static struct corners corners_of(const float *box)
{
	struct corners c = {box[0], box[1], box[2], box[3]};
	if (CENTERED) {
		c.x0 = box[0] - box[2] / 2, c.y0 = box[1] - box[3] / 2;
		c.x1 = box[0] + box[2] / 2, c.y1 = box[1] + box[3] / 2;
		return c;
	}
	if (c.x0 > c.x1)
		c.x0 = box[2], c.x1 = box[0];
	if (c.y0 > c.y1)
		c.y0 = box[3], c.y1 = box[1];
	return c;
}

/* Whether intersection over union is above the limit. */
static int overlap(const float *a, const float *b, float limit)
{
	struct corners x = corners_of(a), y = corners_of(b);
	float x0 = x.x0 > y.x0 ? x.x0 : y.x0, y0 = x.y0 > y.y0 ? x.y0 : y.y0;
	float x1 = x.x1 < y.x1 ? x.x1 : y.x1, y1 = x.y1 < y.y1 ? x.y1 : y.y1;
	if (x1 <= x0 || y1 <= y0)
		return 0;
	float both = (x1 - x0) * (y1 - y0);
	float either = (x.x1 - x.x0) * (x.y1 - x.y0) + (y.x1 - y.x0) * (y.y1 - y.y0) - both;
	return either > 0 && both / either > limit;
}

static void row(const struct erc_tile_args *args, const long long *p, long r)
{
	long m = P(BOXES), boxes_in_use = P(BOXES_DIM) < 0 ? m : args->dims[P(BOXES_DIM)], size = 0, count = 0;
	const float *boxes = (const float *)args->buffers[0] + r / P(CLASSES) * m * 4,
				*scores = (const float *)args->buffers[1] + r * m;
	i64_value *picks = (i64_value *)args->buffers[6] + r * m, *heap = picks + m,
			  most = *(const i64_value *)args->buffers[2];
	float limit = *(const float *)args->buffers[3], least = *(const float *)args->buffers[4];
	most = most < P(MOST) ? most : P(MOST);
	boxes_in_use = boxes_in_use < m ? boxes_in_use : m;
	for (long i = 0; i < boxes_in_use; i++)
		if (scores[i] > least)
			heap[-1 - size++] = i;
	for (long i = size / 2 - 1; i >= 0; i--)
		sink(scores, heap, size, i, heap[-1 - i]);
	while (size > 0 && count < most) {
		i64_value best = heap[-1], last = heap[-size];
		if (--size)
			sink(scores, heap, size, 0, last);
		int keep = 1;
		for (long i = 0; keep && i < count; i++)
			keep = !overlap(boxes + best * 4, boxes + picks[i] * 4, limit);
		if (keep)
			picks[count++] = best;
	}
	((i64_value *)args->buffers[5])[r] = count;
}

KERNEL_OF_ROWS
