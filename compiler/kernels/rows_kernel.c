/* Kernel templates whose only choosers are those of rows.c. On a GPU each row has one thread. */
#include "compiler/kernels/rows.h"

const struct kernel_template arg_template = {.stem = "arg", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template cumulate_template = {.stem = "cumulate", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template det_template = {.stem = "det", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template gather_elements_template = {.stem = "gather_elements", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template gather_nd_template = {.stem = "gather_nd", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template grid_sample_template = {.stem = "grid_sample", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template lrn_template = {.stem = "lrn", .cpu = rows_cpu, .gpu = rows_gpu, .speed = 1};
const struct kernel_template max_index_template = {.stem = "max_index",
                                                   .cpu = rows_cpu,
                                                   .gpu = rows_gpu,
                                                   .speed = 0.07};
const struct kernel_template nms_template = {.stem = "nms", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template nms_collect_template = {.stem = "nms_collect", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template nonzero_template = {.stem = "nonzero", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template nonzero_count_template = {.stem = "nonzero_count", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template pack_template = {.stem = "pack", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template place_template = {.stem = "place", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template random_template = {.stem = "random", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template roi_align_template = {.stem = "roi_align", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template same_size_template = {.stem = "same_size", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template scatter_template = {.stem = "scatter", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template scatter_nd_template = {.stem = "scatter_nd", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template taps_template = {.stem = "taps", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template topk_template = {.stem = "topk", .cpu = rows_cpu, .gpu = rows_gpu};
const struct kernel_template unique_template = {.stem = "unique", .cpu = rows_cpu, .gpu = rows_gpu};
