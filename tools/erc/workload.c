/* Workload files: which clients there are, how urgent they are, and when they submit. Two formats: our own, and
 * DISB's. */
#include "tools/erc/workload.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CLIENTS 256
#define MAX_IN_FLIGHT 64
#define MAX_NUMBER 1e9

/* The position of a value in the file, for messages. */
struct place {
	const char *path;
	const char *list; /* "clients" or "tasks"; NULL: the file itself */
	uint32_t number;
	const char *inside; /* an object inside it, such as "load."; or NULL */
};

/* "clients[3]", or "the file". The caller frees it. */
static char *place_text(const struct place *place)
{
	return place->list ? memory_printf("%s[%u]", place->list, place->number) : memory_printf("the file");
}

static int complain(const struct place *place, const char *key, const char *wanted, const cJSON *found)
{
	/* the parser makes an infinity of a number such as 1e400, and prints that as null */
	bool is_infinite = cJSON_IsNumber(found) && isinf(found->valuedouble);
	char *text = found && !is_infinite ? cJSON_PrintUnformatted(found) : NULL, *where = place_text(place);
	say_error("%s: %s%s%s%s is %.60s; wanted %s", place->path, place->list ? where : "", place->list ? "." : "",
	          place->inside ? place->inside : "", key,
	          is_infinite ? "a number too large to be stored"
	          : text      ? text
	                      : "missing",
	          wanted);
	cJSON_free(text);
	free(where);
	return EXIT_USAGE;
}

/* A number from `min` to `max`, or `otherwise` if there is none. */
static int read_number(const struct place *place, const cJSON *object, const char *key, double min, double max,
                       double otherwise, double *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	*out = otherwise;
	if (!item && !isnan(otherwise))
		return ARGS_OK;
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= min) || item->valuedouble > max) {
		char wanted[64];
		snprintf(wanted, sizeof wanted, "a number from %g to %g", min, max);
		return complain(place, key, wanted, item);
	}
	*out = item->valuedouble;
	return ARGS_OK;
}

/* The same for a whole number of at least 0. */
static int read_count(const struct place *place, const cJSON *object, const char *key, uint32_t min, uint32_t otherwise,
                      uint32_t *out)
{
	double number;
	int code = read_number(place, object, key, min, MAX_NUMBER, otherwise, &number);
	if (code == ARGS_OK && number != floor(number))
		return complain(place, key, "a whole number", cJSON_GetObjectItemCaseSensitive(object, key));
	*out = code == ARGS_OK ? (uint32_t)number : 0;
	return code;
}

static int read_text(const struct place *place, const cJSON *object, const char *key, bool is_needed, char **out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	if (!item && !is_needed)
		return ARGS_OK;
	if (!cJSON_IsString(item) || !*item->valuestring)
		return complain(place, key, "a text", item);
	for (const char *at = item->valuestring; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return complain(place, key, "a text of one line, without control characters", item);
	*out = memory_printf("%s", item->valuestring);
	return ARGS_OK;
}

/* ---- gaps of a recorded trace ---- */

static int take_gaps(const struct place *place, const char *key, const cJSON *list, double scale, bool are_times,
                     struct client *out)
{
	const cJSON *item;
	double before = 0, sum = 0;
	if (!cJSON_IsArray(list) || !cJSON_GetArraySize(list))
		return complain(place, key, "a list of seconds, or the name of a JSON file with one", list);
	out->gaps_s = memory_new((size_t)cJSON_GetArraySize(list) * sizeof *out->gaps_s);
	cJSON_ArrayForEach(item, list)
	{
		double value = cJSON_IsNumber(item) ? item->valuedouble * scale : -1, gap = are_times ? value - before : value;
		if (!(gap >= 0) || gap > 1e6)
			return complain(place, key, are_times ? "times that ascend" : "gaps of at least 0 seconds", item);
		before = value;
		sum += gap;
		out->gaps_s[out->gap_count++] = gap;
	}
	return sum > 0 ? ARGS_OK : complain(place, key, "gaps that are not all 0", list);
}

char *path_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	return slash && *name != '/' ? memory_printf("%.*s/%s", (int)(slash - path), path, name)
	                             : memory_printf("%s", name);
}

