/* The parts of graph text: punctuation, names, strings, numbers, types, tensors, attribute values. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "compiler/core/graph_parse.h"

enum ercc_status parse_error(struct parser *parser, const char *what)
{
	int length = (int)strcspn(parser->at, "\n");
	return fail(parser->ctx, ERCC_MODEL, "graph text, line %d: %s at '%.*s'", parser->line, what,
	            length < 40 ? length : 40, parser->at);
}

/* ---- marks and names ---- */

static void skip_blanks(struct parser *parser)
{
	parser->at += strspn(parser->at, " \t\r");
}

void parse_skip_lines(struct parser *parser)
{
	for (;;) {
		skip_blanks(parser);
		if (*parser->at == '#')
			parser->at += strcspn(parser->at, "\n");
		if (*parser->at != '\n')
			return;
		parser->at++;
		parser->line++;
	}
}

bool parse_at_line_end(struct parser *parser)
{
	skip_blanks(parser);
	return *parser->at == '\n' || *parser->at == '\0';
}

bool parse_at(struct parser *parser, char c)
{
	skip_blanks(parser);
	return *parser->at == c;
}

bool parse_ahead(struct parser *parser, const char *word)
{
	skip_blanks(parser);
	size_t length = strspn(parser->at, GRAPH_NAME_CHARACTERS);
	return length == strlen(word) && memcmp(parser->at, word, length) == 0;
}

bool parse_word(struct parser *parser, const char *word)
{
	bool ahead = parse_ahead(parser, word);
	parser->at += ahead ? strlen(word) : 0;
	return ahead;
}

bool parse_mark(struct parser *parser, const char *mark)
{
	skip_blanks(parser);
	if (strncmp(parser->at, mark, strlen(mark)) != 0)
		return false;
	parser->at += strlen(mark);
	return true;
}

