/* Checks a node's attributes against those that its row names. A model with an attribute that would be ignored is
 * refused. */
#include "compiler/lower/op.h"

#include <stdlib.h>

/* Attributes that change no result, of any operator. */
static const struct {
	const char *name;
	int until; /* the last opset that has it */
} ignorable[] = {
	{"consumed_inputs", 5}, /* which inputs may be overwritten */
};

static const char *const kinds[] = {
	[ATTR_INT] = "int",       [ATTR_FLOAT] = "float",   [ATTR_STRING] = "text",
	[ATTR_TENSOR] = "tensor", [ATTR_GRAPH] = "graph",   [ATTR_INTS] = "ints",
	[ATTR_FLOATS] = "floats", [ATTR_STRINGS] = "texts", [ATTR_OTHER] = "of a kind that no operator takes",
};

/* One entry of a row's `attrs`. */
struct entry {
	const char *name, *kind, *words; /* words: the texts that it may be; NULL: any */
	int name_length, kind_length, words_length;
	int64_t from, to; /* opsets */
};

/* Reads the entry at *at and moves on. Returns false at the end. */
static bool next_entry(const char **at, struct entry *entry)
{
	const char *text = *at + strspn(*at, " ");
	if (!*text)
		return false;
	*entry = (struct entry){.name = text, .from = 1, .to = INT64_MAX};
	entry->name_length = (int)strcspn(text, "=");
	entry->kind = text + entry->name_length + 1;
	entry->kind_length = (int)strcspn(entry->kind, ":@ ");
	char *end = (char *)(uintptr_t)entry->kind + entry->kind_length;
	if (*end == ':') {
		entry->words = end + 1;
		entry->words_length = (int)strcspn(entry->words, "@ ");
		end += 1 + entry->words_length;
	}
	if (*end == '@')
		entry->from = entry->to = strtoll(end + 1, &end, 10), entry->to = INT64_MAX;
	if (*end == '-')
		entry->to = strtoll(end + 1, &end, 10);
	*at = end;
	return true;
}

static bool is_word(const char *word, const char *text, int length)
{
	return strlen(word) == (size_t)length && !strncmp(word, text, (size_t)length);
}

static bool is_one_of(const char *text, const char *words, int length)
{
	for (int at = 0; at < length;) {
		int word = (int)strcspn(words + at, "|@ ");
		if (is_word(text, words + at, word))
			return true;
		at += word + 1;
	}
	return false;
}

static enum ercc_status check_attr(const struct node *node, const struct attr *attr)
{
	const char *at = node->op->attrs ? node->op->attrs : "";
	int64_t from = 0, to = 0;
	for (struct entry entry; next_entry(&at, &entry);) {
		if (!is_word(attr->name, entry.name, entry.name_length) || is_word("own", entry.kind, entry.kind_length))
			continue;
		from = entry.from;
		to = entry.to;
		if (node->opset < from || node->opset > to)
			continue;
		if (!is_word("any", entry.kind, entry.kind_length) &&
		    !is_word(kinds[attr->kind], entry.kind, entry.kind_length))
			return node_fail(node, ERCC_MODEL, "attribute '%s' is %s; %.*s is needed", attr->name, kinds[attr->kind],
			                 entry.kind_length, entry.kind);
		if (entry.words && !is_one_of(attr->s, entry.words, entry.words_length))
			return node_fail(node, ERCC_MODEL, "attribute '%s' is '%s'; possible: %.*s", attr->name, attr->s,
			                 entry.words_length, entry.words);
		return ERCC_OK;
	}
	for (size_t i = 0; i < COUNT_OF(ignorable); i++)
		if (!strcmp(attr->name, ignorable[i].name) && node->opset <= ignorable[i].until)
			return ERCC_OK;
	if (from > node->opset)
		return node_fail(node, ERCC_MODEL, "attribute '%s' is there from opset %lld on", attr->name, (long long)from);
	if (from)
		return node_fail(node, ERCC_MODEL, "attribute '%s' is there up to opset %lld", attr->name, (long long)to);
	return node_fail(node, ERCC_UNSUPPORTED, "attribute '%s' is not understood", attr->name);
}

enum ercc_status check_attrs(const struct node *node)
{
	for (int i = 0; !op_is_own(node->op) && i < node->attr_count; i++)
		TRY(check_attr(node, &node->attrs[i]));
	return ERCC_OK;
}
