/* Budgets: reads --budget texts, and converts shares of a device to units and bytes. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "compiler/variants/variants.h"

#define MAX_UNITS 65535
#define MAX_FILE_BYTES (1 << 20)
#define NAME_BYTES 31

static const struct budget named[] = {
	{.name = "full", .share_permille = 1000, .local_bytes = -1},
	{.name = "half", .share_permille = 500, .local_bytes = -1},
	{.name = "quarter", .share_permille = 250, .local_bytes = -1},
};

/* ---- one budget, field by field ---- */

/* Where a budget is read from, for messages: "--budget 'name=edge'", or a file's name. */
struct reader {
	struct context *ctx;
	const char *source;
	struct budget_list *list;
};

static enum ercc_status bad_field(struct reader *reader, const char *field, const char *value, const char *wanted)
{
	return fail(reader->ctx, ERCC_USAGE, "%s: %s is '%s'; it must be %s", reader->source, field, value, wanted);
}

static enum ercc_status set_name(struct reader *reader, struct budget *budget, const char *value)
{
	size_t length = strlen(value), good = 0;
	while (isalnum((unsigned char)value[good]) || (good && strchr("_-.", value[good]) && value[good]))
		good++;
	if (!length || good != length || length > NAME_BYTES)
		return bad_field(reader, "name", value, "1 to 31 letters, digits, '_', '-' or '.', a letter or digit first");
	budget->name = arena_copy_text(&reader->ctx->arena, value);
	return ERCC_OK;
}

static enum ercc_status set_units(struct reader *reader, struct budget *budget, const char *value)
{
	char *end;
	unsigned long units = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || units < 1 || units > MAX_UNITS)
		return bad_field(reader, "units", value, "a whole number from 1 to 65535");
	budget->units = (uint32_t)units;
	return ERCC_OK;
}

static enum ercc_status set_share(struct reader *reader, struct budget *budget, const char *value)
{
	char *end;
	double share = strtod(value, &end);
	if (*end == '%' && !end[1])
		share /= 100;
	if (end == value || (*end && strcmp(end, "%")) || !(share >= 0.001 && share <= 1))
		return bad_field(reader, "share", value, "a part of the device, 0.001 to 1, or a percentage");
	budget->share_permille = (uint32_t)(share * 1000 + 0.5);
	return ERCC_OK;
}

static enum ercc_status set_local(struct reader *reader, struct budget *budget, const char *value)
{
	static const struct {
		const char *name;
		int shift;
	} suffixes[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
	char *end;
	errno = 0;
	unsigned long long bytes = strtoull(value, &end, 10);
	for (size_t i = 0; isdigit((unsigned char)*value) && !errno && i < COUNT_OF(suffixes); i++)
		if (!strcmp(end, suffixes[i].name) && bytes <= (1u << 30) >> suffixes[i].shift) {
			budget->local_bytes = (int64_t)(bytes << suffixes[i].shift);
			return ERCC_OK;
		}
	return bad_field(reader, "local", value, "bytes for each unit, up to 1GiB, as in 49152, 48KiB or 1MiB");
}

static const struct field {
	const char *name;
	enum ercc_status (*set)(struct reader *reader, struct budget *budget, const char *value);
} fields[] = {
	{"name", set_name},
	{"units", set_units},
	{"share", set_share},
	{"local", set_local},
};

/* *seen has a bit for each field that was set. */
static enum ercc_status set_field(struct reader *reader, struct budget *budget, unsigned *seen, const char *name,
                                  const char *value)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		if (strcmp(fields[i].name, name))
			continue;
		if (*seen >> i & 1)
			return fail(reader->ctx, ERCC_USAGE, "%s: %s is given twice", reader->source, name);
		*seen |= 1u << i;
		return fields[i].set(reader, budget, value);
	}
	return fail(reader->ctx, ERCC_USAGE, "%s: a budget has no '%s'; it has name, units, share and local",
	            reader->source, name);
}

