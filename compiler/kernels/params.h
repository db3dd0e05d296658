/* Parameters of kernel templates, as STEM.params.def lists them. STEM_NAME is the index of a parameter in the params of
 * a launch or variant; GPU_STEM_NAME where the GPU's kernel has others. */
#ifndef ERCC_PARAMS_H
#define ERCC_PARAMS_H

#include "compiler/kernels/kernel_params.h"

/* Of all row kernels: ROWS_PER_TILE, which the chooser sets, and ROWS_TOTAL. */
#define PARAM(name) name,
enum { ROW_PARAMS };
#undef PARAM

/* Of row kernels with a window, after those. */
#define PARAM(name) WINDOW_##name,
enum { ROW_PARAMS WINDOW_PARAMS };
#undef PARAM

/* Of row kernels with lines. */
#define PARAM(name) LINE_##name,
enum { ROW_PARAMS LINE_PARAMS };
#undef PARAM

#define PARAM(name) ARG_##name,
enum {
#include "compiler/kernels/rows/arg.params.def"
};
#undef PARAM

#define PARAM(name) ATTENTION_##name,
enum {
#include "compiler/kernels/dense/attention.params.def"
};
#undef PARAM

#define PARAM(name) ATTENTION_SUM_##name,
enum {
#include "compiler/kernels/dense/attention_sum.params.def"
};
#undef PARAM

#define PARAM(name) CONTRACT_##name,
enum {
#include "compiler/kernels/rows/contract.params.def"
};
#undef PARAM

#define PARAM(name) CONV_##name,
#define CPU_PARAM(name) PARAM(name)
#define GPU_PARAM(name)
enum {
#include "compiler/kernels/dense/conv.params.def"
	CONV_PARAM_COUNT,
};
#undef PARAM
#undef CPU_PARAM
#undef GPU_PARAM

#define PARAM(name) GPU_CONV_##name,
#define CPU_PARAM(name)
#define GPU_PARAM(name) PARAM(name)
enum {
#include "compiler/kernels/dense/conv.params.def"
	GPU_CONV_PARAM_COUNT,
};
#undef PARAM
#undef CPU_PARAM
#undef GPU_PARAM

#define PARAM(name) CUMULATE_##name,
enum {
#include "compiler/kernels/rows/cumulate.params.def"
};
#undef PARAM

#define PARAM(name) DEPTHWISE_##name,
enum {
#include "compiler/kernels/dense/depthwise.params.def"
};
#undef PARAM

#define PARAM(name) DET_##name,
enum {
#include "compiler/kernels/rows/det.params.def"
};
#undef PARAM

#define PARAM(name) GATHER_##name,
enum {
#include "compiler/kernels/index/gather.params.def"
};
#undef PARAM

#define PARAM(name) GATHER_ELEMENTS_##name,
enum {
#include "compiler/kernels/index/gather_elements.params.def"
};
#undef PARAM

#define PARAM(name) GATHER_ND_##name,
enum {
#include "compiler/kernels/index/gather_nd.params.def"
};
#undef PARAM

#define PARAM(name) GRID_SAMPLE_##name,
enum {
#include "compiler/kernels/index/grid_sample.params.def"
};
#undef PARAM

#define PARAM(name) LRN_##name,
enum {
#include "compiler/kernels/rows/lrn.params.def"
};
#undef PARAM

#define PARAM(name) MAX_INDEX_##name,
enum {
#include "compiler/kernels/rows/max_index.params.def"
};
#undef PARAM

#define PARAM(name) NMS_##name,
enum {
#include "compiler/kernels/index/nms.params.def"
};
#undef PARAM

#define PARAM(name) NMS_COLLECT_##name,
enum {
#include "compiler/kernels/index/nms_collect.params.def"
};
#undef PARAM

#define PARAM(name) NONZERO_##name,
enum {
#include "compiler/kernels/index/nonzero.params.def"
};
#undef PARAM

#define PARAM(name) NONZERO_COUNT_##name,
enum {
#include "compiler/kernels/index/nonzero_count.params.def"
};
#undef PARAM

#define PARAM(name) NORM_##name,
enum {
#include "compiler/kernels/rows/norm.params.def"
};
#undef PARAM

#define PARAM(name) PACK_##name,
enum {
#include "compiler/kernels/index/pack.params.def"
};
#undef PARAM

#define PARAM(name) PLACE_##name,
enum {
#include "compiler/kernels/index/place.params.def"
};
#undef PARAM

#define PARAM(name) POINTWISE_##name,
#define CPU_PARAM(name) PARAM(name)
#define GPU_PARAM(name)
enum {
#include "compiler/kernels/dense/pointwise.params.def"
};
#undef PARAM
#undef CPU_PARAM
#undef GPU_PARAM

#define PARAM(name) GPU_POINTWISE_##name,
#define CPU_PARAM(name)
#define GPU_PARAM(name) PARAM(name)
enum {
#include "compiler/kernels/dense/pointwise.params.def"
};
#undef PARAM
#undef CPU_PARAM
#undef GPU_PARAM

#define PARAM(name) POOL_##name,
enum {
#include "compiler/kernels/rows/pool.params.def"
};
#undef PARAM

#define PARAM(name) RANDOM_##name,
enum {
#include "compiler/kernels/rows/random.params.def"
};
#undef PARAM

#define PARAM(name) REDUCE_##name,
enum {
#include "compiler/kernels/rows/reduce.params.def"
};
#undef PARAM

#define PARAM(name) ROI_ALIGN_##name,
enum {
#include "compiler/kernels/index/roi_align.params.def"
};
#undef PARAM

#define PARAM(name) SAME_SIZE_##name,
enum {
#include "compiler/kernels/index/same_size.params.def"
};
#undef PARAM

#define PARAM(name) SCATTER_##name,
enum {
#include "compiler/kernels/index/scatter.params.def"
};
#undef PARAM

#define PARAM(name) SCATTER_ND_##name,
enum {
#include "compiler/kernels/index/scatter_nd.params.def"
};
#undef PARAM

#define PARAM(name) SOFTMAX_##name,
enum {
#include "compiler/kernels/rows/softmax.params.def"
};
#undef PARAM

#define PARAM(name) TAPS_##name,
enum {
#include "compiler/kernels/index/taps.params.def"
};
#undef PARAM

#define PARAM(name) TOPK_##name,
enum {
#include "compiler/kernels/rows/topk.params.def"
};
#undef PARAM

#define PARAM(name) UNIQUE_##name,
enum {
#include "compiler/kernels/rows/unique.params.def"
};
#undef PARAM

#endif
