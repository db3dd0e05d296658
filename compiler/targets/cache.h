/* The kernel cache: compiled kernels by the digest of toolchain, flags and source. It is a folder of the user's own: a
 * folder or a file that belongs to somebody else, or that others may write, is not used. */
#ifndef ERCC_CACHE_H
#define ERCC_CACHE_H

#include "compiler/core/core.h"
#include "compiler/targets/image.h"
#include "schemas/sha256.h"

struct cache {
	struct context *ctx;
	int folder;                 /* descriptor; -1: no cache */
	struct erc_sha256 identity; /* digest of everything that determines the files, except their sources */
};
/* Warns if there is a folder that must not be used. The folder is closed when the compilation ends. */
struct cache cache_open(struct context *ctx);
/* Adds a text to the identity. Called for the toolchain and for each flag. */
void cache_identify(struct cache *cache, const char *text);
/* The name of the file that is made from `data`. */
const char *cache_key(const struct cache *cache, const void *data, size_t bytes, const char *suffix);
/* NULL if the file is missing or damaged. */
char *cache_read(const struct cache *cache, const char *key, int64_t *bytes);
/* A failure is not reported: the file is then compiled again next time. */
void cache_store(const struct cache *cache, const char *key, const void *data, int64_t bytes);

/* NULL if the path is no regular file or cannot be read. */
char *read_file(struct context *ctx, const char *path, int64_t *bytes);
bool write_file(const char *path, const void *data, size_t bytes);

#define MAX_JOBS 64
/* The maximum number of kernels that are compiled at the same time: --jobs, else one per processor. */
uint32_t build_jobs(const struct context *ctx);

#endif
