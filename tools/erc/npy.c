/* NumPy's .npy files, format versions 1 to 3: little-endian types of fixed size, in either memory order (Fortran
 * order becomes C order on reading). Every byte is checked. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/erc/command.h"

#define NPY_MAGIC "\x93NUMPY"

static const struct {
	enum erc_dtype dtype;
	const char *descr; /* after the character for the byte order */
} types[] = {
	{ERC_F32, "f4"}, {ERC_F64, "f8"},  {ERC_F16, "f2"}, {ERC_I8, "i1"},    {ERC_I16, "i2"},
	{ERC_I32, "i4"}, {ERC_I64, "i8"},  {ERC_U8, "u1"},  {ERC_U16, "u2"},   {ERC_U32, "u4"},
	{ERC_U64, "u8"}, {ERC_BOOL, "b1"}, {ERC_C64, "c8"}, {ERC_C128, "c16"},
};

/* Opens a file for reading. A pipe could make the command wait for ever. */
static const char *open_regular(const char *path, FILE **file)
{
	struct stat status;
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool known = descriptor >= 0 && !fstat(descriptor, &status);
	*file = known && S_ISREG(status.st_mode) ? fdopen(descriptor, "rb") : NULL;
	if (*file)
		return NULL;
	const char *why = !known                    ? strerror(errno)
	                  : S_ISDIR(status.st_mode) ? strerror(EISDIR)
	                                            : "it is not a regular file";
	if (descriptor >= 0)
		close(descriptor);
	return why;
}

const char *file_read(const char *path, void **data, size_t *bytes)
{
	FILE *file;
	*data = NULL;
	*bytes = 0;
	const char *wrong = open_regular(path, &file);
	if (wrong)
		return wrong;
	size_t capacity = 0;
	char *buffer = NULL;
	do {
		capacity = capacity ? capacity * 2 : 1 << 16;
		buffer = memory_grow(buffer, capacity);
		*bytes += fread(buffer + *bytes, 1, capacity - *bytes, file);
	} while (*bytes == capacity);
	wrong = ferror(file) ? strerror(errno) : NULL;
	fclose(file);
	if (wrong)
		free(buffer);
	else
		*data = buffer;
	return wrong;
}

/* ---- the header: a Python dictionary with three keys ---- */

/* The value after 'key': in the header text, or NULL. */
static const char *find_value(const char *header, const char *key)
{
	char quoted[32];
	snprintf(quoted, sizeof quoted, "'%s'", key);
	const char *at = strstr(header, quoted);
	if (!at)
		return NULL;
	at += strlen(quoted);
	at += strspn(at, " ");
	if (*at++ != ':')
		return NULL;
	return at + strspn(at, " ");
}

static const char *parse_type(const char *value, enum erc_dtype *out)
{
	if (*value != '\'' && *value != '"')
		return "npy: records are not supported; store a plain array";
	char order = value[1];
	size_t length = strcspn(value + 2, "'\"");
	for (size_t i = 0; order && i < COUNT_OF(types); i++) {
		if (strlen(types[i].descr) != length || strncmp(value + 2, types[i].descr, length))
			continue;
		if (order == '>')
			return "npy: big-endian data is not supported; store it with .astype('<f4') or the like";
		*out = types[i].dtype;
		return strchr("<|=", order) ? NULL : "npy: unknown byte order";
	}
	return "npy: element type is not supported; numbers and bool are";
}

static const char *parse_shape(const char *at, uint32_t *rank, int64_t *dims)
{
	*rank = 0;
	if (*at++ != '(')
		return "npy: shape is not a tuple";
	for (;;) {
		at += strspn(at, " ,");
		if (*at == ')')
			return NULL;
		if (!isdigit((unsigned char)*at))
			return "npy: shape is not a tuple of numbers";
		if (*rank == ERC_MAX_RANK)
			return "npy: more than 8 dimensions";
		char *end;
		errno = 0;
		long long dim = strtoll(at, &end, 10);
		if (errno)
			return "npy: a dimension is too large";
		dims[(*rank)++] = dim;
		at = end;
	}
}

static const char *parse_header(const char *header, struct array *out, bool *fortran)
{
	const char *descr = find_value(header, "descr"), *order = find_value(header, "fortran_order");
	const char *shape = find_value(header, "shape");
	if (!descr || !order || !shape)
		return "npy: header lacks descr, fortran_order or shape";
	enum erc_dtype dtype;
	uint32_t rank;
	int64_t dims[ERC_MAX_RANK];
	const char *wrong = parse_type(descr, &dtype);
	if (!wrong)
		wrong = parse_shape(shape, &rank, dims);
	if (wrong)
		return wrong;
	*fortran = !strncmp(order, "True", 4);
	*out = (struct array){.dtype = dtype, .rank = rank};
	memcpy(out->dims, dims, rank * sizeof *dims);
	return NULL;
}

