/* Operators that an exporter took apart are put together again, by patterns written as text (match.h): layer
 * normalisation, root-mean-square normalisation and softmax over the last dim, and attention. Activations in their
 * parts are left: on the plan they become one expression anyway. */
#include "compiler/passes/pass.h"

#include "compiler/passes/match.h"

static const struct pattern {
	const char *text; /* x is what is normalised, e its epsilon */
	bool rms;
} norms[] = {
	{"Div(Sub(x, ReduceMean(x)), Sqrt(Add(ReduceMean(Pow(Sub(x, ReduceMean(x)), 2)), #e)))", false},
	{"Div(Sub(x, ReduceMean(x)), Sqrt(Add(ReduceMean(Mul(Sub(x, ReduceMean(x)), Sub(x, ReduceMean(x)))), #e)))", false},
	{"Mul(Sub(x, ReduceMean(x)), Reciprocal(Sqrt(Add(ReduceMean(Pow(Sub(x, ReduceMean(x)), 2)), #e))))", false},
	{"Div(x, Sqrt(Add(ReduceMean(Pow(x, 2)), #e)))", true},
	{"Div(x, Sqrt(Add(ReduceMean(Mul(x, x)), #e)))", true},
	{"Mul(x, Reciprocal(Sqrt(Add(ReduceMean(Pow(x, 2)), #e))))", true},
	{"Mul(x, Div(1, Sqrt(Add(ReduceMean(Pow(x, 2)), #e))))", true},
};

/* The constant along the last dim that the only user of `value`, an `op_type`, applies to it; NULL when there is none. */
static struct value *applied(const struct graph *graph, const struct value *value, const char *op_type,
                             struct node **user)
{
	const struct shape *shape = &value->shape;
	*user = graph_single_user(graph, value);
	if (!*user || strcmp((*user)->op_type, op_type) || *(*user)->domain || (*user)->input_count != 2)
		return NULL;
	struct value *other = (*user)->inputs[(*user)->inputs[0] == value];
	if (!other->constant || other->dtype != ERC_F32 || other == value || other->shape.rank > shape->rank ||
	    shape_elements(&other->shape) != shape->dims[shape->rank - 1] || other->shape.rank < 1 ||
	    other->shape.dims[other->shape.rank - 1] != shape->dims[shape->rank - 1])
		return NULL;
	return other;
}

static void replace(struct graph *graph, struct node *root, struct value *x, double epsilon, bool rms)
{
	struct value *inputs[3] = {x}, *end = root->outputs[0],
				 *out = graph_value(graph, graph_unique_name(graph, root->name));
	struct node *user, *last = root;
	int count = 1;
	if ((inputs[1] = applied(graph, end, "Mul", &user))) {
		last = user, end = user->outputs[0], count = 2;
		if ((inputs[2] = applied(graph, end, "Add", &user)))
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
	node->domain = "erc";
	node->opset = root->opset;
	node->op = op_find("erc", "Normalize", 23);
	out->dtype = ERC_F32;
	out->shape = x->shape;
	graph_replace_uses(graph, end, out);
}

static bool recover_norm(struct graph *graph, struct node *node)
{
	for (size_t i = 0; i < COUNT_OF(norms); i++) {
		struct match match;
		if (!match_text(&match, NULL, norms[i].text, node->outputs[0]))
			continue;
		struct value *x = matched(&match, 'x');
		if (x->dtype != ERC_F32 || x->shape.rank < 1 || !shape_equal(&x->shape, &node->outputs[0]->shape))
			continue;
		replace(graph, node, x, matched_number(&match, 'e', 0), norms[i].rms);
		return true;
	}
	return false;
}

static enum ercc_status recover_softmax(struct graph *graph, struct node *node, bool *done)
{
	struct match match;
	*done = match_text(&match, NULL, "Div(n=Exp(Sub(x, ReduceMax(x))), ReduceSum(n))", node->outputs[0]) &&
	        matched(&match, 'x')->dtype == ERC_F32 && shape_run_time_dim(&matched(&match, 'x')->shape) < 0;
	if (!*done)
		return ERCC_OK;
	struct value *out = EMIT(node, "Softmax[axis=-1](a)", matched(&match, 'x'));
	TRY(out->producer->op->infer(out->producer));
	graph_replace_uses(graph, node->outputs[0], out);
	return ERCC_OK;
}

enum ercc_status pass_recover(struct graph *graph)
{
	for (struct node *node = graph->first; node; node = node->next) {
		bool done = !node->outputs[0] || recover_norm(graph, node);
		if (!done)
			TRY(recover_softmax(graph, node, &done));
		if (!done)
			TRY(recover_attention(graph, node, &done));
	}
	return ERCC_OK;
}
