/* Element-wise operators of opsets before 7, in which operands are broadcast in other ways than numpy's. */
#include "compiler/lower/op.h"

/* Before opset 7 PRelu's slope has one element per index of dim 1. */
static enum ercc_status expand_prelu(struct node *node)
{
	struct value *x = node->inputs[0], *slope = node->inputs[1];
	int64_t dims[MAX_RANK];
	for (int i = 0; i < x->shape.rank; i++)
		dims[i] = 1;
	if (slope->shape.rank == 1 && x->shape.rank > 1) {
		dims[1] = slope->shape.dims[0];
		slope = EMIT(node, "Reshape(a, b)", slope, constant_ints(node, dims, x->shape.rank));
	}
	expand_to(node, 0, EMIT(node, "PRelu(a, b)", x, slope));
	return ERCC_OK;
}

/* Before opset 7 the second operand is broadcast only on request. Then its dims are those of the first from `axis` on,
 * else the last ones, and a single element goes with every shape. */
static enum ercc_status expand_early(struct node *node)
{
	const struct shape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape;
	struct value *second = node->inputs[1];
	bool fits = shape_equal(a, b), broadcast = node_attr_int(node, "broadcast", 0) != 0;
	int64_t dims[MAX_RANK] = {0};
	int axis = a->rank - b->rank;
	if (broadcast && node_attr(node, "axis"))
		TRY(check_axis(node, node_attr_int(node, "axis", 0), a->rank, &axis));
	if (broadcast && shape_elements(b) == 1) {
		second = EMIT(node, "Reshape(a, {})", second);
	} else if (broadcast) {
		fits = axis >= 0 && axis + b->rank <= a->rank;
		for (int i = 0; fits && i < a->rank; i++) {
			bool inside = i >= axis && i < axis + b->rank;
			dims[i] = inside ? b->dims[i - axis] : 1;
			fits &= dims[i] == 1 || dims[i] == a->dims[i];
		}
		second = fits ? EMIT(node, "Reshape(a, b)", second, constant_ints(node, dims, a->rank)) : NULL;
	}
	if (!fits && !second)
		return node_fail(node, ERCC_MODEL, "shape %s does not lie in %s from axis %d on", shape_words(node, b),
		                 shape_words(node, a), axis);
	if (!fits && !broadcast)
		return node_fail(node, ERCC_MODEL, "shapes %s and %s differ, and broadcast is not set", shape_words(node, a),
		                 shape_words(node, b));
	expand_to(node, 0, EMIT(node, TEXT(node, "%s(a, b)", node->op_type), node->inputs[0], second));
	return ERCC_OK;
}

#define EARLY(name, types, ...) \
	{ \
		name, 1, 2, 2, 1, types, .expand = expand_early, .attrs = "axis=int broadcast=int", __VA_ARGS__ \
	}

const struct op ops_early[] = {
	EARLY("Add", TYPES_NUMBER, .own_types = 0),
	EARLY("Sub", TYPES_NUMBER, .own_types = 0),
	EARLY("Mul", TYPES_NUMBER, .own_types = 0),
	EARLY("Div", TYPES_NUMBER, .own_types = 0),
	EARLY("Pow", TYPES_NUMBER, .own_types = 2),
	EARLY("Equal", TYPES_ALL, .own_types = 0),
	EARLY("Less", TYPES_NUMBER, .own_types = 0),
	EARLY("Greater", TYPES_NUMBER, .own_types = 0),
	EARLY("And", TYPE(BOOL), .own_types = 0),
	EARLY("Or", TYPE(BOOL), .own_types = 0),
	EARLY("Xor", TYPE(BOOL), .own_types = 0),
	{"PRelu", 1, 2, 2, 1, TYPES_NUMBER, .expand = expand_prelu},
	{0},
};
