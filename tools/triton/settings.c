/* Errors, texts to options, and the options of the runtime. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/triton/backend.h"

static triton_error fail_text(enum triton_code code, const char *format, va_list args)
{
	char text[1024];
	vsnprintf(text, sizeof text, format, args);
	return TRITONSERVER_ErrorNew(code, text);
}

triton_error fail(enum triton_code code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	triton_error error = fail_text(code, format, args);
	va_end(args);
	return error;
}

triton_error fail_memory(void)
{
	return fail(TRITON_UNAVAILABLE, "out of memory");
}

triton_error fail_with(enum erc_status status, const char *format, ...)
{
	static const enum triton_code codes[] = {
		[ERC_INVALID] = TRITON_INVALID_ARG, [ERC_NOT_FOUND] = TRITON_NOT_FOUND,   [ERC_INDEX] = TRITON_INVALID_ARG,
		[ERC_SHED] = TRITON_UNAVAILABLE,    [ERC_LIMIT] = TRITON_UNAVAILABLE,     [ERC_NOMEM] = TRITON_UNAVAILABLE,
		[ERC_IO] = TRITON_UNAVAILABLE,      [ERC_VERSION] = TRITON_UNSUPPORTED,   [ERC_NO_TARGET] = TRITON_UNSUPPORTED,
		[ERC_CANCELLED] = TRITON_CANCELLED, [ERC_SIGNATURE] = TRITON_INVALID_ARG, [ERC_CORRUPT] = TRITON_INVALID_ARG,
	};
	enum triton_code code = status < COUNT_OF(codes) ? codes[status] : 0;
	char where[512];
	va_list args;
	va_start(args, format);
	vsnprintf(where, sizeof where, format, args);
	va_end(args);
	return fail(code ? code : TRITON_INTERNAL, "%s: %s: %s", where, erc_status_text(status), erc_error_detail());
}

void say(enum triton_log level, const char *text)
{
	triton_error error = TRITONSERVER_LogMessage(level, "erc", 0, text);
	if (error)
		TRITONSERVER_ErrorDelete(error);
}

void drop(triton_error error, const char *what)
{
	char text[1200];
	if (!error)
		return;
	snprintf(text, sizeof text, "erc: %s: %s", what, TRITONSERVER_ErrorMessage(error));
	say(TRITON_LOG_ERROR, text);
	TRITONSERVER_ErrorDelete(error);
}

uint64_t now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static const struct {
	int number;
	const char *name;
	enum erc_dtype dtype;
} types[] = {
#define X(number, name, dtype) {number, "TYPE_" name, dtype},
	TRITON_TYPES(X)
#undef X
};

enum triton_type type_of(enum erc_dtype dtype)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i].dtype == dtype)
			return (enum triton_type)types[i].number;
	return TRITON_TYPE_INVALID;
}

const char *type_name(enum triton_type type)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i].number == (int)type)
			return types[i].name;
	return "a type that erc does not have";
}

/* ---- settings ---- */

#define MOST_LEVEL (UINT32_MAX - 1)
#define MOST_US (UINT64_MAX / 1000 - 1) /* in nanoseconds it is a number still */

#define FIELD(type, options, offset) ((type *)((char *)(options) + (offset)))

static triton_error wrong(const char *text, const char *wanted)
{
	return fail(TRITON_INVALID_ARG, "is '%s'; wanted %s", text, wanted);
}

static triton_error read_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end, wanted[64];
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && *out <= max)
		return NULL;
	snprintf(wanted, sizeof wanted, "a whole number of at most %llu", (unsigned long long)max);
	return wrong(text, wanted);
}

static triton_error store_u32(const struct setting *setting, const char *text, void *options)
{
	uint64_t number;
	TRY(read_number(text, setting->max, &number));
	*FIELD(uint32_t, options, setting->offset) = (uint32_t)number;
	return NULL;
}

static triton_error store_u64(const struct setting *setting, const char *text, void *options)
{
	return read_number(text, setting->max, FIELD(uint64_t, options, setting->offset));
}

static triton_error store_bool(const struct setting *setting, const char *text, void *options)
{
	bool is_true = !strcmp(text, "true");
	if (!is_true && strcmp(text, "false"))
		return wrong(text, "true or false");
	*FIELD(int, options, setting->offset) = is_true;
	return NULL;
}

