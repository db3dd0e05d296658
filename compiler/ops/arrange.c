/* Operators that arrange elements: Trilu, OneHot, DepthToSpace, SpaceToDepth, CenterCropPad, ReverseSequence,
 * TensorScatter, BitCast. All but BitCast are expanded into moves, comparisons with constant ranges, and gathers. */
#include "compiler/ops/sizes.h"

/* Keeps the elements on or above the k-th diagonal (column - row >= k), or on or below it (column - row <= k); all
 * others become 0. */
static enum ercc_status expand_trilu(struct node *node)
{
	struct value *x = node->inputs[0], *k = node_input(node, 1);
	int rank = x->shape.rank;
	bool upper = node_attr_int(node, "upper", 1) != 0;
	if (rank < 2)
		return node_fail(node, ERCC_MODEL, "needs rank 2 or more, found %d", rank);
	if (k && (k->dtype != ERC_I64 || shape_elements(&k->shape) != 1))
		return node_fail(node, ERCC_MODEL, "k must be one i64, found %s%s", dtype_name(k->dtype),
		                 shape_words(node, &k->shape));
	struct value *rows = constant_positions(node, x->shape.dims[rank - 2], 0, 2),
				 *columns = constant_positions(node, x->shape.dims[rank - 1], 1, 2);
	struct value *diagonal = k ? EMIT(node, "Add(a, b)", rows, k) : rows;
	struct value *keep = EMIT(node, upper ? "LessOrEqual(a, b)" : "LessOrEqual(b, a)", diagonal, columns);
	expand_to(node, 0, EMIT(node, "Where(b, a, c)", x, keep, constant_number(node, x->dtype, 0)));
	return ERCC_OK;
}

static enum ercc_status expand_one_hot(struct node *node)
{
	struct value *indices = node->inputs[0], *values = node->inputs[2];
	const struct tensor *depth;
	int axis, rank = indices->shape.rank + 1;
	TRY(constant_input(node, 1, "depth", &depth));
	if (shape_elements(&depth->shape) != 1 || values->shape.rank != 1 || values->shape.dims[0] != 2)
		return node_fail(node, ERCC_MODEL, "depth must be one number and values two, found %s and %s",
		                 shape_words(node, &depth->shape), shape_words(node, &values->shape));
	int64_t size = (int64_t)tensor_float(depth, 0);
	if (rank > MAX_RANK || size < 1 || size > 1 << 28)
		return node_fail(node, ERCC_UNSUPPORTED,
		                 "a depth of %lld for a result of rank %d; 1 to 2^28 and up to rank %d are supported",
		                 (long long)size, rank, MAX_RANK);
	TRY(check_axis(node, node_attr_int(node, "axis", -1), rank, &axis));
	struct value *at = EMIT(node, TEXT(node, "Unsqueeze(Cast[to=%d](a), {%d})", ERC_I64, axis), indices);
	struct value *from_zero = EMIT(node, TEXT(node, "Where(Less(b, a), Add(b, c), b)"),
	                               constant_number(node, ERC_I64, 0), at, constant_number(node, ERC_I64, (double)size));
	struct value *hot = EMIT(node, "Equal(a, b)", constant_positions(node, size, axis, rank), from_zero);
	expand_to(node, 0, EMIT(node, "Where(a, Slice(b, {1}, {2}), Slice(b, {0}, {1}))", hot, values));
	return ERCC_OK;
}

/* [n, c, h, w] <-> blocks of block x block: both directions are a transposition of six dims. */
static enum ercc_status expand_depth_to_space(struct node *node)
{
	struct value *x = node->inputs[0];
	int64_t block = node_attr_int(node, "blocksize", 0), *d = x->shape.dims;
	bool crd = !strcmp(node_attr_text(node, "mode", "DCR"), "CRD");
	if (x->shape.rank != 4 || block < 1 || block > 1 << 15 || d[1] % (block * block))
		return node_fail(node, ERCC_MODEL,
		                 "input %s and blocksize %lld; wanted rank 4, and channels in groups of blocksize^2",
		                 shape_words(node, &x->shape), (long long)block);
	int64_t c = d[1] / (block * block);
	int64_t split_dcr[] = {d[0], block, block, c, d[2], d[3]}, split_crd[] = {d[0], c, block, block, d[2], d[3]};
	int64_t out[] = {d[0], c, d[2] * block, d[3] * block};
	const char *text = crd ? "Reshape(Transpose[perm=0:1:4:2:5:3](Reshape(a, b)), c)"
	                       : "Reshape(Transpose[perm=0:3:4:1:5:2](Reshape(a, b)), c)";
	expand_to(node, 0,
	          EMIT(node, text, x, constant_ints(node, crd ? split_crd : split_dcr, 6), constant_ints(node, out, 4)));
	return ERCC_OK;
}