enum ercc_status parse_expect(struct parser *parser, const char *mark)
{
	if (parse_mark(parser, mark))
		return ERCC_OK;
	return parse_error(parser, arena_printf(&parser->ctx->arena, "expected '%s'", mark));
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum ercc_status parse_string(struct parser *parser, const char **out)
{
	struct text text = {.arena = &parser->ctx->arena};
	TRY(parse_expect(parser, "\""));
	text_append(&text, "", 0);
	for (; *parser->at != '"'; parser->at++) {
		if (*parser->at == '\0' || *parser->at == '\n')
			return parse_error(parser, "a string without an end");
		char c = *parser->at;
		if (c == '\\' && parser->at[1] == 'x' && hex_digit(parser->at[2]) >= 0 && hex_digit(parser->at[3]) >= 0) {
			c = (char)(hex_digit(parser->at[2]) << 4 | hex_digit(parser->at[3]));
			parser->at += 3;
		} else if (c == '\\' && (parser->at[1] == '"' || parser->at[1] == '\\')) {
			c = *++parser->at;
		}
		text_append(&text, &c, 1);
	}
	parser->at++;
	*out = text.data;
	return ERCC_OK;
}

enum ercc_status parse_name(struct parser *parser, const char **out)
{
	if (parse_at(parser, '"'))
		return parse_string(parser, out);
	size_t length = strspn(parser->at, GRAPH_NAME_CHARACTERS);
	if (length == 0)
		return parse_error(parser, "expected a name");
	*out = arena_copy_bytes(&parser->ctx->arena, parser->at, length);
	parser->at += length;
	return ERCC_OK;
}

/* ---- numbers ---- */

enum ercc_status parse_int(struct parser *parser, int64_t *out)
{
	char *end;
	skip_blanks(parser);
	errno = 0;
	/* A u64 element may exceed i64. Its bits are kept. */
	bool negative = *parser->at == '-';
	*out = negative ? strtoll(parser->at, &end, 0) : (int64_t)strtoull(parser->at, &end, 0);
	if (end == parser->at || errno)
		return parse_error(parser, "expected an integer");
	parser->at = end;
	return ERCC_OK;
}

static enum ercc_status parse_float(struct parser *parser, bool is_double, double *out)
{
	char *end;
	skip_blanks(parser);
	*out = is_double ? strtod(parser->at, &end) : (double)strtof(parser->at, &end);
	if (end == parser->at)
		return parse_error(parser, "expected a number");
	parser->at = end;
	return ERCC_OK;
}

/* ---- types and tensors ---- */

static enum ercc_status parse_shape(struct parser *parser, struct shape *out)
{
	*out = (struct shape){.rank = -1};
	TRY(parse_expect(parser, "["));
	if (parse_mark(parser, "*"))
		return parse_expect(parser, "]");
	for (out->rank = 0; !parse_mark(parser, "]"); out->rank++) {
		int64_t dim = -1;
		if (out->rank == MAX_RANK)
			return parse_error(parser, "too many dimensions");
		if (out->rank)
			TRY(parse_expect(parser, "x"));
		/* "0x3" is two dims here, not a hexadecimal number. */
		if (!parse_mark(parser, "?")) {
			char *end;
			dim = strtoll(parser->at, &end, 10);
			if (end == parser->at || dim < 0 || dim > MAX_ELEMENTS)
				return parse_error(parser, "expected a dimension");
			parser->at = end;
		}
		out->dims[out->rank] = dim;
		if (parse_mark(parser, "~")) {
			char *end;
			long long size = strtoll(parser->at, &end, 10);
			if (end == parser->at || size < 1 || size > UINT16_MAX)
				return parse_error(parser, "expected the number of a size");
			out->sizes[out->rank] = (uint16_t)size;
			parser->at = end;
		}
	}
	return ERCC_OK;
}

enum ercc_status parse_type(struct parser *parser, enum erc_dtype *dtype, struct shape *shape)
{
	*dtype = ERC_DTYPE_NONE;
	if (!parse_mark(parser, "?")) {
		skip_blanks(parser);
		size_t length = strspn(parser->at, GRAPH_NAME_CHARACTERS);
		*dtype = dtype_from_name(parser->at, length);
		if (*dtype == ERC_DTYPE_NONE)
			return parse_error(parser, "expected an element type");
		parser->at += length;
	}
	return parse_shape(parser, shape);
}

static enum ercc_status parse_float_element(struct parser *parser, bool is_double, void *to)
{
	double number;
	TRY(parse_float(parser, is_double, &number));
	float narrow = (float)number;
	memcpy(to, is_double ? (void *)&number : (void *)&narrow, is_double ? sizeof number : sizeof narrow);
	return ERCC_OK;
}

static enum ercc_status parse_element(struct parser *parser, enum erc_dtype dtype, char *to)
{
	int64_t integer;
	switch (dtype) {
	case ERC_STRING: return parse_string(parser, (const char **)(void *)to);
	case ERC_F32: return parse_float_element(parser, false, to);
	case ERC_F64: return parse_float_element(parser, true, to);
	case ERC_C64:
	case ERC_C128:
		TRY(parse_float_element(parser, dtype == ERC_C128, to));
		TRY(parse_expect(parser, ":"));
		return parse_float_element(parser, dtype == ERC_C128, to + dtype_bytes(dtype) / 2);
	default:
		TRY(parse_int(parser, &integer));
		if (dtype_packing(dtype) > 1)
			integer = packed_element(dtype, integer);
		memcpy(to, &integer, dtype_bytes(dtype));
		return ERCC_OK;
	}
}

enum ercc_status parse_data(struct parser *parser, enum erc_dtype dtype, const struct shape *shape,
                            const struct tensor **out)
{
	struct arena *arena = &parser->ctx->arena;
	bool splat = parse_word(parser, "splat");
	int64_t elements = splat ? 1 : shape_elements(shape);
	if (parse_at(parser, '#'))
		return parse_error(parser, "data that were printed as a digest");
	if (dtype == ERC_DTYPE_NONE || shape_elements(shape) < 0)
		return parse_error(parser, "data of unknown type or shape");
	if (elements > (int64_t)strlen(parser->at))
		return parse_error(parser, "too few elements");
	size_t bytes = dtype == ERC_STRING ? sizeof(char *) : dtype_bytes(dtype);
	char *data = arena_array(arena, (size_t)elements, bytes);
	TRY(parse_expect(parser, "{"));
	for (int64_t i = 0; i < elements; i++) {
		if (i)
			TRY(parse_expect(parser, ","));
		TRY(parse_element(parser, dtype, data + (size_t)i * bytes));
	}
	struct tensor *tensor = tensor_new(arena, dtype, shape, data);
	tensor->splat = splat;
	*out = tensor;
	return parse_expect(parser, "}");
}

enum ercc_status parse_tensor(struct parser *parser, struct tensor **out)
{
	enum erc_dtype dtype;
	struct shape shape;
	const struct tensor *tensor;
	TRY(parse_type(parser, &dtype, &shape));
	TRY(parse_data(parser, dtype, &shape, &tensor));
	*out = (struct tensor *)tensor;
	return ERCC_OK;
}

/* ---- attribute values ---- */

/* A float has a point or an exponent, or is inf or nan. */
static bool float_ahead(struct parser *parser)
{
	skip_blanks(parser);
	size_t length = strspn(parser->at, "+-.0123456789abcdefinx");
	for (size_t i = 0; i < length; i++)
		if (strchr(".enf", parser->at[i]))
			return true;
	return false;
}

static enum ercc_status parse_list(struct parser *parser, struct attr *out)
{
	struct arena *arena = &parser->ctx->arena;
	size_t capacity = 0, count = 0;
	int64_t *ints = NULL;
	float *floats = NULL;
	const char **strings = NULL;
	out->kind = parse_at(parser, '"') ? ATTR_STRINGS : float_ahead(parser) ? ATTR_FLOATS : ATTR_INTS;
	do {
		int64_t integer;
		double number;
		const char *string;
		if (out->kind == ATTR_STRINGS) {
			TRY(parse_string(parser, &string));
			arena_push(arena, strings, count, capacity, string);
		} else if (out->kind == ATTR_FLOATS) {
			TRY(parse_float(parser, false, &number));
			arena_push(arena, floats, count, capacity, (float)number);
		} else {
			TRY(parse_int(parser, &integer));
			arena_push(arena, ints, count, capacity, integer);
		}
	} while (parse_mark(parser, ","));
	out->count = (int64_t)count;
	if (out->kind == ATTR_STRINGS)
		out->strings = strings;
	else if (out->kind == ATTR_FLOATS)
		out->floats = floats;
	else
		out->ints = ints;
	return parse_expect(parser, "]");
}

static enum ercc_status parse_empty_list(struct parser *parser, enum attr_kind kind, struct attr *out)
{
	out->kind = kind;
	TRY(parse_expect(parser, "["));
	return parse_expect(parser, "]");
}

/* A tensor follows if the next word is a dtype, with a shape after it. */
static bool tensor_ahead(struct parser *parser)
{
	skip_blanks(parser);
	size_t length = strspn(parser->at, GRAPH_NAME_CHARACTERS);
	return dtype_from_name(parser->at, length) != ERC_DTYPE_NONE && parser->at[length] == '[';
}

enum ercc_status parse_attr_value(struct parser *parser, struct attr *out)
{
	double number;
	out->count = 1;
	if (parse_mark(parser, "["))
		return parse_list(parser, out);
	out->count = 0;
	if (parse_word(parser, "ints"))
		return parse_empty_list(parser, ATTR_INTS, out);
	if (parse_word(parser, "floats"))
		return parse_empty_list(parser, ATTR_FLOATS, out);
	if (parse_word(parser, "strings"))
		return parse_empty_list(parser, ATTR_STRINGS, out);
	out->kind = ATTR_OTHER;
	if (parse_word(parser, "other"))
		return ERCC_OK;
	out->kind = ATTR_TENSOR;
	if (tensor_ahead(parser))
		return parse_tensor(parser, (struct tensor **)&out->tensor);
	out->count = 1;
	out->kind = ATTR_STRING;
	if (parse_at(parser, '"'))
		return parse_string(parser, &out->s);
	out->kind = ATTR_INT;
	if (!float_ahead(parser))
		return parse_int(parser, &out->i);
	out->kind = ATTR_FLOAT;
	TRY(parse_float(parser, false, &number));
	out->f = (float)number;
	return ERCC_OK;
}
