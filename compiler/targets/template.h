/* Kernel templates, embedded at build time or read from --kernel-dir. */
#ifndef ERCC_TEMPLATE_H
#define ERCC_TEMPLATE_H

#include <stddef.h>

struct template_file {
	const char *name; /* "conv.cpu.c" */
	const char *text;
	size_t bytes;
};
extern const struct template_file template_files[]; /* ends with a NULL name */

#endif
