/* Inputs from the command line: name=@FILE, name=random:SEED, name=zeros. The shapes of files choose the artifact's entry.
 * All inputs are checked against it before anything runs. */
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

/* Whether the file says which shape its tensor has. */
static bool has_shape(const char *path)
{
	return !ends_with(path, ".bin");
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

bool has_ranges(const struct erc_tensor_info *info)
{
	return memcmp(info->dims, info->least_dims, info->rank * sizeof *info->dims) != 0;
}

/* "i64 [1..8x1..512]" */
static char *possible_type(const struct erc_tensor_info *info)
{
	char text[ERC_MAX_RANK * 50 + 1] = "";
	for (uint32_t d = 0, length = 0; d < info->rank; d++) {
		const char *cross = d ? "x" : "";
		if (info->least_dims[d] < info->dims[d])
			length += (uint32_t)snprintf(text + length, sizeof text - length, "%s%lld..%lld", cross,
			                             (long long)info->least_dims[d], (long long)info->dims[d]);
		else
			length +=
				(uint32_t)snprintf(text + length, sizeof text - length, "%s%lld", cross, (long long)info->dims[d]);
	}
	return memory_printf("%s [%s]", erc_dtype_name(info->dtype), text);
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
	else if (array->rank == info->rank && has_ranges(info))
		say_note("the shapes of the other inputs decide its ranges, too: dims of one name are equal");
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
		char *type = possible_type(&info);
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

/* No entry of the session takes the shape. */
static int no_entry(const erc_model *model, uint32_t input, const char *type, const char *where)
{
	struct erc_tensor_info info;
	char *have;
	erc_model_input_info(model, 0, input, &info);
	say_error("input '%s': no entry point takes %s, which %s", info.name, type, where);
	for (uint32_t i = 0; i < erc_model_entry_count(model); i++) {
		if (erc_model_input_info(model, i, input, &info) != ERC_OK)
			continue;
		have = possible_type(&info);
		say_note("entry point '%s' takes %s", erc_model_entry_name(model, i), have);
		free(have);
	}
	return EXIT_RUN;
}

/* An input as it was given. */
struct given {
	int index;
	const char *value; /* "@x.npy" */
};

static int parse_given(const erc_model *model, uint32_t entry, const char *text, bool *is_given, struct given *out)
{
	char *name;
	int code = ARGS_OK;
	if (!binding_split("input", text, &name, &out->value))
		return EXIT_USAGE;
	out->index = find_input(model, entry, name);
	if (out->index >= 0 && is_given[out->index])
		say_error("input '%s' is given twice", name);
	if (out->index < 0 || is_given[out->index])
		code = EXIT_USAGE;
	else
		is_given[out->index] = true;
	free(name);
	return code;
}

/* Reads a file that has a shape, and lets the request take the entry and the sizes for it. With one fixed entry that is left
 * to check_type. */
static int choose_entry(const erc_model *model, erc_request *request, const struct given *given, bool has_choice,
                        struct array *array)
{
	struct erc_tensor_info info;
	uint32_t input = (uint32_t)given->index;
	if (given->value[0] != '@' || !has_shape(given->value + 1) ||
	    erc_model_input_info(model, erc_request_entry(request), input, &info) != ERC_OK)
		return ARGS_OK;
	const char *wrong = array_read(given->value + 1, info.dtype, info.rank, info.dims, array);
	if (wrong) {
		say_error("input '%s': %s: %s", info.name, given->value + 1, wrong);
		return EXIT_RUN;
	}
	if (!has_choice || array->dtype != info.dtype ||
	    erc_request_set_dims(request, input, array->rank, array->dims) != ERC_NOT_FOUND)
		return ARGS_OK;
	char *type = array_type_text(array->dtype, array->rank, array->dims);
	char *where = memory_printf("%s holds", given->value + 1);
	int code = no_entry(model, input, type, where);
	free(type);
	free(where);
	return code;
}

static int make_given(const erc_request *request, const struct given *given, struct array *array)
{
	struct erc_tensor_info info;
	if (erc_request_input_info(request, (uint32_t)given->index, &info) != ERC_OK)
		return EXIT_RUN;
	return array->data ? check_type(&info, given->value + 1, array) : make_one(&info, given->value, array);
}

static int make_all_given(const erc_model *model, erc_request *request, const struct text_list *texts, bool has_choice,
                          bool *is_given, struct given *given, struct array *arrays)
{
	for (uint32_t i = 0; i < texts->count; i++) {
		int code = parse_given(model, erc_request_entry(request), texts->items[i], is_given, &given[i]);
		if (code == ARGS_OK)
			code = choose_entry(model, request, &given[i], has_choice, &arrays[given[i].index]);
		if (code != ARGS_OK)
			return code;
	}
	for (uint32_t i = 0; i < texts->count; i++) {
		int code = make_given(request, &given[i], &arrays[given[i].index]);
		if (code != ARGS_OK)
			return code;
	}
	return ARGS_OK;
}

/* The inputs that were not given. */
static int make_others(const erc_model *model, const erc_request *request, bool random_by_default, struct array *arrays)
{
	bool missing = false;
	for (uint32_t i = 0; i < erc_model_input_count(model, erc_request_entry(request)); i++) {
		struct erc_tensor_info info;
		if (arrays[i].data || erc_request_input_info(request, i, &info) != ERC_OK)
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

/* Reads "x:1x128". Returns the number of dims, or -1. */
static int parse_dims(const char *text, int64_t *dims)
{
	int rank = 0;
	for (char *end; *text; text = *end ? end + 1 : end) {
		errno = 0;
		long long dim = strtoll(text, &end, 10);
		if (rank == ERC_MAX_RANK || end == text || dim < 0 || errno || (*end && (*end != 'x' || !end[1])))
			return -1;
		dims[rank++] = dim;
	}
	return rank;
}

int inputs_set_shapes(const erc_model *model, erc_request *request, const struct text_list *shapes)
{
	for (uint32_t i = 0; i < shapes->count; i++) {
		const char *text = shapes->items[i], *colon = strrchr(text, ':');
		int64_t dims[ERC_MAX_RANK];
		int rank = colon ? parse_dims(colon + 1, dims) : -1;
		if (rank < 0) {
			say_error("--shape %s: wanted NAME:1x128", text);
			return EXIT_USAGE;
		}
		char *name = memory_printf("%.*s", (int)(colon - text), text);
		int input = find_input(model, erc_request_entry(request), name);
		free(name);
		if (input < 0)
			return EXIT_USAGE;
		if (erc_request_set_dims(request, (uint32_t)input, (uint32_t)rank, dims) != ERC_OK)
			return no_entry(model, (uint32_t)input, colon + 1, "--shape gives");
	}
	return ARGS_OK;
}

int inputs_make(const erc_model *model, erc_request *request, const struct text_list *texts, bool has_choice,
                bool random_by_default, struct array *arrays)
{
	bool *is_given = memory_new(erc_model_input_count(model, erc_request_entry(request)) * sizeof *is_given);
	struct given *given = memory_new(texts->count * sizeof *given);
	int code = make_all_given(model, request, texts, has_choice, is_given, given, arrays);
	free(is_given);
	free(given);
	return code == ARGS_OK ? make_others(model, request, random_by_default, arrays) : code;
}
