/* Options of the verbs, from tables: --name value, --name=value, -x value, --help. A wrong option gives EXIT_USAGE,
 * a message, and the nearest existing name. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/erc/command.h"

#define NAMES_MAX 64

void text_list_add(struct text_list *list, const char *item)
{
	list->items = memory_grow(list->items, (list->count + 1) * sizeof *list->items);
	list->items[list->count++] = memory_printf("%s", item);
}

void text_list_free(struct text_list *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		free((char *)list->items[i]);
	free(list->items);
	*list = (struct text_list){0};
}

/* Levenshtein distance, using up to 63 characters of each. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[64], a_length = strnlen(a, 63), b_length = strnlen(b, 63);
	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_length];
}

const char *args_nearest(const char *word, const char *const *names, size_t count)
{
	const char *nearest = NULL;
	size_t limit = strlen(word) / 3 + 1, best = limit + 1;
	for (size_t i = 0; i < count; i++) {
		size_t distance = edit_distance(word, names[i]);
		if (distance < best) {
			best = distance;
			nearest = names[i];
		}
	}
	return nearest;
}

static void print_option(const struct option *option)
{
	char left[64];
	int length = 0;
	if (option->letter)
		length = snprintf(left, sizeof left, "-%c, ", option->letter);
	else
		length = snprintf(left, sizeof left, "    ");
	snprintf(left + length, sizeof left - (size_t)length, "--%s%s%s", option->name, option->value ? " " : "",
	         option->value ? option->value : "");
	printf("  %-26s %s\n", left, option->help);
}

static void print_usage(const struct usage *usage)
{
	printf("usage: erc %s %s\n\n%s\n", usage->verb, usage->synopsis, usage->text);
	if (usage->option_count)
		printf("\noptions:\n");
	for (size_t i = 0; i < usage->option_count; i++)
		print_option(&usage->options[i]);
	printf("\nexamples:\n%s", usage->examples);
}

static int usage_error(const struct usage *usage, const char *note)
{
	if (note)
		say_note("%s", note);
	else
		say_note("'erc %s --help' lists the options", usage->verb);
	return EXIT_USAGE;
}

static const struct option *find_option(const struct usage *usage, const char *name, size_t length)
{
	for (size_t i = 0; i < usage->option_count; i++) {
		const struct option *option = &usage->options[i];
		if (strlen(option->name) == length && !memcmp(option->name, name, length))
			return option;
	}
	return NULL;
}

static const struct option *find_letter(const struct usage *usage, char letter)
{
	for (size_t i = 0; letter && i < usage->option_count; i++)
		if (usage->options[i].letter == letter)
			return &usage->options[i];
	return NULL;
}

static int unknown_option(const struct usage *usage, const char *argument)
{
	const char *names[NAMES_MAX];
	size_t count = 0;
	for (; count < usage->option_count && count < NAMES_MAX; count++)
		names[count] = usage->options[count].name;
	size_t length = strcspn(argument, "=");
	char *word = memory_printf("%.*s", (int)length, argument);
	say_error("erc %s has no option '%s'", usage->verb, word);
	const char *name = word + strspn(word, "-");
	const char *nearest = *name ? args_nearest(name, names, count) : NULL;
	char *note = nearest ? memory_printf("did you mean '--%s'?", nearest) : NULL;
	usage_error(usage, note);
	free(note);
	free(word);
	return EXIT_USAGE;
}

static bool store_count(const char *value, uint32_t *out)
{
	char *end;
	errno = 0;
	unsigned long long number = strtoull(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || number > UINT32_MAX)
		return false;
	*out = (uint32_t)number;
	return true;
}

static bool store_number(const char *value, double *out)
{
	char *end;
	double number = strtod(value, &end);
	if (end == value || *end || !(number >= 0) || number > 1e300)
		return false;
	*out = number;
	return true;
}

static int store(const struct option *option, const char *value)
{
	bool good = true;
	if (option->kind == OPTION_TEXT)
		*(const char **)option->out = value;
	else if (option->kind == OPTION_LIST)
		text_list_add(option->out, value);
	else if (option->kind == OPTION_COUNT)
		good = store_count(value, option->out);
	else
		good = store_number(value, option->out);
	if (good)
		return ARGS_OK;
	say_error("'%s' is not a %s for --%s", value,
	          option->kind == OPTION_COUNT ? "whole number of at most 4294967295" : "number of at least 0",
	          option->name);
	return EXIT_USAGE;
}

/* Handles argv[*index] and, if the option takes one, the value after it. */
static int parse_option(const struct usage *usage, int argc, char **argv, int *index)
{
	const char *argument = argv[*index], *value = NULL;
	const struct option *option;
	if (argument[1] == '-') {
		size_t length = strcspn(argument + 2, "=");
		option = find_option(usage, argument + 2, length);
		if (argument[2 + length] == '=')
			value = argument + 3 + length;
	} else {
		option = find_letter(usage, argument[1]);
		if (argument[2])
			value = argument + 2; /* -j4 */
	}
	if (!option)
		return unknown_option(usage, argument);
	if (option->kind == OPTION_FLAG) {
		if (value) {
			say_error("--%s takes no value", option->name);
			return EXIT_USAGE;
		}
		*(bool *)option->out = true;
		return ARGS_OK;
	}
	if (!value && *index + 1 >= argc) {
		say_error("--%s needs a value: %s", option->name, option->value);
		return usage_error(usage, NULL);
	}
	return store(option, value ? value : argv[++*index]);
}

int args_parse(const struct usage *usage, int argc, char **argv, const char **operands)
{
	int operand_count = 0;
	bool options_end = false;
	for (int i = 1; i < argc; i++) {
		if (!options_end && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))) {
			print_usage(usage);
			return EXIT_OK;
		}
		if (!options_end && !strcmp(argv[i], "--")) {
			options_end = true;
		} else if (!options_end && argv[i][0] == '-' && argv[i][1]) {
			int code = parse_option(usage, argc, argv, &i);
			if (code != ARGS_OK)
				return code;
		} else if (operand_count == usage->operand_max) {
			say_error("erc %s does not take '%s'", usage->verb, argv[i]);
			return usage_error(usage, NULL);
		} else {
			operands[operand_count++] = argv[i];
		}
	}
	if (operand_count < usage->operand_min) {
		say_error("erc %s needs %s", usage->verb, usage->operand);
		char *note = memory_printf("usage: erc %s %s", usage->verb, usage->synopsis);
		usage_error(usage, note);
		free(note);
		return EXIT_USAGE;
	}
	return ARGS_OK;
}

int take_all_dims(const char *value, struct text_list *dims)
{
	if (!value)
		return ARGS_OK;
	if (strcmp(value, "auto")) {
		say_error("--dims: '%s' is not 'auto'; sizes are given by --dim", value);
		return EXIT_USAGE;
	}
	text_list_add(dims, value);
	return ARGS_OK;
}

void text_list_split(struct text_list *list)
{
	struct text_list parts = {0};
	for (uint32_t i = 0; i < list->count; i++) {
		char *copy = memory_printf("%s", list->items[i]);
		for (char *at = copy, *part; (part = strsep(&at, ","));)
			text_list_add(&parts, part);
		free(copy);
	}
	text_list_free(list);
	*list = parts;
}
