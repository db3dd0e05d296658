/* Operators that an exporter took apart are put together again: layer normalisation and
 * root-mean-square normalisation over the last dim, in the forms that exports have. What a pattern
 * describes stands as text; a lower-case letter is any value, the same one wherever it stands. */
#include "pass.h"

#include <ctype.h>
#include <stdlib.h>

#define VARIABLES 26

struct match {
	struct value *values[VARIABLES]; /* by letter; NULL: not met yet */
};

static const struct pattern {
	const char *text; /* x is what is normalised, e its epsilon */
	bool rms;
} patterns[] = {
	{"Div(Sub(x, ReduceMean(x)), Sqrt(Add(ReduceMean(Pow(Sub(x, ReduceMean(x)), 2)), e)))", false},
	{"Div(Sub(x, ReduceMean(x)), Sqrt(Add(ReduceMean(Mul(Sub(x, ReduceMean(x)), Sub(x, ReduceMean(x)))), e)))", false},
	{"Mul(Sub(x, ReduceMean(x)), Reciprocal(Sqrt(Add(ReduceMean(Pow(Sub(x, ReduceMean(x)), 2)), e))))", false},
	{"Div(x, Sqrt(Add(ReduceMean(Pow(x, 2)), e)))", true},
	{"Div(x, Sqrt(Add(ReduceMean(Mul(x, x)), e)))", true},
	{"Mul(x, Reciprocal(Sqrt(Add(ReduceMean(Pow(x, 2)), e))))", true},
	{"Mul(x, Div(1, Sqrt(Add(ReduceMean(Pow(x, 2)), e))))", true},
};

/* One f32 number, known now. */
static bool is_number(const struct value *value, double *number)
{
	if (!value->constant || value->dtype != ERC_F32 || shape_elements(&value->shape) != 1)
		return false;
	*number = tensor_float(value->constant, 0);
	return true;
}

/* A mean over the last dim, which is kept as 1. */
static bool is_over_last(const struct node *node)
{
	int64_t axes[MAX_RANK];
	int count, rank = node->inputs[0]->shape.rank;
	if (node_input(node, 1) && !node->inputs[1]->constant)
		return false;
	if (node_attr_int(node, "keepdims", 1) != 1 || rank < 1 ||
	    int_list(node, "axes", 1, axes, MAX_RANK, &count) != ERCC_OK || count != 1)
		return false;
	return axes[0] == -1 || axes[0] == rank - 1;
}

static bool match_value(struct match *match, const char **text, struct value *value);

static void skip(const char **text, char c)
{
	*text += **text == c;
	while (**text == ' ')
		++*text;
}

/* The arguments, in this order of the node's inputs. On failure *text and *match are undefined. */
static bool match_inputs(struct match *match, const char **text, const struct node *node, bool is_swapped)
{
	for (int i = 0; **text != ')'; i++) {
		int slot = is_swapped ? !i : i;
		skip(text, ',');
		if (slot >= node->input_count || !node->inputs[slot] || !match_value(match, text, node->inputs[slot]))
			return false;
	}
	skip(text, ')');
	return true;
}

static bool match_node(struct match *match, const char **text, struct value *value)
{
	const struct node *node = value->producer;
	size_t length = strcspn(*text, "(");
	if (!node || *node->domain || strncmp(node->op_type, *text, length) || node->op_type[length])
		return false;
	if (!strcmp(node->op_type, "ReduceMean") && !is_over_last(node))
		return false;
	*text += length + 1;
	bool commutes = !strcmp(node->op_type, "Add") || !strcmp(node->op_type, "Mul");
	struct match saved = *match;
	const char *inputs = *text;
	if (match_inputs(match, text, node, false))
		return true;
	*match = saved;
	*text = inputs;
	return commutes && match_inputs(match, text, node, true);
}

static bool match_value(struct match *match, const char **text, struct value *value)
{
	double number;
	if (isupper((unsigned char)**text))
		return match_node(match, text, value);
	if (isdigit((unsigned char)**text)) {
		char *end;
		double wanted = strtod(*text, &end);
		*text = end;
		return is_number(value, &number) && number == wanted;
	}
	struct value **bound = &match->values[**text - 'a'];
	++*text;
	if (!*bound)
		*bound = value;
	return *bound == value;
}

/* The constant along the last dim that the only user of `value`, an `op_type`, applies to it; NULL when there is none. */
static struct value *applied(const struct graph *graph, const struct value *value, const char *op_type, struct node **user)
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
	struct value *inputs[3] = {x}, *end = root->outputs[0], *out = graph_value(graph, graph_unique_name(graph, root->name));
	struct node *user, *last = root;
	int count = 1;
	bool older;
	if ((inputs[1] = applied(graph, end, "Mul", &user))) {
		last = user, end = user->outputs[0], count = 2;
		if ((inputs[2] = applied(graph, end, "Add", &user)))
			last = user, end = user->outputs[0], count = 3;
	}
	const struct attr attrs[] = {
		{.name = "axis", .kind = ATTR_INT, .i = x->shape.rank - 1}, {.name = "mod", .kind = ATTR_INT, .i = 1},
		{.name = "step", .kind = ATTR_INT, .i = 0}, {.name = "div", .kind = ATTR_INT, .i = 1},
		{.name = "rms", .kind = ATTR_INT, .i = rms}, {.name = "epsilon", .kind = ATTR_FLOAT, .f = (float)epsilon},
	};
	struct node *node = graph_add_node(graph, last, "Normalize", graph_unique_name(graph, root->name), inputs, count, &out, 1);
	node_set_attrs(node, attrs, COUNT_OF(attrs));
	node->domain = "erc";
	node->opset = root->opset;
	node->op = op_find("erc", "Normalize", 23, &older);
	out->dtype = ERC_F32;
	out->shape = x->shape;
	graph_replace_uses(graph, end, out);
}

enum ercc_status pass_recover(struct graph *graph)
{
	for (struct node *node = graph->first; node; node = node->next)
		for (size_t i = 0; i < COUNT_OF(patterns); i++) {
			struct match match = {0};
			const char *text = patterns[i].text;
			double epsilon;
			if (node->output_count < 1 || !node->outputs[0] || !match_value(&match, &text, node->outputs[0]))
				continue;
			struct value *x = match.values['x' - 'a'];
			if (x->dtype != ERC_F32 || x->shape.rank < 1 || !shape_equal(&x->shape, &node->outputs[0]->shape) ||
			    !is_number(match.values['e' - 'a'], &epsilon))
				continue;
			replace(graph, node, x, epsilon, patterns[i].rms);
			break;
		}
	return ERCC_OK;
}
