/* Patterns of nodes, written as text: "Div(x, Sqrt(Add(<square>, #e)))". */
#ifndef ERCC_MATCH_H
#define ERCC_MATCH_H

#include "compiler/lower/op.h"

#define MATCH_VARIABLES 26

/* What a text's letters stand for, and the flags of the rules that were taken. */
struct match {
	struct value *values[MATCH_VARIABLES]; /* by letter; NULL: not met */
	unsigned flags;
};

/* One way to write <name>. Rules of a name are tried in order, and the first that fits is taken for good. */
struct rule {
	const char *name, *text;
	unsigned flags;
};

/* Matches the node that makes `value`, and those before it, with a text:
 *   Op(...)    an operator of ONNX that its row says is matched, its inputs in order, or in any where they commute
 *   x          any value; the same letter is the same value
 *   #x         an f32 constant of one element
 *   2          that number
 *   y=Op(...)  the same, and y is its first output
 *   <name>     any rule of that name
 * Nodes that change nothing, but for views, are looked through. */
bool match_text(struct match *match, const struct rule *rules, const char *text, struct value *value);

static inline struct value *matched(const struct match *match, char letter)
{
	return match->values[letter - 'a'];
}

/* One f32 number, known now. */
bool value_is_number(const struct value *value, double *number);
/* The number of that letter; `otherwise` where it was not met. */
double matched_number(const struct match *match, char letter, double otherwise);

/* One form of an operator that an exporter took apart; a table of them is a column of the operator's row. */
struct recovery {
	const char *text; /* of the last node, `root` */
	const struct rule *rules;
	/* Puts the operator in the root's place and sets *done, which is false at its start. What it cannot be, it leaves. */
	enum ercc_status (*build)(struct node *root, const struct match *match, bool *done);
};

#endif
