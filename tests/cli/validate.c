/* Checks JSON files, and the schema's own examples, against one of our schemas: `validate SCHEMA.json FILE.json...`.
 * Supports the keywords that our schemas use and rejects any other. Prints where a file is wrong. Exit code 1 if a
 * file is wrong, 2 if the schema cannot be read. */
#include <cjson/cJSON.h>
#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PATH 512
#define MAX_BYTES (16 << 20)

struct check {
	const cJSON *root; /* of the schema; $ref is resolved from there */
	const char *file;
	char path[MAX_PATH]; /* of the value that is being checked: "/loads/0/policy" */
	int quiet;           /* above 0: faults are counted, but not printed */
	int faults;
	bool is_wrong; /* the schema itself is wrong */
};

static bool holds(struct check *check, const cJSON *schema, const cJSON *value);

/* Reports what is wrong here, unless quiet. Faults of the schema are always reported. */
static bool wrong(struct check *check, const char *format, ...)
{
	check->faults++;
	if (check->quiet && !check->is_wrong)
		return false;
	va_list list;
	va_start(list, format);
	printf("%s: %s: ", check->file, *check->path ? check->path : "/");
	vprintf(format, list);
	putchar('\n');
	va_end(list);
	return false;
}

static bool holds_quietly(struct check *check, const cJSON *schema, const cJSON *value)
{
	check->quiet++;
	bool good = holds(check, schema, value);
	check->quiet--;
	return good;
}

/* Checks a member or element, with its name added to the path. */
static bool holds_below(struct check *check, const cJSON *schema, const cJSON *value, const char *name, int index)
{
	size_t length = strlen(check->path);
	if (name)
		snprintf(check->path + length, MAX_PATH - length, "/%s", name);
	else
		snprintf(check->path + length, MAX_PATH - length, "/%d", index);
	bool good = holds(check, schema, value);
	check->path[length] = 0;
	return good;
}

static bool matches(struct check *check, const char *pattern, const char *text)
{
	regex_t compiled;
	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB)) {
		check->is_wrong = true;
		return wrong(check, "the schema's '%s' is not a pattern", pattern);
	}
	bool found = !regexec(&compiled, text, 0, NULL, 0);
	regfree(&compiled);
	return found;
}

/* ---- one keyword each: `rule` is what the schema says beside it ---- */

static bool is_type(const char *type, const cJSON *value)
{
	return (!strcmp(type, "object") && cJSON_IsObject(value)) || (!strcmp(type, "array") && cJSON_IsArray(value)) ||
	       (!strcmp(type, "string") && cJSON_IsString(value)) || (!strcmp(type, "number") && cJSON_IsNumber(value)) ||
	       (!strcmp(type, "boolean") && cJSON_IsBool(value)) || (!strcmp(type, "null") && cJSON_IsNull(value)) ||
	       (!strcmp(type, "integer") && cJSON_IsNumber(value) && value->valuedouble == floor(value->valuedouble));
}

static bool check_type(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	(void)schema;
	return is_type(rule->valuestring, value) || wrong(check, "wanted a value of type %s", rule->valuestring);
}

static bool check_const(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	(void)schema;
	return cJSON_Compare(rule, value, true) || wrong(check, "is not the constant that it must be");
}

static bool check_enum(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	const cJSON *item;
	(void)schema;
	cJSON_ArrayForEach(item, rule) if (cJSON_Compare(item, value, true)) return true;
	return wrong(check, "is not one of the allowed values");
}

static bool check_required(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	const cJSON *name;
	bool good = true;
	(void)schema;
	cJSON_ArrayForEach(name,
	                   rule) if (cJSON_IsObject(value) && !cJSON_GetObjectItemCaseSensitive(value, name->valuestring))
		good = wrong(check, "'%s' is missing", name->valuestring);
	return good;
}

/* Checks each member against its own schema, against those of the patterns that it matches, or else against
 * additionalProperties. */
