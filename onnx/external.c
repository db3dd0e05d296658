/* Tensor data in files beside the model. A model may read only plain files below its own folder: no `..`, no absolute
 * path, no symbolic link, no hard link. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx/reader.h"

/* Tensors may share bytes of a file (tied weights). The limit is this multiple of the file's size, so that a small file
 * cannot need more memory than there is. */
#define MAX_SHARING 8
/* Data may be borrowed from the file if its offset is a multiple of this. */
#define DATA_ALIGNMENT 16

struct reference {
	const char *location;
	uint64_t offset, length;
	bool has_length;
};

static bool parse_number(const char *text, uint64_t *out)
{
	char *end;
	errno = 0;
	if (text[0] < '0' || text[0] > '9')
		return false;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

static enum ercc_status parse_reference(struct context *ctx, const tensor_proto *proto, const char *owner,
                                        struct reference *out)
{
	*out = (struct reference){0};
	for (size_t i = 0; i < proto->n_external_data; i++) {
		const char *key = text_or_empty(proto->external_data[i]->key);
		const char *value = text_or_empty(proto->external_data[i]->value);
		bool good = true;
		if (strcmp(key, "location") == 0) {
			out->location = value;
		} else if (strcmp(key, "offset") == 0) {
			good = parse_number(value, &out->offset);
		} else if (strcmp(key, "length") == 0) {
			good = parse_number(value, &out->length);
			out->has_length = true;
		} else if (strcmp(key, "checksum") != 0) { /* a SHA-1 that nothing needs */
			return fail(ctx, ERCC_UNSUPPORTED, "%s: '%s' of its external data is not known", owner, key);
		}
		if (!good)
			return fail(ctx, ERCC_MODEL, "%s: %s '%s' of its external data is not a number", owner, key, value);
	}
	if (!out->location || !out->location[0])
		return fail(ctx, ERCC_MODEL, "%s: external data without a location", owner);
	return ERCC_OK;
}

/* Whether the path is relative and every component is an ordinary name. */
static bool location_contained(const char *location)
{
	if (location[0] == '/')
		return false;
	for (const char *part = location; part; part = strchr(part, '/')) {
		part += *part == '/';
		size_t length = strcspn(part, "/");
		if (length == 2 && memcmp(part, "..", 2) == 0)
			return false;
	}
	return true;
}

/* Opens a file below `folder` and follows no links. Returns -1 and sets errno on failure. */
static int open_below(const char *folder, const char *location)
{
	int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char part[256];
	for (const char *rest = location; at >= 0;) {
		size_t length = strcspn(rest, "/");
		bool last = rest[length] == '\0';
		if (length >= sizeof part) {
			close(at);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(part, rest, length);
		part[length] = '\0';
		int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (last ? O_NONBLOCK : O_DIRECTORY);
		int next = openat(at, length ? part : ".", flags);
		int error = errno;
		close(at);
		errno = error;
		if (last)
			return next;
		at = next;
		rest += length + 1;
	}
	return -1;
}

static void unmap_file(void *data)
{
	struct external_file *file = data;
	if (file->bytes)
		munmap((void *)file->data, file->bytes);
}

static enum ercc_status map_file(struct context *ctx, int fd, const char *owner, struct external_file *file)
{
	struct stat info;
	if (fstat(fd, &info) != 0)
		return fail(ctx, ERCC_IO, "%s: external data '%s': %s", owner, file->location, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return fail(ctx, ERCC_MODEL, "%s: external data '%s' is not a regular file", owner, file->location);
	if (info.st_nlink > 1)
		return fail(ctx, ERCC_MODEL, "%s: external data '%s' has more than one hard link", owner, file->location);
	if (info.st_size == 0)
		return ERCC_OK;
	void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return fail(ctx, ERCC_IO, "%s: external data '%s': %s", owner, file->location, strerror(errno));
	file->data = data;
	file->bytes = (size_t)info.st_size;
	arena_allow(&ctx->arena, file->bytes, FILE_FACTOR);
	return ERCC_OK;
}

static enum ercc_status find_file(struct tensor_source *source, const char *location, const char *owner,
                                  struct external_file **out)
{
	struct context *ctx = source->ctx;
	for (struct external_file *file = source->files; file; file = file->next) {
		if (strcmp(file->location, location) == 0) {
			*out = file;
			return ERCC_OK;
		}
	}
	if (!location_contained(location))
		return fail(ctx, ERCC_MODEL, "%s: external data '%s' lies outside the model's folder", owner, location);
	/* All allocations come first: a failed one would jump away and leave the file open. */
	struct external_file *file = arena_new(&ctx->arena, struct external_file);
	file->location = location;
	arena_defer(&ctx->arena, unmap_file, file);
	int fd = open_below(source->folder, location);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return fail(ctx, ERCC_MODEL, "%s: external data '%s' is reached through a symbolic link or a file", owner,
		            location);
	if (fd < 0)
		return fail(ctx, ERCC_IO, "%s: external data '%s': %s", owner, location, strerror(errno));
	enum ercc_status status = map_file(ctx, fd, owner, file);
	close(fd);
	TRY(status);
	file->next = source->files;
	source->files = file;
	*out = file;
	return ERCC_OK;
}

enum ercc_status external_data(struct tensor_source *source, const tensor_proto *proto, const char *owner, size_t bytes,
                               const void **out)
{
	struct context *ctx = source->ctx;
	struct reference reference;
	struct external_file *file = NULL;
	TRY(parse_reference(ctx, proto, owner, &reference));
	if (!source->folder)
		return fail(ctx, ERCC_UNSUPPORTED, "%s: external data '%s' needs a model that is read from a file", owner,
		            reference.location);
	TRY(find_file(source, reference.location, owner, &file));
	if (reference.has_length && reference.length != bytes)
		return fail(ctx, ERCC_MODEL, "%s: needs %zu bytes, its external data have %llu", owner, bytes,
		            (unsigned long long)reference.length);
	if (reference.offset > file->bytes || bytes > file->bytes - reference.offset)
		return fail(ctx, ERCC_MODEL, "%s: needs %zu bytes at offset %llu, '%s' has %zu", owner, bytes,
		            (unsigned long long)reference.offset, file->location, file->bytes);
	file->referenced_bytes += bytes;
	if (file->referenced_bytes / MAX_SHARING > file->bytes)
		return fail(ctx, ERCC_MODEL, "%s: tensors share the bytes of '%s' more than %d times", owner, file->location,
		            MAX_SHARING);
	if (bytes == 0)
		*out = "";
	else if (reference.offset % DATA_ALIGNMENT == 0)
		*out = file->data + reference.offset;
	else
		*out = memcpy(arena_alloc(&ctx->arena, bytes), file->data + reference.offset, bytes);
	return ERCC_OK;
}
