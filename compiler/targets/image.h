/* Checks images from a compiler or the kernel cache before they are used: a compiler may fail without an error, and a
 * cached file may be damaged. */
#ifndef ERCC_IMAGE_H
#define ERCC_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

enum image_kind {
	IMAGE_OBJECT, /* what a C compiler makes of a kernel */
	IMAGE_SHARED, /* the shared object of a CPU target's kernels */
	IMAGE_CUBIN,
	IMAGE_PTX, /* with the NUL at its end */
};
/* Whether the bytes can be an image of this kind: an ELF file whose tables lie inside it, or text with PTX's first
 * directive. */
bool image_is(enum image_kind kind, const void *data, size_t bytes);

#endif