static bool check_members(struct check *check, const cJSON *schema, const cJSON *value)
{
	const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties"), *member, *pattern;
	const cJSON *patterns = cJSON_GetObjectItemCaseSensitive(schema, "patternProperties");
	const cJSON *others = cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties");
	bool good = true;
	for (member = cJSON_IsObject(value) ? value->child : NULL; member; member = member->next) {
		const cJSON *own = cJSON_GetObjectItemCaseSensitive(properties, member->string);
		bool known = own != NULL;
		if (own)
			good &= holds_below(check, own, member, member->string, 0);
		cJSON_ArrayForEach(pattern, patterns) if (matches(check, pattern->string, member->string))
		{
			known = true;
			good &= holds_below(check, pattern, member, member->string, 0);
		}
		if (!known && cJSON_IsFalse(others))
			good = wrong(check, "'%s' is not allowed here", member->string);
	}
	return good;
}

static bool check_properties(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	(void)rule;
	return check_members(check, schema, value);
}

/* Without properties, nothing else calls check_members. */
static bool check_additional(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	(void)value;
	if (cJSON_IsFalse(rule) && cJSON_GetObjectItemCaseSensitive(schema, "properties"))
		return true;
	check->is_wrong = true;
	return wrong(check, "the schema says additionalProperties other than false, or without properties");
}

static bool check_items(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	int index = 0;
	bool good = true;
	(void)schema;
	for (const cJSON *item = cJSON_IsArray(value) ? value->child : NULL; item; item = item->next)
		good &= holds_below(check, rule, item, NULL, index++);
	return good;
}

static bool check_unique(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	(void)schema;
	for (const cJSON *a = cJSON_IsArray(value) && cJSON_IsTrue(rule) ? value->child : NULL; a; a = a->next)
		for (const cJSON *b = a->next; b; b = b->next)
			if (cJSON_Compare(a, b, true))
				return wrong(check, "has the same element twice");
	return true;
}

static bool check_pattern(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	(void)schema;
	return !cJSON_IsString(value) || matches(check, rule->valuestring, value->valuestring) ||
	       wrong(check, "'%s' does not match %s", value->valuestring, rule->valuestring);
}

/* Checks a limit of a value: its number, length or count, as the keyword says. */
static bool check_limit(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	static const struct {
		const char *keyword, *type;
	} kinds[] = {{"Length", "string"}, {"Items", "array"}, {"Properties", "object"}, {"imum", "number"}};
	double size = cJSON_IsNumber(value)   ? value->valuedouble
	              : cJSON_IsString(value) ? (double)strlen(value->valuestring)
	                                      : cJSON_GetArraySize(value);
	bool exclusive = !strncmp(rule->string, "exclusive", 9),
		 most = strstr(rule->string, exclusive ? "Max" : "max") != NULL;
	(void)schema;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strstr(rule->string, kinds[i].keyword) && !is_type(kinds[i].type, value))
			return true; /* the keyword does not apply to other types */
	bool good = most ? size < rule->valuedouble : size > rule->valuedouble;
	return good || (!exclusive && size == rule->valuedouble) ||
	       wrong(check, "%s is %g, found %g", rule->string, rule->valuedouble, size);
}

/* Returns how many of the forms hold. If none does, reports the faults of the nearest form, and of the last one
 * among equals. */
static int count_holding(struct check *check, const cJSON *rule, const cJSON *value)
{
	const cJSON *form, *nearest = NULL;
	int count = 0, before = check->faults, least = 0;
	cJSON_ArrayForEach(form, rule)
	{
		check->faults = 0;
		count += holds_quietly(check, form, value);
		if (!nearest || check->faults <= least) {
			nearest = form;
			least = check->faults;
		}
	}
	check->faults = before;
	if (count == 0)
		holds(check, nearest, value);
	return count;
}

static bool check_any(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	(void)schema;
	return count_holding(check, rule, value) > 0;
}

