/* Finds layer and root-mean-square normalisation over the last dim in the forms that exporters write. */
#include "compiler/lower/match.h"
#include "compiler/ops/norm.h"

/* Returns the constant along the last dim that the only user of `value`, an `op_type`, combines it with. NULL if there
 * is none. *user becomes the only user, or NULL. */
static struct value *applied(const struct value *value, const char *op_type, struct node **user)
{
	const struct shape *shape = &value->shape;
	*user = value_single_user(value);
	if (!*user || strcmp((*user)->op_type, op_type) || *(*user)->domain || (*user)->input_count != 2)
		return NULL;
	struct value *other = (*user)->inputs[(*user)->inputs[0] == value];
	if (!other->constant || other->dtype != ERC_F32 || other == value || other->shape.rank > shape->rank ||
	    shape_elements(&other->shape) != shape->dims[shape->rank - 1] || other->shape.rank < 1 ||
	    other->shape.dims[other->shape.rank - 1] != shape->dims[shape->rank - 1])
		return NULL;
	return other;
}

static void replace(struct node *root, struct value *x, double epsilon, bool rms)
{
	struct graph *graph = root->graph;
	struct value *inputs[3] = {x}, *end = root->outputs[0],
				 *out = graph_value(graph, graph_unique_name(graph, root->name));
	struct node *user, *last = root;
	int count = 1;
	if ((inputs[1] = applied(end, "Mul", &user))) {
		last = user, end = user->outputs[0], count = 2;
		if ((inputs[2] = applied(end, "Add", &user)))
			last = user, end = user->outputs[0], count = 3;
	}
	const struct attr attrs[] = {
		{.name = "axis", .kind = ATTR_INT, .i = x->shape.rank - 1},
		{.name = "mod", .kind = ATTR_INT, .i = 1},
		{.name = "step", .kind = ATTR_INT, .i = 0},
		{.name = "div", .kind = ATTR_INT, .i = 1},
		{.name = "rms", .kind = ATTR_INT, .i = rms},
		{.name = "epsilon", .kind = ATTR_FLOAT, .f = (float)epsilon},
	};
	struct node *node =
		graph_add_node(graph, last, "Normalize", graph_unique_name(graph, root->name), inputs, count, &out, 1);
	node_set_attrs(node, attrs, COUNT_OF(attrs));
	node->opset = root->opset;
	node_set_row(node, "erc", 1);
	out->dtype = ERC_F32;
	out->shape = x->shape;
	graph_replace_uses(graph, end, out);
}

static enum ercc_status recover(struct node *root, const struct match *match, bool rms, bool *done)
{
	struct value *x = matched(match, 'x');
	if (x->dtype != ERC_F32 || x->shape.rank < 1 || !shape_equal(&x->shape, &root->outputs[0]->shape))
		return ERCC_OK;
	replace(root, x, matched_number(match, 'e', 0), rms);
	*done = true;
	return ERCC_OK;
}

static enum ercc_status recover_layer(struct node *root, const struct match *match, bool *done)
{
	return recover(root, match, false, done);
}

static enum ercc_status recover_rms(struct node *root, const struct match *match, bool *done)
{
	return recover(root, match, true, done);
}

/* x is normalised; e is epsilon. */
const struct recovery norm_recoveries[] = {
	{"Div(Sub(x, ReduceMean(x)), Sqrt(Add(ReduceMean(Pow(Sub(x, ReduceMean(x)), 2)), #e)))", NULL, recover_layer},
	{"Div(Sub(x, ReduceMean(x)), Sqrt(Add(ReduceMean(Mul(Sub(x, ReduceMean(x)), Sub(x, ReduceMean(x)))), #e)))", NULL,
     recover_layer},
	{"Mul(Sub(x, ReduceMean(x)), Reciprocal(Sqrt(Add(ReduceMean(Pow(Sub(x, ReduceMean(x)), 2)), #e))))", NULL,
     recover_layer},
	{"Div(x, Sqrt(Add(ReduceMean(Pow(x, 2)), #e)))", NULL, recover_rms},
	{"Div(x, Sqrt(Add(ReduceMean(Mul(x, x)), #e)))", NULL, recover_rms},
	{"Mul(x, Reciprocal(Sqrt(Add(ReduceMean(Pow(x, 2)), #e))))", NULL, recover_rms},
	{"Mul(x, Div(1, Sqrt(Add(ReduceMean(Pow(x, 2)), #e))))", NULL, recover_rms},
	{0},
};