static triton_error store_double(const struct setting *setting, const char *text, void *options)
{
	char *end;
	double number = strtod(text, &end);
	if (end == text || *end || !(number >= -1 && number <= 1))
		return wrong(text, "a number from -1 to 1");
	*FIELD(double, options, setting->offset) = number;
	return NULL;
}

static triton_error store_text(const struct setting *setting, const char *text, void *options)
{
	char **field = FIELD(char *, options, setting->offset);
	free(*field);
	*field = strdup(text);
	return *field ? NULL : fail_memory();
}

static triton_error store_class(const struct setting *setting, const char *text, void *options)
{
	static const char *const names[] =
		{[ERC_BEST_EFFORT] = "be", [ERC_REAL_TIME] = "rt", [ERC_ARTIFACT_CLASS] = "artifact"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!strcmp(text, names[i])) {
			*FIELD(enum erc_class, options, setting->offset) = (enum erc_class)i;
			return NULL;
		}
	return wrong(text, "rt, be or artifact");
}

/* "0,2,3" */
static triton_error store_cores(const struct setting *setting, const char *text, void *options)
{
	struct runtime_settings *settings = options;
	size_t count = 0;
	(void)setting;
	for (const char *at = text;; at++) {
		char *end;
		unsigned long core = strtoul(at, &end, 10);
		if (end == at || *at < '0' || *at > '9' || core > UINT32_MAX || count == COUNT_OF(settings->cores))
			return wrong(text, "numbers of cores, such as 0,2,3");
		settings->cores[count++] = (uint32_t)core;
		at = end;
		if (!*at)
			break;
		if (*at != ',')
			return wrong(text, "numbers of cores, such as 0,2,3");
	}
	settings->core_count = (uint32_t)count;
	return NULL;
}

triton_error set_option(const struct setting *settings, size_t count, const char *where, const char *name,
                        const char *text, void *options)
{
	char known[512] = "";
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(settings[i].name, name)) {
			triton_error wrong_value = settings[i].store(&settings[i], text, options);
			if (!wrong_value)
				return NULL;
			triton_error error =
				fail(TRITON_INVALID_ARG, "%s '%s' %s", where, name, TRITONSERVER_ErrorMessage(wrong_value));
			TRITONSERVER_ErrorDelete(wrong_value);
			return error;
		}
		size_t length = strlen(known);
		snprintf(known + length, sizeof known - length, "%s%s", i ? ", " : "", settings[i].name);
	}
	return fail(TRITON_INVALID_ARG, "%s '%s' is not known; there are %s", where, name, known);
}

#define OF_RUNTIME(field) offsetof(struct runtime_settings, options.field)
#define OF_SESSION(field) offsetof(struct model_settings, options.field)

static const struct setting runtime_rows[] = {
	{"device", store_text, offsetof(struct runtime_settings, device), 0},
	{"policy", store_text, offsetof(struct runtime_settings, policy), 0},
	{"units", store_u32, OF_RUNTIME(units), 4096},
	{"cores", store_cores, 0, 0},
	{"be-units", store_u32, OF_RUNTIME(be_units), 4096},
	{"rt-units", store_u32, OF_RUNTIME(rt_units), 4096},
	{"rt-slowdown", store_double, OF_RUNTIME(rt_slowdown), 0},
	{"be-bandwidth", store_double, OF_RUNTIME(be_bandwidth), 0},
	{"rt-os-priority", store_u32, OF_RUNTIME(rt_os_priority), 99},
};

