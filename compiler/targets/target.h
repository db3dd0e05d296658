/* Compile targets: how variants are chosen for launches, and how kernel sources become a code image. */
#ifndef ERCC_TARGET_H
#define ERCC_TARGET_H

#include "compiler/variants/target_plan.h"

struct target {
	const char *name; /* "cpu:x86-64-v4" */
	/* The chooser that a template has for this target. */
	choose_fn (*column)(const struct kernel_template *template);
	/* Makes kernels and image. The variants are already chosen. */
	enum ercc_status (*build)(struct context *ctx, const struct target *target, const struct plans *plans,
	                          struct target_plan *out);
	const struct device *device;
	uint32_t level; /* as in erca_target */
};

#define TARGET(name, stem, device, level) \
	choose_fn stem##_column(const struct kernel_template *template); \
	enum ercc_status stem##_build(struct context *ctx, const struct target *target, const struct plans *plans, \
	                              struct target_plan *out);
#include "compiler/targets/targets.def"
#undef TARGET

extern const struct target targets[]; /* ends with a NULL name */

/* The target with that name or alias. Reports an error when there is none. */
enum ercc_status target_find(struct context *ctx, const char *name, const struct target **out);

/* The form of kernel sources on a target. */
struct dialect {
	const char *extension;             /* of templates: ".cpu.c"; without such a file, STEM.row.c is taken */
	const char *before[8], *behind[2]; /* files before and after the template; NULL ends the list */
	/* Adds the target's own #define lines. */
	void (*define)(const struct target *target, const struct variant *variant, struct text *text);
};
/* Adds the kernels of all variants of all launches. Equal sources give one kernel. */
enum ercc_status target_add_kernels(struct context *ctx, const struct target *target, const struct dialect *dialect,
                                    const struct plans *plans, struct target_plan *out);

/* The index of the kernel with that digest in the target's list. Adds the kernel if it is new. */
uint32_t target_add_kernel(struct context *ctx, struct target_plan *plan, const struct kernel *kernel,
                           const char *stem);

/* A template's chooser for GPUs. NULL if it has none, or no source for GPUs. */
choose_fn gpu_column(const struct kernel_template *template);
/* Adds the #define lines of GPU dialects: THREADS and ASYNC. */
void gpu_define(const struct target *target, const struct variant *variant, struct text *text);
bool template_exists(const char *name);
/* The text of a template: from --kernel-dir if set, else the embedded text. */
enum ercc_status template_text(struct context *ctx, const char *name, const char **text);

/* Compiles kernel sources to one shared object, through the kernel cache. */
enum ercc_status cc_build_image(struct context *ctx, const char *const *flags, int flag_count, struct kernel *kernels,
                                uint32_t count, const void **image, int64_t *bytes, const char **toolchain);

#endif