static enum ercc_status expand_space_to_depth(struct node *node)
{
	struct value *x = node->inputs[0];
	int64_t block = node_attr_int(node, "blocksize", 0), *d = x->shape.dims;
	if (x->shape.rank != 4 || block < 1 || d[2] % block || d[3] % block)
		return node_fail(node, ERCC_MODEL, "input %s and blocksize %lld; wanted rank 4, and height and width in blocks",
		                 shape_words(node, &x->shape), (long long)block);
	int64_t split[] = {d[0], d[1], d[2] / block, block, d[3] / block, block};
	int64_t out[] = {d[0], d[1] * block * block, d[2] / block, d[3] / block};
	const char *text = strcmp(node_attr_text(node, "mode", "DCR"), "CRD")
	                       ? "Reshape(Transpose[perm=0:3:5:1:2:4](Reshape(a, b)), c)"
	                       : "Reshape(Transpose[perm=0:1:3:5:2:4](Reshape(a, b)), c)";
	expand_to(node, 0, EMIT(node, text, x, constant_ints(node, split, 6), constant_ints(node, out, 4)));
	return ERCC_OK;
}

static enum ercc_status expand_center_crop_pad(struct node *node)
{
	struct value *x = node->inputs[0];
	const struct shape *in = &x->shape;
	struct shape stated;
	int64_t wanted[MAX_RANK], axes[MAX_RANK], start[MAX_RANK] = {0}, end[MAX_RANK], pads[2 * MAX_RANK] = {0},
											  all[MAX_RANK];
	int count, axis_count, axis;
	bool crops = false, pad = false;
	TRY(int_list(node, "axes", -1, axes, MAX_RANK, &axis_count));
	TRY(check_axes(node, axes, axis_count, in->rank));
	if (!node->inputs[1]->constant && stated_shape(node, &stated) && stated.rank == in->rank) {
		count = axis_count < 0 ? in->rank : axis_count;
		for (int i = 0; i < count; i++) {
			TRY(check_axis(node, axis_count < 0 ? i : axes[i], in->rank, &axis));
			wanted[i] = stated.dims[axis];
		}
		tell_stated(node, &stated);
	} else {
		TRY(int_list(node, "shape", 1, wanted, MAX_RANK, &count));
	}
	if (count != (axis_count < 0 ? in->rank : axis_count))
		return node_fail(node, ERCC_MODEL, "shape has %d entries for %d axes", count,
		                 axis_count < 0 ? in->rank : axis_count);
	for (int i = 0; i < in->rank; i++)
		end[i] = in->dims[i], all[i] = i;
	for (int i = 0; i < count; i++) {
		TRY(check_axis(node, axis_count < 0 ? i : axes[i], in->rank, &axis));
		if (wanted[i] < 0 || wanted[i] > MAX_ELEMENTS)
			return node_fail(node, ERCC_MODEL, "a size of %lld is negative or too large", (long long)wanted[i]);
		int64_t size = in->dims[axis], more = wanted[i] - size;
		if (more < 0) {
			start[axis] = -more / 2;
			end[axis] = start[axis] + wanted[i];
			crops = true;
		} else if (more > 0) {
			pads[axis] = more / 2;
			pads[in->rank + axis] = more - more / 2;
			pad = true;
		}
	}
	if (crops)
		x = EMIT(node, "Slice(a, b, c, d)", x, constant_ints(node, start, in->rank), constant_ints(node, end, in->rank),
		         constant_ints(node, all, in->rank));
	if (pad)
		x = EMIT(node, "Pad(a, b)", x, constant_ints(node, pads, 2 * in->rank));
	expand_to(node, 0, x);
	return ERCC_OK;
}

/* In a sequence of length n, output position t < n takes input position n - 1 - t. Positions from n on stay. */
static enum ercc_status expand_reverse_sequence(struct node *node)
{
	struct value *x = node->inputs[0], *lengths = node->inputs[1];
	int rank = x->shape.rank, batch, time;
	int64_t dims[MAX_RANK];
	TRY(check_axis(node, node_attr_int(node, "batch_axis", 1), rank, &batch));
	TRY(check_axis(node, node_attr_int(node, "time_axis", 0), rank, &time));
	if (batch == time || lengths->dtype != ERC_I64 || lengths->shape.rank != 1 ||
	    lengths->shape.dims[0] != x->shape.dims[batch])
		return node_fail(node, ERCC_MODEL,
		                 "sequence_lens %s%s for data %s with batch axis %d and time axis %d; wanted one i64 for each "
		                 "of the batch, and two axes",
		                 dtype_name(lengths->dtype), shape_words(node, &lengths->shape), shape_words(node, &x->shape),
		                 batch, time);
	for (int i = 0; i < rank; i++)
		dims[i] = i == batch ? x->shape.dims[batch] : 1;
	struct value *t = constant_positions(node, x->shape.dims[time], time, rank);
	struct value *n =
		EMIT(node, "Reshape(a, b)", emit_lengths(node, lengths, x->shape.dims[time]), constant_ints(node, dims, rank));
	struct value *from = EMIT(node, "Where(Less(a, b), Sub(Sub(b, a), 1), a)", t, n);
	expand_to(node, 0,
	          EMIT(node, TEXT(node, "GatherElements[axis=%d](a, Expand(b, c))", time), x, from,
	               constant_ints(node, x->shape.dims, rank)));
	return ERCC_OK;
}

