/* Inputs from the command line: name=@FILE, name=random:SEED, name=zeros. They are checked against the artifact's
 * entry before anything runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/erc/command.h"

bool binding_split(const char *option, const char *text, char **name, const char **rest)
{
	const char *equals = strchr(text, '=');
	if (!equals || equals == text) {
		say_error("--%s %s: a name, '=' and a value are needed", option, text);
		say_note("for example --%s x=@x.npy", option);
		return false;
	}
	*name = memory_printf("%.*s", (int)(equals - text), text);
	*rest = equals + 1;
	return true;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);
	return length >= end_length && !strcmp(text + length - end_length, end);
}

static const char *bin_read(const char *path, enum erc_dtype dtype, uint32_t rank, const int64_t *dims,
                            struct array *out)
{
	void *data;
	size_t bytes;
	const char *wrong = file_read(path, &data, &bytes);
	if (wrong)
		return wrong;
	if (!array_new(out, dtype, rank, dims))
		wrong = "out of memory";
	else if (bytes != out->bytes)
		wrong = "does not have as many bytes as the tensor";
	else
		memcpy(out->data, data, bytes);
	free(data);
	return wrong;
}

const char *array_read(const char *path, enum erc_dtype dtype, uint32_t rank, const int64_t *dims, struct array *out)
{
	if (ends_with(path, ".npy"))
		return npy_read(path, out);
	if (ends_with(path, ".pb"))
		return pb_read(path, out);
	if (ends_with(path, ".bin"))
		return bin_read(path, dtype, rank, dims, out);
	return "unknown type of file; use .npy, .pb or .bin (raw bytes)";
}

/* A file's tensor must have the dtype and all dims of the input. */
static int check_type(const struct erc_tensor_info *info, const char *path, const struct array *array)
{
	if (array->dtype == info->dtype && array->rank == info->rank &&
	    !memcmp(array->dims, info->dims, info->rank * sizeof *info->dims))
		return ARGS_OK;
	char *want = array_type_text(info->dtype, info->rank, info->dims);
	char *have = array_type_text(array->dtype, array->rank, array->dims);
	say_error("input '%s' takes %s; %s holds %s", info->name, want, path, have);
	if (array->dtype != info->dtype && info->dtype >= ERC_F8E4M3FN)
		say_note("NumPy has no %s: store the bytes as .bin, or the tensor as .pb", erc_dtype_name(info->dtype));
	else if (array->dtype != info->dtype)
		say_note("convert the file to %s; nothing is converted silently", erc_dtype_name(info->dtype));
	else
		say_note("the artifact's shapes were fixed when it was compiled: compile with --shape %s:... or --dim to "
		         "change them",
		         info->name);
	free(want);
	free(have);
	return EXIT_RUN;
}

static int make_one(const struct erc_tensor_info *info, const char *value, struct array *array)
{
	if (value[0] == '@') {
		const char *wrong = array_read(value + 1, info->dtype, info->rank, info->dims, array);
		if (!wrong)
			return check_type(info, value + 1, array);
		say_error("input '%s': %s: %s", info->name, value + 1, wrong);
		return EXIT_RUN;
	}
	if (!array_new(array, info->dtype, info->rank, info->dims)) {
		say_error("input '%s': out of memory", info->name);
		return EXIT_RUN;
	}
	char *end;
	if (!strcmp(value, "zeros"))
		return ARGS_OK;
	if (!strcmp(value, "default") && info->default_value) {
		memcpy(array->data, info->default_value, info->bytes);
		return ARGS_OK;
	}
	if (!strncmp(value, "random:", 7) && value[7] >= '0' && value[7] <= '9') {
		errno = 0;
		uint64_t seed = strtoull(value + 7, &end, 10);
		array_fill_random(array, seed);
		if (!*end && !errno)
			return ARGS_OK;
	}
	say_error("input '%s': cannot read '%s'", info->name, value);
	say_note("use @FILE.npy, @FILE.pb, @FILE.bin, random:SEED or zeros%s",
	         info->default_value ? ", or default, the model's value" : "");
	return EXIT_USAGE;
}

static void list_inputs(const erc_model *model, uint32_t entry)
{
	struct erc_tensor_info info;
	for (uint32_t i = 0; i < erc_model_input_count(model, entry); i++) {
		if (erc_model_input_info(model, entry, i, &info) != ERC_OK)
			continue;
		char *type = array_type_text(info.dtype, info.rank, info.dims);
		say_note("input '%s' is %s", info.name, type);
		free(type);
	}
}

/* Index of the input, or -1 after messages. */
static int find_input(const erc_model *model, uint32_t entry, const char *name)
{
	struct erc_tensor_info info;
	for (uint32_t i = 0; i < erc_model_input_count(model, entry); i++)
		if (erc_model_input_info(model, entry, i, &info) == ERC_OK && !strcmp(info.name, name))
			return (int)i;
	say_error("the model has no input '%s'", name);
	list_inputs(model, entry);
	return -1;
}

static int make_given(const erc_model *model, uint32_t entry, const char *text, struct array *arrays)
{
	char *name;
	const char *value;
	struct erc_tensor_info info;
	if (!binding_split("input", text, &name, &value))
		return EXIT_USAGE;
	int index = find_input(model, entry, name), code = EXIT_USAGE;
	if (index >= 0 && arrays[index].data)
		say_error("input '%s' is given twice", name);
	else if (index >= 0 && erc_model_input_info(model, entry, (uint32_t)index, &info) == ERC_OK)
		code = make_one(&info, value, &arrays[index]);
	free(name);
	return code;
}

int inputs_make(const erc_model *model, uint32_t entry, const struct text_list *texts, bool random_by_default,
                struct array *arrays)
{
	for (uint32_t i = 0; i < texts->count; i++) {
		int code = make_given(model, entry, texts->items[i], arrays);
		if (code != ARGS_OK)
			return code;
	}
	bool missing = false;
	for (uint32_t i = 0; i < erc_model_input_count(model, entry); i++) {
		struct erc_tensor_info info;
		if (arrays[i].data || erc_model_input_info(model, entry, i, &info) != ERC_OK)
			continue;
		if (info.default_value || random_by_default) {
			int code = make_one(&info, info.default_value ? "default" : "random:1", &arrays[i]);
			if (code != ARGS_OK)
				return code;
			continue;
		}
		char *type = array_type_text(info.dtype, info.rank, info.dims);
		say_error("input '%s' (%s) is not given", info.name, type);
		free(type);
		missing = true;
	}
	if (!missing)
		return ARGS_OK;
	say_note("give each as --input NAME=@FILE.npy, NAME=random:SEED or NAME=zeros");
	return EXIT_USAGE;
}
