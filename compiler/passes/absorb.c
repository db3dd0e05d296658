/* Removes copies that only rearrange elements (Transpose, Split, Slice, Expand) where a launch beside the copy follows
 * strides. The launch after the copy then reads what the copy read, or the launch before it writes what the copy
 * wrote. */
#include "compiler/passes/pass.h"

#include <stdlib.h>

/* A buffer that a copy reads or writes completely, seen as digits of a mixed radix, the most significant digit first.
 * The index of an element in this buffer is the sum of digit * whole. Its index on the copy's other side is the sum of
 * digit * part. */
struct digits {
	struct {
		int64_t dim, whole, part;
	} items[MAX_RANK];
	int count;
};

static bool is_copy(const struct launch *launch)
{
	return launch->template->pointwise && launch->operand_count == 2 && expr_is_copy(&launch->expr);
}

static int64_t bytes_before(const struct operand *operand)
{
	int64_t offset;
	buffer_root(operand->buffer, &offset);
	return offset + operand->offset;
}

/* Returns false unless the `whole` side visits each element of its buffer exactly once. */
static bool read_digits(const struct launch *copy, const struct operand *whole, const struct operand *part,
                        struct digits *digits)
{
	int64_t offset, elements = 1;
	const struct buffer *root = buffer_root(whole->buffer, &offset);
	digits->count = 0;
	for (int d = 0; d < copy->space.rank; d++) {
		if (copy->space.dims[d] == 1)
			continue;
		int at = digits->count++;
		for (; at > 0 && digits->items[at - 1].whole < whole->strides[d]; at--)
			digits->items[at] = digits->items[at - 1];
		digits->items[at].dim = copy->space.dims[d];
		digits->items[at].whole = whole->strides[d];
		digits->items[at].part = part->strides[d];
	}
	for (int i = digits->count - 1; i >= 0; i--) {
		if (digits->items[i].whole != elements)
			return false;
		elements *= digits->items[i].dim;
	}
	return bytes_before(whole) == 0 && elements * (int64_t)dtype_bytes(whole->dtype) == root->bytes;
}

/* Merges neighbouring digits where both sides walk the two with one stride. */
static void merge_digits(struct digits *digits)
{
	int count = 0;
	for (int i = 0; i < digits->count; i++) {
		int last = count - 1;
		if (count && digits->items[last].part == digits->items[i].part * digits->items[i].dim) {
			digits->items[last].dim *= digits->items[i].dim;
			digits->items[last].whole = digits->items[i].whole;
			digits->items[last].part = digits->items[i].part;
		} else {
			digits->items[count++] = digits->items[i];
		}
	}
	digits->count = count;
}

/* Turns an operand that walks the whole side into one that walks the other side. Returns false where a step of the
 * operand would carry from one digit into the next. */
static bool translate(const struct launch *launch, const struct operand *operand, const struct digits *digits,
                      const struct operand *part, struct operand *out)
{
	int64_t bytes = (int64_t)dtype_bytes(operand->dtype), first = bytes_before(operand) / bytes, reach[MAX_RANK] = {0};
	*out = *operand;
	out->buffer = part->buffer;
	out->offset = part->offset;
	for (int i = 0; i < digits->count; i++) {
		reach[i] = first / digits->items[i].whole % digits->items[i].dim;
		out->offset += reach[i] * digits->items[i].part * bytes;
	}
	for (int d = 0; d < launch->space.rank; d++) {
		int64_t stride = operand->strides[d], dim = launch->space.dims[d];
		int i = 0;
		if (dim == 1 || stride == 0)
			continue;
		while (i < digits->count && digits->items[i].whole > stride)
			i++;
		if (i == digits->count || stride % digits->items[i].whole)
			return false;
		reach[i] += (dim - 1) * (stride / digits->items[i].whole);
		out->strides[d] = stride / digits->items[i].whole * digits->items[i].part;
	}
	for (int i = 0; i < digits->count; i++)
		if (reach[i] >= digits->items[i].dim)
			return false;
	return true;
}

/* Makes the operand read what the copy before it read. Removes the copy if nothing else reads its output. Returns false
 * and changes nothing where this is impossible. */
static bool absorb_before(struct plan *plan, struct launch *launch, struct operand *operand)
{
	int64_t offset;
	struct digits digits;
	struct operand out;
	struct buffer *root = buffer_root(operand->buffer, &offset);
	struct launch *copy = buffer_writer(root);
	if (root->kind != BUFFER_ARENA || !copy || !is_copy(copy) || !launch_reads_last(copy, launch) ||
	    launch_overwrites(launch, copy) || dtype_bytes(copy->operands[0].dtype) != dtype_bytes(operand->dtype) ||
	    !read_digits(copy, &copy->operands[1], &copy->operands[0], &digits))
		return false;
	merge_digits(&digits);
	if (!translate(launch, operand, &digits, &copy->operands[0], &out))
		return false;
	launch_drop_uses(launch);
	*operand = out;
	launch_add_uses(launch);
	if (root->reads == 0)
		plan_remove_launch(plan, copy);
	return true;
}

/* Makes the launch write what the copy after it wrote, and removes the copy. The copy must be the only reader. Returns
 * false and changes nothing where this is impossible. */
static bool absorb_behind(struct plan *plan, struct launch *launch)
{
	int64_t offset;
	struct digits digits;
	struct operand out, *operand = &launch->operands[launch->operand_count - 1];
	struct buffer *root = buffer_root(operand->buffer, &offset);
	struct launch *copy = buffer_reader(root);
	if (root->kind != BUFFER_ARENA || root->writes != 1 || !copy || !is_copy(copy) ||
	    !launch_writes_early(launch, copy) || dtype_bytes(copy->operands[0].dtype) != dtype_bytes(operand->dtype) ||
	    !read_digits(copy, &copy->operands[0], &copy->operands[1], &digits))
		return false;
	merge_digits(&digits);
	if (!translate(launch, operand, &digits, &copy->operands[1], &out))
		return false;
	launch_drop_uses(launch);
	*operand = out;
	launch_add_uses(launch);
	plan_remove_launch(plan, copy);
	return true;
}

enum ercc_status pass_absorb(struct plan *plan)
{
	plan_count_uses(plan);
	for (struct launch *launch = plan->first; launch; launch = launch->next) {
		if (!launch->template->strided)
			continue;
		for (int i = 0; i < launch->input_count; i++)
			while (absorb_before(plan, launch, &launch->operands[i]))
				;
		while (absorb_behind(plan, launch))
			;
	}
	return ERCC_OK;
}