/* A list, or the name of a file beside the workload that holds one. */
static int read_gaps(const struct place *place, const cJSON *object, struct client *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "gaps_s");
	if (!cJSON_IsString(item))
		return take_gaps(place, "gaps_s", item, 1, false, out);
	char *path = path_beside(place->path, item->valuestring);
	cJSON *list = NULL;
	int code = json_read(path, &list);
	if (code == ARGS_OK)
		code = take_gaps(place, "gaps_s", list, 1, false, out);
	cJSON_Delete(list);
	free(path);
	return code;
}

/* ---- our own form ---- */

static const struct {
	const char *name;
	enum load_kind kind;
} kinds[] = {{"closed", LOAD_CLOSED}, {"periodic", LOAD_PERIODIC}, {"poisson", LOAD_POISSON}, {"trace", LOAD_TRACE}};

static int read_kind(const struct place *place, const char *key, const cJSON *item, enum load_kind *out)
{
	for (size_t i = 0; cJSON_IsString(item) && i < COUNT_OF(kinds); i++)
		if (!strcmp(kinds[i].name, item->valuestring)) {
			*out = kinds[i].kind;
			return ARGS_OK;
		}
	return complain(place, key, "closed, periodic, poisson or trace", item);
}

static int check_keys(const struct place *place, const cJSON *object, const char *const *names, size_t count)
{
	const cJSON *item;
	if (!cJSON_IsObject(object)) {
		say_error("%s: %s[%u] is not an object", place->path, place->list, place->number);
		return EXIT_USAGE;
	}
	cJSON_ArrayForEach(item, object)
	{
		bool known = false;
		for (size_t i = 0; i < count; i++)
			known |= !strcmp(names[i], item->string);
		if (known)
			continue;
		const char *nearest = args_nearest(item->string, names, count);
		char *where = place_text(place);
		say_error("%s: %s has no key '%s'", place->path, where, item->string);
		free(where);
		if (nearest)
			say_note("did you mean '%s'?", nearest);
		return EXIT_USAGE;
	}
	return ARGS_OK;
}

#define TAKE(call) \
	do { \
		int code_ = (call); \
		if (code_ != ARGS_OK) \
			return code_; \
	} while (0)

/* A key that has no effect on this client is an error. */
static int refuse_idle_keys(const struct place *place, const cJSON *object, const struct client *client)
{
	bool is_rt = client->class_ == ERC_REAL_TIME, is_closed = client->kind == LOAD_CLOSED,
		 is_trace = client->kind == LOAD_TRACE;
	const struct {
		const char *key;
		bool has_effect;
		const char *wanted;
	} rows[] = {
		{"level", is_rt, "none with class \"be\": levels are of RT clients"},
		{"deadline_us", is_rt, "none with class \"be\": deadlines are of RT clients"},
		{"valid_factor", is_rt, "none with class \"be\": valid times are of RT clients"},
		{"valid_factor", !client->deadline_us, "none beside deadline_us, which is the valid time"},
		{"weight", !is_rt, "none with class \"rt\": weights are of BE clients"},
		{"in_flight", is_closed, "none with this load: it is for \"closed\""},
		{"rate", !is_closed && !is_trace, "none with this load"},
		{"gaps_s", is_trace, "none with this load"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, rows[i].key);
		if (item && !rows[i].has_effect)
			return complain(place, rows[i].key, rows[i].wanted, item);
	}
	return ARGS_OK;
}

/* Reads when the client submits: the keys of its kind of load. */
static int read_load(const struct place *place, const cJSON *object, struct client *out)
{
	if (out->kind == LOAD_PERIODIC || out->kind == LOAD_POISSON)
		return read_number(place, object, "rate", 1e-6, MAX_NUMBER, NAN, &out->rate);
	return out->kind == LOAD_TRACE ? read_gaps(place, object, out) : ARGS_OK;
}