static enum ercc_status add_budget(struct reader *reader, const struct budget *budget)
{
	struct budget_list *list = reader->list;
	if (!budget->name)
		return fail(reader->ctx, ERCC_USAGE, "%s: a budget needs a name: name=edge,units=8", reader->source);
	if (budget->units && budget->share_permille)
		return fail(reader->ctx, ERCC_USAGE, "%s: budget '%s' has both units and a share; give one of them",
		            reader->source, budget->name);
	if (!budget->units && !budget->share_permille && budget->local_bytes < 0)
		return fail(reader->ctx, ERCC_USAGE, "%s: budget '%s' limits nothing; give units, share or local",
		            reader->source, budget->name);
	for (uint32_t i = 0; i < list->count; i++)
		if (!strcmp(list->items[i].name, budget->name))
			return fail(reader->ctx, ERCC_USAGE, "%s: there is a budget '%s' already", reader->source, budget->name);
	if (list->count == MAX_BUDGETS)
		return fail(reader->ctx, ERCC_USAGE, "%s: more than %d budgets", reader->source, MAX_BUDGETS);
	list->items[list->count] = *budget;
	if (!budget->units && !budget->share_permille)
		list->items[list->count].share_permille = 1000;
	list->count++;
	return ERCC_OK;
}

static enum ercc_status add_named(struct reader *reader, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(named); i++)
		if (!strcmp(named[i].name, name))
			return add_budget(reader, &named[i]);
	fail(reader->ctx, ERCC_USAGE, "%s: no budget '%s'", reader->source, name);
	note(reader->ctx,
	     "there are full, half and quarter; others are given as name=edge,units=8,local=48KiB or in a .json file");
	return ERCC_USAGE;
}

/* ---- JSON: schemas/budget.schema.json ---- */

static enum ercc_status read_object(struct reader *reader, const cJSON *object)
{
	struct budget budget = {.local_bytes = -1};
	unsigned seen = 0;
	const cJSON *member;
	cJSON_ArrayForEach(member, object)
	{
		const char *value = cJSON_IsString(member) ? member->valuestring : NULL;
		if (cJSON_IsNumber(member))
			value = arena_printf(&reader->ctx->arena, "%.15g", member->valuedouble);
		if (!value)
			return fail(reader->ctx, ERCC_USAGE, "%s: %s is no text and no number", reader->source, member->string);
		TRY(set_field(reader, &budget, &seen, member->string, value));
	}
	return add_budget(reader, &budget);
}

static enum ercc_status read_root(struct reader *reader, const cJSON *root)
{
	const cJSON *schema = cJSON_GetObjectItemCaseSensitive(root, "schema"), *item;
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "budgets");
	if (!cJSON_IsString(schema) || strcmp(schema->valuestring, "erc.budget/1") || !cJSON_IsArray(list) ||
	    cJSON_GetArraySize(root) != 2)
		return fail(reader->ctx, ERCC_USAGE,
		            "%s: must be {\"schema\": \"erc.budget/1\", \"budgets\": [...]} and nothing else", reader->source);
	cJSON_ArrayForEach(item, list)
	{
		if (cJSON_IsString(item))
			TRY(add_named(reader, item->valuestring));
		else if (cJSON_IsObject(item))
			TRY(read_object(reader, item));
		else
			return fail(reader->ctx, ERCC_USAGE, "%s: a budget is a name or an object", reader->source);
	}
	return cJSON_GetArraySize(list) ? ERCC_OK : fail(reader->ctx, ERCC_USAGE, "%s: no budget in it", reader->source);
}

static void delete_json(void *json)
{
	cJSON_Delete(json);
}

