/* Patterns of nodes, written as text: "Div(x, Sqrt(Add(<square>, #e)))". */
#ifndef ERCC_MATCH_H
#define ERCC_MATCH_H

#include "compiler/lower/op.h"

#define MATCH_VARIABLES 26

/* The values of a text's letters, and the flags of the rules that matched. */
struct match {
	struct value *values[MATCH_VARIABLES]; /* by letter; NULL: the letter has no value yet */
	unsigned flags;
};

/* One way to write <name>. The rules of a name are tried in order. The first one that fits is taken, even if the rest
 * of the text then fails to match. */
struct rule {
	const char *name, *text;
	unsigned flags;
};

/* Matches a text against the node that makes `value` and the nodes before it:
 *   Op(...)    an ONNX operator whose row allows matching; its inputs in order, or in any order if they commute
 *   x          any value; the same letter is always the same value
 *   #x         an f32 constant of one element
 *   2          a constant with this number
 *   y=Op(...)  an Op(...), whose first output is y
 *   <name>     any rule of this name
 * Nodes that change nothing are skipped, except views. */
bool match_text(struct match *match, const struct rule *rules, const char *text, struct value *value);

static inline struct value *matched(const struct match *match, char letter)
{
	return match->values[letter - 'a'];
}

/* Whether the value is one f32 number that is known at compile time; sets *number. */
bool value_is_number(const struct value *value, double *number);
/* The number that the letter stands for; `otherwise` where the letter has no value. */
double matched_number(const struct match *match, char letter, double otherwise);

/* One form in which exporters write an operator as several nodes. A table of forms is a column of the operator's
 * row. */
struct recovery {
	const char *text; /* pattern of the last node, `root` */
	const struct rule *rules;
	/* Replaces the root by the operator and sets *done, which is false at first. Changes nothing where the match is not
	 * the operator. */
	enum ercc_status (*build)(struct node *root, const struct match *match, bool *done);
};

#endif
