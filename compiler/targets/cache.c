/* The kernel cache, and what the code that fills it shares. */
#include "compiler/targets/cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT \
	"digest, content; registers, static, stack and spilled bytes before a GPU's" /* a change renames all files */

char *read_file(struct context *ctx, const char *path, int64_t *bytes)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe in the cache must not stop a compilation */
	if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	char *data = arena_alloc(&ctx->arena, (size_t)info.st_size + 1);
	int64_t done = 0;
	for (ssize_t n = 1; done < info.st_size && n > 0; done += n > 0 ? n : 0)
		n = read(fd, data + done, (size_t)(info.st_size - done));
	close(fd);
	*bytes = done;
	return done == info.st_size ? data : NULL;
}

bool write_file(const char *path, const void *data, size_t bytes)
{
	FILE *file = fopen(path, "wb");
	if (!file)
		return false;
	bool ok = fwrite(data, 1, bytes, file) == bytes;
	return !fclose(file) && ok;
}

static const char *cache_folder(struct context *ctx)
{
	const char *folder = ctx->options->cache_dir, *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	if (!folder && base && *base == '/')
		folder = arena_printf(&ctx->arena, "%s/erc", base);
	else if (!folder && home && *home == '/')
		folder = arena_printf(&ctx->arena, "%s/.cache/erc", home);
	if (!folder || !*folder)
		return "";
	char *path = arena_copy_text(&ctx->arena, folder);
	for (char *at = path + 1; *at; at++)
		if (*at == '/') {
			*at = 0;
			mkdir(path, 0777);
			*at = '/';
		}
	mkdir(path, 0777);
	return access(path, W_OK) ? "" : path;
}

struct cache cache_open(struct context *ctx)
{
	struct cache cache = {.ctx = ctx, .folder = cache_folder(ctx)};
	erc_sha256_init(&cache.identity);
	cache_identify(&cache, FORMAT);
	return cache;
}

void cache_identify(struct cache *cache, const char *text)
{
	erc_sha256_update(&cache->identity, text, strlen(text) + 1);
}

const char *cache_key(const struct cache *cache, const void *data, size_t bytes, const char *suffix)
{
	struct erc_sha256 hash = cache->identity;
	uint8_t digest[32];
	char hex[65];
	erc_sha256_update(&hash, data, bytes);
	erc_sha256_final(&hash, digest);
	erc_sha256_hex(digest, hex);
	return arena_printf(&cache->ctx->arena, "%s.%s", hex, suffix);
}

static const char *path_of(const struct cache *cache, const char *key)
{
	return arena_printf(&cache->ctx->arena, "%s/%s", cache->folder, key);
}

/* A file is the digest of its content, followed by the content. A damaged file counts as missing. */
char *cache_read(const struct cache *cache, const char *key, int64_t *bytes)
{
	uint8_t digest[ERC_SHA256_BYTES];
	char *file = *cache->folder ? read_file(cache->ctx, path_of(cache, key), bytes) : NULL;
	if (!file || *bytes < ERC_SHA256_BYTES)
		return NULL;
	*bytes -= ERC_SHA256_BYTES;
	erc_sha256_of(file + ERC_SHA256_BYTES, (size_t)*bytes, digest);
	return memcmp(file, digest, sizeof digest) ? NULL : file + ERC_SHA256_BYTES;
}

/* Writes under a private name and renames the file, so that other processes see the whole file or none. */
void cache_store(const struct cache *cache, const char *key, const void *data, int64_t bytes)
{
	if (!*cache->folder)
		return;
	char *private_name = arena_printf(&cache->ctx->arena, "%s/%s.XXXXXX", cache->folder, key);
	int file = mkstemp(private_name);
	if (file < 0)
		return;
	close(file);
	char *content = arena_alloc(&cache->ctx->arena, (size_t)bytes + ERC_SHA256_BYTES);
	erc_sha256_of(data, (size_t)bytes, (uint8_t *)content);
	memcpy(content + ERC_SHA256_BYTES, data, (size_t)bytes);
	if (!write_file(private_name, content, (size_t)bytes + ERC_SHA256_BYTES) ||
	    rename(private_name, path_of(cache, key)))
		unlink(private_name);
}

uint32_t build_jobs(const struct context *ctx)
{
	uint32_t jobs = ctx->options->jobs ? ctx->options->jobs : (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	return jobs < 1 ? 1 : jobs > MAX_JOBS ? MAX_JOBS : jobs;
}
