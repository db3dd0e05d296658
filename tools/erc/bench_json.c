/* JSON files of workloads. Only a regular file of limited size is read, with one value and no text after it. An object
 * that has a key twice is refused: which of the two counts would be a guess. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/erc/workload.h"

#define MAX_FILE_MIB 16

struct text {
	char *data;
	size_t bytes;
};

/* Reads at most `limit` bytes; 0 at the end of the file and after an error, which errno says. */
static size_t read_some(int file, char *data, size_t limit)
{
	ssize_t got;
	do
		got = read(file, data, limit);
	while (got < 0 && errno == EINTR);
	return got > 0 ? (size_t)got : 0;
}

/* Returns NULL, or what is wrong. */
static const char *read_regular(int file, struct text *out)
{
	struct stat status;
	if (fstat(file, &status))
		return strerror(errno);
	if (!S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a regular file";
	if (status.st_size > MAX_FILE_MIB << 20)
		return "is too large";
	size_t limit = (size_t)status.st_size, got;
	out->data = memory_new(limit + 1);
	errno = 0;
	while (out->bytes < limit && (got = read_some(file, out->data + out->bytes, limit - out->bytes)))
		out->bytes += got;
	return errno ? strerror(errno) : NULL;
}

/* A pipe that nobody writes to does not make open() wait. */
static int read_text_file(const char *path, struct text *out)
{
	int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	const char *wrong = file < 0 ? strerror(errno) : read_regular(file, out);
	if (file >= 0)
		close(file);
	if (!wrong)
		return ARGS_OK;
	say_error("%s: %s", path, wrong);
	if (file >= 0)
		say_note("wanted a regular file of at most %d MiB", MAX_FILE_MIB);
	return EXIT_RUN;
}

static int line_of(const struct text *text, const char *at)
{
	int line = 1;
	for (const char *c = text->data; c < at && c < text->data + text->bytes; c++)
		line += *c == '\n';
	return line;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A key that one object has twice, or NULL. The parser limits how deep values are nested. */
static const char *repeated_key(const cJSON *value)
{
	const cJSON *item;
	const char *found = NULL;
	size_t count = 0;
	const char **keys = memory_new((size_t)cJSON_GetArraySize(value) * sizeof *keys);
	cJSON_ArrayForEach(item, value)
	{
		if (item->string)
			keys[count++] = item->string;
		if (item->child && !found)
			found = repeated_key(item);
	}
	qsort(keys, count, sizeof *keys, by_text);
	for (size_t i = 1; i < count && !found; i++)
		if (!strcmp(keys[i - 1], keys[i]))
			found = keys[i];
	free(keys);
	return found;
}

static int check_value(const char *path, const struct text *text, const char *end, const cJSON *value)
{
	const char *last = text->data + text->bytes;
	while (value && end < last && strchr(" \t\r\n", *end) && *end)
		end++;
	const char *key = value ? repeated_key(value) : NULL;
	if (!value)
		say_error("%s: not JSON: syntax error at line %d", path, line_of(text, end));
	else if (end < last)
		say_error("%s: line %d: there is text after the end of the JSON value", path, line_of(text, end));
	else if (key)
		say_error("%s: an object has the key '%.60s' twice", path, key);
	else
		return ARGS_OK;
	return EXIT_USAGE;
}

int json_read(const char *path, struct cJSON **out)
{
	struct text text = {0};
	int code = read_text_file(path, &text);
	if (code == ARGS_OK) {
		const char *end = text.data;
		*out = cJSON_ParseWithLengthOpts(text.data, text.bytes, &end, 0);
		code = check_value(path, &text, end ? end : text.data, *out);
		if (code != ARGS_OK) {
			cJSON_Delete(*out);
			*out = NULL;
		}
	}
	free(text.data);
	return code;
}