/* What the server itself passes to every backend. */
static bool is_of_server(const char *name)
{
	static const char *const names[] = {"auto-complete-config", "backend-directory", "min-compute-capability",
	                                    "default-max-batch-size"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

triton_error read_runtime_settings(struct TRITONBACKEND_Backend *backend, struct runtime_settings *out)
{
	struct TRITONSERVER_Message *message;
	const char *text;
	size_t bytes;
	memset(out, 0, sizeof *out);
	out->options.size = sizeof out->options;
	TRY(TRITONBACKEND_BackendConfig(backend, &message)); /* the server's own */
	TRY(TRITONSERVER_MessageSerializeToJson(message, &text, &bytes));
	cJSON *config = cJSON_ParseWithLength(text, bytes);
	triton_error error = NULL;
	const cJSON *cmdline = cJSON_GetObjectItemCaseSensitive(config, "cmdline");
	for (const cJSON *row = cmdline ? cmdline->child : NULL; row && !error; row = row->next)
		if (!is_of_server(row->string))
			error = set_option(runtime_rows, COUNT_OF(runtime_rows), "backend-config of erc:", row->string,
			                   cJSON_IsString(row) ? row->valuestring : "", out);
	cJSON_Delete(config);
	out->options.device = out->device;
	out->options.policy = out->policy;
	if (!error && out->core_count) {
		if (out->options.units && out->options.units != out->core_count)
			return fail(TRITON_INVALID_ARG, "backend-config of erc: %u cores for %u units", out->core_count,
			            out->options.units);
		out->options.cores = out->cores;
		out->options.units = out->core_count;
	}
	return error;
}

void free_runtime_settings(struct runtime_settings *settings)
{
	free(settings->device);
	free(settings->policy);
}

/* ---- of requests ---- */

static triton_error store_level_of_run(const struct setting *setting, const char *text, void *options)
{
	((struct erc_submit_options *)options)->fields |= ERC_SUBMIT_LEVEL;
	return store_u32(setting, text, options);
}

static triton_error store_deadline_of_run(const struct setting *setting, const char *text, void *options)
{
	((struct erc_submit_options *)options)->fields |= ERC_SUBMIT_DEADLINE;
	return store_u64(setting, text, options);
}

static const struct setting run_rows[] = {
	{"erc_level", store_level_of_run, offsetof(struct erc_submit_options, level), MOST_LEVEL},
	{"erc_deadline_us", store_deadline_of_run, offsetof(struct erc_submit_options, deadline_us), MOST_US},
};

triton_error set_run_option(const char *name, const char *text, struct erc_submit_options *options)
{
	return set_option(run_rows, COUNT_OF(run_rows), "the request's parameter", name, text, options);
}

/* ---- of models ---- */

static const struct setting model_rows[] = {
	{"class", store_class, OF_SESSION(class_), 0},
	{"level", store_u32, OF_SESSION(level), MOST_LEVEL},
	{"deadline_us", store_u64, OF_SESSION(deadline_us), MOST_US},
	{"weight", store_u32, OF_SESSION(weight), UINT32_MAX},
	{"budget", store_text, offsetof(struct model_settings, budget), 0},
	{"units", store_u32, OF_SESSION(units), 4096},
	{"shed", store_bool, OF_SESSION(shed), 0},
	{"clamp_indices", store_bool, OF_SESSION(clamp_indices), 0},
	{"max_requests", store_u32, offsetof(struct model_settings, max_requests), 65536},
	{"entry", store_text, offsetof(struct model_settings, entry), 0},
	{"target", store_text, offsetof(struct model_settings, target), 0},
	{"verify_weights", store_bool, offsetof(struct model_settings, verify_weights), 0},
};

#define MAX_REQUESTS 64

triton_error read_model_settings(struct model *model, const cJSON *config, struct model_settings *out)
{
	const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(config, "parameters");
	const cJSON *file = cJSON_GetObjectItemCaseSensitive(config, "default_model_filename");
	char where[300];
	*out = (struct model_settings){.options = {.size = sizeof out->options,
	                                           .class_ = ERC_ARTIFACT_CLASS,
	                                           .level = ERC_ARTIFACT_LEVEL,
	                                           .deadline_us = ERC_ARTIFACT_DEADLINE},
	                               .max_requests = MAX_REQUESTS};
	snprintf(where, sizeof where, "model '%.200s': parameter", model->name);
	for (const cJSON *row = parameters ? parameters->child : NULL; row; row = row->next) {
		const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, "string_value");
		TRY(set_option(model_rows, COUNT_OF(model_rows), where, row->string,
		               cJSON_IsString(value) ? value->valuestring : "", out));
	}
	if (!out->max_requests)
		return fail(TRITON_INVALID_ARG, "%s 'max_requests' is 0; wanted at least 1", where);
	out->options.budget = out->budget;
	out->options.entry = out->entry;
	out->options.name = model->name;
	/* The server itself sets "model.erc" for a folder that has no configuration. */
	bool is_given = cJSON_IsString(file) && *file->valuestring && strcmp(file->valuestring, "model.erc");
	out->file = strdup(is_given ? file->valuestring : "model.erca");
	return out->file ? NULL : fail_memory();
}

void free_model_settings(struct model_settings *settings)
{
	free(settings->budget);
	free(settings->entry);
	free(settings->target);
	free(settings->file);
}