static bool check_one(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	(void)schema;
	int count = count_holding(check, rule, value);
	return count == 1 || (count > 1 && wrong(check, "matches %d forms, but must match exactly one", count));
}

static bool check_not(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	(void)schema;
	int before = check->faults;
	bool held = holds_quietly(check, rule, value);
	check->faults = before; /* what does not match here is no fault of the value */
	return !held || wrong(check, "matches a form that it must not match");
}

static bool check_ref(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	const char *name = strncmp(rule->valuestring, "#/$defs/", 8) ? "" : rule->valuestring + 8;
	const cJSON *target =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(check->root, "$defs"), name);
	(void)schema;
	if (target)
		return holds(check, target, value);
	check->is_wrong = true;
	return wrong(check, "the schema has no %s", rule->valuestring);
}

static bool check_nothing(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value)
{
	(void)check, (void)schema, (void)rule, (void)value;
	return true;
}

static const struct keyword {
	const char *name;
	bool (*check)(struct check *check, const cJSON *schema, const cJSON *rule, const cJSON *value);
} keywords[] = {
	{"type", check_type},
	{"const", check_const},
	{"enum", check_enum},
	{"required", check_required},
	{"properties", check_properties},
	{"patternProperties", check_nothing},
	{"additionalProperties", check_additional},
	{"items", check_items},
	{"uniqueItems", check_unique},
	{"pattern", check_pattern},
	{"minimum", check_limit},
	{"maximum", check_limit},
	{"exclusiveMinimum", check_limit},
	{"exclusiveMaximum", check_limit},
	{"minLength", check_limit},
	{"minItems", check_limit},
	{"maxItems", check_limit},
	{"minProperties", check_limit},
	{"anyOf", check_any},
	{"oneOf", check_one},
	{"not", check_not},
	{"$ref", check_ref},
	{"$defs", check_nothing},
	{"$schema", check_nothing},
	{"$id", check_nothing},
	{"title", check_nothing},
	{"description", check_nothing},
	{"examples", check_nothing},
};

static bool holds(struct check *check, const cJSON *schema, const cJSON *value)
{
	const cJSON *rule;
	bool good = true;
	cJSON_ArrayForEach(rule, schema)
	{
		size_t i = 0, count = sizeof keywords / sizeof *keywords;
		while (i < count && strcmp(keywords[i].name, rule->string))
			i++;
		check->is_wrong |= i == count;
		good &= i < count ? keywords[i].check(check, schema, rule, value)
		                  : wrong(check, "the keyword '%s' is not known here", rule->string);
	}
	return good;
}

static cJSON *read_json(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text = malloc(MAX_BYTES + 1);
	size_t bytes = file && text ? fread(text, 1, MAX_BYTES, file) : 0;
	cJSON *json = NULL;
	if (bytes && bytes < MAX_BYTES) {
		text[bytes] = 0;
		json = cJSON_ParseWithOpts(text, NULL, true);
	}
	if (file)
		fclose(file);
	free(text);
	if (!json)
		printf("%s: is not JSON\n", path);
	return json;
}

int main(int argc, char **argv)
{
	struct check check = {.root = argc > 1 ? read_json(argv[1]) : NULL, .file = argc > 1 ? argv[1] : ""};
	const cJSON *example;
	int code = check.root ? 0 : 2;
	cJSON_ArrayForEach(example, cJSON_GetObjectItemCaseSensitive(check.root, "examples")) if (!holds(&check, check.root,
	                                                                                                 example)) code = 1;
	for (int i = 2; i < argc && check.root; i++) {
		cJSON *value = read_json(argv[i]);
		check.file = argv[i];
		if (!value || !holds(&check, check.root, value))
			code = code > 1 ? code : 1;
		cJSON_Delete(value);
	}
	cJSON_Delete((cJSON *)check.root);
	return check.is_wrong ? 2 : code;
}
