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
 *   Op(...)    an operator of ONNX, its inputs in order; Add and Mul take theirs in any order
 *   x          any value; the same letter is the same value
 *   #x         an f32 constant of one element
 *   2          that number
 *   y=Op(...)  the same, and y is its first output
 *   <name>     any rule of that name
 * Identity, Dropout and Cast to the same dtype are looked through. A Softmax or ReduceX is one over the last dim,
 * which ReduceX keeps. */
bool match_text(struct match *match, const struct rule *rules, const char *text, struct value *value);

static inline struct value *matched(const struct match *match, char letter)
{
	return match->values[letter - 'a'];
}

/* One f32 number, known now. */
bool value_is_number(const struct value *value, double *number);
/* The number of that letter; `otherwise` where it was not met. */
double matched_number(const struct match *match, char letter, double otherwise);

/* recover_attention.c: the node ends an attention, which takes its place. */
enum ercc_status recover_attention(struct graph *graph, struct node *node, bool *done);

#endif
