/* What graph_parse.c and graph_parse_data.c share; private to these two files. */
#ifndef ERCC_GRAPH_PARSE_H
#define ERCC_GRAPH_PARSE_H

#include "compiler/core/graph.h"

struct parser {
	struct context *ctx;
	const char *at;
	int line;
};

struct parse_scope {
	struct parse_scope *outer;
	struct graph *graph;
	struct map names; /* of this graph -> struct value * */
	int depth;
};

/* Returns ERCC_MODEL, with a message that names the line. */
enum ercc_status parse_error(struct parser *parser, const char *what);
/* Skips blank lines and comments. */
void parse_skip_lines(struct parser *parser);
bool parse_at_line_end(struct parser *parser);

/* These skip blanks on the line, then take what their name says. */
bool parse_at(struct parser *parser, char c);              /* takes nothing */
bool parse_ahead(struct parser *parser, const char *word); /* takes nothing */
bool parse_word(struct parser *parser, const char *word);  /* a complete name without quotes, which must be `word` */
bool parse_mark(struct parser *parser, const char *mark);
enum ercc_status parse_expect(struct parser *parser, const char *mark);
enum ercc_status parse_name(struct parser *parser, const char **out); /* with or without quotes */
enum ercc_status parse_string(struct parser *parser, const char **out);
enum ercc_status parse_int(struct parser *parser, int64_t *out);
enum ercc_status parse_type(struct parser *parser, enum erc_dtype *dtype, struct shape *shape);
/* "{1, 2}" or "splat{1}" */
enum ercc_status parse_data(struct parser *parser, enum erc_dtype dtype, const struct shape *shape,
                            const struct tensor **out);
enum ercc_status parse_tensor(struct parser *parser, struct tensor **out);
/* Takes any kind of attribute except a graph. */
enum ercc_status parse_attr_value(struct parser *parser, struct attr *out);

#endif
