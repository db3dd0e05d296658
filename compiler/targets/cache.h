/* The kernel cache: compiled kernels by the digest of toolchain, flags and source. */
#ifndef ERCC_CACHE_H
#define ERCC_CACHE_H

#include "compiler/core/core.h"
#include "schemas/sha256.h"

struct cache {
	struct context *ctx;
	const char *folder;         /* "": none */
	struct erc_sha256 identity; /* of what makes the files, besides their source */
};
struct cache cache_open(struct context *ctx);
/* Toolchain and flags, one after the other. */
void cache_identify(struct cache *cache, const char *text);
/* The name of the file that is made of `data`. */
const char *cache_key(const struct cache *cache, const void *data, size_t bytes, const char *suffix);
/* NULL: it is not there, or damaged. */
char *cache_read(const struct cache *cache, const char *key, int64_t *bytes);
/* Failing is no error. */
void cache_store(const struct cache *cache, const char *key, const void *data, int64_t bytes);

char *read_file(struct context *ctx, const char *path, int64_t *bytes);
bool write_file(const char *path, const void *data, size_t bytes);

#define MAX_JOBS 64
/* How many kernels are compiled at a time: --jobs, else one for each processor. */
uint32_t build_jobs(const struct context *ctx);

#endif
