/* Kernels that are a loop over independent rows, and windows over spatial dims: what pooling,
 * reductions, softmax and the like share. */
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

/* Adds LOADk of the epilogue: operand 0 of the expression is the kernel's own value, the others follow its inputs. */
void define_epilogue(struct context *ctx, const struct launch *launch, struct variant *variant);
/* The chooser of row kernels: how many rows a tile has. Epilogues as in conv. */
enum ercc_status rows_cpu(struct context *ctx, const struct device *device, const struct launch *launch,
                          struct variant *variant);

/* The same for GPUs. How rows are shared out: `threads` threads a row (a power of two, at most 256), and the local memory
 * that each needs. The kernel's rows may be others than the CPU's. */
struct gpu_rows {
	int64_t count, threads, thread_bytes;
};
enum ercc_status rows_gpu_shared(struct context *ctx, const struct device *device, const struct launch *launch,
                                 const struct gpu_rows *rows, struct variant *variant);
/* One thread a row. */
enum ercc_status rows_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                          struct variant *variant);
/* LINE threads a row, as many as `elements` of it that lie together are worth: cuda_lines.h. */
enum ercc_status lines_gpu(struct context *ctx, const struct device *device, const struct launch *launch,
                           int64_t elements, struct variant *variant);
/* Whether lowering has defined it so. */
bool has_define(const struct launch *launch, const char *name, const char *value);
/* Adds a define; of_tile: it may differ between budgets. */
void define_number(struct context *ctx, struct variant *variant, bool of_tile, const char *name, int64_t value);

extern const struct kernel_template depthwise_template, gather_template, norm_template, pool_template, softmax_template;
/* rows_kernel.c */
extern const struct kernel_template arg_template, cumulate_template, det_template, gather_elements_template,
	gather_nd_template, grid_sample_template, lrn_template, max_index_template, nms_template, nms_collect_template,
	nonzero_template, nonzero_count_template, pack_template, roi_align_template, scatter_template, scatter_nd_template,
	taps_template, topk_template, unique_template;

#endif