static enum ercc_status read_json(struct reader *reader, const char *path)
{
	struct context *ctx = reader->ctx;
	char *text = arena_alloc(&ctx->arena, MAX_FILE_BYTES + 1);
	const char *why;
	FILE *file = open_regular(path, &why);
	if (!file)
		return fail(ctx, ERCC_USAGE, "--budget: cannot read '%s': %s", path, why);
	size_t bytes = fread(text, 1, MAX_FILE_BYTES + 1, file);
	bool read = !ferror(file);
	fclose(file);
	if (!read)
		return fail(ctx, ERCC_USAGE, "--budget: cannot read '%s'", path);
	if (bytes > MAX_FILE_BYTES)
		return fail(ctx, ERCC_USAGE, "--budget: '%s' has more than 1 MiB", path);
	const char *end = NULL;
	text[bytes] = 0;
	cJSON *root = cJSON_ParseWithOpts(text, &end, true);
	if (!root) {
		int line = 1;
		for (const char *at = text; at < end; at++)
			line += *at == '\n';
		return fail(ctx, ERCC_USAGE, "--budget: '%s' is no JSON: line %d", path, line);
	}
	arena_defer(&ctx->arena, delete_json, root);
	reader->source = arena_printf(&ctx->arena, "--budget: '%s'", path);
	return read_root(reader, root);
}

/* ---- text: names, files and fields, separated by commas; name= begins a budget ---- */

static bool is_json_file(const char *text)
{
	size_t length = strlen(text);
	return length > 5 && !strcmp(text + length - 5, ".json");
}

static enum ercc_status read_text(struct reader *reader, const char *given)
{
	struct budget budget = {.local_bytes = -1};
	unsigned seen = 0;
	for (char *rest = arena_copy_text(&reader->ctx->arena, given), *part; (part = strsep(&rest, ","));) {
		char *value = strchr(part, '=');
		if (seen && (!value || !strncmp(part, "name=", 5))) {
			TRY(add_budget(reader, &budget));
			budget = (struct budget){.local_bytes = -1};
			seen = 0;
		}
		if (value)
			*value++ = 0;
		TRY(value ? set_field(reader, &budget, &seen, part, value) : add_named(reader, part));
	}
	return seen ? add_budget(reader, &budget) : ERCC_OK;
}

enum ercc_status budgets_parse(struct context *ctx, const char *const *texts, uint32_t count, struct budget_list *out)
{
	static const char *const defaults[] = {"full,half,quarter"};
	struct reader reader = {.ctx = ctx, .list = out};
	out->count = 0;
	for (uint32_t i = 0; i < (count ? count : 1); i++) {
		const char *text = count ? texts[i] : defaults[i];
		reader.source = arena_printf(&ctx->arena, "--budget '%s'", text);
		TRY(is_json_file(text) ? read_json(&reader, text) : read_text(&reader, text));
	}
	return ERCC_OK;
}

/* ---- shares of a device ---- */

enum ercc_status budgets_resolve(struct context *ctx, const struct budget_list *list, const struct device *device,
                                 const char *target, struct budget *out)
{
	for (uint32_t i = 0; i < list->count; i++) {
		struct budget budget = list->items[i];
		int64_t permille = budget.share_permille ? budget.share_permille : 1000;
		if (permille < 1000)
			budget.units = (uint32_t)ceil_div(device->units * permille, 1000);
		budget.is_local_shared = budget.local_bytes < 0;
		if (budget.is_local_shared) /* a whole number of KiB */
			budget.local_bytes = device->local_bytes * permille / 1000 & ~INT64_C(1023);
		if (!device->generic && budget.units > device->units)
			return fail(ctx, ERCC_BUDGET, "budget '%s' has %u units, target %s has %u", budget.name, budget.units,
			            target, device->units);
		if (!device->generic && budget.local_bytes > device->local_bytes)
			return fail(ctx, ERCC_BUDGET,
			            "budget '%s' has %lld bytes of local memory for each unit, target %s has %lld", budget.name,
			            (long long)budget.local_bytes, target, (long long)device->local_bytes);
		out[i] = budget;
	}
	return ERCC_OK;
}