/* Writes `update` into a cache along an axis, starting at a position that each batch gives. */
static enum ercc_status expand_tensor_scatter(struct node *node)
{
	struct value *cache = node->inputs[0], *update = node->inputs[1], *start = node_input(node, 2);
	int rank = cache->shape.rank, axis;
	int64_t dims[MAX_RANK];
	TRY(check_axis(node, node_attr_int(node, "axis", -2), rank, &axis));
	TRY(check_same_dtype(node, 1));
	bool fits =
		update->shape.rank == rank && axis > 0 &&
		(!start || (start->dtype == ERC_I64 && start->shape.rank == 1 && start->shape.dims[0] == cache->shape.dims[0]));
	for (int i = 0; fits && i < rank; i++)
		fits =
			i == axis ? update->shape.dims[i] <= cache->shape.dims[i] : update->shape.dims[i] == cache->shape.dims[i];
	if (!fits)
		return node_fail(node, ERCC_MODEL, "update %s does not fit into %s along axis %d",
		                 shape_words(node, &update->shape), shape_words(node, &cache->shape), axis);
	for (int i = 0; i < rank; i++)
		dims[i] = i == 0 ? cache->shape.dims[0] : 1;
	struct value *at = constant_positions(node, update->shape.dims[axis], axis, rank);
	if (start)
		at = EMIT(node, "Add(a, Reshape(b, c))", at, start, constant_ints(node, dims, rank));
	if (!strcmp(node_attr_text(node, "mode", "linear"), "circular"))
		at = EMIT(node, "Mod(a, b)", at, constant_number(node, ERC_I64, (double)cache->shape.dims[axis]));
	expand_to(node, 0,
	          EMIT(node, TEXT(node, "ScatterElements[axis=%d, positions=1](a, Expand(b, c), d)", axis), cache, at,
	               constant_ints(node, update->shape.dims, rank), update));
	return ERCC_OK;
}

/* ---- BitCast: the same bytes as another dtype ---- */

static enum ercc_status infer_bit_cast(struct node *node)
{
	int64_t to = node_attr_int(node, "to", 0);
	if (to < 0 || to >= ERC_DTYPE_COUNT || !(TYPES_MOVED >> to & 1))
		return node_fail(node, ERCC_UNSUPPORTED, "to dtype %lld, which is not supported", (long long)to);
	enum erc_dtype from = node->inputs[0]->dtype, dtype = (enum erc_dtype)to;
	if (dtype_bytes(dtype) != dtype_bytes(from) || dtype_packing(dtype) != dtype_packing(from))
		return node_fail(node, ERCC_MODEL, "%s and %s differ in size", dtype_name(from), dtype_name(dtype));
	return set_output(node, 0, dtype, &node->inputs[0]->shape);
}

static enum ercc_status lower_bit_cast(struct lowering *lowering, struct node *node)
{
	return lower_alias(lowering, node, node->outputs[0], node->inputs[0]);
}

const struct op ops_arrange[] = {
	{"Trilu", 14, 1, 2, 1, TYPES_ALL, .rows = "+->+", .expand = expand_trilu, .attrs = "upper=int"},
	{"OneHot", 9, 3, 3, 1, TYPES_NUMBER, .expand = expand_one_hot, .own_types = 3, .input_types = {[1] = TYPES_NUMBER},
     .attrs = "axis=int", .sizes = true},
	{"DepthToSpace", 1, 1, 1, 1, TYPES_MOVED, .rows = "n*->n*", .expand = expand_depth_to_space,
     .attrs = "blocksize=int mode=text:DCR|CRD@11"},
	{"SpaceToDepth", 1, 1, 1, 1, TYPES_MOVED, .rows = "n*->n*", .expand = expand_space_to_depth,
     .attrs = "blocksize=int mode=text:DCR|CRD@28"},
	{"CenterCropPad", 18, 2, 2, 1, TYPES_ALL, .expand = expand_center_crop_pad, .attrs = "axes=ints"},
	{"ReverseSequence", 10, 2, 2, 1, TYPES_MOVED, .rows = "+!time_axis=0,#batch_axis=1->+",
     .expand = expand_reverse_sequence, .attrs = "batch_axis=int time_axis=int"},
	{"TensorScatter", 24, 2, 3, 1, TYPES_MOVED, .expand = expand_tensor_scatter,
     .attrs = "axis=int mode=text:linear|circular"},
	{"BitCast", 26, 1, 1, 1, TYPES_MOVED, infer_bit_cast, lower_bit_cast, .layout = NULL, .attrs = "to=int"},
	{0},
};
