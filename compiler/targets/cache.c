/* The kernel cache, and what the code that fills it shares. */
#include "compiler/targets/cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT \
	"digest, content; registers, static, stack and spilled bytes before a GPU's" /* a change renames all files */

/* Reads a regular file from its descriptor and closes it. */
static char *read_all(struct context *ctx, int fd, int64_t *bytes)
{
	struct stat info;
	char *data = NULL;
	int64_t done = 0;
	if (fd >= 0 && !fstat(fd, &info) && S_ISREG(info.st_mode)) {
		data = arena_alloc(&ctx->arena, (size_t)info.st_size + 1);
		for (ssize_t n = 1; done < info.st_size && n > 0; done += n > 0 ? n : 0)
			n = read(fd, data + done, (size_t)(info.st_size - done));
		*bytes = done;
	}
	if (fd >= 0)
		close(fd);
	return data && done == info.st_size ? data : NULL;
}

char *read_file(struct context *ctx, const char *path, int64_t *bytes)
{
	return read_all(ctx, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), bytes); /* opening a FIFO does not wait */
}

bool write_file(const char *path, const void *data, size_t bytes)
{
	FILE *file = fopen(path, "wb");
	if (!file)
		return false;
	bool ok = fwrite(data, 1, bytes, file) == bytes;
	return !fclose(file) && ok;
}

/* Whether nobody else can have written it. */
static bool is_own(const struct stat *info)
{
	return info->st_uid == geteuid() && !(info->st_mode & (S_IWGRP | S_IWOTH));
}

/* The folder's path; NULL if there is to be no cache. */
static char *cache_path(struct context *ctx)
{
	const char *folder = ctx->options->cache_dir, *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	if (folder)
		return *folder ? arena_copy_text(&ctx->arena, folder) : NULL;
	if (base && *base == '/')
		return arena_printf(&ctx->arena, "%s/erc", base);
	return home && *home == '/' ? arena_printf(&ctx->arena, "%s/.cache/erc", home) : NULL;
}

static void make_folders(char *path)
{
	for (char *at = path + 1; *at; at++)
		if (*at == '/') {
			*at = 0;
			mkdir(path, 0777);
			*at = '/';
		}
	mkdir(path, 0700);
}

static void close_folder(void *data)
{
	close((int)(intptr_t)data);
}

/* Returns the folder's descriptor, or -1. A folder that cannot be made or opened is not used. A folder that somebody
 * else can write to is not used either, with a warning. */
static int open_folder(struct context *ctx)
{
	struct stat info;
	char *path = cache_path(ctx);
	if (!path)
		return -1;
	make_folders(path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	arena_defer(&ctx->arena, close_folder, (void *)(intptr_t)fd);
	if (!fstat(fd, &info) && is_own(&info))
		return fd;
	if (!ctx->is_cache_refused)
		warn(ctx,
		     "kernel cache '%s' is not used: it is not yours alone (owner %u, mode %o; expected owner %u and mode 700)",
		     path, (unsigned)info.st_uid, (unsigned)(info.st_mode & 07777), (unsigned)geteuid());
	ctx->is_cache_refused = true;
	return -1;
}

struct cache cache_open(struct context *ctx)
{
	struct cache cache = {.ctx = ctx, .folder = open_folder(ctx)};
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

/* A file is the digest of its content, followed by the content. A damaged file, a link, or a file that somebody else
 * can write counts as missing. */
char *cache_read(const struct cache *cache, const char *key, int64_t *bytes)
{
	uint8_t digest[ERC_SHA256_BYTES];
	struct stat info;
	if (cache->folder < 0)
		return NULL;
	int fd = openat(cache->folder, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &info) || !is_own(&info))) {
		close(fd);
		return NULL;
	}
	char *file = read_all(cache->ctx, fd, bytes);
	if (!file || *bytes < ERC_SHA256_BYTES)
		return NULL;
	*bytes -= ERC_SHA256_BYTES;
	erc_sha256_of(file + ERC_SHA256_BYTES, (size_t)*bytes, digest);
	return memcmp(file, digest, sizeof digest) ? NULL : file + ERC_SHA256_BYTES;
}

static bool write_all(int fd, const void *data, size_t bytes)
{
	const char *at = data;
	for (ssize_t n; bytes; at += n, bytes -= (size_t)n)
		if ((n = write(fd, at, bytes)) <= 0)
			return false;
	return true;
}

/* Writes under a private name and renames the file, so that other processes see the whole file or none. */
void cache_store(const struct cache *cache, const char *key, const void *data, int64_t bytes)
{
	uint8_t digest[ERC_SHA256_BYTES];
	if (cache->folder < 0)
		return;
	uint64_t random = 0; /* process numbers are not unique among containers */
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		return;
	char *private_name = arena_printf(&cache->ctx->arena, "%s.%016llx", key, (unsigned long long)random);
	int fd = openat(cache->folder, private_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	erc_sha256_of(data, (size_t)bytes, digest);
	bool is_written = write_all(fd, digest, sizeof digest) && write_all(fd, data, (size_t)bytes);
	if (close(fd) || !is_written || renameat(cache->folder, private_name, cache->folder, key))
		unlinkat(cache->folder, private_name, 0);
}

uint32_t build_jobs(const struct context *ctx)
{
	uint32_t jobs = ctx->options->jobs ? ctx->options->jobs : (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	return jobs < 1 ? 1 : jobs > MAX_JOBS ? MAX_JOBS : jobs;
}
