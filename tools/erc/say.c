/* Messages of the command: errors, warnings, notes and progress. All go to stderr, coloured on a terminal unless
 * NO_COLOR is set. Also memory that is never NULL. */
#include <stdarg.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/erc/command.h"

/* A progress line is on the terminal, and must be cleared before anything else is printed. */
static bool line_open;

static bool colours(void)
{
	const char *none = getenv("NO_COLOR");
	return isatty(STDERR_FILENO) && !(none && *none);
}

static void clear_line(void)
{
	if (line_open)
		fputs("\r\033[K", stderr);
	line_open = false;
}

static void say(const char *word, const char *colour, const char *format, va_list list)
{
	clear_line();
	if (colours())
		fprintf(stderr, "\033[1;%sm%s:\033[0m ", colour, word);
	else
		fprintf(stderr, "%s: ", word);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
}

void say_error(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	say("error", "31", format, list);
	va_end(list);
}

void say_warning(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	say("warning", "33", format, list);
	va_end(list);
}

void say_note(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	say("note", "36", format, list);
	va_end(list);
}

void say_progress(uint32_t done, uint32_t total, const char *text)
{
	if (!isatty(STDERR_FILENO)) {
		fprintf(stderr, "[%u/%u] %s\n", done, total, text);
		return;
	}
	fprintf(stderr, "\r\033[K[%u/%u] %.60s", done, total, text);
	fflush(stderr);
	line_open = true;
	if (done == total)
		clear_line();
}

void say_compiler_message(void *user, enum ercc_message_kind kind, const char *message, uint32_t done, uint32_t total)
{
	const bool *quiet = user;
	if (kind == ERCC_MESSAGE_ERROR)
		say_error("%s", message);
	else if (kind == ERCC_MESSAGE_WARNING)
		say_warning("%s", message);
	else if (kind == ERCC_MESSAGE_NOTE)
		say_note("%s", message);
	else if (!*quiet)
		say_progress(done, total, message);
}

static const struct {
	enum erc_status status;
	enum exit_code code;
} exit_codes[] = {
	{ERC_CORRUPT, EXIT_ARTIFACT},    {ERC_VERSION, EXIT_ARTIFACT}, {ERC_NO_TARGET, EXIT_DEVICE},
	{ERC_SIGNATURE, EXIT_SIGNATURE}, {ERC_NOT_FOUND, EXIT_USAGE}, /* for example a wrong name on the command line */
};

int say_runtime_error(const char *about, enum erc_status status)
{
	const char *detail = erc_error_detail();
	if (!*detail)
		detail = erc_status_text(status);
	if (strstr(detail, about))
		say_error("%s", detail);
	else
		say_error("%s: %s", about, detail);
	const char *suffix = strrchr(about, '.');
	if (status == ERC_CORRUPT && suffix && !strcmp(suffix, ".onnx"))
		say_note("this looks like a model; compile it first: erc compile %s -o model.erca", about);
	for (size_t i = 0; i < COUNT_OF(exit_codes); i++)
		if (exit_codes[i].status == status)
			return exit_codes[i].code;
	return EXIT_RUN;
}

int say_unreadable(const char *path)
{
	struct stat status;
	if (stat(path, &status) || access(path, R_OK))
		say_error("%s: %s", path, strerror(errno));
	else if (S_ISDIR(status.st_mode))
		say_error("%s: is a folder, not a file", path);
	else if (!S_ISREG(status.st_mode))
		say_error("%s: is not a regular file", path);
	else
		return ARGS_OK;
	return EXIT_RUN;
}

int output_finish(int code)
{
	clear_line();
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	say_error("standard output: %s", strerror(errno));
	return code ? code : EXIT_RUN;
}

void *memory_new(size_t bytes)
{
	void *memory = calloc(1, bytes ? bytes : 1);
	if (memory)
		return memory;
	say_error("out of memory (%zu bytes)", bytes);
	exit(EXIT_RUN);
}

void *memory_grow(void *old, size_t bytes)
{
	void *memory = realloc(old, bytes ? bytes : 1);
	if (memory)
		return memory;
	say_error("out of memory (%zu bytes)", bytes);
	exit(EXIT_RUN);
}

char *memory_printf(const char *format, ...)
{
	va_list list;
	char *text = NULL;
	va_start(list, format);
	int length = vasprintf(&text, format, list);
	va_end(list);
	if (length >= 0)
		return text;
	say_error("out of memory");
	exit(EXIT_RUN);
}

bool file_is_artifact(const char *path)
{
	/* The first byte of an artifact has its high bit set, and no ONNX file begins so. So a damaged artifact is still
	 * recognised. */
	unsigned char start[5] = {0};
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	size_t got = fread(start, 1, sizeof start, file);
	fclose(file);
	return got == sizeof start && (start[0] == 0x8f || !memcmp(start + 1, "ERCA", 4));
}
