/* Messages of a compilation: errors, warnings, notes and progress. All go to the message callback of the options;
 * nothing is printed here. */
#include "compiler/core/core.h"

/* Longer messages are cut off: they quote names from files, which may have any length. */
#define MESSAGE_BYTES 2048

static void report(struct context *ctx, enum ercc_message_kind kind, uint32_t done, uint32_t total, const char *format,
                   va_list arguments)
{
	if (!ctx->options->message)
		return;
	char message[MESSAGE_BYTES];
	if (vsnprintf(message, sizeof message, format, arguments) < 0)
		return;
	/* Control characters in quoted names must not reach the terminal. */
	for (char *c = message; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (ctx->said.arena && (kind == ERCC_MESSAGE_WARNING || kind == ERCC_MESSAGE_NOTE)) {
		if (map_get(&ctx->said, message))
			return;
		map_set(&ctx->said, arena_copy_text(ctx->said.arena, message), ctx);
	}
	ctx->options->message(ctx->options->user, kind, message, done, total);
}

enum ercc_status fail(struct context *ctx, enum ercc_status status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	ctx->error_count++;
	report(ctx, ERCC_MESSAGE_ERROR, 0, 0, format, arguments);
	va_end(arguments);
	return status;
}

void warn(struct context *ctx, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	report(ctx, ERCC_MESSAGE_WARNING, 0, 0, format, arguments);
	va_end(arguments);
}

void note(struct context *ctx, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	report(ctx, ERCC_MESSAGE_NOTE, 0, 0, format, arguments);
	va_end(arguments);
}

void progress(struct context *ctx, uint32_t done, uint32_t total, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	report(ctx, ERCC_MESSAGE_PROGRESS, done, total, format, arguments);
	va_end(arguments);
}