static int read_client(const struct place *place, const cJSON *object, struct client *out)
{
	static const char *const keys[] = {"name",   "model",       "class",        "level", "weight", "in_flight", "units",
	                                   "budget", "deadline_us", "valid_factor", "load",  "rate",   "gaps_s"};
	const cJSON *class_ = cJSON_GetObjectItemCaseSensitive(object, "class");
	TAKE(check_keys(place, object, keys, COUNT_OF(keys)));
	TAKE(read_text(place, object, "name", true, &out->name));
	TAKE(read_text(place, object, "model", true, &out->model));
	TAKE(read_text(place, object, "budget", false, &out->budget));
	if (!cJSON_IsString(class_) || (strcmp(class_->valuestring, "rt") && strcmp(class_->valuestring, "be")))
		return complain(place, "class", "\"rt\" or \"be\"", class_);
	out->class_ = strcmp(class_->valuestring, "rt") ? ERC_BEST_EFFORT : ERC_REAL_TIME;
	TAKE(read_count(place, object, "level", 0, 0, &out->level));
	TAKE(read_count(place, object, "weight", 1, 1, &out->weight));
	TAKE(read_count(place, object, "units", 1, 0, &out->units));
	TAKE(read_count(place, object, "in_flight", 1, out->class_ == ERC_BEST_EFFORT ? 2 : 1, &out->in_flight));
	if (out->in_flight > MAX_IN_FLIGHT)
		return complain(place, "in_flight", "at most 64", cJSON_GetObjectItemCaseSensitive(object, "in_flight"));
	TAKE(read_count(place, object, "deadline_us", 1, 0, &out->deadline_us));
	TAKE(read_number(place, object, "valid_factor", 1, MAX_NUMBER, 2, &out->valid_factor));
	TAKE(read_kind(place, "load", cJSON_GetObjectItemCaseSensitive(object, "load"), &out->kind));
	TAKE(refuse_idle_keys(place, object, out));
	return read_load(place, object, out);
}

/* ---- DISB: tasks; a closed loop without a priority is best effort ---- */

static int read_task(const struct place *place, const cJSON *object, struct client *out)
{
	const cJSON *load = cJSON_GetObjectItemCaseSensitive(object, "load"),
				*client = cJSON_GetObjectItemCaseSensitive(object, "client");
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(load, "type");
	const struct place in_load = {place->path, place->list, place->number, "load."};
	const struct place in_client = {place->path, place->list, place->number, "client."};
	TAKE(read_text(place, object, "id", true, &out->name));
	if (!cJSON_IsObject(load))
		return complain(place, "load", "an object", load);
	if (!cJSON_IsObject(client))
		return complain(place, "client", "an object", client);
	TAKE(read_text(&in_client, client, "model_name", true, &out->model));
	size_t length = strlen(out->name);
	bool is_real_time = length > 3 && !strcmp(out->name + length - 3, "_rt");
	*out = (struct client){.name = out->name,
	                       .model = out->model,
	                       .weight = 1,
	                       .valid_factor = 2,
	                       .class_ = is_real_time ? ERC_REAL_TIME : ERC_BEST_EFFORT,
	                       .in_flight = is_real_time ? 1 : 2};
	if (!cJSON_IsString(type))
		return complain(&in_load, "type", "a text", type);
	if (!strcmp(type->valuestring, "continuous"))
		return ARGS_OK;
	TAKE(read_kind(&in_load, "type", type, &out->kind));
	if (out->kind == LOAD_TRACE) /* times are in milliseconds */
		return take_gaps(&in_load, "trace", cJSON_GetObjectItemCaseSensitive(load, "trace"), 1e-3, true, out);
	return read_number(&in_load, load, "frequency", 1e-6, MAX_NUMBER, NAN, &out->rate);
}

/* ---- files ---- */

