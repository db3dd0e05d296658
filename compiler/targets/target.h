/* Compile targets: how launches get variants and how kernel sources become a code image. */
#ifndef ERCC_TARGET_H
#define ERCC_TARGET_H

#include "plan.h"

struct budget {
	const char *name;
	uint32_t units;         /* 0: all of the device */
	uint32_t share_permille;
	int64_t local_bytes;
};

struct kernel {
	const char *name;       /* template stem and content hash */
	uint8_t digest[32];     /* of the source */
	const char *source;
};

/* A plan made ready for one target. */
struct target_plan {
	const char *name;       /* "cpu:x86-64-v4" */
	uint32_t kind, level;   /* as in erca_target */
	const struct budget *budgets;
	uint32_t budget_count;
	struct variant *variants; /* [launch index * budget_count + budget] */
	struct kernel *kernels;
	uint32_t kernel_count;
	const void *code;       /* the image; NULL for a target without code */
	int64_t code_bytes;
	const char *toolchain;  /* "gcc 12.2.0" */
};

struct target {
	const char *name;       /* "cpu:x86-64-v4" */
	/* Fills everything but the name. done/total count kernels over all targets, for progress. */
	enum ercc_status (*build)(struct context *ctx, const struct target *target, struct plan *plan, struct target_plan *out);
	const void *level;      /* the target's own */
};

#define TARGET(name, stem, level) \
	extern const struct cpu_level level; \
	enum ercc_status stem##_build(struct context *ctx, const struct target *target, struct plan *plan, struct target_plan *out);
#include "targets.def"
#undef TARGET

extern const struct target targets[]; /* ends with a NULL name */

/* The target of that name or alias; reports an error when there is none. */
enum ercc_status target_find(struct context *ctx, const char *name, const struct target **out);

/* A template's text: from --kernel-dir, or the embedded one. */
enum ercc_status template_text(struct context *ctx, const char *name, const char **text);

/* Compiles kernel sources to one shared object, through the kernel cache. */
enum ercc_status cc_build_image(struct context *ctx, const char *const *flags, int flag_count, struct kernel *kernels,
                                uint32_t count, const void **image, int64_t *bytes, const char **toolchain);

#endif
