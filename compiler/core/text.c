/* Text that grows in the arena: printed code, dumps, JSON. */
#include "compiler/core/core.h"

/* Makes room for `bytes` more and the NUL. */
static void make_room(struct text *text, size_t bytes)
{
	size_t needed = text->length + bytes;
	if (needed < text->capacity)
		return;
	size_t capacity = text->capacity ? text->capacity : 256;
	while (capacity <= needed)
		capacity *= 2;
	char *data = arena_alloc(text->arena, capacity);
	if (text->length)
		memcpy(data, text->data, text->length);
	text->data = data;
	text->capacity = capacity;
}

void text_append(struct text *text, const char *data, size_t bytes)
{
	make_room(text, bytes);
	if (bytes)
		memcpy(text->data + text->length, data, bytes);
	text->length += bytes;
	text->data[text->length] = '\0';
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length >= 0) {
		make_room(text, (size_t)length);
		vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
		text->length += (size_t)length;
	}
	va_end(arguments);
}