static int read_list(const char *path, const cJSON *root, struct workload *out)
{
	const cJSON *clients = cJSON_GetObjectItemCaseSensitive(root, "clients");
	const cJSON *tasks = cJSON_GetObjectItemCaseSensitive(root, "tasks"), *list = clients ? clients : tasks, *item;
	struct place place = {path, clients ? "clients" : "tasks", 0, NULL};
	if (!cJSON_IsArray(list) || !cJSON_GetArraySize(list) || cJSON_GetArraySize(list) > MAX_CLIENTS) {
		say_error("%s: wanted a list of 1 to %d \"clients\" (or, of DISB, \"tasks\")", path, MAX_CLIENTS);
		return EXIT_USAGE;
	}
	out->clients = memory_new((size_t)cJSON_GetArraySize(list) * sizeof *out->clients);
	cJSON_ArrayForEach(item, list)
	{
		struct client *client = &out->clients[out->count++];
		place.number = out->count - 1;
		TAKE(clients ? read_client(&place, item, client) : read_task(&place, item, client));
		for (uint32_t i = 0; i + 1 < out->count; i++)
			if (!strcmp(out->clients[i].name, client->name))
				return complain(&place, clients ? "name" : "id", "a name that no other client has",
				                cJSON_GetObjectItemCaseSensitive(item, clients ? "name" : "id"));
	}
	return ARGS_OK;
}

/* Reads the keys beside the clients. Keys that only DISB uses are ignored. */
static int read_root(const char *path, const cJSON *root, struct workload *out)
{
	static const char *const keys[] = {"schema", "name", "seconds", "clients"};
	const struct place place = {.path = path};
	const cJSON *schema = cJSON_GetObjectItemCaseSensitive(root, "schema");
	if (!cJSON_GetObjectItemCaseSensitive(root, "clients"))
		return ARGS_OK;
	TAKE(check_keys(&place, root, keys, COUNT_OF(keys)));
	if (schema && (!cJSON_IsString(schema) || strcmp(schema->valuestring, "erc.workload/1")))
		return complain(&place, "schema", "\"erc.workload/1\"", schema);
	TAKE(read_text(&place, root, "name", false, &out->name));
	return read_number(&place, root, "seconds", MIN_SLICE, MAX_SLICE, 0, &out->seconds);
}

int workload_read(const char *path, struct workload *out)
{
	cJSON *root = NULL;
	*out = (struct workload){0};
	TAKE(json_read(path, &root));
	const char *slash = strrchr(path, '/');
	int code = read_root(path, root, out);
	if (!out->name)
		out->name = memory_printf("%s", slash ? slash + 1 : path);
	if (code == ARGS_OK)
		code = read_list(path, root, out);
	cJSON_Delete(root);
	return code;
}

void workload_free(struct workload *workload)
{
	for (uint32_t i = 0; i < workload->count; i++) {
		free(workload->clients[i].name);
		free(workload->clients[i].model);
		free(workload->clients[i].budget);
		free(workload->clients[i].gaps_s);
	}
	free(workload->clients);
	free(workload->name);
	*workload = (struct workload){0};
}

/* ---- arrivals ---- */

/* SplitMix64: small, and the same on every machine. */
static double next_uniform(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return ((double)((z ^ z >> 31) >> 11) + 0.5) * 0x1p-53;
}

double client_rate(const struct client *client)
{
	double sum = 0;
	for (size_t i = 0; i < client->gap_count; i++)
		sum += client->gaps_s[i];
	return client->kind == LOAD_TRACE ? (double)client->gap_count / sum : client->rate;
}

size_t client_arrivals(const struct client *client, double seconds, double scale, uint64_t seed, uint64_t **times)
{
	size_t count = 0, capacity = 0, gap = 0;
	uint64_t state = seed * 0x2545f4914f6cdd1du + 1;
	*times = NULL;
	if (client->kind == LOAD_CLOSED)
		return 0;
	/* A periodic client begins at a random phase, and a trace at a random position. */
	double at = client->kind == LOAD_PERIODIC ? next_uniform(&state) / (client->rate * scale) : 0;
	if (client->kind == LOAD_TRACE)
		gap = (size_t)(next_uniform(&state) * (double)client->gap_count);
	for (;; gap++) {
		if (client->kind == LOAD_POISSON)
			at += -log(next_uniform(&state)) / (client->rate * scale);
		else if (client->kind == LOAD_TRACE)
			at += client->gaps_s[gap % client->gap_count] / scale;
		if (at >= seconds)
			return count;
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 256;
			*times = memory_grow(*times, capacity * sizeof **times);
		}
		(*times)[count++] = (uint64_t)(at * 1e9);
		if (client->kind == LOAD_PERIODIC)
			at += 1 / (client->rate * scale);
	}
}