/* Copies data whose first index varies fastest into row-major order. */
static void copy_fortran(struct array *out, const char *data)
{
	int64_t index[ERC_MAX_RANK] = {0};
	size_t step = out->count ? out->bytes / out->count : 0;
	for (size_t from = 0; from < out->count; from++) {
		size_t to = 0;
		for (uint32_t i = 0; i < out->rank; i++)
			to = to * (size_t)out->dims[i] + (size_t)index[i];
		memcpy((char *)out->data + to * step, data + from * step, step);
		for (uint32_t i = 0; i < out->rank && ++index[i] == out->dims[i]; i++)
			index[i] = 0;
	}
}

const char *npy_parse(const void *data, size_t bytes, struct array *out)
{
	const unsigned char *at = data;
	*out = (struct array){0};
	if (bytes < 12 || memcmp(at, NPY_MAGIC, 6))
		return "is not a .npy file";
	if (at[6] < 1 || at[6] > 3)
		return "npy: unknown format version";
	size_t start = at[6] == 1 ? 10 : 12;
	size_t length = at[8] | (size_t)at[9] << 8;
	if (at[6] > 1)
		length |= (size_t)at[10] << 16 | (size_t)at[11] << 24;
	if (length > bytes - start)
		return "npy: truncated header";
	char *header = memory_printf("%.*s", (int)(length < 65536 ? length : 65536), (const char *)at + start);
	bool fortran = false;
	struct array type;
	const char *wrong = parse_header(header, &type, &fortran);
	free(header);
	if (wrong)
		return wrong;
	size_t stored = bytes - start - length;
	/* Compares the size with the file before memory is allocated for it. */
	size_t count, need;
	if (!array_size(type.dtype, type.rank, type.dims, &count, &need))
		return "npy: shape is too large";
	if (need != stored)
		return need > stored ? "npy: truncated data" : "npy: more data than the shape says";
	if (!array_new(out, type.dtype, type.rank, type.dims))
		return "npy: out of memory";
	if (fortran)
		copy_fortran(out, (const char *)at + start + length);
	else
		memcpy(out->data, at + start + length, stored);
	return NULL;
}

const char *npy_read(const char *path, struct array *out)
{
	void *data;
	size_t bytes;
	const char *wrong = file_read(path, &data, &bytes);
	if (!wrong)
		wrong = npy_parse(data, bytes, out);
	free(data);
	return wrong;
}

void remove_file(const char *path)
{
	struct stat info;
	if (!stat(path, &info) && S_ISREG(info.st_mode))
		remove(path);
}

const char *npy_write(const char *path, const struct array *array)
{
	const char *descr = NULL;
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i].dtype == array->dtype)
			descr = types[i].descr;
	if (!descr)
		return "npy: NumPy has no such element type; name the file .bin to store raw bytes";
	char shape[ERC_MAX_RANK * 24 + 4] = "", header[512];
	size_t length = 0;
	for (uint32_t i = 0; i < array->rank; i++)
		length += (size_t)snprintf(shape + length, sizeof shape - length, "%lld,%s", (long long)array->dims[i],
		                           i + 1 < array->rank ? " " : "");
	if (array->rank > 1)
		shape[length - 1] = 0; /* NumPy writes (2, 3), but (2,) with a comma */
	int used = snprintf(header, sizeof header, "{'descr': '%c%s', 'fortran_order': False, 'shape': (%s), }",
	                    descr[1] == '1' && !descr[2] ? '|' : '<', descr, shape);
	size_t padded = (10 + (size_t)used + 1 + 63) / 64 * 64 - 10;
	FILE *file = fopen(path, "wb");
	if (!file)
		return strerror(errno);
	fwrite(NPY_MAGIC "\1\0", 1, 8, file);
	putc((int)(padded & 255), file);
	putc((int)(padded >> 8), file);
	fprintf(file, "%-*s\n", (int)padded - 1, header);
	fwrite(array->data, 1, array->bytes, file);
	bool bad = ferror(file);
	bad |= fclose(file) != 0;
	int error = errno;
	if (bad)
		remove_file(path);
	return bad ? strerror(error) : NULL;
}
