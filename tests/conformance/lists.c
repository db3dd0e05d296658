/* Inputs and outputs of a case that are sequences or optionals: their files, and what the compiler is told of them. The
 * artifact has an input or output for each of their tensors. */
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/conformance.h"
#include "tests/conformance/wire.h"

static const char *add_tensor(struct list *list, struct span tensor)
{
	struct array array;
	const char *wrong = pb_parse(tensor.at, (size_t)(tensor.end - tensor.at), &array);
	if (wrong)
		return wrong;
	list->items = memory_grow(list->items, ((size_t)list->count + 1) * sizeof *list->items);
	list->items[list->count++] = array;
	return NULL;
}

/* SequenceProto.tensor_values = 3; OptionalProto.tensor_value = 3, sequence_value = 5. */
static const char *add_part(struct list *list, struct span in, int kind)
{
	struct span body;
	uint64_t field;
	const char *wrong = NULL;
	if (!kind)
		return add_tensor(list, in);
	list->is_nothing = kind & ERCC_OPTIONAL;
	while (!wrong && next_field(&in, &field, &body)) {
		if (field == 3 && body.at)
			wrong = add_tensor(list, body);
		if (field == 5 && kind & ERCC_OPTIONAL && body.at)
			wrong = add_part(list, body, ERCC_SEQUENCE);
		list->is_nothing &= field != 3 && field != 5;
	}
	return wrong;
}

const char *list_read(struct list *list, const char *path, int kind)
{
	void *data;
	size_t bytes;
	const char *wrong = file_read(path, &data, &bytes);
	if (!wrong)
		wrong = add_part(list, (struct span){data, (const uint8_t *)data + bytes}, kind);
	free(data);
	return wrong;
}

void list_free(struct list *list)
{
	for (int i = 0; i < list->count; i++)
		array_free(&list->items[i]);
	free(list->items);
	*list = (struct list){0};
}

static void add_shape(struct text_list *shapes, const char *name, const struct array *array)
{
	char *text = memory_printf("%s:", name);
	for (uint32_t d = 0; d < array->rank; d++) {
		char *longer = memory_printf("%s%s%lld", text, d ? "x" : "", (long long)array->dims[d]);
		free(text);
		text = longer;
	}
	text_list_add(shapes, text);
	free(text);
}

void list_options(const struct ercc_value_info *input, const struct list *list, struct text_list *lengths,
                  struct text_list *shapes)
{
	char *length =
		list->is_nothing ? memory_printf("%s=none", input->name) : memory_printf("%s=%d", input->name, list->count);
	if (input->kind)
		text_list_add(lengths, length);
	free(length);
	for (int i = 0; i < list->count; i++) {
		char *name =
			input->kind & ERCC_SEQUENCE ? memory_printf("%s.%d", input->name, i) : memory_printf("%s", input->name);
		add_shape(shapes, name, &list->items[i]);
		free(name);
	}
}

bool list_find(const struct ercc_model_info *info, const char *name, uint32_t *input, int *item)
{
	for (uint32_t i = 0; i < info->input_count; i++) {
		const struct ercc_value_info *value = &info->inputs[i];
		size_t length = strlen(value->name);
		*input = i;
		*item = 0;
		if (!strcmp(value->name, name))
			return true;
		if (!(value->kind & ERCC_SEQUENCE) || strncmp(value->name, name, length) || name[length] != '.')
			continue;
		*item = atoi(name + length + 1);
		return true;
	}
	return false;
}
