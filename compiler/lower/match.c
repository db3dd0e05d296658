/* Matches patterns of nodes against graphs. */
#include "compiler/lower/match.h"

#include <ctype.h>
#include <stdlib.h>

bool value_is_number(const struct value *value, double *number)
{
	if (!value->constant || value->dtype != ERC_F32 || shape_elements(&value->shape) != 1)
		return false;
	*number = tensor_float(value->constant, 0);
	return true;
}

double matched_number(const struct match *match, char letter, double otherwise)
{
	double number = otherwise;
	return matched(match, letter) && value_is_number(matched(match, letter), &number) ? number : otherwise;
}

static bool is_untouched(const struct node *node, const struct value *output)
{
	enum identity_rule rule = node->op->identity;
	return (rule == IDENTITY_FIRST && output->producer_slot == 0) ||
	       (rule == IDENTITY_DTYPE && node->inputs[0]->dtype == output->dtype);
}

/* The value that is left when nodes that change nothing are skipped. */
static struct value *look_through(struct value *value)
{
	while (value->producer && is_untouched(value->producer, value))
		value = value->producer->inputs[0];
	return value;
}

struct matcher {
	const struct rule *rules; /* ends with a row without a name; NULL: there are none */
	struct match *match;
};

static bool match_value(const struct matcher *m, const char **text, struct value *value);

static void skip(const char **text, char c)
{
	*text += **text == c;
	while (**text == ' ')
		++*text;
}

/* Matches the arguments with the node's inputs, in this order. On failure *text and the match are undefined. */
static bool match_inputs(const struct matcher *m, const char **text, const struct node *node, bool is_swapped)
{
	for (int i = 0; **text != ')'; i++) {
		int slot = is_swapped ? !i : i;
		skip(text, ',');
		if (slot >= node->input_count || !node->inputs[slot] || !match_value(m, text, node->inputs[slot]))
			return false;
	}
	skip(text, ')');
	return true;
}

static bool match_node(const struct matcher *m, const char **text, struct value *value)
{
	const struct node *node = value->producer;
	size_t length = strcspn(*text, "(");
	if (!node || *node->domain || strncmp(node->op_type, *text, length) || node->op_type[length])
		return false;
	if (node->op->is_matched && !node->op->is_matched(node))
		return false;
	*text += length + 1;
	struct match saved = *m->match;
	const char *inputs = *text;
	if (match_inputs(m, text, node, false))
		return true;
	*m->match = saved;
	*text = inputs;
	return node->op->commutes && match_inputs(m, text, node, true);
}

/* Matches <name> with the first rule of the name that fits. */
static bool match_rule(const struct matcher *m, const char **text, struct value *value)
{
	size_t length = strcspn(++*text, ">");
	struct match saved = *m->match;
	for (const struct rule *rule = m->rules; rule && rule->name; rule++) {
		const char *at = rule->text;
		if (strncmp(rule->name, *text, length) || rule->name[length])
			continue;
		if (match_value(m, &at, value)) {
			m->match->flags |= rule->flags;
			*text += length + 1;
			return true;
		}
		*m->match = saved;
	}
	return false;
}

static bool bind(struct match *match, const char **text, struct value *value)
{
	struct value **bound = &match->values[**text - 'a'];
	++*text;
	if (!*bound)
		*bound = value;
	return *bound == value;
}

static bool match_value(const struct matcher *m, const char **text, struct value *value)
{
	double number;
	value = look_through(value);
	if (**text == '<')
		return match_rule(m, text, value);
	if (isupper((unsigned char)**text))
		return match_node(m, text, value);
	if (isdigit((unsigned char)**text)) {
		char *end;
		double wanted = strtod(*text, &end);
		*text = end;
		return value_is_number(value, &number) && number == wanted;
	}
	if (**text == '#') {
		++*text;
		return value_is_number(value, &number) && bind(m->match, text, value);
	}
	bool is_bound = bind(m->match, text, value);
	if (!is_bound || **text != '=')
		return is_bound;
	++*text;
	return match_node(m, text, value);
}

bool match_text(struct match *match, const struct rule *rules, const char *text, struct value *value)
{
	*match = (struct match){0};
	return match_value(&(struct matcher){rules, match}, &text, value);
}
