/* Buffers between pages that nothing may touch, for compiled kernels, which no sanitizer looks into. */
#ifndef ERC_GUARDED_H
#define ERC_GUARDED_H

#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/graph_fixture.h"

struct guarded {
	uint8_t *pages; /* the first and the last one are guards */
	size_t page_bytes;
	union {
		void *data;
		float *floats;
	};
	size_t bytes;
};

/* A buffer that ends at the guard behind it, or begins at the guard before it. An empty one lies on the guard. */
static inline struct guarded guarded_new(size_t bytes, bool at_end)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page;
	struct guarded buffer = {.page_bytes = room + 2 * page, .bytes = bytes};
	buffer.pages = mmap(NULL, buffer.page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(buffer.pages != MAP_FAILED);
	ck_assert(!room || !mprotect(buffer.pages + page, room, PROT_READ | PROT_WRITE));
	buffer.data = buffer.pages + page + (at_end ? room - bytes : 0);
	return buffer;
}

static inline void guarded_free(struct guarded *buffer)
{
	munmap(buffer->pages, buffer->page_bytes);
}

#endif
