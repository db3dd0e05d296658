/* Kernels that are a loop over independent rows, and windows over spatial dims: shared by pooling, reductions, softmax
 * and others. */
#ifndef ERCC_ROWS_H
#define ERCC_ROWS_H

#include "compiler/kernels/params.h"
#include "compiler/variants/variants.h"

/* A window over three spatial dims (d, h, w); missing leading dims are 1. */
struct window {
	int64_t in[3], out[3], kernel[3], stride[3], dilation[3], pad[3], pad_end[3];
};
/* Sets the number of rows and the window (WINDOW_PARAMS). */
void window_params(struct launch *launch, const struct window *window, int64_t planes);

/* Defines LOADk of the epilogue. Operand 0 of the expression is the kernel's own value; the others are the launch's
 * operands after its inputs. */
void define_epilogue(struct context *ctx, const struct launch *launch, struct variant *variant);
/* The chooser of row kernels: the number of rows per tile. Epilogues are those of the convolution kernel. */
enum ercc_status rows_cpu(struct context *ctx, const struct device *device, const struct launch *launch,
                          struct variant *variant);

/* The chooser for GPUs. `threads` threads share a row (a power of two, at most 256), and each needs `thread_bytes` of
 * local memory. The GPU's kernel may have other rows than the CPU's, so `count` is their number. */
struct gpu_rows {
	int64_t count, threads, thread_bytes;
};
enum ercc_status rows_gpu_shared(struct context *ctx, const struct device *device, const struct launch *launch,
                                 const struct gpu_rows *rows, struct variant *variant);
/* One thread per row. */
enum ercc_status rows_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                          struct variant *variant);
/* LINE threads per row (cuda_lines.h). `elements`: contiguous elements of a row, which decide how many threads are
 * worth it. */
enum ercc_status lines_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                           int64_t elements, struct variant *variant);
/* Whether lowering has set the define to this value. */
bool has_define(const struct launch *launch, const char *name, const char *value);
/* Adds a define. of_tile: it may differ between budgets. */
void define_number(struct context *ctx, struct variant *variant, bool of_tile, const char *name, int64_t value);
/* A number that a variant must have in common with the one that it is to be like; else `otherwise`. */
int64_t number_like(const struct variant *variant, const char *name, int64_t otherwise);
/* A number that may be for some sizes only, and one that is right for all. */
void define_special(struct context *ctx, struct variant *variant, const char *name, int64_t value, int64_t general);

extern const struct kernel_template contract_template, depthwise_template, gather_template, norm_template,
	pool_template, softmax_template;
/* Defined in rows_kernel.c. */
extern const struct kernel_template arg_template, cumulate_template, det_template, gather_elements_template,
	gather_nd_template, grid_sample_template, lrn_template, max_index_template, nms_template, nms_collect_template,
	nonzero_template, nonzero_count_template, pack_template, place_template, random_template, roi_align_template,
	same_size_template, scatter_template, scatter_nd_template, taps_template, topk_template, unique_template;

#endif
