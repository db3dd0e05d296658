/* Memory of the stand-in for CUDA: host memory that stands for device memory or pinned memory. All functions need
 * the lock. */
#include <stdlib.h>
#include <string.h>

#include "tests/devices/stub_cuda.h"

int stub_take(void **out, size_t bytes, int is_pinned)
{
	const char *limit = getenv("ERC_STUB_MIB");
	size_t used = bytes;
	if (!bytes)
		return STUB_INVALID_VALUE;
	for (const struct block *other = stub.blocks; other; other = other->next)
		used += other->is_pinned ? 0 : other->bytes;
	if (!is_pinned && used >> 20 >= (limit ? strtoul(limit, NULL, 10) : 65536))
		return STUB_OUT_OF_MEMORY;
	struct block *block = calloc(1, sizeof *block);
	if (!block)
		abort();
	block->bytes = bytes;
	block->is_pinned = is_pinned;
	block->data = aligned_alloc(256, (bytes + 255) / 256 * 256);
	if (!block->data)
		abort();
	memset(block->data, 0xdb, bytes);
	block->next = stub.blocks;
	stub.blocks = block;
	*out = block->data;
	return 0;
}

int stub_give(const void *data, int is_pinned)
{
	struct block **at = &stub.blocks;
	while (*at && ((*at)->data != data || (*at)->is_pinned != is_pinned))
		at = &(*at)->next;
	if (!*at)
		return STUB_INVALID_VALUE;
	struct block *block = *at;
	*at = block->next;
	free(block->data);
	free(block);
	return 0;
}

int stub_is_inside(const void *data, size_t bytes, int is_pinned)
{
	for (const struct block *block = stub.blocks; block; block = block->next)
		if (block->is_pinned == is_pinned && (const char *)data >= (const char *)block->data &&
		    (const char *)data + bytes <= (const char *)block->data + block->bytes)
			return 1;
	return 0;
}
