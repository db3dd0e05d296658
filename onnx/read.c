/* Opens model and tensor files, scans them, unpacks them into the arena, and starts the import. The file is unmapped
 * before the import, so its bytes are then in memory only once, unpacked. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx/reader.h"

struct mapping {
	const void *data;
	size_t bytes; /* 0: no mapping to undo */
};

static void unmap(void *data)
{
	struct mapping *mapping = data;
	if (mapping->bytes)
		munmap((void *)mapping->data, mapping->bytes);
	mapping->bytes = 0;
}

static enum ercc_status map_open_file(struct context *ctx, int fd, const char *path, struct mapping *mapping)
{
	struct stat info;
	if (fstat(fd, &info) != 0)
		return fail(ctx, ERCC_IO, "file '%s': %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return fail(ctx, ERCC_IO, "file '%s': it is not a regular file", path);
	if (info.st_size == 0)
		return fail(ctx, ERCC_MODEL, "file '%s': it is empty", path);
	void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return fail(ctx, ERCC_IO, "file '%s': %s", path, strerror(errno));
	*mapping = (struct mapping){data, (size_t)info.st_size};
	arena_allow(&ctx->arena, (size_t)info.st_size, FILE_FACTOR);
	return ERCC_OK;
}

/* The file stays mapped until unmap() or the end of the compilation. */
static enum ercc_status map_file(struct context *ctx, const char *path, struct mapping **out)
{
	*out = arena_new(&ctx->arena, struct mapping);
	arena_defer(&ctx->arena, unmap, *out);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail(ctx, ERCC_IO, "file '%s': %s", path, strerror(errno));
	enum ercc_status status = map_open_file(ctx, fd, path, *out);
	close(fd);
	return status;
}

/* ---- unpacking ---- */

/* Allocates one byte more and zeroes all, so that byte fields end with a NUL. Large allocations are tensors, which must
 * be aligned for kernels and packing. The many small ones need no such alignment. */
static void *unpack_alloc(void *user, size_t bytes)
{
	return arena_alloc_aligned(user, bytes + 1, bytes < 64 ? 16 : 64);
}

static void unpack_free(void *user, void *pointer)
{
	(void)user;
	(void)pointer;
}

static enum ercc_status unpack(struct context *ctx, const ProtobufCMessageDescriptor *descriptor, const void *data,
                               size_t bytes, ProtobufCMessage **out, const char **unknown)
{
	ProtobufCAllocator allocator = {unpack_alloc, unpack_free, &ctx->arena};
	TRY(scan_message(ctx, descriptor, data, bytes, unknown));
	*out = protobuf_c_message_unpack(descriptor, &allocator, bytes, data);
	return *out ? ERCC_OK
	            : fail(ctx, ERCC_MODEL, "%s: it does not unpack as %s", source_of(ctx), descriptor->short_name);
}

static struct tensor_source source_in(struct context *ctx, const char *folder)
{
	return (
		struct tensor_source){.ctx = ctx, .folder = folder, .imported = {.arena = &ctx->arena, .kind = MAP_POINTER}};
}

/* ---- entry points ---- */

struct onnx_model {
	const model_proto *proto;
	const char *unknown_field;
	struct tensor_source source;
};

enum ercc_status onnx_build_graph(struct onnx_model *model, struct graph **out)
{
	struct context *ctx = model->source.ctx;
	struct import import = {.ctx = ctx,
	                        .model = model->proto,
	                        .unknown_field = model->unknown_field,
	                        .source = model->source};
	import.ordered = (struct map){.arena = &ctx->arena, .kind = MAP_POINTER};
	TRY(import_model(&import, out));
	model->source = import.source;
	return ERCC_OK;
}

static enum ercc_status open_model(struct context *ctx, const void *data, size_t bytes, const char *folder,
                                   struct onnx_model **out)
{
	ProtobufCMessage *message;
	struct onnx_model *model = *out = arena_new(&ctx->arena, struct onnx_model);
	TRY(unpack(ctx, &erc__onnx__model_proto__descriptor, data, bytes, &message, &model->unknown_field));
	model->proto = (const model_proto *)message;
	model->source = source_in(ctx, folder);
	return ERCC_OK;
}

enum ercc_status onnx_read_model_bytes(struct context *ctx, const void *data, size_t bytes, const char *folder,
                                       struct graph **out)
{
	struct onnx_model *model;
	TRY(open_model(ctx, data, bytes, folder, &model));
	return onnx_build_graph(model, out);
}

static const char *folder_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return ".";
	return slash == path ? "/" : arena_copy_bytes(arena, path, (size_t)(slash - path));
}

enum ercc_status onnx_open_model(struct context *ctx, const char *path, struct onnx_model **out)
{
	struct mapping *file;
	ctx->source = arena_printf(&ctx->arena, "file '%s'", path);
	TRY(map_file(ctx, path, &file));
	enum ercc_status status = open_model(ctx, file->data, file->bytes, folder_of(&ctx->arena, path), out);
	if (status == ERCC_MODEL)
		note(ctx, "is '%s' a complete ONNX model?", path);
	TRY(status);
	unmap(file);
	return ERCC_OK;
}

enum ercc_status onnx_read_model(struct context *ctx, const char *path, struct graph **out)
{
	struct onnx_model *model;
	TRY(onnx_open_model(ctx, path, &model));
	return onnx_build_graph(model, out);
}

enum ercc_status onnx_read_tensor(struct context *ctx, const char *path, struct tensor **out, const char **name)
{
	struct mapping *file;
	ProtobufCMessage *message;
	const char *unknown;
	TRY(map_file(ctx, path, &file));
	TRY(unpack(ctx, &erc__onnx__tensor_proto__descriptor, file->data, file->bytes, &message, &unknown));
	unmap(file);
	const tensor_proto *proto = (const tensor_proto *)message;
	struct tensor_source source = source_in(ctx, NULL);
	const char *owner = arena_printf(&ctx->arena, "file '%s'", path);
	enum ercc_status status = import_tensor(&source, proto, owner, out);
	if (status != ERCC_OK)
		note(ctx, "the file may hold a sequence or an optional, which are not supported");
	else
		*name = text_or_empty(proto->name);
	return status;
}
